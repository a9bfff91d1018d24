"""Scorecards and evaluations in the database: all SQL of this room."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
    update,
)

from candor.conversation.codec import dumps, loads
from candor.conversation.evaluation import Evaluation, EvaluationSource
from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.scoring.dumper import dump_scorecard
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard

scorecards = Table(
    "scorecard",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("yaml", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("active", Boolean, nullable=False),
)

evaluations = Table(
    "evaluation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("scorecard", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", String(16), nullable=False),
    Column("evaluator", String(64), nullable=True),
    Column("score", Float, nullable=True),
    Column("passed", Boolean, nullable=True),
    Column("critical_failed", Boolean, nullable=False),
    Column("json", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("superseded", Boolean, nullable=False),
    # conversation, transcript, scorecard and version for an automatic evaluation; NULL (never equal) for a person's.
    Column("automatic_key", String(200), nullable=True),
    UniqueConstraint("automatic_key"),
    Index("ix_evaluation_conversation", "conversation_id", "created_at"),
)


@lru_cache(maxsize=64)
def _read(text: str) -> Scorecard:
    """A scorecard that was checked when it was taken in; parsing costs more than scoring, so it is remembered."""
    return load_scorecard(text, vocabulary=None)


# -- scorecards ----------------------------------------------------------------------------------------------------


def put_scorecard(uow: UnitOfWork, scorecard: Scorecard, *, yaml: str | None = None, active: bool = True) -> None:
    """Keep a version. The same version again is nothing; with other content it raises Conflict: raise the version.

    ``active`` makes it the version that new conversations are scored with.
    """
    held = uow.execute(
        select(scorecards.c.yaml).where(scorecards.c.id == scorecard.id, scorecards.c.version == scorecard.version)
    ).scalar_one_or_none()
    if held is None:
        uow.execute(
            insert(scorecards).values(
                id=scorecard.id,
                version=scorecard.version,
                yaml=yaml if yaml is not None else dump_scorecard(scorecard),
                created_at=clock.now(),
                active=False,
            )
        )
    elif _read(held) != scorecard:
        raise Conflict(
            f"Scorecard {scorecard.id} version {scorecard.version} exists with other content.",
            advice="Give it a higher version.",
            code="scorecard.version_taken",
        )
    if active:
        activate(uow, scorecard.id, scorecard.version)


def activate(uow: UnitOfWork, scorecard_id: str, version: int | None) -> None:
    """Make one version of a scorecard the active one, or none of them; raises NotFound."""
    uow.execute(update(scorecards).where(scorecards.c.id == scorecard_id).values(active=False))
    if version is None:
        return
    done = uow.execute(
        update(scorecards).where(scorecards.c.id == scorecard_id, scorecards.c.version == version).values(active=True)
    )
    if done.rowcount != 1:
        raise NotFound(f"There is no scorecard {scorecard_id} version {version}.")


def get_scorecard(uow: UnitOfWork, scorecard_id: str, version: int | None = None) -> Scorecard:
    """One version, or the active one; raises NotFound."""
    query = select(scorecards.c.yaml).where(scorecards.c.id == scorecard_id)
    query = query.where(scorecards.c.active if version is None else scorecards.c.version == version)
    text = uow.execute(query).scalar_one_or_none()
    if text is None:
        which = "active version" if version is None else f"version {version}"
        raise NotFound(f"There is no {which} of a scorecard {scorecard_id}.")
    return _read(text)


def list_scorecards(uow: UnitOfWork, *, active_only: bool = True) -> tuple[Scorecard, ...]:
    """Scorecards by id, newest version first."""
    query = select(scorecards.c.yaml).order_by(scorecards.c.id, scorecards.c.version.desc())
    if active_only:
        query = query.where(scorecards.c.active)
    return tuple(_read(text) for text in uow.execute(query).scalars())


# -- evaluations ---------------------------------------------------------------------------------------------------


def put_evaluation(uow: UnitOfWork, evaluation: Evaluation) -> Evaluation:
    """Keep an evaluation and mark those it replaces as superseded; returns what is held.

    Automatic: one for each conversation, transcript, scorecard and version; put again it takes the place (and the
    id) of the one that is there, so that a repeated stage doubles nothing. Human: each put is a new version that
    supersedes the same person's earlier ones on that scorecard. The two never supersede one another.
    """
    automatic = evaluation.source is EvaluationSource.AUTOMATIC
    key = _automatic_key(evaluation) if automatic else None
    held = None
    if key is not None:
        held = uow.execute(
            select(evaluations.c.id, evaluations.c.created_at).where(evaluations.c.automatic_key == key)
        ).one_or_none()
    if held is not None:
        evaluation = replace(evaluation, id=held.id, created_at=_aware(held.created_at))
    _supersede(uow, evaluation)
    row = _row(evaluation, key)
    if held is not None:
        uow.execute(update(evaluations).where(evaluations.c.id == evaluation.id).values(**row))
    else:
        uow.execute(insert(evaluations).values(**row))
    return evaluation


def _automatic_key(evaluation: Evaluation) -> str:
    parts = (
        evaluation.conversation_id,
        evaluation.transcript_id or "",
        evaluation.scorecard,
        str(evaluation.scorecard_version),
    )
    return "|".join(parts)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _row(evaluation: Evaluation, key: str | None) -> dict[str, Any]:
    return {
        "id": evaluation.id,
        "conversation_id": evaluation.conversation_id,
        "scorecard": evaluation.scorecard,
        "version": evaluation.scorecard_version,
        "source": evaluation.source.value,
        "evaluator": evaluation.evaluator,
        "score": evaluation.score,
        "passed": evaluation.passed,
        "critical_failed": bool(evaluation.critical_failures),
        "json": dumps(evaluation).decode(),
        "created_at": evaluation.created_at,
        "superseded": False,
        "automatic_key": key,
    }


def _supersede(uow: UnitOfWork, evaluation: Evaluation) -> None:
    earlier = (
        update(evaluations)
        .where(
            evaluations.c.conversation_id == evaluation.conversation_id,
            evaluations.c.scorecard == evaluation.scorecard,
            evaluations.c.source == evaluation.source.value,
            evaluations.c.id != evaluation.id,
        )
        .values(superseded=True)
    )
    if evaluation.source is EvaluationSource.HUMAN:
        earlier = earlier.where(evaluations.c.evaluator == evaluation.evaluator)
    uow.execute(earlier)


def get_evaluation(uow: UnitOfWork, evaluation_id: str) -> Evaluation:
    """One evaluation; raises NotFound."""
    text = uow.execute(select(evaluations.c.json).where(evaluations.c.id == evaluation_id)).scalar_one_or_none()
    if text is None:
        raise NotFound("There is no such evaluation.")
    return loads(Evaluation, text)


def list_evaluations(
    uow: UnitOfWork, conversation_id: str, *, include_superseded: bool = False
) -> tuple[Evaluation, ...]:
    """The evaluations of a conversation: automatic ones first, newest first within a source."""
    query = (
        select(evaluations.c.json)
        .where(evaluations.c.conversation_id == conversation_id)
        .order_by(evaluations.c.source, evaluations.c.created_at.desc(), evaluations.c.id.desc())
    )
    if not include_superseded:
        query = query.where(evaluations.c.superseded.is_(False))
    return tuple(loads(Evaluation, text) for text in uow.execute(query).scalars())


def base_for_override(uow: UnitOfWork, evaluation_id: str, evaluator: str) -> Evaluation:
    """What this person's next override builds on: their own latest evaluation beside the named one, else that one.

    "Beside" is the same conversation, scorecard, version and transcript. Raises NotFound.
    """
    named = get_evaluation(uow, evaluation_id)
    mine = uow.execute(
        select(evaluations.c.json)
        .where(
            evaluations.c.conversation_id == named.conversation_id,
            evaluations.c.scorecard == named.scorecard,
            evaluations.c.version == named.scorecard_version,
            evaluations.c.source == EvaluationSource.HUMAN.value,
            evaluations.c.evaluator == evaluator,
            evaluations.c.superseded.is_(False),
        )
        .order_by(evaluations.c.created_at.desc())
    ).scalars()
    own = (loads(Evaluation, text) for text in mine)
    return next((item for item in own if item.transcript_id == named.transcript_id), named)
