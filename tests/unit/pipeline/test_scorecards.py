"""Drafts, versions and rescoring over real services: by right, in the audit log, exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from candor.audit.model import Event
from candor.audit.store import Wanted, newest
from candor.consent.custody import conversation_consent
from candor.conversation.evaluation import Evaluation, EvaluationSource, Verdict
from candor.conversation.model import Conversation, Medium
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline.rescoring import Ask
from candor.scoring import store as scores
from candor.scoring.lifecycle import checking, drafting
from candor.scoring.lifecycle.store import VersionState
from candor.scoring.loader import load_scorecard
from candor.scoring.rescoring import store as jobs
from candor.scoring.rescoring.store import State
from candor.wiring.scorecards import keep_builtins
from candor.wiring.working import in_use
from tests.unit.pipeline.judged import SCORECARD, House

STRICTER = SCORECARD.replace("version: 1", "version: 2").replace("[anything else]", "[nobody says these words]")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def automatic(house: House, conversation_id: str) -> list[Evaluation]:
    with house.services.database.read() as uow:
        found = scores.list_evaluations(uow, conversation_id)
    return [each for each in found if each.source is EvaluationSource.AUTOMATIC and each.scorecard == "basics"]


def publish(house: House, text: str = STRICTER) -> None:
    with house.services.database.write() as uow:
        house.services.scorecards.publish_text(uow, text, house.person("ada"))


# -- drafts and versions -------------------------------------------------------------------------------------------


def test_from_draft_to_published_to_retired(house: House) -> None:
    cards, ada = house.services.scorecards, house.person("ada")
    with house.services.database.write() as uow:
        draft = cards.revise(uow, "basics", ada)
        assert (draft.base_version, draft.data["version"], draft.revision) == (1, 2, 1)
        tree = drafting.set_fields(draft.data, "s0", {"weight": 70})
        draft = cards.save(uow, "basics", tree, 1, ada)
        made = cards.publish(uow, "basics", ada, draft.revision)
    assert (made.version, made.state, made.published_by) == (2, VersionState.ACTIVE, "ada")
    assert made.changes == ('"Opening" (opening): weight 50 → 70',)
    with house.services.database.write() as uow:
        found = cards.one(uow, "basics", ada)
        assert [(each.version, each.state) for each in found.versions] == [
            (2, VersionState.ACTIVE), (1, VersionState.RETIRED),
        ]  # fmt: skip
        assert found.versions[1].retired_by == "ada"
        assert found.draft is None
        cards.bring_back(uow, "basics", 1, ada)
        assert scores.get_scorecard(uow, "basics").version == 1
        cards.retire(uow, "basics", ada)
    with house.services.database.read() as uow:
        assert cards.one(uow, "basics", ada).active is None
        with pytest.raises(NotFound):
            scores.get_scorecard(uow, "basics")
        lines = [line.event for line in newest(uow, Wanted(), limit=20)]
    for event in (Event.SCORECARD_DRAFTED, Event.SCORECARD_PUBLISHED, Event.SCORECARD_RETIRED):
        assert event in lines


def test_two_people_never_overwrite_one_another(house: House) -> None:
    cards = house.services.scorecards
    with house.services.database.write() as uow:
        first = cards.revise(uow, "basics", house.person("ada"))
        cards.save(uow, "basics", first.data, first.revision, house.person("eva"))
        with pytest.raises(Conflict, match="changed elsewhere"):
            cards.save(uow, "basics", first.data, first.revision, house.person("ada"))
        with pytest.raises(Conflict, match="is open"):
            cards.revise(uow, "basics", house.person("eva"))
        with pytest.raises(Conflict, match="changed elsewhere"):
            cards.publish(uow, "basics", house.person("ada"), first.revision)


def test_a_draft_with_faults_is_kept_and_not_published(house: House) -> None:
    cards, ada = house.services.scorecards, house.person("ada")
    with house.services.database.write() as uow:
        draft = cards.revise(uow, "basics", ada)
        draft = cards.save(uow, "basics", drafting.set_fields(draft.data, "s0.q0", {"weight": "x"}), 1, ada)
        assert cards.check(draft).at("s0.q0")
        with pytest.raises(InvalidInput, match="cannot be published yet"):
            cards.publish(uow, "basics", ada)
        assert scores.get_scorecard(uow, "basics").version == 1


def test_a_published_version_never_changes(house: House) -> None:
    publish(house)
    other = STRICTER.replace("Opening", "Start")
    with house.services.database.write() as uow, pytest.raises(Conflict, match="there already"):
        house.services.scorecards.publish_text(uow, other, house.person("ada"))


def test_a_file_becomes_a_draft_with_the_next_number(house: House) -> None:
    cards, ada = house.services.scorecards, house.person("ada")
    with house.services.database.write() as uow:
        draft = cards.take_in(uow, SCORECARD, ada)
        assert draft.data["version"] == 2
        assert load_scorecard(checking.as_yaml(draft.data)).questions == load_scorecard(SCORECARD).questions
        again = cards.take_in(uow, STRICTER, ada, draft.revision, "basics")
        assert again.revision == 2
        for bad in ("just words", "{id: 'NOT AN ID'}", "{title: none}", "{id: other, version: 1}"):
            with pytest.raises(InvalidInput):
                cards.take_in(uow, bad, ada, again.revision, "basics")


def test_who_may(house: House) -> None:
    cards = house.services.scorecards
    with house.services.database.write() as uow:
        for nobody in ("dana", "ben"):
            with pytest.raises(Forbidden):
                cards.revise(uow, "basics", house.person(nobody))
        draft = cards.revise(uow, "basics", house.person("sam"))  # a team's supervisor may draft …
        assert draft.created_by == "sam"
        with pytest.raises(Forbidden, match="everybody"):
            cards.publish(uow, "basics", house.person("sam"))  # … and not change everybody's scores
        with pytest.raises(Forbidden):
            cards.retire(uow, "basics", house.person("sam"))
        with pytest.raises(Forbidden):
            house.services.rescoring.rescore(uow, "basics", Ask(), house.person("sam"))


def test_guidance_from_a_calibration_goes_into_the_draft(house: House) -> None:
    cards, ada = house.services.scorecards, house.person("ada")
    with house.services.database.write() as uow:
        assert cards.with_guidance(uow, ada, "basics", "greeting", "Also when they say hi.") == 2
        assert cards.with_guidance(uow, ada, "basics", "verify", "Two of three.") == 2
        card = cards.check(cards.draft(uow, "basics", ada)).scorecard
    assert card is not None
    assert [question.guidance for question in card.questions][:2] == ["Also when they say hi.", "Two of three."]


def test_what_ships_does_not_come_back_by_itself(house: House) -> None:
    with house.services.database.write() as uow:
        house.services.scorecards.retire(uow, "customer-service-basics", None)
        keep_builtins(uow)
        assert [card.id for card in scores.list_scorecards(uow)] == ["basics"]


def test_which_scorecards_judge_a_conversation(house: House) -> None:
    chats = SCORECARD.replace("id: basics", "id: chats\nmedia: [chat]\nqueues: [bills]")
    publish(house, chats)
    call = Conversation(id="c", started_at=clock.now(), queue="bills")
    chat = Conversation(id="c", started_at=clock.now(), queue="bills", medium=Medium.CHAT)
    with house.services.database.write() as uow:
        assert {card.id for card in in_use("basics", uow, call)} == {"basics", "customer-service-basics"}
        assert [card.id for card in in_use("basics", uow, chat)][-1] == "basics"
        assert "chats" in {card.id for card in in_use("basics", uow, chat)}
        house.services.scorecards.retire(uow, "basics", None)
        assert "basics" not in {card.id for card in in_use("basics", uow, call)}


# -- simulation and rescoring --------------------------------------------------------------------------------------


def test_a_simulation_compares_and_keeps_nothing(house: House) -> None:
    ids = [house.call() for _ in range(6)]
    before = [automatic(house, each) for each in ids]
    card = load_scorecard(STRICTER)
    with house.services.database.write() as uow:
        job = house.services.rescoring.simulate(uow, card, STRICTER, Ask(), house.person("ada"))
    assert (job.state, job.total, job.population) == (State.RUNNING, 6, 6)
    assert house.services.rescoring.work() == 6
    with house.services.database.read() as uow:
        ended = house.services.rescoring.job(uow, job.id, house.person("ada"))
    result = ended.result
    assert ended.state is State.DONE
    assert result is not None
    assert (result["scored"], result["compared"]) == (6, 6)
    assert result["before"]["n"] == result["after"]["n"] == 6
    assert sum(result["after"]["bins"]) == 6
    asked_else = result["questions"]["else"]
    assert (asked_else["n"], asked_else["changed"], asked_else["after"]) == (6, 6, {"no": 6})
    assert result["questions"]["greeting"]["changed"] == 0
    assert result["before"]["mean"] > result["after"]["mean"]
    assert [automatic(house, each) for each in ids] == before
    with house.services.database.read() as uow:
        assert [each.version for each in house.services.scorecards.one(uow, "basics").versions] == [1]


def test_a_sample_is_drawn_again_with_its_seed(house: House) -> None:
    for _ in range(12):
        house.call()
    card = load_scorecard(STRICTER)

    def drawn(seed: int) -> list[str]:
        with house.services.database.write() as uow:
            job = house.services.rescoring.simulate(uow, card, STRICTER, Ask(sample=5, seed=seed), None)
            assert (job.total, job.population, job.seed) == (5, 12, seed)
            part = jobs.take(uow, job.id)
            assert part is not None
            return list(part.conversations)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_simulation_reaches_as_far_as_who_asks(house: House) -> None:
    house.call(team="Billing")
    house.call(team="Sales")
    card = load_scorecard(STRICTER)
    with house.services.database.write() as uow:
        mine = house.services.rescoring.simulate(uow, card, STRICTER, Ask(), house.person("sam"))
        every = house.services.rescoring.simulate(uow, card, STRICTER, Ask(), house.person("ada"))
    assert (mine.total, every.total) == (1, 2)
    with house.services.database.read() as uow:
        with pytest.raises(Forbidden):
            house.services.rescoring.job(uow, every.id, house.person("sam"))
        assert [job.id for job in house.services.rescoring.jobs(uow, "basics", house.person("sam"))] == [mine.id]


def test_rescoring_replaces_automatic_evaluations_and_no_other(house: House) -> None:
    one, old = house.call(), house.call(at=clock.now() - timedelta(days=90))
    with house.services.database.write() as uow:
        house.services.scores.override(uow, one, "basics", "greeting", Verdict.NO, "I heard none", house.person("ada"))
    publish(house)
    with house.services.database.write() as uow:
        job = house.services.rescoring.rescore(uow, "basics", Ask(), house.person("ada"))
    assert job.total == 1
    assert house.services.rescoring.work() == 1
    assert [each.scorecard_version for each in automatic(house, one)] == [2]
    assert [each.scorecard_version for each in automatic(house, old)] == [1]
    with house.services.database.read() as uow:
        (human,) = [e for e in scores.list_evaluations(uow, one) if e.source is EvaluationSource.HUMAN]
        earlier = scores.list_evaluations(uow, one, include_superseded=True)
    assert human.scorecard_version == 1
    assert len(earlier) == 3
    assert house.score(one)[1] == "human"


def test_what_may_not_be_judged_is_left_out(house: House) -> None:
    held, free = house.call(), house.call()
    publish(house)
    with house.services.database.write() as uow:
        job = house.services.rescoring.rescore(uow, "basics", Ask(), house.person("ada"))
        moment = clock.to_column(clock.now())
        proof = {"decision": '{"purpose": "transaction_proof"}', "proof": "", "state": "proved", "level": 0, "why": ""}
        uow.execute(
            conversation_consent.insert().values(conversation_id=held, started_at=moment, since=moment, **proof)
        )
    house.services.rescoring.work()
    with house.services.database.read() as uow:
        result = house.services.rescoring.job(uow, job.id, None).result
    assert result is not None
    assert (result["scored"], sum(result["skipped"].values())) == (1, 1)
    assert [each.scorecard_version for each in automatic(house, held)] == [1]
    assert [each.scorecard_version for each in automatic(house, free)] == [2]


def test_cancelled_means_that_nothing_more_is_kept(house: House) -> None:
    one = house.call()
    publish(house)
    with house.services.database.write() as uow:
        job = house.services.rescoring.rescore(uow, "basics", Ask(), house.person("ada"))
        part = jobs.take(uow, job.id)
        assert part is not None
        cancelled = house.services.rescoring.cancel(uow, job.id, house.person("ada"))
        assert (cancelled.state, cancelled.done) == (State.CANCELLED, 0)
        assert not jobs.deliver(uow, part, {})
        with pytest.raises(Conflict, match="over already"):
            house.services.rescoring.cancel(uow, job.id, house.person("ada"))
    assert house.services.rescoring.work() == 0
    assert [each.scorecard_version for each in automatic(house, one)] == [1]


def test_a_part_is_delivered_once_and_by_its_holder_alone(house: House) -> None:
    house.call()
    card = load_scorecard(STRICTER)
    with house.services.database.write() as uow:
        job = house.services.rescoring.simulate(uow, card, STRICTER, Ask(), None)
        dead = jobs.take(uow, job.id)
        assert dead is not None
        assert jobs.take(uow, job.id) is None
    later = clock.now() + jobs.HELD + timedelta(seconds=1)
    with clock.freeze(later), house.services.database.write() as uow:
        living = jobs.take(uow, job.id)
        assert living is not None
        assert living.conversations == dead.conversations
        assert not jobs.deliver(uow, dead, {})
        assert jobs.deliver(uow, living, {})
        assert not jobs.deliver(uow, living, {})


def test_nothing_to_judge_is_done_at_once(house: House) -> None:
    with house.services.database.write() as uow:
        job = house.services.rescoring.simulate(uow, load_scorecard(STRICTER), STRICTER, Ask(), None)
    assert (job.state, job.total) == (State.DONE, 0)
    ask = Ask(since=clock.now(), until=clock.now() - timedelta(days=1))
    with house.services.database.write() as uow, pytest.raises(InvalidInput, match="ends before"):
        house.services.rescoring.simulate(uow, load_scorecard(STRICTER), STRICTER, ask, None)


def test_parts_go_with_their_job(house: House) -> None:
    house.call()
    with house.services.database.write() as uow:
        house.services.rescoring.simulate(uow, load_scorecard(STRICTER), STRICTER, Ask(), None)
    house.services.rescoring.work()
    with house.services.database.read() as uow:
        assert uow.execute(select(jobs.rescoring_part)).all() == []
