"""The verbs: load a scorecard, score a conversation, let a person override an answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any

from candor.conversation.evaluation import Answer, Evaluation, EvaluationSource, Value, Verdict
from candor.conversation.finding import Analysis
from candor.conversation.model import Direction
from candor.conversation.transcript import PiiSpan, Transcript
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.ids import new_id
from candor.scoring.answering import answer_all
from candor.scoring.asking import Judge
from candor.scoring.context import Context, Embed
from candor.scoring.dumper import dump_scorecard
from candor.scoring.facts import Facts
from candor.scoring.form import answer_fault, counting
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard
from candor.scoring.points import Result, tally

__all__ = ["ENGINE", "builtin", "builtin_yaml", "builtins", "dump_scorecard", "load_scorecard", "override", "score"]

ENGINE = "1"
"""Version of the matching itself; raised when the same scorecard could answer differently."""
MAX_REASON = 2000


def builtins() -> tuple[str, ...]:
    """The ids of the scorecards that ship with the product."""
    folder = resources.files("candor.scoring") / "scorecards"
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def builtin_yaml(scorecard_id: str) -> str:
    """The YAML of a built-in scorecard; raises NotFound."""
    if scorecard_id not in builtins():
        raise NotFound(f'There is no built-in scorecard "{scorecard_id}"; there are: {", ".join(builtins())}.')
    return (resources.files("candor.scoring") / "scorecards" / f"{scorecard_id}.yaml").read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def builtin(scorecard_id: str) -> Scorecard:
    """A scorecard that ships with the product; raises NotFound."""
    return load_scorecard(builtin_yaml(scorecard_id))


def score(
    scorecard: Scorecard,
    transcript: Transcript,
    analysis: Analysis,
    *,
    conversation_id: str,
    transcript_id: str | None,
    direction: Direction = Direction.UNKNOWN,
    pii: Sequence[PiiSpan] = (),
    embed: Embed | None = None,
    facts: Facts | None = None,
    judge: Judge | None = None,
    earlier: Sequence[Answer] = (),
    suggested: Collection[str] = (),
    at: datetime | None = None,
) -> Evaluation:
    """Answer every question of ``scorecard`` about the redacted ``transcript``.

    ``pii`` is where personal data was masked (utterance and kind are used, never the data); ``embed`` turns
    sentences into vectors; ``facts`` are what else is known; ``judge`` answers free questions, and those that are among
    ``earlier`` answers of this conversation as they were answered then; answers to the questions ``suggested`` are
    shown and do not count (agreement/). Only ``id`` and ``created_at`` differ between two runs on the same input.
    """
    context = Context(
        transcript=transcript,
        analysis=analysis,
        direction=direction,
        pii=pii,
        embed=embed,
        languages=scorecard.languages,
        facts=facts,
        asking=None if judge is None else judge.session(earlier),
    )
    answers = {
        name: replace(answer, suggested=True) if name in suggested else answer
        for name, answer in answer_all(scorecard, context, ENGINE).items()
    }
    moment = clock.require_aware(at) if at is not None else clock.now()
    return Evaluation(
        id=new_id(),
        conversation_id=conversation_id,
        scorecard=scorecard.id,
        scorecard_version=scorecard.version,
        source=EvaluationSource.AUTOMATIC,
        created_at=moment,
        transcript_id=transcript_id,
        **_scores(tally(scorecard, answers)),
    )


def _scores(result: Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in Result.__dataclass_fields__}


def override(
    evaluation: Evaluation,
    question: str,
    verdict: Verdict,
    reason: str,
    evaluator: str,
    scorecard: Scorecard,
    at: datetime | None = None,
    value: Value | None = None,
) -> Evaluation:
    """A person's own answer to one question: a new human evaluation; ``evaluation`` itself stays as it is.

    ``evaluation`` is the automatic one, or this person's latest, on which further overrides build. ``scorecard``
    must be the version it was made with; ``value`` answers a question that is not yes/no. Raises InvalidInput (no
    reason, unknown question, an answer that does not fit it, other scorecard) or Conflict (somebody else's evaluation).
    """
    if (scorecard.id, scorecard.version) != (evaluation.scorecard, evaluation.scorecard_version):
        raise InvalidInput(
            f"The evaluation was made with {evaluation.scorecard} version {evaluation.scorecard_version}, "
            f"not with {scorecard.id} version {scorecard.version}.",
            code="evaluation.other_scorecard",
        )
    if evaluation.source is EvaluationSource.HUMAN and evaluation.evaluator != evaluator:
        raise Conflict(
            "This evaluation is somebody else's.",
            advice="Start from the automatic one or from your own.",
            code="evaluation.not_yours",
        )
    if not evaluator:
        raise InvalidInput("An override needs the person who makes it.", code="evaluation.no_evaluator")
    why = " ".join(reason.split())
    if not why:
        raise InvalidInput("An override needs a reason.", advice="Say what you heard.", code="evaluation.no_reason")
    if len(why) > MAX_REASON:
        raise InvalidInput(f"A reason has at most {MAX_REASON} characters.", code="evaluation.long_reason")
    asked = scorecard.question(question)
    if asked is None:
        raise InvalidInput(f'The scorecard has no question "{question}".', code="evaluation.unknown_question")
    try:
        judged = Verdict(verdict)
    except ValueError:
        known = ", ".join(item.value for item in Verdict)
        raise InvalidInput(f"A verdict is one of {known}.", code="evaluation.unknown_verdict") from None
    answers = {answer.question: answer for answer in evaluation.answers}
    answers[question] = replace(
        answers[question], verdict=judged, confidence=1.0, rule="human", reason=why, value=value, suggested=False
    )
    wrong = answer_fault(asked, answers[question])
    if wrong:
        raise InvalidInput(wrong, code="evaluation.wrong_answer")
    return replace(
        evaluation,
        id=new_id(),
        source=EvaluationSource.HUMAN,
        evaluator=evaluator,
        created_at=clock.require_aware(at) if at is not None else clock.now(),
        **_scores(tally(scorecard, counting(scorecard, answers))),
    )
