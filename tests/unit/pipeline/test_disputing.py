"""The agent's side: seen, commented, disputed within limits; decided by somebody else; the history stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.audit import service as audit
from candor.conversation.evaluation import Evaluation, Verdict
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline.disputing import Ruling
from candor.pipeline.evaluating import Ask
from candor.replay import judged
from candor.replay.model import Scope
from candor.scoring import store
from candor.scoring.disputes import store as disputes
from candor.scoring.disputes.model import Dispute, DisputeState, Limits, Outcome
from tests.unit.pipeline.judged import House

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
WHY = {"verify": "I asked for the maiden name at 0:20."}
RIGHT = Ruling(outcome=Outcome.RESCORED, reason="It is there.", answer={"verdict": "yes"})
WRONG = Ruling(outcome=Outcome.UPHELD, reason="It is not there.")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with clock.freeze(NOW):
        yield made
    made.close()


def evaluated(house: House, who: str = "eva", **values: Any) -> Evaluation:
    services, principal = house.services, house.person(who)
    call = house.call()
    with services.database.write() as uow:
        form = services.evaluating.open(uow, principal, Ask(conversation_id=call, scorecard="basics", **values))
        for question, verdict in {"greeting": "yes", "verify": "no", "else": "yes"}.items():
            form, _ = services.evaluating.save(uow, principal, form.id, form.revision, question, {"verdict": verdict})
        return services.evaluating.submit(uow, principal, form.id, form.revision)


def disputed(house: House, one: Evaluation, who: str = "dana", reasons: dict[str, str] = WHY) -> Dispute:
    with house.services.database.write() as uow:
        return house.services.disputing.dispute(uow, house.person(who), one.id, reasons)


def decided(house: House, who: str, dispute: Dispute, **rulings: Ruling) -> Evaluation | None:
    with house.services.database.write() as uow:
        return house.services.disputing.decide(uow, house.person(who), dispute.id, rulings)


def test_seen_and_commented(house: House) -> None:
    one = evaluated(house)
    services = house.services
    with services.database.write() as uow:
        services.disputing.acknowledge(uow, house.person("dana"), one.id)
        services.disputing.acknowledge(uow, house.person("dana"), one.id)
        services.disputing.comment(uow, house.person("dana"), one.id, "Thank you.")
        services.disputing.comment(uow, house.person("eva"), one.id, "Well done.")
        for who in ("ben", "max"):
            with pytest.raises((NotFound, Forbidden)):
                services.disputing.acknowledge(uow, house.person(who), one.id)
    with services.database.read() as uow:
        found = disputes.replies_to(uow, one.id)
        waiting = judged.waiting(
            uow, Scope(agent_ids=("a1",)), "dana", "a1", evaluates=False, reviews=False, answers=True
        )
    assert [(each.by, each.kind, each.text) for each in found] == [
        ("dana", "acknowledged", ""), ("dana", "comment", "Thank you."), ("eva", "comment", "Well done."),
    ]  # fmt: skip
    assert waiting.unread == 0


def test_rescored_it_takes_the_place_and_the_history_shows_both(house: House) -> None:
    one = evaluated(house)
    assert house.score(one.conversation_id) == (50.0, "human")
    dispute = disputed(house, one)
    new = decided(house, "sam", dispute, verify=RIGHT)
    assert new is not None
    assert (new.score, new.evaluator, new.critical_failures) == (100.0, "sam", ())
    assert house.score(one.conversation_id) == (100.0, "human")
    services = house.services
    with services.database.read() as uow:
        held = services.evaluating.read(uow, house.person("dana"), new.id)
        history = services.evaluating.earlier(uow, held)
        kept = disputes.get(uow, dispute.id)
        old = services.evaluating.read(uow, house.person("dana"), one.id)
        events = [line.event for line in audit.entries(uow, one.conversation_id)][:2]
    assert [each.evaluation.id for each in history] == [one.id]
    assert (old.superseded, held.superseded, held.released) == (True, False, True)
    assert (kept.outcome, kept.reviewer, kept.new_evaluation_id) == (Outcome.RESCORED, "sam", new.id)
    assert (kept.questions[0].reason, kept.questions[0].outcome_reason) == (WHY["verify"], "It is there.")
    assert events == ["dispute:case:decide", "dispute:case:open"]
    with services.database.write() as uow, pytest.raises(Conflict, match="final"):
        services.disputing.dispute(uow, house.person("dana"), new.id, WHY)


def test_upheld_the_evaluation_stands(house: House) -> None:
    one = evaluated(house)
    dispute = disputed(house, one)
    assert decided(house, "sam", dispute, verify=WRONG) is None
    assert house.score(one.conversation_id) == (50.0, "human")
    with pytest.raises(Conflict):
        decided(house, "ada", dispute, verify=RIGHT)


def test_partly(house: House) -> None:
    one = evaluated(house)
    dispute = disputed(house, one, reasons={**WHY, "greeting": "This was worse than you say."})
    made = decided(house, "sam", dispute, verify=RIGHT, greeting=WRONG)
    assert made is not None
    with house.services.database.read() as uow:
        assert disputes.get(uow, dispute.id).outcome is Outcome.PARTLY
        assert [answer.verdict for answer in store.get_evaluation(uow, made.id).answers] == [Verdict.YES] * 3


def test_neither_evaluator_nor_agent_decides(house: House) -> None:
    dispute = disputed(house, evaluated(house))
    for who in ("eva", "dana", "ben"):
        with pytest.raises((Forbidden, NotFound)):
            decided(house, who, dispute, verify=RIGHT)
    assert decided(house, "ada", dispute, verify=RIGHT) is not None


def test_somebody_who_is_also_the_agent_does_not_decide(house: House) -> None:
    one = evaluated(house)
    dispute = disputed(house, one)
    with house.services.database.write() as uow:
        house.services.access.people.change(uow, "sam", agent_id="a1")
    with pytest.raises((Forbidden, NotFound)):
        decided(house, "sam", dispute, verify=RIGHT)


def test_the_window_and_the_limit(house: House) -> None:
    house.services.disputing.limits = Limits(window_days=14, most=2, period_days=30)
    first = evaluated(house)
    with clock.freeze(NOW + timedelta(days=14, seconds=1)), pytest.raises(Conflict, match="14 days"):
        disputed(house, first)
    withdrawn = disputed(house, first)
    with house.services.database.write() as uow:
        with pytest.raises(NotFound):
            house.services.disputing.withdraw(uow, house.person("ben"), withdrawn.id)
        house.services.disputing.withdraw(uow, house.person("dana"), withdrawn.id)
        assert disputes.get(uow, withdrawn.id).state is DisputeState.WITHDRAWN
    with pytest.raises(Conflict, match="already"):
        disputed(house, first)
    disputed(house, evaluated(house))
    with pytest.raises(Conflict, match="limit"):
        disputed(house, evaluated(house))
    with clock.freeze(NOW + timedelta(days=31)):
        disputed(house, evaluated(house))
    house.services.disputing.limits = Limits(window_days=0)
    with pytest.raises(Conflict, match="not disputed"):
        disputed(house, evaluated(house))


@pytest.mark.parametrize(
    "reasons", [{}, {"verify": " "}, {"nothing": "It is not there."}, {"verify": "x" * 2001}]
)  # fmt: skip
def test_each_disputed_question_needs_a_reason(house: House, reasons: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        disputed(house, evaluated(house), reasons=reasons)


@pytest.mark.parametrize(
    "ruling",
    [
        None,
        Ruling(outcome=Outcome.PARTLY, reason="Hm, well."),
        Ruling(outcome=Outcome.UPHELD, reason=""),
        Ruling(outcome=Outcome.RESCORED, reason="It is there."),
        Ruling(outcome=Outcome.RESCORED, reason="It is there.", answer={"verdict": "no"}),
        Ruling(outcome=Outcome.RESCORED, reason="It is there.", answer={"verdict": "answered"}),
    ],
)
def test_half_a_ruling_decides_nothing(house: House, ruling: Ruling | None) -> None:
    one = evaluated(house)
    dispute = disputed(house, one)
    with pytest.raises(InvalidInput):
        decided(house, "sam", dispute, **({"verify": ruling} if ruling else {}))
    assert house.score(one.conversation_id) == (50.0, "human")
    with house.services.database.read() as uow:
        assert disputes.get(uow, dispute.id).state is DisputeState.OPEN


def test_what_is_not_released_is_not_there_for_the_agent(house: House) -> None:
    one = evaluated(house, release="by-hand")
    with pytest.raises(NotFound):
        disputed(house, one)
    with pytest.raises(NotFound):
        disputed(house, evaluated(house), "ben")


def test_reviewers_see_what_they_may_decide(house: House) -> None:
    disputed(house, evaluated(house))
    with house.services.database.read() as uow:
        counts = {
            who: judged.waiting(uow, Scope(), who, agent, evaluates=True, reviews=True, answers=False).disputes
            for who, agent in (("sam", None), ("eva", None), ("max", "a2"), ("x", "a1"))
        }
        rows = judged.list_disputes(uow, Scope(), state=DisputeState.OPEN)
        assert judged.list_disputes(uow, Scope(teams=("Elsewhere",))) == ()
    assert counts == {"sam": 1, "eva": 0, "max": 1, "x": 0}
    assert [(row.dispute.by, row.held.evaluation.evaluator) for row in rows] == [("dana", "eva")]


def automatic(house: House, agent: str = "a1") -> Evaluation:
    """What the rules say of a new call."""
    call = house.call(agent)
    with house.services.database.read() as uow:
        (one,) = store.list_evaluations(uow, call)
    assert one.evaluator is None
    return one


def wrong_answer(one: Evaluation) -> str:
    """A question that the rules answered "no"."""
    return next(answer.question for answer in one.answers if answer.verdict is Verdict.NO)


def test_what_the_rules_answered_is_disputed_too(house: House) -> None:
    one = automatic(house)
    question = wrong_answer(one)
    before = house.score(one.conversation_id)
    dispute = disputed(house, one, reasons={question: "It was said at 0:20, unclearly."})
    with house.services.database.read() as uow:
        waiting = judged.waiting(uow, Scope(), "sam", None, evaluates=False, reviews=True, answers=False)
    assert waiting.disputes == 1
    new = decided(house, "sam", dispute, **{question: RIGHT})
    assert new is not None
    assert new.score is not None
    assert before[1] == "automatic"
    assert before[0] is not None
    assert (house.score(one.conversation_id)[1], new.score > before[0]) == ("human", True)
    services = house.services
    with services.database.read() as uow:
        held = services.evaluating.read(uow, house.person("dana"), new.id)
        old = services.evaluating.read(uow, house.person("dana"), one.id)
        history = services.evaluating.earlier(uow, held)
    # The rules' word stays beside the person's: agreement is measured by both, and nobody judged it blind.
    assert (held.circumstances.agent_id, held.released, old.superseded) == ("a1", True, False)
    assert [each.evaluation.id for each in history] == [one.id]
    assert [answer.rule for answer in new.answers if answer.question == question] == ["human"]
    with services.database.write() as uow, pytest.raises(Conflict):
        services.disputing.dispute(uow, house.person("dana"), one.id, {question: "Once more."})


def test_an_automatic_evaluation_is_read_by_its_agent_and_those_of_quality(house: House) -> None:
    one = automatic(house)
    evaluating = house.services.evaluating
    with house.services.database.read() as uow:
        for who in ("dana", "sam", "eva", "ada", "max"):
            assert evaluating.read(uow, house.person(who), one.id).circumstances.agent_id == "a1"
        with pytest.raises(NotFound):
            evaluating.read(uow, house.person("ben"), one.id)
    mine = automatic(house, "a2")
    # Max evaluates, and took this call himself: as its agent he has no page of agents.
    with house.services.database.read() as uow, pytest.raises(NotFound):
        evaluating.read(uow, house.person("max"), mine.id)


def test_where_a_person_judged_it_the_rules_are_not_disputed(house: House) -> None:
    judged_by_eva = evaluated(house)
    with house.services.database.read() as uow:
        (one,) = (each for each in store.list_evaluations(uow, judged_by_eva.conversation_id) if each.evaluator is None)
    with pytest.raises(Conflict, match="counts instead"):
        disputed(house, one, reasons={wrong_answer(one): "It was said."})


def test_a_suggestion_that_does_not_count_is_not_disputed(house: House) -> None:
    one = automatic(house)
    question = wrong_answer(one)
    suggested = tuple(replace(answer, suggested=answer.question == question) for answer in one.answers)
    with house.services.database.write() as uow:
        store.put_evaluation(uow, replace(one, answers=suggested))
    with pytest.raises(InvalidInput, match="no such question"):
        disputed(house, one, reasons={question: "It was said."})


def test_rules_are_disputed_within_the_window_too(house: House) -> None:
    one = automatic(house)
    days = house.services.disputing.limits.window_days
    with clock.freeze(NOW + timedelta(days=days + 1)), pytest.raises(Conflict, match="is over"):
        disputed(house, one, reasons={wrong_answer(one): "It was said."})
