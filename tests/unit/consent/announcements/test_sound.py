from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from candor.consent.announcements import BeepTone, Details, compose, render, uploaded
from candor.consent.announcements.adapters import ALL, speak, synthesiser_for
from candor.consent.announcements.adapters.espeak import EspeakNg
from candor.consent.announcements.adapters.flite import Flite
from candor.consent.announcements.adapters.program import run
from candor.consent.announcements.ports import Synthesiser
from candor.consent.proof import find_beeps
from candor.errors import InvalidInput, Unavailable
from candor.kit.sound import MemorySound


def voice(seconds: float = 2.0, rate: int = 16_000, level: float = 0.05) -> np.ndarray:
    """Bursts of noise with pauses: what speech is to a level meter."""
    samples = np.random.default_rng(2).standard_normal(round(seconds * rate)).astype(np.float32) * level
    samples[len(samples) // 3 : len(samples) // 2] = 0
    return samples


def loudness(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples[np.abs(samples) > 1e-4] ** 2))))


@pytest.mark.parametrize("level", [0.001, 0.05, 0.2])
def test_every_announcement_has_one_level(level: float) -> None:
    assert loudness(render(voice(level=level), 16_000).samples) == pytest.approx(-20, abs=0.5)


def test_peaks_are_never_clipped() -> None:
    samples = voice(level=0.01)
    samples[1000] = 1.0
    rendered = render(samples, 16_000)
    assert np.abs(rendered.samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert np.abs(rendered.at(8_000)).max() <= 1.0


def test_formats() -> None:
    rendered = render(voice(rate=22_050), 22_050)
    assert rendered.seconds == pytest.approx(2.0, abs=0.01)
    for rate in (8_000, 16_000):
        info = soundfile.info(io.BytesIO(rendered.wav(rate)))
        assert (info.samplerate, info.channels, info.subtype) == (rate, 1, "PCM_16")
        assert info.frames == pytest.approx(2 * rate, abs=2)
    for octets, subtype in ((rendered.mu_law(), "ULAW"), (rendered.a_law(), "ALAW")):
        assert len(octets) == len(rendered.at(8_000))
        back, _ = soundfile.read(io.BytesIO(octets), format="RAW", subtype=subtype, samplerate=8_000, channels=1)
        error = back - rendered.at(8_000)
        assert 10 * np.log10(np.mean(back**2) / np.mean(error**2)) > 30
    with pytest.raises(InvalidInput):
        rendered.wav(44_100)


def test_the_same_sound_gives_the_same_bytes() -> None:
    first, second = (render(voice(), 16_000, beep=BeepTone()) for _ in range(2))
    assert first.digest == second.digest
    assert first.mu_law() == second.mu_law()
    assert first.digest != render(voice(), 16_000).digest


def test_a_beep_before_the_words() -> None:
    rendered = render(voice(), 16_000, beep=BeepTone(every=None))
    (beep,) = find_beeps(MemorySound(rendered.samples, 16_000))
    assert beep.start == pytest.approx(0.0, abs=0.02)
    assert beep.frequency == pytest.approx(1400, abs=5)


@pytest.mark.parametrize(
    ("samples", "rate", "code"),
    [
        (np.zeros(16_000, np.float32), 16_000, "announcement.silent"),
        (np.full(16_000, np.nan, np.float32), 16_000, "announcement.silent"),
        (voice(0.3), 16_000, "announcement.length"),
        (np.zeros(0, np.float32), 16_000, "announcement.length"),
        (voice(181.0, 8_000), 8_000, "announcement.length"),
        (voice(rate=6_000), 6_000, "announcement.rate"),
        (np.sign(voice()), 16_000, "announcement.clipped"),
    ],
)
def test_uploads_that_cannot_be_announcements(samples: np.ndarray, rate: int, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        uploaded(samples, rate)
    assert caught.value.code == code
    assert caught.value.advice


def test_an_uploaded_recording_is_mixed_and_levelled() -> None:
    stereo = np.stack([voice(rate=44_100), np.zeros(88_200, np.float32)], axis=1)
    rendered = uploaded(stereo, 44_100)
    assert rendered.seconds == pytest.approx(2.0, abs=0.01)
    assert loudness(rendered.samples) == pytest.approx(-20, abs=0.5)


def test_a_level_that_is_none() -> None:
    with pytest.raises(InvalidInput, match="-40"):
        render(voice(), 16_000, level=3)


def test_beeps_as_parameters() -> None:
    tone = BeepTone()
    assert tone.freeswitch == "tone_stream://%(200,14800,1400);loops=-1"
    assert tone.asterisk == "1400/200,0/14800"
    once = BeepTone(every=None)
    assert once.freeswitch == "tone_stream://%(200,0,1400);loops=1"
    assert once.asterisk == "!1400/200"


def test_a_repeated_beep_is_found_again() -> None:
    beeps = find_beeps(MemorySound(BeepTone().repeated(40.0, 8_000), 8_000))
    assert [round(beep.start, 1) for beep in beeps] == [0.0, 15.0, 30.0]
    assert len(find_beeps(MemorySound(BeepTone(every=None).repeated(40.0, 8_000), 8_000))) == 1


@pytest.mark.parametrize(
    "wrong", [{"frequency": 500.0}, {"seconds": 2.0}, {"every": 0.1}, {"every": 100.0}, {"level": 0.0}]
)
def test_what_is_no_beep(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput) as caught:
        BeepTone(**wrong)
    assert caught.value.code == "beep.invalid"


# One contract for every synthesiser; those that are not installed here are skipped.
@pytest.mark.parametrize("synthesiser", ALL, ids=lambda synthesiser: synthesiser.name)
def test_a_synthesiser_speaks_its_languages_the_same_each_time(synthesiser: Synthesiser) -> None:
    if not synthesiser.installed():
        pytest.skip(f"{synthesiser.name} is not installed")
    details = Details(company="Example & Sons' $(Test) Ltd", purposes=("quality",))
    for language in sorted(synthesiser.languages):
        text = compose(2, [], language, details).text
        first, again = synthesiser.speak(text, language), synthesiser.speak(text, language)
        assert np.array_equal(first.samples, again.samples)
        assert first.samples.dtype == np.float32
        assert 1.0 < len(first.samples) / first.rate < 15.0
        assert loudness(render(first.samples, first.rate).samples) == pytest.approx(-20, abs=2.5)


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_a_text_that_looks_like_an_option_is_spoken() -> None:
    assert len(Flite().speak("-voice /etc/passwd; rm -rf x `id`", "en").samples) > 10_000


def test_nobody_who_speaks_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable) as caught:
        synthesiser_for("de-AT")
    assert caught.value.code == "announcement.no_synthesiser"
    assert "espeak-ng" in caught.value.advice
    assert "upload" in caught.value.advice
    with pytest.raises(Unavailable, match="Upload"):
        speak("Cześć", "pl")
    with pytest.raises(Unavailable, match="espeak-ng is not installed"):
        EspeakNg().speak("Hallo", "de")


@pytest.mark.parametrize("script", ["exit 3", "exit 0", "echo no sound > sound.wav"])
def test_a_program_that_fails_is_told_as_such(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "speaks-not"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(Unavailable, match="speaks-not") as caught:
        run("speaks-not", "nothing", b"Hello", lambda words, sound: (str(words), str(sound)))
    assert caught.value.code == "announcement.synthesis_failed"


def test_a_program_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "speaks-slowly"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(30)\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("candor.consent.announcements.adapters.program._LONGEST", 0.3)
    with pytest.raises(Unavailable, match="did not speak"):
        run("speaks-slowly", "nothing", b"Hello", lambda words, sound: (str(words), str(sound)))
