"""Sites and their documents: what the law of each site's place demands, what is there, what is missing, and for whom.

Rooms meet here: the ledger says what was given, the vault keeps the documents that prove it, sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import workplaces
from candor.consent.ledger import store as ledger_store
from candor.consent.ledger.model import ConsentEvent, Entry, Line, Method, Proof, Whose
from candor.consent.ledger.service import CipherFor, Person
from candor.consent.model import Decision, Prerequisite
from candor.consent.service import Consent
from candor.consent.workplaces import EVERYBODY_ELSE, Document, Workplace, site_of
from candor.errors import InvalidInput, NotFound, TooLarge
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.pipeline.consenting import Consenting
from candor.pipeline.gate import ConsentGate, House, OnTheLine, lacks
from candor.vault.service import Vault

LARGEST_DOCUMENT = 20_000_000
"""Bytes; a document is in memory while it is sealed."""
_KIND, _OWNER = "document", "consent-documents"
"""What the vault knows a document by."""
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One prerequisite at one site."""

    duty: Prerequisite
    line: Line | None
    """The latest word on it about the site; None for what each agent gives, and where there is none."""
    met: bool
    """For all who work there."""
    lacking: tuple[str, ...] = ()
    """Agents who lack it; of a site's own duties that are not met: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site as it stands."""

    name: str
    place: str | None
    """An id of the rule pack; None where the house's is not known."""
    agents: tuple[str, ...]
    duties: tuple[Duty, ...]
    barred: tuple[str, ...]
    """Agents who are not recorded there until something is given."""

    @property
    def house(self) -> bool:
        """Whether it is that of everybody who is at no other."""
        return self.name == EVERYBODY_ELSE


class Workplaces:
    """The verbs of sites."""

    def __init__(
        self,
        database: Database,
        consent: Consent,
        consenting: Consenting,
        house: House,
        vault: Vault,
        cipher: CipherFor,
    ) -> None:
        self._database, self._consent, self._consenting, self._house = database, consent, consenting, house
        self._vault, self._cipher = vault, cipher

    # ---- sites ----

    def add(self, name: str, place: str, *, by: str) -> Workplace:
        """A new site; raises InvalidInput for a name or place that is none, Conflict for a name that is taken."""
        with self._database.write() as uow:
            found = self._consent.rules(uow).jurisdictions.get(place.strip().upper())
            if found is None:
                raise InvalidInput(
                    "There is no such place in the rules.", code="consent.place",
                    advice="Such as DE or US-NY; `candor consent rules` lists them.",
                )  # fmt: skip
            made = workplaces.add(uow, name, found.id, by=by)
            audit.record(uow, Event.WORKPLACE_CHANGED, by, subject=f"added {made.place}")
        return made

    def remove(self, name: str, *, by: str) -> None:
        """Take a site away; raises NotFound, Conflict while agents are at it."""
        with self._database.write() as uow:
            workplaces.remove(uow, name)
            audit.record(uow, Event.WORKPLACE_CHANGED, by, subject="removed")

    def assign(self, name: str, agents: Iterable[str], *, by: str) -> int:
        """These agents work there from now on; returns how many. Raises NotFound, InvalidInput."""
        with self._database.write() as uow:
            count = workplaces.assign(uow, name, agents)
            audit.record(uow, Event.WORKPLACE_CHANGED, by, subject=f"agents {count}")
        return count

    def sites(self, uow: UnitOfWork, agents: Iterable[str]) -> list[Site]:
        """Every site with what is missing; ``agents``: everybody known. The house's own comes last."""
        known = list(dict.fromkeys(agents))
        placed = workplaces.of_agents(uow, known)
        found = [
            self._site(uow, one.name, one.place, workplaces.workplace_agents(uow, one.name))
            for one in workplaces.every(uow)
        ]  # fmt: skip
        usual = self._house.agent_location or self._house.establishment
        others = [agent for agent in known if agent not in placed]
        return [*found, self._site(uow, EVERYBODY_ELSE, usual, others)]

    def demanded(self, uow: UnitOfWork, place: str | None) -> Decision | None:
        """What the law asks where agents work at ``place``, whoever is at the other end; None: nothing is known."""
        if place is None and self._house.establishment is None:
            return None
        return self.gate.decide(uow, OnTheLine((), 1, ()), clock.now(), agent_location=place)

    @property
    def gate(self) -> ConsentGate:
        """Decides as the recorder does."""
        return ConsentGate(self._database, self._consent, self._consenting.ledger, self._house)

    def _site(self, uow: UnitOfWork, name: str, place: str | None, agents: list[str]) -> Site:
        decision = self.demanded(uow, place)
        duties = () if decision is None else decision.employee_prerequisites
        gate, lines = self.gate, self._consenting.ledger.of_person(uow, site_of(name))
        shared = gate.met(uow, duties, None, name)
        own = {agent: gate.met(uow, duties, agent, None) for agent in agents}
        made: list[Duty] = []
        for duty in duties:
            lacking = () if duty.id in shared else tuple(one for one in agents if duty.id not in own[one])
            line = None if duty.personal else latest(lines, duty.id)
            met = duty.id in shared or (bool(agents) and not lacking)
            made.append(Duty(duty=duty, line=line, met=met, lacking=lacking))
        barred = tuple(one for one in agents if lacks(duties, shared | own[one]))
        return Site(name=name, place=place, agents=tuple(agents), duties=tuple(made), barred=barred)

    # ---- what is given ----

    def give(
        self, person: Person, *, covers: tuple[str, ...], method: Method, given: datetime, until: datetime | None,
        document: tuple[str, bytes] | None = None, reference: str | None = None, by: str,
    ) -> Line:  # fmt: skip
        """Write down that a site or an agent meets prerequisites, with the document (name, bytes) that shows it.

        ``until``: aware, from when it holds no longer. Raises InvalidInput for what nothing proves, NotFound for a site
        that does not exist.
        """
        with self._database.read() as uow:
            named = person.whose is Whose.WORKPLACE and person.name != EVERYBODY_ELSE
            if named and workplaces.get(uow, person.name) is None:
                raise NotFound("There is no such site.", code="consent.workplace")
            places = self._consent.rules(uow).jurisdictions
        known = {f"{place.id}.{duty.id}" for place in places.values() for duty in place.duties}
        if unknown := [one for one in covers if one not in known]:
            # It would never count, and nobody would see why.
            raise InvalidInput(
                f"There is no prerequisite {unknown[0][:64]}.", code="consent.duty",
                advice="`candor consent sites list --json` names those of each site.",
            )  # fmt: skip
        if not covers:
            raise InvalidInput("Say which prerequisites it meets.", code="consent.duty")
        if given > clock.now():
            raise InvalidInput("It cannot have been given in the future.", code="consent.moment")
        if until is not None and until <= given:
            raise InvalidInput("It ends before it begins.", code="consent.expiry")
        if document is None and not reference:
            raise InvalidInput("Something must prove it: a document, or where it is.", code="consent.proof")
        digest = None if document is None else self.keep(*document, by=by)
        entry = Entry(
            at=given, event=ConsentEvent.GIVEN, whose=person.whose, subject=None, method=method, covers=covers,
            proof=Proof(digest=digest, reference=reference), expires_at=until, actor=by,
        )  # fmt: skip
        return self._consenting.hear(entry, person).line

    def withdraw(self, person: Person, *, covers: tuple[str, ...], reference: str, by: str) -> Line:
        """Write down that it no longer holds, and by what it was ended."""
        if not covers or len(reference.strip()) < 3:
            raise InvalidInput("Say what ends, and by what: a letter, a notice, a day.", code="consent.reason")
        entry = Entry(
            at=clock.now(), event=ConsentEvent.WITHDRAWN, whose=person.whose, subject=None, method=Method.WRITTEN,
            covers=covers, proof=Proof(reference=reference.strip()[:255]), actor=by,
        )  # fmt: skip
        return self._consenting.hear(entry, person).line

    # ---- documents ----

    def keep(self, name: str, data: bytes, *, by: str) -> str:
        """Seal a document; returns its SHA-512. The same bytes are kept once. Raises InvalidInput, TooLarge."""
        if not data:
            raise InvalidInput("The document is empty.", code="consent.document")
        if len(data) > LARGEST_DOCUMENT:
            raise TooLarge(f"The document is larger than {LARGEST_DOCUMENT // 1_000_000} MB.", code="consent.document")
        digest = hashlib.sha512(data).hexdigest()
        with self._database.read() as uow:
            if workplaces.document(uow, digest) is not None:
                return digest
        sealed = self._vault.seal(_KIND, _OWNER, data)
        with self._database.write() as uow:
            if workplaces.document(uow, digest) is None:
                plain = name.rpartition("/")[2].rpartition("\\")[2].strip()[:_LONGEST_NAME] or "document"
                shown = self._cipher(uow, True).seal(f"document/{digest}", plain.encode())
                kept = self._vault.keep(uow, sealed)
                found = Document(digest=digest, object_id=kept, name=shown, size=len(data), added_at=clock.now())
                workplaces.put_document(uow, found, by=by)
                audit.record(uow, Event.CONSENT_DOCUMENT_KEPT, by, subject=digest[:16])
        return digest

    def open(self, digest: str, *, by: str) -> tuple[str, BinaryIO]:
        """A document's name and bytes; who opened it is in the audit log. Raises NotFound."""
        with self._database.write() as uow:
            found = workplaces.document(uow, digest)
            if found is None:
                raise NotFound("That document is not kept here.", code="consent.document")
            audit.record(uow, Event.CONSENT_DOCUMENT_OPENED, by, subject=digest[:16])
            name = self._cipher(uow, False).open(f"document/{digest}", found.name).decode()
            return name, self._vault.open(uow, found.object_id)


def latest(lines: Iterable[Line], duty: str) -> Line | None:
    """The newest word on a prerequisite."""
    told = {ConsentEvent.GIVEN, ConsentEvent.WITHDRAWN, ConsentEvent.EXPIRED, ConsentEvent.REFUSED}
    about = [
        line for line in lines if line.entry.event in told and (not line.entry.covers or duty in line.entry.covers)
    ]
    return max(about, key=lambda line: (line.entry.at, line.number), default=None)


def everybody(uow: UnitOfWork) -> list[str]:
    """Agents whom the ledger or a site knows."""
    names = [line.entry.hint for line in ledger_store.employees(uow)]
    return [*names, *(agent for one in workplaces.every(uow) for agent in workplaces.workplace_agents(uow, one.name))]


def told(site: Site) -> dict[str, Any]:
    """A site in data."""
    return {
        "name": site.name, "place": site.place, "agents": list(site.agents), "not_recorded": list(site.barred),
        "prerequisites": [
            {
                "id": one.duty.id, "kind": one.duty.kind, "blocks": one.duty.blocks, "personal": one.duty.personal,
                "met": one.met, "missing_for": list(one.lacking), "line": one.line and one.line.number,
                "expires_at": _moment(one.line), "document": one.line and one.line.entry.proof.digest,
            }
            for one in site.duties
        ],
    }  # fmt: skip


def _moment(line: Line | None) -> str | None:
    return None if line is None or line.entry.expires_at is None else line.entry.expires_at.isoformat()
