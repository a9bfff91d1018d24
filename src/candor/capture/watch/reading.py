"""Watched places as an administrator writes them: tables of a settings file, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from candor.capture.watch.model import After, WatchedPlace
from candor.errors import InvalidInput

_KNOWN = tuple(field.name for field in fields(WatchedPlace))
_NUMBERS = ("settle", "facts_wait", "every")


def read_places(given: Iterable[Mapping[str, object]]) -> tuple[WatchedPlace, ...]:
    """The places; raises InvalidInput ``watch.*`` that names the place and what is wrong, never a value."""
    places = tuple(_place(table, number) for number, table in enumerate(given, 1))
    if len({place.name for place in places}) != len(places):
        raise InvalidInput("Two watched places have the same name.", code="watch.twice", advice="Rename one.")
    return places


def _place(table: Mapping[str, object], number: int) -> WatchedPlace:
    name = table.get("name")
    who = f"The watched place {name}" if isinstance(name, str) and name else f"Watched place {number}"
    unknown = sorted(str(key) for key in table if key not in _KNOWN)
    if unknown or "name" not in table or "url" not in table:
        raise InvalidInput(
            f"{who} has unknown keys, or lacks name or url.", code="watch.keys",
            advice=f"Known are: {', '.join(_KNOWN)}.",
        )  # fmt: skip
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "options":
            values[key] = _options(value, who)
        elif key in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidInput(f"{who}: {key} is not a number of seconds.", code="watch.seconds")
            values[key] = float(value)
        elif not isinstance(value, str):
            raise InvalidInput(f"{who}: {key} is not a text.", code="watch.keys")
        elif key == "after":
            if value not in set(After):
                raise InvalidInput(f"{who}: after is none of keep, move, delete.", code="watch.after")
            values[key] = After(value)
        else:
            values[key] = value
    return WatchedPlace(**values)


def _options(value: object, who: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise InvalidInput(f"{who}: options is not a table of texts.", code="watch.options")
    return tuple(sorted(value.items()))
