"""Numbers of every kind, as phone systems write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.consent.numbers import NumberKind, read_number


@pytest.mark.parametrize(
    ("text", "region", "kind", "country", "part"),
    [
        ("+1 415 555 0101", None, "area", "US", "US-CA"),
        ("+1 415 555 0101 (San Francisco, mobile)", None, "area", "US", "US-CA"),
        ("(415) 555-0101", "US", "area", "US", "US-CA"),
        ("415.555.0101", "DE", "fixed", "DE", None),
        ("1-415-555-0101", "US", "area", "US", "US-CA"),
        ("011 49 30 23125012", "US", "fixed", "DE", None),
        ("0049 30 23125012", "US", "fixed", "DE", None),
        ("0049 30 23125012", None, "fixed", "DE", None),
        ("00 1 415 555 0101", "DE", "area", "US", "US-CA"),
        ('"Ivy" <sip:+12065550106@10.0.0.1:5060>;tag=1', None, "area", "US", "US-WA"),
        ("tel:+1-202-555-0143", None, "area", "US", "US-DC"),
        ("+1 509 555 0100", None, "area", "US", "US-WA"),
        ("+1 212 555 0105", None, "area", "US", "US-NY"),
        ("+1 801 555 0100", None, "area", "US", "US-UT"),
        ("+1 707 555 0100", None, "area", "US", "US-CA"),
        ("+1 418 555 0100", None, "area", "CA", "CA-QC"),
        ("+1 263 555 0100", None, "area", "CA", "CA-QC"),
        ("+1 416 555 0100", None, "area", "CA", None),
        ("+1 787 555 0100", None, "area", "PR", None),
        ("+1 888 555 0100", None, "non_geographic", "US", None),
        ("+1 888 line", None, "non_geographic", "US", None),
        ("+1 900 555 0100", None, "non_geographic", "US", None),
        ("+1 500 555 0100", None, "non_geographic", "US", None),
        ("+1 600 555 0100", None, "non_geographic", "CA", None),
        ("+1 555 555 5555", None, "unassigned", "US", None),
        ("+1 415 111 0101", None, "unassigned", "US", "US-CA"),
        ("+1 415 911 0101", None, "unassigned", "US", "US-CA"),
        ("+1 015 555 0101", None, "unassigned", "US", None),
        ("+1 415 555", None, "malformed", "US", "US-CA"),
        ("+49 151 23456789", None, "mobile", "DE", None),
        ("+49 800 1234567", None, "non_geographic", "DE", None),
        ("+44 56 0000 0000", None, "non_geographic", "GB", None),
        ("+44 1481 555000", None, "fixed", "GG", None),
        ("+44 1632 960001", None, "unassigned", "GB", None),
        ("+7 495 1234567", None, "fixed", "RU", None),
        ("+7 727 2345678", None, "fixed", "KZ", None),
        ("+800 1234 5678", None, "non_geographic", None, None),
        ("+882 16 12345678", None, "non_geographic", None, None),
        ("+61 2 6200 0000", None, "fixed", "AU", "AU-ACT"),
        ("+61 8 8900 0000", None, "fixed", "AU", "AU-NT"),
        ("+61 3 6200 0000", None, "fixed", "AU", "AU-TAS"),
        ("+61 412 345 678", None, "mobile", "AU", None),
        ("+49 1", None, "malformed", "DE", None),
        ("+49 30 12ab", None, "malformed", "DE", None),
        ("+999 123456", None, "malformed", None, None),
        ("12345", "US", "short", None, None),
        ("911", None, "short", None, None),
        ("4155550101", None, "national", None, None),
        ("anonymous", None, "withheld", None, None),
        ("sip:anonymous@anonymous.invalid", None, "withheld", None, None),
        ("", None, "withheld", None, None),
        ("  ", "US", "withheld", None, None),
        ("+266696687", None, "withheld", None, None),  # A-N-O-N-Y-M-O-U-S
        ("+7378742833", None, "withheld", None, None),  # R-E-S-T-R-I-C-T-E-D, and no Russian number
        ("conference", None, "malformed", None, None),
        ("+", None, "malformed", None, None),
        ("+" + "1" * 300, None, "malformed", None, None),
        ("١٢٣٤٥٦٧٨", None, "malformed", None, None),
    ],
)
def test_a_number_tells(text: str, region: str | None, kind: str, country: str | None, part: str | None) -> None:
    found = read_number(text, region)
    assert (found.kind, found.country, found.part) == (kind, country, part)


def test_every_state_has_an_area_code_and_no_area_code_a_state_that_is_none() -> None:
    from candor.consent.numbers import _STATES

    found = {read_number(f"+1{code}5550101", None).part for code in range(200, 1000)}
    assert {part.removeprefix("US-") for part in found if part and part.startswith("US-")} == set(_STATES.values())


@given(st.text(max_size=40), st.sampled_from([None, "US", "DE", "AU", "JP"]))
def test_whatever_comes_is_read_and_never_raises(text: str, region: str | None) -> None:
    assert read_number(text, region).kind in NumberKind


@given(st.from_regex(r"\+[0-9]{1,18}", fullmatch=True))
def test_digits_are_read_and_never_raise(text: str) -> None:
    assert read_number(text, None).kind in NumberKind
