"""The whole log: its key, checkpoints, proofs, export, verification, and what people explain of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from candor.audit import checkpoint as notes
from candor.audit import exporting, store, tree
from candor.audit.checkpoint import BadNote, Checkpoint, OtherLog, Proof, PublicKey, Signed
from candor.audit.model import Event, leaf_of
from candor.audit.ports import CipherFor, Elsewhere
from candor.audit.service import record
from candor.audit.verifying import Fault, Flaw, Kept, Report, verify
from candor.errors import Damaged, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork

_FIELD = "signing key"
_PIECE = 1_000
"""Lines that an export reads in one transaction."""
_FILE = re.compile(r"checkpoint-(\d{12})-[0-9a-f]{16}\.note\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with the log, for a page."""

    name: str
    size: int
    last: Signed | None
    """The newest checkpoint."""
    elsewhere: bool
    """Whether checkpoints are kept in another place, too."""
    waiting: bool
    """Whether lines of an older version are still to be taken in."""


class AuditLog:
    """One log in one database. Its lines are written by :func:`candor.audit.service.record`."""

    def __init__(
        self, database: Database, cipher: CipherFor, elsewhere: Elsewhere | None = None, *,
        every_lines: int = 1_000, every: timedelta = timedelta(hours=1),
        guard: Callable[[UnitOfWork, str], None] | None = None,
    ) -> None:  # fmt: skip
        """A checkpoint is made when one of the two is reached since the last.

        ``guard`` raises Conflict for a conversation under a legal hold: no reason in its lines is erased then.
        """
        self._guard = guard
        self.database, self._cipher, self._elsewhere = database, cipher, elsewhere
        self._every_lines, self._every = every_lines, every
        self._owed: Signed | None = None

    # ---- the key ----

    def key(self, uow: UnitOfWork) -> PublicKey | None:
        """What checks this log's checkpoints; None before the first start of a worker."""
        kept, head = store.key(uow), store.head(uow)
        return None if kept is None or head is None else PublicKey(head.name, kept[0])

    def make_key(self) -> PublicKey:
        """The same; made now when there is none."""
        with self.database.read() as uow:
            found = self.key(uow)
        if found is None:
            with self.database.write() as uow:
                self._private(uow)
                found = self.key(uow)
        assert found is not None  # noqa: S101  made in the line before
        return found

    def _private(self, uow: UnitOfWork) -> Ed25519PrivateKey:
        store.found_log(uow)
        kept = store.key(uow)
        if kept is None:
            fresh = Ed25519PrivateKey.generate()
            sealed = self._cipher(uow, True).seal(_FIELD, fresh.private_bytes_raw())
            store.put_key(uow, fresh.public_key().public_bytes_raw(), sealed)
            return fresh
        return Ed25519PrivateKey.from_private_bytes(self._cipher(uow, False).open(_FIELD, kept[1]))

    # ---- checkpoints ----

    def checkpoint(self) -> Signed:
        """Sign where the log stands, keep it here and elsewhere; the last one when nothing was written since.

        Raises Damaged ``audit.behind`` when a checkpoint that is kept elsewhere says that there was more, or something
        else: the log must not vouch for two pasts. :meth:`restored` says why and lets it go on.
        """
        self.make_key()
        with self.database.read() as uow:
            # Before the lock: the other place may be far away. What fits now still does when the log has grown.
            self._must_go_on(uow)
        with self.database.write() as uow:
            key = self._private(uow)
            head = store.head(uow)
            assert head is not None  # noqa: S101  the key's making founds the log
            last = self.last(uow)
            if last is not None and last.checkpoint.size == head.size:
                signed = last
            else:
                try:
                    root = store.root_at(uow, head.size)
                except LookupError as error:
                    raise Damaged(
                        "The audit log has holes: no checkpoint is signed over it.", code="audit.missing",
                        advice="`candor audit verify` says where.",
                    ) from error  # fmt: skip
                signed = notes.sign(Checkpoint(head.name, head.size, root), key, clock.now())
                store.put_checkpoint(uow, head.size, clock.now(), signed.note)
        self._owed = signed
        self._give()
        return signed

    def _give(self) -> None:
        """Keep the newest checkpoint elsewhere, too; raises Unavailable, and is tried again by the chore."""
        if self._elsewhere is not None and self._owed is not None:
            self._elsewhere.put(file_name(self._owed.checkpoint), self._owed.note)
        self._owed = None

    def last(self, uow: UnitOfWork) -> Signed | None:
        """The newest checkpoint that is kept here, if its signature holds."""
        kept, key = store.checkpoints(uow, limit=1), self.key(uow)
        if not kept or key is None:
            return None
        try:
            return notes.open_note(kept[0][2], key)
        except BadNote:
            return None

    def tend(self) -> bool:
        """A worker's chore: take older lines in, make a checkpoint when it is time; whether one was made."""
        self._give()
        with self.database.read() as uow:
            waiting = store.any_older(uow)
            head, last, key = store.head(uow), self.last(uow), self.key(uow)
        while waiting:
            with self.database.write() as uow:
                waiting = store.take_in(uow) > 0
        if key is None:
            self.make_key()
        if head is None or head.size == 0 or (last is not None and last.checkpoint.size == head.size):
            return False
        if last is not None and last.at is not None:
            lines, since = head.size - last.checkpoint.size, clock.now() - last.at
            if 0 <= lines < self._every_lines and timedelta(0) <= since < self._every:
                return False
        self.checkpoint()
        return True

    def standing(self, uow: UnitOfWork) -> Standing:
        """For a page."""
        head = store.head(uow)
        return Standing(
            name=head.name if head else "", size=head.size if head else 0, last=self.last(uow),
            elsewhere=self._elsewhere is not None, waiting=store.any_older(uow),
        )  # fmt: skip

    def unfit(self, uow: UnitOfWork) -> list[Checkpoint]:
        """Checkpoints kept elsewhere that this log does not go on from, and of which nobody said why.

        From the largest down to the first that fits. Raises Damaged when the place holds another log's.
        """
        if self._elsewhere is None:
            return []
        key = self.key(uow)
        head = store.head(uow)
        if key is None or head is None:
            return []
        explained = store.subjects(uow, Event.LOG_RESTORED)
        found: list[Checkpoint] = []
        for name in sorted((name for name in self._elsewhere.names() if _FILE.match(name)), reverse=True):
            try:
                claimed = notes.open_note(self._elsewhere.get(name), key).checkpoint
            except OtherLog as error:
                raise Damaged(
                    "The place for checkpoints holds those of another log.", code="audit.other_log",
                    advice="If the data folder was made anew, give its checkpoints another place.",
                ) from error  # fmt: skip
            except BadNote as error:
                raise Damaged(
                    "A checkpoint that is kept elsewhere does not verify.", code="audit.signature",
                    advice=f"Look at {name}: it was changed, or another key signed it.",
                ) from error  # fmt: skip
            if claimed.size <= head.size and self._root(uow, claimed.size) == claimed.root:
                break
            if _said(claimed) not in explained:
                found.append(claimed)
        return found

    def restored(self, *, by: str, reason: str) -> int:
        """Say why the log goes on from an older state than the checkpoints elsewhere tell; how many that were.

        Each gets a line, so that it shows for ever. Verifying against one of them still fails, as it must.
        """
        with self.database.write() as uow:
            self._private(uow)
            found = self.unfit(uow)
            for each in found:
                record(uow, Event.LOG_RESTORED, by, subject=_said(each), reason=_reason(reason))
        return len(found)

    def _must_go_on(self, uow: UnitOfWork) -> None:
        found = self.unfit(uow)
        if found:
            raise Damaged(
                f"A checkpoint that is kept elsewhere was signed over {found[0].size} lines that are not in this log: "
                "it was cut or rewritten, or the data were restored from an older backup.",
                code="audit.behind",
                advice="If a backup was restored, say so: candor audit restored --reason TEXT.",
            )

    @staticmethod
    def _root(uow: UnitOfWork, size: int) -> bytes | None:
        try:
            return store.root_at(uow, size)
        except LookupError:
            return None

    # ---- proofs ----

    def prove(
        self, uow: UnitOfWork, number: int, signed: Signed | None = None, parts: tree.Subtree | None = None
    ) -> Proof:
        """The proof that a line stands in the log at a checkpoint: the newest, unless given.

        ``parts``: :func:`candor.audit.store.subtree`, when several proofs share it.

        Raises NotFound for a line that is not there or not under the checkpoint yet.
        """
        signed = signed or self.last(uow)
        found = store.line(uow, number)
        if found is None:
            raise NotFound("There is no such line in the audit log.", code="audit.line")
        if signed is None or number > signed.checkpoint.size:
            raise NotFound(
                "No checkpoint covers this line yet.",
                code="audit.uncovered",
                advice="Make one: candor audit checkpoint.",
            )
        try:
            path = tree.inclusion(number - 1, signed.checkpoint.size, parts or store.subtree(uow))
        except LookupError as error:
            raise _holes() from error
        return Proof(number - 1, tuple(path), signed.note, leaf_of(found[1]))

    def consistency(self, uow: UnitOfWork, old: int, new: int) -> list[bytes]:
        """The proof that the first ``new`` lines begin with the first ``old``; raises InvalidInput, NotFound."""
        head = store.head(uow)
        if head is None or not 0 < old <= new:
            raise InvalidInput("A proof leads from a smaller size to a larger one.", code="audit.sizes")
        if new > head.size:
            raise NotFound(f"The log has {head.size} lines.", code="audit.line")
        try:
            return tree.consistency(old, new, store.subtree(uow))
        except LookupError as error:
            raise _holes() from error

    # ---- as a file ----

    def export(self, *, by: str) -> Iterator[bytes]:
        """The whole log as a file, under a fresh checkpoint; written down as an export itself."""
        with self.database.write() as uow:
            record(uow, Event.LOG_EXPORTED, by)
        signed = self.checkpoint()
        return self._parts(signed)

    def _parts(self, signed: Signed) -> Iterator[bytes]:
        with self.database.read() as uow:
            key = self.key(uow)
        assert key is not None  # noqa: S101  the checkpoint was signed with it
        yield exporting.header(key)
        # A transaction a piece: a long download must not hold a snapshot of the database open.
        for after in range(0, signed.checkpoint.size, _PIECE):
            upto = min(after + _PIECE, signed.checkpoint.size)
            with self.database.read() as uow:
                rows = [
                    exporting.row(says, line.leaf, line.text, line.salt)
                    for line, says in store.walk(uow, after, upto)
                ]  # fmt: skip
            yield b"".join(rows)
        yield exporting.end(signed.note)

    # ---- does it hold? ----

    def verify(self, *, given: str | None = None, key: PublicKey | None = None) -> Report:
        """Walk the whole log of this database; ``given`` is a checkpoint that was kept elsewhere."""
        with self.database.read() as uow:
            head = store.head(uow)
            own_key = self.key(uow)
            if head is None:
                return verify((), Kept(name=""), key=key, given=given)
            kept = Kept(
                name=head.name, size=head.size, now=clock.now(),
                tiles={(level, place): root for level, place, root in store.tiles(uow)},
            )  # fmt: skip
            notes_here = [note for _, _, note in store.checkpoints(uow)]
            report = verify(store.walk(uow), kept, key=key or own_key, own=notes_here, given=given)
            if store.any_older(uow):
                report.notes.append("Lines of an older version wait to be taken in; a worker does so.")
        return report

    # ---- what people explain ----

    def explain_clock(self, number: int, *, by: str, reason: str) -> None:
        """Say why a line is older than the one before it; raises NotFound."""
        with self.database.write() as uow:
            if store.line(uow, number) is None:
                raise NotFound("There is no such line in the audit log.", code="audit.line")
            record(uow, Event.CLOCK_EXPLAINED, by, subject=str(number), reason=_reason(reason))

    def erase_reason(self, number: int, *, by: str, reason: str) -> None:
        """Erase the reason of a line, for good; the line itself stays. Raises NotFound where there is none."""
        with self.database.write() as uow:
            found = store.line(uow, number)
            about = found and found[1].get("conversation_id")
            if self._guard is not None and about:
                self._guard(uow, about)
            if not store.forget_reason(uow, number):
                raise NotFound("That line has no reason (any more).", code="audit.reason")
            record(uow, Event.REASON_ERASED, by, subject=str(number), reason=_reason(reason))


def verify_export(path: Path, *, given: str | None = None, key: PublicKey | None = None) -> Report:
    """Check an exported log, offline: without a database, a vault or a network."""
    try:
        with path.open("rb") as stream:
            file = exporting.open_export(stream)
            report = verify(file.lines(), Kept(name=file.name), key=key or file.key, given=given)
    except OSError as error:
        raise InvalidInput("The export cannot be read.", code="path.unreadable") from error
    except BadNote as error:
        return Report(faults=[Fault(Flaw.UNREADABLE, error.message)])
    _end(report, file, key)
    return report


def _end(report: Report, file: exporting.ExportFile, key: PublicKey | None) -> None:
    """The checkpoint that an export ends with is one over exactly its lines."""
    try:
        signed = notes.open_note(file.note or "", key or file.key)
    except OtherLog as error:
        report.faults.append(Fault(Flaw.OTHER_LOG, error.message))
    except BadNote as error:
        report.faults.append(Fault(Flaw.SIGNATURE, f"The export's own checkpoint does not hold: {error.message}"))
    else:
        fits = (signed.checkpoint.size, signed.checkpoint.root) == (report.lines, report.root)
        if not fits and not report.faults:
            flaw = Flaw.CUT if signed.checkpoint.size > report.lines else Flaw.TREE
            words = (
                f"The export ends with line {report.lines}, and its checkpoint was signed over "
                f"{signed.checkpoint.size}: cut short."
                if flaw is Flaw.CUT
                else "The lines are not those that the export's own checkpoint was signed over: lines were rewritten."
            )
            report.faults.append(Fault(flaw, words))
        report.own = int(fits)
    if key is None:
        report.notes.append("The key came with the export, so the export vouches for itself: give --key to be sure.")


def file_name(checkpoint: Checkpoint) -> str:
    """Of a checkpoint that is kept elsewhere; sorts by size."""
    return f"checkpoint-{checkpoint.size:012d}-{checkpoint.root.hex()[:16]}.note"


def _said(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size} {checkpoint.root.hex()}"


def _reason(reason: str) -> str:
    if len(reason.strip()) < 3:
        raise InvalidInput("Say why; it is kept in the audit log.", code="audit.reason")
    return reason.strip()


def _holes() -> Damaged:
    return Damaged(
        "The audit log has holes: nothing can be proven of it.", code="audit.missing",
        advice="`candor audit verify` says where.",
    )  # fmt: skip
