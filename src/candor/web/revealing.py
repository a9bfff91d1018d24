"""The conversation page unmasked: asking for leave with a reason, text and sound while it holds, giving it back."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup, escape

from candor.access.model import Right
from candor.conversation.transcript import PiiSpan, Utterance
from candor.errors import Forbidden, InvalidInput
from candor.kit import clock
from candor.pipeline.revealing import Unmasked
from candor.web import conversation
from candor.web.reading import Reading
from candor.web.render import renderer_of
from candor.web.sound import part_begins, ranged
from candor.web.unmasking import revealing_of
from candor.web.visit import CurrentVisit, Posted

router = APIRouter()


@router.post("/conversations/{conversation_id}/reveal")
def reveal(conversation_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Ask for leave; then the page is shown unmasked."""
    visit.principal.require(Right.CONVERSATION_REVEAL)
    reason = str(form.get("reason") or "")[:1000]
    try:
        with visit.services.database.write() as uow:
            visit.services.replay.row(uow, conversation_id, visit.scope)  # raises NotFound outside one's reach
            visit.services.revealing.grant(uow, conversation_id, visit.principal, reason)
    except InvalidInput as wrong:
        values = conversation.page_values(visit, conversation_id)
        values["revealing"] = replace(values["revealing"], error=str(wrong), reason=reason)
        return renderer_of(request).page(
            request, "conversation/page.html", status=422, tab="score", at=None, search="", **values
        )
    return RedirectResponse(f"/conversations/{conversation_id}/unmasked", status_code=303)


@router.post("/conversations/{conversation_id}/conceal")
def conceal(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Give the leave back."""
    del form  # checked, otherwise empty
    visit.principal.require(Right.CONVERSATION_REVEAL)
    with visit.services.database.write() as uow:
        visit.services.replay.row(uow, conversation_id, visit.scope)
        visit.services.revealing.end(uow, conversation_id, visit.principal)
    return RedirectResponse(f"/conversations/{conversation_id}", status_code=303)


@router.get("/conversations/{conversation_id}/unmasked")
def unmasked(conversation_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The page with unmasked text and sound; when the leave ends, the browser goes back to the masked page."""
    visit.principal.require(Right.CONVERSATION_REVEAL)
    values = conversation.page_values(visit, conversation_id)  # raises NotFound outside one's reach
    masked = f"/conversations/{conversation_id}"
    try:
        with visit.services.database.write() as uow:
            found = visit.services.revealing.text(uow, conversation_id, visit.principal)
            values["revealing"] = replace(revealing_of(uow, visit, conversation_id), grant=found.grant, shown=True)
    except Forbidden as refused:
        if refused.code != "reveal.none":
            raise
        return RedirectResponse(masked, status_code=303)
    values["reading"] = unmasked_reading(values["reading"], found)
    response = renderer_of(request).page(request, "conversation/page.html", tab="score", at=None, search="", **values)
    left = max(1, round((found.grant.expires_at - clock.now()).total_seconds()))
    response.headers["Refresh"] = f"{left}; url={masked}"
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get("/conversations/{conversation_id}/unmasked/audio")
def unmasked_audio(conversation_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The sound as it was recorded; 403 without a leave that holds."""
    visit.principal.require(Right.CONVERSATION_REVEAL)
    begins = part_begins(request.headers.get("range"))
    with visit.services.database.write() as uow:
        visit.services.replay.row(uow, conversation_id, visit.scope)
        sound = visit.services.revealing.sound(uow, conversation_id, visit.principal, again=not begins)
    return ranged(request, sound.open(), sound.size, sound.mediatype)


def unmasked_reading(masked: Reading, found: Unmasked) -> Reading:
    """The page's lines with what was said, each stretch that is masked otherwise marked as such."""
    spans: dict[int, list[PiiSpan]] = {}
    for span in found.spans:
        spans.setdefault(span.utterance, []).append(span)
    said = {each.index: each for each in found.transcript.utterances}
    lines = tuple(
        replace(line, html=_html(said[line.index], spans.get(line.index, []))) if line.index in said else line
        for line in masked.lines
    )
    return replace(masked, lines=lines)


def _html(utterance: Utterance, spans: list[PiiSpan]) -> Markup:
    places = {place: span for span in spans for place in range(span.first_word, span.last_word + 1)}
    tokens = [word.text for word in utterance.words] or utterance.text.split(" ")
    parts = []
    for place, text in enumerate(tokens):
        start = f' data-t="{utterance.words[place].start:.2f}"' if utterance.words else ""
        span = places.get(place)
        kind = "" if span is None else f' class="pii shown" title="{escape(span.placeholder)}"'
        parts.append(f"<span{start}{kind}>{escape(text)}</span>")
    return Markup(" ".join(parts))  # noqa: S704  each token was escaped
