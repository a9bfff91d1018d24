"""Pairs of automatic and human answers, kept and counted while evaluations are written; gates, and how questions stand.

``agreement_pair`` has a row for each blind human evaluation, with both sides' answers in short; it goes with its
conversation. ``agreement_cell`` counts equal and unequal answers by week and names no conversation: it outlives them,
so that what is known of a question does not fade with retention, and the page reads hundreds of rows, not millions.

Several people who judge the same conversation do not make several independent pairs: the rules have answered once. Each
conversation counts as one, and its pairs share that, so that what figures and intervals rest on is a number of
conversations (by inverse cluster size: E. B. Hoffman, P. K. Sen, C. R. Weinberg, "Within-cluster resampling",
Biometrika 88, 2001, 1121-1134; J. M. Williamson, S. Datta, G. A. Satten, Biometrics 59, 2003, 36-42).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Column, Date, DateTime, Float, Index, Integer, String, Table, Text
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from candor.conversation.evaluation import Evaluation, EvaluationSource, Occasion
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id
from candor.scoring import marks
from candor.scoring.agreement.model import Change, Gate, Measure, Standing, State
from candor.scoring.agreement.statistics import Interval
from candor.scoring.model import Scorecard

ALL = ""
"""In place of a question: the scorecard's own gate, for every question without one."""
WHOLE = 2520
"""What one conversation counts in a table of whole numbers: it can be shared by 1 to 10 people without a rest."""
COMPARED = frozenset({Occasion.QUALITY, Occasion.CALIBRATION, Occasion.GRADING})
"""What is held against the rules: a reference was agreed upon in talking, agents judge themselves."""

agreement_pair = Table(
    "agreement_pair",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("scorecard", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("segment", String(64), primary_key=True),
    Column("evaluator", String(64), primary_key=True),
    Column("week", Date, nullable=False),
    # Marks (scoring/marks.py) of both sides; NULL until there is an automatic evaluation.
    Column("automatic", Text),
    Column("human", Text, nullable=False),
)

agreement_cell = Table(
    "agreement_cell",
    metadata,
    Column("scorecard", String(64), primary_key=True),
    Column("question", String(64), primary_key=True),
    Column("fingerprint", String(16), primary_key=True),
    Column("week", Date, primary_key=True),
    Column("automatic", String(200), primary_key=True),
    Column("human", String(200), primary_key=True),
    # In shares of a conversation, WHOLE each.
    Column("n", Integer, nullable=False),
)

agreement_gate = Table(
    "agreement_gate",
    metadata,
    Column("scorecard", String(64), primary_key=True),
    Column("question", String(64), primary_key=True),
    # NULL: this question has no gate although the scorecard has.
    Column("threshold", Float),
    Column("least", Integer, nullable=False),
    Column("measure", String(16), nullable=False),
    Column("set_by", String(64), nullable=False),
    Column("set_at", DateTime, nullable=False),
)

agreement_state = Table(
    "agreement_state",
    metadata,
    Column("scorecard", String(64), primary_key=True),
    Column("question", String(64), primary_key=True),
    Column("fingerprint", String(16), nullable=False),
    Column("standing", String(16), nullable=False),
    Column("since", DateTime, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("n", Integer, nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("threshold", Float),
    Column("least", Integer),
    Column("measure", String(16)),
)

agreement_change = Table(
    "agreement_change",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("scorecard", String(64), nullable=False),
    Column("question", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("standing", String(16), nullable=False),
    Column("before", String(16)),
    Column("n", Integer, nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("threshold", Float),
    Column("least", Integer),
    Column("measure", String(16)),
    Index("ix_agreement_change_question", "scorecard", "question", "id"),
)


class Cell(NamedTuple):
    """How often the rules said one thing and a person another, in one week."""

    question: str
    fingerprint: str
    week: date
    automatic: str
    human: str


# ---- pairs ----


def note(uow: UnitOfWork, evaluation: Evaluation, scorecard: Scorecard, *, blind: bool) -> None:
    """Take an evaluation that has just been kept into the pairs and counts; one that compares nothing is left out.

    ``blind``: its evaluator had not seen the automatic answers. Put again (a stage repeated, a form corrected before
    anything was seen), it takes the place of what it said before. A person's later word, when they have seen the
    automatic answers, leaves the blind one where it is.
    """
    if evaluation.source is EvaluationSource.AUTOMATIC:
        _note_automatic(uow, evaluation, scorecard)
    elif blind and evaluation.evaluator and evaluation.occasion in COMPARED:
        _note_human(uow, evaluation, scorecard)


def paired(uow: UnitOfWork, scorecard: Scorecard, conversations: Sequence[str]) -> set[str]:
    """Which of these conversations somebody has judged blind with this version."""
    table = agreement_pair.c
    query = sa.select(table.conversation_id).where(
        table.conversation_id.in_(conversations), table.scorecard == scorecard.id, table.version == scorecard.version
    )
    return set(uow.execute(query).scalars())


def _key(evaluation: Evaluation) -> list[Any]:
    table = agreement_pair.c
    return [
        table.conversation_id == evaluation.conversation_id, table.scorecard == evaluation.scorecard,
        table.version == evaluation.scorecard_version, table.segment == (evaluation.segment or ""),
    ]  # fmt: skip


def _note_automatic(uow: UnitOfWork, evaluation: Evaluation, scorecard: Scorecard) -> None:
    held = uow.execute(sa.select(agreement_pair).where(*_key(evaluation))).all()
    if not held:
        return
    text = marks.write(marks.marks_of(evaluation, scorecard))
    changes = _shares([(text, row.human, row.week) for row in held], scorecard)
    changes.subtract(_shares([(row.automatic, row.human, row.week) for row in held], scorecard))
    uow.execute(sa.update(agreement_pair).where(*_key(evaluation)).values(automatic=text))
    _count(uow, scorecard.id, changes)


def _note_human(uow: UnitOfWork, evaluation: Evaluation, scorecard: Scorecard) -> None:
    mine = [*_key(evaluation), agreement_pair.c.evaluator == evaluation.evaluator]
    rows = uow.execute(sa.select(agreement_pair).where(*_key(evaluation))).all()
    held = next((row for row in rows if row.evaluator == evaluation.evaluator), None)
    others = [(row.automatic, row.human, row.week) for row in rows if row is not held]
    text, week = marks.write(marks.marks_of(evaluation, scorecard)), week_of(evaluation.created_at)
    before = _shares([(row.automatic, row.human, row.week) for row in rows], scorecard)
    if held is None:
        automatic = _automatic(uow, evaluation, scorecard)
        uow.execute(
            sa.insert(agreement_pair).values(
                conversation_id=evaluation.conversation_id, scorecard=evaluation.scorecard,
                version=evaluation.scorecard_version, segment=evaluation.segment or "", evaluator=evaluation.evaluator,
                week=week, automatic=automatic, human=text,
            )
        )  # fmt: skip
    else:
        automatic = held.automatic
        uow.execute(sa.update(agreement_pair).where(*mine).values(week=week, human=text))
    changes = _shares([*others, (automatic, text, week)], scorecard)
    changes.subtract(before)
    _count(uow, scorecard.id, changes)


def _automatic(uow: UnitOfWork, evaluation: Evaluation, scorecard: Scorecard) -> str | None:
    """The marks of the automatic evaluation beside this one."""
    table = metadata.tables["evaluation"]
    query = sa.select(table.c.json).where(
        table.c.conversation_id == evaluation.conversation_id, table.c.scorecard == evaluation.scorecard,
        table.c.version == evaluation.scorecard_version, table.c.source == EvaluationSource.AUTOMATIC.value,
    )  # fmt: skip
    # One superseded by another version's is still what these rules say of this conversation.
    for text in uow.execute(query.order_by(table.c.superseded, table.c.created_at.desc())).scalars():
        found = _loads(text)
        if found.segment == evaluation.segment:
            return marks.write(marks.marks_of(found, scorecard))
    return None


def _loads(text: str) -> Evaluation:
    from candor.conversation.codec import loads  # noqa: PLC0415  pydantic, where it is needed at all

    return loads(Evaluation, text)


def _cells(automatic: str | None, human: str, week: date, scorecard: Scorecard) -> Iterable[Cell]:
    if automatic is None:
        return
    rules, person = marks.read(automatic), marks.read(human)
    for question in scorecard.questions:
        one, other = rules.get(question.id), person.get(question.id)
        if one is None or other is None or other.code == marks.CANNOT_TELL or not question.automatic:
            continue
        yield Cell(question.id, marks.fingerprint(question), week, one.code[:200], other.code[:200])


def _shares(rows: Iterable[tuple[str | None, str, date]], scorecard: Scorecard) -> Counter[Cell]:
    """What the pairs of one conversation count: together WHOLE for each question, however many people answered it."""
    found: dict[str, list[Cell]] = {}
    for automatic, human, week in rows:
        for cell in _cells(automatic, human, week, scorecard):
            found.setdefault(cell.question, []).append(cell)
    shares: Counter[Cell] = Counter()
    for cells_ in found.values():
        for cell in cells_:
            shares[cell] += WHOLE // len(cells_)
    return shares


def week_of(moment: datetime) -> date:
    """The Monday of its week, UTC."""
    day = clock.require_aware(moment).date()
    return day - timedelta(days=day.weekday())


def _count(uow: UnitOfWork, scorecard: str, changes: Mapping[Cell, int]) -> None:
    """Apply changes, always in the same order, so that two writers cannot wait for each other."""
    rows = [cell._asdict() | {"scorecard": scorecard, "n": by} for cell, by in sorted(changes.items()) if by]
    if rows:
        upsert = insert_postgresql if uow.dialect.name == "postgresql" else insert_sqlite
        statement = upsert(agreement_cell)
        changed = {"n": agreement_cell.c.n + statement.excluded.n}
        keys = ["scorecard", "question", "fingerprint", "week", "automatic", "human"]
        uow.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def cells(uow: UnitOfWork, scorecard: str, question: str | None = None) -> list[tuple[Cell, float]]:
    """All counts of a scorecard, or of one of its questions, week by week, over its versions; in conversations."""
    table = agreement_cell
    query = sa.select(*[table.c[name] for name in Cell._fields], table.c.n)
    query = query.where(table.c.scorecard == scorecard, table.c.n > 0)
    if question is not None:
        query = query.where(table.c.question == question)
    return [(Cell(*row[:-1]), row.n / WHOLE) for row in uow.execute(query)]


def summed(uow: UnitOfWork, scorecard: str, cut: date) -> list[tuple[Cell, float]]:
    """The same, all before ``cut`` and all from then on added up; the week of a cell is the first of its side."""
    table = agreement_cell.c
    late = sa.case((table.week >= cut, 1), else_=0)
    kept = [table.question, table.fingerprint, table.automatic, table.human]
    query = (
        sa.select(*kept, sa.func.min(table.week).label("week"), sa.func.sum(table.n).label("n"))
        .where(table.scorecard == scorecard, table.n > 0)
        .group_by(*kept, late)
    )
    return [
        (Cell(row.question, row.fingerprint, row.week, row.automatic, row.human), int(row.n) / WHOLE)
        for row in uow.execute(query)
    ]


# ---- gates ----


def put_gate(uow: UnitOfWork, scorecard: str, question: str, gate: Gate | None, *, by: str) -> None:
    """Set what is asked; None: nothing is, whatever the scorecard's own gate says."""
    take_gate(uow, scorecard, question)
    asked = gate or Gate(threshold=0.0)
    uow.execute(
        sa.insert(agreement_gate).values(
            scorecard=scorecard, question=question, threshold=gate and gate.threshold, least=asked.least,
            measure=asked.measure.value, set_by=by, set_at=clock.to_column(clock.now()),
        )
    )  # fmt: skip


def take_gate(uow: UnitOfWork, scorecard: str, question: str) -> None:
    """Forget a gate: the scorecard's own holds again for a question."""
    table = agreement_gate.c
    uow.execute(sa.delete(agreement_gate).where(table.scorecard == scorecard, table.question == question))


def gates(uow: UnitOfWork, scorecard: str) -> dict[str, Gate | None]:
    """By question; ``ALL`` is the scorecard's own."""
    rows = uow.execute(sa.select(agreement_gate).where(agreement_gate.c.scorecard == scorecard))
    return {row.question: _gate(row) for row in rows}


def gated(uow: UnitOfWork) -> list[str]:
    """Scorecards with any gate."""
    return list(uow.execute(sa.select(agreement_gate.c.scorecard).distinct()).scalars())


# ---- how questions stand ----


def states(uow: UnitOfWork, scorecard: str) -> dict[str, State]:
    """By question, as of the latest look."""
    rows = uow.execute(sa.select(agreement_state).where(agreement_state.c.scorecard == scorecard))
    return {row.question: _state(row) for row in rows}


def put_state(uow: UnitOfWork, state: State, before: State | None) -> None:
    """Keep how a question stands; a change of standing is a line in its history."""
    table = agreement_state.c
    uow.execute(sa.delete(agreement_state).where(table.scorecard == state.scorecard, table.question == state.question))
    told = _told(state.figure, state.gate)
    uow.execute(
        sa.insert(agreement_state).values(
            scorecard=state.scorecard, question=state.question, fingerprint=state.fingerprint,
            standing=state.standing.value, since=clock.to_column(state.since), at=clock.to_column(state.at), n=state.n,
            **told,
        )
    )  # fmt: skip
    if before is None or before.standing is not state.standing:
        uow.execute(
            sa.insert(agreement_change).values(
                id=new_id(), scorecard=state.scorecard, question=state.question, at=clock.to_column(state.at),
                standing=state.standing.value, before=before and before.standing.value, n=state.n, **told,
            )
        )  # fmt: skip


def history(uow: UnitOfWork, scorecard: str, question: str | None = None, limit: int = 100) -> list[Change]:
    """What changed, the newest first."""
    query = sa.select(agreement_change).where(agreement_change.c.scorecard == scorecard)
    if question is not None:
        query = query.where(agreement_change.c.question == question)
    query = query.order_by(agreement_change.c.at.desc(), agreement_change.c.id.desc()).limit(limit)
    return [
        Change(
            scorecard=row.scorecard, question=row.question, at=clock.from_column(row.at),
            standing=Standing(row.standing), before=Standing(row.before) if row.before else None, n=row.n,
            figure=_figure(row), gate=_gate(row),
        )
        for row in uow.execute(query)
    ]  # fmt: skip


def _gate(row: Any) -> Gate | None:
    if row.threshold is None:
        return None
    return Gate(threshold=row.threshold, least=row.least, measure=Measure(row.measure))


def _figure(row: Any) -> Interval | None:
    return None if row.value is None else Interval(value=row.value, low=row.low, high=row.high, n=row.n)


def _told(figure: Interval | None, gate: Gate | None) -> dict[str, Any]:
    return {
        "value": figure and figure.value, "low": figure and figure.low, "high": figure and figure.high,
        "threshold": gate and gate.threshold, "least": gate and gate.least, "measure": gate and gate.measure.value,
    }  # fmt: skip


def _state(row: Any) -> State:
    return State(
        scorecard=row.scorecard, question=row.question, fingerprint=row.fingerprint, standing=Standing(row.standing),
        since=clock.from_column(row.since), at=clock.from_column(row.at), n=row.n, figure=_figure(row), gate=_gate(row),
    )  # fmt: skip
