"""The corridor itself: one ordered tuple. Reading this file from top to bottom is reading what happens to a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from candor.analysis import store as analyses
from candor.analysis.ports import Embedder
from candor.analysis.service import Analyser
from candor.capture.files import Limits
from candor.capture.files import decode as decode_media
from candor.conversation.codec import dumps
from candor.conversation.evaluation import Evaluation
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Role, Sound
from candor.conversation.transcript import Redaction, Transcript
from candor.errors import Damaged
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.kit.sound import FlacReader, FlacWriter
from candor.pipeline.runner import Commit, Stage
from candor.pipeline.shelf import GIVEN, PEAKS, PLAYBACK, WORKING, Shelf
from candor.pipeline.store import Run
from candor.redaction import store as redactions
from candor.redaction.service import Redactor, strip_never_stored
from candor.redaction.sound import mask_sound
from candor.scoring import store as evaluations
from candor.scoring.model import Scorecard
from candor.scoring.service import score as score_conversation
from candor.transcript import store as transcripts
from candor.transcript.service import Transcriber

T = TypeVar("T")


class Indexer(Protocol):
    """Makes a finished conversation findable."""

    def write(
        self,
        uow: UnitOfWork,
        *,
        conversation: Conversation,
        sound: Sound | None,
        redaction: Redaction,
        analysis: Analysis,
        evaluations: tuple[Evaluation, ...],
    ) -> None:
        """Replace what the index knows of the conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the stages work with; wiring fills it."""

    database: Database
    shelf: Shelf
    limits: Limits
    transcriber: Callable[[Mapping[str, Any]], Transcriber]
    """The recogniser that a run's options ask for, else the configured one."""
    redactor: Redactor
    analyser: Analyser
    embed: Embedder | None
    scorecard: Callable[[UnitOfWork], Scorecard]
    index: Indexer
    tone: bool = True


def decode(rooms: Rooms, run: Run) -> Commit:
    """Original bytes → working copy (FLAC, at most 16 kHz), sealed."""
    with rooms.database.read() as uow:
        conversation = rooms.shelf.conversation(uow, run.conversation_id)
        original = rooms.shelf.original(uow, conversation)
    if original is None or conversation.recording is None:
        return _nothing
    sealing = rooms.shelf.vault.begin(WORKING, conversation.id)
    writer: FlacWriter | None = None

    def make_writer(rate: int, channels: int) -> FlacWriter:
        nonlocal writer
        writer = FlacWriter(sealing.stream, rate, channels)
        return writer

    try:
        with original:
            sound = decode_media(original, conversation.recording.filename, make_writer, rooms.limits)
        sealed = sealing.finish()
    except BaseException:
        sealing.abort()
        raise
    return lambda uow: rooms.shelf.put(uow, WORKING, sealed, sound)


def transcribe(rooms: Rooms, run: Run) -> Commit:
    """Working copy → what was said, with word times; what may never be kept is taken out before sealing."""
    with rooms.database.read() as uow:
        conversation = rooms.shelf.conversation(uow, run.conversation_id)
        working = rooms.shelf.working(uow, run.conversation_id)
        given = rooms.shelf.given_transcript(uow, run.conversation_id)
    if working is None:
        if given is None:
            raise Damaged("There is neither sound nor text.", code="pipeline.empty")
        transcript = given
    else:
        roles = {
            p.channel: p.role for p in conversation.parties if p.channel is not None and p.role is not Role.UNKNOWN
        }
        with FlacReader(working) as sound:
            transcript = rooms.transcriber(run.options).transcribe(sound, language=conversation.language, roles=roles)
    transcript = strip_never_stored(transcript, rooms.redactor.redact(transcript, _names(conversation)))
    sealed = rooms.shelf.vault.seal("transcript", conversation.id, dumps(transcript))
    row = transcripts.TranscriptRow(
        id=new_id(), conversation_id=conversation.id, engine=transcript.engine, model=transcript.model,
        version=transcript.version, language=transcript.language, object_id=sealed.id, redaction_object_id=None,
        word_count=sum(len(u.words) or len(u.text.split()) for u in transcript.utterances), created_at=clock.now(),
        current=True,
    )  # fmt: skip

    def commit(uow: UnitOfWork) -> None:
        rooms.shelf.vault.keep(uow, sealed)
        transcripts.insert(uow, row)

    return commit


def redact(rooms: Rooms, run: Run) -> Commit:
    """Transcript and working copy → masked text, masked sound and its outline: all that later rooms and people get."""
    with rooms.database.read() as uow:
        conversation = rooms.shelf.conversation(uow, run.conversation_id)
        row, transcript = _required(rooms.shelf.transcript(uow, run.conversation_id))
        working = rooms.shelf.working(uow, run.conversation_id)
    redaction = rooms.redactor.redact(transcript, _names(conversation))
    vault = rooms.shelf.vault
    sealed_redaction = vault.seal("redaction", conversation.id, dumps(redaction))
    sealed_sound = sealed_peaks = None
    if working is not None:
        sealing = vault.begin(PLAYBACK, conversation.id)
        try:
            with FlacReader(working) as source, FlacWriter(sealing.stream, source.rate, source.channels) as writer:
                peaks = mask_sound(source, redaction.masked_times, writer, tone=rooms.tone)
            sealed_sound = sealing.finish()
        except BaseException:
            sealing.abort()
            raise
        sealed_peaks = vault.seal(PEAKS, conversation.id, peaks.to_bytes())

    def commit(uow: UnitOfWork) -> None:
        redactions.write_counts(uow, conversation.id, redaction.spans)
        before = transcripts.get(uow, row.id).redaction_object_id
        transcripts.set_redaction(uow, row.id, vault.keep(uow, sealed_redaction))
        if before is not None:
            vault.shred(uow, before)
        if sealed_sound is not None and sealed_peaks is not None:
            rooms.shelf.put(uow, PLAYBACK, sealed_sound)
            rooms.shelf.put(uow, PEAKS, sealed_peaks)

    return commit


def analyse(rooms: Rooms, run: Run) -> Commit:
    """Masked text → metrics, findings, sentiment, keywords, categories."""
    with rooms.database.read() as uow:
        redaction = _required(rooms.shelf.redaction(uow, run.conversation_id))
    embedded = rooms.analyser.embed(redaction.transcript)
    analysis = rooms.analyser.analyse(redaction.transcript, redaction.spans, embedded=embedded)

    def commit(uow: UnitOfWork) -> None:
        analyses.put_analysis(uow, run.conversation_id, analysis)
        if embedded is not None:
            analyses.put_vectors(uow, run.conversation_id, embedded.model, embedded.indexes, embedded.matrix)

    return commit


def score(rooms: Rooms, run: Run) -> Commit:
    """Masked text and findings → answers to the scorecard, each with its evidence."""
    with rooms.database.read() as uow:
        conversation = rooms.shelf.conversation(uow, run.conversation_id)
        row = _required(transcripts.current(uow, run.conversation_id))
        redaction = _required(rooms.shelf.redaction(uow, run.conversation_id))
        analysis = _required(rooms.shelf.analysis(uow, run.conversation_id))
        scorecard = rooms.scorecard(uow)
    evaluation = score_conversation(
        scorecard, redaction.transcript, analysis, conversation_id=conversation.id, transcript_id=row.id,
        direction=conversation.direction, pii=redaction.spans,
        embed=rooms.embed,
    )  # fmt: skip

    def commit(uow: UnitOfWork) -> None:
        evaluations.put_evaluation(uow, evaluation)

    return commit


def index(rooms: Rooms, run: Run) -> Commit:
    """Everything → the list and the search."""
    with rooms.database.read() as uow:
        conversation = rooms.shelf.conversation(uow, run.conversation_id)
        sound = rooms.shelf.sound(uow, run.conversation_id)
        redaction = _required(rooms.shelf.redaction(uow, run.conversation_id))
        analysis = _required(rooms.shelf.analysis(uow, run.conversation_id))

    def commit(uow: UnitOfWork) -> None:
        rooms.index.write(
            uow, conversation=conversation, sound=sound, redaction=redaction, analysis=analysis,
            evaluations=rooms.shelf.evaluations(uow, run.conversation_id),
        )  # fmt: skip

    return commit


STAGES: tuple[Stage[Rooms], ...] = (
    Stage(name="decode", title="Read the recording", work=decode),
    Stage(name="transcribe", title="Write down what was said", work=transcribe),
    Stage(name="redact", title="Mask personal data in text and sound", work=redact),
    Stage(name="analyse", title="Measure and notice", work=analyse),
    Stage(name="score", title="Answer the scorecard", work=score),
    Stage(name="index", title="Make it findable", work=index),
)


def _nothing(_uow: UnitOfWork) -> None:
    """A stage that has nothing to do for this conversation."""


def _required(value: T | None) -> T:
    if value is None:
        raise Damaged("What an earlier step made is missing.", code="pipeline.gap", advice="Run all steps again.")
    return value


def _names(conversation: Conversation) -> list[str]:
    """Names that are known from the call's own data: masked wherever they are said."""
    return [party.name for party in conversation.parties if party.name]


__all__ = ["GIVEN", "STAGES", "Indexer", "Rooms", "Transcript"]
