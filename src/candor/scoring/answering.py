"""Automatic answers: what rules and figures say to each question, in an order in which answers can rest on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from candor.conversation.evaluation import Answer, AnswerKind, Value, Verdict
from candor.scoring.conditions import holds, in_order
from candor.scoring.context import Context, Outcome
from candor.scoring.model import AnswerIs, Ask, MetricRule, Op, Option, Question, Scale, ScaleMetric, Scorecard
from candor.scoring.rules import applies, judge, judge_ask

_FOR_A_PERSON = Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.0, reason="Only a person answers this question.")


def answer_all(scorecard: Scorecard, context: Context, engine: str) -> dict[str, Answer]:
    """An answer to every question, by its id, in the order of the scorecard."""
    answers: dict[str, Answer] = {}
    for question in in_order(scorecard):
        outcome = (
            _waits(question.applies_when.answers, answers)
            or applies(question.applies_when, context)
            or _outcome(question, context)
        )
        rule = f"{scorecard.id}/{question.id}@{scorecard.version}+engine.{engine}"
        rule += f"+{outcome.source}" if outcome.source else ""
        answers[question.id] = _answer(question, outcome, scorecard.floor, rule)
    return {question.id: answers[question.id] for question in scorecard.questions}


def _answer(question: Question, outcome: Outcome, floor: float, rule: str) -> Answer:
    verdict, reason, value = outcome.verdict, outcome.reason, outcome.value
    if verdict in {Verdict.YES, Verdict.NO, Verdict.ANSWERED} and outcome.confidence < floor:
        likely = verdict.value if value is None else _words(question, value)
        reason = f"Probably {likely}, but only {outcome.confidence:.0%} sure (needs {floor:.0%}). {reason}"
        verdict, value = Verdict.CANNOT_TELL, None
    return Answer(
        question=question.id,
        verdict=verdict,
        evidence=outcome.evidence,
        confidence=round(outcome.confidence, 3),
        rule=rule,
        points=None,
        reason=reason,
        value=value,
    )


def _waits(conditions: Sequence[AnswerIs], answers: Mapping[str, Answer]) -> Outcome | None:
    """None when every condition on another answer holds; else what stands for the question."""
    for wanted in conditions:
        held = holds(wanted, answers)
        if held is None:
            reason = f'Whether it applies cannot be told: "{wanted.question}" has no answer.'
            return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.0, reason=reason)
        if not held:
            reason = f'Does not apply here: of the answer to "{wanted.question}".'
            return Outcome(verdict=Verdict.NOT_APPLICABLE, confidence=1.0, reason=reason)
    return None


def _outcome(question: Question, context: Context) -> Outcome:
    if question.rule is not None:
        rule = question.rule
        return judge_ask(rule, context, question) if isinstance(rule, Ask) else judge(rule, context)
    if question.kind is AnswerKind.CHOICE and question.automatic:
        return _choice(question.options, context)
    if question.kind is AnswerKind.MULTI_CHOICE and question.automatic:
        return _choices(question.options, context)
    if question.scale is not None and question.scale.metric is not None:
        return _on_scale(question.scale, question.scale.metric, context)
    if question.figure is not None and question.figure.metric is not None:
        return _figure(question.figure.metric, context)
    return _FOR_A_PERSON


def _choice(options: Sequence[Option], context: Context) -> Outcome:
    """The first option whose rule says yes; when all say no, the one without a rule."""
    against: list[Outcome] = []
    for option in options:
        if option.rule is None:
            continue
        outcome = judge(option.rule, context)
        if outcome.verdict is Verdict.CANNOT_TELL:
            return _unsure(option, outcome)
        if outcome.verdict is Verdict.YES:
            # It is chosen over those before it: no surer than that they are not it.
            sure = min([outcome.confidence, *(other.confidence for other in against)])
            return _chosen(option.id, f"{option.label}: {outcome.reason}", sure, [outcome])
        against.append(outcome)
    rest = next((option for option in options if option.rule is None), None)
    if rest is None:
        reason = "None of the options was found. " + " ".join(outcome.reason for outcome in against[:3])
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.0, reason=reason)
    sure = min(outcome.confidence for outcome in against)
    return _chosen(rest.id, f"{rest.label}: none of the other options was found.", sure, against)


def _choices(options: Sequence[Option], context: Context) -> Outcome:
    """Every option whose rule says yes."""
    outcomes = [(option, judge(option.rule, context)) for option in options if option.rule is not None]
    for option, outcome in outcomes:
        if outcome.verdict is Verdict.CANNOT_TELL:
            return _unsure(option, outcome)
    found = [(option, outcome) for option, outcome in outcomes if outcome.verdict is Verdict.YES]
    labels = ", ".join(option.label for option, _ in found)
    sure = min(outcome.confidence for _, outcome in outcomes)
    shown = [outcome for _, outcome in found] or [outcome for _, outcome in outcomes]
    reason = f"Found: {labels}." if found else "None of the options was found."
    return _chosen(tuple(option.id for option, _ in found), reason, sure, shown)


def _chosen(value: Value, reason: str, confidence: float, outcomes: Sequence[Outcome]) -> Outcome:
    evidence = tuple(dict.fromkeys(item for outcome in outcomes for item in outcome.evidence))
    return Outcome(verdict=Verdict.ANSWERED, value=value, confidence=confidence, reason=reason, evidence=evidence[:6])


def _unsure(option: Option, outcome: Outcome) -> Outcome:
    reason = f'Whether it is "{option.label}" cannot be told: {outcome.reason}'
    return Outcome(verdict=Verdict.CANNOT_TELL, confidence=outcome.confidence, reason=reason)


def _on_scale(scale: Scale, metric: ScaleMetric, context: Context) -> Outcome:
    figure = _figure(metric.name, context)
    if not isinstance(figure.value, float):
        return figure
    part = (figure.value - metric.low_at) / (metric.high_at - metric.low_at)
    placed = scale.low + round(min(1.0, max(0.0, part)) * (scale.high - scale.low))
    reason = f"{figure.reason} On the scale that is {placed}."
    return _chosen(float(placed), reason, figure.confidence, [figure])


def _figure(name: str, context: Context) -> Outcome:
    """A figure of the analysis as a value."""
    metric = next((item for item in context.analysis.metrics if item.name == name), None)
    outcome = judge(_any_figure(name), context)
    if metric is None:
        return outcome
    unit = "" if metric.unit in {"ratio", "count"} else f" {metric.unit}"
    reason = f"{name} is {metric.value:.3g}{unit}."
    shown = replace(outcome, evidence=tuple(replace(item, note=reason) for item in outcome.evidence))
    return _chosen(float(metric.value), reason, outcome.confidence, [shown])


@cache
def _any_figure(name: str) -> MetricRule:
    """Says whether the figure was measured, how surely, and where: anything is more than this threshold."""
    return MetricRule(name=name, op=Op.AT_LEAST, threshold=-1e12)


def _words(question: Question, value: Value) -> str:
    """An answer as people read it."""
    labels = {option.id: option.label for option in question.options}
    if isinstance(value, tuple):
        return ", ".join(f'"{labels.get(item, item)}"' for item in value) or "none of them"
    if isinstance(value, str):
        return f'"{labels.get(value, value)}"'
    unit = f" {question.figure.unit}" if question.figure is not None and question.figure.unit else ""
    return f"{value:g}{unit}"
