# ruff: noqa: E501  (word lists read better as lines of words)
"""Data with a written form of its own: e-mail, URL, IP address, IBAN, UK national insurance and US social security numbers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import EDGES, Call
from candor.redaction.lexicon import Trait
from candor.redaction.ports import Match

_EMAIL = re.compile(r"[^\s@<>()\[\]\",;:]{1,64}@[^\s@<>()\[\]\",;:]{1,255}")
_URL = re.compile(r"(?:https?|ftp)://\S+|www\.\S+\.\S+", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?:[a-z0-9-]{1,63}\.){1,8}(?:com|org|net|edu|gov|io|co|info|biz|uk|us|de|fr|eu|ca|au|in|nl|es|it|se|no|dk|fi|pl|pt|ch|at|be|cz|hu|ro|ie|nz|jp|cn|ru|br|mx|za|me|tv|app|dev|ai|online|site|xyz)(?:/\S*)?",
    re.IGNORECASE,
)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_NINO = re.compile(r"[A-CEGHJ-PR-TW-Z]{2}\d{6}[A-D]", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_LONGEST = 400


class WrittenDetector:
    """Reads tokens by their characters."""

    def find(self, call: Call) -> Iterable[Match]:
        for place, text in enumerate(call.texts):
            if text.isalpha() or call.has(place, Trait.PLACEHOLDER):
                if len(text) <= 4 and text[:2].isupper():
                    yield from _joined(call, place)
                continue
            yield from _by_characters(place, text[:_LONGEST], len(text) > _LONGEST)
            yield from _joined(call, place)


def _by_characters(place: int, text: str, cut: bool) -> Iterator[Match]:
    bare = text.strip(EDGES)
    if "@" in text and (cut or _EMAIL.search(text)):
        yield _match(PiiKind.EMAIL, place, bare.lower(), "written.email", 0.99)
    elif "://" in text or text.lower().startswith("www."):
        if _URL.search(text):
            yield _match(PiiKind.URL, place, bare.lower(), "written.url", 0.95)
    elif "." in bare and _DOMAIN.fullmatch(bare):
        yield _match(PiiKind.URL, place, bare.lower(), "written.domain", 0.8)
    embedded = _IPV4.search(text) if text.count(".") >= 3 else None
    if embedded is not None:
        bare = embedded.group()
    if embedded is not None or bare.count(":") >= 2:
        try:
            address = ipaddress.ip_address(bare)
        except ValueError:
            pass
        else:
            yield _match(PiiKind.IP, place, str(address), "written.ip", 0.95)
    if _SSN.fullmatch(bare):
        yield _match(PiiKind.NATIONAL_ID, place, bare.replace("-", ""), "written.us-ssn", 0.95)


def _match(kind: PiiKind, place: int, value: str, rule: str, confidence: float) -> Match:
    return Match(kind=kind, pieces=((place, place),), value=value, rule=rule, confidence=confidence)


def _joined(call: Call, place: int) -> Iterator[Match]:
    """IBAN and national insurance numbers, in one word or in groups."""
    head = call.norms[place].upper()
    if not (2 <= len(head) <= 34 and head[:2].isalpha() and head.isascii()):
        return
    if len(head) > 2 and not head[2].isdigit():
        return
    stop = call.line_at(place).stop
    joined, last = "", place
    best: tuple[int, str, PiiKind, str] | None = None
    while last < stop and len(joined) < 36:
        part = call.norms[last].upper().replace("-", "")
        if not part.isalnum() or not part.isascii() or len(part) > 34:
            break
        joined += part
        if len(joined) >= 15 and _IBAN.fullmatch(joined) and iban_valid(joined):
            best = (last, joined, PiiKind.IBAN, "written.iban")
        elif len(joined) == 9 and _NINO.fullmatch(joined):
            best = (last, joined, PiiKind.NATIONAL_ID, "written.uk-nino")
        last += 1
    if best is not None:
        last, value, kind, rule = best
        yield Match(kind=kind, pieces=((place, last),), value=value, rule=rule, confidence=0.97)


def iban_valid(value: str) -> bool:
    """The check of ISO 13616 (mod 97)."""
    turned = value[4:] + value[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1
