"""Every question of "Customer service basics": a yes, a no, where it has one an n/a, and a cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from candor.conversation.evaluation import Verdict
from candor.conversation.finding import Finding
from candor.conversation.model import Direction
from candor.scoring.service import builtin
from tests.unit.scoring.calls import FILLER, analysis, answer, evaluate, hold, transcript

YES, NO, NA, UNSURE = Verdict.YES, Verdict.NO, Verdict.NOT_APPLICABLE, Verdict.CANNOT_TELL
CARD = builtin("customer-service-basics")
TALK = "C: so I was looking at the new one on the web page\nA: right you are that page lists all of them\n" + FILLER
PROBLEM = "C: hello my broadband has stopped working again\n"
UPSET = "C: honestly this is ridiculous I am fed up with it\n"
IDENTITY = "A: can I take your name and date of birth please\nC: sure [NAME_1] and it is [DOB_1]\n"
ON_HOLD = analysis(findings=[hold(12, 52)])
WAITING = "A: let us see\nC: okay\n@8 A: {before} then\n@53 A: {after} so here it is\n" + FILLER


def _metrics(**values: float) -> Any:
    return analysis(metrics={name.replace("__", "."): value for name, value in values.items()})


def _interrupts(seconds: float) -> Any:
    cut = Finding(id="i", kind="interruption", label="", start=4, end=4 + seconds, speaker=0, value=seconds)
    return analysis(metrics={"overlap.share": 0.02}, findings=[cut])


CASES: list[tuple[str, str, Any, Verdict]] = [
    ("greeting", "A: good morning my name is Sam\n" + TALK, None, YES),
    ("greeting", "A: hello you're through to Acme Bank\n" + TALK, None, YES),
    ("greeting", "A: thanks for colin Acme Bank\n" + TALK, None, YES),
    ("greeting", "A: Acme Bank, this is [NAME_1].\n" + TALK, None, YES),
    ("greeting", "A: Acme Internet, Daniel speaking.\n" + TALK, None, YES),
    ("greeting", "A: welcome to Acme Insurance\n" + TALK, None, YES),
    ("greeting", "A: yes what do you want\n" + TALK, None, NO),
    ("greeting", "A: yes go on\nC: my name is [NAME_1]\n" + TALK, None, NO),
    ("offered-help", "A: how can I help you today\n" + TALK, None, YES),
    ("offered-help", "A: what can I do for you\n" + TALK, None, YES),
    ("offered-help", "A: how may I assist you\n" + TALK, None, YES),
    ("offered-help", "A: ow can I elp you today\n" + TALK, None, YES),
    ("offered-help", "A: yes\n" + TALK, None, NO),
    ("recording-disclosure", "A: just so you know this call is being recorded\n" + TALK, None, YES),
    ("recording-disclosure", "S: calls may be recorded for training and quality purposes\n" + TALK, None, YES),
    ("recording-disclosure", "A: you are on a recorded line\n" + TALK, None, YES),
    ("recording-disclosure", "C: is this call being recorded\n" + TALK, None, NO),
    ("recording-disclosure", TALK + "\n@200 A: by the way this call is recorded", None, NO),
    ("verified-identity", IDENTITY + TALK, None, YES),
    ("verified-identity", "A: your account number please\nC: it's [ACCOUNT_1] and [NAME_1] here\n" + TALK, None, YES),
    ("verified-identity", "A: thank you that's all verified\n" + TALK, None, YES),
    ("verified-identity", "A: can I take your name please\nC: sure it is [NAME_1]\n" + TALK, None, NO),
    ("verified-identity", "A: your balance is ninety pounds\n" + IDENTITY + TALK, None, NO),
    ("verified-identity", TALK, None, NO),
    ("recording-paused", "A: I'll pause the recording now\nC: it's [CARD_1]\n" + TALK, None, YES),
    ("recording-paused", "A: go ahead with the long number\nC: it's [CARD_1]\n" + TALK, None, NO),
    ("recording-paused", TALK, None, NA),
    ("let-customer-speak", TALK, _metrics(overlap__share=0.02), YES),
    ("let-customer-speak", TALK, _metrics(overlap__share=0.2), NO),
    ("let-customer-speak", TALK, _interrupts(1.2), NO),
    ("let-customer-speak", TALK, _interrupts(0.5), YES),
    ("let-customer-speak", TALK, None, UNSURE),
    ("empathy", UPSET + "A: I can understand how frustrating that is\n" + TALK, None, YES),
    ("empathy", PROBLEM + "A: oh I'm so sorry to hear that\n" + TALK, None, YES),
    ("empathy", UPSET + "A: right what is the number\n" + TALK, None, NO),
    ("empathy", UPSET + "A: I do not understand what you are saying\n" + TALK, None, NO),
    ("empathy", TALK, None, NA),
    ("apology", PROBLEM + "A: I do apologise for that\n" + TALK, None, YES),
    ("apology", PROBLEM + "A: I'm really sorry about this\n" + TALK, None, YES),
    ("apology", PROBLEM + "A: sorry could you repeat that\n" + TALK, None, NO),
    ("apology", PROBLEM + "A: right what is the number\n" + TALK, None, NO),
    ("apology", TALK, None, NA),
    ("no-swearing", TALK, None, YES),
    ("no-swearing", "A: oh that is bullshit and you know it\n" + TALK, None, NO),
    ("no-swearing", "C: oh that is bullshit and you know it\n" + TALK, None, YES),
    ("no-swearing", "A: I'll put that on the sheet for the shift manager\n" + TALK, None, YES),
    ("polite", TALK, None, YES),
    ("polite", "A: sir please calm down\n" + TALK, None, NO),
    ("polite", "A: that is not my problem\n" + TALK, None, NO),
    ("polite", "A: whatever works best for you\n" + TALK, None, YES),
    ("clear-information", TALK, None, YES),
    ("clear-information", "A: I think so\nA: maybe ten\nA: it depends I guess\n" + TALK, None, NO),
    ("clear-information", "A: ten\nC: sorry that makes no sense\n" + TALK, None, NO),
    ("clear-information", "C: I am confused by my bill\n" + TALK, None, YES),
    ("clear-pace", TALK, _metrics(speech__rate__agent=160), YES),
    ("clear-pace", TALK, _metrics(speech__rate__agent=260), NO),
    ("clear-pace", TALK, None, UNSURE),
    ("no-dead-air", TALK, _metrics(dead_air__longest=4), YES),
    ("no-dead-air", TALK, _metrics(dead_air__longest=40), NO),
    ("no-dead-air", TALK, None, UNSURE),
    ("hold-permission", WAITING.format(before="may I put you on hold", after=""), ON_HOLD, YES),
    ("hold-permission", WAITING.format(before="bear with me a moment", after=""), ON_HOLD, YES),
    ("hold-permission", WAITING.format(before="right", after="may I put you on hold"), ON_HOLD, NO),
    ("hold-permission", TALK, analysis(findings=[hold(12, 20)]), NA),
    ("hold-thanks", WAITING.format(before="", after="thank you for holding"), ON_HOLD, YES),
    ("hold-thanks", WAITING.format(before="", after="sorry to keep you waiting"), ON_HOLD, YES),
    ("hold-thanks", WAITING.format(before="thank you for holding", after="right"), ON_HOLD, NO),
    ("hold-thanks", TALK, None, NA),
    ("ownership", "A: leave it with me\n" + TALK, None, YES),
    ("ownership", "A: I'll get that sent out\n" + TALK, None, YES),
    ("ownership", "A: I will not do that\n" + TALK, None, NO),
    ("ownership", "A: you have to ring somebody else\n" + TALK, None, NO),
    ("resolution", "A: that's all been done for you now\n" + TALK, None, YES),
    ("resolution", "A: you'll receive it within five working days\n" + TALK, None, YES),
    ("resolution", "A: the problem is fixed\n" + TALK, None, YES),
    ("resolution", "A: you will not receive it\n" + TALK, None, NO),
    ("resolution", TALK, None, NO),
    ("recap", "A: just to recap we send a new one\n" + TALK, None, YES),
    ("recap", "A: so that's [NUMBER_1] is that right\n" + TALK, None, YES),
    ("recap", "A: let me read that back to you\n" + TALK, None, YES),
    ("recap", TALK, None, NO),
    ("further-help", TALK + "\nA: is there anything else I can help you with today", None, YES),
    ("further-help", TALK + "\nA: is there anythin else i can elp you with", None, YES),
    ("further-help", TALK + "\nA: any other questions at all", None, YES),
    ("further-help", TALK + "\nC: is there anything else", None, NO),
    ("closing-thanks", TALK + "\nA: thanks for calling have a lovely day", None, YES),
    ("closing-thanks", TALK + "\nA: thank you [NAME_1] bye bye", None, YES),
    ("closing-thanks", TALK + "\nA: okay bye then", None, NO),
    ("closing-thanks", "A: thanks for calling Acme\n" + TALK + "\n@120 A: okay bye then", None, NO),
]


@pytest.mark.parametrize(("question", "lines", "noticed", "expected"), CASES)
def test_question(question: str, lines: str, noticed: Any, expected: Verdict) -> None:
    found = answer(evaluate(CARD, transcript(lines), noticed), question)
    assert found.verdict is expected, found.reason
    if expected in {YES, NO}:
        assert found.evidence
        assert found.confidence >= CARD.floor


def test_every_question_has_a_yes_and_a_no() -> None:
    ids = {question.id for question in CARD.questions}
    assert len(ids) >= 19
    for wanted in (YES, NO):
        assert {question for question, _, _, expected in CASES if expected is wanted} == ids


BY_SPEECH = [question.id for question in CARD.questions if question.id not in {"clear-pace", "no-dead-air"}]


@pytest.mark.parametrize("question", BY_SPEECH)
def test_unintelligible_sound_gives_no_wrong_no(question: str) -> None:
    noticed = analysis(metrics={"overlap.share": 0.01}, findings=[hold(3, 40)])
    found = answer(evaluate(CARD, transcript(TALK, confidence=0.3), noticed), question)
    assert found.verdict is not NO


def test_outbound_calls_are_not_asked_to_offer_help() -> None:
    result = evaluate(CARD, transcript(TALK), direction=Direction.OUTBOUND)
    assert answer(result, "offered-help").verdict is NA


def test_swearing_zeroes_the_whole() -> None:
    result = evaluate(CARD, transcript("A: hello my name is Sam\nA: oh just piss off\n" + TALK))
    assert (result.score, result.passed, result.critical_failures[-1]) == (0, False, "no-swearing")


Noise = Callable[[str], str]


def test_recogniser_errors_do_not_hide_a_good_call() -> None:
    said = """A: thanks for colin acme bank my names sam how can i elp you today
    C: i my card is stopped working and im fed up
    A: im so sorry to ear that can i take your full name and post coat please
    C: its [NAME_1] and its [POSTCODE_1] born [DOB_1]
    A: thank you i will get a new card sent out to you that is all been don for you now
    C: thats great
    A: so just to confirm you will reseve it in three to five working days
    A: is their anything else i can help you with to day
    C: no thanks
    A: thanks for calling and ave a lovely day bye"""
    result = evaluate(CARD, transcript(said, confidence=0.7))
    good = ("greeting", "offered-help", "empathy", "apology", "ownership", "resolution", "recap", "further-help")
    assert {name: answer(result, name).verdict for name in (*good, "closing-thanks")} == dict.fromkeys(
        (*good, "closing-thanks"), YES
    )
