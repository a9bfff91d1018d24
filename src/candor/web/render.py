"""From values to HTML: the template environment, its filters, and what every page is given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import Right
from candor.replay.model import Scope
from candor.web import answers, words
from candor.web.assets import Assets
from candor.web.i18n import _, gettext, ngettext
from candor.web.reading import mask_digits
from candor.web.scores import repeats
from candor.web.tabs import quality_home, quality_tabs
from candor.web.visit import Visit, theme_of, zone_of

_ORIGINAL = _("Original time: {when} (UTC{offset})")
HIT_START, HIT_END = "\ue000", "\ue001"


def environment(assets: Assets) -> Environment:
    """The templates of the pages; everything is escaped unless it is Markup."""
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(asset=assets.url, Right=Right, answers=answers, words=words, repeats=repeats)
    env.globals.update(quality_tabs=quality_tabs, quality_home=quality_home)
    env.filters.update(
        clock=clock,
        moment=moment,
        hits=hits,
        signed=signed,
        figure=figure,
        size=size,
        pair_up=pair_up,
        mask_digits=mask_digits,
        tone=words.sentiment_tone,
        band=words.score_band,
    )
    return env


class Renderer:
    """Turns a template and its values into an answer."""

    def __init__(self, assets: Assets) -> None:
        self._env = environment(assets)

    def html(self, request: Request, template: str, **values: Any) -> str:
        """The text of one template, with the frame's own values added."""
        visit: Visit | None = getattr(request.state, "visit", None)
        token = request.cookies.get(SESSION_COOKIE, "")
        frame: dict[str, Any] = {
            "request": request,
            "principal": visit.principal if visit else None,
            "sees_all": visit is not None and visit.scope == Scope(),
            "zone": visit.zone if visit else zone_of(request),
            "theme": theme_of(request),
            "csrf": csrf_token(token) if token else "",
            "path": request.url.path,
        }
        return self._env.get_template(template).render(frame | values)

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or a part of one for htmx."""
        return HTMLResponse(self.html(request, template, **values), status_code=status)


def renderer_of(request: Request) -> Renderer:
    """The application's renderer."""
    renderer: Renderer = request.app.state.renderer
    return renderer


def clock(seconds: float | None) -> str:
    """``75.4`` as ``1:15``; hours only where there are any; a dash for what is not known."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(at: datetime, zone: ZoneInfo, offset_minutes: int | None = None) -> Markup:
    """A ``<time>`` in the viewer's zone; the original local time, where known, is its title."""
    local, instant = at.astimezone(zone), at.astimezone(UTC)
    offset = offset_minutes or 0
    original = instant + timedelta(minutes=offset)
    title = _ORIGINAL.format(when=original.strftime("%Y-%m-%d %H:%M:%S"), offset=_offset(offset))
    shown = f"{local.day} {words.month(local.month)} {local.year}, {local.hour:02}:{local.minute:02}"
    # Numbers and our own catalogue's words only, and lists hold hundreds of these: escaped once, not piece by piece.
    machine = instant.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup(f'<time datetime="{machine}" title="{escape(title)}">{escape(shown)}</time>')  # noqa: S704


@lru_cache(maxsize=128)
def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'−' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def hits(snippet: str) -> Markup:
    """A search snippet, escaped, its hits between ``<mark>``s."""
    safe = str(escape(snippet)).replace(HIT_START, "<mark>").replace(HIT_END, "</mark>")
    # Pairs are made whole again, should a cut have lost one: the only tags in here are ours.
    missing = safe.count("<mark>") - safe.count("</mark>")
    return Markup(safe + "</mark>" * max(missing, 0))  # noqa: S704  escaped two lines above


def signed(value: float | None) -> str:
    """A sentiment value with its sign: ``+0.42``, ``−0.30``."""
    if value is None:
        return "–"
    return f"{'−' if value < -0.004 else '+' if value > 0.004 else ''}{abs(value):.2f}"


def figure(value: float | None, digits: int = 0) -> str:
    """A number with thousands set apart by a narrow space."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}".replace(",", "\u202f")


def size(count: int) -> str:
    """A number of bytes: ``3.4 MB``."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def pair_up(value: str, say: Callable[[str], str] | None = None) -> tuple[str, str]:
    """A value and its words, for a choice."""
    return value, say(value) if say else value
