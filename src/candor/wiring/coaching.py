"""Coaching and the training library, plugged to scores, people and the vault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from candor.access.model import Principal
from candor.access.service import Access
from candor.coaching import library
from candor.consent.ledger.service import Ledger
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.pipeline import purposes
from candor.pipeline.chores import Periodic
from candor.pipeline.clips import Clips
from candor.pipeline.coaching import Coaching
from candor.pipeline.disposing import Order
from candor.pipeline.gate import ConsentGate
from candor.pipeline.library import Library
from candor.pipeline.proving import Prover
from candor.pipeline.shelf import Shelf
from candor.replay import measured
from candor.replay.gaps import Gaps
from candor.replay.model import scope_of
from candor.replay.service import Replay
from candor.services import Services
from candor.settings import Settings
from candor.vault.disposal.store import Why
from candor.vault.holds import store as holds
from candor.vault.service import FieldCipher

_TEND_EVERY = 60.0
_PIECE = 200
"""Conversations whose answers are measured in one unit of work: short enough for others to write in between."""


@dataclass(frozen=True, kw_only=True)
class Coached:
    """Each is a field of the services."""

    gaps: Gaps
    coaching: Coaching
    library: Library


class Reach:
    """Which agents a person sees."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = gaps

    def require(self, uow: UnitOfWork, principal: Principal, agent_id: str) -> None:
        """See :class:`candor.pipeline.coaching.WithinReach`."""
        self._gaps.agent(uow, scope_of(principal), agent_id)

    def ids(self, uow: UnitOfWork, principal: Principal) -> frozenset[str]:
        """See :class:`candor.pipeline.coaching.WithinReach`."""
        return frozenset(each.agent_id for each in self._gaps.agents(uow, scope_of(principal)))


TRAINING = "training"
"""The rule pack's purpose that clips of the library are for."""


def make_coached(
    settings: Settings, database: Database, shelf: Shelf, replay: Replay, access: Access, gate: ConsentGate | None,
    ledger: Ledger,
) -> Coached:  # fmt: skip
    """Gaps, sessions and the library of this data folder; ``gate``: None where the law of no place is asked."""
    law = Prover(database, gate, ledger, purpose=TRAINING, keep=timedelta()) if gate else None

    def cipher(uow: UnitOfWork, owner: str, create: bool) -> FieldCipher:
        return shelf.vault.fields(uow, owner, create=create)

    def usable(uow: UnitOfWork, conversation_id: str) -> bool:
        return purposes.may_train(uow, conversation_id, settings.purpose)

    def lacking(uow: UnitOfWork, conversation_id: str) -> str:
        return law.lacking(uow, shelf.conversation(uow, conversation_id)) if law else ""

    def visible(uow: UnitOfWork, principal: Principal, conversation_id: str) -> str | None:
        return replay.row(uow, conversation_id, scope_of(principal)).agent_id

    gaps = Gaps(access.users, usable, settings.scorecard, settings.coaching_enough)
    reach = Reach(gaps)
    coaching = Coaching(database, cipher, reach)
    return Coached(
        gaps=gaps, coaching=coaching,
        library=Library(
            database, cipher, Clips(shelf, settings.purpose), coaching, visible=visible, reach=reach,
            purpose=settings.purpose, lacking=lacking, copy_days=settings.training_copy_days,
        ),
    )  # fmt: skip


def coaching_chores(services: Services) -> tuple[Periodic, ...]:
    """What workers do for it beside the stages."""

    def tend() -> None:
        measure_missing(services)
        destroy_copies(services)

    return (Periodic("coaching", _TEND_EVERY, tend),)


def measure_missing(services: Services) -> int:
    """Measure the answers of conversations from before there was a projection of them; returns how many."""
    done = 0
    while True:
        with services.database.read() as uow:
            if not (waiting := measured.missing(uow, _PIECE)):
                return done
        with services.database.write() as uow:
            for one in waiting:
                services.replay.index.rescore(uow, one, services.shelf.evaluations(uow, one))
        done += len(waiting)


def destroy_copies(services: Services) -> int:
    """Destroy training copies whose time is over, but for those that a legal hold is about; returns how many."""
    order = Order(why=Why.RETENTION, by="system", basis="Its time as a training copy was over.")
    with services.database.write() as uow:
        over = library.copies_over(uow, clock.now().date())
        free = [one for one in over if not holds.is_about(uow, library.persons(uow, one))]
        done = services.disposing.destroy_copies(uow, free, order)
    if done:
        services.disposing.finish()
    return done
