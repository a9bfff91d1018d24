"""Gaps as people are told of them."""

from __future__ import annotations

from candor.conversation.model import Gap, told_once


def gap(start: float, stop: float, reason: str = "on_hold", channel: int | None = None) -> Gap:
    return Gap(start=start, stop=stop, reason=reason, channel=channel)


def test_what_each_stream_says_for_itself_is_told_once() -> None:
    one, other = gap(8.0, 12.0, channel=0), gap(8.002, 12.001, channel=1)
    pause, later = gap(8.001, 12.0, "paused"), gap(9.5, 12.0, channel=1)
    longer = gap(8.003, 15.0, channel=2)
    assert told_once([later, other, pause, one, longer]) == (one, pause, longer, later)
    assert told_once([]) == ()
