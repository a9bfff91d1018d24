"""How tests are shared out between processes: the longest files first, so that none is left alone at the end.

A file is run by one process. Files that look at the same house (``tests/acceptance/conftest.py``) are run by the same:
it is made once.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

LONGEST = (
    "tests/acceptance/test_a_call.py",
    "tests/integration/test_siprec.py",
    "tests/acceptance/test_api_fuzzed.py",
    "tests/integration/test_routes_by_role.py",
    "tests/acceptance/test_killed.py",
    "tests/integration/test_browser.py",
    "tests/integration/test_browser_evaluating.py",
    "tests/integration/test_browser_whole_way.py",
    "tests/integration/test_capture_check.py",
    "tests/integration/test_hearing.py",
    "tests/integration/test_consent_proof.py",
    "tests/integration/test_pipeline_kill.py",
    "tests/integration/test_backup.py",
    "tests/acceptance/test_trust.py",
    "tests/acceptance/test_bad_input.py",
    "tests/acceptance/test_again.py",
    "tests/acceptance/test_checklist.py",
    "tests/integration/test_consent_gate.py",
    "tests/integration/test_pausing.py",
    "tests/integration/test_consent_live.py",
    "tests/integration/test_recorder.py",
    "tests/integration/test_browser_kinds.py",
    "tests/integration/test_browser_coaching.py",
    "tests/integration/test_browser_quality.py",
    "tests/integration/test_browser_scorecards.py",
    "tests/integration/test_reporting_killed.py",
    "tests/integration/test_rescoring_killed.py",
    "tests/integration/test_consent_streams.py",
)
"""By the time they take, longest first; those that are not named are short."""
ONE_HOUSE = frozenset(f"tests/acceptance/test_{name}.py" for name in ("a_call", "sealed", "vcons"))


def scope(file: str) -> str:
    """What is run by one process."""
    return "tests/acceptance: the house" if file in ONE_HOUSE else file


def turn(file: str) -> int:
    """Where a file stands among all."""
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)


class LongestFirst(LoadScopeScheduling):
    """Of pytest-xdist, instead of ``loadfile``'s own."""

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid.split("::", 1)[0])
