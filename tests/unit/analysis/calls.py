"""Transcripts with exact times, written as lines."""

from __future__ import annotations

from collections.abc import Sequence

from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance, Word

Line = tuple[str, float, float, str]
"""Who (A, C or S), start, end, text; the words share the time evenly."""


def call(
    lines: Sequence[Line],
    *,
    duration: float | None = None,
    split: SpeakerSplit = SpeakerSplit.CHANNEL,
    roles: Sequence[Role] = (Role.AGENT, Role.CUSTOMER, Role.SYSTEM),
    words: bool = True,
) -> Transcript:
    """A transcript of the lines."""
    utterances: list[Utterance] = []
    for who, start, end, text in sorted(lines, key=lambda line: line[1]):
        pieces = text.split()
        step = (end - start) / max(1, len(pieces))
        times = [(start + i * step, start + (i + 1) * step) for i in range(len(pieces))]
        utterances.append(
            Utterance(
                index=len(utterances),
                speaker="ACS".index(who),
                start=start,
                end=end,
                text=" ".join(pieces),
                words=tuple(
                    Word(text=piece, start=s, end=e, confidence=0.9)
                    for piece, (s, e) in zip(pieces, times, strict=True)
                )
                if words
                else (),
            )
        )
    last = max((utterance.end for utterance in utterances), default=0.0)
    return Transcript(
        engine="test",
        model="test",
        version="1",
        language="en",
        duration=last if duration is None else duration,
        speakers=tuple(Speaker(role=role, channel=place) for place, role in enumerate(roles)),
        split=split,
        utterances=tuple(utterances),
    )


def spoken(text: str) -> Transcript:
    """``A: …`` and ``C: …`` a line; half a second a word, half a second between turns."""
    at, lines = 0.0, []
    for raw in filter(None, (line.strip() for line in text.splitlines())):
        who, said = raw.split(": ", 1)
        end = at + 0.5 * len(said.split())
        lines.append((who, at, end, said))
        at = end + 0.5
    return call(lines)
