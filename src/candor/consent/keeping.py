"""How long recordings are kept: floors and ceilings of every rule that applies, put together copy by copy.

Combination of the rule pack: the highest floor, limited by the lowest ceiling, for each purpose's copy; where they
cross, a person decides. A sector's copy (``regulated``) is kept apart from the copy for quality.
"""

from __future__ import annotations

from collections.abc import Iterable

from candor.consent.judging import Case
from candor.consent.model import Copy, KeptElse, RetentionAnswer
from candor.consent.rules import Retention

_Item = tuple[str, Retention]


def retention(case: Case) -> RetentionAnswer:
    """What applies to the sound, and what else has a period."""
    items = list(case.retention())
    regulated = [each for each in items if each[1].of == "regulated"]
    audio = [each for each in items if each[1].of == "audio"]
    one_copy = case.fulfilled is not None  # what is recorded for the duty alone is the duty's copy
    copies = [_copy(case.purpose_id, [*audio, *regulated] if one_copy else audio)]
    if regulated and not one_copy:
        classes = {each.retention_class for each in case.sectors if each.retention_class}
        copies.append(_copy(", ".join(sorted(classes)) or "regulated", regulated))
    floor = _most(item.min_days for _, item in [*audio, *regulated])
    ceiling = _least(item.max_days for _, item in ([*audio, *regulated] if one_copy else audio))
    return RetentionAnswer(
        min_days=floor,
        max_days=ceiling,
        conflict=floor is not None and ceiling is not None and floor > ceiling,
        purpose_bound=any(each.place.purpose_bound for each in case.asked),
        copies=tuple(copies),
        other=tuple(
            KeptElse(of=item.of, min_days=item.min_days, max_days=item.max_days, rule=rule, words=item.words)
            for rule, item in items
            if item.of not in ("audio", "regulated")
        ),
    )


def deletions(case: Case) -> tuple[str, ...]:
    """Rules by which deleting at the ceiling is itself a duty."""
    return tuple(rule for rule, item in case.retention() if item.delete_after)


def _copy(name: str, items: list[_Item]) -> Copy:
    return Copy(
        name=name,
        min_days=_most(item.min_days for _, item in items),
        max_days=_least(item.max_days for _, item in items),
        rules=tuple(dict.fromkeys(rule for rule, _ in items)),
        words=tuple(_words(item) for _, item in items),
    )


def _words(item: Retention) -> str:
    words = item.words
    if item.extendable_to is not None:
        words += f" An authority may lengthen this to {item.extendable_to} days."
    return words + (" Counted from the last use." if item.counts_from == "last_use" else "")


def _most(days: Iterable[int | None]) -> int | None:
    return max((each for each in days if each is not None), default=None)


def _least(days: Iterable[int | None]) -> int | None:
    return min((each for each in days if each is not None), default=None)
