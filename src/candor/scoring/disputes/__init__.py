"""What agents say to their evaluations: seen, a comment, a dispute question by question; and how a dispute ends.

A released evaluation and the agent's words come in; what goes out is the decision of somebody who is neither the
agent nor the evaluator, and, where something was rescored, a new evaluation in place of the old one.
"""
