"""Genesys AudioHook, protocol version 2: the server's side of one connection as a machine without a socket.

Messages go in, actions come out, in the order in which they must be carried out. Text frames are JSON with ``seq``
counting up from 1 on either side, and ``clientseq``/``serverseq`` saying what of the other side was seen; binary frames
are sound, its channels interleaved. A client that breaks the protocol is told ``disconnect`` with the reason ``error``;
the machine never raises for what a client sends.
Source: the protocol's public reference implementation and developer pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np

from candor.capture.streams.audiohook_messages import (
    FARTHEST,
    LANGUAGE,
    PROBE,
    RATE,
    UUID,
    WIDTH,
    Action,
    Broken,
    Closed,
    Discarded,
    KeyPressed,
    LanguageChanged,
    Media,
    OpenAsked,
    Opening,
    Paused,
    Resumed,
    Send,
    SenderFailed,
    Sound,
    media_message,
    parse_duration,
    read_opening,
)
from candor.capture.streams.bounded import FRAME, get_number, get_object, malformed, read_object
from candor.errors import CandorError

_PIECE = RATE // 50
"""Samples of one piece of sound that is handed on, at most: 20 ms, as in RTP."""
_KEYS = frozenset("0123456789*#ABCD")


class State(StrEnum):
    """Where a connection stands."""

    PREPARING = "preparing"
    OPENING = "opening"
    ACTIVE = "active"
    PAUSED = "paused"
    LEAVING = "leaving"
    """We sent ``disconnect`` and wait for ``close``."""
    CLOSED = "closed"


class AudioHookSession:
    """One connection."""

    def __init__(self, *, session_id: str | None = None, organization_id: str | None = None) -> None:
        """The ids of the signed headers, which the client must keep to; None: it may say what it likes."""
        self.state = State.PREPARING
        self.media: Media | None = None
        self.position = 0
        """Samples from the beginning of the stream, gaps included."""
        self._id, self._organization_id = session_id, organization_id
        self._sent = self._seen = self._acknowledged = 0
        self._sequence = 0
        self._opening: Opening | None = None

    # What the client sends

    def receive_text(self, frame: str | bytes) -> list[Action]:
        """Take a text frame; returns what to do."""
        if self.state is State.CLOSED:
            return []
        try:
            message = read_object(frame)
            if self.state is State.LEAVING:  # it may have lost count: only its close is of interest any more
                return self._close(get_object(message, "parameters")) if message.get("type") == "close" else []
            self._check(message)
            return self._dispatch(message)
        except CandorError as error:
            return self._break(error.message)

    def receive_binary(self, data: bytes) -> list[Action]:
        """Take a frame of sound; returns its pieces, channel by channel."""
        if self.state in (State.CLOSED, State.LEAVING):
            return []
        if self.state is not State.ACTIVE or self.media is None:
            return self._break(f"Sound came while the connection was {self.state.value}.")
        media = self.media
        width = WIDTH[media.format] * len(media.channels)
        if not 0 < len(data) <= FRAME or len(data) % width:
            return self._break("A frame of sound is empty, too long, or no whole number of samples.")
        actions: list[Action] = []
        samples = len(data) // width
        channels = _split(data, media)
        for start in range(0, samples, _PIECE):
            bytes_a_sample = WIDTH[media.format]
            first, last = start * bytes_a_sample, min(samples, start + _PIECE) * bytes_a_sample
            at = (self.position + start) & 0xFFFF_FFFF
            actions += [
                Sound(channel=channel, sequence=self._sequence, timestamp=at, payload=sound[first:last])
                for channel, sound in zip(media.channels, channels, strict=True)
            ]
            self._sequence = self._sequence + 1 & 0xFFFF
        self.position += samples
        return actions

    # What we say

    def accept(self, *, start_paused: bool = False) -> list[Action]:
        """Answer ``open``; a probe is accepted without sound when it offered none that is kept here."""
        if self.state is not State.OPENING or self._opening is None:
            return []
        self.state = State.ACTIVE
        media = self._opening.media
        self.media = media
        chosen = [] if media is None else [media_message(media)]
        return [self._message("opened", {"media": chosen, "startPaused": start_paused})]

    def pause(self) -> list[Action]:
        """Ask the client to stop sending; it answers ``paused``."""
        return [self._message("pause", {})] if self.state in (State.ACTIVE, State.PAUSED) else []

    def resume(self) -> list[Action]:
        """Ask it to send again; it answers ``resumed``, or ``paused`` while it has a reason of its own."""
        return [self._message("resume", {})] if self.state in (State.ACTIVE, State.PAUSED) else []

    def reconnect(self, info: str = "") -> list[Action]:
        """Ask it to come again over a new connection."""
        return [self._message("reconnect", {"info": info})] if self.state in (State.ACTIVE, State.PAUSED) else []

    def disconnect(self, reason: str = "completed", info: str = "") -> list[Action]:
        """Ask it to close: ``completed``, ``unauthorized`` or ``error``."""
        if self.state in (State.LEAVING, State.CLOSED):
            return []
        self.state = State.LEAVING
        return [self._message("disconnect", {"reason": reason, "info": info})]

    def event(self, entities: list[dict[str, Any]]) -> list[Action]:
        """Tell the client something (a transcript, for guidance)."""
        return [self._message("event", {"entities": entities})] if self.state in (State.ACTIVE, State.PAUSED) else []

    # Inside

    def _message(self, kind: str, parameters: dict[str, Any]) -> Send:
        self._sent += 1
        return Send(
            text=json.dumps(
                {
                    "version": "2",
                    "type": kind,
                    "seq": self._sent,
                    "clientseq": self._seen,
                    "id": self._id or PROBE,
                    "parameters": parameters,
                },
                separators=(",", ":"),
            )
        )

    def _break(self, why: str) -> list[Action]:
        if self.state in (State.LEAVING, State.CLOSED):
            return []
        return [*self.disconnect("error", why), Broken(why=why)]

    def _check(self, message: dict[str, Any]) -> None:
        """The envelope: version, id, ``seq``, ``serverseq``, ``position``."""
        if message.get("version") != "2":
            raise malformed("'version' is not 2")
        if not isinstance(message.get("type"), str) or not isinstance(message.get("parameters"), dict):
            raise malformed("'type' or 'parameters' is missing")
        parse_duration(message.get("position"))
        an_id = message.get("id")
        if not isinstance(an_id, str) or not UUID.fullmatch(an_id) or (self._id or an_id).lower() != an_id.lower():
            raise malformed("'id' is not that of this connection")
        seq, seen = _count(message.get("seq")), _count(message.get("serverseq"))
        if seq != self._seen + 1:
            raise malformed("'seq' does not follow the last one")
        if not self._acknowledged <= seen <= self._sent:
            raise malformed("'serverseq' is not a number that was sent")
        self._id, self._seen, self._acknowledged = an_id, seq, seen

    def _dispatch(self, message: dict[str, Any]) -> list[Action]:
        kind, parameters = message["type"], message["parameters"]
        if kind == "open":
            return self._open(message, parameters)
        take = _ALWAYS.get(kind)
        if take is not None:
            return take(self, parameters)
        take = _WHEN_OPEN.get(kind)
        if take is None:
            raise malformed("its 'type' is not known")
        if self.state not in (State.ACTIVE, State.PAUSED):
            raise malformed("it comes before the connection was opened")
        return take(self, parameters)

    def _open(self, message: dict[str, Any], parameters: dict[str, Any]) -> list[Action]:
        if self.state is not State.PREPARING:
            raise malformed("the connection was opened before")
        opening = read_opening(message, parameters)
        if self._organization_id is not None and opening.organization_id.lower() != self._organization_id.lower():
            why = "The organization of 'open' is not the one of the signed header."
            return [*self.disconnect("unauthorized", why), Broken(why=why)]
        if opening.media is None and not opening.probe:
            return self._break("Neither PCMU nor L16 at 8 kHz was offered.")
        self.state, self._opening, self.position = State.OPENING, opening, opening.position
        return [OpenAsked(opening=opening)]

    def _close(self, parameters: dict[str, Any]) -> list[Action]:
        reason = parameters.get("reason")
        if reason not in ("end", "error", "disconnect", "reconnect"):
            reason = "error"
        self.state = State.CLOSED
        return [self._message("closed", {}), Closed(reason=reason)]

    def _ping(self, _: dict[str, Any]) -> list[Action]:
        return [self._message("pong", {})]

    def _error(self, parameters: dict[str, Any]) -> list[Action]:
        return [SenderFailed(code=get_number(parameters, "code") or 0)]

    def _paused(self, _: dict[str, Any]) -> list[Action]:
        self.state = State.PAUSED
        return [Paused()]

    def _resumed(self, parameters: dict[str, Any]) -> list[Action]:
        start, length = self._gap(parameters)
        self.state = State.ACTIVE
        return [Resumed(start=start, discarded=length)]

    def _discarded(self, parameters: dict[str, Any]) -> list[Action]:
        start, length = self._gap(parameters)
        return [Discarded(start=start, discarded=length)]

    def _key(self, parameters: dict[str, Any]) -> list[Action]:
        digit = parameters.get("digit")
        if not isinstance(digit, str) or digit not in _KEYS:
            raise malformed("'digit' is not a key of a telephone")
        return [KeyPressed(digit=digit)]

    def _nothing(self, _: dict[str, Any]) -> list[Action]:
        return []

    def _gap(self, parameters: dict[str, Any]) -> tuple[int, int]:
        """Move on over what is missing; the position never goes back."""
        start, length = parse_duration(parameters.get("start")), parse_duration(parameters.get("discarded"))
        if start + length > self.position + FARTHEST:
            raise malformed("it leaves out more than four hours")
        self.position = max(self.position, start + length)
        return start, length

    def _update(self, parameters: dict[str, Any]) -> list[Action]:
        language = parameters.get("language")
        if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
            raise malformed("'language' is not a language tag")
        return [self._message("updated", {}), LanguageChanged(language=language)]


_Take = Callable[[AudioHookSession, dict[str, Any]], list[Action]]
_ALWAYS: dict[str, _Take] = {
    "close": AudioHookSession._close,  # noqa: SLF001  the class\'s own table, below it for its type
    "ping": AudioHookSession._ping,  # noqa: SLF001  the class\'s own table, below it for its type
    "error": AudioHookSession._error,  # noqa: SLF001  the class\'s own table, below it for its type
}
_WHEN_OPEN: dict[str, _Take] = {
    "paused": AudioHookSession._paused,  # noqa: SLF001  the class\'s own table, below it for its type
    "resumed": AudioHookSession._resumed,  # noqa: SLF001  the class\'s own table, below it for its type
    "discarded": AudioHookSession._discarded,  # noqa: SLF001  the class\'s own table, below it for its type
    "update": AudioHookSession._update,  # noqa: SLF001  the class\'s own table, below it for its type
    "dtmf": AudioHookSession._key,  # noqa: SLF001  the class\'s own table, below it for its type
    "playback_started": AudioHookSession._nothing,  # noqa: SLF001  the class\'s own table, below it for its type
    "playback_completed": AudioHookSession._nothing,  # noqa: SLF001  the class\'s own table, below it for its type
}


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise malformed("'seq' or 'serverseq' is not a number")
    return value


def _split(data: bytes, media: Media) -> list[bytes]:
    """The channels of an interleaved frame."""
    count = len(media.channels)
    if media.format == "PCMU":
        return [data[number::count] for number in range(count)]
    samples = np.frombuffer(data, "<i2")  # the machine's order at the sender, which is little-endian
    return [samples[number::count].astype(">i2").tobytes() for number in range(count)]
