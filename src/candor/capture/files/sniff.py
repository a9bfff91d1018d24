"""What a file is, told from its bytes. The name decides only for raw sound, which has no bytes to tell by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from candor.capture.files.refusals import refuse

HEAD = 4096
"""How many first bytes are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A recognised kind of recording."""

    container: str
    """``wav``, or FFmpeg's name of the demuxer."""
    label: str
    """For people."""
    extensions: tuple[str, ...]
    mediatype: str


WAV = Kind(container="wav", label="WAV", extensions=("wav", "wave", "rf64", "bwf", "wav49"), mediatype="audio/x-wav")
MP3 = Kind(container="mp3", label="MP3", extensions=("mp3", "mp2", "mpga"), mediatype="audio/x-mp3")
ADTS = Kind(container="aac", label="AAC", extensions=("aac", "adts"), mediatype="audio/aac")
FLAC = Kind(container="flac", label="FLAC", extensions=("flac",), mediatype="audio/flac")
OGG = Kind(container="ogg", label="Ogg", extensions=("ogg", "oga", "opus", "ogx", "spx"), mediatype="audio/ogg")
MP4 = Kind(
    container="mov",
    label="MP4",
    extensions=("m4a", "mp4", "m4b", "mov", "3gp", "3g2", "3gpp", "m4v"),
    mediatype="audio/x-mp4",
)
WEBM = Kind(
    container="matroska", label="WebM/Matroska", extensions=("webm", "mka", "mkv", "weba"), mediatype="audio/webm"
)
AMR = Kind(container="amr", label="AMR", extensions=("amr", "awb"), mediatype="audio/amr")
AIFF = Kind(container="aiff", label="AIFF", extensions=("aif", "aiff", "aifc"), mediatype="audio/aiff")
AU = Kind(container="au", label="AU", extensions=("au", "snd"), mediatype="audio/basic")
CAF = Kind(container="caf", label="CAF", extensions=("caf",), mediatype="audio/x-caf")
W64 = Kind(container="w64", label="Wave64", extensions=("w64",), mediatype="audio/x-w64")
GSM = Kind(container="gsm", label="GSM 06.10", extensions=("gsm",), mediatype="audio/gsm")
G722 = Kind(container="g722", label="G.722", extensions=("g722", "722"), mediatype="audio/g722")
ULAW = Kind(container="mulaw", label="raw mu-law", extensions=("ulaw", "ul", "mulaw", "pcmu"), mediatype="audio/pcmu")
ALAW = Kind(container="alaw", label="raw A-law", extensions=("alaw", "al", "pcma"), mediatype="audio/pcma")
SLIN = Kind(container="s16le", label="raw 16-bit PCM, 8 kHz", extensions=("pcm", "raw", "sln"), mediatype="audio/l16")
SLIN16 = Kind(container="s16le16", label="raw 16-bit PCM, 16 kHz", extensions=("sln16",), mediatype="audio/l16")

KINDS = (WAV, MP3, ADTS, FLAC, OGG, MP4, WEBM, AMR, AIFF, AU, CAF, W64, GSM, G722, ULAW, ALAW, SLIN, SLIN16)
RAW = (G722, ULAW, ALAW, SLIN, SLIN16)
"""Headerless: taken by name."""
_BY_EXTENSION = {extension: kind for kind in KINDS for extension in kind.extensions}
SOUND_EXTENSIONS = frozenset(_BY_EXTENSION)

_NOT_AUDIO = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a bitmap picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"SQLite format 3\x00", "a database"),
    (b"MThd", "MIDI notes, which are not a recording"),
)
_ENCRYPTED = (
    (b"-----BEGIN PGP", "PGP"),
    (b"age-encryption.org/", "age"),
    (b"-----BEGIN AGE", "age"),
    (b"-----BEGIN PKCS7", "S/MIME"),
    (b"-----BEGIN CMS", "S/MIME"),
    (b"Salted__", "OpenSSL"),
    (b"AES\x02", "AES Crypt"),
    (b"VimCrypt~", "Vim"),
    (b"LUKS\xba\xbe", "LUKS"),
)
_ARCHIVES = (
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"MSCF", "Cabinet"),
)


def by_name(filename: str) -> Kind | None:
    """The kind that the name's ending promises."""
    return _BY_EXTENSION.get(PurePosixPath(filename.replace("\\", "/")).suffix.lower().lstrip("."))


def identify(head: bytes, filename: str) -> tuple[Kind, tuple[str, ...]]:
    """What the file is, from its first bytes (≤ 4,096) and, for raw sound, its name; with notes for people.

    Raises MediaRejected for what is encrypted, packed, not sound or unknown.
    """
    promised = by_name(filename)
    kind = _by_magic(head)
    if kind is None:
        raw = promised if promised in RAW else None
        _refuse_other(head, strict=raw is not None)
        if raw is None:
            raise refuse("media.unknown_format")
        return raw, (f"The file has no header; it was read as {raw.label} because of its name.",)
    if promised is not None and promised is not kind:
        return kind, (f"The name promises {promised.label}, but the content is {kind.label}; it was read as such.",)
    return kind, ()


def _by_magic(head: bytes) -> Kind | None:  # noqa: C901, PLR0911  a flat list of signatures
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return WAV
    if head[:4] == b"fLaC":
        return FLAC
    if head[:4] == b"OggS":
        return OGG
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") and head[:2] == b"\x00\x00":
        return MP4
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM
    if head[:5] == b"#!AMR":
        return AMR
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return AIFF
    if head[:4] == b".snd":
        return AU
    if head[:4] == b"caff":
        return CAF
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return W64
    if head[:3] == b"ID3" and len(head) >= 10:
        # ID3v2 size: four 7-bit bytes. Behind the tag comes MPEG sound, ADTS or FLAC.
        size = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        return (_mpeg(head, size) or MP3) if size + 4 <= len(head) else MP3
    return _mpeg(head, 0) or _gsm(head)


def _mpeg(head: bytes, at: int) -> Kind | None:
    """MPEG audio or ADTS at ``at``, confirmed by a second frame where it lies inside ``head``."""
    if head[at : at + 4] == b"fLaC":
        return FLAC
    if len(head) < at + 7 or head[at] != 0xFF or head[at + 1] & 0xE0 != 0xE0:
        return None
    if head[at + 1] & 0xF6 == 0xF0:
        length, kind = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5, ADTS
    else:
        length, kind = mpeg_frame_length(head[at : at + 4]), MP3
    if length < 7:
        return None
    after = at + length
    if after + 2 <= len(head) and not (head[after] == 0xFF and head[after + 1] & 0xE0 == 0xE0):
        return None
    return kind


_BITRATES = {  # ISO/IEC 11172-3 and 13818-3, kbit/s by index
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def mpeg_frame_length(header: bytes) -> int:
    """Bytes of the MPEG audio frame with this four-byte header; 0 when it is not one."""
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return 0
    rate = (44_100, 48_000, 32_000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bitrate = _BITRATES[version == 3, layer][bitrate_index] * 1000
    if layer == 1:
        return (12 * bitrate // rate + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bitrate // rate + padding


def _gsm(head: bytes) -> Kind | None:
    """Raw GSM 06.10: every 33-byte frame begins with the nibble 0xD; 8 frames in a row are no accident."""
    starts = head[: min(len(head), 33 * 32) : 33]
    return GSM if len(starts) >= 8 and all(byte >> 4 == 0xD for byte in starts) else None


def _refuse_other(head: bytes, *, strict: bool) -> None:  # noqa: C901  a flat list of signatures
    """Raise for what is known not to be sound; ``strict`` (raw sound) ignores short signatures, found by accident."""
    for magic, what in _ENCRYPTED:
        if head.startswith(magic):
            raise refuse("media.encrypted", kind=what)
    if _binary_pgp(head):
        raise refuse("media.encrypted", kind="PGP")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        if len(head) > 8 and head[6] & 1:
            raise refuse("media.encrypted", kind="ZIP with a password")
        raise refuse("media.archive", kind="ZIP")
    for magic, what in _ARCHIVES:
        if head.startswith(magic) and not (strict and len(magic) < 4):
            raise refuse("media.archive", kind=what)
    if head[257:262] == b"ustar":
        raise refuse("media.archive", kind="tar")
    for magic, what in _NOT_AUDIO:
        if head.startswith(magic) and not (strict and len(magic) < 4):
            raise refuse("media.not_audio", kind=what)
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"AVI "):
        raise refuse("media.not_audio", kind="a picture" if head[8:12] == b"WEBP" else "an AVI video")
    if is_text(head):
        raise refuse("media.not_audio", kind="text")


def _binary_pgp(head: bytes) -> bool:
    """OpenPGP binary: a session-key packet (RFC 9580 tags 1 and 3) of version 3, 4 or 6 comes first."""
    if len(head) < 4:
        return False
    if head[0] in (0x84, 0x8C):  # old packet form, one-byte length
        return head[2] in (3, 4, 6) and head[1] < 64
    if head[0] == 0x85:  # old packet form, two-byte length: a public-key session key
        return head[3] in (3, 6) and head[1] <= 4
    return head[0] in (0xC1, 0xC3) and head[1] < 192 and head[2] in (3, 4, 6)


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are written text."""
    for encoding in ("utf-8-sig", "utf-16") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            text = head.decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(head) - 4:
                continue
            text = head[: error.start].decode(encoding, "ignore")
        # A-law silence is a row of "U": text has more than a few different characters.
        if len(set(text)) >= 4 and all(sign.isprintable() or sign in "\r\n\t\f\x1b" for sign in text):
            return True
    return False
