"""Each kind of difference is found, none is guessed, and the same lists always tell the same."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.completeness import CapturedCall, Discrepancy, ExpectedCall, Gap, Kind, Pause, Tolerances, reconcile
from candor.capture.completeness.matching import _hungarian, match, normal_id
from candor.capture.completeness.model import WithheldCall

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CUSTOMER, LINE, AGENT = "+12025550143", "+12025550100", "a7"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def call(call_id: str = "c-1", start: float = 0.0, duration: float | None = 100.0, **more: Any) -> ExpectedCall:
    given: dict[str, Any] = {"caller": CUSTOMER, "callee": LINE, "agent_id": AGENT}
    return ExpectedCall(call_id=call_id, started_at=at(start), duration=duration, **(given | more))


def recording(
    an_id: str = "r-1", external_id: str | None = "c-1", start: float = 0.0, duration: float | None = 100.0, **more: Any
) -> CapturedCall:
    given: dict[str, Any] = {"numbers": frozenset({CUSTOMER, LINE}), "agent_id": AGENT}
    return CapturedCall(
        conversation_id=an_id, external_id=external_id, started_at=at(start), duration=duration, **(given | more)
    )


def told(found: Iterable[Discrepancy]) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return [(each.kind.value, each.expected, each.conversations) for each in found]


def pause(start: float, stop: float) -> Pause:
    return Pause(start=at(start), stop=at(stop))


def test_what_agrees_is_not_told() -> None:
    assert reconcile([call()], [recording(silent_channels=(False, False), speech=40.0)]) == []
    assert reconcile([], [recording()]) == []  # without a list nothing is unexpected
    assert reconcile([], []) == []


@pytest.mark.parametrize(
    ("expected", "captured", "kinds"),
    [
        (call(), [], ["missing"]),
        (call(recorded_expected=False), [], []),
        (call(recorded_expected=False), [recording()], ["unexpected"]),
        (call(), [recording(start=5, duration=95)], []),
        (call(), [recording(start=6, duration=94)], ["late"]),
        (call(), [recording(start=-30, duration=100)], []),  # clocks differ
        (call(), [recording(duration=95)], []),
        (call(), [recording(duration=94.9)], ["short"]),
        (call(duration=1000), [recording(duration=951)], []),
        (call(duration=1000), [recording(duration=949)], ["short"]),
        (call(), [recording(start=20, duration=60)], ["late", "short"]),
        (call(duration=None), [recording(duration=3)], []),
        (call(), [recording(duration=None)], []),
        (call(), [recording(silent_channels=(True, True))], ["silent"]),
        (call(), [recording(silent_channels=(True,))], ["silent"]),
        (call(), [recording(silent_channels=(False, True))], ["one_sided"]),
        (call(), [recording(silent_channels=(False, False), speech=0.0)], ["silent"]),
        (call(), [recording(silent_channels=(False, True), speech=0.0)], ["silent"]),
        (call(), [recording(), recording("r-2", start=1)], ["duplicate"]),
        (call(), [recording(duration=50), recording("r-2", start=50, duration=50)], []),  # two pieces
        (call(), [recording(duration=50), recording("r-2", start=60, duration=40)], ["short"]),
        (call(pauses=(pause(20, 40),)), [recording()], ["missed_pause"]),
        (call(pauses=(pause(20, 40),)), [recording(gaps=(Gap(start=21, stop=39),))], []),
        (call(pauses=(pause(20, 40),)), [recording(gaps=(Gap(start=21, stop=30), Gap(start=30, stop=39)))], []),
        (call(pauses=(pause(20, 40),)), [recording(gaps=(Gap(start=30, stop=40),))], ["missed_pause"]),
        (call(pauses=(pause(20, 40), pause(60, 70))), [recording(gaps=(Gap(start=20, stop=40),))], ["missed_pause"]),
        (call(), [recording(gaps=(Gap(start=20, stop=40),))], []),  # a pause that nobody listed is the agent's affair
        (call(), [recording(gaps=(Gap(start=20, stop=24, lost=True), Gap(start=30, stop=34, lost=True)))], ["short"]),
        (call(pauses=(pause(20, 22),)), [recording()], []),  # no longer than the tolerance
        (call(pauses=(pause(80, 100),)), [recording(duration=75)], ["short"]),  # nothing of the pause is in it
        (call(pauses=(pause(20, 40),)), [recording(), recording("r-2", gaps=(Gap(start=20, stop=40),))],
         ["duplicate", "missed_pause"]),
    ],
)  # fmt: skip
def test_every_kind(expected: ExpectedCall, captured: list[CapturedCall], kinds: list[str]) -> None:
    assert sorted(each.kind.value for each in reconcile([expected], captured)) == sorted(kinds)


WHY = "Somebody on the line has refused to be recorded."


@pytest.mark.parametrize(
    ("calls", "captured", "withheld", "kinds"),
    [
        ([call()], [], "c-1", ["unrecorded"]),
        ([call()], [], "C-1@sbc.example.com", ["unrecorded"]),
        ([call()], [], "c-2", ["missing"]),
        ([call(call_id="")], [], "", ["missing"]),
        ([call(recorded_expected=False)], [], "c-1", []),
        # One leg was withheld and the other is held: the recording counts.
        ([call()], [recording()], "c-1", []),
        ([call()], [recording(duration=50)], "c-1", ["short"]),
        # Somebody refuses, calls again within the minute and agrees: that recording is not the first call's.
        ([call()], [recording(external_id=None, start=30)], "c-1", ["unrecorded", "unexpected"]),
        # Ids that could be two calls' tell nothing, unless one is exactly it.
        ([call("c-1@a"), call("c-1@b")], [], "c-1", ["missing", "missing"]),
        ([call("c-1@a"), call("c-1@b")], [], "c-1@b", ["missing", "unrecorded"]),
    ],
)
def test_what_might_not_be_recorded_is_not_missing(
    calls: list[ExpectedCall], captured: list[CapturedCall], withheld: str, kinds: list[str]
) -> None:
    found = reconcile(calls, captured, withheld=[WithheldCall(call_id=withheld, why=WHY)])
    assert [each.kind for each in found] == kinds
    assert {each.reason for each in found} <= {"", WHY}
    assert all((each.reason == WHY) is (each.kind is Kind.UNRECORDED) for each in found)


def test_recorders_that_cut_pauses_out() -> None:
    limits = Tolerances(pauses_cut=True)
    paused = call(pauses=(pause(20, 40),))
    assert reconcile([paused], [recording(duration=80)], limits) == []
    assert [each.kind for each in reconcile([paused], [recording(duration=99)], limits)] == [Kind.MISSED_PAUSE]
    assert [each.kind for each in reconcile([paused], [recording(duration=60)], limits)] == [Kind.SHORT]
    kept = recording(gaps=(Gap(start=20, stop=40),))
    assert reconcile([paused], [kept], limits) == []


def test_what_is_told_of_a_difference() -> None:
    (late,) = reconcile([call(source="pbx", key="row-9")], [recording(start=30, duration=70)])
    assert late == Discrepancy(
        kind=Kind.LATE, at=at(0), source="pbx", call_id="c-1", expected="row-9", conversations=("r-1",), seconds=30.0
    )
    (short,) = reconcile([call()], [recording(duration=60)])
    assert short.seconds == 40.0
    (missed,) = reconcile([call(pauses=(pause(20, 40),))], [recording(gaps=(Gap(start=20, stop=30),))])
    assert missed.seconds == 8.0
    for each in (late, short, missed):
        assert CUSTOMER not in repr(each)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("ABC-1", "abc-1"),
        ("{018f0000-0000-7000-8000-0000000000AB}", "018f00000000700080000000000000ab"),
        ("urn:uuid:018f0000-0000-7000-8000-0000000000ab", "018F0000-0000-7000-8000-0000000000AB"),
        ("a84b4c76e66710@pc33.example.com", "a84b4c76e66710"),
        (" <c-1> ", "c-1"),
    ],
)
def test_call_ids_that_systems_changed(ours: str, theirs: str) -> None:
    assert reconcile([call(ours)], [recording(external_id=theirs)]) == []
    assert normal_id("1-23") != normal_id("12-3")


def test_ids_that_differ_only_in_what_was_taken_away_are_not_guessed() -> None:
    found = reconcile([call("c-1@a"), call("c-1@b", start=500)], [recording(external_id="C-1")])
    assert told(found) == [("ambiguous", "c-1@a", ("r-1",)), ("ambiguous", "c-1@b", ("r-1",))]
    assert reconcile([call("c-1@a"), call("c-1@b", start=500)],
                     [recording(external_id="c-1@a"), recording("r-2", "c-1@b", start=500)]) == []  # fmt: skip


def test_without_an_id_in_common_people_and_time_decide() -> None:
    assert reconcile([call()], [recording(external_id="other", start=3)]) == []
    # both numbers are the same: a short recording is the call's, only short
    assert told(reconcile([call()], [recording(external_id=None, duration=20)])) == [("short", "c-1", ("r-1",))]
    # one number only: the length must fit, too
    alone = {"numbers": frozenset({CUSTOMER}), "agent_id": None}
    assert reconcile([call()], [recording(external_id=None, duration=92, **alone)]) == [
        Discrepancy(kind=Kind.SHORT, at=at(0), call_id="c-1", expected="c-1", conversations=("r-1",), seconds=8.0)
    ]
    assert [each.kind for each in reconcile([call()], [recording(external_id=None, duration=20, **alone)])] == [
        Kind.MISSING, Kind.UNEXPECTED,
    ]  # fmt: skip
    # the agent's next call is not this one
    assert [each.kind for each in reconcile([call()], [recording(external_id=None, start=61)])] == [
        Kind.MISSING, Kind.UNEXPECTED,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"numbers": frozenset(), "agent_id": None},  # nobody is known: time alone is nothing
        {"numbers": frozenset({"+12025550188"}), "agent_id": None},
        {"numbers": frozenset({"+12025550188", LINE}), "agent_id": "a8"},
        {"numbers": frozenset({"+12025550188"}), "agent_id": AGENT},  # same agent, another customer
        {"numbers": frozenset({CUSTOMER}), "agent_id": "a8"},  # same customer, another agent
    ],
)
def test_the_same_moment_is_not_the_same_call(more: dict[str, Any]) -> None:
    found = reconcile([call()], [recording(external_id=None, **more)])
    assert [each.kind for each in found] == [Kind.MISSING, Kind.UNEXPECTED]


def test_a_hotline_in_common_tells_nothing() -> None:
    calls = [call(f"c-{n}", start=n * 10, caller=f"+1202555{n:04}", agent_id=None) for n in range(20)]
    same_line = [
        recording(f"r-{n:02}", None, start=n * 10 + 1, numbers=frozenset({LINE}), agent_id=None) for n in range(20)
    ]
    found = reconcile(calls, same_line)
    assert {each.kind for each in found} == {Kind.MISSING, Kind.UNEXPECTED}
    known = [
        recording(f"r-{n:02}", None, start=n * 10 + 1, numbers=frozenset({LINE, f"+1202555{n:04}"}), agent_id=None)
        for n in range(20)
    ]
    assert reconcile(calls, known) == []


def test_a_second_call_within_a_minute_finds_its_own_recording() -> None:
    calls = [call("c-1", duration=20), call("c-2", start=40, duration=20)]
    recordings = [recording("r-2", None, start=41, duration=20), recording("r-1", None, start=1, duration=20)]
    assert reconcile(calls, recordings) == []
    assert told(reconcile(calls, recordings[:1])) == [("missing", "c-1", ())]
    assert told(reconcile(calls, recordings[1:])) == [("missing", "c-2", ())]


def test_what_fits_two_calls_alike_is_not_guessed() -> None:
    calls = [call("c-1", start=0, duration=20), call("c-2", start=40, duration=20)]
    found = reconcile(calls, [recording("r-1", None, start=20, duration=20)])
    assert told(found) == [("ambiguous", "c-1", ("r-1",)), ("ambiguous", "c-2", ("r-1",))]
    found = reconcile([call()], [recording("r-1", None, start=1), recording("r-2", None, start=2)])
    assert told(found) == [("ambiguous", "c-1", ("r-1", "r-2"))]


def test_a_second_recording_without_an_id_is_a_duplicate() -> None:
    found = reconcile([call()], [recording("r-1", None, start=0), recording("r-2", None, start=30, duration=70)])
    assert told(found) == [("duplicate", "c-1", ("r-1", "r-2"))]


def test_a_crowd_that_cannot_be_told_apart_is_ambiguous_and_quick() -> None:
    calls = [call(f"c-{n}", start=n % 50) for n in range(300)]
    recordings = [recording(f"r-{n:03}", None, start=n % 50) for n in range(300)]
    began = time.process_time()
    found = reconcile(calls, recordings)
    assert time.process_time() - began < 30  # else every pair was compared with every other
    assert {each.kind for each in found} == {Kind.AMBIGUOUS}
    assert len(found) == 300


def test_each_list_is_held_against_all_recordings() -> None:
    pbx, acd = call("p-1", source="pbx"), call("a-1", source="acd", start=2)
    assert reconcile([pbx, acd], [recording(external_id="p-1")]) == []
    missing = reconcile([pbx, acd], [])
    assert [(each.kind, each.source) for each in missing] == [(Kind.MISSING, "pbx"), (Kind.MISSING, "acd")]


def test_unexpected_only_where_lists_speak() -> None:
    stranger = recording("r-9", "x", start=5000, numbers=frozenset({"+12025550188"}))
    assert reconcile([call()], [recording(), stranger]) == []
    assert told(reconcile([call()], [recording(), stranger], listed=(at(0), at(6000)))) == [
        ("unexpected", None, ("r-9",))
    ]  # fmt: skip


def test_tolerances_are_settings() -> None:
    strict = Tolerances(late=1, short=1, short_share=0, pause=0)
    assert [each.kind for each in reconcile([call()], [recording(start=2, duration=96.5)], strict)] == [
        Kind.LATE, Kind.SHORT,
    ]  # fmt: skip


_SECONDS = st.floats(-100, 4000, allow_nan=False)
_CALLS = st.lists(
    st.builds(
        call, st.sampled_from("ABCDabcd"), _SECONDS, st.none() | st.floats(0, 600),
        caller=st.sampled_from([None, "+1", "+2", "+3"]), callee=st.sampled_from([None, "+4", "+5"]),
        agent_id=st.sampled_from([None, "x", "y"]), recorded_expected=st.booleans(), source=st.sampled_from(["p", "q"]),
        pauses=st.lists(st.builds(pause, st.floats(0, 50), st.floats(50, 90)), max_size=2).map(tuple),
    ),
    max_size=9, unique_by=lambda each: (each.source, each.call_id),
)  # fmt: skip
_RECORDINGS = st.lists(
    st.builds(
        recording, st.uuids().map(str), st.none() | st.sampled_from("ABCDabcd"), _SECONDS,
        st.none() | st.floats(0, 600),
        numbers=st.frozensets(st.sampled_from(["+1", "+2", "+3", "+4", "+5"]), max_size=3),
        agent_id=st.sampled_from([None, "x", "y"]),
        silent_channels=st.none() | st.lists(st.booleans(), min_size=1, max_size=2).map(tuple),
        gaps=st.lists(st.builds(Gap, start=st.floats(0, 50), stop=st.floats(50, 90)), max_size=2).map(tuple),
    ),
    max_size=9, unique_by=lambda each: each.conversation_id,
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(_CALLS, _RECORDINGS, st.randoms(use_true_random=False))
def test_every_call_and_recording_is_accounted_for_once(
    calls: list[ExpectedCall], recordings: list[CapturedCall], chance: random.Random
) -> None:
    found = reconcile(calls, recordings)
    shuffled = reconcile(chance.sample(calls, len(calls)), chance.sample(recordings, len(recordings)))
    assert found == shuffled
    for source in {each.source for each in calls}:
        mine = [each for each in calls if each.source == source]
        matches = match(mine, recordings, Tolerances())
        owners = [c for e, c in matches.by_people.items()] + [c for each in matches.doubles.values() for c in each]
        assert len(owners) == len(set(owners))
        assert not set(owners) & {c for each in matches.by_id.values() for c in each}
        for e, c in matches.by_people.items():
            assert mine[e].numbers & recordings[c].numbers or mine[e].agent_id == recordings[c].agent_id
            assert abs((mine[e].started_at - recordings[c].started_at).total_seconds()) <= 60
        for e, one in enumerate(mine):
            has = e in matches.by_id or e in matches.by_people or e in matches.ambiguous
            missing = any(
                each.kind is Kind.MISSING and each.source == source and each.expected == one.id for each in found
            )
            assert missing == (one.recorded_expected and not has)
    assert all(each.seconds is None or each.seconds >= 0 for each in found)


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(st.integers(0, 20), min_size=n, max_size=n), min_size=n,
                                                    max_size=n)))  # fmt: skip
def test_the_assignment_is_the_best(matrix: list[list[int]]) -> None:
    size = len(matrix)
    chosen = _hungarian(matrix)
    assert sorted(chosen) == list(range(size))
    best = min(sum(matrix[r][c] for r, c in enumerate(columns)) for columns in itertools.permutations(range(size)))
    assert sum(matrix[r][c] for r, c in enumerate(chosen)) == best


def test_a_days_calls_are_reconciled_quickly() -> None:
    chance = random.Random(3)
    calls = [
        call(f"c-{n}", start=n * 3.0, caller=f"+1202{n % 9000:07}", agent_id=f"a{n % 200}",
             duration=chance.uniform(30, 600))
        for n in range(20_000)
    ]  # fmt: skip
    recordings = [
        recording(f"r-{n:05}", None if n % 2 else each.call_id, start=n * 3.0 + 1, duration=each.duration,
                  numbers=each.numbers, agent_id=each.agent_id)
        for n, each in enumerate(calls) if n % 100
    ]  # fmt: skip
    began = time.process_time()
    found = reconcile(calls, recordings)
    assert time.process_time() - began < 60
    assert [each.kind for each in found] == [Kind.MISSING] * 200
