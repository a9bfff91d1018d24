"""Telephone keys: events that tell nothing, tones found in speech and nowhere else, sequences that are not kept."""

from __future__ import annotations

import re
import struct
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from candor.capture.rtp import dtmf
from candor.capture.rtp.dtmf import KEYS, KeySequence, find_tones, mask_tones
from candor.errors import InvalidInput
from tests.unit.capture.rtp.media import Sound, sweep, telephone_speech

ROWS, COLUMNS, PAD = (697, 770, 852, 941), (1209, 1336, 1477, 1633), "123A456B789C*0#D"


def tone(
    key: str,
    seconds: float,
    level: float,
    *,
    rate: int = 8000,
    off: float = 0.0,
    twist: float = 0.0,
    phase: float = 0.3,
) -> npt.NDArray[np.float64]:
    """A key ``level`` dB below full scale (both tones, root mean square), the higher ``twist`` dB above the lower."""
    number = PAD.index(key)
    at = 2 * np.pi * (1 + off) * np.arange(round(seconds * rate)) / rate
    low, high = 10 ** (-twist / 40), 10 ** (twist / 40)
    both = low * np.sin(ROWS[number // 4] * at + phase) + high * np.sin(COLUMNS[number % 4] * at + 2 * phase)
    return both * 32768 * 10 ** (level / 20) / np.sqrt((low**2 + high**2) / 2)


def mixed(sound: Sound, *parts: tuple[int, npt.NDArray[np.float64]]) -> Sound:
    out = sound.astype(np.float64)
    for start, part in parts:
        out[start : start + len(part)] += part
    return np.clip(out, -32768, 32767).astype(np.int16)


def quiet(seconds: float, rate: int = 8000) -> Sound:
    return np.random.default_rng(3).normal(0, 8, round(seconds * rate)).astype(np.int16)


# ---- events ----------------------------------------------------------------------------------------------------------


def captured(path: Path) -> list[bytes]:
    """The telephone-event payloads of a capture file (classic pcap, Ethernet, IPv4, UDP)."""
    data = path.read_bytes()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at, found = 24, []
    while at < len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        frame = data[at + 16 : at + 16 + size]
        packet = frame[14 + 4 * (frame[14] & 15) + 8 :]
        found.append(packet[12:16])
        at += 16 + size
    return found


@pytest.mark.shared
@pytest.mark.parametrize(("name", "key"), [*((digit, digit) for digit in "0123456789"), ("star", "*"), ("pound", "#")])
def test_captured_events_are_read_one_by_one_and_together(shared: Path, name: str, key: str) -> None:
    payloads = captured(shared / f"rtp_media/dev/sipp/dtmf_2833_{name}.pcap")
    singles = [dtmf.parse_event(payload) for payload in payloads]
    assert {one.key for one in singles} == {key}
    assert [one.end for one in singles][-3:] == [True] * 3
    assert not singles[0].end
    durations = [one.duration for one in singles]
    assert durations == sorted(durations)
    together = dtmf.parse_events(np.array([list(payload) for payload in payloads], np.uint8))
    for number, one in enumerate(singles):
        columns = (together.code, together.end, together.volume, together.duration)
        assert tuple(int(column[number]) for column in columns) == (one.code, one.end, one.volume, one.duration)


def test_a_cut_event_is_refused() -> None:
    for length in range(4):
        with pytest.raises(InvalidInput):
            dtmf.parse_event(bytes(length))
    assert dtmf.parse_event(b"\x10\x0a\x00\x50extra").key is None


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 15), st.binary(min_size=3, max_size=3)), min_size=1, max_size=5))
def test_masked_events_differ_in_what_they_tell_alone(events: list[tuple[int, bytes]]) -> None:
    payload = b"".join(bytes([code]) + rest for code, rest in events)
    other = b"".join(bytes([15 - code]) + rest for code, rest in events)
    masked = dtmf.mask_event(payload)
    assert masked == dtmf.mask_event(other)
    assert [masked[4 * n + 1 : 4 * n + 4] for n in range(len(events))] == [rest for _, rest in events]
    rows = np.array([list(payload), list(other)], np.uint8)
    dtmf.mask_events(rows)
    assert [row.tobytes() for row in rows] == [masked, masked]
    assert dtmf.parse_event(masked).key is None


def test_a_cut_event_tells_nothing_either() -> None:
    assert dtmf.mask_event(b"\x05") == b"\xff"
    assert dtmf.mask_event(b"") == b""


def test_keys_are_not_shown() -> None:
    assert not re.search(r"'7'|=7\b|\b55\b", repr(dtmf.parse_event(b"\x07\x0a\x00\x50")))
    (found,) = find_tones(mixed(quiet(0.5), (1000, tone("7", 0.1, -20))), 8000)
    assert (found.key, "'7'" in repr(found)) == ("7", False)
    assert not hasattr(KeySequence("*7"), "__dict__")


# ---- tones -----------------------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_recorded_keys_are_found_where_they_are(shared: Path) -> None:
    for path in sorted((shared / "rtp_media/dev/dtmf_wav").glob("*.wav")):
        sound, rate = soundfile.read(path, dtype="int16")
        key = path.stem.removeprefix("dtmf-").replace("star", "*").replace("pound", "#")
        (found,) = find_tones(sound, rate)
        assert found.key == key
        assert (found.start, found.stop) == (pytest.approx(0.0, abs=0.01), pytest.approx(0.3, abs=0.01))


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
@pytest.mark.parametrize("seconds", [0.04, 0.07, 0.2])
def test_every_key_is_found_at_its_time(seconds: float, rate: int) -> None:
    places = [0.1 + 0.3 * number for number in range(len(PAD))]
    parts = [(round(at * rate), tone(key, seconds, -18, rate=rate)) for at, key in zip(places, PAD, strict=True)]
    found = find_tones(mixed(quiet(5.2, rate), *parts), rate)
    assert "".join(one.key for one in found) == PAD
    for one, at in zip(found, places, strict=True):
        assert one.start == pytest.approx(at, abs=0.006)
        assert one.stop == pytest.approx(at + seconds, abs=0.006)


@pytest.mark.parametrize("off", [-0.015, 0.0, 0.015])
@pytest.mark.parametrize("twist", [-8.0, -4.0, 0.0, 4.0])
@pytest.mark.parametrize("level", [-40, -30, -12, -4])
def test_keys_within_the_limits_of_the_standard_are_found(off: float, twist: float, level: float) -> None:
    """ITU-T Q.24: frequencies within 1.5 %, the higher tone up to 4 dB above or 8 dB below the lower one."""
    parts = [(800 + 1600 * n, tone(key, 0.05, level, off=off, twist=twist)) for n, key in enumerate(PAD)]
    assert "".join(one.key for one in find_tones(mixed(quiet(3.4), *parts), 8000)) == PAD


@pytest.mark.parametrize("off", [-0.05, 0.05])
def test_other_frequencies_are_no_keys(off: float) -> None:
    parts = [(800 + 1600 * n, tone(key, 0.1, -15, off=off)) for n, key in enumerate(PAD)]
    assert find_tones(mixed(quiet(3.4), *parts), 8000) == []


def test_what_is_too_short_is_no_key() -> None:
    parts = [(800 + 1600 * n, tone(key, 0.015, -15)) for n, key in enumerate(PAD)]
    assert find_tones(mixed(quiet(3.4), *parts), 8000) == []


@pytest.mark.parametrize(
    "tones",
    [(350, 440), (440, 480), (480, 620), (425,), (1000,), (697,), (1209,), (1400,), (2100,), (697, 852), (941, 2400)],
)
def test_other_tones_of_the_telephone_are_no_keys(tones: tuple[int, ...]) -> None:
    at = np.arange(16_000) / 8000
    sound = sum(6000 * np.sin(2 * np.pi * one * at) for one in tones)
    gated = np.where((at * 2).astype(int) % 2, sound, 0)
    assert find_tones(mixed(quiet(2.0), (0, gated)), 8000) == []


def test_noise_and_voices_without_end_are_no_keys() -> None:
    random = np.random.default_rng(11)
    assert find_tones(random.normal(0, 3000, 8000 * 120).astype(np.int16), 8000) == []
    assert find_tones(np.cumsum(random.normal(0, 60, 8000 * 60)).clip(-30_000, 30_000).astype(np.int16), 8000) == []
    assert find_tones(sweep(60.0, 8000), 8000) == []
    assert find_tones(np.full(80_000, 32_767, np.int16), 8000) == []


REAL_KEYS = 2
"""Two of the callers in the material pressed a key (4) before they spoke."""


@pytest.mark.shared
def test_plain_speech_has_less_than_one_false_key_in_half_an_hour(shared: Path) -> None:
    speech = telephone_speech(shared)
    minutes = sum(len(sound) for sound in speech) / 8000 / 60
    found = sum(len(find_tones(sound, 8000)) for sound in speech)
    assert minutes > 36
    assert (found - REAL_KEYS) / minutes < 1 / 30


@pytest.mark.shared
def test_keys_over_speech_are_found(shared: Path) -> None:
    """40 to 200 ms, 6 to 30 dB below full scale, laid over speech wherever it happens to be, however loud."""
    line = np.concatenate(telephone_speech(shared))
    random = np.random.default_rng(12)
    parts, truth = [], []
    for start in np.arange(4000, len(line) - 8000, 12_000).tolist():
        key = PAD[random.integers(16)]
        seconds, level = random.uniform(0.04, 0.2), random.uniform(-30, -6)
        off, twist, phase = random.uniform(-0.01, 0.01), random.uniform(-4, 4), random.uniform(0, 6)
        parts.append((start, tone(key, seconds, level, off=off, twist=twist, phase=phase)))
        truth.append((start / 8000, start / 8000 + seconds, key))
    found = find_tones(mixed(line, *parts), 8000)
    got, at = 0, 0
    late, covered = [], []
    for start, stop, key in truth:
        while at < len(found) and found[at].stop < start - 0.02:
            at += 1
        same = [one for one in found[at : at + 4] if one.key == key and one.start < stop and one.stop > start]
        got += bool(same)
        if same:
            late.append(same[0].start - start)
            covered.append(
                max(0.0, min(stop, same[-1].stop + 0.02) - max(start, same[0].start - 0.02)) / (stop - start)
            )
    assert len(truth) > 1400
    assert got / len(truth) >= 0.98
    assert np.percentile(np.abs(late), 95) < 0.01
    # With its padding, nearly all of every key that was found is covered.
    assert np.percentile(covered, 2) > 0.95


@pytest.mark.shared
def test_speech_is_searched_thousands_of_times_faster_than_it_is_spoken(shared: Path) -> None:
    line = np.concatenate(telephone_speech(shared))[: 8000 * 600]
    find_tones(line[:80_000], 8000)
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        find_tones(line, 8000)
        best = max(best, 600 / (time.process_time() - began))
    # Of all cores together; a third of what one core does is left for other work on the machine.
    assert best > 6000


@pytest.mark.shared
def test_it_does_not_matter_which_windows_are_looked_at_first(shared: Path) -> None:
    """Every other one is; 5 ms later it is the others."""
    line = np.concatenate(telephone_speech(shared))[: 8000 * 300]
    parts = [(4000 + 4001 * n, tone(PAD[n % 16], 0.04, -20)) for n in range(590)]
    loud = mixed(line, *parts)
    later = np.concatenate((np.zeros(40, np.int16), loud))
    found, shifted = find_tones(loud, 8000), find_tones(later, 8000)
    assert len(found) > 500
    assert [(one.key, round(one.start + 0.005, 4), round(one.stop + 0.005, 4)) for one in found] == [
        (one.key, round(one.start, 4), round(one.stop, 4)) for one in shifted
    ]


@pytest.mark.parametrize("at", range(163_840 - 400, 163_840 + 401, 100))
def test_keys_are_found_where_one_block_of_windows_ends(at: int) -> None:
    sound = np.zeros(2 * 163_840 + 1000, np.int16)
    for start in (at, at + 163_840):
        sound[start : start + 320] = tone("6", 0.04, -20)[: len(sound) - start]
    found = find_tones(sound, 8000)
    assert [one.key for one in found] == ["6", "6"]
    assert [one.start for one in found] == pytest.approx([at / 8000, (at + 163_840) / 8000], abs=0.006)


def test_masked_keys_cannot_be_found_any_more_and_all_else_stays() -> None:
    sound = sweep(3.0, 8000)
    places = [4000, 9000, 15_000]
    loud = mixed(sound, *[(start, tone(key, 0.08, -12)) for start, key in zip(places, "5*#", strict=True)])
    masked = mask_tones(loud, 8000)
    assert [one.key for one in find_tones(loud, 8000)] == ["5", "*", "#"]
    assert find_tones(masked, 8000) == []
    changed = masked != loud
    for start in places:
        assert not masked[start - 80 : start + 640 + 80].any()
        changed[start - 240 : start + 640 + 240] = False
    assert not changed.any()
    assert loud[places[0] + 100 : places[0] + 200].any()


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_keys_at_the_very_ends_are_masked_too(rate: int) -> None:
    sound = mixed(quiet(0.5, rate), (0, tone("1", 0.06, -15, rate=rate)))
    sound = mixed(sound, (len(sound) - round(0.06 * rate), tone("9", 0.06, -15, rate=rate)))
    masked = mask_tones(sound, rate)
    assert [one.key for one in find_tones(sound, rate)] == ["1", "9"]
    assert not masked[: round(0.06 * rate)].any()
    assert not masked[-round(0.06 * rate) :].any()


def test_a_key_is_found_after_g711_and_at_another_rate() -> None:
    from candor.capture.rtp.codecs import LINEAR, encode_alaw

    loud = mixed(quiet(1.0), (4000, tone("8", 0.05, -25)))
    (coded,) = find_tones(LINEAR["PCMA"][encode_alaw(loud)], 8000)
    (faster,) = find_tones(soxr.resample(loud, 8000, 16_000), 16_000)
    assert coded.key == faster.key == "8"
    assert faster.start == pytest.approx(coded.start, abs=0.006)


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.int16, st.integers(0, 3000)), st.sampled_from([-1, 0, 1, 100, 8000, 16_000]))
def test_no_samples_raise(sound: Sound, rate: int) -> None:
    found = find_tones(sound, rate)
    assert all(0 <= one.start < one.stop for one in found)
    assert mask_tones(sound, rate).shape == sound.shape


# ---- sequences -------------------------------------------------------------------------------------------------------


def presses(sequence: KeySequence, keys: str, step: float = 0.5) -> list[int]:
    return [number for number, key in enumerate(keys) if sequence.feed(key, 1000.0 + number * step)]


@pytest.mark.parametrize(
    ("trigger", "keys", "done"),
    [
        ("*7", "*7", [1]),
        ("*7", "1*7", [2]),
        ("*7", "**7", [2]),
        ("*7", "*77", [1]),
        ("*7", "*8*7", [3]),
        ("*7", "7*", []),
        ("*7", "*7*7", [1, 3]),
        ("1121", "11121", [4]),
        ("1121", "1121121", [3]),
        ("#", "##", [0, 1]),
        ("*7", "*?7", []),
    ],
)
def test_a_sequence_is_noticed_when_it_is_complete(trigger: str, keys: str, done: list[int]) -> None:
    assert presses(KeySequence(trigger), keys) == done


def test_three_seconds_may_lie_between_two_keys() -> None:
    assert presses(KeySequence("*78"), "*78", 3.0) == [2]
    assert presses(KeySequence("*78"), "*78", 3.01) == []
    assert presses(KeySequence("*7", within=10), "*7", 9) == [1]
    sequence = KeySequence("*7")
    assert not sequence.feed("*", 5.0)
    assert not sequence.feed("7", 4.0)  # a clock that went back proves nothing


@settings(deadline=None, max_examples=300)
@given(st.text("12*", min_size=1, max_size=4), st.text("12*", max_size=40))
def test_sequences_are_found_as_a_search_through_all_keys_would(trigger: str, keys: str) -> None:
    found, begin = [], 0
    for end in range(len(keys)):
        if keys[begin : end + 1].endswith(trigger):
            found.append(end)
            begin = end + 1
    assert presses(KeySequence(trigger), keys) == found


def test_no_key_is_kept() -> None:
    sequence = KeySequence("*7")
    presses(sequence, "4111111111111111*")
    kept = {name: getattr(sequence, name) for name in sequence.__slots__}
    assert kept == {"_keys": "*7", "_back": (0, 0), "_within": 3.0, "_matched": 1, "_last": 1008.0}


@pytest.mark.parametrize("keys", ["", "7x", "é", "1" * 33])
def test_sequences_of_no_keys_are_refused(keys: str) -> None:
    with pytest.raises(InvalidInput):
        KeySequence(keys)
    assert set(KEYS) == set(PAD)
