"""What scoring needs from outside, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An earlier conversation of the same customer."""

    conversation_id: str
    started_at: datetime
    categories: tuple[str, ...] = ()


class NoAnswer(Exception):
    """The language model gave no answer that can be used; the message says why, in words that hold no data."""

    def __init__(self, why: str, *, gone: bool = False) -> None:
        """``gone``: it cannot be reached, or is not ready; asking further questions now is of no use."""
        super().__init__(why)
        self.why, self.gone = why, gone


class LanguageModel(Protocol):
    """Answers one prompt at a time."""

    @property
    def name(self) -> str:
        """The model as its maker or server calls it: part of the version of every answer."""

    def answer(self, instructions: str, material: str, schema: Mapping[str, Any]) -> str:
        """The model's answer to ``material`` under ``instructions``, as text that should be JSON after ``schema``.

        Raises NoAnswer.
        """
