"""The tables of find-and-replay: the projection of conversations, their text for searching, counts, saved views.

``search_rowid`` is the order of the list: seconds since 1970 of the start, times 2^20, plus a serial number within
the second. As the table's integer primary key it makes "newest first" the natural order of rows and of search hits.
Counts for the filters (``conversation_facet``) are kept by team and agent, so that every reach of rights can be summed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    event,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from candor.kit.database import UnitOfWork, metadata
from candor.replay.model import SavedView

SERIALS = 1 << 20
_Key = BigInteger().with_variant(Integer, "sqlite")

conversation_index = Table(
    "conversation_index",
    metadata,
    Column("search_rowid", _Key, primary_key=True, autoincrement=False),
    Column("id", String(36), nullable=False, unique=True),
    Column("external_id", String(255), index=True),
    Column("started_at", DateTime, nullable=False),
    Column("utc_offset_minutes", Integer, nullable=False),
    Column("duration", Float),
    Column("direction", String(16), nullable=False),
    Column("agent", String(255)),
    Column("agent_id", String(255)),
    Column("customer", String(40)),
    Column("team", String(255)),
    Column("queue", String(255)),
    Column("language", String(35)),
    Column("status", String(16), nullable=False),
    Column("attention", Text),
    Column("sentiment", Float),
    Column("score", Float),
    Column("score_source", String(16)),
    Column("critical_failed", Boolean, nullable=False),
    Column("pii_count", Integer, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("source", String(64)),
    Column("contact", String(255)),
    Index("ix_conversation_index_agent_id", "agent_id", "search_rowid"),
    Index("ix_conversation_index_team", "team", "search_rowid"),
    Index("ix_conversation_index_queue", "queue", "search_rowid"),
    Index("ix_conversation_index_status", "status", "search_rowid"),
    Index("ix_conversation_index_duration", "duration", "search_rowid"),
    Index("ix_conversation_index_score", "score", "search_rowid"),
    Index("ix_conversation_index_sentiment", "sentiment", "search_rowid"),
    Index("ix_conversation_index_contact", "contact", "search_rowid"),
)

conversation_category = Table(
    "conversation_category",
    metadata,
    Column("category", String(80), primary_key=True),
    Column("search_rowid", _Key, primary_key=True, autoincrement=False),
    Index("ix_conversation_category_search_rowid", "search_rowid"),
)

conversation_facet = Table(
    "conversation_facet",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("value", String(255), primary_key=True),
    Column("team", String(255), primary_key=True),
    Column("agent_id", String(255), primary_key=True),
    Column("label", String(255), nullable=False),
    Column("n", Integer, nullable=False),
)

saved_view = Table(
    "saved_view",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner", String(36), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("query", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
)

SEARCH_DDL = (
    """CREATE VIRTUAL TABLE conversation_text
    USING fts5(agent_text, customer_text, other_text, tokenize = 'unicode61 remove_diacritics 2')""",
)
"""The full-text table, on SQLite; migrations execute these as they stand."""


def _on_sqlite(statement: str) -> Any:
    return DDL(statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]


for _statement in SEARCH_DDL:
    event.listen(conversation_index, "after_create", _on_sqlite(_statement))
event.listen(conversation_index, "before_drop", _on_sqlite("DROP TABLE IF EXISTS conversation_text"))

TEXT_COLUMNS = ("agent_text", "customer_text", "other_text")
_INSERT_TEXT = text(
    "INSERT INTO conversation_text(rowid, agent_text, customer_text, other_text) "
    "VALUES (:rowid, :agent_text, :customer_text, :other_text)"
)
_KINDS = ("team", "queue", "language", "status")


def naive(moment: datetime) -> datetime:
    """For the database: UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def first_rowid(moment: datetime) -> int:
    """The lowest ``search_rowid`` that a start in this second can have."""
    return int(moment.timestamp() // 1) * SERIALS


def row_of(uow: UnitOfWork, conversation_id: str) -> Mapping[str, Any] | None:
    """The projection's row of one conversation."""
    query = select(conversation_index).where(conversation_index.c.id == conversation_id)
    found = uow.execute(query).one_or_none()
    return None if found is None else {str(name): value for name, value in found._asdict().items()}


def put(uow: UnitOfWork, values: Mapping[str, Any], texts: Mapping[str, str] | None) -> None:
    """Replace what is known of a conversation; the caller gives every column but ``search_rowid``."""
    before = row_of(uow, values["id"])
    if before is not None:
        count(uow, before, -1)
    start = values["started_at"].replace(tzinfo=UTC)
    base = first_rowid(start)
    if before is not None and base <= before["search_rowid"] < base + SERIALS:
        rowid = before["search_rowid"]
        uow.execute(update(conversation_index).where(conversation_index.c.search_rowid == rowid).values(**values))
    else:
        if before is not None:
            remove(uow, before["search_rowid"])
        highest = uow.execute(
            select(func.max(conversation_index.c.search_rowid)).where(
                conversation_index.c.search_rowid >= base, conversation_index.c.search_rowid < base + SERIALS
            )
        ).scalar_one()
        rowid = base if highest is None else highest + 1
        uow.execute(insert(conversation_index).values(search_rowid=rowid, **values))
    uow.execute(delete(conversation_category).where(conversation_category.c.search_rowid == rowid))
    put_categories(uow, [(category, rowid) for category in values["categories"]])
    uow.execute(text("DELETE FROM conversation_text WHERE rowid = :rowid"), {"rowid": rowid})
    if texts is not None:
        put_texts(uow, [{"rowid": rowid, **texts}])
    count(uow, values, 1)


def remove(uow: UnitOfWork, rowid: int) -> None:
    """Take a row with all that hangs on it away."""
    uow.execute(delete(conversation_index).where(conversation_index.c.search_rowid == rowid))
    uow.execute(delete(conversation_category).where(conversation_category.c.search_rowid == rowid))
    uow.execute(text("DELETE FROM conversation_text WHERE rowid = :rowid"), {"rowid": rowid})


def cleanse(uow: UnitOfWork, pages: int = 2_000) -> bool:
    """Merge the full-text index, some pages a call, until no deleted word is left in it; whether more is left to do.

    FTS5 only marks what is deleted; the words themselves go when all its b-trees have become one (its "merge" with a
    negative number; fewer than two changes: nothing was left, see the SQLite manual, FTS5 section 6.8).
    """
    if uow.dialect.name != "sqlite":
        return False
    before = uow.execute(text("SELECT total_changes()")).scalar_one()
    uow.execute(
        text("INSERT INTO conversation_text(conversation_text, rank) VALUES ('merge', :pages)"), {"pages": -pages}
    )
    return int(uow.execute(text("SELECT total_changes()")).scalar_one()) - int(before) >= 2


def put_categories(uow: UnitOfWork, pairs: Iterable[tuple[str, int]]) -> None:
    """(category, search_rowid) pairs."""
    rows = [{"category": category, "search_rowid": rowid} for category, rowid in dict.fromkeys(pairs)]
    if rows:
        uow.execute(insert(conversation_category), rows)


def put_texts(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of ``rowid`` and the three text columns, redacted."""
    uow.execute(_INSERT_TEXT, [dict(row) for row in rows])


def change(uow: UnitOfWork, conversation_id: str, **values: Any) -> None:
    """Set some columns; a conversation that is not there is left so."""
    before = row_of(uow, conversation_id)
    if before is None:
        return
    if "status" in values and values["status"] != before["status"]:
        count_one(uow, "status", before["status"], before, -1)
        count_one(uow, "status", values["status"], before, 1)
    uow.execute(update(conversation_index).where(conversation_index.c.id == conversation_id).values(**values))


def rowids(uow: UnitOfWork, conversations: Iterable[str]) -> dict[str, int]:
    """The place in the list of each conversation that is in it."""
    table = conversation_index.c
    query = select(table.id, table.search_rowid).where(table.id.in_(list(conversations)))
    return {row.id: row.search_rowid for row in uow.execute(query)}


def change_scores(uow: UnitOfWork, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Set columns that no filter counts, by conversation; each has the same ones."""
    if values:
        changed = update(conversation_index).where(conversation_index.c.id == bindparam("of"))
        uow.execute(changed, [{"of": one, **told} for one, told in values.items()])


def blank(uow: UnitOfWork, conversation_id: str) -> None:
    """Forget what was made of a conversation (words, categories, moods, scores); the row itself stays in the list."""
    row = row_of(uow, conversation_id)
    if row is None:
        return
    for category in dict.fromkeys(row["categories"]):
        count_one(uow, "category", category, row, -1)
    rowid = row["search_rowid"]
    uow.execute(delete(conversation_category).where(conversation_category.c.search_rowid == rowid))
    uow.execute(text("DELETE FROM conversation_text WHERE rowid = :rowid"), {"rowid": rowid})
    change(
        uow, conversation_id, categories=[], sentiment=None, pii_count=0, score=None, score_source=None,
        critical_failed=False,
    )  # fmt: skip


def count(uow: UnitOfWork, row: Mapping[str, Any], by: int) -> None:
    """Add a row to the counts, or take it out (``by`` = -1)."""
    put_counts(uow, [(key, by) for key in facets_of(row)])


def count_one(uow: UnitOfWork, kind: str, value: str, row: Mapping[str, Any], by: int) -> None:
    """Change one count."""
    put_counts(uow, [((kind, value, row["team"] or "", row["agent_id"] or "", ""), by)])


def facets_of(row: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """The (kind, value, team, agent id, label) that a row counts in."""
    place = (row["team"] or "", row["agent_id"] or "")
    found = [(kind, row[kind], *place, "") for kind in _KINDS if row[kind]]
    if row["agent_id"]:
        found.append(("agent", row["agent_id"], *place, row["agent"] or row["agent_id"]))
    found += [("category", category, *place, "") for category in dict.fromkeys(row["categories"])]
    return found


def put_counts(uow: UnitOfWork, changes: Iterable[tuple[tuple[str, str, str, str, str], int]]) -> None:
    """Apply changes to the counts, always in the same order, so that two writers cannot wait for each other."""
    upsert = insert_postgresql if uow.dialect.name == "postgresql" else insert_sqlite
    table = conversation_facet
    for (kind, value, team, agent_id, label), by in sorted(changes):
        statement = upsert(table).values(kind=kind, value=value, team=team, agent_id=agent_id, label=label, n=by)
        changed = {"n": table.c.n + statement.excluded.n} | ({"label": label} if by > 0 else {})
        uow.execute(statement.on_conflict_do_update(index_elements=["kind", "value", "team", "agent_id"], set_=changed))


def views_for(uow: UnitOfWork, user_id: str) -> tuple[SavedView, ...]:
    """A person's own views, and those shared with all, by name."""
    query = (
        select(saved_view).where(or_(saved_view.c.owner == user_id, saved_view.c.shared)).order_by(saved_view.c.name)
    )
    return tuple(SavedView(**row) for row in uow.execute(query).mappings())


def put_view(uow: UnitOfWork, view: SavedView) -> None:
    """Keep a new view."""
    uow.execute(
        insert(saved_view).values(
            id=view.id, owner=view.owner, name=view.name[:80], query=view.query, shared=view.shared
        )
    )


def drop_view(uow: UnitOfWork, view_id: str, owner: str) -> bool:
    """Forget a view of that owner; False when there is none."""
    found = uow.execute(delete(saved_view).where(saved_view.c.id == view_id, saved_view.c.owner == owner))
    return found.rowcount > 0
