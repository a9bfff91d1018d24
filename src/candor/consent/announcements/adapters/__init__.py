"""Synthesisers that may be installed on this machine, the preferred ones first."""

from __future__ import annotations

from collections.abc import Sequence

from candor.consent.announcements.adapters.espeak import EspeakNg
from candor.consent.announcements.adapters.festival import Festival
from candor.consent.announcements.adapters.flite import Flite
from candor.consent.announcements.ports import Speech, Synthesiser
from candor.errors import Unavailable

ALL: tuple[Synthesiser, ...] = (Festival(), Flite(), EspeakNg())
"""Festival and flite sound more natural than espeak-ng, and speak English alone."""


def synthesiser_for(language: str, among: Sequence[Synthesiser] = ALL) -> Synthesiser:
    """The first installed synthesiser that speaks ``language``; raises Unavailable with what to install."""
    primary = language.lower().split("-")[0]
    able = [synthesiser for synthesiser in among if primary in synthesiser.languages]
    for synthesiser in able:
        if synthesiser.installed():
            return synthesiser
    packages = " or ".join(synthesiser.package for synthesiser in able)
    install = f"Install one ({packages}), or upload" if packages else "Upload"
    raise Unavailable(
        "No program is installed that speaks this language.",
        code="announcement.no_synthesiser",
        advice=f"{install} a recording of the announcement.",
    )


def speak(text: str, language: str, among: Sequence[Synthesiser] = ALL) -> Speech:
    """Say ``text`` by the first synthesiser that can."""
    return synthesiser_for(language, among).speak(text, language)
