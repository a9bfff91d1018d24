"""Kills this very process, as a power cut would, in the middle of destroying."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from candor.pipeline import erasing
from candor.vault import store as vault_store
from candor.vault.adapters.folder import FolderStore
from candor.vault.disposal import certificate, tombstones

PLACES: dict[str, tuple[Any, str]] = {
    "drop_key": (vault_store, "drop_key"), "erase": (erasing, "erase"), "delete": (FolderStore, "delete"),
    "append": (tombstones, "append"), "sign": (certificate.Signer, "sign"),
}  # fmt: skip


def die_at(place: str, number: int) -> None:
    """Right after the ``number``-th call of what ``place`` names."""
    owner, name = PLACES[place]
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def deadly(*args: Any, **more: Any) -> Any:
        nonlocal calls
        done = real(*args, **more)
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, name, deadly)
