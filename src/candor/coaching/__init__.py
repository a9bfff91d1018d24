"""Coaching: what somebody could get better at, what was agreed about it, what helps to learn it, and whether it did.

In: how often answers cost points, by agent and question; stretches of conversations. Out: gaps with intervals, coaching
sessions and plans, a training library of clips, courses with quizzes, and effects. Records of completion leave as xAPI
1.0.3 statements (Advanced Distributed Learning) and as CSV.
"""
