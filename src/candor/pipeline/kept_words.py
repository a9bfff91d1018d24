"""Retention, holds and requests as plain JSON values: one shape for API, commands and exports."""

from __future__ import annotations

from typing import Any

from candor.pipeline.due import DueOne, OpenConflict, Preview
from candor.pipeline.keeping import Swept
from candor.vault.disposal.store import Issued, Proposal, Tombstone
from candor.vault.holds.store import LegalHold
from candor.vault.requests.store import Item, Step, Subject, SubjectRequest
from candor.vault.retention.model import Facts, Schedule


def schedule(one: Schedule) -> dict[str, Any]:
    """One version."""
    return {
        "id": one.id, "name": one.name, "version": one.version, "days": one.days, "basis": one.basis,
        "when": one.when.given, "drafted_by": one.drafted_by, "drafted_at": one.drafted_at.isoformat(),
        "effective_from": one.effective_from and one.effective_from.isoformat(), "effective_by": one.effective_by,
        "withdraws": one.days is None,
    }  # fmt: skip


def facts(one: Facts) -> dict[str, Any]:
    """Of a class."""
    return {
        "purpose": one.purpose, "channel": one.channel, "queue": one.queue, "places": list(one.places),
        "sectors": list(one.sectors), "consent": one.consent, "min_days": one.min_days, "max_days": one.max_days,
    }  # fmt: skip


def conflict(one: OpenConflict) -> dict[str, Any]:
    """One that waits for a person."""
    line = one.line
    return {
        "class": line.class_id, "conflict": line.period.conflict, "schedule": line.label or None,
        "days": line.period.schedule.days if line.period.schedule else None, "conversations": one.conversations,
        "facts": facts(line.facts),
    }  # fmt: skip


def preview(one: Preview, listed: list[DueOne]) -> dict[str, Any]:
    """What would be destroyed."""
    return {
        "on": one.day.isoformat(), "due": one.due, "held": one.held, "unscheduled": one.unscheduled,
        "known": one.total, "unseen": one.unseen,
        "schedules": [
            {"schedule": each.schedule, "days": each.days, "basis": each.basis, "due": each.due, "held": each.held}
            for each in one.counts
        ],
        "conflicts": [conflict(each) for each in one.conflicts],
        "conversations": [
            {"id": each.conversation_id, "started_at": each.started_at.isoformat(),
             "due_at": each.due_at.isoformat(), "schedule": each.line.label, "held": each.held}
            for each in listed
        ],
    }  # fmt: skip


def swept(one: Swept) -> dict[str, Any]:
    """What a sweep did."""
    return {
        "destroyed": one.sweep.destroyed, "proposed": one.sweep.proposed, "held": one.sweep.held,
        "started_at": one.sweep.started_at.isoformat(), "finished_at": one.sweep.finished_at.isoformat(),
        "certificates": [each.id for each in one.certificates],
    }  # fmt: skip


def proposal(one: Proposal) -> dict[str, Any]:
    """A list that two people decide."""
    return {
        "id": one.id, "at": one.at.isoformat(), "by": one.by, "conversations": one.conversations, "state": one.state,
        "decided_by": one.decided_by, "decided_at": one.decided_at and one.decided_at.isoformat(),
    }  # fmt: skip


def tombstone(one: Tombstone) -> dict[str, Any]:
    """That something was destroyed."""
    return {
        "conversation_id": one.conversation_id, "at": one.at.isoformat(), "why": one.why, "basis": one.basis,
        "schedule": one.schedule, "by": one.by, "approved_by": one.approved_by, "request_id": one.request_id,
    }  # fmt: skip


def issued(one: Issued) -> dict[str, Any]:
    """A certificate that was issued."""
    return {
        "id": one.id, "issued_at": one.issued_at.isoformat(), "why": one.why, "conversations": one.conversations,
        "objects": one.objects, "approved_by": one.approved_by,
    }  # fmt: skip


def hold(one: LegalHold, conversations: int) -> dict[str, Any]:
    """A legal hold; people by what may be shown of them."""
    return {
        "id": one.id, "case": one.case, "reason": one.reason, "people": list(one.hints),
        "since": one.since and one.since.isoformat(), "until": one.until and one.until.isoformat(),
        "query": one.query, "conversations": conversations, "placed_at": one.placed_at.isoformat(),
        "placed_by": one.placed_by, "released_at": one.released_at and one.released_at.isoformat(),
        "released_by": one.released_by, "release_reason": one.release_reason,
    }  # fmt: skip


def request(one: SubjectRequest, subject: Subject | None = None) -> dict[str, Any]:
    """A data subject's request; who asks only where it is given."""
    told = {} if subject is None else {"name": subject.name, "contact": subject.contact}
    return {
        "id": one.id, "number": one.number, "kind": one.kind, "law": one.law,
        "received_on": one.received_on.isoformat(), "due_on": one.due_on.isoformat(), "extended": one.extended,
        "state": one.state, "verified": one.verified, "outcome": one.outcome,
        "closed_at": one.closed_at and one.closed_at.isoformat(), **told,
    }  # fmt: skip


def item(one: Item) -> dict[str, Any]:
    """A conversation of a request, and what became of it."""
    return {
        "conversation_id": one.conversation_id, "started_at": one.started_at.isoformat(), "how": one.how,
        "state": one.state, "words": one.words, "until": one.until and one.until.isoformat(),
    }  # fmt: skip


def step(one: Step) -> dict[str, Any]:
    """Something that was done."""
    return {"at": one.at.isoformat(), "by": one.by, "what": one.what, "words": one.words}
