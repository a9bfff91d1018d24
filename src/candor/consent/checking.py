"""What no single record can tell: whether the records of a pack fit one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise

from candor.consent.rules import CrossRule, DatedRule, Head, JurisdictionRule, Limit, Retention, SectorRule

CROSS_RULES = (
    "X-STRICTEST", "X-LOCATION-OF-RECORDER", "X-UNKNOWN-LOCATION", "X-ANNOUNCEMENT-PATTERN", "X-EVIDENCE-OF-CONSENT",
    "X-NOT-EVIDENCE", "X-THIRD-PARTY-JOIN", "X-HOLD", "X-WITHDRAWAL", "X-RETENTION-CONFLICT", "X-VENDOR",
    "X-MUST-RECORD", "X-MINORS", "X-LANGUAGE",
)  # fmt: skip
"""Rules that the engine knows how to apply; a pack has each of them, for its words and citations."""


def faults_of(
    head: Head,
    jurisdictions: Sequence[JurisdictionRule],
    sectors: Sequence[SectorRule],
    cross: Sequence[CrossRule],
) -> list[str]:
    """Everything that does not fit, told by record and field; empty for a pack that may be used."""
    check = _Check(head, jurisdictions, sectors)
    found = [*check.head_faults(), *_twice(jurisdictions), *_twice(sectors)]
    for place in jurisdictions:
        found += [f"{place.id}, {fault}" for fault in check.place_faults(place)]
    for sector in sectors:
        found += [f"{sector.id}, {fault}" for fault in check.sector_faults(sector)]
    named = [rule.id for rule in cross]
    found += [f"{rule}: the cross rule is missing" for rule in CROSS_RULES if named.count(rule) == 0]
    found += [f"{rule}: the engine does not know this cross rule" for rule in named if rule not in CROSS_RULES]
    found += [f"{rule}: the id occurs twice" for rule in CROSS_RULES if named.count(rule) > 1]
    for record in (*jurisdictions, *sectors, *cross):
        if record.last_reviewed > head.last_reviewed:
            found.append(f"{record.id}, last_reviewed: after the pack's own last_reviewed")
    return found


def faults_of_record(
    head: Head,
    jurisdictions: Sequence[JurisdictionRule],
    sectors: Sequence[SectorRule],
    record: DatedRule,
) -> list[str]:
    """What does not fit in one record, changed by an override, beside the others."""
    check = _Check(head, jurisdictions, sectors)
    if isinstance(record, JurisdictionRule):
        return list(check.place_faults(record))
    return list(check.sector_faults(record)) if isinstance(record, SectorRule) else []


def _twice(records: Sequence[JurisdictionRule] | Sequence[SectorRule]) -> Iterator[str]:
    """Several records of one id must not hold on the same day."""
    spans: dict[str, list[tuple[date, date]]] = defaultdict(list)
    for record in records:
        spans[record.id].append((record.valid_from or date.min, record.valid_to or date.max))
    for key, found in spans.items():
        found.sort()
        for (_, end), (start, _) in pairwise(found):
            if start <= end:
                yield f"{key}: two records hold on {start}"


class _Check:
    def __init__(self, head: Head, jurisdictions: Sequence[JurisdictionRule], sectors: Sequence[SectorRule]) -> None:
        self.head = head
        self.places = {each.id: each for each in jurisdictions}
        self.sectors = {each.id for each in sectors}
        self.aliases = [name for each in sectors for name in (each.id.casefold(), *each.aliases)]
        self.purposes = {each.id for each in head.purpose}
        self.channels = {each.id for each in head.channel}

    def head_faults(self) -> Iterator[str]:
        head = self.head
        if set(head.levels) != {"0", "1", "2", "3", "4", "9"}:
            yield "pack.toml, levels: not 0, 1, 2, 3, 4 and 9"
        if set(head.sources) != {"page", "statute text", "own knowledge"}:
            yield "pack.toml, sources: not page, statute text and own knowledge"
        for each in head.purpose:
            if each.like is not None and each.like not in self.purposes:
                yield f"pack.toml, purpose {each.id}, like: there is no purpose {each.like}"
        for name in ("purpose", "channel"):
            ids = [each.id for each in getattr(head, name)]
            if len(ids) != len(set(ids)):
                yield f"pack.toml, {name}: an id occurs twice"
        for region, members in head.regions.items():
            yield from self._known(f"pack.toml, regions.{region}", members, self.places)
        yield from self._known("pack.toml, same_law", head.same_law.values(), self.places)
        yield from self._known("pack.toml, unknown.strict_countries", head.unknown.strict_countries, self.places)
        for name in ("us", "non_us"):
            elements = getattr(head.unknown, name).notice_elements
            yield from self._known(f"pack.toml, unknown.{name}.notice_elements", elements, head.elements)
        for alias in {name for name in self.aliases if self.aliases.count(name) > 1}:
            yield f"sectors: the name {alias} occurs twice"

    def place_faults(self, place: JurisdictionRule) -> Iterator[str]:
        yield from self._parent(place)
        yield from self._known("purpose_overrides", place.purpose_overrides, self.purposes)
        yield from self._known("channel_overrides", place.channel_overrides, self.channels)
        elements = (*place.notice_elements, *place.policy_elements)
        yield from self._known("notice_elements", elements, self.head.elements)
        exceptions = {each.id for each in place.exceptions}
        for each in place.exceptions:
            yield from self._known(f"exceptions.{each.id}.purposes", each.purposes, self.purposes)
        yield from self._items(place.retention, place.limits, exceptions)
        previous = date.min
        for step in place.earlier:
            if step.until <= previous or (place.valid_from and step.until < place.valid_from):
                yield f"earlier: {step.until} is not after the step before it"
            previous = step.until
            unknown = set(step.changes) - set(JurisdictionRule.model_fields)
            if unknown:
                yield f"earlier.changes: there is no field {min(unknown)}"

    def sector_faults(self, sector: SectorRule) -> Iterator[str]:
        if sector.must_record is not None and sector.must_record not in self.purposes:
            yield f"must_record: there is no purpose {sector.must_record}"
        if sector.drops_level and sector.must_record is None:
            yield "drops_level without must_record"
        reach = {"*", *self.head.regions, *self.places}
        yield from self._known("regions", sector.regions, reach)
        yield from self._known("notice_elements", sector.notice_elements, self.head.elements)
        for bar in sector.bars:
            yield from self._known("bars.purposes", bar.purposes, self.purposes)
            yield from self._known("bars.places", bar.places, self.places)
        yield from self._items(sector.retention, sector.limits, set())

    def _parent(self, place: JurisdictionRule) -> Iterator[str]:
        expected, _, part = place.id.partition("-")
        if part and place.parent != expected:
            yield f"parent: not {expected}"
        if not part and place.parent is not None:
            yield "parent: a country has none"
        if place.parent is not None and place.parent not in self.places:
            yield f"parent: there is no place {place.parent}"
        if bool(part) != (place.kind in ("us-state", "subdivision")):
            yield f"kind: {place.kind} does not go with the id"

    def _items(self, retention: Iterable[Retention], limits: Iterable[Limit], exceptions: set[str]) -> Iterator[str]:
        for item in retention:
            yield from self._known(f"retention.{item.id}.purposes", item.purposes, self.purposes)
            yield from self._known(f"retention.{item.id}.sectors", item.sectors, self.sectors)
            yield from self._known(f"retention.{item.id}.places", item.places, self.places)
            if item.exception is not None and item.exception not in exceptions:
                yield f"retention.{item.id}.exception: there is no exception {item.exception}"
        for limit in limits:
            purposes = (*limit.purposes, *limit.purposes_except)
            yield from self._known(f"limits.{limit.code}.purposes", purposes, self.purposes)
            if limit.exception is not None and limit.exception not in exceptions:
                yield f"limits.{limit.code}.exception: there is no exception {limit.exception}"

    @staticmethod
    def _known(where: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
        for name in sorted(set(names) - set(known)):
            yield f"{where}: there is no {name}"
