"""A person's copy of what is held of them: a ZIP that opens in any browser, and a vCon for programs.

What is theirs is given, what is others' is masked (GDPR art. 15(4)): see decision 18. Their own words come back
unmasked, but for what opens an account; what others said, and all sound, comes as it is shown to everybody here:
redacted. Staff are named by their role (CJEU C-579/21). Nothing of it touches a disk on the way out.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from candor.conversation.codec import plain
from candor.conversation.model import Conversation, Party, Role
from candor.conversation.transcript import PiiKind, Redaction, Transcript, Utterance
from candor.conversation.vcon.build import Media, build
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import Database
from candor.pipeline.shelf import FLAC, Shelf
from candor.vault.requests.people import How, IdKind, normal
from candor.vault.requests.store import Item, Subject

FORMAT = "candor.subject-copy/1"
GIVEN_BACK = frozenset(
    {
        PiiKind.PHONE, PiiKind.EMAIL, PiiKind.ADDRESS, PiiKind.POSTCODE, PiiKind.DATE_OF_BIRTH, PiiKind.NATIONAL_ID,
        PiiKind.ACCOUNT, PiiKind.IBAN, PiiKind.URL, PiiKind.IP,
    }
)  # fmt: skip
"""What a person said of themselves and gets back; cards, codes, passwords and names that are not theirs stay masked."""
INLINE = 64 * 1024 * 1024
"""Bytes of sound that go into a vCon as well."""
_STAFF = frozenset({Role.AGENT, Role.SUPERVISOR})
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One conversation as it goes into a copy."""

    conversation: Conversation
    """Without what is others'."""
    item: Item
    transcript: Transcript | None
    vcon: dict[str, Any]
    has_sound: bool

    @property
    def folder(self) -> str:
        """Its place in the archive: nothing personal, in order of time."""
        return f"conversations/{self.conversation.started_at:%Y-%m-%d-%H%M}-{self.conversation.id[-8:]}"


def own_words(unmasked: Transcript, redaction: Redaction, mine: frozenset[int], names: Sequence[str]) -> Transcript:
    """The masked transcript, with what speakers ``mine`` said given back as far as it is theirs.

    ``names``: the person's own; another's name that they say stays masked.
    """
    own = {normal(IdKind.NAME, name) for name in names}
    own |= {part for name in own for part in name.split()}
    told: list[Utterance] = []
    for masked, said in zip(redaction.transcript.utterances, unmasked.utterances, strict=True):
        if said.speaker not in mine:
            told.append(masked)
            continue
        words = [word.text for word in said.words] or said.text.split(" ")
        for span in redaction.spans:
            if span.utterance != said.index:
                continue
            text = " ".join(words[span.first_word : span.last_word + 1])
            theirs = span.kind is PiiKind.NAME and set(normal(IdKind.NAME, text).split()) <= own
            if span.kind not in GIVEN_BACK and not theirs:
                words[span.first_word] = span.placeholder
                words[span.first_word + 1 : span.last_word + 1] = [""] * (span.last_word - span.first_word)
        told.append(replace(said, text=" ".join(word for word in words if word), words=()))
    return replace(redaction.transcript, utterances=tuple(told))


class Copier:
    """Makes copies."""

    def __init__(self, database: Database, shelf: Shelf, company: str) -> None:
        self._database, self._shelf, self._company = database, shelf, company

    def archive(self, subject: Subject, items: Sequence[Item]) -> Iterator[bytes]:
        """The ZIP, piece by piece, made while it is read."""
        out = _Pieces()
        digests: dict[str, str] = {}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

            def put(name: str, data: bytes) -> None:
                digests[name] = hashlib.sha512(data).hexdigest()
                archive.writestr(_entry(name), data)

            parts: list[Part] = []
            for item in items:
                part = self.part(item, subject)
                if part is None:
                    continue
                parts.append(part)
                put(f"{part.folder}/conversation.html", _page(part).encode())
                put(f"{part.folder}/metadata.json", _json(_metadata(part)))
                if part.transcript is not None:
                    put(f"{part.folder}/transcript.json", _json(plain(part.transcript)))
                put(f"{part.folder}/conversation.vcon", _json(part.vcon))
                yield out.take()
                if part.has_sound:
                    digest = hashlib.sha512()
                    for block in self._sound(item.conversation_id, archive, f"{part.folder}/sound.flac", digest):
                        del block
                        yield out.take()
                    digests[f"{part.folder}/sound.flac"] = digest.hexdigest()
            put("index.html", _overview(self._company, subject, parts, items).encode())
            manifest = {"format": FORMAT, "made_at": clock.now().isoformat(), "sha512": dict(sorted(digests.items()))}
            archive.writestr(_entry("manifest.json"), _json(manifest))
        yield out.take()

    def part(self, item: Item, subject: Subject) -> Part | None:
        """One conversation, or None when it is gone; raises Damaged when what is held does not open."""
        with self._database.read() as uow:
            try:
                conversation = self._shelf.conversation(uow, item.conversation_id)
            except NotFound:
                return None
            redaction = self._shelf.redaction(uow, item.conversation_id)
            held = self._shelf.transcript(uow, item.conversation_id) if redaction is not None else None
            sound = self._shelf.sound(uow, item.conversation_id)
            analysis = self._shelf.analysis(uow, item.conversation_id)
            basis = self._shelf.lawful_basis(uow, conversation)
            media = self._media(item.conversation_id)
        mine = _speakers(item, redaction)
        names = [subject.name, *(value for kind, value in subject.keys if kind is IdKind.NAME)]
        transcript = None
        if redaction is not None:
            transcript = own_words(held[1], redaction, mine, names) if held and mine else redaction.transcript
            redaction = replace(redaction, transcript=transcript)
        shown = _without_others(conversation, item)
        vcon = build(shown, sound=sound, redaction=redaction, analysis=analysis, media=media, basis=basis)
        return Part(conversation=shown, item=item, transcript=transcript, vcon=vcon, has_sound=media is not None)

    def _media(self, conversation_id: str) -> Media | None:
        with self._database.read() as uow:
            try:
                playback = self._shelf.playback(uow, conversation_id)
            except NotFound:
                return None
            digest, body = hashlib.sha512(), io.BytesIO()
            with playback.open() as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    if playback.size <= INLINE:
                        body.write(block)
        return Media(
            mediatype=FLAC, filename=f"{conversation_id}.flac", sha512=digest.hexdigest(),
            body=body.getvalue() if playback.size <= INLINE else None,
        )  # fmt: skip

    def _sound(self, conversation_id: str, archive: zipfile.ZipFile, name: str, digest: Any) -> Iterator[int]:
        entry = _entry(name)
        entry.compress_type = zipfile.ZIP_STORED
        with (
            self._database.read() as uow,
            self._shelf.playback(uow, conversation_id).open() as stream,
            archive.open(entry, "w", force_zip64=True) as target,
        ):
            while block := stream.read(_BLOCK):
                digest.update(block)
                target.write(block)
                yield len(block)


class _Pieces(io.RawIOBase):
    """What a ZIP writes, until somebody takes it; it cannot be sought, so the archive is written in one go."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        """What came since."""
        found = bytes(self._held)
        self._held.clear()
        return found


def _entry(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, clock.now().timetuple()[:6])
    made.compress_type = zipfile.ZIP_DEFLATED
    made.external_attr = 0o600 << 16
    return made


def _speakers(item: Item, redaction: Redaction | None) -> frozenset[int]:
    """The voices that are the person's own."""
    if redaction is None or item.how == How.SAID:
        return frozenset()
    wanted = _STAFF if item.how == How.STAFF else {Role.CUSTOMER}
    return frozenset(place for place, who in enumerate(redaction.transcript.speakers) if who.role in wanted)


def _without_others(conversation: Conversation, item: Item) -> Conversation:
    """Parties as the person may know them: their own data whole, of others the role."""
    own = _STAFF if item.how == How.STAFF else {Role.CUSTOMER}
    customers = [party for party in conversation.parties if party.role in own]
    alone = len(customers) == 1 and item.how != How.SAID
    parties = tuple(
        party if alone and party in customers else Party(role=party.role, channel=party.channel)
        for party in conversation.parties
    )
    return replace(conversation, parties=parties, notes=())


def _metadata(part: Part) -> dict[str, Any]:
    one = part.conversation
    return {
        "format": FORMAT, "id": one.id, "started_at": one.started_at.isoformat(), "medium": one.medium.value,
        "direction": one.direction.value, "queue": one.queue, "language": one.language, "subject": one.subject,
        "external_id": one.external_id,
        "parties": [
            {name: value for name, value in plain(party).items() if value is not None} for party in one.parties
        ],
    }  # fmt: skip


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#161b22;"
    "background:#fff}h1{font-size:1.5rem}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d8dde4;vertical-align:top}"
    "audio{width:100%;margin:1rem 0}.who{white-space:nowrap;color:#47505e}small{color:#5c6674}"
)


def _html(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _page(part: Part) -> str:
    one, said = part.conversation, part.transcript
    rows = (
        ""
        if said is None
        else "".join(
            f'<tr><td class="who">{int(each.start) // 60}:{int(each.start) % 60:02} '
            f"{escape(_ROLE.get(said.role_of(each), 'Speaker'))}</td><td>{escape(each.text)}</td></tr>"
            for each in said.utterances
        )
    )
    sound = '<audio controls src="sound.flac"></audio>' if part.has_sound else "<p>There is no sound.</p>"
    return _html(
        f"Conversation of {one.started_at:%d %B %Y, %H:%M} UTC",
        f"<p>{escape(one.medium.value.title())}, {escape(one.direction.value)}"
        f"{f', queue {escape(one.queue)}' if one.queue else ''}</p>{sound}"
        f"<table>{rows or '<tr><td>There is no text.</td></tr>'}</table>"
        "<p><small>[NAME_1] and the like stand for other people's data, and for what opens an account. "
        'Data for programs: <a href="conversation.vcon">vCon</a>, <a href="metadata.json">metadata</a>.'
        ' <a href="../../index.html">All conversations</a></small></p>',
    )


def _overview(company: str, subject: Subject, parts: Sequence[Part], items: Sequence[Item]) -> str:
    rows = "".join(
        f'<tr><td><a href="{part.folder}/conversation.html">{part.conversation.started_at:%d %B %Y, %H:%M} UTC</a></td>'
        f"<td>{escape(part.conversation.medium.value)}</td><td>{escape(_HOW[How(part.item.how)])}</td></tr>"
        for part in parts
    )
    missing = len(items) - len(parts)
    gone = f"<p>{missing} more are not here any more or are closed to everybody.</p>" if missing else ""
    return _html(
        f"Recorded conversations of {subject.name}",
        f"<p>Made on {clock.now():%d %B %Y} by {escape(company or 'whoever recorded them')}. Each conversation has its "
        "sound and text, with other people's data masked, and the same for programs (vCon, a standard of the IETF).</p>"
        f"<table>{rows or '<tr><td>Nothing is held.</td></tr>'}</table>{gone}",
    )


_ROLE = {
    Role.AGENT: "Agent", Role.SUPERVISOR: "Agent", Role.CUSTOMER: "Customer", Role.THIRD_PARTY: "Other person",
    Role.SYSTEM: "Machine",
}  # fmt: skip
_HOW = {How.PARTY: "you took part", How.STAFF: "you took part for the company", How.SAID: "your data was said in it"}
