"""What this room needs from the outside: one who speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Speech:
    """Spoken text: float32 samples, shape (samples,), and how many a second."""

    samples: npt.NDArray[np.float32]
    rate: int


class Synthesiser(Protocol):
    """Turns text into speech. The same text gives the same samples."""

    @property
    def name(self) -> str:
        """Of the program."""

    @property
    def languages(self) -> frozenset[str]:
        """Primary language tags that it speaks."""

    @property
    def package(self) -> str:
        """What to install, a Debian package."""

    def installed(self) -> bool:
        """Whether it can run here."""

    def speak(self, text: str, language: str) -> Speech:
        """Say ``text``.

        Raises:
            Unavailable: the program is not installed, failed, or took too long.
        """
