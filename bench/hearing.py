"""Word errors and speed of the default recogniser on real speech, beside sherpa-onnx on the same segments.

"Hearing" is everything from sound to utterances: voice detection, recognition and word alignment. Speed is seconds of
sound per second of CPU time of this process, with one thread. Texts are compared in lower case, without punctuation
and hesitations ("uh", "um"), numbers in digits on both sides; nothing else is forgiven. Of the telephone set the
recordings without invented brand words are scored (as its README advises), less those whose upstream transcript says
itself that words are missing or guessed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from text_to_num import alpha2digit

from bench.report import emit
from candor.kit.sound import MemorySound
from candor.transcript.adapters import build
from candor.transcript.adapters.sherpa import Sherpa
from candor.transcript.adapters.silero import SileroVoiceDetector
from candor.transcript.ports import Mono
from candor.transcript.segments import merge
from candor.transcript.service import _read

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
INCOMPLETE = re.compile(r"\(\(|\[\.\.\.|\[\[|\+|\*|~")
"""Upstream's marks of words that could not be made out or were left out."""
HESITATIONS = frozenset({"uh", "um", "ah", "er", "eh", "hmm", "mm", "mhm", "oh"})
Item = tuple[MemorySound, str]


def telephone(size: str) -> list[Item]:
    """G.711 mu-law recordings of landline, cordless and cell phones."""
    folder = DATA / "audio_telephone_wuw2" / "dev"
    records = [json.loads(line) for line in (folder / "refs.jsonl").read_text().splitlines()]
    records = [
        record
        for record in records
        if record["utt"] in ("006", "009", "010") and not INCOMPLETE.search(record["text_raw"])
    ]
    if size == "small":
        records = records[::4]
    return [
        (MemorySound(_mu_law((folder / record["file"]).read_bytes()), 8000), record["text_clean"]) for record in records
    ]


def smoke() -> list[Item]:
    """Wideband and mixed single files with verbatim texts."""
    folder = DATA / "audio_asr_smoke"
    items = []
    for line in (folder / "refs.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["text_kind"] != "verbatim" or record["file"].endswith("stereo_two_channels.wav"):
            continue
        text = record["text"]
        if "pyannote" in record["file"]:
            # Lines of an .stm file: call, speaker, start and end before the words.
            text = " ".join(row.split(maxsplit=5)[5] for row in text.strip().splitlines())
        samples, rate = soundfile.read(folder / record["file"], dtype="float32", always_2d=True)
        items.append((MemorySound(samples, rate), text))
    return items


def normal(text: str) -> list[str]:
    """The words that count: see the module's docstring."""
    text = re.sub(r"(?<=\d),(?=\d)", "", text.lower().replace("’", "'").replace("%", " "))
    words = [word.strip("'") for word in re.sub(r"[^a-z0-9' ]", " ", text).split()]
    said = " ".join(word for word in words if word and word not in HESITATIONS)
    return str(alpha2digit(said, "en")).split() if said else []


def errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Words substituted, left out and put in (Levenshtein distance)."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(reference, 1):
        before, row[0] = row[0], place
        for column, other in enumerate(heard, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1]


def _mu_law(data: bytes) -> np.ndarray:
    """G.711 mu-law octets as samples (ITU-T G.711, table 2a)."""
    inverted = ~np.frombuffer(data, np.uint8)
    magnitude = (((inverted & 0x0F).astype(np.int32) << 3) + 0x84 << ((inverted >> 4) & 7).astype(np.int32)) - 0x84
    return (np.where(inverted & 0x80, -magnitude, magnitude) / 32768.0).astype(np.float32)


def _measure(items: Sequence[Item], beam: int) -> tuple[float, float]:
    """Word error rate in percent, and times real time, of the whole transcription."""
    transcriber = build(beam=beam, speakers=False)
    transcriber.transcribe(items[0][0], language="en")  # loads the models
    wrong = total = 0
    begin = time.process_time()
    texts = [
        " ".join(utterance.text for utterance in transcriber.transcribe(sound, language="en").utterances)
        for sound, _ in items
    ]
    spent = time.process_time() - begin
    for (_, reference), text in zip(items, texts, strict=True):
        wrong += errors(normal(reference), normal(text))
        total += len(normal(reference))
    return 100.0 * wrong / total, _seconds(items) / spent


def _reference(items: Sequence[Item]) -> tuple[float, float] | None:
    """The same for sherpa-onnx running the same model files greedily on the same segments, without alignment."""
    try:
        import sherpa_onnx  # noqa: F401
    except ImportError:
        return None
    engine, detector = Sherpa(), SileroVoiceDetector()
    engine.recognise([np.zeros(16000, np.float32)])
    wrong = total = 0
    spent = 0.0
    for sound, reference in items:
        pieces = _segments(sound, detector)
        begin = time.process_time()
        heard = engine.recognise(pieces)
        spent += time.process_time() - begin
        text = " ".join(word.text for result in heard for word in result.words)
        wrong += errors(normal(reference), normal(text))
        total += len(normal(reference))
    return 100.0 * wrong / total, _seconds(items) / spent


def _segments(sound: MemorySound, detector: SileroVoiceDetector) -> list[Mono]:
    session = detector.start()
    duration = sound.frames / sound.rate
    session.feed(_read(sound, 0, 0.0, duration))
    return [_read(sound, 0, piece.start, piece.end) for piece in merge(session.finish(), duration)]


def _seconds(items: Sequence[Item]) -> float:
    return sum(sound.frames / sound.rate for sound, _ in items)


def main() -> None:
    """Run both sets at beam 5 and greedy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=("small", "full"), default="small")
    size = parser.parse_args().size
    if not DATA.is_dir():
        sys.exit("The test material ../shared/data is not on this machine.")
    for name, items in (("telephone", telephone(size)), ("smoke", smoke())):
        reference = _reference(items)
        for beam in (5, 1):
            rate, speed = _measure(items, beam)
            common = {"n": len(items), "reference": "sherpa-onnx, greedy, same segments, no alignment", "size": size}
            emit(
                name=f"hearing.{name}.beam{beam}.word_errors",
                value=rate,
                unit="%",
                reference_value=reference and reference[0],
                **common,
            )
            emit(
                name=f"hearing.{name}.beam{beam}.speed",
                value=speed,
                unit="x real time",
                reference_value=reference and reference[1],
                **common,
            )


if __name__ == "__main__":
    main()
