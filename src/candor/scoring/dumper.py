"""A scorecard written as YAML."""

from __future__ import annotations

from enum import Enum
from typing import Any

import yaml

from candor.scoring.model import (
    AllOf,
    AnyOf,
    CategoryRule,
    Critical,
    FindingRule,
    Meaning,
    MetricRule,
    NeverSays,
    Not,
    Order,
    PiiRule,
    Question,
    Rule,
    Says,
    Scorecard,
    SentimentRule,
)


def dump_scorecard(scorecard: Scorecard) -> str:
    """The scorecard as YAML that loads to an equal value (definitions and aliases are written out)."""
    data = {
        "id": scorecard.id,
        "version": scorecard.version,
        "title": scorecard.title,
        "languages": list(scorecard.languages),
        "pass_mark": scorecard.pass_mark,
        "floor": scorecard.floor,
        "sections": [
            {
                "id": section.id,
                "title": section.title,
                "weight": section.weight,
                "questions": [_dump_question(question) for question in section.questions],
            }
            for section in scorecard.sections
        ],
    }
    text: str = yaml.dump(data, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _PlainDumper(yaml.SafeDumper):
    """Writes every list out instead of referring to an earlier one."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _dump_question(question: Question) -> dict[str, Any]:
    data: dict[str, Any] = {"id": question.id, "text": question.text}
    if question.guidance:
        data["guidance"] = question.guidance
    data["weight"] = question.weight
    if question.critical is not Critical.NONE:
        data["critical"] = question.critical.value
    condition = question.applies_when
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
    if applies:
        data["applies_when"] = applies
    data["rule"] = dump_rule(question.rule)
    return data


_KIND_OF: dict[type, str] = {
    Says: "says",
    Meaning: "meaning",
    MetricRule: "metric",
    SentimentRule: "sentiment",
    Order: "order",
    PiiRule: "pii",
    FindingRule: "finding",
    CategoryRule: "category",
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
    return {_KIND_OF[type(rule)]: _dump_value(rule)}


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
