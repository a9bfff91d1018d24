"""Reading decision cases from files, and holding decisions against them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from candor.consent.model import Attestation, Decision, Facts, UnknownLeg

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "consent"
TODAY = date(2026, 11, 23)


def cases() -> list[dict[str, Any]]:
    """Every case of the files, with the file's name."""
    found = []
    for path in sorted(VECTORS.glob("*.jsonl")):
        found += [{"file": path.stem, **json.loads(line)} for line in path.read_text(encoding="utf-8").splitlines()]
    return found


def facts(given: dict[str, Any]) -> Facts:
    """The facts of a case; its day is the pack's review when left out."""
    data = dict(given)
    return Facts(
        purpose=data.pop("purpose"),
        at=date.fromisoformat(data.pop("at", TODAY.isoformat())),
        extra_legs=tuple(data.pop("extra_legs", ())),
        unknown_legs=tuple(UnknownLeg(each) for each in data.pop("unknown_legs", ())),
        sectors=tuple(data.pop("sectors", ())),
        attestation=Attestation(data.pop("attestation")) if "attestation" in data else None,
        **data,
    )


def differences(made: Decision, expect: dict[str, Any]) -> list[str]:
    """What of ``expect`` the decision does not do; empty when all is right."""
    known = _seen(made)
    found = []
    for key, wanted in expect.items():
        negated = key.removeprefix("not_")
        if key.startswith("not_"):
            bad = sorted(set(wanted) & set(known[negated]))
            found += [f"{negated} has {bad}"] if bad else []
        elif key == "reason":
            words = {each.rule: each.words for each in made.reasons}
            found += [
                f"{rule} does not say {part!r}" for rule, part in wanted.items() if part not in words.get(rule, "")
            ]
        elif key in _WHOLE or not isinstance(wanted, list):
            if known[key] != wanted:
                found.append(f"{key} is {known[key]!r}, not {wanted!r}")
        elif missing := [each for each in wanted if each not in known[key]]:
            found.append(f"{key} lacks {missing}, has {known[key]}")
    return found


_WHOLE = frozenset({
    "legs", "unknown", "consent_from", "notice_elements_exactly", "prerequisites_exactly", "needs_review_exactly",
    "languages_required", "languages_one_of", "fallbacks", "joining", "other",
})  # fmt: skip
"""Compared as a whole; of other lists the wanted ones must be among those that are there."""


def _seen(made: Decision) -> dict[str, Any]:
    inside = [each for each in made.actions if each.verb == "announce_inside_recording"]
    return {
        "level": made.level,
        "legs": [leg.id for leg in made.legs],
        "unknown": [str(each) for each in made.unknown],
        "announcement_recorded": made.announcement_recorded,
        "may_record": made.may_record,
        "keep_from": str(made.keep_from),
        "consent_form": made.consent_form,
        "consent_from": list(made.consent_from),
        "actions": [str(each.verb) for each in made.actions],
        "alternatives": inside[0].details.get("alternatives", []) if inside else [],
        "notice_elements": list(made.notice_elements),
        "notice_elements_exactly": list(made.notice_elements),
        "languages_required": list(made.languages.required),
        "languages_one_of": [list(each) for each in made.languages.one_of],
        "prerequisites": [each.id for each in made.employee_prerequisites],
        "prerequisites_exactly": [each.id for each in made.employee_prerequisites],
        "retention": {
            "min_days": made.retention.min_days,
            "max_days": made.retention.max_days,
            "conflict": made.retention.conflict,
        },
        "other": {each.of: [each.min_days, each.max_days] for each in made.retention.other},
        "limits": [each.code for each in made.analysis_limits],
        "fallbacks": [[each.id, each.max_days] for each in made.fallbacks],
        "joining": [[each.leg, each.level] for each in made.joining],
        "needs_review": [each.rule for each in made.needs_review],
        "needs_review_exactly": [each.rule for each in made.needs_review],
        "reviews": {each.rule: each.why for each in made.needs_review},
        "confidence": made.confidence,
        "uncertain": [each.what for each in made.uncertain],
        "sectors_in": list(made.sectors),
    }
