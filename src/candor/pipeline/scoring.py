"""Automatic scoring, for the stage and the doors: what it rests on, gathered in one place."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from candor.access.model import Principal, Right
from candor.analysis import store as analyses
from candor.analysis.ports import Embedder
from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.consent import custody
from candor.conversation.evaluation import Answer, Evaluation, EvaluationSource
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Role
from candor.conversation.transcript import Redaction
from candor.errors import CandorError, Conflict, NotFound
from candor.kit.database import Database, UnitOfWork
from candor.pipeline import purposes
from candor.pipeline.legs import Analyse, cut
from candor.pipeline.persons import Persons
from candor.pipeline.shelf import Shelf
from candor.scoring import service, store
from candor.scoring.asking import Judge
from candor.scoring.facts import Facts
from candor.scoring.model import Scorecard, Segments
from candor.scoring.needs import needs_of
from candor.scoring.ports import Contact
from candor.transcript import store as transcripts
from candor.vault.requests import people
from candor.vault.requests.people import How, IdKind

LawOf = Callable[[UnitOfWork, Conversation], tuple[str, ...] | None]
"""The places whose law counts for a conversation on which nobody decided; None: nothing tells."""
_LONGEST = timedelta(days=366)
_MOST_CONTACTS = 50
_KNOWN_BY = (IdKind.NUMBER, IdKind.EMAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One conversation, ready to be scored with certain scorecards."""

    conversation: Conversation
    transcript_id: str
    redaction: Redaction
    analysis: Analysis
    facts: Facts
    earlier: tuple[Answer, ...]
    """Automatic answers that were given before: those of language models are used again."""


class Made(NamedTuple):
    """An evaluation, and whose work it judges where it is about one leg."""

    evaluation: Evaluation
    agent_id: str | None


class Scoring:
    """Gathers what scorecards are answered from, and answers them."""

    def __init__(
        self, database: Database, shelf: Shelf, persons: Persons, *, embed: Callable[[], Embedder | None],
        analyse: Analyse, judge: Judge | None = None, law_of: LawOf | None = None, purpose: str = "quality",
    ) -> None:  # fmt: skip
        """``embed`` is asked when first needed, ``analyse`` where a leg is judged by itself; ``purpose``: the house's,
        where nothing was decided of a call."""
        self._database, self._shelf, self._persons, self._embed = database, shelf, persons, embed
        self._judge, self._law_of, self._purpose, self._analyse = judge, law_of, purpose, analyse

    def material(
        self, uow: UnitOfWork, conversation_id: str, scorecards: Collection[Scorecard],
        redaction: Redaction | None = None, analysis: Analysis | None = None,
    ) -> Material:  # fmt: skip
        """What these scorecards rest on; ``redaction`` and ``analysis`` where they are at hand already.

        Raises NotFound, Conflict ``scoring.not_ready`` and, for one that is not to be judged, ``scoring.purpose`` or
        what custody says.
        """
        conversation = self._shelf.conversation(uow, conversation_id)
        custody.require_free(uow, conversation_id)
        if purposes.only_kept(uow, conversation_id, self._purpose):
            raise Conflict("The conversation is kept as proof, and not to be judged.", code="scoring.purpose")
        row = transcripts.current(uow, conversation_id)
        redaction = redaction or self._shelf.redaction(uow, conversation_id)
        analysis = analysis or self._shelf.analysis(uow, conversation_id)
        if row is None or redaction is None or analysis is None:
            raise Conflict("The conversation is not processed yet.", code="scoring.not_ready", advice="Try again soon.")
        needs = [needs_of(scorecard) for scorecard in scorecards]
        asks = self._judge is not None and any(need.model for need in needs)
        return Material(
            conversation=conversation, transcript_id=row.id, redaction=redaction, analysis=analysis,
            facts=Facts(
                direction=conversation.direction, medium=conversation.medium, queue=conversation.queue,
                started_at=conversation.started_at,
                places=self._places(uow, conversation) if any(need.places for need in needs) else None,
                history=self._history(uow, conversation) if any(need.history for need in needs) else None,
            ),
            earlier=_answered(uow, conversation_id) if asks else (),
        )  # fmt: skip

    def evaluate(
        self, scorecard: Scorecard, material: Material, *, suggested: Collection[str] = ()
    ) -> list[Made]:  # fmt: skip
        """Answer every question, of the whole or, where the scorecard asks for it, of each leg; nothing is kept.

        Outside of units of work: where a language model is asked, it takes as long as that takes. ``suggested``:
        questions whose answers are shown and do not count.
        """
        each = scorecard.segments is Segments.EACH
        stretches = cut(material.conversation, material.redaction, self._analyse) if each else ()
        if not stretches:
            return [Made(self._answer(scorecard, material, material.redaction, material.analysis, suggested), None)]
        return [
            Made(
                one.in_the_whole(self._answer(scorecard, material, one.redaction, one.analysis, suggested)),
                one.leg.agent_id,
            )
            for one in stretches
        ]

    def _answer(
        self, scorecard: Scorecard, material: Material, redaction: Redaction, analysis: Analysis,
        suggested: Collection[str],
    ) -> Evaluation:  # fmt: skip
        return service.score(
            scorecard, redaction.transcript, analysis, conversation_id=material.conversation.id,
            transcript_id=material.transcript_id, direction=material.conversation.direction, pii=redaction.spans,
            embed=self._embed(), facts=material.facts, judge=self._judge, earlier=material.earlier,
            suggested=suggested,
        )  # fmt: skip

    def scorecard(self, name: str, version: int | None = None) -> Scorecard:
        """One that is kept, the active version unless told, or one that ships; raises NotFound."""
        with self._database.read() as uow:
            try:
                return store.get_scorecard(uow, name, version)
            except NotFound:
                if version is None and name in service.builtins():
                    return service.builtin(name)
                raise

    def try_out(
        self, conversation_id: str, scorecards: Collection[Scorecard], principal: Principal | None = None
    ) -> list[list[Evaluation]]:
        """What each scorecard says of a conversation, for somebody who asked; nothing is kept but that it was asked.

        One evaluation a scorecard, or one a leg (:class:`candor.scoring.model.Segments`).

        ``principal`` None: who runs commands on this machine; whether a person reaches the conversation is the door's
        to check. Raises Forbidden, and what ``material`` raises.
        """
        if principal is not None:
            principal.require(Right.SCORECARD_MANAGE)
        with self._database.read() as uow:
            material = self.material(uow, conversation_id, scorecards)
        made = [[one.evaluation for one in self.evaluate(scorecard, material)] for scorecard in scorecards]
        with self._database.write() as uow:
            names = ", ".join(f"{scorecard.id}@{scorecard.version}" for scorecard in scorecards)
            actor = "cli" if principal is None else principal.user_id
            subject = f"scored with {names}"[:255]
            audit.record(uow, Event.OPENED, actor, conversation_id=conversation_id, subject=subject)
        return made

    def _places(self, uow: UnitOfWork, conversation: Conversation) -> tuple[str, ...] | None:
        """Of the consent decision where there is one, else as the facts of the call tell."""
        held = custody.get(uow, conversation.id)
        decision = json.loads(held.decision) if held is not None and held.decision else {}
        legs = decision.get("legs")
        if isinstance(legs, list) and legs:
            return tuple(str(leg) for leg in legs)
        return None if self._law_of is None else self._law_of(uow, conversation)

    def _history(self, uow: UnitOfWork, conversation: Conversation) -> tuple[Contact, ...] | None:
        """The customer's earlier conversations of a year, newest first; None where nothing tells who it is."""
        if not self._persons.index.ready(uow):
            return None
        digests = [digest for kind, value in _known_by(conversation) if (digest := self._digest(uow, kind, value))]
        if not digests:
            return None
        found = people.conversations_of(uow, digests)
        ids = {one for one, how in found.items() if how is How.PARTY} - {conversation.id}
        began = conversation.started_at
        return tuple(
            Contact(conversation_id=one, started_at=at, categories=noted.categories if noted is not None else ())
            for one, at in register.begun_between(uow, ids, began - _LONGEST, began, _MOST_CONTACTS)
            if not custody.is_held(uow, one) and not purposes.only_kept(uow, one, self._purpose)
            for noted in (analyses.get_analysis(uow, one),)
        )

    def _digest(self, uow: UnitOfWork, kind: IdKind, value: str) -> str | None:
        try:
            return self._persons.digest(uow, kind, value)
        except CandorError:
            return None  # withheld, an extension, a name in the place of an address


def _known_by(conversation: Conversation) -> list[tuple[IdKind, str]]:
    """By what the customer is known again."""
    customers = [party for party in conversation.parties if party.role is Role.CUSTOMER]
    told = [pair for party in customers for pair in zip(_KNOWN_BY, (party.tel, party.mailto), strict=True)]
    return [(kind, value) for kind, value in told if value]


def _answered(uow: UnitOfWork, conversation_id: str) -> tuple[Answer, ...]:
    return tuple(
        answer
        for evaluation in store.list_evaluations(uow, conversation_id, include_superseded=True)
        if evaluation.source is EvaluationSource.AUTOMATIC
        for answer in evaluation.answers
    )
