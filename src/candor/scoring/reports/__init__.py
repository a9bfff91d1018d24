"""Reports: what evaluations of a period come to, with intervals and sample sizes.

In: evaluations in short, how many conversations there were, what disputes came to. Out: scores over time, their
distribution, each question, evaluators' strictness, coverage. Automatic and human evaluations are never put together.
"""
