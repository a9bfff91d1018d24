"""The whole product over one folder, with judged calls of a small team: what coaching is tested on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from argon2 import PasswordHasher

from candor import wiring
from candor.access import store as people
from candor.access.model import Principal, UserRole
from candor.conversation.codec import dumps
from candor.conversation.evaluation import Answer, Evaluation, EvaluationSource, Evidence, Verdict
from candor.conversation.model import Conversation, Party, Role, Sound
from candor.conversation.peaks import PeaksBuilder
from candor.conversation.transcript import Redaction, Speaker, SpeakerSplit, Transcript, Utterance, Word
from candor.kit import clock
from candor.kit.ids import new_id
from candor.kit.sound import FlacWriter
from candor.pipeline.shelf import PEAKS, PLAYBACK, WORKING
from candor.scoring import store as scorecards
from candor.scoring.loader import load_scorecard
from candor.scoring.points import tally
from candor.services import Services
from candor.settings import Settings
from candor.transcript import store as transcripts
from candor.transcript.store import TranscriptRow

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RATE, SECONDS = 8000, 20.0
CARD = """
id: desk
version: 1
title: Help desk
languages: [en]
pass_mark: 50
floor: 0.4
sections:
  - id: opening
    title: Opening
    weight: 40
    questions:
      - {id: greeting, text: "Did the agent greet the caller?", weight: 30, skills: [Warmth],
         rule: {says: {phrases: [good morning]}}}
      - {id: name, text: "Did the agent ask for the name?", weight: 10, rule: {says: {phrases: [your name]}}}
  - id: closing
    title: Closing
    weight: 60
    questions:
      - {id: thanks, text: "Did the agent say thank you?", weight: 1, skills: [Warmth, Closing],
         rule: {says: {phrases: [thank you]}}}
"""
QUESTIONS = ("greeting", "name", "thanks")
AGENTS = {"a1": "Dana", "a2": "Eli", "a3": "Fay", "a4": "Gus", "a5": "Hana", "a6": "Ivo"}


class House:
    """One data folder with its people."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.settings = Settings(data=folder, recorder=False, meaning=False, region="US", **more)
        self.services: Services = wiring.open_services(self.settings)
        self.card = load_scorecard(CARD)
        with self.services.database.write() as uow:
            scorecards.put_scorecard(uow, self.card, yaml=CARD)
            for role in UserRole:
                self._person(uow, role.value, role, team="Billing")
            self._person(uow, "coach2", UserRole.SUPERVISOR, team="Sales")
            for agent_id, name in AGENTS.items():
                self._person(uow, name.lower(), UserRole.AGENT, team="Billing", agent_id=agent_id, name=name)

    @staticmethod
    def _person(
        uow: Any, login: str, role: UserRole, *, team: str, agent_id: str | None = None, name: str = ""
    ) -> None:
        people.add_user(
            uow, id=login, login=login, name=name or login.title(), role=role, team=team, agent_id=agent_id,
            active=True, failures=0, password_hash=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(
                "secret words here"
            ), created_at=clock.to_column(clock.now()),
        )  # fmt: skip

    def who(self, login: str) -> Principal:
        """A person, as a session would give them."""
        with self.services.database.write() as uow:
            secret = self.services.access.open_session(uow, login)
            return self.services.access.principal(uow, secret)

    def call(
        self, agent_id: str = "a1", *, at: datetime | None = None, team: str = "Billing", queue: str = "bills",
        lost: tuple[str, ...] = (), human: bool = False, confidence: float = 0.95, sound: bool = True,
        tel: str = "+12025550143",
    ) -> str:  # fmt: skip
        """A call in which the answers to ``lost`` are no and all others yes, each with a quote."""
        shelf = self.services.shelf
        call = Conversation(
            id=new_id(), started_at=at or clock.now(), team=team, queue=queue,
            parties=(
                Party(role=Role.AGENT, name=AGENTS.get(agent_id, agent_id), agent_id=agent_id),
                Party(role=Role.CUSTOMER, tel=tel),
            ),
        )  # fmt: skip
        words = transcript()
        redaction = Redaction(transcript=words, spans=(), version="t")
        found = Sound(
            codec="pcm_s16le", duration=SECONDS, rate=RATE, channels=2, container="wav", working_rate=RATE,
        )  # fmt: skip
        with self.services.database.write() as uow:
            shelf.put_conversation(uow, call, call.id)
            self.services.persons.note(uow, call)
            if sound:
                tone = flac()
                shelf.put(uow, WORKING, shelf.vault.seal(WORKING, call.id, tone), found)
                shelf.put(uow, PLAYBACK, shelf.vault.seal(PLAYBACK, call.id, tone))
                shelf.put(uow, PEAKS, shelf.vault.seal(PEAKS, call.id, outline()))
            kept = shelf.vault.keep(uow, shelf.vault.seal("transcript", call.id, dumps(words)))
            masked = shelf.vault.keep(uow, shelf.vault.seal("redaction", call.id, dumps(redaction)))
            row = TranscriptRow(
                id=new_id(), conversation_id=call.id, engine="e", model="m", version="1", language="en",
                object_id=kept, redaction_object_id=masked, word_count=12, created_at=clock.now(), current=True,
            )  # fmt: skip
            transcripts.insert(uow, row)
            transcripts.set_redaction(uow, row.id, masked)
            self.judge(uow, call.id, lost, human=human, confidence=confidence)
            self.services.replay.index.write(
                uow, conversation=call, sound=found if sound else None, redaction=redaction, analysis=None,
                evaluations=shelf.evaluations(uow, call.id),
            )  # fmt: skip
        return call.id

    def judge(
        self, uow: Any, conversation_id: str, lost: tuple[str, ...], *, human: bool = False, confidence: float = 0.95,
        **more: Any,
    ) -> Evaluation:  # fmt: skip
        """An evaluation of a call, kept as the product keeps it."""
        answers = {
            each: Answer(
                question=each, verdict=Verdict.NO if each in lost else Verdict.YES, confidence=confidence,
                rule="human" if human else "desk@1", points=None,
                evidence=(Evidence(start=4.0, end=6.0, utterance=1, quote="good morning caller"),),
            )
            for each in QUESTIONS
        }  # fmt: skip
        result = tally(self.card, answers)
        made = Evaluation(
            id=new_id(), conversation_id=conversation_id, scorecard="desk", scorecard_version=1,
            source=EvaluationSource.HUMAN if human else EvaluationSource.AUTOMATIC,
            evaluator="evaluator" if human else None, created_at=clock.now(), answers=result.answers,
            sections=result.sections, score=result.score, passed=result.passed,
            critical_failures=result.critical_failures, unanswered=result.unanswered,
        )  # fmt: skip
        return scorecards.put_evaluation(uow, replace(made, **more))

    def days(self, agent_id: str, count: int, lost: int, question: str = "greeting", *, since: datetime) -> list[str]:
        """Calls of an agent, three a day from ``since`` on; the first ``lost`` lose the question."""
        return [
            self.call(agent_id, at=since + timedelta(hours=8 * n), lost=(question,) if n < lost else ())
            for n in range(count)
        ]

    def close(self) -> None:
        """Let go of the files."""
        self.services.database.close()


def transcript() -> Transcript:
    """Three turns with word times."""
    said = (
        (0, 0.5, "hello there"), (1, 4.0, "good morning caller how can i help"), (0, 12.0, "my router is broken again"),
    )  # fmt: skip
    utterances = []
    for index, (speaker, start, text) in enumerate(said):
        words = tuple(
            Word(text=word, start=start + 0.5 * n, end=start + 0.5 * n + 0.4, confidence=0.9)
            for n, word in enumerate(text.split())
        )
        utterances.append(
            Utterance(index=index, speaker=speaker, start=start, end=words[-1].end, text=text, words=words)
        )
    return Transcript(
        engine="e", model="m", version="1", language="en", duration=SECONDS, split=SpeakerSplit.GIVEN,
        speakers=(Speaker(role=Role.CUSTOMER, channel=0), Speaker(role=Role.AGENT, channel=1)),
        utterances=tuple(utterances),
    )  # fmt: skip


def samples() -> np.ndarray[Any, np.dtype[np.float32]]:
    """A tone that rises second by second, so that a stretch shows where it was cut."""
    at = np.arange(int(RATE * SECONDS)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (200 + 50 * np.floor(at)) * at)
    return np.stack([tone, tone / 2], axis=1).astype(np.float32)


def flac() -> bytes:
    """The tone."""
    out = io.BytesIO()
    with FlacWriter(out, RATE, 2) as writer:
        writer.write(samples())
    return out.getvalue()


def outline() -> bytes:
    """Its peaks."""
    builder = PeaksBuilder(RATE, 2, int(RATE * SECONDS))
    builder.add(samples())
    return builder.finish().to_bytes()


@contextmanager
def opened(folder: Path, at: datetime = START, **more: Any) -> Iterator[tuple[House, Any]]:
    """A house whose clock stands at ``at``, and the function that moves it on."""
    with clock.freeze(at) as move:
        house = House(folder, **more)
        try:
            yield house, move
        finally:
            house.close()
