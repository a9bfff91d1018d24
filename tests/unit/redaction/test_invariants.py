# ruff: noqa: SIM905  (word lists read better as lines of words)
"""What holds for every call, whatever is said in it."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from candor.conversation import codec
from candor.conversation.transcript import PiiKind, Redaction, Transcript
from candor.redaction.digits import luhn
from candor.redaction.service import RULES_VERSION, Redactor, never_stored_times, strip_never_stored

from .calls import spoken

VOCABULARY = """my your the is it's and a i card number name postcode date of birth email address password pin account
    security code phone zip please what can give four one two double triple oh forty eleven hundred thousand
    4111 1234 12345 07700900123 4111111111111111 john smith sarah winstanley mister will mark may march
    nineteen seventy two sierra whiskey alpha s m t h dot at com gmail main street flat uh okay right yes no
    sorry moment refund billing a@b.com www.x.com 10.0.0.1 [CARD_1] [NAME_7] £12 10:30 twenty GB82 WEST
    GB82WEST12345698765432 1st 03/04/1972 ZX81 edna fool ey John Smith? ok. 24th, ñandú Ł""".split()

calls = st.lists(
    st.tuples(st.sampled_from("ac"), st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=14)),
    min_size=1,
    max_size=7,
).map(lambda turns: spoken(*(f"{who}: {' '.join(words)}" for who, words in turns)))

RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(calls)
def test_shape_is_kept(transcript: Transcript) -> None:
    redaction = Redactor().redact(transcript)
    assert len(redaction.transcript.utterances) == len(transcript.utterances)
    for before, after in zip(transcript.utterances, redaction.transcript.utterances, strict=True):
        assert (before.index, before.speaker, before.start, before.end) == (
            after.index,
            after.speaker,
            after.start,
            after.end,
        )
        assert after.text == " ".join(word.text for word in after.words)
        assert list(after.words) == sorted(after.words, key=lambda word: word.start)
        spans = [span for span in redaction.spans if span.utterance == before.index]
        rebuilt = list(before.words)
        for span in sorted(spans, key=lambda span: -span.first_word):
            hidden = rebuilt[span.first_word : span.last_word + 1]
            assert span.start <= hidden[0].start
            assert span.end >= hidden[-1].end
            assert any(word.text == span.placeholder and word.start == hidden[0].start for word in after.words)
            rebuilt[span.first_word : span.last_word + 1] = [hidden[0]]
        assert len(rebuilt) == len(after.words)


@RELAXED
@given(calls)
def test_spans_do_not_overlap_and_carry_rule_and_version(transcript: Transcript) -> None:
    redaction = Redactor().redact(transcript)
    taken = set()
    for span in redaction.spans:
        assert span.rule.endswith("/" + RULES_VERSION)
        assert re.fullmatch(rf"\[{span.kind}_\d+\]", span.placeholder)
        for place in range(span.first_word, span.last_word + 1):
            assert (span.utterance, place) not in taken
            taken.add((span.utterance, place))


@RELAXED
@given(calls)
def test_redacting_again_changes_nothing(transcript: Transcript) -> None:
    once = Redactor().redact(transcript).transcript
    assert Redactor().redact(once).transcript == once


@RELAXED
@given(st.lists(st.sampled_from("0123456789"), min_size=13, max_size=19), st.data())
def test_no_digit_of_a_card_survives(digits: list[str], data: st.DataObject) -> None:
    names = ["oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    digits[0] = "4"
    said = []
    for digit in digits:
        said.append(data.draw(st.sampled_from([digit, names[int(digit)]])))
        if data.draw(st.integers(0, 5)) == 0:
            said.append(data.draw(st.sampled_from(["uh", "okay", "um"])))
    redaction = Redactor().redact(spoken("a: may i have the card number", "c: " + " ".join(said)))
    shown = redaction.transcript.utterances[1].text
    assert not re.search(r"\d", re.sub(r"\[[A-Z]+_\d+\]", "", shown))
    assert not set(shown.split()) & set(names)


@RELAXED
@given(calls)
def test_nothing_masked_is_in_the_result(transcript: Transcript) -> None:
    redaction = Redactor().redact(transcript)
    stored = codec.dumps(redaction).decode()
    for span in redaction.spans:
        for word in transcript.utterances[span.utterance].words[span.first_word : span.last_word + 1]:
            if len(re.sub(r"\D", "", word.text)) >= 8 and word.text not in _shown(redaction):
                assert word.text not in stored


def _shown(redaction: Redaction) -> str:
    return " ".join(utterance.text for utterance in redaction.transcript.utterances)


def test_cvv_is_never_kept_but_the_rest_is() -> None:
    transcript = spoken("a: card number", "c: 4111 1111 1111 1111", "a: and the cvv", "c: it is seven three seven")
    redaction = Redactor().redact(transcript)
    kept = strip_never_stored(transcript, redaction)
    assert [utterance.text for utterance in kept.utterances] == [
        "card number", "4111 1111 1111 1111", "and the cvv", "it is [CVV_1]",
    ]  # fmt: skip
    (cvv,) = [span for span in redaction.spans if span.kind is PiiKind.CVV]
    assert never_stored_times(redaction) == ((cvv.start, cvv.end),)


def test_spread_times_are_masked_wider_than_aligned_ones() -> None:
    lines = (
        "c: so my card is four one one one one one one one one one one one one one one one thank you so much for that",
    )
    (aligned,) = Redactor().redact(spoken(*lines)).spans
    (spread,) = Redactor().redact(spoken(*lines, word_times="spread")).spans
    assert spread.start < aligned.start - 0.3
    assert spread.end > aligned.end + 0.3


def test_pad_stops_at_a_neighbour_that_was_recognised_surely() -> None:
    transcript = spoken("c: my card number is 4111111111111111 thank you")
    (span,) = Redactor().redact(transcript).spans
    words = transcript.utterances[0].words
    assert span.start == pytest.approx(words[3].end)
    assert span.end == pytest.approx(words[5].start)


@pytest.mark.parametrize(
    ("number", "valid"), [("4111111111111111", True), ("4111111111111112", False), ("378282246310005", True)]
)
def test_luhn(number: str, valid: bool) -> None:
    assert luhn(number) is valid


HOSTILE = {
    "digits": "1" * 100_000,
    "digits_spaced": "1 " * 50_000,
    "number_words": "one " * 25_000,
    "thousands": "hundred thousand " * 6_000,
    "at_signs": "@" * 100_000,
    "dots": "a." * 50_000,
    "spelled_dots": "dot com " * 12_500,
    "at_dot": "at x dot com " * 7_700,
    "letters": "a b c " * 16_600,
    "postcodes": "sw1a 1aa " * 11_000,
    "mixed": "a1" * 50_000,
    "colons": ":" * 100_000,
    "hyphens": "1-" * 50_000,
    "names": "john smith " * 9_000,
    "cues": "my card number is " * 5_500,
    "streets": "12 main street " * 6_600,
    "iban": "GB82 " * 20_000,
    "fillers": "uh " * 33_000,
    "brackets": "[CARD_" * 16_000,
    "spaces": " " * 100_000,
    "months": "may " * 25_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_takes_linear_time(name: str) -> None:
    from .calls import written

    Redactor().redact(written("c: warm up john"))
    began = time.process_time()
    Redactor().redact(written("a: what is your name and card number and postcode?", "c: " + HOSTILE[name]))
    # A quadratic step over 100 kB would take minutes; the margin is for the machine's load.
    assert time.process_time() - began < 4.0


def test_result_is_plain_data() -> None:
    redaction = Redactor().redact(spoken("c: my name is john smith"))
    assert json.loads(codec.dumps(redaction))["version"] == RULES_VERSION
