"""Recordings from files: any common format in, working sound out, in bounded memory and without temporary files."""

from candor.capture.files.chats import Chat, is_chat, read_chat
from candor.capture.files.gather import IntakeItem, ItemKind, gather
from candor.capture.files.limits import Limits
from candor.capture.files.manifest import COLUMNS, Manifest, ManifestRow, RowError, read_facts, read_manifest
from candor.capture.files.metadata import Metadata, conversation
from candor.capture.files.refusals import REFUSALS
from candor.capture.files.service import decode, mediatype, probe

__all__ = [
    "COLUMNS",
    "REFUSALS",
    "Chat",
    "IntakeItem",
    "ItemKind",
    "Limits",
    "Manifest",
    "ManifestRow",
    "Metadata",
    "RowError",
    "conversation",
    "decode",
    "gather",
    "is_chat",
    "mediatype",
    "probe",
    "read_chat",
    "read_facts",
    "read_manifest",
]
