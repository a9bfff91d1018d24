"""Tables that other systems write: CSV of any delimiter, or JSON Lines, their columns under any of their names.

One bad row is told with its line and stops no other. Manifests and call lists are such tables.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from candor.errors import CandorError, InvalidInput

LARGEST = 64 * 1024 * 1024
LONGEST_CELL = 4_000


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a kind of table tells, and how errors call it."""

    columns: Mapping[str, tuple[str, ...]]
    """Field → other headers it is known by; case, spaces, hyphens and underscores do not matter."""
    required: str
    what: str = "table"
    """In messages, and the first part of codes: ``table.row``."""
    flags: frozenset[str] = field(default=frozenset())
    """Fields that JSON may give as true or false; they are read as yes and no."""

    @cached_property
    def keys(self) -> dict[str, str]:
        """What of a header counts → the field that it means."""
        return keys_of(self.columns)

    def wrong(self, code: str, message: str, advice: str = "") -> InvalidInput:
        """An error about the table, or a row of it."""
        return InvalidInput(message, code=f"{self.what}.{code}", advice=advice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, or why it cannot be read."""

    line: int
    """Of the file, from 1."""
    fields: dict[str, str]
    """Field → cell, without the empty ones."""
    error: CandorError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a table, read as they are asked for."""

    rows: Iterator[Row]
    ignored: set[str]
    """Headers that mean nothing here; of JSON Lines known only when all rows were read."""
    notes: tuple[str, ...] = ()


def read_table(data: bytes, name: str, form: Form) -> Table:
    """Read ``data``, JSON Lines by the ending of ``name``, else CSV.

    Raises InvalidInput ``….too_large``, ``….empty`` or ``….columns`` when nothing of it can be read.
    """
    if len(data) > LARGEST:
        raise form.wrong("too_large", f"The {form.what} is larger than 64 MB.", "Split it.")
    text, notes = _text(data, form)
    if not text.strip():
        raise form.wrong("empty", f"The {form.what} is empty.", "Its first line names the columns.")
    ignored: set[str] = set()
    read = _json_lines if name.lower().endswith((".jsonl", ".ndjson")) else _csv
    return Table(rows=read(text, form, ignored), ignored=ignored, notes=notes)


def key_of(header: str) -> str:
    """What of a header counts."""
    return re.sub(r"[^a-z0-9]", "", header.lower())


def keys_of(columns: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What of a header counts → the field that it means."""
    return {key_of(alias): name for name, aliases in columns.items() for alias in (name, *aliases)}


def plain_cells(value: Mapping[str, object], form: Form, ignored: set[str]) -> dict[str, str]:
    """The known fields of a JSON object as cells; raises InvalidInput ``….row``."""
    fields: dict[str, str] = {}
    for key, cell in value.items():
        name = form.keys.get(key_of(str(key)))
        if name is None:
            ignored.add(str(key)[:80])
        elif isinstance(cell, bool) and name in form.flags:
            fields[name] = "yes" if cell else "no"
        elif isinstance(cell, str | int | float) and not isinstance(cell, bool):
            text = str(cell).strip()
            if len(text) > LONGEST_CELL:
                raise form.wrong("row", f"The value of {name} is too long.")
            if text:
                fields[name] = text
        elif cell is not None:
            raise form.wrong("row", f"The value of {name} is neither text nor a number.")
    return fields


def _text(data: bytes, form: Form) -> tuple[str, tuple[str, ...]]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), ()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), (f"The {form.what} is not UTF-8; it was read as Windows-1252.",)


def _csv(text: str, form: Form, ignored: set[str]) -> Iterator[Row]:
    first = text.lstrip("\r\n").splitlines()[0]
    # strict=False: a stray quote spoils its own cell, not the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=first.count))
    try:
        header = next((row for row in reader if any(cell.strip() for cell in row)), [])
    except csv.Error:
        header = []
    fields = [form.keys.get(key_of(cell)) for cell in header]
    named = [name for name in fields if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise form.wrong("columns", f"Two columns both mean {twice[0]}.", "Keep one of them.")
    if form.required not in named:
        raise form.wrong(
            "columns", f"The {form.what} has no column named {form.required}.",
            f"The first line names the columns; known are: {', '.join(form.columns)}.",
        )  # fmt: skip
    ignored |= {cell.strip()[:80] for cell, name in zip(header, fields, strict=True) if name is None and cell.strip()}
    return _csv_rows(reader, fields, form)


def _csv_rows(reader: Iterator[list[str]], fields: list[str | None], form: Form) -> Iterator[Row]:
    while True:
        line = int(getattr(reader, "line_num", 0)) + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield _unreadable(line, form.wrong("row", "The row cannot be read as CSV."))
            continue
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(fields) and any(cell.strip() for cell in row[len(fields) :]):
            yield _unreadable(line, form.wrong(
                "row", f"The row has {len(row)} cells, the header {len(fields)}.",
                "Put cells that hold the delimiter in double quotes.",
            ))  # fmt: skip
        elif any(len(cell) > LONGEST_CELL for cell in row):
            yield _unreadable(line, form.wrong("row", f"A cell is longer than {LONGEST_CELL} letters."))
        else:
            cells = zip(fields, row, strict=False)
            yield Row(line=line, fields={name: cell.strip() for name, cell in cells if name and cell.strip()})


def _json_lines(text: str, form: Form, ignored: set[str]) -> Iterator[Row]:
    for line, raw in enumerate(text.split("\n"), 1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw, parse_float=str)  # an id like 1772440500.10 stays as it is written
        except (ValueError, RecursionError):
            yield _unreadable(line, form.wrong("row", "The line is not JSON."))
            continue
        if not isinstance(value, dict):
            yield _unreadable(line, form.wrong("row", "The line is not a JSON object."))
            continue
        try:
            yield Row(line=line, fields=plain_cells(value, form, ignored))
        except CandorError as error:
            yield _unreadable(line, error)


def _unreadable(line: int, error: CandorError) -> Row:
    return Row(line=line, fields={}, error=error)
