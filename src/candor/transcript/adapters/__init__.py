"""Engines by name: the settings of an engine become a ready Transcriber here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from candor.errors import InvalidInput
from candor.transcript.adapters.faster_whisper import FasterWhisper
from candor.transcript.adapters.moonshine import Moonshine
from candor.transcript.adapters.onnx_asr import OnnxAsr
from candor.transcript.adapters.pocketsphinx_align import PocketSphinxAligner
from candor.transcript.adapters.sherpa import Sherpa
from candor.transcript.adapters.silero import SileroVoiceDetector
from candor.transcript.adapters.speakers import SpeakerEmbeddings
from candor.transcript.ports import Recogniser
from candor.transcript.service import Transcriber

ENGINES = ("moonshine", "faster-whisper", "onnx-asr", "sherpa-onnx")


def build(
    engine: str = "moonshine",
    *,
    speakers: bool = True,
    threads: int = 1,
    **options: Any,
) -> Transcriber:
    """A Transcriber for ``engine``; nothing is loaded or fetched before its first use, so it costs nothing to make.

    ``speakers`` splits mixed channels by voice; the other options are those of :func:`build_recogniser`, which says
    what is raised.
    """
    recogniser = build_recogniser(engine, threads=threads, **options)
    return Transcriber(
        recogniser,
        SileroVoiceDetector(threads=threads),
        PocketSphinxAligner(),
        SpeakerEmbeddings(threads=threads) if speakers else None,
        recogniser if isinstance(recogniser, Moonshine) else None,
    )


def build_recogniser(
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
) -> Recogniser:
    """The recogniser of ``engine``, not loaded yet.

    ``beam`` is the number of hypotheses (1 = greedy); ``model`` a name, ``model_folder`` a folder with the model's
    files, ``cache_folder`` where fetched models go; ``device`` is ``cpu`` or ``cuda``; ``vocabulary`` are words and
    phrases to prefer (moonshine, faster-whisper); ``offline`` forbids fetching. Raises InvalidInput for an unknown
    engine or a beam outside 1 to 20.
    """
    if not 1 <= beam <= 20:
        raise InvalidInput(f"A beam of {beam} is outside 1 to 20.", code="transcript.beam")
    if engine == "moonshine":
        return Moonshine(beam=beam, threads=threads, vocabulary=vocabulary)
    if engine == "faster-whisper":
        return FasterWhisper(
            model=model,
            model_folder=model_folder,
            cache_folder=cache_folder,
            beam=beam,
            threads=threads,
            device=device,
            vocabulary=vocabulary,
            offline=offline,
        )
    if engine == "onnx-asr":
        return OnnxAsr(model=model, model_folder=model_folder, threads=threads, device=device, offline=offline)
    if engine == "sherpa-onnx":
        return Sherpa(model=model, model_folder=model_folder, beam=beam, threads=threads, device=device)
    raise InvalidInput(
        f'There is no speech engine "{engine}".',
        code="transcript.engine",
        advice=f"Choose one of: {', '.join(ENGINES)}.",
    )
