"""Pages of the list: conditions, the order of the tables, keyset paging, counts, snippets.

SQLite's planner knows nothing about how many hits a word has. So the order of the tables is chosen here: when few
conversations pass the other filters, each is asked whether the word is in it; else the hits are walked newest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

from sqlalchemy import Select, asc, column, desc, exists, false, func, literal, literal_column, or_, select, table
from sqlalchemy.sql.elements import ColumnElement

from candor.conversation.evaluation import EvaluationSource
from candor.conversation.model import Conversation, Direction
from candor.kit.database import UnitOfWork
from candor.replay import store
from candor.replay.cursor import Cursor
from candor.replay.model import ConversationFilter, ConversationRow, Page, Scope, SortKey, Status
from candor.replay.query import parse

COUNTED = 1000
"""Totals up to this are exact."""
FEW = 400
"""Up to so many conversations, each is asked for the word on its own."""
RANKED = 2000
"""Relevance is told among so many of the newest hits: ranking all hits of a common word takes seconds."""
LEGS = 50
"""At most so many legs of a contact are told."""
_CALL_ID_HOLDS = 86_400 * store.SERIALS
"""Phone systems use call ids anew, after a restart or a roll-over: only calls within a day are legs of one contact."""
OPEN_MARK, CLOSE_MARK = "\ue000", "\ue001"

_t = store.conversation_index
_x = table("conversation_text", column("rowid"))
_VALUES = {SortKey.DURATION: _t.c.duration, SortKey.SCORE: _t.c.score, SortKey.SENTIMENT: _t.c.sentiment}
Condition = ColumnElement[bool]


def find(
    uow: UnitOfWork, wanted: ConversationFilter, scope: Scope, sort: SortKey, *, descending: bool,
    cursor: Cursor | None, limit: int,
) -> Page:  # fmt: skip
    """One page; raises InvalidInput for a search that is too long."""
    words = parse(wanted.text) if wanted.text else None
    if words is not None and words.nothing:
        return Page(rows=(), next_cursor=None, previous_cursor=None, total=0)
    rules = conditions(wanted, scope)
    match = words.whole if words else None
    if words is not None and words.match is None and words.exclude is not None:
        rules.append(_without(words.exclude))
    plan = _plan(uow, rules, match)
    total, at_least = _total(uow, plan, scope, everything=wanted == ConversationFilter())
    if sort is SortKey.RELEVANCE and match is not None:
        found, after, before = _ranked(uow, rules, match, cursor, limit)
    else:
        if match is not None and total is None and sort in _VALUES:
            plan = (select(_t), _t.c.search_rowid, [*rules, _has(match)])  # many hits: walk the order, ask each row
        order = SortKey.STARTED if sort is SortKey.RELEVANCE else sort
        found, after, before = _keyset(uow, plan, order, descending=descending, cursor=cursor, limit=limit)
        if order is not sort:
            # Without words there is nothing to rank by; the cursor still answers to what was asked for.
            after, before = (each and replace(each, sort=sort) for each in (after, before))
    marks = _snippets(uow, match, [row.search_rowid for row in found]) if match and found else {}
    return Page(
        rows=tuple(replace(row_of(row), snippet=marks.get(row.search_rowid)) for row in found),
        next_cursor=after.encode() if after else None,
        previous_cursor=before.encode() if before else None,
        total=total,
        total_at_least=at_least,
    )


def conditions(wanted: ConversationFilter, scope: Scope) -> list[Condition]:  # noqa: C901  one line a filter
    """What a row must fulfil, the viewer's reach first; everything but the text."""
    rules = reach(scope)
    c = _t.c
    for column_, values in (
        (c.id, wanted.ids), (c.agent_id, wanted.agents), (c.team, wanted.teams), (c.queue, wanted.queues),
        (c.language, wanted.languages),
        (c.direction, [each.value for each in wanted.directions]), (c.status, [each.value for each in wanted.statuses]),
    ):  # fmt: skip
        if values:
            rules.append(column_ == values[0] if len(values) == 1 else column_.in_(values))
    for column_, low, high in (
        (c.sentiment, wanted.sentiment_min, wanted.sentiment_max), (c.score, wanted.score_min, wanted.score_max),
        (c.duration, wanted.duration_min, wanted.duration_max),
    ):  # fmt: skip
        if low is not None:
            rules.append(column_ >= low)
        if high is not None:
            rules.append(column_ <= high)
    if wanted.since is not None:
        rules += [c.search_rowid >= store.first_rowid(wanted.since), c.started_at >= store.naive(wanted.since)]
    if wanted.until is not None:
        rules.append(c.search_rowid < store.first_rowid(wanted.until) + store.SERIALS)
        rules.append(c.started_at < store.naive(wanted.until))
    if wanted.categories:
        side = store.conversation_category.c
        rules.append(
            exists().where(side.category.in_(wanted.categories), side.search_rowid == c.search_rowid)
            if len(wanted.categories) > 1
            else c.search_rowid.in_(select(side.search_rowid).where(side.category == wanted.categories[0]))
        )
    if wanted.has_pii is not None:
        rules.append(c.pii_count > 0 if wanted.has_pii else c.pii_count == 0)
    if wanted.critical_failed is not None:
        rules.append(c.critical_failed.is_(wanted.critical_failed))
    if wanted.external_id is not None:
        rules.append(c.external_id == wanted.external_id)
    return rules


def reach(scope: Scope) -> list[Condition]:
    """The viewer's rights as conditions; an empty tuple sees nothing."""
    sides = ((_t.c.team, scope.teams), (_t.c.queue, scope.queues), (_t.c.agent_id, scope.agent_ids))
    named = [_among(column_, values) for column_, values in sides if values is not None]
    rules = [or_(*named)] if named else []
    if scope.evaluated:
        rules.append(_t.c.score_source == EvaluationSource.HUMAN.value)
    return rules


def _among(column_: Any, values: tuple[str, ...]) -> Condition:
    if not values:
        return false()
    found: Condition = column_ == values[0] if len(values) == 1 else column_.in_(values)
    return found


def visible(uow: UnitOfWork, conversation_id: str, scope: Scope) -> ConversationRow | None:
    """One row when it is there and within reach."""
    found = uow.execute(select(_t).where(_t.c.id == conversation_id, *reach(scope))).one_or_none()
    return None if found is None else row_of(found)


def legs(uow: UnitOfWork, conversation: Conversation, contact: str | None, scope: Scope) -> tuple[ConversationRow, ...]:
    """The other legs of the same contact within reach, in order of time."""
    own = store.first_rowid(conversation.started_at)
    others = [_t.c.source == conversation.source, _t.c.id != conversation.id, *reach(scope)]
    found: dict[str, Any] = {}
    if contact is not None:
        for rules, order in (
            ([_t.c.search_rowid < own], _t.c.search_rowid.desc()),
            ([_t.c.search_rowid >= own], _t.c.search_rowid),
        ):
            query = select(_t).where(_t.c.contact == contact, *rules, *others).order_by(order).limit(LEGS)
            found |= {row.id: row for row in uow.execute(query)}
    if conversation.external_id is not None:
        near = _t.c.search_rowid.between(own - _CALL_ID_HOLDS, own + _CALL_ID_HOLDS)
        query = select(_t).where(_t.c.external_id == conversation.external_id, near, *others).limit(LEGS)
        found |= {row.id: row for row in uow.execute(query)}
    nearest = sorted(found.values(), key=lambda row: abs(row.search_rowid - own))[:LEGS]
    return tuple(row_of(row) for row in sorted(nearest, key=lambda row: row.search_rowid))


def _matching(match: str) -> Condition:
    # Everything typed is quoted inside the bound value; the statement holds only the table's name.
    return literal_column("conversation_text").op("MATCH")(literal(match))


def _has(match: str) -> Condition:
    """Asks one conversation for the words."""
    return exists(select(literal(1)).select_from(_x).where(_matching(match), _x.c.rowid == _t.c.search_rowid))


def has_words(match: str) -> Condition:
    """The words are in a conversation; for those that pass other filters, not for finding all hits of a word."""
    return _has(match)


def _without(exclude: str) -> Condition:
    return _t.c.search_rowid.not_in(select(_x.c.rowid).select_from(_x).where(_matching(exclude)))


def _few(uow: UnitOfWork, rules: Sequence[Condition], match: str) -> list[int] | None:
    """The hits when few conversations pass the other filters, asked one by one; None when they are many."""
    if not rules:
        return None
    ids = uow.execute(select(_t.c.search_rowid).where(*rules).limit(FEW + 1)).scalars().all()
    if len(ids) > FEW:
        return None
    if not ids:
        return []
    query = select(_x.c.rowid).select_from(_x).where(_matching(match), _x.c.rowid.in_(ids))
    return list(uow.execute(query).scalars())


def _plan(uow: UnitOfWork, rules: list[Condition], match: str | None) -> tuple[Select[Any], Any, list[Condition]]:
    """(query without conditions, the column that is the order of time, conditions)."""
    if match is None:
        return select(_t), _t.c.search_rowid, rules
    hits = _few(uow, rules, match)
    if hits is not None:
        return select(_t), _t.c.search_rowid, [_t.c.search_rowid.in_(hits) if hits else false()]
    # The plus keeps SQLite from asking the text row by row: the hits are walked in order, the rows looked up.
    joined = _x.join(_t, _t.c.search_rowid == literal_column("+conversation_text.rowid"))
    return select(_t).select_from(joined), _x.c.rowid, [_matching(match), *rules]


def _total(uow: UnitOfWork, plan: Any, scope: Scope, *, everything: bool) -> tuple[int | None, int]:
    """(exact count or None, at least so many)."""
    if everything and counted(scope):
        table = store.conversation_facet.c
        kept = select(func.coalesce(func.sum(table.n), 0)).where(table.kind == "status", *facet_reach(scope))
        n = int(uow.execute(kept).scalar_one())
        return n, n
    query, order, rules = plan
    few = query.with_only_columns(order).where(*rules).limit(COUNTED + 1).subquery()
    n = uow.execute(select(func.count()).select_from(few)).scalar_one()
    return (n, n) if n <= COUNTED else (None, COUNTED)


def counted(scope: Scope) -> bool:
    """Whether the kept counts tell this reach: they are by team and agent, not by queue or by who evaluated."""
    return scope.queues is None and not scope.evaluated


def facet_reach(scope: Scope) -> list[Condition]:
    """The viewer's rights on the counts, where :func:`counted`."""
    table = store.conversation_facet.c
    sides = ((table.team, scope.teams), (table.agent_id, scope.agent_ids))
    named = [column_.in_(values) for column_, values in sides if values is not None]
    return [or_(*named)] if named else []


def count_facets(uow: UnitOfWork, scope: Scope) -> list[tuple[str, str, str, int]]:
    """(kind, value, label, how many) within reach, counted row by row."""
    rules, found = reach(scope), []
    for kind, value, label in (
        ("team", _t.c.team, literal("")), ("queue", _t.c.queue, literal("")), ("language", _t.c.language, literal("")),
        ("status", _t.c.status, literal("")), ("agent", _t.c.agent_id, func.max(_t.c.agent)),
    ):  # fmt: skip
        query = select(value.label("value"), label.label("label"), func.count().label("n"))
        rows = uow.execute(query.where(*rules, value.is_not(None)).group_by(value).order_by(value))
        found += [(kind, row.value, row.label or row.value, int(row.n)) for row in rows]
    side = store.conversation_category
    query = select(side.c.category, func.count().label("n")).join(_t, _t.c.search_rowid == side.c.search_rowid)
    rows = uow.execute(query.where(*rules).group_by(side.c.category).order_by(side.c.category))
    return found + [("category", row.category, "", int(row.n)) for row in rows]


def _by_time(plan: Any, cursor: Cursor | None, limit: int, *, descending: bool) -> list[Select[Any]]:
    query, order, rules = plan
    down = descending != (cursor is not None and cursor.backward)
    if cursor is not None:
        rules = [*rules, order < cursor.rowid if down else order > cursor.rowid]
    return [query.where(*rules).order_by(order.desc() if down else order.asc()).limit(limit)]


def _by_value(plan: Any, value: Any, cursor: Cursor | None, limit: int, *, descending: bool) -> list[Select[Any]]:
    """Rows with a value first, those without one after them, whichever way they are sorted: two indexed queries."""
    query, _, rules = plan
    row = _t.c.search_rowid
    backward = cursor is not None and cursor.backward
    down = descending != backward
    with_value, without = [*rules, value.is_not(None)], [*rules, value.is_(None)]
    parts = [True, False]
    if cursor is not None:
        beyond = row < cursor.rowid if down else row > cursor.rowid
        if cursor.value is None:
            without.append(beyond)
            parts = [True, False] if backward else [False]
        else:
            farther = value < cursor.value if down else value > cursor.value
            bound = value <= cursor.value if down else value >= cursor.value
            with_value += [bound, or_(farther, beyond)]
            parts = [True] if backward else [True, False]
    if backward:
        parts.reverse()
    direction = desc if down else asc
    return [
        query.where(*with_value).order_by(direction(value), direction(row)).limit(limit)
        if valued
        else query.where(*without).order_by(direction(row)).limit(limit)
        for valued in parts
    ]


def _rows(uow: UnitOfWork, queries: Sequence[Select[Any]], limit: int) -> list[Any]:
    found: list[Any] = []
    for query in queries:
        if len(found) < limit:
            found += uow.execute(query).all()
    return found[:limit]


def _keyset(
    uow: UnitOfWork, plan: Any, sort: SortKey, *, descending: bool, cursor: Cursor | None, limit: int
) -> tuple[list[Any], Cursor | None, Cursor | None]:
    value = _VALUES.get(sort)
    if value is None:
        queries = _by_time(plan, cursor, limit + 1, descending=descending)
    else:
        queries = _by_value(plan, value, cursor, limit + 1, descending=descending)
    found = _rows(uow, queries, limit + 1)
    more, found = len(found) > limit, found[:limit]
    backward = cursor is not None and cursor.backward
    if backward:
        found.reverse()

    def at(row: Any, *, back: bool) -> Cursor:
        held = None if value is None else getattr(row, sort.value)
        return Cursor(sort=sort, descending=descending, backward=back, value=held, rowid=row.search_rowid)

    if not found:
        return [], None, None
    has_next = more or backward
    has_previous = more if backward else cursor is not None
    return (
        found,
        at(found[-1], back=False) if has_next else None,
        at(found[0], back=True) if has_previous else None,
    )


def _ranked(
    uow: UnitOfWork, rules: list[Condition], match: str, cursor: Cursor | None, limit: int
) -> tuple[list[Any], Cursor | None, Cursor | None]:
    """The best of the newest RANKED hits (Okapi BM25, as FTS5 counts it)."""
    query, order, conditions_ = _plan(uow, rules, match)
    ids = uow.execute(
        query.with_only_columns(order).where(*conditions_).order_by(order.desc()).limit(RANKED)
    ).scalars().all()  # fmt: skip
    if not ids:
        return [], None, None
    offset = int(cursor.value or 0) if cursor else 0
    # One walk over the stretch: asked row by row, FTS5 would count the words anew for each.
    score: Any = literal_column("bm25(conversation_text)").label("score")
    walk = select(_x.c.rowid, score).select_from(_x).where(_matching(match), _x.c.rowid >= min(ids))
    among = set(ids)
    best = sorted((row.score, -row.rowid) for row in uow.execute(walk) if row.rowid in among)
    chosen = [-negative for _, negative in best[offset : offset + limit + 1]]
    rows = {row.search_rowid: row for row in uow.execute(select(_t).where(_t.c.search_rowid.in_(chosen[:limit])))}

    def at(place: int) -> Cursor:
        return Cursor(sort=SortKey.RELEVANCE, descending=True, backward=False, value=place, rowid=0)

    return (
        [rows[an_id] for an_id in chosen[:limit] if an_id in rows],
        at(offset + limit) if len(chosen) > limit else None,
        at(max(offset - limit, 0)) if offset else None,
    )


def _snippets(uow: UnitOfWork, match: str, ids: Sequence[int]) -> dict[int, str]:
    made: Any = literal_column(f"snippet(conversation_text, -1, '{OPEN_MARK}', '{CLOSE_MARK}', '…', 18)").label(
        "snippet"
    )
    query = select(_x.c.rowid, made).select_from(_x).where(_matching(match), _x.c.rowid.in_(ids))
    return {row.rowid: " ".join(row.snippet.split()) for row in uow.execute(query)}


def row_of(found: Any) -> ConversationRow:
    """A row of the projection as people get it."""
    return ConversationRow(
        id=found.id, external_id=found.external_id, started_at=found.started_at.replace(tzinfo=UTC),
        utc_offset_minutes=found.utc_offset_minutes, duration=found.duration, direction=Direction(found.direction),
        agent=found.agent, agent_id=found.agent_id, customer=found.customer, team=found.team, queue=found.queue,
        language=found.language, status=Status(found.status), attention=found.attention, sentiment=found.sentiment,
        score=found.score, score_source=found.score_source, critical_failed=bool(found.critical_failed),
        pii_count=found.pii_count, categories=tuple(found.categories),
    )  # fmt: skip
