"""Who evaluates what by when: sampling plans and what they drew, the queue, hand-outs, deadlines.

A plan and a period, or a person's word, come in; an assignment goes out, and ends in a submitted form or a reason.
"""
