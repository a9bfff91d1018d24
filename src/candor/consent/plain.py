"""Decisions and rules as plain data for JSON: what the API and ``--json`` give."""

from __future__ import annotations

from typing import Any

from candor.consent.announcements.store import InUse
from candor.consent.custody import Custody
from candor.consent.ledger.model import Line
from candor.consent.model import Action, Decision, Reason
from candor.consent.overrides.model import Override
from candor.consent.rules import CrossRule, JurisdictionRule, SectorRule


def decision(made: Decision) -> dict[str, Any]:
    """The answer; keys are stable."""
    return {
        "level": int(made.level),
        "legs": [leg.id for leg in made.legs],
        "unknown_legs": [str(leg) for leg in made.unknown],
        "may_record": made.may_record,
        "keep_from": str(made.keep_from),
        "consent_form": made.consent_form,
        "consent_from": list(made.consent_from),
        "actions": [_action(each) for each in made.actions],
        "announcement_recorded": made.announcement_recorded,
        "notice_elements": list(made.notice_elements),
        "languages": {
            "required": list(made.languages.required),
            "one_of": [list(each) for each in made.languages.one_of],
            "service_line": made.languages.service_line,
        },
        "employee_prerequisites": [
            {"id": each.id, "rule": each.rule, "kind": each.kind, "words": each.words, "blocks": each.blocks,
             "where": each.where, "any_of": each.any_of, "citation": each.citation}
            for each in made.employee_prerequisites
        ],
        "retention": {
            "min_days": made.retention.min_days,
            "max_days": made.retention.max_days,
            "conflict": made.retention.conflict,
            "purpose_bound": made.retention.purpose_bound,
            "copies": [
                {"name": each.name, "min_days": each.min_days, "max_days": each.max_days, "rules": list(each.rules),
                 "words": list(each.words)}
                for each in made.retention.copies
            ],
            "other": [
                {"of": each.of, "min_days": each.min_days, "max_days": each.max_days, "rule": each.rule,
                 "words": each.words}
                for each in made.retention.other
            ],
        },
        "analysis_limits": [
            {"code": each.code, "words": each.words, "rules": list(each.rules)} for each in made.analysis_limits
        ],
        "fallbacks": [
            {"id": each.id, "rule": each.rule, "words": each.words, "max_days": each.max_days,
             "limits": [one.code for one in each.limits]}
            for each in made.fallbacks
        ],
        "joining": [{"leg": each.leg, "level": each.level, "words": each.words} for each in made.joining],
        "reasons": [_reason(each) for each in made.reasons],
        "confidence": made.confidence,
        "needs_review": [{"rule": each.rule, "why": each.why, "words": each.words} for each in made.needs_review],
        "overridden": made.overridden,
        "uncertain": [{"what": each.what, "why": each.why, "words": each.words} for each in made.uncertain],
        "places": [
            {"id": leg.id, "roles": [str(role) for role in leg.roles], "level": leg.level} for leg in made.legs
        ],
        "purpose": made.purpose,
        "channel": made.channel,
        "sectors": list(made.sectors),
        "at": made.at.isoformat(),
        "pack": made.pack,
    }  # fmt: skip


def rule(record: JurisdictionRule | SectorRule | CrossRule, changes: tuple[Override, ...]) -> dict[str, Any]:
    """One rule with its citations, and what counsel has changed of it."""
    return {**record.model_dump(mode="json"), "overrides": [override(each) for each in changes]}


def override(each: Override) -> dict[str, Any]:
    """One line of the history."""
    return {
        "id": each.id, "rule": each.rule, "field": each.field, "old": each.old, "new": each.new,
        "withdrawn": each.withdrawn, "effective_from": each.effective_from.isoformat(),
        "effective_until": each.effective_until.isoformat() if each.effective_until else None,
        "author": each.author, "made_by": each.made_by, "reason": each.reason, "made_at": each.made_at.isoformat(),
    }  # fmt: skip


def line(each: Line) -> dict[str, Any]:
    """One line of the ledger."""
    entry = each.entry
    proof = {name: getattr(entry.proof, name) for name in ("start", "stop", "quote", "digest", "reference")}
    return {
        "number": each.number, "at": entry.at.isoformat(), "written_at": each.written_at.isoformat(),
        "event": entry.event, "whose": entry.whose, "who": entry.hint or None, "method": entry.method,
        "conversation_id": entry.conversation_id, "call_id": entry.call_id, "covers": list(entry.covers),
        "text_version": entry.text_version, "language": entry.language,
        "expires_at": entry.expires_at and entry.expires_at.isoformat(),
        "proof": {name: value for name, value in proof.items() if value is not None}, "previous": each.previous,
        "digest": each.digest,
    }  # fmt: skip


def held(each: Custody) -> dict[str, Any]:
    """One conversation in quarantine."""
    return {
        "conversation_id": each.conversation_id, "started_at": each.started_at.isoformat(), "state": each.state,
        "level": each.level, "why": each.why, "since": each.since.isoformat(),
        "destroy_after": each.destroy_after and each.destroy_after.isoformat(),
    }  # fmt: skip


def announcement(each: InUse) -> dict[str, Any]:
    """One announcement in use or retired, without its sound."""
    return {
        "version": each.version, "language": each.language, "level": each.level, "text": each.text,
        "covers": each.covers, "asks": each.asks, "key_yes": each.yes_key, "key_no": each.no_key,
        "spoken_by": each.spoken_by, "recognised": each.print is not None, "added_at": each.added_at.isoformat(),
        "added_by": each.added_by, "retired_at": each.retired_at and each.retired_at.isoformat(),
    }  # fmt: skip


def _action(each: Action) -> dict[str, Any]:
    return {"verb": str(each.verb), "words": each.words, "rules": list(each.rules), **each.details}


def _reason(each: Reason) -> dict[str, Any]:
    return {
        "rule": each.rule, "level": each.level, "decisive": each.decisive, "citation": each.citation,
        "words": each.words, "overridden": list(each.overridden),
        "sources": [{"ref": one.ref, "url": one.url, "source": one.source} for one in each.sources],
    }  # fmt: skip
