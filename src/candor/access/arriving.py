"""Somebody comes back from the identity provider: who that is here, and what their groups give.

The first time, a person is made. Who is here already is recognised by the log-in name, but only when nobody could
borrow it: the provider has verified the e-mail address, or the account has no password and so can come in no other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from candor.access import identities
from candor.access.groups import Given, Groups
from candor.access.people import People, UserInfo
from candor.errors import Forbidden, NotFound
from candor.kit.database import UnitOfWork

if TYPE_CHECKING:
    from candor.access.oidc import Identity

SOURCE = "sso"
_SCIM = "scim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Who came."""

    user_id: str
    made: bool
    """Whether the person is new here."""
    changed: bool
    """Whether role, team or reach are others than before."""


def arrive(uow: UnitOfWork, people: People, groups: Groups, who: Identity) -> Arrival:
    """The person behind an identity; raises Forbidden when no group of theirs is in the settings, or it is not safe."""
    given = groups.given(who.groups)
    user_id = identities.user_of(uow, who.issuer, who.subject)
    known = _get(people, uow, user_id) or _by_login(people, uow, who.login)
    if known is None:
        if given is None:
            raise _unmapped()
        made = people.add(
            uow, login=who.login, name=who.name, role=given.role, password=None, team=given.team, email=who.email,
            source=SOURCE,
        )  # fmt: skip
        people.set_reach(uow, made, given.breadth, given.teams, given.queues)
        identities.link(uow, who.issuer, who.subject, made)
        return Arrival(user_id=made, made=True, changed=True)
    if known.id != user_id:
        if known.has_password and not who.verified:
            raise Forbidden(
                "Somebody has this log-in name here, and your identity provider does not vouch for it.",
                code="oidc.taken",
                advice="Ask an administrator.",
            )
        identities.link(uow, who.issuer, who.subject, known.id)
    if known.source == _SCIM:
        return Arrival(user_id=known.id, made=False, changed=False)  # its groups are those that were provisioned
    if given is None:
        raise _unmapped()
    return Arrival(user_id=known.id, made=False, changed=apply(uow, people, known, given, SOURCE))


def apply(uow: UnitOfWork, people: People, known: UserInfo, given: Given, source: str) -> bool:
    """Give a person what their groups say; False when they have exactly that.

    Raises Conflict when no administrator would be left.
    """
    wanted = (given.role, given.team, given.breadth, given.teams, given.queues)
    has = (known.role, known.team, known.reach.breadth, known.reach.teams, known.reach.queues)
    if wanted == has and known.source == source:
        return False
    people.change(uow, known.id, role=given.role, team=given.team, source=source)
    people.set_reach(uow, known.id, given.breadth, given.teams, given.queues)
    return wanted != has


def _get(people: People, uow: UnitOfWork, user_id: str | None) -> UserInfo | None:
    return None if user_id is None else people.get(uow, user_id)


def _by_login(people: People, uow: UnitOfWork, login: str) -> UserInfo | None:
    try:
        return people.by_login(uow, login)
    except NotFound:
        return None


def _unmapped() -> Forbidden:
    return Forbidden(
        "Your identity provider knows you, but none of your groups may use Candor.",
        code="oidc.unmapped",
        advice="Ask an administrator to give you one of the groups that may.",
    )
