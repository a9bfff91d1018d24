"""Completeness through its doors: the API, the page and the command, over a real house."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from candor import wiring
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import RIGHTS, Right, UserRole
from candor.api import completeness as api
from candor.api import problems
from candor.capture import unrecorded
from candor.capture.completeness import store
from candor.capture.unrecorded import UnrecordedCall
from candor.cli import completeness as cli
from candor.errors import InvalidInput
from candor.kit import clock
from candor.kit.ids import new_id
from candor.web import assets, failures
from candor.web import completeness as web
from candor.web.render import Renderer
from candor.web.security import SecurityHeaders
from tests.unit.pipeline.captured import CUSTOMER, LINE, START, at, captured
from tests.unit.pipeline.recordings import House, open_house

CALLS = "/api/v1/completeness/calls?source=pbx"
VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "completeness"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path / "house")
    with clock.freeze(START + timedelta(hours=12)):
        yield opened
    opened.database.close()


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    app, pages, files = FastAPI(), FastAPI(), assets.Assets()
    app.state.services = pages.state.services = house
    app.include_router(api.router, prefix="/api/v1")
    problems.install(app)
    pages.state.renderer = Renderer(files)
    pages.include_router(web.router)
    failures.install(pages)
    pages.add_middleware(SecurityHeaders)
    app.mount("/", pages)
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as made:
        yield made


def enter(house: House, client: TestClient, role: UserRole, **more: Any) -> None:
    """Log in; the client then sends the session's token with every change to the API."""
    with house.database.write() as uow:
        who = house.access.add_user(
            uow, login=str(role), name="Robin Vale", role=role, password="correct horse battery", **more
        )
        secret = house.access.open_session(uow, who)
    client.cookies.set(SESSION_COOKIE, secret)
    client.headers["X-CSRF-Token"] = csrf_token(secret)


def call(call_id: str = "c-1", start: float = 0.0, **more: Any) -> dict[str, Any]:
    return {
        "call_id": call_id, "started_at": at(start).isoformat(), "duration": 100, "caller": CUSTOMER, "callee": LINE,
        "agent_id": "a7", **more,
    }  # fmt: skip


def differences(client: TestClient, **params: Any) -> dict[str, Any]:
    answer = client.get("/api/v1/completeness", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


# The API


def test_calls_come_in_by_the_api_and_are_checked(house: House, client: TestClient) -> None:
    enter(house, client, UserRole.ADMINISTRATOR)
    an_id = captured(house, "c-2", 1030, duration=70)
    answer = client.put(CALLS, json=[call(), call("c-2", 1000), {"call_id": "bad"}])
    assert answer.status_code == 200
    assert (answer.json()["added"], answer.json()["replaced"]) == (2, 0)
    assert [(each["position"], each["code"]) for each in answer.json()["errors"]] == [(3, "calls.start")]
    again = client.post(CALLS, json=[call(), call("c-2", 1000)])
    assert (again.json()["added"], again.json()["replaced"]) == (0, 2)
    checked = client.post("/api/v1/completeness/check", json={})
    assert checked.json()["found"]["missing"] == 1
    found = differences(client)
    assert (found["expected"], found["to_record"], found["recorded"], found["share"]) == (2, 2, 1, 0.5)
    assert [(each["kind"], each["call_id"], each["conversations"]) for each in found["discrepancies"]] == [
        ("late", "c-2", [an_id]), ("missing", "c-1", []),
    ]  # fmt: skip
    assert CUSTOMER not in json.dumps(found)
    assert differences(client, kind="late")["total"] == 1
    first = differences(client, limit=1)
    second = differences(client, limit=1, cursor=first["next_cursor"])
    assert [first["discrepancies"][0]["kind"], second["discrepancies"][0]["kind"]] == ["late", "missing"]
    assert second["next_cursor"] is None
    assert differences(client, until="2026-03-02T09:00:00Z")["total"] == 0


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv; charset=utf-8", "call_id;start;duration\nc-1;2026-03-02 10:00:00;100\nbad;;\n"),
        ("text/tab-separated-values", "call_id\tstart\tduration\nc-1\t2026-03-02 10:00:00\t100\nbad\t\t\n"),
        (
            "application/x-ndjson",
            '{"call_id": "c-1", "start": "2026-03-02 10:00:00", "duration": 100}\n\n{"id": "bad"}',
        ),
    ],
)
def test_a_file_comes_in_by_the_api_as_it_is(house: House, client: TestClient, kind: str, body: str) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    headers = {"Content-Type": kind}
    answer = client.put(f"{CALLS}&zone=Europe/Berlin", content=body, headers=headers).json()
    assert (answer["added"], answer["first"], answer["last"]) == (1, at(0).isoformat(), at(0).isoformat())
    assert [(each["line"], each["code"]) for each in answer["errors"]] == [(3, "calls.start")]
    refused = client.put(CALLS, content=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "calls.none")
    assert refused.json()["errors"][0]["line"] == (1 if "json" in kind else 2)
    assert client.put(CALLS, content="when\nx", headers=headers | {"Content-Type": "text/csv"}).status_code == 422


def test_a_difference_is_closed_by_the_api_once(house: House, client: TestClient) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    house.completeness.put([call()], source="pbx")
    client.post("/api/v1/completeness/check", json={"since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"})
    address = f"/api/v1/completeness/{differences(client)['discrepancies'][0]['id']}/resolve"
    assert client.post(address, json={"reason": " "}).status_code == 422
    closed = client.post(address, json={"reason": "switch test call"})
    assert (closed.status_code, closed.json()["state"], closed.json()["reason"]) == (
        200,
        "resolved",
        "switch test call",
    )
    assert client.post(address, json={"reason": "again"}).status_code == 409
    assert client.post("/api/v1/completeness/none/resolve", json={"reason": "x"}).status_code == 404
    assert differences(client)["total"] == 0
    assert differences(client, state="resolved")["total"] == 1
    assert differences(client)["counts"]["missing"] == {"open": 0, "resolved": 1, "gone": 0}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "calls.json"),
        (b"{}", 422, "calls.json"),
        (b"[1]", 422, "calls.json"),
        (b"[" * 100_000, 422, "calls.json"),
        (b'[{"call_id": "1"}]', 422, "calls.none"),
        (b"[" + b"{}," * 10_001 + b"{}]", 413, "calls.too_large"),
        (b" " * (8 * 1024 * 1024 + 1), 413, "calls.too_large"),
    ],
)
def test_lists_that_cannot_be_taken(house: House, client: TestClient, body: bytes, status: int, code: str) -> None:
    enter(house, client, UserRole.ADMINISTRATOR)
    answer = client.put(CALLS, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.put("/api/v1/completeness/calls?source=a/b", json=[call()]).json()["code"] == "calls.source"
    assert client.put(CALLS.split("?", maxsplit=1)[0], json=[call()]).status_code == 422


def test_times_need_an_offset(house: House, client: TestClient) -> None:
    enter(house, client, UserRole.AUDITOR)
    answer = client.get("/api/v1/completeness", params={"since": "2026-03-02T00:00:00"})
    assert (answer.status_code, answer.json()["code"]) == (422, "time.zone")


@pytest.mark.parametrize(
    ("role", "more", "read", "manage"),
    [
        (UserRole.ADMINISTRATOR, {}, True, True),
        (UserRole.COMPLIANCE, {}, True, True),
        (UserRole.AUDITOR, {}, True, False),
        # The right alone is not enough: differences are of the whole house, and a supervisor sees a team.
        (UserRole.SUPERVISOR, {"team": "Billing"}, False, False),
        (UserRole.EVALUATOR, {}, False, False),
        (UserRole.AGENT, {"agent_id": "a7"}, False, False),
    ],
)
def test_who_may_do_what(
    house: House, client: TestClient, role: UserRole, more: dict[str, str], read: bool, manage: bool
) -> None:
    for method, address in (("GET", "/completeness"), ("POST", "/completeness/check"), ("PUT", "/completeness/calls")):
        assert client.request(method, f"/api/v1{address}").status_code == 401
    enter(house, client, role, **more)
    for address in ("/api/v1/completeness", "/completeness", "/completeness/export.csv"):
        assert client.get(address).status_code == (200 if read else 403)
    for done, address, given in (
        (200, "/api/v1/completeness/check", {"json": {}}),
        (200, CALLS, {"json": [call()]}),
        (404, "/api/v1/completeness/x/resolve", {"json": {"reason": "x"}}),
        (404, "/completeness/x/resolve", {"data": {"reason": "x"}}),
        (303, "/completeness/check", {"data": {}}),
    ):
        assert client.post(address, **given).status_code == (done if manage else 403), address
    if read:
        shown = client.get("/completeness").text
        assert ("Check now" in shown) == manage
        assert ('id="hand-in"' in shown) == manage
        assert 'href="/completeness"' in shown
    assert (Right.COMPLETENESS_READ in RIGHTS[role]) == (read or role is UserRole.SUPERVISOR)


def test_a_token_needs_the_right_of_its_own(house: House, client: TestClient) -> None:
    with house.database.write() as uow:
        house.access.add_user(uow, login="root", name="", role=UserRole.ADMINISTRATOR, password="correct horse battery")
        person = house.access.principal_by_login(uow, "root")
        later = clock.now() + timedelta(days=1)
        secrets = {
            scopes: house.access.create_token(uow, person, "t", scopes, later)[0]
            for scopes in (
                (Right.HEALTH_READ, Right.CONVERSATION_EXPORT, Right.CONVERSATION_IMPORT),
                (Right.COMPLETENESS_READ,), (Right.COMPLETENESS_MANAGE,),
            )
        }  # fmt: skip
    found = []
    for secret in secrets.values():
        auth = {"Authorization": f"Bearer {secret}"}
        answers = (
            client.get("/api/v1/completeness", headers=auth), client.put(CALLS, json=[call()], headers=auth)
        )  # fmt: skip
        found.append(tuple(answer.status_code for answer in answers))
    assert found == [(403, 403), (200, 403), (403, 200)]


# The page


def page_of(client: TestClient, address: str = "/completeness") -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_empty_page_says_what_to_do_next(house: House, client: TestClient) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    assert "candor completeness import" in page_of(client)
    house.completeness.put([call(start=-40 * 86_400)], source="pbx")
    assert "no calls in this period" in page_of(client)
    house.completeness.put([call()], source="pbx")
    captured(house, "c-1")
    text = page_of(client)
    assert "No differences" in text
    assert "100.0 % of the calls" in text


def test_the_page_shows_differences_and_closes_one(house: House, client: TestClient) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    an_id = captured(house, "c-2", 1030, duration=70)
    house.completeness.put([call("<b>&c-1"), call("c-2", 1000)], source="pbx")
    csrf = client.headers.pop("X-CSRF-Token")
    assert client.post("/completeness/check?period=7d", data={}).status_code == 403
    answer = client.post("/completeness/check?period=7d", data={"csrf": csrf})
    assert (answer.status_code, answer.headers["location"]) == (303, "/completeness?period=7d&done=checked")
    text = page_of(client, answer.headers["location"])
    assert f'href="/conversations/{an_id}"' in text
    assert "30 s late" in text
    assert "&lt;b&gt;&amp;c-1" in text
    assert "<b>" not in text
    assert "50.0 % of the calls" in text
    assert CUSTOMER not in text
    assert "style=" not in text
    address = re.findall(r'action="(/completeness/[^"]+/resolve[^"]*)"', text)[-1].replace("&amp;", "&")
    assert client.post(address, data={"csrf": csrf, "reason": ""}).status_code == 422
    answer = client.post(address, data={"csrf": csrf, "reason": "=test call"})
    assert answer.status_code == 303
    assert "c-1" not in page_of(client, answer.headers["location"])
    closed = page_of(client, "/completeness?state=all")
    assert "=test call" in closed
    assert "Robin Vale" in closed
    assert "c-1" not in page_of(client, "/completeness?kind=late&state=all")
    exported = client.get("/completeness/export.csv?state=all")
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert [(row["kind"], row["recordings"], row["reason"]) for row in rows] == [
        ("late", an_id, ""), ("missing", "", "'=test call")
    ]  # fmt: skip


def test_every_door_tells_what_was_rightly_not_recorded(house: House, client: TestClient, command: CliRunner) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    captured(house, "c-1")
    house.completeness.put([call(), call("c-2", 1000)], source="pbx")
    why = "Recording is barred for this purpose, whatever anybody consents to."
    with house.database.write() as uow:
        unrecorded.put(
            uow,
            UnrecordedCall(
                id=new_id(), external_id="c-2", source="sbc", started_at=at(1000), seconds=93.0, level=9, why=why,
                dropped=False,
            ),
        )  # fmt: skip
    client.post("/api/v1/completeness/check", json={})
    found = differences(client)
    assert (found["expected"], found["to_record"], found["recorded"], found["share"]) == (2, 1, 1, 1.0)
    assert (found["unrecorded"], found["unrecorded_reasons"], found["total"]) == (1, {why: 1}, 0)
    (row,) = differences(client, state="resolved")["discrepancies"]
    assert (row["kind"], row["call_id"], row["reason"]) == ("unrecorded", "c-2", why)
    text = page_of(client)
    assert "100.0 % of the calls" in text
    assert "1 call more was rightly not recorded:" in text
    assert f"1 × {why}" in text
    address = re.search(r'href="([^"]*kind=unrecorded[^"]*)"', text)
    assert address is not None
    listed = page_of(client, address[1].replace("&amp;", "&"))
    assert "c-2" in listed
    assert "/resolve" not in listed
    done = command.invoke(cli.app, ["check"])
    assert (done.exit_code, f"1 rightly not recorded: {why}" in done.stdout) == (0, True)
    told = json.loads(command.invoke(cli.app, ["check", "--json"]).stdout)
    assert (told["unrecorded"], told["missing"]) == (1, 0)


def test_a_page_of_many_goes_on(house: House, client: TestClient) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    calls = [call(f"c-{n:03}", -n * 200.0, caller=f"+1202555{n:04}", agent_id=f"a{n}") for n in range(60)]
    house.completeness.put(calls, source="pbx")
    house.completeness.check_recent()
    first = page_of(client)
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = page_of(client, following[1].replace("&amp;", "&"))
    ids = [set(re.findall(r"<code>(c-\d{3})</code>", text)) for text in (first, second)]
    assert [len(each) for each in ids] == [50, 10]
    assert not ids[0] & ids[1]
    assert len(list(csv.reader(io.StringIO(client.get("/completeness/export.csv").text)))) == 61


@pytest.mark.parametrize(
    "query",
    ["period=never", "from=x&to=y", "from=0001-01-01", "to=9999-12-31", "from=2026-03-05&to=2026-03-01",
     "kind=%00", "state=zzz", "from=1990-01-01&to=2199-12-31"],
)  # fmt: skip
def test_odd_addresses_still_give_a_page(house: House, client: TestClient, query: str) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    page_of(client, f"/completeness?{query}")


def test_dates_count_more_than_a_period(house: House, client: TestClient) -> None:
    enter(house, client, UserRole.COMPLIANCE)
    house.completeness.put([call()], source="pbx")
    assert "1 calls in the lists" in page_of(client, "/completeness?period=today&from=2026-03-02&to=2026-03-02")
    assert "no calls in this period" in page_of(client, "/completeness?period=today&from=2026-02-01&to=2026-02-02")


# The command


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr(wiring, "open_services", lambda: house)
    return CliRunner()


def test_the_command_imports_and_checks(house: House, command: CliRunner, tmp_path: Path) -> None:
    lists = tmp_path / "calls.csv"
    lists.write_text(
        f"call_id,start,duration,caller\nc-1,2026-03-02 10:00:00,100,{CUSTOMER}\nc-2,2026-03-02 10:30:00,100,+1\n"
    )
    missing_zone = command.invoke(cli.app, ["import", str(lists), "--source", "pbx", "--json"])
    assert missing_zone.exit_code == 1
    assert [each["line"] for each in json.loads(missing_zone.stdout)["errors"]] == [2, 3]
    done = command.invoke(cli.app, ["import", str(lists), "--source", "pbx", "--zone", "Europe/Berlin"])
    assert (done.exit_code, done.stdout) == (0, "2 calls added, 0 replaced, 0 lines not taken.\n")
    captured(house, "c-1")
    checked = command.invoke(cli.app, ["check", "--json"])
    assert checked.exit_code == 1
    found = json.loads(checked.stdout)
    assert (found["missing"], found["share"]) == (1, 0.5)
    assert [(each["kind"], each["call_id"]) for each in found["discrepancies"]] == [("missing", "c-2")]
    told = command.invoke(cli.app, ["check"])
    assert told.exit_code == 1
    assert "50.0 % recorded: 1 of 2 calls, 1 missing" in told.stdout
    with house.database.read() as uow:
        an_id = store.page(uow, at(-86_400), at(86_400)).rows[0].id
    house.completeness.resolve(an_id, by="cli", reason="known")
    assert command.invoke(cli.app, ["check"]).exit_code == 0
    empty = command.invoke(cli.app, ["check", "--from", "2020-01-01", "--to", "2020-01-02"])
    assert (empty.exit_code, "no call in this period" in empty.stdout) == (0, True)


def test_the_command_tells_bad_lines_and_files(command: CliRunner, tmp_path: Path) -> None:
    done = command.invoke(cli.app, ["import", str(VECTORS / "bad_lines.csv"), "--source", "pbx"])
    assert done.exit_code == 1
    assert "1 calls added, 0 replaced, 16 lines not taken" in done.output
    assert "line 16" in done.output
    absent = command.invoke(cli.app, ["import", str(tmp_path / "none.csv"), "--source", "pbx"])
    assert isinstance(absent.exception, InvalidInput)


def test_the_command_forgets_old_lists(house: House, command: CliRunner) -> None:
    house.completeness.put([call(), call("c-2", 5 * 86_400)], source="pbx")
    done = command.invoke(cli.app, ["forget", "--before", "2026-03-05"])
    assert done.stdout == "1 calls deleted from the lists.\n"


def test_a_call_without_its_id_is_known_by_agent_time_and_length(house: House, client: TestClient) -> None:
    """Media streams and SBCs may know a call by another id than the call list does."""
    enter(house, client, UserRole.COMPLIANCE)
    why = "An explicit yes is needed before anything is kept."
    listed = [call("c-1"), call("c-2", 1000), call("c-3", 2000), call("c-4", 2020)]
    house.completeness.put(listed, source="pbx")

    def withheld(start: float, seconds: float, agent_id: str = "a7") -> UnrecordedCall:
        return UnrecordedCall(
            id=new_id(), external_id=new_id(), source="twilio", started_at=at(start), seconds=seconds, level=4,
            why=why, dropped=False, agent_id=agent_id,
        )  # fmt: skip

    with house.database.write() as uow:
        unrecorded.put(uow, withheld(2, 99.0))  # the first, a moment later
        unrecorded.put(uow, withheld(1001, 33.0))  # too short to be the second
        unrecorded.put(uow, withheld(1000, 100.0, "somebody else"))
        unrecorded.put(uow, withheld(2010, 0.1))  # refused at once: the third or the fourth, nobody can tell
    client.post("/api/v1/completeness/check", json={})
    both = [one for state in ("open", "resolved") for one in differences(client, state=state)["discrepancies"]]
    found = {one["call_id"]: one["kind"] for one in both}
    assert found == {"c-1": "unrecorded", "c-2": "missing", "c-3": "missing", "c-4": "missing"}
