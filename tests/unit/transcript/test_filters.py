"""What is thrown away."""

from __future__ import annotations

import pytest

from candor.transcript.filters import is_false_text
from candor.transcript.ports import Heard, HeardWord


def heard(text: str, mean: float | None = -0.1) -> Heard:
    words = tuple(HeardWord(text=word, confidence=0.9) for word in text.split())
    return Heard(words=words, mean_log_probability=mean, tokens=len(words))


@pytest.mark.parametrize(
    ("text", "mean", "seconds", "false"),
    [
        ("Thank you for watching!", -0.1, 5.0, True),
        ("Thank you for calling.", -0.1, 5.0, False),
        ("Okay.", -0.5, 1.2, True),
        ("Okay.", -0.3, 1.2, False),
        ("So, operator.", -0.59, 1.9, True),
        ("Star Trek Voyager", -0.56, 1.9, False),
        ("For your jury, why are you?", -0.94, 1.6, True),
        ("so I said that it was", -0.6, 6.0, False),
        ("", -0.1, 3.0, True),
        ("...", -0.1, 3.0, True),
        ("ご視聴ありがとうございました", -0.1, 3.0, True),
        ("спасибо за внимание", -0.1, 3.0, True),
        ("Crème brûlée costs 5 €", -0.1, 3.0, False),
        ("4111 1111", -0.1, 3.0, False),
        ("Yes.", None, 0.8, False),
    ],
)
def test_false_text(text: str, mean: float | None, seconds: float, false: bool) -> None:
    assert is_false_text(heard(text, mean), seconds, latin=True) is false


def test_other_scripts_are_right_in_their_languages() -> None:
    assert not is_false_text(heard("спасибо большое"), 3.0, latin=False)
