"""``candor consent announcements``: what callers are told, made, uploaded, listened to and retired."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.cli.tables import print_table
from candor.consent import plain
from candor.consent.announcements.store import InUse
from candor.errors import InvalidInput, TooLarge
from candor.pipeline.announcing import FORMATS, LARGEST_UPLOAD, Words

app = typer.Typer(help="What callers are told before they are recorded.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_LEVEL = typer.Option(..., help="Consent level: 0 to 4.")
_LANGUAGE = typer.Option(..., help="BCP 47: en, de-AT …")
_ELEMENT = typer.Option([], help="A notice element of the decision; repeatable.")
_TEXT = typer.Option(None, help="Your own text in place of ours, or @FILE; then say what it --covers.")
_COVERS = typer.Option([], help="A notice element that your own text tells; repeatable.")
_LAYERED = typer.Option([], help="One that it only points to; repeatable.")
_BEEP = typer.Option(False, "--beep", help="A beep before it.")
_COMPANY = typer.Option(None, help="Who records; as in the settings when left out, like the rest.")
_PURPOSE = typer.Option([], help="What for: quality, training …; repeatable.")
_NOTICE = typer.Option(None, "--privacy-notice", help="Where the full information is, as it is spoken.")
_CONTACT = typer.Option(None, help="Where to ask, as it is spoken.")
_DAYS = typer.Option(None, "--retention-days", min=1, max=36_500, help="How long recordings are kept.")
_KEYS = typer.Option(None, help="Telephone keys for yes and no: 12. Empty: answers are spoken.")
_REFUSAL = typer.Option(None, help="What whoever refuses gets: same, or other (where the law demands recording).")
_AI = typer.Option(False, "--ai-analysis", help="Say that a program analyses the recording.")


@app.command("list")
def list_(
    *, retired: bool = typer.Option(False, "--retired", help="Those of before, too."), as_json: bool = _AS_JSON
) -> None:
    """Announcements in use, the newest first."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.announcing.every(uow, retired=retired)
    if as_json:
        print(json.dumps({"announcements": [plain.announcement(each) for each in found]}, ensure_ascii=False))
        return
    table = Table("version", "language", "level", "asks", "sound", "added", "retired", "text")
    for each in found:
        retired_at = each.retired_at.date().isoformat() if each.retired_at else ""
        table.add_row(
            each.version, each.language, str(each.level), "yes" if each.asks else "", each.spoken_by or "none",
            each.added_at.date().isoformat(), retired_at, escape(each.text),
        )  # fmt: skip
    print_table(table)


@app.command("make")
def make(
    *,
    level: int = _LEVEL, language: str = _LANGUAGE, element: list[str] = _ELEMENT, text: str | None = _TEXT,
    covers: list[str] = _COVERS, layered: list[str] = _LAYERED, beep: bool = _BEEP, company: str | None = _COMPANY,
    purpose: list[str] = _PURPOSE, privacy_notice: str | None = _NOTICE, contact: str | None = _CONTACT,
    retention_days: int | None = _DAYS, keys: str | None = _KEYS, refusal: str | None = _REFUSAL,
    ai_analysis: bool = _AI,
    silent: bool = typer.Option(False, "--silent", help="Keep the text without sound."),
    preview: bool = typer.Option(False, "--preview", help="Only show the text; nothing is kept."),
    as_json: bool = _AS_JSON,
) -> None:  # fmt: skip
    """Make an announcement from level and elements, or of your own text, and speak it."""
    words = _words(
        level, language, element, text, covers, layered, company=company, purposes=purpose,
        privacy_notice=privacy_notice, contact=contact, retention_days=retention_days, keys=keys, refusal=refusal,
        ai_analysis=ai_analysis or None,
    )  # fmt: skip
    announcing = wiring.open_services().announcing
    if preview:
        shown = announcing.words(words, "cli")
        told = {"version": shown.version, "text": shown.text, "covers": shown.covers, "asks": shown.asks}
        print(json.dumps(told, ensure_ascii=False) if as_json else shown.text)
        return
    _tell(announcing.make(words, by="cli", beep=beep, silent=silent), as_json=as_json)


@app.command("upload")
def upload(
    file: Path = typer.Argument(help="A recording in which the words are said; any common format."),
    *,
    level: int = _LEVEL, language: str = _LANGUAGE, element: list[str] = _ELEMENT, text: str | None = _TEXT,
    covers: list[str] = _COVERS, layered: list[str] = _LAYERED, beep: bool = _BEEP, company: str | None = _COMPANY,
    purpose: list[str] = _PURPOSE, privacy_notice: str | None = _NOTICE, contact: str | None = _CONTACT,
    retention_days: int | None = _DAYS, keys: str | None = _KEYS, refusal: str | None = _REFUSAL,
    ai_analysis: bool = _AI, as_json: bool = _AS_JSON,
) -> None:  # fmt: skip
    """Take a recording into use that says the words of `make` with the same options (see --preview there)."""
    words = _words(
        level, language, element, text, covers, layered, company=company, purposes=purpose,
        privacy_notice=privacy_notice, contact=contact, retention_days=retention_days, keys=keys, refusal=refusal,
        ai_analysis=ai_analysis or None,
    )  # fmt: skip
    try:
        if file.stat().st_size > LARGEST_UPLOAD:
            raise TooLarge("The recording is larger than 40 MB.", code="announcement.too_large")
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInput("The recording cannot be opened.", code="path.unreadable") from error
    _tell(wiring.open_services().announcing.upload(words, data, file.name, by="cli", beep=beep), as_json=as_json)


@app.command("retire")
def retire(
    version: str = typer.Argument(help="As `list` shows it."), *, reason: str = typer.Option("", help="Why.")
) -> None:
    """Take it out of use. It is kept, because older recordings hold it."""
    wiring.open_services().announcing.retire(version, by="cli", reason=reason)
    print(f"{version} is no longer played.")


@app.command("sound")
def sound(
    version: str = typer.Argument(help="As `list` shows it."),
    *,
    form: str = typer.Option("wav", "--format", help="wav (8 kHz), wav16, ulaw or alaw."),
    out: Path | None = typer.Option(None, "--out", "-o", help="Where to; standard output when left out."),
) -> None:
    """Its sound, for a phone system that plays files of its own."""
    if form not in FORMATS:
        raise InvalidInput("There is no such format.", code="announcement.format", advice=f"Use {', '.join(FORMATS)}.")
    data = wiring.open_services().announcing.sound(version, form)
    if out is None:
        sys.stdout.buffer.write(data)
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        raise InvalidInput("The file cannot be written.", code="path.unwritable") from error


def _words(
    level: int, language: str, elements: list[str], text: str | None, covers: list[str], layered: list[str],
    **details: Any,
) -> Words:  # fmt: skip
    given = {name: value for name, value in details.items() if value not in (None, [])}
    return Words(
        level=level, language=language, elements=tuple(elements), details=given, own=_text(text),
        covers=tuple(covers), layered=tuple(layered),
    )  # fmt: skip


def _text(given: str | None) -> str | None:
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidInput("The text cannot be read.", code="path.unreadable") from error


def _tell(kept: InUse, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(plain.announcement(kept), ensure_ascii=False))
        return
    print(f"{kept.version} is in use (sound: {kept.spoken_by or 'none'}).")
    print(kept.text)
