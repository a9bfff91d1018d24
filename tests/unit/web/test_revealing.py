"""Unmasking on the conversation page: asked for, shown for a while, written down; and closed in every other case."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor.access.browser import csrf_token
from candor.audit.service import Event, entries
from candor.kit import clock
from tests.unit.web.conftest import LogIn
from tests.unit.web.fixtures import FakeServices

REASON = "The customer disputes the card that was charged, case 4711"
CARD = "4929000000006"


def post(client: TestClient, address: str, **fields: Any) -> Any:
    return client.post(address, data={"csrf": csrf_token(client.cookies["candor_session"]), **fields})


def call(services: FakeServices) -> str:
    return f"/conversations/{services.replay.rows[0].id}"


def lines(services: FakeServices, *wanted: Event) -> list[tuple[str, str | None, str | None]]:
    with services.database.read() as uow:
        found = entries(uow, services.replay.rows[0].id)
    return [(str(each.event), each.subject, each.reason) for each in reversed(found) if each.event in wanted]


def test_unmasked_text_is_shown_for_a_reason_and_a_while(log_in: LogIn, services: FakeServices) -> None:
    client = log_in("compliance")
    with clock.freeze(clock.now()) as advance:
        masked = client.get(call(services)).text
        assert CARD not in masked
        assert "[CARD_1]" in masked
        assert "Show unmasked…" in masked
        answer = post(client, f"{call(services)}/reveal", reason=REASON)
        assert answer.headers["location"] == f"{call(services)}/unmasked"
        shown = client.get(f"{call(services)}/unmasked")
        assert CARD in shown.text
        assert re.search(r'class="pii shown" title="\[CARD_1\]">4929000000006,<', shown.text)
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["refresh"] == f"900; url={call(services)}"
        assert f'src="{call(services)}/unmasked/audio"' in shown.text
        advance(timedelta(minutes=15))
        assert client.get(f"{call(services)}/unmasked").headers["location"] == call(services)
        assert client.get(f"{call(services)}/unmasked/audio").status_code == 403
    assert lines(services, Event.REVEAL_GRANTED, Event.OPENED_ORIGINAL) == [
        (Event.REVEAL_GRANTED, "15 minutes", REASON),
        (Event.OPENED_ORIGINAL, "text", REASON),
    ]


def test_unmasked_sound_is_written_down_once_a_playing(log_in: LogIn, services: FakeServices) -> None:
    client = log_in("compliance")
    post(client, f"{call(services)}/reveal", reason=REASON)
    answer = client.get(f"{call(services)}/unmasked/audio", headers={"Range": "bytes=0-"})
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (206, b"unmasked sound", "no-store")
    client.get(f"{call(services)}/unmasked/audio", headers={"Range": "bytes=4-"})
    assert lines(services, Event.OPENED_ORIGINAL) == [(Event.OPENED_ORIGINAL, "sound", REASON)]


def test_it_can_be_masked_again(log_in: LogIn, services: FakeServices) -> None:
    client = log_in("compliance")
    post(client, f"{call(services)}/reveal", reason=REASON)
    assert post(client, f"{call(services)}/conceal").headers["location"] == call(services)
    assert client.get(f"{call(services)}/unmasked").status_code == 303
    assert lines(services, Event.REVEAL_ENDED) == [(Event.REVEAL_ENDED, None, None)]


@pytest.mark.parametrize("reason", ["", "because", "          "])
def test_without_a_reason_nothing_is_shown(log_in: LogIn, services: FakeServices, reason: str) -> None:
    client = log_in("compliance")
    answer = post(client, f"{call(services)}/reveal", reason=reason)
    assert answer.status_code == 422
    assert "needs a reason of at least ten characters" in answer.text
    assert CARD not in answer.text
    assert lines(services, Event.REVEAL_GRANTED) == []


@pytest.mark.parametrize("role", ["agent", "supervisor", "evaluator", "trainer", "auditor"])
def test_who_may_not_unmask_finds_no_way(log_in: LogIn, services: FakeServices, role: str) -> None:
    client = log_in(role)
    assert "Show unmasked" not in client.get(call(services)).text
    assert post(client, f"{call(services)}/reveal", reason=REASON).status_code == 403
    assert client.get(f"{call(services)}/unmasked").status_code == 403
    assert client.get(f"{call(services)}/unmasked/audio").status_code == 403


def test_one_conversations_leave_opens_no_other(log_in: LogIn, services: FakeServices) -> None:
    client = log_in("compliance")
    post(client, f"{call(services)}/reveal", reason=REASON)
    other = f"/conversations/{services.replay.rows[1].id}"
    assert client.get(f"{other}/unmasked").headers["location"] == other
    assert client.get(f"{other}/unmasked/audio").status_code == 403


def test_one_persons_leave_opens_to_no_other(log_in: LogIn, services: FakeServices) -> None:
    client = log_in("compliance")
    post(client, f"{call(services)}/reveal", reason=REASON)
    post(client, "/logout")
    client = log_in("administrator")
    assert client.get(f"{call(services)}/unmasked").status_code == 303


def test_the_history_tells_who_and_why(log_in: LogIn, services: FakeServices) -> None:
    client = log_in("compliance")
    post(client, f"{call(services)}/reveal", reason=REASON)
    client.get(f"{call(services)}/unmasked")
    post(client, "/logout")
    page = log_in("auditor").get(f"{call(services)}?tab=history").text
    for words in ("Opened unmasked", "Unmasking asked for", REASON, "Robin Vale"):
        assert words in page
    post(client, "/logout")
    assert 'id="history"' not in log_in("agent").get(call(services)).text
