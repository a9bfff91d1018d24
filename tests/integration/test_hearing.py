"""Real sound through the real models: speech synthesised here, or the shared recordings."""

from __future__ import annotations

import io
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from candor.conversation.model import Role
from candor.conversation.transcript import SpeakerSplit
from candor.kit.sound import FlacReader, FlacWriter, MemorySound
from candor.transcript.adapters import build
from candor.transcript.adapters.silero import SileroSession, SileroVoiceDetector, _pysilero
from candor.transcript.service import Transcriber

RATE = 8000
flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
AGENT = "Thank you for calling, how may I help you today?"
CUSTOMER = "Hello, I would like to know when my new phone will arrive."


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return build()


def speak(text: str, voice: str, folder: Path) -> np.ndarray:
    file = folder / f"{voice}.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(file)], check=True)
    samples, rate = soundfile.read(file, dtype="float32")
    return soxr.resample(samples, rate, RATE).astype(np.float32)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Two channels: the agent greets, the customer answers; with noise and silence between."""
    folder = tmp_path_factory.mktemp("speech")
    agent, customer = speak(AGENT, "slt", folder), speak(CUSTOMER, "rms", folder)
    silence = np.zeros(int(1.5 * RATE), np.float32)
    left = np.concatenate([silence, agent, silence, np.zeros_like(customer), silence])
    right = np.concatenate([silence, np.zeros_like(agent), silence, customer, silence])
    both = np.stack([left, right], axis=1)
    return both + np.random.default_rng(3).normal(0, 2e-4, both.shape).astype(np.float32)


def words(text: str) -> set[str]:
    return {word.strip(".,?!").lower() for word in text.split()}


@flite
def test_a_call_with_a_channel_each(call: np.ndarray, transcriber: Transcriber) -> None:
    found = transcriber.transcribe(MemorySound(call, RATE), language="en-US")
    assert found.split is SpeakerSplit.CHANNEL
    assert [speaker.role for speaker in found.speakers] == [Role.AGENT, Role.CUSTOMER]
    assert all(speaker.role_guessed for speaker in found.speakers)
    assert found.word_times == "aligned"
    assert found.language == "en-US"
    agent, customer = (
        " ".join(utterance.text for utterance in found.utterances if utterance.speaker == speaker) for speaker in (0, 1)
    )
    assert len(words(agent) & words(AGENT)) >= 6
    assert len(words(customer) & words(CUSTOMER)) >= 8
    for utterance in found.utterances:
        assert utterance.text == " ".join(word.text for word in utterance.words)
        assert utterance.start >= 1.0
        assert all(word.start <= word.end for word in utterance.words)
        # A word lies where its own channel is loud.
        for word in utterance.words:
            if word.end - word.start > 0.1:
                heard = call[int(word.start * RATE) : int(word.end * RATE)]
                assert np.std(heard[:, utterance.speaker]) > 10 * np.std(heard[:, 1 - utterance.speaker])
    first_customer = next(utterance for utterance in found.utterances if utterance.speaker == 1)
    assert first_customer.start > max(u.end for u in found.utterances if u.speaker == 0) + 1.0


@flite
def test_given_roles_stay(call: np.ndarray, transcriber: Transcriber) -> None:
    roles = {0: Role.CUSTOMER, 1: Role.AGENT}
    found = transcriber.transcribe(MemorySound(call, RATE), language="en", roles=roles)
    assert [(speaker.role, speaker.role_guessed) for speaker in found.speakers] == [
        (Role.CUSTOMER, False),
        (Role.AGENT, False),
    ]


@flite
def test_the_same_sound_on_both_channels_is_heard_once(call: np.ndarray, transcriber: Transcriber) -> None:
    mixed = call.sum(axis=1)
    found = transcriber.transcribe(MemorySound(np.stack([mixed, 0.7 * mixed], axis=1), RATE), language="en")
    assert any("same sound" in note for note in found.notes)
    assert found.split is not SpeakerSplit.CHANNEL
    assert sum("calling" in utterance.text.lower() for utterance in found.utterances) == 1


@flite
def test_leakage_is_not_written_down_twice(call: np.ndarray, transcriber: Transcriber) -> None:
    leaking = call.copy()
    leaking[400:, 1] += 0.05 * call[:-400, 0]
    found = transcriber.transcribe(MemorySound(leaking, RATE), language="en")
    assert sum("calling" in utterance.text.lower() for utterance in found.utterances) == 1


@flite
def test_flac_and_wideband_work_as_well(call: np.ndarray, transcriber: Transcriber) -> None:
    stream = io.BytesIO()
    with FlacWriter(stream, 2 * RATE, 1) as writer:
        writer.write(soxr.resample(call[:, :1], RATE, 2 * RATE))
    stream.seek(0)
    found = transcriber.transcribe(FlacReader(stream), language="en")
    assert found.split is SpeakerSplit.SINGLE
    assert "calling" in " ".join(utterance.text for utterance in found.utterances).lower()


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_no_speech_gives_no_text(kind: str, transcriber: Transcriber) -> None:
    count = 12 * RATE
    time = np.arange(count) / RATE
    samples = {
        "silence": np.zeros(count),
        "noise": np.random.default_rng(0).normal(0, 0.05, count),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time) * (time % 3 < 1),
    }[kind].astype(np.float32)
    found = transcriber.transcribe(MemorySound(samples[:, None], RATE), language=None)
    assert found.utterances == ()
    assert found.notes


def test_memory_does_not_grow_with_the_call() -> None:
    class Long:
        """Four hours of faint noise on two channels, made as it is read."""

        rate, channels, frames = RATE, 2, 4 * 3600 * RATE
        block = np.random.default_rng(0).normal(0, 1e-3, (30 * RATE, 2)).astype(np.float32)

        def window(self, start: int, stop: int) -> np.ndarray:
            return self.block[: min(stop, self.frames) - start]

    class Quiet:
        def feed(self, samples: np.ndarray) -> None:
            assert len(samples) < 40 * 16000

        def finish(self) -> list:
            return []

    class Detector:
        def start(self) -> Quiet:
            return Quiet()

    tracemalloc.start()
    Transcriber(build().recogniser, Detector()).transcribe(Long(), language="en")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


@flite
def test_both_forms_of_the_voice_detector_agree(call: np.ndarray) -> None:
    wide = soxr.resample(call[:, 0], RATE, 16000).astype(np.float32)
    found = []
    for session in (SileroVoiceDetector().start(), SileroSession(_pysilero())):
        for begin in range(0, len(wide), 5000):
            session.feed(wide[begin : begin + 5000])
        found.append(session.finish())
    for pieces in found:
        assert abs(pieces[0].start - found[0][0].start) < 0.2
        assert abs(pieces[-1].end - found[0][-1].end) < 0.4


@flite
def test_sherpa_runs_the_bundled_model(call: np.ndarray) -> None:
    pytest.importorskip("sherpa_onnx")
    found = build("sherpa-onnx").transcribe(MemorySound(call, RATE), language="en")
    assert found.engine == "sherpa-onnx"
    assert found.word_times == "aligned"
    assert "for calling" in " ".join(utterance.text for utterance in found.utterances).lower()


@pytest.mark.shared
def test_a_real_mono_call_is_split_and_marked_as_a_guess(shared: Path, transcriber: Transcriber) -> None:
    samples, rate = soundfile.read(
        shared / "audio_asr_smoke" / "audio" / "commercial_call_8k_mono.wav", dtype="float32", always_2d=True
    )
    found = transcriber.transcribe(MemorySound(samples, rate), language="en")
    assert found.split is SpeakerSplit.GUESSED
    assert any("guessed" in note for note in found.notes)
    told = {utterance.speaker for utterance in found.utterances if "chrome" in utterance.text.lower()}
    asked = {utterance.speaker for utterance in found.utterances if "which color" in utterance.text.lower()}
    assert told
    assert asked
    assert told != asked


@pytest.mark.shared
def test_another_language_is_not_shown_as_nonsense(shared: Path, transcriber: Transcriber) -> None:
    file = shared / "audio_multilingual_azure" / "audio" / "de-DE_testing_audio.wav"
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True, frames=20 * 16000)
    found = transcriber.transcribe(MemorySound(soxr.resample(samples[:, :1], rate, RATE), RATE), language=None)
    assert found.utterances == ()
    assert any("does not sound like English" in note for note in found.notes)
