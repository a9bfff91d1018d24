"""The training library: clips, playlists, courses and what is on record of them."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.coaching import exporting
from candor.coaching.library import Wanted
from candor.coaching.model import Choice, ClipKind, Course, Lesson
from candor.errors import NotFound
from candor.kit import clock
from candor.pipeline import coached_words as words
from candor.pipeline.library import NewClip

router = APIRouter(tags=["library"])

_STRICT = ConfigDict(extra="forbid")
_STAFF = (Right.QUALITY_READ, Right.COACHING_WRITE, Right.LIBRARY_MANAGE)
_READER = needs(Right.EVALUATION_ANSWER, also=_STAFF)
_MAKER = needs(Right.LIBRARY_MANAGE, also=(Right.COACHING_WRITE,))


class ClipIn(BaseModel):
    """A stretch of a redacted conversation."""

    model_config = _STRICT

    conversation: str = Field(max_length=36)
    start: float = Field(ge=0, description="Seconds.")
    end: float = Field(gt=0)
    kind: ClipKind
    title: str = Field(min_length=1, max_length=200)
    why: str = Field("", max_length=4000, description="What to listen for.")
    tags: list[str] = Field([], max_length=20)
    measures: list[str] = Field([], max_length=20, description="`SCORECARD/QUESTION` or `skill:NAME`.")
    session: str | None = Field(None, max_length=36, description="For this coaching session alone.")
    keep: bool = Field(False, description="Keep a sealed copy, where the policy of the house lets it.")


class PlaylistIn(BaseModel):
    """Clips in an order."""

    model_config = _STRICT

    name: str = Field(min_length=1, max_length=120)
    about: str = Field("", max_length=4000)
    clips: list[str] = Field(max_length=200)


class LessonIn(BaseModel):
    """Words, a clip, or both."""

    model_config = _STRICT

    words: str = Field("", max_length=4000)
    clip: str | None = Field(None, max_length=36)


class ChoiceIn(BaseModel):
    """A quiz question."""

    model_config = _STRICT

    text: str = Field(min_length=1, max_length=500)
    options: list[str] = Field(min_length=2, max_length=12)
    right: list[int] = Field(min_length=1, description="Places in `options`, from 0: exactly these must be ticked.")
    because: str = Field("", max_length=500)


class CourseIn(BaseModel):
    """A draft of a course."""

    model_config = _STRICT

    title: str = Field(min_length=1, max_length=200)
    about: str = Field("", max_length=4000)
    measures: list[str] = Field([], max_length=20)
    lessons: list[LessonIn] = Field([], max_length=50)
    quiz: list[ChoiceIn] = Field([], max_length=50)
    pass_mark: int = Field(80, ge=0, le=100)
    attempts: int = Field(0, ge=0, le=100, description="0: as often as wanted.")

    def course(self, course_id: str = "") -> Course:
        """As the corridor takes it."""
        return Course(
            id=course_id, title=self.title, about=self.about, measures=tuple(self.measures), pass_mark=self.pass_mark,
            lessons=tuple(Lesson(words=each.words, clip=each.clip) for each in self.lessons), attempts=self.attempts,
            quiz=tuple(
                Choice(text=e.text, options=tuple(e.options), right=tuple(e.right), because=e.because)
                for e in self.quiz
            ),
            by="", created_at=clock.now(), published_at=None, retired_at=None,
        )  # fmt: skip


class Assign(BaseModel):
    """Who is to take it."""

    model_config = _STRICT

    agents: list[str] = Field(min_length=1, max_length=1000)
    due: date | None = None
    plan: str | None = Field(None, max_length=36)


class Answers(BaseModel):
    """For each question of the quiz the places that are ticked; empty for a course without one."""

    model_config = _STRICT

    ticked: list[list[int]] = Field([], max_length=50)


@router.get("/library/clips")
def clips(
    kind: ClipKind | None = None, tag: str | None = Query(None, max_length=60),
    measure: str | None = Query(None, max_length=200), limit: int = Query(100, ge=1, le=500),
    caller: Caller = _READER,
) -> dict[str, Any]:  # fmt: skip
    """Clips that the caller may see, the newest first; agents see what is exemplary or was given to them."""
    wanted = Wanted(kinds=(kind,) if kind else (), tag=tag, measures=(measure,) if measure else ())
    with caller.services.database.read() as uow:
        found = caller.services.library.clips(uow, wanted, caller.principal)[:limit]
    return {"clips": [words.clip(each) for each in found]}


@router.post("/library/clips", status_code=201)
def cut(new: ClipIn, caller: Caller = _MAKER) -> dict[str, Any]:
    """Cut a clip, for the library or for one's own coaching session."""
    caller.principal.require(Right.LIBRARY_MANAGE if new.session is None else Right.COACHING_WRITE)
    given = NewClip(
        conversation_id=new.conversation, start=new.start, end=new.end, kind=new.kind, title=new.title, why=new.why,
        tags=tuple(new.tags), measures=tuple(new.measures), session_id=new.session, keep=new.keep,
    )  # fmt: skip
    return words.clip(caller.services.library.add(given, caller.principal))


@router.get("/library/clips/{clip_id}")
def clip(clip_id: str, caller: Caller = _READER) -> dict[str, Any]:
    """One clip with what is said in it, redacted."""
    with caller.services.database.read() as uow:
        found = caller.services.library.clip(uow, clip_id, caller.principal)
        return words.clip(found, caller.services.library.content(uow, found))


@router.get("/library/clips/{clip_id}/audio")
def audio(clip_id: str, caller: Caller = _READER) -> Response:
    """The stretch's redacted sound, FLAC."""
    library = caller.services.library
    with caller.services.database.read() as uow:
        found = library.clip(uow, clip_id, caller.principal)
        content = library.content(uow, found)
    if content.sound is None:
        raise NotFound("This clip has no sound.", code="sound.none")
    library.played(found, caller.principal)
    return Response(io.BytesIO(content.sound).getvalue(), media_type="audio/flac")


@router.delete("/library/clips/{clip_id}", status_code=204)
def remove(clip_id: str, caller: Caller = _MAKER) -> None:
    """Take a clip away, and its copy."""
    caller.services.library.remove(clip_id, caller.principal)


@router.get("/library/playlists")
def playlists(caller: Caller = _READER) -> dict[str, Any]:
    """By name."""
    with caller.services.database.read() as uow:
        return {"playlists": [words.playlist(each) for each in caller.services.library.playlists(uow)]}


@router.post("/library/playlists", status_code=201)
def put_playlist(new: PlaylistIn, caller: Caller = needs(Right.LIBRARY_MANAGE)) -> dict[str, Any]:
    """A new playlist."""
    return words.playlist(caller.services.library.put_playlist(new.name, new.about, new.clips, caller.principal))


@router.delete("/library/playlists/{playlist_id}", status_code=204)
def drop_playlist(playlist_id: str, caller: Caller = needs(Right.LIBRARY_MANAGE)) -> None:
    """Forget a playlist; its clips stay."""
    caller.services.library.drop_playlist(playlist_id, caller.principal)


@router.get("/library/courses")
def courses(caller: Caller = _READER) -> dict[str, Any]:
    """All courses; for agents those that were given to them."""
    with caller.services.database.read() as uow:
        found = caller.services.library.courses(uow, caller.principal)
    return {"courses": [words.course(each, answers=_staff(caller)) for each in found]}


@router.post("/library/courses", status_code=201)
def put_course(new: CourseIn, caller: Caller = needs(Right.LIBRARY_MANAGE)) -> dict[str, Any]:
    """A draft of a course."""
    return words.course(caller.services.library.put_course(new.course(), caller.principal), answers=True)


@router.get("/library/courses/records")
def records(
    request: Request, form: str = Query("csv", pattern="^(csv|xapi)$"), caller: Caller = needs(Right.LIBRARY_MANAGE)
) -> Response:
    """Who completed what, of agents within reach: CSV, or xAPI 1.0.3 statements, one JSON object a line."""
    found, given, tries = caller.services.library.records(caller.principal)
    if form == "csv":
        return Response(exporting.as_csv(found, given), media_type="text/csv; charset=utf-8")
    home = exporting.home_of(
        caller.services.telephony.systems.public_url, f"{request.url.scheme}://{request.url.netloc}"
    )
    text = exporting.as_lines(exporting.statements(found, given, tries, home=home))
    return Response(text, media_type="application/x-ndjson")


@router.get("/library/courses/{course_id}")
def course(course_id: str, caller: Caller = _READER) -> dict[str, Any]:
    """One course; which answers are right only for those who manage or coach."""
    with caller.services.database.read() as uow:
        found, own = caller.services.library.course(uow, course_id, caller.principal)
    told = words.course(found, answers=_staff(caller))
    return told | ({"own": words.assignment(own)} if own is not None else {})


@router.put("/library/courses/{course_id}")
def change_course(course_id: str, new: CourseIn, caller: Caller = needs(Right.LIBRARY_MANAGE)) -> dict[str, Any]:
    """Change a draft; 409 once it is published."""
    return words.course(caller.services.library.put_course(new.course(course_id), caller.principal), answers=True)


@router.post("/library/courses/{course_id}/publish", status_code=204)
def publish(course_id: str, caller: Caller = needs(Right.LIBRARY_MANAGE)) -> None:
    """Let it be taken; from now on it stays as it is."""
    caller.services.library.publish(course_id, caller.principal)


@router.post("/library/courses/{course_id}/retire", status_code=204)
def retire(course_id: str, caller: Caller = needs(Right.LIBRARY_MANAGE)) -> None:
    """Nobody new takes it."""
    caller.services.library.retire(course_id, caller.principal)


@router.post("/library/courses/{course_id}/assignments")
def assign(course_id: str, new: Assign, caller: Caller = _MAKER) -> dict[str, int]:
    """Give it to agents within reach; returns to how many it is new."""
    library = caller.services.library
    return {"assigned": library.assign(course_id, new.agents, caller.principal, due=new.due, plan_id=new.plan)}


@router.get("/library/courses/{course_id}/assignments")
def assignments(course_id: str, caller: Caller = _READER) -> dict[str, Any]:
    """Who is to take it, of agents within reach; for agents themselves."""
    with caller.services.database.read() as uow:
        found = caller.services.library.assignments(uow, caller.principal, course_id)
    return {"assignments": [words.assignment(each) for each in found]}


@router.post("/library/courses/{course_id}/attempts", status_code=201)
def attempt(course_id: str, new: Answers, caller: Caller = needs(Right.EVALUATION_ANSWER)) -> dict[str, Any]:
    """Answer the quiz, or say that one has gone through a course without one."""
    made = caller.services.library.submit(course_id, new.ticked, caller.principal)
    return {"id": made.id, "at": made.at.isoformat(), "score": made.score, "passed": made.passed}


def _staff(caller: Caller) -> bool:
    return any(caller.principal.may(right) for right in _STAFF)
