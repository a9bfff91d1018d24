"""On what lawful basis a conversation is held: the attachment ``lawful_basis``, both ways and pure.

draft-howe-vcon-lawful-basis-00. What is written is bound to its vCon: ``metadata.bound_to`` holds the vCon's UUID and
the SHA-256 over the JCS (RFC 8785) of the array ``dialog``, each dialog without ``body``, ``encoding`` and ``url``
where a ``content_hash`` stands for them; ``content_hash`` is the SHA-256 over the JCS of the attachment's body without
``content_hash`` itself. So neither the attachment can be changed nor put into another vCon unseen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from candor.conversation.vcon.check import amount, read_moment
from candor.conversation.vcon.encoding import from_base64url
from candor.kit import jcs

NAME = "lawful_basis"
_ALGORITHMS = {"sha-256": "sha256", "sha-3-256": "sha3_256", "blake2b-256": "blake2b"}
_STANDS_FOR = frozenset({"body", "encoding", "url"})
_NAME = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}\Z")
_OFFSET = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2}(?:\.\d{1,6})?)\Z")
_HEX = re.compile(r"(?i)(?:[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})\Z")
_REFERENCES = ("reference", "event_id", "transaction_id", "record_id", "document_id", "id")
_DIGESTS = ("digest", "document_hash", "content_hash", "hash")
_LIKE_A_NUMBER = re.compile(r"\+?\d(?:[\s().\-/]{0,2}\d){6,}")
_MOST = 100
"""Grants, conditions and proofs of one attachment that are read."""


class _MalformedError(Exception):
    """Says why an attachment cannot be read; quotes nothing of it."""


class Basis(StrEnum):
    """The six of GDPR article 6(1)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class ProofType(StrEnum):
    """What shows it."""

    VERBAL_CONFIRMATION = "verbal_confirmation"
    SIGNED_DOCUMENT = "signed_document"
    CRYPTOGRAPHIC_SIGNATURE = "cryptographic_signature"
    EXTERNAL_SYSTEM = "external_system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Whether one purpose is allowed."""

    purpose: str
    granted: bool
    at: datetime | None
    """Aware; None when the document does not tell."""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofMechanism:
    """One thing that shows it."""

    kind: ProofType
    at: datetime | None
    start: float | None = None
    """Seconds into the dialog."""
    stop: float | None = None
    digest: str | None = None
    """Of a document, hexadecimal."""
    reference: str | None = None
    """Of another system; long numbers are masked."""
    event: str | None = None
    """Of what it is a proof (``announced``, ``went_on``, ``given``, ``inherited``, ``refused``, ``withdrawn``); the
    draft has no such member, so that others' are proofs of what the grants say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LawfulBasis:
    """One attachment."""

    basis: Basis
    expires_at: datetime | None
    grants: tuple[Grant, ...]
    proofs: tuple[ProofMechanism, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    doubt: str = ""
    """Why nothing in it counts as a yes, in a sentence; a no counts all the same."""


# ---- out ----


def attachment(found: LawfulBasis, document: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The attachment of ``document``, whose ``uuid``, ``parties`` and ``dialog`` are complete."""
    body: dict[str, Any] = {
        "lawful_basis": found.basis.value,
        "expiration": _moment(found.expires_at),
        "purpose_grants": [
            {"purpose": grant.purpose, "granted": grant.granted, "granted_at": _moment(grant.at)}
            | ({"conditions": list(grant.conditions)} if grant.conditions else {})
            for grant in found.grants
        ],
        "proof_mechanisms": [
            {"proof_type": proof.kind.value, "timestamp": _moment(proof.at), "proof_data": _proof_data(proof)}
            for proof in found.proofs
        ],
        "metadata": {**found.metadata, "bound_to": _binding(str(document["uuid"]), document["dialog"])},
    }
    body["content_hash"] = {
        "algorithm": "sha-256", "canonicalization": "jcs", "value": hashlib.sha256(jcs.canonical(body)).hexdigest(),
    }  # fmt: skip
    # The draft's name for what it is, and core's since 0.4.0.
    made: dict[str, Any] = {"type": NAME, "purpose": NAME, "start": at.isoformat()}
    if document["parties"]:
        roles = [party.get("role") for party in document["parties"]]
        made["party"] = roles.index("customer") if "customer" in roles else 0
    if document["dialog"]:
        made["dialog"] = 0
    return made | {"mediatype": "application/json", "encoding": "json", "body": body}


def _proof_data(proof: ProofMechanism) -> dict[str, Any]:
    data: dict[str, Any] = {"event": proof.event} if proof.event else {}
    if proof.start is not None:
        seconds = int(proof.start)
        data |= {
            "dialog_reference": 0, "start": round(proof.start, 3),
            "time_offset": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        }  # fmt: skip
    if proof.stop is not None:
        data["stop"] = round(proof.stop, 3)
    if proof.digest is not None:
        data |= {"algorithm": "sha-512", "digest": proof.digest}
    if proof.reference is not None:
        data["reference"] = masked(proof.reference)
    return data


def masked(reference: str) -> str:
    """A reference without addresses, and with the last four digits of what could be a telephone number."""
    return _LIKE_A_NUMBER.sub(lambda found: f"…{found[0][-4:]}", re.sub(r"\S*@\S*", "…", reference[:1000]))[:200]


def _binding(uuid: str, dialogs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What ``metadata.bound_to`` holds; raises ValueError for a dialog that JCS cannot write."""
    bare = [
        {name: value for name, value in dialog.items() if name not in _STANDS_FOR or not dialog.get("content_hash")}
        for dialog in dialogs
    ]
    return {"vcon": uuid.lower(), "dialog": hashlib.sha256(jcs.canonical(bare)).hexdigest()}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


# ---- in ----


def read(
    attachments: Sequence[Mapping[str, Any]], *, uuid: str, parties: int, dialogs: Sequence[Mapping[str, Any]]
) -> tuple[tuple[LawfulBasis, ...], tuple[str, ...]]:
    """What the attachments of a vCon say, and notes on what cannot be read; never raises.

    ``parties`` is how many there are, ``dialogs`` the objects as they stand in the document.
    """
    found, notes = list[LawfulBasis](), list[str]()
    for place, item in enumerate(attachments):
        if NAME not in (item.get("purpose"), item.get("type")):
            continue
        where = f"attachments[{place}] (lawful_basis)"
        try:
            body = _body(item)
            one = _read(body, _when(item.get("start")))
            doubt = one.doubt or _references(item, parties, len(dialogs)) or _changed(body)
            doubt = doubt or _elsewhere(one.metadata.get("bound_to"), uuid, dialogs)
        except _MalformedError as error:
            notes.append(f"{where} was left out: {error}.")
            continue
        except (ValueError, RecursionError):
            notes.append(f"{where} was left out: its body is not JSON.")
            continue
        if doubt:
            notes.append(f"{where} gives no consent: {doubt}.")
        found.append(replace(one, doubt=doubt))
    return tuple(found), tuple(notes)


def _read(body: Mapping[str, Any], start: datetime | None) -> LawfulBasis:
    try:
        basis = Basis(str(body.get("lawful_basis")).lower())
    except ValueError:
        raise _MalformedError("it names none of the six lawful bases") from None
    expiration = body.get("expiration")
    expires_at = _when(expiration)
    if expiration is not None and expires_at is None:
        raise _MalformedError("its expiration is no date and time")
    said = body.get("purpose_grants")
    if not isinstance(said, list) or len(said) > _MOST:
        raise _MalformedError(f"it has no list of at most {_MOST} purpose grants")
    grants = [grant for each in said if (grant := _grant(each, start)) is not None]
    shown = body.get("proof_mechanisms")
    proofs = [proof for each in shown[:_MOST] if (proof := _proof(each))] if isinstance(shown, list) else []
    metadata = body.get("metadata")
    return LawfulBasis(
        basis=basis, expires_at=expires_at, grants=tuple(grants), proofs=tuple(proofs),
        metadata=metadata if isinstance(metadata, Mapping) else {},
        doubt="one of its purpose grants cannot be read" if len(grants) < len(said) else "",
    )  # fmt: skip


def _body(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body as an object, however it is encoded."""
    body = item.get("body")
    if body is None:
        raise _MalformedError("it has no body; addresses are not followed" if item.get("url") else "it has no body")
    if isinstance(body, str):
        # Some senders write the JSON as a text, whatever they call it.
        body = json.loads(from_base64url(body) if item.get("encoding") == "base64url" else body)
    if not isinstance(body, Mapping):
        raise _MalformedError("its body is no object")
    return body


def _grant(said: object, fallback: datetime | None) -> Grant | None:
    """None without a purpose. Only ``true`` is a yes."""
    if not isinstance(said, Mapping):
        return None
    purpose = str(said.get("purpose") or "").strip().lower().replace(" ", "_")
    if not _NAME.match(purpose):
        return None
    conditions = said.get("conditions")
    return Grant(
        purpose=purpose, granted=said.get("granted") is True, at=_when(said.get("granted_at")) or fallback,
        conditions=tuple(str(one)[:200] for one in conditions[:_MOST]) if isinstance(conditions, list) else (),
    )  # fmt: skip


def _proof(said: object) -> ProofMechanism | None:
    if not isinstance(said, Mapping):
        return None
    try:
        kind = ProofType(str(said.get("proof_type") or said.get("mechanism_type")).lower())
    except ValueError:
        return None
    data = said.get("proof_data")
    data = data if isinstance(data, Mapping) else {}
    event = data.get("event")
    start = amount(data.get("start"))
    return ProofMechanism(
        kind=kind, at=_when(said.get("timestamp")), start=_offset(data.get("time_offset")) if start is None else start,
        stop=amount(data.get("stop")), digest=_digest(data),
        reference=next((masked(data[name]) for name in _REFERENCES if _filled(data.get(name))), None),
        event=event if isinstance(event, str) and _NAME.match(event) else None,
    )  # fmt: skip


def _digest(data: Mapping[str, Any]) -> str | None:
    for name in _DIGESTS:
        value = data.get(name)
        value = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(value, str) and _HEX.match(value):
            return value.lower()
    return None


def _offset(said: object) -> float | None:
    found = _OFFSET.match(said) if isinstance(said, str) else None
    return None if found is None else int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3])


def _when(said: object) -> datetime | None:
    moment = read_moment(said)
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC)


def _filled(said: object) -> bool:
    return isinstance(said, str) and bool(said.strip())


def _references(item: Mapping[str, Any], parties: int, dialogs: int) -> str:
    """What is wrong with the places that it names; empty: nothing."""
    for name, count in (("party", parties), ("dialog", dialogs)):
        said = item.get(name)
        for place in said if isinstance(said, list) else [] if said is None else [said]:
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < count:
                return f"it is about a {name} that is not there"
    return ""


def _changed(body: Mapping[str, Any]) -> str:
    """What the content hash contradicts; empty: nothing, or there is none."""
    said = body.get("content_hash")
    if said is None:
        return ""
    name = _ALGORITHMS.get(str(said.get("algorithm")).lower()) if isinstance(said, Mapping) else None
    if name is None or said.get("canonicalization") != "jcs":
        return "its content hash is of a kind that is not known here"
    bare = jcs.canonical({key: value for key, value in body.items() if key != "content_hash"})
    made = hashlib.blake2b(bare, digest_size=32) if name == "blake2b" else hashlib.new(name, bare)
    fits = made.hexdigest() == str(said.get("value")).lower()
    return "" if fits else "its content hash does not fit: it was changed"


def _elsewhere(bound: object, uuid: str, dialogs: Sequence[Mapping[str, Any]]) -> str:
    """What the binding contradicts; empty: nothing, or it is bound to nothing."""
    if bound is None:
        return ""
    if not isinstance(bound, Mapping) or str(bound.get("vcon")).lower() != uuid.lower():
        return "it was made for another vCon"
    if bound.get("dialog") != _binding(uuid, dialogs)["dialog"]:
        return "the dialogs are not those that it was made for"
    return ""
