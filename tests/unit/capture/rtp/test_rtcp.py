"""RTCP: golden packets, round trips, and everything that is cut off or makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.rtp import rtcp
from candor.capture.rtp.rtcp import (
    Goodbye,
    Packet,
    ReceiverReport,
    ReportBlock,
    RtcpError,
    SenderReport,
    SourceDescription,
)

FOLDER = Path(__file__).parents[3] / "vectors/rtp/rtcp"
NAMES = sorted(path.stem for path in FOLDER.glob("*.hex"))
BROKEN = [name for name in NAMES if name.startswith("bad-")]
GOOD = [name for name in NAMES if not name.startswith("bad-")]


def golden(name: str) -> bytes:
    """The bytes of a file: hexadecimal, with comments."""
    lines = (FOLDER / f"{name}.hex").read_text().splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


SENDER = SenderReport(ssrc=0x11223344, ntp=0xE5F00C00_80000000, rtp_timestamp=65_536, packets=100, octets=16_000)
BLOCK = ReportBlock(
    ssrc=0x55667788,
    fraction_lost=64,
    cumulative_lost=-2,
    highest_sequence=0x1000A,
    jitter=20,
    last_sender_report=0x0C008000,
    delay_since_sender_report=65_536,
)
HEARD = ReportBlock(ssrc=0x55667788, fraction_lost=1, cumulative_lost=5, highest_sequence=0x10010, jitter=3)
COLLECTOR = SourceDescription(names=((0x11223344, "collector"),))
EXPECTED: dict[str, tuple[Packet, ...]] = {
    "sr": (SENDER,),
    "sr-rr-block-sdes": (
        SenderReport(
            ssrc=0x11223344,
            ntp=0xE5F00C00_80000000,
            rtp_timestamp=65_536,
            packets=100,
            octets=16_000,
            reports=(BLOCK,),
        ),
        COLLECTOR,
    ),
    "rr-empty-sdes": (ReceiverReport(ssrc=0x11223344), COLLECTOR),
    "rr-profile-extension": (ReceiverReport(ssrc=0x11223344, reports=(HEARD,)),),
    "sdes-many-items": (SourceDescription(names=((1, "a/b"), (2, "x"))),),
    "bye-reason": (Goodbye(ssrcs=(1, 2), reason="holden"),),
    "bye-none": (Goodbye(ssrcs=()),),
    "unknown-kinds": (Goodbye(ssrcs=(0x11223344,)),),
    "padded-last": (ReceiverReport(ssrc=0x11223344), Goodbye(ssrcs=(0x11223344,))),
}


def test_every_golden_file_has_its_expectation() -> None:
    assert set(GOOD) == set(EXPECTED)
    assert len(BROKEN) > 15


@pytest.mark.parametrize("name", GOOD)
def test_golden_packets_are_read(name: str) -> None:
    assert rtcp.parse(golden(name)) == EXPECTED[name]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_packets_are_refused(name: str) -> None:
    with pytest.raises(RtcpError):
        rtcp.parse(golden(name))


@pytest.mark.parametrize("name", GOOD)
def test_every_cut_is_refused_or_ends_between_packets(name: str) -> None:
    data = golden(name)
    for length in range(len(data)):
        try:
            found = rtcp.parse(data[:length])
        except RtcpError:
            continue
        assert length % 4 == 0
        assert found == EXPECTED[name][: len(found)]


def test_what_is_rendered_is_what_the_golden_files_hold() -> None:
    for name in ("sr", "sr-rr-block-sdes", "rr-empty-sdes", "bye-reason", "bye-none"):
        assert rtcp.render(EXPECTED[name]) == golden(name)


NUMBER = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(
        ReportBlock,
        ssrc=NUMBER,
        fraction_lost=st.integers(0, 255),
        cumulative_lost=st.integers(-0x800000, 0x7FFFFF),
        highest_sequence=NUMBER,
        jitter=NUMBER,
        last_sender_report=NUMBER,
        delay_since_sender_report=NUMBER,
    ),
    max_size=31,
).map(tuple)
TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
PACKETS = st.lists(
    st.one_of(
        st.builds(
            SenderReport,
            ssrc=NUMBER,
            ntp=st.integers(0, (1 << 64) - 1),
            rtp_timestamp=NUMBER,
            packets=NUMBER,
            octets=NUMBER,
            reports=BLOCKS,
        ),
        st.builds(ReceiverReport, ssrc=NUMBER, reports=BLOCKS),
        st.builds(SourceDescription, names=st.lists(st.tuples(NUMBER, TEXT), max_size=31).map(tuple)),
        st.builds(Goodbye, ssrcs=st.lists(NUMBER, max_size=31).map(tuple), reason=TEXT),
    ),
    min_size=1,
    max_size=8,
).map(tuple)


@settings(deadline=None, max_examples=150)
@given(PACKETS)
def test_what_is_rendered_is_read_again(packets: tuple[Packet, ...]) -> None:
    data = rtcp.render(packets)
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == packets


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(GOOD), st.data())
def test_no_change_of_a_packet_raises_anything_else(name: str, data: st.DataObject) -> None:
    changed = bytearray(golden(name))
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(changed) + data.draw(st.binary(max_size=12)))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(noise: bytes) -> None:
    read_or_refuse(noise)


def read_or_refuse(data: bytes) -> None:
    try:
        found = rtcp.parse(data)
    except RtcpError:
        return
    assert len(found) <= rtcp.MAX_PACKETS


def test_a_receiver_report_has_all_blocks_and_the_name() -> None:
    blocks = [ReportBlock(ssrc=number, fraction_lost=number) for number in range(40)]
    first, second, name = rtcp.parse(rtcp.render_rr(9, "recorder", blocks))
    assert isinstance(first, ReceiverReport)
    assert isinstance(second, ReceiverReport)
    assert (first.ssrc, first.reports + second.reports) == (9, tuple(blocks))
    assert name == SourceDescription(names=((9, "recorder"),))
    assert rtcp.parse(rtcp.render_rr(9, "recorder")) == (ReceiverReport(ssrc=9), name)


def test_numbers_that_are_too_large_are_held_or_wrap_as_the_standard_says() -> None:
    block = ReportBlock(
        ssrc=1 << 33 | 5, fraction_lost=300, cumulative_lost=1 << 30, highest_sequence=1 << 32 | 7, jitter=1 << 40
    )
    (report,) = rtcp.parse(rtcp.render([ReceiverReport(ssrc=1, reports=(block,))]))
    assert isinstance(report, ReceiverReport)
    (held,) = report.reports
    assert (held.ssrc, held.fraction_lost, held.cumulative_lost) == (5, 255, 0x7FFFFF)
    assert (held.highest_sequence, held.jitter) == (7, 0xFFFFFFFF)


def test_a_name_that_is_too_long_is_cut_between_characters() -> None:
    (found,) = rtcp.parse(rtcp.render([SourceDescription(names=((1, "é" * 200),))]))
    assert found == SourceDescription(names=((1, "é" * 127),))


def test_more_than_31_entries_do_not_fit() -> None:
    with pytest.raises(RtcpError):
        rtcp.render([Goodbye(ssrcs=tuple(range(32)))])


@pytest.mark.parametrize(
    ("ntp", "unix_ns"),
    [
        (0, None),
        (2_208_988_800 << 32, 0),
        (0xE5F00C00_80000000, (0xE5F00C00 - 2_208_988_800) * 1_000_000_000 + 500_000_000),
        # 7 February 2036, 06:28:16 UTC: the 32 bits of seconds begin again.
        (1, 2_085_978_496_000_000_000),
    ],
)
def test_ntp_time_is_unix_time(ntp: int, unix_ns: int | None) -> None:
    assert SenderReport(ssrc=1, ntp=ntp, rtp_timestamp=0, packets=0, octets=0).unix_ns == unix_ns


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 4_000_000_000 * 1_000_000_000))
def test_unix_time_goes_through_ntp_unharmed(unix_ns: int) -> None:
    ntp = rtcp.ntp_from_unix(unix_ns)
    report = SenderReport(ssrc=1, ntp=ntp, rtp_timestamp=0, packets=0, octets=0)
    assert report.unix_ns == unix_ns
    assert report.middle == ntp >> 16 & 0xFFFFFFFF


def test_names_are_not_shown() -> None:
    assert "bob" not in repr(SourceDescription(names=((1, "bob@example.org"),)))
    assert "bob" not in repr(Goodbye(ssrcs=(1,), reason="bob left"))
