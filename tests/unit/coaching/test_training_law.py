"""A clip of the library is for training: the law of the call is asked anew, with the consent there is for that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from candor.coaching.model import Clip, ClipKind
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Whose
from candor.consent.model import Facts
from candor.errors import Conflict
from candor.kit import clock
from candor.pipeline.coaching import Draft
from candor.pipeline.gate import summary
from candor.pipeline.library import NewClip
from tests.unit.coaching.house import House, opened

GERMAN = "+493023125012"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path / "data", consent="enforce", establishment="DE") as (made, _):
        yield made


def recorded(house: House, state: CustodyState = CustodyState.PROVED, tel: str = GERMAN, proof: str = "{}") -> str:
    """A call that was decided for real, and how it stands."""
    call = house.call(tel=tel)
    facts = Facts(purpose="quality", at=clock.now().date(), caller=tel, agent_location="DE", establishment="DE")
    with house.services.database.write() as uow:
        decision = house.services.consent.decide(uow, facts)
        custody.put(
            uow,
            Custody(
                conversation_id=call, started_at=clock.now(), state=state, level=decision.level, why="as it stands",
                decision=json.dumps(summary(decision)), proof=proof, since=clock.now(),
            ),
        )  # fmt: skip
    return call


def agreed(house: House, call: str, *covers: str, event: ConsentEvent = ConsentEvent.GIVEN) -> None:
    entry = Entry(
        at=clock.now(), event=event, whose=Whose.CALLER, subject=None, conversation_id=call, call_id=None,
        method=Method.SPOKEN, covers=covers,
    )  # fmt: skip
    with house.services.database.write() as uow:
        house.services.consenting.ledger.write(uow, entry, None)


def cut(house: House, call: str, session_id: str | None = None) -> Clip:
    new = NewClip(
        conversation_id=call, start=3.0, end=9.0, kind=ClipKind.EXEMPLARY, title="Good", session_id=session_id
    )
    return house.services.library.add(new, house.who("trainer"))


def test_a_yes_for_quality_alone_is_none_for_training(house: House) -> None:
    call = recorded(house)
    for covers in (None, ("quality",)):
        if covers:
            agreed(house, call, *covers)
        with pytest.raises(Conflict, match="no proof of the explicit yes") as told:
            cut(house, call)
        assert told.value.code == "clip.law"
    agreed(house, call, "quality", "training")
    cut(house, call)


def test_a_yes_to_everything_is_one_for_training_until_it_is_taken_back(house: House) -> None:
    call = recorded(house)
    agreed(house, call)
    cut(house, call)
    agreed(house, call, event=ConsentEvent.WITHDRAWN)
    with pytest.raises(Conflict, match="refused"):
        cut(house, call)


def test_what_somebody_let_go_on_for_quality_still_lacks_the_yes(house: House) -> None:
    with pytest.raises(Conflict, match="explicit yes"):
        cut(house, recorded(house, CustodyState.RESOLVED))


def test_the_agents_own_session_is_no_training_a_colleagues_is(house: House) -> None:
    call, trainer = recorded(house), house.who("trainer")
    own = house.services.coaching.draft("a1", Draft(title="Greet"), trainer)
    other = house.services.coaching.draft("a2", Draft(title="Greet"), trainer)
    cut(house, call, own.id)
    with pytest.raises(Conflict, match="explicit yes"):
        cut(house, call, other.id)


def test_an_announcement_is_enough_where_the_law_asks_for_no_more(tmp_path: Path) -> None:
    with opened(tmp_path / "data", consent="enforce", establishment="US-TX") as (house, move):
        call = house.call()
        assert cut(house, call).id, "nobody asked the law to record it, nor does anybody here"
        move(timedelta(hours=1))
        facts = Facts(purpose="quality", at=clock.now().date(), caller="+13125550143", establishment="US-TX",
                      agent_location="US-TX")  # fmt: skip
        with house.services.database.write() as uow:
            decision = house.services.consent.decide(uow, facts)
        assert decision.level in {2, 3}
        for proof, lets in (("{}", False), ('{"announced": {"by": "words"}, "announcement_inside": true}', True)):
            one = house.call(tel="+13125550143")
            with house.services.database.write() as uow:
                custody.put(
                    uow,
                    Custody(
                        conversation_id=one, started_at=clock.now(), state=CustodyState.PROVED, level=decision.level,
                        why="as it stands", decision=json.dumps(summary(decision)), proof=proof, since=clock.now(),
                    ),
                )  # fmt: skip
            if lets:
                cut(house, one)
            else:
                with pytest.raises(Conflict, match="announce"):
                    cut(house, one)
