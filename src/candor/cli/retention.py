"""``candor retention``: schedules, what would be destroyed, the sweep, certificates of destruction."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.cli.tables import print_table
from candor.errors import InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline import kept_words as words
from candor.vault.disposal import certificate as certificates
from candor.vault.disposal import store as disposals
from candor.vault.retention import reading, store
from candor.vault.retention.model import Ground

app = typer.Typer(help="How long recordings are kept, and their destruction.", no_args_is_help=True)
schedule = typer.Typer(help="Schedules: drafts, what is in effect, history.", no_args_is_help=True)
certificate = typer.Typer(help="Signed certificates of destruction.", no_args_is_help=True)
app.add_typer(schedule, name="schedule")
app.add_typer(certificate, name="certificate")

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_REASON = typer.Option(..., help="Why; it is kept.")
_BY = "cli"
_LARGEST = 64_000_000


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("That is no day.", code="retention.day", advice="Write it as 2027-01-31.") from None


def _out(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False))


@app.command()
def preview(
    on: str | None = typer.Option(None, help="The day, 2027-01-01; today when left out."),
    limit: int = typer.Option(200, min=0, max=100_000, help="How many conversations are listed."),
    *,
    as_json: bool = _AS_JSON,
) -> None:
    """What would be destroyed by the end of a day: counts by schedule, conflicts, conversations."""
    services, day = wiring.open_services(), _day(on) or clock.now().date()
    services.keeping.classify()
    services.holding.refresh()
    with services.database.read() as uow:
        found = services.keeping.preview(uow, day)
        listed = services.keeping.due(uow, day, limit) if limit else []
    if as_json:
        _out(words.preview(found, listed))
        return
    print(f"By the end of {found.day} (UTC) {found.due} conversations would be destroyed of {found.total}.")
    if found.held:
        print(f"{found.held} more are due and stay under a legal hold.")
    if found.unscheduled:
        print(f"{found.unscheduled} have no schedule and are kept.")
    if found.counts:
        table = Table("schedule", "days", "due", "held", "basis")
        for each in found.counts:
            table.add_row(escape(each.schedule), str(each.days), str(each.due), str(each.held), escape(each.basis))
        print_table(table)
    for one in found.conflicts:
        print(f"Conflict, class {one.line.class_id}, {one.conversations} conversations: {_said(one)}")


@app.command()
def sweep(
    *,
    clock_is_right: bool = typer.Option(False, help="The clock has not jumped ahead: time really has passed."),
    as_json: bool = _AS_JSON,
) -> None:
    """Destroy what is due; with four eyes, what was approved, and propose the rest."""
    done = wiring.open_services().keeping.sweep(by=_BY, clock_is_right=clock_is_right)
    if as_json:
        _out(words.swept(done))
        return
    print(f"{done.sweep.destroyed} destroyed, {done.sweep.proposed} proposed, {done.sweep.held} under a legal hold.")
    for one in done.certificates:
        print(f"certificate {one.id}: {one.conversations} conversations")


@app.command()
def conflicts(*, as_json: bool = _AS_JSON) -> None:
    """Where schedule and law disagree: nothing of these is destroyed before a person settles it."""
    services = wiring.open_services()
    services.keeping.classify()
    with services.database.read() as uow:
        found = services.keeping.preview(uow, clock.now().date()).conflicts
    if as_json:
        _out({"conflicts": [words.conflict(one) for one in found]})
        return
    for one in found:
        print(f"class {one.line.class_id}  {one.conversations} conversations  {_said(one)}")
    if not found:
        print("None: schedules and law agree.")


@app.command()
def settle(
    class_id: int = typer.Argument(help="The class, as `candor retention conflicts` names it."),
    days: int = typer.Option(..., min=0, help="How many days these are kept."),
    reason: str = _REASON,
) -> None:
    """A person's word on a conflict."""
    wiring.open_services().keeping.settle(class_id, reading.days_of(days), by=_BY, reason=reason)
    print("Settled.")


@app.command()
def proposals(*, as_json: bool = _AS_JSON) -> None:
    """Lists that wait for a second person, and those decided lately."""
    with wiring.open_services().database.read() as uow:
        found = disposals.proposals(uow)
    if as_json:
        _out({"proposals": [words.proposal(one) for one in found]})
        return
    for one in found:
        print(
            f"{one.id}  {one.state}  {one.conversations} conversations  proposed {one.at.isoformat(timespec='minutes')}"
        )
    if not found:
        print("None.")


@app.command()
def approve(proposal: str = typer.Argument(help="The list's id."), reason: str = typer.Option("", help="Why.")) -> None:
    """A second person's yes: the list is destroyed with the next sweep, within a minute where workers run."""
    wiring.open_services().keeping.approve(proposal, by=_BY, reason=reason)
    print("Approved.")


@app.command()
def refuse(proposal: str = typer.Argument(help="The list's id."), reason: str = _REASON) -> None:
    """A second person's no: the conversations stay."""
    wiring.open_services().keeping.refuse(proposal, by=_BY, reason=reason)
    print("Refused.")


@app.command()
def destroyed(limit: int = typer.Option(100, min=1, max=10_000), *, as_json: bool = _AS_JSON) -> None:
    """What was destroyed, the newest first."""
    with wiring.open_services().database.read() as uow:
        found = disposals.newest(uow, limit)
    if as_json:
        _out({"destroyed": [words.tombstone(one) for one in found]})
        return
    for one in found:
        print(f"{one.at.isoformat(timespec='seconds')}  {one.conversation_id}  {one.why}  {one.basis}")


@app.command()
def lift(file: Path = typer.Argument(help="The recording that may be taken in again."), reason: str = _REASON) -> None:
    """Let a recording that was destroyed be imported again."""
    digest = hashlib.sha512()
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InvalidInput("The file cannot be read.", code="path.unreadable") from error
    services = wiring.open_services()
    with services.database.write() as uow:
        services.disposing.lift(uow, digest.hexdigest(), by=_BY, reason=reason)
    print("It may be imported again.")


# ---- schedules ----


@schedule.command("list")
def list_schedules(
    *, history: bool = typer.Option(False, help="Earlier versions, too."), as_json: bool = _AS_JSON
) -> None:
    """Schedules and drafts."""
    with wiring.open_services().database.read() as uow:
        found = store.schedules(uow)
    if not history:
        newest = {one.name: one for one in found if one.effective_from is not None}
        found = [one for one in found if one.effective_from is None or newest[one.name] is one]
    if as_json:
        _out({"schedules": [words.schedule(one) for one in found]})
        return
    table = Table("name", "version", "days", "when", "from", "basis", "id")
    for one in found:
        when = ", ".join(f"{name} {value}" for name, value in one.when.given.items()) or "everything"
        table.add_row(
            escape(one.name), str(one.version), "withdrawn" if one.days is None else str(one.days), escape(when),
            one.effective_from.isoformat() if one.effective_from else "draft", escape(one.basis), one.id,
        )  # fmt: skip
    print_table(table)


@schedule.command("draft")
def draft_schedule(  # noqa: PLR0917  an option each
    name: str = typer.Argument(help="The schedule's name; a new version when there is one of that name."),
    days: int = typer.Option(..., min=0, help="From the call to its destruction."),
    basis: str = typer.Option(..., help="Why so long: the statute, the policy."),
    jurisdiction: str = typer.Option("", help="A place whose law counts: DE, US-CA."),
    sector: str = typer.Option(""),
    consent: Ground | None = typer.Option(None, help="The ground of consent."),
    purpose: str = typer.Option(""),
    queue: str = typer.Option(""),
    channel: str = typer.Option("", help="voice, chat, email …"),
) -> None:
    """Write a schedule down; it does not count before it is put into effect."""
    when = {
        "jurisdiction": jurisdiction, "sector": sector, "consent": consent, "purpose": purpose, "queue": queue,
        "channel": channel,
    }  # fmt: skip
    services = wiring.open_services()
    with services.database.write() as uow:
        made = services.schedules.draft(uow, reading.draft(name, days, basis, when), by=_BY)
    print(made.id)


@schedule.command("load")
def load_schedules(file: Path = typer.Argument(help="YAML or TOML; see docs/reference/retention.md.")) -> None:
    """Draft every schedule of a file."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInput("The file cannot be read.", code="path.unreadable") from error
    drafts = reading.read(data, file.name)
    services = wiring.open_services()
    with services.database.write() as uow:
        made = [services.schedules.draft(uow, one, by=_BY) for one in drafts]
    for one in made:
        print(f"{one.id}  {one.name} v{one.version}")


@schedule.command("effect")
def put_in_effect(
    schedule_id: str = typer.Argument(help="A draft's id."),
    start: str | None = typer.Option(None, "--from", help="The day; today when left out."),
) -> None:
    """Make a draft count from a day on."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.schedules.put_in_effect(uow, schedule_id, day=_day(start), by=_BY)
    print("In effect.")


@schedule.command("discard")
def discard(schedule_id: str = typer.Argument(help="A draft's id.")) -> None:
    """Forget a draft."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.schedules.discard(uow, schedule_id, by=_BY)
    print("Forgotten.")


@schedule.command("withdraw")
def withdraw(
    name: str = typer.Argument(help="The schedule's name."),
    reason: str = _REASON,
    start: str | None = typer.Option(None, "--from", help="The day; today when left out."),
) -> None:
    """Let a schedule count no longer."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.schedules.withdraw(uow, name, by=_BY, reason=reason, day=_day(start))
    print("Withdrawn.")


# ---- certificates ----


@certificate.command("list")
def list_certificates(*, as_json: bool = _AS_JSON) -> None:
    """Certificates, the newest first, and the keys that sign here."""
    with wiring.open_services().database.read() as uow:
        found, keys = disposals.certificates(uow), disposals.public_keys(uow)
    if as_json:
        _out({"certificates": [words.issued(one) for one in found], "keys": list(keys)})
        return
    for one in found:
        print(f"{one.id}  {one.issued_at.isoformat(timespec='seconds')}  {one.why}  {one.conversations} conversations")
    for key in keys:
        print(f"signed under {key}: note it elsewhere, and hold certificates against it")


@certificate.command("show")
def show_certificate(
    certificate_id: str = typer.Argument(help="Its id."),
    output: Path | None = typer.Option(None, "--output", "-o", help="A file; standard output when left out."),
) -> None:
    """The certificate itself, for handing out."""
    with wiring.open_services().database.read() as uow:
        text = disposals.signed(uow, certificate_id)
    if text is None:
        raise NotFound("There is no such certificate.", code="disposal.certificate")
    if output is None:
        print(text)
    else:
        output.write_text(text + "\n")


@certificate.command("verify")
def verify_certificate(
    file: Path = typer.Argument(help="The certificate."),
    key: str | None = typer.Option(None, help="Thumbprint of the key it must be signed under, as it was noted."),
    *,
    as_json: bool = _AS_JSON,
) -> None:
    """Whether nothing was changed since it was signed, and by whose key; needs no data folder with --key."""
    try:
        if file.stat().st_size > _LARGEST:
            raise InvalidInput("The file is too large for a certificate.", code="disposal.certificate")
        text = file.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise InvalidInput("The file cannot be read.", code="path.unreadable") from error
    if key is None:
        with wiring.open_services().database.read() as uow:
            known = disposals.public_keys(uow)
    else:
        known = {key: ""}
    found = certificates.verify(text, known)
    told = found.payload
    if as_json:
        _out({"whole": True, "ours": found.ours, "key": found.key_id, "certificate": told})
    else:
        print(f"Nothing was changed since it was signed under {found.key_id}.")
        print("That is a key of this house." if found.ours else "That is NOT a key that is known here.")
        print(f"{len(told.get('conversations', []))} conversations were destroyed ({told.get('why')}).")
    if not found.ours:
        raise typer.Exit(4)


def _said(one: Any) -> str:
    line = one.line
    law = f"law {line.facts.min_days or '–'} to {line.facts.max_days or '–'} days"
    chosen = line.period.schedule
    asked = f"{line.label} {chosen.days} days" if chosen else "no schedule"
    where = "/".join(line.facts.places) or "no place"
    return f"{line.period.conflict}: {asked}, {law} ({line.facts.purpose}, {line.facts.queue or 'any queue'}, {where})"
