"""Makes the test vectors of format 1: what 1.x sealed, every later 1.x opens.

They are made once and never again: this script is here to show how, and refuses to write over them. Everything that is
random elsewhere is fixed here, so that other programs can compute the same bytes.

    python -m tests.vectors.vault.make
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from unittest import mock

from candor.vault.adapters.local_key import LocalKey
from candor.vault.keys.ring import KeyRing
from candor.vault.keys.service_key import ServiceKey
from candor.vault.service import FIELDS, FieldCipher, context_of
from candor.vault.streaming import FIRST_PLAIN, PLAIN, SealingWriter

FOLDER = Path(__file__).parent
MASTER = bytes(range(32))
TENANT = "01900000-0000-7000-8000-0000000000aa"
CONVERSATION = "01900000-0000-7000-8000-0000000000c1"
SIZES = {"empty": 0, "short": 21, "first-full": FIRST_PLAIN, "two": FIRST_PLAIN + 1, "three": FIRST_PLAIN + PLAIN + 100}


class Kept:
    """A key service whose sealed secret is told: it keeps one, and gives it back."""

    key_id, kind, place = "vault-0000000000000000", "vault", "the vectors"
    secret = b""

    def encrypt(self, secret: bytes) -> bytes:
        Kept.secret = secret
        return b"vault:v1:sealed"

    def decrypt(self, sealed: bytes) -> bytes:
        assert sealed == b"vault:v1:sealed"
        return Kept.secret

    def close(self) -> None:
        pass


class Counted:
    """Bytes that stand for random ones: 0, 1, 2 …"""

    def __init__(self) -> None:
        self.next = 0

    def __call__(self, number: int) -> bytes:
        made = bytes((self.next + n) % 256 for n in range(number))
        self.next += number
        return made


def plaintext(size: int) -> bytes:
    """Bytes that anybody can make: the number of each four bytes, big endian."""
    return b"".join(n.to_bytes(4, "big") for n in range(size // 4 + 1))[:size]


def main() -> None:
    """Write the files."""
    if (FOLDER / "format1.json").exists():
        raise SystemExit("They are there: a promise is not made twice.")
    random = Counted()
    with mock.patch("os.urandom", random):
        ring = KeyRing(LocalKey(MASTER), tenant=TENANT)
        objects = []
        for number, (name, size) in enumerate(SIZES.items(), 1):
            object_id = f"01900000-0000-7000-8000-0000000000{number:02x}"
            data_key = random(32)
            context = context_of(object_id, "original", CONVERSATION)
            sink = io.BytesIO()
            writer = SealingWriter(sink, data_key, context)
            writer.write(plaintext(size))
            writer.finish()
            (FOLDER / f"format1-{name}.bin").write_bytes(sink.getvalue())
            objects.append(
                {
                    "file": f"format1-{name}.bin", "object": object_id, "kind": "original",
                    "conversation": CONVERSATION, "size": size, "data_key": data_key.hex(),
                    "wrapped": ring.wrap(data_key, context).hex(),
                }
            )  # fmt: skip
        field_key = random(32)
        sealed = FieldCipher(field_key, CONVERSATION).seal("conversation", b'{"name":"Jane"}')
        wrapped = ring.wrap(field_key, context_of(CONVERSATION, FIELDS, CONVERSATION))
        remote = ServiceKey(Kept())
        service_wrapped = KeyRing(remote, tenant=TENANT).wrap(field_key, context_of("a", "b", "c"))
    spool_key, call_key = random(32), random(32)
    call = "01900000-0000-7000-8000-0000000000dd"
    with mock.patch("os.urandom", random):
        spool = {
            "call": call, "data_key": call_key.hex(),
            "header": (b"spool-1\0" + LocalKey(spool_key).wrap(call_key, b"candor.spool.1\0" + call.encode())).hex(),
            "key_file": {
                "key_id": ring.key_id, "form": 1,
                "wrapped": ring.wrap(spool_key, b"candor.spool-key.1\0spool-1").hex(),
            },
        }  # fmt: skip
    told = {
        "format": 1, "tenant": TENANT, "master_key": MASTER.hex(), "master_key_id": ring.key_id, "objects": objects,
        "field": {
            "conversation": CONVERSATION, "field": "conversation", "plaintext": '{"name":"Jane"}',
            "sealed": sealed.hex(), "data_key": field_key.hex(), "wrapped": wrapped.hex(),
        },
        "service": {
            "wrapping_key": Kept.secret.hex(), "object": "a", "kind": "b", "conversation": "c",
            "data_key": field_key.hex(), "wrapped": service_wrapped.hex(),
        },
        "spool": spool,
    }  # fmt: skip
    (FOLDER / "format1.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
