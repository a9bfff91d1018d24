"""Scorecards drafted from what a company has written already: flow charts of procedures, and policies for agents.

A draft is a beginning: it asks for what the document says, in the document's words, and a person reads it before it is
used. Nothing here knows a particular company's procedures.

- A **chart** (JSON) gives the agent's sentences by name (``replies``) and which follows which (``graph``). Names
  without an arrow to them are the answers of a decision ("query_success", "yes"); one-word replies are decisions.
- A **policy** (JSON) gives flows, each with ``subflows`` whose ``actions`` say in ``text`` and ``subtext`` what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from candor.conversation.evaluation import AnswerKind
from candor.conversation.model import Role
from candor.conversation.transcript import PiiKind
from candor.errors import InvalidInput
from candor.scoring.loader import MAX_QUESTIONS
from candor.scoring.model import (
    AllOf,
    AnyOf,
    Condition,
    Critical,
    Meaning,
    Not,
    PiiRule,
    Question,
    Resolution,
    Rule,
    Says,
    Scorecard,
    Section,
    Step,
    Steps,
)
from candor.scoring.phrases import compile_phrase

_ALIKE = 0.62
"""Cosine from which a sentence is taken for one of the document's."""
_MOST_UNLIKE, _FEW_UNLIKE = 24, 8
"""Other sentences that a step is told from: all of a chart of up to so many, else the most alike."""
_BAD_END = re.compile(r"fail|unavail|not_|missing|cannot|nothing|invalid|denied|no\b", re.IGNORECASE)
_SLOT = re.compile(r"\{[^}]*\}|\[[^\]]*\]|<[^>]*>")
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CLAUSE = re.compile(r"(?<=[.!?])\s+|\n+")

_K = PiiKind
_IDENTIFIERS: tuple[tuple[re.Pattern[str], frozenset[PiiKind], bool], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(kinds), strong)
    for words, kinds, strong in (
        (r"maiden name|security (?:question|answer|word)|memorable|(?:childhood )?pet", {_K.PASSWORD, _K.NAME}, True),
        (r"pin|passcode|password", {_K.PASSWORD, _K.CVV}, True),
        (r"date of birth|birth ?date|birthday|dob", {_K.DATE_OF_BIRTH}, True),
        (r"account (?:number|id)|card number|policy number|member(?:ship)? (?:number|id)|customer (?:number|id)",
         {_K.ACCOUNT, _K.CARD, _K.NUMBER, _K.IBAN, _K.NATIONAL_ID}, True),
        (r"social security|passport|national id", {_K.NATIONAL_ID, _K.NUMBER}, True),
        (r"post ?code|zip ?code", {_K.POSTCODE, _K.NUMBER}, False),
        (r"phone number|telephone", {_K.PHONE, _K.NUMBER}, False),
        (r"e-?mail", {_K.EMAIL}, False),
        (r"(?:full|your|last|first) name|name,? please|user ?name", {_K.NAME}, False),
    )
)  # fmt: skip
"""What asks for who somebody is; strong: what only they should know."""
_REFUSES = (
    "can not authenticate/verify/identify/confirm",
    "unable to authenticate/verify/identify/confirm",
    "not able to authenticate/verify/identify/confirm",
    "could not authenticate/verify/identify/confirm",
)


def draft(text: str, name: str = "draft") -> Scorecard:
    """A scorecard from a document; ``name`` becomes its id where the document has none.

    Raises InvalidInput ``draft.json``, ``draft.unknown`` or ``draft.empty``.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("The document is not JSON.", code="draft.json") from None
    if isinstance(data, Mapping) and all(isinstance(data.get(part), Mapping) for part in ("replies", "graph")):
        return from_chart(data, name)
    if isinstance(data, Mapping) and data and all(_is_flow(value) for value in data.values()):
        return from_policy(data, name)
    raise InvalidInput(
        "This is neither a flow chart (replies and graph) nor a policy (flows with subflows).", code="draft.unknown",
        advice="docs/howto/write-a-scorecard.md shows both.",
    )  # fmt: skip


# -- charts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chart:
    """A flow chart: what is said, what leads where."""

    said: dict[str, str]
    """Name → sentence, of what the agent says and the chart connects, in the chart's order."""
    before: dict[str, frozenset[str]]
    """Which said ones come before each."""
    ends: frozenset[str]
    """Said after a decision went well: what the customer came for."""


def from_chart(data: Mapping[str, Any], name: str = "draft") -> Scorecard:
    """Order of the steps, identity before the outcome where the chart asks for it, outcome, and each step by itself."""
    chart = _chart(data)
    if len(chart.said) < 2:
        raise InvalidInput("The chart has no two steps that follow one another.", code="draft.empty")
    replies = [str(text) for text in data["replies"].values() if isinstance(text, str) and _is_sentence(text)]
    rules = {one: _like(sentence, replies) for one, sentence in chart.said.items()}
    steps = tuple(
        Step(id=_id(one), rule=rules[one], required=False, after=tuple(_id(each) for each in chart.said
             if each in chart.before[one]))
        for one in chart.said
    )  # fmt: skip
    main = [
        Question(
            id="steps-in-order", weight=3, rule=Steps(steps=steps),
            text="Were the steps of the procedure taken in order?",
            guidance="A step may be left out when the customer has said it already.",
        )
    ]  # fmt: skip
    identity = _identity(chart, rules)
    if identity is not None:
        main.append(identity)
    main.append(
        Question(id="outcome", weight=2, rule=_outcome(chart, rules), text="Did the customer get what they came for?",
                 guidance="By the procedure's own ending, else by what both say towards the end.")
    )  # fmt: skip
    each = tuple(
        Question(id=f"step.{_id(one)}"[:64], text=f"Said: {_short(sentence)}", weight=1, rule=rules[one],
                 kind=AnswerKind.YES_NO, scored=False)
        for one, sentence in chart.said.items()
    )  # fmt: skip
    title = str(data.get("title") or data.get("task") or name).replace("_", " ").strip().capitalize()
    return Scorecard(
        id=_id(name), version=1, title=title[:200] or "Draft", languages=("en",), pass_mark=70, floor=0.4,
        sections=(
            Section(id="procedure", title="Procedure", weight=1, questions=tuple(main)),
            Section(id="steps", title="Steps, for looking up", weight=1, questions=each),
        ),
    )  # fmt: skip


def _chart(data: Mapping[str, Any]) -> _Chart:
    replies = {str(one): str(text) for one, text in data["replies"].items() if isinstance(text, str)}
    leads: dict[str, list[str]] = {one: [] for one in replies}
    for one, then in data["graph"].items():
        for each in [then] if isinstance(then, str) else then if isinstance(then, list) else ():
            if one in leads and each in leads:
                leads[one].append(each)
    led_to = {each for then in leads.values() for each in then}
    connected = [one for one in replies if leads[one] or one in led_to]
    start = connected[0] if connected else None
    labels = {one for one in connected if one not in led_to and one != start}
    decisions = {one for one in connected if one not in labels and not _is_sentence(replies[one])}
    reach = {one: _reach(one, leads) for one in connected}
    said = {one: replies[one] for one in connected if one not in labels | decisions}
    asked = {one for one in said if reach[one] & decisions}
    good = {one for one in said for label in labels if one in reach[label] and not _BAD_END.search(label)} - asked
    if decisions and not good:
        good = {one for one in said for decision in decisions if one in reach[decision]} - asked
    before = {
        one: frozenset(
            other
            for other in said
            if other != one and (one in reach[other] or (one in good and other in asked)) and other not in reach[one]
        )
        for one in said
    }
    # What follows an outcome is not the outcome: "anything else?".
    # Nor is what asks how to go on: "it is available, shall I book it?".
    good = {one for one in good if "?" not in said[one]}
    ends = frozenset(one for one in good if not any(one in reach[other] for other in good if other != one))
    return _Chart(said, before, ends)


def _reach(start: str, leads: Mapping[str, Sequence[str]]) -> set[str]:
    seen: set[str] = set()
    left = [start]
    while left:
        for each in leads[left.pop()]:
            if each not in seen:
                seen.add(each)
                left.append(each)
    return seen


def _is_sentence(text: str) -> bool:
    return len(_WORDS.findall(text)) >= 3


def _identity(chart: _Chart, rules: Mapping[str, Rule]) -> Question | None:
    """What the main way asks for to know who it is, given before the outcome; None where it asks for nothing strong."""
    asks = {one: found for one, sentence in chart.said.items() if "?" in sentence or "please" in sentence.lower()
            if (found := _identifier(sentence)) is not None}  # fmt: skip
    if not any(strong for _, strong in asks.values()) or len(asks) < 2:
        return None
    # The main way is what comes before everything else that is asked; others stand in for what is not remembered.
    way: list[str] = []
    here: str | None = next(iter(chart.said))
    while here is not None:
        way.append(here)
        here = next((one for one in chart.said if here in chart.before[one] and one not in way
                     and chart.before[one] - chart.ends <= set(way)), None)  # fmt: skip
    on_way = [one for one in way if one in asks and one not in chart.ends]
    kinds = tuple(kind for kind in PiiKind if any(kind in found for found, _ in asks.values()))
    wanted = max(2, len(on_way))
    outcome = [rules[one] for one in chart.ends]
    ended = _any([*outcome]) if outcome else None
    given = PiiRule(kinds=kinds, by=(Role.CUSTOMER,), at_least=min(wanted, len(kinds)), before=ended)
    refused = Says(phrases=_REFUSES, by=(Role.AGENT,))
    parts: list[Rule] = [given, AnyOf(rules=(*outcome, Not(rule=refused))) if outcome else Not(rule=refused)]
    words = ", ".join(dict.fromkeys(_asked_for(chart.said[one]) for one in asks))
    return Question(
        id="identity-verified", weight=3, critical=Critical.ALL, rule=AllOf(rules=tuple(parts)),
        text="Was the customer's identity verified before the outcome was told?",
        guidance=f"The procedure asks for {words}; {min(wanted, len(kinds))} kinds of it must have been given.",
    )  # fmt: skip


def _identifier(sentence: str) -> tuple[frozenset[PiiKind], bool] | None:
    return next(((kinds, strong) for pattern, kinds, strong in _IDENTIFIERS if pattern.search(sentence)), None)


def _asked_for(sentence: str) -> str:
    found = (pattern.search(sentence) for pattern, _, _ in _IDENTIFIERS)
    return next((match.group().lower() for match in found if match is not None), "identifiers")


def _outcome(chart: _Chart, rules: Mapping[str, Rule]) -> Rule:
    ends = [rules[one] for one in chart.said if one in chart.ends]
    return AnyOf(rules=(*ends, Resolution())) if ends else Resolution()


# -- policies --------------------------------------------------------------------------------------------------------


def from_policy(data: Mapping[str, Any], name: str = "draft") -> Scorecard:
    """One section a flow; of each subflow its actions, asked where the conversation is about that subflow."""
    sections: list[Section] = []
    left = MAX_QUESTIONS
    used: set[str] = set()
    for flow, content in data.items():
        questions: list[Question] = []
        for subflow, body in content["subflows"].items():
            for question in _subflow(subflow, body):
                if left > 0 and question.id not in used:
                    used.add(question.id)
                    questions.append(question)
                    left -= 1
        if questions:
            title = _plain(flow)[:200]
            sections.append(Section(id=_id(flow), title=title, weight=len(questions), questions=tuple(questions)))
    if not sections:
        raise InvalidInput("The policy asks nothing of agents that can be heard.", code="draft.empty")
    return Scorecard(id=_id(name), version=1, title=f"{_plain(name).capitalize()} (from policy)", languages=("en",),
                     pass_mark=70, floor=0.4, sections=tuple(sections))  # fmt: skip


def _is_flow(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("subflows"), Mapping)


def _subflow(subflow: str, body: Any) -> Iterable[Question]:
    """The steps of a subflow in order, as one question; and a closing where the instructions ask for one."""
    if not isinstance(body, Mapping):
        return
    about = Condition(rule=Meaning(examples=(f"I am writing about: {_plain(subflow)}", _plain(subflow)),
                                   threshold=0.4, by=(Role.CUSTOMER,)))  # fmt: skip
    actions = [one for one in body.get("actions") or () if isinstance(one, Mapping)]
    steps: list[Step] = []
    guidance: list[str] = []
    for number, action in enumerate(actions, 1):
        text, more = _plain(action.get("text")), [_plain(each) for each in action.get("subtext") or ()]
        guidance.append(f"{number}. {text}" + "".join(f" – {each}" for each in more))
        rule = _action(text, more)
        if rule is not None:
            step = _id(f"{number}-{action.get('button') or 'action'}")
            steps.append(Step(id=step, rule=rule, required=False))
    told = [_plain(each) for each in body.get("instructions") or ()]
    whole = "\n".join([*guidance, *told])[:4000]
    stem = _id(subflow)[:50]
    title = _plain(subflow)
    if len(steps) >= 2:
        yield Question(id=f"{stem}.steps", text=f"{title}: were the steps taken in order?", weight=2, guidance=whole,
                       applies_when=about, rule=Steps(steps=tuple(steps)))  # fmt: skip
    elif actions:
        # Where nothing of it can be heard, a person answers.
        yield Question(id=f"{stem}.steps", text=f"{title}: was it done as the policy says?", weight=2, guidance=whole,
                       applies_when=about, rule=steps[0].rule if steps else None)  # fmt: skip
    if any(_FURTHER.search(each) for each in told):
        yield Question(id=f"{stem}.anything-else", text=f"{title}: was further help offered?", weight=1,
                       applies_when=about, rule=_ANYTHING_ELSE)  # fmt: skip


_FURTHER = re.compile(r"anything else|(?:further|other) assistance|needs? any", re.IGNORECASE)
_WISH = re.compile(r"(?:ask|tell|explain|find out|get|offer|apologi[sz]e|confirm)\b.{8,}", re.IGNORECASE)
_ANYTHING_ELSE = AnyOf(
    rules=(
        Says(phrases=("anything/something else ... help/do/assist/need", "help you with anything/something else",
                      "any other questions/concerns", "further assistance/help", "anything else today")),
        Meaning(examples=("Is there anything else I can help you with?",), threshold=0.62),
    )
)  # fmt: skip


def _action(text: str, more: Sequence[str]) -> Rule | None:
    """What can be heard of an action: what is asked for, what is told."""
    whole = " ".join((text, *more))
    examples: list[str] = []
    for pattern, _, _ in _IDENTIFIERS:
        examples += [f"May I have your {match.group().lower()}?" for match in pattern.finditer(whole)][:1]
    for sentence in (text, *more):
        if _WISH.match(sentence):
            examples.append(_first_sentence(sentence)[:300])
    for quoted in re.findall(r"[“\"']([^“”\"']{12,200})[”\"']", whole):
        if len(_WORDS.findall(quoted)) >= 4:
            examples.append(quoted.strip())
    kept = tuple(dict.fromkeys(each for each in examples if len(_WORDS.findall(each)) >= 3))[:8]
    return Meaning(examples=kept, threshold=0.55) if kept else None


# -- parts -----------------------------------------------------------------------------------------------------------


def _like(sentence: str, replies: Sequence[str]) -> Rule:
    """The sentence, word for word or by meaning, and by meaning not rather one of the other ``replies``."""
    clauses = [each.strip() for each in _CLAUSE.split(sentence) if len(_WORDS.findall(each)) >= 2] or [sentence]
    phrases = tuple(dict.fromkeys(phrase for each in clauses if (phrase := _phrase(each))))
    examples = tuple(dict.fromkeys(_plain(_SLOT.sub("", each)) for each in clauses))
    others = (_plain(_SLOT.sub("", each)) for reply in replies if reply != sentence for each in _CLAUSE.split(reply))
    unlike = tuple(dict.fromkeys(each for each in others if _is_sentence(each) and each not in examples))
    if len(unlike) > _MOST_UNLIKE:
        unlike = _most_alike(unlike, examples)
    rules: list[Rule] = []
    if phrases:
        rules.append(Says(phrases=phrases, by=(Role.AGENT,)))
    rules.append(Meaning(examples=examples, unlike=unlike, threshold=_ALIKE, by=(Role.AGENT,)))
    return _any(rules)


def _most_alike(others: Sequence[str], examples: Sequence[str]) -> tuple[str, ...]:
    """Of many other sentences those that share most words with the examples: the rest is not taken for them anyway."""
    own = {word.lower() for each in examples for word in _WORDS.findall(each)}
    shared = {each: len(own & {word.lower() for word in _WORDS.findall(each)}) for each in others}
    return tuple(sorted(others, key=lambda each: -shared[each])[:_FEW_UNLIKE])


def _phrase(clause: str) -> str | None:
    """A clause in the phrase language; None where too little of it is fixed."""
    parts = [" ".join(word.lower() for word in _WORDS.findall(part)) for part in _SLOT.split(clause)]
    parts = [part for part in parts if len(part.split()) >= 2]
    phrase = " ... ".join(parts)
    if len(phrase.split()) < 3:
        return None
    try:
        compile_phrase(phrase)
    except ValueError:
        return None
    return phrase


def _any(rules: Sequence[Rule]) -> Rule:
    return rules[0] if len(rules) == 1 else AnyOf(rules=tuple(rules))


def _plain(value: object) -> str:
    return " ".join(re.sub(r"[_>]+", " ", str(value or "")).split())


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 120 else flat[:117] + "…"


def _id(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-")[:60] or "draft"
