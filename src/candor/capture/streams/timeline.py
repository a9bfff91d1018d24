"""Where a frame of sound belongs: the sender's milliseconds become the clock units of RTP (RFC 3550 section 5.1).

Senders count frames (``chunk``) and stamp them in whole milliseconds, some of them by arrival, so that the stamps
tremble. Taken literally they would leave clicks: a frame that follows its neighbour within half a frame is laid right
behind it instead, and only a real jump becomes a gap. So the sound is whole to the sample and at most half a frame off.
"""

from __future__ import annotations

_EPOCH_MS = 10**11
"""Stamps above it (March 1973, as a date; three years, as a length) are dates."""
_NEVER = 3600 * 1000
"""A jump of more milliseconds than this is a mistake, not a gap."""
_PIECES = 50
"""Of a second."""
_OPUS_UNITS = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)


def units(encoding: str, payload: bytes) -> int:
    """The length of a payload in clock units of its stream: at least 1; 20 ms where its bytes do not tell."""
    match encoding:
        case "L16":
            return max(1, len(payload) // 2)
        case "opus":
            return _opus_units(payload)
        case "AMR-WB":
            return 320
    return max(1, len(payload))  # G.711 has a byte a sample, G.722 a byte a unit of its 8 kHz clock


def split(encoding: str, payload: bytes, rate: int) -> list[bytes]:
    """A payload as pieces of 20 ms, as RTP packets would carry them; whole where its bytes cannot be told apart."""
    width = {"PCMU": 1, "PCMA": 1, "G722": 1, "L16": 2}.get(encoding)
    if width is None:
        return [payload]
    piece = rate // _PIECES * width
    return [payload[at : at + piece] for at in range(0, len(payload), piece)]


def _opus_units(payload: bytes) -> int:
    """At 48 kHz, by the table of contents (RFC 6716 section 3.1)."""
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        one = _OPUS_UNITS[config % 4]
    elif config < 16:
        one = _HYBRID[config % 2]
    else:
        one = _CELT[config % 4]
    frames = 1 if code == 0 else 2 if code < 3 else (payload[1] & 0x3F if len(payload) > 1 else 1)
    return min(5760, one * max(1, frames))


class TrackClock:
    """One track's sequence numbers and time stamps, from the start of the call, neither wrapped."""

    def __init__(self, rate: int) -> None:
        """``rate`` is the stream's clock rate in units a second."""
        self._rate = rate
        self._chunk: int | None = None
        self._sequence = -1
        self._at = 0
        self._length = 0
        self._correction = 0
        """Units that the sender's clock was set back by while its count went on."""
        self.end = 0
        """Units from the start of the call to the end of the latest sound."""

    def place(self, chunk: int | None, at_ms: int | None, length: int) -> tuple[int, int]:
        """Sequence number and time stamp of a frame of ``length`` units; ``at_ms`` is since the start of the call."""
        stated = None if at_ms is None else at_ms * self._rate // 1000 + self._correction
        if not self._length:  # the first frame of all
            self._remember(chunk, 0, stated or 0, length)
            return 0, stated or 0
        frames = 1 if chunk is None or self._chunk is None else chunk - self._chunk
        if abs(frames) * self._length > _NEVER * self._rate // 1000:
            frames = 1
        expected = self._at + frames * self._length
        if stated is None or abs(stated - expected) <= self._length // 2:
            at = expected
        elif frames > 0 and chunk is not None and stated < self._at:
            self._correction += expected - stated
            at = expected
        else:
            at = stated
        at = max(0, at)
        sequence = self._sequence + self._advance(frames, at)
        if at >= self._at:
            self._remember(chunk, sequence, at, length)
        return sequence, at

    def _advance(self, frames: int, at: int) -> int:
        """By how much the sequence number goes on.

        A count that time does not bear out is not this track's own, or the sender kept silent between two frames: the
        frames in between were never sent, so they must not look lost.
        """
        steps = round((at - self._at) / self._length)
        if frames in (1, steps):
            return frames
        return 1 if at >= self._at else min(steps, -1)

    def restart(self) -> None:
        """The next frame's count and stamp have nothing to do with the last one's."""
        self._chunk, self._correction = None, 0

    def _remember(self, chunk: int | None, sequence: int, at: int, length: int) -> None:
        self._chunk, self._sequence, self._at, self._length = chunk, sequence, at, length
        self.end = max(self.end, at + length)


class Timeline:
    """The clocks of one call's tracks over one connection or several, all counting from the start of the call."""

    def __init__(self, rate: int) -> None:
        """``rate`` is the streams' clock rate in units a second."""
        self._rate = rate
        self._clocks: dict[str, TrackClock] = {}
        self._parts: dict[str, int] = {}
        self._origin_ms: int | None = None
        """What to take from a stamp of this connection."""
        self._shift_ms = 0

    @property
    def end_ms(self) -> int:
        """From the start of the call to the end of the latest sound, rounded up."""
        return -(-max((clock.end for clock in self._clocks.values()), default=0) * 1000 // self._rate)

    def cut(
        self, track: str, chunk: int | None, at_ms: int | None, encoding: str, payload: bytes
    ) -> list[tuple[int, int, bytes]]:
        """A frame in pieces of 20 ms: sequence number (16 bits), time stamp (32 bits) and sound of each.

        Every frame of a track takes as many numbers as its first one needed, so that a lost frame is as many lost
        packets; a longer frame has a longer last piece.
        """
        parts = split(encoding, payload, self._rate)
        most = self._parts.setdefault(track, len(parts))
        if len(parts) > most:
            parts[most - 1 :] = [b"".join(parts[most - 1 :])]
        sequence, at = self.place(track, chunk, at_ms, units(encoding, payload))
        step = self._rate // _PIECES
        return [
            ((sequence * most + number) & 0xFFFF, (at + number * step) & 0xFFFF_FFFF, part)
            for number, part in enumerate(parts)
        ]

    def place(self, track: str, chunk: int | None, at_ms: int | None, length: int) -> tuple[int, int]:
        """Sequence number and time stamp of a whole frame, neither wrapped."""
        if at_ms is not None:
            if self._origin_ms is None:
                self._origin_ms = at_ms if at_ms > _EPOCH_MS or self._shift_ms else 0
            at_ms = max(0, at_ms - self._origin_ms) + self._shift_ms
            if at_ms > self.end_ms + _NEVER:
                at_ms = self.end_ms
        clock = self._clocks.get(track)
        if clock is None:
            clock = self._clocks[track] = TrackClock(self._rate)
            at_ms = self.end_ms if at_ms is None else at_ms
        return clock.place(chunk, at_ms, length)

    def reconnect(self, elapsed_ms: int) -> None:
        """A new connection goes on with the call, ``elapsed_ms`` after its latest sound; its stamps begin anew."""
        self._shift_ms = self.end_ms + max(1, elapsed_ms)
        self._origin_ms = None
        for clock in self._clocks.values():
            clock.restart()
