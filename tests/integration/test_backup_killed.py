"""Backup and restore, killed (SIGKILL) at steps of theirs that touch the disk, then run again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.backups import Backed, dying, restored

pytestmark = pytest.mark.slow

SHARES = (0.03, 0.2, 0.37, 0.52, 0.71, 0.88, 0.999)
"""Of all steps that touch the disk, after which one it dies."""


@dataclass
class Prepared:
    """A house with a whole backup, and how many steps the next backup and a restore take."""

    house: Backed
    folder: Path
    ids: list[str]
    contents: dict[str, str]
    whole: str
    key: Path
    backup_steps: int
    restore_steps: int

    def target(self, name: str) -> Path:
        """A copy of the target, to be harmed."""
        shutil.rmtree(self.folder / name, ignore_errors=True)  # of a try that failed
        shutil.copytree(self.house.target, self.folder / name)
        return self.folder / name

    def restore(self, target: Path, to: Path, *more: str) -> list[str]:
        """The command's words."""
        return ["restore", str(target), "--key-file", str(self.key), "--to", str(to), *more]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("killed")
    house = Backed(folder / "data")
    ids = house.fill(10)
    house.ok("backup", house.target)
    whole = json.loads(house.ok("backup", "list", house.target, "--json").stdout)["backups"][0]["name"]
    ids += house.fill(10)
    key = Path(shutil.copy(house.folder / "master.key", folder / "kept.key"))
    made = Prepared(house, folder, ids, house.contents(ids), whole, key, 0, 0)
    trial = made.target("trial")
    code, made.backup_steps = dying(folder, 0, "trial", "backup", str(trial), environment=house.environment)
    assert code == 0
    words = made.restore(trial, folder / "restored-trial")
    code, made.restore_steps = dying(folder, 0, "restored-trial", *words, environment=house.environment)
    assert code == 0
    assert min(made.backup_steps, made.restore_steps) > 30
    yield made
    house.close()


def step(share: float, steps: int) -> int:
    return max(1, min(steps - 1, round(share * steps)))


@pytest.mark.parametrize("share", SHARES)
def test_a_killed_backup_is_told_never_used_and_gone_on_with(prepared: Prepared, share: float) -> None:
    house, name = prepared.house, f"target-{share}"
    target = prepared.target(name)
    place = step(share, prepared.backup_steps)
    code, _ = dying(prepared.folder, place, name, "backup", str(target), environment=house.environment)
    assert code == -9
    listed = json.loads(house.ok("backup", "list", target, "--json").stdout)
    assert prepared.whole in [one["name"] for one in listed["backups"]]
    if listed["half_written"]:
        result = house.run("backup", "verify", target)
        assert result.exit_code == 7, "the one before is whole, and the newest was never finished"
        assert "was never finished" in str(result.exception)
        to = prepared.folder / f"half-{share}"
        half = house.run(*prepared.restore(target, to, "--snapshot", listed["half_written"][0]))
        assert half.exit_code == 7
        assert not to.exists()
    else:
        assert not 0.1 < share < 0.8, "only at its very beginning is there none, only at its very end a whole one"
    again = json.loads(house.ok("backup", target, "--json").stdout)
    assert again["made"]["objects"] == 20
    report = json.loads(house.ok("backup", "verify", target, "--json").stdout)
    assert (report["whole"], report["objects"], report["half_written"]) == (True, 20, [])
    assert not list(target.rglob("*.draft"))
    shutil.rmtree(target)


@pytest.mark.parametrize("share", SHARES)
def test_a_killed_restore_is_not_opened_and_gone_on_with(prepared: Prepared, share: float) -> None:
    house, to = prepared.house, prepared.folder / f"new-{share}"
    shutil.rmtree(to, ignore_errors=True)
    target = prepared.folder / "trial"
    words = prepared.restore(target, to)
    code, _ = dying(
        prepared.folder, step(share, prepared.restore_steps), to.name, *words, environment=house.environment
    )
    assert code == -9
    if (to / "restoring.json").exists():
        opened = house.run("list", CANDOR_DATA=str(to), CANDOR_KEY_FILE=str(prepared.key))
        assert opened.exit_code == 7, "what is half restored is not opened"
        assert "half restored: it is not opened" in str(opened.exception)
        house.ok(*words)
    else:
        assert share < 0.1, "only at its very beginning is nothing begun"
        house.ok(*words)
    other = restored(to, prepared.key)
    assert other.contents(prepared.ids) == prepared.contents
    other.close()
    assert not list(to.rglob("*.draft"))


def test_a_first_backup_that_was_killed_is_no_backup(tmp_path: Path) -> None:
    house = Backed(tmp_path / "data")
    house.fill(10)
    code, _ = dying(tmp_path, 20, "backups", "backup", str(house.target), environment=house.environment)
    assert code == -9
    for words in (("backup", "verify", house.target), ("restore", house.target, "--to", tmp_path / "x")):
        result = house.run(*words)
        assert result.exit_code == 7
        assert "was never finished: it is not used" in str(result.exception)
    for number in (1, 2, 3):  # killed while it claims the folder: nothing is in its way afterwards
        name = f"claimed-{number}"
        dying(tmp_path, number, name, "backup", str(tmp_path / name), environment=house.environment)
        house.ok("backup", tmp_path / name)
    house.close()


def test_a_restore_goes_on_only_from_its_own_backup(prepared: Prepared) -> None:
    house, to = prepared.house, prepared.folder / "own"
    target = prepared.folder / "trial"
    first, second = sorted(path.name for path in (target / "snapshots").iterdir())
    words = prepared.restore(target, to)
    code, _ = dying(prepared.folder, 15, "own", *words, "--snapshot", first, environment=house.environment)
    assert code == -9
    other = house.run(*words, "--snapshot", second)
    assert other.exit_code == 1
    assert "is being restored from another backup" in str(other.exception)
    told = json.loads(house.ok(*words, "--json").stdout.splitlines()[-1])
    assert told["snapshot"] == first, "without a name, the one that was begun"
