from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.consent.proof import AnswerMethod, KeyPress, Verdict, answers, find_answer, find_objections
from candor.conversation.transcript import Utterance, Word
from candor.errors import InvalidInput

OBJECTIONS = (
    "Please don't record this call.", "I don't want to be recorded.", "I do not want this call recorded",
    "Stop recording, please.", "Could you please turn off the recording?", "I'd rather you didn't record this.",
    "Do not record me!", "yes but I object to being recorded", "I don’t consent to being recorded",
)  # fmt: skip
NONE = (
    "We do not record card numbers.", "You don't record that, do you?", "They never record the meter.",
    "Systems do not record it twice.", "I don't recall the record.", "Yes, you may record this.",
    "Please don't send me the record.",
)  # fmt: skip
YES, NO, UNCLEAR = Verdict.YES, Verdict.NO, Verdict.UNCLEAR
LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl")


def said(text: str, start: float = 10.2, speaker: int = 0, index: int = 0) -> Utterance:
    return Utterance(index=index, speaker=speaker, start=start, end=start + 2, text=text)


@pytest.mark.parametrize(
    ("language", "text", "verdict"),
    [
        ("en", "Yes.", YES),
        ("en", "Yes please", YES),
        ("en", "Uh, yeah.", YES),
        ("en", "I don't mind", YES),
        ("en", "Sure, that's fine with me", YES),
        ("en", "No problem.", YES),
        ("en", "by all means", YES),
        ("en", "yes hello I'm calling because I have no signal", YES),
        ("en", "No thank you.", NO),
        ("en", "I'd rather not", NO),
        ("en", "I’d rather not.", NO),
        ("en", "not okay", NO),
        ("en", "I do not agree", NO),
        ("en", "Of course not!", NO),
        ("en", "Yeah. Actually, no.", NO),
        ("en", "okay but please don't record this", NO),
        ("en", "yes, no wait", UNCLEAR),
        ("en", "no I mean yes", UNCLEAR),
        ("en", "No, that's fine.", UNCLEAR),
        ("en", "what do you mean?", UNCLEAR),
        ("en", "I suppose so", UNCLEAR),
        ("en", "well my bill is wrong", UNCLEAR),
        ("en", "Okay, so I have a problem with my bill", UNCLEAR),
        ("de", "Ja, gerne.", YES),
        ("de", "Kein Problem", YES),
        ("de", "Ich habe nichts dagegen.", YES),
        ("de", "Nein danke", NO),
        ("de", "Nein, lieber nicht", NO),
        ("de", "Ich bin nicht einverstanden", NO),
        ("de", "Das möchte ich nicht", NO),
        ("de", "Ja, nein, Moment", UNCLEAR),
        ("de", "einverstanden bin ich damit nicht", UNCLEAR),
        ("de", "Von mir aus", UNCLEAR),
        ("fr", "Oui, allez-y", YES),
        ("fr", "D'accord", YES),
        ("fr", "Ça ne me dérange pas", YES),
        ("fr", "Non merci", NO),
        ("fr", "Je ne suis pas d'accord", NO),
        ("fr", "je préférerais ne pas", NO),
        ("fr", "oui euh non attendez", UNCLEAR),
        ("es", "Sí, claro", YES),
        ("es", "No me importa", YES),
        ("es", "No estoy de acuerdo", NO),
        ("es", "Prefiero que no", NO),
        ("es", "No, estoy de acuerdo", UNCLEAR),
        ("pt", "Sim, pode gravar", YES),
        ("pt", "Não me importo", YES),
        ("pt", "Não concordo", NO),
        ("pt", "Prefiro que não", NO),
        ("it", "Sì, va bene", YES),
        ("it", "Non mi dispiace", YES),
        ("it", "Non sono d'accordo", NO),
        ("it", "Preferirei di no", NO),
        ("nl", "Ja hoor", YES),
        ("nl", "Ik vind het niet erg", YES),
        ("nl", "Nee, liever niet", NO),
        ("nl", "Daar ga ik niet mee akkoord", NO),
        ("nl", "akkoord ben ik niet", UNCLEAR),
    ],
)
def test_spoken_answers(language: str, text: str, verdict: Verdict) -> None:
    answer = find_answer([said(text)], 10.0, language)
    assert answer.verdict is verdict
    assert answer.method is AnswerMethod.SPOKEN
    assert answer.quote
    assert answer.quote in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_agreement_loses_to_a_plain_objection(language: str) -> None:
    lists = tomllib.loads((Path(answers.__file__).parent / "data" / "answers.toml").read_text(encoding="utf-8"))[
        language
    ]
    for phrase in lists["objection"]:
        answer = find_answer([said(f"{lists['yes'][0]}. {phrase}.")], 10.0, language)
        assert answer.verdict is NO, phrase


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_listed_phrase_by_itself_means_what_its_list_says(language: str) -> None:
    lists = tomllib.loads((Path(answers.__file__).parent / "data" / "answers.toml").read_text(encoding="utf-8"))[
        language
    ]
    careful = {phrase for sign in ("no", "doubt", "objection") for phrase in lists[sign]}
    for phrase in lists["yes"]:
        assert find_answer([said(phrase)], 10.0, language).verdict is YES or phrase in careful, phrase
    for phrase in lists["no"]:
        assert find_answer([said(phrase)], 10.0, language).verdict is not YES, phrase
    for phrase in (*lists["doubt"], *lists["objection"]):
        assert find_answer([said(phrase)], 10.0, language).verdict is not YES, phrase


def test_quote_and_time_are_of_the_words() -> None:
    words = tuple(
        Word(text=text, start=start, end=start + 0.3, confidence=0.9)
        for text, start in (("Hello,", 10.5), ("yes,", 11.0), ("please.", 11.4))
    )
    utterance = Utterance(index=4, speaker=1, start=10.5, end=11.7, text="Hello, yes, please.", words=words)
    answer = find_answer([utterance], 10.0, "en-GB")
    assert (answer.verdict, answer.quote, answer.utterance) == (YES, "yes,", 4)
    assert (answer.start, answer.stop) == (11.0, 11.3)


def test_only_the_caller_counts_and_only_after_the_question() -> None:
    utterances = [
        said("Yes.", 2.0),
        said("Say yes or no.", 8.0, 1, 1),
        said("Yes?", 10.5, 1, 2),
        said("No.", 12.0, 0, 3),
    ]
    assert find_answer(utterances, 10.0, "en", speakers={0}).verdict is NO
    assert find_answer(utterances[:3], 10.0, "en", speakers={0}).method is AnswerMethod.NONE
    assert find_answer([said("Yes.", 40.0)], 10.0, "en").verdict is UNCLEAR


def test_silence_is_no_answer() -> None:
    answer = find_answer([], 10.0, "de")
    assert (answer.verdict, answer.method, answer.quote) == (UNCLEAR, AnswerMethod.NONE, "")


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [("1", YES), ("2", NO), ("9", UNCLEAR), ("12", NO), ("21", UNCLEAR), ("11", YES), ("", UNCLEAR)],
)
def test_keys(keys: str, verdict: Verdict) -> None:
    presses = [KeyPress(key, 10.0 + place) for place, key in enumerate(keys)]
    answer = find_answer([], 10.0, "en", presses=presses)
    assert answer.verdict is verdict
    if verdict is not UNCLEAR:
        assert answer.method is AnswerMethod.KEY_PRESS
        assert answer.quote == keys[-1]


def test_words_and_keys_that_disagree_are_no_yes() -> None:
    assert find_answer([said("No.", 10.5)], 10.0, "en", presses=[KeyPress("1", 12.0)]).verdict is UNCLEAR
    assert find_answer([said("No.", 12.5)], 10.0, "en", presses=[KeyPress("1", 10.5)]).verdict is NO


def test_own_keys_and_early_ones() -> None:
    assert find_answer([], 10.0, "en", presses=[KeyPress("9", 5.0)], yes_key="9", no_key="0").verdict is YES
    assert find_answer([], 60.0, "en", presses=[KeyPress("1", 5.0)]).verdict is UNCLEAR


def test_objections_in_mid_call() -> None:
    utterances = [said("I have no record of it.", 100.0), said("Please stop the recording now.", 200.0, 0, 1)]
    (objection,) = find_objections(utterances, "en")
    assert objection.quote == "stop the recording"
    assert objection.utterance == 1
    assert objection.start is not None
    assert objection.start > 200


def test_a_language_without_lists_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="not understood") as caught:
        find_answer([], 1.0, "pl")
    assert caught.value.code == "answer.language"


@given(text=st.text(max_size=80), end=st.floats(0, 20), language=st.sampled_from(LANGUAGES))
@settings(max_examples=150, deadline=None)
def test_no_text_whatever_is_an_error(text: str, end: float, language: str) -> None:
    find_answer([said(text)], end, language)


@given(
    words=st.lists(
        st.sampled_from(["yes", "okay", "sure", "my", "bill", "the", "not", "no", "don't", "."]), max_size=12
    )
)
@settings(max_examples=200, deadline=None)
def test_a_plain_refusal_at_the_end_is_never_a_yes(words: list[str]) -> None:
    text = " ".join([*words[:6], "no"])
    assert find_answer([said(text)], 10.0, "en").verdict is not YES or len(text.split()) > 3


@pytest.mark.parametrize("text", OBJECTIONS)
def test_an_objection_is_one_wherever_it_is_said_and_whatever_stands_before_it(text: str) -> None:
    (found,) = find_objections([said("So my bill is wrong. " + text + " And now to the bill.")], "en")
    assert "record" in found.quote
    assert find_answer([said(text)], 10.0, "en").verdict is NO


@pytest.mark.parametrize("text", NONE)
def test_telling_what_is_recorded_is_no_objection(text: str) -> None:
    assert find_objections([said(text)], "en") == ()
