# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Runs of digits, written or spoken, as they stand in a call: across hesitations, interjections and turns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from text_to_num import text2num

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.context import ORDINARY, PARTIAL
from candor.redaction.lexicon import DIGIT_SOUNDS, DIGITS, REPEATS, SCALES, TEENS, TENS, Trait

_WRITTEN = re.compile(r"[+(]?\d[\d().\-/–]*")
_DICTATED = re.compile(r"\d{1,2}(?:,\d{1,2}){2,39}")
"""Digits that a recogniser runs together: "2,3,6,8,5,2"."""
_MOST_DIGITS = 40
"""Of a longer one (a recogniser's stutter) the first are its value."""
_LONGEST_WRITTEN = 80
"""Signs of a written number that are read by its form."""
_NOT_DIGITS = re.compile(r"\D")
_TIME_OR_DECIMAL = re.compile(r"\d{1,2}[:.]\d{1,2}|\d{1,3}(?:,\d{3})*\.\d{1,2}|\d+/\d+|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}")
_CURRENCY = frozenset("$£€₹¥")
UNITS = frozenset(
    """dollars dollar bucks pounds pound quid euros euro cents cent pence p rupees rs usd gbp eur inr percent per gb mb tb gigs gig gigabytes
    megabytes megabits megabit gigabits gigabit kilobytes terabytes bits bytes mbps minutes minute mins hours hour hrs seconds days day weeks week months month years year times people persons adults
    passengers tickets rooms nights guests miles km kilometres kilometers kg grams inches inch feet ft am pm a.m p.m o'clock oclock points
    items pieces pizzas large small medium grand k users licenses copies employees units stops bags kids children adult
    cm mm percentage star stars degrees orders cups slices channels networks lines calls letters bills charges lights""".split()
)
"""What is counted: a number before one of these is a quantity."""
MAX_FILLERS = 4
_LONG_WRITTEN = 5
"""Signs of a written number that is one for certain: "oh, 236-8522"."""


@dataclass(slots=True)
class Piece:
    """One spoken or written number: its tokens, its digits."""

    first: int
    last: int
    digits: str
    single: bool
    """Said digit by digit ("four", "double five"), not as a cardinal."""
    written: bool


@dataclass(slots=True)
class Run:
    """Pieces that belong together."""

    pieces: list[Piece] = field(default_factory=list)

    @property
    def digits(self) -> str:
        return "".join(piece.digits for piece in self.pieces)

    @property
    def first(self) -> int:
        return self.pieces[0].first

    @property
    def last(self) -> int:
        return self.pieces[-1].last


def runs(call: Call) -> list[Run]:
    """All runs of digits of a call, also those of a single piece, joined over turns where they go on."""
    found: list[Run] = []
    open_runs: dict[int, Run] = {}
    """By speaker: the run that reached the end of an utterance and may go on."""
    for line in call.lines:
        if any(cue.kind != PARTIAL for cue in line.cues):
            open_runs.clear()  # something else is asked for, or the same anew
        own = _runs_in(call, line.first, line.stop)
        if own:
            own = _widened(call, line, _bridged(call, line, own))
        speaker = line.speaker if call.certain else 0
        speaker_open = open_runs.get(speaker)
        if own:
            head = own[0]
            # A run goes on when this turn opens with digits, and only fillers stand before them.
            counted = head.last + 1 < line.stop and call.norms[head.last + 1] in UNITS
            if speaker_open is not None and not counted and _only_fillers(call, line.first, head.first):
                speaker_open.pieces.extend(head.pieces)
                own[0] = speaker_open
                found.extend(own[1:])
            else:
                found.extend(own)
            if _only_fillers(call, own[-1].last + 1, line.stop):
                open_runs[speaker] = own[-1]
            else:
                open_runs.pop(speaker, None)
        elif not _only_fillers(call, line.first, line.stop):
            short = line.stop - line.first <= _INTERJECTION
            # Where nobody says who speaks, "and the rest?" is rather the other side's than this one's.
            if not (call.alone and short and (line.question or line.cues)):
                open_runs.pop(speaker, None)
            # The other side may say "and the last four?" without ending the number; a longer turn ends it.
            if line.stop - line.first > _INTERJECTION:
                open_runs.clear()
    return found


_INTERJECTION = 8
_BRIDGE = 2
"""Words that are no digits inside a run: misheard digits, false starts …"""
_BRIDGE_ASKED = 4
"""… and where a number was asked for."""
_EDGE = 4
_OPENERS = frozenset("is it's its are says yes okay number so uh um that's".split())
_NUMERIC = frozenset(
    {PiiKind.CARD, PiiKind.CVV, PiiKind.ACCOUNT, PiiKind.PHONE, PiiKind.NATIONAL_ID, PiiKind.PASSWORD, PiiKind.IBAN}
)


def awaited(line: Line, place: int) -> bool:
    """Whether a number that identifies is named in the utterance before ``place``, or was asked for."""
    near = [cue.kind for cue in line.cues if cue.last < place]
    kinds = near or line.asked
    return any(kind in _NUMERIC for kind in kinds) and ORDINARY not in kinds


def _singles(run: Run) -> int:
    return sum(len(piece.digits) for piece in run.pieces if piece.single)


def _bridged(call: Call, line: Line, own: list[Run]) -> list[Run]:
    """Join runs over a word or two that are no digits: "seven, three of four", "five, but one, nine, three"."""
    joined = own[:1]
    for run in own[1:]:
        before = joined[-1]
        gap = range(before.last + 1, run.first)
        asked = awaited(line, before.first)
        left, right = _singles(before), _singles(run)
        if asked:
            near = len(gap) <= _BRIDGE_ASKED and left >= 2 and right >= 1
        else:
            near = len(gap) <= _BRIDGE and left >= 2 and right >= 2 and left + right >= 5
            near = near or (len(gap) <= _BRIDGE_ASKED and left >= 5 and right >= 3)
        shut = any(call.has(i, Trait.PLACEHOLDER | Trait.MONTH) or call.norms[i] in UNITS for i in gap) or any(
            before.last < cue.last < run.first for cue in line.cues
        )
        # Written groups ("1987 74 Diakou Street 680") are no dictation: only digits said one by one go on over a word.
        said = before.pieces[-1].single and run.pieces[0].single
        if near and said and not shut:
            for i in gap:
                sound = DIGIT_SOUNDS.get(call.norms[i])
                if sound is not None:
                    before.pieces.append(Piece(i, i, sound, single=True, written=False))
            before.pieces.extend(run.pieces)
        else:
            joined.append(run)
    return joined


def _widened(call: Call, line: Line, own: list[Run]) -> list[Run]:
    """Take homophones at the edges of a run: "it is to owe to five, five", "nine four to."."""
    for place, run in enumerate(own):
        if _singles(run) < (2 if awaited(line, run.first) else 3):
            continue
        floor = max(own[place - 1].last + 1 if place else line.first, run.first - _EDGE)
        first = run.first
        while run.pieces[0].single and first > floor and call.norms[first - 1] in DIGIT_SOUNDS:
            first -= 1
        opens = first == line.first or call.norms[first - 1] in _OPENERS
        if first < run.first and (run.first - first >= 2 or opens or call.texts[run.first - 1][-1] == ","):
            run.pieces[:0] = [
                Piece(i, i, DIGIT_SOUNDS[call.norms[i]], single=True, written=False) for i in range(first, run.first)
            ]
        ceiling = min(own[place + 1].first if place + 1 < len(own) else line.stop, run.last + 1 + _EDGE)
        last = run.last
        while run.pieces[-1].single and last + 1 < ceiling and call.norms[last + 1] in DIGIT_SOUNDS:
            last += 1
        if last > run.last and (last + 1 == line.stop or call.texts[last][-1] in ".,;"):
            run.pieces.extend(
                Piece(i, i, DIGIT_SOUNDS[call.norms[i]], single=True, written=False)
                for i in range(run.last + 1, last + 1)
            )
    return own


def _only_fillers(call: Call, first: int, stop: int) -> bool:
    return all(call.has(i, Trait.FILLER) for i in range(first, stop))


def _runs_in(call: Call, first: int, stop: int) -> list[Run]:
    found: list[Run] = []
    current: Run | None = None
    gap = 0
    place = first
    while place < stop:
        inside = current is not None and gap == 0
        if current is not None and _is_oh(call, place, stop):
            current.pieces.append(Piece(place, place, "0", single=True, written=False))
            gap, place = 0, place + 1
            continue
        # "one for five": homophones only between single digits, so that "20 to 2" and "one to 5586" stay apart.
        piece = piece_at(call, place, stop, inside=inside and current is not None and current.pieces[-1].single)
        if piece is not None:
            if current is None:
                current = Run()
                found.append(current)
            current.pieces.append(piece)
            gap, place = 0, piece.last + 1
            continue
        if current is not None:
            gap += 1
            if gap > MAX_FILLERS or not call.has(place, Trait.FILLER):
                current = None
        if current is None:
            gap = 0
        place += 1
    return found


def _is_oh(call: Call, place: int, stop: int) -> bool:
    """ "Oh" inside a number: digits go on after it, hesitations aside, or the turn ends. "… seven, oh sorry" is not."""
    if call.norms[place] not in {"oh", "o"}:
        return False
    after = place + 1
    while after < stop and after - place <= MAX_FILLERS and call.has(after, Trait.FILLER):
        after += 1
    return after >= stop or call.norms[after] in {"oh", "o"} or call.has(after, Trait.NUMBER)


def piece_at(call: Call, place: int, stop: int, *, inside: bool) -> Piece | None:  # noqa: PLR0911  a flat ladder of cases
    """The number that begins at a token, if any; ``inside`` a run homophones count as digits."""
    norm = call.norms[place]
    if norm.endswith("'s") and len(norm) == 3 and norm[0].isdigit():
        return _written(call, place)
    if not call.traits[place] & Trait.NUMBER:
        if inside and norm in DIGIT_SOUNDS and place + 1 < stop and _digit_follows(call, place + 1):
            return Piece(place, place, DIGIT_SOUNDS[norm], single=True, written=False)
        return None
    if not norm.isalpha():
        return _written(call, place)
    if norm in REPEATS:
        if place + 1 < stop:
            digit = DIGITS.get(call.norms[place + 1]) or (
                n if len(n := call.norms[place + 1]) == 1 and n.isdigit() else ""
            )
            if digit:
                return Piece(place, place + 1, digit * REPEATS[norm], single=True, written=False)
        return None
    if norm == "o" and not inside and not (place + 1 < stop and _digit_follows(call, place + 1)):
        return None
    if norm == "oh" and not inside and not (place + 1 < stop and _digit_follows(call, place + 1)):
        return None
    return _cardinal(call, place, stop)


def _digit_follows(call: Call, place: int) -> bool:
    norm = call.norms[place]
    if norm in DIGITS or norm in REPEATS or norm in TENS or norm in TEENS or (len(norm) == 1 and norm.isdigit()):
        return True
    return norm[:1].isdigit() and len(norm) > _LONG_WRITTEN and norm.replace("-", "").isdigit()


def _written(call: Call, place: int) -> Piece | None:
    text, norm = call.texts[place], call.norms[place].lstrip("#").removesuffix("'s")
    if not norm or not norm.isascii():
        return None
    if text[0] in _CURRENCY or norm[0] in _CURRENCY or norm[-1] in _CURRENCY or norm[-1] == "%" or text[-1] == "%":
        return None
    if norm.isdigit():
        return Piece(place, place, norm[:_MOST_DIGITS], single=len(norm) == 1, written=True)
    if len(norm) > _LONGEST_WRITTEN:
        # A recogniser that repeats itself: "4-8-2-1-6-6-6-6-…". Digits and their signs alone are a number all the same.
        digits = _NOT_DIGITS.sub("", norm)
        whole = len(digits) * 2 >= len(norm) - 1 and not any(sign.isalpha() for sign in norm)
        return Piece(place, place, digits[:_MOST_DIGITS], single=True, written=True) if whole else None
    if not (_WRITTEN.fullmatch(norm) or _DICTATED.fullmatch(norm)) or (
        not norm.isdigit() and _TIME_OR_DECIMAL.fullmatch(norm)
    ):
        return None
    single = len(norm) == 1 or _DICTATED.fullmatch(norm) is not None
    return Piece(place, place, _NOT_DIGITS.sub("", norm), single=single, written=True)


def _cardinal(call: Call, place: int, stop: int) -> Piece | None:
    """A spoken number: one digit, "forty one", "four hundred and eleven", "two thousand twenty three"."""
    norms = call.norms
    norm = norms[place]
    last = place
    if norm in SCALES:
        return None
    small = norm in DIGITS
    if norm in TENS and place + 1 < stop and DIGITS.get(norms[place + 1], "0") != "0":
        last = place + 1
    if last + 1 < stop and norms[last + 1] in SCALES:
        last = _scaled(norms, last, stop)
        spoken = (
            " ".join(norms[place : last + 1]).replace("fourty", "forty").replace("niner", "nine").replace("oh", "zero")
        )
        try:
            value = str(text2num(spoken, "en"))
        except ValueError:
            return Piece(place, place, DIGITS.get(norm, ""), single=small, written=False) if small else None
        return Piece(place, last, value, single=False, written=False)
    if small:
        return Piece(place, place, DIGITS[norm], single=True, written=False)
    value = str(TEENS[norm]) if norm in TEENS else str(TENS[norm])
    if last > place:
        value = str(TENS[norm] + int(DIGITS[norms[last]]))
    return Piece(place, last, value, single=False, written=False)


def _scaled(norms: list[str], last: int, stop: int) -> int:
    """The last token of a cardinal with hundred or thousand in it."""
    ceiling = 10**12
    while last + 1 < stop and norms[last + 1] in SCALES:
        scale = {"hundred": 100, "thousand": 1000}.get(norms[last + 1], 10**6)
        if scale >= ceiling:
            break
        ceiling = scale
        last += 1
        after = last + 2 if last + 1 < stop and norms[last + 1] == "and" else last + 1
        if after >= stop:
            break
        word = norms[after]
        if word in TENS:
            last = after
            if last + 1 < stop and DIGITS.get(norms[last + 1], "0") != "0":
                last += 1
        elif word in TEENS or DIGITS.get(word, "0") != "0":
            # "nine hundred one two three": a digit that is followed by more digits is not part of the cardinal.
            if word in DIGITS and after + 1 < stop and norms[after + 1] in DIGITS:
                break
            last = after
        else:
            break
    return last
