"""From where a deed is asked for: set at the doors, read when a line is written."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

_origin: ContextVar[str | None] = ContextVar("candor_audit_origin", default=None)
LONGEST = 64
_Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def current() -> str | None:
    """The network address of the request in hand, ``cli:1000`` in a command, None in Candor's own work."""
    return _origin.get()


@contextmanager
def asked_from(origin: str | None) -> Iterator[None]:
    """For the time of a request."""
    token = _origin.set(None if origin is None else origin[:LONGEST])
    try:
        yield
    finally:
        _origin.reset(token)


def at_this_machine() -> AbstractContextManager[None]:
    """For the time of a command that somebody gave on the machine itself; their number there stands for them."""
    return asked_from(f"cli:{os.getuid()}")


class AskedFrom:
    """ASGI middleware: the caller's address, as the server tells it (behind a proxy: as the proxy tells the server)."""

    def __init__(self, app: _Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The address for everything that this request does, in whatever thread."""
        client = scope.get("client") if scope["type"] in {"http", "websocket"} else None
        with asked_from(str(client[0]) if client else None):
            await self._app(scope, receive, send)
