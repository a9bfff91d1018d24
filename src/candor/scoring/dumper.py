"""A scorecard written as YAML."""

from __future__ import annotations

from enum import Enum
from typing import Any

import yaml

from candor.conversation.evaluation import AnswerKind
from candor.scoring.model import (
    AllOf,
    AnyOf,
    Ask,
    Band,
    CategoryRule,
    Condition,
    Figure,
    FindingRule,
    Meaning,
    MetricRule,
    NeverSays,
    Not,
    Option,
    Order,
    PiiRule,
    Question,
    Repeat,
    Resolution,
    Rule,
    Says,
    Scale,
    Scorecard,
    Section,
    SentimentRule,
    Step,
    Steps,
)


def dump_scorecard(scorecard: Scorecard) -> str:
    """The scorecard as YAML that loads to an equal value (definitions and aliases are written out)."""
    data: dict[str, Any] = {
        "id": scorecard.id,
        "version": scorecard.version,
        "title": scorecard.title,
        "languages": list(scorecard.languages),
        "pass_mark": scorecard.pass_mark,
        "floor": scorecard.floor,
        **_unless_default(scorecard, "weights", "media", "queues", "segments"),
        "sections": [_dump_section(section) for section in scorecard.sections],
    }
    text: str = yaml.dump(data, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class PlainDumper(yaml.SafeDumper):
    """Writes every list out instead of referring to an earlier one."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _dump_section(section: Section) -> dict[str, Any]:
    data: dict[str, Any] = {"id": section.id, "title": section.title, "weight": section.weight}
    data |= _unless_default(section, "bonus")
    if section.questions:
        data["questions"] = [_dump_question(question) for question in section.questions]
    if section.sections:
        data["sections"] = [_dump_section(part) for part in section.sections]
    return data


def _dump_question(question: Question) -> dict[str, Any]:
    data: dict[str, Any] = {"id": question.id, "text": question.text}
    data |= _unless_default(question, "kind", "guidance")
    data["weight"] = question.weight
    if not question.scored and question.kind not in {AnswerKind.TEXT, AnswerKind.DATE}:
        data["scored"] = False
    data |= _unless_default(question, "critical", "comment", "na_allowed", "skills")
    applies = _dump_condition(question.applies_when)
    if applies:
        data["applies_when"] = applies
    if question.options:
        data["options"] = [_dump_option(option) for option in question.options]
    if question.scale is not None:
        data["scale"] = _dump_scale(question.scale)
    if question.figure is not None and question.figure != Figure():
        data["number"] = _unless_default(question.figure, "unit", "least", "most", "metric")
        if question.figure.bands:
            data["number"]["bands"] = [_dump_band(band) for band in question.figure.bands]
    if question.rule is not None:
        data["rule"] = dump_rule(question.rule)
    return data


def _dump_condition(condition: Condition) -> dict[str, Any]:
    applies: dict[str, Any] = {}
    if condition.directions:
        applies["direction"] = [direction.value for direction in condition.directions]
    if condition.category is not None:
        applies["category"] = condition.category
    if condition.finding is not None:
        applies["finding"] = condition.finding
    if condition.metric is not None:
        applies["metric"] = _dump_value(condition.metric)
    if condition.rule is not None:
        applies["rule"] = dump_rule(condition.rule)
    if condition.answers:
        applies["answer"] = [
            {"question": wanted.question}
            | ({"is": list(wanted.one_of)} if wanted.one_of else {})
            | _unless_default(wanted, "at_least", "at_most")
            for wanted in condition.answers
        ]
    return applies | _unless_default(condition, "media", "queues", "places")


def _dump_option(option: Option) -> dict[str, Any]:
    data = {"id": option.id, "label": option.label, "share": option.share, **_unless_default(option, "fails")}
    return data if option.rule is None else data | {"rule": dump_rule(option.rule)}


def _dump_scale(scale: Scale) -> dict[str, Any]:
    data: dict[str, Any] = {"low": scale.low, "high": scale.high}
    data |= _unless_default(scale, "low_label", "high_label", "good", "fails_at")
    if scale.metric is not None:
        data |= {"metric": scale.metric.name, "low_at": scale.metric.low_at, "high_at": scale.metric.high_at}
    return data


def _dump_band(band: Band) -> dict[str, Any]:
    data: dict[str, Any] = {} if band.below is None else {"below": band.below}
    return data | {"share": band.share} | _unless_default(band, "fails")


def _unless_default(value: Any, *names: str) -> dict[str, Any]:
    """These fields of a frozen value, without those that stand at their default."""
    data: dict[str, Any] = {}
    for name in names:
        held = getattr(value, name)
        if held != type(value).__dataclass_fields__[name].default:
            plain = [_plain(item) for item in held] if isinstance(held, tuple) else _plain(held)
            data[name] = plain
    return data


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


_KIND_OF: dict[type, str] = {
    Says: "says",
    Meaning: "meaning",
    MetricRule: "metric",
    SentimentRule: "sentiment",
    Order: "order",
    PiiRule: "pii",
    FindingRule: "finding",
    CategoryRule: "category",
    Resolution: "resolution",
    Repeat: "repeat",
    Ask: "ask",
}


def dump_rule(rule: Rule) -> dict[str, Any]:
    """One rule as the mapping that stands for it in YAML."""
    if isinstance(rule, AllOf):
        return {"all": [dump_rule(item) for item in rule.rules]}
    if isinstance(rule, AnyOf):
        return {"any": [dump_rule(item) for item in rule.rules]}
    if isinstance(rule, Not):
        return {"not": dump_rule(rule.rule)}
    if isinstance(rule, NeverSays):
        return {"never_says": _dump_value(rule.search)}
    if isinstance(rule, Steps):
        return {"steps": {"steps": [_dump_step(step) for step in rule.steps]}}
    return {_KIND_OF[type(rule)]: _dump_value(rule)}


def _dump_step(step: Step) -> dict[str, Any]:
    data = {"id": step.id, "rule": dump_rule(step.rule), **_unless_default(step, "required")}
    # No step before it is something else than nothing said: all that are listed before it.
    return data if step.after is None else data | {"after": list(step.after)}


def _dump_value(rule: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name in type(rule).__dataclass_fields__:
        value = getattr(rule, name)
        if name == "by":
            data[name] = [role.value for role in value] or ["anyone"]
        elif isinstance(value, Enum):
            data[name] = value.value
        elif isinstance(value, tuple):
            if value:
                data[name] = [item.value if isinstance(item, Enum) else item for item in value]
        elif name in {"after", "before", "first", "then"} and hasattr(value, "__dataclass_fields__"):
            data[name] = dump_rule(value)
        elif value is not None:
            data[name] = value
    return data
