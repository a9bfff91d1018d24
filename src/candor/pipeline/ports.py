"""What the pipeline needs from an engine: something that brings every run to its end, whatever dies meanwhile."""

from __future__ import annotations

from typing import Protocol


class Engine(Protocol):
    """Performs the stages of submitted runs in order, retrying with back-off; survives its process."""

    def start(self) -> None:
        """Begin working, picking up what an earlier life left unfinished."""

    def submit(self, run_id: str) -> None:
        """Take a run; submitting it again changes nothing."""

    def tend(self, live: set[str]) -> None:
        """Take over what executors that are not in ``live`` left behind; called every few seconds."""

    def forget(self, run_ids: list[str]) -> list[str]:
        """Remember nothing of these any more, since their conversations were destroyed; returns those forgotten.

        One that is under way stays until it has ended.
        """

    def stop(self) -> None:
        """Finish nothing new and return soon; what is unfinished goes on at the next start."""
