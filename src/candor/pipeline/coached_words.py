"""Coaching and the library as plain values: what the API answers and commands print with --json."""

from __future__ import annotations

from typing import Any

from candor.coaching.gaps import Effect, Gap
from candor.coaching.model import Assignment, Clip, Course, Plan, Playlist, Session
from candor.coaching.statistics import Interval
from candor.conversation.codec import plain
from candor.pipeline.clips import Content


def interval(found: Interval | None) -> dict[str, float] | None:
    """An estimate with its range."""
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def gap(found: Gap) -> dict[str, Any]:
    """Lost shares from 0 to 1, gains in points of 100."""
    return {
        "n": found.n, "standing": found.standing.value, "lost": found.raw, "estimate": interval(found.estimate),
        "team": found.team, "chance": found.chance, "worth": found.worth, "expected_gain": found.gain,
    }  # fmt: skip


def effect(found: Effect) -> dict[str, Any]:
    """Changes are of the share of points kept: positive is better."""
    return {
        "verdict": found.verdict.value, "before": {"n": found.before.n, "lost": found.before.share},
        "after": {"n": found.after.n, "lost": found.after.share}, "change": interval(found.change),
        "expected_by_itself": found.expected, "beyond_the_team": interval(found.beyond),
    }  # fmt: skip


def session(one: Session, notes: str | None = None) -> dict[str, Any]:
    """A session; ``notes`` for the coach alone."""
    body = plain(one.body)
    body["outcomes"] = [{"measure": each.measure, **effect(each.effect)} for each in one.body.outcomes]
    told = {
        "id": one.id, "agent": one.agent_id, "coach": one.coach, "state": one.state.value, "source": one.source.value,
        "days": one.days, "revision": one.revision, "created_at": _moment(one.created_at),
        "shared_at": _moment(one.shared_at), "acknowledged_at": _moment(one.acknowledged_at),
        "followed_up_at": _moment(one.followed_up_at), "follow_up_on": _moment(one.follow_up_on), "plan": one.plan_id,
        **body,
    }  # fmt: skip
    return told if notes is None else told | {"private_notes": notes}


def plan(one: Plan) -> dict[str, Any]:
    """A plan."""
    return {
        "id": one.id, "agent": one.agent_id, "coach": one.coach, "title": one.title, "aim": one.aim,
        "until": _moment(one.until), "created_at": _moment(one.created_at), "closed_at": _moment(one.closed_at),
    }  # fmt: skip


def clip(one: Clip, content: Content | None = None) -> dict[str, Any]:
    """A clip, with what is said in it."""
    told = {
        "id": one.id, "conversation": one.conversation_id, "start": one.start, "end": one.end, "kind": one.kind.value,
        "title": one.title, "why": one.why, "tags": list(one.tags), "measures": list(one.measures),
        "session": one.session_id, "created_at": _moment(one.created_at), "copy_until": _moment(one.copy_until),
    }  # fmt: skip
    if content is None:
        return told
    lines = [{"role": each.role, "start": each.start, "end": each.end, "text": each.text} for each in content.lines]
    return told | {"lines": lines, "sound": content.sound is not None}


def playlist(one: Playlist) -> dict[str, Any]:
    """A playlist."""
    return {"id": one.id, "name": one.name, "about": one.about, "clips": list(one.clips)}


def course(one: Course, *, answers: bool) -> dict[str, Any]:
    """A course; which answers are right only with ``answers``."""
    quiz = [
        {"text": each.text, "options": list(each.options)}
        | ({"right": list(each.right), "because": each.because} if answers else {"several": len(each.right) > 1})
        for each in one.quiz
    ]
    return {
        "id": one.id, "title": one.title, "about": one.about, "measures": list(one.measures),
        "lessons": plain_lessons(one), "quiz": quiz, "pass_mark": one.pass_mark, "attempts": one.attempts,
        "published_at": _moment(one.published_at), "retired_at": _moment(one.retired_at),
    }  # fmt: skip


def plain_lessons(one: Course) -> list[dict[str, Any]]:
    """Words and clips, in order."""
    return [{"words": each.words, "clip": each.clip} for each in one.lessons]


def assignment(one: Assignment) -> dict[str, Any]:
    """Who is to take what, and how far they are."""
    return {
        "course": one.course_id, "agent": one.agent_id, "at": _moment(one.at), "due": _moment(one.due),
        "plan": one.plan_id, "started_at": _moment(one.started_at), "completed_at": _moment(one.completed_at),
        "score": one.score, "attempts": one.attempts,
    }  # fmt: skip


def _moment(at: Any) -> str | None:
    return None if at is None else at.isoformat()
