"""From words with times to utterances in call order (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from candor.conversation.transcript import Utterance, Word
from candor.transcript.ports import Stretch

PAUSE = 0.8
"""Seconds of silence that end an utterance."""
BREATH = 0.3
"""Seconds of silence at which a sentence end, or a long utterance, is cut."""
LONG, LONGEST = 10.0, 25.0
"""Seconds: past LONG an utterance ends with its sentence, past LONGEST at the next chance."""


def utterances(words: Iterable[tuple[int, Word]]) -> tuple[Utterance, ...]:
    """Utterances of all speakers, from (speaker, word) pairs that are in order of time within each speaker.

    An utterance ends at a pause, at the end of a sentence when it is long, and where the other one takes the turn
    while this one breathes: overlap and silence stay as they were.
    """
    by_speaker: dict[int, list[Word]] = {}
    for speaker, word in words:
        by_speaker.setdefault(speaker, []).append(word)
    pieces: list[tuple[int, list[Word]]] = []
    for speaker, own in by_speaker.items():
        others = sorted(word.start for other, said in by_speaker.items() if other != speaker for word in said)
        pieces += [(speaker, piece) for piece in _cut(own, others)]
    pieces.sort(key=lambda piece: (piece[1][0].start, piece[0]))
    return tuple(_utterance(index, speaker, piece) for index, (speaker, piece) in enumerate(pieces))


def _cut(words: Sequence[Word], others: Sequence[float]) -> Iterable[list[Word]]:
    current: list[Word] = []
    for word in words:
        if current and _ends(current, word, others):
            yield current
            current = []
        current.append(word)
    if current:
        yield current


def _ends(current: Sequence[Word], following: Word, others: Sequence[float]) -> bool:
    last = current[-1]
    pause = following.start - last.end
    if pause > PAUSE:
        return True
    length = last.end - current[0].start
    sentence = last.text.endswith((".", "?", "!"))
    if length > LONG and sentence:
        return True
    if (length > LONGEST and pause >= BREATH) or length > 1.5 * LONGEST:
        return True
    return pause >= BREATH and sentence and any(last.end <= start < following.start for start in others)


def _utterance(index: int, speaker: int, words: Sequence[Word]) -> Utterance:
    logarithms = [math.log(max(word.confidence, 1e-6)) for word in words]
    return Utterance(
        index=index,
        speaker=speaker,
        start=words[0].start,
        end=max(word.end for word in words),
        text=" ".join(word.text for word in words),
        words=tuple(words),
        confidence=round(math.exp(sum(logarithms) / len(logarithms)), 4),
    )


def spread(texts: Sequence[str], confidences: Sequence[float], start: float, end: float) -> list[Word]:
    """Words laid evenly over [start, end], each as long as its share of the letters."""
    weights = [len(text) + 1 for text in texts]
    total = sum(weights) or 1
    words: list[Word] = []
    at = start
    for text, confidence, weight in zip(texts, confidences, weights, strict=True):
        after = at + (end - start) * weight / total
        words.append(Word(text=text, start=round(at, 3), end=round(after, 3), confidence=round(confidence, 4)))
        at = after
    return words


def assign(words: Sequence[Word], voices: Sequence[tuple[Stretch, int]]) -> list[tuple[int, Word]]:
    """(voice, word) pairs: the voice that speaks at the middle of the word, or nearest to it; all in order of time.

    Voices are told apart in windows of a second or more, so a change of voice is moved to the likeliest border
    near it: the end of a sentence, or the longest pause.
    """
    labels: list[int] = []
    place = 0
    for word in words:
        middle = (word.start + word.end) / 2
        while place + 1 < len(voices) and _distance(voices[place + 1][0], middle) <= _distance(
            voices[place][0], middle
        ):
            place += 1
        labels.append(voices[place][1])
    change = 1
    while change < len(labels):
        if labels[change] != labels[change - 1]:
            border = _border(words, labels, change)
            for moved in range(border, change):
                labels[moved] = labels[change]
            for moved in range(change, border):
                labels[moved] = labels[change - 1]
            change = max(change, border)
        change += 1
    return list(zip(labels, words, strict=True))


NEARBY = 1.0
"""Seconds by which a change of voice may be moved."""


def _border(words: Sequence[Word], labels: Sequence[int], change: int) -> int:
    """The first word of the new voice, given that it was found to be ``change``."""
    best, best_worth = change, -1.0
    for place in range(max(1, change - 4), min(len(words), change + 5)):
        moved = range(min(place, change), max(place, change))
        crosses = place < change and any(labels[between] != labels[change - 1] for between in range(place - 1, change))
        crosses |= place > change and any(labels[between] != labels[change] for between in range(change, place + 1))
        distance = abs(words[place].start - words[change].start)
        if crosses or distance > NEARBY or len(moved) > 4:
            continue
        pause = min(max(words[place].start - words[place - 1].end, 0.0), 1.0)
        sentence = words[place - 1].text.endswith((".", "?", "!"))
        worth = pause + (0.6 if sentence else 0.0) - 0.4 * distance
        if worth > best_worth:
            best, best_worth = place, worth
    return best


def _distance(stretch: Stretch, moment: float) -> float:
    return max(stretch.start - moment, moment - stretch.end, 0.0)
