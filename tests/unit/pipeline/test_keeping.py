"""Retention over all rooms: previews, sweeps, conflicts, two pairs of eyes, clocks, kills."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.errors import Conflict, Damaged, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline import store as runs
from candor.pipeline.tending import Tending
from candor.vault.disposal import store as disposals
from candor.vault.disposal.store import ProposalState
from candor.vault.retention import store
from candor.vault.retention.model import ConflictKind
from candor.vault.retention.reading import draft
from tests.peers import preloaded
from tests.unit.pipeline.kept import START, WORD, Kept, opened

ROOT = Path(__file__).parents[3]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Kept]:
    with opened(tmp_path / "data") as made:
        yield made


def decided(house: Kept, conversation_id: str, *, low: int | None = None, high: int | None = None, **more: Any) -> None:
    """What was kept of a consent decision."""
    decision = {
        "level": 2, "legs": ["US-CA"], "unknown": [], "may_record": True, "keep_from": "start",
        "announcement_recorded": False, "notice_elements": [], "purpose": "quality", "channel": "chat", "actions": [],
        "analysis_limits": [], "confidence": 1.0, "needs_review": [], "pack": "2026.11", "at": "2026-01-10",
        "decided_at": START.isoformat(),
        "retention": {"min_days": low, "max_days": high, "conflict": False},
    } | more  # fmt: skip
    with house.services.database.write() as uow:
        custody.put(
            uow,
            Custody(
                conversation_id=conversation_id, started_at=START, state=CustodyState.PROVED, level=2, why="Proved.",
                decision=json.dumps(decision), proof="{}", since=clock.now(),
            ),
        )  # fmt: skip


def swept(house: Kept, days: float, **more: Any) -> tuple[int, int, int]:
    """(destroyed, proposed, held) of a sweep so many days after the beginning."""
    with clock.freeze(START + timedelta(days=days)):
        found = house.services.keeping.sweep(**more).sweep
    return found.destroyed, found.proposed, found.held


def test_without_a_schedule_nothing_is_ever_destroyed(house: Kept) -> None:
    one = house.take()
    assert swept(house, 30) == (0, 0, 0)
    assert house.there(one) == [True]


def test_a_day_too_early_nothing_and_on_the_day_all_of_it(house: Kept) -> None:
    one = house.take()
    house.schedule(days=30)
    assert swept(house, 29.99) == (0, 0, 0)
    assert swept(house, 30) == (1, 0, 0)
    assert house.there(one) == [False]
    assert WORD.encode() not in house.raw()


def test_the_preview_tells_what_a_sweep_then_does(house: Kept) -> None:
    old, new = house.take(), house.take(at=START + timedelta(days=5))
    house.schedule("House", 30)
    house.schedule("Sales", 10, queue="Sales")
    keeping = house.services.keeping
    keeping.classify()
    with house.services.database.read() as uow:
        previews = [keeping.preview(uow, (START + timedelta(days=days)).date()) for days in (28, 30, 40)]
        listed = keeping.due(uow, (START + timedelta(days=40)).date())
    assert [found.due for found in previews] == [0, 1, 2]
    assert [(one.schedule, one.days, one.due, one.held) for one in previews[2].counts] == [("House v1", 30, 2, 0)]
    assert [one.conversation_id for one in listed] == [old, new]
    assert listed[0].due_at == START + timedelta(days=30)
    assert swept(house, 31) == (1, 0, 0)


def test_a_schedule_that_counts_later_is_in_the_preview_of_then(house: Kept) -> None:
    house.take()
    with house.services.database.write() as uow:
        made = house.services.schedules.draft(uow, draft("House", 1, "Policy", {}), by="drafter")
        later = date(2026, 3, 1)
        house.services.schedules.put_in_effect(uow, made.id, day=later, by="manager")
    house.services.keeping.classify()
    with house.services.database.read() as uow:
        found = [house.services.keeping.preview(uow, day).due for day in (date(2026, 2, 28), later)]
    assert found == [0, 1]
    assert swept(house, 20) == (0, 0, 0)


def test_a_schedule_once_in_effect_is_not_changed_and_a_draft_does_not_count(house: Kept) -> None:
    schedules = house.services.schedules
    house.take()
    with house.services.database.write() as uow:
        made = schedules.draft(uow, draft("House", 1, "Policy", {}), by="drafter")
    assert swept(house, 20) == (0, 0, 0)
    with house.services.database.write() as uow:
        with pytest.raises(InvalidInput, match="today or later"):
            schedules.put_in_effect(uow, made.id, day=date(2026, 1, 9), by="manager")
        schedules.put_in_effect(uow, made.id, by="manager")
        with pytest.raises(Conflict, match="not changed any more"):
            schedules.put_in_effect(uow, made.id, by="manager")
        with pytest.raises(Conflict):
            schedules.discard(uow, made.id, by="manager")
        with pytest.raises(NotFound):
            schedules.withdraw(uow, "Other", by="manager", reason="none such")
        schedules.withdraw(uow, "House", by="manager", reason="A new policy")
    assert swept(house, 40) == (0, 0, 0)
    with house.services.database.read() as uow:
        history = store.schedules(uow)
    assert [(one.version, one.days) for one in history] == [(1, 1), (2, None)]


@pytest.mark.parametrize(
    ("days", "low", "high", "kind"),
    [
        (10, 100, None, ConflictKind.BELOW_FLOOR), (365, None, 100, ConflictKind.ABOVE_CEILING),
        (60, 100, 50, ConflictKind.LAW), (None, None, 50, ConflictKind.NO_SCHEDULE),
    ],
)  # fmt: skip
def test_a_conflict_goes_to_a_person_and_nothing_is_destroyed_meanwhile(
    house: Kept, days: int | None, low: int | None, high: int | None, kind: ConflictKind
) -> None:
    one, other = house.take(), house.take(f"{WORD} again", tel="+12125550188")
    decided(house, one, low=low, high=high)
    if days is not None:
        house.schedule(days=days)
    assert swept(house, 40) == (1 if days == 10 else 0, 0, 0), "the other has no law against it"
    with clock.freeze(START + timedelta(days=80)):
        assert house.there(one) == [True]
        with house.services.database.read() as uow:
            conflicts = house.services.keeping.preview(uow, clock.now().date()).conflicts
        assert [(each.line.period.conflict, each.conversations) for each in conflicts] == [(kind, 1)]
        settle = house.services.keeping.settle
        with pytest.raises(InvalidInput, match="why so long"):
            settle(conflicts[0].line.class_id, 70, by="manager", reason=" ")
        settle(conflicts[0].line.class_id, 70, by="manager", reason="Counsel's memo 3")
        with house.services.database.read() as uow:
            assert house.services.keeping.preview(uow, clock.now().date()).conflicts == ()
        house.services.keeping.sweep()
    assert house.there(one) == [False]
    assert house.there(other) == [days in {365, None}]


def test_a_word_on_a_conflict_ends_with_the_schedule_it_was_about(house: Kept) -> None:
    decided(house, house.take(), high=20)
    house.schedule(days=365)
    keeping = house.services.keeping
    keeping.classify()
    with house.services.database.read() as uow:
        line = keeping.preview(uow, clock.now().date()).conflicts[0].line
    keeping.settle(line.class_id, 300, by="manager", reason="Counsel's memo 3")
    house.schedule(days=400)
    with house.services.database.read() as uow:
        assert len(keeping.preview(uow, clock.now().date()).conflicts) == 1
    with pytest.raises(NotFound):
        keeping.settle(99, 3, by="manager", reason="none such")


def test_a_decision_that_comes_later_is_looked_at_again(house: Kept) -> None:
    one = house.take()
    house.schedule(days=10)
    house.services.keeping.classify()
    decided(house, one, low=100)
    assert swept(house, 20) == (0, 0, 0)
    with house.services.database.read() as uow:
        found = house.services.keeping.of(uow, one)
    assert found is not None
    assert found[0].facts.min_days == 100


def test_what_the_law_says_is_asked_where_nobody_asked_before(tmp_path: Path) -> None:
    with opened(tmp_path / "data", establishment="FR", purpose="quality") as house:
        one = house.take(tel="+33142685300")
        house.services.keeping.classify()
        with house.services.database.read() as uow:
            found = house.services.keeping.of(uow, one)
    assert found is not None
    assert (found[0].facts.max_days, "FR" in found[0].facts.places) == (183, True)
    assert found[0].period.conflict is ConflictKind.NO_SCHEDULE


# ---- clocks ----


def test_a_clock_that_was_set_back_destroys_nothing(house: Kept) -> None:
    house.take()
    house.schedule(days=0)
    with clock.freeze(START + timedelta(days=9)):
        house.take(tel="+12125550188", at=START + timedelta(days=9))  # something is written down then
    with pytest.raises(Conflict, match="set back") as caught:
        house.services.keeping.sweep(clock_is_right=True)
    assert caught.value.code == "retention.clock"
    assert swept(house, 9) == (2, 0, 0)


def test_a_clock_that_jumped_ahead_destroys_nothing_until_a_person_says_it_is_right(house: Kept) -> None:
    house.take()
    house.schedule(days=365)
    assert swept(house, 0) == (0, 0, 0)
    with pytest.raises(Conflict, match="may run ahead"):
        swept(house, 366)
    assert swept(house, 366, clock_is_right=True) == (1, 0, 0)


# ---- two pairs of eyes ----


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[Kept]:
    with opened(tmp_path / "data", disposal_approval="four-eyes") as made:
        yield made


def test_with_four_eyes_a_second_person_decides(careful: Kept) -> None:
    one, two = careful.take(), careful.take(f"{WORD} too", tel="+12125550188")
    careful.schedule(days=30)
    keeping = careful.services.keeping
    assert swept(careful, 31) == (0, 2, 0)
    assert swept(careful, 31) == (0, 0, 0), "it is proposed once"
    with careful.services.database.read() as uow:
        proposal = disposals.proposals(uow)[0]
    assert (proposal.by, proposal.conversations, proposal.state) == ("system", 2, ProposalState.PROPOSED)
    with pytest.raises(Forbidden, match="put its schedule into effect"):
        keeping.approve(proposal.id, by="manager")
    with pytest.raises(NotFound):
        keeping.approve("none", by="second")
    keeping.approve(proposal.id, by="second", reason="Looked at")
    with pytest.raises(Conflict):
        keeping.approve(proposal.id, by="third")
    with clock.freeze(START + timedelta(days=32)):
        assert keeping.run_approved() == 2
    assert careful.there(one, two) == [False, False]
    with careful.services.database.read() as uow:
        issued = disposals.certificates(uow)
        assert disposals.proposals(uow)[0].state is ProposalState.DONE
    assert [(each.conversations, each.approved_by) for each in issued] == [(2, "second")]


def test_who_proposed_cannot_approve_and_a_no_keeps_them(careful: Kept) -> None:
    one = careful.take()
    careful.schedule(days=30)
    keeping = careful.services.keeping
    with clock.freeze(START + timedelta(days=31)):
        proposal = keeping.propose(by="first")[0]
        with pytest.raises(Forbidden, match="Who proposed"):
            keeping.approve(proposal.id, by="first")
        with pytest.raises(InvalidInput):
            keeping.refuse(proposal.id, by="second", reason="")
        keeping.refuse(proposal.id, by="second", reason="A lawsuit is near")
        assert keeping.run_approved() == 0
        assert careful.there(one) == [True]
        assert len(keeping.propose(by="first")) == 1, "it is due still"


def test_who_drafted_a_schedule_cannot_put_it_into_effect(careful: Kept) -> None:
    with careful.services.database.write() as uow:
        made = careful.services.schedules.draft(uow, draft("House", 3, "Policy", {}), by="one")
        with pytest.raises(Forbidden, match="second person"):
            careful.services.schedules.put_in_effect(uow, made.id, by="one")


def test_what_is_not_due_any_more_is_not_destroyed_by_an_old_approval(careful: Kept) -> None:
    one = careful.take()
    careful.schedule(days=30)
    keeping = careful.services.keeping
    assert swept(careful, 31) == (0, 1, 0)
    with careful.services.database.read() as uow:
        proposal = disposals.proposals(uow)[0]
    with clock.freeze(START + timedelta(days=31)):
        keeping.approve(proposal.id, by="second")
        careful.schedule(days=300)
        assert keeping.run_approved() == 0
    assert careful.there(one) == [True]


# ---- purposes ----


@pytest.mark.parametrize(
    ("purpose", "used"), [("quality", True), ("transaction_proof", False), ("must_record_mifid", False)]
)
def test_what_is_kept_as_proof_is_not_analysed_or_scored(house: Kept, purpose: str, used: bool) -> None:
    one = house.take(process=False)
    decided(house, one, purpose=purpose)
    house.process()
    with house.services.database.read() as uow:
        run = runs.newest_run(uow, one)
        assert run is not None
        assert run.state is runs.RunState.DONE
        assert (house.services.shelf.analysis(uow, one) is not None) is used
        assert bool(house.services.shelf.evaluations(uow, one)) is used
        assert house.services.shelf.redaction(uow, one) is not None
    assert house.there(one) == [True]


# ---- killed ----


CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from candor.kit import clock
from candor.vault import store as vault_store
from candor.pipeline import erasing
from tests.unit.pipeline.kept import START, opened
from tests.unit.pipeline.dying import die_at
die_at(sys.argv[2], int(sys.argv[3]))
with opened(Path(sys.argv[1]), START + timedelta(days=31)) as house:
    house.services.keeping.sweep()
"""


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("place", ["drop_key", "erase", "delete", "append", "sign"])
def test_a_killed_sweep_goes_on_and_leaves_nothing_half_there(tmp_path: Path, place: str, number: int) -> None:
    folder = tmp_path / "data"
    with opened(folder) as house:
        ids = [house.take(f"{WORD} {number}", tel=f"+1212555010{number}", sound=True) for number in range(3)]
        house.schedule(days=30)
    command = [sys.executable, "-c", CHILD, str(folder), place, str(number)]
    with preloaded.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        _, said = child.communicate(timeout=120)
    assert child.returncode in {-signal.SIGKILL, 0}, said[-2000:]
    if number == 1:
        assert child.returncode == -signal.SIGKILL
    with opened(folder, START + timedelta(days=31)) as house:
        services = house.services
        with services.database.read() as uow:
            for one, there in zip(ids, house.there(*ids), strict=True):
                if not there:  # gone from the list: nothing of it can be played, opened or found
                    with pytest.raises((NotFound, Damaged)):
                        services.shelf.playback(uow, one)
                    with pytest.raises((NotFound, Damaged)):
                        services.shelf.conversation(uow, one)
                else:
                    services.shelf.conversation(uow, one)
        services.keeping.sweep()
        assert house.there(*ids) == [False] * 3
        services.disposing.finish(patience=60)
        assert WORD.encode() not in house.raw()
        assert list((folder / "objects").glob("??/*")) == []
        with services.database.read() as uow:
            told = [stone.conversation_id for stone in disposals.newest(uow)]
            assert sum(issued.conversations for issued in disposals.certificates(uow)) == 3
            assert disposals.uncertified(uow, 10) == []
        assert sorted(told) == sorted(ids)


def test_a_worker_does_it_by_itself(house: Kept) -> None:
    one = house.take()
    house.schedule(days=30)
    services = house.services
    tending = Tending(
        services.persons, services.holding, services.keeping, services.disposing, services.subject_requests,
        every_hours=1,
    )  # fmt: skip
    tending.tend()
    assert house.there(one) == [True]
    with clock.freeze(START + timedelta(minutes=59)):
        tending.tend()
    with services.database.read() as uow:
        assert len(store.sweeps(uow)) == 1
    with clock.freeze(START + timedelta(days=30)):
        tending.tend()
    assert house.there(one) == [False]
