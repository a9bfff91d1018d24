"""Card verification codes cut out of what is kept: original, working copy, and the document that brought them.

PCI DSS v4.0.1, requirement 3.3.1, forbids to keep them after authorisation, sealed or not. Masking is not enough: the
original would still hold them. So a new original and a new working copy are sealed, each under a new data key and with
silence where a code was said, and the keys of the old ones are destroyed in the unit of work that records the new
ones. A crash before it leaves the old ones as they were, and the stage is done again; there is no moment with neither,
and none after it with both. A legal hold does not stop this: it keeps evidence, and nobody may keep a code.

The trail, told beside the recording and in the audit log: digests before and after, and which times were cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import BinaryIO

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture.files.silencing import silenced
from candor.conversation.codec import dumps, plain
from candor.conversation.model import Conversation, Recording, Sound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.sound import FlacReader, FlacWriter
from candor.pipeline import store
from candor.pipeline.shelf import EXCISED, FLAC, GIVEN, WORKING, Shelf
from candor.redaction.sound import mask_sound
from candor.vault import store as objects
from candor.vault.service import DigestingWriter
from candor.vault.store import SealedObject

_ORIGINAL = "original"
_BROUGHT = frozenset({_ORIGINAL, WORKING, "document", "packets"})
"""Kinds of sealed objects that hold what was said as it came."""
_ACTOR = "redaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One cutting."""

    at: datetime
    times: tuple[tuple[float, float], ...]
    """Seconds in the call; none where it is text alone."""
    before: str | None
    """SHA-512 of the original as it came (or as an earlier cutting left it), hexadecimal; None without sound."""
    after: str | None
    same_form: bool = True
    """False where the original was compressed: it is kept as FLAC of the working copy since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excision:
    """New objects, sealed and not recorded yet, and what they take the place of."""

    conversation: Conversation
    sound: Sound | None
    original: SealedObject
    working: SealedObject
    cut: Cut


def excise(
    database: Database, shelf: Shelf, conversation: Conversation, times: Sequence[tuple[float, float]]
) -> Excision:
    """Seal original and working copy anew without ``times``; changes nothing yet. The conversation has a recording."""
    recording = conversation.recording
    assert recording is not None  # noqa: S101  there are times only where there is sound
    with database.read() as uow:
        sound = shelf.sound(uow, conversation.id)
        working = _silent_copy(shelf, shelf.working(uow, conversation.id), conversation.id, WORKING, times)
        original = shelf.original(uow, conversation)
    assert original is not None  # noqa: S101
    with original:
        sealed, size = _in_form(shelf, original, recording.filename, conversation.id, times)
    same_form = sealed is not None
    if sealed is None:
        with shelf.vault.look(working) as stream:
            sealed, size = _copied(shelf, stream, conversation.id)
        recording = replace(recording, mediatype=FLAC, filename=f"{PurePath(recording.filename).stem}.flac")
    digest = sealed.sha512 or ""
    after = replace(recording, object_id=sealed.id, size=size, sha512=digest)
    return Excision(
        conversation=replace(conversation, recording=after), sound=sound, original=sealed, working=working,
        cut=Cut(at=clock.now(), times=tuple(sorted(times)), before=_digest(conversation.recording), after=digest,
                same_form=same_form),
    )  # fmt: skip


def commit(uow: UnitOfWork, shelf: Shelf, excision: Excision) -> None:
    """Record the new objects, destroy the keys of what they replace, and write down that it was done."""
    conversation = excision.conversation
    old = brought(uow, conversation.id)
    shelf.vault.keep(uow, excision.original)
    working = shelf.vault.keep(uow, excision.working)
    value = None if excision.sound is None else dumps(excision.sound).decode()
    store.put_artifact(uow, conversation.id, WORKING, object_id=working, value=value)
    shelf.replace_conversation(uow, conversation)
    note(uow, shelf, conversation.id, excision.cut, old)


def commit_text(uow: UnitOfWork, shelf: Shelf, given: SealedObject) -> None:
    """Of a written conversation: keep the text without codes alone."""
    old = brought(uow, given.conversation_id, frozenset({GIVEN, "document"}))
    store.put_artifact(uow, given.conversation_id, GIVEN, object_id=shelf.vault.keep(uow, given))
    note(uow, shelf, given.conversation_id, Cut(at=clock.now(), times=(), before=None, after=None), old)


def note(uow: UnitOfWork, shelf: Shelf, conversation_id: str, cut: Cut, old: Sequence[str]) -> None:
    """Destroy the ``old`` objects, and leave the trail."""
    for object_id in old:
        shelf.vault.shred(uow, object_id)
    store.put_artifact(uow, conversation_id, EXCISED, value=[*shelf.cuts(uow, conversation_id), plain(cut)])
    seconds = sum(end - start for start, end in cut.times)
    digests = "" if cut.before is None else f"; sha512 {cut.before[:16]} is now {(cut.after or '')[:16]}"
    audit.record(
        uow, Event.CODE_CUT, _ACTOR, conversation_id=conversation_id,
        subject=f"{len(cut.times)} stretches, {seconds:.1f} s{digests}" if cut.times else "text",
    )  # fmt: skip


def brought(uow: UnitOfWork, conversation_id: str, kinds: frozenset[str] = _BROUGHT) -> list[str]:
    """The objects of a conversation that hold what was said as it came, and that still can be opened."""
    return [one for one in objects.of_conversation(uow, conversation_id) if objects.get(uow, one)[1] in kinds]


def _digest(recording: Recording | None) -> str | None:
    return None if recording is None else recording.sha512


def _silent_copy(
    shelf: Shelf, stream: BinaryIO | None, conversation_id: str, kind: str, times: Sequence[tuple[float, float]]
) -> SealedObject:
    assert stream is not None  # noqa: S101  there is a working copy of what was recognised
    sealing = shelf.vault.begin(kind, conversation_id)
    try:
        with FlacReader(stream) as source, FlacWriter(sealing.stream, source.rate, source.channels) as writer:
            mask_sound(source, times, writer, tone=False)
        return sealing.finish()
    except BaseException:
        sealing.abort()
        raise


def _in_form(
    shelf: Shelf, stream: BinaryIO, filename: str, conversation_id: str, times: Sequence[tuple[float, float]]
) -> tuple[SealedObject | None, int]:
    writer = DigestingWriter(shelf.vault.begin(_ORIGINAL, conversation_id))
    try:
        if not silenced(stream, filename, times, writer.write):
            writer.abort()
            return None, 0
        return writer.finish(), writer.size
    except BaseException:
        writer.abort()
        raise


def _copied(shelf: Shelf, stream: BinaryIO, conversation_id: str) -> tuple[SealedObject, int]:
    writer = DigestingWriter(shelf.vault.begin(_ORIGINAL, conversation_id))
    try:
        while block := stream.read(1 << 20):
            writer.write(block)
        return writer.finish(), writer.size
    except BaseException:
        writer.abort()
        raise
