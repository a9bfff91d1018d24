"""The parts of a question that depend on what it is answered with, out of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from candor.conversation.evaluation import AnswerKind
from candor.scoring.model import (
    Band,
    CommentNeed,
    Critical,
    Figure,
    Good,
    Option,
    Question,
    Scale,
    ScaleMetric,
)
from candor.scoring.reading import fail
from candor.scoring.rule_loader import VALUED, RuleReader

MAX_OPTIONS = 50
MAX_STEPS = 100
_CHOICES = frozenset({AnswerKind.CHOICE, AnswerKind.MULTI_CHOICE})
_NEVER_SCORED = frozenset({AnswerKind.TEXT, AnswerKind.DATE})
QUESTION_FIELDS: dict[str, frozenset[str]] = {
    "question": frozenset(
        {
            "id", "text", "kind", "guidance", "weight", "scored", "critical", "comment", "na_allowed", "applies_when",
            "rule", "options", "scale", "number", "skills",
        }
    ),
    "applies_when": frozenset(
        {"direction", "category", "finding", "metric", "rule", "answer", "media", "queues", "places"}
    ),
    "answer": frozenset({"question", "is", "at_least", "at_most"}),
    "options": frozenset({"id", "label", "share", "fails", "rule"}),
    "scale": frozenset({"low", "high", "low_label", "high_label", "good", "fails_at", "metric", "low_at", "high_at"}),
    "number": frozenset({"unit", "least", "most", "metric", "bands"}),
    "bands": frozenset({"below", "share", "fails"}),
}  # fmt: skip


class QuestionReader(RuleReader):
    """Reads options, scales and figures."""

    def answer_parts(self, kind: AnswerKind, fields: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Keyword arguments for ``Question``: what it is answered with, and whether that is scored."""
        wanted = {AnswerKind.RANGE: "scale", AnswerKind.NUMBER: "number"} | dict.fromkeys(_CHOICES, "options")
        for name in ("options", "scale", "number"):
            if name in fields and wanted.get(kind) != name:
                raise fail(f"{place}.{name}", f'belongs to another kind of question than "{kind.value}"')
        if kind in wanted and kind is not AnswerKind.NUMBER and wanted[kind] not in fields:
            raise fail(place, f'lacks the field "{wanted[kind]}"')
        parts: dict[str, Any] = {}
        if kind in _CHOICES:
            parts["options"] = self._options(fields["options"], f"{place}.options", kind)
        elif kind is AnswerKind.RANGE:
            parts["scale"] = self._scale(fields["scale"], f"{place}.scale")
        elif kind is AnswerKind.NUMBER:
            parts["figure"] = self._figure(fields.get("number", {}), f"{place}.number")
        unscored = kind in _NEVER_SCORED or (kind is AnswerKind.NUMBER and not parts["figure"].bands)
        scored = self.truth(fields.get("scored", not unscored), f"{place}.scored")
        if scored and unscored:
            what = "a number without bands" if kind is AnswerKind.NUMBER else f"an answer of kind {kind.value}"
            raise fail(f"{place}.scored", f"{what} cannot be scored")
        return parts | {"scored": scored}

    def check_question(self, question: Question, place: str) -> None:
        """What only shows when all parts of a question are there."""
        if question.rule is not None and question.kind is not AnswerKind.YES_NO and not self.valued(question):
            raise fail(
                f"{place}.rule", f"answers yes or no; a question of kind {question.kind.value} needs other rules"
            )
        if question.comment is CommentNeed.ON_LOSS and not question.scored:
            raise fail(f"{place}.comment", "on_loss has a meaning only where points can be lost")
        if question.critical is not Critical.NONE and not _can_fail(question):
            raise fail(f"{place}.critical", "no answer to it fails; say which does (fails, or fails_at for a range)")
        if question.scored:
            self._check_shares(question, place)

    @staticmethod
    def _check_shares(question: Question, place: str) -> None:
        shares = [option.share for option in question.options] or [b.share for b in _bands(question)]
        if question.kind is AnswerKind.MULTI_CHOICE:
            gains = sum(value for value in shares if value > 0)
            if any(value > 0 for value in shares) and gains < 1 - 1e-9:
                raise fail(f"{place}.options", f"even all of them earn only {gains:.0%} of the points; make it 100 %")
            if not any(shares):
                raise fail(f"{place}.options", "no option changes the score; give shares, or say scored: false")
        elif shares:
            if max(shares) < 1:
                raise fail(place, f"no answer earns the full points, the best one {max(shares):.0%} of them")
            if min(shares) >= 1:
                raise fail(place, "every answer earns the full points; give lower shares, or say scored: false")

    @staticmethod
    def valued(question: Question) -> bool:
        """Whether the question's rule gives a value of the question's kind instead of yes or no."""
        return type(question.rule).__name__.lower() in VALUED

    def _options(self, data: Any, place: str, kind: AnswerKind) -> tuple[Option, ...]:
        items = self.items(data, place)
        if not 2 - (kind is AnswerKind.MULTI_CHOICE) <= len(items) <= MAX_OPTIONS:
            raise fail(place, f"a choice is between 2 to {MAX_OPTIONS} options")
        least = -1.0 if kind is AnswerKind.MULTI_CHOICE else 0.0
        options = tuple(self._option(item, f"{place}[{i}]", least) for i, item in enumerate(items, 1))
        for i, option in enumerate(options):
            if option.id in [other.id for other in options[:i]]:
                raise fail(place, f'the option id "{option.id}" is used twice')
        without = [option.id for option in options if option.rule is None]
        allowed = 1 if kind is AnswerKind.CHOICE else 0
        if allowed < len(without) < len(options):
            names = ", ".join(f'"{name}"' for name in without)
            only = "at most one may go without, as the one that is left over" if allowed else "none may go without"
            raise fail(place, f"some options have a rule, {names} have none; where there are rules {only}")
        return options

    def _option(self, data: Any, place: str, least: float) -> Option:
        fields = self.fields(data, place, "options", required=("id", "label"))
        # YAML reads a bare yes or no as a truth value: as an id it is meant as the word.
        name = fields["id"]
        return Option(
            id=self.id({True: "yes", False: "no"}[name] if isinstance(name, bool) else name, f"{place}.id"),
            label=self.text(fields["label"], f"{place}.label"),
            share=self.number(fields.get("share", 0), f"{place}.share", least=least, most=1),
            fails=self.truth(fields.get("fails", False), f"{place}.fails"),
            rule=self.rule(fields["rule"], f"{place}.rule", 0) if "rule" in fields else None,
        )

    def _scale(self, data: Any, place: str) -> Scale:
        fields = self.fields(data, place, "scale", required=("low", "high"))
        low = self.integer(fields["low"], f"{place}.low", least=-MAX_STEPS)
        high = self.integer(fields["high"], f"{place}.high", least=-MAX_STEPS)
        if not low < high <= low + MAX_STEPS:
            raise fail(place, f"high must be above low, by at most {MAX_STEPS}")
        fails_at = self.integer(fields["fails_at"], f"{place}.fails_at", least=low) if "fails_at" in fields else None
        if fails_at is not None and fails_at > high:
            raise fail(f"{place}.fails_at", f"must be from {low} to {high}")
        good = self.choice(Good, fields.get("good", "high"), f"{place}.good")
        if fails_at is not None and fails_at == (high if good is Good.HIGH else low):
            raise fail(f"{place}.fails_at", "even the best answer would fail")
        metric = None
        if any(name in fields for name in ("metric", "low_at", "high_at")):
            for name in ("metric", "low_at", "high_at"):
                if name not in fields:
                    raise fail(place, f'metric, low_at and high_at go together; "{name}" is missing')
            metric = ScaleMetric(
                name=self.metric_name(fields["metric"], f"{place}.metric"),
                low_at=self.number(fields["low_at"], f"{place}.low_at"),
                high_at=self.number(fields["high_at"], f"{place}.high_at"),
            )
            if metric.low_at == metric.high_at:
                raise fail(f"{place}.high_at", "must differ from low_at")
        return Scale(
            low=low,
            high=high,
            low_label=self.text(fields["low_label"], f"{place}.low_label") if "low_label" in fields else "",
            high_label=self.text(fields["high_label"], f"{place}.high_label") if "high_label" in fields else "",
            good=good,
            fails_at=fails_at,
            metric=metric,
        )

    def _figure(self, data: Any, place: str) -> Figure:
        fields = self.fields(data, place, "number", required=())
        least = self.number(fields["least"], f"{place}.least") if "least" in fields else None
        most = self.number(fields["most"], f"{place}.most") if "most" in fields else None
        if least is not None and most is not None and least >= most:
            raise fail(f"{place}.most", "must be more than least")
        items = self.items(fields["bands"], f"{place}.bands") if "bands" in fields else []
        bands = tuple(self._band(item, f"{place}.bands[{i}]") for i, item in enumerate(items, 1))
        ends = [band.below for band in bands]
        if bands and (ends[-1] is not None or None in ends[:-1]):
            raise fail(f"{place}.bands", 'every band but the last needs "below", and the last has none')
        limits = [end for end in ends if end is not None]
        if limits != sorted(set(limits)):
            raise fail(f"{place}.bands", "must be in order, each below more than the one before")
        return Figure(
            unit=self.text(fields["unit"], f"{place}.unit", most=40) if "unit" in fields else "",
            least=least,
            most=most,
            metric=self.metric_name(fields["metric"], f"{place}.metric") if "metric" in fields else None,
            bands=bands,
        )

    def _band(self, data: Any, place: str) -> Band:
        fields = self.fields(data, place, "bands", required=("share",))
        return Band(
            below=self.number(fields["below"], f"{place}.below") if "below" in fields else None,
            share=self.number(fields["share"], f"{place}.share", least=0, most=1),
            fails=self.truth(fields.get("fails", False), f"{place}.fails"),
        )


def _bands(question: Question) -> tuple[Band, ...]:
    return question.figure.bands if question.figure is not None else ()


def _can_fail(question: Question) -> bool:
    return (
        question.kind is AnswerKind.YES_NO
        or any(option.fails for option in question.options)
        or (question.scale is not None and question.scale.fails_at is not None)
        or any(band.fails for band in _bands(question))
    )
