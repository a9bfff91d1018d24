"""A language model behind ``POST /chat/completions``, as OpenAI, vLLM, llama.cpp, Ollama and others serve it.

Temperature 0 and a fixed seed; the answer's shape as ``response_format`` where the server knows that. Answers are
bounded in size and time, redirects are not followed, no proxy is taken from the environment, and nothing that the
server says is passed on except the answer itself.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from candor.errors import InvalidInput
from candor.scoring.ports import NoAnswer

_LONGEST_ANSWER = 1 << 18
_MOST_TOKENS = 800
_SEED = 7
_LONGEST_WAIT = 5.0
"""Seconds that a server may ask us to wait, once, before it is asked again."""
_NOT_SHAPED = frozenset({400, 404, 422, 501})
"""How servers say that they do not know ``response_format``."""


class OpenAiCompatible:
    """One model of one server. Safe from several threads."""

    def __init__(
        self, url: str, model: str, key: str | None = None, *, timeout: float = 30.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        """``url``: up to and with ``/v1``; ``timeout``: seconds for a whole answer.

        Raises InvalidInput for an address that would carry conversations in the clear over the Internet.
        """
        check_address(url)
        self._url = url.rstrip("/") + "/chat/completions"
        self._name, self._timeout, self._pause = model, timeout, pause
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Reading block by block is bounded by the deadline below; this bounds each wait.
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)), headers=headers, trust_env=False,
            follow_redirects=False,
        )  # fmt: skip
        self._shaped = True

    @property
    def name(self) -> str:
        return self._name

    def answer(self, instructions: str, material: str, schema: Mapping[str, Any]) -> str:
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [{"role": "system", "content": instructions}, {"role": "user", "content": material}],
            "temperature": 0,
            "seed": _SEED,
            "max_tokens": _MOST_TOKENS,
        }
        shape = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)}}
        waited = False
        deadline = time.monotonic() + self._timeout
        while True:
            asked_shaped = self._shaped
            status, data, after = self._once(body | ({"response_format": shape} if asked_shaped else {}), deadline)
            if status == 200:
                return _content(data)
            if status in _NOT_SHAPED and asked_shaped:
                self._shaped = False
                continue
            if status in {429, 503} and not waited and after is not None and after <= _LONGEST_WAIT:
                waited = True
                self._pause(after)
                continue
            raise _refused(status)

    def _once(self, body: Mapping[str, Any], deadline: float) -> tuple[int, bytes, float | None]:
        data = b""
        try:
            with self._client.stream("POST", self._url, json=body) as answer:
                for block in answer.iter_bytes():
                    data += block
                    if len(data) > _LONGEST_ANSWER:
                        raise NoAnswer("its answer is too long")
                    if time.monotonic() > deadline:
                        raise NoAnswer("it did not answer in time", gone=True)
                return answer.status_code, data, _seconds(answer.headers.get("retry-after"))
        except httpx.TimeoutException as error:
            raise NoAnswer("it did not answer in time", gone=True) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer("it cannot be reached", gone=True) from error


def check_address(url: str) -> None:
    """Refuse an address that is none, or that is neither https nor in this machine's own network."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and host and _near(host):
        return
    raise InvalidInput(
        "CANDOR_JUDGE_URL is not an address that conversations may be sent to.", code="settings.invalid",
        advice="Use https; plain http is taken for this machine and its own network only.",
    )  # fmt: skip


def _near(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
    return address.is_loopback or address.is_private


def _content(data: bytes) -> str:
    try:
        said = json.loads(data)["choices"][0]["message"]["content"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise NoAnswer("its answer is not in the form of the protocol") from None
    if not isinstance(said, str) or not said.strip():
        raise NoAnswer("its answer is empty")
    return said


def _refused(status: int) -> NoAnswer:
    if status in {401, 403}:
        return NoAnswer("it does not take the key", gone=True)
    if status == 429:
        return NoAnswer("it has too much to do", gone=True)
    if status == 404:
        return NoAnswer("it does not know the model or the address", gone=True)
    if 300 <= status < 400:
        return NoAnswer("it sends us elsewhere, which is not followed", gone=True)
    return NoAnswer(f"it answers {status}", gone=status >= 500)


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None
