"""A watched place, what is found there, and how far each file has come."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from candor.capture.files.sniff import SOUND_EXTENSIONS
from candor.capture.watch.pattern import NamePattern, compile_pattern
from candor.errors import InvalidInput

SCHEMES = ("file", "s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "memory")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}\Z")
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".lock", ".inprogress")
_DOCUMENTS = (".vcon", ".vcon.json")


class After(StrEnum):
    """What becomes of a file once the vault holds it durably."""

    KEEP = "keep"
    MOVE = "move"
    DELETE = "delete"


class FileState(StrEnum):
    """How far a file has come."""

    WAITING = "waiting"
    """Still growing, waiting for its facts or its turn, or for the next try."""
    HELD = "held"
    """The vault has it; it is still to be moved or deleted where it lies."""
    DONE = "done"
    REFUSED = "refused"
    """Listed under "needs attention" once; looked at again only when it or the place's settings change."""


class Part(StrEnum):
    """What a file is for a place."""

    RECORDING = "recording"
    DOCUMENT = "document"
    """A vCon."""
    MANIFEST = "manifest"
    OTHER = "other"
    """Sidecar files and whatever else lies about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file in a place, as the listing shows it."""

    key: str
    """Relative to the place, with ``/``."""
    size: int
    tag: str
    """Changes whenever the content does: the ETag, or the time of the last change in nanoseconds."""
    changed_at: datetime
    """Aware; of the last change as the place tells it."""

    @property
    def name(self) -> str:
        """Without its folders."""
        return self.key.rpartition("/")[2]

    def same(self, other: Found) -> bool:
        """Whether the content is still that of ``other``; stores tell times with more or less precision."""
        return (self.key, self.size, self.tag) == (other.key, other.size, other.tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPlace:
    """What an administrator sets for one place; raises InvalidInput ``watch.*`` for what cannot work."""

    name: str
    """The source's name on every conversation from there."""
    url: str
    """``file:///srv/recordings``, ``s3://bucket/prefix``, ``gs://…``, ``az://…``."""
    options: tuple[tuple[str, str], ...] = ()
    """For the object store: region, endpoint, keys. Without keys the usual environment of the cloud counts."""
    manifest: str = ""
    """``*.csv``: files that tell which recording is which call; or ``{stem}.json``, ``{stem}.xml``: one beside each."""
    pattern: str = ""
    """What the file names mean; see :mod:`candor.capture.watch.pattern`."""
    zone: str = ""
    """IANA name, for times that are written without an offset."""
    settle: float = 30.0
    """Seconds that size and time of change must stay the same; object stores need none."""
    facts_wait: float = 300.0
    """Seconds that a recording waits for its sidecar file or its row; then it is taken without."""
    after: After = After.KEEP
    move_to: str = ""
    """With ``after=move``: a folder inside the place."""
    every: float = 30.0
    """Seconds from one look to the next."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def where(self) -> str:
        """The address for people: without whatever user names, keys or options it may carry."""
        url = urlsplit(self.url)
        if url.scheme == "file":
            return unquote(url.path)
        return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))

    def __repr__(self) -> str:
        return f"WatchedPlace(name={self.name!r})"  # options may be keys, and addresses may carry user names

    @property
    def names(self) -> NamePattern | None:
        """The pattern, compiled."""
        return compile_pattern(self.pattern, zoned=bool(self.zone)) if self.pattern else None

    @property
    def sidecar(self) -> str:
        """The sidecar file's name with ``{stem}`` or ``{name}`` in it; empty when there is none."""
        return self.manifest if "{" in self.manifest else ""

    def sidecar_of(self, key: str) -> str:
        """Where the sidecar file of a recording lies."""
        folder, slash, name = key.rpartition("/")
        stem = name.rpartition(".")[0] or name
        return folder + slash + self.sidecar.replace("{stem}", stem).replace("{name}", name)

    def part(self, key: str) -> Part:
        """What the file ``key`` is here, by its name alone."""
        name = key.rpartition("/")[2].lower()
        if self.move_to and key.startswith(self.move_to.strip("/") + "/"):
            return Part.OTHER
        if name.startswith((".", "~$")) or name.endswith(_UNFINISHED):
            return Part.OTHER
        if self.manifest and not self.sidecar and fnmatchcase(name, self.manifest.lower()):
            return Part.MANIFEST
        if name.endswith(_DOCUMENTS):
            return Part.DOCUMENT
        names = self.names
        if name.rpartition(".")[2] in SOUND_EXTENSIONS or (names is not None and names.match(key) is not None):
            return Part.RECORDING
        return Part.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFile:
    """The latest of a place's files that came to one end."""

    at: datetime
    shown: str
    """Its name, with its numbers cut down to their last four digits; it may still name people."""
    conversation_id: str | None
    code: str
    """Why it was refused; empty otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStatus:
    """How it stands with one place."""

    name: str
    checked_at: datetime | None
    """When it was last looked at, None before the first time."""
    reached_at: datetime | None
    """When it last answered."""
    failures: int
    """How often in a row it could not be reached."""
    next_at: datetime | None
    code: str
    message: str
    """Why it cannot be reached; empty when it can."""
    owned: bool
    """Whether a process looks at it now."""
    files: dict[FileState, int]
    """Recordings and vCons; of manifests only those that were refused."""
    oldest_waiting: datetime | None
    """When the file that has waited longest was first seen."""
    last_taken: LastFile | None
    last_refused: LastFile | None

    @property
    def waiting(self) -> int:
        """Files that are not taken yet."""
        return self.files.get(FileState.WAITING, 0)

    @property
    def taken(self) -> int:
        """Files that the vault has, moved or deleted already or not."""
        return self.files.get(FileState.HELD, 0) + self.files.get(FileState.DONE, 0)

    @property
    def refused(self) -> int:
        """Files that were not taken and stay where they are."""
        return self.files.get(FileState.REFUSED, 0)


def _check(place: WatchedPlace) -> None:
    if not _NAME.match(place.name):
        raise InvalidInput(
            "A watched place has no usable name.", code="watch.name",
            advice="Use letters, digits, spaces, dots, hyphens and underscores, at most 63.",
        )  # fmt: skip
    url = urlsplit(place.url)
    if url.scheme not in SCHEMES or (url.scheme == "file" and not url.path.startswith("/")):
        raise InvalidInput(
            f"The address of the watched place {place.name} is not understood.", code="watch.url",
            advice="Write file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
        )  # fmt: skip
    if place.zone and not _is_zone(place.zone):
        raise InvalidInput(
            f"The time zone of the watched place {place.name} is not known.", code="watch.zone",
            advice="Use a name like Europe/Berlin.",
        )  # fmt: skip
    if not (0 <= place.settle <= 86_400 and 0 <= place.facts_wait <= 604_800 and 1 <= place.every <= 86_400):
        raise InvalidInput(
            f"A time span of the watched place {place.name} is out of bounds.", code="watch.seconds",
            advice="settle: 0 to 86400, facts_wait: 0 to 604800, every: 1 to 86400 seconds.",
        )  # fmt: skip
    _check_after(place)
    _check_manifest(place)
    if place.pattern:
        compile_pattern(place.pattern, zoned=bool(place.zone))


def _check_after(place: WatchedPlace) -> None:
    parts = place.move_to.strip("/").split("/")
    if (place.after is After.MOVE) != bool(place.move_to) or (
        place.move_to and (place.move_to.startswith("/") or any(part in {"", ".", ".."} for part in parts))
    ):
        raise InvalidInput(
            f"The watched place {place.name} does not say well where files are moved.", code="watch.move_to",
            advice='Give move_to with after = "move" and only there: the name of a folder inside the place.',
        )  # fmt: skip


def _check_manifest(place: WatchedPlace) -> None:
    text = place.manifest
    fields = re.findall(r"\{([^{}]*)\}", text)
    plain = re.sub(r"\{[^{}]*\}", "", text)
    ending = text.lower().rpartition(".")[2]
    wrong = "{" in plain or "}" in plain or "/" in text or "\\" in text or len(text) > 255
    if fields:
        wrong = wrong or len(fields) > 1 or fields[0] not in {"stem", "name"} or ending not in {"json", "xml"}
    elif text:
        wrong = wrong or ending not in {"csv", "tsv", "jsonl", "ndjson"}
    if wrong:
        raise InvalidInput(
            f"The manifest of the watched place {place.name} is not understood.", code="watch.manifest",
            advice="Write *.csv, *.tsv or *.jsonl for lists, {stem}.json, {stem}.xml, {name}.json for sidecar files.",
        )  # fmt: skip


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
