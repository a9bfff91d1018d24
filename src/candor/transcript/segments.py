"""From speech probabilities to the segments that are recognised (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from candor.transcript.ports import Stretch

ON, OFF = 0.3, 0.15
"""Speech begins at a probability of ON and lasts until it falls below OFF."""
BEFORE, AFTER = 0.15, 0.3
"""Seconds kept before and after speech. More before costs word errors (every second recording of the telephone set:
18.0 % with these, 21.8 % with 0.3 on both sides), and less after does as well (19.3 %)."""
GAP = 2.0
"""Pauses up to this many seconds do not end a segment: context helps the recogniser."""
LONGEST = 20.0
"""Seconds of one segment at most."""


def stretches(probabilities: npt.NDArray[np.float32], step: float) -> list[Stretch]:
    """Where speech is, with hysteresis; ``step`` is the seconds between probabilities.

    Speech of more than LONGEST without a pause is cut where it is least likely to be speech.
    """
    found: list[Stretch] = []
    place, count = 0, len(probabilities)
    loud = np.flatnonzero(probabilities >= ON)
    quiet = np.flatnonzero(probabilities < OFF)
    longest = int((LONGEST - BEFORE - AFTER) / step)
    while (at := int(np.searchsorted(loud, place))) < len(loud):
        begin = int(loud[at])
        after = int(np.searchsorted(quiet, begin))
        end = int(quiet[after]) if after < len(quiet) else count
        while end - begin > longest:
            # The cut lies in the later half of what one segment may hold, so that pieces do not get tiny.
            cut = begin + longest // 2 + int(np.argmin(probabilities[begin + longest // 2 : begin + longest]))
            found.append(Stretch(start=begin * step, end=cut * step))
            begin = cut
        found.append(Stretch(start=begin * step, end=end * step))
        place = end
    return found


def merge(speech: Sequence[Stretch], duration: float) -> list[Stretch]:
    """Padded segments of at most LONGEST seconds, joined over pauses of at most GAP; never overlapping."""
    groups: list[list[float]] = []
    for piece in speech:
        if groups and piece.start - groups[-1][1] <= GAP and piece.end - groups[-1][0] <= LONGEST - BEFORE - AFTER:
            groups[-1][1] = piece.end
        else:
            groups.append([piece.start, piece.end])
    segments: list[Stretch] = []
    for place, (begin, end) in enumerate(groups):
        # Padding shares a short gap between two neighbours in halves.
        before = (begin - groups[place - 1][1]) / 2 if place else begin
        after = (groups[place + 1][0] - end) / 2 if place + 1 < len(groups) else duration - end
        segments.append(Stretch(start=begin - max(min(BEFORE, before), 0.0), end=end + max(min(AFTER, after), 0.0)))
    return segments
