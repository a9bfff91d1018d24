"""Whoever sees a sentiment also sees that it was read from the words; so does a program."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from candor.replay.document import document
from candor.replay.model import Scope
from tests.unit.web.fixtures import FakeServices


def test_the_page_says_from_what_sentiment_was_read(admin: TestClient, services: FakeServices) -> None:
    text = admin.get(f"/conversations/{services.replay.rows[0].id}").text
    for who in ("Customer", "Agent"):
        assert re.search(rf"<dt>{who} sentiment <span[^>]*>from the words</span></dt>", text)
    assert "Sentiment drop (from the words)" in text
    assert "Hold (from the words)" not in text


def test_the_json_says_so(services: FakeServices) -> None:
    with services.database.read() as uow:
        view = services.replay.view(uow, services.replay.rows[0].id, Scope())
    value = document(view)
    assert value["sentiments"]
    assert value["sentiment_basis"] == "text"
