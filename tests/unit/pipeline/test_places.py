"""How it stands with watched places, through the API and the command, after real looks at real folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event
from typer.testing import CliRunner

from candor import wiring
from candor.access.model import Right, UserRole
from candor.api import places as api
from candor.api import problems
from candor.capture.watch import store
from candor.capture.watch.model import WatchedPlace
from candor.cli import watching as cli
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline.places import Places
from candor.pipeline.store import beat
from candor.pipeline.watching import Watcher
from tests.unit.pipeline.recordings import House, conversations, open_house, recording

ADDRESS = "/api/v1/watched-places"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "yard").mkdir()
    place = WatchedPlace(name="pbx", url=f"file://{tmp_path}/yard", settle=0, manifest="*.csv", facts_wait=0)
    away = WatchedPlace(name="share", url=f"file://{tmp_path}/nowhere")
    opened = replace(open_house(tmp_path / "house"), places=Places([place, away]))
    yield opened
    opened.database.close()


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.services = house
    app.include_router(api.router, prefix="/api/v1")
    problems.install(app)
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def token(house: House, role: UserRole = UserRole.ADMINISTRATOR, *scopes: Right, **more: Any) -> dict[str, str]:
    """The header of a token of a new person with this role."""
    with house.database.write() as uow:
        login = f"{role}-{new_id()}"
        house.access.add_user(uow, login=login, name="", role=role, password="correct horse battery", **more)
        person = house.access.principal_by_login(uow, login)
        wanted = scopes or tuple(person.rights)
        secret, _ = house.access.create_token(uow, person, "test", wanted, clock.now() + timedelta(days=1))
    return {"Authorization": f"Bearer {secret}"}


def look(house: House) -> None:
    watcher = Watcher(house.database, house.intake, house.places.places)
    for name in watcher.places:
        watcher.run_once(name)


def work(house: House) -> None:
    with house.database.write() as uow:
        beat(uow, new_id(), 1)


def test_a_look_is_told_by_the_api(house: House, client: TestClient, tmp_path: Path) -> None:
    auth = token(house)
    before = client.get(ADDRESS, headers=auth).json()["places"]
    assert [(each["name"], each["checked_at"], each["taken"]) for each in before] == [
        ("pbx", None, 0),
        ("share", None, 0),
    ]
    assert "No worker runs" in before[0]["trouble"]["message"]
    yard = tmp_path / "yard"
    (yard / "calls.csv").write_text("file,call_id\n2025550143_a.wav,c-1\n")
    (yard / "2025550143_a.wav").write_bytes(recording())
    (yard / "bad.wav").write_bytes(b"no sound")
    work(house)
    look(house)
    pbx, share = client.get(ADDRESS, headers=auth).json()["places"]
    (call,) = conversations(house)
    assert (pbx["waiting"], pbx["taken"], pbx["refused"], pbx["trouble"]) == (0, 1, 1, None)
    assert (pbx["last_taken"]["file"], pbx["last_taken"]["conversation_id"]) == ("…0143_a.wav", call.id)
    assert pbx["last_refused"]["code"].startswith("media.")
    assert pbx["checked_at"] == pbx["reached_at"] is not None
    assert pbx["where"] == str(yard)
    assert share["reached_at"] is None
    assert "cannot be used" in share["trouble"]["message"]
    assert "Check that the share is mounted" in share["trouble"]["message"]


def test_names_and_places_are_for_those_who_may(house: House, client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "yard" / "Ada.wav").write_bytes(recording())
    look(house)
    told = client.get(ADDRESS, headers=token(house, UserRole.AUDITOR, Right.HEALTH_READ))
    assert told.json()["places"][0]["last_taken"].keys() == {"at", "code"}
    assert "Ada" not in told.text
    assert client.get(ADDRESS).status_code == 401
    for role, more in (
        (UserRole.EVALUATOR, {}),
        (UserRole.AGENT, {"agent_id": "a7"}),
        (UserRole.SUPERVISOR, {"team": "x"}),
    ):
        assert client.get(ADDRESS, headers=token(house, role, **more)).status_code == 403


def test_the_command_tells_and_ends_with_1_in_trouble(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "open_services", lambda: house)
    work(house)
    look(house)
    told = CliRunner().invoke(cli.app, ["status"])
    assert told.exit_code == 1
    assert "share: The watched folder cannot be used (No such file or directory)." in told.stdout
    asked = CliRunner().invoke(cli.app, ["status", "--json"])
    assert (asked.exit_code, [each["name"] for each in json.loads(asked.stdout)["places"]]) == (1, ["pbx", "share"])
    empty = replace(house, places=Places([]))
    monkeypatch.setattr(wiring, "open_services", lambda: empty)
    told = CliRunner().invoke(cli.app, ["status"])
    assert (told.exit_code, "No folder or bucket is watched" in told.stdout) == (0, True)


def test_a_look_in_progress_is_not_overdue(house: House) -> None:
    """A large file may take an hour: the place is owned all the while."""
    look(house)
    place = house.places.places[0].name
    with clock.freeze(clock.now() + timedelta(minutes=10)), house.database.write() as uow:
        beat(uow, new_id(), 1)
        assert "for a while" in house.places.now(uow)[0].trouble.message  # type: ignore[union-attr]
        assert store.own(uow, place, "somebody", 120)
        assert house.places.now(uow)[0].trouble is None


def test_the_index_alone_answers(house: House) -> None:
    """Pages ask every few seconds, and a place may have had millions of files."""
    look(house)
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        if "FROM watched_file" in statement:
            asked.append((statement, values))

    event.listen(house.database.engine, "before_cursor_execute", note)
    with house.database.read() as uow:
        house.places.now(uow)
        event.remove(house.database.engine, "before_cursor_execute", note)
        plans = [
            row.detail
            for statement, values in asked
            for row in uow.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert len(asked) > 10
    assert not [plan for plan in plans if "TEMP B-TREE FOR ORDER BY" in plan]
    assert {plan.partition("watched_file ")[2].partition(" (place=")[0] for plan in plans} == {
        "USING COVERING INDEX ix_watched_file_place_state_part_done_at",  # counts
        "USING INDEX ix_watched_file_place_state_part_done_at",  # the last of each, and what waits now
    }
