"""The gate: whether a call that is about to be recorded may be, by the law of every place on the line.

Capture asks (:class:`candor.capture.ports.Gate`), consent decides, the ledger says who has agreed or refused. What
cannot be decided is not recorded: nothing is kept until it can, or the call is refused, as its source is configured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from candor.capture.files.metadata import number as e164
from candor.capture.model import CallFacts, Keep, Participant, Verdict
from candor.capture.siprec.session import user_of
from candor.consent import workplaces
from candor.consent.ledger.model import Standing, Whose
from candor.consent.ledger.service import Ledger, Person
from candor.consent.model import ActionVerb, ConsentLevel, Decision, Facts, Prerequisite, UnknownLeg
from candor.consent.numbers import NumberKind, read_number
from candor.consent.service import Consent
from candor.conversation.model import Conversation, Role
from candor.errors import CandorError
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger

Fallback = Literal["hold", "refuse"]
_ANY_NUMBER = "+12125550100"
"""One whose place is looked up, so that the tables for it are read (555-01XX: nobody's)."""
_log = get_logger("gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What holds for every call of this house unless the call says otherwise."""

    purpose: str = "quality"
    establishment: str | None = None
    """Where the business is established: an id of the rule pack."""
    recorder: str | None = None
    agent_location: str | None = None
    sectors: tuple[str, ...] = ()
    unknown: UnknownLeg = UnknownLeg.NON_US
    """Where a party without a usable number is taken to be."""
    region: str | None = None
    undecided: Mapping[str, Fallback] = field(default_factory=dict)
    """By source, what happens to a call that cannot be decided: ``hold`` (default) keeps nothing until it can."""


@dataclass(frozen=True, slots=True)
class OnTheLine:
    """Who is on a call, as the decision needs it."""

    customers: tuple[str, ...]
    """Numbers, normalised where they are numbers."""
    unknown: int
    """People on the customers' side without one."""
    agents: tuple[str, ...]
    """Their ids."""


class ConsentGate:
    """Judges calls; safe to use from any thread."""

    def __init__(self, database: Database, consent: Consent, ledger: Ledger, house: House) -> None:
        self._database, self._consent, self._ledger, self._house = database, consent, ledger, house

    def warm(self) -> None:
        """Read the rules now, not when the first call comes; raises what is wrong with the house's settings."""
        with self._database.read() as uow:
            self.decide(uow, OnTheLine((_ANY_NUMBER,), 0, ()), clock.now())

    def judge(self, facts: CallFacts, since: datetime | None = None) -> Verdict:
        """See :class:`candor.capture.ports.Gate`."""
        try:
            with self._database.read() as uow:
                return self._judge(uow, facts, since)
        except CandorError as error:
            _log.error("a call cannot be decided: nothing of it is kept", call=facts.id, code=error.code)
        except Exception as error:  # noqa: BLE001  whatever goes wrong, the answer must not be "record"
            _log.error("a call cannot be decided: nothing of it is kept", call=facts.id, kind=type(error).__name__)
        held = self._house.undecided.get(facts.source, "hold") == "hold"
        return Verdict(
            keep=Keep.CONSENT if held else Keep.NEVER, level=9,
            words="Whether this call may be recorded cannot be decided now.",
        )  # fmt: skip

    def decide(
        self, uow: UnitOfWork, line: OnTheLine, at: datetime, channel: str = "voice", *,
        agent_location: str | None = None, purpose: str | None = None,
    ) -> Decision:  # fmt: skip
        """What the law asks of a call between these people, for the house's purpose or another.

        Agents are where the phone system says (``agent_location``), else where their site is, else where the house's
        agents are.
        """
        house, first, others = self._house, line.customers[:1], line.customers[1:]
        sites = {} if agent_location else workplaces.of_agents(uow, line.agents)
        usual = agent_location or house.agent_location
        places = tuple(dict.fromkeys(sites[one].place if one in sites else usual for one in line.agents)) or (usual,)
        made = [
            self._consent.decide(
                uow,
                Facts(
                    purpose=purpose or house.purpose, at=at.date(), channel=channel, caller=first[0] if first else None,
                    extra_legs=(*others, *(one for one in places if one and one != place)),
                    agent_location=place, establishment=house.establishment, recorder=house.recorder,
                    sectors=house.sectors, region=house.region,
                    unknown_legs=(house.unknown,) if line.unknown or not line.customers else (),
                ),
            )
            for place in places
        ]  # fmt: skip
        # The same places are on the line each time; what is owed to agents is that of the place where they work.
        duties = dict.fromkeys(duty for one in made for duty in one.employee_prerequisites)
        return made[0] if len(made) == 1 else replace(made[0], employee_prerequisites=tuple(duties))

    def _judge(self, uow: UnitOfWork, facts: CallFacts, since: datetime | None) -> Verdict:
        line = on_the_line(facts.participants, self._house.region)
        decision = self.decide(uow, line, facts.started_at)
        return self.weigh(uow, decision, line, conversation_id=facts.id, call_id=facts.external_id, since=since)

    def weigh(
        self, uow: UnitOfWork, decision: Decision, line: OnTheLine, *, conversation_id: str | None = None,
        call_id: str | None = None, since: datetime | None = None,
    ) -> Verdict:  # fmt: skip
        """What follows from a decision and from what the people on the line have said; ``since``: who joined when."""
        drop = (
            any(action.verb is ActionVerb.DISCARD_ON_REFUSAL for action in decision.actions)
            or decision.level >= ConsentLevel.ANNOUNCE
        )
        obliged = any(action.verb is ActionVerb.MUST_RECORD for action in decision.actions)
        said = json.dumps(summary(decision), separators=(",", ":"))

        def verdict(keep: Keep, words: str) -> Verdict:
            return Verdict(keep=keep, level=decision.level, words=words, drop=drop, obliged=obliged, decision=said)

        if decision.level == ConsentLevel.BARRED or not decision.may_record:
            return verdict(Keep.NEVER, "Recording is barred for this purpose, whatever anybody consents to.")
        people = [Person(whose=Whose.CALLER, name=name) for name in line.customers]
        known = [self._ledger.standing_of_person(uow, one, purpose=self._house.purpose) for one in people]
        on_call = self._ledger.standing_of_call(
            uow, conversation_id=conversation_id, call_id=call_id, after=since,
            explicit=decision.level == ConsentLevel.OPT_IN,
        )  # fmt: skip
        if Standing.REFUSED in {*known, on_call} and not obliged:
            return verdict(Keep.NEVER, "Somebody on the line has refused to be recorded.")
        missing = self.missing(uow, decision, line.agents)
        if missing:
            return verdict(Keep.NEVER, "An agent lacks what the law demands first: " + ", ".join(missing) + ".")
        if decision.level == ConsentLevel.OPT_IN and on_call is not Standing.GIVEN:
            in_writing = bool(known) and not line.unknown and all(one is Standing.GIVEN for one in known)
            if not in_writing:
                return verdict(Keep.CONSENT, "An explicit yes is needed before anything is kept.")
        return verdict(Keep.START, _KEPT[decision.level])

    def missing(self, uow: UnitOfWork, decision: Decision, agents: Iterable[str]) -> list[str]:
        """Ids of the prerequisites that block recording and that an agent lacks, who may not be known.

        What is owed to all who work at a site is met by the site's document, the rest by each agent's own. Of an agent
        who is not known it counts only where there is one site alone.
        """
        blocking = [one for one in decision.employee_prerequisites if one.blocks]
        if not blocking:
            return []
        known = list(agents)
        sites = workplaces.of_agents(uow, known)
        people: list[tuple[str | None, str | None]] = [
            (agent, sites[agent].name if agent in sites else workplaces.EVERYBODY_ELSE) for agent in known
        ]
        if not people:
            people = [(None, None if workplaces.every(uow) else workplaces.EVERYBODY_ELSE)]
        lacking: set[str] = set()
        for agent, site in people:
            lacking |= lacks(blocking, self.met(uow, blocking, agent, site))
        return sorted(lacking)

    def met(self, uow: UnitOfWork, duties: Iterable[Prerequisite], agent: str | None, site: str | None) -> set[str]:
        """Which prerequisites are met now, by the agent's own word or by what holds for the whole site."""
        asked = list(duties)
        own = set() if agent is None else self._given(uow, Person(whose=Whose.EMPLOYEE, name=agent), asked)
        shared = [one for one in asked if not one.personal]
        return own if site is None else own | self._given(uow, workplaces.site_of(site), shared)

    def _given(self, uow: UnitOfWork, whom: Person, duties: Iterable[Prerequisite]) -> set[str]:
        return self._ledger.given_by(uow, whom, (one.id for one in duties))


_KEPT = {
    0: "May be recorded; no notice is required by law.",
    1: "May be recorded; what recordings are for must be published.",
    2: "May be recorded after an announcement.",
    3: "May be recorded after an announcement with the notices of data-protection law.",
    4: "Everybody who must has agreed.",
}


def on_the_line(participants: Iterable[Participant], region: str | None) -> OnTheLine:
    """The people of a call: customers are all who are not known for agents."""
    customers, unknown, agents = [], 0, []
    for one in participants:
        if one.left_at is not None:
            continue
        user = user_of(one.aor)
        if one.role is Role.AGENT:
            agents += [one.agent_id] if one.agent_id else []
        elif user and read_number(user, region).kind is not NumberKind.WITHHELD:
            customers.append(e164(user, region))
        else:
            unknown += 1
    return OnTheLine(tuple(dict.fromkeys(customers)), unknown, tuple(dict.fromkeys(agents)))


def of_conversation(conversation: Conversation) -> OnTheLine:
    """The same of a conversation that is held."""
    others = [party for party in conversation.parties if party.role is not Role.AGENT]
    agents = tuple(party.agent_id for party in conversation.parties if party.role is Role.AGENT and party.agent_id)
    tels = tuple(dict.fromkeys(party.tel for party in others if party.tel))
    return OnTheLine(tels, sum(party.tel is None for party in others), agents)


def summary(decision: Decision) -> dict[str, Any]:
    """What is kept of a decision beside the call: enough to say later what it asked, by which rules."""
    return {
        "level": decision.level, "legs": [leg.id for leg in decision.legs], "unknown": list(decision.unknown),
        "may_record": decision.may_record, "keep_from": decision.keep_from,
        "announcement_recorded": decision.announcement_recorded,
        "instead": [
            each for action in decision.actions if action.verb is ActionVerb.ANNOUNCE_INSIDE_RECORDING
            for each in action.details.get("alternatives", ())
        ],
        "notice_elements": list(decision.notice_elements),
        "actions": [action.verb for action in decision.actions], "purpose": decision.purpose,
        "channel": decision.channel, "retention": {
            "min_days": decision.retention.min_days, "max_days": decision.retention.max_days,
            "conflict": decision.retention.conflict,
        },
        "analysis_limits": [limit.code for limit in decision.analysis_limits], "confidence": decision.confidence,
        "needs_review": [flag.rule for flag in decision.needs_review], "pack": decision.pack,
        "at": decision.at.isoformat(), "decided_at": clock.now().isoformat(),
    }  # fmt: skip


def lacks(duties: Iterable[Prerequisite], met: set[str]) -> set[str]:
    """Which of those that block recording are met neither themselves nor by one of their alternatives."""
    blocking = [one for one in duties if one.blocks]
    alternatives = {one.any_of for one in blocking if one.any_of and one.id in met}
    return {one.id for one in blocking if one.id not in met and one.any_of not in alternatives}
