"""SRTP and SRTCP (RFC 3711) with keys from the session description (SDES, RFC 4568).

AES in counter mode with HMAC-SHA1 (RFC 3711, RFC 6188 for 256 bits) and AES-GCM (RFC 7714). Packets in, packets out:
no socket in sight. Keys are derived once (the key derivation rate is 0, as SDES has it unless KDR says otherwise) and
cipher objects are kept, so that a packet costs a few microseconds.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.hmac import HMAC

from candor.errors import InvalidInput

MAX_SSRCS = 8
"""Senders whose state one receiver keeps; the one that has been silent longest makes room."""
_WINDOW = 64
_WINDOW_MASK = (1 << _WINDOW) - 1
_HMAC_KEY = 20
_GCM_TAG = 16
_MAX_MKI = 128
_SRTP_LABELS = (0, 1, 2)
_SRTCP_LABELS = (3, 4, 5)
_HALF = 1 << 15
_MAX_INDEX = (1 << 48) - 1
_MAX_CONTROL_INDEX = (1 << 31) - 1
_ENCRYPTED = 1 << 31
_INLINE = re.compile(
    r"(?:inline:)?(?P<key>[A-Za-z0-9+/]{1,128}={0,2})(?:\|(?:2\^)?[0-9]{1,20})?(?:\|(?P<mki>[0-9]{1,40}):(?P<size>[0-9]{1,3}))?",
    re.IGNORECASE,
)


class SrtpError(InvalidInput):
    """A packet that is not what the holder of the key sent, or a key that cannot be used."""

    code = "srtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A crypto suite of RFC 4568: which cipher, and how long its keys and tags are, in bytes."""

    name: str
    key_bytes: int
    salt_bytes: int
    tag_bytes: int
    """Authentication tag of SRTP; with GCM it is part of the ciphertext."""
    control_tag_bytes: int
    """Authentication tag of SRTCP: 80 bits even where SRTP has 32 (RFC 4568 section 6.2.2)."""
    aead: bool = False


def _suites() -> dict[str, Suite]:
    found = {}
    for prefix, key_bytes in (("AES_CM_128", 16), ("AES_256_CM", 32)):
        for bits in (80, 32):
            name = f"{prefix}_HMAC_SHA1_{bits}"
            found[name] = Suite(
                name=name, key_bytes=key_bytes, salt_bytes=14, tag_bytes=bits // 8, control_tag_bytes=10
            )
    for name, key_bytes in (("AEAD_AES_128_GCM", 16), ("AEAD_AES_256_GCM", 32)):
        found[name] = Suite(
            name=name, key_bytes=key_bytes, salt_bytes=12, tag_bytes=_GCM_TAG, control_tag_bytes=_GCM_TAG, aead=True
        )
    return found


SUITES = _suites()
"""By the name that ``a=crypto`` carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crypto:
    """A master key and what goes with it: one ``a=crypto`` line."""

    suite: Suite
    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    mki: bytes = b""
    """Master key identifier that every packet carries; empty: none."""

    def __post_init__(self) -> None:
        if len(self.key) != self.suite.key_bytes or len(self.salt) != self.suite.salt_bytes:
            wanted = self.suite.key_bytes + self.suite.salt_bytes
            raise SrtpError(
                f"The SRTP key for {self.suite.name} has {len(self.key) + len(self.salt)} bytes in place of {wanted}.",
                code="srtp.key",
                advice="Check the crypto settings of the sender.",
            )
        if len(self.mki) > _MAX_MKI:
            raise SrtpError("The SRTP master key identifier is longer than 128 bytes.", code="srtp.key")

    @classmethod
    def from_inline(cls, suite: str, inline: str) -> Self:
        """The key of ``a=crypto:1 SUITE inline:KEY|lifetime|MKI:length``; ``inline:`` itself may be absent.

        The lifetime is taken and not enforced: it binds who sends. Raises SrtpError ``srtp.suite`` for a suite that
        is not in SUITES, ``srtp.key`` for key parameters that make no sense (several keys in one line among them).
        """
        chosen = SUITES.get(suite.upper())
        if chosen is None:
            raise SrtpError(
                "The SRTP crypto suite is not one of: " + ", ".join(SUITES) + ".",
                code="srtp.suite",
                advice="Choose one of these at the sender.",
            )
        match = _INLINE.fullmatch(inline.strip())
        if match is None:
            raise SrtpError("The SRTP key parameters cannot be read.", code="srtp.key")
        text = match["key"].rstrip("=")
        try:
            # Some senders leave the padding out.
            secret = b64decode(text + "=" * (-len(text) % 4), validate=True)
            mki = int(match["mki"]).to_bytes(int(match["size"]), "big") if match["mki"] else b""
        except (binascii.Error, ValueError, OverflowError) as error:
            raise SrtpError("The SRTP key parameters cannot be read.", code="srtp.key") from error
        return cls(suite=chosen, key=secret[: chosen.key_bytes], salt=secret[chosen.key_bytes :], mki=mki)

    def inline(self) -> str:
        """The key parameters as ``a=crypto`` carries them."""
        identifier = f"|{int.from_bytes(self.mki, 'big')}:{len(self.mki)}" if self.mki else ""
        return "inline:" + b64encode(self.key + self.salt).decode() + identifier


def derive(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """A session key of ``length`` bytes (RFC 3711 section 4.3.3, key derivation rate 0; RFC 6188 for 256 bits).

    A salt of 96 bits is filled up on the right (RFC 7714 section 11).
    """
    start = bytearray(salt.ljust(14, b"\0"))
    start[7] ^= label
    return Cipher(AES(key), CTR(bytes(start) + b"\0\0")).encryptor().update(bytes(length))


class _Transform(Protocol):
    """One direction of one kind of packet (SRTP or SRTCP) under derived keys."""

    def open(self, header: bytes, sealed: bytes, ssrc: int, index: int, suffix: bytes, tag: bytes) -> bytes | None:
        """The plain payload, or None when the tag is wrong."""

    def seal(self, header: bytes, plain: bytes, ssrc: int, index: int, suffix: bytes) -> tuple[bytes, bytes]:
        """Ciphertext and tag."""


class _CounterMode:
    """AES-CM and HMAC-SHA1: RFC 3711 sections 4.1.1 and 4.2.1."""

    __slots__ = ("_cipher", "_mac", "_salt", "_tag_bytes")

    def __init__(self, key: bytes, authentication: bytes, salt: bytes, tag_bytes: int) -> None:
        self._mac = HMAC(authentication, SHA1())  # noqa: S303  RFC 3711 says so
        self._salt = int.from_bytes(salt, "big") << 16
        self._cipher = Cipher(AES(key), CTR(bytes(16))).encryptor()
        self._tag_bytes = tag_bytes

    def _crypt(self, data: bytes, ssrc: int, index: int) -> bytes:
        self._cipher.reset_nonce((self._salt ^ (ssrc << 64) ^ (index << 16)).to_bytes(16, "big"))
        return self._cipher.update(data)

    def _tag(self, header: bytes, sealed: bytes, suffix: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(header + sealed + suffix)
        return mac.finalize()[: self._tag_bytes]

    def open(self, header: bytes, sealed: bytes, ssrc: int, index: int, suffix: bytes, tag: bytes) -> bytes | None:
        if not hmac.compare_digest(self._tag(header, sealed, suffix), tag):
            return None
        return self._crypt(sealed, ssrc, index)

    def seal(self, header: bytes, plain: bytes, ssrc: int, index: int, suffix: bytes) -> tuple[bytes, bytes]:
        sealed = self._crypt(plain, ssrc, index)
        return sealed, self._tag(header, sealed, suffix)


class _Gcm:
    """AES-GCM: RFC 7714 sections 8 and 9. What follows the header in the associated data is the SRTCP index."""

    __slots__ = ("_cipher", "_salt")

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._cipher = AESGCM(key)
        self._salt = int.from_bytes(salt, "big")

    def _nonce(self, ssrc: int, index: int) -> bytes:
        return (self._salt ^ (ssrc << 48) ^ index).to_bytes(12, "big")

    def open(self, header: bytes, sealed: bytes, ssrc: int, index: int, suffix: bytes, tag: bytes) -> bytes | None:
        try:
            return self._cipher.decrypt(self._nonce(ssrc, index), sealed + tag, header + suffix)
        except InvalidTag:
            return None

    def seal(self, header: bytes, plain: bytes, ssrc: int, index: int, suffix: bytes) -> tuple[bytes, bytes]:
        both = self._cipher.encrypt(self._nonce(ssrc, index), plain, header + suffix)
        return both[:-_GCM_TAG], both[-_GCM_TAG:]


def _transform(crypto: Crypto, *, control: bool) -> _Transform:
    suite = crypto.suite
    encryption, authentication, salting = _SRTCP_LABELS if control else _SRTP_LABELS
    key = derive(crypto.key, crypto.salt, encryption, suite.key_bytes)
    salt = derive(crypto.key, crypto.salt, salting, suite.salt_bytes)
    if suite.aead:
        return _Gcm(key, salt)
    tag_bytes = suite.control_tag_bytes if control else suite.tag_bytes
    return _CounterMode(key, derive(crypto.key, crypto.salt, authentication, _HMAC_KEY), salt, tag_bytes)


class _Seen:
    """Which packet indices of one sender have come: the highest, and the 64 up to it (RFC 3711 section 3.3.2)."""

    __slots__ = ("highest", "window")

    def __init__(self) -> None:
        self.highest = -1
        self.window = 0

    def had(self, index: int) -> bool:
        """True for an index that came already or is too old to tell."""
        back = self.highest - index
        return back >= 0 and (back >= _WINDOW or self.window >> back & 1 == 1)

    def note(self, index: int) -> None:
        ahead = index - self.highest
        if ahead <= 0:
            self.window |= 1 << -ahead
        else:
            # A far jump empties the window; it must not build a number of as many bits as the jump is wide.
            self.window = (self.window << ahead | 1) & _WINDOW_MASK if ahead < _WINDOW else 1
            self.highest = index


class _Senders:
    """State by SSRC, bounded; only authenticated packets may add to it."""

    __slots__ = ("_current", "_seen", "_ssrc")

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._ssrc = -1
        self._current: _Seen | None = None

    def get(self, ssrc: int) -> _Seen | None:
        return self._current if ssrc == self._ssrc else self._seen.get(ssrc)

    def put(self, ssrc: int, seen: _Seen) -> None:
        """Note that ``ssrc`` spoke last."""
        if ssrc == self._ssrc:
            return
        self._seen.pop(ssrc, None)
        if len(self._seen) >= MAX_SSRCS:
            del self._seen[next(iter(self._seen))]
        self._seen[ssrc] = seen
        self._ssrc, self._current = ssrc, seen


def guess_index(highest: int, sequence: int) -> int:
    """The 48-bit index of a packet from its 16-bit sequence number (RFC 3711 section 3.3.1).

    ``highest`` is the highest index so far, -1 before the first packet. May be negative: a packet of before the first.
    """
    if highest < 0:
        return sequence
    rollovers, last = highest >> 16, highest & 0xFFFF
    if last < _HALF:
        rollovers -= sequence - last > _HALF
    else:
        rollovers += last - _HALF > sequence
    return (rollovers << 16) + sequence


def _header_length(packet: bytes, end: int) -> int:
    """Length of the RTP header with contributing sources and extension; -1 when it does not fit before ``end``."""
    if end < 12:
        return -1
    first = packet[0]
    if first & 0xC0 != 0x80:
        return -1
    length = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        if end < length + 4:
            return -1
        length += 4 + 4 * (packet[length + 2] << 8 | packet[length + 3])
    return length if length <= end else -1


def _short(kind: str) -> SrtpError:
    return SrtpError(f"An {kind} packet is too short or has no valid header.", code="srtp.short")


def _forged(kind: str) -> SrtpError:
    return SrtpError(
        f"An {kind} packet does not authenticate.",
        code="srtp.tag",
        advice="Check that both sides use the same key and suite; a stranger may be sending.",
    )


def _replayed(kind: str) -> SrtpError:
    return SrtpError(f"An {kind} packet came twice, or far too late.", code="srtp.replay")


def _other_key(kind: str) -> SrtpError:
    return SrtpError(f"An {kind} packet names another master key.", code="srtp.mki")


class SrtpReceiver:
    """Opens what one peer sends under one master key; not for several threads at once."""

    def __init__(self, crypto: Crypto) -> None:
        suite = crypto.suite
        self._mki = crypto.mki
        self._tag = suite.tag_bytes
        self._control_tag = suite.control_tag_bytes
        self._aead = suite.aead
        self._media = _transform(crypto, control=False)
        self._control = _transform(crypto, control=True)
        self._senders = _Senders()
        self._control_senders = _Senders()

    def unprotect(self, packet: bytes) -> bytes:
        """The RTP packet in an SRTP packet.

        Raises SrtpError: ``srtp.short`` (not SRTP at all), ``srtp.mki``, ``srtp.replay``, ``srtp.tag``. A packet that
        is refused changes nothing.
        """
        end = len(packet) - self._tag - len(self._mki)
        start = _header_length(packet, end)
        if start < 0:
            raise _short("SRTP")
        if not self._mki:
            tag = packet[end:]
        else:
            # RFC 7714 section 13.2 puts the identifier behind the tag of GCM, RFC 3711 before the one of HMAC.
            tag, mki = self._trailer(packet[end:], self._tag)
            if mki != self._mki:
                raise _other_key("SRTP")
        sequence = packet[2] << 8 | packet[3]
        ssrc = int.from_bytes(packet[8:12], "big")
        seen = self._senders.get(ssrc)
        known = seen is not None
        if seen is None:
            seen = _Seen()
        index = guess_index(seen.highest, sequence)
        if index < 0 or seen.had(index):
            raise _replayed("SRTP")
        header, sealed = packet[:start], packet[start:end]
        plain = self._open(header, sealed, ssrc, index, tag)
        if plain is None and not known and sequence < _HALF:
            # A sender that began shortly before the wrap, and whose first packets are late or lost.
            index += 1 << 16
            plain = self._open(header, sealed, ssrc, index, tag)
        if plain is None:
            raise _forged("SRTP")
        seen.note(index)
        self._senders.put(ssrc, seen)
        return header + plain

    def _open(self, header: bytes, sealed: bytes, ssrc: int, index: int, tag: bytes) -> bytes | None:
        suffix = b"" if self._aead else (index >> 16).to_bytes(4, "big")
        return self._media.open(header, sealed, ssrc, index, suffix, tag)

    def _trailer(self, trailer: bytes, tag: int) -> tuple[bytes, bytes]:
        """Tag and master key identifier."""
        if self._aead:
            return trailer[:tag], trailer[tag:]
        return trailer[len(trailer) - tag :], trailer[: len(trailer) - tag]

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """The compound RTCP packet in an SRTCP packet (RFC 3711 section 3.4); raises as ``unprotect``."""
        # AES-CM: header, sealed, index, MKI, tag. GCM: header, sealed, tag, index, MKI (RFC 7714 section 9.2).
        end = len(packet) - self._control_tag - len(self._mki) - 4
        if end < 8 or packet[0] & 0xC0 != 0x80:
            raise _short("SRTCP")
        trailer = packet[end:]
        if self._aead:
            tag, word, mki = trailer[:_GCM_TAG], trailer[_GCM_TAG : _GCM_TAG + 4], trailer[_GCM_TAG + 4 :]
        else:
            word = trailer[:4]
            tag, mki = self._trailer(trailer[4:], self._control_tag)
        if mki != self._mki:
            raise _other_key("SRTCP")
        ssrc = int.from_bytes(packet[4:8], "big")
        marked = int.from_bytes(word, "big")
        index = marked & ~_ENCRYPTED
        seen = self._control_senders.get(ssrc) or _Seen()
        if seen.had(index):
            raise _replayed("SRTCP")
        plain = self._open_control(packet, end, ssrc, index, word, tag)
        if plain is None:
            raise _forged("SRTCP")
        seen.note(index)
        self._control_senders.put(ssrc, seen)
        return plain

    def _open_control(self, packet: bytes, end: int, ssrc: int, index: int, word: bytes, tag: bytes) -> bytes | None:
        header, body = packet[:8], packet[8:end]
        if word[0] & 0x80:
            plain = self._control.open(header, body, ssrc, index, word, tag)
            return None if plain is None else header + plain
        # Authenticated only: nothing is sealed, everything is covered.
        nothing = self._control.open(packet[:end], b"", ssrc, index, word, tag)
        return None if nothing is None else packet[:end]


class SrtpSender:
    """Seals packets under one master key: for the self-test and for tests, the recorder itself only listens."""

    def __init__(self, crypto: Crypto) -> None:
        self._mki = crypto.mki
        self._aead = crypto.suite.aead
        self._media = _transform(crypto, control=False)
        self._control = _transform(crypto, control=True)
        self._highest: dict[int, int] = {}
        self._next_control: dict[int, int] = {}

    def protect(self, packet: bytes) -> bytes:
        """The SRTP packet for an RTP packet; sequence numbers may wrap and must never come twice.

        Raises SrtpError ``srtp.short`` for what is not RTP, ``srtp.replay`` for a packet that was sealed before
        (sealing another one under its index would give the key stream away), ``srtp.spent`` after 2^48 packets.
        """
        start = _header_length(packet, len(packet))
        if start < 0:
            raise _short("RTP")
        ssrc = int.from_bytes(packet[8:12], "big")
        highest = self._highest.get(ssrc, -1)
        index = guess_index(highest, packet[2] << 8 | packet[3])
        if index <= highest:
            raise _replayed("RTP")
        self._keep(self._highest, ssrc, index, _MAX_INDEX)
        suffix = b"" if self._aead else (index >> 16).to_bytes(4, "big")
        header = packet[:start]
        sealed, tag = self._media.seal(header, packet[start:], ssrc, index, suffix)
        return header + sealed + (tag + self._mki if self._aead else self._mki + tag)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """The SRTCP packet for a compound RTCP packet, always encrypted; raises as ``protect``."""
        if len(packet) < 8 or packet[0] & 0xC0 != 0x80:
            raise _short("RTCP")
        ssrc = int.from_bytes(packet[4:8], "big")
        index = self._next_control.get(ssrc, 0)
        self._keep(self._next_control, ssrc, index + 1, _MAX_CONTROL_INDEX)
        word = (index | _ENCRYPTED).to_bytes(4, "big")
        sealed, tag = self._control.seal(packet[:8], packet[8:], ssrc, index, word)
        return packet[:8] + sealed + (tag + word + self._mki if self._aead else word + self._mki + tag)

    @staticmethod
    def _keep(where: dict[int, int], ssrc: int, value: int, most: int) -> None:
        if value > most:
            raise SrtpError("This SRTP key has sealed all the packets that it may.", code="srtp.spent")
        if ssrc not in where and len(where) >= MAX_SSRCS:
            # Forgetting a sender would let an index be used twice.
            raise SrtpError(f"One SRTP key is used by more than {MAX_SSRCS} senders.", code="srtp.senders")
        where[ssrc] = value
