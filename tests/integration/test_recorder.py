"""The recorder and the world: TLS, keys that pause, hostile packets, floods; calls becoming conversations."""

from __future__ import annotations

import asyncio
import datetime
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from candor import wiring
from candor.capture import store as register
from candor.capture.rtp.packet import RtpPacket
from candor.capture.siprec.client import OfferedStream, RecordingClient, Session, play
from candor.capture.siprec.model import Metadata, Participant, Stream, StreamAssociation
from candor.capture.siprec.model import Session as Communication
from candor.errors import InvalidInput, Unavailable
from candor.settings import load
from tests.peers import sipp
from tests.peers.recorder import RunningRecorder, find, running

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
ULAW_SILENCE = 0xFF
STREAMS = (OfferedStream(label="1"), OfferedStream(label="2"))


def described(call_id: str = "check-1") -> Metadata:
    return Metadata(
        sessions=(Communication(id=call_id, extension={"ucid": call_id}),),
        participants=(Participant(id="c", aor="sip:+14155550101@sbc"), Participant(id="a", aor="sip:1001@pbx")),
        streams=(Stream(id="s1", label="1"), Stream(id="s2", label="2")),
        stream_associations=(
            StreamAssociation(participant="c", sends=("s1",)), StreamAssociation(participant="a", sends=("s2",)),
        ),
    )  # fmt: skip


def sound(seed: int, seconds: float) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, round(seconds * 50) * 160, dtype=np.uint8).tobytes()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunningRecorder]:
    data = tmp_path / "data"
    data.mkdir()
    with running(data, CANDOR_PAUSE_KEYS="*7", CANDOR_RESUME_KEYS="*8", CANDOR_MOST_CALLS="20") as made:
        yield made


async def one_call(port: int, given: dict[str, bytes], *, during: object = None, name: str = "check-1") -> None:
    client = RecordingClient()
    try:
        flow = await client.reach("127.0.0.1", port)
        session = await client.begin(flow, STREAMS, described(name))
        playing = asyncio.create_task(play(session, given))
        if during is not None:
            await during(session)  # type: ignore[operator]
        await playing
        await client.end(session)
    finally:
        await client.close()


def test_keys_pause_and_resume_and_are_not_kept(recorder: RunningRecorder) -> None:
    given = {"1": sound(1, 4), "2": sound(2, 4)}
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def press(session: Session, keys: str) -> None:
        """RFC 4733 from the agent's telephone: each key as three packets and an end that is sent three times."""
        for key in keys:
            stamp = int(time.monotonic() * 8000) & 0xFFFFFFFF
            code = "0123456789*#".index(key)
            for turn in range(6):
                packet = RtpPacket(
                    payload_type=101, sequence=int(time.monotonic() * 1000) & 0xFFFF, timestamp=stamp, ssrc=99,
                    payload=bytes((code, 0x8A if turn > 2 else 0x0A, 0, 160)),
                )  # fmt: skip
                events.sendto(bytes(packet), session.target_of("3"))
                await asyncio.sleep(0.02)

    events = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def scenario() -> None:
        client = RecordingClient()
        flow = await client.reach("127.0.0.1", recorder.port)
        session = await client.begin(flow, (*STREAMS, OfferedStream(label="3")), described())
        playing = asyncio.create_task(play(session, given))
        await asyncio.sleep(1.0)
        await press(session, "*7")
        await asyncio.sleep(1.0)
        assert recorder.client.status()["calls"][0]["paused"]
        await press(session, "*8")
        await playing
        await client.end(session)
        await client.close()

    with peer, events:
        asyncio.run(scenario())
    (kept,) = recorder.collect()
    (gap,) = kept.conversation.gaps
    assert (gap.reason, gap.by) == ("paused", "key")
    assert 0.8 < gap.stop - gap.start < 1.8
    low, high = round(gap.start * 8000), round(gap.stop * 8000)
    assert (kept.channels[low + 400 : high - 400] == ULAW_SILENCE).all()
    assert find(kept.channels[:, 0], given["1"][:4000]) >= 0


def test_hostile_packets_cost_the_other_calls_nothing(recorder: RunningRecorder) -> None:
    """RFC 4475 and worse over UDP and TCP, RTP of strangers, while a call is recorded."""
    given = {"1": sound(1, 3), "2": sound(2, 3)}
    port = recorder.port
    files = [path.read_bytes() for path in sorted((VECTORS / "sip").glob("*.sip"))]
    assert len(files) > 40

    async def bother(session: Session) -> None:
        await asyncio.sleep(0.3)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, attack, session.target_of("1"))

    def attack(media: tuple[str, int]) -> None:
        rng = np.random.default_rng(0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
            for data in files:
                handle.sendto(data[:60_000], ("127.0.0.1", port))
            for size in rng.integers(1, 1400, 300):
                handle.sendto(rng.bytes(int(size)), ("127.0.0.1", port))
                handle.sendto(rng.bytes(int(size)), media)
                time.sleep(0.001)
            for number in range(400):
                time.sleep(0.002)
                handle.sendto(
                    bytes(RtpPacket(payload_type=0, sequence=number, timestamp=0, ssrc=3, payload=b"?" * 160)), media
                )
        for data in [*files[:12], b"INVITE" * 20_000, b"\r\n" * 50_000, rng.bytes(200_000)]:
            with socket.create_connection(("127.0.0.1", port), 5) as handle:
                try:
                    handle.sendall(data)
                    handle.shutdown(socket.SHUT_WR)
                    handle.settimeout(2)
                    while handle.recv(65_536):
                        pass
                except OSError:
                    continue  # it hung up on us

    asyncio.run(one_call(port, given, during=bother))
    status = recorder.client.status()
    assert any(not offer["accepted"] for offer in status["offers"])
    assert all("14155550101" not in offer["words"] for offer in status["offers"])
    # Torture messages that are proper INVITEs of a stranger open nothing: none of them offers a recording session.
    kept = next(one for one in recorder.collect() if one.conversation.external_id == "check-1")
    assert find(kept.channels[:, 0], given["1"]) >= 0
    assert find(kept.channels[:, 1], given["2"]) >= 0


def test_a_flood_of_invites_ends_at_the_limit(recorder: RunningRecorder) -> None:
    async def scenario() -> list[object]:
        client = RecordingClient()
        flow = await client.reach("127.0.0.1", recorder.port)
        tried = [client.begin(flow, STREAMS, described(f"flood-{n}")) for n in range(60)]
        answers = await asyncio.gather(*tried, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Session):
                await client.end(answer)
        await client.close()
        return list(answers)

    answers = asyncio.run(scenario())
    refused = [answer for answer in answers if isinstance(answer, InvalidInput)]
    assert sum(isinstance(answer, Session) for answer in answers) == 20
    assert len(refused) == 40
    assert "503" in str(refused[0])
    assert recorder.client.status()["active"] == 0


def test_strange_networks_get_no_answer(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data, CANDOR_SIP_ALLOW='["192.0.2.0/24"]') as recorder:
        port = recorder.port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
            handle.settimeout(1.0)
            handle.sendto(
                (VECTORS / "sip" / min(p.name for p in (VECTORS / "sip").glob("*.sip"))).read_bytes(),
                ("127.0.0.1", port),
            )
            with pytest.raises(TimeoutError):
                handle.recv(2_000)
        (offer,) = recorder.client.status()["offers"]
        assert "CANDOR_SIP_ALLOW" in offer["words"]


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """(authority, server's chain and key, client's chain and key) as PEM files."""
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)

    def make(
        name: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        by, by_key = issuer or (subject, key)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )  # fmt: skip
        return builder.sign(by_key, hashes.SHA256()), key

    authority, authority_key = make("authority", None)
    pem = serialization.Encoding.PEM
    paths = [folder / "ca.pem"]
    paths[0].write_bytes(authority.public_bytes(pem))
    for name in ("server", "client"):
        certificate, key = make(name, (authority.subject, authority_key))
        path = folder / f"{name}.pem"
        path.write_bytes(
            certificate.public_bytes(pem)
            + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        paths.append(path)
    return paths[0], paths[1], paths[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[RunningRecorder, int, ssl.SSLContext, ssl.SSLContext]]:
    """(recorder, port, a client's context with its certificate, one without)."""
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    authority, server, client = certificates(tmp_path)
    known, unknown = ssl.create_default_context(cafile=authority), ssl.create_default_context(cafile=authority)
    known.load_cert_chain(client)
    known.check_hostname = unknown.check_hostname = False
    with running(
        data, CANDOR_SIPS_PORT=str(port), CANDOR_TLS_CERTIFICATE=str(server), CANDOR_TLS_CLIENT_CA=str(authority)
    ) as recorder:
        yield recorder, port, known, unknown


def test_tls_asks_for_the_clients_certificate(tls: tuple[RunningRecorder, int, ssl.SSLContext, ssl.SSLContext]) -> None:
    recorder, port, known, unknown = tls
    given = {"1": sound(1, 1), "2": sound(2, 1)}

    async def scenario(context: ssl.SSLContext) -> None:
        client = RecordingClient()
        try:
            flow = await client.reach("127.0.0.1", port, "TLS", context)
            session = await asyncio.wait_for(client.begin(flow, STREAMS, described()), 5)
            await play(session, given)
            await client.end(session)
        finally:
            await client.close()

    with pytest.raises((Unavailable, TimeoutError)):
        asyncio.run(scenario(unknown))
    asyncio.run(scenario(known))
    (kept,) = recorder.collect()
    assert find(kept.channels[:, 0], given["1"]) >= 0


@pytest.mark.skipif(sipp.SIPP is None, reason="SIPp (Debian's sip-tester) is not installed")
def test_sipp_over_tls(tls: tuple[RunningRecorder, int, ssl.SSLContext, ssl.SSLContext], tmp_path: Path) -> None:
    """Debian's SIPp speaks no TLS: a tunnel takes its TCP and goes on in TLS."""
    recorder, port, known, _ = tls
    from tests.integration.test_siprec import check_plain, plain, speech

    listener = socket.create_server(("127.0.0.1", 0))

    def tunnel() -> None:
        near, _ = listener.accept()
        with near, known.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as far:

            def back() -> None:
                try:
                    while data := far.recv(65_536):
                        near.sendall(data)
                except OSError:
                    return

            reader = threading.Thread(target=back)
            reader.start()
            try:
                while data := near.recv(65_536):
                    far.sendall(data)
            finally:
                far.shutdown(socket.SHUT_RDWR)
                reader.join()

    thread = threading.Thread(target=tunnel)
    thread.start()
    one, two = speech(tmp_path, "one.pcap", 2, 1), speech(tmp_path, "two.pcap", 2, 2)
    sipp.run(plain(one, two, 2.6), listener.getsockname()[1], tmp_path, "-t", "t1")
    thread.join(10)
    listener.close()
    (kept,) = recorder.collect()
    check_plain(kept, one, two)


def test_a_call_without_sound_is_told_of_and_not_lost_in_silence(recorder: RunningRecorder) -> None:
    async def scenario() -> None:
        client = RecordingClient()
        session = await client.begin(await client.reach("127.0.0.1", recorder.port), STREAMS, described())
        await asyncio.sleep(0.3)
        await client.end(session)
        await client.close()

    asyncio.run(scenario())
    services = recorder.services()
    wiring.make_collector(load(data=recorder.data), services).collect()
    with services.database.read() as uow:
        (refusal,) = register.open_refusals(uow)
        assert refusal.code == "capture.no_sound"
        assert not register.ids(uow)
    services.database.close()
    assert recorder.client.status()["sources"]["siprec"]["silent_streams"] == 2


def test_a_call_is_made_once_however_often_its_maker_dies(recorder: RunningRecorder) -> None:
    """Killed before and after: the file stays until the conversation is durable, and makes one conversation."""
    given = {"1": sound(1, 1), "2": sound(2, 1)}
    asyncio.run(one_call(recorder.port, given))
    recorder.wait_for(lambda status: not status["active"])
    (path,) = (recorder.data / "spool").glob("*.done")
    copy = path.read_bytes()
    settings = load(data=recorder.data)
    child = os.fork()
    if child == 0:
        from candor.pipeline import collector

        collector.spool.forget = lambda _path: os.kill(os.getpid(), 9)  # type: ignore[assignment]
        services = wiring.open_services(settings)
        wiring.make_collector(settings, services).collect()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 9
    assert path.exists()
    (kept,) = recorder.collect()
    assert find(kept.channels[:, 0], given["1"]) >= 0
    path.write_bytes(copy)
    services = recorder.services()
    assert wiring.make_collector(settings, services).collect() == 0
    with services.database.read() as uow:
        assert len(register.ids(uow)) == 1
    services.database.close()
    assert not path.exists()


def test_a_file_that_is_damaged_is_put_aside_for_a_person(recorder: RunningRecorder) -> None:
    (recorder.data / "spool" / "nonsense.done").write_bytes(b"not a spool file")
    services = recorder.services()
    wiring.make_collector(load(data=recorder.data), services).collect()
    with services.database.read() as uow:
        (refusal,) = register.open_refusals(uow)
    services.database.close()
    assert refusal.code == "spool.damaged"
    assert (recorder.data / "spool" / "nonsense.bad").exists()


def test_stopping_says_good_bye_and_finishes_the_call(recorder: RunningRecorder) -> None:
    given = {"1": sound(1, 6), "2": sound(2, 6)}
    ended: list[bool] = []

    async def scenario() -> None:
        client = RecordingClient()
        session = await client.begin(await client.reach("127.0.0.1", recorder.port), STREAMS, described())
        playing = asyncio.create_task(play(session, given))
        await asyncio.sleep(1.0)
        await asyncio.get_running_loop().run_in_executor(None, recorder.stop)
        await playing
        ended.append(session.ended.is_set())
        await client.close()

    asyncio.run(scenario())
    assert ended == [True], "no BYE came"
    (kept,) = recorder.collect()
    assert not kept.conversation.gaps
    assert find(kept.channels[:, 0], given["1"][:6400]) >= 0
