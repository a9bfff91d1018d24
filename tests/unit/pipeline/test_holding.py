"""Legal holds: what they cover, every way of destroying asks them, and what was due goes on when they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline.disposing import Order
from candor.pipeline.holding import Wanted
from candor.pipeline.shelf import PLAYBACK
from candor.pipeline.subject_requests import Asked
from candor.vault import store as sealed
from candor.vault.disposal.store import Why
from candor.vault.holds import store
from candor.vault.holds.store import LegalHold
from candor.vault.requests.people import IdKind
from candor.vault.requests.store import ItemState, RequestKind
from tests.unit.pipeline.kept import START, TEL, WORD, Kept, opened

OTHER = "+12125550188"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Kept]:
    with opened(tmp_path / "data") as made:
        yield made


def place(house: Kept, **what: Any) -> LegalHold:
    return house.services.holding.place(Wanted(case="Marsh v. Northwind", reason="Lawsuit 12/26", **what), by="lawyer")


def held(house: Kept, *conversation_ids: str) -> list[bool]:
    """Whether destroying is refused."""
    found = []
    for one in conversation_ids:
        with house.services.database.write() as uow:
            try:
                house.services.holding.require_free(uow, one)
                found.append(False)
            except Conflict:
                found.append(True)
    return found


def test_by_case_conversations_are_named(house: Kept) -> None:
    one, two = house.take(), house.take(tel=OTHER)
    hold = place(house, conversations=[one])
    assert held(house, one, two) == [True, False]
    assert house.services.holding.add(hold.id, [one, two], by="lawyer") == 1
    assert held(house, one, two) == [True, True]
    with pytest.raises(NotFound):
        house.services.holding.add(hold.id, ["nothing"], by="lawyer")


@pytest.mark.parametrize(
    ("kind", "value"),
    [(IdKind.NUMBER, "(212) 555-0143"), (IdKind.NAME, "MARSH, Julia"), (IdKind.EMAIL, "J.Marsh@Example.com")],
)
def test_by_person_over_all_spellings(house: Kept, kind: IdKind, value: str) -> None:
    one = house.take(customer={"mailto": "mailto:j.marsh@example.com"})
    two = house.take(tel=OTHER, name="Ivy Marlow")
    place(house, people=[(kind, value)])
    assert held(house, one, two) == [True, False]


def test_by_period(house: Kept) -> None:
    days = [house.take(at=START + timedelta(days=n), tel=f"+1212555015{n}") for n in range(3)]
    place(house, since=START + timedelta(hours=1), until=START + timedelta(days=2))
    assert held(house, *days) == [False, True, False]


def test_by_query(house: Kept) -> None:
    one, two = house.take(), house.take("All is well.", tel=OTHER)
    place(house, query=f"q={WORD}")
    assert held(house, one, two) == [True, False]


def test_what_is_given_together_must_all_fit(house: Kept) -> None:
    one, two, three = house.take(), house.take("All is well."), house.take(tel=OTHER, name="Ivy Marlow")
    place(house, people=[(IdKind.NUMBER, TEL)], query=f"q={WORD}")
    assert held(house, one, two, three) == [True, False, False]


@pytest.mark.parametrize(
    "what",
    [{"people": [(IdKind.NUMBER, TEL)]}, {"since": START}, {"query": f"q={WORD}"}],
    ids=["person", "period", "query"],
)
def test_conversations_to_come_are_under_it(house: Kept, what: dict[str, Any]) -> None:
    place(house, **what)
    one = house.take()
    assert held(house, one) == [True]


def test_what_cannot_be_searched_yet_is_taken_to_be_held(house: Kept) -> None:
    place(house, query=f"q={WORD}")
    one = house.take("All is well.", process=False)
    assert held(house, one) == [True], "nobody knows yet what was said"
    house.process()
    assert held(house, one) == [True], "once held it stays, until a person releases the hold"


@pytest.mark.parametrize(
    "what",
    [
        {}, {"since": START, "until": START}, {"query": "mood=good"}, {"query": "="}, {"people": [(IdKind.EMAIL, "x")]},
        {"people": [(IdKind.NUMBER, "  ")]},
    ],
)  # fmt: skip
def test_a_hold_about_nothing_is_refused(house: Kept, what: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        place(house, **what)
    with house.services.database.read() as uow:
        assert house.services.holding.listed(uow) == []


def test_case_and_query_are_sealed_and_people_are_digests(house: Kept) -> None:
    house.take()
    place(house, people=[(IdKind.NAME, "Julia Marsh")], query="q=hereditament")
    with house.services.database.read() as uow:
        hold = house.services.holding.listed(uow)[0]
    assert (hold.case, hold.hints, hold.query) == ("Marsh v. Northwind", ("name J. M.",), "q=hereditament")
    raw = house.raw()
    for text in ("Marsh v. Northwind", "hereditament"):
        assert text.encode() not in raw


# ---- every way of destroying asks ----


def by_retention(house: Kept, one: str) -> None:
    house.schedule(days=1)
    with clock.freeze(START + timedelta(days=2)):
        assert house.services.keeping.sweep().sweep.held == 1
    assert one


def by_the_order_itself(house: Kept, one: str) -> None:
    with pytest.raises(Conflict, match="legal hold"):
        house.services.disposing.destroy(one, Order(why=Why.RETENTION, by="manager", basis="Policy"))


def by_quarantine(house: Kept, one: str) -> None:
    with house.services.database.write() as uow:
        before = Custody(
            conversation_id=one, started_at=START, state=CustodyState.PENDING, level=4, why="", decision="{}",
            proof="{}", since=clock.now(),
        )  # fmt: skip
        custody.quarantine(uow, before, why="No proof.", keep=timedelta(days=1))
    with pytest.raises(Conflict, match="legal hold"):
        house.services.consenting.destroy(one, by="manager", reason="Now")
    with clock.freeze(START + timedelta(days=2)):
        assert house.services.consenting.tidy() == 0


def by_request(house: Kept, one: str) -> None:
    requests = house.services.subject_requests
    asked = Asked(kind=RequestKind.ERASURE, name="Julia Marsh", keys=[(IdKind.NUMBER, TEL)], place="DE")
    made = requests.receive(asked, by="officer")
    requests.verify(made.id, by="officer", how="Passport")
    items = requests.erase(made.id, by="officer")
    assert [(item.conversation_id, item.state) for item in items] == [(one, ItemState.EXCEPTED)]
    assert "legal hold" in items[0].words


def by_running_again(house: Kept, one: str) -> None:
    with pytest.raises(Conflict, match="legal hold"):
        house.services.desk.retry(one, "score")


def by_replacing(house: Kept, one: str) -> None:
    shelf = house.services.shelf
    with house.services.database.write() as uow:
        shelf.put(uow, PLAYBACK, shelf.vault.seal(PLAYBACK, one, b"first"))
        first = shelf._object(uow, one, PLAYBACK)
        assert first is not None
        shelf.put(uow, PLAYBACK, shelf.vault.seal(PLAYBACK, one, b"second"))
        assert sealed.get_key(uow, first) is not None
        assert shelf.vault.read(uow, first) == b"first"


def by_erasing_a_reason(house: Kept, one: str) -> None:
    with house.services.database.write() as uow:
        number = audit.record(uow, Event.EXPORTED, "somebody", conversation_id=one, reason="For the file")
    with pytest.raises(Conflict, match="legal hold"):
        house.services.audit_log.erase_reason(number, by="manager", reason="It named somebody")
    with house.services.database.read() as uow:
        assert "For the file" in [entry.reason for entry in audit.entries(uow, one)]


@pytest.mark.parametrize(
    "way",
    [by_erasing_a_reason, by_retention, by_the_order_itself, by_quarantine, by_request, by_running_again, by_replacing],
)
def test_no_way_of_destroying_passes_a_hold(house: Kept, way: Callable[[Kept, str], None]) -> None:
    one = house.take()
    place(house, people=[(IdKind.NUMBER, TEL)])
    way(house, one)
    with house.services.database.read() as uow:
        assert house.services.shelf.redaction(uow, one) is not None
        assert house.services.shelf.analysis(uow, one) is not None
        assert house.services.shelf.evaluations(uow, one)


def test_two_holds_on_one_thing_and_what_was_due_goes_on_after_the_last(house: Kept) -> None:
    one = house.take()
    house.schedule(days=10)
    first, second = place(house, conversations=[one]), place(house, people=[(IdKind.NUMBER, TEL)])
    holding, keeping = house.services.holding, house.services.keeping
    with clock.freeze(START + timedelta(days=11)):
        assert keeping.sweep().sweep.held == 1
        holding.release(first.id, by="lawyer", reason="Settled")
        with pytest.raises(Conflict, match="released already"):
            holding.release(first.id, by="lawyer", reason="Settled")
        assert keeping.sweep().sweep.held == 1
        assert house.there(one) == [True]
        holding.release(second.id, by="lawyer", reason="Settled, too")
        assert keeping.sweep().sweep.destroyed == 1
    assert house.there(one) == [False]
    with house.services.database.read() as uow:
        over = holding.listed(uow, standing=False)
    assert [one.release_reason for one in over] == ["Settled, too", "Settled"]


def test_what_a_hold_kept_quarantined_is_destroyed_once_it_ends(house: Kept) -> None:
    one = house.take()
    hold = place(house, conversations=[one])
    by_quarantine(house, one)
    with clock.freeze(START + timedelta(days=3)):
        house.services.holding.release(hold.id, by="lawyer", reason="Settled")
        assert house.services.consenting.tidy() == 1
    assert house.there(one) == [False]


def test_counts_and_labels(house: Kept) -> None:
    one, two = house.take(), house.take()
    hold = place(house, people=[(IdKind.NUMBER, TEL)])
    with house.services.database.read() as uow:
        assert store.counts(uow) == {hold.id: 2}
        assert [each.case for each in house.services.holding.on(uow, one)] == ["Marsh v. Northwind"]
        assert store.conversations(uow, hold.id) == sorted((one, two), reverse=True)
