"""All nouns as one ASGI application; the pages are mounted behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request, Response

from candor.api import (
    announcements,
    audit,
    capture,
    coaching,
    completeness,
    consent,
    conversations,
    evaluating,
    evidence,
    health,
    holds,
    imports,
    keys,
    ledger,
    library,
    people,
    places,
    problems,
    quality,
    reference,
    requests,
    retention,
    reveals,
    scim,
    scorecards,
    scores,
    scoring,
    sites,
    telephony,
    tokens,
)
from candor.audit.origin import AskedFrom
from candor.errors import NotFound

if TYPE_CHECKING:
    from candor.services import Services

PREFIX = "/api/v1"


def create_api(services: Services) -> FastAPI:
    """The API over ``services``."""
    app = FastAPI(title="Candor", version="1", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services
    for module in (
        conversations,
        reveals,
        capture,
        places,
        completeness,
        consent,
        ledger,
        sites,
        audit,
        evidence,
        announcements,
        retention,
        holds,
        requests,
        telephony,
        evaluating,
        scorecards,
        scores,
        coaching,
        library,
        scoring,
        imports,
        tokens,
        people,
        scim,
        keys,
        quality,
        health,
        reference,
    ):
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(_unknown, prefix="/api")
    problems.install(app)
    app.add_middleware(AskedFrom)
    return app


_unknown = APIRouter(include_in_schema=False)


@_unknown.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def unknown(request: Request, rest: str) -> Response:
    """Addresses under /api that do not exist are problems, not pages."""
    del request, rest
    raise NotFound("There is no such address in the API.", advice="See /api/v1/docs.", code="http.404")
