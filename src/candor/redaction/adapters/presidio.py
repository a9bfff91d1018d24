"""Presidio (MIT) as a further engine: its patterns, and names and places by a spaCy, transformers or GLiNER model.

An extra: ``pip install candor[presidio]`` and a model that the house has chosen. Nothing is fetched: the list of public
suffixes that its e-mail recogniser would download stays the one in the package, and a model must be installed. Without
one (``blank``) only its patterns count.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from candor.conversation.transcript import PiiKind
from candor.errors import InvalidInput
from candor.redaction.call import EDGES, Call, Line
from candor.redaction.lexicon import Trait
from candor.redaction.ports import Match

KINDS = {
    "PERSON": PiiKind.NAME,
    "CREDIT_CARD": PiiKind.CARD,
    "PHONE_NUMBER": PiiKind.PHONE,
    "EMAIL_ADDRESS": PiiKind.EMAIL,
    "IBAN_CODE": PiiKind.IBAN,
    "IP_ADDRESS": PiiKind.IP,
    "US_SSN": PiiKind.NATIONAL_ID,
    "US_ITIN": PiiKind.NATIONAL_ID,
    "US_PASSPORT": PiiKind.NATIONAL_ID,
    "US_DRIVER_LICENSE": PiiKind.NATIONAL_ID,
    "US_BANK_NUMBER": PiiKind.ACCOUNT,
    "UK_NHS": PiiKind.NATIONAL_ID,
    "UK_NINO": PiiKind.NATIONAL_ID,
    "CRYPTO": PiiKind.ACCOUNT,
    "MEDICAL_LICENSE": PiiKind.NATIONAL_ID,
    "STREET_ADDRESS": PiiKind.ADDRESS,
}
"""What counts of what Presidio finds; places, dates and nationalities by themselves do not."""
LEAST_SCORE = 0.5
"""What Presidio is less sure of is left to the rules."""
_LEAST_NAME = 0.8
_CEILING = 0.79
"""Confidence at most, so that a rule that knows the question names the words where both find them."""
BLANK = "blank"


class PresidioDetector:
    """A Detector; loads Presidio and its model at the first use, and is used by one thread at a time."""

    def __init__(self, model: str = BLANK, *, engine: str = "spacy", language: str = "en") -> None:
        """``model``: a spaCy pipeline, a transformers or GLiNER model, by name or folder; ``engine``: which of them."""
        if engine not in _ENGINES:
            raise InvalidInput(
                f'There is no Presidio engine "{engine}".', code="redaction.engine",
                advice=f"Choose one of: {', '.join(_ENGINES)}.",
            )  # fmt: skip
        self._model, self._engine, self._language = model, engine, language
        self._lock = threading.Lock()
        self._analyzer: Any = None

    def find(self, call: Call) -> Iterable[Match]:
        with self._lock:
            if self._analyzer is None:
                self._analyzer = _analyzer(self._model, self._engine, self._language)
        for line in call.lines:
            if line.stop > line.first:
                yield from self._line(call, line)

    def _line(self, call: Call, line: Line) -> Iterable[Match]:
        text, starts = "", []
        for place in range(line.first, line.stop):
            starts.append(len(text))
            # A placeholder stands for something else: to a model it is no word at all.
            text += (call.texts[place] if not call.has(place, Trait.PLACEHOLDER) else "…") + " "
        with self._lock:
            results = self._analyzer.analyze(text=text, language=self._language, entities=list(KINDS))
        for result in results:
            least = _LEAST_NAME if result.entity_type == "PERSON" else LEAST_SCORE
            kind = KINDS.get(result.entity_type)
            if kind is None or result.score < least:
                continue
            places = _tokens(starts, result.start, result.end)
            if places is None or any(call.has(line.first + i, Trait.PLACEHOLDER) for i in range(*places)):
                continue
            first, last = line.first + places[0], line.first + places[1] - 1
            value = "".join(norm for norm in call.norms[first : last + 1]).strip(EDGES)
            yield Match(
                kind=kind, pieces=((first, last),), value=value, rule=f"presidio.{result.entity_type.lower()}",
                confidence=min(result.score, _CEILING),
            )  # fmt: skip


def _tokens(starts: Sequence[int], begin: int, end: int) -> tuple[int, int] | None:
    """The tokens (first, stop) that characters [begin, end) touch."""
    inside = [
        place
        for place, start in enumerate(starts)
        if start < end and begin < (starts[place + 1] - 1 if place + 1 < len(starts) else end + 1)
    ]
    return (inside[0], inside[-1] + 1) if inside else None


def _analyzer(model: str, engine: str, language: str) -> Any:
    try:
        import tldextract  # noqa: PLC0415  an extra
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # noqa: PLC0415
    except ImportError as error:
        raise InvalidInput(
            "Presidio is not installed.", code="redaction.engine_missing", advice="Install candor[presidio]."
        ) from error
    _offline(tldextract)
    nlp = _ENGINES[engine](model, language)
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=nlp)
    if engine == "gliner":
        registry.add_recognizer(_gliner(model))
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])


def _offline(tldextract: Any) -> None:
    """The suffix list of the package instead of one from the network, for whoever calls ``tldextract.extract``."""
    packaged = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.extract = packaged
    tldextract.tldextract.TLD_EXTRACTOR = packaged


def _spacy(model: str, language: str) -> Any:
    import spacy  # noqa: PLC0415
    from presidio_analyzer.nlp_engine import SpacyNlpEngine  # noqa: PLC0415

    class Loaded(SpacyNlpEngine):  # type: ignore[misc]  # the base is not typed
        """An engine over a pipeline that is installed; it never downloads one."""

        def load(self) -> None:
            self.nlp = {language: _pipeline(spacy, model, language)}

    made = Loaded(models=[{"lang_code": language, "model_name": model}])
    made.load()
    return made


def _pipeline(spacy: Any, model: str, language: str) -> Any:
    if model == BLANK:
        return spacy.blank(language)
    try:
        return spacy.load(model)
    except OSError as error:
        raise InvalidInput(
            "The spaCy model is not installed.", code="redaction.model_missing",
            advice="Install its package, or name a folder; models are not fetched.",
        ) from error  # fmt: skip


def _transformers(model: str, language: str) -> Any:
    import spacy  # noqa: PLC0415
    from presidio_analyzer.nlp_engine import TransformersNlpEngine  # noqa: PLC0415

    if not spacy.util.is_package("en_core_web_sm"):
        # Presidio would fetch it.
        raise InvalidInput(
            "Transformers need the spaCy package en_core_web_sm for the words of a sentence.",
            code="redaction.model_missing", advice="Install it; models are not fetched.",
        )  # fmt: skip
    names = {"spacy": "en_core_web_sm", "transformers": model}
    engine = TransformersNlpEngine(models=[{"lang_code": language, "model_name": names}])
    try:
        engine.load()
    except (OSError, ValueError) as error:
        raise InvalidInput(
            "The transformers model cannot be loaded.", code="redaction.model_missing",
            advice="Name a folder that holds it; models are not fetched.",
        ) from error  # fmt: skip
    return engine


def _gliner(model: str) -> Any:
    from presidio_analyzer.predefined_recognizers import GLiNERRecognizer  # noqa: PLC0415

    return GLiNERRecognizer(
        model_name=model,
        entity_mapping={
            "person": "PERSON",
            "name": "PERSON",
            "address": "STREET_ADDRESS",
            "phone number": "PHONE_NUMBER",
        },
        flat_ner=False,
    )


def _with_blank(_model: str, language: str) -> Any:
    return _spacy(BLANK, language)


def detector(said: str) -> PresidioDetector:
    """The detector that a setting says: ``blank``, or engine and model: ``spacy:en_core_web_lg``.

    Raises InvalidInput for an engine that there is not; nothing is loaded yet.
    """
    engine, _, model = said.partition(":")
    return PresidioDetector() if said == BLANK else PresidioDetector(model or BLANK, engine=engine)


_ENGINES = {"spacy": _spacy, "transformers": _transformers, "gliner": _with_blank}
