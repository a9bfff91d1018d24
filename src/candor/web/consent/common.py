"""What the pages of consent share: who may see them, their tabs, and how they come back after a change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.errors import Forbidden, InvalidInput
from candor.kit.database import UnitOfWork
from candor.replay.model import Scope
from candor.web.consent import terms
from candor.web.i18n import N_, _, gettext
from candor.web.render import renderer_of
from candor.web.security import check_token, small_form
from candor.web.visit import Visit


def form_in_memory(largest: int) -> Callable[[Request], AsyncIterator[FormData]]:
    """A dependency: the posted form with at most one file of ``largest`` bytes, of which nothing reaches a disk.

    It raises TooLarge, Forbidden.
    """

    async def form(request: Request) -> AsyncIterator[FormData]:
        found = await small_form(request, largest)
        try:
            check_token(request, found)
            yield found
        finally:
            await found.close()

    return form


TABS = (
    ("/consent", N_("Overview"), True),
    ("/consent/decide", N_("What if"), False),
    ("/consent/rules", N_("Rules"), False),
    ("/consent/quarantine", N_("Quarantine"), True),
    ("/consent/ledger", N_("Ledger"), True),
    ("/consent/announcements", N_("Announcements"), False),
    ("/consent/employees", N_("Employees"), True),
    ("/consent/sites", N_("Sites"), True),
    ("/consent/never", N_("Not recorded"), True),
)
"""Address, name, and whether it is about calls and people of the whole house."""


def check(visit: Visit, *rights: Right, whole: bool = True) -> None:
    """Raise Forbidden without ``consent:read`` and ``rights``; ``whole``: for those who see all conversations."""
    for right in (Right.CONSENT_READ, *rights):
        visit.principal.require(right)
    if whole and visit.scope != Scope():
        raise Forbidden(_("This is shown to those who see all conversations."), code="consent.scope")


def page(request: Request, visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
    """One of the pages, with its tabs."""
    sees_all = visit.scope == Scope()
    tabs = [(address, gettext(name)) for address, name, whole in TABS if sees_all or not whole]
    given: dict[str, Any] = {"tabs": tabs, "terms": terms, "noticed": "", "problem": None, **rights(visit)}
    return renderer_of(request).page(request, f"consent/{template}", status=status, **given | values)


def rights(visit: Visit) -> dict[str, bool]:
    """For showing or hiding forms."""
    may = visit.principal.may
    return {"may_manage": may(Right.CONSENT_MANAGE), "may_write": may(Right.CONSENT_WRITE)}


def done(address: str, what: str, **query: str) -> Response:
    """Back to a page that says what was done."""
    pairs = {name: value for name, value in query.items() if value}
    return RedirectResponse(f"{address}?{urlencode(pairs | {'done': what})}", status_code=303)


def noticed(request: Request, table: Mapping[str, str]) -> str:
    """What the address says was done, in words."""
    what = request.query_params.get("done", "")
    return gettext(table[what]) if what in table else ""


def names(visit: Visit, uow: UnitOfWork) -> dict[str, str]:
    """User id → what people call them."""
    return {user.id: user.name or user.login for user in visit.services.access.users(uow)}


def number(text: str | None, most: int = 2**53) -> int | None:
    """A whole number from 1 on in an address; None for anything else."""
    found = text or ""
    return int(found) if found.isascii() and found.isdigit() and len(found) < 17 and 1 <= int(found) <= most else None


def reason(form: FormData, words: str, name: str = "reason", most: int = 1000) -> str:
    """The reason that a form gives; raises InvalidInput with ``words`` for none."""
    found = str(form.get(name) or "").strip()[:most]
    if len(found) < 3:
        raise InvalidInput(words, code="consent.reason", advice=_("Nothing was changed."))
    return found


def days(text: str) -> int | None:
    """A number of days in a form; None when left out; raises InvalidInput."""
    if not text:
        return None
    found = number(text, 99_999)
    if found is None:
        raise InvalidInput(_("Days kept is a whole number."), code="announcement.variable")
    return found


def day(text: object, zone: ZoneInfo) -> datetime | None:
    """The beginning of a day in the viewer's zone; None when left out; raises InvalidInput."""
    try:
        found = date.fromisoformat(str(text)) if text else None
    except ValueError:
        raise InvalidInput(_("That is no day."), code="consent.moment") from None
    if found is not None and not 1990 <= found.year <= 2200:
        raise InvalidInput(_("That is no day."), code="consent.moment")
    return None if found is None else datetime.combine(found, time(), zone).astimezone(UTC)
