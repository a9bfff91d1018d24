"""Media streams at each consent level through the real recorder: Twilio, Telnyx, AudioHook, and what is on the disk."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from candor import wiring
from candor.capture import store as register
from candor.capture import unrecorded
from candor.capture.unrecorded import UnrecordedCall
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Whose
from candor.consent.ledger.service import Person
from candor.services import Services
from candor.settings import load
from tests.integration.test_recorder import sound
from tests.peers.recorder import RunningRecorder, find, running
from tests.unit.capture.streams.clients import API_KEY, SECRET, AudioHookSender, MediaStreamSender, TelnyxSender

pytestmark = pytest.mark.slow

SECONDS = 2.4
CUSTOMER, AGENT = sound(11, SECONDS), sound(12, SECONDS)
TEXAN, JAPANESE, CALIFORNIAN = "+17135550104", "+81312345678", "+14155550101"
FRENCH, GERMAN = "+33142685300", "+493023125012"
WITHHELD = "anonymous"
SOURCES = [
    {"name": "twilio", "dialect": "twilio", "proof": "none"},
    {"name": "telnyx", "dialect": "telnyx", "proof": "none"},
    {"name": "audiohook", "audiohook": True, "secret": SECRET, "api_key": API_KEY},
]
PROTOCOLS = ("twilio", "telnyx", "audiohook")
HOUSE = {
    "CANDOR_CONSENT": "enforce", "CANDOR_ESTABLISHMENT": "US-TX", "CANDOR_STREAM_SOURCES": json.dumps(SOURCES),
    "CANDOR_STREAM_PORT": "0",
}  # fmt: skip


@dataclass
class Spoken:
    """How a call went for its sender."""

    id: str
    refused: bool = False
    """The recorder would not take it."""
    paused_at_once: bool = False
    """AudioHook alone: it was asked not to send yet."""
    asked: list[str] = field(default_factory=list)
    """AudioHook alone: what the recorder asked for meanwhile."""


Then = Callable[[str], Awaitable[None]]
"""What happens in the middle of a call, by its id."""
NAMES = (
    "zero", "one", "two", "three", "four", "four-yes", "objects", "never", "withheld",
    *(f"barred-{one}" for one in PROTOCOLS), *(f"dark-{one}" for one in PROTOCOLS),
)  # fmt: skip


def id_of(name: str) -> str:
    """The phone system's call id of a call: AudioHook's are UUIDs."""
    return str(uuid5(NAMESPACE_OID, name))


CALLED = {id_of(name): name for name in NAMES}


async def of_twilio(port: int, protocol: str, call_id: str, number: str, then: Then | None) -> Spoken:
    """A call of a Twilio dialect in frames of 20 ms, as fast as it is spoken."""
    spoken = Spoken(CALLED[call_id])
    made = TelnyxSender if protocol == "telnyx" else MediaStreamSender
    sender = made(port, f"/streams/{protocol}", call_id=call_id)
    if protocol == "telnyx":
        say = sender.say

        async def told(message: Any) -> None:
            if message.get("event") == "start":
                message["start"] |= {"from": number, "call_session_id": call_id}
            await say(message)

        sender.say = told  # type: ignore[method-assign]
    parameters = {"agent_id": "1001"} | ({"from": number} if protocol == "twilio" else {})
    async with sender:
        try:
            await sender.start(parameters=parameters)
            await _speak(lambda at: _both(sender, at), then, call_id)
            await sender.stop()
            await sender.closed()
        except ConnectionClosed:
            pass
        spoken.refused = sender.socket.close_code == 1008
    return spoken


async def _both(sender: MediaStreamSender, at: int) -> None:
    for track, samples in (("inbound", CUSTOMER), ("outbound", AGENT)):
        await sender.media(track, samples[at : at + 160], at // 8)


async def of_audiohook(port: int, protocol: str, call_id: str, number: str, then: Then | None) -> Spoken:
    """The same of AudioHook: it obeys when it is asked to pause and to go on."""
    spoken = Spoken(CALLED[call_id])
    both = np.stack([np.frombuffer(CUSTOMER, np.uint8), np.frombuffer(AGENT, np.uint8)], axis=1).tobytes()
    sender = AudioHookSender(port, f"/{protocol}/{protocol}", conversation_id=call_id, ani=number)
    async with sender:
        await sender.ask_open(formats=("PCMU",), channels=("external", "internal"), customConfig={"agent_id": "1001"})
        message = json.loads(await sender.socket.recv())
        sender.server_seq = message["seq"]
        if message["type"] == "disconnect":
            spoken.refused = message["parameters"]["reason"] == "unauthorized"
            await sender.tell("close", reason="disconnect")
            return spoken
        spoken.paused_at_once = sending = message["parameters"]["startPaused"]
        sender.media = message["parameters"]["media"][0]
        silent = [sending]
        listening = asyncio.create_task(_obey(sender, spoken, silent))

        async def frame(at: int) -> None:
            if silent[0]:
                sender.position += 160
            else:
                await sender.speak(both[2 * at : 2 * (at + 160)])

        await _speak(frame, then, call_id)
        await sender.tell("close", reason="end")
        with suppress(ConnectionClosed):
            await listening
    return spoken


async def _obey(sender: AudioHookSender, spoken: Spoken, silent: list[bool]) -> None:
    async for text in sender.socket:
        message = json.loads(text)
        sender.server_seq = message["seq"]
        if message["type"] in {"pause", "resume"}:
            spoken.asked.append(message["type"])
            silent[0] = message["type"] == "pause"
            more = {} if silent[0] else {"start": "PT0S", "discarded": "PT1S"}
            await sender.tell("paused" if silent[0] else "resumed", **more)


async def _speak(frame: Callable[[int], Awaitable[None]], then: Then | None, call_id: str) -> None:
    """Frames by the clock; ``then`` begins at half time."""
    began, happening = asyncio.get_running_loop().time(), None
    for number, at in enumerate(range(0, len(CUSTOMER), 160)):
        await frame(at)
        if then is not None and happening is None and at >= len(CUSTOMER) // 2:
            happening = asyncio.ensure_future(then(call_id))
        await asyncio.sleep(max(0.0, began + (number + 1) * 0.02 - asyncio.get_running_loop().time()))
    if happening is not None:
        await happening


async def call(recorder: RunningRecorder, protocol: str, name: str, number: str, then: Then | None = None) -> Spoken:
    port = (await asyncio.to_thread(recorder.client.status))["stream_port"]
    return await (of_audiohook if protocol == "audiohook" else of_twilio)(port, protocol, id_of(name), number, then)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunningRecorder]:
    with running(tmp_path / "data", **HOUSE) as made:
        yield made


@pytest.fixture
def services(recorder: RunningRecorder) -> Iterator[Services]:
    made = recorder.services()
    yield made
    made.database.close()


def say(services: Services, event: ConsentEvent, call_id: str) -> str:
    entry = Entry(
        at=datetime.now(UTC), event=event, whose=Whose.CALLER, subject=None, call_id=call_id,
        method=Method.KEY_PRESS if event is ConsentEvent.GIVEN else Method.NONE,
    )  # fmt: skip
    return services.consenting.hear(entry).recorder


def collect(recorder: RunningRecorder, services: Services) -> tuple[dict[str, bytes], dict[str, UnrecordedCall]]:
    """By call id: the original in the vault of what was kept, and the facts of what was not; the spool is empty."""
    recorder.wait_for(lambda status: not status["active"])
    wiring.make_collector(load(data=recorder.data), services).collect()
    assert not [path for path in (recorder.data / "spool").iterdir() if path.suffix in {".call", ".done", ".bad"}]
    with services.database.read() as uow:
        kept = {}
        for an_id in register.ids(uow):
            conversation = services.shelf.conversation(uow, an_id)
            original = services.shelf.original(uow, conversation)
            assert original is not None
            kept[CALLED[str(conversation.external_id)]] = original.read()
        facts = {CALLED[str(one.external_id)]: one for one in unrecorded.newest(uow)}
        assert not register.open_refusals(uow)
    # Nothing lies in the vault but what was kept: no object, and no key, of the others.
    with sqlite3.connect(recorder.data / "candor.db") as rows:
        (objects,) = rows.execute("select count(distinct conversation_id) from sealed_object").fetchone()
    assert objects == len(kept)
    return kept, facts


def channels(data: bytes) -> np.ndarray:
    frames = (len(data) - 58) // 2
    return np.frombuffer(data[58 : 58 + frames * 2], np.uint8).reshape(-1, 2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_calls_at_each_level(recorder: RunningRecorder, services: Services, protocol: str) -> None:
    sizes: list[int] = []
    levels: dict[str, tuple[int, bool]] = {}

    async def agree(call_id: str) -> None:
        assert await asyncio.to_thread(say, services, ConsentEvent.GIVEN, call_id) == "opened"

    async def object_(call_id: str) -> None:
        status = await asyncio.to_thread(recorder.client.status)
        for one in status["calls"]:
            name = CALLED[one["external_id"]]
            levels[name] = (one["consent"]["level"], one["paused"])
            if name == "four":
                sizes.append((recorder.data / "spool" / f"{one['id']}.call").stat().st_size)
        assert await asyncio.to_thread(say, services, ConsentEvent.REFUSED, call_id) == "closed"

    with services.database.write() as uow:
        never = Person(whose=Whose.CALLER, name="+17135550199")
        services.consenting.ledger.never_record(uow, never, by="test", reason="asked never to be recorded")

    async def all_at_once() -> list[Spoken]:
        return await asyncio.gather(
            call(recorder, protocol, "zero", TEXAN), call(recorder, protocol, "one", JAPANESE),
            call(recorder, protocol, "two", CALIFORNIAN), call(recorder, protocol, "three", FRENCH),
            call(recorder, protocol, "four", GERMAN), call(recorder, protocol, "four-yes", GERMAN, agree),
            call(recorder, protocol, "objects", FRENCH, object_), call(recorder, protocol, "never", "+17135550199"),
            call(recorder, protocol, "withheld", WITHHELD),
        )  # fmt: skip

    spoken = {one.id: one for one in asyncio.run(all_at_once())}
    kept, facts = collect(recorder, services)
    assert {one.id for one in spoken.values() if one.refused} == {"never"}
    assert levels == {
        "zero": (0, False), "one": (1, False), "two": (2, False), "three": (3, False), "four": (4, True),
        "objects": (3, False), "withheld": (3, False), "four-yes": levels["four-yes"],
    }  # fmt: skip
    assert set(kept) == {"zero", "one", "two", "three", "four-yes", "withheld"}
    assert set(facts) == {"four", "objects", "never"}
    for name in ("zero", "one", "two", "three", "withheld"):
        assert find(channels(kept[name])[:, 0], CUSTOMER) >= 0
        assert find(channels(kept[name])[:, 1], AGENT) >= 0
    late = channels(kept["four-yes"])
    assert find(late[:, 0], CUSTOMER[:8000]) < 0
    assert find(late[:, 0], CUSTOMER[-4000:]) >= 0
    assert sizes[0] < 8_000
    assert (facts["objects"].dropped, facts["four"].dropped) == (True, False)
    assert "explicit yes" in facts["four"].why
    assert GERMAN not in (recorder.data / "recorder.log").read_text()
    if protocol == "audiohook":
        assert {one.id for one in spoken.values() if one.paused_at_once} == {"four", "four-yes"}
        assert spoken["four-yes"].asked == ["resume"]
        assert spoken["objects"].asked == ["pause"]


@pytest.mark.parametrize("told", ["refuse", "accept"])
def test_a_barred_call_is_refused_or_taken_and_not_kept(tmp_path: Path, told: str) -> None:
    house = HOUSE | {"CANDOR_SECTORS": '["mifid"]', "CANDOR_BARRED_CALLS": told}
    with running(tmp_path / "data", **house) as recorder:
        services = recorder.services()

        async def all_at_once() -> list[Spoken]:
            return await asyncio.gather(*(call(recorder, one, f"barred-{one}", GERMAN) for one in PROTOCOLS))

        spoken = asyncio.run(all_at_once())
        assert [one.refused for one in spoken] == [told == "refuse"] * 3
        kept, facts = collect(recorder, services)
        assert not kept
        assert {name: one.level for name, one in facts.items()} == {f"barred-{one}": 9 for one in PROTOCOLS}
        assert all(one.dropped is False and "barred" in one.why for one in facts.values())
        services.database.close()


def test_what_cannot_be_decided_goes_as_its_source_is_configured(tmp_path: Path) -> None:
    house = HOUSE | {"CANDOR_UNDECIDED": json.dumps({"twilio": "refuse", "audiohook": "refuse", "telnyx": "hold"})}
    with running(tmp_path / "data", **house) as recorder:
        services = recorder.services()
        with sqlite3.connect(recorder.data / "candor.db") as other:
            other.execute("ALTER TABLE consent_line RENAME TO elsewhere")

        async def all_at_once() -> list[Spoken]:
            return await asyncio.gather(*(call(recorder, one, f"dark-{one}", TEXAN) for one in PROTOCOLS))

        spoken = asyncio.run(all_at_once())
        with sqlite3.connect(recorder.data / "candor.db") as other:
            other.execute("ALTER TABLE elsewhere RENAME TO consent_line")
        assert {one.id for one in spoken if one.refused} == {"dark-twilio", "dark-audiohook"}
        kept, facts = collect(recorder, services)
        assert not kept
        assert set(facts) == {f"dark-{one}" for one in PROTOCOLS}
        assert all("cannot be decided" in one.why for one in facts.values())
        services.database.close()
