"""The ledger's lines, employees' prerequisites, and people and calls that are not recorded."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from candor.audit import service as audit
from candor.consent.ledger import store
from candor.consent.ledger.model import ConsentEvent, Method, Standing, Whose
from candor.consent.ledger.service import Person
from candor.kit import clock
from candor.pipeline.gate import ConsentGate, OnTheLine
from tests.unit.web import consented
from tests.unit.web.conftest import csrf_of
from tests.unit.web.fixtures import HOSTILE, FakeServices
from tests.unit.web.test_consent import posted
from tests.unit.web.test_sources import text

EMPLOYEES = "/consent/employees"
GIVEN = {
    "agent_id": "a2", "duty": ["DE.agent-consent", "DE.works-council"], "method": "written", "given": "2026-01-15",
    "until": "2030-12-31", "reference": "HR 12",
}  # fmt: skip


def missing(services: FakeServices, agent: str) -> list[str]:
    """What the recorder itself finds missing."""
    gate = ConsentGate(services.database, services.consent, services.consenting.ledger, services.house)
    with services.database.read() as uow:
        return gate.missing(uow, gate.decide(uow, OnTheLine((), 1, ()), clock.now()), [agent])


def card(page: str, agent: str) -> str:
    cards = re.findall(r'<li class="consent-card">.*?(?=<li class="consent-card">|</main>)', page, re.DOTALL)
    return next(text(each) for each in cards if f"<code>{agent}</code>" in each or f"<h2>{agent}</h2>" in each)


# ---- ledger ----


def test_lines_are_shown_with_hints_and_links_to_the_proof(admin: TestClient, services: FakeServices) -> None:
    assert "The ledger is empty" in admin.get("/consent/ledger").text
    an_id = services.replay.rows[0].id
    consented.told(services, an_id)
    page = admin.get("/consent/ledger").text
    assert "…5012" in page
    assert consented.NUMBER[-8:] not in page
    assert f'href="/conversations/{an_id}?t=7.10"' in page
    numbers = [int(n) for n in re.findall(r'data-label="Line">(\d+)<', page)]
    assert numbers == [6, 5, 4, 3, 2, 1]


def test_lines_by_event_by_call_and_older_ones(admin: TestClient, services: FakeServices) -> None:
    an_id = services.replay.rows[0].id
    for _ in range(12):
        consented.told(services, an_id)
    refused = admin.get("/consent/ledger?event=refused&event=nonsense").text
    assert refused.count('data-label="Line"') == 12
    of_call = admin.get(f"/consent/ledger?call={consented.CALL}").text
    assert of_call.count('data-label="Line"') == 36
    assert admin.get(f"/consent/ledger?call={an_id}&event=given").text.count('data-label="Line"') == 12
    first = admin.get("/consent/ledger").text
    assert first.count('data-label="Line"') == 50
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    assert admin.get(older[1]).text.count('data-label="Line"') == 22
    assert "No line is like that" in admin.get(f"/consent/ledger?call={HOSTILE}").text
    assert "<script>alert" not in admin.get(f"/consent/ledger?call={HOSTILE}").text


# ---- employees ----


def test_each_agent_is_shown_with_what_is_met_and_missing(admin: TestClient, services: FakeServices) -> None:
    consented.told(services, services.replay.rows[0].id)
    page = admin.get(EMPLOYEES).text
    assert "§ 201 StGB" in page
    assert "may be recorded" in card(page, "a1")
    assert card(page, "a1").count("HR 12") == 2
    assert "not recorded: 2 missing" in card(page, "a2")
    assert "not recorded: 1 missing" in card(page, "z9")  # known from the ledger alone
    assert (missing(services, "a1"), missing(services, "z9")) == ([], ["DE.works-council"])
    assert missing(services, "a2") == ["DE.agent-consent", "DE.works-council"]
    assert admin.get(f"{EMPLOYEES}?q=whit").text.count('<li class="consent-card">') == 1
    assert "No agent is called so" in admin.get(f"{EMPLOYEES}?q=nobody").text


def test_a_document_is_digested_and_not_kept(admin: TestClient, services: FakeServices) -> None:
    document = b"I agree. " * 300_000  # more than a form's file may have before it would go to a disk
    files = {"document": ("consent Ben Osei.pdf", document, "application/pdf")}
    done = posted(admin, EMPLOYEES, GIVEN | {"reference": ""}, EMPLOYEES, files=files)
    assert done.headers["location"] == f"{EMPLOYEES}?done=recorded"
    person = Person(whose=Whose.EMPLOYEE, name="a2")
    with services.database.read() as uow:
        (line,) = services.consenting.ledger.of_person(uow, person)
    entry = line.entry
    assert entry.proof.digest == hashlib.sha512(document).hexdigest()
    assert entry.proof.reference is None
    assert (entry.event, entry.method, entry.actor) == (ConsentEvent.GIVEN, Method.WRITTEN, "user-administrator")
    assert entry.covers == ("DE.agent-consent", "DE.works-council")
    assert entry.at.date().isoformat() == "2026-01-15"
    assert entry.expires_at is not None
    assert entry.expires_at.date().isoformat() == "2031-01-01"
    assert missing(services, "a2") == []
    shown = card(admin.get(EMPLOYEES).text, "a2")
    assert "given 2026-01-15, in writing, holds until 2030-12-31" in shown
    with services.database.read() as uow, clock.freeze(entry.expires_at + timedelta(seconds=1)):
        assert services.consenting.ledger.standing_of_person(uow, person) is Standing.NONE


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent_id": " "}, {"duty": []}, {"duty": ["DE.nonsense"]}, {"method": "spoken"}, {"given": ""},
        {"given": "2199-01-01"}, {"given": "soon"}, {"until": "2025-01-01"}, {"reference": ""},
    ],
)  # fmt: skip
def test_what_says_too_little_is_not_written_down(
    admin: TestClient, services: FakeServices, wrong: dict[str, object]
) -> None:
    answer = posted(admin, EMPLOYEES, GIVEN | wrong, EMPLOYEES)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    with services.database.read() as uow:
        assert store.newest(uow) == []


def test_too_large_a_document_is_refused_before_it_is_read(admin: TestClient) -> None:
    token = csrf_of(admin.get(EMPLOYEES).text)
    headers = {"content-length": "30000000", "content-type": "multipart/form-data; boundary=x"}
    assert admin.post(EMPLOYEES, content=b"--x", headers=headers).status_code == 413
    endless = {"content-type": "multipart/form-data; boundary=x"}
    assert admin.post(EMPLOYEES, content=iter([b"--x"]), headers=endless).status_code == 413
    broken = {"content-type": "multipart/form-data; boundary=x", "x-csrf-token": token}
    assert admin.post(EMPLOYEES, content=b"nonsense", headers=broken).status_code == 422


def test_a_withdrawal_counts_at_once(admin: TestClient, services: FakeServices) -> None:
    consented.told(services, services.replay.rows[0].id)
    given = {"agent_id": "a1", "duty": "DE.agent-consent", "reference": "Letter of 3 May", "q": "whit"}
    assert posted(admin, f"{EMPLOYEES}/withdraw", given | {"reference": ""}, EMPLOYEES).status_code == 422
    done = posted(admin, f"{EMPLOYEES}/withdraw", given, EMPLOYEES)
    assert done.headers["location"] == f"{EMPLOYEES}?q=whit&done=withdrawn"
    assert missing(services, "a1") == ["DE.agent-consent"]
    shown = card(admin.get(EMPLOYEES).text, "a1")
    assert "not recorded: 1 missing" in shown
    assert "withdrawn" in shown
    assert "Letter of 3 May" in shown


# ---- never ----


def test_a_number_goes_on_the_list_as_a_hint_and_off_again(admin: TestClient, services: FakeServices) -> None:
    at = "/consent/never"
    assert "Nobody is on the list" in admin.get(at).text
    given = {"number": "+1 202 555 0188", "reason": "Wrote a letter."}
    assert posted(admin, at, given, at).headers["location"] == f"{at}?done=added"
    page = admin.get(f"{at}?done=added").text
    assert "…0188" in page
    assert "2025550188" not in page
    person = Person(whose=Whose.CALLER, name="+12025550188")
    with services.database.read() as uow:
        assert services.consenting.ledger.standing_of_person(uow, person) is Standing.REFUSED
        assert "0188" not in str(audit.entries(uow))
    subject = re.search(r'name="subject" value="(\w{64})"', page)
    assert subject
    off = {"subject": subject[1], "reason": "Asked for it."}
    assert posted(admin, f"{at}/remove", off | {"reason": ""}, at).status_code == 422
    assert posted(admin, f"{at}/remove", off, at).status_code == 303
    assert posted(admin, f"{at}/remove", off, at).status_code == 404
    with services.database.read() as uow:
        assert services.consenting.ledger.standing_of_person(uow, person) is Standing.NONE
        assert [entry.subject for entry in audit.entries(uow)][:2] == ["removed", "added"]


@pytest.mark.parametrize("given", [{"number": "Ada", "reason": "Wrote."}, {"number": "+12025550188", "reason": " "}])
def test_what_is_no_number_or_has_no_reason_is_refused(
    admin: TestClient, services: FakeServices, given: dict[str, str]
) -> None:
    answer = posted(admin, "/consent/never", given, "/consent/never")
    assert answer.status_code == 422
    assert "0188" not in answer.text
    with services.database.read() as uow:
        assert store.never_recorded(uow) == []


def test_calls_of_which_nothing_was_kept_say_why(admin: TestClient, services: FakeServices) -> None:
    consented.covered(services, days=55)
    page = admin.get("/consent/never").text
    assert page.count("has refused to be recorded") == 50
    assert "what had been kept was destroyed" in page
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    assert admin.get(older[1]).text.count("has refused to be recorded") == 5
    assert admin.get("/consent/never?before=soon").status_code == 200
