"""Employees: what the law of the house's places demands before an agent is recorded, what is there, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.consent import workplaces
from candor.consent.ledger.model import Line, Whose
from candor.consent.ledger.service import Person
from candor.consent.model import Decision, Prerequisite
from candor.errors import CandorError, InvalidInput
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline.gate import lacks
from candor.pipeline.workplaces import LARGEST_DOCUMENT, latest
from candor.web.consent import common
from candor.web.consent.sites import METHODS, DocumentForm, give, known_agents, until_day
from candor.web.i18n import N_, _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_PAGE = 50
_DONE = {
    "recorded": N_("It is in the ledger."),
    "withdrawn": N_("It is withdrawn: the agent is not recorded where the law demands it."),
}


@dataclass(frozen=True, slots=True)
class Met:
    """One prerequisite of one agent."""

    duty: Prerequisite
    met: bool
    by_site: bool
    """By what holds for everybody where the agent works."""
    line: Line | None
    """The latest word on it, the agent's own or the site's."""
    zone: ZoneInfo

    @property
    def day(self) -> date | None:
        """Of the latest word."""
        return None if self.line is None else self.line.entry.at.astimezone(self.zone).date()

    @property
    def until(self) -> date | None:
        """The last day on which it holds; None: open."""
        return until_day(self.line, self.zone)


@dataclass(frozen=True, slots=True)
class AgentCard:
    """One agent."""

    id: str
    name: str
    site: str
    """Where the agent works; empty: where everybody else does."""
    duties: tuple[Met, ...]
    missing: tuple[str, ...]
    """Ids of what keeps the agent from being recorded."""


@router.get("/consent/employees")
def employees(request: Request, visit: CurrentVisit) -> Response:
    """Agents by name, fifty a page."""
    return _page(request, visit)


@router.post("/consent/employees")
def record(request: Request, visit: CurrentVisit, form: DocumentForm) -> Response:
    """Write down that an agent meets a prerequisite, with what proves it."""
    common.check(visit, Right.CONSENT_WRITE)
    try:
        agent, _duties = _named(form, visit)
        give(visit, form, Person(whose=Whose.EMPLOYEE, name=agent))
    except InvalidInput as problem:
        return _page(request, visit, status=422, problem=problem, given=form)
    return common.done("/consent/employees", "recorded", q=str(form.get("q") or ""))


@router.post("/consent/employees/withdraw")
def withdraw(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Write down that an agent takes one back, or that it no longer holds."""
    common.check(visit, Right.CONSENT_WRITE)
    try:
        agent, duties = _named(form, visit)
        words = _("Say by what it was withdrawn: a letter, an e-mail, a day.")
        reference = common.reason(form, words, "reference", 255)
        visit.services.workplaces.withdraw(
            Person(whose=Whose.EMPLOYEE, name=agent), covers=duties, reference=reference, by=visit.principal.user_id
        )
    except InvalidInput as problem:
        return _page(request, visit, status=422, problem=problem)
    return common.done("/consent/employees", "withdrawn", q=str(form.get("q") or ""))


def _page(
    request: Request, visit: Visit, status: int = 200, problem: CandorError | None = None, given: FormData | None = None
) -> Response:
    common.check(visit)
    asked = str((given.get("q") if given else None) or request.query_params.get("q", "")).strip()[:80]
    number = common.number(request.query_params.get("page"), 10_000) or 1
    house = visit.services.house
    unready: CandorError | None = None
    decision: Decision | None = None
    with visit.services.database.read() as uow:
        known = sorted(known_agents(uow, visit).items(), key=lambda each: (each[1] or each[0]).casefold())
        found = [each for each in known if asked.casefold() in f"{each[0]} {each[1]}".casefold()]
        shown = found[(number - 1) * _PAGE : number * _PAGE]
        try:
            decision = _decision(uow, visit)
        except InvalidInput as error:
            unready = error  # a place that the pack does not know
        cards = [_card(uow, visit, decision, *each) for each in shown] if decision else []
    pages = {
        "newer": _address(asked, number - 1) if number > 1 else "",
        "older": _address(asked, number + 1) if number * _PAGE < len(found) else "",
    }
    return common.page(
        request, visit, "employees.html", status=status, problem=problem, given=given or {}, asked=asked,
        known=len(known), count=len(found), cards=cards, decision=decision, unready=unready, pages=pages,
        house=house, enforced=visit.services.enforced, methods=METHODS,
        today=clock.now().astimezone(visit.zone).date(), noticed=common.noticed(request, _DONE),
        largest=LARGEST_DOCUMENT,
    )  # fmt: skip


def _decision(uow: UnitOfWork, visit: Visit) -> Decision | None:
    """What the house's own places ask, whoever is at the other end."""
    house = visit.services.house
    return visit.services.workplaces.demanded(uow, house.agent_location or house.establishment)


def _card(uow: UnitOfWork, visit: Visit, decision: Decision, agent: str, name: str) -> AgentCard:
    """What the law of the agent's site asks, and how it stands."""
    gate, ledger = visit.services.workplaces.gate, visit.services.consenting.ledger
    site = workplaces.of_agents(uow, [agent]).get(agent)
    at, demanded = workplaces.EVERYBODY_ELSE, decision
    if site is not None:
        at, demanded = site.name, visit.services.workplaces.demanded(uow, site.place) or decision
    own = ledger.of_person(uow, Person(whose=Whose.EMPLOYEE, name=agent))
    shared = ledger.of_person(uow, workplaces.site_of(at))
    asked, duties = demanded.employee_prerequisites, list[Met]()
    by_agents, by_sites = gate.met(uow, asked, agent, None), gate.met(uow, asked, None, at)
    for duty in asked:
        by_agent = duty.id in by_agents
        by_site = not by_agent and duty.id in by_sites
        line = latest(shared if by_site else own, duty.id)
        duties.append(Met(duty, met=by_agent or by_site, by_site=by_site, line=line, zone=visit.zone))
    missing = tuple(sorted(lacks(asked, by_agents | by_sites)))
    return AgentCard(agent, name, "" if site is None else site.name, tuple(duties), missing)


def _named(form: FormData, visit: Visit) -> tuple[str, tuple[str, ...]]:
    """The agent and the prerequisites that the form names; raises InvalidInput for none."""
    agent = str(form.get("agent_id") or "").strip()[:255]
    with visit.services.database.read() as uow:
        site = workplaces.of_agents(uow, [agent]).get(agent)
        decision = _decision(uow, visit) if site is None else visit.services.workplaces.demanded(uow, site.place)
        known = {duty.id for duty in decision.employee_prerequisites} if decision else set()
    duties = tuple(each for each in dict.fromkeys(map(str, form.getlist("duty"))) if each in known)
    if not agent or not duties:
        raise InvalidInput(_("Name the agent, and tick what is met."), code="consent.employee")
    return agent, duties


def _address(asked: str, number: int) -> str:
    query = urlencode({name: value for name, value in (("q", asked), ("page", str(number))) if value and value != "1"})
    return f"/consent/employees?{query}" if query else "/consent/employees"
