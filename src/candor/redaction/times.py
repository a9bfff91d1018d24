"""Which stretch of sound hides some words: padded, because word times are never exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from candor.conversation.transcript import PiiKind, PiiSpan, SpeakerSplit, Transcript, Utterance

PAD = 0.12
"""Seconds before and after, where word times come from an alignment."""
LEAST_PAD = 0.03
"""Kept even where the next word begins at once: alignment places edges to about a frame or two."""
SPREAD_PAD = 0.6
"""Where words were spread evenly over the segment, they can be this far off …"""
SPREAD_SHARE = 0.2
"""… or this share of the utterance, whichever is more."""
CONFIDENT = 0.5
"""A neighbour recognised less surely does not limit the pad."""
END_PAD = 0.2
"""After the last word of an utterance, whose end is placed early more often than others."""
UNSURE_PAD = 0.4
"""Beside a first or last word that was recognised unsurely: it often stands for two, the outer of them lost."""
GARBLED = 0.3
"""Neighbours recognised less surely than this may be part of what is hidden, misheard …"""
GARBLED_SECONDS = 1.0
"""… up to so much on each side."""
LOST_SECONDS = 2.0
"""Between two parts of one value, with no word recognised, this much may be words that were lost."""


NEAR_SECONDS = 0.6
"""… and this much between two numbers, whether they are known to be one or not."""
DICTATED = frozenset(
    {
        PiiKind.CARD, PiiKind.CVV, PiiKind.ACCOUNT, PiiKind.PHONE, PiiKind.NATIONAL_ID, PiiKind.NUMBER,
        PiiKind.PASSWORD, PiiKind.POSTCODE,
    }
)  # fmt: skip


def sound_times(
    transcript: Transcript, utterance: Utterance, first: int, last: int, *, dictated: bool = True
) -> tuple[float, float]:
    """Seconds to mask for words ``first`` to ``last`` of an utterance; (start, start) where there is no sound.

    ``dictated`` values (numbers, spelled words) are masked wider where they were recognised unsurely.
    """
    if utterance.end <= utterance.start:
        return utterance.start, utterance.start
    words = utterance.words
    if not words:
        return utterance.start, utterance.end
    start = min(word.start for word in words[first : last + 1])
    end = max(word.end for word in words[first : last + 1])
    ceiling = max(transcript.duration, utterance.end)
    if transcript.word_times == "spread":
        pad = max(SPREAD_PAD, SPREAD_SHARE * (utterance.end - utterance.start))
        low, high = max(start - pad, utterance.start - PAD), min(end + pad, utterance.end + PAD)
        return max(min(low, start), 0.0), min(max(high, end), ceiling)
    if dictated:
        first, start = _garbled(utterance, first, start, -1)
        last, end = _garbled(utterance, last, end, 1)
    low = start - (UNSURE_PAD if dictated and words[first].confidence < CONFIDENT else PAD)
    high = end + (END_PAD if last + 1 == len(words) else PAD)
    if dictated and words[last].confidence < CONFIDENT:
        high = end + UNSURE_PAD
    if first > 0 and words[first - 1].confidence >= CONFIDENT:
        low = min(max(low, words[first - 1].end), start - LEAST_PAD)
    if last + 1 < len(words) and words[last + 1].confidence >= CONFIDENT:
        high = max(min(high, words[last + 1].start), end + LEAST_PAD)
    return max(low, 0.0), min(high, ceiling)


def _garbled(utterance: Utterance, place: int, edge: float, step: int) -> tuple[int, float]:
    """The outermost word, and its edge in seconds, of those beside ``place`` that were hardly recognised."""
    words, begin = utterance.words, edge
    while 0 <= place + step < len(words) and words[place + step].confidence < GARBLED:
        outer = words[place + step].start if step < 0 else words[place + step].end
        if abs(outer - begin) > GARBLED_SECONDS:
            break
        place, edge = place + step, min(edge, outer) if step < 0 else max(edge, outer)
    return place, edge


def bridge(transcript: Transcript, spans: Sequence[PiiSpan], goes_on: Sequence[bool]) -> list[PiiSpan]:
    """Also mask short stretches without any word between two parts of one value; ``goes_on`` tells for each but the
    last span whether the next is of the same value. Between two numbers beside each other nothing is left either.

    A recogniser that drops digits drops them there, and silence costs nothing.
    """
    result = list(spans)
    for place, same in enumerate(goes_on):
        before, after = spans[place], spans[place + 1]
        gap = after.start - before.end
        near = same or (gap <= NEAR_SECONDS and before.kind in DICTATED and after.kind in DICTATED)
        if not near or not 0 < gap <= LOST_SECONDS or before.end <= before.start:
            continue
        other = transcript.utterances[before.utterance].speaker != transcript.utterances[after.utterance].speaker
        if other and transcript.split is not SpeakerSplit.GUESSED:
            continue
        between = transcript.utterances[before.utterance : after.utterance + 1]
        heard = any(word.start < after.start and word.end > before.end for line in between for word in line.words)
        if not heard:
            result[place] = replace(before, end=after.start)
    return result
