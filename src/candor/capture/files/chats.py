"""Written conversations from a JSON file: who, and each message with its time (docs/reference/import.md, "Chats").

The form is small on purpose: what help desks and chat systems export is brought into it by a few lines of script.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from candor.capture.files.moments import moment
from candor.conversation.model import Conversation, Direction, Medium, Party, Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance
from candor.errors import InvalidInput
from candor.kit import clock

MOST_MESSAGES = 20_000
MOST_PARTIES = 200
LONGEST_MESSAGE = 20_000
"""Characters."""
_LATEST = 32_503_680_000.0
"""Seconds since 1970 of the year 3000: larger numbers are milliseconds."""
_FIELDS = frozenset(
    {"id", "started_at", "medium", "direction", "language", "queue", "team", "subject", "parties", "messages"}
)
_PARTY = frozenset({"id", "role", "name", "agent_id", "tel", "email"})
_MESSAGE = frozenset({"by", "at", "text"})
_MEDIA = {"chat": Medium.CHAT, "email": Medium.EMAIL, "social": Medium.SOCIAL}
_ROLES = {"user": Role.CUSTOMER, "visitor": Role.CUSTOMER, "client": Role.CUSTOMER, "bot": Role.SYSTEM}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A written conversation, read."""

    id: str | None
    """The sender's own id of it."""
    started_at: datetime
    medium: Medium
    direction: Direction
    parties: tuple[Party, ...]
    language: str | None
    queue: str | None
    team: str | None
    subject: str | None
    transcript: Transcript
    notes: tuple[str, ...]

    def conversation(self, conversation_id: str) -> Conversation:
        """As a conversation without a recording."""
        offset = self.started_at.utcoffset()
        return Conversation(
            id=conversation_id, started_at=self.started_at, external_id=self.id, source="chat", medium=self.medium,
            utc_offset_minutes=round(offset.total_seconds() / 60) if offset is not None else 0,
            direction=self.direction, parties=self.parties, queue=self.queue, team=self.team, language=self.language,
            subject=self.subject,
        )  # fmt: skip


def is_chat(document: object) -> bool:
    """Whether a JSON value has the shape of a chat rather than of a vCon."""
    return (
        isinstance(document, Mapping)
        and isinstance(document.get("messages"), list)
        and not document.keys() & {"vcon", "dialog", "payload"}
    )


def looks_like_chat(head: bytes) -> bool:
    """Whether a file may be a chat, by its first 64 KiB and last 4 KiB."""
    return all(f'"{key}"'.encode() in head for key in ("messages", "by", "text"))


def read_chat(document: Mapping[str, Any]) -> Chat:
    """Read a chat; raises InvalidInput ``chat.invalid`` that names the place, never the text."""
    notes: list[str] = []
    _known(document, _FIELDS, "The chat")
    parties, names = _parties(document.get("parties", []))
    rows = document.get("messages")
    if not isinstance(rows, list) or not rows:
        raise _wrong("messages", "is not a list of messages")
    if len(rows) > MOST_MESSAGES:
        raise _wrong("messages", f"holds more than {MOST_MESSAGES:,}")
    messages = [_message(row, f"messages[{place}]", parties, names, notes) for place, row in enumerate(rows)]
    if any(later.at < earlier.at for earlier, later in pairwise(messages)):
        notes.append("The messages are not in order of their times; they were put in order.")
    written = sorted((one for one in messages if one.text), key=lambda one: one.at)
    if not written:
        raise _wrong("messages", "holds no text")
    start = _moment(document["started_at"], "started_at", notes) if document.get("started_at") else written[0].at
    if start > written[0].at:
        notes.append("The first message is older than the start; its time was taken as the start.")
        start = written[0].at
    language = _text(document, "language")
    if language is not None and not _LANGUAGE.match(language):
        raise _wrong("language", "is not a BCP 47 tag such as en-US")
    return Chat(
        id=_text(document, "id"), started_at=start, medium=_one_of(document, "medium", _MEDIA, Medium.CHAT),
        direction=_one_of(document, "direction", {each.value: each for each in Direction}, _began(written, parties)),
        parties=tuple(_handed_on(written, parties, start)), language=language,
        queue=_text(document, "queue"), team=_text(document, "team"),
        subject=_text(document, "subject"), transcript=_transcript(written, parties, start, language or "und"),
        notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Message:
    by: int
    at: datetime
    text: str


def _wrong(place: str, what: str) -> InvalidInput:
    return InvalidInput(f"The chat cannot be read: {place} {what}.", code="chat.invalid",
                        advice="docs/reference/import.md shows the form.")  # fmt: skip


def _known(value: Mapping[str, Any], fields: frozenset[str], place: str) -> None:
    """Raise InvalidInput for the first field that is not known, by its name, or by its number among the fields.

    A name that does not look like one of a field may hold anything, also what is nobody's business.
    """
    for number, name in enumerate(value, 1):
        if name not in fields:
            told = f'a field "{name}"' if _FIELD_NAME.fullmatch(name) else f"a field (the {number}. of it)"
            raise _wrong(place, f"has {told} that is not known; known are {', '.join(sorted(fields))}")


def _text(value: Mapping[str, Any], name: str, most: int = 255) -> str | None:
    text = value.get(name)
    if text is None:
        return None
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or len(text) > most:
        raise _wrong(name, f"is not a text of at most {most} characters")
    return text.strip() or None


def _one_of(value: Mapping[str, Any], name: str, known: Mapping[str, Any], otherwise: Any) -> Any:
    word = _text(value, name)
    if word is None:
        return otherwise
    if word.lower() not in known:
        raise _wrong(name, f"is not one of {', '.join(known)}")
    return known[word.lower()]


def _role(word: str | None) -> Role | None:
    if word is None:
        return None
    try:
        return _ROLES.get(word.lower()) or Role(word.lower())
    except ValueError:
        return None


def _parties(rows: object) -> tuple[list[Party], dict[str, int]]:
    if not isinstance(rows, list) or len(rows) > MOST_PARTIES:
        raise _wrong("parties", f"is not a list of at most {MOST_PARTIES}")
    parties: list[Party] = []
    names: dict[str, int] = {}
    for place, row in enumerate(rows):
        where = f"parties[{place}]"
        if not isinstance(row, Mapping):
            raise _wrong(where, "is not an object")
        _known(row, _PARTY, where)
        role = _role(_text(row, "role"))
        if role is None:
            raise _wrong(f"{where}.role", f"is not one of {', '.join(each.value for each in Role)}")
        name = _text(row, "id") or role.value
        if name in names:
            raise _wrong(where, "has the id of another party")
        names[name] = place
        parties.append(
            Party(role=role, name=_text(row, "name"), tel=_text(row, "tel"), mailto=_text(row, "email"),
                  agent_id=_text(row, "agent_id") if role is Role.AGENT else None)
        )  # fmt: skip
    return parties, names


def _message(row: object, where: str, parties: list[Party], names: dict[str, int], notes: list[str]) -> _Message:
    """One message; who wrote it is a party's id, or a role, which then is a party of its own."""
    if not isinstance(row, Mapping):
        raise _wrong(where, "is not an object")
    _known(row, _MESSAGE, where)
    by = _text(row, "by")
    if by is None:
        raise _wrong(f"{where}.by", "does not say who wrote it")
    if by not in names:
        role = _role(by)
        if role is None:
            raise _wrong(f"{where}.by", "is neither the id of a party nor a role")
        alike = [place for place, party in enumerate(parties) if party.role is role]
        names[by] = alike[0] if alike else len(parties)
        if not alike:
            parties.append(Party(role=role))
    text = row.get("text", "")
    if not isinstance(text, str) or len(text) > LONGEST_MESSAGE:
        raise _wrong(f"{where}.text", f"is not a text of at most {LONGEST_MESSAGE:,} characters")
    return _Message(names[by], _moment(row.get("at"), f"{where}.at", notes), " ".join(text.split()))


def _moment(value: object, where: str, notes: list[str]) -> datetime:
    """ISO 8601, or seconds (or milliseconds) since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
        if not math.isfinite(seconds) or seconds < 0 or seconds / 1000 > _LATEST:
            raise _wrong(where, "is outside the calendar")
        at = datetime.fromtimestamp(seconds / 1000 if seconds > _LATEST else seconds, UTC)
    elif isinstance(value, str):
        try:
            at, _ = moment(value)
        except InvalidInput as error:
            if error.code != "start.no_zone":
                raise _wrong(where, "is not a date and time in ISO 8601") from None
            at = moment(value, "UTC")[0]
            notes.append("A time has no zone; UTC was assumed.")
    else:
        raise _wrong(where, "is missing")
    if at > clock.now() + timedelta(days=1):
        notes.append("A time lies in the future.")
    return at


def _began(messages: list[_Message], parties: list[Party]) -> Direction:
    """By who wrote first of agent and customer."""
    for message in messages:
        if parties[message.by].role in {Role.AGENT, Role.CUSTOMER}:
            return Direction.OUTBOUND if parties[message.by].role is Role.AGENT else Direction.INBOUND
    return Direction.UNKNOWN


def _handed_on(messages: list[_Message], parties: list[Party], start: datetime) -> list[Party]:
    """When each agent came and went, where one wrote after the other; of those who write in turn nothing is known."""
    written: dict[int, list[float]] = {}
    for message in messages:
        if parties[message.by].role in {Role.AGENT, Role.SUPERVISOR}:
            written.setdefault(message.by, []).append(round((message.at - start).total_seconds(), 3))
    order = list(written)
    if len(order) < 2 or any(written[one][-1] >= written[other][0] for one, other in pairwise(order)):
        return parties
    found = list(parties)
    for one, other in pairwise(order):
        came = written[other][0]
        found[one] = replace(found[one], left=came)
        found[other] = replace(found[other], joined=came)
    return found


def _transcript(messages: list[_Message], parties: list[Party], start: datetime, language: str) -> Transcript:
    """A message is a moment long: between two of them lies the time that somebody waited."""
    order = list(dict.fromkeys(message.by for message in messages))
    seconds = [round((message.at - start).total_seconds(), 3) for message in messages]
    return Transcript(
        engine="chat", model="text", version="1", language=language, duration=seconds[-1],
        speakers=tuple(Speaker(role=parties[by].role) for by in order),
        split=SpeakerSplit.GIVEN,
        utterances=tuple(
            Utterance(index=place, speaker=order.index(message.by), start=at, end=at, text=message.text)
            for place, (message, at) in enumerate(zip(messages, seconds, strict=True))
        ),
        word_times="engine", notes=("The text came with the conversation.",),
    )  # fmt: skip
