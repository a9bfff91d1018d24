"""The words of keeping, for people."""

from __future__ import annotations

from candor.vault.disposal.store import ProposalState, Why
from candor.vault.requests.people import IdKind
from candor.vault.requests.store import ItemState, RequestKind
from candor.vault.retention.model import ConflictKind, Ground
from candor.web.i18n import N_

GROUND = {
    Ground.EXPLICIT: N_("explicit consent"), Ground.NOTICE: N_("announced"),
    Ground.NOT_REQUIRED: N_("no consent required"), Ground.UNKNOWN: N_("not decided"),
}  # fmt: skip
CONDITION = {
    "jurisdiction": N_("Place"), "sector": N_("Sector"), "consent": N_("Consent"), "purpose": N_("Purpose"),
    "queue": N_("Queue"), "channel": N_("Channel"),
}  # fmt: skip
CONFLICT = {
    ConflictKind.LAW: N_("The law asks for longer than it allows"),
    ConflictKind.BELOW_FLOOR: N_("The schedule destroys earlier than the law allows"),
    ConflictKind.ABOVE_CEILING: N_("The schedule keeps longer than the law allows"),
    ConflictKind.NO_SCHEDULE: N_("The law sets an end, and no schedule applies"),
}
WHY = {
    Why.RETENTION: N_("its time was over"), Why.REQUEST: N_("asked for by the person"),
    Why.QUARANTINE: N_("without proof of consent"),
}  # fmt: skip
PROPOSAL = {
    ProposalState.PROPOSED: N_("waits"), ProposalState.APPROVED: N_("approved"),
    ProposalState.REFUSED: N_("refused"), ProposalState.DONE: N_("destroyed"),
}  # fmt: skip
PROPOSAL_TONE = {
    ProposalState.PROPOSED: "attention", ProposalState.APPROVED: "accent", ProposalState.REFUSED: "quiet",
    ProposalState.DONE: "good",
}  # fmt: skip
KIND = {RequestKind.ACCESS: N_("Copy"), RequestKind.ERASURE: N_("Erasure")}
ITEM = {
    ItemState.FOUND: N_("found"), ItemState.LEFT_OUT: N_("left out"), ItemState.GIVEN: N_("in the copy"),
    ItemState.ERASED: N_("destroyed"), ItemState.EXCEPTED: N_("excepted"),
}  # fmt: skip
ITEM_TONE = {
    ItemState.FOUND: "accent", ItemState.LEFT_OUT: "quiet", ItemState.GIVEN: "good", ItemState.ERASED: "good",
    ItemState.EXCEPTED: "attention",
}  # fmt: skip
BY = {
    IdKind.NUMBER: N_("Telephone numbers"), IdKind.EMAIL: N_("E-mail addresses"), IdKind.NAME: N_("Names"),
    IdKind.ACCOUNT: N_("Accounts"),
}  # fmt: skip
STEP = {
    "received": N_("received"), "found": N_("looked again"), "verified": N_("identity verified"),
    "extended": N_("time lengthened"), "chosen": N_("looked at"), "copied": N_("copy made"), "erased": N_("erased"),
    "closed": N_("answered"), "held_back": N_("kept by a legal hold"), "let_go": N_("no longer kept"),
}  # fmt: skip
