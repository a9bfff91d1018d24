"""Values of header fields: Via, addresses, CSeq, URIs, media types (RFC 3261 sections 19.1, 20 and 25.1).

Each has ``parse`` (text to value, SipError when it is not one) and ``str`` (value to text); ``parse(str(value))`` gives
the value again. What was written with escapes, odd spaces or odd case comes out in its plain form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from candor.capture.sip.errors import SipError
from candor.capture.sip.headers import split_outside

Params = Mapping[str, str | None]
"""Parameters by lower-case name; None where a parameter stands without a value."""

MAX_PARAMS = 64
_WORD = r"[!%'*+\-.0-9A-Z_`a-z~]+"
_HOST = r"\[[0-9A-Fa-f:.]{2,45}(?:%[0-9A-Za-z._~-]{1,32})?\]|[0-9A-Za-z_](?:[0-9A-Za-z._-]{0,254})"
_BARE_VALUE = re.compile(r"[!%'*+\-.0-9A-Z_`a-z~:\[\]@/$?&]+")
_NAME = re.compile(_WORD)
_VIA = re.compile(
    rf"SIP ?/ ?2\.0 ?/ ?({_WORD}) ({_HOST})(?: ?: ?([0-9]{{1,5}}))? ?(?:;(.*))?", re.IGNORECASE | re.DOTALL
)
_HOST_PORT = re.compile(rf"({_HOST})(?::([0-9]{{1,5}}))?")
_PORT = re.compile(r"[0-9]{1,5}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?=[^\s<>\"]+\Z)")
_CSEQ = re.compile(rf"([0-9]{{1,10}})\s+({_WORD})")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_PARAM_SAFE = "-_.!~*'()[]/:&+$"
_HEADER_SAFE = "-_.!~*'()[]/?:+$"


def _unquote(text: str) -> str:
    """Inside of a quoted string (RFC 3261 section 25.1) without its escapes and without control characters."""
    if "\\" in text:
        text = _QUOTED_PAIR.sub(r"\1", text)
    return _CONTROLS.sub(" ", text).strip()


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _parse_params(text: str) -> dict[str, str | None]:
    """``a;b=c;d="e"``: the part behind the first semicolon. The first of equal names counts."""
    params: dict[str, str | None] = {}
    for item in split_outside(text, ";") if '"' in text or "<" in text else text.split(";"):
        name, equals, value = item.partition("=")
        name, value = name.strip().lower(), value.strip()
        if not name:
            if equals:
                raise SipError("A parameter of a SIP header field has no name.")
            continue  # ;; is wrong but harmless
        if _NAME.fullmatch(name) is None:
            raise SipError("The name of a SIP header parameter has characters that may not stand there.")
        if value.startswith('"'):
            if len(value) < 2 or value[-1] != '"':
                raise SipError("A quoted string in a SIP header parameter does not end.")
            value = _unquote(value[1:-1])
        elif _CONTROLS.search(value):
            raise SipError("The value of a SIP header parameter has control characters.")
        params.setdefault(name, value if equals else None)
        if len(params) > MAX_PARAMS:
            raise SipError(f"A SIP header field has more than {MAX_PARAMS} parameters.")
    return params


def _render_params(params: Params) -> str:
    parts = []
    for name, value in params.items():
        if value is None:
            parts.append(f";{name}")
        else:
            parts.append(f";{name}={value if _BARE_VALUE.fullmatch(value) else _quote(value)}")
    return "".join(parts)


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    port = int(text)
    if not 0 < port < 65_536:
        raise SipError("A port in a SIP message is not between 1 and 65535.")
    return port


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUri:
    """A ``sip:`` or ``sips:`` URI (RFC 3261 section 19.1)."""

    scheme: str = "sip"
    user: str | None = field(default=None, repr=False)
    """User part, escapes in their plain form (``user_text`` is for people); with its password, if it has one."""
    host: str
    """Lower case; IPv6 in brackets."""
    port: int | None = None
    params: Params = field(default_factory=dict, repr=False)
    headers: Params = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read one; SipError 416 for another scheme, 400 for what is not a URI."""
        scheme, colon, rest = text.partition(":")
        if not colon or (scheme := scheme.lower()) not in ("sip", "sips"):
            raise SipError("An address in a SIP message is not a sip: or sips: URI.", status=416)
        user: str | None = None
        if "@" in rest:
            user, _, rest = rest.partition("@")
            if not user or any(character in ' "<>' for character in user):
                raise SipError("A SIP URI has an empty or malformed user part.")
            if "%" in user:  # the first plain colon begins the password, an escaped one is part of the name
                name, sign, password = user.partition(":")
                user = quote(unquote(name), safe=_USER_SAFE) + sign + quote(unquote(password), safe=_USER_SAFE)
        rest, mark, query = rest.partition("?")
        place, semicolon, params = rest.partition(";")
        found = _HOST_PORT.fullmatch(place)
        if found is None:
            raise SipError("A SIP URI has no valid host.")
        return cls(
            scheme=scheme,
            user=user,
            host=found[1].lower(),
            port=_port(found[2]),
            params=_uri_params(params, ";") if semicolon else {},
            headers=_uri_params(query, "&") if mark else {},
        )

    @property
    def user_text(self) -> str | None:
        """The user part as people read it: escapes resolved, control characters and password left out."""
        return None if self.user is None else _CONTROLS.sub("", unquote(self.user.partition(":")[0]))

    def __str__(self) -> str:
        user = "" if self.user is None else f"{self.user}@"
        port = "" if self.port is None else f":{self.port}"
        params = "".join(f";{_uri_pair(name, value, _PARAM_SAFE)}" for name, value in self.params.items())
        headers = "&".join(_uri_pair(name, value, _HEADER_SAFE) for name, value in self.headers.items())
        return f"{self.scheme}:{user}{self.host}{port}{params}{'?' if headers else ''}{headers}"


def _uri_params(text: str, separator: str) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    for item in text.split(separator):
        name, equals, value = item.partition("=")
        if not name:
            continue
        if any(character in ' "<>@' for character in item):
            raise SipError("A parameter of a SIP URI has characters that may not stand there.")
        params.setdefault(unquote(name).lower(), unquote(value) if equals else None)
        if len(params) > MAX_PARAMS:
            raise SipError(f"A SIP URI has more than {MAX_PARAMS} parameters.")
    return params


def _uri_pair(name: str, value: str | None, safe: str) -> str:
    return quote(name, safe=safe) if value is None else f"{quote(name, safe=safe)}={quote(value, safe=safe)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAddr:
    """An address with its display name and parameters: From, To, Contact, Route … (RFC 3261 section 20.10)."""

    display: str | None = field(default=None, repr=False)
    """Display name without quotes, escapes and control characters; None when there is none."""
    uri: str = field(repr=False)
    """As written; of any scheme. ``sip_uri()`` takes it apart."""
    params: Params = field(default_factory=dict)
    """Of the header field, such as ``tag`` or ``+sip.src``; not those of the URI."""

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read one. Display names that should have been quoted are taken as they are (RFC 4475 section 3.1.2.15)."""
        text = text.strip()
        if text.startswith('"'):
            quoted = _QUOTED.match(text)
            if quoted is None:
                raise SipError("A quoted name in a SIP address does not end.")
            display = _unquote(quoted[0][1:-1])
            rest = text[quoted.end() :].lstrip()
            if not rest.startswith("<"):
                raise SipError("A quoted name in a SIP address is not followed by <.")
        else:
            name, angle, rest = text.partition("<")
            if not angle:
                return cls._bare(text)
            display, rest = _CONTROLS.sub(" ", name).strip(), "<" + rest
            if '"' in display:
                raise SipError("A name in a SIP address has a quote in its middle.")
        uri, angle, tail = rest[1:].partition(">")
        uri, tail = uri.strip(), tail.strip()
        if not angle:
            raise SipError("A SIP address begins with < and does not end with >.")
        if tail and not tail.startswith(";"):
            raise SipError("A SIP address is followed by something that is no parameter.")
        _check_uri(uri)
        return cls(display=display or None, uri=uri, params=_parse_params(tail[1:]) if tail else {})

    @classmethod
    def _bare(cls, text: str) -> NameAddr:
        """Without <>: parameters are the header's, and the URI may have neither ``?`` nor ``,`` (section 20)."""
        uri, semicolon, params = text.partition(";")
        uri = uri.strip()
        if "?" in uri or "," in uri:
            raise SipError("A SIP address with ? or , in it must stand between < and >.")
        _check_uri(uri)
        return cls(uri=uri, params=_parse_params(params) if semicolon else {})

    @property
    def tag(self) -> str | None:
        """Dialog tag of From and To."""
        return self.params.get("tag")

    @property
    def scheme(self) -> str:
        """Scheme of the URI in lower case."""
        return self.uri.partition(":")[0].lower()

    def sip_uri(self) -> SipUri:
        """The URI taken apart; SipError when it is not a SIP URI."""
        return SipUri.parse(self.uri)

    def __str__(self) -> str:
        display = "" if self.display is None else f"{_quote(self.display)} "
        return f"{display}<{self.uri}>{_render_params(self.params)}"


def _check_uri(uri: str) -> None:
    if _SCHEME.match(uri) is None or _CONTROLS.search(uri):
        raise SipError("An address in a SIP message is not a URI.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """One hop of a Via field (RFC 3261 section 20.42; ``rport`` is RFC 3581)."""

    transport: str
    """Upper case: UDP, TCP, TLS …"""
    host: str
    port: int | None = None
    params: Params = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one hop."""
        found = _VIA.fullmatch(" ".join(text.split()))
        if found is None:
            raise SipError("A Via field of a SIP message is not well formed.")
        return cls(
            transport=found[1].upper(),
            host=found[2].lower(),
            port=_port(found[3]),
            params=_parse_params(found[4]) if found[4] else {},
        )

    @property
    def branch(self) -> str | None:
        """Transaction id."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """Address that the request really came from, as the next hop wrote it."""
        return self.params.get("received")

    @property
    def rport(self) -> int | None:
        """Port that the request really came from; None also while ``rport`` only asks for it."""
        value = self.params.get("rport") or ""
        return int(value) if _PORT.fullmatch(value) and 0 < int(value) < 65_536 else None

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {self.host}{port}{_render_params(self.params)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CSeq:
    """Sequence number and method (RFC 3261 section 20.16)."""

    number: int
    """Below 2**32."""
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read one."""
        found = _CSEQ.fullmatch(text.strip())
        number = int(found[1]) if found else -1
        if found is None or number >= 1 << 32:
            raise SipError("The CSeq of a SIP message is not a 32-bit number and a method.")
        return cls(number=number, method=found[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaType:
    """``type/subtype;parameters`` of Content-Type, or the single word of Content-Disposition."""

    value: str
    """Lower case, without spaces: ``multipart/mixed``, ``recording-session``."""
    params: Params = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read one; a broken value (``application/ +xml``) is no error, broken parameters are left out."""
        value, _, tail = text.partition(";")
        try:
            params = _parse_params(tail)
        except SipError:
            params = {}
        return cls(value="".join(value.split()).lower(), params=params)

    def __str__(self) -> str:
        return f"{self.value}{_render_params(self.params)}"
