"""What ``candor import PATH…`` means: files, folders, globs, vCons, chats and manifests become one row of items."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from candor.capture.files.chats import looks_like_chat
from candor.capture.files.manifest import inside, is_manifest, read_manifest, with_notes
from candor.capture.files.metadata import Metadata
from candor.capture.files.sniff import HEAD, SOUND_EXTENSIONS, is_text
from candor.errors import CandorError, InvalidInput, NotFound

PASSED_OVER = frozenset(
    {
        "txt",
        "md",
        "rst",
        "log",
        "html",
        "htm",
        "xml",
        "pdf",
        "csv",
        "tsv",
        "jsonl",
        "ndjson",
        "yaml",
        "yml",
        "toml",
        "ini",
        "cfg",
        "conf",
        "py",
        "sh",
        "bat",
        "ps1",
        "js",
        "css",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        "odt",
        "rtf",
        "db",
        "sqlite",
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "sum",
        "sig",
        "asc",
        "tmp",
        "part",
        "crdownload",
        "lock",
    }
)
"""In a folder these lie beside recordings and are passed over; named on the command line they are tried."""
_LITTER = frozenset({"thumbs.db", "desktop.ini", "license", "licence", "readme", "copying", "notice", "makefile"})


class ItemKind(StrEnum):
    """What an item holds."""

    RECORDING = "recording"
    VCON = "vcon"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeItem:
    """One thing to take in, or one that cannot be (``error``)."""

    name: str
    """For people: the file's name, for a manifest's row with its line."""
    open: Callable[[], BinaryIO]
    """Raises InvalidInput, NotFound or the item's own error."""
    size: int
    kind: ItemKind = ItemKind.RECORDING
    metadata: Metadata = field(default_factory=Metadata)
    error: CandorError | None = None
    folder: Path | None = None
    """Where it lies, for a recording beside a vCon that gives only its name."""

    def beside(self, filename: str) -> BinaryIO | None:
        """The file of that name in the item's own folder; None when there is none."""
        if self.folder is None:
            return None
        try:
            return _open(inside(self.folder, Path(filename.replace("\\", "/")).name))
        except CandorError:
            return None


def gather(
    paths: Iterable[str | Path], *, region: str | None = None, known_agents: Collection[str] | None = None
) -> Iterator[IntakeItem]:
    """Every item that ``paths`` mean, lazily and in order; what cannot be taken comes as an item with an error."""
    for given in paths:
        path = Path(given)
        try:
            yield from _meant(path, region, known_agents)
        except CandorError as error:
            yield _failed(path.name or str(given), error)
        except OSError as error:
            yield _failed(path.name or str(given), _unreadable(error))


def _meant(path: Path, region: str | None, known_agents: Collection[str] | None) -> Iterator[IntakeItem]:
    text = str(path)
    if "\0" in text:
        raise InvalidInput("The path holds a NUL character.", code="path.invalid")
    if path.is_dir():
        yield from _folder(path)
    elif path.is_file():
        yield from _named(path, region, known_agents)
    elif path.exists():
        raise InvalidInput("This is neither a file nor a folder.", code="path.special")
    elif glob.has_magic(text):
        found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  Path.glob takes no absolute patterns
        if not found:
            raise NotFound("No file matches the pattern.", code="path.no_match")
        for match in map(Path, found):
            yield from _folder(match) if match.is_dir() else _named(match, region, known_agents)
    else:
        raise NotFound("There is no such file or folder.", code="path.missing")


def _named(path: Path, region: str | None, known_agents: Collection[str] | None) -> Iterator[IntakeItem]:
    if is_manifest(path.name):
        yield from _rows(path, region, known_agents)
    else:
        yield _item(path)


def _rows(path: Path, region: str | None, known_agents: Collection[str] | None) -> Iterator[IntakeItem]:
    manifest = read_manifest(path.read_bytes(), path.name, path.parent, region=region, known_agents=known_agents)
    rows = [(row.line, _item(row.path, row.metadata, row.name)) for row in manifest.rows]
    bad = [
        (
            row.line,
            _failed(f"{path.name} line {row.line}" + (f" ({Path(row.name).name})" if row.name else ""), row.error),
        )
        for row in manifest.errors
    ]
    yield from (item for _, item in sorted([*rows, *bad], key=lambda pair: pair[0]))


def _folder(root: Path) -> Iterator[IntakeItem]:
    """Recursively, sorted, hidden and side files passed over, links only to files below ``root``."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith((".", "~$")) or _is_side_file(path):
                continue
            try:
                if path.is_symlink():
                    inside(root, str(path.relative_to(root)))
                yield _item(path)
            except CandorError as error:
                yield _failed(name, error)
            except OSError as error:
                yield _failed(name, _unreadable(error))


def _is_side_file(path: Path) -> bool:
    name = path.name.lower()
    if name in _LITTER or name.split(".")[0] in _LITTER or name.rpartition(".")[2] in PASSED_OVER:
        return True
    if name.endswith((".vcon", ".json")):
        return not name.endswith((".vcon", ".vcon.json")) and not _looks_like_document(path)
    return name.rpartition(".")[2] not in SOUND_EXTENSIONS and _is_written(path)


def _is_written(path: Path) -> bool:
    """Text under a name that promises no sound; what cannot be looked into is left to fail with its own message."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return is_text(stream.read(HEAD))
    except OSError:
        return False


def _looks_like_document(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            head = stream.read(1 << 16)
            tail = stream.read()[-4096:] if path.stat().st_size < 1 << 24 else b""
    except OSError:
        return True  # let the opening fail, with its own message
    seen = head + tail
    return looks_like_chat(seen) or any(all(f'"{key}"'.encode() in seen for key in keys) for keys in _VCON_KEYS)


_VCON_KEYS = (("parties", "dialog"), ("payload", "signatures"), ("ciphertext", "recipients"), ("vcon", "uuid"))


def _item(path: Path, facts: Metadata | None = None, name: str | None = None) -> IntakeItem:
    status = path.stat()
    shown = _printable(Path(name or path.name).name)
    vcon = path.name.lower().endswith((".vcon", ".json"))
    known = facts or Metadata()
    if known.started_at is None and not vcon:
        written = datetime.fromtimestamp(status.st_mtime, UTC)
        known = with_notes(
            Metadata(**{**{key: getattr(known, key) for key in Metadata.__slots__}, "started_at": written}),
            "Nobody said when the call began; the file's own date was taken.",
            *hints(shown),
        )
    return IntakeItem(
        name=shown,
        open=lambda: _open(path),
        size=status.st_size,
        kind=ItemKind.VCON if vcon else ItemKind.RECORDING,
        metadata=known,
        folder=path.parent,
    )


_DATED = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])[-_T .]*([01]\d|2[0-3])[-_.h:]?([0-5]\d)"
)
_ASTERISK = re.compile(r"(?<!\d)(1[0-9]{9}\.\d{1,9})(?!\d)")


def hints(name: str) -> tuple[str, ...]:
    """What a file name seems to say: told, never believed."""
    found = []
    if match := _DATED.search(name):
        year, month, day, hour, minute = match.groups()
        found.append(f"The name suggests {year}-{month}-{day} {hour}:{minute}, in a zone that it does not tell.")
    if match := _ASTERISK.search(name):
        found.append(f"The name seems to hold the call id {match[1]}.")
    return tuple(found)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise NotFound("The file is gone.", code="path.missing") from error
    except OSError as error:
        raise _unreadable(error) from error


def _failed(name: str, error: CandorError) -> IntakeItem:
    def refuse_to_open() -> BinaryIO:
        raise error

    return IntakeItem(name=_printable(name), open=refuse_to_open, size=0, error=error)


def _unreadable(error: OSError) -> CandorError:
    problem = InvalidInput(
        "The file cannot be opened.",
        code="path.unreadable",
        advice="Check who may read it, and that its disk is there.",
    )
    problem.__cause__ = error
    return problem


def _printable(name: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)[:200]
