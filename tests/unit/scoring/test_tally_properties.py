"""What holds of every scorecard, nested, weighed, with bonus sections and every kind of answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from candor.conversation.evaluation import Answer, AnswerKind, Value, Verdict
from candor.scoring.dumper import dump_scorecard
from candor.scoring.form import validate_answers
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Band, Critical, Figure, Good, Option, Question, Scale, Scorecard, Section
from candor.scoring.points import fails, share, tally

WEIGHT = st.floats(min_value=0.1, max_value=100).map(lambda value: round(value, 3))
SHARE = st.floats(min_value=0, max_value=1).map(lambda value: round(value, 3))


@st.composite
def question(draw: st.DrawFn, name: str, *, bonus: bool) -> Question:
    kind = draw(st.sampled_from(AnswerKind))
    fails_too = st.booleans() if not bonus else st.just(False)
    parts: dict[str, object] = {}
    if kind is AnswerKind.CHOICE:
        shares = [1.0, 0.0, *draw(st.lists(SHARE, max_size=2))]
        parts["options"] = tuple(
            Option(id=f"o{i}", label="O", share=value, fails=draw(fails_too)) for i, value in enumerate(shares)
        )
    elif kind is AnswerKind.MULTI_CHOICE:
        sign = draw(st.sampled_from([1.0, -1.0]))
        shares = [sign, *(sign * each for each in draw(st.lists(SHARE, max_size=2)))]
        parts["options"] = tuple(
            Option(id=f"o{i}", label="O", share=value, fails=draw(fails_too)) for i, value in enumerate(shares)
        )
    elif kind is AnswerKind.RANGE:
        parts["scale"] = Scale(low=1, high=draw(st.integers(2, 10)), good=draw(st.sampled_from(Good)))
    elif kind is AnswerKind.NUMBER:
        parts["figure"] = Figure(
            bands=(Band(below=1.0, share=1.0), Band(below=5.0, share=draw(SHARE)), Band(below=None, share=0.0))
        )
    built = Question(
        id=name, text="?", weight=draw(WEIGHT), kind=kind,
        scored=kind not in {AnswerKind.TEXT, AnswerKind.DATE} and draw(st.sampled_from([True, True, True, False])),
        **parts,  # type: ignore[arg-type]
    )  # fmt: skip
    can_fail = kind is AnswerKind.YES_NO or any(option.fails for option in built.options)
    return replace(built, critical=draw(st.sampled_from(Critical))) if can_fail and not bonus else built


@st.composite
def section(draw: st.DrawFn, name: str, depth: int, *, bonus: bool = False) -> Section:
    below = 0 if depth == 3 else draw(st.integers(0, 2))
    return Section(
        id=name, title=name.upper(), weight=draw(WEIGHT), bonus=bonus and depth == 1,
        questions=tuple(
            draw(question(f"{name}.q{i}", bonus=bonus)) for i in range(draw(st.integers(0 if below else 1, 3)))
        ),
        sections=tuple(draw(section(f"{name}.s{i}", depth + 1, bonus=bonus)) for i in range(below)),
    )  # fmt: skip


@st.composite
def scorecard(draw: st.DrawFn) -> Scorecard:
    sections = [draw(section(f"s{i}", 1)) for i in range(draw(st.integers(1, 3)))]
    sections += [draw(section(f"b{i}", 1, bonus=True)) for i in range(draw(st.integers(0, 2)))]
    return Scorecard(id="p", version=1, title="P", languages=("en",), pass_mark=50, floor=0.4, sections=tuple(sections))


@st.composite
def value(draw: st.DrawFn, asked: Question) -> Value:
    match asked.kind:
        case AnswerKind.CHOICE:
            return draw(st.sampled_from([option.id for option in asked.options]))
        case AnswerKind.MULTI_CHOICE:
            return tuple(option.id for option in asked.options if draw(st.booleans()))
        case AnswerKind.RANGE:
            assert asked.scale is not None
            return float(draw(st.integers(asked.scale.low, asked.scale.high)))
        case AnswerKind.NUMBER:
            return draw(st.floats(min_value=-10, max_value=10))
        case AnswerKind.DATE:
            return draw(st.dates()).isoformat()
        case _:
            return "words"


@st.composite
def sheet(draw: st.DrawFn) -> tuple[Scorecard, dict[str, Answer]]:
    card = draw(scorecard())
    answers = {}
    for asked in card.questions:
        verdict = draw(st.sampled_from([Verdict.YES, Verdict.NO, Verdict.NOT_APPLICABLE, Verdict.CANNOT_TELL]))
        held = None
        if asked.kind is not AnswerKind.YES_NO and verdict in {Verdict.YES, Verdict.NO}:
            verdict, held = Verdict.ANSWERED, draw(value(asked))
        answers[asked.id] = Answer(
            question=asked.id, verdict=verdict, evidence=(), confidence=1, rule="human", points=None, reason="said",
            value=held, suggested=draw(st.sampled_from([False, False, False, True])),
        )  # fmt: skip
    return card, answers


def nothing(answer: Answer) -> Answer:
    return replace(answer, verdict=Verdict.NOT_APPLICABLE, value=None, suggested=False)


@given(sheet())
@settings(deadline=None)
def test_scores_stay_in_range_and_answers_are_valid(drawn: tuple[Scorecard, dict[str, Answer]]) -> None:
    card, answers = drawn
    assert validate_answers(card, answers) == ()
    result = tally(card, answers)
    assert result.score is None or 0 <= result.score <= 100
    assert [each.section for each in result.sections] == [each.id for each in card.walk()]
    assert all(each.score is None or 0 <= each.score <= 100 for each in result.sections)
    for each, asked in zip(result.answers, card.questions, strict=True):
        assert each.points is None or 0 <= each.points <= asked.weight
    assert not result.passed or (result.score is not None and result.score >= card.pass_mark)


@given(sheet())
@settings(deadline=None)
def test_it_is_written_and_read_the_same(drawn: tuple[Scorecard, dict[str, Answer]]) -> None:
    card, _ = drawn
    assume(any(asked.scored for asked in card.questions))
    assert load_scorecard(dump_scorecard(card)) == card


@given(sheet())
@settings(deadline=None)
def test_a_suggestion_counts_as_n_a(drawn: tuple[Scorecard, dict[str, Answer]]) -> None:
    card, answers = drawn
    counted = tally(card, answers)
    without = tally(card, {name: nothing(each) if each.suggested else each for name, each in answers.items()})
    assert (counted.score, counted.sections) == (without.score, without.sections)
    # A critical question of which there is only a suggestion keeps a pass open.
    assert counted.passed == without.passed or (counted.passed is None and without.passed)


@given(sheet(), st.data())
@settings(deadline=None)
def test_n_a_gives_its_weight_to_its_own_section_alone(
    drawn: tuple[Scorecard, dict[str, Answer]], data: st.DataObject
) -> None:
    """As if the question were not in the scorecard; sections that do not hold it keep their score."""
    card, answers = drawn
    out = data.draw(st.sampled_from(card.questions))
    before, after = tally(card, answers), tally(card, answers | {out.id: nothing(answers[out.id])})
    absent = tally(card, {name: each for name, each in answers.items() if name != out.id})
    assert (after.score, after.sections) == (absent.score, absent.sections)
    holding = {part.id for part in card.walk() if out in [q for inner in part.walk() for q in inner.questions]}
    for old, new in zip(before.sections, after.sections, strict=True):
        assert old == new or old.section in holding


@given(sheet())
@settings(deadline=None)
def test_a_section_is_the_mean_of_its_parts_by_weight(drawn: tuple[Scorecard, dict[str, Answer]]) -> None:
    card, answers = drawn
    result = tally(card, answers)
    scores = {each.section: each.score for each in result.sections}
    for part in card.walk():
        counted = [(q, None if answers[q.id].suggested else share(q, answers[q.id])) for q in part.questions]
        parts = [(q.weight, 100 * worth) for q, worth in counted if worth is not None]
        parts += [(inner.weight, scores[inner.id]) for inner in part.sections if scores[inner.id] is not None]
        zeroed = any(
            q.critical is Critical.SECTION and not answers[q.id].suggested and fails(q, answers[q.id])
            for q in part.questions
        )
        if not parts:
            assert scores[part.id] is None
        elif zeroed:
            assert scores[part.id] == 0
        else:
            mean = sum(weight * worth for weight, worth in parts) / sum(weight for weight, _ in parts)
            assert scores[part.id] == pytest.approx(mean, abs=0.011)


@given(sheet())
@settings(deadline=None)
def test_a_bonus_only_adds(drawn: tuple[Scorecard, dict[str, Answer]]) -> None:
    card, answers = drawn
    regular = replace(card, sections=tuple(part for part in card.sections if not part.bonus))
    plain = tally(regular, {q.id: answers[q.id] for q in regular.questions})
    with_bonus = tally(card, answers)
    assert (with_bonus.score is None) == (plain.score is None)
    if plain.score is not None and with_bonus.score is not None:
        assert plain.score - 0.011 <= with_bonus.score
        assert with_bonus.critical_failures == plain.critical_failures


@given(sheet(), st.floats(min_value=0.5, max_value=3))
@settings(deadline=None)
def test_only_proportions_of_weights_matter(drawn: tuple[Scorecard, dict[str, Answer]], factor: float) -> None:
    card, answers = drawn
    scaled = replace(card, sections=tuple(replace(part, weight=part.weight * factor) for part in card.sections))
    first, second = tally(card, answers).score, tally(scaled, answers).score
    assert first == second or (first is not None and first == pytest.approx(second, abs=0.011))
