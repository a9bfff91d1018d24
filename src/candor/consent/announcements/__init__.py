"""What callers are told before they are recorded: texts from a decision, versions, and their sound.

In: a decision's level and notice elements, a language, the customer's facts. Out: an :class:`Announcement` that says
all of it, or an error that names what is missing; its sound as WAV, mu-law and A-law; beeps. Texts say "is recorded",
never "may be recorded".
"""

from candor.consent.announcements.compose import LANGUAGES, Reply, compose, own_announcement, reply
from candor.consent.announcements.model import Announcement, Details, Element, Keys, Manner, OwnText, Part, Refusal
from candor.consent.announcements.sound import Rendered, render, uploaded
from candor.consent.announcements.tones import BeepTone

__all__ = [
    "LANGUAGES",
    "Announcement",
    "BeepTone",
    "Details",
    "Element",
    "Keys",
    "Manner",
    "OwnText",
    "Part",
    "Refusal",
    "Rendered",
    "Reply",
    "compose",
    "own_announcement",
    "render",
    "reply",
    "uploaded",
]
