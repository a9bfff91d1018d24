"""The whole pipeline beside hearing alone, on the same calls in the same run.

"Hearing" is voice detection, speech decoding and word alignment: ``Transcriber.transcribe`` on sound in memory, once
before and once after the pipeline, the mean of both (the aligner remembers pronunciations, so a second pass is a little
cheaper). The whole is every stage with its sealing and database, inline in one process, on one core. CPU seconds of
this process. The calls come as telephone recorders write them: G.711 mu-law WAV, one party a channel.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
from demo.manifest import build_manifest

from bench.report import emit
from candor import wiring
from candor.capture.files import decode, gather
from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance
from candor.kit import log
from candor.kit.database import UnitOfWork
from candor.kit.sound import FlacReader, FlacWriter, MemorySound, SoundSource
from candor.pipeline import store
from candor.pipeline.adapters.inline import InlineEngine
from candor.pipeline.runner import Commit, Runner, Stage
from candor.pipeline.stages import STAGES, Rooms
from candor.pipeline.store import Run
from candor.scoring.service import builtin, score
from candor.services import Services
from candor.settings import load
from candor.wiring.scoring import embedder

CALLS = {"small": 4, "full": 18}


class Stopwatch:
    """CPU seconds by stage, around each stage's work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def around(self, stage: Stage[Rooms]) -> Stage[Rooms]:
        """The same stage, timed."""

        def work(rooms: Rooms, run: Run) -> Commit:
            started = time.process_time()
            commit = stage.work(rooms, run)
            self.add(stage.name, started)

            def timed(uow: UnitOfWork) -> None:
                began = time.process_time()
                commit(uow)
                self.add(stage.name, began)

            return timed

        return Stage(name=stage.name, title=stage.title, work=work)

    def add(self, name: str, started: float) -> None:
        """Count what has passed since ``started``."""
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=CALLS, default="small")
    size = parser.parse_args().size
    log.configure(json_lines=True, level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), size)


def run(folder: Path, size: str) -> None:
    """Measure in data folders of their own."""
    settings = load(data=folder / "data")
    services = wiring.open_services(settings)
    rooms = wiring.make_rooms(settings, services)
    calls = [Path(row["file"]) for row in build_manifest(datetime.now(UTC))[: CALLS[size]]]
    sounds = [telephone(call, folder) for call in calls]
    seconds = sum(sound.frames / sound.rate for sound in sounds)
    warm_up(rooms)
    before = hear(rooms, sounds)
    watch = process(services, rooms, sorted(str(path) for path in folder.glob("*.wav")))
    hearing = (before + hear(rooms, sounds)) / 2
    whole, rest = sum(watch.seconds.values()), sum(watch.seconds.values()) - watch.seconds["transcribe"]
    emit(name="pipeline.whole", value=whole, unit="cpu s", n=len(calls), reference="hearing alone", size=size,
         reference_value=hearing, sound_seconds=round(seconds, 1), target="ratio <= 1.10")  # fmt: skip
    emit(name="pipeline.rest", value=seconds / rest, unit="x real time", n=len(calls), reference="target",
         reference_value=250.0, size=size, by_stage={k: round(v, 3) for k, v in watch.seconds.items()})  # fmt: skip
    emit(name="pipeline.hearing", value=seconds / hearing, unit="x real time of calls", n=len(calls), size=size,
         reference="none", reference_value=None,
         peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))  # fmt: skip


def telephone(call: Path, folder: Path) -> SoundSource:
    """A demo call written beside as a G.711 WAV; returns what a decoder makes of that."""
    flac = io.BytesIO()
    with call.open("rb") as stream:
        decode(stream, call.name, lambda rate, channels: FlacWriter(flac, rate, channels))
    flac.seek(0)
    with FlacReader(flac) as reader:
        path = folder / f"{call.stem}.wav"
        soundfile.write(path, reader.window(0, reader.frames), reader.rate, subtype="ULAW")
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return MemorySound(samples, rate)


def hear(rooms: Rooms, sounds: list[SoundSource]) -> float:
    """CPU seconds of hearing alone."""
    began = time.process_time()
    for sound in sounds:
        rooms.transcriber({}).transcribe(sound, language="en", roles={0: Role.CUSTOMER, 1: Role.AGENT})
    return time.process_time() - began


def process(services: Services, rooms: Rooms, paths: list[str]) -> Stopwatch:
    """Import and process everything; returns CPU seconds by stage, the runner's own work as ``engine``."""
    watch = Stopwatch()
    stages = [watch.around(stage) for stage in STAGES]
    runner: Runner[Rooms] = Runner(services.database, rooms, stages, services.replay.index)
    began = time.process_time()
    for item in gather(paths):
        facts = replace(item.metadata, language="en", customer_channel=0, agent_channel=1)
        services.intake.take(replace(item, metadata=facts), actor="bench")
    watch.add("intake", began)
    engine = InlineEngine(runner)
    with services.database.read() as uow:
        runs = store.unfinished(uow)
    began, so_far = time.process_time(), sum(watch.seconds.values())
    for each in runs:
        engine.submit(each.id)
    watch.seconds["engine"] = time.process_time() - began - (sum(watch.seconds.values()) - so_far)
    return watch


def warm_up(rooms: Rooms) -> None:
    """Load every model and table before anything is measured."""
    noise = np.random.default_rng(0).normal(0, 0.1, (16_000, 1)).astype(np.float32)
    rooms.transcriber({}).transcribe(MemorySound(noise, 8_000), language="en")
    said = Utterance(index=0, speaker=0, start=0.0, end=2.0, text="I was charged twice, my name is Ann.")
    transcript = Transcript(
        engine="none", model="none", version="0", language="en", duration=2.0, speakers=(Speaker(role=Role.CUSTOMER),),
        split=SpeakerSplit.GIVEN, utterances=(said,),
    )  # fmt: skip
    redaction = rooms.redactor.redact(transcript)
    analysis = rooms.analyser.analyse(redaction.transcript, redaction.spans)
    score(builtin("customer-service-basics"), redaction.transcript, analysis, conversation_id="", transcript_id=None,
          embed=embedder())  # fmt: skip


if __name__ == "__main__":
    main()
