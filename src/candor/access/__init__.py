"""Who may: users, roles and their rights, log-in sessions, scoped API tokens.

In: a log-in, a session cookie or a bearer token. Out: a :class:`~candor.access.model.Principal`, or an error. Rights
follow from the role by one table (``model.RIGHTS``); a missing right means no. Passwords are argon2id (RFC 9106).
"""
