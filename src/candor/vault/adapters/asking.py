"""Asking a key service over HTTPS: patience that ends, credentials renewed once, errors that say what to do.

What passes by itself (no connection, 408, 429, 5xx, what a service calls throttling) is tried again with a growing,
random pause, or the one that ``Retry-After`` asks for, within bounds. Answers are bounded, redirects are not
followed, no proxy is taken from the environment, and what a service says is never passed on: it may hold what it was
asked.
"""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from candor.errors import InvalidInput, Unavailable
from candor.kit.log import get_logger

_ATTEMPTS = 4
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3.0
_TIMEOUT = httpx.Timeout(5.0, connect=3.0)
_LONGEST_ANSWER = 1 << 20
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_log = get_logger("keys")

Answer = tuple[int, Mapping[str, Any], Mapping[str, str]]
"""(status, body read as JSON, headers); the body is empty when it is no JSON object."""


class Asker:
    """One key service, reached over one pool of connections."""

    def __init__(
        self,
        place: str,
        *,
        ca: Path | None = None,
        pause: Callable[[float], None] = time.sleep,
        attempts: int = _ATTEMPTS,
    ) -> None:
        self.place = place
        self._pause, self._attempts = pause, attempts
        self._client = httpx.Client(timeout=_TIMEOUT, verify=_trust(ca), trust_env=False, follow_redirects=False)

    def close(self) -> None:
        """Give connections back."""
        self._client.close()

    def ask(
        self,
        make: Callable[[], httpx.Request],
        *,
        passing: Callable[[int, Mapping[str, Any]], bool] = lambda _status, _body: False,
    ) -> Answer:
        """The answer to ``make()``, which is called for each attempt; raises Unavailable when patience is at its end.

        ``passing`` says which answers a service means to pass by themselves, beside the usual ones.
        """
        trouble = ""
        for attempt in range(self._attempts):
            wait = 0.0
            try:
                status, body, headers = self._once(make())
            except httpx.TransportError as error:
                trouble = _unreached(error)
            else:
                if status not in _PASSING and not passing(status, body):
                    return status, body, headers
                trouble = f"answers {status}"
                wait = _asked_for(headers)
            if attempt + 1 < self._attempts:
                grown = _FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311  spreads load, hides nothing
                self._pause(min(_LONGEST_PAUSE, max(wait, grown)))
        _log.warning("a key service cannot be used", service=self.place, trouble=trouble)
        raise Unavailable(
            f"The key service {self.place} cannot be used: it {trouble}.",
            code="key.unavailable",
            advice="Nothing was lost, and nothing is sealed or opened without it; see that it runs and can be reached "
            "from this machine, then try again.",
        )

    def _once(self, request: httpx.Request) -> Answer:
        with_stream = self._client.send(request, stream=True)
        try:
            data = b""
            for block in with_stream.iter_bytes():
                data += block
                if len(data) > _LONGEST_ANSWER:
                    break
        finally:
            with_stream.close()
        return with_stream.status_code, _json(data), with_stream.headers


def denied(place: str, what: str, advice: str) -> Unavailable:
    """The service knows us, and says no: nothing is sealed or opened until somebody allows it."""
    return Unavailable(f"The key service {place} refuses {what}.", code="key.denied", advice=advice)


def logged_out(place: str, advice: str) -> Unavailable:
    """The service does not take our credentials."""
    return Unavailable(f"The key service {place} does not take the credentials.", code="key.credentials", advice=advice)


def puzzling(place: str, status: int) -> Unavailable:
    """An answer that the documentation does not have."""
    return Unavailable(
        f"The key service {place} gave an answer that cannot be read (status {status}).", code="key.unavailable",
        advice="See that the address in the settings is the service's own.",
    )  # fmt: skip


def _trust(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"The certificates in {ca} cannot be read.", code="key.settings", advice="`ca` names a PEM file."
        ) from error


def _json(data: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _unreached(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "does not answer in time"
    text = str(error).lower()
    return "shows a certificate that is not trusted" if "certificate" in text else "cannot be reached"


def _asked_for(headers: Mapping[str, str]) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0
