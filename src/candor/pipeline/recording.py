"""Steering calls that are being recorded, within one's reach; and what about the recorder needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture.control import RecorderClient
from candor.errors import InvalidInput
from candor.kit.database import Database

_TOLD_FOR = 86_400.0
_LATE_FOR = 3_600.0
_SPOTTING_STARTS = 30.0
_SPOTTING_LATE = 4.0
"""Seconds."""


class Reach(Protocol):
    """Whose calls somebody may steer: those that any of these names; all None: everybody's."""

    @property
    def teams(self) -> tuple[str, ...] | None:
        """These teams'."""

    @property
    def queues(self) -> tuple[str, ...] | None:
        """These queues'."""

    @property
    def agent_ids(self) -> tuple[str, ...] | None:
        """These agents'."""


def steer(
    database: Database, recorder: RecorderClient, verb: str, call_id: str, reach: Reach, *, by: str, reason: str = ""
) -> list[dict[str, Any]]:
    """Pause, resume or end every leg of a call, write down who did, and return the legs.

    Raises NotFound for a call outside ``reach``, Unavailable when no recorder runs.
    """
    if verb not in {"pause", "resume", "end"}:
        raise InvalidInput("A call can be paused, resumed and ended.", code="capture.verb")
    # The log's lock is taken first: what the recorder refuses is not written down, and what it does is.
    with database.write() as uow:
        legs = recorder.steer(verb, call_id, teams=reach.teams, queues=reach.queues, agents=reach.agent_ids)
        for leg in legs:
            audit.record(
                uow, Event.CALL_STEERED, by, conversation_id=str(leg["id"]), subject=verb, reason=reason.strip() or None
            )
    return legs


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about the recorder that needs a person."""

    message: str
    advice: str


def alarms(status: Mapping[str, Any]) -> list[Alarm]:
    """What in ``status`` should not stay as it is."""
    found = []
    trouble = status["spool"]["trouble"]
    if trouble:
        found.append(
            Alarm(
                f"The spool's disk takes nothing ({trouble}); {status['spool']['pending']:,} bytes wait in memory.",
                "Free space on the disk of the data folder now: when memory is full, sound is lost.",
            )
        )
    if status["left_open"] and status["uptime"] < _TOLD_FOR:
        calls = "a call" if status["left_open"] == 1 else f"{status['left_open']} calls"
        found.append(
            Alarm(
                f"An earlier recorder died during {calls}; what was sealed until then is kept.",
                "Look into the log for why it died. This is told for a day.",
            )
        )
    if status["late"] and status["late_ago"] < _LATE_FOR:
        times = "once" if status["late"] == 1 else f"{status['late']} times"
        found.append(
            Alarm(
                f"The recorder came late {times}, last {_ago(status['late_ago'])} ago.",
                "The machine is overloaded: give the recorder a core of its own.",
            )
        )
    return [*found, *_deaf(status)]


def gone(recorder: RecorderClient, *, expected: bool) -> list[Alarm]:
    """The alarm for a recorder that does not answer, where one should: it died, or cannot start."""
    if not recorder.died and not expected:
        return []
    return [
        Alarm(
            "The recorder does not answer: calls are not being recorded.",
            "Look into the log for why it ended; `candor serve` starts it again by itself. "
            "Set CANDOR_RECORDER=false where none should run.",
        )
    ]


def _deaf(status: Mapping[str, Any]) -> list[Alarm]:
    """What keeps phrases and objections from being heard, where they are listened for."""
    spotting = status["spotting"]
    if not (status["pause_phrases"] or status["objections"]):
        return []
    if spotting is None and status["uptime"] < _SPOTTING_STARTS:
        return []
    if spotting is None or spotting["ago"] > _SPOTTING_STARTS:
        return [
            Alarm(
                "Nobody listens for phrases that pause recording and for objections to it.",
                "Run `candor spotter` beside the recorder (`candor serve` does); the log says why it ended.",
            )
        ]
    if spotting["behind"] > _SPOTTING_LATE:
        return [
            Alarm(
                f"What pauses or stops recording is heard {spotting['behind']:.0f} seconds late.",
                "More is spoken at once than one core can follow: see docs/reference/capture-speed.md.",
            )
        ]
    return []


def _ago(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "a minute" if minutes <= 1 else f"{minutes} minutes"
