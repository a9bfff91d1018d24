"""Two recorded legs of one contact: what the recorder knew is on the page, in the API and in a vCon that comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.model import UserRole
from candor.api.app import create_api
from candor.conversation.model import Conversation, Role
from candor.conversation.vcon import redacted_uuid
from candor.replay.exports import Format, as_text
from candor.replay.model import Scope
from candor.services import Services
from candor.settings import load
from tests.peers import pcap, sipp
from tests.peers.recorder import RunningRecorder, running
from tests.peers.sipp import Scenario, line, metadata, person

pytestmark = pytest.mark.skipif(sipp.SIPP is None, reason="SIPp (Debian's sip-tester) is not installed")
CUSTOMER, DANA, BEN = "sip:+14155550101@sbc.example", "sip:1001@pbx.example", "sip:1002@pbx.example"
GROUP = "0f8c7a52-6a3e-4d0f-9a51-5f1c2f4f7c11"


def tone(folder: Path, name: str, seconds: float) -> Path:
    sound = np.random.default_rng(1).integers(0, 256, round(seconds * 50) * 160, dtype=np.uint8).tobytes()
    return pcap.write(folder / name, [sound[at : at + 160] for at in range(0, len(sound), 160)], payload_type=8)


def consultation(folder: Path) -> Scenario:
    """Customer and agent; a second on hold; then a colleague joins."""
    one = tone(folder, "one.pcap", 5)
    both = [person(1, CUSTOMER, 1), person(2, DANA, 2)]
    call = Scenario().offer([line(1), line(2)], metadata(both, [1, 2], group=GROUP)).play(one, 1).play(one, 2).wait(1)
    call.offer([line(1, direction="inactive"), line(2, direction="inactive")]).wait(1).offer([line(1), line(2)])
    later = (datetime.now(UTC) + timedelta(seconds=2.5)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    colleague = person(3, BEN, 3).replace("2026-11-24T11:00:00Z", later)
    everyone = metadata([*both, colleague], [1, 2, 3], group=GROUP)
    return call.wait(0.4).offer([line(1), line(2), line(3)], everyone).play(one, 3).wait(2.5).bye()


def second_leg(folder: Path) -> Scenario:
    two = tone(folder, "two.pcap", 1)
    people = [person(1, CUSTOMER, 1), person(2, BEN, 2)]
    call = Scenario().offer([line(1), line(2)], metadata(people, [1, 2], group=GROUP))
    return call.play(two, 1).play(two, 2).wait(1.2).bye()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunningRecorder, Conversation, Conversation]:
    folder = tmp_path_factory.mktemp("legs")
    (folder / "data").mkdir()
    with running(folder / "data") as recorder:
        for call in (consultation(folder), second_leg(folder)):
            sipp.run(call, recorder.port, folder)
        first, second = (kept.conversation for kept in recorder.collect(2))
    if first.started_at > second.started_at:
        first, second = second, first
    return recorder, first, second


@pytest.fixture
def services(recorded: tuple[RunningRecorder, Conversation, Conversation]) -> Services:
    return recorded[0].services()


def test_the_recorder_knew(recorded: tuple[RunningRecorder, Conversation, Conversation]) -> None:
    _, first, second = recorded
    assert first.group == second.group == GROUP
    assert {(gap.reason, gap.channel) for gap in first.gaps} == {("on_hold", 0), ("on_hold", 1)}
    (ben,) = (party for party in first.parties if party.agent_id == "1002")
    assert ben.joined is not None


def test_a_vcon_of_it_comes_back_with_gaps_joins_and_group(
    recorded: tuple[RunningRecorder, Conversation, Conversation], services: Services, tmp_path: Path
) -> None:
    _, first, second = recorded
    with services.database.read() as uow:
        view = services.replay.view(uow, first.id, Scope())
        with services.shelf.original(uow, first) as stream:  # type: ignore[union-attr]
            sound = stream.read()
    made = json.loads(as_text(view, Format.VCON, sound))
    assert [each["event"] for each in made["dialog"][0]["party_history"]] == [
        "hold",
        "hold",
        "unhold",
        "unhold",
        "join",
    ]
    (report,) = (each for each in made["analysis"] if each["schema"] == "candor-capture-1")
    assert report["body"]["legs"] == [redacted_uuid(second.id)]

    settings = load(data=tmp_path)
    wiring.prepare(settings)
    other = wiring.open_services(settings)
    upload = other.intake.begin("leg.vcon", {}, actor="test")
    upload.write(json.dumps(made).encode())
    taken = upload.finish()
    with other.database.read() as uow:
        back = other.shelf.conversation(uow, taken.conversation_id)
    assert (back.gaps, back.group, back.notes) == (first.gaps, first.group, first.notes)
    assert [(party.role, party.joined, party.left) for party in back.parties] == [
        (party.role, party.joined, party.left) for party in first.parties
    ]


def test_each_leg_leads_to_the_other_within_reach(
    recorded: tuple[RunningRecorder, Conversation, Conversation], services: Services
) -> None:
    _, first, second = recorded
    with services.database.write() as uow:
        for login, role, agent_id in (("admin", UserRole.ADMINISTRATOR, None), ("dana", UserRole.AGENT, "1001")):
            services.access.add_user(
                uow, login=login, name="Robin", role=role, password="xylophone-4-tuesdays", agent_id=agent_id
            )
        who = {login: services.access.principal_by_login(uow, login) for login in ("admin", "dana")}
        secrets = {
            login: services.access.create_token(uow, person, "test", sorted(person.rights))[0]
            for login, person in who.items()
        }
    with TestClient(create_api(services)) as client:

        def legs(login: str, an_id: str) -> list[str]:
            answer = client.get(f"/api/v1/conversations/{an_id}", headers={"Authorization": f"Bearer {secrets[login]}"})
            assert answer.status_code == 200, answer.text
            return [leg["id"] for leg in answer.json()["legs"]]

        assert legs("admin", first.id) == [second.id]
        assert legs("admin", second.id) == [first.id]
        # Dana was not on the second leg: she is not told of it.
        assert next(party for party in first.parties if party.role is Role.AGENT).agent_id == "1001"
        assert legs("dana", first.id) == []
