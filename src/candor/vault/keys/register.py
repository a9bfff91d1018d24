"""Which master keys ever sealed here, since when, and what is under each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.vault.keys.ring import KeyRing
from candor.vault.ports import MasterKey
from candor.vault.store import data_key, master_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """How it stands with one master key."""

    key_id: str
    kind: str | None
    """None when it was never written down: from before 1.0."""
    place: str | None
    since: datetime | None
    """When it sealed first."""
    configured: bool
    seals: bool
    objects: int
    """Data keys under it: of media, texts and fields."""
    older_form: int
    """Of those, how many are in the form of before 1.0."""


def knows(uow: UnitOfWork, key_id: str) -> bool:
    """Whether the key was written down."""
    return uow.execute(select(master_key.c.key_id).where(master_key.c.key_id == key_id)).first() is not None


def note(uow: UnitOfWork, key: MasterKey) -> None:
    """Write down that ``key`` seals from now on; nothing happens when it did before."""
    try:
        with uow.begin_nested():
            uow.execute(
                insert(master_key).values(
                    key_id=key.key_id, kind=key.kind, place=key.place[:500], since=clock.to_column(clock.now())
                )
            )
    except IntegrityError:
        return


def states(uow: UnitOfWork, ring: KeyRing) -> tuple[KeyState, ...]:
    """The key that seals first, then the other configured ones, then those that only their sealings tell of."""
    under: dict[str, tuple[int, int]] = {}
    query = select(data_key.c.master_key_id, data_key.c.form, func.count()).group_by(
        data_key.c.master_key_id, data_key.c.form
    )
    for key_id, form, number in uow.execute(query):
        everything, older = under.get(key_id, (0, 0))
        under[key_id] = (everything + number, older + (number if form == 0 else 0))
    known = {row.key_id: row for row in uow.execute(select(master_key))}
    configured = {key.key_id: key for key in ring.keys}
    order = [*configured, *sorted(under.keys() - configured), *sorted(known.keys() - configured.keys() - under.keys())]
    found = []
    for key_id in order:
        told: Any = configured.get(key_id) or known.get(key_id)
        objects, older = under.get(key_id, (0, 0))
        found.append(
            KeyState(
                key_id=key_id, kind=told and told.kind, place=told and told.place,
                since=clock.from_column(known[key_id].since) if key_id in known else None,
                configured=key_id in configured, seals=key_id == ring.key_id, objects=objects, older_form=older,
            )
        )  # fmt: skip
    return tuple(found)


def plain(state: KeyState) -> dict[str, Any]:
    """For JSON."""
    return {
        "id": state.key_id, "kind": state.kind, "where": state.place, "since": state.since and state.since.isoformat(),
        "seals": state.seals, "configured": state.configured, "data_keys": state.objects,
        "data_keys_of_older_form": state.older_form,
    }  # fmt: skip
