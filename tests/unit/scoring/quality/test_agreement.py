"""Pairs are kept while evaluations are written; gates open and close by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from candor.conversation.evaluation import Occasion, Verdict
from candor.errors import InvalidInput
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork, metadata, sqlite_url
from candor.scoring import marks
from candor.scoring import store as scoring
from candor.scoring.agreement import service, store
from candor.scoring.agreement.model import Gate, Measure, Standing
from candor.scoring.agreement.service import ALL
from candor.scoring.marks import Mark, fingerprint
from candor.scoring.model import Says
from tests.unit.scoring.quality.made import CARD, HELLO, evaluation, keep, reweighted

YES, NO, NA, UNSURE = Verdict.YES, Verdict.NO, Verdict.NOT_APPLICABLE, Verdict.CANNOT_TELL


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(sqlite_url(tmp_path / "candor.db"))
    for name in ("scorecard", "evaluation", *(each for each in metadata.tables if each.startswith("agreement_"))):
        metadata.tables[name].create(made.engine)
    with made.write() as uow:
        scoring.put_scorecard(uow, CARD)
    yield made
    made.close()


@pytest.fixture
def uow(database: Database) -> Iterator[UnitOfWork]:
    with database.write() as made:
        yield made


def cells(uow: UnitOfWork, question: str = "hello") -> dict[tuple[str, str], float]:
    return {
        (cell.automatic, cell.human): number
        for cell, number in store.cells(uow, CARD.id)
        if cell.question == question
    }  # fmt: skip


def judge(
    uow: UnitOfWork, pairs: int, rules: Verdict, person: Verdict, *, first: int = 0, at: datetime | None = None
) -> None:
    for number in range(first, first + pairs):
        keep(uow, evaluation({"hello": rules}, conversation=f"c{number}", at=at))
        keep(uow, evaluation({"hello": person}, conversation=f"c{number}", evaluator="eva", at=at))


def test_blind_evaluations_are_paired_whoever_comes_first(uow: UnitOfWork) -> None:
    keep(uow, evaluation({"hello": YES, "tone": 4.0}, conversation="a"))
    keep(uow, evaluation({"hello": NO, "tone": 2.0}, conversation="a", evaluator="eva"))
    keep(uow, evaluation({"hello": YES}, conversation="b", evaluator="eva"))
    assert cells(uow) == {("yes", "no"): 1}
    keep(uow, evaluation({"hello": YES}, conversation="b"))
    assert cells(uow) == {("yes", "no"): 1, ("yes", "yes"): 1}
    assert cells(uow, "tone") == {("=4", "=2"): 1, ("n/a", "n/a"): 1}
    assert cells(uow, "why") == {}, "no rule answers it"


def test_who_saw_the_answers_judges_themselves_or_wrote_down_what_was_agreed_is_not_compared(uow: UnitOfWork) -> None:
    keep(uow, evaluation({"hello": YES}, conversation="a"))
    keep(uow, evaluation({"hello": YES}, conversation="a", evaluator="eva"), blind=False)
    for occasion in (Occasion.SELF, Occasion.REFERENCE):
        keep(uow, evaluation({"hello": YES}, conversation="a", evaluator="eva", occasion=occasion))
    assert cells(uow) == {}
    keep(uow, evaluation({"hello": YES}, conversation="a", evaluator="eva", occasion=Occasion.CALIBRATION))
    assert cells(uow) == {("yes", "yes"): 1}
    # What they say later, having seen the rules' answers, takes nothing back.
    keep(uow, evaluation({"hello": NO}, conversation="a", evaluator="eva"), blind=False)
    assert cells(uow) == {("yes", "yes"): 1}


def test_a_repeated_evaluation_takes_the_place_of_the_first(uow: UnitOfWork) -> None:
    for verdict in (YES, YES, NO):
        keep(uow, evaluation({"hello": verdict}, conversation="a", transcript="t"))
        keep(uow, evaluation({"hello": YES}, conversation="a", evaluator="eva"))
    assert cells(uow) == {("no", "yes"): 1}
    keep(uow, evaluation({"hello": UNSURE}, conversation="a", evaluator="eva"))
    assert cells(uow) == {}, "a person who cannot tell is no yardstick"


def test_counts_outlive_the_conversation(uow: UnitOfWork) -> None:
    judge(uow, 3, YES, YES)
    uow.execute(delete(store.agreement_pair))
    uow.execute(delete(scoring.evaluations))
    assert service.figures(uow, CARD)["hello"].n == 3


def test_rules_that_cannot_tell_abstain(uow: UnitOfWork) -> None:
    judge(uow, 2, UNSURE, YES)
    judge(uow, 4, NO, NO, first=2)
    found = service.figures(uow, CARD)["hello"]
    assert (found.n, found.abstained) == (4, 2)


def test_versions_that_ask_the_same_share_what_is_known(uow: UnitOfWork) -> None:
    judge(uow, 3, YES, YES)
    second = reweighted(CARD, 2)
    scoring.put_scorecard(uow, second)
    keep(uow, evaluation({"hello": NO}, conversation="z", card=second))
    keep(uow, evaluation({"hello": NO}, conversation="z", evaluator="eva", card=second))
    assert service.figures(uow, second)["hello"].n == 4
    (section,) = second.sections
    other = replace(HELLO, rule=Says(phrases=("good morning",)))
    third = replace(second, version=3, sections=(replace(section, questions=(other, *section.questions[1:])),))
    scoring.put_scorecard(uow, third)
    assert service.figures(uow, third)["hello"].n == 0, "other rules have to prove themselves anew"
    assert service.figures(uow, third)["bye"].n == 4


def test_fingerprints_tell_rules_apart_and_nothing_else() -> None:
    assert fingerprint(HELLO) == fingerprint(replace(HELLO, weight=9, guidance="x", id="other"))
    changed = (
        replace(HELLO, text="Does the agent say hello?"), replace(HELLO, rule=Says(phrases=("hello",), times=2)),
        replace(HELLO, rule=None),
    )  # fmt: skip
    assert len({fingerprint(each) for each in (HELLO, *changed)}) == 4


def test_without_a_gate_everything_counts_and_nobody_has_checked(uow: UnitOfWork) -> None:
    judge(uow, 4, YES, NO)
    assert service.suggested(uow, CARD) == frozenset()
    assert service.look(uow, CARD) == ()
    assert {state.standing for state in store.states(uow, CARD.id).values()} == {Standing.UNCHECKED}
    assert store.history(uow, CARD.id, "hello")[0].standing is Standing.UNCHECKED


def test_a_gate_is_closed_until_pairs_open_it(uow: UnitOfWork) -> None:
    store.put_gate(uow, CARD.id, ALL, Gate(threshold=0.6, least=30), by="sue")
    assert service.suggested(uow, CARD) == {"hello", "bye", "tone", "why"}, "fails closed before the first look"
    service.look(uow, CARD)
    judge(uow, 25, YES, YES)
    judge(uow, 25, NO, NO, first=25)
    assert "hello" in service.suggested(uow, CARD), "nobody looked yet"
    (moved,) = service.look(uow, CARD)
    assert (moved.question, moved.standing, moved.n) == ("hello", Standing.COUNTED, 50)
    assert moved.figure is not None
    assert moved.figure.low >= 0.6
    assert "hello" not in service.suggested(uow, CARD)
    judge(uow, 20, YES, NO, first=50)
    (closed,) = service.look(uow, CARD)
    assert (closed.standing, "hello" in service.suggested(uow, CARD)) == (Standing.SUGGESTED, True)
    assert [each.standing for each in store.history(uow, CARD.id, "hello")] == [
        Standing.SUGGESTED, Standing.COUNTED, Standing.UNPROVEN,
    ]  # fmt: skip
    assert service.look(uow, CARD) == (), "what did not change is no news"


def test_few_equal_pairs_do_not_open_a_gate(uow: UnitOfWork) -> None:
    store.put_gate(uow, CARD.id, "hello", Gate(threshold=0.8, least=5), by="sue")
    judge(uow, 3, YES, YES)
    judge(uow, 3, NO, NO, first=3)
    service.look(uow, CARD)
    state = store.states(uow, CARD.id)["hello"]
    assert state.figure is not None
    assert (state.figure.value, state.standing) == (1.0, Standing.SUGGESTED)


def test_a_question_that_is_always_yes_is_opened_by_the_share_of_equals_alone(uow: UnitOfWork) -> None:
    judge(uow, 80, YES, YES)
    store.put_gate(uow, CARD.id, "hello", Gate(threshold=0.6, least=30), by="sue")
    service.look(uow, CARD)
    assert store.states(uow, CARD.id)["hello"].standing is Standing.UNPROVEN
    assert service.figures(uow, CARD)["hello"].one_sided
    store.put_gate(uow, CARD.id, "hello", Gate(threshold=0.9, least=30, measure=Measure.EQUAL), by="sue")
    service.look(uow, CARD)
    assert store.states(uow, CARD.id)["hello"].standing is Standing.COUNTED


def test_a_questions_own_gate_goes_before_the_scorecards(uow: UnitOfWork) -> None:
    store.put_gate(uow, CARD.id, ALL, Gate(threshold=0.6), by="sue")
    store.put_gate(uow, CARD.id, "bye", None, by="sue")
    service.look(uow, CARD)
    assert service.suggested(uow, CARD) == {"hello", "tone", "why"}
    store.take_gate(uow, CARD.id, "bye")
    assert "bye" in service.suggested(uow, CARD)


def test_changed_rules_close_the_gate_at_once(uow: UnitOfWork) -> None:
    store.put_gate(uow, CARD.id, "hello", Gate(threshold=0.5, least=10), by="sue")
    judge(uow, 30, YES, YES)
    judge(uow, 30, NO, NO, first=30)
    service.look(uow, CARD)
    assert service.suggested(uow, CARD) == frozenset()
    (section,) = CARD.sections
    other = replace(HELLO, rule=Says(phrases=("good morning",)))
    changed = replace(CARD, version=2, sections=(replace(section, questions=(other, *section.questions[1:])),))
    assert service.suggested(uow, changed) == {"hello"}


def test_gates_that_make_no_sense_are_refused() -> None:
    for gate in (
        Gate(threshold=1.2), Gate(threshold=-0.1, measure=Measure.EQUAL), Gate(threshold=float("nan")),
        Gate(threshold=0.5, least=0),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            service.check(gate)
    service.check(Gate(threshold=-0.1))


def test_agreement_that_falls_of_late_is_seen(uow: UnitOfWork) -> None:
    today = datetime(2026, 11, 27, 12, tzinfo=UTC)
    with clock.freeze(today):
        store.put_gate(uow, CARD.id, "hello", Gate(threshold=0.6, least=30), by="sue")
        old, new = today - timedelta(weeks=20), today - timedelta(weeks=2)
        judge(uow, 60, YES, YES, at=old)
        judge(uow, 60, NO, NO, first=60, at=old)
        judge(uow, 15, YES, YES, first=120, at=new)
        assert not service.drifts(uow, CARD)["hello"].worse
        judge(uow, 25, YES, NO, first=135, at=new)
        found = service.drifts(uow, CARD)["hello"]
        assert found.worse
        assert found.below
        assert (found.recent_pairs, found.before_pairs, found.since) == (40, 120, date(2026, 10, 5))
        over_time = service.windows(uow, CARD, HELLO)
        assert [window.agreement.n for window in over_time] == [120, 40]


def test_marks_are_kept_beside_the_evaluation(uow: UnitOfWork) -> None:
    keep(uow, evaluation({"hello": NO, "tone": 2.0, "why": "bill"}, conversation="a"))
    text = uow.execute(select(scoring.evaluations.c.marks)).scalar_one()
    assert json.loads(text) == {"hello": "0|0|no", "bye": "|0|n/a", "tone": "0.25|0|=2", "why": "1|0|=bill"}
    assert marks.read(text)["tone"] == Mark("=2", 0.25)
    odd = {"q": Mark("=a|b", None, suggested=True)}
    assert marks.read(marks.write(odd)) == odd


# ---- several people about one conversation ----


def test_the_pairs_of_one_conversation_share_it(uow: UnitOfWork) -> None:
    keep(uow, evaluation({"hello": YES}, conversation="a"))
    keep(uow, evaluation({"hello": YES}, conversation="a", evaluator="eva"))
    keep(uow, evaluation({"hello": NO}, conversation="a", evaluator="max"))
    assert cells(uow) == {("yes", "yes"): 0.5, ("yes", "no"): 0.5}
    keep(uow, evaluation({"hello": YES}, conversation="a", evaluator="sam"))
    assert cells(uow) == pytest.approx({("yes", "yes"): 2 / 3, ("yes", "no"): 1 / 3})
    # Who cannot tell takes no share, and rules that judge again move all of them.
    keep(uow, evaluation({"hello": UNSURE}, conversation="a", evaluator="sam"))
    assert cells(uow) == {("yes", "yes"): 0.5, ("yes", "no"): 0.5}
    keep(uow, evaluation({"hello": NO}, conversation="a"))
    assert cells(uow) == {("no", "yes"): 0.5, ("no", "no"): 0.5}


def test_more_people_about_the_same_conversations_prove_no_more(uow: UnitOfWork) -> None:
    judge(uow, 12, YES, YES)
    judge(uow, 8, NO, NO, first=12)
    alone = service.figures(uow, CARD)["hello"]
    for number in range(20):
        for person in ("max", "sam", "ada", "pat"):
            said = YES if number < 12 else NO
            keep(uow, evaluation({"hello": said}, conversation=f"c{number}", evaluator=person))
    many = service.figures(uow, CARD)["hello"]
    assert alone.n == many.n == 20
    assert alone.kappa == many.kappa
    # The same twenty times five of other conversations do prove more.
    judge(uow, 48, YES, YES, first=100)
    judge(uow, 32, NO, NO, first=200)
    more = service.figures(uow, CARD)["hello"]
    assert more.n == 100
    assert more.kappa is not None
    assert many.kappa is not None
    assert more.kappa.low > many.kappa.low


def test_however_many_people_it_stays_one_conversation(uow: UnitOfWork) -> None:
    keep(uow, evaluation({"hello": YES}, conversation="a"))
    for number in range(13):
        keep(uow, evaluation({"hello": YES if number % 2 else NO}, conversation="a", evaluator=f"p{number}"))
    assert 0.99 < sum(cells(uow).values()) <= 1
