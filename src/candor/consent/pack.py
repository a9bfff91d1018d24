"""The rule pack: read whole or refused whole, and the law of a day out of it.

A pack is a folder: ``pack.toml`` is the head, which names the other files. Whatever is wrong is told with file, record
and field; nothing of a pack with a fault is used.
"""

from __future__ import annotations

import hashlib
import tomllib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any, NoReturn, TypeVar, cast

from pydantic import BaseModel, ValidationError

from candor.consent.checking import faults_of, faults_of_record
from candor.consent.overrides.model import Override
from candor.consent.rules import CrossRule, DatedRule, Head, JurisdictionRule, SectorRule, dated
from candor.errors import InvalidInput

R = TypeVar("R", bound=DatedRule)
M = TypeVar("M", bound=BaseModel)
P = TypeVar("P")
HEAD = "pack.toml"
_TABLES: dict[str, type[JurisdictionRule | SectorRule | CrossRule]] = {
    "jurisdiction": JurisdictionRule,
    "sector": SectorRule,
    "cross_rule": CrossRule,
}
_MOST_FAULTS = 20
_MOST_PARTS = 20_000
_FIXED = frozenset({"id", "name", "kind", "parent", "citations", "earlier", "valid_from", "valid_to"})
"""Fields that an override cannot change: they say which rule it is and where it comes from."""


class Rules:
    """The law of a day: what the engine sees. Nothing in it is dated any more."""

    def __init__(
        self, pack: Pack, jurisdictions: dict[str, JurisdictionRule], sectors: dict[str, SectorRule],
        overridden: Mapping[str, tuple[Override, ...]],
    ) -> None:  # fmt: skip
        self.head, self.version = pack.head, pack.version
        self.jurisdictions, self.sectors = jurisdictions, sectors
        self.cross = pack.cross
        self.overridden = overridden
        self.judged: dict[Any, Any] = {}
        """Answers that the engine has worked out already, by what was asked; the engine keeps it small."""
        self.parts: dict[Any, Any] = {}
        """Parts of answers that many share, such as a place's reason; see :meth:`part`."""
        self.sector_names = {name: each.id for each in sectors.values() for name in (each.id.casefold(), *each.aliases)}
        self._reach = {each.id: _reach(each.regions, pack.head) for each in sectors.values()}

    def part(self, key: tuple[Any, ...], make: Callable[[], P]) -> P:
        """What ``make`` gives, made once and remembered by ``key``, whose first word says which kind of part it is."""
        found = self.parts.get(key)
        if found is None:
            if len(self.parts) >= _MOST_PARTS:
                self.parts.clear()
            found = self.parts[key] = make()
        return cast("P", found)

    def reaches(self, sector: str, place: str) -> bool:
        """Whether a sector's rule covers a place."""
        reach = self._reach[sector]
        return reach is None or place in reach or place.partition("-")[0] in reach


class Pack:
    """A whole, valid pack; with overrides laid over it when there are any."""

    def __init__(
        self, head: Head, jurisdictions: Sequence[JurisdictionRule], sectors: Sequence[SectorRule],
        cross: Sequence[CrossRule], digest: str, overrides: Sequence[Override] = (),
    ) -> None:  # fmt: skip
        self.head, self.digest = head, digest
        self.version = head.version
        self.cross = {each.id: each for each in cross}
        self._given = (jurisdictions, sectors, cross)
        self._versions: dict[str, list[JurisdictionRule | SectorRule]] = defaultdict(list)
        for place in jurisdictions:
            self._versions[place.id] += _versions(place)
        for sector in sectors:
            self._versions[sector.id].append(sector)
        self._overrides: dict[str, list[Override]] = defaultdict(list)  # oldest first
        for each in overrides:
            self._overrides[each.rule].append(each)
        self._edges = sorted(_edges(self._versions.values(), overrides))
        self._days: dict[int, Rules] = {}

    @property
    def latest(self) -> dict[str, JurisdictionRule | SectorRule]:
        """Each place's and sector's newest record, as the pack has it."""
        return {key: versions[-1] for key, versions in self._versions.items()}

    def with_overrides(self, overrides: Sequence[Override]) -> Pack:
        """The same pack under ``overrides``; raises InvalidInput when one of them does not fit."""
        laid = Pack(self.head, *self._given, self.digest, overrides)
        for edge in {date.min, *laid._edges}:
            laid.on(edge)
        return laid

    def on(self, day: date) -> Rules:
        """The law of a day."""
        index = bisect_right(self._edges, day)
        if index not in self._days:
            self._days[index] = self._build(day)
        return self._days[index]

    def _build(self, day: date) -> Rules:
        places: dict[str, JurisdictionRule] = {}
        sectors: dict[str, SectorRule] = {}
        overridden: dict[str, tuple[Override, ...]] = {}
        for key, versions in self._versions.items():
            record = next((each for each in versions if each.holds(day)), None)
            if record is None:
                continue
            laid = _in_force(self._overrides.get(key, ()), day)
            if laid:
                record, overridden[key] = changed(record, {each.field: each.new for each in laid}), tuple(laid)
                self._fits(record)
            if isinstance(record, JurisdictionRule):
                places[key] = _of_day(record, day)
            else:
                sectors[key] = _of_day(record, day)
        return Rules(self, places, sectors, overridden)

    def _fits(self, record: JurisdictionRule | SectorRule) -> None:
        if isinstance(record, JurisdictionRule):
            record = record.model_copy(update={"earlier": ()})  # it is of one span of time already
        faults = faults_of_record(self.head, self._given[0], self._given[1], record)
        if faults:
            raise InvalidInput(
                f"{record.id} would not be a valid rule: {'; '.join(faults)}.", code="consent.override",
                advice="Nothing changed.",
            )  # fmt: skip


def read(texts: Mapping[str, bytes]) -> Pack:
    """A pack from its files by name. Raises InvalidInput (``consent.pack``) that says where and what is wrong."""
    faults: list[str] = []
    tables = {name: _toml(name, text, faults) for name, text in texts.items()}
    if HEAD not in texts:
        _refuse([f"{HEAD} is missing"])
    head = _checked(Head, tables.get(HEAD, {}), HEAD, faults)
    if head is None:
        _refuse(faults)
    faults += [f"{HEAD}, files: {name} is missing" for name in head.files if name not in texts]
    faults += [f"{name}: not named in {HEAD}, files" for name in texts if name not in (HEAD, *head.files)]
    found: dict[str, list[Any]] = {table: [] for table in _TABLES}
    for name in head.files:
        for table, records in tables.get(name, {}).items():
            if table in _TABLES and isinstance(records, list):
                found[table] += _records(_TABLES[table], records, name, faults)
            else:
                faults.append(f"{name}: there is no table {table}")
    if faults:
        _refuse(faults)
    faults = faults_of(head, found["jurisdiction"], found["sector"], found["cross_rule"])
    if faults:
        _refuse(faults)
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" + texts[name] for name in sorted(texts))).hexdigest()
    pack = Pack(head, found["jurisdiction"], found["sector"], found["cross_rule"], digest)
    try:
        pack.with_overrides(())
    except InvalidInput as error:
        _refuse([error.message])
    return pack


def _records(kind: type[M], records: list[Any], name: str, faults: list[str]) -> list[M]:
    read = []
    for position, data in enumerate(records, 1):
        label = data.get("id", f"record {position}") if isinstance(data, dict) else f"record {position}"
        record = _checked(kind, data, f"{name}, {label}", faults)
        if record is not None:
            read.append(record)
    return read


@lru_cache(maxsize=1)
def builtin_texts() -> dict[str, bytes]:
    """The files of the pack that ships."""
    folder = files("candor.consent") / "data"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".toml")}


@lru_cache(maxsize=1)
def builtin() -> Pack:
    """The pack that ships."""
    return read(builtin_texts())


def newer(one: str, other: str) -> bool:
    """Whether version ``one`` is newer than ``other``."""
    return [int(part) for part in one.split(".")] > [int(part) for part in other.split(".")]


def overridable(record: JurisdictionRule | SectorRule) -> frozenset[str]:
    """Fields that counsel may change."""
    return frozenset(type(record).model_fields) - _FIXED


def changed(record: R, changes: Mapping[str, Any]) -> R:
    """``record`` with fields replaced, checked anew; raises InvalidInput when it is no valid record then.

    Where the level changes and the form of consent is not given, the form follows the level.
    """
    data = record.model_dump(mode="json")
    for path, value in changes.items():
        field, _, key = path.partition(".")
        if key:
            data[field] = {**data[field], key: value}
        else:
            data[field] = value
    if "engine_level" in changes and "consent_form" not in changes:
        data["consent_form"] = _FORMS.get(data["engine_level"], data["consent_form"])
    try:
        return type(record).model_validate(data)
    except ValidationError as error:
        raise InvalidInput(
            f"{record.id} would not be a valid rule: {_told(error)}.",
            code="consent.override",
            advice="Nothing changed.",
        ) from None


_FORMS = {0: "none", 1: "none", 2: "implied-by-notice", 3: "implied-by-notice", 4: "explicit"}


def _in_force(overrides: Iterable[Override], day: date) -> list[Override]:
    by_field: dict[str, Override] = {}
    for each in overrides:  # oldest first: the latest made wins
        if each.holds(day):
            by_field[each.field] = each
    return [each for each in by_field.values() if not each.withdrawn]


def _versions(record: JurisdictionRule) -> list[JurisdictionRule]:
    """Oldest first: the record as it stood before each change, then as it stands."""
    made: list[JurisdictionRule] = []
    since = record.valid_from
    for step in record.earlier:
        before = changed(record, {**step.changes, "earlier": ()})
        made.append(before.model_copy(update={"valid_from": since, "valid_to": step.until}))
        since = step.until + timedelta(days=1)
    return [*made, record.model_copy(update={"valid_from": since})]


def _edges(versions: Iterable[Sequence[JurisdictionRule | SectorRule]], overrides: Sequence[Override]) -> set[date]:
    found: set[date] = set()
    for record in (each for group in versions for each in group):
        for item in dated(record):
            found |= {item.valid_from} if item.valid_from else set()
            found |= {item.valid_to + timedelta(days=1)} if item.valid_to else set()
    for each in overrides:
        found.add(each.effective_from)
        found |= {each.effective_until + timedelta(days=1)} if each.effective_until else set()
    return found


def _of_day(record: R, day: date) -> R:
    fields = ("duties", "retention", "limits") if isinstance(record, JurisdictionRule) else ("retention", "limits")
    kept = {name: tuple(each for each in getattr(record, name) if each.holds(day)) for name in fields}
    return record.model_copy(update=kept)


def _reach(regions: Iterable[str], head: Head) -> frozenset[str] | None:
    if "*" in regions:
        return None
    return frozenset(place for region in regions for place in head.regions.get(region, (region,)))


def _toml(name: str, text: bytes, faults: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        faults.append(f"{name}: {error}")
        return {}


def _checked(kind: type[M], data: object, where: str, faults: list[str]) -> M | None:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        faults.append(f"{where}, {_told(error)}")
        return None


def _told(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'record'}: {fault['msg']}" for fault in error.errors()
    )


def _refuse(faults: list[str]) -> NoReturn:
    shown = "; ".join(faults[:_MOST_FAULTS])
    more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
    raise InvalidInput(
        f"The rule pack does not validate: {shown}{more}.",
        code="consent.pack",
        advice="Nothing of it is used; correct it and read it again.",
    )
