"""The verbs of access: log in and out, tell who is asking, make and revoke tokens.

Secrets (session cookies, API tokens) are 256-bit random; only their SHA-256 is stored, so that a stolen database opens
nothing. A wrong log-in name costs the same time as a wrong password, and both give the same sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher

from candor.access import steps, store, tokens
from candor.access.factors.service import Factors
from candor.access.model import RIGHTS, OwnCalls, Principal, Right, UserRole
from candor.access.passwords import SHORTEST as SHORTEST_PASSWORD
from candor.access.passwords import Passwords
from candor.access.people import People, UserInfo
from candor.access.ports import Cipher
from candor.access.sessions import Sessions, news
from candor.access.steps import Step, StepKind
from candor.access.tokens import TokenInfo
from candor.errors import Forbidden, Unauthenticated, Unavailable
from candor.kit import clock
from candor.kit.database import UnitOfWork

_FAILURES_BEFORE_LOCK = 8
_LOCK = timedelta(minutes=10)
_FRESH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInProof:
    """The outcome of checking a password: whose, and whether it was right."""

    user_id: str | None
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How far a log-in came: a session, or a step that is still to be taken."""

    user_id: str
    session: str | None = None
    """The secret of the new log-in session."""
    step: str | None = None
    """The secret of the step that comes next."""
    kind: StepKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a log-in did not go on, for the log alone: the person is told the same in every case."""

    user_id: str | None
    why: str
    """``password``, ``code``, ``locked``, ``lock`` (this failure locked the account), ``inactive``, ``unknown``."""


class Refused(Unauthenticated):
    """A log-in that did not go on."""

    def __init__(self, refusal: Refusal, message: str, advice: str) -> None:
        super().__init__(message, code="access.refused", advice=advice)
        self.refusal = refusal


class Access:
    """Who may."""

    def __init__(
        self, *, session_hours: float = 12.0, idle_minutes: float | None = None, hasher: PasswordHasher | None = None,
        own_calls: OwnCalls = OwnCalls.ALL, factors: Factors | None = None, passwords_taken: bool = True,
    ) -> None:  # fmt: skip
        self.passwords = Passwords(hasher)
        self.people = People(self.passwords, own_calls)
        self.sessions = Sessions(hours=session_hours, idle_minutes=idle_minutes)
        self.factors = factors or Factors(_no_cipher)
        self.passwords_taken = passwords_taken
        """Whether people may log in by name and password."""
        self._noted: dict[str, datetime] = {}

    def add_user(
        self, uow: UnitOfWork, *, login: str, name: str, role: UserRole, password: str,
        team: str | None = None, agent_id: str | None = None,
    ) -> str:  # fmt: skip
        """A new person with a password; see :meth:`candor.access.people.People.add`."""
        return self.people.add(uow, login=login, name=name, role=role, password=password, team=team, agent_id=agent_id)

    def set_password(self, uow: UnitOfWork, login: str, password: str) -> None:
        """Give a new password, by log-in name; every log-in session of the person ends."""
        self.people.set_password(uow, self.people.by_login(uow, login).id, password)

    def set_active(self, uow: UnitOfWork, login: str, *, active: bool) -> None:
        """Let a person in, or out at once, by log-in name."""
        self.people.set_active(uow, self.people.by_login(uow, login).id, active=active)

    def users(self, uow: UnitOfWork) -> tuple[UserInfo, ...]:
        """Everybody."""
        return self.people.all(uow)

    def prove(self, uow: UnitOfWork, login: str, password: str) -> LogInProof:
        """Check a password (150 ms of argon2id: do it outside the write lock); never raises for a wrong one."""
        row = store.user_by_login(uow, login)
        right = self.passwords.fits(None if row is None else row.password_hash, password)
        return LogInProof(user_id=None if row is None else row.id, right=right)

    def log_in_with(self, uow: UnitOfWork, proof: LogInProof, *, browser: str = "") -> Entry:
        """Go on after a password: into a session, or to a second factor.

        Raises :class:`Refused`, the same for a wrong name, a wrong password and an account that waits; the caller
        commits also then, so that failures are counted.
        """
        row = self._admitted(uow, proof.user_id)
        if not proof.right:
            raise self._failed(uow, row, "password")
        if self.factors.of(uow, row.id).any:
            return self._step(uow, row.id, StepKind.FACTOR)
        if UserRole(row.role) in self.factors.required_for:
            # Who knows the password as well must not have seen the secret that its owner is about to confirm.
            steps.drop_of(uow, row.id)
            self.factors.apps.forget_begun(uow, row.id)
            return self._step(uow, row.id, StepKind.ENROL)
        return self.enter(uow, row.id, browser=browser, proven_by="password")

    def prove_oneself(self, uow: UnitOfWork, user_id: str, proof: LogInProof) -> None:
        """The present password, from who is logged in already; failures count as those of a log-in do.

        Raises Refused; the caller commits also then.
        """
        row = self._admitted(uow, user_id)
        if not proof.right or proof.user_id != user_id:
            raise self._failed(uow, row, "password")

    def show_code(self, uow: UnitOfWork, step: str | None, code: str, *, browser: str = "") -> tuple[Entry, str]:
        """Finish a log-in with a code of the app or a recovery code; returns the session, and which it was.

        Raises Refused (failures are counted as those of passwords are), Unauthenticated when the step is over.
        """
        found = steps.look(uow, step, StepKind.FACTOR)
        row = self._admitted(uow, found.user_id)
        kind = self.factors.shows(uow, row.id, code)
        if kind is None:
            raise self._failed(uow, row, "code")
        steps.take(uow, step, StepKind.FACTOR)
        return self.enter(uow, row.id, browser=browser, proven_by=f"password+{kind}"), kind

    def enrol(
        self, uow: UnitOfWork, step: str | None, code: str, *, browser: str = ""
    ) -> tuple[Entry, tuple[str, ...]]:
        """Finish a log-in by setting an authenticator app up; returns the session and the recovery codes.

        Raises InvalidInput for a code that does not fit, Refused, Unauthenticated when the step is over.
        """
        found = steps.look(uow, step, StepKind.ENROL)
        row = self._admitted(uow, found.user_id)
        made = self.factors.confirm_app(uow, row.id, code)
        steps.take(uow, step, StepKind.ENROL)
        return self.enter(uow, row.id, browser=browser, proven_by="password+code"), made

    def enter(self, uow: UnitOfWork, user_id: str, *, browser: str = "", proven_by: str = "") -> Entry:
        """A session for a person whose identity was proven in full; raises Refused for one who may not come in."""
        row = self._admitted(uow, user_id)
        store.set_user(uow, row.id, failures=0, locked_until=None)
        session = self.sessions.open(uow, row.id, browser=browser, proven_by=proven_by)
        return Entry(user_id=row.id, session=session)

    def log_in(self, uow: UnitOfWork, login: str, password: str) -> str:
        """Both halves at once, for tests and commands; raises Forbidden where a second factor is needed."""
        entry = self.log_in_with(uow, self.prove(uow, login, password))
        if entry.session is None:
            raise Forbidden("A second factor is needed.", code="access.factor")
        return entry.session

    def open_session(self, uow: UnitOfWork, user_id: str) -> str:
        """A log-in session for a person whose identity was proven; returns its secret."""
        return self.sessions.open(uow, user_id)

    def log_out(self, uow: UnitOfWork, secret: str) -> None:
        """End a session; no error when it has ended already."""
        self.sessions.log_out(uow, secret)

    def principal(self, uow: UnitOfWork, secret: str) -> Principal:
        """Who a session's secret stands for; raises Unauthenticated."""
        user_id = self.sessions.user(uow, secret)
        row = store.user_by_id(uow, user_id) if user_id else None
        if row is None or not row.active:
            raise Unauthenticated("Your log-in has ended.", advice="Please log in again.")
        return self._principal(uow, row, RIGHTS[UserRole(row.role)])

    def require_fresh(self, uow: UnitOfWork, user_id: str, secret: str) -> None:
        """Raise Forbidden unless this session was opened within the last quarter of an hour.

        Whoever finds an unlocked screen must not add a key of their own, or take the owner's away.
        """
        own = next((each for each in self.sessions.of(uow, user_id, secret) if each.current), None)
        if own is None or clock.now() - own.created_at > _FRESH:
            raise Forbidden(
                "Changing how you log in needs a log-in of the last 15 minutes.", code="access.stale",
                advice="Log out, log in again, and repeat the step.",
            )  # fmt: skip

    def principal_by_login(self, uow: UnitOfWork, login: str) -> Principal:
        """The person of that name, for commands on the machine itself; raises NotFound."""
        row = self.people.row(uow, self.people.by_login(uow, login).id)
        return self._principal(uow, row, RIGHTS[UserRole(row.role)])

    def create_token(
        self, uow: UnitOfWork, principal: Principal, name: str, scopes: Iterable[Right | str],
        expires_at: datetime | None = None,
    ) -> tuple[str, TokenInfo]:  # fmt: skip
        """A token for programs: (secret, what it is); see :func:`candor.access.tokens.create`."""
        return tokens.create(uow, principal, name, scopes, expires_at)

    def tokens(self, uow: UnitOfWork, user_id: str) -> tuple[TokenInfo, ...]:
        """A person's tokens."""
        return tokens.of(uow, user_id)

    def revoke_token(self, uow: UnitOfWork, user_id: str, token_id: str) -> None:
        """End a token of that person; raises NotFound."""
        tokens.revoke(uow, user_id, token_id)

    def principal_for_token(self, uow: UnitOfWork, secret: str) -> Principal:
        """Who a token stands for, with rights narrowed to its scopes; raises Unauthenticated."""
        row = tokens.row_of(uow, secret)
        person = store.user_by_id(uow, row.user_id)
        if person is None or not person.active:
            raise tokens.not_valid()
        rights = RIGHTS[UserRole(person.role)] & {Right(scope) for scope in row.scopes}
        return self._principal(uow, person, rights, token_id=row.id)

    def token_use_is_news(self, token_id: str) -> bool:
        """Whether a use is worth a write: once a minute and process, so that polling programs cost none."""
        return news(self._noted, token_id)

    def note_token_use(self, uow: UnitOfWork, token_id: str) -> None:
        """Remember that a token was used."""
        store.touch_token(uow, token_id, clock.now())

    def _principal(self, uow: UnitOfWork, row: Any, rights: frozenset[Right], token_id: str | None = None) -> Principal:
        return Principal(
            user_id=row.id, login=row.login, name=row.name, role=UserRole(row.role), rights=rights, team=row.team,
            agent_id=row.agent_id, token_id=token_id, reach=self.people.reach(uow, row),
        )  # fmt: skip

    def _admitted(self, uow: UnitOfWork, user_id: str | None) -> Any:
        """The row of somebody who may log in just now; raises Refused."""
        row = store.user_by_id(uow, user_id) if user_id else None
        if row is None:
            raise _refused(Refusal(user_id=None, why="unknown"))
        if not row.active:
            raise _refused(Refusal(user_id=row.id, why="inactive"))
        if row.locked_until is not None and row.locked_until > clock.to_column(clock.now()):
            raise _refused(Refusal(user_id=row.id, why="locked"))
        return row

    def _failed(self, uow: UnitOfWork, row: Any, what: str) -> Refused:
        """Count a failure. Only a log-in that is finished sets the count back: a known password gains no more codes."""
        failures = row.failures + 1
        locked = failures >= _FAILURES_BEFORE_LOCK
        until = clock.to_column(clock.now() + _LOCK) if locked else None
        store.set_user(uow, row.id, failures=0 if locked else failures, locked_until=until)
        if locked:
            steps.drop_of(uow, row.id)
        refusal = Refusal(user_id=row.id, why="lock" if locked else what)
        return _refused(refusal, _CODE if what == "code" else _PASSWORD)

    def _step(self, uow: UnitOfWork, user_id: str, kind: StepKind) -> Entry:
        secret = steps.begin(uow, Step(kind=kind, user_id=user_id))
        return Entry(user_id=user_id, step=secret, kind=kind)


_PASSWORD = "Log-in name and password do not fit."  # noqa: S105  a sentence
_CODE = "The code does not fit."


def _refused(refusal: Refusal, message: str = _PASSWORD) -> Refused:
    return Refused(refusal, message, "After several failures the account waits ten minutes.")


def _no_cipher(uow: UnitOfWork, create: bool) -> Cipher:
    del uow, create
    raise Unavailable("Authenticator apps cannot be used here: nothing seals their secrets.", code="factor.unsealed")


__all__ = ["SHORTEST_PASSWORD", "Access", "Entry", "LogInProof", "Refusal", "Refused", "TokenInfo", "UserInfo"]
