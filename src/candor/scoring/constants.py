"""Rules that would say the same of every conversation, found before they are used.

A rule is read as a formula: phrases, findings and the like are unknowns that may hold or not, a figure is an unknown
between its natural ends. Unknowns that matter in one direction only are set to what would spoil the result; the
others, few in practice, are all tried. What stays true (or false) through all of it is constant.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

from candor.scoring.model import (
    AllOf,
    AnyOf,
    CategoryRule,
    FindingRule,
    Measure,
    MetricRule,
    NeverSays,
    Not,
    Op,
    Order,
    Rule,
    SentimentRule,
)

_MOST_TRIED = 4096
_OPS: dict[Op, Callable[[float, float], bool]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
    Op.EQUAL: operator.eq,
}
_NEUTRAL = (
    "the weather over here is grey today",
    "Tuesday at four works better",
    "Is that for both of them?",
    "hm",
    "blue, I think",
    "We moved house in spring.",
    "7 of 10",
    "Right.",
    "One moment",
    "My sister has one just like it and she is quite fond of it",
    "no",
    "OK",
)
"""What people say about nothing in particular: no expression worth asking for is in all of it."""


def matches_everything(pattern: str) -> bool:
    """Whether a regular expression is found in everything that anybody says."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return all(compiled.search(text) for text in _NEUTRAL)


def constant(rule: Rule) -> bool | None:
    """True for a rule that always says yes, False for one that never does, None for an honest one."""
    signs: dict[Hashable, set[bool]] = {}
    points: dict[Hashable, set[float]] = {}
    for key, positive, threshold in _unknowns(rule, True):
        signs.setdefault(key, set()).add(positive)
        if threshold is not None:
            points.setdefault(key, set()).add(threshold)
    tried: dict[Hashable, list[Any]] = {key: _between(key, found) for key, found in points.items()}
    tried |= {key: [False, True] for key, found in signs.items() if key not in points and len(found) == 2}
    size = 1
    for values in tried.values():
        size *= len(values)
    if size > _MOST_TRIED:
        return None
    free = {key: next(iter(found)) for key, found in signs.items() if key not in tried}
    for always in (True, False):
        # A positive unknown spoils "always yes" by not holding, and "always no" by holding.
        spoiled = {key: positive is not always for key, positive in free.items()}
        worlds = (spoiled | dict(zip(tried, values, strict=True)) for values in product(*tried.values()))
        if all(_true(rule, world) is always for world in worlds):
            return always
    return None


def _unknowns(rule: Rule, positive: bool) -> Iterator[tuple[Hashable, bool, float | None]]:
    """Every unknown with its sign and, for a figure, the threshold."""
    match rule:
        case Not():
            yield from _unknowns(rule.rule, not positive)
        case AllOf() | AnyOf():
            for part in rule.rules:
                yield from _unknowns(part, positive)
        case MetricRule() | SentimentRule():
            yield _figure(rule), positive, rule.threshold
        case _:
            key, turned = _plain(rule)
            yield key, positive is not turned, None


def _true(rule: Rule, world: dict[Hashable, Any]) -> bool:
    match rule:
        case Not():
            return not _true(rule.rule, world)
        case AllOf():
            return all(_true(part, world) for part in rule.rules)
        case AnyOf():
            return any(_true(part, world) for part in rule.rules)
        case MetricRule() | SentimentRule():
            return _OPS[rule.op](world[_figure(rule)], rule.threshold)
        case Order() if rule.first == rule.then:
            return False  # nothing is earlier than itself
        case _:
            key, turned = _plain(rule)
            return bool(world[key]) is not turned


def _plain(rule: Rule) -> tuple[Hashable, bool]:
    """What a rule asks for, and whether it wants the opposite."""
    match rule:
        case NeverSays():
            return rule.search, True
        case FindingRule() | CategoryRule() if not rule.present:
            return replace(rule, present=True), True
        case _:
            return rule, False


def _figure(rule: MetricRule | SentimentRule) -> Hashable:
    return rule.name if isinstance(rule, MetricRule) else (rule.of, rule.measure)


def _between(key: Hashable, thresholds: set[float]) -> list[float]:
    """One figure for each way in which it can lie among the thresholds, inside its natural ends."""
    low, high = _ends(key)
    inside = sorted({low, high, *(value for value in thresholds if low <= value <= high)})
    return sorted({*inside, *((left + right) / 2 for left, right in pairwise(inside))})


def _ends(key: Hashable) -> tuple[float, float]:
    if isinstance(key, tuple):
        return (-2.0, 2.0) if key[1] is Measure.CHANGE else (-1.0, 1.0)
    name = str(key)
    if ".share" in name:
        return 0.0, 1.0
    # A response can begin before the other has ended.
    return -1e12 if name.startswith("response.") else 0.0, 1e12
