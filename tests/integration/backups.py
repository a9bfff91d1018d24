"""A house with conversations and many sealed objects, its backups, and processes that die at a chosen step."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from candor.cli import main as command
from candor.errors import CandorError
from tests.peers import preloaded
from tests.unit.pipeline.kept import Kept

DYING = """
# SIGKILL at the Nth step that touches the disk under one of some places; it tells how many steps there were.
import os, signal, sys

seen, run = 0, command.main


def step(event, arguments):
    global seen
    if event in {{"os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect"}} or (
        event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    ):
        if not any(part in str(arguments[0]) for part in {where!r}):
            return
        seen += 1
        if seen == {limit}:
            os.kill(os.getpid(), signal.SIGKILL)


def main():
    sys.addaudithook(step)
    try:
        run()
    finally:
        print(f"steps={{seen}}", file=sys.stderr)


command.main = main
"""


def dying(folder: Path, limit: int, where: str, *words: str, environment: dict[str, str]) -> tuple[int, int]:
    """(exit status, steps seen) of a command that dies at its step ``limit`` under paths that contain ``where``."""
    first = DYING.format(where=where.split(","), limit=limit)
    with contextlib.chdir(folder):
        done = preloaded.run(*words, environment=_environment(environment), first=first)
    assert "Traceback" not in done.stderr, done.stderr
    last = done.stderr.rpartition("steps=")[2].strip()
    return done.returncode, int(last) if last.isdigit() else 0


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    return kept | {"CANDOR_RECORDER": "false", "OMP_NUM_THREADS": "1"} | more


class Backed(Kept):
    """One house whose commands run in this process."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **more)
        self.target = folder.parent / "backups"
        self.environment = {"CANDOR_DATA": str(folder), "CANDOR_REGION": "US", "CANDOR_RECORDER": "false"}

    def run(self, *words: object, given: str = "", **more: str) -> Result:
        """A command, with the status that the shell would see."""
        result = CliRunner().invoke(
            command.app, [str(word) for word in words], env=self.environment | more, input=given
        )
        if isinstance(result.exception, CandorError):
            kinds = (code for kind, code in command.EXIT_CODES if isinstance(result.exception, kind))
            result.exit_code = next(kinds)
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ok(self, *words: object, given: str = "", **more: str) -> Result:
        """A command that must end well."""
        result = self.run(*words, given=given, **more)
        assert result.exit_code == 0, result.exception or result.output
        return result

    def fill(self, number: int, size: int = 500) -> list[str]:
        """Sealed objects of no conversation."""
        vault = self.services.shelf.vault
        with self.services.database.write() as uow:
            return [vault.keep(uow, vault.seal("original", f"c{n}", os.urandom(size))) for n in range(number)]

    def contents(self, ids: list[str]) -> dict[str, str]:
        """Digest of the plaintext by object."""
        with self.services.database.read() as uow:
            return {one: hashlib.sha256(self.services.shelf.vault.read(uow, one)).hexdigest() for one in ids}

    def sealed(self) -> list[Path]:
        """Objects in the target."""
        return sorted(path for path in (self.target / "objects").rglob("*") if path.is_file())


def restored(folder: Path, key_file: Path) -> Backed:
    """The house that came out of a backup."""
    house = Backed(folder, key_file=key_file)
    house.environment["CANDOR_KEY_FILE"] = str(key_file)
    return house
