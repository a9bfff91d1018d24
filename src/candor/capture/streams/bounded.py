"""JSON (RFC 8259) and base64 (RFC 4648) from strangers: bounded, and never an error that is not ours."""

from __future__ import annotations

import binascii
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from candor.errors import InvalidInput, TooLarge

FRAME = 64 * 1024
"""Bytes of one message, text or sound."""
WORD = 256
"""Characters of an identifier or a name."""
PARAMETERS = 64
"""Entries of a sender's own parameters that are looked at."""
_NUMBER = 2**53
"""Above it a JSON number means something else to every other program."""


def malformed(what: str) -> InvalidInput:
    """The error for a message that cannot be read; ``what`` names the field, never its content."""
    return InvalidInput(
        f"The sender's message cannot be read: {what}.",
        code="streams.malformed",
        advice="Check that the sender speaks the protocol that its address stands for.",
    )


def read_object(frame: str | bytes) -> dict[str, Any]:
    """One JSON object of at most :data:`FRAME` bytes.

    Raises TooLarge for a longer one, InvalidInput for what is not one (nesting that the parser cannot follow, NaN and
    bytes that are not UTF-8 included).
    """
    if len(frame) > FRAME:
        raise TooLarge(
            f"The sender's message has more than {FRAME:,} bytes.",
            code="streams.too_large",
            advice="Let the sender cut its sound into frames of 20 to 200 ms.",
        )
    try:
        value = json.loads(frame, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise malformed("it is not JSON") from error
    if not isinstance(value, dict):
        raise malformed("it is not a JSON object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def get_object(owner: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under ``key``; raises InvalidInput when there is none."""
    value = owner.get(key)
    if not isinstance(value, dict):
        raise malformed(f"'{key}' is not an object")
    return value


def get_list(owner: Mapping[str, Any], key: str, most: int) -> list[Any]:
    """The list under ``key``, of at most ``most`` entries; raises InvalidInput."""
    value = owner.get(key)
    if not isinstance(value, list) or len(value) > most:
        raise malformed(f"'{key}' is not a list of at most {most}")
    return value


def get_word(owner: Mapping[str, Any], *keys: str) -> str | None:
    """The first of ``keys`` that is there, as text of at most :data:`WORD` printable characters; None when none is.

    Numbers become text, since senders do not agree on which of the two an id is; raises InvalidInput for anything else.
    """
    for key in keys:
        value = owner.get(key)
        if value is None or value == "":
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < _NUMBER else ""
        if not isinstance(value, str) or not 0 < len(value) <= WORD or not value.isprintable():
            raise malformed(f"'{key}' is not a short text")
        return value
    return None


def get_number(owner: Mapping[str, Any], *keys: str) -> int | None:
    """The first of ``keys`` that is there, as a whole number from 0 to 2^53; None when none is.

    Digits in quotation marks count, and fractions are cut off; raises InvalidInput for anything else.
    """
    for key in keys:
        value = owner.get(key)
        if value is None or value == "":
            continue
        if isinstance(value, str) and len(value) <= 16 and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, float) and math.isfinite(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _NUMBER:
            raise malformed(f"'{key}' is not a whole number")
        return value
    return None


def get_bytes(owner: Mapping[str, Any], key: str) -> bytes:
    """The base64 text under ``key``, decoded and not empty; raises InvalidInput."""
    value = owner.get(key)
    if not isinstance(value, str) or not value:
        raise malformed(f"'{key}' is not base64 text")
    try:
        decoded = binascii.a2b_base64(value, strict_mode=True)
    except ValueError as error:
        raise malformed(f"'{key}' is not base64 text") from error
    if not decoded:
        raise malformed(f"'{key}' is empty")
    return decoded


def get_parameters(owner: Mapping[str, Any], *keys: str) -> dict[str, str]:
    """The sender's own parameters under the first of ``keys`` that is there: short texts only, the rest is left out."""
    for key in keys:
        value = owner.get(key)
        if isinstance(value, dict):
            return {name: text for name, text in list(value.items())[:PARAMETERS] if _plain(name) and _plain(text)}
    return {}


def _plain(text: object) -> bool:
    return isinstance(text, str) and len(text) <= WORD and text.isprintable()
