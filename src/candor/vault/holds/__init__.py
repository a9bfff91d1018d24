"""Legal holds: while one stands, nothing of what it covers is destroyed, by whatever path.

In: a case, with the conversations, people, period or query that it is about. Out: whether a conversation is held, and
by what. There is no cap on how many hold one thing; it is free when the last is released.
"""
