"""Listening to live calls for phrases: CPU a call, how many phrases are heard, how often one is heard in other talk.

Speech goes through the whole way: packets sealed into a spool file, followed by the tap, voice detection, recognition,
matching. Time is the sound's own, so that it can run faster than it was spoken; the recorder is one that only notes
what it is asked. Phrases are spoken by Debian's flite in telephone quality; other talk is that of the demo's agents.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from bench.report import emit
from candor.capture.control import RecorderClient
from candor.capture.model import CallEvent, CallFacts, EventKind, PayloadType, Stream
from candor.capture.rtp.codecs import encode_ulaw
from candor.capture.spool.spool import Spool
from candor.kit import clock
from candor.kit.ids import new_id
from candor.live.pausing import Pausing, wordings
from candor.live.spotting import Spotter, wanted
from candor.live.tap import Tap
from candor.transcript.adapters import build_recogniser
from candor.transcript.adapters.silero import SileroVoiceDetector

Sound = npt.NDArray[np.int16]

PHRASE = "pause the recording"
ASKED = (
    "Before you read me the number, let me pause the recording.",
    "I will pause the recording now. Please go ahead.",
    "One moment, I have to pause the recording for the card details.",
    "For your safety I pause the recording while you tell me the card number.",
)
VOICES = ("slt", "awb", "rms", "kal16")
CALLS = {"small": 3, "full": 18}
STEP = 0.5
ROOT = Path(__file__).resolve().parents[1]


class Notes:
    """A recorder that only remembers what it was asked."""

    def __init__(self) -> None:
        self.pauses: list[datetime | None] = []

    def steer(self, _verb: str, _call_id: str, _reason: str, *, since: datetime | None = None) -> None:
        self.pauses.append(since)

    def spotting(self, **_how: Any) -> None:
        """Nobody asks."""


class Keys:
    """The bench's own key, wrapped in nothing."""

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def begin(self, _kept: Collection[bytes]) -> None:
        """There is no key to be had from elsewhere."""

    def new(self, _call_id: str) -> tuple[bytes, bytes]:
        return self._key, b"key"

    def open(self, _call_id: str, _wrapped: bytes) -> bytes:
        return self._key


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=CALLS, default="small")
    size = parser.parse_args().size
    recogniser = build_recogniser(vocabulary=wordings((PHRASE,)))
    recogniser.recognise([np.zeros(16_000, np.float32)], language=None)

    def listen(sound: Sound) -> tuple[float, int]:
        """(CPU seconds, pauses) for one agent's stream."""
        with tempfile.TemporaryDirectory() as folder:
            keys, notes = Keys(), Notes()
            spool = Spool(Path(folder), keys, monotonic=time.monotonic)
            spool.open()
            recorder = cast("RecorderClient", notes)
            listeners = [Pausing((PHRASE,), recorder)]
            spotter = Spotter(
                Tap(Path(folder), keys, wanted(listeners)), listeners, recogniser=recogniser,
                detector=SileroVoiceDetector(), recorder=recorder,
            )  # fmt: skip
            kinds = (PayloadType(number=0, encoding="PCMU"),)
            call = spool.begin(
                CallFacts(
                    id=new_id(), source="bench", protocol="siprec", started_at=clock.now(),
                    streams=(Stream(number=0, label="1", payload_types=kinds),),
                )
            )  # fmt: skip
            codes, used = encode_ulaw(sound), 0.0
            for start in range(0, len(codes), round(STEP * 8000)):
                for at in range(start, min(len(codes) - 159, start + round(STEP * 8000)), 160):
                    row = packet(at, codes[at : at + 160].tobytes())
                    call.rows(len(row), row)
                call.seal()
                began = time.process_time()
                spotter.step()
                used += time.process_time() - began
            call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
            spool.close()
        return used, len(notes.pauses)

    talk(size, listen)
    if shutil.which("flite"):
        phrases(size, listen)


def talk(size: str, listen: Any) -> None:
    """The demo's agents, who never say it."""
    used = seconds = false = 0.0
    files = sorted((ROOT / "demo" / "calls").glob("*.opus"))[: CALLS[size]]
    for file in files:
        samples, rate = soundfile.read(file, dtype="int16", always_2d=True)
        agent = telephone(samples[:, -1], rate)
        cpu, pauses = listen(agent)
        used, seconds, false = used + cpu, seconds + len(agent) / 8000, false + pauses
    emit(
        name="spotting.cpu_of_a_call", value=used / seconds, unit="cores", n=len(files), reference="one core",
        reference_value=1.0, size=size, calls_a_core=round(seconds / used), minutes=round(seconds / 60, 1),
        false_pauses=int(false),
    )  # fmt: skip


def phrases(size: str, listen: Any) -> None:
    """Every wording by every voice, at two loudnesses."""
    heard = said = 0
    for voice in VOICES:
        for wording in ASKED:
            for gain in (1.0, 0.15):
                quiet = np.random.default_rng(said).normal(0, 20, 8000).astype(np.int16)
                spoken = (speak(voice, wording) * gain).astype(np.int16)
                said += 1
                heard += listen(np.concatenate((quiet, spoken, quiet)))[1] > 0
    emit(
        name="spotting.phrases_heard", value=heard / said, unit="share", n=said, reference="all of them",
        reference_value=1.0, size=size, voices=len(VOICES), wordings=len(ASKED),
    )  # fmt: skip


def speak(voice: str, text: str) -> Sound:
    """8,000 samples a second."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        samples, rate = soundfile.read(file.name, dtype="int16")
    return telephone(samples, rate)


def telephone(samples: Sound, rate: int) -> Sound:
    """At 8,000 samples a second."""
    return np.asarray(soxr.resample(samples, rate, 8000), np.int16)


def packet(at: int, payload: bytes) -> bytes:
    """A row of the spool: an RTP packet that arrives now."""
    data = b"\x80\0" + (at // 160 & 0xFFFF).to_bytes(2, "big") + at.to_bytes(4, "big") + b"\0\0\0\7" + payload
    return time.time_ns().to_bytes(8, "little") + len(data).to_bytes(2, "little") + b"\0\0" + data


if __name__ == "__main__":
    main()
