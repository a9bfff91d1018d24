"""Sampling plans → picks: which conversations people evaluate. Pure; the same seed and candidates give the same picks.

Chance is a rank: the SHA-256 of seed and conversation id. Who has the seed, which is recorded with every draw, can
repeat it; the order in which candidates come, or further ones among them, changes nothing for the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import zip_longest

from candor.errors import InvalidInput

MOST = 1_000
"""Picks of one draw for one target, or for one agent."""


class Per(StrEnum):
    """How long a period is; it begins at midnight, weeks on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Stratum(StrEnum):
    """By what candidates are told apart, so that each kind has its turn."""

    QUEUE = "queue"
    MEDIUM = "medium"
    """Voice, chat, mail …"""
    LENGTH = "length"
    """Under 2 min, to 10 min, longer."""
    SCORE = "score"
    """Automatic score under 50, to 80, above; none."""


class TargetKind(StrEnum):
    """What is looked for on purpose."""

    FINDING = "finding"
    """Conversations with a finding of this kind: ``dead_air``."""
    CATEGORY = "category"
    """Of this phrase category: ``cancellation``."""
    WORDS = "words"
    """In which this was said, as in the search."""
    CRITICAL = "critical"
    """With a critical question failed."""
    SCORE_BELOW = "score_below"
    """Scored below so many points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """So many conversations a period that have something, beside those drawn at random."""

    kind: TargetKind
    value: str = ""
    count: int = 1

    @property
    def name(self) -> str:
        """For records: ``finding dead_air``."""
        return f"{self.kind} {self.value}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of time with a name that sorts: ``2026-03-02``, ``2026-W10``, ``2026-03``."""

    key: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is drawn, how often, and what becomes of it."""

    id: str
    name: str
    scorecard: str
    per: Per = Per.WEEK
    per_agent: int = 2
    """Drawn at random for each agent and period."""
    strata: tuple[Stratum, ...] = ()
    targets: tuple[Target, ...] = ()
    new_days: int = 0
    """An agent is a new starter for so many days; 0: nobody is."""
    new_per_agent: int = 0
    """In place of ``per_agent`` for new starters."""
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    shortest: float = 0.0
    """Seconds; shorter conversations are not drawn."""
    evaluators: tuple[str, ...] = ()
    """User ids; none: whoever may evaluate takes from the queue."""
    due_days: int = 7
    blind: bool = True
    """Automatic answers are hidden until the evaluation is submitted."""
    release: str = ""
    """``at-once``, ``by-hand`` or days; empty: as the house does (CANDOR_EVALUATION_RELEASE)."""
    self_evaluation: bool = False
    """The agent is asked for their own view, too."""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A conversation that may be drawn."""

    conversation_id: str
    agent_id: str
    started_at: datetime
    agent_since: datetime | None = None
    """The first sign of the agent: their first conversation, or when the user was added, whichever is earlier."""
    queue: str | None = None
    medium: str = "voice"
    duration: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A conversation that was drawn, and why."""

    conversation_id: str
    agent_id: str
    why: str
    """``random``, ``new starter``, or a target's name; with the stratum: ``random: queue=Sales``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """What was asked for and could not be reached."""

    what: str
    """``agent a17``, ``finding dead_air``."""
    wanted: int
    got: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What came of one draw."""

    picks: tuple[Pick, ...]
    shortfalls: tuple[Shortfall, ...]
    candidates: int
    refused: int
    """Candidates that came up and may not be evaluated."""


def check(plan: Plan) -> None:
    """Raise InvalidInput for a plan that cannot be, with the field as its code (``plan.name`` …)."""
    for field, wrong, message in (
        ("name", not 3 <= len(plan.name.strip()) <= 80, "A plan has a name of 3 to 80 characters."),
        ("per_agent", not 0 <= plan.per_agent <= MOST, f"Between 0 and {MOST} for each agent."),
        ("new_days", not 0 <= plan.new_days <= 730, "Somebody is new for 0 to 730 days."),
        ("new_per_agent", not 0 <= plan.new_per_agent <= MOST, f"Between 0 and {MOST} for each new starter."),
        ("shortest", not 0 <= plan.shortest <= 86_400, "The shortest conversation has 0 to 86,400 seconds."),
        ("due_days", not 1 <= plan.due_days <= 365, "A deadline lies 1 to 365 days ahead."),
        ("release", not readable_release(plan.release), "Release is at-once, by-hand or 1 to 365 days."),
        ("empty", not (plan.per_agent or plan.new_per_agent or plan.targets), "The plan asks for no conversation."),
        (
            "new_days",
            bool(plan.new_per_agent) != bool(plan.new_days),
            "New starters need both: for how many days they are new, and how many of theirs are evaluated.",
        ),
    ):
        if wrong:
            raise InvalidInput(message, code=f"plan.{field}")
    for target in plan.targets:
        _check_target(target)


def _check_target(target: Target) -> None:
    if not 1 <= target.count <= MOST:
        raise InvalidInput(f"Between 1 and {MOST} conversations for each target.", code="plan.targets")
    if target.kind is not TargetKind.CRITICAL and not target.value.strip():
        raise InvalidInput("Say what the target looks for.", code="plan.targets")
    if target.kind is TargetKind.FINDING and not re.fullmatch(r"[a-z][a-z_.]{1,60}", target.value):
        raise InvalidInput("A finding's kind is a word such as dead_air.", code="plan.targets")
    if target.kind is TargetKind.SCORE_BELOW:
        try:
            fits = 0 < float(target.value) <= 100
        except ValueError:
            fits = False
        if not fits:
            raise InvalidInput("A score lies between 0 and 100.", code="plan.targets")


def readable_release(text: str) -> bool:
    """Whether ``text`` says when evaluations are released: ``at-once``, ``by-hand``, days from 1 to 365, or nothing."""
    return text in {"", "at-once", "by-hand"} or (text.isascii() and text.isdigit() and 1 <= int(text) <= 365)


def period_of(moment: datetime, per: Per, zone: tzinfo) -> Period:
    """The period in which ``moment`` lies, in the zone of the house."""
    # Arithmetic on the clock on the wall: a day with a change of summer time has 23 or 25 hours.
    local = moment.astimezone(zone)
    first = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if per is Per.DAY:
        return Period(key=first.strftime("%Y-%m-%d"), start=first, end=first + timedelta(days=1))
    if per is Per.WEEK:
        monday = first - timedelta(days=first.weekday())
        year, week, _ = monday.isocalendar()
        return Period(key=f"{year}-W{week:02}", start=monday, end=monday + timedelta(days=7))
    start = first.replace(day=1)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return Period(key=start.strftime("%Y-%m"), start=start, end=end)


def last_ended(now: datetime, per: Per, zone: tzinfo) -> Period:
    """The newest period that is over."""
    return period_of(period_of(now, per, zone).start - timedelta(seconds=1), per, zone)


def draw(
    plan: Plan, candidates: Sequence[Candidate], seed: str, period: Period, *,
    matching: Mapping[Target, Collection[str]] | None = None, drawn: Sequence[Pick] = (),
    eligible: Callable[[str], bool] = lambda _: True,
) -> Draw:  # fmt: skip
    """The picks of one period.

    ``matching``: which candidates have what a target looks for. ``drawn``: what was picked for this plan and period
    before; it counts, and is not picked again. ``eligible`` is asked in order of rank, of few more than are picked.
    """
    lot = _Lot(sorted(candidates, key=lambda one: rank(seed, one.conversation_id)), drawn, eligible)
    for target in plan.targets:
        hits = (matching or {}).get(target, ())
        held = sum(one.why == target.name for one in drawn)
        found = [(target.name, one) for one in lot.ranked if one.conversation_id in hits]
        lot.take(target.name, target.count, held, iter(found))
    named = {target.name for target in plan.targets}
    for agent_id, own in sorted(_by_agent(lot.ranked).items()):
        new = _is_new(plan, own, period)
        held = sum(one.agent_id == agent_id and one.why not in named for one in drawn)
        wanted = plan.new_per_agent if new else plan.per_agent
        why = "new starter" if new else "random"
        lot.take(f"agent {agent_id}", wanted, held, _in_turn(plan.strata, own, why))
    refused = sum(not allowed for allowed in lot.asked.values())
    return Draw(picks=tuple(lot.picks), shortfalls=tuple(lot.short), candidates=len(candidates), refused=refused)


class _Lot:
    """What is left to be drawn."""

    def __init__(self, ranked: list[Candidate], drawn: Sequence[Pick], eligible: Callable[[str], bool]) -> None:
        self.ranked, self._eligible = ranked, eligible
        self._gone = {one.conversation_id for one in drawn}
        self.asked: dict[str, bool] = {}
        self.picks: list[Pick] = []
        self.short: list[Shortfall] = []

    def take(self, what: str, wanted: int, held: int, offered: Iterator[tuple[str, Candidate]]) -> None:
        """Pick from what is offered, (why, candidate), until there are as many as wanted with those held before."""
        got = held
        while got < wanted and (next_one := next(offered, None)) is not None:
            why, one = next_one
            if one.conversation_id not in self._gone and self._may(one.conversation_id):
                self.picks.append(Pick(conversation_id=one.conversation_id, agent_id=one.agent_id, why=why))
                self._gone.add(one.conversation_id)
                got += 1
        if got < wanted:
            self.short.append(Shortfall(what=what, wanted=wanted, got=got))

    def _may(self, conversation_id: str) -> bool:
        if conversation_id not in self.asked:
            self.asked[conversation_id] = self._eligible(conversation_id)
        return self.asked[conversation_id]


def rank(seed: str, thing: str) -> bytes:
    """A thing's place in the lot: the lowest comes first."""
    return hashlib.sha256(f"{seed}|{thing}".encode()).digest()


def _by_agent(ranked: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = {}
    for one in ranked:
        found.setdefault(one.agent_id, []).append(one)
    return found


def _is_new(plan: Plan, own: Sequence[Candidate], period: Period) -> bool:
    since = min((one.agent_since for one in own if one.agent_since is not None), default=None)
    return bool(plan.new_days) and since is not None and since > period.end - timedelta(days=plan.new_days)


def _in_turn(strata: tuple[Stratum, ...], own: Sequence[Candidate], why: str) -> Iterator[tuple[str, Candidate]]:
    """(why, candidate): one of each stratum in turn, so that a rare one is not lost."""
    groups: dict[str, list[Candidate]] = {}
    for one in own:
        groups.setdefault(_label(strata, one), []).append(one)
    # The groups stand in the order of their best rank, which is as random as the candidates are.
    ordered = [[(f"{why}: {label}" if label else why, one) for one in group] for label, group in groups.items()]
    for layer in zip_longest(*ordered):
        yield from (each for each in layer if each is not None)


def _label(strata: tuple[Stratum, ...], one: Candidate) -> str:
    values = {
        Stratum.QUEUE: lambda: one.queue or "none",
        Stratum.MEDIUM: lambda: one.medium,
        Stratum.LENGTH: lambda: _band(one.duration, (120.0, 600.0), ("under 2 min", "2 to 10 min", "over 10 min")),
        Stratum.SCORE: lambda: _band(one.score, (50.0, 80.0), ("under 50", "50 to 80", "80 and more")),
    }
    return ", ".join(f"{each}={values[each]()}" for each in strata)


def _band(value: float | None, edges: tuple[float, ...], names: tuple[str, ...]) -> str:
    if value is None:
        return "none"
    return names[sum(value >= edge for edge in edges)]


def share_out(
    picks: Sequence[Pick], evaluators: Sequence[str], load: Mapping[str, int], seed: str,
    may: Callable[[str, Pick], bool],
) -> dict[str, str | None]:  # fmt: skip
    """Conversation id → evaluator: whoever has least to do and may have it, the rank where they are equal; or None."""
    open_ = {one: load.get(one, 0) for one in evaluators}
    found: dict[str, str | None] = {}
    for pick in picks:
        able = [one for one in evaluators if may(one, pick)]
        chosen = min(
            able, key=lambda one: (open_[one], rank(seed, f"{pick.conversation_id}|{one}")), default=None
        )  # fmt: skip
        found[pick.conversation_id] = chosen
        if chosen is not None:
            open_[chosen] += 1
    return found
