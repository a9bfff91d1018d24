"""Festival, by its text2wave: English, with whatever voice is its default here (festvox-us-slt-hts sounds best)."""

from __future__ import annotations

from candor.consent.announcements.adapters.program import installed, run
from candor.consent.announcements.ports import Speech


class Festival:
    """``text2wave -o sound.wav text.txt``."""

    name = "festival"
    package = "festival festvox-us-slt-hts"
    languages = frozenset({"en"})

    def installed(self) -> bool:
        return installed("text2wave")

    def speak(self, text: str, language: str) -> Speech:  # noqa: ARG002  its default voice
        ascii_text = text.replace("’", "'").encode("ascii", "ignore")
        return run("text2wave", self.package, ascii_text, lambda words, sound: ("-o", str(sound), str(words)))
