"""The folder that backups lie in: whose it is, its snapshots, its objects, one writer at a time."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import heapq
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from candor.errors import Conflict, Damaged, Incomplete, NotFound, Unavailable
from candor.kit.files import private, replace_file, sync_folder

FORMAT = 1
MANIFEST = "manifest.json"
INDEX = "objects.txt"
_IDENTITY = "candor-backup.json"
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_LINE = re.compile(r"([0-9a-f]{64})  objects/([0-9a-z]{2})/([0-9A-Za-z-]{3,64})\n")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """One object as an index names it."""

    object_id: str
    sha256: str
    """Of the sealed bytes, hexadecimal."""

    @property
    def place(self) -> tuple[str, str]:
        """By what indices are sorted: the folder, then the name."""
        return self.object_id[-2:], self.object_id


class Target:
    """One folder of backups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.objects, self.snapshots = self.folder / "objects", self.folder / "snapshots"

    def claim(self, tenant: str) -> None:
        """Make it the backup folder of ``tenant``; raises Conflict when it is another's, or no backup folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._identity().exists():
                for left in self.folder.glob(f"{_IDENTITY}.*.draft"):  # of a try that died before it began
                    left.unlink()
                if any(path.name != "lost+found" for path in self.folder.iterdir()):
                    raise Conflict(
                        f"{self.folder} is not empty, and no folder of backups.", code="backup.not_empty",
                        advice="Give a new or an empty folder; nothing was changed.",
                    )  # fmt: skip
                replace_file(self._identity(), json.dumps({"format": FORMAT, "tenant": tenant}).encode())
            if self.tenant() != tenant:
                raise Conflict(
                    f"{self.folder} holds the backups of another Candor.", code="backup.another",
                    advice="Give each data folder a target of its own; nothing was changed.",
                )  # fmt: skip
            for folder in (self.objects, self.snapshots):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def tenant(self) -> str:
        """Whose backups these are; raises NotFound when there are none."""
        try:
            read = json.loads(self._identity().read_text())
            form, tenant = int(read["format"]), str(read["tenant"])
        except FileNotFoundError:
            raise NotFound(f"There are no backups in {self.folder}.", code="backup.none") from None
        except OSError as error:
            raise unwritable(self.folder, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{_IDENTITY} in {self.folder} cannot be read.", code="backup.damaged") from error
        if form > FORMAT:
            raise Conflict(
                "These backups were made by a newer version of Candor.", code="backup.newer", advice="Use that version."
            )
        return tenant

    @contextmanager
    def alone(self, *, reading: bool = False) -> Iterator[None]:
        """Keep others from changing it; raises Conflict when somebody does just now.

        ``reading`` does without where nobody can write.
        """
        self.tenant()
        try:
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            if reading and error.errno in {errno.EROFS, errno.EACCES}:
                yield
                return
            raise unwritable(self.folder, error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    "Another backup, verification or restore works on this folder.", code="backup.running",
                    advice="Wait until it has ended.",
                ) from None  # fmt: skip
            yield

    def names(self) -> list[str]:
        """Finished snapshots, oldest first."""
        return [path.name for path in self._all() if (path / MANIFEST).is_file()]

    def next_name(self, now: datetime) -> str:
        """A name for a snapshot begun at ``now`` that sorts after all that are there, whatever the clock did.

        The newest name decides which objects stay: two backups in one second, or a clock that was set back, must not
        make an older one look like the newest.
        """
        there = self._all()
        if there:
            last = datetime.strptime(there[-1].name.partition("-")[0], _STAMP).replace(tzinfo=UTC)
            now = max(now, last + timedelta(seconds=1))
        return f"{now:{_STAMP}}-{os.urandom(3).hex()}"

    def half_written(self) -> list[str]:
        """Snapshots that were begun and never finished, oldest first."""
        return [path.name for path in self._all() if not (path / MANIFEST).is_file()]

    def choose(self, name: str | None) -> str:
        """``name``, or the newest finished snapshot; raises Incomplete (half-written), NotFound."""
        finished = self.names()
        if name is None:
            if finished:
                return finished[-1]
            if self.half_written():
                raise Incomplete(
                    f"The only backup in {self.folder} was never finished: it is not used.", code="backup.half_written",
                    advice="Run `candor backup` again: it goes on with what is there.",
                )  # fmt: skip
            raise NotFound(f"There are no backups in {self.folder}.", code="backup.none")
        if name in finished:
            return name
        if name in self.half_written():
            raise Incomplete(
                f"The backup {name} was never finished: it is not used.", code="backup.half_written",
                advice="`candor backup list` names those that were.",
            )  # fmt: skip
        raise NotFound(
            f"There is no backup {name} in {self.folder}.", code="backup.none", advice="See `candor backup list`."
        )

    def drop(self, name: str) -> None:
        """Remove a snapshot: its manifest first, so that what is left of it is never taken for whole."""
        folder = self.snapshots / name
        (folder / MANIFEST).unlink(missing_ok=True)
        if folder.is_dir():
            sync_folder(folder)
            shutil.rmtree(folder)

    def path_of(self, object_id: str) -> Path:
        """Where an object lies."""
        if not object_id.replace("-", "").isalnum():
            raise Damaged("An object has an impossible name.", code="vault.damaged")
        return self.objects / object_id[-2:] / object_id

    def copy_in(self, object_id: str, source: BinaryIO) -> tuple[str, int]:
        """Copy an object, whole or not at all; (digest, size). Raises Unavailable when the target does not take it."""
        return copy_whole(source, self.path_of(object_id))

    def index(self, name: str) -> Iterator[Held]:
        """The objects of a snapshot in order; a line that cannot be read ends it when the snapshot is half-written."""
        folder = self.snapshots / name
        finished = folder / INDEX
        return read_index(finished if finished.is_file() else folder / f"{INDEX}.part")

    def known(self) -> Iterator[Held]:
        """Objects whose digests are known: of the newest finished snapshot and of all that were interrupted."""
        sources = [*self.names()[-1:], *self.half_written()]
        return heapq.merge(*(self.index(name) for name in sources), key=lambda held: held.place)

    def present(self) -> Iterator[tuple[str, Path]]:
        """Every object that is there, in order; drafts that a crash left are removed."""
        for folder in sorted(path for path in self.objects.iterdir() if path.is_dir()):
            for path in sorted(folder.iterdir()):
                if path.suffix:
                    path.unlink(missing_ok=True)
                else:
                    yield path.name, path

    def set_aside(self, path: Path) -> None:
        """Move what does not verify out of the way: the next backup copies it anew, and people can look at it."""
        aside = self.folder / "damaged"
        with suppress(OSError):  # where nobody can write, it stays where it is
            aside.mkdir(exist_ok=True, mode=0o700)
            path.replace(aside / path.name)

    def _all(self) -> list[Path]:
        if not self.snapshots.is_dir():
            return []
        return sorted(path for path in self.snapshots.iterdir() if _NAME.fullmatch(path.name))

    def _identity(self) -> Path:
        return self.folder / _IDENTITY


def read_index(path: Path) -> Iterator[Held]:
    """Lines of ``sha256sum``; the torn end of an interrupted one is left out."""
    if not path.is_file():
        return
    with path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            found = _LINE.fullmatch(line)
            if found is not None and found[3][-2:] == found[2]:
                yield Held(found[3], found[1])


def index_line(held: Held) -> str:
    """As ``sha256sum -c`` reads it, from within the target."""
    return f"{held.sha256}  objects/{held.object_id[-2:]}/{held.object_id}\n"


def copy_whole(source: BinaryIO, path: Path, wanted: str | None = None) -> tuple[str, int]:
    """Copy a stream to a file that is there whole and durable, or not at all; (SHA-256, size).

    Raises Damaged when the digest is not ``wanted`` (nothing is left then), Unavailable when the disk takes nothing.
    """
    draft, digest, size = path.with_name(f"{path.name}.draft"), hashlib.sha256(), 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with private(draft) as file:
            while block := source.read(_BLOCK):
                digest.update(block)
                size += len(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if wanted is not None and digest.hexdigest() != wanted:
            draft.unlink()
            raise Damaged(f"{path.name} does not have the digest that its backup names.", code="backup.damaged")
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    return digest.hexdigest(), size


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unwritable(folder: Path, error: OSError) -> Unavailable:
    """The disk does not do what it is asked."""
    return Unavailable(
        f"{folder} cannot be used ({error.strerror}).", code="backup.disk",
        advice="See that it is mounted, writable and has room; what is there was not harmed.",
    )  # fmt: skip


def without(sorted_ids: Iterable[tuple[str, Path]], kept: Iterator[Held]) -> Iterator[Path]:
    """Those of ``sorted_ids`` that ``kept`` does not name; both in order."""
    held = next(kept, None)
    for object_id, path in sorted_ids:
        place = (object_id[-2:], object_id)
        while held is not None and held.place < place:
            held = next(kept, None)
        if held is None or held.object_id != object_id:
            yield path
