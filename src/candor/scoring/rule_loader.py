"""Rules out of YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from candor.conversation.model import Role
from candor.conversation.transcript import PiiKind
from candor.scoring.constants import constant, matches_everything
from candor.scoring.model import (
    About,
    AllOf,
    AnyOf,
    Ask,
    CategoryRule,
    FindingRule,
    Meaning,
    Measure,
    MetricRule,
    NeverSays,
    Not,
    Op,
    Order,
    PiiRule,
    Repeat,
    Resolution,
    Rule,
    Says,
    SentimentRule,
    Step,
    Steps,
)
from candor.scoring.patterns import check_pattern
from candor.scoring.phrases import normalise
from candor.scoring.reading import Parts, fail
from candor.scoring.vocabulary import Vocabulary

MAX_RULES = 2_000
MAX_DEPTH = 12
_SAYS = frozenset(
    {"phrases", "patterns", "unless", "by", "first", "last", "after", "before", "within", "times", "exact"}
)
RULE_FIELDS: dict[str, frozenset[str]] = {
    "says": _SAYS,
    "never_says": _SAYS,
    "meaning": frozenset(
        {"examples", "unlike", "threshold", "by", "first", "last", "after", "before", "within", "times"}
    ),
    "metric": frozenset({"name", "op", "threshold"}),
    "sentiment": frozenset({"of", "measure", "op", "threshold"}),
    "order": frozenset({"first", "then"}),
    "pii": frozenset({"kinds", "by", "at_least", "after", "before", "within"}),
    "finding": frozenset({"kind", "category", "by", "min_value", "at_least", "present"}),
    "category": frozenset({"name", "present"}),
    "steps": frozenset({"steps"}),
    "resolution": frozenset({"last", "confirms", "denies"}),
    "repeat": frozenset({"days", "about", "present"}),
    "ask": frozenset({"prompt", "by"}),
}
"""Which fields each kind may hold; ``all``, ``any`` (lists of rules) and ``not`` (one rule) have none."""
RULE_PARTS: dict[str, frozenset[str]] = {"step": frozenset({"id", "rule", "required", "after"})}
RULE_KINDS = (*RULE_FIELDS, "all", "any", "not")
VALUED: frozenset[str] = frozenset({"ask"})
"""Kinds of rule that answer questions of every kind, with a value."""

CONSTANT = {
    True: "matches everything, so it would say the same of every conversation; make it narrower or leave it out",
    False: "can never match, so it would say the same of every conversation; correct it or leave it out",
}


class RuleReader(Parts):
    """Reads rules; counts them."""

    def __init__(self, vocabulary: Vocabulary | None, fields: Mapping[str, frozenset[str]] | None = None) -> None:
        super().__init__(vocabulary, fields or RULE_FIELDS | RULE_PARTS)
        self.rules = 0
        self.kinds: dict[str, Callable[[Any, str, int], Rule]] = {
            "says": self._says,
            "never_says": lambda value, place, depth: NeverSays(search=self._says(value, place, depth)),
            "meaning": self._meaning,
            "metric": lambda value, place, _depth: self._metric(value, place),
            "sentiment": self._sentiment,
            "order": self._order,
            "pii": self._pii,
            "finding": self._finding,
            "category": self._category,
            "steps": self._steps,
            "resolution": self._resolution,
            "repeat": self._repeat,
            "ask": self._ask,
            "all": lambda value, place, depth: AllOf(rules=self._rules(value, place, depth)),
            "any": lambda value, place, depth: AnyOf(rules=self._rules(value, place, depth)),
            "not": lambda value, place, depth: Not(rule=self.rule(value, place, depth + 1)),
        }

    def rule(self, data: Any, place: str, depth: int) -> Rule:
        self.rules += 1
        if depth > MAX_DEPTH:
            raise fail(place, f"rules are nested deeper than {MAX_DEPTH}")
        if self.rules > MAX_RULES:
            raise fail(place, f"the scorecard has more than {MAX_RULES} rules")
        if not isinstance(data, Mapping) or len(data) != 1:
            raise fail(place, "a rule is a mapping with exactly one key, its kind: " + ", ".join(RULE_KINDS))
        ((kind, value),) = data.items()
        reader = self.kinds.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise fail(place, f'"{kind}" is not a kind of rule; known are ' + ", ".join(RULE_KINDS))
        read = reader(value, f"{place}.{kind}", depth)
        # Versions that were taken in earlier (without a vocabulary) stay readable whatever is found of them later.
        always = constant(read) if self.vocabulary is not None else None
        if always is not None:
            raise fail(f"{place}.{kind}", CONSTANT[always])
        return read

    def _rules(self, data: Any, place: str, depth: int) -> tuple[Rule, ...]:
        return tuple(self.rule(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(self.items(data, place), 1))

    def _says(self, data: Any, place: str, depth: int) -> Says:
        fields = self.fields(data, place, "says", required=())
        phrases = self.phrase_list(fields.get("phrases", []), f"{place}.phrases")
        patterns = self.strings(fields.get("patterns", []), f"{place}.patterns", empty=True)
        if not phrases and not patterns:
            raise fail(place, "needs phrases or patterns to look for")
        for i, pattern in enumerate(patterns, 1):
            problem = check_pattern(pattern)
            if problem is None and self.vocabulary is not None and matches_everything(pattern):
                problem = "matches everything that anybody says; name what you look for"
            if problem:
                raise fail(f"{place}.patterns[{i}]", f"the expression {problem}")
        return Says(
            phrases=phrases,
            patterns=patterns,
            unless=self.phrase_list(fields.get("unless", []), f"{place}.unless"),
            exact=self.truth(fields.get("exact", False), f"{place}.exact"),
            **self._place(fields, place, depth),
        )

    def _meaning(self, data: Any, place: str, depth: int) -> Meaning:
        fields = self.fields(data, place, "meaning", required=("examples",))
        return Meaning(
            examples=self._examples(fields["examples"], f"{place}.examples"),
            unlike=self._examples(fields["unlike"], f"{place}.unlike") if "unlike" in fields else (),
            threshold=self.number(fields.get("threshold", 0.6), f"{place}.threshold", least=0.2, most=1),
            **self._place(fields, place, depth),
        )

    def _examples(self, data: Any, place: str) -> tuple[str, ...]:
        examples = self.strings(data, place)
        for i, example in enumerate(examples, 1):
            if not normalise(example):
                raise fail(f"{place}[{i}]", f'the example "{example}" holds no word')
        return examples

    def _place(self, fields: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
        """The fields that say by whom, where and how often."""
        found: dict[str, Any] = {"by": self.roles(fields.get("by", ["agent"]), f"{place}.by")}
        for name in ("first", "last"):
            if name in fields:
                found[name] = self.number(fields[name], f"{place}.{name}", more_than=0)
        found |= self._anchors(fields, place, depth)
        if "times" in fields:
            found["times"] = self.integer(fields["times"], f"{place}.times", least=1)
        return found

    def _anchors(self, fields: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in ("after", "before"):
            if name in fields:
                found[name] = self.rule(fields[name], f"{place}.{name}", depth + 1)
        if "within" in fields:
            if not found:
                raise fail(f"{place}.within", 'has a meaning only together with "after" or "before"')
            found["within"] = self.number(fields["within"], f"{place}.within", more_than=0)
        return found

    def _metric(self, data: Any, place: str) -> MetricRule:
        fields = self.fields(data, place, "metric", required=("name", "op", "threshold"))
        return MetricRule(
            name=self.metric_name(fields["name"], f"{place}.name"),
            op=self.choice(Op, fields["op"], f"{place}.op"),
            threshold=self.number(fields["threshold"], f"{place}.threshold"),
        )

    def _sentiment(self, data: Any, place: str, _depth: int) -> SentimentRule:
        fields = self.fields(data, place, "sentiment", required=("measure", "op", "threshold"))
        of = self.choice(Role, fields.get("of", "customer"), f"{place}.of")
        if of not in {Role.CUSTOMER, Role.AGENT}:
            raise fail(f"{place}.of", "sentiment is known of the customer and the agent only")
        return SentimentRule(
            of=of,
            measure=self.choice(Measure, fields["measure"], f"{place}.measure"),
            op=self.choice(Op, fields["op"], f"{place}.op"),
            threshold=self.number(fields["threshold"], f"{place}.threshold", least=-2, most=2),
        )

    def _order(self, data: Any, place: str, depth: int) -> Order:
        fields = self.fields(data, place, "order", required=("first", "then"))
        return Order(
            first=self.rule(fields["first"], f"{place}.first", depth + 1),
            then=self.rule(fields["then"], f"{place}.then", depth + 1),
        )

    def _pii(self, data: Any, place: str, depth: int) -> PiiRule:
        fields = self.fields(data, place, "pii", required=("kinds",))
        kinds = tuple(self.choice(PiiKind, item, f"{place}.kinds") for item in self.items(fields["kinds"], place))
        at_least = self.integer(fields.get("at_least", 1), f"{place}.at_least", least=1)
        if at_least > len(set(kinds)):
            raise fail(f"{place}.at_least", f"{at_least} different kinds are wanted but {len(set(kinds))} are listed")
        return PiiRule(
            kinds=kinds,
            by=self.roles(fields.get("by", ["customer"]), f"{place}.by"),
            at_least=at_least,
            **self._anchors(fields, place, depth),
        )

    def _finding(self, data: Any, place: str, _depth: int) -> FindingRule:
        fields = self.fields(data, place, "finding", required=("kind",))
        return FindingRule(
            kind=self.finding_kind(fields["kind"], f"{place}.kind"),
            category=self.category_name(fields["category"], f"{place}.category") if "category" in fields else None,
            by=self.roles(fields.get("by", []), f"{place}.by"),
            min_value=self.number(fields["min_value"], f"{place}.min_value") if "min_value" in fields else None,
            at_least=self.integer(fields.get("at_least", 1), f"{place}.at_least", least=1),
            present=self.truth(fields.get("present", True), f"{place}.present"),
        )

    def _category(self, data: Any, place: str, _depth: int) -> CategoryRule:
        fields = self.fields(data, place, "category", required=("name",))
        return CategoryRule(
            name=self.category_name(fields["name"], f"{place}.name"),
            present=self.truth(fields.get("present", True), f"{place}.present"),
        )

    def _steps(self, data: Any, place: str, depth: int) -> Steps:
        fields = self.fields(data, place, "steps", required=("steps",))
        items = self.items(fields["steps"], f"{place}.steps")
        if len(items) < 2:
            raise fail(f"{place}.steps", "an order needs at least two steps")
        steps: list[Step] = []
        for i, item in enumerate(items, 1):
            steps.append(self._step(item, f"{place}.steps[{i}]", depth))
        names = [step.id for step in steps]
        self.unique(names, "step")
        for step in steps:
            for name in step.after or ():
                if name not in names or name == step.id:
                    raise fail(f"{place}.steps", f'"{step.id}" is to come after "{name}", which is no other step')
        if waiting := _round(steps):
            raise fail(f"{place}.steps", f"wait for one another: {', '.join(waiting)}")
        return Steps(steps=tuple(steps))

    def _step(self, data: Any, place: str, depth: int) -> Step:
        fields = self.fields(data, place, "step", required=("id", "rule"))
        after = fields.get("after")
        return Step(
            id=self.id(fields["id"], f"{place}.id"),
            rule=self.rule(fields["rule"], f"{place}.rule", depth + 1),
            required=self.truth(fields.get("required", True), f"{place}.required"),
            after=None if after is None else self._ids(after, f"{place}.after"),
        )

    def _ids(self, data: Any, place: str) -> tuple[str, ...]:
        return tuple(self.id(each, place) for each in self.listed(data, place))

    def _resolution(self, data: Any, place: str, _depth: int) -> Resolution:
        fields = self.fields(data, place, "resolution", required=())
        return Resolution(
            last=self.number(fields["last"], f"{place}.last", more_than=0) if "last" in fields else None,
            confirms=self.phrase_list(fields.get("confirms", []), f"{place}.confirms"),
            denies=self.phrase_list(fields.get("denies", []), f"{place}.denies"),
        )

    def _repeat(self, data: Any, place: str, _depth: int) -> Repeat:
        fields = self.fields(data, place, "repeat", required=())
        return Repeat(
            days=self.number(fields.get("days", 7), f"{place}.days", more_than=0, most=366),
            about=self.choice(About, fields.get("about", "same"), f"{place}.about"),
            present=self.truth(fields.get("present", False), f"{place}.present"),
        )

    def _ask(self, data: Any, place: str, depth: int) -> Ask:
        fields = self.fields(data, place, "ask", required=("prompt",))
        # Its answer is known again by its question; inside another rule it would have none of its own.
        if depth > 0 or ".applies_when" in place or ".options" in place:
            raise fail(place, "answers a whole question; it cannot be a part of another rule or condition")
        return Ask(
            prompt=self.text(fields["prompt"], f"{place}.prompt", most=2_000),
            by=self.roles(fields.get("by", "anyone"), f"{place}.by"),
        )


def _round(steps: Sequence[Step]) -> list[str]:
    """Steps that wait for one another."""
    left = {step.id: set(step.after if step.after is not None else ()) for step in steps}
    while free := [name for name, after in left.items() if not after & left.keys()]:
        for name in free:
            del left[name]
    return list(left)
