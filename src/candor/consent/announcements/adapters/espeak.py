"""espeak-ng: all seven languages. A GPL program that is run, not linked."""

from __future__ import annotations

from candor.consent.announcements.adapters.program import installed, run
from candor.consent.announcements.ports import Speech

_VOICES = {"en": "en-gb", "de": "de", "fr": "fr-fr", "es": "es", "pt": "pt", "it": "it", "nl": "nl"}
_REGIONAL = {
    "en-us": "en-us",
    "es-419": "es-419",
    "es-mx": "es-419",
    "pt-br": "pt-br",
    "fr-be": "fr-be",
    "fr-ch": "fr-ch",
}


class EspeakNg:
    """``espeak-ng -v … --stdin -w sound.wav``."""

    name = "espeak-ng"
    package = "espeak-ng"
    languages = frozenset(_VOICES)

    def __init__(self, words_a_minute: int = 150) -> None:
        self._speed = words_a_minute

    def installed(self) -> bool:
        return installed("espeak-ng")

    def speak(self, text: str, language: str) -> Speech:
        tag = language.lower()
        voice = _REGIONAL.get(tag) or _VOICES.get(tag.split("-")[0], "en-gb")
        return run(
            "espeak-ng",
            self.package,
            text.encode("utf-8"),
            lambda _, sound: ("-b", "1", "-v", voice, "-s", str(self._speed), "--stdin", "-w", str(sound)),
        )
