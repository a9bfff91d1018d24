"""What the pages of keeping share: who may see them, their tabs, days and times in forms."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.errors import CandorError, Forbidden, InvalidInput
from candor.kit.database import UnitOfWork
from candor.replay.model import ConversationFilter, ConversationRow, Scope
from candor.web.i18n import N_, _, gettext
from candor.web.keeping import terms
from candor.web.render import renderer_of
from candor.web.visit import Visit

TABS = (
    ("/retention", N_("Retention")),
    ("/retention/schedules", N_("Schedules")),
    ("/retention/conflicts", N_("Conflicts")),
    ("/retention/approvals", N_("Approvals")),
    ("/retention/destroyed", N_("Destroyed")),
    ("/retention/holds", N_("Holds")),
    ("/retention/requests", N_("Requests")),
)
"""Address and name."""


def check(visit: Visit, *rights: Right) -> None:
    """Raise Forbidden without ``retention:read`` and ``rights``, and for those who do not see all conversations."""
    for right in (Right.RETENTION_READ, *rights):
        visit.principal.require(right)
    if visit.scope != Scope():
        raise Forbidden(_("This is shown to those who see all conversations."), code="retention.scope")


def page(request: Request, visit: Visit, template: str, problem: CandorError | None = None, **values: Any) -> Response:
    """One of the pages, with its tabs; with what was wrong at 422."""
    may = visit.principal.may
    given: dict[str, Any] = {
        "tabs": [(address, gettext(name)) for address, name in TABS], "terms": terms, "noticed": "",
        "problem": problem, "may_manage": may(Right.RETENTION_MANAGE), "may_hold": may(Right.HOLD_MANAGE),
        "may_answer": may(Right.REQUEST_MANAGE), "may_approve": may(Right.DISPOSAL_APPROVE),
        "four_eyes": visit.services.keeping.four_eyes,
    }  # fmt: skip
    values["form"] = defaultdict(str, values.get("form") or {})  # what was not typed is empty
    status = 200 if problem is None else 422
    return renderer_of(request).page(request, f"keeping/{template}", status=status, **given | values)


def kept(form: FormData) -> dict[str, str]:
    """What was typed, for showing the form again."""
    return {name: str(value)[:1000] for name, value in form.items() if name != "csrf" and isinstance(value, str)}


def text(form: FormData, name: str, most: int = 1000) -> str:
    """A field's text."""
    return str(form.get(name) or "").strip()[:most]


def lines(form: FormData, name: str, most: int = 100) -> list[str]:
    """A field with one thing a line."""
    return [line.strip() for line in str(form.get(name) or "").splitlines() if line.strip()][:most]


def day(given: str | None) -> date | None:
    """A day in an address or form; None when left out; raises InvalidInput."""
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise InvalidInput(_("That is no day."), code="day", advice=_("Write it as 2027-01-31.")) from None


def start_of(given: str, visit: Visit) -> datetime | None:
    """The beginning of a day in the viewer's zone."""
    found = day(given)
    return None if found is None else datetime.combine(found, time(), visit.zone).astimezone(UTC)


def sure(form: FormData, words: str) -> None:
    """Raise InvalidInput with ``words`` unless the box is ticked."""
    if form.get("sure") != "yes":
        raise InvalidInput(words, code="sure", advice=_("Nothing was changed."))


def rows_of(visit: Visit, uow: UnitOfWork, conversation_ids: list[str]) -> dict[str, ConversationRow]:
    """What the list knows of conversations."""
    found: dict[str, ConversationRow] = {}
    for begin in range(0, len(conversation_ids), 500):
        wanted = ConversationFilter(ids=tuple(conversation_ids[begin : begin + 500]))
        page = visit.services.replay.page(uow, wanted, visit.scope, limit=500)
        found |= {row.id: row for row in page.rows}
    return found
