"""Sites: added, filled, given a works agreement that is sealed and opened again, ended; and who may not."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from candor.consent.ledger import store as ledger
from candor.consent.ledger.model import ConsentEvent
from tests.unit.web.conftest import LogIn, csrf_of
from tests.unit.web.fixtures import HOSTILE, FakeServices
from tests.unit.web.test_consent import posted
from tests.unit.web.test_sources import text

AT = "/consent/sites"
DOCUMENT = b"a works agreement on recording"
COUNCIL = "DE.works-council"


def give(client: TestClient, site: str, *, file: bytes | None = DOCUMENT, **more: object) -> object:
    given: dict[str, object] = {
        "csrf": csrf_of(client.get(AT).text), "site": site, "method": "contract", "given": "2026-01-02",
        "duty": [COUNCIL],
    } | more  # fmt: skip
    files = {"document": ("agreement.pdf", file, "application/pdf")} if file is not None else {"document": ("", b"")}
    return client.post(AT + "/document", data=given, files=files)


def test_a_site_is_added_filled_and_has_what_its_law_demands(admin: TestClient, services: FakeServices) -> None:
    page = text(admin.get(AT).text)
    assert "Everybody else" in page
    assert COUNCIL in page
    assert posted(admin, AT, {"name": "Wien", "place": "AT"}, AT).headers["location"] == f"{AT}?done=added"
    assert posted(admin, AT, {"name": "Wien", "place": "AT"}, AT).status_code == 422
    assert posted(admin, AT, {"name": "Nowhere", "place": "ZZ"}, AT).status_code == 422
    done = posted(admin, AT + "/agents", {"site": "Wien", "agents": "a1, a2"}, AT)
    assert done.headers["location"] == f"{AT}?done=assigned"
    page = text(admin.get(AT).text)
    assert "Austria" in page
    assert "2 agents are not recorded" in page
    assert "Wien" in text(admin.get("/consent/employees?q=a1").text)
    assert posted(admin, AT + "/remove", {"site": "Wien"}, AT).status_code == 422
    posted(admin, AT + "/agents", {"site": "*", "agents": "a1\na2"}, AT)
    assert posted(admin, AT + "/remove", {"site": "Wien"}, AT).headers["location"] == f"{AT}?done=removed"


def test_a_works_agreement_is_kept_opened_and_ended(admin: TestClient, services: FakeServices) -> None:
    assert give(admin, "*").headers["location"] == f"{AT}?done=recorded"  # type: ignore[attr-defined]
    page = admin.get(AT).text
    found = re.search(r'href="(/consent/documents/[0-9a-f]{128})"', page)
    assert found is not None
    kept = admin.get(found[1])
    assert kept.content == DOCUMENT
    assert kept.headers["content-type"] == "application/octet-stream"
    assert kept.headers["content-disposition"] == "attachment; filename*=UTF-8''agreement.pdf"
    assert "by the site" in admin.get("/consent/employees").text
    ended = posted(admin, AT + "/withdraw", {"site": "*", "duty": COUNCIL, "reference": "notice of today"}, AT)
    assert ended.headers["location"] == f"{AT}?done=withdrawn"
    with services.database.read() as uow:
        events = [line.entry.event for line in ledger.newest(uow)]
    assert events == [ConsentEvent.WITHDRAWN, ConsentEvent.GIVEN]
    assert admin.get("/consent/documents/" + "0" * 128).status_code == 404


def test_what_cannot_be_is_said_and_nothing_is_written(admin: TestClient, services: FakeServices) -> None:
    for wrong in (
        {"duty": []}, {"given": "2999-01-01"}, {"given": "x"}, {"until": "2025-01-01"}, {"method": "spoken"},
    ):  # fmt: skip
        assert give(admin, "*", **wrong).status_code == 422, wrong  # type: ignore[attr-defined]
    assert give(admin, "Bonn").status_code == 422  # type: ignore[attr-defined]
    assert give(admin, "*", file=None).status_code == 422  # type: ignore[attr-defined]
    assert give(admin, "*", file=b"").status_code == 422  # type: ignore[attr-defined]
    with services.database.read() as uow:
        assert ledger.newest(uow) == []
    posted(admin, AT, {"name": HOSTILE, "place": "DE"}, AT)
    assert "<script>alert" not in admin.get(AT).text


def test_who_may_only_look_changes_nothing(log_in: LogIn, services: FakeServices) -> None:
    auditor = log_in("auditor")
    page = auditor.get(AT).text
    assert set(re.findall(r'<form[^>]*method="post" action="([^"#]*)', page)) <= {"/logout"}
    for path, given in ((AT, {"name": "x", "place": "DE"}), (AT + "/agents", {"site": "*", "agents": "a"})):
        assert posted(auditor, path, given, AT).status_code == 403
    assert log_in("supervisor").get(AT).status_code == 403
