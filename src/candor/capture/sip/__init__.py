"""SIP as a recording server needs it (RFC 3261): messages, header values, SDP (RFC 8866), bodies, digest (RFC 7616).

Everything here is pure: bytes in, values out and back, no socket and no clock of its own. Whatever arrives, only errors
of :mod:`candor.errors` leave.
"""
