"""Finding at scale: pages of the list and of searches, beside a bare ``SELECT … LIMIT 50`` on the same database."""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from bench.report import emit
from candor.kit.database import Database, UnitOfWork, metadata, sqlite_url
from candor.kit.ids import new_id
from candor.replay import store
from candor.replay.model import ConversationFilter, Scope, SortKey, Status
from candor.replay.service import Replay

SIZES = {"small": 10_000, "full": 100_000}
UTTERANCES = 10
START = datetime(2025, 1, 1, tzinfo=UTC)
_WORDS = [f"{a}{b}" for a in ("ba", "co", "di", "fe", "lu", "mo", "na", "po", "re", "sa") for b in
          ("bar", "cel", "dor", "fin", "gam", "lit", "mon", "nus", "pel", "rit", "sol", "tam", "vex", "zor")]  # fmt: skip  # noqa: E501


def fill(uow: UnitOfWork, count: int, rng: random.Random) -> None:
    """Rows as Index.write makes them, in bulk."""
    rows, texts, pairs = [], [], []
    counts: dict[tuple[str, str, str, str, str], int] = {}
    weights = [1 / (i + 1) for i in range(len(_WORDS))]
    used: set[int] = set()
    for i in range(count):
        start = START + timedelta(seconds=i * 300 + rng.randrange(300))
        rowid = store.first_rowid(start)
        assert rowid not in used
        used.add(rowid)
        agent = "rare" if i % (count // 50) == 7 else f"a{rng.randrange(200)}"
        categories = [c for c, share in (("billing", 0.2), ("cancellation", 0.05), ("fraud", 0.002))
                      if rng.random() < share]  # fmt: skip
        values: dict[str, Any] = {
            "id": new_id(), "external_id": f"x{i}", "started_at": store.naive(start), "utc_offset_minutes": 0,
            "duration": rng.expovariate(1 / 300), "direction": rng.choice(("inbound", "outbound")), "agent": agent,
            "agent_id": agent, "customer": "…0143", "team": f"t{len(agent) + ord(agent[-1]) % 10}",
            "queue": f"q{rng.randrange(20)}",
            "language": "en", "status": "ready" if rng.random() < 0.98 else "needs_attention", "attention": None,
            "sentiment": rng.uniform(-1, 1), "score": None if rng.random() < 0.05 else rng.uniform(0, 100),
            "score_source": "automatic", "critical_failed": rng.random() < 0.05, "pii_count": rng.randrange(3),
            "categories": categories,
        }  # fmt: skip
        rows.append({"search_rowid": rowid, **values})
        pairs += [(category, rowid) for category in categories]
        for key in store.facets_of(values):
            counts[key] = counts.get(key, 0) + 1
        said = [" ".join(rng.choices(_WORDS, weights, k=10)) for _ in range(UTTERANCES)]
        if rng.random() < 0.77:
            said[0] += " account"
        if i % (count // 20) == 3:
            said[1] += " zyzzyva"
        if rng.random() < 0.01:
            said[2] += " charged me twice"
        texts.append({"rowid": rowid, "agent_text": "\n".join(said[::2]), "customer_text": "\n".join(said[1::2]),
                      "other_text": ""})  # fmt: skip
    uow.execute(insert(store.conversation_index), rows)
    store.put_categories(uow, pairs)
    store.put_texts(uow, texts)
    store.put_counts(uow, list(counts.items()))


def timed(work: Callable[[], object], times: int) -> tuple[float, float]:
    """(p50, p95) in milliseconds."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), sorted(taken)[int(len(taken) * 0.95)]


def main() -> None:
    """Fill a database and ask it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="small")
    size = parser.parse_args().size
    count = SIZES[size]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(sqlite_url(Path(folder) / "bench.db"))
        with database.write() as uow:
            store.conversation_index.create(uow)
            metadata.create_all(uow, tables=[store.conversation_category, store.conversation_facet])
        began = time.perf_counter()
        with database.write() as uow:
            fill(uow, count, random.Random(7))
        filling = time.perf_counter() - began
        measure(database, size, count, filling)
        database.close()


def measure(database: Database, size: str, count: int, filling: float) -> None:
    """All questions, each on its own."""
    # Nothing here opens a conversation.
    replay = Replay(None)  # type: ignore[arg-type]
    whole, times = Scope(), 20
    middle = START + timedelta(seconds=count * 150)
    with database.read() as uow:
        bare = text("SELECT * FROM conversation_index ORDER BY search_rowid DESC LIMIT 50")
        reference, _ = timed(lambda: uow.execute(bare).all(), times)
        emit(name="search.fill", value=filling, unit="s", n=count, reference="none", reference_value=None, size=size)

        def ask(name: str, **parts: Any) -> None:
            how = {key: parts.pop(key) for key in ("sort", "cursor", "descending", "scope") if key in parts}
            scope, wanted = how.pop("scope", whole), ConversationFilter(**parts)
            p50, p95 = timed(lambda: replay.page(uow, wanted, scope, **how), times)
            emit(name=f"search.{name}", value=p95, unit="ms p95", n=times, reference="bare SELECT, p50",
                 reference_value=reference, size=size, p50=round(p50, 2))  # fmt: skip

        ask("first")
        deep = replay.page(uow, ConversationFilter(until=middle), whole)
        ask("deep", cursor=deep.next_cursor)
        for sort in (SortKey.DURATION, SortKey.SCORE, SortKey.SENTIMENT):
            ask(f"sort.{sort}", sort=sort)
        ask("sort.score.ascending", sort=SortKey.SCORE, descending=False)
        for name, parts in FILTERS.items():
            ask(f"filter.{name}", **parts)
        ask("filter.until", until=middle)
        ask("scope.team", scope=Scope(teams=("t3",)))
        for name, words in WORDS.items():
            ask(f"text.{name}", text=words)
        for name, parts in FILTERS.items():
            ask(f"common+{name}", text="account", **parts)
        ask("common+sort.score", text="account", sort=SortKey.SCORE)
        ask("phrase+sort.score", text='"charged me twice"', sort=SortKey.SCORE)
        ask("phrase+relevance", text='"charged me twice"', sort=SortKey.RELEVANCE)
        ask("common+relevance", text="account", sort=SortKey.RELEVANCE)
        p50, p95 = timed(lambda: replay.facets(uow, whole), times)
        emit(name="search.facets", value=p95, unit="ms p95", n=times, reference="bare SELECT, p50",
             reference_value=reference, size=size, p50=round(p50, 2))  # fmt: skip


FILTERS: dict[str, dict[str, Any]] = {
    "rare_agent": {"agents": ("rare",)}, "agent": {"agents": ("a7",)}, "team": {"teams": ("t3",)},
    "two_teams": {"teams": ("t3", "t4")}, "queue": {"queues": ("q3",)}, "attention": {"statuses": (Status.NEEDS_ATTENTION,)},  # noqa: E501
    "score_max": {"score_max": 2.0}, "sentiment_max": {"sentiment_max": -0.99}, "long": {"duration_min": 1500.0},
    "common_category": {"categories": ("billing",)}, "rare_category": {"categories": ("fraud",)},
    "pii": {"has_pii": True}, "critical": {"critical_failed": True}, "external_id": {"external_id": "x77"},
    "team+score+critical": {"teams": ("t3",), "score_max": 10.0, "critical_failed": True},
}  # fmt: skip
WORDS = {"common": "account", "rare": "zyzzyva", "phrase": '"charged me twice"', "two": "account zyzzyva",
         "speaker": "agent:account", "not": "account -babar", "only_not": "-account"}  # fmt: skip

if __name__ == "__main__":
    main()
