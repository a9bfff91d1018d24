"""Named cases: what was said, and what of it must be shown."""

from __future__ import annotations

import pytest

from candor.redaction.service import Redactor

from .calls import spoken, written

CASES: dict[str, list[tuple[str, str]]] = {
    "card_single_digits": [
        ("a: can i have your card number", "can i have your card number"),
        ("c: four one one one one one one one one one one one one one one one", "[CARD_1]"),
    ],
    "card_double_and_triple": [
        ("c: my card is four triple one double one double one triple one triple one one one", "my card is [CARD_1]"),
    ],
    "card_cardinals_and_oh": [
        ("a: and the long number please", "and the long number please"),
        ("c: forty one eleven oh one two three forty five sixty seven eighty nine ten", "[CARD_1]"),
    ],
    "card_without_luhn": [
        ("a: what's your card number", "what's your card number"),
        ("c: it's 4111 1111 1111 1112", "it's [CARD_1]"),
    ],
    "card_over_turns_and_uh_huh": [
        ("a: card number please", "card number please"),
        ("c: four one one one", "[CARD_1]"),
        ("a: mm-hm", "mm-hm"),
        ("c: one one one one uh one one one one", "[CARD_1]"),
        ("a: and the last four?", "and the last four?"),
        ("c: one one one one", "[CARD_1]"),
        ("a: and the three digits on the back", "and the three digits on the back"),
        ("c: seven three seven", "[CVV_1]"),
    ],
    "cvv_is_not_the_card": [
        ("a: what is the security code", "what is the security code"),
        ("c: it is one two three", "it is [CVV_1]"),
    ],
    "last_four_named": [("c: it's the card ending in four two four two", "it's the card ending in [CARD_1]")],
    "phone_spoken": [("c: call me on oh seven seven double oh nine hundred one two three", "call me on [PHONE_1]")],
    "phone_written": [("c: my number is (555) 123-4567 thanks", "my number is [PHONE_1] thanks")],
    "account_and_sort_code": [
        ("a: your sort code please", "your sort code please"),
        ("c: twenty forty sixty", "[ACCOUNT_1]"),
        ("a: and the account number", "and the account number"),
        ("c: one two three four five six seven eight", "[ACCOUNT_2]"),
    ],
    "ssn_spoken": [("c: my social is one two three four five six seven eight nine", "my social is [ID_1]")],
    "ssn_written": [("c: it is 123-45-6789.", "it is [ID_1]")],
    "iban_in_groups": [("c: IBAN GB82 WEST 1234 5698 7654 32 please", "IBAN [IBAN_1] please")],
    "long_run_unknown": [("c: the label says nine nine two one three four seven six", "the label says [NUMBER_1]")],
    "email_spoken": [("c: it's john dot smith at example dot com", "it's [EMAIL_1]")],
    "email_spelled": [
        ("a: your email address?", "your email address?"),
        ("c: j underscore s m i t h at gmail dot com", "[EMAIL_1]"),
    ],
    "email_written": [("c: write to jo.b@example.org please", "write to [EMAIL_1] please")],
    "name_cue": [("c: hi my name is tomasz winstanley and i lost my bag", "hi my name is [NAME_1] and i lost my bag")],
    "name_title": [("a: thank you mister okonkwo", "thank you mister [NAME_1]")],
    "name_answer_garbled": [
        ("a: can i take your full name", "can i take your full name"),
        ("c: pamela quarter", "[NAME_1]"),
    ],
    "name_spelled": [("a: please spell your surname", "please spell your surname"), ("c: s m i t h", "[NAME_1]")],
    "letters_explained": [
        ("a: what is your postcode", "what is your postcode"),
        ("c: s for sugar w one a as in alpha one b for baker b", "[POSTCODE_1]"),
    ],
    "postcode_nato": [("c: sierra whiskey one alpha one alpha alpha", "[POSTCODE_1]")],
    "postcode_garbled": [
        ("a: what is your postcode", "what is your postcode"),
        ("c: i owe you 5 6 l z", "[POSTCODE_1]"),
    ],
    "zip_after_cue": [("c: the zip code is 35350", "the zip code is [POSTCODE_1]")],
    "address_spoken": [
        ("c: i live at four hundred twenty main street springfield", "i live at [ADDRESS_1]"),
    ],
    "birth_date_answer": [
        ("a: and your date of birth", "and your date of birth"),
        ("c: third of march nineteen seventy two", "[DOB_1]"),
    ],
    "birth_date_stated": [("c: i was born on may 1 1982", "i was born on [DOB_1]")],
    "password": [("c: the password is blue elephant", "the password is [PASSWORD_1]")],
    "pin": [("a: what is your pin", "what is your pin"), ("c: four four one nine", "[PASSWORD_1]")],
    "url_and_ip": [("c: see https://x.example/u/77 from 10.1.2.3 ok", "see [URL_1] from [IP_1] ok")],
}

ORDINARY = {
    "around_the_clock": "a: we are open twenty four seven",
    "price": "a: that is two hundred fifty dollars and nineteen cents",
    "price_written": "a: your total is $1,249.99 for 3 items",
    "menu": "a: press one for sales two for support or three for billing",
    "year": "c: i bought it in nineteen ninety nine",
    "delivery_date": "a: it will be delivered on the third of march twenty twenty six",
    "time": "c: can you call tomorrow at ten thirty",
    "times": "c: i called 20 to 2 and again 3 times in 5 days",
    "speed": "c: i pay for 500 mbps and get 50",
    "words_that_are_names": "c: will you mark the bill as paid in may or is there any hope",
    "places": "c: i flew from paris to london and then to charlotte",
    "declined": "c: my card was declined 3 times and my passcode was denied",
    "counting": "a: one two three go",
    "magnitude": "c: about ten thousand people have that problem",
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_masked(name: str) -> None:
    redaction = Redactor().redact(spoken(*(said for said, _ in CASES[name])))
    assert [utterance.text for utterance in redaction.transcript.utterances] == [shown for _, shown in CASES[name]]


@pytest.mark.parametrize("name", ORDINARY)
def test_what_is_left_alone(name: str) -> None:
    redaction = Redactor().redact(spoken(ORDINARY[name]))
    assert redaction.spans == ()


def test_same_value_has_the_same_number_however_it_is_said() -> None:
    redaction = Redactor().redact(
        spoken(
            "a: card number please",
            "c: four one one one one one one one one one one one one one one one",
            "a: so that is 4111-1111-1111-1111",
            "c: no wait the other card number is 5500 0000 0000 0004",
        )
    )
    shown = [utterance.text for utterance in redaction.transcript.utterances]
    assert shown[1] == "[CARD_1]"
    assert "[CARD_1]" in shown[2]
    assert "[CARD_2]" in shown[3]


def test_known_names_are_masked_wherever_they_are_said() -> None:
    redaction = Redactor().redact(spoken("a: hello quillon how are you", "c: i will wait"), ["Quillon Will"])
    assert [utterance.text for utterance in redaction.transcript.utterances] == [
        "a: hello [NAME_1] how are you".removeprefix("a: "),
        "i will wait",
    ]


def test_chat_without_words_is_masked_by_its_tokens() -> None:
    redaction = Redactor().redact(written("c: it is  4111111111111111 ok"))
    (utterance,) = redaction.transcript.utterances
    assert utterance.text == "it is  [CARD_1] ok"
    assert utterance.words == ()
    (span,) = redaction.spans
    assert (span.first_word, span.last_word) == (3, 3)
    assert span.start == span.end
