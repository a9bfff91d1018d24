"""Putting an announcement together from a decision's level and notice elements.

1. What must be told is the union of the notice elements, what the level itself asks, and what the customer asked for.
2. Sentences are chosen in a fixed order; one that needs a variable which was not given is an error.
3. What the chosen sentences tell is compared with what must be told: anything left over is an error, never silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from candor.consent.announcements.model import Announcement, Details, Element, Manner, OwnText, Part, Refusal
from candor.consent.announcements.texts import LANGUAGES, Texts, texts
from candor.errors import InvalidInput

__all__ = ["LANGUAGES", "Reply", "compose", "own_announcement", "reply"]

_BY_LEVEL: dict[int, frozenset[Element]] = {
    0: frozenset({Element.RECORDING_FACT}),
    1: frozenset({Element.RECORDING_FACT, Element.PURPOSE}),
    2: frozenset({Element.RECORDING_FACT}),
    3: frozenset({Element.RECORDING_FACT, Element.PURPOSE, Element.OBJECTION_ROUTE}),
    4: frozenset({Element.RECORDING_FACT, Element.PURPOSE, Element.CONTROLLER_IDENTITY, Element.OPT_IN}),
}
_BARRED = 9
_ROUTES = frozenset({Element.OBJECTION_ROUTE, Element.RIGHT_TO_OBJECT, Element.CONSEQUENCES})
_IN_NOTICE = frozenset(
    {
        Element.LEGAL_BASIS,
        Element.RECIPIENTS,
        Element.TRANSFER_ABROAD,
        Element.MEANS_OF_COLLECTION,
        Element.COMPLAINT_ROUTE,
        Element.LANGUAGE_CHOICE,
    }
)
"""What may be told by the privacy notice that the announcement names."""
_NO_PURPOSE = frozenset({"local_only", "export"})


class Reply(StrEnum):
    """What is said after the caller's answer."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    """Before the question is asked again."""


def required(level: int, notice_elements: Iterable[str], details: Details | None = None) -> frozenset[Element]:
    """All that must be told; raises InvalidInput for an element or a level that is not known, and for level 9."""
    if level == _BARRED:
        raise InvalidInput(
            "This call must not be recorded, so there is nothing to announce.",
            code="announcement.barred",
            advice="Do not record it.",
        )
    if level not in _BY_LEVEL:
        raise InvalidInput(f"There is no level {level}.", code="announcement.level", advice="Levels are 0 to 4, and 9.")
    named = list(notice_elements)
    known = {element.value for element in Element}
    if unknown := sorted(set(named) - known):
        raise InvalidInput(
            f"No announcement tells of: {', '.join(unknown)}.",
            code="announcement.element",
            advice="Use the elements of the rule pack.",
        )
    asked = {Element.AI_ANALYSIS} if details and details.ai_analysis else set()
    return _BY_LEVEL[level] | {Element(name) for name in named} | asked


def compose(level: int, notice_elements: Iterable[str], language: str, details: Details) -> Announcement:
    """The announcement for a decision.

    Args:
        level: the decision's, 0 to 4.
        notice_elements: the decision's; ids of the rule pack's ``[elements]``.
        language: BCP 47; English, German, French, Spanish, Portuguese, Italian or Dutch.
        details: what the customer fills in.

    Raises:
        InvalidInput: level 9, an unknown element or language, a missing variable, or an element that the text would
            not tell of.
    """
    wanted = required(level, notice_elements, details)
    words = texts(language)
    missing = sorted(_missing(wanted, level, details))
    if missing:
        raise InvalidInput(
            f"The announcement needs: {', '.join(missing)}.",
            code="announcement.variable_missing",
            advice="Fill them in; the law of a place on this call asks for what they tell.",
        )
    parts = tuple(_parts(wanted, level, words, details))
    asked = any(part.id in ("opt-in", "opt-out") for part in parts)
    made = Announcement(
        language=words.language,
        level=level,
        parts=parts,
        data_version=words.version,
        keys=details.keys if asked else None,
    )
    return _complete(made, wanted)


def own_announcement(own: OwnText, level: int, notice_elements: Iterable[str]) -> Announcement:
    """A customer's own text in place of ours.

    Raises:
        InvalidInput: it lacks an element that must be told, or says "may be recorded" in a language that we know.
    """
    wanted = required(level, notice_elements)
    primary = own.language.lower().split("-")[0]
    for language in LANGUAGES:
        if language == primary:
            texts(language).check_wording(own.text)
    covers = tuple(
        (element, Manner.LAYERED if element in own.layered else Manner.SPOKEN) for element in sorted(own.covers)
    )
    part = Part(id="own", text=" ".join(own.text.split()), covers=covers)
    made = Announcement(language=own.language, level=level, parts=(part,), data_version=own.data_version, keys=own.keys)
    return _complete(made, wanted)


def reply(kind: Reply, language: str) -> str:
    """What is said after the answer."""
    return texts(language).replies[kind]


def _complete(made: Announcement, wanted: frozenset[Element]) -> Announcement:
    if left := sorted(wanted - made.covers.keys()):
        raise InvalidInput(
            f"The announcement does not tell: {', '.join(left)}.",
            code="announcement.incomplete",
            advice="Add a sentence that does, or name where the full information is.",
        )
    return made


def _missing(wanted: frozenset[Element], level: int, details: Details) -> Iterator[str]:
    """Names of variables without which a wanted element cannot be told."""
    if Element.CONTROLLER_IDENTITY in wanted and not details.company:
        yield "company"
    if Element.PURPOSE in wanted and not [p for p in details.purposes if p not in _NO_PURPOSE]:
        yield "purposes"
    if Element.CONTACT_ADDRESS in wanted and not details.contact:
        yield "contact"
    if Element.RETENTION_PERIOD in wanted and details.retention_days is None:
        yield "retention_days"
    spoken = {Element.RECIPIENTS: details.recipients, Element.TRANSFER_ABROAD: details.transfer}
    pointed = {element for element in wanted & _IN_NOTICE if not spoken.get(element)}
    if (pointed or wanted & {Element.RIGHTS_POINTER, Element.FULL_INFORMATION}) and not details.privacy_notice:
        yield "privacy_notice"
    if level == 4 and details.refusal is Refusal.OTHER_WAY and not _duty(details):
        # At level 4 whoever refuses is served all the same, unless a law demands the recording.
        yield "refusal = same service"


def _duty(details: Details) -> bool:
    """Whether a law demands the recording."""
    return any(purpose.startswith("must_record") for purpose in details.purposes)


def _parts(wanted: frozenset[Element], level: int, words: Texts, details: Details) -> Iterator[Part]:
    """The sentences in the order in which they are spoken; the question comes last."""
    yield from _fact(wanted, level, words, details)
    yield from _facts_told(wanted, words, details)
    yield from _rights(wanted, level, words, details)
    yield from _route(wanted, level, words, details)


def _part(id_: str, text: str, *elements: Element, manner: Manner = Manner.SPOKEN) -> Part:
    return Part(id=id_, text=text, covers=tuple((element, manner) for element in elements))


def _fact(wanted: frozenset[Element], level: int, words: Texts, details: Details) -> Iterator[Part]:
    fact, who = Element.RECORDING_FACT, Element.CONTROLLER_IDENTITY
    if level == 4:
        text = words.fill("fact-opt-in", company=details.company)
        yield _part("fact-opt-in", text, fact, who, Element.ABOUT_TO_BE_RECORDED)
    else:
        if Element.ABOUT_TO_BE_RECORDED in wanted:
            yield _part("about", words.fill("about"), Element.ABOUT_TO_BE_RECORDED)
        if details.company:
            yield _part("fact-by", words.fill("fact-by", company=details.company), fact, who)
        else:
            yield _part("fact", words.fill("fact"), fact)
    if _duty(details) and (Element.VOLUNTARY in wanted or details.refusal is Refusal.OTHER_WAY):
        yield _part("duty", words.fill("duty"), Element.VOLUNTARY)


def _facts_told(wanted: frozenset[Element], words: Texts, details: Details) -> Iterator[Part]:
    if Element.PURPOSE in wanted:
        yield _part("purpose", words.fill("purpose", purposes=_purposes(words, details)), Element.PURPOSE)
    if Element.ITEMS_COLLECTED in wanted:
        yield _part("items", words.fill("items"), Element.ITEMS_COLLECTED)
    if Element.AI_ANALYSIS in wanted:
        yield _part("ai", words.fill("ai"), Element.AI_ANALYSIS)
    if Element.RETENTION_PERIOD in wanted and details.retention_days is not None:
        text = words.fill("retention", retention=words.days(details.retention_days))
        yield _part("retention", text, Element.RETENTION_PERIOD)
    if Element.RECIPIENTS in wanted and details.recipients:
        yield _part("recipients", words.fill("recipients", recipients=details.recipients), Element.RECIPIENTS)
    if Element.TRANSFER_ABROAD in wanted and details.transfer:
        yield _part("transfer", words.fill("transfer", transfer=details.transfer), Element.TRANSFER_ABROAD)


def _purposes(words: Texts, details: Details) -> str:
    """Each purpose in words, once; the duties to record share theirs."""
    named: list[str] = []
    for purpose in details.purposes:
        key = "must_record" if purpose.startswith("must_record") else purpose
        if key in _NO_PURPOSE:
            continue
        if key not in words.purposes:
            raise InvalidInput(
                "One of the purposes has no words.",
                code="announcement.purpose",
                advice=f"Known are {', '.join(sorted(words.purposes))}; for others put in your own text.",
            )
        if words.purposes[key] not in named:
            named.append(words.purposes[key])
    return words.listed(named)


def _rights(wanted: frozenset[Element], level: int, words: Texts, details: Details) -> Iterator[Part]:
    if wanted & {Element.FREE_COPY, Element.COPY_ON_REQUEST}:
        yield _part("copy", words.fill("copy"), Element.FREE_COPY, Element.COPY_ON_REQUEST)
    if Element.RECORDING_ID in wanted:
        text = words.fill("recording-id")
        yield _part("recording-id", text, Element.RECORDING_ID, manner=Manner.PROMISED)
    if Element.RIGHTS_POINTER in wanted:
        yield _part("rights", words.fill("rights"), Element.RIGHTS_POINTER)
    if Element.CONTACT_ADDRESS in wanted:
        yield _part("contact", words.fill("contact", contact=details.contact), Element.CONTACT_ADDRESS)
    if details.privacy_notice and wanted & (_IN_NOTICE | {Element.RIGHTS_POINTER, Element.FULL_INFORMATION}):
        layered = tuple((element, Manner.LAYERED) for element in sorted(_IN_NOTICE))
        text = words.fill("notice", privacy_notice=details.privacy_notice)
        yield Part(id="notice", text=text, covers=((Element.FULL_INFORMATION, Manner.SPOKEN), *layered))
    if Element.VOLUNTARY in wanted and not _duty(details):
        yield _part("voluntary", words.fill("voluntary"), Element.VOLUNTARY)
    if Element.RIGHT_TO_WITHDRAW in wanted and level == 4:
        yield _part("withdraw", words.fill("withdraw"), Element.RIGHT_TO_WITHDRAW)


def _route(wanted: frozenset[Element], level: int, words: Texts, details: Details) -> Iterator[Part]:
    """How to agree or refuse, and what happens then."""
    told = (Element.OBJECTION_ROUTE, Element.RIGHT_TO_OBJECT)
    keys = details.keys
    spoken = {} if keys is None else {"yes": words.key(keys.yes), "no": words.key(keys.no)}
    consequences = _part(f"refusal-{details.refusal}", words.fill(f"refusal-{details.refusal}"), Element.CONSEQUENCES)
    if level == 4:
        yield consequences
        question = "opt-in" if keys else "opt-in-spoken"
        yield _part(question, words.fill(question, **spoken), Element.OPT_IN, *told)
    elif wanted & (_ROUTES | {Element.RIGHT_TO_WITHDRAW}):
        yield consequences
        offer = "opt-out" if keys else "opt-out-spoken"
        # Where nobody is asked to agree, objecting at any time is what withdrawing is.
        yield _part(offer, words.fill(offer, **spoken), *told, Element.RIGHT_TO_WITHDRAW)
