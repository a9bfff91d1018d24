"""Watching places: what is complete there is taken in once, whatever dies meanwhile.

A file's way: first seen (a row is made), unchanged long enough, its facts there or no longer waited for, read into
the intake, noted as held, put away. A process killed before the note reads the file once more, and the intake
recognises it; killed after it, only putting away is left. Nothing is moved or deleted before the vault's bytes and
the database's record of their key are on disk.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import BinaryIO, TypeVar

from candor.capture.files.gather import IntakeItem
from candor.capture.files.metadata import Metadata
from candor.capture.watch import store
from candor.capture.watch.adapters.opening import open_place
from candor.capture.watch.facts import Listed, metadata_of
from candor.capture.watch.model import After, FileState, Found, Part, PlaceStatus, WatchedPlace
from candor.capture.watch.ports import Place
from candor.capture.watch.store import Sighting, WatchedFile
from candor.capture.watch.telling import Read, Telling
from candor.errors import CandorError, Conflict, InvalidInput, NotFound, Unavailable
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.pipeline.intake import Intake, Taken, Upload

ACTOR = "watch"
_BLOCK = 1 << 20
_BATCH = 400
_KEY = "digest key"
_NUMBER = re.compile(r"\d{3,}(?=\d{4}(?!\d))")
_SPACE = uuid.UUID("6f0a3c1e-6f62-5b0e-9d1b-0d8c2f6f7a11")
_log = get_logger("watch")

T = TypeVar("T")
Agents = Callable[[UnitOfWork], Collection[str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    """What one look at a place may cost."""

    files: int = 200
    """Taken in, at most."""
    candidates: int = 5_000
    """Kept in mind, at most."""
    manifests: int = 100
    """Read, at most, the newest first."""
    row_errors: int = 50
    """Of one manifest that are listed one by one."""
    owned: float = 120.0
    """Seconds that a process keeps a place for itself without saying that it still lives."""
    longest_pause: float = 900.0
    """Seconds between two tries at most, however often a place could not be reached."""
    tell_after: int = 5
    """Failed tries of one file after which people are told."""


@dataclass(slots=True, kw_only=True)
class Pass:
    """What one look at a place brought."""

    place: str
    taken: int = 0
    duplicates: int = 0
    refused: int = 0
    postponed: int = 0
    """Files whose reading failed for now."""
    put_away: int = 0
    more: bool = False
    """True when work was left over for the next look."""
    busy: bool = False
    """True when another process has the place; nothing was done."""
    error: CandorError | None = None
    """Why the look was broken off."""
    conversations: list[str] = field(default_factory=list)


class Watcher:
    """Looks at places, each from time to time."""

    def __init__(
        self, database: Database, intake: Intake, places: Sequence[WatchedPlace], *, region: str | None = None,
        agents: Agents = lambda _uow: None, opener: Callable[[WatchedPlace], Place] = open_place,
        limits: WatchLimits | None = None,
    ) -> None:  # fmt: skip
        """``region`` and ``agents`` as for imports. Raises InvalidInput ``watch.twice`` for two places of one name."""
        self.places = {place.name: place for place in places}
        if len(self.places) != len(places):
            raise InvalidInput("Two watched places have the same name.", code="watch.twice", advice="Rename one.")
        self.database, self.intake, self.region, self.agents = database, intake, region, agents
        self.limits = limits or WatchLimits()
        self.read: Read = OrderedDict()
        self.owner = new_id()
        self._opener = opener
        self._opened: dict[str, Place] = {}

    def run_due(self, stop: Callable[[], bool] = lambda: False) -> list[Pass]:
        """Look at each place whose time has come; ``stop`` is asked between files."""
        with self.database.read() as uow:
            due = store.due(uow, list(self.places))
        return [self.run_once(name, stop) for name in self.places if name in due and not stop()]

    def run_until(self, stop: threading.Event, pause: float = 1.0) -> None:
        """Look at places as their times come, until ``stop`` is set; faults of our own house are waited out."""
        while not stop.is_set():
            try:
                self.run_due(stop.is_set)
            except CandorError as error:
                _log.warning("places not looked at", code=error.code)
            stop.wait(pause)

    def run_once(self, place: str, stop: Callable[[], bool] = lambda: False) -> Pass:
        """Look at one place now. A place that is away is noted in its status, with a back-off; nothing is raised.

        Raises NotFound for a place that is not configured, Unavailable when our own database is away.
        """
        if place not in self.places:
            raise NotFound("There is no such watched place.", code="watch.no_place")
        watched, result = self.places[place], Pass(place=place)
        key = self._digest_key(watched)
        with self.database.write() as uow:
            if not store.own(uow, place, self.owner, self.limits.owned):
                result.busy = True
                return result
        try:
            if place not in self._opened:
                self._opened[place] = self._opener(watched)
            _Look(self, watched, self._opened[place], key, result, stop).run()
            pause = min(1.0, watched.every) if result.more and (result.taken or result.refused) else watched.every
            with self.database.write() as uow:
                store.reached(uow, place, clock.now() + timedelta(seconds=pause))
        except CandorError as error:
            result.error = error
            _log.warning("place not reached", place=place, code=error.code)
            with self.database.write() as uow:
                store.missed(uow, place, error.code, str(error), watched.every, self.limits.longest_pause)
        finally:
            with suppress(Unavailable), self.database.write() as uow:
                store.disown(uow, place, self.owner)
        if result.taken or result.refused:
            _log.info("place looked at", place=place, taken=result.taken, refused=result.refused)
        return result

    def status(self) -> list[PlaceStatus]:
        """How it stands with each place, in the order of the settings; known in every process."""
        with self.database.read() as uow:
            return store.status(uow, list(self.places))

    def _digest_key(self, place: WatchedPlace) -> bytes:
        """The key of the place's digests; made, and sealed under the master key, at the first look."""
        settings = hashlib.sha256(
            repr((place.pattern, place.manifest, place.zone, self.region)).encode()
        ).hexdigest()  # fmt: skip
        key_id = str(uuid.uuid5(_SPACE, place.name))
        vault = self.intake.shelf.vault
        with self.database.write() as uow:
            sealed = store.sealed_key(uow, place.name)
            if sealed is None:
                sealed = vault.fields(uow, key_id, create=True).seal(_KEY, os.urandom(32))
                store.add_place(uow, place.name, sealed, settings)
            else:
                store.settle_settings(uow, place.name, settings)
            return vault.fields(uow, key_id).open(_KEY, sealed)


class _Look:
    """One look at one place."""

    def __init__(
        self, watcher: Watcher, watched: WatchedPlace, place: Place, key: bytes, result: Pass,
        stop: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._watcher, self._watched, self._place, self._key = watcher, watched, place, key
        self._result, self._stop = result, stop
        self._database, self._intake, self._limits = watcher.database, watcher.intake, watcher.limits
        self._began = clock.now()
        self._owned_at = time.monotonic()
        self._ready: list[tuple[Found, WatchedFile]] = []
        self._held: list[tuple[Found, WatchedFile]] = []
        self._manifests: list[tuple[Found, WatchedFile]] = []
        self._newest: list[Found] = []
        self._telling = Telling(watched, place, watcher.read)

    def run(self) -> None:
        self._list()
        self._reconsider_manifests()
        self._take_ready()
        self._finish_manifests()
        self._put_away()

    # Listing

    def _list(self) -> None:
        seen = ((found, self._watched.part(found.key)) for found in self._place.walk())
        for batch in _batches((pair for pair in seen if pair[1] is not Part.OTHER), _BATCH):
            self._note(batch)
            self._keep_owning()
            if self._stop():
                return
        with self._database.write() as uow:
            store.forget_vanished(uow, self._watched.name, self._began)

    def _note(self, batch: list[tuple[Found, Part]]) -> None:
        name = self._watched.name
        sightings = {
            self._digest(found.key): (found, Sighting(
                digest=self._digest(found.key), shown=_shown(found.key), part=part, size=found.size, tag=found.tag
            ))
            for found, part in batch
        }  # fmt: skip
        with self._database.read() as uow:
            rows = store.known(uow, name, list(sightings))
        news = [
            sighting
            for digest, (_, sighting) in sightings.items()
            if digest not in rows
            or (rows[digest].size, rows[digest].tag) != (sighting.size, sighting.tag)
            or rows[digest].state in store.OPEN
        ]
        if news:
            with self._database.write() as uow:
                store.notice(uow, name, news, rows)
                rows = store.known(uow, name, list(sightings))
        for digest, (found, _) in sightings.items():
            self._sort(found, rows[digest])

    def _sort(self, found: Found, row: WatchedFile) -> None:
        if row.part is Part.MANIFEST:
            if self._settled(row) and row.state is not FileState.REFUSED:
                self._manifests.append((found, row))
        elif row.state is FileState.HELD:
            if len(self._held) < self._limits.candidates:
                self._held.append((found, row))
        elif (
            row.state is FileState.WAITING
            and self._settled(row)
            and (row.next_at is None or row.next_at <= clock.now())
        ):
            if len(self._ready) < self._limits.candidates:
                self._ready.append((found, row))
            else:
                self._result.more = True

    def _settled(self, row: WatchedFile) -> bool:
        if self._place.whole_when_listed:
            return True
        return clock.now() - row.changed_at >= timedelta(seconds=self._watched.settle)

    # Facts

    def _told(self, found: Found, row: WatchedFile) -> tuple[bool, dict[str, str] | None]:
        """(whether the recording may go on, what its sidecar file or row says)."""
        if not self._watched.manifest or row.part is Part.DOCUMENT:
            return True, None
        patient = self._telling.patient(row.first_seen, clock.now())
        if self._watched.sidecar:
            return self._telling.beside(found, patient=patient)
        fields = self._telling.row_of(found.key, self._newest)
        return fields is not None or not patient, fields

    def _listed(self, found: Found, row: WatchedFile) -> Listed | None:
        """A manifest; None when it cannot be read, it is then refused."""
        try:
            return self._telling.listed(found)
        except (Conflict, NotFound):
            return None
        except InvalidInput as error:
            self._manifests = [pair for pair in self._manifests if pair[1].id != row.id]
            self._refuse(found.name, row, error)
            return None

    # Taking in

    def _take_ready(self) -> None:
        # Documents first: a recording that a vCon brings along is then known when its own file's turn comes.
        self._ready.sort(key=lambda pair: pair[1].part is not Part.DOCUMENT)
        with self._database.read() as uow:
            agents = self._watcher.agents(uow)
        troubles = 0
        for place, (found, row) in enumerate(self._ready):
            done = self._result.taken + self._result.duplicates + self._result.refused
            if done >= self._limits.files or self._stop():
                self._result.more = self._result.more or place < len(self._ready)
                return
            self._keep_owning()
            try:
                self._take(found, row, agents)
                troubles = 0
            except Unavailable as error:
                self._postpone(found, row, error)
                troubles += 1
                if troubles >= 3:  # not this file: the place, the vault or the database
                    raise
            except (Conflict, NotFound):
                continue  # it changed or went away under our hands: the next look sees what became of it
            except CandorError as error:
                self._refuse(found.name, row, error)

    def _take(self, found: Found, row: WatchedFile, agents: Collection[str] | None) -> None:
        go, told = self._told(found, row)
        if not go:
            return
        facts = Metadata()
        if row.part is not Part.DOCUMENT:
            facts = metadata_of(self._watched, found, told, region=self._watcher.region, known_agents=agents)
        taken = self._send(found, facts, document=row.part is Part.DOCUMENT)
        away = self._watched.after is not After.KEEP
        with self._database.write() as uow:
            state = FileState.HELD if away else FileState.DONE
            store.settle(uow, row.id, state, conversation_id=taken.conversation_id)
        if taken.duplicate:
            self._result.duplicates += 1
        else:
            self._result.taken += 1
            self._result.conversations.append(taken.conversation_id)
        if away:
            self._held.append((found, row))
        if row.conversation_id not in {None, taken.conversation_id}:
            self._intake.refuse(_printable(found.name), InvalidInput(
                "A recording was changed after it had been taken in; the new one was taken in, too.",
                code="watch.changed", advice="Compare the two conversations, and find out what changed the file.",
            ))  # fmt: skip

    def _send(self, found: Found, facts: Metadata, *, document: bool) -> Taken:
        item = IntakeItem(
            name=_printable(found.name), open=partial(_never, found), size=found.size,
            folder=self._place.folder and (self._place.folder / found.key).parent,
        )  # fmt: skip
        upload = Upload(
            self._intake, item.name, facts, actor=ACTOR, source=self._watched.name, is_document=document,
            beside=item.beside,
        )  # fmt: skip
        try:
            with self._place.open(found) as stream:
                while block := stream.read(_BLOCK):
                    upload.write(block)
                    self._keep_owning()
            now = self._place.find(found.key)
            _check_unchanged(found, now, upload.size)
        except BaseException:
            upload.abort()
            raise
        return self._intake.settle(upload)

    def _postpone(self, found: Found, row: WatchedFile, error: CandorError) -> None:
        pause = min(3600.0, self._watched.every * 2.0 ** min(row.attempts, 16))
        with self._database.write() as uow:
            store.later(uow, row.id, error.code, pause)
        self._result.postponed += 1
        if row.attempts + 1 == self._limits.tell_after:
            self._intake.refuse(_printable(found.name), error)

    def _refuse(self, name: str, row: WatchedFile, error: CandorError) -> None:
        self._intake.refuse(_printable(name), error)
        with self._database.write() as uow:
            store.settle(uow, row.id, FileState.REFUSED, code=error.code[:64])
        self._result.refused += 1

    # Manifests

    def _reconsider_manifests(self) -> None:
        """A manifest that is new or was corrected: tell its bad rows, and look again at what its rows had spoilt."""
        newest = sorted((found for found, _ in self._manifests), key=lambda found: found.changed_at, reverse=True)
        self._newest = newest[: self._limits.manifests]
        fresh = [(found, row) for found, row in self._manifests if row.state is FileState.WAITING]
        for found, row in fresh:
            listed = self._listed(found, row)
            if listed is None:
                continue
            for line, error in listed.errors[: self._limits.row_errors]:
                self._intake.refuse(_printable(f"{found.name} line {line}"), error)
            if len(listed.errors) > self._limits.row_errors:
                rest = len(listed.errors) - self._limits.row_errors
                self._intake.refuse(_printable(found.name), InvalidInput(
                    f"{rest} further rows of the manifest cannot be read.", code="manifest.rows",
                    advice="Correct those that are listed first; the others are probably alike.",
                ))  # fmt: skip
            with self._database.write() as uow:
                store.settle(uow, row.id, FileState.HELD)
                store.reconsider(uow, self._watched.name)

    def _finish_manifests(self) -> None:
        """A manifest whose recordings have all come, or were waited for long enough, is done."""
        for found, row in self._manifests:
            if row.state not in store.OPEN or self._stop():
                continue
            listed = self._listed(found, row)
            if listed is None:
                continue
            open_rows, missing = self._rows_left(listed)
            patient = clock.now() - row.changed_at < timedelta(
                seconds=max(self._watched.facts_wait, self._watched.settle)
            )
            if open_rows or (missing and patient):
                continue
            if missing:
                self._intake.refuse(_printable(found.name), InvalidInput(
                    "A recording that the manifest names did not come." if missing == 1
                    else f"{missing} recordings that the manifest names did not come.", code="manifest.missing",
                    advice="Check the names (upper and lower case count) and what copies the recordings.",
                ))  # fmt: skip
            if self._watched.after is not After.KEEP and not missing:
                self._held.append((found, row))
            else:
                with self._database.write() as uow:
                    store.settle(uow, row.id, FileState.DONE)

    def _rows_left(self, listed: Listed) -> tuple[int, int]:
        """(rows whose recording is on its way, rows whose recording never showed)."""
        on_way = missing = 0
        for keys in _batches(iter(listed.rows), _BATCH):
            with self._database.read() as uow:
                rows = store.known(uow, self._watched.name, [self._digest(key) for key in keys])
            missing += len(keys) - len(rows)
            on_way += sum(row.state is FileState.WAITING for row in rows.values())
        return on_way, missing

    # Putting away

    def _put_away(self) -> None:
        if not self._held:
            return
        store.make_durable(self._database)
        for found, row in self._held:
            if self._stop():
                return
            self._keep_owning()
            now = self._place.find(found.key)
            if now is not None and not now.same(found):
                continue  # a new version: it has its own turn
            beside = self._watched.sidecar_of(found.key) if self._watched.sidecar and row.part is Part.RECORDING else ""
            sidecar = self._place.find(beside) if beside else None
            for each in (now, sidecar):
                if each is not None and self._watched.after is After.MOVE:
                    self._place.move(each, self._watched.move_to)
                elif each is not None and self._watched.after is After.DELETE:
                    self._place.delete(each)
            with self._database.write() as uow:
                store.settle(uow, row.id, FileState.DONE)
            self._result.put_away += 1

    def _digest(self, key: str) -> str:
        return hmac.new(self._key, key.encode("utf-8", "surrogateescape"), "sha256").hexdigest()

    def _keep_owning(self) -> None:
        if time.monotonic() - self._owned_at > self._limits.owned / 4:
            self._owned_at = time.monotonic()
            with self._database.write() as uow:
                store.own(uow, self._watched.name, self._watcher.owner, self._limits.owned)


def _check_unchanged(found: Found, now: Found | None, size: int) -> None:
    if size != found.size or now is None or not now.same(found):
        raise Conflict("The file was changed while it was read.", code="watch.changing")


def _never(found: Found) -> BinaryIO:  # an item that only lends its way of finding what lies beside it
    raise NotImplementedError(found.size)


def _shown(key: str) -> str:
    return _NUMBER.sub("…", _printable(key))[:255]


def _printable(name: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)[:200]


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
