"""A language model's server on loopback: it speaks the chat completions protocol, well or badly, as a test asks."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Asked"], Any]
"""What it says to a request: a JSON value for the message's content, or text as it is."""


@dataclass(frozen=True)
class Asked:
    """One request, read back."""

    body: dict[str, Any]
    key: str | None

    @property
    def system(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def user(self) -> str:
        return str(self.body["messages"][1]["content"])

    @property
    def lines(self) -> list[tuple[int, str, str]]:
        """(number, speaker, words) of the transcript inside the fence."""
        fence = self.user.split("\n", 1)[0]
        inside = self.user.split(fence)[1]
        return [(int(n), who, said) for n, who, said in re.findall(r"^\[(\d+)\] (\w+): (.*)$", inside, re.MULTILINE)]

    @property
    def question(self) -> str:
        return self.user.rsplit("The question: ", 1)[1]


@dataclass
class Model:
    """What the server does."""

    answer: Answer
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    shaped: bool = True
    """False: it refuses ``response_format``."""
    raw: bytes | None = None
    """Sent as it is, in the place of an answer."""
    fails_first: int = 0
    """So many requests are refused with ``status`` before it answers."""
    asked: list[Asked] = field(default_factory=list)
    url: str = ""


def careful(asked: Asked) -> dict[str, Any]:
    """Says yes when the word after "about" in the question stands in a line, and quotes it."""
    word = asked.question.rstrip("?").split()[-1].lower()
    for number, _, said in asked.lines:
        if word in said.lower():
            return {"answer": "yes", "line": number, "quote": said[:80], "why": f"Somebody speaks of {word}."}
    number, _, said = asked.lines[-1]
    return {"answer": "no", "line": number, "quote": said[:80], "why": f"Nobody speaks of {word}."}


@contextmanager
def serving(model: Model) -> Iterator[Model]:
    """A real HTTP server on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = Asked(body, self.headers.get("Authorization"))
            model.asked.append(asked)
            time.sleep(model.delay)
            if self.path != "/v1/chat/completions":
                self._send(404, b"{}")
            elif not model.shaped and "response_format" in body:
                self._send(400, b'{"error": {"message": "unknown field response_format"}}')
            elif len(model.asked) <= model.fails_first or (model.status != 200 and not model.fails_first):
                self._send(model.status, b'{"error": {"message": "no"}}', model.headers)
            elif model.raw is not None:
                self._send(200, model.raw)
            else:
                said = model.answer(asked)
                content = said if isinstance(said, str) else json.dumps(said)
                message = {"role": "assistant", "content": content}
                self._send(200, json.dumps({"choices": [{"index": 0, "message": message}]}).encode())

        def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # who asked did not wait

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
