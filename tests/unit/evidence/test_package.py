"""Making packages: what is in them, who may not have one, and that they hold on a machine without anything."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from candor.audit.service import Event, entries
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.conversation.vcon import parse
from candor.conversation.vcon.encoding import from_base64url
from candor.errors import Damaged, Forbidden, InvalidInput, NotFound, TooLarge, Unavailable
from candor.kit import clock
from candor.vault.evidence import packing, sealing, signing
from candor.vault.evidence.model import Outcome, Part
from tests.conftest import ROOT
from tests.peers import tsa
from tests.unit.evidence.made import (
    House,
    certificate,
    checked,
    failing,
    house,
    members_of,
    pem_of,
    sound,
)


def outcome(report: object, part: Part) -> Outcome:
    return next(each.outcome for each in report.findings if each.part is part)  # type: ignore[attr-defined]


def test_a_package_holds(home: House, package: bytes) -> None:
    kept = home.services.audit_log.checkpoint().note
    report = checked(package, trust=home.trust(), checkpoint=kept)
    assert report.good, report.findings
    assert report.exit == 0
    assert report.conversation_id == home.call
    assert {each.part for each in report.findings} == set(Part)
    assert [each.part for each in report.findings if each.outcome is Outcome.OPEN] == [Part.STAMP]


def test_without_trust_it_says_that_nobody_vouches_for_the_signer(home: House, package: bytes) -> None:
    report = checked(package)
    assert report.good
    assert outcome(report, Part.TRUST) is Outcome.OPEN
    words = next(each.words for each in report.findings if each.part is Part.TRUST)
    assert "made by the system itself" in words
    assert signing.fingerprint(home.trust()[0]) in words


def test_what_is_in_it(home: House, package: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:  # any program opens it
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["cover.pdf", "recording.wav"]
    members = members_of(package)
    assert members["recording.wav"] == sound()
    vcon = json.loads(members["conversation.vcon"])
    assert set(vcon) == {"payload", "signatures"}  # the payload inside only
    inner = json.loads(from_base64url(vcon["payload"]))
    assert inner["uuid"] == home.call
    assert "redacted" not in inner
    assert inner["dialog"][0]["filename"] == "recording.wav"
    header = json.loads(from_base64url(vcon["signatures"][0]["protected"]))
    assert header["alg"] == "RS256"
    assert header["x5c"]
    read = parse(members["conversation.vcon"])  # our own reader takes it back
    assert read.uuid == home.call
    lines = json.loads(members["audit.json"])["lines"]
    assert lines[0]["line"]["event"] == Event.IMPORTED
    assert lines[-1]["line"]["event"] == Event.EVIDENCE_EXPORTED
    assert lines[-1]["reason"] == "Dispute 4711"
    assert json.loads(members["consent.json"])["lines"]
    assert members["cover.pdf"].startswith(b"%PDF-")
    assert b"3023125012" not in package  # the file's name was a telephone number


def test_the_audit_log_says_who_took_it_and_why(home: House, package: bytes) -> None:
    del package
    with home.services.database.read() as uow:
        line = next(each for each in entries(uow, home.call) if each.event is Event.EVIDENCE_EXPORTED)
    assert (line.actor, line.reason) == ("user-1", "Dispute 4711")


def test_on_a_machine_without_data_without_network(home: House, package: bytes, tmp_path: Path) -> None:
    (tmp_path / "package.zip").write_bytes(package)
    (tmp_path / "signer.pem").write_text(home.services.evidence.signer().pem)
    answer = subprocess.run(
        [sys.executable, "-c", "import candor.cli.main as m; m.main()", "evidence", "verify", "package.zip", "--trust",
         "signer.pem", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert json.loads(answer.stdout)["holds"] is True
    assert sorted(each.name for each in tmp_path.iterdir()) == ["package.zip", "signer.pem"]


@pytest.mark.skipif(not tsa.available(), reason="no openssl on this machine")
def test_the_readme_s_own_commands(package: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        archive.extractall(tmp_path)
    readme = (tmp_path / "README.txt").read_text()
    lines = [line.removeprefix("   ") for line in readme.splitlines()]
    start, end = lines.index("python3 - <<'END'"), lines.index("END")
    script = "\n".join(
        lines[start : end + 1] + [line for line in lines if line.startswith(("openssl x509", "openssl dgst"))]
    )
    answer = subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Verified OK" in answer.stdout


def test_no_reason_no_package(home: House) -> None:
    with pytest.raises(InvalidInput, match="needs a reason"):
        home.services.evidence.export(home.call, by="user-1", reason="  ")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[House]:
    found = house(tmp_path)
    yield found
    found.services.database.close()


def quarantine(own: House) -> None:
    with own.services.database.write() as uow:
        held = Custody(
            conversation_id=own.call, started_at=clock.now(), state=CustodyState.PROVED, level=4, why="", proof="",
            decision='{"level": 4, "actions": []}', since=clock.now(),
        )  # fmt: skip
        custody.put(uow, held)
        custody.quarantine(uow, held, why="no proof", keep=timedelta(days=3))


def test_a_quarantined_conversation_is_refused(own: House) -> None:
    quarantine(own)
    with pytest.raises(Forbidden, match="quarantined"):
        own.package()


def test_a_destroyed_conversation_is_refused(own: House) -> None:
    own.package()
    quarantine(own)
    services = own.services
    services.consenting.destroy(own.call, by="user-1", reason="Nobody proved consent.")
    with pytest.raises(NotFound, match="was destroyed"):
        own.package()
    with pytest.raises(NotFound, match="no such conversation"):
        services.evidence.export("01a21bd6-62e0-7105-bf9a-bd0d7e226dd8", by="x", reason="why not")


def test_a_recording_that_was_exchanged_in_the_vault_is_not_signed(own: House) -> None:
    with own.services.database.read() as uow:
        recording = own.services.shelf.conversation(uow, own.call).recording
    assert recording is not None
    file = next(
        path for path in (own.folder / "data" / "objects").rglob("*") if path.name.startswith(recording.object_id)
    )
    data = bytearray(file.read_bytes())
    data[-20] ^= 1
    file.chmod(0o600)
    file.write_bytes(bytes(data))
    with pytest.raises(Damaged):
        own.package()


def test_a_configured_certificate_with_its_chain(tmp_path: Path) -> None:
    root = certificate("Root", ca=True)
    middle = certificate("Middle", issuer=root, ca=True)
    leaf, key = certificate("Northwind", issuer=middle)
    (tmp_path / "sign.pem").write_bytes(pem_of(key, leaf, middle[0]))
    own = house(tmp_path, evidence_certificate=tmp_path / "sign.pem")
    package = own.package()
    own.services.database.close()
    assert outcome(checked(package, trust=[root[0]]), Part.TRUST) is Outcome.HOLDS
    assert outcome(checked(package, trust=[middle[0]]), Part.TRUST) is Outcome.HOLDS
    assert outcome(checked(package, trust=[leaf]), Part.TRUST) is Outcome.HOLDS
    assert failing(checked(package, trust=[certificate("Stranger", ca=True)[0]])) == {Part.TRUST}
    assert "issued by CN=Middle" in next(
        each.words for each in checked(package).findings if each.part is Part.TRUST
    )  # fmt: skip
    cover = members_of(package)["cover.pdf"]
    assert cover


@pytest.mark.parametrize("what", ["nothing", "no key", "another's certificate"])
def test_a_certificate_that_cannot_sign(tmp_path: Path, what: str) -> None:
    leaf, key = certificate("Northwind")
    other, _ = certificate("Other")
    data = {
        "nothing": b"x",
        "no key": pem_of(key, leaf).partition(b"-----BEGIN CERT")[2],
        "another's certificate": pem_of(key, other),
    }
    with pytest.raises(InvalidInput):
        signing.read_signer(data[what])


def test_a_code_that_was_cut_out_shows_with_both_digests(own: House) -> None:
    from candor.pipeline import store
    from candor.pipeline.shelf import EXCISED

    services = own.services
    with services.database.write() as uow:
        recording = services.shelf.conversation(uow, own.call).recording
        assert recording is not None
        cut = {"at": "2026-11-27T00:00:00+00:00", "times": [[1, 2]], "before": "ab" * 64, "after": recording.sha512}
        store.put_artifact(uow, own.call, EXCISED, value=[cut])
    words = next(each.words for each in checked(own.package()).findings if each.part is Part.RECORDING)
    assert "but for card verification codes" in words
    assert "ab" * 16 in words
    with services.database.write() as uow:
        store.put_artifact(uow, own.call, EXCISED, value=[cut | {"after": "cd" * 64}])
    assert failing(checked(own.package())) == {Part.RECORDING}


def test_sealed_for_one_recipient(home: House, tmp_path: Path) -> None:
    theirs, key = certificate("Court")
    stranger = certificate("Stranger")[1]
    made = home.services.evidence.export(home.call, by="user-1", reason="For the court", recipient=theirs)
    assert made.name.endswith(".zip.jwe")
    sealed = b"".join(made.parts)
    document = json.loads(sealed)
    assert document["recipients"][0]["header"] == {"alg": "RSA-OAEP-256"}
    assert json.loads(from_base64url(document["protected"]))["enc"] == "A256GCM"
    assert checked(sealing.unseal(sealed, pem_of(key)), trust=home.trust()).good
    with pytest.raises(Damaged):
        sealing.unseal(sealed, pem_of(stranger))
    for name in ("ciphertext", "tag", "iv", "protected"):
        text = document[name]
        other = document | {name: ("B" if text[10:11] != "B" else "C").join((text[:10], text[11:]))}
        with pytest.raises(Damaged):
            sealing.unseal(json.dumps(other).encode(), pem_of(key))
    with pytest.raises(Damaged):
        sealing.unseal(b"{}", pem_of(key))
    with pytest.raises(InvalidInput):
        sealing.unseal(sealed, b"no key")


def test_what_others_seal_as_the_vcon_draft_says_opens() -> None:
    """RSA-OAEP, A256CBC-HS512, ``enc`` also beside the recipient, as in the working group's sample."""
    from joserfc import jwe

    theirs, key = certificate("Court")
    made = jwe.GeneralJSONEncryption(
        {"alg": "RSA-OAEP", "enc": "A256CBC-HS512"}, b'{"payload": ""}',
        {"uuid": "019f15a6-a752-826f-b9a2-279e0d16bc46", "cty": "application/vcon+json", "enc": "A256CBC-HS512"},
    )  # fmt: skip
    made.add_recipient({"enc": "A256CBC-HS512"}, sealing._jwk(theirs.public_key()))  # type: ignore[arg-type]
    registry = jwe.JWERegistry(algorithms=["RSA-OAEP", "A256CBC-HS512"], strict_check_header=False)
    sealed = json.dumps(jwe.encrypt_json(made, None, registry=registry)).encode()
    assert sealing.unseal(sealed, pem_of(key)) == b'{"payload": ""}'


@pytest.mark.shared
def test_the_working_groups_signed_sample(shared: Path) -> None:
    folder = shared / "vcon_samples/dev/ietf_core"
    signed = signing.open_document((folder / "ab_call_ext_rec_signed.vcon").read_bytes())
    assert signed.algorithm == "RS256"
    assert json.loads(signed.payload) == json.loads((folder / "ab_call_ext_rec_decrypted_verified.vcon").read_text())
    assert not signing.trusted(signed.chain, [signed.chain[0]], clock.now())
    # Its authorities' certificates are of version 1: they do not say that they may issue others (RFC 5280, 4.2.1.9).
    assert "may not issue" in signing.trusted(signed.chain, [signed.chain[-1]], clock.now())
    assert "vouches" in signing.trusted(signed.chain[:1], [certificate("Other", ca=True)[0]], clock.now())


@pytest.mark.shared
def test_the_working_groups_encrypted_sample_is_read_up_to_its_key(shared: Path) -> None:
    """Its private key is not among the samples: another's is refused in words, its headers are not."""
    sealed = (shared / "vcon_samples/dev/ietf_core/ab_call_ext_rec_encrypted.vcon").read_bytes()
    with pytest.raises(Damaged, match="another key"):
        sealing.unseal(sealed, pem_of(certificate("Other")[1]))


# ---- time-stamps ----


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tsa.Authority:
    if not tsa.available():
        pytest.skip("no openssl on this machine")
    return tsa.Authority(tmp_path_factory.mktemp("tsa"))


def test_time_stamped(authority: tsa.Authority, tmp_path: Path) -> None:
    with tsa.serving(authority) as address:
        own = house(tmp_path, time_stamp_url=address)
        package = own.package()
        root = signing.read_certificates(authority.root)
        trust = [*own.trust(), *root]
        report = checked(package, trust=trust)
        assert report.good, report.findings
        assert outcome(report, Part.STAMP) is Outcome.HOLDS
        assert outcome(checked(package, trust=own.trust()), Part.STAMP) is Outcome.OPEN
        # When the signing certificate is long expired, the stamp is what shows that it was not at the time.
        without = own.trust()
        with clock.freeze(clock.now() + timedelta(days=4_000)):
            assert Part.CERTIFICATE not in failing(checked(package, trust=trust))
            assert Part.CERTIFICATE in failing(checked(package, trust=without))
        members = members_of(package)
        assert {"manifest.tsr", "stamp.jws"} <= members.keys()
        authority.broken = True
        try:
            with pytest.raises(Unavailable, match="no time-stamp"):
                own.package()
        finally:
            authority.broken = False
        other = own.package(reason="Another one")
        members["manifest.tsr"] = members_of(other)["manifest.tsr"]
        from tests.unit.evidence.made import packed

        assert failing(checked(packed(members), trust=trust)) == {Part.STAMP}
        own.services.database.close()


def test_nobody_answers(tmp_path: Path) -> None:
    own = house(tmp_path, time_stamp_url="http://127.0.0.1:9/")
    with pytest.raises(Unavailable):
        own.package()
    own.services.database.close()


def test_too_large_is_said_before_the_first_byte() -> None:
    with pytest.raises(TooLarge):
        next(packing.pack([packing.Member("recording.wav", 1 << 33, 0, io.BytesIO)]))
