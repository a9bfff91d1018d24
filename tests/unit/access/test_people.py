"""People, reach, sessions and leaves to unmask: the rules beneath the pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from candor.access import reveals
from candor.access.groups import Groups
from candor.access.model import RIGHTS, Breadth, OwnCalls, Right, UserRole
from candor.access.service import Access
from candor.access.sessions import Sessions, browser_of
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from candor.kit import clock
from candor.kit.database import Database, metadata, sqlite_url
from candor.replay.model import Scope, scope_of, steering_scope

PASSWORD = "a long enough secret"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine)
    yield database
    database.close()


def person(access: Access, database: Database, role: UserRole, login: str = "ann", **more: str) -> str:
    with database.write() as uow:
        return access.people.add(uow, login=login, name=login, role=role, password=PASSWORD, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "seen"),
    [
        (OwnCalls.ALL, Scope(agent_ids=("a1",))), (OwnCalls.EVALUATED, Scope(agent_ids=("a1",), evaluated=True)),
        (OwnCalls.NONE, Scope(agent_ids=())),
    ],
)  # fmt: skip
def test_agents_see_their_own_as_policy_says_and_pause_them_always(
    database: Database, own: OwnCalls, seen: Scope
) -> None:
    access = Access(hasher=CHEAP, own_calls=own)
    person(access, database, UserRole.AGENT, agent_id="a1", team="Billing")
    with database.read() as uow:
        who = access.principal_by_login(uow, "ann")
    assert scope_of(who) == seen
    assert steering_scope(who) == Scope(agent_ids=("a1",))


@pytest.mark.parametrize("role", [role for role in UserRole if role is not UserRole.AGENT])
def test_reach_by_role_by_list_and_without_limit(database: Database, role: UserRole) -> None:
    access = Access(hasher=CHEAP)
    user_id = person(access, database, role, team="Billing")
    by_role = Scope(teams=("Billing",)) if role is UserRole.SUPERVISOR else Scope()
    for breadth, teams, queues, seen in (
        (Breadth.ROLE, ["x"], [], by_role),
        (Breadth.EVERYTHING, ["x"], [], Scope()),
        (Breadth.LISTED, ["North", "North", " "], ["q1"], Scope(teams=("North",), queues=("q1",))),
        (Breadth.LISTED, [], [], Scope(teams=(), queues=())),
    ):
        with database.write() as uow:
            access.people.set_reach(uow, user_id, breadth, teams, queues)
            assert scope_of(access.principal_by_login(uow, "ann")) == seen


def test_sessions_end_when_idle_and_when_old(database: Database) -> None:
    access = Access(hasher=CHEAP, session_hours=12, idle_minutes=30)
    user_id = person(access, database, UserRole.AUDITOR)
    with clock.freeze(NOON) as advance, database.write() as uow:
        secret = access.sessions.open(uow, user_id, browser="Firefox on Linux", proven_by="password")
        for _ in range(20):
            advance(timedelta(minutes=25))
            assert access.principal(uow, secret).user_id == user_id
            access.sessions.note_use(uow, secret)
        advance(timedelta(minutes=32))
        with pytest.raises(Unauthenticated):
            access.principal(uow, secret)
        assert access.sessions.of(uow, user_id) == ()
        again = access.sessions.open(uow, user_id)
        for _ in range(40):
            advance(timedelta(minutes=19))
            access.sessions.note_use(uow, again)
        with pytest.raises(Unauthenticated):  # after twelve hours, however busy
            access.principal(uow, again)


def test_a_use_is_written_down_once_a_minute() -> None:
    sessions = Sessions()
    with clock.freeze(NOON) as advance:
        assert [sessions.use_is_news("a"), sessions.use_is_news("a"), sessions.use_is_news("b")] == [True, False, True]
        advance(timedelta(seconds=61))
        assert sessions.use_is_news("a")


def test_all_other_sessions_end_and_this_one_stays(database: Database) -> None:
    access = Access(hasher=CHEAP)
    user_id = person(access, database, UserRole.AUDITOR)
    with database.write() as uow:
        mine, *others = (access.sessions.open(uow, user_id) for _ in range(3))
        assert access.sessions.end_all(uow, user_id, but=mine) == 2
        assert access.sessions.user(uow, mine) == user_id
        assert [access.sessions.user(uow, each) for each in others] == [None, None]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1", "Safari on iOS"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", ""), ("", ""), ("<script>" * 400, ""),
    ],
)  # fmt: skip
def test_browsers_are_told_in_three_words(agent: str, name: str) -> None:
    assert browser_of(agent) == name


def test_somebody_without_a_password_comes_in_by_none(database: Database) -> None:
    access = Access(hasher=CHEAP)
    with database.write() as uow:
        access.people.add(uow, login="ann", name="Ann", role=UserRole.AUDITOR, password=None)
        for password in ("", "!", "a long enough secret"):
            with pytest.raises(Unauthenticated):
                access.log_in(uow, "ann", password)


def test_a_last_administrator_cannot_be_lost(database: Database) -> None:
    access = Access(hasher=CHEAP)
    first = person(access, database, UserRole.ADMINISTRATOR)
    with database.write() as uow:
        for attempt in (
            lambda: access.people.set_active(uow, first, active=False),
            lambda: access.people.change(uow, first, role=UserRole.AUDITOR),
        ):
            with pytest.raises(Conflict):
                attempt()
    person(access, database, UserRole.ADMINISTRATOR, "ben")
    with database.write() as uow:
        access.people.change(uow, first, role=UserRole.AUDITOR)


def test_a_leave_to_unmask_is_one_persons_for_one_conversation_and_ends(database: Database) -> None:
    with clock.freeze(NOON) as advance, database.write() as uow:
        for reason in ("", "because", " " * 40):
            with pytest.raises(InvalidInput):
                reveals.grant(uow, "c1", "ann", reason, timedelta(minutes=15))
        made = reveals.grant(uow, "c1", "ann", "a dispute,  case 4711", timedelta(minutes=15))
        assert made.reason == "a dispute, case 4711"
        assert reveals.require(uow, "c1", "ann") == made
        for conversation, who in (("c2", "ann"), ("c1", "ben")):
            with pytest.raises(Forbidden):
                reveals.require(uow, conversation, who)
        advance(timedelta(minutes=15))
        with pytest.raises(Forbidden):
            reveals.require(uow, "c1", "ann")
        reveals.grant(uow, "c1", "ann", "a dispute, case 4711", timedelta(minutes=15))
        assert reveals.end(uow, "c1", "ann")
        assert reveals.current(uow, "c1", "ann") is None


def test_groups_are_read_in_their_order() -> None:
    groups = Groups(
        {"qa": {"role": "evaluator", "queues": ["b"]}, "boss": {"role": "supervisor", "team": "T", "teams": ["T"]}}
    )
    given = groups.given(["boss", "qa", "else"])
    assert given is not None
    assert (given.role, given.team, given.teams, given.queues) == (UserRole.EVALUATOR, "T", ("T",), ("b",))
    assert groups.given(["else"]) is None
    assert groups.given([]) is None


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"role": "king"}, {"role": "agent", "rights": []}, {"role": "agent", "teams": "T"},
        {"role": "agent", "queues": [1]}, {"role": "agent", "everything": "yes"}, {"role": "agent", "team": 7},
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_refused_at_the_start(rule: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="CANDOR_GROUPS"):
        Groups({"g": rule})


def test_unknown_people_and_teams_are_not_there(database: Database) -> None:
    access = Access(hasher=CHEAP)
    with database.write() as uow:
        for attempt in (
            lambda: access.people.get(uow, "nobody"),
            lambda: access.people.by_login(uow, "nobody"),
            lambda: access.people.remove_team(uow, "none"),
            lambda: access.sessions.end(uow, "nobody", "0" * 16),
        ):
            with pytest.raises(NotFound):
                attempt()


def test_who_may_unmask_is_few() -> None:
    may = {role for role, rights in RIGHTS.items() if Right.CONVERSATION_REVEAL in rights}
    assert may == {UserRole.COMPLIANCE, UserRole.ADMINISTRATOR}
    assert {role for role, rights in RIGHTS.items() if Right.USER_PROVISION in rights} == {UserRole.ADMINISTRATOR}
