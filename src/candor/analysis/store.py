"""Analyses and utterance vectors in the database: all SQL of this room. Everything in it is redacted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, DateTime, Integer, LargeBinary, String, Table, Text, delete, insert, select

from candor.conversation.codec import dumps, loads
from candor.conversation.finding import Analysis
from candor.errors import Damaged
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

analyses = Table(
    "analysis",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("json", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

vectors = Table(
    "utterance_vector",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("model", String(128), nullable=False),
    Column("dims", Integer, nullable=False),
    # Little-endian: int32 utterance indexes, then float16 rows.
    Column("n", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)


def put_analysis(uow: UnitOfWork, conversation_id: str, analysis: Analysis) -> None:
    """Keep the analysis of a conversation in place of the one before."""
    uow.execute(delete(analyses).where(analyses.c.conversation_id == conversation_id))
    uow.execute(
        insert(analyses).values(
            conversation_id=conversation_id,
            version=analysis.version,
            json=dumps(analysis).decode(),
            created_at=clock.now(),
        )
    )


def get_analysis(uow: UnitOfWork, conversation_id: str) -> Analysis | None:
    """The analysis that is held, None without one; raises Damaged when it cannot be read."""
    text = uow.execute(
        select(analyses.c.json).where(analyses.c.conversation_id == conversation_id)
    ).scalar_one_or_none()
    return None if text is None else loads(Analysis, text)


def put_vectors(
    uow: UnitOfWork, conversation_id: str, model: str, indexes: tuple[int, ...], matrix: NDArray[np.float32]
) -> None:
    """Keep unit vectors (rows of ``matrix``, one for each utterance index) as float16 in place of those before."""
    if matrix.ndim != 2 or matrix.shape[0] != len(indexes):
        raise ValueError("one row for each utterance index is needed")
    uow.execute(delete(vectors).where(vectors.c.conversation_id == conversation_id))
    data = np.asarray(indexes, dtype="<i4").tobytes() + matrix.astype("<f2").tobytes()
    uow.execute(
        insert(vectors).values(
            conversation_id=conversation_id, model=model, dims=matrix.shape[1], n=len(indexes), data=data
        )
    )


def get_vectors(
    uow: UnitOfWork, conversation_id: str, model: str
) -> tuple[tuple[int, ...], NDArray[np.float32]] | None:
    """Utterance indexes and their vectors (n, dims) float32; None when there are none of this model."""
    row = uow.execute(
        select(vectors.c.dims, vectors.c.n, vectors.c.data).where(
            vectors.c.conversation_id == conversation_id, vectors.c.model == model
        )
    ).one_or_none()
    if row is None:
        return None
    if len(row.data) != row.n * (4 + 2 * row.dims):
        raise Damaged("Stored utterance vectors have the wrong length.", advice="Analyse the conversation again.")
    indexes = np.frombuffer(row.data, dtype="<i4", count=row.n)
    matrix = np.frombuffer(row.data, dtype="<f2", offset=4 * row.n).reshape(row.n, row.dims).astype(np.float32)
    return tuple(int(i) for i in indexes), matrix
