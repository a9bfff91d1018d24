"""Sealing and opening, beside AES-GCM of the ``cryptography`` library on the same bytes in the same run.

The reference encrypts the same bytes in pieces of a segment's size (``pieces``), in one call into memory that is there
(``into``), or in one call as it is mostly used, the output allocated by the library (``whole``); the ratio is to the
fastest of the three. Time is that of the processor, rounds take turns, and the best of each counts: so other programs
on the machine weigh little. ``seal`` and ``open`` are the vault's own streams, sealing into nowhere as ``pieces``
does; ``seal_to_memory`` and ``seal_to_disk`` copy the result once more, into memory and into a file.

    python -m bench.sealing --size small|medium|large
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.report import emit
from candor.vault.adapters.folder import FolderStore
from candor.vault.adapters.local_key import LocalKey
from candor.vault.service import Vault
from candor.vault.streaming import PLAIN, OpeningReader, SealingWriter, sealed_size

SIZES = {"small": (32 << 20, 15), "medium": (128 << 20, 15), "large": (512 << 20, 9)}
"""Bytes and rounds."""
_PIECE = 1 << 20
_PLACE = b"candor.object.1\0bench\0original\0bench"


def _timed(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


class Nowhere(io.RawIOBase):
    """Takes everything, keeps nothing."""

    def seek(self, offset: int, _whence: int = 0) -> int:
        return offset

    def write(self, data: Any) -> int:
        return len(data)


class Runs:
    """Everything that is timed, over the same bytes."""

    def __init__(self, size: int, folder: Path) -> None:
        self.data = os.urandom(size)
        self.key, self.nonce = os.urandom(32), bytes(12)
        self.aead = AESGCM(self.key)
        self.cipher = self.aead.encrypt(self.nonce, self.data, None)
        self.room = bytearray(size + 16)
        self.pieces = [self.aead.encrypt(self.nonce, self.data[at : at + PLAIN], None) for at in range(0, size, PLAIN)]
        self.sink: BinaryIO = io.BytesIO(bytes(size + (size // PLAIN + 2) * 16 + 64))
        self.seal()
        self.sink.seek(0)
        self.sealed = self.sink.read(sealed_size(size))
        self.buffer = bytearray(_PIECE)
        self.vault = Vault(FolderStore(folder / "objects"), LocalKey(self.key))
        self.folder = folder

    def seal(self) -> None:
        """The vault's stream, its output kept in memory that is there."""
        self.sink.seek(0)
        self._seal(self.sink)

    def _seal(self, sink: BinaryIO) -> None:
        writer = SealingWriter(sink, self.key, _PLACE)
        view = memoryview(self.data)
        for at in range(0, len(view), _PIECE):
            writer.write(view[at : at + _PIECE])
        writer.finish()

    def open(self) -> None:
        """The vault's stream, read as its readers do."""
        reader = io.BufferedReader(OpeningReader(io.BytesIO(self.sealed), len(self.sealed), self.key, _PLACE), 65_536)
        while reader.readinto1(self.buffer):
            pass

    def encrypt_into(self) -> None:
        """The library, in one call, into memory that is there."""
        self.aead.encrypt_into(self.nonce, self.data, None, self.room)

    def decrypt_into(self) -> None:
        """The library, in one call, into memory that is there."""
        self.aead.decrypt_into(self.nonce, self.cipher, None, memoryview(self.room)[: len(self.data)])

    def encrypt_whole(self) -> None:
        """The library, in one call."""
        self.aead.encrypt(self.nonce, self.data, None)

    def encrypt_pieces(self) -> None:
        """The library, a segment's size at a time."""
        view = memoryview(self.data)
        for at in range(0, len(view), PLAIN):
            self.aead.encrypt(self.nonce, view[at : at + PLAIN], None)

    def decrypt_whole(self) -> None:
        """The library, in one call."""
        self.aead.decrypt(self.nonce, self.cipher, None)

    def decrypt_pieces(self) -> None:
        """The library, a segment's size at a time."""
        for piece in self.pieces:
            self.aead.decrypt(self.nonce, piece, None)

    def seal_away(self) -> None:
        """The vault's stream, its output dropped."""
        self._seal(cast("BinaryIO", Nowhere()))

    def through_the_folder(self) -> None:
        """An object as it is kept: sealed, flushed to the disk, renamed into place."""
        sealed = self.vault.seal("original", "bench", self.data)
        self.vault.objects.delete(sealed.id)


def main() -> None:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="small")
    size = parser.parse_args().size
    length, rounds = SIZES[size]
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(length, Path(folder))
        works = (
            runs.encrypt_whole, runs.encrypt_into, runs.encrypt_pieces, runs.seal_away, runs.seal,
            runs.through_the_folder, runs.decrypt_whole, runs.decrypt_into, runs.decrypt_pieces, runs.open,
        )  # fmt: skip
        best = [min(times) for times in zip(*([_timed(work) for work in works] for _ in range(rounds)), strict=True)]
    speeds = [length / seconds / 1e6 for seconds in best]
    for name, value, (whole, into, pieces) in (
        ("seal", speeds[3], speeds[:3]), ("open", speeds[9], speeds[6:9]), ("seal_to_memory", speeds[4], speeds[:3]),
        ("seal_to_disk", speeds[5], speeds[:3]),
    ):  # fmt: skip
        emit(
            name=f"sealing.{name}", value=value, unit="MB per CPU-second", n=length, size=size,
            reference="AES-256-GCM of cryptography on the same bytes, the fastest of whole, into and pieces",
            reference_value=max(whole, into, pieces), whole=round(whole, 1), into=round(into, 1),
            pieces=round(pieces, 1),
        )  # fmt: skip


if __name__ == "__main__":
    main()
