"""What a snapshot says of itself, and the key that its files are sealed under.

The manifest is JSON that anybody may read: ids, digests, numbers. Its last field is an HMAC-SHA256 under a key derived
from the snapshot's own, over everything else as canonical JSON (RFC 8785): who changes a digest is found out by
whoever has the master key.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO, cast

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from candor.errors import Conflict, Damaged
from candor.kit import clock
from candor.kit.files import private, replace_file
from candor.kit.jcs import canonical
from candor.pipeline.backup.target import FORMAT, MANIFEST, Target, digest_of
from candor.vault.keys.ring import KeyRing
from candor.vault.streaming import OpeningReader, SealingWriter

_LONGEST = 1 << 28


@dataclass(frozen=True, slots=True)
class Piece:
    """One sealed file of a snapshot."""

    number: int
    path: str
    """Where it was in the data folder."""
    size: int
    """Sealed bytes."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One finished snapshot."""

    name: str
    tenant: str
    made_at: datetime
    version: str
    key_id: str
    wrapped: str
    """The snapshot's key under the master key, hexadecimal."""
    objects: int
    index_sha256: str
    pieces: tuple[Piece, ...]
    missing: tuple[str, ...] = ()
    """Objects that the database names and the vault did not have: damage that the backup did not make."""
    in_progress: int = 0
    """Calls that were being recorded: they are in the next one."""
    salts: dict[str, str] = field(default_factory=dict)
    """Files that a passphrase needs to become a key; they open nothing by themselves."""
    key_files: dict[str, str] = field(default_factory=dict)
    """Key files, each sealed under a passphrase of its own: only when that was asked for."""
    form: int = FORMAT
    mac: str = ""

    def piece(self, path: str) -> Piece | None:
        """The file that was at ``path``."""
        return next((one for one in self.pieces if one.path == path), None)


class Snapshot:
    """The files of one snapshot, sealed and opened."""

    def __init__(self, target: Target, name: str, tenant: str, key: bytes) -> None:
        self.folder = target.snapshots / name
        self.name, self._tenant, self._key = name, tenant, key

    @classmethod
    def begin(cls, target: Target, ring: KeyRing) -> tuple[Snapshot, str]:
        """A new one, and its key wrapped by the master key, hexadecimal."""
        name = target.next_name(clock.now())
        key = os.urandom(32)
        wrapped = ring.wrap(key, _key_context(name))
        (target.snapshots / name / "files").mkdir(parents=True, mode=0o700)
        return cls(target, name, ring.tenant, key), wrapped.hex()

    @classmethod
    def of(cls, target: Target, manifest: Manifest, ring: KeyRing) -> Snapshot:
        """A finished one. Raises WrongKey, and Damaged when its manifest was changed."""
        key = ring.unwrap(manifest.key_id, bytes.fromhex(manifest.wrapped), _key_context(manifest.name))
        if not hmac.compare_digest(manifest.mac, _mac(manifest, key)):
            raise Damaged(
                f"The manifest of the backup {manifest.name} was changed.", code="backup.forged",
                advice="Use another one; `candor backup list` names them.",
            )  # fmt: skip
        return cls(target, manifest.name, manifest.tenant, key)

    def seal(self, number: int, path: str, source: BinaryIO) -> Piece:
        """Add a file; durable when this returns."""
        place = self.folder / "files" / str(number)
        with private(place) as sink:
            writer = SealingWriter(sink, self._key, self._context(path))
            while block := source.read(1 << 20):
                writer.write(block)
            writer.finish()
            sink.flush()
            os.fsync(sink.fileno())
        return Piece(number, path, place.stat().st_size, digest_of(place))

    def open(self, piece: Piece) -> BinaryIO:
        """The plaintext of a file; raises Damaged for what is missing or does not verify."""
        try:
            stream = (self.folder / "files" / str(piece.number)).open("rb")
        except OSError as error:
            raise Damaged(f"The backup {self.name} lacks a part of itself.", code="backup.damaged") from error
        try:
            reader = OpeningReader(stream, os.fstat(stream.fileno()).st_size, self._key, self._context(piece.path))
        except BaseException:
            stream.close()
            raise
        return cast("BinaryIO", io.BufferedReader(reader, 65_536))

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest: from now on the snapshot exists."""
        signed = replace(manifest, mac=_mac(manifest, self._key))
        replace_file(self.folder / MANIFEST, json.dumps(_plain(signed), indent=1).encode())
        return signed

    def _context(self, path: str) -> bytes:
        return b"\0".join((b"candor.backup.1", self._tenant.encode(), self.name.encode(), path.encode()))


def read_manifest(target: Target, name: str) -> Manifest:
    """What a finished snapshot says; nothing is believed of it before :meth:`Snapshot.of`."""
    try:
        with (target.snapshots / name / MANIFEST).open("rb") as file:
            read = json.loads(file.read(_LONGEST))
        if int(read["form"]) > FORMAT:
            raise Conflict(
                f"The backup {name} was made by a newer version of Candor.", code="backup.newer", advice="Use it."
            )
        manifest = Manifest(
            **(
                read
                | {
                    "made_at": datetime.fromisoformat(read["made_at"]), "missing": tuple(read["missing"]),
                    "pieces": tuple(Piece(**piece) for piece in read["pieces"]),
                }
            )
        )  # fmt: skip
        bytes.fromhex(manifest.wrapped)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f"The manifest of the backup {name} cannot be read.", code="backup.damaged") from error
    if manifest.name != name:
        raise Damaged(f"The manifest of the backup {name} is that of another.", code="backup.damaged")
    return manifest


def _plain(manifest: Manifest) -> dict[str, Any]:
    return asdict(manifest) | {"made_at": manifest.made_at.isoformat()}


def _mac(manifest: Manifest, key: bytes) -> str:
    own = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"candor.backup.manifest.1").derive(key)
    told = {name: value for name, value in _plain(manifest).items() if name != "mac"}
    return hmac.new(own, canonical(told), hashlib.sha256).hexdigest()


def _key_context(name: str) -> bytes:
    return b"candor.backup-key.1\0" + name.encode()
