"""What a group of the identity provider gives its members: a role, a team, what they see.

Shared by single sign-on (a claim of the log-in) and SCIM (groups that were provisioned). Written in the settings as
``{"QA": {"role": "evaluator", "queues": ["billing-en"]}, "Leads": {"role": "supervisor", "team": "Billing"}}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from candor.access.model import Breadth, UserRole
from candor.errors import InvalidInput

_KEYS = {"role", "team", "teams", "queues", "everything"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody gets from all their groups together."""

    role: UserRole
    team: str | None
    breadth: Breadth
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    role: UserRole
    team: str | None
    teams: tuple[str, ...]
    queues: tuple[str, ...]
    everything: bool


class Groups:
    """The rules, in the order in which they stand in the settings."""

    def __init__(self, rules: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises InvalidInput for a rule that cannot be read."""
        self._rules = {name: _read(name, rule) for name, rule in rules.items()}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def given(self, groups: Iterable[str]) -> Given | None:
        """What members of ``groups`` get; None when none of them is in the settings, and then nobody comes in.

        The first rule that fits says role and team; teams and queues to see add up; one with ``everything`` opens all.
        """
        names = set(groups)
        found = [rule for name, rule in self._rules.items() if name in names]
        if not found:
            return None
        teams = tuple(dict.fromkeys(team for rule in found for team in rule.teams))
        queues = tuple(dict.fromkeys(queue for rule in found for queue in rule.queues))
        role = found[0].role
        breadth = Breadth.LISTED if teams or queues else Breadth.ROLE
        if any(rule.everything for rule in found):
            breadth = Breadth.EVERYTHING
        if role is UserRole.AGENT:
            breadth = Breadth.ROLE
        listed = breadth is Breadth.LISTED
        return Given(
            role=role, team=next((rule.team for rule in found if rule.team), None), breadth=breadth,
            teams=teams if listed else (), queues=queues if listed else (),
        )  # fmt: skip


def _read(name: str, rule: Mapping[str, Any]) -> _Rule:
    unknown = set(rule) - _KEYS
    try:
        role = UserRole(rule.get("role", ""))
    except ValueError:
        raise _wrong(name, f"its role is one of {', '.join(UserRole)}") from None
    if unknown:
        raise _wrong(name, f"it holds only {', '.join(sorted(_KEYS))}")
    lists = [rule.get(key, ()) for key in ("teams", "queues")]
    if any(isinstance(each, str) or not all(isinstance(one, str) and one for one in each) for each in lists):
        raise _wrong(name, "teams and queues are lists of names")
    if not isinstance(rule.get("everything", False), bool) or not isinstance(rule.get("team") or "", str):
        raise _wrong(name, "team is a name, everything is true or false")
    return _Rule(
        role=role, team=rule.get("team") or None, teams=tuple(lists[0]), queues=tuple(lists[1]),
        everything=rule.get("everything", False),
    )  # fmt: skip


def _wrong(name: str, what: str) -> InvalidInput:
    return InvalidInput(f'The group "{name}" in CANDOR_GROUPS cannot be read: {what}.', code="settings.groups")
