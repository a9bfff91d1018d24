"""The tap hears what is sealed, as it is sealed, in order, and nothing of a pause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from candor.capture.model import CallEvent, CallFacts, EventKind, PayloadType, Stream
from candor.capture.rtp.codecs import encode_ulaw, make_decoder
from candor.capture.spool.spool import Spool, SpoolCall
from candor.errors import Damaged
from candor.kit import clock
from candor.live.tap import Piece, Tap, TappedCall

KINDS = (PayloadType(number=0, encoding="PCMU"), PayloadType(number=101, encoding="telephone-event"))
BEGAN = 1_700_000_000_000_000_000


class Keys:
    def begin(self, kept: object) -> None:
        pass

    def new(self, call_id: str) -> tuple[bytes, bytes]:
        return call_id.encode().ljust(32, b"k"), b"wrapped:" + call_id.encode()

    def open(self, call_id: str, wrapped: bytes) -> bytes:
        if wrapped != b"wrapped:" + call_id.encode():
            raise Damaged("another call's key")
        return call_id.encode().ljust(32, b"k")


def facts(call_id: str = "call", streams: int = 2) -> CallFacts:
    return CallFacts(
        id=call_id, source="test", protocol="siprec", started_at=clock.now(),
        streams=tuple(Stream(number=n, label=str(n), payload_types=KINDS) for n in range(streams)),
    )  # fmt: skip


def packet(number: int, payload: bytes, *, stream: int = 1, ssrc: int = 7, kind: int = 0) -> bytes:
    data = (
        bytes((0x80, kind)) + (number & 0xFFFF).to_bytes(2, "big") + (number * 160 & 0xFFFFFFFF).to_bytes(4, "big")
        + ssrc.to_bytes(4, "big") + payload
    )  # fmt: skip
    return (
        (BEGAN + number * 20_000_000).to_bytes(8, "little")
        + len(data).to_bytes(2, "little")
        + bytes((stream, 0))
        + data
    )


def tones(count: int) -> list[bytes]:
    """20 ms pieces of a rising tone, so that order can be heard."""
    samples = np.sin(np.cumsum(np.linspace(0.1, 0.8, count * 160))) * 12_000
    return [encode_ulaw(part.astype(np.int16)).tobytes() for part in samples.reshape(count, 160)]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path / "spool", Keys(), monotonic=lambda: 0.0)
    made.open()
    yield made
    made.close()


@pytest.fixture
def tap(spool: Spool) -> Iterator[Tap]:
    made = Tap(spool.folder, Keys(), lambda _facts: {1})
    yield made
    made.close()


def put(call: SpoolCall, *rows: bytes) -> None:
    for row in rows:
        call.rows(len(row), row)
    call.seal()


def look(tap: Tap) -> TappedCall:
    (call,) = tap.look()
    return call


def heard(call: TappedCall) -> Piece:
    (piece,) = call.pieces
    return piece


def test_new_sound_is_heard_once_and_of_the_chosen_stream_only(spool: Spool, tap: Tap) -> None:
    call, sound = spool.begin(facts()), tones(50)
    put(call, *(packet(n, sound[n]) for n in range(25)), *(packet(n, b"\x10" * 160, stream=0) for n in range(25)))
    first = heard(look(tap))
    assert first.stream == 1
    assert first.until_ns == BEGAN + 24 * 20_000_000
    assert look(tap).pieces == []
    put(call, *(packet(n, sound[n]) for n in range(25, 50)))
    both = np.concatenate((first.samples, heard(look(tap)).samples))
    decoder = make_decoder("PCMU", 8000)
    assert decoder is not None
    whole = np.concatenate(decoder.decode(sound)).astype(np.float32) / 32768
    assert abs(len(both) / 16_000 - len(whole) / 8000) < 0.1
    at = np.correlate(both[::2][:4000], whole[1000:3000], "valid").argmax()
    assert np.corrcoef(both[::2][at : at + 2000], whole[1000:3000])[0, 1] > 0.99


def test_order_is_that_of_the_numbers_across_a_wrap_and_doubles_are_heard_once(spool: Spool, tap: Tap) -> None:
    sound = tones(40)
    numbers = list(range(65_520, 65_560))

    def lengths(order: list[int], call_id: str) -> np.ndarray:
        call = spool.begin(facts(call_id))
        put(call, packet(numbers[0], sound[0]))
        list(tap.look())
        put(call, *(packet(numbers[n], sound[n]) for n in order))
        piece = next(heard(one) for one in tap.look() if one.facts.id == call_id)
        return piece.samples

    straight = lengths(list(range(1, 40)), "straight")
    shaken = [*range(1, 12), 20, 13, 12, *range(14, 20), *range(21, 40), 5, 38]
    assert np.array_equal(lengths(shaken, "shaken"), straight)


def test_telephone_events_and_unknown_types_make_no_sound(spool: Spool, tap: Tap) -> None:
    put(spool.begin(facts()), packet(1, b"\xff\x0a\0\xa0", kind=101), packet(2, b"x" * 160, kind=96), b"\0" * 12)
    assert look(tap).pieces == []


def test_a_pause_is_known_and_a_stream_may_come_later(spool: Spool, tap: Tap) -> None:
    call = spool.begin(facts(streams=1))
    assert not look(tap).paused
    call.event(CallEvent(at=clock.now(), kind=EventKind.PAUSED, reason="api"))
    assert look(tap).paused
    call.event(CallEvent(at=clock.now(), kind=EventKind.RESUMED, reason="api"))
    call.update(replace(facts(), id=call.facts.id))
    put(call, packet(1, tones(1)[0]), packet(2, tones(1)[0]))
    assert not look(tap).paused
    put(call, packet(3, tones(1)[0]), packet(4, tones(1)[0]))
    assert heard(look(tap)).samples.dtype == np.float32


def test_a_call_that_is_over_comes_a_last_time_with_its_end(spool: Spool, tap: Tap) -> None:
    call, sound = spool.begin(facts()), tones(30)
    put(call, *(packet(n, sound[n]) for n in range(10)))
    list(tap.look())
    put(call, *(packet(n, sound[n]) for n in range(10, 30)))
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    assert len(heard(look(tap)).samples) > 4_000
    assert list(tap.look()) == []


def test_a_damaged_or_foreign_file_stops_no_other(spool: Spool, tap: Tap) -> None:
    (spool.folder / "bad.call").write_bytes(b"no spool file at all")
    (spool.folder / "new.call").write_bytes(b"")
    put(spool.begin(facts("good")), *(packet(n, sound) for n, sound in enumerate(tones(20))))
    assert [one.facts.id for one in tap.look()] == ["good"]
    assert [one.facts.id for one in tap.look()] == ["good"]
