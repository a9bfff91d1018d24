"""The consent ledger: what was announced to whom, who agreed, refused, withdrew, and what proves it.

Append-only and chained: each entry holds the digest of the one before it, so that a change, an omission or another
order shows. Entries name people by pseudonyms that only this house can make.
"""
