"""People, tokens and what is kept: read from the database, told in counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from candor.access.model import UserRole
from candor.audit import store as log
from candor.audit.model import Event
from candor.audit.store import Wanted
from candor.cli.doctor.model import Finding, Grade, advise_if, weak_if
from candor.errors import CandorError
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.services import Services
from candor.settings import Settings
from candor.vault.retention import store as retention

_UNUSED = timedelta(days=90)
_BACKUP, _VERIFIED = timedelta(days=2), timedelta(days=31)


def findings(settings: Settings, services: Services) -> Iterator[Finding]:
    """Reads, and changes nothing."""
    with services.database.read() as uow:
        yield _whole(uow)
        yield from _people(services, uow)
        yield from _kept(services, uow)
    yield weak_if(
        (settings.data / "demo-login.json").exists(), "people.demo",
        weak="This is a demo's data folder: its log-ins share one password, which lies in a file.",
        good="No demo log-ins.", advice="Start with a new data folder (CANDOR_DATA) before real calls are kept.",
    )  # fmt: skip
    stuck = len(list((settings.data / "spool").glob("*.bad")))
    yield weak_if(
        stuck, "calls.stuck", weak=f"{stuck} recorded calls could not be taken in; they wait in the spool.",
        good="Every recorded call was taken in.", advice="See the page “Needs attention”, or `candor status`.",
    )  # fmt: skip


def _whole(uow: UnitOfWork) -> Finding:
    if uow.dialect.name != "sqlite":
        return Finding(check="data.whole", grade=Grade.GOOD, what="The database looks after itself.")
    said = uow.execute(sa.text("PRAGMA quick_check(1)")).scalar()
    return weak_if(
        said != "ok", "data.whole", weak="The database is damaged.", good="The database is whole.",
        advice="Stop Candor, keep a copy of the data folder, and restore the last backup.",
    )  # fmt: skip


def _people(services: Services, uow: UnitOfWork) -> Iterator[Finding]:
    people = [person for person in services.access.users(uow) if person.active]
    administrators = sum(person.role is UserRole.ADMINISTRATOR for person in people)
    yield advise_if(
        administrators > max(3, len(people) // 4), "people.administrators",
        so=f"{administrators} of {len(people)} people are administrators.", good="Few people are administrators.",
        advice="Give people the role of their work; `candor user list` shows them.",
    )  # fmt: skip
    now = clock.now()
    tokens = [token for person in people for token in services.access.tokens(uow, person.id)]
    endless = sum(token.expires_at is None for token in tokens)
    yield advise_if(
        endless, "tokens.endless", so=f"{endless} of {len(tokens)} API tokens never expire.",
        good="API tokens expire.", advice="Make new ones with --days, and revoke the old.",
    )  # fmt: skip
    unused = sum((token.last_used_at or token.created_at) < now - _UNUSED for token in tokens)
    yield weak_if(
        unused, "tokens.unused", weak=f"{unused} API tokens were not used for 90 days and still open doors.",
        good="API tokens are in use.", advice="Revoke what nobody needs: `candor token list`.",
    )  # fmt: skip


def _kept(services: Services, uow: UnitOfWork) -> Iterator[Finding]:
    made, verified = _since(uow, Event.BACKUP_MADE), _since(uow, Event.BACKUP_VERIFIED)
    yield weak_if(
        made is None or made > _BACKUP, "backup.age",
        weak="There is no backup." if made is None else f"The last backup is {made.days} days old.",
        good="There is a backup of the last days.",
        advice="Run `candor backup TARGET` every night; see docs/howto/back-up-and-restore.md.",
    )  # fmt: skip
    yield advise_if(
        verified is None or verified > _VERIFIED, "backup.verified", so="No backup was verified within a month.",
        good="A backup was verified within a month.", advice="Run `candor backup verify TARGET --open`.",
    )  # fmt: skip
    today = clock.now().date()
    held = [one for one in retention.schedules(uow) if one.days and one.effective_from and one.effective_from <= today]
    yield weak_if(
        not held, "keeping.schedules",
        weak="No retention schedule is in effect: everything is kept for ever.",
        good="Retention schedules are in effect.",
        advice="See docs/howto/keep-no-longer-than-allowed.md.",
    )  # fmt: skip
    try:
        unfit = services.audit_log.unfit(uow)
    except CandorError as error:
        yield Finding(check="audit.fits", grade=Grade.WEAK, what=error.message, advice=error.advice)
        return
    yield weak_if(
        unfit, "audit.fits", weak="The audit log does not go on from a checkpoint that is kept elsewhere.",
        good="The audit log goes on from its checkpoints.", advice="Run `candor audit verify`.",
    )  # fmt: skip


def _since(uow: UnitOfWork, event: Event) -> timedelta | None:
    found = log.newest(uow, Wanted(events=(event,)), limit=1)
    return clock.now() - found[0].at if found else None
