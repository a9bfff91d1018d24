"""Frames get sequence numbers and time stamps as RTP has them: whole to the sample, true in their gaps, never late."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.streams.timeline import Timeline, units

HOUR = 3600 * 1000


def places(frames: list[tuple[int | None, int | None]], length: int = 160) -> list[tuple[int, int]]:
    timeline = Timeline(8000)
    return [timeline.place("inbound", chunk, at_ms, length) for chunk, at_ms in frames]


def test_frames_that_follow_are_laid_end_to_end_though_their_stamps_tremble() -> None:
    assert places([(1, 5), (2, 26), (3, 43), (4, 67), (5, 85)]) == [(0, 40), (1, 200), (2, 360), (3, 520), (4, 680)]


def test_a_gap_in_time_is_a_gap_of_true_length_without_lost_frames() -> None:
    assert places([(1, 0), (2, 20), (3, 1_040)]) == [(0, 0), (1, 160), (2, 8_320)]


def test_lost_frames_leave_a_hole_in_both_counts() -> None:
    assert places([(1, 0), (4, 60)]) == [(0, 0), (3, 480)]


def test_a_frame_that_overtook_another_does_not_move_it() -> None:
    assert places([(1, 0), (3, 40), (2, 20), (4, 60)]) == [(0, 0), (2, 320), (1, 160), (3, 480)]


def test_a_repeated_frame_has_the_same_numbers() -> None:
    assert places([(1, 0), (2, 20), (2, 20), (3, 40)]) == [(0, 0), (1, 160), (1, 160), (2, 320)]


def test_a_sender_that_never_counts_is_counted() -> None:
    assert places([(None, None), (None, None), (None, None)]) == [(0, 0), (1, 160), (2, 320)]
    assert places([(1, 0), (1, 20), (1, 40)]) == [(0, 0), (1, 160), (2, 320)]


def test_one_count_for_both_tracks_loses_nothing() -> None:
    timeline = Timeline(8000)
    seen = [
        timeline.place(track, chunk, at_ms, 160)
        for track, chunk, at_ms in [
            ("outbound", 1, 5),
            ("inbound", 2, 5),
            ("outbound", 3, 25),
            ("inbound", 4, 25),
            ("outbound", 5, 45),
            ("inbound", 6, 45),
        ]
    ]
    assert seen == [(0, 40), (0, 40), (1, 200), (1, 200), (2, 360), (2, 360)]


def test_stamps_that_are_dates_count_from_the_first_of_both_tracks() -> None:
    timeline = Timeline(16000)
    assert timeline.place("inbound", 1, 1_772_442_000_020, 320) == (0, 0)
    assert timeline.place("outbound", 1, 1_772_442_000_040, 320) == (0, 320)
    assert timeline.place("inbound", 2, 1_772_442_000_041, 320) == (1, 320)


def test_a_senders_clock_that_is_set_back_does_not_put_new_sound_over_old() -> None:
    assert places([(1, 0), (2, 20), (3, 40), (4, 10), (5, 30), (6, 50)]) == [
        (0, 0),
        (1, 160),
        (2, 320),
        (3, 480),
        (4, 640),
        (5, 800),
    ]


def test_a_jump_that_no_call_makes_is_not_believed() -> None:
    assert places([(1, 0), (2, 20), (3, 40 + 2 * HOUR), (4, 60)])[2:] == [(2, 320), (3, 480)]
    assert places([(1, 9 * HOUR), (2, 20)]) == [(0, 0), (1, 160)]
    assert places([(1, None), (10**12, None)]) == [(0, 0), (1, 160)]


def test_a_second_track_without_stamps_begins_where_the_first_has_got_to() -> None:
    timeline = Timeline(8000)
    timeline.place("inbound", 1, 0, 160)
    timeline.place("inbound", 2, 20, 160)
    assert timeline.place("outbound", None, None, 160) == (0, 320)


def test_a_new_connection_goes_on_where_the_clock_on_the_wall_is() -> None:
    timeline = Timeline(8000)
    timeline.place("inbound", 1, 0, 160)
    timeline.place("inbound", 2, 20, 160)
    timeline.reconnect(1_000)
    assert timeline.place("inbound", 1, 0, 160) == (2, 320 + 8_000)
    assert timeline.place("inbound", 2, 20, 160) == (3, 320 + 8_160)
    assert timeline.place("outbound", 1, 40, 160) == (0, 320 + 8_320)


def test_numbers_wrap_as_in_rtp() -> None:
    timeline = Timeline(48_000)
    for chunk in range(70_000):
        timeline.place("inbound", chunk, chunk * 20, 960)
    ((sequence, at, _),) = timeline.cut("inbound", 70_000, 70_000 * 20, "opus", bytes([0b00001_0_00]))
    assert sequence == 70_000 - 2**16
    for half_hour in range(60):
        ((_, at, _),) = timeline.cut("inbound", None, 1_500_000 + half_hour * HOUR // 2, "opus", bytes([0b00001_0_00]))
    assert at == (1_500_000 + 59 * HOUR // 2) * 48 % 2**32


def test_long_frames_are_cut_into_packets_of_20_ms() -> None:
    timeline, sound = Timeline(8_000), bytes(range(250)) * 2
    assert timeline.cut("inbound", 1, 0, "PCMU", sound[:400]) == [
        (0, 0, sound[:160]),
        (1, 160, sound[160:320]),
        (2, 320, sound[320:400]),
    ]
    assert [(n, at, len(s)) for n, at, s in timeline.cut("inbound", 2, 50, "PCMU", sound)] == [
        (3, 400, 160),
        (4, 560, 160),
        (5, 720, 180),
    ]
    assert [(n, at) for n, at, _ in timeline.cut("inbound", 4, 162, "PCMU", sound[:80])] == [(9, 1_400)]


def test_l16_is_cut_between_its_samples() -> None:
    pieces = Timeline(16_000).cut("inbound", 1, 0, "L16", bytes(1_400))
    assert [(at, len(piece)) for _, at, piece in pieces] == [(0, 640), (320, 640), (640, 120)]


@settings(deadline=None, max_examples=200)
@given(st.permutations(range(12)), st.lists(st.integers(-4, 4), min_size=12, max_size=12))
def test_in_any_order_and_with_any_tremble_every_frame_finds_its_place(order: list[int], tremble: list[int]) -> None:
    order.remove(0)
    timeline = Timeline(8000)
    base = timeline.place("inbound", 1, 100, 160)[1]
    for frame in order:
        sequence, at = timeline.place("inbound", frame + 1, 100 + frame * 20 + tremble[frame], 160)
        assert sequence == frame
        assert at - base == frame * 160


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["inbound", "outbound"]),
            st.none() | st.integers(0, 2**53 - 1) | st.integers(0, 50),
            st.none() | st.integers(0, 2**53 - 1) | st.integers(0, 2_000),
            st.integers(1, 5_760),
        ),
        max_size=30,
    )
)
def test_whatever_a_sender_counts_the_numbers_fit_and_gaps_are_bounded(
    frames: list[tuple[str, int | None, int | None, int]],
) -> None:
    timeline = Timeline(8000)
    for track, chunk, at_ms, length in frames:
        before = timeline.end_ms
        for sequence, at, piece in timeline.cut(track, chunk, at_ms, "PCMU", bytes(length)):
            assert 0 <= sequence < 2**16
            assert 0 <= at < 2**32
            assert piece
        assert timeline.end_ms <= before + 2 * HOUR + 1_000 + 2  # each gap is rounded to a whole millisecond


@pytest.mark.parametrize(
    ("encoding", "payload", "expected"),
    [
        ("PCMU", bytes(160), 160),
        ("PCMA", bytes(80), 80),
        ("G722", bytes(160), 160),
        ("L16", bytes(640), 320),
        ("L16", b"\0", 1),
        ("AMR-WB", bytes(60), 320),
        ("opus", bytes([0b00001_0_00, 1]), 960),  # SILK, 20 ms, one frame (RFC 6716 section 3.1)
        ("opus", bytes([0b00011_0_00, 1]), 2880),
        ("opus", bytes([0b01101_0_01, 1]), 1920),  # hybrid, 20 ms, two frames
        ("opus", bytes([0b11100_0_00, 1]), 120),  # CELT, 2.5 ms
        ("opus", bytes([0b11111_0_11, 0b0000_0011, 1]), 2880),  # CELT, 20 ms, three frames
        ("opus", bytes([0b00011_0_11, 63]), 5760),
        ("opus", bytes([0b11111_0_11]), 960),
    ],
)
def test_lengths(encoding: str, payload: bytes, expected: int) -> None:
    assert units(encoding, payload) == expected
