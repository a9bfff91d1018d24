"""Every route of the API and of the pages, asked as every role, as nobody, and with a token that may nothing.

The table is tests/vectors/access/routes.toml. A new route needs a line there; the failure prints it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from candor.kit.ids import new_id
from tests.integration.routes_by_role import ROLES, TABLE, House, admitted, line, table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.close()


def test_every_route_lets_in_whom_the_table_says_and_nobody_else(house: House) -> None:
    said, wrong, missing = table(), [], []
    assert len(house.routes) > 100, "the applications' route tables are not read any more"
    for route in house.routes:
        who = house.let_in(route)
        if str(route) not in said:
            missing.append(line(route, who))
        elif who != said[str(route)]:
            wrong.append(f"{route}: let in {sorted(who)}, the table says {sorted(said[str(route)])}")
    assert not house.faults, "\n".join(house.faults)
    assert not wrong, "\n".join(wrong)
    assert not missing, f"Routes without a line in {TABLE.name}; when this is what you mean, add:\n" + "\n".join(
        missing
    )


def test_the_table_has_no_route_that_is_gone(house: House) -> None:
    assert set(table()) - {str(route) for route in house.routes} == set()


def test_conversations_beyond_ones_reach_are_not_there(house: House) -> None:
    routes = [route for route in house.routes if "{conversation_id}" in route.path]
    assert len(routes) > 15
    for route in routes:
        for stranger in ("stranger-agent", "stranger-supervisor"):
            answer, nothing = house.ask(route, stranger), house.ask(route, stranger, call=new_id())
            assert answer.status_code == nothing.status_code, f"{route} tells a {stranger} that there is something"
            assert answer.status_code in (403, 404, 422), f"{route} answers {answer.status_code} to a {stranger}"


def test_what_a_conversation_has_is_there_for_those_who_may(house: House) -> None:
    """So that "let in" above is an opened door, and not one that leads nowhere."""
    said = table()
    for route in house.routes:
        if route.method == "GET" and "{conversation_id}" in route.path:
            for role in sorted(said.get(str(route), frozenset()) & set(ROLES)):
                answer = house.ask(route, role)
                assert answer.status_code in (200, 422), f"{route} answers {answer.status_code} to {role}"


def test_a_wrong_table_is_noticed(house: House) -> None:
    """The walk itself can fail: a route that only some may use does turn others away."""
    route = next(route for route in house.routes if str(route) == "GET /attention")
    assert not admitted(house.ask(route, "agent"))
    assert admitted(house.ask(route, "auditor"))
