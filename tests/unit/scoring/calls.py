"""Short transcripts for the tests of this room, written as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from candor.conversation.evaluation import Answer, Evaluation
from candor.conversation.finding import Analysis, Finding, Metric, Sentiment
from candor.conversation.model import Direction, Role
from candor.conversation.transcript import PiiKind, PiiSpan, Speaker, SpeakerSplit, Transcript, Utterance, Word
from candor.scoring.model import Scorecard
from candor.scoring.service import load_scorecard, score

AGENT, CUSTOMER = 0, 1
FILLER = "A: the weather over here is grey today\nC: well it is much the same where we are"


def transcript(
    lines: str,
    *,
    confidence: float = 0.9,
    split: SpeakerSplit = SpeakerSplit.CHANNEL,
    language: str = "en",
    roles: Sequence[Role] = (Role.AGENT, Role.CUSTOMER, Role.SYSTEM),
    role_guessed: bool = False,
) -> Transcript:
    """``A: …``, ``C: …`` or ``S: …`` a line; ``@12`` in front sets the time; a word takes .4 s, a turn change .5 s."""
    at = 0.0
    utterances: list[Utterance] = []
    for raw in filter(None, (line.strip() for line in lines.splitlines())):
        line = raw
        if line[0] == "@":
            moment, line = line[1:].split(" ", 1)
            at = float(moment)
        who, text = line.split(": ", 1)
        words = []
        start = at
        for word in text.split():
            words.append(Word(text=word, start=at, end=at + 0.4, confidence=confidence))
            at += 0.4
        speaker = min("ACS".index(who), len(roles) - 1)
        utterances.append(
            Utterance(
                index=len(utterances),
                speaker=speaker,
                start=start,
                end=at,
                text=" ".join(word.text for word in words),
                words=tuple(words),
                confidence=confidence,
            )
        )
        at += 0.5
    return Transcript(
        engine="test",
        model="test",
        version="1",
        language=language,
        duration=at,
        speakers=tuple(Speaker(role=role, channel=i, role_guessed=role_guessed) for i, role in enumerate(roles)),
        split=split,
        utterances=tuple(utterances),
    )


def analysis(
    *,
    metrics: Mapping[str, float] | None = None,
    findings: Sequence[Finding] = (),
    sentiments: Sequence[tuple[int, float]] = (),
    categories: Sequence[str] = (),
    customer: float | None = 0.1,
) -> Analysis:
    """An analysis with just these parts."""
    return Analysis(
        version="test",
        metrics=tuple(Metric(name=name, value=value, unit="s", n=1) for name, value in (metrics or {}).items()),
        findings=tuple(findings),
        sentiments=tuple(Sentiment(utterance=i, value=value, confidence=1.0) for i, value in sentiments),
        course=(),
        keywords=(),
        categories=tuple(categories),
        sentiment_customer=customer,
        sentiment_agent=0.2,
    )


def hold(start: float, end: float) -> Finding:
    """A hold from the analysis."""
    return Finding(id="hold-1", kind="hold", label="On hold", start=start, end=end, value=end - start, unit="s")


def spans(text: Transcript) -> tuple[PiiSpan, ...]:
    """The personal data that the placeholders of a redacted transcript stand for."""
    found = []
    for utterance in text.utterances:
        for place, word in enumerate(utterance.words):
            if word.text.startswith("["):
                name = word.text.strip("[].,?!").rsplit("_", 1)[0]
                found.append(
                    PiiSpan(
                        kind=PiiKind(name),
                        utterance=utterance.index,
                        first_word=place,
                        last_word=place,
                        start=word.start,
                        end=word.end,
                        placeholder=word.text,
                        rule="test@1",
                        confidence=1.0,
                    )
                )
    return tuple(found)


def card(rule: str, *, extra: str = "") -> Scorecard:
    """A scorecard of one question ``q`` with this rule (YAML in flow style)."""
    return load_scorecard(
        f"id: one\nversion: 3\ntitle: One\nsections:\n- title: S\n  weight: 1\n  questions:\n"
        f"  - id: q\n    text: Q?\n    {extra or 'weight: 1'}\n    rule: {rule}\n"
    )


def evaluate(
    scorecard: Scorecard,
    text: Transcript,
    noticed: Analysis | None = None,
    *,
    direction: Direction = Direction.INBOUND,
    embed: object = None,
) -> Evaluation:
    """Score a test transcript."""
    return score(
        scorecard,
        text,
        noticed or analysis(),
        conversation_id="c",
        transcript_id="t",
        direction=direction,
        pii=spans(text),
        embed=embed,  # type: ignore[arg-type]
    )


def answer(evaluation: Evaluation, question: str = "q") -> Answer:
    """The answer to one question."""
    return next(item for item in evaluation.answers if item.question == question)
