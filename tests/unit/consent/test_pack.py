"""The rule pack is read whole or refused whole, and says where and what is wrong."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from candor.consent import pack
from candor.consent.pack import Pack, builtin, builtin_texts, read
from candor.errors import InvalidInput
from tests.unit.consent.cases import TODAY

SHARED = Path(__file__).resolve().parents[4] / "shared" / "law" / "jurisdictions.toml"


def changed(name: str, old: str, new: str) -> dict[str, bytes]:
    """The shipped files with one place in one of them changed."""
    texts = dict(builtin_texts())
    text = texts[name].decode()
    assert old in text
    texts[name] = text.replace(old, new, 1).encode()
    return texts


def refused(texts: dict[str, bytes]) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(texts)
    assert caught.value.code == "consent.pack"
    assert caught.value.advice
    return caught.value.message


def test_the_shipped_pack_has_every_place_sector_and_cross_rule() -> None:
    law = builtin().on(TODAY)
    assert (len(law.jurisdictions), len(law.cross)) == (109, 14)
    assert len([each for each in law.jurisdictions.values() if each.kind == "us-state"]) == 51
    assert len(law.sectors) == 20
    assert all(each.citations and each.last_reviewed == TODAY for each in law.jurisdictions.values())


EU = "european-union.toml"
US = "united-states.toml"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (EU, "engine_level = 4", "engine_level = 5", ("european-union.toml, DE", "engine_level")),
        (EU, "engine_level = 4", 'engine_level = "4"', ("european-union.toml, DE", "engine_level")),
        (EU, 'consent_form = "explicit"', 'consent_form = "silent"', ("european-union.toml, DE", "consent_form")),
        (EU, "engine_level = 4", "engine_level = 3", ("european-union.toml, DE", "go together")),
        (EU, "engine_level = 4", "engine_level = 4.0", ("european-union.toml, DE", "engine_level")),
        (US, "engine_level = 0", "engine_level = false", ("united-states.toml, US,", "engine_level")),
        (EU, "confidence = 0.9", "confidence = true", ("european-union.toml, EU", "confidence")),
        (EU, "last_reviewed = 2026-11-23", "last_reviewed = 20000", ("european-union.toml, EU", "last_reviewed")),
        (EU, 'id = "DE"', 'id = "Germany"', ("european-union.toml", "id")),
        (EU, 'id = "DE"', 'id = "AT"', ("AT: two records hold",)),
        (EU, "must_record_mifid = 2", "must_record_mifit = 2", ("DE, purpose_overrides", "must_record_mifit")),
        (EU, '"legal-basis"', '"legal-bases"', ("notice_elements", "legal-bases")),
        (EU, "last_reviewed = 2026-11-23", "last_reviewed = 2026-13-23", ("european-union.toml",)),
        (EU, "last_reviewed = 2026-11-23", "last_reviewed = 2027-01-01", ("EU, last_reviewed", "after the pack")),
        (EU, "confidence = 0.9", "confidence = 9.0", ("european-union.toml, EU", "confidence")),
        (EU, "max_days = 183", "max_days = -1", ("FR", "max_days")),
        (EU, "max_days = 183", "max_days = 183, min_days = 200", ("FR", "min_days is more")),
        (EU, 'source = "statute text"', 'source = "hearsay"', ("citations.", "source")),
        (EU, 'url = "https://', 'url = "javascript://', ("url",)),
        (EU, "notice_required = true", "notice_requird = true", ("notice_required", "Field required")),
        (US, 'parent = "US"', 'parent = "EU"', ("US-AL", "parent")),
        (US, 'kind = "us-state"', 'kind = "country"', ("US-AL", "kind")),
        (US, "notice_must_be_recorded = false", "notice_must_be_recorded = true", ("US,", "without notice_required")),
        (US, "notice_must_be_recorded = false", "notice_must_be_recorded = 0", ("US,", "notice_must_be_recorded")),
        (US, 'valid_from = 2026-10-01', 'valid_from = 2026-10-01, valid_to = 2026-09-01', ("US-CT", "valid_from")),
        (US, 'exception = "5704(15)"', 'exception = "5704(16)"', ("US-PA", "5704(16)")),
        ("sectors.toml", '"must_record_mifid"', '"must_dance"', ("MIFID2-16-7", "must_dance")),
        ("sectors.toml", 'regions = ["EEA"]', 'regions = ["EAA"]', ("MIFID2-16-7", "EAA")),
        ("sectors.toml", 'aliases = ["pci"]', 'aliases = ["mifid"]', ("mifid occurs twice",)),
        ("sectors.toml", '"mask_card_segment"', '"mask_everything"', ("PCI-DSS", "actions")),
        ("cross-rules.toml", 'id = "X-HOLD"', 'id = "X-HELD"', ("X-HOLD", "X-HELD")),
        ("pack.toml", 'version = "2026.11.23"', 'version = "latest"', ("pack.toml", "version")),
        ("pack.toml", 'like = "quality"', 'like = "qualm"', ("analytics", "qualm")),
        ("pack.toml", 'GP = "FR"', 'GP = "FX"', ("same_law", "FX")),
        ("pack.toml", '"sectors.toml", ', "", ("sectors.toml", "not named")),
        ("pack.toml", '9 = "Do not', '8 = "Do not', ("levels",)),
        ("pack.toml", "schema = 1", "schema = 2", ("pack.toml", "schema")),
        ("pack.toml", "[unknown]", "[unknown", ("pack.toml",)),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place(name: str, old: str, new: str, said: tuple[str, ...]) -> None:
    message = refused(changed(name, old, new))
    for part in said:
        assert part in message


def test_a_missing_file_is_told() -> None:
    texts = dict(builtin_texts())
    del texts["sectors.toml"]
    assert "sectors.toml is missing" in refused(texts)
    assert "pack.toml is missing" in refused({})


def test_an_unknown_field_is_refused() -> None:
    message = refused(changed(EU, "engine_level = 4\n", 'engine_level = 4\nengine_levle = "x"\n'))
    assert "DE" in message
    assert "engine_levle" in message


def test_bytes_that_are_no_text_are_refused() -> None:
    assert "cross-rules.toml" in refused({**builtin_texts(), "cross-rules.toml": b"\xff\xfe"})


def test_many_faults_are_told_in_part_and_counted() -> None:
    texts = dict(builtin_texts())
    texts[US] = texts[US].replace(b'rule = "one-party"', b'rule = "one"')
    assert "more" in refused(texts)


def test_a_change_holds_from_its_day() -> None:
    shipped = builtin()
    assert shipped.on(date(2020, 12, 31)).jurisdictions["US-OR"].channel_overrides == {"in_person": 2}
    assert shipped.on(date(2021, 1, 1)).jurisdictions["US-OR"].channel_overrides == {"video": 2, "in_person": 2}


def test_two_records_of_a_place_may_follow_one_another() -> None:
    texts = dict(builtin_texts())
    found = tomllib.loads(texts["elsewhere.toml"].decode())["jurisdiction"]
    assert any(each["id"] == "GB" for each in found)
    begin = texts["elsewhere.toml"].index(b'[[jurisdiction]]\nid = "GB"')
    end = texts["elsewhere.toml"].index(b"[[jurisdiction]]", begin + 1)
    record = texts["elsewhere.toml"][begin:end]
    now = record.replace(b'name = "United Kingdom"', b'name = "United Kingdom"\nvalid_to = 2026-12-31')
    then = record.replace(b'name = "United Kingdom"', b'name = "United Kingdom"\nvalid_from = 2027-01-01')
    then = then.replace(b"engine_level = 2", b"engine_level = 3")
    texts["elsewhere.toml"] = texts["elsewhere.toml"].replace(record, now + then)
    made = read(texts)
    assert made.on(date(2026, 12, 31)).jurisdictions["GB"].engine_level == 2
    assert made.on(date(2027, 1, 1)).jurisdictions["GB"].engine_level == 3
    both = texts["elsewhere.toml"].replace(b"valid_from = 2027-01-01", b"valid_from = 2026-12-31")
    assert "GB: two records hold on 2026-12-31" in refused({**texts, "elsewhere.toml": both})


def test_versions_are_compared_by_their_numbers() -> None:
    assert pack.newer("2026.11.23.1", "2026.11.23")
    assert pack.newer("2026.12.1", "2026.11.30")
    assert not pack.newer("2026.11.23", "2026.11.23")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the shared law is not on this machine")
def test_the_pack_says_what_its_source_says() -> None:
    source = tomllib.loads(SHARED.read_text(encoding="utf-8"))
    made: Pack = builtin()
    same = ("name", "kind", "rule", "engine_level", "consent_form", "notice_required", "notice_timing",
            "notice_must_be_recorded", "announcement_language", "rule_detail", "criminal", "civil", "employee_rule",
            "retention_notes", "confidence")  # fmt: skip
    assert {each["id"] for each in source["jurisdiction"]} == set(made.on(TODAY).jurisdictions)
    for given in source["jurisdiction"]:
        kept = made.on(TODAY).jurisdictions[given["id"]]
        assert {name: getattr(kept, name) for name in same} == {name: given[name] for name in same}, given["id"]
        assert kept.purpose_overrides == given.get("purpose_overrides", {})
        assert kept.channel_overrides == given.get("channel_overrides", {})
        assert kept.sampling_required == given.get("sampling_required", False)
        assert kept.pause_on_hold_required == given.get("pause_on_hold_required", False)
        assert (kept.parent or "") == given["parent"]
        assert kept.opt_out == given.get("opt_out", "")
        assert [each.ref for each in kept.citations] == [each["ref"] for each in given["citations"]]
        days = {value for value in given.get("retention_special", {}).values() if not isinstance(value, bool)}
        days |= {given[name] for name in given if name.startswith("retention_max_days")}
        assert days <= {days for each in kept.retention for days in (each.min_days, each.max_days)}
    for given in source["sector"]:
        sector = made.on(TODAY).sectors[given["id"]]
        assert (sector.rule, sector.confidence, list(sector.engine)) == (
            given["rule"], given["confidence"], given["engine"])  # fmt: skip
    for given in source["cross_rule"]:
        assert made.cross[given["id"]].rule == given["rule"]
