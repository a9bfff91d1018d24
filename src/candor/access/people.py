"""People and teams, as administrators and identity providers keep them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from candor.access import passwords, store
from candor.access.model import Breadth, OwnCalls, Reach, UserRole
from candor.access.passwords import NO_PASSWORD, Passwords
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """A person as administrators see them."""

    id: str
    login: str
    name: str
    role: UserRole
    team: str | None
    agent_id: str | None
    active: bool
    email: str | None = None
    reach: Reach = field(default_factory=Reach)
    source: str | None = None
    """``scim`` or ``sso`` when an identity provider keeps this person."""
    has_password: bool = True
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamInfo:
    """A team and how many active people belong to it."""

    name: str
    note: str
    entered: bool
    """False: known only because somebody's page names it."""
    people: int
    seen_by: int
    """How many active people are given the team to see, by their role or by name."""


class People:
    """Adds and changes people and teams; what a change ends (log-ins, tokens), it ends in the same unit of work."""

    def __init__(self, keeper: Passwords, own: OwnCalls = OwnCalls.ALL) -> None:
        self._passwords, self._own = keeper, own

    def add(
        self, uow: UnitOfWork, *, login: str, name: str, role: UserRole, password: str | None, team: str | None = None,
        agent_id: str | None = None, email: str | None = None, external_id: str | None = None,
        source: str | None = None, active: bool = True,
    ) -> str:  # fmt: skip
        """A new person; returns the id. Without a password they come by the identity provider or a passkey alone.

        Raises Conflict for a log-in name that is taken, InvalidInput for one with spaces and for a weak password.
        """
        login = login.strip()
        if not login or len(login) > 120 or any(mark.isspace() for mark in login):
            raise InvalidInput("A log-in name has no spaces and is not empty.", code="access.login")
        if password is not None:
            passwords.check(password, login)
        if store.user_by_login(uow, login) is not None:
            raise Conflict("Somebody has this log-in name already.", code="access.taken")
        user_id, now = new_id(), clock.to_column(clock.now())
        store.add_user(
            uow, id=user_id, login=login, name=name.strip()[:200], role=role, team=_named(team),
            agent_id=_named(agent_id), active=active, failures=0, email=_named(email), external_id=external_id,
            source=source, password_hash=NO_PASSWORD if password is None else self._passwords.hash(password),
            created_at=now, changed_at=now,
        )  # fmt: skip
        return user_id

    def change(self, uow: UnitOfWork, user_id: str, **values: Any) -> None:
        """Change ``login``, ``name``, ``role``, ``team``, ``agent_id``, ``email``, ``external_id``, ``source``.

        Raises NotFound; Conflict for a log-in name that is taken, or when no active administrator would be left.
        """
        row = self.row(uow, user_id)
        for name in ("team", "agent_id", "email"):
            if name in values:
                values[name] = _named(values[name])
        login = values.get("login", row.login).strip()
        if login.lower() != row.login.lower() and store.user_by_login(uow, login) is not None:
            raise Conflict("Somebody has this log-in name already.", code="access.taken")
        if values.get("role", row.role) != row.role:
            values["role"] = UserRole(values["role"]).value
            _keep_an_administrator(uow, row)
        store.set_user(uow, user_id, **values, changed_at=clock.to_column(clock.now()))

    def set_reach(
        self, uow: UnitOfWork, user_id: str, breadth: Breadth, teams: Iterable[str] = (), queues: Iterable[str] = ()
    ) -> None:
        """Say which conversations a person sees; raises NotFound, InvalidInput for more than their own to an agent."""
        row = self.row(uow, user_id)
        if UserRole(row.role) is UserRole.AGENT and breadth is not Breadth.ROLE:
            raise InvalidInput(
                "Agents see their own conversations and no others.",
                code="access.reach",
                advice="Give the person another role first.",
            )
        listed = breadth is Breadth.LISTED
        store.set_reach(uow, user_id, _names(teams) if listed else (), _names(queues) if listed else ())
        store.set_user(
            uow, user_id, breadth=None if breadth is Breadth.ROLE else breadth.value,
            changed_at=clock.to_column(clock.now()),
        )  # fmt: skip

    def set_password(self, uow: UnitOfWork, user_id: str, password: str) -> None:
        """Give a new password; every log-in session of the person ends. Raises InvalidInput for a weak one."""
        row = self.row(uow, user_id)
        passwords.check(password, row.login)
        store.set_user(uow, user_id, password_hash=self._passwords.hash(password), failures=0, locked_until=None)
        store.drop_sessions_of(uow, user_id)

    def drop_password(self, uow: UnitOfWork, user_id: str) -> None:
        """Take the password away: they come by the identity provider or a passkey alone; their log-ins end."""
        self.row(uow, user_id)
        store.set_user(uow, user_id, password_hash=NO_PASSWORD, failures=0, locked_until=None)
        store.drop_sessions_of(uow, user_id)

    def set_active(self, uow: UnitOfWork, user_id: str, *, active: bool) -> None:
        """Let a person in, or out at once: log-ins and tokens end for good, nothing else of theirs is deleted.

        Raises NotFound; Conflict when no active administrator would be left.
        """
        row = self.row(uow, user_id)
        if not active:
            if row.active:
                _keep_an_administrator(uow, row)
            store.drop_sessions_of(uow, user_id)
            store.drop_tokens_of(uow, user_id)
        store.set_user(uow, user_id, active=active, changed_at=clock.to_column(clock.now()))

    def unlock(self, uow: UnitOfWork, user_id: str) -> None:
        """End the wait after too many failures."""
        self.row(uow, user_id)
        store.set_user(uow, user_id, failures=0, locked_until=None)

    def all(self, uow: UnitOfWork) -> tuple[UserInfo, ...]:
        """Everybody, by log-in name."""
        reaches = store.all_reaches(uow)
        return tuple(self._info(row, reaches.get(row.id, {})) for row in store.all_users(uow))

    def get(self, uow: UnitOfWork, user_id: str) -> UserInfo:
        """One person; raises NotFound."""
        return self._info(self.row(uow, user_id), store.reach_of(uow, user_id))

    def by_login(self, uow: UnitOfWork, login: str) -> UserInfo:
        """One person by log-in name in any case; raises NotFound."""
        row = store.user_by_login(uow, login)
        if row is None:
            raise NotFound("There is no person with this log-in name.", code="access.user")
        return self.get(uow, row.id)

    def reach(self, uow: UnitOfWork, row: Any) -> Reach:
        """What the row of a person lets them see."""
        return self._reach(row, store.reach_of(uow, row.id) if row.breadth == Breadth.LISTED else {})

    def row(self, uow: UnitOfWork, user_id: str) -> Any:
        """The row of a person; raises NotFound."""
        row = store.user_by_id(uow, user_id)
        if row is None:
            raise NotFound("There is no such person.", code="access.user")
        return row

    def teams(self, uow: UnitOfWork, known: Iterable[str] = ()) -> tuple[TeamInfo, ...]:
        """Every team that was entered, that people belong to or are given, or that is among ``known``."""
        entered = {row.name: row.note for row in store.teams(uow)}
        people = [one for one in self.all(uow) if one.active]
        names = {*entered, *known}
        for one in people:
            names |= {one.team} if one.team else set()
            names |= set(one.reach.teams)
        return tuple(
            TeamInfo(
                name=name, note=entered.get(name, ""), entered=name in entered,
                people=sum(one.team == name for one in people), seen_by=sum(_given(one, name) for one in people),
            )
            for name in sorted(names, key=str.casefold)
        )  # fmt: skip

    def add_team(self, uow: UnitOfWork, name: str, note: str = "") -> None:
        """A new team, named as the phone system names it; raises InvalidInput, Conflict."""
        name = name.strip()
        if not name or len(name) > 120:
            raise InvalidInput("A team needs a name of at most 120 characters.", code="access.team")
        if any(row.name == name for row in store.teams(uow)):
            raise Conflict("There is a team of this name already.", code="access.team")
        store.add_team(uow, name, note.strip()[:300], clock.now())

    def remove_team(self, uow: UnitOfWork, name: str) -> None:
        """Forget a team; raises Conflict while people belong to it or are given it, NotFound."""
        if any(one.team == name or name in one.reach.teams for one in self.all(uow)):
            raise Conflict(
                "People belong to this team or are given it.", code="access.team", advice="Change them first."
            )
        if not store.drop_team(uow, name):
            raise NotFound("There is no such team.", code="access.team")

    def _info(self, row: Any, listed: dict[str, tuple[str, ...]]) -> UserInfo:
        locked = row.locked_until and clock.from_column(row.locked_until)
        return UserInfo(
            id=row.id, login=row.login, name=row.name, role=UserRole(row.role), team=row.team, agent_id=row.agent_id,
            active=row.active, email=row.email, reach=self._reach(row, listed), source=row.source,
            has_password=row.password_hash != NO_PASSWORD,
            locked_until=locked if locked and locked > clock.now() else None,
        )  # fmt: skip

    def _reach(self, row: Any, listed: dict[str, tuple[str, ...]]) -> Reach:
        return Reach(
            breadth=Breadth(row.breadth or Breadth.ROLE), teams=listed.get("team", ()), queues=listed.get("queue", ()),
            own=self._own,
        )  # fmt: skip


def _keep_an_administrator(uow: UnitOfWork, row: Any) -> None:
    if row.role == UserRole.ADMINISTRATOR and row.active and store.active_of_role(uow, UserRole.ADMINISTRATOR) < 2:
        raise Conflict(
            "Nobody would be left who may manage people.",
            code="access.last_administrator",
            advice="Make somebody else an administrator first.",
        )


def _given(one: UserInfo, team: str) -> bool:
    by_role = one.role is UserRole.SUPERVISOR and one.reach.breadth is Breadth.ROLE and one.team == team
    return by_role or team in one.reach.teams


def _named(text: str | None) -> str | None:
    return (text or "").strip() or None


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip()[:255] for name in given if name.strip()))
