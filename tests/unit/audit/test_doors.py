"""Who does what through API and pages leaves its line, with the address it came from; and who may read them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import Right, UserRole
from candor.audit.service import Entry, Event, entries
from candor.kit import clock
from candor.pipeline.evidence import check
from candor.services import Services
from candor.settings import Settings
from tests.unit.evidence.made import certificate, pem_of, sound

LOG = "/api/v1/audit"


class Doors:
    """The whole product, one conversation, and a log-in for each role."""

    def __init__(self, folder: Path) -> None:
        self.services: Services = wiring.open_services(Settings(data=folder / "data", recorder=False))
        self.client = TestClient(
            wiring.application(self.services), raise_server_exceptions=False, follow_redirects=False,
            client=("192.0.2.9", 5000),
        )  # fmt: skip
        upload = self.services.intake.begin("call.wav", {"call_id": "x"}, actor="intake")
        upload.write(sound())
        self.call = upload.finish().conversation_id
        self.ids: dict[str, str] = {}
        with self.services.database.write() as uow:
            for role in UserRole:
                self.ids[role] = self.services.access.add_user(
                    uow, login=role, name=f"Robin {role}", role=role, password="correct horse battery", team="Billing",
                    agent_id=f"id-{role}",
                )  # fmt: skip

    def as_(self, role: UserRole) -> dict[str, str]:
        with self.services.database.write() as uow:
            secret = self.services.access.open_session(uow, self.ids[role])
        return {"Cookie": f"{SESSION_COOKIE}={secret}", "X-CSRF-Token": csrf_token(secret)}

    def newest(self) -> Entry:
        with self.services.database.read() as uow:
            return entries(uow)[0]


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    made = Doors(tmp_path)
    yield made
    made.client.close()
    made.services.database.close()


@pytest.mark.parametrize(("address", "event", "subject"), [
    ("/api/v1/conversations/{call}", Event.OPENED, "document"),
    ("/api/v1/conversations/{call}/transcript", Event.OPENED, "transcript"),
    ("/api/v1/conversations/{call}/findings", Event.OPENED, "findings"),
    ("/api/v1/conversations/{call}/export?format=json", Event.EXPORTED, "json"),
    ("/conversations/{call}", Event.OPENED, "page"),
    ("/conversations.csv", Event.EXPORTED, "csv of a filter"),
    ("/api/v1/audit/export", Event.LOG_EXPORTED, None),
    ("/audit/log.jsonl", Event.LOG_EXPORTED, None),
])  # fmt: skip
def test_what_is_opened_or_taken_is_written_down(doors: Doors, address: str, event: Event, subject: str | None) -> None:
    answer = doors.client.get(address.format(call=doors.call), headers=doors.as_(UserRole.ADMINISTRATOR))
    assert answer.status_code == 200
    line = doors.newest()
    assert (line.event, line.subject, line.actor) == (event, subject, doors.ids[UserRole.ADMINISTRATOR])
    assert line.origin == "192.0.2.9"


@pytest.mark.parametrize(("method", "address"), [
    ("GET", "/api/v1/audit/lines"), ("GET", "/audit"), ("POST", "/audit/checkpoint"),
    ("POST", "/api/v1/conversations/{call}/evidence"), ("POST", "/conversations/{call}/evidence"),
])  # fmt: skip
def test_who_is_refused_is_written_down(doors: Doors, method: str, address: str) -> None:
    headers = doors.as_(UserRole.EVALUATOR)
    body = {"json": {"reason": "Dispute"}} if "/api/" in address and method == "POST" else {}
    answer = doors.client.request(method, address.format(call=doors.call), headers=headers, **body)  # type: ignore[arg-type]
    assert answer.status_code == 403
    line = doors.newest()
    assert (line.event, line.actor, line.origin) == (Event.DENIED, doors.ids[UserRole.EVALUATOR], "192.0.2.9")
    pattern = address.replace("{call}", "{conversation_id}")
    assert (line.subject or "").startswith(method)
    assert (line.subject or "").endswith(pattern.removeprefix("/api/v1"))
    assert doors.call not in (line.subject or "")


def test_nobody_known_is_refused_without_a_line(doors: Doors) -> None:
    before = doors.newest().number
    assert doors.client.get("/api/v1/audit/lines").status_code == 401
    assert doors.newest().number == before


def test_lines_by_person_event_conversation_and_time(doors: Doors) -> None:
    admin, auditor = doors.as_(UserRole.ADMINISTRATOR), doors.as_(UserRole.AUDITOR)
    for _ in range(3):
        doors.client.get(f"/api/v1/conversations/{doors.call}", headers=admin)

    def lines(**asked: object) -> list[dict[str, object]]:
        answer = doors.client.get(f"{LOG}/lines", params=asked, headers=auditor)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return list(answer.json()["lines"])

    assert len(lines(actor=doors.ids[UserRole.ADMINISTRATOR], event="replay:conversation:open")) == 3
    assert len(lines(conversation_id=doors.call)) == 4  # taken in, opened thrice
    assert not lines(since=(clock.now() + timedelta(hours=1)).isoformat())
    first = lines(limit=2)
    older = lines(limit=2, before=first[-1]["number"])
    assert [line["number"] for line in (*first, *older)] == [4, 3, 2, 1]
    assert doors.client.get(f"{LOG}/lines?event=nonsense", headers=auditor).status_code == 422
    assert doors.client.get(f"{LOG}/lines?before=0", headers=auditor).status_code == 422


def test_checkpoints_proofs_and_verification_by_api(doors: Doors) -> None:
    admin = doors.as_(UserRole.ADMINISTRATOR)
    auditor = doors.as_(UserRole.AUDITOR)
    assert doors.client.get(f"{LOG}/checkpoint", headers=auditor).status_code == 404
    assert doors.client.get(f"{LOG}/lines/1/proof", headers=auditor).status_code == 404
    made = doors.client.post(f"{LOG}/checkpoint", headers=admin)
    assert made.status_code == 201
    note = doors.client.get(f"{LOG}/checkpoint", headers=auditor).text
    assert note == made.text
    assert doors.client.get(f"{LOG}/key", headers=auditor).text.startswith("candor/audit/")
    assert doors.client.get(f"{LOG}/lines/1/proof", headers=auditor).text.startswith("c2sp.org/tlog-proof@v1\n")
    assert doors.client.get(f"{LOG}/lines/99/proof", headers=auditor).status_code == 404
    assert doors.client.get(f"{LOG}/consistency?old=1&new=1", headers=auditor).json()["proof"] == []
    assert doors.client.get(f"{LOG}/consistency?old=2&new=1", headers=auditor).status_code == 422
    told = doors.client.post(f"{LOG}/verify", json={"checkpoint": note}, headers=auditor).json()
    assert (told["holds"], told["exit"], told["checkpoint"]["size"]) == (True, 0, 1)
    assert doors.client.post(f"{LOG}/verify", json={"checkpoint": "x"}, headers=auditor).json()["exit"] == 20
    assert doors.client.get(f"{LOG}/standing", headers=auditor).json()["checkpoint"]["lines"] == 1
    exported = doors.client.get(f"{LOG}/export", headers=auditor).text.splitlines()
    assert json.loads(exported[0])["format"] == "candor-audit-log"
    assert "checkpoint" in json.loads(exported[-1])


def test_a_reason_is_erased_by_api_and_page(doors: Doors) -> None:
    admin = doors.as_(UserRole.ADMINISTRATOR)
    for _ in range(2):
        answer = doors.client.post(
            f"/api/v1/conversations/{doors.call}/evidence", json={"reason": "Mrs Example"}, headers=admin
        )
        assert answer.status_code == 200
    numbers = [line.number for line in _with_reasons(doors)]
    answer = doors.client.request(
        "DELETE", f"{LOG}/lines/{numbers[0]}/reason", json={"reason": "It named her."}, headers=admin
    )
    assert answer.status_code == 204
    answer = doors.client.post(
        f"/audit/lines/{numbers[1]}/erase-reason", data={"reason": "It named her.", "csrf": admin["X-CSRF-Token"]},
        headers=admin,
    )  # fmt: skip
    assert answer.status_code == 303
    assert "Mrs Example" not in doors.client.get("/audit", headers=admin).text
    assert "erased" in doors.client.get("/audit", headers=admin).text
    refused = doors.client.post(
        f"/audit/lines/{numbers[1]}/erase-reason", data={"reason": "", "csrf": admin["X-CSRF-Token"]}, headers=admin
    )
    assert refused.status_code == 422


def _with_reasons(doors: Doors) -> list[Entry]:
    with doors.services.database.read() as uow:
        return [line for line in entries(uow) if line.reason == "Mrs Example"]


def test_the_page(doors: Doors) -> None:
    admin = doors.as_(UserRole.ADMINISTRATOR)
    page = doors.client.get("/audit", headers=admin).text
    assert "Not signed yet" in page
    assert "No checkpoint is kept elsewhere" in page
    answer = doors.client.post("/audit/checkpoint", data={"csrf": admin["X-CSRF-Token"]}, headers=admin)
    assert answer.headers["location"] == "/audit?done=signed"
    page = doors.client.get("/audit?done=signed", headers=admin).text
    assert "Signed up to line" in page
    assert f"/conversations/{doors.call}" in page
    note = doors.client.get("/audit/checkpoint.note", headers=admin)
    assert note.headers["content-disposition"].startswith("attachment")
    proof = re.search(r'href="(/audit/lines/\d+\.tlog-proof)"', page)
    assert proof
    assert doors.client.get(proof[1], headers=admin).text.startswith("c2sp.org/tlog-proof@v1")
    pasted = note.text.replace("\n", "\r\n")  # as browsers send what is pasted in
    told = doors.client.post("/audit/verify", data={"csrf": admin["X-CSRF-Token"], "checkpoint": pasted}, headers=admin)
    assert "All holds" in told.text
    told = doors.client.post("/audit/verify", data={"csrf": admin["X-CSRF-Token"], "checkpoint": "x"}, headers=admin)
    assert "This is no signed note" in told.text
    assert "No line is like that" in doors.client.get("/audit?actor=nobody", headers=admin).text
    assert "No line is like that" in doors.client.get("/audit?from=2001-01-01&to=2001-01-02", headers=admin).text
    assert "took a conversation in" in doors.client.get("/audit?event=intake", headers=admin).text
    auditor = doors.client.get("/audit", headers=doors.as_(UserRole.AUDITOR)).text
    assert "Sign now" not in auditor
    assert 'href="/audit"' in auditor
    assert 'href="/audit"' not in doors.client.get("/conversations", headers=doors.as_(UserRole.SUPERVISOR)).text


def test_pages_of_fifty(doors: Doors) -> None:
    admin = doors.as_(UserRole.ADMINISTRATOR)
    for _ in range(60):
        doors.client.get(f"/api/v1/conversations/{doors.call}/findings", headers=admin)
    page = doors.client.get("/audit", headers=admin).text
    older = re.search(r'rel="next" href="(/audit\?before=\d+)"', page)
    assert older
    assert len(re.findall(r'<td class="number"', page)) == 50
    assert len(re.findall(r'<td class="number"', doors.client.get(older[1], headers=admin).text)) == 11


def test_evidence_by_api_and_page(doors: Doors) -> None:
    compliance = doors.as_(UserRole.COMPLIANCE)
    address = f"/api/v1/conversations/{doors.call}/evidence"
    answer = doors.client.post(address, json={"reason": "Dispute"}, headers=compliance)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    report = check(io.BytesIO(answer.content))
    assert report.good, report.findings
    line = doors.newest()
    assert (line.event, line.reason, line.origin) == (Event.EVIDENCE_EXPORTED, "Dispute", "192.0.2.9")
    for wrong in ({}, {"reason": "x"}, {"reason": "Dispute", "recipient": "none"}, {"reason": "Dispute", "more": 1}):
        assert doors.client.post(address, json=wrong, headers=compliance).status_code == 422
    unknown = address.replace(doors.call, "01a21bd6-62e0-7105-bf9a-bd0d7e226dd8")
    assert doors.client.post(unknown, json={"reason": "Dispute"}, headers=compliance).status_code == 404
    page = doors.client.get(f"/conversations/{doors.call}", headers=compliance).text
    assert f'action="/conversations/{doors.call}/evidence"' in page
    theirs, key = certificate("Court")
    pem = pem_of(key, theirs).decode().partition("-----BEGIN CERT")
    form = {"reason": "Court", "recipient": pem[1] + pem[2], "csrf": compliance["X-CSRF-Token"]}
    sealed = doors.client.post(f"/conversations/{doors.call}/evidence", data=form, headers=compliance)
    assert sealed.headers["content-disposition"].endswith('.zip.jwe"')
    certificate_file = doors.client.get("/evidence/certificate.pem", headers=compliance)
    assert certificate_file.text == doors.client.get("/api/v1/evidence/certificate", headers=compliance).text
    assert f"/conversations/{doors.call}/evidence" not in doors.client.get(
        f"/conversations/{doors.call}", headers=doors.as_(UserRole.AUDITOR)
    ).text  # fmt: skip


def test_a_narrow_administrator_does_not_see_the_whole_log(doors: Doors) -> None:
    """A token without the right, though its person has it."""
    with doors.services.database.write() as uow:
        who = doors.services.access.principal_by_login(uow, UserRole.ADMINISTRATOR)
        secret, _ = doors.services.access.create_token(uow, who, "narrow", [Right.CONVERSATION_READ])
    headers = {"Authorization": f"Bearer {secret}"}
    assert doors.client.get(f"{LOG}/lines", headers=headers).status_code == 403
    assert doors.newest().event is Event.DENIED
