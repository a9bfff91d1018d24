"""Tokens for programs: made once, narrower than their person, with an end and a last use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from candor.access import store
from candor.access.model import Principal, Right
from candor.access.secrets import digest, new_secret
from candor.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id

_PREFIX = "candor_"  # it lets secret scanners recognise a leaked token


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What can be told of a token; its secret is shown once, when it is made."""

    id: str
    name: str
    scopes: tuple[Right, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def create(
    uow: UnitOfWork, principal: Principal, name: str, scopes: Iterable[Right | str], expires_at: datetime | None = None
) -> tuple[str, TokenInfo]:
    """(secret, what it is). Raises Forbidden for a scope beyond the person's own rights, InvalidInput."""
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
    secret, token_id, now = new_secret(_PREFIX), new_id(), clock.now()
    store.add_token(
        uow, id=token_id, digest=digest(secret), user_id=principal.user_id, name=name[:120], scopes=list(wanted),
        created_at=clock.to_column(now), expires_at=expires_at and clock.to_column(expires_at),
    )  # fmt: skip
    return secret, TokenInfo(
        id=token_id, name=name, scopes=wanted, created_at=now, expires_at=expires_at, last_used_at=None
    )


def of(uow: UnitOfWork, user_id: str) -> tuple[TokenInfo, ...]:
    """A person's, oldest first."""
    return tuple(_info(row) for row in store.tokens_of(uow, user_id))


def revoke(uow: UnitOfWork, user_id: str, token_id: str) -> None:
    """End a token of that person; raises NotFound."""
    if not store.drop_token(uow, user_id, token_id):
        raise NotFound("There is no such token.", code="access.token")


def row_of(uow: UnitOfWork, secret: str) -> Any:
    """The row of a token that has not expired; raises Unauthenticated."""
    row = store.token_by_digest(uow, digest(secret))
    if row is None or (row.expires_at and clock.from_column(row.expires_at) <= clock.now()):
        raise not_valid()
    return row


def not_valid() -> Unauthenticated:
    """The same for a token that never was, has expired, was revoked, or whose person may not log in."""
    return Unauthenticated("The token is not valid.", advice="Make a new one on the page of your account.")


def _info(row: Any) -> TokenInfo:
    return TokenInfo(
        id=row.id, name=row.name, scopes=tuple(Right(scope) for scope in row.scopes),
        created_at=clock.from_column(row.created_at),
        expires_at=row.expires_at and clock.from_column(row.expires_at),
        last_used_at=row.last_used_at and clock.from_column(row.last_used_at),
    )  # fmt: skip
