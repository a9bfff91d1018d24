"""The pages as one ASGI application, to be mounted at the root behind the API's own routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from candor.web import (
    assets,
    attention,
    conversation,
    conversations,
    evaluations,
    failures,
    home,
    importing,
    login,
    sound,
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
    for module in (login, home, conversations, attention, importing, sound, evaluations, conversation):
        app.include_router(module.router)
    failures.install(app)
    app.add_middleware(SecurityHeaders)
    return app
