"""Reading a vCon: bytes in, one VconDocument out, whatever its version and form."""

from __future__ import annotations

import email
import email.message
import email.policy
import json
import zlib
from collections.abc import Mapping
from datetime import UTC
from html.parser import HTMLParser
from typing import Any

from candor.conversation.model import Party, Role
from candor.conversation.vcon.check import Checker, read_moment, renamed
from candor.conversation.vcon.encoding import hashes, inline
from candor.conversation.vcon.model import DialogKind, Signature, VconDialog, VconDocument
from candor.conversation.vcon.signed import open_signed
from candor.conversation.vcon.transcripts import from_analysis, from_texts
from candor.errors import InvalidInput

MAX_BYTES = 512 * 1024 * 1024
"""Of the document, unpacked."""
_MAX_LAYERS = 4
_ROLES = {
    "agent": Role.AGENT,
    "customer": Role.CUSTOMER,
    "contact": Role.CUSTOMER,
    "caller": Role.CUSTOMER,
    "supervisor": Role.SUPERVISOR,
    "sme": Role.THIRD_PARTY,
    "thirdparty": Role.THIRD_PARTY,
    "bot": Role.SYSTEM,
    "ai": Role.SYSTEM,
    "system": Role.SYSTEM,
}


def parse(data: bytes) -> VconDocument:
    """Read a vCon: unsigned or signed, plain or gzip.

    Raises InvalidInput with code ``vcon.json``, ``vcon.not_vcon``, ``vcon.invalid`` (the message names each place),
    ``vcon.encrypted``, ``vcon.signature``, ``vcon.body``, ``vcon.content_hash`` or ``vcon.too_large``.
    """
    document, signature, notes = _opened(data)
    checker = Checker(renamed(document))
    checker.run()
    notes += checker.notes
    document = renamed(document)
    zones = [False]
    parties = tuple(_party(item) for item in document.get("parties", []))
    dialogs = tuple(
        _dialog(place, renamed(item), notes, zones) for place, item in enumerate(document.get("dialog", [])) if item
    )
    if zones[0]:
        notes.append("A time in the document has no zone; UTC was assumed.")
    analyses = tuple(document.get("analysis", []))
    transcript = from_texts(dialogs, parties) or next(
        (found for item in analyses if (found := from_analysis(renamed(item), dialogs, parties)) is not None), None
    )
    created = read_moment(document.get("created_at"))
    return VconDocument(
        uuid=str(document["uuid"]).lower(),
        version=document.get("vcon"),
        created_at=None if created is None else created.replace(tzinfo=created.tzinfo or UTC),
        subject=_filled(document.get("subject")),
        parties=parties,
        dialogs=dialogs,
        transcript=transcript,
        attachments=tuple(document.get("attachments", [])),
        analyses=analyses,
        redacted=document.get("redacted") or None,
        amended=document.get("amended") or None,
        extensions=tuple(value for value in document.get("extensions") or () if isinstance(value, str)),
        signature=signature,
        notes=tuple(notes),
    )


def _opened(data: bytes) -> tuple[Mapping[str, Any], Signature, list[str]]:
    """The unsigned document inside ``data``, through gzip and signatures."""
    signature, notes = Signature.NONE, list[str]()
    for layer in range(_MAX_LAYERS):
        document = _json(data)
        if "ciphertext" in document and "recipients" in document:
            raise InvalidInput(
                "The vCon is encrypted, and there is no key for it here.", code="vcon.encrypted",
                advice="Ask the sender for the signed or plain form, or decrypt it with your own key first.",
            )  # fmt: skip
        if not ("payload" in document and "signatures" in document):
            if not any(key in document for key in ("uuid", "parties", "dialog", "analysis", "attachments")):
                raise InvalidInput("This JSON document is not a vCon.", code="vcon.not_vcon")
            return document, signature, notes
        if document.keys() & {"parties", "dialog", "analysis", "attachments", "uuid"}:
            notes.append("What stands beside the signed content is not covered by the signature and was left out.")
        data, found = open_signed(document)
        signature = found if layer == 0 or found is Signature.UNCHECKED else signature
        if layer == 0:
            notes.append(f"The document is signed: {found.value}.")
    raise InvalidInput("The vCon is signed too many times over.", code="vcon.signature")


def _json(data: bytes) -> Mapping[str, Any]:
    if data[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(data, MAX_BYTES + 1)
        except zlib.error:
            raise InvalidInput("The packed vCon cannot be unpacked.", code="vcon.json") from None
    if len(data) > MAX_BYTES:
        raise InvalidInput("The vCon is too large.", code="vcon.too_large", advice="Send the recording beside it.")
    try:
        document = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        # The parser's own message quotes the text, which may be personal data.
        raise InvalidInput("The vCon is not readable JSON.", code="vcon.json") from None
    if not isinstance(document, Mapping):
        raise InvalidInput("This JSON document is not a vCon: it is not an object.", code="vcon.not_vcon")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _filled(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _party(item: Mapping[str, Any]) -> Party:
    meta = item.get("meta")
    said = item.get("role") or (meta.get("role") if isinstance(meta, Mapping) else None)
    role = _ROLES.get(str(said).lower(), Role.UNKNOWN)
    if role is Role.UNKNOWN and item.get("type") == "bot":
        role = Role.SYSTEM
    tel = (_filled(item.get("tel")) or "").removeprefix("tel:") or None
    mailto = _filled(item.get("mailto")) or _filled(item.get("email"))
    name = _filled(item.get("name"))
    return Party(
        role=role,
        name=None if name == tel else name,
        tel=tel or _filled(item.get("sip")),
        mailto=mailto.removeprefix("mailto:") if mailto else None,
        agent_id=(_filled(item.get("id")) or _filled(item.get("uuid")) or mailto) if role is Role.AGENT else None,
    )


def _dialog(place: int, item: Mapping[str, Any], notes: list[str], zones: list[bool]) -> VconDialog:
    where = f"dialog[{place}]"
    kind = _kind(item, where, notes)
    start = read_moment(item["start"])
    if start is None:
        raise AssertionError("checked before")
    if start.tzinfo is None:
        start, zones[0] = start.replace(tzinfo=UTC), True
    body = inline(item, where)
    parties, channels = _heard(item.get("parties"), kind)
    duration = item.get("duration")
    dialog = VconDialog(
        index=place,
        kind=kind,
        start=start,
        duration=None if duration is None else float(duration),
        parties=parties,
        channels=channels,
        originator=item.get("originator"),
        mediatype=_filled(item.get("mediatype")),
        filename=_filled(item.get("filename")),
        body=None if kind is DialogKind.TEXT else body,
        text=_written(body, _filled(item.get("mediatype"))) if kind is DialogKind.TEXT and body is not None else None,
        url=_filled(item.get("url")),
        hashes=hashes(item),
        message_id=_filled(item.get("message_id")),
        raw=item,
    )
    if dialog.fetched_from_elsewhere:
        notes.append(f"{where} holds only an address of its content; nothing was fetched from there.")
    elif kind is DialogKind.RECORDING and body is None:
        notes.append(f"{where} is a recording without content.")
    return dialog


def _kind(item: Mapping[str, Any], where: str, notes: list[str]) -> DialogKind:
    said = str(item.get("type"))
    if said in ("video", "audio"):
        notes.append(f"{where} has the unregistered type {said}; it was read as a recording.")
        return DialogKind.RECORDING
    try:
        return DialogKind(said)
    except ValueError:
        notes.append(f"{where} has an unknown type; only the fact of it was kept.")
        return DialogKind.INCOMPLETE


def _heard(value: object, kind: DialogKind) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...] | None]:
    """The parties, and for a recording the same list read as one entry (index, indices or null) a channel."""
    if isinstance(value, int):
        return (value,), None
    if not isinstance(value, list):
        return (), None
    channels = tuple(tuple(x) if isinstance(x, list) else () if x is None else (x,) for x in value)
    flat = tuple(dict.fromkeys(party for channel in channels for party in channel))
    return flat, channels if kind is DialogKind.RECORDING else None


def _written(body: bytes, mediatype: str | None) -> str:
    """The words of a text dialog: plain, HTML, or the plain part of an e-mail."""
    kind = (mediatype or "text/plain").split(";")[0].strip().lower()
    if kind.startswith(("multipart/", "message/")):
        header = (
            b""
            if kind.startswith("message/")
            else f"Content-Type: {' '.join((mediatype or '').split())}\r\n\r\n".encode()
        )
        message = email.message_from_bytes(header + body, policy=email.policy.default)
        part = message.get_body(("plain", "html"))
        if part is None:
            return ""
        try:
            content = str(part.get_content())
        except (LookupError, KeyError, ValueError):  # an unknown charset or transfer encoding
            return ""
        return _without_tags(content) if part.get_content_subtype() == "html" else content.strip()
    text = body.decode("utf-8", "replace")
    return _without_tags(text) if kind == "text/html" else text.strip()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style") and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def _without_tags(text: str) -> str:
    reader = _Words()
    reader.feed(text)
    reader.close()
    return " ".join(" ".join(reader.words).split())
