"""A draft as plain data: what can be done to it, part by part. Pure: every verb returns a new tree.

A part is named by its path: ``s1`` the second section, ``s1.s0`` its first sub-section, ``s1.q2`` its third question.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from candor.errors import InvalidInput

Tree = dict[str, Any]
MOST_PARTS = 400
_STEP = re.compile(r"([sq])(\d{1,3})")
_NAMES = {"s": "sections", "q": "questions"}
STARTERS: dict[str, dict[str, Any]] = {
    "yes_no": {},
    "choice": {"options": [{"id": "good", "label": "Good", "share": 1}, {"id": "bad", "label": "Bad", "share": 0}]},
    "multi_choice": {"options": [{"id": "first", "label": "First", "share": 0.5},
                                 {"id": "second", "label": "Second", "share": 0.5}]},
    "range": {"scale": {"low": 1, "high": 5}},
    "number": {"number": {}},
    "text": {},
    "date": {},
}  # fmt: skip
"""What a new question of each kind begins with."""
_PARTS_OF_KINDS = ("options", "scale", "number", "rule", "scored", "critical")


def blank(scorecard_id: str, title: str) -> Tree:
    """A new scorecard with one section and one question."""
    question = {"id": "question-1", "text": "Was the customer greeted?", "weight": 1}
    return {
        "id": scorecard_id, "version": 1, "title": title, "languages": ["en"], "pass_mark": 70,
        "sections": [{"id": "section-1", "title": "Opening", "weight": 1, "questions": [question]}],
    }  # fmt: skip


def at(tree: Mapping[str, Any], path: str) -> Tree:
    """The part at a path; raises InvalidInput where there is none."""
    listed, number = _walk(tree, path)
    part: Tree = listed[number]
    return part


def paths(tree: Mapping[str, Any]) -> Iterator[str]:
    """Every part in the order of the page: a section, its questions, its sub-sections; what is no mapping is none."""

    def below(part: Mapping[str, Any], front: str) -> Iterator[str]:
        for letter in "qs":
            for number, item in enumerate(_listed(part, _NAMES[letter])):
                if isinstance(item, dict):
                    path = f"{front}{letter}{number}"
                    yield path
                    if letter == "s":
                        yield from below(item, path + ".")

    yield from below(tree, "")


def set_fields(tree: Tree, path: str, fields: Mapping[str, Any]) -> Tree:
    """Give a part (``""``: the scorecard itself) these fields; None takes a field away."""
    made = copy.deepcopy(tree)
    part = at(made, path) if path else made
    for name, value in fields.items():
        if value is None:
            part.pop(name, None)
        else:
            part[name] = value
    return made


def set_kind(tree: Tree, path: str, kind: str) -> Tree:
    """Let a question be answered with something else; what belongs to its old kind goes."""
    if kind not in STARTERS:
        raise InvalidInput("There is no such kind of question.", code="draft.kind")
    if str(at(tree, path).get("kind") or "yes_no") == kind:
        return tree
    gone: dict[str, Any] = dict.fromkeys(_PARTS_OF_KINDS)
    return set_fields(tree, path, gone | {"kind": kind} | copy.deepcopy(STARTERS[kind]))


def add_section(tree: Tree, path: str = "") -> tuple[Tree, str]:
    """A new sub-section of a section, or a section of the scorecard; the tree and the new path."""
    made = copy.deepcopy(tree)
    name = _free(made, "section")
    question = {"id": _free(made, "question"), "text": "New question", "weight": 1}
    new = {"id": name, "title": "New section", "weight": 1, "questions": [question]}
    return _append(made, path, "s", new)


def add_question(tree: Tree, path: str) -> tuple[Tree, str]:
    """A new question at the end of a section; the tree and the new path."""
    made = copy.deepcopy(tree)
    new = {"id": _free(made, "question"), "text": "New question", "weight": 1}
    return _append(made, path, "q", new)


def duplicate(tree: Tree, path: str) -> tuple[Tree, str]:
    """The same part again behind itself, with ids of its own; the tree and the new path."""
    made = copy.deepcopy(tree)
    listed, number = _walk(made, path)
    listed.insert(number + 1, copy.deepcopy(listed[number]))
    twin = _beside(path, 1)
    inside = [twin, *(each for each in paths(made) if each.startswith(twin + "."))]
    for each in inside:
        part = at(made, each)
        if part.get("id"):
            part["id"] = _free(made, re.sub(r"-\d+$", "", str(part["id"])))
    _check_size(made)
    return made, twin


def remove(tree: Tree, path: str) -> Tree:
    """Without this part."""
    made = copy.deepcopy(tree)
    listed, number = _walk(made, path)
    del listed[number]
    above = at(made, path.rpartition(".")[0]) if "." in path else made
    name = _NAMES[path.rpartition(".")[2][0]]
    if not listed and above is not made:
        above.pop(name)
    return made


def move(tree: Tree, path: str, by: int) -> tuple[Tree, str]:
    """One place up (-1) or down (1); a question at the end of its section goes on into the neighbouring one."""
    made = copy.deepcopy(tree)
    listed, number = _walk(made, path)
    wanted = number + by
    if 0 <= wanted < len(listed):
        listed[number], listed[wanted] = listed[wanted], listed[number]
        return made, _beside(path, by)
    if path.rpartition(".")[2][0] == "s":
        return tree, path
    order = [each for each in paths(made) if _kind(each) == "s"]
    section = path.rpartition(".")[0]
    place = order.index(section) + by
    if not 0 <= place < len(order):
        return tree, path
    target = at(made, order[place])
    questions = target.setdefault("questions", [])
    questions.insert(0 if by > 0 else len(questions), listed.pop(number))
    if not listed and _listed(at(made, section), "sections"):
        at(made, section).pop("questions")
    return made, f"{order[place]}.q{0 if by > 0 else len(questions) - 1}"


def _kind(path: str) -> str:
    return path.rpartition(".")[2][0]


def _beside(path: str, by: int) -> str:
    front, dot, last = path.rpartition(".")
    return f"{front}{dot}{last[0]}{int(last[1:]) + by}"


def _append(made: Tree, path: str, letter: str, new: Tree) -> tuple[Tree, str]:
    above = at(made, path) if path else made
    listed = above.setdefault(_NAMES[letter], [])
    listed.append(new)
    _check_size(made)
    return made, f"{path}{'.' if path else ''}{letter}{len(listed) - 1}"


def _check_size(tree: Tree) -> None:
    if sum(1 for _ in paths(tree)) > MOST_PARTS:
        raise InvalidInput(f"A scorecard has at most {MOST_PARTS} parts.", code="draft.size")


def _walk(tree: Mapping[str, Any], path: str) -> tuple[list[Any], int]:
    """The list that holds the part, and its place in it."""
    part: Any = tree
    listed: list[Any] = []
    number = -1
    for step in path.split("."):
        match = _STEP.fullmatch(step)
        listed = _listed(part, _NAMES[match[1]]) if match and isinstance(part, Mapping) else []
        number = int(match[2]) if match else -1
        if not 0 <= number < len(listed) or not isinstance(listed[number], dict):
            raise InvalidInput("That part of the scorecard is not there any more.", code="draft.path")
        part = listed[number]
    return listed, number


def _listed(part: Mapping[str, Any], name: str) -> list[Any]:
    held = part.get(name)
    return held if isinstance(held, list) else []


def _free(tree: Tree, stem: str) -> str:
    """An id that nothing in the tree has yet."""
    taken = {str(at(tree, path).get("id")) for path in paths(tree)}
    stem = stem[:56].rstrip("-._") or "part"
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
