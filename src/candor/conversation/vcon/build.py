"""Writing a vCon 0.4.0 of the redacted conversation.

Customers' names, numbers and addresses stay out; who they are to the call (``role``) goes in. The document refers to
the less redacted conversation by its id, which whoever may see it can resolve here, and nowhere else.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from candor.conversation.codec import plain
from candor.conversation.evaluation import Evaluation
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Medium, Party, Role, Sound
from candor.conversation.transcript import Redaction, Transcript
from candor.conversation.vcon.captured import VENDOR, party_history, report
from candor.conversation.vcon.encoding import content_hash, to_base64url
from candor.conversation.vcon.lawful import NAME, LawfulBasis, attachment
from candor.kit import clock
from candor.kit.ids import id_time

VERSION = "0.4.0"
REDACTION = "PII Redaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The redacted sound that goes with, or is told of by, the document."""

    mediatype: str
    """For example ``audio/flac``."""
    filename: str
    sha512: str
    """Of the redacted sound, hexadecimal."""
    body: bytes | None = None
    """Goes in when given."""
    url: str | None = None
    """HTTPS."""


def redacted_uuid(conversation_id: str, domain: str | None = None) -> str:
    """The document's own id: UUID version 8 in the draft's layout, the same at each export.

    The time of the conversation's id, 12 bits of its digest, and 62 bits of the SHA-1 of ``domain`` (the exporting
    host's name), or of the conversation's id when there is none.
    """
    own = int.from_bytes(hashlib.sha256(f"redacted:{conversation_id}".encode()).digest()[:2], "big") & 0xFFF
    # SHA-1 because the draft names it; nothing is secured by it.
    maker = hashlib.sha1((domain or conversation_id).encode(), usedforsecurity=False).digest()
    low = int.from_bytes(maker[:8], "big") >> 2
    return str(uuid.UUID(int=id_time(conversation_id) << 80 | 0x8 << 76 | own << 64 | 0b10 << 62 | low))


def build(
    conversation: Conversation,
    *,
    sound: Sound | None,
    redaction: Redaction | None,
    analysis: Analysis | None = None,
    evaluations: Sequence[Evaluation] = (),
    media: Media | None = None,
    legs: Sequence[str] = (),
    attachments: Sequence[Mapping[str, Any]] = (),
    basis: LawfulBasis | None = None,
    domain: str | None = None,
    at: datetime | None = None,
    original: bool = False,
) -> dict[str, Any]:
    """A vCon 0.4.0 as a JSON value.

    ``original``: ``media`` is the recording itself, so that the document stands for the conversation and is no
    redaction of it; its text is masked all the same.

    ``legs`` are the ids of the conversations that are other legs of the same contact; ``attachments`` go in verbatim,
    ``basis`` as one more, bound to this document; ``at`` is when it is made (now).
    """
    made = (at or clock.now()).isoformat()
    start = conversation.started_at.astimezone(timezone(timedelta(minutes=conversation.utc_offset_minutes)))
    analyses: list[dict[str, Any]] = []
    written = conversation.medium in (Medium.CHAT, Medium.EMAIL, Medium.SOCIAL) and conversation.recording is None
    if written:
        dialogs = _messages(conversation, redaction, start)
    else:
        dialogs = [_recording(conversation, sound, media, start)]
        if redaction is not None:
            analyses.append(_transcript(conversation.parties, redaction.transcript, made))
    about = list(range(len(dialogs))) if written else 0
    if analysis is not None:
        analyses += _analysis(analysis)
    analyses += [_report("evaluation", plain(evaluation)) for evaluation in evaluations]
    captured = report(conversation, [redacted_uuid(leg, domain) for leg in legs])
    if captured is not None:
        analyses.append(_report("capture", captured))
    for item in analyses:
        item["dialog"] = about
    document: dict[str, Any] = {
        "vcon": VERSION,
        "uuid": conversation.id if original else redacted_uuid(conversation.id, domain),
        "extensions": ["CC", "wtf_transcription"],
        "created_at": made,
        "redacted": {"uuid": conversation.id, "type": REDACTION},
        "parties": [_party(party) for party in conversation.parties],
        "dialog": dialogs,
        "analysis": analyses,
        "attachments": [dict(each) for each in attachments],
    }
    if original:
        del document["redacted"]
    if basis is not None:
        document["extensions"].append(NAME)
        document["attachments"].append(attachment(basis, document, conversation.started_at))
    return document


def _party(party: Party) -> dict[str, Any]:
    """Staff by name and id; of everyone else only the role."""
    said: dict[str, Any] = {}
    if party.role is not Role.UNKNOWN:
        said["role"] = party.role.value
    if party.role in (Role.AGENT, Role.SUPERVISOR):
        if party.name:
            said["name"] = party.name
        if party.agent_id:
            said["id"] = party.agent_id
    if party.role is Role.SYSTEM:
        said["type"] = "bot"
    return said


def _recording(conversation: Conversation, sound: Sound | None, media: Media | None, start: datetime) -> dict[str, Any]:
    dialog: dict[str, Any] = {"type": "recording", "start": start.isoformat()}
    everyone = list(range(len(conversation.parties)))
    dialog["parties"] = everyone
    if sound is not None:
        dialog["duration"] = round(sound.duration, 3)
        if sound.channels > 1:
            # One place a channel; null where nobody is known to speak, a list where several are.
            on = [
                [place for place in everyone if conversation.parties[place].channel == c] for c in range(sound.channels)
            ]
            dialog["parties"] = [heard if len(heard) > 1 else heard[0] if heard else None for heard in on]
    if conversation.queue:
        dialog["skill"] = conversation.queue
    if conversation.external_id:
        dialog["interaction_id"] = conversation.external_id
    history = party_history(conversation, start, sound.duration if sound else None)
    if history:
        dialog["party_history"] = history
    dialog["meta"] = {"direction": conversation.direction.value}
    if media is not None:
        dialog |= {
            "mediatype": media.mediatype,
            "filename": media.filename,
            "content_hash": content_hash(bytes.fromhex(media.sha512)),
        }
        if media.body is not None:
            dialog |= {"encoding": "base64url", "body": to_base64url(media.body)}
        elif media.url is not None:
            dialog["url"] = media.url
    return dialog


def _messages(conversation: Conversation, redaction: Redaction | None, start: datetime) -> list[dict[str, Any]]:
    if redaction is None:
        return []
    whose = _places(conversation.parties, redaction.transcript)
    dialogs = []
    for utterance in redaction.transcript.utterances:
        place = whose[utterance.speaker]
        dialog: dict[str, Any] = {
            "type": "text",
            "start": (start + timedelta(seconds=utterance.start)).isoformat(),
            "parties": [place] if place is not None else [],
            "mediatype": "text/plain",
            "encoding": "none",
            "body": utterance.text,
        }
        if place is not None:
            dialog["originator"] = place
        dialogs.append(dialog)
    return dialogs


def _places(parties: Sequence[Party], transcript: Transcript) -> list[int | None]:
    """For each speaker the party: by channel, else by role where only one party has it."""
    places: list[int | None] = []
    for speaker in transcript.speakers:
        by_channel = [
            place
            for place, party in enumerate(parties)
            if speaker.channel is not None and party.channel == speaker.channel
        ]
        by_role = [
            place
            for place, party in enumerate(parties)
            if party.role is speaker.role and speaker.role is not Role.UNKNOWN
        ]
        found = by_channel or by_role
        places.append(found[0] if len(found) == 1 else None)
    return places


def _transcript(parties: Sequence[Party], transcript: Transcript, made: str) -> dict[str, Any]:
    """draft-howe-vcon-wtf-extension."""
    spoken = transcript.utterances
    whose = _places(parties, transcript)
    known = all(place is not None for place in whose) and bool(whose)
    confidence = sum(utterance.confidence for utterance in spoken) / len(spoken) if spoken else 0.0
    body: dict[str, Any] = {
        "transcript": {
            "text": " ".join(utterance.text for utterance in spoken),
            "language": transcript.language,
            "duration": transcript.duration,
            "confidence": round(confidence, 4),
        },
        "segments": [
            {
                "id": utterance.index,
                "start": utterance.start,
                "end": utterance.end,
                "text": utterance.text,
                "confidence": utterance.confidence,
                "speaker": whose[utterance.speaker] if known else utterance.speaker,
                "words": _words(utterance.words),
            }
            for utterance in spoken
        ],
        "metadata": {
            "created_at": made,
            "processed_at": made,
            "provider": transcript.engine,
            "model": transcript.model,
            "audio": {"duration": transcript.duration},
            "options": {"version": transcript.version, "word_times": transcript.word_times},
        },
        "extensions": {"speakers_are_parties": known, "redacted": True},
    }
    return {
        "type": "wtf_transcription",
        "vendor": VENDOR,
        "product": transcript.engine,
        "schema": "wtf_transcription",
        "mediatype": "application/json",
        "encoding": "json",
        "body": body,
    }


def _words(words: Sequence[Any]) -> list[dict[str, Any]]:
    """Words in the extension's form."""
    return [{"text": word.text, "start": word.start, "end": word.end, "confidence": word.confidence} for word in words]


def _analysis(analysis: Analysis) -> list[dict[str, Any]]:
    value = plain(analysis)
    sentiment = {
        "scale": [-1, 1],
        "basis": "text",
        "customer": value.pop("sentiment_customer"),
        "agent": value.pop("sentiment_agent"),
        "utterances": value.pop("sentiments"),
        "course": value.pop("course"),
    }
    return [_report("sentiment", sentiment), _report("analysis", value)]


def _report(name: str, body: Any) -> dict[str, Any]:
    return {
        "type": "sentiment" if name == "sentiment" else "report",
        "vendor": VENDOR,
        "product": VENDOR,
        "schema": f"candor-{name}-1",
        "mediatype": "application/json",
        "encoding": "json",
        "body": body,
    }
