"""CMU Flite: English."""

from __future__ import annotations

from candor.consent.announcements.adapters.program import installed, run
from candor.consent.announcements.ports import Speech


class Flite:
    """``flite -voice … -f text.txt -o sound.wav``."""

    name = "flite"
    package = "flite"
    languages = frozenset({"en"})

    def __init__(self, voice: str = "slt") -> None:
        self._voice = voice

    def installed(self) -> bool:
        return installed("flite")

    def speak(self, text: str, language: str) -> Speech:  # noqa: ARG002  it has one
        ascii_text = text.replace("’", "'").encode("ascii", "ignore")
        return run(
            "flite",
            self.package,
            ascii_text,
            lambda words, sound: ("-voice", self._voice, "-f", str(words), "-o", str(sound)),
        )
