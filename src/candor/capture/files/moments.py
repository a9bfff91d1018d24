"""When a call began, as people and programs write it: ISO 8601, with a zone or beside a zone's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from candor.errors import InvalidInput
from candor.kit import clock


def moment(text: str, zone: str | None = None) -> tuple[datetime, tuple[str, ...]]:
    """``text`` (ISO 8601 date and time) as an aware datetime, with notes.

    ``zone`` is an IANA name and counts only when the text has no offset of its own. Raises InvalidInput with code
    ``start.format``, ``start.no_zone``, ``start.zone``, ``start.nonexistent`` or ``start.ambiguous``.
    """
    text = text.strip()
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            "The start is not a date and time in ISO 8601.",
            code="start.format", advice="Write it like 2026-03-01T14:05:00+01:00.",
        ) from None  # fmt: skip
    if ":" not in text and len(text) <= len("2026-03-01"):
        raise InvalidInput(
            "The start has a date but no time of day.", code="start.format",
            advice="Write it like 2026-03-01T14:05:00+01:00.",
        )  # fmt: skip
    notes: tuple[str, ...] = ()
    if parsed.tzinfo is None:
        if not zone:
            raise InvalidInput(
                "The start has no time zone.", code="start.no_zone",
                advice="Add an offset (2026-03-01T14:05:00+01:00) or a tz column with a name like Europe/Berlin.",
            )  # fmt: skip
        parsed = _in_zone(parsed, zone)
    elif zone:
        known = _zone(zone)
        if parsed.astimezone(known).utcoffset() != parsed.utcoffset():
            notes = (f"The start's own offset differs from the zone {zone}; the offset was used.",)
    try:
        in_utc = parsed.astimezone(UTC)
    except OverflowError:
        raise InvalidInput("The start is outside the calendar.", code="start.format") from None
    if in_utc > clock.now() + timedelta(days=1):
        notes += ("The start lies in the future.",)
    return parsed, notes


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder of the zone database
        raise InvalidInput(
            "The time zone is not known.",
            code="start.zone",
            advice="Use a name like Europe/Berlin or America/New_York.",
        ) from None


def _in_zone(local: datetime, name: str) -> datetime:
    """Raises when the clocks skipped this local time or showed it twice (PEP 495)."""
    zone = _zone(name)
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise InvalidInput(
            f"The local time {local:%Y-%m-%d %H:%M} does not exist in {name}: the clocks were put forward over it.",
            code="start.nonexistent", advice="Check the recorder's clock, or write the start with an offset.",
        )  # fmt: skip
    raise InvalidInput(
        f"The local time {local:%Y-%m-%d %H:%M} happened twice in {name}: the clocks were put back.",
        code="start.ambiguous", advice="Write the start with its offset, for example +01:00.",
    )  # fmt: skip
