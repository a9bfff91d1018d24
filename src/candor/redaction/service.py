"""The verbs of redaction: find personal data in a transcript, mask it in the text, mask it in the sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from candor.conversation.transcript import PiiKind, PiiSpan, Redaction, SpeakerSplit, Transcript, Utterance, Word
from candor.redaction.addresses import AddressDetector
from candor.redaction.answers import AnswerDetector
from candor.redaction.call import EDGES, Call, parts, read
from candor.redaction.codes import CodeDetector
from candor.redaction.context import cues_in
from candor.redaction.dates import BirthDateDetector
from candor.redaction.digits import DigitDetector
from candor.redaction.emails import SpokenEmailDetector
from candor.redaction.lexicon import fold
from candor.redaction.listed import ListedAddressDetector
from candor.redaction.names import NameDetector
from candor.redaction.passwords import PasswordDetector
from candor.redaction.placeholders import Painted, paint, placeholders, standing
from candor.redaction.ports import Detector
from candor.redaction.sound import mask_sound
from candor.redaction.spelling import SpellingDetector
from candor.redaction.times import bridge, sound_times
from candor.redaction.written import WrittenDetector

__all__ = [
    "RULES_VERSION",
    "Redactor",
    "code_awaited",
    "default_detectors",
    "holds_never_stored",
    "mask_sound",
    "never_stored_times",
    "strip_never_stored",
]

RULES_VERSION = "2026.11"
"""Changes whenever a rule finds something else than before; part of every span's ``rule``."""
_ROUNDS = 12
_SHORT_FORMS = frozenset({PiiKind.NAME, PiiKind.DATE_OF_BIRTH, PiiKind.URL, PiiKind.IP})
"""Not dictated sign by sign, so that no sign is lost beside what was recognised."""
_STANDING = "kept.placeholder"
_CODE_WAIT = 30.0
"""Seconds after a question in which a code may come by keys."""


def default_detectors() -> tuple[Detector, ...]:
    """The detectors that ship, most specific first: where two find the same words, the surer one names them."""
    return (
        WrittenDetector(),
        DigitDetector(),
        CodeDetector(),
        SpokenEmailDetector(),
        BirthDateDetector(),
        PasswordDetector(),
        AddressDetector(),
        ListedAddressDetector(),
        AnswerDetector(),
        SpellingDetector(),
        NameDetector(),
    )


class Redactor:
    """Personal data to masked spans. Pure: no I/O, nothing is kept between calls."""

    def __init__(self, detectors: Sequence[Detector] | None = None) -> None:
        self._detectors = tuple(detectors) if detectors is not None else default_detectors()

    def redact(self, transcript: Transcript, known_names: Sequence[str] = ()) -> Redaction:
        """Mask the personal data of a transcript.

        ``known_names`` are people known to be on the call (from the metadata); they are masked wherever they are
        said. A placeholder that stands in the text already is taken as a span of its kind, so that its sound is masked
        and it is counted; it keeps its number. Running it again on the result changes nothing.
        """
        tokens = [_tokens(utterance) for utterance in transcript.utterances]
        found = self._find(transcript, tokens, known_names)
        names = placeholders(found, [word for words in tokens for word in words])
        painted = sorted([*found, *_standing(tokens)], key=lambda item: (item.utterance, item.first))
        spans: list[PiiSpan] = []
        for item in painted:
            utterance = transcript.utterances[item.utterance]
            start, end = sound_times(
                transcript, utterance, item.first, item.last, dictated=item.kind not in _SHORT_FORMS
            )
            spans.append(
                PiiSpan(
                    kind=item.kind,
                    utterance=item.utterance,
                    first_word=item.first,
                    last_word=item.last,
                    start=start,
                    end=end,
                    placeholder=item.value if item.rule == _STANDING else names[item.kind, item.value],
                    rule=f"{item.rule}/{RULES_VERSION}",
                    confidence=item.confidence,
                )
            )
        goes_on = [(one.kind, one.value) == (other.kind, other.value) for one, other in pairwise(painted)]
        spans = bridge(transcript, spans, goes_on)
        return Redaction(transcript=_masked(transcript, spans), spans=tuple(spans), version=RULES_VERSION)

    def _find(self, transcript: Transcript, tokens: list[list[str]], known_names: Sequence[str]) -> list[Painted]:
        """Look until nothing more is found: a mask changes the words around which other rules decide."""
        painted: list[Painted] = []
        for _ in range(_ROUNDS):
            call, origins = _read_masked(transcript, tokens, painted, known_names)
            matches = [match for detector in self._detectors for match in detector.find(call)]
            new = paint(call, matches, origins)
            if not new:
                break
            painted.extend(new)
        return sorted(painted, key=lambda item: (item.utterance, item.first))


def _standing(tokens: list[list[str]]) -> list[Painted]:
    """What was masked by an earlier pass, for example card verification codes before the transcript was sealed."""
    painted = []
    for utterance, words in enumerate(tokens):
        for place, word in enumerate(words):
            known = standing(word)
            if known is not None:
                kind, placeholder = known
                painted.append(
                    Painted(
                        kind=kind,
                        utterance=utterance,
                        first=place,
                        last=place,
                        value=placeholder,
                        rule=_STANDING,
                        confidence=1.0,
                    )
                )
    return painted


def _tokens(utterance: Utterance) -> list[str]:
    if utterance.words:
        return [word.text for word in utterance.words]
    return utterance.text.split(" ") if utterance.text else []


def _read_masked(
    transcript: Transcript, tokens: list[list[str]], painted: Sequence[Painted], known_names: Sequence[str]
) -> tuple[Call, list[tuple[int, int]]]:
    """The call with what is masked already as placeholders, and where each of its tokens stands in the transcript."""
    hidden: dict[int, dict[int, int]] = {}
    for item in painted:
        hidden.setdefault(item.utterance, {})[item.first] = item.last
    rows: list[tuple[int, list[str]]] = []
    origins: list[tuple[int, int]] = []
    compound: list[bool] = []
    for utterance, words in zip(transcript.utterances, tokens, strict=True):
        masks = hidden.get(utterance.index, {})
        row: list[str] = []
        place = 0
        while place < len(words):
            pieces = ["[MASKED_0]"] if place in masks else parts(words[place])
            origins.extend([(utterance.index, place)] * len(pieces))
            compound.extend([len(pieces) > 1] * len(pieces))
            row.extend(pieces)
            place = masks[place] + 1 if place in masks else place + 1
        rows.append((utterance.speaker, row))
    certain = transcript.split in {SpeakerSplit.CHANNEL, SpeakerSplit.GIVEN}
    call = read(rows, known_names, certain=certain)
    call.parts = compound
    return call, origins


def _masked(transcript: Transcript, spans: Sequence[PiiSpan]) -> Transcript:
    by_utterance: dict[int, list[PiiSpan]] = {}
    for span in spans:
        by_utterance.setdefault(span.utterance, []).append(span)
    utterances = tuple(
        _mask_utterance(utterance, by_utterance[utterance.index]) if utterance.index in by_utterance else utterance
        for utterance in transcript.utterances
    )
    return replace(transcript, utterances=utterances)


def _mask_utterance(utterance: Utterance, spans: Sequence[PiiSpan]) -> Utterance:
    texts = _tokens(utterance)
    words: list[Word] = []
    shown: list[str] = []
    place = 0
    for span in spans:
        if span.first_word == span.last_word and standing(texts[span.first_word]) is not None:
            continue
        shown.extend(texts[place : span.first_word])
        shown.append(span.placeholder)
        if utterance.words:
            words.extend(utterance.words[place : span.first_word])
            hidden = utterance.words[span.first_word : span.last_word + 1]
            words.append(
                Word(
                    text=span.placeholder,
                    start=min(word.start for word in hidden),
                    end=max(word.end for word in hidden),
                    confidence=span.confidence,
                )
            )
        place = span.last_word + 1
    shown.extend(texts[place:])
    words.extend(utterance.words[place:])
    return replace(utterance, text=" ".join(shown), words=tuple(words))


def strip_never_stored(transcript: Transcript, redaction: Redaction) -> Transcript:
    """The unredacted transcript without what may not be kept at all, sealed or not: card verification codes.

    PCI DSS v4.0.1 requirement 3.3.1 forbids to keep sensitive authentication data after authorisation, even encrypted
    (3.3.1.2: the card verification code). To be called before the unredacted transcript is sealed; ``redaction`` is
    the one made from it, and its spans no longer point at the right words of what is returned.
    """
    return _masked(transcript, [span for span in redaction.spans if span.kind is PiiKind.CVV])


def never_stored_times(redaction: Redaction) -> tuple[tuple[float, float], ...]:
    """The stretches of sound, seconds, in which a card verification code is said."""
    return tuple(
        (span.start, span.end) for span in redaction.spans if span.kind is PiiKind.CVV and span.end > span.start
    )


def holds_never_stored(redaction: Redaction) -> bool:
    """Whether a card verification code was found that does not stand masked in the text already."""
    return any(span.kind is PiiKind.CVV and not span.rule.startswith(_STANDING) for span in redaction.spans)


def code_awaited(transcript: Transcript) -> tuple[tuple[float, float], ...]:
    """When a card verification code was asked for and nothing else since, seconds: it may come by telephone keys."""
    found: list[tuple[float, float]] = []
    asked: float | None = None
    for said in transcript.utterances:
        kinds = [cue.kind for cue in cues_in([fold(word).strip(EDGES) for word in _tokens(said)], 0)]
        if not kinds:
            continue
        if asked is not None:
            found.append((asked, min(said.start, asked + _CODE_WAIT)))
        asked = said.end if kinds[-1] == PiiKind.CVV else None
    return (*found, (asked, asked + _CODE_WAIT)) if asked is not None else tuple(found)
