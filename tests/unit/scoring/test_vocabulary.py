"""What scorecards may name is what the analysis writes."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import yaml

from candor.analysis.definitions import METRICS
from candor.scoring.vocabulary import DEFAULT


def test_metrics_are_those_of_the_analysis() -> None:
    assert set(METRICS) == DEFAULT.metrics


def test_categories_are_those_of_the_analysis() -> None:
    text = (resources.files("candor.analysis") / "data" / "phrases.yaml").read_text(encoding="utf-8")
    assert {category["id"] for category in yaml.safe_load(text)["categories"]} == DEFAULT.categories


def test_every_kind_of_finding_that_the_analysis_writes_can_be_named() -> None:
    folder = Path(str(resources.files("candor.analysis")))
    written = set()
    for path in folder.glob("*.py"):
        for line in re.findall(r"\bkind ?= ?.*", path.read_text(encoding="utf-8")):
            written |= set(re.findall(r'"(\w+)"', line))
    assert "hold" in written
    assert written <= DEFAULT.findings
