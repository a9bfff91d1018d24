"""One AudioHook connection: what its session asks for becomes a live call. No socket in here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from candor.capture.model import CallFacts, Participant, PayloadType, Stream
from candor.capture.ports import Control, Recorder
from candor.capture.streams.audiohook import AudioHookSession
from candor.capture.streams.audiohook_messages import (
    RATE,
    Action,
    Broken,
    Channel,
    Closed,
    Discarded,
    KeyPressed,
    LanguageChanged,
    Media,
    OpenAsked,
    Opening,
    Paused,
    Resumed,
    Send,
    SenderFailed,
    Sound,
)
from candor.capture.streams.calls import LOST, Calls, StreamCall
from candor.capture.streams.intake import Farewell, Link
from candor.capture.streams.media_intake import direction_of
from candor.capture.streams.signatures import AudioHookIdentity
from candor.capture.streams.sources import AUDIOHOOK, Limits, StreamSource
from candor.conversation.model import Direction, Role
from candor.errors import CandorError, Forbidden
from candor.kit.ids import new_id

_PAYLOAD_TYPES = {
    "PCMU": PayloadType(number=0, encoding="PCMU"),
    "L16": PayloadType(number=96, encoding="L16"),
}
_ROLES = {Channel.EXTERNAL: Role.CUSTOMER, Channel.INTERNAL: Role.AGENT}


class HookCall(StreamCall):
    """A call whose sound is placed by positions in the sender's stream."""

    def __init__(self, key: tuple[str, ...], source: StreamSource, opening: Opening, media: Media) -> None:
        super().__init__(key, opening.session_id, source)
        self.media = media
        self.offset = -opening.position
        """What to add to a position of the present connection, so that the call begins at 0."""
        self.end_position = 0
        """Samples from the start of the call to the end of its latest sound."""
        self.sequence = 0
        """Of the next frame of all channels, but for what the connection's own number adds."""
        self.latest = -1

    def reconnect(self, position: int) -> None:
        """A new connection's stream begins at ``position``: where the earlier one's ended, or anew."""
        if position + self.offset < self.end_position or position == 0:
            self.offset = self.end_position + self.silent_ns * RATE // 1_000_000_000 - position
        self.sequence = self.latest + 1


class AudioHookIntake:
    """Takes one connection's frames."""

    protocol = AUDIOHOOK

    def __init__(
        self,
        source: StreamSource,
        recorder: Recorder,
        calls: Calls,
        link: Link,
        limits: Limits,
        *,
        identity: AudioHookIdentity | None,
    ) -> None:
        """``identity``: what the signed headers say, which the messages must bear out."""
        self.call: HookCall | None = None
        self._source, self._recorder, self._calls, self._link, self._limits = source, recorder, calls, link, limits
        self._session = AudioHookSession(
            session_id=None if identity is None else identity.session_id,
            organization_id=None if identity is None else identity.organization_id,
        )
        self._leaving = False

    def receive(self, frame: str | bytes) -> None:
        """Take one frame and do what the session says."""
        session = self._session
        self._do(session.receive_binary(frame) if isinstance(frame, bytes) else session.receive_text(frame))

    @property
    def paused(self) -> bool:
        """True while its call keeps nothing."""
        return self.call is not None and self.call.paused

    def lost(self) -> None:
        """The connection is gone without a ``close``."""
        call, self.call = self.call, None
        if call is None or call.ended:
            if call is not None:
                self._calls.forget(call)
            return
        call.listener = call.displaced = None
        call.until = self._link.moment() + self._limits.reconnect_seconds

    def end(self, reason: str) -> None:
        """End the call from our side."""
        call, self.call = self.call, None
        if call is not None:
            self._calls.forget(call)
            call.end(reason)

    def farewell(self) -> None:
        """Ask the sender to come again over another connection."""
        self._leaving = True
        self._do(self._session.reconnect("The recorder is being restarted."))

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(text=text):
                    self._link.send(text)
                case Sound():
                    self._sound(action)
                case OpenAsked(opening=opening):
                    self._open(opening)
                case Closed(reason=reason):
                    self._closed(reason)
                case Broken(why=why):
                    self._link.offered(self.protocol, ok=False, why=why)
                    self.end("protocol error")
                    self._link.close(Farewell.REFUSED, after=self._limits.farewell_seconds)
                case SenderFailed(code=code):
                    self._link.offered(self.protocol, ok=False, why=f"The sender reports an error of its own: {code}.")
                case _:
                    self._note(action)

    def _open(self, opening: Opening) -> None:
        try:
            if self._source.account is not None and opening.organization_id.lower() != self._source.account.lower():
                raise Forbidden("The sender's organization is not the source's.", code="streams.account")
            why = "A connection test: answered, nothing recorded." if opening.probe else self._begin(opening)
        except CandorError as error:
            self._link.offered(self.protocol, ok=False, why=str(error))
            reason = "unauthorized" if isinstance(error, Forbidden) else "error"
            self._do(self._session.disconnect(reason, "The recorder does not take this conversation."))
            self._link.close(Farewell.of(error), after=self._limits.farewell_seconds)
            return
        self._link.started()
        self._do(self._session.accept(start_paused=self.call is not None and self.call.paused))
        self._link.offered(self.protocol, ok=True, why=why)

    def _begin(self, opening: Opening) -> str:
        """Open the call, or go on with one; returns the sentence for the page of offers."""
        media = opening.media
        if media is None:
            raise Forbidden("Nothing that is kept here was offered.")  # the session answers this itself
        key = (self._source.name, AUDIOHOOK, opening.conversation_id, opening.participant_id or "")
        claimed = self._calls.claim(key, frozenset({opening.session_id, *opening.continued}))
        if isinstance(claimed, HookCall) and claimed.media == media:
            claimed.reconnect(opening.position)
            claimed.missing(claimed.silent_ns / 1e9, LOST)
            call, why = claimed, "The call goes on over a new connection."
        else:
            if claimed is not None:  # other channels than before: another set of streams
                self._calls.forget(claimed)
                claimed.end(LOST)
            call, why = HookCall(key, self._source, opening, media), "Recording."
            call.begin(self._recorder, _facts(self._source, opening, media, self._link.opened_at))
        self.call = call
        call.listener, call.displaced = self._control, self._displaced
        self._calls.add(call)
        return why

    def _sound(self, sound: Sound) -> None:
        call = self.call
        if call is None:
            return
        samples = len(sound.payload) // (2 if call.media.format == "L16" else 1)
        at = sound.timestamp + call.offset
        call.latest = sound.sequence + call.sequence & 0xFFFF
        call.frame(
            sound.channel.value,
            sequence=call.latest,
            timestamp=at & 0xFFFF_FFFF,
            payload=sound.payload,
        )
        call.end_position = max(call.end_position, at + samples)

    def _note(self, action: Action) -> None:
        call = self.call
        if call is None:
            return
        match action:
            case Paused():
                call.pause_by_sender()
            case Resumed():  # what it discarded meanwhile is the pause
                call.resume_by_sender()
            case Discarded(discarded=discarded):
                call.missing(discarded / RATE)
            case LanguageChanged(language=language):
                call.update(replace(call.facts, language=language))
            case KeyPressed(digit=digit):
                control = call.pressed(Channel.EXTERNAL.value, digit)
                if control is not None:
                    self._control(control)

    def _closed(self, reason: str) -> None:
        if reason == "reconnect" and not self._leaving:
            self.lost()
        else:
            self.end("ended" if reason == "end" else f"closed by the sender: {reason}")
        self._link.close(Farewell.DONE)

    def _control(self, control: Control) -> None:
        session = self._session
        match control:
            case Control.PAUSE:
                self._do(session.pause())
            case Control.RESUME:
                self._do(session.resume())
            case Control.END:
                self._do(session.disconnect("completed"))
                self._link.close(Farewell.DONE, after=self._limits.farewell_seconds)

    def _displaced(self) -> None:
        self.call = None
        self._link.close(Farewell.DONE)


def _facts(source: StreamSource, opening: Opening, media: Media, at: datetime) -> CallFacts:
    """Streams and parties by the channels' names, whatever order they are interleaved in."""
    channels = tuple(channel for channel in Channel if channel in media.channels)
    told = opening.parameters
    direction = direction_of(source, told)
    number = opening.dnis if direction is Direction.OUTBOUND else opening.ani
    return CallFacts(
        id=new_id(),
        source=source.name,
        protocol=AUDIOHOOK,
        started_at=at,
        external_id=opening.conversation_id,
        direction=direction,
        group=opening.conversation_id,
        queue=told.get("queue") or None,
        language=opening.language,
        streams=tuple(
            Stream(number=place, label=channel.value, payload_types=(_PAYLOAD_TYPES[media.format],))
            for place, channel in enumerate(channels)
        ),
        participants=tuple(
            Participant(
                id=channel.value,
                aor=number if channel is Channel.EXTERNAL else None,
                name=(opening.ani_name if channel is Channel.EXTERNAL else told.get("agent_name")) or None,
                role=_ROLES[channel],
                agent_id=told.get("agent_id") if channel is Channel.INTERNAL else None,
                sends=(channel.value,) if channel in channels else (),
                joined_at=at,
            )
            for channel in Channel
        ),
    )
