"""What we ask of a sender inside its session: whether it lives, that the session lasts, who is on the call.

One request at a time for each session. A session says when it is due (:attr:`RecordingSession.due`), so that looking
after thousands of them each second costs one comparison each.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine, Iterable
from typing import Protocol

from candor.capture.sip import message as sip
from candor.capture.sip.endpoint import Endpoint
from candor.capture.siprec.connecting import describe
from candor.capture.siprec.dialog import SNAPSHOT_PAUSES, SUPPORTED, RecordingSession, SiprecSettings
from candor.capture.siprec.rendering import snapshot_request, snapshot_request_type
from candor.capture.siprec.requests import LEAST_INTERVAL, granted, least_interval
from candor.errors import CandorError, Unavailable

QUIET = 300.0
"""Seconds without a packet or a message after which the sender is asked whether the session still lives."""
_ACCEPT = "application/sdp, application/rs-metadata+xml, application/rs-metadata"
_NO_LIFE = frozenset({404, 408, 481})
"""Answers of a sender that no longer knows the session. Only 481 is proof while sound still comes (RFC 5057)."""
_PENDING = 491
_FAREWELL = 8.0
_RETRY = 10.0
_SOUNDING = 30.0
"""Seconds since the last packet within which a sender that forgot to refresh its session is still there."""


class Sessions(Protocol):
    """Whose sessions they are."""

    endpoint: Endpoint

    @property
    def settings(self) -> SiprecSettings:
        """How the server behaves."""

    def learn(self, session: RecordingSession, message: sip.Response) -> None:
        """Take metadata, and the answer to an offer of ours, from a message."""

    def over(self, session: RecordingSession, reason: str) -> None:
        """The session has ended without a word from the sender."""

    def remark(self, session: RecordingSession, words: str) -> None:
        """Something that the page of sources should say."""


class Asking:
    """Sends our own requests."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._tasks: set[asyncio.Task[None]] = set()

    def look_after(self, session: RecordingSession, now: float) -> None:
        """Do what is due at ``now``, and note when to look again."""
        if session.expires is not None and now >= session.expires:
            if now - _last_packet(session) > _SOUNDING:
                self.hang_up(session, "session expired")
                return
            session.expires = now + _SOUNDING  # a recording does not end while there is something to record
        times = [] if session.expires is None else [session.expires]
        if not session.asking:  # else its end brings us back
            for at, ask in ((session.refresh_at, self._refresh), (session.snapshot_at, self._ask_for_snapshot)):
                if at is not None and now >= at and session.acknowledged:
                    self._begin(session, ask(session))
                    return
                times += [] if at is None else [at]
            quiet = _last_sign(session, now) + QUIET
            if now >= quiet:
                self._begin(session, self._ask_whether_alive(session))
                return
            times.append(quiet)
        session.due = min(times, default=float("inf"))

    def hang_up(self, session: RecordingSession, reason: str) -> None:
        """BYE, whatever is said to it."""
        if session.over:
            return
        bye = session.request("BYE", self._sessions.settings)
        self._sessions.over(session, reason)

        async def say() -> None:
            with contextlib.suppress(CandorError):
                await self._sessions.endpoint.ask(bye, session.flow, timeout=_FAREWELL)

        self._spawn(say())

    async def close(self, seconds: float) -> None:
        """Wait so long for what is on its way, then drop it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- the requests ----

    async def _ask_whether_alive(self, session: RecordingSession) -> None:
        response = await self._ask(session, "OPTIONS")
        if response is None or response.status in _NO_LIFE:
            self._sessions.over(session, "sender gone")
        session.heard = time.monotonic()

    async def _refresh(self, session: RecordingSession) -> None:
        """Refresh the session (RFC 4028 section 7.4), by UPDATE where the sender takes it, else by re-INVITE."""
        interval = session.interval or LEAST_INTERVAL
        timer = [("Supported", SUPPORTED), ("Session-Expires", f"{interval};refresher=uac")]
        method = "UPDATE" if session.allows("UPDATE") else "INVITE"
        response = await (self._ask(session, method, timer) if method == "UPDATE" else self._invite(session, timer))
        now = time.monotonic()
        if response is not None and response.status < 300:
            session.interval, theirs = granted(response, interval)
            session.refreshing = not theirs
            session.renew()
            self._sessions.learn(session, response)
        elif response is not None and response.status == 422:
            session.interval, session.refresh_at = least_interval(response), now
        elif response is not None and response.status in {405, 501} and method == "UPDATE":
            session.allow = (session.allow or frozenset({"invite"})) - {"update"}
            session.refresh_at = now
        elif response is None or _pending(response):  # until it expires
            session.refresh_at = now + (_RETRY if response is None else _glare_pause())
        else:
            session.renew()  # it refuses, but it is there

    async def _invite(self, session: RecordingSession, fields: list[tuple[str, str]]) -> sip.Response | None:
        """A re-INVITE that describes our side as it is (RFC 3261 section 14.1)."""
        session.inviting = True
        try:
            body = bytes(describe(self._sessions.settings, session))
            return await self._ask(session, "INVITE", [*fields, ("Content-Type", "application/sdp")], body)
        finally:
            session.inviting = False

    async def _ask_for_snapshot(self, session: RecordingSession) -> None:
        """Ask for the whole metadata: in an UPDATE of its own, in nothing else (RFC 7866 section 9.2)."""
        session.snapshots += 1
        session.snapshot_at = None
        kind = snapshot_request_type(session.accept)
        fields = [
            ("Require", "siprec"), ("Accept", _ACCEPT), ("Content-Type", kind),
            ("Content-Disposition", "recording-session"),
        ]  # fmt: skip
        response = await self._ask(session, "UPDATE", fields, snapshot_request(session.lack))
        if response is not None and response.status < 300:
            self._sessions.learn(session, response)
        elif response is not None and response.status == 415:  # another name of the same, where it knows one
            session.accept = response.headers.tokens("Accept")
            if snapshot_request_type(session.accept) == kind:
                session.snapshots = len(SNAPSHOT_PAUSES)
        elif response is not None and not _pending(response) and response.status not in {500, 503, 504}:
            session.snapshots = len(SNAPSHOT_PAUSES)
            self._sessions.remark(
                session, f"Recording, but it refuses to tell again who is on the call ({response.status})."
            )
            return
        if session.lack:  # it has not come with the answer: ask again, unless it comes before that
            session.want_snapshot(session.lack)
            if session.snapshot_at is not None and _pending(response):
                session.snapshot_at = time.monotonic() + _glare_pause()

    async def _ask(
        self, session: RecordingSession, method: str, fields: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> sip.Response | None:
        """The final answer; None when none came. A 481 ends the session."""
        settings, endpoint = self._sessions.settings, self._sessions.endpoint
        request = session.request(method, settings, fields, body)
        try:
            response = await endpoint.ask(request, session.flow)
        except Unavailable:
            return None
        if method == "INVITE":
            endpoint.acknowledge(request, session.ack(request, response, settings), session.flow)
        if response.status == 481:
            self._sessions.over(session, "sender gone")
        return response

    # ---- tasks ----

    def _begin(self, session: RecordingSession, work: Coroutine[None, None, None]) -> None:
        """One request at a time; the next look comes when it is done, or when the session expires meanwhile."""
        session.asking = True
        session.due = float("inf") if session.expires is None else session.expires

        async def run() -> None:
            try:
                await work
            finally:
                session.asking, session.due = False, 0.0

        self._spawn(run())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _last_sign(session: RecordingSession, now: float) -> float:
    """Monotonic time of the sender's last message or packet; counters are read when there was no message of late."""
    if now - session.heard < QUIET:
        return session.heard
    return max(session.heard, _last_packet(session))


def _last_packet(session: RecordingSession) -> float:
    """Monotonic time at which the newest packet came; 0: none did."""
    newest = max((seen.last_ns for seen in session.call.counters().values()), default=0)
    return time.monotonic() - (time.time_ns() - newest) / 1e9 if newest else 0.0


def _pending(response: sip.Response | None) -> bool:
    return response is not None and response.status == _PENDING


def _glare_pause() -> float:
    """Up to two seconds, as befits the side that did not make the Call-ID (RFC 3261 section 14.1)."""
    return secrets.randbelow(200) / 100
