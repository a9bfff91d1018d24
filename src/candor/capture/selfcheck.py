"""A test call to our own recorder, over real sockets, followed step by step until its conversation is there.

Two streams, each a tone of its own, are sent as a session border controller would send them (RFC 7866). The metadata
describe them in the other order than the offer does, so that a recorder which joined by position would be found out.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import secrets
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from candor.capture.control import RecorderClient
from candor.capture.files import decode
from candor.capture.rtp.codecs import encode_ulaw
from candor.capture.rtp.srtp import SUITES
from candor.capture.rtp.srtp import Crypto as SrtpKey
from candor.capture.siprec.client import OfferedStream, RecordingClient, Session, play
from candor.capture.siprec.model import Metadata, Participant, SessionAssociation, Stream, StreamAssociation
from candor.capture.siprec.model import Session as CommunicationSession
from candor.conversation.model import Conversation
from candor.errors import CandorError, Unavailable
from candor.kit import clock
from candor.kit.ids import new_id
from candor.kit.sound import FlacReader, FlacWriter

NAME = "candor-check"
TONES = {"1": 440.0, "2": 1000.0}
"""Hertz by label; neither is a telephone key's."""
_SUITE = "AES_CM_128_HMAC_SHA1_80"
_ANSWER_SECONDS = 6.0
_SOUND_SECONDS = 1.5
"""For the last packets to be drained, and sealed."""
_PATIENCE = 20.0
"""For a worker to make the conversation."""
_PAYLOAD = 160
"""Bytes of G.711 in a packet."""
_NEAR = 10.0
"""Hertz within which a tone is the one that was sent."""
_LEAST_SHARE = 0.9
"""Of a channel's power that its tone must have."""


class State(StrEnum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was looked at."""

    name: str
    state: State
    words: str
    advice: str = ""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a check came to."""

    call_id: str
    """The phone system's call id that the test call had."""
    steps: list[Step] = field(default_factory=list)
    conversation_id: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(step.state is not State.FAILED for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to call."""

    spool: Path
    transport: str = "UDP"
    """UDP, TCP or TLS."""
    seconds: float = 2.0
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None


class House(Protocol):
    """What becomes of calls behind the recorder."""

    def working(self) -> bool:
        """Whether a worker runs."""

    def kept(self, call_id: str) -> tuple[Conversation, BinaryIO] | None:
        """The conversation with this id and its recording; None while there is none."""


class _Failed(Exception):
    def __init__(self, name: str, words: str, advice: str = "") -> None:
        super().__init__(words)
        self.step = Step(name=name, state=State.FAILED, words=words, advice=advice)


async def check(
    recorder: RecorderClient, plan: Plan, house: House, *, tell: Callable[[Step], None] = lambda _step: None
) -> Outcome:
    """Place the call and look at everything on its way; ``tell`` hears of each step when it is over.

    The first step that fails is the last; nothing is raised for what the recorder does wrong.
    """
    outcome = Outcome(call_id=f"{NAME}-{new_id()}")

    def done(step: Step) -> None:
        outcome.steps.append(step)
        tell(step)

    def passed(name: str, words: str) -> None:
        done(Step(name=name, state=State.OK, words=words))

    try:
        await _call(recorder, plan, outcome, passed)
        await _follow(house, outcome, passed, done)
    except _Failed as failed:
        done(failed.step)
    except CandorError as error:  # the recorder went away meanwhile, or the recording does not open
        done(Step(name="call", state=State.FAILED, words=error.message, advice=error.advice))
    return outcome


async def _call(recorder: RecorderClient, plan: Plan, outcome: Outcome, passed: Callable[[str, str], None]) -> None:
    status = _status(recorder)
    host, port = str(status["address"]), _port(status, plan)
    passed("recorder", f"A recorder answers; it is reached at {host} port {port} over {plan.transport}.")
    keys = _keys(status)
    async with _session(recorder, plan, (host, port), keys, outcome.call_id) as (client, session):
        passed("session", f"The session was accepted{' with SRTP' if keys else ''}.")
        _answered(session, status)
        passed("labels", "The answer names a media port for each of the two labels.")
        sent = await play(
            session,
            {label: tone(hertz, plan.seconds) for label, hertz in TONES.items()},
            keys={label: SrtpKey.from_inline(_SUITE, key) for label, key in keys.items()},
        )
        outcome.conversation_id = await _heard(recorder, outcome.call_id, sent)
        passed("sound", f"All of the {sent} packets that were sent were counted.")
        size = await _spooled(plan.spool, outcome.conversation_id, sent)
        passed("spool", f"The call is sealed on disk: {size:,} bytes.")
        await _hang_up(client, session)
    await _over(recorder, outcome.call_id)
    passed("good-bye", "The BYE was answered, and the call is over.")


def _status(recorder: RecorderClient) -> dict[str, Any]:
    try:
        status = recorder.status()
    except Unavailable as error:
        raise _Failed("recorder", error.message, error.advice) from error
    if status["draining"]:
        raise _Failed("recorder", "The recorder is shutting down and takes no new calls.", "Start it again.")
    return status


def _port(status: Mapping[str, Any], plan: Plan) -> int:
    port = status["sips_port"] if plan.transport == "TLS" else status["sip_port"]
    if not port:
        raise _Failed(
            "recorder", "SIP over TLS is switched off.", "Set CANDOR_SIPS_PORT and CANDOR_TLS_CERTIFICATE, and restart."
        )
    return int(port)


def _keys(status: Mapping[str, Any]) -> dict[str, str]:
    """Key parameters by label where SRTP is required; else none."""
    if status["srtp"] != "require":
        return {}
    size = SUITES[_SUITE].key_bytes + SUITES[_SUITE].salt_bytes
    return {label: f"inline:{b64encode(secrets.token_bytes(size)).decode()}" for label in TONES}


@asynccontextmanager
async def _session(
    recorder: RecorderClient, plan: Plan, at: tuple[str, int], keys: Mapping[str, str], call_id: str
) -> AsyncIterator[tuple[RecordingClient, Session]]:
    """The answered session; hung up and let go of, whatever happens in it."""
    began = clock.now().isoformat()
    client = RecordingClient(username=plan.username, password=plan.password, address=_own_address(*at))
    streams = [OfferedStream(label=label, crypto=f"1 {_SUITE} {keys[label]}" if keys else None) for label in TONES]
    try:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                flow = await client.reach(*at, plan.transport, plan.tls)
                session = await client.begin(flow, streams, described(call_id))
        except (CandorError, TimeoutError) as error:
            raise _refused(recorder, began, error, plan) from error
        try:
            yield client, session
        finally:
            if not session.ended.is_set():
                with contextlib.suppress(CandorError, TimeoutError):
                    await _say_good_bye(client, session)
    finally:
        await client.close()


async def _say_good_bye(client: RecordingClient, session: Session) -> None:
    async with asyncio.timeout(_ANSWER_SECONDS):
        await client.end(session)
    session.ended.set()


async def _hang_up(client: RecordingClient, session: Session) -> None:
    if session.ended.is_set():
        raise _Failed("good-bye", "The recorder ended the call by itself.", "See its log, and the last offers.")
    try:
        await _say_good_bye(client, session)
    except (CandorError, TimeoutError) as error:
        raise _Failed("good-bye", "The BYE was not answered.", "See the recorder's log.") from error


def _refused(recorder: RecorderClient, began: str, error: Exception, plan: Plan) -> _Failed:
    """Why there is no session, with the recorder's own words about the call that we placed."""
    words = error.message if isinstance(error, CandorError) else "The recorder did not answer."
    offers: list[dict[str, Any]] = []
    with contextlib.suppress(CandorError):
        offers = [each for each in recorder.status()["offers"] if not each["accepted"] and each["at"] >= began]
    if offers:
        words = f"{words} The recorder says: {offers[0]['words']}"
    if "401" in words:
        advice = "Give this command the CANDOR_SIP_USERS that the recorder has."
    elif "CANDOR_SIP_ALLOW" in words:
        advice = f"Add {offers[0]['sender']}, from where this machine calls, to CANDOR_SIP_ALLOW."
    elif plan.transport == "TLS":
        advice = (
            "Check CANDOR_TLS_CERTIFICATE: valid today, and by an authority of CANDOR_TLS_CLIENT_CA where it is set."
        )
    else:
        advice = "Check CANDOR_SIP_HOST, CANDOR_PUBLIC_ADDRESS and the firewall."
    return _Failed("session", words, advice)


def _answered(session: Session, status: Mapping[str, Any]) -> None:
    first, _, last = str(status["rtp_ports"]).partition("-")
    ports = set()
    for label in TONES:
        try:
            ports.add(session.target_of(label)[1])
        except CandorError as error:
            raise _Failed("labels", error.message) from error
    if len(ports) != len(TONES) or not all(int(first) <= port <= int(last) for port in ports):
        raise _Failed("labels", "The answer gives both streams one port, or ports outside CANDOR_RTP_PORTS.")


async def _heard(recorder: RecorderClient, call_id: str, sent: int) -> str:
    """The conversation's id, once everything was counted."""
    found, counted = None, 0
    async for _ in _moments(_SOUND_SECONDS):
        found = _listed(recorder, call_id)
        counted = sum(stream["packets"] for stream in found["streams"]) if found else 0
        if found and counted >= sent:
            return str(found["id"])
    if found is None:
        raise _Failed("sound", "The recorder does not list the call.", "See its log.")
    if not counted:
        raise _Failed(
            "sound",
            f"None of the {sent} packets arrived.",
            "Check the firewall for CANDOR_RTP_PORTS, CANDOR_PUBLIC_ADDRESS, and who else uses these ports.",
        )
    raise _Failed(
        "sound", f"Only {counted} of {sent} packets arrived.", "Is the machine overloaded? See its late beats."
    )


async def _spooled(folder: Path, conversation_id: str, sent: int) -> int:
    """Bytes of the call's sealed file, once it holds what was sent."""
    path, size = folder / f"{conversation_id}.call", 0
    async for _ in _moments(_SOUND_SECONDS):
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
        if size >= sent * _PAYLOAD:
            return size
    if not size:
        advice = "Is CANDOR_DATA here the same as the recorder's?"
        raise _Failed("spool", "There is no sealed file of the call.", advice)
    raise _Failed("spool", f"Only {size:,} bytes of the call are on disk.", "Is the disk full? See the alarms.")


async def _over(recorder: RecorderClient, call_id: str) -> None:
    async for _ in _moments(_SOUND_SECONDS):
        if _listed(recorder, call_id) is None:
            return
    raise _Failed("good-bye", "The BYE was answered, but the recorder still lists the call.", "See its log.")


def _listed(recorder: RecorderClient, call_id: str) -> Mapping[str, Any] | None:
    calls: list[Mapping[str, Any]] = recorder.status()["calls"]
    return next((call for call in calls if call["external_id"] == call_id), None)


async def _follow(
    house: House, outcome: Outcome, passed: Callable[[str, str], None], done: Callable[[Step], None]
) -> None:
    """From the spool to the conversation, and into its sound."""
    conversation_id, kept = str(outcome.conversation_id), None
    async for _ in _moments(_PATIENCE):
        kept = house.kept(conversation_id)
        if kept is not None:
            break
        if not house.working():
            words = "No worker runs: the finished call waits in the spool for one."
            advice = f"Start `candor serve` or `candor worker`; it becomes conversation {conversation_id}."
            done(Step(name="conversation", state=State.SKIPPED, words=words, advice=advice))
            return
    if kept is None:
        words = f"The workers made no conversation of it in {_PATIENCE:.0f} seconds."
        raise _Failed("conversation", words, "See Needs attention and `candor status`.")
    conversation, recording = kept
    passed("conversation", f"The call has become conversation {conversation_id}.")
    with recording:
        channels = hear(recording, conversation.recording.filename if conversation.recording else "")
    for label in TONES:
        _in_its_channel(conversation, channels, label)
    passed("channels", "Each party is heard alone, on a channel of its own.")


def _in_its_channel(conversation: Conversation, channels: Sequence[tuple[float, float]], label: str) -> None:
    hertz = TONES[label]
    party = next((one for one in conversation.parties if one.name == _party(label)), None)
    if party is None or party.channel is None or party.channel >= len(channels):
        raise _Failed("channels", f"Who sent {hertz:.0f} Hz has no channel: metadata and streams were not joined.")
    heard, share = channels[party.channel]
    if abs(heard - hertz) > _NEAR or share < _LEAST_SHARE:
        words = f"The channel of who sent {hertz:.0f} Hz sounds of {heard:.0f} Hz ({share:.0%} of its power)."
        raise _Failed("channels", words, "Sound was lost, mixed or swapped: listen to the conversation.")


def hear(recording: BinaryIO, filename: str) -> list[tuple[float, float]]:
    """(strongest frequency in Hz, its share of the power) of each channel; (0, 0) for a silent one."""
    out = io.BytesIO()
    decode(recording, filename, lambda rate, channels: FlacWriter(out, rate, channels))
    out.seek(0)
    with FlacReader(out) as sound:
        samples, rate = sound.window(0, sound.frames), sound.rate
    return [_strongest(samples[:, channel], rate) for channel in range(samples.shape[1])]


def _strongest(samples: npt.NDArray[np.float32], rate: int) -> tuple[float, float]:
    power = np.abs(np.fft.rfft(samples)) ** 2
    total, best = float(power.sum()), int(power.argmax())
    if not total:
        return 0.0, 0.0
    near = max(1, round(_NEAR * len(samples) / rate))
    share = float(power[max(0, best - near) : best + near + 1].sum()) / total
    return best * rate / len(samples), share


def tone(hertz: float, seconds: float) -> bytes:
    """A tone as mu-law at 8 kHz, in whole packets."""
    at = np.arange(round(seconds * 50) * _PAYLOAD) / 8_000
    return encode_ulaw((8_000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)).tobytes()


def described(call_id: str) -> Metadata:
    """Who is on the test call: nobody with an address, so that it is no agent's and no customer's."""
    labels = list(reversed(TONES))
    return Metadata(
        sessions=(CommunicationSession(id=call_id, extension={"ucid": call_id}),),
        participants=tuple(Participant(id=f"p{label}", name=_party(label)) for label in labels),
        streams=tuple(Stream(id=f"s{label}", session=call_id, label=label) for label in labels),
        session_associations=tuple(SessionAssociation(participant=f"p{label}", session=call_id) for label in labels),
        stream_associations=tuple(StreamAssociation(participant=f"p{label}", sends=(f"s{label}",)) for label in labels),
    )


def _party(label: str) -> str:
    return f"Test tone of {TONES[label]:.0f} Hz"


async def _moments(seconds: float) -> AsyncIterator[None]:
    """Every now and then until the time is over, and once more then."""
    until = time.monotonic() + seconds
    while True:
        last = time.monotonic() >= until
        yield
        if last:
            return
        await asyncio.sleep(0.1)


def _own_address(host: str, port: int) -> str:
    """The address that packets to there come from."""
    try:
        kind = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect((host, port))
            return str(probe.getsockname()[0])
    except OSError as error:
        advice = "Check CANDOR_PUBLIC_ADDRESS."
        raise _Failed("recorder", "The recorder's address cannot be reached from here.", advice) from error
