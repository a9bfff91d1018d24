# ruff: noqa: SIM905  (word lists read better as lines of words)
"""E-mail addresses as they are said: "john dot smith at example dot com", spelled letters, "underscore"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.codes import spelled
from candor.redaction.lexicon import Trait
from candor.redaction.ports import Match

_DOTS = frozenset({"dot", "period", "point", "."})
_JOINERS = _DOTS | frozenset({"underscore", "dash", "hyphen", "minus", "plus", "underline"})
_TLDS = frozenset(
    """calm come cum comb combe kom orgue ork gorg orc
    com net org co uk edu gov io ai info biz me us de fr ca au in nl es it eu ie app dev""".split()
)
_PROVIDERS = frozenset(
    """gmail yahoo hotmail outlook icloud aol msn protonmail ymail rediffmail gmx googlemail comcast
    btinternet""".split()
)
_UNPUNCTUATED = re.compile(
    r"\w{1,64}(?:gmail|yahoo|hotmail|outlook|icloud|aol|protonmail|ymail|rediffmail)\.?(?:com|co|in|net|org|uk|couk|coin)?"
)
_DOMAINS_UNPUNCTUATED = frozenset(
    f"{name}{tld}"
    for name in (
        "gmail",
        "yahoo",
        "hotmail",
        "outlook",
        "mail",
        "email",
        "icloud",
        "aol",
        "live",
        "rediffmail",
        "ymail",
    )
    for tld in ("com", "coin", "couk", "net")
)
_SYMBOLS = {
    "dot": ".",
    "period": ".",
    "point": ".",
    "underscore": "_",
    "underline": "_",
    "dash": "-",
    "hyphen": "-",
    "minus": "-",
    "plus": "+",
    "at": "@",
}
_LONGEST = 30
_DOMAIN = re.compile(r"[a-z0-9-]{2,40}(?:\.[a-z]{2,12}){1,3}")


class SpokenEmailDetector:
    """Finds "… at … dot com" and takes what belongs to it on the left; after an e-mail question also its parts.

    Recognisers write "dot calm" or "example.dart" for the end, "have" for "at", and put words between; where an
    address is expected, or letters are spelled just before, such forms count too.
    """

    def find(self, call: Call) -> Iterable[Match]:  # noqa: C901  a flat ladder of cases
        for line in call.lines:
            norms = call.norms
            done = line.first
            for place in range(line.first, line.stop):
                norm = norms[place]
                if norm in _DOTS and place >= done:
                    if place + 1 < line.stop and (norms[place + 1] in _TLDS or norm == "dot"):
                        end = _domain_end(call, line, place)
                        found = list(_around(call, line, place, end, sure=norms[place + 1] in _TLDS))
                        done = end if found else done
                        yield from found
                elif "." in norm and place >= done and _DOMAIN.fullmatch(norm):
                    yield from _before_domain(call, line, place)
                elif norm in _DOMAINS_UNPUNCTUATED and place > line.first:
                    yield _match(call, _local_before(call, line, place), place, "email.unpunctuated", 0.9)
                elif _ends_like_domain(call, place):
                    yield _match(call, place, place, "email.unpunctuated", 0.6)
                elif (
                    len(norm) > 8
                    and len(norm) < 120
                    and norm[-3:] in {"com", "ail", "hoo", "net", "org", "aol", "ook", "oud"}
                    and _UNPUNCTUATED.fullmatch(norm)
                ):
                    yield _match(call, place, place, "email.unpunctuated", 0.9)
            if PiiKind.EMAIL in line.asked:
                yield from _part(call, line, line.first)
            else:
                cue = next((cue for cue in line.cues if cue.kind == PiiKind.EMAIL), None)
                if cue is not None and cue.last + 3 < line.stop:
                    yield from _part(call, line, cue.last + 1)


def _ends_like_domain(call: Call, place: int) -> bool:
    """ "axsmemailcom": no word, and it ends as addresses do once their signs are lost."""
    norm = call.norms[place]
    if not 8 <= len(norm) <= 80 or not norm.endswith(("com", "attnet", "castnet", "zonnet")) or not norm.isalnum():
        return False
    return not call.has(place, Trait.WORD) and not norm.endswith(("telecom", "sitcom", "infocom", "dotcom"))


def _local_before(call: Call, line: Line, place: int) -> int:
    """Up to three tokens before a lone "gmailcom": a name and numbers."""
    begin = place
    while begin > line.first and place - begin < 3:
        traits = call.traits[begin - 1]
        if traits & (Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER):
            break
        begin -= 1
        if traits & Trait.ALPHA:
            break
    return begin


def _domain_end(call: Call, line: Line, dot: int) -> int:
    """The last token of "dot co dot uk"."""
    last = dot + 1
    while last + 2 < line.stop and call.norms[last + 1] in _DOTS and call.norms[last + 2] in _TLDS:
        last += 2
    return last


def _named(line: Line, place: int) -> bool:
    """Whether an address is expected: it was asked for, or named just before."""
    return PiiKind.EMAIL in line.expected or any(cue.kind == PiiKind.EMAIL and cue.last < place for cue in line.cues)


def _evident(call: Call, line: Line, place: int) -> bool:
    """A token that hardly occurs outside addresses and spelling: "dot", a letter beside another."""
    norm = call.norms[place]
    if norm in _JOINERS:
        return norm not in {"point", "period", "plus", "minus"}
    if not call.has(place, Trait.LETTER):
        return False
    return norm not in {"a", "i"} or any(
        line.first <= i < line.stop and call.has(i, Trait.LETTER) for i in (place - 1, place + 1)
    )


def _around(call: Call, line: Line, dot: int, last: int, *, sure: bool) -> Iterator[Match]:
    norms = call.norms
    named = _named(line, dot)
    at = next((i for i in range(dot - 1, max(line.first, dot - 12) - 1, -1) if norms[i] in {"at", "@"}), None)
    if not sure:
        # "Dot" and no known ending: only close behind "at", where an address is expected or was begun.
        close = at is not None and dot - at <= 3
        begun = at is not None and any(_evident(call, line, i) for i in range(max(line.first, at - 4), at))
        if not close or not (named or begun):
            return
    if at is None:
        domain = dot - 1
        if domain < line.first:
            return
        letters = sum(_evident(call, line, i) for i in range(max(line.first, domain - 6), domain))
        if not named and letters < 3 and norms[domain] not in _PROVIDERS:
            return
        first = _left(call, line, domain)
    elif at == line.first:
        first = at
    else:
        first = _left(call, line, at - 1)
    yield _match(call, first, last, "email.spoken", 0.96 if sure else 0.86)


def _before_domain(call: Call, line: Line, place: int) -> Iterator[Match]:
    """ "alice.morgan at example.com": the end written as one word, the rest as it was said."""
    before = next(
        (i for i in range(place - 1, max(line.first, place - 3) - 1, -1) if call.norms[i] in {"at", "@"}), None
    )
    if before is None or before == line.first:
        if before is not None and PiiKind.EMAIL in line.asked:
            yield _match(call, before, place, "email.spoken", 0.86)
        return
    begun = any(_evident(call, line, i) for i in range(max(line.first, before - 4), before))
    if _named(line, before) or begun or "." in call.norms[before - 1]:
        yield _match(call, _left(call, line, before - 1), place, "email.spoken", 0.96)


def _left(call: Call, line: Line, place: int) -> int:
    """Where the local part begins, going left from its last word."""
    begin = place
    floor = max(line.first, place - _LONGEST)
    stop_at = max((cue.last + 1 for cue in line.cues if cue.kind == PiiKind.EMAIL and cue.last < place), default=floor)
    floor = max(floor, stop_at)
    while begin > floor:
        before = begin - 1
        norm = call.norms[before]
        if call.ends_sentence(before) and len(norm) > 1:
            break
        if norm in _JOINERS:
            begin = max(before - 1, floor)
        elif (
            spelled(call, before) is not None
            or norm in {"at", "double", "triple"}
            or (
                not call.traits[before] & (Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER)
                and call.has(before, Trait.ALPHA)
                and (call.traits[before] & (Trait.GIVEN | Trait.SURNAME) or not call.has(before, Trait.WORD))
            )
        ):
            begin = before
        else:
            # A misheard word or two between letters: "W. A. G. N. E. R. have example dot com".
            over = [i for i in range(before - 1, max(floor, before - 3) - 1, -1) if _evident(call, line, i)]
            if not over or call.has(before, Trait.PLACEHOLDER):
                break
            begin = over[0]
    return begin


def _part(call: Call, line: Line, start: int) -> Iterator[Match]:
    """An answer that is a piece of an address: it holds "dot", "at", "underscore" or spelled letters."""
    places = [
        i
        for i in range(start, line.stop)
        if call.norms[i] in _JOINERS or call.norms[i] in {"at", "@"} or call.norms[i] in _PROVIDERS
    ]
    letters = [i for i in range(start, line.stop) if call.has(i, Trait.LETTER) and _evident(call, line, i)]
    stated = start > line.first
    if (not places or stated) and len(letters) < 3:
        return
    marks = sorted(places + letters)
    first = max(_left(call, line, marks[0]), start)
    last = min(marks[-1] + (1 if call.norms[marks[-1]] in _JOINERS | {"at"} else 0), line.stop - 1)
    yield _match(call, first, last, "email.part", 0.85)


def _match(call: Call, first: int, last: int, rule: str, confidence: float) -> Match:
    value = "".join(
        _SYMBOLS.get(norm) or spelled(call, first + i) or norm for i, norm in enumerate(call.norms[first : last + 1])
    )
    return Match(kind=PiiKind.EMAIL, pieces=((first, last),), value=value, rule=rule, confidence=confidence)
