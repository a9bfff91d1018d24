"""Log-in sessions: opened, told by the cookie's secret, listed, ended; by themselves after a time, or when idle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from candor.access import store
from candor.access.secrets import digest, new_secret
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork

_TOUCH_EVERY = timedelta(minutes=1)
_BROWSERS = (
    ("Edge", r"\bEdg(?:e|A|iOS)?/"), ("Opera", r"\bOPR/"), ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Chrome|Chromium|CriOS|HeadlessChrome)/"), ("Safari", r"\bVersion/[\d.]+.*Safari/"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iOS", "iPhone|iPad"), ("Windows", "Windows"), ("macOS", "Mac OS X|Macintosh"),
    ("ChromeOS", r"\bCrOS\b"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A log-in session as its person sees it."""

    id: str
    """The beginning of the secret's digest: enough to name it, no use for anything else."""
    user_id: str
    browser: str
    """``Firefox on Linux``; empty when not known."""
    proven_by: str
    """``password``, ``password+code``, ``passkey`` …; empty for those from before this was kept."""
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


class Sessions:
    """Who is logged in where."""

    def __init__(self, *, hours: float = 12.0, idle_minutes: float | None = None) -> None:
        self._lasts = timedelta(hours=hours)
        self._idle = None if not idle_minutes else timedelta(minutes=idle_minutes)
        self._noted: dict[str, datetime] = {}

    def open(self, uow: UnitOfWork, user_id: str, *, browser: str = "", proven_by: str = "") -> str:
        """A new one, for a person whose identity was proven; returns the secret for the cookie."""
        secret, now = new_secret(), clock.now()
        store.add_session(
            uow, digest(secret), user_id, now, now + self._lasts, browser=browser[:120], proven_by=proven_by[:24]
        )
        return secret

    def user(self, uow: UnitOfWork, secret: str) -> str | None:
        """Whose it is; None when it has ended, has been idle for too long, or never was."""
        row = store.session(uow, digest(secret))
        return None if row is None or self._over(row, clock.now()) else str(row.user_id)

    def use_is_news(self, secret: str) -> bool:
        """Whether a use is worth a write: once a minute and process."""
        return news(self._noted, digest(secret))

    def note_use(self, uow: UnitOfWork, secret: str) -> None:
        """Remember that it was used."""
        store.touch_session(uow, digest(secret), clock.now())

    def of(self, uow: UnitOfWork, user_id: str, current: str | None = None) -> tuple[SessionInfo, ...]:
        """A person's, newest first; ``current`` is the secret of the one that asks."""
        now, own = clock.now(), digest(current) if current else ""
        return tuple(
            SessionInfo(
                id=row.digest[:16], user_id=row.user_id, browser=row.browser or "", proven_by=row.proven_by or "",
                created_at=clock.from_column(row.created_at), seen_at=clock.from_column(row.seen_at or row.created_at),
                expires_at=clock.from_column(row.expires_at), current=row.digest == own,
            )
            for row in store.sessions_of(uow, user_id)
            if not self._over(row, now)
        )  # fmt: skip

    def end(self, uow: UnitOfWork, user_id: str, session_id: str) -> None:
        """End one of a person's; raises NotFound."""
        for row in store.sessions_of(uow, user_id):
            if row.digest[:16] == session_id:
                store.drop_session(uow, row.digest)
                return
        raise NotFound("There is no such log-in session.", code="access.session")

    def end_all(self, uow: UnitOfWork, user_id: str, but: str | None = None) -> int:
        """End a person's, but the one with this secret; returns how many."""
        return store.drop_sessions_of(uow, user_id, but and digest(but))

    def log_out(self, uow: UnitOfWork, secret: str) -> None:
        """End the one with this secret; no error when it has ended already."""
        store.drop_session(uow, digest(secret))

    def _over(self, row: Any, now: datetime) -> bool:
        seen = clock.from_column(row.seen_at or row.created_at)
        idle = self._idle is not None and seen + self._idle + _TOUCH_EVERY <= now
        return bool(idle or clock.from_column(row.expires_at) <= now)


def news(noted: dict[str, datetime], key: str) -> bool:
    """Whether ``key`` was not noted within the last minute; notes it."""
    now = clock.now()
    before = noted.get(key)
    if before is not None and now - before < _TOUCH_EVERY:
        return False
    if len(noted) > 10_000:
        noted.clear()
    noted[key] = now
    return True


def browser_of(agent: str) -> str:
    """A User-Agent header in three words, for people to recognise their own devices; empty for none."""
    agent = agent[:400]
    name = next((name for name, mark in _BROWSERS if re.search(mark, agent)), "")
    system = next((name for name, mark in _SYSTEMS if re.search(mark, agent)), "")
    return f"{name} on {system}" if name and system else name or system
