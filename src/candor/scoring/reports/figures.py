"""From evaluations to a report. Pure; each figure's formula is in docs/reference/quality-figures.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from statistics import fmean
from zoneinfo import ZoneInfo

from candor.conversation.evaluation import AnswerKind, EvaluationSource
from candor.scoring import marks
from candor.scoring.agreement.statistics import Interval
from candor.scoring.intervals import mean, mean_of, pooled, wilson
from candor.scoring.marks import Mark
from candor.scoring.model import Question, Scorecard
from candor.scoring.reports.groups import Groups
from candor.scoring.reports.model import (
    BINS,
    Compared,
    Disputed,
    Disputes,
    Judged,
    Point,
    QuestionLine,
    Report,
    Side,
    Step,
    Strictness,
)

UTC = ZoneInfo("UTC")
_MOST_DAYS, _MOST_WEEKS = 21, 30
_FEWEST = 2


def report(
    scorecard: Scorecard, judged: Iterable[Judged], *, since: datetime, until: datetime, conversations: int,
    compared: Sequence[Compared] = (), disputed: Sequence[Disputed] | None = None, zone: ZoneInfo = UTC,
) -> Report:  # fmt: skip
    """Count; ``judged``: of the period and scorecard, one row an evaluation that stands; ``zone``: whose days."""
    step = step_of(since, until)
    counting = {source.value: _Counting(scorecard, step, zone) for source in EvaluationSource}
    versions: set[int] = set()
    groups = Groups()
    for row in judged:
        counting[row.source].take(row)
        groups.take(row)
        versions.add(row.version)
    automatic, human = counting["automatic"], counting["human"]
    return Report(
        scorecard=scorecard.id, title=scorecard.title, versions=tuple(sorted(versions)), since=since, until=until,
        step=step, pass_mark=scorecard.pass_mark, conversations=conversations,
        automatic_coverage=wilson(min(len(automatic.seen), conversations), conversations),
        human_coverage=wilson(min(len(human.seen), conversations), conversations),
        automatic=automatic.side(EvaluationSource.AUTOMATIC),
        human=human.side(EvaluationSource.HUMAN), strictness=strictness(compared),
        disputes=None if disputed is None else _disputes(human.evaluations, disputed), teams=groups.teams(),
        agents=groups.agents(),
    )  # fmt: skip


def step_of(since: datetime, until: datetime) -> Step:
    """Days up to three weeks, weeks up to half a year, then months."""
    days = (until - since).days
    return Step.DAY if days <= _MOST_DAYS else Step.WEEK if days <= _MOST_WEEKS * 7 else Step.MONTH


def start_of(moment: datetime, step: Step, zone: ZoneInfo) -> date:
    """The first day of the step that a naive UTC moment lies in, as the clock in ``zone`` says."""
    # No zone's midnight, and no change of its clocks, lies between two quarters of an hour of UTC.
    return _start_of(moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0), step, zone)


@lru_cache(maxsize=65_536)
def _start_of(moment: datetime, step: Step, zone: ZoneInfo) -> date:
    day = moment.replace(tzinfo=UTC).astimezone(zone).date()
    if step is Step.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step is Step.MONTH else day


def strictness(compared: Sequence[Compared]) -> tuple[Strictness, ...]:
    """Every evaluator with a blind evaluation, the strictest first.

    The leaning is each evaluator's mean difference to the automatic score, less the mean of all evaluators', under a
    random-effects model: the automatic score stands for how good the conversation was, for everybody alike.
    """
    by: dict[str, list[float]] = {}
    for each in compared:
        by.setdefault(each.evaluator, []).append(each.human - each.automatic)
    own = {who: mean(values, -100.0, 100.0) for who, values in by.items()}
    known = [who for who, found in own.items() if found is not None]
    leaning: dict[str, Interval] = {}
    if len(known) > 1:
        estimates = [(fmean(by[who]), _error(by[who])) for who in known]
        drawn = pooled(estimates)
        centre = fmean(one.value for one in drawn)
        for who, one in zip(known, drawn, strict=True):
            leaning[who] = Interval(
                value=one.value - centre, low=one.low - centre, high=one.high - centre, n=len(by[who])
            )
    found = [
        Strictness(evaluator=who, n=len(values), difference=own[who], leaning=leaning.get(who))
        for who, values in by.items()
    ]
    return tuple(sorted(found, key=lambda each: (fmean(by[each.evaluator]), each.evaluator)))


def _error(values: Sequence[float]) -> float:
    """Standard error; of all-equal differences half a point, which is as exact as scores are."""
    found = mean(values)
    if found is None:
        return 0.5
    spread = sum((one - found.value) ** 2 for one in values) / (len(values) - 1)
    return float(max((spread / len(values)) ** 0.5, 0.5 / len(values) ** 0.5))


def _disputes(evaluations: int, disputed: Sequence[Disputed]) -> Disputes:
    decided = [each for each in disputed if each.outcome is not None]
    changed = [each for each in decided if each.outcome == "rescored"]
    asked, won = Counter(each.question for each in disputed), Counter(each.question for each in changed)
    return Disputes(
        evaluations=evaluations, disputes=len({each.dispute for each in disputed}),
        open=len({each.dispute for each in disputed if each.outcome is None}), answers=len(decided),
        changed=wilson(len(changed), len(decided)),
        questions=tuple((name, number, won[name]) for name, number in asked.most_common()),
    )  # fmt: skip


class _Counting:
    """One source's evaluations, taken one by one."""

    def __init__(self, scorecard: Scorecard, step: Step, zone: ZoneInfo) -> None:
        self._scorecard, self._step, self._zone = scorecard, step, zone
        self.evaluations = self._decided = self._passed = self._critical = 0
        self.seen: set[str] = set()
        self._scores: list[float] = []
        self._steps: dict[date, list[float]] = {}
        self._told: Counter[tuple[str, str]] = Counter()

    def take(self, row: Judged) -> None:
        """Count one."""
        self.evaluations += 1
        self.seen.add(row.conversation_id)
        self._critical += row.critical_failed
        if row.passed is not None:
            self._decided += 1
            self._passed += row.passed
        if row.score is not None:
            self._scores.append(row.score)
            self._steps.setdefault(start_of(row.started_at, self._step, self._zone), []).append(row.score)
        # As they are written: alike ones are counted first and read once.
        self._told.update(json.loads(row.marks or "{}").items())

    def side(self, source: EvaluationSource) -> Side:
        """What they come to."""
        answers: dict[str, list[tuple[Mark, int]]] = {}
        for (name, told), number in self._told.items():
            answers.setdefault(name, []).append((marks.mark(told), number))
        bins = [0] * BINS
        for score in self._scores:
            bins[min(int(score * BINS / 100), BINS - 1)] += 1
        return Side(
            source=source, evaluations=self.evaluations, mean=mean(self._scores, 0.0, 100.0),
            passed=wilson(self._passed, self._decided), critical=wilson(self._critical, self.evaluations),
            bins=tuple(bins), trend=tuple(self._trend()),
            questions=tuple(
                _line(question, answers.get(question.id, []))
                for question in self._scorecard.questions
                if question.scored and question.kind not in {AnswerKind.TEXT, AnswerKind.DATE}
            ),
        )  # fmt: skip

    def _trend(self) -> Iterable[Point]:
        """Every step from the first with an evaluation to the last, those without one too: a gap is in the picture."""
        at, last = (min(self._steps), max(self._steps)) if self._steps else (date.max, date.min)
        while at <= last:
            scores = self._steps.get(at, [])
            yield Point(start=at, n=len(scores), mean=mean(scores, 0.0, 100.0), value=fmean(scores) if scores else None)
            at = _next(at, self._step)


def _line(question: Question, answers: Sequence[tuple[Mark, int]]) -> QuestionLine:
    shares: Counter[float] = Counter()
    codes: Counter[str] = Counter()
    suggested = 0
    for mark, number in answers:
        codes[mark.code] += number
        if mark.suggested:
            suggested += number
        elif mark.share is not None:
            shares[mark.share] += number
    n = shares.total()
    whole = shares.keys() <= {0.0, 1.0}
    return QuestionLine(
        question=question.id, text=question.text, n=n,
        share=wilson(shares[1.0], n) if whole else mean_of(shares, 0.0, 1.0),
        not_applicable=codes[marks.NOT_APPLICABLE], cannot_tell=codes[marks.CANNOT_TELL], suggested=suggested,
    )  # fmt: skip


def _next(day: date, step: Step) -> date:
    if step is Step.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if step is Step.WEEK else 1)
