"""What people read for the events of the audit log. Events of later versions are shown as they are."""

from __future__ import annotations

from candor.audit.model import Event
from candor.web.i18n import N_, gettext

GROUPS = {
    "web": N_("Log-in"), "access": N_("Access"), "scim": N_("Access"), "replay": N_("Opening and export"),
    "intake": N_("Intake"), "capture": N_("Capture"), "consent": N_("Consent"), "redaction": N_("Redaction"),
    "evaluation": N_("Scores"), "dispute": N_("Scores"),
    "scoring": N_("Scores"), "pipeline": N_("Processing"), "retention": N_("Keeping"), "disposal": N_("Keeping"),
    "hold": N_("Keeping"), "request": N_("Data subjects"), "vault": N_("Keys"), "backup": N_("Backup"),
    "evidence": N_("Evidence"), "audit": N_("Audit log"), "coaching": N_("Coaching"), "library": N_("Training library"),
}  # fmt: skip
"""The first word of an event → where it belongs."""
EVENT = {
    Event.LOGIN: N_("logged in"),
    Event.LOGIN_REFUSED: N_("log-in refused"),
    Event.LOGOUT: N_("logged out"),
    Event.IMPORTED: N_("took a conversation in"),
    Event.REFUSED: N_("refused a recording"),
    Event.OPENED: N_("opened a conversation"),
    Event.PLAYED: N_("played the sound"),
    Event.OPENED_ORIGINAL: N_("opened the original"),
    Event.EXPORTED: N_("exported"),
    Event.OVERRIDDEN: N_("changed an answer"),
    Event.SCORECARD_DRAFTED: N_("began a draft of a scorecard"),
    Event.SCORECARD_EDITED: N_("went on with a draft of a scorecard"),
    Event.SCORECARD_DISCARDED: N_("discarded a draft of a scorecard"),
    Event.SCORECARD_PUBLISHED: N_("published a scorecard"),
    Event.SCORECARD_RETIRED: N_("retired a scorecard"),
    Event.SCORECARD_SIMULATED: N_("simulated a scorecard"),
    Event.RESCORED: N_("had past conversations judged anew"),
    Event.RETRIED: N_("ran a step again"),
    Event.TOKEN_CREATED: N_("made an API token"),
    Event.TOKEN_REVOKED: N_("revoked an API token"),
    Event.USER_CREATED: N_("added a person"),
    Event.USER_CHANGED: N_("changed a person"),
    Event.DENIED: N_("was refused"),
    Event.CALL_STEERED: N_("steered a call"),
    Event.CALL_LIST_IMPORTED: N_("handed a call list in"),
    Event.QUARANTINE_RESOLVED: N_("released from quarantine"),
    Event.QUARANTINE_DESTROYED: N_("destroyed from quarantine"),
    Event.DO_NOT_RECORD_CHANGED: N_("changed who is never recorded"),
    Event.DISCREPANCY_RESOLVED: N_("closed a difference"),
    Event.RULE_OVERRIDDEN: N_("overrode a rule"),
    Event.RULE_PACK_INSTALLED: N_("installed a rule pack"),
    Event.ANNOUNCEMENT_ADDED: N_("added an announcement"),
    Event.ANNOUNCEMENT_RETIRED: N_("retired an announcement"),
    Event.VIEW_SAVED: N_("saved a view"),
    Event.VIEW_DELETED: N_("deleted a view"),
    Event.LOG_EXPORTED: N_("exported the audit log"),
    Event.LOG_RESTORED: N_("explained a restored backup"),
    Event.CLOCK_EXPLAINED: N_("explained the clock"),
    Event.REASON_ERASED: N_("erased a reason"),
    Event.EVIDENCE_EXPORTED: N_("exported evidence"),
    Event.SIGNING_KEY_MADE: N_("made a signing certificate"),
    Event.SESSION_ENDED: N_("ended a log-in"),
    Event.FACTOR_ADDED: N_("added a second factor"),
    Event.FACTOR_REMOVED: N_("removed a second factor"),
    Event.RECOVERY_USED: N_("used a recovery code"),
    Event.REACH_CHANGED: N_("changed what somebody sees"),
    Event.TEAM_CHANGED: N_("changed a team"),
    Event.PROVISIONED: N_("provisioned a person"),
    Event.GROUP_PROVISIONED: N_("provisioned a group"),
    Event.REVEAL_GRANTED: N_("opened unmasked"),
    Event.REVEAL_ENDED: N_("masked again"),
    Event.RETENTION_DRAFTED: N_("drafted a schedule"),
    Event.RETENTION_CHANGED: N_("put a schedule into effect"),
    Event.RETENTION_SETTLED: N_("settled a conflict of periods"),
    Event.DISPOSAL_PROPOSED: N_("proposed what to destroy"),
    Event.DISPOSAL_APPROVED: N_("approved what is destroyed"),
    Event.DISPOSAL_REFUSED: N_("refused what was to be destroyed"),
    Event.DISPOSED: N_("destroyed a conversation"),
    Event.DISPOSAL_CERTIFIED: N_("certified a destruction"),
    Event.REQUEST_RECEIVED: N_("took a request of a data subject"),
    Event.REQUEST_CHANGED: N_("changed a request of a data subject"),
    Event.REQUEST_EXPORTED: N_("made a data subject's copy"),
    Event.REQUEST_CLOSED: N_("closed a request of a data subject"),
    Event.HOLD_PLACED: N_("placed a legal hold"),
    Event.HOLD_CHANGED: N_("changed a legal hold"),
    Event.HOLD_RELEASED: N_("released a legal hold"),
    Event.COACHING_DRAFTED: N_("drafted a coaching session"),
    Event.COACHING_CHANGED: N_("changed a coaching session"),
    Event.COACHING_SHARED: N_("shared a coaching session"),
    Event.COACHING_ACKNOWLEDGED: N_("acknowledged a coaching session"),
    Event.COACHING_FOLLOWED_UP: N_("followed a coaching session up"),
    Event.COACHING_OPENED: N_("opened a coaching session"),
    Event.COACHING_PLANNED: N_("changed a coaching plan"),
    Event.COACHING_TEMPLATE_CHANGED: N_("changed a coaching template"),
    Event.CLIP_ADDED: N_("cut a clip"),
    Event.CLIP_REMOVED: N_("took a clip away"),
    Event.CLIP_PLAYED: N_("played a clip"),
    Event.CLIP_COPY_DESTROYED: N_("destroyed a training copy"),
    Event.PLAYLIST_CHANGED: N_("changed a playlist"),
    Event.COURSE_CHANGED: N_("changed a course"),
    Event.COURSE_ASSIGNED: N_("assigned a course"),
    Event.COURSE_STARTED: N_("began a course"),
    Event.COURSE_ATTEMPTED: N_("tried a quiz"),
    Event.COURSE_COMPLETED: N_("completed a course"),
    Event.LIBRARY_EXPORTED: N_("exported training records"),
    Event.CODE_CUT: N_("cut out a card code"),
    Event.KEYS_ROTATED: N_("exchanged keys"),
    Event.BACKUP_MADE: N_("made a backup"),
    Event.BACKUP_VERIFIED: N_("verified a backup"),
    Event.BACKUP_RESTORED: N_("restored a backup"),
    Event.BACKUP_PRUNED: N_("pruned backups"),
    Event.WORKPLACE_CHANGED: N_("changed a workplace"),
    Event.CONSENT_DOCUMENT_KEPT: N_("kept a document of consent"),
    Event.CONSENT_DOCUMENT_OPENED: N_("opened a document of consent"),
    Event.FORM_OPENED: N_("began an evaluation"),
    Event.FORM_DISCARDED: N_("discarded an evaluation"),
    Event.EVALUATED: N_("evaluated a conversation"),
    Event.EVALUATION_RELEASED: N_("released an evaluation"),
    Event.EVALUATION_ACKNOWLEDGED: N_("acknowledged an evaluation"),
    Event.EVALUATION_COMMENTED: N_("commented on an evaluation"),
    Event.PLAN_CHANGED: N_("changed a sampling plan"),
    Event.PLAN_DRAWN: N_("drew a sample"),
    Event.ASSIGNED: N_("assigned an evaluation"),
    Event.ASSIGNMENT_TAKEN: N_("took an evaluation"),
    Event.ASSIGNMENT_DECLINED: N_("gave an evaluation back"),
    Event.ASSIGNMENT_WITHDRAWN: N_("withdrew an evaluation"),
    Event.GATE_SET: N_("set what automatic answers must reach"),
    Event.GATE_MOVED: N_("let automatic answers count, or not"),
    Event.CALIBRATION_CALLED: N_("called a calibration"),
    Event.CALIBRATION_CLOSED: N_("closed a calibration"),
    Event.CALIBRATION_NOTED: N_("wrote down what a calibration gave"),
    Event.REPORT_EXPORTED: N_("exported a quality report"),
    Event.REPORT_SCHEDULED: N_("scheduled a quality report"),
    Event.DISPUTE_OPENED: N_("disputed an evaluation"),
    Event.DISPUTE_WITHDRAWN: N_("withdrew a dispute"),
    Event.DISPUTE_DECIDED: N_("decided a dispute"),
}
_REFUSALS = ("refuse", "fail", "lock")
_WEIGHTY = ("destroy", "erase", "shred", "reveal", "dispose")


def say(event: str) -> str:
    """In words."""
    known = next((words for each, words in EVENT.items() if each == event), None)
    return gettext(known) if known else event.replace(":", " ").replace("_", " ")


def tone(event: str) -> str:
    """How it stands out: refusals call for attention, what cannot be undone is marked, all else is quiet."""
    action = event.rpartition(":")[2]
    if action in _REFUSALS:
        return "attention"
    return "bad" if action in _WEIGHTY else "quiet"


def groups() -> list[tuple[str, list[Event]]]:
    """Every event, by where it belongs."""
    found: dict[str, list[Event]] = {}
    for event in Event:
        found.setdefault(gettext(GROUPS.get(event.partition(":")[0], N_("Other"))), []).append(event)
    return list(found.items())
