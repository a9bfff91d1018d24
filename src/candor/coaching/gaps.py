"""What costs an agent points: how much more often than the team, how sure that is, and what closing it would bring.

Pure. The figure is the *lost share*: the part of a question's points that was not given, over conversations. Few
answers say little, so an agent's share is drawn towards the team's, the more the fewer there are and the more alike the
team is: an empirical Bayes estimate with a beta prior (Morris, J. Am. Stat. Assoc. 78, 1983, 47-55; Gelman et al.,
Bayesian Data Analysis, 3rd ed., ch. 5), whose strength is estimated by moments (Kleinman, J. Am. Stat. Assoc. 68, 1973,
46-54).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from candor.coaching import statistics as stats
from candor.coaching.statistics import Interval

ENOUGH = 10
"""Conversations below which nothing is said of an agent's question: the interval would span most of what can be."""
FEW_AGENTS = 4
"""With fewer, how much agents differ cannot be told from how much answers do."""
STRONG = 100.0
"""The prior counts as at most so many conversations: nobody is so like the team that more could not tell."""
_HALF = 0.5
"""No part of a prior is weaker than in Jeffreys', which says nothing; weaker ones insist on 0 or 1."""
CLEAR, LIKELY = 0.95, 0.8
"""How sure it must be that an agent loses more than the team."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Answers added up."""

    n: int
    """Conversations in which it was answered and counted."""
    lost: float
    """Their lost shares, added up: 0 to ``n``."""

    @property
    def share(self) -> float:
        """The lost share, 0 to 1."""
        return self.lost / self.n if self.n else 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(n=self.n + other.n, lost=self.lost + other.lost)

    def __sub__(self, other: Tally) -> Tally:
        return Tally(n=self.n - other.n, lost=max(self.lost - other.lost, 0.0))


NONE = Tally(n=0, lost=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is known of somebody of whom nothing is known: the team's mean, and how firmly it stands."""

    mean: float
    a: float
    b: float
    """Of the beta distribution; a + b is how many conversations it counts as."""
    agents: int
    """Of how many it was made; of fewer than ``FEW_AGENTS`` it says nothing (Jeffreys' prior)."""


class Standing(StrEnum):
    """What can be said of a gap."""

    NOT_ENOUGH = "not_enough"
    NONE = "none"
    LIKELY = "likely"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How somebody stands in one question (or skill) beside the team."""

    n: int
    raw: float
    """The lost share as counted."""
    estimate: Interval
    """Drawn towards the team, with the central 95 % of what is then believed."""
    team: float
    """The team's lost share."""
    chance: float
    """How sure it is that more is lost than in the team, 0 to 1."""
    worth: float
    """How many points out of 100 the question is worth."""
    gain: float
    """Points a conversation that would be expected if the team's mean were reached."""
    standing: Standing


def prior(tallies: Iterable[Tally]) -> Prior:
    """From the tallies of a team's agents, also those with few answers."""
    counted = [one for one in tallies if one.n > 0]
    total = sum((one.n for one in counted), 0)
    lost = sum(one.lost for one in counted)
    mean = (lost + 0.5) / (total + 1)  # never 0 or 1, which no later answer could move
    agents = len(counted)
    if agents < FEW_AGENTS:
        return Prior(mean=mean, a=_HALF, b=_HALF, agents=agents)
    spread = sum(one.n * (one.share - mean) ** 2 for one in counted) / (mean * (1 - mean))
    freedom = total - sum(one.n**2 for one in counted) / total - (agents - 1)
    # How alike two conversations of one agent are (the intraclass correlation); 0: agents do not differ.
    alike = (spread - (agents - 1)) / freedom if freedom > 0 else 0.0
    weight = STRONG if alike <= 1 / (STRONG + 1) else 1 / min(alike, 1.0) - 1
    # The spread of few agents is itself a guess: Morris' factor draws less on it the fewer they are.
    weight *= (agents - 3) / (agents - 1)
    return Prior(mean=mean, a=max(weight * mean, _HALF), b=max(weight * (1 - mean), _HALF), agents=agents)


def gap(own: Tally, team: Prior, worth: float, enough: int = ENOUGH) -> Gap:
    """Where somebody with ``own`` answers stands beside ``team``; ``worth`` in points out of 100."""
    a, b = team.a + own.lost, team.b + own.n - own.lost
    mean = a / (a + b)
    chance = 1 - stats.beta_cdf(team.mean, a, b)
    # E[max(0, theta - team)] over Beta(a, b): the moments of the part above the team's mean.
    above = mean * (1 - stats.beta_cdf(team.mean, a + 1, b)) - team.mean * chance
    standing = Standing.NOT_ENOUGH
    if own.n >= enough:
        standing = Standing.CLEAR if chance >= CLEAR else Standing.LIKELY if chance >= LIKELY else Standing.NONE
    return Gap(
        n=own.n, raw=own.share, team=team.mean, chance=chance, worth=worth, gain=max(above, 0.0) * worth,
        standing=standing,
        estimate=Interval(value=mean, low=stats.beta_quantile(0.025, a, b), high=stats.beta_quantile(0.975, a, b)),
    )  # fmt: skip


def gaps_of(
    agent: str, tallies: Mapping[str, Mapping[str, Tally]], worth: Mapping[str, float], enough: int = ENOUGH
) -> dict[str, Gap]:
    """One agent's gaps by question, the greatest expected gain first; what is not enough comes last.

    ``tallies``: question → agent → answers, of the agent's team. ``worth``: question → points out of 100.
    """
    found = {
        question: gap(of_agents[agent], prior(of_agents.values()), worth.get(question, 0.0), enough)
        for question, of_agents in tallies.items()
        if agent in of_agents
    }
    return dict(sorted(found.items(), key=lambda each: (each[1].standing is Standing.NOT_ENOUGH, -each[1].gain)))


class Verdict(StrEnum):
    """What an effect shows."""

    NOT_ENOUGH = "not_enough"
    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    """The interval holds 0: neither shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The same questions before and after, and what of the change the coaching can claim."""

    before: Tally
    after: Tally
    change: Interval | None
    """Of the share of points *kept*: positive is better. None: not enough on one side."""
    expected: float | None
    """The change that was to be expected without any coaching: who is picked for a low figure comes back towards the
    team's by itself (regression to the mean). None without a team to come back to."""
    rest_before: Tally
    rest_after: Tally
    beyond: Interval | None
    """The change beyond that of the rest of the team over the same time; None: not enough of them."""
    verdict: Verdict


def effect(
    before: Tally, after: Tally, *, rest_before: Tally = NONE, rest_after: Tally = NONE, team: Prior | None = None,
    enough: int = ENOUGH,
) -> Effect:  # fmt: skip
    """Hold ``after`` against ``before``; ``rest_*`` are the same of the team without this agent, ``team`` before."""
    change = beyond = None
    if before.n >= enough and after.n >= enough:
        change = stats.difference(before.lost, before.n, after.lost, after.n)
        if rest_before.n >= enough and rest_after.n >= enough:
            rest = stats.difference(rest_before.lost, rest_before.n, rest_after.lost, rest_after.n)
            beyond = stats.difference_of_differences(change, rest)
    expected = None
    if team is not None and team.agents >= FEW_AGENTS and before.n:
        drawn = (team.a + before.lost) / (team.a + team.b + before.n)
        expected = before.share - drawn
    return Effect(
        before=before, after=after, change=change, expected=expected, rest_before=rest_before, rest_after=rest_after,
        beyond=beyond, verdict=_verdict(beyond or change),
    )  # fmt: skip


def _verdict(shown: Interval | None) -> Verdict:
    if shown is None or math.isnan(shown.value):
        return Verdict.NOT_ENOUGH
    if shown.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if shown.high < 0 else Verdict.NOT_SHOWN


def pooled(tallies: Sequence[Tally]) -> Tally:
    """Added up."""
    found = NONE
    for one in tallies:
        found = found + one
    return found
