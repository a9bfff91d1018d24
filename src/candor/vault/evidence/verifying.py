"""What of a package holds, in words: offline, with the package alone and what the reader trusts.

The checks, in this order: 1. the archive is packed as packages are, and nothing is beside its members; 2. the manifest
is signed; 3. every member that it names is there, and no other; 4. each is what was signed; 5. the vCon inside is
signed by the same, and tells of the same recording; 6. the recording has the digest with which it was taken in; 7. the
certificate was valid; 8. who vouches for it; 9. the time-stamp; 10. every audit line stands in the signed log; 11. the
log is the one of a checkpoint that was kept elsewhere; 12. consent lines are as they were written.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from cryptography import x509

from candor.audit import checkpoint as notes
from candor.audit.checkpoint import BadNote, Proof
from candor.audit.model import Event, leaf_of, reason_digest
from candor.conversation.vcon.encoding import content_hash
from candor.vault.evidence import packing, signing, stamping
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
    SEAL,
    STAMP,
    VCON,
    VERSION,
    BadPackage,
    Part,
    Report,
)
from candor.vault.evidence.packing import Member
from candor.vault.evidence.signing import Signed

ALWAYS = frozenset({VCON, CUSTODY, CONSENT, AUDIT, COVER, README, CHECKPOINT, LOG_KEY, CERTIFICATE})
"""Members that every package has, beside the manifest."""
_LARGEST = 64 << 20
"""Bytes of a member that is read whole: everything but the recording."""
_DRIFT = timedelta(minutes=10)
CheckLine = Callable[[str, int, str], str]
"""The digest of a consent line: of (previous digest, number, text)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the reader brings."""

    now: datetime
    trust: Sequence[x509.Certificate] = ()
    checkpoint: str | None = None
    consent_digest: CheckLine | None = None


def verify(stream: BinaryIO, given: Given) -> Report:
    """Check a package; what cannot be checked because something before it fails is left out."""
    report = Report()
    try:
        members = packing.unpack(stream)  # (1)
    except BadPackage as error:
        report.fails(Part.PACKING, f"The archive is not as it was packed: {error.message}.")
        return report
    report.holds(Part.PACKING, f"The archive is whole: {len(members)} members, and nothing beside them.")
    check = _Check(members, given, report)
    if check.manifest():
        check.members()
        check.everything_else()
    return report


def seal_of(manifest: str, stamp: str) -> bytes:
    """What the seal signs, of two SHA-512."""
    return f'{{"manifest":"{manifest}","stamp":"{stamp}"}}'.encode()


def _named(said: Mapping[str, Any]) -> tuple[str, tuple[int, str]]:
    """(name, (size, SHA-512)) of a line of the manifest; raises KeyError, TypeError, ValueError."""
    return str(said["name"]), (int(said["size"]), str(said["sha512"]))


class _Check:
    """One package while it is looked at."""

    def __init__(self, members: Mapping[str, Member], given: Given, report: Report) -> None:
        self._members, self._given, self._report = members, given, report
        self._says: dict[str, Any] = {}
        self._signed: Signed | None = None
        self._made_at = given.now
        self._named: dict[str, tuple[int, str]] = {}
        self._good: set[str] = set()
        """Members that are byte for byte what was signed."""

    # (2)
    def manifest(self) -> bool:
        """Whether the manifest is signed and readable: nothing else can be told without it."""
        report = self._report
        if MANIFEST not in self._members:
            report.fails(Part.SIGNATURE, "The signed manifest is missing: nothing shows that anything here is genuine.")
            return False
        try:
            self._signed = signing.open_document(self._read(MANIFEST))
            says = json.loads(self._signed.payload)
            whole = signing.as_written(self._read(MANIFEST), str(says["conversation_id"]))
            made_at, named = datetime.fromisoformat(says["made_at"]), [_named(each) for each in says["members"]]
            known = (says["format"], says["version"]) == (FORMAT, VERSION) and made_at.tzinfo is not None
        except BadPackage as error:
            report.fails(Part.SIGNATURE, f"The manifest's signature does not hold: {error.message}.")
            return False
        except (ValueError, KeyError, TypeError, RecursionError):
            whole = known = False
        if not known:
            report.fails(Part.SIGNATURE, "The manifest is none of a package of this version.")
            return False
        if not whole:
            report.fails(Part.SIGNATURE, "The manifest was changed where its signature does not reach.")
            return False
        self._says, self._made_at, self._named = says, made_at, dict(named)
        report.conversation_id = str(says.get("conversation_id"))
        report.holds(
            Part.SIGNATURE, f"The manifest is signed, and unchanged since ({self._made_at:%Y-%m-%d %H:%M:%SZ})."
        )
        return True

    # (3), (4)
    def members(self) -> None:
        """All that was signed, and nothing else."""
        report = self._report
        named = self._named
        wanted = set(named) | {MANIFEST} | ({STAMP, SEAL} if self._says.get("time_stamp") else set())
        missing, extra = sorted(wanted - self._members.keys()), sorted(self._members.keys() - wanted)
        missing += sorted(ALWAYS - named.keys() - set(missing))
        if missing:
            report.fails(Part.MEMBERS, f"Missing from the archive: {', '.join(missing)}.")
        if extra:
            report.fails(Part.MEMBERS, f"In the archive, but never signed: {', '.join(extra)}.")
        if not missing and not extra:
            report.holds(Part.MEMBERS, "All members that were signed are there, and no others.")
        there = named.keys() & self._members.keys()
        self._good = {name for name in there if (self._members[name].size, self._sha512(name)) == named[name]}
        changed = sorted(there - self._good)
        for name in changed:
            report.fails(Part.CONTENT, f"{name} is not what was signed: it was changed or exchanged.")
        if not changed and not missing:
            report.holds(Part.CONTENT, "Every member is byte for byte what was signed.")

    def everything_else(self) -> None:
        """What the members say of themselves and of one another."""
        self._vcon_and_recording()
        self._certificate()
        self._audit()
        self._consent()

    # (5), (6)
    def _vcon_and_recording(self) -> None:
        report, recording = self._report, self._says.get("recording")
        vcon, custody = self._signed_vcon(), self._json(CUSTODY)
        if vcon is not None:
            hashes = [each.get("content_hash") for each in vcon.get("dialog", []) if isinstance(each, Mapping)]
            wanted = content_hash(bytes.fromhex(recording["sha512"])) if recording else None
            if vcon.get("uuid") != self._says.get("conversation_id"):
                report.fails(Part.VCON, "The vCon is of another conversation.")
            elif wanted is not None and wanted not in hashes:
                report.fails(Part.VCON, "The vCon tells of another recording than the one that is here.")
            else:
                report.holds(Part.VCON, "The vCon is signed by the same certificate, and tells of this conversation.")
        if recording is None:
            report.open(Part.RECORDING, "The conversation has no sound: it was written.")
        elif recording.get("name") not in self._good:
            report.fails(Part.RECORDING, "The recording is not the one that was signed.")
        elif custody is not None and (custody.get("recording") or {}).get("sha512") != recording.get("sha512"):
            report.fails(Part.RECORDING, "The recording is not the one that the chain of custody tells of.")
        elif cuts := (custody or {}).get("cuts"):
            self._cut(cuts, recording["sha512"])
        else:
            taken = (custody or {}).get("registered_at", "")
            report.holds(
                Part.RECORDING,
                f"The recording has the digest with which it was taken in{f' on {taken}' if taken else ''}.",
            )

    def _cut(self, cuts: Any, sha512: str) -> None:
        """A recording out of which card verification codes were cut after it was taken in."""
        try:
            before = [each["before"] for each in cuts if each["before"]]
            after = [each["after"] for each in cuts if each["after"]]
            follows = after[-1] == sha512 and before[1:] == after[:-1]
        except (IndexError, KeyError, TypeError):
            follows = False
        if follows:
            self._report.holds(
                Part.RECORDING,
                "The recording is the one that was taken in, but for card verification codes, which were cut out "
                f"({len(after)} times); it came with the SHA-512 {before[0][:32]}…",
            )
        else:
            self._report.fails(Part.RECORDING, "The recording does not follow from the cuts that its custody tells of.")

    def _signed_vcon(self) -> dict[str, Any] | None:
        if VCON not in self._members or self._signed is None:
            return None
        problem = ""
        try:
            signed = signing.open_document(self._read(VCON))
            says = json.loads(signed.payload)
            if signed.chain[0] != self._signed.chain[0]:
                problem = "it is signed by another certificate than the manifest"
            elif not isinstance(says, dict):
                problem = "what is signed is no vCon"
            else:
                return says
        except BadPackage as error:
            problem = error.message
        except (ValueError, RecursionError):
            problem = "what is signed is no vCon"
        self._report.fails(Part.VCON, f"The vCon's signature does not hold: {problem}.")
        return None

    # (7), (8), (9)
    def _certificate(self) -> None:
        report, stamped = self._report, self._stamp()
        if self._signed is None:
            return
        leaf = self._signed.chain[0]
        if CERTIFICATE in self._good:
            try:
                carried = signing.read_certificates(self._read(CERTIFICATE))
            except ValueError:
                carried = ()
            if leaf not in carried:
                report.fails(Part.CERTIFICATE, f"{CERTIFICATE} is not the certificate that signed.")
        until = leaf.not_valid_after_utc
        if not signing.valid(leaf, self._made_at):
            report.fails(Part.CERTIFICATE, "The certificate was not valid when the package says that it was made.")
        elif self._made_at > self._given.now + _DRIFT:
            report.fails(Part.CERTIFICATE, "The package says that it was made in the future.")
        elif not signing.valid(leaf, self._given.now) and stamped is None:
            report.fails(
                Part.CERTIFICATE,
                f"The certificate has expired ({until:%Y-%m-%d}), and no time-stamp shows that the signature is older.",
            )
        else:
            now = signing.valid(leaf, self._given.now)
            report.holds(
                Part.CERTIFICATE,
                f"The certificate is valid until {until:%Y-%m-%d}."
                if now
                else f"The certificate has expired ({until:%Y-%m-%d}), and the time-stamp shows that it signed before.",
            )
        self._trust(stamped or self._made_at)

    def _trust(self, at: datetime) -> None:
        if self._signed is None:
            return
        report, leaf = self._report, self._signed.chain[0]
        who = leaf.subject.rfc4514_string()
        if self._given.trust:
            problem = signing.trusted(self._signed.chain, self._given.trust, at)
            if problem:
                report.fails(Part.TRUST, f"The certificate ({who}) is not to be trusted: {problem}.")
            else:
                report.holds(Part.TRUST, f"A certificate that you trust vouches for the signer: {who}.")
            return
        made = "made by the system itself" if signing.made_itself(leaf) else f"issued by {leaf.issuer.rfc4514_string()}"
        report.open(
            Part.TRUST,
            f"Who signed is not shown: the certificate ({who}) was {made}. Compare its fingerprint with the one that "
            f"the company names, or give --trust: {signing.fingerprint(leaf)}",
        )

    def _stamp(self) -> datetime | None:
        """When a clock that is not ours saw the manifest; None: nothing shows it."""
        if not self._says.get("time_stamp"):
            self._report.open(
                Part.STAMP, "No time-stamp: that the package is as old as it says rests on the signer's word."
            )
            return None
        if not {STAMP, SEAL} <= self._members.keys():
            return None
        try:
            self._sealed_stamp()
            found = stamping.check(self._read(STAMP), self._read(MANIFEST), self._given.trust)
        except BadPackage as error:
            self._report.fails(Part.STAMP, f"The time-stamp does not hold: {error.message}.")
            return None
        if abs(found.at - self._made_at) > _DRIFT:
            self._report.fails(Part.STAMP, "The time-stamp is of another time than the package says.")
            return None
        whose = found.by if found.trusted else f"{found.by}; no certificate that you trust vouches for them"
        words = f"Time-stamped {found.at:%Y-%m-%d %H:%M:%SZ} by {whose}."
        if not found.trusted:
            # A clock that nobody vouches for proves no age: an expired certificate stays one.
            self._report.open(Part.STAMP, words)
            return None
        self._report.holds(Part.STAMP, words)
        return found.at

    def _sealed_stamp(self) -> None:
        """The time-stamp is the one that came with this manifest, in every byte; raises BadPackage."""
        sealed = signing.open_document(self._read(SEAL))
        if self._signed is None or sealed.chain[0] != self._signed.chain[0]:
            raise BadPackage("its seal is signed by another certificate than the manifest")
        wanted = seal_of(self._sha512(MANIFEST), self._sha512(STAMP))
        if sealed.payload != wanted or not signing.as_written(self._read(SEAL), self._report.conversation_id):
            raise BadPackage("it is not the one that came with this manifest")

    # (10), (11)
    def _audit(self) -> None:
        report, told = self._report, self._json(AUDIT)
        if told is None or not {CHECKPOINT, LOG_KEY} <= self._good:
            return
        try:
            key = notes.read_key(self._text(LOG_KEY))
            signed = notes.open_note(self._text(CHECKPOINT), key)
        except BadNote as error:
            report.fails(Part.AUDIT, f"The audit log's checkpoint does not hold: {error.message}")
            return
        try:
            lines = told["lines"]
            for each in lines:
                self._audit_line(each, key, signed.note)
            exported = [each for each in lines if each["line"]["event"] == Event.EVIDENCE_EXPORTED]
        except BadNote as error:
            report.fails(Part.AUDIT, f"A line is not in the audit log as it stands here: {error.message}")
            return
        except (KeyError, TypeError, ValueError, AttributeError):
            report.fails(Part.AUDIT, f"{AUDIT} holds what is no line of an audit log.")
            return
        if not exported:
            report.fails(Part.AUDIT, "The line about this export is missing from the audit lines.")
            return
        report.holds(
            Part.AUDIT,
            f"{len(lines)} audit lines about this conversation stand in the log {key.name}, under its checkpoint over "
            f"{signed.checkpoint.size} lines.",
        )
        if self._given.checkpoint is None:
            report.open(Part.CHECKPOINT, "No checkpoint that was kept elsewhere was given: the log vouches for itself.")
            return
        self._elsewhere(self._given.checkpoint, key, signed.checkpoint)

    def _audit_line(self, each: Mapping[str, Any], key: notes.PublicKey, note: str) -> None:
        line = each["line"]
        path = tuple(base64.b64decode(step, validate=True) for step in each["proof"])
        notes.check_proof(Proof(line["number"] - 1, path, note, leaf_of(line)), key)
        if line.get("conversation_id") != self._says.get("conversation_id"):
            raise BadNote("it is about another conversation.")
        text = each.get("reason")
        if text is not None and line.get("reason") != reason_digest(bytes.fromhex(each.get("salt", "")), text):
            raise BadNote("its reason is not the one that was given.")

    def _elsewhere(self, note: str, key: notes.PublicKey, here: notes.Checkpoint) -> None:
        report = self._report
        try:
            kept = notes.open_note(note, key).checkpoint
        except notes.OtherLog:
            report.fails(Part.CHECKPOINT, "The checkpoint that was kept elsewhere is of another log.")
            return
        except BadNote as error:
            report.fails(Part.CHECKPOINT, f"The checkpoint that was kept elsewhere is not this log's: {error.message}")
            return
        if kept.size == here.size and kept.root != here.root:
            report.fails(Part.CHECKPOINT, "The log has two pasts: both checkpoints are over as many lines, and differ.")
        elif kept.size == here.size:
            report.holds(Part.CHECKPOINT, "The log is the one of the checkpoint that was kept elsewhere.")
        else:
            report.holds(
                Part.CHECKPOINT,
                "The checkpoint that was kept elsewhere is signed by the same log. That one goes on from the other, "
                "`candor audit consistency` shows.",
            )

    # (12)
    def _consent(self) -> None:
        report, told = self._report, self._json(CONSENT)
        digest = self._given.consent_digest
        if told is None or digest is None:
            return
        try:
            for each in told["lines"]:
                if digest(each["previous"], each["number"], each["text"]) != each["digest"]:
                    report.fails(Part.CONSENT, f"Line {each['number']} of the consent ledger is not as it was written.")
                    return
            count = len(told["lines"])
        except (KeyError, TypeError, AttributeError):
            report.fails(Part.CONSENT, f"{CONSENT} holds what is no line of a consent ledger.")
            return
        if count:
            report.holds(Part.CONSENT, f"{count} lines of the consent ledger about this call are as they were written.")
        else:
            report.open(Part.CONSENT, "The consent ledger says nothing about this call.")

    # ---- members ----

    def _sha512(self, name: str) -> str:
        digest = hashlib.sha512()
        with self._members[name].open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def _read(self, name: str) -> bytes:
        if self._members[name].size > _LARGEST:
            raise BadPackage(f"{name} is too large")
        with self._members[name].open() as stream:
            return stream.read()

    def _text(self, name: str) -> str:
        return self._read(name).decode("utf-8", "replace")

    def _json(self, name: str) -> dict[str, Any] | None:
        """None when it is not what was signed, which is told already."""
        if name not in self._good:
            return None
        try:
            said = json.loads(self._read(name))
        except (ValueError, RecursionError, BadPackage):
            said = None
        return said if isinstance(said, dict) else None
