"""Running a synthesiser: a program of its own, no shell, text by file or standard input, sound by file."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from candor.consent.announcements.ports import Speech
from candor.errors import Unavailable

_LONGEST = 60.0
"""Seconds that a program may take."""

Command = Callable[[Path, Path], Sequence[str]]
"""From the file with the text and the file for the sound to the arguments behind the program's name."""


def installed(program: str) -> bool:
    """Whether the program is on the path."""
    return shutil.which(program) is not None


def run(program: str, package: str, text: bytes, command: Command) -> Speech:
    """Let ``program`` speak; raises Unavailable when it is missing, fails, hangs or leaves no sound."""
    path = shutil.which(program)
    if path is None:
        raise Unavailable(
            f"{program} is not installed.",
            code="announcement.no_synthesiser",
            advice=f"Install it ({package}), or upload a recording of the announcement.",
        )
    with tempfile.TemporaryDirectory(prefix="candor-announcement-") as folder:
        words, sound = Path(folder) / "text.txt", Path(folder) / "sound.wav"
        words.write_bytes(text)
        try:
            # Arguments are fixed words and our own file names; the text is never among them.
            done = subprocess.run(  # noqa: S603
                [path, *command(words, sound)],
                input=text,
                cwd=folder,
                capture_output=True,
                timeout=_LONGEST,
                check=False,
            )
            samples, rate = soundfile.read(sound, dtype="float32", always_2d=True)
        except (OSError, subprocess.TimeoutExpired, soundfile.LibsndfileError) as error:
            raise _failed(program) from error
    if done.returncode or not len(samples):
        raise _failed(program)
    return Speech(samples.mean(axis=1).astype(np.float32), int(rate))


def _failed(program: str) -> Unavailable:
    return Unavailable(
        f"{program} did not speak the announcement.",
        code="announcement.synthesis_failed",
        advice="Check that it and its voices are installed, or upload a recording of the announcement.",
    )
