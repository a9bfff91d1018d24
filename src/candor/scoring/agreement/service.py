"""The verbs: figures of every question, which are only suggested, drift, and the look that moves a question on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from candor.conversation.evaluation import AnswerKind
from candor.errors import InvalidInput
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.scoring import marks
from candor.scoring.agreement import statistics, store
from candor.scoring.agreement.model import Agreement, Drift, Gate, Measure, Standing, State, Window
from candor.scoring.agreement.statistics import Interval, Measurement
from candor.scoring.agreement.store import ALL, Cell
from candor.scoring.model import Question, Scorecard

RECENT_WEEKS = 8
"""What counts as "of late"; weeks are counted from Monday, UTC."""
ENOUGH_RECENT = 20
"""Pairs from which the recent ones by themselves say anything."""
WINDOW_WEEKS = 4
LARGEST_LEAST = 100_000
_MEASUREMENT = {AnswerKind.RANGE: Measurement.ORDINAL, AnswerKind.NUMBER: Measurement.INTERVAL}


def check(gate: Gate) -> None:
    """Raise InvalidInput for a gate that makes no sense."""
    lowest = 0.0 if gate.measure is Measure.EQUAL else -1.0
    if not lowest <= gate.threshold <= 1.0:
        raise InvalidInput(
            f"A threshold for {gate.measure} is between {lowest:g} and 1.", code="agreement.threshold",
            advice="0.6 is a usual one for kappa; docs/howto/trust-automatic-scores.md says how to choose.",
        )  # fmt: skip
    if not 1 <= gate.least <= LARGEST_LEAST:
        raise InvalidInput(f"At least 1 and at most {LARGEST_LEAST:,} pairs can be asked for.", code="agreement.least")


def measurement_of(question: Question) -> Measurement:
    """How far two answers to it are apart."""
    return _MEASUREMENT.get(question.kind, Measurement.NOMINAL)


def gate_of(gates: Mapping[str, Gate | None], question: str) -> Gate | None:
    """The gate that holds for a question: its own, else the scorecard's."""
    return gates[question] if question in gates else gates.get(ALL)


def suggested(uow: UnitOfWork, scorecard: Scorecard) -> frozenset[str]:
    """Questions whose automatic answers are shown and do not count, as of the latest look.

    Fails closed: with a gate set, a question that nobody looked at yet, or that was changed since (it or its gate),
    does not count.
    """
    gates = store.gates(uow, scorecard.id)
    if not gates:
        return frozenset()
    states, found = store.states(uow, scorecard.id), set()
    for question in scorecard.questions:
        gate, state = gate_of(gates, question.id), states.get(question.id)
        if gate is None:
            continue
        if (
            state is None
            or not state.standing.counts
            or (state.gate, state.fingerprint) != (gate, marks.fingerprint(question))
        ):
            found.add(question.id)
    return frozenset(found)


def figures(uow: UnitOfWork, scorecard: Scorecard) -> dict[str, Agreement]:
    """Of every question that rules answer, over all versions in which it asked for the same."""
    counts = _by_question(store.summed(uow, scorecard.id, _cut()), scorecard)
    return {
        question.id: agreement(question, _summed(counts.get(question.id, ())), scorecard.id)
        for question in scorecard.questions
        if question.automatic
    }


def agreement(question: Question, counts: Mapping[tuple[str, str], float], scorecard: str) -> Agreement:
    """From counts of (automatic, human) answers."""
    measurement = measurement_of(question)
    abstained = round(sum(number for (automatic, _), number in counts.items() if automatic == marks.CANNOT_TELL))
    given = _told(counts)
    n = round(sum(given.values()))
    seed = _seed(scorecard, question.id, n)
    if not n:
        return Agreement(
            question=question.id, measurement=measurement, n=0, abstained=abstained, equal=None, kappa=None, alpha=None,
            prevalence=None, seed=seed,
        )  # fmt: skip
    table = statistics.table(given)
    drawn = statistics.simulate(table.counts, seed=seed)
    distances = statistics.squared(table.values, measurement)
    return Agreement(
        question=question.id, measurement=measurement, n=n, abstained=abstained,
        equal=statistics.interval(
            statistics.number(statistics.equal_share(table.counts)), statistics.equal_share(drawn), n
        ),
        kappa=statistics.interval(
            statistics.number(statistics.kappa(table.counts, distances)), statistics.kappa(drawn, distances), n
        ),
        alpha=statistics.interval(
            statistics.number(statistics.alpha_of_pairs(table.counts, table.values, measurement, n)),
            statistics.alpha_of_pairs(drawn, table.values, measurement, n), n,
        ),
        prevalence=statistics.prevalence(table), seed=seed,
    )  # fmt: skip


def standing(gate: Gate | None, found: Agreement) -> Standing:
    """Whether automatic answers count: by the lower end of the interval, so that luck with few pairs is not enough."""
    if gate is None:
        return Standing.UNCHECKED
    figure = found.by(gate.measure)
    if figure is None or found.n < gate.least:
        return Standing.UNPROVEN
    return Standing.COUNTED if figure.low >= gate.threshold else Standing.SUGGESTED


def look(uow: UnitOfWork, scorecard: Scorecard) -> tuple[State, ...]:
    """Look at every question that rules answer and note how it stands; returns those whose standing changed."""
    gates, held, now = store.gates(uow, scorecard.id), store.states(uow, scorecard.id), clock.now()
    changed: list[State] = []
    for name, found in figures(uow, scorecard).items():
        question = scorecard.question(name)
        if question is None:
            continue
        gate, before = gate_of(gates, name), held.get(name)
        stands = standing(gate, found)
        same = before is not None and before.standing is stands
        state = State(
            scorecard=scorecard.id, question=name, fingerprint=marks.fingerprint(question), standing=stands,
            since=before.since if before is not None and same else now, at=now, n=found.n,
            figure=found.by(gate.measure if gate else Measure.KAPPA), gate=gate,
        )  # fmt: skip
        # That nobody asked is no news; that a gate was taken away is.
        if not same and not (before is None and stands is Standing.UNCHECKED):
            changed.append(state)
        if before is None or replace(before, at=now, since=state.since) != state:
            store.put_state(uow, state, before)
    return tuple(changed)


def windows(uow: UnitOfWork, scorecard: Scorecard, question: Question, most: int = 26) -> tuple[Window, ...]:
    """Agreement over time, in stretches of four weeks, the oldest first; only stretches with pairs."""
    mine = _by_question(store.cells(uow, scorecard.id, question.id), scorecard).get(question.id, ())
    if not mine:
        return ()
    newest = max(cell.week for cell, _ in mine)
    found = []
    for step in reversed(range(most)):
        until = newest + timedelta(weeks=1 - step * WINDOW_WEEKS)
        since = until - timedelta(weeks=WINDOW_WEEKS)
        inside = _summed((cell, number) for cell, number in mine if since <= cell.week < until)
        if inside:
            found.append(Window(since=since, until=until, agreement=agreement(question, inside, scorecard.id)))
    return tuple(found)


def drifts(uow: UnitOfWork, scorecard: Scorecard) -> dict[str, Drift]:
    """Each question's last eight weeks held against all before; only where there is something on both sides."""
    cut, gates, found = _cut(), store.gates(uow, scorecard.id), {}
    for name, mine in _by_question(store.summed(uow, scorecard.id, cut), scorecard).items():
        question = scorecard.question(name)
        old = _told(_summed((cell, number) for cell, number in mine if cell.week < cut))
        new = _told(_summed((cell, number) for cell, number in mine if cell.week >= cut))
        if question is not None and old and new:
            found[name] = _drift(question, old, new, cut, gate_of(gates, name), scorecard.id)
    return found


def _cut() -> date:
    """The Monday from which on it is of late."""
    return store.week_of(clock.now()) - timedelta(weeks=RECENT_WEEKS - 1)


def _drift(
    question: Question, old: Mapping[tuple[str, str], float], new: Mapping[tuple[str, str], float], cut: date,
    gate: Gate | None, scorecard: str,
) -> Drift:  # fmt: skip
    measure = gate.measure if gate else Measure.KAPPA
    sides = []
    for place, counts in enumerate((old, new)):
        table = statistics.table(counts)
        drawn = statistics.simulate(table.counts, seed=_seed(scorecard, f"{question.id}/{place}", table.n))
        value, spread = (_measured(question, each, table, measure) for each in (table.counts, drawn))
        sides.append((statistics.interval(statistics.number(value), spread, table.n), spread, table.n))
    (before, once, many), (recent, late, few) = sides
    change = None
    if before is not None and recent is not None:
        change = statistics.interval(recent.value - before.value, late - once, few)
    return Drift(
        since=cut, recent=recent, before=before, recent_pairs=few, before_pairs=many, change=change,
        worse=change is not None and change.high < 0,
        below=gate is not None and recent is not None and few >= ENOUGH_RECENT and recent.value < gate.threshold,
    )  # fmt: skip


def _measured(
    question: Question, counts: statistics.Floats, table: statistics.Table, measure: Measure
) -> statistics.Floats:
    if measure is Measure.EQUAL:
        return statistics.equal_share(counts)
    measurement = measurement_of(question)
    if measure is Measure.ALPHA:
        return statistics.alpha_of_pairs(counts, table.values, measurement, table.n)
    return statistics.kappa(counts, statistics.squared(table.values, measurement))


def _told(counts: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Without those that the rules could not tell."""
    return {pair: number for pair, number in counts.items() if pair[0] != marks.CANNOT_TELL}


def _by_question(cells: Iterable[tuple[Cell, float]], scorecard: Scorecard) -> dict[str, list[tuple[Cell, float]]]:
    """Only what was asked and ruled as it is today."""
    prints = {question.id: marks.fingerprint(question) for question in scorecard.questions}
    found: dict[str, list[tuple[Cell, float]]] = {}
    for cell, number in cells:
        if prints.get(cell.question) == cell.fingerprint:
            found.setdefault(cell.question, []).append((cell, number))
    return found


def _summed(cells: Iterable[tuple[Cell, float]]) -> dict[tuple[str, str], float]:
    total: dict[tuple[str, str], float] = {}
    for cell, number in cells:
        pair = cell.automatic, cell.human
        total[pair] = total.get(pair, 0.0) + number
    return total


def _seed(scorecard: str, question: str, n: int) -> int:
    """Recorded with the figures: the same pairs give the same interval on any machine."""
    return int.from_bytes(hashlib.sha256(f"{scorecard}/{question}/{n}".encode()).digest()[:4], "big")


__all__ = [
    "ALL", "Interval", "agreement", "check", "drifts", "figures", "gate_of", "look", "measurement_of", "standing",
    "suggested", "windows",
]  # fmt: skip
