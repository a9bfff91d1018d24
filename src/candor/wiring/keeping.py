"""Retention, legal holds, disposal, requests of data subjects: plugged together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from candor.access.service import Access
from candor.conversation.model import Conversation, Direction, Sound
from candor.errors import InvalidInput
from candor.kit.database import Database, UnitOfWork
from candor.pipeline.chores import Periodic
from candor.pipeline.disposing import Disposing
from candor.pipeline.gate import ConsentGate, House, of_conversation, summary
from candor.pipeline.holding import Holding
from candor.pipeline.keeping import Keeping
from candor.pipeline.persons import Persons
from candor.pipeline.shelf import Shelf
from candor.pipeline.subject_requests import SubjectRequests
from candor.pipeline.tending import Tending
from candor.replay.model import ConversationFilter, Scope, Status
from candor.replay.service import Replay
from candor.services import Services
from candor.settings import Settings
from candor.vault.disposal import tombstones
from candor.vault.disposal.certificate import Signer
from candor.vault.requests.people import People
from candor.vault.retention.model import Facts
from candor.vault.retention.service import Schedules
from candor.vault.service import FieldCipher, Vault

_TEND_EVERY = 60.0
_PAGE = 1_000
_LISTS = {
    "agent": "agents", "team": "teams", "queue": "queues", "language": "languages", "category": "categories",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What keeps and destroys; each is a field of the services."""

    persons: Persons
    holding: Holding
    disposing: Disposing
    schedules: Schedules
    keeping: Keeping
    subject_requests: SubjectRequests


def make_kept(
    database: Database, shelf: Shelf, replay: Replay, *, data: Path, access: Access, house: House | None = None,
    gate: ConsentGate | None = None, company: str = "", four_eyes: bool = False, copies_stay: bool = False,
) -> Kept:  # fmt: skip
    """``gate`` decides what the law says of conversations that nobody asked about when they came in; None: nothing."""
    house = house or House()
    people = People(fields_of(shelf.vault, "person-index"))
    persons = Persons(database, shelf, people, house.region)
    holding = Holding(database, fields_of(shelf.vault, "legal-holds"), persons, ListQuery(replay))
    disposing = Disposing(
        database, shelf.vault, replay.index, guard=holding, digests=people,
        signer=Signer(fields_of(shelf.vault, "disposal-key")), file=data / tombstones.FILENAME, company=company,
        names=lambda uow: {user.id: user.name or user.login for user in access.users(uow)}, copies_stay=copies_stay,
    )  # fmt: skip
    default = Facts(
        purpose=house.purpose, channel="voice", sectors=tuple(house.sectors),
        places=(house.establishment,) if house.establishment else (),
    )  # fmt: skip
    keeping = Keeping(
        database, shelf, disposing, holding, default=default, decide=law_of(gate) if gate else None,
        four_eyes=four_eyes,
        lock=data / "run" / "sweep.lock",
    )  # fmt: skip
    return Kept(
        persons=persons, holding=holding, disposing=disposing, schedules=Schedules(four_eyes=four_eyes),
        keeping=keeping,
        subject_requests=SubjectRequests(
            database, shelf, lambda uow, one, create: shelf.vault.fields(uow, f"request:{one}", create=create), persons,
            disposing, holding, keeping, company=company,
        ),
    )  # fmt: skip


def enlisting(replay: Replay, kept: Kept) -> Callable[[UnitOfWork, Conversation, Sound | None], None]:
    """What intake does in its own unit of work: in the list, in the index of people, under the holds about it."""

    def enlist(uow: UnitOfWork, conversation: Conversation, sound: Sound | None) -> None:
        replay.index.enlist(uow, conversation, sound)
        kept.persons.note(uow, conversation)
        kept.holding.note(uow, conversation)

    return enlist


def keeping_chores(settings: Settings, services: Services) -> tuple[Periodic, ...]:
    """What workers do for it beside the stages."""
    tending = Tending(
        services.persons, services.holding, services.keeping, services.disposing, services.subject_requests,
        every_hours=settings.retention_hours,
    )  # fmt: skip
    return (Periodic("keeping", _TEND_EVERY, tending.tend),)


def fields_of(vault: Vault, name: str) -> Callable[[UnitOfWork, bool], FieldCipher]:
    """The cipher for one kind of small sealed fields."""
    return lambda uow, create: vault.fields(uow, name, create=create)


def law_of(gate: ConsentGate) -> Callable[[UnitOfWork, Conversation], Mapping[str, Any]]:
    """What the rule pack says of a conversation that is held."""

    def decide(uow: UnitOfWork, conversation: Conversation) -> Mapping[str, Any]:
        line = of_conversation(conversation)
        return summary(gate.decide(uow, line, conversation.started_at, channel=conversation.medium))

    return decide


class ListQuery:
    """A hold's query, asked of the list of conversations: the words of its address (``q=refund&queue=Billing``)."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def find(self, uow: UnitOfWork, query: str) -> Iterable[str]:
        """See :class:`candor.pipeline.holding.Asking`."""
        wanted, cursor = self._filter(query), None
        while True:
            page = self._replay.page(uow, wanted, Scope(), cursor=cursor, limit=_PAGE)
            yield from [row.id for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                return

    def fits(self, uow: UnitOfWork, query: str, conversation_id: str) -> bool | None:
        """See :class:`candor.pipeline.holding.Asking`."""
        indexed = self._replay.page(uow, ConversationFilter(ids=(conversation_id,)), Scope(), limit=1).rows
        if not indexed or indexed[0].status is not Status.READY:
            return None
        return bool(self._replay.page(uow, self._filter(query, conversation_id), Scope(), limit=1).rows)

    @staticmethod
    def _filter(query: str, conversation_id: str | None = None) -> ConversationFilter:
        parts: dict[str, Any] = {} if conversation_id is None else {"ids": (conversation_id,)}
        for name, value in parse_qsl(query.lstrip("?"), keep_blank_values=False, max_num_fields=50):
            if name == "q":
                parts["text"] = value
            elif name in _LISTS:
                parts[_LISTS[name]] = (*parts.get(_LISTS[name], ()), value)
            elif name == "direction" and value in set(Direction):
                parts["directions"] = (*parts.get("directions", ()), Direction(value))
            elif name == "external_id":
                parts["external_id"] = value
            else:
                raise InvalidInput(
                    "A hold cannot ask for that.", code="hold.query",
                    advice=f"Words of the list's address: q, {', '.join(_LISTS)}, direction, external_id.",
                )  # fmt: skip
        if not parts:
            raise InvalidInput("The query asks for nothing.", code="hold.query", advice="Such as: q=refund&queue=Sales")
        return ConversationFilter(**parts)
