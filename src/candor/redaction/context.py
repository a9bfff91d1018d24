# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Cue phrases: what a speaker names ("my card number is") and what the last question asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from candor.conversation.transcript import PiiKind

ORDINARY = "ORDINARY"
"""Asked for, but not personal: an amount, a quantity, a time, a day."""
PARTIAL = "PARTIAL"
"""The end of some number ("and the last four?"): of the one that is being spoken of."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase that names a kind of data."""

    kind: str
    first: int
    last: int


_PHRASES: tuple[tuple[str, str], ...] = (
    (PiiKind.CVV, r"cvv2?|cv v|c v to|cvc2?|cv code|cv number|c v v|c v c|c v|security code|security number|card verification|(?:number|digits|code) on the (?:back|reverse|front)|(?:three|3|four|4|last) digits? (?:code|on the (?:back|reverse|front)|at the back)|signature strip"),
    (PiiKind.IBAN, r"iban|international bank account"),
    (PiiKind.CARD, r"card (?:numbers?|no|num|digits|ending|details|is)|card number (?:is|ending)|cards? (?:ending|ends) (?:in|with)|long (?:card )?number|(?:sixteen|16|fifteen|15) digits?|(?:number|digits) (?:on|of|from) (?:the|your|my) (?:front of (?:the|your|my) )?(?:credit |debit |bank )?card|credit number|debit number|card"),
    (PiiKind.NATIONAL_ID, r"ssn|social security(?: number| no)?|your social|my social|social number|national insurance(?: number)?|ni number|n i number|passport(?: number| no)?|driv(?:er's|ers|ing|er) licen[cs]e(?: number)?|licen[cs]e number|aadhaar|aadhar|tax id|pan number|nhs number|medicare number|national id|id number"),
    (PiiKind.ACCOUNT, r"account (?:numbers?|no|num|id|ending)|account|acct|acc no|acc number|ac no|a c|sort code|routing (?:number|code)|swift code|policy (?:number|no|id)|policyid|policy|(?:booking|confirmation|reference|reservation|order|claim|customer|member|membership|tracking|case|ticket|invoice|loyalty|frequent flyer|employee) (?:reference |confirmation )?(?:number|no|id|code|reference)|confirmation|pnr|claim id|user ?name|user id|login id|customer id|reference"),
    (PiiKind.PHONE, r"ph no|ph|(?:phone|telephone|mobile|cell|contact|callback|call back|fax|landline|land line|whatsapp|work|home|daytime)(?: phone)? (?:number|no|num)|phone|mobile|cell|fax|(?:call|reach|text|ring|contact|phone) (?:me|you|us) (?:back )?(?:on|at)|answering at|messages to|best number|telephone|number to (?:call|reach)|call me"),
    (PiiKind.EMAIL, r"(?:e|a|by|he|she|the|your|my) ?e?mail(?: address| id)?|e ?mails?(?: address| id)?|e-mail(?: address)?|mail (?:id|address)|a? ?m[ae]le address|by a male"),
    (PiiKind.PASSWORD, r"pass ?word|pass ?code|pass ?phrase|pin(?: number)?|p i n|security (?:answer|word)|memorable (?:word|name|place|information|date)|secret (?:word|answer)|otp|one ?time (?:code|pass ?word|pass ?code)|verification code|access code|maiden name|first pet(?:'s name)?|(?:name of your|your|my) (?:first|favourite|favorite) (?:pet|school|teacher)"),
    (PiiKind.POSTCODE, r"post ?(?:code|coat|coats|cold|codes)|postal (?:code|coat)|zip(?: ?code)?|pin ?code|area code"),
    (PiiKind.DATE_OF_BIRTH, r"date of birth|birth ?(?:date|day)|dob|d o b|born|gave birth|birth|year of birth|month of birth|day of birth"),
    (PiiKind.ADDRESS, r"(?:\w+ )?address|where (?:do you|you) live|(?:i |we |who )?lives? (?:at|on)|live in|(?:located|delivered|staying|office is|meet me|you off|live) at|sent to|house number|street name|(?:ship|deliver|send)(?:ped|ered|ing)? (?:it )?to"),
    (PiiKind.NAME, r"(?:first|last|full|middle|maiden|family|given|complete|legal|your|my|his|her|the|good) (?:and last |and middle |full |first |last |good |user |complete )?names?|names?|surname|forename|who am i (?:speaking|talking)(?: to| with)?|(?:speaking|talking) (?:to|with)|call you|who is calling|who's calling|spell (?:that|it|your|the)"),
    (PARTIAL, r"last (?:four|4|few|three|3|digits)(?: digits?| numbers?)?|(?:next|remaining) (?:four|4|three|3|six|6|digits|numbers)(?: digits?| numbers?)?"),
    (ORDINARY, r"how much|how many|how long|how old|amount|expir\w*|exp date|valid until|valid thru|what time|what day|what date|when|price|cost|total|balance|quantity|extension|press|due date|which date|limit|budget|percent|income|deposit"),
)  # fmt: skip

_PATTERNS = tuple((str(kind), re.compile(rf"(?<![\w@.'-])(?:{phrases})(?![\w@'-])")) for kind, phrases in _PHRASES)
_TRIGGERS = {
    word for _, phrases in _PHRASES for word in re.findall(r"[a-z][a-z'-]+|\b1[56]\b", re.sub(r"\\w", " ", phrases))
} - set("the you your my his her it is in on at to of with and number no num id code front back me us do live that".split()) | {
    "a", "c", "d", "n", "p", "cards", "names", "name", "i", "zipcode", "postcode", "birthday", "birthdate", "passcode",
    "password", "username", "expires", "expiry", "expiration", "expire", "email", "emails", "pincode", "back", "number",
}  # fmt: skip


def cues_in(norms: Sequence[str], first: int) -> tuple[Cue, ...]:
    """The cue phrases of one utterance in order; ``first`` is the place of its first token in the call."""
    if _TRIGGERS.isdisjoint(norms):
        return ()
    line = " ".join(norms)
    starts = [0, *accumulate(len(norm) + 1 for norm in norms)]
    found: list[Cue] = []
    taken: list[tuple[int, int]] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(line):
            begin, end = match.span()
            # The order of the table settles "security code" (CVV) against "code", "email address" against "address".
            if end > begin and not any(begin < other_end and other < end for other, other_end in taken):
                taken.append((begin, end))
                token, last = bisect_right(starts, begin) - 1, bisect_right(starts, end - 1) - 1
                found.append(Cue(kind, first + token, first + last))
    return tuple(sorted(found, key=lambda cue: cue.first))


_REQUESTS = frozenset(
    "what what's whats can could may might give tell confirm verify provide need please have spell share enter get take repeat who where which for".split()
)


def prompts(norms: Sequence[str]) -> bool:
    """Whether an utterance asks for something, question mark or not."""
    return not _PROMPTS.isdisjoint(norms)


_PROMPTS = frozenset(
    "what what's whats who can could may tell confirm verify provide spell give please name your".split()
)
_PATIENCE = 6
"""Utterances for which a question stays open for numbers …"""
_ANSWERS = 2
"""… and utterances with content of the other side that count as its answer."""
_TRAILING = 3
_TAIL = 7
_TAIL_WORDS = frozenset(
    "on of the your this that my our us me you we back front reverse side card account please for in full too again as well slowly now then with file line "
    "top bottom sticker strip signature have it is first there and to".split()
)
"""What follows the thing asked for: "the security code on the back of the card, please"."""
_SHORT = 5
"""Words of an interjection ("and the last four?", "okay, go ahead") that leave the question open."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands open when an utterance begins."""

    expected: tuple[str, ...] = ()
    """Kinds that were named last, by question or statement."""
    asked: tuple[str, ...] = ()
    """Those of them that this utterance may answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What matters of an utterance for the questions that are open."""

    speaker: int
    norms: Sequence[str]
    first: int
    """Place of its first token in the call."""
    content: int
    """Words that are neither fillers nor numbers."""
    question: bool
    """It ends in a question mark."""
    valued: bool
    """It ends in a number: the value, not the question for it."""


class Questions:
    """Follows who named and asked what, utterance by utterance."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        """Speakers were not told apart: anybody may answer."""
        self._kinds: tuple[str, ...] = ()
        self._asker, self._age, self._answers, self._question = -1, 0, 0, False

    def before(self, speaker: int) -> Asked:
        """What stands open for the next utterance, by ``speaker``."""
        if self._age > _PATIENCE:
            return Asked()
        answers = self._question and self._answers < _ANSWERS and (self._alone or speaker != self._asker)
        return Asked(self._kinds, self._kinds if answers else ())

    def after(self, heard: Heard, cues: tuple[Cue, ...]) -> None:
        """Take in the utterance itself."""
        speaker, norms, first = heard.speaker, heard.norms, heard.first
        content, question, valued = heard.content, heard.question, heard.valued
        if cues and self._kinds and all(cue.kind == PARTIAL for cue in cues):
            self._age = 0
        elif cues:
            self._kinds = tuple(dict.fromkeys(cue.kind for cue in cues))
            self._asker, self._age, self._answers = speaker, 0, 0
            # "My card number is" at the end of a turn asks for its own continuation; a statement that holds its value
            # already opens nothing.
            tail = norms[cues[-1].last - first + 1 :]
            trailing = len(tail) < _TRAILING or (len(tail) < _TAIL and _TAIL_WORDS.issuperset(tail))
            requested = question or (not self._alone and not _REQUESTS.isdisjoint(norms))
            self._question = requested or (trailing and not valued)
            if not self._question or (not requested and self._kinds == (ORDINARY,)):
                self._kinds = ()
        elif speaker == self._asker and content > _SHORT:
            self._kinds, self._question = (), False
        elif content and (self._alone or speaker != self._asker):
            self._answers += 1
        self._age += 1
