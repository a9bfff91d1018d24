"""Judging a quiz, and whether a course is fit to be published. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from candor.coaching.model import Choice, Course
from candor.errors import InvalidInput


def right(choice: Choice, ticked: Sequence[int]) -> bool:
    """All that is right is ticked, and nothing else."""
    return set(ticked) == set(choice.right)


def judge(course: Course, ticked: Sequence[Sequence[int]]) -> tuple[float, bool]:
    """(percent of questions answered right, passed). Raises InvalidInput when a question was left out."""
    if len(ticked) != len(course.quiz) or not all(ticked):
        raise InvalidInput(
            "Not every question was answered.", code="course.unanswered", advice="Nothing counts as an attempt yet."
        )
    for choice, places in zip(course.quiz, ticked, strict=True):
        if any(not 0 <= place < len(choice.options) for place in places):
            raise InvalidInput("An answer was ticked that is none.", code="course.unanswered")
    found = sum(right(choice, places) for choice, places in zip(course.quiz, ticked, strict=True))
    score = 100.0 * found / len(course.quiz)
    return score, score >= course.pass_mark


def check(course: Course) -> None:
    """Raise InvalidInput for what nobody could learn from or pass."""
    if not course.title.strip():
        raise InvalidInput("A course has a title.", code="course.title")
    if not course.lessons and not course.quiz:
        raise InvalidInput("A course has lessons, or a quiz.", code="course.empty")
    if not 0 <= course.pass_mark <= 100 or course.attempts < 0:
        raise InvalidInput("The pass mark is a percentage, attempts a number from 0 on.", code="course.pass_mark")
    for choice in course.quiz:
        options = [each.strip() for each in choice.options]
        if not choice.text.strip() or len(options) < 2 or not all(options) or len(set(options)) < len(options):
            raise InvalidInput("A quiz question has words and two different answers at least.", code="course.quiz")
        if not choice.right or any(not 0 <= place < len(options) for place in choice.right):
            raise InvalidInput("Each quiz question needs an answer that is right.", code="course.quiz")
        if len(choice.right) == len(options):
            raise InvalidInput("A quiz question of which every answer is right asks nothing.", code="course.quiz")
