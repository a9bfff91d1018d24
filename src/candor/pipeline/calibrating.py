"""Calibration: several people judge the same conversations blind, then compare; what comes of it becomes guidance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.evaluation import Occasion
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline import judging
from candor.pipeline.evaluating import Ask
from candor.pipeline.judging import Sight
from candor.scoring import store as scorecards
from candor.scoring.calibration import results as comparing
from candor.scoring.calibration import store
from candor.scoring.calibration.model import (
    CalibrationState,
    Note,
    ReferenceKind,
    Results,
    Session,
    Submission,
)
from candor.scoring.forms.model import Form
from candor.scoring.model import Scorecard

MOST_CONVERSATIONS, MOST_EVALUATORS = 20, 50
LONGEST_NOTE, LONGEST_TITLE = 4_000, 200


class Forms(Protocol):
    """Who opens a form."""

    def open(self, uow: UnitOfWork, principal: Principal, ask: Ask, /) -> Form:
        """The person's form about the conversation; the one that is open already."""


class Drafts(Protocol):
    """Who keeps drafts of scorecards."""

    def with_guidance(
        self, uow: UnitOfWork, principal: Principal, scorecard_id: str, question_id: str, text: str, /
    ) -> int:
        """A draft of the next version in which the question has this guidance; its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a new session is to be."""

    title: str
    scorecard: str
    conversations: Sequence[str]
    evaluators: Sequence[str]
    due_at: datetime
    reference: ReferenceKind = ReferenceKind.NONE
    expert: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A session as one person may see it."""

    session: Session
    scorecard: Scorecard
    mine: tuple[Submission, ...]
    """This person's own."""
    done: dict[str, int]
    """Evaluator → how many conversations they have submitted; no scores."""
    results: Results | None
    """None while they are hidden."""
    notes: tuple[Note, ...]
    takes_part: bool
    leads: bool


class Calibrating:
    """The verbs."""

    def __init__(self, forms: Forms, sight: Sight, drafts: Drafts | None, *, purpose: str = "quality") -> None:
        self._forms, self._sight, self._drafts, self._purpose = forms, sight, drafts, purpose

    def call(self, uow: UnitOfWork, principal: Principal, wanted: Call) -> Session:
        """Begin a session. The checks:

        1. The right, and a title, a day in the future, at least one conversation and two evaluators.
        2. Every conversation is within reach of who calls and of every evaluator, and may be judged.
        3. Every evaluator may evaluate; an expert is one of them.
        """
        principal.require(Right.CALIBRATION_MANAGE)
        conversations = tuple(dict.fromkeys(one.strip() for one in wanted.conversations if one.strip()))
        evaluators = tuple(sorted(set(wanted.evaluators)))
        self._check(wanted, conversations, evaluators)  # (1)
        people = [judging.known_person(uow, self._sight, who, Right.EVALUATION_WRITE) for who in evaluators]  # (3)
        for one in conversations:  # (2)
            self._sight.require(uow, principal, one)
            judging.require_judgeable(uow, one, self._purpose)
            for person in people:
                if not judging.reaches(uow, self._sight, person, one):
                    raise InvalidInput(
                        f"{person.name or person.login} does not see one of the conversations.",
                        code="calibration.reach", advice="Choose other conversations, or widen what the person sees.",
                    )  # fmt: skip
        scorecard = scorecards.get_scorecard(uow, wanted.scorecard)
        session = Session(
            id=new_id(), title=wanted.title.strip(), scorecard=scorecard.id, version=scorecard.version,
            conversations=conversations, evaluators=evaluators, reference=wanted.reference, expert=wanted.expert,
            created_at=clock.now(), created_by=principal.user_id, due_at=clock.require_aware(wanted.due_at),
        )  # fmt: skip
        store.put(uow, session)
        audit.record(uow, Event.CALIBRATION_CALLED, principal.user_id, subject=session.id)
        return session

    def evaluators(self, uow: UnitOfWork) -> tuple[Principal, ...]:
        """Who may take part, by name."""
        found = [person for person in self._sight.people(uow) if person.may(Right.EVALUATION_WRITE)]
        return tuple(sorted(found, key=lambda person: (person.name or person.login).casefold()))

    def listed(self, uow: UnitOfWork, principal: Principal) -> list[tuple[Session, int]]:
        """Sessions of which this person may know, the newest first, and how many evaluations each has.

        Whoever calls sessions sees those they called and those whose conversations are all within their reach.
        """
        principal.require(Right.EVALUATION_WRITE)
        found = store.listed(uow)
        return [
            (each, len(_members(each, store.submissions(uow, each.id))))
            for each in found
            if self._concerns(uow, principal, each)
        ]

    def open_form(self, uow: UnitOfWork, principal: Principal, session_id: str, conversation_id: str) -> Form:
        """One's form for one of the conversations, blind to rules and colleagues; raises Conflict once it is over."""
        session = self._session(uow, principal, session_id)
        if principal.user_id not in session.evaluators or conversation_id not in session.conversations:
            raise NotFound("This is not one of your calibrations.", code="calibration.none")
        if session.state is CalibrationState.CLOSED:
            raise Conflict("The session is over.", code="calibration.closed")
        given = store.submissions(uow, session_id)
        if any(each.evaluator == principal.user_id and each.conversation_id == conversation_id for each in given):
            raise Conflict(
                "You have judged this conversation already: a second look would not be blind.", code="calibration.done"
            )
        return self._forms.open(uow, principal, _ask(session, conversation_id, Occasion.CALIBRATION))

    def open_reference(self, uow: UnitOfWork, principal: Principal, session_id: str, conversation_id: str) -> Form:
        """The form for what was agreed upon, once all have judged or the session is closed; for who leads it."""
        session = self._led(uow, principal, session_id)
        if session.reference is not ReferenceKind.CONSENSUS:
            raise Conflict("The reference of this session is not agreed upon afterwards.", code="calibration.reference")
        if conversation_id not in session.conversations:
            raise NotFound("The session has no such conversation.", code="calibration.none")
        if not self._visible(uow, session):
            raise Conflict(
                "Everybody judges first: then agree.", code="calibration.hidden",
                advice="Close the session when not all of them will.",
            )  # fmt: skip
        return self._forms.open(uow, principal, _ask(session, conversation_id, Occasion.REFERENCE))

    def view(self, uow: UnitOfWork, principal: Principal, session_id: str) -> View:
        """A session; results only when everybody has submitted or it was closed."""
        session = self._session(uow, principal, session_id)
        scorecard = scorecards.get_scorecard(uow, session.scorecard, session.version)
        given = _members(session, store.submissions(uow, session_id))
        found = None
        if self._visible(uow, session):
            agreed = [
                each
                for each in store.submissions(uow, session_id, Occasion.REFERENCE)
                if each.conversation_id in session.conversations
            ]
            found = comparing.results(session, scorecard, given, agreed)
        return View(
            session=session, scorecard=scorecard, results=found, notes=tuple(store.notes(uow, session_id)),
            mine=tuple(each for each in given if each.evaluator == principal.user_id),
            done={who: sum(each.evaluator == who for each in given) for who in session.evaluators},
            takes_part=principal.user_id in session.evaluators, leads=self._leads(principal, session),
        )  # fmt: skip

    def close(self, uow: UnitOfWork, principal: Principal, session_id: str) -> None:
        """End it: nobody judges any more, and results are shown. Raises Conflict when it is over already."""
        session = self._led(uow, principal, session_id)
        if not store.close(uow, session.id, by=principal.user_id):
            raise Conflict("The session is over already.", code="calibration.closed")
        audit.record(uow, Event.CALIBRATION_CLOSED, principal.user_id, subject=session.id)

    def note(
        self, uow: UnitOfWork, principal: Principal, session_id: str, question_id: str | None, text: str
    ) -> Note:  # fmt: skip
        """Write down what came of it for a question, or for all."""
        session = self._led(uow, principal, session_id)
        said = judging.reason_of(text, "calibration.note", LONGEST_NOTE)
        if not self._visible(uow, session):
            raise Conflict("Results come first.", code="calibration.hidden")
        scorecard = scorecards.get_scorecard(uow, session.scorecard, session.version)
        if question_id is not None and scorecard.question(question_id) is None:
            raise InvalidInput("The scorecard has no such question.", code="calibration.question")
        made = store.put_note(uow, session.id, question=question_id, text=said, by=principal.user_id)
        audit.record(
            uow, Event.CALIBRATION_NOTED, principal.user_id, subject=f"{session.id} {question_id or 'all questions'}"
        )
        return made

    def to_guidance(
        self, uow: UnitOfWork, principal: Principal, session_id: str, note_id: str, text: str | None = None
    ) -> Note:
        """Make a note the guidance of its question, in a draft of the scorecard's next version; ``text``: reworded.

        Raises Forbidden without the right to change scorecards, too.
        """
        principal.require(Right.SCORECARD_MANAGE)
        session = self._led(uow, principal, session_id)
        found = next((each for each in store.notes(uow, session_id) if each.id == note_id), None)
        if found is None or found.question is None:
            raise NotFound("There is no such note about a question.", code="calibration.note")
        if self._drafts is None:
            raise Conflict("Scorecards are not drafted here.", code="calibration.drafts")
        said = judging.reason_of(found.text if text is None else text, "calibration.note", LONGEST_NOTE)
        version = self._drafts.with_guidance(uow, principal, session.scorecard, found.question, said)
        store.mark_note(uow, note_id, version)
        audit.record(
            uow, Event.CALIBRATION_NOTED, principal.user_id,
            subject=f"{session.id} {found.question} became guidance in version {version}",
        )  # fmt: skip
        return replace(found, draft_version=version)

    # ---- who may ----

    def _session(self, uow: UnitOfWork, principal: Principal, session_id: str) -> Session:
        principal.require(Right.EVALUATION_WRITE)
        session = store.get(uow, session_id)
        if not self._concerns(uow, principal, session):
            raise NotFound("There is no such calibration session.", code="calibration.none")
        return session

    def _led(self, uow: UnitOfWork, principal: Principal, session_id: str) -> Session:
        principal.require(Right.CALIBRATION_MANAGE)
        session = self._session(uow, principal, session_id)
        if not self._leads(principal, session):
            raise Forbidden("Only who called the session does this.", code="calibration.leader")
        return session

    @staticmethod
    def _leads(principal: Principal, session: Session) -> bool:
        return principal.may(Right.CALIBRATION_MANAGE) and principal.user_id == session.created_by

    def _concerns(self, uow: UnitOfWork, principal: Principal, session: Session) -> bool:
        if principal.user_id in {session.created_by, *session.evaluators}:
            return True
        return principal.may(Right.CALIBRATION_MANAGE) and all(
            judging.reaches(uow, self._sight, principal, one) for one in session.conversations
        )

    @staticmethod
    def _visible(uow: UnitOfWork, session: Session) -> bool:
        if session.state is CalibrationState.CLOSED:
            return True
        return comparing.complete(session, _members(session, store.submissions(uow, session.id)))

    @staticmethod
    def _check(wanted: Call, conversations: Sequence[str], evaluators: Sequence[str]) -> None:
        if not 1 <= len(wanted.title.strip()) <= LONGEST_TITLE:
            raise InvalidInput("Give the session a title.", code="calibration.title")
        if not 1 <= len(conversations) <= MOST_CONVERSATIONS:
            raise InvalidInput(
                f"A session is about 1 to {MOST_CONVERSATIONS} conversations.", code="calibration.conversations"
            )
        if not 2 <= len(evaluators) <= MOST_EVALUATORS:
            raise InvalidInput(
                f"A session has 2 to {MOST_EVALUATORS} evaluators: one alone has nobody to compare with.",
                code="calibration.evaluators",
            )
        if clock.require_aware(wanted.due_at) <= clock.now():
            raise InvalidInput("The deadline has passed already.", code="calibration.due")
        expert = wanted.reference is ReferenceKind.EXPERT
        if expert is (wanted.expert is None) or (expert and wanted.expert not in evaluators):
            raise InvalidInput("An expert reference names one of the evaluators.", code="calibration.expert")


def _ask(session: Session, conversation_id: str, occasion: Occasion) -> Ask:
    return Ask(
        conversation_id=conversation_id, scorecard=session.scorecard, version=session.version, occasion=occasion,
        about=session.id, blind=occasion is Occasion.CALIBRATION,
    )  # fmt: skip


def _members(session: Session, given: Sequence[Submission]) -> list[Submission]:
    """Only what belongs to it, whoever else wrote its id on a form."""
    return [
        each for each in given if each.evaluator in session.evaluators and each.conversation_id in session.conversations
    ]
