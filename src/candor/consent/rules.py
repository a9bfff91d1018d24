"""The records of a rule pack, each checked as it is read.

The field names are those of the pack's files. What only explains is in :data:`EXPLANATORY`; every other field changes
decisions, and a test holds the engine to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, model_validator

from candor.consent.model import ActionVerb

EXPLANATORY: dict[str, frozenset[str]] = {
    "JurisdictionRule": frozenset({
        "kind", "rule", "parties_consent", "notice_words", "notice_timing", "opt_out", "announcement_language",
        "employee_rule", "retention_notes", "criminal", "civil", "special_notes", "conflicts",
    }),
    "SectorRule": frozenset({
        "region", "applies_to", "kind", "retention_floor", "retention_ceiling", "prohibited", "engine", "conflicts",
    }),
    "CrossRule": frozenset({"basis"}),
    "Head": frozenset({
        "schema_", "title", "last_reviewed", "disclaimer", "files", "sources", "combination", "elements",
    }),
    "Purpose": frozenset({"words"}),
    "Channel": frozenset({"words"}),
    "Retention": frozenset({"id"}),
    "Earlier": frozenset({"words"}),
    "Citation": frozenset({"supports"}),
}  # fmt: skip
"""Fields that a person reads and no decision turns on: the source's wording of what other fields say as data."""

PLACE = r"^[A-Z]{2}(-[A-Z]{2,3})?$"
CODE = r"^[a-z0-9][a-z0-9_()-]*$"


def _whole(value: object) -> object:
    """True equals 1, and 2.0 equals 2: neither is a level."""
    if type(value) is not int:
        raise ValueError("not a whole number")
    return value


Level = Annotated[Literal[0, 1, 2, 3, 4, 9], BeforeValidator(_whole)]
Text = Annotated[str, Field(min_length=1)]
PlaceId = Annotated[str, Field(pattern=PLACE)]
Code = Annotated[str, Field(pattern=CODE)]
Days = Annotated[StrictInt, Field(ge=0, le=36_525)]
Confidence = Annotated[float, Field(gt=0, le=1, strict=True)]


def _day(value: object) -> object:
    """A date of TOML, or as JSON writes it; not a number of seconds."""
    if type(value) is not date and not isinstance(value, str):
        raise ValueError("not a date like 2026-11-23")
    return value


Day = Annotated[date, BeforeValidator(_day)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Dated(_Strict):
    """What holds for a time only; both days inclusive, open where left out."""

    valid_from: Day | None = None
    valid_to: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> _Dated:
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError("valid_from lies after valid_to")
        return self

    def holds(self, day: date) -> bool:
        """Whether it is law on ``day``."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class Citation(_Strict):
    """Where a rule is from, and how it was seen."""

    ref: Text
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    source: Literal["page", "statute text", "own knowledge"]
    supports: str | None = None


class Duty(_Dated):
    """What an employer owes an agent before the agent is recorded."""

    id: Code
    kind: Literal[
        "notice", "acknowledgement", "posting", "consent", "works-agreement", "consultation", "assessment", "policy",
        "equipment", "evidence",
    ]  # fmt: skip
    words: Text
    blocks: StrictBool
    """Whether the agent is not recorded before it is fulfilled."""
    where: str | None = None
    """The circumstance in which it applies; always, when left out."""
    any_of: str | None = None
    """Duties of one record with the same word here are alternatives: one of them is enough."""


class Retention(_Dated):
    """A floor or a ceiling, in days from the call."""

    id: Code
    of: Literal[
        "audio", "regulated", "report", "record", "consent_proof", "voiceprint", "decision_data", "log", "card_data",
        "request_record",
    ]  # fmt: skip
    words: Text
    min_days: Days | None = None
    max_days: Days | None = None
    extendable_to: Days | None = None
    """An authority may lengthen the floor to this."""
    counts_from: Literal["call", "last_use"] = "call"
    delete_after: StrictBool = False
    """Deleting at the ceiling is itself a duty, and is documented."""
    purposes: tuple[str, ...] = ()
    """Of these purposes only; of all when empty."""
    sectors: tuple[str, ...] = ()
    """Where the tenant is in one of these sectors only."""
    places: tuple[PlaceId, ...] = ()
    at: Literal["call", "employer"] = "call"
    """``employer``: counts where the agent or the employer is, not where the other party is."""
    exception: str | None = None
    """Only when the recording rests on this exception of the record."""

    @model_validator(mode="after")
    def _something(self) -> Retention:
        if self.min_days is None and self.max_days is None:
            raise ValueError("neither min_days nor max_days")
        if self.min_days is not None and self.max_days is not None and self.min_days > self.max_days:
            raise ValueError("min_days is more than max_days")
        return self


class Limit(_Dated):
    """What must not be done with a recording, or only so."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z_]+$")]
    words: Text
    purposes: tuple[str, ...] = ()
    purposes_except: tuple[str, ...] = ()
    at: Literal["call", "employer"] = "call"
    exception: str | None = None


class NoticeException(_Strict):
    """A way to record without what the place's level asks for, that a tenant may choose."""

    id: str
    purposes: tuple[str, ...]
    words: Text


class Earlier(_Strict):
    """How a record stood until a day (inclusive): the fields that were different."""

    until: Day
    words: Text
    changes: dict[str, Any]


class _Cited(_Strict):
    id: str
    name: Text
    citations: Annotated[tuple[Citation, ...], Field(min_length=1)]
    confidence: Confidence
    last_reviewed: Day


class DatedRule(_Cited, _Dated):
    """A rule that holds for a time."""


class JurisdictionRule(DatedRule):
    """What one place asks of who records a call."""

    id: PlaceId
    kind: Literal["us-federal", "us-state", "country", "subdivision"]
    parent: PlaceId | None = None
    """The place whose law is a floor under this one."""
    rule: Literal["one-party", "all-party", "mixed", "notice", "data-protection"]
    engine_level: Level
    purpose_overrides: dict[str, Level] = {}
    channel_overrides: dict[str, Level] = {}
    consent_form: Literal["explicit", "implied-by-notice", "none"]
    parties_consent: Annotated[tuple[Text, ...], Field(min_length=1)]
    opt_in_from: tuple[Literal["customer", "agent"], ...] = ("customer", "agent")
    """Who is asked, where an opt-in is."""
    precaution: str | None = None
    """Why the level is above what the law is known to ask."""
    notice_required: StrictBool
    notice_elements: tuple[str, ...]
    policy_elements: tuple[str, ...] = ()
    """Good practice where no notice is required; law from level 2 on."""
    notice_words: tuple[str, ...] = ()
    notice_timing: Text
    notice_must_be_recorded: StrictBool
    notice_alternatives: tuple[str, ...] = ()
    """Any of these does instead of a recorded announcement."""
    objection: Literal["none", "stop", "object", "refuse", "opt-in"]
    unrecorded_route: StrictBool = False
    opt_out: str
    announcement_language: Text
    language_rule: Literal["none", "understood", "service", "any", "all"]
    """``service``: of the service line; ``any``: one of ``languages``, as the caller is served; ``all``: each."""
    languages: tuple[Annotated[str, Field(pattern="^[a-z]{2,3}$")], ...] = ()
    sampling_required: StrictBool = False
    pause_on_hold_required: StrictBool = False
    guardian_consents: StrictBool = False
    """For a minor, whoever has parental authority consents."""
    evidence_rule: str | None = None
    """What a court asks before it hears a recording, where the level does not ask for it."""
    exceptions: tuple[NoticeException, ...] = ()
    duties: tuple[Duty, ...]
    employee_rule: Text
    retention: tuple[Retention, ...] = ()
    purpose_bound: StrictBool = False
    """Kept no longer than the purpose needs, whatever the figures: the tenant sets a period and says it."""
    retention_notes: str
    limits: tuple[Limit, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    rule_detail: Text
    criminal: str
    civil: str
    special_notes: str = ""
    conflicts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> JurisdictionRule:
        if (self.consent_form == "explicit") != (self.engine_level == 4) and self.engine_level != 9:
            raise ValueError("consent_form explicit and engine_level 4 go together")
        if self.notice_required and not self.notice_elements:
            raise ValueError("a notice is required, and notice_elements is empty")
        if self.notice_must_be_recorded and not self.notice_required:
            raise ValueError("notice_must_be_recorded without notice_required")
        if (self.language_rule in ("any", "all")) != bool(self.languages):
            raise ValueError("language_rule any or all and languages go together")
        for name in ("duties", "retention", "exceptions"):
            ids = [item.id for item in getattr(self, name)]
            if len(ids) != len(set(ids)):
                raise ValueError(f"an id occurs twice in {name}")
        return self


class Bar(_Strict):
    """Purposes for which a sector's calls are not recorded at all."""

    purposes: tuple[str, ...]
    places: tuple[PlaceId, ...]
    level: Level
    words: Text


class SectorRule(DatedRule):
    """What a sector or a law of one subject adds."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9._-]+$")]
    aliases: tuple[Code, ...] = ()
    region: str
    regions: Annotated[tuple[str, ...], Field(min_length=1)]
    """Ids of places, ``US``, or names of the head's [regions]; ``*`` everywhere."""
    automatic: StrictBool
    """Applies to everybody in its regions; else to tenants who say that they are in the sector."""
    applies_to: Text
    kind: tuple[str, ...]
    must_record: str | None = None
    """The purpose that fulfils its duty to record."""
    drops_level: StrictBool = False
    """The duty is the legal basis: consent is not asked for (X-MUST-RECORD)."""
    retention_class: str | None = None
    notice_elements: tuple[str, ...] = ()
    actions: tuple[ActionVerb, ...] = ()
    bars: tuple[Bar, ...] = ()
    limits: tuple[Limit, ...] = ()
    retention: tuple[Retention, ...] = ()
    rule: Text
    retention_floor: str
    retention_ceiling: str
    prohibited: tuple[str, ...] = ()
    engine: tuple[str, ...]
    conflicts: tuple[str, ...] = ()


class CrossRule(_Cited):
    """How the rules of several places are put together."""

    id: Annotated[str, Field(pattern=r"^X-[A-Z-]+$")]
    rule: Text
    basis: str


class UnknownPlace(_Strict):
    """What counts for a party whose place is not known."""

    level: Level
    announcement_recorded: StrictBool
    notice_elements: tuple[str, ...]
    objection: Literal["none", "stop", "object", "refuse", "opt-in"]


class Unknown(_Strict):
    """The stricter defaults."""

    us: UnknownPlace
    non_us: UnknownPlace
    strict_countries: tuple[PlaceId, ...]
    """Countries whose prefix alone brings their own level."""


class Combination(_Strict):
    """The source's words on putting rules together."""

    rule: Text
    wording: Text


class Purpose(_Strict):
    """What a recording is for."""

    id: Code
    words: Text
    like: str | None = None
    proof: StrictBool = False


class Channel(_Strict):
    """By what one communicates."""

    id: Code
    words: Text
    covered: StrictBool


class Head(_Strict):
    """``pack.toml``."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    version: Annotated[str, Field(pattern=r"^\d{4}\.\d{1,2}\.\d{1,2}(\.\d{1,3})?$")]
    title: Text
    last_reviewed: Day
    disclaimer: Text
    files: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z-]+\.toml$")], ...], Field(min_length=1)]
    sources: dict[Literal["page", "statute text", "own knowledge"], Text]
    levels: dict[str, Text]
    unknown: Unknown
    combination: Combination
    purpose: tuple[Purpose, ...]
    channel: tuple[Channel, ...]
    regions: dict[str, tuple[PlaceId, ...]]
    same_law: dict[PlaceId, PlaceId]
    elements: dict[str, Text]


Record = JurisdictionRule | SectorRule | CrossRule


def dated(record: JurisdictionRule | SectorRule) -> Iterator[_Dated]:
    """The record and everything in it that holds for a time only."""
    yield record
    if isinstance(record, JurisdictionRule):
        yield from record.duties
    yield from record.retention
    yield from record.limits
