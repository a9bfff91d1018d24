"""RTP payloads to linear samples, for the whole packets of a stream at once, and G.711 both ways.

Payload formats: RFC 3551 (G.711, G.722, G.729, GSM, L16), RFC 7587 (Opus), RFC 3952 (iLBC), RFC 4867 (AMR, AMR-WB; see
:mod:`candor.capture.rtp.amr`). G.711 and L16 are tables and byte order; the others go through FFmpeg's decoders, which
remember their stream: one decoder for one stream, payloads in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Protocol, cast

import av
import av.codec
import av.codec.codec
import av.error
import numpy as np
import numpy.typing as npt

from candor.capture.files.pcm import CODINGS, samples
from candor.capture.rtp import amr

Sound = npt.NDArray[np.int16]
Codes = npt.NDArray[np.uint8]

_SILENT = {"PCMU": 0xFF, "PCMA": 0xD5}
_OPUS_RATE = 48_000
_OPUS_LONGEST = 5_760
"""120 ms: a packet that says more is not Opus (RFC 6716 section 3.4)."""
_BATCH = 1 << 16
"""Bytes that FFmpeg is given at once."""


class Decoder(Protocol):
    """Makes samples of the payloads of one stream, in their order."""

    @property
    def rate(self) -> int:
        """Samples a second that come out; not always the clock rate of the time stamps (G.722: 16,000 and 8,000)."""

    @property
    def channels(self) -> int:
        """Channels that come out."""

    def decode(self, payloads: Sequence[bytes]) -> list[Sound]:
        """One array for each payload: (samples,), or (samples, channels) when there are several.

        Empty for a payload that is damaged or holds no sound; nothing is ever raised for one.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frames:
    """A coding in frames of one size each."""

    names: tuple[str, ...]
    """FFmpeg's decoders, the better first."""
    rate: int
    size: int
    """Bytes of a frame."""
    units: int
    """RTP clock units that a frame lasts."""
    length: int
    """Samples that it decodes to."""
    pause: int = 0
    """Bytes of a comfort noise frame that may come last; it is kept as silence of a frame's length."""
    bit_rate: int = 0
    """What tells FFmpeg the mode, where the coding has several."""
    alone: bool = False
    """FFmpeg decodes the first frame of what it is given, and drops the others."""


_FRAMES = {
    "G722": _Frames(names=("g722",), rate=16_000, size=1, units=1, length=2),
    "G729": _Frames(names=("g729",), rate=8_000, size=10, units=80, length=80, pause=2),
    "GSM": _Frames(names=("gsm", "libgsm"), rate=8_000, size=33, units=160, length=160),
}
_ILBC = {
    "20": _Frames(names=("ilbc", "libilbc"), rate=8_000, size=38, units=160, length=160, bit_rate=15_200, alone=True),
    "30": _Frames(names=("ilbc", "libilbc"), rate=8_000, size=50, units=240, length=240, bit_rate=13_333, alone=True),
}
_AMR = {
    # FFmpeg's own amrnb gives nothing for the silence between words (SID, NO_DATA).
    "AMR": (amr.NARROW, ("libopencore_amrnb", "amrnb"), 8_000),
    "AMR-WB": (amr.WIDE, ("libopencore_amrwb", "amrwb"), 16_000),
}
_OPUS = ("libopus", "opus")


# ---- G.711 -----------------------------------------------------------------------------------------------------------


def _linear(name: str) -> Sound:
    return np.rint(samples(CODINGS[name], bytes(range(256)), 1)[:, 0] * 32768).astype(np.int16)


LINEAR: dict[str, Sound] = {"PCMU": _linear("pcm_mulaw"), "PCMA": _linear("pcm_alaw")}
"""Code → 16-bit sample."""


def _ulaw_codes() -> Codes:
    """For each 16-bit sample, as unsigned, its mu-law code: 14 bits count, a negative one is complemented (G.711)."""
    value = np.arange(65_536, dtype=np.int32)
    negative = value >= 0x8000
    biased = np.minimum((np.where(negative, 0xFFFF - value, value) >> 2) + 33, 0x1FFF)
    segment = np.frexp(biased.astype(np.float64))[1] - 6  # 33…63 is segment 0
    code = segment << 4 | biased >> segment + 1 & 0x0F
    codes: Codes = np.invert(np.where(negative, code | 0x80, code)).astype(np.uint8)
    return codes


def _alaw_codes() -> Codes:
    """For each 16-bit sample, as unsigned, its A-law code: 13 bits count, a negative one is complemented (G.711)."""
    value = np.arange(65_536, dtype=np.int32)
    negative = value >= 0x8000
    magnitude = np.where(negative, 0xFFFF - value, value) >> 4
    segment = np.maximum(np.frexp(magnitude.astype(np.float64))[1] - 4, 0)  # 0…15 is segment 0, 16…31 segment 1
    mantissa = magnitude >> np.maximum(segment - 1, 0) & 0x0F
    code = segment << 4 | mantissa
    codes: Codes = np.bitwise_xor(np.where(negative, code, code | 0x80), 0x55).astype(np.uint8)
    return codes


_ULAW_CODES, _ALAW_CODES = _ulaw_codes(), _alaw_codes()


def encode_ulaw(sound: Sound) -> Codes:
    """16-bit samples as mu-law codes, same shape. Of the two codes for zero the one that lines idle at (0xFF)."""
    codes: Codes = _ULAW_CODES[sound.view(np.uint16)]
    return codes


def encode_alaw(sound: Sound) -> Codes:
    """16-bit samples as A-law codes, same shape."""
    codes: Codes = _ALAW_CODES[sound.view(np.uint16)]
    return codes


def silence(encoding: str) -> int:
    """The G.711 code of silence; KeyError for any other encoding."""
    return _SILENT[encoding.upper()]


# ---- decoders --------------------------------------------------------------------------------------------------------


def _shaped(flat: Sound, channels: int) -> Sound:
    """Whole frames only."""
    if channels == 1:
        return flat
    return flat[: len(flat) // channels * channels].reshape(-1, channels)


class _Direct:
    """Codings whose samples stand in the payload one by one."""

    def __init__(self, rate: int, channels: int, width: int, convert: Callable[[bytes], Sound]) -> None:
        self.rate, self.channels = rate, channels
        self._frame, self._convert = width * channels, convert

    def decode(self, payloads: Sequence[bytes]) -> list[Sound]:
        whole = [payload[: len(payload) // self._frame * self._frame] for payload in payloads]
        every = _shaped(self._convert(b"".join(whole)), self.channels)
        return _cut(every, [len(payload) // self._frame for payload in whole])


def _cut(every: Sound, lengths: Sequence[int]) -> list[Sound]:
    """``every`` in pieces of these lengths."""
    stops = np.cumsum([0, *lengths]).tolist()
    return [every[start:stop] for start, stop in pairwise(stops)]


class _Context:
    """One of FFmpeg's decoders, with its memory of the stream; 16-bit samples whatever it makes."""

    def __init__(self, name: str, rate: int, channels: int, bit_rate: int = 0) -> None:
        self.rate, self.channels = rate, channels
        self._context = cast("Any", av.CodecContext.create(name, "r"))
        self._context.sample_rate = rate
        self._context.layout = "stereo" if channels == 2 else "mono"
        self._context.thread_count = 1
        if bit_rate:
            self._context.bit_rate = bit_rate

    def samples(self, data: bytes) -> Sound:
        """What ``data`` decodes to; empty when it is damaged. An empty packet would end the stream: it is not given."""
        if not data:
            return np.zeros(0, np.int16)
        try:
            parts = [_sixteen_bits(frame) for frame in self._context.decode(av.Packet(data))]
        except (av.error.FFmpegError, ValueError):
            parts = []
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _sixteen_bits(frame: Any) -> Sound:
    """A frame of whatever format as interleaved 16-bit samples."""
    if frame.format.name == "s16":  # interleaved already; behind the samples the plane is padded
        whole: Sound = np.frombuffer(frame.planes[0], np.int16, count=frame.samples * frame.layout.nb_channels)
        return whole
    made: npt.NDArray[Any] = frame.to_ndarray().T.reshape(-1)
    return made if made.dtype == np.int16 else np.clip(np.rint(made * 32768.0), -32768, 32767).astype(np.int16)


class _Framed:
    """Codings in frames of one size: many payloads are decoded in one go."""

    channels = 1

    def __init__(self, frames: _Frames, name: str) -> None:
        self._frames, self.rate = frames, frames.rate
        self._context = _Context(name, frames.rate, 1, frames.bit_rate)

    def decode(self, payloads: Sequence[bytes]) -> list[Sound]:
        # Comfort noise stands between frames of speech, but no decoder here makes any: it ends a payload as silence.
        counts = [_frame_count(self._frames, len(payload)) for payload in payloads]
        found: list[Sound] = []
        start = 0
        while start < len(payloads):
            stop, size = start, 0
            while stop < len(payloads) and (size == 0 or size + len(payloads[stop]) <= _BATCH):
                size += len(payloads[stop])
                stop += 1
            found += self._batch(payloads[start:stop], counts[start:stop])
            start = stop
        return found

    def _batch(self, payloads: Sequence[bytes], counts: Sequence[tuple[int, int]]) -> list[Sound]:
        size, length = self._frames.size, self._frames.length
        speech = [payload[: count * size] for payload, (count, _) in zip(payloads, counts, strict=True)]
        every = self._samples(b"".join(speech))
        if len(every) == length * sum(count for count, _ in counts):
            pieces = _cut(every, [count * length for count, _ in counts])
        else:
            # Something in it is damaged: find out what, at the price of a decoder that heard some of it twice.
            pieces = [self._samples(data) for data in speech]
        return [
            np.concatenate((piece, np.zeros(length, np.int16))) if pause else piece
            for piece, (_, pause) in zip(pieces, counts, strict=True)
        ]

    def _samples(self, data: bytes) -> Sound:
        size = self._frames.size
        if not self._frames.alone or len(data) == size:
            return self._context.samples(data)
        found = [self._context.samples(data[at : at + size]) for at in range(0, len(data), size)]
        return np.concatenate(found) if found else np.zeros(0, np.int16)


def _frame_count(frames: _Frames, size: int) -> tuple[int, int]:
    """Frames of speech and of comfort noise in a payload of ``size`` bytes; none when it is no multiple."""
    count, rest = divmod(size, frames.size)
    if rest == 0:
        return count, 0
    return (count, 1) if rest == frames.pause else (0, 0)


class _Opus:
    """Opus, always at 48 kHz; in discontinuous transmission a payload of one byte stands for a pause (RFC 7587)."""

    rate = _OPUS_RATE

    def __init__(self, name: str, channels: int) -> None:
        self.channels = channels
        self._context = _Context(name, _OPUS_RATE, channels)

    def decode(self, payloads: Sequence[bytes]) -> list[Sound]:
        return [_shaped(self._context.samples(payload), self.channels) for payload in payloads]


class _AmrDecoder:
    """AMR and AMR-WB, taken out of their RTP payloads."""

    channels = 1

    def __init__(self, form: amr.Form, packing: amr.Packing, name: str, rate: int) -> None:
        self._form, self._packing, self.rate = form, packing, rate
        self._context = _Context(name, rate, 1)

    def decode(self, payloads: Sequence[bytes]) -> list[Sound]:
        return [self._context.samples(b"".join(amr.unpack(self._form, self._packing, one))) for one in payloads]


@cache
def _available(names: tuple[str, ...]) -> str | None:
    """The first of FFmpeg's decoders that this build has."""
    for name in names:
        try:
            av.codec.Codec(name, "r")
        except av.codec.codec.UnknownCodecError:
            continue
        return name
    return None


def make_decoder(encoding: str, clock_rate: int, channels: int = 1, fmtp: str = "") -> Decoder | None:
    """A decoder for one stream, from its ``a=rtpmap`` and ``a=fmtp``; None when nothing here decodes it.

    Opus is decoded to two channels only when the sender says that it is likely to send two (``sprop-stereo=1``): its
    rtpmap always says 2 (RFC 7587 section 7).
    """
    name = encoding.upper()
    if clock_rate <= 0 or channels <= 0:
        return None
    if name in LINEAR:
        table = LINEAR[name]
        return _Direct(clock_rate, channels, 1, lambda data: table[np.frombuffer(data, np.uint8)])
    if name == "L16":
        return _Direct(clock_rate, channels, 2, lambda data: np.frombuffer(data, ">i2").astype(np.int16))
    return _with_memory(name, channels, format_parameters(fmtp))


def _with_memory(name: str, channels: int, parameters: dict[str, str]) -> Decoder | None:
    if name == "OPUS":
        found = _available(_OPUS)
        return _Opus(found, 2 if parameters.get("sprop-stereo") == "1" else 1) if found else None
    if channels != 1:
        return None
    if name in _AMR:
        form, names, rate = _AMR[name]
        packing, found = amr.packing(parameters), _available(names)
        return _AmrDecoder(form, packing, found, rate) if packing and found else None
    frames = _frames(name, parameters, 0)
    found = _available(frames.names) if frames else None
    return _Framed(frames, found) if frames and found else None


def _frames(name: str, parameters: dict[str, str], size: int) -> _Frames | None:
    if name != "ILBC":
        return _FRAMES.get(name)
    mode = parameters.get("mode")
    if mode is None and size:
        mode = "20" if size % _ILBC["20"].size == 0 else "30"
    return _ILBC.get(mode or "30")


def format_parameters(fmtp: str) -> dict[str, str]:
    """``a=fmtp`` (without the payload type) as a mapping; names in lower case, a name without a value gets ``""``."""
    pairs = (part.strip().partition("=") for part in fmtp[:4096].split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


# ---- lengths ---------------------------------------------------------------------------------------------------------


def samples_per_packet(encoding: str, payload: bytes, clock_rate: int, channels: int = 1, fmtp: str = "") -> int | None:
    """How many clock units a payload lasts, 0 for a damaged one; None where only a decoder could tell."""
    name, size = encoding.upper(), len(payload)
    if name in LINEAR:
        return size // max(channels, 1)
    if name == "L16":
        return size // (2 * max(channels, 1))
    if name == "OPUS":
        return _opus_units(payload)
    parameters = format_parameters(fmtp)
    if name in _AMR:
        packing = amr.packing(parameters)
        return None if packing is None else len(amr.unpack(_AMR[name][0], packing, payload)) * clock_rate // 50
    frames = _frames(name, parameters, size)
    return None if frames is None else sum(_frame_count(frames, size)) * frames.units


def _opus_units(payload: bytes) -> int:
    """By the table of contents (RFC 6716 section 3.1), in 48 kHz units."""
    if not payload:
        return 0
    configuration, code = payload[0] >> 3, payload[0] & 3
    if configuration < 12:
        frame = (480, 960, 1920, 2880)[configuration & 3]
    elif configuration < 16:
        frame = (480, 960)[configuration & 1]
    else:
        frame = (120, 240, 480, 960)[configuration & 3]
    counts = (1, 2, 2, payload[1] & 63 if len(payload) > 1 else 0)
    frames = counts[code]
    return frame * frames if frame * frames <= _OPUS_LONGEST else 0
