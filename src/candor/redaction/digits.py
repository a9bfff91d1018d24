# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Numbers that name a person or an account: cards, CVV, accounts, phones, national ids, long unknown runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call
from candor.redaction.context import ORDINARY, PARTIAL
from candor.redaction.lexicon import Trait
from candor.redaction.numbers import UNITS, Run, runs
from candor.redaction.ports import Match

_PRICED = frozenset("$ £ € usd gbp rs inr about around roughly approximately".split())
_STRONG = frozenset(
    {PiiKind.CARD, PiiKind.CVV, PiiKind.ACCOUNT, PiiKind.PHONE, PiiKind.NATIONAL_ID, PiiKind.PASSWORD, PiiKind.IBAN}
)
_LEAST = {
    PiiKind.CARD: 2,
    PiiKind.CVV: 3,
    PiiKind.PHONE: 3,
    PiiKind.ACCOUNT: 3,
    PiiKind.NATIONAL_ID: 2,
    PiiKind.PASSWORD: 3,
    PiiKind.IBAN: 4,
}
"""How many digits a value of the kind has at least, when it was named before; the parts of a number read in pieces are short."""
_REACH = 12
"""Tokens between a cue and its value."""
_RULES = {
    PiiKind.CARD: "digits.card", PiiKind.CVV: "digits.cvv", PiiKind.ACCOUNT: "digits.account", PiiKind.PHONE: "digits.phone",
    PiiKind.NATIONAL_ID: "digits.national-id", PiiKind.PASSWORD: "digits.pin", PiiKind.NUMBER: "digits.unknown", PiiKind.IBAN: "digits.account",
}  # fmt: skip


def luhn(digits: str) -> bool:
    """The check of ISO/IEC 7812-1 annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


class DigitDetector:
    """Decides, for each run of digits, what it is: by length and check digit, by the words around it, by the question before it."""

    def find(self, call: Call) -> Iterable[Match]:
        for run in runs(call):
            yield from self._judge(call, run)

    def _judge(self, call: Call, run: Run) -> Iterator[Match]:
        digits = run.digits
        if len(digits) < 2:
            return
        kind, confidence = _kind(call, run, digits)
        if kind is None:
            return
        pieces = tuple(_pieces(call, run))
        yield Match(kind=kind, pieces=pieces, value=digits, rule=_RULES[kind], confidence=confidence)


def _pieces(call: Call, run: Run) -> Iterator[tuple[int, int]]:
    """The run's stretches, one an utterance, hesitations included."""
    first = last = None
    for piece in run.pieces:
        if first is not None and last is not None and call.line_of[piece.first] != call.line_of[last]:
            yield first, last
            first = None
        if first is None:
            first = piece.first
        last = piece.last
    if first is not None and last is not None:
        yield first, last


def _kind(call: Call, run: Run, digits: str) -> tuple[PiiKind | None, float]:  # noqa: C901, PLR0911  one ladder, top rung first
    length = len(digits)
    if 13 <= length <= 19 and digits[0] != "0" and luhn(digits):
        return PiiKind.CARD, 0.99
    if _is_amount(call, run, length) or _is_year_or_time(call, run, digits):
        return None, 0.0
    cued = _cued(call, run)
    if cued in _STRONG and length >= _LEAST[PiiKind(cued)]:
        return _settle(PiiKind(cued), digits), 0.9
    if cued == ORDINARY and length < 9:
        return _beside_place(call, run, digits)
    if 14 <= length <= 19 and digits[0] in "3456":
        return PiiKind.CARD, 0.7
    if _phone_shaped(call, run, digits):
        return PiiKind.PHONE, 0.7
    if length == 9 and _grouping(run) == [3, 2, 4]:
        return PiiKind.NATIONAL_ID, 0.8
    spoken = sum(piece.single for piece in run.pieces)
    if length >= 7 and (len(run.pieces) >= 3 or run.pieces[0].written):
        return PiiKind.NUMBER, 0.6
    if (
        length >= 5
        and (spoken >= 4 or any(p.written and len(p.digits) >= 5 for p in run.pieces))
        and not _plain_number(run)
    ):
        return PiiKind.NUMBER, 0.5
    if length >= 4 and _alone(call, run) and (spoken >= 3 or run.pieces[0].written) and cued is None:
        return PiiKind.NUMBER, 0.4
    return _beside_place(call, run, digits)


def _settle(kind: PiiKind, digits: str) -> PiiKind:
    """What was asked for is not always what was said: a sixteen-digit "security code" is the card."""
    length = len(digits)
    if kind is PiiKind.CVV and length > 4:
        return PiiKind.CARD if length >= 12 else PiiKind.NUMBER
    if kind in {PiiKind.PHONE, PiiKind.PASSWORD} and length > 15:
        return PiiKind.CARD
    return kind


def _grouping(run: Run) -> list[int]:
    if len(run.pieces) == 1:
        return []
    return [len(piece.digits) for piece in run.pieces]


def _plain_number(run: Run) -> bool:
    """Round figures said or written as one number: 10000, "five thousand"."""
    return len(run.pieces) == 1 and run.digits.endswith("000")


def _phone_shaped(call: Call, run: Run, digits: str) -> bool:
    text = call.texts[run.first].lstrip("([")
    if text.startswith("+") and 8 <= len(digits) <= 15:
        return True
    length = len(digits)
    if length in {10, 11} and (digits[0] == "0" or length == 10 or digits[0] == "1"):
        return True
    if "-" in text or ")" in text or len(run.pieces) > 1:
        return 9 <= length <= 15 and (digits.startswith(("00", "0", "1")) or length == 10)
    return False


def _is_amount(call: Call, run: Run, length: int) -> bool:
    if length > 7:
        return False
    line = call.line_at(run.last)
    following = call.norms[run.last + 1] if run.last + 1 < line.stop else ""
    if following in UNITS and not call.ends_sentence(run.last):
        return True
    before = call.norms[run.first - 1] if run.first > call.line_at(run.first).first else ""
    return before in _PRICED or call.texts[run.first - 1 if run.first else 0][-1:] in {"$", "£", "€"}


def _is_year_or_time(call: Call, run: Run, digits: str) -> bool:
    """ "Nineteen ninety nine", "2023", "ten thirty": two cardinals or one figure that reads as a year or a time."""
    if len(digits) > 4:
        return False
    if digits == "247":
        return True
    spoken_pair = len(run.pieces) == 2 and not any(piece.single for piece in run.pieces)
    before = call.norms[run.first - 1] if run.first else ""
    if before in {"at", "by", "until", "since", "before", "after"} and (len(run.pieces) <= 2):
        return len(digits) in {3, 4} and int(digits[-2:]) < 60 and int(digits[:-2]) < 25
    month_near = any(
        call.has(i, Trait.MONTH) for i in range(max(call.line_at(run.first).first, run.first - 2), run.first)
    )
    year = len(digits) == 4 and digits[:2] in {"19", "20"}
    written = len(run.pieces) == 1 and run.pieces[0].written
    return year and (month_near or ((spoken_pair or written) and before in {"in", "of", "year"}))


def _alone(call: Call, run: Run) -> bool:
    """Nothing but the number and fillers in its utterance: the answer to some question."""
    line = call.line_at(run.first)
    inside = range(line.first, line.stop)
    if len(inside) > _ALONE or line.expected == (ORDINARY,):
        return False
    return all(run.first <= i <= run.last or _beside(call.traits[i]) for i in inside)


_ALONE = 12
_BRIEF = 5


def _beside_place(call: Call, run: Run, digits: str) -> tuple[PiiKind | None, float]:
    """A whole short turn of a town and five or six digits, or, where nothing is known of the question, of a name or
    code and digits: "philadelphia 19093", "raja 123".
    """
    line = call.line_at(run.first)
    if line.stop - line.first > _BRIEF or len(run.pieces) > 1 or not run.pieces[0].written:
        return None, 0.0
    others = [
        i
        for i in range(line.first, line.stop)
        if not run.first <= i <= run.last and not call.traits[i] & (Trait.FILLER | Trait.PLACEHOLDER)
    ]
    postal = len(digits) in {5, 6} and not digits.endswith("000")
    if any(call.has(i, Trait.MONTH | Trait.NUMBER) for i in others):
        return None, 0.0
    towns = [i for i in others if call.has(i, Trait.PLACE) or not call.has(i, Trait.WORD | Trait.PLAIN)]
    if postal and (towns if others else call.alone):
        return PiiKind.POSTCODE, 0.4
    codes = [
        i for i in others if call.has(i, Trait.ALPHA) and not call.traits[i] & (Trait.WORD | Trait.PLAIN | Trait.PLACE)
    ]
    masked = any(call.has(i, Trait.PLACEHOLDER) for i in range(line.first, run.first))
    if call.alone and len(digits) >= 2 and (codes or masked) and len(codes) == len(others):
        return PiiKind.NUMBER, 0.4
    return None, 0.0


def _beside(traits: int) -> bool:
    """Words that stand beside an identifier: fillers, a name, a town ("prakash 5845", "philadelphia 19093")."""
    if traits & (Trait.FILLER | Trait.PLAIN | Trait.PLACE | Trait.PLACEHOLDER):
        return not traits & Trait.MONTH
    return bool(traits & Trait.ALPHA) and (not traits & Trait.WORD or bool(traits & Trait.GIVEN))


def _cued(call: Call, run: Run) -> str | None:  # noqa: PLR0911  a flat ladder of cases
    """The kind that the words before (or just after) the run name, else the one that was asked for."""
    line = call.line_at(run.first)
    near = [cue for cue in line.cues if cue.last < run.first and run.first - cue.last <= _REACH]
    if near and near[-1].kind == PARTIAL:
        # "The last four of my card are …": the number meant is named beside it or was asked for.
        whole = [cue.kind for cue in near if cue.kind in _STRONG] or [kind for kind in line.expected if kind in _STRONG]
        return whole[-1] if whole else PiiKind.ACCOUNT
    if near:
        cue = near[-1]
        generic = {
            PiiKind.CARD: call.norms[cue.last] == "card",
            PiiKind.ACCOUNT: call.norms[cue.last] in {"account", "policy"},
        }
        # "my card was declined 3 times": the bare word reaches its value only over a word or two.
        bare = generic.get(PiiKind(cue.kind) if cue.kind != ORDINARY else PiiKind.NAME, False)
        if not bare or (run.first - cue.last <= 3 and len(run.digits) >= 4):
            return cue.kind
    after = [cue for cue in line.cues if 0 < cue.first - run.last <= 3]
    if after and any(call.norms[i] in {"is", "was", "are"} for i in range(run.last + 1, after[0].first)):
        return after[0].kind
    numeric = [kind for kind in line.expected if kind in _STRONG or kind == ORDINARY]
    if not numeric and PARTIAL in line.expected:
        return PiiKind.ACCOUNT
    if not numeric:
        return None
    if len(numeric) == 1:
        return numeric[0]
    return _fitting(numeric, len(run.digits))


def _fitting(kinds: list[str], length: int) -> str:
    """Of several kinds asked for together, the one whose length fits."""
    fits = {
        PiiKind.CARD: 12 <= length <= 19, PiiKind.CVV: length in {3, 4}, PiiKind.PHONE: 7 <= length <= 15,
        PiiKind.NATIONAL_ID: length == 9, PiiKind.PASSWORD: 4 <= length <= 6, PiiKind.ACCOUNT: 6 <= length <= 12,
    }  # fmt: skip
    strong = [kind for kind in kinds if kind != ORDINARY]
    return next((kind for kind in strong if fits.get(PiiKind(kind), False)), strong[0])
