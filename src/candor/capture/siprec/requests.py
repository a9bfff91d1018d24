"""What a message of a recording session brings: offer, metadata, timer, keys; or why it is refused. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from candor.capture.rtp.dtmf import KEYS, parse_event
from candor.capture.sip import message as sip
from candor.capture.sip import multipart, sdp
from candor.capture.siprec import metadata as rs
from candor.capture.siprec.model import Metadata, MetadataError
from candor.errors import CandorError, InvalidInput

LEAST_INTERVAL = 90
"""Seconds (RFC 4028 section 4: Min-SE)."""
KEY_TYPES = ("application/dtmf-relay", "application/dtmf")
"""What tells a telephone key in an INFO; nobody has standardised them (RFC 6086 section 2)."""
_EVENT_TYPES = ("audio/telephone-event", "application/telephone-event")
_KNOWN_OPTIONS = frozenset({"siprec", "timer", "record-aware", "norefersub", "replaces", "histinfo", "gruu", "path"})
_KEY = re.compile(r"^[ \t]*(?:signal[ \t]*=[ \t]*)?(1[0-5]|[0-9*#A-D])[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"[0-9]{1,9}")


class Refusal(Exception):
    """Why a request is refused: status, words for the page and the Warning, header fields that the RFC asks for."""

    def __init__(self, status: int, words: str, *fields: tuple[str, str]) -> None:
        super().__init__(words)
        self.status, self.words, self.fields = status, words, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What the body of a message holds."""

    offer: sdp.SessionDescription | None = None
    """Or the answer."""
    metadata: Metadata | None = None
    unreadable: str = ""
    """Why there are metadata that cannot be read, in words: they cost the names, not the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A session timer (RFC 4028) as the sender of a request asks for it."""

    interval: int | None = None
    """Seconds; None: none."""
    known: bool = False
    """It supports timers itself; else a proxy on the way asks."""
    ours: bool = False
    """We are to refresh (section 9): it says so, or it cannot."""


def check_options(request: sip.Request) -> None:
    """Refuse with 420 what requires an option that is not known here (RFC 3261 section 8.2.2.3)."""
    unknown = request.headers.tokens("Require") - _KNOWN_OPTIONS
    if unknown:
        names = ("Unsupported", ", ".join(sorted(unknown)))
        raise Refusal(420, "It requires options that are not known here.", names)


def readable(message: sip.Request) -> Contents:
    """What :func:`contents` finds; a body that cannot be read is refused with 400."""
    try:
        return contents(message)
    except CandorError as error:
        raise Refusal(400, error.message) from error


def contents(message: sip.Request | sip.Response) -> Contents:
    """Take the body apart; raises InvalidInput when it, or a session description in it, cannot be read."""
    offer, metadata, unreadable = None, None, ""
    for part in multipart.split(message.body, message.headers.get("Content-Type")):
        if part.is_sdp:
            offer = offer or sdp.parse(part.body)
        elif rs.is_metadata(part.content_type, part.body):
            try:
                metadata = rs.parse(part.body)
            except MetadataError as error:
                unreadable = error.message
    return Contents(offer=offer, metadata=metadata, unreadable=unreadable)


def session_timer(request: sip.Request) -> Timer:
    """The timer that a request asks for; refused with 422 when it is too short."""
    known = "timer" in request.headers.tokens("Supported") | request.headers.tokens("Require")
    said = request.headers.get("Session-Expires")
    if said is None:
        return Timer(known=known)
    interval = _seconds(said)
    if interval is None:
        raise Refusal(400, "The Session-Expires is not a number.")
    if interval < LEAST_INTERVAL:
        raise Refusal(422, "The session interval is too small.", ("Min-SE", str(LEAST_INTERVAL)))
    return Timer(interval=interval, known=known, ours=not known or refresher(said) == "uas")


def granted(response: sip.Response, asked: int) -> tuple[int, bool]:
    """(seconds, whether the other side refreshes from now on) of the answer to a refresh of ours for ``asked``."""
    said = response.headers.get("Session-Expires") or ""
    return max(_seconds(said) or asked, LEAST_INTERVAL), refresher(said) == "uas"


def least_interval(response: sip.Response) -> int:
    """Min-SE of a 422, in seconds."""
    return max(_seconds(response.headers.get("Min-SE") or "") or 0, LEAST_INTERVAL)


def refresher(session_expires: str) -> str:
    """``uac``, ``uas``, or empty when a Session-Expires does not say."""
    for parameter in session_expires.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "refresher":
            return value.strip().strip('"').lower()
    return ""


def _seconds(text: str) -> int | None:
    found = _NUMBER.fullmatch(text.partition(";")[0].strip())
    return None if found is None else int(found[0])


def keys(request: sip.Request) -> str:
    """Telephone keys that an INFO tells: ``Signal=5`` or ``5`` in text, or a telephone event (RFC 4733 section 2.3).

    Empty when it tells none. Raises Refusal for a body of which nothing is known here: 469 when it belongs to an INFO
    package (RFC 6086 section 4.2.2), else 415.
    """
    found, known = [], False
    for part in multipart.split(request.body, request.headers.get("Content-Type")):
        if part.content_type in KEY_TYPES:
            known = True
            text = _KEY.search(part.body[:256].decode("ascii", "replace"))
            if text is not None:
                found.append(KEYS[int(text[1])] if text[1].isdecimal() else text[1].upper())
        elif part.content_type in _EVENT_TYPES:
            known = True
            try:
                event = parse_event(part.body)
            except InvalidInput as error:
                raise Refusal(400, error.message) from error
            if event.end and event.key is not None:
                found.append(event.key)
        elif rs.is_metadata(part.content_type, part.body):
            known = True
    if "Info-Package" in request.headers and not known:
        raise Refusal(469, "An INFO package that is not known here.", ("Recv-Info", ""))
    if request.body.strip() and not known:
        raise Refusal(415, "An INFO of a type that is not known here.", ("Accept", ", ".join(KEY_TYPES)))
    return "".join(found)
