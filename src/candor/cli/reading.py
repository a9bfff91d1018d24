"""``candor show``, ``list``, ``search``, ``export``, ``audio``: the commands that only read."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import typer
from rich.markup import escape
from rich.table import Column, Table

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.cli.tables import print_table
from candor.conversation.codec import plain
from candor.conversation.model import told_once
from candor.errors import InvalidInput
from candor.replay.document import document, row, shown_as
from candor.replay.exports import Format, as_text, inline_sound
from candor.replay.model import ConversationFilter, ConversationView, Page, Scope, SortKey, Status
from candor.services import Services

_EVERYTHING = Scope()
"""Whoever may run commands on this machine holds the keys anyway."""
_BLOCK = 1 << 20


def list_(
    *,
    text: str | None = typer.Option(None, help="Words, as for candor search."),
    agent: list[str] = typer.Option([], help="Agent id; repeatable."),
    team: list[str] = typer.Option([], help="Repeatable."),
    queue: list[str] = typer.Option([], help="Repeatable."),
    category: list[str] = typer.Option([], help="Repeatable."),
    status: list[Status] = typer.Option([], help="Repeatable."),
    since: datetime | None = typer.Option(None, help="From this local time on."),
    until: datetime | None = typer.Option(None, help="Before this local time."),
    score_max: float | None = typer.Option(None, help="At most this score."),
    sort: SortKey = typer.Option(SortKey.STARTED, help="Order."),
    ascending: bool = typer.Option(False, "--ascending", help="Smallest or oldest first."),
    limit: int = typer.Option(50, min=1, max=1000, help="How many."),
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """List conversations, newest first."""
    wanted = ConversationFilter(
        text=text, agents=tuple(agent), teams=tuple(team), queues=tuple(queue), categories=tuple(category),
        statuses=tuple(status), since=since and since.astimezone(), until=until and until.astimezone(),
        score_max=score_max,
    )  # fmt: skip
    services = wiring.open_services()
    with services.database.read() as uow:
        page = services.replay.page(uow, wanted, _EVERYTHING, sort=sort, descending=not ascending, limit=limit)
    _tell_page(page, as_json=as_json)


def search(
    query: str = typer.Argument(help='Words, "phrases", agent: and customer: in front, - for "not".'),
    *,
    agent: list[str] = typer.Option([], help="Agent id; repeatable."),
    team: list[str] = typer.Option([], help="Repeatable."),
    sort: SortKey = typer.Option(SortKey.STARTED, help="Order; relevance ranks the newest 2,000 hits."),
    limit: int = typer.Option(50, min=1, max=1000, help="How many."),
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """Find conversations by what was said."""
    wanted = ConversationFilter(text=query, agents=tuple(agent), teams=tuple(team))
    services = wiring.open_services()
    with services.database.read() as uow:
        page = services.replay.page(uow, wanted, _EVERYTHING, sort=sort, limit=limit)
    _tell_page(page, as_json=as_json)


def show(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    *,
    as_json: bool = typer.Option(False, "--json", help="Everything, for scripts."),
) -> None:
    """Show one conversation: who, when, what was said, how it was scored."""
    services = wiring.open_services()
    view = _view(services, conversation_id)
    with services.database.write() as uow:
        audit.record(uow, Event.OPENED, "cli", conversation_id=conversation_id, subject="document")
    if as_json:
        print(json.dumps(document(view), ensure_ascii=False))
    else:
        _tell_view(view)


def export(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    *,
    form: Format = typer.Option(..., "--format", help="vcon, json, csv (utterances) or audio (redacted)."),
    output: Path | None = typer.Option(None, "-o", "--output", help="File; standard output when left out."),
) -> None:
    """Take a conversation along, redacted; written to the audit log."""
    services = wiring.open_services()
    view = _view(services, conversation_id)
    if form is Format.AUDIO:
        _write_sound(services, conversation_id, output)
    else:
        sound = None
        if form is Format.VCON:
            with services.database.read() as uow:
                sound = inline_sound(services.replay, uow, conversation_id, Scope())
        text = as_text(view, form, sound)
        if output is None:
            print(text)
        else:
            with private(output) as target:
                target.write(text.encode())
    _note(services, conversation_id, form.value)


def audio(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    *,
    output: Path = typer.Option(..., "-o", "--output", help="File to write."),
    redacted: bool = typer.Option(True, "--redacted/--original", help="Personal data masked, or the original."),
    reason: str | None = typer.Option(None, help="Why the original is needed."),
) -> None:
    """Write the sound of a conversation to a file; the original with a reason, written to the audit log."""
    services = wiring.open_services()
    if redacted:
        _write_sound(services, conversation_id, output)
        _note(services, conversation_id, "audio")
        return
    with services.database.write() as uow:
        services.replay.row(uow, conversation_id, _EVERYTHING)
        services.revealing.grant(uow, conversation_id, None, reason or "")
        stream = services.revealing.sound(uow, conversation_id, None).open()
    with stream, private(output) as target:
        _copy(stream, target)


def reveal(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    *,
    reason: str = typer.Option(..., help="Why it must be read unmasked; it stands in the conversation's history."),
    as_json: bool = typer.Option(False, "--json", help="With word times, for scripts."),
) -> None:
    """Show what was said unmasked; written to the audit log."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.replay.row(uow, conversation_id, _EVERYTHING)
        services.revealing.grant(uow, conversation_id, None, reason)
        found = services.revealing.text(uow, conversation_id, None).transcript
    if as_json:
        print(json.dumps(plain(found), ensure_ascii=False))
        return
    for said in found.utterances:
        print(f"{said.start:7.1f}  {found.role_of(said).value:9}  {said.text}")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("list")(list_)
    for command in (search, show, export, audio, reveal):
        app.command()(command)


def _view(services: Services, conversation_id: str) -> ConversationView:
    with services.database.read() as uow:
        return services.replay.view(uow, conversation_id, _EVERYTHING)


def _note(services: Services, conversation_id: str, what: str) -> None:
    with services.database.write() as uow:
        audit.record(uow, Event.EXPORTED, "cli", conversation_id=conversation_id, subject=what)


def _write_sound(services: Services, conversation_id: str, output: Path | None) -> None:
    with services.database.read() as uow:
        stream = services.replay.audio(uow, conversation_id, _EVERYTHING).open()
    with stream:
        if output is None:
            _copy(stream, sys.stdout.buffer)
        else:
            with private(output) as target:
                _copy(stream, target)


def private(path: Path) -> BinaryIO:
    """A file that only its owner reads."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise InvalidInput("The output file cannot be written.", code="path.unwritable") from error


def _copy(stream: BinaryIO, target: Any) -> None:
    while block := stream.read(_BLOCK):
        target.write(block)


def _tell_page(page: Page, *, as_json: bool) -> None:
    if as_json:
        found = {"conversations": [row(each) for each in page.rows], "total": page.total,
                 "total_at_least": page.total_at_least}  # fmt: skip
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table(Column("id", no_wrap=True), "started", "seconds", "agent", "customer", "score", "status")
    for each in page.rows:
        cells = (
            each.id, f"{each.started_at:%Y-%m-%d %H:%M}Z", "" if each.duration is None else f"{each.duration:.0f}",
            each.agent or "", each.customer or "", "" if each.score is None else f"{each.score:.0f}",
            each.status.value,
        )  # fmt: skip
        table.add_row(*(escape(cell) for cell in cells))
    print_table(table)
    total = f"more than {page.total_at_least}" if page.total is None else str(page.total)
    print(f"{len(page.rows)} of {total}")


def _tell_view(view: ConversationView) -> None:
    found = view.row
    print(
        f"{found.started_at:%Y-%m-%d %H:%M}Z  {found.agent or '?'} with {found.customer or '?'}  {found.status.value}"
    )
    if found.attention:
        print(found.attention)
    for line in _happenings(view):
        print(line)
    if view.legs:
        print("Other legs of this contact:")
    for leg in view.legs:
        length = "" if leg.duration is None else f"{leg.duration:.0f} s"
        print(f"  {leg.started_at:%Y-%m-%d %H:%M}Z  {leg.agent or '?'} with {leg.customer or '?'}  {length}  {leg.id}")
    for each in view.evaluations:
        print(f"{each.scorecard} ({each.source.value}): {'not scored' if each.score is None else f'{each.score:.0f}'}")
    for said in view.redaction.transcript.utterances if view.redaction else ():
        role = view.redaction.transcript.role_of(said).value if view.redaction else ""
        print(f"{said.start:7.1f}  {role:9}  {said.text}")


def _happenings(view: ConversationView) -> list[str]:
    """Who came and went, and where nothing was kept and why, in order of time."""
    found: list[tuple[float, str]] = []
    for party in view.conversation.parties:
        who = f"{party.role.value} {shown_as(party) or ''}".strip()
        found += [
            (at, f"{who} {did}") for at, did in ((party.joined, "joined"), (party.left, "left")) if at is not None
        ]
    for gap in told_once(view.conversation.gaps):
        by = f" by {gap.by}" if gap.by else ""
        found.append((gap.start, f"nothing kept until {gap.stop:.1f}: {gap.reason.replace('_', ' ')}{by}"))
    return [f"{at:7.1f}  {what}" for at, what in sorted(found)]
