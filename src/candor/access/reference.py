"""docs/reference/roles.md, written from the tables that decide."""

from __future__ import annotations

from candor.access.model import RIGHTS, Right, UserRole

_SEES = {
    UserRole.AGENT: "own conversations, as `CANDOR_AGENTS_SEE` says",
    UserRole.SUPERVISOR: "their team's",
}
_HEAD = """\
# Roles and rights

A right is a word of this table; a role is a column. The scopes of API tokens are the same words, and a token has at
most the rights of its person. What is not marked is not allowed. `tests/integration/test_routes_by_role.py` asks every
address of the API and of the pages as every role and holds the answers against `tests/vectors/access/routes.toml`.

"""
_REACH = """
## What each role sees

| role | unless the person's page says otherwise |
|---|---|
"""
_FOOT = """
*Everything*, or a *list of teams and queues*, can be set for every person but agents: on their page, by
`candor user reach`, by the API, or by groups of the identity provider. A conversation is within a list when its team
**or** its queue stands in it; an empty list shows nothing. List, search, text, sound, outline, export, scores, calls
that are being recorded and what needs attention obey it; pages about the whole house (completeness, the ledger,
quarantine, sources, the audit log, retention) open only to who sees everything. What lies outside a person's reach is
answered as if it were not there.

Agents can pause, resume and end their own calls while they are recorded, whatever they may see of them afterwards.
"""


def markdown() -> str:
    """The page: role × right, and what each role sees."""
    roles = list(UserRole)
    rows = [f"| right | {' | '.join(role.value for role in roles)} |", f"|---|{'---|' * len(roles)}"]
    for right in sorted(Right):
        marks = ("yes" if right in RIGHTS[role] else "" for role in roles)
        rows.append(f"| `{right.value}` | {' | '.join(marks)} |")
    sees = [f"| {role.value} | {_SEES.get(role, 'everything')} |" for role in roles]
    return _HEAD + "\n".join(rows) + "\n" + _REACH + "\n".join(sees) + "\n" + _FOOT
