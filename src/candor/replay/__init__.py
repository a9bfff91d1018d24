"""Find and play back: read-only questions across rooms, within the viewer's rights.

In: what the pipeline made of a conversation (:class:`~candor.replay.index.Index`). Out: pages of rows, whole
conversations, redacted sound. Full text by SQLite FTS5, over redacted text alone.
"""
