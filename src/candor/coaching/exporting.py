"""What is on record of courses, for learning systems: CSV, and xAPI statements. Pure.

Statements are those of the Experience API 1.0.3 (Advanced Distributed Learning, "xAPI-Data.md", section 2), one JSON
object a line, ready to be posted to a learning record store. Their ids are made of what they say, so that sending the
same record twice stores it once (section 2.4.1: a store refuses nothing and doubles nothing when a statement is equal).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from candor.coaching.model import Assignment, Attempt, Course

COLUMNS = (
    "agent_id", "course_id", "course", "assigned_at", "due", "started_at", "completed_at", "best_score", "pass_mark",
    "attempts",
)  # fmt: skip
VERBS = {
    "initialized": "http://adlnet.gov/expapi/verbs/initialized",
    "completed": "http://adlnet.gov/expapi/verbs/completed",
    "passed": "http://adlnet.gov/expapi/verbs/passed",
    "failed": "http://adlnet.gov/expapi/verbs/failed",
}
"""The vocabulary that ADL published for these; identifiers, nothing is fetched from there."""
_COURSE = "http://adlnet.gov/expapi/activities/course"
_SPACE = UUID("6f9d5a0e-6a52-4c4e-9d2e-0d7c0e0a8f11")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(courses: Mapping[str, Course], assignments: Iterable[Assignment]) -> str:
    """One line an assignment, with a header; moments in RFC 3339, empty where something has not happened."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    for each in assignments:
        course = courses[each.course_id]
        row = (
            each.agent_id, each.course_id, course.title, _moment(each.at), each.due.isoformat() if each.due else "",
            _moment(each.started_at), _moment(each.completed_at), "" if each.score is None else f"{each.score:.1f}",
            str(course.pass_mark), str(each.attempts),
        )  # fmt: skip
        writer.writerow([_safe(value) for value in row])
    return out.getvalue()


def home_of(*known: str | None) -> str:
    """The first address of this house that is known, as :func:`statements` takes it; empty without one."""
    return next((address.rstrip("/") for address in known if address), "")


def statements(
    courses: Mapping[str, Course], assignments: Iterable[Assignment], attempts: Iterable[Attempt], *, home: str
) -> Iterator[dict[str, Any]]:
    """xAPI statements; ``home`` is an address that is this house's, without an end slash: accounts are named by it."""
    for each in assignments:
        course = courses[each.course_id]
        if each.started_at is not None:
            yield _statement("initialized", each.agent_id, course, each.started_at, home, None)
        if each.completed_at is not None:
            yield _statement("completed", each.agent_id, course, each.completed_at, home, {"completion": True})
    for attempt in attempts:
        course = courses[attempt.course_id]
        if not course.quiz:
            continue
        score = {"scaled": round(attempt.score / 100, 4), "raw": round(attempt.score, 2), "min": 0, "max": 100}
        verb = "passed" if attempt.passed else "failed"
        result = {"success": attempt.passed, "score": score}
        yield _statement(verb, attempt.agent_id, course, attempt.at, home, result, attempt.id)


def as_lines(found: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) + "\n" for each in found)


def _statement(
    verb: str, agent_id: str, course: Course, at: datetime, home: str, result: Mapping[str, Any] | None,
    extra: str = "",
) -> dict[str, Any]:  # fmt: skip
    activity = f"{home}/coaching/courses/{course.id}"
    made: dict[str, Any] = {
        "id": str(uuid5(_SPACE, "\n".join((verb, home, agent_id, course.id, at.isoformat(), extra)))),
        "actor": {"objectType": "Agent", "account": {"homePage": home, "name": agent_id}},
        "verb": {"id": VERBS[verb], "display": {"en": verb}},
        "object": {
            "objectType": "Activity", "id": activity, "definition": {"type": _COURSE, "name": {"en": course.title}},
        },
        "timestamp": _moment(at), "version": "1.0.3", "context": {"platform": "Candor"},
    }  # fmt: skip
    return made if result is None else made | {"result": dict(result)}


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _safe(value: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(_DANGEROUS) else value
