"""``candor score`` answers scorecards about a conversation; ``candor scorecard draft`` makes one of written words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from candor import wiring
from candor.cli.tables import print_table
from candor.conversation.codec import plain
from candor.conversation.evaluation import Answer, Evaluation
from candor.errors import InvalidInput, NotFound, TooLarge
from candor.scoring.context import shorten
from candor.scoring.drafting import draft as draft_scorecard
from candor.scoring.loader import MAX_BYTES
from candor.scoring.model import Scorecard
from candor.scoring.service import dump_scorecard, load_scorecard
from candor.services import Services
from candor.settings import load

_LARGEST_DOCUMENT = 4 << 20
_FILES = (".yaml", ".yml")


def score(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    *,
    scorecard: list[str] = typer.Option(
        [], help="A scorecard's id, or a YAML file; repeatable. Default: the one that every conversation is scored by."
    ),
    as_json: bool = typer.Option(False, "--json", help="Answers with their evidence, for scripts."),
) -> None:
    """Answer scorecards about a conversation. Nothing is kept: it shows what they would say."""
    services = wiring.open_services()
    cards = [_scorecard(services, name) for name in scorecard or [load().scorecard]]
    made = services.scoring.try_out(conversation_id, cards)
    if as_json:
        told = [_told(each, card) for found, card in zip(made, cards, strict=True) for each in found]
        print(json.dumps({"conversation_id": conversation_id, "evaluations": told}, ensure_ascii=False))
        return
    for found, card in zip(made, cards, strict=True):
        for evaluation in found:
            _tell(evaluation, card)


def draft(
    document: Path = typer.Argument(help="A flow chart or a policy for agents, as JSON."),
    *,
    name: str | None = typer.Option(None, help="The scorecard's id; default: the file's name."),
    output: Path | None = typer.Option(None, "-o", "--output", help="File to write; standard output when left out."),
) -> None:
    """Draft a scorecard from a written procedure or policy; read and correct it before it is used."""
    made = draft_scorecard(_text(document, _LARGEST_DOCUMENT), name or document.stem)
    text = dump_scorecard(made)
    load_scorecard(text)
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput("The output file cannot be written.", code="path.unwritable") from error
    print(f"{len(made.questions)} questions in {output}.")


def _scorecard(services: Services, name: str) -> Scorecard:
    path = Path(name)
    if name.lower().endswith(_FILES) or path.is_file():
        return load_scorecard(_text(path, MAX_BYTES))
    return services.scoring.scorecard(name)


def _text(path: Path, most: int) -> str:
    try:
        if path.stat().st_size > most:
            raise TooLarge(f"The file has more than {most:,} bytes.", code="scorecard.too_large")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFound("There is no such file.", code="path.missing") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("The file cannot be read as text.", code="path.unreadable") from error


def _told(evaluation: Evaluation, card: Scorecard) -> dict[str, Any]:
    """As JSON, each answer beside the question's words; without the id of an evaluation that is not kept."""
    told: dict[str, Any] = plain(evaluation)
    texts = {question.id: question.text for question in card.questions}
    del told["id"]
    told["title"] = card.title
    told["answers"] = [{**answer, "text": texts[answer["question"]]} for answer in told["answers"]]
    return told


def _tell(evaluation: Evaluation, card: Scorecard) -> None:
    total = "not scored" if evaluation.score is None else f"{evaluation.score:.0f}"
    passed = {True: ", passed", False: ", not passed", None: ""}[evaluation.passed]
    leg = "" if evaluation.segment is None else f", leg of {evaluation.segment}"
    made_with = f"{card.id} version {card.version}{leg}"
    print(f"{card.title} ({made_with}): {total}{passed}, {evaluation.unanswered} for a person")
    table = Table(Column("question", ratio=3), "answer", "sure", Column("why, and where", ratio=5))
    answers = {answer.question: answer for answer in evaluation.answers}
    for section in card.walk():
        for question in section.questions:
            answer = answers[question.id]
            cells = (question.text, _answer(answer), f"{answer.confidence:.0%}", _why(answer))
            table.add_row(*(escape(cell) for cell in cells))
    print_table(table)


def _answer(answer: Answer) -> str:
    if answer.value is None:
        return answer.verdict.value.replace("_", " ")
    if isinstance(answer.value, tuple):
        return ", ".join(answer.value) or "none"
    return f"{answer.value:g}" if isinstance(answer.value, float) else answer.value


def _why(answer: Answer) -> str:
    places = [f"[{_clock(each.start)}] {shorten(each.quote or each.note, 100)}" for each in answer.evidence[:2]]
    return "\n".join([shorten(answer.reason, 160), *(place for place in places if place[8:] not in answer.reason)])


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
