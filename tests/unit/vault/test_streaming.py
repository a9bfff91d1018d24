"""The sealed form: round trips, every kind of damage, and the Tink library as the oracle."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.errors import Damaged
from candor.vault.streaming import (
    FIRST_PLAIN,
    HEADER,
    PLAIN,
    SEGMENT,
    OpeningReader,
    SealingWriter,
    plain_size,
    sealed_size,
)

KEY = bytes(range(32))
PLACE = b"object|kind|conversation"
EDGES = [0, 1, FIRST_PLAIN - 1, FIRST_PLAIN, FIRST_PLAIN + 1, FIRST_PLAIN + PLAIN, FIRST_PLAIN + PLAIN + 1, 300_000]


def seal(plain: bytes, place: bytes = PLACE, step: int = 10_000) -> bytes:
    sink = io.BytesIO()
    writer = SealingWriter(sink, KEY, place)
    for start in range(0, len(plain), step):
        writer.write(plain[start : start + step])
    writer.finish()
    return sink.getvalue()


def reader(sealed: bytes, key: bytes = KEY, place: bytes = PLACE) -> OpeningReader:
    return OpeningReader(io.BytesIO(sealed), len(sealed), key, place)


@pytest.mark.parametrize("size", EDGES)
def test_what_was_sealed_opens_again(size: int) -> None:
    plain = os.urandom(size)
    sealed = seal(plain)
    assert reader(sealed).read() == plain
    assert len(sealed) == sealed_size(size)
    assert plain_size(len(sealed)) == size


@given(st.integers(0, 299_999), st.integers(0, 140_000))
@settings(max_examples=60, deadline=None)
def test_any_range_reads_as_the_plaintext_does(start: int, length: int) -> None:
    stream = reader(_SEALED)
    stream.seek(start)
    assert stream.read(length) == _PLAIN[start : start + length]


_PLAIN = os.urandom(300_000)
_SEALED = seal(_PLAIN)


@pytest.mark.parametrize(
    ("defect", "damage"),
    [
        ("a flipped bit in the first segment", lambda s: s[:100] + bytes([s[100] ^ 1]) + s[101:]),
        ("a flipped bit in the last segment", lambda s: s[:-1] + bytes([s[-1] ^ 1])),
        ("a flipped bit in the salt", lambda s: s[:5] + bytes([s[5] ^ 1]) + s[6:]),
        ("cut at a segment border", lambda s: s[: 2 * SEGMENT]),
        ("cut in mid-segment", lambda s: s[:-1000]),
        ("cut inside the header", lambda s: s[: HEADER - 3]),
        ("nothing left", lambda _s: b""),
        ("two segments exchanged", lambda s: s[:SEGMENT] + s[2 * SEGMENT : 3 * SEGMENT] + s[SEGMENT : 2 * SEGMENT]
         + s[3 * SEGMENT :]),
        ("bytes appended", lambda s: s + b"x" * 40),
    ],
)  # fmt: skip
def test_damage_is_told(defect: str, damage: object) -> None:
    with pytest.raises(Damaged):
        reader(damage(_SEALED)).read()  # type: ignore[operator]


def test_another_key_and_another_place_do_not_open_it() -> None:
    with pytest.raises(Damaged):
        reader(_SEALED, key=bytes(32))
    with pytest.raises(Damaged):
        reader(_SEALED, place=b"object|kind|another conversation")


def test_the_first_segment_can_be_written_again_and_no_other() -> None:
    sink = io.BytesIO()
    writer = SealingWriter(sink, KEY, PLACE)
    writer.write(b"\0" * (FIRST_PLAIN + 10))
    writer.seek(4)
    writer.write(b"head")
    writer.seek(0, io.SEEK_END)
    writer.write(b"tail")
    writer.seek(FIRST_PLAIN + 1)
    with pytest.raises(ValueError, match="first segment"):
        writer.write(b"x")
    writer.finish()
    plain = reader(sink.getvalue()).read()
    assert plain[4:8] == b"head"
    assert plain.endswith(b"tail")
    assert len(plain) == FIRST_PLAIN + 14


def test_no_plaintext_reaches_the_sink() -> None:
    assert b"four one one one" not in seal(b"four one one one " * 20_000)


def test_tink_and_candor_open_each_other() -> None:
    tink = pytest.importorskip("tink")
    from tink import cleartext_keyset_handle, streaming_aead
    from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

    streaming_aead.register()
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(
        version=0,
        key_value=KEY,
        params=aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
            ciphertext_segment_size=SEGMENT, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
        ),
    )
    keyset = tink_pb2.Keyset(
        primary_key_id=1,
        key=[
            tink_pb2.Keyset.Key(
                key_data=tink_pb2.KeyData(
                    type_url="type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey",
                    value=key.SerializeToString(),
                    key_material_type=tink_pb2.KeyData.SYMMETRIC,
                ),
                status=tink_pb2.ENABLED,
                key_id=1,
                output_prefix_type=tink_pb2.RAW,
            )
        ],
    )
    handle = cleartext_keyset_handle.from_keyset(keyset) if hasattr(cleartext_keyset_handle, "from_keyset") else (
        cleartext_keyset_handle.read(tink.BinaryKeysetReader(keyset.SerializeToString()))
    )  # fmt: skip
    primitive = handle.primitive(streaming_aead.StreamingAead)

    with primitive.new_decrypting_stream(io.BytesIO(_SEALED), PLACE) as stream:
        assert stream.read() == _PLAIN

    sink = _Unclosed()
    with primitive.new_encrypting_stream(sink, PLACE) as stream:
        stream.write(_PLAIN)
    assert reader(sink.getvalue()).read() == _PLAIN


class _Unclosed(io.BytesIO):
    def close(self) -> None:
        """Tink closes its sink; its bytes are wanted afterwards."""
