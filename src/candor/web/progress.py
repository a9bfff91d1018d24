"""How far the processing has come, for the strip on the list: count, rate and time left.

A batch begins when work appears and ends when none is left. Rates come from what this process has seen over the last
minutes, per reach of rights, so that nobody learns of work outside their own.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from candor.kit import clock
from candor.replay.model import Facets, Scope, Status

WINDOW_SECONDS = 180
_MOST_SCOPES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The state of the batch."""

    done: int
    total: int
    attention: int
    per_minute: float | None
    """None until something has finished."""
    seconds_left: float | None

    @property
    def running(self) -> bool:
        """True while work is left."""
        return self.done < self.total


class _Meter:
    def __init__(self, finished: int) -> None:
        self.base = finished
        self.samples: deque[tuple[datetime, int]] = deque()


class ProgressBoard:
    """Meters by reach of rights; safe from several threads."""

    def __init__(self) -> None:
        self._meters: OrderedDict[Scope, _Meter] = OrderedDict()
        self._lock = Lock()

    def look(self, facets: Facets, scope: Scope) -> Progress:
        """The progress that the counts of ``facets`` show."""
        counts = dict(facets.statuses)
        pending = counts.get(Status.QUEUED, 0) + counts.get(Status.PROCESSING, 0)
        attention = counts.get(Status.NEEDS_ATTENTION, 0)
        finished = counts.get(Status.READY, 0) + attention
        with self._lock:
            if pending == 0:
                self._meters.pop(scope, None)
                return Progress(done=0, total=0, attention=attention, per_minute=None, seconds_left=None)
            meter = self._meters.setdefault(scope, _Meter(finished))
            self._meters.move_to_end(scope)
            if len(self._meters) > _MOST_SCOPES:
                self._meters.popitem(last=False)
            meter.base = min(meter.base, finished)
            now = clock.now()
            meter.samples.append((now, finished))
            while (now - meter.samples[0][0]).total_seconds() > WINDOW_SECONDS:
                meter.samples.popleft()
            began, at_start = meter.samples[0]
            seconds = (now - began).total_seconds()
            grown = finished - at_start
            per_second = grown / seconds if seconds > 0 and grown > 0 else None
            done = finished - meter.base
        return Progress(
            done=done,
            total=done + pending,
            attention=attention,
            per_minute=per_second * 60 if per_second else None,
            seconds_left=pending / per_second if per_second else None,
        )
