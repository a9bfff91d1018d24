"""Transcripts that come with a document: text dialogs, wtf_transcription and the shapes that senders use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from candor.conversation.model import Party, Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance, Word
from candor.conversation.vcon.check import amount, read_moment
from candor.conversation.vcon.encoding import from_base64url
from candor.conversation.vcon.model import DialogKind, VconDialog

_KINDS = frozenset({"transcript", "wtf_transcription", "transcript-redacted", "diarized", "transcription"})
_LISTS = ("segments", "utterances", "turns", "messages")
_TEXTS = ("text", "message", "transcript", "content", "body")
_SPEAKERS = ("speaker", "speaker_id", "party", "parties", "channel", "role")


@dataclass(kw_only=True)
class _Turn:
    who: str
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0


def from_texts(dialogs: Sequence[VconDialog], parties: Sequence[Party]) -> Transcript | None:
    """What was written: one utterance a message, as long as a moment; None without text dialogs."""
    texts = sorted((d for d in dialogs if d.kind is DialogKind.TEXT and d.text), key=lambda d: d.start)
    if not texts:
        return None
    turns = []
    for dialog in texts:
        at = (dialog.start - texts[0].start).total_seconds()
        who = dialog.originator if dialog.originator is not None else next(iter(dialog.parties), None)
        turns.append(
            _Turn(who="" if who is None else str(who), start=at, end=at, text=" ".join((dialog.text or "").split()))
        )
    return _transcript(
        turns, parties, engine="vcon", model="text", language="und", duration=turns[-1].end, numbered=True
    )


def from_analysis(
    item: Mapping[str, Any], dialogs: Sequence[VconDialog], parties: Sequence[Party]
) -> Transcript | None:
    """The transcript in an analysis object; None when it is another kind of analysis or says nothing."""
    if str(item.get("type")) not in _KINDS:
        return None
    body = _body(item)
    about = item.get("dialog")
    place = about[0] if isinstance(about, list) and about else about
    dialog = next((d for d in dialogs if d.index == place), None)
    turns = _turns(body, dialog.start if dialog is not None else None)
    if not turns:
        return None
    known: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    head = known.get("transcript")
    head = head if isinstance(head, Mapping) else known
    language = head.get("language") or head.get("detected_language")
    about_it = known.get("metadata")
    model = about_it.get("model") if isinstance(about_it, Mapping) else None
    length = amount(head.get("duration")) or (dialog.duration if dialog is not None else None) or 0.0
    return _transcript(
        turns,
        parties,
        engine=str(item.get("vendor") or "vcon"),
        model=str(model or item.get("product") or item.get("schema") or "unknown"),
        language=language if isinstance(language, str) and language else "und",
        duration=max(length, *(turn.end for turn in turns)),
        numbered=all(turn.who.isdigit() for turn in turns) and _says_parties(known, body),
    )


def _body(item: Mapping[str, Any]) -> Any:
    """The JSON value of a body: as a value, or as text of it (-02), whatever its encoding says."""
    body = item.get("body")
    if isinstance(body, str):
        try:
            text = from_base64url(body).decode() if item.get("encoding") == "base64url" else body
        except ValueError:
            return body
        if text.lstrip()[:1] in ("{", "["):
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                return text
        return text
    return body


def _says_parties(known: Mapping[str, Any], body: Any) -> bool:
    """Whether speaker numbers are places in the party array: Candor's own form, and lists with ``parties``."""
    if isinstance(body, list):
        return bool(body) and isinstance(body[0], Mapping) and ("parties" in body[0] or "party" in body[0])
    extensions = known.get("extensions")
    return isinstance(extensions, Mapping) and extensions.get("speakers_are_parties") is True


def _turns(body: Any, began: datetime | None) -> list[_Turn]:  # noqa: PLR0911  one return a shape
    if isinstance(body, str):
        return _plain(body)
    if isinstance(body, list):
        return _listed(body, began)
    if not isinstance(body, Mapping):
        return []
    for key in _LISTS:
        if isinstance(body.get(key), list) and (turns := _listed(body[key], began)):
            return turns
    results = body.get("results")
    if isinstance(results, Mapping) and (turns := _deepgram(results)):
        return turns
    text = body.get("transcript", body.get("text"))
    if isinstance(text, Mapping):
        text = text.get("text")
    if isinstance(text, list):
        return _listed(text, began)
    return _plain(text) if isinstance(text, str) else []


def _plain(text: str) -> list[_Turn]:
    text = " ".join(text.split())
    return [_Turn(who="", start=0.0, end=0.0, text=text)] if text else []


def _listed(items: Iterable[Any], began: datetime | None) -> list[_Turn]:
    turns: list[_Turn] = []
    for item in items:
        if not isinstance(item, Mapping):
            continue
        text = next((item[key] for key in _TEXTS if isinstance(item.get(key), str)), "")
        text = " ".join(text.split())
        if not text:
            continue
        before = turns[-1].end if turns else 0.0
        start = _time(item.get("start"), began, before)
        length = amount(item.get("duration"))
        end = start + length if length is not None else _time(item.get("end"), began, start)
        who = next((item[key] for key in _SPEAKERS if isinstance(item.get(key), str | int)), "")
        words = _words(item.get("words"), text)
        confidence = amount(item.get("confidence"))
        turns.append(
            _Turn(
                who=str(who), start=start, end=max(end, start), text=text, words=words,
                confidence=min(max(confidence if confidence is not None else 1.0, 0.0), 1.0),
            )
        )  # fmt: skip
    return turns


def _deepgram(results: Mapping[str, Any]) -> list[_Turn]:
    """``results.channels[].alternatives[].paragraphs.paragraphs[].sentences[]``, or the bare transcript."""
    turns: list[_Turn] = []
    channels = results.get("channels")
    for place, channel in enumerate(channels if isinstance(channels, list) else []):
        options = channel.get("alternatives") if isinstance(channel, Mapping) else None
        best = options[0] if isinstance(options, list) and options and isinstance(options[0], Mapping) else {}
        outer = best.get("paragraphs")
        paragraphs = outer.get("paragraphs") if isinstance(outer, Mapping) else None
        found: list[_Turn] = []
        for paragraph in paragraphs if isinstance(paragraphs, list) else []:
            if isinstance(paragraph, Mapping) and isinstance(paragraph.get("sentences"), list):
                who = f"{place}.{paragraph.get('speaker', 0)}"
                for turn in _listed(paragraph["sentences"], None):
                    turn.who = who
                    found.append(turn)
        turns += found or [
            _Turn(who=str(place), start=turn.start, end=turn.end, text=turn.text)
            for turn in _plain(str(best.get("transcript") or ""))
        ]
    return turns


def _words(items: object, text: str) -> tuple[Word, ...]:
    """Word times, only when they fit the text word by word."""
    if not isinstance(items, list):
        return ()
    words = []
    for item in items:
        said = item.get("text", item.get("word")) if isinstance(item, Mapping) else None
        start, end = (amount(item.get(key)) for key in ("start", "end")) if isinstance(item, Mapping) else (None, None)
        if not isinstance(said, str) or start is None or end is None:
            return ()
        words.append(Word(text=said.strip(), start=start, end=end, confidence=amount(item.get("confidence")) or 0.0))
    return tuple(words) if [word.text for word in words] == text.split(" ") else ()


def _time(value: object, began: datetime | None, otherwise: float) -> float:
    """Seconds in the conversation, of a number or of a date and time."""
    number = amount(value)
    if number is not None:
        return number
    moment = read_moment(value)
    if moment is None or began is None:
        return otherwise
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - began).total_seconds(), 0.0)


def _transcript(
    turns: list[_Turn],
    parties: Sequence[Party],
    *,
    engine: str,
    model: str,
    language: str,
    duration: float,
    numbered: bool,
) -> Transcript:
    turns = sorted(turns, key=lambda turn: turn.start)
    names = list(dict.fromkeys(turn.who for turn in turns))
    return Transcript(
        engine=engine,
        model=model,
        version="",
        language=language,
        duration=duration,
        speakers=tuple(Speaker(role=_role(name, parties, numbered)) for name in names),
        split=SpeakerSplit.GIVEN if len(names) > 1 else SpeakerSplit.SINGLE,
        utterances=tuple(
            Utterance(
                index=place,
                speaker=names.index(turn.who),
                start=turn.start,
                end=turn.end,
                text=turn.text,
                words=turn.words,
                confidence=turn.confidence,
            )
            for place, turn in enumerate(turns)
        ),
        word_times="engine",
        notes=("The transcript came with the conversation.",),
    )


def _role(name: str, parties: Sequence[Party], numbered: bool) -> Role:
    if numbered and name.isdigit() and int(name) < len(parties):
        return parties[int(name)].role
    lowered = name.lower()
    for party in parties:
        if party.name and party.name.lower() == lowered:
            return party.role
    return next((role for role in (Role.AGENT, Role.CUSTOMER, Role.SUPERVISOR) if role.value in lowered), Role.UNKNOWN)
