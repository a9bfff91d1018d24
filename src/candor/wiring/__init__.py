"""The only place that knows every adapter: it opens the rooms and plugs them together, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from candor.services import Services
from candor.settings import Settings
from candor.wiring.asking import recorder_client
from candor.wiring.consent import make_gate
from candor.wiring.keys import key_files, key_ring, make_backups, ring_for, salts, spool_keys
from candor.wiring.opening import Sources, open_services, prepare
from candor.wiring.recording import make_collector, make_recorder, make_spotter, make_watcher
from candor.wiring.working import make_chores, make_rooms, make_runner, make_worker

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = [
    "Sources", "application", "key_files", "key_ring", "make_backups", "make_chores", "make_collector", "make_gate",
    "make_recorder", "make_rooms", "make_runner", "make_spotter", "make_watcher", "make_worker", "open_services",
    "prepare", "recorder_client", "ring_for", "salts", "spool_keys",
]  # fmt: skip


def application(services: Services, settings: Settings | None = None) -> FastAPI:
    """The API and the pages as one ASGI application, with the limits of ``settings``."""
    from candor.api.app import create_api  # noqa: PLC0415  commands that serve nothing need no web framework
    from candor.api.guards import Limits  # noqa: PLC0415
    from candor.web.app import create_web  # noqa: PLC0415
    from candor.web.security import SecurityHeaders  # noqa: PLC0415

    app = create_api(services)
    app.mount("/", create_web(services))
    rates = (settings.requests_per_second, settings.guesses_per_minute) if settings else (0.0, 0.0)
    app.add_middleware(Limits, per_second=rates[0], guesses_per_minute=rates[1])
    app.add_middleware(SecurityHeaders, https=services.https)
    return app
