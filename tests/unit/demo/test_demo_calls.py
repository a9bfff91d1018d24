"""The demo calls as committed: whole, of the right kind, and truthfully described."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from demo import make_calls, voices  # noqa: E402
from demo.dialogue import load_all, parse_text, parse_turn  # noqa: E402
from demo.manifest import COLUMNS, build_manifest, main  # noqa: E402

from candor.conversation.transcript import PiiKind  # noqa: E402

CALLS = load_all()
TRUTH = json.loads((ROOT / "demo/calls/truth.json").read_text(encoding="utf-8"))
DIGITS = {"oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"}
DIGITS |= {"eight": "8", "nine": "9"}
PADDED = 2**21
"""A power of two above the longest call: an FFT of a prime length takes ten times as long."""
NOW = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
WANTED = {"billing_problem", "cancellation", "churn_threat", "complaint", "escalation", "hold_request", "profanity"}
WANTED |= {"recording_disclosure", "resolution", "technical_problem", "upsell", "payment"}
each_call = pytest.mark.parametrize("call", CALLS, ids=[call.id for call in CALLS])


@cache
def sound(call_id: str) -> np.ndarray:
    """(frames, 2) at 8 kHz in −1…1."""
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=8_000)
    with av.open(str(ROOT / f"demo/calls/{call_id}.opus")) as container:
        assert container.streams.audio[0].channels == 2
        frames = [*container.decode(audio=0), None]
        parts = [piece.to_ndarray().reshape(-1, 2) for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate(parts)


def level(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples**2)) + 1e-9))


def spoken(call_id: str, speaker: str) -> np.ndarray:
    """The part of the speaker's channel in which, by the truth, only this speaker talks; silence elsewhere."""
    truth = TRUTH[call_id]
    mask = np.zeros(len(sound(call_id)), dtype=bool)
    for turn in truth["turns"]:
        mask[int(turn["start"] * 8_000) : int(turn["end"] * 8_000)] = turn["speaker"] == speaker
    for overlap in truth["overlaps"]:
        mask[int(overlap["start"] * 8_000) : int(overlap["end"] * 8_000)] = False
    return mask


def test_there_are_enough_calls_and_they_are_small():
    files = sorted((ROOT / "demo/calls").glob("*.opus"))
    assert [file.stem for file in files] == [call.id for call in CALLS] == sorted(TRUTH)
    assert len(files) >= 16
    assert sum(file.stat().st_size for file in (ROOT / "demo/calls").iterdir()) < 6_000_000
    assert 28 * 60 < sum(truth["duration"] for truth in TRUTH.values()) < 40 * 60


@each_call
def test_sound_is_a_two_channel_telephone_call(call):
    samples = sound(call.id)
    duration = TRUTH[call.id]["duration"]
    assert 60 <= duration <= 240
    assert len(samples) / 8_000 == pytest.approx(duration, abs=0.1)
    assert np.abs(samples).max() < 0.99
    for channel, speaker in enumerate(("customer", "agent")):
        mask = spoken(call.id, speaker)
        assert -26 < level(samples[mask, channel]) < -17, speaker
        # Channel separation: while one talks, the other side's line is quiet.
        assert level(samples[mask, channel]) - level(samples[mask, 1 - channel]) > 25, speaker
        power = np.abs(np.fft.rfft(samples[:, channel], PADDED)) ** 2
        frequency = np.fft.rfftfreq(PADDED, 1 / 8_000)
        inside = power[(frequency >= 250) & (frequency <= 3_500)].sum()
        assert inside / power.sum() > 0.95, speaker


@each_call
def test_truth_lies_inside_the_call_and_where_the_sound_is(call):
    truth = TRUTH[call.id]
    said = [turn for turn in call.turns if not turn.hold]
    assert [turn["text"] for turn in truth["turns"]] == [turn.text for turn in said]
    for turn in truth["turns"]:
        assert 0 < turn["start"] < turn["end"] < truth["duration"]
        assert len(turn["words"]) == len(turn["text"].split())
        assert all(start < end for start, end in turn["words"])
        assert [start for start, _ in turn["words"]] == sorted(start for start, _ in turn["words"])
        channel = ("customer", "agent").index(turn["speaker"])
        part = sound(call.id)[int(turn["start"] * 8_000) : int(turn["end"] * 8_000), channel]
        assert level(part) > -30, turn["text"]
    assert all(hold["end"] < truth["duration"] for hold in truth["holds"])


@each_call
def test_expectations_agree_with_what_is_said(call):
    text = " ".join(turn.text for turn in call.turns).lower()
    for words in call.expect["categories"].values():
        assert words.lower() in text
    marked = {mark.kind for turn in call.turns for mark in turn.marks}
    assert marked <= {kind.value for kind in PiiKind}
    assert set(call.expect["pii"]) == marked
    assert set(call.expect["questions"].values()) <= {"yes", "no", "n/a"}
    assert len(TRUTH[call.id]["overlaps"]) >= call.expect.get("overlaps", 0)
    assert TRUTH[call.id]["expect"] == call.expect


@each_call
def test_only_safe_numbers_and_addresses_are_read_aloud(call):
    assert call.caller[-7:-2] == "55501"
    for turn in call.turns:
        words = turn.text.lower().replace(",", "").replace(".", "").split()
        for mark in turn.marks:
            part = words[mark.first : mark.last + 1]
            if mark.kind == "PHONE":
                assert "".join(DIGITS[word] for word in part)[3:8] == "55501"
            if mark.kind == "EMAIL":
                assert part[-3:-1] == ["example", "dot"]
                assert part[-1] in {"com", "net", "org"}


def luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


@pytest.mark.parametrize(
    ("call_id", "card"),
    [
        ("03-card-payment-interrupted", "4111111111111111"),
        ("16-outbound-payment-reminder", "5555555555554444"),
        ("17-double-charge-refund-to-card", "5105105105105100"),
    ],
)
def test_cards_read_aloud_are_whole_valid_test_numbers(call_id, card):
    customer = [turn for turn in TRUTH[call_id]["turns"] if turn["speaker"] == "customer"]
    parts = [part["spoken"] for turn in customer for part in turn["pii"] if part["kind"] == "CARD"]
    heard = ""
    repeat = 1
    for word in " ".join(parts).lower().replace(",", "").replace(".", "").split():
        if word in {"double", "triple"}:
            repeat = {"double": 2, "triple": 3}[word]
        else:
            heard += DIGITS[word] * repeat
            repeat = 1
    assert heard.endswith(card)
    assert luhn(card)


def test_the_calls_show_what_the_demo_is_for():
    agents = {row["agent"]: row["team"] for row in build_manifest(NOW)}
    assert len(agents) >= 4
    assert len(set(agents.values())) >= 2
    assert len({call.queue for call in CALLS}) >= 3
    assert {call.direction for call in CALLS} == {"inbound", "outbound"}
    weeks = Counter(6 - (call.days_before - 1) // 7 for call in CALLS if call.expect["topic"] == "double_charge")
    course = [weeks[week] for week in range(1, 7)]
    assert course == sorted(course)
    assert course[0] == 1
    assert course[-1] >= 3
    categories = {category for call in CALLS for category in call.expect["categories"]}
    assert categories >= WANTED
    failed = {question for call in CALLS for question, answer in call.expect["questions"].items() if answer == "no"}
    assert {"greeting", "verified-identity", "empathy", "hold-permission", "clear-information", "polite"} <= failed
    holds = [hold for truth in TRUTH.values() for hold in truth["holds"]]
    assert max(hold["end"] - hold["start"] for hold in holds) >= 45
    assert {hold["kind"] for hold in holds} == {"music", "silence"}
    assert sum(len(truth["overlaps"]) for truth in TRUTH.values()) >= 8
    silent = [
        after["start"] - before["end"]
        for truth in TRUTH.values()
        for before, after in pairwise(truth["turns"])
        if not any(before["end"] <= hold["start"] <= after["start"] for hold in truth["holds"])
    ]
    assert max(silent) > 20


def test_manifest_is_complete_and_counts_back_from_today(tmp_path):
    rows = build_manifest(NOW)
    assert len(rows) == len(CALLS)
    assert len({row["call_id"] for row in rows}) == len(rows)
    for row in rows:
        assert tuple(row) == COLUMNS
        assert all(row.values())
        assert Path(row["file"]).is_file()
        start = datetime.fromisoformat(row["start"])
        assert timedelta(0) < NOW - start < timedelta(days=43)
        ours = row["callee"] if row["direction"] == "inbound" else row["caller"]
        assert ours == "+18005550100"
    file = tmp_path / "demo.csv"
    assert main(["-o", str(file)]) == 0
    assert len(file.read_text(encoding="utf-8").splitlines()) == len(CALLS) + 1


def test_marks_are_read_as_words():
    text, marks = parse_text("So, [CARD one one], and then [CVV nine].")
    assert text == "So, one one, and then nine."
    assert [(mark.kind, mark.first, mark.last) for mark in marks] == [("CARD", 1, 2), ("CVV", 5, 5)]


def test_a_turn_nobody_speaks_is_refused():
    with pytest.raises(ValueError, match="needs agent, customer or hold"):
        parse_turn({"pause": 1})
    with pytest.raises(ValueError, match="another number of words"):
        parse_turn({"agent": "one two", "say": "one"})


def test_a_missing_synthesiser_is_told_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(voices.SynthesiserMissing, match="apt-get install festival"):
        voices.speak("festival/slt", "Hello there.", 1.0, 1.0)


def test_a_sentence_always_sounds_the_same_and_tells_its_words():
    try:
        first = voices.speak("flite/awb", "Hello there, my friend.", 1.1, 1.05)
    except voices.SynthesiserMissing as missing:
        pytest.skip(str(missing))
    voices.speak("flite/awb", "Something else.", 0.9, 1.0)
    again = voices.speak("flite/awb", "Hello there, my friend.", 1.1, 1.05)
    assert np.array_equal(first.samples, again.samples)
    assert len(first.words) == 4
    assert 0 <= first.words[0][0] < first.words[-1][1] <= len(first.samples) / voices.RATE
    slower = voices.speak("flite/awb", "Hello there, my friend.", 0.8, 1.05)
    assert len(slower.samples) > 1.2 * len(first.samples)


def test_the_line_keeps_speech_and_takes_what_a_telephone_takes():
    time = np.arange(make_calls.RATE) / make_calls.RATE
    quiet = np.random.default_rng(1)
    kept = make_calls.line((0.1 * np.sin(2 * np.pi * 1_000 * time)).astype(np.float32), quiet)
    for lost in (60, 5_000):
        gone = make_calls.line((0.1 * np.sin(2 * np.pi * lost * time)).astype(np.float32), quiet)
        assert level(kept) - level(gone) > 30
    assert level(kept) == pytest.approx(-23, abs=0.5)
