"""The phone system's call list: CSV as switches export it, or JSON, its columns under any of their names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from candor.capture.completeness.model import ExpectedCall, Pause
from candor.capture.completeness.numbers import comparable
from candor.capture.files.manifest import COLUMNS as MANIFEST
from candor.capture.files.moments import moment
from candor.capture.files.table import Form, key_of, plain_cells, read_table
from candor.errors import CandorError, InvalidInput

COLUMNS: dict[str, tuple[str, ...]] = {
    "call_id": (*MANIFEST["call_id"], "cdr_id", "session_id", "call_reference", "ucid"),
    "start": MANIFEST["start"],
    "answered": ("answered_at", "answer_time", "answer", "connected_at", "connect_time", "connected"),
    "end": ("ended_at", "end_time", "end_date", "stop_time", "hangup_time", "call_end", "disconnect_time"),
    "duration": ("seconds", "duration_seconds", "length", "call_duration", "call_length"),
    "talk": ("billsec", "talk_time", "talk_seconds", "talk_duration", "billable_seconds", "connected_seconds"),
    "tz": MANIFEST["tz"],
    "caller": MANIFEST["caller"],
    "callee": MANIFEST["callee"],
    "agent": MANIFEST["agent"],
    "queue": MANIFEST["queue"],
    "disposition": ("call_status", "call_result", "result", "outcome"),
    "pauses": ("pause", "paused", "pause_times", "secure_pauses"),
    "recorded": ("recorded_expected", "recording_expected", "should_be_recorded", "to_be_recorded", "record"),
}
"""Field → other headers it is known by; case, spaces, hyphens and underscores do not matter."""

MOST_CALLS = 500_000
MOST_PAUSES = 100
FORM = Form(columns=COLUMNS, required="call_id", flags=frozenset({"recorded"}))
_LONGEST_CALL = 7 * 86_400.0
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_YES = frozenset({"yes", "y", "true", "t", "1", "on", "always"})
_NO = frozenset({"no", "n", "false", "f", "0", "off", "never"})
_UNANSWERED = frozenset(
    {"noanswer", "busy", "failed", "congestion", "cancel", "cancelled", "canceled", "abandoned", "missed", "rejected",
     "unanswered", "declined", "blocked", "notfound", "unavailable"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CallList:
    """Lines that stand and lines that do not, in the order of the list."""

    calls: tuple[ExpectedCall, ...]
    """One a call id; of several lines with the same id the last counts."""
    errors: tuple[tuple[int, CandorError], ...]
    """(line of the file, or position in the JSON list from 1; why it cannot be taken)."""
    notes: tuple[str, ...] = ()


class CallListReader:
    """Reads lines of one source."""

    def __init__(self, *, source: str, zone: str | None = None, region: str | None = None) -> None:
        """``zone`` (IANA) is for times without an offset, ``region`` (ISO 3166) for numbers without +."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}", source):
            raise InvalidInput(
                "The list's source has no usable name.", code="calls.source",
                advice="Use letters, digits, spaces, dots, hyphens and underscores, at most 63.",
            )  # fmt: skip
        self._source, self._zone, self._region = source, zone, region

    def line(self, fields: Mapping[str, str]) -> ExpectedCall:
        """One line; raises InvalidInput ``calls.*`` that says what is wrong with it, without quoting it."""
        call_id = fields.get("call_id", "")
        if not call_id:
            raise InvalidInput("The line has no call id.", code="calls.call_id")
        for field in ("call_id", "agent", "queue"):
            if len(fields.get(field, "")) > 255:
                raise InvalidInput(f"The {field} is longer than 255 letters.", code=f"calls.{field}")
        zone = fields.get("tz") or self._zone
        start = self._start(fields, zone)
        duration = self._duration(fields, start, zone)
        return ExpectedCall(
            call_id=call_id, started_at=start, duration=duration,
            caller=comparable(fields.get("caller"), self._region),
            callee=comparable(fields.get("callee"), self._region),
            agent_id=fields.get("agent") or None, queue=fields.get("queue") or None,
            pauses=_pauses(fields.get("pauses", ""), start, zone),
            recorded_expected=_recorded(fields, duration), source=self._source,
        )  # fmt: skip

    def objects(self, given: Iterable[Mapping[str, object]]) -> CallList:
        """A list of JSON objects; ``pauses`` is a list of objects with ``start`` and ``stop``, or text as in CSV."""
        ignored: set[str] = set()
        calls: dict[str, ExpectedCall] = {}
        errors: list[tuple[int, CandorError]] = []
        for place, value in enumerate(given, 1):
            try:
                plain = {key: _pause_text(cell) if _is_pauses(key) else cell for key, cell in value.items()}
                call = self.line(plain_cells(plain, FORM, ignored))
                calls[call.call_id] = call
            except CandorError as error:
                errors.append((place, error))
        return CallList(calls=tuple(calls.values()), errors=tuple(errors), notes=_ignored(ignored))

    def _start(self, fields: Mapping[str, str], zone: str | None) -> datetime:
        """When there was something to record: the answer, where the list tells it in any way."""
        if fields.get("answered"):
            return _time(fields["answered"], zone, "answered")
        if not fields.get("start"):
            raise InvalidInput("The line has no start.", code="calls.start")
        start = _time(fields["start"], zone, "start")
        if fields.get("talk") and fields.get("duration"):
            # Asterisk's billsec and duration: what is not talk was ringing, before it.
            start += timedelta(seconds=max(0.0, seconds(fields["duration"]) - seconds(fields["talk"])))
        return start

    def _duration(self, fields: Mapping[str, str], start: datetime, zone: str | None) -> float | None:
        if fields.get("talk"):
            return seconds(fields["talk"])
        if fields.get("end"):
            length = (_time(fields["end"], zone, "end") - start).total_seconds()
            if not 0 <= length <= _LONGEST_CALL:
                raise InvalidInput(
                    "The call ends before it begins, or lasts for more than a week.", code="calls.end",
                    advice="Check the columns of start and end, and their time zones.",
                )  # fmt: skip
            return length
        if not fields.get("duration"):
            return None
        ringing = 0.0
        if fields.get("answered") and fields.get("start"):
            ringing = max(0.0, (start - _time(fields["start"], zone, "start")).total_seconds())
        return max(0.0, seconds(fields["duration"]) - ringing)


def read_call_list(
    data: bytes, name: str, *, source: str, zone: str | None = None, region: str | None = None
) -> CallList:  # fmt: skip
    """Read a CSV or (by the ending of ``name``) JSON Lines file; raises InvalidInput when nothing can be read."""
    reader = CallListReader(source=source, zone=zone, region=region)
    table = read_table(data, name, FORM)
    calls: dict[str, ExpectedCall] = {}
    errors: list[tuple[int, CandorError]] = []
    twice = 0
    for row in table.rows:
        if len(calls) >= MOST_CALLS:
            raise InvalidInput(
                f"The list has more than {MOST_CALLS:,} calls.", code="table.too_large", advice="Split it."
            )
        if row.error is not None:
            errors.append((row.line, row.error))
            continue
        try:
            call = reader.line(row.fields)
        except CandorError as error:
            errors.append((row.line, error))
            continue
        twice += call.call_id in calls
        calls[call.call_id] = call
    notes = table.notes + _ignored(table.ignored)
    if twice:
        notes += (f"{twice} lines repeat the call id of an earlier line; the last of each counts.",)
    return CallList(calls=tuple(calls.values()), errors=tuple(errors), notes=notes)


def seconds(text: str) -> float:
    """A length as ``125``, ``125.4``, ``2:05`` or ``0:02:05``; raises InvalidInput ``calls.duration``."""
    found = re.fullmatch(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,4}):)?([0-9]{1,7}(?:[.,][0-9]{1,9})?)", text.strip())
    value = math.inf
    if found:
        hours, minutes, rest = found.groups()
        value = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest.replace(",", "."))
    if value > _LONGEST_CALL:
        raise InvalidInput(
            "A length is no number of seconds, or is longer than a week.", code="calls.duration",
            advice="Write it like 125 or 0:02:05.",
        )  # fmt: skip
    return value


def _time(text: str, zone: str | None, field: str) -> datetime:
    """ISO 8601, or Unix time in seconds or milliseconds."""
    try:
        if re.fullmatch(r"[0-9]{9,11}(\.[0-9]{1,9})?", text):
            found = datetime.fromtimestamp(float(text), UTC)
        elif re.fullmatch(r"[0-9]{12,14}", text):
            found = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            found, _ = moment(text, zone)
    except CandorError as error:
        # Said by the reader of manifests, where there is only a start.
        message = error.message.replace("The start", f"The column {field}")
        raise InvalidInput(message, code=f"calls.{field}", advice=error.advice) from None
    if not _EARLIEST <= found <= _LATEST:
        raise InvalidInput(f"The column {field} holds a year that cannot be.", code=f"calls.{field}")
    return found.astimezone(UTC)


def _pauses(text: str, start: datetime, zone: str | None) -> tuple[Pause, ...]:
    """``30-65; 100-120`` (seconds from the start), or ISO 8601 intervals ``…T10:15:30Z/…T10:16:05Z``."""
    pieces = [piece.strip() for piece in re.split(r"[;|]", text) if piece.strip()]
    if len(pieces) > MOST_PAUSES:
        raise InvalidInput(f"The call has more than {MOST_PAUSES} pauses.", code="calls.pauses")
    found = []
    for piece in pieces:
        numbers = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)\s*[-–]\s*([0-9]{1,6}(?:\.[0-9]{1,9})?)", piece)
        if numbers:
            begin, end = (start + timedelta(seconds=float(each)) for each in numbers.groups())
        elif piece.count("/") == 1:
            begin, end = (_time(each.strip(), zone, "pauses") for each in piece.split("/"))
        else:
            raise InvalidInput(
                "A pause is not understood.", code="calls.pauses",
                advice="Write 30-65 (seconds from the start), or two times with / between; several with ; between.",
            )  # fmt: skip
        if not timedelta(0) <= end - begin <= timedelta(seconds=_LONGEST_CALL):
            raise InvalidInput("A pause ends before it begins, or lasts for more than a week.", code="calls.pauses")
        found.append(Pause(start=begin, stop=end))
    return tuple(sorted(found, key=lambda pause: pause.start))


def _recorded(fields: Mapping[str, str], duration: float | None) -> bool:
    """Whether there should be a recording; an unanswered call has nothing to record unless the list insists."""
    text = fields.get("recorded", "").lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    if text:
        raise InvalidInput("The column recorded is neither yes nor no.", code="calls.recorded")
    return key_of(fields.get("disposition", "")) not in _UNANSWERED and duration != 0


def _is_pauses(key: object) -> bool:
    return FORM.keys.get(key_of(str(key))) == "pauses"


def _pause_text(value: object) -> object:
    if not isinstance(value, list):
        return value
    pieces = []
    for each in value[: MOST_PAUSES + 1]:
        ends = [each.get("start"), each.get("stop", each.get("end"))] if isinstance(each, dict) else []
        if len(ends) != 2 or not all(isinstance(end, str | int | float) and not isinstance(end, bool) for end in ends):
            raise InvalidInput("A pause is not an object with start and stop.", code="calls.pauses")
        pieces.append(("-" if all(not isinstance(end, str) for end in ends) else "/").join(str(end) for end in ends))
    return ";".join(pieces)


def _ignored(headers: set[str]) -> tuple[str, ...]:
    if not headers:
        return ()
    shown = ", ".join(sorted("".join(c if c.isprintable() else "?" for c in each) for each in headers)[:20])
    return (f"Columns that mean nothing here were left out: {shown}.",)
