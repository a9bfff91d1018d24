"""Reach by team, queue and agent, and what of it the list, its counts and a single conversation tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from candor.errors import NotFound
from candor.kit.database import Database
from candor.replay.model import ConversationFilter, Scope
from candor.replay.service import Replay
from tests.unit.replay.calls import evaluation, make_database, write

SCOPES = (
    (Scope(), {"a", "b", "c", "d"}),
    (Scope(teams=("Billing",)), {"a", "b"}),
    (Scope(queues=("q2",)), {"b", "c"}),
    (Scope(teams=("Billing",), queues=("q2",)), {"a", "b", "c"}),
    (Scope(teams=(), queues=("q3",)), {"d"}),
    (Scope(teams=(), queues=()), set()),
    (Scope(queues=()), set()),
    (Scope(agent_ids=("a1",)), {"a", "d"}),
    (Scope(agent_ids=("a1",), evaluated=True), {"d"}),
    (Scope(evaluated=True), {"d"}),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = make_database(tmp_path)
    with database.write() as uow:
        for name, team, queue, agent, minutes in (
            ("a", "Billing", "q1", "a1", 0), ("b", "Billing", "q2", "a2", 1), ("c", "Retention", "q2", "a2", 2),
            ("d", None, "q3", "a1", 3),
        ):  # fmt: skip
            write(
                uow, minutes, agent=f"hello {name}", team=team, queue=queue, agent_id=agent, conversation_id=name,
                categories=(f"about_{name}",),
            )  # fmt: skip
        replay().index.rescore(uow, "d", (evaluation("d", 90.0, human=True),))
    yield database
    database.close()


def replay() -> Replay:
    return Replay(sources=None)  # type: ignore[arg-type]  nothing is opened here


@pytest.mark.parametrize(("scope", "within"), SCOPES)
def test_every_view_tells_the_same_reach(database: Database, scope: Scope, within: set[str]) -> None:
    found = replay()
    with database.read() as uow:
        page = found.page(uow, ConversationFilter(), scope)
        assert {row.id for row in page.rows} == within
        assert page.total == len(within)
        words = found.page(uow, ConversationFilter(text="hello"), scope)
        assert ({row.id for row in words.rows}, words.total) == (within, len(within))
        facets = found.facets(uow, scope)
        assert set(facets.categories) == {f"about_{name}" for name in within}
        assert sum(n for _, n in facets.statuses) == len(within)
        assert set(facets.teams) == {row.team for row in page.rows if row.team}
        assert set(facets.queues) == {row.queue for row in page.rows}
        assert {agent for agent, _ in facets.agents} == {row.agent_id for row in page.rows}
        for name in "abcd":
            if name in within:
                assert found.row(uow, name, scope).id == name
                continue
            for attempt in (found.row, found.audio, found.peaks, found.view):
                with pytest.raises(NotFound):
                    attempt(uow, name, scope)
