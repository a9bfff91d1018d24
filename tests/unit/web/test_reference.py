"""The reference names every parameter that the pages read."""

from __future__ import annotations

import pytest

from candor.access.model import UserRole
from candor.conversation.model import Direction
from candor.replay.model import Scope, SortKey, Status, scope_of
from candor.web import conversation, listing, words
from tests.conftest import ROOT
from tests.unit.web.fixtures import principal


def test_every_parameter_and_value_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "addresses.md").read_text(encoding="utf-8")
    names = [*listing.FILTERS, "sort", "dir", "columns", "limit", "cursor", *conversation.TABS, *words.PERIOD]
    names += [member.value for kind in (Direction, Status, SortKey) for member in kind]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_value_has_its_word() -> None:
    for table, kind in ((words.DIRECTION, Direction), (words.STATUS, Status), (words.USER_ROLE, UserRole)):
        assert {member.value for member in kind} == set(table)


@pytest.mark.parametrize(
    ("role", "team", "agent_id", "scope"),
    [
        (UserRole.AGENT, "Billing", "a1", Scope(agent_ids=("a1",))),
        (UserRole.AGENT, "Billing", None, Scope(agent_ids=())),
        (UserRole.SUPERVISOR, "Billing", None, Scope(teams=("Billing",))),
        (UserRole.SUPERVISOR, None, None, Scope(teams=())),
        (UserRole.EVALUATOR, "Billing", None, Scope()),
    ],
)
def test_how_far_a_role_sees(role: UserRole, team: str | None, agent_id: str | None, scope: Scope) -> None:
    assert scope_of(principal(role, team=team, agent_id=agent_id)) == scope
