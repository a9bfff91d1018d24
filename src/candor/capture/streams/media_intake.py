"""One connection of Twilio Media Streams or a dialect: its messages become a live call. No socket in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from candor.capture.model import CallFacts, Participant, PayloadType, Stream
from candor.capture.ports import Control, Recorder
from candor.capture.streams.bounded import FRAME
from candor.capture.streams.calls import LOST, Calls, StreamCall
from candor.capture.streams.intake import Farewell, Link
from candor.capture.streams.media_streams import (
    Dialect,
    KeyPressed,
    Media,
    Message,
    SenderError,
    Started,
    Stopped,
    Track,
    parse,
)
from candor.capture.streams.signatures import verify_token
from candor.capture.streams.sources import Limits, StreamSource
from candor.capture.streams.timeline import Timeline
from candor.conversation.model import Direction, Role
from candor.errors import CandorError, Forbidden, InvalidInput
from candor.kit.ids import new_id

_NUMBERS = {"PCMU": 0, "PCMA": 8, "G722": 9}
"""Static payload types (RFC 3551 section 6); the others get the first dynamic one."""
_DYNAMIC = 96
_CLOCKS = {"G722": 8_000, "opus": 48_000}
"""Clock rates that are not the sample rate (RFC 3551 section 4.5.2, RFC 7587 section 4.1)."""
_EARLY = 50
"""Frames of sound that may come before the message that says what they are."""
_LATE_DIALECTS = frozenset({Dialect.TELNYX})
"""Those that come again after a lost connection."""


class TimedCall(StreamCall):
    """A call whose sender counts frames and milliseconds."""

    def __init__(self, key: tuple[str, ...], source: StreamSource, started: Started, rate: int) -> None:
        """``rate`` is the streams' clock rate."""
        super().__init__(key, started.stream_id, source)
        self.format = (started.encoding, rate)
        self.timeline = Timeline(rate)


class MediaIntake:
    """Takes one connection's frames."""

    def __init__(
        self, source: StreamSource, recorder: Recorder, calls: Calls, link: Link, limits: Limits, *, proven: bool
    ) -> None:
        """``proven``: the upgrade proved who it is; else the start must bring the token."""
        self.call: TimedCall | None = None
        self._source, self._recorder, self._calls, self._link, self._limits = source, recorder, calls, link, limits
        self._proven = proven
        self._started: Started | None = None
        self._early: list[Media] = []
        self._early_bytes = self._bad = 0

    @property
    def protocol(self) -> str:
        """For the page of offers."""
        dialect = self._started.dialect if self._started is not None else self._source.dialect
        return "media stream" if dialect is None else dialect.value

    def receive(self, frame: str | bytes) -> None:
        """Take one frame; what the sender is told goes over the link."""
        if self._link.closing:
            return
        try:
            if isinstance(frame, bytes):
                raise InvalidInput("Binary frames mean nothing in this protocol.", code="streams.malformed")
            message = parse(frame)
        except CandorError as error:
            self._refuse(error)
        else:
            self._guard(message)

    @property
    def paused(self) -> bool:
        """True while its call keeps nothing."""
        return self.call is not None and self.call.paused

    def lost(self) -> None:
        """The connection is gone without a word."""
        call, self.call = self.call, None
        if call is None or call.ended:
            if call is not None:
                self._calls.forget(call)
            return
        if self._started is not None and self._started.dialect in _LATE_DIALECTS:
            call.listener = call.displaced = None
            call.until = self._link.moment() + self._limits.reconnect_seconds
        else:
            self._calls.forget(call)
            call.end(LOST)

    def end(self, reason: str) -> None:
        """End the call from our side."""
        call, self.call = self.call, None
        if call is not None:
            self._calls.forget(call)
            call.end(reason)

    def farewell(self) -> None:
        """Nothing can be asked of these senders: they go on until their call ends."""

    def _guard(self, message: Message) -> None:
        try:
            self._take(message)
        except CandorError as error:
            self._refuse(error)

    def _take(self, message: Message) -> None:
        match message:
            case Media():
                self._sound(message)
            case Started():
                self._start(message)
            case KeyPressed():
                self._key(message)
            case Stopped():
                self.end("ended")
                self._link.close(Farewell.DONE)
            case SenderError(code=code) if self.call is not None:
                self._link.offered(self.protocol, ok=False, why=f"The sender reports an error of its own: {code}.")

    def _start(self, started: Started) -> None:
        if self._started is not None:
            raise InvalidInput("The sender started the same stream twice.", code="streams.malformed")
        started = self._check(started)
        self._started = started
        rate = _CLOCKS.get(started.encoding, started.rate)
        key = (self._source.name, started.dialect.value, started.call_id)
        claimed = self._calls.claim(key, frozenset({started.stream_id}))
        if isinstance(claimed, TimedCall) and claimed.format == (started.encoding, rate):
            claimed.timeline.reconnect(claimed.silent_ns // 1_000_000)
            claimed.missing(claimed.silent_ns / 1e9, LOST)
            call, why = claimed, "The call goes on over a new connection."
        else:
            if claimed is not None:  # another kind of sound than before: another set of streams
                self._calls.forget(claimed)
                claimed.end(LOST)
            call, why = TimedCall(key, self._source, started, rate), "Recording."
            call.begin(self._recorder, _facts(self._source, started, rate, self._link.opened_at))
        self.call = call
        call.listener, call.displaced = self._control, self._displaced
        if started.dialect in _LATE_DIALECTS:
            self._calls.add(call)
        self._link.started()
        self._link.offered(self.protocol, ok=True, why=why)
        early, self._early = self._early, []
        for media in early:
            self._guard(media)

    def _check(self, started: Started) -> Started:
        """Raises when this sender may not record here.

        1. It brings the token, where the upgrade proved nothing.
        2. It speaks the source's dialect.
        3. It is the source's account, where one is set.
        """
        if not self._proven:  # 1
            verify_token(started.parameters.get("token"), token=self._source.secret)
        wanted = self._source.dialect
        alike = {Dialect.TWILIO, Dialect.SIGNALWIRE}
        if wanted is not None and wanted is not started.dialect and not {wanted, started.dialect} <= alike:  # 2
            raise Forbidden(
                "The sender speaks another dialect than its source is set to.",
                code="streams.dialect",
                advice="Set the source's dialect to what the sender is, or leave it open.",
            )
        if self._source.account is not None and started.account != self._source.account:  # 3
            raise Forbidden("The sender's account is not the source's.", code="streams.account")
        return _named(started, wanted)

    def _sound(self, media: Media) -> None:
        started, call = self._started, self.call
        if started is None:
            self._early_bytes += len(media.payload)
            if len(self._early) >= _EARLY or self._early_bytes > FRAME:
                raise InvalidInput("Sound came without a start before it.", code="streams.malformed")
            self._early.append(media)
            return
        if call is None:
            return
        if media.stream_id is not None and media.stream_id != started.stream_id:
            raise InvalidInput("Sound came for another stream than the one that was started.", code="streams.malformed")
        payload = media.payload
        if started.encoding == "L16":
            payload = self._network_order(payload, started.dialect)
        count = media.chunk if media.chunk is not None else media.sequence
        pieces = call.timeline.cut(media.track.value, count, media.timestamp_ms, started.encoding, payload)
        for sequence, timestamp, piece in pieces:
            call.frame(media.track.value, sequence=sequence, timestamp=timestamp, payload=piece)

    def _network_order(self, payload: bytes, dialect: Dialect) -> bytes:
        if len(payload) % 2:
            raise InvalidInput("A frame of L16 has half a sample.", code="streams.malformed")
        little = self._source.l16_little_endian
        if little is None:
            little = dialect is Dialect.PLIVO
        if not little:
            return payload
        swapped = bytearray(len(payload))
        swapped[0::2], swapped[1::2] = payload[1::2], payload[0::2]
        return bytes(swapped)

    def _key(self, message: KeyPressed) -> None:
        if self.call is not None:
            self.call.pressed(message.track.value, message.digit)

    def _control(self, control: Control) -> None:
        """A pause needs no word to these senders: what comes is dropped unread."""
        if control is Control.END:
            self._link.close(Farewell.DONE)

    def _displaced(self) -> None:
        self.call = None
        self._link.close(Farewell.DONE)

    def _refuse(self, error: CandorError) -> None:
        """Before the call has begun an error ends the connection; later it costs its own frame only."""
        if self.call is None:
            if not self._link.closing:
                self._link.offered(self.protocol, ok=False, why=str(error))
            self._link.close(Farewell.of(error))
            return
        self._bad += 1
        if self._bad == 1:
            self._link.offered(self.protocol, ok=False, why=str(error))
        if self._bad > self._limits.bad_frames:
            self.end("unreadable")
            self._link.close(Farewell.REFUSED)


def _named(started: Started, wanted: Dialect | None) -> Started:
    """With the dialect of the source, and without the token."""
    kept = {name: text for name, text in started.parameters.items() if name != "token"}
    return replace(started, dialect=wanted or started.dialect, parameters=kept)


def direction_of(source: StreamSource, parameters: Mapping[str, str]) -> Direction:
    """As the sender's parameter ``direction`` says, else as the source is set."""
    told = parameters.get("direction", "").lower()
    return Direction(told) if told in tuple(Direction) else source.direction


def _facts(source: StreamSource, started: Started, rate: int, at: datetime) -> CallFacts:
    """Streams by track and parties by stream: who speaks never depends on what comes first."""
    told = started.parameters
    payload_type = PayloadType(
        number=_NUMBERS.get(started.encoding, _DYNAMIC), encoding=started.encoding, clock_rate=rate
    )
    tracks = started.tracks or tuple(Track)
    direction = direction_of(source, told)
    agent_track = next(track for track in Track if track is not source.customer_track)
    return CallFacts(
        id=new_id(),
        source=source.name,
        protocol=started.dialect.value,
        started_at=at,
        external_id=started.call_id,
        direction=direction,
        group=started.group,
        queue=told.get("queue") or None,
        language=told.get("language") or None,
        streams=tuple(
            Stream(number=number, label=track.value, payload_types=(payload_type,))
            for number, track in enumerate(tracks)
        ),
        participants=(
            Participant(
                id="customer",
                aor=started.callee if direction is Direction.OUTBOUND else started.caller,
                name=told.get("customer_name") or None,
                role=Role.CUSTOMER,
                sends=(source.customer_track.value,),
                joined_at=at,
            ),
            Participant(
                id="agent",
                name=told.get("agent_name") or None,
                role=Role.AGENT,
                agent_id=told.get("agent_id") or None,
                sends=(agent_track.value,),
                joined_at=at,
            ),
        ),
    )
