"""Packages that somebody changed: each way of it by name, and what is said of it."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from candor.conversation.vcon.encoding import from_base64url, to_base64url
from candor.errors import InvalidInput
from candor.kit import clock
from candor.vault.evidence import signing
from candor.vault.evidence.model import EXIT, Outcome, Part
from candor.vault.evidence.signing import Signer
from candor.vault.evidence.verifying import ALWAYS
from tests.peers import tsa
from tests.unit.audit.made import house as another_log
from tests.unit.evidence.made import (
    House,
    certificate,
    changed,
    checked,
    failing,
    house,
    members_of,
    packed,
    pem_of,
    resigned,
    sound,
)

MEMBERS = (
    "cover.pdf", "recording.wav", "conversation.vcon", "custody.json", "consent.json", "audit.json",
    "audit-checkpoint.note", "audit-log.key", "signer.pem", "README.txt", "manifest.jws",
)  # fmt: skip


def test_the_list_of_members_is_whole(package: bytes) -> None:
    assert tuple(members_of(package)) == MEMBERS
    assert set(MEMBERS) >= ALWAYS


def some_places(size: int) -> list[int]:
    """Every byte of a small member, some of a large one, its ends always."""
    step = max(1, size // 60)
    return sorted({*range(0, size, step), size - 1, size - 2, size // 2})


@pytest.mark.parametrize("name", MEMBERS)
def test_any_changed_byte_of_any_member(package: bytes, name: str) -> None:
    """With sizes and checksums made to fit."""
    members = members_of(package)
    data = members[name]
    for place in some_places(len(data)):
        for bit in (1, 0x20):
            other = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
            report = checked(packed(members | {name: other}))
            assert not report.good, (name, place)
            assert failing(report) & {Part.CONTENT, Part.SIGNATURE, Part.MEMBERS}, (name, place)


def test_any_changed_byte_of_the_file(package: bytes) -> None:
    """Headings, index and end of the archive, too: the sampled bytes, and all of the last two thousand."""
    for place in [*range(0, len(package), 997), *range(len(package) - 2_000, len(package))]:
        other = package[:place] + bytes([package[place] ^ 0x10]) + package[place + 1 :]
        assert not checked(other).good, place


@pytest.mark.parametrize("name", MEMBERS)
def test_missing_member(package: bytes, name: str) -> None:
    report = checked(changed(package, lambda members: members.pop(name)))
    assert failing(report) & {Part.MEMBERS, Part.SIGNATURE}
    assert any(name in each.words or "manifest is missing" in each.words for each in report.findings)


@pytest.mark.parametrize("name", MEMBERS)
def test_shortened_member(package: bytes, name: str) -> None:
    assert not checked(changed(package, lambda members: members.update({name: members[name][:-1]}))).good
    assert not checked(changed(package, lambda members: members.update({name: b""}))).good


def test_extra_member(package: bytes) -> None:
    report = checked(changed(package, lambda members: members.update({"note.txt": b"It was all different."})))
    assert failing(report) == {Part.MEMBERS}
    assert "never signed: note.txt" in next(each.words for each in report.findings if each.part is Part.MEMBERS)


def test_a_time_stamp_slipped_in(package: bytes) -> None:
    report = checked(changed(package, lambda members: members.update({"manifest.tsr": b"x", "stamp.jws": b"y"})))
    assert Part.MEMBERS in failing(report)


def test_manifest_removed(package: bytes) -> None:
    report = checked(changed(package, lambda members: members.pop("manifest.jws")))
    assert failing(report) == {Part.SIGNATURE}
    assert report.exit == EXIT[Part.SIGNATURE]


def test_swapped_audio(package: bytes) -> None:
    report = checked(changed(package, lambda members: members.update({"recording.wav": sound(pitch=300)})))
    assert failing(report) == {Part.CONTENT, Part.RECORDING}


def test_swapped_audio_signed_anew(home: House, package: bytes) -> None:
    """By somebody who signs everything again with a key of their own: trust is what tells."""

    def change(members: dict[str, bytes]) -> None:
        members["recording.wav"] = sound(pitch=300)
        resigned(members, signing.self_made("Candor evidence Northwind", clock.now()))

    report = checked(changed(package, change), trust=home.trust())
    # The vCon and the chain of custody still tell of the true one, and the certificate is not the company's.
    assert failing(report) == {Part.VCON, Part.RECORDING, Part.TRUST}


def test_swapped_payload(package: bytes) -> None:
    def change(members: dict[str, bytes]) -> None:
        document = json.loads(members["conversation.vcon"])
        inner = json.loads(from_base64url(document["payload"]))
        inner["dialog"][0]["start"] = "2020-01-01T00:00:00+00:00"
        document["payload"] = to_base64url(json.dumps(inner).encode())
        members["conversation.vcon"] = json.dumps(document).encode()

    assert failing(checked(changed(package, change))) == {Part.CONTENT, Part.VCON}


def test_swapped_vcon_of_another_conversation(package: bytes, tmp_path: Path) -> None:
    other = house(tmp_path)
    theirs = members_of(other.package())
    other.services.database.close()
    report = checked(
        changed(package, lambda members: members.update({"conversation.vcon": theirs["conversation.vcon"]}))
    )
    assert failing(report) == {Part.CONTENT, Part.VCON}


def signatures(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, bytes]], None]:
    """Change the manifest's JWS."""

    def apply(members: dict[str, bytes]) -> None:
        document = json.loads(members["manifest.jws"])
        change(document)
        members["manifest.jws"] = json.dumps(document, separators=(",", ":")).encode()

    return apply


def header(document: dict[str, Any], **values: object) -> dict[str, Any]:
    only = document["signatures"][0]
    found = json.loads(from_base64url(only["protected"])) | values
    only["protected"] = to_base64url(
        json.dumps({name: value for name, value in found.items() if value is not None}).encode()
    )
    return found


def test_signature_stripped(package: bytes) -> None:
    for change in (
        lambda document: document.update(signatures=[]),
        lambda document: document.pop("signatures"),
        lambda document: document["signatures"][0].update(signature=""),
        lambda document: document["signatures"][0].pop("signature"),
        lambda document: document["signatures"].append(document["signatures"][0]),
    ):
        report = checked(changed(package, signatures(change)))
        assert failing(report) == {Part.SIGNATURE}


@pytest.mark.parametrize("algorithm", ["none", "NONE", "", None, "HS256", "HS512", "RS257", 7])
def test_alg_none_and_others(package: bytes, algorithm: object) -> None:
    def change(document: dict[str, Any]) -> None:
        header(document, alg=algorithm)
        document["signatures"][0]["signature"] = ""

    report = checked(changed(package, signatures(change)))
    assert failing(report) == {Part.SIGNATURE}


def test_alg_hs256_with_the_certificate_as_the_secret(home: House, package: bytes) -> None:
    """Key confusion: an HMAC whose key is what everybody can read in the certificate."""
    public = home.trust()[0].public_key()
    encodings = (
        (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    )
    for secret in (public.public_bytes(*each) for each in encodings):

        def change(document: dict[str, Any], secret: bytes = secret) -> None:
            header(document, alg="HS256")
            only = document["signatures"][0]
            data = f"{only['protected']}.{document['payload']}".encode()
            only["signature"] = to_base64url(hmac.new(secret, data, hashlib.sha256).digest())

        report = checked(changed(package, signatures(change)), trust=home.trust())
        assert failing(report) == {Part.SIGNATURE}
        assert "proves nothing" in next(each.words for each in report.findings if each.part is Part.SIGNATURE)


def test_algorithm_beside_the_signature_is_not_believed(package: bytes) -> None:
    def change(document: dict[str, Any]) -> None:
        header(document, alg=None)
        document["signatures"][0]["header"]["alg"] = "RS256"

    assert failing(checked(changed(package, signatures(change)))) == {Part.SIGNATURE}


def test_changed_where_no_signature_reaches(package: bytes) -> None:
    """Another uuid beside the signature, a space in the JSON, a second name."""
    for change in (
        lambda text: text.replace(b'"uuid":"0', b'"uuid":"1'),
        lambda text: text.replace(b'{"payload"', b'{ "payload"'),
        lambda text: text.replace(b'{"payload"', b'{"x":1,"payload"'),
        lambda text: text + b"\n",
    ):
        report = checked(
            changed(
                package,
                lambda members, change=change: members.update({"manifest.jws": change(members["manifest.jws"])}),
            )
        )
        assert failing(report) == {Part.SIGNATURE}


def test_certificate_of_another(home: House, package: bytes) -> None:
    """The right signature, and a certificate that is not the one that made it."""
    other, _ = certificate("Northwind")
    der = to_b64(other.public_bytes(serialization.Encoding.DER))
    report = checked(changed(package, signatures(lambda document: header(document, x5c=[der]))), trust=home.trust())
    assert failing(report) == {Part.SIGNATURE}
    report = checked(
        changed(package, lambda members: members.update({"signer.pem": other.public_bytes(serialization.Encoding.PEM)}))
    )
    assert Part.CONTENT in failing(report)


def to_b64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def test_not_trusted_certificate(package: bytes) -> None:
    report = checked(package, trust=[certificate("Somebody else", ca=True)[0]])
    assert failing(report) == {Part.TRUST}
    assert report.exit == EXIT[Part.TRUST]


def test_a_certificate_that_only_looks_like_the_trusted_one(home: House, package: bytes) -> None:
    """The same name, another key."""

    def change(members: dict[str, bytes]) -> None:
        resigned(members, signing.self_made("Candor evidence Northwind", clock.now()))

    assert failing(checked(changed(package, change), trust=home.trust())) == {Part.TRUST}


def test_a_leaf_that_plays_the_authority(tmp_path: Path) -> None:
    """A certificate of the trusted authority, not allowed to issue, vouches for the attacker's."""
    root = certificate("Root", ca=True)
    leaf = certificate("An honest customer", issuer=root)
    forged, key = certificate("Northwind", issuer=leaf)
    (tmp_path / "sign.pem").write_bytes(pem_of(key, forged, leaf[0]))
    own = house(tmp_path, evidence_certificate=tmp_path / "sign.pem")
    report = checked(own.package(), trust=[root[0]])
    own.services.database.close()
    assert failing(report) == {Part.TRUST}
    assert "may not issue others" in next(each.words for each in report.findings if each.part is Part.TRUST)


def test_expired_certificate(home: House, package: bytes) -> None:
    trust = home.trust()  # before: a certificate that has expired is not used any more
    with clock.freeze(clock.now() + timedelta(days=4_000)):
        report = checked(package, trust=trust)
    assert failing(report) == {Part.CERTIFICATE}
    assert report.exit == EXIT[Part.CERTIFICATE]
    assert "expired" in next(each.words for each in report.findings if each.part is Part.CERTIFICATE)


def test_certificate_that_was_not_valid_when_it_signed(package: bytes, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    old, key = certificate("Northwind", since=now - timedelta(days=20), until=now - timedelta(days=10))
    signer = signing.read_signer(pem_of(key, old))
    assert failing(checked(changed(package, lambda members: resigned(members, signer)), trust=[old])) == {
        Part.CERTIFICATE
    }
    (tmp_path / "sign.pem").write_bytes(pem_of(key, old))
    own = house(tmp_path, evidence_certificate=tmp_path / "sign.pem")
    with pytest.raises(InvalidInput, match="expired"):
        own.package()
    own.services.database.close()


def test_a_package_from_the_future(home: House, package: bytes) -> None:
    trust = home.trust()
    with clock.freeze(clock.now() - timedelta(hours=3)):
        assert Part.CERTIFICATE in failing(checked(package, trust=trust))


# ---- the audit log ----


def signed_by_the_house(
    home: House, change: Callable[[dict[str, bytes]], object]
) -> Callable[[dict[str, bytes]], None]:
    """An insider with the signing key: the audit proofs must hold by themselves."""

    def apply(members: dict[str, bytes]) -> None:
        change(members)
        resigned(members, home.services.evidence.signer())

    return apply


def audit(members: dict[str, bytes], change: Callable[[list[dict[str, Any]]], object]) -> None:
    told = json.loads(members["audit.json"])
    change(told["lines"])
    members["audit.json"] = json.dumps(told).encode()


@pytest.mark.parametrize(("name", "change"), [
    ("inclusion proof of another entry", lambda lines: lines[0].update(proof=lines[1]["proof"])),
    ("another actor", lambda lines: lines[0]["line"].update(actor="somebody else")),
    ("another time", lambda lines: lines[0]["line"].update(at="2020-01-01T00:00:00.000000Z")),
    ("another number", lambda lines: lines[0]["line"].update(number=lines[1]["line"]["number"])),
    ("another conversation", lambda lines: lines[0]["line"].update(conversation_id="x")),
    ("a line left out: the export's own", lambda lines: lines.pop()),
    ("another reason", lambda lines: lines[-1].update(reason="Nothing special")),
    ("no proof", lambda lines: lines[0].update(proof=[])),
    ("not a line", lambda lines: lines.append({})),
    ("not a proof", lambda lines: lines[0].update(proof=["%%"])),
    ("a number that is none", lambda lines: lines[0]["line"].update(number="1")),
])  # fmt: skip
def test_audit_lines_rewritten_by_an_insider(home: House, package: bytes, name: str, change: Any) -> None:
    report = checked(
        changed(package, signed_by_the_house(home, lambda members: audit(members, change))), trust=home.trust()
    )
    assert failing(report) == {Part.AUDIT}, name
    assert report.exit == EXIT[Part.AUDIT]


def test_a_genuine_line_about_another_conversation(home: House, package: bytes) -> None:
    """It stands in the log, with a right proof, and is slipped under this conversation."""
    import base64

    from candor.audit.service import Event, record

    services = home.services
    with services.database.write() as uow:
        number = record(uow, Event.PLAYED, "user-2", conversation_id="another")
    fresh = home.package()

    def change(members: dict[str, bytes]) -> None:
        from candor.audit import checkpoint as notes

        note = members["audit-checkpoint.note"].decode()
        key = notes.read_key(members["audit-log.key"].decode())
        with services.database.read() as uow:
            proof = services.audit_log.prove(uow, number, notes.open_note(note, key))
        line = {"line": json.loads(proof.leaf), "proof": [base64.b64encode(each).decode() for each in proof.path]}
        audit(members, lambda lines: lines.insert(0, line))

    report = checked(changed(fresh, signed_by_the_house(home, change)), trust=home.trust())
    assert failing(report) == {Part.AUDIT}
    assert any("another conversation" in each.words for each in report.findings)
    assert package


def test_checkpoint_of_another_log(home: House, package: bytes, tmp_path: Path) -> None:
    other = another_log(tmp_path / "other")
    other.write(3)
    note = other.log.checkpoint().note
    report = checked(package, trust=home.trust(), checkpoint=note)
    assert failing(report) == {Part.CHECKPOINT}
    assert "another log" in next(each.words for each in report.findings if each.part is Part.CHECKPOINT)
    change = signed_by_the_house(home, lambda members: members.update({"audit-checkpoint.note": note.encode()}))
    assert failing(checked(changed(package, change), trust=home.trust())) == {Part.AUDIT}
    other.database.close()


def test_log_replaced_whole_by_an_insider(home: House, package: bytes, tmp_path: Path) -> None:
    """Lines, proofs, checkpoint and key of a log of their own making, under the true one's name."""
    import sqlite3
    from contextlib import closing

    kept = home.services.audit_log.checkpoint().note
    other = another_log(tmp_path / "other")
    with closing(sqlite3.connect(other.file, isolation_level=None)) as raw:
        raw.execute("UPDATE audit_head SET name = ?", (kept.split("\n")[0],))
    from candor.audit.service import Event, record

    with other.database.write() as uow:
        record(uow, Event.EVIDENCE_EXPORTED, "nobody", conversation_id=home.call)
    signed = other.log.checkpoint()
    with other.database.read() as uow:
        proof, key = other.log.prove(uow, 1, signed), other.log.key(uow)
    other.database.close()

    def change(members: dict[str, bytes]) -> None:
        members["audit-checkpoint.note"], members["audit-log.key"] = signed.note.encode(), f"{key}\n".encode()
        members["audit.json"] = json.dumps({"lines": [{"line": json.loads(proof.leaf), "proof": []}]}).encode()

    forged = changed(package, signed_by_the_house(home, change))
    assert checked(forged, trust=home.trust()).good  # it vouches for itself
    assert failing(checked(forged, trust=home.trust(), checkpoint=kept)) == {Part.CHECKPOINT}


def test_consent_rewritten_by_an_insider(home: House, package: bytes) -> None:
    def change(members: dict[str, bytes]) -> None:
        told = json.loads(members["consent.json"])
        told["lines"][0]["text"] = told["lines"][0]["text"].replace("given", "refused")
        members["consent.json"] = json.dumps(told).encode()

    report = checked(changed(package, signed_by_the_house(home, change)), trust=home.trust())
    assert failing(report) == {Part.CONSENT}


# ---- the archive ----


def test_duplicate_names(package: bytes) -> None:
    out = io.BytesIO(package)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(out, "a") as archive:
        archive.writestr("cover.pdf", b"another cover")
    report = checked(out.getvalue())
    assert failing(report) == {Part.PACKING}


def test_duplicate_names_packed_as_we_do(package: bytes) -> None:
    from candor.vault.evidence.packing import member, pack

    twice = [member(name, data) for name, data in members_of(package).items()]
    report = checked(b"".join(pack([*twice, member("cover.pdf", b"another cover")])))
    assert failing(report) == {Part.PACKING}
    assert "twice" in report.findings[0].words


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", ".hidden", "C:evil", "a\\b", "", "ü.txt"]
)
def test_path_traversal(package: bytes, name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for each, data in members_of(package).items():
            archive.writestr(zipfile.ZipInfo(each), data)
        archive.writestr(zipfile.ZipInfo(name or "x/"), b"x")
    assert failing(checked(out.getvalue())) == {Part.PACKING}


def test_zip_bomb(package: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for each, data in members_of(package).items():
            archive.writestr(zipfile.ZipInfo(each), data)
        info = zipfile.ZipInfo("bomb.bin")
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, b"\0" * 50_000_000)
    assert len(out.getvalue()) < len(package) + 200_000
    report = checked(out.getvalue())
    assert failing(report) == {Part.PACKING}
    assert "packed in another way" in report.findings[0].words


def test_a_size_that_is_not_there(package: bytes) -> None:
    """The first heading claims four gigabytes."""
    other = bytearray(package)
    other[18:26] = b"\xff\xff\xff\xfe" * 2
    assert failing(checked(bytes(other))) == {Part.PACKING}


def test_something_before_between_or_behind(package: bytes) -> None:
    for other in (b"#!/bin/sh\n" + package, package + b"\0", package + package, package[:-1], package[1:]):
        assert failing(checked(other)) == {Part.PACKING}
    second = package.index(b"PK\3\4", 4)
    assert failing(checked(package[:second] + b"hidden" + package[second:])) == {Part.PACKING}


def test_a_comment_in_the_archive(package: bytes) -> None:
    out = io.BytesIO(package)
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"This was approved."
    assert failing(checked(out.getvalue())) == {Part.PACKING}


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", b"PK\5\6" + b"\0" * 18, b"\0" * 5_000])
def test_what_is_no_package(data: bytes) -> None:
    report = checked(data)
    assert failing(report) == {Part.PACKING}
    assert report.exit == EXIT[Part.PACKING]


@pytest.mark.skipif(not tsa.available(), reason="no openssl on this machine")
def test_any_changed_byte_of_the_time_stamp(tmp_path: Path) -> None:
    with tsa.serving(tsa.Authority(tmp_path / "tsa")) as address:
        own = house(tmp_path, time_stamp_url=address)
        members, trust = members_of(own.package()), own.trust()
        own.services.database.close()
    assert checked(packed(members), trust=trust).good
    for name in ("manifest.tsr", "stamp.jws"):
        data = members[name]
        for place in some_places(len(data)):
            other = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            assert failing(checked(packed(members | {name: other}), trust=trust)) == {Part.STAMP}, (name, place)
        without = {each: value for each, value in members.items() if each != name}
        assert Part.MEMBERS in failing(checked(packed(without), trust=trust))


def test_every_part_has_an_exit_status_of_its_own() -> None:
    assert len(set(EXIT.values())) == len(Part)
    assert Outcome.OPEN not in {Outcome.FAILS, Outcome.HOLDS}


def test_signer_with_a_chain_keeps_it(tmp_path: Path) -> None:
    root = certificate("Root", ca=True)
    leaf, key = certificate("Northwind", issuer=root)
    read = signing.read_signer(pem_of(key, leaf, root[0]))
    assert isinstance(read, Signer)
    assert signing.open_document(read.sign(b"x", "t", "u")).chain == (leaf, root[0])
    assert tmp_path
