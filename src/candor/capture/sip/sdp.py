"""Session descriptions (SDP, RFC 8866), as far as offers and answers of recording sessions use them.

Besides the lines themselves: static payload types (RFC 3551), SDES keys (RFC 4568), labels (RFC 4574), the RTCP port
(RFC 3605) and multiplexing (RFC 5761), recording indications (RFC 7866 section 6). Order and line ends are taken as
they come; ``parse(render(description))`` gives the description again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from candor.capture.sip.crypto import Crypto, parse_crypto
from candor.capture.sip.headers import decode
from candor.errors import InvalidInput

MAX_BYTES = 64 * 1024
MAX_LINES = 1000
MAX_MEDIA = 64
MAX_FORMATS = 128

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)
Attribute = tuple[str, str | None]
"""``a=name:value``, or ``a=name`` with None. Names in lower case."""

_MEDIA = re.compile(r"([0-9A-Za-z!#$%&'*+.^_`{|}~-]+) +([0-9]{1,5})(?:/([0-9]{1,3}))? +(\S+)((?: +\S+)+)")
_RTPMAP = re.compile(r"([0-9]{1,3})\s+([^\s/]{1,64})/([0-9]{1,6})(?:/([0-9]{1,3}))?")
_NUMBERED = re.compile(r"([0-9]{1,3})\s+(.*)", re.DOTALL)
_NUMBER = re.compile(r"([0-9]{1,5})(?:\.[0-9]*)?")
_UNSAFE = re.compile(r"[\r\n\x00]+")


class SdpError(InvalidInput):
    """A session description that cannot be taken."""

    code = "sip.sdp"


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpMap:
    """What a payload type means (RFC 8866 section 6.6)."""

    encoding: str
    """As written; names are the same in any case."""
    rate: int
    """Clock rate in Hz."""
    channels: int = 1


STATIC: Final = {
    0: RtpMap(encoding="PCMU", rate=8000),
    3: RtpMap(encoding="GSM", rate=8000),
    4: RtpMap(encoding="G723", rate=8000),
    5: RtpMap(encoding="DVI4", rate=8000),
    6: RtpMap(encoding="DVI4", rate=16000),
    7: RtpMap(encoding="LPC", rate=8000),
    8: RtpMap(encoding="PCMA", rate=8000),
    9: RtpMap(encoding="G722", rate=8000),
    10: RtpMap(encoding="L16", rate=44100, channels=2),
    11: RtpMap(encoding="L16", rate=44100),
    12: RtpMap(encoding="QCELP", rate=8000),
    13: RtpMap(encoding="CN", rate=8000),
    14: RtpMap(encoding="MPA", rate=90000),
    15: RtpMap(encoding="G728", rate=8000),
    16: RtpMap(encoding="DVI4", rate=11025),
    17: RtpMap(encoding="DVI4", rate=22050),
    18: RtpMap(encoding="G729", rate=8000),
    25: RtpMap(encoding="CelB", rate=90000),
    26: RtpMap(encoding="JPEG", rate=90000),
    28: RtpMap(encoding="nv", rate=90000),
    31: RtpMap(encoding="H261", rate=90000),
    32: RtpMap(encoding="MPV", rate=90000),
    33: RtpMap(encoding="MP2T", rate=90000),
    34: RtpMap(encoding="H263", rate=90000),
}
"""Payload types that need no ``a=rtpmap`` (RFC 3551 tables 4 and 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """``c=`` (RFC 8866 section 5.7)."""

    address: str
    """As written: an IP address, or a host name, or whatever the sender put there. Without multicast TTL."""
    address_type: str = "IP4"
    network_type: str = "IN"

    def __str__(self) -> str:
        return f"{self.network_type} {self.address_type} {self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """``o=`` (RFC 8866 section 5.2)."""

    username: str = "-"
    session_id: str = "0"
    session_version: str = "0"
    network_type: str = "IN"
    address_type: str = "IP4"
    address: str = "0.0.0.0"  # noqa: S104  nothing is bound: it is what SDP writes for no address

    def __str__(self) -> str:
        return " ".join(
            (self.username, self.session_id, self.session_version, self.network_type, self.address_type, self.address)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attributed:
    """Lookup among attributes."""

    attributes: tuple[Attribute, ...] = field(default=(), repr=False)

    def attribute(self, name: str) -> str | None:
        """Value of the first attribute of the name; empty when it has none, None when it is not there."""
        return next((value or "" for key, value in self.attributes if key == name), None)

    def values(self, name: str) -> list[str]:
        """Values of all attributes of the name."""
        return [value or "" for key, value in self.attributes if key == name]

    @property
    def own_direction(self) -> Direction | None:
        """The direction said on this level; None when it is not said."""
        return next((way for key, _ in self.attributes for way in _DIRECTIONS if key == way), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media(_Attributed):
    """One ``m=`` section (RFC 8866 section 5.14)."""

    kind: str
    """audio, video, text, application, message, image."""
    port: int
    """0: refused, or removed."""
    ports: int = 1
    protocol: str = "RTP/AVP"
    formats: tuple[str, ...]
    """Payload types, in order of preference."""
    connection: Connection | None = None
    bandwidth: tuple[str, ...] = ()

    @property
    def label(self) -> str | None:
        """``a=label`` (RFC 4574): what recording metadata calls this stream."""
        value = self.attribute("label")
        return value.strip() if value else None

    @property
    def payload_types(self) -> tuple[int, ...]:
        """Formats that are RTP payload types, in order, each once."""
        numbers = (int(text) for text in self.formats if text.isascii() and text.isdecimal() and len(text) <= 3)
        return tuple(dict.fromkeys(number for number in numbers if number < 128))

    @property
    def rtpmaps(self) -> dict[int, RtpMap]:
        """Payload type to encoding, in order of preference; static ones included, unexplained dynamic ones left out."""
        said: dict[int, RtpMap] = {}
        for value in self.values("rtpmap"):
            if found := _RTPMAP.match(value.strip()):
                channels = min(max(int(found[4] or 1), 1), 255)
                said.setdefault(int(found[1]), RtpMap(encoding=found[2], rate=int(found[3]), channels=channels))
        known = {number: said.get(number) or STATIC.get(number) for number in self.payload_types}
        return {number: meaning for number, meaning in known.items() if meaning is not None and meaning.rate > 0}

    @property
    def fmtp(self) -> dict[int, str]:
        """Payload type to its format parameters (``a=fmtp``)."""
        found = (_NUMBERED.match(value.strip()) for value in self.values("fmtp"))
        return {int(match[1]): match[2].strip() for match in found if match}

    @property
    def ptime(self) -> int | None:
        """Milliseconds of sound in a packet; None when not said."""
        return _number(self.attribute("ptime"))

    @property
    def maxptime(self) -> int | None:
        """Most milliseconds of sound in a packet; None when not said."""
        return _number(self.attribute("maxptime"))

    @property
    def crypto(self) -> tuple[Crypto, ...]:
        """SDES keys (``a=crypto``, RFC 4568), in order of preference; malformed ones are left out."""
        return tuple(found for value in self.values("crypto") if (found := parse_crypto(value)) is not None)

    @property
    def secure(self) -> bool:
        """Whether the profile is one of SRTP (RTP/SAVP, RTP/SAVPF, UDP/TLS/RTP/SAVP …)."""
        return "SAVP" in self.protocol.upper()

    @property
    def rtcp_mux(self) -> bool:
        """RTCP comes on the RTP port (RFC 5761)."""
        return self.attribute("rtcp-mux") is not None

    @property
    def rtcp_port(self) -> int:
        """Where RTCP goes: ``a=rtcp`` (RFC 3605), the same port with ``a=rtcp-mux``, else the next port."""
        if self.rtcp_mux or not self.port:
            return self.port
        said = _number(self.attribute("rtcp"))
        return said if said and said < 65_536 else min(self.port + 1, 65_535)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription(_Attributed):
    """A whole session description."""

    origin: Origin = field(default_factory=Origin)
    name: str = "-"
    connection: Connection | None = None
    bandwidth: tuple[str, ...] = ()
    time: str = "0 0"
    media: tuple[Media, ...] = ()

    def direction(self, media: Media) -> Direction:
        """Direction of a section: its own, else the session's, else sendrecv (RFC 8866 section 6.7)."""
        return media.own_direction or self.own_direction or "sendrecv"

    def connection_of(self, media: Media) -> Connection | None:
        """Where the section's media is: its own ``c=``, else the session's; None when there is neither."""
        return media.connection or self.connection

    def record(self, media: Media | None = None) -> str | None:
        """``a=record`` (RFC 7866 section 6.1.2): on, off or paused; None when not said."""
        return self._indication(media, "record", ("on", "off", "paused"))

    def recordpref(self, media: Media | None = None) -> str | None:
        """``a=recordpref`` (RFC 7866 section 6.2): on, off, pause or nopreference; None when not said."""
        return self._indication(media, "recordpref", ("on", "off", "pause", "nopreference"))

    def _indication(self, media: Media | None, name: str, allowed: tuple[str, ...]) -> str | None:
        said = media.attribute(name) if media is not None else None
        value = (said if said is not None else self.attribute(name) or "").strip().lower()
        return value if value in allowed else None

    def __bytes__(self) -> bytes:
        return render(self)


def _number(text: str | None) -> int | None:
    found = _NUMBER.match((text or "").strip())
    return int(found[1]) if found else None


def parse(data: bytes) -> SessionDescription:
    """Read a session description; unknown lines are left out. Raises SdpError when it is none, or over the limits."""
    if len(data) > MAX_BYTES:
        raise SdpError("A session description is larger than 64 KiB.")
    lines = decode(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise SdpError(f"A session description has more than {MAX_LINES} lines.")
    session, sections = _Section(), list[_Section]()
    for raw in lines:
        line = raw.strip().replace("\x00", "")
        if not line:
            continue
        if line[1:2] != "=":
            raise SdpError("A line of a session description is not a letter, = and a value.")
        kind, value = line[0].lower(), line[2:].strip()
        if kind == "m":
            if len(sections) == MAX_MEDIA:
                raise SdpError(f"A session description has more than {MAX_MEDIA} streams.")
            sections.append(_Section(head=value))
        else:
            (sections[-1] if sections else session).take(kind, value)
    if not session.version:
        raise SdpError("A session description does not begin with v=0.")
    return session.description(tuple(section.media() for section in sections))


class _Section:
    """Lines of one level while they are read."""

    __slots__ = ("attributes", "bandwidth", "connection", "head", "name", "origin", "time", "version")

    def __init__(self, head: str = "") -> None:
        self.head = head
        self.version = False
        self.origin: Origin | None = None
        self.name = "-"
        self.time = "0 0"
        self.connection: Connection | None = None
        self.bandwidth: list[str] = []
        self.attributes: list[Attribute] = []

    def take(self, kind: str, value: str) -> None:
        if kind == "a":
            name, colon, rest = value.partition(":")
            self.attributes.append((name.strip().lower(), rest.strip() if colon else None))
        elif kind == "c":
            self.connection = self.connection or _connection(value)
        elif kind == "b":
            self.bandwidth.append(value)
        elif self.head:
            return  # what else may stand in a media section says nothing to us
        elif kind == "v":
            if value != "0":
                raise SdpError("A session description is of another version than 0.")
            self.version = True
        elif kind == "o":
            self.origin = _origin(value)
        elif kind == "s":
            self.name = value or "-"
        elif kind == "t":
            self.time = value

    def description(self, media: tuple[Media, ...]) -> SessionDescription:
        if self.origin is None:
            raise SdpError("A session description has no origin (o=).")
        return SessionDescription(
            origin=self.origin,
            name=self.name,
            connection=self.connection,
            bandwidth=tuple(self.bandwidth),
            time=self.time,
            attributes=tuple(self.attributes),
            media=media,
        )

    def media(self) -> Media:
        found = _MEDIA.fullmatch(self.head)
        if found is None or int(found[2]) > 65_535:
            raise SdpError("A stream (m=) of a session description is not well formed.")
        formats = tuple(found[5].split())
        if len(formats) > MAX_FORMATS:
            raise SdpError(f"A stream (m=) of a session description has more than {MAX_FORMATS} formats.")
        return Media(
            kind=found[1].lower(),
            port=int(found[2]),
            ports=max(1, int(found[3] or 1)),
            protocol=found[4],
            formats=formats,
            connection=self.connection,
            bandwidth=tuple(self.bandwidth),
            attributes=tuple(self.attributes),
        )


def _connection(value: str) -> Connection:
    parts = value.split()
    if len(parts) != 3:
        raise SdpError("A connection (c=) of a session description is not well formed.")
    return Connection(network_type=parts[0], address_type=parts[1], address=parts[2].partition("/")[0])


def _origin(value: str) -> Origin:
    parts = value.split()
    if len(parts) < 6:
        raise SdpError("The origin (o=) of a session description is not well formed.")
    *user, session_id, version, network, kind, address = parts  # some user names have spaces in them
    return Origin(
        username=" ".join(user),
        session_id=session_id,
        session_version=version,
        network_type=network,
        address_type=kind,
        address=address,
    )


def render(description: SessionDescription) -> bytes:
    """The wire form, CRLF throughout, lines in the order that RFC 8866 section 5 asks for."""
    lines = ["v=0", f"o={description.origin}", f"s={description.name}"]
    lines += _lines(description.connection, description.bandwidth)
    lines.append(f"t={description.time}")
    lines += _attributes(description.attributes)
    for media in description.media:
        ports = f"/{media.ports}" if media.ports > 1 else ""
        lines.append(f"m={media.kind} {media.port}{ports} {media.protocol} {' '.join(media.formats)}")
        lines += _lines(media.connection, media.bandwidth)
        lines += _attributes(media.attributes)
    return "".join(f"{_UNSAFE.sub(' ', line)}\r\n" for line in lines).encode("utf-8", "replace")


def _lines(connection: Connection | None, bandwidth: tuple[str, ...]) -> list[str]:
    return [*(() if connection is None else (f"c={connection}",)), *(f"b={value}" for value in bandwidth)]


def _attributes(attributes: Iterable[Attribute]) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]
