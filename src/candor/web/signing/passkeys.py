"""Log-in by passkey: no name is typed, and it is two factors at once (see :mod:`candor.access.factors.ceremonies`)."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from candor.access import steps
from candor.access.factors import ceremonies
from candor.access.service import Refusal, Refused
from candor.access.steps import Step, StepKind
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, InvalidInput, TooLarge, Unauthenticated
from candor.web.i18n import _
from candor.web.security import check_token, local_path, set_cookie
from candor.web.signing import common
from candor.web.visit import services_of

router = APIRouter()
PASSKEY_COOKIE = "candor_passkey"
_LARGEST = 100_000


@router.post("/login/passkey/begin")
def begin(request: Request) -> Response:
    """What the browser is to ask its devices."""
    check_token(request, FormData())
    services = services_of(request)
    try:
        options, challenge = ceremonies.ask_options(common.origin(request))
    except InvalidInput as error:
        return told(error, 422)
    with services.database.write() as uow:
        step = steps.begin(uow, Step(kind=StepKind.PASSKEY, user_id=None, data={"challenge": challenge}))
    response = JSONResponse(options)
    set_cookie(request, response, PASSKEY_COOKIE, step, seconds=600)
    return response


@router.post("/login/passkey")
async def show(request: Request) -> Response:
    """Begin a session for the owner of the passkey that is shown."""
    check_token(request, FormData())
    shown = await json_of(request)
    return await run_in_threadpool(_show, request, shown)


def _show(request: Request, shown: dict[str, Any]) -> Response:
    services, error = services_of(request), None
    origin, cookie = common.origin(request), request.cookies.get(PASSKEY_COOKIE)
    with services.database.write() as uow:
        try:
            step = steps.take(uow, cookie, StepKind.PASSKEY)  # (1) used up, whatever comes of it
            user_id = ceremonies.owner(uow, shown.get("credential") or {}, str(step.data["challenge"]), origin)
            entry = services.access.enter(uow, user_id, browser=common.browser(request), proven_by="passkey")
            common.note_entry(uow, entry, "passkey")
        except Refused as refusal:
            error = Unauthenticated(_("This passkey may not be used just now."), code="access.refused")
            common.note_refusal(uow, refusal)
        except Unauthenticated as refused:
            error = refused
            audit.record(uow, Event.LOGIN_REFUSED, "unknown", subject="passkey")
    if error is not None:
        return told(error, 401)
    response = JSONResponse({"to": local_path(str(shown.get("next") or "/"))})
    response.delete_cookie(PASSKEY_COOKIE, path="/")
    return common.come_in(request, response, entry)


async def json_of(request: Request) -> dict[str, Any]:
    """A small JSON object from the body; raises InvalidInput, TooLarge."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise TooLarge(_("That is too large for a passkey."))
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not isinstance(given.get("credential", {}), dict):
        raise InvalidInput(_("The passkey cannot be read."), code="factor.passkey")
    return given


def told(error: CandorError, status: int) -> Response:
    """What a page's script shows."""
    return JSONResponse({"message": str(error)}, status_code=status, headers={"Cache-Control": "no-store"})


__all__ = ["PASSKEY_COOKIE", "Refusal", "json_of", "router", "told"]
