"""A conversation that went through several hands: the part that each agent had, and what of it is judged by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from candor.conversation.evaluation import Evaluation
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Gap, Role
from candor.conversation.transcript import PiiSpan, Redaction, Transcript
from candor.errors import InvalidInput
from candor.scoring.model import Scorecard, Segments

Analyse = Callable[[Transcript, Sequence[PiiSpan], Sequence[Gap]], Analysis]
"""What is noticed in a redacted transcript; the gaps are where nothing was recorded."""
_STAFF = frozenset({Role.AGENT, Role.SUPERVISOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The part of a transferred conversation that one agent had."""

    id: str
    agent_id: str | None
    name: str
    start: float
    end: float | None
    """Seconds; None: to the end."""
    channel: int | None = None
    """On which the agent is heard alone; None: mixed, or not known."""


def legs_of(conversation: Conversation) -> tuple[Leg, ...]:
    """The legs of a conversation that went through several hands, in order of time; none when it was one agent's."""
    staff = [party for party in conversation.parties if party.role in _STAFF]
    if len(staff) < 2:
        return ()
    legs = [
        Leg(
            id=(party.agent_id or f"party-{place + 1}")[:64], agent_id=party.agent_id,
            name=party.name or party.agent_id or f"{place + 1}", start=party.joined or 0.0, end=party.left,
            channel=party.channel,
        )
        for place, party in enumerate(staff)
    ]  # fmt: skip
    named = {leg.id: leg for leg in reversed(legs)}  # who came twice has one leg, from the first time on
    return tuple(sorted(named.values(), key=lambda leg: leg.start)) if len(named) > 1 else ()


def judged_leg(
    conversation: Conversation, scorecard: Scorecard, wanted: str | None, *, own: str | None, follow: bool
) -> Leg | None:
    """The leg that a person's form is about; None: the whole. Raises InvalidInput for one that is not there.

    A scorecard for each leg never judges the whole: without a word it is ``own`` (the agent who judges themselves),
    else the first. ``follow``: what is wanted holds as it is, because an earlier evaluation is judged again.
    """
    legs = legs_of(conversation)
    if wanted is not None:
        leg = next((each for each in legs if each.id == wanted), None)
        if leg is None:
            raise InvalidInput("The conversation has no such leg.", code="form.segment")
        return leg
    if follow or not legs or scorecard.segments is not Segments.EACH:
        return None
    return next((each for each in legs if own is not None and each.agent_id == own), legs[0])


def told_apart(legs: Sequence[Leg]) -> bool:
    """Whether it is known which words belong to which leg: by when each agent was there, or by channels."""
    channels = [leg.channel for leg in legs]
    if None not in channels and len(set(channels)) == len(legs):
        return True
    return all(before.end is not None and before.end <= after.start + 1 for before, after in pairwise(legs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What was said in one leg, as a conversation by itself on the same time line."""

    leg: Leg
    redaction: Redaction
    analysis: Analysis
    utterances: tuple[int, ...]
    """Of each of its utterances the place in the whole."""

    def in_the_whole(self, evaluation: Evaluation) -> Evaluation:
        """An evaluation of it with its evidence where it lies in the whole conversation."""
        begin, end = self.leg.start, self.redaction.transcript.duration
        answers = tuple(
            replace(
                answer,
                evidence=tuple(
                    replace(
                        one, start=min(max(one.start, begin), end), end=min(max(one.end, begin), end),
                        utterance=None if one.utterance is None else self.utterances[one.utterance],
                    )
                    for one in answer.evidence
                ),
            )
            for answer in evaluation.answers
        )  # fmt: skip
        return replace(evaluation, answers=answers, segment=self.leg.id)


def cut(conversation: Conversation, redaction: Redaction, analyse: Analyse) -> tuple[Stretch, ...]:
    """The legs in which anything was said; none where it is one agent's, or nothing tells the legs apart."""
    legs = legs_of(conversation)
    if not legs or not told_apart(legs):
        return ()
    found = (_stretch(leg, legs, conversation, redaction, analyse) for leg in legs)
    return tuple(each for each in found if each is not None)


def _stretch(
    leg: Leg, legs: Sequence[Leg], conversation: Conversation, redaction: Redaction, analyse: Analyse
) -> Stretch | None:
    whole = redaction.transcript
    stop = whole.duration if leg.end is None else min(leg.end, whole.duration)
    last = leg.end is None or leg.end >= whole.duration
    others = {one.channel for one in legs if one.channel is not None} - {leg.channel}
    places = tuple(
        each.index
        for each in whole.utterances
        if leg.start <= each.start
        and (each.start < stop or last)
        and whole.speakers[each.speaker].channel not in others
    )
    if not places:
        return None
    new = {old: place for place, old in enumerate(places)}
    said = replace(
        whole, duration=stop, utterances=tuple(replace(whole.utterances[old], index=new[old]) for old in places)
    )
    spans = tuple(replace(each, utterance=new[each.utterance]) for each in redaction.spans if each.utterance in new)
    return Stretch(
        leg=leg, redaction=replace(redaction, transcript=said, spans=spans), utterances=places,
        analysis=_noticed(said, spans, leg.start, conversation.gaps, analyse),
    )  # fmt: skip


def _noticed(
    said: Transcript, spans: Sequence[PiiSpan], begin: float, gaps: Sequence[Gap], analyse: Analyse
) -> Analysis:
    """Figures and findings of the leg alone: as of a conversation that begins with it, then moved to its place."""
    earlier = replace(
        said, duration=said.duration - begin,
        utterances=tuple(
            replace(
                each, start=each.start - begin, end=each.end - begin,
                words=tuple(replace(word, start=word.start - begin, end=word.end - begin) for word in each.words),
            )
            for each in said.utterances
        ),
    )  # fmt: skip
    without = [
        replace(gap, start=max(gap.start, begin) - begin, stop=min(gap.stop, said.duration) - begin)
        for gap in gaps
        if gap.stop > begin and gap.start < said.duration
    ]
    found = analyse(earlier, spans, without)
    return replace(
        found,
        metrics=tuple(
            replace(each, start=_later(each.start, begin), end=_later(each.end, begin)) for each in found.metrics
        ),
        findings=tuple(replace(each, start=each.start + begin, end=each.end + begin) for each in found.findings),
        course=tuple(replace(each, start=each.start + begin, end=each.end + begin) for each in found.course),
    )


def _later(moment: float | None, by: float) -> float | None:
    return None if moment is None else moment + by
