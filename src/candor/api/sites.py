"""Sites, who works at them, and the documents of sites and agents."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.consent import plain
from candor.consent.ledger.model import Method, Whose
from candor.consent.ledger.service import Person
from candor.consent.workplaces import site_of
from candor.errors import Forbidden, InvalidInput, TooLarge
from candor.kit import clock
from candor.pipeline.workplaces import LARGEST_DOCUMENT, everybody, told
from candor.replay.model import Scope

router = APIRouter(tags=["consent"])
_SLACK = 64 * 1024
_PART = 1 << 16
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["words"],
                    "properties": {
                        "words": {"type": "string", "description": "JSON: site or agent_id, covers, method …"},
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


class NewSite(BaseModel):
    """A place of work."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=80, description="It cannot be changed: the ledger names it.")
    place: str = Field(max_length=16, description="An id of the rule pack: DE, US-NY …")


class Agents(BaseModel):
    """Who works there from now on."""

    model_config = ConfigDict(extra="forbid")

    agents: list[str] = Field(max_length=5_000)


class Given(BaseModel):
    """What is met, by whom, until when."""

    model_config = ConfigDict(extra="forbid")

    site: str | None = Field(None, max_length=80, description='The site that it holds for; "*" is everybody else.')
    agent_id: str | None = Field(None, max_length=255, description="Or the agent who gave it.")
    covers: list[str] = Field(min_length=1, max_length=50, description="Ids of prerequisites.")
    method: Method = Method.WRITTEN
    given_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    reference: str | None = Field(None, max_length=255)


def _whole_house(caller: Caller) -> None:
    if caller.scope != Scope():
        raise Forbidden("Sites are shown to those who see all conversations.", code="consent.scope")


@router.get("/consent/sites")
def get_sites(caller: Caller = needs(Right.CONSENT_READ)) -> dict[str, Any]:
    """Every site with what the law of its place demands, what is there, and which agents lack something."""
    _whole_house(caller)
    with caller.services.database.read() as uow:
        agents = [*everybody(uow), *(one.agent_id for one in caller.services.access.users(uow) if one.agent_id)]
        found = caller.services.workplaces.sites(uow, agents)
    return {"sites": [told(each) for each in found]}


@router.post("/consent/sites", status_code=201)
def post_site(made: NewSite, caller: Caller = needs(Right.CONSENT_MANAGE)) -> dict[str, Any]:
    """A new site."""
    _whole_house(caller)
    found = caller.services.workplaces.add(made.name, made.place, by=caller.principal.user_id)
    return {"name": found.name, "place": found.place}


@router.delete("/consent/sites/{name}", status_code=204)
def delete_site(name: str, caller: Caller = needs(Right.CONSENT_MANAGE)) -> None:
    """Take a site away at which nobody works; what the ledger says of it stays."""
    _whole_house(caller)
    caller.services.workplaces.remove(name, by=caller.principal.user_id)


@router.put("/consent/sites/{name}/agents")
def put_agents(name: str, moved: Agents, caller: Caller = needs(Right.CONSENT_MANAGE)) -> dict[str, int]:
    """These agents work there from now on, and at no other site; ``*`` takes them from theirs."""
    _whole_house(caller)
    return {"moved": caller.services.workplaces.assign(name, moved.agents, by=caller.principal.user_id)}


@router.post("/consent/documents", status_code=201, openapi_extra=_UPLOAD)
async def post_document(request: Request, caller: Caller = needs(Right.CONSENT_WRITE)) -> dict[str, Any]:
    """Write down what a site or an agent has given, with the document that shows it: it is kept sealed."""
    _whole_house(caller)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput("The request is not multipart/form-data.", code="consent.document")
    parser = MultiPartParser(request.headers, _bounded(request), max_files=1, max_fields=1, max_part_size=_SLACK)
    parser.spool_max_size = LARGEST_DOCUMENT + _SLACK
    try:
        form = await parser.parse()
    except MultiPartException:
        raise InvalidInput("The form is malformed.", code="consent.document") from None
    try:
        given, file = _given(form.get("words")), form.get("file")
        kept = (file.filename or "document", await file.read()) if isinstance(file, UploadFile) else None
    finally:
        await form.close()
    line = await run_in_threadpool(
        caller.services.workplaces.give, _person(given), covers=tuple(given.covers), method=given.method,
        given=given.given_at or clock.now(), until=given.expires_at, document=kept, reference=given.reference,
        by=caller.principal.user_id,
    )  # fmt: skip
    return plain.line(line)


@router.get("/consent/documents/{digest}")
def get_document(digest: str, caller: Caller = needs(Right.CONSENT_READ)) -> Response:
    """A document that is kept; who took it is in the audit log."""
    _whole_house(caller)
    name, stream = caller.services.workplaces.open(digest, by=caller.principal.user_id)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}", "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }  # fmt: skip
    return StreamingResponse(
        iter(lambda: stream.read(_PART), b""), media_type="application/octet-stream", headers=headers
    )


def _given(words: object) -> Given:
    try:
        return Given.model_validate(json.loads(words if isinstance(words, str) else ""))
    except (ValueError, ValidationError, RecursionError):
        raise InvalidInput(
            'The part "words" does not say what was given.', code="consent.document",
            advice='A JSON object: {"site": "Berlin", "covers": ["DE.works-council"], "method": "contract"}.',
        ) from None  # fmt: skip


def _person(given: Given) -> Person:
    if (given.site is None) == (given.agent_id is None):
        raise InvalidInput("Name a site or an agent, one of them.", code="consent.subject")
    if given.site is not None:
        return site_of(given.site)
    return Person(whose=Whose.EMPLOYEE, name=str(given.agent_id))


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > LARGEST_DOCUMENT + _SLACK:
            raise TooLarge(f"The document is larger than {LARGEST_DOCUMENT // 1_000_000} MB.", code="consent.document")
        yield chunk
