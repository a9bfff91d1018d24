"""Who did: one append-only log of what people and programs did with conversations.

In: an :class:`~candor.audit.service.Event` with who and what, in the unit of work of the deed itself. Out: the log, by
conversation or as a whole. Events are an enum, never free text; nothing personal stands in them.
"""
