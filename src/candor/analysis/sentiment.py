"""How utterances sound by their words: VADER with a call-centre lexicon, set phrases, courtesy, sarcasm and context.

Base: Hutto and Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text".
Ours: words that mean something else on calls ("charge", "please", "help"), phrases counted as one word ("on hold",
"charged twice"), formulas of courtesy that are neutral, and sarcasm (praise for a bad thing). Text only, no voice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from candor.analysis.lexicon import COURTESY, NEUTRAL, PHRASES, PRAISE, TROUBLE, VALENCE
from candor.analysis.speech import PLACEHOLDER, is_back_channel, tokens
from candor.conversation.finding import CoursePoint, Finding, Sentiment
from candor.conversation.model import Role
from candor.conversation.transcript import Transcript

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_CLAUSE = re.compile(r"[,;]\s+")
_MIN_WORDS = 8
_SPREAD_SECONDS = 15.0
_POINTS = 60
_SHIFT = 0.45
_SUPPORT = 0.2


@dataclass(frozen=True, slots=True)
class Tone:
    """-1 (very negative) to 1 (very positive), and how sure that is (0 to 1)."""

    value: float
    confidence: float


@cache
def _analyser() -> Any:
    analyser = SentimentIntensityAnalyzer()
    for word in NEUTRAL:
        analyser.lexicon.pop(word, None)
    analyser.lexicon.update(VALENCE)
    analyser.lexicon.update({f"zz{i}": valence for i, (_, valence) in enumerate(PHRASES)})
    # Emoji are not spoken, and the look-up goes through every letter.
    analyser.emojis = {}
    return analyser


_PHRASES = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), f" zz{i} ") for i, (pattern, _) in enumerate(PHRASES)
)
_COURTESY = re.compile(rf"\b(?:{'|'.join(COURTESY)})\b", re.IGNORECASE)
_PRAISE = re.compile(rf"\b(?:{'|'.join(PRAISE)})\b", re.IGNORECASE)
_TROUBLE = re.compile(rf"\b(?:{'|'.join(TROUBLE)})\b", re.IGNORECASE)
_NOT_PRAISE = re.compile(
    r"\b(?:not|never|no longer|sorted|fixed|solved|resolved|thank|thanks|but|works|working|back|appreciate|any ?more)\b"
    r"|n't\b",
    re.IGNORECASE,
)


def tone_of(text: str, *, agent: bool = False) -> Tone:
    """The tone of one utterance; ``agent`` takes courtesy and stock empathy for what they are."""
    words = tokens(text)
    if not words:
        return Tone(0.0, 0.0)
    if is_back_channel(words) and not _PRAISE.search(text):
        return Tone(0.0, 0.4)
    values: list[tuple[float, int]] = []
    sarcastic = _sarcastic(text) and not agent
    for sentence in _SENTENCE.split(text):
        length = len(sentence.split())
        if length:
            values.append((_sentence(sentence, agent=agent), length))
    value = _joined(values)
    if sarcastic:
        value = -max(0.4, abs(value))
    if agent:
        # An agent who names the trouble does not feel it.
        value *= 0.5 if value < 0 else 0.8
    strength = abs(value)
    confidence = min(0.9, (0.45 + 0.4 * strength) * (0.75 if sarcastic else 1.0) + min(len(words), 10) * 0.01)
    return Tone(round(value, 3), round(confidence, 3))


def _sentence(sentence: str, *, agent: bool) -> float:
    text = PLACEHOLDER.sub(" ", sentence.replace("’", "'"))
    if agent or not _TROUBLE.search(text):
        text = _COURTESY.sub(" ", text)
    for pattern, token in _PHRASES:
        text = pattern.sub(token, text)
    # Capitals are the recogniser's, not the caller's: VADER would hear them as shouting.
    return float(_analyser().polarity_scores(text.lower())["compound"]) if text.strip(" .,!?") else 0.0


def _joined(values: Sequence[tuple[float, int]]) -> float:
    """Mean over sentences, the strong and the long ones heavier, the last one a little heavier still."""
    weights = [
        (0.15 + abs(value)) * math.sqrt(length) * (1.15 if place == len(values) - 1 else 1.0)
        for place, (value, length) in enumerate(values)
    ]
    total = sum(weights)
    return sum(value * weight for (value, _), weight in zip(values, weights, strict=True)) / total if total else 0.0


def _sarcastic(text: str) -> bool:
    """Praise for a bad thing: "another hour on hold, great", "well done, now it doesn't work either"."""
    praise, trouble = _PRAISE.search(text), _TROUBLE.search(text)
    if praise is None or trouble is None:
        return False
    # What speaks against sarcasm must stand outside the trouble itself ("does not work").
    return not _NOT_PRAISE.search(_TROUBLE.sub(" ", text))


# -- a whole call --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mood:
    """The sentiment of a call."""

    sentiments: tuple[Sentiment, ...]
    course: tuple[CoursePoint, ...]
    customer: float | None
    agent: float | None
    findings: tuple[Finding, ...]


def read_mood(transcript: Transcript) -> Mood:
    """Tone of every utterance, its course, both parties' overall, and where the customer's mood turned."""
    sentiments = tuple(
        Sentiment(utterance=each.index, value=tone.value, confidence=tone.confidence)
        for each in transcript.utterances
        if transcript.role_of(each) is not Role.SYSTEM
        for tone in (tone_of(each.text, agent=transcript.role_of(each) is Role.AGENT),)
    )
    return Mood(
        sentiments=sentiments,
        course=_course(transcript, sentiments),
        customer=_overall(transcript, sentiments, Role.CUSTOMER),
        agent=_overall(transcript, sentiments, Role.AGENT),
        findings=tuple(_shifts(transcript, sentiments)),
    )


def _weight(transcript: Transcript, sentiment: Sentiment) -> float:
    """Long and outspoken utterances tell more than "yes" and numbers."""
    words = len(transcript.utterances[sentiment.utterance].text.split())
    return math.sqrt(words) * (0.25 + abs(sentiment.value)) * sentiment.confidence


def _overall(transcript: Transcript, sentiments: Sequence[Sentiment], role: Role) -> float | None:
    own = [each for each in sentiments if transcript.role_of(transcript.utterances[each.utterance]) is role]
    if sum(len(transcript.utterances[each.utterance].text.split()) for each in own) < _MIN_WORDS:
        return None
    weights = [_weight(transcript, each) for each in own]
    total = sum(weights)
    if not total:
        return 0.0
    return round(sum(each.value * weight for each, weight in zip(own, weights, strict=True)) / total, 3)


def _course(transcript: Transcript, sentiments: Sequence[Sentiment]) -> tuple[CoursePoint, ...]:
    """At most 60 points of equal length, each a mean over its neighbourhood (Gaussian, 15 s); None where silent."""
    if transcript.duration <= 0 or not sentiments:
        return ()
    count = max(1, min(_POINTS, round(transcript.duration / 5)))
    step = transcript.duration / count
    spread = max(_SPREAD_SECONDS, step)
    by_role: dict[Role, list[tuple[float, float, float]]] = {Role.AGENT: [], Role.CUSTOMER: []}
    for each in sentiments:
        utterance = transcript.utterances[each.utterance]
        role = transcript.role_of(utterance)
        if role in by_role:
            middle = (utterance.start + utterance.end) / 2
            by_role[role].append((middle, each.value, _weight(transcript, each)))
    points: list[CoursePoint] = []
    for place in range(count):
        at = (place + 0.5) * step
        points.append(
            CoursePoint(
                start=round(place * step, 3),
                end=round(min((place + 1) * step, transcript.duration), 3),
                agent=_smoothed(by_role[Role.AGENT], at, spread),
                customer=_smoothed(by_role[Role.CUSTOMER], at, spread),
            )
        )
    return tuple(points)


def _smoothed(points: Sequence[tuple[float, float, float]], at: float, spread: float) -> float | None:
    near = [(value, weight * math.exp(-(((when - at) / spread) ** 2) / 2)) for when, value, weight in points
            if abs(when - at) <= 2.5 * spread]  # fmt: skip
    total = sum(weight for _, weight in near)
    return round(sum(value * weight for value, weight in near) / total, 3) if total > 1e-9 else None


def _shifts(transcript: Transcript, sentiments: Sequence[Sentiment]) -> list[Finding]:
    """Where the customer's mood falls or rises: the means of three outspoken utterances before and after differ."""
    own = [
        each
        for each in sentiments
        if transcript.role_of(transcript.utterances[each.utterance]) is Role.CUSTOMER
        and (abs(each.value) >= 0.1 or len(transcript.utterances[each.utterance].text.split()) >= 4)
    ]
    candidates: list[tuple[float, int]] = []
    for place in range(1, len(own)):
        before, after = own[max(0, place - 3) : place], own[place : place + 3]
        change = sum(e.value for e in after) / len(after) - sum(e.value for e in before) / len(before)
        # The utterance itself must go the way of the change, or the turn is somewhere else.
        if abs(change) >= _SHIFT and own[place].value * change > 0 and abs(own[place].value) >= _SUPPORT:
            candidates.append((change, place))
    taken: list[int] = []
    found: list[Finding] = []
    for change, place in sorted(candidates, key=lambda each: (-abs(each[0]), each[1])):
        if any(abs(place - other) < 3 for other in taken):
            continue
        taken.append(place)
        utterance = transcript.utterances[own[place].utterance]
        kind = "sentiment_drop" if change < 0 else "sentiment_recovery"
        found.append(
            Finding(
                id=f"{kind}-{utterance.index}",
                kind=kind,
                label="Customer's mood falls" if change < 0 else "Customer's mood recovers",
                start=utterance.start,
                end=utterance.end,
                utterances=(utterance.index,),
                speaker=utterance.speaker,
                value=round(change, 3),
                unit="sentiment",
                quote=" ".join(utterance.text.split()[:30]),
                confidence=round(own[place].confidence, 3),
                rule=f"sentiment/{kind}@1",
            )
        )
    return sorted(found, key=lambda each: each.start)
