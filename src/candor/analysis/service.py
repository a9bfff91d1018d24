"""Analyse a redacted transcript: one verb for the figures, one for the vectors that others reuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from candor.analysis.keywords import find_keywords, keyword_findings
from candor.analysis.metrics import HoldPhrases, measure
from candor.analysis.phrases import PhraseBook, default_phrases, spot, spot_meaning
from candor.analysis.ports import Embedder
from candor.analysis.sentiment import read_mood
from candor.conversation.finding import Analysis, Finding
from candor.conversation.model import Gap
from candor.conversation.transcript import PiiSpan, Transcript

VERSION = "1"
_MIN_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedTranscript:
    """Vectors of the utterances that have at least three words, and of whose model they are."""

    model: str
    """Name and version; vectors of different models are never compared."""
    indexes: tuple[int, ...]
    """Utterance of each row."""
    matrix: NDArray[np.float32]
    """Unit vectors, shape (len(indexes), dimension)."""


class Analyser:
    """Everything that is noticed in a conversation. Holds no state of conversations: one serves many threads."""

    def __init__(self, embedder: Embedder | None = None, phrases: PhraseBook | None = None) -> None:
        self._embedder = embedder
        self._phrases = phrases or default_phrases()
        self._examples: dict[str, NDArray[np.float32]] | None = None

    @property
    def version(self) -> str:
        """Of the rules, the phrases and the model: the same version on the same transcript gives the same analysis."""
        return f"{VERSION}+phrases@{self._phrases.version}" + (f"+{self.model}" if self._embedder else "")

    @property
    def model(self) -> str | None:
        """Name and version of the embedder, None without one."""
        return f"{self._embedder.name}@{self._embedder.version}" if self._embedder else None

    def embed(self, transcript: Transcript) -> EmbeddedTranscript | None:
        """Vectors of the utterances, computed once for analysis, scoring and search alike; None without a model."""
        if self._embedder is None or self.model is None:
            return None
        chosen = [each for each in transcript.utterances if len(each.text.split()) >= _MIN_WORDS]
        return EmbeddedTranscript(
            model=self.model,
            indexes=tuple(each.index for each in chosen),
            matrix=self._embedder([each.text for each in chosen]),
        )

    def analyse(
        self,
        transcript: Transcript,
        masked: Sequence[PiiSpan] = (),  # noqa: ARG002  part of the room's contract: kept for rules about masked data
        embedded: EmbeddedTranscript | None = None,
        gaps: Sequence[Gap] = (),
    ) -> Analysis:
        """The analysis of a redacted transcript; vectors are computed here when a model is there and none are given.

        ``gaps``: where nothing was recorded.
        """
        findings = spot(self._phrases, transcript)
        embedded = embedded or self.embed(transcript)
        if embedded is not None and self._embedder is not None and embedded.model == self.model:
            examples = self._example_vectors(self._embedder)
            found = spot_meaning(self._phrases, transcript, findings, embedded.indexes, embedded.matrix, examples)
            findings.extend(found)
        measured = measure(transcript, _hold_phrases(findings), gaps)
        mood = read_mood(transcript)
        keywords = find_keywords(transcript)
        everything = [*findings, *measured.findings, *mood.findings, *keyword_findings(transcript, keywords)]
        return Analysis(
            version=self.version,
            metrics=measured.metrics,
            findings=_in_order(everything, max(0.0, transcript.duration)),
            sentiments=mood.sentiments,
            course=mood.course,
            keywords=keywords,
            categories=_categories(findings),
            sentiment_customer=mood.customer,
            sentiment_agent=mood.agent,
        )

    def _example_vectors(self, embedder: Embedder) -> dict[str, NDArray[np.float32]]:
        if self._examples is None:
            self._examples = {
                category.id: embedder(category.examples)
                for category in self._phrases.categories.values()
                if category.examples
            }
        return self._examples


def _hold_phrases(findings: Sequence[Finding]) -> HoldPhrases:
    def said(category: str) -> frozenset[int]:
        return frozenset(each.utterances[0] for each in findings if each.category == category)

    return HoldPhrases(announced=said("hold_request"), thanked=said("hold_return"))


def _in_order(findings: Sequence[Finding], duration: float) -> tuple[Finding, ...]:
    """By time, inside the call; two of the same id get a number each, in that order."""
    seen: dict[str, int] = {}
    unique: list[Finding] = []
    for each in sorted(findings, key=lambda finding: (finding.start, finding.end, finding.id)):
        seen[each.id] = seen.get(each.id, 0) + 1
        name = each.id if seen[each.id] == 1 else f"{each.id}-{seen[each.id]}"
        start = min(max(0.0, each.start), duration)
        unique.append(replace(each, id=name, start=start, end=min(max(start, each.end), duration)))
    return tuple(unique)


def _categories(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Most certain first: the chance that at least one of its findings is right, taken as independent."""
    doubt: dict[str, float] = {}
    for each in findings:
        if each.category is not None:
            doubt[each.category] = doubt.get(each.category, 1.0) * (1 - min(0.99, each.confidence))
    return tuple(sorted(doubt, key=lambda name: (doubt[name], name)))
