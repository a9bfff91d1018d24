"""How a written word may be said, in the ARPAbet phones of the CMU dictionary (pure).

Words that the dictionary lacks are spelled into sound by letter-to-sound rules; numbers are read in every usual way
("4111": digits, pairs, cardinal), because the aligner may choose among several pronunciations. The result only has to
be near enough to place a word in time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Lookup = Callable[[str], str | None]
"""A dictionary: lower-case word → phones, or None."""

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SYMBOLS = {
    "&": "and",
    "%": "percent",
    "$": "dollars",
    "£": "pounds",
    "€": "euros",
    "@": "at",
    "+": "plus",
    "=": "equals",
    "#": "number",
    "/": "slash",
    "_": "underscore",
    "°": "degrees",
}
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        [
            "EY",
            "B IY",
            "S IY",
            "D IY",
            "IY",
            "EH F",
            "JH IY",
            "EY CH",
            "AY",
            "JH EY",
            "K EY",
            "EH L",
            "EH M",
            "EH N",
            "OW",
            "P IY",
            "K Y UW",
            "AA R",
            "EH S",
            "T IY",
            "Y UW",
            "V IY",
            "D AH B AH L Y UW",
            "EH K S",
            "W AY",
            "Z IY",
        ],
        strict=True,
    )
)
# Longest graphemes first; a trailing "$" binds to the end of the word, a leading "^" to its beginning.
_RULES = [
    (re.compile(pattern), phones)
    for pattern, phones in (
        ("tion", "SH AH N"), ("sion", "ZH AH N"), ("cious", "SH AH S"), ("tious", "SH AH S"), ("ough", "AO"),
        ("augh", "AO"), ("eigh", "EY"), ("tch", "CH"), ("sch", "SH"), ("igh", "AY"), ("dge", "JH"), ("ing$", "IH NG"),
        ("eau", "OW"), ("ia$", "IY AH"), ("^kn", "N"), ("^wr", "R"), ("^ps", "S"), ("^x", "Z"), ("mb$", "M"),
        ("le$", "AH L"), ("es$", "IH Z"), ("ed$", "D"), ("e$", ""), ("y$", "IY"), ("ch", "CH"), ("sh", "SH"),
        ("th", "TH"), ("ph", "F"), ("gh", "G"), ("wh", "W"), ("ck", "K"), ("qu", "K W"), ("ng", "NG"), ("ee", "IY"),
        ("ea", "IY"), ("oo", "UW"), ("ou", "AW"), ("ow", "OW"), ("oi", "OY"), ("oy", "OY"), ("ai", "EY"),
        ("ay", "EY"), ("au", "AO"), ("aw", "AO"), ("ei", "EY"), ("ey", "IY"), ("ie", "IY"), ("oa", "OW"),
        ("ue", "UW"), ("ui", "UW"), ("eu", "Y UW"), ("ew", "UW"), ("er", "ER"), ("ir", "ER"), ("ur", "ER"),
        ("ar", "AA R"), ("or", "AO R"), ("a(?=[^aeiouy]e$)", "EY"), ("i(?=[^aeiouy]e$)", "AY"),
        ("o(?=[^aeiouy]e$)", "OW"), ("u(?=[^aeiouy]e$)", "UW"), ("c(?=[eiy])", "S"), ("g(?=[eiy])", "JH"),
        ("bb|b", "B"), ("cc|c", "K"), ("dd|d", "D"), ("ff|f", "F"), ("gg|g", "G"), ("h", "HH"), ("j", "JH"),
        ("k", "K"), ("ll|l", "L"), ("mm|m", "M"), ("nn|n", "N"), ("pp|p", "P"), ("q", "K"), ("rr|r", "R"),
        ("ss|s", "S"), ("tt|t", "T"), ("v", "V"), ("w", "W"), ("x", "K S"), ("zz|z", "Z"), ("a", "AE"), ("e", "EH"),
        ("i", "IH"), ("o", "AA"), ("u", "AH"), ("y", "IH"),
    )
]  # fmt: skip


def pronunciations(word: str, lookup: Lookup) -> list[str]:
    """Ways to say ``word`` (as it stands in the text, with case and punctuation); empty for bare punctuation."""
    plain = word.replace("’", "'").strip(".,;:!?\"()[]{}…«»“”'*-–—")
    if any(character.isdigit() for character in plain):
        ways = [" ".join(way) for way in number_words(plain.lower())]
        return _said(ways, lookup)
    found = lookup(plain.lower())
    ways = [found] if found else []
    pieces = [piece for piece in re.split(r"[^A-Za-z']+", _symbols(plain)) if piece.strip("'")]
    if not ways and pieces:
        ways = [" ".join(_phones(piece, lookup) for piece in pieces)]
    letters = re.sub(r"[^a-z]", "", plain.lower())
    if plain.isupper() and 2 <= len(letters) <= 5:
        ways.append(" ".join(_LETTERS[letter] for letter in letters))
    return [way for way in dict.fromkeys(ways) if way]


def number_words(text: str) -> list[list[str]]:
    """The usual readings of a token with digits: "$4.50", "4111", "2nd", "10:30", "555-0199", "A12"."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    if money := re.fullmatch(r"([$£€])(\d{1,9})(?:\.(\d\d))?", text):
        sign, whole, part = money.groups()
        amount, unit = cardinal(int(whole)), _SYMBOLS[sign]
        if not part:
            return [[*amount, unit], amount, [_UNITS[int(digit)] for digit in whole]]
        rest = _pair(part)
        return [
            [*amount, unit, "and", *rest, "cents"],
            [*amount, unit, *rest],
            [*amount, *rest],
            [*amount, "point", *rest],
            [*amount, unit, "and", *rest],
        ]
    readings: list[list[str]] = [[]]
    for part in re.findall(r"\d+(?:st|nd|rd|th)\b|\d+|[a-z']+|[$£€%&@+=#/_°.]", text):
        if part[0].isdigit():
            options = _digits_read(re.sub(r"\D", "", part), ordinal=not part.isdigit())
        elif part == ".":
            options = [["point"], []]
        else:
            options = [[_SYMBOLS.get(part, part)]]
        # A handful of readings is enough; a token of many parts would multiply them.
        readings = [before + option for before in readings for option in options][:8]
    return readings


def _digits_read(digits: str, *, ordinal: bool) -> list[list[str]]:
    if ordinal:
        *front, last = cardinal(int(digits[:9]))
        return [[*front, _ORDINALS.get(last, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")]]
    single = [_UNITS[int(digit)] for digit in digits]
    ways = []
    if len(digits) <= 9 and not (len(digits) > 1 and digits[0] == "0"):
        ways.append(cardinal(int(digits)))
    if len(digits) > 1:
        ways.append(single)
        if "0" in digits:
            ways.append(["oh" if digit == "zero" else digit for digit in single])
    if len(digits) % 2 == 0 and 4 <= len(digits) <= 8:
        ways.append([word for place in range(0, len(digits), 2) for word in _pair(digits[place : place + 2])])
    if len(digits) == 3 and digits[0] != "0":
        ways.append([*cardinal(int(digits[0])), *_pair(digits[1:])])
    return ways or [single]


def _pair(two: str) -> list[str]:
    if two == "00":
        return ["hundred"]
    return ["oh", _UNITS[int(two[1])]] if two[0] == "0" else cardinal(int(two))


def cardinal(number: int) -> list[str]:
    """``number`` below a milliard in English words."""
    if number < 20:
        return [_UNITS[number]]
    if number < 100:
        return [_TENS[number // 10], *([_UNITS[number % 10]] if number % 10 else [])]
    for size, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = cardinal(number % size) if number % size else []
            return [*cardinal(number // size), name, *rest]
    raise AssertionError(number)


def _said(ways: list[str], lookup: Lookup) -> list[str]:
    return [
        phones
        for way in dict.fromkeys(ways)
        if (phones := " ".join(_phones(word, lookup) for word in way.split()).strip())
    ]


def _phones(word: str, lookup: Lookup) -> str:
    word = word.lower().strip("'")
    return lookup(word) or " ".join(letter_to_sound(word))


def letter_to_sound(word: str) -> Iterator[str]:
    """Phones of an unknown English word, by rule."""
    word = re.sub(r"[^a-z]", "", word.lower())
    if word and not re.search("[aeiouy]", word):
        yield from (_LETTERS[letter] for letter in word)
        return
    place = 0
    while place < len(word):
        for pattern, phones in _RULES:
            # pattern.match(word, place) lets "^" match only at the true beginning.
            if found := pattern.match(word, place):
                if phones:
                    yield phones
                place = found.end()
                break
        else:
            place += 1


def _symbols(word: str) -> str:
    return "".join(f" {_SYMBOLS[character]} " if character in _SYMBOLS else character for character in word)
