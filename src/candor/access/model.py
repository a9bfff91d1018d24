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
    CONVERSATION_RETRY = "conversation:retry"
    """Run a stage again, transcribe again."""
    SCORE_OVERRIDE = "score:override"
    VIEW_SHARE = "view:share"
    """Save a view for everyone."""
    HEALTH_READ = "health:read"
    """Needs attention, queues, workers."""
    USER_MANAGE = "user:manage"


_ALL = frozenset(Right)
_READ = frozenset({Right.CONVERSATION_READ})

RIGHTS: dict[UserRole, frozenset[Right]] = {
    UserRole.AGENT: _READ,
    UserRole.SUPERVISOR: _READ
    | {Right.CONVERSATION_EXPORT, Right.CONVERSATION_RETRY, Right.SCORE_OVERRIDE, Right.VIEW_SHARE, Right.HEALTH_READ},
    UserRole.EVALUATOR: _READ | {Right.SCORE_OVERRIDE, Right.VIEW_SHARE},
    UserRole.TRAINER: _READ,
    UserRole.COMPLIANCE: _READ | {Right.CONVERSATION_EXPORT, Right.HEALTH_READ, Right.VIEW_SHARE},
    UserRole.AUDITOR: _READ | {Right.HEALTH_READ},
    UserRole.ADMINISTRATOR: _ALL,
}


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

    def may(self, right: Right) -> bool:
        """For showing or hiding a control; every door still calls :meth:`require`."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raise Forbidden without ``right``."""
        if right not in self.rights:
            raise Forbidden(f'This needs the right "{right}", which your role or token does not have.')
