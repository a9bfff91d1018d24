"""Opening a conversation unmasked: asked for with a reason, open for a while, written down at every opening.

The checks of an opening, numbered here and in :meth:`Revealing._opened`:

1. The person has the right to reveal.
2. The conversation is within the person's reach, and is not held back for want of consent.
3. A leave that the person was given for this conversation, with a reason, holds now.
4. The opening is written into the audit log, with that reason, in the same unit of work; else nothing is opened.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from candor.access import reveals
from candor.access.model import Principal, Right
from candor.access.reveals import Grant
from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import custody
from candor.conversation.transcript import PiiKind, PiiSpan, Transcript
from candor.errors import NotFound
from candor.kit.database import UnitOfWork
from candor.kit.sound import FlacReader, FlacWriter
from candor.pipeline.masking import key_times
from candor.pipeline.shelf import WORKING, Playback, Shelf
from candor.redaction.policy import EVERYTHING, NEVER, RevealPolicy, hidden_times, part_masked, read_policy
from candor.redaction.sound import mask_sound

AT_THE_MACHINE = "cli"
"""Whose leave it is when a command on the machine itself opens; whoever may run it holds the keys anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmasked:
    """What was said, and which of it is masked otherwise."""

    transcript: Transcript
    """What the policy hides from the role stays masked, also here; card verification codes from everybody."""
    spans: tuple[PiiSpan, ...]
    """In order; none before the conversation was redacted."""
    grant: Grant


class Revealing:
    """Gives leave, and opens to those who have it."""

    def __init__(
        self, shelf: Shelf, lasts: timedelta = timedelta(minutes=15), policy: RevealPolicy | None = None
    ) -> None:
        """``policy`` says which kinds a role sees; without one, all but card verification codes."""
        self._shelf, self.lasts = shelf, lasts
        self._policy = policy or read_policy({EVERYTHING: [EVERYTHING]}, ())

    def grant(self, uow: UnitOfWork, conversation_id: str, who: Principal | None, reason: str) -> Grant:
        """Leave for ``who`` (None: a command on the machine itself), to be within whose reach it was made sure before.

        Raises Forbidden without the right or for a conversation that is held back, InvalidInput without a reason.
        """
        if who is not None:
            who.require(Right.CONVERSATION_REVEAL)
        custody.require_free(uow, conversation_id)
        made = reveals.grant(uow, conversation_id, _id(who), reason, self.lasts)
        audit.record(
            uow, Event.REVEAL_GRANTED, _id(who), conversation_id=conversation_id, reason=made.reason,
            subject=f"{round(self.lasts.total_seconds() / 60)} minutes",
        )  # fmt: skip
        return made

    def current(self, uow: UnitOfWork, conversation_id: str, who: Principal) -> Grant | None:
        """The leave that holds now; None without one, or without the right (any more)."""
        return reveals.current(uow, conversation_id, who.user_id) if who.may(Right.CONVERSATION_REVEAL) else None

    def end(self, uow: UnitOfWork, conversation_id: str, who: Principal) -> None:
        """Give the leave back early; no error when none holds."""
        if reveals.end(uow, conversation_id, who.user_id):
            audit.record(uow, Event.REVEAL_ENDED, who.user_id, conversation_id=conversation_id)

    def text(self, uow: UnitOfWork, conversation_id: str, who: Principal | None) -> Unmasked:
        """The transcript as it was recognised; raises Forbidden, NotFound before there is one."""
        grant = self._opened(uow, conversation_id, who, "text")
        found = self._shelf.transcript(uow, conversation_id)
        if found is None:
            raise NotFound("There is no transcript (yet).", code="transcript.none")
        redaction = self._shelf.redaction(uow, conversation_id)
        spans = () if redaction is None else redaction.spans
        hidden = self._policy.hidden_from(None if who is None else who.role)
        shown = tuple(span for span in spans if span.kind not in hidden)
        return Unmasked(transcript=part_masked(found[1], spans, hidden), spans=shown, grant=grant)

    def sound(self, uow: UnitOfWork, conversation_id: str, who: Principal | None, *, again: bool = False) -> Playback:
        """The sound as it was recorded, decoded; raises Forbidden, NotFound before there is one.

        ``again``: a later piece of a playing that was written down already.
        """
        self._opened(uow, conversation_id, who, "sound", again=again)
        stream = self._shelf.working(uow, conversation_id)
        if stream is None:
            raise NotFound("There is no sound (yet).", code="sound.none")
        hidden = self._policy.hidden_from(None if who is None else who.role)
        if hidden - NEVER:
            redaction = self._shelf.redaction(uow, conversation_id)
            if redaction is None:
                stream.close()
                raise NotFound("There is no sound for your role before it is redacted.", code="sound.none")
            return _part_masked(stream, hidden_times(redaction.spans, hidden), keys=PiiKind.CARD in hidden)
        return Playback(stream, self._shelf.size(uow, conversation_id, WORKING))

    def _opened(
        self, uow: UnitOfWork, conversation_id: str, who: Principal | None, what: str, *, again: bool = False
    ) -> Grant:
        # (1) the right
        if who is not None:
            who.require(Right.CONVERSATION_REVEAL)
        # (2) not held back; the door has made sure that it is within reach
        custody.require_free(uow, conversation_id)
        # (3) a leave that holds
        grant = reveals.require(uow, conversation_id, _id(who))
        # (4) written down
        if not again:
            audit.record(
                uow, Event.OPENED_ORIGINAL, _id(who), conversation_id=conversation_id, subject=what,
                reason=grant.reason,
            )  # fmt: skip
        return grant


def _part_masked(stream: BinaryIO, times: Sequence[tuple[float, float]], *, keys: bool) -> Playback:
    """The working copy with ``times`` masked, and with ``keys`` telephone keys as well: what a role may not hear."""
    made = io.BytesIO()
    with FlacReader(stream) as source, FlacWriter(made, source.rate, source.channels) as writer:
        mask_sound(source, [*times, *(key_times(source) if keys else ())], writer)
    size = made.tell()
    made.seek(0)
    return Playback(made, size)


def _id(who: Principal | None) -> str:
    return AT_THE_MACHINE if who is None else who.user_id
