"""The retention sweep over many conversations, beside a bare scan of the same table in the same run.

Three figures: ``first`` finds the class of every conversation (once in their lives), ``sweep`` is what workers do every
hour when nothing is new, ``destroy`` is one conversation destroyed for good, keys first, with its certificate.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from bench.report import emit
from candor import wiring
from candor.capture.store import conversation
from candor.consent.custody import conversation_consent
from candor.kit import clock, log
from candor.kit.ids import new_id
from candor.services import Services
from candor.settings import load
from candor.vault.retention.reading import draft

SIZES = {"small": 50_000, "full": 1_000_000}
START = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = 365
_PLACES = ("DE", "FR", "US-CA", "US-TX", "GB", "AT", "CH", "US-NY")
_PIECE = 20_000


def fill(services: Services, count: int, rng: random.Random) -> None:
    """Conversations of a year, each with what was kept of its consent decision."""
    step = timedelta(days=YEAR) / count
    for begin in range(0, count, _PIECE):
        rows, decided = [], []
        for number in range(begin, min(begin + _PIECE, count)):
            started = (START + step * number).replace(tzinfo=None)
            an_id = new_id()
            rows.append(
                {"id": an_id, "source": "bench", "started_at": started, "utc_offset_minutes": 0, "medium": "voice",
                 "direction": "inbound", "queue": f"q{rng.randrange(20)}", "sha512": an_id, "call_key": an_id,
                 "created_at": started, "sealed": b"x" * 200}
            )  # fmt: skip
            decision = {
                "level": rng.choice((0, 2, 3, 4)), "legs": sorted({rng.choice(_PLACES), "DE"}), "unknown": [],
                "may_record": True, "keep_from": "start", "announcement_recorded": False,
                "notice_elements": ["recording-fact", "purpose", "controller-identity"], "actions": ["announce"],
                "purpose": "quality", "channel": "voice", "analysis_limits": [], "confidence": 0.9,
                "retention": {"min_days": None, "max_days": rng.choice((None, None, 400)), "conflict": False},
                "needs_review": [], "pack": "2026.11", "at": started.date().isoformat(), "decided_at": str(number),
            }  # fmt: skip
            decided.append(
                {"conversation_id": an_id, "started_at": started, "state": "proved", "level": decision["level"],
                 "why": "What the decision required is proved.", "decision": json.dumps(decision), "proof": "{}",
                 "since": started}
            )  # fmt: skip
        with services.database.write() as uow:
            uow.execute(insert(conversation), rows)
            uow.execute(insert(conversation_consent), decided)


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def scan(services: Services) -> None:
    """What any sweep must at least do: look at every conversation."""
    columns = "id, queue, medium, started_at, length(sealed)"
    with services.database.read() as uow:
        for _row in uow.execute(text(f"SELECT {columns} FROM conversation")):
            pass


def main() -> None:
    """Fill a house and sweep it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="small")
    size = parser.parse_args().size
    count = SIZES[size]
    log.configure(json_lines=True, level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        services = wiring.open_services(load(data=Path(folder) / "data", recorder=False))
        with clock.freeze(START):
            fill(services, count, random.Random(7))
            for name, days, when in (
                ("House", YEAR + 300, {}), ("California", YEAR + 200, {"jurisdiction": "US-CA"}),
                ("Consent", YEAR + 250, {"consent": "explicit", "jurisdiction": "DE"}),
            ):  # fmt: skip
                with services.database.write() as uow:
                    made = services.schedules.draft(uow, draft(name, days, "Policy", when), by="a")
                    services.schedules.put_in_effect(uow, made.id, by="b")
        measure(services, size, count)
        services.database.close()


def measure(services: Services, size: str, count: int) -> None:
    """First classes, a sweep with nothing due, a sweep with about a thousandth due."""
    reference = timed(lambda: scan(services))
    with clock.freeze(START + timedelta(days=YEAR)):
        first = timed(services.keeping.sweep)
        emit(name="retention.first", value=first, unit="s", n=count, reference="bare scan",
             reference_value=reference, size=size)  # fmt: skip
        sweep = timed(services.keeping.sweep)
    emit(name="retention.sweep", value=sweep, unit="s", n=count, reference="bare scan", reference_value=reference,
         size=size)  # fmt: skip
    # Of the shortest schedule about a thousandth of all has its day now.
    with clock.freeze(START + timedelta(days=YEAR + 200 + 365 / 130)):
        began = time.perf_counter()
        done = services.keeping.sweep(clock_is_right=True).sweep.destroyed
        seconds = time.perf_counter() - began
    emit(name="retention.with_due", value=seconds, unit="s", n=count, reference="bare scan",
         reference_value=reference, size=size, destroyed=done)  # fmt: skip
    emit(name="retention.destroy", value=max(0.0, seconds - sweep) / max(1, done) * 1000, unit="ms each", n=done,
         reference="none", reference_value=None, size=size)  # fmt: skip


if __name__ == "__main__":
    main()
