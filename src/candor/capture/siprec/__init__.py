"""SIPREC, session recording (RFC 7245, 7865, 7866, 8068, 9806): who is on a call, and which streams are whose.

Enter: the metadata that recording clients send with their sessions. Leave: participants, streams and what joins them.
"""
