"""Streams of a recording session: which are listened to, what of them is kept, and how we describe them."""

from __future__ import annotations

import secrets
from base64 import b64encode

from candor.capture.active import ActiveCall
from candor.capture.model import PayloadType, Stream
from candor.capture.recorder import Recorder, replace_streams
from candor.capture.rtp.srtp import SUITES, SrtpReceiver
from candor.capture.sip.sdp import SessionDescription
from candor.capture.siprec.dialog import RecordingSession, SiprecSettings
from candor.capture.siprec.negotiation import Line, Port, answer
from candor.capture.siprec.session import facts
from candor.errors import Unavailable


def connect(recorder: Recorder, settings: SiprecSettings, session: RecordingSession, lines: tuple[Line, ...]) -> None:
    """Bring the inlets in line with what was offered: by label, never by position."""
    call = session.call
    by_label = {call.facts.streams[n].label: n for n in range(len(call.facts.streams))}
    open_labels = {s.label for s in call.facts.streams if s.number in call.inlets}
    fresh: list[Stream] = []
    numbers: dict[int, int] = {}
    used = len(call.facts.streams)
    wanted = {line.label for line in lines if line.accepted}
    for label in open_labels - wanted:
        call.stop_listening(by_label[label])
    for index, line in enumerate(lines):
        if not line.accepted:
            continue
        number = by_label.get(line.label, used)
        if number == used:
            used += 1
            if used > 255:
                raise Unavailable("The session has more than 255 streams.", code="siprec.streams")
        by_label[line.label] = number
        numbers[index] = number
        stream = Stream(number=number, label=line.label, payload_types=_merged(call, number, line))
        fresh.append(stream)
        _listen(recorder, settings, session, index, stream, line)
    session.lines, session.numbers = lines, numbers
    value = facts(
        an_id=call.id, source=call.facts.source, started_at=call.facts.started_at, metadata=session.metadata,
        headers=session.headers, streams=replace_streams(call.facts, fresh).streams, house=settings.house,
    )  # fmt: skip
    call.update(value)
    for index, line in enumerate(lines):
        if index in numbers:
            call.hold(numbers[index], on_hold=not line.sending and line.record is None)
    _recording_wish(session)


def describe(settings: SiprecSettings, session: RecordingSession, *, offering: bool = False) -> SessionDescription:
    """Our side of the streams: the answer to what was offered, or an offer of ours; its version counts the changes
    (RFC 3264 section 8)."""
    ports = {
        index: Port(number=session.call.inlets[number].ports.number, key=session.keys.get(index))
        for index, number in session.numbers.items()
        if number in session.call.inlets
    }
    version = 1 if session.said is None else int(session.said.origin.session_version)
    for number in (version, version + 1):
        made = answer(
            session.lines, ports, address=settings.address, session=session.session_id, version=number,
            offering=offering,
        )  # fmt: skip
        if session.said is None or made == session.said:
            break
    session.said = made
    return made


def _recording_wish(session: RecordingSession) -> None:
    """``a=record:paused`` and its like (RFC 7866 section 6) pause the call; only what they paused do they resume."""
    call, wishes = session.call, {line.record for line in session.lines if line.accepted}
    if wishes & {"paused", "pause", "off"}:
        session.paused = session.paused or not call.stopped
        call.pause("sip")
    elif session.paused:
        session.paused = False
        call.resume("sip")


def _listen(
    recorder: Recorder, settings: SiprecSettings, session: RecordingSession, index: int, stream: Stream, line: Line
) -> None:
    call = session.call
    existing = call.inlets.get(stream.number)
    key, allowed = line.key(), _senders(settings, session, line)
    if existing is not None:
        recorder.receiver.agree(existing, stream.payload_types)
        existing.allowed = allowed  # the sender's media may have moved to another address
        if key is not None and session.keys.get(index) and line.crypto != session.lines[index].crypto:
            existing.crypto = SrtpReceiver(key)
        return
    ports = recorder.ports.take()
    call.listen(stream, ports, allowed=allowed, crypto=None if key is None else SrtpReceiver(key))
    if line.crypto is not None:
        suite = SUITES[line.crypto.suite.upper()]
        session.keys[index] = "inline:" + b64encode(secrets.token_bytes(suite.key_bytes + suite.salt_bytes)).decode()


def _senders(settings: SiprecSettings, session: RecordingSession, line: Line) -> frozenset[str] | None:
    if settings.media_from == "any":
        return None
    return frozenset({session.flow.host, line.address or session.flow.host})


def _merged(call: ActiveCall, number: int, line: Line) -> tuple[PayloadType, ...]:
    """Payload types of a stream so far and now: what came before a re-INVITE is read by what held then."""
    known = call.facts.streams[number].payload_types if number < len(call.facts.streams) else ()
    now = {one.number: one for one in line.payload_types}
    return (*line.payload_types, *(one for one in known if one.number not in now))
