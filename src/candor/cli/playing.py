"""Playing recordings in as live calls: through SIPREC, over real sockets, in real time; for the demo."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from candor.capture import store as register
from candor.capture.control import RecorderClient
from candor.capture.files import IntakeItem, Metadata, decode
from candor.capture.rtp.codecs import encode_ulaw
from candor.capture.siprec.client import OfferedStream, RecordingClient, play
from candor.capture.siprec.model import Group, Participant, Session, Stream, StreamAssociation
from candor.capture.siprec.model import Metadata as RsMetadata
from candor.errors import InvalidInput, Unavailable
from candor.kit.sound import FlacReader, FlacWriter
from candor.services import Services

_STAGGER = 0.4
"""Seconds between the beginnings of two calls."""
_STREAMS = (OfferedStream(label="1"), OfferedStream(label="2"))


def fresh(services: Services, items: Sequence[IntakeItem]) -> list[IntakeItem]:
    """The calls that are not there yet."""
    with services.database.read() as uow:
        return [item for item in items if not register.by_external_id(uow, item.metadata.call_id or "")]


def play_calls(
    services: Services, items: Sequence[IntakeItem], awaited: Sequence[IntakeItem], *, console: Console,
    tend: Callable[[], object],
) -> list[str]:  # fmt: skip
    """Place every call and wait until those that are ``awaited`` became conversations; returns their ids.

    The customer is on the first channel of each recording, the agent on the second. ``tend`` is called twice a second.
    """
    status = _wait_for_recorder(services.recorder, tend)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    with bar:
        task = bar.add_task("Calls, live", total=len(items))
        asyncio.run(_play_all(items, str(status["address"]), int(status["sip_port"]), lambda: bar.advance(task), tend))
        return _ids(services, awaited, tend)


def _wait_for_recorder(recorder: RecorderClient, tend: Callable[[], object]) -> dict[str, Any]:
    until = time.monotonic() + 30
    while True:
        try:
            return recorder.status()
        except Unavailable:
            if time.monotonic() > until:
                raise
        tend()
        time.sleep(0.5)


async def _play_all(
    items: Sequence[IntakeItem], host: str, port: int, done: Callable[[], None], tend: Callable[[], object]
) -> None:
    client = RecordingClient()
    try:
        flow = await client.reach(host, port)

        async def one(number: int, item: IntakeItem) -> None:
            sound = await asyncio.to_thread(_sides, item)
            await asyncio.sleep(number * _STAGGER)
            session = await client.begin(flow, _STREAMS, _described(item.metadata))
            await play(session, dict(zip(("1", "2"), sound, strict=True)))
            await client.end(session)
            done()

        async def look_after() -> None:
            while True:
                tend()
                await asyncio.sleep(0.5)

        looking = asyncio.create_task(look_after())
        try:
            await asyncio.gather(*(one(number, item) for number, item in enumerate(items)))
        finally:
            looking.cancel()
    finally:
        await client.close()


def _sides(item: IntakeItem) -> tuple[bytes, bytes]:
    """Both channels of a recording as mu-law at 8 kHz."""
    out = io.BytesIO()
    with item.open() as stream:
        decode(stream, item.name, lambda rate, channels: FlacWriter(out, rate, channels))
    out.seek(0)
    with FlacReader(out) as sound:
        if sound.channels < 2 or sound.rate != 8_000:
            raise InvalidInput("A call to play in needs two channels at 8 kHz.", code="demo.sound")
        samples = (sound.window(0, sound.frames) * 32767).astype(np.int16)
    return encode_ulaw(np.ascontiguousarray(samples[:, 0])).tobytes(), encode_ulaw(
        np.ascontiguousarray(samples[:, 1])
    ).tobytes()


def _described(facts: Metadata) -> RsMetadata:
    """What a session border controller would tell of the call."""
    outbound = facts.direction.value == "outbound"
    customer = facts.callee if outbound else facts.caller
    about = {"ucid": facts.call_id, "queue": facts.queue, "team": facts.team, "direction": facts.direction.value}
    return RsMetadata(
        groups=(Group(id=f"group-{facts.call_id}"),),
        sessions=(
            Session(
                id=f"session-{facts.call_id}", group=f"group-{facts.call_id}",
                extension={name: value for name, value in about.items() if value},
            ),
        ),
        participants=(
            Participant(id="customer", aor=f"sip:{customer}@sbc.demo.example"),
            Participant(id="agent", aor=f"sip:{facts.agent}@pbx.demo.example", name=facts.agent_name),
        ),
        streams=(Stream(id="in", label="1"), Stream(id="out", label="2")),
        stream_associations=(
            StreamAssociation(participant="customer", sends=("in",)),
            StreamAssociation(participant="agent", sends=("out",)),
        ),
    )  # fmt: skip


def _ids(services: Services, items: Sequence[IntakeItem], tend: Callable[[], object]) -> list[str]:
    """The conversations that the calls became; those that do not within a minute are left out."""
    until, wanted = time.monotonic() + 60, [item.metadata.call_id or "" for item in items]
    while True:
        with services.database.read() as uow:
            found = [ids[0] for call_id in wanted if (ids := register.by_external_id(uow, call_id))]
        if len(found) == len(wanted) or time.monotonic() > until:
            return found
        tend()
        time.sleep(0.5)
