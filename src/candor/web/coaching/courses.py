"""Courses: making, publishing, assigning; taking one with its quiz; what is on record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.coaching import exporting, quiz
from candor.coaching.gaps import Effect
from candor.coaching.library import Wanted
from candor.coaching.model import Assignment, Choice, Course, Lesson, Measure
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.web.coaching import common
from candor.web.i18n import N_, _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/coaching/courses"
_LESSONS, _QUESTIONS = 4, 4
_DAYS = 56
_WRONG = (InvalidInput, Conflict, Forbidden, NotFound)
_DONE = {
    "kept": N_("The draft is kept. It can be assigned once it is published."),
    "published": N_("Published: it can be assigned, and stays as it is."), "retired": N_("Nobody new is given it."),
    "assigned": N_("Assigned."), "passed": N_("Passed: you have completed this course."),
    "failed": N_("Not passed yet. What was wrong is marked below."), "read": N_("You have completed this course."),
}  # fmt: skip


@router.get(_AT)
def courses(request: Request, visit: CurrentVisit) -> Response:
    """All of them, or one's own."""
    return _list(request, visit)


@router.post(_AT)
def put(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Keep a draft."""
    common.check(visit, Right.LIBRARY_MANAGE)
    try:
        made = visit.services.library.put_course(_course(form), visit.principal)
    except _WRONG as problem:
        return _list(request, visit, problem, common.kept(form))
    return common.done(f"{_AT}/{made.id}", "kept")


@router.get(_AT + "/records")
def records(request: Request, visit: CurrentVisit) -> Response:
    """What is on record, for a learning system: CSV, or xAPI statements a line each."""
    common.check(visit, Right.LIBRARY_MANAGE)
    found, given, tries = visit.services.library.records(visit.principal)
    if request.query_params.get("form") == "xapi":
        home = exporting.home_of(
            visit.services.telephony.systems.public_url, f"{request.url.scheme}://{request.url.netloc}"
        )
        text, name = exporting.as_lines(exporting.statements(found, given, tries, home=home)), "statements.jsonl"
        mediatype = "application/x-ndjson"
    else:
        text, name, mediatype = exporting.as_csv(found, given), "courses.csv", "text/csv; charset=utf-8"
    return Response(text, media_type=mediatype, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get(_AT + "/{course_id}")
def course(course_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One: to take, or to manage."""
    common.check(visit, *common.STAFF, Right.EVALUATION_ANSWER)
    with visit.services.database.read() as uow:
        held, own = visit.services.library.course(uow, course_id, visit.principal)
    if own is not None and own.started_at is None and held.published_at is not None:
        visit.services.library.start(course_id, visit.principal)
    return _one(request, visit, course_id)


@router.post(_AT + "/{course_id}/publish")
def publish(course_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Let it be taken."""
    del form
    common.check(visit, Right.LIBRARY_MANAGE)
    deed = partial(visit.services.library.publish, course_id, visit.principal)
    return _tried(deed, request, visit, course_id, "published")


@router.post(_AT + "/{course_id}/retire")
def retire(course_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Nobody new takes it."""
    del form
    common.check(visit, Right.LIBRARY_MANAGE)
    deed = partial(visit.services.library.retire, course_id, visit.principal)
    return _tried(deed, request, visit, course_id, "retired")


@router.post(_AT + "/{course_id}/assign")
def assign(course_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Give it to agents."""
    common.check(visit, Right.COACHING_WRITE, Right.LIBRARY_MANAGE)

    def deed() -> None:
        agents = common.ticked(form, "agent")
        if not agents:
            raise InvalidInput(_("Tick who is to take it."), code="course.agents")
        visit.services.library.assign(course_id, agents, visit.principal, due=common.day(form, "due"))

    return _tried(deed, request, visit, course_id, "assigned")


@router.post(_AT + "/{course_id}/submit")
def submit(course_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Answer the quiz, or say that one has gone through it."""
    common.check(visit, Right.EVALUATION_ANSWER)
    try:
        with visit.services.database.read() as uow:
            held, _own = visit.services.library.course(uow, course_id, visit.principal)
        ticked = [
            [int(each) for each in common.ticked(form, f"q{place}") if each.isdigit()]
            for place in range(len(held.quiz))
        ]
        made = visit.services.library.submit(course_id, ticked, visit.principal)
    except (InvalidInput, Conflict) as problem:
        return _one(request, visit, course_id, problem)
    return common.done(f"{_AT}/{course_id}", "read" if not held.quiz else "passed" if made.passed else "failed")


def _list(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None
) -> Response:
    common.check(visit, *common.STAFF, Right.EVALUATION_ANSWER)
    services, manages = visit.services, visit.principal.may(Right.LIBRARY_MANAGE)
    with services.database.read() as uow:
        found = services.library.courses(uow, visit.principal)
        given = services.library.assignments(uow, visit.principal)
        clips = services.library.clips(uow, Wanted(), visit.principal) if manages else []
        known = common.measurables(visit, uow)
    counts = {
        each.id: (
            sum(one.course_id == each.id for one in given),
            sum(one.course_id == each.id and one.completed_at is not None for one in given),
        )
        for each in found
    }
    own = {each.course_id: each for each in given if each.agent_id == visit.principal.agent_id}
    return common.page(
        request, visit, "courses.html", problem, form=form or {}, courses=found, counts=counts, clips=clips, own=own,
        known=known, staff=any(visit.principal.may(right) for right in common.STAFF), lessons=range(_LESSONS),
        questions=range(_QUESTIONS), noticed=common.noticed(request, _DONE),
    )  # fmt: skip


def _tried(deed: Callable[[], object], request: Request, visit: Visit, course_id: str, what: str) -> Response:
    return common.tried(deed, partial(_one, request, visit, course_id), f"{_AT}/{course_id}", what)


def _one(request: Request, visit: Visit, course_id: str, problem: CandorError | None = None) -> Response:
    services, principal = visit.services, visit.principal
    with services.database.read() as uow:
        found, own = services.library.course(uow, course_id, principal)
        ids = tuple(each.clip for each in found.lessons if each.clip)
        seen = services.library.clips(uow, Wanted(ids=ids), principal)
        clips = {each.clip.id: each for each in common.shown(visit, uow, seen)}
        last = None
        if own is not None:
            tries = services.library.tries(uow, course_id, own.agent_id)
            last = tries[-1] if tries else None
        staff = any(principal.may(right) for right in common.STAFF)
        agents, given = [], []
        if staff:
            agents = services.gaps.agents(uow, visit.scope)
            given = services.library.assignments(uow, principal, course_id)
        effects = _effects(visit, uow, found, given) if principal.may(Right.QUALITY_READ) else {}
        known = common.measurables(visit, uow)
    wrong = set()
    if last is not None and found.quiz:
        wrong = {n for n, each in enumerate(found.quiz) if not quiz.right(each, last.ticked[n])}
    names = {each.agent_id: each.name for each in agents}
    return common.page(
        request, visit, "course.html", problem, course=found, own=own, clips=clips, last=last, wrong=wrong,
        agents=[each for each in agents if each.agent_id not in {one.agent_id for one in given}], given=given,
        agent_names=names, staff=staff, effects=effects, known=known, days=_DAYS,
        noticed=common.noticed(request, _DONE),
    )  # fmt: skip


def _effects(visit: Visit, uow: UnitOfWork, found: Course, given: list[Assignment]) -> dict[str, Effect]:
    """What those who completed it do since, by what it teaches."""
    completed = {each.agent_id: each.completed_at for each in given if each.completed_at is not None}
    by = common.by_of({})
    return {
        key: visit.services.gaps.effect_of_course(
            uow, visit.scope, completed, Measure.of(key), days=_DAYS, source=by.source
        )
        for key in found.measures
        if completed and key in common.measurables(visit, uow)
    }


def _course(form: FormData) -> Course:
    lessons, questions = [], []
    for row in range(20):
        words, clip = common.text(form, f"lesson{row}"), common.text(form, f"clip{row}") or None
        if words or clip:
            lessons.append(Lesson(words=words, clip=clip))
        asked = common.text(form, f"question{row}", 500)
        if asked:
            answers = common.lines(form, f"answers{row}")
            questions.append(
                Choice(
                    text=asked, options=tuple(each.removeprefix("*").strip() for each in answers),
                    right=tuple(place for place, each in enumerate(answers) if each.startswith("*")),
                    because=common.text(form, f"because{row}", 500),
                )
            )  # fmt: skip
    return Course(
        id="", title=common.text(form, "title", 200), about=common.text(form, "about"), by="", created_at=clock.now(),
        measures=common.ticked(form, "measure"), lessons=tuple(lessons), quiz=tuple(questions),
        pass_mark=common.number(common.text(form, "pass_mark"), 100, 80),
        attempts=common.number(common.text(form, "attempts"), 20, 0), published_at=None, retired_at=None,
    )  # fmt: skip
