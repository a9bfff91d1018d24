"""The page of roles says what the tables say."""

from __future__ import annotations

from pathlib import Path

from candor.access.reference import markdown

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "roles.md"


def test_the_page_of_roles_is_written_from_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run `make docs`"
