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
