"""Consent: who sees which page, coverage, what would happen on a call, rules and their overrides."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor.access.model import RIGHTS, Right, UserRole
from candor.consent.announcements import store as announcements
from candor.consent.announcements.compose import compose
from candor.consent.custody import CustodyState
from candor.consent.rules import CrossRule, JurisdictionRule, SectorRule
from candor.kit.ids import new_id
from candor.pipeline.gate import House
from candor.web import create_web
from candor.web.consent import terms
from tests.unit.web import consented
from tests.unit.web.conftest import LogIn, csrf_of
from tests.unit.web.fixtures import HOSTILE, FakeServices
from tests.unit.web.test_sources import text

WHOLE = ("/consent", "/consent/quarantine", "/consent/ledger", "/consent/employees", "/consent/sites", "/consent/never")
OPEN = ("/consent/decide", "/consent/rules", "/consent/rules/DE", "/consent/announcements")
QUESTION = {
    "caller": "+14155550101", "callee": "+493023125012", "agent_location": "US-TX", "establishment": "",
    "purpose": "quality", "channel": "voice", "at": "2026-11-23", "language": "de", "company": "Northwind",
    "privacy_notice": "northwind dot example", "retention_days": "90",
}  # fmt: skip


def posted(client: TestClient, path: str, data: dict[str, Any] | None = None, page: str = "", **more: Any) -> Any:
    return client.post(path, data={"csrf": csrf_of(client.get(page or "/conversations").text), **(data or {})}, **more)


@pytest.mark.parametrize("path", [*WHOLE, *OPEN])
def test_pages_need_the_right_and_those_of_the_house_the_whole_view(log_in: LogIn, path: str) -> None:
    for role in ("agent", "evaluator", "trainer"):
        assert log_in(role).get(path).status_code == 403
    assert 'href="/consent' not in log_in("agent").get("/conversations").text
    seen = log_in("supervisor").get(path)  # of one team
    assert seen.status_code == (403 if path in WHOLE else 200)
    if path in OPEN:
        assert not [each for each in WHOLE if f'href="{each}"' in seen.text]
        assert 'href="/consent/decide"' in seen.text
    for role in ("auditor", "compliance", "administrator"):
        page = log_in(role).get(path)
        assert page.status_code == 200
        assert page.text.count('aria-current="page"') == 2  # in the rail and among the tabs


FORMS = {
    "/consent/rules/US-MD/override": {"field": "engine_level", "value": "4", "author": "Q", "reason": "memo"},
    "/consent/rules/US-MD/withdraw": {"field": "engine_level", "author": "Q", "reason": "memo"},
    "/consent/quarantine/1/resolve": {"reason": "because"},
    "/consent/quarantine/1/destroy": {"reason": "because", "sure": "yes"},
    "/consent/announcements/x/retire": {},
    "/consent/announcements": {"do": "silent", "level": "2", "language": "en"},
    "/consent/employees": {"agent_id": "a1"},
    "/consent/employees/withdraw": {"agent_id": "a1"},
    "/consent/never": {"number": "+12025550188", "reason": "because"},
    "/consent/never/remove": {"subject": "x", "reason": "because"},
}


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("role", ["agent", "supervisor", "auditor"])
def test_a_change_needs_its_right(log_in: LogIn, path: str, role: str) -> None:
    assert posted(log_in(role), path, FORMS[path], "/conversations?team=Billing").status_code == 403


def test_who_may_only_look_sees_no_form(log_in: LogIn, services: FakeServices) -> None:
    consented.everything(services)
    auditor = log_in("auditor")
    for path in (*WHOLE, *OPEN, "/consent/rules/US-MD"):
        posts = re.findall(r'<form[^>]*method="post" action="([^"#]*)', auditor.get(path).text)
        # Asking and previewing change nothing.
        assert set(posts) <= {"/logout", "/consent/decide", "/consent/announcements"}, path


def test_where_consent_is_off_the_page_says_what_to_do(services: FakeServices) -> None:
    services.enforced, services.house = False, House()
    with TestClient(create_web(services), follow_redirects=False) as client:
        token = csrf_of(client.get("/login").text)
        client.post("/login", data={"csrf": token, "login": "administrator", "password": "secret"})
        page = client.get("/consent").text
        assert "Consent is not enforced" in page
        assert "CANDOR_ESTABLISHMENT=DE" in page
        assert "CANDOR_CONSENT=enforce" in page
        assert "Where agents work is not known" in client.get("/consent/employees").text
        assert client.get("/consent/decide").status_code == 200


def test_coverage_counts_levels_states_and_calls_that_were_not_kept(admin: TestClient, services: FakeServices) -> None:
    assert "No call was decided in this period" in text(admin.get("/consent").text)
    consented.covered(services, days=12)
    for _ in range(3):
        consented.stand(services, new_id(), CustodyState.QUARANTINED)
    page = admin.get("/consent?period=7d").text
    seven = text(page)
    thirty = text(admin.get("/consent?period=30d").text)
    assert "Enforced for quality; established in DE" in seven
    # Seven days hold 3 + 8 + 6 + 4 + 9 + 7 + 5 calls, as many not kept as days, and the quarantined ones.
    assert "52 calls" in seven
    assert f"{3 + 8 + 6 + 4 + 9 + 7 + 5 + 3 + 8 + 6 + 4 + 9 + 12 + 3} calls" in thirty
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page, re.DOTALL)
    assert "4 Ask for a yes" in text(rows[4])
    held = re.search(r'data-label="Quarantined">(\d+)', rows[4])
    assert held
    assert held[1] == "3"
    assert "Not recorded 7" in seven
    # The trend's table holds the bars' own numbers.
    days = page.split("The trend as a table")[1]
    assert sum(int(n) for n in re.findall(r'data-label="Not recorded">(\d+)<', days)) == 7
    assert page.count('<rect class="part-quarantined"') == 1


def test_the_ledger_is_checked_when_asked(admin: TestClient, services: FakeServices) -> None:
    consented.told(services, services.replay.rows[0].id)
    assert "Every line follows" not in admin.get("/consent").text
    with services.database.read() as uow:
        checked = services.consenting.ledger.verify(uow)
    whole = admin.get("/consent?check=1").text
    assert "Every line follows from the one before it." in whole
    assert checked.head in whole
    with services.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER consent_line_stays")
        connection.exec_driver_sql("UPDATE consent_line SET text = replace(text, 'given', 'refused') WHERE number = 2")
    assert "Line 2 does not follow" in admin.get("/consent?check=1").text


def test_what_would_happen_is_told_in_words_and_keeps_nothing(admin: TestClient, services: FakeServices) -> None:
    blank = admin.get("/consent/decide").text
    assert 'id="d-agent" name="agent_location" value="DE"' in blank
    answer = posted(admin, "/consent/decide", QUESTION, "/consent/decide")
    page = text(answer.text)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "Level 4: Ask for a yes" in page
    for part in ("US-CA 2 caller", "DE 4 callee", "US-TX 0 agent", "Give the same service unrecorded", "What for:"):
        assert part in page
    assert "Northwind möchte dieses Gespräch aufzeichnen" in page
    assert "at most 90 days" not in page
    assert 'href="/consent/rules/DE"' in answer.text
    assert 'href="https://www.gesetze-im-internet.de/stgb/__201.html"' in answer.text
    assert "§ 201 StGB" in page
    assert "the area of the number" in page
    # The question is in the form again, and in no link.
    assert 'value="+14155550101"' in answer.text
    assert not re.search(r'(href|action)="[^"]*(4155550101|3023125012)', answer.text)


def test_the_announcement_in_use_goes_before_a_made_one_and_a_missing_one_says_why(
    admin: TestClient, services: FakeServices
) -> None:
    asked = QUESTION | {"callee": "", "agent_location": "US-CA"}
    assert "Put together now" in posted(admin, "/consent/decide", asked, "/consent/decide").text
    used = compose(2, ["recording-fact"], "de", services.announcing.house)
    with services.database.write() as uow:
        announcements.put(uow, used, by="user-administrator")
    page = posted(admin, "/consent/decide", asked, "/consent/decide").text
    assert used.version in page
    lacking = posted(admin, "/consent/decide", QUESTION | {"company": "", "privacy_notice": ""}, "/consent/decide").text
    assert "The announcement needs: company" in lacking
    barred = QUESTION | {"purpose": "quality", "sector": "mifid", "agent_location": "DE", "caller": ""}
    page = posted(admin, "/consent/decide", barred, "/consent/decide").text
    assert "Level 9: Do not record" in page
    assert "Nothing is announced" in page


@pytest.mark.parametrize(
    "change",
    [
        {"caller": "", "callee": "", "agent_location": ""}, {"agent_location": "ZZ"}, {"purpose": "world domination"},
        {"at": "yesterday"}, {"unknown_leg": "mars"}, {"extra_legs": "DE\n" * 51}, {"channel": HOSTILE},
    ],
)  # fmt: skip
def test_what_cannot_be_decided_says_so_and_keeps_what_was_written(admin: TestClient, change: dict[str, str]) -> None:
    answer = posted(admin, "/consent/decide", QUESTION | {"company": HOSTILE} | change, "/consent/decide")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<script>alert" not in answer.text
    assert 'value="northwind dot example"' in answer.text
    assert "Level " not in text(answer.text).split("Decide")[1]


def test_rules_are_narrowed_by_kind_level_name_and_doubt(admin: TestClient, services: FakeServices) -> None:
    page = admin.get("/consent/rules").text
    assert page.count('class="row-link"') == 143
    assert page.count("<rect class=") == 51
    assert 'aria-label="California: level 2"' in page
    narrowed = {
        "?kind=sector": 20, "?kind=cross": 14, "?q=germ": 1, "?level=9": 0, "?show=overridden": 0,
        "?kind=place&level=4&q=us-md": 0, "?level=banana&kind=banana&show=banana": 143,
    }  # fmt: skip
    for query, count in narrowed.items():
        assert admin.get(f"/consent/rules{query}").text.count('class="row-link"') == count, query
    with services.database.read() as uow:
        law = services.consent.rules(uow)
    low = [each for records in (law.jurisdictions, law.sectors, law.cross) for each in records.values()
           if each.confidence < 0.8]  # fmt: skip
    assert admin.get("/consent/rules?show=doubtful").text.count('class="row-link"') == len(low) > 0
    consented.overridden(services)
    assert admin.get("/consent/rules?level=4&q=us-md").text.count('class="row-link"') == 1
    assert admin.get("/consent/rules?show=overridden").text.count('class="row-link"') == 1


def test_every_rule_has_a_page(admin: TestClient, services: FakeServices) -> None:
    with services.database.read() as uow:
        law = services.consent.rules(uow)
    for rule in (*law.jurisdictions, *law.sectors, *law.cross):
        page = admin.get(f"/consent/rules/{rule}")
        assert page.status_code == 200, rule
        assert f"<code>{rule}</code>" in page.text
        assert "Sources" in page.text
    assert admin.get("/consent/rules/US-ZZ").status_code == 404
    assert "cannot be overridden" in admin.get("/consent/rules/X-STRICTEST").text


def test_an_override_counts_stays_in_the_history_and_is_withdrawn(admin: TestClient, services: FakeServices) -> None:
    given = {"field": "engine_level", "value": "4", "author": "Dr. Nora Quist", "reason": f"Memo {HOSTILE}"}
    path = "/consent/rules/US-MD"
    refused = posted(admin, f"{path}/override", given | {"value": "7"}, path)
    assert refused.status_code == 422
    assert "would not be a valid rule" in refused.text
    assert 'value="Dr. Nora Quist"' in refused.text
    for lacking in ({"reason": ""}, {"field": ""}, {"from": "soon"}, {"value": "2"}):
        assert posted(admin, f"{path}/override", given | lacking, path).status_code == 422
    assert posted(admin, f"{path}/override", given, path).headers["location"] == f"{path}?done=overridden"
    page = admin.get(f"{path}?done=overridden").text
    assert "Level 4: Ask for a yes" in page
    assert "engine_level overridden" in page
    assert "<script>alert" not in page
    with services.database.read() as uow:
        made = services.consent.history(uow, "US-MD")
        assert services.consent.rules(uow).jurisdictions["US-MD"].engine_level == 4
    assert [(each.made_by, each.author) for each in made] == [("user-administrator", "Dr. Nora Quist")]
    back = {"field": "engine_level", "author": "Dr. Nora Quist", "reason": "Memo 18"}
    assert posted(admin, f"{path}/withdraw", back, path).status_code == 303
    page = admin.get(path).text
    assert "Level 2: Announce" in page
    assert "History, 2 changes" in page
    assert posted(admin, f"{path}/withdraw", back, path).status_code == 422


def test_rights_of_consent_are_what_the_tests_take_them_for() -> None:
    assert Right.CONSENT_WRITE not in RIGHTS[UserRole.AUDITOR]
    assert Right.CONSENT_MANAGE not in RIGHTS[UserRole.SUPERVISOR]
    assert Right.CONSENT_MANAGE in RIGHTS[UserRole.COMPLIANCE]


def test_every_field_of_a_rule_has_words_that_can_be_translated() -> None:
    fields = {name for kind in (JurisdictionRule, SectorRule, CrossRule) for name in kind.model_fields}
    assert fields == terms.FIELD.keys()
    assert terms.field("notice_must_be_recorded") == "The notice must be recorded"
    assert terms.field("of_a_newer_pack") == "Of a newer pack"
