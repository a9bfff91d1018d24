"""What is known of a found recording: its name, its sidecar file or its row in a manifest, brought together."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from candor.capture.files.manifest import FORM, read_facts, with_notes
from candor.capture.files.metadata import Metadata
from candor.capture.files.table import read_table
from candor.capture.watch.model import Found, WatchedPlace
from candor.errors import CandorError, InvalidInput

MOST_ROWS = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A manifest in a place: what it says of which file."""

    rows: dict[str, dict[str, str]]
    """Key of the recording in the place → its fields."""
    errors: tuple[tuple[int, CandorError], ...]
    """Line → why that row says nothing."""


def read_listed(data: bytes, key: str) -> Listed:
    """Read the manifest that lies at ``key``; raises InvalidInput ``manifest.*`` when it cannot be read as a whole."""
    folder = key.rpartition("/")[0]
    rows: dict[str, dict[str, str]] = {}
    errors: list[tuple[int, CandorError]] = []
    for row in read_table(data, key, FORM).rows:
        try:
            if row.error is not None:
                raise row.error
            if len(rows) >= MOST_ROWS:
                raise InvalidInput(f"The manifest has more than {MOST_ROWS:,} rows.", code="manifest.too_large")
            fields = dict(row.fields)
            rows[beside(folder, fields.pop("file", ""))] = fields
        except CandorError as error:
            errors.append((row.line, error))
    return Listed(rows=rows, errors=tuple(errors))


def beside(folder: str, name: str) -> str:
    """The key of the file that a manifest in ``folder`` calls ``name``; raises InvalidInput for every way out."""
    if not name:
        raise InvalidInput("The row names no file.", code="manifest.no_file")
    # 1: names that no recording has, or that mean another machine or drive
    if any(ord(sign) < 32 for sign in name) or len(name) > 1024:
        raise InvalidInput("The file name holds control characters or is too long.", code="manifest.path")
    if name.startswith(("\\", "/")) or re.match(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]+://", name):
        raise InvalidInput(
            "The file lies on another drive, machine or address.", code="manifest.path",
            advice="Write names relative to the manifest.",
        )  # fmt: skip
    # 2: steps upwards, even where they would come back down
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    if ".." in parts or not parts:
        raise InvalidInput("The file name leads out of the manifest's folder.", code="manifest.path")
    return "/".join([*([folder] if folder else []), *parts])


def metadata_of(
    place: WatchedPlace, found: Found, told: Mapping[str, str] | None, *, region: str | None = None,
    known_agents: Collection[str] | None = None,
) -> Metadata:  # fmt: skip
    """The facts of one recording; ``told`` (sidecar file or row) counts more than the name.

    Raises InvalidInput ``watch.name_mismatch`` when nothing is told and the name is of another shape than the pattern,
    ``manifest.*`` and ``start.*`` for values that mean nothing.
    """
    fields: dict[str, str] = {}
    if place.names is not None:
        named = place.names.match(found.key)
        if named is None and told is None:
            raise InvalidInput(
                "The file's name does not have the shape that the watched place's pattern describes.",
                code="watch.name_mismatch", advice="Correct the pattern, or keep other sound files out of the place.",
            )  # fmt: skip
        fields |= named or {}
    fields |= told or {}
    if place.zone and "tz" not in fields and not _has_offset(fields.get("start", "")):
        fields["tz"] = place.zone
    facts = read_facts(fields, region=region, known_agents=known_agents)
    if facts.started_at is None:
        facts = with_notes(
            replace(facts, started_at=found.changed_at),
            "Nobody said when the call began; the file's own date was taken.",
        )
    if told is None and place.manifest:
        facts = with_notes(facts, "No sidecar file or manifest row came; the recording was taken without.")
    return facts


def _has_offset(start: str) -> bool:
    try:
        return datetime.fromisoformat(start).tzinfo is not None
    except ValueError:
        return False
