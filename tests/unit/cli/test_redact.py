"""``candor redact`` through its door: a process of its own, with odd things given to it."""

from __future__ import annotations

import json
import os
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.peers import preloaded

CALLS = Path(__file__).resolve().parents[3] / "demo" / "calls"
RATE = 8000


def candor(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "CANDOR_DATA": str(folder / "none"), "CANDOR_BEAM": "1", "OMP_NUM_THREADS": "1"}
    command = [*preloaded.CANDOR, "redact", *arguments]
    pipe = subprocess.PIPE
    with preloaded.Popen(command, env=environment, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        out, err = process.communicate(given, timeout=120)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_text_from_standard_input_line_by_line(tmp_path: Path) -> None:
    done = candor(tmp_path, "-", "--json", given=b"hi, my name is Miranda Stone.\n\nthank you\n")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == ["hi, my name is [NAME_1].", "", "thank you"]
    assert [(span["start"], span["end"], span["type"]) for span in rows[0]["spans"]] == [(15, 28, "NAME")]
    assert not (tmp_path / "none").exists()


def test_a_file_into_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    source = tmp_path / "call.jsonl"
    source.write_text(
        '{"speaker": "agent", "text": "your postcode?"}\n{"speaker": "customer", "text": "s w 1 a 1 a a"}\n'
    )
    done = candor(tmp_path, str(source), "-o", str(tmp_path / "out.txt"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "your postcode?\n[POSTCODE_1]\n"
    assert (tmp_path / "out.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "given", "status", "says"),
    [
        ((), b"", 2, "one of them"),
        (("nothing.txt",), b"", 3, "no such file"),
        (("-",), b"\xff\xfe", 2, "not UTF-8"),
        (("-",), b"a\0b", 2, "not text"),
        (("--audio", "nothing.wav"), b"", 3, "no such recording"),
        (("--audio", "empty.wav"), b"", 2, "empty"),
        (("--audio", "empty.wav", "-o", "out.mp3"), b"", 2, ".flac or .wav"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_a_status(
    tmp_path: Path, arguments: tuple[str, ...], given: bytes, status: int, says: str
) -> None:
    (tmp_path / "empty.wav").touch()
    done = candor(tmp_path, *arguments, given=given)
    assert done.returncode == status
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_silence_has_nothing_to_mask(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "silence.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(bytes(2 * RATE * 2))
    done = candor(tmp_path, "--audio", "silence.wav", "-o", "out.wav", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["masked"] == []
    assert report["notes"] == ["No speech was found."]
    assert soundfile.info(str(tmp_path / "out.wav")).frames == 2 * RATE


def test_a_number_is_masked_in_the_sound_on_both_channels(tmp_path: Path) -> None:
    call, start, end = "16-outbound-payment-reminder", 60.0, 80.0
    truth = json.loads((CALLS / "truth.json").read_text(encoding="utf-8"))[call]
    with av.open(str(CALLS / f"{call}.opus")) as container:
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
        frames = [out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    samples = np.concatenate(frames, axis=1).reshape(-1, 2)[round(start * RATE) : round(end * RATE)]
    soundfile.write(tmp_path / "call.flac", samples, RATE)
    done = candor(tmp_path, "--audio", "call.flac", "-o", "out.flac", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (code,) = [pii for turn in truth["turns"] for pii in turn["pii"] if pii["kind"] == "CVV"]
    hits = [
        mask
        for mask in report["masked"]
        if mask["start"] <= code["start"] - start and code["end"] - start <= mask["end"]
    ]
    assert len(hits) == 1
    assert hits[0]["types"] == ["CVV"]
    assert report["residue"]["left"] == 0
    assert any("[CVV_1]" in said["text"] for said in report["utterances"])
    masked, _ = soundfile.read(tmp_path / "out.flac", dtype="int16")
    inside = masked[round((code["start"] - start) * RATE) : round((code["end"] - start) * RATE)]
    assert np.array_equal(inside[:, 0], inside[:, 1])
    assert np.abs(inside).max() <= round(0.06 * 32768)
    free = masked[: round((report["masked"][0]["start"] - 0.1) * RATE)]
    assert np.array_equal(free, samples[: len(free)])
