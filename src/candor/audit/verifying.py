"""Does the log hold? Every line read once, in order, and held against its hash, the tree and signed checkpoints. Pure.

What is checked, in words that the report uses: 1. every number once, in order; 2. each line against its leaf; 3. the
inner nodes that are kept; 4. where the log says it ends; 5. the log's own signed checkpoints; 6. a checkpoint that was
kept elsewhere, which is the only one that nobody on this machine could have rewritten; 7. times that do not go back;
8. reasons: as they were written, or erased with a line that says so.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from candor.audit import checkpoint as notes
from candor.audit import tree
from candor.audit.checkpoint import BadNote, BadSignature, OtherLog, PublicKey, Signed
from candor.audit.model import Event, leaf_of, moment, reason_digest

_MOST = 20
"""Faults of one kind that are told singly."""
_PAIRS = 200
"""Lines that fail, up to which those that changed places are looked for."""
PATIENCE = timedelta(seconds=2)
"""How far a clock that is being set right may step back."""


class Flaw(StrEnum):
    """What can be wrong. Each has a sentence and an exit status of its own."""

    UNREADABLE = "unreadable"
    OTHER_LOG = "other_log"
    SIGNATURE = "signature"
    EDITED = "edited"
    REORDERED = "reordered"
    MISSING = "missing"
    CUT = "cut"
    TREE = "tree"
    BEHIND = "behind"
    FORKED = "forked"
    REASON = "reason"
    CLOCK = "clock"
    PROOF = "proof"
    """Of a proof alone: it does not fit."""


EXIT = {flaw: 20 + place for place, flaw in enumerate(Flaw)}
"""20 to 32, in the order above; with several flaws, the first in this order counts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    flaw: Flaw
    words: str
    number: int | None = None
    """The (first) line that it is about."""


class Line(Protocol):
    """A line as it is kept: a row of the log's table, or of an export."""

    @property
    def number(self) -> int: ...
    @property
    def leaf(self) -> bytes: ...
    @property
    def text(self) -> str | None: ...  # the reason's
    @property
    def salt(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the log's holder keeps beside the lines; an export has none of it but a name."""

    name: str
    size: int | None = None
    tiles: dict[tuple[int, int], bytes] | None = None
    now: datetime | None = None
    """This machine's time, which should not be before the last line's."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What was found."""

    name: str = ""
    lines: int = 0
    root: bytes = tree.EMPTY
    faults: list[Fault] = field(default_factory=list)
    own: int = 0
    """Own checkpoints that hold."""
    elsewhere: Signed | None = None
    """The checkpoint that was given, if its signature holds."""
    reasons_erased: int = 0
    older_lines: int = 0
    """Taken in from a version without a tree: before that, nobody vouches for them."""
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    @property
    def exit(self) -> int:
        """0 only if all holds."""
        return min((EXIT[fault.flaw] for fault in self.faults), default=0)


def verify(
    lines: Iterable[tuple[Line, dict[str, Any]]], kept: Kept, *, key: PublicKey | None, own: Sequence[str] = (),
    given: str | None = None,
) -> Report:  # fmt: skip
    """Walk ``lines`` (each with what it says) once; ``own`` and ``given`` are the texts of checkpoints."""
    walk = _Walk(kept, _checkpoints(kept, key, own, given))
    for line, says in lines:
        walk.step(line, says)
    return walk.done()


@dataclass(slots=True)
class _Claims:
    """Checkpoints whose signature holds, and what is wrong with the others."""

    own: list[Signed] = field(default_factory=list)
    given: Signed | None = None
    faults: list[Fault] = field(default_factory=list)


def _checkpoints(kept: Kept, key: PublicKey | None, own: Sequence[str], given: str | None) -> _Claims:
    found = _Claims()
    if key is None and own:
        found.faults.append(Fault(Flaw.SIGNATURE, "The log has checkpoints of its own, and no key to check them with."))
    elif key is not None:
        for note in own:
            try:
                found.own.append(notes.open_note(note, key))
            except BadNote as error:
                words = f"One of the log's own checkpoints does not hold: {error.message}"
                found.faults.append(Fault(_flaw(error), words))
    if given is not None:
        try:
            found.given = _open_given(given, kept, key)
        except BadNote as error:
            found.faults.append(Fault(_flaw(error), error.message))
    return found


def _open_given(note: str, kept: Kept, key: PublicKey | None) -> Signed:
    """A checkpoint that was kept elsewhere, if it is of this log and signed by its key; raises BadNote."""
    if notes.parse(note).name != kept.name:
        raise OtherLog("The checkpoint is of another log than this one: it was mistaken, or the log was begun anew.")
    if key is None:
        raise BadSignature("The log has no key (any more) to check the checkpoint with: give --key.")
    return notes.open_note(note, key)


def _flaw(error: BadNote) -> Flaw:
    if isinstance(error, OtherLog):
        return Flaw.OTHER_LOG
    return Flaw.SIGNATURE if isinstance(error, BadSignature) else Flaw.UNREADABLE


class _Walk:
    """The state of one walk through the log."""

    def __init__(self, kept: Kept, claims: _Claims) -> None:
        self._kept, self._claims = kept, claims
        self._report = Report(name=kept.name, faults=claims.faults)
        self._edge = tree.Edge()
        every = [*claims.own, *([claims.given] if claims.given else [])]
        self._asked = {signed.checkpoint.size for signed in every}
        self._roots = {0: tree.EMPTY}
        self._gaps: dict[int, None] = {}
        self._moved: list[int] = []
        self._edited: list[tuple[int, bytes, dict[str, Any]]] = []
        self._tiles: set[tuple[int, int]] = set()
        self._bad_tile: int | None = None
        self._unsaid: dict[int, None] = {}
        self._erased: set[str] = set()
        self._back: dict[int, str] = {}
        self._explained: set[str] = set()
        self._last, self._at = 0, ""

    def step(self, line: Line, says: dict[str, Any]) -> None:
        """One line, as it is kept and as it reads."""
        number = line.number
        if number != self._last + 1:  # (1)
            if number in self._gaps:
                del self._gaps[number]
                self._moved.append(number)
            elif number > self._last:
                upto = min(number, self._last + 1_000_000)
                self._gaps.update(dict.fromkeys(range(self._last + 1, upto)))
        self._last = max(number, self._last)
        leaf = tree.leaf_hash(leaf_of(says))
        if leaf != line.leaf:  # (2)
            self._edited.append((number, line.leaf, says))
        for level, place, root in self._edge.add(line.leaf):  # (3)
            self._tile(level, place, root)
        if self._edge.size in self._asked:
            self._roots[self._edge.size] = self._edge.root()
        at = says["at"]
        if "before" in says:
            self._report.older_lines += 1
        else:
            if at < self._at and datetime.fromisoformat(at) + PATIENCE < datetime.fromisoformat(self._at):  # (7)
                self._back[number] = self._at
            self._at = at
        self._reason(line, says)  # (8)

    def _tile(self, level: int, place: int, root: bytes) -> None:
        if self._kept.tiles is None:
            return
        self._tiles.add((level, place))
        if self._kept.tiles.get((level, place)) != root and self._bad_tile is None:
            self._bad_tile = place << tree.WIDTH * level

    def _reason(self, line: Line, says: dict[str, Any]) -> None:
        digest, event = says.get("reason"), says["event"]
        if line.text is not None and digest != reason_digest(line.salt or b"", line.text):
            self._fault(Flaw.REASON, f"The reason of line {line.number} was changed.", line.number)
        elif digest is not None and line.text is None:
            self._unsaid[line.number] = None
        if event == Event.REASON_ERASED:
            self._erased.add(str(says.get("subject")))
        elif event == Event.CLOCK_EXPLAINED:
            self._explained.add(str(says.get("subject")))

    def done(self) -> Report:
        """What the walk comes to."""
        report = self._report
        report.lines, report.root = self._last, self._edge.root()
        self._order()
        self._contents()
        whole = not (self._gaps or self._moved)
        if whole:
            self._inner_nodes()
        self._end()
        if whole:
            self._checkpoints()
        self._times()
        for number in self._unsaid:
            if str(number) in self._erased:
                report.reasons_erased += 1
            else:
                self._fault(
                    Flaw.REASON, f"The reason of line {number} is gone, and no line says who erased it.", number
                )
        return report

    def _order(self) -> None:
        if self._moved:
            self._fault(
                Flaw.REORDERED,
                f"Lines stand in another order than they were written in, first line {min(self._moved)}.",
                min(self._moved),
            )
        if self._gaps:
            first = min(self._gaps)
            count = (
                f"{len(self._gaps)} lines are missing, the first of them"
                if len(self._gaps) > 1
                else "One line is missing:"
            )
            self._fault(Flaw.MISSING, f"{count} number {first}: deleted.", first)

    def _contents(self) -> None:
        """Lines that changed places, else lines that were edited."""
        swapped = set()
        if 1 < len(self._edited) <= _PAIRS:
            leaves = {leaf for _, leaf, _ in self._edited}
            for number, _, says in self._edited:
                others = (other for other, _, _ in self._edited if other != number)
                if any(tree.leaf_hash(leaf_of(says | {"number": other})) in leaves for other in others):
                    swapped.add(number)
        if swapped:
            told = ", ".join(str(number) for number in sorted(swapped)[:_MOST])
            self._fault(Flaw.REORDERED, f"Lines have changed places: {told}.", min(swapped))
        rest = [number for number, _, _ in self._edited if number not in swapped]
        for number in rest[:_MOST]:
            self._fault(Flaw.EDITED, f"Line {number} is not as it was written: edited.", number)
        if len(rest) > _MOST:
            self._fault(Flaw.EDITED, f"{len(rest) - _MOST} more lines are not as they were written.", rest[_MOST])

    def _inner_nodes(self) -> None:
        if self._kept.tiles is None:
            return
        if self._bad_tile is not None:
            self._fault(
                Flaw.TREE,
                f"The tree over the lines from {self._bad_tile + 1} on is not the one that was made of them: lines "
                "were rewritten together with their hashes, or the tree was replaced.",
                self._bad_tile + 1,
            )
        elif self._kept.tiles.keys() - self._tiles and not self._short():
            self._fault(Flaw.TREE, "The tree is larger than the log.")

    def _short(self) -> bool:
        return self._kept.size is not None and self._last < self._kept.size

    def _end(self) -> None:
        size = self._kept.size
        if size is not None and self._last < size:
            self._fault(
                Flaw.CUT, f"The log ends with line {self._last}, and {size} were written: cut short.", self._last + 1
            )
        elif size is not None and self._last > size:
            self._fault(Flaw.TREE, f"There are lines behind number {size}, where the log says that it ends.", size + 1)

    def _checkpoints(self) -> None:
        report, last = self._report, self._edge.size
        for signed in self._claims.own:
            claimed = signed.checkpoint
            if claimed.size > last:
                if not self._short():
                    self._fault(
                        Flaw.CUT,
                        f"A checkpoint{_when(signed)} was signed over {claimed.size} lines, and there are {last}: the "
                        "log was cut short.",
                        last + 1,
                    )
            elif self._roots[claimed.size] != claimed.root:
                self._fault(
                    Flaw.TREE,
                    f"The first {claimed.size} lines are not those that the log's own checkpoint{_when(signed)} was "
                    "signed over: lines were rewritten together with their hashes.",
                )
            else:
                report.own += 1
        if self._claims.given is not None:
            self._elsewhere(self._claims.given, last)

    def _elsewhere(self, signed: Signed, last: int) -> None:
        claimed = signed.checkpoint
        self._report.elsewhere = signed
        if claimed.size > last:
            self._fault(
                Flaw.BEHIND,
                f"The checkpoint{_when(signed)} was signed over {claimed.size} lines, and there are {last}: the end "
                "was cut off, or the data were restored from an older backup.",
                last + 1,
            )
        elif self._roots[claimed.size] != claimed.root:
            self._fault(
                Flaw.FORKED,
                f"The first {claimed.size} lines are not those that the checkpoint{_when(signed)} was signed over: "
                "the log was rewritten, or went on from an older backup.",
            )

    def _times(self) -> None:
        told = 0
        for number, before in self._back.items():
            if str(number) in self._explained:
                self._report.notes.append(f"Before line {number} the clock was set back; a line explains it.")
                continue
            told += 1
            if told <= _MOST:
                self._fault(
                    Flaw.CLOCK,
                    f"Line {number} says that it was written before the one above it ({before[:19]}Z): the clock was "
                    "set back.",
                    number,
                )
        now = self._kept.now
        if now is not None and self._at and now + PATIENCE < datetime.fromisoformat(self._at):
            self._fault(
                Flaw.CLOCK, f"The clock of this machine is behind the last line ({self._at[:19]}Z): it was set back."
            )

    def _fault(self, flaw: Flaw, words: str, number: int | None = None) -> None:
        self._report.faults.append(Fault(flaw, words, number))


def _when(signed: Signed) -> str:
    return f" of {signed.at:%Y-%m-%d %H:%M:%SZ}" if signed.at else ""


def words(report: Report) -> Iterator[str]:
    """What a report says to people."""
    if report.name:
        older = f", {report.older_lines} of them from before there was a tree" if report.older_lines else ""
        yield f"Log {report.name}: {report.lines} lines read{older}."
    if report.own:
        yield f"{report.own} of its own checkpoints hold."
    given = report.elsewhere
    if given is not None and report.holds:
        yield (
            f"The checkpoint kept elsewhere holds: the first {given.checkpoint.size} lines are as they were"
            f"{_when(given)}."
        )
    if report.reasons_erased:
        yield f"{report.reasons_erased} reasons were erased, each with a line that says so."
    yield from report.notes
    if report.holds:
        yield "All holds."
        if given is None:
            yield "Only a checkpoint that was kept elsewhere shows that nothing was cut off or rewritten: --checkpoint."
    for fault in report.faults:
        yield f"{fault.flaw.upper()}: {fault.words}"


def plain_report(report: Report) -> dict[str, Any]:
    """The same for programs."""
    return {
        "holds": report.holds, "exit": report.exit, "log": report.name, "lines": report.lines,
        "root": base64.b64encode(report.root).decode(), "own_checkpoints": report.own,
        "checkpoint": claim(report.elsewhere) if report.elsewhere else None,
        "reasons_erased": report.reasons_erased, "notes": report.notes,
        "faults": [{"flaw": each.flaw, "line": each.number, "words": each.words} for each in report.faults],
    }  # fmt: skip


def claim(signed: Signed) -> dict[str, Any]:
    """What a checkpoint says, for programs."""
    return {
        "log": signed.checkpoint.name, "size": signed.checkpoint.size,
        "root": base64.b64encode(signed.checkpoint.root).decode(), "at": signed.at and moment(signed.at),
    }  # fmt: skip
