"""Filters and paths of SCIM (RFC 7644, 3.4.2.2 and 3.5.2), as far as provisioning needs them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from candor.errors import InvalidInput

_EQUALS = re.compile(r'^\s*([A-Za-z][\w.:$-]*)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false)\s*$', re.IGNORECASE)
_PATH = re.compile(
    r"^(?:(?P<urn>urn:[\w:.-]+):)?(?P<name>[A-Za-z][\w$-]*)"
    r'(?:\[(?P<where>[A-Za-z]\w*)\s+eq\s+(?P<value>"(?:[^"\\]|\\.)*"|true|false)\])?(?:\.(?P<part>[A-Za-z]\w*))?$',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equals:
    """``attribute eq "value"``."""

    attribute: str
    """In lower case, without the schema's name."""
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """``name``, ``name.part``, ``name[where eq "value"]`` or ``name[where eq "value"].part``; names in lower case."""

    name: str
    part: str | None = None
    where: Equals | None = None


def read_filter(text: str | None) -> Equals | None:
    """None for no filter; raises InvalidInput for one that is more than one comparison for equality."""
    if not text:
        return None
    found = _EQUALS.match(text[:1000])
    if found is None:
        raise InvalidInput('Filters are of the form: attribute eq "value".', code="scim.invalidFilter")
    return Equals(attribute=found[1].rpartition(":")[2].lower(), value=_plain(found[2]))


def read_path(text: str) -> Path:
    """Raises InvalidInput for a path that is not one of ours."""
    found = _PATH.match(text.strip()[:1000])
    if found is None:
        raise InvalidInput("The path of the operation cannot be read.", code="scim.invalidPath")
    where = found["where"] and Equals(attribute=found["where"].lower(), value=_plain(found["value"]))
    return Path(name=found["name"].lower(), part=found["part"] and found["part"].lower(), where=where or None)


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted.startswith('"') else quoted.lower()
