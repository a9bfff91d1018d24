"""What one house says in a vCon of consent, another writes into its ledger: through real rooms, both ways."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger import store as ledger_store
from candor.consent.ledger.model import ConsentEvent, Entry, Line, Method, Proof, Standing, Whose, standing
from candor.consent.ledger.service import Ledger, Person
from candor.consent.model import Facts
from candor.consent.service import Consent
from candor.kit import clock
from candor.pipeline.gate import summary
from candor.pipeline.intake import Taken
from candor.replay.exports import Format, as_text
from candor.replay.model import Scope
from tests.unit.pipeline.recordings import House, open_house, recording

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NUMBER = "+493023125012"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path / "house")
    with clock.freeze(NOW):
        yield opened
    opened.database.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path / "other")
    yield opened
    opened.database.close()


def take(house: House, name: str, data: bytes, **facts: object) -> Taken:
    upload = house.intake.begin(name, facts, actor="user-1")
    upload.write(data)
    return upload.finish()


def held(house: House, level: int = 4, *, state: CustodyState = CustodyState.PROVED) -> str:
    """A call between Germany and Germany, decided for real; its custody as the stage would have left it."""
    an_id = take(house, "call.wav", recording(), caller=NUMBER, direction="inbound").conversation_id
    facts = Facts(purpose="quality", at=date(2026, 11, 23), caller=NUMBER, agent_location="DE", establishment="DE")
    with house.database.write() as uow:
        decision = summary(Consent().decide(uow, facts)) | {"level": level}
        custody.put(
            uow,
            Custody(
                conversation_id=an_id, started_at=NOW - timedelta(minutes=5), state=state, level=level, why="",
                decision=json.dumps(decision), proof="", since=NOW,
            ),
        )  # fmt: skip
    return an_id


def word(house: House, an_id: str, event: ConsentEvent, **more: Any) -> Line:
    entry = Entry(**{"at": NOW - timedelta(minutes=4), "event": event, "whose": Whose.CALLER, "subject": None,
                     "conversation_id": an_id} | more)  # fmt: skip
    ledger = Ledger(lambda uow, create: house.shelf.vault.fields(uow, "consent-ledger", create=create))
    with house.database.write() as uow:
        return ledger.write(uow, entry, Person(whose=Whose.CALLER, name=NUMBER))


def exported(house: House, an_id: str) -> str:
    with house.database.read() as uow:
        view = house.replay.view(uow, an_id, Scope())
    return as_text(view, Format.VCON, recording())


def lines(house: House, an_id: str) -> list[Line]:
    with house.database.read() as uow:
        return ledger_store.of_call(uow, conversation_id=an_id)


def stands(house: House, an_id: str) -> Standing:
    return standing([line.entry for line in lines(house, an_id)], clock.now())


@pytest.mark.parametrize(
    ("event", "more", "arrives", "as_standing"),
    [
        (ConsentEvent.GIVEN, {"method": Method.SPOKEN, "proof": Proof(start=0.1, stop=0.3)},
         (ConsentEvent.GIVEN, Method.SPOKEN), Standing.GIVEN),
        (ConsentEvent.GIVEN, {"method": Method.WRITTEN, "proof": Proof(digest="ab" * 64),
                              "expires_at": NOW + timedelta(days=9)},
         (ConsentEvent.GIVEN, Method.WRITTEN), Standing.GIVEN),
        (ConsentEvent.GIVEN, {"method": Method.KEY_PRESS, "proof": Proof(reference="IVR 7")},
         (ConsentEvent.GIVEN, Method.PHONE_SYSTEM), Standing.GIVEN),
        (ConsentEvent.GIVEN, {"method": Method.WRITTEN, "expires_at": NOW - timedelta(minutes=1)},
         (ConsentEvent.EXPIRED, Method.NONE), Standing.NONE),
        (ConsentEvent.REFUSED, {"method": Method.SPOKEN, "proof": Proof(start=0.1, stop=0.3)},
         (ConsentEvent.REFUSED, Method.SPOKEN), Standing.REFUSED),
        (ConsentEvent.WITHDRAWN, {"method": Method.WRITTEN}, (ConsentEvent.WITHDRAWN, Method.WRITTEN),
         Standing.REFUSED),
    ],
)  # fmt: skip
def test_there_and_back(
    house: House, other: House, event: ConsentEvent, more: dict[str, Any],
    arrives: tuple[ConsentEvent, Method], as_standing: Standing,
) -> None:  # fmt: skip
    an_id = held(house)
    sent = word(house, an_id, event, **more)
    text = exported(house, an_id)
    taken = take(other, "call.vcon", text.encode())
    (line,) = lines(other, taken.conversation_id)
    assert (line.entry.event, line.entry.method) == arrives
    assert stands(other, taken.conversation_id) is as_standing
    assert line.entry.actor == "user-1"
    assert line.entry.proof.start == sent.entry.proof.start
    assert line.entry.proof.digest == sent.entry.proof.digest
    if event is ConsentEvent.GIVEN and as_standing is Standing.GIVEN:
        assert line.entry.expires_at == sent.entry.expires_at
    for private in (NUMBER, NUMBER[-8:], sent.entry.subject, "user-1"):
        assert str(private) not in json.dumps(json.loads(text)["attachments"])
    # Again it is a duplicate, and says nothing twice.
    assert take(other, "call.vcon", text.encode()).duplicate
    assert len(lines(other, taken.conversation_id)) == 1


def test_an_announced_call_is_no_consent_elsewhere(house: House, other: House) -> None:
    an_id = held(house, 3)
    word(house, an_id, ConsentEvent.ANNOUNCED, proof=Proof(start=0.1, stop=0.3))
    text = exported(house, an_id)
    (attachment,) = json.loads(text)["attachments"]
    assert attachment["body"]["lawful_basis"] == "legitimate_interests"
    grants = {each["purpose"]: each for each in attachment["body"]["purpose_grants"]}
    assert all(each["granted"] for each in grants.values())
    assert "no_agent_voice_emotion" in grants["analysis"]["conditions"]
    taken = take(other, "call.vcon", text.encode())
    assert lines(other, taken.conversation_id) == []
    assert any("nobody's consent" in note for note in taken.notes)


def test_where_nothing_was_decided_nothing_is_said(house: House) -> None:
    an_id = take(house, "call.wav", recording()).conversation_id
    made = json.loads(exported(house, an_id))
    assert made["attachments"] == []
    assert "lawful_basis" not in made["extensions"]


def test_consent_put_into_another_conversation_counts_for_nothing(house: House, other: House) -> None:
    an_id = held(house)
    word(house, an_id, ConsentEvent.GIVEN, method=Method.SPOKEN, proof=Proof(start=0.1))
    given = json.loads(exported(house, an_id))["attachments"]
    elsewhere = take(house, "b.wav", recording(1), caller=NUMBER).conversation_id
    victim = json.loads(exported(house, elsewhere)) | {"attachments": given}
    taken = take(other, "call.vcon", json.dumps(victim).encode())
    assert lines(other, taken.conversation_id) == []
    assert any("made for another vCon" in note for note in taken.notes)


def test_what_is_malformed_is_told_and_the_call_is_taken(other: House) -> None:
    document = with_sound({"uuid": "019f15a6-a752-826f-b9a2-279e0d16bc46", "parties": [], "attachments": [
        {"type": "lawful_basis", "encoding": "rot13", "dialog": 9, "body": "x"},
        {"purpose": "lawful_basis", "encoding": "json", "body": {"lawful_basis": "consent"}},
    ]})  # fmt: skip
    taken = take(other, "call.vcon", json.dumps(document).encode())
    assert lines(other, taken.conversation_id) == []
    for part in ("attachments[0].encoding", "attachments[0].dialog", "attachments[0] (lawful_basis) was left out",
                 "attachments[1] (lawful_basis) was left out"):  # fmt: skip
        assert any(part in note for note in taken.notes), taken.notes


def with_sound(document: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """The same with a recording in it, which samples only tell of."""
    body = base64.urlsafe_b64encode(recording(seed, channels=1)).decode().rstrip("=")
    dialog = {"type": "recording", "start": "2026-03-02T09:15:00Z", "parties": [], "encoding": "base64url",
              "mediatype": "audio/x-wav", "body": body}  # fmt: skip
    return document | {"dialog": [dialog]}


@pytest.mark.shared
def test_samples_of_others_stand_as_they_say(other: House, shared: Path) -> None:
    """Meetings held on legitimate interests (the note well): granted, and nobody's consent."""
    samples = sorted((shared / "vcon_samples" / "dev" / "ietf_meetings").glob("*.json"))
    assert len(samples) == 12
    for seed, path in enumerate(samples):
        document = with_sound(json.loads(path.read_text()), seed)
        taken = take(other, path.name, json.dumps(document).encode())
        assert stands(other, taken.conversation_id) is Standing.NONE
        assert any("nobody's consent" in note for note in taken.notes)
        assert not any("left out" in note or "gives no consent" in note for note in taken.notes), taken.notes
        # The same people's own word would have counted, and an objection does.
        (basis,) = [each for each in document["attachments"] if each.get("purpose") == "lawful_basis"]
        for change, expected in (("consent", Standing.GIVEN), ("objection", Standing.REFUSED)):
            changed = json.loads(json.dumps(with_sound(document, seed + (100 if change == "consent" else 200))))
            changed["uuid"] = f"019d3285-44a9-837c-9dd8-{seed:08x}{'c0de' if change == 'consent' else 'b0de'}"
            body = next(each for each in changed["attachments"] if each.get("purpose") == "lawful_basis")["body"]
            if change == "consent":
                body["lawful_basis"] = "consent"
                at = basis["body"]["purpose_grants"][0]["granted_at"]
                body["proof_mechanisms"] = [{"mechanism_type": "external_system", "timestamp": at, "proof_data": {}}]
            else:
                body["purpose_grants"][0]["granted"] = False
            again = take(other, f"{change}.vcon", json.dumps(changed).encode())
            assert stands(other, again.conversation_id) is expected
