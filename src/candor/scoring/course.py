"""Rules about how a conversation goes as a whole: the steps of a procedure, was it solved, does it repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from itertools import chain

from candor.conversation.evaluation import Evidence, Verdict
from candor.conversation.model import Role
from candor.scoring.context import Context, Outcome
from candor.scoring.model import About, Repeat, Resolution, Rule, Says, Step, Steps
from candor.scoring.speech import Found, Window, find, heard, unanswerable

Judge = Callable[[Rule, Context], Outcome]
_MOST_EVIDENCE = 12
_COUNTED = 0.9
_TOLD = 0.8


# -- steps of a procedure --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Taken:
    """A step that was taken: when first, and in which turn."""

    step: Step
    outcome: Outcome
    start: float | None
    utterance: int | None


def judge_steps(rule: Steps, context: Context, judge: Judge) -> Outcome:  # noqa: PLR0911  one return a way it can end
    """Were they taken, and in order?

    A step that was taken twice counts where it was taken first. Two steps in one turn are in order.
    """
    outcomes = [(step, judge(step.rule, context)) for step in rule.steps]
    taken = {step.id: _taken(step, outcome) for step, outcome in outcomes if outcome.verdict is Verdict.YES}
    unsure = next((outcome for _, outcome in outcomes if outcome.verdict is Verdict.CANNOT_TELL), None)
    if not taken:
        required = next((outcome for step, outcome in outcomes if step.required), None)
        if unsure is not None:
            return unsure
        if required is None:
            return Outcome(verdict=Verdict.NOT_APPLICABLE, confidence=min(each.confidence for _, each in outcomes),
                           reason="None of the steps was taken.")  # fmt: skip
        return replace(required, verdict=Verdict.NO, reason="None of the steps was taken.")
    missing = [(step, outcome) for step, outcome in outcomes if step.required and outcome.verdict is Verdict.NO]
    early = _out_of_order(rule, taken)
    shown = tuple(_step_evidence(each) for each in _in_time(taken.values()))[:_MOST_EVIDENCE]
    if early:
        what = "; ".join(f'"{_name(late)}" came before "{_name(first)}"' for first, late in early[:3])
        pair = [each for first, late in early[:2] for each in (late, first)]
        return Outcome(
            verdict=Verdict.NO,
            confidence=max(min(first.outcome.confidence, late.outcome.confidence) for first, late in early),
            reason=f"Out of order: {what}." + _missing(missing),
            evidence=tuple(dict.fromkeys(chain((_step_evidence(each) for each in pair), shown)))[:_MOST_EVIDENCE],
        )
    if missing:
        return Outcome(
            verdict=Verdict.NO,
            confidence=max(outcome.confidence for _, outcome in missing),
            reason=_missing(missing).strip(),
            evidence=(*(each for _, outcome in missing[:2] for each in outcome.evidence[:1]), *shown)[:_MOST_EVIDENCE],
        )
    if unsure is not None:
        return unsure
    done = _in_time(taken.values())
    return Outcome(
        verdict=Verdict.YES,
        confidence=min(each.outcome.confidence for each in done),
        reason="In order: " + ", ".join(_name(each) for each in done) + ".",
        evidence=shown,
        spans=tuple(span for each in done for span in each.outcome.spans[:1]),
    )


def _taken(step: Step, outcome: Outcome) -> _Taken:
    start = min(outcome.spans)[0] if outcome.spans else None
    utterance = next((each.utterance for each in outcome.evidence if start is not None and each.start == start), None)
    return _Taken(step, outcome, start, utterance)


def _out_of_order(rule: Steps, taken: dict[str, _Taken]) -> list[tuple[_Taken, _Taken]]:
    """(what comes first, what came before it) for each pair of taken steps that stand the wrong way round."""
    found: list[tuple[_Taken, _Taken]] = []
    listed: list[str] = []
    for step in rule.steps:
        late = taken.get(step.id)
        for name in listed if step.after is None else step.after:
            first = taken.get(name)
            if late is None or first is None or late.start is None or first.start is None:
                continue
            if late.start < first.start and (late.utterance is None or late.utterance != first.utterance):
                found.append((first, late))
        listed.append(step.id)
    return found


def _in_time(taken: Iterable[_Taken]) -> list[_Taken]:
    return sorted(taken, key=lambda each: each.start if each.start is not None else float("inf"))


def _name(taken: _Taken) -> str:
    return taken.step.id.replace("_", " ")


def _missing(missing: Sequence[tuple[Step, Outcome]]) -> str:
    names = ", ".join(f'"{step.id.replace("_", " ")}"' for step, _ in missing[:5])
    return f" Missing: {names}." if missing else ""


def _step_evidence(taken: _Taken) -> Evidence:
    found = taken.outcome.evidence
    first = next((each for each in found if each.utterance == taken.utterance), found[0] if found else None)
    if first is None:
        return Evidence(start=taken.start or 0.0, end=taken.start or 0.0, note=_name(taken))
    return replace(first, note=_name(taken))


# -- was it solved? --------------------------------------------------------------------------------------------------

_DONE_WORDS = (
    "submitted/processed/booked/changed/updated/cancelled/canceled/reserved/confirmed/refunded/credited/fixed/resolved/"
    "activated/sent/scheduled/rescheduled/removed/added/issued/completed/reset/restored/approved/corrected/replaced/"
    "renewed/placed/registered/logged/filed/arranged/extended/applied/upgraded/ordered/reported/shipped/unlocked/solved"
)
_SAYS_DONE = (
    f"has/have been {_DONE_WORDS}",
    f"has/have been * {_DONE_WORDS}",
    f"is/are now {_DONE_WORDS}",
    f"is/are all {_DONE_WORDS}",
    f"was/were successfully {_DONE_WORDS}",
    f"successfully {_DONE_WORDS}",
    f"i have {_DONE_WORDS}",
    f"i have just/now/already/successfully {_DONE_WORDS}",
    f"we have {_DONE_WORDS}",
    f"i {_DONE_WORDS} your/the/that/it",
    "is/was/were/are successful",
    "booking/reservation/order/appointment/payment/request/change is/was done/complete/made/confirmed",
    "booking/reservation/order/appointment/payment/request/change is/was ... done/complete/made/confirmed",
    "changes are/is done/made/complete",
    "changes done",
    "all set/sorted/done",
    "taken care of",
    "that is done/fixed/sorted/resolved/solved",
    "should be working now",
    "is working now/again",
)
_WANTED = (
    "balance/order/driver/ride/delivery/package/parcel/appointment/refund/status/bill/flight/booking/reservation/"
    "instructions/payment/table/room/technician/account/card"
)
_INFORMS = (
    f"your {_WANTED} is/are/will/was/has",
    "your * balance/order/driver/delivery/package/appointment/refund/bill/flight/booking/number is/are/will/was/has",
    "your instructions/results/options/hours are",
    "it will be/arrive/take",
    "will arrive/come/be ... minutes/hours/days/today/tomorrow",
)
"""Answers to a question: what was wanted was to know."""
_SAYS_NOT = (
    "unfortunately",
    "i am sorry/afraid ... not",
    "i am sorry/afraid ... unable/unsuccessful/unavailable/failed/wrong",
    "sorry but",
    "am/is/are/was/were unable to",
    "am/is/are/was/were not able to",
    "could not be/find/get/process/complete/change/book/update/verify/help",
    "can not find/authenticate/verify/process/complete/change/book/update/help/do",
    "did not go through",
    "was/were unsuccessful/declined/rejected/refused",
    "unsuccessful",
    "has/have failed",
    "request/booking/payment/reservation failed",
    "is/are not available",
    "is/are unavailable",
    "is/are no longer available",
    "nothing found",
    "there is/are no/nothing",
    "not possible",
    "nothing i/we can do",
)
_EXCUSED = (
    "not quite understand", "not understand", "no problem/worries", "there is/are no problem/need/rush/charge/fee",
    "sorry for/about/to",
)  # fmt: skip
_CUSTOMER_YES = (
    "that/it works/worked",
    "works/working now",
    "that is all i needed/wanted",
    "all i needed/wanted",
    "problem/issue solved/fixed/sorted/resolved",
    "that fixed/solved/did it",
    "been a big/great/huge/real help",
    "been very/so/really/most helpful",
    "that is perfect/great/wonderful/brilliant/fantastic/excellent",
)
_CUSTOMER_NO = (
    "still not/broken/waiting/down",
    "still does/is/will/can not",
    "does not/did not help",
    "not helpful/helping/solved/fixed/resolved/working",
    "is/are/was useless",
    "waste of time",
    "not what i want/wanted/need/needed/asked",
    "forget it",
    "call/calling/try/come back later/again",
    "speak/talk to a/your manager/supervisor",
    "never mind",
    "not happy/satisfied",
)
_EARLIER = 0.3
"""What a statement counts that the agent took back or added to."""
_SETTLED = 0.35
"""Less than this between done and not done cannot be told."""


@lru_cache(maxsize=256)
def _search(phrases: tuple[str, ...], by: Role, unless: tuple[str, ...] = ()) -> Says:
    return Says(phrases=phrases, unless=unless, by=(by,))


@dataclass(frozen=True, slots=True)
class _Sign:
    found: Found
    by: Role
    worth: float
    """−1 to 1."""


def judge_resolution(rule: Resolution, context: Context) -> Outcome:
    """Was it solved? The agent's last word on it counts most, what the customer says after that counts beside it."""
    places = context.speakers((Role.AGENT, Role.CUSTOMER))
    refusal = unanswerable(context, places, (Role.AGENT, Role.CUSTOMER))
    if refusal is not None:
        return refusal
    begin = context.end / 2 if rule.last is None else max(0.0, context.end - rule.last)
    window = Window(begin=begin, stop=context.end)
    signs = sorted(_signs(rule, context, window), key=lambda sign: (sign.found.start, sign.worth))
    own = [sign for sign in signs if sign.by is Role.AGENT]
    last = own[-1] if own else None
    total = 0.0
    for sign in signs:
        if sign.by is Role.AGENT:
            same_turn = last is not None and sign.found.utterance == last.found.utterance
            total += sign.worth * (1.0 if same_turn else _EARLIER)
        elif last is None or sign.found.start >= last.found.start:
            total += sign.worth
    shown = tuple(
        Evidence(start=sign.found.start, end=sign.found.end, utterance=sign.found.utterance, quote=sign.found.quote,
                 note="sounds done" if sign.worth > 0 else "sounds not done")
        for sign in signs[-3:]
    )  # fmt: skip
    if not signs or abs(total) < _SETTLED:
        note = "Nobody says clearly, towards the end, whether it was solved."
        seen = shown or (heard(context, places, begin, context.end, note),)
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.3, reason=note, evidence=seen)
    agreeing = [sign for sign in signs if (sign.worth > 0) == (total > 0)]
    sure = min(sign.found.score * sign.found.sure for sign in agreeing[-1:])
    quality = context.quality(places, begin, context.end)
    word = "done" if total > 0 else "not done"
    return Outcome(
        verdict=Verdict.YES if total > 0 else Verdict.NO,
        confidence=min(0.85, 0.5 + 0.3 * abs(total)) * sure * (0.5 + 0.5 * quality),
        reason=f'Towards the end it sounds {word}: "{agreeing[-1].found.quote[:120]}"',
        evidence=shown,
        spans=tuple((sign.found.start, sign.found.end) for sign in agreeing) if total > 0 else (),
    )


def _signs(rule: Resolution, context: Context, window: Window) -> list[_Sign]:
    searches = (
        (_search((*_SAYS_DONE, *rule.confirms), Role.AGENT, _SAYS_NOT), 1.0),
        (_search(_INFORMS, Role.AGENT, _SAYS_NOT), 0.6),
        (_search((*_SAYS_NOT, *rule.denies), Role.AGENT, _EXCUSED), -1.0),
        (_search(_CUSTOMER_YES, Role.CUSTOMER, _CUSTOMER_NO), 0.5),
        (_search((*_CUSTOMER_NO, *rule.denies), Role.CUSTOMER), -0.7),
    )
    found: list[_Sign] = []
    for search, worth in searches:
        by = search.by[0]
        hits, _ = find(search, context.speakers(search.by), context, window, search.by)
        # One turn says one thing, however many words it takes for it.
        turns = {hit.utterance: hit for hit in reversed(hits)}
        found += [_Sign(hit, by, worth) for hit in turns.values()]
    return found


# -- is it a repetition? ---------------------------------------------------------------------------------------------

_NO_SUBJECT = frozenset(
    {"greeting", "closing", "apology", "empathy", "verification", "hold_request", "hold_return", "recording_disclosure",
     "offer_of_further_help", "promise", "profanity", "repeat_contact", "resolution"}
)  # fmt: skip
"""Categories that say how people speak, not what about."""


def judge_repeat(rule: Repeat, context: Context) -> Outcome:
    """Was the same customer in touch about it within the days before?"""
    repeated = _repeated(rule, context)
    if repeated.verdict is Verdict.CANNOT_TELL:
        return repeated
    there = repeated.verdict is Verdict.YES
    return replace(repeated, verdict=Verdict.YES if there is rule.present else Verdict.NO,
                   spans=repeated.spans if rule.present else ())  # fmt: skip


def _repeated(rule: Repeat, context: Context) -> Outcome:
    said = [each for each in context.analysis.findings if each.category == "repeat_contact"]
    if said:
        return Outcome(
            verdict=Verdict.YES, confidence=_TOLD * max(each.confidence for each in said),
            reason="It is said that this is not the first time.",
            evidence=tuple(
                Evidence(start=each.start, end=each.end, utterance=each.utterances[0] if each.utterances else None,
                         quote=each.quote, note=each.label)
                for each in said[:3]
            ),
            spans=tuple((each.start, each.end) for each in said),
        )  # fmt: skip
    history, began = context.facts.history, context.facts.started_at
    if history is None or began is None:
        return Outcome(verdict=Verdict.CANNOT_TELL, confidence=0.0,
                       reason="Who the customer is is not known, and nobody speaks of an earlier contact.")  # fmt: skip
    own = set(context.analysis.categories) - _NO_SUBJECT
    near = [each for each in history if timedelta(0) < began - each.started_at <= timedelta(days=rule.days)]
    for contact in near:
        shared = sorted(own & set(contact.categories))
        if rule.about is About.ANYTHING or shared:
            days = (began - contact.started_at).total_seconds() / 86_400
            about = f" about {', '.join(shared).replace('_', ' ')}" if shared else ""
            note = f"The same customer was in touch {days:.1f} days before{about}."
            return Outcome(verdict=Verdict.YES, confidence=_COUNTED, reason=note,
                           evidence=(Evidence(start=0.0, end=0.0, note=note),))  # fmt: skip
    others = f"{len(near)} about other things" if near else "none"
    note = f"Earlier conversations of the same customer in {rule.days:g} days: {others}."
    return Outcome(verdict=Verdict.NO, confidence=_COUNTED, reason=note,
                   evidence=(Evidence(start=0.0, end=0.0, note=note),))  # fmt: skip
