"""What the analysis needs from outside, in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Sentences to points whose nearness is nearness in meaning."""

    @property
    def name(self) -> str:
        """Of the model, stable: vectors of different names are never compared."""

    @property
    def version(self) -> str:
        """Of model and code together."""

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimension), in the order given."""
