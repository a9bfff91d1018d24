"""Word errors and speed of the default recogniser on real speech, beside sherpa-onnx on the same segments.

"Hearing" is everything from sound to utterances: voice detection, recognition and word alignment. Speed is seconds of
sound per second of CPU time of this process, with one thread.

Texts are compared in the manner of Whisper's English normaliser: lower case, no punctuation, no hesitations ("uh",
"oh"), numbers in digits, contractions written out ("I'll", "gonna"), "ok" as "okay". Two words that the other side
writes as one count as that one ("some day", "wild fire"). Spelling mistakes of the references are listed in SPELLING
and put right.

Scored of the telephone set are the sentences 006, 009 and 010 (the others hold invented brand words), less those whose
own transcript says that words are missing or guessed. Beside it stand the figure of all 006, 009 and 010 and that of
one half of the speakers, by which the views of unclear sound were not chosen.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import zlib
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
HESITATIONS = frozenset({"uh", "uhm", "um", "ah", "er", "eh", "hmm", "mm", "mhm", "oh"})
SPELLING = {
    "assitant": "assistant",
    "excelent": "excellent",
    "experiance": "experience",
    "goodmorning": "good morning",
    "marry had": "mary had",
    "plymout": "plymouth",
    "presonal": "personal",
    "sallsbury": "salisbury",
    "sentance": "sentence",
    "spaceshuttle": "space shuttle",
    "terriable": "terrible",
    "twovoyager": "two voyager",
    "whos": "whose",
    "dont": "don't",
    "heres": "here's",
    "im": "i'm",
    "ive": "i've",
    "lets": "let's",
    "thats": "that's",
    "theres": "there's",
}
"""Mistakes of the telephone set's transcripts, found by looking their words up in a dictionary."""
_MISSPELT = re.compile(rf"\b(?:{'|'.join(SPELLING)})\b")
_SPOKEN = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\b(?:it is|it's)\b", "its"),  # the references write "its" for both
        (r"\bwon't\b", "will not"),
        (r"\b(?:can't|cannot)\b", "can not"),
        (r"n't\b", " not"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
        (r"'d\b", " would"),
        (r"\bi'm\b", "i am"),
        (r"\blet's\b", "let us"),
        (r"\b(here|there|that|what|who|he|she|where|how)'s\b", r"\1 is"),
        (r"\bgonna\b", "going to"),
        (r"\bwanna\b", "want to"),
        (r"\bgotta\b", "got to"),
        (r"\bok\b", "okay"),
        (r"\bmr\b", "mister"),
        (r"\bmrs\b", "missus"),
        (r"\bdr\b", "doctor"),
        (r"\bst\b", "street"),
    )
)
Item = tuple[MemorySound, str]


def telephone(size: str) -> tuple[list[Item], list[str]]:
    """G.711 mu-law recordings of landline, cordless and cell phones, and what each counts as (see :func:`_sets`)."""
    folder = DATA / "audio_telephone_wuw2" / "dev"
    records = [json.loads(line) for line in (folder / "refs.jsonl").read_text().splitlines()]
    # Callers say their name in recording 000; some called several times.
    names = {record["session"]: record["text_clean"].lower() for record in records if record["utt"] == "000"}
    records = [record for record in records if record["utt"] in ("006", "009", "010")]
    if size == "small":
        records = records[::4]
    items, kinds = [], []
    for record in records:
        samples = _mu_law((folder / record["file"]).read_bytes())
        items.append((MemorySound(samples, 8000), record["text_clean"]))
        if INCOMPLETE.search(record["text_raw"]):
            kinds.append("incomplete")
        else:
            held_out = zlib.crc32(names.get(record["session"], record["session"]).encode()) % 2
            kinds.append("held_out" if held_out else "tuned")
    return items, kinds


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
    text = re.sub(r"(?<=\d),(?=\d)", "", text.lower().replace("’", "'"))
    text = re.sub(r"[^a-z0-9' ]", " ", text)
    text = _MISSPELT.sub(lambda found: SPELLING[found[0]], text)
    for pattern, plain in _SPOKEN:
        text = pattern.sub(plain, text)
    words = [word.replace("'", "") for word in text.split()]
    said = " ".join(word for word in words if word and word not in HESITATIONS)
    return str(alpha2digit(said, "en")).split() if said else []


def pair(reference: str, heard: str) -> tuple[list[str], list[str]]:
    """Both texts in words that count, neighbours written as one where the other side does."""
    left, right = normal(reference), normal(heard)
    return _joined(left, right), _joined(right, left)


def _joined(words: Sequence[str], other: Sequence[str]) -> list[str]:
    wholes = set(other) - set(words)
    out: list[str] = []
    place = 0
    while place < len(words):
        whole = "".join(words[place : place + 2])
        together = place + 1 < len(words) and whole in wholes
        out.append(whole if together else words[place])
        place += 2 if together else 1
    return out


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


def _measure(items: Sequence[Item], beam: int) -> tuple[list[str], float]:
    """What was heard, and times real time, of the whole transcription."""
    transcriber = build(beam=beam, speakers=False)
    transcriber.transcribe(items[0][0], language="en")  # loads the models
    begin = time.process_time()
    texts = [
        " ".join(utterance.text for utterance in transcriber.transcribe(sound, language="en").utterances)
        for sound, _ in items
    ]
    return texts, _seconds(items) / (time.process_time() - begin)


def _reference(items: Sequence[Item]) -> tuple[list[str], float] | None:
    """The same for sherpa-onnx running the same model files greedily on the same segments, without alignment."""
    try:
        import sherpa_onnx  # noqa: F401
    except ImportError:
        return None
    engine, detector = Sherpa(), SileroVoiceDetector()
    engine.recognise([np.zeros(16000, np.float32)])
    texts = []
    spent = 0.0
    for sound, _ in items:
        pieces = _segments(sound, detector)
        begin = time.process_time()
        heard = engine.recognise(pieces)
        spent += time.process_time() - begin
        texts.append(" ".join(word.text for result in heard for word in result.words))
    return texts, _seconds(items) / spent


def _word_errors(items: Sequence[Item], texts: Sequence[str], places: Sequence[int]) -> float:
    """Percent of the words of ``items`` at ``places``."""
    wrong = total = 0
    for place in places:
        reference, heard = pair(items[place][1], texts[place])
        wrong += errors(reference, heard)
        total += len(reference)
    return 100.0 * wrong / total


def _sets(kinds: Sequence[str]) -> dict[str, list[int]]:
    """Places of the recordings behind each figure: the scored ones, one half of the speakers, and all."""
    return {
        "": [place for place, kind in enumerate(kinds) if kind != "incomplete"],
        ".held_out": [place for place, kind in enumerate(kinds) if kind == "held_out"],
        ".all": list(range(len(kinds))),
    }


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
        print("Skipped: the test material ../shared/data is not on this machine.", file=sys.stderr)
        return
    calls, kinds = telephone(size)
    mixed = smoke()
    for name, items, sets in (("telephone", calls, _sets(kinds)), ("smoke", mixed, {"": list(range(len(mixed)))})):
        reference = _reference(items)
        for beam in (5, 1):
            texts, speed = _measure(items, beam)
            common = {"reference": "sherpa-onnx, greedy, same segments, no alignment", "size": size}
            for which, places in sets.items():
                emit(
                    name=f"hearing.{name}.beam{beam}.word_errors{which}",
                    value=_word_errors(items, texts, places),
                    unit="%",
                    n=len(places),
                    reference_value=reference and _word_errors(items, reference[0], places),
                    **common,
                )
            emit(
                name=f"hearing.{name}.beam{beam}.speed",
                value=speed,
                unit="x real time",
                n=len(items),
                reference_value=reference and reference[1],
                **common,
            )


if __name__ == "__main__":
    main()
