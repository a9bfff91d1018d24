"""Invented conversations, written through the real index into a real database file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from candor.conversation.evaluation import Evaluation, EvaluationSource
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Direction, Party, Role, Sound
from candor.conversation.transcript import PiiKind, PiiSpan, Redaction, Speaker, SpeakerSplit, Transcript, Utterance
from candor.kit.database import Database, UnitOfWork, metadata, sqlite_url
from candor.kit.ids import new_id
from candor.replay.index import Index

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def make_database(folder: Path) -> Database:
    database = Database(sqlite_url(folder / "replay.db"))
    with database.write() as uow:
        metadata.create_all(uow)
    return database


def redaction(agent: str, customer: str, other: str = "", pii: int = 0) -> Redaction:
    said = [(0, agent), (1, customer)] + ([(2, other)] if other else [])
    utterances = tuple(
        Utterance(index=i, speaker=who, start=float(i), end=i + 0.9, text=text) for i, (who, text) in enumerate(said)
    )
    spans = tuple(
        PiiSpan(kind=PiiKind.CARD, utterance=1, first_word=i, last_word=i, start=1.0, end=1.5, placeholder="[CARD_1]",
                rule="card/1", confidence=1.0)
        for i in range(pii)
    )  # fmt: skip
    roles = (Speaker(role=Role.AGENT), Speaker(role=Role.CUSTOMER), Speaker(role=Role.UNKNOWN))
    transcript = Transcript(
        engine="e", model="m", version="1", language="en", duration=float(len(said)), speakers=roles,
        split=SpeakerSplit.GIVEN, utterances=utterances,
    )  # fmt: skip
    return Redaction(transcript=transcript, spans=spans, version="1")


def evaluation(conversation_id: str, score: float | None, *, human: bool = False, critical: bool = False) -> Evaluation:
    return Evaluation(
        id=new_id(), conversation_id=conversation_id, scorecard="basics", scorecard_version=1,
        source=EvaluationSource.HUMAN if human else EvaluationSource.AUTOMATIC, answers=(), sections=(), score=score,
        passed=None, critical_failures=("verified",) if critical else (), unanswered=0, created_at=START,
    )  # fmt: skip


def write(
    uow: UnitOfWork, minutes: float = 0.0, *, agent: str = "hello there", customer: str = "hi", other: str = "",
    agent_id: str | None = "a1", team: str | None = "Billing", queue: str | None = "q1", score: float | None = 80.0,
    sentiment: float | None = 0.0, duration: float = 60.0, categories: tuple[str, ...] = (), pii: int = 0,
    critical: bool = False, tel: str = "+12025550143", conversation_id: str | None = None, **more: Any,
) -> str:  # fmt: skip
    an_id = conversation_id or new_id()
    conversation = Conversation(
        id=an_id, started_at=START + timedelta(minutes=minutes), team=team, queue=queue,
        direction=more.pop("direction", Direction.INBOUND),
        parties=(
            Party(role=Role.AGENT, name=f"Agent {agent_id}", agent_id=agent_id),
            Party(role=Role.CUSTOMER, name="Ivy Marlow", tel=tel),
        ), **more,
    )  # fmt: skip
    Index().write(
        uow,
        conversation=conversation,
        sound=Sound(duration=duration, rate=8000, channels=2, codec="pcm_s16le", container="wav", working_rate=8000),
        redaction=redaction(agent, customer, other, pii),
        analysis=Analysis(
            version="1", metrics=(), findings=(), sentiments=(), course=(), keywords=(), categories=categories,
            sentiment_customer=sentiment,
        ),
        evaluations=(evaluation(an_id, score, critical=critical),),
    )  # fmt: skip
    return an_id
