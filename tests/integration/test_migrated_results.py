"""What release 0016 changes of rows that are there: results that named conversations, and counts of agreement."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import text

import candor.wiring  # noqa: F401  it imports every room, and with them their tables
from candor.kit import migrations
from candor.kit.database import Database, sqlite_url
from candor.scoring.agreement import store as pairs
from candor.scoring.rescoring import store as jobs
from tests.peers import migrated

KEPT, DESTROYED = "conversation-kept", "conversation-destroyed"
RESULT = {
    "scored": 2, "compared": 2, "skipped": {}, "flips": {"pass>fail": 2},
    "flipped": [
        {"conversation": KEPT, "before": 80.0, "after": 60.0, "from": "pass", "to": "fail"},
        {"conversation": DESTROYED, "before": 90.0, "after": 50.0, "from": "pass", "to": "fail"},
    ],
}  # fmt: skip


def up(database: Database, revision: str) -> None:
    with database.write() as uow:
        settings = migrations.config()
        settings.attributes["connection"] = uow
        migrated.run(settings, revision)


def insert(database: Database, table: str, **values: object) -> None:
    """A row with something in every column that must have something."""
    with database.write() as uow:
        for _, name, kind, required, default, _ in uow.execute(text(f"PRAGMA table_info('{table}')")):
            if required and default is None and name not in values:
                values[name] = 0 if kind.startswith(("INT", "BOOL", "FLOAT", "BIG")) else "2026-01-01 00:00:00"
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        uow.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


def test_results_name_only_what_is_there_and_counts_become_shares(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    up(database, "0015")
    insert(database, "conversation", id=KEPT)
    insert(
        database, "rescoring", id="job", kind="simulate", scorecard="basics", version=2, state="done", total=2,
        population=2, result=json.dumps(RESULT),
    )  # fmt: skip
    insert(
        database, "agreement_cell", scorecard="basics", question="hello", fingerprint="f", week="2026-01-05",
        automatic="yes", human="no", n=3,
    )  # fmt: skip
    up(database, "head")
    with database.read() as uow:
        (held,) = uow.execute(text("SELECT result FROM rescoring")).scalars()
        assert KEPT not in held
        assert DESTROYED not in held
        job = jobs.get(uow, "job")
        ((cell, number),) = pairs.cells(uow, "basics")
    assert job.result is not None
    assert job.result["flips"] == {"pass>fail": 2}
    assert job.result["flipped"] == [RESULT["flipped"][0]]  # type: ignore[index]
    assert (job.done, job.waiting, job.aside) == (2, 0, ())
    assert (cell.human, number) == ("no", 3.0)
    database.close()
