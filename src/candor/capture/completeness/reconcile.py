"""From two lists to the differences between them: a pure function, the same answer every time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from candor.capture.completeness.matching import Matches, match, normal_id, overlap
from candor.capture.completeness.model import (
    CapturedCall,
    Discrepancy,
    ExpectedCall,
    Kind,
    Tolerances,
    WithheldCall,
)


def reconcile(
    expected: Iterable[ExpectedCall], captured: Iterable[CapturedCall], tolerances: Tolerances | None = None,
    *, listed: tuple[datetime, datetime] | None = None, withheld: Iterable[WithheldCall] = (),
) -> list[Discrepancy]:  # fmt: skip
    """Every difference, in the order of calls.

    Calls that are ``withheld``, and of which nothing is held, are unrecorded, never missing; they are known by their
    call ids, else by agent, time and length.

    Each source's list is held against all recordings by itself. A recording that is in no list is unexpected only
    where lists speak: between ``listed`` (first, last moment), else between the first and last call of all lists.
    """
    limits = tolerances or Tolerances()
    lists: dict[str, list[ExpectedCall]] = defaultdict(list)
    for call in sorted(expected, key=lambda call: (call.started_at, call.id)):
        lists[call.source].append(call)
    recordings = sorted(captured, key=lambda recording: (recording.started_at, recording.conversation_id))
    found: list[Discrepancy] = []
    known: set[int] = set()
    # One leg of a call may be held where another was withheld: the recording counts.
    held = {normal_id(recording.external_id or "") for recording in recordings}
    barred = [call for call in withheld if not call.call_id or normal_id(call.call_id) not in held]
    for each in lists.values():
        reasons = _reasons(each, barred)
        calls = [call for call in each if call.id not in reasons]
        matches = match(calls, recordings, limits)
        known |= matches.recordings()
        of_list = list(_of_list(calls, recordings, matches, limits))
        lost = {one.expected for one in of_list if one.kind is Kind.MISSING}
        ids = {normal_id(call.call_id) for call in each} - {""}
        rest = [call for call in barred if normal_id(call.call_id or "") not in ids]
        reasons |= _seen([call for call in calls if call.id in lost], rest, limits)
        found += [one for one in of_list if one.kind is not Kind.MISSING or one.expected not in reasons]
        found += [
            replace(_about(Kind.UNRECORDED, call, [], call.duration), reason=reasons[call.id])
            for call in each
            if call.id in reasons and call.recorded_expected
        ]
    found += _of_sound(recordings, limits)
    found += _unexpected(lists, recordings, known, limits, listed)
    return sorted(found, key=lambda each: (each.at, each.kind, each.source, each.expected or "", each.conversations))


def _of_list(
    calls: Sequence[ExpectedCall], recordings: Sequence[CapturedCall], matches: Matches, limits: Tolerances
) -> Iterable[Discrepancy]:  # fmt: skip
    for e, call in enumerate(calls):
        if e in matches.ambiguous:
            yield _about(Kind.AMBIGUOUS, call, [recordings[c] for c in matches.ambiguous[e]])
            continue
        own = [recordings[c] for c in matches.by_id.get(e, [])]
        if e in matches.by_people:
            own = [recordings[matches.by_people[e]]]
        doubles = [recordings[c] for c in matches.doubles.get(e, [])]
        if not own:
            if call.recorded_expected:
                yield _about(Kind.MISSING, call, [], call.duration)
            continue
        if not call.recorded_expected:
            yield _about(Kind.UNEXPECTED, call, own)
        twice = _twice([*own, *doubles])
        if twice:
            yield _about(Kind.DUPLICATE, call, twice)
        if call.recorded_expected:
            yield from _of_times(call, own, limits)
        yield from _of_pauses(call, [*own, *doubles], limits)


def _reasons(calls: Sequence[ExpectedCall], withheld: Sequence[WithheldCall]) -> dict[str, str]:
    """Id of each call of one list of which nothing may be held → why; ids that could be two calls' tell nothing."""
    exact = {call.call_id: call.why for call in withheld if call.call_id}
    alike = {normal_id(call.call_id): call.why for call in withheld if call.call_id}
    claims = Counter(normal_id(call.call_id) for call in calls)
    found: dict[str, str] = {}
    for call in calls:
        normal = normal_id(call.call_id)
        why = exact.get(call.call_id) or (alike.get(normal) if normal and claims[normal] == 1 else None)
        if why is not None:
            found[call.id] = why
    return found


def _seen(calls: Sequence[ExpectedCall], withheld: Sequence[WithheldCall], limits: Tolerances) -> dict[str, str]:
    """The same by agent, time and length, one to one: where two would fit, nobody decides."""
    fitting = {call.id: [n for n, one in enumerate(withheld) if _fits(call, one, limits)] for call in calls}
    wanted = Counter(n for each in fitting.values() for n in each)
    return {an_id: withheld[each[0]].why for an_id, each in fitting.items() if len(each) == 1 and wanted[each[0]] == 1}


def _fits(call: ExpectedCall, withheld: WithheldCall, limits: Tolerances) -> bool:
    if not call.agent_id or call.agent_id != withheld.agent_id or withheld.started_at is None:
        return False
    if abs((withheld.started_at - call.started_at).total_seconds()) > limits.start:
        return False
    if call.duration is None or withheld.seconds is None:
        return True
    return abs(call.duration - withheld.seconds) <= max(limits.duration, limits.duration_share * call.duration)


def _of_times(call: ExpectedCall, own: Sequence[CapturedCall], limits: Tolerances) -> Iterable[Discrepancy]:
    """Late and short; one call may have been recorded in several pieces, one after the other."""
    late = (min(recording.started_at for recording in own) - call.started_at).total_seconds()
    if late > limits.late:
        yield _about(Kind.LATE, call, own, late)
    if call.duration is None or any(recording.duration is None for recording in own):
        return
    stop = call.started_at + timedelta(seconds=call.duration)
    heard = _covered([stretch for each in own for stretch in _kept(each)], call.started_at, stop)
    # What begins late is told above. Clocks differ: a recording that seems to begin before its call is moved to it.
    early = min(0.0, late)
    lost = call.duration - heard - max(0.0, late) + max(early, -limits.start)
    if limits.pauses_cut and not any(recording.gaps for recording in own):
        lost -= _paused(call)
    if lost > max(limits.short, limits.short_share * call.duration):
        yield _about(Kind.SHORT, call, own, lost)


def _kept(recording: CapturedCall) -> Iterable[tuple[datetime, datetime]]:
    """The stretches of a recording between what was lost; a pause is none of that, it was asked for."""
    at, end = recording.started_at, recording.ended_at or recording.started_at
    for gap in sorted((gap for gap in recording.gaps if gap.lost), key=lambda gap: gap.start):
        yield at, min(end, recording.started_at + timedelta(seconds=gap.start))
        at = max(at, recording.started_at + timedelta(seconds=gap.stop))
    yield at, end


def _of_pauses(call: ExpectedCall, own: Sequence[CapturedCall], limits: Tolerances) -> Iterable[Discrepancy]:
    """Every recording by itself: a pause that one of two recordings kept is still a secret on the other."""
    for recording in own:
        if limits.pauses_cut and not recording.gaps and call.duration is not None and recording.duration is not None:
            # Where in it the pauses are, nobody can tell any more; only whether as much is missing.
            missed = _paused(call) - max(0.0, call.duration - recording.duration)
            if missed > limits.pause * len(call.pauses):
                yield _about(Kind.MISSED_PAUSE, call, [recording], missed)
            continue
        missed = 0.0
        for pause in call.pauses:
            start, stop = pause.start + timedelta(seconds=limits.pause), pause.stop - timedelta(seconds=limits.pause)
            begin, end = max(start, recording.started_at), min(stop, recording.ended_at or stop)
            if end <= begin:
                continue
            gaps = [
                (
                    recording.started_at + timedelta(seconds=gap.start),
                    recording.started_at + timedelta(seconds=gap.stop),
                )
                for gap in recording.gaps
            ]
            missed += (end - begin).total_seconds() - _covered(gaps, begin, end)
        if missed > 0.05:
            yield _about(Kind.MISSED_PAUSE, call, [recording], missed)


def _paused(call: ExpectedCall) -> float:
    """Seconds that should not have been recorded."""
    stop = call.ended_at or max((pause.stop for pause in call.pauses), default=call.started_at)
    return _covered([(pause.start, pause.stop) for pause in call.pauses], call.started_at, stop)


def _of_sound(recordings: Iterable[CapturedCall], limits: Tolerances) -> Iterable[Discrepancy]:
    for recording in recordings:
        flags = recording.silent_channels
        nobody = recording.speech is not None and recording.speech < limits.speech
        if (flags and all(flags)) or nobody:
            kind = Kind.SILENT
        elif flags and any(flags):
            kind = Kind.ONE_SIDED
        else:
            continue
        yield Discrepancy(
            kind=kind, at=recording.started_at, call_id=recording.external_id,
            conversations=(recording.conversation_id,), seconds=recording.duration,
        )  # fmt: skip


def _unexpected(
    lists: dict[str, list[ExpectedCall]], recordings: Sequence[CapturedCall], known: Collection[int],
    limits: Tolerances, listed: tuple[datetime, datetime] | None,
) -> Iterable[Discrepancy]:  # fmt: skip
    calls = [call for each in lists.values() for call in each]
    if not calls:
        return
    grace = timedelta(seconds=limits.start)
    first = listed[0] if listed else min(call.started_at for call in calls)
    last = listed[1] if listed else max(call.ended_at or call.started_at for call in calls)
    for c, recording in enumerate(recordings):
        if c not in known and first - grace <= recording.started_at <= last + grace:
            yield Discrepancy(
                kind=Kind.UNEXPECTED, at=recording.started_at, call_id=recording.external_id,
                conversations=(recording.conversation_id,), seconds=recording.duration,
            )  # fmt: skip


def _twice(own: Sequence[CapturedCall]) -> list[CapturedCall]:
    """Those of one call's recordings that cover the same time as another; pieces one after the other do not."""
    return [
        one for one in own if any(other is not one and overlap(one, other) > 0.5 for other in own)
    ]  # fmt: skip


def _covered(stretches: Iterable[tuple[datetime, datetime]], start: datetime, stop: datetime) -> float:
    """Seconds between ``start`` and ``stop`` that lie in any of ``stretches``."""
    seconds, at = 0.0, start
    for begin, end in sorted(stretches):
        begin, end = max(begin, at), min(end, stop)  # noqa: PLW2901  cut to what counts
        if end > begin:
            seconds += (end - begin).total_seconds()
            at = end
    return seconds


def _about(
    kind: Kind, call: ExpectedCall, recordings: Iterable[CapturedCall], seconds: float | None = None
) -> Discrepancy:  # fmt: skip
    return Discrepancy(
        kind=kind, at=call.started_at, source=call.source, call_id=call.call_id, expected=call.id,
        conversations=tuple(sorted(recording.conversation_id for recording in recordings)),
        seconds=None if seconds is None else round(seconds, 3),
    )  # fmt: skip
