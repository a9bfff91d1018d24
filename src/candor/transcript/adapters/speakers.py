"""Tells the two voices of a mixed channel apart: speaker embeddings of short windows, then spectral clustering.

The embedding model is the one that the ``moonshine-voice`` wheel embeds (WeSpeaker ResNet34 from pyannote
community-1, CC-BY-4.0, credit pyannote). Without it there is no split. Clustering after Ng, Jordan and Weiss,
"On Spectral Clustering", 2001, with k = 2: service calls have two sides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from candor.transcript.adapters import embedded
from candor.transcript.adapters.fbank import fbank
from candor.transcript.ports import Mono, Stretch

WINDOW = 1.5
"""Seconds of one embedding."""
BREATH = 0.25
"""Seconds of pause at which a voice may change; shorter ones lie inside a word or a phrase."""
SHORTEST = 0.4
"""Seconds below which a voice has no reliable embedding."""
MOST = 1200
"""Windows that are clustered directly; longer calls cluster an even sample, the rest go to the nearest centre."""
APART = 0.12
"""Cosine distance between the two groups' centres below which it is one voice."""
SMALLEST = 0.04
"""Share of the windows that the smaller group has at least, else it is one voice with odd moments."""

Vectors = npt.NDArray[np.float32]


class SpeakerEmbeddings:
    """A Diariser; the model loads on first use."""

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._model: Any = None
        self._looked = False

    def split(
        self, speech: Sequence[Stretch], read: Callable[[float, float], Mono]
    ) -> list[tuple[Stretch, int]] | None:
        """Who speaks when; None for one voice, too little speech, or no model."""
        model = self._load()
        pieces = windows(speech)
        if model is None or len(pieces) < 4:
            return None
        vectors = np.stack([self._embed(model, read(piece.start, piece.end)) for piece in pieces])
        labels = two_groups(vectors)
        return None if labels is None else turns(pieces, labels.tolist())

    def _embed(self, model: Any, sound: Mono) -> Vectors:
        features = fbank(sound)[None]
        (vector,) = model.run(None, {"fbank": features, "weights": np.ones(features.shape[:2], np.float32)})
        unit: Vectors = vector[0] / (np.linalg.norm(vector[0]) + 1e-9)
        return unit

    def _load(self) -> Any:
        with self._lock:
            if not self._looked:
                model = embedded.load(embedded.SPEAKER, threads=self._threads)
                # The shapes are the contract with a private model: anything else is treated as "not there".
                if model is not None and [entry.name for entry in model.get_inputs()] == ["fbank", "weights"]:
                    self._model = model
                self._looked = True
        return self._model


def windows(speech: Sequence[Stretch]) -> list[Stretch]:
    """Equal windows of about WINDOW over each run of speech."""
    runs: list[Stretch] = []
    for piece in speech:
        if runs and piece.start - runs[-1].end < BREATH:
            runs[-1] = Stretch(start=runs[-1].start, end=piece.end)
        else:
            runs.append(piece)
    found: list[Stretch] = []
    for run in runs:
        if run.length >= SHORTEST:
            edges = np.linspace(run.start, run.end, max(1, round(run.length / WINDOW)) + 1).tolist()
            found += [Stretch(start=start, end=end) for start, end in pairwise(edges)]
    return found


def two_groups(vectors: Vectors) -> npt.NDArray[np.int64] | None:
    """0 or 1 for each unit vector (count, size); None when they are better taken as one voice."""
    sample = vectors[:: -(-len(vectors) // MOST)]
    affinity = np.maximum(sample @ sample.T, 0.0)
    # Only near neighbours count: the graph falls apart where the voices do.
    keep = max(4, len(sample) // 5)
    floor = np.partition(affinity, -keep, axis=1)[:, -keep][:, None]
    affinity = np.where(affinity >= floor, affinity, 0.01 * affinity)
    affinity = (affinity + affinity.T) / 2
    scale = 1.0 / np.sqrt(affinity.sum(axis=1))
    _, basis = np.linalg.eigh(affinity * scale[:, None] * scale[None])
    places = basis[:, -2:] / (np.linalg.norm(basis[:, -2:], axis=1, keepdims=True) + 1e-9)
    side = _two_means(places)
    centres = np.stack([sample[side == group].mean(axis=0) if (side == group).any() else sample[0] for group in (0, 1)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True) + 1e-9
    labels: npt.NDArray[np.int64] = np.argmax(vectors @ centres.T, axis=1)
    share = float(np.mean(labels))
    if min(share, 1 - share) < SMALLEST or 1.0 - float(centres[0] @ centres[1]) < APART:
        return None
    return labels


def _two_means(places: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """k-means for k = 2 that begins with the two points farthest apart, so that it has no chance in it."""
    first = places[int(np.argmin(places @ places[0]))]
    second = places[int(np.argmin(places @ first))]
    centres = np.stack([first, second])
    side = np.zeros(len(places), np.int64)
    for _ in range(50):
        after = np.argmin(((places[:, None] - centres[None]) ** 2).sum(axis=2), axis=1)
        if np.array_equal(after, side) and _:
            break
        side = after
        centres = np.stack(
            [places[side == group].mean(axis=0) if (side == group).any() else centres[group] for group in (0, 1)]
        )
    return side


def turns(pieces: Sequence[Stretch], labels: Sequence[int]) -> list[tuple[Stretch, int]]:
    """Windows joined to turns; the voice that speaks first is 0."""
    first = labels[0]
    found: list[tuple[Stretch, int]] = []
    for piece, label in zip(pieces, labels, strict=True):
        voice = 0 if label == first else 1
        if found and found[-1][1] == voice:
            found[-1] = (Stretch(start=found[-1][0].start, end=piece.end), voice)
        else:
            found.append((piece, voice))
    return found
