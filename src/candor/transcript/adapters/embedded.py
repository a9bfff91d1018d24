"""Models that the ``moonshine-voice`` wheel embeds in its shared library, read without loading the library.

The library exports each model as a data symbol. We read the ELF file's own tables (System V ABI, chapter 4) and take
the bytes from the file: no foreign code runs, no second copy of onnxruntime is loaded. The symbols are private to the
package, so sizes and the format mark are checked; whoever asks must be able to do without (None).
"""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from candor.transcript.adapters.onnx import session

PACKAGE = "moonshine_voice"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedModel:
    """A data symbol and what its content must look like."""

    symbol: bytes
    size: int


SILERO = EmbeddedModel(symbol=b"silero_vad_onnx", size=2_421_272)
SPEAKER = EmbeddedModel(symbol=b"_ZN9cppannote19embedded_community118embedding_ort_dataE", size=6_975_920)


def package_folder() -> Path | None:
    """Where the wheel is installed, found without importing it; None when it is not."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def read(model: EmbeddedModel) -> bytes | None:
    """The model's bytes (onnxruntime format), or None when the library is absent or not the one we know."""
    folder = package_folder()
    if folder is None:
        return None
    try:
        with (folder / "libmoonshine.so").open("rb") as library:
            data = _symbol_bytes(library, model)
    except (OSError, struct.error):
        return None
    # An onnxruntime flatbuffer carries its mark after the four bytes of the root offset.
    return data if data is not None and data[4:8] == b"ORTM" else None


def load(model: EmbeddedModel, *, threads: int) -> Any | None:
    """An onnxruntime session of the model; None when it is not there or onnxruntime does not take it."""
    data = read(model)
    return None if data is None else session(data, threads=threads)


def _symbol_bytes(library: BinaryIO, model: EmbeddedModel) -> bytes | None:
    header = library.read(64)
    if header[:6] != b"\x7fELF\x02\x01":  # 64-bit, little-endian
        return None
    (section_table,) = struct.unpack_from("<Q", header, 0x28)
    entry_size, entries = struct.unpack_from("<HH", header, 0x3A)
    library.seek(section_table)
    table = library.read(entry_size * entries)
    # Of each section: type, address, file offset, size, link.
    sections = [
        (kind, address, offset, size, link)
        for _, kind, _, address, offset, size, link, *_ in (
            struct.unpack_from("<IIQQQQIIQQ", table, place * entry_size) for place in range(entries)
        )
    ]
    dynamic_symbols = next((section for section in sections if section[0] == 11), None)
    if dynamic_symbols is None:
        return None
    _, _, offset, size, link = dynamic_symbols
    library.seek(sections[link][2])
    names = library.read(sections[link][3])
    name = names.find(b"\0" + model.symbol + b"\0") + 1
    library.seek(offset)
    for symbol_name, _, _, _, address, length in struct.iter_unpack("<IBBHQQ", library.read(size - size % 24)):
        if name and symbol_name == name and length == model.size:
            for kind, base, start, extent, _ in sections:
                if kind == 1 and base <= address and address + length <= base + extent:
                    library.seek(start + address - base)
                    return library.read(length)
    return None
