"""Through the whole product: a call whose proof is found goes its way, one without is set aside."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from candor import wiring
from candor.capture import store as register
from candor.capture.rtp.codecs import encode_ulaw
from candor.consent import custody
from candor.consent.announcements import store as announcements
from candor.consent.announcements.compose import compose
from candor.consent.announcements.model import Details
from candor.consent.announcements.tones import BeepTone
from candor.consent.custody import CustodyState
from candor.consent.ledger import store as ledger_store
from candor.consent.ledger.model import ConsentEvent, Entry, Line, Method, Whose
from candor.consent.ledger.service import Person
from candor.consent.proof.prints import Print
from candor.conversation.model import Conversation, Party, Role
from candor.conversation.transcript import SpeakerSplit, Transcript
from candor.errors import Forbidden
from candor.kit import clock
from candor.kit.ids import new_id
from candor.kit.sound import FlacWriter
from candor.pipeline.proving import Prover
from candor.replay.model import Scope
from candor.services import Services
from candor.settings import load
from tests.integration.test_consent_gate import call
from tests.peers.recorder import RunningRecorder, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("flite") is None, reason="flite, which speaks the announcement, is not installed"),
]

CALIFORNIAN, BERLINER = "+14155550101", "+493023125012"
SETTINGS = {"CANDOR_CONSENT": "enforce", "CANDOR_ESTABLISHMENT": "US-TX"}


def spoken(text: str, folder: Path, voice: str = "slt") -> np.ndarray:
    """Float32 at 8,000 samples a second."""
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", folder / "x.wav"], check=True)
    samples, rate = soundfile.read(folder / "x.wav", dtype="float32")
    return np.asarray(soxr.resample(samples, rate, 8000), np.float32)


def ulaw(*parts: np.ndarray) -> bytes:
    joined = np.concatenate(parts)
    return encode_ulaw((np.clip(joined, -1, 1) * 32_000).astype(np.int16)).tobytes()


def quiet(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.0005, round(seconds * 8000)).astype(np.float32)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunningRecorder]:
    with running(tmp_path / "data", **SETTINGS) as made:
        yield made


@pytest.fixture
def services(recorder: RunningRecorder) -> Iterator[Services]:
    made = recorder.services()
    yield made
    made.database.close()


def work(recorder: RunningRecorder) -> None:
    """One worker until nothing is left."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    environment |= {"CANDOR_DATA": str(recorder.data), "OMP_NUM_THREADS": "1"} | SETTINGS
    subprocess.run(
        [sys.executable, "-m", "candor.cli.main", "worker", "--until-idle"], env=environment, check=True, timeout=120
    )


def in_use(services: Services, folder: Path, level: int, *, question: bool = False) -> tuple[str, np.ndarray]:
    """Make an announcement and take it into use; (version, its sound)."""
    made = compose(
        level, ["recording-fact", "purpose", "controller-identity"], "en",
        Details(company="Silver Oak", purposes=("quality",), privacy_notice="silver oak dot example"),
    )  # fmt: skip
    assert made.asks is question
    sound = spoken(made.text, folder)
    with services.database.write() as uow:
        announcements.put(
            uow, made, by="test", wav=b"", found_by=Print.of(made.version, sound, 8000).data, spoken_by="flite"
        )
    return made.version, sound


def recorded(recorder: RunningRecorder, services: Services, name: str, caller: str, given: dict[str, bytes]) -> str:
    asyncio.run(call(recorder, name, caller, given=given))
    recorder.wait_for(lambda status: not status["active"])
    work(recorder)
    with services.database.read() as uow:
        (found,) = register.by_external_id(uow, name)
    return found


def test_the_announcement_in_the_sound_is_proof(recorder: RunningRecorder, services: Services, tmp_path: Path) -> None:
    version, sound = in_use(services, tmp_path, 2)
    hello = spoken("Hello, my meter shows a wrong number.", tmp_path, "awb")
    given = {"1": ulaw(quiet(len(sound) / 8000 + 0.5), hello, quiet(0.5)), "2": ulaw(quiet(0.3), sound, quiet(3.2))}
    an_id = recorded(recorder, services, "told", CALIFORNIAN, given)
    with services.database.read() as uow:
        held = custody.get(uow, an_id)
        assert held is not None
        assert (held.state, held.level) == (CustodyState.PROVED, 2)
        lines = services.consenting.ledger.verify(uow)
        (line,) = [one for one in announced(services) if one.entry.conversation_id == an_id]
        assert services.replay.row(uow, an_id, Scope()).status == "ready"
        services.replay.audio(uow, an_id, Scope())
    assert line.entry.text_version == version
    assert line.entry.proof.start is not None
    assert abs(line.entry.proof.start - 0.3) < 0.5
    assert lines.broken_at is None
    assert "explicit" not in held.why


def announced(services: Services) -> list[Line]:
    with services.database.read() as uow:
        return ledger_store.newest(uow, events=(ConsentEvent.ANNOUNCED,))


def test_without_proof_nobody_can_play_it_and_time_destroys_it(
    recorder: RunningRecorder, services: Services, tmp_path: Path
) -> None:
    in_use(services, tmp_path, 2)
    talk = spoken("Good morning, this is about my last bill, it is much too high.", tmp_path, "awb")
    an_id = recorded(recorder, services, "untold", CALIFORNIAN, {"1": ulaw(talk), "2": ulaw(quiet(len(talk) / 8000))})
    with services.database.read() as uow:
        held = custody.get(uow, an_id)
        assert held is not None
        assert held.state is CustodyState.QUARANTINED
        assert "announced" in held.why
        assert services.replay.row(uow, an_id, Scope()).status == "quarantined"
        with pytest.raises(Forbidden, match="quarantined"):
            services.replay.audio(uow, an_id, Scope())
        view = services.replay.view(uow, an_id, Scope())
        assert view.redaction is None
        kinds = {row[0] for row in uow.exec_driver_sql("select kind from artifact where conversation_id = ?", (an_id,))}
        sealed = {row[0] for row in uow.exec_driver_sql("select id from sealed_object")}
    assert "playback" not in kinds
    objects = [file for file in (recorder.data / "objects").rglob("*") if file.is_file()]
    assert objects
    with clock.freeze(datetime.now(UTC) + timedelta(days=31)):
        assert services.consenting.tidy() == 1
    assert not [file for file in (recorder.data / "objects").rglob("*") if file.is_file()]
    with services.database.read() as uow:
        assert register.ids(uow) == []
        gone = custody.get(uow, an_id)
        assert gone is not None
        assert gone.state is CustodyState.DESTROYED
        keys = {row[0] for row in uow.exec_driver_sql("select object_id from data_key")}
    assert sealed
    assert not keys & (sealed | {an_id})


def test_beeps_are_counted_and_tell_whoever_is_on_the_line(services: Services, tmp_path: Path) -> None:
    ledger, beep = services.consenting.ledger, BeepTone(every=15.0)
    gate = wiring.make_gate(load(data=tmp_path / "data", consent="enforce", establishment="US-CT"))
    assert gate is not None
    prover = Prover(services.database, gate, ledger, purpose="quality", keep=timedelta(days=1), beep=beep.frequency)
    for seconds, proved in ((40.0, True), (90.0, False)):
        tone = beep.repeated(seconds, 8000)
        tone[50 * 8000 :] = 0
        working = io.BytesIO()
        with FlacWriter(working, 8000, 1) as writer:
            writer.write((tone + quiet(seconds))[:, None])
        working.seek(0)
        talk = Transcript(
            engine="none", model="none", version="1", language="en", duration=seconds, speakers=(), utterances=(),
            split=SpeakerSplit.CHANNEL,
        )  # fmt: skip
        call_ = Conversation(id=new_id(), started_at=clock.now(), parties=(Party(role=Role.CUSTOMER, tel=CALIFORNIAN),))
        judgement = prover.prove(call_, talk, working)
        assert judgement.findings.beeps is not None
        assert judgement.findings.beeps["count"] in {3, 4}
        assert (judgement.findings.announced is not None) is proved


def test_a_person_resolves_and_it_goes_on_and_a_withdrawal_stops_it_again(
    recorder: RunningRecorder, services: Services, tmp_path: Path
) -> None:
    talk = spoken("Good morning, this is about my last bill, it is much too high.", tmp_path, "awb")
    an_id = recorded(recorder, services, "resolve", CALIFORNIAN, {"1": ulaw(talk), "2": ulaw(quiet(len(talk) / 8000))})
    services.consenting.resolve(an_id, by="somebody", reason="The notice was played before the recorder began.")
    work(recorder)
    with services.database.read() as uow:
        assert services.replay.row(uow, an_id, Scope()).status == "ready"
        services.replay.audio(uow, an_id, Scope())
    withdrawn = Entry(
        at=datetime.now(UTC), event=ConsentEvent.WITHDRAWN, whose=Whose.CALLER, subject=None, call_id="resolve"
    )
    assert services.consenting.hear(withdrawn).quarantined == (an_id,)
    with services.database.read() as uow, pytest.raises(Forbidden):
        services.replay.audio(uow, an_id, Scope())


def test_written_consent_is_proof_until_it_expires(
    recorder: RunningRecorder, services: Services, tmp_path: Path
) -> None:
    person = Person(whose=Whose.CALLER, name=BERLINER)
    with services.database.write() as uow:
        services.consenting.ledger.write(
            uow,
            Entry(
                at=datetime.now(UTC) - timedelta(days=1), event=ConsentEvent.GIVEN, whose=Whose.CALLER, subject=None,
                method=Method.WRITTEN, expires_at=datetime.now(UTC) + timedelta(days=5),
            ),
            person,
        )  # fmt: skip
    talk = spoken("Good morning, this is about my last bill.", tmp_path, "awb")
    an_id = recorded(recorder, services, "written", BERLINER, {"1": ulaw(talk), "2": ulaw(quiet(len(talk) / 8000))})
    with services.database.read() as uow:
        held = custody.get(uow, an_id)
        assert held is not None
        assert held.state is CustodyState.PROVED, held.why
    with clock.freeze(datetime.now(UTC) + timedelta(days=6)):
        services.consenting.tidy()
    with services.database.read() as uow:
        held = custody.get(uow, an_id)
        assert held is not None
        assert (held.state, held.level) == (CustodyState.QUARANTINED, 4)
        assert "expired" in held.why
