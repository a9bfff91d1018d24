"""Recovery codes: ten, of 80 random bits each, for the day the phone is lost; each works once."""

from __future__ import annotations

import base64
import hashlib
import secrets

from candor.access.factors import store
from candor.kit.database import UnitOfWork

HOW_MANY = 10


def renew(uow: UnitOfWork, user_id: str) -> tuple[str, ...]:
    """New ones in place of all earlier ones; they are shown this once."""
    made = tuple(base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(HOW_MANY))
    store.put_codes(uow, user_id, [_digest(user_id, each) for each in made])
    return tuple("-".join(each[start : start + 4] for start in range(0, 16, 4)) for each in made)


def accepts(uow: UnitOfWork, user_id: str, code: str) -> bool:
    """Whether it is one of theirs; it is used up then."""
    plain = "".join(mark for mark in code.lower() if mark.isalnum())
    return len(plain) == 16 and store.use_code(uow, user_id, _digest(user_id, plain))


def left(uow: UnitOfWork, user_id: str) -> int:
    """How many are unused."""
    return store.codes_left(uow, user_id)


def _digest(user_id: str, plain: str) -> str:
    return hashlib.sha256(f"candor recovery 1\0{user_id}\0{plain}".encode()).hexdigest()
