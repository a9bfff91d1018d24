"""Asking the recorder from another process: one JSON line there, one back, over a socket that only this user can open.

The pages, the API and the commands use :class:`RecorderClient`; the recorder runs :class:`ControlServer`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from candor.capture.active import ActiveCall
from candor.capture.ports import Control, Word
from candor.capture.recorder import Recorder, Spotting
from candor.capture.status import describe, status
from candor.errors import CandorError, InvalidInput, NotFound, Unavailable

SOCKET = "recorder.sock"
_LONGEST = 1 << 24
_STATUS_LASTS = 10
"""One look serves all who ask for so many times as long as it took: with thousands of calls it is a long one."""


class ControlServer:
    """Answers questions about one recorder."""

    def __init__(self, recorder: Recorder, path: Path, about: Mapping[str, Any]) -> None:
        self._recorder, self._path, self._about = recorder, path, about
        self._server: asyncio.Server | None = None
        self._told: dict[str, Any] = {}
        self._good_until = 0.0

    async def start(self) -> None:
        """Listen; a socket left by a dead recorder is replaced."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), 5)
            writer.write(json.dumps(self._answer(line)).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            answer = _ANSWERS.get(asked.get("do"))
            if answer is None:
                raise InvalidInput("The recorder does not know this request.", code="capture.unknown")
            return {"ok": answer(self, asked)}
        except CandorError as error:
            return {"error": {"code": error.code, "message": error.message, "advice": error.advice}}
        except (ValueError, AttributeError, KeyError, TypeError):
            return {"error": {"code": "capture.unknown", "message": "The request cannot be read.", "advice": ""}}

    def _status(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        if began >= self._good_until:
            self._told = {**self._about, **status(self._recorder)}
            now = time.monotonic()
            self._good_until = now + _STATUS_LASTS * (now - began)
        return self._told

    def _steer(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every leg of the call, when at least one of them is within reach."""
        call_id, verb = str(asked["id"]), Control(asked["verb"])
        legs = self._recorder.legs(call_id)
        if not any(_within(leg, asked) for leg in legs):
            raise NotFound("No such call is being recorded now.", code="capture.no_call")
        since = None if asked.get("since") is None else datetime.fromisoformat(asked["since"])
        self._good_until = 0.0
        return [describe(leg) for leg in self._recorder.steer(call_id, verb, str(asked["reason"])[:40], since)]

    def _consent(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._good_until = 0.0
        return [describe(leg) for leg in self._recorder.hear(str(asked["id"]), Word(asked["word"]))]

    def _spotting(self, asked: Mapping[str, Any]) -> None:
        self._recorder.spotting = Spotting(
            at=time.monotonic(), calls=int(asked["calls"]), behind=float(asked["behind"]),
            skipped=float(asked["skipped"]),
        )  # fmt: skip


_ANSWERS: dict[str, Callable[[ControlServer, Mapping[str, Any]], Any]] = {
    "status": ControlServer._status,  # noqa: SLF001  its own
    "steer": ControlServer._steer,  # noqa: SLF001
    "consent": ControlServer._consent,  # noqa: SLF001
    "spotting": ControlServer._spotting,  # noqa: SLF001
}


def _within(call: ActiveCall, asked: Mapping[str, Any]) -> bool:
    """Whether any of the ``teams``, ``queues`` and ``agents`` asked for names the call; none given (None): all do."""
    teams, queues, agents = asked.get("teams"), asked.get("queues"), asked.get("agents")
    if teams is None and queues is None and agents is None:
        return True
    theirs = {one.agent_id for one in call.facts.participants}
    by_name = call.facts.team in (teams or ()) or call.facts.queue in (queues or ())
    return by_name or not theirs.isdisjoint(agents or ())


class RecorderClient:
    """The other side; safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def status(self) -> dict[str, Any]:
        """Everything the recorder tells of itself; raises Unavailable when none runs."""
        found: dict[str, Any] = self._ask({"do": "status"})
        return found

    def steer(
        self, verb: str, call_id: str, reason: str = "api", *, teams: Sequence[str] | None = None,
        queues: Sequence[str] | None = None, agents: Sequence[str] | None = None, since: datetime | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """``pause``, ``resume`` or ``end`` a call, by a conversation's id or the phone system's call id.

        It reaches every leg of the call; they are returned. ``teams``, ``queues`` and ``agents`` (ids) say whose calls
        may be steered: those that any of them names (all None: every call). ``since`` takes a pause back to a moment a
        little before. Raises NotFound when no leg is being recorded or none may be steered.
        """
        asked = {"do": "steer", "verb": verb, "id": call_id, "reason": reason}
        given = {"teams": teams, "queues": queues, "agents": agents}
        reach = {name: None if names is None else list(names) for name, names in given.items()}
        found: list[dict[str, Any]] = self._ask(asked | reach | {"since": since and since.isoformat()})
        return found

    def consent(self, word: str, call_id: str) -> list[dict[str, Any]]:
        """Tell that consent was ``given`` or ``refused`` on a call, by any of its ids; returns its legs.

        Raises NotFound when no leg is being recorded.
        """
        found: list[dict[str, Any]] = self._ask({"do": "consent", "id": call_id, "word": word})
        return found

    def spotting(self, *, calls: int, behind: float, skipped: float) -> None:
        """Tell how listening for spoken phrases does (:class:`candor.capture.recorder.Spotting`)."""
        self._ask({"do": "spotting", "calls": calls, "behind": behind, "skipped": skipped})

    @property
    def died(self) -> bool:
        """Whether a recorder went without a good-bye: its socket is there, and nobody behind it."""
        try:
            self.status()
        except Unavailable:
            return self._path.exists()
        return False

    def _ask(self, request: Mapping[str, Any]) -> Any:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as handle:
                handle.settimeout(5)
                handle.connect(str(self._path))
                handle.sendall(json.dumps(request).encode() + b"\n")
                data = b""
                while not data.endswith(b"\n") and len(data) < _LONGEST and (more := handle.recv(1 << 16)):
                    data += more
            answer = json.loads(data)
        except (OSError, ValueError) as error:
            raise Unavailable(
                "No recorder answers on this machine.",
                code="capture.no_recorder",
                advice="Start Candor with `candor serve`, or the recorder alone with `candor recorder`.",
            ) from error
        if "error" in answer:
            kind = NotFound if answer["error"]["code"] == "capture.no_call" else InvalidInput
            raise kind(answer["error"]["message"], code=answer["error"]["code"], advice=answer["error"]["advice"])
        return answer["ok"]
