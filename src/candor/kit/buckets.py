"""Token buckets: how often something may happen, for many keys at once, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEYS = 20_000


class Buckets:
    """``rate`` times a second on the long run, ``burst`` at once, for each key by itself."""

    def __init__(self, rate: float, burst: float, *, seconds: Callable[[], float] = time.monotonic) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above nought and room for one")
        self._rate, self._burst, self._seconds = rate, burst, seconds
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By key: (how much was in it, when), the longest untouched first."""
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Count one; returns the seconds to wait before it is allowed, 0.0 when it is."""
        with self._lock:
            now = self._seconds()
            level = self._level(key, now)
            if level < 1:
                return (1 - level) / self._rate
            self._filled[key] = (level - 1, now)
            self._filled.move_to_end(key)
            # The oldest is the fullest or nearly so: forgetting it gives away little.
            if len(self._filled) > _MOST_KEYS:
                self._filled.popitem(last=False)
            return 0.0

    def wait(self, key: str) -> float:
        """As :meth:`take`, but nothing is counted."""
        with self._lock:
            return max(0.0, (1 - self._level(key, self._seconds())) / self._rate)

    def _level(self, key: str, now: float) -> float:
        left, then = self._filled.get(key, (self._burst, now))
        return min(self._burst, left + (now - then) * self._rate)
