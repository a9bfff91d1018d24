"""Schedules as a file: YAML or TOML, ``schedules:`` a list of drafts. Parsing is pure; what is wrong is named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import yaml

from candor.errors import InvalidInput
from candor.vault.retention.model import LONGEST, Conditions, Ground

LARGEST = 1_000_000
"""Bytes of a file."""
_FIELDS = frozenset({"name", "days", "basis", "when"})
_CONDITIONS = frozenset(each.name for each in fields(Conditions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A schedule that somebody wrote down."""

    name: str
    days: int
    basis: str
    when: Conditions


def read(data: bytes, filename: str) -> tuple[Draft, ...]:
    """Every draft of a file; raises InvalidInput for the first thing that is wrong."""
    if len(data) > LARGEST:
        raise InvalidInput("The file is too large for schedules.", code="retention.file")
    try:
        text = data.decode()
        given = tomllib.loads(text) if filename.lower().endswith(".toml") else yaml.safe_load(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InvalidInput("The file is neither YAML nor TOML.", code="retention.file") from error
    rows = given.get("schedules") if isinstance(given, Mapping) else None
    if not isinstance(rows, list) or not rows:
        raise InvalidInput("The file has no list of schedules.", code="retention.file", advice="Begin with: schedules:")
    drafts = tuple(_draft(row, number) for number, row in enumerate(rows, 1))
    if len({one.name for one in drafts}) < len(drafts):
        raise InvalidInput("Two schedules have the same name.", code="retention.file")
    return drafts


def draft(name: object, days: object, basis: object, when: Mapping[str, object]) -> Draft:
    """One draft from loose values; raises InvalidInput."""
    named, why = str(name or "").strip(), str(basis or "").strip()
    if not 1 <= len(named) <= 80:
        raise InvalidInput("A schedule needs a name of at most 80 characters.", code="retention.name")
    if not 3 <= len(why) <= 300:
        raise InvalidInput(
            "Say why so long: the statute, the policy.", code="retention.basis", advice="3 to 300 characters."
        )
    return Draft(name=named, days=days_of(days), basis=why, when=conditions(when))


def days_of(value: object) -> int:
    """A number of days; raises InvalidInput."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= LONGEST):
        raise InvalidInput(f"Days are a whole number from 0 to {LONGEST:,}.", code="retention.days")
    return int(text)


def conditions(given: Mapping[str, object]) -> Conditions:
    """To what it applies; empty values are left out; raises InvalidInput."""
    unknown = sorted(set(map(str, given)) - _CONDITIONS)
    if unknown:
        raise InvalidInput(
            "There is no such condition.", code="retention.condition",
            advice=f"There are: {', '.join(sorted(_CONDITIONS))}.",
        )  # fmt: skip
    values: dict[str, Any] = {}
    for name, value in given.items():
        text = str(value or "").strip()
        if len(text) > 255:
            raise InvalidInput(f"The condition {name} is too long.", code="retention.condition")
        if text:
            values[name] = text
    if "consent" in values:
        try:
            values["consent"] = Ground(values["consent"])
        except ValueError:
            raise InvalidInput(
                "There is no such ground of consent.", code="retention.condition",
                advice=f"There are: {', '.join(Ground)}.",
            ) from None  # fmt: skip
    if "jurisdiction" in values:
        values["jurisdiction"] = values["jurisdiction"].upper()
    return Conditions(**values)


def _draft(row: object, number: int) -> Draft:
    if not isinstance(row, Mapping) or not isinstance(row.get("when", {}), Mapping):
        raise InvalidInput(f"Schedule {number} is not written as name, days, basis, when.", code="retention.file")
    unknown = sorted(set(map(str, row)) - _FIELDS)
    if unknown:
        raise InvalidInput(
            f"Schedule {number} has a field that there is not.", code="retention.file",
            advice=f"There are: {', '.join(sorted(_FIELDS))}.",
        )  # fmt: skip
    try:
        return draft(row.get("name"), row.get("days"), row.get("basis"), row.get("when", {}))
    except InvalidInput as error:
        raise InvalidInput(f"Schedule {number}: {error.message}", code=error.code, advice=error.advice) from None
