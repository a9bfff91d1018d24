"""The pages as one ASGI application, to be mounted at the root behind the API's own routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from candor.audit.origin import AskedFrom
from candor.web import (
    assets,
    attention,
    audit,
    coaching,
    completeness,
    consent,
    conversation,
    conversations,
    evaluating,
    evaluations,
    failures,
    home,
    importing,
    keeping,
    keys,
    people,
    quality,
    revealing,
    scorecards,
    signing,
    sound,
    sources,
)
from candor.web.progress import ProgressBoard
from candor.web.render import Renderer
from candor.web.security import SecurityHeaders

if TYPE_CHECKING:
    from candor.services import Services


def create_web(services: Services) -> FastAPI:
    """All pages over ``services``, with their static files, headers and error pages."""
    app = FastAPI(title="Candor", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    files = assets.Assets()
    app.state.services = services
    app.state.renderer = Renderer(files)
    app.state.progress = ProgressBoard()
    app.include_router(assets.routes(files))
    for module in (
        signing,
        home,
        conversations,
        attention,
        audit,
        coaching,
        completeness,
        consent,
        keeping,
        keys,
        sources,
        importing,
        people,
        quality,
        scorecards,
        sound,
        evaluations,
        evaluating,
        revealing,
        conversation,
    ):
        app.include_router(module.router)
    failures.install(app)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(AskedFrom)
    return app
