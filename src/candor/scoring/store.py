"""Scorecards and evaluations in the database.

An evaluation by a person has, beside its value: for what it was made (``occasion``, ``segment``, ``about``), whose
conversation it judges (``agent_id``), whether it was made ``blind`` (automatic answers were hidden by the form and had
not been opened by this person before: only such ones tell how well people and rules agree), and when it was released.
Until then it is not in lists, exports or the agent's pages: :func:`list_evaluations` leaves it out unless asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    false,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from candor.conversation.codec import dumps, loads
from candor.conversation.evaluation import Evaluation, EvaluationSource, Occasion
from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.scoring import marks
from candor.scoring.agreement import store as pairs
from candor.scoring.dumper import dump_scorecard
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard


def _where(condition: str) -> dict[str, Any]:
    """A part of an index: people's evaluations are few beside the automatic ones."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


scorecards = Table(
    "scorecard",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("yaml", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("active", Boolean, nullable=False),
    # Who published it and what changed, in words; NULL for those that ship. Kept by lifecycle/.
    Column("published_by", String(64), nullable=True),
    Column("changes", Text, nullable=True),
    Column("retired_at", DateTime, nullable=True),
    Column("retired_by", String(64), nullable=True),
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
    # The answers in short (marks.py), for counting; NULL in rows of releases that did not count.
    Column("marks", Text, nullable=True),
    Column("occasion", String(16), nullable=False, server_default="quality"),
    Column("segment", String(64), nullable=True),
    # What it is about, by occasion: the evaluation that is graded, the calibration session, the dispute it came from.
    Column("about", String(36), nullable=True),
    Column("blind", Boolean, nullable=False, server_default=false()),
    Column("agent_id", String(255), nullable=True),
    Column("release_at", DateTime, nullable=True),
    Column("released_at", DateTime, nullable=True),
    UniqueConstraint("automatic_key"),
    Index("ix_evaluation_conversation", "conversation_id", "created_at"),
    Index("ix_evaluation_agent_id", "agent_id", "released_at", **_where("agent_id IS NOT NULL")),
    Index("ix_evaluation_about", "about", **_where("about IS NOT NULL")),
    Index("ix_evaluation_release_at", "release_at", **_where("release_at IS NOT NULL AND released_at IS NULL")),
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


def known(uow: UnitOfWork, scorecard_id: str) -> bool:
    """Whether there is any version of this scorecard."""
    return uow.execute(select(scorecards.c.version).where(scorecards.c.id == scorecard_id).limit(1)).first() is not None


def ships(uow: UnitOfWork, scorecard_id: str) -> bool:
    """Whether the active version came with the product: nobody published it."""
    query = select(scorecards.c.published_by).where(scorecards.c.id == scorecard_id, scorecards.c.active)
    row = uow.execute(query).one_or_none()
    return row is not None and row.published_by is None


def list_scorecards(uow: UnitOfWork, *, active_only: bool = True) -> tuple[Scorecard, ...]:
    """Scorecards by id, newest version first."""
    query = select(scorecards.c.yaml).order_by(scorecards.c.id, scorecards.c.version.desc())
    if active_only:
        query = query.where(scorecards.c.active)
    return tuple(_read(text) for text in uow.execute(query).scalars())


# -- evaluations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How an evaluation by a person came to be; see the head of this module."""

    blind: bool = False
    agent_id: str | None = None
    about: str | None = None
    release_at: datetime | None = None
    """When it is released by itself; None: when somebody does it."""
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An evaluation with its circumstances, as it is kept."""

    evaluation: Evaluation
    circumstances: Circumstances
    superseded: bool

    @property
    def released(self) -> bool:
        """Whether the agent sees it."""
        return self.circumstances.released_at is not None


def put_evaluation(uow: UnitOfWork, evaluation: Evaluation, made: Circumstances | None = None) -> Evaluation:
    """Keep an evaluation and mark those it replaces as superseded; returns what is held.

    Automatic: one for each conversation, transcript, scorecard and version; put again it takes the place (and the
    id) of the one that is there, so that a repeated stage doubles nothing. Human: each put is a new version that
    supersedes the same person's earlier ones with that scorecard, for the same occasion and segment; one that is not
    released yet leaves a released one standing until it is. The two never supersede one another.
    Without ``made`` it is released at once.
    """
    made = made or Circumstances(released_at=evaluation.created_at)
    automatic = evaluation.source is EvaluationSource.AUTOMATIC
    key = automatic_key(evaluation) if automatic else None
    held = None
    if key is not None:
        held = uow.execute(
            select(evaluations.c.id, evaluations.c.created_at).where(evaluations.c.automatic_key == key)
        ).one_or_none()
    if held is not None:
        evaluation = replace(evaluation, id=held.id, created_at=_aware(held.created_at))
    _supersede(uow, evaluation, released=automatic or made.released_at is not None)
    # Into the pairs of automatic and human answers (agreement/) with it; do not take this away.
    row = values_of(evaluation, key, made) | _counted(uow, evaluation, blind=made.blind)
    if held is not None:
        uow.execute(update(evaluations).where(evaluations.c.id == evaluation.id).values(**row))
    else:
        uow.execute(insert(evaluations).values(**row))
    return evaluation


def _counted(uow: UnitOfWork, evaluation: Evaluation, *, blind: bool) -> dict[str, Any]:
    """Its answers in short; none when its scorecard is not here any more."""
    try:
        scorecard = get_scorecard(uow, evaluation.scorecard, evaluation.scorecard_version)
    except NotFound:
        return {"marks": None}
    pairs.note(uow, evaluation, scorecard, blind=blind)
    return {"marks": marks.write(marks.marks_of(evaluation, scorecard))}


def values_of(evaluation: Evaluation, key: str | None, made: Circumstances) -> dict[str, Any]:
    """Its columns, without ``marks``."""
    return _row(evaluation, key) | _circumstances(evaluation, made)


def _circumstances(evaluation: Evaluation, made: Circumstances) -> dict[str, Any]:
    by_person = evaluation.source is EvaluationSource.HUMAN
    return {
        "occasion": evaluation.occasion.value, "segment": evaluation.segment, "about": made.about,
        "blind": made.blind and by_person, "agent_id": made.agent_id,
        "release_at": made.release_at and clock.to_column(made.release_at),
        "released_at": clock.to_column(made.released_at) if made.released_at and by_person else None,
    }  # fmt: skip


def automatic_key(evaluation: Evaluation) -> str:
    """What an automatic evaluation is the only one of: conversation, transcript, scorecard, version, leg."""
    parts = [
        evaluation.conversation_id,
        evaluation.transcript_id or "",
        evaluation.scorecard,
        str(evaluation.scorecard_version),
    ]
    if evaluation.segment is not None:
        # Legs are named by agents' ids, which may be long; the column is not.
        parts.append(hashlib.sha256(evaluation.segment.encode()).hexdigest()[:16])
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


def _supersede(uow: UnitOfWork, evaluation: Evaluation, *, released: bool) -> None:
    earlier = (
        update(evaluations)
        .where(
            evaluations.c.conversation_id == evaluation.conversation_id,
            evaluations.c.scorecard == evaluation.scorecard,
            evaluations.c.source == evaluation.source.value,
            evaluations.c.id != evaluation.id,
            evaluations.c.superseded.is_(False),
        )
        .values(superseded=True)
    )
    if evaluation.source is EvaluationSource.HUMAN:
        earlier = earlier.where(
            evaluations.c.evaluator == evaluation.evaluator,
            evaluations.c.occasion == evaluation.occasion.value,
            evaluations.c.segment.is_(None)
            if evaluation.segment is None
            else evaluations.c.segment == evaluation.segment,
        )
        if not released:
            earlier = earlier.where(evaluations.c.released_at.is_(None))
    uow.execute(earlier)


def release(uow: UnitOfWork, evaluation_id: str, at: datetime) -> Held:
    """Show an evaluation to its agent from now on, in place of the same person's earlier one.

    Raises NotFound, Conflict when it was released or replaced before.
    """
    found = held(uow, evaluation_id)
    if found.released or found.superseded:
        raise Conflict("This evaluation was released or replaced already.", code="evaluation.released")
    _supersede(uow, found.evaluation, released=True)
    uow.execute(
        update(evaluations).where(evaluations.c.id == evaluation_id).values(released_at=clock.to_column(at))
    )  # fmt: skip
    return replace(found, circumstances=replace(found.circumstances, released_at=at))


def replace_by(uow: UnitOfWork, evaluation_id: str) -> None:
    """Mark one evaluation as superseded by another person's: a dispute was decided."""
    uow.execute(update(evaluations).where(evaluations.c.id == evaluation_id).values(superseded=True))


def due_for_release(uow: UnitOfWork, now: datetime, limit: int = 200) -> list[str]:
    """Ids of evaluations whose day of release has come, the oldest first."""
    c = evaluations.c
    query = select(c.id).where(
        c.release_at.is_not(None), c.released_at.is_(None), c.release_at <= clock.to_column(now),
        c.superseded.is_(False),
    )  # fmt: skip
    return list(uow.execute(query.order_by(c.release_at).limit(limit)).scalars())


def held(uow: UnitOfWork, evaluation_id: str) -> Held:
    """One evaluation with its circumstances; raises NotFound."""
    row = uow.execute(select(evaluations).where(evaluations.c.id == evaluation_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such evaluation.", code="evaluation.none")
    return held_of(row)


def held_by_ids(uow: UnitOfWork, ids: Iterable[str]) -> dict[str, Held]:
    """Evaluations by id; what is not there is left out."""
    rows = uow.execute(select(evaluations).where(evaluations.c.id.in_(list(ids))))
    return {row.id: held_of(row) for row in rows}


def agents_of(uow: UnitOfWork, ids: Iterable[str]) -> dict[str, str | None]:
    """Whose work each evaluation judges, as far as that is kept with it."""
    rows = uow.execute(select(evaluations.c.id, evaluations.c.agent_id).where(evaluations.c.id.in_(list(ids))))
    return {row.id: row.agent_id for row in rows}


def held_about(uow: UnitOfWork, about: str) -> list[Held]:
    """Everything made about one thing: gradings of an evaluation, what a calibration session brought."""
    rows = uow.execute(select(evaluations).where(evaluations.c.about == about).order_by(evaluations.c.created_at))
    return [held_of(row) for row in rows]


def held_for(uow: UnitOfWork, conversation_id: str, *, occasion: Occasion | None = None) -> list[Held]:
    """People's evaluations of a conversation that stand, released or not, the newest first."""
    c = evaluations.c
    query = select(evaluations).where(
        c.conversation_id == conversation_id, c.source == EvaluationSource.HUMAN.value, c.superseded.is_(False)
    )  # fmt: skip
    if occasion is not None:
        query = query.where(c.occasion == occasion.value)
    return [held_of(row) for row in uow.execute(query.order_by(c.created_at.desc()))]


def held_of(row: Any) -> Held:
    """From a row of the table."""
    return Held(
        evaluation=loads(Evaluation, row.json), superseded=bool(row.superseded),
        circumstances=Circumstances(
            blind=bool(row.blind), agent_id=row.agent_id, about=row.about,
            release_at=row.release_at and clock.from_column(row.release_at),
            released_at=row.released_at and clock.from_column(row.released_at),
        ),
    )  # fmt: skip


def get_evaluation(uow: UnitOfWork, evaluation_id: str) -> Evaluation:
    """One evaluation; raises NotFound."""
    text = uow.execute(select(evaluations.c.json).where(evaluations.c.id == evaluation_id)).scalar_one_or_none()
    if text is None:
        raise NotFound("There is no such evaluation.")
    return loads(Evaluation, text)


def may_be_shown() -> ColumnElement[bool]:
    """Automatic evaluations, and of people's those that were made for quality and are released."""
    automatic = evaluations.c.source == EvaluationSource.AUTOMATIC.value
    return or_(automatic, evaluations.c.released_at.is_not(None) & (evaluations.c.occasion == Occasion.QUALITY.value))


def list_evaluations(
    uow: UnitOfWork, conversation_id: str, *, include_superseded: bool = False
) -> tuple[Evaluation, ...]:
    """The evaluations of a conversation that count and may be shown: automatic ones first, newest first within each."""
    query = (
        select(evaluations.c.json)
        .where(evaluations.c.conversation_id == conversation_id)
        .order_by(evaluations.c.source, evaluations.c.created_at.desc(), evaluations.c.id.desc())
    )
    query = query.where(may_be_shown())
    if not include_superseded:
        query = query.where(evaluations.c.superseded.is_(False))
    return tuple(loads(Evaluation, text) for text in uow.execute(query).scalars())


def base_for_override(uow: UnitOfWork, evaluation_id: str, evaluator: str) -> Evaluation:
    """What this person's next override builds on: their own latest evaluation beside the named one, else that one.

    "Beside" is the same conversation, scorecard, version and transcript. Raises NotFound, and Conflict when this
    person has evaluated it with a form that is not released yet.
    """
    named = get_evaluation(uow, evaluation_id)
    mine = uow.execute(
        select(evaluations.c.json, evaluations.c.released_at)
        .where(
            evaluations.c.conversation_id == named.conversation_id,
            evaluations.c.scorecard == named.scorecard,
            evaluations.c.version == named.scorecard_version,
            evaluations.c.source == EvaluationSource.HUMAN.value,
            evaluations.c.evaluator == evaluator,
            evaluations.c.occasion == Occasion.QUALITY.value,
            evaluations.c.segment.is_(None),
            evaluations.c.superseded.is_(False),
        )
        .order_by(evaluations.c.created_at.desc())
    ).all()
    if any(row.released_at is None for row in mine):
        raise Conflict(
            "You have evaluated this conversation, and that is not released yet.", code="evaluation.unreleased",
            advice="Change your own evaluation, or wait until it is released.",
        )  # fmt: skip
    own = (loads(Evaluation, row.json) for row in mine)
    return next((item for item in own if item.transcript_id == named.transcript_id), named)
