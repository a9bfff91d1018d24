"""Sealed things: media, transcripts and fields, each under its own data key, wrapped by a master key.

In: bytes as they come, streamed. Out: seekable plaintext in memory, never on disk. The sealed form is the Tink
AES-GCM-HKDF streaming format (64 KiB segments), so any Tink can open what Candor sealed, given the data key. Deleting
the data key (:meth:`service.Vault.shred`) makes an object unreadable wherever a copy of it may lie.
"""
