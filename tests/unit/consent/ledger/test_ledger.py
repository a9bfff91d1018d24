"""The ledger: what follows from several words, who people are in it, and that nobody changes it unseen."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from candor.consent.ledger import chain, store
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Standing, Whose, hint_of, pseudonym, standing
from candor.consent.ledger.service import Ledger, Person
from candor.errors import InvalidInput, NotFound
from candor.kit.database import Database, UnitOfWork, sqlite_url
from candor.kit.migrations import upgrade
from candor.vault.service import FieldCipher

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY = os.urandom(32)
SOMEBODY = Person(whose=Whose.CALLER, name="+493023125012")
AGENT = Person(whose=Whose.EMPLOYEE, name="1001")


def entry(event: ConsentEvent, *, hours: float = 0, **more: Any) -> Entry:
    method = Method.WRITTEN if event is ConsentEvent.GIVEN else Method.NONE
    return Entry(**{"at": NOW + timedelta(hours=hours), "event": event, "whose": Whose.CALLER, "subject": None,
                    "method": method, "call_id": "c-1"} | more)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Any:
    made = Database(sqlite_url(tmp_path / "candor.db"))
    upgrade(made, tmp_path)
    yield made
    made.close()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(lambda _uow, _create: FieldCipher(KEY, "ledger"))


def fill(ledger: Ledger, uow: UnitOfWork, count: int) -> None:
    for number in range(count):
        ledger.write(uow, entry(ConsentEvent.ANNOUNCED, hours=number), SOMEBODY)


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([], Standing.NONE),
        ([(ConsentEvent.ANNOUNCED, {})], Standing.TOLD),
        ([(ConsentEvent.GIVEN, {})], Standing.GIVEN),
        ([(ConsentEvent.GIVEN, {}), (ConsentEvent.WITHDRAWN, {"hours": 1})], Standing.REFUSED),
        ([(ConsentEvent.REFUSED, {}), (ConsentEvent.GIVEN, {"hours": 1})], Standing.GIVEN),
        ([(ConsentEvent.GIVEN, {"hours": 1}), (ConsentEvent.REFUSED, {})], Standing.GIVEN),
        ([(ConsentEvent.REFUSED, {}), (ConsentEvent.ANNOUNCED, {"hours": 1})], Standing.REFUSED),
        ([(ConsentEvent.GIVEN, {"expires_at": NOW + timedelta(hours=2)})], Standing.NONE),
        ([(ConsentEvent.GIVEN, {"expires_at": NOW + timedelta(hours=4)})], Standing.GIVEN),
        ([(ConsentEvent.GIVEN, {}), (ConsentEvent.EXPIRED, {"hours": 1})], Standing.NONE),
        ([(ConsentEvent.GIVEN, {"hours": 9})], Standing.NONE),
        ([(ConsentEvent.GIVEN, {"covers": ("training",)})], Standing.NONE),
        ([(ConsentEvent.GIVEN, {"covers": ("quality", "training")})], Standing.GIVEN),
        ([(ConsentEvent.GIVEN, {}), (ConsentEvent.WITHDRAWN, {"hours": 1, "covers": ("training",)})], Standing.GIVEN),
    ],
)
def test_the_latest_word_counts(events: list[tuple[ConsentEvent, dict[str, Any]]], found: Standing) -> None:
    entries = [entry(event, **more) for event, more in events]
    assert standing(entries, NOW + timedelta(hours=3), "quality") is found


def test_consent_needs_a_way_and_only_consent_expires() -> None:
    with pytest.raises(InvalidInput):
        entry(ConsentEvent.GIVEN, method=Method.NONE)
    with pytest.raises(InvalidInput):
        entry(ConsentEvent.REFUSED, expires_at=NOW)


def test_a_pseudonym_is_of_this_house_and_a_hint_gives_nobody_away() -> None:
    one, other = os.urandom(32), os.urandom(32)
    assert pseudonym(one, Whose.CALLER, "+4930") == pseudonym(one, Whose.CALLER, "+4930")
    assert pseudonym(one, Whose.CALLER, "+4930") != pseudonym(other, Whose.CALLER, "+4930")
    assert pseudonym(one, Whose.CALLER, "1001") != pseudonym(one, Whose.EMPLOYEE, "1001")
    assert hint_of(Whose.CALLER, "+493023125012") == "…5012"
    assert hint_of(Whose.CALLER, "110") == "…"
    assert hint_of(Whose.EMPLOYEE, "1001") == "1001"


def test_lines_follow_from_one_another_and_hold_no_number(database: Database, ledger: Ledger, tmp_path: Path) -> None:
    with database.write() as uow:
        fill(ledger, uow, 5)
    with database.read() as uow:
        found = ledger.verify(uow)
        lines = ledger.of_person(uow, SOMEBODY)
    assert (found.lines, found.broken_at) == (5, None)
    assert [line.number for line in lines] == [1, 2, 3, 4, 5]
    assert lines[-1].digest == found.head
    assert lines[0].entry.hint == "…5012"
    for file in tmp_path.iterdir():
        assert b"3023125012" not in file.read_bytes()


@pytest.mark.parametrize("statement", ["UPDATE consent_line SET event = 'given'", "DELETE FROM consent_line"])
def test_the_database_lets_nobody_change_a_line(database: Database, ledger: Ledger, statement: str) -> None:
    with database.write() as uow:
        fill(ledger, uow, 2)
    with pytest.raises(IntegrityError, match="append-only"), database.write() as uow:
        uow.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE consent_line SET text = replace(text, 'announced', 'given') WHERE number = 3", 3),
        ("DELETE FROM consent_line WHERE number = 2", 2),
        ("UPDATE consent_line SET number = number + 100 WHERE number = 5", 5),
        ("UPDATE consent_line SET digest = previous WHERE number = 1", 1),
    ],
)
def test_who_changes_it_all_the_same_is_seen(
    database: Database, ledger: Ledger, tmp_path: Path, statement: str, broken_at: int
) -> None:
    with database.write() as uow:
        fill(ledger, uow, 5)
    with sqlite3.connect(tmp_path / "candor.db") as attacker:
        attacker.execute("DROP TRIGGER consent_line_stays")
        attacker.execute("DROP TRIGGER consent_line_remains")
        attacker.execute(statement)
    attacker.close()
    with database.read() as uow:
        assert ledger.verify(uow).broken_at == broken_at


@given(st.lists(st.text(max_size=30), max_size=20), st.data())
def test_no_other_order_and_no_other_text_passes(texts: list[str], data: st.DataObject) -> None:
    lines, previous = [], chain.START
    for number, text in enumerate(texts, 1):
        lines.append((number, text, previous, chain.digest(previous, number, text)))
        previous = lines[-1][3]
    assert chain.check(lines) == chain.Checked(len(texts), previous)
    if texts:
        at = data.draw(st.integers(0, len(lines) - 1))
        number, text, before, digest = lines[at]
        lines[at] = (number, text + "!", before, digest)
        assert chain.check(lines).broken_at == at + 1


def test_what_is_said_on_one_call_does_not_hold_on_the_next(database: Database, ledger: Ledger) -> None:
    with database.write() as uow:
        ledger.write(uow, entry(ConsentEvent.GIVEN, method=Method.KEY_PRESS), SOMEBODY)
        assert ledger.standing_of_call(uow, call_id="c-1") is Standing.GIVEN
        assert ledger.standing_of_call(uow, call_id="c-2") is Standing.NONE
        assert ledger.standing_of_person(uow, SOMEBODY) is Standing.NONE
        ledger.write(uow, entry(ConsentEvent.REFUSED, hours=1), SOMEBODY)
        assert ledger.standing_of_person(uow, SOMEBODY) is Standing.NONE
        ledger.write(uow, entry(ConsentEvent.GIVEN, call_id=None), SOMEBODY)
        assert ledger.standing_of_person(uow, SOMEBODY) is Standing.GIVEN
        ledger.write(uow, entry(ConsentEvent.WITHDRAWN, call_id=None, hours=2), SOMEBODY)
        assert ledger.standing_of_person(uow, SOMEBODY) is Standing.REFUSED


def test_a_joiner_is_not_covered_by_what_was_said_before_but_every_no_counts(
    database: Database, ledger: Ledger
) -> None:
    joined = NOW + timedelta(hours=1)
    with database.write() as uow:
        ledger.write(uow, entry(ConsentEvent.GIVEN, method=Method.SPOKEN))
        assert ledger.standing_of_call(uow, call_id="c-1", after=joined) is Standing.NONE
        ledger.write(uow, entry(ConsentEvent.GIVEN, method=Method.SPOKEN, hours=2))
        assert ledger.standing_of_call(uow, call_id="c-1", after=joined) is Standing.GIVEN
        ledger.write(uow, entry(ConsentEvent.REFUSED, call_id="c-3"))
        assert ledger.standing_of_call(uow, call_id="c-3", after=joined) is Standing.REFUSED


def test_expiry_is_written_down_once(database: Database, ledger: Ledger) -> None:
    with database.write() as uow:
        given = entry(ConsentEvent.GIVEN, call_id=None, expires_at=NOW + timedelta(hours=1))
        ledger.write(uow, given, SOMEBODY)
        ledger.write(uow, entry(ConsentEvent.INHERITED, method=Method.WRITTEN), SOMEBODY)
        (line,) = ledger.expire(uow)
        assert (line.entry.event, line.entry.at) == (ConsentEvent.EXPIRED, NOW + timedelta(hours=1))
        assert ledger.expire(uow) == []
        assert ledger.standing_of_person(uow, SOMEBODY) is Standing.NONE


def test_consent_for_one_call_expires_too(database: Database, ledger: Ledger) -> None:
    """As an imported vCon brings it: nobody is named, and it ends on a day."""
    ends = NOW + timedelta(hours=1)
    with database.write() as uow:
        ledger.write(uow, entry(ConsentEvent.GIVEN, call_id=None, conversation_id="v-1", expires_at=ends))
        ledger.write(uow, entry(ConsentEvent.GIVEN, call_id="c-2", expires_at=ends))
        ledger.write(uow, entry(ConsentEvent.GIVEN, hours=0.5, call_id="c-2", expires_at=ends + timedelta(days=9000)))
        (line,) = ledger.expire(uow)
        assert (line.entry.event, line.entry.conversation_id) == (ConsentEvent.EXPIRED, "v-1")
        assert ledger.expire(uow) == []
        assert ledger.verify(uow).broken_at is None


def test_only_a_word_for_the_same_purpose_stands_in_place_of_one_that_expires(
    database: Database, ledger: Ledger
) -> None:
    ends = NOW + timedelta(hours=1)
    with database.write() as uow:
        for duty in ("a", "b"):
            ledger.write(uow, entry(ConsentEvent.GIVEN, call_id=None, covers=(duty,), expires_at=ends), SOMEBODY)
        ledger.write(uow, entry(ConsentEvent.GIVEN, hours=1, call_id=None, covers=("b", "c")), SOMEBODY)
        assert [line.entry.covers for line in ledger.expire(uow)] == [("a",)]
        assert ledger.given_by(uow, SOMEBODY, ("a", "b", "c", "d")) == {"b", "c"}


def test_the_list_of_who_is_never_recorded(database: Database, ledger: Ledger) -> None:
    with database.write() as uow:
        with pytest.raises(InvalidInput):
            ledger.never_record(uow, SOMEBODY, by="x", reason=" ")
        ledger.never_record(uow, SOMEBODY, by="x", reason="asked for it")
        ledger.never_record(uow, SOMEBODY, by="y", reason="again")
        (row,) = store.never_recorded(uow)
        assert (row.hint, row.added_by) == ("…5012", "x")
        assert ledger.standing_of_person(uow, SOMEBODY) is Standing.REFUSED
        ledger.may_record_again(uow, SOMEBODY)
        assert ledger.standing_of_person(uow, SOMEBODY) is Standing.NONE
        with pytest.raises(NotFound):
            ledger.may_record_again(uow, SOMEBODY)


def test_words_about_nobody_or_somebody_else_are_refused(database: Database, ledger: Ledger) -> None:
    with database.write() as uow:
        with pytest.raises(InvalidInput):
            ledger.write(uow, entry(ConsentEvent.ANNOUNCED, call_id=None))
        with pytest.raises(InvalidInput):
            ledger.write(uow, entry(ConsentEvent.ANNOUNCED), AGENT)
        assert ledger.verify(uow).lines == 0
