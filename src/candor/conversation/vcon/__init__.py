"""vCon (draft-ietf-vcon-vcon-core), both ways and pure: ``parse(bytes)`` reads, ``build(...)`` writes.

Reads versions 0.0.1 to 0.4.0 with their older names, unsigned and signed; writes 0.4.0.
Extensions: CC (roles), wtf_transcription, lawful_basis.
"""

from candor.conversation.vcon.build import Media, build, redacted_uuid
from candor.conversation.vcon.model import DialogKind, Signature, VconDialog, VconDocument
from candor.conversation.vcon.parse import parse

__all__ = ["DialogKind", "Media", "Signature", "VconDialog", "VconDocument", "build", "parse", "redacted_uuid"]
