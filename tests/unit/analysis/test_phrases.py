"""Phrases are found as said, as misheard, by the right party, and not when denied."""

from __future__ import annotations

import pytest

from candor.analysis.phrases import default_phrases, load_phrases, normalise, sound_key, spot
from candor.conversation.model import Role
from candor.conversation.transcript import SpeakerSplit
from candor.errors import InvalidInput
from tests.unit.analysis.calls import call, spoken


def found(text: str) -> set[str]:
    return {finding.category or "" for finding in spot(default_phrases(), spoken(text))}


@pytest.mark.parametrize(
    ("category", "line"),
    [
        ("greeting", "A: Good morning, Silver Oak, how can I help you?"),
        ("verification", "A: Could I have your date of birth, please?"),
        ("hold_request", "A: Just a moment please."),
        ("hold_return", "A: Thank you for holding."),
        ("empathy", "A: I understand how frustrating that is."),
        ("apology", "A: I am very sorry for that."),
        ("escalation", "C: I want to speak to your manager."),
        ("complaint", "C: This is ridiculous."),
        ("cancellation", "C: I'd like to cancel my contract."),
        ("churn_threat", "C: Then I'm switching to another provider."),
        ("legal_threat", "C: You will hear from my lawyer."),
        ("payment", "C: I want to pay my bill by card."),
        ("billing_problem", "C: You have charged me twice."),
        ("refund", "C: I want my money back."),
        ("technical_problem", "C: My internet is not working."),
        ("delivery_problem", "C: My parcel hasn't arrived yet."),
        ("appointment", "A: Shall we book a new appointment?"),
        ("repeat_contact", "C: This is the third time I am calling."),
        ("offer_of_further_help", "A: Is there anything else I can do for you?"),
        ("profanity", "C: This is bullshit."),
        ("vulnerability", "C: I lost my job in May."),
        ("recording_disclosure", "A: This call may be recorded for training purposes."),
        ("promise", "A: I will call you back tomorrow."),
        ("resolution", "A: The problem is solved."),
        ("upsell", "A: Would you be interested in our premium plan?"),
    ],
)
def test_each_category_is_found_by_a_plain_sentence(category: str, line: str) -> None:
    assert category in found(line)


def test_the_closing_is_found_at_the_end_only() -> None:
    middle = "C: " + "and so on it went " * 12
    assert "closing" in found(f"{middle}\nA: Thank you for calling and have a nice day.")
    assert "closing" not in found(f"A: Thank you for calling.\n{middle}\n{middle}")


@pytest.mark.parametrize(
    ("category", "line"),
    [
        ("escalation", "C: I want to speak to your superviser."),
        ("escalation", "C: I want to speak to your supervizor please."),
        ("greeting", "A: thank you for colling silver oak"),
        ("apology", "A: we sincerely appologise"),
        ("repeat_contact", "C: nobody cawled me back"),
        ("offer_of_further_help", "A: anything else um that I could help you with"),
        ("verification", "A: please confirm uh your adress"),
    ],
)
def test_what_a_recogniser_writes_wrongly_is_found_but_less_surely(category: str, line: str) -> None:
    findings = [each for each in spot(default_phrases(), spoken(line)) if each.category == category]
    assert findings
    assert findings[0].confidence <= 0.95


@pytest.mark.parametrize(
    ("category", "line"),
    [
        ("cancellation", "C: I do not want to cancel my contract."),
        ("complaint", "C: I never said that this is ridiculous."),
        ("escalation", "A: I can let you speak to my supervisor."),
        ("escalation", "C: The weather was lovely."),
        ("apology", "C: I am so sorry, I was late."),
        ("profanity", "C: I shut the door and duck."),
        ("billing_problem", "C: I charged the phone all night."),
        ("vulnerability", "C: I like my job."),
    ],
)
def test_what_is_denied_or_said_by_another_or_only_similar_is_not_found(category: str, line: str) -> None:
    assert category not in found(line)


def test_a_finding_says_where_and_by_which_rule() -> None:
    transcript = spoken("A: hello there\nC: well I want to speak to your manager now")
    (finding,) = [each for each in spot(default_phrases(), transcript) if each.category == "escalation"]
    words = transcript.utterances[1].words
    assert finding.start in {words[1].start, words[2].start, words[3].start, words[4].start}
    assert finding.end == words[7].end
    assert finding.utterances == (1,)
    assert finding.id == "phrase-escalation-1"
    assert finding.rule == "phrases/escalation@1"
    assert finding.quote is not None
    assert "speak to your manager" in finding.quote


def test_when_it_is_not_known_who_speaks_a_phrase_counts_less() -> None:
    line = [("A", 0.0, 4.0, "I want to speak to your manager")]
    single = spot(default_phrases(), call(line, split=SpeakerSplit.SINGLE, roles=(Role.UNKNOWN,)))
    known = spot(default_phrases(), spoken("C: I want to speak to your manager"))
    sure = {finding.category: finding.confidence for finding in known}
    assert [finding.confidence < sure["escalation"] for finding in single if finding.category == "escalation"] == [True]


def test_normalising_keeps_the_place_of_each_word() -> None:
    assert [(token.text, token.place) for token in normalise("Um, I can't, Mr [NAME_1].")] == [
        ("i", 1),
        ("can", 2),
        ("not", 2),
        ("mr", 3),
        ("[NAME]", 4),
    ]


def test_words_that_sound_alike_share_a_key() -> None:
    assert sound_key("calling") == sound_key("kolling")
    assert sound_key("manager") != sound_key("monster")


@pytest.mark.parametrize(
    "text",
    [
        "version: 1",
        "- a list",
        "version: 1\ncategories: [{id: Bad Id}]",
        "version: 1\ncategories: [{id: a, colour: red}]",
        "version: 1\ncategories: [{id: a, by: [nobody]}]",
        "version: 1\ncategories: [{id: a, phrases: ['*']}]",
        "version: 1\ncategories: [{id: a}, {id: a}]",
        "version: [",
    ],
)
def test_a_wrong_phrase_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        load_phrases(text)


def test_own_phrases_with_alternatives_options_and_gaps() -> None:
    book = load_phrases('version: 7\ncategories: [{id: pets, phrases: ["my very? old|young cat|guinea_pig * sick"]}]')

    def pets(text: str) -> list[str]:
        return [finding.rule for finding in spot(book, spoken(f"C: {text}"))]

    assert pets("my old cat is sick") == ["phrases/pets@7"]
    assert pets("my very young guinea pig is quite sick") == ["phrases/pets@7"]
    assert pets("my old cat was and is and will be sick") == []
