"""A transcript as the detectors read it: one row of tokens with what each can be, and what was asked before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from candor.redaction.context import Cue, Heard, Questions, cues_in, prompts
from candor.redaction.lexicon import FILLERS, NATO, Trait, fold, traits

EDGES = " \t.,!?;:\"'()[]{}<>…“”‘’-–—*"


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance (or a piece of a very long one): its tokens, who says it and what was asked before it."""

    first: int
    stop: int
    speaker: int
    cues: tuple[Cue, ...]
    """Cue phrases in it, with places of tokens in the call."""
    expected: tuple[str, ...]
    """Kinds (PiiKind values, or ``ORDINARY``) that were named last."""
    asked: tuple[str, ...]
    """Those that this utterance may be the answer to."""
    question: bool
    prompted: bool
    """The other side asked something just before, whatever it was; always when speakers are not told apart."""


@dataclass(slots=True)
class Call:
    """The tokens of all utterances in order, in parallel lists."""

    texts: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    """Folded, without outer punctuation."""
    traits: list[int] = field(default_factory=list)
    line_of: list[int] = field(default_factory=list)
    parts: list[bool] = field(default_factory=list)
    """Whether a token is a part of a longer written word ("J-U-L-I-A", "river-road")."""
    lines: list[Line] = field(default_factory=list)
    known_names: tuple[str, ...] = ()
    firms: frozenset[str] = frozenset()
    """Words of the names of firms that are told as such somewhere in the call."""
    certain: bool = True
    """Who speaks is known; else a number goes on, and a question is answered, whoever seems to speak."""
    alone: bool = False
    """One speaker, or none told apart: what was asked before is not known."""
    cased: bool = False
    """The text tells names by capitals: most utterances begin with one, and not every word has one."""

    def has(self, token: int, trait: int) -> bool:
        """Whether token ``token`` can be ``trait``."""
        return bool(self.traits[token] & trait)

    def ends_sentence(self, token: int) -> bool:
        """Whether a full stop, question or exclamation mark follows."""
        return self.texts[token][-1:] in {".", "?", "!"}

    def line_at(self, token: int) -> Line:
        """The utterance of a token."""
        return self.lines[self.line_of[token]]


LONGEST_COMPOUND = 24
"""Parts of a hyphenated word that are read one by one."""
_KEPT_WHOLE = frozenset({*NATO, *FILLERS, "e-mail", "e-mails"})


def parts(text: str) -> list[str]:
    """A hyphenated word as the words it joins, with the outer punctuation; any other as it is.

    Recognisers write "J-U-L-I-A", "eight-five-oh" and "river-road" for what others write apart.
    """
    if "-" not in text or len(text) > 120:
        return [text]
    bare = text.strip(EDGES)
    pieces = bare.split("-")
    if not 2 <= len(pieces) <= LONGEST_COMPOUND or not all(piece.isalpha() for piece in pieces):
        return [text]
    if bare.lower() in _KEPT_WHOLE:
        return [text]
    begin = text.index(bare)
    return [text[:begin] + pieces[0], *pieces[1:-1], pieces[-1] + text[begin + len(bare) :]]


LONGEST_LINE = 400
"""Tokens; longer utterances are read in pieces, so that looking around in a line never costs more than this."""


def _bounded(utterances: Sequence[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, Sequence[str]]]:
    for speaker, spoken in utterances:
        for begin in range(0, max(len(spoken), 1), LONGEST_LINE):
            yield speaker, spoken[begin : begin + LONGEST_LINE]


def read(
    utterances: Sequence[tuple[int, Sequence[str]]], known_names: Sequence[str] = (), *, certain: bool = True
) -> Call:
    """Make a Call of (speaker, words) pairs; ``certain`` is False where the speakers are a guess."""
    call = Call(known_names=tuple(known_names), certain=certain)
    memo: dict[str, tuple[str, int]] = {}  # lives as long as this call only: words are personal data
    alone = not certain or len({speaker for speaker, _ in utterances}) < 2
    call.alone = alone
    asking = Questions(alone=alone)
    capitals = 0
    prompter = -1
    for number, (speaker, spoken) in enumerate(_bounded(utterances)):
        first = len(call.texts)
        for text in spoken:
            entry = memo.get(text)
            if entry is None:
                norm = fold(text).strip(EDGES)
                entry = memo[text] = (norm, traits(text, norm))
            call.texts.append(text)
            call.norms.append(entry[0])
            call.traits.append(entry[1])
            call.line_of.append(number)
            capitals += text[:1].isupper()
        stop = len(call.texts)
        cues = cues_in(call.norms[first:stop], first)
        question = stop > first and call.texts[stop - 1].endswith("?")
        content = sum(not call.traits[i] & (Trait.NUMBER | Trait.FILLER | Trait.LETTER) for i in range(first, stop))
        before = asking.before(speaker)
        valued = any(call.traits[i] & (Trait.NUMBER | Trait.MIXED) for i in range(max(first, stop - 2), stop))
        asking.after(
            Heard(
                speaker=speaker,
                norms=call.norms[first:stop],
                first=first,
                content=content,
                question=question,
                valued=valued,
            ),
            cues,
        )
        prompted = alone or (prompter >= 0 and prompter != speaker)
        call.lines.append(Line(first, stop, speaker, cues, before.expected, before.asked, question, prompted))
        if question or (stop > first and prompts(call.norms[first:stop])):
            prompter = speaker
        elif content:
            prompter = -1
    call.cased = bool(call.texts) and 0.02 < capitals / len(call.texts) < 0.6
    return call
