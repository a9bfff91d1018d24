"""``candor quality``: agreement of rules and people, and reports."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.access.model import RIGHTS, Breadth, Principal, Reach, UserRole
from candor.cli.tables import print_table
from candor.conversation.codec import plain
from candor.errors import InvalidInput
from candor.kit import clock
from candor.pipeline.reporting import Wanted
from candor.scoring.agreement.statistics import Interval

app = typer.Typer(help="Agreement of automatic and human answers; quality reports.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_BY = Principal(
    user_id="cli", login="cli", name="", role=UserRole.ADMINISTRATOR, rights=RIGHTS[UserRole.ADMINISTRATOR],
    reach=Reach(breadth=Breadth.EVERYTHING),
)  # fmt: skip
"""Whoever runs commands on the machine itself sees everything."""


@app.command()
def agreement(
    scorecard: str | None = typer.Argument(None, help="Its id; the configured one when left out."),
    *,
    as_json: bool = _AS_JSON,
) -> None:
    """How far automatic answers agree with those of people who had not seen them, and whether they count."""
    services = wiring.open_services()
    with services.database.read() as uow:
        cards = services.trusting.scorecards(uow, _BY)
        found = services.trusting.overview(uow, _BY, scorecard or (cards[0].id if cards else ""))
    if as_json:
        lines = [
            {
                "question": line.question.id, "standing": line.standing.value, **plain(line.agreement),
                "gate": line.gate and plain(line.gate), "falling": bool(line.drift and line.drift.worse),
            }
            for line in found.lines
        ]  # fmt: skip
        told = {"scorecard": found.scorecard.id, "version": found.scorecard.version, "questions": lines}
        print(json.dumps(told, ensure_ascii=False))
        return
    table = Table("question", "pairs", "equal", "kappa", "alpha", "automatic answers")
    for line in found.lines:
        one = line.agreement
        falling = ", falling" if line.drift and line.drift.worse else ""
        table.add_row(
            escape(line.question.id), str(one.n), _figure(one.equal), _figure(one.kappa), _figure(one.alpha),
            f"{line.standing.value}{falling}",
        )  # fmt: skip
    print_table(table)


@app.command()
def report(
    out: Path = typer.Argument(help="A file that ends in .pdf, .csv or .json; - for CSV on standard output."),
    scorecard: str | None = typer.Option(None, help="Its id; the first in use when left out."),
    since: datetime | None = typer.Option(None, formats=["%Y-%m-%d"], help="First day; 90 days ago when left out."),
    until: datetime | None = typer.Option(None, formats=["%Y-%m-%d"], help="Last day; today when left out."),
    team: list[str] = typer.Option([], help="Repeatable; all when left out."),
    queue: list[str] = typer.Option([], help="Repeatable."),
    agent: list[str] = typer.Option([], help="An agent's id; repeatable."),
    zone: str = typer.Option("UTC", help="IANA name: whose days."),
) -> None:
    """Scores over time, distribution, questions, evaluators' strictness, disputes and coverage of a period."""
    days = _zone(zone)
    last = until.date() if until else clock.now().astimezone(days).date()
    first = since.date() if since else last - timedelta(days=89)
    services = wiring.open_services()
    with services.database.read() as uow:
        cards = services.trusting.scorecards(uow, _BY)
        wanted = Wanted(
            scorecard=scorecard or (cards[0].id if cards else ""), since=_midnight(first, days),
            until=_midnight(last + timedelta(days=1), days), teams=tuple(team), queues=tuple(queue),
            agents=tuple(agent),
        )  # fmt: skip
        form = out.suffix.lstrip(".").lower() if str(out) != "-" else "csv"
        if form == "pdf":
            data = services.reporting.as_pdf(uow, _BY, wanted, days)
        elif form == "csv":
            data = services.reporting.as_csv(uow, _BY, wanted, days).encode()
        elif form == "json":
            made = services.reporting.report(uow, _BY, wanted, days)
            data = json.dumps(plain(made), ensure_ascii=False).encode()
        else:
            raise InvalidInput("A report is .pdf, .csv or .json.", code="report.form", advice="Name the file so.")
    if str(out) == "-":
        print(data.decode(), end="")
    else:
        out.write_bytes(data)
        print(f"{out}: {len(data):,} bytes.")
    with services.database.write() as uow:
        services.reporting.exported(uow, _BY, wanted, form)


def _figure(found: Interval | None) -> str:
    return "-" if found is None else f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("There is no such zone.", code="time.zone", advice="Such as Europe/Paris.") from None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
