"""``candor completeness``: hand in the phone system's call list, and see what was not recorded as it should."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.capture.completeness import store
from candor.capture.completeness.model import Kind
from candor.capture.completeness.store import Noted, State
from candor.capture.files.table import LARGEST
from candor.cli.tables import print_table
from candor.errors import InvalidInput
from candor.kit import clock
from candor.pipeline.completeness import Checked, Report
from candor.services import Services

app = typer.Typer(help="Was everything recorded that should have been?", no_args_is_help=True)

_FAILING = (Kind.MISSING,)
"""Kinds that end a check with 1."""
_SHOWN = 200


@app.command("import")
def import_(
    file: Path = typer.Argument(help="CSV, TSV or JSON Lines as the phone system exports it."),
    *,
    source: str = typer.Option(..., help="The list's name: one for each phone system."),
    zone: str | None = typer.Option(None, help="Time zone (IANA) of times without an offset, like Europe/Berlin."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on standard output, for scripts."),
) -> None:
    """Hand in a call list. A call that is handed in again replaces itself. Ends with 1 when a line was not taken."""
    try:
        if file.stat().st_size > LARGEST:
            raise InvalidInput("The list is larger than 64 MB.", code="table.too_large", advice="Split it.")
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInput("The list cannot be opened.", code="path.unreadable") from error
    taken = _open().completeness.import_list(data, file.name, source=source, zone=zone)
    if as_json:
        errors = [{"line": line, "code": why.code, "message": why.message, "advice": why.advice}
                  for line, why in taken.errors]  # fmt: skip
        print(json.dumps({"added": taken.added, "replaced": taken.replaced, "errors": errors,
                          "notes": list(taken.notes)}))  # fmt: skip
    else:
        print(f"{taken.added} calls added, {taken.replaced} replaced, {len(taken.errors)} lines not taken.")
        for note in taken.notes:
            print(f"  note  {note}")
        for line, why in taken.errors[:_SHOWN]:
            print(f"  FAILED  line {line}: {why.message} {why.advice} [{why.code}]", file=sys.stderr)
    if taken.errors:
        raise typer.Exit(1)


@app.command("check")
def check(
    *,
    since: datetime | None = typer.Option(None, "--from", help="From this local time on; 7 days ago if left out."),
    until: datetime | None = typer.Option(None, "--to", help="Before this local time; now if left out."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on standard output, for scripts."),
) -> None:
    """Hold the lists against the recordings. Ends with 1 when a call that should have been recorded is missing."""
    house = _open()
    end = until.astimezone(UTC) if until else clock.now()
    begin = since.astimezone(UTC) if since else end - timedelta(days=7)
    checked = house.completeness.check(begin, end)
    with house.database.read() as uow:
        report = house.completeness.report(uow, begin, end)
        page = store.page(uow, begin, end, states=[State.OPEN], limit=1000 if as_json else _SHOWN)
    if as_json:
        print(json.dumps(_as_json(checked, report, page.rows)))
    else:
        _tell(report, page.rows, page.total)
    if any(report.open(kind) for kind in _FAILING):
        raise typer.Exit(1)


@app.command("forget")
def forget(
    before: datetime = typer.Option(..., help="Local date; calls that ended before it are deleted from the lists."),
) -> None:
    """Delete old call lists: they hold personal data. What was found about their calls stays."""
    print(f"{_open().completeness.forget(before.astimezone(UTC))} calls deleted from the lists.")


def _open() -> Services:
    return wiring.open_services()


def _as_json(checked: Checked, report: Report, rows: tuple[Noted, ...]) -> dict[str, object]:
    return {
        "since": checked.since.isoformat(), "until": checked.until.isoformat(), "expected": checked.expected,
        "captured": checked.captured, "to_record": report.to_record, "recorded": report.recorded,
        "missing": report.missing, "unrecorded": report.unrecorded, "unrecorded_reasons": report.reasons,
        "share": report.share, "new": checked.new, "gone": checked.gone,
        "open": {kind.value: report.open(kind) for kind in Kind},
        "discrepancies": [
            {"id": each.id, "kind": each.kind.value, "at": each.at.isoformat(), "source": each.source,
             "call_id": each.call_id, "conversations": list(each.conversations), "seconds": each.seconds}
            for each in rows
        ],
    }  # fmt: skip


def _tell(report: Report, rows: tuple[Noted, ...], total: int) -> None:
    if report.share is None:
        print("The lists have no call in this period that should have been recorded.")
    else:
        # Rounded down: 100.0 % means all.
        print(f"{int(report.share * 1000) / 10:.1f} % recorded: {report.recorded} of {report.to_record} calls, "
              f"{report.missing} missing, {report.unclear} unclear.")  # fmt: skip
    for reason, number in report.reasons.items():
        print(f"{number} rightly not recorded: {reason}")
    if not rows:
        print("No open differences.")
        return
    table = Table("difference", "call", "call id", "list", "seconds", "recordings")
    for each in rows:
        cells = (each.kind.value.replace("_", " "), f"{each.at:%Y-%m-%d %H:%M:%S}Z", each.call_id or "", each.source,
                 "" if each.seconds is None else f"{each.seconds:.1f}", " ".join(each.conversations))  # fmt: skip
        table.add_row(*(escape(cell) for cell in cells))
    print_table(table)
    if total > len(rows):
        print(f"{len(rows)} of {total}; the page Completeness shows all.")
