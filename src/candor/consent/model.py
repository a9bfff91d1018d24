"""What is asked and what is answered: facts of a call in, a decision out. Frozen values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any


class ConsentLevel(IntEnum):
    """How much the law asks before a call is recorded; the words are the pack's ``[levels]``."""

    NOTHING = 0
    PURPOSE = 1
    ANNOUNCE = 2
    INFORM = 3
    OPT_IN = 4
    BARRED = 9


class LegRole(StrEnum):
    """Why a place counts."""

    CALLER = "caller"
    CALLEE = "callee"
    AGENT = "agent"
    ESTABLISHMENT = "establishment"
    RECORDER = "recorder"
    JOINER = "joiner"
    """Joined later, or stated outright."""


class UnknownLeg(StrEnum):
    """Where a party of unknown place is taken to be."""

    US = "us"
    NON_US = "non-us"


class Attestation(StrEnum):
    """How far the network vouches for the caller's number (ATIS-1000074, RFC 8588)."""

    FULL = "A"
    PARTIAL = "B"
    GATEWAY = "C"
    FAILED = "failed"


class ActionVerb(StrEnum):
    """What a phone system, the recorder or a person must do."""

    ANNOUNCE = "announce"
    ANNOUNCE_INSIDE_RECORDING = "announce_inside_recording"
    ANNOUNCE_AS_POLICY = "announce_as_policy"
    ANNOUNCE_FOR_ADMISSIBILITY = "announce_for_admissibility"
    ANNOUNCE_TO_JOINER = "announce_to_joiner"
    PUBLISH_PURPOSE = "publish_purpose"
    ASK_OPT_IN = "ask_opt_in"
    ASK_GUARDIAN = "ask_guardian"
    DO_NOT_RECORD = "do_not_record"
    DISCARD_ON_REFUSAL = "discard_on_refusal"
    OFFER_UNRECORDED_ROUTE = "offer_unrecorded_route"
    TELL_RIGHT_TO_OBJECT = "tell_right_to_object"
    STOP_ON_OBJECTION = "stop_on_objection"
    END_SERVICE_ON_OBJECTION = "end_service_on_objection"
    LOG_CONSENT = "log_consent"
    BLOCK_AGENT_UNTIL = "block_agent_until"
    SAMPLE_ONLY = "sample_only"
    PAUSE_ON_HOLD = "pause_on_hold"
    MUST_RECORD = "must_record"
    SEPARATE_CLASS = "separate_class"
    INFORM_BEFORE_SERVICE = "inform_before_service"
    ASSIGN_RECORDING_ID = "assign_recording_id"
    GIVE_FREE_COPY = "give_free_copy"
    REFUSE_EARLY_DELETION = "refuse_early_deletion"
    DELETE_AND_DOCUMENT = "delete_and_document"
    SET_RETENTION_PERIOD = "set_retention_period"
    RESOLVE_RETENTION_CONFLICT = "resolve_retention_conflict"
    MASK_CARD_SEGMENT = "mask_card_segment"
    REQUIRE_PROCESSOR_CONTRACT = "require_processor_contract"
    TAG_HEALTH_QUEUE = "tag_health_queue"
    ENCRYPT = "encrypt"
    WORM_STORE = "worm_store"
    KEEP_CALL_DETAILS = "keep_call_details"
    KEEP_CONSENT_REQUEST_TEXT = "keep_consent_request_text"
    HONOUR_REVOCATION = "honour_revocation"
    ASSESS_PRIVACY_IMPACT = "assess_privacy_impact"


class KeepFrom(StrEnum):
    """From when on sound may be kept."""

    START = "start"
    WITH_ANNOUNCEMENT = "with_announcement"
    AFTER_ANNOUNCEMENT = "after_announcement"
    AFTER_OPT_IN = "after_opt_in"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a call. Places are ids of the pack or ISO 3166 codes; numbers as the phone system has them."""

    purpose: str
    at: date
    """The day whose rules count."""
    channel: str = "voice"
    caller: str | None = None
    callee: str | None = None
    agent_location: str | None = None
    establishment: str | None = None
    recorder: str | None = None
    extra_legs: tuple[str, ...] = ()
    """Ids or numbers of who joined later, in order, or of places that count anyway."""
    unknown_legs: tuple[UnknownLeg, ...] = ()
    sectors: tuple[str, ...] = ()
    region: str | None = None
    """ISO 3166 country by which numbers without + are read; else that of the agent, establishment or recorder."""
    attestation: Attestation | None = None
    minor: bool = False
    """A party has said to be a minor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A place that counts."""

    id: str
    """Of the pack."""
    roles: tuple[LegRole, ...]
    level: int
    """For the purpose and channel asked, before the places are put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to be done."""

    verb: ActionVerb
    words: str
    rules: tuple[str, ...] = ()
    """Ids of the rules that ask for it."""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A citation."""

    ref: str
    url: str | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: one rule that was used."""

    rule: str
    citation: str
    """The citations' references in one line."""
    words: str
    level: int | None = None
    """What this rule alone asks for; None for rules on putting others together."""
    decisive: bool = False
    """Whether the decision's level is this one's."""
    overridden: tuple[str, ...] = ()
    """Fields that the customer's counsel has changed, ``field: why``."""
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prerequisite:
    """What the employer owes an agent first."""

    id: str
    rule: str
    kind: str
    words: str
    blocks: bool
    where: str | None
    any_of: str | None
    citation: str

    @property
    def personal(self) -> bool:
        """Whether each agent gives it; everything else can be met once for all who work at a site."""
        return self.kind in {"acknowledgement", "consent", "evidence"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """How long one copy of the recording is kept: the one for the purpose, or one that a sector's law demands."""

    name: str
    min_days: int | None
    max_days: int | None
    rules: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptElse:
    """How long something that is no sound is kept: reports, records, proof of consent, voiceprints, logs."""

    of: str
    min_days: int | None
    max_days: int | None
    rule: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionAnswer:
    """How long the sound is kept, days from the call."""

    min_days: int | None
    max_days: int | None
    conflict: bool
    """The floor is above the ceiling: a person splits the copies or decides."""
    purpose_bound: bool
    """Law also says: no longer than the purpose needs. The tenant sets the period and tells it."""
    copies: tuple[Copy, ...]
    other: tuple[KeptElse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseLimit:
    """What must not be done with the recording, or only so."""

    code: str
    words: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """An exception on which a tenant may choose to record when the announcement failed."""

    id: str
    rule: str
    words: str
    max_days: int | None
    limits: tuple[UseLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What the level becomes as each one joins."""

    leg: str
    """Id, or ``unknown``."""
    level: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """In what the announcement is spoken."""

    required: tuple[str, ...]
    """ISO 639: each of these."""
    one_of: tuple[tuple[str, ...], ...]
    """Of each group the one in which the caller is served."""
    service_line: bool
    """The language of the service line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something that a lawyer should look at first."""

    rule: str
    why: str
    """``confidence``, ``stale``, ``before_review``, ``no_rule``, ``out_of_reach`` or ``retention``."""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Something that was not known."""

    what: str
    """A role, or ``channel``, ``employer``."""
    why: str
    """``withheld``, ``malformed``, ``mobile`` …"""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer. Not legal advice."""

    level: int
    legs: tuple[Leg, ...]
    unknown: tuple[UnknownLeg, ...]
    may_record: bool
    """Whether recording is allowed once the actions are done; False when it is not, whatever is done."""
    keep_from: KeepFrom
    consent_form: str
    consent_from: tuple[str, ...]
    """Who must opt in; empty below level 4."""
    actions: tuple[Action, ...]
    announcement_recorded: bool
    notice_elements: tuple[str, ...]
    languages: Languages
    employee_prerequisites: tuple[Prerequisite, ...]
    retention: RetentionAnswer
    analysis_limits: tuple[UseLimit, ...]
    fallbacks: tuple[Fallback, ...]
    joining: tuple[Joining, ...]
    reasons: tuple[Reason, ...]
    confidence: float
    needs_review: tuple[Flag, ...]
    overridden: bool
    """Whether a rule that was used has been changed by the customer's counsel."""
    uncertain: tuple[Doubt, ...]
    purpose: str
    channel: str
    sectors: tuple[str, ...]
    at: date
    pack: str
    """Version of the rule pack."""
