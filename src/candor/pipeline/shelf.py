"""What has been made of a conversation so far: each room's part, opened and decoded.

Stages read here what earlier stages left, and find-and-replay reads here what people see. Sealed parts are opened
through the vault; nothing is cached, so that what was shredded is gone at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from candor.analysis import store as analyses
from candor.capture import store as register
from candor.consent import custody
from candor.consent.basis import basis_of
from candor.consent.ledger import store as ledger
from candor.conversation.codec import dumps, loads
from candor.conversation.evaluation import Evaluation
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Sound
from candor.conversation.transcript import Redaction, Transcript
from candor.conversation.vcon.lawful import LawfulBasis
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline import store
from candor.redaction.residue import Residue
from candor.scoring import store as evaluations
from candor.transcript import store as transcripts
from candor.transcript.store import TranscriptRow
from candor.vault.holds import store as holds
from candor.vault.service import Vault
from candor.vault.store import SealedObject

WORKING = "working"
PLAYBACK = "playback"
PEAKS = "peaks"
GIVEN = "given_transcript"
RESIDUE = "residue"
"""What the residual check of the playback found: a :class:`Residue`."""
EXCISED = "excised"
"""What was cut out of the original: a list, oldest first (:class:`candor.pipeline.excising.Cut`)."""
FLAC = "audio/flac"
_FIELD = "conversation"


@dataclass(frozen=True, slots=True)
class Playback:
    """Redacted sound, ready to be read from any place."""

    stream: BinaryIO
    size: int
    mediatype: str = FLAC

    def open(self) -> BinaryIO:
        """Seekable plaintext in memory."""
        return self.stream


class Shelf:
    """Everything that is kept of conversations, by conversation id."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def conversation(self, uow: UnitOfWork, conversation_id: str) -> Conversation:
        """Who, when, where; raises NotFound."""
        cipher = self.vault.fields(uow, conversation_id)
        return register.get(uow, conversation_id, unseal=lambda sealed: cipher.open(_FIELD, sealed))

    def put_conversation(
        self, uow: UnitOfWork, conversation: Conversation, sha512: str | None = None
    ) -> register.Registered:
        """Register it, or learn that it is there already."""

        def seal(plain: bytes) -> bytes:
            return self.vault.fields(uow, conversation.id, create=True).seal(_FIELD, plain)

        return register.register(uow, conversation, seal=seal, sha512=sha512)

    def replace_conversation(self, uow: UnitOfWork, conversation: Conversation) -> None:
        """Keep what is known of a conversation anew: its recording lies elsewhere now."""
        cipher = self.vault.fields(uow, conversation.id)
        register.replace_value(uow, conversation, seal=lambda data: cipher.seal(_FIELD, data))

    def original(self, uow: UnitOfWork, conversation: Conversation) -> BinaryIO | None:
        """The original bytes; None for conversations without sound."""
        recording = conversation.recording
        return None if recording is None else self.vault.open(uow, recording.object_id)

    def sound(self, uow: UnitOfWork, conversation_id: str) -> Sound | None:
        """What decoding found out; None before it, and without sound."""
        kept = store.get_artifact(uow, conversation_id, WORKING)
        return None if kept is None or kept[1] is None else loads(Sound, kept[1])

    def working(self, uow: UnitOfWork, conversation_id: str) -> BinaryIO | None:
        """The working copy, FLAC; None without sound."""
        return self._artifact(uow, conversation_id, WORKING)

    def playback(self, uow: UnitOfWork, conversation_id: str) -> Playback:
        """The redacted sound; raises NotFound before there is one."""
        custody.require_free(uow, conversation_id)
        object_id = self._object(uow, conversation_id, PLAYBACK)
        if object_id is None:
            raise NotFound("There is no redacted sound (yet).", code="sound.none")
        return Playback(self.vault.open(uow, object_id), self.vault.size(uow, object_id))

    def size(self, uow: UnitOfWork, conversation_id: str, kind: str) -> int:
        """Plaintext bytes of the current object of a kind; 0 without one."""
        object_id = self._object(uow, conversation_id, kind)
        return 0 if object_id is None else self.vault.size(uow, object_id)

    def peaks(self, uow: UnitOfWork, conversation_id: str) -> bytes:
        """The outline of the redacted sound; raises NotFound before there is one."""
        custody.require_free(uow, conversation_id)
        object_id = self._object(uow, conversation_id, PEAKS)
        if object_id is None:
            raise NotFound("There is no outline of the sound (yet).", code="sound.none")
        return self.vault.read(uow, object_id)

    def residue(self, uow: UnitOfWork, conversation_id: str) -> Residue | None:
        """What the residual check of the current playback found; None before there was one."""
        kept = store.get_artifact(uow, conversation_id, RESIDUE)
        return None if kept is None else Residue(**kept[1])

    def cuts(self, uow: UnitOfWork, conversation_id: str) -> tuple[dict[str, Any], ...]:
        """What was cut out of the original, oldest first; empty when nothing was."""
        kept = store.get_artifact(uow, conversation_id, EXCISED)
        return () if kept is None else tuple(kept[1])

    def given_transcript(self, uow: UnitOfWork, conversation_id: str) -> Transcript | None:
        """The text that came with a written conversation."""
        object_id = self._object(uow, conversation_id, GIVEN)
        return None if object_id is None else loads(Transcript, self.vault.read(uow, object_id))

    def put_given(self, uow: UnitOfWork, conversation_id: str, transcript: Transcript) -> None:
        """Keep the text that came with a written conversation."""
        self.put(uow, GIVEN, self.vault.seal(GIVEN, conversation_id, dumps(transcript)))

    def put(self, uow: UnitOfWork, kind: str, sealed: SealedObject, value: object = None) -> None:
        """Make a sealed object the current one of its kind; the one it replaces is let go."""
        object_id = self.vault.keep(uow, sealed)
        text = None if value is None else dumps(value).decode()
        before = store.put_artifact(uow, sealed.conversation_id, kind, object_id=object_id, value=text)
        if before is not None:
            self.let_go(uow, sealed.conversation_id, before)

    def let_go(self, uow: UnitOfWork, conversation_id: str, object_id: str) -> None:
        """Shred what was replaced; under a legal hold it is kept, and goes with the conversation."""
        if not holds.is_held(uow, conversation_id):
            self.vault.shred(uow, object_id)

    def transcript(self, uow: UnitOfWork, conversation_id: str) -> tuple[TranscriptRow, Transcript] | None:
        """The current transcript, unredacted: for redaction alone."""
        row = transcripts.current(uow, conversation_id)
        return None if row is None else (row, loads(Transcript, self.vault.read(uow, row.object_id)))

    def redaction(self, uow: UnitOfWork, conversation_id: str) -> Redaction | None:
        """The current transcript with personal data masked, and where it was."""
        row = transcripts.current(uow, conversation_id)
        if row is None or row.redaction_object_id is None:
            return None
        return loads(Redaction, self.vault.read(uow, row.redaction_object_id))

    def transcripts(self, uow: UnitOfWork, conversation_id: str) -> list[TranscriptRow]:
        """All transcripts that the conversation has had, newest first."""
        return transcripts.list_for(uow, conversation_id)

    def analysis(self, uow: UnitOfWork, conversation_id: str) -> Analysis | None:
        """What was noticed; None before it was looked at."""
        return analyses.get_analysis(uow, conversation_id)

    def evaluations(self, uow: UnitOfWork, conversation_id: str) -> tuple[Evaluation, ...]:
        """Every judgement that stands."""
        return evaluations.list_evaluations(uow, conversation_id)

    def lawful_basis(self, uow: UnitOfWork, conversation: Conversation) -> LawfulBasis | None:
        """On what lawful basis it is held; None when nothing was decided and nobody gave their word."""
        lines = ledger.of_call(uow, conversation_id=conversation.id, call_id=conversation.external_id)
        return basis_of(lines, custody.get(uow, conversation.id), clock.now())

    def _object(self, uow: UnitOfWork, conversation_id: str, kind: str) -> str | None:
        kept = store.get_artifact(uow, conversation_id, kind)
        return None if kept is None else kept[0]

    def _artifact(self, uow: UnitOfWork, conversation_id: str, kind: str) -> BinaryIO | None:
        object_id = self._object(uow, conversation_id, kind)
        return None if object_id is None else self.vault.open(uow, object_id)
