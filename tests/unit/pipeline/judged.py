"""A house with people of quality, agents, and calls that were processed: real services over a folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from candor import wiring
from candor.access import store as people
from candor.access.model import Principal, UserRole
from candor.analysis import store as analyses
from candor.conversation.codec import dumps
from candor.conversation.evaluation import Evaluation
from candor.conversation.model import Conversation, Direction, Medium, Party, Role, Sound
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline.shelf import PEAKS, PLAYBACK, WORKING
from candor.replay.model import Scope
from candor.scoring import service as scoring
from candor.scoring import store as scores
from candor.services import Services
from candor.settings import Settings
from candor.transcript import store as transcripts
from candor.transcript.store import TranscriptRow
from tests.unit.web import fixtures as calls

SCORECARD = """
id: basics
version: 1
title: Basics
languages: [en]
pass_mark: 70
sections:
  - id: opening
    title: Opening
    weight: 50
    questions:
      - {id: greeting, text: "Does the agent greet?", weight: 5, rule: {says: {phrases: [thank you for calling]}}}
      - {id: verify, text: "Is the customer verified?", weight: 5, critical: section,
         rule: {says: {phrases: [mother maiden name]}}}
  - id: closing
    title: Closing
    weight: 50
    questions:
      - {id: else, text: "Does the agent ask for anything else?", weight: 10, rule: {says: {phrases: [anything else]}}}
"""
PASSWORD = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
PEOPLE = {
    "sam": (UserRole.SUPERVISOR, "Billing", None),
    "eva": (UserRole.EVALUATOR, None, None),
    "max": (UserRole.EVALUATOR, None, "a2"),
    "ada": (UserRole.ADMINISTRATOR, None, None),
    "dana": (UserRole.AGENT, "Billing", "a1"),
    "ben": (UserRole.AGENT, "Billing", "a2"),
}
"""Login → role, team, agent id. Max took calls himself, as a2."""


@lru_cache(maxsize=1)
def _sound() -> tuple[bytes, bytes]:
    return calls.FakeReplay(1)._make_sound()


@dataclass
class House:
    """Services, people by log-in name, and a way to make calls."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services: Services = wiring.open_services(
            Settings(data=self.folder / "data", recorder=False, **self.settings)
        )
        with self.services.database.write() as uow:
            scores.put_scorecard(uow, scoring.load_scorecard(SCORECARD), yaml=SCORECARD)
            for login, (role, team, agent_id) in PEOPLE.items():
                people.add_user(
                    uow, id=login, login=login, name=login.title(), role=role, team=team, agent_id=agent_id,
                    active=True, failures=0, password_hash=PASSWORD, created_at=clock.to_column(clock.now()),
                )  # fmt: skip

    def close(self) -> None:
        """Let go of the files."""
        self.services.database.close()

    def person(self, login: str) -> Principal:
        """Somebody, as logged in now."""
        with self.services.database.read() as uow:
            return self.services.access.principal_by_login(uow, login)

    def call(
        self, agent: str = "a1", *, at: datetime | None = None, queue: str = "bills", team: str = "Billing",
        parties: tuple[Party, ...] = (), findings: tuple[str, ...] = (), scored: bool = True,
        medium: Medium = Medium.VOICE, direction: Direction = Direction.INBOUND,
    ) -> str:  # fmt: skip
        """A processed call; returns its id."""
        shelf, index = self.services.shelf, self.services.replay.index
        call = Conversation(
            id=new_id(), started_at=at or clock.now() - timedelta(hours=1), team=team, queue=queue, medium=medium,
            direction=direction,
            parties=parties
            or (
                Party(role=Role.AGENT, name=f"Agent {agent}", agent_id=agent),
                Party(role=Role.CUSTOMER, tel="+12025550143"),
            ),
        )  # fmt: skip
        said = calls.transcript()
        masked, noticed = calls.redaction(said), calls.analysis(said)
        extra = tuple(replace(noticed.findings[0], id=f"x{n}", kind=kind) for n, kind in enumerate(findings))
        noticed = replace(noticed, findings=(*noticed.findings, *extra))
        sounding, outline = _sound()
        with self.services.database.write() as uow:
            shelf.put_conversation(uow, call, call.id)
            shelf.put(uow, PLAYBACK, shelf.vault.seal(PLAYBACK, call.id, sounding))
            shelf.put(uow, PEAKS, shelf.vault.seal(PEAKS, call.id, outline))
            heard = Sound(
                duration=said.duration, rate=8000, channels=2, codec="flac", container="flac", working_rate=8000
            )
            shelf.put(uow, WORKING, shelf.vault.seal(WORKING, call.id, sounding), heard)
            kept = shelf.vault.keep(uow, shelf.vault.seal("transcript", call.id, dumps(masked.transcript)))
            safe = shelf.vault.keep(uow, shelf.vault.seal("redaction", call.id, dumps(masked)))
            row = TranscriptRow(
                id=new_id(), conversation_id=call.id, engine="e", model="m", version="1", language="en",
                object_id=kept, redaction_object_id=safe, word_count=9, created_at=clock.now(), current=True,
            )  # fmt: skip
            transcripts.insert(uow, row)
            analyses.put_analysis(uow, call.id, noticed)
            made: tuple[Evaluation, ...] = ()
            if scored:
                card = scores.get_scorecard(uow, "basics")
                automatic = scoring.score(
                    card, masked.transcript, noticed, conversation_id=call.id, transcript_id=row.id
                )
                made = (scores.put_evaluation(uow, automatic),)
            index.write(
                uow, conversation=call, sound=heard, redaction=masked, analysis=noticed, evaluations=made
            )  # fmt: skip
        return call.id

    def score(self, conversation_id: str) -> tuple[float | None, str | None]:
        """What the list shows: (score, whose)."""
        with self.services.database.read() as uow:
            row = self.services.replay.row(uow, conversation_id, Scope())
        return row.score, row.score_source
