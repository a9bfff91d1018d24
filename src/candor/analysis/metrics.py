"""Talk, silence, holds, interruptions, turns and response times: figures and the findings behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from candor.analysis.definitions import DEAD_AIR_SECONDS, METRICS
from candor.analysis.speech import (
    PLACEHOLDER,
    Interval,
    Run,
    Speech,
    common,
    is_back_channel,
    merge,
    read_speech,
    total,
)
from candor.conversation.finding import Finding, Metric
from candor.conversation.model import Gap, Role
from candor.conversation.transcript import SpeakerSplit, Transcript

_MIN_INSIDE = 0.3
_MIN_OVERLAP = 0.5
_LONG_OVERLAP = 1.0
_SETTLED = 1.0
_ANNOUNCED_WITHIN = 12.0
_THANKED_WITHIN = 12.0
_PERCENTILE = 0.9
_MIN_WORDS = 5
_LABELS = {Role.AGENT: "Agent", Role.CUSTOMER: "Customer"}


@dataclass(frozen=True, slots=True)
class HoldPhrases:
    """Utterances in which a hold is announced, and in which the customer is thanked for holding."""

    announced: frozenset[int] = frozenset()
    thanked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on a call."""

    metrics: tuple[Metric, ...]
    findings: tuple[Finding, ...]


def measure(transcript: Transcript, holds: HoldPhrases | None = None, gaps: Sequence[Gap] = ()) -> Measured:
    """All metrics that this call allows, by name as in ``METRICS``, and the findings about time.

    ``gaps`` are stretches of which nothing was recorded: on hold as the phone system told, or on purpose.
    """
    speech = read_speech(transcript)
    if not speech.runs:
        silent = [_metric("silence.seconds", speech.duration, 1)]
        if speech.duration > 0:
            silent.append(_metric("silence.share", 1.0, 1))
        return Measured(tuple(silent), ())
    silences = _silences(speech, holds or HoldPhrases(), gaps)
    crossings = _interruptions(speech)
    metrics = [
        *_talk(speech),
        *_silence(speech, silences),
        *_overlap(speech),
        *_turn_lengths(speech),
        *_responses(speech),
        *_interruption_counts(speech, crossings),
    ]
    findings = (*silences, *crossings, *_overlap_findings(speech))
    return Measured(tuple(metrics), findings)


def _metric(name: str, value: float, n: int, utterances: Sequence[int] = (), at: Interval | None = None) -> Metric:
    start, end = at if at is not None else (None, None)
    return Metric(
        name=name,
        value=round(value, 4),
        unit=METRICS[name].unit,
        n=n,
        utterances=tuple(utterances),
        start=start,
        end=end,
    )


def _roles(speech: Speech) -> list[Role]:
    return [role for role in (Role.AGENT, Role.CUSTOMER) if role in speech.by_role]


def _talk(speech: Speech) -> list[Metric]:
    seconds = {role: total(intervals) for role, intervals in speech.by_role.items()}
    everyone, anyone = sum(seconds.values()), total(speech.anyone)
    found: list[Metric] = []
    for role in _roles(speech):
        own = [run for run in speech.runs if speech.transcript.speakers[run.speaker].role is role]
        found.append(_metric(f"talk.seconds.{role}", seconds[role], len(own)))
        if everyone > 0:
            found.append(_metric(f"talk.share.{role}", seconds[role] / everyone, len(speech.runs)))
            others = merge(each for other, them in speech.by_role.items() if other is not role for each in them)
            listening = total(others) - total(common(others, speech.by_role[role]))
            found.append(_metric(f"listen.share.{role}", max(0.0, listening) / anyone, len(speech.runs)))
        found.extend(_rate(speech, role, seconds[role]))
    return found


def _rate(speech: Speech, role: Role, seconds: float) -> list[Metric]:
    words, masked = 0, 0.0
    for utterance in speech.transcript.utterances:
        if speech.transcript.role_of(utterance) is not role:
            continue
        said = utterance.text.split()
        hidden = sum(1 for word in said if PLACEHOLDER.search(word))
        words += sum(1 for word in said if any(c.isalnum() for c in word)) - hidden
        if utterance.words:
            masked += sum(word.end - word.start for word in utterance.words if PLACEHOLDER.search(word.text))
        elif said:
            masked += (utterance.end - utterance.start) * hidden / len(said)
    spoken = seconds - masked
    if words < _MIN_WORDS or spoken <= 0:
        return []
    return [_metric(f"speech.rate.{role}", words * 60 / spoken, words)]


def _silence(speech: Speech, silences: Sequence[Finding]) -> list[Metric]:
    quiet = max(0.0, speech.duration - total(speech.anyone))
    gaps = list(_gaps(speech))
    holds = [each for each in silences if each.kind == "hold"]
    dead = [each for each in silences if each.kind == "dead_air"]
    found = [_metric("silence.seconds", quiet, len(gaps))]
    if speech.duration > 0:
        found.append(_metric("silence.share", min(1.0, quiet / speech.duration), len(gaps)))
    if gaps:
        longest = max(gaps, key=lambda gap: gap[1] - gap[0])
        found.append(_metric("silence.longest", longest[1] - longest[0], len(gaps), at=longest))
    found.append(_metric("dead_air.count", len(dead), len(gaps)))
    found.append(_longest("dead_air.longest", dead, len(gaps)))
    found.append(_metric("hold.count", len(holds), len(gaps)))
    found.append(_metric("hold.seconds", sum(each.end - each.start for each in holds), len(holds)))
    found.append(_longest("hold.longest", holds, len(gaps)))
    return found


def _longest(name: str, among: Sequence[Finding], n: int) -> Metric:
    if not among:
        return _metric(name, 0.0, n)
    longest = max(among, key=lambda each: each.end - each.start)
    return _metric(name, longest.end - longest.start, n, longest.utterances, (longest.start, longest.end))


def _gaps(speech: Speech) -> list[Interval]:
    return [(left[1], right[0]) for left, right in pairwise(speech.anyone)]


def _silences(speech: Speech, phrases: HoldPhrases, told: Sequence[Gap]) -> list[Finding]:
    """Each long silence between speech: a hold when it was told, announced or thanked for, else dead air.

    Silence that was made by not recording is neither.
    """
    found: list[Finding] = []
    for start, end in _gaps(speech):
        if end - start < DEAD_AIR_SECONDS:
            continue
        before = [run for run in speech.runs if run.end <= start + 1e-6 and start - run.end < _ANNOUNCED_WITHIN]
        after = [run for run in speech.runs if end - 1e-6 <= run.start < end + _THANKED_WITHIN]
        announced = [run for run in before if run.utterance in phrases.announced]
        thanked = [run for run in after if run.utterance in phrases.thanked]
        reason = _told(told, start, end)
        if reason not in {None, "on_hold"}:
            continue
        kind = "hold" if reason or announced or thanked else "dead_air"
        frame = sorted({run.utterance for run in (*before[-1:], *announced[-1:], *after[:1], *thanked[:1])})
        found.append(
            Finding(
                id=f"{kind}-{round(start * 1000)}",
                kind=kind,
                label="On hold" if kind == "hold" else "Dead air",
                start=start,
                end=end,
                utterances=tuple(frame),
                value=round(end - start, 3),
                unit="s",
                confidence=1.0 if reason else 0.9 if announced and thanked else 0.8 if kind == "hold" else 0.85,
                rule=f"metrics/{kind}@1",
            )
        )
    return found


def _told(gaps: Sequence[Gap], start: float, end: float) -> str | None:
    """Why nothing was recorded for most of a silence; None when something was."""
    for gap in gaps:
        if min(end, gap.stop) - max(start, gap.start) > (end - start) / 2:
            return gap.reason
    return None


def _overlap(speech: Speech) -> list[Metric]:
    both = _both(speech)
    seconds, anyone = total(both), total(speech.anyone)
    found = [_metric("overlap.seconds", seconds, len(both))]
    if anyone > 0:
        found.append(_metric("overlap.share", seconds / anyone, len(both)))
    return found


def _both(speech: Speech) -> list[Interval]:
    roles = list(speech.by_role)
    pairs = [(a, b) for i, a in enumerate(roles) for b in roles[i + 1 :]]
    return merge(each for a, b in pairs for each in common(speech.by_role[a], speech.by_role[b]))


def _sure(speech: Speech) -> float:
    """How far overlaps can be believed: two voices in one channel are told apart by guess, overlaps worst of all."""
    return 0.9 if speech.transcript.split in {SpeakerSplit.CHANNEL, SpeakerSplit.GIVEN} else 0.45


def _overlap_findings(speech: Speech) -> list[Finding]:
    found: list[Finding] = []
    for start, end in _both(speech):
        if end - start < _LONG_OVERLAP:
            continue
        inside = sorted({run.utterance for run in speech.runs if run.start < end and run.end > start})
        found.append(
            Finding(
                id=f"overlap-{round(start * 1000)}",
                kind="overlap",
                label="Both speak at once",
                start=start,
                end=end,
                utterances=tuple(inside),
                value=round(end - start, 3),
                unit="s",
                confidence=_sure(speech),
                rule="metrics/overlap@1",
            )
        )
    return found


def _interruptions(speech: Speech) -> list[Finding]:
    found: list[Finding] = []
    active: list[Run] = []
    last_end: dict[int, float] = {}
    for run in speech.runs:
        active = [other for other in active if other.end > run.start]
        rested = run.start - last_end.get(run.speaker, -math.inf) >= _SETTLED
        last_end[run.speaker] = max(run.end, last_end.get(run.speaker, 0.0))
        held = next((other for other in active if _cuts_in(speech, run, other)), None)
        active.append(run)
        if held is None or not rested or is_back_channel(run.words):
            continue
        role = speech.transcript.speakers[run.speaker].role
        found.append(
            Finding(
                id=f"interruption-{run.utterance}-{round(run.start * 1000)}",
                kind="interruption",
                label=f"{_LABELS.get(role, 'Somebody')} interrupts",
                start=run.start,
                end=min(run.end, held.end),
                utterances=(held.utterance, run.utterance),
                speaker=run.speaker,
                value=round(min(run.end, held.end) - run.start, 3),
                unit="s",
                confidence=_sure(speech),
                rule="metrics/interruption@1",
            )
        )
    return found


def _cuts_in(speech: Speech, run: Run, other: Run) -> bool:
    if speech.transcript.speakers[other.speaker].role is speech.transcript.speakers[run.speaker].role:
        return False
    overlap = min(run.end, other.end) - run.start
    yields = other.end <= run.end and overlap >= _MIN_OVERLAP
    return run.start - other.start >= _MIN_INSIDE and (yields or overlap > _LONG_OVERLAP)


def _interruption_counts(speech: Speech, crossings: Sequence[Finding]) -> list[Metric]:
    found: list[Metric] = []
    for role in _roles(speech):
        own = [
            each
            for each in crossings
            if each.speaker is not None and speech.transcript.speakers[each.speaker].role is role
        ]
        heard = sorted({each.utterances[-1] for each in own})
        found.append(_metric(f"interruption.count.{role}", len(own), len(speech.runs), heard))
    return found


def _turn_lengths(speech: Speech) -> list[Metric]:
    found: list[Metric] = []
    for role in _roles(speech):
        turns = [turn for turn in speech.turns if turn.role is role]
        found.append(_metric(f"turn.count.{role}", len(turns), len(turns)))
        if not turns:
            continue
        longest = max(turns, key=lambda turn: turn.end - turn.start)
        length, at = longest.end - longest.start, (longest.start, longest.end)
        mean = sum(turn.end - turn.start for turn in turns) / len(turns)
        found.append(_metric(f"turn.mean.{role}", mean, len(turns)))
        found.append(_metric(f"turn.longest.{role}", length, len(turns), longest.utterances, at))
        if role is Role.CUSTOMER:
            found.append(_metric("monologue.longest.customer", length, len(turns), longest.utterances, at))
    return found


def _responses(speech: Speech) -> list[Metric]:
    found: list[Metric] = []
    first = next((r for r in speech.runs if speech.transcript.speakers[r.speaker].role is Role.AGENT), None)
    if first is not None:
        found.append(_metric("first_word.agent", first.start, 1, (first.utterance,), (0.0, first.start)))
    waits = sorted(
        max(0.0, right.start - left.end)
        for left, right in pairwise(speech.turns)
        if left.role is Role.CUSTOMER and right.role is Role.AGENT
    )
    if waits:
        found.append(_metric("response.median.agent", _quantile(waits, 0.5), len(waits)))
        found.append(_metric("response.p90.agent", _quantile(waits, _PERCENTILE), len(waits)))
    return found


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between the closest ranks (Hyndman and Fan 1996, type 7)."""
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
