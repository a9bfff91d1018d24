"""Gaps, trends, effects and suggestions, read from measured answers within the viewer's reach.

The statistics are the coaching room's (:mod:`candor.coaching.gaps`); here they meet scorecards, people and the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from candor.access.people import UserInfo
from candor.coaching import gaps, library
from candor.coaching import statistics as stats
from candor.coaching.gaps import Effect, Gap, Prior, Tally
from candor.coaching.model import LONGEST_CLIP, ClipKind, Measure, Outcome, Session, Source
from candor.coaching.statistics import Interval
from candor.errors import InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.replay import measured, search, store
from candor.replay.measured import Counted, Period
from candor.replay.model import Scope
from candor.scoring import store as scorecards
from candor.scoring.model import Scorecard, Section

DAYS = 90
"""How far back gaps are read unless somebody says otherwise."""
SURE = 0.8
"""How sure an answer must be before its stretch is suggested as a clip."""
_BEFORE, _AFTER, _SHORTEST, _LONGEST = 3.0, 5.0, 8.0, 60.0
"""Seconds around what an answer quotes; the length of a suggested clip."""
_EACH = 200
"""How many answers are looked at for suggestions: not every one quotes something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Somebody who can be coached."""

    agent_id: str
    name: str
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurable:
    """A question (over the versions of its scorecard) or a skill."""

    measure: Measure
    text: str
    worth: float
    """Points out of 100; of a skill: of all its questions."""
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A gap, and of what."""

    of: Measurable
    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The mean score of a week's calls."""

    start: datetime
    n: int
    mean: Interval | None
    """None: too few to say; then ``single`` is the mean alone."""
    single: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Weeks by one scorecard."""

    title: str
    """The scorecard's."""
    weeks: tuple[Week, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A stretch that would make a clip."""

    conversation_id: str
    agent_id: str | None
    started_at: datetime
    start: float
    end: float
    kind: ClipKind
    measure: str
    quote: str
    confidence: float


class Gaps:
    """The verbs; each takes the viewer's scope."""

    def __init__(
        self, users: Callable[[UnitOfWork], Sequence[UserInfo]], usable: Callable[[UnitOfWork, str], bool],
        scorecard: str, enough: int = gaps.ENOUGH,
    ) -> None:  # fmt: skip
        """``usable``: whether people may learn from a conversation; ``scorecard``: the house's, by id;
        ``enough``: conversations from which gaps speak."""
        self._users, self._usable, self._scorecard, self.enough = users, usable, scorecard, enough

    # ---- who ----

    def agents(self, uow: UnitOfWork, scope: Scope, period: Period | None = None) -> list[Agent]:
        """Who has calls within reach, and who belongs to a team that is; by name.

        Somebody whose page names a team is of that team alone: who moved is not their old supervisor's any more.
        """
        known = {user.agent_id: user for user in self._users(uow) if user.agent_id and user.active}
        found: dict[str, Agent] = {}
        for agent in self._callers(uow, scope, period):
            user = known.get(agent.agent_id)
            team = user.team if user and user.team else agent.team
            if _reaches(scope, agent.agent_id, team, by_calls=user is None or not user.team):
                name = user.name if user and user.name else agent.name
                found[agent.agent_id] = Agent(agent_id=agent.agent_id, name=name, team=team)
        for agent_id, user in known.items():
            if agent_id not in found and _reaches(scope, agent_id, user.team, by_calls=False):
                found[agent_id] = Agent(agent_id=agent_id, name=user.name or user.login, team=user.team)
        return sorted(found.values(), key=lambda each: (each.name.casefold(), each.agent_id))

    def agent(self, uow: UnitOfWork, scope: Scope, agent_id: str) -> Agent:
        """One; raises NotFound, also outside ``scope``."""
        user = next((one for one in self._users(uow) if one.active and one.agent_id == agent_id), None)
        c = store.conversation_index.c
        query = select(c.agent, c.team).where(c.agent_id == agent_id, *search.reach(scope))
        row = uow.execute(query.order_by(c.search_rowid.desc()).limit(1)).one_or_none()
        team = user.team if user and user.team else row.team if row else None
        by_calls = row is not None and (user is None or not user.team)
        if (row is None and user is None) or not _reaches(scope, agent_id, team, by_calls=by_calls):
            raise NotFound("There is no such agent.", code="coaching.agent")
        name = (user.name or user.login) if user else (row.agent if row else None)
        return Agent(agent_id=agent_id, name=name or agent_id, team=team)

    @staticmethod
    def _callers(uow: UnitOfWork, scope: Scope, period: Period | None) -> Iterable[Agent]:
        c = store.conversation_index.c
        rules = [*search.reach(scope), c.agent_id.is_not(None)]
        if period is not None and period.since is not None:
            rules.append(c.search_rowid >= store.first_rowid(period.since))
        newest = select(func.max(c.search_rowid)).where(*rules).group_by(c.agent_id)
        for row in uow.execute(select(c.agent_id, c.agent, c.team).where(c.search_rowid.in_(newest))):
            yield Agent(agent_id=row.agent_id, name=row.agent or row.agent_id, team=row.team)

    # ---- what ----

    def measurables(self, uow: UnitOfWork) -> dict[str, Measurable]:
        """Every question that is scored, and every skill, by key; of each scorecard the active or newest version."""
        newest: dict[str, Scorecard] = {}
        for each in scorecards.list_scorecards(uow, active_only=False):
            newest.setdefault(each.id, each)
        newest |= {each.id: each for each in scorecards.list_scorecards(uow)}
        found: dict[str, Measurable] = {}
        skilled: dict[str, float] = {}
        for card in newest.values():
            worth = worths(card)
            for section, question in ((one, each) for one in card.walk() for each in one.questions):
                if question.id not in worth:
                    continue
                measure = Measure(scorecard=card.id, question=question.id)
                skills = question.skills or (section.title,)  # nobody said which: what stands together is practised so
                found[measure.key] = Measurable(
                    measure=measure, text=question.text, worth=worth[question.id], skills=skills
                )
                for skill in skills:
                    skilled[skill] = skilled.get(skill, 0.0) + worth[question.id]
        for skill, points in sorted(skilled.items()):
            measure = Measure(skill=skill)
            found[measure.key] = Measurable(measure=measure, text=skill, worth=points)
        return found

    # ---- gaps ----

    def of_agent(
        self, uow: UnitOfWork, scope: Scope, agent: Agent, period: Period, source: Source
    ) -> tuple[list[Found], list[Found]]:
        """One agent's gaps by question and by skill, the greatest expected gain first."""
        known = self.measurables(uow)
        by_question = self._tallies(measured.by_question(uow, scope, period, source.value), agent.team)
        worth = {key: each.worth for key, each in known.items()}
        ranked = gaps.gaps_of(agent.agent_id, by_question, worth, self.enough)
        questions = [Found(of=known[key], gap=one) for key, one in ranked.items() if key in known]
        by_skill: dict[str, Mapping[str, Tally]] = {}
        for key, each in known.items():
            if each.measure.skill is not None:
                counted = measured.pooled(uow, scope, period, source.value, self._questions(known, each.measure))
                by_skill[key] = _added(counted, agent.team)
        ranked = gaps.gaps_of(agent.agent_id, by_skill, worth, self.enough)
        return questions, [Found(of=known[key], gap=one) for key, one in ranked.items()]

    def table(
        self, uow: UnitOfWork, scope: Scope, period: Period, source: Source, team: str | None = None
    ) -> tuple[list[Agent], dict[str, dict[str, Gap]]]:
        """(agents of a team or of all, agent → key → gap): each agent beside their own team."""
        agents = [each for each in self.agents(uow, scope) if team is None or each.team == team]
        worth = {key: each.worth for key, each in self.measurables(uow).items()}
        counted = measured.by_question(uow, scope, period, source.value)
        found: dict[str, dict[str, Gap]] = {each.agent_id: {} for each in agents}
        for one_team in {each.team for each in agents}:
            for key, tallies in self._tallies(counted, one_team).items():
                known = gaps.prior(tallies.values())
                for each in agents:
                    if each.team == one_team and each.agent_id in tallies and key in worth:
                        found[each.agent_id][key] = gaps.gap(tallies[each.agent_id], known, worth[key], self.enough)
        return agents, found

    def teams(self, uow: UnitOfWork, scope: Scope, period: Period, source: Source) -> dict[str, list[Found]]:
        """Team → its gaps beside the other teams within reach."""
        known = self.measurables(uow)
        by_team: dict[str, dict[str, Tally]] = {}
        for one in measured.by_question(uow, scope, period, source.value):
            if one.team is not None:
                teams = by_team.setdefault(f"{one.scorecard}/{one.question}", {})
                teams[one.team] = teams.get(one.team, gaps.NONE) + one.tally
        worth = {key: each.worth for key, each in known.items()}
        names = {team for teams in by_team.values() for team in teams}
        return {
            team: [
                Found(of=known[key], gap=one)
                for key, one in gaps.gaps_of(team, by_team, worth, self.enough).items()
                if key in known
            ]
            for team in sorted(names)
        }

    # ---- over time ----

    def trend(self, uow: UnitOfWork, scope: Scope, agent_id: str, period: Period, source: Source) -> Trend | None:
        """The agent's mean score, week by week, with Student's interval; None without a score.

        By the house's scorecard; where the agent has none of that, by the one that judged most.
        """
        by_card: dict[str, list[measured.Week]] = {}
        for one in measured.weeks(uow, scope, period, source.value, agent_id):
            by_card.setdefault(one.scorecard, []).append(one)
        if not by_card:
            return None
        chosen = min(by_card, key=lambda card: (card != self._scorecard, -sum(one.n for one in by_card[card]), card))
        titles = {each.id: each.title for each in reversed(scorecards.list_scorecards(uow, active_only=False))}
        weeks = [
            Week(
                start=datetime.fromtimestamp(one.start, UTC), n=one.n, single=one.total / one.n,
                mean=stats.mean_interval(one.n, one.total, one.squares) if one.n >= 3 else None,
            )
            for one in by_card[chosen]
        ]  # fmt: skip
        return Trend(title=titles.get(chosen, chosen), weeks=tuple(weeks))

    def effect(
        self, uow: UnitOfWork, scope: Scope, agent: Agent, measure: Measure, *, begun: datetime, done: datetime,
        days: int, source: Source,
    ) -> Effect:  # fmt: skip
        """The same questions in ``days`` before ``begun`` and after ``done``, beside the rest of the team."""
        before = Period(since=begun - timedelta(days=days), until=begun)
        after = Period(since=done, until=min(done + timedelta(days=days), clock.now()))
        return self._effect(uow, scope, {agent.agent_id}, agent.team, measure, before, after, source)

    def outcomes(self, uow: UnitOfWork, scope: Scope, session: Session) -> list[Outcome]:
        """What the measured goals of a shared session say as of now, each once."""
        if session.shared_at is None:
            return []
        agent, known = self.agent(uow, scope, session.agent_id), self.measurables(uow)
        return [
            Outcome(
                measure=key,
                effect=self.effect(
                    uow, scope, agent, known[key].measure, begun=session.shared_at,
                    done=session.acknowledged_at or session.shared_at, days=session.days, source=session.source,
                ),
            )
            for key in dict.fromkeys(each.measure for each in session.body.goals)
            if key is not None and key in known
        ]  # fmt: skip

    def effect_of_course(
        self, uow: UnitOfWork, scope: Scope, completed: Mapping[str, datetime], measure: Measure, *, days: int,
        source: Source,
    ) -> Effect:  # fmt: skip
        """The same of all who took a course (agent → when), each around their own day; the rest: who did not take it.

        The rest is read from before the first until after the last of them.
        """
        if not completed:
            return gaps.effect(gaps.NONE, gaps.NONE)
        span, now = timedelta(days=days), clock.now()
        before = after = gaps.NONE
        for agent_id, at in completed.items():
            before += _sum(self._counted(uow, scope, measure, Period(since=at - span, until=at), source, [agent_id]))
            later = Period(since=at, until=min(at + span, now))
            after += _sum(self._counted(uow, scope, measure, later, source, [agent_id]))
        first, last = min(completed.values()), max(completed.values())
        earlier = self._counted(uow, scope, measure, Period(since=first - span, until=first), source)
        later_on = self._counted(uow, scope, measure, Period(since=last, until=min(last + span, now)), source)
        return gaps.effect(
            before, after, enough=self.enough, team=gaps.prior(_by_agent(earlier).values()),
            rest_before=_sum(each for each in earlier if each.agent_id not in completed),
            rest_after=_sum(each for each in later_on if each.agent_id not in completed),
        )  # fmt: skip

    def _effect(
        self, uow: UnitOfWork, scope: Scope, own: set[str], team: str | None, measure: Measure, before: Period,
        after: Period, source: Source,
    ) -> Effect:  # fmt: skip
        earlier = [each for each in self._counted(uow, scope, measure, before, source) if _of(each, own, team)]
        later = [each for each in self._counted(uow, scope, measure, after, source) if _of(each, own, team)]
        known: Prior = gaps.prior(_by_agent(earlier).values())
        return gaps.effect(
            _sum(each for each in earlier if each.agent_id in own),
            _sum(each for each in later if each.agent_id in own),
            rest_before=_sum(each for each in earlier if each.agent_id not in own),
            rest_after=_sum(each for each in later if each.agent_id not in own),
            team=known, enough=self.enough,
        )  # fmt: skip

    def _counted(
        self, uow: UnitOfWork, scope: Scope, measure: Measure, period: Period, source: Source,
        agents: Sequence[str] | None = None,
    ) -> list[Counted]:  # fmt: skip
        questions = self._questions(self.measurables(uow), measure)
        return measured.pooled(uow, scope, period, source.value, questions, agents=agents)

    # ---- suggestions ----

    def suggestions(
        self, uow: UnitOfWork, scope: Scope, measures: Sequence[Measure], period: Period, source: Source, *,
        kind: ClipKind, limit: int = 6, agents: Sequence[str] | None = None, not_agent: str | None = None,
    ) -> list[Suggestion]:  # fmt: skip
        """Stretches that answers with good evidence quote: of high answers for ``EXEMPLARY``, of low ones else.

        Only of conversations that people may learn from, and not where a clip about the same stands already.
        """
        known = self.measurables(uow)
        questions = [pair for each in measures for pair in self._questions(known, each)]
        good = kind is ClipKind.EXEMPLARY
        found: list[Suggestion] = []
        for one in measured.candidates(
            uow, scope, period, source.value, questions, good=good, sure=SURE, limit=_EACH, agents=agents,
            not_agent=not_agent,
        ):  # fmt: skip
            if len(found) >= limit:
                break
            if not self._usable(uow, one.conversation_id) or library.clips_of(uow, one.conversation_id):
                continue
            evaluation = scorecards.get_evaluation(uow, one.evaluation_id)
            answer = next(each for each in evaluation.answers if each.question == one.question)
            quoted = [each for each in answer.evidence if each.quote]
            if not quoted or any(each.conversation_id == one.conversation_id for each in found):
                continue
            start, end = _stretch([(each.start, each.end) for each in quoted])
            found.append(
                Suggestion(
                    conversation_id=one.conversation_id, agent_id=one.agent_id, started_at=one.started_at, start=start,
                    end=end, kind=kind, measure=f"{one.scorecard}/{one.question}", quote=quoted[0].quote or "",
                    confidence=one.confidence,
                )
            )  # fmt: skip
        return found

    @staticmethod
    def _questions(known: Mapping[str, Measurable], measure: Measure) -> list[tuple[str, str]]:
        """(scorecard, question) that a measure is made of; raises InvalidInput for one that is not there."""
        if measure.scorecard is not None and measure.question is not None:
            return [(measure.scorecard, measure.question)]
        found = [
            (each.measure.scorecard, each.measure.question)
            for each in known.values()
            if each.measure.scorecard and each.measure.question and measure.skill in each.skills
        ]
        if not found:
            raise InvalidInput("No question is about this skill.", code="coaching.measure")
        return found

    @staticmethod
    def _tallies(counted: Iterable[Counted], team: str | None) -> dict[str, dict[str, Tally]]:
        """Key → agent → tally, of one team's calls."""
        found: dict[str, dict[str, Tally]] = {}
        for one in counted:
            if one.team == team:
                of_agents = found.setdefault(f"{one.scorecard}/{one.question}", {})
                of_agents[one.agent_id] = of_agents.get(one.agent_id, gaps.NONE) + one.tally
        return found


def worths(scorecard: Scorecard) -> dict[str, float]:
    """Question → how many points out of 100 it is worth when every question is answered; only what is scored."""
    found: dict[str, float] = {}

    def walk(section: Section, points: float) -> None:
        scored = [each for each in section.questions if each.scored]
        total = sum(each.weight for each in scored) + sum(each.weight for each in section.sections)
        if not total:
            return
        found.update({each.id: points * each.weight / total for each in scored})
        for part in section.sections:
            walk(part, points * part.weight / total)

    whole = sum(each.weight for each in scorecard.sections if not each.bonus)
    for section in scorecard.sections if whole else ():
        walk(section, 100.0 * section.weight / whole)
    return found


def _reaches(scope: Scope, agent_id: str, team: str | None, *, by_calls: bool) -> bool:
    """Whether somebody is within reach: by team, by name, or (``by_calls``) because calls of theirs are."""
    if scope == Scope() or by_calls:
        return True
    if scope.agent_ids is not None and agent_id in scope.agent_ids:
        return True
    if scope.teams is not None and team in scope.teams:
        return True
    # Who sees queues sees who works in them, whatever team they are of.
    return bool(scope.queues) and scope.teams is not None and not scope.teams


def _of(one: Counted, own: set[str], team: str | None) -> bool:
    return one.agent_id in own or one.team == team


def _by_agent(counted: Iterable[Counted]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for one in counted:
        found[one.agent_id] = found.get(one.agent_id, gaps.NONE) + one.tally
    return found


def _added(counted: Iterable[Counted], team: str | None) -> dict[str, Tally]:
    return _by_agent(each for each in counted if each.team == team)


def _sum(counted: Iterable[Counted]) -> Tally:
    return gaps.pooled([each.tally for each in counted])


def _stretch(places: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """What is around the first quote, and those near it."""
    start, end = min(places)
    for _, b in sorted(places):
        if b - start <= _LONGEST:
            end = max(end, b)
    start, end = max(start - _BEFORE, 0.0), end + _AFTER
    return start, min(max(end, start + _SHORTEST), start + LONGEST_CLIP)
