"""An embedder that remembers what it was asked lately: analysis and scoring ask for the same sentences."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from candor.analysis.ports import Embedder

_KEPT = 4096
"""Sentences: 6 MB of vectors. They are of redacted text."""


_PLACEHOLDER = re.compile(r"\[([A-Z]+)_\d+\]")
"""``[NAME_1]`` is read as "name": what it stands for, in one token instead of five."""


class Remembering:
    """The same vectors as ``embedder``, each computed once while it is remembered; safe from several threads."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def version(self) -> str:
        return self._embedder.version

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        texts = [_PLACEHOLDER.sub(lambda found: found[1].lower(), text) for text in texts]
        with self._lock:
            missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
            fresh = dict(zip(missing, self._embedder(missing), strict=True)) if missing else {}
            found = [fresh[text] if text in fresh else self._vectors[text] for text in texts]
            self._vectors.update(fresh)
            for text in texts:
                self._vectors.move_to_end(text)
            while len(self._vectors) > _KEPT:
                self._vectors.popitem(last=False)
        return np.stack(found) if found else np.zeros((0, self.dimension), np.float32)
