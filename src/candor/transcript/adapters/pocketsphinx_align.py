"""Word times by forced alignment with PocketSphinx (BSD; acoustic model and CMU dictionary are in the package)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from candor.transcript.adapters.pronounce import pronunciations
from candor.transcript.ports import RATE, Mono, Stretch

FRAME = 0.01
"""Seconds of one frame of the aligner."""
KNOWN_LIMIT = 20_000
"""Added words after which the decoder is made anew, so that it does not grow for ever."""


class PocketSphinxAligner:
    """An Aligner for English. One decoder, used by one thread at a time."""

    languages = frozenset({"en"})

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoder: Any = None
        self._names: dict[str, str | None] = {}
        self._added = 0

    def align(self, sound: Mono, words: Sequence[str]) -> list[Stretch] | None:
        """One stretch a word, or None when nothing can be aligned."""
        if not words:
            return []
        with self._lock:
            try:
                return self._align(sound, words)
            except (RuntimeError, ValueError):
                # The search found no path, or the decoder is in a bad state: begin anew next time.
                self._decoder = None
                return None

    def _align(self, sound: Mono, words: Sequence[str]) -> list[Stretch] | None:
        names = [self._name(word) for word in words]
        spoken = [name for name in names if name is not None]
        if not spoken:
            return None
        decoder = self._decoder
        decoder.set_align_text(" ".join(spoken))
        decoder.start_utt()
        decoder.process_raw(np.clip(sound * 32767, -32768, 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        segments = decoder.seg()
        found = [
            Stretch(start=segment.start_frame * FRAME, end=(segment.end_frame + 1) * FRAME)
            for segment in segments or ()
            if segment.word not in ("<sil>", "<s>", "</s>", "(NULL)") and not segment.word.startswith(("[", "+"))
        ]
        if len(found) != len(spoken):
            return None
        return _with_silent(names, found, len(sound) / RATE)

    def _name(self, word: str) -> str | None:
        """The name under which the decoder's dictionary holds ``word``; None when it is not pronounced."""
        if self._decoder is None or self._added > KNOWN_LIMIT:
            self._start()
        if word not in self._names:
            self._names[word] = self._learn(word)
        return self._names[word]

    def _learn(self, word: str) -> str | None:
        plain = word.lower().strip('.,?!";:')
        if plain.isalpha() and plain.isascii() and self._decoder.lookup_word(plain):
            return plain
        ways = pronunciations(word, self._decoder.lookup_word)
        if not ways:
            return None
        # Names that no dictionary entry has; further ways carry a number, as the dictionary writes them.
        name = f"w.{self._added}"
        for place, way in enumerate(ways):
            self._decoder.add_word(name if place == 0 else f"{name}({place + 1})", way, update=False)
        self._added += 1
        return name

    def _start(self) -> None:
        from pocketsphinx import Decoder  # noqa: PLC0415  a native library: on first use

        self._decoder = Decoder(lm=None, samprate=RATE, loglevel="FATAL", bestpath=False)
        self._names, self._added = {}, 0


def _with_silent(names: Sequence[str | None], found: Sequence[Stretch], length: float) -> list[Stretch]:
    """Give words that are not pronounced (a lone dash) an empty place between their neighbours."""
    result: list[Stretch] = []
    waiting = iter(found)
    last = 0.0
    for name in names:
        if name is None:
            result.append(Stretch(start=last, end=last))
        else:
            piece = next(waiting)
            result.append(piece)
            last = min(piece.end, length)
    return result
