"""Objections of customers, honoured while they still speak: "please don't record this".

Only plain objections to being recorded count (``consent/proof/data/answers.toml``), word for word: what was kept may be
destroyed by it. A yes cannot be heard here: where one is needed first, nothing is kept, so there is nothing to hear.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from candor.capture.model import CallFacts
from candor.consent.proof.answers import find_objections, objections
from candor.conversation.model import Role
from candor.errors import CandorError, InvalidInput
from candor.kit.log import get_logger
from candor.live.spotting import Heard

_log = get_logger("spotter")


class Ledger(Protocol):
    """Where an objection is written down, and what has the recorder obey it."""

    def overheard(self, facts: CallFacts, *, quote: str, start: datetime, stop: datetime, language: str) -> object:
        """Somebody on the customer's side of this call has objected in these words."""


class Objecting:
    """Waits for customers to object."""

    def __init__(self, ledger: Ledger, languages: Sequence[str]) -> None:
        """``languages``: of calls that do not tell theirs (BCP 47)."""
        self._ledger, self._languages = ledger, languages

    def streams(self, facts: CallFacts) -> Collection[int]:
        """Those of customers alone, on calls that were decided about.

        What an agent can be heard on is left to the transcript: "we do not record card numbers" must destroy nothing.
        """
        if facts.consent is None:
            return ()
        agents = {label for one in facts.participants if one.role is Role.AGENT for label in one.sends}
        others = {label for one in facts.participants if one.role is not Role.AGENT for label in one.sends}
        return {stream.number for stream in facts.streams if stream.label in others - agents}

    def hear(self, facts: CallFacts, heard: Heard) -> bool:
        """Write an objection down; the recorder stops, and drops what the law says."""
        for language in (facts.language,) if facts.language else self._languages:
            try:
                found = find_objections([heard.utterance], language)
            except InvalidInput:
                continue  # a language without word lists: what is said in it is found by nobody
            if found:
                first = found[0]
                start, stop = heard.at(first.start or 0.0), heard.at(first.stop or heard.seconds)
                try:
                    self._ledger.overheard(facts, quote=first.quote, start=start, stop=stop, language=language)
                    _log.info("an objection was heard", call=facts.id)
                except CandorError as error:
                    # It will be found again in the transcript, and the call set aside.
                    _log.error("an objection was heard, and could not be written down", call=facts.id, code=error.code)
                return True
        return False


def wordings(languages: Sequence[str]) -> tuple[str, ...]:
    """What a recogniser should prefer to hear."""
    found: list[str] = []
    for language in languages:
        with suppress(InvalidInput):
            found += objections(language)
    return tuple(found)
