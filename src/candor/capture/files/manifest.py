"""Manifests: a CSV or JSON Lines file that says which recording is which call.

One bad row is told with its line and stops no other. A manifest can name only files inside its own folder.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from candor.capture.files.metadata import Metadata, number
from candor.capture.files.moments import moment
from candor.capture.files.table import Form, key_of, read_table
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

FORM = Form(columns=COLUMNS, required="file", what="manifest")
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
    table = read_table(data, name, FORM)
    rows: list[ManifestRow] = []
    errors: list[RowError] = []
    for row in table.rows:
        try:
            if row.error is not None:
                raise row.error
            rows.append(_row(row.line, row.fields, folder, region, known_agents))
        except CandorError as error:
            errors.append(RowError(line=row.line, name=_shown(row.fields.get("file", "")), error=error))
    notes = table.notes
    if table.ignored:
        left_out = ", ".join(sorted(_shown(header) for header in table.ignored))
        notes += (f"Columns that mean nothing here were left out: {left_out}.",)
    return Manifest(rows=tuple(rows), errors=tuple(errors), notes=notes)


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
        field = FORM.keys.get(key_of(key))
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
