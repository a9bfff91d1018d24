"""``candor backup TARGET``, ``candor backup list|verify|prune``, ``candor restore``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperGroup

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.cli.tables import print_table
from candor.errors import Damaged, Incomplete, InvalidInput
from candor.kit.files import replace_file
from candor.pipeline.backup import restoring, store
from candor.pipeline.backup.key_file import open_key_file, seal_key_file
from candor.pipeline.backup.making import Step, tidy
from candor.pipeline.backup.manifest import Manifest, read_manifest
from candor.pipeline.backup.restoring import Restored
from candor.pipeline.backup.target import Target
from candor.pipeline.backup.verifying import Report
from candor.pipeline.backup.verifying import verify as verify_snapshot
from candor.pipeline.disposing import reapply
from candor.settings import Settings, load
from candor.vault.disposal import tombstones

_AS_JSON = typer.Option(False, "--json", help="For scripts.")
_TARGET = typer.Argument(help="The folder of backups.")


class _Group(TyperGroup):
    """``candor backup FOLDER`` makes one; the other commands have names."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="Back up everything, sealed, while Candor runs: `candor backup FOLDER`.",
    no_args_is_help=True,
)


@app.command()
def make(
    target: Path = _TARGET,
    *,
    keep: int = typer.Option(7, min=1, max=10_000, help="How many snapshots stay; older ones are removed."),
    include_key: bool = typer.Option(
        False,
        "--include-key",
        help="Put the key file in, sealed under a passphrase (CANDOR_BACKUP_PASSPHRASE, or asked for).",
    ),
    as_json: bool = _AS_JSON,
) -> None:
    """Make a backup: a new snapshot of the database, and the sealed objects that are not there yet."""
    settings = load()
    services = wiring.open_services(settings)
    backups = wiring.make_backups(settings, services)
    sealed = _sealed_keys(settings, services.shelf.vault.keys.tenant) if include_key else {}
    with _bar(hidden=as_json) as bar:
        task = bar.add_task("objects", total=None)

        def follow(step: Step) -> None:
            bar.update(task, total=step.total, completed=step.done)

        done = backups.make(target, keep=keep, salts=wiring.salts(settings), key_files=sealed, follow=follow)
    if as_json:
        print(json.dumps(_moments(asdict(done))))
    else:
        made = done.made
        print(f"{made.name}: {made.objects} objects, {made.copied} of them new ({made.copied_bytes} bytes).")
        if done.cleared:
            print(f"Cleared away: {len(done.cleared)} backups that were never finished.")
        if done.vanished:
            print(f"{done.vanished} objects are not in the vault any more: removed here, too.")
        if done.expired:
            print(f"{len(done.expired)} older snapshots were removed.")
        if done.in_progress:
            print(f"{done.in_progress} calls were being recorded: they are in the next backup.")
    if done.missing:
        raise Damaged(
            f"{len(done.missing)} objects are missing from the vault; everything else is in the backup.",
            code="backup.missing", advice="See `candor backup list`: an earlier backup may still have them.",
        )  # fmt: skip


@app.command("list")
def list_(target: Path = _TARGET, *, as_json: bool = _AS_JSON) -> None:
    """Every backup in a folder, and those that were never finished."""
    found = Target(target)
    found.tenant()
    manifests = [read_manifest(found, name) for name in found.names()]
    half = found.half_written()
    if as_json:
        print(json.dumps({"backups": [_told(one) for one in manifests], "half_written": half}))
        return
    table = Table("backup", "made at", "objects", "missing", "key")
    for one in manifests:
        table.add_row(
            one.name, f"{one.made_at:%Y-%m-%d %H:%M:%S}Z", str(one.objects), str(len(one.missing)), one.key_id
        )
    print_table(table)
    for name in half:
        print(f"{name} was never finished: it is not used.")


@app.command()
def verify(
    target: Path = _TARGET,
    *,
    snapshot: str | None = typer.Option(None, help="Its name; the newest when left out."),
    open_all: bool = typer.Option(False, "--open", help="Decrypt every object to its end, too."),
    as_json: bool = _AS_JSON,
) -> None:
    """Check every digest, that each object the database names is there, and that its key opens.

    Ends with 4 for damage, 6 for another key, 7 when a backup was never finished.
    """
    settings = load()
    services = wiring.open_services(settings)
    found = Target(target)
    with found.alone(), _bar(hidden=as_json) as bar:
        task = bar.add_task("objects", total=None)
        report = verify_snapshot(
            found, found.choose(snapshot), services.shelf.vault.keys, settings.data / "run", open_all=open_all,
            follow=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    faults = len(report.faults) + report.more
    with services.database.write() as uow:
        store.verified(uow, report.name, faults)
        audit.record(uow, Event.BACKUP_VERIFIED, "cli", subject=f"{report.name}: {faults} faults")
    _report(report, as_json=as_json)
    if faults:
        raise Damaged(
            f"{faults} parts of the backup {report.name} do not verify; the rest is readable.", code="backup.damaged",
            advice="Make a new backup: damaged objects were set aside and are copied anew.",
        )  # fmt: skip
    newer = [name for name in report.half_written if name > report.name]
    if snapshot is None and newer:
        raise Incomplete(
            f"The backup {newer[-1]} was never finished; {report.name} before it is whole.", code="backup.half_written",
            advice="Run `candor backup` again: it goes on with what is there.",
        )  # fmt: skip


@app.command()
def prune(
    target: Path = _TARGET,
    *,
    keep: int = typer.Option(7, min=1, max=10_000, help="How many snapshots stay."),
    as_json: bool = _AS_JSON,
) -> None:
    """Remove older snapshots, and with them the last wrapped keys of what was erased since."""
    services = wiring.open_services()
    found = Target(target)
    with found.alone():
        if found.tenant() != services.shelf.vault.keys.tenant:
            raise InvalidInput(f"{target} holds the backups of another Candor.", code="backup.another")
        vanished, expired = tidy(found, keep)
    with services.database.write() as uow:
        audit.record(uow, Event.BACKUP_PRUNED, "cli", subject=f"{len(expired)} snapshots")
    if as_json:
        print(json.dumps({"expired": expired, "objects": vanished}))
    else:
        print(f"{len(expired)} snapshots and {vanished} objects were removed.")


def restore(
    target: Path = _TARGET,
    *,
    to: Path = typer.Option(
        ..., "--to", help="The data folder to make: new or empty, or half restored from this backup."
    ),
    snapshot: str | None = typer.Option(None, help="Its name; the newest when left out."),
    key_file: Path | None = typer.Option(None, help="The key file; else CANDOR_KEYS, CANDOR_PASSPHRASE or a question."),
    stones: list[Path] = typer.Option([], "--tombstones", help="A tombstones.jsonl: what it names stays destroyed."),
    live: Path | None = typer.Option(
        None, help="The data folder that is replaced, where it can be read: for the same."
    ),
    as_json: bool = _AS_JSON,
) -> None:
    """Make a data folder out of a backup. Safe to be killed: the same command goes on.

    What was destroyed after the backup was made is destroyed again before the folder can be used.
    """
    found, others = Target(target), list(stones)
    for path in (*stones, *([live] if live is not None else [])):
        if not path.exists():
            raise InvalidInput(f"{path} is not there.", code="restore.tombstones")
    if live is not None:
        others.append(live / tombstones.FILENAME)  # not there while nothing was ever destroyed
    with found.alone(reading=True):
        manifest = restoring.start(found, snapshot, to)
        settings = _settings(manifest, to, key_file)
        ring = wiring.ring_for(settings, manifest.tenant)
        with _bar(hidden=as_json) as bar:
            task = bar.add_task("objects", total=None)
            done = restoring.put_in_place(
                found, manifest, ring, to, others=others,
                follow=lambda number, total, _size: bar.update(task, completed=number, total=total),
            )  # fmt: skip
    again = _settle(settings, to, done)
    _tell(done, again, to, key_file, as_json=as_json)


def _settle(settings: Settings, to: Path, done: Restored) -> int:
    """Destroy again what was destroyed, write down that this was restored, and let the folder be used."""
    fresh = load(**_given(settings))  # with the settings file that came out of the backup
    services = wiring.open_services(fresh, restoring=True)
    restoring.clear_spool(to, done.stones)
    again = reapply(services, done.stones)
    with services.database.write() as uow:
        audit.record(uow, Event.BACKUP_RESTORED, "cli", subject=done.snapshot)
    services.database.close()
    restoring.finish(to)
    return again


def _settings(manifest: Manifest, to: Path, key_file: Path | None) -> Settings:
    """The settings of the folder to be, with a way to its master key; raises InvalidInput without one."""
    for name, content in manifest.salts.items():
        place = to / Path(name).name
        if not place.exists():
            replace_file(place, content.encode())
    if key_file is not None:
        keys = ({"kind": "file", "path": str(key_file.absolute())},)
        return load(data=to, keys=keys, key_file=None, passphrase=None)
    settings = load(data=to)
    if settings.keys or settings.key_file is not None or settings.passphrase is not None:
        return settings
    if manifest.salts:
        return load(data=to, passphrase=typer.prompt("Passphrase of the master key", hide_input=True, err=True))
    if manifest.key_files and not (to / "master.key").exists():
        passphrase = _known(settings) or typer.prompt("Passphrase of the backup", hide_input=True, err=True)
        for name, sealed in manifest.key_files.items():
            replace_file(to / Path(name).name, open_key_file(sealed, passphrase, manifest.tenant))
        return settings
    if not (to / "master.key").exists():
        raise InvalidInput(
            f"The backup is sealed under the master key {manifest.key_id}, which is not in it.", code="restore.key",
            advice="Give it: --key-file FILE, CANDOR_KEYS or CANDOR_PASSPHRASE.",
        )  # fmt: skip
    return settings


def _known(settings: Settings) -> str | None:
    return settings.backup_passphrase.get_secret_value() if settings.backup_passphrase is not None else None


def _given(settings: Settings) -> dict[str, Any]:
    given: dict[str, Any] = {"data": settings.data}
    if settings.passphrase is not None:
        given["passphrase"] = settings.passphrase
    elif settings.keys:
        given |= {"keys": settings.keys, "key_file": None, "passphrase": None}
    return given


def _sealed_keys(settings: Settings, tenant: str) -> dict[str, str]:
    files = wiring.key_files(settings)
    if not files:
        raise InvalidInput(
            "The master key is in no file that could be put into the backup.", code="backup.no_key_file",
            advice="Leave --include-key out: a passphrase or a key service opens the backup as it is.",
        )  # fmt: skip
    passphrase = _known(settings) or typer.prompt(
        "Passphrase for the key in the backup", hide_input=True, confirmation_prompt=True, err=True
    )
    return {name: seal_key_file(path.read_bytes(), passphrase, tenant) for name, path in files.items()}


def _tell(done: Restored, again: int, to: Path, key_file: Path | None, *, as_json: bool) -> None:
    if as_json:
        told = {
            "snapshot": done.snapshot, "objects": done.objects, "there_already": done.there_already,
            "bytes": done.bytes, "destroyed_since": done.destroyed_since, "destroyed_again": again,
            "damaged": done.damaged, "missing_before": done.missing_before,
        }  # fmt: skip
        print(json.dumps(told))
    else:
        print(f"{to} is restored from {done.snapshot}: {done.objects + done.there_already} objects.")
        if done.destroyed_since or again:
            print(
                f"What was destroyed since stays so: {again} conversations were destroyed again, "
                f"{done.destroyed_since} objects left out."
            )
        if key_file is not None:
            print(
                f"The key file stays where it is: set CANDOR_KEY_FILE={key_file.absolute()}, "
                f"or copy it to {to / 'master.key'}."
            )
    if done.damaged:
        raise Damaged(
            f"{len(done.damaged)} parts of the backup are damaged or missing; everything else is restored.",
            code="restore.damaged", advice="`--json` names them; an earlier backup may still have them.",
        )  # fmt: skip


def _report(report: Report, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(report) | {"whole": report.whole}))
        return
    keys = "every data key" if report.all_keys else "a sample"
    print(f"{report.name}: {report.objects} objects ({report.bytes} bytes) have their digests.")
    print(f"{report.keys} data keys open ({keys}), {report.fields} of them of fields.")
    for fault in report.faults[:20]:
        print(f"{fault.what} {fault.name}: {fault.message}")
    for name in report.half_written:
        print(f"{name} was never finished: it is not used.")


def _told(one: Manifest) -> dict[str, Any]:
    return {
        "name": one.name, "made_at": one.made_at.isoformat(), "version": one.version, "key_id": one.key_id,
        "objects": one.objects, "missing": one.missing, "in_progress": one.in_progress,
        "holds_a_key": bool(one.key_files),
    }  # fmt: skip


def _moments(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _moments(each) for name, each in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else value


def _bar(*, hidden: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=hidden or not sys.stderr.isatty(),
    )  # fmt: skip


def register(root: typer.Typer) -> None:
    """Add the group and ``restore``."""
    root.add_typer(app, name="backup")
    root.command()(restore)
