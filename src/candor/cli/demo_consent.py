"""What the demo's phone system tells of consent, so that its pages have something to show.

Calls to and from states whose law wants an announcement are told as announced, as a dial plan would tell it. Two
further calls are played: one that nobody announced, which is quarantined, and one whose customer objects, of which
nothing stays. In Washington State the announcement must be in the recording itself: there the demo's compliance officer
lets the call go on, with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from candor.capture.files import IntakeItem
from candor.consent import custody
from candor.consent.announcements.store import InUse
from candor.consent.custody import CustodyState, Wanted
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Whose
from candor.consent.ledger.service import Person
from candor.consent.model import ConsentLevel
from candor.consent.workplaces import site_of
from candor.conversation.model import Direction
from candor.errors import CandorError, Conflict, Unavailable
from candor.kit import clock
from candor.pipeline.announcing import Words
from candor.pipeline.gate import OnTheLine
from candor.services import Services
from candor.settings import default_to

_NOT_ANNOUNCED, _OBJECTS = "demo-19-not-announced", "demo-20-customer-objects"
_OF_ILLINOIS, _OF_MASSACHUSETTS = "+13125550190", "+16175550199"
_AFTER = 8.0
"""Seconds of the call after which its customer objects."""
_SITE, _PLACE = "Austin", "US-TX"
_POLICY = b"""Silver Oak Broadband: how calls are recorded, for everybody who works in Austin.
Calls with customers are recorded to look after quality. Who records, who listens, and for how long, is told on hiring.
(Invented for the demo, as the company is.)
"""


def house() -> None:
    """Settings of the demo's company, where the environment does not say otherwise."""
    default_to(
        consent="enforce", establishment=_PLACE, objections="after", company="Silver Oak Broadband",
        privacy_contact="privacy at silver oak", privacy_notice="silver oak dot example slash privacy",
    )  # fmt: skip


@dataclass(slots=True)
class DemoConsent:
    """Tells, and afterwards decides."""

    services: Services
    further: list[IntakeItem] = field(default_factory=list)
    """Calls that are played besides: the first is kept, the second is not."""

    def announce(self, items: Sequence[IntakeItem]) -> None:
        """Before the calls: an announcement in use, and for each call that needs it the word that it was played."""
        items = [item for item in items if item.error is None]
        if not items or not self.services.enforced:
            return
        told = self._announcement()
        gate, house = self.services.workplaces.gate, self.services.house
        for item in items:
            facts = item.metadata
            customer = (facts.callee if facts.direction.value == "outbound" else facts.caller) or ""
            with self.services.database.read() as uow:
                level = gate.decide(uow, OnTheLine((customer,), 0, ()), clock.now()).level
            if level >= ConsentLevel.ANNOUNCE:
                self._write(ConsentEvent.ANNOUNCED, facts.call_id or "", Method.PHONE_SYSTEM, told, house.purpose)
        self._site({item.metadata.agent for item in items if item.metadata.agent})
        short = sorted(items, key=lambda one: one.size)[:2]
        names = ((_NOT_ANNOUNCED, _OF_ILLINOIS), (_OBJECTS, _OF_MASSACHUSETTS))
        for item, (call_id, number) in zip(short, names, strict=False):
            facts = replace(item.metadata, call_id=call_id, caller=number, direction=Direction.INBOUND)
            self.further.append(replace(item, metadata=facts))
        if len(self.further) > 1:
            self._write(ConsentEvent.ANNOUNCED, _OBJECTS, Method.PHONE_SYSTEM, told, house.purpose)

    @property
    def kept(self) -> list[IntakeItem]:
        """Of the further calls, those that become conversations."""
        return [item for item in self.further if item.metadata.call_id != _OBJECTS]

    def tend(self) -> None:
        """While the calls are played: the customer of one objects, by a key."""
        if not any(item.metadata.call_id == _OBJECTS for item in self.further):
            return
        with suppress(Unavailable):
            calls = self.services.recorder.status()["calls"]
            began = [datetime.fromisoformat(one["started_at"]) for one in calls if one["external_id"] == _OBJECTS]
            if began and (clock.now() - began[0]).total_seconds() > _AFTER:
                self.further = self.kept
                self._write(ConsentEvent.REFUSED, _OBJECTS, Method.KEY_PRESS, None, self.services.house.purpose)

    def decide(self, ids: Sequence[str]) -> list[str]:
        """Afterwards: calls of ``ids`` that only lack what was played before the recorder began are let go on."""
        go_on = []
        with self.services.database.read() as uow:
            held = custody.listed(uow, Wanted(state=CustodyState.QUARANTINED), limit=len(ids) + 10)
        for one in held:
            if one.conversation_id in ids and "not in the recording" in one.why:
                with suppress(CandorError):
                    self.services.consenting.resolve(
                        one.conversation_id, by="demo",
                        reason="The announcement was played before the recorder began, as the ledger says.",
                    )  # fmt: skip
                    go_on.append(one.conversation_id)
        return go_on

    def quarantined(self, ids: Sequence[str]) -> set[str]:
        """Those of ``ids`` that nobody may play."""
        with self.services.database.read() as uow:
            return {one for one in ids if custody.is_held(uow, one)}

    def _announcement(self) -> InUse:
        asked = Words(level=2, language="en")
        try:
            return self.services.announcing.make(asked, by="demo")
        except Unavailable:  # nobody here can speak it: its words are enough for the phone system's word
            return self.services.announcing.make(asked, by="demo", silent=True)

    def _site(self, agents: set[str]) -> None:
        """One site, and what its agents have signed; one agent has not."""
        places, signed = self.services.workplaces, sorted(agents)[:-1]
        if not signed:
            return
        with suppress(Conflict):
            places.add(_SITE, _PLACE, by="demo")
        places.assign(_SITE, sorted(agents), by="demo")
        with self.services.database.read() as uow:
            decision = places.demanded(uow, _PLACE)
        duties = () if decision is None else decision.employee_prerequisites
        shared, own = (tuple(one.id for one in duties if one.personal is kind) for kind in (False, True))
        given = [(site_of(_SITE), shared), *((Person(whose=Whose.EMPLOYEE, name=one), own) for one in signed)]
        for person, covers in given:
            if covers:
                places.give(
                    person, covers=covers, method=Method.WRITTEN, given=clock.now(), until=None,
                    document=("how-calls-are-recorded.txt", _POLICY), by="demo",
                )  # fmt: skip

    def _write(self, event: ConsentEvent, call_id: str, method: Method, told: InUse | None, purpose: str) -> None:
        entry = Entry(
            at=clock.now(), event=event, whose=Whose.CALLER, subject=None, call_id=call_id, method=method,
            covers=(purpose,), text_version=None if told is None else told.version,
            language=None if told is None else told.language, actor="demo",
        )  # fmt: skip
        self.services.consenting.hear(entry)
