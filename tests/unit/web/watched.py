"""Watched places and call lists with something to show: rows as a worker's looks and checks leave them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update

from candor.capture.completeness import store as lists
from candor.capture.completeness.model import Discrepancy, ExpectedCall, Kind
from candor.capture.watch import store
from candor.capture.watch.model import FileState, Part, WatchedPlace
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline.store import beat

PBX = WatchedPlace(name="pbx", url="file:///srv/recordings")
CLOUD = WatchedPlace(name="cloud", url="s3://key:secret@recordings/calls?token=secret")
NEW = WatchedPlace(name="new", url="file:///srv/new")
CALL_ID = "01990000-0000-7000-8000-000000000000"
NAME = "Ada_Lovelace_…0143.wav"
FILES = (
    (Part.RECORDING, FileState.DONE), (Part.DOCUMENT, FileState.HELD), (Part.RECORDING, FileState.DONE),
    (Part.RECORDING, FileState.REFUSED), (Part.RECORDING, FileState.WAITING),
    (Part.MANIFEST, FileState.DONE), (Part.MANIFEST, FileState.WAITING), (Part.MANIFEST, FileState.REFUSED),
)  # fmt: skip
"""Three are taken, one waits, two are refused: a manifest counts only when it is refused."""
AWAY = "The object store does not answer as it should. Check its address and the network."


def work(database: Database, *, seconds_ago: float = 1.0) -> None:
    """A worker spoke then."""
    with clock.freeze(clock.now() - timedelta(seconds=seconds_ago)), database.write() as uow:
        beat(uow, new_id(), 1)


def looked(database: Database, *, next_in: float = 20.0) -> None:
    """At ``PBX``, which has files in every state."""
    with database.write() as uow:
        store.add_place(uow, PBX.name, b"sealed", "")
        for number, (part, state) in enumerate(FILES):
            _file(uow, number, part, state)
        store.reached(uow, PBX.name, clock.now() + timedelta(seconds=next_in))


def missed(database: Database) -> None:
    """``CLOUD`` does not answer."""
    with database.write() as uow:
        store.add_place(uow, CLOUD.name, b"sealed", "")
        store.missed(uow, CLOUD.name, "watch.away", AWAY, 30.0, 900.0)


def listed(database: Database, at: datetime) -> None:
    """A list of five calls around ``at``, of which one is missing, and a difference of every kind."""
    with database.write() as uow:
        calls = [ExpectedCall(call_id=f"c-{number}", started_at=at, duration=60.0, source="pbx") for number in range(5)]
        lists.put_expected(uow, calls, seal=lambda _source, _row, plain: plain)
        found = [
            Discrepancy(
                kind=kind, at=at, source="" if kind is Kind.UNEXPECTED else "pbx", call_id=f"c-{number}",
                expected=f"c-{number}", conversations=() if kind in {Kind.MISSING, Kind.UNRECORDED} else (CALL_ID,),
                seconds=12.5,
                reason="Somebody on the line has refused to be recorded." if kind is Kind.UNRECORDED else "",
            )
            for number, kind in enumerate(Kind)
        ]  # fmt: skip
        day = timedelta(days=1)
        lists.merge(uow, found, at - day, at + day)


def _file(uow: UnitOfWork, number: int, part: Part, state: FileState) -> None:
    digest = f"{number:064}"
    sighting = store.Sighting(digest=digest, shown=NAME, part=part, size=1, tag="1")
    store.notice(uow, PBX.name, [sighting], {})
    row = store.known(uow, PBX.name, [digest])[digest]
    if state is not FileState.WAITING:
        code = "watch.name_mismatch" if state is FileState.REFUSED else None
        store.settle(uow, row.id, state, conversation_id=None if code else CALL_ID, code=code)
    if part is Part.MANIFEST:  # newer than every recording, and yet not the last file taken
        late = clock.to_column(clock.now() + timedelta(minutes=1))
        uow.execute(update(store.watched_file).where(store.watched_file.c.id == row.id).values(done_at=late))
