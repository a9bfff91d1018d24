"""Schedules against the law, by themselves: which applies, and when a person must say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from candor.errors import InvalidInput
from candor.vault.retention.model import (
    Conditions,
    ConflictKind,
    Facts,
    Ground,
    Period,
    Schedule,
    choose,
    decide,
    facts_of,
    ground_of,
    in_effect,
)
from candor.vault.retention.reading import Draft, read

AT = datetime(2026, 1, 1, tzinfo=UTC)


def schedule(
    name: str, days: int | None, start: date | None = date(2026, 1, 1), version: int = 1, **when: Any
) -> Schedule:
    return Schedule(
        id=f"{name}-{version}", name=name, version=version, when=Conditions(**when), days=days, basis="Policy",
        drafted_by="a", drafted_at=AT, effective_from=start,
    )  # fmt: skip


def facts(**more: Any) -> Facts:
    return Facts(**{"purpose": "quality", "channel": "voice", "queue": "Sales", "places": ("DE", "US-CA")} | more)


HOUSE = schedule("house", 365)
SALES = schedule("sales", 100, queue="Sales")
STATES = schedule("states", 90, jurisdiction="US")
CALIFORNIA = schedule("california", 60, jurisdiction="US-CA")
GERMANY = schedule("germany", 50, jurisdiction="DE")
GERMAN_SALES = schedule("german-sales", 40, jurisdiction="de", queue="Sales")


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ([HOUSE], "house"),
        ([HOUSE, SALES], "sales"),
        ([HOUSE, SALES, STATES], "states"),
        ([STATES, CALIFORNIA], "california"),
        ([GERMANY, STATES], "germany"),
        ([GERMANY, CALIFORNIA], "california"),
        ([HOUSE, CALIFORNIA, GERMAN_SALES], "german-sales"),
        ([schedule("a", 9, consent=Ground.EXPLICIT)], None),
        ([schedule("a", 9, sector="finance"), HOUSE], "house"),
        ([schedule("a", 9, channel="voice"), schedule("b", 9, purpose="quality")], "b"),
    ],
)
def test_the_most_specific_wins(given: list[Schedule], chosen: str | None) -> None:
    for order in (given, given[::-1]):
        found = choose(order, facts())
        assert (found and found.name) == chosen


def test_of_two_alike_the_shorter_counts() -> None:
    one, other = schedule("de", 50, jurisdiction="DE"), schedule("fr", 30, jurisdiction="FR")
    assert choose([one, other], facts(places=("DE", "FR"))) is other


@pytest.mark.parametrize(
    ("days", "low", "high", "expected", "conflict"),
    [
        (100, None, None, 100, None),
        (100, 30, 200, 100, None),
        (100, 100, 100, 100, None),
        (0, None, None, 0, None),
        (20, 30, None, None, ConflictKind.BELOW_FLOOR),
        (400, None, 183, None, ConflictKind.ABOVE_CEILING),
        (100, 1825, 183, None, ConflictKind.LAW),
        (None, None, 183, None, ConflictKind.NO_SCHEDULE),
        (None, 30, None, None, None),
        (None, None, None, None, None),
    ],
)
def test_schedule_and_law(
    days: int | None, low: int | None, high: int | None, expected: int | None, conflict: ConflictKind | None
) -> None:
    given = [] if days is None else [schedule("house", days)]
    found = decide(given, facts(min_days=low, max_days=high))
    assert (found.days, found.conflict) == (expected, conflict)


def test_a_word_on_a_conflict_holds_for_one_version_of_the_schedule() -> None:
    low = facts(min_days=500)
    first, second = (decide([schedule("house", 365, version=n)], low) for n in (1, 2))
    assert first.key != second.key
    assert isinstance(first, Period)


def test_versions_count_from_their_day_on() -> None:
    versions = [
        schedule("house", 100, date(2026, 1, 1)), schedule("house", 50, date(2026, 6, 1), 2),
        schedule("house", None, date(2026, 9, 1), 3), schedule("house", 10, None, 4),
    ]  # fmt: skip
    days = [[one.days for one in in_effect(versions, day)] for day in (
        date(2025, 12, 31), date(2026, 1, 1), date(2026, 5, 31), date(2026, 6, 1), date(2026, 9, 1), date(2030, 1, 1),
    )]  # fmt: skip
    assert days == [[], [100], [100], [50], [], []]


def test_facts_come_from_the_consent_decision() -> None:
    house = Facts(purpose="quality", channel="voice", places=("DE",), sectors=("gdpr",))
    decision = {
        "level": 4, "legs": ["US-CA", "DE"], "purpose": "transaction_proof",
        "retention": {"min_days": 30, "max_days": None, "conflict": False},
    }  # fmt: skip
    found = facts_of(decision, queue="Sales", channel="voice", default=house)
    assert found == Facts(
        purpose="transaction_proof", channel="voice", queue="Sales", places=("DE", "US-CA"), sectors=("gdpr",),
        consent=Ground.EXPLICIT, min_days=30,
    )  # fmt: skip
    assert facts_of(None, queue=None, channel="chat", default=house).consent is Ground.UNKNOWN


def test_grounds_of_consent() -> None:
    grounds = [ground_of(level) for level in (None, 0, 1, 2, 3, 4, 9)]
    unknown, free, told, given = Ground.UNKNOWN, Ground.NOT_REQUIRED, Ground.NOTICE, Ground.EXPLICIT
    assert grounds == [unknown, free, free, told, told, given, given]


YAML = b"""
schedules:
  - name: House
    days: 365
    basis: Policy 7, section 2
  - name: French quality
    days: 183
    basis: CNIL, six months
    when: {jurisdiction: fr, purpose: quality, consent: notice}
"""
TOML = b"""
[[schedules]]
name = "House"
days = 365
basis = "Policy 7, section 2"
[[schedules]]
name = "French quality"
days = 183
basis = "CNIL, six months"
when = { jurisdiction = "fr", purpose = "quality", consent = "notice" }
"""


def test_yaml_and_toml_say_the_same() -> None:
    expected = (
        Draft(name="House", days=365, basis="Policy 7, section 2", when=Conditions()),
        Draft(
            name="French quality", days=183, basis="CNIL, six months",
            when=Conditions(jurisdiction="FR", purpose="quality", consent=Ground.NOTICE),
        ),
    )  # fmt: skip
    assert read(YAML, "a.yaml") == read(TOML, "a.toml") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no list"), (b"schedules: []", "no list"), (b"schedules: 3", "no list"), (b"[1, 2", "neither"),
        (b"\xff\xfe", "neither"), (b"schedules: [3]", "not written as"),
        (b"schedules: [{name: a, days: 1, basis: why, until: 3}]", "a field"),
        (b"schedules: [{name: '', days: 1, basis: why}]", "needs a name"),
        (b"schedules: [{name: a, days: -1, basis: why}]", "whole number"),
        (b"schedules: [{name: a, days: true, basis: why}]", "whole number"),
        (b"schedules: [{name: a, days: 99999999, basis: why}]", "whole number"),
        (b"schedules: [{name: a, days: 1, basis: ''}]", "why so long"),
        (b"schedules: [{name: a, days: 1, basis: why, when: {mood: good}}]", "no such condition"),
        (b"schedules: [{name: a, days: 1, basis: why, when: {consent: yes}}]", "no such ground"),
        (b"schedules: [{name: a, days: 1, basis: why}, {name: a, days: 2, basis: why}]", "same name"),
        (b"x" * 1_000_001, "too large"),
    ],
)  # fmt: skip
def test_bad_files_are_named_for_what_is_wrong(text: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read(text, "schedules.yaml")
