"""Whether every master key works, and opens what was sealed under it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sqlalchemy import select

from candor.errors import CandorError, Damaged, WrongKey
from candor.kit.database import Database
from candor.vault.keys import register
from candor.vault.keys.register import KeyState
from candor.vault.keys.ring import RIGHT_KEY, KeyRing
from candor.vault.service import FIELDS, context_of
from candor.vault.store import data_key, sealed_object

_PROBE = b"candor.check.1"


@dataclass(frozen=True, slots=True)
class Checked:
    """One master key, tried."""

    state: KeyState
    fault: CandorError | None
    """Why it cannot be used; None when it can."""


def check(database: Database, ring: KeyRing) -> list[Checked]:
    """Wrap and unwrap with every configured key, and unwrap one data key of those that it holds."""
    with database.read() as uow:
        states = register.states(uow, ring)
    return [Checked(state, _fault(database, ring, state)) for state in states if state.configured or state.objects]


def _fault(database: Database, ring: KeyRing, state: KeyState) -> CandorError | None:
    try:
        if not state.configured:
            raise WrongKey(
                f"{state.objects} data keys are under the master key {state.key_id}, which is not configured.",
                advice=RIGHT_KEY,
            )
        key, probe = ring.of(state.key_id), os.urandom(32)
        if key.unwrap(key.wrap(probe, _PROBE), _PROBE) != probe:
            raise Damaged(f"The master key {state.key_id} does not give back what it sealed.", code="key.unfaithful")
        if state.objects:
            _open_one(database, ring, state.key_id)
    except CandorError as error:
        return error
    return None


def _open_one(database: Database, ring: KeyRing, key_id: str) -> None:
    query = (
        select(data_key, sealed_object.c.kind, sealed_object.c.conversation_id)
        .select_from(data_key)
        .join(sealed_object, sealed_object.c.id == data_key.c.object_id, isouter=True)
        .where(data_key.c.master_key_id == key_id)
        .limit(1)
    )
    with database.read() as uow:
        row = uow.execute(query).one_or_none()
    if row is not None:
        kind, conversation_id = (row.kind, row.conversation_id) if row.kind else (FIELDS, row.object_id)
        ring.unwrap(key_id, row.wrapped, context_of(row.object_id, kind, conversation_id), row.form)
