"""What is known about a recording beside its sound, and the Conversation made of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import phonenumbers

from candor.conversation.model import Conversation, Direction, Medium, Party, Recording, Role
from candor.kit.clock import require_aware

TWO = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Facts from a manifest, a vCon or the file itself; None where nobody said."""

    started_at: datetime | None = None
    """Aware, with the offset that it was written with."""
    call_id: str | None = None
    direction: Direction = Direction.UNKNOWN
    caller: str | None = None
    callee: str | None = None
    agent: str | None = None
    """The contact centre's own key for the agent."""
    agent_name: str | None = None
    queue: str | None = None
    team: str | None = None
    language: str | None = None
    customer_channel: int | None = None
    """From 0."""
    agent_channel: int | None = None
    notes: tuple[str, ...] = ()
    """Plain sentences on what was assumed."""


def conversation(
    facts: Metadata,
    *,
    id: str,  # noqa: A002  the field's own name
    started_at: datetime | None = None,
    recording: Recording | None = None,
    source: str = "import",
    channels: int | None = None,
) -> Conversation:
    """The Conversation that ``facts`` describe.

    ``started_at`` (aware) stands in where the facts have none; ``channels`` of the recording, when known, lets one
    named channel of two settle the other. Raises ValueError when there is no start at all.
    """
    start = facts.started_at or started_at
    if start is None:
        raise ValueError("a conversation needs a start")
    offset = start.utcoffset()
    return Conversation(
        id=id,
        started_at=require_aware(start),
        utc_offset_minutes=round(offset.total_seconds() / 60) if offset is not None else 0,
        external_id=facts.call_id,
        source=source,
        medium=Medium.VOICE,
        direction=facts.direction,
        parties=parties(facts, channels),
        queue=facts.queue,
        team=facts.team,
        language=facts.language,
        recording=recording,
    )


def parties(facts: Metadata, channels: int | None = None) -> tuple[Party, ...]:
    """Customer and agent, and whoever else is named. Who called whom gives each number its owner."""
    customer_channel, agent_channel = facts.customer_channel, facts.agent_channel
    if channels == TWO and customer_channel is None and agent_channel in (0, 1):
        customer_channel = 1 - agent_channel
    if channels == TWO and agent_channel is None and customer_channel in (0, 1):
        agent_channel = 1 - customer_channel
    if channels == 1:  # alone on the only channel is nobody
        customer_channel = agent_channel = None
    inbound, outbound = facts.direction is Direction.INBOUND, facts.direction is Direction.OUTBOUND
    customer_tel = facts.caller if inbound else facts.callee if outbound else None
    agent_tel = facts.callee if inbound else facts.caller if outbound else None
    customer = Party(role=Role.CUSTOMER, tel=customer_tel, channel=customer_channel)
    agent = Party(
        role=Role.AGENT, tel=agent_tel, name=facts.agent_name, agent_id=facts.agent or facts.agent_name,
        channel=agent_channel,
    )  # fmt: skip
    others = () if inbound or outbound else tuple(Party(tel=tel) for tel in (facts.caller, facts.callee) if tel)
    found = [
        party for party in (customer, agent) if party.tel or party.name or party.agent_id or party.channel is not None
    ]
    return (*found, *others)


def number(text: str, region: str | None) -> str:
    """A telephone number in E.164 where it is one, else as given; ``region``: ISO 3166 country of numbers without +."""
    text = text.strip()
    plain = text.removeprefix("tel:")
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if not plain.startswith("+") and region is None:
        return text
    try:
        parsed = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_valid_number(parsed):
        return text
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
