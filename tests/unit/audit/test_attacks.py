"""Somebody who owns the machine rewrites the log: each way of it by name, with its own sentence and exit status.

They have the database file and every right on it: triggers are dropped first. They have neither the signing key nor
the checkpoint that was kept elsewhere.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from candor.audit import tree
from candor.audit.log import verify_export
from candor.audit.model import leaf_of
from candor.audit.service import Event, record
from candor.audit.store import walk
from candor.audit.verifying import EXIT, Flaw, Report
from candor.kit import clock
from tests.unit.audit.made import House, house

LINES = 700
"""More than two tiles."""


@contextmanager
def attacker(made: House) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(made.file, isolation_level=None)) as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        yield raw


def retell(made: House, raw: sqlite3.Connection) -> None:
    """Make hashes and tree anew over whatever the lines say now: what a careful attacker does."""
    edge, tiles = tree.Edge(), []
    with made.database.read() as uow:
        rows = [(line.number, tree.leaf_hash(leaf_of(says))) for line, says in walk(uow)]
    for number, leaf in rows:
        raw.execute("UPDATE audit_entry SET leaf = ? WHERE number = ?", (leaf, number))
        tiles += edge.add(leaf)
    raw.execute("DELETE FROM audit_tile")
    raw.executemany("INSERT INTO audit_tile (level, place, root) VALUES (?, ?, ?)", tiles)
    raw.execute("UPDATE audit_head SET size = ?", (len(rows),))


def swap(raw: sqlite3.Connection, one: int, other: int) -> None:
    raw.execute("UPDATE audit_entry SET number = -1 WHERE number = ?", (one,))
    raw.execute("UPDATE audit_entry SET number = ? WHERE number = ?", (one, other))
    raw.execute("UPDATE audit_entry SET number = ? WHERE number = -1", (other,))


def flaws(report: Report) -> set[Flaw]:
    return {fault.flaw for fault in report.faults}


@pytest.fixture
def kept(made: House) -> str:
    """A log of 700 lines, and the checkpoint of it that lies elsewhere."""
    with made.database.write() as uow:
        for place in range(LINES):
            record(
                uow,
                Event.PLAYED,
                f"user-{place % 7}",
                conversation_id=f"c-{place}",
                reason="why" if place == 5 else None,
            )
    return made.log.checkpoint().note


def test_an_untouched_log_holds(made: House, kept: str) -> None:
    report = made.log.verify(given=kept)
    assert report.holds
    assert (report.exit, report.lines, report.own) == (0, LINES, 1)
    assert report.elsewhere is not None


def test_the_database_itself_refuses(made: House, kept: str) -> None:
    with closing(sqlite3.connect(made.file, isolation_level=None)) as raw:
        for statement in (
            "UPDATE audit_entry SET actor = 'nobody' WHERE number = 5", "DELETE FROM audit_entry WHERE number = 5",
            "UPDATE audit_tile SET root = x'00'", "DELETE FROM audit_tile", "DELETE FROM audit_checkpoint",
            "UPDATE audit_checkpoint SET size = 1", "UPDATE audit_reason SET text = 'other'",
        ):  # fmt: skip
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(statement)
    assert made.log.verify(given=kept).holds


@pytest.mark.parametrize(
    "column", ["at", "event", "actor", "conversation_id", "subject", "origin", "reason_digest", "before"]
)
def test_edited_one_line(made: House, kept: str, column: str) -> None:
    value = "2026-01-01 00:00:00.000000" if column == "at" else 7 if column == "before" else "somebody else"
    with attacker(made) as raw:
        raw.execute(f"UPDATE audit_entry SET {column} = ? WHERE number = 400", (value,))
    report = made.log.verify(given=kept)
    assert Flaw.EDITED in flaws(report)
    assert report.exit == EXIT[Flaw.EDITED]
    assert any("Line 400" in fault.words for fault in report.faults)


def test_edited_with_its_hash(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute("UPDATE audit_entry SET actor = 'x' WHERE number = 100")
        with made.database.read() as uow:
            leaf = next(tree.leaf_hash(leaf_of(says)) for line, says in walk(uow) if line.number == 100)
        raw.execute("UPDATE audit_entry SET leaf = ? WHERE number = 100", (leaf,))
    report = made.log.verify()
    assert flaws(report) == {Flaw.TREE}
    assert any("lines from 1 on" in fault.words for fault in report.faults)


def test_replaced_tree(made: House, kept: str) -> None:
    """Edited, and hashes and inner nodes made anew: the log's own signed checkpoint does not fit any more."""
    with attacker(made) as raw:
        raw.execute("UPDATE audit_entry SET actor = 'x' WHERE number = 100")
        retell(made, raw)
    report = made.log.verify()
    assert flaws(report) == {Flaw.TREE}
    assert "own checkpoint" in report.faults[0].words


def test_replaced_tree_without_checkpoints(made: House, kept: str) -> None:
    """The attacker also deletes the log's own checkpoints: only the one that was kept elsewhere tells."""
    with attacker(made) as raw:
        raw.execute("UPDATE audit_entry SET actor = 'x' WHERE number = 100")
        retell(made, raw)
        raw.execute("DELETE FROM audit_checkpoint")
    assert made.log.verify().holds
    report = made.log.verify(given=kept)
    assert flaws(report) == {Flaw.FORKED}
    assert report.exit == EXIT[Flaw.FORKED]


def test_deleted_from_the_middle(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute("DELETE FROM audit_entry WHERE number BETWEEN 300 AND 302")
    report = made.log.verify(given=kept)
    assert report.exit == EXIT[Flaw.MISSING]
    assert "3 lines are missing, the first of them number 300" in report.faults[0].words


def test_deleted_and_renumbered(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute("DELETE FROM audit_entry WHERE number = 300")
        raw.execute("UPDATE audit_entry SET number = -number WHERE number > 300")
        raw.execute("UPDATE audit_entry SET number = -number - 1 WHERE number < 0")
        retell(made, raw)
    assert Flaw.CUT in flaws(made.log.verify())
    assert made.log.verify(given=kept).exit == EXIT[Flaw.CUT]


def test_truncated(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute("DELETE FROM audit_entry WHERE number > 650")
    report = made.log.verify()
    assert flaws(report) == {Flaw.CUT}
    assert "ends with line 650, and 700 were written" in report.faults[0].words


def test_truncated_with_its_head(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute("DELETE FROM audit_entry WHERE number > 650")
        retell(made, raw)
    report = made.log.verify()
    assert flaws(report) == {Flaw.CUT}
    assert "was signed over 700 lines, and there are 650" in report.faults[0].words


def test_truncated_with_head_and_checkpoints(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute("DELETE FROM audit_entry WHERE number > 650")
        retell(made, raw)
        raw.execute("DELETE FROM audit_checkpoint")
    assert made.log.verify().holds
    report = made.log.verify(given=kept)
    assert flaws(report) == {Flaw.BEHIND}
    assert "older backup" in report.faults[0].words


def test_reordered(made: House, kept: str) -> None:
    with attacker(made) as raw:
        swap(raw, 20, 600)
    report = made.log.verify()
    assert Flaw.REORDERED in flaws(report)
    assert report.exit == EXIT[Flaw.REORDERED]
    assert "20, 600" in report.faults[0].words


def test_reordered_with_hashes(made: House, kept: str) -> None:
    with attacker(made) as raw:
        swap(raw, 20, 600)
        retell(made, raw)
    assert Flaw.TREE in flaws(made.log.verify())
    assert Flaw.FORKED in flaws(made.log.verify(given=kept))


def test_a_line_slipped_in_at_the_end(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute(
            "INSERT INTO audit_entry SELECT 701, at, event, 'x', conversation_id, subject, origin, NULL, NULL, leaf "
            "FROM audit_entry WHERE number = 700"
        )
    assert flaws(made.log.verify()) == {Flaw.EDITED, Flaw.TREE}


def test_restored_from_an_older_backup(made: House, kept: str, tmp_path: Path) -> None:
    """The whole data folder of an earlier day: it is in itself right."""
    made.database.close()
    shutil.copytree(made.folder, tmp_path / "backup")
    made.write(50)
    later = made.log.checkpoint().note
    old = house(tmp_path / "backup")
    assert old.log.verify(given=kept).holds
    report = old.log.verify(given=later)
    assert flaws(report) == {Flaw.BEHIND}
    old.database.close()


def test_forked_after_a_restart_from_an_older_backup(made: House, kept: str, tmp_path: Path) -> None:
    """It went on since, and is larger than the checkpoint by now."""
    made.database.close()
    shutil.copytree(made.folder, tmp_path / "backup")
    made.write(50)
    later = made.log.checkpoint().note
    old = house(tmp_path / "backup")
    old.write(80)
    old.log.checkpoint()
    assert old.log.verify().holds
    assert flaws(old.log.verify(given=later)) == {Flaw.FORKED}
    old.database.close()


def test_a_log_begun_anew(made: House, kept: str, tmp_path: Path) -> None:
    anew = house(tmp_path / "new")
    anew.write(LINES)
    anew.log.checkpoint()
    report = anew.log.verify(given=kept)
    assert flaws(report) == {Flaw.OTHER_LOG}
    anew.database.close()


def test_a_log_begun_anew_under_the_old_name(made: House, kept: str, tmp_path: Path) -> None:
    anew = house(tmp_path / "new")
    name = kept.split("\n", maxsplit=1)[0]
    with attacker(anew) as raw:
        raw.execute("UPDATE audit_head SET name = ?", (name,))
    anew.write(3)
    assert flaws(anew.log.verify(given=kept)) == {Flaw.SIGNATURE}
    anew.database.close()


def test_a_forged_checkpoint(made: House, kept: str) -> None:
    report = made.log.verify(given=kept.replace(f"\n{LINES}\n", "\n650\n"))
    assert flaws(report) == {Flaw.SIGNATURE}
    assert flaws(made.log.verify(given="nonsense")) == {Flaw.UNREADABLE}


def test_the_clock_set_back(made: House, kept: str) -> None:
    with clock.freeze(clock.now() - timedelta(hours=2)):
        made.write(1)
    report = made.log.verify()
    assert flaws(report) == {Flaw.CLOCK}
    assert report.faults[0].number == LINES + 1
    made.log.explain_clock(LINES + 1, by="admin", reason="The machine came up with a dead battery.")
    report = made.log.verify()
    assert report.holds
    assert "a line explains it" in report.notes[0]


def test_this_machine_is_behind_the_log(made: House, kept: str) -> None:
    with clock.freeze(clock.now() - timedelta(hours=2)):
        assert flaws(made.log.verify()) == {Flaw.CLOCK}


def test_a_clock_that_is_being_set_right_may_step_back_a_little(made: House, kept: str) -> None:
    with clock.freeze(clock.now() - timedelta(seconds=1)):
        made.write(1)
    assert made.log.verify().holds


def test_a_reason_changed_or_deleted(made: House, kept: str) -> None:
    with attacker(made) as raw:
        raw.execute("UPDATE audit_reason SET text = 'because' WHERE number = 6")
    assert flaws(made.log.verify(given=kept)) == {Flaw.REASON}
    with attacker(made) as raw:
        raw.execute("DELETE FROM audit_reason WHERE number = 6")
    report = made.log.verify(given=kept)
    assert flaws(report) == {Flaw.REASON}
    assert "no line says who erased it" in report.faults[0].words


# ---- an exported log, on another machine ----


@pytest.fixture
def export(made: House, kept: str, tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(made.log.export(by="cli")))
    return path


def rewritten(path: Path, change: Callable[[list[dict[str, object]]], object]) -> Path:
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    change(rows)
    coded = (json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for row in rows)
    path.write_text("".join(f"{row}\n" for row in coded))
    return path


def test_an_export_holds_without_data_or_network(made: House, kept: str, export: Path) -> None:
    with made.database.read() as uow:
        key = made.log.key(uow)
    report = verify_export(export, given=kept, key=key)
    assert report.holds, report.faults
    assert report.lines == LINES + 1  # the export is a line itself
    assert not report.notes
    assert "vouches for itself" in verify_export(export).notes[0]


def test_export_edited(export: Path, kept: str) -> None:
    rewritten(export, lambda rows: rows[9]["line"].update(actor="x"))  # type: ignore[attr-defined]
    report = verify_export(export, given=kept)
    assert flaws(report) == {Flaw.EDITED}
    assert "Line 9 " in report.faults[0].words


def test_export_edited_with_its_hash(export: Path, kept: str) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        line = rows[9]["line"]
        line["actor"] = "x"  # type: ignore[index]
        rows[9]["leaf"] = tree.leaf_hash(leaf_of(line)).hex()  # type: ignore[arg-type]

    rewritten(export, change)
    assert flaws(verify_export(export)) == {Flaw.TREE}
    assert Flaw.FORKED in flaws(verify_export(export, given=kept))


def test_export_reordered(export: Path, kept: str) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        rows[20], rows[30] = rows[30], rows[20]

    report = verify_export(rewritten(export, change), given=kept)
    assert flaws(report) == {Flaw.REORDERED}


def test_export_with_a_line_left_out(export: Path, kept: str) -> None:
    report = verify_export(rewritten(export, lambda rows: rows.pop(50)), given=kept)
    assert flaws(report) == {Flaw.MISSING}
    assert report.faults[0].number == 50


def test_export_cut(export: Path) -> None:
    whole = export.read_bytes()
    export.write_bytes(whole[: len(whole) // 2])
    assert flaws(verify_export(export)) == {Flaw.UNREADABLE}
    export.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    assert "cut short" in verify_export(export).faults[0].words


def test_export_with_its_last_lines_left_out(export: Path, kept: str) -> None:
    def change(rows: list[dict[str, object]]) -> None:
        del rows[-20:-1]

    report = verify_export(rewritten(export, change), given=kept)
    assert flaws(report) == {Flaw.BEHIND}
    assert flaws(verify_export(export)) == {Flaw.CUT}


def test_export_with_a_name_that_stands_twice(export: Path) -> None:
    """What a reader sees is what was hashed."""
    export.write_bytes(export.read_bytes().replace(b'"actor":"user-1"', b'"actor":"x","actor":"user-1"', 1))
    assert flaws(verify_export(export)) == {Flaw.UNREADABLE}


def test_export_under_the_attackers_own_key(made: House, export: Path, tmp_path: Path, kept: str) -> None:
    """A log of the attacker's own making, under the true one's name: the key that was kept elsewhere tells."""
    other = house(tmp_path / "other")
    with attacker(other) as raw:
        raw.execute("UPDATE audit_head SET name = ?", (kept.split("\n", maxsplit=1)[0],))
    other.write(5)
    forged = tmp_path / "forged.jsonl"
    forged.write_bytes(b"".join(other.log.export(by="cli")))
    with made.database.read() as uow:
        key = made.log.key(uow)
    assert verify_export(forged).holds
    assert flaws(verify_export(forged, key=key)) == {Flaw.SIGNATURE}
    assert Flaw.SIGNATURE in flaws(verify_export(forged, given=kept, key=key))
    other.database.close()


@pytest.mark.parametrize(
    "data", [b"", b"{}\n", b"\xff\xfe", b"[1]\n", b'{"format":"candor-audit-log"}\n', b"x" * 70_000]
)
def test_what_is_no_export(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    report = verify_export(tmp_path / "x")
    assert flaws(report) == {Flaw.UNREADABLE}
    assert report.exit == EXIT[Flaw.UNREADABLE]


def test_every_flaw_has_an_exit_status_of_its_own() -> None:
    assert len(set(EXIT.values())) == len(Flaw)
