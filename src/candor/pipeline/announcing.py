"""Announcements of this house: made, spoken or uploaded, kept, given out to phone systems, and retired.

Rooms meet here: texts and their sound (consent), decoding of uploads (capture), the audit log.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import soundfile

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture.files import Limits, decode
from candor.consent.announcements import (
    Announcement,
    BeepTone,
    Details,
    Element,
    Keys,
    OwnText,
    Refusal,
    Rendered,
    Reply,
    compose,
    own_announcement,
    render,
    reply,
    uploaded,
)
from candor.consent.announcements import store as announcements
from candor.consent.announcements.adapters import ALL, synthesiser_for
from candor.consent.announcements.compose import required
from candor.consent.announcements.ports import Synthesiser
from candor.consent.announcements.store import InUse
from candor.consent.ledger import store as secrets
from candor.consent.ledger.service import CipherFor
from candor.consent.model import Decision
from candor.consent.proof import Print
from candor.errors import InvalidInput, NotFound, TooLarge, Unavailable
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.sound import FlacReader, FlacWriter

LARGEST_UPLOAD = 40_000_000
"""Bytes of a recording: three minutes of 48 kHz in stereo, and some."""
FORMATS = {
    "wav": "audio/wav", "wav16": "audio/wav", "ulaw": "audio/basic", "alaw": "audio/x-alaw-basic",
}  # fmt: skip
"""What phone systems play, with media types: WAV at 8 and at 16 kHz, G.711 octets at 8 kHz without a header."""
_ENDINGS = {"wav": "wav", "wav16": "wav", "ulaw": "ulaw", "alaw": "alaw"}
_GOOD_FOR = timedelta(hours=24)
_STEP = timedelta(hours=12)
_MAC_BYTES = 24
_OFFERS = frozenset({Element.OPT_IN, Element.OBJECTION_ROUTE, Element.RIGHT_TO_OBJECT})
"""What is told by offering keys."""
_REPLY = re.compile(r"reply\.([a-z]{2,3})\.(accepted|refused|unclear)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an announcement is to say: ours from level, elements and details, or a text of the customer's own."""

    level: int
    elements: tuple[str, ...] = ()
    """Notice elements of the rule pack, beside those that the level asks for anyway."""
    language: str
    """BCP 47."""
    details: dict[str, Any] = field(default_factory=dict)
    """What differs from the house's own: fields of :class:`Details`, by name."""
    own: str | None = None
    """An own text; then ``covers`` says what it tells."""
    covers: tuple[str, ...] = ()
    layered: tuple[str, ...] = ()
    """Which of these it only points to."""


class Announcing:
    """The verbs of announcements."""

    def __init__(
        self, database: Database, house: Details, cipher: CipherFor, *, languages: Sequence[str] = ("en",),
        synthesisers: Sequence[Synthesiser] = ALL,
    ) -> None:  # fmt: skip
        """``house``: what holds unless a call says otherwise. ``languages``: in which callers are told, best first."""
        self.house, self.languages = house, tuple(languages)
        self._database, self._cipher, self._synthesisers = database, cipher, tuple(synthesisers)
        self._secret: bytes | None = None
        self._cached = lru_cache(maxsize=64)(self._made)

    # ---- made ----

    def words(self, asked: Words, by: str = "preview") -> Announcement:
        """The text alone; raises InvalidInput with what is missing, or is said wrongly."""
        details = self._details(asked)
        if asked.own is None:
            return compose(asked.level, asked.elements, asked.language, details)
        covers = _elements(asked.covers)
        own = OwnText(
            language=asked.language, text=asked.own, covers=covers, author=by,
            keys=details.keys if covers & _OFFERS else None, layered=_elements(asked.layered),
        )  # fmt: skip
        return own_announcement(own, asked.level, asked.elements)

    def make(self, asked: Words, *, by: str, beep: bool = False, silent: bool = False) -> InUse:
        """Make, speak and keep an announcement.

        ``silent``: text alone, which a phone system speaks, or an agent. Raises InvalidInput; Unavailable where no
        synthesiser speaks the language, with what to install.
        """
        made = self.words(asked, by)
        if silent:
            return self._keep(made, None, None, by=by)
        speaker = synthesiser_for(made.language, self._synthesisers)
        speech = speaker.speak(made.text, asked.language)
        sound = render(speech.samples, speech.rate, beep=_beep(beep))
        return self._keep(made, sound, speaker.name, by=by)

    def upload(self, asked: Words, data: bytes, filename: str, *, by: str, beep: bool = False) -> InUse:
        """Keep a recording in which a person says the words; any common format. Raises InvalidInput, TooLarge."""
        made = self.words(asked, by)
        if len(data) > LARGEST_UPLOAD:
            raise TooLarge(
                f"The recording is larger than {LARGEST_UPLOAD // 1_000_000} MB.",
                code="announcement.too_large",
                advice="An announcement lasts three minutes at most: cut it, or send it in mono.",
            )
        out = io.BytesIO()
        decode(
            io.BytesIO(data), filename, lambda rate, channels: FlacWriter(out, rate, channels),
            Limits(bytes=LARGEST_UPLOAD, seconds=200, channels=2, min_rate=8_000),
        )  # fmt: skip
        out.seek(0)
        with FlacReader(out) as reader:
            sound = uploaded(reader.window(0, reader.frames), reader.rate, beep=_beep(beep))
        return self._keep(made, sound, "upload", by=by)

    def retire(self, version: str, *, by: str, reason: str = "") -> InUse:
        """Take it out of use; it is still recognised in recordings. Raises NotFound."""
        with self._database.write() as uow:
            announcements.retire(uow, version)
            audit.record(uow, Event.ANNOUNCEMENT_RETIRED, by, subject=version, reason=reason.strip() or None)
            return announcements.get(uow, version)

    def _details(self, asked: Words) -> Details:
        given = dict(asked.details)
        if "keys" in given and isinstance(given["keys"], str):
            given["keys"] = keys_of(given["keys"])
        if "refusal" in given:
            given["refusal"] = Refusal(given["refusal"])
        if "purposes" in given:
            given["purposes"] = tuple(given["purposes"])
        return replace(self.house, **given)

    def _keep(self, made: Announcement, sound: Rendered | None, spoken_by: str | None, *, by: str) -> InUse:
        """The same words with another sound are another version: recordings hold the old sound, which is still to be
        found in them."""
        wav = None if sound is None else sound.wav()
        version = made.version
        with self._database.write() as uow:
            before = _sound_of(uow, version)
            if wav is None and before is not None:
                wav, spoken_by = before, announcements.get(uow, version).spoken_by
            elif wav is not None and before not in (None, wav):
                version = f"{version}.{hashlib.sha256(wav).hexdigest()[:8]}"
            found_by = Print.of(version, *_samples(wav)).data if wav else None
            announcements.put(uow, made, by=by, version=version, wav=wav, found_by=found_by, spoken_by=spoken_by)
            audit.record(uow, Event.ANNOUNCEMENT_ADDED, by, subject=version)
            return announcements.get(uow, version)

    # ---- which one ----

    def fitting(self, uow: UnitOfWork, decision: Decision, language: str | None = None) -> tuple[InUse, ...]:
        """What a call is to hear by its decision, in the order in which it is played.

        One announcement in every language that the law names; else one in the language of the line (``language``) or
        the first of the house's in which there is one. Raises NotFound that says what to make.
        """
        wanted = dict.fromkeys([*([language] if language else []), *self.languages])
        tongues = decision.languages
        chosen = [[one] for one in tongues.required]
        chosen += [
            [*(one for one in wanted if _primary(one) in group), *group]
            for group in tongues.one_of
            if not set(group) & set(tongues.required)
        ]
        if not chosen:
            chosen = [[language] if language and tongues.service_line else list(wanted)]
        elements = frozenset(str(one) for one in required(decision.level, decision.notice_elements))
        found: dict[str, InUse] = {}
        for languages in chosen:
            one = self._first(uow, decision.level, elements, languages)
            found[one.version] = one
        order = [_primary(one) for one in wanted]
        return tuple(sorted(found.values(), key=lambda one: _place(order, _primary(one.language))))

    @staticmethod
    def _first(uow: UnitOfWork, level: int, elements: frozenset[str], languages: Sequence[str]) -> InUse:
        for language in languages:
            one = announcements.fitting(uow, level=level, elements=elements, language=language)
            if one is not None:
                return one
        asked = " ".join(f"--element {one}" for one in sorted(elements))
        raise NotFound(
            "No announcement in use tells what this call must be told.", code="announcement.none_fits",
            advice=f"Make it: candor consent announcements make --level {level} --language {languages[0]} {asked}",
        )  # fmt: skip

    def every(self, uow: UnitOfWork, *, retired: bool = False) -> list[InUse]:
        """Those in use, the newest first; with ``retired`` those of before, too."""
        return announcements.every(uow, retired=retired)

    def get(self, uow: UnitOfWork, version: str) -> InUse:
        """One version; raises NotFound."""
        return announcements.get(uow, version)

    # ---- its sound ----

    def sound(self, version: str, form: str) -> bytes:
        """The sound in one of :data:`FORMATS`; also of ``reply.LANGUAGE.KIND``, what is said after an answer.

        Raises NotFound; for a reply Unavailable where nobody can speak it.
        """
        if form not in FORMATS:
            raise NotFound("Announcements have no such format.", code="announcement.format", advice=", ".join(FORMATS))
        return self._cached(version, form)

    def _made(self, version: str, form: str) -> bytes:
        spoken = _REPLY.fullmatch(version)
        if spoken:
            language = spoken[1]
            speech = synthesiser_for(language, self._synthesisers).speak(reply(Reply(spoken[2]), language), language)
            sound = render(speech.samples, speech.rate)
        else:
            with self._database.read() as uow:
                sound = Rendered(_samples(announcements.wav(uow, version))[0])
        if form == "ulaw":
            return sound.mu_law()
        return sound.a_law() if form == "alaw" else sound.wav(16_000 if form == "wav16" else 8_000)

    def reply_version(self, kind: Reply, language: str) -> str | None:
        """By what name the sound of a reply is fetched; None where nobody can speak it."""
        try:
            synthesiser_for(language, self._synthesisers)
        except Unavailable:
            return None
        return f"reply.{_primary(language)}.{kind}"

    # ---- addresses that need no header ----

    def address(self, version: str, form: str = "wav") -> str:
        """``EXPIRY.MAC/VERSION.ENDING``: good for 12 to 24 hours, the same for 12 so that phone systems can cache it.

        HMAC-SHA-256 over name and expiry, cut to 192 bits.
        """
        step = int(_STEP.total_seconds())
        expires = (int(clock.now().timestamp()) // step) * step + int(_GOOD_FOR.total_seconds())
        name = f"{version}.{_ENDINGS[form]}"
        return f"{expires:x}.{self._mac(name, expires)}/{name}"

    def check_address(self, proof: str, name: str) -> tuple[str, str]:
        """(version, format) of a signed address that is still good; raises NotFound, which tells strangers nothing."""
        expiry, _, mac = proof.partition(".")
        version, _, ending = name.rpartition(".")
        known = re.fullmatch(r"[0-9a-f]{8,10}", expiry) is not None and ending in ("wav", "ulaw", "alaw")
        if not known or not hmac.compare_digest(self._mac(name, int(expiry, 16)).encode(), mac.encode()):
            raise _no_such_address()
        if int(expiry, 16) < clock.now().timestamp():
            raise _no_such_address()
        return version, ending

    def _mac(self, name: str, expires: int) -> str:
        told = f"candor.announcement.1\0{name}\0{expires}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self._the_secret(), told, "sha256")[:_MAC_BYTES]).decode()

    def _the_secret(self) -> bytes:
        if self._secret is None:
            use, name = secrets.SOUND_ADDRESSES, "sound-addresses"
            with self._database.read() as uow:
                sealed = secrets.secret(uow, use)
                if sealed is not None:
                    self._secret = self._cipher(uow, False).open(name, sealed)
                    return self._secret
            with self._database.write() as uow:
                sealed = secrets.secret(uow, use)  # another process may have been faster
                cipher = self._cipher(uow, True)
                fresh = os.urandom(32) if sealed is None else cipher.open(name, sealed)
                if sealed is None:
                    secrets.put_secret(uow, cipher.seal(name, fresh), use)
            self._secret = fresh
        return self._secret


def keys_of(text: str) -> Keys | None:
    """``12``: 1 for yes, 2 for no; empty: answers are spoken. Raises InvalidInput."""
    if not text:
        return None
    if len(text) != 2:
        raise InvalidInput(
            "Keys for yes and no are two keys of a telephone.", code="announcement.keys", advice="Write them as 12."
        )
    return Keys(yes=text[0], no=text[1])


def _elements(names: Sequence[str]) -> frozenset[Element]:
    known = {str(one) for one in Element}
    if unknown := sorted(set(names) - known):
        raise InvalidInput(
            f"{len(unknown)} of the elements are not known.", code="announcement.element",
            advice=f"Known are {', '.join(sorted(known))}.",
        )  # fmt: skip
    return frozenset(Element(name) for name in names)


def _beep(wanted: bool) -> BeepTone | None:
    return BeepTone(every=None) if wanted else None


def _samples(wav: bytes) -> tuple[Any, int]:
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
    return samples, int(rate)


def _sound_of(uow: UnitOfWork, version: str) -> bytes | None:
    try:
        return announcements.wav(uow, version)
    except NotFound:
        return None


def _primary(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]


def _place(order: Sequence[str], language: str) -> int:
    return order.index(language) if language in order else len(order)


def _no_such_address() -> NotFound:
    return NotFound(
        "This address is not good, or not any more.", code="announcement.address", advice="Ask for a decision again."
    )
