"""A real S3 for the tests that want one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.capture.watch.ceph import Ceph, missing


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    if absent := missing():
        pytest.skip(absent)
    started = Ceph(tmp_path_factory.mktemp("ceph")).start()
    try:
        yield started
    finally:
        started.stop()
