"""Quizzes are judged fairly, and what is on record leaves in forms that learning systems read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from candor.coaching import exporting, quiz
from candor.coaching.model import Assignment, Attempt, Choice, Course, Lesson, Measure
from candor.errors import InvalidInput

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
COURSE = Course(
    id="c1", title="Greeting callers", about="", measures=("basics/greeting",), lessons=(Lesson(words="Say hello."),),
    quiz=(
        Choice(text="What comes first?", options=("The name", "The price"), right=(0,), because="They want to know."),
        Choice(text="Which are greetings?", options=("Hello", "Good morning", "Next"), right=(0, 1)),
    ),
    pass_mark=50, attempts=2, by="u1", created_at=NOW, published_at=NOW, retired_at=None,
)  # fmt: skip


def test_a_question_is_right_when_exactly_what_is_right_is_ticked() -> None:
    assert quiz.judge(COURSE, ((0,), (1, 0))) == (100.0, True)
    assert quiz.judge(COURSE, ((0,), (0,))) == (50.0, True)
    assert quiz.judge(COURSE, ((0,), (0, 1, 2))) == (50.0, True)
    assert quiz.judge(COURSE, ((1,), (2,))) == (0.0, False)


@pytest.mark.parametrize("ticked", [(), ((0,),), ((0,), ()), ((0,), (3,)), ((-1,), (0, 1))])
def test_what_is_not_answered_or_not_offered_is_refused(ticked: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(InvalidInput):
        quiz.judge(COURSE, ticked)


@pytest.mark.parametrize(
    "change",
    [
        {"title": " "},
        {"lessons": (), "quiz": ()},
        {"pass_mark": 101},
        {"attempts": -1},
        {"quiz": (Choice(text="?", options=("one",), right=(0,)),)},
        {"quiz": (Choice(text="?", options=("same", "same "), right=(0,)),)},
        {"quiz": (Choice(text="?", options=("a", "b"), right=()),)},
        {"quiz": (Choice(text="?", options=("a", "b"), right=(2,)),)},
        {"quiz": (Choice(text="?", options=("a", "b"), right=(0, 1)),)},
        {"quiz": (Choice(text=" ", options=("a", "b"), right=(0,)),)},
    ],
)
def test_a_course_that_nobody_could_learn_from_or_pass_is_refused(change: dict[str, object]) -> None:
    quiz.check(COURSE)
    with pytest.raises(InvalidInput):
        quiz.check(replace(COURSE, **change))  # type: ignore[arg-type]


GIVEN = Assignment(
    course_id="c1", agent_id="=cmd|a7", by="u1", at=NOW, due=date(2026, 4, 1), plan_id=None, started_at=NOW,
    completed_at=NOW, score=50.0, attempts=2,
)  # fmt: skip
TRIES = [
    Attempt(id="t1", course_id="c1", agent_id="=cmd|a7", at=NOW, score=0.0, passed=False, ticked=((1,), (2,))),
    Attempt(id="t2", course_id="c1", agent_id="=cmd|a7", at=NOW, score=50.0, passed=True, ticked=((0,), (2,))),
]


def test_the_csv_has_a_line_an_assignment_and_no_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(exporting.as_csv({"c1": COURSE}, [GIVEN]))))
    assert rows == [
        {
            "agent_id": "'=cmd|a7", "course_id": "c1", "course": "Greeting callers",
            "assigned_at": "2026-03-02T09:30:00.000Z", "due": "2026-04-01", "started_at": "2026-03-02T09:30:00.000Z",
            "completed_at": "2026-03-02T09:30:00.000Z", "best_score": "50.0", "pass_mark": "50", "attempts": "2",
        }
    ]  # fmt: skip


def test_statements_have_the_shape_that_xapi_asks_for() -> None:
    """xAPI 1.0.3, part 2, sections 2.2 to 2.4: required properties, types, and what results may say."""
    found = list(exporting.statements({"c1": COURSE}, [GIVEN], TRIES, home="https://calls.example.com"))
    assert [each["verb"]["display"]["en"] for each in found] == ["initialized", "completed", "failed", "passed"]
    for each in found:
        UUID(each["id"])
        assert set(each) >= {"id", "actor", "verb", "object", "timestamp"}
        assert each["actor"]["account"] == {"homePage": "https://calls.example.com", "name": "=cmd|a7"}
        assert each["verb"]["id"].startswith("http://adlnet.gov/expapi/verbs/")
        assert each["object"]["id"] == "https://calls.example.com/coaching/courses/c1"
        assert datetime.fromisoformat(each["timestamp"]) == NOW
    assert found[3]["result"] == {"success": True, "score": {"scaled": 0.5, "raw": 50.0, "min": 0, "max": 100}}
    assert len({each["id"] for each in found}) == 4
    again = list(exporting.statements({"c1": COURSE}, [GIVEN], TRIES, home="https://calls.example.com"))
    assert again == found, "sent again, a store keeps them once"
    assert [json.loads(line) for line in exporting.as_lines(found).splitlines()] == found


@pytest.mark.parametrize("key", ["basics/greeting", "skill:Opening the call", "skill:a/b"])
def test_a_measure_is_read_as_it_is_written(key: str) -> None:
    assert Measure.of(key).key == key


@pytest.mark.parametrize("key", ["", "greeting", "skill:", "/x", "x/"])
def test_what_is_no_measure_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput):
        Measure.of(key)
