"""The ledger as a vCon tells it, both ways and pure: on what lawful basis a conversation is held, and what follows
from what another house says of one.

A basis is claimed for what is known, and nobody's consent is claimed that the ledger does not hold as an explicit yes:
going on after a notice is legitimate interests, not consent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger.model import ConsentEvent, Entry, Line, Method, Proof, Whose
from candor.consent.model import ActionVerb, ConsentLevel
from candor.conversation.vcon.lawful import Basis, Grant, LawfulBasis, ProofMechanism, ProofType

SKEW = timedelta(minutes=5)
"""How far the clocks of two houses may differ."""
STEPS = ("recording", "transcription", "analysis")
"""What is done with every conversation here."""
_ANALYSIS = "analysis"


class Said(StrEnum):
    """How it stands with one purpose, as ``metadata.standing`` tells it."""

    NOTHING = "none"
    TOLD = "told"
    WENT_ON = "went_on"
    GIVEN = "given"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


_STRICTEST = (Said.REFUSED, Said.WITHDRAWN, Said.EXPIRED, Said.GIVEN, Said.WENT_ON, Said.TOLD, Said.NOTHING)
_EXPLAINED = (Said.NOTHING, Said.TOLD, Said.WENT_ON, Said.GIVEN)
_NO = frozenset({Said.REFUSED, Said.WITHDRAWN, Said.EXPIRED})
_YES = frozenset({ConsentEvent.GIVEN, ConsentEvent.INHERITED})
_PROOFS = {
    Method.SPOKEN: ProofType.VERBAL_CONFIRMATION,
    Method.WRITTEN: ProofType.SIGNED_DOCUMENT,
    Method.CONTRACT: ProofType.SIGNED_DOCUMENT,
}
"""Every other method is told by another system, the telephone's."""
_METHODS = {
    ProofType.VERBAL_CONFIRMATION: Method.SPOKEN,
    ProofType.SIGNED_DOCUMENT: Method.WRITTEN,
    ProofType.EXTERNAL_SYSTEM: Method.PHONE_SYSTEM,
    ProofType.CRYPTOGRAPHIC_SIGNATURE: Method.PHONE_SYSTEM,
}


# ---- out ----


def basis_of(lines: Iterable[Line], custody: Custody | None, now: datetime) -> LawfulBasis | None:
    """What a vCon says of a conversation; None when neither a decision nor anybody's word is known.

    ``lines`` are the ledger's of this conversation; of employees nothing is told.
    """
    of_callers = [line for line in lines if line.entry.whose is Whose.CALLER and line.entry.at <= now]
    decision: Mapping[str, Any] = json.loads(custody.decision or "{}") if custody else {}
    purposes = _purposes(decision, of_callers)
    own = purposes[0] if decision else None
    # A word for the recording as such is one for what it is made for.
    said, decisive = _standing(of_callers, now, {own, STEPS[0]} if own else None)
    if custody is None and said in {Said.NOTHING, Said.TOLD, Said.WENT_ON}:
        return None
    obliged = ActionVerb.MUST_RECORD in decision.get("actions", ())
    grants = []
    for purpose in (*STEPS, *purposes):
        how, line = said, decisive
        if purpose not in STEPS and purpose != own:
            how, line = _standing(of_callers, now, {purpose})
        grants.append(
            Grant(
                purpose=purpose, granted=_granted(how, custody, obliged=obliged),
                at=line.entry.at if line else custody.started_at if custody else now,
                conditions=_conditions(purpose, how, decision, obliged=obliged),
            )
        )  # fmt: skip
    return LawfulBasis(
        basis=_ground(said, custody, decision, obliged=obliged), expires_at=_expiry(of_callers, said, now),
        grants=tuple(grants),
        proofs=tuple(_shown(line) for line in of_callers if line.entry.event is not ConsentEvent.EXPIRED),
        metadata=_metadata(said, custody, decision, of_callers),
    )  # fmt: skip


def _purposes(decision: Mapping[str, Any], lines: Iterable[Line]) -> list[str]:
    """The decision's purpose first, then what anybody's word was for."""
    named = [name for line in lines for name in line.entry.covers if name not in STEPS]
    return list(dict.fromkeys([*([decision["purpose"]] if decision else []), *named]))


def _standing(lines: Sequence[Line], now: datetime, purposes: set[str] | None) -> tuple[Said, Line | None]:
    """The strictest that any of the people on the line has said, and the line that says so."""
    people: dict[str | None, list[Line]] = {}
    for line in sorted(lines, key=lambda one: one.entry.at):
        people.setdefault(line.entry.subject, []).append(line)
    words = [_last_word(said, now, purposes) for said in people.values()]
    return min(words, key=lambda word: _STRICTEST.index(word[0]), default=(Said.NOTHING, None))


def _last_word(lines: Iterable[Line], now: datetime, purposes: set[str] | None) -> tuple[Said, Line | None]:
    """What one person has said, by the rules of :func:`candor.consent.ledger.model.standing`."""
    said, decisive = Said.NOTHING, None
    for line in lines:
        entry = line.entry
        if purposes is not None and entry.covers and purposes.isdisjoint(entry.covers):
            continue
        if entry.event is ConsentEvent.REFUSED:
            word = Said.REFUSED
        elif entry.event is ConsentEvent.WITHDRAWN:
            word = Said.WITHDRAWN
        elif entry.event in _YES:
            lapsed = entry.expires_at is not None and entry.expires_at <= now
            word = Said.EXPIRED if lapsed else Said.WENT_ON if entry.method is Method.WENT_ON else Said.GIVEN
        elif entry.event is ConsentEvent.EXPIRED and said not in {Said.REFUSED, Said.WITHDRAWN}:
            word = Said.EXPIRED
        elif said is Said.NOTHING and entry.event is ConsentEvent.ANNOUNCED:
            word = Said.TOLD
        else:
            continue
        said, decisive = word, line
    return said, decisive


def _granted(said: Said, custody: Custody | None, *, obliged: bool) -> bool:
    if custody is not None and custody.state in {CustodyState.QUARANTINED, CustodyState.DESTROYED}:
        return False
    if obliged:
        return True
    if said in _NO or (custody is not None and custody.level == ConsentLevel.BARRED):
        return False
    if custody is None or custody.level >= ConsentLevel.OPT_IN:
        return said is Said.GIVEN
    proved = custody.state in {CustodyState.PROVED, CustodyState.RESOLVED}
    return proved or custody.level < ConsentLevel.ANNOUNCE or said is not Said.NOTHING


def _ground(said: Said, custody: Custody | None, decision: Mapping[str, Any], *, obliged: bool) -> Basis:
    if obliged:
        return Basis.LEGAL_OBLIGATION
    given = said in {Said.GIVEN, Said.WITHDRAWN, Said.EXPIRED}
    if given or custody is None or custody.level >= ConsentLevel.OPT_IN:
        return Basis.CONSENT
    return Basis.CONTRACT if decision.get("purpose") == "transaction_proof" else Basis.LEGITIMATE_INTERESTS


def _conditions(purpose: str, said: Said, decision: Mapping[str, Any], *, obliged: bool) -> tuple[str, ...]:
    found = [said.value] if said in _NO else []
    if obliged:
        found.append("as_far_as_the_law_obliges")
    if purpose == _ANALYSIS:
        found += decision.get("analysis_limits", ())
    return tuple(found)


def _expiry(lines: Iterable[Line], said: Said, now: datetime) -> datetime | None:
    """The earliest end of what was given; of what has expired, its end."""
    ends = [
        line.entry.expires_at or line.entry.at
        for line in lines
        if line.entry.expires_at is not None or line.entry.event is ConsentEvent.EXPIRED
    ]
    if said is Said.EXPIRED:
        return max((end for end in ends if end <= now), default=None)
    return min((end for end in ends if end > now), default=None) if said is Said.GIVEN else None


def _shown(line: Line) -> ProofMechanism:
    """A line as a proof: where it is in the sound, which document, which event of the phone system."""
    entry, proof = line.entry, line.entry.proof
    kind = _PROOFS.get(entry.method, ProofType.EXTERNAL_SYSTEM)
    if proof.start is not None and entry.method in {Method.NONE, Method.WENT_ON}:
        kind = ProofType.VERBAL_CONFIRMATION
    went_on = entry.event in _YES and entry.method is Method.WENT_ON
    return ProofMechanism(
        kind=kind, at=entry.at, start=proof.start, stop=proof.stop, digest=proof.digest, reference=proof.reference,
        event=Said.WENT_ON.value if went_on else entry.event.value,
    )  # fmt: skip


def _metadata(
    said: Said, custody: Custody | None, decision: Mapping[str, Any], lines: Iterable[Line]
) -> dict[str, Any]:  # fmt: skip
    found: dict[str, Any] = {"standing": said.value}
    if custody is not None:
        found |= {"level": custody.level, "state": custody.state.value}
    if decision:
        found |= {name: decision[name] for name in ("pack", "decided_at") if name in decision}
    found["ledger"] = [
        {"line": line.number, "event": line.entry.event.value, "digest": line.digest}
        | ({"text_version": line.entry.text_version} if line.entry.text_version else {})
        for line in lines
    ]
    return found


# ---- in ----

_NOT_COVERED = "The vCon holds no consent that covers recording now."
_NO_CONSENT = "The vCon names a lawful basis that is nobody's consent: nothing was written in the ledger."


@dataclass(frozen=True, slots=True)
class Read:
    """What follows from what a vCon says."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def entries_of(
    found: Sequence[LawfulBasis], *, conversation_id: str, call_id: str | None, purpose: str, began: datetime,
    now: datetime, actor: str,
) -> Read:  # fmt: skip
    """The ledger's entries: the strictest that is said of what is done here, and what it rests on.

    ``purpose`` is this house's; ``began`` stands in where a grant has no time. A yes needs the basis consent, a grant
    for recording (or ``purpose``) and a proof of a known kind. Nothing is written for a basis that is nobody's word.
    """
    ours, source = {*STEPS, purpose}, f"vCon {call_id}" if call_id else "vCon"
    of_call: dict[str, Any] = {
        "whose": Whose.CALLER, "subject": None, "conversation_id": conversation_id, "call_id": call_id, "actor": actor,
    }  # fmt: skip
    denied = [(one, grant) for one in found for grant in one.grants if grant.purpose in ours and not grant.granted]
    told = [(one, grant, Said.WITHDRAWN if _withdrawn(one, grant) else Said.REFUSED)
            for one, grant in denied if not _nobodys_no(one, grant)]  # fmt: skip
    if told:
        one, grant, said = min(told, key=lambda each: _STRICTEST.index(each[2]))
        event = ConsentEvent.WITHDRAWN if said is Said.WITHDRAWN else ConsentEvent.REFUSED
        method, proof, _ = _seen(one, now, {said.value}, source) or (Method.NONE, Proof(reference=source), None)
        entry = Entry(at=_clamped(grant.at or began, now), event=event, method=method, proof=proof, **of_call)
        return Read((entry,), (f"The vCon says that consent was {said.value}.",))
    barred = {grant.purpose for _, grant in denied}
    given, notes = list[Entry](), list[str]()
    over = [one for one in found if _is_consent(one, ours) and _lapsed(one, now)]
    for one in found:
        if not _is_consent(one, ours) or one.doubt or _lapsed(one, now):
            continue
        grants = [grant for grant in one.grants if grant.granted and (grant.at or began) <= now + SKEW]
        seen = _seen(one, now, {event.value for event in _YES}, source)
        names = {grant.purpose for grant in grants}
        if barred or not names & {STEPS[0], purpose}:
            notes.append(_NOT_COVERED)
        elif seen is None:
            notes.append("The vCon tells of consent without a proof of a known kind: it counts for nothing.")
        else:
            method, proof, at = seen
            latest = max(grant.at or began for grant in grants)
            given.append(
                Entry(
                    at=_clamped(at or latest, now), event=ConsentEvent.GIVEN, method=method, proof=proof,
                    covers=tuple(sorted(names)), expires_at=one.expires_at, **of_call,
                )
            )  # fmt: skip
    if not given and over:
        end = max(one.expires_at for one in over if one.expires_at is not None)
        expired = Entry(at=end, event=ConsentEvent.EXPIRED, proof=Proof(reference=source), **of_call)
        return Read((expired,), (*notes, "The consent that the vCon tells of has expired."))
    if found and not given and not notes:
        notes.append(_NOT_COVERED if any(one.basis is Basis.CONSENT for one in found) else _NO_CONSENT)
    return Read(tuple(given), tuple(dict.fromkeys(notes)))


def _is_consent(one: LawfulBasis, ours: set[str]) -> bool:
    """Whether it speaks of consent to something that is done here."""
    said = one.metadata.get("standing")
    asked = any(grant.purpose in ours and (grant.granted or _over(said, grant)) for grant in one.grants)
    return one.basis is Basis.CONSENT and asked


def _lapsed(one: LawfulBasis, now: datetime) -> bool:
    return one.expires_at is not None and one.expires_at <= now


def _withdrawn(one: LawfulBasis, grant: Grant) -> bool:
    return Said.WITHDRAWN in grant.conditions or one.metadata.get("standing") == Said.WITHDRAWN


def _over(standing: object, grant: Grant) -> bool:
    return Said.EXPIRED in grant.conditions or standing == Said.EXPIRED


def _nobodys_no(one: LawfulBasis, grant: Grant) -> bool:
    """A denial that the document itself explains otherwise: it expired, nobody was asked, or proof is missing."""
    standing = one.metadata.get("standing")
    if Said.REFUSED in grant.conditions or Said.WITHDRAWN in grant.conditions:
        return False
    return _over(standing, grant) or standing in _EXPLAINED


def _seen(
    one: LawfulBasis, now: datetime, what: set[str], source: str
) -> tuple[Method, Proof, datetime | None] | None:  # fmt: skip
    """The way in which it was said, what shows it and when; proofs of times to come show nothing."""
    for proof in one.proofs:
        if (proof.event is None or proof.event in what) and (proof.at is None or proof.at <= now + SKEW):
            shown = Proof(
                start=proof.start, stop=proof.stop, digest=proof.digest, reference=proof.reference or source
            )  # fmt: skip
            return _METHODS[proof.kind], shown, proof.at
    return None


def _clamped(at: datetime, now: datetime) -> datetime:
    """Another house's clock may be ahead of ours: nothing is written down for a time to come."""
    return min(at, now)
