"""Candor: recording, consent, redaction, quality and evidence for customer conversations."""

__version__ = "0.1.0"
