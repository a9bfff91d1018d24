"""Which regular expressions a scorecard may hold: only those that cannot run away on hostile text.

Python's matcher backtracks, so ``(a+)+`` or thirty ``a?`` in a row take exponential time. Refused are: long
expressions, a repeated group that repeats inside, alternatives inside a repeated group, references back, look-around,
more than one unlimited repetition, and limited repetitions whose product is large.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LENGTH = 200
MAX_BRANCHING = 4096


def check_pattern(text: str) -> str | None:
    """What is wrong with the expression, as the end of a sentence; None when it may be used."""
    if not text:
        return "is empty"
    if len(text) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    problem = _sets(text)
    if problem:
        return problem
    try:
        compiled = re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression ({error})"
    if compiled.match(""):
        return "matches the empty text, so it would always be found"
    return _walk(text)


_TOKEN = re.compile(
    r"(?P<back>\\[1-9])|(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?:|\?P<\w+>)?)"
    r"|(?P<close>\))|(?P<or>\|)|(?P<repeat>(?:[*+?]|\{\d*,?\d*\})[?+]?)|(?P<other>.)",
    re.DOTALL,
)


_NESTED_SET = re.compile(r"\[|--|&&|~~|\|\|")
"""What Python warns about: it may come to mean something else."""


def _sets(text: str) -> str | None:
    for token in _TOKEN.finditer(text):
        if token.group() == "[":
            return "is not a regular expression (a set is not closed)"
        if token.lastgroup == "set" and _NESTED_SET.search(token.group()[1:]):
            return "has a set in a set; write \\[ for the bracket itself"
    return None


@dataclass
class _Group:
    repeats: bool = False
    alternatives: bool = False


def _walk(text: str) -> str | None:
    unlimited, branching = 0, 1
    groups = [_Group()]
    closed: _Group | None = None
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "repeat":
            most = _most(token.group())
            problem = _repeated(closed, most)
            if problem:
                return problem
            unlimited += most is None
            branching *= 1 if most is None else most + 1
            groups[-1].repeats = True
        elif kind == "open":
            if text.startswith("?", token.end()):
                return "uses look-around or inline options, which are not supported"
            groups.append(_Group())
        elif kind == "back":
            return "refers back to a group, which can take very long"
        elif kind == "or":
            groups[-1].alternatives = True
        closed = _close(groups) if kind == "close" else None
    if unlimited > 1:
        return "has more than one unlimited repetition (*, + or {n,}); give them limits such as {0,20}"
    if branching > MAX_BRANCHING:
        return "combines too many optional parts or long limited repetitions"
    return None


def _close(groups: list[_Group]) -> _Group:
    """End the innermost group; what holds in it holds in the one around it."""
    closed = groups.pop()
    groups[-1].repeats |= closed.repeats
    groups[-1].alternatives |= closed.alternatives
    return closed


def _repeated(group: _Group | None, most: int | None) -> str | None:
    if group is None or most == 1:
        return None
    if group.repeats:
        return "nests a repetition in a repetition, which can take exponential time"
    if group.alternatives and most is None:
        return "repeats a group of alternatives without limit, which can take exponential time"
    return None


def _most(quantifier: str) -> int | None:
    """The upper limit of a quantifier, None for no limit."""
    if quantifier[0] in "*+":
        return None
    if quantifier[0] == "?":
        return 1
    least, comma, most = quantifier.rstrip("?+")[1:-1].partition(",")
    if most:
        return int(most)
    return None if comma else int(least or 1)
