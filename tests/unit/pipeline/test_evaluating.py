"""Evaluating by hand: forms, revisions, blindness, release, self-evaluation, grading, legs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.conversation.evaluation import Evaluation, Occasion, Verdict
from candor.conversation.model import Direction, Party, Role
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline.evaluating import Ask, Faulty, differences
from candor.scoring import store
from candor.scoring.forms.model import Form, FormState
from tests.unit.pipeline.judged import House

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ALL = {"greeting": "yes", "verify": "no", "else": "yes"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def opened(house: House, who: str, call: str, **values: Any) -> Form:
    with house.services.database.write() as uow:
        ask = Ask(conversation_id=call, **{"scorecard": "basics", **values})
        return house.services.evaluating.open(uow, house.person(who), ask)


def put(house: House, form: Form, question: str, verdict: str, **data: Any) -> Form:
    with house.services.database.write() as uow:
        return house.services.evaluating.save(
            uow, house.person(form.evaluator), form.id, form.revision, question, {"verdict": verdict, **data}
        )[0]


def submitted(house: House, form: Form, answers: dict[str, str] | None = None) -> Evaluation:
    for question, verdict in (answers or ALL).items():
        form = put(house, form, question, verdict)
    with house.services.database.write() as uow:
        return house.services.evaluating.submit(uow, house.person(form.evaluator), form.id, form.revision)


def read(house: House, who: str, evaluation: str) -> Any:
    with house.services.database.read() as uow:
        return house.services.evaluating.read(uow, house.person(who), evaluation)


def test_a_form_becomes_an_evaluation_that_counts(house: House) -> None:
    call = house.call()
    assert house.score(call)[1] == "automatic"
    form = opened(house, "eva", call)
    form = put(
        house, form, "greeting", "yes", comment="Warm.",
        pins=[{"start": 1.0, "end": 2.5, "utterance": 0, "quote": "Thank you for calling", "note": "here"}],
    )  # fmt: skip
    made = submitted(house, form, {"verify": "no", "else": "yes"})
    assert (made.score, made.critical_failures) == (50.0, ("verify",))
    answer = made.answers[0]
    assert (answer.verdict, answer.rule, answer.reason) == (Verdict.YES, "human", "Warm.")
    assert (answer.evidence[0].quote, answer.evidence[0].note) == ("Thank you for calling", "here")
    assert house.score(call) == (50.0, "human")
    held = read(house, "eva", made.id)
    assert (held.circumstances.agent_id, held.circumstances.blind, held.released) == ("a1", True, True)


def test_the_second_window_is_told_and_nothing_is_overwritten(house: House) -> None:
    form = opened(house, "eva", house.call())
    again = opened(house, "eva", form.conversation_id)
    assert again.id == form.id
    put(house, form, "greeting", "yes")
    with pytest.raises(Conflict) as told:
        put(house, again, "greeting", "no")
    assert told.value.code == "form.revision"
    with house.services.database.read() as uow:
        kept, _ = house.services.evaluating.form(uow, house.person("eva"), form.id)
    assert kept.answers["greeting"].verdict is Verdict.YES
    with house.services.database.write() as uow, pytest.raises(Conflict):
        house.services.evaluating.submit(uow, house.person("eva"), form.id, 0)


def test_what_is_missing_is_told_at_the_question(house: House) -> None:
    form = put(house, opened(house, "eva", house.call()), "greeting", "yes")
    with house.services.database.write() as uow, pytest.raises(Faulty) as told:
        house.services.evaluating.submit(uow, house.person("eva"), form.id, form.revision)
    assert [(fault.question, fault.code) for fault in told.value.faults] == [
        ("verify", "missing"), ("else", "missing"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        {"verdict": "maybe"},
        {"verdict": "yes", "comment": "x" * 2001},
        {"verdict": "yes", "pins": [{"start": -1}]},
        {"verdict": "yes", "pins": [{"start": "nan"}]},
        {"verdict": "yes", "pins": [{"start": 5, "end": 1}]},
        {"verdict": "yes", "pins": [{"start": 1}] * 21},
        {"verdict": "yes", "pins": "x"},
        {"verdict": "yes", "pins": [{"start": 1, "note": "x" * 501}]},
    ],
)
def test_nonsense_is_refused_and_the_form_stays(house: House, data: dict[str, Any]) -> None:
    form = put(house, opened(house, "eva", house.call()), "greeting", "no")
    with house.services.database.write() as uow, pytest.raises(InvalidInput):
        house.services.evaluating.save(uow, house.person("eva"), form.id, form.revision, "greeting", data)
    with house.services.database.read() as uow:
        kept, _ = house.services.evaluating.form(uow, house.person("eva"), form.id)
    assert (kept.revision, kept.answers["greeting"].verdict) == (1, Verdict.NO)


def test_nobody_evaluates_their_own_conversation_or_what_they_do_not_see(house: House) -> None:
    own, foreign = house.call("a2"), house.call("a9", team="Elsewhere")
    with pytest.raises(Forbidden):
        opened(house, "max", own)
    with pytest.raises(NotFound):
        opened(house, "sam", foreign)
    with pytest.raises(Forbidden):
        opened(house, "dana", house.call())
    opened(house, "max", foreign)


def test_quarantined_and_kept_as_proof_are_not_evaluated(house: House) -> None:
    held, proof = house.call(), house.call()
    with house.services.database.write() as uow:
        for call, state, decision in (
            (held, CustodyState.QUARANTINED, "{}"),
            (proof, CustodyState.PROVED, '{"purpose": "transaction_proof"}'),
        ):
            custody.put(
                uow,
                Custody(
                    conversation_id=call, started_at=NOW, state=state, level=2, why="", decision=decision, proof="",
                    since=NOW, destroy_after=None,
                ),
            )  # fmt: skip
    with pytest.raises(Forbidden):
        opened(house, "eva", held)
    with pytest.raises(Conflict, match="kept as proof"):
        opened(house, "eva", proof)


def test_blind_hides_what_others_answered_until_submission(house: House) -> None:
    call = house.call()
    first = submitted(house, opened(house, "eva", call))
    form = opened(house, "max", call)
    with house.services.database.read() as uow:
        assert house.services.evaluating.hidden(uow, house.person("max"), call)
    with pytest.raises(Forbidden, match="blind"):
        read(house, "max", first.id)
    assert read(house, "ada", first.id).evaluation.id == first.id
    submitted(house, form)
    assert read(house, "max", first.id).evaluation.id == first.id


def test_who_had_seen_the_scores_is_not_blind(house: House) -> None:
    seen, beside = house.call(), house.call()
    with house.services.database.write() as uow:
        audit.record(uow, Event.OPENED, "eva", conversation_id=seen, subject="page")
        audit.record(uow, Event.OPENED, "eva", conversation_id=beside, subject="form")
        audit.record(uow, Event.OPENED, "max", conversation_id=beside, subject="page")
    assert not read(house, "eva", submitted(house, opened(house, "eva", seen)).id).circumstances.blind
    assert read(house, "eva", submitted(house, opened(house, "eva", beside)).id).circumstances.blind
    told = submitted(house, opened(house, "eva", house.call(), blind=False))
    assert not read(house, "eva", told.id).circumstances.blind


@pytest.mark.parametrize(("way", "after"), [("3", timedelta(days=3)), ("by-hand", None)])
def test_release_is_another_day_than_submission(house: House, way: str, after: timedelta | None) -> None:
    call = house.call()
    with clock.freeze(NOW) as advance:
        made = submitted(house, opened(house, "eva", call, release=way))
        assert house.score(call)[1] == "automatic"
        with pytest.raises(NotFound):
            read(house, "dana", made.id)
        assert house.services.evaluating.release_due() == 0
        if after is not None:
            advance(after - timedelta(seconds=1))
            assert house.services.evaluating.release_due() == 0
            advance(timedelta(seconds=1))
            assert house.services.evaluating.release_due() == 1
            assert house.services.evaluating.release_due() == 0
        else:
            with house.services.database.write() as uow:
                house.services.evaluating.release(uow, house.person("sam"), made.id)
    assert read(house, "dana", made.id).released
    assert house.score(call) == (50.0, "human")
    with house.services.database.write() as uow, pytest.raises(Conflict):
        house.services.evaluating.release(uow, house.person("sam"), made.id)
    with pytest.raises(NotFound):
        read(house, "ben", made.id)


def test_a_released_evaluation_stands_until_the_next_one_is_released(house: House) -> None:
    call = house.call()
    first = submitted(house, opened(house, "eva", call))
    second = submitted(house, opened(house, "eva", call, release="by-hand"), dict.fromkeys(ALL, "yes"))
    assert read(house, "dana", first.id).released
    assert not read(house, "dana", first.id).superseded
    with house.services.database.write() as uow:
        house.services.evaluating.release(uow, house.person("ada"), second.id)
    assert read(house, "eva", first.id).superseded
    assert house.score(call) == (100.0, "human")


def test_an_unreleased_evaluation_is_not_overridden_around(house: House) -> None:
    call = house.call()
    submitted(house, opened(house, "eva", call, release="by-hand"))
    with house.services.database.write() as uow, pytest.raises(Conflict, match="not released"):
        house.services.scores.override(
            uow, call, "basics", "greeting", Verdict.NO, "I heard none.", house.person("eva")
        )


def test_agents_judge_themselves_and_compare(house: House) -> None:
    call = house.call()
    own = submitted(house, opened(house, "dana", call, occasion=Occasion.SELF), dict.fromkeys(ALL, "yes"))
    assert house.score(call)[1] == "automatic"
    with pytest.raises(Forbidden):
        opened(house, "eva", call, occasion=Occasion.SELF)
    with pytest.raises(NotFound):
        opened(house, "ben", call, occasion=Occasion.SELF)
    made = submitted(house, opened(house, "eva", call))
    with house.services.database.read() as uow:
        for who in ("dana", "eva"):
            beside = house.services.evaluating.beside(uow, house.person(who), store.held(uow, made.id))
            assert [each.evaluation.id for each in beside] == [own.id]
    found = differences(made, own)
    assert [(each.question, each.same) for each in found] == [("greeting", True), ("verify", False), ("else", True)]


def test_the_grader_is_graded_by_somebody_else_and_counts_nowhere(house: House) -> None:
    call = house.call()
    made = submitted(house, opened(house, "eva", call))
    with pytest.raises(Forbidden):
        opened(house, "eva", call, occasion=Occasion.GRADING, about=made.id)
    with pytest.raises(NotFound):
        opened(house, "ada", house.call(), occasion=Occasion.GRADING, about=made.id)
    grading = submitted(
        house, opened(house, "ada", call, occasion=Occasion.GRADING, about=made.id), dict.fromkeys(ALL, "yes")
    )
    assert house.score(call) == (50.0, "human")
    assert read(house, "eva", grading.id).circumstances.about == made.id
    with pytest.raises(NotFound):
        read(house, "max", grading.id)
    with pytest.raises(NotFound):
        read(house, "dana", grading.id)


def test_a_transferred_conversation_is_judged_leg_by_leg(house: House) -> None:
    call = house.call(
        parties=(
            Party(role=Role.AGENT, name="Dana", agent_id="a1", left=60.0),
            Party(role=Role.AGENT, name="Ben", agent_id="a2", joined=61.0),
            Party(role=Role.CUSTOMER),
        )
    )
    with pytest.raises(InvalidInput):
        opened(house, "eva", call, segment="a7")
    one = submitted(house, opened(house, "eva", call, segment="a1"))
    two = submitted(house, opened(house, "eva", call, segment="a2"), dict.fromkeys(ALL, "yes"))
    assert not read(house, "eva", one.id).superseded
    assert read(house, "ben", two.id).evaluation.segment == "a2"
    with pytest.raises(NotFound):
        read(house, "ben", one.id)
    with pytest.raises(Forbidden):
        opened(house, "max", call, segment="a1")


def test_questions_for_another_direction_are_not_asked(house: House) -> None:
    yaml = """
id: calls-out
version: 1
title: Out
languages: [en]
pass_mark: 50
sections:
  - id: s
    title: S
    weight: 1
    questions:
      - {id: both, text: "Both?", weight: 1, rule: {says: {phrases: [charged twice]}}}
      - id: out
        text: "Out?"
        weight: 1
        rule: {says: {phrases: [reversed it]}}
        applies_when: {direction: [outbound]}
"""
    from candor.scoring import service as scoring

    with house.services.database.write() as uow:
        store.put_scorecard(uow, scoring.load_scorecard(yaml), yaml=yaml)
    made = submitted(
        house, opened(house, "eva", house.call(direction=Direction.INBOUND), scorecard="calls-out"), {"both": "yes"}
    )
    assert [answer.verdict for answer in made.answers] == [Verdict.YES, Verdict.NOT_APPLICABLE]


def test_a_discarded_form_can_be_begun_anew(house: House) -> None:
    form = put(house, opened(house, "eva", house.call()), "greeting", "yes")
    with house.services.database.write() as uow:
        house.services.evaluating.discard(uow, house.person("eva"), form.id, form.revision)
    fresh = opened(house, "eva", form.conversation_id)
    assert (fresh.id != form.id, fresh.state, fresh.answers) == (True, FormState.OPEN, {})


def test_destroying_the_conversation_takes_forms_and_evaluations_along(house: House) -> None:
    call = house.call()
    submitted(house, opened(house, "eva", call))
    opened(house, "ada", call)
    from candor.pipeline.disposing import Order
    from candor.vault.disposal.store import Why

    house.services.disposing.destroy(call, Order(why=Why.RETENTION, by="ada", basis="Its time was over."))
    with house.services.database.read() as uow:
        for table in ("evaluation", "evaluation_form", "evaluation_assignment", "evaluation_reply", "dispute"):
            count = uow.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert count == 0, table


def test_each_deed_is_in_the_audit_log(house: House) -> None:
    call = house.call()
    submitted(house, opened(house, "eva", call))
    with house.services.database.read() as uow:
        found = [line.event for line in audit.entries(uow, call)]
    assert found == [Event.EVALUATED.value, Event.FORM_OPENED.value]
