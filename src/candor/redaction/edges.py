"""Digits that a recogniser lost beside a number: sound without any word, masked with the number.

The first and the last digits of a dictated number are those that are lost: said apart from the others, they become no
word at all, and a mask that is drawn from words leaves them to be heard. Here the sound itself is looked at. What is
about as loud as the number, near it, and belongs to no recognised word, is taken for a part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from candor.conversation.transcript import PiiSpan, Redaction
from candor.kit.sound import SoundSource
from candor.redaction.times import DICTATED, END_PAD, LOST_SECONDS, PAD

NEAR = 0.85
"""Seconds of quiet over which a number goes on."""
REACH = LOST_SECONDS
"""Seconds beside a mask that are looked at."""
SHORTEST = 0.1
"""Seconds of a sound that can be a digit: clicks and breaths are shorter or fainter."""
FAINTER = 20.0
"""dB by which a digit may be fainter than the loud parts of its number …"""
LOUDER = 10.0
"""… and must be louder than the quiet."""
TOUCHING = 0.06
"""A sound so near a recognised word, seconds, is a part of that word."""
_JOIN = 0.08
_FRAMES = 100
"""A second."""
_ZERO = frozenset({"oh", "o"})
"""What a digit said by itself is often heard as: no reason to end a number."""


def with_lost_digits(source: SoundSource, redaction: Redaction) -> list[tuple[float, float]]:
    """What of ``source`` to mask: the times of the words, numbers reaching further. Seconds, in order, may overlap."""
    times = [(span.start, span.end) for span in redaction.spans if span.end > span.start]
    if redaction.transcript.word_times == "spread":
        return sorted(times)  # words stand nowhere in particular: their masks are wide already
    for channel, start, end in _numbers(redaction):
        words = _words_beside(redaction, channel, start, end)
        before = max((word_end for _, word_end in words if word_end <= start + TOUCHING), default=0.0)
        after = min((begin for begin, _ in words if begin >= end - TOUCHING), default=source.frames / source.rate)
        low, high = max(before, start - REACH, 0.0), min(after, end + REACH, source.frames / source.rate)
        if high - end < SHORTEST and start - low < SHORTEST:
            continue
        loud = _loud(source, channel, low, start, end, high)
        first, last = start, end
        for begin, stop in reversed(loud):
            if stop <= start and first - stop <= NEAR and (before == 0.0 or begin - before > TOUCHING):
                first = begin - PAD
        for begin, stop in loud:
            if begin >= end and begin - last <= NEAR and after - stop > TOUCHING:
                last = stop + END_PAD
        times += [(max(first, 0.0), start)] * (first < start) + [(end, min(last, high))] * (last > end)
    return sorted(times)


def _numbers(redaction: Redaction) -> Iterator[tuple[int | None, float, float]]:
    """(channel, start, end) of dictated values, those beside each other as one."""
    spans = [span for span in redaction.spans if span.kind in DICTATED and span.end > span.start]
    spans.sort(key=lambda span: (str(_channel(redaction, span)), span.start))
    for channel, group in groupby(spans, key=lambda span: _channel(redaction, span)):
        start = end = -1.0
        for span in group:
            if start >= 0 and span.start - end <= NEAR:
                end = max(end, span.end)
                continue
            if start >= 0:
                yield channel, start, end
            start, end = span.start, span.end
        yield channel, start, end


def _channel(redaction: Redaction, span: PiiSpan) -> int | None:
    transcript = redaction.transcript
    return transcript.speakers[transcript.utterances[span.utterance].speaker].channel


def _words_beside(redaction: Redaction, channel: int | None, start: float, end: float) -> list[tuple[float, float]]:
    """Times of the recognised words of a channel near a number, what is masked included."""
    transcript = redaction.transcript
    found: list[tuple[float, float]] = []
    for utterance in transcript.utterances:
        if utterance.end < start - REACH or utterance.start > end + REACH:
            continue
        if transcript.speakers[utterance.speaker].channel != channel:
            continue
        if not utterance.words:
            found.append((utterance.start, utterance.end))
        elif not (len(utterance.words) == 1 and utterance.words[0].text.strip(".,!?").lower() in _ZERO):
            found += [(word.start, word.end) for word in utterance.words]
    return found


def _loud(
    source: SoundSource, channel: int | None, low: float, start: float, end: float, high: float
) -> list[tuple[float, float]]:
    """Sounds beside [start, end) and within [low, high) that are as loud as what is in it, seconds in order."""
    level = _level(source, channel, low, high)
    inside = level[round((start - low) * _FRAMES) : round((end - low) * _FRAMES)]
    if not len(inside):
        return []
    border = max(float(np.percentile(inside, 90)) - FAINTER, float(np.percentile(level, 10)) + LOUDER)
    sides = ((0, round((start - low) * _FRAMES)), (round((end - low) * _FRAMES), len(level)))
    return [
        (low + (begin + first) / _FRAMES, low + (begin + last) / _FRAMES)
        for begin, stop in sides
        for first, last in _runs(level[begin:stop] > border)
    ]


def _level(source: SoundSource, channel: int | None, low: float, high: float) -> npt.NDArray[np.float64]:
    """dB of each hundredth of a second."""
    samples = source.window(int(low * source.rate), int(high * source.rate))
    mono = samples.mean(axis=1) if channel is None or channel >= source.channels else samples[:, channel]
    frame = source.rate // _FRAMES
    count = len(mono) // frame
    power = np.square(mono[: count * frame].astype(np.float64).reshape(count, frame)).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-10))


def _runs(loud: Sequence[bool] | npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where it is true, frames; short gaps do not part, what is too short is left out."""
    found: list[list[int]] = []
    place = 0
    for value, run in groupby(loud):
        length = len(list(run))
        if value and found and place - found[-1][1] <= _JOIN * _FRAMES:
            found[-1][1] = place + length
        elif value:
            found.append([place, place + length])
        place += length
    return [(begin, end) for begin, end in found if end - begin >= SHORTEST * _FRAMES]
