"""The corridor: from a sealed recording to a conversation that people can find, stage after stage.

``stages.py`` is one ordered tuple. The runner performs one stage exactly once: what it computes becomes visible in the
same unit of work that marks it done. An engine (DBOS, or inline) decides when; the desk holds what was parked.
"""
