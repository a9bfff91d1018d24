"""Transferred conversations are judged leg by leg: which words, whose figures, for whom they count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from candor.conversation.evaluation import Evaluation, EvaluationSource, Verdict
from candor.conversation.finding import Analysis, Finding, Metric
from candor.conversation.model import Conversation, Gap, Party, Role
from candor.conversation.transcript import (
    PiiKind,
    PiiSpan,
    Redaction,
    Speaker,
    SpeakerSplit,
    Transcript,
    Utterance,
)
from candor.errors import InvalidInput
from candor.kit import clock
from candor.pipeline import evaluating, legs
from candor.pipeline.rescoring import Ask
from candor.replay import measured
from candor.replay.model import Scope
from candor.scoring import store as scores
from candor.scoring.loader import load_scorecard
from candor.scoring.rescoring.store import State
from tests.unit.pipeline.judged import SCORECARD, House

EACH = SCORECARD.replace("pass_mark: 70", "pass_mark: 70\nsegments: each").replace("version: 1", "version: 2")
ANN = Party(role=Role.AGENT, name="Ann", agent_id="a1", left=30.0)
BOB = Party(role=Role.AGENT, name="Bob", agent_id="a2", joined=30.0)
CUSTOMER = Party(role=Role.CUSTOMER, tel="+12025550143")


def said(*lines: tuple[float, int, str], speakers: Sequence[Speaker] = ()) -> Transcript:
    return Transcript(
        engine="t", model="t", version="1", language="en", duration=60.0,
        speakers=tuple(speakers) or (Speaker(role=Role.AGENT), Speaker(role=Role.CUSTOMER)),
        split=SpeakerSplit.CHANNEL,
        utterances=tuple(
            Utterance(index=place, speaker=by, start=at, end=at + 2, text=text)
            for place, (at, by, text) in enumerate(lines)
        ),
    )  # fmt: skip


SAID = said(
    (1, 0, "thank you for calling"), (4, 1, "my card is [CARD_1]"), (28, 0, "I put you through"),
    (31, 0, "Bob speaking"), (35, 1, "my name is [NAME_1]"), (50, 0, "anything else"),
)  # fmt: skip


def span(utterance: int, kind: PiiKind) -> PiiSpan:
    at = SAID.utterances[utterance].start
    return PiiSpan(
        kind=kind, utterance=utterance, first_word=3, last_word=3, start=at, end=at + 1,
        placeholder=f"[{kind.value}_1]", rule="t", confidence=1.0,
    )  # fmt: skip


class Watch:
    """Notes what it is given, and notices something at the beginning of it."""

    def __init__(self) -> None:
        self.given: list[tuple[Transcript, Sequence[PiiSpan], Sequence[Gap]]] = []

    def __call__(self, transcript: Transcript, spans: Sequence[PiiSpan], gaps: Sequence[Gap]) -> Analysis:
        self.given.append((transcript, spans, gaps))
        return Analysis(
            version="t", metrics=(Metric(name="m", value=1.0, unit="s", n=1, start=0.5, end=1.0),),
            findings=(Finding(id="f", kind="dead_air", label="l", start=2.0, end=3.0),), sentiments=(), course=(),
            keywords=(), categories=(),
        )  # fmt: skip


def call(*parties: Party, gaps: tuple[Gap, ...] = ()) -> Conversation:
    return Conversation(id="c", started_at=clock.now(), parties=(*parties, CUSTOMER), gaps=gaps)


def test_each_leg_is_a_conversation_by_itself_on_the_same_time_line() -> None:
    watch = Watch()
    redaction = Redaction(transcript=SAID, spans=(span(1, PiiKind.CARD), span(4, PiiKind.NAME)), version="1")
    held = Gap(start=40.0, stop=45.0, reason="on_hold")
    first, second = legs.cut(call(ANN, BOB, gaps=(held,)), redaction, watch)
    assert (first.leg.agent_id, first.utterances, second.leg.agent_id, second.utterances) == (
        "a1", (0, 1, 2), "a2", (3, 4, 5)
    )  # fmt: skip
    assert [each.kind for each in first.redaction.spans] == [PiiKind.CARD]
    assert [(each.kind, each.utterance) for each in second.redaction.spans] == [(PiiKind.NAME, 1)]
    assert [each.start for each in second.redaction.transcript.utterances] == [31, 35, 50]
    # Figures are measured from the leg's own beginning, and lie where it lies.
    given, _, gaps = watch.given[1]
    assert ([each.start for each in given.utterances], given.duration) == ([1, 5, 20], 30)
    assert [(gap.start, gap.stop) for gap in gaps] == [(10, 15)]
    assert (second.analysis.findings[0].start, second.analysis.metrics[0].start) == (32.0, 30.5)
    assert watch.given[0][2] == []


@pytest.mark.parametrize(
    ("parties", "apart"),
    [
        ((ANN, BOB), True),
        ((replace(ANN, left=None), replace(BOB, joined=None)), False),  # nobody says when
        ((replace(ANN, left=None), BOB), False),  # both are there
        ((replace(ANN, left=None, channel=0), replace(BOB, channel=2)), True),
        ((replace(ANN, left=None, channel=0), replace(BOB, channel=0)), False),
        ((ANN,), False),
        ((ANN, replace(ANN, joined=40.0)), False),  # who comes back is no other agent
    ],
)
def test_legs_are_cut_only_where_it_is_known_whose_words_they_are(parties: tuple[Party, ...], apart: bool) -> None:
    speakers = (Speaker(role=Role.AGENT, channel=0), Speaker(role=Role.CUSTOMER, channel=1))
    talk = replace(SAID, speakers=speakers)
    found = legs.cut(call(*parties), Redaction(transcript=talk, spans=(), version="1"), Watch())
    assert bool(found) is apart


def test_on_channels_of_their_own_both_may_be_there() -> None:
    speakers = (
        Speaker(role=Role.AGENT, channel=0), Speaker(role=Role.CUSTOMER, channel=1), Speaker(role=Role.AGENT, channel=2)
    )  # fmt: skip
    talk = said((1, 0, "hello"), (3, 1, "hi"), (5, 2, "Bob here"), (8, 1, "good"), speakers=speakers)
    both = (replace(ANN, left=None, channel=0), replace(BOB, joined=4.0, channel=2))
    first, second = legs.cut(call(*both), Redaction(transcript=talk, spans=(), version="1"), Watch())
    assert (first.utterances, second.utterances) == ((0, 1, 3), (2, 3))


# ---- through the house ----


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, {"meaning": False})
    with made.services.database.write() as uow:
        made.services.scorecards.publish_text(uow, EACH, None)
    yield made
    made.close()


def transferred(house: House) -> str:
    """The agent of the first half greets, that of the second asks for more."""
    middle = _middle(house)
    ann, bob = replace(ANN, left=middle), replace(BOB, joined=middle)
    return house.call(parties=(ann, bob, CUSTOMER))


def _middle(house: House) -> float:
    probe = house.call()
    with house.services.database.read() as uow:
        redaction = house.services.shelf.redaction(uow, probe)
    assert redaction is not None
    return redaction.transcript.duration / 2


def rescored(house: House) -> None:
    with house.services.database.write() as uow:
        job = house.services.rescoring.rescore(uow, "basics", Ask(), None)
    house.services.rescoring.work()
    with house.services.database.read() as uow:
        ended = house.services.rescoring.job(uow, job.id, None)
    assert (ended.state, ended.done, ended.aside) == (State.DONE, ended.total, ())


def automatic(house: House, conversation_id: str) -> list[Evaluation]:
    with house.services.database.read() as uow:
        found = scores.list_evaluations(uow, conversation_id)
    mine = [each for each in found if each.source is EvaluationSource.AUTOMATIC and each.scorecard == "basics"]
    return sorted(mine, key=lambda each: each.segment or "")


def test_one_evaluation_a_leg_and_again_the_same(house: House) -> None:
    one = transferred(house)
    rescored(house)
    found = automatic(house, one)
    assert [each.segment for each in found] == ["a1", "a2"]
    with house.services.database.read() as uow:
        redaction = house.services.shelf.redaction(uow, one)
    assert redaction is not None
    middle, utterances = redaction.transcript.duration / 2, redaction.transcript.utterances
    for each, (low, high) in zip(found, ((0, middle), (middle, redaction.transcript.duration)), strict=True):
        for answer in each.answers:
            for evidence in answer.evidence:
                assert low <= evidence.start <= evidence.end <= high + 15  # the last word of a leg may end after it
                if evidence.utterance is not None:
                    assert low <= utterances[evidence.utterance].start <= high
                    assert evidence.quote is None or evidence.quote.split(" ")[0] in utterances[evidence.utterance].text
    rescored(house)
    again = automatic(house, one)
    assert [each.id for each in again] == [each.id for each in found]
    assert [each.answers for each in again] == [each.answers for each in found]


def test_each_agent_answers_for_their_own_leg(house: House) -> None:
    one = transferred(house)
    rescored(house)
    verdicts = {
        (each.segment, answer.question): answer.verdict for each in automatic(house, one) for answer in each.answers
    }
    assert verdicts["a1", "greeting"] is Verdict.YES
    assert verdicts["a2", "greeting"] is not Verdict.YES
    with house.services.database.read() as uow:
        counted = measured.by_question(uow, Scope(), measured.Period(), "automatic")
    lost = {(each.agent_id, each.question): each.tally for each in counted if each.scorecard == "basics"}
    assert lost["a2", "greeting"].n == 1
    assert lost["a2", "greeting"].lost == 1.0
    with house.services.database.read() as uow:
        only = measured.by_question(uow, Scope(), measured.Period(), "automatic", agents=("a2",))
        weeks = measured.weeks(uow, Scope(), measured.Period(), "automatic", "a2")
    assert {each.agent_id for each in only} == {"a2"}
    assert sum(each.n for each in weeks if each.scorecard == "basics") == 1


def test_legs_take_the_place_of_the_whole_and_back(house: House) -> None:
    one = transferred(house)
    assert [each.segment for each in automatic(house, one)] == [None]
    rescored(house)
    assert [each.segment for each in automatic(house, one)] == ["a1", "a2"]
    with house.services.database.write() as uow:
        whole = EACH.replace("segments: each\n", "").replace("version: 2", "version: 3")
        house.services.scorecards.publish_text(uow, whole, None)
    rescored(house)
    assert [(each.segment, each.scorecard_version) for each in automatic(house, one)] == [(None, 3)]


def test_a_form_of_such_a_scorecard_is_about_a_leg(house: House) -> None:
    one = transferred(house)
    card = load_scorecard(EACH)
    with house.services.database.read() as uow:
        conversation = house.services.shelf.conversation(uow, one)
    assert legs.judged_leg(conversation, card, "a2", own=None, follow=False).agent_id == "a2"  # type: ignore[union-attr]
    assert legs.judged_leg(conversation, card, None, own="a2", follow=False).agent_id == "a2"  # type: ignore[union-attr]
    assert legs.judged_leg(conversation, load_scorecard(SCORECARD), None, own=None, follow=False) is None
    assert legs.judged_leg(conversation, card, None, own=None, follow=True) is None
    with pytest.raises(InvalidInput, match="no such leg"):
        legs.judged_leg(conversation, card, "nobody", own=None, follow=False)
    with house.services.database.write() as uow:
        form = house.services.evaluating.open(
            uow, house.person("eva"), evaluating.Ask(conversation_id=one, scorecard="basics")
        )  # fmt: skip
    assert (form.segment, form.agent_id) == ("a1", "a1")
