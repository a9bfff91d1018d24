"""What the service says of itself: ServiceProviderConfig, ResourceTypes, Schemas (RFC 7643, 5 to 8)."""

from __future__ import annotations

from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_CORE = "urn:ietf:params:scim:schemas:core:2.0"
MOST = 200


def provider_config() -> dict[str, Any]:
    """What is supported."""
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"], "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST}, "changePassword": {"supported": False},
        "sort": {"supported": False}, "etag": {"supported": True},
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Bearer token", "description": "A token with user:provision.",
             "primary": True}
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": "/ServiceProviderConfig"},
    }  # fmt: skip


def resource_types() -> list[dict[str, Any]]:
    """Users and groups."""
    kinds: tuple[tuple[str, str, str, list[str]], ...] = (
        ("User", "/Users", USER, [ENTERPRISE]),
        ("Group", "/Groups", GROUP, []),
    )
    return [
        {
            "schemas": [f"{_CORE}:ResourceType"], "id": name, "name": name, "endpoint": place, "schema": schema,
            "schemaExtensions": [{"schema": each, "required": False} for each in extensions],
            "meta": {"resourceType": "ResourceType", "location": f"/ResourceTypes/{name}"},
        }
        for name, place, schema, extensions in kinds
    ]  # fmt: skip


def schemas() -> list[dict[str, Any]]:
    """The attributes that are kept; others are taken and forgotten, as RFC 7644, 3.3 allows."""
    name = _attribute(
        "name", kind="complex", parts=[_attribute(each) for each in ("formatted", "givenName", "familyName")]
    )
    emails = _attribute(
        "emails", kind="complex", many=True,
        parts=[_attribute("value"), _attribute("type"), _attribute("primary", kind="boolean")],
    )  # fmt: skip
    member = [_attribute("value", mutability="immutable"), _attribute("display", mutability="readOnly")]
    groups = _attribute("groups", kind="complex", many=True, mutability="readOnly", parts=member)
    user = [
        _attribute("userName", required=True, unique="server"), name, _attribute("displayName"), emails,
        _attribute("active", kind="boolean"), _attribute("externalId", exact=True), groups,
    ]  # fmt: skip
    group = [
        _attribute("displayName", required=True, unique="server"), _attribute("externalId", exact=True),
        _attribute("members", kind="complex", many=True, parts=member),
    ]  # fmt: skip
    found = (
        (USER, "User", user),
        (GROUP, "Group", group),
        (ENTERPRISE, "EnterpriseUser", [_attribute("employeeNumber")]),
    )
    return [
        {
            "schemas": [f"{_CORE}:Schema"], "id": urn, "name": title, "description": title, "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"/Schemas/{urn}"},
        }
        for urn, title, attributes in found
    ]  # fmt: skip


def _attribute(
    name: str, *, kind: str = "string", many: bool = False, required: bool = False, unique: str = "none",
    mutability: str = "readWrite", exact: bool = False, parts: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    told: dict[str, Any] = {
        "name": name, "type": kind, "multiValued": many, "required": required, "mutability": mutability,
        "returned": "default", "description": name,
    }  # fmt: skip
    if kind == "string":
        told |= {"caseExact": exact, "uniqueness": unique}
    if parts:
        told["subAttributes"] = parts
    return told
