"""People and groups as SCIM resources, and what a resource or a patch asks to be changed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from candor.access.people import UserInfo
from candor.access.scim.asking import Path, read_path
from candor.access.scim.schemas import ENTERPRISE, GROUP, PATCH, USER
from candor.errors import InvalidInput

Wanted = dict[str, Any]
"""Of a person: ``login``, ``name``, ``email``, ``external_id``, ``agent_id``, ``active``; only what is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInfo:
    """A group as it was provisioned."""

    id: str
    name: str
    external_id: str | None
    members: tuple[str, ...]
    created_at: datetime
    changed_at: datetime


def user_resource(who: UserInfo, external_id: str | None, created: datetime, changed: datetime,
                  groups: Iterable[GroupInfo]) -> dict[str, Any]:  # fmt: skip
    """A person."""
    told: dict[str, Any] = {
        "schemas": [USER, ENTERPRISE], "id": who.id, "userName": who.login, "displayName": who.name,
        "name": {"formatted": who.name}, "active": who.active,
        "groups": [{"value": each.id, "display": each.name} for each in groups],
        "meta": _meta("User", who.id, created, changed),
    }  # fmt: skip
    if external_id:
        told["externalId"] = external_id
    if who.email:
        told["emails"] = [{"value": who.email, "type": "work", "primary": True}]
    if who.agent_id:
        told[ENTERPRISE] = {"employeeNumber": who.agent_id}
    return told


def group_resource(group: GroupInfo, names: Mapping[str, str]) -> dict[str, Any]:
    """A group."""
    told: dict[str, Any] = {
        "schemas": [GROUP], "id": group.id, "displayName": group.name,
        "members": [{"value": each, "display": names.get(each, "")} for each in group.members],
        "meta": _meta("Group", group.id, group.created_at, group.changed_at),
    }  # fmt: skip
    if group.external_id:
        told["externalId"] = group.external_id
    return told


def wanted_of(resource: Mapping[str, Any]) -> Wanted:
    """What a whole resource asks for; raises InvalidInput. What it leaves out is empty then (RFC 7644, 3.5.1)."""
    given = {str(name).lower(): value for name, value in resource.items()}
    login = _text(given.get("username"))
    if not login:
        raise InvalidInput("userName is needed.", code="scim.invalidValue")
    extension = given.get(ENTERPRISE.lower())
    return {
        "login": login, "name": _name(given) or login, "email": _email(given.get("emails")),
        "external_id": _text(given.get("externalid")) or None, "active": _truth(given.get("active", True)),
        "agent_id": _text(extension.get("employeeNumber")) or None if isinstance(extension, Mapping) else None,
    }  # fmt: skip


def patched(body: Mapping[str, Any]) -> Wanted:
    """What the operations of a patch ask of a person, the last one counting; raises InvalidInput.

    Attributes that are not kept are passed over, as a provider may send all that it has.
    """
    wanted: Wanted = {}
    for verb, path, value in operations(body):
        if path is None:
            if not isinstance(value, Mapping):
                raise InvalidInput("An operation without a path has an object as its value.", code="scim.invalidValue")
            for name, part in value.items():
                _set(wanted, read_path(str(name)), part, verb)
        else:
            _set(wanted, path, value, verb)
    return wanted


def operations(body: Mapping[str, Any]) -> list[tuple[str, Path | None, Any]]:
    """(add, replace or remove; path; value) of each operation; raises InvalidInput."""
    if PATCH not in (body.get("schemas") or ()):
        raise InvalidInput("This is not a PatchOp message.", code="scim.invalidSyntax")
    given = body.get("Operations") or body.get("operations")
    if not isinstance(given, list) or not 0 < len(given) <= 1000:
        raise InvalidInput("A patch has 1 to 1000 operations.", code="scim.invalidSyntax")
    found = []
    for each in given:
        verb = str(each.get("op", "")).lower() if isinstance(each, Mapping) else ""
        if verb not in {"add", "replace", "remove"}:
            raise InvalidInput("An operation adds, replaces or removes.", code="scim.invalidSyntax")
        path = each.get("path")
        if verb == "remove" and not path:
            raise InvalidInput("What is removed needs a path.", code="scim.noTarget")
        found.append((verb, read_path(str(path)) if path else None, each.get("value")))
    return found


def members_of(value: object) -> tuple[str, ...]:
    """The ids in a list of members, or in one; raises InvalidInput."""
    many = value if isinstance(value, list) else [] if value is None else [value]
    found = [_text(each.get("value") if isinstance(each, Mapping) else each) for each in many]
    if not all(found):
        raise InvalidInput("A member is an object with a value.", code="scim.invalidValue")
    return tuple(dict.fromkeys(found))


def version_of(resource_id: str, changed: datetime) -> str:
    """The weak entity tag of a resource."""
    return f'W/"{hashlib.sha256(f"{resource_id} {changed.isoformat()}".encode()).hexdigest()[:16]}"'


def _set(wanted: Wanted, path: Path, value: Any, verb: str) -> None:
    gone = verb == "remove"
    if path.name == "active":
        wanted["active"] = False if gone else _truth(value)
    elif path.name == "username":
        wanted["login"] = _text(value)
    elif path.name == "displayname" or (path.name == "name" and path.part in ("formatted", None)):
        name = _name({"name": value}) if isinstance(value, Mapping) else _text(value)
        if name:
            wanted["name"] = name
    elif path.name == "externalid":
        wanted["external_id"] = None if gone else _text(value) or None
    elif path.name == "emails":
        wanted["email"] = None if gone else _text(value) or None if path.part == "value" else _email(value)
    elif path.name == "employeenumber":
        wanted["agent_id"] = None if gone else _text(value) or None
    elif path.name == "user" and isinstance(value, Mapping) and "employeeNumber" in value:
        wanted["agent_id"] = _text(value["employeeNumber"]) or None  # the extension as a whole: urn:…:2.0:User
    if "login" in wanted and not wanted["login"]:
        raise InvalidInput("userName cannot be empty.", code="scim.invalidValue")


def _name(given: Mapping[str, Any]) -> str:
    shown, name = _text(given.get("displayname")), given.get("name")
    if shown or not isinstance(name, Mapping):
        return shown
    parts = (_text(name.get("givenName")), _text(name.get("familyName")))
    return _text(name.get("formatted")) or " ".join(part for part in parts if part)


def _email(value: object) -> str | None:
    many = value if isinstance(value, list) else [value]
    found = [each for each in many if isinstance(each, Mapping)]
    best = next((each for each in found if each.get("primary") is True), found[0] if found else {})
    return _text(best.get("value"))[:254] or None


def _truth(value: object) -> bool:
    # Some providers write the truth as a text.
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidInput("active is true or false.", code="scim.invalidValue")


def _text(value: object) -> str:
    return value.strip()[:255] if isinstance(value, str) else ""


def _meta(kind: str, an_id: str, created: datetime, changed: datetime) -> dict[str, str]:
    return {
        "resourceType": kind, "created": created.isoformat(), "lastModified": changed.isoformat(),
        "location": f"/{kind}s/{an_id}", "version": version_of(an_id, changed),
    }  # fmt: skip
