"""The attachment lawful_basis: written bound to its vCon, read from whoever wrote it, never a reason to refuse."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.conversation.vcon import VconDocument, parse, redacted_uuid
from candor.conversation.vcon.lawful import Basis, Grant, LawfulBasis, ProofMechanism, ProofType, read
from candor.kit import jcs
from tests.unit.vcon.test_vcon import BASE, ID, document, recording

AT = datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC)
BASIS = LawfulBasis(
    basis=Basis.CONSENT,
    expires_at=datetime(2027, 3, 2, tzinfo=UTC),
    grants=(
        Grant(purpose="recording", granted=True, at=AT),
        Grant(purpose="analysis", granted=True, at=AT, conditions=("no_agent_voice_emotion",)),
        Grant(purpose="training", granted=False, at=AT, conditions=("refused",)),
    ),
    proofs=(
        ProofMechanism(kind=ProofType.VERBAL_CONFIRMATION, at=AT, start=67.25, stop=68.5, event="given"),
        ProofMechanism(kind=ProofType.SIGNED_DOCUMENT, at=AT, digest="ab" * 64, event="given"),
        ProofMechanism(kind=ProofType.EXTERNAL_SYSTEM, at=AT, reference="IVR 7", event="given"),
    ),
    metadata={"standing": "given", "ledger": [{"line": 3, "event": "given", "digest": "cd" * 32}]},
)
GRANTS = [{"purpose": "recording", "granted": True, "granted_at": "2026-03-02T09:00:07Z"}]
BODY: dict[str, Any] = {"lawful_basis": "consent", "expiration": None, "purpose_grants": GRANTS}


def made(**more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(document(basis=BASIS, **more)))
    return found


def vcon(**more: Any) -> VconDocument:
    sound = base64.urlsafe_b64encode(b"sound").decode().rstrip("=")
    dialog = recording(mediatype="audio/x-wav", encoding="base64url", body=sound)
    return parse(json.dumps(BASE | {"dialog": [dialog]} | more).encode())


def told(*attachments: dict[str, Any]) -> tuple[tuple[LawfulBasis, ...], tuple[str, ...]]:
    return vcon(attachments=list(attachments)).lawful_bases()


def attached(body: Any, **more: Any) -> dict[str, Any]:
    return {"type": "lawful_basis", "encoding": "json", "body": body} | more


def test_what_was_written_comes_back() -> None:
    value = made()
    assert "lawful_basis" in value["extensions"]
    (found,), notes = parse(json.dumps(value).encode()).lawful_bases()
    assert (found.basis, found.expires_at, found.grants, found.proofs) == (
        BASIS.basis, BASIS.expires_at, BASIS.grants, BASIS.proofs,
    )  # fmt: skip
    assert (found.doubt, notes) == ("", ())
    assert found.metadata["ledger"] == BASIS.metadata["ledger"]


def test_exactly_this_is_hashed() -> None:
    value = made()
    (given,) = value["attachments"]
    assert (given["type"], given["purpose"], given["dialog"]) == ("lawful_basis", "lawful_basis", 0)
    assert value["parties"][given["party"]]["role"] == "customer"
    body = dict(given["body"])
    promised = body.pop("content_hash")
    assert promised == {
        "algorithm": "sha-256", "canonicalization": "jcs", "value": hashlib.sha256(jcs.canonical(body)).hexdigest(),
    }  # fmt: skip
    dialogs = [{k: v for k, v in each.items() if k not in {"body", "encoding", "url"}} for each in value["dialog"]]
    assert body["metadata"]["bound_to"] == {
        "vcon": redacted_uuid(ID), "dialog": hashlib.sha256(jcs.canonical(dialogs)).hexdigest(),
    }  # fmt: skip
    assert body["proof_mechanisms"][0]["proof_data"]["time_offset"] == "00:01:07"


@pytest.mark.shared
def test_it_validates(shared: Path) -> None:
    import jsonschema

    schema = json.loads((shared / "vcon_samples/dev/ietf_core/vcon_json_schema.json").read_text())
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(made())


def test_sound_may_move_out_of_the_document_unseen() -> None:
    value = made()
    del value["dialog"][0]["body"], value["dialog"][0]["encoding"]
    value["dialog"][0]["url"] = "https://example.com/call.flac"
    (found,), _ = parse(json.dumps(value).encode()).lawful_bases()
    assert found.doubt == ""


@pytest.mark.parametrize("change", ["grant", "vcon", "dialog", "nothing is bound"])
def test_a_changed_or_replayed_one_gives_no_consent(change: str) -> None:
    value = made()
    body = value["attachments"][0]["body"]
    if change == "grant":
        body["purpose_grants"][2]["granted"] = True
    elif change == "vcon":
        value["uuid"] = "019f15a6-a752-8abc-b9a2-279e0d16bc47"
    elif change == "dialog":
        value["dialog"][0]["start"] = "2026-03-03T09:00:00+00:00"
    else:
        body["metadata"].pop("bound_to")
    (found,), notes = parse(json.dumps(value).encode()).lawful_bases()
    assert found.doubt
    assert notes == (f"attachments[0] (lawful_basis) gives no consent: {found.doubt}.",)


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-3-256", "blake2b-256"])
def test_hashes_of_others_are_checked(algorithm: str) -> None:
    data = jcs.canonical(BODY)
    value = {
        "sha-256": hashlib.sha256(data), "sha-3-256": hashlib.sha3_256(data),
        "blake2b-256": hashlib.blake2b(data, digest_size=32),
    }[algorithm].hexdigest()  # fmt: skip
    promised = {"algorithm": algorithm, "canonicalization": "jcs", "value": value}
    (good,), _ = told(attached(BODY | {"content_hash": promised}))
    assert good.doubt == ""
    (bad,), _ = told(attached(BODY | {"content_hash": promised | {"value": "00" * 32}}))
    assert "changed" in bad.doubt
    (strange,), _ = told(attached(BODY | {"content_hash": promised | {"algorithm": "md5"}}))
    assert "not known" in strange.doubt


@pytest.mark.parametrize("how", ["object", "text", "text without encoding", "base64url"])
@pytest.mark.parametrize("name", ["type", "purpose"])
def test_every_way_to_write_it_is_read(how: str, name: str) -> None:
    text = json.dumps(BODY | {"proof_mechanisms": [
        {"mechanism_type": "verbal_confirmation", "timestamp": "2026-03-02T09:00:07Z",
         "proof_data": {"time_offset": "00:01:23", "confirmation_text": "Yes, Grace Hopper here"}},
        {"proof_type": "external_system", "timestamp": "2026-03-02T09:00:07",
         "proof_data": {"reference": "+1 212 555-0100 grace@example.com"}},
        {"proof_type": "handshake", "timestamp": "2026-03-02T09:00:07Z", "proof_data": {}},
    ]})  # fmt: skip
    body, encoding = {
        "object": (json.loads(text), "json"), "text": (text, "json"), "text without encoding": (text, None),
        "base64url": (base64.urlsafe_b64encode(text.encode()).decode().rstrip("="), "base64url"),
    }[how]  # fmt: skip
    (found,), notes = told({name: "lawful_basis", "encoding": encoding, "body": body})
    assert notes == ()
    assert [grant.granted for grant in found.grants] == [True]
    spoken, outside = found.proofs
    assert (spoken.kind, spoken.start, spoken.reference) == (ProofType.VERBAL_CONFIRMATION, 83.0, None)
    assert (outside.at, outside.reference) == (AT, "…0100 …")  # no word, no number of anybody is taken over


@pytest.mark.parametrize(
    ("attachment", "note"),
    [
        (attached(None), "it has no body"),
        (attached(None, url="https://example.com/basis.json"), "addresses are not followed"),
        (attached("{broken"), "its body is not JSON"),
        (attached("[]"), "its body is no object"),
        (attached(BODY | {"lawful_basis": "because"}), "it names none of the six lawful bases"),
        (attached(BODY | {"expiration": "soon"}), "its expiration is no date and time"),
        (attached(BODY | {"purpose_grants": {}}), "it has no list of at most 100 purpose grants"),
        (attached(BODY | {"purpose_grants": GRANTS * 101}), "it has no list of at most 100 purpose grants"),
        (attached("x", encoding="rot13"), "attachments[0].encoding is none of base64url, json, none."),
        (attached("§", encoding="base64url"), "its body is not JSON"),
    ],
)
def test_what_cannot_be_read_is_told_and_stops_nothing(attachment: dict[str, Any], note: str) -> None:
    document = vcon(attachments=[attachment])
    found, notes = document.lawful_bases()
    assert found == ()
    assert document.recordings[0].body == b"sound"
    assert any(note in each for each in (*document.notes, *notes)), notes


@pytest.mark.parametrize(
    ("attachment", "doubt"),
    [
        (attached(BODY, dialog=7), "about a dialog that is not there"),
        (attached(BODY, party=7), "about a party that is not there"),
        (attached(BODY | {"purpose_grants": [*GRANTS, {"granted": False}]}), "cannot be read"),
        (attached(BODY | {"metadata": {"bound_to": "everything"}}), "made for another vCon"),
    ],
)
def test_what_is_odd_gives_no_consent(attachment: dict[str, Any], doubt: str) -> None:
    (found,), _ = told(attachment)
    assert doubt in found.doubt


def test_only_true_is_a_yes() -> None:
    grants = [{"purpose": f"p{n}", "granted": value} for n, value in enumerate(["true", 1, None, {}, True])]
    (found,), _ = told(attached(BODY | {"purpose_grants": grants}, start="2026-03-02T09:00:07Z"))
    assert [grant.granted for grant in found.grants] == [False, False, False, False, True]
    assert found.grants[0].at == AT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(made()["attachments"][0]["body"])), JSON, st.booleans())
def test_nothing_in_a_body_can_stop_the_reading(key: str, value: Any, text: bool) -> None:
    given = copy.deepcopy(made()["attachments"][0])
    given["body"][key] = value
    if text:
        given["body"] = json.dumps(given["body"])
    read([given], uuid=BASE["uuid"], parties=2, dialogs=[{}])
