"""Header fields of SIP messages and of their body parts (RFC 3261 section 7.3).

A :class:`Headers` keeps the order and the text of every field, finds them whatever their case or short form, and takes
lists apart at the commas that really separate (not those inside quotes or angle brackets).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from candor.capture.sip.errors import SipError

MAX_HEADER_BYTES = 64 * 1024
"""All header fields of one message together."""
MAX_FIELDS = 500

_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
"""One-letter forms in the IANA registry of SIP header fields."""
_LISTS = (
    "Accept",
    "Accept-Contact",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Call-Info",
    "Contact",
    "Content-Encoding",
    "Content-Language",
    "Diversion",
    "Error-Info",
    "History-Info",
    "In-Reply-To",
    "P-Asserted-Identity",
    "Path",
    "Proxy-Require",
    "Reason",
    "Record-Route",
    "Reject-Contact",
    "Require",
    "Route",
    "Service-Route",
    "Supported",
    "Unsupported",
    "Via",
    "Warning",
)
_SINGLES = (
    "Authorization",
    "CSeq",
    "Call-ID",
    "Content-Disposition",
    "Content-ID",
    "Content-Length",
    "Content-Type",
    "Date",
    "Event",
    "Expires",
    "From",
    "Max-Forwards",
    "MIME-Version",
    "Min-SE",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Recv-Info",
    "Refer-To",
    "Referred-By",
    "Retry-After",
    "Server",
    "Session-Expires",
    "Session-ID",
    "Subject",
    "Timestamp",
    "To",
    "User-Agent",
    "WWW-Authenticate",
)
_CANONICAL = {name.lower(): name for name in (*_LISTS, *_SINGLES)} | _COMPACT
_IS_LIST = frozenset(name.lower() for name in _LISTS)

_FOLD = re.compile(r"\r?\n[ \t]+")
_FIELD = re.compile(r"([!%'*+\-.0-9A-Z_`a-z~]+)[ \t]*:[ \t]*(.*)", re.DOTALL)
_UNSAFE = re.compile(r"[\r\n\x00]+")


def canonical(name: str) -> str:
    """The usual spelling of a header name; short forms in full, unknown names as they are."""
    return _CANONICAL.get(name.lower(), name)


def split_list(value: str) -> list[str]:
    """Take a header value apart at its commas; quoted strings and ``<...>`` stay whole, empty items are left out."""
    if "," not in value:
        stripped = value.strip()
        return [stripped] if stripped else []
    if '"' not in value and "<" not in value:
        return [item for part in value.split(",") if (item := part.strip())]
    return [item for part in split_outside(value, ",") if (item := part.strip())]


def split_outside(value: str, separator: str) -> list[str]:
    """Split at ``separator`` (one character) where it stands outside quoted strings and angle brackets."""
    parts: list[str] = []
    start, at, quoted, angled = 0, 0, False, False
    while at < len(value):
        character = value[at]
        if quoted:
            if character == "\\":
                at += 1
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character == "<":
            angled = True
        elif character == ">":
            angled = False
        elif character == separator and not angled:
            parts.append(value[start:at])
            start = at + 1
        at += 1
    parts.append(value[start:])
    return parts


class Headers:
    """An ordered multi-map of header fields; names are the same in any case and in their short form."""

    __slots__ = ("_fields", "_index")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[tuple[str, str]] = []
        self._index: dict[str, list[str]] = {}
        for name, value in fields:
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Append a field. Line ends in the value become spaces, so that no value can start another field."""
        key = name.lower()
        full = _CANONICAL.get(key, name)
        if len(key) == 1:
            key = full.lower()
        if "\n" in value or "\r" in value or "\x00" in value:
            value = _UNSAFE.sub(" ", value)
        self._fields.append((full, value))
        self._index.setdefault(key, []).append(value)

    def set(self, name: str, value: str) -> None:
        """Put this one value in the place of all fields of the name."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: str) -> None:
        """Take all fields of the name away; none is no error."""
        key = canonical(name).lower()
        if self._index.pop(key, None) is not None:
            self._fields = [field for field in self._fields if field[0].lower() != key]

    def get(self, name: str) -> str | None:
        """The first value (of a list header: the first item), or None."""
        key = canonical(name).lower()
        values = self._index.get(key)
        if not values:
            return None
        if key not in _IS_LIST:
            return values[0]
        return next((item for value in values for item in split_list(value)), None)

    def all(self, name: str) -> list[str]:
        """Every value in order; list headers such as Via, Contact or Supported are taken apart at their commas."""
        key = canonical(name).lower()
        values = self._index.get(key, [])
        if key not in _IS_LIST:
            return list(values)
        return [item for value in values for item in split_list(value)]

    def raw(self, name: str) -> list[str]:
        """The field values as they were written, lists not taken apart."""
        return list(self._index.get(canonical(name).lower(), ()))

    def tokens(self, name: str) -> frozenset[str]:
        """Items of a list header in lower case, without parameters: for Require, Supported, Allow, Accept."""
        return frozenset(item.partition(";")[0].strip().lower() for item in self.all(name))

    def copy(self) -> Headers:
        """Another one with the same fields."""
        return Headers(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and canonical(name).lower() in self._index

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __repr__(self) -> str:
        """Names only: values hold numbers and names of people."""
        return f"Headers({', '.join(name for name, _ in self._fields)})"

    def __str__(self) -> str:
        """As on the wire, each field with its CRLF."""
        return "".join(f"{name}: {value}\r\n" for name, value in self._fields)


def decode(data: bytes) -> str:
    """Text of a message: UTF-8, or Latin-1 where it is not (old telephone systems write names so)."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse_fields(text: str) -> tuple[Headers, bool]:
    """Read header lines (RFC 3261 section 7.3.1: folded lines, space before the colon; bare LF is taken).

    Returns the fields, and whether every line was one. Raises SipError 513 when there are too many.
    """
    if len(text) > MAX_HEADER_BYTES:
        raise SipError("The header of a SIP message is larger than 64 KiB.", status=513)
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    headers, clean = Headers(), True
    match = _FIELD.match
    for line in text.split("\n"):
        bare = line.strip("\r \t")
        if not bare:
            continue
        found = match(bare)
        if found is None:
            clean = False
            continue
        headers.add(found[1], found[2])
        if len(headers) > MAX_FIELDS:
            raise SipError(f"A SIP message has more than {MAX_FIELDS} header fields.", status=513)
    return headers, clean
