"""Retention, holds and requests through their doors: API, pages, commands."""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from typer.testing import CliRunner

from candor import wiring
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import UserRole
from candor.cli.main import app as command
from candor.errors import CandorError, Conflict, Damaged, InvalidInput
from candor.kit import clock
from candor.vault.disposal import store as disposals
from candor.vault.retention import store
from tests.unit.pipeline.kept import START, TEL, WORD, Kept, opened
from tests.unit.pipeline.test_keeping import decided


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Kept]:
    with opened(tmp_path / "data") as made:
        yield made


class Visitor:
    """A person at the API and the pages."""

    def __init__(self, house: Kept, role: UserRole) -> None:
        with house.services.database.write() as uow:
            user = house.services.access.add_user(
                uow, login=str(role), name=f"The {role}", role=role, password="correct horse battery"
            )
            self._secret = house.services.access.open_session(uow, user)
        self._client = TestClient(
            wiring.application(house.services), raise_server_exceptions=False, follow_redirects=False
        )  # fmt: skip
        self._client.cookies.set(SESSION_COOKIE, self._secret)

    def api(self, method: str, path: str, body: Any = None) -> Response:
        headers = {"X-CSRF-Token": csrf_token(self._secret)}
        return self._client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def get(self, path: str) -> str:
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text[:400]
        return words(answer)

    def post(self, path: str, **fields: str) -> Response:
        return self._client.post(path, data={"csrf": csrf_token(self._secret), **fields})


def words(answer: Response) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


@pytest.fixture
def officer(house: Kept) -> Visitor:
    return Visitor(house, UserRole.COMPLIANCE)


# ---- API ----


def test_a_schedule_from_draft_to_sweep_to_certificate(house: Kept, officer: Visitor) -> None:
    one = house.take(at=START - timedelta(days=20))
    made = officer.api("POST", "/retention/schedules", {"name": "House", "days": 30, "basis": "Policy 7"})
    assert made.status_code == 201
    effect = f"/retention/schedules/{made.json()['id']}/effect"
    assert officer.api("POST", effect, {"effective_from": "2020-01-01"}).status_code == 422
    assert officer.api("POST", effect, {}).status_code == 204
    assert officer.api("POST", effect, {}).status_code == 409
    seen = officer.api("GET", "/retention/preview?on=2026-01-20").json()
    assert (seen["due"], [each["id"] for each in seen["conversations"]]) == (1, [one])
    assert officer.api("GET", "/retention/preview?on=2026-01-19").json()["due"] == 0
    assert officer.api("POST", "/retention/sweep").json()["destroyed"] == 0
    with clock.freeze(START + timedelta(days=10)):
        done = house.services.keeping.sweep()
    assert done.sweep.destroyed == 1
    assert [each["conversation_id"] for each in officer.api("GET", "/retention/destroyed").json()["destroyed"]] == [one]
    signed = officer.api("GET", f"/retention/certificates/{done.certificates[0].id}")
    assert signed.headers["content-type"] == "application/jose"
    assert signed.text.count(".") == 2
    assert officer.api("GET", "/retention/certificates/none").status_code == 404


def test_bad_schedules_name_what_is_wrong_and_echo_nothing(officer: Visitor) -> None:
    for body in (
        {"name": "x", "days": -1, "basis": "why"}, {"name": "", "days": 1, "basis": "why"}, {"name": "x"},
        {"name": "x", "days": 1, "basis": "why", "when": {"mood": WORD}},
        {"name": "x", "days": 1, "basis": "why", "when": {"consent": WORD[:10]}},
    ):  # fmt: skip
        refused = officer.api("POST", "/retention/schedules", body)
        assert refused.status_code == 422
        assert WORD[:10] not in refused.text


def test_a_hold_from_placing_to_release(house: Kept, officer: Visitor) -> None:
    one = house.take()
    made = officer.api(
        "POST", "/holds", {"case": "Case 7", "reason": "Lawsuit", "people": [{"kind": "number", "value": TEL}]}
    )
    assert (made.status_code, made.json()["conversations"], made.json()["people"]) == (201, 1, ["number …0143"])
    path = f"/holds/{made.json()['id']}"
    assert officer.api("GET", path).json()["ids"] == [one]
    assert officer.api("POST", "/holds", {"case": "Case 8", "reason": "Lawsuit"}).status_code == 422
    assert officer.api("POST", f"{path}/release", {"reason": ""}).status_code == 422
    assert officer.api("POST", f"{path}/release", {"reason": "Settled"}).status_code == 204
    assert officer.api("POST", f"{path}/release", {"reason": "Settled"}).status_code == 409
    assert officer.api("GET", "/holds").json() == {"holds": []}
    assert len(officer.api("GET", "/holds?released=true").json()["holds"]) == 1
    assert officer.api("POST", "/holds/none/release", {"reason": "Settled"}).status_code == 404


def test_a_request_from_arrival_to_answer(house: Kept, officer: Visitor) -> None:
    one = house.take()
    asked = {"kind": "erasure", "name": "Julia Marsh", "keys": [{"kind": "number", "value": TEL}], "place": "DE"}
    made = officer.api("POST", "/requests", asked)
    assert (made.status_code, made.json()["due_on"]) == (201, "2026-02-10")
    path = f"/requests/{made.json()['number']}"
    assert officer.api("POST", f"{path}/erase", {"sure": True}).status_code == 403
    assert officer.api("POST", f"{path}/verify", {"how": "Called back"}).status_code == 204
    copy = officer.api("POST", f"{path}/copy")
    with zipfile.ZipFile(io.BytesIO(copy.content)) as archive:
        assert archive.testzip() is None
    assert officer.api("POST", f"{path}/erase", {"sure": False}).status_code == 422
    erased = officer.api("POST", f"{path}/erase", {"sure": True}).json()["conversations"]
    assert [(each["conversation_id"], each["state"]) for each in erased] == [(one, "erased")]
    assert officer.api("POST", f"{path}/close", {"outcome": "Told by letter"}).status_code == 204
    assert officer.api("GET", "/requests").json() == {"requests": []}
    assert "Julia" not in officer.api("GET", "/requests?closed=true").text


# ---- pages ----


def test_empty_pages_say_what_to_do_next(officer: Visitor) -> None:
    for path, said in (
        ("/retention", "No schedule is written down yet"), ("/retention/schedules", "nothing is destroyed"),
        ("/retention/conflicts", "Schedules and law agree"), ("/retention/approvals", "Four eyes are not set"),
        ("/retention/destroyed", "Nothing was destroyed yet"), ("/retention/holds", "No legal hold stands"),
        ("/retention/requests", "No request is open"),
    ):  # fmt: skip
        assert said in officer.get(path)


def test_an_auditor_sees_and_changes_nothing(house: Kept) -> None:
    auditor = Visitor(house, UserRole.AUDITOR)
    for path in ("", "/schedules", "/conflicts", "/approvals", "/destroyed", "/holds", "/requests"):
        assert "Write down as a draft" not in auditor.get(f"/retention{path}")
    assert auditor.post("/retention/holds", case="Case", reason="Why", by_number=TEL).status_code == 403


def test_schedules_on_their_page(house: Kept, officer: Visitor) -> None:
    house.take()
    at = "/retention/schedules"
    wrong = officer.post(at, name="House", days="many", basis="Policy 7", jurisdiction="us")
    assert wrong.status_code == 422
    assert "whole number" in words(wrong)
    assert 'value="Policy 7"' in wrong.text, "what was typed is still there"
    assert 'aria-invalid="true"' in wrong.text
    assert officer.post(at, name="House", days="30", basis="Policy 7").headers["location"] == f"{at}?done=drafted"
    with house.services.database.read() as uow:
        draft = store.schedules(uow)[0]
    assert officer.post(f"{at}/{draft.id}/effect", day="2026-01-10").headers["location"] == f"{at}?done=in_effect"
    assert "30 days" not in officer.get("/retention")
    house.services.keeping.classify()
    page = officer.get("/retention?on=2026-03-01")
    assert "House v1" in page
    assert "Dana Whitfield with …0143" in page
    assert (
        officer.post(f"{at}/withdraw", name="House", reason="New policy").headers["location"] == f"{at}?done=withdrawn"
    )
    assert officer.post(f"{at}/withdraw", name="House", reason="New policy").status_code == 422
    assert "withdrawn" in officer.get(at)


def test_destroying_on_the_page_needs_the_box(house: Kept, officer: Visitor) -> None:
    one = house.take()
    house.schedule(days=0)
    house.services.keeping.classify()
    assert "I know that it cannot be undone: 1 conversation" in officer.get("/retention")
    assert "tick the box" in words(officer.post("/retention/sweep"))
    assert house.there(one) == [True]
    assert officer.post("/retention/sweep", sure="yes").headers["location"] == "/retention?done=swept"
    assert house.there(one) == [False]
    assert one in officer.get("/retention/destroyed")


def test_the_page_previews_without_a_sweep_before_it(
    house: Kept, officer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["candor.web.keeping.overview"], "_AT_ONCE", 2)
    for _ in range(5):
        house.take()
    house.schedule(days=0)
    first = officer.get("/retention")
    assert "I know that it cannot be undone: 2 conversations" in first
    assert "3 conversations are not counted yet" in first
    assert officer.api("GET", "/retention/preview").json()["due"] == 5
    last = officer.get("/retention")
    assert "I know that it cannot be undone: 5 conversations" in last
    assert "not counted yet" not in last


def test_a_conflict_is_settled_on_its_page(house: Kept, officer: Visitor) -> None:
    decided(house, house.take(), low=1825)
    house.schedule(days=30)
    house.services.keeping.classify()
    page = officer.get("/retention/conflicts")
    assert "The schedule destroys earlier than the law allows" in page
    assert "1 825" in page.replace("\u202f", " ")
    with house.services.database.read() as uow:
        number = house.services.keeping.preview(uow, START.date()).conflicts[0].line.class_id
    at = f"/retention/conflicts/{number}"
    assert "Say why" in words(officer.post(at, days="1825", reason=" "))
    assert (
        officer.post(at, days="1825", reason="The statute").headers["location"] == "/retention/conflicts?done=settled"
    )
    assert "The statute" in officer.get("/retention/conflicts")
    assert officer.post("/retention/conflicts/99", days="1", reason="none").status_code == 404


def test_a_second_person_approves_on_the_page(tmp_path: Path) -> None:
    with opened(tmp_path / "data", disposal_approval="four-eyes") as house:
        first, second = Visitor(house, UserRole.COMPLIANCE), Visitor(house, UserRole.ADMINISTRATOR)
        one = house.take()
        house.schedule(days=0)
        assert first.post("/retention/approvals").headers["location"] == "/retention/approvals?done=proposed"
        with house.services.database.read() as uow:
            at = f"/retention/approvals/{disposals.proposals(uow)[0].id}"
        assert "You proposed it: a second person decides" in first.get("/retention/approvals")
        assert "second person must" in words(first.post(f"{at}/approve", sure="yes"))
        assert "1 list of what is due waits for a second person" in second.get("/attention")
        assert "tick the box" in words(second.post(f"{at}/approve"))
        assert second.post(f"{at}/approve", sure="yes").headers["location"] == "/retention/approvals?done=approved"
        assert house.services.keeping.run_approved() == 1
        assert house.there(one) == [False]


def test_a_hold_is_placed_on_the_page_and_shown_on_the_call(house: Kept, officer: Visitor) -> None:
    one = house.take()
    at = "/retention/holds"
    wrong = officer.post(at, case="Case 7", reason="Lawsuit", by_email="nobody")
    assert wrong.status_code == 422
    assert "That is no e-mail address" in words(wrong)
    placed = officer.post(at, case="Case 7", reason="Lawsuit", by_number=TEL, since="2026-01-01", until="2026-01-10")
    path = placed.headers["location"].partition("?")[0]
    assert "1 conversation" in officer.get(path)
    assert "Legal hold" in officer.get(f"/conversations/{one}")
    assert "1 stands" in officer.get(at)
    assert officer.post(f"{path}/release", reason="Settled").status_code == 303
    assert "Legal hold" not in officer.get(f"/conversations/{one}")


def test_a_request_on_its_pages(house: Kept, officer: Visitor) -> None:
    one = house.take()
    at = "/retention/requests"
    assert officer.post(at, kind="access", name="Julia Marsh", law="gdpr").status_code == 422
    taken = officer.post(at, kind="erasure", name="Julia Marsh", law="gdpr", by_number=TEL, received_on="2025-12-01")
    assert taken.headers["location"] == f"{at}/1?done=received"
    page = officer.get(f"{at}/1")
    assert "overdue" in page
    assert "Julia Marsh" in page
    assert "1 request of a data subject should have been answered" in officer.get("/attention")
    assert "made sure" in words(officer.post(f"{at}/1/copy"))
    assert officer.post(f"{at}/1/verify", how="Called back").status_code == 303
    assert officer.post(f"{at}/1/copy").headers["content-type"] == "application/zip"
    assert "tick the box" in words(officer.post(f"{at}/1/erase"))
    assert officer.post(f"{at}/1/erase", sure="yes").headers["location"] == f"{at}/1?done=erased"
    assert house.there(one) == [False]
    assert "Destroyed." in officer.get(f"{at}/1")
    assert officer.post(f"{at}/1/close", outcome="Told by letter").status_code == 303
    assert "Answered" in officer.get(at)


def test_what_is_kept_as_proof_says_so_on_its_page(house: Kept, officer: Visitor) -> None:
    one = house.take(process=False)
    decided(house, one, purpose="transaction_proof")
    house.process()
    page = officer.get(f"/conversations/{one}")
    assert "Kept as proof only: not analysed or scored" in page
    assert "for nothing else: it is not analysed or scored" in page


# ---- commands ----


@pytest.fixture
def run(house: Kept, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("CANDOR_DATA", str(house.folder))
    monkeypatch.setenv("CANDOR_REGION", "US")

    def call(*arguments: str) -> Any:
        done = CliRunner().invoke(command, list(arguments))
        if isinstance(done.exception, CandorError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout.splitlines()[-1]) if "--json" in arguments else done.stdout

    return call


SCHEDULES = "schedules:\n  - {name: House, days: 30, basis: Policy 7}\n"


def test_retention_by_commands(house: Kept, run: Any, tmp_path: Path) -> None:
    one = house.take()
    file = tmp_path / "schedules.yaml"
    file.write_text(SCHEDULES)
    draft = run("retention", "schedule", "load", str(file)).split()[0]
    run("retention", "schedule", "effect", draft)
    assert [each["days"] for each in run("retention", "schedule", "list", "--json")["schedules"]] == [30]
    seen = run("retention", "preview", "--on", "2027-01-01", "--json")
    assert (seen["on"], seen["due"], seen["schedules"][0]["schedule"]) == ("2027-01-01", 1, "House v1")
    with pytest.raises(InvalidInput):
        run("retention", "preview", "--on", "soon")
    with clock.freeze(START + timedelta(days=31)):
        done = run("retention", "sweep", "--json")
    assert done["destroyed"] == 1
    assert house.there(one) == [False]
    paper = tmp_path / "certificate.jws"
    run("retention", "certificate", "show", done["certificates"][0], "-o", str(paper))
    checked = run("retention", "certificate", "verify", str(paper), "--json")
    assert (checked["whole"], checked["ours"]) == (True, True)
    assert "That is a key of this house" in run(
        "retention", "certificate", "verify", str(paper), "--key", checked["key"]
    )
    foreign = CliRunner().invoke(command, ["retention", "certificate", "verify", str(paper), "--key", "another"])
    assert (foreign.exit_code, "NOT a key" in foreign.stdout) == (4, True)
    paper.write_text(paper.read_text().replace(".", "_", 1))
    with pytest.raises(Damaged):
        run("retention", "certificate", "verify", str(paper))


def test_holds_and_requests_by_commands(house: Kept, run: Any, tmp_path: Path) -> None:
    one = house.take()
    hold = run("hold", "place", "Case 7", "--reason", "Lawsuit", "--number", TEL, "--json")
    assert hold["conversations"] == 1
    made = run("request", "receive", "erasure", "--name", "Julia Marsh", "--number", TEL, "--place", "US-CA", "--json")
    assert (made["law"], made["due_on"], len(made["conversations"])) == ("ccpa", "2026-02-24", 1)
    number = str(made["number"])
    run("request", "verify", number, "--how", "Called back")
    out = tmp_path / "copy.zip"
    run("request", "copy", number, "-o", str(out))
    assert out.stat().st_mode & 0o077 == 0
    assert zipfile.ZipFile(out).testzip() is None
    with pytest.raises(InvalidInput, match="a file of that name"):
        run("request", "copy", number, "-o", str(out))
    with pytest.raises(InvalidInput, match="cannot be undone"):
        run("request", "erase", number)
    items = run("request", "erase", number, "--yes", "--json")["conversations"]
    assert [(each["state"], "legal hold" in each["words"]) for each in items] == [("excepted", True)]
    run("hold", "release", hold["id"], "--reason", "Settled")
    with pytest.raises(Conflict):
        run("hold", "release", hold["id"], "--reason", "Settled")
    assert house.services.subject_requests.resume() == 1
    assert house.there(one) == [False]
    run("request", "close", number, "--outcome", "Told by letter")
    assert run("request", "list", "--json") == {"requests": []}
    assert run("hold", "list", "--json") == {"holds": []}
