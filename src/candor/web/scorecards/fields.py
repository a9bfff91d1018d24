"""Between the fields of the builder's forms and the plain data of a draft.

What cannot be read as what it should be (a weight of "abc") is kept as it was typed: the check says so at its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml
from starlette.datastructures import FormData

from candor.errors import InvalidInput
from candor.scoring.dumper import PlainDumper
from candor.web.i18n import _

MOST_OPTIONS = 50
_SIMPLE = {
    "says": frozenset({"phrases", "by", "first"}),
    "never_says": frozenset({"phrases", "by", "first"}),
    "meaning": frozenset({"examples", "by", "first"}),
}
_LISTED = {"says": "phrases", "never_says": "phrases", "meaning": "examples"}
RULE_STARTERS: dict[str, Any] = {
    "none": None,
    "says": {"says": {"phrases": ["thank you for calling"]}},
    "never_says": {"never_says": {"phrases": ["not my problem"], "by": ["agent"]}},
    "meaning": {"meaning": {"examples": ["I understand how annoying that is"]}},
    "other": {"order": {"first": {"says": {"phrases": ["date of birth"]}},
                        "then": {"says": {"phrases": ["your balance is"]}}}},
}  # fmt: skip


class Shown(dict[str, Any]):
    """A part as a template reads it: what it lacks is None."""

    def __missing__(self, _name: str) -> None:
        return None


def shown(part: Mapping[str, Any]) -> Shown:
    """A part with all below it that templates read field by field; rules and conditions stay as they are."""
    made = Shown(part)
    for name in ("sections", "questions", "options"):
        if isinstance(made[name], list):
            made[name] = [shown(item) if isinstance(item, Mapping) else item for item in made[name]]
    for name in ("scale", "number"):
        if isinstance(made[name], Mapping):
            made[name] = Shown(made[name])
    return made


def scorecard_fields(form: FormData) -> dict[str, Any]:
    """Of the scorecard itself."""
    return {
        "title": _text(form, "title") or None,
        "pass_mark": _number(form, "pass_mark"),
        "floor": _number(form, "floor"),
        "weights": _unless(_text(form, "weights"), "points"),
        "languages": _words(form, "languages") or None,
        "media": [str(item) for item in form.getlist("media")] or None,
        "queues": _lines(form, "queues") or None,
        "segments": _unless(_text(form, "segments"), "whole"),
    }


def section_fields(form: FormData) -> dict[str, Any]:
    """Of a section."""
    return {
        "title": _text(form, "title"),
        "id": _text(form, "id") or None,
        "weight": _number(form, "weight"),
        "bonus": True if form.get("bonus") else None,
    }


def question_fields(form: FormData, before: Mapping[str, Any]) -> dict[str, Any]:
    """Of a question of the kind it has; raises InvalidInput for YAML that is none."""
    kind = str(before.get("kind") or "yes_no")
    fields: dict[str, Any] = {
        "id": _text(form, "id"),
        "text": _text(form, "text"),
        "weight": _number(form, "weight"),
        "guidance": _text(form, "guidance", 4000) or None,
        "critical": _unless(_text(form, "critical"), "none"),
        "comment": _unless(_text(form, "comment"), "optional"),
        "na_allowed": None if form.get("na_allowed") else False,
        "applies_when": _condition(form),
    }
    if kind not in {"text", "date"}:
        bare_number = kind == "number" and not _lines(form, "bands")
        fields["scored"] = None if form.get("scored") or bare_number else False
    if kind in {"choice", "multi_choice"}:
        fields["options"] = _options(form)
    elif kind == "range":
        fields["scale"] = _scale(form)
    elif kind == "number":
        fields["number"] = _figure(form)
    if "rule_kind" in form:
        fields["rule"] = _rule(form)
    return fields


def rule_form(rule: object) -> dict[str, Any]:
    """A rule as the builder shows it: its kind, and lines, speaker and seconds, or YAML."""
    shown: dict[str, Any] = {"kind": "none", "lines": "", "by": "agent", "first": "", "yaml": ""}
    if rule is None:
        return shown
    if isinstance(rule, Mapping) and len(rule) == 1:
        ((kind, held),) = rule.items()
        by = held.get("by", ["agent"]) if isinstance(held, Mapping) else None
        by = [by] if isinstance(by, str) else by
        listed = held.get(_LISTED.get(kind, ""), []) if isinstance(held, Mapping) else None
        simple = kind in _SIMPLE and isinstance(held, Mapping) and set(held) <= _SIMPLE[kind]
        if simple and isinstance(by, list) and len(by) == 1 and _all_texts(listed):
            lines = "\n".join([listed] if isinstance(listed, str) else listed or ())
            return shown | {"kind": kind, "lines": lines, "by": by[0], "first": held.get("first", "")}
    return shown | {"kind": "other", "yaml": as_yaml(rule)}


def condition_form(condition: object) -> dict[str, Any]:
    """When a question is asked, as the builder shows it: one other answer, and the rest as YAML."""
    shown: dict[str, Any] = {"question": "", "is": "", "at_least": "", "at_most": "", "rest": ""}
    if not isinstance(condition, Mapping):
        return shown | {"rest": as_yaml(condition) if condition else ""}
    rest = dict(condition)
    wanted = rest.get("answer")
    if isinstance(wanted, list) and len(wanted) == 1:
        wanted = wanted[0]
    if isinstance(wanted, Mapping):
        rest.pop("answer")
        told = wanted.get("is", [])
        told = told if isinstance(told, list) else [told]
        shown |= {
            "question": wanted.get("question", ""), "at_least": wanted.get("at_least", ""),
            "at_most": wanted.get("at_most", ""), "is": ", ".join(_yes_no(item) for item in told),
        }  # fmt: skip
    return shown | {"rest": as_yaml(rest) if rest else ""}


def bands_text(bands: object) -> str:
    """Bands as lines: ``30: 1`` is below 30, all points; ``: 0`` the rest."""
    lines = []
    for band in bands if isinstance(bands, list) else []:
        if isinstance(band, Mapping):
            fails = " fails" if band.get("fails") else ""
            lines.append(f"{_plain(band.get('below', ''))}: {_plain(band.get('share', ''))}{fails}".strip())
    return "\n".join(lines)


def as_yaml(value: object) -> str:
    """Any part as YAML."""
    return _as_yaml(json.dumps(value, ensure_ascii=False))


@lru_cache(maxsize=1024)
def _as_yaml(value: str) -> str:
    """Remembered: of a page with thirty rules one has changed."""
    text: str = yaml.dump(json.loads(value), Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=100)
    return text.removesuffix("...\n").strip()


def _condition(form: FormData) -> dict[str, Any] | None:
    rest = _yaml(form, "applies_when")
    if rest is not None and not isinstance(rest, dict):
        raise InvalidInput(_("A condition is a mapping, for example: direction: inbound"), code="draft.condition")
    condition: dict[str, Any] = dict(rest or {})
    name = _text(form, "cond_question")
    if name:
        wanted: dict[str, Any] = {"question": name}
        told = _words(form, "cond_is")
        if told:
            wanted["is"] = told
        for bound in ("at_least", "at_most"):
            value = _number(form, f"cond_{bound}")
            if value is not None:
                wanted[bound] = value
        condition["answer"] = [wanted]
    return condition or None


def _options(form: FormData) -> list[dict[str, Any]]:
    options = []
    for number in range(MOST_OPTIONS):
        label = _text(form, f"option_label_{number}")
        name = _text(form, f"option_id_{number}")
        if not label and not name:
            continue
        option: dict[str, Any] = {"id": name or f"option-{number + 1}", "label": label or name}
        option["share"] = _share(form, f"option_share_{number}")
        if form.get(f"option_fails_{number}"):
            option["fails"] = True
        rule = _yaml(form, f"option_rule_{number}")
        if rule is not None:
            option["rule"] = rule
        options.append(option)
    return options


def _scale(form: FormData) -> dict[str, Any]:
    names = ("low", "high", "fails_at", "low_at", "high_at")
    numbers = {name: _number(form, f"scale_{name}") for name in names}
    scale: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    for name in ("low_label", "high_label", "metric"):
        if _text(form, f"scale_{name}"):
            scale[name] = _text(form, f"scale_{name}")
    if form.get("scale_good") == "low":
        scale["good"] = "low"
    return scale


def _figure(form: FormData) -> dict[str, Any]:
    figure: dict[str, Any] = {}
    for name in ("unit", "metric"):
        if _text(form, f"number_{name}"):
            figure[name] = _text(form, f"number_{name}")
    for name in ("least", "most"):
        value = _number(form, f"number_{name}")
        if value is not None:
            figure[name] = value
    bands = []
    for line in _lines(form, "bands"):
        below, _colon, rest = line.partition(":")
        part, _space, fails = rest.strip().partition(" ")
        band: dict[str, Any] = {"share": _read(part)}
        if below.strip():
            band["below"] = _read(below.strip())
        if fails.strip():
            band["fails"] = True
        bands.append(band)
    return figure | ({"bands": bands} if bands else {})


def _rule(form: FormData) -> Any:
    kind = _text(form, "rule_kind")
    if kind == "none":
        return None
    if kind not in _SIMPLE:
        return _yaml(form, "rule_yaml")
    held: dict[str, Any] = {_LISTED[kind]: _lines(form, "rule_lines"), "by": [_text(form, "rule_by") or "agent"]}
    first = _number(form, "rule_first")
    return {kind: held | ({"first": first} if first is not None else {})}


def _yaml(form: FormData, name: str) -> Any:
    text = str(form.get(name) or "")[:20_000]
    if not text.strip():
        return None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InvalidInput(
            _("This is not valid YAML, so nothing was saved."), code=f"draft.{name}", advice=_("Look at the indents.")
        ) from None


def _text(form: FormData, name: str, most: int = 500) -> str:
    return (
        " ".join(str(form.get(name) or "").split())[:most] if most <= 500 else str(form.get(name) or "").strip()[:most]
    )


def _lines(form: FormData, name: str) -> list[str]:
    return [line.strip()[:500] for line in str(form.get(name) or "").splitlines() if line.strip()][:500]


def _words(form: FormData, name: str) -> list[str]:
    return [word.strip()[:64] for word in str(form.get(name) or "").split(",") if word.strip()][:50]


def _unless(value: str, default: str) -> str | None:
    return None if value in {"", default} else value


def _number(form: FormData, name: str) -> int | float | str | None:
    text = _text(form, name)
    return None if not text else _read(text)


def _share(form: FormData, name: str) -> int | float | str:
    """Typed as percent, kept as a share."""
    read = _read(_text(form, name).rstrip("% ") or "0")
    if isinstance(read, str):
        return read
    part = round(read / 100, 6)
    return int(part) if part == int(part) else part


def _read(text: str) -> int | float | str:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return text
    if not abs(value) <= 1e12:
        return text
    return int(value) if value == int(value) else value


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _yes_no(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _all_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))
