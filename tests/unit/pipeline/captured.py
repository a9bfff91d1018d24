"""Conversations in the register as the stages would have left them, for holding lists against them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from candor.analysis import store as analyses
from candor.conversation.codec import dumps
from candor.conversation.finding import Analysis, Metric
from candor.conversation.model import Conversation, Gap, Party, Role, Sound
from candor.conversation.transcript import Redaction, SpeakerSplit, Transcript
from candor.kit.ids import new_id
from candor.pipeline.shelf import WORKING
from candor.transcript import store as transcripts
from tests.unit.pipeline.recordings import House

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CUSTOMER, LINE = "+12025550143", "+12025550100"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def captured(
    house: House, external_id: str | None, start: float = 0.0, *, duration: float | None = 100.0,
    notes: tuple[str, ...] = (), channels: int = 2, gaps: tuple[Gap, ...] = (), talk: float | None = None,
    said: tuple[str, ...] | None = None, customer: str | None = CUSTOMER,
) -> str:  # fmt: skip
    """Register one; ``talk`` seconds of speech were analysed, ``said`` are the transcript's notes."""
    value = Conversation(
        id=new_id(), external_id=external_id, started_at=at(start), gaps=gaps,
        parties=(Party(role=Role.CUSTOMER, tel=customer), Party(role=Role.AGENT, tel=LINE, agent_id="a7")),
    )  # fmt: skip
    sound = None
    if duration is not None:
        sound = Sound(
            duration=duration, rate=8000, channels=channels, codec="pcm_s16le", container="wav", working_rate=8000,
            notes=notes,
        )  # fmt: skip
    with house.database.write() as uow:
        house.shelf.put_conversation(uow, value, value.id)
        if sound is not None:
            house.shelf.put(uow, WORKING, house.shelf.vault.seal(WORKING, value.id, b"sound"), sound)
        if talk is not None:
            _analyse(house, uow, value.id, talk, said or ())
    return value.id


def _analyse(house: House, uow: Any, conversation_id: str, talk: float, notes: tuple[str, ...]) -> None:
    metrics = (Metric(name="talk.seconds.agent", value=talk, unit="s", n=1),) if talk else ()
    analyses.put_analysis(
        uow, conversation_id,
        Analysis(version="1", metrics=metrics, findings=(), sentiments=(), course=(), keywords=(), categories=()),
    )  # fmt: skip
    transcript = Transcript(
        engine="e", model="m", version="1", language="en", duration=100.0, speakers=(), split=SpeakerSplit.CHANNEL,
        utterances=(), notes=notes,
    )  # fmt: skip
    vault, row_id = house.shelf.vault, new_id()
    text = vault.keep(uow, vault.seal("transcript", conversation_id, dumps(transcript)))
    redaction = Redaction(transcript=transcript, spans=(), version="1")
    row = transcripts.TranscriptRow(
        id=row_id, conversation_id=conversation_id, engine="e", model="m", version="1", language="en",
        object_id=text, redaction_object_id=None, word_count=0, current=True, created_at=START,
    )  # fmt: skip
    transcripts.insert(uow, row)
    transcripts.set_redaction(uow, row_id, vault.keep(uow, vault.seal("redaction", conversation_id, dumps(redaction))))
