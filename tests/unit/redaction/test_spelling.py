"""Turns that are dictation from beginning to end, addresses, references: where nobody said what was asked."""

from __future__ import annotations

import pytest

from candor.redaction.lines import Line, redact_lines
from candor.redaction.service import Redactor


def alone(text: str) -> str:
    (line,) = redact_lines([Line(text=text)], Redactor())
    return line.text


@pytest.mark.parametrize(
    "said",
    [
        "d e n i s e wa l t ers",
        "whiskey two zero alpha bravo",
        "s k 2 v o XP",
        "b o 6 b d",
        "Bravo Romeo Alpha Delta Lima Yankee",
        "declan little",
        "Hazel Ward",
        "13th of the 4th 1985",
        "25/12 1985",
        "2772 silvia key north carolechester 231752683",
        "1428 chennai 600018",
        "112 fourth street namakkal",
        "sh 56 fd",
        "8 pity 5",
    ],
)
def test_nothing_of_it_is_left(said: str) -> None:
    assert all(word.startswith("[") for word in alone(said).split()), alone(said)


@pytest.mark.parametrize(
    "said",
    [
        "I used the A-T-M in the U-S-A and an H-D-M-I cable.",
        "2 tickets to chicago please",
        "i want 2 large pizzas",
        "you and i are in the same street",
        "the top 100",
        "in 2019",
        "do you have wifi in room 12",
        "b and b near the sea",
        "by april 14 2027",
    ],
)
def test_ordinary_talk_stays(said: str) -> None:
    assert alone(said) == said


def test_the_short_word_before_a_number_that_was_named_goes_with_it() -> None:
    assert alone("my policy no naj 53479278") == "my policy no [ACCOUNT_1]"


def test_a_whole_date_after_its_name_is_enough() -> None:
    assert alone("I was born on 05/29/1976, okay") == "I was born on [DOB_1], okay"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("O2 August 1987", "O2 [DOB_1]"),
        ("damn 16 October 1928", "damn [DOB_1]"),
        ("27th 1967", "[DOB_1]"),
        ("we moved to that house in October 1998 then", "we moved to that house in October 1998 then"),
        ("the 5th street", "the 5th street"),
    ],
)
def test_a_date_long_past_is_most_of_a_turn(said: str, kept: str) -> None:
    assert alone(said) == kept
