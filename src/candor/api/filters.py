"""The list's filters as query parameters: the same words as on the page's address."""

from __future__ import annotations

from datetime import datetime

from fastapi import Depends, Query

from candor.conversation.model import Direction
from candor.errors import InvalidInput
from candor.replay.model import ConversationFilter, Status


def _filter(  # noqa: PLR0917  FastAPI passes each by name
    q: str | None = Query(None, description='Words, "phrases", agent: and customer: in front, - for "not".'),
    since: datetime | None = Query(None, description="ISO 8601 with offset."),
    until: datetime | None = Query(None, description="ISO 8601 with offset; exclusive."),
    agent: list[str] = Query([], description="Agent id; repeatable."),
    team: list[str] = Query([]),
    queue: list[str] = Query([]),
    direction: list[Direction] = Query([]),
    language: list[str] = Query([]),
    category: list[str] = Query([]),
    status: list[Status] = Query([]),
    sentiment_min: float | None = Query(None, ge=-1, le=1),
    sentiment_max: float | None = Query(None, ge=-1, le=1),
    score_min: float | None = Query(None, ge=0, le=100),
    score_max: float | None = Query(None, ge=0, le=100),
    duration_min: float | None = Query(None, ge=0, description="Seconds."),
    duration_max: float | None = Query(None, ge=0, description="Seconds."),
    pii: bool | None = Query(None, description="Whether personal data was found."),
    critical: bool | None = Query(None, description="Whether a critical question failed."),
    external_id: str | None = Query(None, description="The phone system's call id."),
) -> ConversationFilter:
    for moment in (since, until):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput("A time has no offset.", code="time.zone", advice="Write 2026-03-02T09:00:00+01:00.")
    return ConversationFilter(
        text=q or None, since=since, until=until, agents=tuple(agent), teams=tuple(team), queues=tuple(queue),
        directions=tuple(direction), languages=tuple(language), categories=tuple(category), statuses=tuple(status),
        sentiment_min=sentiment_min, sentiment_max=sentiment_max, score_min=score_min, score_max=score_max,
        duration_min=duration_min, duration_max=duration_max, has_pii=pii, critical_failed=critical,
        external_id=external_id,
    )  # fmt: skip


Filter = Depends(_filter)
