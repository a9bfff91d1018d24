from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

from candor.conversation.model import Direction
from candor.kit import clock
from candor.replay.model import SortKey, Status
from candor.web import listing

BERLIN = ZoneInfo("Europe/Berlin")


def read(query: str, zone: ZoneInfo = BERLIN) -> listing.Listing:
    return listing.read(parse_qsl(query), zone)


def test_an_address_becomes_a_filter() -> None:
    asked = read(
        "q=refund&agent=a1&agent=a2&direction=inbound&status=ready&score_min=50&sentiment_max=-0.2"
        "&duration_min=2:30&duration_max=10&pii=yes&critical=no&id=77&sort=score&dir=asc&limit=100"
    )
    assert asked.problems == ()
    wanted = asked.filter
    assert (wanted.text, wanted.agents, wanted.external_id) == ("refund", ("a1", "a2"), "77")
    assert (wanted.directions, wanted.statuses) == ((Direction.INBOUND,), (Status.READY,))
    assert (wanted.score_min, wanted.sentiment_max) == (50, -0.2)
    assert (wanted.duration_min, wanted.duration_max) == (150, 600)
    assert (wanted.has_pii, wanted.critical_failed) == (True, False)
    assert (asked.sort, asked.descending, asked.limit) == (SortKey.SCORE, False, 100)


def test_the_address_round_trips() -> None:
    query = "q=refund&agent=a1&score_min=50&sort=score&dir=asc&limit=100&columns=started%2Cagent"
    assert read(query).query == query
    assert read(read(query).query) == read(query)


def test_days_are_the_viewers_and_inclusive() -> None:
    asked = read("from=2026-03-29&to=2026-03-29").filter
    assert asked.since == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert asked.until == datetime(2026, 3, 29, 22, tzinfo=UTC)  # the day has 23 hours there


def test_a_period_moves_with_the_clock() -> None:
    with clock.freeze(datetime(2026, 11, 20, 23, 30, tzinfo=UTC)):
        asked = read("period=7d").filter  # in Berlin it is the 21st already
        assert asked.since == datetime(2026, 11, 14, 23, tzinfo=UTC)
        assert asked.until == datetime(2026, 11, 21, 23, tzinfo=UTC)
        yesterday = read("period=yesterday").filter
        assert yesterday.since == datetime(2026, 11, 19, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    ["score_min=abc", "score_max=101", "sentiment_min=nan", "from=2026-02-30", "status=lost", "pii=perhaps",
     "period=ever", "duration_min=-1", "duration_max=inf", "direction=up"],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_left_out(query: str) -> None:
    asked = read(query)
    assert len(asked.problems) == 1
    assert query.partition("=")[2] in asked.problems[0]
    assert asked.pairs == ()
    assert asked.filter == listing.ConversationFilter()


def test_each_chip_removes_only_itself() -> None:
    asked = read("q=a&agent=a1&agent=a2&score_min=5&score_max=9&sort=score")
    chips = {chip.label: chip.without for chip in asked.chips({"a1": "Dana"})}
    assert chips["Dana"] == "/conversations?q=a&agent=a2&score_min=5&score_max=9&sort=score"
    assert chips["Score 5 – 9"] == "/conversations?q=a&agent=a1&agent=a2&sort=score"
    assert chips["“a”"] == "/conversations?agent=a1&agent=a2&score_min=5&score_max=9&sort=score"
    assert "a2" in chips


def test_a_second_click_on_a_column_turns_the_order() -> None:
    assert read("").by("score") == "/conversations?sort=score"
    assert read("sort=score").by("score") == "/conversations?sort=score&dir=asc"
    assert read("").by("started") == "/conversations?dir=asc"


def test_a_new_order_starts_at_the_first_page() -> None:
    asked = read("cursor=abc&team=x")
    assert asked.cursor == "abc"
    assert "cursor" not in asked.by("score")
    assert "cursor" not in asked.query


def test_nonsense_in_the_rest_falls_back() -> None:
    asked = read("sort=salary&limit=99999&columns=salary,agent&unknown=1")
    assert (asked.sort, asked.limit, asked.columns) == (SortKey.STARTED, listing.DEFAULT_LIMIT, ("agent",))
    assert read("sort=relevance").sort is SortKey.STARTED
