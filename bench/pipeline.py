"""The whole pipeline beside hearing alone, on the same calls in the same run.

"Hearing" is voice detection, speech decoding and word alignment: ``Transcriber.transcribe`` on sound in memory. The
whole is every stage with its sealing and database, inline in one process, on one core. CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from demo.manifest import COLUMNS, build_manifest

from bench.report import emit
from candor import wiring
from candor.capture.files import gather
from candor.conversation.model import Role
from candor.kit.database import UnitOfWork
from candor.kit.sound import FlacReader, MemorySound, SoundSource
from candor.pipeline import store
from candor.pipeline.adapters.inline import InlineEngine
from candor.pipeline.runner import Commit, Runner, Stage
from candor.pipeline.stages import STAGES, Rooms
from candor.pipeline.store import Run
from candor.settings import load

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
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), size)


def run(folder: Path, size: str) -> None:
    """Measure in a data folder of its own."""
    settings = load(data=folder / "data")
    services = wiring.open_services(settings)
    rooms = wiring.make_rooms(settings, services)
    warm_up(rooms)
    watch = Stopwatch()
    runner: Runner[Rooms] = Runner(
        services.database, rooms, [watch.around(stage) for stage in STAGES], services.replay.index
    )
    started = time.process_time()
    ids = [services.intake.take(item, actor="bench").conversation_id for item in gather([str(manifest(folder, size))])]
    watch.add("intake", started)
    started = time.process_time()
    engine = InlineEngine(runner)
    with services.database.read() as uow:
        runs = store.unfinished(uow)
    for each in runs:
        engine.submit(each.id)
    whole = time.process_time() - started + watch.seconds["intake"]

    hearing, sound_seconds = 0.0, 0.0
    for an_id in ids:
        with services.database.read() as uow:
            working = services.shelf.working(uow, an_id)
        assert working is not None
        with FlacReader(working) as reader:
            sound: SoundSource = MemorySound(reader.window(0, reader.frames), reader.rate)
        sound_seconds += sound.frames / sound.rate
        began = time.process_time()
        rooms.transcriber({}).transcribe(sound, language="en", roles={0: Role.CUSTOMER, 1: Role.AGENT})
        hearing += time.process_time() - began
    rest = whole - watch.seconds["transcribe"]
    emit(name="pipeline.whole", value=whole, unit="cpu s", n=len(ids), reference="hearing alone", size=size,
         reference_value=hearing, sound_seconds=round(sound_seconds, 1), target="ratio <= 1.10")  # fmt: skip
    emit(name="pipeline.rest", value=sound_seconds / rest, unit="x real time", n=len(ids), reference="target",
         reference_value=250.0, size=size, by_stage={k: round(v, 3) for k, v in watch.seconds.items()})  # fmt: skip
    emit(name="pipeline.hearing", value=sound_seconds / hearing, unit="x real time of calls", n=len(ids), size=size,
         reference="none", reference_value=None,
         peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))  # fmt: skip


def warm_up(rooms: Rooms) -> None:
    """Load every model before anything is measured."""
    import numpy as np

    rooms.transcriber({}).transcribe(
        MemorySound(np.random.default_rng(0).normal(0, 0.1, (16_000, 1)).astype(np.float32), 8_000), language="en"
    )
    if rooms.embed is not None:
        rooms.embed(["warm up the model"])


def manifest(folder: Path, size: str) -> Path:
    """The demo calls' list, its files as links beside it."""
    path = folder / "calls.csv"
    rows = build_manifest(datetime.now(UTC))[: CALLS[size]]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for row in rows:
            source = Path(row["file"])
            (folder / source.name).write_bytes(source.read_bytes())
            writer.writerow(row | {"file": source.name})
    return path


if __name__ == "__main__":
    main()
