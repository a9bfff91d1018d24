# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Secrets that prove identity, said after their name: passwords, PINs, one-time codes, security answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.codes import spelled
from candor.redaction.context import Cue
from candor.redaction.lexicon import Trait
from candor.redaction.ports import Match

_IS = frozenset({"is", "was", "it's", "its", ":", "are", "as", "that's", "uh", "um"})
_LONGEST = 4


class PasswordDetector:
    """ "The password is blue elephant": what follows "is", or a value that is clearly a code right after the cue."""

    def find(self, call: Call) -> Iterable[Match]:
        for line in call.lines:
            for cue in line.cues:
                if cue.kind == PiiKind.PASSWORD:
                    yield from _value(call, line, cue)


def _value(call: Call, line: Line, cue: Cue) -> Iterator[Match]:
    start = cue.last + 1
    stated = False
    while (
        start < line.stop
        and start - cue.last <= 5
        and (call.norms[start] in _IS or call.norms[start] in {"for", "my", "account", "the", "question"})
    ):
        stated = stated or call.norms[start] in _IS
        start += 1
    if start >= line.stop:
        return
    end = start
    while end < line.stop and end - start < _LONGEST and _part(call, end, stated=stated):
        end += 1
        if call.texts[end - 1][-1] in ".,?!;":
            break
    if end > start and not (stated and line.question and not _coded(call, start, end)):
        value = "".join(spelled(call, i) or call.norms[i] for i in range(start, end))
        yield Match(kind=PiiKind.PASSWORD, pieces=((start, end - 1),), value=value, rule="secret.cue", confidence=0.86)


_COMPLAINTS = frozenset(
    "incorrect invalid expired blocked locked required reset resetting wrong missing different denied declined accepted secure safe unique valid temporary being showing rejected".split()
)


def _part(call: Call, place: int, *, stated: bool) -> bool:
    traits = call.traits[place]
    if traits & Trait.PLACEHOLDER or not call.norms[place] or call.norms[place] in _COMPLAINTS:
        return False
    if traits & (Trait.NUMBER | Trait.MIXED | Trait.LETTER) and call.norms[place] not in {"a", "i"}:
        return True
    participle = bool(traits & Trait.WORD) and call.norms[place].endswith(("ed", "ing"))
    return stated and not participle and not traits & (Trait.PLAIN | Trait.FILLER)


def _coded(call: Call, start: int, end: int) -> bool:
    return any(call.traits[i] & (Trait.NUMBER | Trait.MIXED) for i in range(start, end))
