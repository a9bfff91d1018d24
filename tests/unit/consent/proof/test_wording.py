from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from candor.consent.proof import find_wording
from candor.conversation.transcript import Utterance

NOTICE = "This call is recorded by Example Limited. The recording is for training our staff."


def utterances(*texts: str) -> list[Utterance]:
    return [
        Utterance(index=place, speaker=place % 2, start=10.0 * place, end=10.0 * place + 9, text=text)
        for place, text in enumerate(texts)
    ]


def test_read_out_word_for_word() -> None:
    said = find_wording(NOTICE, utterances("Hello, welcome.", NOTICE, "Thanks."))
    assert said.share == 1.0
    assert said.missing == ()
    assert said.quote == NOTICE
    assert said.start == 10.0
    assert said.stop == 19.0


def test_misheard_and_interrupted() -> None:
    said = find_wording(
        NOTICE,
        utterances("So, this call is record by example limited, okay,", "and the recordings for trainings our staff"),
    )
    assert 0.8 < said.share < 1.0
    assert "is" in said.missing
    assert said.start is not None
    assert said.start < 3


def test_half_of_it() -> None:
    said = find_wording(NOTICE, utterances("This call is recorded by Example Limited. How can I help you today?"))
    assert 0.45 < said.share < 0.6
    assert said.missing[-2:] == ("our", "staff")


def test_talk_that_merely_has_its_words() -> None:
    talk = "I made a call to your staff, the one for the recording, and our order is limited this time. "
    assert find_wording(NOTICE, utterances(talk * 5)).share < 0.4


def test_only_the_ones_who_should_say_it() -> None:
    heard = utterances("Hello.", NOTICE)
    assert find_wording(NOTICE, heard, speakers={1}).share == 1.0
    assert find_wording(NOTICE, heard, speakers={0}).share < 0.2


def test_nothing_said_and_nothing_wanted() -> None:
    said = find_wording(NOTICE, [])
    assert (said.share, said.start) == (0.0, None)
    assert len(said.missing) == 14
    assert find_wording("", utterances("Hello")).share == 0.0


@given(text=st.text(max_size=60), talk=st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_the_share_is_a_share(text: str, talk: str) -> None:
    assert 0.0 <= find_wording(text, utterances(talk)).share <= 1.0
