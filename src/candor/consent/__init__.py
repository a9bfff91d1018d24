"""May we record, keep and use this conversation?

In: who is on the line (numbers or places), where the agent, the employer and the recorder are, what for, by which
channel, in which sector, on which day. Out: a :class:`~candor.consent.model.Decision` with what must be done, said,
kept and left alone, each with its source. The law comes from a versioned rule pack (``data/``), changed only by
recorded overrides of the customer's counsel. Research data, not legal advice.
"""
