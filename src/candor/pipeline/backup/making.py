"""Making a backup while everything runs.

The order is what makes it whole: calls that wait in the spool first (one that becomes a conversation meanwhile is then
in both, and told apart when it is restored), the engine's memory, then one moment of the database, then the objects
that it names. An object is durable before the database names it, so it is there, unless it was destroyed meanwhile: its
key is then taken out of the copy. The manifest comes last. After it, what the vault destroyed vanishes from the target,
and snapshots beyond those that are kept.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Conflict, Damaged, InvalidInput
from candor.kit import clock
from candor.kit.database import Database
from candor.kit.files import private, sync_folder
from candor.pipeline.backup import store
from candor.pipeline.backup.manifest import Manifest, Piece, Snapshot
from candor.pipeline.backup.snapshot_database import Copy, copy_database, opened
from candor.pipeline.backup.target import INDEX, Held, Target, digest_of, index_line, unwritable, without
from candor.vault import store as vault_store
from candor.vault.service import Vault

DATABASE = "candor.db"
ENGINE = "engine.db"
_APART = frozenset({"objects", "spool", "run", "logs"})
"""Folders of the data folder that are dealt with one by one, or hold nothing that lasts."""
_MISSING_TOLD = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is."""

    done: int
    total: int
    """Objects."""
    copied_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a backup came to."""

    made: store.Made
    cleared: tuple[str, ...]
    """Half-written snapshots of before, which were cleared away."""
    vanished: int
    """Objects that are not in the vault any more, removed from the target."""
    expired: tuple[str, ...]
    """Snapshots beyond those that are kept."""
    in_progress: int
    missing: tuple[str, ...]


class Backups:
    """Makes them, over one data folder."""

    def __init__(self, database: Database, vault: Vault, data: Path, *, keys: Collection[Path] = ()) -> None:
        """``keys``: files that are never taken, since they open everything."""
        self._database, self._vault, self._data = database, vault, data.absolute()
        self._keys = {path.absolute() for path in keys} | {self._data / "master.key"}

    def make(
        self, folder: Path, *, keep: int = 7, actor: str = "cli", salts: Mapping[str, str] | None = None,
        key_files: Mapping[str, str] | None = None, follow: Callable[[Step], None] = lambda _: None,
    ) -> Outcome:  # fmt: skip
        """One backup, as a new snapshot in ``folder``. Raises Conflict (busy, another's), Unavailable (disk, key)."""
        folder = folder.absolute()
        if folder.is_relative_to(self._data) or self._data.is_relative_to(folder):
            raise InvalidInput(
                "The backup would lie in the data folder, or around it.", code="backup.inside",
                advice="Give a folder on another disk.",
            )  # fmt: skip
        target, started = Target(folder), clock.now()
        with self._workplace() as workplace:
            target.claim(self._vault.keys.tenant)
            with target.alone():
                return self._make(target, workplace, started, keep, actor, salts or {}, key_files or {}, follow)

    def _make(
        self, target: Target, workplace: Path, started: datetime, keep: int, actor: str, salts: Mapping[str, str],
        key_files: Mapping[str, str], follow: Callable[[Step], None],
    ) -> Outcome:  # fmt: skip
        interrupted = target.half_written()
        snapshot, wrapped = Snapshot.begin(target, self._vault.keys)
        try:
            pieces = self._seal_spool(snapshot)
            in_progress = len(list((self._data / "spool").glob("*.call")))
            if (self._data / ENGINE).exists():
                copy_database(self._data / ENGINE, workplace / ENGINE)
                pieces.append(self._seal(snapshot, pieces, ENGINE, workplace / ENGINE))
            copy_database(self._data / DATABASE, workplace / DATABASE)
            copy = opened(workplace / DATABASE)
            try:
                copied = self._copy_objects(target, snapshot, copy, follow)
                copy.forget_destroyed(self._data / DATABASE)
            finally:
                copy.close()
            pieces.append(self._seal(snapshot, pieces, DATABASE, workplace / DATABASE))
            for path in self._others():
                with suppress(FileNotFoundError):
                    pieces.append(self._seal(snapshot, pieces, str(path.relative_to(self._data)), path))
            index = snapshot.folder / INDEX
            manifest = snapshot.finish(
                Manifest(
                    name=snapshot.name, tenant=self._vault.keys.tenant, made_at=started, version=_version(),
                    key_id=self._vault.keys.key_id, wrapped=wrapped, objects=copied.objects,
                    index_sha256=digest_of(index), pieces=tuple(pieces), missing=tuple(copied.missing),
                    in_progress=in_progress, salts=dict(salts), key_files=dict(key_files),
                )
            )  # fmt: skip
        except OSError as error:
            raise unwritable(target.folder, error) from error
        for name in interrupted:
            target.drop(name)
        vanished, expired = tidy(target, keep)
        made = store.Made(
            name=manifest.name, target=str(target.folder), started_at=started, finished_at=clock.now(),
            objects=copied.objects, copied=copied.new, copied_bytes=copied.new_bytes, missing=copied.missed,
        )  # fmt: skip
        with self._database.write() as uow:
            store.put(uow, made)
            audit.record(uow, Event.BACKUP_MADE, actor, subject=manifest.name)
        return Outcome(
            made=made, cleared=tuple(interrupted), vanished=vanished, expired=expired, in_progress=in_progress,
            missing=manifest.missing,
        )  # fmt: skip

    @contextmanager
    def _workplace(self) -> Iterator[Path]:
        """A folder beside the database for the copies, empty; one backup of a data folder at a time."""
        run = self._data / "run"
        run.mkdir(exist_ok=True, mode=0o700)
        with (run / "backup.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    "A backup of this data folder is being made already.", code="backup.running",
                    advice="Wait until it has ended.",
                ) from None  # fmt: skip
            for left in run.glob("backup-*"):
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="backup-", dir=run) as folder:
                yield Path(folder)

    def _seal_spool(self, snapshot: Snapshot) -> list[Piece]:
        spool, pieces = self._data / "spool", list[Piece]()
        for path in (*sorted(spool.glob("keys/*.key")), *sorted(spool.glob("*.done")), *sorted(spool.glob("*.bad"))):
            with suppress(FileNotFoundError):  # it has become a conversation
                pieces.append(self._seal(snapshot, pieces, str(path.relative_to(self._data)), path))
        return pieces

    @staticmethod
    def _seal(snapshot: Snapshot, before: list[Piece], path: str, source: Path) -> Piece:
        with source.open("rb") as stream:
            return snapshot.seal(len(before) + 1, path, stream)

    def _others(self) -> Iterator[Path]:
        """Settings, tombstones and whatever else lies in the data folder, without keys, locks and drafts."""
        for top in sorted(self._data.iterdir()):
            if top.is_symlink() or top.name in _APART or top.name.startswith((DATABASE, ENGINE)):
                continue
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                wanted = path.is_file() and not path.is_symlink() and path.suffix not in {".lock", ".draft"}
                if wanted and path not in self._keys:
                    yield path

    def _copy_objects(self, target: Target, snapshot: Snapshot, copy: Copy, follow: Callable[[Step], None]) -> _Copied:
        total = copy.connection.execute("SELECT count(*) FROM data_key").fetchone()[0]
        part, done, gone = snapshot.folder / f"{INDEX}.part", _Copied(), list[str]()
        known = target.known()
        before = next(known, None)
        with private(part) as index:
            for number, row in enumerate(copy.objects()):
                place = (row.object_id[-2:], row.object_id)
                while before is not None and before.place < place:
                    before = next(known, None)
                digest = before.sha256 if before is not None and before.object_id == row.object_id else None
                held = self._one(target, row.object_id, digest, done)
                if held is not None:
                    index.write(index_line(held).encode())
                    done.objects += 1
                elif self._destroyed(row.object_id):
                    gone.append(row.object_id)
                else:
                    done.missed += 1
                    if len(done.missing) < _MISSING_TOLD:
                        done.missing.append(row.object_id)
                if number % 50 == 0:
                    index.flush()
                    follow(Step(number, total, done.new_bytes))
        copy.forget_keys(gone)
        part.replace(snapshot.folder / INDEX)
        sync_folder(snapshot.folder)
        return done

    def _one(self, target: Target, object_id: str, digest: str | None, done: _Copied) -> Held | None:
        """The object in the target, copied now when it was not there; None when the vault does not have it."""
        place = target.path_of(object_id)
        try:
            stream, size = self._vault.objects.open(object_id)
        except Damaged:
            return None
        with stream:
            if place.is_file() and place.stat().st_size == size:
                return Held(object_id, digest or digest_of(place))
            digest, size = target.copy_in(object_id, stream)
        done.new += 1
        done.new_bytes += size
        return Held(object_id, digest)

    def _destroyed(self, object_id: str) -> bool:
        with self._database.read() as uow:
            return vault_store.get_key(uow, object_id) is None


@dataclass(slots=True)
class _Copied:
    objects: int = 0
    new: int = 0
    new_bytes: int = 0
    missed: int = 0
    missing: list[str] = field(default_factory=list)


def tidy(target: Target, keep: int) -> tuple[int, tuple[str, ...]]:
    """Remove snapshots beyond the newest ``keep``, and every object that the newest does not name.

    An object that the vault destroyed must not outlive it here, though older snapshots name it: their keys for it then
    open nothing. Returns how many objects went, and which snapshots.
    """
    names = target.names()
    expired = tuple(names[: -max(1, keep)])
    for name in expired:
        target.drop(name)
    vanished = 0
    if names:
        for path in without(target.present(), target.index(names[-1])):
            path.unlink(missing_ok=True)
            vanished += 1
    return vanished, expired


def _version() -> str:
    try:
        return version("candor")
    except PackageNotFoundError:
        return "unknown"
