"""Token buckets under a clock that the test moves."""

from __future__ import annotations

import pytest

from candor.kit import buckets
from candor.kit.buckets import Buckets


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    bucket = Buckets(2.0, 3, seconds=clock)
    assert [bucket.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now += 0.5
    assert bucket.take("a") == 0.0
    assert bucket.take("a") == 0.5
    clock.now += 3_600
    assert [bucket.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_each_key_has_its_own() -> None:
    bucket = Buckets(1.0, 1, seconds=Clock())
    assert bucket.take("a") == 0.0
    assert bucket.take("a") == 1.0
    assert bucket.take("b") == 0.0


def test_looking_counts_nothing() -> None:
    bucket = Buckets(1.0, 1, seconds=Clock())
    assert [bucket.wait("a") for _ in range(3)] == [0.0, 0.0, 0.0]
    bucket.take("a")
    assert bucket.wait("a") == 1.0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_MOST_KEYS", 10)
    bucket = Buckets(1.0, 1, seconds=Clock())
    for number in range(1_000):
        bucket.take(str(number))
    assert len(bucket._filled) == 10
    assert bucket.take("999") == 1.0


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 5), (1.0, 0.5)])
def test_a_bucket_that_can_never_fill_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="bucket"):
        Buckets(rate, burst)
