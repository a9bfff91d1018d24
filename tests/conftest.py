"""What every test may lean on."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from candor.access import passwords
from tests import balance
from tests.peers import migrated

ROOT = Path(__file__).resolve().parent.parent

# A developer's own settings must not leak into tests.
for _name in [name for name in os.environ if name.startswith("CANDOR_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared test material; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared test material (../shared/data) is not on this machine")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _quick_houses() -> None:
    """Houses that are made in the tests' own process cost no second: cheap password hashes, tables made once.

    The product's own processes hash and migrate as ever; ``tests/integration/test_migrations.py`` calls the
    migrations themselves, and compares.
    """
    vars(passwords)["PasswordHasher"] = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    migrated.remember()


_REAL_TIME = (
    "integration/", "acceptance/", "contract/", "unit/audit/", "unit/capture/", "unit/evidence/", "unit/live/",
    "unit/pipeline/",
)  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Where several processes run tests."""
    return balance.LongestFirst(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, and a second try for tests that drive real processes in real time.

    A busy machine may cost one its deadline. A second try is told in the summary ("1 rerun"); what is wrong fails
    twice.
    """
    items.sort(key=lambda item: balance.turn(item.nodeid.split("::", 1)[0]))
    for item in items:
        if item.path.is_relative_to(ROOT / "tests"):
            place = item.path.relative_to(ROOT / "tests").as_posix()
            if place.startswith(_REAL_TIME):
                item.add_marker(pytest.mark.flaky(reruns=1))
