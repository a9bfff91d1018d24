"""Finding: words, filters, reach of rights, paging both ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from candor.errors import InvalidInput, NotFound
from candor.kit.database import UnitOfWork
from candor.replay.model import ConversationFilter, SavedView, Scope, SortKey, Status
from candor.replay.ports import Sources
from candor.replay.query import parse
from candor.replay.service import Replay

from .calls import START, evaluation, make_database, write

ALL = Scope()


@pytest.fixture
def uow(tmp_path: Path) -> Iterator[UnitOfWork]:
    database = make_database(tmp_path)
    with database.write() as uow:
        yield uow
    database.close()


@pytest.fixture
def replay() -> Replay:
    return Replay(cast("Sources", None))


def ids(replay: Replay, uow: UnitOfWork, scope: Scope = ALL, **wanted: Any) -> list[str]:
    return [row.id for row in replay.page(uow, ConversationFilter(**wanted), scope).rows]


def test_words_phrases_speakers_and_exclusion(replay: Replay, uow: UnitOfWork) -> None:
    first = write(uow, 0, agent="how can I help", customer="you charged me twice")
    second = write(uow, 1, agent="you were charged once", customer="twice I asked for help")
    assert ids(replay, uow, text="charged twice") == [second, first]
    assert ids(replay, uow, text='"charged me twice"') == [first]
    assert ids(replay, uow, text="agent:charged") == [second]
    assert ids(replay, uow, text='customer:"charged me"') == [first]
    assert ids(replay, uow, text="charged -once") == [first]
    assert ids(replay, uow, text="-once") == [first]
    assert ids(replay, uow, text="charg*") == [second, first]
    assert ids(replay, uow, text="charg") == []
    assert ids(replay, uow, text="!!!") == []
    assert ids(replay, uow, text="  ") == [second, first]


def test_snippets_mark_the_hits(replay: Replay, uow: UnitOfWork) -> None:
    write(uow, customer="you charged \ue000 me twice")
    row = replay.page(uow, ConversationFilter(text="twice"), ALL).rows[0]
    assert row.snippet == "you charged me \ue000twice\ue001"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.text(max_size=60), st.text(alphabet='"*:()-+^{}[]ANDORTagentNEAR \x00\ud800', max_size=40)))
def test_whatever_is_typed_is_searched_for_or_refused_politely(replay: Replay, uow: UnitOfWork, text: str) -> None:
    for sort in (SortKey.STARTED, SortKey.RELEVANCE):
        try:
            replay.page(uow, ConversationFilter(text=text, teams=("Billing",)), ALL, sort=sort)
        except InvalidInput as error:
            assert error.code == "search.too_long"  # noqa: PT017  most texts raise nothing


def test_every_filter_narrows(replay: Replay, uow: UnitOfWork) -> None:
    one = write(uow, 0, agent_id="a1", team="Billing", queue="q1", score=50, sentiment=-0.5, duration=30,
                categories=("cancellation",), pii=2, critical=True, external_id="X1")  # fmt: skip
    two = write(uow, 60, agent_id="a2", team="Retention", queue="q2", score=90, sentiment=0.5, duration=300,
                categories=("praise",))  # fmt: skip
    for wanted in (
        {"agents": ("a1",)}, {"teams": ("Billing",)}, {"queues": ("q1",)}, {"score_max": 60}, {"sentiment_max": 0},
        {"duration_max": 60}, {"categories": ("cancellation",)}, {"has_pii": True}, {"critical_failed": True},
        {"external_id": "X1"}, {"until": START + timedelta(minutes=60)}, {"categories": ("cancellation", "x")},
    ):  # fmt: skip
        assert ids(replay, uow, **wanted) == [one], wanted
    for wanted in (
        {"agents": ("a2", "a9")}, {"score_min": 60}, {"sentiment_min": 0.1}, {"duration_min": 60},
        {"has_pii": False}, {"critical_failed": False}, {"since": START + timedelta(seconds=0.5)},
    ):  # fmt: skip
        assert ids(replay, uow, **wanted) == [two], wanted
    assert ids(replay, uow, statuses=(Status.QUEUED,)) == []
    assert ids(replay, uow, languages=("en",)) == [two, one]


def test_nothing_outside_the_reach_is_ever_told(replay: Replay, uow: UnitOfWork) -> None:
    mine = write(uow, 0, agent_id="a1", team="Billing", categories=("praise",))
    theirs = write(uow, 1, agent_id="a2", team="Retention", categories=("fraud",))
    scope = Scope(agent_ids=("a1",))
    assert ids(replay, uow, scope) == ids(replay, uow, scope, text="hello") == [mine]
    assert ids(replay, uow, scope, agents=("a2",)) == []
    assert replay.page(uow, ConversationFilter(), scope).total == 1
    assert replay.facets(uow, scope).categories == ("praise",)
    for verb in (replay.view, replay.audio, replay.peaks, replay.row):
        with pytest.raises(NotFound):
            verb(uow, theirs, scope)
    for nobody in (Scope(teams=()), Scope(agent_ids=())):
        assert ids(replay, uow, nobody) == []
        assert replay.facets(uow, nobody).statuses == ()


@pytest.mark.parametrize("sort", [SortKey.STARTED, SortKey.DURATION, SortKey.SCORE, SortKey.SENTIMENT])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("text", [None, "hello"])
def test_paging_forth_and_back_shows_each_row_once(
    replay: Replay, uow: UnitOfWork, sort: SortKey, descending: bool, text: str | None
) -> None:
    for i in range(23):
        value = None if i % 4 == 0 else float(i % 5)
        write(uow, i // 3, score=value, sentiment=value and value / 10, duration=float(i % 6))
    wanted = ConversationFilter(text=text)

    def page(cursor: str | None) -> Any:
        return replay.page(uow, wanted, ALL, sort=sort, descending=descending, cursor=cursor, limit=5)

    pages = [page(None)]
    while pages[-1].next_cursor:
        pages.append(page(pages[-1].next_cursor))
    seen = [row for each in pages for row in each.rows]
    assert len(seen) == len({row.id for row in seen}) == 23
    if sort is SortKey.STARTED:
        times = [row.started_at for row in seen]
        assert times == sorted(times, reverse=descending)
    else:
        values = [getattr(row, sort.value) for row in seen]
        known = [value for value in values if value is not None]
        assert values == sorted(known, reverse=descending) + [None] * (len(values) - len(known))
    for before, after in pairwise(pages):
        assert page(after.previous_cursor).rows == before.rows
    assert pages[0].previous_cursor is None


def test_relevance_puts_the_denser_text_first(replay: Replay, uow: UnitOfWork) -> None:
    dense = write(uow, 0, customer="refund refund refund")
    thin = write(uow, 1, customer="a refund " + "and so on " * 30)
    for i in range(5):
        write(uow, 2 + i)
    page = replay.page(uow, ConversationFilter(text="refund"), ALL, sort=SortKey.RELEVANCE, limit=1)
    assert [row.id for row in page.rows] == [dense]
    after = replay.page(
        uow, ConversationFilter(text="refund"), ALL, sort=SortKey.RELEVANCE, cursor=page.next_cursor, limit=1
    )
    assert [row.id for row in after.rows] == [thin]


def test_foreign_cursors_and_limits_are_refused(replay: Replay, uow: UnitOfWork) -> None:
    for cursor in ("x", "Zm9v", "W10", "bnVsbA", "é", "eyJhIjoxfQ"):
        with pytest.raises(InvalidInput):
            replay.page(uow, ConversationFilter(), ALL, cursor=cursor)
    with pytest.raises(InvalidInput):
        replay.page(uow, ConversationFilter(), ALL, limit=0)


def test_writing_again_replaces(replay: Replay, uow: UnitOfWork) -> None:
    an_id = write(uow, 0, customer="old words", categories=("fraud",), team="Billing")
    write(uow, 0, customer="new words", categories=("praise",), team="Retention", conversation_id=an_id)
    assert ids(replay, uow, text="old") == []
    assert ids(replay, uow, text="new") == [an_id]
    facets = replay.facets(uow, ALL)
    assert (facets.categories, facets.teams, facets.statuses) == (("praise",), ("Retention",), (("ready", 1),))
    write(uow, 90, customer="later words", conversation_id=an_id)
    assert ids(replay, uow, text="new") == []
    assert ids(replay, uow) == [an_id]
    assert replay.page(uow, ConversationFilter(), ALL).total == 1


def test_marks_and_scores(replay: Replay, uow: UnitOfWork) -> None:
    an_id = write(uow)
    replay.index.mark(uow, an_id, "needs_attention", "The recording is silent.")
    replay.index.mark(uow, "nobody", "queued", None)
    row = replay.row(uow, an_id, ALL)
    assert (row.status, row.attention) == (Status.NEEDS_ATTENTION, "The recording is silent.")
    assert replay.facets(uow, ALL).statuses == (("needs_attention", 1),)
    both = (evaluation(an_id, 80), evaluation(an_id, 95, human=True))
    replay.index.rescore(uow, an_id, both)
    row = replay.row(uow, an_id, ALL)
    assert (row.score, row.score_source) == (95, "human")


@pytest.mark.parametrize(("tel", "shown"), [("+12025550143", "…0143"), ("101", "…1"), ("", None), ("anonymous", None)])
def test_customers_numbers_are_masked(replay: Replay, uow: UnitOfWork, tel: str, shown: str | None) -> None:
    an_id = write(uow, tel=tel)
    assert replay.row(uow, an_id, ALL).customer == shown


def test_saved_views_belong_to_their_owner(replay: Replay, uow: UnitOfWork) -> None:
    replay.save_view(uow, SavedView(id="v1", owner="u1", name="mine", query="q=x"))
    replay.save_view(uow, SavedView(id="v2", owner="u1", name="ours", query="q=y", shared=True))
    assert [view.name for view in replay.views(uow, "u1")] == ["mine", "ours"]
    assert [view.name for view in replay.views(uow, "u2")] == ["ours"]
    with pytest.raises(NotFound):
        replay.delete_view(uow, "v1", "u2")
    replay.delete_view(uow, "v1", "u1")
    assert [view.name for view in replay.views(uow, "u1")] == ["ours"]


def test_too_long_a_search_is_refused() -> None:
    with pytest.raises(InvalidInput):
        parse("x" * 1001)
    with pytest.raises(InvalidInput):
        parse("x " * 40)
