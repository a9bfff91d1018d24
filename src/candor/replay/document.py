"""The one JSON shape of a conversation, for API, commands and export; docs/reference/conversation-json.md tells it.

Redacted throughout: of a customer it holds the role and the masked number, of staff name and id. Times inside the
conversation are seconds from its start.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from candor.conversation.codec import plain
from candor.conversation.model import Party, Role
from candor.conversation.transcript import Redaction
from candor.replay.index import mask_number
from candor.replay.model import ConversationRow, ConversationView

FORMAT = "candor.conversation/1"
_STAFF = (Role.AGENT, Role.SUPERVISOR)
_LONG_DIGITS = re.compile(r"\d{3,}(?=\d{4}(?!\d))")
CSV_FIELDS = ("utterance", "start", "end", "speaker", "role", "text", "confidence", "sentiment")


def document(view: ConversationView) -> dict[str, Any]:
    """A conversation as dicts, lists and scalars."""
    conversation, analysis, recording = view.conversation, view.analysis, view.conversation.recording
    return {
        "format": FORMAT,
        "id": conversation.id,
        **row(view.row),
        "medium": conversation.medium.value,
        "source": conversation.source,
        "group": conversation.group,
        "parties": [_party(party) for party in conversation.parties],
        "gaps": [plain(gap) for gap in conversation.gaps],
        "notes": list(conversation.notes),
        "recording": recording
        and {
            "filename": _LONG_DIGITS.sub("…", recording.filename),
            "mediatype": recording.mediatype,
            "size": recording.size,
            "sha512": recording.sha512,
        },
        "sound": plain(view.sound) if view.sound else None,
        "transcript": transcript(view.redaction),
        "redactions": redactions(view.redaction),
        "residual_check": None if view.residue is None else plain(view.residue),
        "cuts": list(view.cuts),
        "metrics": plain(analysis)["metrics"] if analysis else [],
        "findings": plain(analysis)["findings"] if analysis else [],
        "keywords": plain(analysis)["keywords"] if analysis else [],
        "sentiments": plain(analysis)["sentiments"] if analysis else [],
        "sentiment_basis": "text",
        "sentiment_course": plain(analysis)["course"] if analysis else [],
        "evaluations": [plain(each) for each in view.evaluations],
        "stages": [plain(each) for each in view.stages],
        "transcripts": [plain(each) for each in view.transcripts],
        "legs": [row(each) for each in view.legs],
    }


def row(found: ConversationRow) -> dict[str, Any]:
    """One line of the list."""
    value: dict[str, Any] = plain(found)
    return value


def transcript(redaction: Redaction | None) -> dict[str, Any] | None:
    """The redacted transcript, word by word; None before there is one."""
    return None if redaction is None else {**plain(redaction.transcript), "redaction_version": redaction.version}


def redactions(redaction: Redaction | None) -> list[dict[str, Any]]:
    """What was masked, and where."""
    if redaction is None:
        return []
    return [
        {
            "kind": span.kind.value,
            "utterance": span.utterance,
            "first_word": span.first_word,
            "last_word": span.last_word,
            "start": span.start,
            "end": span.end,
            "placeholder": span.placeholder,
            "rule": span.rule,
            "confidence": span.confidence,
        }
        for span in redaction.spans
    ]


def utterances_csv(view: ConversationView) -> str:
    """The redacted utterances as CSV (RFC 4180), with a heading."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_FIELDS)
    if view.redaction is not None:
        said = view.redaction.transcript
        moods = {each.utterance: each.value for each in view.analysis.sentiments} if view.analysis else {}
        for each in said.utterances:
            role = said.role_of(each).value
            writer.writerow([each.index, f"{each.start:.3f}", f"{each.end:.3f}", each.speaker, role,
                             _cell(each.text), f"{each.confidence:.3f}", moods.get(each.index, "")])  # fmt: skip
    return out.getvalue()


def shown_as(party: Party) -> str | None:
    """What people may read of a party: the name of staff, of everyone else the masked number."""
    return (party.name or party.agent_id) if party.role in _STAFF else mask_number(party.tel)


def _party(party: Party) -> dict[str, Any]:
    staff = party.role in _STAFF
    return {
        "role": party.role.value,
        "name": party.name if staff else None,
        "agent_id": party.agent_id,
        "number": mask_number(party.tel),
        "channel": party.channel,
        "joined": party.joined,
        "left": party.left,
    }


def _cell(value: str) -> str:
    # A text that a spreadsheet would take for a formula is kept a text (OWASP "CSV injection").
    return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
