"""The recorder as a process: everything that listens, one beat, and an orderly end.

Stopping takes no new calls, waits for those that run, says good-bye to the rest, and closes their files, so that they
go on their way like any other call. A second signal ends at once; what was sealed is found at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import os
import re
import resource
import signal
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from pydantic import TypeAdapter, ValidationError

from candor.capture.control import ControlServer
from candor.capture.ports import Gate
from candor.capture.recorder import Keys, Recorder
from candor.capture.rtp.ports import PortRange
from candor.capture.siprec.dialog import SiprecSettings
from candor.capture.siprec.server import SiprecServer
from candor.capture.siprec.session import House
from candor.capture.spool.spool import Keyring, Spool
from candor.capture.streams.server import StreamServer
from candor.capture.streams.sources import StreamSource
from candor.errors import InvalidInput, Unavailable
from candor.kit.log import get_logger

_OTHER_PORTS = 5
_log = get_logger("recorder")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSettings:
    """What the process is told; the words are those of docs/reference/settings.md."""

    spool: Path
    control: Path
    host: str
    port: int
    tls_port: int
    address: str
    rtp_ports: str
    allow: tuple[str, ...]
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    digest: tuple[str, ...] = ("SHA-256", "MD5")
    media_from: str = "known"
    srtp: str = "allow"
    certificate: Path | None = None
    client_ca: Path | None = None
    agents: tuple[str, ...] = ()
    pause_keys: str = ""
    resume_keys: str = ""
    pause_phrases: int = 0
    """How many phrases pause recording: another process listens for them."""
    objections: bool = False
    """Whether that process listens for customers' objections, too."""
    longest_pause: float = 0.0
    refuse_barred: bool = True
    most_calls: int = 5_000
    drain_seconds: float = 10.0
    stream_port: int = 0
    stream_sources: tuple[dict[str, Any], ...] = field(default=(), repr=False)


class RecorderProcess:
    """Made once; :meth:`run` returns when it was asked to stop."""

    def __init__(self, keyring: Keyring, settings: RecorderSettings, gate: Gate | None = None) -> None:
        """Raises InvalidInput for settings that cannot work together."""
        self._settings = settings
        self._networks = _networks(settings.allow)
        self._house = _house(settings.agents)
        self._tls = _tls(settings)
        self._sources = stream_sources(settings.stream_sources)
        if settings.address in {"0.0.0.0", "::"}:  # noqa: S104  compared, not bound
            raise InvalidInput(
                "Senders cannot be told to send to every address.",
                code="capture.address",
                advice="Set CANDOR_PUBLIC_ADDRESS to the address that they reach this machine by.",
            )
        first, _, last = settings.rtp_ports.partition("-")
        self.recorder = Recorder(
            Spool(settings.spool, keyring, monotonic=time.monotonic),
            PortRange(settings.host, int(first), int(last), marks=settings.control.with_name("media-ports")),
            keys=Keys(pause=settings.pause_keys, resume=settings.resume_keys),
            most_calls=settings.most_calls,
            longest_pause=settings.longest_pause,
            gate=gate,
            refuse_barred=settings.refuse_barred,
        )

    def run(self, *, parent: int | None = None) -> None:
        """Record until SIGTERM or SIGINT, or until the process ``parent`` is gone."""
        _raise_limit()
        uvloop.run(self._main(parent))

    async def _main(self, parent: int | None) -> None:
        recorder, settings = self.recorder, self._settings
        recorder.left_open = recorder.spool.open()
        if recorder.left_open:
            _log.warning("an earlier recorder left calls open; they are finished", calls=recorder.left_open)
        stop, beating = asyncio.Event(), asyncio.Event()
        siprec = SiprecServer(recorder, self._siprec(settings.port))
        streams = self._streams()
        port = await self._listen(siprec)
        if streams is not None:
            await streams.start()
        control = ControlServer(recorder, settings.control, self._about(port, streams))
        await control.start()
        gc.collect()
        gc.freeze()  # what was loaded stays: the collector need not look at it again and again
        _log.info("recording", sip_port=port, media_ports=recorder.ports.total)
        tasks = [asyncio.create_task(recorder.run(beating)), asyncio.create_task(siprec.tend(beating))]
        try:
            await self._until_stopped(stop, parent, tasks, streams)
        finally:
            if streams is not None:
                await streams.stop()
            await siprec.close()
            beating.set()
            await asyncio.gather(*tasks, return_exceptions=True)
            for call in list(recorder.calls.values()):
                call.end("shutdown")
            await control.stop()
            recorder.spool.close()
        for task in tasks:
            task.result()

    def _streams(self) -> StreamServer | None:
        if not self._sources:
            return None
        settings, observer = self._settings, _Observer(self.recorder)
        return StreamServer(
            self.recorder,
            self._sources,
            host=settings.host,
            port=settings.stream_port,
            observer=observer,
            tls=_tls_server(settings.certificate),
        )

    async def _listen(self, siprec: SiprecServer) -> int:
        """Open the SIP ports; returns the one of UDP and TCP."""
        settings = self._settings
        for left in range(0 if settings.port else _OTHER_PORTS, -1, -1):
            port = await siprec.endpoint.listen_udp(settings.host, settings.port)
            try:
                await siprec.endpoint.listen_tcp(settings.host, port)
            except Unavailable:
                # Free for UDP, but not for TCP: where any port will do, another one is tried.
                siprec.endpoint.forget_udp()
                if not left:
                    raise
            else:
                break
        siprec.settle(port)
        if self._tls is not None:
            await siprec.endpoint.listen_tcp(settings.host, settings.tls_port, self._tls)
        return port

    async def _until_stopped(
        self, stop: asyncio.Event, parent: int | None, tasks: list[asyncio.Task[None]], streams: StreamServer | None
    ) -> None:
        """Wait for a signal, for the parent's end or for a fault; then for the calls that run, or a second signal."""
        loop, quick = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _Asked(stop, quick).once_more)
        while not stop.is_set() and parent in {None, os.getppid()} and not any(task.done() for task in tasks):
            await _wait(stop, 0.2)
        seconds = self._settings.drain_seconds
        leaving = [self.recorder.drain(seconds), *([] if streams is None else [streams.drain(seconds)])]
        draining = asyncio.gather(*leaving)
        while not draining.done() and not await _wait(quick, 0.05):
            pass
        draining.cancel()

    def _siprec(self, port: int) -> SiprecSettings:
        settings = self._settings
        return SiprecSettings(
            address=settings.address, port=port, allow=self._networks, users=settings.users,
            digest=settings.digest, srtp=settings.srtp, house=self._house, media_from=settings.media_from,
            tls_port=settings.tls_port,
        )  # fmt: skip

    def _about(self, port: int, streams: StreamServer | None) -> dict[str, Any]:
        """What a page needs to say how to connect."""
        settings = self._settings
        return {
            "address": settings.address, "sip_port": port, "sips_port": settings.tls_port if self._tls else None,
            "stream_port": None if streams is None else streams.port,
            "stream_sources": [
                {"name": s.name, "audiohook": s.audiohook, "dialect": s.dialect, "region": s.region}
                for s in self._sources
            ],
            "rtp_ports": settings.rtp_ports, "srtp": settings.srtp, "digest": bool(settings.users),
            "allow": list(settings.allow), "pid": os.getpid(), "pause_phrases": settings.pause_phrases,
            "objections": settings.objections,
        }  # fmt: skip


class _Observer:
    """Puts the offers of media streams beside those of SIPREC."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def offered(self, source: str, protocol: str, *, ok: bool, why: str) -> None:
        self._recorder.offered(protocol, source, why or "Recording.", accepted=ok, source=source)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The first signal asks to stop, the second to hurry."""

    stop: asyncio.Event
    quick: asyncio.Event

    def once_more(self) -> None:
        (self.quick if self.stop.is_set() else self.stop).set()


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether ``event`` was set within ``seconds``."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def stream_sources(given: tuple[dict[str, Any], ...]) -> tuple[StreamSource, ...]:
    """The configured senders of media streams; raises InvalidInput that names what is wrong, never a secret."""
    try:
        return tuple(TypeAdapter(StreamSource).validate_python(one) for one in given)
    except ValidationError as error:
        fields = ", ".join(sorted({str(f["loc"][0]) for f in error.errors() if f["loc"]}))
        raise InvalidInput(f"CANDOR_STREAM_SOURCES is not valid; look at: {fields}.", code="settings.invalid") from None


def _networks(given: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(text) for text in given)
    except ValueError as error:
        raise InvalidInput(
            "CANDOR_SIP_ALLOW holds something that is no network.",
            code="settings.invalid",
            advice='Write networks such as ["10.1.0.0/16", "192.0.2.7/32"].',
        ) from error


def _house(patterns: tuple[str, ...]) -> House:
    try:
        return House(agents=tuple(re.compile(pattern) for pattern in patterns))
    except re.error as error:
        raise InvalidInput(
            "CANDOR_AGENT_ADDRESSES holds a pattern that is no regular expression.", code="settings.invalid"
        ) from error


def _tls(settings: RecorderSettings) -> ssl.SSLContext | None:
    """For SIP; with ``client_ca``, a client certificate is required."""
    if not settings.tls_port:
        return None
    context = _tls_server(settings.certificate)
    if context is None:
        raise InvalidInput(
            "SIP over TLS needs a certificate.", code="settings.invalid", advice="Set CANDOR_TLS_CERTIFICATE."
        )
    try:
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            "The authorities of client certificates cannot be read.",
            code="settings.invalid",
            advice="CANDOR_TLS_CLIENT_CA is a PEM file.",
        ) from error
    return context


def _tls_server(certificate: Path | None) -> ssl.SSLContext | None:
    """TLS 1.2 and later with our certificate; None without one."""
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            "The TLS certificate cannot be read.",
            code="settings.invalid",
            advice="CANDOR_TLS_CERTIFICATE is a PEM file with certificate chain and private key.",
        ) from error
    return context


def _raise_limit() -> None:
    """As many open files as the system lets us: two sockets a stream and a file a call."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
