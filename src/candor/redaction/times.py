"""Which stretch of sound hides some words: padded, because word times are never exact."""

from __future__ import annotations

from candor.conversation.transcript import Transcript, Utterance

PAD = 0.12
"""Seconds before and after, where word times come from an alignment."""
LEAST_PAD = 0.03
"""Kept even where the next word begins at once: alignment places edges to about a frame or two."""
SPREAD_PAD = 0.6
"""Where words were spread evenly over the segment, they can be this far off …"""
SPREAD_SHARE = 0.15
"""… or this share of the utterance, whichever is more."""
CONFIDENT = 0.5
"""A neighbour recognised less surely does not limit the pad."""


def sound_times(transcript: Transcript, utterance: Utterance, first: int, last: int) -> tuple[float, float]:
    """Seconds to mask for words ``first`` to ``last`` of an utterance; (start, start) where there is no sound."""
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
    low, high = start - PAD, end + PAD
    if first > 0 and words[first - 1].confidence >= CONFIDENT:
        low = min(max(low, words[first - 1].end), start - LEAST_PAD)
    if last + 1 < len(words) and words[last + 1].confidence >= CONFIDENT:
        high = max(min(high, words[last + 1].start), end + LEAST_PAD)
    return max(low, 0.0), min(high, ceiling)
