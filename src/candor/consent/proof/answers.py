"""The answer to "may we record this call?": yes, no or unclear, with quote and time, from words or keys.

1. Of what the caller says in the seconds after the question, phrases of agreement, refusal and doubt are found, the
   longest first; a negation beside an agreement makes it a refusal.
2. A plain objection to recording ("please don't record this") counts as a refusal wherever it is said.
3. Only agreement, and nothing but agreement, is a yes. A refusal stands when no agreement follows it. Everything else,
   "yes, no, wait" and silence among it, is unclear: ask again, and keep nothing meanwhile.

Word lists: ``data/answers.toml``, seven languages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path

from candor.consent.proof.words import BREAKS, Token, shown, split, tokens
from candor.conversation.transcript import Utterance
from candor.errors import InvalidInput

WAIT = 15.0
"""Seconds after the question in which an answer counts."""
_EARLY = 1.0
"""Seconds before its end from which an answer counts: people answer into the last word."""
_KEYS_EARLY = 30.0
"""The same for keys: those who know the announcement press before it ends."""
_REPLY_WORDS = 12
"""Words in which the answer itself lies; what follows is what they are calling about."""
_BETWEEN = 2
"""Words that may stand between two signs of one answer; after more of them, they are on to something else."""
_MORE_THAN_AN_ANSWER = 3
"""Words beside a weak yes from which it is taken for a way to begin: "okay, so I have a question"."""
_REACH = 2
_REACH_AFTER = 4
_FILE = Path(__file__).parent / "data" / "answers.toml"


class Verdict(StrEnum):
    """What the caller answered."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"
    """Nothing, something else, or both: ask again."""


class Sign(StrEnum):
    """What one phrase or key says."""

    YES = "yes"
    NO = "no"
    DOUBT = "doubt"
    OBJECTION = "objection"


class AnswerMethod(StrEnum):
    """How it was given."""

    SPOKEN = "spoken"
    KEY_PRESS = "key_press"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A telephone key, as an event of the phone system (RFC 4733, SIP INFO, vCon ``keydown``)."""

    key: str
    at: float
    """Seconds into the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered, and what shows it."""

    verdict: Verdict
    method: AnswerMethod
    quote: str = ""
    """The words from the first to the last that count, or the key."""
    start: float | None = None
    stop: float | None = None
    """Seconds in the recording."""
    utterance: int | None = None
    """Index of the one in which it begins."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A sign with its place."""

    sign: Sign
    quote: str
    start: float
    stop: float
    utterance: int | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    signs: dict[tuple[str, ...], Sign]
    longest: int
    weak: frozenset[tuple[str, ...]]
    polite: frozenset[str]
    negation: frozenset[str]
    negation_after: frozenset[str]
    commands: frozenset[tuple[str, ...]]
    subjects: frozenset[str]


def find_answer(
    utterances: Iterable[Utterance],
    question_end: float,
    language: str,
    *,
    speakers: Collection[int] | None = None,
    presses: Iterable[KeyPress] = (),
    yes_key: str = "1",
    no_key: str = "2",
    wait: float = WAIT,
) -> Answer:
    """What was answered after a question that ended at ``question_end``.

    Args:
        utterances: of the call, with word times where there are some.
        question_end: seconds into the recording.
        language: BCP 47; one of the seven.
        speakers: whose words count (indices of ``Transcript.speakers``); None for everybody's. Give the caller's:
            an agent may repeat the question.
        presses: telephone keys as events.
        yes_key: the key that agrees.
        no_key: the key that refuses.
        wait: seconds after the question in which an answer counts.

    Raises:
        InvalidInput: a language without word lists.
    """
    window = (question_end - _EARLY, question_end + wait)
    said = [token for token in tokens(utterances, speakers) if window[0] <= token.start <= window[1]]
    signs = list(_reply(said, _words(language)))
    signs.extend(
        _Heard(Sign.YES if press.key == yes_key else Sign.NO, press.key, press.at, press.at)
        for press in presses
        if question_end - _KEYS_EARLY <= press.at <= window[1] and press.key in (yes_key, no_key)
    )
    signs.sort(key=lambda heard: heard.start)
    if not signs:
        return _without_sign(said)
    chosen = _decisive(signs)
    return Answer(
        verdict=chosen[0],
        method=AnswerMethod.SPOKEN if chosen[1].utterance is not None else AnswerMethod.KEY_PRESS,
        quote=_quote(signs, said) if chosen[1].utterance is not None else chosen[1].quote,
        start=signs[0].start,
        stop=signs[-1].stop,
        utterance=chosen[1].utterance,
    )


def find_objections(
    utterances: Iterable[Utterance], language: str, *, speakers: Collection[int] | None = None
) -> tuple[Answer, ...]:
    """Every plain objection to being recorded, anywhere in a call."""
    said = list(tokens(utterances, speakers))
    return tuple(
        Answer(
            verdict=Verdict.NO,
            method=AnswerMethod.SPOKEN,
            quote=heard.quote,
            start=heard.start,
            stop=heard.stop,
            utterance=heard.utterance,
        )
        for heard in _signs(said, _words(language))
        if heard.sign is Sign.OBJECTION
    )


def objections(language: str) -> tuple[str, ...]:
    """The phrases that object to being recorded; raises InvalidInput for a language without word lists."""
    return tuple(" ".join(phrase) for phrase, sign in _words(language).signs.items() if sign is Sign.OBJECTION)


def _decisive(signs: Sequence[_Heard]) -> tuple[Verdict, _Heard]:
    """The verdict and the sign that makes it (rule 3)."""
    objections = [heard for heard in signs if heard.sign is Sign.OBJECTION]
    if objections:
        return Verdict.NO, objections[-1]
    kinds = {heard.sign for heard in signs}
    last = signs[-1]
    if kinds == {Sign.YES}:
        return Verdict.YES, last
    firm = [heard for heard in signs if heard.sign is not Sign.DOUBT]
    # A refusal stands unless they go on to doubt or to agree.
    if last.sign is Sign.NO or (firm and kinds == {Sign.NO, Sign.DOUBT} and firm[-1].sign is Sign.NO):
        return Verdict.NO, firm[-1]
    return Verdict.UNCLEAR, last


def _quote(signs: Sequence[_Heard], said: Sequence[Token]) -> str:
    spoken = [heard for heard in signs if heard.utterance is not None]
    first, last = spoken[0].start, spoken[-1].stop
    return shown(token for token in said if first <= token.start and token.stop <= last)


def _without_sign(said: Sequence[Token]) -> Answer:
    """Nothing that answers; what was said instead is quoted."""
    if not said:
        return Answer(verdict=Verdict.UNCLEAR, method=AnswerMethod.NONE)
    said = said[:_REPLY_WORDS]
    return Answer(
        verdict=Verdict.UNCLEAR,
        method=AnswerMethod.SPOKEN,
        quote=shown(said),
        start=said[0].start,
        stop=said[-1].stop,
        utterance=said[0].utterance,
    )


def _reply(said: Sequence[Token], words: _Words) -> Iterator[_Heard]:
    """Signs of the reply itself, and objections wherever they are."""
    spoken = [token for token in said if token.text not in BREAKS]
    signs = list(_signs(said, words))
    answer: list[_Heard] = []
    for heard in signs:
        before = answer[-1].stop if answer else float("-inf")
        between = [token for token in spoken if before <= token.start < heard.start]
        if heard.sign is not Sign.OBJECTION and len(between) > (_BETWEEN if answer else _REPLY_WORDS):
            break
        answer.append(heard)
    if {heard.sign for heard in answer} == {Sign.YES} and all(_weak(heard, words) for heard in answer):
        others = [
            t for t in spoken if not any(h.start <= t.start < h.stop for h in answer) and t.text not in words.polite
        ]
        if len(others) > _MORE_THAN_AN_ANSWER:
            answer = [replace(heard, sign=Sign.DOUBT) for heard in answer]
    yield from answer
    yield from (heard for heard in signs if heard.sign is Sign.OBJECTION and heard not in answer)


def _weak(heard: _Heard, words: _Words) -> bool:
    return tuple(word for word in split(heard.quote) if word not in BREAKS) in words.weak


def _signs(said: Sequence[Token], words: _Words) -> Iterator[_Heard]:
    """Phrases from left to right, the longest that fits first; none reaches into an objection.

    So "please don't record this" is an objection, and not a "please don't" with words behind it.
    """
    objecting = {place: length for place in range(len(said)) if (length := _objection(said, place, words))}
    place = 0
    while place < len(said):
        sign: Sign | None = Sign.OBJECTION
        length = objecting.get(place, 0)
        if not length:
            until = next((start for start in range(place + 1, len(said)) if start in objecting), len(said))
            sign, length = _longest(said[:until], place, words)
        if sign is None:
            place += 1
            continue
        if sign in (Sign.YES, Sign.NO) and _negated(said, place, length, words):
            sign = Sign.NO if sign is Sign.YES else Sign.DOUBT
        elif sign is Sign.YES and _negated_later(said, place + length, words):
            sign = Sign.DOUBT
        run = said[place : place + length]
        yield _Heard(sign, shown(run), run[0].start, run[-1].stop, run[0].utterance)
        place += length


def _objection(said: Sequence[Token], place: int, words: _Words) -> int:
    """How many words of an objection begin here; 0: none. "They don't record that" tells, and objects to nothing."""
    told = place > 0 and said[place - 1].text in words.subjects
    for length in range(min(words.longest, len(said) - place), 0, -1):
        run = tuple(token.text for token in said[place : place + length])
        if words.signs.get(run) is Sign.OBJECTION and not (told and run in words.commands):
            return length
    return 0


def _longest(said: Sequence[Token], place: int, words: _Words) -> tuple[Sign | None, int]:
    for length in range(min(words.longest, len(said) - place), 0, -1):
        sign = words.signs.get(tuple(token.text for token in said[place : place + length]))
        if sign is not None and sign is not Sign.OBJECTION:
            return sign, length
    return None, 1


def _negated(said: Sequence[Token], place: int, length: int, words: _Words) -> bool:
    """Whether a negation stands within two words before, or, in some languages, right after."""
    if said[place].text in words.negation:
        return False
    for token in reversed(said[max(0, place - _REACH) : place]):
        if token.text in BREAKS:
            break
        if token.text in words.negation:
            return True
    after = said[place + length : place + length + 1]
    return bool(after) and after[0].text in words.negation_after


def _negated_later(said: Sequence[Token], place: int, words: _Words) -> bool:
    """Whether a negation follows in the same clause: "einverstanden bin ich damit nicht"."""
    for token in said[place : place + _REACH_AFTER]:
        if token.text in BREAKS:
            return False
        if token.text in words.negation_after:
            return True
    return False


@cache
def _all() -> dict[str, _Words]:
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {language: _read(lists) for language, lists in data.items() if isinstance(lists, dict)}


def _read(lists: dict[str, list[str]]) -> _Words:
    signs: dict[tuple[str, ...], Sign] = {}
    # Where a phrase stands in two lists the more careful one counts: yes, then no, doubt, objection.
    commands = frozenset(tuple(split(phrase)) for phrase in lists.get("command", ()))
    for sign in Sign:
        for phrase in lists[sign.value]:
            signs[tuple(split(phrase))] = sign
    signs |= dict.fromkeys(commands, Sign.OBJECTION)
    return _Words(
        signs=signs,
        longest=max(len(phrase) for phrase in signs),
        weak=frozenset(tuple(split(phrase)) for phrase in lists["weak"]),
        polite=frozenset(lists["polite"]),
        negation=frozenset(lists["negation"]),
        negation_after=frozenset(lists["negation_after"]),
        commands=commands,
        subjects=frozenset(lists.get("subjects", ())),
    )


def _words(language: str) -> _Words:
    primary = language.lower().split("-")[0]
    if primary not in _all():
        raise InvalidInput(
            "Spoken answers are not understood in this language.",
            code="answer.language",
            advice=f"Use one of {', '.join(_all())}, or ask for a key.",
        )
    return _all()[primary]
