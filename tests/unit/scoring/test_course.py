"""Steps of a procedure, whether it was solved, whether it repeats; and where a question is asked at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from candor.conversation.evaluation import Answer, Verdict
from candor.conversation.finding import Finding
from candor.conversation.model import Medium
from candor.conversation.transcript import SpeakerSplit
from candor.errors import InvalidInput
from candor.scoring.dumper import dump_scorecard
from candor.scoring.facts import Facts
from candor.scoring.needs import Needs, needs_of
from candor.scoring.ports import Contact
from candor.scoring.service import load_scorecard, score
from tests.unit.scoring import calls

STEPS = """
          steps:
            steps:
              - {id: greet, required: false, rule: {says: {phrases: [how can i help]}}}
              - {id: name, rule: {says: {phrases: [full name]}}}
              - {id: number, rule: {says: {phrases: [account number]}}}
              - {id: balance, rule: {says: {phrases: [your balance is]}}}
"""
GREET, NAME = "A: hello there how can i help you today", "A: could i have your full name please"
NUMBER, BALANCE = "A: and what is your account number", "A: thank you your balance is forty pounds"


def card(rule: str, applies: str = "") -> Any:
    return load_scorecard(
        "id: c\nversion: 1\ntitle: C\nsections:\n  - title: S\n    weight: 1\n    questions:\n"
        f"      - id: q\n        text: Q\n{applies}        rule:\n{rule}\n"
    )


def answer(lines: str, rule: str, *, facts: Facts | None = None, applies: str = "", **analysis: Any) -> Answer:
    made = score(
        card(rule, applies),
        calls.transcript(lines),
        calls.analysis(**analysis),
        conversation_id="x",
        transcript_id="t",
        facts=facts,
    )
    return made.answers[0]


def said(*lines: str) -> str:
    return "\n".join((*lines, calls.FILLER))


@pytest.mark.parametrize(
    ("lines", "verdict", "words"),
    [
        ((GREET, NAME, NUMBER, BALANCE), Verdict.YES, "In order: greet, name, number, balance"),
        ((NAME, NUMBER, BALANCE), Verdict.YES, "In order: name, number, balance"),
        ((NAME, "C: kim", NUMBER, "C: what", NAME, BALANCE), Verdict.YES, "In order"),
        (("A: i need your account number and full name please", BALANCE), Verdict.YES, "In order"),
        ((NUMBER, NAME, BALANCE), Verdict.NO, 'Out of order: "number" came before "name"'),
        ((BALANCE, NAME, NUMBER), Verdict.NO, '"balance" came before "name"'),
        ((NAME, BALANCE), Verdict.NO, 'Missing: "number"'),
        ((), Verdict.NO, "None of the steps was taken"),
    ],
)
def test_steps_are_taken_in_order(lines: tuple[str, ...], verdict: Verdict, words: str) -> None:
    found = answer(said(*lines), STEPS)
    assert found.verdict is verdict, found.reason
    assert words in found.reason
    assert found.evidence


def test_evidence_names_the_step_and_quotes_it() -> None:
    found = answer(said(NUMBER, NAME, BALANCE), STEPS)
    assert [(each.note, each.utterance) for each in found.evidence[:2]] == [("number", 0), ("name", 1)]
    assert "account number" in str(found.evidence[0].quote)


def test_steps_that_name_what_comes_before_them_wait_for_nothing_else() -> None:
    rule = STEPS.replace("{id: number,", "{id: number, after: [],")
    assert answer(said(NUMBER, NAME, BALANCE), rule).verdict is Verdict.YES
    assert answer(said(NUMBER, BALANCE, NAME), rule).verdict is Verdict.NO


def test_optional_steps_of_which_none_was_taken_do_not_apply() -> None:
    rule = STEPS.replace("{id: name,", "{id: name, required: false,").replace(
        "{id: number,", "{id: number, required: false,"
    )
    rule = rule.replace("{id: balance,", "{id: balance, required: false,")
    assert answer(calls.FILLER, rule).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("{id: number,", "{id: name,"), 'the step id "name" is used twice'),
        (("{id: number,", "{id: number, after: [nothing],"), 'after "nothing", which is no other step'),
        (("{id: number,", "{id: number, after: [number],"), "which is no other step"),
        (("{id: number,", "{id: number, later: 1,"), "unknown field"),
    ],
)
def test_steps_that_make_no_sense_are_refused(change: tuple[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        card(STEPS.replace(*change))


def test_steps_that_wait_for_one_another_are_refused() -> None:
    rule = STEPS.replace("{id: name,", "{id: name, after: [number],").replace(
        "{id: number,", "{id: number, after: [name],"
    )
    with pytest.raises(InvalidInput, match="wait for one another: name, number"):
        card(rule)


def test_one_step_is_no_order() -> None:
    with pytest.raises(InvalidInput, match="at least two steps"):
        card("          steps: {steps: [{id: a, rule: {says: {phrases: [hello there]}}}]}")


RESOLUTION = "          resolution: {}"
TALK = "A: hello how can i help you\nC: my order has not come yet\nA: let me look at that for you now\nC: please do"


@pytest.mark.parametrize(
    ("end", "verdict"),
    [
        ("A: it has been cancelled and your money was refunded\nC: thank you very much", Verdict.YES),
        ("A: okay you are all set now\nC: great thanks", Verdict.YES),
        ("A: i have changed the address for you\nC: perfect", Verdict.YES),
        ("A: your order will arrive tomorrow morning\nC: okay good", Verdict.YES),
        ("A: unfortunately it can not be found\nC: oh", Verdict.NO),
        ("A: i am sorry but we are not able to do that\nC: i see", Verdict.NO),
        ("A: unfortunately that failed\nC: and now\nA: i have booked you another one now\nC: thanks", Verdict.YES),
        (
            "A: it has been booked\nC: good\nA: no wait i am sorry unfortunately it did not go through\nC: oh no",
            Verdict.NO,
        ),
        ("A: is there anything else\nC: no thank you goodbye", Verdict.CANNOT_TELL),
        ("A: that has not been cancelled unfortunately\nC: why", Verdict.NO),
    ],
)
def test_whether_it_was_solved_is_heard_at_the_end(end: str, verdict: Verdict) -> None:
    found = answer(f"{TALK}\n{end}", RESOLUTION)
    assert found.verdict is verdict, found.reason
    assert found.evidence


def test_own_words_for_done_and_not_done_count() -> None:
    end = f"{TALK}\nA: the ticket went to the engine room\nC: fine by me"
    assert answer(end, RESOLUTION).verdict is Verdict.CANNOT_TELL
    assert answer(end, "          resolution: {confirms: [went to the engine room]}").verdict is Verdict.YES
    assert answer(end, "          resolution: {denies: [went to the engine room]}").verdict is Verdict.NO


NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BILL = Contact(conversation_id="other", started_at=NOW - timedelta(days=3), categories=("billing_problem", "greeting"))


def repeat(history: tuple[Contact, ...] | None, rule: str = "          repeat: {days: 7}", **analysis: Any) -> Answer:
    facts = Facts(started_at=NOW, history=history)
    return answer(said(GREET), rule, facts=facts, **({"categories": ("billing_problem", "greeting")} | analysis))


def test_an_earlier_contact_about_the_same_is_a_repetition() -> None:
    found = repeat((BILL,))
    assert found.verdict is Verdict.NO
    assert "3.0 days before about billing problem" in found.reason
    assert "other" not in found.reason  # which conversation it was is not told
    assert repeat((BILL,), "          repeat: {days: 7, present: true}").verdict is Verdict.YES


def test_an_earlier_contact_about_something_else_or_too_long_ago_is_none() -> None:
    assert repeat((replace(BILL, categories=("greeting", "delivery_problem")),)).verdict is Verdict.YES
    assert repeat((replace(BILL, started_at=NOW - timedelta(days=8)),)).verdict is Verdict.YES
    assert repeat((replace(BILL, started_at=NOW + timedelta(hours=1)),)).verdict is Verdict.YES
    anything = "          repeat: {days: 7, about: anything}"
    assert repeat((replace(BILL, categories=()),), anything).verdict is Verdict.NO
    assert repeat(()).verdict is Verdict.YES


def test_what_the_customer_says_counts_where_nobody_knows_who_it_is() -> None:
    assert repeat(None).verdict is Verdict.CANNOT_TELL
    spoken = Finding(
        id="f",
        kind="phrase",
        label="Was in touch before",
        start=1,
        end=2,
        utterances=(0,),
        category="repeat_contact",
        quote="I called last week",
        confidence=0.9,
        rule="r",
    )
    found = repeat(None, findings=(spoken,))
    assert found.verdict is Verdict.NO
    assert found.evidence[0].quote == "I called last week"


HELP = "          says: {phrases: [how can i help]}"


@pytest.mark.parametrize(
    ("applies", "facts", "verdict"),
    [
        ("queues: [Cards]", Facts(queue="Cards"), Verdict.YES),
        ("queues: [Cards]", Facts(queue="Loans"), Verdict.NOT_APPLICABLE),
        ("queues: [Cards]", Facts(), Verdict.NOT_APPLICABLE),
        ("media: chat", Facts(medium=Medium.CHAT), Verdict.YES),
        ("media: [chat, email]", Facts(), Verdict.NOT_APPLICABLE),
        ("places: [US]", Facts(places=("DE", "US-CA")), Verdict.YES),
        ("places: [US-CA]", Facts(places=("US",)), Verdict.NOT_APPLICABLE),
        ("places: [US]", Facts(places=("DE",)), Verdict.NOT_APPLICABLE),
        ("places: [US]", Facts(), Verdict.CANNOT_TELL),
        ("places: [US]", Facts(places=("USX",)), Verdict.NOT_APPLICABLE),
    ],
)
def test_a_question_is_asked_where_its_queue_medium_and_law_are(applies: str, facts: Facts, verdict: Verdict) -> None:
    found = answer(said(GREET), HELP, facts=facts, applies=f"        applies_when: {{{applies}}}\n")
    assert found.verdict is verdict, found.reason


def test_a_place_is_one_of_the_rule_pack() -> None:
    with pytest.raises(InvalidInput, match='"California" is no place'):
        card(HELP, "        applies_when: {places: [California]}\n")


def test_it_is_known_what_a_scorecard_needs() -> None:
    assert needs_of(card(HELP)) == Needs(places=False, history=False, model=False)
    assert needs_of(card("          not: {repeat: {}}")).history
    assert needs_of(card(HELP, "        applies_when: {places: [DE]}\n")).places
    assert needs_of(card("          ask: {prompt: Was it well done}")).model


@pytest.mark.parametrize(
    "rule",
    [
        STEPS,
        STEPS.replace("{id: number,", "{id: number, after: [],"),
        RESOLUTION,
        "          repeat: {days: 3, about: anything, present: true}",
        "          resolution: {last: 30, confirms: [all good], denies: [no luck]}",
        '          ask: {prompt: "Was it well done?", by: [agent]}',
        "          meaning: {examples: [how can I help you], unlike: [how can you help me]}",
    ],
)
def test_rules_survive_being_written(rule: str) -> None:
    made = card(rule, "        applies_when: {media: [chat], queues: [Cards], places: [US-CA]}\n")
    assert load_scorecard(dump_scorecard(made)) == made


def test_the_first_and_the_last_message_of_a_chat_count_as_much_as_others() -> None:
    """A message is a moment: at the very beginning or end of the stretch that is looked at it is still in it."""
    text = calls.transcript("C: my card is gone and i need a new one\nA: it is blocked and a new one is on its way")
    moments = tuple(replace(each, start=60.0 * each.index, end=60.0 * each.index, words=()) for each in text.utterances)
    chat = replace(text, utterances=moments, duration=60.0, split=SpeakerSplit.GIVEN)
    for by in ("agent", "customer"):
        never = card(f"          never_says: {{by: {by}, phrases: [this is ridiculous]}}")
        (found,) = score(never, chat, calls.analysis(), conversation_id="x", transcript_id="t").answers
        assert (found.verdict, found.confidence) == (Verdict.YES, 0.85)
