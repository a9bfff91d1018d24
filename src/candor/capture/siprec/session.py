"""What a recording session tells of its call: metadata and offer, put together as call facts. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from candor.capture.model import CallFacts, Participant, Stream
from candor.capture.sip.headers import Headers
from candor.capture.siprec.model import Metadata, speakers
from candor.capture.siprec.model import Participant as Described
from candor.conversation.model import Direction, Role

_USER = re.compile(r"^(?:sips?|tel):(?://)?([^@;?]+)|^([^@;?:/]+)(?=[@;?]|$)", re.IGNORECASE)
_NUMBER = re.compile(r"^\+?[0-9().\-]{2,}$")
_QUEUE = ("queue", "queuename", "skill", "huntgroup", "callcenter")
_CALL_ID_HEADERS = ("X-Avaya-UCID", "Cisco-Guid", "X-Genesys-CallUUID", "X-Call-ID")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """How agents are told from customers: whose address matches is one of ours."""

    agents: tuple[re.Pattern[str], ...] = (re.compile(r"^[A-Za-z]{0,2}\d{2,6}$"),)
    """Matched against the user part of the address of record."""

    def is_agent(self, user: str | None) -> bool:
        """Whether the user part of an address is an agent's."""
        return user is not None and any(pattern.search(user) for pattern in self.agents)


def user_of(aor: str | None) -> str | None:
    """The user part of a SIP or tel address, or of one without a scheme, as media streams tell numbers."""
    found = _USER.match((aor or "").strip())
    return None if found is None else found[1] or found[2]


def facts(
    *, an_id: str, source: str, started_at: datetime, metadata: Metadata | None, headers: Headers,
    streams: Sequence[Stream], house: House,
) -> CallFacts:  # fmt: skip
    """Everything that is known: parties with their streams joined by the metadata, never by position."""
    session = metadata.sessions[0] if metadata and metadata.sessions else None
    people = () if metadata is None else _people(metadata, house)
    return CallFacts(
        id=an_id, source=source, protocol="siprec", started_at=started_at,
        external_id=_external_id(metadata, headers),
        direction=_direction(metadata, people), queue=_said(metadata, *_QUEUE), team=_said(metadata, "team"),
        group=(session.group if session else None) or (metadata.groups[0].id if metadata and metadata.groups else None),
        streams=tuple(streams), participants=people,
    )  # fmt: skip


def _said(metadata: Metadata | None, *names: str) -> str | None:
    """The first of the vendor values of the call that has one of ``names`` (small letters)."""
    if metadata is None:
        return None
    for extension in (*(one.extension for one in metadata.sessions), metadata.extension):
        known = {key.lower(): value for key, value in extension.items()}
        for name in names:
            if known.get(name):
                return known[name][:255]
    return None


def _external_id(metadata: Metadata | None, headers: Headers) -> str | None:
    extension: dict[str, str] = {}
    if metadata is not None:
        for said in (
            metadata.extension,
            *(one.extension for one in metadata.sessions),
            *(one.extension for one in metadata.participants),
        ):
            extension |= {key.lower(): value for key, value in said.items()}
    from_headers = next((headers.get(name) for name in _CALL_ID_HEADERS if headers.get(name)), None)
    session = metadata.sessions[0] if metadata and metadata.sessions else None
    local = session.sip_session_ids[0].partition(";")[0] if session and session.sip_session_ids else None
    found = (
        extension.get("ucid") or from_headers or extension.get("callid") or local
        or (session.id if session else None) or headers.get("Call-ID")
    )  # fmt: skip
    return None if found is None else found.strip()[:255]


def _people(metadata: Metadata, house: House) -> tuple[Participant, ...]:
    sends: dict[str, list[str]] = {}
    for label, ids in speakers(metadata, ever=True).items():
        for an_id in ids:
            sends.setdefault(an_id, []).append(label)
    roles = _roles(metadata, house)
    return tuple(
        Participant(
            id=one.id, aor=one.aor, name=one.name, role=roles[one.id],
            agent_id=user_of(one.aor) if roles[one.id] is Role.AGENT else None,
            sends=tuple(sends.get(one.id, ())), joined_at=metadata.joined_at(one.id), left_at=metadata.left_at(one.id),
        )
        for one in metadata.participants
    )  # fmt: skip


def _roles(metadata: Metadata, house: House) -> dict[str, Role]:
    """Ours are agents; when there are some, a telephone number that is not ours is the customer."""
    ours = {one.id for one in metadata.participants if house.is_agent(user_of(one.aor))}
    if len(ours) == len(metadata.participants):
        return {one.id: Role.AGENT for one in metadata.participants}

    def role(one: Described) -> Role:
        if one.id in ours:
            return Role.AGENT
        number = user_of(one.aor)
        return Role.CUSTOMER if ours and number and _NUMBER.match(number) else Role.UNKNOWN

    return {one.id: role(one) for one in metadata.participants}


def _direction(metadata: Metadata | None, people: tuple[Participant, ...]) -> Direction:
    """Who called whom, where the vendor says who called (Oracle's ``callingParty``) and who is ours is known."""
    if metadata is None:
        return Direction.UNKNOWN
    named = (_said(metadata, "direction", "calldirection") or "").lower()
    if named in {"inbound", "outbound", "internal"}:
        return Direction(named)
    roles = {one.role for one in people}
    if people and roles == {Role.AGENT}:
        return Direction.INTERNAL
    for one in metadata.participants:
        said = {key.lower(): value.lower() for key, value in one.extension.items()}.get("callingparty")
        if said == "true":
            role = next((p.role for p in people if p.id == one.id), Role.UNKNOWN)
            return {Role.AGENT: Direction.OUTBOUND, Role.CUSTOMER: Direction.INBOUND}.get(role, Direction.UNKNOWN)
    return Direction.UNKNOWN
