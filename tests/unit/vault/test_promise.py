"""What 1.x sealed, every later 1.x opens: the committed vectors of format 1, opened with this code and without it."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from candor.vault.adapters.local_key import LocalKey
from candor.vault.keys.ring import KeyRing
from candor.vault.keys.service_key import ServiceKey
from candor.vault.keys.spool import SpoolKeys
from candor.vault.service import FIELDS, FieldCipher, context_of
from candor.vault.streaming import OpeningReader
from tests.vectors.vault.make import Kept, plaintext

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "vault"
TOLD: dict[str, Any] = json.loads((FOLDER / "format1.json").read_text())
OBJECTS = pytest.mark.parametrize("one", TOLD["objects"], ids=lambda one: one["file"])


def ring() -> KeyRing:
    return KeyRing(LocalKey(bytes.fromhex(TOLD["master_key"])), tenant=TOLD["tenant"])


@OBJECTS
def test_objects_open(one: dict[str, Any]) -> None:
    context = context_of(one["object"], one["kind"], one["conversation"])
    data_key = ring().unwrap(TOLD["master_key_id"], bytes.fromhex(one["wrapped"]), context)
    assert data_key.hex() == one["data_key"]
    sealed = (FOLDER / one["file"]).read_bytes()
    assert OpeningReader(io.BytesIO(sealed), len(sealed), data_key, context).read() == plaintext(one["size"])


@OBJECTS
def test_the_layout_is_the_one_that_the_reference_page_tells(one: dict[str, Any]) -> None:
    """By the byte layout of docs/reference/sealed-format.md alone."""
    master, tenant = bytes.fromhex(TOLD["master_key"]), TOLD["tenant"].encode()
    context = b"\0".join(
        (b"candor.object.1", one["object"].encode(), one["kind"].encode(), one["conversation"].encode())
    )
    wrapped = bytes.fromhex(one["wrapped"])
    data_key = AESGCM(master).decrypt(wrapped[:12], wrapped[12:], b"candor.tenant.1\0" + tenant + b"\0" + context)
    sealed = (FOLDER / one["file"]).read_bytes()
    assert sealed[0] == 40
    key = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=sealed[1:33], info=context).derive(data_key))
    plain, number, place = b"", 0, 40
    while place < len(sealed) or number == 0:
        end = min((number + 1) * 65_536, len(sealed))
        nonce = sealed[33:40] + number.to_bytes(4, "big") + bytes([end == len(sealed)])
        plain += key.decrypt(nonce, sealed[place:end], None)
        number, place = number + 1, end
    assert plain == plaintext(one["size"])


def test_fields_open() -> None:
    field = TOLD["field"]
    context = context_of(field["conversation"], FIELDS, field["conversation"])
    data_key = ring().unwrap(TOLD["master_key_id"], bytes.fromhex(field["wrapped"]), context)
    assert data_key.hex() == field["data_key"]
    opened = FieldCipher(data_key, field["conversation"]).open(field["field"], bytes.fromhex(field["sealed"]))
    assert opened.decode() == field["plaintext"]


def test_what_a_key_service_wrapped_opens() -> None:
    told = TOLD["service"]
    Kept.secret = bytes.fromhex(told["wrapping_key"])
    keys = KeyRing(ServiceKey(Kept()), tenant=TOLD["tenant"])
    context = context_of(told["object"], told["kind"], told["conversation"])
    assert keys.unwrap(Kept.key_id, bytes.fromhex(told["wrapped"]), context).hex() == told["data_key"]


def test_the_key_of_a_call_opens(tmp_path: Path) -> None:
    told = TOLD["spool"]
    (tmp_path / "spool-1.key").write_text(json.dumps(told["key_file"]))
    keys = SpoolKeys(ring(), tmp_path)
    assert keys.open(told["call"], bytes.fromhex(told["header"])).hex() == told["data_key"]


def test_the_vectors_are_those_that_were_promised() -> None:
    """A vector that is changed is a promise that is broken: make a new format beside this one instead."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("format1*")):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    assert digest.hexdigest() == "efc89be909a81ee0af3f43774220244b7eae6db09f0f552e909f7daf479bbd45"
