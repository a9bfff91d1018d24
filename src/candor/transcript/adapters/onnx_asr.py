"""Parakeet, Canary, Whisper and others through ``onnx-asr`` (extra ``parakeet``): by name or folder, CPU or GPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from candor.errors import InvalidInput
from candor.transcript.adapters import models
from candor.transcript.ports import RATE, Capabilities, Heard, Mono

ENGINE = "onnx-asr"
ENGLISH = frozenset({"nemo-parakeet-ctc-0.6b", "nemo-parakeet-rnnt-0.6b", "nemo-parakeet-tdt-0.6b-v2"})
"""Known models that only know English."""
_RUSSIAN = ("gigaam-v2", "gigaam-v3", "nemo-fastconformer-ru", "t-tech/", "alphacep/")


class OnnxAsr:
    """A Recogniser with token times; the model loads on first use."""

    def __init__(
        self,
        *,
        model: str | None = None,
        model_folder: Path | None = None,
        threads: int = 1,
        device: str = "cpu",
        offline: bool = False,
    ) -> None:
        self._name = model or "nemo-parakeet-tdt-0.6b-v2"
        self._folder, self._threads, self._device, self._offline = model_folder, threads, device, offline
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def capabilities(self) -> Capabilities:
        """By the model's name."""
        languages = None
        if self._name in ENGLISH:
            languages = frozenset({"en"})
        elif self._name.startswith(_RUSSIAN):
            languages = frozenset({"ru"})
        return Capabilities(
            engine=ENGINE, model=self._name, version="", languages=languages, word_times=True, log_probabilities=True
        )

    def recognise(self, segments: Sequence[Mono], *, language: str | None = None) -> list[Heard]:
        """One result a segment; segments of like length share a batch."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
        options = {"language": language.split("-")[0].lower()} if language and self._takes_language() else {}
        results = [self._model.recognize(segment, sample_rate=RATE, **options) for segment in segments]
        return [self._heard(result, len(segment) / RATE) for result, segment in zip(results, segments, strict=True)]

    def _takes_language(self) -> bool:
        return "whisper" in self._name or "canary" in self._name

    def _heard(self, result: Any, seconds: float) -> Heard:
        pieces = result.tokens or []
        if not pieces:
            return Heard(words=models.words_from_pieces([result.text], None, None, seconds) if result.text else ())
        scores = result.logprobs
        return Heard(
            words=models.words_from_pieces(pieces, result.timestamps, scores, seconds),
            mean_log_probability=sum(scores) / len(scores) if scores else None,
            tokens=len(pieces),
        )

    def _load(self) -> Any:
        library = models.require("onnx_asr", engine=ENGINE, extra="parakeet")
        errors = models.require("onnx_asr.utils", engine=ENGINE, extra="parakeet")
        runtime = models.require("onnxruntime", engine=ENGINE, extra="parakeet")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self._threads
        providers = ["CUDAExecutionProvider"] if self._device == "cuda" else ["CPUExecutionProvider"]
        # A path that does not exist yet means "fetch into it" to the library; to us it means a wrong setting.
        folder = None if self._folder is None else models.require_folder(self._folder, engine=ENGINE)
        if folder is None and self._offline:
            folder = self._cached()
        try:
            loaded = library.load_model(self._name, folder, sess_options=options, providers=providers)
        except errors.ModelNotSupportedError as error:
            raise InvalidInput(
                f'The speech engine {ENGINE} knows no model "{self._name}".',
                code="transcript.model_unknown",
                advice="Use a name from its documentation, or owner/name, or set a model folder and the model's kind.",
            ) from error
        except Exception as error:
            if folder is not None:
                raise models.unreadable_model(ENGINE, self._name) from error
            raise models.missing_model(ENGINE, self._name, offline=self._offline) from error
        return loaded.with_timestamps()

    def _cached(self) -> Path:
        """The folder of a model fetched earlier; raises InvalidInput when there is none."""
        hub = models.require("huggingface_hub", engine=ENGINE, extra="parakeet")
        resolver = models.require("onnx_asr.resolver", engine=ENGINE, extra="parakeet")
        repository = self._name if "/" in self._name else resolver.model_repos.get(self._name)
        try:
            return Path(hub.snapshot_download(repository, local_files_only=True))
        except Exception as error:
            raise models.missing_model(ENGINE, self._name, offline=True) from error
