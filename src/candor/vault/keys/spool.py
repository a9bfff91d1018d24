"""Data keys of calls that are being captured.

The recorder must begin a call in microseconds and while a key service is away. So it makes a *spool key* when it
starts, has that wrapped by the master key once, and wraps the data keys of its calls under it. The wrapped spool key
lies in a file of its own, ``NAME.key``: changing the master key rewrites that file and no call, and a call's data key
is destroyed by overwriting it in the call's file, as before. A spool key that no call needs any more is destroyed when
the next recorder starts.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Collection
from pathlib import Path

from candor.errors import Damaged
from candor.kit.files import replace_file
from candor.kit.ids import new_id
from candor.vault.adapters.local_key import LocalKey
from candor.vault.keys.ring import BOUND, UNBOUND, KeyRing

_PREFIX = "spool-"
_LONGEST = 16_384


class SpoolKeys:
    """Data keys, each bound to its call; used by any number of threads."""

    def __init__(self, ring: KeyRing, folder: Path) -> None:
        self._ring, self._folder = ring, folder
        self._lock = threading.Lock()
        self._own: tuple[str, LocalKey] | None = None
        self._opened: dict[str, LocalKey] = {}

    def begin(self, kept: Collection[bytes]) -> None:
        """The folder's one recorder starts: destroy spool keys that no call in it needs, and make a new one.

        ``kept`` are the wrapped keys of all calls in the spool; no call waits for the master key after this.
        """
        needed = {wrapped.partition(b"\0")[0].decode("ascii", "replace") for wrapped in kept}
        for path in self._folder.glob(f"{_PREFIX}*.key"):
            if path.stem not in needed:
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
        self._sealing()

    def new(self, call_id: str) -> tuple[bytes, bytes]:
        """(data key, name of the spool key and wrapped data key); raises Unavailable without a master key."""
        name, key = self._sealing()
        data_key = os.urandom(32)
        return data_key, name.encode() + b"\0" + key.wrap(data_key, _of_call(call_id))

    def open(self, call_id: str, wrapped: bytes) -> bytes:
        """The data key; raises WrongKey (another master key), Damaged (for another call, or its spool key is gone)."""
        name, _, key = wrapped.partition(b"\0")
        named = name.decode("ascii", "replace")
        if not named.startswith(_PREFIX):  # from before 1.0: directly under the master key
            return self._ring.unwrap(named, key, _of_call(call_id), UNBOUND)
        return self._spool_key(named).unwrap(key, _of_call(call_id))

    def rewrap(self, *, again: bool = False) -> int:
        """Wrap every spool key under the master key that seals now; returns how many files were written anew.

        Safe to be killed: a file is replaced at once and whole.
        """
        done = 0
        for path in sorted(self._folder.glob(f"{_PREFIX}*.key")):
            key_id, form, wrapped = _read(path)
            if again or (key_id, form) != (self._ring.key_id, BOUND):
                secret = self._ring.unwrap(key_id, wrapped, _of_spool(path.stem), form)
                _write(path, self._ring.key_id, self._ring.wrap(secret, _of_spool(path.stem)))
                done += 1
        return done

    def counts(self) -> dict[str, int]:
        """Spool keys by the master key that wraps them."""
        found: dict[str, int] = {}
        for path in self._folder.glob(f"{_PREFIX}*.key"):
            key_id = _read(path)[0]
            found[key_id] = found.get(key_id, 0) + 1
        return found

    def _sealing(self) -> tuple[str, LocalKey]:
        with self._lock:
            if self._own is None:
                name, secret = _PREFIX + new_id(), os.urandom(32)
                wrapped = self._ring.wrap(secret, _of_spool(name))
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                _write(self._folder / f"{name}.key", self._ring.key_id, wrapped)
                self._own = (name, LocalKey(secret))
                self._opened[name] = self._own[1]
            return self._own

    def _spool_key(self, name: str) -> LocalKey:
        with self._lock:
            if name not in self._opened:
                if not name.removeprefix(_PREFIX).replace("-", "").isalnum():
                    raise Damaged("A call in the spool names an impossible key.", code="spool.damaged")
                key_id, form, wrapped = _read(self._folder / f"{name}.key")
                self._opened[name] = LocalKey(self._ring.unwrap(key_id, wrapped, _of_spool(name), form))
            return self._opened[name]


def _of_call(call_id: str) -> bytes:
    return b"candor.spool.1\0" + call_id.encode()


def _of_spool(name: str) -> bytes:
    return b"candor.spool-key.1\0" + name.encode()


def _read(path: Path) -> tuple[str, int, bytes]:
    """(id of the master key, form, wrapped spool key)"""
    try:
        with path.open("rb") as file:
            kept = json.loads(file.read(_LONGEST))
        return str(kept["key_id"]), int(kept["form"]), bytes.fromhex(kept["wrapped"])
    except FileNotFoundError as error:
        raise Damaged(
            "The key of calls in the spool is missing.", code="spool.no_key",
            advice=f"Put {path.name} back into the spool's folder `keys`; the calls stay as they are until then.",
        ) from error  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"The spool key {path.name} cannot be read.", code="spool.damaged") from error


def _write(path: Path, key_id: str, wrapped: bytes) -> None:
    kept = {"key_id": key_id, "form": BOUND, "wrapped": wrapped.hex()}
    replace_file(path, json.dumps(kept).encode())
