"""The checklist of ``tests/acceptance/test_checklist.py``, answered from a whole call, both voices in one channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_checklist import FACTS, WHOLE, answers, check

pytestmark = [pytest.mark.slow, pytest.mark.shared]


@pytest.fixture(scope="module")
def told(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return answers(shared, tmp_path_factory.mktemp("checklist"), WHOLE)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("question", [question for file, question in FACTS if file == WHOLE])
def test_the_checklist_is_answered_right_from_a_whole_call(told: dict[str, Any], question: str) -> None:
    check(told, WHOLE, question)
