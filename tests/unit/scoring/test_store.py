"""Scorecards and evaluations in a real database file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from candor.conversation.evaluation import Evaluation, Verdict
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit.database import Database, metadata, sqlite_url
from candor.scoring import store
from candor.scoring.dumper import dump_scorecard
from candor.scoring.loader import load_scorecard
from candor.scoring.model import MetricRule, Op, Rule, Scorecard
from candor.scoring.service import builtin, builtin_yaml, override
from tests.unit.scoring.calls import FILLER, card, evaluate, transcript

CARD = card("{says: {phrases: [the weather]}}")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine, tables=[store.scorecards, store.evaluations])
    yield database
    database.close()


def with_rule(scorecard: Scorecard, rule: Rule) -> Scorecard:
    section = scorecard.sections[0]
    question = replace(section.questions[0], rule=rule)
    return replace(scorecard, sections=(replace(section, questions=(question,)),))


def evaluation() -> Evaluation:
    return evaluate(CARD, transcript(FILLER))


def test_scorecards_have_versions_and_one_active(database: Database) -> None:
    second = replace(CARD, version=4, title="Newer")
    with database.write() as uow:
        store.put_scorecard(uow, CARD)
        store.put_scorecard(uow, CARD)
        store.put_scorecard(uow, second)
        store.put_scorecard(uow, builtin("customer-service-basics"), yaml=builtin_yaml("customer-service-basics"))
    with database.read() as uow:
        assert store.get_scorecard(uow, "one") == second
        assert store.get_scorecard(uow, "one", 3) == CARD
        assert [item.id for item in store.list_scorecards(uow)] == ["customer-service-basics", "one"]
        assert [item.version for item in store.list_scorecards(uow, active_only=False)] == [
            builtin("customer-service-basics").version,
            4,
            3,
        ]
        with pytest.raises(NotFound):
            store.get_scorecard(uow, "one", 9)
    with database.write() as uow:
        store.activate(uow, "one", None)
    with database.read() as uow, pytest.raises(NotFound):
        store.get_scorecard(uow, "one")


def test_a_version_never_changes_its_content(database: Database) -> None:
    with database.write() as uow:
        store.put_scorecard(uow, CARD)
    with pytest.raises(Conflict, match="other content"), database.write() as uow:
        store.put_scorecard(uow, replace(CARD, title="Other"))
    with pytest.raises(NotFound), database.write() as uow:
        store.activate(uow, "one", 99)


def test_a_repeated_stage_doubles_nothing(database: Database) -> None:
    first, again = evaluation(), evaluation()
    assert first.id != again.id
    with database.write() as uow:
        held = store.put_evaluation(uow, first)
    with database.write() as uow:
        kept = store.put_evaluation(uow, again)
    assert kept.id == held.id == first.id
    with database.read() as uow:
        assert store.list_evaluations(uow, "c", include_superseded=True) == (kept,)
        assert store.get_evaluation(uow, first.id) == kept
        with pytest.raises(NotFound):
            store.get_evaluation(uow, again.id)


def test_a_new_transcript_supersedes_the_automatic_evaluation_only(database: Database) -> None:
    first = evaluation()
    later = replace(evaluation(), transcript_id="t2")
    with database.write() as uow:
        store.put_evaluation(uow, first)
        human = store.put_evaluation(uow, override(first, "q", Verdict.NO, "not said", "u1", CARD))
        store.put_evaluation(uow, later)
    with database.read() as uow:
        assert store.list_evaluations(uow, "c") == (later, human)
        assert {item.id for item in store.list_evaluations(uow, "c", include_superseded=True)} == {
            first.id,
            later.id,
            human.id,
        }


def test_a_persons_overrides_build_on_their_own_latest(database: Database) -> None:
    first = evaluation()
    with database.write() as uow:
        store.put_evaluation(uow, first)
        assert store.base_for_override(uow, first.id, "u1") == first
        one = store.put_evaluation(uow, override(first, "q", Verdict.NO, "not said", "u1", CARD))
        assert store.base_for_override(uow, first.id, "u1") == one
        assert store.base_for_override(uow, first.id, "u2") == first
        two = store.put_evaluation(uow, override(one, "q", Verdict.YES, "said after all", "u1", CARD))
        other = store.put_evaluation(uow, override(first, "q", Verdict.NO, "I hear no weather", "u2", CARD))
    with database.read() as uow:
        assert set(store.list_evaluations(uow, "c")) == {first, two, other}
        assert len(store.list_evaluations(uow, "c", include_superseded=True)) == 4


def test_what_is_kept_comes_back_equal(database: Database) -> None:
    first = evaluation()
    with database.write() as uow:
        store.put_evaluation(uow, first)
    with database.read() as uow:
        assert store.get_evaluation(uow, first.id) == first


def test_a_kept_scorecard_outlives_the_metric_it_names(database: Database) -> None:
    gone = MetricRule(name="no.longer.measured", op=Op.LESS, threshold=1)
    old = replace(CARD, version=1)
    with pytest.raises(InvalidInput, match="not a known metric"):
        load_scorecard(dump_scorecard(with_rule(old, gone)))
    with database.write() as uow:
        store.put_scorecard(uow, with_rule(old, gone))
    with database.read() as uow:
        assert store.get_scorecard(uow, "one", 1).questions[0].rule == gone
