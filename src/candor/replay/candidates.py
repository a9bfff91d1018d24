"""What sampling plans draw from: processed conversations of a period, and which of them have what is looked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from candor.access import store as access
from candor.analysis.store import analyses
from candor.capture.store import conversation as register
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.replay import search, store
from candor.replay.model import ConversationFilter, Scope, Status
from candor.replay.query import parse
from candor.scoring.sampling import Candidate, Period, Plan, Target, TargetKind

_t = store.conversation_index


def candidates(uow: UnitOfWork, plan: Plan, period: Period, scope: Scope) -> list[Candidate]:
    """Processed conversations of known agents in the period, within ``scope`` and the plan's bounds."""
    wanted = ConversationFilter(
        since=period.start.astimezone(UTC), until=period.end.astimezone(UTC), teams=plan.teams, queues=plan.queues,
        statuses=(Status.READY,),
    )  # fmt: skip
    rules = [*search.conditions(wanted, scope), _t.c.agent_id.is_not(None)]
    if plan.shortest:
        rules.append(_t.c.duration >= plan.shortest)
    query = sa.select(
        _t.c.id, _t.c.agent_id, _t.c.started_at, _t.c.queue, _t.c.duration, _t.c.score, register.c.medium
    ).join(register, register.c.id == _t.c.id)  # fmt: skip
    rows = uow.execute(query.where(*rules)).all()
    since = agents_since(uow, {row.agent_id for row in rows}) if plan.new_days else {}
    return [
        Candidate(
            conversation_id=row.id, agent_id=row.agent_id, started_at=row.started_at.replace(tzinfo=UTC),
            agent_since=since.get(row.agent_id), queue=row.queue, medium=row.medium, duration=row.duration,
            score=row.score,
        )
        for row in rows
    ]  # fmt: skip


def agents_since(uow: UnitOfWork, agents: set[str]) -> dict[str, datetime]:
    """The first sign of each agent: their first conversation, or when the user was added, whichever is earlier."""
    found: dict[str, datetime] = {}
    queries: tuple[Any, ...] = (
        sa.select(_t.c.agent_id, sa.func.min(_t.c.started_at).label("first")).group_by(_t.c.agent_id),
        sa.select(access.user.c.agent_id, sa.func.min(access.user.c.created_at).label("first"))
        .where(access.user.c.agent_id.is_not(None))
        .group_by(access.user.c.agent_id),
    )
    for query in queries:
        for row in uow.execute(query):
            if row.agent_id in agents:
                first = clock.from_column(row.first)
                found[row.agent_id] = min(first, found.get(row.agent_id, first))
    return found


def matching(uow: UnitOfWork, target: Target, period: Period) -> set[str]:
    """Which conversations of the period have what the target looks for."""
    wanted = ConversationFilter(since=period.start.astimezone(UTC), until=period.end.astimezone(UTC))
    query = sa.select(_t.c.id)
    rules: list[Any] = []
    match target.kind:
        case TargetKind.CATEGORY:
            wanted = replace(wanted, categories=(target.value,))
        case TargetKind.CRITICAL:
            wanted = replace(wanted, critical_failed=True)
        case TargetKind.SCORE_BELOW:
            rules = [_t.c.score < float(target.value)]
        case TargetKind.WORDS:
            words = parse(target.value)
            if words.nothing or words.whole is None:
                return set()
            rules = [search.has_words(words.whole)]
        case TargetKind.FINDING:
            # Analyses are compact JSON; a finding's kind is a plain word (sampling.check), so this finds it whole.
            query = query.join(analyses, analyses.c.conversation_id == _t.c.id)
            rules = [analyses.c.json.contains(f'"kind":"{target.value}"', autoescape=True)]
    return set(uow.execute(query.where(*search.conditions(wanted, Scope()), *rules)).scalars())
