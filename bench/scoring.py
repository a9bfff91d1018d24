"""How long the built-in scorecard, widened to thirty questions, takes on a five-minute conversation.

The reference is a bare regular-expression scan for the same phrases over the same text: no tolerance for recogniser
errors, no speakers, no times, no evidence.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import yaml
from demo.dialogue import load_all

from bench.report import emit
from candor.conversation.finding import Analysis, Metric
from candor.conversation.model import Direction, Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance, Word
from candor.scoring.dumper import dump_rule
from candor.scoring.model import Scorecard
from candor.scoring.service import builtin_yaml, load_scorecard, score

WORD_SECONDS = 0.35
PAUSE = 0.45
QUESTIONS = 30
MINUTES = 5


def conversation(minutes: float, skip: int = 0) -> Transcript:
    """Written demo calls one after the other until they fill ``minutes``, from the turn ``skip`` on."""
    utterances: list[Utterance] = []
    at = 0.0
    turns = [turn for call in load_all() for turn in call.turns if turn.text]
    for turn in [*turns[skip:], *turns[:skip]]:
        if at >= minutes * 60:
            break
        start = at = at + PAUSE
        words = []
        for text in turn.text.split():
            words.append(Word(text=text, start=at, end=at + WORD_SECONDS, confidence=0.9))
            at += WORD_SECONDS
        utterances.append(
            Utterance(
                index=len(utterances),
                speaker=0 if turn.speaker == "agent" else 1,
                start=start,
                end=at,
                text=" ".join(word.text for word in words),
                words=tuple(words),
                confidence=0.9,
            )
        )
    return Transcript(
        engine="bench",
        model="bench",
        version="1",
        language="en",
        duration=at,
        speakers=(Speaker(role=Role.AGENT), Speaker(role=Role.CUSTOMER)),
        split=SpeakerSplit.CHANNEL,
        utterances=tuple(utterances),
    )


def widened(text: str) -> Scorecard:
    """The scorecard with questions of its own asked again, every phrase backwards, until there are thirty.

    Backwards, because a rule or phrase that occurs twice is worked out once only.
    """
    data = yaml.safe_load(text)
    questions = [question for section in data["sections"] for question in section["questions"]]
    spoken = [question for question in questions if phrases(question)]
    for question in (*spoken, *spoken)[: QUESTIONS - len(questions)]:
        data["sections"][0]["questions"].append({**backwards(question), "id": f"{question['id']}.again"})
    return load_scorecard(yaml.safe_dump(data))


def backwards(value: Any, *, said: bool = False) -> Any:
    """A question with the words of its phrases in reverse order."""
    if isinstance(value, dict):
        return {key: backwards(item, said=key in {"phrases", "unless"}) for key, item in value.items()}
    if isinstance(value, list):
        return [backwards(item, said=said) for item in value]
    return " ".join(reversed(value.split())) if said else value


def phrases(value: object) -> list[str]:
    """All phrases in the plain form of a rule."""
    if isinstance(value, dict):
        own = [str(item) for key in ("phrases", "unless", "examples") for item in value.get(key, [])]
        return own + [phrase for item in value.values() for phrase in phrases(item)]
    if isinstance(value, list):
        return [phrase for item in value for phrase in phrases(item)]
    return []


def expressions(scorecard: Scorecard) -> list[re.Pattern[str]]:
    """The phrases as one compiled expression each."""
    found = []
    for question in scorecard.questions:
        condition = question.applies_when.rule
        for rule in [each for each in (question.rule, condition) if each is not None]:
            for phrase in phrases(dump_rule(rule)):
                words = [
                    r"(?:\w+\s+){0,5}?" if word == "..." else r"\w+" if word == "*" else f"(?:{word.replace('/', '|')})"
                    for word in phrase.replace("[", r"\[").replace("]", r"_\d+\]").split()
                ]
                found.append(re.compile(r"\s*".join(words), re.IGNORECASE))
    return found


def median_ms(run: Callable[[], object], times: int) -> float:
    """Median wall time of ``run``, milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("small", "full"), default="small")
    size = parser.parse_args().size
    times = 20 if size == "small" else 200
    text = conversation(MINUTES)
    scorecard = widened(builtin_yaml("customer-service-basics"))
    names = ("overlap.share", "speech.rate.agent", "dead_air.longest")
    analysis = Analysis(
        version="bench",
        metrics=tuple(Metric(name=name, value=0.0, unit="", n=1) for name in names),
        findings=(),
        sentiments=(),
        course=(),
        keywords=(),
        categories=(),
    )

    def scored() -> object:
        return score(scorecard, text, analysis, conversation_id="b", transcript_id="b", direction=Direction.INBOUND)

    compiled = expressions(scorecard)
    spoken = [
        " ".join(utterance.text for utterance in text.utterances if utterance.speaker == speaker) for speaker in (0, 1)
    ]
    cold_began = time.perf_counter()
    scored()
    cold = (time.perf_counter() - cold_began) * 1000
    emit(
        name="scoring.five_minutes",
        value=median_ms(scored, times),
        unit="ms",
        n=times,
        reference="bare regex scan of the same phrases",
        reference_value=median_ms(lambda: [bool(each.search(said)) for each in compiled for said in spoken], times),
        size=size,
        questions=len(scorecard.questions),
        phrases=len(compiled),
        words=sum(len(utterance.words) for utterance in text.utterances),
        first_run_ms=round(cold, 1),
    )


if __name__ == "__main__":
    main()
