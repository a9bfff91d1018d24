"""Every kind of rule, judged: one function a kind, one table that names them all."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from candor.conversation.evaluation import Evidence, Verdict
from candor.conversation.finding import Finding
from candor.conversation.model import Role
from candor.scoring.context import Context, Outcome, role_words, shorten
from candor.scoring.course import judge_repeat, judge_resolution, judge_steps
from candor.scoring.facts import lies_in
from candor.scoring.model import (
    AllOf,
    AnyOf,
    Ask,
    CategoryRule,
    Condition,
    FindingRule,
    Meaning,
    Measure,
    MetricRule,
    NeverSays,
    Not,
    Op,
    Order,
    PiiRule,
    Question,
    Repeat,
    Resolution,
    Rule,
    Says,
    SentimentRule,
    Steps,
)
from candor.scoring.speech import judge_meaning, judge_never, judge_pii, judge_says, unanswerable

_OPS: dict[Op, Callable[[float, float], bool]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
    Op.EQUAL: operator.eq,
}
_MAX_EVIDENCE = 6
_MEASURED = 0.95
_MEASURED_AT_THE_LINE = 0.65
_NOTICED = 0.8
_BY_WORDS = 0.75


def judge(rule: Rule, context: Context) -> Outcome:
    """What ``rule`` says about the conversation; the same rule object is worked out once a conversation."""
    known = context.outcomes.get(id(rule))
    if known is None:
        known = context.outcomes[id(rule)] = _JUDGES[type(rule)](rule, context)
    return known


def _metric(rule: MetricRule, context: Context) -> Outcome:
    metric = next((item for item in context.analysis.metrics if item.name == rule.name), None)
    if metric is None:
        reason = f"{rule.name} could not be measured on this conversation."
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.0, reason=reason)
    holds = _OPS[rule.op](metric.value, rule.threshold)
    distance = abs(metric.value - rule.threshold) / max(abs(rule.threshold), 1e-9)
    confidence = _MEASURED_AT_THE_LINE + (_MEASURED - _MEASURED_AT_THE_LINE) * min(1.0, distance / 0.25)
    split = min((context.sureness(i, (Role.AGENT,)) for i in range(len(context.streams))), default=0.0)
    if any(part in rule.name for part in ("agent", "customer", "overlap", "interrupt", "talk")):
        confidence *= split
    unit = "" if metric.unit in {"ratio", "count"} else f" {metric.unit}"
    note = f"{rule.name} is {metric.value:.3g}{unit}; wanted {rule.op.value} {rule.threshold:g}{unit}."
    start = 0.0 if metric.start is None else metric.start
    end = context.transcript.duration if metric.end is None else metric.end
    utterance = metric.utterances[0] if metric.utterances else None
    evidence = Evidence(start=start, end=end, utterance=utterance, quote=_text(context, utterance), note=note)
    return Outcome(
        verdict=Verdict.YES if holds else Verdict.NO,
        confidence=confidence,
        reason=note,
        evidence=(evidence,),
        spans=((start, end),) if holds and metric.start is not None else (),
    )


def _text(context: Context, utterance: int | None) -> str | None:
    if utterance is None or utterance >= len(context.transcript.utterances):
        return None
    return shorten(context.transcript.utterances[utterance].text)


def _sentiment(rule: SentimentRule, context: Context) -> Outcome:
    places = context.speakers((rule.of,))
    refusal = unanswerable(context, places, (rule.of,))
    if refusal is not None:
        return refusal
    course = [
        (sentiment.value, context.transcript.utterances[sentiment.utterance])
        for sentiment in context.analysis.sentiments
        if sentiment.utterance < len(context.transcript.utterances)
        and context.transcript.utterances[sentiment.utterance].speaker in places
    ]
    value = _measured(rule, course, context)
    if value is None:
        reason = f"{role_words((rule.of,)).capitalize()} said too little to tell how it sounds."
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.2, reason=reason)
    holds = _OPS[rule.op](value, rule.threshold)
    sure = min(context.sureness(place, (rule.of,)) for place in places)
    confidence = (0.5 + (_BY_WORDS - 0.5) * min(1.0, abs(value - rule.threshold) / 0.3)) * sure
    quality = context.quality(places, 0.0, float("inf"))
    what = f"Sentiment of {role_words((rule.of,))} ({rule.measure.value})"
    note = f"{what} is {value:+.2f}; wanted {rule.op.value} {rule.threshold:+g}."
    shown = [item[1] for item in course[-max(1, len(course) // 3) :][-2:]]
    return Outcome(
        verdict=Verdict.YES if holds else Verdict.NO,
        confidence=confidence * (0.5 + 0.5 * quality),
        reason=note,
        evidence=tuple(
            Evidence(start=item.start, end=item.end, utterance=item.index, quote=shorten(item.text), note=note)
            for item in shown
        ),
    )


def _measured(rule: SentimentRule, course: Sequence[tuple[float, Any]], context: Context) -> float | None:
    if rule.measure is Measure.OVERALL:
        analysis = context.analysis
        return analysis.sentiment_agent if rule.of is Role.AGENT else analysis.sentiment_customer
    if len(course) < 3:
        return None
    third = max(1, len(course) // 3)
    end = sum(value for value, _ in course[-third:]) / third
    if rule.measure is Measure.END:
        return end
    return end - sum(value for value, _ in course[:third]) / third


def _order(rule: Order, context: Context) -> Outcome:
    then = judge(rule.then, context)
    if then.verdict is not Verdict.YES or not then.spans:
        verdict = Verdict.CANNOT_TELL if then.verdict is Verdict.CANNOT_TELL else Verdict.NOT_APPLICABLE
        return Outcome(
            verdict=verdict, confidence=then.confidence, reason=f"The later part did not happen: {then.reason}"
        )
    first = judge(rule.first, context)
    evidence = (*first.evidence[:2], *then.evidence[:2])
    if first.verdict is not Verdict.YES or not first.spans:
        verdict = Verdict.CANNOT_TELL if first.verdict is Verdict.CANNOT_TELL else Verdict.NO
        reason = f"The earlier part did not happen: {first.reason}"
        return Outcome(verdict=verdict, confidence=first.confidence, reason=reason, evidence=evidence)
    early, late = min(first.spans)[0], min(then.spans)[0]
    return Outcome(
        verdict=Verdict.YES if early < late else Verdict.NO,
        confidence=min(first.confidence, then.confidence),
        reason=f"The one is at {early:.0f} s, the other at {late:.0f} s.",
        evidence=evidence,
        spans=first.spans,
    )


def _finding(rule: FindingRule, context: Context) -> Outcome:
    found = sorted(
        (
            finding
            for finding in context.analysis.findings
            if finding.kind == rule.kind
            and (rule.category is None or finding.category == rule.category)
            and (not rule.by or finding.speaker is None or finding.speaker in context.speakers(rule.by))
            and (rule.min_value is None or (finding.value or 0.0) >= rule.min_value)
        ),
        key=lambda finding: (finding.start, finding.id),
    )
    there = len(found) >= rule.at_least
    everyone = range(len(context.streams))
    confidence = min((item.confidence for item in found), default=1.0) * _SURE if there else _NOTICED
    if rule.by:
        confidence *= min((context.sureness(place, rule.by) for place in context.speakers(rule.by)), default=0.0)
    name = rule.kind.replace("_", " ") + (f" ({rule.category})" if rule.category else "")
    note = f"{len(found)} × {name}; {'wanted' if rule.present else 'allowed fewer than'} {rule.at_least}."
    evidence = _seen_in(found) or (Evidence(start=0.0, end=context.end, note=f"No {name} in the whole conversation."),)
    return Outcome(
        verdict=Verdict.YES if there is rule.present else Verdict.NO,
        confidence=confidence * (1.0 if found else max(0.5, context.quality(everyone, 0.0, float("inf")))),
        reason=note,
        evidence=evidence,
        spans=tuple((item.start, item.end) for item in found) if there and rule.present else (),
    )


_SURE = 0.95


def _seen_in(findings: Sequence[Finding]) -> tuple[Evidence, ...]:
    """The first three places."""
    return tuple(
        Evidence(
            start=item.start,
            end=item.end,
            utterance=item.utterances[0] if item.utterances else None,
            quote=item.quote,
            note=item.label,
        )
        for item in findings[:3]
    )


def _category(rule: CategoryRule, context: Context) -> Outcome:
    there = rule.name in context.analysis.categories
    where = [item for item in context.analysis.findings if item.category == rule.name]
    quality = context.quality(range(len(context.streams)), 0.0, float("inf"))
    name = rule.name.replace("_", " ")
    evidence = _seen_in(where) or (
        Evidence(start=0.0, end=context.end, note=f"The whole conversation: {'' if there else 'not '}in {name}."),
    )
    return Outcome(
        verdict=Verdict.YES if there is rule.present else Verdict.NO,
        confidence=_NOTICED * (1.0 if there else quality),
        reason=f'The conversation is {"" if there else "not "}in the category "{name}".',
        evidence=evidence,
        spans=tuple((item.start, item.end) for item in where) if there and rule.present else (),
    )


def _all(rule: AllOf, context: Context) -> Outcome:
    return _combine(rule.rules, context, decides=Verdict.NO, otherwise=Verdict.YES)


def _any(rule: AnyOf, context: Context) -> Outcome:
    return _combine(rule.rules, context, decides=Verdict.YES, otherwise=Verdict.NO)


def _combine(rules: Sequence[Rule], context: Context, *, decides: Verdict, otherwise: Verdict) -> Outcome:
    """One verdict ``decides`` alone (a "no" among all, a "yes" among any); the rest must agree on ``otherwise``."""
    outcomes: list[Outcome] = []
    for rule in sorted(rules, key=lambda each: isinstance(each, Meaning)):
        # Sentence vectors cost ten times everything else: they are asked only where words alone have not decided.
        if not isinstance(rule, Meaning) or all(outcome.verdict is not decides for outcome in outcomes):
            outcomes.append(judge(rule, context))
    spans = tuple(sorted(span for outcome in outcomes for span in outcome.spans))
    deciding = [outcome for outcome in outcomes if outcome.verdict is decides]
    if deciding:
        best = max(deciding, key=lambda outcome: outcome.confidence)
        ordered = [best, *(item for item in deciding if item is not best)]
        return Outcome(
            verdict=decides,
            confidence=best.confidence,
            reason=best.reason,
            evidence=_merge(ordered if decides is Verdict.NO else [best]),
            spans=spans,
        )
    unsure = [outcome for outcome in outcomes if outcome.verdict is Verdict.CANNOT_TELL]
    if unsure:
        return unsure[0]
    answered = [outcome for outcome in outcomes if outcome.verdict is otherwise]
    if not answered:
        return outcomes[0]
    return Outcome(
        verdict=otherwise,
        confidence=min(outcome.confidence for outcome in answered),
        reason=" ".join(outcome.reason for outcome in answered[:3]),
        evidence=_merge(answered),
        spans=spans,
    )


def _merge(outcomes: Sequence[Outcome]) -> tuple[Evidence, ...]:
    merged: list[Evidence] = []
    for outcome in outcomes:
        merged.extend(item for item in outcome.evidence if item not in merged)
    return tuple(merged[:_MAX_EVIDENCE])


_INVERTED = {Verdict.YES: Verdict.NO, Verdict.NO: Verdict.YES}


def _not(rule: Not, context: Context) -> Outcome:
    inner = judge(rule.rule, context)
    return Outcome(
        verdict=_INVERTED.get(inner.verdict, inner.verdict),
        confidence=inner.confidence,
        reason=inner.reason,
        evidence=inner.evidence,
    )


def judge_ask(rule: Ask, context: Context, question: Question | None = None) -> Outcome:
    """What a language model says, where one is set; ``question``: whose rule it is, for answers beside yes and no."""
    if context.asking is None:
        reason = "No language model is set up to judge free questions (CANDOR_JUDGE_URL)."
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.0, reason=reason)
    asked = context.asking.ask(rule, question, context.transcript)
    return Outcome(
        verdict=asked.verdict, confidence=asked.confidence, reason=asked.reason, evidence=asked.evidence,
        value=asked.value, source=asked.source,
    )  # fmt: skip


_JUDGES: dict[type, Callable[[Any, Context], Outcome]] = {
    Says: lambda rule, context: judge_says(rule, context, judge),
    NeverSays: lambda rule, context: judge_never(rule.search, context, judge),
    Meaning: lambda rule, context: judge_meaning(rule, context, judge),
    PiiRule: lambda rule, context: judge_pii(rule, context, judge),
    MetricRule: _metric,
    SentimentRule: _sentiment,
    Order: _order,
    FindingRule: _finding,
    CategoryRule: _category,
    AllOf: _all,
    AnyOf: _any,
    Not: _not,
    Steps: lambda rule, context: judge_steps(rule, context, judge),
    Resolution: judge_resolution,
    Repeat: judge_repeat,
    Ask: judge_ask,
}


def applies(condition: Condition, context: Context) -> Outcome | None:
    """None when the question applies; else the outcome (n/a or cannot tell) that stands for it."""
    if condition.directions and context.direction not in condition.directions:
        wanted = " or ".join(direction.value for direction in condition.directions)
        return _stands(f"Asked of {wanted} conversations only.")
    elsewhere = _elsewhere(condition, context)
    if elsewhere is not None:
        return elsewhere
    rules: list[Rule] = []
    if condition.category is not None:
        rules.append(CategoryRule(name=condition.category))
    if condition.finding is not None:
        rules.append(FindingRule(kind=condition.finding))
    if condition.metric is not None:
        rules.append(condition.metric)
    if condition.rule is not None:
        rules.append(condition.rule)
    for rule in rules:
        outcome = _JUDGES[type(rule)](rule, context) if rule is not condition.rule else judge(rule, context)
        if outcome.verdict is Verdict.CANNOT_TELL:
            return Outcome(
                verdict=Verdict.CANNOT_TELL,
                confidence=outcome.confidence,
                reason=f"Whether it applies cannot be told: {outcome.reason}",
            )
        if outcome.verdict is not Verdict.YES:
            return _stands(f"Does not apply here: {outcome.reason}", outcome)
    return None


def _elsewhere(condition: Condition, context: Context) -> Outcome | None:
    """Where the question is not asked: of another medium or queue, or under no law that it is about."""
    facts = context.facts
    if condition.media and facts.medium not in condition.media:
        return _stands(f"Asked of conversations by {' or '.join(condition.media)} only.")
    if condition.queues and facts.queue not in condition.queues:
        return _stands("Asked of other queues only.")
    if not condition.places:
        return None
    if facts.places is None:
        reason = "Whether it applies cannot be told: whose law counts for this conversation is not known."
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.0, reason=reason)
    if not any(lies_in(place, wanted) for place in facts.places for wanted in condition.places):
        return _stands(f"Asked only where the law of {' or '.join(condition.places)} counts.")
    return None


def _stands(reason: str, outcome: Outcome | None = None) -> Outcome:
    return Outcome(
        verdict=Verdict.NOT_APPLICABLE,
        confidence=outcome.confidence if outcome else 1.0,
        reason=reason,
        evidence=outcome.evidence[:1] if outcome else (),
    )
