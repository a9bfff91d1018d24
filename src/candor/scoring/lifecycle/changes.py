"""What differs between two versions of a scorecard, in words that say what it means for scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from candor.conversation.evaluation import AnswerKind
from candor.scoring.model import Question, Scorecard, Section


class Sort(StrEnum):
    """What happened to a part."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference."""

    sort: Sort
    part: str
    """The question's or section's id; empty: the scorecard itself."""
    title: str
    what: str = ""
    """For changed ones: what of it, with both values."""

    def __str__(self) -> str:
        name = f'"{self.title}" ({self.part})' if self.part else "The scorecard"
        return f"{name}: {self.what}" if self.sort is Sort.CHANGED else f"{name} was {self.sort.value}"


_OF_SCORECARD = ("title", "pass_mark", "floor", "weights", "languages", "media", "queues", "segments")
_OF_SECTION = ("title", "weight", "bonus")
_OF_QUESTION = ("text", "weight", "critical", "comment", "na_allowed", "scored", "guidance")
_WORDS = {"pass_mark": "pass mark", "floor": "confidence floor", "na_allowed": "n/a allowed", "text": "wording"}


def changes(old: Scorecard | None, new: Scorecard) -> tuple[Change, ...]:
    """From the one to the other; from nothing, one line that says so."""
    if old is None:
        count = len(new.questions)
        return (Change(sort=Sort.ADDED, part=new.id, title=new.title, what=f"{count} questions"),)
    return (
        *_differ(old, new, "", new.title, _OF_SCORECARD),
        *_sections(old, new),
        *_questions(old, new),
    )


def _sections(old: Scorecard, new: Scorecard) -> Iterator[Change]:
    before, after = {each.id: each for each in old.walk()}, {each.id: each for each in new.walk()}
    for name, section in before.items():
        if name not in after:
            yield Change(sort=Sort.REMOVED, part=name, title=section.title)
    for name, section in after.items():
        if name not in before:
            yield Change(sort=Sort.ADDED, part=name, title=section.title)
        else:
            yield from _differ(before[name], section, name, section.title, _OF_SECTION)


def _questions(old: Scorecard, new: Scorecard) -> Iterator[Change]:
    before, after = {each.id: each for each in old.questions}, {each.id: each for each in new.questions}
    homes_before, homes_after = _homes(old), _homes(new)
    for name, question in before.items():
        if name not in after:
            yield Change(sort=Sort.REMOVED, part=name, title=question.text)
    for name, question in after.items():
        if name not in before:
            yield Change(sort=Sort.ADDED, part=name, title=question.text)
            continue
        earlier = before[name]
        if homes_before[name] != homes_after[name]:
            yield Change(sort=Sort.MOVED, part=name, title=question.text)
        yield from _differ(earlier, question, name, question.text, _OF_QUESTION)
        yield from _how_answered(earlier, question)


def _homes(scorecard: Scorecard) -> dict[str, str]:
    return {question.id: section.id for section in scorecard.walk() for question in section.questions}


def _how_answered(old: Question, new: Question) -> Iterator[Change]:
    def says(what: str) -> Change:
        return Change(sort=Sort.CHANGED, part=new.id, title=new.text, what=what)

    if old.kind is not new.kind:
        yield says(f"is answered with {_kind(new.kind)} instead of {_kind(old.kind)}")
    elif (old.options, old.scale, old.figure) != (new.options, new.scale, new.figure):
        yield says("other options, scale or bands")
    if old.applies_when != new.applies_when:
        yield says("is asked under another condition")
    if old.rule != new.rule:
        yield says(
            "gets a rule"
            if old.rule is None
            else "loses its rule"
            if new.rule is None
            else "is answered by another rule"
        )


def _kind(kind: AnswerKind) -> str:
    return "yes or no" if kind is AnswerKind.YES_NO else kind.value.replace("_", " ")


def _differ(
    old: Scorecard | Section | Question, new: Scorecard | Section | Question, part: str, title: str,
    names: tuple[str, ...],
) -> Iterator[Change]:  # fmt: skip
    for name in names:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            label = _WORDS.get(name, name)
            what = f"other {label}" if name == "guidance" else f"{label} {_say(before)} → {_say(after)}"
            yield Change(sort=Sort.CHANGED, part=part, title=title, what=what)


def _say(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value) or "all"
    return f"{value:g}" if isinstance(value, float) else str(value)
