"""How far automatic answers agree with people's, question by question, and whether they count for it.

In: each automatic evaluation, and each human one whose evaluator had not seen the automatic answers. Out: Cohen's kappa
(Cohen 1960, 1968), Krippendorff's alpha (Krippendorff 2011) and the share of equal answers, with intervals and sample
sizes; and which questions' automatic answers are only suggested. docs/reference/quality-figures.md has the formulas.
"""
