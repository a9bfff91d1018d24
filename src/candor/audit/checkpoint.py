"""Signed checkpoints: C2SP tlog-checkpoint on signed-note, with a tlog-cosignature that says when. Pure but for keys.

A checkpoint is three lines (the log's name, its size, its root in base64), a blank line, and two signatures of the same
Ed25519 key: over the text (type 1), and over the text with the time (type 4, ``cosignature/v1``). Any tool that speaks
these formats checks them; whoever keeps one elsewhere can tell later whether the log still begins like that.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from candor.audit import tree
from candor.errors import InvalidInput

_NOTE, _TIMED = 1, 4
"""Types of signatures."""
_LARGEST = 65_536
_PROOF = "c2sp.org/tlog-proof@v1"
_SIZE = re.compile(r"(0|[1-9][0-9]{0,17})\Z")
_NAME = re.compile(r"[^\s+]{1,200}\Z")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks a log's checkpoints, in C2SP's text form: ``name+id+key``."""

    name: str
    """The log's: the first line of each of its checkpoints."""
    raw: bytes
    """32 bytes of Ed25519 (RFC 8032)."""

    def id(self, kind: int = _NOTE) -> bytes:
        """Four bytes that tell keys apart; they prove nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([kind]) + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id().hex()}+{_encode(bytes([_NOTE]) + self.raw)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree at one moment."""

    name: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.name}\n{self.size}\n{_encode(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint whose signature was checked."""

    checkpoint: Checkpoint
    at: datetime | None
    """When it was signed, by the log's clock; None where a note does not say."""
    note: str
    """The whole text."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That a leaf is in a tree: a C2SP tlog-proof."""

    index: int
    """From 0."""
    path: tuple[bytes, ...]
    note: str
    """The checkpoint."""
    leaf: bytes = b""
    """What the leaf says (the format's ``extra``); it counts only once the proof was checked over it."""

    def __str__(self) -> str:
        extra = [f"extra {_encode(self.leaf)}"] if self.leaf else []
        return "\n".join((_PROOF, *extra, f"index {self.index}", *map(_encode, self.path), "", self.note))


class BadNote(InvalidInput):
    """What should be a checkpoint, a key or a proof is none, or does not verify."""

    code = "audit.note"


class BadSignature(BadNote):
    """It was changed after signing, or signed by somebody else."""

    code = "audit.signature"


class OtherLog(BadNote):
    """It belongs to another log."""

    code = "audit.other_log"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey, at: datetime) -> Signed:
    """The checkpoint with both signatures."""
    public = PublicKey(checkpoint.name, key.public_key().public_bytes_raw())
    seconds = int(at.timestamp())
    plain = public.id(_NOTE) + key.sign(checkpoint.text.encode())
    timed = public.id(_TIMED) + seconds.to_bytes(8, "big") + key.sign(_timed(seconds, checkpoint.text))
    lines = "".join(f"— {checkpoint.name} {_encode(each)}\n" for each in (plain, timed))
    return Signed(checkpoint, datetime.fromtimestamp(seconds, UTC), f"{checkpoint.text}\n{lines}")


def read_key(text: str) -> PublicKey:
    """Raises BadNote for what is no public key of a log."""
    name, _, rest = text.strip().partition("+")
    said, _, material = rest.partition("+")
    try:
        raw = _decode(material)
    except ValueError:
        raw = b""
    if not _NAME.match(name) or len(raw) != 33 or raw[0] != _NOTE:
        raise BadNote("This is no public key of an audit log.", advice="`candor audit key` writes one.")
    key = PublicKey(name, raw[1:])
    if key.id().hex() != said.lower():
        raise BadNote("The public key's id does not fit the key: it was copied wrongly, or changed.")
    return key


def parse(note: str) -> Checkpoint:
    """What a checkpoint says, unchecked; raises BadNote."""
    text, _ = _parts(note)
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or not _SIZE.match(lines[1]):
        raise BadNote("This is no checkpoint: it needs a name, a size and a root, a line each.")
    try:
        root = _decode(lines[2])
    except ValueError:
        root = b""
    if len(root) != 32:
        raise BadNote("This is no checkpoint: its third line is no root.")
    return Checkpoint(lines[0], int(lines[1]), root)


def open_note(note: str, key: PublicKey) -> Signed:
    """A checkpoint whose signature of ``key`` verifies.

    1. The text has the form of a checkpoint. 2. Its first line is the name of the key's log. 3. The key signed it, and
    each signature of the key is right. Raises BadNote, OtherLog, BadSignature, in this order.
    """
    checkpoint = parse(note)  # (1)
    if checkpoint.name != key.name:  # (2)
        raise OtherLog("The checkpoint is of another log than the key.")
    text, lines = _parts(note)
    public, seen, at = Ed25519PublicKey.from_public_bytes(key.raw), False, None
    try:
        for name, signature in lines:  # (3)
            if name == key.name and signature[:4] == key.id(_NOTE):
                public.verify(signature[4:], text.encode())
                seen = True
            elif name == key.name and signature[:4] == key.id(_TIMED) and len(signature) == 76:
                seconds = int.from_bytes(signature[4:12], "big")
                public.verify(signature[12:], _timed(seconds, text))
                at = datetime.fromtimestamp(seconds, UTC)
    except (InvalidSignature, OverflowError, ValueError, OSError):
        raise BadSignature("The checkpoint's signature is wrong: it was changed after signing.") from None
    if not seen:
        raise BadSignature("The checkpoint was not signed by this log's key.")
    return Signed(checkpoint, at, note)


def read_proof(text: str) -> Proof:
    """Raises BadNote."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    extra = lines.pop(1)[6:] if len(lines) > 1 and lines[1].startswith("extra ") else ""
    if len(lines) < 2 or lines[0] != _PROOF or not lines[1].startswith("index ") or not _SIZE.match(lines[1][6:]):
        raise BadNote("This is no inclusion proof.", advice="`candor audit prove` writes one.")
    try:
        path, leaf = tuple(map(_decode, lines[2:])), _decode(extra)
    except ValueError:
        raise BadNote("The inclusion proof holds what is no hash.") from None
    if len(path) > 64 or any(len(each) != 32 for each in path):
        raise BadNote("The inclusion proof holds what is no hash.")
    return Proof(int(lines[1][6:]), path, note, leaf)


def check_proof(proof: Proof, key: PublicKey) -> Signed:
    """The signed checkpoint under which the proof's leaf stands at its place; raises BadNote."""
    signed = open_note(proof.note, key)
    try:
        root = tree.root_from_inclusion(tree.leaf_hash(proof.leaf), proof.index, signed.checkpoint.size, proof.path)
    except ValueError:
        raise BadNote("The inclusion proof does not fit its checkpoint.", code="audit.proof") from None
    if root != signed.checkpoint.root:
        raise BadNote("The inclusion proof is not of this entry: it was changed, or another one's.", code="audit.proof")
    return signed


def check_consistency(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """That the tree of ``new`` begins with all of ``old``; raises BadNote."""
    if old.name != new.name:
        raise OtherLog("The two checkpoints are of different logs.")
    if old.size > new.size:
        raise BadNote("The older checkpoint is the larger one: give them in the other order.")
    if old.size == 0 and not proof:
        return
    try:
        was, now = tree.roots_from_consistency(old.size, new.size, old.root, proof)
    except ValueError:
        raise BadNote("The consistency proof does not fit the checkpoints.", code="audit.proof") from None
    if (was, now) != (old.root, new.root):
        raise BadNote("The log was rewritten between the two checkpoints.", code="audit.forked")


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """(text, signatures by name); raises BadNote."""
    text, middle, tail = note.rpartition("\n\n")
    if (
        len(note) > _LARGEST
        or not middle
        or not tail.endswith("\n")
        or any(mark < " " and mark != "\n" for mark in note)
    ):
        raise BadNote(
            "This is no signed note.", advice="Give the file that `candor audit checkpoint` wrote, unchanged."
        )
    signatures = []
    for line in tail[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, coded = rest.partition(" ")
        try:
            signature = _decode(coded)
        except ValueError:
            signature = b""
        if dash != "—" or not _NAME.match(name) or len(signature) < 5:
            raise BadNote("A line of the note is no signature.")
        signatures.append((name, signature))
    return f"{text}\n", signatures


def _timed(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    """Raises ValueError; only the one way of writing each value is taken."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if _encode(data) != text:
        raise ValueError("not canonical base64")
    return data
