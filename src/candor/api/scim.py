"""SCIM 2.0 for identity providers, at ``/api/v1/scim/v2`` (RFC 7644); answers and errors in its own forms."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from candor.access.model import Right
from candor.access.scim import schemas
from candor.access.scim.service import Scim
from candor.api import problems
from candor.api.caller import Caller, needs
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.kit.database import UnitOfWork

_TYPE = "application/scim+json"


class _Answer(JSONResponse):
    media_type = _TYPE


class _Route(APIRoute):
    """Errors in SCIM's form (RFC 7644, 3.12), those of the caller's token, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wraps FastAPI's."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except CandorError as error:
                return _error(error)
            except RequestValidationError:
                return _error(InvalidInput("The request is not as described.", code="scim.invalidSyntax"))

        return handle


router = APIRouter(prefix="/scim/v2", tags=["scim"], route_class=_Route, default_response_class=_Answer)
_SCIM: Caller = needs(Right.USER_PROVISION)
_BODY = Body(media_type=_TYPE)


@router.get("/ServiceProviderConfig")
def provider_config(caller: Caller = _SCIM) -> dict[str, Any]:
    """What is supported: patches, filters for equality, entity tags."""
    del caller
    return schemas.provider_config()


@router.get("/ResourceTypes")
def resource_types(caller: Caller = _SCIM) -> dict[str, Any]:
    """Users and groups."""
    del caller
    return _listed(schemas.resource_types())


@router.get("/Schemas")
def schemas_(caller: Caller = _SCIM) -> dict[str, Any]:
    """The attributes that are kept."""
    del caller
    return _listed(schemas.schemas())


@router.get("/Schemas/{urn}")
def schema(urn: str, caller: Caller = _SCIM) -> dict[str, Any]:
    """One of the schemas."""
    del caller
    return _one_of(schemas.schemas(), urn)


@router.get("/ResourceTypes/{name}")
def resource_type(name: str, caller: Caller = _SCIM) -> dict[str, Any]:
    """One of the resource types."""
    del caller
    return _one_of(schemas.resource_types(), name)


@router.get("/Users")
def list_users(
    asked: str | None = Query(None, alias="filter", max_length=1000), start: int = Query(1, alias="startIndex"),
    count: int = Query(100), caller: Caller = _SCIM,
) -> dict[str, Any]:  # fmt: skip
    """People whom the provider keeps; by ``userName``, ``externalId``, ``emails``, ``active`` or ``id``."""
    with caller.services.database.read() as uow:
        return _scim(caller).users(uow, asked, start, count)


@router.post("/Users", status_code=201)
def create_user(given: dict[str, Any] = _BODY, caller: Caller = _SCIM) -> Response:
    """A new person, without a password."""
    with caller.services.database.write() as uow:
        made = _scim(caller).create_user(uow, given)
        _note(uow, caller, Event.PROVISIONED, made["id"], "create")
    return _resource(made, 201)


@router.get("/Users/{user_id}")
def get_user(user_id: str, caller: Caller = _SCIM) -> Response:
    """One person."""
    with caller.services.database.read() as uow:
        return _resource(_scim(caller).user(uow, user_id))


@router.put("/Users/{user_id}")
def replace_user(user_id: str, request: Request, given: dict[str, Any] = _BODY, caller: Caller = _SCIM) -> Response:
    """A person as a whole; who is not active any more is out at once."""
    return _changed_user(caller, request, user_id, "replace", lambda uow, scim: scim.replace_user(uow, user_id, given))


@router.patch("/Users/{user_id}")
def patch_user(user_id: str, request: Request, given: dict[str, Any] = _BODY, caller: Caller = _SCIM) -> Response:
    """A person in part; who is not active any more is out at once: log-ins and tokens end."""
    return _changed_user(caller, request, user_id, "patch", lambda uow, scim: scim.patch_user(uow, user_id, given))


@router.delete("/Users/{user_id}", status_code=204)
def delete_user(user_id: str, request: Request, caller: Caller = _SCIM) -> Response:
    """Out at once; what they did stays in the log."""
    with caller.services.database.write() as uow:
        scim = _scim(caller)
        _match(request, scim.user(uow, user_id))
        scim.delete_user(uow, user_id)
        _note(uow, caller, Event.PROVISIONED, user_id, "delete")
    return Response(status_code=204)


@router.get("/Groups")
def list_groups(
    asked: str | None = Query(None, alias="filter", max_length=1000), start: int = Query(1, alias="startIndex"),
    count: int = Query(100), caller: Caller = _SCIM,
) -> dict[str, Any]:  # fmt: skip
    """Groups; by ``displayName``, ``externalId`` or ``id``."""
    with caller.services.database.read() as uow:
        return _scim(caller).groups(uow, asked, start, count)


@router.post("/Groups", status_code=201)
def create_group(given: dict[str, Any] = _BODY, caller: Caller = _SCIM) -> Response:
    """A new group; what its name gives is set in CANDOR_GROUPS."""
    with caller.services.database.write() as uow:
        made = _scim(caller).create_group(uow, given)
        _note(uow, caller, Event.GROUP_PROVISIONED, made["id"], "create")
    return _resource(made, 201)


@router.get("/Groups/{group_id}")
def get_group(group_id: str, caller: Caller = _SCIM) -> Response:
    """One group with its members."""
    with caller.services.database.read() as uow:
        return _resource(_scim(caller).group(uow, group_id))


@router.put("/Groups/{group_id}")
def replace_group(group_id: str, request: Request, given: dict[str, Any] = _BODY, caller: Caller = _SCIM) -> Response:
    """A group as a whole."""
    return _changed_group(
        caller, request, group_id, "replace", lambda uow, scim: scim.replace_group(uow, group_id, given)
    )


@router.patch("/Groups/{group_id}")
def patch_group(group_id: str, request: Request, given: dict[str, Any] = _BODY, caller: Caller = _SCIM) -> Response:
    """A group in part: members come and go."""
    return _changed_group(caller, request, group_id, "patch", lambda uow, scim: scim.patch_group(uow, group_id, given))


@router.delete("/Groups/{group_id}", status_code=204)
def delete_group(group_id: str, request: Request, caller: Caller = _SCIM) -> Response:
    """Forget a group; its members lose what it gave."""
    with caller.services.database.write() as uow:
        scim = _scim(caller)
        _match(request, scim.group(uow, group_id))
        scim.delete_group(uow, group_id)
        _note(uow, caller, Event.GROUP_PROVISIONED, group_id, "delete")
    return Response(status_code=204)


_Act = Callable[[UnitOfWork, Scim], dict[str, Any]]


def _changed_user(caller: Caller, request: Request, user_id: str, what: str, act: _Act) -> Response:
    with caller.services.database.write() as uow:
        scim = _scim(caller)
        _match(request, scim.user(uow, user_id))
        made = act(uow, scim)
        _note(uow, caller, Event.PROVISIONED, user_id, what)
    return _resource(made)


def _changed_group(caller: Caller, request: Request, group_id: str, what: str, act: _Act) -> Response:
    with caller.services.database.write() as uow:
        scim = _scim(caller)
        _match(request, scim.group(uow, group_id))
        made = act(uow, scim)
        _note(uow, caller, Event.GROUP_PROVISIONED, group_id, what)
    return _resource(made)


def _scim(caller: Caller) -> Scim:
    return Scim(caller.services.access.people, caller.services.groups)


def _note(uow: UnitOfWork, caller: Caller, event: Event, an_id: str, what: str) -> None:
    audit.record(uow, event, caller.principal.user_id, subject=f"{an_id} {what}")


def _match(request: Request, resource: dict[str, Any]) -> None:
    """Raise Conflict when the caller changes another version than the present one (RFC 7644, 3.14)."""
    wanted = request.headers.get("if-match", "").strip()
    if wanted and wanted != "*" and resource["meta"]["version"] not in [each.strip() for each in wanted.split(",")]:
        raise Conflict("The resource has changed meanwhile.", code="scim.version")


def _resource(told: dict[str, Any], status: int = 200) -> Response:
    headers = {"ETag": told["meta"]["version"], "Location": f"/api/v1/scim/v2{told['meta']['location']}"}
    return _Answer(told, status_code=status, headers=headers)


def _listed(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schemas": [schemas.LIST], "totalResults": len(found), "Resources": found}


def _one_of(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for each in found:
        if each["id"] == name:
            return each
    raise NotFound("There is no such description.", code="scim.none")


def _error(error: CandorError) -> Response:
    status, _ = problems.status_of(error)
    if isinstance(error, InvalidInput):
        status = 400
    if error.code == "scim.version":
        status = 412
    body: dict[str, Any] = {"schemas": [schemas.ERROR], "status": str(status), "detail": error.message}
    kind = error.code.removeprefix("scim.")
    if isinstance(error, Conflict) and status == 409:
        body["scimType"] = "uniqueness"
    elif status == 400:
        body["scimType"] = kind if error.code.startswith("scim.") else "invalidValue"
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Bearer"} if status == 401 else {})
    return _Answer(body, status_code=status, headers=headers)
