"""What a recording session's metadata says after an update (RFC 7865 section 6.1.1, RFC 7866 section 9.1).

A complete document replaces, a partial one changes what it names. But nobody who was on the call is ever forgotten:
participants, streams and associations that an update leaves out stay, marked with the time at which they ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime
from typing import TypeVar

from candor.capture.siprec.model import (
    MAX_ITEMS,
    Group,
    Metadata,
    MetadataError,
    Participant,
    Session,
    SessionAssociation,
    SessionRecording,
    Stream,
    StreamAssociation,
)
from candor.kit import clock

_Item = TypeVar("_Item", Group, Session, Participant, Stream, SessionRecording)
_Timed = TypeVar("_Timed", SessionAssociation, StreamAssociation, SessionRecording)


def merge(old: Metadata | None, update: Metadata, *, at: datetime | None = None) -> Metadata:
    """The metadata after ``update``; always complete. ``at``: when it arrived (now), for endings without a time.

    Raises MetadataError when the session would have had more than 500 participants or streams.
    """
    if old is None:
        return replace(update, data_mode="complete")
    moment = at or clock.now()
    whole = update.data_mode == "complete"
    streams = _by_id(old.streams, update.streams)
    if whole:
        kept = {stream.id for stream in update.streams}
        streams = [s if s.id in kept else replace(s, removed_at=s.removed_at or moment) for s in streams]
    participants = _by_id(old.participants, update.participants)
    if len(participants) > MAX_ITEMS or len(streams) > MAX_ITEMS:
        raise MetadataError(f"A recording session has had more than {MAX_ITEMS} participants or streams.")
    return Metadata(
        data_mode="complete",
        namespace=update.namespace,
        groups=tuple(_by_id(old.groups, update.groups)),
        sessions=tuple(_by_id(old.sessions, update.sessions)),
        participants=tuple(participants),
        streams=tuple(streams),
        session_associations=tuple(_members(old, update, moment, whole=whole)),
        stream_associations=tuple(_links(old, update, moment, whole=whole)),
        recording_associations=tuple(_recorded(old, update, moment, whole=whole)),
        extension={**old.extension, **update.extension},
    )


def lacks(known: Metadata | None, update: Metadata) -> bool:
    """Whether a partial ``update`` speaks of participants, streams or sessions that nobody has told of: something went
    missing before it (RFC 7866 section 9.2)."""
    if update.data_mode == "complete":
        return False
    if known is None:
        return True
    participants = {one.id for one in (*known.participants, *update.participants)}
    streams = {one.id for one in (*known.streams, *update.streams)}
    sessions = {one.id for one in (*known.sessions, *update.sessions)}
    return not (
        participants.issuperset(one.participant for one in update.session_associations)
        and participants.issuperset(one.participant for one in update.stream_associations)
        and streams.issuperset(stream for one in update.stream_associations for stream in (*one.sends, *one.receives))
        and sessions.issuperset(one.session for one in update.session_associations if one.session is not None)
        and sessions.issuperset(one.session for one in update.streams if one.session is not None)
    )


def _key(item: Group | Session | Participant | Stream | SessionRecording) -> str:
    return item.session if isinstance(item, SessionRecording) else item.id


def _by_id(old: Iterable[_Item], new: Iterable[_Item]) -> list[_Item]:
    """Old items with what the new ones say about them, then the new ones; nothing that was known is lost."""
    merged = {_key(item): item for item in old}
    for item in new:
        known = merged.get(_key(item))
        merged[_key(item)] = item if known is None else _overlaid(known, item)
    return list(merged.values())


def _overlaid(known: _Item, item: _Item) -> _Item:
    """``item``, with what it does not say taken from ``known``."""
    filled = {
        one.name: getattr(known, one.name)
        for one in fields(item)
        if getattr(item, one.name) in (None, ()) and one.name != "removed_at"
    }
    if isinstance(item, Session | Participant | Stream):
        filled["extension"] = {**getattr(known, "extension", {}), **item.extension}
    return replace(item, **filled)


def _recorded(old: Metadata, update: Metadata, moment: datetime, *, whole: bool) -> list[SessionRecording]:
    """Which sessions are recorded; a complete update ends those that it does not have."""
    merged = _by_id(old.recording_associations, update.recording_associations)
    if not whole:
        return merged
    present = {session.id for session in update.sessions} | {one.session for one in update.recording_associations}
    return [one if one.session in present else _ended(one, moment) for one in merged]


def _members(old: Metadata, update: Metadata, moment: datetime, *, whole: bool) -> list[SessionAssociation]:
    """Who is in which session; a complete update ends what it does not repeat."""
    history = list(old.session_associations)
    named: set[tuple[str, str | None]] = set()
    for new in update.session_associations:
        named.add((new.participant, new.session))
        index = _last(history, new)
        if index is None or _starts_anew(history[index], new):
            history.append(new)
        else:
            history[index] = _continued(history[index], new)
    if whole:
        history = _present(history, update, named, moment)
        history += _unplaced(history, old, update, moment)
    return _bounded(history)


def _unplaced(
    history: list[SessionAssociation], old: Metadata, update: Metadata, moment: datetime
) -> list[SessionAssociation]:
    """Comings and goings of participants whom the sender puts into no session: they are noted without one."""
    placed = {one.participant for one in history if one.session is not None}
    latest = {one.participant: one for one in history if one.session is None}
    present = {one.id for one in update.participants}
    notes = []
    for person in old.participants:
        note = latest.get(person.id)
        if person.id not in present and person.id not in placed and note is None:
            notes.append(SessionAssociation(participant=person.id, session=None, disassociated_at=moment))
        elif person.id in present and person.id not in placed and note is not None and note.disassociated_at:
            notes.append(SessionAssociation(participant=person.id, session=None, associated_at=moment))
    return notes


def _present(
    history: list[SessionAssociation], update: Metadata, named: set[tuple[str, str | None]], moment: datetime
) -> list[SessionAssociation]:
    """End what a complete update does not repeat; of participants without any association it says nothing."""
    placed = {participant for participant, _ in named}
    unplaced = {one.id for one in update.participants} - placed
    return [
        one if (one.participant, one.session) in named or one.participant in unplaced else _ended(one, moment)
        for one in history
    ]


def _starts_anew(known: SessionAssociation, new: SessionAssociation) -> bool:
    """Whether somebody who left has come back: not when the same stay is told again."""
    if known.disassociated_at is None or new.disassociated_at is not None:
        return False
    return new.associated_at is None or new.associated_at != known.associated_at


def _continued(known: SessionAssociation, new: SessionAssociation) -> SessionAssociation:
    return replace(
        new,
        associated_at=new.associated_at or known.associated_at,
        disassociated_at=new.disassociated_at or known.disassociated_at,
    )


def _links(old: Metadata, update: Metadata, moment: datetime, *, whole: bool) -> list[StreamAssociation]:
    """Who sends and hears which stream. What an update opens for a participant replaces what was open for them."""
    said: dict[str, list[StreamAssociation]] = {}
    for link in update.stream_associations:
        said.setdefault(link.participant, []).append(link)
    history: list[StreamAssociation] = []
    for known in old.stream_associations:
        news = said.get(known.participant)
        if known.disassociated_at is not None or (news is None and not whole):
            history.append(known)
        elif news is None:
            history.append(_ended(known, moment))
        else:
            history += _after(known, news, moment)
    ended = {(one.participant, one.sends, one.receives) for one in history}
    for link in update.stream_associations:
        again = (link.participant, link.sends, link.receives) in ended and link.disassociated_at is not None
        told = any(
            one.disassociated_at is None and (one.participant, one.sends, one.receives) == _streams(link)
            for one in history
        )
        nothing = link.disassociated_at is not None and not (link.sends or link.receives)
        if not (again or told or nothing):
            history.append(link)
    return _bounded(history)


def _streams(link: StreamAssociation) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return link.participant, link.sends, link.receives


def _after(known: StreamAssociation, news: list[StreamAssociation], moment: datetime) -> list[StreamAssociation]:
    """What becomes of an open association when its participant is spoken of again."""
    opened = [one for one in news if one.disassociated_at is None]
    if opened:
        if any(_streams(one) == _streams(known) for one in opened):
            return [known]
        return [_ended(known, opened[0].associated_at or moment)]
    until = news[-1].disassociated_at or moment
    gone = {stream for one in news for stream in (*one.sends, *one.receives)}
    if not gone or gone.issuperset((*known.sends, *known.receives)):
        return [_ended(known, until)]
    left = replace(
        known,
        sends=tuple(one for one in known.sends if one not in gone),
        receives=tuple(one for one in known.receives if one not in gone),
    )
    return [left]


def _ended(item: _Timed, moment: datetime) -> _Timed:
    return item if item.disassociated_at is not None else replace(item, disassociated_at=moment)


def _last(history: list[SessionAssociation], new: SessionAssociation) -> int | None:
    """Where the latest stay of the same participant in the same session stands."""
    for index in range(len(history) - 1, -1, -1):
        if (history[index].participant, history[index].session) == (new.participant, new.session):
            return index
    return None


def _bounded(history: list[_Timed]) -> list[_Timed]:
    """Hours of holds must not fill the memory: of what has ended, repetitions go first, then the oldest."""
    if len(history) <= 2 * MAX_ITEMS:
        return history
    latest = {replace(one, associated_at=None, disassociated_at=None): index for index, one in enumerate(history)}
    once = [
        one
        for index, one in enumerate(history)
        if one.disassociated_at is None or latest[replace(one, associated_at=None, disassociated_at=None)] == index
    ]
    surplus = len(once) - 2 * MAX_ITEMS
    ended = [index for index, one in enumerate(once) if one.disassociated_at is not None]
    dropped = set(ended[: max(0, surplus)])
    return [one for index, one in enumerate(once) if index not in dropped]
