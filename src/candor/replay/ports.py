"""What find-and-replay needs of the other rooms, in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from candor.conversation.evaluation import Evaluation
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Sound
from candor.conversation.transcript import Redaction
from candor.conversation.vcon.lawful import LawfulBasis
from candor.kit.database import UnitOfWork
from candor.redaction.residue import Residue
from candor.replay.model import StageRun


class Playable(Protocol):
    """Redacted sound that can be read from any place."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def mediatype(self) -> str:
        """For example ``audio/flac``."""

    def open(self) -> BinaryIO:
        """A seekable stream of it; the caller closes it."""


class TranscriptRecord(Protocol):
    """One of the transcripts that a conversation has had."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def engine(self) -> str:
        """What recognised it."""

    @property
    def model(self) -> str:
        """The engine's model."""

    @property
    def version(self) -> str:
        """The engine's version."""

    @property
    def created_at(self) -> datetime:
        """Aware, UTC."""

    @property
    def current(self) -> bool:
        """Whether it is the one in use."""


class Sources(Protocol):
    """Everything that is kept of a conversation; no rights are checked here."""

    def conversation(self, uow: UnitOfWork, conversation_id: str, /) -> Conversation:
        """Who, when, where; raises NotFound."""

    def sound(self, uow: UnitOfWork, conversation_id: str, /) -> Sound | None:
        """What decoding found out."""

    def redaction(self, uow: UnitOfWork, conversation_id: str, /) -> Redaction | None:
        """The current transcript, masked."""

    def analysis(self, uow: UnitOfWork, conversation_id: str, /) -> Analysis | None:
        """What was noticed."""

    def evaluations(self, uow: UnitOfWork, conversation_id: str, /) -> tuple[Evaluation, ...]:
        """Every judgement that stands."""

    def stages(self, uow: UnitOfWork, conversation_id: str, /) -> tuple[StageRun, ...]:
        """Each stage's latest state, in order."""

    def transcripts(self, uow: UnitOfWork, conversation_id: str, /) -> Sequence[TranscriptRecord]:
        """All transcripts, newest first."""

    def lawful_basis(self, uow: UnitOfWork, conversation: Conversation, /) -> LawfulBasis | None:
        """On what lawful basis it is held; None when nothing is known."""

    def residue(self, uow: UnitOfWork, conversation_id: str, /) -> Residue | None:
        """What the residual check of the redacted sound found; None before there was one."""

    def cuts(self, uow: UnitOfWork, conversation_id: str, /) -> Sequence[dict[str, Any]]:
        """What was cut out of the original: time, stretches, digests before and after; oldest first."""

    def playback(self, uow: UnitOfWork, conversation_id: str, /) -> Playable:
        """The redacted sound; raises NotFound before there is one."""

    def peaks(self, uow: UnitOfWork, conversation_id: str, /) -> bytes:
        """The outline of the redacted sound; raises NotFound before there is one."""
