"""Calibration: several people judge the same conversations blind, compare, and write down what comes of it.

In: a scorecard version, conversations, evaluators. Out, once all are done or the session is closed: how far they agree
(Krippendorff's alpha), the variance of each question, each evaluator's distance to the reference, and notes that become
new guidance.
"""
