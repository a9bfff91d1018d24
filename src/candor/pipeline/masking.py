"""The masked rendition of a call: what the transcript hides, telephone keys that are heard, and the residual check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np

from candor.capture.rtp.dtmf import find_tones
from candor.conversation.codec import plain
from candor.conversation.model import Role
from candor.conversation.transcript import Redaction, Transcript
from candor.kit.database import UnitOfWork
from candor.kit.sound import BLOCK_SECONDS, FlacReader, FlacWriter, SoundSource
from candor.pipeline import store
from candor.pipeline.shelf import PEAKS, PLAYBACK, RESIDUE, Shelf
from candor.redaction.edges import with_lost_digits
from candor.redaction.residue import Checked, Listener, Residue, check
from candor.redaction.service import Redactor, code_awaited
from candor.redaction.sound import mask_sound
from candor.vault.service import Vault
from candor.vault.store import SealedObject

Check = Literal["near", "all", "off"]
"""What of a rendition is recognised again: around its masks, everything, nothing."""
KEY_PAD = 0.03
"""Seconds beside a telephone key."""
_KEYS_APART = 5.0
"""Seconds between two keys of one number."""
_OVERLAP = 1.0
"""Seconds that blocks share, so that no key is cut in two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """How renditions are checked."""

    check: Check
    listener: Listener
    tone: bool
    language: str | None = None
    roles: Mapping[int, Role] | None = None
    known_names: Sequence[str] = ()


def key_times(source: SoundSource) -> list[tuple[float, float]]:
    """When telephone keys are heard on any channel, seconds, padded and in order."""
    found: list[tuple[float, float]] = []
    step, more = BLOCK_SECONDS * source.rate, round(_OVERLAP * source.rate)
    for start in range(0, source.frames, step):
        block = source.window(start, start + step + more)
        for channel in range(source.channels):
            linear = np.clip(np.rint(block[:, channel] * 32767), -32768, 32767).astype(np.int16)
            found += [
                (max(start / source.rate + tone.start - KEY_PAD, 0.0), start / source.rate + tone.stop + KEY_PAD)
                for tone in find_tones(linear, source.rate)
            ]
    return sorted(found)


def code_key_times(keys: Sequence[tuple[float, float]], transcript: Transcript) -> list[tuple[float, float]]:
    """Those of ``keys`` that are a card verification code: three or four in a row, after it was asked for."""
    found: list[tuple[float, float]] = []
    for begin, end in code_awaited(transcript):
        pressed = [key for key in keys if begin <= key[0] < end]
        runs: list[list[tuple[float, float]]] = []
        for key in pressed:
            if runs and key[0] - runs[-1][-1][1] < _KEYS_APART:
                runs[-1].append(key)
            else:
                runs.append([key])
        found += [key for run in runs if 3 <= len(run) <= 4 for key in run]
    return found


def masks(source: SoundSource, redaction: Redaction, redactor: Redactor, how: Checking) -> Checked:
    """What is masked of a call, and what the residual check made of it (no seconds where none was made)."""
    times = (*with_lost_digits(source, redaction), *key_times(source))
    if how.check == "off":
        return Checked(times=tuple(sorted(times)), residue=Residue(seconds=0.0))
    return check(
        source, times, how.listener, redactor, tone=how.tone, everything=how.check == "all",
        known_names=how.known_names, language=how.language, roles=how.roles,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A masked rendition, sealed and not recorded yet."""

    conversation_id: str
    sound: SealedObject | None
    """None when something is still made out in it: it is set aside, and nobody hears it."""
    peaks: SealedObject | None
    residue: Residue
    never_stored: tuple[tuple[float, float], ...]

    def commit(self, uow: UnitOfWork, shelf: Shelf) -> None:
        """Make it the current one; the one before goes, also when this one is set aside."""
        for kind, sealed in ((PLAYBACK, self.sound), (PEAKS, self.peaks)):
            if sealed is not None:
                shelf.put(uow, kind, sealed)
            else:
                before = store.put_artifact(uow, self.conversation_id, kind)
                if before is not None:
                    shelf.let_go(uow, self.conversation_id, before)
        store.put_artifact(uow, self.conversation_id, RESIDUE, value=plain(self.residue))


def render(
    vault: Vault, conversation_id: str, working: BinaryIO, redaction: Redaction, redactor: Redactor, how: Checking
) -> Rendition:
    """Mask the working copy, check it, and seal what may be heard."""
    with FlacReader(working) as source:
        checked = masks(source, redaction, redactor, how)
        sound = peaks = None
        if not checked.residue.left:
            sealing = vault.begin(PLAYBACK, conversation_id)
            try:
                with FlacWriter(sealing.stream, source.rate, source.channels) as writer:
                    outline = mask_sound(source, checked.times, writer, tone=how.tone)
                sound = sealing.finish()
            except BaseException:
                sealing.abort()
                raise
            peaks = vault.seal(PEAKS, conversation_id, outline.to_bytes())
    return Rendition(
        conversation_id=conversation_id, sound=sound, peaks=peaks, residue=checked.residue,
        never_stored=checked.never_stored,
    )  # fmt: skip
