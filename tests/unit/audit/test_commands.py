"""``candor audit`` and ``candor evidence`` as people call them: words, JSON, exit statuses."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from candor import wiring
from candor.audit.service import Event, entries, record
from candor.audit.verifying import EXIT, Flaw
from candor.cli.main import app
from candor.errors import InvalidInput, NotFound
from candor.settings import Settings
from tests.unit.evidence.made import certificate, pem_of, sound


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CANDOR_RECORDER", "false")
    monkeypatch.chdir(tmp_path)
    services = wiring.open_services(Settings())
    with services.database.write() as uow:
        for place in range(9):
            record(uow, Event.PLAYED, f"user-{place % 2}", conversation_id="c-1", reason=":package: and [bold]why")
    services.database.close()
    return tmp_path


def run(*arguments: str, status: int = 0) -> Result:
    found = CliRunner().invoke(app, list(arguments))
    assert found.exit_code == status, found.output
    return found


def test_verify_prove_export_and_check_elsewhere(data: Path) -> None:
    run("audit", "checkpoint", "-o", "old.note")
    run("audit", "key", "-o", "log.key")
    said = run("audit", "verify", "--checkpoint", "old.note", "--key", "log.key").output
    assert "All holds." in said
    assert "kept elsewhere holds: the first 9 lines" in said
    told = json.loads(run("audit", "verify", "--json").output)
    assert (told["holds"], told["lines"], told["exit"]) == (True, 9, 0)
    run("audit", "prove", "4", "-o", "line.tlog-proof")
    run("audit", "export", "-o", "audit.jsonl")
    run("audit", "checkpoint", "-o", "new.note")
    run("audit", "consistency", "old.note", "new.note", "--json")
    (data / "consistency.json").write_text(run("audit", "consistency", "9", "10", "--json").output)
    # From here on another machine: without the data.
    assert "begins with all 9" in run(
        "audit", "consistency", "old.note", "new.note", "--key", "log.key", "--export", "audit.jsonl"
    ).output  # fmt: skip
    assert "begins with all 9" in run(
        "audit", "consistency", "old.note", "new.note", "--key", "log.key", "--proof", "consistency.json"
    ).output  # fmt: skip
    assert json.loads(run("audit", "check", "line.tlog-proof", "--key", "log.key", "--json").output)["number"] == 4
    said = run("audit", "verify", "--export", "audit.jsonl", "--key", "log.key", "--checkpoint", "old.note").output
    assert "All holds." in said


def test_list_says_things_as_they_stand(data: Path) -> None:
    said = run("audit", "list", "--limit", "2").output
    assert ":package: and [bold]why" in said
    lines = json.loads(run("audit", "list", "--json", "--actor", "user-1", "--event", "replay:sound:play").output)[
        "lines"
    ]
    assert [line["number"] for line in lines] == [8, 6, 4, 2]
    assert data


def tamper(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "data" / "candor.db", isolation_level=None)) as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute(statement)


@pytest.mark.parametrize(("statement", "flaw"), [
    ("UPDATE audit_entry SET actor = 'x' WHERE number = 3", Flaw.EDITED),
    ("DELETE FROM audit_entry WHERE number = 3", Flaw.MISSING),
    ("DELETE FROM audit_entry WHERE number > 7", Flaw.CUT),
    ("UPDATE audit_reason SET text = 'x' WHERE number = 3", Flaw.REASON),
])  # fmt: skip
def test_each_damage_ends_with_its_own_status(data: Path, statement: str, flaw: Flaw) -> None:
    tamper(data, statement)
    assert flaw.upper() in run("audit", "verify", status=EXIT[flaw]).output
    assert not json.loads(run("audit", "verify", "--json", status=EXIT[flaw]).output)["holds"]


def test_what_is_no_key_checkpoint_or_proof(data: Path) -> None:
    (data / "x").write_text("nonsense")
    run("audit", "verify", "--key", "x", status=EXIT[Flaw.UNREADABLE])
    run("audit", "verify", "--checkpoint", "x", status=EXIT[Flaw.UNREADABLE])
    run("audit", "key", "-o", "log.key")
    run("audit", "check", "x", "--key", "log.key", status=EXIT[Flaw.UNREADABLE])
    run("audit", "prove", "4", "-o", "four")
    run("audit", "prove", "5", "-o", "five")
    four, five = (data / "four").read_text().split("\n"), (data / "five").read_text().split("\n")
    (data / "mixed").write_text("\n".join([four[0], five[1], *four[2:]]))
    run("audit", "check", "mixed", "--key", "log.key", status=EXIT[Flaw.PROOF])


def test_a_command_says_from_where_it_came(data: Path) -> None:
    run("audit", "erase-reason", "3", "--reason", "It named somebody.")
    with wiring.open_services(Settings()).database.read() as uow:
        line = entries(uow)[0]
    assert (line.event, line.actor, line.subject) == (Event.REASON_ERASED, "cli", "3")
    assert (line.origin or "").startswith("cli:")
    assert "(erased)" in run("audit", "list").output


def test_evidence_from_export_to_verification(data: Path) -> None:
    (data / "call.wav").write_bytes(sound())
    services = wiring.open_services(Settings())
    upload = services.intake.begin("call.wav", {"call_id": "x"}, actor="cli")
    upload.write(sound())
    call = upload.finish().conversation_id
    services.database.close()
    theirs, key = certificate("Court")
    (data / "court.pem").write_bytes(pem_of(key, theirs).partition(b"\n-----END PRIVATE KEY-----\n")[2])
    (data / "court.key").write_bytes(pem_of(key))
    run("evidence", "export", call, "-o", "package.zip", "--reason", "Dispute")
    assert (data / "package.zip").stat().st_mode & 0o077 == 0
    run("evidence", "export", call, "-o", "package.jwe", "--reason", "Court", "--recipient", "court.pem")
    run("evidence", "open", "package.jwe", "--key", "court.key", "-o", "opened.zip")
    run("evidence", "certificate", "-o", "signer.pem")
    for name in ("package.zip", "opened.zip"):
        said = run("evidence", "verify", name, "--trust", "signer.pem").output
        assert "All that was checked holds" in said
    told = json.loads(run("evidence", "verify", "package.zip", "--json").output)
    assert (told["holds"], told["conversation_id"]) == (True, call)
    broken = bytearray((data / "package.zip").read_bytes())
    broken[len(broken) // 2] ^= 1
    (data / "package.zip").write_bytes(bytes(broken))
    failed = CliRunner().invoke(app, ["evidence", "verify", "package.zip"])
    assert failed.exit_code in range(40, 52)
    assert "does NOT hold" in failed.output
    for arguments, error in (
        (["evidence", "export", "01a21bd6-62e0-7105-bf9a-bd0d7e226dd8", "--reason", "Dispute"], NotFound),
        (["evidence", "export", call, "--reason", " "], InvalidInput),
        (["evidence", "verify", "nowhere.zip"], InvalidInput),
    ):
        assert isinstance(CliRunner().invoke(app, arguments).exception, error)
    assert sorted(each.name for each in data.glob(".*")) == []
