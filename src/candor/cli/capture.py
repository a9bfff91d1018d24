"""``candor capture …``: what the recorder does now, steering its calls, and a test call to it."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import asdict
from enum import StrEnum
from typing import Any, BinaryIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.capture.selfcheck import Outcome, Plan, State, Step, check
from candor.cli.tables import print_table
from candor.conversation.model import Conversation
from candor.errors import InvalidInput
from candor.pipeline import store
from candor.pipeline.gauges import gauges, sip_addresses
from candor.pipeline.recording import alarms, steer
from candor.pipeline.worker import ALIVE_WITHIN
from candor.replay.model import Scope
from candor.services import Services
from candor.settings import Settings, load

app = typer.Typer(help="Calls that are being recorded now, and the recorder.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)
_OFFERS = 10
_CALL_ID = typer.Argument(help="The conversation's id, or the phone system's call id.")


class Transport(StrEnum):
    """How the test call reaches the recorder."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@app.command()
def status(*, as_json: bool = typer.Option(False, "--json", help="For scripts.")) -> None:
    """How to connect, sources, calls in progress, the last offers, and what needs attention."""
    found = wiring.recorder_client(load()).status()
    if as_json:
        # Whose calls they are is for the doors to check, not to tell.
        found["calls"] = [{k: v for k, v in call.items() if k not in {"agents", "team"}} for call in found["calls"]]
        print(json.dumps(found))
        return
    _tell(found)


def _tell(found: dict[str, Any]) -> None:
    for address in sip_addresses(found).values():
        print(address)
    print(f"Media ports {found['rtp_ports']}.")
    for alarm in alarms(found):
        _console.print(f"[red]{escape(alarm.message)}[/] {escape(alarm.advice)}")
    print("1 call in progress." if found["active"] == 1 else f"{found['active']} calls in progress.")
    if found["calls"]:
        table = Table("call id", "source", "since (UTC)", "state", "packets", "lost", "jitter", "conversation")
        for call in found["calls"]:
            state = "paused" if call["paused"] else "one-way audio" if call["one_way"] else "recording"
            packets, lost, jitter = (
                " / ".join(str(stream[key]) for stream in call["streams"]) for key in ("packets", "lost", "jitter_ms")
            )
            table.add_row(escape(call["external_id"] or ""), escape(call["source"]), call["started_at"][11:19], state,
                          packets, lost, f"{jitter} ms", call["id"])  # fmt: skip
        print_table(table)
    if found["sources"]:
        table = Table("source", "calls", "refused", "packets", "lost", "streams without sound")
        for each in gauges(found):
            lost = "" if each.loss is None else f"{each.lost} ({each.loss:.2%})"
            table.add_row(escape(each.name), str(each.calls), str(each.refused), str(each.packets), lost,
                          str(each.silent_streams))  # fmt: skip
        print_table(table)
    for offer in found["offers"][:_OFFERS]:
        verdict = "accepted" if offer["accepted"] else "refused"
        print(f"{offer['at'][:19]}Z {offer['sender']} ({offer['protocol']}) {verdict}: {offer['words']}")


@app.command()
def pause(call_id: str = _CALL_ID, *, reason: str = typer.Option("", help="Why; for the audit log.")) -> None:
    """Keep nothing of a call from now on, until it is resumed."""
    _steer("pause", call_id, reason)
    print("paused")


@app.command()
def resume(call_id: str = _CALL_ID, *, reason: str = typer.Option("", help="Why; for the audit log.")) -> None:
    """Keep the call's sound again."""
    _steer("resume", call_id, reason)
    print("recording")


@app.command()
def end(call_id: str = _CALL_ID, *, reason: str = typer.Option("", help="Why; for the audit log.")) -> None:
    """End the recording of a call, which goes on unrecorded."""
    _steer("end", call_id, reason)
    print("ended")


def _steer(verb: str, call_id: str, reason: str) -> None:
    services = wiring.open_services()
    steer(services.database, services.recorder, verb, call_id, Scope(), by="cli", reason=reason)


@app.command("check")
def check_(
    transport: Transport = typer.Option(Transport.UDP, help="How to reach the recorder."),
    seconds: float = typer.Option(2.0, min=1, max=60, help="How long the test call lasts."),
    *,
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """Place a test call to the recorder and follow it until its conversation is there.

    Two tones are sent over real SIP and RTP. Ends with 1 when a step fails. The conversation stays.
    """
    settings = load()
    services = wiring.open_services(settings)
    name, secret = next(iter(settings.sip_users.items()), ("", None))
    plan = Plan(
        spool=settings.spool, transport=transport.upper(), seconds=seconds, username=name,
        password=secret.get_secret_value() if secret else "",
        tls=_tls(settings) if transport is Transport.TLS else None,
    )  # fmt: skip
    tell = (lambda _step: None) if as_json else _tell_step
    outcome = asyncio.run(check(services.recorder, plan, _House(services), tell=tell))
    if as_json:
        print(json.dumps({"ok": outcome.ok, "call_id": outcome.call_id, "conversation_id": outcome.conversation_id,
                          "steps": [asdict(step) for step in outcome.steps]}))  # fmt: skip
    else:
        print(_summary(outcome))
    if not outcome.ok:
        raise typer.Exit(1)


def _tell_step(step: Step) -> None:
    colour = {State.OK: "green", State.FAILED: "red", State.SKIPPED: "yellow"}[step.state]
    advice = f" {escape(step.advice)}" if step.advice else ""
    _console.print(f"[{colour}]{step.state:<8}[/]{step.name}: {escape(step.words)}{advice}")


def _summary(outcome: Outcome) -> str:
    if not outcome.ok:
        return "The test call failed."
    made = outcome.steps[-1].state is State.OK
    where = f"conversation {outcome.conversation_id}" if made else "the spool"
    return f"The test call went through; it is kept as {where}, call id {outcome.call_id}."


class _House:
    """The workers, and what they make."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def working(self) -> bool:
        with self._services.database.read() as uow:
            return bool(store.live_workers(uow, ALIVE_WITHIN))

    def kept(self, call_id: str) -> tuple[Conversation, BinaryIO] | None:
        services = self._services
        with services.database.read() as uow:
            if not register.exists(uow, call_id):
                return None
        with services.database.write() as uow:
            conversation = services.shelf.conversation(uow, call_id)
            original = services.shelf.original(uow, conversation)
            audit.record(uow, Event.OPENED_ORIGINAL, "cli", conversation_id=call_id, reason="candor capture check")
        return None if original is None else (conversation, original)


def _tls(settings: Settings) -> ssl.SSLContext:
    """Trusts the recorder's own certificate alone, whatever name it is for; shows it where it is asked for one."""
    own = settings.tls_certificate
    if own is None:
        raise InvalidInput("SIP over TLS is switched off.", advice="Set CANDOR_SIPS_PORT and CANDOR_TLS_CERTIFICATE.")
    try:
        context = ssl.create_default_context(cafile=str(own))
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if settings.tls_client_ca is not None:
            context.load_cert_chain(own)
    except OSError as error:
        advice = "CANDOR_TLS_CERTIFICATE is a PEM file with certificate chain and private key."
        raise InvalidInput("The TLS certificate cannot be read.", code="settings.invalid", advice=advice) from error
    return context
