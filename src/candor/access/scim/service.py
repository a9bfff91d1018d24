"""The verbs of provisioning. Every change ends what it must (log-ins, tokens) in the same unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from candor.access import arriving, store
from candor.access.groups import Given, Groups
from candor.access.identities import user_group, user_group_member
from candor.access.model import Breadth, UserRole
from candor.access.people import People, UserInfo
from candor.access.scim import resources
from candor.access.scim.asking import Equals, read_filter
from candor.access.scim.resources import GroupInfo, Wanted
from candor.access.scim.schemas import LIST, MOST
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id

SOURCE = "scim"
_GONE = "scim-gone"
"""Deleted at the provider: kept, since the log names them, and out of its sight; provisioned anew, they are back."""
_OURS = (SOURCE, arriving.SOURCE)
_NOTHING_GIVEN = Given(role=UserRole.AGENT, team=None, breadth=Breadth.ROLE)
_USER_FILTERS = {
    "username": "login",
    "externalid": "external_id",
    "id": "id",
    "emails": "email",
    "emails.value": "email",
}


class Scim:
    """Provisions people and groups."""

    def __init__(self, people: People, groups: Groups) -> None:
        self._people, self._groups = people, groups

    def user(self, uow: UnitOfWork, user_id: str) -> dict[str, Any]:
        """One person; raises NotFound."""
        row = self._row(uow, user_id)
        return self._told(uow, row, self._groups_of(uow, user_id))

    def users(self, uow: UnitOfWork, asked: str | None, start: int, count: int) -> dict[str, Any]:
        """A page of those who fit the filter, by id; ``start`` counts from 1. Raises InvalidInput."""
        wanted = read_filter(asked)
        query = select(store.user).where(store.user.c.source.in_(_OURS))
        if wanted is not None:
            query = query.where(_user_condition(wanted))
        total = uow.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        start, count = max(1, start), max(0, min(count, MOST))
        rows = uow.execute(query.order_by(store.user.c.id).offset(start - 1).limit(count)).all() if count else []
        found = [self._told(uow, row, self._groups_of(uow, row.id)) for row in rows]
        return _page(found, int(total), start)

    def create_user(self, uow: UnitOfWork, resource: Mapping[str, Any]) -> dict[str, Any]:
        """A new person, or one who was deleted, or who came by single sign-on before; raises InvalidInput, Conflict."""
        wanted = resources.wanted_of(resource)
        known = store.user_by_login(uow, wanted["login"])
        if known is not None and known.source not in (_GONE, arriving.SOURCE):
            raise Conflict("There is a person of this userName.", code="scim.uniqueness")
        if known is None:
            user_id = self._people.add(
                uow, login=wanted["login"], name=wanted["name"], role=UserRole.AGENT, password=None,
                email=wanted["email"], external_id=wanted["external_id"], agent_id=wanted["agent_id"], source=SOURCE,
                active=wanted["active"],
            )  # fmt: skip
        else:
            user_id = known.id
            self._people.change(uow, user_id, source=SOURCE)
            self._change(uow, user_id, wanted)
        self._give(uow, [user_id])
        return self.user(uow, user_id)

    def replace_user(self, uow: UnitOfWork, user_id: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        """A person as the whole resource says; raises NotFound, InvalidInput, Conflict."""
        self._row(uow, user_id)
        self._change(uow, user_id, resources.wanted_of(resource))
        return self.user(uow, user_id)

    def patch_user(self, uow: UnitOfWork, user_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A person changed as the operations say; raises NotFound, InvalidInput, Conflict."""
        self._row(uow, user_id)
        self._change(uow, user_id, resources.patched(body))
        return self.user(uow, user_id)

    def delete_user(self, uow: UnitOfWork, user_id: str) -> None:
        """Out at once, and out of the provider's sight; raises NotFound, Conflict for the last administrator."""
        self._row(uow, user_id)
        self._people.set_active(uow, user_id, active=False)
        uow.execute(delete(user_group_member).where(user_group_member.c.user_id == user_id))
        self._people.change(uow, user_id, source=_GONE, external_id=None)

    def group(self, uow: UnitOfWork, group_id: str) -> dict[str, Any]:
        """One group; raises NotFound."""
        return resources.group_resource(self._group(uow, group_id), self._names(uow))

    def groups(self, uow: UnitOfWork, asked: str | None, start: int, count: int) -> dict[str, Any]:
        """A page of those who fit the filter, by id. Raises InvalidInput."""
        wanted = read_filter(asked)
        query = select(user_group)
        if wanted is not None:
            column = {"displayname": user_group.c.name, "externalid": user_group.c.external_id, "id": user_group.c.id}
            if wanted.attribute not in column:
                raise InvalidInput("Groups are found by displayName, externalId or id.", code="scim.invalidFilter")
            query = query.where(column[wanted.attribute] == wanted.value)
        total = uow.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        start, count = max(1, start), max(0, min(count, MOST))
        rows = uow.execute(query.order_by(user_group.c.id).offset(start - 1).limit(count)).all() if count else []
        names = self._names(uow)
        return _page([resources.group_resource(self._info(uow, row), names) for row in rows], int(total), start)

    def create_group(self, uow: UnitOfWork, resource: Mapping[str, Any]) -> dict[str, Any]:
        """A new group; raises InvalidInput, Conflict."""
        name = _group_name(resource.get("displayName"))
        self._free(uow, name)
        members, now = resources.members_of(resource.get("members")), clock.to_column(clock.now())
        group_id, external = new_id(), resource.get("externalId")
        uow.execute(
            insert(user_group).values(
                id=group_id, name=name, external_id=external[:255] if isinstance(external, str) else None,
                created_at=now, changed_at=now,
            )
        )  # fmt: skip
        self._put_members(uow, group_id, members)
        self._give(uow, members)
        return self.group(uow, group_id)

    def replace_group(self, uow: UnitOfWork, group_id: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        """A group as the whole resource says; raises NotFound, InvalidInput, Conflict."""
        before = self._group(uow, group_id)
        name, external = _group_name(resource.get("displayName")), resource.get("externalId")
        self._free(uow, name, but=group_id)
        self._touch(uow, group_id, name=name, external_id=external[:255] if isinstance(external, str) else None)
        members = resources.members_of(resource.get("members"))
        self._put_members(uow, group_id, members)
        self._give(uow, {*before.members, *members})
        return self.group(uow, group_id)

    def patch_group(self, uow: UnitOfWork, group_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A group changed as the operations say; raises NotFound, InvalidInput, Conflict."""
        before = self._group(uow, group_id)
        members, name = dict.fromkeys(before.members), before.name
        for verb, path, value in resources.operations(body):
            if path is None:
                given = value if isinstance(value, Mapping) else {}
                name = _group_name(given.get("displayName", name))
                if "members" in given:
                    members = _changed(members, verb, resources.members_of(given["members"]))
            elif path.name == "displayname":
                name = _group_name(value)
            elif path.name == "members":
                these = (path.where.value,) if path.where else resources.members_of(value)
                everyone = verb == "remove" and path.where is None and value is None
                members = {} if everyone else _changed(members, verb, these)
        self._free(uow, name, but=group_id)
        self._touch(uow, group_id, name=name)
        self._put_members(uow, group_id, tuple(members))
        self._give(uow, {*before.members, *members})
        return self.group(uow, group_id)

    def delete_group(self, uow: UnitOfWork, group_id: str) -> None:
        """Forget a group; its members lose what it gave. Raises NotFound."""
        before = self._group(uow, group_id)
        uow.execute(delete(user_group_member).where(user_group_member.c.group_id == group_id))
        uow.execute(delete(user_group).where(user_group.c.id == group_id))
        self._give(uow, before.members)

    def _change(self, uow: UnitOfWork, user_id: str, wanted: Wanted) -> None:
        values = {name: value for name, value in wanted.items() if name != "active"}
        if values:
            self._people.change(uow, user_id, **values)
        active = wanted.get("active")
        if active is not None and active is not self._people.row(uow, user_id).active:
            self._people.set_active(uow, user_id, active=active)

    def _give(self, uow: UnitOfWork, user_ids: Iterable[str]) -> None:
        """Give people what their groups say, where groups say anything at all."""
        if not self._groups:
            return
        for user_id in user_ids:
            known = self._people.get(uow, user_id)
            given = self._groups.given(each.name for each in self._groups_of(uow, user_id))
            arriving.apply(uow, self._people, known, given or _NOTHING_GIVEN, SOURCE)

    def _row(self, uow: UnitOfWork, user_id: str) -> Any:
        row = store.user_by_id(uow, user_id)
        if row is None or row.source not in _OURS:
            raise NotFound("There is no such person.", code="scim.user")
        return row

    def _told(self, uow: UnitOfWork, row: Any, groups: list[GroupInfo]) -> dict[str, Any]:
        who: UserInfo = self._people.get(uow, row.id)
        created = clock.from_column(row.created_at)
        changed = clock.from_column(row.changed_at or row.created_at)
        return resources.user_resource(who, row.external_id, created, changed, groups)

    def _groups_of(self, uow: UnitOfWork, user_id: str) -> list[GroupInfo]:
        query = (
            select(user_group)
            .join(user_group_member, user_group_member.c.group_id == user_group.c.id)
            .where(user_group_member.c.user_id == user_id)
            .order_by(user_group.c.name)
        )
        return [_group_info(row, ()) for row in uow.execute(query)]

    def _group(self, uow: UnitOfWork, group_id: str) -> GroupInfo:
        row = uow.execute(select(user_group).where(user_group.c.id == group_id)).one_or_none()
        if row is None:
            raise NotFound("There is no such group.", code="scim.group")
        return self._info(uow, row)

    def _info(self, uow: UnitOfWork, row: Any) -> GroupInfo:
        member = user_group_member.c
        query = select(member.user_id).where(member.group_id == row.id).order_by(member.user_id)
        return _group_info(row, tuple(uow.execute(query).scalars()))

    def _names(self, uow: UnitOfWork) -> dict[str, str]:
        return {row.id: row.name for row in store.all_users(uow)}

    def _free(self, uow: UnitOfWork, name: str, but: str | None = None) -> None:
        found = uow.execute(select(user_group.c.id).where(user_group.c.name == name)).scalar_one_or_none()
        if found is not None and found != but:
            raise Conflict("There is a group of this displayName.", code="scim.uniqueness")

    def _touch(self, uow: UnitOfWork, group_id: str, **values: Any) -> None:
        now = clock.to_column(clock.now())
        uow.execute(update(user_group).where(user_group.c.id == group_id).values(changed_at=now, **values))

    def _put_members(self, uow: UnitOfWork, group_id: str, members: Iterable[str]) -> None:
        uow.execute(delete(user_group_member).where(user_group_member.c.group_id == group_id))
        rows = [{"group_id": group_id, "user_id": self._row(uow, each).id} for each in members]
        if rows:
            uow.execute(insert(user_group_member), rows)


def _changed(members: dict[str, None], verb: str, these: Iterable[str]) -> dict[str, None]:
    if verb == "remove":
        gone = set(these)
        return {each: None for each in members if each not in gone}
    return dict.fromkeys(these) if verb == "replace" else members | dict.fromkeys(these)


def _user_condition(wanted: Equals) -> Any:
    if wanted.attribute == "active":
        return store.user.c.active.is_(wanted.value == "true")
    if wanted.attribute not in _USER_FILTERS:
        raise InvalidInput("People are found by userName, externalId, emails, active or id.", code="scim.invalidFilter")
    column = store.user.c[_USER_FILTERS[wanted.attribute]]
    if column.name in ("login", "email"):  # case does not count in them (RFC 7643, 4.1.1)
        return func.lower(column) == wanted.value.lower()
    return column == wanted.value


def _group_info(row: Any, members: tuple[str, ...]) -> GroupInfo:
    return GroupInfo(
        id=row.id, name=row.name, external_id=row.external_id, members=members,
        created_at=clock.from_column(row.created_at), changed_at=clock.from_column(row.changed_at),
    )  # fmt: skip


def _group_name(value: object) -> str:
    name = value.strip()[:255] if isinstance(value, str) else ""
    if not name:
        raise InvalidInput("displayName is needed.", code="scim.invalidValue")
    return name


def _page(found: list[dict[str, Any]], total: int, start: int) -> dict[str, Any]:
    return {
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": len(found), "Resources": found,
    }  # fmt: skip
