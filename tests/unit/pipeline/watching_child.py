"""Watches a folder until killed: ``python -m tests.unit.pipeline.watching_child HOUSE PLACE``."""

from __future__ import annotations

import sys
from pathlib import Path

from candor.capture.watch.model import After, WatchedPlace
from candor.pipeline.watching import Watcher, WatchLimits
from tests.unit.pipeline.recordings import open_house


def place_of(folder: str) -> WatchedPlace:
    return WatchedPlace(
        name="pbx", url=f"file://{folder}", pattern="{call_id}.wav", settle=0, after=After.MOVE, move_to="done", every=1
    )


def main() -> None:
    services = open_house(Path(sys.argv[1]))
    # A killed process keeps the place for this long; the next one must not wait for it in a test.
    limits = WatchLimits(files=7, owned=0.05)
    watcher = Watcher(services.database, services.intake, [place_of(sys.argv[2])], limits=limits)
    while True:
        watcher.run_once("pbx")
        print("looked", flush=True)


if __name__ == "__main__":
    main()
