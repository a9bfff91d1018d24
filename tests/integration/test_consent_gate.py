"""Calls at each level through the real recorder: kept, waited for, not kept, destroyed; and what lies on the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from candor import wiring
from candor.capture import store as register
from candor.capture import unrecorded
from candor.capture.siprec.client import OfferedStream, RecordingClient, Session, play
from candor.capture.siprec.model import Metadata, Participant, Stream, StreamAssociation
from candor.capture.siprec.model import Session as Communication
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Whose
from candor.consent.ledger.service import Person
from candor.errors import InvalidInput
from candor.pipeline.gate import OnTheLine
from candor.services import Services
from candor.settings import load
from tests.integration.test_recorder import sound
from tests.peers.recorder import RunningRecorder, find, running

pytestmark = pytest.mark.slow

STREAMS = (OfferedStream(label="1"), OfferedStream(label="2"))
TEXAN, GERMAN = "+17135550104", "+493023125012"
GIVEN = {"1": sound(1, 3), "2": sound(2, 3)}
EMPLOYEE = Person(whose=Whose.EMPLOYEE, name="1001")


def described(call_id: str, caller: str) -> Metadata:
    return Metadata(
        sessions=(Communication(id=call_id, extension={"ucid": call_id}),),
        participants=(Participant(id="c", aor=f"sip:{caller}@sbc"), Participant(id="a", aor="sip:1001@pbx")),
        streams=(Stream(id="s1", label="1"), Stream(id="s2", label="2")),
        stream_associations=(
            StreamAssociation(participant="c", sends=("s1",)), StreamAssociation(participant="a", sends=("s2",)),
        ),
    )  # fmt: skip


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunningRecorder]:
    with running(tmp_path / "data", CANDOR_CONSENT="enforce", CANDOR_ESTABLISHMENT="US-TX") as made:
        yield made


@pytest.fixture
def services(recorder: RunningRecorder) -> Iterator[Services]:
    made = recorder.services()
    yield made
    made.database.close()


def say(services: Services, event: ConsentEvent, call_id: str, method: Method = Method.KEY_PRESS) -> str:
    entry = Entry(
        at=datetime.now(UTC), event=event, whose=Whose.CALLER, subject=None, call_id=call_id,
        method=method if event is ConsentEvent.GIVEN else Method.NONE,
    )  # fmt: skip
    return services.consenting.hear(entry).recorder


async def call(
    recorder: RunningRecorder, call_id: str, caller: str, *, then: object = None, given: dict[str, bytes] | None = None
) -> None:
    """A call of three seconds; ``then`` is awaited after one."""
    client = RecordingClient()
    try:
        flow = await client.reach("127.0.0.1", recorder.port)
        session = await client.begin(flow, STREAMS, described(call_id, caller))
        playing = asyncio.create_task(play(session, given or GIVEN))
        await asyncio.sleep(1.2)
        if then is not None:
            await then(session)  # type: ignore[operator]
        await playing
        if not session.ended.is_set():
            await client.end(session)
    finally:
        await client.close()


def collected(recorder: RunningRecorder, services: Services) -> list[str]:
    """Conversations after everything that was spooled has gone its way."""
    recorder.wait_for(lambda status: not status["active"])
    wiring.make_collector(load(data=recorder.data), services).collect()
    assert not list((recorder.data / "spool").glob("*.done"))
    with services.database.read() as uow:
        return register.ids(uow)


def test_a_call_that_may_be_recorded_is_kept_with_its_decision(recorder: RunningRecorder, services: Services) -> None:
    asyncio.run(call(recorder, "texas", TEXAN))
    (kept,) = recorder.collect()
    assert find(kept.channels[:, 0], GIVEN["1"]) >= 0
    assert kept.conversation.gaps == ()


def test_without_a_yes_nothing_is_kept_but_the_fact(recorder: RunningRecorder, services: Services) -> None:
    async def look(_session: Session) -> None:
        status = await asyncio.to_thread(recorder.client.status)
        assert status["calls"][0]["paused"]
        assert status["calls"][0]["consent"]["level"] == 4
        (file,) = (recorder.data / "spool").glob("*.call")
        sizes = [file.stat().st_size]
        await asyncio.sleep(1.0)
        sizes.append(file.stat().st_size)
        assert sizes[0] == sizes[1] < 8_000

    asyncio.run(call(recorder, "berlin", GERMAN, then=look))
    assert collected(recorder, services) == []
    with services.database.read() as uow:
        (fact,) = unrecorded.newest(uow)
        assert not register.open_refusals(uow)
    assert (fact.external_id, fact.level, fact.dropped) == ("berlin", 4, False)
    assert "explicit yes" in fact.why
    assert fact.seconds > 2
    assert GERMAN not in fact.decision


def test_a_yes_opens_and_what_was_before_it_is_not_there(recorder: RunningRecorder, services: Services) -> None:
    async def agree(_session: Session) -> None:
        assert await asyncio.to_thread(say, services, ConsentEvent.GIVEN, "berlin-yes") == "opened"

    asyncio.run(call(recorder, "berlin-yes", GERMAN, then=agree))
    (kept,) = recorder.collect()
    (gap,) = kept.conversation.gaps
    assert (gap.reason, gap.by, gap.start) == ("paused", "consent", 0.0)
    assert 0.9 < gap.stop < 2.2
    assert find(kept.channels[:, 0], GIVEN["1"][:8000]) < 0
    assert find(kept.channels[:, 0], GIVEN["1"][round(2.4 * 8000) :]) >= 0


def test_a_yes_before_the_call_counts(recorder: RunningRecorder, services: Services) -> None:
    assert say(services, ConsentEvent.GIVEN, "asked-before") == "not_recording"
    asyncio.run(call(recorder, "asked-before", GERMAN))
    (kept,) = recorder.collect()
    assert find(kept.channels[:, 0], GIVEN["1"]) >= 0


def test_an_objection_stops_and_destroys_what_was_kept(recorder: RunningRecorder, services: Services) -> None:
    sealed: list[bytes] = []

    async def object_(_session: Session) -> None:
        await asyncio.sleep(0.8)
        (file,) = (recorder.data / "spool").glob("*.call")
        sealed.append(file.read_bytes())
        assert await asyncio.to_thread(say, services, ConsentEvent.REFUSED, "paris") == "closed"
        assert await asyncio.to_thread(say, services, ConsentEvent.GIVEN, "paris") == "waiting"
        left = file.read_bytes()
        assert len(left) < 8_000 < len(sealed[0])
        # The key that the sealed sound needs is gone: the file begins with another one.
        assert left[:200] != sealed[0][:200]

    asyncio.run(call(recorder, "paris", "+33142685300", then=object_))
    assert collected(recorder, services) == []
    with services.database.read() as uow:
        (fact,) = unrecorded.newest(uow)
    assert fact.dropped
    assert fact.external_id == "paris"
    assert "objected" in fact.why


def test_somebody_on_the_list_is_refused_at_the_door(recorder: RunningRecorder, services: Services) -> None:
    with services.database.write() as uow:
        person = Person(whose=Whose.CALLER, name=TEXAN)
        services.consenting.ledger.never_record(uow, person, by="test", reason="asked never to be recorded")
    with pytest.raises(InvalidInput, match="603"):
        asyncio.run(call(recorder, "never", TEXAN))
    assert collected(recorder, services) == []
    with services.database.read() as uow:
        (fact,) = unrecorded.newest(uow)
    assert "refused to be recorded" in fact.why
    offer = recorder.client.status()["offers"][0]
    assert not offer["accepted"]
    assert TEXAN not in offer["words"]


def test_a_joiner_opens_the_question_again(recorder: RunningRecorder, services: Services) -> None:
    async def join(session: Session) -> None:
        client = session_client[0]
        more = described("joined", TEXAN)
        more = Metadata(
            sessions=more.sessions, streams=more.streams, stream_associations=more.stream_associations,
            participants=(*more.participants, Participant(id="j", aor=f"sip:{GERMAN}@sbc")),
        )  # fmt: skip
        await client.change(session, STREAMS, more)
        await asyncio.sleep(0.4)
        (one,) = (await asyncio.to_thread(recorder.client.status))["calls"]
        assert one["paused"]
        assert one["consent"]["level"] == 4

    session_client: list[RecordingClient] = []

    async def scenario() -> None:
        client = RecordingClient()
        session_client.append(client)
        session = await client.begin(
            await client.reach("127.0.0.1", recorder.port), STREAMS, described("joined", TEXAN)
        )
        playing = asyncio.create_task(play(session, GIVEN))
        await asyncio.sleep(1.2)
        await join(session)
        await playing
        await client.end(session)
        await client.close()

    asyncio.run(scenario())
    (kept,) = recorder.collect()
    (gap,) = kept.conversation.gaps
    assert gap.by == "consent"
    assert 0.9 < gap.start < 2.0
    assert find(kept.channels[:, 0], GIVEN["1"][:6400]) >= 0


def test_an_agent_without_what_the_law_demands_is_not_recorded(tmp_path: Path) -> None:
    settings = {"CANDOR_CONSENT": "enforce", "CANDOR_ESTABLISHMENT": "US-NY"}
    with running(tmp_path / "ny", **settings) as recorder:
        services = recorder.services()
        with pytest.raises(InvalidInput, match="603"):
            asyncio.run(call(recorder, "ny-1", "+12125550105"))
        with services.database.read() as uow:
            gate = wiring.make_gate(load(data=recorder.data, consent="enforce", establishment="US-NY"))
            assert gate is not None
            decision = gate.decide(uow, OnTheLine(("+12125550105",), 0, ("1001",)), datetime.now(UTC))
            missing = gate.missing(uow, decision, ("1001",))
        assert missing
        with services.database.write() as uow:
            for prerequisite in missing:
                services.consenting.ledger.write(
                    uow,
                    Entry(
                        at=datetime.now(UTC), event=ConsentEvent.GIVEN, whose=Whose.EMPLOYEE, subject=None,
                        method=Method.WRITTEN, covers=(prerequisite,),
                    ),
                    EMPLOYEE,
                )  # fmt: skip
        asyncio.run(call(recorder, "ny-2", "+12125550105"))
        (kept,) = recorder.collect()
        assert kept.conversation.external_id == "ny-2"
        services.database.close()


def test_what_cannot_be_decided_is_not_kept(recorder: RunningRecorder, services: Services) -> None:
    with sqlite3.connect(recorder.data / "candor.db") as other:
        other.execute("ALTER TABLE consent_line RENAME TO elsewhere")
    try:
        asyncio.run(call(recorder, "dark", TEXAN))
    finally:
        with sqlite3.connect(recorder.data / "candor.db") as other:
            other.execute("ALTER TABLE elsewhere RENAME TO consent_line")
    assert collected(recorder, services) == []
    with services.database.read() as uow:
        (fact,) = unrecorded.newest(uow)
    assert "cannot be decided" in fact.why
    assert TEXAN not in (recorder.data / "recorder.log").read_text()
