"""``candor audit …``: who did what; and whether the record of it is whole, here or on any other machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from candor import wiring
from candor.audit import checkpoint as notes
from candor.audit import exporting, store, tree
from candor.audit.checkpoint import BadNote, Checkpoint, PublicKey, Signed
from candor.audit.log import verify_export
from candor.audit.model import Event, plain
from candor.audit.store import Wanted
from candor.audit.verifying import EXIT, Flaw, claim, plain_report, words
from candor.cli.tables import print_table
from candor.errors import InvalidInput

app = typer.Typer(help="Who did what, and the proof that the record is whole.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_REASON = typer.Option(..., help="Why; it is kept.")
_KEY = typer.Option(None, "--key", help="File with the log's public key (candor audit key), kept elsewhere.")
_EXPORT = typer.Option(None, "--export", help="An exported log, in place of this machine's data.")
_LARGEST = 1 << 20
_STATUS = {
    "audit.other_log": Flaw.OTHER_LOG, "audit.signature": Flaw.SIGNATURE, "audit.forked": Flaw.FORKED,
    "audit.proof": Flaw.PROOF, "audit.note": Flaw.UNREADABLE, "audit.export": Flaw.UNREADABLE,
}  # fmt: skip


@app.command("list")
def list_(
    *,
    conversation: str | None = typer.Option(None, help="Of one conversation."),
    actor: str | None = typer.Option(None, help="Of one person (user id) or part of Candor."),
    event: list[Event] = typer.Option([], help="Only these; repeatable."),
    since: datetime | None = typer.Option(None, help="From this local time on."),
    until: datetime | None = typer.Option(None, help="Before this local time."),
    before: int | None = typer.Option(None, min=1, help="Lines before this number."),
    limit: int = typer.Option(100, min=1, max=1000),
    as_json: bool = _AS_JSON,
) -> None:
    """Lines of the log, the newest first."""
    wanted = Wanted(
        conversation_id=conversation, actor=actor, events=tuple(event), since=since and since.astimezone(),
        until=until and until.astimezone(),
    )  # fmt: skip
    with wiring.open_services().database.read() as uow:
        found = store.newest(uow, wanted, before=before, limit=limit)
    if as_json:
        print(json.dumps({"lines": [plain(each) for each in found]}, ensure_ascii=False))
        return
    table = Table("line", "at", "event", "who", "from", "conversation", "what", "why")
    for each in found:
        why = "(erased)" if each.reason_erased else each.reason or ""
        cells = (
            str(each.number), f"{each.at:%Y-%m-%d %H:%M:%S}Z", each.event, each.actor, each.origin or "",
            each.conversation_id or "", each.subject or "", why,
        )  # fmt: skip
        table.add_row(*map(Text, cells))  # as it stands: ":package:" is no picture
    print_table(table)


@app.command()
def verify(
    *,
    checkpoint: Path | None = typer.Option(None, help="A signed checkpoint that was kept elsewhere."),
    key: Path | None = _KEY,
    export: Path | None = _EXPORT,
    as_json: bool = _AS_JSON,
) -> None:
    """Read the whole log and say whether it holds. Ends with 0 only if all does; see docs/reference/audit-log.md."""
    given, public = read_text(checkpoint) if checkpoint else None, _key(key)
    if export is not None:
        report = verify_export(export, given=given, key=public)
    else:
        report = wiring.open_services().audit_log.verify(given=given, key=public)
    if as_json:
        print(json.dumps(plain_report(report), ensure_ascii=False))
    else:
        for line in words(report):
            print(line)
    if not report.holds:
        raise typer.Exit(report.exit)


@app.command()
def checkpoint(
    output: Path | None = typer.Option(None, "-o", "--output", help="File; standard output when left out."),
) -> None:
    """Sign where the log stands now. Keep it, and the key, where nobody who can change this machine can change them."""
    signed = wiring.open_services().audit_log.checkpoint()
    _put(signed.note, output)


@app.command("key")
def key_(
    output: Path | None = typer.Option(None, "-o", "--output", help="File; standard output when left out."),
) -> None:
    """The public key that checks this log's checkpoints and proofs."""
    _put(f"{wiring.open_services().audit_log.make_key()}\n", output)


@app.command()
def export(output: Path = typer.Option(..., "-o", "--output", help="File to write (JSON Lines).")) -> None:
    """Write the whole log, with a fresh checkpoint, as a file that verifies on any machine."""
    log = wiring.open_services().audit_log
    draft = output.with_name(f".{output.name}.part")
    try:
        with draft.open("wb") as target:
            for part in log.export(by="cli"):
                target.write(part)
        draft.replace(output)
    except OSError as error:
        raise InvalidInput("The output file cannot be written.", code="path.unwritable") from error
    finally:
        draft.unlink(missing_ok=True)


@app.command()
def prove(
    entry: int = typer.Argument(min=1, help="The line's number."),
    output: Path | None = typer.Option(None, "-o", "--output", help="File; standard output when left out."),
) -> None:
    """Prove that a line stands in the log (C2SP tlog-proof); a checkpoint is made when none covers it yet."""
    log = wiring.open_services().audit_log
    with log.database.read() as uow:
        last = log.last(uow)
    if last is None or last.checkpoint.size < entry:
        last = log.checkpoint()
    with log.database.read() as uow:
        _put(str(log.prove(uow, entry, last)), output)


@app.command()
def check(
    proof: Path = typer.Argument(help="What candor audit prove wrote."),
    *,
    key: Path = typer.Option(..., "--key", help="File with the log's public key."),
    as_json: bool = _AS_JSON,
) -> None:
    """Check the proof of a line, on any machine: prints the line that is proven."""
    with _told():
        read, public = notes.read_proof(read_text(proof)), _key(key)
        assert public is not None  # noqa: S101  the option is required
        signed = notes.check_proof(read, public)
    if as_json:
        told = {"line": json.loads(read.leaf), "number": read.index + 1, "checkpoint": claim(signed)}
        print(json.dumps(told, ensure_ascii=False))
        return
    print(read.leaf.decode())
    print(f"Line {read.index + 1} of the log {signed.checkpoint.name}, under its checkpoint over "
          f"{signed.checkpoint.size} lines{_at(signed)}.")  # fmt: skip


@app.command()
def consistency(
    old: str = typer.Argument(help="The older checkpoint's file, or a size."),
    new: str = typer.Argument(help="The newer one's, or a size."),
    *,
    key: Path | None = _KEY,
    export: Path | None = _EXPORT,
    proof: Path | None = typer.Option(None, "--proof", help="A proof that this command wrote, in place of the log."),
    as_json: bool = _AS_JSON,
) -> None:
    """Prove that the log at NEW begins with all that it held at OLD (RFC 9162): nothing was changed or left out."""
    with _told():
        _consistency(old, new, _key(key), export, proof, as_json=as_json)


@app.command()
def restored(*, reason: str = _REASON) -> None:
    """Say that a backup was restored, where checkpoints kept elsewhere tell of more; the log then goes on."""
    count = wiring.open_services().audit_log.restored(by="cli", reason=reason)
    print(f"{count} checkpoints explained." if count else "Nothing to explain: the log goes on from every checkpoint.")


@app.command("explain-clock")
def explain_clock(entry: int = typer.Argument(min=1, help="The line's number."), *, reason: str = _REASON) -> None:
    """Say why a line is older than the one before it."""
    wiring.open_services().audit_log.explain_clock(entry, by="cli", reason=reason)


@app.command("erase-reason")
def erase_reason(entry: int = typer.Argument(min=1, help="The line's number."), *, reason: str = _REASON) -> None:
    """Erase the reason that somebody gave in a line, because it holds personal data. The line stays, and verifies."""
    wiring.open_services().audit_log.erase_reason(entry, by="cli", reason=reason)


def _consistency(
    old: str, new: str, key: PublicKey | None, export: Path | None, proof: Path | None, *, as_json: bool
) -> None:
    first, second = _size_or_note(old), _size_or_note(new)
    if proof is not None:
        path = _proof_file(proof)
    elif export is not None:
        key, path = _from_export(export, key, _count(first), _count(second))
    else:
        log = wiring.open_services().audit_log
        with log.database.read() as uow:
            key, path = key or log.key(uow), log.consistency(uow, _count(first), _count(second))
    checked = isinstance(first, str) and isinstance(second, str)
    if isinstance(first, str) and isinstance(second, str):
        if key is None:
            raise InvalidInput("Checkpoints need a key to be checked with.", advice="Give --key.")
        notes.check_consistency(_open(first, key), _open(second, key), path)
    elif proof is not None:
        raise InvalidInput("A proof is checked between two checkpoints.", advice="Give their files in place of sizes.")
    if as_json:
        told = {"old": _count(first), "new": _count(second), "checked": checked, "proof": [_b64(each) for each in path]}
        print(json.dumps(told))
    elif checked:
        print(f"The log of {_count(second)} lines begins with all {_count(first)} of the older checkpoint, unchanged.")
    else:
        print("\n".join(map(_b64, path)))


def _from_export(export: Path, key: PublicKey | None, old: int, new: int) -> tuple[PublicKey, list[bytes]]:
    with export.open("rb") as stream:
        file = exporting.open_export(stream)
        leaves = [line.leaf for line, _ in file.lines()]
    if not 0 < old <= new <= len(leaves):
        raise InvalidInput(f"The export has {len(leaves)} lines; a proof leads from a smaller size to a larger one.")
    path = tree.consistency(old, new, lambda start, stop: tree.root_of(leaves[start:stop]))
    return key or file.key, path


def _size_or_note(given: str) -> int | str:
    return int(given) if given.isascii() and given.isdigit() else read_text(Path(given))


def _count(given: int | str) -> int:
    return given if isinstance(given, int) else notes.parse(given).size


def _open(note: str, key: PublicKey) -> Checkpoint:
    return notes.open_note(note, key).checkpoint


def _proof_file(path: Path) -> list[bytes]:
    text = read_text(path).strip()
    try:
        rows = json.loads(text)["proof"] if text.startswith("{") else text.split()
        return [base64.b64decode(row, validate=True) for row in rows]
    except (ValueError, KeyError, TypeError):
        raise BadNote("This is no consistency proof.", code="audit.proof") from None


@contextmanager
def _told() -> Iterator[None]:
    """What does not hold ends with its own status, as in :func:`verify`."""
    try:
        yield
    except BadNote as error:
        flaw = _STATUS.get(error.code, Flaw.UNREADABLE)
        typer.echo(f"{flaw.upper()}: {error}", err=True)
        raise typer.Exit(EXIT[flaw]) from None


def _key(path: Path | None) -> PublicKey | None:
    with _told():
        return None if path is None else notes.read_key(read_text(path))


def read_text(path: Path) -> str:
    """A small file; raises InvalidInput."""
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST).decode("utf-8", "replace")
    except OSError as error:
        raise InvalidInput(f"The file {path.name} cannot be read.", code="path.unreadable") from error


def _put(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput("The output file cannot be written.", code="path.unwritable") from error


def _at(signed: Signed) -> str:
    return f" on {signed.at:%Y-%m-%d at %H:%M:%S} UTC" if signed.at else ""


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
