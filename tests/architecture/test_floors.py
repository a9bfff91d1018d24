"""The house keeps its floors, its file sizes and its silence about where it was built."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_rooms_never_import_one_another() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_source_file_reaches_500_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 500


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_only_the_clock_reads_the_wall_clock() -> None:
    pattern = re.compile(r"datetime\.(now|utcnow|today)\(")
    offenders = [p for p in SOURCES if p.name != "clock.py" and pattern.search(p.read_text(encoding="utf-8"))]
    assert offenders == []


def test_the_environment_is_read_in_settings_alone() -> None:
    pattern = re.compile(r"os\.(environ|getenv)")
    allowed = {"settings.py"}
    offenders = [p for p in SOURCES if p.name not in allowed and pattern.search(p.read_text(encoding="utf-8"))]
    assert offenders == []
