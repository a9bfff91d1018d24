"""The form that a person fills in about one conversation: every change is kept at once, with a revision number.

A scorecard version and a person come in, a human evaluation goes out. Whoever changes a form says which revision they
saw; of two windows the second is told, and nothing is overwritten silently.
"""
