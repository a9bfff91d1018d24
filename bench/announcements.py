"""Known prompts found in telephone sound: recall by kind of damage, false alarms, partial prompts, speed; and beeps.

Prompts are the Asterisk core sounds (Allison Smith) with 1.2 s of sound or more, and announcements put together by
Candor and spoken by the synthesisers installed here. Each is laid between real telephone speech (WUW Corpus II) at a
place of its own, damaged, and coded as G.711 mu-law. It counts as found when a match of its name begins where it lies,
within 0.3 s. *Proved* is stricter: 90 % of it heard as well.

False alarms are matches of any prompt in all speech of the test material and of the demo's calls, in which none was
played; ``margin`` tells the strongest evidence seen there, with the bar for candidates lowered, beside the one needed.
``wrong`` counts matches of other prompts than the one that was played, anywhere in the damaged calls.

Music is synthesised: chords with five partials each, and drums. Losses are packets of 20 ms. The reference of speed is
the least that any such search does: one spectrum for each frame.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from bench.report import emit
from candor.consent.announcements import LANGUAGES, Details, compose, render
from candor.consent.announcements.adapters import ALL
from candor.consent.announcements.tones import BeepTone
from candor.consent.proof import CERTAIN, Match, Part, Print, find_all, find_beeps, finding
from candor.consent.proof.bands import HOP, WINDOW, power
from candor.errors import InvalidInput
from candor.kit.sound import MemorySound

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
RATE = 8_000
Mono = npt.NDArray[np.float32]
Damage = Callable[[Mono, np.random.Generator], Mono]
NOTICE = ("recording-fact", "purpose", "controller-identity", "retention-period", "rights-pointer")


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is played, and its print."""

    print: Print
    samples: Mono


def read(path: Path) -> Iterator[Mono]:
    """Each channel of a file at telephone rate."""
    raw = {".ulaw": "ULAW", ".gsm": "GSM610"}.get(path.suffix)
    options = {"format": "RAW", "subtype": raw, "samplerate": RATE, "channels": 1} if raw else {}
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True, **options)
    for channel in samples.T:
        yield np.ascontiguousarray(channel) if rate == RATE else np.asarray(soxr.resample(channel, rate, RATE))


def speech() -> list[Mono]:
    """All speech of the test material but the prompts, in stretches of about ten minutes."""
    kinds = {".ulaw", ".wav", ".mp3", ".flac"}
    files = sorted(path for path in DATA.glob("audio_*/**/*") if path.suffix in kinds and path.is_file())
    demo = sorted((Path(__file__).resolve().parent.parent / "demo" / "calls").glob("*.opus"))
    everything = np.concatenate([channel for path in (*files, *demo) for channel in read(path)])
    return np.array_split(everything, max(1, len(everything) // (600 * RATE)))


def asterisk() -> Iterator[Prompt]:
    """The recorded prompts that are long enough."""
    for path in sorted((DATA / "audio_prompts_asterisk").rglob("*.gsm")):
        samples = next(read(path))
        try:
            yield Prompt(Print.of(path.stem, samples, RATE), samples)
        except InvalidInput as error:
            if error.code != "prompt.too_short":
                raise


def synthesised() -> Iterator[Prompt]:
    """Announcements of levels 2 to 4 in each language, by each synthesiser that is installed."""
    details = Details(
        company="Example Limited",
        purposes=("quality", "training"),
        privacy_notice="example dot com",
        retention_days=90,
    )
    for level, language in itertools.product((2, 3, 4), LANGUAGES):
        made = compose(level, NOTICE[:1] if level == 2 else NOTICE, language, details)
        for synthesiser in ALL:
            if language in synthesiser.languages and synthesiser.installed():
                said = synthesiser.speak(made.text, language)
                samples = render(said.samples, said.rate).at(RATE)
                yield Prompt(Print.of(f"{synthesiser.name} {made.version}", samples, RATE), samples)


def loudness(samples: Mono) -> float:
    """Root mean square of what sounds."""
    sounding = samples[np.abs(samples) > 1e-3]
    return float(np.sqrt(np.mean(sounding**2))) if len(sounding) else 1e-3


def add(samples: Mono, other: npt.NDArray[np.floating], ratio: float) -> Mono:
    """``other`` mixed in, ``ratio`` dB below."""
    scale = loudness(samples) * 10 ** (-ratio / 20) / max(float(np.sqrt(np.mean(other**2))), 1e-9)
    return (samples + other * scale).astype(np.float32)


def music(length: int, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """Chords with partials, two beats and a half a second, and a drum on each."""
    out = np.zeros(length)
    beat = round(RATE * 0.4)
    for start in range(0, length, beat):
        root = 220 * 2 ** (chance.integers(0, 12) / 12)
        seconds = np.arange(min(2 * beat, length - start)) / RATE
        for note, partial in itertools.product((1, 1.26, 1.5, 2), range(1, 6)):
            wave = np.sin(2 * np.pi * root * note * partial * seconds + chance.uniform(0, 6))
            out[start : start + len(seconds)] += wave * np.exp(-3 * seconds) / partial
        drum = min(800, length - start)
        out[start : start + drum] += 2 * chance.standard_normal(drum) * np.exp(-np.arange(drum) / 150)
    return out


def lost(samples: Mono, chance: np.random.Generator, *, concealed: bool) -> Mono:
    """5 % of packets of 20 ms gone: silence, or what came before, fading."""
    out, packet = samples.copy(), RATE // 50
    for start in range(packet, len(out) - packet, packet):
        if chance.random() < 0.05:
            out[start : start + packet] = 0.8 * out[start - packet : start] if concealed else 0
    return out


def drifted(samples: Mono, parts_per_million: float) -> Mono:
    """Played by a clock that runs fast or slow."""
    places = np.arange(len(samples)) * (1 + parts_per_million * 1e-6)
    return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)


def coded(samples: Mono) -> Mono:
    """Through G.711 mu-law."""
    octets = io.BytesIO()
    soundfile.write(octets, np.clip(samples, -1, 1), RATE, format="RAW", subtype="ULAW")
    octets.seek(0)
    out: Mono = soundfile.read(octets, format="RAW", subtype="ULAW", samplerate=RATE, channels=1, dtype="float32")[0]
    return out


def damages(talk: Mono) -> dict[str, Damage]:
    """What happens to a call on its way."""

    def noise(samples: Mono, chance: np.random.Generator) -> Mono:
        return add(samples, chance.standard_normal(len(samples)), 10)

    def talked_over(ratio: float) -> Damage:
        def damage(samples: Mono, chance: np.random.Generator) -> Mono:
            start = chance.integers(0, len(talk) - len(samples))
            other = talk[start : start + len(samples)]
            return (samples + other * loudness(samples) / loudness(other) * 10 ** (-ratio / 20)).astype(np.float32)

        return damage

    return {
        "clean": lambda samples, _: samples,
        "noise_10_db": noise,
        "music_10_db": lambda samples, chance: add(samples, music(len(samples), chance), 10),
        "music_5_db": lambda samples, chance: add(samples, music(len(samples), chance), 5),
        "talk_over_6_db": talked_over(6),
        "talk_over_0_db": talked_over(0),
        "loss_5_percent": lambda samples, chance: lost(samples, chance, concealed=False),
        "loss_5_percent_concealed": lambda samples, chance: lost(samples, chance, concealed=True),
        "quieter_12_db": lambda samples, _: samples * np.float32(0.25),
        "louder_12_db": lambda samples, _: samples * np.float32(4),
        "clock_+100_ppm": lambda samples, _: drifted(samples, 100),
        "clock_-100_ppm": lambda samples, _: drifted(samples, -100),
        "noise_loss_clock": lambda samples, chance: drifted(lost(noise(samples, chance), chance, concealed=False), 100),
    }


def placed(samples: Mono, talk: Mono, chance: np.random.Generator) -> tuple[Mono, float]:
    """A prompt between five seconds of speech and three, and where it begins."""
    start = chance.integers(0, len(talk) - 8 * RATE)
    before, after = talk[start : start + 5 * RATE], talk[start + 5 * RATE : start + 8 * RATE]
    return np.concatenate([before, samples, after]).astype(np.float32), 5.0


def recall(prompts: Sequence[Prompt], talk: Mono, kind: str, size: str, turns: int) -> None:
    """Found and proved, for each damage and for all together; wrong prompts."""
    prints = [prompt.print for prompt in prompts]
    total: list[bool] = []
    proved_total: list[bool] = []
    wrong: list[Match] = []
    for name, damage in damages(talk).items():
        chance = np.random.default_rng(7)
        found, proved = [], []
        for prompt in [prompt for prompt in prompts for _ in range(turns)]:
            call, begins = placed(prompt.samples, talk, chance)
            matches = find_all(prints, MemorySound(coded(damage(call, chance)), RATE))
            right = [m for m in matches if m.name == prompt.print.name and abs(m.start - m.heard_from - begins) < 0.3]
            found.append(bool(right))
            proved.append(any(match.share >= 0.9 for match in right))
            wrong.extend(match for match in matches if match not in right)
        _share(f"announcements.{kind}.recall.{name}", found, size, reference_value=0.98)
        total += found
        proved_total += proved
    _share(f"announcements.{kind}.recall", total, size, reference_value=0.98)
    _share(f"announcements.{kind}.proved", proved_total, size, reference_value=None)
    emit(
        name=f"announcements.{kind}.wrong",
        value=len(wrong),
        unit="matches",
        n=len(total),
        reference="none",
        reference_value=0,
        size=size,
        whole=sum(match.part is Part.WHOLE for match in wrong),
    )


def _share(name: str, hits: Sequence[bool], size: str, *, reference_value: float | None) -> None:
    emit(
        name=name,
        value=sum(hits) / len(hits),
        unit="share",
        n=len(hits),
        reference="wanted",
        reference_value=reference_value,
        size=size,
    )


def false_alarms(prompts: Sequence[Print], talk: Sequence[Mono], size: str) -> None:
    """Every prompt looked for in everything that was said; then again with the bars lowered, for the margin."""
    count = sum(len(find_all(prompts, MemorySound(samples, RATE))) for samples in talk)
    candidate, finding._CANDIDATE = finding._CANDIDATE, 0.25
    matches: list[Match] = []
    try:
        for samples in talk:
            matches += find_all(prompts, MemorySound(samples, RATE), certain=0.0)
    finally:
        finding._CANDIDATE = candidate
    minutes = sum(len(samples) for samples in talk) / RATE / 60
    strongest = max((match.evidence for match in matches), default=0.0)
    name = "announcements.false_alarms"
    for figure, value, unit, reference, wanted in (
        (name, count, "matches", "none", 0.0),
        (f"{name}.margin", strongest, "evidence", "needed", CERTAIN),
    ):
        emit(
            name=figure,
            value=value,
            unit=unit,
            n=len(prompts),
            reference=reference,
            reference_value=wanted,
            size=size,
            minutes=round(minutes, 1),
        )


def partial(prompts: Sequence[Prompt], talk: Mono, size: str) -> None:
    """Half a prompt, of 4 s or more, cut off at its end, its beginning, or where the recording begins."""
    chance = np.random.default_rng(11)
    told, errors = [], []
    for prompt in (prompt for prompt in prompts if prompt.print.seconds >= 4):
        half = len(prompt.samples) // 2
        sounding = prompt.print.sounding
        for kept, part in ((prompt.samples[:half], Part.BEGINNING), (prompt.samples[half:], Part.END)):
            call, begins = placed(kept, talk, chance)
            for sound in (call, call[round(begins * RATE) :]):
                matches = find_all(
                    [prompt.print], MemorySound(coded(add(sound, chance.standard_normal(len(sound)), 10)), RATE)
                )
                told.append(len(matches) == 1 and matches[0].part is part)
                middle = len(sounding) // 2
                truth = (sounding[:middle] if part is Part.BEGINNING else sounding[middle:]).sum() / sounding.sum()
                errors.append(abs(sum(match.share for match in matches) - truth) * prompt.print.seconds)
    _share("announcements.partial.told", told, size, reference_value=None)
    emit(
        name="announcements.partial.error",
        value=float(np.percentile(errors, 95)),
        unit="s (p95)",
        n=len(errors),
        reference="none",
        reference_value=None,
        size=size,
    )


def speed(prompts: Sequence[Print], talk: Sequence[Mono], size: str) -> None:
    """Seconds of sound per second of CPU, 20 prompts at once."""
    sound = np.concatenate(list(talk))[: RATE * 3600]
    window = np.hanning(WINDOW).astype(np.float32)
    begin = time.process_time()
    for start in range(0, len(sound), 60 * RATE):
        power(sound[start : start + 60 * RATE], window, HOP)
    floor = time.process_time() - begin
    begin = time.process_time()
    find_all(prompts[:20], MemorySound(sound, RATE))
    spent = time.process_time() - begin
    seconds = len(sound) / RATE
    emit(
        name="announcements.speed",
        value=seconds / spent,
        unit="x real time",
        n=len(prompts[:20]),
        reference="spectra alone",
        reference_value=seconds / floor,
        size=size,
        prompt_seconds=round(sum(prompt.seconds for prompt in prompts[:20]), 1),
    )


def beeps(talk: Sequence[Mono], size: str) -> None:
    """Beeps between words and under words; speech, telephone keys and music that are none."""
    chance = np.random.default_rng(5)
    everything = np.concatenate(list(talk))
    tone = BeepTone()
    alone: list[bool] = []
    under: list[bool] = []
    while len(alone) < (100 if size == "small" else 400):
        start = int(chance.integers(0, len(everything) - 6 * RATE))
        if loudness(everything[start : start + 6 * RATE]) < 0.01:
            continue  # nobody speaks there, so there is no level to go by
        call, place = everything[start : start + 6 * RATE].copy(), 2 * RATE + int(chance.integers(0, RATE))
        beep = tone.sound(RATE)
        loud = beep * np.float32(loudness(call) * np.sqrt(2) / np.abs(beep).max())
        over = call.copy()
        over[place : place + len(beep)] += loud
        call[place - RATE // 10 : place + len(beep) + RATE // 10] = 0
        call[place : place + len(beep)] += loud
        for sound, hits in ((call, alone), (over, under)):
            noisy = coded(add(sound, chance.standard_normal(len(sound)), 20))
            found = find_beeps(MemorySound(noisy, RATE), frequency=tone.frequency)
            hits.append([abs(beep.start - place / RATE) < 0.03 for beep in found] == [True])
    _share("announcements.beeps.between_words", alone, size, reference_value=None)
    _share("announcements.beeps.under_words_0_db", under, size, reference_value=None)
    keys = [next(read(path)) for path in sorted((DATA / "rtp_media").rglob("dtmf-*.wav"))]
    tune = music(RATE * 600, chance)
    sounds = {"speech": [everything], "keys": keys, "music": [(tune / np.abs(tune).max()).astype(np.float32)]}
    for name, frequency in itertools.product(sounds, (None, 1_400.0)):
        count = sum(len(find_beeps(MemorySound(samples, RATE), frequency=frequency)) for samples in sounds[name])
        emit(
            name=f"announcements.beeps.false.{name}.{'any' if frequency is None else '1400_hz'}",
            value=count,
            unit="beeps",
            n=len(sounds[name]),
            reference="none",
            reference_value=0,
            size=size,
            minutes=round(sum(len(samples) for samples in sounds[name]) / RATE / 60, 1),
        )


def main() -> None:
    """Recorded prompts, announcements, all speech."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=("small", "full"), default="small")
    size = parser.parse_args().size
    if not DATA.is_dir():
        print("Skipped: the test material ../shared/data is not on this machine.", file=sys.stderr)
        return
    talk = speech()
    telephone = np.concatenate([next(read(path)) for path in sorted((DATA / "audio_telephone_wuw2").rglob("*.ulaw"))])
    recorded, spoken = list(asterisk()), list(synthesised())
    prints = [prompt.print for prompt in (*recorded, *spoken)]
    speed(prints, talk, size)
    false_alarms(prints, talk, size)
    beeps(talk, size)
    # A prompt that was not played is as good as any other speech, but one voice says the same words in many prompts.
    recall(recorded, telephone, "recorded", size, 1 if size == "small" else 4)
    if spoken:
        step = 1 if size == "full" else max(1, len(spoken) // 12)
        recall(spoken[::step], telephone, "synthesised", size, 1)
    partial([*recorded, *spoken] if size == "full" else recorded, telephone, size)


if __name__ == "__main__":
    main()
