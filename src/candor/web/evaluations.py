"""Overriding an answer: a person's verdict with a reason, beside the automatic one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.conversation.evaluation import Verdict
from candor.errors import InvalidInput
from candor.web import answers
from candor.web.conversation import page_values
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted

router = APIRouter()


@router.post("/conversations/{conversation_id}/evaluations")
def override(conversation_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Record one verdict; answers with the score panel for htmx, else goes back to the page."""
    visit.principal.require(Right.SCORE_OVERRIDE)
    with visit.services.database.read() as uow:
        visit.services.replay.row(uow, conversation_id, visit.scope)  # raises NotFound outside one's reach
    given = {name: str(form.get(name) or "").strip() for name in ("scorecard", "question", "verdict", "reason")}
    verdict, value = answers.given(form)
    partial = bool(request.headers.get("hx-request"))
    error = _problem(verdict, given["reason"])
    if not error:
        try:
            with visit.services.database.write() as uow:
                visit.services.scores.override(
                    uow,
                    conversation_id,
                    given["scorecard"],
                    given["question"],
                    Verdict(verdict),
                    given["reason"],
                    visit.principal,
                    value=value,
                )
        except InvalidInput as refusal:
            error = _(refusal.message)
    if not error and not partial:
        return RedirectResponse(f"/conversations/{conversation_id}?tab=score#q-{given['question']}", status_code=303)
    values = page_values(visit, conversation_id)
    typed = [str(each)[:4000] for each in form.getlist("value")]
    values["form"] = given | {"error": error, "value": typed} if error else None
    template = "conversation/score.html" if partial else "conversation/page.html"
    return renderer_of(request).page(
        request, template, status=422 if error else 200, tab="score", at=None, search="", **values
    )


def _problem(verdict: str, reason: str) -> str:
    if verdict not in set(Verdict):
        return _("Choose an answer.")
    if len(reason) < 3:
        return _("Give a reason: whoever reads this later has only your words.")
    return ""
