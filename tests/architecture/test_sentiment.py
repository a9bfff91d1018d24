"""Sentiment is read from the words: nothing in analysis can hear (Regulation (EU) 2024/1689, article 5(1)(f))."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
ROOM = sorted((SOURCE / "candor" / "analysis").rglob("*.py"))
WORDS_AND_FIGURES = frozenset(
    {
        "candor.analysis", "candor.conversation.codec", "candor.conversation.finding", "candor.conversation.model",
        "candor.conversation.transcript", "candor.errors", "candor.kit.clock", "candor.kit.database",
    }
)  # fmt: skip
"""What analysis may import of the product: none of it holds or decodes sound."""
LIBRARIES = frozenset({"numpy", "safetensors", "sqlalchemy", "tokenizers", "vaderSentiment", "yaml"})
"""What it may import of others: none of it reads audio by itself."""
DEAF_STANDARD = frozenset({"wave", "audioop", "sndhdr", "subprocess", "ctypes", "socket", "urllib", "multiprocessing"})
"""Of the standard library what could read sound, or have somebody else hear it."""
HEARING = frozenset({"original", "working", "playback", "peaks", "vault", "artifact", "open"})


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports would pass this test unseen"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", ROOM, ids=lambda path: str(path.relative_to(SOURCE)))
def test_analysis_imports_no_sound(path: Path) -> None:
    for name in imported(path):
        top = name.partition(".")[0]
        if top == "candor":
            assert any(name == known or name.startswith(f"{known}.") for known in WORDS_AND_FIGURES), name
        else:
            assert top not in DEAF_STANDARD
            assert top in LIBRARIES or top in sys.stdlib_module_names, name


def test_what_it_imports_is_deaf_itself() -> None:
    """One step further, so that no module of words hands sound on."""
    for name in WORDS_AND_FIGURES - {"candor.analysis"}:
        path = SOURCE / Path(*name.split(".")).with_suffix(".py")
        assert not any("sound" in other or "peaks" in other or "capture" in other for other in imported(path)), name


def test_the_stage_hands_analysis_no_sound() -> None:
    tree = ast.parse((SOURCE / "candor" / "pipeline" / "stages.py").read_text(encoding="utf-8"))
    (stage,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "analyse"]
    used = {node.attr for node in ast.walk(stage) if isinstance(node, ast.Attribute)}
    assert "redaction" in used
    assert used.isdisjoint(HEARING)
