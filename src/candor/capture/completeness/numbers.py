"""Telephone numbers as they compare: E.164 where they can be, whatever wrote them down."""

from __future__ import annotations

import re
from urllib.parse import unquote

from candor.capture.files.metadata import number

_NOBODY = frozenset(
    {"", "anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "none", "null", "n/a", "-"}
)
_LONGEST = 128


def comparable(text: str | None, region: str | None) -> str | None:
    """``text`` (a number, a ``tel:`` or ``sip:`` address) in the form that is compared; None for nobody's.

    ``region`` is the ISO 3166 country of numbers without +; without it, those are compared digit by digit.
    """
    if text is None or len(text) > _LONGEST:
        return None
    found = re.match(r"""[^<]*<([^>]*)>""", text)  # "Name" <sip:…>
    plain = unquote(found[1] if found else text).strip()
    plain = re.sub(r"^(?:sips?|tel):", "", plain, flags=re.IGNORECASE)
    plain = re.split(r"[;@?]", plain, maxsplit=1)[0].strip()
    if plain.casefold() in _NOBODY:
        return None
    normal = number(plain, region)
    if normal.startswith("+"):
        return "+" + re.sub(r"[^0-9]", "", normal)
    digits = re.sub(r"[\s().\-/]", "", normal)
    return digits if digits.isascii() and digits.isdigit() else plain.casefold()
