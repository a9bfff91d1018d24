"""What the pages of coaching share: tabs, who sees what, what is measured by, measures and people in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.coaching.model import Clip, Source
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline.clips import Content
from candor.replay.gaps import DAYS, Measurable
from candor.replay.measured import Period
from candor.web.coaching import terms
from candor.web.consent.common import done, names, noticed
from candor.web.i18n import N_, _, gettext
from candor.web.render import renderer_of
from candor.web.visit import Visit

__all__ = [
    "By", "check", "day", "done", "kept", "lines", "measurables", "names", "noticed", "number", "page", "shown", "text",
    "tried",
]  # fmt: skip

STAFF = (Right.QUALITY_READ, Right.COACHING_WRITE, Right.LIBRARY_MANAGE)
TABS = (
    ("/coaching", N_("People"), (Right.QUALITY_READ,)),
    ("/coaching/sessions", N_("Sessions"), (Right.COACHING_WRITE,)),
    ("/coaching/mine", N_("My coaching"), (Right.EVALUATION_ANSWER,)),
    ("/coaching/library", N_("Library"), (*STAFF, Right.EVALUATION_ANSWER)),
    ("/coaching/courses", N_("Courses"), (*STAFF, Right.EVALUATION_ANSWER)),
)
"""Address, name, and any of which rights opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """By what is measured, as the address says."""

    source: Source
    days: int

    @property
    def period(self) -> Period:
        """The last ``days`` days."""
        return Period(since=clock.now() - timedelta(days=self.days))

    @property
    def query(self) -> str:
        """For links to other pages of the same measuring."""
        return f"source={self.source.value}&days={self.days}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A clip with its words."""

    clip: Clip
    content: Content | None
    """None: it cannot be shown just now."""


def check(visit: Visit, *rights: Right) -> None:
    """Raise Forbidden without any of ``rights``."""
    if not any(visit.principal.may(right) for right in rights):
        visit.principal.require(rights[0])
        raise Forbidden(_("This is not for your role."))


def page(request: Request, visit: Visit, template: str, problem: CandorError | None = None, **values: Any) -> Response:
    """One of the pages, with its tabs; with what was wrong at 422."""
    may = visit.principal.may
    given: dict[str, Any] = {
        "tabs": [(at, gettext(name)) for at, name, rights in TABS if any(may(right) for right in rights)],
        "terms": terms, "noticed": "", "problem": problem, "may_coach": may(Right.COACHING_WRITE),
        "may_manage": may(Right.LIBRARY_MANAGE), "sees_gaps": may(Right.QUALITY_READ),
        "may_answer": may(Right.EVALUATION_ANSWER), "today": clock.now().date(),
    }  # fmt: skip
    values["form"] = defaultdict(str, values.get("form") or {})
    status = 200 if problem is None else 422
    return renderer_of(request).page(request, f"coaching/{template}", status=status, **given | values)


def tried(work: Callable[[], object], again: Callable[[CandorError], Response], address: str, what: str) -> Response:
    """Do what somebody asked for and go to a page that says so; what is refused is told where they were."""
    try:
        work()
    except (InvalidInput, Conflict, Forbidden, NotFound) as problem:
        return again(problem)
    return done(address, what)


def by_of(values: Mapping[str, str]) -> By:
    """Out of an address or a form; what is not understood is what it is by default."""
    source = values.get("source", "")
    return By(
        source=Source(source) if source in set(Source) else Source.AUTOMATIC,
        days=number(values.get("days", ""), 366, DAYS, least=7),
    )


def number(given: str, most: int, default: int, *, least: int = 0) -> int:
    """A whole number in a form or address; ``default`` for anything else."""
    found = given.strip()
    return (
        int(found)
        if found.isascii() and found.isdigit() and len(found) < 8 and least <= int(found) <= most
        else default
    )


def measurables(visit: Visit, uow: UnitOfWork) -> dict[str, Measurable]:
    """What can be measured, by key."""
    return visit.services.gaps.measurables(uow)


def shown(visit: Visit, uow: UnitOfWork, found: list[Clip]) -> list[Shown]:
    """Clips with what is said in them."""
    made = []
    for each in found:
        try:
            content = visit.services.library.content(uow, each)
        except CandorError:
            content = None  # set aside, or destroyed in this very moment
        made.append(Shown(clip=each, content=content))
    return made


def kept(form: FormData) -> dict[str, str]:
    """What was typed, for showing the form again."""
    return {name: str(value)[:4000] for name, value in form.items() if name != "csrf" and isinstance(value, str)}


def text(form: FormData, name: str, most: int = 4000) -> str:
    """A field's text."""
    return str(form.get(name) or "").strip()[: most + 1]


def lines(form: FormData, name: str, apart: str = "\n") -> tuple[str, ...]:
    """A field with several things in it."""
    return tuple(each.strip() for each in str(form.get(name) or "").split(apart) if each.strip())


def ticked(form: FormData, name: str) -> tuple[str, ...]:
    """Every value of a name."""
    return tuple(str(each) for each in form.getlist(name) if isinstance(each, str) and each)


def day(form: FormData, name: str) -> date | None:
    """A day in a form; None when left out; raises InvalidInput."""
    given = text(form, name)
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise InvalidInput(_("That is no day."), code="day", advice=_("Write it as 2027-01-31.")) from None


def seconds(given: str) -> float:
    """``75``, ``75.4`` or ``1:15`` in seconds; raises InvalidInput."""
    try:
        found = 0.0
        for part in given.strip().split(":"):
            found = found * 60 + float(part)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1_000_000:
        raise InvalidInput(_("That is no place in a call."), code="clip.stretch", advice=_("Write it as 1:15 or 75."))
    return found
