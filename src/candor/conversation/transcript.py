"""What was said: words with times, joined into utterances; and what of it is personal data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from candor.conversation.model import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word as it stands in the text of its utterance (with case and punctuation)."""

    text: str
    start: float
    end: float
    confidence: float
    """0 to 1."""


class SpeakerSplit(StrEnum):
    """How speakers were told apart."""

    CHANNEL = "channel"
    """One party a channel: certain."""
    GUESSED = "guessed"
    """Voices in one channel, told apart by their sound: a guess, and shown as one."""
    SINGLE = "single"
    """One channel, not split."""
    GIVEN = "given"
    """Written channels or an imported transcript say who."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One voice of the transcript; utterances refer to it by its place in ``Transcript.speakers``."""

    role: Role
    channel: int | None = None
    role_guessed: bool = False
    """True when who is agent and who customer was inferred from what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One turn, or part of one: a stretch of speech by one speaker without a long break.

    ``text`` is the words joined by single spaces: word i of ``words`` is token i of ``text.split(" ")``.
    """

    index: int
    """Place in the transcript, which is in order of ``start``."""
    speaker: int
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0

    def timed(self) -> Iterator[tuple[str, float, float]]:
        """(word, start, end) in order; words without times of their own are spread evenly."""
        if self.words:
            yield from ((word.text, word.start, word.end) for word in self.words)
            return
        pieces = self.text.split()
        step = (self.end - self.start) / max(1, len(pieces))
        for place, piece in enumerate(pieces):
            yield piece, self.start + place * step, self.start + (place + 1) * step


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said on a conversation, by whom and when, and what recognised it."""

    engine: str
    model: str
    version: str
    language: str
    """BCP 47."""
    duration: float
    """Seconds of the whole conversation."""
    speakers: tuple[Speaker, ...]
    split: SpeakerSplit
    utterances: tuple[Utterance, ...]
    word_times: str = "aligned"
    """``aligned`` (forced alignment), ``engine`` (the recogniser's own), ``spread`` (evenly over the segment)."""
    notes: tuple[str, ...] = ()
    """Plain sentences for people: "this does not sound like English", "no speech was found", …"""

    def __post_init__(self) -> None:
        for place, utterance in enumerate(self.utterances):
            if utterance.index != place:
                raise ValueError(f"utterance {place} carries index {utterance.index}")
            if not 0 <= utterance.speaker < len(self.speakers):
                raise ValueError(f"utterance {place} names speaker {utterance.speaker}, which is not there")

    def role_of(self, utterance: Utterance) -> Role:
        """The role of the one who said it."""
        return self.speakers[utterance.speaker].role


class PiiKind(StrEnum):
    """Kinds of personal data; the value is the word in the placeholder."""

    CARD = "CARD"
    CVV = "CVV"
    ACCOUNT = "ACCOUNT"
    IBAN = "IBAN"
    PHONE = "PHONE"
    NATIONAL_ID = "ID"
    EMAIL = "EMAIL"
    NAME = "NAME"
    ADDRESS = "ADDRESS"
    POSTCODE = "POSTCODE"
    DATE_OF_BIRTH = "DOB"
    PASSWORD = "PASSWORD"  # noqa: S105  a kind of data, not a password
    NUMBER = "NUMBER"
    """A long run of digits of unknown meaning: masked, since it may be any of the above."""
    URL = "URL"
    IP = "IP"


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiSpan:
    """One stretch of personal data inside one utterance of the unredacted transcript."""

    kind: PiiKind
    utterance: int
    first_word: int
    last_word: int
    """Inclusive; places in ``Utterance.words`` / ``text.split(" ")``."""
    start: float
    end: float
    """Seconds in the conversation; equal to each other when the text has no sound."""
    placeholder: str
    """What stands in the text instead, for example ``[CARD_1]``: the same value has the same number in one call."""
    rule: str
    """Which rule found it, with its version."""
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """A transcript with personal data masked, and where it was.

    ``transcript`` has the same utterances (same index, speaker, start, end); masked words are replaced by one
    word whose text is the placeholder and whose times span what it hides. Nothing in here is personal data.
    """

    transcript: Transcript
    spans: tuple[PiiSpan, ...]
    version: str
    """Version of the rules."""

    @property
    def masked_times(self) -> tuple[tuple[float, float], ...]:
        """The stretches of sound that must not be heard, merged and in order, seconds."""
        merged: list[tuple[float, float]] = []
        for start, end in sorted((span.start, span.end) for span in self.spans if span.end > span.start):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return tuple(merged)
