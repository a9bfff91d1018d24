"""Engines by name: each setting of an engine becomes a ready Transcriber here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from candor.errors import InvalidInput
from candor.transcript.adapters.moonshine import Moonshine
from candor.transcript.adapters.pocketsphinx_align import PocketSphinxAligner
from candor.transcript.adapters.silero import SileroVoiceDetector
from candor.transcript.ports import Recogniser
from candor.transcript.service import Transcriber

ENGINES = ("moonshine",)


def build(
    engine: str = "moonshine",
    *,
    beam: int = 5,
    model: str | None = None,
    model_folder: Path | None = None,
    cache_folder: Path | None = None,
    threads: int = 1,
    device: str = "cpu",
    vocabulary: Sequence[str] = (),
    offline: bool = False,
) -> Transcriber:
    """A Transcriber for ``engine``; loads no model before its first use. Raises InvalidInput for an unknown engine."""
    recogniser: Recogniser
    if engine == "moonshine":
        recogniser = Moonshine(beam=beam, threads=threads, vocabulary=vocabulary)
    else:
        raise InvalidInput(
            f'There is no speech engine "{engine}".',
            code="transcript.engine",
            advice=f"Choose one of: {', '.join(ENGINES)}.",
        )
    return Transcriber(recogniser, SileroVoiceDetector(threads=threads), PocketSphinxAligner(), None)
