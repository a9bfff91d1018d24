"""From words to utterances."""

from __future__ import annotations

from itertools import pairwise

from candor.conversation.transcript import Word
from candor.transcript.turns import spread, utterances


def said(text: str, start: float, *, step: float = 0.3, gap: float = 0.05) -> list[Word]:
    return [
        Word(text=word, start=start + place * step, end=start + (place + 1) * step - gap, confidence=0.9)
        for place, word in enumerate(text.split())
    ]


def texts(words: list[tuple[int, Word]]) -> list[tuple[int, str]]:
    return [(utterance.speaker, utterance.text) for utterance in utterances(words)]


def test_a_pause_ends_an_utterance() -> None:
    words = [(0, word) for word in said("good morning", 0.0) + said("how are you", 2.0)]
    assert texts(words) == [(0, "good morning"), (0, "how are you")]


def test_a_short_pause_does_not() -> None:
    words = [(0, word) for word in said("good morning", 0.0) + said("how are you", 1.2)]
    assert texts(words) == [(0, "good morning how are you")]


def test_channels_merge_in_call_order_and_overlap_is_kept() -> None:
    agent = said("I will check that for you now", 1.0)
    customer = said("no wait", 2.0)
    found = utterances([(0, word) for word in agent] + [(1, word) for word in customer])
    assert [utterance.speaker for utterance in found] == [0, 1]
    assert found[1].start < found[0].end
    assert [utterance.index for utterance in found] == [0, 1]


def test_another_turn_in_a_breath_after_a_sentence_cuts_there() -> None:
    agent = said("Is that right?", 0.0) + said("Thank you.", 1.6)
    customer = said("Yes", 1.0)
    words = [(0, word) for word in agent] + [(1, word) for word in customer]
    assert texts(words) == [(0, "Is that right?"), (1, "Yes"), (0, "Thank you.")]
    assert texts([(0, word) for word in agent]) == [(0, "Is that right? Thank you.")]


def test_long_speech_is_cut_at_a_sentence_end() -> None:
    words = said("and so " * 20 + "it was. Then we went on", 0.0)
    assert texts([(0, word) for word in words])[0][1].endswith("it was.")


def test_endless_speech_is_cut_somewhere() -> None:
    found = utterances([(0, word) for word in said("la " * 400, 0.0)])
    assert len(found) > 2
    assert all(utterance.end - utterance.start < 40 for utterance in found)


def test_text_is_the_words_joined() -> None:
    (utterance,) = utterances([(0, word) for word in said("Hello, this is Ann.", 0.0)])
    assert utterance.text.split(" ") == [word.text for word in utterance.words]
    assert 0.89 < utterance.confidence < 0.91


def test_nothing_said_gives_nothing() -> None:
    assert utterances([]) == ()


def test_spread_fills_the_segment_in_order() -> None:
    words = spread(["a", "considerably", "b"], [1.0, 0.5, 1.0], 10.0, 13.0)
    assert words[0].start == 10.0
    assert words[-1].end == 13.0
    assert words[1].end - words[1].start > words[0].end - words[0].start
    assert all(before.end == after.start for before, after in pairwise(words))
