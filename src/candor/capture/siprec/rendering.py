"""Recording metadata documents, written (RFC 7865 section 10), and the request for one (RFC 7865 section 7)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from html import escape

from candor.capture.siprec.model import (
    NAMESPACE,
    Group,
    Metadata,
    Participant,
    SessionAssociation,
    SessionRecording,
    StreamAssociation,
)

SNAPSHOT_REQUEST_TYPES = ("application/rs-metadata-request", "application/rs-metadata+xml", "application/rs-metadata")
"""What a request for metadata has been called: in the drafts, since RFC 9806, and in RFC 7866."""
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_NAME = re.compile(r"[^0-9A-Za-z_.-]+")


def render(metadata: Metadata, namespace: str | None = None) -> bytes:
    """The document of this metadata, in its own namespace or the given one (RFC 7865 section 10)."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<recording xmlns="{_text(namespace or metadata.namespace)}">',
        f"<datamode>{metadata.data_mode}</datamode>",
    ]
    for group in metadata.groups:
        lines += [f'<group group_id="{_text(group.id)}">', *_render_times(group), "</group>"]
    for session in metadata.sessions:
        lines.append(f'<session session_id="{_text(session.id)}">')
        lines += [_leaf("sipSessionID", value) for value in session.sip_session_ids]
        lines.append(_leaf("reason", session.reason))
        lines.append(_leaf("group-ref", session.group))
        lines.append(_leaf("start-time", _moment(session.started_at)))
        lines.append(_leaf("stop-time", _moment(session.stopped_at)))
        lines += [*_render_extension(session.extension), "</session>"]
    for person in metadata.participants:
        lines.append(f'<participant participant_id="{_text(person.id)}">')
        lines += [*_render_names(person), *_render_extension(person.extension), "</participant>"]
    for stream in metadata.streams:
        session_id = "" if stream.session is None else f' session_id="{_text(stream.session)}"'
        lines.append(f'<stream stream_id="{_text(stream.id)}"{session_id}>')
        lines += [_leaf("label", stream.label), _leaf("content-type", stream.content_type), _leaf("mode", stream.mode)]
        lines += [*_render_extension(stream.extension), "</stream>"]
    for recorded in metadata.recording_associations:
        lines.append(f'<sessionrecordingassoc session_id="{_text(recorded.session)}">')
        lines += [*_render_times(recorded), "</sessionrecordingassoc>"]
    for member in metadata.session_associations:
        session_id = "" if member.session is None else f' session_id="{_text(member.session)}"'
        lines.append(f'<participantsessionassoc participant_id="{_text(member.participant)}"{session_id}>')
        lines += [*_render_times(member), "</participantsessionassoc>"]
    for link in metadata.stream_associations:
        lines.append(f'<participantstreamassoc participant_id="{_text(link.participant)}">')
        lines += [_leaf("send", value) for value in link.sends]
        lines += [_leaf("recv", value) for value in link.receives]
        lines += [*_render_times(link), "</participantstreamassoc>"]
    lines += [*_render_extension(metadata.extension), "</recording>", ""]
    return "\r\n".join(line for line in lines if line or line is lines[-1]).encode()


def _render_names(person: Participant) -> list[str]:
    lines = []
    if person.aor is not None or person.name is not None:
        aor = "" if person.aor is None else f' aor="{_text(person.aor)}"'
        language = "" if person.name_language is None else f' xml:lang="{_text(person.name_language)}"'
        name = "" if person.name is None else f"<name{language}>{_text(person.name)}</name>"
        lines.append(f"<nameID{aor}>{name}</nameID>")
    return lines + [f'<nameID aor="{_text(aor)}"/>' for aor in person.other_aors]


def _render_times(item: Group | SessionRecording | SessionAssociation | StreamAssociation) -> list[str]:
    return [
        _leaf("associate-time", _moment(item.associated_at)),
        _leaf("disassociate-time", _moment(item.disassociated_at)),
    ]


def _render_extension(extension: Mapping[str, str]) -> list[str]:
    inner = [_leaf(_NOT_NAME.sub("_", name), value, keep_empty=True) for name, value in extension.items()]
    return ["<extensiondata>", *inner, "</extensiondata>"] if inner else []


def _leaf(name: str, value: str | None, *, keep_empty: bool = False) -> str:
    return f"<{name}>{_text(value or '')}</{name}>" if value or keep_empty else ""


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("", value))


def snapshot_request(reason: str) -> bytes:
    """Body that asks a recording client for a complete snapshot (RFC 7865 section 7): ``reason`` in English.

    It is sent in an UPDATE of its own with ``Content-Disposition: recording-session`` (RFC 7866 section 9.2).
    """
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n'
        f'<requestsnapshot xmlns="{NAMESPACE}">\r\n'
        f'<requestreason xml:lang="en">{_text(" ".join(reason.split()))}</requestreason>\r\n'
        "</requestsnapshot>\r\n"
    ).encode()


def snapshot_request_type(accepted: Collection[str]) -> str:
    """What to call a request for metadata: as the client's Accept names it, else as RFC 9806 does."""
    return next((kind for kind in SNAPSHOT_REQUEST_TYPES if kind in accepted), SNAPSHOT_REQUEST_TYPES[1])
