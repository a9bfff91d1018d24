"""A scorecard out of YAML: read strictly; every complaint names its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from candor.conversation.evaluation import AnswerKind
from candor.conversation.model import Direction, Medium
from candor.errors import TooLarge
from candor.scoring.conditions import cycle, nowhere, unreachable
from candor.scoring.model import (
    AnswerIs,
    CommentNeed,
    Condition,
    Critical,
    Question,
    Scorecard,
    Section,
    Segments,
    Weights,
)
from candor.scoring.question_loader import QUESTION_FIELDS, QuestionReader
from candor.scoring.reading import StrictLoader, fail
from candor.scoring.rule_loader import MAX_DEPTH, MAX_RULES, RULE_FIELDS, RULE_KINDS, RULE_PARTS
from candor.scoring.vocabulary import DEFAULT, Vocabulary

__all__ = ["FIELDS", "MAX_BYTES", "MAX_DEPTH", "MAX_QUESTIONS", "MAX_RULES", "RULE_KINDS", "load_scorecard"]

MAX_BYTES = 262_144
MAX_QUESTIONS = 200
MAX_SECTION_DEPTH = 4
_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_PLACE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
FIELDS: dict[str, frozenset[str]] = {
    "scorecard": frozenset(
        {
            "id", "version", "title", "languages", "pass_mark", "floor", "weights", "media", "queues", "segments",
            "sections", "definitions",
        }
    ),
    "section": frozenset({"id", "title", "weight", "bonus", "questions", "sections"}),
    **QUESTION_FIELDS,
    **RULE_FIELDS,
    **RULE_PARTS,
}  # fmt: skip
"""Which fields each mapping may hold."""


def load_scorecard(text: str, vocabulary: Vocabulary | None = DEFAULT) -> Scorecard:
    """Read and check a scorecard; raises InvalidInput with a sentence that names the place, TooLarge over 256 KB.

    Without a ``vocabulary`` any metric, category and finding may be named, and rules are not searched for constant
    ones: for versions that were taken in earlier.
    """
    return read_scorecard(read_yaml(text), vocabulary)


def read_yaml(text: str) -> Any:
    """The file as plain data, aliases written out; raises InvalidInput, TooLarge over 256 KB."""
    if len(text.encode()) > MAX_BYTES:
        raise TooLarge(f"A scorecard is at most {MAX_BYTES:,} bytes of YAML.", code="scorecard.too_large")
    try:
        return yaml.load(text, Loader=StrictLoader)  # noqa: S506  a SafeLoader that is stricter still
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise fail("Scorecard", f"is not valid YAML ({error.problem}{line})") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise fail("Scorecard", "is not valid YAML") from error


def read_scorecard(data: Any, vocabulary: Vocabulary | None = DEFAULT) -> Scorecard:
    """As :func:`load_scorecard`, from plain data: what a YAML file reads as."""
    return _Reader(vocabulary, FIELDS).scorecard(data)


def read_question(data: Any, vocabulary: Vocabulary | None = DEFAULT) -> Question:
    """One question by itself, from plain data; raises InvalidInput. What it rests on is not looked for."""
    return _Reader(vocabulary, FIELDS).question(data, "Question")


class _Reader(QuestionReader):
    """Walks the parsed YAML once; ``place`` is the path shown to the author."""

    def scorecard(self, data: Any) -> Scorecard:
        place = "Scorecard"
        fields = self.fields(data, place, "scorecard", required=("id", "version", "title", "sections"))
        version = self.integer(fields["version"], f"{place}.version", least=1)
        sections = self.items(fields["sections"], "Scorecard.sections")
        languages = self.strings(fields.get("languages", ["en"]), f"{place}.languages")
        for tag in languages:
            if not _TAG.fullmatch(tag):
                raise fail(f"{place}.languages", f'"{tag}" is not a language tag such as "en" or "en-GB"')
        built = Scorecard(
            id=self.id(fields["id"], f"{place}.id"),
            version=version,
            title=self.text(fields["title"], f"{place}.title"),
            languages=languages,
            pass_mark=self.number(fields.get("pass_mark", 70), f"{place}.pass_mark", least=0, most=100),
            floor=self.number(fields.get("floor", 0.4), f"{place}.floor", least=0, most=1),
            weights=self.choice(Weights, fields.get("weights", "points"), f"{place}.weights"),
            media=tuple(
                self.choice(Medium, item, f"{place}.media")
                for item in self.listed(fields.get("media", []), f"{place}.media")
            ),
            queues=self.strings(fields.get("queues", []), f"{place}.queues", empty=True),
            segments=self.choice(Segments, fields.get("segments", "whole"), f"{place}.segments"),
            sections=tuple(self._section(item, f"Section {i}", 1) for i, item in enumerate(sections, 1)),
        )
        self._whole(built)
        return built

    def _whole(self, card: Scorecard) -> None:
        """What can only be seen with everything read."""
        self.unique([section.id for section in card.walk()], "section")
        self.unique([question.id for question in card.questions], "question")
        if len(card.questions) > MAX_QUESTIONS:
            raise fail("Scorecard", f"has {len(card.questions)} questions, more than {MAX_QUESTIONS}")
        if all(section.bonus for section in card.sections):
            raise fail("Scorecard.sections", "are all bonus sections; at least one must count from the start")
        self._bonus(card)
        if card.weights is Weights.PERCENT:
            regular = [section.weight for section in card.sections if not section.bonus]
            _sums_to_100(regular, "Scorecard", "sections")
            for section in card.walk():
                inner = [question.weight for question in section.questions if question.scored]
                inner += [part.weight for part in section.sections]
                if inner:
                    _sums_to_100(inner, f'Section "{section.title}"', "parts" if section.sections else "questions")
        self._references(card)

    @staticmethod
    def _bonus(card: Scorecard) -> None:
        for section in card.walk():
            if section.bonus and section not in card.sections:
                raise fail(f'Section "{section.title}".bonus', "only a section at the top can be a bonus")
            for part in section.walk() if section.bonus else ():
                for question in part.questions:
                    if question.critical is not Critical.NONE:
                        raise fail(f'Question "{question.id}".critical', "a question in a bonus section can only add")

    def _references(self, card: Scorecard) -> None:
        """Conditions on other answers: known, fitting, without a circle, and possible."""
        for question in card.questions:
            for wanted in question.applies_when.answers:
                place = f'Question "{question.id}".applies_when.answer'
                other = card.question(wanted.question)
                if other is None:
                    raise fail(place, f'there is no question "{wanted.question}"')
                _fits(wanted, other, place)
        circle = cycle(card)
        if circle:
            path = " → ".join(f'"{name}"' for name in circle)
            raise fail(f'Question "{circle[0]}".applies_when', f"the conditions go round in a circle: {path}")
        # Versions that were taken in before this was looked for are read as they are.
        never = unreachable(card) or (nowhere(card) if self.vocabulary is not None else None)
        if never:
            raise fail(f'Question "{never[0]}".applies_when', f"the question can never be asked: {never[1]}")

    def _section(self, data: Any, place: str, depth: int) -> Section:
        fields = self.fields(data, place, "section", required=("title", "weight"))
        title = self.text(fields["title"], f"{place}.title")
        number = place.rsplit(" ", 1)[-1]
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or f"section-{number}"
        place = f'{place} "{title}"'
        if depth > MAX_SECTION_DEPTH:
            raise fail(place, f"sections are nested deeper than {MAX_SECTION_DEPTH}")
        if "questions" not in fields and "sections" not in fields:
            raise fail(place, "needs questions or sections")
        questions = self.items(fields["questions"], f"{place}.questions") if "questions" in fields else []
        sections = self.items(fields["sections"], f"{place}.sections") if "sections" in fields else []
        return Section(
            id=self.id(fields.get("id", slug), f"{place}.id"),
            title=title,
            weight=self.weight(fields["weight"], f"{place}.weight"),
            bonus=self.truth(fields.get("bonus", False), f"{place}.bonus"),
            questions=tuple(self.question(item, f"{place}, question {i}") for i, item in enumerate(questions, 1)),
            sections=tuple(
                self._section(item, f"{place}, section {i}", depth + 1) for i, item in enumerate(sections, 1)
            ),
        )

    def question(self, data: Any, place: str) -> Question:
        fields = self.fields(data, place, "question", required=("id", "text"))
        name = self.id(fields["id"], f"{place}.id")
        place = f'Question "{name}"'
        kind = self.choice(AnswerKind, fields.get("kind", "yes_no"), f"{place}.kind")
        question = Question(
            id=name,
            text=self.text(fields["text"], f"{place}.text"),
            kind=kind,
            guidance=self.text(fields["guidance"], f"{place}.guidance", most=4000) if "guidance" in fields else "",
            weight=self.weight(fields.get("weight", 1), f"{place}.weight"),
            critical=self.choice(Critical, fields.get("critical", "none"), f"{place}.critical"),
            comment=self.choice(CommentNeed, fields.get("comment", "optional"), f"{place}.comment"),
            na_allowed=self.truth(fields.get("na_allowed", True), f"{place}.na_allowed"),
            applies_when=self._condition(fields.get("applies_when", {}), f"{place}.applies_when"),
            skills=self.strings(fields.get("skills", []), f"{place}.skills", empty=True),
            rule=self.rule(fields["rule"], f"{place}.rule", 0) if "rule" in fields else None,
            **self.answer_parts(kind, fields, place),
        )
        self.check_question(question, place)
        return question

    def _condition(self, data: Any, place: str) -> Condition:
        fields = self.fields(data, place, "applies_when", required=())
        answers = fields.get("answer", [])
        return Condition(
            directions=tuple(
                self.choice(Direction, item, f"{place}.direction")
                for item in self.listed(fields.get("direction", []), f"{place}.direction")
            ),
            category=self.category_name(fields["category"], f"{place}.category") if "category" in fields else None,
            finding=self.finding_kind(fields["finding"], f"{place}.finding") if "finding" in fields else None,
            metric=self._metric(fields["metric"], f"{place}.metric") if "metric" in fields else None,
            rule=self.rule(fields["rule"], f"{place}.rule", 0) if "rule" in fields else None,
            answers=tuple(
                self._answer_is(item, f"{place}.answer")
                for item in ([answers] if isinstance(answers, Mapping) else self._some(answers, f"{place}.answer"))
            ),
            media=tuple(
                self.choice(Medium, item, f"{place}.media")
                for item in self.listed(fields.get("media", []), f"{place}.media")
            ),
            queues=self.strings(fields.get("queues", []), f"{place}.queues", empty=True),
            places=self._places(fields.get("places", []), f"{place}.places"),
        )

    def _places(self, data: Any, place: str) -> tuple[str, ...]:
        names = self.strings(data, place, empty=True)
        for name in names:
            if not _PLACE.fullmatch(name):
                raise fail(place, f'"{name}" is no place of the rule pack, such as "DE" or "US-CA"')
        return names

    def _some(self, data: Any, place: str) -> list[Any]:
        return [] if data == [] else self.items(data, place)

    def _answer_is(self, data: Any, place: str) -> AnswerIs:
        fields = self.fields(data, place, "answer", required=("question",))
        listed = fields.get("is", [])
        return AnswerIs(
            question=self.id(fields["question"], f"{place}.question"),
            one_of=tuple(
                # YAML reads a bare yes or no as a truth value.
                {True: "yes", False: "no"}[item] if isinstance(item, bool) else self.text(item, f"{place}.is")
                for item in (listed if isinstance(listed, list) else [listed])
            ),
            at_least=self.number(fields["at_least"], f"{place}.at_least") if "at_least" in fields else None,
            at_most=self.number(fields["at_most"], f"{place}.at_most") if "at_most" in fields else None,
        )


def _fits(wanted: AnswerIs, other: Question, place: str) -> None:
    """Whether the other question can be answered that way at all."""
    bounds = wanted.at_least is not None or wanted.at_most is not None
    match other.kind:
        case AnswerKind.TEXT | AnswerKind.DATE:
            raise fail(place, f'"{other.id}" is answered with words or a date, on which nothing can depend')
        case AnswerKind.RANGE | AnswerKind.NUMBER:
            if wanted.one_of or not bounds:
                raise fail(place, f'"{other.id}" is a number: say at_least, at_most or both')
        case _:
            known = [option.id for option in other.options] or ["yes", "no"]
            if bounds or not wanted.one_of:
                raise fail(place, f'say with "is" which answers of "{other.id}" count: ' + ", ".join(known))
            for value in wanted.one_of:
                if value not in known:
                    raise fail(f"{place}.is", f'"{other.id}" cannot be answered "{value}", only ' + ", ".join(known))


def _sums_to_100(weights: Sequence[float], place: str, what: str) -> None:
    total = sum(weights)
    if abs(total - 100) > 0.01:
        raise fail(place, f"the weights of its {what} sum to {total:.10g} %, not to 100 %")
