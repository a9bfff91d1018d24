"""Announcements: those in use with their text and sound, taking one out of use, and making a new one."""

from __future__ import annotations

import io
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from candor.access.model import Right
from candor.consent.announcements import store
from candor.consent.announcements.compose import LANGUAGES
from candor.consent.announcements.model import Announcement, Element, Keys, Refusal
from candor.consent.announcements.texts import texts
from candor.errors import CandorError, InvalidInput, TooLarge, Unavailable
from candor.pipeline.announcing import LARGEST_UPLOAD, Words
from candor.web.consent import common
from candor.web.i18n import N_, _
from candor.web.sound import ranged
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

LEVELS = (1, 2, 3, 4)
_DONE = {
    "retired": N_("It is out of use: it is not played any more, and is still found in recordings."),
    "added": N_("It is in use."),
}
_TEXTS = ("level", "language", "company", "privacy_notice", "contact", "retention_days", "recipients", "transfer")


AnnouncementForm = Annotated[FormData, Depends(common.form_in_memory(LARGEST_UPLOAD))]


@router.get("/consent/announcements")
def announcements(request: Request, visit: CurrentVisit) -> Response:
    """Those in use; with ``state=all`` those of before, too."""
    common.check(visit, whole=False)
    return _page(request, visit)


@router.get("/consent/announcements/{version}/audio")
def sound(version: str, request: Request, visit: CurrentVisit) -> Response:
    """How it sounds, WAV."""
    common.check(visit, whole=False)
    with visit.services.database.read() as uow:
        data = store.wav(uow, version)
    return ranged(request, io.BytesIO(data), len(data), "audio/wav")


@router.post("/consent/announcements")
def make(request: Request, visit: CurrentVisit, form: AnnouncementForm) -> Response:
    """``do``: show how it reads (``preview``), or put it into use spoken (``speak``), recorded (``upload``) or as text
    that phone systems or agents speak (``silent``)."""
    common.check(visit, whole=False)
    given, do = _given(form), str(form.get("do") or "preview")
    if do != "preview":
        visit.principal.require(Right.CONSENT_MANAGE)
    announcing, by = visit.services.announcing, visit.principal.user_id
    try:
        words = _words(given)
        if do == "upload":
            data, name = _recording(form)
            announcing.upload(words, data, name, by=by, beep=given["beep"])
        elif do in ("speak", "silent"):
            announcing.make(words, by=by, beep=given["beep"], silent=do == "silent")
        else:
            return _page(request, visit, given=given, made=announcing.words(words))
    except (InvalidInput, TooLarge, Unavailable) as problem:
        status = 503 if isinstance(problem, Unavailable) else 422
        return _page(request, visit, status=status, problem=problem, given=given)
    return common.done("/consent/announcements", "added")


@router.post("/consent/announcements/{version}/retire")
def retire(version: str, visit: CurrentVisit, form: Posted) -> Response:
    """Take one out of use."""
    common.check(visit, Right.CONSENT_MANAGE, whole=False)
    reason = str(form.get("reason") or "").strip()[:1000]
    visit.services.announcing.retire(version, by=visit.principal.user_id, reason=reason)
    return common.done("/consent/announcements", "retired")


def _given(form: FormData) -> dict[str, Any]:
    given: dict[str, Any] = {name: str(form.get(name) or "").strip()[:400] for name in _TEXTS}
    given |= {name: form.get(name) == "yes" for name in ("keys", "ai", "other", "beep")}
    return given | {name: [str(each) for each in form.getlist(name)] for name in ("element", "purpose")}


def _words(given: dict[str, Any]) -> Words:
    if given["level"] not in {str(level) for level in LEVELS}:
        raise InvalidInput(_("Choose a level."), code="announcement.level")
    details = {name: given[name] for name in ("company", "privacy_notice", "contact", "recipients", "transfer")}
    return Words(
        level=int(given["level"]), elements=tuple(given["element"]), language=given["language"],
        details=details | {
            "purposes": tuple(given["purpose"]), "retention_days": common.days(given["retention_days"]),
            "keys": Keys() if given["keys"] else None, "ai_analysis": given["ai"],
            "refusal": Refusal.OTHER_WAY if given["other"] else Refusal.SAME_SERVICE,
        },
    )  # fmt: skip


def _recording(form: FormData) -> tuple[bytes, str]:
    """The recording that was chosen, and its name; raises InvalidInput for none."""
    chosen = form.get("recording")
    if not isinstance(chosen, UploadFile) or not chosen.filename:
        raise InvalidInput(_("Choose the recording in which the words are said."), code="announcement.recording")
    return chosen.file.read(), chosen.filename


def _page(
    request: Request, visit: Visit, status: int = 200, problem: CandorError | None = None,
    given: dict[str, Any] | None = None, made: Announcement | None = None,
) -> Response:  # fmt: skip
    everything = request.query_params.get("state") == "all"
    with visit.services.database.read() as uow:
        found = store.every(uow, retired=everything)
        people = common.names(visit, uow)
        head = visit.services.consent.rules(uow).head
    found.sort(key=lambda each: (each.retired_at is not None, each.language, each.level))
    told = visit.services.announcing.house
    usual: dict[str, Any] = {
        "level": "3", "language": visit.services.announcing.languages[0], "element": [], "keys": told.keys is not None,
        "ai": told.ai_analysis, "other": told.refusal is Refusal.OTHER_WAY, "beep": False, "company": told.company,
        "purpose": list(told.purposes) or [visit.services.house.purpose], "privacy_notice": told.privacy_notice,
        "contact": told.contact, "retention_days": str(told.retention_days or ""), "recipients": told.recipients,
        "transfer": told.transfer,
    }  # fmt: skip
    return common.page(
        request, visit, "announcements.html", status=status, problem=problem, found=found, everything=everything,
        people=people, head=head, given=given or usual, made=made, levels=LEVELS, largest=LARGEST_UPLOAD,
        elements=tuple(Element),
        languages={each: texts(each).name for each in LANGUAGES}, noticed=common.noticed(request, _DONE),
    )  # fmt: skip
