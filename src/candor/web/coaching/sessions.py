"""Coaching sessions: the coach's list, one session from draft to follow-up, and its clips."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.coaching.library import Wanted
from candor.coaching.model import Action, ClipKind, Goal, Measure, Session, Source, State, Who
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline.coaching import DAYS, Draft
from candor.pipeline.library import NewClip
from candor.replay.measured import Period
from candor.web.coaching import common
from candor.web.i18n import N_, _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/coaching/sessions"
_GOALS, _ACTIONS = 3, 4
_WRONG = (InvalidInput, Conflict, Forbidden)
_DONE = {
    "drafted": N_("The draft is kept. Nobody but you sees it until you share it."),
    "saved": N_("Saved."),
    "shared": N_("Shared: the agent sees it now, and is asked to acknowledge it."),
    "acknowledged": N_("You have acknowledged it."),
    "noted": N_("Your notes are kept; nobody else sees them."),
    "ticked": N_("Noted."),
    "clip": N_("The clip goes with this session."),
    "unclipped": N_("The clip is taken out of this session."),
    "followed": N_("Followed up. What was measured today stays with the session."),
    "template": N_("Kept as a template."),
}


@router.get(_AT)
def sessions(request: Request, visit: CurrentVisit) -> Response:
    """Those that this person leads."""
    common.check(visit, Right.COACHING_WRITE)
    with visit.services.database.read() as uow:
        found = visit.services.coaching.of_coach(uow, visit.principal)
        agents = {each.agent_id: each for each in visit.services.gaps.agents(uow, visit.scope)}
        templates = visit.services.coaching.templates(uow, visit.principal)
    open_ = [each for each in found if each.state is not State.FOLLOWED_UP]
    return common.page(
        request, visit, "sessions.html", open=open_, closed=[each for each in found if each not in open_],
        agents=agents, templates=templates, noticed=common.noticed(request, _DONE),
    )  # fmt: skip


@router.post(_AT)
def begin(visit: CurrentVisit, form: Posted) -> Response:
    """A new draft, from a gap or a template."""
    common.check(visit, Right.COACHING_WRITE)
    by = common.by_of({name: str(value) for name, value in form.items()})
    with visit.services.database.read() as uow:
        known = common.measurables(visit, uow)
        templates = {each.id: each for each in visit.services.coaching.templates(uow, visit.principal)}
    measures = [each for each in common.ticked(form, "measure") if each in known][:_GOALS]
    goals = tuple(Goal(words=known[each].text[:300], measure=each) for each in measures)
    actions: tuple[Action, ...] = ()
    template = templates.get(common.text(form, "template"))
    if template is not None:
        goals, actions = (*goals, *template.body.goals), template.body.actions
    follow = clock.now().date() + timedelta(days=DAYS)
    title = template.body.title if template else known[measures[0]].text if measures else _("Coaching")
    draft = Draft(title=title[:300], goals=goals, actions=actions, follow_up_on=follow, source=by.source)
    plan_id = common.text(form, "plan") or None
    made = visit.services.coaching.draft(common.text(form, "agent", 255), draft, visit.principal, plan_id)
    return common.done(f"{_AT}/{made.id}", "drafted")


@router.get(_AT + "/{session_id}")
def session(session_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One session."""
    common.check(visit, Right.COACHING_WRITE, Right.EVALUATION_ANSWER)
    answer = _one(request, visit, session_id)
    with visit.services.database.write() as uow:
        audit.record(uow, Event.COACHING_OPENED, visit.principal.user_id, subject=session_id)
    return answer


@router.post(_AT + "/{session_id}")
def edit(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Change a draft; with the button for it, share it."""
    common.check(visit, Right.COACHING_WRITE)
    coaching = visit.services.coaching
    try:
        revision = common.number(common.text(form, "revision"), 10**6, -1)
        coaching.edit(session_id, _draft(form), visit.principal, revision)
        if form.get("then") == "share":
            coaching.share(session_id, visit.principal)
            return common.done(f"{_AT}/{session_id}", "shared")
    except _WRONG as problem:
        return _one(request, visit, session_id, problem, common.kept(form))
    return common.done(f"{_AT}/{session_id}", "saved")


@router.post(_AT + "/{session_id}/discard")
def discard(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Forget a draft."""
    del form
    common.check(visit, Right.COACHING_WRITE)
    try:
        with visit.services.database.read() as uow:
            held = visit.services.coaching.get(uow, session_id, visit.principal)
        visit.services.coaching.discard(session_id, visit.principal)
    except _WRONG as problem:
        return _one(request, visit, session_id, problem)
    return RedirectResponse(f"/coaching/agent?id={quote(held.agent_id, safe='')}", status_code=303)


@router.post(_AT + "/{session_id}/acknowledge")
def acknowledge(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """The agent has read it."""
    common.check(visit, Right.EVALUATION_ANSWER)
    said = common.text(form, "comment")
    deed = partial(visit.services.coaching.acknowledge, session_id, said, visit.principal)
    return _tried(deed, request, visit, session_id, form, "acknowledged")


@router.post(_AT + "/{session_id}/tick")
def tick(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Something agreed on is done, or not."""
    common.check(visit, Right.COACHING_WRITE, Right.EVALUATION_ANSWER)
    action, done = common.text(form, "action"), form.get("done") == "yes"
    deed = partial(visit.services.coaching.tick, session_id, action, visit.principal, done=done)
    return _tried(deed, request, visit, session_id, form, "ticked")


@router.post(_AT + "/{session_id}/notes")
def notes(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """The coach's private notes."""
    common.check(visit, Right.COACHING_WRITE)
    deed = partial(visit.services.coaching.write_notes, session_id, common.text(form, "notes"), visit.principal)
    return _tried(deed, request, visit, session_id, form, "noted")


@router.post(_AT + "/{session_id}/clips")
def add_clip(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Put a clip of the library into the session, or cut one of a conversation for it."""
    common.check(visit, Right.COACHING_WRITE)
    coaching = visit.services.coaching

    def deed() -> None:
        with visit.services.database.read() as uow:
            held = coaching.get(uow, session_id, visit.principal)
        clip_id = common.text(form, "clip")
        if not clip_id:
            if form.get("kind") not in set(ClipKind):
                raise InvalidInput(_("Say what it shows."), code="clip.kind")
            cut = NewClip(
                conversation_id=common.text(form, "conversation", 36), start=common.seconds(common.text(form, "start")),
                end=common.seconds(common.text(form, "end")), kind=ClipKind(common.text(form, "kind")),
                title=common.text(form, "title", 200) or held.body.title[:200], why=common.text(form, "why"),
                measures=common.ticked(form, "measure"), session_id=session_id,
            )  # fmt: skip
            clip_id = visit.services.library.add(cut, visit.principal).id
        coaching.set_clips(session_id, (*held.body.clips, clip_id), visit.principal)

    return _tried(deed, request, visit, session_id, form, "clip")


@router.post(_AT + "/{session_id}/clips/remove")
def remove_clip(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take a clip out; one that was cut for this session is gone with that."""
    common.check(visit, Right.COACHING_WRITE)
    clip_id = common.text(form, "clip")

    def deed() -> None:
        with visit.services.database.read() as uow:
            held = visit.services.coaching.get(uow, session_id, visit.principal)
            own = visit.services.library.clips(uow, Wanted(session_id=session_id), visit.principal)
        left = [each for each in held.body.clips if each != clip_id]
        visit.services.coaching.set_clips(session_id, left, visit.principal)
        if any(each.id == clip_id for each in own):
            visit.services.library.remove(clip_id, visit.principal)

    return _tried(deed, request, visit, session_id, form, "unclipped")


@router.post(_AT + "/{session_id}/follow-up")
def follow_up(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Close it with what the same questions say by now."""
    common.check(visit, Right.COACHING_WRITE)
    services = visit.services

    def deed() -> None:
        with services.database.read() as uow:
            held = services.coaching.get(uow, session_id, visit.principal)
            outcomes = services.gaps.outcomes(uow, visit.scope, held)
        services.coaching.follow_up(session_id, common.text(form, "conclusion"), visit.principal, outcomes=outcomes)

    return _tried(deed, request, visit, session_id, form, "followed")


@router.post(_AT + "/{session_id}/template")
def keep_template(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Keep its goals and actions as a template."""
    common.check(visit, Right.COACHING_WRITE)
    deed = partial(visit.services.coaching.keep_template, common.text(form, "name", 120), session_id, visit.principal)
    return _tried(deed, request, visit, session_id, form, "template")


@router.post("/coaching/templates/{template_id}/drop")
def drop_template(template_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Forget a template."""
    del form
    common.check(visit, Right.COACHING_WRITE)
    visit.services.coaching.drop_template(template_id, visit.principal)
    return common.done(_AT, "saved")


def _tried(
    deed: Callable[[], object], request: Request, visit: Visit, session_id: str, form: FormData, what: str
) -> Response:
    again = partial(_one, request, visit, session_id, form=common.kept(form))
    return common.tried(deed, again, f"{_AT}/{session_id}", what)


def _one(
    request: Request, visit: Visit, session_id: str, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    services, principal = visit.services, visit.principal
    with services.database.read() as uow:
        held = services.coaching.get(uow, session_id, principal)
        own = services.coaching.is_own(held, principal)
        leads = held.coach == principal.user_id
        known = common.measurables(visit, uow)
        goals = [each.measure for each in held.body.goals if each.measure in known]
        clips = common.shown(visit, uow, services.library.clips(uow, Wanted(ids=held.body.clips), principal))
        # The agent is told what the follow-up found; what it would find today is for the coach.
        outcomes = list(held.body.outcomes)
        if not outcomes and not own and principal.may(Right.QUALITY_READ):
            outcomes = services.gaps.outcomes(uow, visit.scope, held)
        suggested, more = [], []
        if leads and held.state is not State.FOLLOWED_UP:
            taken = set(held.body.clips)
            keys = tuple(dict.fromkeys(each for each in goals if each))
            if keys:
                found = services.library.clips(uow, Wanted(measures=keys), principal)
                more = [each for each in found if each.id not in taken][:6]
                since = Period(since=clock.now() - timedelta(days=held.days))
                wanted = [Measure.of(each) for each in keys]
                for kind, agents in ((ClipKind.CAUTIONARY, (held.agent_id,)), (ClipKind.EXEMPLARY, None)):
                    suggested += services.gaps.suggestions(
                        uow, visit.scope, wanted, since, held.source, kind=kind, agents=agents, limit=2
                    )
        values = {
            "agent_name": _name(visit, uow, held, own=own), "people": common.names(visit, uow),
            "notes": services.coaching.notes(uow, held, principal) if leads else None, "known": known,
            "plan": _plan(visit, uow, held),
        }  # fmt: skip
    gone = len(held.body.clips) - len(clips)
    return common.page(
        request, visit, "session.html", problem, form=form or {}, one=held, own=own, leads=leads, clips=clips,
        gone=gone, outcomes={each.measure: each.effect for each in outcomes}, suggested=suggested, more=more,
        State=State, Who=Who, kinds=tuple(ClipKind), sources=tuple(Source),
        goal_rows=max(_GOALS, len(held.body.goals) + 1), action_rows=max(_ACTIONS, len(held.body.actions) + 1),
        noticed=common.noticed(request, _DONE), **values,
    )  # fmt: skip


def _name(visit: Visit, uow: UnitOfWork, held: Session, *, own: bool) -> str:
    return visit.principal.name if own else visit.services.gaps.agent(uow, visit.scope, held.agent_id).name


def _plan(visit: Visit, uow: UnitOfWork, held: Session) -> str | None:
    if held.plan_id is None:
        return None
    return visit.services.coaching.plan(uow, held.plan_id, visit.principal)[0].title


def _draft(form: FormData) -> Draft:
    goals, actions = [], []
    for row in range(20):
        words, measure_key = common.text(form, f"goal{row}", 300), common.text(form, f"measure{row}") or None
        if words or measure_key:
            target = common.text(form, f"target{row}")
            if target and not target.replace(".", "", 1).isdigit():
                raise InvalidInput(_("A target is a percentage."), code="coaching.target")
            goals.append(
                Goal(
                    words=words or _("Do better here"), measure=measure_key, by=common.day(form, f"goal-by{row}"),
                    target=float(target) / 100 if target and measure_key else None,
                )
            )  # fmt: skip
        words = common.text(form, f"action{row}", 300)
        if words:
            who = common.text(form, f"who{row}")
            actions.append(
                Action(
                    id=new_id(), words=words, who=Who(who) if who in set(Who) else Who.AGENT,
                    by=common.day(form, f"action-by{row}"),
                )
            )  # fmt: skip
    source = common.text(form, "source")
    return Draft(
        title=common.text(form, "title", 300), summary=common.text(form, "summary"), goals=tuple(goals),
        actions=tuple(actions), follow_up_on=common.day(form, "follow_up_on"),
        source=Source(source) if source in set(Source) else Source.AUTOMATIC,
        days=common.number(common.text(form, "window"), 366, DAYS, least=7),
    )  # fmt: skip
