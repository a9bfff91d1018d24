"""``candor keys list|check|rotate|make``: master keys."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.cli.tables import print_table
from candor.errors import Conflict, Damaged, InvalidInput
from candor.settings import load
from candor.vault.adapters.local_key import from_key_file
from candor.vault.keys import register, rotation
from candor.vault.keys.checking import Checked, check
from candor.vault.keys.rotation import Progress as Rotation

app = typer.Typer(help="Master keys: which there are, whether they work, exchanging them.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="For scripts.")


@app.command("list")
def list_(*, as_json: bool = _AS_JSON) -> None:
    """Every master key: where it is, since when it seals, how much is under it; how far an exchange is."""
    services = wiring.open_services()
    ring = services.shelf.vault.keys
    with services.database.read() as uow:
        states, latest = register.states(uow, ring), rotation.latest(uow)
    spool = wiring.spool_keys(load(), ring).counts()
    if as_json:
        keys = [register.plain(state) | {"spool_keys": spool.get(state.key_id, 0)} for state in states]
        print(json.dumps({"keys": keys, "rotation": latest and rotation.plain(latest)}))
        return
    table = Table("key", "kind", "where", "seals since", "data keys", "spool keys", "")
    for state in states:
        said = (
            "seals" if state.seals else "opens" if state.configured else "not configured" if state.objects else "gone"
        )
        table.add_row(
            state.key_id, state.kind or "", escape(state.place or ""), _day(state.since), str(state.objects),
            str(spool.get(state.key_id, 0)), said,
        )  # fmt: skip
    print_table(table)
    if latest is not None:
        print(_sentence(latest))


@app.command("check")
def check_(*, as_json: bool = _AS_JSON) -> None:
    """Try every key: seal, open, and open something that it holds. Ends with the status of the first that fails."""
    services = wiring.open_services()
    checked = check(services.database, services.shelf.vault.keys)
    if as_json:
        print(json.dumps({"keys": [_outcome(one) for one in checked]}))
    else:
        for one in checked:
            print(f"{one.state.key_id}: {one.fault or 'works'}")
    failed = next((one.fault for one in checked if one.fault is not None), None)
    if failed is not None:
        raise failed


@app.command()
def rotate(
    *,
    to: str | None = typer.Option(None, help="Id or kind of the key that should seal: refuse if another one does."),
    again: bool = typer.Option(False, "--again", help="Also what is under this key already: for a new version of it."),
    as_json: bool = _AS_JSON,
) -> None:
    """Wrap every data key under the key that seals now. Media are not touched; run it again to go on after a stop."""
    services = wiring.open_services()
    ring = services.shelf.vault.keys
    if to is not None and to not in (ring.key_id, ring.sealing.kind):
        raise InvalidInput(
            f"The key that seals is {ring.key_id} ({ring.sealing.kind}).", code="key.not_first",
            advice="Put the wanted key first in CANDOR_KEYS, restart Candor, and run this again.",
        )  # fmt: skip
    spooled = wiring.spool_keys(load(), ring).rewrap(again=again)
    with Progress(
        TextColumn("data keys"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), disable=as_json or not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=None)
        done = rotation.rotate(
            services.database, ring, again=again,
            follow=lambda now: bar.update(task, total=now.total, completed=now.done + now.failed),
        )  # fmt: skip
    with services.database.write() as uow:
        audit.record(uow, Event.KEYS_ROTATED, "cli", subject=f"{ring.key_id}: {done.done} data keys")
    if as_json:
        print(json.dumps({"rotation": rotation.plain(done), "spool_keys": spooled}))
    else:
        print(f"{_sentence(done)} {spooled} spool keys were exchanged.")
    if done.failed:
        raise Damaged(
            f"{done.failed} data keys could not be opened: they stay as they are.", code="key.failed",
            advice="`candor keys list` tells under which keys they are; configure those, too, and run this again.",
        )  # fmt: skip


@app.command()
def make(path: Path = typer.Argument(help="Where the new key file is to be.")) -> None:
    """Make a new key file; to use it, put it first in CANDOR_KEYS and then run `candor keys rotate`."""
    if path.exists():
        raise Conflict(f"{path} is there already; nothing was changed.", code="key.exists")
    key = from_key_file(path, may_create=True)
    print(f"{key.key_id} is in {path}. Keep a copy of it in another place: without it nothing can be opened.")


def _outcome(one: Checked) -> dict[str, Any]:
    fault = one.fault
    return {
        "id": one.state.key_id, "works": fault is None, "code": fault and fault.code,
        "message": fault and fault.message, "advice": fault and fault.advice,
    }  # fmt: skip


def _sentence(one: Rotation) -> str:
    state = (
        "finished" if one.finished_at else "was stopped: run `candor keys rotate` again" if one.stopped else "goes on"
    )
    return f"Exchange to {one.to_key_id}: {one.done} of {one.total} data keys; {state}."


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}Z"
