"""The log as a file: JSON Lines that anybody can check with the public key, on a machine without Candor's data.

The first line says whose log it is; then one object a line: ``line`` (what the tree is made over, canonical JSON after
RFC 8785), ``leaf`` (its hash, hexadecimal), and ``reason`` with its ``salt`` where one was given and not erased; the
last line is the signed checkpoint. docs/reference/audit-log.md describes it for others' programs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from candor.audit.checkpoint import BadNote, PublicKey, read_key
from candor.audit.model import read_moment

FORMAT = "candor-audit-log"
VERSION = 1
_LONGEST = 65_536
_TEXTS = ("actor", "at", "event")
_MAYBE = ("conversation_id", "origin", "reason", "subject")
_KNOWN = frozenset({*_TEXTS, *_MAYBE, "before", "number"})


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line of an export."""

    number: int
    leaf: bytes
    text: str | None
    salt: bytes | None


@dataclass(slots=True)
class ExportFile:
    """An export while it is read: ``note`` is known when :meth:`lines` came to its end."""

    stream: BinaryIO
    name: str
    key: PublicKey
    note: str | None = None

    def lines(self) -> Iterator[tuple[FileLine, dict[str, Any]]]:
        """Every line with what it says; raises BadNote for what is none, and for a file that is cut."""
        for place, raw in _rows(self.stream, start=2):
            if self.note is not None:
                raise BadNote("Something follows the end of the export.", code="audit.export")
            said = _json(raw, place)
            if "checkpoint" in said:
                self.note = str(said["checkpoint"])
                continue
            yield _line(said, place)
        if self.note is None:
            raise BadNote("The export is cut short: it has no end.", code="audit.export", advice="Export it again.")


def header(key: PublicKey) -> bytes:
    """The first line."""
    return _dumps({"format": FORMAT, "version": VERSION, "log": key.name, "key": str(key)})


def row(line: dict[str, Any], leaf: bytes, text: str | None, its_salt: bytes | None) -> bytes:
    """A line of the log."""
    told: dict[str, Any] = {"leaf": leaf.hex(), "line": line}
    if text is not None:
        told |= {"reason": text, "salt": (its_salt or b"").hex()}
    return _dumps(told)


def end(note: str) -> bytes:
    """The last line."""
    return _dumps({"checkpoint": note})


def open_export(stream: BinaryIO) -> ExportFile:
    """Read the first line; raises BadNote for a file that is no export."""
    first = next(_rows(stream, start=1), None)
    said = _json(first[1], 1) if first else {}
    if said.get("format") != FORMAT:
        raise BadNote(
            "This file is no exported audit log.", code="audit.export", advice="`candor audit export` writes one."
        )
    if said.get("version") != VERSION:
        raise BadNote("This export is of a newer version.", code="audit.export", advice="Use that version to check it.")
    key = read_key(str(said.get("key")))
    if key.name != said.get("log"):
        raise BadNote("The export's key is another log's.", code="audit.export")
    return ExportFile(stream, key.name, key)


def _rows(stream: BinaryIO, start: int) -> Iterator[tuple[int, bytes]]:
    for place in range(start, 1 << 62):
        raw = stream.readline(_LONGEST + 1)
        if not raw:
            return
        if len(raw) > _LONGEST or not raw.endswith(b"\n"):
            raise BadNote(f"Row {place} of the export is cut, or too long.", code="audit.export")
        yield place, raw


def _json(raw: bytes, place: int) -> dict[str, Any]:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or _dumps(said) != raw:
        # The one way of writing it: what a reader sees is what was hashed, down to names that stand twice.
        raise BadNote(f"Row {place} of the export is not as an export writes it.", code="audit.export")
    return said


def _line(said: dict[str, Any], place: int) -> tuple[FileLine, dict[str, Any]]:
    line, text = said.get("line"), said.get("reason")
    try:
        if isinstance(line, dict) and _well_formed(line) and isinstance(text, str | None):
            leaf, its_salt = bytes.fromhex(said["leaf"]), bytes.fromhex(said.get("salt", ""))
            return FileLine(line["number"], leaf, text, its_salt), line
    except (KeyError, TypeError, ValueError):
        pass
    raise BadNote(f"Row {place} of the export is no line of an audit log.", code="audit.export")


def _well_formed(line: dict[str, Any]) -> bool:
    """Raises KeyError, TypeError or ValueError for some of what is not."""
    read_moment(line["at"])
    return (
        type(line["number"]) is int
        and line["number"] > 0
        and all(type(line[name]) is str for name in _TEXTS)
        and all(type(line.get(name, "")) is str for name in _MAYBE)
        and type(line.get("before", 0)) is int
        and line.keys() <= _KNOWN
    )


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _dumps(value: dict[str, Any]) -> bytes:
    return _encode(value).encode("utf-8", "surrogatepass") + b"\n"
