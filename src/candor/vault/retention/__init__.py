"""How long a recording is kept: schedules of this house, held against the floors and ceilings of the law.

In: the facts of a conversation (purpose, queue, channel, places, sectors, ground of consent, what the rule pack's
decision allows). Out: a period in days and the schedule it comes from, or a conflict that a person settles. GDPR
art. 5(1)(e) and 5(2): no longer than necessary, and shown to be so.
"""
