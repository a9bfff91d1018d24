"""How written words are said."""

from __future__ import annotations

import pytest

from candor.transcript.adapters.pronounce import cardinal, letter_to_sound, number_words, pronunciations


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (4111, "four thousand one hundred eleven"),
        (1_000_001, "one million one"),
        (999_999_999, "nine hundred ninety nine million nine hundred ninety nine thousand nine hundred ninety nine"),
    ],
)
def test_cardinal(number: int, words: str) -> None:
    assert " ".join(cardinal(number)) == words


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("4111", "four one one one"),
        ("4111", "forty one eleven"),
        ("2024", "twenty twenty four"),
        ("1900", "nineteen hundred"),
        ("0199", "oh one nine nine"),
        ("555-0199", "five five five oh one nine nine"),
        ("$4.50", "four fifty"),
        ("$4.50", "four dollars and fifty cents"),
        ("$20", "twenty dollars"),
        ("10:30", "ten thirty"),
        ("2nd", "second"),
        ("25th", "twenty fifth"),
        ("30th", "thirtieth"),
        ("15%", "fifteen percent"),
        ("1,250", "one thousand two hundred fifty"),
        (
            "123456789012345678901234567890",
            " ".join(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"] * 3),
        ),
    ],
)
def test_readings_of_numbers(text: str, reading: str) -> None:
    assert reading.split() in number_words(text)


def test_unknown_words_get_sounds() -> None:
    assert list(letter_to_sound("Shanika")) == ["SH", "AE", "N", "IH", "K", "AE"]
    assert list(letter_to_sound("knight")) == ["N", "AY", "T"]
    assert list(letter_to_sound("bcd")) == ["B IY", "S IY", "D IY"]


def test_ways_of_a_word() -> None:
    dictionary = {"hello": "HH AH L OW", "and": "AE N D", "at": "AE T"}.get
    assert pronunciations("Hello,", dictionary) == ["HH AH L OW"]
    assert pronunciations("—", dictionary) == []
    assert pronunciations("...", dictionary) == []
    assert "Y UW EH S EY" in pronunciations("USA", dictionary)
    assert pronunciations("self-made", dictionary)
    assert all(way.strip() for way in pronunciations("naïve", dictionary))
