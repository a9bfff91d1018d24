"""What would happen on this call? A form, and the answer in words with its sources. Nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from candor.consent.announcements import store as announcements
from candor.consent.announcements.compose import LANGUAGES, compose, required
from candor.consent.announcements.model import Details
from candor.consent.announcements.texts import texts
from candor.consent.model import Attestation, ConsentLevel, Decision, Facts, UnknownLeg
from candor.errors import InvalidInput
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.web.consent import common
from candor.web.i18n import _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

MOST_LEGS = 50
_TEXTS = (
    "caller", "callee", "agent_location", "establishment", "recorder", "purpose", "channel", "at", "extra_legs",
    "unknown_leg", "attestation", "minor", "language", "company", "privacy_notice", "contact", "retention_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """The announcement that fits an answer, or why there is none."""

    text: str = ""
    version: str = ""
    """Of the one in use; empty when it was put together now."""
    why_not: str = ""
    advice: str = ""


@router.get("/consent/decide")
def ask(request: Request, visit: CurrentVisit) -> Response:
    """The form, with what holds for every call of this house."""
    common.check(visit, whole=False)
    return _page(request, visit, _usual(visit))


@router.post("/consent/decide")
def answer(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """The answer under the form. It is posted, so that numbers stand in no address and no log."""
    common.check(visit, whole=False)
    given = _given(form)
    try:
        facts = _facts(given, visit.services.house.region)
        with visit.services.database.read() as uow:
            made = visit.services.consent.decide(uow, facts)
            fitting = announcement(uow, made, given, visit.services.announcing.house)
    except InvalidInput as problem:
        return _page(request, visit, given, status=422, problem=problem)
    return _page(request, visit, given, made=made, fitting=fitting)


def announcement(uow: UnitOfWork, made: Decision, given: dict[str, Any], house: Details) -> Fitting:
    """One that is in use and tells everything, else one put together from our texts and what the form fills in."""
    if made.level == ConsentLevel.BARRED or not made.may_record:
        return Fitting(why_not=_("Nothing is announced: this call must not be recorded."))
    language = given["language"] if given["language"] in LANGUAGES else "en"
    try:
        details = replace(
            house, company=given["company"], purposes=(made.purpose,), privacy_notice=given["privacy_notice"],
            contact=given["contact"], retention_days=common.days(given["retention_days"]),
        )  # fmt: skip
        elements = frozenset(each.value for each in required(made.level, made.notice_elements))
        used = announcements.fitting(uow, level=made.level, elements=elements, language=language)
        if used is not None:
            return Fitting(text=used.text, version=used.version)
        return Fitting(text=compose(made.level, made.notice_elements, language, details).text)
    except InvalidInput as problem:
        return Fitting(why_not=problem.message, advice=problem.advice or "")


def _usual(visit: Visit) -> dict[str, Any]:
    house, told = visit.services.house, visit.services.announcing.house
    given: dict[str, Any] = dict.fromkeys(_TEXTS, "")
    return given | {
        "agent_location": house.agent_location or "", "establishment": house.establishment or "",
        "recorder": house.recorder or "", "purpose": house.purpose, "channel": "voice",
        "language": visit.services.announcing.languages[0], "company": told.company,
        "privacy_notice": told.privacy_notice, "contact": told.contact,
        "retention_days": str(told.retention_days or ""),
        "at": clock.now().date().isoformat(), "sectors": list(house.sectors),
    }  # fmt: skip


def _given(form: FormData) -> dict[str, Any]:
    found: dict[str, Any] = {name: str(form.get(name) or "").strip()[:2000] for name in _TEXTS}
    found["sectors"] = [str(each)[:64] for each in form.getlist("sector")][:MOST_LEGS]
    return found


def _facts(given: dict[str, Any], region: str | None) -> Facts:
    """What the form says; raises InvalidInput for a day or a choice that is none."""
    legs = tuple(part for line in given["extra_legs"].splitlines() for part in (line.strip(),) if part)
    if len(legs) > MOST_LEGS:
        raise InvalidInput(_("Those are too many people on one call."), code="consent.legs")
    try:
        day = date.fromisoformat(given["at"]) if given["at"] else clock.now().date()
        unknown = (UnknownLeg(given["unknown_leg"]),) if given["unknown_leg"] else ()
        attestation = Attestation(given["attestation"]) if given["attestation"] else None
    except ValueError:
        raise InvalidInput(_("The day or one of the choices cannot be read."), code="consent.form") from None
    place = {name: given[name] or None for name in ("agent_location", "establishment", "recorder", "caller", "callee")}
    return Facts(
        purpose=given["purpose"], at=day, channel=given["channel"] or "voice", extra_legs=legs, unknown_legs=unknown,
        sectors=tuple(given["sectors"]), region=region, attestation=attestation, minor=given["minor"] == "yes", **place,
    )  # fmt: skip


def _page(
    request: Request, visit: Visit, given: dict[str, Any], *, status: int = 200, problem: InvalidInput | None = None,
    made: Decision | None = None, fitting: Fitting | None = None,
) -> Response:  # fmt: skip
    with visit.services.database.read() as uow:
        rules = visit.services.consent.rules(uow)
    sectors = [each for each in rules.sectors.values() if not each.automatic]
    return common.page(
        request, visit, "decide.html", status=status, problem=problem, given=given, made=made, fitting=fitting,
        head=rules.head, cross=rules.cross, sectors=sectors,
        places=sorted(rules.jurisdictions.values(), key=lambda each: each.name),
        languages={each: texts(each).name for each in LANGUAGES}, attestations=tuple(Attestation),
    )  # fmt: skip
