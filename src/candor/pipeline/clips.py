"""Stretches of redacted conversations: cut out to be played, sealed as copies, and gone with their conversation.

A clip holds no sound of its own. It is cut from the redacted rendition when it is played, so that what was masked anew,
set aside, quarantined or destroyed is so for the clip at that moment. Only where the house's policy lets training
copies stay is there a sealed copy, with an end of its own; whoever destroys a
conversation calls :func:`candor.pipeline.parting.part_with`.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

from candor.capture import store as register
from candor.coaching import library
from candor.coaching.model import Clip
from candor.conversation.peaks import Peaks, PeaksBuilder
from candor.conversation.transcript import Transcript
from candor.errors import Damaged, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.sound import FlacReader, FlacWriter
from candor.pipeline import purposes
from candor.pipeline.shelf import Shelf

KIND = "clip"
"""What the vault knows a copy by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One utterance, or the part of one that lies in the clip."""

    role: str
    start: float
    """Seconds from the beginning of the clip."""
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is played and read; redacted."""

    lines: tuple[Line, ...]
    sound: bytes | None
    """FLAC; None for a written conversation."""

    @property
    def peaks(self) -> Peaks:
        """The outline of the sound; raises NotFound without sound."""
        if self.sound is None:
            raise NotFound("This clip has no sound.", code="sound.none")
        with FlacReader(io.BytesIO(self.sound)) as reader:
            builder = PeaksBuilder(reader.rate, reader.channels, reader.frames)
            builder.add(reader.window(0, reader.frames))
            return builder.finish()


def cut_text(transcript: Transcript, start: float, end: float) -> tuple[Line, ...]:
    """What was said between two moments, word by word where words have times."""
    found = []
    for utterance in transcript.utterances:
        said = [(text, a, b) for text, a, b in utterance.timed() if (a + b) / 2 >= start and (a + b) / 2 <= end]
        if said:
            found.append(
                Line(
                    role=transcript.role_of(utterance).value, start=max(said[0][1] - start, 0.0),
                    end=min(said[-1][2], end) - start, text=" ".join(text for text, _, _ in said),
                )
            )  # fmt: skip
    return tuple(found)


def cut_sound(reader: FlacReader, start: float, end: float) -> bytes:
    """The stretch as a FLAC of its own."""
    out = io.BytesIO()
    with FlacWriter(out, reader.rate, reader.channels) as writer:
        writer.write(reader.window(round(start * reader.rate), round(end * reader.rate)))
    return out.getvalue()


class Clips:
    """Opens clips, from their conversation or their copy."""

    def __init__(self, shelf: Shelf, purpose: str) -> None:
        self.shelf, self._purpose = shelf, purpose

    def usable(self, uow: UnitOfWork, clip: Clip) -> bool:
        """Whether it may be shown at this moment."""
        if library.is_alone(uow, clip.id):
            return clip.copy_until is not None and clip.copy_until > clock.now().date()
        return purposes.may_train(uow, clip.conversation_id, self._purpose)

    def content(self, uow: UnitOfWork, clip: Clip) -> Content:
        """Its sound and words; raises NotFound when it may not be shown, or is gone. The checks:

        1. The conversation is there, not quarantined, and kept for a purpose that lets people learn from it.
        2. Its masked sound is not set aside.
        3. Without its conversation: the copy's time is not over.
        """
        if not self.usable(uow, clip):  # (1) (3)
            raise NotFound("This clip is not there (any more).", code="clip.none")
        if library.is_alone(uow, clip.id):
            return self._copy(uow, clip)
        return self.cut(uow, clip.conversation_id, clip.start, clip.end)

    def cut(self, uow: UnitOfWork, conversation_id: str, start: float, end: float) -> Content:
        """A stretch of a conversation; raises NotFound before it is redacted, and while its sound is set aside."""
        redaction = self.shelf.redaction(uow, conversation_id)
        if redaction is None:
            raise NotFound("This conversation has not been redacted yet.", code="clip.unredacted")
        residue = self.shelf.residue(uow, conversation_id)
        if residue is not None and residue.left:  # (2)
            raise NotFound("The masked sound of this conversation is set aside.", code="clip.set_aside")
        sound = None
        if self.shelf.sound(uow, conversation_id) is not None:
            with FlacReader(self.shelf.playback(uow, conversation_id).open()) as reader:
                sound = cut_sound(reader, start, end)
        return Content(lines=cut_text(redaction.transcript, start, end), sound=sound)

    def sealed(self, uow: UnitOfWork, clip_id: str, content: Content) -> str:
        """Seal a copy; returns its id in the vault."""
        lines = [[each.role, each.start, each.end, each.text] for each in content.lines]
        data = json.dumps(lines).encode() + b"\n" + (content.sound or b"")  # one line of JSON, then the FLAC
        vault = self.shelf.vault
        return vault.keep(uow, vault.seal(KIND, clip_id, data))

    def _copy(self, uow: UnitOfWork, clip: Clip) -> Content:
        if clip.copy_id is None:
            raise Damaged("A clip stands alone and has no copy.", code="clip.damaged")
        head, _, sound = self.shelf.vault.read(uow, clip.copy_id).partition(b"\n")
        lines = tuple(Line(role=role, start=a, end=b, text=text) for role, a, b, text in json.loads(head))
        return Content(lines=lines, sound=sound or None)


def duration(uow: UnitOfWork, shelf: Shelf, conversation_id: str) -> float:
    """Seconds of a conversation; raises NotFound."""
    if not register.exists(uow, conversation_id):
        raise NotFound("There is no such conversation.", code="conversation.not_found")
    sound = shelf.sound(uow, conversation_id)
    if sound is not None:
        return sound.duration
    redaction = shelf.redaction(uow, conversation_id)
    return 0.0 if redaction is None else redaction.transcript.duration
