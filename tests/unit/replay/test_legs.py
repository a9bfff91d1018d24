"""The other legs of one contact: by group, by call id, within reach, through the index."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from candor.conversation.model import Conversation
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id
from candor.replay.model import Scope
from candor.replay.ports import Sources
from candor.replay.search import LEGS
from candor.replay.service import Replay

from .calls import START, make_database, write

DAY = 24 * 60


@pytest.fixture
def uow(tmp_path: Path) -> Any:
    database = make_database(tmp_path)
    with database.write() as uow:
        yield uow
    database.close()


def legs(uow: UnitOfWork, an_id: str, scope: Scope | None = None, minutes: float = 0, **more: Any) -> list[str]:
    """The legs of the conversation that began then."""
    own = Conversation(id=an_id, started_at=START + timedelta(minutes=minutes), **more)
    return [row.id for row in Replay(cast("Sources", None)).legs(uow, own, scope or Scope())]


def test_legs_share_a_group_however_far_apart_in_order_of_time(uow: UnitOfWork) -> None:
    late = write(uow, 9 * DAY, source="sbc", group="g1")
    own = write(uow, 10, source="sbc", group="g1")
    early = write(uow, 0, source="sbc", group="g1")
    write(uow, 5, source="sbc", group="g2")
    write(uow, 6, source="other", group="g1")  # another system's g1
    write(uow, 7, source="sbc")
    assert legs(uow, own, minutes=10, source="sbc", group="g1") == [early, late]
    assert legs(uow, early, source="sbc", group="g1") == [own, late]


def test_legs_share_a_call_id_on_the_same_day(uow: UnitOfWork) -> None:
    own = write(uow, 0, source="sbc", external_id="77")
    leg = write(uow, 30, source="sbc", external_id="77")
    write(uow, 2 * DAY, source="sbc", external_id="77")  # used anew
    write(uow, 31, source="import", external_id="77")
    assert legs(uow, own, source="sbc", external_id="77") == [leg]


def test_a_sender_that_makes_a_group_a_session_still_has_its_legs_linked(uow: UnitOfWork) -> None:
    own = write(uow, 0, source="sbc", external_id="77", group="g1")
    leg = write(uow, 1, source="sbc", external_id="77", group="g2")
    third = write(uow, 2, source="sbc", external_id="78", group="g1")
    assert legs(uow, own, source="sbc", external_id="77", group="g1") == [leg, third]


def test_without_group_and_call_id_there_are_none(uow: UnitOfWork) -> None:
    own = write(uow, 0, source="sbc")
    write(uow, 1, source="sbc")
    assert legs(uow, own, source="sbc") == []


def test_only_legs_within_reach_are_told(uow: UnitOfWork) -> None:
    own = write(uow, 0, source="sbc", group="g1", team="Billing", agent_id="a1")
    mine = write(uow, 1, source="sbc", group="g1", team="Billing", agent_id="a1")
    write(uow, 2, source="sbc", group="g1", team="Retention", agent_id="a2")
    for scope in (Scope(teams=("Billing",)), Scope(agent_ids=("a1",))):
        assert legs(uow, own, scope, source="sbc", group="g1") == [mine]
    assert legs(uow, own, Scope(teams=()), source="sbc", group="g1") == []


def test_of_very_many_the_nearest_are_told(uow: UnitOfWork) -> None:
    made = [write(uow, minute, source="sbc", group="g1") for minute in range(2 * LEGS)]
    found = legs(uow, made[LEGS], minutes=LEGS, source="sbc", group="g1")
    assert len(found) == LEGS
    assert set(found) <= set(made[LEGS // 2 - 1 : LEGS + LEGS // 2 + 2])
    assert found == sorted(found, key=made.index)


def test_a_group_longer_than_the_index_keeps_is_found(uow: UnitOfWork) -> None:
    group = "g" * 400
    own, leg = (write(uow, minute, source="sbc", group=group) for minute in (0, 1))
    assert legs(uow, own, source="sbc", group=group) == [leg]


@pytest.mark.parametrize(
    ("condition", "index"),
    [("contact = 'g1'", "ix_conversation_index_contact"), ("external_id = '77'", "ix_conversation_index_external_id")],
)
def test_the_look_up_goes_through_an_index(uow: UnitOfWork, condition: str, index: str) -> None:
    write(uow, 0, conversation_id=new_id())
    query = (
        f"EXPLAIN QUERY PLAN SELECT * FROM conversation_index WHERE {condition} AND search_rowid < 5 "
        "AND source = 's' ORDER BY search_rowid DESC LIMIT 50"
    )
    plan = " ".join(row.detail for row in uow.execute(text(query)))
    assert index in plan
    assert "TEMP B-TREE" not in plan
