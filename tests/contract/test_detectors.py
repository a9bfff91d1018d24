"""What every detector of personal data keeps to: the built-in ones, and Presidio where it is installed."""

from __future__ import annotations

import importlib.util

import pytest

from candor.conversation.transcript import PiiKind
from candor.errors import InvalidInput
from candor.redaction.adapters.presidio import PresidioDetector, detector
from candor.redaction.call import Call, read
from candor.redaction.ports import Detector
from candor.redaction.service import Redactor, default_detectors
from tests.unit.redaction.calls import written

PRESIDIO = importlib.util.find_spec("presidio_analyzer") is not None
SAID = [
    (0, "good morning, may I have your name and e-mail please?"),
    (1, "Miranda Stone, miranda.stone@example.org, and my card is 4111 1111 1111 1111 [PHONE_1]"),
    (0, ""),
    (1, "call +44 20 7946 0958 or see 192.0.2.7, I live at 12 Baker Street"),
]


def made() -> list[Detector]:
    return [*default_detectors(), *([PresidioDetector()] if PRESIDIO else [])]


@pytest.fixture(params=made(), ids=lambda one: type(one).__name__)
def each(request: pytest.FixtureRequest) -> Detector:
    found: Detector = request.param
    return found


def call() -> Call:
    value = read([(speaker, text.split(" ")) for speaker, text in SAID])
    value.parts = [False] * len(value.texts)
    return value


def test_the_same_call_gives_the_same_matches(each: Detector) -> None:
    assert list(each.find(call())) == list(each.find(call()))


def test_matches_lie_in_one_line_each_and_are_told_by_a_rule(each: Detector) -> None:
    value = call()
    for match in each.find(value):
        assert match.rule
        assert match.value
        assert 0 < match.confidence <= 1
        for first, last in match.pieces:
            assert 0 <= first <= last < len(value.texts)
            assert value.line_of[first] == value.line_of[last]


def test_nothing_is_no_trouble(each: Detector) -> None:
    empty = read([])
    empty.parts = []
    assert list(each.find(empty)) == []


def test_an_engine_that_there_is_not_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(InvalidInput, match="no Presidio engine"):
        detector("unheard-of:model")


@pytest.mark.skipif(PRESIDIO, reason="Presidio is installed here")
def test_without_presidio_the_sentence_says_what_to_install() -> None:
    with pytest.raises(InvalidInput, match=r"candor\[presidio\]"):
        list(PresidioDetector().find(call()))


@pytest.mark.skipif(not PRESIDIO, reason="the extra presidio is not installed")
def test_presidio_finds_what_has_a_form_without_a_model_and_without_a_network() -> None:
    found = {match.kind for match in PresidioDetector().find(call())}
    assert {PiiKind.EMAIL, PiiKind.CARD, PiiKind.IP} <= found
    redactor = Redactor((*default_detectors(), PresidioDetector()))
    once = redactor.redact(written("c: mail to miranda.stone@example.org or 192.0.2.7 now"))
    assert once.transcript.utterances[0].text == "mail to [EMAIL_1] or [IP_1] now"
    assert redactor.redact(once.transcript).transcript == once.transcript
