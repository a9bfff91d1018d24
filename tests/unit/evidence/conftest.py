"""One package for all who change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.evidence.made import House, house


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = house(tmp_path_factory.mktemp("evidence"))
    yield found
    found.services.database.close()


@pytest.fixture(scope="session")
def package(home: House) -> bytes:
    return home.package()
