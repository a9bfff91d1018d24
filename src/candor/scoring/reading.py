"""Strict reading of YAML: every complaint names its place. What all readers of scorecards share."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

import yaml

from candor.conversation.model import Role
from candor.errors import InvalidInput
from candor.scoring.phrases import compile_phrase
from candor.scoring.vocabulary import Vocabulary

MAX_PHRASES = 5_000
ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")

E = TypeVar("E", bound=Enum)


def fail(place: str, what: str) -> InvalidInput:
    return InvalidInput(f"{place}: {what}.", code="scorecard.invalid")


class StrictLoader(yaml.SafeLoader):
    """YAML without silently overwritten keys."""


def _mapping(loader: StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(getattr(key, "value", ""))
        if name in seen and name != "<<":
            line = key.start_mark.line + 1
            raise fail(f"Line {line}", f'"{name}" is given twice in one mapping')
        seen.add(name)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


class Parts:
    """Reads one value each; ``place`` is the path shown to the author."""

    def __init__(self, vocabulary: Vocabulary | None, known_fields: Mapping[str, frozenset[str]]) -> None:
        self.vocabulary = vocabulary
        self.known_fields = known_fields
        self.phrases = 0

    def fields(self, data: Any, place: str, kind: str, *, required: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            raise fail(place, f"must be a mapping, not {shape(data)}")
        known = self.known_fields[kind]
        for name in data:
            if name not in known:
                raise fail(place, f'has the unknown field "{name}"; known are ' + ", ".join(sorted(known)))
        for name in required:
            if data.get(name) is None:
                raise fail(place, f'lacks the field "{name}"')
        return {name: value for name, value in data.items() if value is not None}

    def items(self, data: Any, place: str) -> list[Any]:
        if not isinstance(data, list):
            raise fail(place, f"must be a list, not {shape(data)}")
        if not data:
            raise fail(place, "is empty")
        return data

    @staticmethod
    def listed(data: Any, place: str) -> list[Any]:
        if isinstance(data, str):
            return [data]
        if not isinstance(data, list):
            raise fail(place, f"must be a name or a list of names, not {shape(data)}")
        return data

    def strings(self, data: Any, place: str, *, empty: bool = False) -> tuple[str, ...]:
        """Texts; a list inside the list (a YAML alias) is taken as its members."""
        if empty and data == []:
            return ()
        flat: list[Any] = []
        for item in self.items([data] if isinstance(data, str) else data, place):
            flat.extend(item if isinstance(item, list) else [item])
        self.phrases += len(flat)
        if self.phrases > MAX_PHRASES:
            raise fail(place, f"the scorecard has more than {MAX_PHRASES} phrases")
        return tuple(self.text(item, f"{place}[{i}]") for i, item in enumerate(flat, 1))

    def phrase_list(self, data: Any, place: str) -> tuple[str, ...]:
        phrases = self.strings(data, place, empty=True)
        for i, phrase in enumerate(phrases, 1):
            try:
                compile_phrase(phrase)
            except ValueError as error:
                raise fail(f"{place}[{i}]", f'the phrase "{phrase}" cannot be used: {error}') from error
        return phrases

    def roles(self, data: Any, place: str) -> tuple[Role, ...]:
        names = self.listed(data, place)
        if names == ["anyone"]:
            return ()
        return tuple(self.choice(Role, name, place) for name in names)

    def metric_name(self, data: Any, place: str) -> str:
        name = self.text(data, place)
        self.known(name, self.vocabulary.metrics if self.vocabulary else None, place, "metric")
        return name

    def category_name(self, data: Any, place: str) -> str:
        name = self.text(data, place)
        self.known(name, self.vocabulary.categories if self.vocabulary else None, place, "category")
        return name

    def finding_kind(self, data: Any, place: str) -> str:
        name = self.text(data, place)
        self.known(name, self.vocabulary.findings if self.vocabulary else None, place, "kind of finding")
        return name

    @staticmethod
    def known(name: str, known: frozenset[str] | None, place: str, what: str) -> None:
        if known is not None and name not in known:
            raise fail(place, f'"{name}" is not a known {what}; known are ' + (", ".join(sorted(known)) or "none"))

    @staticmethod
    def unique(names: Sequence[str], what: str) -> None:
        for i, name in enumerate(names):
            if name in names[:i]:
                raise fail("Scorecard", f'the {what} id "{name}" is used twice')

    @staticmethod
    def choice(kind: type[E], data: Any, place: str) -> E:
        # YAML reads a bare yes/no/on/off as a truth value, never as a word.
        try:
            return kind(data)
        except ValueError:
            known = ", ".join(str(member.value) for member in kind)
            raise fail(place, f'"{data}" is not one of {known}') from None

    @staticmethod
    def text(data: Any, place: str, most: int = 500) -> str:
        if not isinstance(data, str) or not data.strip():
            raise fail(place, f"must be a text, not {shape(data)}")
        if len(data) > most:
            raise fail(place, f"is longer than {most} characters")
        return data.strip()

    @staticmethod
    def id(data: Any, place: str) -> str:
        if not isinstance(data, str) or not ID.fullmatch(data):
            raise fail(place, "must be 1 to 64 lower-case letters, digits, dots, dashes or underscores")
        return data

    @staticmethod
    def truth(data: Any, place: str) -> bool:
        if not isinstance(data, bool):
            raise fail(place, f"must be true or false, not {shape(data)}")
        return data

    @staticmethod
    def integer(data: Any, place: str, *, least: int) -> int:
        if isinstance(data, bool) or not isinstance(data, int) or not least <= data <= 1_000_000:
            raise fail(place, f"must be a whole number from {least}")
        return data

    @staticmethod
    def number(
        data: Any, place: str, *, least: float | None = None, most: float | None = None, more_than: float | None = None
    ) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
            raise fail(place, f"must be a number, not {shape(data)}")
        if (least is not None and data < least) or (most is not None and data > most):
            raise fail(place, f"must be from {least:g} to {most:g}")
        if more_than is not None and data <= more_than:
            raise fail(place, f"must be more than {more_than:g}")
        return float(data)

    def weight(self, data: Any, place: str) -> float:
        return self.number(data, place, more_than=0)


def shape(data: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "a truth value", type(None): "nothing"}
    if data == "":
        return "an empty text"
    return names.get(type(data), f"a {type(data).__name__}")
