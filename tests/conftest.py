"""What every test may lean on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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


_REAL_TIME = (
    "integration/", "acceptance/", "contract/", "unit/audit/", "unit/capture/", "unit/evidence/", "unit/live/",
    "unit/pipeline/",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that drive real processes in real time get a second try: a busy machine may cost one its deadline.

    A second try is told in the summary ("1 rerun"); what is wrong fails twice.
    """
    for item in items:
        if item.path.is_relative_to(ROOT / "tests"):
            place = item.path.relative_to(ROOT / "tests").as_posix()
            if place.startswith(_REAL_TIME):
                item.add_marker(pytest.mark.flaky(reruns=1))
