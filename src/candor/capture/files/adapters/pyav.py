"""FFmpeg through PyAV: every container and codec that is not plain PCM.

The demuxer is always named, never guessed by FFmpeg, and both lists are closed: FFmpeg knows formats that open other
files or addresses, and a recording has no business with those.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import av.container
import av.error
import numpy as np

from candor.capture.files.limits import Limits
from candor.capture.files.refusals import refuse
from candor.capture.files.sink import MakeWriter, Sink, check_layout
from candor.capture.files.sniff import Kind
from candor.kit.sound import Samples

_CODECS = frozenset(
    {
        "mp1",
        "mp2",
        "mp3",
        "mp3float",
        "mp2float",
        "mp1float",
        "aac",
        "aac_latm",
        "flac",
        "opus",
        "vorbis",
        "speex",
        "libspeex",
        "alac",
        "amrnb",
        "amrwb",
        "amr_nb",
        "amr_wb",
        "gsm",
        "gsm_ms",
        "libgsm",
        "libgsm_ms",
        "g722",
        "g723_1",
        "g726",
        "g726le",
        "g728",
        "g729",
        "ilbc",
        "libopencore_amrnb",
        "libopencore_amrwb",
        "libopus",
        "libvorbis",
        "truespeech",
        "wmav1",
        "wmav2",
        "qcelp",
        "evrc",
    }
)
_FAMILIES = ("pcm_", "adpcm_")
_DECLARE_LENGTH = frozenset({"wav", "mov", "matroska", "flac", "aiff", "au", "caf", "w64"})
"""Containers whose stated duration is a statement, not an estimate from the bit rate."""
_BLOCK = 1 << 16
"""Frames gathered before they go on: codecs hand out a few hundred at a time."""
_MAX_FILL = 600.0
"""Seconds of missing sound that are believed in one piece; more is a damaged time stamp."""
_MIN_GAP = 0.25
_MAX_FAULTS = 20_000
"""Packets in a row that cannot be decoded, after which the rest is given up."""


@dataclass(kw_only=True)
class Facts:
    """What the container says, and what happened while decoding."""

    codec: str
    rate: int
    channels: int
    declared: float | None
    has_picture: bool
    more_tracks: bool
    recorded_at: int | None = None
    """Samples a second before encoding, where the header says so."""
    faults: int = 0
    ignored_gaps: int = 0
    broke_off: bool = False


@contextmanager
def _opened(stream: BinaryIO, kind: Kind) -> Iterator[av.container.InputContainer]:
    stream.seek(0)
    try:
        container = av.open(
            stream, mode="r", format=kind.container, metadata_errors="replace", buffer_size=1 << 18, options={}
        )
    except (av.error.FFmpegError, ValueError, OverflowError, MemoryError) as error:
        raise refuse("media.damaged", kind=kind.label) from error
    try:
        yield container
    finally:
        container.close()


def _facts(container: av.container.InputContainer, kind: Kind) -> tuple[Any, Facts]:
    """The sound track to decode and what is said of it; raises MediaRejected when there is none to decode."""
    if not container.streams.audio:
        raise refuse("media.no_audio_track" if len(container.streams) else "media.damaged", kind=kind.label)
    track = container.streams.audio[0]
    context = track.codec_context
    if context is None:
        raise refuse("media.codec", kind="something that FFmpeg does not know")
    codec = context.codec.name
    if codec not in _CODECS and not codec.startswith(_FAMILIES):
        raise refuse("media.codec", kind=codec)
    declared = None
    if kind.container in _DECLARE_LENGTH and container.duration and container.duration > 0:
        declared = container.duration / av.time_base
    facts = Facts(
        codec=codec,
        rate=context.rate or 0,
        channels=context.channels or 0,
        declared=declared,
        has_picture=any(video.codec_context is not None for video in container.streams.video),
        more_tracks=len(container.streams.audio) > 1,
        recorded_at=_recorded_at(codec, context.extradata),
    )
    return track, facts


def _recorded_at(codec: str, header: bytes | None) -> int | None:
    """Opus always decodes to 48 kHz; its header tells what went in (RFC 7845 section 5.1, "Input Sample Rate")."""
    if codec not in {"opus", "libopus"} or not header or len(header) < 16 or not header.startswith(b"OpusHead"):
        return None
    rate = int.from_bytes(header[12:16], "little")
    return rate if 8_000 <= rate <= 48_000 else None


def inspect(stream: BinaryIO, kind: Kind, limits: Limits) -> tuple[Facts, float | None]:
    """What the header says, checked by decoding the first packets; with the stated or estimated length in seconds."""
    with _opened(stream, kind) as container:
        track, facts = _facts(container, kind)
        check_layout_of(facts, limits)
        frame = next((frame for frame in _frames(container, track, facts, patience=50) if frame.samples), None)
        if frame is None:
            raise refuse("media.damaged", kind=kind.label)
        facts.rate, facts.channels = frame.sample_rate, frame.layout.nb_channels
        check_layout(facts.rate, facts.channels, limits)
        length = container.duration / av.time_base if container.duration and container.duration > 0 else None
        return facts, length


def check_layout_of(facts: Facts, limits: Limits) -> None:
    """Like ``check_layout``, but a header that leaves rate or channels open (0) is no fault."""
    check_layout(facts.rate or limits.min_rate, facts.channels or 1, limits)


def decode(stream: BinaryIO, kind: Kind, make_writer: MakeWriter, limits: Limits) -> tuple[Sink | None, Facts]:
    """Decode the first sound track into a working copy; None when not one frame could be decoded."""
    with _opened(stream, kind) as container:
        track, facts = _facts(container, kind)
        check_layout_of(facts, limits)
        joiner = _Joiner(facts, make_writer, limits)
        try:
            for frame in _frames(container, track, facts):
                if frame.samples:
                    joiner.add(frame)
            joiner.finish()
        except BaseException:
            joiner.abandon()
            raise
    return joiner.sink, facts


class _Joiner:
    """Joins small frames to blocks, and puts silence where the time stamps say that sound is missing."""

    def __init__(self, facts: Facts, make_writer: MakeWriter, limits: Limits) -> None:
        self.sink: Sink | None = None
        self._facts, self._make_writer, self._limits = facts, make_writer, limits
        # FFmpeg's own queue: a quarter of the cost of an array a frame, of which Opus makes 50 a second.
        self._queue = av.AudioFifo()
        self._held = 0
        self._form: tuple[int, int, str] = (0, 0, "")
        self._origin: float | None = None
        self._tick = 0.0

    def add(self, frame: av.AudioFrame) -> None:
        """The next frame in order."""
        form = (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
        if self.sink is None:
            self._facts.rate, self._facts.channels = form[:2]
            self._form = form
            self.sink = Sink(form[0], form[1], self._make_writer, self._limits, recorded_at=self._facts.recorded_at)
            self._tick = float(frame.time_base) if frame.time_base is not None else 0.0
        gap = self._gap(frame, self.sink)
        if gap > _MIN_GAP or form != self._form or self._held >= _BLOCK:
            self._flush(self.sink)
            if form != self._form:
                self._form, self._queue = form, av.AudioFifo()
        if gap > _MIN_GAP:
            self.sink.fill(gap)
        # The queue would insist on unbroken time stamps; holes are dealt with here.
        frame.pts = None
        self._held += frame.samples
        self._queue.write(frame)

    def finish(self) -> None:
        """Write what is left."""
        if self.sink is not None:
            self._flush(self.sink)
            self.sink.finish()

    def abandon(self) -> None:
        """Let go after a failure."""
        if self.sink is not None:
            self.sink.abandon()

    def _gap(self, frame: av.AudioFrame, sink: Sink) -> float:
        """Seconds missing before ``frame``; a jump that cannot be believed moves the origin instead."""
        if frame.pts is None or not self._tick:
            return 0.0
        at = frame.pts * self._tick
        if self._origin is None:
            self._origin = at
        gap = at - self._origin - sink.seconds - self._held / self._form[0]
        if abs(gap) > _MAX_FILL:
            self._facts.ignored_gaps += 1
            self._origin += gap
            return 0.0
        return gap

    def _flush(self, sink: Sink) -> None:
        if self._held:
            block = self._queue.read(0, partial=True)
            self._held = 0
            if block is not None:
                sink.write(_samples(block), self._form[0])


def _frames(
    container: av.container.InputContainer, track: Any, facts: Facts, patience: int = _MAX_FAULTS
) -> Iterator[av.AudioFrame]:
    """Every frame that can be decoded; what cannot is counted and skipped."""
    packets = container.demux(track)
    in_a_row = 0
    while in_a_row < patience:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, ValueError, OverflowError):
            # The container itself is broken here. FFmpeg resynchronises by itself where that can be done.
            facts.broke_off = True
            return
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError):
            facts.faults += 1
            in_a_row += 1
            continue
        if frames:
            in_a_row = 0
        else:
            in_a_row += packet.size > 0
        yield from frames
    facts.broke_off = True


_SCALES = {
    "u8": np.float32(128),
    "s16": np.float32(32768),
    "s32": np.float32(2147483648),
    "s64": np.float32(9223372036854775808),
}


def _samples(frame: av.AudioFrame) -> Samples:
    """A frame as float32 of shape (frames, channels)."""
    channels, array = frame.layout.nb_channels, frame.to_ndarray()
    name = frame.format.name
    shaped = array.T if name.endswith("p") and channels > 1 else array.reshape(-1, channels)
    name = name.removesuffix("p")
    scale = _SCALES.get(name)
    converted: Samples = shaped.astype(np.float32, copy=False)
    if name == "u8":
        converted = converted - _SCALES["u8"]
    if scale is not None:
        converted = converted / scale
    return converted
