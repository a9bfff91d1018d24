"""The audit log: lines appended a second, and a whole log verified.

References, in the same run: bare inserts of as many rows into the same file by Python's own ``sqlite3`` (what appending
cannot be faster than), and bare SHA-256 of as many leaves (what verifying cannot be faster than).
``python -m bench.audit [--size small|medium|large]``; large is the million lines of the promise.
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.report import emit
from candor.audit import checkpoint as notes
from candor.audit import store
from candor.audit.log import AuditLog, verify_export
from candor.audit.model import Event, leaf_of
from candor.audit.service import record
from candor.kit.database import Database, UnitOfWork, sqlite_url
from candor.kit.migrations import upgrade
from candor.vault.adapters.folder import FolderStore
from candor.vault.adapters.local_key import LocalKey
from candor.vault.service import FieldCipher, Vault

LINES = {"small": 20_000, "medium": 200_000, "large": 1_000_000}
ALONE = 2_000
"""Deeds that are committed one by one."""
TOGETHER = 1_000
"""Lines that one unit of work writes when many are written together."""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=list(LINES), default="small")
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        _run(Path(folder), size, LINES[size])


def _run(folder: Path, size: str, lines: int) -> None:
    database = Database(sqlite_url(folder / "candor.db"))
    upgrade(database, folder)
    log = AuditLog(database, _cipher(folder))
    bare_alone, bare_together = _bare(folder / "bare.db", ALONE, 1), _bare(folder / "bare.db", TOGETHER * 10, TOGETHER)
    cpu = time.process_time()
    alone = _append(database, ALONE, 1)
    cpu = time.process_time() - cpu
    emit(name="audit.append.one_by_one", value=ALONE / alone, unit="lines/s", n=ALONE, size=size,
         reference="bare sqlite3 inserts, each committed", reference_value=ALONE / bare_alone,
         cpu_us_each=round(cpu / ALONE * 1e6))  # fmt: skip
    together = _append(database, lines - ALONE, TOGETHER)
    emit(name="audit.append", value=(lines - ALONE) / together, unit="lines/s", n=lines - ALONE, size=size,
         reference="bare sqlite3 inserts, 1,000 a commit", reference_value=TOGETHER * 10 / bare_together)  # fmt: skip
    signed = log.checkpoint()
    with database.read() as uow:
        leaf = leaf_of(next(store.walk(uow))[1])
        key = log.key(uow)
    bare = _seconds(lambda: [hashlib.sha256(b"\0" + leaf).digest() for _ in range(lines)])
    started = time.perf_counter()
    assert log.verify(given=signed.note).holds
    took = time.perf_counter() - started
    emit(name="audit.verify", value=took, unit="s", n=lines, size=size, reference="bare SHA-256 of as many leaves",
         reference_value=bare, lines_per_second=round(lines / took))  # fmt: skip
    export = folder / "audit.jsonl"
    with export.open("wb") as file:
        for part in log.export(by="bench"):
            file.write(part)
    started = time.perf_counter()
    assert verify_export(export, given=signed.note, key=key).holds
    emit(name="audit.verify_export", value=time.perf_counter() - started, unit="s", n=lines, size=size,
         reference="bare SHA-256 of as many leaves", reference_value=bare)  # fmt: skip
    with database.read() as uow:
        took = _seconds(lambda: [log.prove(uow, number, signed) for number in range(1, lines, max(1, lines // 100))])
        count = len(range(1, lines, max(1, lines // 100)))
        proof = log.prove(uow, lines // 2, signed)
    assert key is not None
    notes.check_proof(proof, key)
    emit(name="audit.prove", value=took / count * 1e3, unit="ms", n=count, size=size,
         reference="verifying the whole log", reference_value=None, path=len(proof.path))  # fmt: skip
    database.close()


def _append(database: Database, lines: int, together: int) -> float:
    def write() -> None:
        for start in range(0, lines, together):
            with database.write() as uow:
                for place in range(start, min(start + together, lines)):
                    record(uow, Event.PLAYED, f"0197ee5c-0000-7000-8000-{place % 50:012d}",
                           conversation_id=f"0197ee5c-1111-7000-8000-{place % 9_000:012d}")  # fmt: skip

    return _seconds(write)


def _bare(path: Path, lines: int, together: int) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS line (number INTEGER PRIMARY KEY, at, event, actor, conversation, leaf);"
        )
        first = raw.execute("SELECT coalesce(max(number), 0) + 1 FROM line").fetchone()[0]

        def write() -> None:
            for start in range(0, lines, together):
                raw.execute("BEGIN IMMEDIATE")
                for place in range(start, start + together):
                    line = (first + place, "2026-01-01 00:00:00.000000", "replay:sound:play", "who", "what", b"0" * 32)
                    raw.execute("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?)", line)
                raw.execute("COMMIT")

        return _seconds(write)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _cipher(folder: Path) -> Callable[[UnitOfWork, bool], FieldCipher]:
    vault = Vault(FolderStore(folder / "objects"), LocalKey(b"k" * 32))
    return lambda uow, create: vault.fields(uow, "audit-log", create=create)


if __name__ == "__main__":
    main()
