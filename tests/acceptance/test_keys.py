"""The master key: missing, wrong, readable by others. Nothing is ever overwritten, nothing is opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.product import Candor, noise

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Candor:
    """A data folder with one sealed conversation that nobody has processed."""
    folder = tmp_path_factory.mktemp("keys")
    candor = Candor(folder / "data")
    assert candor.run("import", noise(folder / "call.wav", 1.0), "--no-wait").code == 0
    return candor


@pytest.fixture
def copy(sealed: Candor, tmp_path: Path) -> Candor:
    shutil.copytree(sealed.data, tmp_path / "data")
    return Candor(tmp_path / "data")


def contents(folder: Path) -> dict[str, bytes]:
    kept = (file for file in folder.rglob("*") if file.is_file() and not file.name.endswith((".lock", "-wal", "-shm")))
    return {str(file.relative_to(folder)): file.read_bytes() for file in kept}


def test_a_missing_key_file_is_told_and_not_made_anew(copy: Candor, tmp_path: Path) -> None:
    (copy.data / "master.key").unlink()
    before = contents(copy.data)
    for words in (("import", str(noise(tmp_path / "other.wav", 1.0, seed=6))), ("serve",)):
        done = copy.run(*words)
        assert done.code == 4, done
        assert done.err.startswith("candor: The key file ")
        assert "is missing, and sealed recordings exist. Put the key file back" in done.err
    assert contents(copy.data) == before


def test_a_key_file_that_others_can_read_is_refused(copy: Candor) -> None:
    (copy.data / "master.key").chmod(0o644)
    done = copy.run("list")
    assert done.code == 2
    assert "can be read by others. Run: chmod 600" in done.err


def test_another_key_opens_nothing_and_changes_nothing(copy: Candor, tmp_path: Path) -> None:
    (copy.data / "master.key").write_text("ab" * 32)
    before = contents(copy.data)
    [(an_id,)] = copy.sql("select id from conversation")
    done = copy.run("show", an_id)
    assert done.code == 6
    assert "is not the one that this data folder was sealed under." in done.err
    assert "Configure the key file, passphrase or key service that this data folder was made with." in done.err
    refused = copy.run("import", noise(tmp_path / "other.wav", 1.0, seed=7), "--no-wait")
    assert refused.code == 6, "nothing may be sealed under a second key"
    assert contents(copy.data) == before


def test_what_is_no_key_is_told(copy: Candor) -> None:
    (copy.data / "master.key").write_text("not a key")
    done = copy.run("list")
    assert done.code == 2
    assert "does not hold a key (64 hexadecimal digits)" in done.err
    assert (copy.data / "master.key").read_text() == "not a key"


def test_a_wrong_passphrase_is_told_at_once(tmp_path: Path) -> None:
    candor = Candor(tmp_path / "data", {"CANDOR_PASSPHRASE": "a long enough passphrase"})
    assert candor.run("import", noise(tmp_path / "call.wav", 1.0), "--no-wait").code == 0
    assert not (candor.data / "master.key").exists()
    before = contents(candor.data)
    done = Candor(candor.data, {"CANDOR_PASSPHRASE": "another passphrase entirely"}).run("list")
    assert (done.code, done.err) == (6, "candor: The passphrase is not the one this vault was made with.\n")
    without = Candor(candor.data).run("list")
    assert without.code == 4, "a key file must not be made beside a passphrase"
    assert contents(candor.data) == before
    (candor.data / "passphrase.json").unlink()
    gone = candor.run("list")
    assert gone.code == 4
    assert "passphrase.json is missing, and sealed recordings exist." in gone.err


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = Candor(tmp_path / "data", {"CANDOR_WORKERS": "many"}).run("list")
    assert done.code == 2
    assert done.err.startswith("candor: A setting is not valid: workers:")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "candor.toml").write_text("colour = 'red'\n")
    done = Candor(tmp_path / "data").run("list")
    assert done.code == 2
    assert "colour" in done.err
