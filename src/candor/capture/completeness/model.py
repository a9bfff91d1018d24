"""What the phone system says, what is held, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from candor.kit.clock import require_aware


class Kind(StrEnum):
    """How a call and its recording can differ."""

    MISSING = "missing"
    """It should have been recorded, and nothing of it is held."""
    LATE = "late"
    """The recording begins well after the call."""
    SHORT = "short"
    """The recording ends early, or parts of the call are not in it."""
    SILENT = "silent"
    """Nothing can be heard on any channel, or nobody speaks."""
    ONE_SIDED = "one_sided"
    """One channel is silent: the sound of one party is missing."""
    DUPLICATE = "duplicate"
    """Several recordings of the same stretch of one call."""
    MISSED_PAUSE = "missed_pause"
    """Recording should have been paused, and was not."""
    UNEXPECTED = "unexpected"
    """A recording of a call that is in no list, or that should not have been recorded."""
    AMBIGUOUS = "ambiguous"
    """Several recordings could be the call's, and nothing tells which: somebody has to look."""
    UNRECORDED = "unrecorded"
    """Nothing of it is held, and rightly: it might not be recorded. It is closed with its reason from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A stretch in which nothing may be recorded."""

    start: datetime
    stop: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of a recording in which nothing was recorded."""

    start: float
    """Seconds from the recording's beginning."""
    stop: float
    lost: bool = False
    """True when it was not on purpose: the recorder died, or the sender dropped sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCall:
    """One line of the phone system's call list."""

    call_id: str
    started_at: datetime
    """Aware; when there was something to record, so of the answer, not of the ringing, where the list tells."""
    duration: float | None = None
    """Seconds; None where the list tells neither end nor length."""
    caller: str | None = None
    """E.164 where it could be normalised."""
    callee: str | None = None
    agent_id: str | None = None
    queue: str | None = None
    pauses: tuple[Pause, ...] = ()
    recorded_expected: bool = True
    """False: the list has it, and it should not have been recorded."""
    source: str = ""
    """The list's name."""
    key: str = ""
    """Of the row that holds it; the call id stands in when empty."""

    def __post_init__(self) -> None:
        require_aware(self.started_at)

    @property
    def id(self) -> str:
        """What discrepancies name it by."""
        return self.key or self.call_id

    @property
    def ended_at(self) -> datetime | None:
        """None when the list does not tell."""
        return None if self.duration is None else self.started_at + timedelta(seconds=self.duration)

    @property
    def numbers(self) -> frozenset[str]:
        """Of caller and callee, as far as they are given."""
        return frozenset(number for number in (self.caller, self.callee) if number)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedCall:
    """One recording that is held."""

    conversation_id: str
    external_id: str | None
    started_at: datetime
    duration: float | None
    """Seconds; None while it was not decoded yet."""
    numbers: frozenset[str] = frozenset()
    """Of everyone on the line, E.164 where they could be normalised."""
    agent_id: str | None = None
    silent_channels: tuple[bool, ...] | None = None
    """Which channels stay below -60 dBFS; None while nobody knows."""
    speech: float | None = None
    """Seconds of speech; None while nobody knows."""
    gaps: tuple[Gap, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        require_aware(self.started_at)

    @property
    def ended_at(self) -> datetime | None:
        """None while the length is not known."""
        return None if self.duration is None else self.started_at + timedelta(seconds=self.duration)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldCall:
    """A call of which nothing may be held. Of who called nothing is known any more."""

    call_id: str | None
    """The phone system's."""
    why: str
    """In a sentence, without names."""
    started_at: datetime | None = None
    seconds: float | None = None
    """How long it was seen; None where it was refused at the door, and its length is not known."""
    agent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One difference. It holds ids and seconds, no number and no name."""

    kind: Kind
    at: datetime
    """When the call began: by the list, else by the recording."""
    source: str = ""
    """The list; empty for a recording that is in none."""
    call_id: str | None = None
    expected: str | None = None
    """:attr:`ExpectedCall.id`."""
    conversations: tuple[str, ...] = ()
    """The recordings that it is about, in the order of their ids."""
    seconds: float | None = None
    """How late, how much is missing or should have been paused."""
    reason: str = ""
    """Why nothing of an unrecorded call is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """What still counts as the same."""

    late: float = 5.0
    """Seconds that a recording may begin after the call."""
    short: float = 5.0
    """Seconds that may be missing from it …"""
    short_share: float = 0.05
    """… or this share of the call, whichever is more."""
    pause: float = 2.0
    """Seconds that a pause may begin late or end early."""
    pauses_cut: bool = False
    """True where recorders cut pauses out and tell no gaps: a recording that is shorter by the pauses kept them."""
    start: float = 60.0
    """Without a common call id: seconds between the two beginnings."""
    duration: float = 10.0
    """Without a common call id and with one common number only: seconds between the two lengths …"""
    duration_share: float = 0.2
    """… or this share of the call, whichever is more."""
    margin: float = 10.0
    """Two assignments whose sums of seconds differ by less than this are not told apart."""
    speech: float = 0.5
    """Seconds of speech below which nobody speaks."""
