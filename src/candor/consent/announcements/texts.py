"""The texts as data: one file a language, checked when it is read."""

from __future__ import annotations

import re
import string
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from candor.errors import InvalidInput

LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl")
_DATA = Path(__file__).parent / "data"
_SLOTS = {
    "fact-by": {"company"},
    "fact-opt-in": {"company"},
    "purpose": {"purposes"},
    "retention": {"retention"},
    "recipients": {"recipients"},
    "transfer": {"transfer"},
    "notice": {"privacy_notice"},
    "contact": {"contact"},
    "opt-out": {"no"},
    "opt-in": {"yes", "no"},
}
PARTS = frozenset(
    {"about", "fact", "duty", "items", "ai", "rights", "copy", "recording-id", "voluntary", "withdraw"}
    | {"opt-out-spoken", "opt-in-spoken", "refusal-same", "refusal-other", *_SLOTS}
)
REPLIES = frozenset({"accepted", "refused", "unclear"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One language."""

    language: str
    name: str
    version: str
    conjunction: str
    parts: dict[str, str]
    replies: dict[str, str]
    purposes: dict[str, str]
    units: dict[str, tuple[str, str]]
    """Singular and plural."""
    keys: dict[str, str]
    forbidden: tuple[re.Pattern[str], ...]
    """Wordings such as "may be recorded"."""

    def fill(self, part: str, **values: str) -> str:
        """A part with its variables."""
        return self.parts[part].format_map(values)

    def listed(self, items: list[str]) -> str:
        """Items in words: "a, b and c"."""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self.conjunction} {items[-1]}"

    def days(self, days: int) -> str:
        """A length of time in words, in years where they are whole."""
        count, unit = (days // 365, "year") if days % 365 == 0 else (days, "day")
        return f"{count} {self.units[unit][count != 1]}"

    def key(self, key: str) -> str:
        """A telephone key as it is spoken."""
        return self.keys.get(key, key)

    def check_wording(self, text: str) -> None:
        """Refuse a text that leaves open whether the call is recorded (raises InvalidInput)."""
        found = next((match for pattern in self.forbidden if (match := pattern.search(text))), None)
        if found:
            raise InvalidInput(
                f'The text leaves open whether the call is recorded: "{found[0]}".',
                code="announcement.maybe",
                advice='Say that the call is recorded. "May be recorded" informs nobody.',
            )


def texts(language: str) -> Texts:
    """The texts of a language, by its BCP 47 tag ("de-AT" speaks "de"); raises InvalidInput for one there is not."""
    primary = language.lower().replace("_", "-").split("-")[0]
    if primary not in LANGUAGES:
        raise InvalidInput(
            "There is no announcement in this language.",
            code="announcement.language",
            advice=f"Choose one of {', '.join(LANGUAGES)}, or put in your own text.",
        )
    return _read(primary)


@cache
def _read(language: str) -> Texts:
    return parse(tomllib.loads((_DATA / f"{language}.toml").read_text(encoding="utf-8")))


def parse(data: dict[str, Any]) -> Texts:
    """A language file's content; raises InvalidInput when a part is missing, unknown or has other variables."""
    try:
        found = Texts(
            language=data["language"],
            name=data["name"],
            version=data["version"],
            conjunction=data["and"],
            parts=dict(data["parts"]),
            replies=dict(data["replies"]),
            purposes=dict(data["purposes"]),
            units={unit: (forms[0], forms[1]) for unit, forms in data["units"].items()},
            keys=dict(data["keys"]),
            forbidden=tuple(re.compile(pattern, re.IGNORECASE) for pattern in data["forbidden"]),
        )
        _check(found)
    except (KeyError, TypeError, ValueError, IndexError, re.error) as error:
        raise InvalidInput(
            f"The announcement texts cannot be read: {error}.", code="announcement.texts", advice="Correct the file."
        ) from error
    return found


def _check(found: Texts) -> None:
    """Every part is there with its variables, and none says "may be" (raises ValueError, InvalidInput)."""
    wrong = (set(found.parts) ^ PARTS) | (set(found.replies) ^ REPLIES) | (set(found.units) ^ {"day", "year"})
    if wrong:
        raise ValueError(f"missing or unknown: {', '.join(sorted(wrong))}")
    for part, text in found.parts.items():
        slots = {slot for _, slot, _, _ in string.Formatter().parse(text) if slot is not None}
        if slots != _SLOTS.get(part, set()):
            raise ValueError(f'the variables of "{part}" are not {sorted(_SLOTS.get(part, set()))}')
    for text in (*found.parts.values(), *found.replies.values()):
        found.check_wording(text)
