"""A log with some lines in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.audit.made import House, house


@pytest.fixture
def made(tmp_path: Path) -> Iterator[House]:
    found = house(tmp_path / "data")
    yield found
    found.database.close()
