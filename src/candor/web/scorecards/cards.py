"""The list of scorecards, and one scorecard with its versions."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData, UploadFile

from candor.access.model import Right
from candor.errors import CandorError, Conflict, InvalidInput, NotFound, TooLarge
from candor.scoring.loader import load_scorecard
from candor.web.consent.common import form_in_memory, names, noticed
from candor.web.i18n import N_, _
from candor.web.keeping.common import sure
from candor.web.scorecards import common
from candor.web.scorecards.common import AT
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
LARGEST = 300_000
WithFile = Annotated[FormData, Depends(form_in_memory(LARGEST))]
DONE = {
    "discarded": N_("The draft is gone; what is published stays as it is."),
    "published": N_("Published: new conversations are judged with it from now on."),
    "retired": N_("Retired: no more conversations are judged with it. Evaluations that were made with it stay."),
    "back": N_("In use again."),
}


@router.get(AT)
def listed(request: Request, visit: CurrentVisit) -> Response:
    """All scorecards with where they stand."""
    return _list(request, visit)


@router.post(AT)
def begin(request: Request, visit: CurrentVisit, form: WithFile) -> Response:
    """A new scorecard: empty, or from a YAML file."""
    common.check(visit)
    title = str(form.get("title") or "").strip()[:200]
    try:
        text = _uploaded(form)
        _require(text or title)
        with visit.services.database.write() as uow:
            if text:
                made = visit.services.scorecards.take_in(uow, text, visit.principal)
            else:
                name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "scorecard"
                made = visit.services.scorecards.begin(uow, name, title, visit.principal)
    except (InvalidInput, Conflict, TooLarge) as problem:
        return _list(request, visit, problem, {"title": title})
    return common.done(f"{AT}/{made.scorecard}/draft", "begun")


def _require(given: str) -> None:
    if not given:
        raise InvalidInput(_("Give it a title, or choose a file."), code="scorecard.title")


def _uploaded(form: FormData) -> str:
    file = form.get("file")
    data = file.file.read(LARGEST) if isinstance(file, UploadFile) else b""
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise InvalidInput(_("The file is no text."), code="scorecard.invalid") from None


@router.get(AT + "/{scorecard_id}")
def one(scorecard_id: str, request: Request, visit: CurrentVisit, version: int | None = None) -> Response:
    """One scorecard: what it asks, its versions, its draft, simulations and rescoring."""
    return show(request, visit, scorecard_id, version)


@router.get(AT + "/{scorecard_id}/versions/{number}.yaml")
def as_file(scorecard_id: str, number: int, visit: CurrentVisit) -> Response:
    """A published version as a file."""
    common.check(visit)
    with visit.services.database.read() as uow:
        found = visit.services.scorecards.one(uow, scorecard_id, visit.principal)
    text = next((each.yaml for each in found.versions if each.version == number), None)
    if text is None:
        raise NotFound("There is no such version of a scorecard.", code="scorecard.none")
    headers = {"Content-Disposition": f'attachment; filename="{found.id}-{number}.yaml"'}
    return Response(text, media_type="application/yaml; charset=utf-8", headers=headers)


@router.post(AT + "/{scorecard_id}/draft")
def revise(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A draft that begins as a published version."""
    common.check(visit)
    given = str(form.get("version") or "")
    try:
        with visit.services.database.write() as uow:
            visit.services.scorecards.revise(
                uow, scorecard_id, visit.principal, int(given) if given.isdigit() else None
            )  # fmt: skip
    except Conflict as problem:
        return show(request, visit, scorecard_id, None, problem)
    return common.done(f"{AT}/{scorecard_id}/draft", "begun")


@router.post(AT + "/{scorecard_id}/retire")
def retire(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Use it no more."""
    common.check(visit, whole=True)
    try:
        sure(form, _("Tick the box that says so."))
        with visit.services.database.write() as uow:
            visit.services.scorecards.retire(uow, scorecard_id, visit.principal)
    except InvalidInput as problem:
        return show(request, visit, scorecard_id, None, problem)
    return common.done(f"{AT}/{scorecard_id}", "retired")


@router.post(AT + "/{scorecard_id}/versions/{number}/use")
def bring_back(scorecard_id: str, number: int, visit: CurrentVisit, form: Posted) -> Response:
    """Use a retired version again."""
    del form
    common.check(visit)
    with visit.services.database.write() as uow:
        visit.services.scorecards.bring_back(uow, scorecard_id, number, visit.principal)
    return common.done(f"{AT}/{scorecard_id}", "back")


def _list(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None
) -> Response:
    common.check(visit)
    with visit.services.database.read() as uow:
        found = visit.services.scorecards.listed(uow, visit.principal)
        people = names(visit, uow)
    return common.page(
        request, visit, "list.html", problem, found=found, people=people, form=form, noticed=noticed(request, DONE)
    )  # fmt: skip


def show(
    request: Request, visit: Visit, scorecard_id: str, version: int | None, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """The page of one scorecard."""
    common.check(visit)
    services = visit.services
    with services.database.read() as uow:
        found = services.scorecards.one(uow, scorecard_id, visit.principal)
        jobs = services.rescoring.jobs(uow, scorecard_id, visit.principal)
        people = names(visit, uow)
    shown = found.active or (found.versions[0] if found.versions else None)
    if version is not None:
        shown = next((each for each in found.versions if each.version == version), None)
        if shown is None:
            raise NotFound("There is no such version of a scorecard.", code="scorecard.none")
    card = load_scorecard(shown.yaml, vocabulary=None) if shown is not None else None
    return common.page(
        request, visit, "card.html", problem, found=found, shown=shown, card=card, jobs=jobs, people=people, form=form,
        noticed=noticed(request, DONE), may_override=visit.principal.may(Right.SCORECARD_MANAGE),
    )  # fmt: skip
