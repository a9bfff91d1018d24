"""What the names of recordings mean: ``{start:%Y%m%d_%H%M%S}_{caller}_{callee}_{agent_id}_{call_id}.wav``.

A part in braces is a field of a manifest (:data:`candor.capture.files.COLUMNS` or one of its other names); ``{*}`` is
passed over. It reaches to the next text that the pattern writes out; the last one reaches to the end, or to the last
dot when ``.{*}`` stands for any ending. ``start`` has a date format behind a colon, and may be spread over several
parts. With a ``/`` the pattern speaks of the folders below the place, too. Matching takes time in proportion to the
name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from candor.capture.watch.fields import KNOWN, field_of
from candor.errors import InvalidInput

LONGEST = 500
_MOST_PARTS = 20
_DIRECTIVES = {
    "%Y": "[0-9]{4}",
    "%y": "[0-9]{2}",
    "%m": "[0-9]{2}",
    "%b": "[A-Za-z]{3}",
    "%d": "[0-9]{2}",
    "%j": "[0-9]{3}",
    "%H": "[0-9]{2}",
    "%I": "[0-9]{2}",
    "%p": "[AaPp][Mm]",
    "%M": "[0-9]{2}",
    "%S": "[0-9]{2}",
    "%f": "[0-9]{1,6}",
    "%z": "(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})",
    "%s": "[0-9]{9,11}",
}
_OPEN_ENDED = ("%f", "%s", "%z")
_SPLIT = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePattern:
    """A pattern that makes sense."""

    text: str
    expression: re.Pattern[str]
    groups: tuple[str, ...]
    """The field of each group."""
    formats: tuple[str, ...]
    """Of the groups that make up the start, in order."""
    folders: bool
    """True when it speaks of the key, not only of the name."""

    def match(self, key: str) -> dict[str, str] | None:
        """Field → value as a manifest would give it; None when the name is of another shape.

        Raises InvalidInput ``watch.name_start`` for a date that no calendar has.
        """
        subject = key if self.folders else key.rpartition("/")[2]
        if len(subject) > LONGEST * 2:
            return None
        found = self.expression.fullmatch(subject)
        if found is None:
            return None
        fields = {field: value for field, value in zip(self.groups, found.groups(), strict=True) if field != "start"}
        times = [value for field, value in zip(self.groups, found.groups(), strict=True) if field == "start"]
        if times:
            fields["start"] = _start(times, self.formats)
        return fields


@lru_cache(maxsize=256)
def compile_pattern(text: str, *, zoned: bool) -> NamePattern:
    """Read a pattern; ``zoned`` says that the place has a time zone. Raises InvalidInput ``watch.pattern``."""
    literals, parts = _pieces(text)
    # {call_id}.{*}: whatever the sound's ending is, the call id may hold dots all the same.
    ending = len(parts) > 1 and parts[-1].strip() == "*" and literals[-2].endswith(".") and not literals[-1]
    groups: list[str] = []
    formats: list[str] = []
    expression = re.escape(literals[0])
    for place, part in enumerate(parts):
        field, form = _named(part)
        if field == "start":
            inner, ends = _date(form)
            formats.append(form)
        else:
            last = len(parts) - 1 - ending
            inner = "[^/.]+" if place > last else _free(literals[place + 1], last=place == last)
            ends = False
        if field in groups and field != "start":
            raise _wrong(f"The part {field} stands there twice.")
        if not literals[place + 1] and place + 1 < len(parts) and not ends:
            raise _wrong("Two parts touch, so that nobody can tell where one ends.", "Put a letter between them.")
        if field:
            groups.append(field)
        expression += (f"({inner})" if field else f"(?:{inner})") + re.escape(literals[place + 1])
    _check_dates(formats, zoned=zoned)
    # Recorders on Windows write .WAV today and .wav tomorrow.
    return NamePattern(
        text=text, expression=re.compile(expression, re.IGNORECASE), groups=tuple(groups), formats=tuple(formats),
        folders="/" in text,
    )  # fmt: skip


def _pieces(text: str) -> tuple[list[str], list[str]]:
    """What is written out, and the parts in braces between."""
    if len(text) > LONGEST:
        raise _wrong(f"It is longer than {LONGEST} letters.")
    pieces = _SPLIT.split(text)
    literals, parts = pieces[0::2], pieces[1::2]
    if any("{" in literal or "}" in literal for literal in literals):
        raise _wrong("A brace has no partner.", "Write each part like {caller}.")
    if "\\" in text or text.startswith("/"):
        raise _wrong("It starts with / or holds a backslash.", "Write folders below the place like calls/{caller}.wav.")
    if not parts:
        raise _wrong("It has no part in braces.", "Name at least one, like {call_id}.wav.")
    if len(parts) > _MOST_PARTS:
        raise _wrong(f"It has more than {_MOST_PARTS} parts.")
    return literals, parts


def _named(part: str) -> tuple[str, str]:
    """(field, format); the field of ``{*}`` is empty."""
    name, colon, form = part.partition(":")
    if name.strip() == "*" and not colon:
        return "", ""
    field = field_of(name)
    if field is None:
        raise _wrong(
            "A part in braces is not known.",
            f"Known are: {', '.join(KNOWN)}, and * for what means nothing.",
        )
    if field == "start" and not form:
        raise _wrong("The part start has no date format.", "Write it like {start:%Y%m%d_%H%M%S}.")
    if field != "start" and colon:
        raise _wrong(f"The part {field} has a format; only start takes one.")
    return field, form


def _free(following: str, *, last: bool) -> str:
    """Up to the next text that is written out. The last part may hold that text too: it reaches to the end."""
    if last or not following:
        return "[^/]+"
    return rf"(?:(?!{re.escape(following)})[^/])+"


def _date(form: str) -> tuple[str, bool]:
    """(expression, whether its length is fixed)."""
    expression, position = "", 0
    fixed = True
    while position < len(form):
        if form[position] != "%":
            expression += re.escape(form[position])
            position += 1
            continue
        directive = form[position : position + 2]
        if directive not in _DIRECTIVES:
            raise _wrong("A date format holds a directive that is not known.", f"Known are: {' '.join(_DIRECTIVES)}.")
        expression += _DIRECTIVES[directive]
        fixed = fixed and directive not in _OPEN_ENDED
        position += 2
    return expression, fixed


def _check_dates(formats: list[str], *, zoned: bool) -> None:
    if not formats:
        return
    whole = " ".join(formats)
    if "%s" in whole:
        if whole != "%s":
            raise _wrong("Unix time (%s) does not mix with other directives.")
        return
    day = ("%Y" in whole or "%y" in whole) and ("%j" in whole or ("%d" in whole and ("%m" in whole or "%b" in whole)))
    time_of_day = ("%H" in whole or ("%I" in whole and "%p" in whole)) and "%M" in whole
    if not day or not time_of_day:
        raise _wrong("The start needs year, month, day, hour and minute.", "For example {start:%Y%m%d_%H%M%S}.")
    used = re.findall(r"%.", whole)
    if len(used) != len(set(used)):
        raise _wrong("A directive stands twice in the start.")
    if "%z" not in whole and not zoned:
        raise _wrong("The start has no time zone.", "Give the place a zone, for example Europe/Berlin, or add %z.")


def _start(values: list[str], formats: tuple[str, ...]) -> str:
    """ISO 8601 as a manifest's row would hold it, with an offset only where the name gives one."""
    try:
        if formats == ("%s",):
            return datetime.fromtimestamp(int(values[0]), UTC).isoformat()
        # A sign that no format writes, so that parts cannot run into one another.
        return datetime.strptime("\x1f".join(values), "\x1f".join(formats)).isoformat()  # noqa: DTZ007  zone comes later
    except (ValueError, OverflowError):
        raise InvalidInput(
            "The date in the file's name does not exist.", code="watch.name_start",
            advice="Check the pattern of the watched place against the recorder's names.",
        ) from None  # fmt: skip


def _wrong(why: str, advice: str = "") -> InvalidInput:
    return InvalidInput(
        f"The pattern of a watched place does not make sense. {why}", code="watch.pattern", advice=advice
    )
