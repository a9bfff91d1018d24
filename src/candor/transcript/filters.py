"""What a recogniser says when nobody spoke, and what to do about it (pure)."""

from __future__ import annotations

import re
import unicodedata

from candor.transcript.ports import Heard

FOREIGN = -0.6
"""Mean log-probability below which a whole channel is not English or cannot be made out (other languages: -0.67 to
-1.15; English on the worst telephones: most above -0.6)."""
DOUBTFUL = -0.45
"""Mean log-probability below which one or two words in a short segment are more likely noise than speech."""
NONSENSE = -0.8
"""The same for more words: noise seldom becomes more than two, and words half understood are worth reading."""
FEW_WORDS = 2
SHORT = 2.0
"""Seconds; shorter segments with doubtful text are dropped."""

_STOCK = frozenset(
    {
        "thank you for watching",
        "thanks for watching",
        "thank you so much for watching",
        "please subscribe",
        "please subscribe to my channel",
        "dont forget to subscribe",
        "like and subscribe",
        "see you in the next video",
        "ill see you in the next video",
        "subtitles by the amaraorg community",
        "music",
        "applause",
        "laughter",
        "silence",
        "blank_audio",
    }
)


def is_false_text(heard: Heard, seconds: float, *, latin: bool) -> bool:
    """Whether the text of a segment of ``seconds`` is none: stock phrases, noise turned to words, other scripts.

    ``latin`` says that the language is written in the Latin script.
    """
    text = " ".join(word.text for word in heard.words)
    plain = re.sub(r"[^\w\s]", "", text.lower()).strip()
    if not plain or plain in _STOCK:
        return True
    limit = DOUBTFUL if len(heard.words) <= FEW_WORDS else NONSENSE
    if seconds < SHORT and heard.mean_log_probability is not None and heard.mean_log_probability < limit:
        return True
    return latin and _foreign_share(text) > 0.3


def _foreign_share(text: str) -> float:
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return 0.0
    return sum(not unicodedata.name(letter, "").startswith("LATIN") for letter in letters) / len(letters)
