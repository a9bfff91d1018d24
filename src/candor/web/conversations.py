"""The conversations list: find, narrow, sort, page through, save as a view, export, try again."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from candor.access.model import Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit.ids import new_id
from candor.replay.model import ConversationRow, Page, SavedView
from candor.web import listing
from candor.web.i18n import _, ngettext
from candor.web.listing import Listing
from candor.web.progress import Progress, ProgressBoard
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

MOST_SELECTED = 200
_EXPORT_PAGE = 200
_CSV_FIELDS = (
    "id", "external_id", "started_at", "duration_s", "direction", "agent", "team", "queue", "language", "status",
    "sentiment_customer", "score", "score_source", "critical_failed", "redacted_spans", "categories", "attention",
)  # fmt: skip


@router.get("/conversations")
def conversations(request: Request, visit: CurrentVisit) -> Response:
    """The list that the address describes."""
    asked = listing.read(request.query_params.multi_items(), visit.zone)
    with visit.services.database.read() as uow:
        problems = list(asked.problems)
        try:
            page = visit.services.replay.page(
                uow,
                asked.filter,
                visit.scope,
                sort=asked.sort,
                descending=asked.descending,
                cursor=asked.cursor,
                limit=asked.limit,
            )
        except InvalidInput as error:
            page = Page(rows=(), next_cursor=None, previous_cursor=None, total=0)
            problems.append(str(error))
        facets = visit.services.replay.facets(uow, visit.scope)
        views = visit.services.replay.views(uow, visit.principal.user_id)
    return renderer_of(request).page(
        request,
        "conversations/page.html",
        listing=asked,
        problems=problems,
        page=page,
        facets=facets,
        views=views,
        chips=asked.chips(dict(facets.agents)),
        progress=board_of(request).look(facets, visit.scope),
        noticed=_notice(request),
        listing_sortable=listing.SORTABLE,
        row_address=_row_address(asked),
    )


@router.get("/conversations/progress")
def progress(request: Request, visit: CurrentVisit) -> Response:
    """The progress strip alone, for polling."""
    with visit.services.database.read() as uow:
        facets = visit.services.replay.facets(uow, visit.scope)
    state: Progress = board_of(request).look(facets, visit.scope)
    return renderer_of(request).page(request, "conversations/progress.html", progress=state, polled=True)


@router.get("/conversations.csv")
def conversations_csv(request: Request, visit: CurrentVisit) -> Response:
    """Everything the current filter finds, as CSV."""
    visit.principal.require(Right.CONVERSATION_EXPORT)
    asked = listing.read(request.query_params.multi_items(), visit.zone)
    if asked.problems:
        raise InvalidInput(" ".join(asked.problems))
    _note_export(visit, "csv of a filter")
    return _csv_answer(_all_rows(visit, asked))


@router.post("/conversations/selected")
def selected(visit: CurrentVisit, form: Posted) -> Response:
    """Do one thing with the rows that were ticked: ``export`` or ``retry``."""
    ids = list(dict.fromkeys(str(value) for value in form.getlist("id")))[:MOST_SELECTED]
    back = f"{listing.PATH}?{query}" if (query := str(form.get("query") or "")) else listing.PATH
    if form.get("action") == "export":
        visit.principal.require(Right.CONVERSATION_EXPORT)
        with visit.services.database.read() as uow:
            rows = [visit.services.replay.row(uow, each, visit.scope) for each in ids]
        _note_export(visit, f"csv of {len(rows)} selected")
        return _csv_answer(rows)
    if form.get("action") == "retry":
        visit.principal.require(Right.CONVERSATION_RETRY)
        retried = sum(_retry_parked(visit, each) for each in ids)
        joint = "&" if "?" in back else "?"
        return RedirectResponse(f"{back}{joint}retried={retried}", status_code=303)
    raise InvalidInput(_("Choose what to do with the selected conversations."))


@router.post("/views")
def save_view(visit: CurrentVisit, form: Posted) -> Response:
    """Keep the list's address under a name."""
    name = str(form.get("name") or "").strip()[:80]
    asked = _asked_of(str(form.get("query") or ""), visit)
    if not name:
        raise InvalidInput(_("The view needs a name."), advice=_("Go back and give it one."))
    shared = bool(form.get("shared"))
    if shared:
        visit.principal.require(Right.VIEW_SHARE)
    view = SavedView(id=new_id(), owner=visit.principal.user_id, name=name, query=asked.query, shared=shared)
    with visit.services.database.write() as uow:
        visit.services.replay.save_view(uow, view)
        audit.record(uow, Event.VIEW_SAVED, visit.principal.user_id, subject=view.id)
    return RedirectResponse(asked.address(), status_code=303)


@router.post("/views/{view_id}/delete")
def delete_view(view_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Forget one of one's own views."""
    with visit.services.database.write() as uow:
        visit.services.replay.delete_view(uow, view_id, visit.principal.user_id)
        audit.record(uow, Event.VIEW_DELETED, visit.principal.user_id, subject=view_id)
    return RedirectResponse(_asked_of(str(form.get("query") or ""), visit).address(), status_code=303)


def _row_address(asked: Listing) -> Callable[[ConversationRow], str]:
    """Rows open with the search's words, so that the conversation page marks them, too."""
    query = f"?{urlencode({'q': asked.filter.text})}" if asked.filter.text else ""
    return lambda row: f"{listing.PATH}/{row.id}{query}"


def board_of(request: Request) -> ProgressBoard:
    """The application's progress meters."""
    board: ProgressBoard = request.app.state.progress
    return board


def _asked_of(query: str, visit: Visit) -> Listing:
    request = Request({"type": "http", "query_string": query.encode(), "headers": []})
    return listing.read(request.query_params.multi_items(), visit.zone)


def _notice(request: Request) -> str:
    retried = request.query_params.get("retried", "")
    if not retried.isascii() or not retried.isdigit() or len(retried) > 4:
        return ""
    count = int(retried)
    return ngettext(
        "{count} conversation is being tried again.", "{count} conversations are being tried again.", count
    ).format(count=count)


def _note_export(visit: Visit, what: str) -> None:
    with visit.services.database.write() as uow:
        audit.record(uow, Event.EXPORTED, visit.principal.user_id, subject=what)


def _retry_parked(visit: Visit, conversation_id: str) -> int:
    """Try the stopped stage again; 1 when there was one, else 0."""
    with visit.services.database.read() as uow:
        try:
            view = visit.services.replay.view(uow, conversation_id, visit.scope)
        except NotFound:
            return 0
    stage = next((run.stage for run in view.stages if run.state == "parked"), None)
    if stage is None:
        return 0
    try:
        visit.services.desk.retry(conversation_id, stage, actor=visit.principal.user_id)
    except Conflict:
        return 0  # it runs already
    return 1


def _all_rows(visit: Visit, asked: Listing) -> Iterator[ConversationRow]:
    # A transaction a page: a long download must not hold a snapshot of the database open.
    cursor: str | None = None
    while True:
        with visit.services.database.read() as uow:
            page = visit.services.replay.page(
                uow,
                asked.filter,
                visit.scope,
                sort=asked.sort,
                descending=asked.descending,
                cursor=cursor,
                limit=_EXPORT_PAGE,
            )
        yield from page.rows
        cursor = page.next_cursor
        if cursor is None:
            return


def _csv_answer(rows: Iterable[ConversationRow]) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="conversations.csv"'}
    return StreamingResponse(_csv_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _csv_lines(rows: Iterable[ConversationRow]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield "\ufeff"  # so that spreadsheets read it as UTF-8
    writer.writerow(_CSV_FIELDS)
    for row in rows:
        writer.writerow([_cell(value) for value in _csv_values(row)])
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _csv_values(row: ConversationRow) -> tuple[object, ...]:
    return (
        row.id, row.external_id, row.started_at.isoformat(), row.duration, row.direction.value, row.agent, row.team,
        row.queue, row.language, row.status.value, row.sentiment, row.score, row.score_source, row.critical_failed,
        row.pii_count, "; ".join(row.categories), row.attention,
    )  # fmt: skip


def _cell(value: object) -> object:
    # A text that a spreadsheet would take for a formula is kept a text (OWASP "CSV injection").
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return "" if value is None else value
