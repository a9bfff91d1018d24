"""A chore goes on at once while there is more, and again after whatever happened."""

from __future__ import annotations

import threading
from typing import Any, cast

from candor.errors import Unavailable
from candor.pipeline.chores import Chores, Periodic

LONG = 3600.0


def run(chore: Periodic) -> Chores:
    """The chore alone, in a thread as a worker has it."""
    nothing: Any = cast("Any", None)
    chores = Chores(nothing, nothing, nothing, nothing, chore)
    thread = threading.Thread(target=chores._repeat, args=(chore,), daemon=True)
    thread.start()
    chores._threads.append(thread)
    return chores


def ended(chores: Chores) -> bool:
    chores._stop.set()
    chores._threads[0].join(10)
    return not chores._threads[0].is_alive()


def test_while_there_is_more_nobody_waits_and_then_everybody_does() -> None:
    done, enough = [], threading.Event()

    def work() -> bool:
        done.append(1)
        if len(done) == 5:
            enough.set()
        return len(done) < 5

    chores = run(Periodic("a", LONG, work, in_pieces=True))
    assert enough.wait(10)
    assert ended(chores)
    assert len(done) == 5


def test_what_is_not_in_pieces_waits_whatever_it_says() -> None:
    done, first = [], threading.Event()

    def work() -> bool:
        done.append(1)
        first.set()
        return True

    chores = run(Periodic("a", LONG, work))
    assert first.wait(10)
    assert ended(chores)
    assert len(done) == 1


def test_no_fault_ends_a_chore() -> None:
    seen, again = [], threading.Event()

    def work() -> None:
        seen.append(1)
        if len(seen) == 1:
            raise Unavailable("away")
        if len(seen) == 2:
            raise ZeroDivisionError
        again.set()

    chores = run(Periodic("a", 0.01, work))
    assert again.wait(10)
    assert ended(chores)
