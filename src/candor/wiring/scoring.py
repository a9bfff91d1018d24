"""What automatic scoring works with: sentence vectors, a language model where one is set, the law of places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from candor.analysis.ports import Embedder
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Gap
from candor.conversation.transcript import PiiSpan, Transcript
from candor.errors import InvalidInput
from candor.kit.database import Database, UnitOfWork
from candor.pipeline.gate import of_conversation
from candor.pipeline.persons import Persons
from candor.pipeline.scoring import LawOf, Scoring
from candor.pipeline.shelf import Shelf
from candor.scoring.asking import Judge
from candor.settings import Settings
from candor.wiring.consent import law_gate

if TYPE_CHECKING:
    from candor.analysis.service import Analyser


def make_scoring(settings: Settings, database: Database, shelf: Shelf, persons: Persons) -> Scoring:
    """Answers scorecards about the conversations of this data folder."""
    return Scoring(
        database, shelf, persons, embed=lambda: embedder() if settings.meaning else None, judge=make_judge(settings),
        analyse=partial(_analyse, meaning=settings.meaning), law_of=_law_of(settings, database, shelf),
        purpose=settings.purpose,
    )  # fmt: skip


def _analyse(
    transcript: Transcript, spans: Sequence[PiiSpan], gaps: Sequence[Gap], *, meaning: bool
) -> Analysis:  # fmt: skip
    return _analyser(meaning=meaning).analyse(transcript, spans, gaps=gaps)


@lru_cache(maxsize=2)
def _analyser(*, meaning: bool) -> Analyser:
    from candor.analysis.service import Analyser  # noqa: PLC0415  for the few conversations that are judged by legs

    return Analyser(embedder() if meaning else None)


@lru_cache(maxsize=1)
def embedder() -> Embedder | None:
    """The sentence model, loaded once a process at its first use; None where it is not installed."""
    from candor.analysis.adapters import minilm  # noqa: PLC0415  models are loaded by who scores or analyses
    from candor.analysis.adapters.remembering import Remembering  # noqa: PLC0415

    model = minilm.load()
    return None if model is None else Remembering(model)


def make_judge(settings: Settings) -> Judge | None:
    """Answers free questions; None where no language model is set. Raises InvalidInput."""
    if settings.judge_url is None:
        return None
    if not settings.judge_model:
        raise InvalidInput("The language model has no name.", code="settings.missing", advice="Set CANDOR_JUDGE_MODEL.")
    from candor.scoring.adapters.openai_compatible import OpenAiCompatible  # noqa: PLC0415  few houses have one

    return Judge(
        OpenAiCompatible(settings.judge_url, settings.judge_model, _key(settings), timeout=settings.judge_timeout)
    )


def _key(settings: Settings) -> str | None:
    if settings.judge_key is not None:
        return settings.judge_key.get_secret_value()
    if settings.judge_key_file is None:
        return None
    try:
        return settings.judge_key_file.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "The file with the language model's key cannot be read.", code="settings.invalid",
            advice="See CANDOR_JUDGE_KEY_FILE.",
        ) from error  # fmt: skip


def _law_of(settings: Settings, database: Database, shelf: Shelf) -> LawOf | None:
    gate = law_gate(settings, database, shelf.vault)
    if gate is None:
        return None

    def places(uow: UnitOfWork, conversation: Conversation) -> tuple[str, ...] | None:
        decided = gate.decide(uow, of_conversation(conversation), conversation.started_at, channel=conversation.medium)
        return tuple(leg.id for leg in decided.legs) or None

    return places
