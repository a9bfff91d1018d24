"""Destroying, and what proves it: tombstones, certificates, proposals that two people decide.

A **tombstone** says that a conversation was destroyed, when and why; it names nobody and makes it stay destroyed, also
after a restored backup. A **certificate of destruction** tells the same to others, signed (RFC 7515, Ed25519).
"""
