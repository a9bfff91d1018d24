"""``probe`` tells what a recording is; ``decode`` makes its working copy. Both read any seekable stream.

Memory is bounded by one block (about a megabyte) whatever the length, and no temporary file is made. The two plain
ways, WAV with PCM or G.711 and headerless sound, are decoded here with NumPy; everything else goes through FFmpeg.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from candor.capture.files import riff
from candor.capture.files.adapters import pyav
from candor.capture.files.limits import Limits
from candor.capture.files.pcm import CODINGS, samples
from candor.capture.files.refusals import amount, clock, refuse
from candor.capture.files.riff import Wave
from candor.capture.files.sink import SILENCE, MakeWriter, Sink, check_layout, working_rate
from candor.capture.files.sniff import ALAW, HEAD, MP4, SLIN, SLIN16, ULAW, WAV, Kind, identify
from candor.conversation.model import Sound

_BLOCK_BYTES = 1 << 19
_HEADERLESS = {
    ULAW.container: ("pcm_mulaw", 8_000),
    ALAW.container: ("pcm_alaw", 8_000),
    SLIN.container: ("pcm_s16le", 8_000),
    SLIN16.container: ("pcm_s16le", 16_000),
}
_SIDES = {0: "1 (left)", 1: "2 (right)"}


def mediatype(stream: BinaryIO, filename: str) -> str:
    """The media type by content, for example ``audio/x-wav``; raises MediaRejected like ``probe``."""
    return _identify(stream, filename, Limits())[0].mediatype


def probe(stream: BinaryIO, filename: str, limits: Limits | None = None) -> Sound:
    """What the recording is by its header and first packets; the length is the stated or estimated one.

    Raises MediaRejected with a code of ``refusals.REFUSALS`` for what ``decode`` would refuse at first sight.
    """
    limits = limits or Limits()
    kind, size, notes = _identify(stream, filename, limits)
    wave = _plain(stream, kind, size)
    if wave is not None and wave.coding is not None:
        check_layout(wave.rate, wave.channels, limits)
        seconds = wave.available / (wave.coding.width * wave.channels * wave.rate)
        codec, rate, channels = wave.coding.name, wave.rate, wave.channels
    else:
        facts, length = pyav.inspect(stream, kind, limits)
        seconds, codec, rate, channels = length or 0.0, facts.codec, facts.rate, facts.channels
    if seconds > limits.seconds and wave is not None:
        raise refuse("media.too_long", limit=clock(limits.seconds))
    return _sound(kind, codec, rate, channels, seconds, notes)


def decode(stream: BinaryIO, filename: str, make_writer: MakeWriter, limits: Limits | None = None) -> Sound:
    """Write the working copy of ``stream`` through ``make_writer(rate, channels)`` and tell what was in it.

    The writer is finished here, its stream stays open. Whatever can be heard is kept; what is unusual is told in
    ``Sound.notes``. Raises MediaRejected (codes in ``refusals.REFUSALS``); what the writer wrote until then is then
    to be thrown away. Errors of ``stream`` itself (Damaged, Unavailable) pass through.
    """
    limits = limits or Limits()
    kind, size, notes = _identify(stream, filename, limits)
    wave = _plain(stream, kind, size)
    if wave is not None and wave.coding is not None:
        sink = _decode_plain(stream, wave, make_writer, limits)
        codec, seconds = wave.coding.name, sink.seconds
        promised = None if wave.declared is None else wave.declared / (wave.coding.width * wave.channels * wave.rate)
        notes += _length_notes(promised, seconds)
        if seconds < limits.least_seconds:
            raise _too_little(seconds, promised, limits)
    else:
        found, facts = pyav.decode(stream, kind, make_writer, limits)
        if found is None:
            raise refuse("media.damaged", kind=kind.label)
        sink, codec, seconds = found, facts.codec, found.seconds
        notes += _length_notes(facts.declared, seconds) + _fault_notes(facts, stream)
        if seconds < limits.least_seconds:
            raise _too_little(seconds, facts.declared, limits)
    return _sound(kind, codec, sink.recorded_at, sink.channels, seconds, notes + _level_notes(sink))


def _identify(stream: BinaryIO, filename: str, limits: Limits) -> tuple[Kind, int, tuple[str, ...]]:
    size = stream.seek(0, io.SEEK_END)
    if size == 0:
        raise refuse("media.empty")
    if size > limits.bytes:
        raise refuse("media.too_large", size=amount(size), limit=amount(limits.bytes))
    stream.seek(0)
    kind, notes = identify(stream.read(HEAD), filename)
    if kind is MP4:
        _check_mp4(stream, size)
    return kind, size, notes


def _check_mp4(stream: BinaryIO, size: int) -> None:
    """Look through the top boxes (ISO/IEC 14496-12): a missing index means a broken-off copy, ``sinf`` a lock."""
    position = 0
    for _ in range(10_000):
        stream.seek(position)
        header = stream.read(16)
        if len(header) < 8:
            break
        length, name = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if name == b"moov":
            index = stream.read(min(length, 1 << 20)) if length else stream.read(1 << 20)
            if b"sinf" in index and (b"enca" in index or b"drms" in index):
                raise refuse("media.encrypted", kind="MP4 with copy protection")
            return
        if length == 0 or length < 8:
            break
        position += length
        if position >= size:
            break
    raise refuse("media.truncated")


def plain_form(stream: BinaryIO, filename: str, limits: Limits) -> Wave | None:
    """Where and how the sound lies in a file whose samples are plain bytes; None for every other."""
    kind, size, _ = _identify(stream, filename, limits)
    return _plain(stream, kind, size)


def _plain(stream: BinaryIO, kind: Kind, size: int) -> Wave | None:
    """How to read the sound without FFmpeg, when that is possible."""
    if kind is WAV:
        return riff.parse(stream, size)
    if kind.container not in _HEADERLESS:
        return None
    name, rate = _HEADERLESS[kind.container]
    return Wave(coding=CODINGS[name], rate=rate, channels=1, start=0, declared=size, available=size)


def _decode_plain(stream: BinaryIO, wave: Wave, make_writer: MakeWriter, limits: Limits) -> Sink:
    if wave.coding is None:
        raise AssertionError("compressed sound came to the plain reader")
    check_layout(wave.rate, wave.channels, limits)
    frame = wave.coding.width * wave.channels
    # The length is known here: no need to decode four hours to learn that there are five.
    if wave.available / frame / wave.rate > limits.seconds:
        raise refuse("media.too_long", limit=clock(limits.seconds))
    sink = Sink(wave.rate, wave.channels, make_writer, limits)
    try:
        stream.seek(wave.start)
        left, rest = wave.available // frame * frame, b""
        while left > 0:
            data = stream.read(min(_BLOCK_BYTES, left))
            if not data:
                break
            left -= len(data)
            data = rest + data if rest else data
            cut = len(data) // frame * frame
            rest = data[cut:]
            sink.write(samples(wave.coding, data[:cut] if rest else data, wave.channels))
        sink.finish()
    except BaseException:
        sink.abandon()
        raise
    return sink


def _too_little(seconds: float, promised: float | None, limits: Limits) -> Exception:
    if promised is not None and promised > max(limits.least_seconds, seconds * 2):
        return refuse("media.truncated")
    return refuse("media.too_short", seconds=f"{seconds:.2f}", limit=limits.least_seconds)


def _sound(kind: Kind, codec: str, rate: int, channels: int, seconds: float, notes: tuple[str, ...]) -> Sound:
    return Sound(
        duration=seconds,
        rate=rate,
        channels=channels,
        codec=codec,
        container=kind.container,
        working_rate=working_rate(rate),
        notes=notes,
    )


def _length_notes(promised: float | None, seconds: float) -> tuple[str, ...]:
    if promised is None or abs(promised - seconds) <= max(1.0, 0.02 * seconds):
        return ()
    if promised > seconds:
        return (f"The recording is cut short: its header promises {clock(promised)}, {clock(seconds)} could be heard.",)
    return (f"The header contradicts the sound: it states {clock(promised)}, the sound lasts {clock(seconds)}.",)


def _fault_notes(facts: pyav.Facts, stream: BinaryIO) -> tuple[str, ...]:
    del stream
    notes = []
    if facts.faults:
        pieces = "one piece" if facts.faults == 1 else f"{facts.faults} pieces"
        notes.append(f"The file is damaged: {pieces} could not be decoded and were left out.")
    if facts.broke_off:
        notes.append("The file is damaged: reading stopped before its end.")
    if facts.ignored_gaps:
        notes.append("The file's time stamps jump; the sound was joined where they do.")
    if facts.has_picture:
        notes.append("The file also holds pictures; only the sound was taken.")
    if facts.more_tracks:
        notes.append("The file holds several sound tracks; the first was taken.")
    return tuple(notes)


def _level_notes(sink: Sink) -> tuple[str, ...]:
    notes = []
    if sink.filled:
        notes.append(f"{sink.filled:.1f} s of sound are missing inside the file; silence stands in their place.")
    if sink.changed_layout:
        notes.append("The number of channels or the sample rate changes inside the file; it was evened out.")
    if sink.not_numbers:
        notes.append(f"{sink.not_numbers} samples were not numbers and were replaced with silence.")
    if sink.clipped:
        notes.append(f"{sink.clipped} samples were beyond full scale and were cut to it.")
    quiet = [place for place, peak in enumerate(sink.peaks) if peak < SILENCE]
    if len(quiet) == sink.channels:
        notes.append("No sound above −60 dBFS: the recording is silent.")
    else:
        for place in quiet:
            name = _SIDES.get(place, str(place + 1)) if sink.channels == 2 else str(place + 1)
            notes.append(f"Channel {name} is silent: no sound above −60 dBFS.")
    return tuple(notes)
