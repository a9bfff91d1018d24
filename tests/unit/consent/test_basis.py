"""On what lawful basis a conversation is held: what is claimed of it, and what is believed of others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from candor.consent import pack
from candor.consent.basis import SKEW, basis_of, entries_of
from candor.consent.custody import Custody, CustodyState
from candor.consent.decide import decide
from candor.consent.ledger.model import ConsentEvent, Entry, Line, Method, Proof, Standing, Whose, standing
from candor.consent.model import Facts
from candor.conversation.vcon.lawful import Basis, Grant, LawfulBasis, ProofMechanism, ProofType

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BEGAN = NOW - timedelta(days=3)
CALL = "019f15a6-a752-7abc-b9a2-279e0d16bc46"


def line(event: ConsentEvent, number: int = 1, *, hours: float = 0.0, **more: Any) -> Line:
    method = Method.SPOKEN if event in {ConsentEvent.GIVEN, ConsentEvent.REFUSED} else Method.NONE
    entry = Entry(**{"at": BEGAN + timedelta(hours=hours), "event": event, "whose": Whose.CALLER, "subject": None,
                     "method": method, "conversation_id": CALL} | more)  # fmt: skip
    return Line(number=number, written_at=NOW, entry=entry, previous="0" * 64, digest=f"{number:064x}")


def custody(level: int, state: CustodyState = CustodyState.PROVED, **decision: Any) -> Custody:
    made = {"level": level, "purpose": "quality", "actions": [], "analysis_limits": [], "pack": "2026.11.23",
            "decided_at": BEGAN.isoformat()} | decision  # fmt: skip
    return Custody(
        conversation_id=CALL, started_at=BEGAN, state=state, level=level, why="", decision=json.dumps(made), proof="",
        since=NOW,
    )  # fmt: skip


def granted(basis: LawfulBasis | None) -> dict[str, bool]:
    assert basis is not None
    return {grant.purpose: grant.granted for grant in basis.grants}


YES, NO = ConsentEvent.GIVEN, ConsentEvent.REFUSED


@pytest.mark.parametrize(
    ("lines", "held", "basis", "allowed", "said"),
    [
        ([], custody(0), Basis.LEGITIMATE_INTERESTS, True, "none"),
        ([], custody(3), Basis.LEGITIMATE_INTERESTS, True, "none"),
        ([], custody(3, CustodyState.PENDING), Basis.LEGITIMATE_INTERESTS, False, "none"),
        ([line(ConsentEvent.ANNOUNCED)], custody(3, CustodyState.PENDING), Basis.LEGITIMATE_INTERESTS, True, "told"),
        ([line(YES, method=Method.WENT_ON)], custody(2), Basis.LEGITIMATE_INTERESTS, True, "went_on"),
        ([], custody(2, purpose="transaction_proof"), Basis.CONTRACT, True, "none"),
        ([line(YES)], custody(2), Basis.CONSENT, True, "given"),
        ([line(YES)], custody(4), Basis.CONSENT, True, "given"),
        ([line(YES)], custody(4, CustodyState.QUARANTINED), Basis.CONSENT, False, "given"),
        ([line(YES, method=Method.WENT_ON)], custody(4), Basis.CONSENT, False, "went_on"),
        ([], custody(4, CustodyState.RESOLVED), Basis.CONSENT, False, "none"),
        ([line(YES)], custody(9), Basis.CONSENT, False, "given"),
        ([line(YES), line(NO, 2, hours=1)], custody(4), Basis.CONSENT, False, "refused"),
        ([line(YES), line(ConsentEvent.WITHDRAWN, 2, hours=1)], custody(3), Basis.CONSENT, False, "withdrawn"),
        ([line(NO)], custody(3), Basis.LEGITIMATE_INTERESTS, False, "refused"),
        ([line(NO)], custody(3, actions=["must_record"]), Basis.LEGAL_OBLIGATION, True, "refused"),
        ([line(YES, expires_at=NOW)], custody(4), Basis.CONSENT, False, "expired"),
        ([line(YES), line(ConsentEvent.EXPIRED, 2, hours=9)], custody(4), Basis.CONSENT, False, "expired"),
        ([line(YES)], None, Basis.CONSENT, True, "given"),
        ([line(NO)], None, Basis.CONSENT, False, "refused"),
        # Of several people the strictest word counts, whoever spoke last.
        ([line(NO, subject="a"), line(YES, 2, hours=1, subject="b")], custody(4), Basis.CONSENT, False, "refused"),
    ],
)
def test_what_is_claimed(lines: list[Line], held: Custody | None, basis: Basis, allowed: bool, said: str) -> None:
    found = basis_of(lines, held, NOW)
    assert found is not None
    assert (found.basis, found.metadata["standing"]) == (basis, said)
    assert set(granted(found).values()) == {allowed}
    assert set(granted(found)) >= {"recording", "transcription", "analysis"}


@pytest.mark.parametrize("event", [ConsentEvent.ANNOUNCED, ConsentEvent.GIVEN])
def test_nothing_is_claimed_of_what_nobody_decided(event: ConsentEvent) -> None:
    assert basis_of([], None, NOW) is None
    assert basis_of([line(event, method=Method.WENT_ON)], None, NOW) is None
    assert basis_of([line(YES, whose=Whose.EMPLOYEE)], None, NOW) is None


def test_purposes_stand_by_themselves() -> None:
    lines = [line(YES, covers=("quality",)), line(NO, 2, covers=("training",))]
    found = basis_of(lines, custody(4), NOW)
    assert granted(found) == {
        "recording": True, "transcription": True, "analysis": True, "quality": True, "training": False,
    }  # fmt: skip


def test_expiry_is_the_earliest_that_is_to_come() -> None:
    soon, later = NOW + timedelta(days=1), NOW + timedelta(days=9)
    lines = [line(YES, expires_at=BEGAN + timedelta(hours=1)), line(YES, 2, hours=2, expires_at=later),
             line(YES, 3, hours=3, expires_at=soon)]  # fmt: skip
    found = basis_of(lines, custody(4), NOW)
    assert found is not None
    assert (found.expires_at, granted(found)["recording"]) == (soon, True)


def test_limits_of_a_real_decision_are_conditions_and_names_stay_out() -> None:
    facts = Facts(
        purpose="quality", at=date(2026, 11, 23), caller="+493023125012", agent_location="DE", establishment="DE"
    )
    decided = decide(pack.builtin(), facts)
    limits = [limit.code for limit in decided.analysis_limits]
    assert "no_agent_voice_emotion" in limits
    lines = [
        line(YES, 7, method=Method.PHONE_SYSTEM, subject="f" * 64, hint="…5012", call_id="pbx-1", text_version="de-1",
             proof=Proof(reference="IVR 7", quote="Ja, Anna Schmidt"), actor="user-1"),
    ]  # fmt: skip
    found = basis_of(lines, custody(4, analysis_limits=limits), NOW)
    assert found is not None
    conditions = {grant.purpose: grant.conditions for grant in found.grants}
    assert conditions["analysis"] == tuple(limits)
    assert conditions["recording"] == ()
    assert found.metadata["ledger"] == [{"line": 7, "event": "given", "digest": f"{7:064x}", "text_version": "de-1"}]
    text = repr(found)
    for private in ("5012", "f" * 64, "Schmidt", "user-1", "pbx-1"):
        assert private not in text


@pytest.mark.parametrize(
    ("more", "kind", "event"),
    [
        ({"proof": Proof(start=7.0, stop=7.5)}, ProofType.VERBAL_CONFIRMATION, "given"),
        ({"method": Method.WRITTEN, "proof": Proof(digest="ab" * 64)}, ProofType.SIGNED_DOCUMENT, "given"),
        ({"method": Method.CONTRACT, "proof": Proof(reference="C-1")}, ProofType.SIGNED_DOCUMENT, "given"),
        ({"method": Method.KEY_PRESS, "proof": Proof(reference="IVR 7")}, ProofType.EXTERNAL_SYSTEM, "given"),
        ({"method": Method.WENT_ON, "proof": Proof(start=1.0)}, ProofType.VERBAL_CONFIRMATION, "went_on"),
    ],
)
def test_proofs(more: dict[str, Any], kind: ProofType, event: str) -> None:
    found = basis_of([line(YES, **more)], custody(3), NOW)
    assert found is not None
    (proof,) = found.proofs
    expected = more["proof"]
    assert (proof.kind, proof.event, proof.at) == (kind, event, BEGAN)
    assert (proof.start, proof.stop, proof.digest, proof.reference) == (
        expected.start, expected.stop, expected.digest, expected.reference,
    )  # fmt: skip


# ---- in ----

SPOKEN = ProofMechanism(kind=ProofType.VERBAL_CONFIRMATION, at=BEGAN, start=83.0)
WRITTEN = ProofMechanism(kind=ProofType.SIGNED_DOCUMENT, at=BEGAN, digest="ab" * 64)


def said(*grants: tuple[str, bool], **more: Any) -> LawfulBasis:
    return LawfulBasis(**{
        "basis": Basis.CONSENT, "expires_at": None, "proofs": (SPOKEN,),
        "grants": tuple(Grant(purpose=name, granted=value, at=BEGAN) for name, value in grants),
    } | more)  # fmt: skip


def believed(*found: LawfulBasis, purpose: str = "quality") -> tuple[list[Entry], Standing, str]:
    read = entries_of(
        found, conversation_id=CALL, call_id="vcon-1", purpose=purpose, began=BEGAN, now=NOW, actor="user-1"
    )
    return list(read.entries), standing(list(read.entries), NOW), " ".join(read.notes)


REC = ("recording", True)
OURS = {"standing": "none"}


@pytest.mark.parametrize(
    ("found", "stands", "event"),
    [
        ([said(REC)], Standing.GIVEN, ConsentEvent.GIVEN),
        ([said(("quality", True))], Standing.GIVEN, ConsentEvent.GIVEN),
        ([said(REC, expires_at=NOW + timedelta(days=1))], Standing.GIVEN, ConsentEvent.GIVEN),
        # Nothing of ours is granted: denied, but nobody has refused.
        ([said(("publication", True))], Standing.NONE, None),
        ([said(("transcription", True))], Standing.NONE, None),
        ([said()], Standing.NONE, None),
        ([], Standing.NONE, None),
        # The most restrictive wins, in one attachment and over several.
        ([said(REC, ("recording", False))], Standing.REFUSED, ConsentEvent.REFUSED),
        ([said(REC), said(("analysis", False))], Standing.REFUSED, ConsentEvent.REFUSED),
        ([said(("recording", False)), said(REC)], Standing.REFUSED, ConsentEvent.REFUSED),
        ([said(REC), said(("transcription", False), metadata=OURS)], Standing.NONE, None),
        # What is not done here is no reason.
        ([said(REC, ("publication", False))], Standing.GIVEN, ConsentEvent.GIVEN),
        # Other bases are nobody's yes; an objection is a no on any basis, and from a doubtful attachment, too.
        ([said(REC, basis=Basis.LEGITIMATE_INTERESTS)], Standing.NONE, None),
        ([said(REC, basis=Basis.LEGAL_OBLIGATION)], Standing.NONE, None),
        ([said(("recording", False), basis=Basis.LEGITIMATE_INTERESTS)], Standing.REFUSED, ConsentEvent.REFUSED),
        ([said(("recording", False), doubt="it was changed")], Standing.REFUSED, ConsentEvent.REFUSED),
        ([said(REC, doubt="it was changed")], Standing.NONE, None),
        ([said(REC, proofs=())], Standing.NONE, None),
        ([said(REC, proofs=(replace(SPOKEN, event="announced"),))], Standing.NONE, None),
        ([said(REC, proofs=(replace(SPOKEN, event="went_on"),))], Standing.NONE, None),
        # Times.
        ([said(REC, expires_at=NOW)], Standing.NONE, ConsentEvent.EXPIRED),
        ([said(REC, expires_at=NOW), said(REC)], Standing.GIVEN, ConsentEvent.GIVEN),
        ([said(("recording", False), metadata={"standing": "expired"}, expires_at=BEGAN)], Standing.NONE,
         ConsentEvent.EXPIRED),
        ([said(("recording", False), metadata={"standing": "withdrawn"})], Standing.REFUSED, ConsentEvent.WITHDRAWN),
        ([said(grants=(Grant(purpose="recording", granted=False, at=BEGAN, conditions=("withdrawn",)),))],
         Standing.REFUSED, ConsentEvent.WITHDRAWN),
        ([said(("recording", False), metadata={"standing": "given", "state": "quarantined"})], Standing.NONE, None),
    ],
)  # fmt: skip
def test_what_is_believed(found: list[LawfulBasis], stands: Standing, event: ConsentEvent | None) -> None:
    entries, how, notes = believed(*found)
    assert how is stands
    assert [entry.event for entry in entries] == ([] if event is None else [event])
    assert bool(notes) is (bool(found) and event is not ConsentEvent.GIVEN)


@pytest.mark.parametrize(
    ("proof", "method"),
    [
        (SPOKEN, Method.SPOKEN),
        (WRITTEN, Method.WRITTEN),
        (replace(SPOKEN, kind=ProofType.EXTERNAL_SYSTEM), Method.PHONE_SYSTEM),
        (replace(SPOKEN, kind=ProofType.CRYPTOGRAPHIC_SIGNATURE), Method.PHONE_SYSTEM),
    ],
)
def test_methods_follow_from_proofs(proof: ProofMechanism, method: Method) -> None:
    announced = replace(SPOKEN, event="announced", start=1.0)
    ((entry,), _, _) = believed(said(REC, ("publication", True), proofs=(announced, proof)))
    assert (entry.method, entry.covers, entry.actor) == (method, ("publication", "recording"), "user-1")
    assert (entry.proof.start, entry.proof.digest, entry.proof.reference) == (proof.start, proof.digest, "vCon vcon-1")
    assert (entry.conversation_id, entry.subject, entry.whose) == (CALL, None, Whose.CALLER)


@pytest.mark.parametrize(("ahead", "stands"), [(timedelta(minutes=5), Standing.GIVEN),
                                               (timedelta(minutes=5, seconds=1), Standing.NONE)])  # fmt: skip
def test_clocks_may_differ_by_five_minutes(ahead: timedelta, stands: Standing) -> None:
    assert timedelta(minutes=5) == SKEW
    later = said(grants=(Grant(purpose="recording", granted=True, at=NOW + ahead),))
    assert believed(later)[1] is stands
    shown_later = said(REC, proofs=(replace(SPOKEN, at=NOW + ahead),))
    entries, how, _ = believed(shown_later)
    assert how is stands
    assert all(entry.at <= NOW for entry in entries)


def test_what_one_house_tells_another_believes() -> None:
    lines = [
        line(ConsentEvent.ANNOUNCED, 1, proof=Proof(start=0.5, stop=4.0)),
        line(YES, 2, hours=0.01, method=Method.KEY_PRESS, proof=Proof(reference="IVR 7")),
    ]
    told = basis_of(lines, custody(4), NOW)
    assert told is not None
    ((entry,), stands, _) = believed(told)
    assert stands is Standing.GIVEN
    assert (entry.method, entry.at, entry.proof.reference) == (Method.PHONE_SYSTEM, lines[1].entry.at, "IVR 7")
    assert entry.covers == ("analysis", "quality", "recording", "transcription")
