"""Word errors of real speech through the whole product: imported from files, processed, read back from the vault.

The same recordings, text rules and scored sets as ``bench.hearing``; the reference is the recogniser alone on the same
sound in the same run. Beside it stands the share of words that redaction masked (these texts hold few personal data).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from bench.hearing import DATA, Item, _measure, _sets, _word_errors, smoke, telephone
from bench.report import emit
from candor import wiring
from candor.capture.files import gather
from candor.kit import log
from candor.pipeline import store
from candor.pipeline.adapters.inline import InlineEngine
from candor.pipeline.runner import Runner
from candor.pipeline.stages import Rooms
from candor.services import Services
from candor.settings import load


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("small", "full"), default="small")
    size = parser.parse_args().size
    if not DATA.is_dir():
        print("Skipped: the test material ../shared/data is not on this machine.", file=sys.stderr)
        return
    log.configure(json_lines=True, level="ERROR")
    calls, kinds = telephone(size)
    for name, items, scored in (
        ("telephone", calls, _sets(kinds)[""]),
        ("smoke", smoke(), None),
    ):
        places = scored if scored is not None else list(range(len(items)))
        began = time.process_time()
        said, masked = through(items)
        spent = time.process_time() - began
        alone, _ = _measure(items, 5)
        emit(name=f"hearing_through.{name}.word_errors", value=_word_errors(items, said, places), unit="%",
             n=len(places), reference="the recogniser alone", reference_value=_word_errors(items, alone, places),
             size=size, masked_words_percent=round(masked, 2))  # fmt: skip
        seconds = sum(sound.frames / sound.rate for sound, _ in items)
        emit(name=f"hearing_through.{name}.speed", value=seconds / spent, unit="x real time", n=len(items),
             reference="none", reference_value=None, size=size)  # fmt: skip


def through(items: list[Item]) -> tuple[list[str], float]:
    """What the product wrote down for each item, and the percentage of words that it masked."""
    with tempfile.TemporaryDirectory() as folder:
        sounds = Path(folder) / "sounds"
        sounds.mkdir()
        for place, (sound, _) in enumerate(items):
            path = sounds / f"{place:04d}.wav"
            narrow = sound.rate == 8_000
            soundfile.write(path, sound.window(0, sound.frames), sound.rate, subtype="ULAW" if narrow else "PCM_16")
        settings = load(data=Path(folder) / "data")
        services = wiring.open_services(settings)
        return process(services, wiring.make_runner(settings, services), sounds, len(items))


def process(services: Services, runner: Runner[Rooms], sounds: Path, count: int) -> tuple[list[str], float]:
    """Import the folder, run every stage, read the transcripts back."""
    ids = {}
    for item in gather([str(sounds)]):
        ids[int(Path(item.name).stem)] = services.intake.take(item, actor="bench").conversation_id
    engine = InlineEngine(runner)
    with services.database.read() as uow:
        runs = store.unfinished(uow, limit=10_000)
    for run in runs:
        engine.submit(run.id)
    texts, words, hidden = [], 0, 0
    for place in range(count):
        with services.database.read() as uow:
            found = services.shelf.transcript(uow, ids[place])
            redaction = services.shelf.redaction(uow, ids[place])
        said = [utterance.text for utterance in found[1].utterances] if found else []
        texts.append(" ".join(said))
        words += sum(len(text.split()) for text in said)
        hidden += sum(span.last_word - span.first_word + 1 for span in redaction.spans) if redaction else 0
    return texts, 100 * hidden / max(1, words)


if __name__ == "__main__":
    main()
