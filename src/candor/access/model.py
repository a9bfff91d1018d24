"""Roles, rights and the person (or program) behind a request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from candor.errors import Forbidden


class UserRole(StrEnum):
    """What a person does here."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    EVALUATOR = "evaluator"
    TRAINER = "trainer"
    COMPLIANCE = "compliance"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What can be allowed, ``noun:verb``; the scopes of API tokens are the same words."""

    CONVERSATION_READ = "conversation:read"
    """See metadata, the redacted transcript and analysis, hear redacted sound, within one's scope."""
    CONVERSATION_IMPORT = "conversation:import"
    CONVERSATION_EXPORT = "conversation:export"
    CONVERSATION_REVEAL = "conversation:reveal"
    """Open unmasked text and sound, for a reason and for a while."""
    CONVERSATION_HISTORY = "conversation:history"
    """See who opened, exported and unmasked a conversation, and why."""
    CONVERSATION_RETRY = "conversation:retry"
    """Run a stage again, transcribe again."""
    SCORE_OVERRIDE = "score:override"
    SCORECARD_MANAGE = "scorecard:manage"
    """Draft, simulate, publish and retire scorecards; say from what agreement automatic answers count."""
    EVALUATION_WRITE = "evaluation:write"
    """Evaluate conversations by hand, grade evaluations, take part in calibrations."""
    EVALUATION_ASSIGN = "evaluation:assign"
    """Make sampling plans, hand evaluations to people, release them to agents."""
    EVALUATION_ANSWER = "evaluation:answer"
    """For agents: judge one's own conversations, acknowledge, comment on and dispute one's own evaluations."""
    DISPUTE_REVIEW = "dispute:review"
    """Decide on a disputed evaluation that is not one's own."""
    CALIBRATION_MANAGE = "calibration:manage"
    """Call calibration sessions, set the reference, write down what came of them."""
    QUALITY_READ = "quality:read"
    """See scores, agreement, strictness, gaps and reports of those within one's scope."""
    COACHING_WRITE = "coaching:write"
    """Coach: sessions, goals, plans, private notes, for agents within one's scope."""
    LIBRARY_MANAGE = "library:manage"
    """Put clips into the training library; make courses and assign them."""
    VIEW_SHARE = "view:share"
    """Save a view for everyone."""
    HEALTH_READ = "health:read"
    """Needs attention, queues, workers."""
    COMPLETENESS_READ = "completeness:read"
    """See how the phone system's call lists and the recordings differ."""
    COMPLETENESS_MANAGE = "completeness:manage"
    """Hand in call lists, hold them against the recordings, close differences with a reason."""
    CONSENT_READ = "consent:read"
    """Ask what the law asks of a call, see the rules and what was changed of them."""
    CONSENT_WRITE = "consent:write"
    """Tell what callers and employees said of being recorded: for phone systems, desktops and forms."""
    CONSENT_MANAGE = "consent:manage"
    """Override rules of the consent engine, resolve quarantine."""
    RETENTION_READ = "retention:read"
    """See schedules, holds, requests of data subjects, and what was destroyed."""
    RETENTION_MANAGE = "retention:manage"
    """Draft schedules and put them into effect, settle conflicts with the law, sweep."""
    HOLD_MANAGE = "hold:manage"
    """Place and release legal holds."""
    REQUEST_MANAGE = "request:manage"
    """Take and answer requests of data subjects: copies and erasure."""
    DISPOSAL_APPROVE = "disposal:approve"
    """Be the second person who approves what is destroyed."""
    AUDIT_READ = "audit:read"
    """See the audit log of the whole house, verify it, take it along."""
    KEYS_READ = "keys:read"
    """See which master keys there are, how far an exchange is, when the last backup was made and verified."""
    AUDIT_MANAGE = "audit:manage"
    """Sign checkpoints, erase reasons that name people, explain what the log cannot know."""
    EVIDENCE_EXPORT = "evidence:export"
    """Take a conversation along as evidence, with its original sound; asks for a reason."""
    CAPTURE_CONTROL = "capture:control"
    """Pause, resume and end calls that are being recorded, within one's scope."""
    USER_MANAGE = "user:manage"
    """Add and change people, teams, roles and reach; end log-in sessions; take second factors away."""
    USER_PROVISION = "user:provision"
    """SCIM 2.0: for the identity provider's token alone."""


_ALL = frozenset(Right)
_READ = frozenset({Right.CONVERSATION_READ})

RIGHTS: dict[UserRole, frozenset[Right]] = {
    UserRole.AGENT: _READ | {Right.CAPTURE_CONTROL, Right.EVALUATION_ANSWER},
    UserRole.SUPERVISOR: _READ
    | {
        Right.CONVERSATION_EXPORT,
        Right.CONVERSATION_HISTORY,
        Right.CONVERSATION_RETRY,
        Right.SCORE_OVERRIDE,
        Right.SCORECARD_MANAGE,
        Right.EVALUATION_WRITE,
        Right.EVALUATION_ASSIGN,
        Right.DISPUTE_REVIEW,
        Right.CALIBRATION_MANAGE,
        Right.QUALITY_READ,
        Right.COACHING_WRITE,
        Right.LIBRARY_MANAGE,
        Right.VIEW_SHARE,
        Right.HEALTH_READ,
        Right.COMPLETENESS_READ,
        Right.CONSENT_READ,
        Right.CAPTURE_CONTROL,
    },
    UserRole.EVALUATOR: _READ
    | {
        Right.SCORE_OVERRIDE,
        Right.SCORECARD_MANAGE,
        Right.EVALUATION_WRITE,
        Right.DISPUTE_REVIEW,
        Right.CALIBRATION_MANAGE,
        Right.QUALITY_READ,
        Right.VIEW_SHARE,
    },
    UserRole.TRAINER: _READ | {Right.QUALITY_READ, Right.COACHING_WRITE, Right.LIBRARY_MANAGE},
    UserRole.COMPLIANCE: _READ
    | {
        Right.CONVERSATION_EXPORT,
        Right.CONVERSATION_REVEAL,
        Right.CONVERSATION_HISTORY,
        Right.VIEW_SHARE,
        Right.HEALTH_READ,
        Right.COMPLETENESS_READ,
        Right.COMPLETENESS_MANAGE,
        Right.CONSENT_READ,
        Right.CONSENT_WRITE,
        Right.CONSENT_MANAGE,
        Right.RETENTION_READ,
        Right.RETENTION_MANAGE,
        Right.HOLD_MANAGE,
        Right.REQUEST_MANAGE,
        Right.DISPOSAL_APPROVE,
        Right.EVIDENCE_EXPORT,
        Right.KEYS_READ,
    },
    UserRole.AUDITOR: _READ
    | {Right.AUDIT_READ}
    | {
        Right.CONVERSATION_HISTORY,
        Right.HEALTH_READ,
        Right.COMPLETENESS_READ,
        Right.CONSENT_READ,
        Right.RETENTION_READ,
        Right.KEYS_READ,
    },
    UserRole.ADMINISTRATOR: _ALL,
}


class OwnCalls(StrEnum):
    """Which of their own conversations agents see: the policy of the house."""

    ALL = "all"
    EVALUATED = "evaluated"
    """Those that a person has evaluated."""
    NONE = "none"


class Breadth(StrEnum):
    """Where a person's reach comes from."""

    ROLE = "role"
    """Supervisors see their own team's conversations, agents their own, all others everything."""
    EVERYTHING = "everything"
    LISTED = "listed"
    """Those of the teams and of the queues given: of any of them. None given: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which conversations somebody sees. Agents see their own, whatever else stands here."""

    breadth: Breadth = Breadth.ROLE
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    own: OwnCalls = OwnCalls.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: a logged-in person, or a program with a token of that person."""

    user_id: str
    login: str
    name: str
    role: UserRole
    rights: frozenset[Right]
    """Of the role, narrowed by the token's scopes when it came with one."""
    team: str | None = None
    agent_id: str | None = None
    token_id: str | None = None
    reach: Reach = Reach()

    def may(self, right: Right) -> bool:
        """For showing or hiding a control; every door still calls :meth:`require`."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raise Forbidden without ``right``."""
        if right not in self.rights:
            raise Forbidden(f'This needs the right "{right}", which your role or token does not have.')
