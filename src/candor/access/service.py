"""The verbs of access: log in and out, tell who is asking, make and revoke tokens, add people.

Secrets (session cookies, API tokens) are 256-bit random; only their SHA-256 is stored, so that a stolen database opens
nothing. A wrong log-in name costs the same time as a wrong password, and both give the same sentence.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from candor.access import store
from candor.access.model import RIGHTS, Principal, Right, UserRole
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id

SHORTEST_PASSWORD = 12
_FAILURES_BEFORE_LOCK = 8
_LOCK = timedelta(minutes=10)
_TOKEN_PREFIX = "candor_"  # noqa: S105  it lets secret scanners recognise a leaked token
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What can be told of a token; its secret is shown once, when it is made."""

    id: str
    name: str
    scopes: tuple[Right, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInProof:
    """The outcome of checking a password: whose, and whether it was right."""

    user_id: str | None
    right: bool


class Access:
    """Who may."""

    def __init__(self, *, session_hours: float = 12.0, hasher: PasswordHasher | None = None) -> None:
        self._session = timedelta(hours=session_hours)
        self._hasher = hasher or PasswordHasher()  # RFC 9106, second recommended option
        self._decoy = self._hasher.hash(secrets.token_hex())
        self._noted: dict[str, datetime] = {}

    def add_user(
        self, uow: UnitOfWork, *, login: str, name: str, role: UserRole, password: str,
        team: str | None = None, agent_id: str | None = None,
    ) -> str:  # fmt: skip
        """A new person; returns the id. Raises Conflict for a log-in that is taken, InvalidInput for a weak one."""
        self._check_password(password, login)
        if not login.strip() or any(mark.isspace() for mark in login):
            raise InvalidInput("A log-in name has no spaces and is not empty.", code="access.login")
        if store.user_by_login(uow, login) is not None:
            raise Conflict("Somebody has this log-in name already.", code="access.taken")
        user_id = new_id()
        store.add_user(
            uow, id=user_id, login=login, name=name, role=role, team=team, agent_id=agent_id, active=True, failures=0,
            password_hash=self._hasher.hash(password), created_at=clock.to_column(clock.now()),
        )  # fmt: skip
        return user_id

    def set_password(self, uow: UnitOfWork, login: str, password: str) -> None:
        """Give a new password; every log-in session of the person ends."""
        row = self._known(uow, login)
        self._check_password(password, login)
        store.set_user(uow, row.id, password_hash=self._hasher.hash(password), failures=0, locked_until=None)
        store.drop_sessions_of(uow, row.id)

    def set_active(self, uow: UnitOfWork, login: str, *, active: bool) -> None:
        """Let a person in, or out at once; nothing of theirs is deleted."""
        row = self._known(uow, login)
        store.set_user(uow, row.id, active=active)
        if not active:
            store.drop_sessions_of(uow, row.id)

    def users(self, uow: UnitOfWork) -> tuple[UserInfo, ...]:
        """Everybody."""
        return tuple(
            UserInfo(
                id=row.id, login=row.login, name=row.name, role=UserRole(row.role), team=row.team,
                agent_id=row.agent_id, active=row.active,
            )
            for row in store.all_users(uow)
        )  # fmt: skip

    def prove(self, uow: UnitOfWork, login: str, password: str) -> LogInProof:
        """Check a password (150 ms of argon2id: do it outside the write lock); never raises for a wrong one."""
        row = store.user_by_login(uow, login)
        try:
            self._hasher.verify(row.password_hash if row is not None else self._decoy, password)
        except (VerifyMismatchError, InvalidHashError):
            return LogInProof(user_id=None if row is None else row.id, right=False)
        return LogInProof(user_id=None if row is None else row.id, right=row is not None)

    def log_in_with(self, uow: UnitOfWork, proof: LogInProof) -> str:
        """A new session's secret, for the cookie.

        Raises Unauthenticated, the same for a wrong name, a wrong password and an account that waits; the caller
        commits also then, so that failures are counted.
        """
        row = store.user_by_id(uow, proof.user_id) if proof.user_id else None
        now = clock.now()
        if row is None or not row.active or (row.locked_until is not None and row.locked_until > clock.to_column(now)):
            raise _refused()
        if not proof.right:
            failures = row.failures + 1
            locked = clock.to_column(now + _LOCK) if failures >= _FAILURES_BEFORE_LOCK else None
            store.set_user(uow, row.id, failures=0 if locked else failures, locked_until=locked)
            raise _refused()
        store.set_user(uow, row.id, failures=0, locked_until=None)
        return self.open_session(uow, row.id)

    def log_in(self, uow: UnitOfWork, login: str, password: str) -> str:
        """Both halves at once, for commands and tests."""
        return self.log_in_with(uow, self.prove(uow, login, password))

    def open_session(self, uow: UnitOfWork, user_id: str) -> str:
        """A log-in session for a person whose identity was proven; returns its secret."""
        secret, now = secrets.token_urlsafe(32), clock.now()
        store.add_session(uow, _digest(secret), user_id, now, now + self._session)
        return secret

    def log_out(self, uow: UnitOfWork, secret: str) -> None:
        """End a session; no error when it has ended already."""
        store.drop_session(uow, _digest(secret))

    def principal(self, uow: UnitOfWork, secret: str) -> Principal:
        """Who a session's secret stands for; raises Unauthenticated."""
        user_id = store.session_user(uow, _digest(secret), clock.now())
        row = store.user_by_id(uow, user_id) if user_id else None
        if row is None or not row.active:
            raise Unauthenticated("Your log-in has ended.", advice="Please log in again.")
        return _principal(row, RIGHTS[UserRole(row.role)])

    def principal_by_login(self, uow: UnitOfWork, login: str) -> Principal:
        """The person of that name, for commands on the machine itself; raises NotFound."""
        row = self._known(uow, login)
        return _principal(row, RIGHTS[UserRole(row.role)])

    def create_token(
        self, uow: UnitOfWork, principal: Principal, name: str, scopes: Iterable[Right | str],
        expires_at: datetime | None = None,
    ) -> tuple[str, TokenInfo]:  # fmt: skip
        """A token for programs: (secret, what it is). Raises Forbidden for a scope beyond the person's own rights."""
        try:
            wanted = tuple(sorted({Right(scope) for scope in scopes}))
        except ValueError:
            raise InvalidInput(
                "A scope is not known.", code="access.scope", advice=f"Known are: {', '.join(sorted(Right))}."
            ) from None
        if not wanted:
            raise InvalidInput("A token needs at least one scope.", code="access.scope")
        if not set(wanted) <= principal.rights:
            raise Forbidden("A token cannot do more than the person it belongs to.", code="access.scope")
        if expires_at is not None and clock.require_aware(expires_at) <= clock.now():
            raise InvalidInput("The token would have expired already.", code="access.expiry")
        secret, token_id, now = _TOKEN_PREFIX + secrets.token_urlsafe(32), new_id(), clock.now()
        store.add_token(
            uow, id=token_id, digest=_digest(secret), user_id=principal.user_id, name=name[:120], scopes=list(wanted),
            created_at=clock.to_column(now), expires_at=expires_at and clock.to_column(expires_at),
        )  # fmt: skip
        return secret, TokenInfo(
            id=token_id, name=name, scopes=wanted, created_at=now, expires_at=expires_at, last_used_at=None
        )

    def tokens(self, uow: UnitOfWork, user_id: str) -> tuple[TokenInfo, ...]:
        """A person's tokens."""
        return tuple(_token_info(row) for row in store.tokens_of(uow, user_id))

    def revoke_token(self, uow: UnitOfWork, user_id: str, token_id: str) -> None:
        """End a token of that person; raises NotFound."""
        if not store.drop_token(uow, user_id, token_id):
            raise NotFound("There is no such token.", code="access.token")

    def principal_for_token(self, uow: UnitOfWork, secret: str) -> Principal:
        """Who a token stands for, with rights narrowed to its scopes; raises Unauthenticated."""
        row = store.token_by_digest(uow, _digest(secret))
        now = clock.now()
        expires = row is not None and row.expires_at and clock.from_column(row.expires_at)
        if row is None or (expires and expires <= now):
            raise Unauthenticated("The token is not valid.", advice="Make a new one on the page of your tokens.")
        person = store.user_by_id(uow, row.user_id)
        if person is None or not person.active:
            raise Unauthenticated("The token is not valid.", advice="Make a new one on the page of your tokens.")
        rights = RIGHTS[UserRole(person.role)] & {Right(scope) for scope in row.scopes}
        return _principal(person, rights, token_id=row.id)

    def token_use_is_news(self, token_id: str) -> bool:
        """Whether a use is worth a write: once a minute and process, so that polling programs cost none."""
        now, last = clock.now(), self._noted.get(token_id)
        if last is not None and now - last < _TOUCH_EVERY:
            return False
        self._noted[token_id] = now
        return True

    def note_token_use(self, uow: UnitOfWork, token_id: str) -> None:
        """Remember that a token was used."""
        store.touch_token(uow, token_id, clock.now())

    def _known(self, uow: UnitOfWork, login: str) -> Any:
        row = store.user_by_login(uow, login)
        if row is None:
            raise NotFound("There is no person with this log-in name.", code="access.user")
        return row

    @staticmethod
    def _check_password(password: str, login: str) -> None:
        if len(password) < SHORTEST_PASSWORD or login.lower() in password.lower():
            raise InvalidInput(
                f"A password has at least {SHORTEST_PASSWORD} characters and does not contain the log-in name.",
                code="access.weak_password",
            )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "Log-in name and password do not fit.",
        code="access.refused",
        advice="After several failures the account waits ten minutes.",
    )


def _principal(row: Any, rights: frozenset[Right], token_id: str | None = None) -> Principal:
    return Principal(
        user_id=row.id, login=row.login, name=row.name, role=UserRole(row.role), rights=rights, team=row.team,
        agent_id=row.agent_id, token_id=token_id,
    )  # fmt: skip


def _token_info(row: Any) -> TokenInfo:
    return TokenInfo(
        id=row.id, name=row.name, scopes=tuple(Right(scope) for scope in row.scopes),
        created_at=clock.from_column(row.created_at),
        expires_at=row.expires_at and clock.from_column(row.expires_at),
        last_used_at=row.last_used_at and clock.from_column(row.last_used_at),
    )  # fmt: skip
