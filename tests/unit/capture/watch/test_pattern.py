"""Patterns of file names: what they find, what they refuse, and that no name makes them slow."""

from __future__ import annotations

import re
import time
from datetime import datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from candor.capture.watch.fields import KNOWN
from candor.capture.watch.pattern import compile_pattern
from candor.errors import CandorError, InvalidInput

USUAL = "{start:%Y%m%d_%H%M%S}_{caller}_{callee}_{agent_id}_{call_id}.wav"


@pytest.mark.parametrize(
    ("pattern", "key", "fields"),
    [
        (USUAL, "20260302_101500_+12025550143_100_a7_12.5.wav",
         {"start": "2026-03-02T10:15:00", "caller": "+12025550143", "callee": "100", "agent": "a7", "call_id": "12.5"}),
        (USUAL, "deep/er/20260302_101500_1_2_3_4_5.WAV",
         {"start": "2026-03-02T10:15:00", "caller": "1", "callee": "2", "agent": "3", "call_id": "4_5"}),
        (USUAL, "20260302_101500_1_2_3.wav", None),
        (USUAL, "20260302_101500_1_2_3_4.mp3", None),
        ("{start:%s}-{*}-{uniqueid}.{*}", "1772446500-x y-17.1.gsm", {"start": "2026-03-02T10:15:00+00:00",
                                                                      "call_id": "17.1"}),
        ("{start:%Y-%m-%d}/{queue}/{start:%H.%M.%S%z}_{Agent ID}.*", "2026-03-02/sales/10.15.00+0100_x.*",
         {"start": "2026-03-02T10:15:00+01:00", "queue": "sales", "agent": "x"}),
        ("{start:%Y-%m-%d}/{start:%H%M}{call_id}.wav", "2026-03-02/1015id9.wav",
         {"start": "2026-03-02T10:15:00", "call_id": "id9"}),
        ("{start:%d%b%y %I%M%p}__{ani}__{dnis}.wav", "02Mar26 0115PM__1_2__3.wav",
         {"start": "2026-03-02T13:15:00", "caller": "1_2", "callee": "3"}),
        ("rec+({call_id})[1].wav", "REC+(7)[1].WAV", {"call_id": "7"}),
        ("{start:%Y%j%H%M%S}.wav", "2026061101500.wav", {"start": "2026-03-02T10:15:00"}),
    ],
)  # fmt: skip
def test_what_names_mean(pattern: str, key: str, fields: dict[str, str] | None) -> None:
    assert compile_pattern(pattern, zoned=True).match(key) == fields


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("call.wav", "no part in braces"),
        ("{caller}{callee}.wav", "touch"),
        ("{start:%H%M%f}{caller}.wav", "touch"),
        ("{customer}.wav", "not known"),
        ("{file}.wav", "not known"),
        ("{caller", "no partner"),
        ("{{caller}}.wav", "no partner"),
        ("{caller}_{ani}.wav", "twice"),
        ("{caller:%Y}.wav", "only start"),
        ("{start}.wav", "no date format"),
        ("{start:}.wav", "no date format"),
        ("{start:%Y%m%d}.wav", "needs year"),
        ("{start:%Y%m%d%I%M}.wav", "needs year"),
        ("{start:%H%M%S}.wav", "needs year"),
        ("{start:%Y%m%d%H%M%Q}.wav", "directive"),
        ("{start:%Y%m%d%H%M%}.wav", "directive"),
        ("{start:%Y%m%d%H%M}_{start:%H}.wav", "stands twice"),
        ("{start:%s%f}.wav", "Unix time"),
        ("\\\\host\\{caller}.wav", "backslash"),
        ("/{caller}.wav", "starts with /"),
        ("{caller}" + "x" * 600, "longer"),
        ("_".join(f"{{{name}}}" for name in (*KNOWN, *["*"] * 20)), "more than"),
    ],
)
def test_what_makes_no_sense_is_told(pattern: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)) as raised:
        compile_pattern(pattern, zoned=True)
    assert raised.value.code == "watch.pattern"


def test_a_local_time_needs_a_zone() -> None:
    with pytest.raises(InvalidInput, match="no time zone"):
        compile_pattern(USUAL, zoned=False)
    assert compile_pattern(USUAL.replace("%S", "%S%z"), zoned=False).match("20260302_101500Z_1_2_3_4.wav")
    assert compile_pattern("{start:%s}.wav", zoned=False).match("1772446500.wav")


def test_a_date_that_no_calendar_has() -> None:
    with pytest.raises(InvalidInput) as raised:
        compile_pattern(USUAL, zoned=True).match("20260231_101500_1_2_3_4.wav")
    assert raised.value.code == "watch.name_start"


def test_no_name_is_slow() -> None:
    hard = compile_pattern("_a_".join(f"{{{name}}}" for name in KNOWN[2:]) + ".wav", zoned=True)
    began = time.process_time()
    for name in ("_a" * 450, "_a_" * 300, "_" * 999, "_a_a_" * 199 + ".wa", "a" * 5_000_000):
        hard.match(name)
    assert time.process_time() - began < 0.5


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60), st.text(max_size=80))
@example("{start:%Y%m%d%H%M}_{*}.wav", "202603021015_.wav")
def test_only_our_errors_and_only_text(pattern: str, name: str) -> None:
    try:
        found = compile_pattern(pattern, zoned=True).match(name)
    except CandorError:
        return
    assert found is None or all(isinstance(value, str) and value for value in found.values())


_VALUE = st.text("abcdefgh0123456789+-. ", min_size=1, max_size=12).map(str.strip).filter(bool)


@settings(deadline=None, max_examples=150)
@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)), _VALUE, _VALUE, _VALUE)  # noqa: DTZ001
def test_what_a_recorder_writes_is_read_back(start: datetime, caller: str, agent: str, call_id: str) -> None:
    start = start.replace(microsecond=0)
    name = f"{start:%Y%m%d_%H%M%S}_{caller}_100_{agent}_{call_id}.wav"
    assert compile_pattern(USUAL, zoned=True).match(name) == {
        "start": start.isoformat(), "caller": caller, "callee": "100", "agent": agent, "call_id": call_id
    }  # fmt: skip
