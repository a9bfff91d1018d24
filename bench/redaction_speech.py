"""Personal data in recogniser output, masked in the sound: ``python -m bench.redaction_speech [--size small|full]``.

The calls are recognised with the built-in recogniser (beam 5) and redacted as the pipeline does it, then the masked
times are held against the true ones. Two sets:

* ``demo``: the project's own synthetic calls; ``demo/calls/truth.json`` has the exact time of each piece.
* ``digits``: card, phone and account numbers joined from single real digits of one speaker, in real telephone
  sentences of another (``../shared/data``), one channel. Names and addresses in those sentences count as extra sound
  (``extra_without_names``: not).
  The sentences do not ask for a number, so nothing but the run tells.

The reference is a pass of bare regular expressions over the same transcripts, its words masked at their bare times.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from bench.redaction import BARE, DATA, REFERENCE, offsets
from bench.report import emit
from candor.conversation.model import Role
from candor.conversation.transcript import Redaction, Transcript
from candor.kit.sound import MemorySound
from candor.redaction.edges import with_lost_digits
from candor.redaction.service import Redactor, strip_never_stored
from candor.transcript.adapters import build

CALLS = Path(__file__).resolve().parents[1] / "demo" / "calls"
RATE = 8000
STEP = 100
"""Cells a second in which masked time is counted."""
TOLERANCE = 0.3
"""Seconds beside a true span that do not count as falsely masked."""
COVERED = 0.85
TARGETS = {"digits": 0.98, "extra": 0.10}
"""What later releases must reach on the joined digits: every digit masked, extra sound masked."""
Times = Sequence[tuple[float, float]]
Finder = Callable[[Transcript], list[tuple[str, float, float]]]


@dataclass
class Tally:
    """Counts of one kind: seconds of true spans, masked of them; spans, covered; falsely masked seconds."""

    seconds: float = 0.0
    masked: float = 0.0
    spans: int = 0
    covered: int = 0
    missed: list[str] = field(default_factory=list)


def decode(path: Path) -> MemorySound:
    """A whole file as 8 kHz float32."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout)
        frames = [out.to_ndarray() for frame in container.decode(stream) for out in resampler.resample(frame)]
        rate = stream.rate
    sound = soxr.resample(np.concatenate(frames, axis=1).T, rate, RATE)
    return MemorySound(np.ascontiguousarray(sound, dtype=np.float32), RATE)


def recognise(sound: MemorySound) -> Transcript:
    """Customer left, agent right; a single channel is the customer's."""
    roles = {0: Role.CUSTOMER, 1: Role.AGENT} if sound.channels > 1 else {0: Role.CUSTOMER}
    return build(beam=5).transcribe(sound, language="en", roles=roles)


def demo_calls(size: str) -> Iterator[tuple[str, Transcript]]:
    """The demonstration calls, recognised."""
    for path in sorted(CALLS.glob("*.opus"))[3::6] if size == "small" else sorted(CALLS.glob("*.opus")):
        yield path.stem, recognise(decode(path))


def redacted(transcript: Transcript) -> Redaction:
    """In the pipeline's two steps."""
    redactor = Redactor()
    return redactor.redact(strip_never_stored(transcript, redactor.redact(transcript)))


def redacted_times(transcript: Transcript) -> list[tuple[str, float, float]]:
    """(kind, start, end) of what is masked by its words."""
    return [(span.kind.value, span.start, span.end) for span in redacted(transcript).spans]


def bare_times(transcript: Transcript) -> list[tuple[str, float, float]]:
    """The same for the bare expressions."""
    found = []
    for utterance in transcript.utterances:
        hits = [match.span() for match in BARE.finditer(utterance.text)]
        for word, (begin, end) in zip(utterance.words, offsets(utterance.text), strict=True):
            if any(b < end and begin < e for b, e in hits):
                found.append(("BARE", word.start, word.end))
    return found


def cells(times: Times, duration: float) -> np.ndarray:
    """True where masked, ``STEP`` cells a second."""
    line = np.zeros(round(duration * STEP) + 1, dtype=bool)
    for start, end in times:
        line[max(round(start * STEP), 0) : max(round(end * STEP), 0)] = True
    return line


def truth_of(call: dict[str, Any]) -> list[tuple[str, float, float, str]]:
    """(kind, start, end, words) of each true span."""
    return [
        (span["kind"], span["start"], span["end"], span["spoken"]) for turn in call["turns"] for span in turn["pii"]
    ]


def agent_names(call: dict[str, Any]) -> list[tuple[float, float]]:
    """Where the agent says the own name: masked as any name, though the truth marks customers' alone."""
    found = []
    for turn in call["turns"]:
        for word, (start, end) in zip(turn["text"].split(), turn["words"], strict=False):
            if word.strip(".,!?") in AGENTS:
                found.append((start, end))
    return found


AGENTS = frozenset({"Emma", "Clarke", "Daniel", "Reed", "Sarah", "Bennett", "Tom", "Grant", "Karen", "Walsh"})


def judge(
    calls: Sequence[tuple[str, Transcript]], truth: dict[str, Any], find: Finder
) -> tuple[dict[str, Tally], dict[str, float], float]:
    """Tallies by kind, falsely masked seconds by the kind they were masked as, and the seconds of all calls."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    false: dict[str, float] = defaultdict(float)
    total = 0.0
    for name, transcript in calls:
        call = truth[name]
        duration = max(call["duration"], transcript.duration) + 1
        total += call["duration"]
        found = find(transcript)
        line = cells([(start, end) for _, start, end in found], duration)
        wanted = truth_of(call)
        for kind, start, end, spoken in wanted:
            inside = line[round(start * STEP) : round(end * STEP)]
            tally = tallies[kind]
            tally.seconds += len(inside) / STEP
            tally.masked += inside.sum() / STEP
            tally.spans += 1
            share = inside.mean() if len(inside) else 1.0
            tally.covered += share >= COVERED
            if share < COVERED:
                tally.missed.append(f"{name[:2]} {start:.1f} {share:.2f} {spoken}")
        allowed = cells(
            [(start - TOLERANCE, end + TOLERANCE) for _, start, end, _ in wanted]
            + [(start - TOLERANCE, end + TOLERANCE) for start, end in agent_names(call)],
            duration,
        )
        taken = allowed.copy()
        for kind, start, end in sorted(found):
            part = cells([(start, end)], duration) & ~taken
            false[kind] += part.sum() / STEP
            taken |= part
    return tallies, false, total


def demo(size: str, calls: Sequence[tuple[str, Transcript]] | None = None) -> None:
    """The project's own calls."""
    truth = json.loads((CALLS / "truth.json").read_text(encoding="utf-8"))
    calls = list(demo_calls(size)) if calls is None else calls
    ours, false, total = judge(calls, truth, redacted_times)
    bare, bare_false, _ = judge(calls, truth, bare_times)
    for kind, tally in [*sorted(ours.items()), ("all", _sum(ours))]:
        other = bare[kind] if kind != "all" else _sum(bare)
        emit(
            name=f"redaction_speech.demo.{kind}",
            value=tally.masked / tally.seconds,
            unit="share of true seconds masked",
            n=tally.spans,
            reference=REFERENCE,
            reference_value=other.masked / other.seconds,
            size=size,
            covered=round(tally.covered / tally.spans, 4),
            covered_reference=round(other.covered / other.spans, 4),
            missed=tally.missed,
        )
    emit(
        name="redaction_speech.demo.false",
        value=sum(false.values()) / total * 3600,
        unit="falsely masked seconds per hour of call",
        n=round(total),
        reference=REFERENCE,
        reference_value=sum(bare_false.values()) / total * 3600,
        size=size,
        kinds={kind: round(seconds, 2) for kind, seconds in sorted(false.items()) if seconds},
    )


def _sum(tallies: dict[str, Tally]) -> Tally:
    whole = Tally()
    for tally in tallies.values():
        whole.seconds += tally.seconds
        whole.masked += tally.masked
        whole.spans += tally.spans
        whole.covered += tally.covered
    return whole


@dataclass
class Joined:
    """A sentence, a number, a sentence: the sound and the true time of each digit."""

    sound: MemorySound
    digits: list[tuple[float, float]]
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How numbers are joined: seconds (least, most) between digits, between groups of four, beside the number."""

    seed: int
    between: tuple[float, float] = (0.05, 0.18)
    groups: tuple[float, float] = (0.25, 0.5)
    beside: tuple[float, float] = (0.4, 0.4)
    louder: float = 0.0
    """dB by which the number may be louder or softer than the sentences."""


BUILT_WITH = (Making(seed=5),)
HELD_OUT = (
    Making(seed=33, between=(0.0, 0.04), groups=(0.1, 0.25), beside=(0.25, 0.7), louder=6.0),
    Making(seed=34, between=(0.2, 0.6), groups=(0.4, 0.8), beside=(0.25, 0.7), louder=6.0),
    Making(seed=35, between=(0.03, 0.3), groups=(0.03, 0.5), beside=(0.15, 0.4), louder=6.0),
)
"""Other numbers, recordings of digits and sentences, and other rhythms; looked at only to report."""


def joined(size: str, made: Sequence[Making] = BUILT_WITH) -> Iterator[Joined]:
    """Numbers of one real speaker between sentences of real telephone callers; always the same ones."""
    for making in made:
        yield from _joined(size, making, len(made))


def _joined(size: str, making: Making, parts_made: int) -> Iterator[Joined]:
    digits_folder, carrier_folder = DATA / "audio_digits_fsdd" / "dev", DATA / "audio_telephone_wuw2" / "dev"
    if not (digits_folder.is_dir() and carrier_folder.is_dir()):
        return
    rng = np.random.default_rng(making.seed)
    by_speaker: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(digits_folder.rglob("*.wav")):
        digit, speaker = path.stem.split("_")[:2]
        by_speaker[speaker][digit].append(path)
    records = [json.loads(line) for line in (carrier_folder / "refs.jsonl").read_text(encoding="utf-8").splitlines()]
    carriers = [record for record in records if record["kind"].startswith("free") and record["duration"] > 3]
    for place in range((18 if size == "small" else 60) // parts_made):
        speaker = sorted(by_speaker)[place % len(by_speaker)]
        length = (16, 10, 8)[place // len(by_speaker) % 3]
        number = [str(n) for n in rng.integers(0, 10, length)]
        if length == 16:
            number = _with_check_digit(["4", *number[1:15]])
        before, after = (carriers[int(i)] for i in rng.choice(len(carriers), 2, replace=False))
        parts = [_level(_mu_law((carrier_folder / before["file"]).read_bytes())), _beside(rng, making)]
        loudness = 10 ** (rng.uniform(-making.louder, making.louder) / 20) if making.louder else 1.0
        at = sum(map(len, parts))
        times = []
        for i, digit in enumerate(number):
            if i:
                gap = _quiet(rng, float(rng.uniform(*(making.groups if i % 4 == 0 else making.between))))
                parts.append(gap)
                at += len(gap)
            sound, rate = soundfile.read(
                str(rng.choice(np.array(by_speaker[speaker][digit], dtype=object))), dtype="float32"
            )
            if rate != RATE:
                raise ValueError(f"digits at {rate} Hz")
            parts.append(_level(sound) * np.float32(loudness))
            times.append((at / RATE, (at + len(sound)) / RATE))
            at += len(sound)
        parts += [_beside(rng, making), _level(_mu_law((carrier_folder / after["file"]).read_bytes()))]
        whole = np.concatenate(parts).astype(np.float32)[:, np.newaxis]
        yield Joined(MemorySound(whole, RATE), times, length)


def _with_check_digit(digits: list[str]) -> list[str]:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return [*digits, str(-total % 10)]


def _mu_law(data: bytes) -> np.ndarray:
    """ITU-T G.711 mu-law to float32."""
    code = ~np.frombuffer(data, dtype=np.uint8)
    magnitude = (((code & 15).astype(np.int32) << 3) + 132 << ((code >> 4) & 7)) - 132
    return (np.where(code & 128, -magnitude, magnitude) / 32768).astype(np.float32)


def _level(sound: np.ndarray) -> np.ndarray:
    """Speech at about −23 dB of full scale."""
    loud = np.abs(sound) > 0.1 * np.abs(sound).max(initial=1e-6)
    return sound * (0.07 / max(float(np.sqrt(np.mean(sound[loud] ** 2))) if loud.any() else 1.0, 1e-6))


def _beside(rng: np.random.Generator, making: Making) -> np.ndarray:
    least, most = making.beside
    return _quiet(rng, least if least == most else float(rng.uniform(least, most)))


def _quiet(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """The hiss of a line, −62 dB."""
    return rng.normal(0, 0.0008, round(seconds * RATE)).astype(np.float32)


def digits(
    size: str,
    items: Sequence[tuple[Joined, Transcript]] | None = None,
    *,
    made: Sequence[Making] = BUILT_WITH,
    name: str = "digits",
) -> None:
    """Every digit masked (≥ 0.98 of its samples), and how much else within the sound."""
    if items is None:
        items = [(item, recognise(item.sound)) for item in joined(size, made)]
    if not items:
        return
    for ours in (True, False):
        whole: dict[int, list[float]] = defaultdict(lambda: [0.0] * 5)
        for item, transcript in items:
            duration = item.sound.frames / RATE
            if ours:
                redaction = redacted(transcript)
                found = [(span.kind.value, span.start, span.end) for span in redaction.spans]
                masked = with_lost_digits(item.sound, redaction)
            else:
                found = bare_times(transcript)
                masked = [(start, end) for _, start, end in found]
            line = cells(masked, duration + 1)
            counts = whole[item.length]
            for start, end in item.digits:
                counts[0] += 1
                counts[1] += line[round(start * STEP) : round(end * STEP)].mean() >= 0.98
            number = cells([(item.digits[0][0], item.digits[-1][1])], duration + 1)
            counts[2] += (line & ~number).sum() / STEP
            counts[3] += number.sum() / STEP
            names = cells([(start, end) for kind, start, end in found if kind in {"NAME", "ADDRESS"}], duration + 1)
            counts[4] += (line & ~number & ~names).sum() / STEP
        if ours:
            result = whole
    for by_length in (result, whole):
        by_length[0] = [sum(values) for values in zip(*by_length.values(), strict=True)]
    for length in sorted(result):
        mine, other = result[length], whole[length]
        emit(
            name=f"redaction_speech.{name}.{length or 'all'}",
            value=mine[1] / mine[0],
            unit="share of digits wholly masked",
            n=int(mine[0]),
            reference=REFERENCE,
            reference_value=other[1] / other[0],
            size=size,
            later_target=TARGETS["digits"],
            extra=round(mine[2] / mine[3], 4),
            extra_without_names=round(mine[4] / mine[3], 4),
            extra_reference=round(other[2] / other[3], 4),
            extra_later_target=TARGETS["extra"],
        )


def main() -> None:
    """Run both sets."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=["small", "full"], default="small")
    size = parser.parse_args().size
    demo(size)
    digits(size)
    digits(size, made=HELD_OUT, name="digits_held_out")


if __name__ == "__main__":
    main()
