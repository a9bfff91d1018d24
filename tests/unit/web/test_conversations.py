from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient

from candor.audit.service import Event, entries
from candor.kit import clock
from candor.replay.model import Facets, Scope, Status
from candor.web.progress import ProgressBoard
from tests.unit.web.conftest import LogIn, csrf_of
from tests.unit.web.fixtures import FakeServices


def test_the_filter_and_the_scope_reach_the_query(log_in: LogIn, services: FakeServices) -> None:
    log_in("supervisor").get("/conversations?q=refund&score_min=50&sort=score&dir=asc&cursor=7")
    wanted, scope, sort, descending, cursor, limit = services.replay.asked[-1]
    assert (wanted.text, wanted.score_min) == ("refund", 50)
    assert scope == Scope(teams=("Billing",))
    assert (str(sort), descending, cursor, limit) == ("score", False, "7", 50)


def test_rows_show_what_the_columns_say(admin: TestClient) -> None:
    page = admin.get("/conversations?columns=agent,score").text
    assert "Dana Whitfield" in page
    assert 'class="col-score"' in page
    assert 'class="col-queue"' not in page
    assert 'class="col-queue"' in admin.get("/conversations?column=queue&column=agent").text


def test_pages_link_to_each_other(admin: TestClient) -> None:
    first = admin.get("/conversations?team=Billing&limit=25").text
    assert 'rel="next" href="/conversations?team=Billing&amp;limit=25&amp;cursor=25"' in first
    assert 'rel="prev"' not in first
    second = admin.get("/conversations?team=Billing&limit=25&cursor=25").text
    assert 'rel="prev"' in second
    assert 'rel="next"' not in second


def test_hits_are_marked_and_open_with_the_words(admin: TestClient, services: FakeServices) -> None:
    page = admin.get("/conversations?q=charged+twice").text
    assert "<mark>charged twice</mark>" in page
    assert f'href="/conversations/{services.replay.rows[0].id}?q=charged+twice"' in page


def test_empty_lists_say_what_to_do(log_in: LogIn, services: FakeServices) -> None:
    admin = log_in("administrator")
    assert "Nothing matches" in admin.get("/conversations?q=nothing").text
    services.replay.rows.clear()
    page = admin.get("/conversations").text
    assert "candor import" in page
    assert 'href="/import"' in page


def test_unreadable_filters_are_told(admin: TestClient) -> None:
    page = admin.get("/conversations?score_min=lots").text
    assert "“lots” cannot be read" in page


def test_csv_holds_every_row_of_the_filter_and_no_formula(admin: TestClient, services: FakeServices) -> None:
    services.replay.rows[0] = replace(services.replay.rows[0], agent="=HYPERLINK(1)")
    answer = admin.get("/conversations.csv?team=Billing")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 30
    assert rows[0]["agent"] == "'=HYPERLINK(1)"
    with services.database.read() as uow:
        assert entries(uow)[0].event is Event.EXPORTED


def test_the_selection_is_exported_or_tried_again(admin: TestClient, services: FakeServices) -> None:
    rows = services.replay.rows
    token = csrf_of(admin.get("/conversations").text)
    chosen = {"csrf": token, "id": [rows[5].id, rows[1].id], "query": "team=Retention"}
    answer = admin.post("/conversations/selected", data=chosen | {"action": "export"})
    assert [line.split(",")[0] for line in answer.text.splitlines()[1:]] == [rows[5].id, rows[1].id]
    answer = admin.post("/conversations/selected", data=chosen | {"action": "retry"})
    assert answer.headers["location"] == "/conversations?team=Retention&retried=1"
    assert services.desk.retried == [(rows[5].id, "transcribe")]
    assert "1 conversation is being tried again." in admin.get(answer.headers["location"]).text


def test_views_are_saved_shown_and_deleted(admin: TestClient, services: FakeServices) -> None:
    token = csrf_of(admin.get("/conversations?team=Billing").text)
    data = {"csrf": token, "query": "team=Billing&cursor=9&x=1", "name": "Billing calls", "shared": "1"}
    assert admin.post("/views", data=data).headers["location"] == "/conversations?team=Billing"
    saved = services.replay.saved[0]
    assert (saved.query, saved.shared, saved.name) == ("team=Billing", True, "Billing calls")
    page = admin.get("/conversations?team=Billing").text
    assert "Billing calls" in page
    assert f"/views/{saved.id}/delete" in page
    admin.post(f"/views/{saved.id}/delete", data={"csrf": token, "query": saved.query})
    assert services.replay.saved == []


def test_the_strip_polls_while_work_is_left_and_ends(admin: TestClient, services: FakeServices) -> None:
    assert 'hx-get="/conversations/progress"' in admin.get("/conversations").text
    services.replay.rows = [row for row in services.replay.rows if row.status is Status.READY]
    assert "hx-get" not in admin.get("/conversations/progress").text
    assert "progress" not in admin.get("/conversations").text.partition("<main")[2].partition("</main>")[0]


def test_progress_counts_a_batch_with_its_rate_and_time_left() -> None:
    board, scope = ProgressBoard(), Scope()

    def look(ready: int, queued: int) -> object:
        return board.look(Facets(statuses=(("ready", ready), ("queued", queued))), scope)

    with clock.freeze(datetime(2026, 1, 1, tzinfo=UTC)) as advance:
        first = look(100, 20)
        assert (first.done, first.total, first.per_minute, first.seconds_left) == (0, 20, None, None)
        advance(timedelta(seconds=30))
        later = look(105, 15)
        assert (later.done, later.total) == (5, 20)
        assert (later.per_minute, later.seconds_left) == (10, 90)
        assert not look(120, 0).running
        assert look(120, 4).total == 4


def test_times_are_shown_in_the_viewers_zone(admin: TestClient) -> None:
    admin.cookies.set("candor_zone", "America/New_York")
    page = admin.get("/conversations").text
    assert ">20 Nov 2026, 09:03</time>" in page
    assert 'title="Original time: 2026-11-20 09:03:12 (UTC−05:00)"' in page
    admin.cookies.set("candor_zone", "../../etc/passwd")
    assert ">20 Nov 2026, 14:03</time>" in admin.get("/conversations").text
