"""Agreement, calibration and reports through their verbs: who may, what is hidden, what comes of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from candor.access.model import RIGHTS, Principal, UserRole
from candor.audit import service as audit
from candor.audit.service import Event
from candor.audit.store import Wanted as Lines
from candor.audit.store import newest
from candor.conversation.evaluation import Occasion, Verdict
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import metadata
from candor.pipeline import erasing
from candor.pipeline.calibrating import Call
from candor.pipeline.disputing import Ruling
from candor.pipeline.evaluating import Ask
from candor.pipeline.reporting import Wanted, due
from candor.replay.model import Scope
from candor.scoring import store as scores
from candor.scoring.agreement import store as pairs
from candor.scoring.agreement.model import Gate, Standing
from candor.scoring.calibration.model import ReferenceKind, Session
from candor.scoring.disputes.model import Outcome
from candor.scoring.lifecycle import store as lifecycle
from candor.scoring.reports.store import Every, Schedule
from tests.unit.pipeline.judged import House
from tests.unit.pipeline.kept import Kept
from tests.unit.scoring.quality.made import evaluation, keep

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
YES, NO = Verdict.YES, Verdict.NO


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with clock.freeze(NOW):
        made = House(tmp_path)
        yield made
        made.close()


def judge(house: House, call: str, who: str, greeting: str = "yes", verify: str = "yes", form: Any = None) -> Any:
    """Fill a form in and submit it; a form of one's own for quality unless one is given."""
    verbs = house.services.evaluating
    with house.services.database.write() as uow:
        person = house.person(who)
        form = form or verbs.open(uow, person, Ask(conversation_id=call, scorecard="basics"))
        for question, verdict in (("greeting", greeting), ("verify", verify), ("else", "yes")):
            form, _ = verbs.save(uow, person, form.id, form.revision, question, {"verdict": verdict})
        return verbs.submit(uow, person, form.id, form.revision)


def overview(house: House, who: str = "sam") -> Any:
    with house.services.database.read() as uow:
        return house.services.trusting.overview(uow, house.person(who), "basics")


def events(house: House, event: Event) -> list[str | None]:
    with house.services.database.read() as uow:
        return [line.subject for line in newest(uow, Lines(events=(event.value,)))]


# ---- agreement ----


def test_a_blind_form_makes_a_pair_and_an_override_does_not(house: House) -> None:
    call = house.call()
    judge(house, call, "eva", verify="no")
    lines = {line.question.id: line for line in overview(house).lines}
    # The rules find the greeting and "anything else" in what was said, and no mother's maiden name.
    assert {name: line.agreement.n for name, line in lines.items()} == {"greeting": 1, "verify": 1, "else": 1}
    assert all(line.agreement.equal.value == 1.0 for line in lines.values())
    with house.services.database.write() as uow:
        house.services.scores.override(uow, call, "basics", "greeting", NO, "It is not heard.", house.person("sam"))
    assert overview(house).pairs == 3


def test_who_had_opened_the_scores_is_not_blind(house: House) -> None:
    call = house.call()
    with house.services.database.write() as uow:
        audit.record(uow, Event.OPENED, "eva", conversation_id=call, subject="page")
    judge(house, call, "eva")
    assert overview(house).pairs == 0


def test_gates_hold_for_the_next_evaluation_and_are_told(house: House) -> None:
    trusting = house.services.trusting
    with house.services.database.write() as uow:
        trusting.set_gate(uow, house.person("sam"), "basics", None, Gate(threshold=0.6, least=10))
    assert {line.standing for line in overview(house).lines} == {Standing.UNPROVEN}
    assert events(house, Event.GATE_SET) == ["basics/all: kappa >= 0.6, n >= 10"]
    with house.services.database.write() as uow:
        card = scores.get_scorecard(uow, "basics")
        for number in range(40):
            same = {"greeting": YES if number % 2 else NO}
            keep(uow, evaluation(same, conversation=f"c{number}", card=card))
            keep(uow, evaluation(same, conversation=f"c{number}", card=card, evaluator="eva"))
    assert trusting.tend() == 1, "the greeting counts now"
    assert trusting.tend() == 0
    assert events(house, Event.GATE_MOVED)[0] == "basics/greeting: counted"
    line = next(each for each in overview(house).lines if each.question.id == "greeting")
    assert (line.standing, line.own_gate) == (Standing.COUNTED, False)
    with house.services.database.write() as uow:
        trusting.clear_gate(uow, house.person("sam"), "basics", None)
    assert {each.standing for each in overview(house).lines} == {Standing.UNCHECKED}


def test_only_who_manages_scorecards_sets_gates_and_only_on_what_rules_answer(house: House) -> None:
    trusting = house.services.trusting
    with house.services.database.write() as uow:
        with pytest.raises(Forbidden):
            trusting.set_gate(uow, house.person("dana"), "basics", None, Gate(threshold=0.5))
        with pytest.raises(NotFound):
            trusting.set_gate(uow, house.person("sam"), "basics", "nothing", Gate(threshold=0.5))
        with pytest.raises(InvalidInput):
            trusting.set_gate(uow, house.person("sam"), "basics", None, Gate(threshold=7))
        with pytest.raises(Forbidden):
            trusting.overview(uow, house.person("dana"), "basics")


def test_what_is_destroyed_leaves_the_pairs_and_stays_in_the_counts(house: House) -> None:
    call = house.call()
    judge(house, call, "eva")
    session = called(house, call)
    with house.services.database.write() as uow:
        erasing.erase(uow, house.services.replay.index, call)
        left = uow.execute(sa.select(sa.func.count()).select_from(pairs.agreement_pair)).scalar_one()
    assert left == 0
    assert overview(house).pairs == 3
    with house.services.database.read() as uow:
        assert house.services.calibrating.view(uow, house.person("ada"), session.id).session.conversations == ()


def test_every_table_that_names_a_conversation_is_known_to_erasing() -> None:
    named = {name for name, table in metadata.tables.items() if "conversation_id" in table.c}
    mine = {name for name in named if name.startswith(("agreement_", "calibration_", "report_"))}
    assert mine == {"agreement_pair", "calibration_conversation"}
    assert mine <= set(erasing.GO_WITH_IT)


# ---- calibration ----


def called(house: House, *calls: str, **more: Any) -> Session:
    wanted = {
        "title": "March", "scorecard": "basics", "conversations": calls, "evaluators": ["eva", "sam"],
        "due_at": NOW + timedelta(days=3),
    } | more  # fmt: skip
    with house.services.database.write() as uow:
        return house.services.calibrating.call(uow, house.person("ada"), Call(**wanted))


def take_part(house: House, session: Session, who: str, call: str, **answers: str) -> None:
    with house.services.database.write() as uow:
        form = house.services.calibrating.open_form(uow, house.person(who), session.id, call)
    judge(house, call, who, form=form, **answers)


def view(house: House, session: Session, who: str = "ada") -> Any:
    with house.services.database.read() as uow:
        return house.services.calibrating.view(uow, house.person(who), session.id)


def test_results_are_hidden_until_everybody_has_submitted(house: House) -> None:
    one, two = house.call(), house.call()
    session = called(house, one, two)
    take_part(house, session, "eva", one)
    take_part(house, session, "eva", two, verify="no")
    take_part(house, session, "sam", one, verify="no")
    for who in ("ada", "eva", "sam"):
        assert view(house, session, who).results is None
    assert view(house, session, "eva").done == {"eva": 2, "sam": 1}
    assert {each.evaluator for each in view(house, session, "eva").mine} == {"eva"}
    take_part(house, session, "sam", two, verify="no")
    found = view(house, session).results
    assert (found.submitted, found.expected) == (4, 4)
    # Yes and no of two are 0.5 apart in variance; the other conversation has none.
    assert (found.questions[0].question, found.questions[0].variance, found.questions[0].equal) == ("verify", 0.25, 0.5)
    assert [each.variance for each in found.questions[1:]] == [0.0, 0.0]
    assert found.alpha.n == 6
    assert found.alpha.value < 1.0


def test_calibrations_are_blind_pairs_and_no_quality_scores(house: House) -> None:
    call = house.call()
    before = house.score(call)
    session = called(house, call)
    take_part(house, session, "eva", call, verify="no")
    assert house.score(call) == before
    assert overview(house).pairs == 3
    with pytest.raises(Conflict):
        take_part(house, session, "eva", call)


def test_a_closed_session_is_over_and_shows_what_there_is(house: House) -> None:
    call = house.call()
    session = called(house, call, reference=ReferenceKind.EXPERT, expert="sam")
    take_part(house, session, "sam", call, verify="no")
    with house.services.database.write() as uow:
        with pytest.raises(Forbidden):
            house.services.calibrating.close(uow, house.person("sam"), session.id)
        house.services.calibrating.close(uow, house.person("ada"), session.id)
    found = view(house, session).results
    assert (found.submitted, found.alpha) == (1, None)
    assert found.evaluators[1].equal is None, "an expert is not held against himself"
    with pytest.raises(Conflict):
        take_part(house, session, "eva", call)
    with house.services.database.write() as uow, pytest.raises(Conflict):
        house.services.calibrating.close(uow, house.person("ada"), session.id)
    assert events(house, Event.CALIBRATION_CLOSED) == [session.id]


def test_distance_is_to_the_expert(house: House) -> None:
    call = house.call()
    session = called(house, call, reference=ReferenceKind.EXPERT, expert="sam")
    take_part(house, session, "sam", call, verify="yes")
    take_part(house, session, "eva", call, verify="no")
    eva = view(house, session).results.evaluators[0]
    assert (eva.evaluator, eva.distance, eva.leaning) == ("eva", 50.0, -50.0)
    assert (round(eva.equal.value, 3), eva.equal.n) == (0.667, 3)


def test_a_consensus_is_written_down_afterwards_and_becomes_guidance(house: House) -> None:
    call = house.call()
    session = called(house, call, reference=ReferenceKind.CONSENSUS)
    verbs = house.services.calibrating
    with house.services.database.write() as uow, pytest.raises(Conflict):
        verbs.open_reference(uow, house.person("ada"), session.id, call)
    with house.services.database.write() as uow, pytest.raises(Conflict):
        verbs.note(uow, house.person("ada"), session.id, "verify", "Too early.")
    take_part(house, session, "sam", call, verify="yes")
    take_part(house, session, "eva", call, verify="no")
    with house.services.database.write() as uow:
        form = verbs.open_reference(uow, house.person("ada"), session.id, call)
        assert form.occasion is Occasion.REFERENCE
    judge(house, call, "ada", form=form, verify="no")
    found = view(house, session).results
    assert found.reference_scores == {call: 50.0}
    assert [each.distance for each in found.evaluators] == [0.0, 50.0]
    with house.services.database.write() as uow:
        note = verbs.note(uow, house.person("ada"), session.id, "verify", "A date of birth is enough.")
        made = verbs.to_guidance(uow, house.person("ada"), session.id, note.id, "A date of birth is enough; say it.")
    assert made.draft_version == 2
    with house.services.database.read() as uow:
        draft = lifecycle.draft(uow, "basics")
    asked = [question for section in draft.data["sections"] for question in section["questions"]]
    assert [each.get("guidance") for each in asked] == [None, "A date of birth is enough; say it.", None]
    assert view(house, session).notes[0].draft_version == 2
    assert overview(house).pairs == 3, "one conversation, three questions, however many people"
    with house.services.database.read() as uow:
        paired = set(uow.execute(sa.select(pairs.agreement_pair.c.evaluator)).scalars())
    assert paired == {"sam", "eva"}, "what was agreed upon in talking is no blind answer"


def test_who_may_call_and_know_of_sessions(house: House) -> None:
    call, foreign = house.call(), house.call(team="Sales")
    for wrong in (
        {"evaluators": ["eva"]}, {"evaluators": ["eva", "dana"]}, {"evaluators": ["eva", "nobody"]},
        {"conversations": []}, {"due_at": NOW - timedelta(days=1)}, {"title": " "}, {"expert": "eva"},
        {"reference": ReferenceKind.EXPERT, "expert": "max"}, {"conversations": [foreign]},
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            called(house, call, **wrong)
    with pytest.raises(NotFound):
        called(house, "not-a-call")
    session = called(house, call, evaluators=["eva", "ada"])
    with house.services.database.write() as uow:
        with pytest.raises(Forbidden):
            house.services.calibrating.call(uow, house.person("dana"), None)
        with pytest.raises(Forbidden):
            house.services.calibrating.view(uow, house.person("ben"), session.id)
        # Sam leads the team of the call; he may know of it, not take part.
        assert house.services.calibrating.view(uow, house.person("sam"), session.id).takes_part is False
        with pytest.raises(NotFound):
            house.services.calibrating.open_form(uow, house.person("sam"), session.id, call)
        assert len(house.services.calibrating.listed(uow, house.person("max"))) == 1


# ---- reports ----


def wanted(**more: Any) -> Wanted:
    given: dict[str, Any] = {"scorecard": "basics", "since": NOW - timedelta(days=28), "until": NOW}
    return Wanted(**(given | more))


def report(house: House, who: str = "ada", **more: Any) -> Any:
    with house.services.database.read() as uow:
        return house.services.reporting.report(uow, house.person(who), wanted(**more), UTC_ZONE)


def filled(house: House) -> list[str]:
    """Ten calls over four weeks; four judged by eva, who is strict, four by sam, two by both."""
    calls = [
        house.call(
            "a1" if number % 2 else "a2", at=NOW - timedelta(days=2 * number + 1, hours=1),
            team="Sales" if number == 9 else "Billing",
        )
        for number in range(10)
    ]  # fmt: skip
    for number, call in enumerate(calls[:6]):
        if number < 4:
            judge(house, call, "eva", verify="no", greeting="no")
        if number > 1:
            judge(house, call, "sam")
    return calls


def test_a_report_counts_each_side_by_itself(house: House) -> None:
    filled(house)
    found = report(house)
    assert found.conversations == 10
    assert (found.automatic.evaluations, found.human.evaluations) == (10, 8)
    assert (found.automatic_coverage.value, found.human_coverage.value) == (1.0, 0.6)
    # The rules: greeting yes, verification no (critical for its section), "anything else" yes.
    rules = found.automatic
    assert (rules.mean.value, rules.critical.value, rules.passed.value) == (50.0, 1.0, 0.0)
    assert found.human.mean.value == 75.0
    assert found.human.bins == (0, 0, 0, 0, 0, 4, 0, 0, 0, 4)
    verify = found.human.questions[1]
    assert (verify.question, verify.n, verify.share.value) == ("verify", 8, 0.5)
    assert sum(point.n for point in found.automatic.trend) == 10
    strict, mild = found.strictness
    assert (strict.evaluator, strict.n, strict.difference.value) == ("eva", 4, 0.0)
    assert (mild.evaluator, mild.difference.value) == ("sam", 50.0)
    assert strict.leaning.high < 0 < mild.leaning.low
    assert found.disputes.disputes == 0


def test_a_report_is_within_ones_reach(house: House) -> None:
    filled(house)
    assert report(house, "sam").conversations == 9, "the call of Sales is not Sam's"
    assert report(house, teams=("Sales",)).conversations == 1
    assert report(house, "sam", teams=("Sales",)).conversations == 0
    assert report(house, agents=("a2",)).automatic.evaluations == 5
    with pytest.raises(Forbidden):
        report(house, "dana")
    with pytest.raises(InvalidInput):
        report(house, since=NOW)
    with pytest.raises(NotFound):
        report(house, scorecard="nothing")


def test_an_evaluation_of_an_older_release_is_counted_too(house: House) -> None:
    house.call()
    with house.services.database.write() as uow:
        uow.execute(scores.evaluations.update().values(marks=None))
    assert report(house).automatic.questions[0].n == 1


def test_csv_and_pdf_hold_the_same(house: House) -> None:
    filled(house)
    with house.services.database.read() as uow:
        text = house.services.reporting.as_csv(uow, house.person("ada"), wanted(), UTC_ZONE)
        data = house.services.reporting.as_pdf(uow, house.person("ada"), wanted(), UTC_ZONE)
    rows = list(csv.DictReader(io.StringIO(text)))
    mean = next(row for row in rows if (row["part"], row["source"], row["item"]) == ("score", "human", "mean"))
    assert (mean["n"], mean["value"]) == ("8", "75")
    assert float(mean["low"]) < 75 < float(mean["high"])
    assert {row["label"] for row in rows if row["part"] == "strictness"} == {"Eva", "Sam"}
    assert data.startswith(b"%PDF-")
    assert len(data) > 5_000


def test_scheduled_reports_are_made_once_a_period_and_are_ones_own(house: House) -> None:
    filled(house)
    reporting = house.services.reporting
    with house.services.database.write() as uow:
        made = reporting.schedule(
            uow, house.person("sam"), name="Weekly", scorecard="basics", every=Every.WEEK, zone="Europe/Berlin"
        )
    assert reporting.tend() == 1, "the last whole week, at once"
    assert reporting.tend() == 0
    with house.services.database.read() as uow:
        ((_, finished),) = reporting.schedules(uow, house.person("sam"))
        assert reporting.schedules(uow, house.person("ada")) == []
    (one,) = finished
    # The week before Monday, 2 March, in Berlin.
    assert (one.since, one.until) == (
        datetime(2026, 2, 22, 23, tzinfo=UTC), datetime(2026, 3, 1, 23, tzinfo=UTC),
    )  # fmt: skip
    with house.services.database.write() as uow:
        name, data = reporting.open(uow, house.person("sam"), one.id, "pdf")
        assert (name, data[:5]) == ("quality-basics-2026-02-23.pdf", b"%PDF-")
        assert reporting.open(uow, house.person("sam"), one.id, "csv")[1].startswith(b"part,source")
        with pytest.raises(NotFound):
            reporting.open(uow, house.person("ada"), one.id, "pdf")
        with pytest.raises(NotFound):
            reporting.unschedule(uow, house.person("ada"), made.id)
    assert len(events(house, Event.REPORT_EXPORTED)) == 2
    objects = sa.select(sa.func.count()).select_from(metadata.tables["data_key"])
    with house.services.database.write() as uow:
        before = uow.execute(objects).scalar_one()
        reporting.unschedule(uow, house.person("sam"), made.id)
        assert uow.execute(objects).scalar_one() == before - 2, "the files are shredded with it"


def test_reports_stop_with_the_right_to_them(house: House) -> None:
    filled(house)
    with house.services.database.write() as uow:
        house.services.reporting.schedule(
            uow, house.person("sam"), name="Weekly", scorecard="basics", every=Every.WEEK, zone="UTC"
        )
        house.services.access.set_active(uow, "sam", active=False)
    assert house.services.reporting.tend() == 0


def test_missed_periods_are_made_up_for() -> None:
    schedule = Schedule(
        id="s", owner="o", name="n", scorecard="c", every=Every.MONTH, teams=(), queues=(), zone="UTC", created_at=NOW
    )
    first = datetime(2026, 1, 1, tzinfo=UTC)
    assert [until.month for _, until in due(schedule, first, NOW)] == [2, 3]
    assert due(schedule, None, NOW) == [(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))]
    assert due(schedule, datetime(2026, 3, 1, tzinfo=UTC), NOW) == []
    # Clocks go forward in Berlin on 29 March: the month still begins at its own midnight.
    spring = due(
        Schedule(
            id="s", owner="o", name="n", scorecard="c", every=Every.WEEK, teams=(), queues=(), zone="Europe/Berlin",
            created_at=NOW,
        ),
        None, datetime(2026, 4, 1, tzinfo=UTC),
    )  # fmt: skip
    assert spring == [(datetime(2026, 3, 22, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))]


def test_disputes_are_in_the_report(house: House) -> None:
    call = house.call("a1")
    made = judge(house, call, "eva", verify="no")
    reasons = {"verify": "I asked for the maiden name.", "greeting": "I did greet them."}
    with house.services.database.write() as uow:
        dispute = house.services.disputing.dispute(uow, house.person("dana"), made.id, reasons)
    found = report(house).disputes
    assert (found.evaluations, found.disputes, found.open, found.answers) == (1, 1, 1, 0)
    rulings = {
        "verify": Ruling(outcome=Outcome.RESCORED, reason="She did, at 0:40.", answer={"verdict": "yes"}),
        "greeting": Ruling(outcome=Outcome.UPHELD, reason="It is there already."),
    }
    with house.services.database.write() as uow:
        house.services.disputing.decide(uow, house.person("max"), dispute.id, rulings)
    after = report(house)
    assert (after.disputes.open, after.disputes.answers, after.disputes.changed.value) == (0, 2, 0.5)
    assert {name: changed for name, _, changed in after.disputes.questions} == {"verify": 1, "greeting": 0}
    assert after.human.mean is None, "one evaluation stands"
    assert after.human.evaluations == 1
    # What Eva gave, not what the dispute made of it.
    assert [(one.evaluator, one.n) for one in after.strictness] == [("eva", 1)]


# ---- through the stages ----


def test_below_the_gate_automatic_answers_are_shown_and_do_not_count(tmp_path: Path) -> None:
    """A written conversation through every stage, before and after a gate is set."""
    house = Kept(tmp_path / "data")
    try:
        by = Principal(
            user_id="cli", login="cli", name="", role=UserRole.ADMINISTRATOR,
            rights=RIGHTS[UserRole.ADMINISTRATOR],
        )  # fmt: skip
        first = house.take("Hello, my card was charged twice.", answer="Thank you for calling. I am sorry.")
        with house.services.database.write() as uow:
            (card,) = [each for each in scores.list_scorecards(uow) if each.id == "customer-service-basics"]
            house.services.trusting.set_gate(uow, by, card.id, None, Gate(threshold=0.6))
        second = house.take("Hello, my card was charged three times.", answer="Thank you for calling. I am sorry.")
        with house.services.database.read() as uow:
            ((before,), (after,)) = (scores.list_evaluations(uow, one) for one in (first, second))
            row = house.services.replay.row(uow, second, Scope())
        assert before.score is not None
        assert not any(answer.suggested for answer in before.answers)
        answered = [answer for answer in after.answers if answer.verdict in {YES, NO}]
        assert answered
        assert all(answer.suggested and answer.points is None for answer in answered)
        assert (after.score, after.passed, row.score) == (None, None, None)
        with house.services.database.write() as uow:
            house.services.trusting.clear_gate(uow, by, card.id, None)
        third = house.take("Hello, my card was charged again.", answer="Thank you for calling. I am sorry.")
        with house.services.database.read() as uow:
            assert scores.list_evaluations(uow, third)[0].score is not None
    finally:
        house.close()
