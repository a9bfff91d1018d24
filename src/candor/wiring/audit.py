"""The audit log with its signing key, and where its checkpoints are kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from candor.audit.log import AuditLog
from candor.kit.database import Database, UnitOfWork
from candor.settings import Settings
from candor.vault.service import Vault


def make_audit_log(
    settings: Settings, database: Database, vault: Vault, guard: Callable[[UnitOfWork, str], None]
) -> AuditLog:
    """The log of this data folder; ``guard``: who says whether a legal hold covers a conversation."""
    elsewhere = None
    if settings.audit_checkpoints:
        from candor.audit.adapters.objects import ObjectsElsewhere  # noqa: PLC0415  most houses set it, commands rarely

        elsewhere = ObjectsElsewhere(settings.audit_checkpoints)
    return AuditLog(
        database, lambda uow, create: vault.fields(uow, "audit-log", create=create), elsewhere,
        every_lines=settings.audit_checkpoint_lines, every=timedelta(minutes=settings.audit_checkpoint_minutes),
        guard=guard,
    )  # fmt: skip
