"""One's own account: log-ins, second factors, password, tokens for programs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from candor.access import steps, tokens
from candor.access.factors import ceremonies
from candor.access.factors.apps import qr_svg
from candor.access.service import Refused
from candor.access.steps import Step, StepKind
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, Unauthenticated
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.web.i18n import _
from candor.web.people import common
from candor.web.security import check_token, set_cookie
from candor.web.signing import common as signing
from candor.web.signing.passkeys import PASSKEY_COOKIE, json_of, told
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
_LONGEST_DAYS = 3650


@router.get("/account")
def account(request: Request, visit: CurrentVisit) -> Response:
    """The page."""
    return _page(request, visit)


@router.post("/account/password")
def change_password(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A new password, for who knows the present one; all other log-ins end."""
    access, login = visit.services.access, visit.principal.login
    with visit.services.database.read() as uow:
        proof = access.prove(uow, login, str(form.get("present") or ""))
    refused = None
    with visit.services.database.write() as uow:
        try:
            access.prove_oneself(uow, visit.principal.user_id, proof)
        except Refused as refusal:  # caught inside, so that the failure is counted
            refused = refusal
            signing.note_refusal(uow, refusal)
    if refused is not None:
        return _page(request, visit, InvalidInput(_("The present password does not fit."), code="access.password"))

    def act(uow: UnitOfWork) -> None:
        access.people.set_password(uow, visit.principal.user_id, str(form.get("password") or ""))
        audit.record(uow, Event.USER_CHANGED, visit.principal.user_id, subject=f"{visit.principal.user_id} password")

    # Every session ends, this one, too: whoever changed it logs in with it.
    return _done(request, visit, act, "changed")


@router.post("/account/sessions")
def end_session(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """End one of one's own log-ins (``session``), or all but this one."""

    def act(uow: UnitOfWork) -> None:
        sessions, one = visit.services.access.sessions, common.text(form, "session", 16)
        if one:
            sessions.end(uow, visit.principal.user_id, one)
        else:
            sessions.end_all(uow, visit.principal.user_id, but=visit.token)
        audit.record(uow, Event.SESSION_ENDED, visit.principal.user_id, subject=visit.principal.user_id)

    return _done(request, visit, act, "session" if form.get("session") else "sessions")


@router.post("/account/app")
def begin_app(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Begin setting an authenticator app up: the page shows its QR code."""
    del form  # checked, otherwise empty

    def act(uow: UnitOfWork) -> None:
        _fresh(uow, visit)
        visit.services.access.factors.apps.begin(uow, visit.principal.user_id)

    return _done(request, visit, act, "")


@router.post("/account/app/confirm")
def confirm_app(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take the app into use with its first code; the recovery codes are shown this once."""
    made: tuple[str, ...] = ()
    try:
        with visit.services.database.write() as uow:
            _fresh(uow, visit)
            made = visit.services.access.factors.confirm_app(
                uow, visit.principal.user_id, common.text(form, "code", 20)
            )
            audit.record(uow, Event.FACTOR_ADDED, visit.principal.user_id, subject="app")
    except (InvalidInput, Forbidden) as problem:
        return _page(request, visit, problem)
    return _page(request, visit, made=made) if made else common.done("/account", "changed")


@router.post("/account/app/remove")
def remove_app(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take the app away."""
    del form  # checked, otherwise empty

    def act(uow: UnitOfWork) -> None:
        _fresh(uow, visit)
        _keep_one(uow, visit, passkeys_count=0, app=True)
        visit.services.access.factors.remove_app(uow, visit.principal.user_id)
        audit.record(uow, Event.FACTOR_REMOVED, visit.principal.user_id, subject="app")

    return _done(request, visit, act, "factor")


@router.post("/account/codes")
def new_codes(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """New recovery codes in place of all earlier ones, shown this once."""
    del form  # checked, otherwise empty
    made: tuple[str, ...] = ()
    try:
        with visit.services.database.write() as uow:
            _fresh(uow, visit)
            made = visit.services.access.factors.new_codes(uow, visit.principal.user_id)
            audit.record(uow, Event.FACTOR_ADDED, visit.principal.user_id, subject="recovery codes")
    except (Conflict, Forbidden) as problem:
        return _page(request, visit, problem)
    return _page(request, visit, made=made)


@router.post("/account/passkeys/begin")
def begin_passkey(request: Request, visit: CurrentVisit) -> Response:
    """What the browser is to ask a device for a new passkey."""
    check_token(request, FormData())
    who = visit.principal
    try:
        with visit.services.database.write() as uow:
            _fresh(uow, visit)
            options, challenge = ceremonies.new_options(uow, who.user_id, who.login, who.name, signing.origin(request))
            data = {"challenge": challenge}
            step = steps.begin(uow, Step(kind=StepKind.PASSKEY, user_id=who.user_id, data=data))
    except (InvalidInput, Conflict, Forbidden) as problem:
        return told(problem, 422)
    response = JSONResponse(options)
    set_cookie(request, response, PASSKEY_COOKIE, step, seconds=600)
    return response


@router.post("/account/passkeys")
async def add_passkey(request: Request, visit: CurrentVisit) -> Response:
    """Keep a new passkey."""
    check_token(request, FormData())
    given = await json_of(request)
    return await run_in_threadpool(_add_passkey, request, visit, given)


def _add_passkey(request: Request, visit: Visit, given: dict[str, Any]) -> Response:
    user_id = visit.principal.user_id
    try:
        with visit.services.database.write() as uow:
            _fresh(uow, visit)
            step = steps.take(uow, request.cookies.get(PASSKEY_COOKIE), StepKind.PASSKEY, of=user_id)
            ceremonies.add(
                uow, user_id, str(given.get("name") or ""), given.get("credential") or {},
                str(step.data["challenge"]), signing.origin(request),
            )  # fmt: skip
            audit.record(uow, Event.FACTOR_ADDED, user_id, subject="passkey")
    except (InvalidInput, Conflict, Forbidden, Unauthenticated) as problem:
        return told(problem, 422)
    response = JSONResponse({"to": "/account?done=passkey"})
    response.delete_cookie(PASSKEY_COOKIE, path="/")
    return response


@router.post("/account/passkeys/{passkey_id}/remove")
def remove_passkey(passkey_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take a passkey away."""
    del form  # checked, otherwise empty

    def act(uow: UnitOfWork) -> None:
        _fresh(uow, visit)
        _keep_one(uow, visit, passkeys_count=1, app=False)
        visit.services.access.factors.remove_passkey(uow, visit.principal.user_id, passkey_id)
        audit.record(uow, Event.FACTOR_REMOVED, visit.principal.user_id, subject="passkey")

    return _done(request, visit, act, "factor")


@router.post("/account/tokens")
def make_token(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A token for a program; its secret is shown this once."""
    name, days = common.text(form, "name", 120), common.text(form, "days", 5)
    try:
        expires = _expiry(name, days)
        scopes = [str(value) for value in form.getlist("scope")]
        with visit.services.database.write() as uow:
            secret, info = visit.services.access.create_token(uow, visit.principal, name, scopes, expires)
            audit.record(uow, Event.TOKEN_CREATED, visit.principal.user_id, subject=info.id)
    except (InvalidInput, Forbidden) as problem:
        return _page(request, visit, problem, token_given={"name": name, "days": days})
    return _page(request, visit, secret=secret)


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(token_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """End one of one's own tokens."""
    del form  # checked, otherwise empty

    def act(uow: UnitOfWork) -> None:
        tokens.revoke(uow, visit.principal.user_id, token_id)
        audit.record(uow, Event.TOKEN_REVOKED, visit.principal.user_id, subject=token_id)

    return _done(request, visit, act, "token")


def _expiry(name: str, days: str) -> datetime:
    """When a new token ends; raises InvalidInput for what the form lacks."""
    if not name:
        raise InvalidInput(_("The token needs a name: what is it for?"), code="access.token")
    if not (days.isascii() and days.isdecimal() and 1 <= int(days) <= _LONGEST_DAYS):
        raise InvalidInput(_("A token lasts 1 to 3650 days."), code="access.expiry")
    return clock.now() + timedelta(days=int(days))


def _fresh(uow: UnitOfWork, visit: Visit) -> None:
    visit.services.access.require_fresh(uow, visit.principal.user_id, visit.token)


def _is_fresh(uow: UnitOfWork, visit: Visit) -> bool:
    try:
        _fresh(uow, visit)
    except Forbidden:
        return False
    return True


def _keep_one(uow: UnitOfWork, visit: Visit, *, passkeys_count: int, app: bool) -> None:
    """Raise Conflict when the role needs a second factor and none would be left."""
    factors = visit.services.access.factors
    has = factors.of(uow, visit.principal.user_id)
    left = (has.app and not app) or len(has.passkeys) > passkeys_count
    if visit.principal.role in factors.required_for and not left:
        raise Conflict(_("Your role needs a second factor."), code="factor.last", advice=_("Add another one first."))


def _done(request: Request, visit: Visit, act: Callable[[UnitOfWork], None], what: str) -> Response:
    try:
        with visit.services.database.write() as uow:
            act(uow)
    except (InvalidInput, Conflict, Forbidden) as problem:
        return _page(request, visit, problem)
    return common.done("/account", what)


def _page(
    request: Request, visit: Visit, problem: CandorError | None = None, *, made: tuple[str, ...] = (),
    secret: str = "", token_given: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    access, who = visit.services.access, visit.principal
    with visit.services.database.read() as uow:
        # Not on a screen that was left unlocked.
        key = access.factors.apps.secret(uow, who.user_id) if _is_fresh(uow, visit) else None
        values = {
            "who": access.people.get(uow, who.user_id), "has": access.factors.of(uow, who.user_id),
            "sessions": access.sessions.of(uow, who.user_id, visit.token), "tokens": access.tokens(uow, who.user_id),
        }  # fmt: skip
    drawing = Markup(qr_svg(access.factors.apps.address(who.login, key))) if key else None  # noqa: S704  our own
    return common.page(
        request, "account.html", status=422 if problem else 200, problem=problem, key=key, drawing=drawing, made=made,
        secret=secret, token_given=token_given or {}, rights=sorted(who.rights), required=access.factors.required_for,
        by_password=access.passwords_taken, **values,
    )  # fmt: skip
