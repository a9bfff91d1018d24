"""Notes, checkpoints and proofs in C2SP's forms; what was changed is not taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from candor.audit import checkpoint as notes
from candor.audit import tree
from candor.audit.checkpoint import BadNote, BadSignature, Checkpoint, OtherLog, Proof, PublicKey

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""The key and note of golang.org/x/mod/sumdb/note's documentation."""
NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
PUBLIC = PublicKey("candor/audit/x", KEY.public_key().public_bytes_raw())
AT = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
LEAVES = [f"line {place}".encode() for place in range(11)]
HASHES = [tree.leaf_hash(leaf) for leaf in LEAVES]


def signed(size: int = 11) -> notes.Signed:
    return notes.sign(Checkpoint("candor/audit/x", size, tree.root_of(HASHES[:size])), KEY, AT)


def test_the_key_and_note_of_the_go_documentation() -> None:
    key = notes.read_key(PETER)
    assert str(key) == PETER
    text, ((name, signature),) = notes._parts(NOTE)
    assert (name, signature[:4]) == ("PeterNeumann", key.id())
    Ed25519PublicKey.from_public_bytes(key.raw).verify(signature[4:], text.encode())


def test_a_checkpoint_is_read_as_it_was_signed() -> None:
    found = notes.open_note(signed().note, PUBLIC)
    assert found.checkpoint == Checkpoint("candor/audit/x", 11, tree.root_of(HASHES))
    assert found.at == AT
    assert notes.read_key(str(PUBLIC)) == PUBLIC
    assert signed().note.startswith("candor/audit/x\n11\n")


def test_any_changed_character_is_noticed() -> None:
    note = signed().note
    for place, mark in enumerate(note):
        changed = note[:place] + ("A" if mark != "A" else "B") + note[place + 1 :]
        try:
            found = notes.open_note(changed, PUBLIC)
        except BadNote:
            continue
        # The timed signature's key id or name: it is then somebody else's, and its time is not believed.
        assert found.checkpoint == signed().checkpoint
        assert found.at is None


def test_of_another_key_of_another_log_unsigned() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
    other = notes.sign(signed().checkpoint, stranger, AT)
    with pytest.raises(BadSignature, match="not signed by this log"):
        notes.open_note(other.note, PUBLIC)
    elsewhere = notes.sign(Checkpoint("candor/audit/y", 11, tree.root_of(HASHES)), KEY, AT)
    with pytest.raises(OtherLog):
        notes.open_note(elsewhere.note, PUBLIC)
    with pytest.raises(BadNote):
        notes.open_note(signed().checkpoint.text, PUBLIC)


@pytest.mark.parametrize("text", [
    "", "\n\n", "a\nb\nc\n\n", "name\n01\n" + "A" * 43 + "=\n\n— n AAAAAAAA\n", "name\n-1\nAAAA\n\n— n AAAAAAAA\n",
    "name\n1\nAAAA\n\n— n AAAAAAAA\n", "name\n1\n\n— n AAAAAAAA\n", "x" * 70_000, signed().note.replace("— ", "- "),
    signed().note.replace("\n", "\r\n"), signed().note[:-1], signed().note + "\0",
])  # fmt: skip
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(BadNote):
        notes.open_note(text, PUBLIC)


@pytest.mark.parametrize("text", ["", "a+b", PETER.replace("c74f", "c74e"), PETER[:-4], PETER.replace("+AR", "+BR")])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(BadNote):
        notes.read_key(text)


def proof(index: int) -> Proof:
    path = tree.inclusion(index, 11, lambda start, stop: tree.root_of(HASHES[start:stop]))
    return Proof(index, tuple(path), signed().note, LEAVES[index])


def test_a_proof_is_read_as_it_was_written_and_holds() -> None:
    for index in range(11):
        read = notes.read_proof(str(proof(index)))
        assert read == proof(index)
        assert notes.check_proof(read, PUBLIC).checkpoint.size == 11


def test_the_proof_of_another_entry() -> None:
    for index, other in ((3, 4), (0, 10), (10, 0)):
        swapped = Proof(index, proof(index).path, signed().note, LEAVES[other])
        with pytest.raises(BadNote, match=r"not of this entry|does not fit"):
            notes.check_proof(swapped, PUBLIC)


def test_consistency_between_two_checkpoints() -> None:
    def part(start: int, stop: int) -> bytes:
        return tree.root_of(HASHES[start:stop])

    old, new = signed(4).checkpoint, signed(11).checkpoint
    notes.check_consistency(old, new, tree.consistency(4, 11, part))
    with pytest.raises(BadNote, match="rewritten"):
        notes.check_consistency(Checkpoint(old.name, 4, HASHES[0]), new, tree.consistency(4, 11, part))
    with pytest.raises(BadNote, match="does not fit"):
        notes.check_consistency(old, new, [])
    with pytest.raises(BadNote, match="larger"):
        notes.check_consistency(new, old, [])
    with pytest.raises(OtherLog):
        notes.check_consistency(old, Checkpoint("another", 11, new.root), [])
