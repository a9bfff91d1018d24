"""Which conversations of a period can be judged with a scorecard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from candor.capture.store import conversation as register
from candor.conversation.model import Medium
from candor.kit.database import UnitOfWork
from candor.replay import search, store
from candor.replay.model import ConversationFilter, Scope, Status

_t = store.conversation_index


def ready(
    uow: UnitOfWork, since: datetime, until: datetime, scope: Scope, *, media: Sequence[Medium] = (),
    queues: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """Ids of processed conversations that began in the period and are within ``scope``, the oldest first."""
    wanted = ConversationFilter(since=since, until=until, queues=tuple(queues), statuses=(Status.READY,))
    query = sa.select(_t.c.id).where(*search.conditions(wanted, scope)).order_by(_t.c.started_at, _t.c.id)
    if media:
        query = query.join(register, register.c.id == _t.c.id)
        query = query.where(register.c.medium.in_([medium.value for medium in media]))
    return list(uow.execute(query).scalars())
