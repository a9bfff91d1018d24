"""Requests of data subjects: found over all channels, answered by a copy or by erasure, in time."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.model import Conversation, Party, Role
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline.subject_requests import REMEMBERED, Asked
from candor.vault.disposal import store as disposals
from candor.vault.requests import deadlines, store
from candor.vault.requests.people import IdKind
from candor.vault.requests.store import ItemState, RequestKind, RequestState, SubjectRequest
from tests.unit.pipeline.kept import START, TEL, WORD, Kept, opened
from tests.unit.pipeline.test_keeping import decided

SAID = (
    "My name is Julia Marsh, my number is 2 1 2 5 5 5 0 1 4 3, my account number is 8 8 3 1 0 4 4 2 9 0, "
    "my card is 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1."
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Kept]:
    with opened(tmp_path / "data") as made:
        yield made


def receive(
    house: Kept, kind: RequestKind = RequestKind.ACCESS, *, verified: bool = True, **more: Any
) -> SubjectRequest:
    asked = Asked(**{"kind": kind, "name": "Julia Marsh", "keys": [(IdKind.NUMBER, TEL)], "place": "DE"} | more)
    made = house.services.subject_requests.receive(asked, by="officer")
    if verified:
        house.services.subject_requests.verify(made.id, by="officer", how="Called back")
    return made


def items(house: Kept, request: SubjectRequest) -> dict[str, ItemState]:
    with house.services.database.read() as uow:
        return {item.conversation_id: item.state for item in store.items(uow, request.id)}


def copied(house: Kept, request: SubjectRequest) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(house.services.subject_requests.copy(request.id, by="officer"))))


# ---- finding ----


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (IdKind.NUMBER, TEL), (IdKind.NUMBER, "212-555-0143"), (IdKind.NAME, "julia MARSH"),
        (IdKind.NAME, "Marsh, Júlia"),
        (IdKind.EMAIL, "J.Marsh@example.COM"),
    ],
)  # fmt: skip
def test_a_person_is_found_by_any_of_their_names(house: Kept, kind: IdKind, value: str) -> None:
    one = house.take(customer={"mailto": "mailto:j.marsh@example.com"})
    house.take(tel="+12125550188", name="Ivy Marlow")
    assert items(house, receive(house, keys=[(kind, value)])) == {one: ItemState.FOUND}


def test_an_account_that_was_said_is_found_and_a_person_decides(house: Kept) -> None:
    one = house.take(SAID, tel="+12125550188", name="Ivy Marlow")
    request = receive(house, keys=[(IdKind.ACCOUNT, "8831044290")])
    assert items(house, request) == {one: ItemState.LEFT_OUT}
    choose = house.services.subject_requests.choose
    choose(request.id, one, theirs=True, by="officer")
    assert items(house, request) == {one: ItemState.FOUND}
    with pytest.raises(NotFound):
        choose(request.id, "nothing", theirs=True, by="officer")


def test_conversations_from_before_the_index_are_filled_in(house: Kept) -> None:
    call = Conversation(id=new_id(), started_at=START, parties=(Party(role=Role.CUSTOMER, tel=TEL),))
    with house.services.database.write() as uow:
        house.services.shelf.put_conversation(uow, call, call.id)
    assert items(house, receive(house)) == {call.id: ItemState.FOUND}
    assert house.services.persons.backfill() == 0


def test_the_index_holds_no_number_and_no_name(house: Kept) -> None:
    house.take(SAID)
    raw = house.raw()
    for text in (TEL, TEL[1:], "8831044290", "Julia Marsh", "julia marsh"):
        assert text.encode() not in raw


@pytest.mark.parametrize("keys", [[], [(IdKind.EMAIL, "nobody")], [(IdKind.NUMBER, "-")], [(IdKind.NAME, "…")]])
def test_what_finds_nobody_is_refused(house: Kept, keys: list[tuple[IdKind, str]]) -> None:
    with pytest.raises(InvalidInput):
        receive(house, keys=keys)


# ---- deadlines ----


@pytest.mark.parametrize(
    ("place", "received", "due", "longest"),
    [
        ("DE", date(2026, 1, 10), date(2026, 2, 10), date(2026, 4, 10)),
        ("DE", date(2026, 1, 31), date(2026, 2, 28), date(2026, 4, 30)),
        ("FR", date(2027, 12, 31), date(2028, 1, 31), date(2028, 3, 31)),
        ("us-ca", date(2026, 1, 10), date(2026, 2, 24), date(2026, 4, 10)),
        ("BR", date(2026, 1, 10), date(2026, 1, 25), date(2026, 1, 25)),
        (None, date(2026, 1, 10), date(2026, 2, 10), date(2026, 4, 10)),
    ],
)  # fmt: skip
def test_deadlines_by_law(place: str | None, received: date, due: date, longest: date) -> None:
    law = deadlines.law_of(place)
    assert (law.due(received), law.longest(received)) == (due, longest)


def test_every_law_has_a_period_and_a_source() -> None:
    for law in deadlines.laws().values():
        assert law.months or law.days
        assert law.cite
    places = [place for law in deadlines.laws().values() for place in law.places]
    assert len(places) == len(set(places))


def test_the_time_is_lengthened_once_with_a_reason_within_the_law(house: Kept) -> None:
    request = receive(house)
    extend = house.services.subject_requests.extend
    with pytest.raises(InvalidInput, match="goes on to 2026-04-10"):
        extend(request.id, by="officer", until=date(2026, 4, 11), reason="Many calls")
    with pytest.raises(InvalidInput):
        extend(request.id, by="officer", until=date(2026, 4, 1), reason="")
    extend(request.id, by="officer", until=date(2026, 4, 1), reason="Many calls")
    with pytest.raises(Conflict, match="already"):
        extend(request.id, by="officer", until=date(2026, 4, 2), reason="Many calls")
    late = receive(house)
    with clock.freeze(START + timedelta(days=40)), pytest.raises(Conflict, match="over"):
        extend(late.id, by="officer", until=date(2026, 4, 1), reason="Many calls")


def test_overdue_is_counted(house: Kept) -> None:
    request = receive(house)
    with house.services.database.read() as uow:
        assert [store.overdue(uow, day) for day in (request.due_on, request.due_on + timedelta(days=1))] == [0, 1]
    house.services.subject_requests.close(request.id, by="officer", outcome="Copy sent")
    with house.services.database.read() as uow:
        assert store.overdue(uow, date(2030, 1, 1)) == 0


# ---- copies ----


def test_nothing_is_given_out_before_it_is_sure_who_asks(house: Kept) -> None:
    house.take()
    request = receive(house, verified=False)
    with pytest.raises(Forbidden, match="made sure"):
        house.services.subject_requests.copy(request.id, by="officer")
    erasure = receive(house, RequestKind.ERASURE, verified=False)
    with pytest.raises(Forbidden, match="made sure"):
        house.services.subject_requests.erase(erasure.id, by="officer")


def test_a_copy_gives_their_own_words_and_masks_what_is_others(house: Kept) -> None:
    one = house.take(
        f"{SAID} I also spoke with Robert Tanaka.", answer="Thank you Julia, call us back at 2 0 2 5 5 5 0 1 7 7.",
        sound=True,
    )  # fmt: skip
    with copied(house, request := receive(house)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        folder = next(name for name in names if name.endswith("/conversation.html")).rpartition("/")[0]
        text = archive.read(f"{folder}/conversation.html").decode()
        files = {name.rpartition("/")[2] for name in names}
        sound = archive.read(f"{folder}/sound.flac")
        everything = b"".join(archive.read(name) for name in names).decode(errors="replace")
        metadata = json.loads(archive.read(f"{folder}/metadata.json"))
        vcon = json.loads(archive.read(f"{folder}/conversation.vcon"))
        manifest = json.loads(archive.read("manifest.json"))
    assert files >= {"index.html", "conversation.html", "metadata.json", "transcript.json", "conversation.vcon"}
    assert "Julia Marsh" in text
    assert "8 8 3 1 0 4 4 2 9 0" in text
    assert "[CARD_1]" in text
    assert "4 1 1 1 1" not in everything
    assert "Tanaka" not in everything
    assert "2 0 2 5 5 5 0 1 7 7" not in everything
    assert "Dana Whitfield" not in everything
    assert sound == b"fLaC redacted sound"
    assert [party.get("tel") for party in metadata["parties"]] == [TEL, None]
    assert vcon["vcon"] == "0.4.0"
    assert set(manifest["sha512"]) == set(names) - {"manifest.json"}
    assert items(house, request) == {one: ItemState.GIVEN}
    with house.services.database.read() as uow:
        assert Event.REQUEST_EXPORTED in [entry.event for entry in audit.entries(uow, one)]


def test_markup_that_somebody_said_stays_words(house: Kept) -> None:
    house.take("Say <script>alert(1)</script> please.", name="Julia <b>Marsh</b>")
    with copied(house, receive(house)) as archive:
        pages = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".html")).decode()
    assert "<script>" not in pages
    assert "&lt;script&gt;" in pages


def test_what_was_only_said_about_them_comes_wholly_masked(house: Kept) -> None:
    one = house.take(SAID, tel="+12125550188", name="Ivy Marlow")
    request = receive(house, keys=[(IdKind.ACCOUNT, "8831044290")])
    house.services.subject_requests.choose(request.id, one, theirs=True, by="officer")
    with copied(house, request) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist()).decode(errors="replace")
    assert "8 8 3 1 0 4 4" not in everything
    assert "Ivy" not in everything
    assert "+12125550188" not in everything


# ---- erasure ----


def test_erasure_tells_of_every_conversation_what_became_of_it(house: Kept) -> None:
    free, obliged = house.take(), house.take("Invest it all.", at=START + timedelta(hours=1))
    decided(house, obliged, low=1825)
    house.services.keeping.classify()
    request = receive(house, RequestKind.ERASURE)
    found = {one.conversation_id: one for one in house.services.subject_requests.erase(request.id, by="officer")}
    assert found[free].state is ItemState.ERASED
    assert found[obliged].state is ItemState.EXCEPTED
    assert "1825 days, until 2031-01-09 (GDPR art. 17(3)(b))" in found[obliged].words
    assert house.there(free, obliged) == [False, True]
    assert WORD.encode() not in house.raw()
    with house.services.database.read() as uow:
        stone = disposals.newest(uow)[0]
        issued = disposals.certificates(uow)
    assert (stone.conversation_id, stone.why, stone.request_id) == (free, disposals.Why.REQUEST, request.id)
    assert [(one.why, one.conversations) for one in issued] == [(disposals.Why.REQUEST, 1)]
    with clock.freeze(START + timedelta(days=1826)):
        assert house.services.subject_requests.resume() == 1
    assert house.there(obliged) == [False]
    assert items(house, request) == {free: ItemState.ERASED, obliged: ItemState.ERASED}


def test_a_request_for_a_copy_erases_nothing(house: Kept) -> None:
    one = house.take()
    with pytest.raises(Conflict, match="not for erasure"):
        house.services.subject_requests.erase(receive(house).id, by="officer")
    assert house.there(one) == [True]


def test_others_conversations_and_those_left_out_stay(house: Kept) -> None:
    mine, shared, other = house.take(), house.take(SAID), house.take(tel="+12125550188", name="Ivy Marlow")
    request = receive(house, RequestKind.ERASURE)
    house.services.subject_requests.choose(
        request.id, shared, theirs=False, by="officer", reason="Same number, a lodger"
    )
    house.services.subject_requests.erase(request.id, by="officer")
    assert house.there(mine, shared, other) == [False, True, True]


def test_a_closed_request_is_done_and_who_asked_is_forgotten_later(house: Kept) -> None:
    request = receive(house)
    requests = house.services.subject_requests
    with pytest.raises(InvalidInput):
        requests.close(request.id, by="officer", outcome=" ")
    requests.close(request.id, by="officer", outcome="Copy sent by registered mail")
    for act in (
        lambda: requests.copy(request.id, by="officer"), lambda: requests.close(request.id, by="o", outcome="again"),
        lambda: requests.verify(request.id, by="o", how="again"),
    ):  # fmt: skip
        with pytest.raises(Conflict, match="closed"):
            act()
    with house.services.database.read() as uow:
        subject = requests.subject(uow, request.id)
        assert subject is not None
        assert subject.name == "Julia Marsh"
        assert store.get(uow, str(request.number)).state is RequestState.CLOSED
        assert [step.what for step in store.steps(uow, request.id)] == ["received", "verified", "closed"]
    with clock.freeze(START + REMEMBERED + timedelta(days=1)):
        requests.resume()
        with house.services.database.read() as uow:
            assert requests.subject(uow, request.id) is None
