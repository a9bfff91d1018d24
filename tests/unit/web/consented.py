"""A house with consent to show: decisions of every level, proofs, quarantine, ledger, announcements, agents."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import soundfile

from candor.capture import unrecorded
from candor.capture.unrecorded import UnrecordedCall
from candor.consent import custody
from candor.consent.announcements import store as announcements
from candor.consent.announcements.compose import compose
from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Proof, Whose
from candor.consent.ledger.service import Person
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline.gate import ConsentGate, OnTheLine, summary
from candor.replay.model import Status
from tests.unit.web.fixtures import FakeServices

NUMBER = "+4930230125012"
REFUSER = "+12025550188"
CALL = "pbx-4711"
WHY = "There is no proof of the explicit yes that the law asks for."
STATES = (
    CustodyState.PROVED, CustodyState.PROVED, CustodyState.PROVED, CustodyState.PENDING, CustodyState.RESOLVED,
    CustodyState.DESTROYED,
)  # fmt: skip
LEVELS = (0, 1, 2, 3, 4)
DUTIES = ("DE.agent-consent", "DE.works-council")


def decided(services: FakeServices) -> str:
    """A decision as it is kept beside a call from Berlin."""
    gate = ConsentGate(services.database, services.consent, services.consenting.ledger, services.house)
    with services.database.read() as uow:
        made = gate.decide(uow, OnTheLine((NUMBER,), 0, ("a1",)), clock.now())
    return json.dumps(summary(made))


def stand(
    services: FakeServices, conversation_id: str, state: CustodyState, *, level: int = 4, why: str = WHY,
    at: datetime | None = None,
) -> Custody:  # fmt: skip
    """Put a conversation's consent into a state."""
    now = clock.now()
    held = Custody(
        conversation_id=conversation_id, started_at=at or now - timedelta(hours=2), state=state, level=level,
        why=why if state is CustodyState.QUARANTINED else "What the decision required is proved.",
        decision=decided(services), since=now - timedelta(hours=1),
        proof=json.dumps(
            {"announced": {"by": "sound", "version": "de-1-abc", "share": 0.97, "start": 1.2, "stop": 6.5},
             "announcement_inside": True, "refused": None,
             "given": {"by": "spoken", "version": "de-1-abc", "start": 7.1, "stop": 7.6}}
        ) if state is not CustodyState.PENDING else "",
        destroy_after=now + timedelta(days=29) if state is CustodyState.QUARANTINED else None,
    )  # fmt: skip
    with services.database.write() as uow:
        custody.put(uow, held)
    return held


def quarantined(services: FakeServices, index: int = 0) -> str:
    """One of the listed calls, set aside."""
    found = services.replay.rows[index]
    services.replay.rows[index] = replace(found, status=Status.QUARANTINED, attention=WHY)
    stand(services, found.id, CustodyState.QUARANTINED)
    return found.id


def covered(services: FakeServices, days: int = 20) -> None:
    """Calls of every level and state over some weeks, and calls that were not kept."""
    now = clock.now()
    for day in range(days):
        for n in range(3 + day * 5 % 7):
            state = STATES[(day + n) % len(STATES)]
            stand(services, new_id(), state, level=LEVELS[(day * 2 + n) % 5], at=now - timedelta(days=day, hours=1))
        with services.database.write() as uow:
            unrecorded.put(
                uow,
                UnrecordedCall(
                    id=new_id(), external_id=f"pbx-{day}", source="sbc", started_at=now - timedelta(days=day, hours=1),
                    seconds=93.0, level=9 if day % 4 else 4, why="Somebody on the line has refused to be recorded.",
                    dropped=day % 3 == 0,
                ),
            )  # fmt: skip


def told(services: FakeServices, conversation_id: str) -> None:
    """Lines of the ledger: an announced, a given, a refused, and an agent's own consent."""
    ledger, now = services.consenting.ledger, clock.now()
    caller = Person(whose=Whose.CALLER, name=NUMBER)
    common = {"at": now, "whose": Whose.CALLER, "subject": None, "call_id": CALL, "language": "de"}
    with services.database.write() as uow:
        for event, method in (
            (ConsentEvent.ANNOUNCED, Method.NONE), (ConsentEvent.GIVEN, Method.SPOKEN),
            (ConsentEvent.REFUSED, Method.PHONE_SYSTEM),
        ):  # fmt: skip
            proof = Proof(start=7.1, stop=7.6, reference="IVR 7") if method is Method.SPOKEN else Proof()
            entry = Entry(
                event=event, method=method, proof=proof, conversation_id=conversation_id, text_version="de-1-abc",
                **common,  # type: ignore[arg-type]
            )  # fmt: skip
            ledger.write(uow, entry, caller)
        agent = Entry(
            at=now - timedelta(days=40), event=ConsentEvent.GIVEN, whose=Whose.EMPLOYEE, subject=None,
            method=Method.WRITTEN, covers=DUTIES[:1], proof=Proof(digest="ab" * 64, reference="HR 12"),
            expires_at=now + timedelta(days=300), actor="user-compliance",
        )  # fmt: skip
        ledger.write(uow, agent, Person(whose=Whose.EMPLOYEE, name="a1"))
        ledger.write(uow, replace(agent, covers=DUTIES[1:]), Person(whose=Whose.EMPLOYEE, name="a1"))
        ledger.write(uow, agent, Person(whose=Whose.EMPLOYEE, name="z9"))
        ledger.never_record(
            uow, Person(whose=Whose.CALLER, name=REFUSER), by="user-compliance", reason="Wrote a letter."
        )


def announced(services: FakeServices) -> list[str]:
    """Two announcements in use, one with a sound, and one of before."""
    made = [
        compose(level, elements, language, services.announcing.house)
        for level, elements, language in (
            (2, (), "en"), (4, ("rights-pointer",), "de"), (3, ("rights-pointer",), "fr"),
        )
    ]  # fmt: skip
    out = io.BytesIO()
    soundfile.write(out, np.sin(np.arange(16_000) / 5) * 0.2, 16_000, format="WAV", subtype="PCM_16")
    with services.database.write() as uow:
        announcements.put(uow, made[0], by="user-administrator", wav=out.getvalue(), spoken_by="espeak-ng")
        announcements.put(uow, made[1], by="user-administrator")
        announcements.put(uow, made[2], by="user-administrator")
        announcements.retire(uow, made[2].version)
    return [each.version for each in made]


def overridden(services: FakeServices) -> None:
    """Maryland is made stricter by counsel."""
    with services.database.write() as uow:
        services.consent.override(
            uow, "US-MD", "engine_level", 4, author="Dr. Nora Quist", reason="Memo 17", made_by="user-administrator"
        )


def everything(services: FakeServices) -> str:
    """All of it; the id of the quarantined call."""
    held = quarantined(services, 12)
    covered(services)
    stand(services, services.replay.rows[0].id, CustodyState.PROVED)
    told(services, services.replay.rows[0].id)
    announced(services)
    overridden(services)
    return held
