"""Manifests: a CSV or JSON Lines file that says which recording is which call.

One bad row is told with its line and stops no other. A manifest can name only files inside its own folder.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from candor.capture.files.metadata import Metadata, number
from candor.capture.files.moments import moment
from candor.conversation.model import Direction
from candor.errors import CandorError, InvalidInput

COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("filename", "file_name", "path", "recording", "audio", "recording_file"),
    "call_id": ("id", "callid", "external_id", "uniqueid", "unique_id", "interaction_id", "conversation_id"),
    "start": ("started_at", "start_time", "start_date", "datetime", "timestamp", "date_time", "call_start", "calldate"),
    "tz": ("timezone", "time_zone", "zone"),
    "direction": ("call_direction",),
    "caller": ("from", "caller_number", "ani", "src", "caller_id", "calling_number"),
    "callee": ("to", "callee_number", "dnis", "dst", "called", "called_number"),
    "agent": ("agent_id", "agentid", "user", "user_id"),
    "agent_name": ("agentname", "agent_full_name"),
    "queue": ("queue_name", "skill"),
    "team": ("team_name", "group"),
    "language": ("lang", "locale"),
    "customer_channel": ("customerchannel", "channel_customer"),
    "agent_channel": ("agentchannel", "channel_agent"),
}
"""Field → other headers it is known by; case, spaces, hyphens and underscores do not matter."""

MAX_BYTES = 64 * 1024 * 1024
_DIRECTIONS = {
    "in": Direction.INBOUND, "inbound": Direction.INBOUND, "incoming": Direction.INBOUND,
    "out": Direction.OUTBOUND, "outbound": Direction.OUTBOUND, "outgoing": Direction.OUTBOUND,
    "internal": Direction.INTERNAL, "": Direction.UNKNOWN, "unknown": Direction.UNKNOWN,
}  # fmt: skip
_CHANNELS = {"left": 0, "l": 0, "right": 1, "r": 1}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One recording and what is said of it."""

    line: int
    """Of the manifest, from 1."""
    path: Path
    """Resolved, inside the manifest's folder."""
    name: str
    """As the manifest writes it."""
    metadata: Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """One row that cannot be taken."""

    line: int
    name: str
    error: CandorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Rows that stand and rows that do not, in the order of the file."""

    rows: tuple[ManifestRow, ...]
    errors: tuple[RowError, ...]
    notes: tuple[str, ...] = ()


def is_manifest(name: str) -> bool:
    """Whether a file name is a manifest's."""
    return name.lower().endswith((".csv", ".tsv", ".jsonl", ".ndjson"))


def read_manifest(
    data: bytes, name: str, folder: Path, *, region: str | None = None, known_agents: Collection[str] | None = None
) -> Manifest:
    """Read a manifest whose recordings lie in or below ``folder``.

    ``region`` (ISO 3166, for example ``US``) lets numbers without + become E.164; ``known_agents`` are agent ids, a row
    with another one is taken with a note. Raises InvalidInput ``manifest.*`` when the file as a whole cannot be read.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput("The manifest is too large.", code="manifest.too_large", advice="Split it.")
    text, notes = _text(data)
    if not text.strip():
        raise InvalidInput("The manifest is empty.", code="manifest.empty", advice="Write at least the column file.")
    if name.lower().endswith((".jsonl", ".ndjson")):
        source, ignored = _json_lines(text)
    else:
        source, ignored = _csv(text)
    rows: list[ManifestRow] = []
    errors: list[RowError] = []
    for line, fields in source:
        if isinstance(fields, CandorError):
            errors.append(RowError(line=line, name="", error=fields))
            continue
        try:
            rows.append(_row(line, fields, folder, region, known_agents))
        except CandorError as error:
            errors.append(RowError(line=line, name=_shown(fields.get("file", "")), error=error))
    if ignored:
        notes += (f"Columns that mean nothing here were left out: {', '.join(sorted(_shown(x) for x in ignored))}.",)
    return Manifest(rows=tuple(rows), errors=tuple(errors), notes=notes)


_Source = Iterator[tuple[int, dict[str, str] | CandorError]]


def _text(data: bytes) -> tuple[str, tuple[str, ...]]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), ()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), ("The manifest is not UTF-8; it was read as Windows-1252.",)


def _key(header: str) -> str:
    return re.sub(r"[^a-z0-9]", "", header.lower())


_KEYS = {_key(alias): field for field, aliases in COLUMNS.items() for alias in (field, *aliases)}


def _csv(text: str) -> tuple[_Source, set[str]]:
    first = text.lstrip("\r\n").splitlines()[0]
    delimiter = max(",;\t|", key=first.count)
    # strict=False: a stray quote spoils its own cell, not the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next((row for row in reader if any(cell.strip() for cell in row)), [])
    fields = [_KEYS.get(_key(cell)) for cell in header]
    _check_columns(fields)
    ignored = {cell for cell, field in zip(header, fields, strict=True) if field is None and cell.strip()}

    def rows() -> _Source:
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield line, InvalidInput("The row cannot be read as CSV.", code="manifest.row")
                continue
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(fields):
                yield line, InvalidInput(
                    f"The row has {len(row)} cells, the header {len(fields)}.", code="manifest.row",
                    advice="Put cells that hold the delimiter in double quotes.",
                )  # fmt: skip
                continue
            yield line, {field: cell.strip() for field, cell in zip(fields, row, strict=False) if field}

    return rows(), ignored


def _check_columns(fields: list[str | None]) -> None:
    named = [field for field in fields if field]
    twice = sorted({field for field in named if named.count(field) > 1})
    if twice:
        raise InvalidInput(f"Two columns both mean {twice[0]}.", code="manifest.columns", advice="Keep one of them.")
    if "file" not in named:
        raise InvalidInput(
            "The manifest has no column named file.", code="manifest.columns",
            advice=f"The first line names the columns; known are: {', '.join(COLUMNS)}.",
        )  # fmt: skip


def _json_lines(text: str) -> tuple[_Source, set[str]]:
    ignored: set[str] = set()
    rows: list[tuple[int, dict[str, str] | CandorError]] = []
    for line, raw in enumerate(text.split("\n"), 1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            rows.append((line, InvalidInput("The line is not JSON.", code="manifest.row")))
            continue
        if not isinstance(value, dict):
            rows.append((line, InvalidInput("The line is not a JSON object.", code="manifest.row")))
            continue
        fields: dict[str, str] = {}
        problem: CandorError | None = None
        for key, cell in value.items():
            field = _KEYS.get(_key(key))
            if field is None:
                ignored.add(key)
            elif cell is None:
                continue
            elif isinstance(cell, bool) or not isinstance(cell, str | int):
                problem = InvalidInput(f"The value of {field} is neither text nor a whole number.", code="manifest.row")
            else:
                fields[field] = str(cell).strip()
        rows.append((line, problem or fields))
    return iter(rows), ignored


def _row(
    line: int, fields: dict[str, str], folder: Path, region: str | None, known_agents: Collection[str] | None
) -> ManifestRow:
    name = fields.get("file", "")
    path = inside(folder, name)
    return ManifestRow(line=line, path=path, name=_shown(name), metadata=_facts(fields, region, known_agents))


def read_facts(
    given: Mapping[str, object], *, region: str | None = None, known_agents: Collection[str] | None = None
) -> Metadata:
    """The facts that a program gives for one recording, under the same names as a manifest's columns.

    Raises InvalidInput ``manifest.*`` for a name or value that means nothing here.
    """
    fields: dict[str, str] = {}
    for key, value in given.items():
        field = _KEYS.get(_key(key))
        if field is None or field == "file":
            raise InvalidInput(
                "A field of the metadata is not known.", code="manifest.column",
                advice=f"Known are: {', '.join(name for name in COLUMNS if name != 'file')}.",
            )  # fmt: skip
        if isinstance(value, str | int | float):
            fields[field] = str(value).strip()
        elif value is not None:
            raise InvalidInput(f"The field {field} is not a text or number.", code="manifest.value")
    return _facts(fields, region, known_agents)


def _facts(fields: dict[str, str], region: str | None, known_agents: Collection[str] | None) -> Metadata:
    notes: tuple[str, ...] = ()
    started_at = None
    if fields.get("start"):
        started_at, notes = moment(fields["start"], fields.get("tz"))
    direction = _DIRECTIONS.get(fields.get("direction", "").lower())
    if direction is None:
        raise InvalidInput("The direction is none of inbound, outbound, internal.", code="manifest.direction")
    language = fields.get("language") or None
    if language is not None and not _LANGUAGE.match(language):
        raise InvalidInput("The language is not a BCP 47 tag.", code="manifest.language", advice="Write it like en-US.")
    agent = fields.get("agent") or None
    if agent is not None and known_agents is not None and agent not in known_agents:
        notes += ("The agent is not known here yet; the call was taken with the id as it stands.",)
    customer, agent_channel = _channels(fields)
    return Metadata(
        started_at=started_at,
        call_id=fields.get("call_id") or None,
        direction=direction,
        caller=number(fields["caller"], region) if fields.get("caller") else None,
        callee=number(fields["callee"], region) if fields.get("callee") else None,
        agent=agent,
        agent_name=fields.get("agent_name") or None,
        queue=fields.get("queue") or None,
        team=fields.get("team") or None,
        language=language.replace("_", "-") if language else None,
        customer_channel=customer,
        agent_channel=agent_channel,
        notes=notes,
    )


def _channels(fields: dict[str, str]) -> tuple[int | None, int | None]:
    found: list[int | None] = []
    for field in ("customer_channel", "agent_channel"):
        text = fields.get(field, "").lower()
        value = _CHANNELS.get(text)
        if value is None and text:
            if not (text.isascii() and text.isdigit() and len(text) == 1):
                raise InvalidInput(
                    f"The {field} is not a channel.", code="manifest.channel",
                    advice="Write left or right, or a number counted from 0.",
                )  # fmt: skip
            value = int(text)
        found.append(value)
    if sorted(str(value) for value in found) == ["1", "2"]:  # both given, counted from 1
        found = [None if value is None else value - 1 for value in found]
    if found[0] is not None and found[0] == found[1]:
        raise InvalidInput("Customer and agent are on the same channel.", code="manifest.channel")
    return found[0], found[1]


def inside(folder: Path, name: str) -> Path:
    """The regular file ``name`` in or below ``folder``; raises InvalidInput for every way out of it."""
    if not name:
        raise InvalidInput("The row names no file.", code="manifest.no_file")
    # 1: names that no recording has, or that mean another machine or drive
    if any(ord(sign) < 32 for sign in name):
        raise InvalidInput("The file name holds control characters.", code="manifest.path")
    if name.startswith(("\\\\", "//")) or re.match(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]+://", name):
        raise InvalidInput(
            "The file lies on another drive, machine or address.", code="manifest.path",
            advice="Copy the recordings beside the manifest and write names relative to it.",
        )  # fmt: skip
    # 2: steps upwards, even where they would come back down
    parts = name.replace("\\", "/").split("/")
    if ".." in parts:
        raise InvalidInput("The file name leads out of the manifest's folder.", code="manifest.path")
    # 3: absolute names and symbolic links, followed to their end
    root = folder.resolve()
    try:
        path = (root / "/".join(parts)).resolve()
        outside = not path.is_relative_to(root)
        regular = not outside and path.is_file()
    except (OSError, RuntimeError, ValueError):
        raise InvalidInput("The file name cannot be followed.", code="manifest.path") from None
    if outside:
        raise InvalidInput(
            "The file lies outside the manifest's folder.", code="manifest.path",
            advice="Copy the recordings beside the manifest.",
        )  # fmt: skip
    if not regular:
        raise InvalidInput(
            "The file is not there.", code="manifest.missing", advice="Check the name; upper and lower case count."
        )
    return path


def _shown(name: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)[:200]


def with_notes(facts: Metadata, *notes: str) -> Metadata:
    """``facts`` and further notes."""
    return replace(facts, notes=facts.notes + notes)
