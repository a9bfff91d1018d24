"""Quarantine and announcements: seen, resolved, destroyed, taken out of use; the conversation's own page."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import custody
from candor.consent.announcements import store as announcements
from candor.consent.custody import CustodyState
from candor.errors import Forbidden
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline import store as runs
from candor.pipeline.desk import Desk
from candor.replay.model import Status
from tests.unit.web import consented
from tests.unit.web.conftest import LogIn, csrf_of
from tests.unit.web.fixtures import HOSTILE, FakeListing, FakeServices
from tests.unit.web.test_consent import posted
from tests.unit.web.test_sources import text

AT = "/consent/quarantine"


@pytest.fixture
def held(services: FakeServices) -> str:
    return consented.quarantined(services, 0)


def test_empty_says_what_comes_here(admin: TestClient) -> None:
    assert "Nothing is quarantined" in admin.get(AT).text


def test_what_is_held_says_why_and_until_when(admin: TestClient, held: str) -> None:
    page = text(admin.get(AT).text)
    assert consented.WHY in page
    assert "destroyed on" in page
    assert "Dana Whitfield" in page
    assert f"/conversations/{held}?tab=consent" in admin.get("/consent").text


def test_what_needs_attention_tells_of_it_those_who_see_all(log_in: LogIn, held: str) -> None:
    told = "1 conversation is quarantined"
    assert told in log_in("compliance").get("/attention").text
    assert told not in log_in("supervisor").get("/attention").text


def test_its_page_shows_a_notice_instead_of_sound_and_words(log_in: LogIn, services: FakeServices, held: str) -> None:
    for role, resolves in (("administrator", True), ("compliance", True), ("auditor", False), ("agent", False)):
        page = log_in(role).get(f"/conversations/{held}")
        assert page.status_code == 200
        assert "Quarantined: nobody can play or read this conversation" in page.text
        assert "data-audio" not in page.text
        assert "<audio" not in page.text
        assert services.replay.transcript.utterances[1].text not in text(page.text)
        assert (f'action="/consent/quarantine/{held}/resolve"' in page.text) is resolves
        assert ("Rule pack" in page.text) is (role != "agent")
        assert 'data-tab="consent"' in page.text


def test_sound_outline_and_retry_are_refused(admin: TestClient, services: FakeServices, held: str) -> None:
    for path in ("audio", "peaks"):
        refused = admin.get(f"/conversations/{held}/{path}")
        assert refused.status_code == 403
        assert "quarantined" in refused.json()["detail"]
    assert "Run again from here" not in admin.get(f"/conversations/{held}").text
    assert admin.get(f"/conversations/{held}/processing").status_code == 200
    listed = admin.get("/conversations?status=quarantined").text
    assert "Quarantined" in listed
    assert held in listed
    assert held in admin.get("/conversations.csv?status=quarantined").text
    desk = Desk(services.database, FakeListing(services.replay))
    with services.database.write() as uow:
        run = runs.add_run(uow, held, reason="import", first_stage="decode", options={})
        runs.set_run(uow, run, runs.RunState.PARKED)
    with pytest.raises(Forbidden, match="quarantined"):
        desk.retry(held, "decode")


def test_resolving_needs_a_reason_and_lets_it_go_on(admin: TestClient, services: FakeServices, held: str) -> None:
    assert posted(admin, f"{AT}/{held}/resolve", {"reason": " x"}, AT).status_code == 422
    done = posted(admin, f"{AT}/{held}/resolve", {"reason": "Signed form 12"}, AT)
    assert done.headers["location"] == f"{AT}?done=resolved"
    assert "It goes on" in admin.get(done.headers["location"]).text
    with services.database.read() as uow:
        now = custody.get(uow, held)
        run = runs.newest_run(uow, held)
        entry = audit.entries(uow, held)[0]
    assert now is not None
    assert (now.state, now.resolved_by, now.reason) == (CustodyState.RESOLVED, "user-administrator", "Signed form 12")
    assert run is not None
    assert run.first_stage == "redact"
    assert (entry.event, entry.reason) == (Event.QUARANTINE_RESOLVED, "Signed form 12")
    assert services.replay.rows[0].status is Status.QUEUED
    page = text(admin.get(f"/conversations/{held}?tab=consent").text)
    assert "Resolved by a person" in page
    assert "Signed form 12" in page
    assert posted(admin, f"{AT}/{held}/resolve", {"reason": "again"}, AT).status_code == 409


def test_resolving_from_the_conversation_leads_back_to_it(log_in: LogIn, held: str) -> None:
    person = log_in("compliance")
    given = {"reason": "Signed form 12", "back": "conversation"}
    done = posted(person, f"{AT}/{held}/resolve", given, f"/conversations/{held}")
    assert done.headers["location"] == f"/conversations/{held}?tab=processing"


def test_destroying_needs_a_reason_and_the_tick(admin: TestClient, services: FakeServices, held: str) -> None:
    for lacking in ({"reason": "No form"}, {"sure": "yes"}, {"reason": "x", "sure": "yes"}):
        assert posted(admin, f"{AT}/{held}/destroy", lacking, AT).status_code == 422
    assert services.replay.rows[0].id == held
    done = posted(admin, f"{AT}/{held}/destroy", {"reason": "No form", "sure": "yes"}, AT)
    assert done.headers["location"] == f"{AT}?done=destroyed"
    assert held not in {row.id for row in services.replay.rows}
    assert admin.get(f"/conversations/{held}").status_code == 404
    with services.database.read() as uow:
        now, entry = custody.get(uow, held), audit.entries(uow, held)[0]
    assert now is not None
    assert now.state is CustodyState.DESTROYED
    assert (entry.event, entry.actor, entry.reason) == (Event.QUARANTINE_DESTROYED, "user-administrator", "No form")
    assert posted(admin, f"{AT}/{held}/destroy", {"reason": "again", "sure": "yes"}, AT).status_code == 404


def test_the_panel_shows_decision_proof_and_lines(admin: TestClient, services: FakeServices) -> None:
    an_id = services.replay.rows[1].id
    assert "Nobody asked" in admin.get(f"/conversations/{an_id}?tab=consent").text
    consented.stand(services, an_id, CustodyState.PROVED)
    consented.told(services, an_id)
    page = admin.get(f"/conversations/{an_id}?tab=consent").text
    panel = page.split('id="consent"')[1].split('id="processing"')[0]
    words = text(panel)
    for part in ("4 Ask for a yes", "Proved", "Announced : heard in the sound, 97 %", "Yes : spoken", "…5012", "IVR 7"):
        assert part in words
    assert 'data-play="1.20" data-end="6.50"' in panel
    assert 'href="/consent/rules/DE"' in panel
    assert consented.NUMBER not in page
    assert "data-audio" in page


def test_announcements_are_listed_heard_and_taken_out_of_use(admin: TestClient, services: FakeServices) -> None:
    assert "No announcement is in use" in admin.get("/consent/announcements").text
    english, german, french = consented.announced(services)
    page = admin.get("/consent/announcements").text
    assert "This call is recorded by Northwind Energy." in page
    assert "asks, 1 for yes, 2 for no" in page
    assert page.count("It has no sound yet") == 1
    assert french not in page
    assert french in admin.get("/consent/announcements?state=all").text
    sound = admin.get(f"/consent/announcements/{english}/audio", headers={"range": "bytes=0-43"})
    assert (sound.status_code, sound.headers["content-type"], sound.content[:4]) == (206, "audio/wav", b"RIFF")
    assert admin.get(f"/consent/announcements/{german}/audio").status_code == 404
    gone = posted(admin, f"/consent/announcements/{english}/retire", {"reason": "New name"}, "/consent/announcements")
    assert gone.headers["location"] == "/consent/announcements?done=retired"
    assert english not in admin.get("/consent/announcements").text
    assert posted(admin, "/consent/announcements/none/retire", {}, "/consent/announcements").status_code == 404
    with services.database.read() as uow:
        entry = audit.entries(uow)[0]
    assert (entry.event, entry.subject, entry.reason) == (Event.ANNOUNCEMENT_RETIRED, english, "New name")


ASKED = {"level": "3", "language": "fr", "company": "Northwind", "privacy_notice": "n point x", "purpose": "quality"}


def test_a_preview_shows_the_text_and_changes_nothing(log_in: LogIn, services: FakeServices) -> None:
    supervisor = log_in("supervisor")
    page = posted(supervisor, "/consent/announcements", ASKED | {"keys": "yes"}, "/consent/announcements").text
    assert "Cet appel est enregistré par Northwind." in page
    assert "Have it spoken" not in page
    lacking = posted(supervisor, "/consent/announcements", ASKED | {"purpose": ""}, "/consent/announcements")
    assert lacking.status_code == 422
    for wrong in ({"level": "9"}, {"language": "tlh"}, {"retention_days": "many"}, {"company": HOSTILE}):
        answer = posted(supervisor, "/consent/announcements", ASKED | wrong, "/consent/announcements")
        assert answer.status_code == 422
        assert "<script>alert" not in answer.text
    with services.database.read() as uow:
        assert announcements.every(uow) == []


def test_a_text_and_a_recording_are_put_into_use(admin: TestClient, services: FakeServices) -> None:
    at = "/consent/announcements"
    assert posted(admin, at, ASKED | {"do": "silent"}, at).headers["location"] == f"{at}?done=added"
    assert posted(admin, at, ASKED | {"do": "upload"}, at).status_code == 422
    out = io.BytesIO()
    noise = np.random.default_rng(7).normal(0, 0.1, 16_000 * 4)
    soundfile.write(out, noise, 16_000, format="WAV", subtype="PCM_16")
    files = {"recording": ("said.wav", out.getvalue(), "audio/wav")}
    done = posted(admin, at, ASKED | {"do": "upload"}, at, files=files)
    assert done.status_code == 303, text(done.text)
    with services.database.read() as uow:
        (used,) = announcements.every(uow)
        assert len(announcements.wav(uow, used.version)) > 16_000
    assert (used.spoken_by, used.added_by, used.language) == ("upload", "user-administrator", "fr")
    broken = {"recording": ("said.wav", b"no sound at all", "audio/wav")}
    assert posted(admin, at, ASKED | {"do": "upload"}, at, files=broken).status_code == 422


def test_every_form_of_quarantine_carries_the_token(admin: TestClient, held: str) -> None:
    for path in (AT, f"/conversations/{held}"):
        for form in re.findall(r'<form[^>]*method="post".*?</form>', admin.get(path).text, re.DOTALL):
            csrf_of(form)


def test_the_list_is_read_page_by_page_and_by_level_and_day(admin: TestClient, services: FakeServices) -> None:
    began = clock.now() - timedelta(days=40)
    ids = [new_id() for _ in range(120)]
    for place, an_id in enumerate(ids):
        # Many begin at the same moment: the page's end is a moment and an id.
        at = began + timedelta(days=place // 40)
        consented.stand(services, an_id, CustodyState.QUARANTINED, level=2 + place % 3, at=at)
    seen: list[str] = []
    address = AT
    for _ in range(3):
        page = admin.get(address).text
        seen += re.findall(r'href="/conversations/([0-9a-f-]{36})\?tab=consent"', page)
        assert "120 conversations" in text(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        address = html.unescape(older[1]) if older else ""
    assert address == ""
    assert len(seen) == 120
    assert set(seen) == set(ids)
    assert "40 conversations" in text(admin.get(f"{AT}?level=3").text)
    day = (began + timedelta(days=1)).date().isoformat()
    assert "40 conversations" in text(admin.get(f"{AT}?since={day}&until={day}").text)
    assert "None is like that" in admin.get(f"{AT}?level=9").text
    assert admin.get(f"{AT}?before=nonsense").status_code == 422
    assert admin.get(f"{AT}?since=tomorrow").status_code == 422
