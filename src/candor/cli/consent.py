"""``candor consent``: what the law asks of a call, the rules behind it, and counsel's overrides."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.cli import announcements, ledger, sites
from candor.cli.consent_words import tell, tell_rule
from candor.cli.tables import print_table
from candor.consent import pack as packs
from candor.consent import plain
from candor.consent.model import Attestation, Facts, UnknownLeg
from candor.errors import InvalidInput
from candor.kit import clock

app = typer.Typer(help="May this call be recorded, and on what terms? Not legal advice.", no_args_is_help=True)
override = typer.Typer(
    help="What your counsel changes of the rules; never edited, only superseded.", no_args_is_help=True
)
pack = typer.Typer(help="The rule pack in use.", no_args_is_help=True)
app.add_typer(override, name="override")
app.add_typer(pack, name="pack")
app.add_typer(announcements.app, name="announcements")
ledger.register(app)
sites.register(app)

_DAY = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_LARGEST = 8 * 1024 * 1024
"""Bytes of a rule pack; the one that ships has 0.3 MB."""


@app.command("decide")
def decide(
    *,
    purpose: str = typer.Option(..., help="quality, training, documentation, transaction_proof, must_record_mifid …"),
    channel: str = typer.Option("voice", help="voice, video, in_person, chat or email."),
    caller: str | None = typer.Option(None, help="The caller's number, or anonymous."),
    callee: str | None = typer.Option(None, help="The number that was called."),
    agent_location: str | None = typer.Option(None, help="Where the agent is: US-TX, DE …"),
    establishment: str | None = typer.Option(None, help="Where the employer is established."),
    recorder: str | None = typer.Option(None, help="Where it is recorded."),
    extra_leg: list[str] = typer.Option([], help="Id or number of one who joins, or a place that counts."),
    unknown_leg: list[UnknownLeg] = typer.Option([], help="A party of unknown place, in the US or not; repeatable."),
    sector: list[str] = typer.Option([], help="The tenant's sector: pci, hipaa, mifid, fdcpa …; repeatable."),
    at: datetime | None = typer.Option(None, formats=_DAY, help="The day whose rules count; today when left out."),
    region: str | None = typer.Option(None, help="Country by which numbers without + are read."),
    attestation: Attestation | None = typer.Option(None, help="How far the network vouches for the caller's number."),
    minor: bool = typer.Option(False, "--minor", help="A party has said to be a minor."),
    as_json: bool = _AS_JSON,
) -> None:
    """What the law asks of a call. Any place may be left out as long as one is given."""
    facts = Facts(
        purpose=purpose, channel=channel, at=_day(at), caller=caller, callee=callee, agent_location=agent_location,
        establishment=establishment, recorder=recorder, extra_legs=tuple(extra_leg), unknown_legs=tuple(unknown_leg),
        sectors=tuple(sector), region=region and region.strip().upper(), attestation=attestation, minor=minor,
    )  # fmt: skip
    services = wiring.open_services()
    with services.database.read() as uow:
        made = services.consent.decide(uow, facts)
        levels = services.consent.rules(uow, facts.at).head
    if as_json:
        print(json.dumps(plain.decision(made), ensure_ascii=False))
    else:
        print(tell(made, levels))


@app.command("rules")
def rules(
    rule: str | None = typer.Argument(None, help="Id of one rule: US-CA, DE, MIFID2-16-7, X-STRICTEST …"),
    *,
    at: datetime | None = typer.Option(None, formats=_DAY, help="The day whose rules are shown; today when left out."),
    as_json: bool = _AS_JSON,
) -> None:
    """The rules of a day, or one of them with its citations."""
    services = wiring.open_services()
    with services.database.read() as uow:
        if rule is not None:
            record, changes = services.consent.rule(uow, rule, _day(at))
            as_data = json.dumps(plain.rule(record, changes), ensure_ascii=False)
            print(as_data if as_json else tell_rule(record, changes))
            return
        law = services.consent.rules(uow, _day(at))
    if as_json:
        groups = (law.jurisdictions, law.sectors, law.cross)
        every = [each for group in groups for each in group.values()]
        listed = [plain.rule(each, law.overridden.get(each.id, ())) for each in every]
        print(json.dumps({"pack": law.version, "rules": listed}, ensure_ascii=False))
        return
    table = Table("rule", "name", "level", "for purposes and channels", "confidence", "reviewed", "overridden")
    for place in law.jurisdictions.values():
        own = {**place.purpose_overrides, **place.channel_overrides}
        _row(table, place.id, place.name, str(place.engine_level), ", ".join(f"{k} {v}" for k, v in own.items()),
             place, law.overridden)  # fmt: skip
    for each in (*law.sectors.values(), *law.cross.values()):
        _row(table, each.id, each.name, "", "", each, law.overridden)
    print_table(table)
    print(f"Rule pack {law.version}. {law.head.disclaimer}")


@override.command("set")
def set_(
    rule: str = typer.Argument(help="Id of the rule: US-MD, DE, PCI-DSS …"),
    field: str = typer.Argument(help="engine_level, purpose_overrides.quality, notice_must_be_recorded …"),
    value: str = typer.Argument(help="The new value, as JSON; a bare word is text."),
    *,
    author: str = typer.Option(..., help="Who answers for it: your counsel's name."),
    reason: str = typer.Option(..., help="Why, with the source."),
    since: datetime | None = typer.Option(None, "--from", formats=_DAY[:1], help="First day; today when left out."),
    until: datetime | None = typer.Option(None, "--until", formats=_DAY[:1], help="Last day; open when left out."),
) -> None:
    """Change one field of a rule from a day on."""
    services = wiring.open_services()
    with services.database.write() as uow:
        made = services.consent.override(
            uow, rule, field, _value(value), author=author, reason=reason, made_by="cli",
            effective_from=since and since.date(), effective_until=until and until.date(),
        )  # fmt: skip
    print(f"{made.rule} {made.field}: {_short(made.old)} → {_short(made.new)} from {made.effective_from}.")


@override.command("withdraw")
def withdraw(
    rule: str = typer.Argument(help="Id of the rule."),
    field: str = typer.Argument(help="The field that is overridden."),
    *,
    author: str = typer.Option(..., help="Who answers for it."),
    reason: str = typer.Option(..., help="Why."),
    since: datetime | None = typer.Option(None, "--from", formats=_DAY[:1], help="First day; today when left out."),
) -> None:
    """Let the rule pack's own value count again from a day on."""
    services = wiring.open_services()
    with services.database.write() as uow:
        made = services.consent.withdraw(
            uow, rule, field, author=author, reason=reason, made_by="cli", effective_from=since and since.date()
        )
    print(f"{made.rule} {made.field}: the rule pack counts again from {made.effective_from}.")


@override.command("history")
def history(
    rule: str | None = typer.Argument(None, help="Id of one rule; all when left out."), *, as_json: bool = _AS_JSON
) -> None:
    """Every override and withdrawal ever made, oldest first."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.consent.history(uow, rule)
    if as_json:
        print(json.dumps([plain.override(each) for each in found], ensure_ascii=False))
        return
    table = Table("made", "rule", "field", "from", "until", "was", "is", "author", "reason", "by")
    for each in found:
        cells = (f"{each.made_at:%Y-%m-%d %H:%M}Z", each.rule, each.field, str(each.effective_from),
                 str(each.effective_until or ""), _short(each.old), "withdrawn" if each.withdrawn else _short(each.new),
                 each.author, each.reason, each.made_by)  # fmt: skip
        table.add_row(*(escape(cell) for cell in cells))
    print_table(table)


@pack.command("check")
def check(folder: Path = typer.Argument(help="A folder with pack.toml and the files that it names.")) -> None:
    """Read a rule pack without using it; what is wrong is told with file, record and field."""
    read = packs.read(_files(folder))
    print(f"Version {read.version} is valid: {len(read.latest)} places and sectors, {len(read.cross)} cross rules.")


@pack.command("install")
def install(folder: Path = typer.Argument(help="A folder with pack.toml and the files that it names.")) -> None:
    """Use a newer rule pack from now on. One that does not validate is refused whole; the one in use stays."""
    services = wiring.open_services()
    with services.database.write() as uow:
        used = services.consent.install(uow, _files(folder), by="cli")
    print(f"Rule pack {used.version} is in use.")


@pack.command("list")
def list_packs(*, as_json: bool = _AS_JSON) -> None:
    """The pack in use, and those that were brought in."""
    services = wiring.open_services()
    with services.database.read() as uow:
        used, found = services.consent.pack(uow), services.consent.packs(uow)
    brought = [{"version": each.version, "digest": each.digest, "installed_at": each.installed_at.isoformat(),
                "installed_by": each.installed_by} for each in found]  # fmt: skip
    if as_json:
        print(json.dumps({"in_use": used.version, "digest": used.digest, "shipped": packs.builtin().version,
                          "installed": brought}))  # fmt: skip
        return
    print(f"In use: {used.version}. Shipped with this version of Candor: {packs.builtin().version}.")
    for each in brought:
        print(f"  {each['installed_at']}  {each['version']}  by {each['installed_by']}  sha256 {each['digest']}")


def _row(table: Table, rule: str, name: str, level: str, own: str, record: Any, overridden: Any) -> None:
    cells = (
        rule,
        name,
        level,
        own,
        f"{record.confidence:.2f}",
        str(record.last_reviewed),
        "yes" if rule in overridden else "",
    )
    table.add_row(*(escape(cell) for cell in cells))


def _day(at: datetime | None) -> date:
    return at.date() if at else clock.now().date()


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _files(folder: Path) -> dict[str, bytes]:
    try:
        found = sorted(folder.glob("*.toml"))
        if sum(each.stat().st_size for each in found) > _LARGEST:
            raise InvalidInput("The rule pack is larger than 8 MB.", code="consent.pack")
        return {each.name: each.read_bytes() for each in found}
    except OSError as error:
        raise InvalidInput("The rule pack cannot be read.", code="path.unreadable") from error
