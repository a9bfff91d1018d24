"""Who gets in, how many, and how the server comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from candor.capture.streams import Dialect, Limits, Proof, StreamServer, StreamSource
from candor.capture.streams.signatures import twilio_signature
from candor.errors import InvalidInput, Unavailable
from tests.unit.capture.streams.clients import API_KEY, SECRET, AudioHookSender, MediaStreamSender
from tests.unit.capture.streams.recorder import MemoryRecorder
from tests.unit.capture.streams.serving import GENESYS, OPEN, TOKEN, run, serving, until

URL = "wss://recorder.example.com/streams/twilio"
SOURCES = (
    StreamSource(name="twilio", dialect=Dialect.TWILIO, secret="12345", public_url=URL),
    StreamSource(name="any", secret=TOKEN, public_url="wss://recorder.example.com/streams/any"),
    StreamSource(name="telnyx", dialect=Dialect.TELNYX, secret=TOKEN),
    StreamSource(name="bare"),
    GENESYS,
    StreamSource(name="keyless", audiohook=True, secret=SECRET),
    StreamSource(name="keyed", audiohook=True, secret=TOKEN, proof=Proof.TOKEN),
)


async def knock(port: int, path: str, headers: Mapping[str, str] | None = None) -> int:
    """The HTTP status that a request for an upgrade gets."""
    try:
        async with connect(
            f"ws://127.0.0.1:{port}{path}", additional_headers=headers, compression=None, ping_interval=None
        ):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


SIGNED = {"X-Twilio-Signature": twilio_signature("12345", URL)}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ESCAPED = TOKEN.replace(" ", "%20")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/streams/twilio", SIGNED, 101),
        ("/streams/twilio", {"X-Twilio-Signature": twilio_signature("12346", URL)}, 401),
        ("/streams/twilio", {}, 401),
        ("/streams/twilio?token=12345", {}, 401),
        ("/streams/any", BEARER, 101),
        (f"/streams/any?token={ESCAPED}", {}, 101),
        (f"/streams/any/{ESCAPED}", {}, 101),
        (
            "/streams/any",
            {"X-Twilio-Signature": twilio_signature(TOKEN, "wss://recorder.example.com/streams/any")},
            101,
        ),
        ("/streams/any", SIGNED, 401),
        ("/streams/any", {"Authorization": "Bearer wrong"}, 401),
        ("/streams/any?token=wrong", {}, 401),
        ("/streams/any/wrong", {}, 401),
        ("/streams/any", {}, 101),  # the token may yet come with the start
        ("/streams/telnyx", SIGNED, 101),  # means nothing here: still without proof
        ("/streams/bare", {}, 403),
        ("/streams/bare", BEARER, 403),
        ("/audiohook/genesys", {"X-API-KEY": API_KEY}, 401),
        ("/audiohook/keyless", {"X-API-KEY": ""}, 403),
        ("/audiohook/keyed", {"X-API-KEY": TOKEN}, 101),
        ("/audiohook/keyed", {"X-API-KEY": "wrong"}, 401),
        ("/audiohook/keyed", {}, 401),
        ("/audiohook/any", BEARER, 404),
        ("/streams/genesys", BEARER, 404),
        ("/streams/nobody", BEARER, 404),
        ("/streams/any/a/b", BEARER, 404),
        ("/", {}, 404),
        ("/streams", {}, 404),
        ("//", {}, 404),
        ("/%00/%ff", {}, 404),
    ],
)
def test_who_gets_in(path: str, headers: dict[str, str], status: int) -> None:
    async def test() -> None:
        async with serving(*SOURCES) as service:
            assert await knock(service.port, path, headers) == status
            assert bool(service.offers.seen) == (status != 101)
            for offer in service.offers.seen:
                assert not offer.ok
                assert TOKEN not in offer.why

    run(test())


@pytest.mark.parametrize(("token", "begins"), [(TOKEN, True), ("wrong", False), (None, False)])
def test_a_token_that_comes_with_the_start(token: str | None, begins: bool) -> None:
    async def test() -> None:
        async with serving(*SOURCES) as service, MediaStreamSender(service.port, "/streams/any") as sender:
            await sender.start(parameters={} if token is None else {"token": token})
            if begins:
                await service.begun()
            else:
                assert await sender.closed() == 1008
                await service.refused("token is wrong or missing")
                assert service.recorder.calls == []

    run(test())


@pytest.mark.parametrize(
    "client",
    [
        {"secret": "b3RoZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnk="},
        {"api_key": "YW5vdGhlcg=="},
        {"age": 12},
        {"age": -10},
        {"signed": False},
        {"nonce": "short"},
    ],
)
def test_an_audiohook_client_without_a_right_signature(client: dict[str, Any]) -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            with pytest.raises(InvalidStatus, match="401"):
                await AudioHookSender(service.port, "/audiohook/genesys", **client).__aenter__()

    run(test())


def test_a_signature_is_good_for_one_connection() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            sender = AudioHookSender(service.port, "/audiohook/genesys")
            async with sender:
                await sender.open()
            assert await knock(service.port, "/audiohook/genesys", sender.headers) == 401
            await service.refused("used before")

    run(test())


def test_refusals_take_their_time() -> None:
    async def test() -> None:
        async with serving(*SOURCES, limits=Limits(refusal_seconds=0.2)) as service:
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert await asyncio.gather(*(knock(service.port, "/streams/bare") for _ in range(5))) == [403] * 5
            assert 0.2 <= loop.time() - began < 3

    run(test())


def test_a_full_house() -> None:
    async def test() -> None:
        async with serving(OPEN, limits=Limits(connections=2, refusal_seconds=0)) as service:
            async with (
                MediaStreamSender(service.port, "/streams/open"),
                MediaStreamSender(service.port, "/streams/open"),
            ):
                assert await knock(service.port, "/streams/open") == 503
                await service.refused("More senders are connected")
            await until(lambda: service.server.connections == 0)
            assert await knock(service.port, "/streams/open") == 101

    run(test())


def test_strangers_take_no_room_from_those_who_prove_themselves() -> None:
    async def test() -> None:
        async with (
            serving(*SOURCES, limits=Limits(unproven=1, refusal_seconds=0)) as service,
            MediaStreamSender(service.port, "/streams/any") as stranger,
        ):
            assert await knock(service.port, "/streams/any") == 503
            assert await knock(service.port, "/streams/any", BEARER) == 101
            await stranger.start(parameters={"token": TOKEN})
            await service.begun()
            assert await knock(service.port, "/streams/any") == 101

    run(test())


def test_draining_asks_senders_to_go_and_takes_no_new_ones() -> None:
    async def test() -> None:
        async with (
            serving(OPEN, GENESYS) as service,
            MediaStreamSender(service.port, "/streams/open") as stream,
            AudioHookSender(service.port, "/audiohook/genesys") as hook,
        ):
            await stream.start()
            await hook.open()
            await service.begun(2)
            draining = asyncio.create_task(service.server.drain(5))
            await hook.hear("reconnect")
            assert await knock(service.port, "/streams/open") == 503
            await hook.close("reconnect")
            await hook.closed()
            assert not draining.done()
            await stream.speak({"inbound": bytes(8_000)})
            await stream.stop()
            await stream.closed()
            await asyncio.wait_for(draining, 3)
            ended = {call.facts.protocol: call.ended for call in service.recorder.calls}
            assert ended == {"twilio": "ended", "audiohook": "closed by the sender: reconnect"}

    run(test())


def test_draining_does_not_wait_for_ever() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            call = await service.begun()
            await service.server.drain(0.1)
            assert await sender.closed() == 1001
            assert call.ended == "recorder stopped"

    run(test())


def test_stopping_ends_calls_that_wait_for_their_sender() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            async with AudioHookSender(service.port, "/audiohook/genesys") as sender:
                await sender.open()
                sender.drop()
            await until(lambda: service.server.connections == 0)
            await service.server.stop()
            assert service.call.ended == "recorder stopped"

    run(test())


def test_it_can_be_started_again_and_stopped_twice() -> None:
    async def test() -> None:
        server = StreamServer(MemoryRecorder(), [OPEN], port=0)
        for _ in range(3):
            await server.start()
            await server.start()
            assert await knock(server.port, "/streams/open") == 101
            await server.stop()
            await server.stop()
            await server.drain(1)

    run(test())


def test_a_port_that_is_taken() -> None:
    async def test() -> None:
        async with serving(OPEN) as service:
            other = StreamServer(MemoryRecorder(), [OPEN], port=service.port)
            with pytest.raises(Unavailable, match="listened on"):
                await other.start()
            await other.stop()

    run(test())


def test_two_sources_of_one_name() -> None:
    with pytest.raises(InvalidInput):
        StreamServer(MemoryRecorder(), [OPEN, replace(OPEN, secret="x")])


def test_a_sender_that_never_reads() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            with socket.socket() as narrow:
                narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                narrow.connect(("127.0.0.1", service.port))
                narrow.setblocking(False)
                async with AudioHookSender(service.port, "/audiohook/genesys", sock=narrow) as sender:
                    await sender.open()
                    sender.socket.transport.pause_reading()
                    with contextlib.suppress(ConnectionClosed):
                        while service.server.connections and sender.seq < 200_000:
                            await sender.tell("ping")
                    await until(lambda: service.server.connections == 0)
                    sender.drop()

    run(test())


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that signed itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recorder")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "recorder.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_tls(certificate: Path) -> None:
    async def test() -> None:
        ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ours.load_cert_chain(certificate)
        theirs = ssl.create_default_context(cafile=str(certificate))
        async with serving(OPEN, tls=ours) as service:
            address = f"wss://127.0.0.1:{service.port}/streams/open"
            async with connect(address, ssl=theirs, compression=None, ping_interval=None) as socket:
                await socket.send('{"event":"start","start":{"streamSid":"MZ1","callSid":"CA1"}}')
                assert (await service.begun()).facts.external_id == "CA1"

    run(test())
