"""The words of a transcript with their times."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from candor.conversation.transcript import Utterance

_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*'?|[,.;:!?…]")
BREAKS = frozenset(",.;:!?…")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a sign that ends a clause."""

    text: str
    """Lower case, apostrophes straight."""
    shown: str
    """As it stands in the transcript; empty for the second and later tokens of one word there."""
    start: float
    stop: float
    utterance: int


def split(text: str) -> list[str]:
    """Lower-case words and signs that end a clause."""
    return _TOKEN.findall(text.lower().replace("’", "'"))


def tokens(utterances: Iterable[Utterance], speakers: Collection[int] | None) -> Iterator[Token]:
    """Everything said by ``speakers`` (everybody, when None), in order."""
    for utterance in utterances:
        if speakers is None or utterance.speaker in speakers:
            for shown, start, stop in utterance.timed():
                for place, text in enumerate(split(shown)):
                    yield Token(text, "" if place else shown, start, stop, utterance.index)


def shown(run: Iterable[Token]) -> str:
    """The words as they stand in the transcript."""
    return " ".join(token.shown for token in run if token.shown)
