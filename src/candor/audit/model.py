"""What can have been done, and a line of the log: who, what, why, from where.

A line names nobody but by an id. What somebody typed as the reason may: it lies beside the log, where it can be
erased, and the line holds a digest of it under a salt that goes with the text, so that the log still verifies.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from candor.kit import clock


class Event(StrEnum):
    """What can have been done, ``source:subject:action``."""

    LOGIN = "web:session:open"
    LOGIN_REFUSED = "web:session:refuse"
    LOGOUT = "web:session:close"
    IMPORTED = "intake:conversation:import"
    REFUSED = "intake:conversation:refuse"
    OPENED = "replay:conversation:open"
    """Its text was shown; the subject says in what form: ``page``, ``document``, ``transcript`` …"""
    PLAYED = "replay:sound:play"
    OPENED_ORIGINAL = "replay:original:open"
    EXPORTED = "replay:conversation:export"
    OVERRIDDEN = "scoring:answer:override"
    SCORECARD_DRAFTED = "scoring:scorecard:draft"
    """A draft was begun; the subject is the scorecard and the version it is to become."""
    SCORECARD_EDITED = "scoring:scorecard:edit"
    """Somebody went on with a draft that another had changed last."""
    SCORECARD_DISCARDED = "scoring:scorecard:discard"
    SCORECARD_PUBLISHED = "scoring:scorecard:publish"
    SCORECARD_RETIRED = "scoring:scorecard:retire"
    SCORECARD_SIMULATED = "scoring:scorecard:simulate"
    RESCORED = "scoring:scorecard:rescore"
    """Past conversations were, or stopped being, judged anew; the subject is the scorecard, and what was done."""
    RETRIED = "pipeline:stage:retry"
    TOKEN_CREATED = "access:token:create"  # noqa: S105
    TOKEN_REVOKED = "access:token:revoke"  # noqa: S105
    USER_CREATED = "access:user:create"
    USER_CHANGED = "access:user:change"
    DENIED = "access:right:refuse"
    """Somebody known asked for what their role, token or scope does not reach; the subject is the route."""
    CALL_STEERED = "capture:call:steer"
    """Paused, resumed or ended while it was recorded."""
    CALL_LIST_IMPORTED = "capture:call_list:import"
    QUARANTINE_RESOLVED = "consent:quarantine:resolve"
    QUARANTINE_DESTROYED = "consent:quarantine:destroy"
    DO_NOT_RECORD_CHANGED = "consent:do_not_record:change"
    WORKPLACE_CHANGED = "consent:workplace:change"
    """A site was added or taken away, or agents moved; the subject says which."""
    CONSENT_DOCUMENT_KEPT = "consent:document:keep"
    CONSENT_DOCUMENT_OPENED = "consent:document:open"
    """The subject is the beginning of its digest."""
    DISCREPANCY_RESOLVED = "capture:discrepancy:resolve"
    RULE_OVERRIDDEN = "consent:rule:override"
    RULE_PACK_INSTALLED = "consent:pack:install"
    ANNOUNCEMENT_ADDED = "consent:announcement:add"
    ANNOUNCEMENT_RETIRED = "consent:announcement:retire"
    SESSION_ENDED = "access:session:end"
    """Ended by somebody, not by its own log-out; the subject is whose."""
    FACTOR_ADDED = "access:factor:add"
    FACTOR_REMOVED = "access:factor:remove"
    RECOVERY_USED = "access:recovery:use"
    REACH_CHANGED = "access:reach:change"
    TEAM_CHANGED = "access:team:change"
    PROVISIONED = "scim:user:change"
    GROUP_PROVISIONED = "scim:group:change"
    REVEAL_GRANTED = "access:reveal:grant"
    REVEAL_ENDED = "access:reveal:end"
    VIEW_SAVED = "replay:view:save"
    VIEW_DELETED = "replay:view:delete"
    LOG_EXPORTED = "audit:log:export"
    LOG_RESTORED = "audit:log:restore"
    """The log goes on from an older state, and somebody said why."""
    CLOCK_EXPLAINED = "audit:clock:explain"
    """A line is older than the one before it, and somebody said why."""
    REASON_ERASED = "audit:reason:erase"
    """A reason held personal data; the subject is the number of its line."""
    EVIDENCE_EXPORTED = "evidence:package:export"
    SIGNING_KEY_MADE = "evidence:key:create"
    RETENTION_DRAFTED = "retention:schedule:draft"
    RETENTION_CHANGED = "retention:schedule:effect"
    """A schedule counts from a day on, or no longer; the subject is its name and version."""
    RETENTION_SETTLED = "retention:conflict:settle"
    DISPOSAL_PROPOSED = "disposal:list:propose"
    DISPOSAL_APPROVED = "disposal:list:approve"
    DISPOSAL_REFUSED = "disposal:list:refuse"
    DISPOSED = "disposal:conversation:destroy"
    """A conversation was destroyed; the subject says why: ``retention``, ``request``, ``quarantine``."""
    DISPOSAL_CERTIFIED = "disposal:certificate:issue"
    HOLD_PLACED = "hold:case:place"
    HOLD_CHANGED = "hold:case:change"
    HOLD_RELEASED = "hold:case:release"
    REQUEST_RECEIVED = "request:case:receive"
    REQUEST_CHANGED = "request:case:change"
    """A step of a data subject's request; the subject is its number and what was done."""
    REQUEST_EXPORTED = "request:copy:export"
    REQUEST_CLOSED = "request:case:close"
    COACHING_DRAFTED = "coaching:session:draft"
    COACHING_CHANGED = "coaching:session:change"
    """The subject is the session's id and what was changed: ``edited``, ``clips``, ``action``, ``notes`` …"""
    COACHING_SHARED = "coaching:session:share"
    COACHING_ACKNOWLEDGED = "coaching:session:acknowledge"
    COACHING_FOLLOWED_UP = "coaching:session:follow_up"
    COACHING_OPENED = "coaching:session:open"
    COACHING_PLANNED = "coaching:plan:change"
    COACHING_TEMPLATE_CHANGED = "coaching:template:change"
    CLIP_ADDED = "library:clip:add"
    CLIP_REMOVED = "library:clip:remove"
    CLIP_PLAYED = "library:clip:play"
    CLIP_COPY_DESTROYED = "library:copy:destroy"
    """A training copy that had outlived its conversation was destroyed; the subject says why."""
    PLAYLIST_CHANGED = "library:playlist:change"
    COURSE_CHANGED = "library:course:change"
    COURSE_ASSIGNED = "library:course:assign"
    COURSE_STARTED = "library:course:start"
    COURSE_ATTEMPTED = "library:course:attempt"
    """A quiz was not passed."""
    COURSE_COMPLETED = "library:course:complete"
    LIBRARY_EXPORTED = "library:records:export"
    CODE_CUT = "redaction:code:cut"
    """A card verification code was cut out of the original: how much, and the digests' beginnings before and after."""
    KEYS_ROTATED = "vault:keys:rotate"
    """The master key was exchanged; the subject is the new one's id and how many data keys."""
    BACKUP_MADE = "backup:snapshot:make"
    BACKUP_VERIFIED = "backup:snapshot:verify"
    """The subject is the snapshot's name and how many faults."""
    BACKUP_RESTORED = "backup:snapshot:restore"
    BACKUP_PRUNED = "backup:snapshot:prune"
    FORM_OPENED = "evaluation:form:open"
    """Somebody began to evaluate a conversation; the subject is the form and for what it is."""
    FORM_DISCARDED = "evaluation:form:discard"
    EVALUATED = "evaluation:form:submit"
    """The subject is the evaluation."""
    EVALUATION_RELEASED = "evaluation:result:release"
    EVALUATION_ACKNOWLEDGED = "evaluation:result:acknowledge"
    EVALUATION_COMMENTED = "evaluation:result:comment"
    PLAN_CHANGED = "evaluation:plan:change"
    PLAN_DRAWN = "evaluation:plan:draw"
    """The subject is the plan, the period and the number of the draw."""
    ASSIGNED = "evaluation:assignment:assign"
    """The subject is the assignment and whose it is."""
    ASSIGNMENT_TAKEN = "evaluation:assignment:take"
    ASSIGNMENT_DECLINED = "evaluation:assignment:decline"
    ASSIGNMENT_WITHDRAWN = "evaluation:assignment:withdraw"
    GATE_SET = "scoring:gate:set"
    """What is asked of automatic answers before they count; the subject is the scorecard, the question, the gate."""
    GATE_MOVED = "scoring:gate:move"
    """A question's automatic answers count from now on, or no longer; the subject says which."""
    CALIBRATION_CALLED = "scoring:calibration:call"
    CALIBRATION_CLOSED = "scoring:calibration:close"
    CALIBRATION_NOTED = "scoring:calibration:note"
    """Something was written down, or became guidance; the subject is the session and the question."""
    REPORT_EXPORTED = "scoring:report:export"
    REPORT_SCHEDULED = "scoring:report:schedule"
    DISPUTE_OPENED = "dispute:case:open"
    DISPUTE_WITHDRAWN = "dispute:case:withdraw"
    DISPUTE_DECIDED = "dispute:case:decide"
    """The subject is the dispute and what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log."""

    at: datetime
    event: str
    """An :class:`Event`, or the word of a later version."""
    actor: str
    """User id, or ``cli`` for a command on the machine itself, or the part of Candor that did it by itself."""
    conversation_id: str | None = None
    subject: str | None = None
    """What exactly: a question's id, a stage, an export's format."""
    reason: str | None = None
    """As somebody wrote it; None where none was given, and where it was erased."""
    origin: str | None = None
    """From where: a network address, ``cli:`` and the number of the machine's user; None: Candor by itself."""
    number: int = 0
    """From 1, without gaps; 0 for a line from before the tree that is not in it yet."""
    reason_digest: str | None = None
    """Hexadecimal; None: no reason was given."""
    before: int | None = None
    """Its number in the log of an older version, which wrote it before there was a tree."""

    @property
    def reason_erased(self) -> bool:
        """Whether a reason was given and is gone."""
        return self.reason_digest is not None and self.reason is None


_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def plain(entry: Entry) -> dict[str, Any]:
    """A line for programs."""
    return asdict(entry) | {"at": moment(entry.at), "reason_erased": entry.reason_erased}


def told(
    *, number: int, at: str, event: str, actor: str, conversation_id: str | None, subject: str | None,
    origin: str | None, reason: str | None, before: int | None,
) -> dict[str, Any]:  # fmt: skip
    """A line as a JSON value; ``at`` as :func:`moment` writes it, ``reason`` its digest.

    What is None is left out, so that later versions can tell more.
    """
    maybe = {
        "before": before, "conversation_id": conversation_id, "origin": origin, "reason": reason, "subject": subject,
    }  # fmt: skip
    known = {name: value for name, value in maybe.items() if value is not None}
    return {"actor": actor, "at": at, "event": event, "number": number} | known


def leaf_of(line: dict[str, Any]) -> bytes:
    """The bytes that the tree is made over: canonical JSON (RFC 8785).

    For what a line holds (texts, whole numbers, names in ASCII) Python's own encoder writes the same bytes as
    :func:`candor.kit.jcs.canonical`, ten times as fast; a test holds them against each other.
    """
    return _canonical(line).encode()


def moment(at: datetime) -> str:
    """RFC 3339, UTC, microseconds."""
    return clock.require_aware(at).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """The inverse of :func:`moment`; raises ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


def salt() -> bytes:
    """A fresh one for a reason."""
    return os.urandom(16)


def reason_digest(its_salt: bytes, text: str) -> str:
    """SHA-256 over ``"candor.audit.reason.1" | 0 | salt | text``, hexadecimal.

    Without the salt nobody can try texts out until one fits; it is erased with the text.
    """
    return hashlib.sha256(b"candor.audit.reason.1\0" + its_salt + text.encode()).hexdigest()
