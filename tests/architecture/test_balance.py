"""The tests are shared out by what is there."""

from __future__ import annotations

from tests import balance
from tests.conftest import ROOT


def test_every_file_that_is_named_is_there() -> None:
    named = {*balance.LONGEST, *balance.ONE_HOUSE}
    assert [file for file in sorted(named) if not (ROOT / file).is_file()] == []


def test_those_of_one_house_go_together_and_begin_with_its_longest() -> None:
    assert len({balance.scope(file) for file in balance.ONE_HOUSE}) == 1
    assert min(balance.turn(file) for file in balance.ONE_HOUSE) == 0
    assert balance.scope("tests/unit/kit/test_kit.py") == "tests/unit/kit/test_kit.py"
