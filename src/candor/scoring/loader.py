"""A scorecard out of YAML: read strictly; every complaint names its place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

import yaml

from candor.conversation.model import Direction, Role
from candor.conversation.transcript import PiiKind
from candor.errors import InvalidInput, TooLarge
from candor.scoring.model import (
    AllOf,
    AnyOf,
    CategoryRule,
    Condition,
    Critical,
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
    Rule,
    Says,
    Scorecard,
    Section,
    SentimentRule,
)
from candor.scoring.patterns import check_pattern
from candor.scoring.phrases import compile_phrase
from candor.scoring.vocabulary import DEFAULT, Vocabulary

MAX_BYTES = 262_144
MAX_QUESTIONS = 200
MAX_RULES = 2_000
MAX_DEPTH = 12
MAX_PHRASES = 5_000
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_SAYS = frozenset(
    {"phrases", "patterns", "unless", "by", "first", "last", "after", "before", "within", "times", "exact"}
)
FIELDS: dict[str, frozenset[str]] = {
    "scorecard": frozenset({"id", "version", "title", "languages", "pass_mark", "floor", "sections", "definitions"}),
    "section": frozenset({"id", "title", "weight", "questions"}),
    "question": frozenset({"id", "text", "guidance", "weight", "critical", "applies_when", "rule"}),
    "applies_when": frozenset({"direction", "category", "finding", "metric", "rule"}),
    "says": _SAYS,
    "never_says": _SAYS,
    "meaning": frozenset({"examples", "threshold", "by", "first", "last", "after", "before", "within", "times"}),
    "metric": frozenset({"name", "op", "threshold"}),
    "sentiment": frozenset({"of", "measure", "op", "threshold"}),
    "order": frozenset({"first", "then"}),
    "pii": frozenset({"kinds", "by", "at_least", "after", "before", "within"}),
    "finding": frozenset({"kind", "category", "by", "min_value", "at_least", "present"}),
    "category": frozenset({"name", "present"}),
}
"""Which fields each mapping may hold; ``all``, ``any`` (lists of rules) and ``not`` (one rule) have none."""
_PARTS = frozenset({"scorecard", "section", "question", "applies_when"})
RULE_KINDS = (*(kind for kind in FIELDS if kind not in _PARTS), "all", "any", "not")

E = TypeVar("E", bound=Enum)


class _StrictLoader(yaml.SafeLoader):
    """YAML without silently overwritten keys."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(getattr(key, "value", ""))
        if name in seen and name != "<<":
            line = key.start_mark.line + 1
            raise _fail(f"Line {line}", f'"{name}" is given twice in one mapping')
        seen.add(name)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_scorecard(text: str, vocabulary: Vocabulary | None = DEFAULT) -> Scorecard:
    """Read and check a scorecard; raises InvalidInput with a sentence that names the place, TooLarge over 256 KB.

    Without a ``vocabulary`` any metric, category and finding may be named: for versions that were taken in earlier.
    """
    if len(text.encode()) > MAX_BYTES:
        raise TooLarge(f"A scorecard is at most {MAX_BYTES:,} bytes of YAML.", code="scorecard.too_large")
    try:
        data = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  a SafeLoader that is stricter still
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise _fail("Scorecard", f"is not valid YAML ({error.problem}{line})") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _fail("Scorecard", "is not valid YAML") from error
    return _Reader(vocabulary).scorecard(data)


def _fail(place: str, what: str) -> InvalidInput:
    return InvalidInput(f"{place}: {what}.", code="scorecard.invalid")


class _Reader:
    """Walks the parsed YAML once; ``place`` is the path shown to the author."""

    def __init__(self, vocabulary: Vocabulary | None) -> None:
        self.vocabulary = vocabulary
        self.rules = 0
        self.phrases = 0
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
            "all": lambda value, place, depth: AllOf(rules=self._rules(value, place, depth)),
            "any": lambda value, place, depth: AnyOf(rules=self._rules(value, place, depth)),
            "not": lambda value, place, depth: Not(rule=self.rule(value, place, depth + 1)),
        }

    def scorecard(self, data: Any) -> Scorecard:
        place = "Scorecard"
        fields = self._fields(data, place, "scorecard", required=("id", "version", "title", "sections"))
        version = self._integer(fields["version"], f"{place}.version", least=1)
        sections = self._items(fields["sections"], "Scorecard.sections")
        languages = self._strings(fields.get("languages", ["en"]), f"{place}.languages")
        for tag in languages:
            if not _TAG.fullmatch(tag):
                raise _fail(f"{place}.languages", f'"{tag}" is not a language tag such as "en" or "en-GB"')
        built = tuple(self._section(item, i) for i, item in enumerate(sections, 1))
        self._unique([section.id for section in built], "section")
        questions = [question.id for section in built for question in section.questions]
        self._unique(questions, "question")
        if len(questions) > MAX_QUESTIONS:
            raise _fail(place, f"has {len(questions)} questions, more than {MAX_QUESTIONS}")
        return Scorecard(
            id=self._id(fields["id"], f"{place}.id"),
            version=version,
            title=self._text(fields["title"], f"{place}.title"),
            languages=languages,
            pass_mark=self._number(fields.get("pass_mark", 70), f"{place}.pass_mark", least=0, most=100),
            floor=self._number(fields.get("floor", 0.4), f"{place}.floor", least=0, most=1),
            sections=built,
        )

    def _section(self, data: Any, number: int) -> Section:
        place = f"Section {number}"
        fields = self._fields(data, place, "section", required=("title", "weight", "questions"))
        title = self._text(fields["title"], f"{place}.title")
        place = f'Section {number} "{title}"'
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or f"section-{number}"
        items = self._items(fields["questions"], f"{place}.questions")
        return Section(
            id=self._id(fields.get("id", slug), f"{place}.id"),
            title=title,
            weight=self._weight(fields["weight"], f"{place}.weight"),
            questions=tuple(self._question(item, f"{place}, question {i}") for i, item in enumerate(items, 1)),
        )

    def _question(self, data: Any, place: str) -> Question:
        fields = self._fields(data, place, "question", required=("id", "text", "rule"))
        name = self._id(fields["id"], f"{place}.id")
        place = f'Question "{name}"'
        return Question(
            id=name,
            text=self._text(fields["text"], f"{place}.text"),
            guidance=self._text(fields["guidance"], f"{place}.guidance", most=4000) if "guidance" in fields else "",
            weight=self._weight(fields.get("weight", 1), f"{place}.weight"),
            critical=self._choice(Critical, fields.get("critical", "none"), f"{place}.critical"),
            applies_when=self._condition(fields.get("applies_when", {}), f"{place}.applies_when"),
            rule=self.rule(fields["rule"], f"{place}.rule", 0),
        )

    def _condition(self, data: Any, place: str) -> Condition:
        fields = self._fields(data, place, "applies_when", required=())
        return Condition(
            directions=tuple(
                self._choice(Direction, item, f"{place}.direction")
                for item in self._listed(fields.get("direction", []), f"{place}.direction")
            ),
            category=self._category_name(fields["category"], f"{place}.category") if "category" in fields else None,
            finding=self._finding_kind(fields["finding"], f"{place}.finding") if "finding" in fields else None,
            metric=self._metric(fields["metric"], f"{place}.metric") if "metric" in fields else None,
            rule=self.rule(fields["rule"], f"{place}.rule", 0) if "rule" in fields else None,
        )

    # -- rules -------------------------------------------------------------------------------------------------

    def rule(self, data: Any, place: str, depth: int) -> Rule:
        self.rules += 1
        if depth > MAX_DEPTH:
            raise _fail(place, f"rules are nested deeper than {MAX_DEPTH}")
        if self.rules > MAX_RULES:
            raise _fail(place, f"the scorecard has more than {MAX_RULES} rules")
        if not isinstance(data, Mapping) or len(data) != 1:
            raise _fail(place, "a rule is a mapping with exactly one key, its kind: " + ", ".join(RULE_KINDS))
        ((kind, value),) = data.items()
        reader = self.kinds.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise _fail(place, f'"{kind}" is not a kind of rule; known are ' + ", ".join(RULE_KINDS))
        return reader(value, f"{place}.{kind}", depth)

    def _rules(self, data: Any, place: str, depth: int) -> tuple[Rule, ...]:
        return tuple(self.rule(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(self._items(data, place), 1))

    def _says(self, data: Any, place: str, depth: int) -> Says:
        fields = self._fields(data, place, "says", required=())
        phrases = self._phrases(fields.get("phrases", []), f"{place}.phrases")
        patterns = self._strings(fields.get("patterns", []), f"{place}.patterns", empty=True)
        if not phrases and not patterns:
            raise _fail(place, "needs phrases or patterns to look for")
        for i, pattern in enumerate(patterns, 1):
            problem = check_pattern(pattern)
            if problem:
                raise _fail(f"{place}.patterns[{i}]", f"the expression {problem}")
        return Says(
            phrases=phrases,
            patterns=patterns,
            unless=self._phrases(fields.get("unless", []), f"{place}.unless"),
            exact=self._truth(fields.get("exact", False), f"{place}.exact"),
            **self._place(fields, place, depth),
        )

    def _meaning(self, data: Any, place: str, depth: int) -> Meaning:
        fields = self._fields(data, place, "meaning", required=("examples",))
        return Meaning(
            examples=self._strings(fields["examples"], f"{place}.examples"),
            threshold=self._number(fields.get("threshold", 0.6), f"{place}.threshold", least=0.2, most=1),
            **self._place(fields, place, depth),
        )

    def _place(self, fields: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
        """The fields that say by whom, where and how often."""
        found: dict[str, Any] = {"by": self._roles(fields.get("by", ["agent"]), f"{place}.by")}
        for name in ("first", "last"):
            if name in fields:
                found[name] = self._number(fields[name], f"{place}.{name}", more_than=0)
        found |= self._anchors(fields, place, depth)
        if "times" in fields:
            found["times"] = self._integer(fields["times"], f"{place}.times", least=1)
        return found

    def _anchors(self, fields: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in ("after", "before"):
            if name in fields:
                found[name] = self.rule(fields[name], f"{place}.{name}", depth + 1)
        if "within" in fields:
            if not found:
                raise _fail(f"{place}.within", 'has a meaning only together with "after" or "before"')
            found["within"] = self._number(fields["within"], f"{place}.within", more_than=0)
        return found

    def _metric(self, data: Any, place: str) -> MetricRule:
        fields = self._fields(data, place, "metric", required=("name", "op", "threshold"))
        name = self._text(fields["name"], f"{place}.name")
        self._known(name, self.vocabulary.metrics if self.vocabulary else None, f"{place}.name", "metric")
        return MetricRule(
            name=name,
            op=self._choice(Op, fields["op"], f"{place}.op"),
            threshold=self._number(fields["threshold"], f"{place}.threshold"),
        )

    def _sentiment(self, data: Any, place: str, _depth: int) -> SentimentRule:
        fields = self._fields(data, place, "sentiment", required=("measure", "op", "threshold"))
        of = self._choice(Role, fields.get("of", "customer"), f"{place}.of")
        if of not in {Role.CUSTOMER, Role.AGENT}:
            raise _fail(f"{place}.of", "sentiment is known of the customer and the agent only")
        return SentimentRule(
            of=of,
            measure=self._choice(Measure, fields["measure"], f"{place}.measure"),
            op=self._choice(Op, fields["op"], f"{place}.op"),
            threshold=self._number(fields["threshold"], f"{place}.threshold", least=-2, most=2),
        )

    def _order(self, data: Any, place: str, depth: int) -> Order:
        fields = self._fields(data, place, "order", required=("first", "then"))
        return Order(
            first=self.rule(fields["first"], f"{place}.first", depth + 1),
            then=self.rule(fields["then"], f"{place}.then", depth + 1),
        )

    def _pii(self, data: Any, place: str, depth: int) -> PiiRule:
        fields = self._fields(data, place, "pii", required=("kinds",))
        kinds = tuple(self._choice(PiiKind, item, f"{place}.kinds") for item in self._items(fields["kinds"], place))
        at_least = self._integer(fields.get("at_least", 1), f"{place}.at_least", least=1)
        if at_least > len(set(kinds)):
            raise _fail(f"{place}.at_least", f"{at_least} different kinds are wanted but {len(set(kinds))} are listed")
        return PiiRule(
            kinds=kinds,
            by=self._roles(fields.get("by", ["customer"]), f"{place}.by"),
            at_least=at_least,
            **self._anchors(fields, place, depth),
        )

    def _finding(self, data: Any, place: str, _depth: int) -> FindingRule:
        fields = self._fields(data, place, "finding", required=("kind",))
        return FindingRule(
            kind=self._finding_kind(fields["kind"], f"{place}.kind"),
            category=self._category_name(fields["category"], f"{place}.category") if "category" in fields else None,
            by=self._roles(fields.get("by", []), f"{place}.by"),
            min_value=self._number(fields["min_value"], f"{place}.min_value") if "min_value" in fields else None,
            at_least=self._integer(fields.get("at_least", 1), f"{place}.at_least", least=1),
            present=self._truth(fields.get("present", True), f"{place}.present"),
        )

    def _category(self, data: Any, place: str, _depth: int) -> CategoryRule:
        fields = self._fields(data, place, "category", required=("name",))
        return CategoryRule(
            name=self._category_name(fields["name"], f"{place}.name"),
            present=self._truth(fields.get("present", True), f"{place}.present"),
        )

    # -- parts -------------------------------------------------------------------------------------------------

    def _fields(self, data: Any, place: str, kind: str, *, required: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            raise _fail(place, f"must be a mapping, not {_shape(data)}")
        known = FIELDS[kind]
        for name in data:
            if name not in known:
                raise _fail(place, f'has the unknown field "{name}"; known are ' + ", ".join(sorted(known)))
        for name in required:
            if data.get(name) is None:
                raise _fail(place, f'lacks the field "{name}"')
        return {name: value for name, value in data.items() if value is not None}

    def _items(self, data: Any, place: str) -> list[Any]:
        if not isinstance(data, list):
            raise _fail(place, f"must be a list, not {_shape(data)}")
        if not data:
            raise _fail(place, "is empty")
        return data

    @staticmethod
    def _listed(data: Any, place: str) -> list[Any]:
        if isinstance(data, str):
            return [data]
        if not isinstance(data, list):
            raise _fail(place, f"must be a name or a list of names, not {_shape(data)}")
        return data

    def _strings(self, data: Any, place: str, *, empty: bool = False) -> tuple[str, ...]:
        """Texts; a list inside the list (a YAML alias) is taken as its members."""
        if empty and data == []:
            return ()
        flat: list[Any] = []
        for item in self._items([data] if isinstance(data, str) else data, place):
            flat.extend(item if isinstance(item, list) else [item])
        self.phrases += len(flat)
        if self.phrases > MAX_PHRASES:
            raise _fail(place, f"the scorecard has more than {MAX_PHRASES} phrases")
        return tuple(self._text(item, f"{place}[{i}]") for i, item in enumerate(flat, 1))

    def _phrases(self, data: Any, place: str) -> tuple[str, ...]:
        phrases = self._strings(data, place, empty=True)
        for i, phrase in enumerate(phrases, 1):
            try:
                compile_phrase(phrase)
            except ValueError as error:
                raise _fail(f"{place}[{i}]", f'the phrase "{phrase}" cannot be used: {error}') from error
        return phrases

    def _roles(self, data: Any, place: str) -> tuple[Role, ...]:
        names = self._listed(data, place)
        if names == ["anyone"]:
            return ()
        return tuple(self._choice(Role, name, place) for name in names)

    def _category_name(self, data: Any, place: str) -> str:
        name = self._text(data, place)
        self._known(name, self.vocabulary.categories if self.vocabulary else None, place, "category")
        return name

    def _finding_kind(self, data: Any, place: str) -> str:
        name = self._text(data, place)
        self._known(name, self.vocabulary.findings if self.vocabulary else None, place, "kind of finding")
        return name

    @staticmethod
    def _known(name: str, known: frozenset[str] | None, place: str, what: str) -> None:
        if known is not None and name not in known:
            raise _fail(place, f'"{name}" is not a known {what}; known are ' + (", ".join(sorted(known)) or "none"))

    @staticmethod
    def _unique(names: Sequence[str], what: str) -> None:
        for i, name in enumerate(names):
            if name in names[:i]:
                raise _fail("Scorecard", f'the {what} id "{name}" is used twice')

    @staticmethod
    def _choice(kind: type[E], data: Any, place: str) -> E:
        # YAML reads a bare yes/no/on/off as a truth value, never as a word.
        try:
            return kind(data)
        except ValueError:
            known = ", ".join(str(member.value) for member in kind)
            raise _fail(place, f'"{data}" is not one of {known}') from None

    @staticmethod
    def _text(data: Any, place: str, most: int = 500) -> str:
        if not isinstance(data, str) or not data.strip():
            raise _fail(place, f"must be a text, not {_shape(data)}")
        if len(data) > most:
            raise _fail(place, f"is longer than {most} characters")
        return data.strip()

    @staticmethod
    def _id(data: Any, place: str) -> str:
        if not isinstance(data, str) or not _ID.fullmatch(data):
            raise _fail(place, "must be 1 to 64 lower-case letters, digits, dots, dashes or underscores")
        return data

    @staticmethod
    def _truth(data: Any, place: str) -> bool:
        if not isinstance(data, bool):
            raise _fail(place, f"must be true or false, not {_shape(data)}")
        return data

    @staticmethod
    def _integer(data: Any, place: str, *, least: int) -> int:
        if isinstance(data, bool) or not isinstance(data, int) or not least <= data <= 1_000_000:
            raise _fail(place, f"must be a whole number from {least}")
        return data

    @staticmethod
    def _number(
        data: Any, place: str, *, least: float | None = None, most: float | None = None, more_than: float | None = None
    ) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
            raise _fail(place, f"must be a number, not {_shape(data)}")
        if (least is not None and data < least) or (most is not None and data > most):
            raise _fail(place, f"must be from {least:g} to {most:g}")
        if more_than is not None and data <= more_than:
            raise _fail(place, f"must be more than {more_than:g}")
        return float(data)

    def _weight(self, data: Any, place: str) -> float:
        return self._number(data, place, more_than=0)


def _shape(data: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "a truth value", type(None): "nothing"}
    if data == "":
        return "an empty text"
    return names.get(type(data), f"a {type(data).__name__}")
