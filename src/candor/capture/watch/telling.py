"""Who says what a recording is: the sidecar file beside it, or its row in one of the place's manifests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta

from candor.capture.files.table import LARGEST as LARGEST_MANIFEST
from candor.capture.watch.facts import Listed, read_listed
from candor.capture.watch.model import Found, WatchedPlace
from candor.capture.watch.ports import Place
from candor.capture.watch.sidecar import LARGEST as LARGEST_SIDECAR
from candor.capture.watch.sidecar import read_sidecar
from candor.errors import Conflict, InvalidInput, NotFound

_BLOCK = 1 << 20
_KEPT = 16
_KEPT_ROWS = 200_000

Read = OrderedDict[tuple[str, str, str], Listed]
"""Manifests that were read: (place, key, tag) → what they say; lives as long as the process."""


class Telling:
    """Asks what is told of recordings in one place."""

    def __init__(self, watched: WatchedPlace, place: Place, read: Read) -> None:
        self._watched, self._place, self._read = watched, place, read

    def listed(self, found: Found) -> Listed:
        """A manifest, read once a version.

        Raises InvalidInput when it cannot be read, Conflict or NotFound when it changed or went away meanwhile.
        """
        name = (self._watched.name, found.key, found.tag)
        if name not in self._read:
            self._read[name] = read_listed(self._whole(found, LARGEST_MANIFEST), found.key)
            while len(self._read) > _KEPT and sum(len(each.rows) for each in self._read.values()) > _KEPT_ROWS:
                self._read.popitem(last=False)
        self._read.move_to_end(name)
        return self._read[name]

    def row_of(self, key: str, manifests: Sequence[Found]) -> dict[str, str] | None:
        """The fields of the recording ``key``, from the first of ``manifests`` that names it."""
        for manifest in manifests:
            try:
                listed = self.listed(manifest)
            except (Conflict, InvalidInput, NotFound):  # whoever looks after the manifests tells what is wrong
                continue
            if key in listed.rows:
                return listed.rows[key]
        return None

    def beside(self, found: Found, *, patient: bool) -> tuple[bool, dict[str, str] | None]:
        """(whether the recording may go on, what its sidecar file says).

        While ``patient``, an absent or half-written one is waited for; later, a malformed one raises InvalidInput.
        """
        sidecar = self._place.find(self._watched.sidecar_of(found.key))
        if sidecar is None:
            return not patient, None
        try:
            return True, read_sidecar(self._whole(sidecar, LARGEST_SIDECAR), sidecar.name)
        except (Conflict, NotFound):
            return False, None
        except InvalidInput:
            if patient:
                return False, None
            raise

    def patient(self, first_seen: datetime, now: datetime) -> bool:
        """Whether a recording may still wait for what is told of it."""
        return now - first_seen < timedelta(seconds=self._watched.facts_wait)

    def _whole(self, found: Found, limit: int) -> bytes:
        if found.size > limit:
            raise InvalidInput(
                f"The file is larger than {limit >> 20} MB, too large to say something of recordings.",
                code="manifest.too_large", advice="Split it.",
            )  # fmt: skip
        data = bytearray()
        with self._place.open(found) as stream:
            while block := stream.read(_BLOCK):
                data += block
                if len(data) > limit:
                    raise Conflict("The file was changed while it was read.", code="watch.changing")
        return bytes(data)
