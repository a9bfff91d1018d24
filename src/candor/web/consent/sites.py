"""Sites: where agents work, what the law of each place demands there, what is there, and who lacks something."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import FormData, UploadFile

from candor.access.model import Right
from candor.consent.ledger.model import Line, Method, Whose
from candor.consent.ledger.service import Person
from candor.consent.workplaces import EVERYBODY_ELSE, site_of
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline.workplaces import LARGEST_DOCUMENT, everybody
from candor.web.consent import common
from candor.web.i18n import N_, _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

METHODS = (Method.CONTRACT, Method.WRITTEN)
ADDRESS = "/consent/sites"
_DONE = {
    "added": N_("The site is there. Say who works at it, then what it has."),
    "removed": N_("The site is gone. What the ledger says of it stays."),
    "assigned": N_("These agents work there from now on."),
    "recorded": N_("It is in the ledger, and the document is sealed."),
    "withdrawn": N_("It is withdrawn: agents of this site are not recorded where the law demands it."),
}
_PART = 1 << 16
DocumentForm = Annotated[FormData, Depends(common.form_in_memory(LARGEST_DOCUMENT))]


@router.get(ADDRESS)
def sites(request: Request, visit: CurrentVisit) -> Response:
    """Every site, the house's own last."""
    return _page(request, visit)


@router.post(ADDRESS)
def add(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A new site."""
    common.check(visit, Right.CONSENT_MANAGE)
    try:
        given = [str(form.get(name) or "") for name in ("name", "place")]
        visit.services.workplaces.add(given[0], given[1], by=visit.principal.user_id)
    except (InvalidInput, Conflict) as problem:
        return _page(request, visit, status=422, problem=problem, given=form)
    return common.done(ADDRESS, "added")


@router.post(ADDRESS + "/remove")
def remove(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take one away at which nobody works."""
    common.check(visit, Right.CONSENT_MANAGE)
    try:
        visit.services.workplaces.remove(str(form.get("site") or ""), by=visit.principal.user_id)
    except (NotFound, Conflict) as problem:
        return _page(request, visit, status=422, problem=problem)
    return common.done(ADDRESS, "removed")


@router.post(ADDRESS + "/agents")
def assign(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Who works there."""
    common.check(visit, Right.CONSENT_MANAGE)
    named = str(form.get("agents") or "").replace(",", "\n").splitlines()
    try:
        visit.services.workplaces.assign(str(form.get("site") or ""), named, by=visit.principal.user_id)
    except (InvalidInput, NotFound) as problem:
        return _page(request, visit, status=422, problem=problem)
    return common.done(ADDRESS, "assigned")


@router.post(ADDRESS + "/document")
def record(request: Request, visit: CurrentVisit, form: DocumentForm) -> Response:
    """Write down what holds for everybody at a site, with the document that shows it."""
    common.check(visit, Right.CONSENT_WRITE)
    try:
        give(visit, form, site_of(str(form.get("site") or "")))
    except (InvalidInput, NotFound) as problem:
        return _page(request, visit, status=422, problem=problem, given=form)
    return common.done(ADDRESS, "recorded")


@router.post(ADDRESS + "/withdraw")
def withdraw(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Write down that it no longer holds."""
    common.check(visit, Right.CONSENT_WRITE)
    duties, reference = tuple(str(one) for one in form.getlist("duty")), str(form.get("reference") or "")
    try:
        visit.services.workplaces.withdraw(
            site_of(str(form.get("site") or "")), covers=duties, reference=reference, by=visit.principal.user_id
        )
    except InvalidInput as problem:
        return _page(request, visit, status=422, problem=problem)
    return common.done(ADDRESS, "withdrawn")


@router.get("/consent/documents/{digest}")
def document(visit: CurrentVisit, digest: str) -> Response:
    """A document that is kept, to be saved; who took it is in the audit log."""
    common.check(visit)
    name, stream = visit.services.workplaces.open(digest, by=visit.principal.user_id)
    headers = {
        # Whatever it is, it is no page of ours: saved, never shown.
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        iter(lambda: stream.read(_PART), b""), media_type="application/octet-stream", headers=headers
    )


def give(visit: Visit, form: FormData, person: Person) -> Line:
    """What a form says of an agent or a site; raises InvalidInput, NotFound."""
    given, until = (common.day(form.get(name), visit.zone) for name in ("given", "until"))
    if given is None or given > clock.now():
        raise InvalidInput(_("Give the day on which it was given, today or before."), code="consent.moment")
    if until is not None and until < given:
        raise InvalidInput(_("It ends before it begins."), code="consent.expiry")
    method = str(form.get("method") or "")
    if method not in set(METHODS):
        raise InvalidInput(_("Say whether it is in writing or by contract."), code="consent.method")
    duties = tuple(dict.fromkeys(str(one) for one in form.getlist("duty")))
    if not duties:
        raise InvalidInput(_("Tick what is met."), code="consent.duty")
    chosen = form.get("document")
    kept = (chosen.filename, chosen.file.read()) if isinstance(chosen, UploadFile) and chosen.filename else None
    reference = str(form.get("reference") or "").strip()[:255] or None
    if kept is None and reference is None:
        raise InvalidInput(
            _("Something must prove it: choose the document, or write where it is."), code="consent.proof"
        )
    return visit.services.workplaces.give(
        person, covers=duties, method=Method(method), given=given,
        # It holds to the end of the day that is named.
        until=until and until + timedelta(days=1), document=kept, reference=reference, by=visit.principal.user_id,
    )  # fmt: skip


def known_agents(uow: UnitOfWork, visit: Visit) -> dict[str, str]:
    """Id → name of users who are agents, agents of calls that are held, and agents of the ledger and the sites."""
    names = dict.fromkeys(everybody(uow), "")
    names |= {agent: name for agent, name in visit.services.replay.facets(uow, visit.scope).agents if agent}
    for user in visit.services.access.users(uow):
        if user.agent_id:
            names[user.agent_id] = user.name or user.login
    return names


def until_day(line: Line | None, zone: ZoneInfo) -> date | None:
    """The last day on which a word holds; None: open."""
    ends = None if line is None else line.entry.expires_at
    return None if ends is None else (ends - timedelta(seconds=1)).astimezone(zone).date()


def _page(
    request: Request, visit: Visit, status: int = 200, problem: CandorError | None = None, given: FormData | None = None
) -> Response:
    common.check(visit)
    unready: CandorError | None = None
    with visit.services.database.read() as uow:
        names = known_agents(uow, visit)
        places = visit.services.consent.rules(uow).jurisdictions
        try:
            found = visit.services.workplaces.sites(uow, names)
        except InvalidInput as error:  # a place in the settings that the pack does not know
            found, unready = [], error
    return common.page(
        request, visit, "sites.html", status=status, problem=problem, unready=unready, given=given or {}, sites=found,
        names=names, places=sorted(places.values(), key=lambda each: each.name), place_names=places, methods=METHODS,
        house=visit.services.house, enforced=visit.services.enforced, else_name=EVERYBODY_ELSE,
        today=clock.now().astimezone(visit.zone).date(), until=lambda line: until_day(line, visit.zone),
        noticed=common.noticed(request, _DONE), largest=LARGEST_DOCUMENT, whose=Whose,
    )  # fmt: skip
