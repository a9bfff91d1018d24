"""The vault's verbs: seal, open, shred, sweep.

Sealing has two halves, so that a crash between them loses nothing and reveals nothing: the sealed bytes are made
durable first (:meth:`SealedFile.finish`), then recorded with their key in the caller's unit of work
(:meth:`Vault.keep`). Bytes without a record cannot be opened by anyone; :meth:`Vault.sweep` removes them.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from typing import BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from candor.errors import CandorError, Damaged, WrongKey
from candor.kit import clock
from candor.kit.database import UnitOfWork, after_commit, cut_log
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.vault import store
from candor.vault.keys.ring import RIGHT_KEY, KeyRing
from candor.vault.ports import MasterKey, ObjectStore
from candor.vault.store import SealedObject
from candor.vault.streaming import OpeningReader, SealingWriter

FIELDS = "fields"
_NONCE = 12
_log = get_logger("vault")


class SealedFile:
    """A new object being sealed: write to ``stream``, then :meth:`finish`; or :meth:`abort`."""

    def __init__(self, vault: Vault, kind: str, conversation_id: str) -> None:
        self._id = new_id()
        self._kind, self._conversation_id = kind, conversation_id
        data_key = os.urandom(32)
        context = context_of(self._id, kind, conversation_id)
        self._key_id, self._wrapped = vault.keys.key_id, vault.keys.wrap(data_key, context)
        self._draft = vault.objects.draft(self._id)
        self._writer = SealingWriter(self._draft.stream, data_key, context)
        self.stream: BinaryIO = cast("BinaryIO", self._writer)
        """Writable; seeking back is possible inside the first 64 KB."""

    def finish(self, sha512: str | None = None) -> SealedObject:
        """Make the bytes durable; raises Unavailable when the disk does not take them."""
        self._writer.finish()
        self._draft.publish()
        return SealedObject(
            id=self._id, conversation_id=self._conversation_id, kind=self._kind, size=self._writer.size,
            sha512=sha512, master_key_id=self._key_id, wrapped=self._wrapped, created_at=clock.now(),
        )  # fmt: skip

    def abort(self) -> None:
        """Forget what was written."""
        self._draft.discard()


class DigestingWriter:
    """Passes bytes on to a sealed file and keeps their SHA-512: for originals, which are written in order."""

    def __init__(self, sealed_file: SealedFile) -> None:
        self._sealed_file = sealed_file
        self._hash = hashlib.sha512()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append."""
        self._hash.update(data)
        self.size += len(data)
        self._sealed_file.stream.write(data)

    @property
    def sha512(self) -> str:
        """Hexadecimal digest of what was written so far."""
        return self._hash.hexdigest()

    def finish(self) -> SealedObject:
        """Durable, with digest."""
        return self._sealed_file.finish(self.sha512)

    def abort(self) -> None:
        """Forget it."""
        self._sealed_file.abort()


class FieldCipher:
    """Seals small fields of one conversation under one data key (AES-256-GCM, 96-bit random nonce in front)."""

    def __init__(self, key: bytes, conversation_id: str) -> None:
        self._aead, self._bound = AESGCM(key), conversation_id.encode()

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to conversation and field name."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, plain, self._place(field))

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was sealed for another place or changed."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._place(field))
        except (InvalidTag, ValueError) as error:
            raise Damaged("A sealed field does not verify.", code="vault.damaged") from error

    def _place(self, field: str) -> bytes:
        if "\0" in field:
            raise ValueError("a name with a zero byte could be read in two ways")
        return self._bound + b"\0" + field.encode()


class Vault:
    """Sealed objects and their keys."""

    def __init__(self, objects: ObjectStore, master: MasterKey | KeyRing) -> None:
        self.objects = objects
        self.keys = master if isinstance(master, KeyRing) else KeyRing(master)

    def begin(self, kind: str, conversation_id: str) -> SealedFile:
        """Start sealing a new object of ``kind`` that belongs to a conversation."""
        return SealedFile(self, kind, conversation_id)

    def seal(self, kind: str, conversation_id: str, data: bytes) -> SealedObject:
        """Seal bytes that are in memory."""
        sealed_file = self.begin(kind, conversation_id)
        sealed_file.stream.write(data)
        return sealed_file.finish()

    def look(self, sealed: SealedObject) -> BinaryIO:
        """The plaintext of a finished object that is not recorded yet."""
        context = context_of(sealed.id, sealed.kind, sealed.conversation_id)
        return self._reader(sealed.id, self.keys.unwrap(sealed.master_key_id, sealed.wrapped, context), context)

    def keep(self, uow: UnitOfWork, sealed: SealedObject) -> str:
        """Record a finished object with its key; returns its id."""
        store.put(uow, sealed)
        return sealed.id

    def open(self, uow: UnitOfWork, object_id: str) -> BinaryIO:
        """The plaintext as a seekable stream; raises NotFound, or Damaged (wrong key, shredded, changed bytes)."""
        conversation_id, kind = store.get(uow, object_id)
        context = context_of(object_id, kind, conversation_id)
        return self._reader(object_id, self._data_key(uow, object_id, context), context)

    def read(self, uow: UnitOfWork, object_id: str) -> bytes:
        """The whole plaintext."""
        with self.open(uow, object_id) as stream:
            return stream.read()

    def size(self, uow: UnitOfWork, object_id: str) -> int:
        """Plaintext bytes."""
        return store.size_of(uow, object_id)

    def fields(self, uow: UnitOfWork, conversation_id: str, *, create: bool = False) -> FieldCipher:
        """The cipher for a conversation's small sealed fields; ``create`` makes its key when there is none."""
        context = context_of(conversation_id, FIELDS, conversation_id)
        if create and store.get_key(uow, conversation_id) is None:
            key = os.urandom(32)
            store.put_key(uow, conversation_id, self.keys.key_id, self.keys.wrap(key, context))
            return FieldCipher(key, conversation_id)
        return FieldCipher(self._data_key(uow, conversation_id, context), conversation_id)

    def shred(self, uow: UnitOfWork, object_id: str) -> None:
        """Destroy the data key, then the bytes: no copy of the object can be opened any more, anywhere.

        The key's row is overwritten (``secure_delete``), and the log that it passed through is cut. The bytes go when
        the key is gone for certain: after ``uow`` is committed. What a crash leaves of them, :meth:`sweep` takes.
        """
        store.drop_key(uow, object_id)
        after_commit(uow, cut_log)
        after_commit(uow, lambda _engine: self._delete(object_id))

    def _delete(self, object_id: str) -> None:
        try:
            self.objects.delete(object_id)
        except (CandorError, OSError):
            _log.warning("bytes of a destroyed object could not be removed; they open nothing", object=object_id)

    def prove_master(self, uow: UnitOfWork) -> None:
        """Raises WrongKey when everything held is sealed under other master keys: nothing must be added under ours."""
        if store.any_key(uow) and not any(store.any_key(uow, key.key_id) for key in self.keys.keys):
            raise WrongKey(
                f"The master key {self.keys.key_id} is not the one that this data folder was sealed under.",
                advice=RIGHT_KEY,
            )

    def sweep(self, uow: UnitOfWork, older_than: float = 3600.0) -> int:
        """Remove bytes that were never recorded (a crash between the halves); returns how many.

        ``older_than`` seconds protect what is being sealed right now.
        """
        known, limit, removed = store.ids(uow), time.time() - older_than, 0
        for name, changed in self.objects.names():
            if name not in known and changed < limit:
                self.objects.delete(name)
                removed += 1
        return removed

    def _reader(self, object_id: str, data_key: bytes, context: bytes) -> BinaryIO:
        stream, size = self.objects.open(object_id)
        try:
            reader = OpeningReader(stream, size, data_key, context)
        except BaseException:
            stream.close()
            raise
        return cast("BinaryIO", io.BufferedReader(reader, 65_536))

    def _data_key(self, uow: UnitOfWork, object_id: str, context: bytes) -> bytes:
        kept = store.get_key(uow, object_id)
        if kept is None:
            raise Damaged("The key of this object was destroyed: it cannot be opened any more.", code="vault.shredded")
        key_id, wrapped, form = kept
        return self.keys.unwrap(key_id, wrapped, context, form)


def context_of(object_id: str, kind: str, conversation_id: str) -> bytes:
    """What binds ciphertext to its place: it cannot be passed off as another object, kind or conversation."""
    parts = (object_id.encode(), kind.encode(), conversation_id.encode())
    if any(b"\0" in part for part in parts):
        raise ValueError("a name with a zero byte could be read in two ways")
    return b"\0".join((b"candor.object.1", *parts))
