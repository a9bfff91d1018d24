"""Automatic answers against people's, on 172 written service dialogues (STAR, Mosig et al. 2020).

The dialogues are imported as chats through the product's own intake, redacted, analysed and scored like any other
conversation; the scorecards are drafted from the tasks' flow charts by ``candor scorecard draft`` as they come, with
``scorecards/manner.yaml`` for what no chart says. Nothing of a dialogue but its text and times reaches the product.
The truth is:

- **steps in order**: the labels of the agent's actions (``ActionLabel``): no two of them stand, where each was first
  done, against an arrow of the chart (or a way along arrows, unless there is one back). What was typed freely has no
  label and does not count. A step may be left out: customers tell much unasked.
- **identity verified** (the two bank tasks): the bank's own system accepted what the agent had entered, that is, some
  query was answered with the balance or a confirmation. It takes full name, account number and PIN, or full name, date
  of birth and two security answers.
- **outcome reached**: what the customers answered: "Did the AI Assistant … book your flight, submit your request …?"
- **calm and helpful**: what the customers answered to that.
- **customer annoyed**: what the agents answered to "Did the user become aggressive or annoyed?"

Dialogues are split by the SHA-256 of their file's name. Phrases and thresholds were made from mistakes on the first
half; the other half is reported as ``held-out``. It is not wholly blind: some of its dialogues had been read before the
split, and its totals were seen once before the last rules were made. The truth of the steps and of the identity is
partly that of the charts from which the scorecards were drafted. An answer that goes to a person ("cannot tell") is
wrong in ``strict``, and left out of ``value`` with its share in ``answered``. Balanced accuracy is the mean of the
right yes and the right no; Cohen's kappa is agreement beyond chance. The reference is the better of always yes and
always no: 0.5.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import emit
from candor import wiring
from candor.capture.files import gather
from candor.conversation.evaluation import Answer, Verdict
from candor.kit import log
from candor.pipeline.adapters.inline import InlineEngine
from candor.pipeline.store import unfinished
from candor.scoring.drafting import draft
from candor.scoring.model import Scorecard
from candor.scoring.service import dump_scorecard, load_scorecard
from candor.settings import load

STAR = Path(__file__).resolve().parents[2] / "shared" / "data" / "text_quality_star"
SIZES = {"small": 48, "full": 100_000}
_WHO = {"Wizard": "agent", "User": "customer"}
BANK = frozenset({"bank_balance", "bank_fraud_report"})

MANNER = Path(__file__).with_name("scorecards") / "manner.yaml"


@dataclass(frozen=True)
class Judged:
    """One human answer beside ours."""

    question: str
    truth: bool
    ours: bool | None
    """None: cannot tell."""
    half: str


def main() -> None:
    """Print a line for each question and half."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--data", type=Path, default=STAR / "dev", help="a folder with index.jsonl and dialogues/")
    parser.add_argument("--tasks", type=Path, default=STAR / "tasks", help="the tasks' charts")
    parser.add_argument("--wrong", action="store_true", help="list the mistakes of the half that was looked at")
    given = parser.parse_args()
    log.configure(json_lines=True, level="ERROR")
    if not (given.data / "index.jsonl").is_file():
        emit(name="quality", value=0.0, unit="none", n=0, reference="none", reference_value=None, size=given.size,
             skipped="the dialogues are not on this machine")  # fmt: skip
        return
    rows = [json.loads(line) for line in (given.data / "index.jsonl").read_text("utf-8").splitlines()]
    rows = _spread(rows, SIZES[given.size])
    cards = {task: _drafted(given.tasks, task) for task in sorted({row["task"] for row in rows})}
    with tempfile.TemporaryDirectory() as folder:
        answers = scored(Path(folder), given.data, rows, cards)
    found = [
        one
        for row in rows
        for one in judged(row, _read(given.data / row["file"]), chart(given.tasks, row["task"]), answers[row["file"]])
    ]
    if given.wrong:
        _tell_wrong(rows, given, answers)
    for question in dict.fromkeys(one.question for one in found):
        for half in ("looked-at", "held-out", "both"):
            _emit(question, half, [o for o in found if o.question == question and half in (o.half, "both")], given.size)


def _spread(rows: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The same number of every task, by the digest of the name."""
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: _digest(row["file"])):
        by_task[row["task"]].append(row)
    each = max(1, most // len(by_task))
    return [row for task in sorted(by_task) for row in by_task[task][:each]]


def _digest(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)


def half_of(name: str) -> str:
    """In which half a dialogue is."""
    return "held-out" if _digest(name) % 2 else "looked-at"


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return read


def _drafted(tasks: Path, task: str) -> Scorecard:
    """As ``candor scorecard draft`` makes it, through its YAML."""
    return load_scorecard(dump_scorecard(draft((tasks / task / f"{task}.json").read_text("utf-8"), task)))


def chat(dialogue: Mapping[str, Any]) -> dict[str, Any]:
    """A dialogue as a chat file: who wrote what, when."""
    return {
        "id": f"star-{dialogue['DialogueID']}",
        "language": "en",
        "messages": [
            {"by": _WHO[event["Agent"]], "at": event["UnixTime"], "text": event["Text"]}
            for event in dialogue["Events"]
            if event["Agent"] in _WHO and event["Action"] in {"utter", "pick_suggestion"}
        ],
    }  # fmt: skip


def scored(
    folder: Path, data: Path, rows: Sequence[Mapping[str, Any]], cards: Mapping[str, Scorecard]
) -> dict[str, dict[str, Answer]]:
    """Every dialogue through intake and all stages, then scored; answers by file and question."""
    chats = folder / "chats"
    chats.mkdir()
    files = {}
    for row in rows:
        path = chats / f"{_digest(row['file']) % 10**12}.json"
        path.write_text(json.dumps(chat(_read(data / row["file"]))), "utf-8")
        files[path.name] = row
    settings = load(data=folder / "data")
    services = wiring.open_services(settings)
    engine = InlineEngine(wiring.make_runner(settings, services))
    taken = {item.name: services.intake.take(item, actor="bench") for item in gather([chats])}
    ids = {files[name]["file"]: each.conversation_id for name, each in taken.items()}
    with services.database.read() as uow:
        runs = unfinished(uow)
    for run in runs:
        engine.submit(run.id)
    manner = load_scorecard(MANNER.read_text("utf-8"))
    found: dict[str, dict[str, Answer]] = {}
    for row in rows:
        made = services.scoring.try_out(ids[row["file"]], [cards[row["task"]], manner])
        found[row["file"]] = {answer.question: answer for every in made for each in every for answer in each.answers}
    services.database.close()
    return found


def chart(tasks: Path, task: str) -> Mapping[str, set[str]]:
    """What can be reached from each node along arrows."""
    data = _read(tasks / task / f"{task}.json")
    then = {one: [to] if isinstance(to, str) else list(to) for one, to in data["graph"].items()}
    reached: dict[str, set[str]] = {}
    for start in data["replies"]:
        seen: set[str] = set()
        left = [start]
        while left:
            for each in then.get(left.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    left.append(each)
        reached[start] = seen
    return reached


def in_order(labels: Iterable[str], reached: Mapping[str, set[str]]) -> bool:
    """Whether no two labels stand against the chart, each where it occurs first."""
    seen: list[str] = []
    for label in labels:
        if label in seen or label not in reached:
            continue
        if any(earlier in reached[label] and label not in reached[earlier] for earlier in seen):
            return False
        seen.append(label)
    return True


def accepted(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the bank's system answered a query with what was asked for."""
    items = [event.get("Item") or {} for event in events if event["Action"] == "return_item"]
    return any("BankBalance" in item or "Confirmation" in item for item in items)


def judged(
    row: Mapping[str, Any], dialogue: Mapping[str, Any], reached: Mapping[str, set[str]], answers: Mapping[str, Answer]
) -> list[Judged]:
    """All human answers about one dialogue beside ours."""
    half, events = half_of(row["file"]), dialogue["Events"]
    labels = [event["ActionLabel"] for event in events if event["Action"] == "pick_suggestion"]
    truths = {"steps-in-order": in_order(labels, reached)}
    if row["task"] in BANK:
        truths["identity-verified"] = accepted(events)
    for each in row["user_answers"]:
        question = "calm-and-helpful" if "calm and helpful" in each["Question"] else "outcome"
        truths[question] = each["Answer"]
    for each in row["wizard_answers"]:
        if "aggressive or annoyed" in each["Question"]:
            truths["customer-not-annoyed"] = not each["Answer"]
    return [Judged(name, bool(truth), _ours(answers[name]), half) for name, truth in truths.items() if name in answers]


def _ours(answer: Answer) -> bool | None:
    """n/a is no objection: where no step was taken, none was out of order."""
    return None if answer.verdict is Verdict.CANNOT_TELL else answer.verdict is not Verdict.NO


def _emit(question: str, half: str, judgements: Sequence[Judged], size: str) -> None:
    told = [(one.truth, one.ours) for one in judgements if one.ours is not None]
    strict = [(one.truth, one.ours if one.ours is not None else not one.truth) for one in judgements]
    if not told:
        return
    emit(
        name=f"quality.{question}.{half}", value=balanced(told), unit="balanced accuracy", n=len(judgements),
        reference="always the same answer", reference_value=0.5, size=size, kappa=round(kappa(told), 3),
        strict=round(balanced(strict), 4), answered=round(len(told) / len(judgements), 3),
        yes=sum(truth for truth, _ in told), no=sum(not truth for truth, _ in told),
    )  # fmt: skip


def balanced(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Mean of the share of right answers among true yes and among true no; of one of them where the other has none."""
    shares = []
    for truth in (True, False):
        of_it = [ours for told, ours in pairs if told is truth]
        if of_it:
            shares.append(sum(ours is truth for ours in of_it) / len(of_it))
    return sum(shares) / len(shares) if shares else math.nan


def kappa(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Cohen (1960); 0 where one of the two always says the same."""
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    truth, ours = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
    by_chance = truth * ours + (1 - truth) * (1 - ours)
    return 0.0 if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def _tell_wrong(
    rows: Sequence[Mapping[str, Any]], given: argparse.Namespace, answers: Mapping[str, Mapping[str, Answer]]
) -> None:
    for row in rows:
        own = answers[row["file"]]
        for one in judged(row, _read(given.data / row["file"]), chart(given.tasks, row["task"]), own):
            if one.half == "looked-at" and one.ours is not one.truth:
                print(one.question, one.truth, own[one.question].verdict, row["file"], own[one.question].reason[:160])


if __name__ == "__main__":
    main()
