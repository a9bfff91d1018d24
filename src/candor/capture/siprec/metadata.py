"""Recording metadata documents (RFC 7865; media type RFC 9806), read as their many senders write them.

Senders differ: namespaces of three ages, ids named in three ways, associations as elements of their own or inside the
participant, letters in any case, vendor elements anywhere. Elements are therefore known by their local name in lower
case without ``-`` and ``_``, and what is not known is kept as vendor data. DTDs and entities are refused; depth, count
and size are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from xml.parsers.expat import ExpatError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from candor.capture.siprec.merging import merge
from candor.capture.siprec.model import (
    MAX_ITEMS,
    NAMESPACE,
    DataMode,
    Group,
    Metadata,
    MetadataError,
    Participant,
    Session,
    SessionAssociation,
    SessionRecording,
    Stream,
    StreamAssociation,
    speakers,
)
from candor.capture.siprec.rendering import render, snapshot_request

__all__ = [
    "CONTENT_TYPE",
    "Metadata",
    "MetadataError",
    "is_metadata",
    "merge",
    "parse",
    "render",
    "snapshot_request",
    "speakers",
]

CONTENT_TYPE = "application/rs-metadata+xml"
"""RFC 9806; ``application/rs-metadata`` is what RFC 7866 said before."""
MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_ELEMENTS = 5_000
MAX_TEXT = 1_024
"""Characters of one value; more is cut off."""
_TYPES = frozenset({CONTENT_TYPE, "application/rs-metadata"})
_ROOTS = frozenset({"recording", "recordingmetadata"})
_KNOWN = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?recording(?:_metadata)?[\s>/]", re.IGNORECASE)
_PREFIXES = re.compile(rb"[<\s]([A-Za-z_][\w.-]{0,63}):[A-Za-z_]")
_ROOT_TAG = re.compile(rb"<[A-Za-z_][\w.:-]*")
_UNBOUND_PREFIX = 27
"""XML_ERROR_UNBOUND_PREFIX of expat."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_XML_LANG = "http://www.w3.org/XML/1998/namespace}lang"


class _Element:
    """What is kept of an XML element."""

    __slots__ = ("attributes", "children", "language", "local", "name", "namespace", "text")

    def __init__(self, tag: str, attributes: list[str]) -> None:
        self.namespace, _, self.local = tag.rpartition("}")
        self.name = _plain(self.local)
        self.attributes: dict[str, str] = {}
        self.language = ""
        for at in range(0, len(attributes), 2):
            key, value = attributes[at], attributes[at + 1]
            if key == _XML_LANG:
                self.language = value
            else:
                self.attributes.setdefault(_plain(key.rpartition("}")[2]), value)
        self.children: list[_Element] = []
        self.text = ""

    def get(self, *names: str) -> str | None:
        """The first attribute of these plain names that has a value."""
        return next((found for name in names if (found := _clean(self.attributes.get(name, "")))), None)

    def each(self, name: str) -> Iterator[_Element]:
        return (child for child in self.children if child.name == name)

    def child_text(self, name: str) -> str | None:
        """Text of the first child of the name that has some."""
        return next((text for child in self.each(name) if (text := _clean(child.text))), None)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(text for child in self.each(name) if (text := _clean(child.text)))


class _Builder:
    """Handlers of the XML parser: a bounded tree."""

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self._count = 0
        self.root: _Element | None = None

    def start(self, tag: str, attributes: list[str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise MetadataError("Recording metadata has too many elements, or too many inside one another.")
        element = _Element(tag, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _tag: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        if len((element := self._open[-1]).text) < MAX_TEXT:
            element.text += text


def is_metadata(content_type: str, body: bytes) -> bool:
    """Whether a body part is recording metadata: by its type, or by what it holds when the type is a broken one."""
    return content_type in _TYPES or (
        "sdp" not in content_type and body.lstrip()[:1] == b"<" and _KNOWN.search(body[:1024]) is not None
    )


def parse(data: bytes) -> Metadata:
    """Read a metadata document. Raises MetadataError when it is not XML, not metadata, or over the limits.

    Unreadable times and items without an id are left out: what remains is still worth having.
    """
    root = _tree(data)
    if root.name not in _ROOTS:
        raise MetadataError("The metadata of a recording session is not a recording document.")
    if not root.children:
        raise MetadataError("The metadata of a recording session has lost its structure: it has no elements.")
    return _Reader(root).metadata()


def _tree(data: bytes) -> _Element:
    if len(data) > MAX_BYTES:
        raise MetadataError("The metadata of a recording session is larger than 256 KiB.")
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16 is XML as well
        data = data.strip(b" \t\r\n\x00")
    try:
        return _feed(data)
    except ExpatError as error:
        if error.code != _UNBOUND_PREFIX:
            raise MetadataError("The metadata of a recording session is not well-formed XML.") from error
    try:
        return _feed(_with_prefixes(data))  # vendor elements whose prefix nobody declared
    except ExpatError as error:
        raise MetadataError("The metadata of a recording session is not well-formed XML.") from error


def _feed(data: bytes) -> _Element:
    """Parse with the guards of defusedxml; the handlers are ours, so that no tree is built twice."""
    builder = _Builder()
    expat = DefusedXMLParser(target=builder, forbid_dtd=True, forbid_entities=True, forbid_external=True).parser
    expat.DefaultHandlerExpand = None
    expat.StartElementHandler = builder.start
    expat.EndElementHandler = builder.end
    try:
        expat.Parse(data, True)
    except DefusedXmlException as error:
        raise MetadataError("The metadata of a recording session has a DTD or entities, which are refused.") from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know, or that is not text
        raise MetadataError("The metadata of a recording session is in an unknown encoding.") from error
    if builder.root is None:
        raise MetadataError("The metadata of a recording session is empty.")
    return builder.root


def _with_prefixes(data: bytes) -> bytes:
    """The document with every prefix declared on its root."""
    root = _ROOT_TAG.search(data)
    if root is None:
        return data
    declared = set(re.findall(rb"xmlns:([A-Za-z_][\w.-]*)\s*=", data)) | {b"xml", b"xmlns"}
    used = dict.fromkeys(_PREFIXES.findall(data))
    extra = b"".join(b' xmlns:%s="urn:undeclared"' % prefix for prefix in list(used)[:64] if prefix not in declared)
    return data[: root.end()] + extra + data[root.end() :]


class _Reader:
    """Reads one document into values."""

    def __init__(self, root: _Element) -> None:
        self._root = root
        self._groups: list[Group] = []
        self._sessions: list[Session] = []
        self._participants: list[Participant] = []
        self._streams: list[Stream] = []
        self._in_session: list[SessionAssociation] = []
        self._on_stream: list[StreamAssociation] = []
        self._recorded: list[SessionRecording] = []
        self._mode: DataMode = "complete"
        self._loose: dict[str, str] = {}
        self._by_parent: dict[str, dict[str, str]] = {}

    def metadata(self) -> Metadata:
        readers: dict[str, Callable[[_Element], None]] = {
            "datamode": self._data_mode,
            "group": self._group,
            "session": self._session,
            "participant": self._participant,
            "stream": self._stream,
            "sessionrecordingassoc": self._session_recording,
            "participantsessionassoc": self._session_association,
            "participantstreamassoc": self._stream_association,
        }
        for element in self._root.children:  # early drafts name the owner of vendor data; it may stand before them
            if element.name not in readers:
                owner = element.get("parent")
                _gather(element, self._loose if owner is None else self._by_parent.setdefault(owner, {}))
        for element in self._root.children:
            if element.name in readers:
                readers[element.name](element)
        kinds = (self._groups, self._sessions, self._participants, self._streams, self._in_session, self._on_stream)
        if any(len(kind) > MAX_ITEMS for kind in kinds):
            raise MetadataError(f"Recording metadata has more than {MAX_ITEMS} items of one kind.")
        return Metadata(
            data_mode=self._mode,
            namespace=self._root.namespace or NAMESPACE,
            groups=tuple(self._groups),
            sessions=tuple(self._sessions),
            participants=tuple(self._participants),
            streams=tuple(self._streams),
            session_associations=tuple(self._in_session),
            stream_associations=tuple(self._on_stream),
            recording_associations=tuple(self._recorded),
            extension=self._loose,
        )

    def _data_mode(self, element: _Element) -> None:
        if _clean(element.text).lower() == "partial":
            self._mode = "partial"

    def _group(self, element: _Element) -> None:
        if an_id := element.get("groupid", "id"):
            associated, disassociated = _times(element)
            self._groups.append(Group(id=an_id, associated_at=associated, disassociated_at=disassociated))

    def _session(self, element: _Element) -> None:
        an_id = element.get("sessionid", "id")
        if an_id is None:
            return
        self._sessions.append(
            Session(
                id=an_id,
                sip_session_ids=element.texts("sipsessionid"),
                group=element.child_text("groupref") or element.get("group", "groupid"),
                started_at=_time(element.child_text("starttime")),
                stopped_at=_time(element.child_text("stoptime")),
                reason=", ".join(element.texts("reason")) or None,
                extension=self._extension(
                    element, an_id, {"sipsessionid", "groupref", "starttime", "stoptime", "reason", *_TIMES}
                ),
            )
        )
        associated, disassociated = _times(element)
        if associated or disassociated:
            self._recorded.append(
                SessionRecording(session=an_id, associated_at=associated, disassociated_at=disassociated)
            )

    def _participant(self, element: _Element) -> None:
        an_id = element.get("participantid", "id")
        if an_id is None:
            return
        names = [(one.get("aor"), one) for one in element.each("nameid")]
        first = names[0][1] if names else None
        name = next((child for child in first.each("name") if _clean(child.text)), None) if first else None
        self._participants.append(
            Participant(
                id=an_id,
                aor=names[0][0] if names else None,
                name=_clean(name.text) if name else None,
                name_language=_clean(name.language) or None if name else None,
                other_aors=tuple(aor for aor, _ in names[1:] if aor is not None),
                extension=self._extension(element, an_id, {"nameid", "send", "recv", *_TIMES}),
            )
        )
        associated, disassociated = _times(element)
        session = element.get("session", "sessionid")
        if session or associated or disassociated:
            self._in_session.append(
                SessionAssociation(
                    participant=an_id, session=session, associated_at=associated, disassociated_at=disassociated
                )
            )
        self._add_streams(element, an_id)

    def _stream(self, element: _Element) -> None:
        an_id = element.get("streamid", "id")
        if an_id is None:
            return
        self._streams.append(
            Stream(
                id=an_id,
                session=element.get("sessionid", "session"),
                label=element.child_text("label"),
                content_type=element.child_text("contenttype") or element.get("contenttype"),
                mode=element.child_text("mode"),
                extension=self._extension(element, an_id, {"label", "contenttype", "mode", *_TIMES}),
            )
        )

    def _session_recording(self, element: _Element) -> None:
        if session := element.get("sessionid", "session", "id"):
            associated, disassociated = _times(element)
            self._recorded.append(
                SessionRecording(session=session, associated_at=associated, disassociated_at=disassociated)
            )

    def _session_association(self, element: _Element) -> None:
        if participant := element.get("participantid", "participant", "id"):
            associated, disassociated = _times(element)
            self._in_session.append(
                SessionAssociation(
                    participant=participant,
                    session=element.get("sessionid", "session"),
                    associated_at=associated,
                    disassociated_at=disassociated,
                )
            )

    def _stream_association(self, element: _Element) -> None:
        if participant := element.get("participantid", "participant", "id"):
            self._add_streams(element, participant, always=True)

    def _add_streams(self, element: _Element, participant: str, *, always: bool = False) -> None:
        sends, receives = element.texts("send"), element.texts("recv")
        if sends or receives or always:
            associated, disassociated = _times(element)
            self._on_stream.append(
                StreamAssociation(
                    participant=participant,
                    sends=sends[:MAX_ITEMS],
                    receives=receives[:MAX_ITEMS],
                    associated_at=associated,
                    disassociated_at=disassociated,
                )
            )

    def _extension(self, element: _Element, an_id: str, known: set[str]) -> Mapping[str, str]:
        """Vendor data inside an element, or elsewhere with this element as its parent."""
        found = dict(self._by_parent.get(an_id, {}))
        for child in element.children:
            if child.name not in known:
                _gather(child, found)
        return found


_TIMES = ("associatetime", "disassociatetime")


def _gather(element: _Element, into: dict[str, str]) -> None:
    """Leaf elements by local name; the first of equal names counts, empty ones too (they may be flags)."""
    if element.children:
        for child in element.children:
            _gather(child, into)
    elif len(into) < MAX_ITEMS and (element.name != "extensiondata" or _clean(element.text)):
        into.setdefault(element.local, _clean(element.text))


def _times(element: _Element) -> tuple[datetime | None, datetime | None]:
    return _time(element.child_text("associatetime")), _time(element.child_text("disassociatetime"))


def _time(text: str | None) -> datetime | None:
    """An xs:dateTime in UTC; without a zone it is taken as UTC; None when it is none."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _plain(name: str) -> str:
    return _PLAIN.get(name) or name.lower().replace("-", "").replace("_", "")


def _clean(text: str) -> str:
    """A value without the white space around it; control characters inside become spaces."""
    text = text.strip()[:MAX_TEXT]
    return text if text.isprintable() else _CONTROLS.sub(" ", text).strip()


_PLAIN = {
    name: name.lower().replace("-", "").replace("_", "")
    for name in (
        *("recording", "datamode", "dataMode", "group", "session", "participant", "stream", "label", "mode", "aor"),
        *("nameID", "name", "send", "recv", "associate-time", "disassociate-time", "start-time", "stop-time", "id"),
        *("participant_id", "session_id", "stream_id", "group_id", "sipSessionID", "group-ref", "reason"),
        *("sessionrecordingassoc", "participantsessionassoc", "participantstreamassoc", "extensiondata"),
    )
}
"""Names that nearly every document has, worked out once."""
