"""A customer objects while the call is recorded: heard, written down, obeyed, and what was kept is destroyed."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from candor import wiring
from candor.capture import store as register
from candor.capture import unrecorded
from candor.consent.ledger import store as ledger_store
from candor.consent.ledger.model import ConsentEvent, Line, Method
from candor.services import Services
from candor.settings import load
from tests.integration.test_consent_gate import call
from tests.integration.test_consent_proof import quiet, spoken, ulaw
from tests.integration.test_pausing import Spotting
from tests.peers.recorder import RunningRecorder, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("flite") is None, reason="flite, which speaks for the callers, is not installed"),
]

CALIFORNIAN = "+14155550101"
WORDS = "Wait a moment. I do not want to be recorded. Please stop the recording."


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRecorder]:
    data = tmp_path_factory.mktemp("objecting")
    with running(data, CANDOR_CONSENT="enforce", CANDOR_ESTABLISHMENT="US-TX") as made:
        spotting = Spotting(made)
        yield made
        spotting.stop()


@pytest.fixture
def services(recorder: RunningRecorder) -> Iterator[Services]:
    made = recorder.services()
    yield made
    made.database.close()


def line_of(services: Services, call_id: str) -> Line | None:
    with services.database.read() as uow:
        lines = ledger_store.of_call(uow, call_id=call_id)
    return lines[0] if lines else None


def until(found: Callable[[], Line | None], seconds: float) -> Line | None:
    """What ``found`` returns, as soon as that is something."""
    deadline = time.monotonic() + seconds
    while (one := found()) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return one


def test_a_spoken_objection_ends_the_recording_and_destroys_it(
    recorder: RunningRecorder, services: Services, tmp_path: Path
) -> None:
    said = spoken(WORDS, tmp_path, "rms")
    customer = ulaw(quiet(2.0), said, quiet(20 - 2.0 - len(said) / 8000))
    sizes: list[int] = []
    for attempt in range(3):  # of spoken phrases some are misheard: three in a row are not
        name = f"objects-{attempt}"

        async def look(_session: object, name: str = name) -> None:
            before = recorder.client.status()["calls"][0]
            assert not before["paused"]
            line = await asyncio.to_thread(until, lambda: line_of(services, name), 16.0)
            if line is not None:
                after = await asyncio.to_thread(recorder.wait_for, lambda status: status["calls"][0]["paused"])
                sizes.append((recorder.data / "spool" / f"{after['calls'][0]['id']}.call").stat().st_size)

        given = {"1": customer, "2": ulaw(quiet(20))}
        asyncio.run(call(recorder, name, CALIFORNIAN, then=look, given=given))
        line = line_of(services, name)
        if line is not None:
            break
    assert line is not None
    entry = line.entry
    assert (entry.event, entry.method) == (ConsentEvent.REFUSED, Method.SPOKEN)
    assert entry.proof.quote is not None
    assert "record" in entry.proof.quote
    assert entry.proof.start is not None
    assert 1.5 < entry.proof.start < 2.0 + len(said) / 8000 + 1.0
    assert entry.subject is not None
    assert sizes
    assert sizes[0] < 8_000
    recorder.wait_for(lambda status: not status["active"])
    wiring.make_collector(load(data=recorder.data), services).collect()
    with services.database.read() as uow:
        assert name not in {services.shelf.conversation(uow, one).external_id for one in register.ids(uow)}
        (fact,) = [one for one in unrecorded.newest(uow) if one.external_id == name]
    assert fact.dropped
    assert not [one for one in (recorder.data / "spool").iterdir() if one.suffix == ".done"]


def test_what_agents_say_and_other_talk_end_nothing(
    recorder: RunningRecorder, services: Services, tmp_path: Path
) -> None:
    agent = spoken("Do not worry, we do not record card numbers. Please stop the recording of your meter.", tmp_path)
    customer = spoken("You do not record that, I hope. My record player is broken.", tmp_path, "rms")
    seconds = max(len(agent), len(customer)) / 8000 + 3.0
    parts = {
        name: ulaw(quiet(0.5), sound, np.zeros(round(seconds * 8000) - len(sound), np.float32))
        for name, sound in (("1", customer), ("2", agent))
    }

    async def look(_session: object) -> None:
        await asyncio.to_thread(recorder.wait_for, lambda status: status["spotting"]["calls"] == 1)

    asyncio.run(call(recorder, "talk", CALIFORNIAN, then=look, given=parts))
    assert line_of(services, "talk") is None
    kept = recorder.collect()
    (one,) = [each for each in kept if each.conversation.external_id == "talk"]
    assert one.conversation.gaps == ()
