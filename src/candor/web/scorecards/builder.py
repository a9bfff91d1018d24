"""The builder: a draft, part by part, saved with every change; its YAML; trying it; publishing it.

Every act is one form that names a part and what to do with it, so that all of it works without script. With script,
a change of a field is saved at once and only what follows from it (faults, weights) is drawn anew: what somebody types
meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from candor.conversation.evaluation import AnswerKind
from candor.errors import CandorError, Conflict, InvalidInput, NotFound, TooLarge
from candor.scoring.lifecycle import checking, drafting
from candor.scoring.lifecycle.drafting import Tree
from candor.scoring.lifecycle.store import Draft
from candor.scoring.vocabulary import DEFAULT
from candor.web.consent.common import names, noticed
from candor.web.i18n import N_, _
from candor.web.render import renderer_of
from candor.web.scorecards import common, fields, terms
from candor.web.scorecards.common import AT
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
DRAFT = AT + "/{scorecard_id}/draft"
_DONE = {
    "begun": N_("A draft: change it as you like. Nothing is judged with it before it is published."),
    "saved": N_("Saved."),
    "taken": N_("Taken from the YAML."),
}
_EXPECTED = (InvalidInput, Conflict, NotFound, TooLarge)


@router.get(DRAFT)
def builder(scorecard_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The draft in the builder."""
    return _page(request, visit, scorecard_id)


@router.post(DRAFT + "/edit")
def edit(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Do one thing to one part."""
    common.check(visit)
    act, path, focus = str(form.get("act") or "save"), str(form.get("path") or ""), ""
    live = request.headers.get("hx-request") is not None
    try:
        with visit.services.database.write() as uow:
            draft = visit.services.scorecards.draft(uow, scorecard_id, visit.principal)
            tree, focus = _acts(act)(draft.data, path, form)
            draft = visit.services.scorecards.save(uow, scorecard_id, tree, _revision(form), visit.principal)
    except _EXPECTED as problem:
        if live and act == "save":
            return _fragment(request, "refused.html", problem=problem, path=path)
        return _page(request, visit, scorecard_id, problem)
    if not live:
        return RedirectResponse(f"{AT}/{scorecard_id}/draft?done=saved#p-{focus or path or 'card'}", status_code=303)
    values = _values(visit, draft)
    if act == "save":
        return _fragment(request, "saved.html", path=path, **values)
    return _fragment(request, "parts_of_draft.html", focus=focus, **values)


@router.get(DRAFT + ".yaml")
def as_file(scorecard_id: str, visit: CurrentVisit) -> Response:
    """The draft as a file."""
    common.check(visit)
    with visit.services.database.read() as uow:
        draft = visit.services.scorecards.draft(uow, scorecard_id, visit.principal)
    headers = {"Content-Disposition": f'attachment; filename="{scorecard_id}-draft.yaml"'}
    return Response(checking.as_yaml(draft.data), media_type="application/yaml; charset=utf-8", headers=headers)


@router.get(DRAFT + "/yaml")
def yaml_tab(scorecard_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The draft as text."""
    return _yaml(request, visit, scorecard_id)


@router.post(DRAFT + "/yaml")
def take_yaml(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Put a text in the draft's place."""
    common.check(visit)
    text = str(form.get("yaml") or "")
    try:
        with visit.services.database.write() as uow:
            visit.services.scorecards.draft(uow, scorecard_id, visit.principal)
            visit.services.scorecards.take_in(uow, text, visit.principal, _revision(form), scorecard_id)
    except _EXPECTED as problem:
        return _yaml(request, visit, scorecard_id, problem, text)
    return common.done(f"{AT}/{scorecard_id}/draft", "taken")


@router.post(DRAFT + "/discard")
def discard(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Forget the draft."""
    common.check(visit)
    if form.get("sure") != "yes":
        problem = InvalidInput(_("Tick the box that says so."), code="sure", advice=_("Nothing was changed."))
        return _page(request, visit, scorecard_id, problem)
    with visit.services.database.write() as uow:
        visit.services.scorecards.discard(uow, scorecard_id, visit.principal)
        left = [each.id for each in visit.services.scorecards.listed(uow, visit.principal)]
    return common.done(f"{AT}/{scorecard_id}" if scorecard_id in left else AT, "discarded")


@router.get(DRAFT + "/publish")
def publication(scorecard_id: str, request: Request, visit: CurrentVisit) -> Response:
    """What publishing it would change."""
    return _publication(request, visit, scorecard_id)


@router.post(DRAFT + "/publish")
def publish(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Make it a version, and the one in use."""
    common.check(visit)
    try:
        with visit.services.database.write() as uow:
            visit.services.scorecards.publish(uow, scorecard_id, visit.principal, _revision(form))
    except (InvalidInput, Conflict) as problem:
        return _publication(request, visit, scorecard_id, problem)
    return common.done(f"{AT}/{scorecard_id}", "published")


@router.post(DRAFT + "/try")
def try_out(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """What the draft says of one conversation; nothing is kept."""
    common.check(visit)
    wanted = str(form.get("conversation") or "").strip().rstrip("/").rpartition("/")[2][:64]
    services = visit.services
    try:
        with services.database.read() as uow:
            draft = services.scorecards.draft(uow, scorecard_id, visit.principal)
            card = common.faultless(services.scorecards.check(draft))
            services.replay.row(uow, wanted, visit.scope)
        ((made, *_),) = services.scoring.try_out(wanted, [card], visit.principal)
    except _EXPECTED as problem:
        return _page(request, visit, scorecard_id, problem, form={"conversation": wanted})
    questions = {question.id: question for question in card.questions}
    return common.page(
        request, visit, "tried.html", card=card, made=made, questions=questions, conversation=wanted,
        scorecard_id=scorecard_id,
    )  # fmt: skip


# -- acts ----------------------------------------------------------------------------------------------------------

Act = Callable[[Tree, str, FormData], tuple[Tree, str]]


def _acts(name: str) -> Act:
    """What a form may ask for: the new tree, and the part to go to."""
    known: dict[str, Act] = {
        "save": _save,
        "add_section": lambda tree, path, _form: drafting.add_section(tree, path),
        "add_question": lambda tree, path, _form: drafting.add_question(tree, path),
        "add_option": _add_option,
        "up": lambda tree, path, form: drafting.move(_save(tree, path, form)[0], path, -1),
        "down": lambda tree, path, form: drafting.move(_save(tree, path, form)[0], path, 1),
        "copy": lambda tree, path, form: drafting.duplicate(_save(tree, path, form)[0], path),
        "remove": lambda tree, path, _form: (drafting.remove(tree, path), ""),
        "kind": lambda tree, path, form: (drafting.set_kind(tree, path, str(form.get("kind"))), path),
        "rule": _start_rule,
    }
    if name not in known:
        raise InvalidInput(_("That cannot be done."), code="draft.act")
    return known[name]


def _save(tree: Tree, path: str, form: FormData) -> tuple[Tree, str]:
    """Take over the fields of the form, where it has any."""
    last = path.rpartition(".")[2][:1]
    if "fields" not in form:
        return tree, path
    if last == "q":
        return drafting.set_fields(tree, path, fields.question_fields(form, drafting.at(tree, path))), path
    given = fields.section_fields(form) if last == "s" else fields.scorecard_fields(form)
    return drafting.set_fields(tree, path, given), path


def _add_option(tree: Tree, path: str, form: FormData) -> tuple[Tree, str]:
    tree = _save(tree, path, form)[0]
    options = list(drafting.at(tree, path).get("options") or [])
    taken = {str(option.get("id")) for option in options if isinstance(option, dict)}
    number = next(n for n in range(1, len(options) + 2) if f"option-{n}" not in taken)
    options.append({"id": f"option-{number}", "label": _("Another"), "share": 0})
    return drafting.set_fields(tree, path, {"options": options}), path


def _start_rule(tree: Tree, path: str, form: FormData) -> tuple[Tree, str]:
    kind = str(form.get("rule_kind"))
    if kind not in fields.RULE_STARTERS:
        raise InvalidInput(_("That cannot be done."), code="draft.act")
    before = fields.rule_form(drafting.at(tree, path).get("rule"))
    rule = fields.RULE_STARTERS[kind]
    if kind == "other" and before["kind"] not in {"none", "other"}:
        rule = drafting.at(tree, path).get("rule")
    return drafting.set_fields(tree, path, {"rule": rule}), path


def _revision(form: FormData) -> int:
    """The newest of those given: what the form was drawn with, and the page's, which every save raises.

    Two names, because of two fields of one name htmx sends the form's alone.
    """
    found = [*form.getlist("revision"), *form.getlist("seen")]
    given = [int(text) for each in found if (text := str(each)).isdigit() and len(text) < 10]
    return max(given, default=0)


# -- pages ---------------------------------------------------------------------------------------------------------


def _values(visit: Visit, draft: Draft) -> dict[str, Any]:
    checked = visit.services.scorecards.check(draft)
    tree = draft.data
    return {
        "draft": draft, "tree": fields.shown(tree),
        "together": checking.together(tree), "checked": checked, "weights": checking.weights(tree), "forms": fields,
        "kinds": list(AnswerKind), "ids": [_id(tree, path) for path in drafting.paths(tree) if "q" in path],
        "metrics": sorted(DEFAULT.metrics), "scorecard_id": draft.scorecard, "terms": terms,
    }  # fmt: skip


def _id(tree: Tree, path: str) -> str:
    return str(drafting.at(tree, path).get("id") or "")


def _fragment(request: Request, template: str, **values: Any) -> Response:
    return renderer_of(request).page(request, f"scorecards/{template}", **values)


def _page(
    request: Request, visit: Visit, scorecard_id: str, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    common.check(visit)
    with visit.services.database.read() as uow:
        draft = visit.services.scorecards.draft(uow, scorecard_id, visit.principal)
        people = names(visit, uow)
    return common.page(
        request, visit, "builder.html", problem, people=people, focus="", form=form, noticed=noticed(request, _DONE),
        **_values(visit, draft),
    )  # fmt: skip


def _yaml(
    request: Request, visit: Visit, scorecard_id: str, problem: CandorError | None = None, text: str | None = None
) -> Response:
    common.check(visit)
    with visit.services.database.read() as uow:
        draft = visit.services.scorecards.draft(uow, scorecard_id, visit.principal)
    checked = visit.services.scorecards.check(draft)
    shown = checking.as_yaml(draft.data) if text is None else text
    return common.page(
        request, visit, "yaml.html", problem, draft=draft, checked=checked, text=shown, scorecard_id=scorecard_id
    )


def _publication(request: Request, visit: Visit, scorecard_id: str, problem: CandorError | None = None) -> Response:
    common.check(visit)
    services = visit.services
    with services.database.read() as uow:
        draft = services.scorecards.draft(uow, scorecard_id, visit.principal)
        checked = services.scorecards.check(draft)
        told = services.scorecards.differences(uow, checked.scorecard) if checked.scorecard else ()
        found = services.scorecards.one(uow, scorecard_id, visit.principal)
    return common.page(
        request, visit, "publish.html", problem, draft=draft, checked=checked, told=told, found=found,
        scorecard_id=scorecard_id,
    )  # fmt: skip
