"""What is wrong with a draft, at the part where it is wrong; and how its weights stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from candor.errors import InvalidInput
from candor.scoring.dumper import PlainDumper
from candor.scoring.lifecycle import drafting
from candor.scoring.loader import read_question, read_scorecard
from candor.scoring.model import Scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFault:
    """One thing that keeps a draft from being published."""

    path: str
    """The part (:mod:`drafting`); empty: the whole."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A draft, looked at."""

    scorecard: Scorecard | None
    """None while something is wrong."""
    faults: tuple[DraftFault, ...]

    def at(self, path: str) -> tuple[DraftFault, ...]:
        """What is wrong with this part alone."""
        return tuple(fault for fault in self.faults if fault.path == path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What a part's weight comes to."""

    share: float
    """Of its neighbours, 0 to 1."""
    whole: float
    """Of the whole score, 0 to 1; of a bonus section what it can add."""


def as_yaml(tree: Mapping[str, Any]) -> str:
    """The draft as people read and edit it."""
    text: str = yaml.dump(tree, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def check(tree: Mapping[str, Any]) -> Checked:
    """Every question by itself, then the whole; a fault is told at the part it names."""
    faults: list[DraftFault] = []
    for path in drafting.paths(tree):
        if path.rpartition(".")[2][0] == "q":
            try:
                read_question(drafting.at(tree, path))
            except InvalidInput as error:
                faults.append(DraftFault(path=path, message=_short(error.message)))
    try:
        scorecard: Scorecard | None = read_scorecard(tree)
    except InvalidInput as error:
        scorecard = None
        message = _short(error.message)
        if message not in {fault.message for fault in faults}:
            faults.append(DraftFault(path=_place(tree, error.message), message=message))
    return Checked(scorecard=scorecard, faults=tuple(faults))


def _place(tree: Mapping[str, Any], message: str) -> str:
    """The part that a message of the loader is about."""
    for path in drafting.paths(tree):
        part = drafting.at(tree, path)
        if path.rpartition(".")[2][0] == "q":
            if message.startswith(f'Question "{part.get("id")}"'):
                return path
        elif message.startswith((f'Section "{part.get("title")}"', f'Section {_number(path)} "{part.get("title")}"')):
            return path
    return ""


def _number(path: str) -> str:
    return str(int(path[1:]) + 1) if path[1:].isdigit() else "?"


def _short(message: str) -> str:
    """Without the name of the part, beside which it is shown."""
    front, colon, rest = message.partition(": ")
    if not colon:
        return message
    place = front.rpartition('"')[2].removeprefix(".") if front.startswith(("Question", "Section")) else ""
    return f"{place}: {rest}" if place else rest[:1].upper() + rest[1:]


def weights(tree: Mapping[str, Any]) -> dict[str, Weight]:
    """By path, as far as weights are numbers; unscored questions weigh nothing."""
    made: dict[str, Weight] = {}

    def below(part: Mapping[str, Any], front: str, whole: float) -> None:
        inner = [
            (f"{front}{letter}{number}", item)
            for letter, name in (("q", "questions"), ("s", "sections"))
            for number, item in enumerate(_listed(part, name))
            if isinstance(item, Mapping)
        ]
        total = sum(_weight(item) for _, item in inner if not item.get("bonus"))
        for path, item in inner:
            share = _weight(item) / total if total else 0.0
            made[path] = Weight(share=share, whole=share * whole)
            below(item, path + ".", share * whole)

    below(tree, "", 1.0)
    return made


def _listed(part: Mapping[str, Any], name: str) -> list[Any]:
    held = part.get(name)
    return held if isinstance(held, list) else []


def together(tree: Mapping[str, Any]) -> float:
    """What the weights of the sections sum to, without bonus."""
    parts = [part for part in _listed(tree, "sections") if isinstance(part, Mapping) and not part.get("bonus")]
    return sum(_weight(part) for part in parts)


def _weight(part: Mapping[str, Any]) -> float:
    kind, figure = part.get("kind"), part.get("number")
    bare_number = kind == "number" and not (isinstance(figure, Mapping) and figure.get("bands"))
    if part.get("scored") is False or kind in ("text", "date") or bare_number:
        return 0.0
    held = part.get("weight", 1)
    return float(held) if isinstance(held, int | float) and not isinstance(held, bool) and held > 0 else 0.0
