"""The blind index of people: who can be found, without saying who they are.

A number, an e-mail address, a name, an account is kept as the HMAC-SHA-256 of its normalised form under a secret of
this house, sealed by the vault. Whoever has the table and not the vault's key cannot try numbers out until one fits.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from candor.kit.database import UnitOfWork, metadata

subject_key = Table(
    "subject_key",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("how", String(8), nullable=False),
    Index("ix_subject_key_digest", "digest", "conversation_id"),
)

subject_noted = Table(
    "subject_noted",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
)
"""Conversations whose people are in the index: what is missing here is filled in, in batches."""

subject_secret = Table(
    "subject_secret",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)


class IdKind(StrEnum):
    """By what a person can be found."""

    NUMBER = "number"
    EMAIL = "email"
    NAME = "name"
    ACCOUNT = "account"


class How(StrEnum):
    """How a person comes into a conversation."""

    PARTY = "party"
    """They took part."""
    STAFF = "staff"
    """They took part for the company."""
    SAID = "said"
    """It was said in it: theirs, or somebody else's."""


class Cipher(Protocol):
    """Seals the secret (the vault)."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to the field's name."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was changed."""


CipherFor = Callable[[UnitOfWork, bool], Cipher]
"""True: make its key when there is none."""
_SECRET = 1


class People:
    """Digests of people and of contents, under this house's secret."""

    def __init__(self, cipher: CipherFor) -> None:
        self._cipher = cipher
        self._secret: bytes | None = None

    def ready(self, uow: UnitOfWork) -> bool:
        """Whether there is a secret: without one nothing was ever noted."""
        return self._secret is not None or uow.execute(sa.select(subject_secret.c.id).limit(1)).first() is not None

    def person(self, uow: UnitOfWork, kind: IdKind, value: str) -> str:
        """The digest of a person's number, address, name or account; ``uow`` writes when it may be the first."""
        return self._digest(uow, kind, normal(kind, value))

    def content(self, uow: UnitOfWork, sha512: str) -> str:
        """The digest of a recording's own digest."""
        return self._digest(uow, "content", sha512.casefold())

    def note(self, uow: UnitOfWork, conversation_id: str, found: Iterable[tuple[IdKind, str, How]]) -> None:
        """Say who is in a conversation; noting again adds."""
        rows = {self.person(uow, kind, value): (kind, how) for kind, value, how in found if normal(kind, value)}
        known = {row.digest for row in uow.execute(_of(conversation_id))}
        new = [
            {"conversation_id": conversation_id, "digest": digest, "kind": kind, "how": how}
            for digest, (kind, how) in rows.items()
            if digest not in known
        ]
        if new:
            uow.execute(subject_key.insert(), new)
        if uow.execute(_noted(conversation_id)).first() is None:
            uow.execute(subject_noted.insert().values(conversation_id=conversation_id))

    def _digest(self, uow: UnitOfWork, kind: str, value: str) -> str:
        return hmac.new(self._the_secret(uow), f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()

    def _the_secret(self, uow: UnitOfWork) -> bytes:
        if self._secret is None:
            sealed = uow.execute(sa.select(subject_secret.c.sealed).where(subject_secret.c.id == _SECRET)).scalar()
            if sealed is None:
                fresh = os.urandom(32)
                kept = self._cipher(uow, True).seal("secret", fresh)
                uow.execute(subject_secret.insert().values(id=_SECRET, sealed=kept))
                # Not remembered before it is committed: the unit of work may yet be rolled back.
                return fresh
            self._secret = self._cipher(uow, False).open("secret", sealed)
        return self._secret


def is_noted(uow: UnitOfWork, conversation_id: str) -> bool:
    """Whether the people of a conversation are in the index."""
    return uow.execute(_noted(conversation_id)).first() is not None


def conversations_of(uow: UnitOfWork, digests: Iterable[str]) -> dict[str, How]:
    """Where any of these occurs, and how: who took part comes before who was spoken of."""
    query = sa.select(subject_key.c.conversation_id, subject_key.c.how).where(subject_key.c.digest.in_(list(digests)))
    found: dict[str, How] = {}
    for conversation_id, how in uow.execute(query):
        if found.get(conversation_id) is not How.PARTY:
            found[conversation_id] = How(how)
    return found


def digests_in(uow: UnitOfWork, conversation_id: str) -> list[str]:
    """Of everybody who is known to be in a conversation."""
    return [row.digest for row in uow.execute(_of(conversation_id))]


def is_one_of(uow: UnitOfWork, conversation_id: str, digests: Iterable[str]) -> bool:
    """Whether any of these occurs in one conversation."""
    query = _of(conversation_id).where(subject_key.c.digest.in_(list(digests))).limit(1)
    return uow.execute(query).first() is not None


def normal(kind: IdKind, value: str) -> str:
    """The form in which two spellings of the same are the same.

    Numbers come in E.164 from whoever knows the region. Of names accents, case, order and titles' dots do not count.
    """
    text = unicodedata.normalize("NFKC", value).strip().casefold()
    if kind is IdKind.NUMBER:
        digits = "".join(mark for mark in text if mark.isdigit())
        return f"+{digits}" if text.startswith("+") else digits
    if kind is IdKind.EMAIL:
        return text.removeprefix("mailto:")
    if kind is IdKind.ACCOUNT:
        return "".join(mark for mark in text if mark.isalnum())
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    words = "".join(mark if mark.isalnum() else " " for mark in plain).split()
    return " ".join(sorted(words))


def hint_of(kind: IdKind, value: str) -> str:
    """What a page may show: the last four of a number or account, the domain of an address, initials of a name."""
    text = value.strip()
    if kind is IdKind.EMAIL:
        return f"…@{text.rpartition('@')[2]}" if "@" in text else "…"
    if kind is IdKind.NAME:
        return " ".join(f"{word[0]}." for word in text.split() if word)
    return f"…{text[-4:]}" if len(text) > 6 else "…"


def _of(conversation_id: str) -> sa.Select[tuple[str, str]]:
    return sa.select(subject_key.c.digest, subject_key.c.how).where(subject_key.c.conversation_id == conversation_id)


def _noted(conversation_id: str) -> sa.Select[tuple[str]]:
    return sa.select(subject_noted.c.conversation_id).where(subject_noted.c.conversation_id == conversation_id)
