"""Evidence of one conversation: gathered from every room, signed, and checked again without any of them.

Rooms meet here: the register (capture), original and keys (vault), text and sound's facts (transcript), the consent
ledger, the audit log, and the stages' own history.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from candor.audit import store as audit_store
from candor.audit.log import AuditLog
from candor.audit.service import Event, record
from candor.audit.store import Wanted
from candor.capture import store as register
from candor.consent import custody
from candor.consent.ledger import chain
from candor.consent.ledger import store as ledger
from candor.conversation.codec import dumps
from candor.conversation.model import Conversation, Sound
from candor.conversation.vcon.build import Media, build
from candor.errors import Damaged, InvalidInput, NotFound, TooLarge
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.pipeline import store
from candor.pipeline.shelf import Shelf
from candor.vault.disposal import store as disposal
from candor.vault.evidence import packing, readme, sealing, signing, stamping
from candor.vault.evidence import store as keys
from candor.vault.evidence.cover import Cover, grouped
from candor.vault.evidence.model import (
    AUDIT,
    CERTIFICATE,
    CHECKPOINT,
    CONSENT,
    COVER,
    CUSTODY,
    FORMAT,
    LOG_KEY,
    MANIFEST,
    README,
    RECORDING,
    SEAL,
    STAMP,
    VCON,
    VERSION,
    Report,
)
from candor.vault.evidence.packing import Member
from candor.vault.evidence.signing import Signer
from candor.vault.evidence.verifying import Given, seal_of, verify

_FIELD = "evidence key"
_LONGEST_SUFFIX = 8
_WHAT = {
    VCON: "the conversation as a signed vCon (IETF): who by role, when, masked text, what it rests on",
    CUSTODY: "the chain of custody: when it was taken in, what was made of it, and by what",
    CONSENT: "what the parties were told and said about being recorded, line by line",
    AUDIT: "everybody who opened, played, exported or changed it, each with its proof",
    CHECKPOINT: "the audit log's signed state that the proofs lead to",
    LOG_KEY: "the public key that checks it",
    CERTIFICATE: "the certificate that signs this package, with those above it",
    README: "how to check all this without Candor",
    COVER: "this page",
    MANIFEST: "the digests of all members, signed",
    STAMP: "a time-stamp over the signed manifest (RFC 3161)",
    SEAL: "signs that manifest and time-stamp belong together",
}


@dataclass(frozen=True, slots=True)
class Package:
    """An archive, ready to be sent."""

    name: str
    mediatype: str
    parts: Iterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Original:
    """The bytes that were recorded, not yet read."""

    name: str
    mediatype: str
    size: int
    sha512: str
    crc: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathered:
    """What the package tells."""

    conversation: Conversation
    sound: Sound | None
    vcon: dict[str, Any]
    custody: dict[str, Any]
    consent: dict[str, Any]
    basis: str


class Evidence:
    """Makes packages."""

    def __init__(
        self, database: Database, shelf: Shelf, log: AuditLog, *, signer: Callable[[], Signer | None],
        company: str = "", stamp: str | None = None,
    ) -> None:  # fmt: skip
        """``signer`` gives the configured certificate; None: one of its own. ``stamp``: a TSA's address."""
        self._database, self._shelf, self._log = database, shelf, log
        self._configured, self._company, self._stamp = signer, company, stamp

    def export(
        self, conversation_id: str, *, by: str, reason: str, recipient: x509.Certificate | None = None
    ) -> Package:
        """A package, sealed for ``recipient`` when one is given; the audit log says who took it, and why.

        Raises InvalidInput without a reason, NotFound for a conversation that is not held (any more), Forbidden for a
        quarantined one, Damaged when the recording is not what was taken in, Unavailable without its time-stamp.
        """
        if len(reason.strip()) < 3:
            raise InvalidInput(
                "Evidence needs a reason.", code="evidence.reason", advice="Say what it is for; the audit log keeps it."
            )
        signer = self.signer()
        with self._database.read() as uow:
            self._must_be_held(uow, conversation_id)
            conversation = self._shelf.conversation(uow, conversation_id)
        original = self._original(conversation)
        with self._database.write() as uow:
            # Checked again where it is written down: it may have been quarantined or destroyed meanwhile.
            self._must_be_held(uow, conversation_id)
            subject = "sealed package" if recipient else "package"
            record(uow, Event.EVIDENCE_EXPORTED, by, conversation_id=conversation_id, subject=subject, reason=reason)
        members = self._members(conversation, original, signer, reason=reason.strip())
        name = f"evidence-{conversation_id}.zip"
        if recipient is None:
            return Package(name, "application/zip", packing.pack(members))
        if sum(each.size for each in members) > sealing.LARGEST:
            raise TooLarge(
                "The package is too large to be sealed.", code="evidence.large", advice="Export it unsealed."
            )
        sealed = sealing.seal(b"".join(packing.pack(members)), recipient)
        return Package(f"{name}.jwe", "application/jose+json", iter([sealed]))

    # ---- who signs ----

    def signer(self) -> Signer:
        """The configured certificate, else Candor's own, which is made at its first use."""
        configured = self._configured()
        if configured is not None:
            if not signing.valid(configured.chain[0], clock.now()):
                raise InvalidInput(
                    "The signing certificate has expired, or is not valid yet.", code="evidence.certificate",
                    advice="Renew it: see CANDOR_EVIDENCE_CERTIFICATE.",
                )  # fmt: skip
            return configured
        with self._database.read() as uow:
            own = self._own(uow)
        if own is None:
            with self._database.write() as uow:
                own = self._own(uow) or self._make(uow)
        return own

    def _own(self, uow: UnitOfWork) -> Signer | None:
        kept = keys.get(uow)
        if kept is None or not signing.valid(signing.read_certificates(kept[0].encode())[0], clock.now()):
            return None
        key = serialization.load_der_private_key(self._cipher(uow).open(_FIELD, kept[1]), None)
        assert isinstance(key, RSAPrivateKey)  # noqa: S101  no other is ever sealed
        return Signer(key, signing.read_certificates(kept[0].encode()))

    def _make(self, uow: UnitOfWork) -> Signer:
        made = signing.self_made(f"Candor evidence {self._company}".strip(), clock.now())
        plain = made.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        keys.put(uow, made.pem, self._cipher(uow, create=True).seal(_FIELD, plain))
        record(uow, Event.SIGNING_KEY_MADE, "system", subject=signing.fingerprint(made.chain[0]))
        return made

    def _cipher(self, uow: UnitOfWork, *, create: bool = False) -> Any:
        return self._shelf.vault.fields(uow, "evidence", create=create)

    # ---- what goes in ----

    @staticmethod
    def _must_be_held(uow: UnitOfWork, conversation_id: str) -> None:
        if not register.exists(uow, conversation_id):
            if disposal.is_destroyed(uow, conversation_id):
                raise NotFound(
                    "This conversation was destroyed: nothing of it can be exported.", code="evidence.destroyed",
                    advice="Its certificate of destruction says when and why.",
                )  # fmt: skip
            raise NotFound("There is no such conversation.")
        custody.require_free(uow, conversation_id)

    def _original(self, conversation: Conversation) -> _Original | None:
        recording = conversation.recording
        if recording is None:
            with self._database.read() as uow:
                given = self._shelf.given_transcript(uow, conversation.id)
            if given is None:
                return None
            data = dumps(given)
            made = packing.member(f"{RECORDING}.json", data)
            return _Original(
                name=made.name, mediatype="application/json", size=made.size,
                sha512=hashlib.sha512(data).hexdigest(), crc=made.crc, open=made.open,
            )  # fmt: skip

        def opened() -> BinaryIO:
            with self._database.read() as uow:
                stream = self._shelf.original(uow, conversation)
            assert stream is not None  # noqa: S101  there is a recording
            return stream

        digest, crc, size = hashlib.sha512(), 0, 0
        with opened() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                crc, size = zlib.crc32(block, crc), size + len(block)
        if digest.hexdigest() != recording.sha512:
            raise Damaged(
                "The recording is not the one that was taken in: it does not have its digest.",
                code="evidence.recording",
            )
        return _Original(
            name=f"{RECORDING}{_suffix(recording.filename)}", mediatype=recording.mediatype, size=size,
            sha512=recording.sha512, crc=crc, open=opened,
        )  # fmt: skip

    def _members(
        self, conversation: Conversation, original: _Original | None, signer: Signer, *, reason: str
    ) -> list[Member]:
        made_at = clock.now()
        checkpoint = self._log.checkpoint()
        with self._database.read() as uow:
            gathered = self._gather(uow, conversation, original, made_at)
            lines = self._audit_lines(uow, conversation.id, checkpoint)
            key = self._log.key(uow)
        files = {
            VCON: signer.sign(_json(gathered.vcon), "vcon", conversation.id),
            CUSTODY: _json(gathered.custody),
            CONSENT: _json(gathered.consent),
            AUDIT: _json({"log": checkpoint.checkpoint.name, "lines": lines}),
            CHECKPOINT: checkpoint.note.encode(),
            LOG_KEY: f"{key}\n".encode(),
            CERTIFICATE: signer.pem.encode(),
            README: readme.text(original.name if original else None).encode(),
        }
        digests = {name: hashlib.sha512(data).hexdigest() for name, data in files.items()}
        if original is not None:
            digests[original.name] = original.sha512
        cover = self._cover(gathered, original, signer, lines, checkpoint.checkpoint.size, made_at, digests)
        from candor.vault.evidence.drawing import draw  # noqa: PLC0415  takes half a second to import

        files[COVER] = draw(cover)
        members = [packing.member(COVER, files[COVER])]
        if original is not None:
            members.append(Member(original.name, original.size, original.crc, original.open))
        members += [packing.member(name, data) for name, data in files.items() if name != COVER]
        digests[COVER] = hashlib.sha512(files[COVER]).hexdigest()
        manifest = {
            "format": FORMAT, "version": VERSION, "made_at": made_at.isoformat(), "conversation_id": conversation.id,
            "company": self._company, "reason": reason, "time_stamp": self._stamp is not None,
            "signer": signing.plain(signer.chain[0]),
            "recording": None if original is None else {
                "name": original.name, "mediatype": original.mediatype, "size": original.size,
                "sha512": original.sha512,
            },
            "members": [{"name": each.name, "size": each.size, "sha512": digests[each.name]} for each in members],
        }  # fmt: skip
        signed = signer.sign(_json(manifest), "candor-evidence", conversation.id)
        return [*members, packing.member(MANIFEST, signed), *self._stamped(signed, signer, conversation.id)]

    def _stamped(self, manifest: bytes, signer: Signer, conversation_id: str) -> list[Member]:
        if self._stamp is None:
            return []
        stamp = stamping.ask(self._stamp, manifest)
        both = seal_of(hashlib.sha512(manifest).hexdigest(), hashlib.sha512(stamp).hexdigest())
        return [
            packing.member(STAMP, stamp),
            packing.member(SEAL, signer.sign(both, "candor-evidence-stamp", conversation_id)),
        ]

    def _gather(
        self, uow: UnitOfWork, conversation: Conversation, original: _Original | None, made_at: datetime
    ) -> _Gathered:
        sound, redaction = self._shelf.sound(uow, conversation.id), self._shelf.redaction(uow, conversation.id)
        basis = self._shelf.lawful_basis(uow, conversation)
        written = ledger.written_of_call(uow, conversation_id=conversation.id, call_id=conversation.external_id)
        media = None
        if original is not None:
            media = Media(mediatype=original.mediatype, filename=original.name, sha512=original.sha512)
        vcon = build(
            conversation, sound=sound, redaction=redaction, analysis=self._shelf.analysis(uow, conversation.id),
            evaluations=self._shelf.evaluations(uow, conversation.id), media=media, basis=basis, at=made_at,
            original=True,
        )  # fmt: skip
        held = custody.get(uow, conversation.id)
        consent = {
            "lines": [
                {"number": number, "text": text, "previous": previous, "digest": digest}
                for number, text, previous, digest in written
            ],
            "state": held.state if held else None, "level": held.level if held else None,
            "why": held.why if held else None, "decision": json.loads(held.decision or "null") if held else None,
        }  # fmt: skip
        return _Gathered(
            conversation=conversation, sound=sound, vcon=vcon,
            custody=self._custody(uow, conversation, original, sound), consent=consent,
            basis=basis.basis.value.replace("_", " ") if basis else "",
        )  # fmt: skip

    def _custody(
        self, uow: UnitOfWork, conversation: Conversation, original: _Original | None, sound: Sound | None
    ) -> dict[str, Any]:
        recording, taken = conversation.recording, register.registered_at(uow, conversation.id)
        stages = [
            {
                "stage": each.stage, "state": each.state, "attempts": each.attempts,
                "started_at": each.started_at.isoformat(),
                "finished_at": each.finished_at and each.finished_at.isoformat(), "error": each.error_code,
            }
            for each in store.history(uow, conversation.id)
        ]  # fmt: skip
        transcripts = [
            {
                "engine": each.engine, "model": each.model, "version": each.version,
                "created_at": each.created_at.isoformat(),
            }
            for each in self._shelf.transcripts(uow, conversation.id)
        ]  # fmt: skip
        return {
            "conversation_id": conversation.id, "call_id": conversation.external_id, "source": conversation.source,
            "medium": conversation.medium, "direction": conversation.direction,
            "started_at": conversation.started_at.isoformat(), "registered_at": taken and taken.isoformat(),
            "recording": None if original is None else {
                "name": original.name, "mediatype": original.mediatype, "size": original.size,
                "sha512": original.sha512, "object": recording and recording.object_id,
            },
            "sound": sound and {
                "seconds": sound.duration, "channels": sound.channels, "rate": sound.rate, "codec": sound.codec,
                "container": sound.container, "notes": list(sound.notes),
            },
            "gaps": [{"start": gap.start, "stop": gap.stop, "reason": gap.reason} for gap in conversation.gaps],
            # Card verification codes may not be kept: digests before and after each cutting (decision 14).
            "cuts": self._shelf.cuts(uow, conversation.id),
            "notes": list(conversation.notes), "stages": stages, "transcripts": transcripts,
        }  # fmt: skip

    def _audit_lines(self, uow: UnitOfWork, conversation_id: str, checkpoint: Any) -> list[dict[str, Any]]:
        wanted, lines, before = Wanted(conversation_id=conversation_id), list[dict[str, Any]](), None
        parts = audit_store.subtree(uow)
        while page := audit_store.newest(uow, wanted, before=before, limit=500):
            for entry in page:
                if entry.number > checkpoint.checkpoint.size:
                    continue
                proof = self._log.prove(uow, entry.number, checkpoint, parts)
                told = {
                    "line": json.loads(proof.leaf), "proof": [base64.b64encode(step).decode() for step in proof.path],
                }  # fmt: skip
                found = audit_store.line(uow, entry.number)
                if found is not None and found[0].text is not None:
                    told |= {"reason": found[0].text, "salt": (found[0].salt or b"").hex()}
                lines.append(told)
            before = page[-1].number
        return lines[::-1]

    def _cover(
        self, gathered: _Gathered, original: _Original | None, signer: Signer, lines: Sequence[dict[str, Any]],
        log_size: int, made_at: datetime, digests: dict[str, str],
    ) -> Cover:  # fmt: skip
        leaf, own, consent = signer.chain[0], signing.made_itself(signer.chain[0]), gathered.consent["lines"]
        return Cover(
            company=self._company, conversation_id=gathered.conversation.id, made_at=made_at,
            about=_about(gathered.conversation, gathered.sound),
            recording=[("", "The conversation was written: there is no sound.")] if original is None else [
                ("File", f"{original.name} ({original.mediatype}, {original.size:,} bytes)"),
                ("SHA-512", grouped(original.sha512)),
                ("Taken in", _readable(gathered.custody["registered_at"])),
                *([("Cut out", "card verification codes, which nobody may keep; custody.json has both digests")]
                  if gathered.custody["cuts"] else []),
            ],
            signer=[
                ("Certificate", leaf.subject.rfc4514_string()),
                ("Issued by", "itself" if own else leaf.issuer.rfc4514_string()),
                ("Valid", f"{leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"),
                ("Fingerprint", signing.fingerprint(leaf).replace(":", " ") + " (SHA-256)"),
                ("Time-stamp", "by an authority, in manifest.tsr" if self._stamp else "none"),
            ],
            self_made=own,
            audit=[
                ("Audit lines", f"{len(lines)} of the log's {log_size:,}, each with a proof that it stands there"),
                ("Last", f"this export, on {made_at:%Y-%m-%d at %H:%M:%S} UTC"),
            ],
            consent=[
                ("Ledger lines", str(len(consent)) if consent else "none: nothing was written down about this call"),
                ("Lawful basis", gathered.basis or "not told"),
                ("Standing", str(gathered.consent["state"] or "not decided").replace("_", " ")),
            ],
            members=[
                *((name, _WHAT.get(name, "the original, unchanged"), digests[name]) for name in digests),
                (COVER, _WHAT[COVER], ""), (MANIFEST, _WHAT[MANIFEST], ""),
                *([(STAMP, _WHAT[STAMP], ""), (SEAL, _WHAT[SEAL], "")] if self._stamp else []),
            ],
        )  # fmt: skip


def check(stream: BinaryIO, *, trust: Sequence[x509.Certificate] = (), checkpoint: str | None = None) -> Report:
    """What of a package holds; needs nothing of this machine but its clock."""
    return verify(
        stream, Given(now=clock.now(), trust=trust, checkpoint=checkpoint, consent_digest=chain.digest)
    )  # fmt: skip


def _about(conversation: Conversation, sound: Sound | None) -> list[tuple[str, str]]:
    start = conversation.started_at
    local = start.astimezone(timezone(timedelta(minutes=conversation.utc_offset_minutes)))
    roles: dict[str, int] = {}
    for party in conversation.parties:
        roles[party.role.value] = roles.get(party.role.value, 0) + 1
    who = ", ".join(f"{count} x {role}" if count > 1 else role for role, count in roles.items())
    length = "not known" if sound is None else f"{int(sound.duration) // 60} min {int(sound.duration) % 60:02d} s"
    rows = [
        ("Conversation", conversation.id),
        ("Call id", conversation.external_id or "none"),
        ("Kind", f"{conversation.medium.value}, {conversation.direction.value}"),
        ("Began", f"{start:%Y-%m-%d %H:%M:%S} UTC ({local:%H:%M:%S} where it was recorded)"),
        ("Length", length if sound is None else f"{length}, {sound.channels} channel{'s' * (sound.channels > 1)}"),
        ("Parties", who or "not known"),
    ]
    gaps = len(conversation.gaps)
    return [*rows, ("Not kept", f"{gaps} stretches; custody.json says which, and why")] if gaps else rows


def _readable(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else "not known"


def _suffix(filename: str) -> str:
    """The original's ending, which tells programs what it is; its name may hold a number or a name."""
    found = PurePosixPath(filename).suffix.lower()
    plain = found[1:].isascii() and found[1:].isalnum() and len(found) <= _LONGEST_SUFFIX
    return found if plain else ".bin"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode()
