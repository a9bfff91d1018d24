"""How conversations get in: files, folders, manifests and vCon documents of any origin.

Enter: bytes of recordings and what is known about them. Leave: working sound (FLAC, 8 or 16 kHz), ``Sound`` facts,
the register of conversations, and a refusal with advice for everything that cannot be taken.
Standards: RIFF/WAVE, ITU-T G.711, ISO 8601 with IANA time zones, E.164, vCon.
"""
