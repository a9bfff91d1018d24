"""What a check of a package says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from candor.errors import InvalidInput

MANIFEST, STAMP, SEAL = "manifest.jws", "manifest.tsr", "stamp.jws"
"""The time-stamp is over the signed manifest, so it comes after; the seal signs that they belong together."""
VCON, CUSTODY, CONSENT, AUDIT, COVER, README = (
    "conversation.vcon", "custody.json", "consent.json", "audit.json", "cover.pdf", "README.txt",
)  # fmt: skip
CHECKPOINT, LOG_KEY, CERTIFICATE = "audit-checkpoint.note", "audit-log.key", "signer.pem"
RECORDING = "recording"
"""The original's name begins so."""
FORMAT = "candor-evidence"
VERSION = 1


class Part(StrEnum):
    """What is checked, in this order. Each that fails has an exit status of its own; with several, the first."""

    PACKING = "packing"
    """The archive itself: its form, and nothing beside its members."""
    SIGNATURE = "signature"
    """The manifest's."""
    MEMBERS = "members"
    """All that the manifest names is there, and nothing else."""
    CONTENT = "content"
    """Each member is byte for byte what was signed."""
    VCON = "vcon"
    RECORDING = "recording"
    CERTIFICATE = "certificate"
    """Valid at the time."""
    TRUST = "trust"
    """Who vouches for it."""
    STAMP = "stamp"
    AUDIT = "audit"
    CHECKPOINT = "checkpoint"
    """One that was kept elsewhere."""
    CONSENT = "consent"


EXIT = {part: 40 + place for place, part in enumerate(Part)}
"""40 to 51, in the order above."""


class Outcome(StrEnum):
    """How a check ended."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"
    """It cannot be told from the package alone; the sentence says what is needed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of a report."""

    part: Part
    outcome: Outcome
    words: str


@dataclass(slots=True)
class Report:
    """What holds and what does not."""

    findings: list[Finding] = field(default_factory=list)
    conversation_id: str = ""

    def holds(self, part: Part, words: str) -> None:
        """Add one that holds."""
        self.findings.append(Finding(part, Outcome.HOLDS, words))

    def fails(self, part: Part, words: str) -> None:
        """Add one that does not."""
        self.findings.append(Finding(part, Outcome.FAILS, words))

    def open(self, part: Part, words: str) -> None:
        """Add one that the package alone cannot tell."""
        self.findings.append(Finding(part, Outcome.OPEN, words))

    @property
    def good(self) -> bool:
        """Whether nothing fails."""
        return bool(self.findings) and not any(each.outcome is Outcome.FAILS for each in self.findings)

    @property
    def exit(self) -> int:
        """0 only if nothing fails."""
        failed = [EXIT[each.part] for each in self.findings if each.outcome is Outcome.FAILS]
        return min(failed, default=0 if self.findings else EXIT[Part.PACKING])


class BadPackage(InvalidInput):
    """What should be a package, or a part of one, is none."""

    code = "evidence.package"
