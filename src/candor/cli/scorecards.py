"""``candor scorecard``: check, publish and retire scorecards; simulate them, judge past conversations anew."""

from __future__ import annotations

import json
import multiprocessing
import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from candor import wiring
from candor.cli import scoring
from candor.cli.tables import print_table
from candor.errors import Conflict, InvalidInput, NotFound, TooLarge
from candor.kit import clock, log
from candor.pipeline.rescoring import SAMPLE, Ask, job_of
from candor.scoring import service, store
from candor.scoring.lifecycle import store as versions
from candor.scoring.loader import MAX_BYTES, load_scorecard
from candor.scoring.model import Scorecard
from candor.scoring.rescoring.store import Job, State
from candor.services import Services

app = typer.Typer(help="Scorecards: versions, drafts, simulation, rescoring.", no_args_is_help=True)
app.command("draft")(scoring.draft)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_SINCE = typer.Option(None, help="The first day, 2027-01-31; thirty days before the end when left out.")
_UNTIL = typer.Option(None, help="The last day; now when left out.")
_PROCESSES = typer.Option(None, min=1, max=64, help="How many processes work on it; one a core when left out.")
_LOOK_EVERY = 0.5
_MOST_TOLD = 20


@app.command("list")
def list_(*, as_json: bool = _AS_JSON) -> None:
    """All scorecards: what is in use, how many versions, whether a draft is open."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.scorecards.listed(uow)
    if as_json:
        told = [
            {"id": each.id, "title": each.title, "active": each.active.version if each.active else None,
             "versions": [version.version for version in each.versions], "draft": each.draft is not None}
            for each in found
        ]  # fmt: skip
        _out({"scorecards": told})
        return
    table = Table("scorecard", "title", "in use", "versions", "draft")
    for each in found:
        use = str(each.active.version) if each.active else "no"
        draft = "open" if each.draft else ""
        table.add_row(escape(each.id), escape(each.title), use, str(len(each.versions)), draft)
    print_table(table)


@app.command()
def show(
    scorecard: str = typer.Argument(help="Its id."),
    version: int | None = typer.Option(None, help="The one in use when left out."),
) -> None:
    """A published version as YAML."""
    services = wiring.open_services()
    with services.database.read() as uow:
        try:
            print(versions.version(uow, scorecard, version).yaml, end="")
        except NotFound:
            if version is not None or scorecard not in service.builtins():
                raise
            print(service.builtin_yaml(scorecard), end="")


@app.command()
def check(
    file: Path = typer.Argument(help="A YAML file."),
    *,
    as_json: bool = _AS_JSON,
) -> None:
    """Read a file strictly: what is wrong in it, else what it would change."""
    services = wiring.open_services()
    card = load_scorecard(_text(file))
    with services.database.read() as uow:
        told = [str(each) for each in services.scorecards.differences(uow, card)]
    if as_json:
        _out({"id": card.id, "version": card.version, "questions": len(card.questions), "changes": told})
        return
    print(f"{card.title} ({card.id}), version {card.version}: {len(card.questions)} questions, no fault.")
    for each in told:
        print(f"- {each}")


@app.command()
def publish(file: Path = typer.Argument(help="A YAML file with a version higher than any before it.")) -> None:
    """Make a file the version in use; the one before it is retired."""
    services = wiring.open_services()
    text = _text(file)
    with services.database.write() as uow:
        made = services.scorecards.publish_text(uow, text, None)
    print(f"{made.scorecard} version {made.version} is in use.")


@app.command()
def retire(scorecard: str = typer.Argument(help="Its id.")) -> None:
    """Use it no more; what was judged with it stays."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.scorecards.retire(uow, scorecard, None)
    print(f"{scorecard} is retired.")


@app.command()
def simulate(
    scorecard: str = typer.Argument(help="A YAML file, or the id of one in use."),
    *,
    since: str | None = _SINCE,
    until: str | None = _UNTIL,
    sample: int = typer.Option(SAMPLE, min=1, help="At most so many conversations, drawn at random."),
    seed: int | None = typer.Option(None, min=0, help="Draw the same ones again."),
    processes: int | None = _PROCESSES,
    as_json: bool = _AS_JSON,
) -> None:
    """What a version would have said of past conversations, beside what was said; nothing of it is kept."""
    services = wiring.open_services()
    card, text = _given(services, scorecard)
    ask = _ask(since, until, sample, seed)
    with services.database.write() as uow:
        job = services.rescoring.simulate(uow, card, text, ask, None)
    _follow(services, job, processes, as_json=as_json)


@app.command()
def rescore(
    scorecard: str | None = typer.Argument(None, help="The id of one in use."),
    *,
    since: str | None = _SINCE,
    until: str | None = _UNTIL,
    job: str | None = typer.Option(None, help="Go on with one that was interrupted, by its id."),
    processes: int | None = _PROCESSES,
    as_json: bool = _AS_JSON,
) -> None:
    """Judge past conversations anew with the version in use. Ctrl-C cancels; what was done stays."""
    services = wiring.open_services()
    if (scorecard is None) == (job is None):
        raise InvalidInput("Name a scorecard, or a job to go on with.", code="rescoring.which")
    with services.database.write() as uow:
        asked = (
            services.rescoring.job(uow, job or "", None)
            if scorecard is None
            else services.rescoring.rescore(uow, scorecard, _ask(since, until), None)
        )
    _follow(services, asked, processes, as_json=as_json)


@app.command()
def retry(
    job: str = typer.Argument(help="The id of a simulation or rescoring that has set conversations aside."),
    *,
    processes: int | None = _PROCESSES,
    as_json: bool = _AS_JSON,
) -> None:
    """Judge once more what could not be judged, when what was in its way is mended."""
    services = wiring.open_services()
    with services.database.write() as uow:
        again = services.rescoring.retry(uow, job, None)
    _follow(services, again, processes, as_json=as_json)


@app.command("cancel")
def cancel_job(job: str = typer.Argument(help="The id of a simulation or rescoring that runs.")) -> None:
    """Stop it; what was rescored stays."""
    services = wiring.open_services()
    with services.database.write() as uow:
        ended = services.rescoring.cancel(uow, job, None)
    print(f"{ended.state.value}: {ended.done} of {ended.total} conversations")


@app.command("job")
def show_job(
    job: str = typer.Argument(help="The id of a simulation or rescoring."), *, as_json: bool = _AS_JSON
) -> None:  # fmt: skip
    """How far it is, what it found, and what it has set aside."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.rescoring.job(uow, job, None)
    _tell(found, as_json=as_json)


def _follow(services: Services, job: Job, processes: int | None, *, as_json: bool) -> None:
    """Work on the job with processes of its own, and tell how far it is."""
    console = Console(stderr=True)
    console.print(f"{job.kind.value} {job.id}: {job.total} of {job.population} conversations")
    # Forked, they have all modules loaded; no connection may be open then, which they would share.
    services.database.close()
    context = multiprocessing.get_context("fork")
    number = min(processes or os.cpu_count() or 1, max(1, job.total))
    helpers = [context.Process(target=work, args=(job.id,), daemon=True) for _ in range(number if job.total else 0)]
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), console=console, disable=as_json,
    )  # fmt: skip
    for helper in helpers:
        helper.start()
    try:
        with bar:
            task = bar.add_task("Judging", total=job.total)
            while job.state is State.RUNNING and any(helper.is_alive() for helper in helpers):
                helpers[0].join(_LOOK_EVERY)
                with services.database.read() as uow:
                    job = services.rescoring.job(uow, job.id, None)
                bar.update(task, completed=job.done)
    except KeyboardInterrupt:
        with services.database.write() as uow:
            job = services.rescoring.cancel(uow, job.id, None)
    for helper in helpers:
        helper.join()
    with services.database.read() as uow:
        job = services.rescoring.job(uow, job.id, None)
    _tell(job, as_json=as_json)
    if job.state is State.RUNNING:
        raise Conflict(
            "It is not finished.", code="rescoring.unfinished",
            advice=f"Workers go on with it, or: candor scorecard rescore --job {job.id}",
        )  # fmt: skip


def work(job_id: str) -> None:
    """What each process does."""
    log.configure(json_lines=True, level="WARNING")
    wiring.open_services().rescoring.work(only=job_id)


def _tell(job: Job, *, as_json: bool) -> None:
    if as_json:
        _out(job_of(job))
        return
    print(f"{job.state.value}: {job.done} of {job.total} conversations")
    if job.waiting:
        print(f"{job.waiting} failed and are tried again, by the workers or when you go on with the job.")
    for one in job.aside[:_MOST_TOLD]:
        print(f"Set aside: {one.conversation_id} {one.code}, after {one.attempts} attempts.")
    if job.aside:
        print(f"Set aside: {len(job.aside)}. Once more: candor scorecard retry {job.id}")
    result: dict[str, Any] = job.result or {}
    if not result.get("scored"):
        return
    table = Table("", "before", "after")
    for name, key in (("mean score", "mean"), ("passed", "passed"), ("failed", "failed"), ("open", "open")):
        table.add_row(name, *(_cell(result[side][key]) for side in ("before", "after")))
    table.add_row("pass rate", *(_rate(result[side]["rate"]) for side in ("before", "after")))
    print_table(table)
    flips = ", ".join(f"{n} {name.replace('>', ' → ')}" for name, n in result["flips"].items()) or "none"
    print(f"Results that change, of {result['compared']} compared: {flips}.")
    changed = {name: told["changed"] for name, told in result["questions"].items() if told["changed"]}
    for name, n in sorted(changed.items(), key=lambda item: -item[1]):
        print(f"- {name}: {n} other answers")
    if result["skipped"]:
        print("Left out: " + ", ".join(f"{n} {code}" for code, n in result["skipped"].items()) + ".")


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _rate(rate: list[float] | None) -> str:
    return "–" if rate is None else f"{rate[0]:.0%} ({rate[1]:.0%} to {rate[2]:.0%})"


def _given(services: Services, name: str) -> tuple[Scorecard, str]:
    """A scorecard and, when it is a file, its text."""
    if name.lower().endswith((".yaml", ".yml")) or Path(name).is_file():
        text = _text(Path(name))
        return load_scorecard(text), text
    with services.database.read() as uow:
        return store.get_scorecard(uow, name), ""


def _ask(since: str | None, until: str | None, sample: int | None = None, seed: int | None = None) -> Ask:
    last = _day(until)
    return Ask(since=_day(since), until=last and min(last + timedelta(days=1), clock.now()), sample=sample, seed=seed)


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise InvalidInput("That is no day.", code="rescoring.day", advice="Write it as 2027-01-31.") from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TooLarge(f"A scorecard is at most {MAX_BYTES:,} bytes of YAML.", code="scorecard.too_large")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound("There is no such file.", code="path.none") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("The file cannot be read as text.", code="path.unreadable") from error


def _out(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False))
