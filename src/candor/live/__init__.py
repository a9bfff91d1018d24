"""Calls while they still speak.

In: the spool, read as the recorder seals it (:mod:`candor.live.tap`), so that listening costs the recorder nothing.
Out: a word to the recorder (:mod:`candor.live.spotting`) when an agent says a phrase that pauses recording, or a
customer objects to it.
"""
