"""Numbers that were dictated digit by digit, heard a second time: recognisers make sentences of them.

A recogniser writes "eyes by blind ball, one, seven, eight" for "five five one four one seven eight", repeats a digit
until its limit, or glues a number to the sentence beside it. What then protects a card number by its words finds none.
So each stretch between two pauses that has something of a number is given to the recogniser once more, alone and with
nothing but digits allowed. Where that ends by itself, at the pace of dictation and without stuttering, it was one;
of ordinary speech the same search makes nothing, or one word over and over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
import numpy.typing as npt

from candor.transcript.ports import RATE, HeardWord, Mono, Stretch

DIGITS = frozenset("zero oh one two three four five six seven eight nine".split())  # noqa: SIM905  a list of words
_SOUNDS = DIGITS | frozenset(
    "o for fore to too ate won tree free owe or all of nein sex sick hey a by double triple".split()  # noqa: SIM905
)
"""Digits, and short words that recognisers write for them."""
FRAME = RATE // 100
PAUSE = 0.25
"""Seconds of quiet that part two stretches."""
SHORTEST = 0.9
"""Seconds of a stretch that is looked at by itself."""
LONGEST = 16.0
NEAR = 0.85
"""Seconds of quiet over which a number goes on from one stretch to the next."""
LEAST = 4
"""Digits of a number that is recognised as one by nothing but its sound."""
SLOWEST, FASTEST = 0.9, 4.6
"""Digits a second of sound."""
STUTTER = 4
"""Times the same digit in a row: more is the search going in circles …"""
LOOP = 7
"""… and of any word in a row, the recogniser."""
SURE = 0.8
LANGUAGES = frozenset({"en"})
DRAWN = 1.4
"""Seconds that no digit is said for …"""
DIGIT = 0.8
"""… and what of one that seems to be is the digit."""
_BESIDE = 0.05
_MOST = 0.6
SINGLE = 1.1
"""Seconds of a stretch that may be a single digit, or two."""
_IN_A_ROW = 3
_CLICK = 0.15
_FAINT = 5.0
"""dB above the quiet at which something is still heard …"""
_FAINTEST = 37.0
"""… and at most so much below the loud parts (the hiss of a line beside digital silence is no sound) …"""
_FADE = 25
"""… for so many frames at most, beside a stretch."""
BEHIND = 1.0
"""How far digits may fall behind free text (see :class:`Digits`): of dictated digits it is seldom more than 0.4, of
other speech, where there are any, seldom less than 1.2 …"""
WITHIN = 1.3
"""… in a stretch beside a number, where more of it is likely …"""
CLOSE = 0.75
"""… and there where ordinary words were recognised."""
_BELOW = 33.0
"""dB below the loud parts of a segment at which a pause begins at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """What was heard where nothing but digits was allowed."""

    words: tuple[HeardWord, ...]
    behind: float
    """How much less likely (natural logarithm, a token) they are than what the recogniser would write freely."""


class DigitHearer(Protocol):
    """A recogniser that can be held to digits."""

    def hear_digits(self, sound: Mono) -> Digits | None:
        """The digits that ``sound`` may hold; None when the search did not come to an end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A stretch of a segment, seconds from its start, with the words that are said in it."""

    start: float
    end: float
    words: tuple[HeardWord, ...]

    def covers(self, at: float) -> bool:
        """Whether something at ``at`` seconds is part of it."""
        return self.start - _BESIDE < at < self.end + _BESIDE


def stretches(sound: Mono) -> list[Stretch]:
    """Where ``sound`` is loud, parted at pauses; edges to 10 ms."""
    frames = len(sound) // FRAME
    if not frames:
        return []
    power = np.square(sound[: frames * FRAME].reshape(frames, FRAME)).mean(axis=1)
    level = 10 * np.log10(np.convolve(power, np.ones(3) / 3, mode="same") + 1e-10)
    quiet, loud = (float(value) for value in np.percentile(level, (8, 92)))
    if loud - quiet < 6.0:
        return [Stretch(start=0.0, end=frames / 100)]
    border = min(max(quiet + 0.3 * (loud - quiet), loud - _BELOW), loud - 10.0)
    faint = level > max(quiet + max(_FAINT, 0.12 * (loud - quiet)), loud - _FAINTEST)
    found: list[list[int]] = []
    place = 0
    for voiced, run in groupby(level > border):
        length = len(list(run))
        if voiced:
            if found and place - found[-1][1] < PAUSE * 100:
                found[-1][1] = place + length
            else:
                found.append([place, place + length])
        place += length
    kept = [(begin, end) for begin, end in found if end - begin >= 4]
    edges = [_faded(faint, begin, end) for begin, end in kept]
    # Faint sounds at the edges ("s" of "six") belong to the nearer stretch.
    return [
        Stretch(
            start=max(start, (kept[place - 1][1] + kept[place][0]) // 2 if place else 0) / 100,
            end=min(end, (kept[place][1] + kept[place + 1][0]) // 2 if place + 1 < len(kept) else frames) / 100,
        )
        for place, (start, end) in enumerate(edges)
    ]


def _faded(faint: npt.NDArray[np.bool_], begin: int, end: int) -> tuple[int, int]:
    """Where sound that is just above the quiet begins before a stretch, and ends after it."""
    first, last = begin, end
    while first > 0 and begin - first < _FADE and faint[first - 1]:
        first -= 1
    while last < len(faint) and last - end < _FADE and faint[last]:
        last += 1
    return first, last


def loops(words: Sequence[str]) -> bool:
    """Whether a recogniser repeats itself: one word many times in a row."""
    parts = [part.strip(".,!?").lower() for word in words for part in word.split("-")]
    return any(len(list(run)) >= LOOP for _, run in groupby(parts))


def numbers(
    hearer: DigitHearer, sound: Mono, words: Sequence[HeardWord], times: Sequence[Stretch], *, timed: bool
) -> list[Number]:
    """The dictated numbers of a segment; ``times`` are those of ``words``; ``timed``: they can be relied on."""
    pieces = [piece for piece in stretches(sound) if piece.length <= LONGEST]
    said = [[word for word, time in zip(words, times, strict=True) if _within(word, time, piece)] for piece in pieces]
    suspect = not timed or loops([word.text for word in words])
    if suspect:
        said = [[] for _ in pieces]
    pieces, said = _grouped(pieces, said)
    heard: list[Digits | None] = [None] * len(pieces)
    for place, piece in enumerate(pieces):
        if piece.length >= SHORTEST and (suspect or _perhaps(said[place])):
            digits = _hear(hearer, sound, piece)
            if digits is not None and len(digits.words) >= LEAST and _dictated(digits, piece.length, BEHIND):
                heard[place] = digits
    _spread(hearer, sound, pieces, said, heard, step=1)
    _spread(hearer, sound, pieces, said, heard, step=-1)
    return [
        Number(start=piece.start, end=piece.end, words=digits.words)
        for piece, digits in zip(pieces, heard, strict=True)
        if digits is not None
    ]


def drawn(text: str, seconds: float) -> bool:
    """Whether a digit seems to last longer than any is said: its time holds other speech that became no word."""
    return seconds > DRAWN and is_digit(text)


def is_digit(text: str) -> bool:
    """Whether a word is one digit, said."""
    return text.strip(".,!?").lower() in DIGITS


def replaced(text: str, time: Stretch, numbers: Sequence[Number]) -> bool:
    """Whether a word is part of what was heard anew; a long written number only when most of it is."""
    if sum(sign.isdigit() for sign in text) < LEAST:
        return any(number.covers(_middle(time)) for number in numbers)
    covered = sum(max(min(time.end, number.end) - max(time.start, number.start), 0.0) for number in numbers)
    return covered > _MOST * time.length


def between(sound: Mono, numbers: Sequence[Number]) -> list[Stretch]:
    """What of a segment lies beside its numbers and is loud."""
    rest = [piece for piece in stretches(sound) if not any(number.covers(_middle(piece)) for number in numbers)]
    joined: list[Stretch] = []
    for piece in rest:
        apart = any(joined and joined[-1].end <= number.start and number.end <= piece.start for number in numbers)
        if joined and not apart:
            joined[-1] = Stretch(start=joined[-1].start, end=piece.end)
        else:
            joined.append(piece)
    length = len(sound) / RATE
    return [Stretch(start=max(one.start - 0.15, 0.0), end=min(one.end + 0.15, length)) for one in joined]


def _grouped(
    pieces: Sequence[Stretch], said: Sequence[Sequence[HeardWord]]
) -> tuple[list[Stretch], list[list[HeardWord]]]:
    """Short stretches in a row as one: digits that are said slowly have a pause after each of them."""
    joined: list[Stretch] = []
    words: list[list[HeardWord]] = []
    place = 0
    while place < len(pieces):
        last = place
        while (
            last + 1 < len(pieces)
            and max(pieces[last].length, pieces[last + 1].length) <= SINGLE
            and pieces[last + 1].start - pieces[last].end <= NEAR
            and pieces[last + 1].end - pieces[place].start <= LONGEST
        ):
            last += 1
        if last - place + 1 < _IN_A_ROW:
            last = place
        joined.append(Stretch(start=pieces[place].start, end=pieces[last].end))
        words.append([word for one in said[place : last + 1] for word in one])
        place = last + 1
    return joined, words


def _spread(
    hearer: DigitHearer, sound: Mono, pieces: Sequence[Stretch], said: Sequence[Sequence[HeardWord]],
    heard: list[Digits | None], *, step: int,
) -> None:  # fmt: skip
    """A number goes on in the stretch beside it: by itself, or heard together with the one before."""
    order = range(len(pieces)) if step > 0 else range(len(pieces) - 1, -1, -1)
    for place in order:
        before = place - step
        if heard[place] is not None or not 0 <= before < len(pieces) or heard[before] is None:
            continue
        left, right = sorted((pieces[before], pieces[place]), key=lambda piece: piece.start)
        if right.start - left.end > NEAR:
            continue
        ordinary = _ordinary(said[place])
        digits = _hear(hearer, sound, pieces[place])
        if digits is not None and _goes_on(digits, pieces[place], ordinary=ordinary):
            heard[place] = digits
        elif right.end - left.start <= LONGEST and pieces[place].length >= SHORTEST:
            heard[place] = _together(hearer, sound, left, right, known=heard[before], first=step < 0)


def _goes_on(digits: Digits, piece: Stretch, *, ordinary: bool) -> bool:
    """Whether a stretch beside a number is more of it; of one with ``ordinary`` words, the digits must fit well."""
    if not digits.words or not _dictated(digits, piece.length, CLOSE if ordinary else WITHIN):
        return False
    if len(digits.words) > 1:
        return True
    # A breath or a click is easily taken for a lone "oh", and a short word for a lone digit.
    return not ordinary and _bare(digits.words[0]) != "oh" and piece.length > _CLICK


def _together(
    hearer: DigitHearer, sound: Mono, left: Stretch, right: Stretch, *, known: Digits | None, first: bool
) -> Digits | None:
    """The digits of the further of two stretches, where both make one number."""
    whole = Stretch(start=left.start, end=right.end)
    digits, before = _hear(hearer, sound, whole), len(known.words) if known is not None else 0
    if digits is None or len(digits.words) < before + 2 or not _dictated(digits, whole.length, CLOSE):
        return None
    words = digits.words[: len(digits.words) - before] if first else digits.words[before:]
    return Digits(words=words, behind=digits.behind)


def _hear(hearer: DigitHearer, sound: Mono, piece: Stretch) -> Digits | None:
    pad = 0.2
    begin, end = max(piece.start - pad, 0.0), piece.end + pad
    return hearer.hear_digits(sound[int(begin * RATE) : int(end * RATE)])


def _dictated(digits: Digits, seconds: float, behind: float) -> bool:
    texts = [_bare(word) for word in digits.words]
    if not SLOWEST * seconds - 1 <= len(texts) <= FASTEST * seconds + 1:
        return False
    if max(len(list(run)) for _, run in groupby(texts)) > STUTTER:
        return False
    if len(texts) >= 2 * STUTTER and len(set(texts)) < 3:
        return False
    return digits.behind <= behind


def _perhaps(said: Sequence[HeardWord]) -> bool:
    """Something of a number: two words that are or sound like digits, or nothing that was recognised surely."""
    like = sum(_bare(word) in _SOUNDS or any(sign.isdigit() for sign in word.text) for word in said)
    return like >= 2 or not said or sum(word.confidence for word in said) / len(said) < SURE


def _ordinary(said: Sequence[HeardWord]) -> bool:
    """Words that were recognised surely and are no digits."""
    others = [word for word in said if _bare(word) not in _SOUNDS and not any(sign.isdigit() for sign in word.text)]
    return len(others) > 1 or any(word.confidence > SURE and len(_bare(word)) > 3 for word in others)


def _bare(word: HeardWord) -> str:
    return word.text.strip(".,!?").lower()


def _within(word: HeardWord, time: Stretch, piece: Stretch) -> bool:
    """Whether a word is said in a stretch; a number written as one word may be in several."""
    if sum(sign.isdigit() for sign in word.text) >= LEAST:
        return time.start < piece.end and time.end > piece.start
    return piece.start - 0.1 < _middle(time) < piece.end + 0.1


def _middle(time: Stretch) -> float:
    return (time.start + time.end) / 2
