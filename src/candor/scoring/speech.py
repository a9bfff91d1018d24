"""Rules about what was said: by phrase, by pattern, by meaning, and by personal data that was given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from candor.conversation.evaluation import Evidence, Verdict
from candor.conversation.model import Role
from candor.conversation.transcript import SpeakerSplit
from candor.scoring.context import Context, Outcome, Sentence, lies_in_stretch, role_words, shorten
from candor.scoring.model import Meaning, PiiRule, Rule, Says
from candor.scoring.phrases import ACCEPT, normalise

Judge = Callable[[Rule, Context], Outcome]
"""The evaluator of any rule, handed in so that "before" and "after" may hold every kind."""

_TOO_FEW_WORDS = 5
_SAID = 0.95
_NOT_SAID = 0.85
_AMBIGUOUS = 0.45
_NEAR_MISS = 0.8
_GIVEN = 0.9
_NOT_GIVEN = 0.7
_PATTERN_TEXT = 2000

_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the i you he she it we they me him her us them my your his its our their is are was were be been am do
        does did have has had will would can could shall should may might must to of in on at for with by from and or
        but so that this these those there here what which who how when where if as not no yes okay just very really
        please""",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where a rule looks: inside ``begin`` to ``stop``, and next to what an "after" or "before" rule found."""

    begin: float
    stop: float
    after: tuple[tuple[float, float], ...] | None = None
    before: tuple[tuple[float, float], ...] | None = None
    within: float | None = None

    def holds(self, start: float, end: float) -> bool:
        """Whether something from ``start`` to ``end`` counts."""
        if not self.begin <= start <= self.stop:
            return False
        if self.after is not None and not any(
            start >= anchor_end - 0.3 and (self.within is None or start - anchor_end <= self.within)
            for _, anchor_end in self.after
        ):
            return False
        if self.before is None:
            return True
        if self.within is None:
            return end <= self.before[0][0] + 0.3
        return any(end <= begin + 0.3 and begin - end <= self.within for begin, _ in self.before)

    def hull(self) -> tuple[float, float]:
        """The stretch to show for "looked here"."""
        begin, stop = self.begin, self.stop
        if self.after:
            begin = max(begin, self.after[0][1])
            if self.within is not None:
                stop = min(stop, self.after[-1][1] + self.within)
        if self.before:
            stop = min(stop, self.before[-1 if self.within is not None else 0][0])
            if self.within is not None:
                begin = max(begin, self.before[0][0] - self.within)
        return min(begin, stop), max(begin, stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One place where it was said."""

    start: float
    end: float
    utterance: int
    quote: str
    score: float
    sure: float


def _anchor(
    rule: Rule | None, context: Context, judge: Judge
) -> tuple[tuple[tuple[float, float], ...] | None, Outcome | None]:
    """The spans of an anchor rule, in order; and its outcome when it did not match."""
    if rule is None:
        return None, None
    outcome = judge(rule, context)
    if outcome.verdict is Verdict.YES and outcome.spans:
        return tuple(sorted(outcome.spans)), None
    return None, outcome


def window_of(
    rule: Says | Meaning | PiiRule, places: Sequence[int], context: Context, judge: Judge
) -> Window | Outcome:
    """Where ``rule`` looks; an Outcome when what it should come after did not happen."""
    begin, stop = 0.0, max(context.end, 0.0)
    if not isinstance(rule, PiiRule):
        if rule.first is not None:
            begin = context.begin_of(places)
            stop = min(begin + rule.first, max(begin, stop))
        if rule.last is not None:
            begin = max(begin, context.end - rule.last)
    after, missing = _anchor(rule.after, context, judge)
    if missing is not None:
        verdict = Verdict.CANNOT_TELL if missing.verdict is Verdict.CANNOT_TELL else Verdict.NO
        reason = f"What it should come after was not found: {missing.reason}"
        return Outcome(verdict=verdict, confidence=missing.confidence, reason=reason, evidence=missing.evidence)
    # Where there is nothing to be earlier than, anywhere is early enough.
    before, _ = _anchor(rule.before, context, judge)
    return Window(begin=begin, stop=stop, after=after, before=before, within=rule.within)


def unanswerable(context: Context, places: Sequence[int], roles: Sequence[Role]) -> Outcome | None:
    """The reasons for which no rule about words can be answered at all."""
    if not context.language_known:
        language = context.transcript.language
        return Outcome(
            verdict=Verdict.CANNOT_TELL,
            confidence=0.0,
            reason=f'The conversation is in "{language}"; this scorecard is not worded for it.',
        )
    words = context.words_of(places)
    if words < _TOO_FEW_WORDS:
        return Outcome(
            verdict=Verdict.CANNOT_TELL,
            confidence=0.1,
            reason=f"Too little speech of {role_words(roles)} was recognised ({words} words).",
        )
    return None


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _quote(context: Context, first: int, last: int, around: str = "") -> str:
    text = " ".join(context.transcript.utterances[i].text for i in sorted({first, last}))
    if len(text) <= 200:
        return text
    place = text.lower().find(around.lower()) if around else -1
    if place <= 80:
        return shorten(text)
    return "… " + shorten(text[text.rfind(" ", 0, place - 60) + 1 :])


def find(
    rule: Says, places: Sequence[int], context: Context, window: Window, roles: Sequence[Role]
) -> tuple[list[Found], bool]:
    """All places where it was said, in order; and whether something came near to it."""
    found: list[Found] = []
    near_miss = False
    for place in places:
        stream = context.streams[place]
        if not stream.words:
            continue
        sure = context.sureness(place, roles)
        excused = [
            (hit.first, hit.stop)
            for phrase in rule.unless
            for hit in stream.find(phrase, exact=rule.exact)
            if hit.score >= ACCEPT
        ]
        taken: list[tuple[int, int]] = []
        for phrase in rule.phrases:
            for hit in stream.find(phrase, exact=rule.exact):
                start, end = stream.starts[hit.first], stream.ends[hit.stop - 1]
                if not window.holds(start, end):
                    continue
                if any(hit.first < stop and hit.stop > first for first, stop in excused):
                    continue
                if hit.score < ACCEPT:
                    near_miss = True
                    continue
                if any(hit.first < stop and hit.stop > first for first, stop in taken):
                    continue
                taken.append((hit.first, hit.stop))
                first, last = stream.utterances[hit.first], stream.utterances[hit.stop - 1]
                quote = _quote(context, first, last, stream.words[hit.first])
                found.append(Found(start=start, end=end, utterance=first, quote=quote, score=hit.score, sure=sure))
        if rule.patterns:
            found.extend(_by_pattern(rule, place, context, window, sure))
    return sorted(found, key=lambda item: (item.start, item.utterance, -item.score)), near_miss


def _by_pattern(rule: Says, place: int, context: Context, window: Window, sure: float) -> list[Found]:
    found: list[Found] = []
    for utterance in context.transcript.utterances:
        if utterance.speaker != place:
            continue
        text = utterance.text[:_PATTERN_TEXT]
        for pattern in rule.patterns:
            match = _pattern(pattern).search(text)
            if match is None:
                continue
            share = (utterance.end - utterance.start) / max(1, len(utterance.text))
            start, end = utterance.start + match.start() * share, utterance.start + match.end() * share
            if window.holds(start, end):
                quote = _quote(context, utterance.index, utterance.index, match.group())
                found.append(Found(start=start, end=end, utterance=utterance.index, quote=quote, score=1.0, sure=sure))
    return found


def _plain(phrase: str) -> str:
    """A phrase for people: the first of each choice of words."""
    return " ".join(piece.split("/")[0] for piece in phrase.split())


def judge_says(rule: Says, context: Context, judge: Judge) -> Outcome:
    """Was it said?"""
    places = context.speakers(rule.by)
    refusal = unanswerable(context, places, rule.by)
    if refusal is not None:
        return refusal
    window = window_of(rule, places, context, judge)
    if isinstance(window, Outcome):
        return window
    found, near_miss = find(rule, places, context, window, rule.by)
    if len(found) >= rule.times:
        return _said(rule.times, found, context, places)
    wanted = ", ".join(f'"{_plain(phrase)}"' for phrase in rule.phrases[:3]) or "a sentence of a set form"
    outcome = _not_said(wanted, len(found), rule, window, places, context, near_miss=near_miss)
    if context.transcript.split in {SpeakerSplit.GUESSED, SpeakerSplit.SINGLE} and rule.by:
        others = [i for i in range(len(context.streams)) if i not in places]
        elsewhere, _ = find(rule, others, context, window, ())
        if elsewhere:
            return replace(
                outcome,
                confidence=outcome.confidence * _AMBIGUOUS,
                reason="It was said, but it is not certain by whom: the speakers were told apart by their voices.",
                evidence=tuple(_evidence(item, "said by another voice") for item in elsewhere[:1]),
            )
    return outcome


def _evidence(found: Found, note: str = "") -> Evidence:
    return Evidence(start=found.start, end=found.end, utterance=found.utterance, quote=found.quote, note=note)


def _said(times: int, found: Sequence[Found], context: Context, places: Sequence[int]) -> Outcome:
    best = sorted(found, key=lambda item: (-item.score * item.sure, item.start))[: max(times, 1)]
    weakest = min(item.score * item.sure for item in best)
    quality = min(context.quality(places, item.start, item.end) for item in best)
    shown = sorted(best[:3], key=lambda item: item.start)
    again = f" ({len(found)} times)" if len(found) > 1 else ""
    return Outcome(
        verdict=Verdict.YES,
        confidence=_SAID * weakest * (0.5 + 0.5 * quality),
        reason=f'Said at {shown[0].start:.0f} s{again}: "{shorten(shown[0].quote, 120)}"',
        evidence=tuple(_evidence(item) for item in shown),
        spans=tuple((item.start, item.end) for item in found),
    )


def _not_said(
    wanted: str,
    count: int,
    rule: Says | Meaning,
    window: Window,
    places: Sequence[int],
    context: Context,
    *,
    near_miss: bool,
) -> Outcome:
    begin, stop = window.hull()
    where = _where(rule, begin, stop)
    times = f" {rule.times} times (only {count})" if rule.times > 1 else ""
    note = f"Looked for {wanted} or the like from {role_words(rule.by)} {where}; not heard{times}."
    return Outcome(
        verdict=Verdict.NO,
        confidence=_NOT_SAID * context.quality(places, begin, stop) * (_NEAR_MISS if near_miss else 1.0),
        reason=note,
        evidence=(heard(context, places, begin, stop, note),),
    )


def heard(context: Context, places: Sequence[int], begin: float, stop: float, note: str) -> Evidence:
    """What those speakers did say in a stretch, as evidence that something is not in it."""
    inside = [
        utterance
        for utterance in context.transcript.utterances
        if utterance.speaker in places and lies_in_stretch(utterance, begin, stop)
    ]
    quote = shorten(" ".join(utterance.text for utterance in inside[:12])) if inside else None
    first = inside[0].index if inside else None
    return Evidence(start=begin, end=stop, utterance=first, quote=quote, note=note)


def _where(rule: Says | Meaning, begin: float, stop: float) -> str:
    if rule.first is not None and rule.after is None and rule.before is None:
        return f"in their first {rule.first:g} s"
    if rule.last is not None and rule.after is None and rule.before is None:
        return f"in the last {rule.last:g} s"
    if rule.after is not None or rule.before is not None or rule.first or rule.last:
        return f"between {begin:.0f} and {stop:.0f} s"
    return "anywhere in the conversation"


def judge_never(search: Says, context: Context, judge: Judge) -> Outcome:
    """Was it never said?"""
    outcome = judge_says(search, context, judge)
    if outcome.verdict is Verdict.YES:
        return replace(outcome, verdict=Verdict.NO)
    if outcome.verdict is Verdict.NO:
        places = context.speakers(search.by)
        words = context.words_of(places)
        note = f"Nothing of the kind in the {words} words of {role_words(search.by)}."
        evidence = tuple(replace(item, note=note, quote=None, utterance=None) for item in outcome.evidence)
        return replace(outcome, verdict=Verdict.YES, reason=note, evidence=evidence, spans=())
    return outcome


def judge_meaning(rule: Meaning, context: Context, judge: Judge) -> Outcome:
    """Was something said that means the same?"""
    places = context.speakers(rule.by)
    refusal = unanswerable(context, places, rule.by)
    if refusal is not None:
        return refusal
    window = window_of(rule, places, context, judge)
    if isinstance(window, Outcome):
        return window
    chosen = [
        sentence
        for sentence in context.sentences
        if sentence.utterance.speaker in places
        and window.holds(sentence.utterance.start, sentence.utterance.end)
        and sentence.text.count(" ") >= _LEAST_MEANING - 1
    ]
    by_vectors = context.embed is not None
    threshold = rule.threshold if by_vectors else _KEYWORD_SHARE
    likeness = partial(_cosines, context=context) if by_vectors else _keyword_shares
    scores = likeness(rule.examples, sentences=chosen)
    if rule.unlike:
        others = likeness(rule.unlike, sentences=chosen)
        scores = [score if score > other else 0.0 for score, other in zip(scores, others, strict=True)]
    found = [
        Found(
            start=sentence.utterance.start,
            end=sentence.utterance.end,
            utterance=sentence.utterance.index,
            quote=shorten(sentence.text),
            score=score,
            sure=context.sureness(sentence.utterance.speaker, rule.by),
        )
        for sentence, score in zip(chosen, scores, strict=True)
        if score >= threshold
    ]
    wanted = f'something like "{rule.examples[0]}"'
    if len(found) < rule.times:
        closest = max(scores, default=0.0)
        outcome = _not_said(wanted, len(found), rule, window, places, context, near_miss=closest >= threshold - 0.08)
        return replace(outcome, confidence=outcome.confidence * (0.88 if by_vectors else 0.55))
    best = sorted(found, key=lambda item: (-item.score * item.sure, item.start))[: rule.times]
    margin = min(1.0, (min(item.score for item in best) - threshold) / max(1e-9, 1.0 - threshold))
    base = 0.6 + 0.35 * margin if by_vectors else 0.5 + 0.1 * margin
    quality = min(context.quality(places, item.start, item.end) for item in best)
    how = "by meaning" if by_vectors else "by keywords"
    note = f"{how}, {best[0].score:.2f}"
    return Outcome(
        verdict=Verdict.YES,
        confidence=base * min(item.sure for item in best) * (0.5 + 0.5 * quality),
        reason=f'Said at {best[0].start:.0f} s ({note}): "{shorten(best[0].quote, 120)}"',
        evidence=tuple(_evidence(item, note) for item in best[:3]),
        spans=tuple((item.start, item.end) for item in found),
    )


_KEYWORD_SHARE = 0.66
_LEAST_MEANING = 4
"""Words: a shorter sentence ("Okay then.") means too little to be compared with an example."""


def _cosines(examples: Sequence[str], context: Context, sentences: Sequence[Sentence]) -> list[float]:
    if not sentences:
        return []
    vectors = context.vectors([sentence.text for sentence in sentences])
    return [float(value) for value in (vectors @ context.vectors(examples).T).max(axis=1).round(6)]


@lru_cache(maxsize=16384)
def _keywords(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in normalise(text) if word not in _STOP_WORDS and word[0] != "[")


def _stem(word: str) -> str:
    for ending in ("ingly", "edly", "ing", "ed", "ies", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _keyword_shares(examples: Sequence[str], sentences: Sequence[Sentence]) -> list[float]:
    wanted = [words for words in map(_keywords, examples) if len(words) >= 2]
    return [
        max((len(example & said) / len(example) for example in wanted), default=0.0)
        for said in (_keywords(sentence.text) for sentence in sentences)
    ]


def judge_pii(rule: PiiRule, context: Context, judge: Judge) -> Outcome:
    """Was personal data of these kinds given?"""
    places = context.speakers(rule.by)
    if context.words_of(places) == 0:
        reason = f"No speech of {role_words(rule.by)} was recognised."
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.1, reason=reason)
    window = window_of(rule, places, context, judge)
    if isinstance(window, Outcome):
        return window
    utterances = context.transcript.utterances
    spans = sorted(
        (
            span
            for span in context.pii
            if span.kind in rule.kinds
            and span.utterance < len(utterances)
            and utterances[span.utterance].speaker in places
            and window.holds(span.start, span.end)
        ),
        key=lambda span: (span.start, span.kind.value),
    )
    firsts = {span.kind: span for span in reversed(spans)}
    kinds = " or ".join(kind.value for kind in rule.kinds)
    if len(firsts) >= rule.at_least:
        shown = sorted(firsts.values(), key=lambda span: span.start)
        sure = min(context.sureness(utterances[span.utterance].speaker, rule.by) for span in shown)
        given = ", ".join(span.kind.value for span in shown)
        return Outcome(
            verdict=Verdict.YES,
            confidence=_GIVEN * sure * min(1.0, 0.5 + 0.5 * max(span.confidence for span in shown)),
            reason=f"Given by {role_words(rule.by)} at {shown[0].start:.0f} s: {given}.",
            evidence=tuple(
                Evidence(
                    start=span.start,
                    end=span.end,
                    utterance=span.utterance,
                    quote=shorten(utterances[span.utterance].text),
                    note=f"{span.kind.value} given",
                )
                for span in shown[:3]
            ),
            spans=tuple((span.start, span.end) for span in spans),
        )
    begin, stop = window.hull()
    wanted = f"{rule.at_least} of {kinds}" if rule.at_least > 1 else kinds
    note = (
        f"Looked for {wanted} given by {role_words(rule.by)} between {begin:.0f} and {stop:.0f} s; found {len(firsts)}."
    )
    return Outcome(
        verdict=Verdict.NO,
        confidence=_NOT_GIVEN * context.quality(places, begin, stop),
        reason=note,
        evidence=(heard(context, places, begin, stop, note),),
    )
