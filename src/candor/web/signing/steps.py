"""After the password: a code, or setting an authenticator app up where the role needs one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from candor.access import steps
from candor.access.factors.apps import qr_svg
from candor.access.service import Refused
from candor.access.steps import StepKind
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import InvalidInput, Unauthenticated
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.security import local_path
from candor.web.signing import common
from candor.web.visit import Posted, services_of

router = APIRouter()


@router.get("/login/code")
def code_page(request: Request) -> Response:
    """Asks for the code."""
    return _code_form(request, "", common.target_of(request))


@router.post("/login/code")
def show_code(request: Request, form: Posted) -> Response:
    """Finish the log-in with a code of the app, or a recovery code."""
    services, error = services_of(request), ""
    target = local_path(str(form.get("next") or "/"))
    step, code = request.cookies.get(common.STEP_COOKIE), str(form.get("code") or "")[:80]
    try:
        with services.database.write() as uow:
            try:
                entry, kind = services.access.show_code(uow, step, code, browser=common.browser(request))
            except Refused as refusal:  # caught inside, so that the failure is counted
                error = str(refusal)
                common.note_refusal(uow, refusal)
            else:
                common.note_entry(uow, entry, f"password+{kind}")
                if kind == "recovery":
                    audit.record(uow, Event.RECOVERY_USED, entry.user_id)
    except Unauthenticated as over:
        return _begin_again(request, over)
    return _code_form(request, error, target) if error else common.go_on(request, entry, target)


@router.get("/login/enrol")
def enrol_page(request: Request) -> Response:
    """Shows the QR code to who must have a second factor and has none."""
    return _enrol_form(request, "", common.target_of(request))


@router.post("/login/enrol")
def enrol(request: Request, form: Posted) -> Response:
    """Take the app into use with its first code, and come in; the recovery codes are shown this once."""
    services = services_of(request)
    target = local_path(str(form.get("next") or "/"))
    step, code = request.cookies.get(common.STEP_COOKIE), str(form.get("code") or "")[:80]
    try:
        with services.database.write() as uow:
            entry, made = services.access.enrol(uow, step, code, browser=common.browser(request))
            audit.record(uow, Event.FACTOR_ADDED, entry.user_id, subject="app")
            common.note_entry(uow, entry, "password+code")
    except InvalidInput as wrong:
        return _enrol_form(request, str(wrong), target)
    except Unauthenticated as over:
        return _begin_again(request, over)
    if not made:
        return common.come_in(request, RedirectResponse(target, status_code=303), entry)
    page = renderer_of(request).page(request, "login/codes.html", codes=made, target=target)
    return common.come_in(request, page, entry)


def _code_form(request: Request, error: str, target: str) -> Response:
    services, secret = services_of(request), common.secret_of(request)
    try:
        with services.database.read() as uow:
            step = steps.look(uow, request.cookies.get(common.STEP_COOKIE), StepKind.FACTOR)
            has = services.access.factors.of(uow, step.user_id or "")
    except Unauthenticated as over:
        return _begin_again(request, over)
    response = renderer_of(request).page(
        request, "login/code.html", status=401 if error else 200, error=error, target=target,
        csrf=common.token_for(secret), has=has,
    )  # fmt: skip
    return common.with_visitor(request, response, secret)


def _enrol_form(request: Request, error: str, target: str) -> Response:
    services, access, secret = services_of(request), services_of(request).access, common.secret_of(request)
    try:
        with services.database.write() as uow:
            step = steps.look(uow, request.cookies.get(common.STEP_COOKIE), StepKind.ENROL)
            user_id = step.user_id or ""
            key = access.factors.apps.secret(uow, user_id) or access.factors.apps.begin(uow, user_id)
            login = access.people.row(uow, user_id).login
    except Unauthenticated as over:
        return _begin_again(request, over)
    # The drawing is our own, of an address without markup in it.
    drawing = Markup(qr_svg(access.factors.apps.address(login, key)))  # noqa: S704
    response = renderer_of(request).page(
        request, "login/enrol.html", status=422 if error else 200, error=error, target=target,
        csrf=common.token_for(secret), key=key, drawing=drawing,
    )  # fmt: skip
    return common.with_visitor(request, response, secret)


def _begin_again(request: Request, over: Unauthenticated) -> Response:
    from candor.web.signing.password import form_page  # noqa: PLC0415  each leads to the other

    return form_page(request, error=str(over) or _("Please begin again."), target=common.target_of(request))
