"""The one source of time. Aware datetimes, UTC; tests move it with :func:`freeze`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The present, aware, in UTC."""
    return _source()


def require_aware(moment: datetime) -> datetime:
    """Return ``moment`` in UTC; a naive datetime is a programming error here, so it raises ``ValueError``."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone reached the inside of the product")
    return moment.astimezone(UTC)


def to_column(moment: datetime) -> datetime:
    """For a database column without a zone: UTC, without saying so."""
    return require_aware(moment).replace(tzinfo=None)


def from_column(moment: datetime) -> datetime:
    """What :func:`to_column` wrote, aware again."""
    return moment.replace(tzinfo=UTC)


def from_unix_ns(nanoseconds: int) -> datetime:
    """Unix time in nanoseconds as a datetime, to the microsecond."""
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC) + timedelta(
        microseconds=nanoseconds % 1_000_000_000 // 1_000
    )


def to_unix_ns(moment: datetime) -> int:
    """The inverse of :func:`from_unix_ns`."""
    since = require_aware(moment) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


@contextmanager
def freeze(moment: datetime) -> Iterator[Callable[[timedelta], None]]:
    """Stop the clock at ``moment``; the yielded function moves it on."""
    global _source  # noqa: PLW0603  the clock is the one deliberate global
    held = require_aware(moment)

    def advance(by: timedelta) -> None:
        nonlocal held
        held += by

    before, _source = _source, lambda: held
    try:
        yield advance
    finally:
        _source = before
