"""Who is the agent, from what is said (pure): phrases that one side of a service call uses and the other does not."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, Transcript

_AGENT = [
    (re.compile(pattern), weight)
    for pattern, weight in (
        (r"thank(s| you)( so much| very much)? for (calling|holding|waiting|your patience|contacting|choosing)", 4.0),
        (r"how (may|can|could) i (help|assist)|what can i (do|help)", 4.0),
        (r"my name is \w+ (and )?(how|i'?ll be|what)|this is \w+ (how|speaking)|you'?re speaking (with|to)", 2.5),
        (r"(calls? (may be|is|are|will be) (being )?|line is )(recorded|monitored)", 4.0),
        (r"(may|can|could) i (please )?(have|get|take|place|put|ask|verify|confirm)", 2.0),
        (r"(can|could|would) you (please )?(confirm|verify|provide|spell|tell me your)", 2.0),
        (r"let me (check|look|see|pull|verify|transfer|just check|have a look)|bear with me|one moment please", 2.0),
        (r"(i'?m|i am) (so |very |really )?sorry (to hear|about|for (the|any|that))|i (do )?apologi[sz]e", 1.5),
        (
            r"is there anything else|anything else i can|have a (great|nice|good|wonderful|lovely) (day|rest|evening)",
            3.0,
        ),
        (
            r"for (security|verification)( purposes| reasons)?|to verify your|on your account i (can )?see|i can see",
            2.0,
        ),
        (r"i('?ll| will| can) (go ahead|send you|issue|process|transfer you|put you|waive|credit|offer|book)", 2.0),
        (r"(we|i) (can|could) offer|our (records|system|policy|team|supervisors?)|sir|ma'?am", 1.0),
        (r"you will receive|you should (receive|see)|your (reference|confirmation|case|ticket) number is", 2.0),
    )
]
_CUSTOMER = [
    (re.compile(pattern), weight)
    for pattern, weight in (
        (r"i('?m| am) calling (about|because|to|regarding|in regards?)|i (just )?wanted to (ask|know|call)", 3.0),
        (r"i('?d| would) like to (cancel|speak|talk|order|return|know|book|make|check)", 2.0),
        (r"my (bill|account|order|card|internet|phone|package|subscription|flight|policy|invoice|number is)", 1.5),
        (
            r"i (was|have been|got|'?ve been) (charged|billed|waiting|on hold|told|trying)|i have a (problem|question)",
            2.5,
        ),
        (r"(can|could) (you|i) (speak|talk) to|your (supervisor|manager)|you (people|guys)", 2.5),
        (r"i (never|didn'?t|haven'?t) (got|get|receive|order|authori[sz]e|sign)|it'?s not working|doesn'?t work", 2.0),
        (r"(yes|yeah|sure|okay),? (it'?s|my|that'?s)|thanks for your help|thank you for your help", 1.0),
    )
]
_FIRST_SECONDS = 30.0


def attribute(transcript: Transcript) -> Transcript:
    """``transcript`` with roles for speakers whose role is unknown, each marked as guessed.

    With two speakers of whom one is known, the other is the opposite. With two unknown ones the evidence decides; when
    there is none, both stay unknown. A single unsplit speaker stays unknown.
    """
    speakers = list(transcript.speakers)
    unknown = [place for place, speaker in enumerate(speakers) if speaker.role is Role.UNKNOWN]
    if len(speakers) < 2 or not unknown:
        return transcript
    known = {speaker.role for speaker in speakers}
    if len(speakers) == 2 and len(unknown) == 1:
        opposite = {Role.AGENT: Role.CUSTOMER, Role.CUSTOMER: Role.AGENT}
        role = next((opposite[role] for role in known if role in opposite), None)
        if role is not None:
            speakers[unknown[0]] = _guessed(speakers[unknown[0]], role)
    elif not known & {Role.AGENT, Role.CUSTOMER}:
        scores = [_evidence(transcript, place) for place in range(len(speakers))]
        talkative = sorted(unknown, key=lambda place: -scores[place])
        best, second = talkative[0], talkative[1]
        if scores[best] - scores[second] >= 1.5:
            speakers[best] = _guessed(speakers[best], Role.AGENT)
            if len(unknown) == 2:
                speakers[second] = _guessed(speakers[second], Role.CUSTOMER)
    return replace(transcript, speakers=tuple(speakers))


def _guessed(speaker: Speaker, role: Role) -> Speaker:
    return replace(speaker, role=role, role_guessed=True)


def _evidence(transcript: Transcript, speaker: int) -> float:
    """Agent evidence less customer evidence; phrases early in the call weigh double, repeats weigh less."""
    total = 0.0
    counts: dict[str, int] = {}
    for utterance in transcript.utterances:
        if utterance.speaker != speaker:
            continue
        said = re.sub(r"[^\w' ]", "", utterance.text.lower().replace("’", "'"))
        early = 2.0 if utterance.start < _FIRST_SECONDS else 1.0
        for sign, phrases in ((1.0, _AGENT), (-1.0, _CUSTOMER)):
            for pattern, weight in phrases:
                if pattern.search(said):
                    seen = counts[pattern.pattern] = counts.get(pattern.pattern, 0) + 1
                    total += sign * weight * early / math.sqrt(seen)
    return total
