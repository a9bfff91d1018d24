"""JSON in one form for one value (RFC 8785, JSON Canonicalization Scheme), for digests that others can compute too."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_EXACT = 1 << 53
"""Integers beyond it are no exact IEEE 754 doubles; JCS knows no other numbers."""


def canonical(value: Any) -> bytes:
    """``value`` (None, bool, int, float, str, list, tuple, Mapping) as canonical UTF-8.

    Raises ValueError for what JSON cannot hold: NaN, infinities, lone surrogates, other types.
    """
    return _text(value).encode()


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, Mapping):
        # Section 3.2.3: by UTF-16 code units.
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be"))
        return f"{{{','.join(f'{json.dumps(name, ensure_ascii=False)}:{_text(value[name])}' for name in names)}}}"
    raise ValueError("not a JSON value")


def _number(value: float) -> str:
    """As ECMAScript writes a double (section 3.2.2.3)."""
    if isinstance(value, int) and abs(value) <= _EXACT:
        return str(value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("not a JSON number")
    if number == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + int(exponent)
    if len(text) <= point <= 21:
        said = text + "0" * (point - len(text))
    elif 0 < point <= 21:
        said = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        said = f"0.{'0' * -point}{text}"
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        said = f"{text[0]}{fraction}e{point - 1:+d}"
    return f"-{said}" if sign else said
