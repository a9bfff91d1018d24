"""Telephone numbers → where their subscribers are, as far as a number tells.

A number tells a country, and in the US, Canada and Australia a part of it; never where the telephone is just now.
Mobile numbers travel, toll-free, shared-cost and Internet numbers have no place, and a withheld or malformed number
tells nothing: all of that is said with the answer. Numbering plans and area names are those of libphonenumber.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType


class NumberKind(StrEnum):
    """What a number tells of its place."""

    FIXED = "fixed"
    AREA = "area"
    """North America: of an area, fixed or mobile, and it moves with its subscriber."""
    MOBILE = "mobile"
    NON_GEOGRAPHIC = "non_geographic"
    """Toll-free, shared-cost, premium, personal, Internet."""
    UNASSIGNED = "unassigned"
    """Of a possible length, in no range that the numbering plan is known to have."""
    SHORT = "short"
    NATIONAL = "national"
    """Without country code, and nothing says whose national form it is."""
    MALFORMED = "malformed"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class NumberPlace:
    """What was read from a number; the number itself is not kept."""

    kind: NumberKind
    country: str | None = None
    """ISO 3166-1, or None where the number tells none."""
    part: str | None = None
    """ISO 3166-2, in the US, Quebec and Australia."""


_WITHHELD = frozenset({
    "", "anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "blocked", "none", "null", "n/a",
    "na", "-", "no number", "no caller id", "invalid", "anonymous.invalid",
})  # fmt: skip
_KEYS = dict(zip("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999", strict=True))
_WITHHELD_DIGITS = frozenset(
    "+" + "".join(_KEYS[letter] for letter in word)
    for word in ("anonymous", "restricted", "blocked", "unknown", "unavailable", "private")
)
"""What providers put in place of a withheld number where one must stand: the word, spelled on the telephone's keys."""
_LONGEST = 128
_MOST_DIGITS = 16
"""E.164: fifteen, and the sign."""
_SHORTEST = 7
"""Digits; fewer are short codes and extensions (E.164 subscriber numbers have more with their area)."""
_NANP = 1
_NO_PLACE = frozenset({
    PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.PAGER, PhoneNumberType.UAN, PhoneNumberType.VOICEMAIL,
})  # fmt: skip
_NANP_NO_PLACE = re.compile(r"8(?:00|33|44|55|66|77|88)|5(?:00|2[1-9]|33|44|66|77|88)|900|600|622|633")
"""Toll-free, personal, premium and Canadian non-geographic codes, told even by a number that is not whole."""
_STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Washington D.C.": "DC", "District of Columbia": "DC", "Florida": "FL",
    "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID", "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS",
    "Kentucky": "KY", "Louisiana": "LA", "Maine": "ME", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI",
    "Minnesota": "MN", "Mississippi": "MS", "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV",
    "New Hampshire": "NH", "New Jersey": "NJ", "New Mexico": "NM", "New York": "NY", "North Carolina": "NC",
    "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK", "Oregon": "OR", "Pennsylvania": "PA", "Rhode Island": "RI",
    "South Carolina": "SC", "South Dakota": "SD", "Tennessee": "TN", "Texas": "TX", "Utah": "UT", "Vermont": "VT",
    "Virginia": "VA", "Washington State": "WA", "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY",
}  # fmt: skip
"""As the geocoder names them. "Washington" alone is in no data of it, and would be ambiguous."""
_AUSTRALIA = (
    ("251", "ACT"), ("261", "ACT"), ("262", "ACT"), ("36", "TAS"), ("880", "NSW"), ("879", "NT"), ("889", "NT"),
    ("2", "NSW"), ("3", "VIC"), ("7", "QLD"), ("86", "WA"), ("89", "WA"), ("87", "SA"), ("88", "SA"),
)  # fmt: skip
"""Beginnings of national numbers, first match wins (ACMA numbering plan: charging districts of each area code)."""


@lru_cache(maxsize=1024)
def read_number(text: str, region: str | None) -> NumberPlace:
    """What ``text`` (a number, a ``tel:`` or ``sip:`` address, ``anonymous``) tells of its place.

    ``region`` is the ISO 3166 country by which numbers without + are read. Never raises: what cannot be read is a kind.
    The last ones are remembered: a house's own lines come again and again.
    """
    if text in _WITHHELD_DIGITS:
        return NumberPlace(NumberKind.WITHHELD)
    if text.startswith("+") and len(text) <= _MOST_DIGITS and text[1:].isascii() and text[1:].isdigit():
        return _international(text, region)  # E.164 as most systems write it
    plain = _plain(text)
    if plain is None:
        return NumberPlace(NumberKind.MALFORMED)
    if plain.casefold() in _WITHHELD:
        return NumberPlace(NumberKind.WITHHELD)
    digits = re.sub(r"[\s().\-/]", "", plain)
    if digits.startswith("00") and region in (None, "US", "CA"):  # where 00 begins no national number
        digits = "+" + digits[2:]
    if not re.fullmatch(r"\+?[0-9]+", digits):
        return _broken(digits)
    return _international(digits, region) if digits.startswith("+") else _national(digits, region)


def _national(digits: str, region: str | None) -> NumberPlace:
    if len(digits) < _SHORTEST:
        return NumberPlace(NumberKind.SHORT)
    return NumberPlace(NumberKind.NATIONAL) if region is None else _international(digits, region)


def _international(digits: str, region: str | None) -> NumberPlace:
    if digits.startswith("+1"):  # the library is not needed, and the larger part of the work of some houses
        return _north_american(digits[2:])
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return _broken(digits)
    if number.country_code == _NANP:
        return _north_american(str(number.national_number))
    return _elsewhere(number)


def _plain(text: str) -> str | None:
    """Without scheme, host, parameters, display name and a comment at the end; None for what is absurdly long."""
    if len(text) > _LONGEST:
        return None
    found = _ADDRESS.match(text)
    plain = unquote(found[1] if found else text).strip()
    plain = _SCHEME.sub("", plain)
    plain = _AFTER.split(plain, maxsplit=1)[0]
    return _COMMENT.sub("", plain).strip()


_ADDRESS = re.compile(r"[^<]*<([^>]*)>")
_SCHEME = re.compile(r"^(?:sips?|tel):", re.IGNORECASE)
_AFTER = re.compile(r"[;@?]")
_COMMENT = re.compile(r"\s*\([^()]*[^\d\s().\-/][^()]*\)\s*$")
"""A name or remark in brackets behind a number, not an area code."""


def _broken(digits: str) -> NumberPlace:
    """A number that is not whole may still tell its country, or that it has no place."""
    start = re.match(r"\+[0-9]+", digits)
    if start is None:
        return NumberPlace(NumberKind.MALFORMED)
    if start[0].startswith("+1"):
        return _north_american(start[0][2:])
    return NumberPlace(NumberKind.MALFORMED, _country_of(start[0][1:]))


def _country_of(digits: str) -> str | None:
    for length in (1, 2, 3):
        code = int(digits[:length]) if len(digits) >= length else 0
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return _own(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0])
    return None


def _own(region: str | None) -> str | None:
    return None if region in (None, "001", "ZZ") else region


# North America: the area code tells all there is.


@lru_cache(maxsize=1024)
def _area(code: str) -> tuple[str | None, str | None]:
    """(country, part) of an area code of the North American Numbering Plan."""
    # A hundred megabytes of names and a second: only for those who decide.
    from phonenumbers import geocoder  # noqa: PLC0415

    number = PhoneNumber(country_code=_NANP, national_number=int(code + "2345678"))
    country = phonenumbers.region_code_for_number(number)
    name = geocoder.description_for_number(number, "en")
    if country is None:
        return None, None
    if country == "US":
        state = _STATES.get(name) or _state_of_city(name)
        return "US", f"US-{state}" if state else None
    if country == "CA":
        return "CA", "CA-QC" if name == "Quebec" or name.endswith(", QC") else None
    return country, None


def _state_of_city(name: str) -> str | None:
    city, _, state = name.rpartition(", ")
    return state if city and state in _STATES.values() else None


def _north_american(national: str) -> NumberPlace:
    area, exchange = national[:3], national[3:]
    if _NANP_NO_PLACE.fullmatch(area):
        return NumberPlace(NumberKind.NON_GEOGRAPHIC, "CA" if area.startswith("6") else "US")
    if len(national) != 10:
        country, part = _area(area) if len(area) == 3 and area[0] not in "01" else (None, None)
        return NumberPlace(NumberKind.MALFORMED, country or "US", part)
    if area[0] in "01":
        return NumberPlace(NumberKind.UNASSIGNED, "US")
    country, part = _area(area)
    if country is None:
        return NumberPlace(NumberKind.UNASSIGNED, "US")
    assigned = exchange[0] not in "01" and exchange[1:3] != "11"
    return NumberPlace(NumberKind.AREA if assigned else NumberKind.UNASSIGNED, country, part)


# Everywhere else


def _elsewhere(number: PhoneNumber) -> NumberPlace:
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[number.country_code or 0]
    main = _own(codes[0])
    if not phonenumbers.is_possible_number(number):
        return NumberPlace(NumberKind.MALFORMED, main)
    kind = phonenumbers.number_type(number)
    country = main if len(codes) == 1 else _own(phonenumbers.region_code_for_number(number)) or main
    if kind == PhoneNumberType.UNKNOWN:
        return NumberPlace(NumberKind.UNASSIGNED, main)
    if kind in _NO_PLACE:
        return NumberPlace(NumberKind.NON_GEOGRAPHIC, country)
    if kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        return NumberPlace(NumberKind.MOBILE, country)
    return NumberPlace(NumberKind.FIXED, country, _australian(number) if country == "AU" else None)


def _australian(number: PhoneNumber) -> str | None:
    national = str(number.national_number)
    return next((f"AU-{part}" for start, part in _AUSTRALIA if national.startswith(start)), None)
