"""The residual check: what a recogniser still makes out in a masked rendition, counted.

Masks stand where the first recognition put the words. The rendition is recognised once more, around every mask, where
the sound about it has changed: a recogniser that was misled by a number no longer is, and digits beside a mask come
out. What is found is masked as well, and the rendition is listened to again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from candor.conversation.model import Role
from candor.conversation.transcript import PiiKind, PiiSpan, Transcript
from candor.kit.sound import Samples, SoundSource
from candor.redaction.service import Redactor
from candor.redaction.sound import MaskedSound

AROUND = 8.0
"""Seconds beside a mask that are listened to."""
MOSTLY = 0.75
"""Share of the call from which on all of it is listened to at once."""
ROUNDS = 2
"""How often a rendition is masked again before it is set aside."""
_INSIDE = 0.7
_SURE = 0.5
"""A guess below this is counted, and masked only when it is a number."""
Times = Sequence[tuple[float, float]]


class Listener(Protocol):
    """Recognises sound once more."""

    def transcribe(
        self, sound: SoundSource, *, language: str | None = None, roles: Mapping[int, Role] | None = None
    ) -> Transcript:
        """What is said in ``sound``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """What the check found, without any of it."""

    seconds: float
    """Of sound that were recognised again, all rounds together."""
    found: dict[str, int] = field(default_factory=dict)
    """By kind, what the first listening made out."""
    rounds: int = 0
    """How often it was masked again."""
    left: int = 0
    """What is still made out in the rendition as it is kept; more than none, and it is set aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The masks of a rendition after the check."""

    times: tuple[tuple[float, float], ...]
    residue: Residue
    never_stored: tuple[tuple[float, float], ...] = ()
    """Stretches among them in which a card verification code was found."""


class _Part:
    """A stretch of sound as sound of its own."""

    def __init__(self, source: SoundSource, start: float, end: float) -> None:
        self._source = source
        self._first = max(int(start * source.rate), 0)
        self.rate, self.channels = source.rate, source.channels
        self.frames = max(min(int(end * source.rate), source.frames) - self._first, 0)

    def window(self, start: int, stop: int) -> Samples:
        return self._source.window(self._first + max(start, 0), self._first + min(stop, self.frames))


def check(
    source: SoundSource, times: Times, listener: Listener, redactor: Redactor, *, tone: bool = True,
    everything: bool = False, known_names: Sequence[str] = (), language: str | None = None,
    roles: Mapping[int, Role] | None = None,
) -> Checked:  # fmt: skip
    """Listen to ``source`` as it will be masked at ``times``, mask what is still made out, and listen again.

    ``everything``: the whole call instead of what lies around the masks. Where nothing is masked and not everything is
    asked for, there is nothing to listen to.
    """
    masks, codes = [*times], []
    first: dict[str, int] | None = None
    seconds, left, rounds = 0.0, 0, 0
    wanted = None
    while True:
        masked = MaskedSound(source, masks, tone=tone)
        parts = _parts(masks if wanted is None else wanted, source.frames / source.rate, everything and wanted is None)
        seconds += sum(end - start for start, end in parts)
        spans = [
            span
            for start, end in parts
            for span in _heard(_Part(masked, start, end), start, listener, redactor, known_names, language, roles)
            if not _covered(span, masks)
        ]
        first = dict(Counter(span.kind.value for span in spans)) if first is None else first
        again = [span for span in spans if span.confidence >= _SURE or span.kind in _NUMBERS]
        left = len(again)
        if not again or rounds == ROUNDS:
            break
        rounds += 1
        wanted = [(span.start, span.end) for span in again]
        masks += wanted
        codes += [(span.start, span.end) for span in again if span.kind is PiiKind.CVV]
    residue = Residue(seconds=round(seconds, 1), found=first, rounds=rounds, left=left)
    return Checked(times=tuple(sorted(masks)), residue=residue, never_stored=tuple(codes))


_NUMBERS = frozenset(
    {PiiKind.CARD, PiiKind.CVV, PiiKind.ACCOUNT, PiiKind.PHONE, PiiKind.NATIONAL_ID, PiiKind.NUMBER, PiiKind.IBAN}
)


def _parts(times: Times, duration: float, everything: bool) -> list[tuple[float, float]]:
    if everything:
        return [(0.0, duration)] if duration else []
    joined: list[tuple[float, float]] = []
    for start, end in sorted(times):
        start, end = max(start - AROUND, 0.0), min(end + AROUND, duration)  # noqa: PLW2901
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif end > start:
            joined.append((start, end))
    return [(0.0, duration)] if sum(b - a for a, b in joined) > MOSTLY * duration else joined


def _heard(
    part: _Part, offset: float, listener: Listener, redactor: Redactor, known_names: Sequence[str],
    language: str | None, roles: Mapping[int, Role] | None,
) -> list[PiiSpan]:  # fmt: skip
    """What is found in a part, with its times in the call."""
    spans = redactor.redact(listener.transcribe(part, language=language, roles=roles), known_names).spans
    return [replace(span, start=span.start + offset, end=span.end + offset) for span in spans if span.end > span.start]


def _covered(span: PiiSpan, masks: Times) -> bool:
    """Whether nearly all of it is masked already: a recogniser makes words of tones, too."""
    covered = sum(max(min(end, span.end) - max(start, span.start), 0.0) for start, end in masks)
    return covered >= _INSIDE * (span.end - span.start)
