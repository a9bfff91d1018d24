"""Text from outside, one utterance a line: read, redacted, told with the places in the line as it came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from candor.conversation.model import Role
from candor.conversation.transcript import PiiSpan, Speaker, SpeakerSplit, Transcript, Utterance
from candor.errors import InvalidInput
from candor.redaction.call import EDGES
from candor.redaction.service import Redactor

_TOKEN = re.compile(r"\S+")
_MOST_SPEAKERS = 1000
_ROLES = {role.value: role for role in Role}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as it came."""

    text: str
    speaker: str | None = None
    """As it was named; None in plain text."""
    conversation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Personal data in a line: characters ``start`` to before ``end`` of the text as it came."""

    start: int
    end: int
    type: str
    placeholder: str
    confidence: float
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactedLine:
    """A line without its personal data."""

    number: int
    """From 1."""
    line: Line
    text: str
    places: tuple[Place, ...]


def read_lines(data: bytes) -> list[Line]:
    """Plain text, or JSON Lines of objects with ``text`` and perhaps ``speaker`` and ``conversation``.

    Other keys are left alone. Raises InvalidInput for what is neither, by the number of the line, never by its words.
    """
    if b"\0" in data:
        raise InvalidInput(
            "This is not text: it has zero bytes.", code="redact.binary", advice="Use --audio for sound."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            f"Line {number} is not UTF-8.", code="redact.encoding", advice="Convert the file to UTF-8."
        ) from None
    rows = [row.removesuffix("\r") for row in text.split("\n")]
    if rows and not rows[-1]:
        rows.pop()
    first = next((row for row in rows if row.strip()), "")
    if not _is_object(first):
        return [Line(text=row) for row in rows]
    return [_from_json(number, row) for number, row in enumerate(rows, 1)]


def _is_object(row: str) -> bool:
    if not row.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(row), dict)
    except ValueError:
        return False


def _from_json(number: int, row: str) -> Line:
    if not row.strip():
        return Line(text="")
    try:
        value: Any = json.loads(row)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise InvalidInput(
            f"Line {number} is not a JSON object with a text.", code="redact.json",
            advice='Write one object a line: {"speaker": "customer", "text": "…"}.',
        )  # fmt: skip
    speaker, conversation = value.get("speaker"), value.get("conversation")
    return Line(
        text=value["text"],
        speaker=None if speaker is None else str(speaker),
        conversation=None if conversation is None else str(conversation),
    )


def redact_lines(lines: Sequence[Line], redactor: Redactor) -> Iterator[RedactedLine]:
    """Each line redacted, in order. A blank line, or another ``conversation``, begins a new conversation."""
    first = 0
    for place in range(len(lines) + 1):
        ends = place == len(lines) or (
            place > first
            and (not lines[place].text.strip() or lines[place].conversation != lines[place - 1].conversation)
        )
        if ends:
            yield from _redacted(lines[first:place], first, redactor)
            first = place


def _redacted(lines: Sequence[Line], first: int, redactor: Redactor) -> Iterator[RedactedLine]:
    redaction = redactor.redact(transcript(lines))
    spans: dict[int, list[PiiSpan]] = {}
    for span in redaction.spans:
        spans.setdefault(span.utterance, []).append(span)
    for place, line in enumerate(lines):
        places = tuple(_places(line.text, spans.get(place, ())))
        yield RedactedLine(number=first + place + 1, line=line, text=_masked(line.text, places), places=places)


def transcript(lines: Sequence[Line]) -> Transcript:
    """The lines as a written conversation; who speaks counts only where every line with text says so."""
    named = bool(lines) and all(line.speaker is not None for line in lines if line.text.strip())
    names = list(dict.fromkeys(line.speaker or "" for line in lines))[:_MOST_SPEAKERS] if named else [""]
    order = {name: place for place, name in enumerate(names)}
    return Transcript(
        engine="text",
        model="",
        version="",
        language="en",
        duration=0.0,
        speakers=tuple(Speaker(role=_ROLES.get(name.lower(), Role.UNKNOWN)) for name in names) or (_NOBODY,),
        split=SpeakerSplit.GIVEN if named else SpeakerSplit.SINGLE,
        utterances=tuple(
            Utterance(
                index=place,
                speaker=order.get(line.speaker or "", 0),
                start=0.0,
                end=0.0,
                text=" ".join(line.text.split()),
            )
            for place, line in enumerate(lines)
        ),
    )


_NOBODY = Speaker(role=Role.UNKNOWN)


def _places(text: str, spans: Iterable[PiiSpan]) -> Iterator[Place]:
    tokens = [match.span() for match in _TOKEN.finditer(text)]
    for span in spans:
        start, end = tokens[span.first_word][0], tokens[span.last_word][1]
        inner = text[start:end]
        # Punctuation around a value is no part of it, unless nothing else is there or it is a placeholder already.
        if inner.strip(EDGES) and not inner.startswith("["):
            start += len(inner) - len(inner.lstrip(EDGES))
            end -= len(inner) - len(inner.rstrip(EDGES))
        yield Place(
            start=start, end=end, type=span.kind.value, placeholder=span.placeholder, confidence=span.confidence,
            rule=span.rule,
        )  # fmt: skip


def _masked(text: str, places: Sequence[Place]) -> str:
    parts, at = [], 0
    for place in places:
        parts += [text[at : place.start], place.placeholder]
        at = place.end
    return "".join((*parts, text[at:]))


def told(line: RedactedLine) -> dict[str, Any]:
    """A line for programs."""
    found: dict[str, Any] = {"line": line.number}
    if line.line.conversation is not None:
        found["conversation"] = line.line.conversation
    if line.line.speaker is not None:
        found["speaker"] = line.line.speaker
    found["text"] = line.text
    found["spans"] = [
        {
            "start": place.start, "end": place.end, "type": place.type, "placeholder": place.placeholder,
            "confidence": round(place.confidence, 3), "rule": place.rule,
        }
        for place in line.places
    ]  # fmt: skip
    return found
