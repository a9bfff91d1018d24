"""Sites: what a works agreement meets, for whom, until when; documents sealed; agents under the law of their site."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent.ledger.model import ConsentEvent, Method, Whose
from candor.consent.ledger.service import Person
from candor.consent.workplaces import EVERYBODY_ELSE, site_of
from candor.errors import Conflict, InvalidInput, NotFound, TooLarge
from candor.kit import clock
from candor.pipeline.gate import OnTheLine
from candor.pipeline.workplaces import LARGEST_DOCUMENT, Site
from candor.services import Services
from candor.settings import load

TEXAN = "+17135550104"
COUNCIL = "DE.works-council"
AGREEMENT = b"%PDF-1.7 a works agreement between the works council and the house"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with clock.freeze(NOW):
        made = wiring.open_services(load(data=tmp_path / "data", consent="enforce", establishment="US-TX"))
        yield made
        made.database.close()


def berlin(services: Services, *agents: str) -> Site:
    with services.database.read() as uow:
        found = services.workplaces.sites(uow, agents)
    return next(one for one in found if one.name == "Berlin")


def missing(services: Services, *agents: str) -> list[str]:
    """What keeps a call of these agents with a Texan from being recorded."""
    with services.database.read() as uow:
        gate = services.workplaces.gate
        decision = gate.decide(uow, OnTheLine((TEXAN,), 0, agents), clock.now())
        return gate.missing(uow, decision, agents)


def agree(services: Services, *covers: str, until: datetime | None = None) -> int:
    line = services.workplaces.give(
        site_of("Berlin"), covers=covers, method=Method.CONTRACT, given=NOW - timedelta(days=1), until=until,
        document=("Betriebsvereinbarung Aufzeichnung.pdf", AGREEMENT), by="test",
    )  # fmt: skip
    return line.number


def owed(services: Services, *, personal: bool) -> tuple[str, ...]:
    duties = [one.duty for one in berlin(services).duties if one.duty.blocks and one.duty.personal is personal]
    assert duties
    return tuple(duty.id for duty in duties)


def test_an_agent_is_under_the_law_of_the_site(services: Services) -> None:
    assert missing(services, "1001") == []
    services.workplaces.add("Berlin", "de", by="test")
    services.workplaces.assign("Berlin", ["1001", " 1001 ", "1002"], by="test")
    assert set(missing(services, "1001")) >= set(owed(services, personal=False))
    assert missing(services, "2001") == []
    with services.database.read() as uow:
        decided = services.workplaces.gate.decide(uow, OnTheLine((TEXAN,), 0, ("1001",)), clock.now())
        told = services.workplaces.gate.decide(
            uow, OnTheLine((TEXAN,), 0, ("1001",)), clock.now(), agent_location="US-TX"
        )
        both = services.workplaces.gate.decide(uow, OnTheLine((TEXAN,), 0, ("2001", "1001")), clock.now())
    assert decided.level == both.level == 4
    assert {one.rule for one in both.employee_prerequisites} >= {"DE"}
    assert told.level == 0


def test_an_agreement_is_enough_for_all_who_work_there_but_for_what_each_gives(services: Services) -> None:
    services.workplaces.add("Berlin", "DE", by="test")
    services.workplaces.assign("Berlin", ["1001", "1002"], by="test")
    shared, own = owed(services, personal=False), owed(services, personal=True)
    agree(services, *shared)
    for agent in ("1001", "1002"):
        assert set(missing(services, agent)) == set(own)
    services.workplaces.give(
        Person(whose=Whose.EMPLOYEE, name="1001"), covers=own, method=Method.WRITTEN, given=NOW - timedelta(days=1),
        until=None, reference="file 7", by="test",
    )  # fmt: skip
    assert missing(services, "1001") == []
    found = berlin(services)
    assert found.barred == ("1002",)
    assert {one.duty.id: one.lacking for one in found.duties if one.duty.id in own} == dict.fromkeys(own, ("1002",))
    # A site's document says nothing of an agent's own consent.
    agree(services, *own)
    assert set(missing(services, "1002")) == set(own)


def test_an_agreement_ends_and_everybody_there_lacks_it_again(services: Services) -> None:
    services.workplaces.add("Berlin", "DE", by="test")
    services.workplaces.assign("Berlin", ["1001"], by="test")
    shared = owed(services, personal=False)
    agree(services, *shared, until=NOW + timedelta(days=5))
    assert not set(missing(services, "1001")) & set(shared)
    with clock.freeze(NOW + timedelta(days=5, minutes=1)):
        assert set(missing(services, "1001")) >= set(shared)
        services.consenting.tidy()
        line = next(one.line for one in berlin(services).duties if one.duty.id == shared[0])
        assert line is not None
        assert line.entry.event is ConsentEvent.EXPIRED
    agree(services, *shared)
    assert not set(missing(services, "1001")) & set(shared)
    with clock.freeze(NOW + timedelta(days=1)):
        services.workplaces.withdraw(site_of("Berlin"), covers=shared[:1], reference="notice of 23 Nov", by="test")
        assert shared[0] in missing(services, "1001")


def test_documents_are_sealed_once_and_given_back(services: Services, tmp_path: Path) -> None:
    services.workplaces.add("Berlin", "DE", by="test")
    shared = owed(services, personal=False)
    for _ in range(2):
        agree(services, *shared)
    objects = [path for path in (tmp_path / "data" / "objects").rglob("*") if path.is_file()]
    assert len(objects) == 1
    for path in [*objects, *(tmp_path / "data").glob("candor.db*")]:
        data = path.read_bytes()
        assert AGREEMENT not in data
        assert b"Betriebsvereinbarung" not in data
    line = next(one.line for one in berlin(services).duties if one.duty.id == shared[0])
    assert line is not None
    assert line.entry.proof.digest is not None
    name, stream = services.workplaces.open(line.entry.proof.digest, by="somebody")
    assert (name, stream.read()) == ("Betriebsvereinbarung Aufzeichnung.pdf", AGREEMENT)
    stream.close()
    with services.database.read() as uow:
        opened = [one for one in audit.entries(uow) if one.event == Event.CONSENT_DOCUMENT_OPENED]
    assert [one.actor for one in opened] == ["somebody"]
    with pytest.raises(NotFound):
        services.workplaces.open("0" * 128, by="somebody")


def test_the_houses_own_agreement_holds_for_those_who_are_at_no_site(tmp_path: Path) -> None:
    services = wiring.open_services(load(data=tmp_path / "data", consent="enforce", establishment="DE"))
    with services.database.read() as uow:
        (house,) = services.workplaces.sites(uow, [])
    shared = tuple(one.duty.id for one in house.duties if one.duty.blocks and not one.duty.personal)
    assert set(missing(services)) >= set(shared)
    services.workplaces.give(
        site_of(EVERYBODY_ELSE), covers=shared, method=Method.CONTRACT, given=clock.now(), until=None,
        reference="agreement of 2026", by="test",
    )  # fmt: skip
    assert not set(missing(services, "1001")) & set(shared)
    assert not set(missing(services)) & set(shared)
    services.workplaces.add("Wien", "AT", by="test")
    # With two sites, an agent who is not known may be at either.
    assert set(missing(services)) >= set(shared)
    services.database.close()


def test_what_cannot_be_is_refused(services: Services) -> None:
    places = services.workplaces
    places.add("Berlin", "DE", by="test")
    for name in ("", " ", "*", "x" * 81):
        with pytest.raises(InvalidInput):
            places.add(name, "DE", by="test")
    with pytest.raises(InvalidInput):
        places.add("Atlantis", "ZZ-9", by="test")
    with pytest.raises(Conflict):
        places.add("Berlin", "AT", by="test")
    with pytest.raises(NotFound):
        places.assign("Bonn", ["1001"], by="test")
    with pytest.raises(InvalidInput):
        places.assign("Berlin", [" "], by="test")
    places.assign("Berlin", ["1001"], by="test")
    with pytest.raises(Conflict):
        places.remove("Berlin", by="test")
    places.assign(EVERYBODY_ELSE, ["1001"], by="test")
    places.remove("Berlin", by="test")
    with pytest.raises(NotFound):
        places.remove("Berlin", by="test")
    with pytest.raises(NotFound):
        agree(services, "DE.works-council")
    with pytest.raises(InvalidInput):
        places.keep("empty", b"", by="test")
    with pytest.raises(TooLarge):
        places.keep("large", io.BytesIO(bytes(LARGEST_DOCUMENT + 1)).getvalue(), by="test")
    everybody = site_of(EVERYBODY_ELSE)
    past, later = NOW - timedelta(days=2), NOW + timedelta(days=1)
    for given, until, reference, covers in (
        (later, None, "x", (COUNCIL,)), (past, past, "x", (COUNCIL,)), (past, None, None, (COUNCIL,)),
        (past, None, "x", ()), (past, None, "x", ("DE.works-counsel",)),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            places.give(
                everybody, covers=covers, method=Method.CONTRACT, given=given, until=until, reference=reference, by="t"
            )
