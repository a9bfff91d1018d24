"""Speak the dialogues: ``python -m demo.make_calls [ID…]`` writes ``demo/calls/*.opus`` and ``demo/calls/truth.json``.

Users never need this: its results are committed. It wants Debian's flite, festival and festvox-us-slt-hts, and is
deterministic: the same dialogues give the same placement and the same sound.

The sound is that of a telephone line: 300–3,400 Hz, 8,000 samples a second, one mu-law round trip (ITU-T G.711), a
little line noise; left is the customer, right the agent; speech at −20 dBFS.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from demo.dialogue import HERE, Call, Turn, cast, load_all
from demo.voices import RATE, Spoken, SynthesiserMissing, speak

CALLS = HERE / "calls"
LINE_RATE = 8_000
BIT_RATE = 22_000
SPEECH_DBFS = -20.0
NOISE_DBFS = -62.0
MUSIC_DBFS = -26.0
CHANNELS = {"customer": 0, "agent": 1}
Samples = NDArray[np.float32]


def main(arguments: list[str] | None = None) -> int:
    """Make all calls, or only those named; the exit code is 1 when a synthesiser is missing."""
    parser = argparse.ArgumentParser(description="Speak the demo dialogues.")
    parser.add_argument("ids", nargs="*", help="only these calls (the file names without .yaml)")
    chosen = parser.parse_args(arguments).ids
    CALLS.mkdir(exist_ok=True)
    truth_file = CALLS / "truth.json"
    truth: dict[str, Any] = json.loads(truth_file.read_text(encoding="utf-8")) if truth_file.exists() else {}
    calls = load_all()
    wanted = [call for call in calls if not chosen or call.id in chosen]
    with ProcessPoolExecutor() as pool:
        try:
            for call, (sound, told) in zip(wanted, pool.map(render, wanted), strict=True):
                truth[call.id] = told
                size = encode(sound, CALLS / f"{call.id}.opus")
                print(f"{call.id}: {told['duration']:.1f} s, {size / 1000:.0f} kB, peak {np.abs(sound).max():.2f}")
        except SynthesiserMissing as missing:
            print(missing, file=sys.stderr)
            return 1
    known = {call.id for call in calls}
    compact = {key: json.dumps(truth[key], separators=(",", ":")) for key in sorted(known & truth.keys())}
    lines = [f'"{key}": {text}' for key, text in compact.items()]
    truth_file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return 0


def render(call: Call) -> tuple[Samples, dict[str, Any]]:
    """The call as (frames, 2) at 8 kHz in −1…1, and its truth: when which word was said."""
    noise = np.random.default_rng(zlib.crc32(call.id.encode()))
    speakers = {"customer": call.customer, "agent": cast()["agents"][call.agent]}
    pieces: list[tuple[int, float, Samples]] = []
    turns: list[dict[str, Any]] = []
    holds: list[dict[str, Any]] = []
    end = 0.6
    for turn in call.turns:
        if turn.hold:
            start = end + 0.5
            if turn.kind == "music":
                pieces.append((CHANNELS["agent"], start, music(turn.hold)))
            holds.append({"start": round(start, 2), "end": round(start + turn.hold, 2), "kind": turn.kind})
            end = start + turn.hold
            continue
        spoken = say_turn(turn, speakers[turn.speaker], noise)
        gap = turn.pause if turn.pause is not None else round(float(noise.uniform(0.3, 0.65)), 3)
        start = max(0.2, end - turn.overlap) if turn.overlap else end + gap
        pieces.append((CHANNELS[turn.speaker], start, spoken.samples))
        turns.append(_turn_truth(turn, start, spoken))
        end = max(end, start + len(spoken.samples) / RATE)
    frames = int((end + 0.8) * RATE)
    channels = np.zeros((frames, 2), dtype=np.float32)
    for channel, start, samples in pieces:
        place = int(start * RATE)
        channels[place : place + len(samples), channel] += samples
    sound = np.stack([line(channels[:, channel], noise) for channel in range(2)], axis=1)
    return sound, {
        "title": call.title,
        "duration": round(len(sound) / LINE_RATE, 3),
        "turns": turns,
        "holds": holds,
        "overlaps": _overlaps(turns),
        "expect": call.expect,
    }


def say_turn(turn: Turn, speaker: dict[str, Any], noise: np.random.Generator) -> Spoken:
    """One turn by its speaker, sentence by sentence, levelled to −20 dBFS."""
    rate, warp = float(speaker["rate"]) * turn.rate, float(speaker["warp"]) * turn.warp
    parts: list[Samples] = []
    words: list[tuple[float, float]] = []
    end = 0.0
    for sentence in re.split(r"(?<=[.?!]) ", speakable(turn)):
        spoken = speak(speaker["voice"], sentence, rate, warp)
        parts.append(spoken.samples)
        words += [(start + end, stop + end) for start, stop in spoken.words]
        pause = np.zeros(int(noise.uniform(0.16, 0.34) * RATE), dtype=np.float32)
        parts.append(pause)
        end += (len(spoken.samples) + len(pause)) / RATE
    samples = np.concatenate(parts[:-1])
    # The level counts where it is heard: in the telephone band, over the 20 ms frames that carry speech.
    heard = band(samples.astype(np.float64))
    power = np.mean(heard[: len(heard) // 320 * 320].reshape(-1, 320) ** 2, axis=1)
    active = power[power > power.max() / 1_000].mean()
    samples *= 10 ** ((SPEECH_DBFS + turn.gain) / 20) / np.sqrt(active)
    return Spoken(samples=samples, words=tuple(words))


def speakable(turn: Turn) -> str:
    """The text for the synthesiser: a spelled A is a letter there, not the article."""
    if turn.say:
        return turn.say
    words = turn.text.split()
    for mark in turn.marks:
        for place in range(mark.first, mark.last + 1):
            if words[place] == "A":
                words[place] = "ay"
    return " ".join(words)


def _turn_truth(turn: Turn, start: float, spoken: Spoken) -> dict[str, Any]:
    words = [(round(start + first, 2), round(start + last, 2)) for first, last in spoken.words]
    text = turn.text.split()
    return {
        "speaker": turn.speaker,
        "start": words[0][0],
        "end": words[-1][1],
        "text": turn.text,
        "words": words,
        "pii": [
            {
                "kind": mark.kind,
                "first_word": mark.first,
                "last_word": mark.last,
                "start": words[mark.first][0],
                "end": words[mark.last][1],
                "spoken": " ".join(text[mark.first : mark.last + 1]),
            }
            for mark in turn.marks
        ],
    }


def _overlaps(turns: list[dict[str, Any]]) -> list[dict[str, float]]:
    both = []
    for before, after in pairwise(turns):
        if after["speaker"] != before["speaker"] and after["start"] < before["end"]:
            both.append({"start": after["start"], "end": min(before["end"], after["end"])})
    return both


def music(seconds: float) -> Samples:
    """Hold music of our own: slow arpeggios over four chords, at 16 kHz."""
    out = np.zeros(int(seconds * RATE), dtype=np.float64)
    chords = [
        (261.6, 329.6, 392.0, 523.3),
        (220.0, 261.6, 329.6, 440.0),
        (174.6, 220.0, 261.6, 349.2),
        (196.0, 246.9, 293.7, 392.0),
    ]
    step = 0.3
    for number in range(int(seconds / step)):
        pitch = chords[number // 8 % 4][(0, 1, 2, 3, 2, 3, 1, 2)[number % 8]] * 2
        time = np.arange(int(1.1 * RATE)) / RATE
        note = np.exp(-3.5 * time) * (np.sin(2 * np.pi * pitch * time) + 0.3 * np.sin(4 * np.pi * pitch * time))
        place = int(number * step * RATE)
        room = len(out) - place
        out[place : place + len(note)] += note[:room]
    fade = np.minimum(1, np.minimum(np.arange(len(out)), np.arange(len(out))[::-1]) / (0.5 * RATE))
    out *= fade * 10 ** (MUSIC_DBFS / 20) / np.sqrt(np.mean(out**2))
    return out.astype(np.float32)


def line(samples: Samples, noise: np.random.Generator) -> Samples:
    """What a telephone line leaves of it: band, noise, mu-law; 16 kHz in, 8 kHz out."""
    narrow = band(samples + noise.normal(0, 10 ** (NOISE_DBFS / 20), len(samples)))
    limited = 0.95 * np.tanh(narrow / 0.95)
    return mu_law(soxr.resample(limited, RATE, LINE_RATE)).astype(np.float32)


def band(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The telephone band of 16 kHz sound: 300 to 3,400 Hz, with slopes of 80 and 200 Hz beside it."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum *= np.clip((frequency - 220) / 80, 0, 1) * np.clip((3_600 - frequency) / 200, 0, 1)
    return np.asarray(np.fft.irfft(spectrum, len(samples)))


def mu_law(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """There and back through 8 bits, as the continuous form of ITU-T G.711's mu-law (mu = 255)."""
    squeezed = np.sign(samples) * np.log1p(255 * np.minimum(1, np.abs(samples))) / np.log(256)
    level = np.round(squeezed * 127) / 127
    return np.asarray(np.sign(level) * np.expm1(np.abs(level) * np.log(256)) / 255)


def encode(sound: Samples, path: Path) -> int:
    """Write (frames, 2) at 8 kHz as Ogg Opus; returns the bytes."""
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        options = {"application": "voip", "vbr": "on", "frame_duration": "40"}
        stream = container.add_stream("libopus", rate=LINE_RATE, options=options)
        stream.layout = "stereo"
        stream.bit_rate = BIT_RATE
        pcm = np.ascontiguousarray((np.clip(sound, -1, 1) * 32_767).astype(np.int16).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="stereo")
        frame.sample_rate = LINE_RATE
        frame.pts = 0
        frame.time_base = Fraction(1, LINE_RATE)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path.stat().st_size


if __name__ == "__main__":
    raise SystemExit(main())
