"""What the rules look at: one conversation with its speakers' word streams, indexed once for all questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candor.conversation.evaluation import Evidence, Value, Verdict
from candor.conversation.finding import Analysis
from candor.conversation.model import Direction, Role
from candor.conversation.transcript import PiiSpan, Speaker, SpeakerSplit, Transcript, Utterance
from candor.scoring.asking import Session
from candor.scoring.facts import Facts
from candor.scoring.phrases import Stream

Embed = Callable[[Sequence[str]], Any]
"""Sentences to an array of shape (sentences, dimensions); any scale."""

_SPLIT = {
    SpeakerSplit.CHANNEL: 1.0,
    SpeakerSplit.GIVEN: 1.0,
    SpeakerSplit.GUESSED: 0.75,
    SpeakerSplit.SINGLE: 0.65,
}
_ROLE_GUESSED = 0.85
_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_SENTENCE_WORDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one rule found."""

    verdict: Verdict
    confidence: float
    reason: str
    evidence: tuple[Evidence, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()
    """Where it matched, seconds, for rules that ask for "before" or "after" it."""
    value: Value | None = None
    """With ``Verdict.ANSWERED``: what."""
    source: str = ""
    """What answered beside the rules: model and digest (``asking``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of an utterance, for comparing meanings."""

    text: str
    utterance: Utterance


class Context:
    """One conversation, prepared."""

    def __init__(
        self,
        *,
        transcript: Transcript,
        analysis: Analysis,
        direction: Direction,
        pii: Sequence[PiiSpan],
        embed: Embed | None,
        languages: Sequence[str],
        facts: Facts | None = None,
        asking: Session | None = None,
    ) -> None:
        self.transcript = transcript
        self.analysis = analysis
        self.direction = direction
        self.pii = tuple(pii)
        self.embed = embed
        self.facts = facts or Facts(direction=direction)
        self.asking = asking
        """Where a language model is set."""
        self._vectors: dict[str, NDArray[np.float64]] = {}
        primary = transcript.language.split("-")[0].lower()
        self.language_known = not languages or primary in {tag.split("-")[0].lower() for tag in languages}
        self.streams = [
            Stream(utterance for utterance in transcript.utterances if utterance.speaker == place)
            for place in range(len(transcript.speakers))
        ]
        self.outcomes: dict[int, Outcome] = {}
        """By identity of the rule: a rule that several questions refer to is worked out once."""

    @cached_property
    def end(self) -> float:
        """When the last word ends, seconds."""
        return max((utterance.end for utterance in self.transcript.utterances), default=0.0)

    def speakers(self, roles: Sequence[Role]) -> list[int]:
        """The speakers that a rule means: of these roles, or of unknown role; all for no role."""
        return [
            place
            for place, speaker in enumerate(self.transcript.speakers)
            if not roles or speaker.role in roles or speaker.role is Role.UNKNOWN
        ]

    def sureness(self, place: int, roles: Sequence[Role]) -> float:
        """How sure it is that this speaker is one of ``roles``, 0 to 1."""
        if not roles:
            return 1.0
        speaker: Speaker = self.transcript.speakers[place]
        sure = _SPLIT[self.transcript.split]
        if speaker.role is Role.UNKNOWN:
            return min(sure, _SPLIT[SpeakerSplit.SINGLE])
        return sure * (_ROLE_GUESSED if speaker.role_guessed else 1.0)

    def quality(self, places: Sequence[int], begin: float, stop: float) -> float:
        """How well the speech of these speakers in a stretch was recognised, 0 to 1, from the recogniser's confidence.

        A mean word probability of .35 or less is worth nothing, .7 or more everything.
        """
        total = weight = 0.0
        for utterance in self.transcript.utterances:
            if utterance.speaker in places and lies_in_stretch(utterance, begin, stop):
                words = max(1, utterance.text.count(" ") + 1)
                total += words * utterance.confidence
                weight += words
        if not weight:
            return self.quality(places, 0.0, float("inf")) if (begin, stop) != (0.0, float("inf")) else 0.0
        return min(1.0, max(0.0, (total / weight - 0.35) / 0.35))

    def begin_of(self, places: Sequence[int]) -> float:
        """When the first of these speakers begins to speak."""
        return min((self.streams[place].starts[0] for place in places if self.streams[place].words), default=0.0)

    def words_of(self, places: Sequence[int]) -> int:
        """How many words these speakers say."""
        return sum(len(self.streams[place].words) for place in places)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences; unpunctuated text is cut every thirty words."""
        found: list[Sentence] = []
        for utterance in self.transcript.utterances:
            for part in _SENTENCE.split(utterance.text):
                words = part.split()
                for first in range(0, len(words), _SENTENCE_WORDS):
                    text = " ".join(words[first : first + _SENTENCE_WORDS])
                    found.append(Sentence(text=text, utterance=utterance))
        return tuple(found)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Unit vectors of some sentences, shape (sentences, dimensions); ``embed`` is asked once for each text."""
        if self.embed is None or not texts:
            return np.zeros((len(texts), 1))
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing:
            raw = np.asarray(self.embed(missing), dtype=np.float64)
            norms = np.linalg.norm(raw, axis=1, keepdims=True)
            self._vectors.update(zip(missing, raw / np.where(norms == 0, 1.0, norms), strict=True))
        return np.stack([self._vectors[text] for text in texts])


def lies_in_stretch(utterance: Utterance, begin: float, stop: float) -> bool:
    """Whether something of it is said in a stretch; a written message is a moment, which also its ends hold."""
    if utterance.start == utterance.end:
        return begin <= utterance.start <= stop
    return utterance.end > begin and utterance.start < stop


def role_words(roles: Sequence[Role]) -> str:
    """ "the agent", "the agent or the system", "anyone"."""
    return " or ".join(f"the {role.value}" for role in roles) if roles else "anyone"


def shorten(text: str, limit: int = 200) -> str:
    """At most ``limit`` characters, cut between words."""
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"
