"""Phrases that pause recording: "I will pause the recording now", said by an agent.

A phrase is matched by word, by sound and by near spelling (:mod:`candor.scoring.phrases`). The recorder then pauses
every leg of the call, back to the end of the phrase.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import islice, product

from candor.capture.control import RecorderClient
from candor.capture.model import CallFacts
from candor.conversation.model import Role
from candor.errors import CandorError, InvalidInput, NotFound
from candor.kit.log import get_logger
from candor.live.spotting import Heard, streams_of
from candor.scoring.phrases import ACCEPT, Stream, compile_phrase

_FEWEST_WORDS = 2
_MOST_WORDINGS = 32
_log = get_logger("spotter")


class Pausing:
    """Waits for the phrases of agents."""

    def __init__(self, phrases: Sequence[str], recorder: RecorderClient) -> None:
        """Raises InvalidInput for a phrase that cannot be meant."""
        self._phrases, self._recorder = read_phrases(phrases), recorder

    def streams(self, facts: CallFacts) -> Collection[int]:
        return streams_of(facts, Role.AGENT)

    def hear(self, facts: CallFacts, heard: Heard) -> bool:
        """Pause the call when a phrase was said."""
        said_at = self._said(heard)
        if said_at is None:
            return False
        try:
            self._recorder.steer("pause", facts.id, "spoken", since=said_at)
            _log.info("paused by a phrase", call=facts.id)
        except NotFound:
            pass  # it ended meanwhile
        except CandorError as error:
            _log.error("a phrase was heard, but the recorder did not pause", call=facts.id, code=error.code)
        return True

    def _said(self, heard: Heard) -> datetime | None:
        """When one of the phrases had been said; None when none was."""
        words = Stream([heard.utterance])
        hits = [hit for phrase in self._phrases for hit in words.find(phrase, exact=False) if hit.score >= ACCEPT]
        return heard.at(max(words.ends[hit.stop - 1] for hit in hits)) if hits else None


def read_phrases(phrases: Iterable[str]) -> tuple[str, ...]:
    """The configured phrases; raises InvalidInput for one that would be said by accident or cannot be read."""
    found = tuple(phrase.strip() for phrase in phrases)
    for number, phrase in enumerate(found, 1):
        try:
            words = sum(len(run) for run in compile_phrase(phrase))
        except ValueError as error:
            raise InvalidInput(f"Pause phrase {number} cannot be read: {error}.", code="settings.invalid") from error
        if words < _FEWEST_WORDS:
            raise InvalidInput(
                f"Pause phrase {number} has one word only.",
                code="settings.invalid",
                advice="CANDOR_PAUSE_PHRASES takes phrases of two words or more, such as pause the recording.",
            )
    return found


def wordings(phrases: Iterable[str]) -> tuple[str, ...]:
    """What a recogniser should prefer to hear, in plain words: the runs of the phrases with each of their choices."""
    found: list[str] = []
    for phrase in phrases:
        for run in phrase.replace("…", "...").split("..."):
            choices = [word.split("/") for word in run.split() if word != "*" and not word.startswith("[")]
            found += islice((" ".join(words) for words in product(*choices) if words), _MOST_WORDINGS)
    return tuple(found)
