"""OpenAI's Whisper models through ``faster-whisper`` (extra ``whisper``): any model by name or folder, CPU or GPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from candor.errors import InvalidInput
from candor.transcript.adapters import models
from candor.transcript.ports import Capabilities, Heard, HeardWord, Mono

ENGINE = "faster-whisper"


class FasterWhisper:
    """A Recogniser with word times of its own; the model loads on first use."""

    def __init__(
        self,
        *,
        model: str | None = None,
        model_folder: Path | None = None,
        cache_folder: Path | None = None,
        beam: int = 5,
        threads: int = 1,
        device: str = "cpu",
        vocabulary: Sequence[str] = (),
        offline: bool = False,
    ) -> None:
        self._name = model or (model_folder.name if model_folder else "small")
        self._folder, self._cache = model_folder, cache_folder
        self._beam, self._threads, self._device, self._offline = beam, threads, device, offline
        self._hotwords = " ".join(vocabulary) or None
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def capabilities(self) -> Capabilities:
        """Any language, unless the name says ".en"."""
        return Capabilities(
            engine=ENGINE,
            model=self._name,
            version=f"beam{self._beam}",
            languages=frozenset({"en"}) if self._name.endswith(".en") else None,
            word_times=True,
            log_probabilities=True,
        )

    def recognise(self, segments: Sequence[Mono], *, language: str | None = None) -> list[Heard]:
        """One result a segment."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
        return [self._one(segment, language) for segment in segments]

    def _one(self, sound: Mono, language: str | None) -> Heard:
        # Its own voice detection loses telephone speech; ours has run already.
        found, info = self._model.transcribe(
            sound,
            language=language.split("-")[0].lower() if language else None,
            beam_size=self._beam,
            word_timestamps=True,
            vad_filter=False,
            condition_on_previous_text=False,
            hotwords=self._hotwords,
        )
        words: list[HeardWord] = []
        weighted, tokens = 0.0, 0
        for segment in found:
            weighted += segment.avg_logprob * len(segment.tokens)
            tokens += len(segment.tokens)
            for word in segment.words or ():
                parts = word.word.split()
                words += [
                    HeardWord(text=part, confidence=word.probability, start=float(word.start), end=float(word.end))
                    for part in parts
                ]
        return Heard(
            words=tuple(words),
            mean_log_probability=weighted / tokens if tokens else None,
            tokens=tokens,
            language=info.language,
        )

    def _load(self) -> Any:
        library = models.require("faster_whisper", engine=ENGINE, extra="whisper")
        if self._folder is not None:
            source = str(models.require_folder(self._folder, engine=ENGINE))
        else:
            source = self._fetch(library)
        try:
            return library.WhisperModel(
                source,
                device=self._device,
                compute_type="int8" if self._device == "cpu" else "float16",
                cpu_threads=self._threads,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise models.unreadable_model(ENGINE, self._name) from error

    def _fetch(self, library: Any) -> str:
        cache = None if self._cache is None else str(self._cache)
        try:
            path: str = library.download_model(self._name, local_files_only=self._offline, cache_dir=cache)
        except ValueError as error:
            # The library's own check of the name; huggingface's "not in the cache" is an OSError as well.
            if isinstance(error, OSError):
                raise models.missing_model(ENGINE, self._name, offline=self._offline) from error
            raise InvalidInput(
                f'There is no Whisper model "{self._name}".',
                code="transcript.model_unknown",
                advice=f"Known names: {', '.join(library.available_models())}; or owner/name of a converted model.",
            ) from error
        except Exception as error:  # its errors come from several libraries
            raise models.missing_model(ENGINE, self._name, offline=self._offline) from error
        return path
