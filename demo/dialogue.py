"""Reading the written dialogues: YAML in, turns out. No sound here.

A dialogue is a list of turns, each ``agent:`` or ``customer:`` with what is said, in words as spoken (no digits).
Personal data is marked in place: ``my card is [CARD four one one one]``. A turn may carry

    say      what the synthesiser gets instead (same number of words), to mend a pronunciation
    pause    seconds of silence before it (default about 0.45)
    overlap  seconds by which it starts before the turn in front of it has ended
    rate     speed factor on top of the speaker's own
    warp     pitch factor on top of the speaker's own
    gain     decibels on top of the speaker's own level

``hold: SECONDS`` with ``kind: music | silence`` is a stretch in which nobody speaks;
music is heard where it comes from, on the agent's channel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
DIALOGUES = HERE / "dialogues"
MARK = re.compile(r"\[([A-Z]+) ([^\]]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Personal data inside a turn: words ``first`` to ``last``, inclusive."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing said, or a hold when ``hold`` is above zero."""

    speaker: str = ""
    text: str = ""
    say: str = ""
    marks: tuple[Mark, ...] = ()
    pause: float | None = None
    overlap: float = 0.0
    rate: float = 1.0
    warp: float = 1.0
    gain: float = 0.0
    hold: float = 0.0
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One demo call as written."""

    id: str
    title: str
    days_before: int
    time: str
    direction: str
    queue: str
    agent: str
    caller: str
    customer: dict[str, Any]
    turns: tuple[Turn, ...]
    expect: dict[str, Any] = field(default_factory=dict)


def parse_text(marked: str) -> tuple[str, tuple[Mark, ...]]:
    """The words without marks, and where the marks were.

    >>> parse_text("it is [CVV one two], yes")
    ('it is one two, yes', (Mark(kind='CVV', first=2, last=3),))
    """
    plain = ""
    marks = []
    end = 0
    for found in MARK.finditer(marked):
        plain += marked[end : found.start()]
        first = len(plain.split())
        plain += found[2]
        marks.append(Mark(kind=found[1], first=first, last=len(plain.split()) - 1))
        end = found.end()
    return plain + marked[end:], tuple(marks)


def parse_turn(entry: dict[str, Any]) -> Turn:
    """One entry of ``turns``; raises ValueError with the entry's text when it is not one."""
    entry = dict(entry)
    if "hold" in entry:
        return Turn(hold=float(entry["hold"]), kind=entry.get("kind", "silence"))
    for speaker in ("agent", "customer"):
        if speaker in entry:
            text, marks = parse_text(entry.pop(speaker))
            turn = Turn(speaker=speaker, text=text, marks=marks, **entry)
            if turn.say and len(turn.say.split()) != len(text.split()):
                raise ValueError(f"'say' has another number of words than: {text}")
            return turn
    raise ValueError(f"a turn needs agent, customer or hold: {entry}")


def load(path: Path) -> Call:
    """The dialogue in ``path``; its id is the file's name."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["turns"] = tuple(parse_turn(entry) for entry in data["turns"])
    return Call(id=path.stem, **data)


def load_all(folder: Path = DIALOGUES) -> list[Call]:
    """Every dialogue, in the order of their file names."""
    return [load(path) for path in sorted(folder.glob("*.yaml"))]


def cast() -> dict[str, Any]:
    """The company and its agents, from ``cast.yaml``."""
    data: dict[str, Any] = yaml.safe_load((HERE / "cast.yaml").read_text(encoding="utf-8"))
    return data
