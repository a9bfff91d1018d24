"""The words that people read for the consent engine's own values."""

from __future__ import annotations

from collections.abc import Iterable

from candor.consent.custody import CustodyState
from candor.consent.ledger.model import ConsentEvent, Method, Whose
from candor.consent.model import KeepFrom
from candor.web.i18n import N_, gettext

LEVELS = (0, 1, 2, 3, 4, 9)
LEVEL = {
    0: N_("No notice needed"),
    1: N_("Publish the purpose"),
    2: N_("Announce"),
    3: N_("Announce and inform"),
    4: N_("Ask for a yes"),
    9: N_("Do not record"),
}
STATE = {
    CustodyState.PENDING: N_("Not looked at yet"),
    CustodyState.PROVED: N_("Proved, or nothing to prove"),
    CustodyState.QUARANTINED: N_("Quarantined"),
    CustodyState.RESOLVED: N_("Resolved by a person"),
    CustodyState.DESTROYED: N_("Destroyed"),
}
STATE_TONE = {
    CustodyState.PENDING: "quiet", CustodyState.PROVED: "good", CustodyState.QUARANTINED: "attention",
    CustodyState.RESOLVED: "accent", CustodyState.DESTROYED: "bad",
}  # fmt: skip
EVENT = {
    ConsentEvent.ANNOUNCED: N_("Announced"),
    ConsentEvent.GIVEN: N_("Given"),
    ConsentEvent.REFUSED: N_("Refused"),
    ConsentEvent.WITHDRAWN: N_("Withdrawn"),
    ConsentEvent.EXPIRED: N_("Expired"),
    ConsentEvent.INHERITED: N_("Inherited"),
}
EVENT_TONE = {
    ConsentEvent.ANNOUNCED: "accent", ConsentEvent.GIVEN: "good", ConsentEvent.REFUSED: "bad",
    ConsentEvent.WITHDRAWN: "bad", ConsentEvent.EXPIRED: "attention", ConsentEvent.INHERITED: "good",
}  # fmt: skip
METHOD = {
    Method.KEY_PRESS: N_("by key"),
    Method.SPOKEN: N_("spoken"),
    Method.WENT_ON: N_("went on after the notice"),
    Method.WRITTEN: N_("in writing"),
    Method.CONTRACT: N_("by contract"),
    Method.PHONE_SYSTEM: N_("told by the phone system"),
    Method.NONE: "",
}
WHOSE = {Whose.CALLER: N_("caller"), Whose.EMPLOYEE: N_("employee"), Whose.WORKPLACE: N_("site")}
LEG = {
    "caller": N_("caller"),
    "callee": N_("callee"),
    "agent": N_("agent"),
    "establishment": N_("establishment"),
    "recorder": N_("recorder"),
    "joiner": N_("joined or stated"),
}
KEEP = {
    KeepFrom.START: N_("Sound may be kept from the start."),
    KeepFrom.WITH_ANNOUNCEMENT: N_("Sound is kept from the announcement on, which is itself in the recording."),
    KeepFrom.AFTER_ANNOUNCEMENT: N_("Sound is kept only after the announcement."),
    KeepFrom.AFTER_OPT_IN: N_("Sound is kept only after everybody asked has said yes."),
    KeepFrom.NEVER: N_("No sound is kept."),
}
NOT_RECORDED = N_("Not recorded")
UNKNOWN = {"us": N_("in the United States"), "non-us": N_("elsewhere")}
MANNER = {"spoken": N_("spoken"), "layered": N_("in the privacy notice"), "promised": N_("later in the call")}
FOUND_BY = {
    "ledger": N_("told by the phone system or a person"),
    "sound": N_("heard in the sound"),
    "words": N_("read in the transcript"),
    "spoken": N_("spoken"),
    "person": N_("known of the person"),
}
KIND = {"place": N_("Places"), "sector": N_("Sectors"), "cross": N_("Putting together")}


def level(value: int) -> str:
    """A level's name; the number stands beside it."""
    return gettext(LEVEL[value]) if value in LEVEL else str(value)


def places(ids: Iterable[str], unknown: Iterable[str] = ()) -> str:
    """``DE, US-TX, unknown: elsewhere``."""
    return ", ".join([*ids, *(gettext(N_("unknown: %s")) % gettext(UNKNOWN.get(each, each)) for each in unknown)])


def days(least: int | None, most: int | None) -> str:
    """A span of retention in words."""
    said = [gettext(N_("at least %s days")) % f"{least:,}".replace(",", "\u202f")] if least is not None else []
    said += [gettext(N_("at most %s days")) % f"{most:,}".replace(",", "\u202f")] if most is not None else []
    return ", ".join(said) or gettext(N_("no legal figure"))


FIELD = {
    "valid_from": N_("Valid from"),
    "valid_to": N_("Valid until"),
    "id": N_("Id"),
    "name": N_("Name"),
    "citations": N_("Citations"),
    "confidence": N_("Confidence"),
    "last_reviewed": N_("Last reviewed"),
    "kind": N_("Kind"),
    "parent": N_("Parent"),
    "rule": N_("Rule"),
    "engine_level": N_("Level"),
    "purpose_overrides": N_("Purpose overrides"),
    "channel_overrides": N_("Channel overrides"),
    "consent_form": N_("Consent form"),
    "parties_consent": N_("Parties who must consent"),
    "opt_in_from": N_("Whose yes is needed"),
    "precaution": N_("Precaution"),
    "notice_required": N_("Notice required"),
    "notice_elements": N_("Notice elements"),
    "policy_elements": N_("Policy elements"),
    "notice_words": N_("Words of the notice"),
    "notice_timing": N_("Notice timing"),
    "notice_must_be_recorded": N_("The notice must be recorded"),
    "notice_alternatives": N_("What does instead of it"),
    "objection": N_("Objection"),
    "unrecorded_route": N_("A way without recording"),
    "opt_out": N_("Way out"),
    "announcement_language": N_("Announcement language"),
    "language_rule": N_("Language rule"),
    "languages": N_("Languages"),
    "sampling_required": N_("Sampling required"),
    "pause_on_hold_required": N_("Pause on hold required"),
    "guardian_consents": N_("A guardian consents"),
    "evidence_rule": N_("Evidence rule"),
    "exceptions": N_("Exceptions"),
    "duties": N_("Prerequisites of employers"),
    "employee_rule": N_("Rule for employees"),
    "retention": N_("Retention"),
    "purpose_bound": N_("Purpose bound"),
    "retention_notes": N_("Retention notes"),
    "limits": N_("Limits"),
    "earlier": N_("Earlier"),
    "rule_detail": N_("Rule detail"),
    "criminal": N_("Criminal"),
    "civil": N_("Civil"),
    "special_notes": N_("Special notes"),
    "conflicts": N_("Conflicts"),
    "aliases": N_("Other names"),
    "region": N_("Region"),
    "regions": N_("Regions"),
    "automatic": N_("Automatic"),
    "applies_to": N_("Applies to"),
    "must_record": N_("Duty to record"),
    "drops_level": N_("Lowers the level"),
    "retention_class": N_("Retention class"),
    "actions": N_("Actions"),
    "bars": N_("What it bars"),
    "retention_floor": N_("Retention floor"),
    "retention_ceiling": N_("Retention ceiling"),
    "prohibited": N_("Prohibited"),
    "engine": N_("Engine"),
    "basis": N_("Basis"),
}
"""Fields of a rule, as people call them; the pack's own names are for files and overrides."""


def field(name: str) -> str:
    """One of them; of a newer pack's fields, what its name says."""
    return gettext(FIELD[name]) if name in FIELD else name.replace("_", " ").capitalize()
