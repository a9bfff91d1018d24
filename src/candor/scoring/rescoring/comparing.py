"""What a version of a scorecard says against what was said before: per conversation, then summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from candor.conversation.evaluation import Evaluation
from candor.scoring.intervals import wilson
from candor.scoring.marks import code_of

BINS = 10
MOST_FLIPS = 200
"""How many conversations whose pass or fail changes are named; all are counted."""
MOST_CODES = 20
REST = "=…"
_PASS = {True: "pass", False: "fail", None: "open"}


def compare(before: Evaluation | None, after: Evaluation) -> dict[str, Any]:
    """One conversation, in short: scores, passes, and each question's two answers where they differ or are new."""
    old = {answer.question: code_of(answer) for answer in before.answers} if before else {}
    new = {answer.question: code_of(answer) for answer in after.answers}
    return {
        "c": after.conversation_id,
        "s": [before.score if before else None, after.score],
        "p": [_PASS[before.passed] if before else None, _PASS[after.passed]],
        "u": after.unanswered,
        "q": {name: [old.get(name), code] for name, code in new.items()},
    }


def add_up(rows: Iterable[Mapping[str, Any]], skipped: Mapping[str, int]) -> dict[str, Any]:
    """One part of a job, summed: what :func:`summarise` merges. Scores are counted in ten bins of ten points."""
    part: dict[str, Any] = {
        "scored": 0, "compared": 0, "unanswered": 0, "skipped": dict(skipped), "bins": [[0] * BINS, [0] * BINS],
        "sums": [0.0, 0.0], "passes": [{}, {}], "flips": {}, "flipped": [], "questions": {},
    }  # fmt: skip
    for row in rows:
        part["scored"] += 1
        part["unanswered"] += row["u"]
        part["compared"] += row["p"][0] is not None
        for side in (0, 1):
            score, passed = row["s"][side], row["p"][side]
            if score is not None:
                part["bins"][side][min(BINS - 1, int(score // 10))] += 1
                part["sums"][side] += score
            if passed is not None:
                _more(part["passes"][side], passed)
        old, new = row["p"]
        if old is not None and old != new:
            _more(part["flips"], f"{old}>{new}")
            part["flipped"].append(
                {"conversation": row["c"], "before": row["s"][0], "after": row["s"][1], "from": old, "to": new}
            )
        _count(part["questions"], row["q"])
    return part


def summarise(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All parts of a job: distributions, pass rates with intervals, changes per question; nothing of a single call."""
    whole = add_up((), {})
    del whole["flipped"]
    for part in parts:
        for name in ("scored", "compared", "unanswered"):
            whole[name] += part[name]
        for name in ("skipped", "flips"):
            _merge(whole[name], part[name])
        for side in (0, 1):
            whole["bins"][side] = [
                left + right for left, right in zip(whole["bins"][side], part["bins"][side], strict=True)
            ]
            whole["sums"][side] += part["sums"][side]
            _merge(whole["passes"][side], part["passes"][side])
        for name, told in part["questions"].items():
            held = whole["questions"].setdefault(name, _question())
            held["n"] += told["n"]
            held["changed"] += told["changed"]
            for side_name in ("before", "after"):
                _merge(held[side_name], told[side_name])
    bins, sums, passes = whole.pop("bins"), whole.pop("sums"), whole.pop("passes")
    return whole | {
        name: _side(bins[side], sums[side], passes[side]) for side, name in enumerate(("before", "after"))
    }  # fmt: skip


def _side(bins: list[int], total: float, passes: Mapping[str, int]) -> dict[str, Any]:
    count, good, bad = sum(bins), passes.get("pass", 0), passes.get("fail", 0)
    rate = wilson(good, good + bad)
    return {
        "bins": bins, "n": count, "mean": round(total / count, 2) if count else None,
        "passed": good, "failed": bad, "open": passes.get("open", 0),
        "rate": None if rate is None else [round(rate.value, 4), round(rate.low, 4), round(rate.high, 4)],
    }  # fmt: skip


def _question() -> dict[str, Any]:
    return {"before": {}, "after": {}, "changed": 0, "n": 0}


def _merge(into: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, number in counts.items():
        _more(into, name, number)


def _more(counts: dict[str, int], name: str, number: int = 1) -> None:
    """Numbers and words have as many values as there are calls: beyond twenty, further ones are counted as one."""
    told = name if name in counts or len(counts) < MOST_CODES or not name.startswith("=") else REST
    counts[told] = counts.get(told, 0) + number


def _count(questions: dict[str, dict[str, Any]], answers: Mapping[str, list[str | None]]) -> None:
    for name, (old, new) in answers.items():
        held = questions.setdefault(name, _question())
        held["n"] += 1
        if old is not None:
            _more(held["before"], old)
        if new is not None:
            _more(held["after"], new)
        held["changed"] += old is not None and old != new
