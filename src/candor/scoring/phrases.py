"""Finding phrases in recognised speech: by word, by sound and by near spelling.

A 26-million-parameter recogniser writes "thanks for colin" for "thanks for calling". A phrase is therefore matched
word by word with three degrees: the same word (1), a word that sounds alike (.8), a word one or two letters off
(.8); a long phrase may miss a word or hold an extra one. Negations are never invented or overlooked.

Phrase language: ``a/b`` either word · ``*`` any one word · ``...`` up to five words · ``[NAME]`` masked data of a kind.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from candor.conversation.transcript import Utterance
from candor.kit.spelling import within

_TOKEN = re.compile(r"\[[A-Z]+(?:_\d+)?\]|[^\W_]+(?:'[^\W_]+)*")
_OLD_SPELLING = re.compile(r"\b(good|to)-(bye|day|night|morrow)\b", re.IGNORECASE)
"""Recognisers trained on old books write "good-bye" and "to-day"."""
_FILLERS = frozenset({"um", "uh", "er", "erm", "ah", "mm", "hmm", "uhm", "eh"})
_NEGATIONS = frozenset({"not", "no", "never", "without", "cannot"})
# Said for one another without a change of meaning: "may I" and "could I".
_MODALS = ({"can", "could", "may", "might"}, {"will", "shall"})
_CONTRACTIONS: dict[str, tuple[str, ...]] = {
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "won't": ("will", "not"),
    "shan't": ("shall", "not"),
    "ain't": ("is", "not"),
    "let's": ("let", "us"),
    "gonna": ("going", "to"),
    "wanna": ("want", "to"),
    "gotta": ("got", "to"),
    "ok": ("okay",),
    "y'all": ("you", "all"),
    # Recognisers drop apostrophes; these cannot be read as another word.
    "im": ("i", "am"),
    "ive": ("i", "have"),
    "youre": ("you", "are"),
    "youve": ("you", "have"),
    "weve": ("we", "have"),
    "thats": ("that", "is"),
    "whats": ("what", "is"),
    "theres": ("there", "is"),
    "lets": ("let", "us"),
    "dont": ("do", "not"),
    "doesnt": ("does", "not"),
    "didnt": ("did", "not"),
    "cant": ("can", "not"),
    "isnt": ("is", "not"),
    "wasnt": ("was", "not"),
    "hasnt": ("has", "not"),
    "havent": ("have", "not"),
}
_ENDINGS = {"n't": "not", "'ll": "will", "'re": "are", "'ve": "have", "'m": "am", "'d": "would"}
_IS_CONTRACTED = frozenset({"it", "that", "what", "there", "here", "he", "she", "who", "where", "how", "name"})

NEAR_WORD = 0.8
"""What a sound-alike or nearly spelt word counts, where the same word counts 1."""
ACCEPT = 0.8
"""The mean over a phrase from which it counts as said."""
NEAR_MISS = 0.66
"""From here up to ACCEPT a "not said" is less sure."""
_EXTRA_WORD = 0.08
_NO_WORD = 0.5
_MAX_GAP_SECONDS = 4.0
_ELLIPSIS_WORDS = 5
_REMEMBERED = 2048


def normalise(text: str) -> list[str]:
    """Lower-case words with contractions opened and fillers dropped; placeholders stay in capitals."""
    return list(_normalised(text))


@lru_cache(maxsize=16384)
def _normalised(text: str) -> tuple[str, ...]:
    words: list[str] = []
    for raw in _TOKEN.findall(_OLD_SPELLING.sub(r"\1\2", text.replace("’", "'"))):
        if raw[0] == "[":
            words.append(raw)
            continue
        words.extend(_expand(raw.lower()))
    return tuple(words)


@lru_cache(maxsize=16384)
def _expand(word: str) -> tuple[str, ...]:
    if word in _FILLERS:
        return ()
    if word in _CONTRACTIONS:
        return _CONTRACTIONS[word]
    for ending, full in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return (word[: -len(ending)], full)
    if word.endswith("'s"):
        stem = word[:-2]
        return (stem, "is") if stem in _IS_CONTRACTED else (stem + "s",)
    return (word.replace("'", ""),)


_SOUND_STEPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"^h(?=[aeiou])", ""),
        (r"ing$", "in"),
        (r"^kn|^gn", "n"),
        (r"^wr", "r"),
        (r"^wh", "w"),
        (r"ough$|ought", "t"),
        (r"gh", ""),
        (r"tch|sch|sh|ch", "x"),
        (r"tion|sion", "xn"),
        (r"ph", "f"),
        (r"ck", "k"),
        (r"dge|g(?=[eiy])", "j"),
        (r"c(?=[eiy])", "s"),
        (r"[cqg]", "k"),
        (r"th|d", "t"),
        (r"b", "p"),
        (r"v", "f"),
        (r"z", "s"),
        (r"mb$", "m"),
        (r"^[aeiou]+", "A"),
        (r"(?<!^)[aeiouyhw]", ""),
        (r"(.)\1+", r"\1"),
    )
)


@lru_cache(maxsize=16384)
def sound(word: str) -> str:
    """A coarse key of how an English word sounds: consonants by place of articulation, vowels dropped.

    In the manner of Metaphone (Philips 1990), with voiced and unvoiced pairs made one, which telephone speech blurs.
    """
    key = word
    for pattern, to in _SOUND_STEPS:
        key = pattern.sub(to, key)
    return key


@lru_cache(maxsize=65536)
def near(said: str, wanted: str) -> float:
    """How well a recognised word stands for a wanted one: 1, NEAR_WORD or 0."""
    if said == wanted:
        return 1.0
    if said[0] == "[" or wanted[0] == "[" or said in _NEGATIONS or wanted in _NEGATIONS:
        return 0.0
    return NEAR_WORD if _alike(said, wanted) else 0.0


def _alike(said: str, wanted: str) -> bool:
    """Modal for modal, a dropped h, the same sound, or a letter or two off in a long word."""
    if any(said in group and wanted in group for group in _MODALS):
        return True
    if wanted[0] == "h" and said == wanted[1:] and len(said) > 1:
        return True
    if min(len(said), len(wanted)) < 3:
        return False
    key = sound(wanted)
    if len(key) >= 3 and sound(said) == key:
        return True
    longest = max(len(said), len(wanted))
    allowed = 2 if longest >= 9 else 1 if longest >= 5 else 0
    return allowed > 0 and within(said, wanted, allowed)


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a phrase: the words that may stand there; empty is any word."""

    words: tuple[str, ...]
    required: bool = field(init=False, compare=False, repr=False)
    """Holds a negation, which is never overlooked."""
    fits: dict[str, float] = field(init=False, compare=False, repr=False)
    """What was worked out already, by recognised word: the same few thousand words come again and again."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "required", any(word in _NEGATIONS for word in self.words))
        object.__setattr__(self, "fits", {})

    def match(self, said: str) -> float:
        """1 for the same word, NEAR_WORD for a near one, else 0."""
        fit = self.fits.get(said)
        if fit is None:
            fit = self._match(said)
            if len(self.fits) < _REMEMBERED:
                self.fits[said] = fit
        return fit

    def _match(self, said: str) -> float:
        if not self.words:
            return 1.0
        best = 0.0
        for wanted in self.words:
            if wanted[0] == "[":
                if said[0] == "[" and (wanted == "[ANY]" or said.startswith((wanted[:-1] + "_", wanted))):
                    return 1.0
                continue
            best = max(best, near(said, wanted))
            if best == 1.0:
                break
        return best


Phrase = tuple[tuple[Slot, ...], ...]
"""Runs of slots with ``...`` between them."""


@lru_cache(maxsize=8192)
def compile_phrase(text: str) -> Phrase:
    """Read the phrase language; raises ValueError for a phrase without a word."""
    runs = tuple(run for part in text.replace("…", "...").split("...") if (run := _compile_run(part.strip())))
    if not runs:
        raise ValueError("it holds no word")
    if any(not any(slot.words for slot in run) for run in runs):
        raise ValueError('a part of it holds no word, only "*"')
    return runs


@lru_cache(maxsize=8192)
def _compile_run(part: str) -> tuple[Slot, ...]:
    """One run of slots; the same text gives the same object, by which streams remember what they found."""
    slots: list[Slot] = []
    for piece in part.split():
        if piece == "*":
            slots.append(Slot(()))
            continue
        options = [normalise(option) for option in piece.split("/")]
        if len(options) == 1:
            slots.extend(Slot((word,)) for word in options[0])
        elif any(len(option) != 1 for option in options):
            raise ValueError(f'each side of "{piece}" must be one word without a contraction')
        else:
            slots.append(Slot(tuple(option[0] for option in options)))
    return tuple(slots)


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found: token places in its stream (end exclusive) and how well it fits, 0 to 1."""

    first: int
    stop: int
    score: float


class Stream:
    """The words of one speaker in order, indexed by word and by sound."""

    def __init__(self, utterances: Iterable[Utterance]) -> None:
        self.words: list[str] = []
        self.starts: list[float] = []
        self.ends: list[float] = []
        self.utterances: list[int] = []
        for utterance in utterances:
            self._add(utterance)
        self.by_word: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(self.words):
            self.by_word[word].append(place)
        self.by_sound: dict[str, list[str]] = defaultdict(list)
        self.kinds: dict[str, list[int]] = defaultdict(list)
        for word, places in self.by_word.items():
            if word[0] == "[":
                self.kinds[word.strip("[]").split("_")[0]].extend(places)
            else:
                self.by_sound[sound(word)].append(word)
        self._near: dict[str, list[int]] = {}
        self._found: dict[tuple[str, bool], list[Hit]] = {}
        self._runs: dict[tuple[int, bool], tuple[tuple[Slot, ...], list[Hit]]] = {}

    def _add(self, utterance: Utterance) -> None:
        for text, start, end in utterance.timed():
            for word in _normalised(text):
                self.words.append(word)
                self.starts.append(start)
                self.ends.append(end)
                self.utterances.append(utterance.index)

    def find(self, text: str, *, exact: bool) -> list[Hit]:
        """All places where the phrase is said, best first where they overlap, in order; near misses included.

        A hit with ``score`` below ACCEPT is a near miss.
        """
        key = (text, exact)
        if key not in self._found:
            self._found[key] = self._find(compile_phrase(text), exact=exact)
        return self._found[key]

    def _find(self, phrase: Phrase, *, exact: bool) -> list[Hit]:
        hits = self._run(phrase[0], exact=exact)
        for run in phrase[1:]:
            if not hits:
                break
            hits = [
                Hit(left.first, right.stop, min(left.score, right.score))
                for left in hits
                for right in self._run(run, exact=exact)
                if 0 <= right.first - left.stop <= _ELLIPSIS_WORDS
            ]
        if not hits:
            return hits  # nearly always
        hits = [hit for hit in hits if self._connected(hit)]
        if len(hits) < 2:
            return hits
        kept: list[Hit] = []
        for hit in sorted(hits, key=lambda hit: (-hit.score, hit.first, hit.stop)):
            if all(hit.stop <= other.first or hit.first >= other.stop for other in kept):
                kept.append(hit)
        return sorted(kept, key=lambda hit: hit.first)

    def _connected(self, hit: Hit) -> bool:
        return all(
            self.starts[place + 1] - self.ends[place] <= _MAX_GAP_SECONDS for place in range(hit.first, hit.stop - 1)
        )

    def _places(self, slot: Slot, *, exact: bool) -> list[int]:
        if len(slot.words) == 1 and not exact and slot.words[0][0] != "[":
            return self._near_places(slot.words[0])
        places: list[int] = []
        for wanted in slot.words:
            if wanted[0] == "[":
                name = wanted.strip("[]")
                if name == "ANY":
                    places.extend(place for found in self.kinds.values() for place in found)
                else:
                    places.extend(self.kinds.get(name, ()))
            elif exact:
                places.extend(self.by_word.get(wanted, ()))
            else:
                places.extend(self._near_places(wanted))
        return places

    def _near_places(self, wanted: str) -> list[int]:
        if wanted not in self._near:
            found = list(self.by_word.get(wanted, ()))
            for said in self.by_sound.get(sound(wanted), ()):
                if said != wanted and near(said, wanted):
                    found.extend(self.by_word[said])
            self._near[wanted] = found
        return self._near[wanted]

    def _run(self, run: tuple[Slot, ...], *, exact: bool) -> list[Hit]:
        key = (id(run), exact)
        if key not in self._runs:
            # The run is kept beside what was found, so that its identity is not given to another one.
            self._runs[key] = (run, self._search(run, exact=exact))
        return self._runs[key][1]

    def _search(self, run: tuple[Slot, ...], *, exact: bool) -> list[Hit]:
        """Every recognised word that fits a slot votes for the place where the run would begin."""
        size = len(run)
        votes: dict[int, int] = {}
        anchors = 0
        for i, slot in enumerate(run):
            if slot.words:
                anchors += 1
                for place in self._places(slot, exact=exact):
                    votes[place - i] = votes.get(place - i, 0) + 1
        need = anchors if exact or anchors == 1 else 1 if anchors == 2 else (anchors * 3 + 4) // 5
        aligned = not exact and size >= 3
        hits: list[Hit] = []
        for first in self._worth_a_look(run, votes, need):
            count = votes[first]
            if count >= need:
                hit = self._straight(run, first, exact=exact)
                if hit is not None:
                    hits.append(hit)
                    continue
            # A missing or an extra word splits the votes over two neighbouring places.
            beside = votes.get(first + 1, 0) if aligned else 0
            if beside and count + beside >= need:
                hit = self._align(run, first)
                if hit is not None:
                    hits.append(hit)
        return hits

    def _worth_a_look(self, run: tuple[Slot, ...], votes: dict[int, int], need: int) -> Iterable[int]:
        """Places that can still become a hit: nearly all of a long text cannot, and are left out cheaply."""
        if len(run) == 2 and run[0].words and run[1].words:
            left, right = run
            words, last = self.words, len(self.words) - 1
            return [i for i in votes if 0 <= i < last and left.match(words[i]) and right.match(words[i + 1])]
        if need < 3:
            return votes
        # Of two neighbours that together have enough, one has at least half.
        strong = [first for first, count in votes.items() if count * 2 >= need]
        return {*strong, *(first - 1 for first in strong if first - 1 in votes)}

    def _straight(self, run: Sequence[Slot], first: int, *, exact: bool) -> Hit | None:
        """The run word for word from ``first`` on."""
        size = len(run)
        if first < 0 or first + size > len(self.words):
            return None
        anchored = [
            (slot, said) for slot, said in zip(run, self.words[first : first + size], strict=True) if slot.words
        ]
        anchors = len(anchored)  # any word will do for the others, which say nothing
        total, same, left = 0.0, 0, float(anchors)
        for slot, said in anchored:
            fit = slot.match(said)
            if not fit:
                left -= 1
                if slot.required or left < NEAR_MISS * anchors:
                    return None  # already too little, whatever the rest is
            total += fit
            same += fit == 1.0
        if total < NEAR_MISS * anchors or (exact and same < anchors) or same * 2 < anchors:
            return None
        return Hit(first, first + size, total / anchors)

    def _align(self, run: Sequence[Slot], diagonal: int) -> Hit | None:
        """The best alignment of ``run`` near the place where it would begin: words may be missing or extra."""
        size = len(run)
        anchors = sum(1 for slot in run if slot.words)
        begin = max(0, diagonal - 1)
        said = self.words[begin : max(0, diagonal) + size + 2]
        width = len(said)
        reachable = [max(map(slot.match, said), default=0.0) for slot in run if slot.words]
        if sum(reachable) < NEAR_MISS * len(reachable) or reachable.count(1.0) * 2 < len(reachable):
            return None  # not even with every word in its best place
        # best[j]: (score, exact words, start) of the run so far, ending before said[j].
        best: list[tuple[float, int, int]] = [(0.0, 0, j) for j in range(width + 1)]
        for i, slot in enumerate(run):
            missing = 2.0 if slot.required else 0.0 if slot.words else _NO_WORD
            row: list[tuple[float, int, int]] = []
            for j in range(width + 1):
                score, same, start = best[j]
                option = (score - missing, same, start)
                if j:
                    fit = slot.match(said[j - 1])
                    if fit:
                        score, same, start = best[j - 1]
                        gain = fit if slot.words else 0.0
                        option = max(option, (score + gain, same + (gain == 1.0), start))
                    if i and row[j - 1][0] > 0:
                        score, same, start = row[j - 1]  # an extra word inside
                        cost = 2.0 if said[j - 1] in _NEGATIONS else _EXTRA_WORD * size
                        option = max(option, (score - cost, same, start))
                row.append(option)
            best = row
        stop, (total, same, start) = max(enumerate(best), key=lambda item: (item[1][0], item[1][2], -item[0]))
        score = total / anchors
        if score < NEAR_MISS or same * 2 < anchors or stop <= start:
            return None
        return Hit(begin + start, begin + stop, min(1.0, score))
