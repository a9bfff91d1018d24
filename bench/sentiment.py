"""Sentiment against hand-labelled call sentences: ``python -m bench.sentiment``; reference: VADER as it comes.

A value of ±0.15 and beyond is positive or negative (the bands that the pages show), anything between is neutral;
VADER is read by its authors' own bands (±0.05). The sentences are our own; half were never looked at while tuning.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report import emit

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "sentiment.jsonl"
BAND, VADER_BAND = 0.15, 0.05


def sentences() -> list[dict[str, Any]]:
    """All labelled sentences: role, label, set, text."""
    return [json.loads(line) for line in VECTORS.read_text("utf-8").splitlines()]


def label(value: float, band: float) -> str:
    """The word for a value."""
    return "positive" if value >= band else "negative" if value <= -band else "neutral"


def ours(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Our labels."""
    from candor.analysis.sentiment import tone_of

    return [label(tone_of(row["text"], agent=row["role"] == "agent").value, BAND) for row in rows]


def vader(rows: Sequence[dict[str, Any]]) -> list[str]:
    """VADER's labels."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    return [label(analyser.polarity_scores(row["text"])["compound"], VADER_BAND) for row in rows]


def accuracy(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> float:
    """Share of right labels."""
    return float(sum(row["label"] == given for row, given in zip(rows, labels, strict=True)) / len(rows))


def main() -> None:
    """Print one line for each set; ``--wrong`` lists the mistakes of the tuning set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("small", "full"), default="small")
    parser.add_argument("--wrong", action="store_true")
    arguments = parser.parse_args()
    for part in ("tuning", "held-out"):
        rows = [row for row in sentences() if row["set"] == part]
        found = ours(rows)
        emit(
            name=f"sentiment.accuracy.{part}",
            value=accuracy(rows, found),
            unit="ratio",
            n=len(rows),
            reference="vaderSentiment as it comes",
            reference_value=accuracy(rows, vader(rows)),
            size=arguments.size,
        )
        if arguments.wrong and part == "tuning":
            for row, given in zip(rows, found, strict=True):
                if row["label"] != given:
                    print(row["label"], given, row["role"], row["text"])


if __name__ == "__main__":
    main()
