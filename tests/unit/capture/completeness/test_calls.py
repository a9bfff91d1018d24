"""Call lists as switches export them: what is read, and each line that cannot be told by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.completeness import CallListReader, ExpectedCall, Pause, read_call_list
from candor.capture.completeness.calls import MOST_PAUSES, seconds
from candor.capture.completeness.numbers import comparable
from candor.errors import CandorError, InvalidInput

VECTORS = Path(__file__).resolve().parents[3] / "vectors" / "completeness"
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(seconds: float, start: datetime = NINE) -> datetime:
    return start + timedelta(seconds=seconds)


def read(name: str, **more: Any) -> tuple[ExpectedCall, ...]:
    found = read_call_list((VECTORS / name).read_bytes(), name, source="pbx", region="US", **more)
    assert found.errors == ()
    return found.calls


def test_a_list_in_plain_words() -> None:
    eight = at(-3600)
    assert read("generic.csv") == (
        ExpectedCall(
            call_id="C-1001", started_at=eight, duration=330.0, caller="+12025550143", callee="+12025550100",
            agent_id="a7", queue="Billing", source="pbx",
            pauses=(Pause(start=at(60, eight), stop=at(95, eight)), Pause(start=at(200, eight), stop=at(220.5, eight))),
        ),
        ExpectedCall(
            call_id="C-1002", started_at=at(600, eight), duration=120.0, caller="+12025550188", callee="+12025550100",
            agent_id="a8", recorded_expected=False, source="pbx",
        ),
        ExpectedCall(
            call_id="C-1003", started_at=at(1200, eight), callee="+12025550100", source="pbx",
            pauses=(Pause(start=at(1230, eight), stop=at(1260, eight)),),
        ),
    )  # fmt: skip


def test_asterisks_records_begin_with_the_answer() -> None:
    answered, not_answered = read("asterisk.csv", zone="Etc/UTC")
    assert (answered.call_id, answered.started_at, answered.duration) == ("1772438400.17", at(15), 60.0)
    assert (answered.caller, answered.recorded_expected) == ("+12025550143", True)
    assert not_answered.recorded_expected is False


def test_other_shapes() -> None:
    first, second = read("semicolons_windows_1252.csv")
    assert (first.started_at, first.duration, first.queue) == (NINE, 125.0, "Kundenservice Köln")
    assert (second.started_at, second.duration) == (at(0.5), 125.5)
    first, second = read("calls.jsonl")
    assert (first.started_at, first.duration, first.caller) == (at(10), 60.0, "+12025550143")
    assert (second.started_at, second.recorded_expected) == (at(0.25), False)


def test_each_bad_line_is_told_by_itself_and_never_quoted() -> None:
    data = (VECTORS / "bad_lines.csv").read_bytes()
    found = read_call_list(data, "bad_lines.csv", source="pbx")
    assert [call.call_id for call in found.calls] == ["fine"]
    assert [(line, error.code) for line, error in found.errors] == [
        (2, "calls.call_id"), (3, "calls.start"), (4, "calls.start"), (5, "calls.start"), (6, "calls.start"),
        (7, "calls.start"), (8, "calls.start"), (9, "calls.end"), (10, "calls.end"), (11, "calls.duration"),
        (12, "calls.duration"), (13, "calls.duration"), (14, "calls.pauses"), (15, "calls.pauses"),
        (16, "calls.recorded"), (17, "table.row"),
    ]  # fmt: skip
    assert all(error.message for _, error in found.errors)
    for _, error in found.errors:
        assert not any(word in str(error) for word in ("yesterday", "Mars", "later", "two minutes", "middle"))
    assert "time zone" in found.errors[2][1].message
    assert "happened twice" in found.errors[4][1].message


def test_the_last_line_of_an_id_counts_and_unknown_columns_are_told() -> None:
    found = read_call_list(
        b"id,start,colour\n1,2026-03-02T09:00:00Z,red\n1,2026-03-02T10:00:00Z,blue\n", "c.csv", source="pbx"
    )
    assert [call.started_at.hour for call in found.calls] == [10]
    assert "colour" in found.notes[0]
    assert "1 lines repeat" in found.notes[1]


@pytest.mark.parametrize("source", ["", "a/b", " x", "x" * 64, "=1+1"])
def test_a_list_needs_a_name(source: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        CallListReader(source=source)
    assert raised.value.code == "calls.source"


def test_objects_with_pauses() -> None:
    reader = CallListReader(source="api", region="US")
    start = "2026-03-02T09:00:00Z"
    found = reader.objects(
        [
            {"call_id": "1", "started_at": start, "duration": 60, "recorded_expected": True, "queue": None,
             "pauses": [{"start": "2026-03-02T09:00:10Z", "stop": "2026-03-02T09:00:20Z"}]},
            {"call_id": 2, "started_at": start, "pauses": [{"start": 5, "end": 10.5}], "colour": 1},
            {"call_id": "3", "started_at": start, "pauses": "5-10"},
            {"call_id": "4", "started_at": start, "pauses": [{"start": 5}]},
            {"call_id": "5", "started_at": start, "pauses": [7]},
            {"call_id": "6", "started_at": start, "pauses": [{"start": 1, "stop": 2}] * (MOST_PAUSES + 1)},
            {"call_id": "7", "started_at": {"a": 1}},
            {"call_id": "8" * 300, "started_at": start},
            {"call_id": "9", "started_at": start, "agent_id": "x" * 5000},
            {},
        ]
    )  # fmt: skip
    assert [call.call_id for call in found.calls] == ["1", "2", "3"]
    assert found.calls[0].pauses == (Pause(start=at(10), stop=at(20)),)
    assert found.calls[1].pauses == (Pause(start=at(5), stop=at(10.5)),)
    assert found.calls[2].pauses == (Pause(start=at(5), stop=at(10)),)
    assert [place for place, _ in found.errors] == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    ("text", "value"),
    [("125", 125), ("125.4", 125.4), ("0", 0), ("2:05", 125), ("0:02:05", 125), ("1:00:00.5", 3600.5)],
)
def test_lengths(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "region", "form"),
    [
        ("+1 (202) 555-0143", None, "+12025550143"),
        ("001 202 555 0143", None, "+12025550143"),
        ("202-555-0143", "US", "+12025550143"),
        ("202-555-0143", None, "2025550143"),
        ("tel:+1-202-555-0143", None, "+12025550143"),
        ("sip:+12025550143@10.0.0.1:5060;user=phone", None, "+12025550143"),
        ('"Anna" <sips:+12025550143@example.com>', None, "+12025550143"),
        ("sip:%2B12025550143@h", None, "+12025550143"),
        ("sip:Anna@example.com", None, "anna"),
        ("4711", "US", "4711"),
        ("anonymous", None, None),
        ("sip:anonymous@anonymous.invalid", None, None),
        ("", None, None),
        (None, None, None),
        ("9" * 200, None, None),
    ],
)
def test_numbers_compare_whatever_wrote_them(text: str | None, region: str | None, form: str | None) -> None:
    assert comparable(text, region) == form


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(["call_id", "start", "answered", "end", "duration", "talk", "tz", "caller",
                                        "pauses", "recorded", "disposition"]),
                       st.text(max_size=30) | st.sampled_from(["2026-03-02T09:00:00Z", "1772442000", "60", "1-2"])),
       st.sampled_from([None, "US", "Europe/Berlin"]))  # fmt: skip
def test_lines_raise_only_our_errors(fields: dict[str, str], region: str | None) -> None:
    reader = CallListReader(source="x", zone="Europe/Berlin", region=region)
    try:
        call = reader.line({"call_id": "1"} | fields)
    except CandorError:
        return
    assert call.duration is None or 0 <= call.duration <= 7 * 86400
    assert call.ended_at is None or call.ended_at.tzinfo is not None


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(["c.csv", "c.jsonl"]))
def test_lists_raise_only_our_errors(noise: bytes, name: str) -> None:
    try:
        read_call_list(b"call_id,start,pauses\n" + noise, name, source="x", zone="UTC")
    except CandorError:
        return


@settings(deadline=None, max_examples=200)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                    max_leaves=8))  # fmt: skip
def test_objects_raise_only_our_errors(value: Any) -> None:
    reader = CallListReader(source="x", zone="UTC")
    for key in ("call_id", "start", "pauses", "duration", "recorded", "caller"):
        reader.objects([{"call_id": "1", "start": "2026-03-02T09:00:00Z", key: value}])
