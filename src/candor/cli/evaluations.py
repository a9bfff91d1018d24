"""``candor evaluations``: what waits to be evaluated by people, and drawing what is due."""

from __future__ import annotations

import json

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.cli.tables import print_table
from candor.conversation.codec import plain
from candor.kit import clock
from candor.replay import judged
from candor.replay.model import Scope
from candor.scoring.assignments.model import AssignmentState

app = typer.Typer(help="Evaluation by people: what waits, sampling.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")


@app.command("list")
def list_(
    evaluator: str | None = typer.Option(None, help="Only those of this person, by log-in name; `queue`: of nobody."),
    *,
    overdue: bool = typer.Option(False, help="Only those whose day is over."),
    as_json: bool = _AS_JSON,
) -> None:
    """List open assignments, what is due first."""
    services = wiring.open_services()
    with services.database.read() as uow:
        people = {user.id: user.login for user in services.access.users(uow)}
        in_queue = evaluator == "queue"
        whose = None
        if evaluator is not None and not in_queue:
            whose = services.access.people.by_login(uow, evaluator).id
        rows = judged.list_assignments(uow, Scope(), evaluator=whose, in_queue=in_queue, state=AssignmentState.OPEN)
    now = clock.now()
    found = [row for row in rows if not overdue or row.assignment.due_at < now]
    if as_json:
        print(json.dumps({"assignments": [plain(row.assignment) for row in found]}, ensure_ascii=False))
        return
    table = Table("Conversation", "Agent", "Scorecard", "For", "Evaluator", "Due")
    for row in found:
        one = row.assignment
        whose = people.get(one.evaluator, one.evaluator) if one.evaluator else "queue"
        due = one.due_at.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(
            one.conversation_id, escape(row.row.agent or "?"), one.scorecard, one.occasion.value, escape(whose), due
        )
    print_table(table)


@app.command()
def draw(*, as_json: bool = _AS_JSON) -> None:
    """Draw every sampling plan whose period is over, and release what is due: workers do so every minute."""
    services = wiring.open_services()
    drawn, released = services.assigning.draw_due(), services.evaluating.release_due()
    if as_json:
        print(json.dumps({"drawn": drawn, "released": released}))
    else:
        print(f"{drawn} plans drawn, {released} evaluations released.")
