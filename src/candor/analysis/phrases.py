"""Phrases in recognised speech: compiled once into a tree of words, walked with tolerance for recogniser errors.

A word of the call stands for a word of a phrase when it is the same (1), sounds the same (0.85) or is spelt nearly the
same (0.8); a phrase counts from a mean of ``ACCEPT`` on. Phrases of four words and more may hold one extra word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from candor.analysis.speech import tokens
from candor.conversation.finding import Finding
from candor.conversation.model import Role
from candor.conversation.transcript import SpeakerSplit, Transcript, Utterance
from candor.errors import InvalidInput

ACCEPT = 0.9
SOUND, SPELLING = 0.85, 0.8
_EXTRA_FROM = 4
_EXTRA_COST = 0.08
_GAP_WORDS = 3
_NEGATED_WITHIN = 3
_MAX_VARIANTS = 600
_FILLERS = frozenset({"um", "uh", "er", "erm", "ah", "uhm", "eh"})
_NEGATIONS = frozenset({"not", "never", "no", "without"})
_WHOLE = {"can't": "can not", "cannot": "can not", "won't": "will not", "let's": "let us", "gonna": "going to",
          "wanna": "want to", "gotta": "got to", "ok": "okay", "i'd": "i would"}  # fmt: skip
_ENDINGS = {"n't": "not", "'ll": "will", "'re": "are", "'ve": "have", "'m": "am", "'d": "would"}
_IS = frozenset({"it", "that", "what", "there", "here", "he", "she", "who", "where", "how", "name"})


@cache
def _expand(word: str) -> tuple[str, ...]:
    if word in _FILLERS:
        return ()
    if word in _WHOLE:
        return tuple(_WHOLE[word].split())
    for ending, full in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return word[: -len(ending)], full
    if word.endswith("'s") and word[:-2] in _IS:
        return word[:-2], "is"
    return (word,)


@dataclass(frozen=True, slots=True)
class Token:
    """A normalised word and which word of its utterance (``text.split(" ")``) it came from."""

    text: str
    place: int


def normalise(text: str) -> list[Token]:
    """Words in lower case, contractions opened, fillers dropped; placeholders by kind (``[NAME]``)."""
    found: list[Token] = []
    for place, piece in enumerate(text.split(" ")):
        for word in tokens(piece):
            if word[0] == "[":
                found.append(Token(re.sub(r"_\d+", "", word), place))
            else:
                found.extend(Token(part, place) for part in _expand(word))
    return found


_SOUNDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"^(?:kn|gn|pn)", "n"),
        (r"^wr", "r"),
        (r"ph", "f"),
        (r"gh(?=t|$)|b$(?<=mb)", ""),
        (r"[cs]k|ch(?=r)|q", "k"),
        (r"(?:tch|ch|sh|[st]i(?=on))", "X"),
        (r"dg|g(?=[eiy])", "j"),
        (r"c(?=[eiy])", "s"),
        (r"c", "k"),
        (r"[dt]h?", "t"),
        (r"[sz]", "s"),
        (r"[fv]", "f"),
        (r"^[aeiouy]+", "A"),
        (r"(?<=.)[aeiouyhw]+", ""),
        (r"(.)\1+", r"\1"),
    )
)


@cache
def sound_key(word: str) -> str:
    """How an English word roughly sounds: consonants with voicing blurred, vowels only at the start.

    In the manner of Philips' Metaphone (1990), coarser where telephone speech is.
    """
    for pattern, to in _SOUNDS:
        word = pattern.sub(to, word)
    return word


def _near_spelling(left: str, right: str) -> bool:
    """Whether one letter was changed, dropped, added or swapped with its neighbour (Damerau 1964)."""
    if abs(len(left) - len(right)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    tails = left[at + 1 :], right[at + 1 :]
    swapped = left[at : at + 2] == right[at : at + 2][::-1] and left[at + 2 :] == right[at + 2 :]
    return tails[0] == tails[1] or left[at:] == tails[1] or tails[0] == right[at:] or swapped


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    gap: _Node | None = None
    ends: list[tuple[str, int]] = field(default_factory=list)
    """(category, words of the phrase) of the phrases that end here."""


class _Path(NamedTuple):
    """How far a walk has come: its words so far, their degrees in all, and what an extra word has cost."""

    first: int
    last: int
    total: float
    length: int
    extra: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category of the phrase file."""

    id: str
    label: str
    by: tuple[Role, ...] = ()
    """Whose words count; empty is everyone's."""
    until: float | None = None
    """Only in the first so many seconds."""
    after: float | None = None
    """Only after so many seconds, or in the last quarter of the call."""
    negatable: bool = False
    """Whether "not" shortly before takes it back."""
    tolerant: bool = True
    """Whether words that sound or are spelt nearly the same count."""
    phrases: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    """Sentences whose meaning is looked for, when sentences can be embedded."""
    threshold: float = 1.0
    """Cosine from which a meaning counts as the same."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase in an utterance: first and last token, how well it fits (0 to 1)."""

    category: str
    first: int
    last: int
    score: float


class PhraseBook:
    """Compiled categories; immutable after construction, so that one serves all threads."""

    def __init__(self, version: int, categories: Sequence[Category]) -> None:
        self.version = version
        self.categories: dict[str, Category] = {category.id: category for category in categories}
        self._root = _Node()
        self._exact = frozenset(category.id for category in categories if not category.tolerant)
        words: set[str] = set()
        for category in categories:
            for phrase in category.phrases:
                for variant in _variants(phrase):
                    self._insert(variant, category.id)
                    words.update(variant)
        self._words = frozenset(words)
        self._by_sound: dict[str, list[str]] = {}
        self._by_length: dict[int, list[str]] = {}
        for word in sorted(words):
            if len(word) >= 4 and word.isalpha():
                self._by_sound.setdefault(sound_key(word), []).append(word)
                self._by_length.setdefault(len(word), []).append(word)
        self._fits: dict[str, tuple[tuple[str, float], ...]] = {}

    def _insert(self, words: Sequence[str], category: str) -> None:
        node = self._root
        for word in words:
            if word == "*":
                node.gap = node.gap or _Node()
                node = node.gap
            else:
                node = node.next.setdefault(word, _Node())
        end = (category, sum(word != "*" for word in words))
        if end not in node.ends:
            node.ends.append(end)

    def _fit(self, said: str) -> tuple[tuple[str, float], ...]:
        """The words of phrases that a word of the call may stand for, with their degrees."""
        if said in self._fits:
            return self._fits[said]
        found = {said: 1.0} if said in self._words else {}
        if len(said) >= 4 and said.isalpha() and said not in _NEGATIONS:
            key = sound_key(said)
            if len(key) >= 3:
                for word in self._by_sound.get(key, ()):
                    found.setdefault(word, SOUND)
            if len(said) >= 6 and said not in self._words:
                for length in (len(said) - 1, len(said), len(said) + 1):
                    for word in self._by_length.get(length, ()):
                        if length >= 6 and _near_spelling(said, word):
                            found.setdefault(word, SPELLING)
        fits = tuple(found.items())
        if len(self._fits) < 50_000:
            self._fits[said] = fits
        return fits

    def find(self, words: Sequence[str]) -> list[Hit]:
        """The best hits of each category in a row of normalised words; hits of one category do not overlap."""
        fits = [self._fit(word) for word in words]
        hits: list[Hit] = []
        for first, options in enumerate(fits):
            for word, fit in options:
                node = self._root.next.get(word)
                if node is not None:
                    self._walk(node, _Path(first, first, fit, 1, 0.0), fits, hits)
        hits.sort(key=lambda hit: (-hit.score, hit.first - hit.last, hit.first))
        kept: dict[str, list[Hit]] = {}
        for hit in hits:
            others = kept.setdefault(hit.category, [])
            category = self.categories[hit.category]
            if any(hit.first <= other.last and hit.last >= other.first for other in others):
                continue
            if category.negatable and _negated(words, hit):
                continue
            others.append(hit)
        return sorted((hit for own in kept.values() for hit in own), key=lambda hit: (hit.first, hit.category))

    def _walk(self, node: _Node, at: _Path, fits: Sequence[tuple[tuple[str, float], ...]], hits: list[Hit]) -> None:
        """Every way on from ``node``: the next word, one word skipped, or a gap of the phrase's own."""
        for category, size in node.ends:
            if self._counts(category, size, at):
                hits.append(Hit(category, at.first, at.last, round(at.total / size - at.extra, 3)))
        ways = [(node, at.last + 1, at.extra)]
        if not at.extra and at.length >= 2:
            ways.append((node, at.last + 2, _EXTRA_COST))
        if node.gap is not None:
            ways.extend((node.gap, at.last + 1 + skipped, at.extra) for skipped in range(_GAP_WORDS + 1))
        for origin, place, extra in ways:
            if place >= len(fits) or not origin.next:
                continue
            for word, fit in fits[place]:
                below = origin.next.get(word)
                if below is not None:
                    self._walk(below, _Path(at.first, place, at.total + fit, at.length + 1, extra), fits, hits)

    def _counts(self, category: str, size: int, at: _Path) -> bool:
        if at.total == size and not at.extra:
            return True
        near = at.total / size - at.extra >= ACCEPT and (not at.extra or size >= _EXTRA_FROM)
        return near and category not in self._exact


def _negated(words: Sequence[str], hit: Hit) -> bool:
    return any(word in _NEGATIONS for word in words[max(0, hit.first - _NEGATED_WITHIN) : hit.first])


def _variants(phrase: str) -> list[tuple[str, ...]]:
    """All rows of words that a phrase stands for; raises InvalidInput for one that is empty or too wide."""
    slots: list[list[tuple[str, ...]]] = []
    wide = 1
    for piece in phrase.split():
        optional = piece.endswith("?")
        options = [_piece(each) for each in piece.rstrip("?").split("|")]
        slots.append([*options, ()] if optional else options)
        wide *= len(slots[-1])
    if wide > _MAX_VARIANTS * 100 or not any(word != "*" for slot in slots for option in slot for word in option):
        raise InvalidInput(f'The phrase "{phrase}" is empty or has too many variants.', code="phrases.invalid")
    rows = {tuple(word for option in row for word in option) for row in product(*slots)}
    # An optional last word adds nothing to the shorter row that is found anyway, but makes the quote longer.
    return sorted(row for row in rows if row and row[0] != "*" and row[-1] != "*")


def _piece(text: str) -> tuple[str, ...]:
    return ("*",) if text == "*" else tuple(token.text for token in normalise(text.replace("_", " ")))


def load_phrases(text: str) -> PhraseBook:
    """Read a phrase file (YAML); raises InvalidInput with the place of what is wrong."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput("The phrase file is not YAML.", code="phrases.invalid") from error
    if not isinstance(data, dict) or not isinstance(data.get("version"), int) or not data.get("categories"):
        raise InvalidInput('The phrase file needs "version" (a number) and "categories".', code="phrases.invalid")
    categories = [_category(each) for each in data["categories"]]
    if len({category.id for category in categories}) != len(categories):
        raise InvalidInput("Two categories of the phrase file have the same id.", code="phrases.invalid")
    return PhraseBook(data["version"], categories)


_KEYS = frozenset({"id", "label", "by", "until", "after", "negatable", "tolerant", "phrases", "meaning"})


def _category(data: Mapping[str, Any]) -> Category:
    name = data.get("id")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InvalidInput("A category needs an id of small letters, digits and _.", code="phrases.invalid")
    unknown = set(data) - _KEYS
    if unknown:
        raise InvalidInput(f"Category {name} has unknown keys: {', '.join(sorted(unknown))}.", code="phrases.invalid")
    meaning = data.get("meaning") or {}
    try:
        by = tuple(Role(role) for role in data.get("by", ()))
    except ValueError as error:
        raise InvalidInput(f'Category {name}: "by" names roles, such as agent.', code="phrases.invalid") from error
    return Category(
        id=name,
        label=str(data.get("label", name)),
        by=by,
        until=data.get("until"),
        after=data.get("after"),
        negatable=bool(data.get("negatable", False)),
        tolerant=bool(data.get("tolerant", True)),
        phrases=tuple(str(phrase) for phrase in data.get("phrases", ())),
        examples=tuple(str(example) for example in meaning.get("examples", ())),
        threshold=float(meaning.get("threshold", 1.0)),
    )


@cache
def default_phrases() -> PhraseBook:
    """The phrases that ship with the product."""
    return load_phrases((files("candor.analysis") / "data" / "phrases.yaml").read_text(encoding="utf-8"))


def spot(book: PhraseBook, transcript: Transcript) -> list[Finding]:
    """Every phrase that was said, in order: at most one finding for each category and utterance, its best."""
    found: list[Finding] = []
    for utterance in transcript.utterances:
        said = normalise(utterance.text)
        best: dict[str, Hit] = {}
        for hit in book.find([token.text for token in said]):
            if hit.category not in best or hit.score > best[hit.category].score:
                best[hit.category] = hit
        for name, hit in best.items():
            category = book.categories[name]
            sure = _allowed(category, transcript, utterance)
            if sure:
                first, last = said[hit.first].place, said[hit.last].place
                found.append(_finding(book, category, transcript, utterance, (first, last), hit.score * sure))
    return found


def spot_meaning(
    book: PhraseBook,
    transcript: Transcript,
    known: Iterable[Finding],
    indexes: Sequence[int],
    matrix: NDArray[np.float32],
    examples: Mapping[str, NDArray[np.float32]],
) -> list[Finding]:
    """Utterances whose meaning is near an example's and in which the category was not found by its words."""
    have = {(finding.category, finding.utterances[0]) for finding in known if finding.utterances}
    found: list[Finding] = []
    for name, vectors in examples.items():
        category = book.categories[name]
        nearness = (matrix @ vectors.T).max(axis=1) if len(indexes) else np.zeros(0)
        for row in np.flatnonzero(nearness >= category.threshold):
            utterance = transcript.utterances[indexes[int(row)]]
            sure = _allowed(category, transcript, utterance)
            if sure and (name, utterance.index) not in have:
                # Never as sure as words: 0.5 at the threshold, 0.75 at best.
                above = (float(nearness[row]) - category.threshold) / max(1e-6, 1 - category.threshold)
                whole = (0, len(utterance.text.split(" ")) - 1)
                sure *= 0.5 + 0.25 * min(1.0, above)
                found.append(_finding(book, category, transcript, utterance, whole, sure, by="meaning"))
    return found


def _allowed(category: Category, transcript: Transcript, utterance: Utterance) -> float:
    """0 when this party or moment does not count for the category, else how sure it is that it does."""
    if category.until is not None and utterance.start > category.until:
        return 0.0
    if category.after is not None and utterance.end < min(category.after, 0.75 * transcript.duration):
        return 0.0
    if not category.by:
        return 1.0
    speaker = transcript.speakers[utterance.speaker]
    if transcript.split is SpeakerSplit.SINGLE or speaker.role is Role.UNKNOWN:
        return 0.6
    if speaker.role not in category.by:
        return 0.0
    return 0.8 if speaker.role_guessed or transcript.split is SpeakerSplit.GUESSED else 1.0


def _finding(
    book: PhraseBook,
    category: Category,
    transcript: Transcript,
    utterance: Utterance,
    places: tuple[int, int],
    confidence: float,
    by: str = "words",
) -> Finding:
    pieces = utterance.text.split(" ")
    first, last = places
    if len(utterance.words) == len(pieces):
        start, end = utterance.words[first].start, utterance.words[last].end
    else:
        step = (utterance.end - utterance.start) / max(1, len(pieces))
        start, end = utterance.start + first * step, utterance.start + (last + 1) * step
    start = min(max(0.0, start), transcript.duration)
    quote = " ".join(pieces[max(0, first - 4) : last + 5])
    return Finding(
        id=f"phrase-{category.id}-{utterance.index}",
        kind="phrase",
        label=category.label,
        start=start,
        end=min(max(start, end), transcript.duration),
        utterances=(utterance.index,),
        speaker=utterance.speaker,
        category=category.id,
        quote=quote,
        confidence=round(min(1.0, confidence) * (0.95 if by == "words" else 1.0), 3),
        rule=f"phrases/{category.id}@{book.version}"
        if by == "words"
        else f"phrases/{category.id}/meaning@{book.version}",
    )
