"""The written demo calls: what a good listener would answer is what the built-in scorecard answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from demo.dialogue import Call, load_all

from candor.analysis.metrics import HoldPhrases, measure
from candor.conversation.finding import Analysis
from candor.conversation.model import Direction, Role
from candor.conversation.transcript import PiiKind, PiiSpan, Speaker, SpeakerSplit, Transcript, Utterance, Word
from candor.scoring.service import builtin, score
from tests.unit.scoring.calls import analysis, answer

CARD = builtin("customer-service-basics")
WORD_SECONDS = 0.35
PAUSE = 0.45


def heard(call: Call) -> tuple[Transcript, tuple[PiiSpan, ...]]:
    """The dialogue as a redacted transcript, with times from the number of words."""
    at = 0.0
    spoken: list[tuple[Utterance, list[PiiSpan]]] = []
    numbers: dict[tuple[str, str], int] = {}
    for turn in call.turns:
        if turn.hold:
            at += turn.hold
            continue
        at = start = at - turn.overlap if turn.overlap else at + (turn.pause or PAUSE)
        words: list[Word] = []
        spans: list[PiiSpan] = []
        marks = {mark.first: mark for mark in turn.marks}
        texts = turn.text.split()
        place = 0
        while place < len(texts):
            mark = marks.get(place)
            last = mark.last if mark else place
            end = at + WORD_SECONDS * (last - place + 1)
            text = texts[place]
            if mark:
                said = " ".join(texts[place : last + 1]).strip(".,?!").lower()
                number = numbers.setdefault((mark.kind, said), 1 + sum(kind == mark.kind for kind, _ in numbers))
                text = f"[{mark.kind}_{number}]"
                spans.append(
                    PiiSpan(
                        kind=PiiKind(mark.kind),
                        utterance=0,
                        first_word=place,
                        last_word=last,
                        start=at,
                        end=end,
                        placeholder=text,
                        rule="test@1",
                        confidence=1.0,
                    )
                )
            words.append(Word(text=text, start=at, end=end, confidence=0.9))
            at, place = end, last + 1
        utterance = Utterance(
            index=0,
            speaker=0 if turn.speaker == "agent" else 1,
            start=start,
            end=at,
            text=" ".join(word.text for word in words),
            words=tuple(words),
            confidence=0.9,
        )
        spoken.append((utterance, spans))
    spoken.sort(key=lambda item: item[0].start)
    text = Transcript(
        engine="test",
        model="test",
        version="1",
        language="en",
        duration=at + 1,
        speakers=(Speaker(role=Role.AGENT, channel=1), Speaker(role=Role.CUSTOMER, channel=0)),
        split=SpeakerSplit.CHANNEL,
        utterances=tuple(replace(utterance, index=i) for i, (utterance, _) in enumerate(spoken)),
    )
    return text, tuple(replace(span, utterance=i) for i, (_, found) in enumerate(spoken) for span in found)


def noticed(text: Transcript) -> Analysis:
    """The figures of the real analysis; holds are announced by a few plain words."""
    announced = frozenset(
        utterance.index
        for utterance in text.utterances
        if utterance.speaker == 0 and any(words in utterance.text.lower() for words in ("hold", "moment", "let me"))
    )
    measured = measure(text, HoldPhrases(announced=announced))
    return replace(analysis(), metrics=measured.metrics, findings=measured.findings)


@pytest.mark.parametrize("call", load_all(), ids=lambda call: call.id)
def test_answers_are_what_a_good_listener_says(call: Call) -> None:
    text, pii = heard(call)
    result = score(
        CARD,
        text,
        noticed(text),
        conversation_id=call.id,
        transcript_id=call.id,
        direction=Direction(call.direction),
        pii=pii,
    )
    expected = {name: verdict for name, verdict in call.expect["questions"].items() if CARD.question(name)}
    assert len(expected) >= 5
    assert {name: answer(result, name).verdict.value for name in expected} == expected


def test_good_and_bad_service_are_told_apart() -> None:
    scores = {}
    for call in load_all():
        text, pii = heard(call)
        scores[call.id[:2]] = score(
            CARD, text, noticed(text), conversation_id="c", transcript_id="t", direction=Direction.INBOUND, pii=pii
        ).score
    bad = {"05", "07", "11", "15"}
    assert max(scores[name] or 0 for name in bad) < 70 <= min(scores[name] or 0 for name in ("01", "06", "14", "18"))
