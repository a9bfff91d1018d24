"""Zipformer, Parakeet, Whisper, SenseVoice, Paraformer, Moonshine through ``sherpa-onnx`` (extra ``sherpa``).

The model is a folder as its project publishes them; which kind it is shows in its files. Without a folder it runs
the Moonshine model of the default engine (greedy only). sherpa-onnx fetches nothing.
"""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from candor.errors import InvalidInput
from candor.transcript.adapters import embedded, models, moonshine
from candor.transcript.ports import RATE, Capabilities, Heard, Mono

ENGINE = "sherpa-onnx"


class Sherpa:
    """A Recogniser; the model loads on first use."""

    def __init__(
        self,
        *,
        model: str | None = None,
        model_folder: Path | None = None,
        beam: int = 5,
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        self._folder, self._beam, self._threads, self._device = model_folder, beam, threads, device
        self._name = model or (model_folder.name if model_folder else "moonshine-tiny-en")
        self._lock = threading.Lock()
        self._recogniser: Any = None

    @property
    def capabilities(self) -> Capabilities:
        """English for models that say "-en" or are the default one; else not known to be limited."""
        english = self._folder is None or self._name.endswith("-en") or "-en-" in self._name
        return Capabilities(
            engine=ENGINE,
            model=self._name,
            version=_version(),
            languages=frozenset({"en"}) if english else None,
            word_times=False,
        )

    def recognise(self, segments: Sequence[Mono], *, language: str | None = None) -> list[Heard]:
        """One result a segment, decoded together."""
        with self._lock:
            if self._recogniser is None:
                self._recogniser = self._load(language)
            streams = []
            for segment in segments:
                stream = self._recogniser.create_stream()
                stream.accept_waveform(RATE, segment)
                streams.append(stream)
            self._recogniser.decode_streams(streams)
            return [
                self._heard(stream.result, len(segment) / RATE)
                for stream, segment in zip(streams, segments, strict=True)
            ]

    def _heard(self, result: Any, seconds: float) -> Heard:
        language = getattr(result, "lang", "").strip("<|>") or ("en" if self.capabilities.languages else None)
        pieces = list(result.tokens)
        scores = list(getattr(result, "ys_log_probs", ()) or ())
        times = list(result.timestamps)
        if len(pieces) == len(times) and pieces and any(piece.startswith(("▁", " ")) for piece in pieces):
            scores = scores if len(scores) == len(pieces) else []
            words = models.words_from_pieces(pieces, times, scores, seconds)
        else:
            words = models.words_from_pieces([result.text], None, None, seconds)
        return Heard(words=words, tokens=len(pieces), language=language)

    def _load(self, language: str | None) -> Any:
        library = models.require("sherpa_onnx", engine=ENGINE, extra="sherpa")
        try:
            if self._folder is None:
                return self._bundled(library)
            return self._from_folder(library, models.require_folder(self._folder, engine=ENGINE), language)
        except (RuntimeError, ValueError) as error:
            raise models.unreadable_model(ENGINE, self._name) from error

    def _bundled(self, library: Any) -> Any:
        package = embedded.package_folder()
        folder = None if package is None else package / "assets" / "tiny-en"
        if folder is None or not (folder / "tokenizer.bin").is_file():
            raise models.missing_model(ENGINE, self._name, offline=True)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as tokens:
            # The word pieces in sherpa-onnx' own notation: base64, a tab, the number.
            for number, piece in enumerate(moonshine.pieces((folder / "tokenizer.bin").read_bytes())):
                tokens.write(f"{base64.b64encode(piece).decode()}\t{number}\n")
            tokens.flush()
            return library.OfflineRecognizer.from_moonshine_v2(
                encoder=str(folder / "encoder_model.ort"),
                decoder=str(folder / "decoder_model_merged.ort"),
                tokens=tokens.name,
                num_threads=self._threads,
                provider=self._device,
            )

    def _from_folder(self, library: Any, folder: Path, language: str | None) -> Any:
        make = library.OfflineRecognizer
        files = {role: _one(folder, role) for role in ("encoder", "decoder", "joiner", "model")}
        tokens = next(iter(sorted(folder.glob("*tokens.txt"))), None)
        if tokens is None:
            raise InvalidInput(
                f"The model folder {folder} holds no tokens.txt.",
                code="transcript.model_damaged",
                advice="Set the folder of a model as the sherpa-onnx project publishes it.",
            )
        common = {"tokens": str(tokens), "num_threads": self._threads, "provider": self._device}
        encoder, decoder, joiner, model = files["encoder"], files["decoder"], files["joiner"], files["model"]
        name = self._name.lower()
        if encoder and decoder and joiner:
            kind = "nemo_transducer" if "nemo" in name or "parakeet" in name else "transducer"
            method = "greedy_search" if kind == "nemo_transducer" or self._beam == 1 else "modified_beam_search"
            return make.from_transducer(
                encoder=encoder,
                decoder=decoder,
                joiner=joiner,
                model_type=kind,
                decoding_method=method,
                max_active_paths=self._beam,
                **common,
            )
        if encoder and decoder and encoder.endswith(".ort"):
            return make.from_moonshine_v2(encoder=encoder, decoder=decoder, **common)
        if encoder and decoder:
            return make.from_whisper(encoder=encoder, decoder=decoder, language=language or "", **common)
        if model is None:
            raise models.unreadable_model(ENGINE, self._name)
        # A single file does not say what it is; its folder's published name does.
        kinds = (("sense", "from_sense_voice"), ("paraformer", "from_paraformer"), ("nemo", "from_nemo_ctc"))
        maker = next((found for mark, found in kinds if mark in name), "from_zipformer_ctc")
        role = "paraformer" if maker == "from_paraformer" else "model"
        return getattr(make, maker)(**{role: model}, **common)


def _version() -> str:
    try:
        return version("sherpa-onnx")
    except PackageNotFoundError:
        return ""  # it is told when the model is loaded


def _one(folder: Path, role: str) -> str | None:
    """The file for ``role``; the 8-bit one where both are there (four times smaller, nearly as good)."""
    found = sorted([*folder.glob(f"*{role}*.onnx"), *folder.glob(f"*{role}*.ort")])
    small = [file for file in found if ".int8." in file.name]
    return str((small or found)[0]) if found else None
