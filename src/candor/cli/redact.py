"""``candor redact``: text or sound without its personal data, to try on one's own; nothing of it is kept here."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import soundfile
import typer

from candor.cli.reading import private
from candor.errors import InvalidInput, NotFound, TooLarge
from candor.redaction.lines import read_lines, redact_lines, told
from candor.settings import Settings, load

if TYPE_CHECKING:
    from candor.conversation.transcript import Redaction
    from candor.kit.sound import SoundSource
    from candor.redaction.residue import Checked

LARGEST = 256 * 1024 * 1024
"""Bytes of text at once."""
_CONTAINERS = {".flac": "FLAC", ".wav": "WAV"}


def redact(
    file: Path | None = typer.Argument(
        None, help="Text, one utterance a line, or JSON Lines with text and speaker; - is standard input.",
        allow_dash=True,
    ),
    *,
    audio: Path | None = typer.Option(None, "--audio", help="A recording instead: what is said in it is recognised."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Where the result goes; sound as .flac or .wav."),
    language: str | None = typer.Option(None, help="Of the recording: en, en-GB …; left out, it is found out."),
    check: bool = typer.Option(True, "--check/--no-check", help="Recognise the masked sound again; mask what is left."),
    as_json: bool = typer.Option(False, "--json", help="With places and kinds: one object a line, or one for sound."),
) -> None:  # fmt: skip
    """Mask personal data in text or sound. Nothing is kept, and no data folder is needed.

    Blank lines part conversations, as another "conversation" of JSON Lines does.
    """
    if (file is None) == (audio is None):
        raise InvalidInput(
            "Either text or --audio, one of them.", code="redact.what",
            advice="candor redact FILE, candor redact -, or candor redact --audio FILE -o FILE.",
        )  # fmt: skip
    if audio is not None:
        _sound(audio, output, language, check=check, as_json=as_json)
    elif file is not None:
        _text(file, output, as_json=as_json)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(redact)


def _text(file: Path, output: Path | None, *, as_json: bool) -> None:
    from candor.wiring.working import make_redactor  # noqa: PLC0415  word lists: not for every command

    lines = redact_lines(read_lines(_bytes(file)), make_redactor(load()))
    rows = (json.dumps(told(line), ensure_ascii=False) if as_json else line.text for line in lines)
    if output is None:
        for row in rows:
            print(row)
        return
    with private(output) as target:
        target.writelines(f"{row}\n".encode() for row in rows)


def _bytes(file: Path) -> bytes:
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise NotFound("There is no such file.", code="path.none") from None
    except OSError as error:
        raise InvalidInput("The file cannot be read.", code="path.unreadable") from error
    if len(data) > LARGEST:
        raise TooLarge("That is more than 256 MB of text.", code="redact.too_large", advice="Split it.")
    return data


def _sound(audio: Path, output: Path | None, language: str | None, *, check: bool, as_json: bool) -> None:
    from candor.capture.files import decode  # noqa: PLC0415  decoders and models: not for every command
    from candor.kit.sound import FlacReader, FlacWriter  # noqa: PLC0415
    from candor.pipeline.masking import Checking, masks  # noqa: PLC0415
    from candor.redaction.sound import mask_sound  # noqa: PLC0415
    from candor.wiring.recording import limits_of  # noqa: PLC0415
    from candor.wiring.working import make_redactor, transcribers  # noqa: PLC0415

    if output is not None and output.suffix.lower() not in _CONTAINERS:
        raise InvalidInput("The output's name must end in .flac or .wav.", code="redact.output")
    settings: Settings = load()
    working, redactor = io.BytesIO(), make_redactor(settings)
    writers: list[FlacWriter] = []

    def make_writer(rate: int, channels: int) -> FlacWriter:
        writers.append(FlacWriter(working, rate, channels))
        return writers[-1]

    with _opened(audio) as stream:
        decode(stream, audio.name, make_writer, limits_of(settings))
    working.seek(0)
    with FlacReader(working) as source:
        transcriber = transcribers(settings)({})
        redaction = redactor.redact(transcriber.transcribe(source, language=language))
        how = Checking(
            check="near" if check else "off", listener=transcriber, tone=settings.masking == "tone", language=language
        )
        checked = masks(source, redaction, redactor, how)
        if output is not None:
            masked = io.BytesIO()
            with FlacWriter(masked, source.rate, source.channels) as writer:
                mask_sound(source, checked.times, writer, tone=how.tone)
            masked.seek(0)
            with private(output) as target:
                _write(masked, target, _CONTAINERS[output.suffix.lower()])
        report = _report(source, redaction, checked, checked_at_all=check)
    _tell(report, as_json=as_json)


def _opened(audio: Path) -> BinaryIO:
    try:
        return audio.open("rb")
    except FileNotFoundError:
        raise NotFound("There is no such recording.", code="path.none") from None
    except OSError as error:
        raise InvalidInput("The recording cannot be read.", code="path.unreadable") from error


def _write(masked: BinaryIO, target: BinaryIO, container: str) -> None:
    if container == "FLAC":
        target.write(masked.read())
        return
    with soundfile.SoundFile(masked) as source, soundfile.SoundFile(
        target, "w", source.samplerate, source.channels, "PCM_16", format=container
    ) as wave:  # fmt: skip
        for block in source.blocks(blocksize=30 * source.samplerate, dtype="int16", always_2d=True):
            wave.write(block)


def _report(source: SoundSource, redaction: Redaction, checked: Checked, *, checked_at_all: bool) -> dict[str, Any]:
    merged: list[tuple[float, float]] = []
    for start, end in checked.times:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return {
        "duration": round(source.frames / source.rate, 3),
        "masked": [
            {
                "start": round(start, 3),
                "end": round(end, 3),
                "types": sorted({s.kind.value for s in redaction.spans if s.start < end and start < s.end}),
            }
            for start, end in merged
        ],
        "utterances": [
            {
                "start": said.start, "end": said.end, "speaker": said.speaker,
                "role": redaction.transcript.role_of(said).value, "text": said.text,
            }
            for said in redaction.transcript.utterances
        ],
        "notes": list(redaction.transcript.notes),
        "residue": None
        if not checked_at_all
        else {
            "seconds": checked.residue.seconds, "found": checked.residue.found, "masked_again": checked.residue.rounds,
            "left": checked.residue.left,
        },
    }  # fmt: skip


def _tell(report: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
        return
    for note in report["notes"]:
        print(f"candor: {note}", file=sys.stderr)
    for said in report["utterances"]:
        print(f"{said['start']:8.1f}  {said['text']}")
    for mask in report["masked"]:
        print(f"masked {mask['start']:.2f}-{mask['end']:.2f}  {' '.join(mask['types']) or '-'}")
    if report["residue"] is not None and report["residue"]["left"]:
        print("candor: something may still be made out in the masked sound.", file=sys.stderr)
