"""The default recogniser: Moonshine tiny (English, 26 M parameters, MIT) from the wheel ``moonshine-voice==0.1.0``.

Only the wheel's model files are used: the package is not imported. Decoding is our own: greedy or beam search with
cached keys and values. Source of the model: Jeffries et al., "Moonshine: Speech Recognition for Live Transcription and
Voice Commands", 2024.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from candor.errors import InvalidInput
from candor.transcript.adapters import beam as beams
from candor.transcript.adapters import embedded
from candor.transcript.adapters.onnx import session
from candor.transcript.adapters.vocabulary import Vocabulary
from candor.transcript.dictation import DIGITS, Digits
from candor.transcript.ports import RATE, Capabilities, Heard, HeardWord, Mono

BEGIN, END = 1, 2
LAYERS, HEADS, WIDTH = 6, 8, 36
VOCABULARY = 32_768
TOKENS_A_SECOND = 6.5
"""More than people say; a loop of repeated text runs into this cap."""
FEW_TOKENS = 3
"""What even the shortest sound may have more."""
LOUDNESS = 0.08
"""Root mean square of a segment as it is given to the encoder."""
SECOND_LOOK = -0.25
"""Mean log-probability below which a segment is decoded again, from several views of the same sound at once."""
TRIM = RATE // 20
"""Samples that one view lacks at either end: half a word more or less there changes a whole sentence."""
SLOWER = 0.95
HUM = 100.0
"""Hertz; what is below carries no speech on telephones."""
_DIGIT_BEAM = 3
SPACE = "▁".encode()
_View = tuple[dict[str, Any], dict[str, Any]]
"""The encoder's output, and everything of the decoder's first step by name."""


class Moonshine:
    """A Recogniser; models load on first use and stay for the life of the process."""

    def __init__(self, *, beam: int = 5, threads: int = 1, vocabulary: Sequence[str] = ()) -> None:
        if not 1 <= beam <= 20:
            raise InvalidInput(f"A beam of {beam} is outside 1 to 20.", code="transcript.beam")
        self._beam, self._threads = beam, threads
        self._vocabulary = tuple(vocabulary)
        self._lock = threading.Lock()
        self._models: _Models | None = None
        self._preference: Vocabulary | None = None

    @property
    def capabilities(self) -> Capabilities:
        """English, no word times, log-probabilities."""
        return Capabilities(
            engine="moonshine",
            model="tiny-en",
            version=f"0.1.0/beam{self._beam}",
            languages=frozenset({"en"}),
            word_times=False,
            log_probabilities=True,
        )

    def recognise(self, segments: Sequence[Mono], *, language: str | None = None) -> list[Heard]:  # noqa: ARG002
        """One result a segment."""
        with self._lock:
            if self._models is None:
                self._models = _Models(threads=self._threads)
                if self._vocabulary and self._beam > 1:
                    self._preference = Vocabulary(self._vocabulary, self._models.pieces)
        return [self._one(self._models, segment) for segment in segments]

    def hear_digits(self, sound: Mono) -> Digits | None:
        """The digits that ``sound`` may hold (a DigitHearer)."""
        with self._lock:
            if self._models is None:
                self._models = _Models(threads=self._threads)
        if len(sound) < RATE // 10:
            return None
        models = self._models
        view = models.hear(levelled(without_hum(sound), LOUDNESS))
        limit = int(TOKENS_A_SECOND * len(sound) / RATE) + FEW_TOKENS
        least = int(len(sound) / RATE)
        first, step = models.decoder(view)
        found = beams.among(step, first, models.digits, end=END, beam=_DIGIT_BEAM, limit=limit, least=least)
        if found is None or not found.tokens:
            return None
        first, step = models.decoder(view)
        free = beams.search(step, first, end=END, beam=1, limit=limit)
        words = join(found.tokens, found.log_probabilities, models.pieces)
        longer = max(len(found.log_probabilities), len(free.log_probabilities))
        return Digits(words=words, behind=(free.total - found.total) / longer)

    def _one(self, models: _Models, sound: Mono) -> Heard:
        if len(sound) < RATE // 10:
            return Heard()
        plain = models.hear(levelled(without_hum(sound), LOUDNESS))
        found = self._search([models.decoder(plain)], len(sound))
        if self._beam > 1 and len(sound) > RATE and found.score < SECOND_LOOK:
            heard = [plain, *(models.hear(view) for view in views(sound))]
            found = self._search([models.decoder(view) for view in heard], len(sound))
        words = join(found.tokens, found.log_probabilities, models.pieces)
        return Heard(
            words=words,
            mean_log_probability=found.total / max(len(found.log_probabilities), 1),
            tokens=len(found.log_probabilities),
            language="en",
        )

    def _search(self, decoders: Sequence[tuple[beams.Rows, beams.Step]], samples: int) -> beams.Hypothesis:
        """The text that all of ``decoders`` together like best."""
        first, step = decoders[0] if len(decoders) == 1 else beams.together(decoders)
        limit = int(TOKENS_A_SECOND * samples / RATE) + FEW_TOKENS
        return beams.search(step, first, end=END, beam=self._beam, limit=limit, preference=self._preference)


def views(sound: Mono) -> list[Mono]:
    """Other ways in which the same speech might have come: with silence around it, shorter and louder, slower.

    What the recogniser makes of unclear speech hangs on such chances; what it makes of all of them together is right
    more often.
    """
    silence = np.zeros(2 * TRIM, np.float32)
    trimmed = sound[TRIM:-TRIM]
    return [
        np.concatenate([silence, levelled(sound, LOUDNESS), silence, silence, silence]),
        levelled(trimmed, 2 * LOUDNESS),
        levelled(soxr.resample(sound, SLOWER * RATE, RATE), LOUDNESS),
    ]


class _Models:
    """Encoder, decoder and word pieces."""

    def __init__(self, *, threads: int) -> None:
        folder = embedded.package_folder()
        files = None if folder is None else folder / "assets" / "tiny-en"
        if files is None or not (files / "tokenizer.bin").is_file():
            raise InvalidInput(
                "The default speech model is not installed.",
                code="transcript.model_missing",
                advice="Install the package moonshine-voice==0.1.0, or choose another engine.",
            )
        self._encoder = _required(files / "encoder_model.ort", threads)
        self._decoder = _required(files / "decoder_model_merged.ort", threads)
        self.pieces = pieces((files / "tokenizer.bin").read_bytes())
        self.digits = digit_tokens(self.pieces)
        """What :meth:`Moonshine.hear_digits` may write."""
        self._past = [entry.name for entry in self._decoder.get_inputs() if entry.name.startswith("past")]
        self._outputs = [entry.name for entry in self._decoder.get_outputs()]
        self._grown = [name for name in self._outputs if "encoder" not in name]

    def hear(self, sound: Mono) -> _View:
        """What the encoder makes of ``sound``, and the decoder of its first token."""
        mask = np.ones((1, len(sound)), np.int64)
        (hidden,) = self._encoder.run(None, {"input_values": sound[None], "attention_mask": mask})
        common = {"encoder_attention_mask": mask, "encoder_hidden_states": hidden}
        empty = {name: np.zeros((1, HEADS, 0 if ".decoder." in name else 1, WIDTH), np.float32) for name in self._past}
        outputs = self._decoder.run(
            None,
            {**common, **empty, "input_ids": np.array([[BEGIN]], np.int64), "use_cache_branch": np.array([False])},
        )
        return common, dict(zip(self._outputs, outputs, strict=True))

    def decoder(self, view: _View) -> tuple[beams.Rows, beams.Step]:
        """Scores of the first token, and the function that goes on from there; begins anew at each call."""
        common, named = view
        past = {name: named[name.replace("past_key_values", "present")] for name in self._past}
        # The encoder's keys and values stay at one row: the decoder broadcasts them over all hypotheses.
        feed: dict[str, Any] = {**common, **past, "use_cache_branch": np.array([True])}
        own = [name for name in self._past if ".decoder." in name]

        def step(parents: list[int], tokens: list[int]) -> beams.Rows:
            if parents != list(range(len(feed[own[0]]))):
                for name in own:
                    feed[name] = feed[name][parents]
            feed["input_ids"] = np.array(tokens, np.int64)[:, None]
            logits, *grown = self._decoder.run(self._grown, feed)
            for name, value in zip(self._grown[1:], grown, strict=True):
                feed[name.replace("present", "past_key_values")] = value
            rows: beams.Rows = logits[:, 0]
            return rows

        first: beams.Rows = named["logits"][:, 0]
        return first, step


def pieces(data: bytes) -> list[bytes]:
    """The word pieces of ``tokenizer.bin``: byte strings, each behind its length.

    A length of 128 or more takes two bytes: the low seven bits with the top bit set, then the rest.
    """
    found: list[bytes] = []
    place = 0
    while place < len(data):
        length = data[place]
        place += 1
        if length >= 128:
            length = data[place] * 128 + length - 128
            place += 1
        found.append(data[place : place + length])
        place += length
    return found


def digit_tokens(known: Sequence[bytes]) -> list[int]:
    """The word pieces that are a digit, with or without a capital, and the comma and full stop between them."""
    wanted = {SPACE + form.encode() for word in DIGITS for form in (word, word.capitalize())} | {b",", b"."}
    return [place for place, piece in enumerate(known) if piece in wanted]


def join(tokens: Sequence[int], log_probabilities: Sequence[float], known: Sequence[bytes]) -> tuple[HeardWord, ...]:
    """Words from word pieces; a word's confidence is the geometric mean of its pieces' probabilities."""
    words: list[tuple[bytearray, list[float]]] = []
    for token, log_probability in zip(tokens, log_probabilities, strict=False):
        piece = known[token]
        if token <= END or piece.startswith(b"<<ST_"):
            continue
        parts = piece.split(SPACE)
        if not words:
            words.append((bytearray(), []))
        words[-1][0].extend(parts[0])
        if parts[0]:
            words[-1][1].append(log_probability)
        words += [(bytearray(part), [log_probability]) for part in parts[1:]]
    return tuple(
        HeardWord(text=text, confidence=float(np.exp(np.mean(scores))))
        for spelled, scores in words
        for text in spelled.decode(errors="replace").split()
    )


def without_hum(sound: Mono) -> Mono:
    """``sound`` through a Butterworth high pass of second order at HUM (magnitude only, so that nothing moves)."""
    spectrum = np.fft.rfft(sound)
    squared = np.square(np.fft.rfftfreq(len(sound), 1.0 / RATE) / HUM)
    return np.fft.irfft(spectrum * (squared / np.sqrt(1.0 + np.square(squared))), len(sound)).astype(np.float32)


def levelled(sound: Mono, target: float) -> Mono:
    """``sound`` at one loudness: the model is sensitive to it (1 to 1.4 points of word errors on telephones)."""
    loudness = float(np.sqrt(np.mean(np.square(sound))))
    out: Mono = np.clip(sound * np.float32(target / max(loudness, 1e-4)), -1.0, 1.0)
    return out


def _required(file: Path, threads: int) -> Any:
    loaded = session(file, threads=threads) if file.is_file() else None
    if loaded is None:
        raise InvalidInput(
            f"The speech model file {file.name} cannot be read.",
            code="transcript.model_damaged",
            advice="Reinstall the package moonshine-voice==0.1.0.",
        )
    return loaded
