"""Words and phrases that the beam prefers: names, brands, products. Pure; a Preference of the beam search.

The match is on letters, not on word pieces, so that it does not matter how the model cuts a word. A hypothesis on its
way through a phrase gets its bonus letter by letter and loses it when it strays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LETTER = 0.3
"""Bonus (natural log) a letter of a matched phrase."""
MOST = 3.0
"""Bonus of one phrase at most."""


class Vocabulary:
    """``phrases`` as people write them; ``pieces`` are the model's word pieces with "▁" for a space."""

    def __init__(self, phrases: Sequence[str], pieces: Sequence[bytes]) -> None:
        self._texts = [_plain(piece.decode(errors="ignore").replace("▁", " ")) for piece in pieces]
        self._phrases = {f" {plain}" for phrase in phrases if (plain := _plain(phrase).strip())}
        self._prefixes = {phrase[:length] for phrase in self._phrases for length in range(1, len(phrase) + 1)}

    def start(self) -> tuple[float, object]:
        """The empty sequence."""
        return 0.0, (0.0, "")

    def extend(self, state: object, token: int) -> tuple[float, object]:
        """The bonus with ``token`` behind it; the state is (bonus of completed phrases, letters being matched)."""
        done, text = state if isinstance(state, tuple) else (0.0, "")
        text += self._texts[token]
        while text and text not in self._prefixes:
            # Either a phrase has just been completed and left behind, or the match fails and begins later.
            ready = max((phrase for phrase in self._phrases if text.startswith(phrase + " ")), key=len, default=None)
            if ready is not None:
                done += _worth(ready)
                text = text[len(ready) :]
            else:
                place = text.find(" ", 1)
                text = text[place:] if place > 0 else ""
        return done + _worth(text), (done, text)

    def close(self, state: object) -> float:
        """Only completed phrases count at the end."""
        done, text = state if isinstance(state, tuple) else (0.0, "")
        worth: float = done + (_worth(text) if text in self._phrases else 0.0)
        return worth


def _worth(text: str) -> float:
    return min(LETTER * len(text.strip()), MOST)


def _plain(text: str) -> str:
    return re.sub(r"[^\w ]", "", text.lower())
