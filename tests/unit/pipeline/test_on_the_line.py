"""Who is on a call, from whatever way its protocol writes addresses; and what proves instead of an announcement."""

from __future__ import annotations

import pytest

from candor.capture.model import Participant
from candor.conversation.model import Role
from candor.pipeline.gate import OnTheLine, on_the_line
from candor.pipeline.proving import Findings, _missing

NUMBER = "+493023125012"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (f"sip:{NUMBER}@sbc.example.com;user=phone", NUMBER),
        (f"tel:{NUMBER}", NUMBER),
        (NUMBER, NUMBER),  # as media streams tell it
        (" 0049 30 23125012 ", NUMBER),
        ("1001@pbx.example.com", "1001"),
        ("sip:anonymous@anonymous.invalid", None),
        ("anonymous", None),
        ("+266696687", None),  # Twilio's word for withheld
        ("client:alice", None),
        ("", None),
        (None, None),
    ],
)
def test_a_customer_by_every_kind_of_address(address: str | None, found: str | None) -> None:
    line = on_the_line([Participant(id="c", role=Role.CUSTOMER, aor=address)], None)
    assert line == OnTheLine((found,) if found else (), 0 if found else 1, ())


def test_agents_are_known_by_their_ids_and_who_left_is_gone() -> None:
    agent = Participant(id="a", role=Role.AGENT, aor="sip:1001@pbx", agent_id="1001")
    assert on_the_line([agent], None) == OnTheLine((), 0, ("1001",))


@pytest.mark.parametrize(
    ("found", "proved"),
    [
        (Findings(), False),
        (Findings(given={"by": "person", "method": "written"}), True),
        (Findings(given={"by": "ledger", "method": "key_press"}), False),
        (Findings(announced={"by": "beeps"}), True),
        (Findings(announced={"by": "ledger"}), False),
        (Findings(announced={"by": "sound"}, inside=True), True),
    ],
)
def test_what_connecticut_takes_instead_of_a_recorded_announcement(found: Findings, proved: bool) -> None:
    decision = {
        "level": 2, "may_record": True, "actions": ["announce_inside_recording"], "announcement_recorded": True,
        "instead": ["recorded verbal notice at start", "prior written consent", "beep tone every ~15 s"],
    }  # fmt: skip
    assert (_missing(decision, found) == "") is proved
    washington = decision | {"instead": []}
    assert (_missing(washington, found) == "") is found.inside
