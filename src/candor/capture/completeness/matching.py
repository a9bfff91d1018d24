"""Which recording is which call: by call id, else by who took part and when, one to one; in doubt, nobody decides.

The assignment of a group of calls and recordings that could belong together is the one with the most pairs and the
fewest seconds of difference (Kuhn's Hungarian method). Where another one is as good, all that differ are ambiguous.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from candor.capture.completeness.model import CapturedCall, ExpectedCall, Tolerances

LARGEST_GROUP = 16
"""Calls or recordings of one group; a larger one would take long and could not be told apart anyway."""
_UUID_DIGITS = 32


@dataclass(slots=True, kw_only=True)
class Matches:
    """What belongs together, by position in the two lists."""

    by_id: dict[int, list[int]] = field(default_factory=dict)
    """Expected → every recording that carries its call id."""
    by_people: dict[int, int] = field(default_factory=dict)
    """Expected → the one recording that fits."""
    doubles: dict[int, list[int]] = field(default_factory=dict)
    """Expected → further recordings that fit it as well as the one it has."""
    ambiguous: dict[int, list[int]] = field(default_factory=dict)
    """Expected → the recordings that could be it."""

    def recordings(self) -> set[int]:
        """Every recording that was put somewhere."""
        lists = (*self.by_id.values(), *self.doubles.values(), *self.ambiguous.values())
        return {one for each in lists for one in each} | set(self.by_people.values())


def match(expected: Sequence[ExpectedCall], captured: Sequence[CapturedCall], tolerances: Tolerances) -> Matches:
    """Match one list's calls with recordings."""
    found = Matches()
    _match_ids(expected, captured, found)
    taken = found.recordings()
    left = [e for e in range(len(expected)) if e not in found.by_id and e not in found.ambiguous]
    free = [c for c in range(len(captured)) if c not in taken]
    candidates = _candidates(expected, captured, left, free, tolerances)
    for calls, costs in _groups(candidates):
        _assign(calls, costs, found, tolerances)
    _find_doubles(expected, captured, candidates, found)
    return found


def normal_id(call_id: str) -> str:
    """A call id without what systems add or change on the way: case, braces, ``urn:uuid:``, a host, UUID hyphens."""
    text = call_id.strip().strip("{}<>\"'").casefold().removeprefix("sip:").removeprefix("urn:uuid:")
    text = text.partition("@")[0]
    digits = text.replace("-", "")
    if len(digits) == _UUID_DIGITS and all(sign in "0123456789abcdef" for sign in digits):
        return digits
    return text


def _match_ids(expected: Sequence[ExpectedCall], captured: Sequence[CapturedCall], found: Matches) -> None:
    """First the ids as they are, then what is left without what systems change on the way."""
    exact: dict[str, list[int]] = defaultdict(list)
    for c, recording in enumerate(captured):
        exact[recording.external_id or ""].append(c)
    for e, call in enumerate(expected):
        if call.call_id in exact and call.call_id:
            found.by_id[e] = exact[call.call_id]
    taken = found.recordings()
    alike: dict[str, list[int]] = defaultdict(list)
    for c, recording in enumerate(captured):
        if c not in taken:
            alike[normal_id(recording.external_id or "")].append(c)
    claims: dict[str, list[int]] = defaultdict(list)
    for e, call in enumerate(expected):
        if e not in found.by_id:
            claims[normal_id(call.call_id)].append(e)
    for an_id in (claims.keys() & alike.keys()) - {""}:
        if len(claims[an_id]) == 1:
            found.by_id[claims[an_id][0]] = alike[an_id]
        else:  # calls whose ids differ only in what was taken away
            found.ambiguous |= dict.fromkeys(claims[an_id], alike[an_id])


def _candidates(
    expected: Sequence[ExpectedCall], captured: Sequence[CapturedCall], left: Sequence[int], free: Sequence[int],
    tolerances: Tolerances,
) -> dict[int, dict[int, float]]:  # fmt: skip
    """Expected → recording → seconds of difference, for every pair that could belong together."""
    lines = _lines(expected)
    # Only those with a number or agent in common are ever compared: no pair is made of time alone.
    by_mark: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for c in free:
        for mark in _marks(captured[c].numbers - lines, captured[c].agent_id):
            by_mark[mark].append((captured[c].started_at.timestamp(), c))
    for recordings in by_mark.values():
        recordings.sort()
    found: dict[int, dict[int, float]] = {}
    for e in left:
        call, start = expected[e], expected[e].started_at.timestamp()
        near: set[int] = set()
        for mark in _marks(call.numbers - lines, call.agent_id):
            row = by_mark.get(mark, [])
            first = bisect_left(row, (start - tolerances.start, -1))
            near.update(c for _, c in row[first : bisect_left(row, (start + tolerances.start + 0.001, -1))])
        costs = {c: cost for c in near if (cost := _cost(call, captured[c], lines, tolerances)) is not None}
        if costs:
            found[e] = costs
    return found


def _lines(expected: Sequence[ExpectedCall]) -> frozenset[str]:
    """Numbers of the house itself, as the hotline: they are on so many calls that they tell none from another."""
    counts = Counter(number for call in expected for number in call.numbers)
    few = max(3, len(expected) // 100)
    return frozenset(number for number, count in counts.items() if count > few)


def _marks(numbers: frozenset[str], agent_id: str | None) -> list[str]:
    return [*numbers, *([f"agent {agent_id}"] if agent_id else [])]


def _cost(
    call: ExpectedCall, recording: CapturedCall, lines: frozenset[str], tolerances: Tolerances
) -> float | None:  # fmt: skip
    """Seconds of difference; None when the two cannot be one call."""
    apart = abs((recording.started_at - call.started_at).total_seconds())
    if apart > tolerances.start or _contradict(call, recording, lines):
        return None
    difference = None
    if call.duration is not None and recording.duration is not None:
        difference = abs(call.duration - recording.duration)
    # One thing in common is not enough: somebody may call twice in a minute. The length must then fit, too.
    if evidence(call, recording) < 2:
        allowed = max(tolerances.duration, tolerances.duration_share * (call.duration or 0.0))
        if difference is None or difference > allowed:
            return None
    return apart + min(difference or 0.0, tolerances.start)


def _contradict(call: ExpectedCall, recording: CapturedCall, lines: frozenset[str]) -> bool:
    common = call.numbers & recording.numbers
    theirs, ours = call.numbers - lines, recording.numbers - lines
    if theirs and ours and not common - lines:
        return True
    other_agent = bool(call.agent_id and recording.agent_id) and call.agent_id != recording.agent_id
    return other_agent and len(common) < 2  # with both numbers the same, the call was transferred


def evidence(call: ExpectedCall, recording: CapturedCall) -> int:
    """How many of caller, callee and agent are the same."""
    same_agent = bool(call.agent_id) and call.agent_id == recording.agent_id
    return len(call.numbers & recording.numbers) + same_agent


def _groups(candidates: Mapping[int, Mapping[int, float]]) -> list[tuple[list[int], dict[int, Mapping[int, float]]]]:
    """Calls that share recordings, directly or by way of others."""
    by_recording: dict[int, list[int]] = defaultdict(list)
    for e, costs in candidates.items():
        for c in costs:
            by_recording[c].append(e)
    groups, seen = [], set()
    for first in candidates:
        if first in seen:
            continue
        seen.add(first)
        waiting, calls = [first], []
        while waiting:
            e = waiting.pop()
            calls.append(e)
            for c in candidates[e]:
                for other in by_recording[c]:
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
        groups.append((sorted(calls), {e: candidates[e] for e in calls}))
    return groups


def _assign(
    calls: list[int], costs: Mapping[int, Mapping[int, float]], found: Matches, tolerances: Tolerances
) -> None:  # fmt: skip
    recordings = sorted({c for e in calls for c in costs[e]})
    if len(calls) > LARGEST_GROUP or len(recordings) > LARGEST_GROUP:
        for e in calls:
            found.ambiguous[e] = sorted(costs[e])
        return
    best, total = _best(calls, recordings, costs, None)
    for e in calls:
        if e not in best:
            if _could_swap(e, best, costs, tolerances):
                found.ambiguous[e] = sorted(costs[e])
            continue
        other, other_total = _best(calls, recordings, costs, (e, best[e]))
        if len(other) == len(best) and other_total - total < tolerances.margin:
            found.ambiguous[e] = sorted(costs[e])
        else:
            found.by_people[e] = best[e]


def _could_swap(
    e: int, best: Mapping[int, int], costs: Mapping[int, Mapping[int, float]], tolerances: Tolerances
) -> bool:  # fmt: skip
    """Whether a call that came off empty could have had another's recording as well."""
    owner = {c: call for call, c in best.items()}
    return any(cost - costs[owner[c]][c] < tolerances.margin for c, cost in costs[e].items())


def _best(
    calls: Sequence[int], recordings: Sequence[int], costs: Mapping[int, Mapping[int, float]],
    without: tuple[int, int] | None,
) -> tuple[dict[int, int], float]:  # fmt: skip
    """The assignment with the most pairs and the least cost, and that cost."""
    size = max(len(calls), len(recordings))
    nothing = 1e6  # more than any sum of seconds in a group: first as many pairs as possible
    matrix = [
        [
            nothing
            if e is None or c is None or (e, c) == without or c not in costs[e]
            else costs[e][c]
            for c in (*recordings, *[None] * (size - len(recordings)))
        ]
        for e in (*calls, *[None] * (size - len(calls)))
    ]  # fmt: skip
    found = {}
    for row, column in enumerate(_hungarian(matrix)):
        if matrix[row][column] < nothing:
            found[calls[row]] = recordings[column]
    return found, sum(costs[e][c] for e, c in found.items())


def _hungarian(matrix: Sequence[Sequence[float]]) -> list[int]:
    """Row → column of a square matrix with the least sum (shortest augmenting paths, O(n³))."""
    size = len(matrix)
    rows, columns, owner = [0.0] * (size + 1), [0.0] * (size + 1), [0] * (size + 1)
    for row in range(1, size + 1):
        owner[0] = row
        _augment(matrix, rows, columns, owner)
    found = [0] * size
    for j in range(1, size + 1):
        found[owner[j] - 1] = j - 1
    return found


def _augment(matrix: Sequence[Sequence[float]], rows: list[float], columns: list[float], owner: list[int]) -> None:
    """Find the row that waits in ``owner[0]`` a column; others change theirs along the shortest path."""
    places = range(1, len(owner))
    least, before = [float("inf")] * len(owner), [0] * len(owner)
    used: set[int] = set()
    column = 0
    while owner[column]:
        used.add(column)
        free = [j for j in places if j not in used]
        for j in free:
            reduced = matrix[owner[column] - 1][j - 1] - rows[owner[column]] - columns[j]
            if reduced < least[j]:
                least[j], before[j] = reduced, column
        following = min(free, key=least.__getitem__)
        step = least[following]
        for j in used:
            rows[owner[j]] += step
            columns[j] -= step
        for j in free:
            least[j] -= step
        column = following
    while column:
        owner[column] = owner[before[column]]
        column = before[column]


def _find_doubles(
    expected: Sequence[ExpectedCall], captured: Sequence[CapturedCall],
    candidates: Mapping[int, Mapping[int, float]], found: Matches,
) -> None:  # fmt: skip
    """A recording left over that fits a call which has one: its second recording, when both cover the same time."""
    taken = found.recordings()
    for e, costs in candidates.items():
        if e not in found.by_people:
            continue
        mine = captured[found.by_people[e]]
        more = [
            c
            for c in sorted(costs)
            if c not in taken and overlap(mine, captured[c]) > 0.5 and evidence(expected[e], captured[c]) >= 2
        ]
        if more:
            found.doubles[e] = more
            taken.update(more)


def overlap(first: CapturedCall, second: CapturedCall) -> float:
    """The share of the shorter one that lies in the other; 0 when a length is not known."""
    if first.ended_at is None or second.ended_at is None:
        return 0.0
    both = min(first.ended_at, second.ended_at) - max(first.started_at, second.started_at)
    shorter = min(first.duration or 0.0, second.duration or 0.0)
    return max(0.0, both.total_seconds()) / shorter if shorter > 0 else 0.0
