"""``candor evidence export|verify|open|certificate``: a conversation as proof, and what of such a proof holds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import typer

from candor import wiring
from candor.cli.audit import read_text
from candor.errors import InvalidInput
from candor.pipeline.evidence import check
from candor.settings import load
from candor.vault.evidence import sealing, signing
from candor.vault.evidence.model import Outcome, Report

app = typer.Typer(help="A conversation as proof: signed, complete, checked on any machine.", no_args_is_help=True)

_MARK = {Outcome.HOLDS: "holds", Outcome.FAILS: "FAILS", Outcome.OPEN: "open "}


@app.command()
def export(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    *,
    output: Path | None = typer.Option(None, "-o", "--output", help="File; evidence-ID.zip when left out."),
    recipient: Path | None = typer.Option(None, help="Certificate (PEM) of the only one who may open it."),
    reason: str = typer.Option(..., help="What it is for; kept in the audit log."),
) -> None:
    """One archive: signed vCon, original (unmasked) sound, custody, consent, audit proofs, a cover page."""
    certificate = signing.read_certificates(_bytes(recipient))[0] if recipient else None
    package = wiring.open_services().evidence.export(conversation_id, by="cli", reason=reason, recipient=certificate)
    target = output or Path(package.name)
    draft = target.with_name(f".{target.name}.part")
    try:
        # Only its owner reads it.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for part in package.parts:
                file.write(part)
        draft.replace(target)
    except OSError as error:
        raise InvalidInput("The output file cannot be written.", code="path.unwritable") from error
    finally:
        draft.unlink(missing_ok=True)
    print(target)


@app.command()
def verify(
    file: Path = typer.Argument(help="A package."),
    *,
    trust: Path | None = typer.Option(
        None, help="Certificates (PEM) that you trust: the signer's, or its authority's."
    ),
    checkpoint: Path | None = typer.Option(None, help="A checkpoint of the audit log that was kept elsewhere."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on standard output, for scripts."),
) -> None:
    """Say what of a package holds and what does not, offline. Ends with 0 only if nothing fails."""
    anchors = signing.read_certificates(_bytes(trust)) if trust else ()
    try:
        with file.open("rb") as stream:
            report = check(stream, trust=anchors, checkpoint=read_text(checkpoint) if checkpoint else None)
    except OSError as error:
        raise InvalidInput("The package cannot be read.", code="path.unreadable") from error
    if as_json:
        print(json.dumps(_plain(report), ensure_ascii=False))
    else:
        _tell(report)
    if not report.good:
        raise typer.Exit(report.exit)


@app.command("open")
def open_(
    file: Path = typer.Argument(help="A sealed package, or an encrypted vCon."),
    *,
    key: Path = typer.Option(..., help="Your private key (PEM)."),
    output: Path = typer.Option(..., "-o", "--output", help="File to write."),
) -> None:
    """Open what was sealed for you."""
    password = load().key_password
    opened = sealing.unseal(_bytes(file), _bytes(key), password.get_secret_value().encode() if password else None)
    try:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
            target.write(opened)
    except OSError as error:
        raise InvalidInput("The output file cannot be written.", code="path.unwritable") from error


@app.command()
def certificate(
    output: Path | None = typer.Option(None, "-o", "--output", help="File; standard output when left out."),
) -> None:
    """The certificate that signs packages, for those who check them; its fingerprint goes to standard error."""
    signer = wiring.open_services().evidence.signer()
    typer.echo(f"SHA-256 {signing.fingerprint(signer.chain[0])}", err=True)
    if output is None:
        print(signer.pem, end="")
    else:
        output.write_text(signer.pem, encoding="ascii")


def _tell(report: Report) -> None:
    for each in report.findings:
        print(f"{_MARK[each.outcome]}  {each.part:<12} {each.words}")
    failed = sum(each.outcome is Outcome.FAILS for each in report.findings)
    left = sum(each.outcome is Outcome.OPEN for each in report.findings)
    if failed:
        print(f"This package does NOT hold: {failed} of {len(report.findings)} checks fail.")
    else:
        print(f"All that was checked holds{f'; {left} questions are open' if left else ''}.")


def _plain(report: Report) -> dict[str, Any]:
    return {
        "holds": report.good, "exit": report.exit, "conversation_id": report.conversation_id,
        "findings": [{"part": each.part, "outcome": each.outcome, "words": each.words} for each in report.findings],
    }  # fmt: skip


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"The file {path.name} cannot be read.", code="path.unreadable") from error
