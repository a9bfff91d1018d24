# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Names of persons: after a cue, by gazetteer, known from the metadata, spelled; as the answer to "your name?"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.codes import spelled
from candor.redaction.context import ORDINARY
from candor.redaction.lexicon import Trait, fold
from candor.redaction.ports import Match

_TITLES = frozenset(
    "mr mrs ms miss mister missus mr. mrs. ms. dr dr. doctor prof professor madame mme herr frau señor sir lady reverend rev captain".split()
)
_RELATIONS = "son daughter kid wife husband brother sister mother father mom mum dad friend boss colleague neighbour neighbor uncle aunt cousin girlfriend boyfriend".split()
_CUES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("name", "is"), "strong"), (("names",), "strong"), (("name's",), "strong"), (("name",), "weak"), (("named",), "weak"), (("surname", "is"), "strong"), (("surname",), "weak"),
    (("call", "me"), "weak"), (("calling", "me"), "weak"), (("speaking", "with"), "weak"), (("speaking", "to"), "weak"), (("speak", "to"), "weak"), (("speak", "with"), "weak"),
    (("talking", "to"), "weak"), (("talking", "with"), "weak"), (("this", "is"), "weak"), (("i", "am"), "weak"), (("i'm",), "weak"),
    (("it's",), "weak"), (("it", "is"), "weak"), (("its",), "weak"), (("regards",), "weak"), (("sincerely",), "weak"), (("directed", "by"), "weak"), (("dear",), "weak"), (("says",), "weak"),
    *(((relation,), "weak") for relation in _RELATIONS), (("mrs",), "title"),
)  # fmt: skip
_BY_LAST: dict[str, list[tuple[tuple[str, ...], str]]] = {}
for _words, _strength in _CUES:
    _BY_LAST.setdefault(_words[-1], []).append((_words, _strength))
_BROKEN = frozenset(
    "and or but from with calling here speaking is was my the a an i at in on of to for so um uh because who that your his her".split()
)
_PARTICLES = frozenset("de la van der den von da dos del di bin al el ibn mc o' st san le du ter".split())
_GREETINGS = frozenset("hi hello hey dear thanks you morning afternoon evening bye sorry".split())
_LONGEST = 4
_REPEATED_MIN = 3
_ALONE = 8
_SURE = 0.8
_SHORT_GIVEN = frozenset(
    "amy ann ben bob dan eva ian jim joe kim leo liz max meg mia pam ron roy sam ted tim tom zoe joy sue raj dev anu uma".split()
)


_ONE_LETTER = re.compile("[a-z]")
_SPELLED_MIN = 4
_ACRONYMS = frozenset({"hdmi", "asap", "gdpr", "http", "https", "html", "usps", "asus", "abcd"})


class NameDetector:
    """Several ways to know a name, surest first; then every later mention of a name that was found."""

    def find(self, call: Call) -> Iterable[Match]:
        known = _known(call)
        call.firms = _firms(call)
        found: list[Match] = []
        for line in call.lines:
            found.extend(_known_in(call, line, known))
            place = line.first
            while place < line.stop:
                match = _at(call, line, place)
                if match is not None:
                    found.append(match)
                    place = match.pieces[0][1] + 1
                else:
                    place += 1
            if line.stop - line.first <= _ALONE and line.prompted and (call.alone or ORDINARY not in line.expected):
                found.extend(_alone(call, line))
        found.extend(_spelled_out(call, found))
        yield from found
        yield from _again(call, found)


def _spelled_out(call: Call, found: Sequence[Match]) -> Iterator[Match]:
    """Four letters and more in a row, unasked: "Violet, V-I-O-L-E-T". Nobody spells what is not a name or a code."""
    taken = {place for match in found for first, last in match.pieces for place in range(first, last + 1)}
    for line in call.lines:
        first = line.first
        while first < line.stop:
            last = first
            while last < line.stop and last not in taken and _ONE_LETTER.fullmatch(call.norms[last]):
                last += 1
            letters = "".join(call.norms[first:last])
            if len(letters) >= _SPELLED_MIN and len(set(letters)) > 2 and letters not in _ACRONYMS:
                yield _match(call, first, last - 1, "name.spelled_out", 0.7)
            first = max(last, first + 1)


def _known(call: Call) -> dict[str, list[tuple[str, ...]]]:
    names: dict[str, list[tuple[str, ...]]] = {}
    for name in call.known_names:
        parts = tuple(part.strip(".,") for part in fold(name).split())
        if parts:
            names.setdefault(parts[0], []).append(parts)
        for part in parts:
            if len(part) >= _REPEATED_MIN:
                names.setdefault(part, []).append((part,))
    return names


def _known_in(call: Call, line: Line, known: dict[str, list[tuple[str, ...]]]) -> Iterator[Match]:
    if not known:
        return
    for place in range(line.first, line.stop):
        for parts in known.get(call.norms[place].removesuffix("'s"), ()):
            last = place + len(parts) - 1
            alone = len(parts) == 1
            if last >= line.stop or [n.removesuffix("'s") for n in call.norms[place : last + 1]] != list(parts):
                continue
            # "Will" from the metadata is masked where it is written as a name, not in "I will".
            if (
                alone
                and call.traits[place] & (Trait.WORD | Trait.PLAIN)
                and not (call.has(place, Trait.CAPITAL) and place > line.first)
            ):
                continue
            yield _match(call, place, last, "name.known", 0.97)


def _at(call: Call, line: Line, place: int) -> Match | None:  # noqa: PLR0911  a flat ladder of cases
    """The name that begins at a token, if any."""
    traits = call.traits[place]
    if not traits & Trait.ALPHA or traits & Trait.PLACEHOLDER:
        return None
    norm = call.norms[place]
    before = call.norms[place - 1] if place > line.first else ""
    if (before in _TITLES and before not in {"miss", "sir", "lady", "captain"}) or (
        before == "miss" and namelike(call, place)
    ):
        if not traits & Trait.PLAIN or (call.cased and traits & Trait.CAPITAL):
            last = _extend(call, line, place, 3)
            return _match(call, place, last, "name.title", 0.9)
        return None
    strength = _cue_before(call, line, place)
    if strength != "strong" and _firm(call, line, place):
        return None
    if strength == "strong" and not traits & Trait.PLAIN:
        last = _extend(call, line, place, _LONGEST)
        return _match(call, place, last, "name.cue", 0.92)
    if traits & (Trait.PLAIN | Trait.FILLER) and norm not in {"will", "street"}:
        return None
    if strength == "weak" and (namelike(call, place) or _unknown_name(call, line, place)):
        last = _extend(call, line, place, _LONGEST)
        return _match(call, place, last, "name.cue", 0.85)
    return _gazetteer(call, line, place)


_FIRMS = frozenset(
    """broadband bank banking insurance energy telecom telecoms communications wireless airlines airways services service systems solutions group
    limited ltd inc llc plc corp corporation company co holdings partners associates agency hotel hotels stores store shop pharmacy clinic hospital
    university college school council technologies technology electric electronics power gas water media networks network internet support billing
    technical customer department desk centre center logistics motors foods travel tours oil railway rail credit union mutual assurance""".split()
)


def _firms(call: Call) -> frozenset[str]:
    """ "Silver" and "Oak" of "Silver Oak Broadband": everyday words with capitals before a word for a trade."""
    found: set[str] = set()
    if not call.cased:
        return frozenset()
    for place, norm in enumerate(call.norms):
        if norm not in _FIRMS:
            continue
        at = place - 1
        while at >= max(place - 3, 0) and call.line_of[at] == call.line_of[place] and call.texts[at][-1:].isalpha():
            shut = Trait.PLAIN | Trait.PLACEHOLDER | Trait.FILLER
            if not call.has(at, Trait.CAPITAL) or not call.has(at, Trait.WORD) or call.traits[at] & shut:
                break
            found.add(call.norms[at])
            at -= 1
    return frozenset(found)


def _firm(call: Call, line: Line, place: int) -> bool:
    """Whether capitalised words that begin here name a firm: "Silver Oak Broadband", "Harper Insurance"."""
    if not (call.cased and call.has(place, Trait.CAPITAL)):
        return False
    if call.norms[place] in call.firms and (place + 1 == line.stop or call.norms[place + 1] in call.firms):
        return True
    if call.texts[place][-1] in ",.;:?!":
        return False
    if call.has(place, Trait.GIVEN) and not call.has(place, Trait.WORD):
        return False
    words = 1
    for at in range(place + 1, min(line.stop, place + 4)):
        if call.norms[at] in _FIRMS and words and (words > 1 or call.has(at, Trait.CAPITAL)):
            return True
        if not call.has(at, Trait.CAPITAL):
            break
        words += 1
        if call.texts[at][-1] in ",.;:?!":
            break
    # Two everyday words with capitals, neither a given name: "speaking with Silver Oak".
    return words >= 2 and all(
        call.has(i, Trait.WORD) and not call.has(i, Trait.GIVEN | Trait.PLAIN) for i in (place, place + 1)
    )


def _unprompted(line: Line, place: int) -> bool:
    """A lone given name as a whole turn when nobody asked anything: rather a misheard "right" or "great"."""
    return not line.prompted and line.stop - line.first == 1 and place == line.first


def _cue_before(call: Call, line: Line, place: int) -> str | None:
    if place == line.first:
        return None
    end = place - 1
    floor = max(line.first, end - 4)
    while (
        end > floor and call.norms[end] in {"uh", "um", "er", "is", "it's", "yes"} and call.norms[end] not in _BY_LAST
    ):
        end -= 1
    for phrase, strength in _BY_LAST.get(call.norms[end], ()):
        begin = end - len(phrase) + 1
        if begin >= line.first and tuple(call.norms[begin : end + 1]) == phrase:
            return strength
    return None


def namelike(call: Call, place: int) -> bool:
    """In the gazetteer and hardly a word, or written with a capital inside a sentence and no word at all."""
    traits = call.traits[place]
    if (
        not traits & Trait.ALPHA
        or traits & (Trait.PLACE | Trait.MONTH | Trait.PLACEHOLDER)
        or len(call.norms[place]) < 2
    ):
        return False
    if traits & Trait.WORD:
        capital = bool(traits & Trait.CAPITAL) and call.cased and not _opens(call, place)
        return capital and bool(traits & (Trait.GIVEN | Trait.SURNAME))
    return bool(traits & (Trait.GIVEN | Trait.SURNAME))


def _unknown_name(call: Call, line: Line, place: int) -> bool:
    """After a cue, a word that no dictionary knows and that closes the phrase: "this is bhuvan from …"."""
    traits = call.traits[place]
    shut = Trait.WORD | Trait.PLACE | Trait.MONTH | Trait.LETTER | Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER
    norm = call.norms[place]
    if traits & shut or not traits & Trait.ALPHA or len(norm) < 3 or norm.endswith(("ing", "ed", "ly", "'s", "'t")):
        return False
    after = call.norms[place + 1] if place + 1 < line.stop else ""
    unknown = bool(after) and not call.traits[place + 1] & shut
    return (
        not after or unknown or after in _CLOSERS or call.texts[place][-1] in ",.!?;" or call.norms[place - 1] == "name"
    )


_CLOSERS = frozenset("and from calling here speaking with my i but".split())


def _alone(call: Call, line: Line) -> Iterator[Match]:
    """A whole utterance of one to three words, none of them a word: in an answer that can hardly be but a name."""
    places = [i for i in range(line.first, line.stop) if not call.traits[i] & (Trait.FILLER | Trait.PLACEHOLDER)]
    shut = Trait.WORD | Trait.PLAIN | Trait.PLACE | Trait.MONTH | Trait.LETTER
    plain = [
        i
        for i in places
        if call.has(i, Trait.NUMBER) or call.norms[i] in {"is", "it", "name", "it's", "and", "i", "am"}
    ]
    names = [i for i in places if i not in plain]
    if not 1 <= len(names) <= 3 or len(places) > 6 or names[-1] - names[0] >= len(names):
        return
    if len(names) == 2 and _given_and_word(call, names):
        yield _match(call, names[0], names[1], "name.alone", 0.4)
        return
    odd = [
        i
        for i in names
        if call.traits[i] & shut and not (call.has(i, Trait.GIVEN) and len(names) > 1 and i == names[0])
    ]
    if odd or not all(call.has(i, Trait.ALPHA) and len(call.norms[i]) >= _least_letters(call, i, names) for i in names):
        return
    yield _match(call, names[0], names[-1], "name.alone", 0.4)


def _least_letters(call: Call, place: int, names: Sequence[int]) -> int:
    """Of a name that is all of a turn: three where a list knows it or another stands beside it."""
    return 3 if len(names) > 1 or call.has(place, Trait.GIVEN) else 4


def _given_and_word(call: Call, names: Sequence[int]) -> bool:
    """A whole turn of a given name and one word: a family name that is a word too, or one misheard for it."""
    first, last = names
    both = call.has(first, Trait.GIVEN) and call.has(last, Trait.SURNAME)
    if both and all(call.has(i, Trait.CAPITAL) and not call.has(i, Trait.PLAIN | Trait.PLACE) for i in names):
        return True  # "Hazel Ward": words, but each with its capital
    shut = Trait.WORD | Trait.PLACE | Trait.MONTH | Trait.LETTER | Trait.PLAIN
    family = call.has(last, Trait.SURNAME) and not call.has(last, Trait.PLAIN | Trait.PLACE)
    if family and not call.traits[first] & shut and len(call.norms[first]) > _REPEATED_MIN:
        return True
    if not call.has(first, Trait.GIVEN) or call.traits[first] & shut or len(call.norms[first]) < _REPEATED_MIN:
        return False
    return call.has(last, Trait.ALPHA) and not call.traits[last] & (Trait.PLACE | Trait.MONTH | Trait.NUMBER)


def _opens(call: Call, place: int) -> bool:
    return place == call.line_at(place).first or call.ends_sentence(place - 1)


def _extend(call: Call, line: Line, place: int, longest: int) -> int:  # noqa: C901  a flat ladder of cases
    """The last token of a name that begins at ``place``."""
    last = place
    while last + 1 < line.stop and last - place + 1 < longest:
        if call.texts[last][-1] in ",;:?!" or (
            call.ends_sentence(last) and len(call.norms[last]) > 1 and call.norms[last] not in _TITLES
        ):
            break
        after = last + 1
        traits = call.traits[after]
        norm = call.norms[after]
        if traits & Trait.PLACEHOLDER or not traits & Trait.ALPHA:
            break
        if (
            norm in _PARTICLES
            and after + 1 < line.stop
            and call.has(after + 1, Trait.ALPHA)
            and not call.has(after + 1, Trait.PLAIN)
            and (call.has(after + 1, Trait.SURNAME) or not call.has(after + 1, Trait.WORD))
        ):
            last = after
            continue
        if not call.cased and _middle_initial(call, line, after):
            last = min(after + 1, line.stop - 1)
            continue
        initial = traits & Trait.LETTER and call.texts[after][:1].isupper() and call.has(last, Trait.CAPITAL)
        if initial and after + 1 < line.stop and call.has(after + 1, Trait.CAPITAL):
            last = after if call.has(after + 1, Trait.PLAIN) else after + 1
            continue
        if norm in _BROKEN or (
            traits & (Trait.PLAIN | Trait.FILLER)
            and not (traits & Trait.CAPITAL and call.cased and traits & Trait.SURNAME)
        ):
            break
        capital = traits & Trait.CAPITAL and call.cased
        if traits & (Trait.WORD | Trait.PLACE) and not capital:
            if not (
                traits & Trait.SURNAME
                and last == place
                and (after + 1 == line.stop or call.has(after + 1, Trait.PLAIN))
            ):
                break
        elif not (traits & (Trait.GIVEN | Trait.SURNAME | Trait.LETTER) or capital or not traits & Trait.WORD):
            break
        last = after
    return last


def _middle_initial(call: Call, line: Line, place: int) -> bool:
    """ "john c smit", "angelique f": a letter between names, or the last of a turn, in text without capitals."""
    if not call.has(place, Trait.LETTER) or call.norms[place] in {"a", "i"}:
        return False
    after = place + 1
    if after == line.stop:
        return True
    shut = Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER | Trait.LETTER | Trait.PLACE | Trait.MONTH
    if call.traits[after] & shut or not call.has(after, Trait.ALPHA):
        return False
    return call.has(after, Trait.SURNAME | Trait.GIVEN) or not call.has(after, Trait.WORD)


def _gazetteer(call: Call, line: Line, place: int) -> Match | None:  # noqa: C901, PLR0911  a flat ladder of cases
    traits = call.traits[place]
    if traits & (Trait.PLACE | Trait.MONTH):
        return None
    if traits & Trait.GIVEN and not traits & Trait.WORD and len(call.norms[place]) >= 3:
        last = _extend(call, line, place, 3)
        if last > place:
            return _match(call, place, last, "name.full", 0.8)
        capital = bool(traits & Trait.CAPITAL)
        usual = len(call.norms[place]) > 3 or call.norms[place] in _SHORT_GIVEN
        if usual and (capital or not call.cased) and not _unprompted(line, place):
            return _match(call, place, place, "name.given", 0.6)
    if traits & Trait.SURNAME and not traits & Trait.WORD and place + 1 < line.stop and len(call.norms[place]) >= 4:
        # Family name first, as lists and some callers give it.
        after = call.traits[place + 1]
        if (
            after & Trait.GIVEN
            and not after & (Trait.WORD | Trait.PLACE | Trait.PLAIN)
            and len(call.norms[place + 1]) >= 3
        ):
            return _match(call, place, place + 1, "name.full", 0.7)
    capital = bool(traits & Trait.CAPITAL) and call.cased
    if capital and traits & (Trait.GIVEN | Trait.SURNAME) and place + 1 < line.stop:
        after = call.traits[place + 1]
        joined = call.texts[place][-1] not in ",.;:?!"
        if (
            joined
            and after & Trait.CAPITAL
            and after & (Trait.SURNAME | Trait.GIVEN)
            and not after & (Trait.PLACE | Trait.PLAIN)
            and not (after & Trait.WORD and traits & Trait.WORD)
        ):
            return _match(call, place, _extend(call, line, place, 3), "name.full", 0.7)
    if (
        capital
        and call.cased
        and not traits & (Trait.WORD | Trait.SURNAME | Trait.GIVEN)
        and len(call.norms[place]) >= 3
    ):
        # Two capitalised words that no dictionary knows; one alone may be a brand or a place.
        last = _extend(call, line, place, 3)
        if last > place and not call.traits[last] & (Trait.WORD | Trait.PLACE | Trait.LETTER):
            return _match(call, place, last, "name.unknown-pair", 0.45)
    greeted = place > line.first and (call.norms[place - 1] in _GREETINGS or call.texts[place - 1][-1] == ",")
    if (
        capital
        and traits & Trait.GIVEN
        and traits & Trait.WORD
        and greeted
        and not traits & Trait.PLACE
        and not _capital_follows(call, line, place)
    ):
        return _match(call, place, place, "name.greeted", 0.55)
    if capital and traits & Trait.SURNAME and not traits & Trait.WORD and not _opens(call, place):
        return _match(call, place, place, "name.family", 0.5)
    return None


def _capital_follows(call: Call, line: Line, place: int) -> bool:
    """A second capital makes it the name of a firm as likely as a person's: "good evening, Silver Oak"."""
    return place + 1 < line.stop and not call.ends_sentence(place) and call.has(place + 1, Trait.CAPITAL)


def _again(call: Call, found: list[Match]) -> Iterator[Match]:
    """Later mentions of a name that was said with a cue: "thank you, Winstanley"."""
    parts = {
        norm.removesuffix("'s")
        for match in found
        if match.confidence >= _SURE
        for first, last in match.pieces
        for norm, traits in zip(call.norms[first : last + 1], call.traits[first : last + 1], strict=True)
        if len(norm) >= _REPEATED_MIN and not traits & (Trait.WORD | Trait.PLAIN | Trait.PLACE)
    }
    # "Foster" is a word too: only where it is written as a name, beside a comma or inside a sentence.
    words = {
        norm.removesuffix("'s")
        for match in found
        if match.confidence >= _SURE and call.cased
        for first, last in match.pieces
        for norm, traits in zip(call.norms[first : last + 1], call.traits[first : last + 1], strict=True)
        if len(norm) >= _REPEATED_MIN and traits & Trait.WORD and not traits & (Trait.PLAIN | Trait.PLACE)
    }
    if not parts and not words:
        return
    for place, norm in enumerate(call.norms):
        bare = norm.removesuffix("'s")
        named = bare in words and call.has(place, Trait.CAPITAL)
        if bare in parts or (named and (not _opens(call, place) or call.texts[place][-1] in ",.!?")):
            yield _match(call, place, place, "name.again", 0.65)


def _match(call: Call, first: int, last: int, rule: str, confidence: float) -> Match:
    letters = [spelled(call, i) for i in range(first, last + 1)]
    if all(letter is not None and len(letter) == 1 for letter in letters):
        value = "".join(letter or "" for letter in letters)
    else:
        value = " ".join(norm.removesuffix("'s") for norm in call.norms[first : last + 1])
    return Match(kind=PiiKind.NAME, pieces=((first, last),), value=value, rule=rule, confidence=confidence)
