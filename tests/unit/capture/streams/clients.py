"""Senders that speak to a real server over a real WebSocket: Twilio-like ones and AudioHook."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import socket
import time
import uuid
from collections.abc import Mapping
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from candor.capture.streams.audiohook_messages import render_duration
from candor.capture.streams.signatures import Upgrade, sign_audiohook

SECRET = base64.b64encode(b"a client secret of thirty-two by").decode()
API_KEY = "bm90IGEgcmVhbCBrZXk="
ORGANIZATION = "1f2e3d4c-5b6a-4798-8a7b-6c5d4e3f2a1b"


class Sender:
    """What both have in common: a WebSocket to a path on loopback."""

    def __init__(
        self, port: int, path: str, *, headers: Mapping[str, str] | None = None, sock: socket.socket | None = None
    ) -> None:
        """``sock``: connected already, for what the usual one cannot do."""
        self.port, self.path, self._sock = port, path, sock
        self.headers = dict(headers or {})
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await connect(
            f"ws://127.0.0.1:{self.port}{self.path}",
            additional_headers=self.headers,
            compression=None,
            open_timeout=5,
            close_timeout=2,
            ping_interval=None,
            max_size=None,
            sock=self._sock,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def say(self, message: Mapping[str, Any]) -> None:
        await self.socket.send(json.dumps(message))

    def drop(self) -> None:
        """The network fails: no farewell."""
        self.socket.transport.abort()

    async def closed(self, within: float = 5) -> int | None:
        """Wait until the server closed it; returns the close code."""
        await asyncio.wait_for(self.socket.wait_closed(), within)
        return self.socket.close_code


class MediaStreamSender(Sender):
    """Twilio (or a dialect with the same names): frames of 20 ms."""

    def __init__(self, port: int, path: str, *, call_id: str | None = None, **more: Any) -> None:
        super().__init__(port, path, **more)
        self.stream_id = f"MZ{secrets.token_hex(16)}"
        self.call_id = call_id or f"CA{secrets.token_hex(16)}"
        self.sequence = 0
        self.chunks = {"inbound": 0, "outbound": 0}

    def _next(self) -> str:
        self.sequence += 1
        return str(self.sequence)

    async def start(
        self, *, tracks: tuple[str, ...] = ("inbound", "outbound"), parameters: Mapping[str, str] | None = None
    ) -> None:
        await self.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self.say(
            {
                "event": "start",
                "sequenceNumber": self._next(),
                "streamSid": self.stream_id,
                "start": {
                    "accountSid": "AC0123456789abcdef0123456789abcdef",
                    "streamSid": self.stream_id,
                    "callSid": self.call_id,
                    "tracks": list(tracks),
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                    "customParameters": dict(parameters or {}),
                },
            }
        )

    async def media(self, track: str, payload: bytes, at_ms: int) -> None:
        self.chunks[track] += 1
        await self.say(
            {
                "event": "media",
                "sequenceNumber": self._next(),
                "streamSid": self.stream_id,
                "media": {
                    "track": track,
                    "chunk": str(self.chunks[track]),
                    "timestamp": str(at_ms),
                    "payload": base64.b64encode(payload).decode(),
                },
            }
        )

    async def speak(self, sound: Mapping[str, bytes], *, from_ms: int = 0, frame: int = 160) -> int:
        """All tracks in frames of ``frame`` samples; returns the time stamp after the last one."""
        longest = max(map(len, sound.values()))
        for at in range(0, longest, frame):
            for track, samples in sound.items():
                if samples[at : at + frame]:
                    await self.media(track, samples[at : at + frame], from_ms + at // 8)
        return from_ms + longest // 8

    async def key(self, digit: str) -> None:
        await self.say(
            {
                "event": "dtmf",
                "sequenceNumber": self._next(),
                "streamSid": self.stream_id,
                "dtmf": {"track": "inbound_track", "digit": digit},
            }
        )

    async def stop(self) -> None:
        await self.say({"event": "stop", "sequenceNumber": self._next(), "streamSid": self.stream_id, "stop": {}})


class TelnyxSender(MediaStreamSender):
    """The same with Telnyx' names."""

    async def start(
        self, *, tracks: tuple[str, ...] = (), parameters: Mapping[str, str] | None = None, encoding: str = "PCMU"
    ) -> None:
        await self.say({"event": "connected", "version": "1.0.0"})
        await self.say(
            {
                "event": "start",
                "sequence_number": self._next(),
                "stream_id": self.stream_id,
                "start": {
                    "user_id": "0D7E3F52-93A4-4B77-A0C4-2F1F3E5D6C7B",
                    "call_control_id": self.call_id,
                    "call_session_id": "6f0f4a3e-1c1b-11f0-9a55-02420a0a0a0a",
                    "from": "+12125550100",
                    "to": "+12125550199",
                    "custom_parameters": dict(parameters or {}),
                    "media_format": {"encoding": encoding, "sample_rate": 8000, "channels": 1},
                },
            }
        )

    async def media(self, track: str, payload: bytes, at_ms: int) -> None:
        self.chunks[track] += 1
        await self.say(
            {
                "event": "media",
                "sequence_number": self._next(),
                "stream_id": self.stream_id,
                "media": {
                    "track": track,
                    "chunk": str(self.chunks[track]),
                    "timestamp": str(at_ms),
                    "payload": base64.b64encode(payload).decode(),
                },
            }
        )

    async def stop(self) -> None:
        await self.say({"event": "stop", "sequence_number": self._next(), "stream_id": self.stream_id})


class AudioHookSender(Sender):
    """An AudioHook client as Genesys Cloud is one: signed, counting, keeping its position."""

    def __init__(
        self,
        port: int,
        path: str,
        *,
        conversation_id: str | None = None,
        api_key: str = API_KEY,
        secret: str = SECRET,
        organization_id: str = ORGANIZATION,
        nonce: str | None = None,
        age: int = 0,
        signed: bool = True,
        sock: socket.socket | None = None,
        ani: str = "+12125550100",
    ) -> None:
        self.ani = ani
        self.session_id = str(uuid.uuid4())
        self.conversation_id = conversation_id or str(uuid.uuid4())
        self.participant_id = "00112233-4455-4677-8899-aabbccddeeff"
        self.organization_id = organization_id
        headers = {
            "audiohook-organization-id": organization_id,
            "audiohook-session-id": self.session_id,
            "audiohook-correlation-id": str(uuid.uuid4()),
            "x-api-key": api_key,
        }
        if signed:
            headers |= sign_audiohook(
                Upgrade(target=path, headers=headers),
                authority=f"127.0.0.1:{port}",
                api_key=api_key,
                secret=base64.b64decode(secret),
                nonce=nonce or secrets.token_urlsafe(24),
                created=int(time.time()) - age,
            )
        super().__init__(port, path, headers=headers, sock=sock)
        self.seq = self.server_seq = self.position = 0
        self.media: dict[str, Any] | None = None

    async def tell(self, kind: str, **parameters: Any) -> None:
        self.seq += 1
        await self.say(
            {
                "version": "2",
                "id": self.session_id,
                "type": kind,
                "seq": self.seq,
                "serverseq": self.server_seq,
                "position": render_duration(self.position),
                "parameters": parameters,
            }
        )

    async def hear(self, kind: str, within: float = 5) -> dict[str, Any]:
        """The next message, which must be of this kind."""
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), within))
        assert message["type"] == kind, message
        assert message["seq"] == self.server_seq + 1
        assert message["clientseq"] <= self.seq
        assert message["id"] == self.session_id
        assert message["version"] == "2"
        self.server_seq = message["seq"]
        parameters: dict[str, Any] = message["parameters"]
        return parameters

    async def open(
        self, *, formats: tuple[str, ...] = ("PCMU",), channels: tuple[str, ...] = ("external", "internal"), **more: Any
    ) -> dict[str, Any]:
        """The open transaction; returns what ``opened`` says."""
        await self.ask_open(formats=formats, channels=channels, **more)
        opened = await self.hear("opened")
        self.media = opened["media"][0] if opened["media"] else None
        return opened

    async def ask_open(self, *, formats: tuple[str, ...], channels: tuple[str, ...], **more: Any) -> None:
        await self.tell(
            "open",
            organizationId=self.organization_id,
            conversationId=self.conversation_id,
            participant={
                "id": self.participant_id,
                "ani": self.ani,
                "aniName": "Grace Hopper",
                "dnis": "+12125550199",
            },
            media=[{"type": "audio", "format": name, "channels": list(channels), "rate": 8000} for name in formats],
            language="en-US",
            **more,
        )

    async def speak(self, interleaved: bytes, *, frame: int = 1600) -> None:
        """Sound in frames of ``frame`` samples."""
        assert self.media is not None
        width = len(self.media["channels"]) * (2 if self.media["format"] == "L16" else 1)
        for at in range(0, len(interleaved), frame * width):
            piece = interleaved[at : at + frame * width]
            await self.socket.send(piece)
            self.position += len(piece) // width

    async def close(self, reason: str = "end") -> None:
        await self.tell("close", reason=reason)
        await self.hear("closed")
