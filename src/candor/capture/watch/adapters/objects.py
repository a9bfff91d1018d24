"""An object store by ``obstore``: S3 and what speaks like it, Google Cloud Storage, Azure; a folder or memory, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import obstore
from obstore import exceptions

from candor.capture.watch.model import Found
from candor.capture.watch.ports import Reading
from candor.errors import CandorError, Conflict, InvalidInput, NotFound, Unavailable

CHUNK = 1 << 20
_DENIED = (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
_REFUSED = re.compile(r"\b(?:40[13]|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId)\b")
"""A listing that is not allowed comes as a general fault, the store's answer in its words."""
# Six tries within a minute; longer troubles are for the next look, which comes with a back-off of its own.
_RETRY = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
_CLIENT = {"timeout": "60 seconds", "connect_timeout": "10 seconds", "user_agent": "candor"}
_DISTANT = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")


def open_store(url: str, options: tuple[tuple[str, str], ...] = ()) -> Any:
    """The store behind ``url``, limited to its prefix; raises InvalidInput ``watch.options``.

    ``options`` are the store's own (``aws_region``, ``aws_endpoint`` …); ``allow_http`` is for stores without TLS.
    """
    given = dict(options)
    more: dict[str, Any] = {}
    if url.partition(":")[0] in _DISTANT:
        client: dict[str, Any] = dict(_CLIENT)
        if "allow_http" in given:
            client["allow_http"] = given.pop("allow_http").lower() in {"1", "true", "yes"}
        more = {"config": given, "client_options": client, "retry_config": _RETRY}
    try:
        return obstore.store.from_url(url, **more)
    except (exceptions.BaseError, ValueError, TypeError):
        # The library's words may quote a secret.
        raise InvalidInput(
            "The address or the options of a watched object store are not valid.", code="watch.options",
            advice="See docs/howto/watch-a-folder-or-bucket.md.",
        ) from None  # fmt: skip


class ObjectPlace:
    """Objects under the prefix that ``store`` is limited to."""

    whole_when_listed = True
    folder: Path | None = None

    def __init__(self, store: Any) -> None:
        self._store = store

    def walk(self) -> Iterator[Found]:
        """In the order of keys, a thousand a request."""
        try:
            for batch in obstore.list(self._store, chunk_size=1000):
                for meta in batch:
                    key = meta["path"]
                    # "Folders" that consoles make are empty objects with a slash at their end.
                    if not key.endswith("/") and not any(part.startswith(".") for part in key.split("/")):
                        yield _found(meta)
        except Exception as error:  # the library raises what its own generic class does not cover
            raise _ours(error) from error

    def find(self, key: str) -> Found | None:
        """HEAD."""
        if not key:
            return None
        try:
            return _found(obstore.head(self._store, key))
        except (FileNotFoundError, exceptions.NotFoundError, ValueError):
            return None
        except Exception as error:
            raise _ours(error) from error

    @contextmanager
    def open(self, found: Found) -> Iterator[Reading]:
        """GET, only of the version that was listed where the store can tell versions apart."""
        try:
            answer = obstore.get(self._store, found.key)
            unchanged = _found(answer.meta).same(found)
            stream = _Reading(iter(answer.stream(min_chunk_size=CHUNK)))
        except Exception as error:
            raise _ours(error) from error
        if not unchanged:
            raise Conflict("The file was changed while it was read.", code="watch.changing")
        yield stream

    def move(self, found: Found, folder: str) -> None:
        """By a copy inside the store; what is there already under the new name is kept beside it."""
        target = f"{folder.strip('/')}/{found.key}"
        try:
            there = self.find(target)
            if there is not None and there.size != found.size:
                stem, dot, suffix = target.rpartition(".")
                mark = blake2b(found.tag.encode(), digest_size=4).hexdigest()
                target = f"{stem}~{mark}.{suffix}" if dot else f"{target}~{mark}"
            with suppress(FileNotFoundError, exceptions.NotFoundError):
                obstore.copy(self._store, found.key, target)
                obstore.delete(self._store, found.key)
        except Exception as error:
            raise _ours(error) from error

    def delete(self, found: Found) -> None:
        """DELETE; with versioning on, the store keeps what its owner told it to."""
        try:
            with suppress(FileNotFoundError, exceptions.NotFoundError):
                obstore.delete(self._store, found.key)
        except Exception as error:
            raise _ours(error) from error


class _Reading:
    """A stream of chunks as a file."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks, self._rest = chunks, b""

    def read(self, size: int = -1) -> bytes:
        """Like a raw file, it may give less than ``size``; nothing means the end."""
        if not self._rest:
            try:
                self._rest = bytes(next(self._chunks, b""))
            except Exception as error:
                raise _ours(error) from error
        if size < 0 or len(self._rest) <= size:
            data, self._rest = self._rest, b""
        else:
            data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _found(meta: Any) -> Found:
    changed = meta["last_modified"]
    # Whole seconds: a listing tells milliseconds, the heading of an answer does not.
    tag = meta["e_tag"] or str(int(changed.timestamp()))
    return Found(key=meta["path"], size=meta["size"], tag=tag[:128], changed_at=changed)


def _ours(error: Exception) -> CandorError:
    if isinstance(error, CandorError):
        return error
    if isinstance(error, FileNotFoundError | exceptions.NotFoundError | ValueError):  # ValueError: no key of a store
        return NotFound("The file is gone.", code="watch.gone")
    if isinstance(error, _DENIED) or _REFUSED.search(str(error)):
        return Unavailable(
            "The object store does not let us in.", code="watch.denied",
            advice="Check the keys, and that they may list, read and (to move or delete) write.",
        )  # fmt: skip
    return Unavailable(
        "The object store does not answer as it should.", code="watch.away",
        advice="Check its address and the network; it is tried again by itself.",
    )  # fmt: skip
