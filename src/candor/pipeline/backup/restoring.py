"""A data folder out of a backup.

While it goes on, a file in the folder says so, and no Candor opens the folder: what was killed midway is not taken for
whole, and is gone on with by the same command. Every file is put in its place whole, its digest checked on the way; the
database comes last. Then what was destroyed after the backup was made is destroyed again, and only then does the file
go that says that a restore goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from candor.errors import Conflict, Damaged, Incomplete
from candor.kit.database import Database, sqlite_url
from candor.kit.files import replace_file, sync_folder
from candor.pipeline.backup.making import DATABASE
from candor.pipeline.backup.manifest import Manifest, Snapshot, read_manifest
from candor.pipeline.backup.snapshot_database import opened
from candor.pipeline.backup.target import INDEX, Held, Target, copy_whole, digest_of, unwritable
from candor.pipeline.backup.verifying import unseal_database
from candor.vault.disposal import store as disposals
from candor.vault.disposal import tombstones
from candor.vault.disposal.store import Tombstone
from candor.vault.keys.ring import KeyRing

MARK = "restoring.json"
_TOLD = 1000


@dataclass(slots=True)
class Restored:
    """What came of it."""

    snapshot: str
    objects: int = 0
    bytes: int = 0
    there_already: int = 0
    """Of an earlier try."""
    destroyed_since: int = 0
    """Objects that were destroyed after the backup was made: their keys are not restored."""
    damaged: list[str] = field(default_factory=list)
    """Objects of which the backup has no whole copy; everything else is there."""
    missing_before: tuple[str, ...] = ()
    stones: list[Tombstone] = field(default_factory=list)
    """What has to be destroyed again."""


def refuse_half_restored(data: Path) -> None:
    """Raise Incomplete for a data folder whose restore has not ended."""
    if (data / MARK).exists():
        raise Incomplete(
            f"{data} is half restored: it is not opened.", code="restore.half_done",
            advice="Run the same `candor restore` again; it goes on where it stopped.",
        )  # fmt: skip


def start(target: Target, name: str | None, to: Path) -> Manifest:
    """Take the folder ``to`` for the restore of a snapshot; the one of an earlier try is gone on with.

    Raises Conflict when something else is in the folder, NotFound, Incomplete (half-written backup), Damaged.
    """
    begun = _begun(to)
    if begun is not None:
        folder, chosen = begun
        if folder != str(target.folder) or name not in (None, chosen):
            raise Conflict(
                f"{to} is being restored from another backup ({chosen} in {folder}).", code="restore.another",
                advice="Go on with that one, or give an empty folder.",
            )  # fmt: skip
        return read_manifest(target, target.choose(chosen))
    manifest = read_manifest(target, target.choose(name))
    try:
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in to.glob(f"{MARK}.*.draft"):  # of a try that died before it began
            left.unlink()
        if any(path.name != "lost+found" for path in to.iterdir()):
            raise Conflict(
                f"{to} is not empty: nothing is restored over what is there.", code="restore.not_empty",
                advice="Give a new or an empty folder.",
            )  # fmt: skip
    except OSError as error:
        raise unwritable(to, error) from error
    replace_file(to / MARK, json.dumps({"target": str(target.folder), "snapshot": manifest.name}).encode())
    return manifest


def put_in_place(
    target: Target, manifest: Manifest, ring: KeyRing, to: Path, *, others: Iterable[Path] = (),
    follow: Callable[[int, int, int], None] = lambda _done, _total, _bytes: None,
) -> Restored:  # fmt: skip
    """Copy and unseal everything but the last step; safe to be killed and run again. Raises WrongKey, Unavailable.

    ``others`` are files with tombstones, beside those of newer snapshots.
    """
    snapshot = Snapshot.of(target, manifest, ring)
    done = Restored(manifest.name, missing_before=manifest.missing)
    done.stones = _stones(target, manifest, ring, others, to)
    index = target.snapshots / manifest.name / INDEX
    if not index.is_file() or digest_of(index) != manifest.index_sha256:
        raise Damaged(
            f"The list of objects of the backup {manifest.name} is missing or was changed.", code="backup.damaged",
            advice="Restore another backup; `candor backup list` names them.",
        )  # fmt: skip
    try:
        gone = _objects(target, manifest, to, done, follow)
        if not (to / DATABASE).exists():
            _files(snapshot, manifest, to, done)
            _database(snapshot, manifest, to, gone)
    except OSError as error:
        raise unwritable(to, error) from error
    done.destroyed_since = len(gone)
    return done


def clear_spool(to: Path, stones: Iterable[Tombstone]) -> None:
    """Remove restored calls that are conversations already, or were destroyed: they must not come in again."""
    waiting = {path.stem: path for pattern in ("*.done", "*.bad") for path in (to / "spool").glob(pattern)}
    if not waiting:
        return
    copy = opened(to / DATABASE)
    try:
        known = {one for one in copy.conversations() if one in waiting}
    finally:
        copy.close()
    for stem in (known | {stone.conversation_id for stone in stones}) & waiting.keys():
        waiting[stem].unlink(missing_ok=True)


def finish(to: Path) -> None:
    """The last step: from now on the folder is a Candor's."""
    (to / MARK).unlink(missing_ok=True)
    sync_folder(to)


def _begun(to: Path) -> tuple[str, str] | None:
    """(target, snapshot) of an earlier try in this folder."""
    try:
        read = json.loads((to / MARK).read_text())
        return str(read["target"]), str(read["snapshot"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(
            f"{to / MARK} cannot be read: what is in {to} belongs to no known restore.", code="restore.damaged",
            advice="Give an empty folder.",
        ) from error  # fmt: skip


def _objects(
    target: Target, manifest: Manifest, to: Path, done: Restored, follow: Callable[[int, int, int], None]
) -> list[str]:
    """Copy what is not there yet; returns the ids of what was destroyed since."""
    gone: list[str] = []
    newest = target.names()[-1]
    now = iter(()) if newest == manifest.name else target.index(newest)
    for number, (held, still) in enumerate(
        _with_now(target.index(manifest.name), now, same=newest == manifest.name), 1
    ):
        place = to / "objects" / held.object_id[-2:] / held.object_id
        if not still:
            gone.append(held.object_id)
            place.unlink(missing_ok=True)
            continue
        if place.exists():  # put there whole, by an earlier try
            done.there_already += 1
            continue
        try:
            with target.path_of(held.object_id).open("rb") as source:
                _, size = copy_whole(source, place, held.sha256)
        except (FileNotFoundError, Damaged):
            if len(done.damaged) < _TOLD:
                done.damaged.append(held.object_id)
            continue
        done.objects += 1
        done.bytes += size
        follow(number, manifest.objects, done.bytes)
    return gone


def _newest_stones(target: Target, manifest: Manifest, ring: KeyRing, to: Path) -> list[Tombstone]:
    """What the newest snapshot's own database says: a tombstone is there before it is in any file."""
    newest = target.names()[-1]
    if newest == manifest.name:
        return []
    later = read_manifest(target, newest)
    path = to / "newest.db.draft"
    try:
        with closing(opened(unseal_database(Snapshot.of(target, later, ring), later, path))) as copy:
            known = copy.has_table(disposals.tombstone.name)
        if not known:
            return []
        database = Database(sqlite_url(path))
        with database.read() as uow:
            stones = disposals.newest(uow, limit=-1)
        database.close()
        return stones
    finally:
        for left in to.glob(f"{path.name}*"):
            left.unlink()


def _with_now(index: Iterator[Held], now: Iterator[Held], *, same: bool) -> Iterator[tuple[Held, bool]]:
    """Each object with whether the newest snapshot still has it; both in order."""
    other = next(now, None)
    for held in index:
        while other is not None and other.place < held.place:
            other = next(now, None)
        yield held, same or (other is not None and other.object_id == held.object_id)


def _files(snapshot: Snapshot, manifest: Manifest, to: Path, done: Restored) -> None:
    for piece in manifest.pieces:
        if piece.path == DATABASE:
            continue
        place = to / PurePosixPath(piece.path)
        if ".." in PurePosixPath(piece.path).parts or not place.is_relative_to(to):
            raise Damaged("The backup names a file outside of the data folder.", code="backup.damaged")
        try:
            with snapshot.open(piece) as source:
                copy_whole(source, place)
        except Damaged:
            if len(done.damaged) < _TOLD:
                done.damaged.append(piece.path)


def _database(snapshot: Snapshot, manifest: Manifest, to: Path, gone: list[str]) -> None:
    draft = unseal_database(snapshot, manifest, to / f"{DATABASE}.draft")
    copy = opened(draft)
    try:
        if not copy.whole():
            raise Damaged(
                f"SQLite finds damage in the database of the backup {manifest.name}.", code="backup.damaged",
                advice="Restore another backup; `candor backup list` names them.",
            )  # fmt: skip
        copy.forget_keys(gone)
    finally:
        copy.close()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(to / DATABASE)
    sync_folder(to)


def _stones(target: Target, manifest: Manifest, ring: KeyRing, others: Iterable[Path], to: Path) -> list[Tombstone]:
    """Every tombstone that is known: of this snapshot and all that came later, and of the files that are given."""
    found = {stone.conversation_id: stone for stone in _newest_stones(target, manifest, ring, to)}
    for name in target.names():
        if name < manifest.name:
            continue
        later = manifest if name == manifest.name else read_manifest(target, name)
        piece = later.piece(tombstones.FILENAME)
        if piece is None:
            continue
        with Snapshot.of(target, later, ring).open(piece) as stream:
            stones, _ = tombstones.parse(stream.read().decode("utf-8", "replace").splitlines())
        found |= {stone.conversation_id: stone for stone in stones}
    for path in others:
        stones, damaged = tombstones.read(path)
        if damaged:
            raise Damaged(
                f"{damaged} lines of {path.name} cannot be read: who was erased could come back.",
                code="restore.tombstones", advice="Put the file right, or give another copy of it.",
            )  # fmt: skip
        found |= {stone.conversation_id: stone for stone in stones}
    return list(found.values())
