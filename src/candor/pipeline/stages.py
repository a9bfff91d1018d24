"""The corridor itself: one ordered tuple. Reading this file from top to bottom is reading what happens to a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from candor.analysis import store as analyses
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
from candor.pipeline import excising, purposes
from candor.pipeline.masking import Check, Checking, code_key_times, key_times, render
from candor.pipeline.proving import Prover
from candor.pipeline.runner import Commit, Stage
from candor.pipeline.scoring import Scoring
from candor.pipeline.shelf import GIVEN, WORKING, Shelf
from candor.pipeline.store import Run, RunState, set_run
from candor.redaction import store as redactions
from candor.redaction.service import Redactor, holds_never_stored, never_stored_times, strip_never_stored
from candor.scoring import automatic
from candor.scoring.agreement import service as trust
from candor.scoring.model import Scorecard
from candor.transcript import store as transcripts
from candor.transcript.languages import guess_language
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
        analysis: Analysis | None,
        evaluations: tuple[Evaluation, ...],
    ) -> None:
        """Replace what the index knows of the conversation."""

    def mark(self, uow: UnitOfWork, conversation_id: str, status: str, attention: str | None = None) -> None:
        """Say where a conversation stands."""


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
    scoring: Scoring
    scorecards: Callable[[UnitOfWork, Conversation], tuple[Scorecard, ...]]
    """Those in use for such a conversation."""
    index: Indexer
    tone: bool = True
    residual_check: Check = "near"
    """What of a masked rendition is recognised again."""
    prover: Prover | None = None
    """None where consent is not enforced."""
    note_said: Callable[[UnitOfWork, str, Transcript, Redaction], None] | None = None
    """Makes people findable by the accounts, numbers and addresses that were said."""
    purpose: str = "quality"
    """What this house records for, where nothing was decided of a call."""


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
        language = conversation.language or guess_language(given) if given.language == "und" else given.language
        transcript = replace(given, language=language or "und")
    else:
        with FlacReader(working) as sound:
            transcript = rooms.transcriber(run.options).transcribe(
                sound, language=conversation.language, roles=_roles(conversation)
            )
    found = rooms.redactor.redact(transcript, _names(conversation))
    transcript = strip_never_stored(transcript, found)
    cut = _never_stored(rooms, conversation, transcript, found)
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
        cut(uow)

    return commit


def _never_stored(rooms: Rooms, conversation: Conversation, kept: Transcript, found: Redaction) -> Commit:
    """Cut card verification codes out of everything that came; ``kept`` is the transcript without them."""
    with rooms.database.read() as uow:
        working = rooms.shelf.working(uow, conversation.id)
    if working is None:
        if not holds_never_stored(found):
            return _nothing
        given = rooms.shelf.vault.seal(GIVEN, conversation.id, dumps(kept))
        return partial(excising.commit_text, shelf=rooms.shelf, given=given)
    with FlacReader(working) as sound:
        keys = code_key_times(key_times(sound), found.transcript)
    times = [*never_stored_times(found), *keys]
    if not times:
        return _nothing
    excision = excising.excise(rooms.database, rooms.shelf, conversation, times)
    return partial(excising.commit, shelf=rooms.shelf, excision=excision)


def prove(rooms: Rooms, run: Run) -> Commit:
    """Decision, ledger and call → whether the proof of consent is there; else the call is set aside."""
    if rooms.prover is None:
        return _nothing
    with rooms.database.read() as uow:
        conversation = rooms.shelf.conversation(uow, run.conversation_id)
        _, transcript = _required(rooms.shelf.transcript(uow, run.conversation_id))
        working = rooms.shelf.working(uow, run.conversation_id)
    judgement = rooms.prover.prove(conversation, transcript, working)

    def commit(uow: UnitOfWork) -> None:
        if not judgement.commit(uow):
            set_run(uow, run.id, RunState.PARKED)
            rooms.index.mark(uow, run.conversation_id, "quarantined", judgement.why)

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
    rendition, cut = None, _nothing
    if working is not None:
        how = Checking(
            check=rooms.residual_check, listener=rooms.transcriber(run.options), tone=rooms.tone,
            language=conversation.language, roles=_roles(conversation), known_names=_names(conversation),
        )  # fmt: skip
        rendition = render(vault, conversation.id, working, redaction, rooms.redactor, how)
        if rendition.never_stored:
            excision = excising.excise(rooms.database, rooms.shelf, conversation, rendition.never_stored)
            cut = partial(excising.commit, shelf=rooms.shelf, excision=excision)

    def commit(uow: UnitOfWork) -> None:
        redactions.write_counts(uow, conversation.id, redaction.spans)
        before = transcripts.get(uow, row.id).redaction_object_id
        transcripts.set_redaction(uow, row.id, vault.keep(uow, sealed_redaction))
        if before is not None:
            rooms.shelf.let_go(uow, conversation.id, before)
        if rooms.note_said is not None:
            rooms.note_said(uow, conversation.id, transcript, redaction)
        if rendition is not None:
            rendition.commit(uow, rooms.shelf)
        cut(uow)

    return commit


def analyse(rooms: Rooms, run: Run) -> Commit:
    """Masked text → metrics, findings, sentiment, keywords, categories; not of what is kept for another purpose."""
    with rooms.database.read() as uow:
        if purposes.only_kept(uow, run.conversation_id, rooms.purpose):
            return partial(purposes.forget_uses, conversation_id=run.conversation_id)
        gaps = rooms.shelf.conversation(uow, run.conversation_id).gaps
        redaction = _required(rooms.shelf.redaction(uow, run.conversation_id))
    embedded = rooms.analyser.embed(redaction.transcript)
    analysis = rooms.analyser.analyse(redaction.transcript, redaction.spans, embedded=embedded, gaps=gaps)

    def commit(uow: UnitOfWork) -> None:
        analyses.put_analysis(uow, run.conversation_id, analysis)
        if embedded is not None:
            analyses.put_vectors(uow, run.conversation_id, embedded.model, embedded.indexes, embedded.matrix)

    return commit


def score(rooms: Rooms, run: Run) -> Commit:
    """Masked text and findings → answers to the scorecards in use, with evidence; not of what is kept as proof."""
    with rooms.database.read() as uow:
        if purposes.only_kept(uow, run.conversation_id, rooms.purpose):
            return _nothing
        redaction = _required(rooms.shelf.redaction(uow, run.conversation_id))
        analysis = _required(rooms.shelf.analysis(uow, run.conversation_id))
        scorecards = rooms.scorecards(uow, rooms.shelf.conversation(uow, run.conversation_id))
        suggested = {scorecard.id: trust.suggested(uow, scorecard) for scorecard in scorecards}
        material = rooms.scoring.material(uow, run.conversation_id, scorecards, redaction, analysis)
    made = [(each, rooms.scoring.evaluate(each, material, suggested=suggested[each.id])) for each in scorecards]

    def commit(uow: UnitOfWork) -> None:
        for scorecard, found in made:
            whose = {one.evaluation.id: one.agent_id for one in found}
            automatic.put_all(uow, scorecard, [one.evaluation for one in found], whose)

    return commit


def index(rooms: Rooms, run: Run) -> Commit:
    """Everything → the list and the search."""
    with rooms.database.read() as uow:
        conversation = rooms.shelf.conversation(uow, run.conversation_id)
        sound = rooms.shelf.sound(uow, run.conversation_id)
        redaction = _required(rooms.shelf.redaction(uow, run.conversation_id))
        analysis = rooms.shelf.analysis(uow, run.conversation_id)
        if not purposes.only_kept(uow, run.conversation_id, rooms.purpose):
            _required(analysis)

    def commit(uow: UnitOfWork) -> None:
        rooms.index.write(
            uow, conversation=conversation, sound=sound, redaction=redaction, analysis=analysis,
            evaluations=rooms.shelf.evaluations(uow, run.conversation_id),
        )  # fmt: skip

    return commit


STAGES: tuple[Stage[Rooms], ...] = (
    Stage(name="decode", title="Read the recording", work=decode),
    Stage(name="transcribe", title="Write down what was said", work=transcribe),
    Stage(name="prove", title="Look for the proof of consent", work=prove),
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


def _roles(conversation: Conversation) -> dict[int, Role]:
    """Who is on which channel, as far as the call's own data say."""
    return {p.channel: p.role for p in conversation.parties if p.channel is not None and p.role is not Role.UNKNOWN}


def _names(conversation: Conversation) -> list[str]:
    """Names that are known from the call's own data: masked wherever they are said."""
    return [party.name for party in conversation.parties if party.name]


__all__ = ["GIVEN", "STAGES", "Indexer", "Rooms", "Transcript"]
