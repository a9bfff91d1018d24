"""Requests of data subjects: who asked for what, by when it must be answered, what was done.

In: a person's number, address, name or account, and what they want (access, erasure). Out: the conversations that are
theirs over all channels, found by blind digests; a register with deadlines (GDPR art. 12(3), Cal. Civ. Code
1798.130(a)(2)); each step, with its reason.
"""
