"""Finding and fetching models of other engines: one wording for all, errors told apart (pure but for imports).

A model is a folder, or a name that the engine's library fetches into a cache. What can go wrong: the package is not
installed, the folder is not there, the name is unknown, the model is not in the cache and the machine is offline.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from candor.errors import CandorError, InvalidInput, Unavailable
from candor.transcript.ports import HeardWord


def require(module: str, *, engine: str, extra: str) -> Any:
    """The imported module; raises InvalidInput with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InvalidInput(
            f"The speech engine {engine} is not installed.",
            code="transcript.engine_missing",
            advice=f'Install it with: pip install "candor[{extra}]".',
        ) from error


def require_folder(folder: Path, *, engine: str) -> Path:
    """``folder`` when it is one; raises InvalidInput."""
    if not folder.is_dir():
        raise InvalidInput(
            f"The model folder {folder} for the speech engine {engine} does not exist.",
            code="transcript.model_missing",
            advice="Correct the setting, or put the model's files there.",
        )
    return folder


def missing_model(engine: str, model: str, *, offline: bool) -> CandorError:
    """The error for a model that is neither in the cache nor could be fetched."""
    if offline:
        return InvalidInput(
            f'The model "{model}" of the speech engine {engine} is not on this machine, '
            "and fetching models is switched off.",
            code="transcript.model_missing",
            advice="Fetch it once on a machine with a network and copy the folder, or allow fetching.",
        )
    return Unavailable(
        f'The model "{model}" of the speech engine {engine} is not on this machine and could not be fetched.',
        code="transcript.model_unreachable",
        advice="Check the network, or set a model folder with the model's files.",
    )


def unreadable_model(engine: str, model: str) -> InvalidInput:
    """The error for a model that is there but that the engine cannot load."""
    return InvalidInput(
        f'The speech engine {engine} cannot load the model "{model}".',
        code="transcript.model_damaged",
        advice="Check that the folder holds a whole model of the kind that this engine reads.",
    )


def words_from_pieces(
    pieces: Sequence[str],
    starts: Sequence[float] | None,
    log_probabilities: Sequence[float] | None,
    end: float,
) -> tuple[HeardWord, ...]:
    """Words from pieces as most engines give them: a piece that begins with "▁" or a space begins a word.

    ``starts`` are seconds; a word ends where the next piece begins, at most half a second after its own last one.
    """
    words: list[list[int]] = []
    for place, piece in enumerate(pieces):
        if not words or piece.startswith(("▁", " ")):
            words.append([])
        words[-1].append(place)
    result = []
    for places in words:
        text = "".join(pieces[place] for place in places).replace("▁", " ").strip()
        if not text:
            continue
        confidence = 1.0
        if log_probabilities:
            confidence = math.exp(sum(log_probabilities[place] for place in places) / len(places))
        last = places[-1]
        begin = finish = None
        if starts:
            begin = starts[places[0]]
            following = starts[last + 1] if last + 1 < len(starts) else end
            finish = max(begin, min(following, starts[last] + 0.5, end))
        # A piece may hold several words when the engine writes no marks.
        result += [
            HeardWord(text=part, confidence=min(confidence, 1.0), start=begin, end=finish) for part in text.split()
        ]
    return tuple(result)
