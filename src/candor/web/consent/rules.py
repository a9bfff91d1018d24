"""The law as it counts: places, sectors and how they are put together; each with its sources and what was changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.consent import pack as packs
from candor.consent.pack import Rules
from candor.consent.rules import EXPLANATORY, CrossRule, JurisdictionRule, Record, SectorRule
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.web import words
from candor.web.consent import common, terms
from candor.web.i18n import N_, _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

LOW_CONFIDENCE = 0.80
_DONE = {
    "overridden": N_("The rule is overridden; what was there before stays in the history."),
    "withdrawn": N_("The pack's own value counts again; the override stays in the history."),
}
# The usual tile map of the US: each state a square, (column, row).
TILES = {
    "AK": (0, 0), "ME": (10, 0), "VT": (9, 1), "NH": (10, 1), "WA": (0, 2), "ID": (1, 2), "MT": (2, 2), "ND": (3, 2),
    "MN": (4, 2), "IL": (5, 2), "WI": (6, 2), "MI": (7, 2), "NY": (8, 2), "RI": (9, 2), "MA": (10, 2), "OR": (0, 3),
    "NV": (1, 3), "WY": (2, 3), "SD": (3, 3), "IA": (4, 3), "IN": (5, 3), "OH": (6, 3), "PA": (7, 3), "NJ": (8, 3),
    "CT": (9, 3), "CA": (0, 4), "UT": (1, 4), "CO": (2, 4), "NE": (3, 4), "MO": (4, 4), "KY": (5, 4), "WV": (6, 4),
    "VA": (7, 4), "MD": (8, 4), "DE": (9, 4), "AZ": (1, 5), "NM": (2, 5), "KS": (3, 5), "AR": (4, 5), "TN": (5, 5),
    "NC": (6, 5), "SC": (7, 5), "DC": (8, 5), "OK": (3, 6), "LA": (4, 6), "MS": (5, 6), "AL": (6, 6), "GA": (7, 6),
    "HI": (0, 7), "TX": (3, 7), "FL": (8, 7),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """One rule in the table."""

    id: str
    kind: str
    name: str
    level: int | None
    """Of places alone."""
    others: tuple[tuple[str, int], ...]
    """Purposes and channels with another level."""
    confidence: float
    reviewed: date
    overridden: bool

    def doubtful(self, stale_before: date) -> bool:
        """Whether a lawyer should look at it first."""
        return self.confidence < LOW_CONFIDENCE or self.reviewed < stale_before


@router.get("/consent/rules")
def rules(request: Request, visit: CurrentVisit) -> Response:
    """The table; ``kind``, ``level``, ``q`` (words of the name) and ``show`` narrow it."""
    common.check(visit, whole=False)
    given = request.query_params
    kind = given.get("kind", "") if given.get("kind") in terms.KIND else ""
    level = next((each for each in terms.LEVELS if given.get("level") == str(each)), None)
    asked, show = given.get("q", "").strip()[:80], given.get("show", "")
    show = show if show in ("overridden", "doubtful") else ""
    today = clock.now().date()
    with visit.services.database.read() as uow:
        law = visit.services.consent.rules(uow)
    stale = today - timedelta(days=365)
    lines = _lines(law)
    shown = [
        line for line in lines
        if kind in ("", line.kind) and (level is None or line.level == level)
        and (not asked or asked.casefold() in f"{line.id} {line.name}".casefold())
        and (show != "overridden" or line.overridden) and (show != "doubtful" or line.doubtful(stale))
    ]  # fmt: skip
    countries = {
        each: [line for line in lines if line.level == each and not line.id.startswith("US")] for each in terms.LEVELS
    }
    states = [(place, *at, law.jurisdictions[f"US-{place}"]) for place, at in TILES.items()]
    return common.page(
        request, visit, "rules.html", lines=shown, every=len(lines), kind=kind, level=level, asked=asked, show=show,
        law=law, stale=stale, countries=countries, states=states, bare=not (kind or level is not None or asked or show),
        address=lambda **changes: _address(
            {"kind": kind, "level": "" if level is None else str(level), "q": asked, "show": show} | changes
        ),
    )  # fmt: skip


@router.get("/consent/rules/{rule_id}")
def rule(rule_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One rule whole."""
    common.check(visit, whole=False)
    return _rule_page(request, visit, rule_id)


@router.post("/consent/rules/{rule_id}/override")
def override(rule_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Change one field, with author and reason."""
    common.check(visit, Right.CONSENT_MANAGE, whole=False)
    given = {
        name: str(form.get(name) or "").strip() for name in ("field", "value", "author", "reason", "from", "until")
    }
    try:
        with visit.services.database.write() as uow:
            visit.services.consent.override(
                uow, rule_id, *_change(given), author=given["author"], reason=given["reason"],
                made_by=visit.principal.user_id, effective_from=_day(given["from"]),
                effective_until=_day(given["until"]),
            )  # fmt: skip
    except (InvalidInput, Conflict) as problem:
        return _rule_page(request, visit, rule_id, status=422, problem=problem, given=given)
    return common.done(_rule_address(rule_id), "overridden")


@router.post("/consent/rules/{rule_id}/withdraw")
def withdraw(rule_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Let the pack's own value of a field count again."""
    common.check(visit, Right.CONSENT_MANAGE, whole=False)
    try:
        with visit.services.database.write() as uow:
            visit.services.consent.withdraw(
                uow, rule_id, str(form.get("field") or ""), author=_text(form, "author"), reason=_text(form, "reason"),
                made_by=visit.principal.user_id,
            )  # fmt: skip
    except (InvalidInput, NotFound) as problem:
        return _rule_page(request, visit, rule_id, status=422, problem=problem)
    return common.done(_rule_address(rule_id), "withdrawn")


def _rule_page(
    request: Request, visit: Visit, rule_id: str, *, status: int = 200, problem: CandorError | None = None,
    given: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    with visit.services.database.read() as uow:
        record, changes = visit.services.consent.rule(uow, rule_id)
        law = visit.services.consent.rules(uow)
        history = visit.services.consent.history(uow, record.id)
        people = common.names(visit, uow)
    cross = isinstance(record, CrossRule)
    fields = record.model_dump(mode="json")
    hidden = {"id", "name", "citations", "earlier", "confidence", "last_reviewed"}
    return common.page(
        request, visit, "rule.html", status=status, problem=problem, record=record, changes=changes,
        history=tuple(reversed(history)), people=people, head=law.head, kind=_kind(record),
        stale=clock.now().date() - timedelta(days=365), low=LOW_CONFIDENCE, given=given or {},
        fields=[(name, parts) for name, value in fields.items() if name not in hidden and (parts := _parts(value))],
        choices=[] if cross else _choices(cast("JurisdictionRule | SectorRule", record), law),
        noticed=common.noticed(request, _DONE), shown=_shown,
    )  # fmt: skip


def _lines(law: Rules) -> list[RuleLine]:
    found = [
        RuleLine(
            id=each.id, kind=kind, name=each.name,
            level=each.engine_level if isinstance(each, JurisdictionRule) else None,
            others=(*each.purpose_overrides.items(), *each.channel_overrides.items())
            if isinstance(each, JurisdictionRule) else (),
            confidence=each.confidence, reviewed=each.last_reviewed, overridden=each.id in law.overridden,
        )
        for kind, records in (("place", law.jurisdictions), ("sector", law.sectors), ("cross", law.cross))
        for each in records.values()
    ]  # fmt: skip
    return sorted(found, key=lambda line: (list(terms.KIND).index(line.kind), line.name))


def _kind(record: Record) -> str:
    return {JurisdictionRule: "place", SectorRule: "sector"}.get(type(record), "cross")


def _choices(record: JurisdictionRule | SectorRule, law: Rules) -> list[tuple[str, str]]:
    """Fields that can be overridden, with what they say now; those with keys key by key."""
    found: list[tuple[str, str]] = []
    values = record.model_dump(mode="json")
    for name in type(record).model_fields:
        if name not in packs.overridable(record) - EXPLANATORY[type(record).__name__]:
            continue
        if isinstance(values[name], dict):
            keys = law.head.purpose if name == "purpose_overrides" else law.head.channel
            found += [(f"{name}.{key.id}", _json(values[name].get(key.id))) for key in keys]
        else:
            found.append((name, _json(values[name])))
    return found


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _change(given: dict[str, str]) -> tuple[str, Any]:
    """The field and its new value, as JSON; what is none is taken as text. Raises InvalidInput for neither."""
    field, text = given["field"], given["value"]
    if not field or not text:
        raise InvalidInput(_("Choose a field and write its new value."), code="consent.override.field")
    try:
        return field, json.loads(text)
    except ValueError:
        return field, text


def _shown(value: Any) -> str:
    """A field's value for reading; empty for what says nothing."""
    if value in (None, "", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return "; ".join(f"{words.title(name)}: {told}" for name, each in value.items() if (told := _shown(each)))
    if isinstance(value, list | tuple):
        return (" · " if any(isinstance(each, dict) for each in value) else ", ").join(_shown(each) for each in value)
    return str(value)


def _parts(value: Any) -> list[str]:
    """A field's value, one paragraph an item where they are records: its words first, then the rest."""
    if not isinstance(value, list) or not any(isinstance(each, dict) for each in value):
        return [told] if (told := _shown(value)) else []
    found = []
    for each in value:
        rest = _shown({name: one for name, one in each.items() if name != "words"})
        found.append(f"{each.get('words', '')} ({rest})".strip() if rest else str(each.get("words", "")))
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput(_("That is no day."), code="consent.override.period") from None


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()


def _rule_address(rule_id: str) -> str:
    return f"/consent/rules/{quote(rule_id, safe='')}"


def _address(pairs: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in pairs.items() if value})
    return f"/consent/rules?{query}" if query else "/consent/rules"
