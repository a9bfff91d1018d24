# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Cue phrases: what a speaker names ("my card number is") and what the last question asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from candor.conversation.transcript import PiiKind

ORDINARY = "ORDINARY"
"""Asked for, but not personal: an amount, a quantity, a time, a day."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase that names a kind of data."""

    kind: str
    first: int
    last: int


_PHRASES: tuple[tuple[str, str], ...] = (
    (PiiKind.CVV, r"cvv2?|cvc2?|cv code|cv number|c v v|c v c|c v|security code|security number|card verification|(?:number|digits|code) on the (?:back|reverse|front)|(?:three|3|four|4) digits? (?:code|on the)"),
    (PiiKind.IBAN, r"iban|international bank account"),
    (PiiKind.CARD, r"card (?:number|no|num|digits|ending|details|is)|card number (?:is|ending)|cards? (?:ending|ends) (?:in|with)|long (?:card )?number|(?:sixteen|16|fifteen|15) digits?|(?:number|digits) (?:on|of|from) (?:the|your|my) (?:front of (?:the|your|my) )?(?:credit |debit |bank )?card|card"),
    (PiiKind.NATIONAL_ID, r"ssn|social security(?: number| no)?|your social|my social|social number|national insurance(?: number)?|ni number|n i number|passport(?: number| no)?|driv(?:er's|ers|ing|er) licen[cs]e(?: number)?|licen[cs]e number|aadhaar|aadhar|tax id|pan number|nhs number|medicare number|national id|id number"),
    (PiiKind.ACCOUNT, r"account (?:number|no|num|id|ending)|account|acct|ac no|a c|sort code|routing (?:number|code)|swift code|policy (?:number|no|id)|policyid|policy|(?:booking|confirmation|reference|reservation|order|claim|customer|member|membership|tracking|case|ticket|invoice|loyalty|frequent flyer|employee) (?:reference |confirmation )?(?:number|no|id|code|reference)|confirmation|pnr|claim id|user ?name|user id|login id|customer id|reference"),
    (PiiKind.PHONE, r"(?:phone|telephone|mobile|cell|contact|callback|call back|fax|landline|land line|whatsapp|work|home|daytime)(?: phone)? (?:number|no|num)|phone|mobile|cell|fax|(?:call|reach|text|ring|contact|phone) (?:me|you|us) (?:back )?(?:on|at)|answering at|messages to|best number|telephone|number to (?:call|reach)|call me"),
    (PiiKind.EMAIL, r"e ?mail(?: address| id)?|e-mail(?: address)?|mail id"),
    (PiiKind.PASSWORD, r"pass ?word|pass ?code|pass ?phrase|pin(?: number)?|p i n|security (?:answer|word)|memorable (?:word|name|place|information|date)|secret (?:word|answer)|otp|one ?time (?:code|pass ?word|pass ?code)|verification code|access code|maiden name|first pet(?:'s name)?|(?:name of your|your|my) (?:first|favourite|favorite) (?:pet|school|teacher)"),
    (PiiKind.POSTCODE, r"post ?code|postal code|zip(?: ?code)?|pin ?code|area code"),
    (PiiKind.DATE_OF_BIRTH, r"date of birth|birth ?(?:date|day)|dob|d o b|born|year of birth|month of birth|day of birth"),
    (PiiKind.ADDRESS, r"(?:\w+ )?address|where (?:do you|you) live|i live (?:at|in|on)|house number|street name|(?:ship|deliver|send)(?:ped|ered|ing)? (?:it )?to"),
    (PiiKind.NAME, r"(?:first|last|full|middle|maiden|family|given|complete|legal|your|my|his|her|the|good) (?:and last |and middle |full |first |last |good |user |complete )?names?|names?|surname|forename|who am i (?:speaking|talking)(?: to| with)?|(?:speaking|talking) (?:to|with)|call you|who is calling|who's calling|spell (?:that|it|your|the)"),
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


_PATIENCE = 6
"""Utterances for which a question stays open."""
_SHORT = 5
"""Words of an interjection ("and the last four?", "okay, go ahead") that leave the question open."""


def asked() -> Generator[tuple[str, ...], tuple[int, tuple[Cue, ...], int], None]:
    """A coroutine: send (speaker, cues, content words) of each utterance, get what was expected before it."""
    state = _asked()
    next(state)
    return state


def _asked() -> Generator[tuple[str, ...], tuple[int, tuple[Cue, ...], int], None]:
    expected: tuple[str, ...] = ()
    asker, age = -1, 0
    speaker, cues, content = yield ()
    while True:
        before = expected if age <= _PATIENCE else ()
        if cues:
            expected, asker, age = tuple(dict.fromkeys(cue.kind for cue in cues)), speaker, 0
        elif speaker == asker and content > _SHORT:
            expected = ()
        age += 1
        speaker, cues, content = yield before
