"""An announcement, what it must tell, and what it is made of."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

from candor.errors import InvalidInput

MOST_DAYS = 36_500
_KEYS = frozenset("0123456789*#")
_LONGEST_TEXT = 4_000


class Element(StrEnum):
    """What a notice has to tell: the rule pack's ``[elements]``, and what the level or the customer adds."""

    RECORDING_FACT = "recording-fact"
    ABOUT_TO_BE_RECORDED = "about-to-be-recorded"
    PURPOSE = "purpose"
    CONTROLLER_IDENTITY = "controller-identity"
    CONTACT_ADDRESS = "contact-address"
    LEGAL_BASIS = "legal-basis"
    RETENTION_PERIOD = "retention-period"
    RIGHTS_POINTER = "rights-pointer"
    RECIPIENTS = "recipients"
    TRANSFER_ABROAD = "transfer-abroad"
    OBJECTION_ROUTE = "objection-or-refusal-route"
    RIGHT_TO_OBJECT = "right-to-object"
    RIGHT_TO_WITHDRAW = "right-to-withdraw"
    RECORDING_ID = "recording-id"
    FREE_COPY = "free-copy"
    COPY_ON_REQUEST = "copy-on-request"
    FULL_INFORMATION = "full-information-pointer"
    MEANS_OF_COLLECTION = "means-of-collection"
    ITEMS_COLLECTED = "items-collected"
    COMPLAINT_ROUTE = "complaint-route"
    LANGUAGE_CHOICE = "language-choice"
    VOLUNTARY = "voluntary-or-mandatory"
    CONSEQUENCES = "consequences-of-refusal"
    OPT_IN = "opt-in-question"
    """Of level 4."""
    AI_ANALYSIS = "ai-analysis"
    """That a program analyses the recording."""


class Manner(StrEnum):
    """How an element is told."""

    SPOKEN = "spoken"
    LAYERED = "layered"
    """In the privacy notice, to which the announcement points (layered information, WP260 rev.01 paragraph 35)."""
    PROMISED = "promised"
    """Told later in the call."""


class Refusal(StrEnum):
    """What happens to someone who does not want to be recorded."""

    SAME_SERVICE = "same"
    """The same service, unrecorded."""
    OTHER_WAY = "other"
    """This line must be recorded by law: no service here, another way is named."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Telephone keys that answer the question."""

    yes: str = "1"
    no: str = "2"

    def __post_init__(self) -> None:
        if {self.yes, self.no} - _KEYS or self.yes == self.no:
            raise InvalidInput(
                "The keys for yes and no must be two different keys of a telephone.",
                code="announcement.keys",
                advice="Use 0 to 9, * or #.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the customer fills in. Every text is checked; one that is needed and missing is an error."""

    company: str = ""
    """Who records, as callers know it."""
    purposes: tuple[str, ...] = ()
    """Ids of the rule pack: quality, training, documentation …"""
    privacy_notice: str = ""
    """Where the full information is, as it is to be spoken: "example dot com slash privacy"."""
    contact: str = ""
    """Address, telephone number or mailbox, as it is to be spoken."""
    retention_days: int | None = None
    recipients: str = ""
    """Who else gets the recording. Spoken when given; otherwise told by the privacy notice."""
    transfer: str = ""
    """Country and receiver outside the country. Spoken when given; otherwise told by the privacy notice."""
    keys: Keys | None = Keys()
    """None where no keys can be pressed: then answers are spoken."""
    refusal: Refusal = Refusal.SAME_SERVICE
    ai_analysis: bool = False

    def __post_init__(self) -> None:
        for name, limit in (
            ("company", 80),
            ("privacy_notice", 160),
            ("contact", 160),
            ("recipients", 200),
            ("transfer", 160),
        ):
            _plain(name, getattr(self, name), limit)
        if self.retention_days is not None and not 1 <= self.retention_days <= MOST_DAYS:
            raise InvalidInput(
                f"Recordings are kept for 1 to {MOST_DAYS} days.",
                code="announcement.variable",
                advice="Give retention_days in that range, or leave it out.",
            )


def _plain(name: str, text: str, limit: int) -> None:
    """Names and addresses as they are spoken: no markup (the text goes into TwiML and SSML), no line breaks."""
    bad = [sign for sign in text if sign in "<>{}[]\\|`" or unicodedata.category(sign)[0] == "C"]
    if bad or len(text) > limit or text != text.strip():
        raise InvalidInput(
            f'"{name}" cannot be spoken as it is.',
            code="announcement.variable",
            advice=f"Use one line of at most {limit} signs, without < > {{ }} [ ] \\ | ` or spaces at its ends.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One sentence or two of an announcement, and what it tells."""

    id: str
    text: str
    covers: tuple[tuple[Element, Manner], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a caller is told, ready to be spoken."""

    language: str
    level: int
    parts: tuple[Part, ...]
    data_version: str
    """Of the texts it was put together from."""
    keys: Keys | None = None
    """Keys that it offers."""

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(part.text for part in self.parts)

    @property
    def covers(self) -> dict[Element, Manner]:
        """What it tells, and how; spoken where a part speaks of it."""
        order = list(Manner)
        told: dict[Element, Manner] = {}
        for part in self.parts:
            for element, manner in part.covers:
                told[element] = min(told.get(element, manner), manner, key=order.index)
        return told

    @property
    def version(self) -> str:
        """``language-data version-digest``: another word, another version."""
        words = [[part.id, part.text, sorted(f"{e}:{m}" for e, m in part.covers)] for part in self.parts]
        return f"{self.language}-{self.data_version}-{_digest([self.language, self.level, words])}"

    @property
    def asks(self) -> bool:
        """Whether it ends in a question that must be answered before sound is kept."""
        return Element.OPT_IN in self.covers


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnText:
    """A customer's own wording, with what its author says that it tells."""

    language: str
    """BCP 47; any language, not only those that Candor has texts for."""
    text: str
    covers: frozenset[Element]
    author: str
    """Who answers for it: an account id, not a name."""
    keys: Keys | None = None
    layered: frozenset[Element] = field(default_factory=frozenset)
    """Which of them it only points to."""

    def __post_init__(self) -> None:
        if not self.text.strip() or len(self.text) > _LONGEST_TEXT:
            raise InvalidInput(
                f"An own text has 1 to {_LONGEST_TEXT:,} signs.", code="announcement.own_text", advice="Shorten it."
            )
        _plain("text", " ".join(self.text.split()), _LONGEST_TEXT)
        if self.layered - self.covers:
            raise InvalidInput(
                "What is layered must be among what is covered.", code="announcement.own_text", advice="Add it to both."
            )

    @property
    def data_version(self) -> str:
        """Changes with every word, claim and author."""
        return f"own.{_digest([self.language, self.text, sorted(self.covers), sorted(self.layered), self.author])}"


def _digest(value: object) -> str:
    packed = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(packed).hexdigest()[:12]
