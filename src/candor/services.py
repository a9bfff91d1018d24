"""Every room, opened: what wiring fills and the doors read.

It stands on a floor of its own, below the doors and above the rooms, so that pages, API and commands share one
record and no door imports another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from candor.access.groups import Groups
from candor.access.service import Access
from candor.audit.log import AuditLog
from candor.capture.control import RecorderClient
from candor.consent.service import Consent
from candor.kit.database import Database
from candor.pipeline.announcing import Announcing
from candor.pipeline.assigning import Assigning
from candor.pipeline.calibrating import Calibrating
from candor.pipeline.coaching import Coaching
from candor.pipeline.completeness import Completeness
from candor.pipeline.consenting import Consenting
from candor.pipeline.desk import Desk
from candor.pipeline.disposing import Disposing
from candor.pipeline.disputing import Disputing
from candor.pipeline.evaluating import Evaluating
from candor.pipeline.evidence import Evidence
from candor.pipeline.gate import House
from candor.pipeline.holding import Holding
from candor.pipeline.intake import Intake
from candor.pipeline.keeping import Keeping
from candor.pipeline.library import Library
from candor.pipeline.persons import Persons
from candor.pipeline.places import Places
from candor.pipeline.reporting import Reporting
from candor.pipeline.rescoring import Rescoring
from candor.pipeline.revealing import Revealing
from candor.pipeline.scorecards import Scorecards
from candor.pipeline.scores import Scores
from candor.pipeline.scoring import Scoring
from candor.pipeline.shelf import Shelf
from candor.pipeline.subject_requests import SubjectRequests
from candor.pipeline.telephony import Telephony
from candor.pipeline.trusting import Trusting
from candor.pipeline.workplaces import Workplaces
from candor.replay.gaps import Gaps
from candor.replay.service import Replay
from candor.vault.retention.service import Schedules

if TYPE_CHECKING:
    from candor.access.oidc import Provider


@dataclass(frozen=True, kw_only=True)
class Services:
    """What a door may use."""

    database: Database
    access: Access
    groups: Groups = field(default_factory=lambda: Groups({}))
    """What groups of the identity provider give."""
    provider: Provider | None = None
    """The identity provider; None where people log in here alone."""
    audit_log: AuditLog
    evidence: Evidence
    replay: Replay
    desk: Desk
    scores: Scores
    scoring: Scoring
    """What scorecards say of a conversation."""
    scorecards: Scorecards
    """Drafts and versions."""
    rescoring: Rescoring
    """Simulations, and judging past conversations anew."""
    evaluating: Evaluating
    """Forms that people fill in, and what becomes of them."""
    assigning: Assigning
    """Sampling plans, and who evaluates what."""
    disputing: Disputing
    """What agents say to their evaluations."""
    trusting: Trusting
    """Which questions' automatic answers count."""
    calibrating: Calibrating
    """Several people judge the same conversations and compare."""
    reporting: Reporting
    """Quality reports, made now or by schedule."""
    intake: Intake
    shelf: Shelf
    revealing: Revealing
    """Opens conversations unmasked, to those who gave a reason."""
    completeness: Completeness
    places: Places
    recorder: RecorderClient
    """Asks the recorder of this machine; calls raise Unavailable when none runs."""
    records: bool
    """Whether a recorder should run on this machine."""
    upload_limit: int
    """Bytes of the largest recording that is taken."""
    consent: Consent = field(default_factory=Consent)
    """What the law asks of a call."""
    consenting: Consenting
    announcing: Announcing
    workplaces: Workplaces
    """Where agents work, and the documents of each site."""
    telephony: Telephony
    """What dial plans ask and tell."""
    persons: Persons
    """Finds people over all channels."""
    holding: Holding
    """Legal holds."""
    disposing: Disposing
    """The one way by which a conversation is destroyed."""
    schedules: Schedules
    keeping: Keeping
    """What is due, and the sweep."""
    subject_requests: SubjectRequests
    gaps: Gaps
    """What costs agents points, and whether coaching helped."""
    coaching: Coaching
    library: Library
    """Clips, playlists and courses."""
    house: House = field(default_factory=House)
    """What holds for every call of this house; ``establishment`` is None until it is set."""
    enforced: bool = False
    """Whether calls are decided before they are recorded."""
    https: bool
    """Whether people come by https (through a proxy): cookies are then marked Secure."""
