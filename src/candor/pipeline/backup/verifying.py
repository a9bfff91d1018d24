"""Whether a backup would restore: every digest, every object that its database names, every key.

What does not verify is set aside when it is an object, so that the next backup copies it anew; the rest goes on being
read. Nothing is believed before the manifest's own check.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from candor.errors import CandorError, Damaged
from candor.kit.files import private
from candor.pipeline.backup.making import DATABASE
from candor.pipeline.backup.manifest import Manifest, Piece, Snapshot, read_manifest
from candor.pipeline.backup.snapshot_database import Copy, KeyRow, opened
from candor.pipeline.backup.target import INDEX, Held, Target, digest_of
from candor.vault.keys.ring import KeyRing
from candor.vault.service import context_of
from candor.vault.streaming import OpeningReader

_TOLD = 1000
_LEFT = 86_400.0
"""Seconds after which a copy of the database that a killed verification left is removed."""
_ASKED = 200
"""Data keys that are tried where a key service has to be asked; of local keys, every one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it should be."""

    what: str
    """``file``, ``index``, ``database``, ``object``, ``key``."""
    name: str
    message: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found."""

    name: str
    objects: int = 0
    """Objects whose digest is right."""
    bytes: int = 0
    keys: int = 0
    """Data keys that were unwrapped."""
    all_keys: bool = True
    fields: int = 0
    faults: list[Fault] = field(default_factory=list)
    more: int = 0
    """Faults beyond those that are listed."""
    half_written: list[str] = field(default_factory=list)
    """Snapshots of the target that were never finished."""
    missing_before: tuple[str, ...] = ()
    """Objects that the vault did not have when the backup was made."""

    @property
    def whole(self) -> bool:
        """Whether it would restore completely."""
        return not self.faults

    def fault(self, what: str, name: str, message: str) -> None:
        """Add one."""
        if len(self.faults) < _TOLD:
            self.faults.append(Fault(what, name, message))
        else:
            self.more += 1


def verify(
    target: Target, name: str, ring: KeyRing, workplace: Path, *, open_all: bool = False,
    follow: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:  # fmt: skip
    """Look at everything of the snapshot ``name``; ``open_all`` decrypts every object to its end as well.

    Raises WrongKey, Unavailable (key service), Damaged (manifest).
    """
    manifest = read_manifest(target, name)
    snapshot = Snapshot.of(target, manifest, ring)
    report = Report(name, half_written=target.half_written(), missing_before=manifest.missing)
    _index(target, manifest, report)
    for piece in manifest.pieces:
        _piece(snapshot, piece, report)
    with _database(snapshot, manifest, workplace, report) as copy:
        if copy is not None:
            _objects(target, manifest, copy, ring, report, open_all=open_all, follow=follow)
    return report


def _index(target: Target, manifest: Manifest, report: Report) -> None:
    path = target.snapshots / manifest.name / INDEX
    if not path.is_file() or digest_of(path) != manifest.index_sha256:
        report.fault("index", INDEX, "The list of objects is missing or was changed.")


def _piece(snapshot: Snapshot, piece: Piece, report: Report) -> None:
    try:
        if digest_of(snapshot.folder / "files" / str(piece.number)) != piece.sha256:
            report.fault("file", piece.path, "Its digest is not the one that the manifest names.")
    except OSError:
        report.fault("file", piece.path, "It is missing.")


@contextmanager
def _database(snapshot: Snapshot, manifest: Manifest, workplace: Path, report: Report) -> Iterator[Copy | None]:
    """The snapshot's database, opened from a copy that goes again; None, and a fault, when it cannot be read."""
    workplace.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in workplace.glob("verify-*"):  # by one that was killed
        if time.time() - left.stat().st_mtime > _LEFT:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="verify-", dir=workplace) as folder:
        copy = None
        try:
            unsealed = unseal_database(snapshot, manifest, Path(folder) / DATABASE)
            copy = opened(unsealed)
            if not copy.whole():
                report.fault("database", DATABASE, "SQLite finds damage in it.")
        except Damaged as error:
            report.fault("database", DATABASE, error.message)
        try:
            yield copy
        finally:
            if copy is not None:
                copy.close()


def unseal_database(snapshot: Snapshot, manifest: Manifest, into: Path) -> Path:
    """The database as a file; raises Damaged."""
    piece = manifest.piece(DATABASE)
    if piece is None:
        raise Damaged("The backup has no database.", code="backup.damaged")
    with snapshot.open(piece) as source, private(into) as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    return into


def _objects(
    target: Target, manifest: Manifest, copy: Copy, ring: KeyRing, report: Report, *, open_all: bool,
    follow: Callable[[int, int], None],
) -> None:  # fmt: skip
    indexed = target.index(manifest.name)
    held = next(indexed, None)
    missing = frozenset(manifest.missing)
    total = max(1, manifest.objects)
    report.all_keys = open_all or not any(key.remote for key in ring.keys)
    every = 1 if report.all_keys else max(1, total // _ASKED)
    for number, row in enumerate(copy.objects()):
        place = (row.object_id[-2:], row.object_id)
        while held is not None and held.place < place:
            held = next(indexed, None)
        if held is None or held.object_id != row.object_id:
            if row.object_id not in missing:
                report.fault("object", row.object_id, "The database names it, and the list of objects does not.")
            continue
        if _digest(target, held, report):
            data_key = _key(ring, row, report) if number % every == 0 else None
            if open_all and data_key is not None:
                _open(target, row, data_key, report)
        follow(number + 1, total)
    for number, row in enumerate(copy.fields()):
        if number % every == 0 and _key(ring, row, report) is not None:
            report.fields += 1


def _digest(target: Target, held: Held, report: Report) -> bool:
    path = target.path_of(held.object_id)
    try:
        right, size = digest_of(path) == held.sha256, path.stat().st_size
    except FileNotFoundError:
        report.fault("object", held.object_id, "It is missing.")
        return False
    except OSError as error:
        report.fault("object", held.object_id, f"It cannot be read ({error.strerror}).")
        return False
    if not right:
        target.set_aside(path)
        report.fault("object", held.object_id, "It was changed: set aside, and copied anew by the next backup.")
        return False
    report.objects += 1
    report.bytes += size
    return True


def _key(ring: KeyRing, row: KeyRow, report: Report) -> bytes | None:
    try:
        key = ring.unwrap(
            row.master_key_id, row.wrapped, context_of(row.object_id, row.kind, row.conversation_id), row.form
        )
    except Damaged as error:
        report.fault("key", row.object_id, error.message)
        return None
    report.keys += 1
    return key


def _open(target: Target, row: KeyRow, data_key: bytes, report: Report) -> None:
    path = target.path_of(row.object_id)
    context = context_of(row.object_id, row.kind, row.conversation_id)
    try:
        with path.open("rb") as stream, OpeningReader(stream, path.stat().st_size, data_key, context) as reader:
            buffer = bytearray(1 << 20)
            while reader.readinto(buffer):
                pass
    except CandorError:
        report.fault("object", row.object_id, "It was damaged before it was copied: it does not open.")
    except OSError as error:
        report.fault("object", row.object_id, f"It cannot be read ({error.strerror}).")
