"""What shows that a notice was given and answered: found in the recording itself.

In: sound, a transcript, telephone keys. Out: which known prompts are heard, where and how much of each; beeps; how much
of a text was said; yes, no or unclear after a question, with quote and time. Pure, no I/O.
"""

from candor.consent.proof.answers import (
    Answer,
    AnswerMethod,
    KeyPress,
    Verdict,
    find_answer,
    find_objections,
)
from candor.consent.proof.beeps import Beep, find_beeps, longest_without
from candor.consent.proof.finding import CERTAIN, Match, Part, find, find_all
from candor.consent.proof.prints import Print
from candor.consent.proof.wording import Said, find_wording

__all__ = [
    "CERTAIN",
    "Answer",
    "AnswerMethod",
    "Beep",
    "KeyPress",
    "Match",
    "Part",
    "Print",
    "Said",
    "Verdict",
    "find",
    "find_all",
    "find_answer",
    "find_beeps",
    "find_objections",
    "find_wording",
    "longest_without",
]
