"""Judges a conversation: scorecard + redacted transcript + analysis in, an evaluation with evidence out.

A scorecard is data (YAML, versioned; docs/reference/scorecards.md). Every question is answered yes, no, n/a or
"cannot tell", with the quote and time it rests on, by rules that give the same answer to the same input.
A person's judgement is a separate evaluation; the automatic one is never changed by it.
"""
