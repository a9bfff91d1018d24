"""Taking in: seal while the bytes arrive, look what it is, register, ask for a run — or refuse and say why.

A refused recording leaves nothing but a line under "needs attention"; what was sealed of it is removed again. A
duplicate gives the id of the conversation that is there already.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.capture.files import IntakeItem, ItemKind, Limits, Metadata, mediatype, probe, read_facts
from candor.capture.files import conversation as make_conversation
from candor.consent.ledger.model import Entry
from candor.consent.ledger.service import Ledger
from candor.conversation.model import Conversation, Recording, Sound
from candor.conversation.transcript import Transcript
from candor.errors import CandorError, InvalidInput, TooLarge
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline import store
from candor.pipeline.documents import Beside, read_document
from candor.pipeline.shelf import Shelf
from candor.pipeline.stages import STAGES
from candor.vault.service import DigestingWriter
from candor.vault.store import SealedObject

ORIGINAL = "original"
DOCUMENT = "document"
_BLOCK = 1 << 20
_NUMBER = re.compile(r"\d{3,}(?=\d{4}(?!\d))")
_LARGEST_DOCUMENT = 1 << 28
"""A vCon is read whole: 256 MiB bounds what an inline recording may take of memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The outcome of taking in one recording or document."""

    conversation_id: str
    duplicate: bool
    notes: tuple[str, ...] = ()
    """What was assumed: shown to whoever imported it."""


class Intake:
    """The one way in."""

    def __init__(
        self,
        database: Database,
        shelf: Shelf,
        enlist: Callable[[UnitOfWork, Conversation, Sound | None], None],
        limits: Limits,
        region: str | None = None,
        *,
        ledger: Ledger,
        purpose: str = "quality",
        destroyed: Callable[[UnitOfWork, str], None] | None = None,
    ) -> None:
        """``region``: ISO 3166 country of numbers without +; ``purpose``: what this house records for (rule pack);
        ``destroyed`` raises Conflict for the digest of a recording that was destroyed here."""
        self._database, self._shelf, self._enlist = database, shelf, enlist
        self.limits, self._region = limits, region
        self._ledger, self._purpose, self._destroyed = ledger, purpose, destroyed

    def begin(
        self, filename: str, metadata: Mapping[str, object], *, actor: str, source: str = "import",
        known_agents: Collection[str] | None = None,
    ) -> Upload:  # fmt: skip
        """Start an upload whose facts a program gives.

        Raises InvalidInput for facts that mean nothing, after noting it under "needs attention".
        """
        try:
            facts = read_facts(metadata, region=self._region, known_agents=known_agents)
        except CandorError as error:
            self.refuse(filename, error)
            raise
        return Upload(self, filename, facts, actor=actor, source=source)

    def take(self, item: IntakeItem, *, actor: str, source: str = "import") -> Taken:
        """Take in what was gathered; raises CandorError after noting the refusal under "needs attention"."""
        try:
            if item.error is not None:
                raise item.error
            upload = Upload(
                self,
                item.name,
                item.metadata,
                actor=actor,
                source=source,
                is_document=item.kind is ItemKind.VCON,
                beside=item.beside,
            )
        except CandorError as error:
            self.refuse(item.name, error)
            raise
        try:
            with item.open() as stream:
                while block := stream.read(_BLOCK):
                    upload.write(block)
        except OSError as error:
            upload.abort()
            problem = InvalidInput("The file cannot be read to its end.", code="path.unreadable")
            self.refuse(item.name, problem)
            raise problem from error
        except CandorError as error:
            upload.abort()
            self.refuse(item.name, error)
            raise
        return upload.finish()

    def refuse(self, name: str, error: CandorError) -> None:
        """Note a refusal for people; of a telephone number in the name the last four digits are kept."""
        with self._database.write() as uow:
            register.record_refusal(uow, _NUMBER.sub("…", name), error)
            audit.record(uow, Event.REFUSED, "intake", subject=error.code)

    def settle(self, upload: Upload) -> Taken:
        """Second half of an upload: everything has arrived and is sealed."""
        if upload.is_document:
            return self._settle_document(upload)
        sealed = upload.seal()
        try:
            with self._database.read() as uow:
                known = register.by_digest(uow, upload.sha512, external_id=upload.facts.call_id)
            if known is not None:
                self._shelf.vault.objects.delete(sealed.id)
                return Taken(conversation_id=known, duplicate=True)
            sound, kind = self._look(sealed, upload.filename)
            facts, notes = _fitting(upload.facts, sound)
            conversation = make_conversation(
                facts,
                id=upload.conversation_id,
                started_at=clock.now(),
                recording=Recording(
                    object_id=sealed.id, mediatype=kind, filename=upload.filename, size=upload.size,
                    sha512=upload.sha512,
                ),
                source=upload.source,
                channels=sound.channels,
            )  # fmt: skip
            taken = self._register(conversation, sound, upload.actor, [sealed])
        except CandorError:
            self._shelf.vault.objects.delete(sealed.id)
            raise
        return replace(taken, notes=(*facts.notes, *notes, *sound.notes))

    def admit(self, conversation: Conversation, sealed: list[SealedObject]) -> Taken:
        """Take in a call that the recorder captured: its original comes first in ``sealed``.

        Raises CandorError; the sealed objects are then still the caller's.
        """
        with self._shelf.vault.look(sealed[0]) as stream:
            sound = probe(stream, conversation.recording.filename if conversation.recording else "", self.limits)
        return self._register(conversation, sound, "recorder", sealed, sha512=f"call:{conversation.id}")

    def _settle_document(self, upload: Upload) -> Taken:
        """A vCon or chat: its recording becomes the original, its text the transcript; the document is kept, too."""
        data = upload.document()
        document = read_document(data, upload.filename, upload.beside)
        digest = hashlib.sha512(document.media or data).hexdigest()
        with self._database.read() as uow:
            known = register.by_digest(uow, digest, external_id=document.external_id)
        if known is not None:
            return Taken(conversation_id=known, duplicate=True)
        vault, an_id = self._shelf.vault, upload.conversation_id
        sealed = [vault.seal(DOCUMENT, an_id, data)]
        sound = recording = None
        try:
            if document.media is not None:
                original = replace(vault.seal(ORIGINAL, an_id, document.media), sha512=digest)
                sealed.append(original)
                sound, kind = self._look(original, document.filename)
                recording = Recording(
                    object_id=original.id, mediatype=kind, filename=document.filename, size=len(document.media),
                    sha512=digest,
                )  # fmt: skip
            conversation = replace(
                document.conversation(an_id, recording, None if sound is None else sound.channels), source=upload.source
            )
            consent = document.consent(conversation, purpose=self._purpose, actor=upload.actor, now=clock.now())
            taken = self._register(
                conversation, sound, upload.actor, sealed, given=document.transcript, sha512=digest,
                words=consent.entries,
            )  # fmt: skip
        except CandorError:
            for one in sealed:
                vault.objects.delete(one.id)
            raise
        return replace(taken, notes=(*document.notes, *consent.notes))

    def _look(self, sealed: SealedObject, filename: str) -> tuple[Sound, str]:
        """What a sealed original is: (sound, media type); raises MediaRejected."""
        with self._shelf.vault.look(sealed) as stream:
            return probe(stream, filename, self.limits), mediatype(stream, filename)

    def _register(
        self, conversation: Conversation, sound: Sound | None, actor: str, sealed: list[SealedObject],
        *, given: Transcript | None = None, sha512: str | None = None, words: Iterable[Entry] = (),
    ) -> Taken:  # fmt: skip
        """Everything that makes it a conversation, in one unit of work."""
        digest = sha512 or (conversation.recording.sha512 if conversation.recording else None)
        with self._database.write() as uow:
            if self._destroyed is not None and digest is not None:
                self._destroyed(uow, digest)
            found = self._shelf.put_conversation(uow, conversation, sha512)
            if not found.duplicate:
                for one in sealed:
                    self._shelf.vault.keep(uow, one)
                if given is not None and conversation.recording is None:
                    self._shelf.put_given(uow, conversation.id, given)
                for word in words:
                    self._ledger.write(uow, word)
                self._enlist(uow, conversation, sound)
                store.add_run(uow, conversation.id, reason="import", first_stage=STAGES[0].name, options={})
                audit.record(uow, Event.IMPORTED, actor, conversation_id=conversation.id)
        if found.duplicate:
            for one in sealed:
                self._shelf.vault.objects.delete(one.id)
        return Taken(conversation_id=found.id, duplicate=found.duplicate)

    @property
    def shelf(self) -> Shelf:
        """Where it is kept."""
        return self._shelf


class Upload:
    """One recording or document on its way in: ``write`` its bytes, then ``finish``; or ``abort``."""

    def __init__(
        self, intake: Intake, filename: str, facts: Metadata, *, actor: str, source: str,
        is_document: bool | None = None, beside: Beside = lambda _name: None,
    ) -> None:  # fmt: skip
        self._intake = intake
        self.filename, self.facts, self.actor, self.source = filename[-255:], facts, actor, source
        self.conversation_id = new_id()
        self.is_document = _named_like_document(filename) if is_document is None else is_document
        self.beside = beside
        self._whole = bytearray()
        self._hash = hashlib.sha512()
        self._writer = (
            None if self.is_document else DigestingWriter(intake.shelf.vault.begin(ORIGINAL, self.conversation_id))
        )

    def write(self, data: bytes) -> None:
        """Append; raises TooLarge over the limit, Unavailable when the vault does not take it."""
        limit = min(self._intake.limits.bytes, _LARGEST_DOCUMENT) if self.is_document else self._intake.limits.bytes
        if self.size + len(data) > limit:
            raise TooLarge(
                f"The file is larger than the limit of {limit:,} bytes.",
                code="media.too_large",
                advice="Split the recording, or raise CANDOR_UPLOAD_LIMIT.",
            )
        if self._writer is not None:
            self._writer.write(data)
        else:
            self._whole += data
            self._hash.update(data)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self._whole) if self._writer is None else self._writer.size

    @property
    def sha512(self) -> str:
        """Hexadecimal digest of what arrived."""
        return self._hash.hexdigest() if self._writer is None else self._writer.sha512

    def document(self) -> bytes:
        """A document's bytes."""
        return bytes(self._whole)

    def seal(self) -> SealedObject:
        """Make the original durable."""
        assert self._writer is not None  # noqa: S101  documents are sealed elsewhere
        return self._writer.finish()

    def finish(self) -> Taken:
        """Everything has arrived: register it, or raise CandorError after noting the refusal."""
        try:
            return self._intake.settle(self)
        except CandorError as error:
            self._intake.refuse(self.filename, error)
            raise

    def abort(self) -> None:
        """Forget what arrived."""
        if self._writer is not None:
            self._writer.abort()
        self._whole.clear()


def _named_like_document(filename: str) -> bool:
    return filename.lower().endswith((".vcon", ".json"))


def _fitting(facts: Metadata, sound: Sound) -> tuple[Metadata, tuple[str, ...]]:
    """Facts that the sound contradicts are dropped, with a note; the recording is taken all the same."""
    have = "1 channel" if sound.channels == 1 else f"{sound.channels} channels"
    notes = tuple(
        f"The metadata puts the {who} on channel {channel + 1}, but the recording has {have}."
        for who, channel in (("customer", facts.customer_channel), ("agent", facts.agent_channel))
        if channel is not None and channel >= sound.channels
    )
    return (replace(facts, customer_channel=None, agent_channel=None), notes) if notes else (facts, notes)
