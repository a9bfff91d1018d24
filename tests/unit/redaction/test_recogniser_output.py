"""What a recogniser makes of personal data, and what it makes of ordinary words that look like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candor.conversation.model import Role
from candor.conversation.transcript import PiiKind, Speaker, SpeakerSplit, Transcript, Utterance
from candor.redaction.service import Redactor, strip_never_stored

from .calls import spoken

CASES: dict[str, list[tuple[str, str]]] = {
    "homophones_at_the_edge": [
        ("a: can you confirm the phone number?", "can you confirm the phone number?"),
        ("c: Yes, it is to owe to five, five, five, ah, one, four, three.", "Yes, it is [PHONE_1]"),
    ],
    "wrong_word_inside": [
        ("c: The account number is seven, seven, three of four, nine, two.", "The account number is [ACCOUNT_1]"),
    ],
    "unknown_word_inside": [
        ("c: Nine, one, seven, five, five, five, but one, nine, three.", "[NUMBER_1]"),
    ],
    "town_and_code_then_a_quantity": [
        ("c: how much is it in philadelphia 19093", "how much is it in philadelphia 19093"),
        ("c: philadelphia 19093", "philadelphia [NUMBER_1]"),
        ("c: 10 gb", "10 gb"),
    ],
    "full_stop_inside": [("c: Two, eight, you will. Five, nine, five, one.", "[NUMBER_1]")],
    "written_with_commas": [("c: Or 2,3,6,8,5,2,2,5,7,4 please", "Or [PHONE_1] please")],
    "stutter": [("c: " + "1" * 300, "[NUMBER_1]")],
    "code_without_question_mark": [
        ("a: And the security code on the back.", "And the security code on the back."),
        ("c: It says three, five, six,", "It says [CVV_1]"),
    ],
    "code_misheard": [
        ("a: And the three digits on the back.", "And the three digits on the back."),
        ("c: It says tree, five, sex.", "It says [CVV_1]"),
    ],
    "joined_by_hyphens": [
        ("a: what is your post-coat?", "what is your post-coat?"),
        ("c: It is eight-five-go-o-four, thanks", "It is [POSTCODE_1] thanks"),
    ],
    "email_end_misheard": [
        ("a: what is your email?", "what is your email?"),
        (
            "c: I have a new one. It is George Dot Pong, but at example. Dot Gorg",
            "I have a new one. It is [EMAIL_1]",
        ),
    ],
    "email_spelled_with_a_wrong_word": [
        (
            "c: By email, please, it is P. C. O. L. L. I. and S. at example. Dot word",
            "By email, please, it is [EMAIL_1]",
        ),
    ],
    "email_end_in_one_word": [("c: My email is ls.organ at example.com today", "My email is [EMAIL_1] today")],
    "email_at_misheard": [
        ("a: what is your male address? please spell it", "what is your male address? please spell it"),
        ("c: It is J. U. O. I. A. Dot W. A. G. have example dot com.", "It is [EMAIL_1]"),
    ],
    "email_letters_by_hyphens": [("a: J-U-L-I-A dot W-A-G at example.com is that it?", "[EMAIL_1] is that it?")],
    "email_read_back": [
        ("a: Let me read that back, George dot Palmer at example dot org.", "Let me read that back, [EMAIL_1]"),
    ],
    "address_street_misheard": [
        ("a: which address should I use.", "which address should I use."),
        ("c: Please send it to nine hundred and twelve River Old Boston.", "Please send it to [ADDRESS_1]"),
    ],
    "house_number_by_hyphen": [("c: it is twenty-seven Maypole Street", "it is [ADDRESS_1]")],
    "name_that_is_a_word_again": [
        ("a: Thank you, Mr. Foster, one moment.", "Thank you, Mr. [NAME_1] one moment."),
        ("a: Foster, thank you for holding. We foster trust.", "[NAME_1] thank you for holding. We foster trust."),
    ],
}

ORDINARY: dict[str, list[str]] = {
    "may_is_no_birth_date": ["a: and your date of birth?", "c: May I ask what for."],
    "may_i_after_the_question": ["a: your date of birth first, may I have it", "c: May I sit down first?"],
    "first_is_no_birth_date": ["a: can I have your date of birth?", "c: first?"],
    "a_quantity_is_no_birth_date": ["a: your date of birth?", "c: five hundred"],
    "megabits": ["a: first the account number", "a: You can now get five hundred megabits for that."],
    "amount_is_no_name": ["a: What is your name?", "c: eighty four dollars and fifty"],
    "right_one_is_no_password": ["a: And the password?", "a: Yes, that is the right one."],
    "goodbye": ["a: Is there anything else?", "c: Goodbye.", "a: Bye-bye.", "c: I will good-bye."],
    "firm": ["a: Good morning, this is Silver Oak Broadband. How can I help?"],
    "firm_asked_for": ["a: Silver Oak Broadband, good day.", "c: Hello, am I speaking with Silver Oak?"],
    "misheard_right": ["a: I have changed it for you now.", "c: Brett.", "a: Lovely, see you then."],
    "two_small_counts": ["c: I have one or two boxes and three to move."],
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_masked(name: str) -> None:
    redaction = Redactor().redact(spoken(*(said for said, _ in CASES[name])))
    assert [utterance.text for utterance in redaction.transcript.utterances] == [shown for _, shown in CASES[name]]


@pytest.mark.parametrize("name", ORDINARY)
def test_what_is_left_alone(name: str) -> None:
    redaction = Redactor().redact(spoken(*ORDINARY[name]))
    assert [utterance.text for utterance in redaction.transcript.utterances] == [
        line.split(": ", 1)[1] for line in ORDINARY[name]
    ]


def test_guessed_speakers_do_not_break_a_number() -> None:
    lines = ("c: 4, 9, 5, 1, 0, 5, 9, 8, 3, 9, 6,", "a: 7,", "c: 2, 6, 7, 9.")
    guessed = replace(spoken(*lines), split=SpeakerSplit.GUESSED)
    assert [u.text for u in Redactor().redact(guessed).transcript.utterances] == ["[CARD_1]"] * 3


def test_what_was_stripped_is_still_a_span_with_its_time_and_number() -> None:
    transcript = spoken(
        "a: the security code please", "c: three five six.", "a: and the other card's security code", "c: nine oh one"
    )
    first = Redactor().redact(transcript)
    kept = strip_never_stored(transcript, first)
    second = Redactor().redact(kept)
    found = [(span.kind, span.utterance, span.placeholder) for span in second.spans]
    assert found == [(PiiKind.CVV, 1, "[CVV_1]"), (PiiKind.CVV, 3, "[CVV_2]")]
    # The sound is masked as it would have been at once.
    for once, again in zip(first.spans, second.spans, strict=True):
        assert (again.start, again.end) == pytest.approx((once.start, once.end))
    assert second.transcript.utterances == kept.utterances


def test_new_values_do_not_take_the_number_of_one_that_stands_already() -> None:
    redaction = Redactor().redact(spoken("c: it was [CVV_1], then", "a: the security code again?", "c: three five six"))
    assert [span.placeholder for span in redaction.spans] == ["[CVV_1]", "[CVV_2]"]
    assert redaction.transcript.utterances[0].text == "it was [CVV_1], then"


def test_a_short_silence_inside_a_number_is_masked_with_it() -> None:
    # The recogniser lost digits between the two turns: 0.4 s without any word.
    transcript = spoken("c: four nine one one two five", "c: one nine eight seven")
    redaction = Redactor().redact(transcript)
    assert len(redaction.spans) == 2
    assert len(redaction.masked_times) == 1


def test_a_turn_between_is_not_masked_with_the_number() -> None:
    redaction = Redactor().redact(spoken("c: four nine one one two five", "a: okay", "c: one nine eight seven"))
    assert len(redaction.masked_times) == 2


def test_words_hardly_recognised_beside_a_number_are_masked_in_the_sound() -> None:
    transcript = spoken("c: well hello all is nine nine five seven seven zero")
    (utterance,) = transcript.utterances
    words = tuple(replace(word, confidence=0.2) if word.text in {"all", "is"} else word for word in utterance.words)
    unsure = replace(transcript, utterances=(replace(utterance, words=words),))
    (sure_span,) = Redactor().redact(transcript).spans
    (unsure_span,) = Redactor().redact(unsure).spans
    assert sure_span.start >= words[3].end - 1e-9
    assert unsure_span.start <= words[2].start
    assert unsure_span.start >= words[0].end


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Yes, my name is Violet the I-O-L-E-T.", "Yes, my name is [NAME_1] the [NAME_2]"),
        ("I used the A-T-M in the U-S-A and an H-D-M-I cable.", "I used the A-T-M in the U-S-A and an H-D-M-I cable."),
    ],
)
def test_a_name_spelled_without_being_asked_is_masked_and_acronyms_are_not(said: str, shown: str) -> None:
    transcript = Transcript(
        engine="e", model="m", version="1", language="en", duration=5.0, speakers=(Speaker(role=Role.CUSTOMER),),
        split=SpeakerSplit.GIVEN, utterances=(Utterance(index=0, speaker=0, start=0.0, end=4.0, text=said),),
    )  # fmt: skip
    assert Redactor().redact(transcript).transcript.utterances[0].text == shown
