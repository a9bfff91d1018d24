"""Automatic evaluations of many conversations by one version of a scorecard, kept in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, select, update

from candor.conversation.codec import loads
from candor.conversation.evaluation import Evaluation, EvaluationSource
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.scoring import marks, store
from candor.scoring.agreement import store as pairs
from candor.scoring.model import Scorecard
from candor.scoring.store import Circumstances, evaluations

_e = evaluations.c


def put_all(
    uow: UnitOfWork, scorecard: Scorecard, made: Sequence[Evaluation], agents: Mapping[str, str | None] | None = None
) -> list[Evaluation]:
    """Keep them; returns what is held.

    Of each conversation all that this scorecard says of it is given at once: the whole, or every leg. What it said
    before is superseded. Put again, each takes the place (and the id) of the one that is there. ``agents``: evaluation
    id → whose leg it judges. :func:`candor.scoring.store.put_evaluation` is the same for one by anybody.
    """
    told = agents or {}
    keys = {store.automatic_key(each): each for each in made}
    there = {
        row.automatic_key: row
        for row in uow.execute(
            select(_e.automatic_key, _e.id, _e.created_at).where(_e.automatic_key.in_(list(keys)))
        )
    }  # fmt: skip
    kept: list[Evaluation] = []
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for key, one in keys.items():
        row, whose = there.get(key), told.get(one.id)
        if row is not None:
            one = replace(one, id=row.id, created_at=clock.from_column(row.created_at))  # noqa: PLW2901
        kept.append(one)
        values = store.values_of(one, key, Circumstances(agent_id=whose, released_at=one.created_at))
        values |= {"marks": marks.write(marks.marks_of(one, scorecard))}
        (added if row is None else changed).append(values)
    uow.execute(
        update(evaluations)
        .where(
            _e.conversation_id.in_({each.conversation_id for each in kept}), _e.scorecard == scorecard.id,
            _e.source == EvaluationSource.AUTOMATIC.value, _e.superseded.is_(False),
            _e.id.not_in([each.id for each in kept]),
        )
        .values(superseded=True)
    )  # fmt: skip
    for values in changed:
        uow.execute(update(evaluations).where(_e.id == values["id"]).values(**values))
    if added:
        uow.execute(insert(evaluations), added)
    paired = pairs.paired(uow, scorecard, [each.conversation_id for each in kept])
    for one in kept:
        if one.conversation_id in paired:
            pairs.note(uow, one, scorecard, blind=False)
    return kept


def standing(uow: UnitOfWork, conversations: Iterable[str], known: Iterable[Evaluation] = ()) -> dict[str, Any]:
    """Of each conversation what :func:`candor.scoring.store.list_evaluations` lists, for many at once.

    ``known``: those that are at hand, and need not be read.
    """
    at_hand = {each.id: each for each in known}
    ids = list(conversations)
    query = select(_e.id, _e.conversation_id).where(
        _e.conversation_id.in_(ids), store.may_be_shown(), _e.superseded.is_(False)
    )
    rows = uow.execute(query).all()
    unread = [row.id for row in rows if row.id not in at_hand]
    if unread:
        texts = uow.execute(select(_e.id, _e.json).where(_e.id.in_(unread)))
        at_hand |= {row.id: loads(Evaluation, row.json) for row in texts}
    found: dict[str, list[Evaluation]] = {one: [] for one in ids}
    for row in rows:
        found[row.conversation_id].append(at_hand[row.id])
    return {one: tuple(sorted(each, key=_order, reverse=True)) for one, each in found.items()}


def before(uow: UnitOfWork, conversations: Iterable[str], scorecard: str) -> dict[tuple[str, str | None], Evaluation]:
    """The automatic evaluations by a scorecard that stand, by conversation and leg."""
    query = select(_e.json).where(
        _e.conversation_id.in_(list(conversations)), _e.scorecard == scorecard, _e.superseded.is_(False),
        _e.source == EvaluationSource.AUTOMATIC.value,
    )  # fmt: skip
    found = [loads(Evaluation, text) for text in uow.execute(query.order_by(_e.created_at)).scalars()]
    return {(each.conversation_id, each.segment): each for each in found}


def _order(evaluation: Evaluation) -> tuple[bool, Any, str]:
    return evaluation.source is EvaluationSource.AUTOMATIC, evaluation.created_at, evaluation.id
