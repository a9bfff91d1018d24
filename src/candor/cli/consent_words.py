"""A decision and a rule as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from candor.consent.model import Decision, RetentionAnswer
from candor.consent.overrides.model import Override
from candor.consent.rules import CrossRule, Head, JurisdictionRule, SectorRule

_WIDTH = 110
_KEEP = {
    "start": "Sound may be kept from the start.",
    "with_announcement": "Sound is kept from the announcement on, which is itself in the recording.",
    "after_announcement": "Sound is kept after the announcement only.",
    "after_opt_in": "Sound is kept after everybody asked has said yes only.",
    "never": "No sound is kept.",
}


def tell(made: Decision, head: Head) -> str:
    """The answer in words, with its sources."""
    places = ", ".join(f"{leg.id} ({'/'.join(leg.roles)}, level {leg.level})" for leg in made.legs)
    unknown = ", ".join(f"unknown {leg}" for leg in made.unknown)
    parts = [
        f"Level {made.level}. {head.levels[_key(made.level)]}",
        _KEEP[made.keep_from] if made.may_record else f"Do not record. {_KEEP['never']}",
        f"Purpose {made.purpose}, {made.channel}, on {made.at}. Places: {', '.join(filter(None, (places, unknown)))}.",
    ]
    parts += _section("To do", (f"{each.verb}: {each.words}{_rules(each.rules)}" for each in made.actions))
    parts += _section("The notice says", (f"{each}: {head.elements[each]}" for each in made.notice_elements))
    parts += _section("Languages", _languages(made))
    parts += _section(
        "Owed to the agent first",
        (
            f"{each.id}{'' if each.blocks else ' (does not block)'}: {each.words}"
            + (f" Where {each.where}." if each.where else "")
            + (f" One of those marked {each.any_of} is enough." if each.any_of else "")
            for each in made.employee_prerequisites
        ),
    )
    parts += _section("Kept", _kept(made.retention))
    parts += _section(
        "Limits on use", (f"{each.code}: {each.words}{_rules(each.rules)}" for each in made.analysis_limits)
    )
    parts += _section("If the announcement failed", (f"{each.rule} {each.id}: {each.words}" for each in made.fallbacks))
    parts += _section("As they join", (f"{each.leg}: level {each.level}. {each.words}" for each in made.joining))
    parts += _section("Why", _why(made))
    parts += _section("Not known", (f"{each.what}: {each.words}" for each in made.uncertain))
    parts += _section("Wants review", (each.words for each in made.needs_review))
    parts += ["", f"Confidence {made.confidence:.2f}. Rule pack {made.pack}. {head.disclaimer}"]
    return "\n".join(parts)


def tell_rule(record: JurisdictionRule | SectorRule | CrossRule, changes: tuple[Override, ...]) -> str:
    """One rule whole, field by field, with its citations."""
    lines = [f"{record.id}: {record.name}"]
    for field, value in record.model_dump(mode="json").items():
        if field in ("id", "name", "citations") or value in (None, "", [], {}, False):
            continue
        if isinstance(value, list) and isinstance(value[0], dict):
            lines.append(f"{field}:")
            for item in value:
                shown = "; ".join(f"{key} {_text(one)}" for key, one in item.items() if one not in (None, [], {}, ""))
                lines.append(_wrapped(shown, "  - ", "    "))
        else:
            lines.append(_wrapped(f"{field}: {_text(value)}", "", "  "))
    lines += _section("Sources", (_source(each.ref, each.url, each.source) for each in record.citations))
    lines += _section(
        "Overridden",
        (f"{each.field}: {each.old} → {each.new}, from {each.effective_from}, by {each.author}: {each.reason}"
         for each in changes),
    )  # fmt: skip
    return "\n".join(lines)


def _languages(made: Decision) -> Iterator[str]:
    if made.languages.required:
        yield f"required: {', '.join(made.languages.required)}"
    for group in made.languages.one_of:
        yield f"the one in which the caller is served: {', '.join(group)}"
    if made.languages.service_line:
        yield "that of the service line, understood by who hears it"


def _kept(kept: RetentionAnswer) -> Iterator[str]:
    for copy in kept.copies:
        yield f"sound for {copy.name}: {_span(copy.min_days, copy.max_days)}. {' '.join(copy.words)}".rstrip()
    for each in kept.other:
        yield f"{each.of}: {_span(each.min_days, each.max_days)}. {each.words} ({each.rule})"
    if kept.purpose_bound:
        yield "no longer than the purpose needs: set a period of your own within these"


def _span(least: int | None, most: int | None) -> str:
    said = [f"at least {least} days"] if least is not None else []
    said += [f"at most {most} days"] if most is not None else []
    return ", ".join(said) or "no legal figure"


def _why(made: Decision) -> Iterator[str]:
    putting = [each for each in made.reasons if each.level is None and each.rule.startswith("X-")]
    for each in made.reasons:
        if each in putting:
            continue
        mark = "decides. " if each.decisive else ""
        yield f"{each.rule}: {mark}{each.words} [{each.citation}]"
        for change in each.overridden:
            yield f"{each.rule}: overridden by your counsel, {change}"
    if putting:
        rules = ", ".join(f"{each.rule} ({each.words.partition(':')[0]})" for each in putting)
        yield f"Put together by {rules}; `candor consent rules ID` shows each with its sources."


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = [_wrapped(line, "  - ", "    ") for line in lines]
    return ["", title, *found] if found else []


def _wrapped(text: str, first: str, later: str) -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )


def _rules(rules: tuple[str, ...]) -> str:
    return f" ({', '.join(rules)})" if rules else ""


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return str(value)


def _source(ref: str, url: str | None, source: str) -> str:
    return f"{ref} ({source})" + (f" {url}" if url else "")


def _key(level: int) -> str:
    return str(level)
