"""In which language something was written, where nobody said: by its letters and words.

py3langid (Lui and Baldwin 2012, "langid.py: An off-the-shelf language identification tool"), 97 languages.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from candor.conversation.transcript import Transcript

_LEAST_LETTERS = 20
"""Fewer tell too little: "ok" is a word of many languages."""
_MOST_LETTERS = 4_000


def guess_language(transcript: Transcript) -> str | None:
    """The language of a written conversation, ISO 639-1; None for one too short to tell."""
    text = " ".join(utterance.text for utterance in transcript.utterances)[:_MOST_LETTERS]
    if sum(letter.isalpha() for letter in text) < _LEAST_LETTERS:
        return None
    return str(_identifier().classify(text)[0])


@lru_cache(maxsize=1)
def _identifier() -> Any:
    # Its model takes a second to load, and calls never need it.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    return LanguageIdentifier.from_model_file(MODEL_FILE)
