"""The search box's language, turned into FTS5's: words (all of them), "phrases", ``agent:``, ``customer:``, ``-word``.

Pure. Everything a person types becomes a quoted FTS5 string, so nothing of it is ever read as FTS5 syntax. A word
may end in ``*`` to find all words that begin so.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from candor.errors import InvalidInput

LONGEST = 1000
MOST_TERMS = 32
COLUMNS = {"agent": "agent_text", "customer": "customer_text", "other": "other_text"}
_TERM = re.compile(
    r'(?P<no>-)?(?:(?P<who>agent|customer|other):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))', re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextQuery:
    """What must, and what must not, be in the text; each an FTS5 expression or None."""

    match: str | None
    exclude: str | None
    nothing: bool = False
    """True when something was asked for that no text can hold ("!!!"): finds nothing."""

    @property
    def whole(self) -> str | None:
        """Both in one expression; None when there is nothing that must be there."""
        if self.match is None or self.exclude is None:
            return self.match
        return f"({self.match}) NOT ({self.exclude})"


def parse(text: str) -> TextQuery:
    """Read what was typed; raises InvalidInput only for more than LONGEST characters or MOST_TERMS terms."""
    if len(text) > LONGEST:
        raise InvalidInput(
            f"The search is longer than {LONGEST} characters.", code="search.too_long", advice="Use fewer words."
        )
    # Control characters and lone surrogates cannot be stored, so they cannot be found either.
    clean = "".join(" " if unicodedata.category(mark) in ("Cc", "Cs") else mark for mark in text)
    wanted: list[str] = []
    unwanted: list[str] = []
    hopeless = False
    terms = list(_TERM.finditer(clean))
    if len(terms) > MOST_TERMS:
        raise InvalidInput(
            f"The search has more than {MOST_TERMS} words.", code="search.too_long", advice="Use fewer words."
        )
    for term in terms:
        body = term["phrase"] if term["phrase"] is not None else term["word"]
        if not any(mark.isalnum() for mark in body):
            hopeless = hopeless or (bool(body.strip()) and not term["no"])
            continue
        prefix = "*" if term["phrase"] is None and body.endswith("*") else ""
        quoted = '"' + body.rstrip("*").replace('"', '""') + '"' + prefix
        column = f"{COLUMNS[term['who'].lower()]} : " if term["who"] else ""
        (unwanted if term["no"] else wanted).append(column + quoted)
    return TextQuery(
        match=" AND ".join(f"({one})" for one in wanted) or None,
        exclude=" OR ".join(f"({one})" for one in unwanted) or None,
        nothing=hopeless and not wanted,
    )
