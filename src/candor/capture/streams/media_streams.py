"""Twilio Media Streams and its dialects (Telnyx, SignalWire, Plivo): a text frame in, a value out.

One JSON object a frame, told apart by ``event``: connected, start, media, dtmf, mark, stop, and Telnyx' own error.
The dialects differ in the names of the fields and in the sound's format, not in the shape, so one reader serves all
with a table of names. Which key somebody pressed is never part of a value's text.
Source: the providers' public message references, as the golden files of the tests quote them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from candor.capture.streams.bounded import (
    PARAMETERS,
    WORD,
    get_bytes,
    get_number,
    get_object,
    get_parameters,
    get_word,
    malformed,
    read_object,
)
from candor.errors import InvalidInput


class Dialect(StrEnum):
    """Who speaks; the value is the ``protocol`` of the call's facts."""

    TWILIO = "twilio"
    TELNYX = "telnyx"
    SIGNALWIRE = "signalwire"
    PLIVO = "plivo"


class Track(StrEnum):
    """Which way the sound goes, seen from the provider: inbound is what the call's far end says."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The first message of Twilio, Telnyx and SignalWire; it says little."""

    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What the sound will be, and whose."""

    dialect: Dialect
    stream_id: str
    call_id: str
    account: str | None = None
    tracks: tuple[Track, ...] = ()
    """In the order inbound, outbound; empty when the sender does not say."""
    encoding: str
    """As in ``a=rtpmap``: PCMU, PCMA, G722, opus, L16, AMR-WB."""
    rate: int
    """Samples a second."""
    channels: int = 1
    group: str | None = None
    """What ties the legs of one contact together, where the provider has such an id."""
    caller: str | None = field(default=None, repr=False)
    callee: str | None = field(default=None, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The sender's own; may hold a token and names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Sound of one track."""

    stream_id: str | None
    track: Track
    sequence: int | None = None
    """Counts messages of the connection."""
    chunk: int | None = None
    """Counts frames, of the track or of the stream: senders differ."""
    timestamp_ms: int | None = None
    """Since the stream began, or since 1970 (Plivo)."""
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPressed:
    """A telephone key."""

    track: Track
    digit: str = field(default="", repr=False)
    """For pause triggers only: compare it and forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Our own mark was played: nothing that a recorder sends or needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The last message."""

    stream_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderError:
    """The sender complains (Telnyx ``error``)."""

    code: str
    title: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An event that means nothing to a recorder, or that came up after this was written."""


Message = Connected | Started | Media | KeyPressed | Mark | Stopped | SenderError | Ignored

_STREAM = ("streamSid", "stream_id", "streamId", "stream_sid")
_SEQUENCE = ("sequenceNumber", "sequence_number")
_ENCODINGS = {
    "audio/x-mulaw": "PCMU",
    "audio/mulaw": "PCMU",
    "audio/pcmu": "PCMU",
    "pcmu": "PCMU",
    "mulaw": "PCMU",
    "audio/x-alaw": "PCMA",
    "pcma": "PCMA",
    "g722": "G722",
    "opus": "opus",
    "l16": "L16",
    "audio/x-l16": "L16",
    "audio/l16": "L16",
    "amr-wb": "AMR-WB",
}
_RATES = {"G722": 16_000, "opus": 48_000, "AMR-WB": 16_000}
"""Where the sender's word is left out or means the clock rate (RFC 3551 section 4.5.2 for G722)."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEYS = frozenset("0123456789*#ABCDabcdw")
_TOKEN = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def parse(frame: str | bytes) -> Message:
    """Read one text frame of at most 64 KiB.

    Raises TooLarge or InvalidInput; the sentence names the field at fault, never what is in it.
    """
    message = read_object(frame)
    event = message.get("event")
    if not isinstance(event, str):
        raise malformed("it has no 'event'")
    read = _READERS.get(event)
    return Ignored() if read is None else read(message)


def _media(message: dict[str, Any]) -> Media:
    media = get_object(message, "media")
    return Media(
        stream_id=get_word(message, *_STREAM),
        track=_track(media.get("track")),
        sequence=get_number(message, *_SEQUENCE),
        chunk=get_number(media, "chunk"),
        timestamp_ms=get_number(media, "timestamp"),
        payload=get_bytes(media, "payload"),
    )


def _track(value: object) -> Track:
    """``inbound`` or ``inbound_track``; a sender with one track need not name it."""
    match value:
        case None | "" | "inbound" | "inbound_track":
            return Track.INBOUND
        case "outbound" | "outbound_track":
            return Track.OUTBOUND
    raise malformed("'track' is neither inbound nor outbound")


def _tracks(value: object) -> tuple[Track, ...]:
    if value is None:
        return ()
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or len(named) > 2:
        raise malformed("'tracks' is not a list of at most 2")
    if named in (["both"], ["both_tracks"]):
        return tuple(Track)
    told = {_track(name) for name in named}
    return tuple(track for track in Track if track in told)


def _start(message: dict[str, Any]) -> Started:
    start = get_object(message, "start")
    stream_id = get_word(start, *_STREAM) or get_word(message, *_STREAM)
    call_id = get_word(start, "callSid", "call_control_id", "callId", "call_sid")
    account = get_word(start, "accountSid", "user_id", "accountId", "account_sid")
    if stream_id is None or call_id is None:
        raise malformed("'start' names no stream or no call")
    parameters = get_parameters(start, "customParameters", "custom_parameters") or _extra_headers(message, start)
    encoding, rate, channels = _format(start)
    return Started(
        dialect=_dialect(message, start, account),
        stream_id=stream_id,
        call_id=call_id,
        account=account,
        tracks=_tracks(start.get("tracks")),
        encoding=encoding,
        rate=rate,
        channels=channels,
        group=get_word(start, "call_session_id"),
        caller=get_word(start, "from") or parameters.get("from"),
        callee=get_word(start, "to") or parameters.get("to"),
        parameters=parameters,
    )


def _dialect(message: dict[str, Any], start: dict[str, Any], account: str | None) -> Dialect:
    """By the names of the fields; SignalWire uses Twilio's, with UUIDs where Twilio has its own kind of id."""
    if "stream_id" in message or "call_control_id" in start:
        return Dialect.TELNYX
    if "streamId" in start or "callId" in start:
        return Dialect.PLIVO
    if account is not None and _UUID.fullmatch(account):
        return Dialect.SIGNALWIRE
    return Dialect.TWILIO


def _format(start: dict[str, Any]) -> tuple[str, int, int]:
    """Encoding, samples a second, channels; μ-law at 8 kHz when the sender does not say, as Twilio's is always."""
    value = start.get("mediaFormat", start.get("media_format"))
    if value is None:
        return "PCMU", 8_000, 1
    if not isinstance(value, dict):
        raise malformed("the media format is not an object")
    named, _, more = (get_word(value, "encoding", "contentType") or "audio/x-mulaw").partition(";")
    encoding = _ENCODINGS.get(named.strip().lower())
    if encoding is None:
        raise InvalidInput(
            "The sender's sound has an encoding that is not kept here.",
            code="streams.encoding",
            advice="Let it send PCMU, PCMA, G722, Opus, AMR-WB or L16.",
        )
    told = re.fullmatch(r"\s*rate=(\d{1,6})\s*", more)
    rate = get_number(value, "sampleRate", "sample_rate") or (int(told[1]) if told else 8_000)
    channels = get_number(value, "channels") or 1
    rate = _RATES.get(encoding, rate)
    if rate not in (8_000, 16_000, 24_000, 32_000, 44_100, 48_000) or channels != 1:
        raise InvalidInput(
            "The sender's sound has a sample rate or a number of channels that is not kept here.",
            code="streams.format",
            advice="Let it send one channel a track, at 8, 16, 24, 32, 44.1 or 48 kHz.",
        )
    return encoding, rate, channels


def _extra_headers(message: dict[str, Any], start: dict[str, Any]) -> dict[str, str]:
    """Plivo's ``extra_headers``: a JSON object in a text, or ``name=value`` pairs between commas or semicolons."""
    value = message.get("extra_headers", start.get("extra_headers"))
    if isinstance(value, dict):
        return get_parameters({"it": value}, "it")
    if not isinstance(value, str) or len(value) > 2_048:
        return {}
    if value.lstrip().startswith("{"):
        try:
            return get_parameters({"it": read_object(value)}, "it")
        except InvalidInput:
            return {}
    pairs = (pair.partition("=") for pair in re.split(r"[;,]", value, maxsplit=PARAMETERS))
    return get_parameters({"it": {name.strip(): text.strip() for name, _, text in pairs if name.strip()}}, "it")


def _key(message: dict[str, Any]) -> KeyPressed:
    dtmf = get_object(message, "dtmf")
    digit = dtmf.get("digit")
    if not isinstance(digit, str) or len(digit) != 1 or digit not in _KEYS:
        raise malformed("'digit' is not a key of a telephone")
    return KeyPressed(track=_track(dtmf.get("track", message.get("track"))), digit=digit)


def _error(message: dict[str, Any]) -> SenderError:
    payload = message.get("payload")
    source = payload if isinstance(payload, dict) else message
    code = source.get("code")
    title = source.get("title", source.get("message"))
    known = isinstance(code, str | int) and not isinstance(code, bool) and _TOKEN.fullmatch(str(code)[:WORD])
    return SenderError(
        code=str(code) if known else "unknown",
        title=title[:WORD] if isinstance(title, str) and title[:WORD].isprintable() else "",
    )


_READERS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "connected": lambda message: Connected(version=get_word(message, "version")),
    "start": _start,
    "media": _media,
    "dtmf": _key,
    "mark": lambda _: Mark(),
    "playedStream": lambda _: Mark(),
    "clearedAudio": lambda _: Mark(),
    "stop": lambda message: Stopped(stream_id=get_word(message, *_STREAM)),
    "error": _error,
}


def render(message: Mapping[str, Any]) -> str:
    """A message as its text frame: what :func:`parse` reads. For senders: tests and the recorder's call to itself."""
    return json.dumps(message, separators=(",", ":"))
