# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""When each party really speaks: words joined into runs, runs into turns; and what a placeholder or back-channel is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from candor.conversation.model import Role
from candor.conversation.transcript import Transcript, Utterance

Interval = tuple[float, float]

PLACEHOLDER = re.compile(r"\[[A-Z]+(?:_\d+)?\]")
_WORD = re.compile(r"\[[A-Z]+(?:_\d+)?\]|[^\W_]+(?:['’][^\W_]+)*")

RUN_GAP = 0.5
"""Seconds: shorter pauses between words belong to the speech (the usual floor of "a pause" in conversation analysis)."""
TURN_BREAK = 5.0
"""Seconds of silence that end a turn even when the same party goes on; equal to the threshold of dead air."""

_BACK_CHANNEL = frozenset(
    """
    ah aha alright cool correct course er exactly fine god gosh good got great hm hmm huh i it i'm mhm mm mmhm mmm
    no of oh ok okay oops really right see sorry sure thank thanks that true uh uhhuh um very well wow yea yeah yep
    yes you
    """.split()
)
_BACK_CHANNEL_SOUNDS = frozenset(
    """
    mhm mm mmhm mmm hm hmm huh uh uhhuh aha ah oh okay ok yeah yea yep yes right
    """.split()
)


def tokens(text: str) -> list[str]:
    """The words of a text in lower case without punctuation; placeholders stay as they are."""
    return [w if w[0] == "[" else w.lower().replace("’", "'") for w in _WORD.findall(text)]


def is_back_channel(words: Sequence[str]) -> bool:
    """Whether these words only show that one listens: "mm-hm", "okay", "yeah, right", "I see" (at most four words).

    After Yngve (1970), "On getting a word in edgewise".
    """
    if not words or len(words) > 4 or any(word not in _BACK_CHANNEL for word in words):
        return False
    return len(words) > 1 or words[0] in _BACK_CHANNEL_SOUNDS or words[0] in {"sure", "really", "exactly", "great"}


@dataclass(frozen=True, slots=True)
class Run:
    """Speech of one speaker without a pause longer than ``RUN_GAP``, inside one utterance."""

    speaker: int
    utterance: int
    start: float
    end: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one party says until another takes the floor; listeners' back-channels do not end it."""

    role: Role
    start: float
    end: float
    utterances: tuple[int, ...]


def runs_of(utterance: Utterance, duration: float) -> list[Run]:
    """The runs of an utterance by its word times, clipped to the call; the whole of it where words have no times."""
    if not utterance.words:
        start, end = _clip(utterance.start, utterance.end, duration)
        return [Run(utterance.speaker, utterance.index, start, end, tuple(tokens(utterance.text)))]
    groups: list[tuple[float, float, list[str]]] = []
    for word in utterance.words:
        start, end = _clip(word.start, word.end, duration)
        if groups and start - groups[-1][1] <= RUN_GAP:
            first, last, said = groups[-1]
            groups[-1] = (first, max(last, end), said)
            said.extend(tokens(word.text))
        else:
            groups.append((start, end, tokens(word.text)))
    return [Run(utterance.speaker, utterance.index, s, e, tuple(said)) for s, e, said in groups]


def _clip(start: float, end: float, duration: float) -> Interval:
    start = min(max(start, 0.0), duration)
    return start, min(max(end, start), duration)


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Joined where they touch or overlap, in order; empty ones dropped."""
    merged: list[Interval] = []
    for start, end in sorted(each for each in intervals if each[1] > each[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def total(intervals: Iterable[Interval]) -> float:
    """Seconds in all (of merged intervals)."""
    return sum(end - start for start, end in intervals)


def common(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """Where two merged lists overlap."""
    found: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if end > start:
            found.append((start, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return found


@dataclass(frozen=True, slots=True)
class Speech:
    """The speech of a call by party; announcements of a system are no party."""

    transcript: Transcript
    runs: tuple[Run, ...]
    """Of all parties, by start."""
    by_role: dict[Role, list[Interval]]
    anyone: list[Interval]
    turns: tuple[Turn, ...]
    duration: float


def read_speech(transcript: Transcript) -> Speech:
    """Work out who speaks when."""
    duration = max(0.0, transcript.duration)
    runs: list[Run] = []
    for utterance in transcript.utterances:
        if transcript.role_of(utterance) is not Role.SYSTEM:
            runs.extend(runs_of(utterance, duration))
    runs.sort(key=lambda run: (run.start, run.end, run.utterance))
    spoken: dict[Role, list[Interval]] = {}
    for run in runs:
        spoken.setdefault(transcript.speakers[run.speaker].role, []).append((run.start, run.end))
    by_role = {role: merge(intervals) for role, intervals in spoken.items()}
    anyone = merge(each for intervals in by_role.values() for each in intervals)
    return Speech(transcript, tuple(runs), by_role, anyone, tuple(_turns(transcript, duration)), duration)


def _turns(transcript: Transcript, duration: float) -> list[Turn]:
    turns: list[Turn] = []
    for utterance in transcript.utterances:
        role = transcript.role_of(utterance)
        if role is Role.SYSTEM:
            continue
        start, end = _clip(utterance.start, utterance.end, duration)
        last = turns[-1] if turns else None
        if last is not None and role is last.role and start - last.end < TURN_BREAK:
            turns[-1] = Turn(role, last.start, max(last.end, end), (*last.utterances, utterance.index))
        elif (
            last is not None
            and role is not last.role
            and is_back_channel(tokens(utterance.text))
            and (start < last.end or _goes_on(transcript, utterance))
        ):
            continue
        else:
            turns.append(Turn(role, start, end, (utterance.index,)))
    return turns


def _goes_on(transcript: Transcript, utterance: Utterance) -> bool:
    """Whether the party that was listened to speaks again next, at once: then the back-channel took no turn."""
    for later in transcript.utterances[utterance.index + 1 :]:
        if transcript.role_of(later) is not Role.SYSTEM:
            return (
                transcript.role_of(later) is not transcript.role_of(utterance)
                and later.start - utterance.end < RUN_GAP * 2
            )
    return False
