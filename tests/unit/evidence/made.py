"""A house with one recorded call and its evidence, and tools for those who change packages."""

from __future__ import annotations

import io
import json
import math
import struct
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from candor import wiring
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Proof, Whose
from candor.kit import clock
from candor.pipeline.evidence import check
from candor.services import Services
from candor.settings import Settings
from candor.vault.evidence.model import Outcome, Part, Report
from candor.vault.evidence.packing import member, pack, unpack
from candor.vault.evidence.signing import Signer

CALL_ID = "pbx-4711"


def sound(seconds: float = 0.5, pitch: int = 440) -> bytes:
    """A small recording."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        for place in range(int(8000 * seconds)):
            value = int(8000 * math.sin(2 * math.pi * pitch * place / 8000))
            file.writeframes(struct.pack("<hh", value, -value))
    return out.getvalue()


@dataclass
class House:
    services: Services
    call: str
    folder: Path

    def package(self, reason: str = "Dispute 4711") -> bytes:
        made = self.services.evidence.export(self.call, by="user-1", reason=reason)
        return b"".join(made.parts)

    def trust(self) -> list[x509.Certificate]:
        return [self.services.evidence.signer().chain[0]]


def house(folder: Path, **settings: object) -> House:
    services = wiring.open_services(
        Settings(data=folder / "data", recorder=False, company="Northwind", **settings)  # type: ignore[arg-type]
    )
    upload = services.intake.begin("+493023125012.wav", {"call_id": CALL_ID, "agent_id": "a1"}, actor="user-1")
    upload.write(sound())
    taken = upload.finish()
    entry = Entry(
        at=clock.now(), event=ConsentEvent.GIVEN, whose=Whose.CALLER, subject=None, method=Method.KEY_PRESS,
        call_id=CALL_ID, proof=Proof(reference="key 1"),
    )  # fmt: skip
    services.consenting.hear(entry)
    return House(services, taken.conversation_id, folder)


# ---- those who change packages ----


def members_of(package: bytes) -> dict[str, bytes]:
    found = unpack(io.BytesIO(package))
    return {name: each.open().read() for name, each in found.items()}


def packed(members: Mapping[str, bytes]) -> bytes:
    """As an attacker packs who knows the format: sizes and checksums fit."""
    return b"".join(pack(member(name, data) for name, data in members.items()))


def changed(package: bytes, change: Callable[[dict[str, bytes]], object]) -> bytes:
    members = members_of(package)
    change(members)
    return packed(members)


def checked(package: bytes, **given: object) -> Report:
    return check(io.BytesIO(package), **given)  # type: ignore[arg-type]


def failing(report: Report) -> set[Part]:
    return {each.part for each in report.findings if each.outcome is Outcome.FAILS}


def certificate(
    name: str, *, issuer: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None, ca: bool = False,
    since: datetime | None = None, until: datetime | None = None,
) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:  # fmt: skip
    """A certificate and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(since or now - timedelta(days=1)).not_valid_after(until or now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )  # fmt: skip
    return made, key


def pem_of(key: rsa.RSAPrivateKey, *chain: x509.Certificate) -> bytes:
    """As CANDOR_EVIDENCE_CERTIFICATE wants it."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)


def resigned(members: dict[str, bytes], signer: Signer) -> None:
    """Sign everything anew with another key: what an attacker can do who has the whole format."""
    import hashlib

    from candor.conversation.vcon.encoding import from_base64url

    about = json.loads(from_base64url(json.loads(members["manifest.jws"])["payload"]))
    vcon = from_base64url(json.loads(members["conversation.vcon"])["payload"])
    members["conversation.vcon"] = signer.sign(vcon, "vcon", about["conversation_id"])
    members["signer.pem"] = signer.pem.encode()
    for each in about["members"]:
        data = members[each["name"]]
        each |= {"size": len(data), "sha512": hashlib.sha512(data).hexdigest()}
    if about["recording"]:
        data = members[about["recording"]["name"]]
        about["recording"] |= {"size": len(data), "sha512": hashlib.sha512(data).hexdigest()}
    members["manifest.jws"] = signer.sign(json.dumps(about).encode(), "candor-evidence", about["conversation_id"])
