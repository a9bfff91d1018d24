"""Each kind of rule on short transcripts: yes, no, not applicable, cannot tell, and what it shows for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from candor.conversation.evaluation import Verdict
from candor.conversation.finding import Finding, Metric
from candor.conversation.model import Direction, Role
from candor.conversation.transcript import SpeakerSplit
from tests.unit.scoring.calls import FILLER, analysis, answer, card, evaluate, hold, transcript

GREETED = (
    "A: thanks for calling Acme my name is Sam how can I help\nC: my card is broken and I want a new one\n" + FILLER
)
SILENT = "A: right so tell me the thing you rang for\nC: my card is broken and I want a new one\n" + FILLER
YES, NO, NA, UNSURE = Verdict.YES, Verdict.NO, Verdict.NOT_APPLICABLE, Verdict.CANNOT_TELL


def verdict(rule: str, lines: str, noticed: Any = None, *, extra: str = "", **how: Any) -> Verdict:
    """The verdict of a one-question scorecard."""
    return answer(evaluate(card(rule, extra=extra), transcript(lines, **how), noticed)).verdict


SAYS = [
    # rule, lines, expected
    ("{says: {phrases: [thank you for calling]}}", GREETED.replace("thanks", "thank you"), YES),
    ("{says: {phrases: [thanks for calling]}}", GREETED.replace("calling", "colin"), YES),
    ("{says: {phrases: [thanks for calling], exact: true}}", GREETED.replace("calling", "colin"), NO),
    ("{says: {phrases: [thanks for calling]}}", SILENT, NO),
    ("{says: {phrases: [thanks for calling], by: customer}}", GREETED, NO),
    ("{says: {phrases: [card is broken], by: customer}}", GREETED, YES),
    ("{says: {phrases: [card is broken], by: anyone}}", GREETED, YES),
    ("{says: {phrases: [card is broken], by: [agent, customer]}}", GREETED, YES),
    ("{says: {phrases: [the weather over here], first: 5}}", GREETED, NO),
    ("{says: {phrases: [the weather over here], first: 60}}", GREETED, YES),
    ("{says: {phrases: [thanks for calling], last: 5}}", GREETED, NO),
    ("{says: {phrases: [the weather], last: 20}}", GREETED, YES),
    ("{says: {phrases: [weather], times: 2}}", GREETED, NO),
    ("{says: {phrases: [weather], times: 2}}", GREETED + "\n" + FILLER, YES),
    ("{says: {phrases: [the weather], after: {says: {phrases: [thanks for calling]}}}}", GREETED, YES),
    ("{says: {phrases: [thanks for calling], after: {says: {phrases: [the weather]}}}}", GREETED, NO),
    ("{says: {phrases: [thanks for calling], before: {says: {phrases: [the weather]}}}}", GREETED, YES),
    ("{says: {phrases: [the weather], before: {says: {phrases: [thanks for calling]}}}}", GREETED, NO),
    ("{says: {phrases: [the weather], after: {says: {phrases: [thanks for calling]}}, within: 3}}", GREETED, NO),
    ("{says: {phrases: [the weather], after: {says: {phrases: [thanks for calling]}}, within: 30}}", GREETED, YES),
    ("{says: {phrases: [the weather], after: {says: {phrases: [never said at all]}}}}", GREETED, NO),
    ("{says: {phrases: [the weather], before: {says: {phrases: [never said at all]}}}}", GREETED, YES),
    ("{says: {phrases: [how can/may i help/assist]}}", GREETED, YES),
    ("{says: {phrases: [thanks ... acme]}}", GREETED, YES),
    ("{says: {phrases: [thanks ... name]}}", GREETED, YES),
    ("{says: {phrases: [thanks ... help]}}", GREETED, NO),  # more than five words between
    ("{says: {phrases: ['my name is * how']}}", GREETED, YES),
    ("{says: {phrases: [this is *name]}}", SILENT, NO),
    ("{says: {patterns: ['\\bmy name is \\w{2,20}']}}", GREETED, YES),
    ("{says: {patterns: ['\\bmy name is \\d{1,20}']}}", GREETED, NO),
    ("{says: {phrases: [i will], unless: [i will not]}}", "A: I will not do that for you sir\n" + FILLER, NO),
    ("{says: {phrases: [i will], unless: [i will not]}}", "A: I'll do that for you right now\n" + FILLER, YES),
    ("{says: {phrases: [i can help you with that]}}", "A: no I can not help you with that\n" + FILLER, NO),
    ("{says: {phrases: [is not working at all]}}", "A: so it is working at all times\n" + FILLER, NO),
    ("{says: {phrases: [anything else i can help you with]}}", "A: anything else I could help with\n" + FILLER, YES),
    ("{says: {phrases: [thank you for holding]}}", "A: um thank uh you for er holding sir\n" + FILLER, YES),
    ("{says: {phrases: ['this is [NAME]']}}", "A: hello this is [NAME_1] from Acme bank\n" + FILLER, YES),
    ("{says: {phrases: ['this is [NAME]']}}", "A: hello this is [CARD_1] from Acme bank\n" + FILLER, NO),
    ("{says: {phrases: ['ending in [ANY]']}}", "A: the one ending in [NUMBER_1] is that right\n" + FILLER, YES),
    ("{says: {phrases: [goodbye for today]}}", "A: well good-bye for to-day then sir\n" + FILLER, YES),
    ("{says: {phrases: [in * to * days]}}", "A: saying in due to the recent news\n" + FILLER, NO),
    ("{never_says: {phrases: [shut up]}}", GREETED, YES),
    ("{never_says: {phrases: [shut up], exact: true}}", "A: oh just shut up will you now\n" + FILLER, NO),
    ("{never_says: {phrases: [shut up], exact: true}}", "A: we shut at five on the dot\n" + FILLER, YES),
]


@pytest.mark.parametrize(("rule", "lines", "expected"), SAYS)
def test_says(rule: str, lines: str, expected: Verdict) -> None:
    assert verdict(rule, lines) is expected


def _metrics(**values: float) -> Any:
    return analysis(metrics={name.replace("__", "."): value for name, value in values.items()})


def _finding(kind: str, **more: Any) -> Finding:
    return Finding(id=kind, kind=kind, label=kind, start=4.0, end=6.0, **more)


MEASURED = [
    ("{metric: {name: dead_air.longest, op: '<=', threshold: 15}}", _metrics(dead_air__longest=15), YES),
    ("{metric: {name: dead_air.longest, op: '<', threshold: 15}}", _metrics(dead_air__longest=15), NO),
    ("{metric: {name: hold.count, op: '==', threshold: 2}}", _metrics(hold__count=2), YES),
    ("{metric: {name: hold.count, op: '>', threshold: 2}}", _metrics(hold__count=2), NO),
    ("{metric: {name: talk.share.agent, op: '>=', threshold: 0.3}}", _metrics(talk__share__agent=0.5), YES),
    ("{metric: {name: talk.share.agent, op: '>=', threshold: 0.3}}", _metrics(), UNSURE),
    ("{sentiment: {measure: overall, op: '>=', threshold: 0}}", analysis(customer=0.4), YES),
    ("{sentiment: {measure: overall, op: '>=', threshold: 0}}", analysis(customer=-0.4), NO),
    ("{sentiment: {measure: overall, op: '>=', threshold: 0}}", analysis(customer=None), UNSURE),
    ("{sentiment: {of: agent, measure: overall, op: '>=', threshold: 0}}", analysis(customer=-0.9), YES),
    ("{sentiment: {measure: change, op: '>', threshold: 0}}", analysis(sentiments=[(1, -0.8), (3, 0), (5, 0.6)]), YES),
    ("{sentiment: {measure: change, op: '>', threshold: 0}}", analysis(sentiments=[(1, 0.8), (3, 0), (5, -0.6)]), NO),
    ("{sentiment: {measure: end, op: '>', threshold: 0}}", analysis(sentiments=[(1, -0.8), (3, 0), (5, 0.6)]), YES),
    ("{sentiment: {measure: end, op: '>', threshold: 0}}", analysis(sentiments=[(1, -0.8), (3, 0)]), UNSURE),
    ("{finding: {kind: hold}}", analysis(findings=[hold(5, 40)]), YES),
    ("{finding: {kind: hold}}", analysis(), NO),
    ("{finding: {kind: hold, present: false}}", analysis(), YES),
    ("{finding: {kind: hold, present: false}}", analysis(findings=[hold(5, 40)]), NO),
    ("{finding: {kind: hold, min_value: 60}}", analysis(findings=[hold(5, 40)]), NO),
    ("{finding: {kind: hold, at_least: 2}}", analysis(findings=[hold(5, 40)]), NO),
    ("{finding: {kind: interruption, by: agent}}", analysis(findings=[_finding("interruption", speaker=0)]), YES),
    ("{finding: {kind: interruption, by: agent}}", analysis(findings=[_finding("interruption", speaker=1)]), NO),
]


@pytest.mark.parametrize(("rule", "noticed", "expected"), MEASURED)
def test_measured(rule: str, noticed: Any, expected: Verdict) -> None:
    assert verdict(rule, "\n".join([GREETED, FILLER]), noticed) is expected


ASKED = "A: may I have your date of birth please\nC: yes it is [DOB_1]\nA: your balance is ninety pounds\n" + FILLER
TOO_LATE = "A: your balance is ninety pounds\nA: may I have your date of birth please\nC: it is [DOB_1]\n" + FILLER
UNASKED = "C: hi I was born on [DOB_1] you know\nA: may I have your date of birth please\n" + FILLER
VERIFIED = """{pii: {kinds: [DOB, ACCOUNT], after: {says: {phrases: [date of birth]}},
              before: {says: {phrases: [your balance is]}}, within: 30}}"""


@pytest.mark.parametrize(("lines", "expected"), [(ASKED, YES), (TOO_LATE, NO), (UNASKED, NO), (GREETED, NO)])
def test_personal_data_given_when_asked_and_before_disclosure(lines: str, expected: Verdict) -> None:
    assert verdict(VERIFIED, lines) is expected


def test_personal_data_of_several_kinds() -> None:
    two = "{pii: {kinds: [NAME, DOB], at_least: 2}}"
    assert verdict(two, "C: I am [NAME_1] born [DOB_1]\n" + FILLER) is YES
    assert verdict(two, "C: I am [NAME_1] and again [NAME_2] here\n" + FILLER) is NO
    assert verdict(two, "A: you are [NAME_1] born [DOB_1]\n" + FILLER) is NO


ORDER = "{order: {first: {says: {phrases: [may i check]}}, then: {says: {phrases: [your balance is]}}}}"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("A: may I check who you are\nA: your balance is nine\n" + FILLER, YES),
        ("A: your balance is nine\nA: may I check who you are\n" + FILLER, NO),
        ("A: your balance is nine pounds\n" + FILLER, NO),
        ("A: may I check who you are\n" + FILLER, NA),
    ],
)
def test_order(lines: str, expected: Verdict) -> None:
    assert verdict(ORDER, lines) is expected


HELLO, HELP, NEVER = (
    "{says: {phrases: [thanks for calling]}}",
    "{says: {phrases: [how can i help]}}",
    "{says: {phrases: [completely absent words]}}",
)
NO_METRIC = "{metric: {name: hold.count, op: '<', threshold: 1}}"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (f"{{all: [{HELLO}, {HELP}]}}", YES),
        (f"{{all: [{HELLO}, {NEVER}]}}", NO),
        (f"{{all: [{HELLO}, {NO_METRIC}]}}", UNSURE),
        (f"{{all: [{NEVER}, {NO_METRIC}]}}", NO),
        (f"{{any: [{NEVER}, {HELP}]}}", YES),
        (f"{{any: [{NEVER}, {NEVER}]}}", NO),
        (f"{{any: [{NEVER}, {NO_METRIC}]}}", UNSURE),
        (f"{{any: [{HELLO}, {NO_METRIC}]}}", YES),
        (f"{{not: {HELLO}}}", NO),
        (f"{{not: {NEVER}}}", YES),
        (f"{{not: {NO_METRIC}}}", UNSURE),
        (f"{{not: {ORDER}}}", NA),
        (f"{{all: [{HELLO}, {ORDER}]}}", YES),
    ],
)
def test_combinations(rule: str, expected: Verdict) -> None:
    assert verdict(rule, GREETED) is expected


@pytest.mark.parametrize(
    ("condition", "direction", "noticed", "expected"),
    [
        ("{direction: inbound}", Direction.INBOUND, analysis(), YES),
        ("{direction: [outbound, internal]}", Direction.INBOUND, analysis(), NA),
        ("{finding: hold}", Direction.INBOUND, analysis(), NA),
        ("{finding: hold}", Direction.INBOUND, analysis(findings=[hold(5, 9)]), YES),
        ("{metric: {name: hold.count, op: '>', threshold: 0}}", Direction.INBOUND, _metrics(hold__count=1), YES),
        ("{metric: {name: hold.count, op: '>', threshold: 0}}", Direction.INBOUND, _metrics(hold__count=0), NA),
        ("{metric: {name: hold.count, op: '>', threshold: 0}}", Direction.INBOUND, analysis(), UNSURE),
        ("{rule: {says: {phrases: [card is broken], by: customer}}}", Direction.INBOUND, analysis(), YES),
        ("{rule: {says: {phrases: [not a word of it], by: customer}}}", Direction.INBOUND, analysis(), NA),
    ],
)
def test_applies_when(condition: str, direction: Direction, noticed: Any, expected: Verdict) -> None:
    scorecard = card(HELLO, extra=f"applies_when: {condition}")
    result = evaluate(scorecard, transcript(GREETED), noticed, direction=direction)
    assert answer(result).verdict is expected
    assert answer(result).reason


# -- meaning -------------------------------------------------------------------------------------------------------

UPSET = "A: I do understand how annoying that has to feel for you\nC: my card is broken and I want a new one\n" + FILLER
MEANING = "{meaning: {examples: [I understand how annoying that is], threshold: 0.6}}"


def bag_of_words(sentences: Sequence[str]) -> Any:
    """A tiny real embedding: counts of words, hashed by their letters."""
    rows = np.zeros((len(sentences), 512))
    for row, sentence in zip(rows, sentences, strict=True):
        for word in sentence.lower().split():
            row[sum(ord(c) * 31**i for i, c in enumerate(word)) % 512] += 1
    return rows


def test_meaning_by_embeddings_is_surer_than_by_keywords() -> None:
    close = "A: I understand how annoying that is for you\n" + FILLER
    by_vectors = answer(evaluate(card(MEANING), transcript(close), embed=bag_of_words))
    by_words = answer(evaluate(card(MEANING), transcript(close)))
    assert by_vectors.verdict is by_words.verdict is YES
    assert by_vectors.confidence > by_words.confidence
    assert "by meaning" in by_vectors.reason
    assert "by keywords" in by_words.reason


def test_meaning_not_found() -> None:
    assert answer(evaluate(card(MEANING), transcript(SILENT), embed=bag_of_words)).verdict is NO
    by_words = answer(evaluate(card(MEANING), transcript(SILENT)))
    assert by_words.verdict is NO
    assert by_words.confidence < 0.5


def test_keywords_survive_other_words() -> None:
    assert verdict(MEANING, UPSET) is YES


# -- evidence and confidence ---------------------------------------------------------------------------------------


def test_a_yes_quotes_what_was_said_and_when() -> None:
    text = transcript(GREETED)
    (evidence,) = answer(evaluate(card(HELP), text)).evidence
    assert evidence.utterance == 0
    assert evidence.quote == text.utterances[0].text
    assert text.utterances[0].words[8].start == pytest.approx(evidence.start)
    assert text.utterances[0].words[11].end == pytest.approx(evidence.end)


def test_a_no_says_what_was_looked_for_and_quotes_the_place() -> None:
    rule = "{says: {phrases: [good morning], first: 20}}"
    found = answer(evaluate(card(rule), transcript(SILENT)))
    (evidence,) = found.evidence
    assert (evidence.start, evidence.end) == pytest.approx((0.0, 15.5))  # where the call ends
    assert evidence.quote is not None
    assert evidence.quote.startswith("right so tell me")
    assert '"good morning"' in evidence.note
    assert "first 20 s" in evidence.note


def test_answer_names_its_rule_and_version() -> None:
    assert answer(evaluate(card(HELLO), transcript(GREETED))).rule.startswith("one/q@3")


def test_first_seconds_count_from_the_agents_first_word() -> None:
    late = "\n".join(f"@{90 + 6 * i} {line}" for i, line in enumerate(GREETED.splitlines()))
    assert verdict("{says: {phrases: [thanks for calling], first: 20}}", late) is YES


@pytest.mark.parametrize("confidence", [0.2, 0.35, 0.45])
def test_bad_recognition_is_cannot_tell_and_not_a_wrong_no(confidence: float) -> None:
    found = answer(evaluate(card(HELLO), transcript(SILENT, confidence=confidence)))
    assert found.verdict is UNSURE
    assert "Probably no" in found.reason
    assert found.points is None
    assert verdict("{never_says: {phrases: [shut up]}}", SILENT, confidence=confidence) is UNSURE


def test_what_was_heard_in_bad_sound_still_counts() -> None:
    clear = answer(evaluate(card(HELLO), transcript(GREETED)))
    noisy = answer(evaluate(card(HELLO), transcript(GREETED, confidence=0.4)))
    assert noisy.verdict is YES
    assert noisy.confidence < clear.confidence


def test_guessed_speakers_lower_confidence() -> None:
    sure = answer(evaluate(card(HELLO), transcript(GREETED)))
    guessed = answer(evaluate(card(HELLO), transcript(GREETED, split=SpeakerSplit.GUESSED)))
    roles = answer(evaluate(card(HELLO), transcript(GREETED, split=SpeakerSplit.GUESSED, role_guessed=True)))
    assert sure.confidence > guessed.confidence > roles.confidence


def test_said_by_the_other_guessed_voice_is_cannot_tell() -> None:
    swapped = SILENT + "\nC: thanks for calling Acme how can I help you"
    assert verdict(HELLO, swapped) is NO
    assert verdict(HELLO, swapped, split=SpeakerSplit.GUESSED) is UNSURE


def test_one_unsplit_voice_may_be_the_agent() -> None:
    single = transcript(GREETED, split=SpeakerSplit.SINGLE, roles=(Role.UNKNOWN,))
    found = answer(evaluate(card(HELLO), single))
    assert found.verdict is YES
    assert found.confidence < 0.7


@pytest.mark.parametrize("lines", ["C: hello is anybody there at all", "A: hello hello\nC: is anybody there at all"])
def test_too_little_speech_is_cannot_tell(lines: str) -> None:
    assert verdict(HELLO, lines) is UNSURE


def test_empty_transcript_is_cannot_tell_throughout() -> None:
    result = evaluate(card(HELLO), transcript(""))
    assert answer(result).verdict is UNSURE
    assert (result.score, result.passed, result.unanswered) == (None, None, 1)


def test_other_language_is_cannot_tell() -> None:
    assert verdict(HELLO, GREETED, language="de") is UNSURE
    assert verdict(HELLO, GREETED, language="en-GB") is YES


def test_metric_evidence_points_at_its_utterance() -> None:
    metric = Metric(name="dead_air.longest", value=30, unit="s", n=3, utterances=(1,), start=4, end=34)
    noticed = replace(analysis(), metrics=(metric,))
    rule = "{metric: {name: dead_air.longest, op: '<=', threshold: 15}}"
    (evidence,) = answer(evaluate(card(rule), transcript(GREETED), noticed)).evidence
    assert (evidence.start, evidence.end, evidence.utterance) == (4, 34, 1)
    assert "30 s" in evidence.note


def test_a_figure_at_the_line_is_less_sure() -> None:
    rule = "{metric: {name: dead_air.longest, op: '<=', threshold: 15}}"
    near, far = (
        answer(evaluate(card(rule), transcript(GREETED), _metrics(dead_air__longest=value))) for value in (14.9, 2)
    )
    assert near.confidence < far.confidence
