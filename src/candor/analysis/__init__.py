"""Redacted utterances → metrics, findings, sentiment, keywords, categories.

Enters: a redacted ``Transcript`` (placeholders such as ``[NAME_1]`` are neutral words). Leaves: an ``Analysis`` whose
every figure and finding says where it was seen. Pure: the same transcript and version give the same analysis.
Terms: ISO 18295-1 and the contact centre's own (talk share, dead air, hold); docs/reference/metrics.md defines each.
"""
