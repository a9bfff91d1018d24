"""Whether automatic answers are to be trusted: what people see of it, the gates they set, and the look now and then."""

from __future__ import annotations

from dataclasses import dataclass

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import InvalidInput, NotFound
from candor.kit.database import Database, UnitOfWork
from candor.scoring import store as scorecards
from candor.scoring.agreement import service, store
from candor.scoring.agreement.model import Agreement, Change, Drift, Gate, Measure, Standing, State, Window
from candor.scoring.agreement.service import ALL
from candor.scoring.model import Question, Scorecard

BY_ITSELF = "system"
"""Who moves a question in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One question as the page shows it."""

    question: Question
    agreement: Agreement
    gate: Gate | None
    own_gate: bool
    """Set for this question, not for the whole scorecard."""
    standing: Standing
    """As of now; what counts for new evaluations follows within a minute."""
    drift: Drift | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One scorecard's questions."""

    scorecard: Scorecard
    gate: Gate | None
    """Of the whole scorecard."""
    lines: tuple[Line, ...]
    by_people: tuple[Question, ...]
    """Questions that only people answer: nothing to compare."""

    @property
    def pairs(self) -> int:
        """Answers compared, over all questions."""
        return sum(line.agreement.n for line in self.lines)


class Trusting:
    """The verbs. Agreement is a figure of the rules, over all conversations: it says nothing of single ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def scorecards(self, uow: UnitOfWork, principal: Principal) -> tuple[Scorecard, ...]:
        """Those in use."""
        principal.require(Right.QUALITY_READ)
        return scorecards.list_scorecards(uow)

    def overview(self, uow: UnitOfWork, principal: Principal, scorecard_id: str) -> Overview:
        """How the active version's questions stand; raises NotFound."""
        principal.require(Right.QUALITY_READ)
        scorecard = scorecards.get_scorecard(uow, scorecard_id)
        gates, drifts = store.gates(uow, scorecard.id), service.drifts(uow, scorecard)
        lines = []
        for name, found in service.figures(uow, scorecard).items():
            question = scorecard.question(name)
            if question is not None:
                gate = service.gate_of(gates, name)
                lines.append(
                    Line(
                        question=question, agreement=found, gate=gate, own_gate=name in gates,
                        standing=service.standing(gate, found), drift=drifts.get(name),
                    )
                )  # fmt: skip
        return Overview(
            scorecard=scorecard, gate=gates.get(ALL), lines=tuple(lines),
            by_people=tuple(question for question in scorecard.questions if not question.automatic),
        )  # fmt: skip

    def question(
        self, uow: UnitOfWork, principal: Principal, scorecard_id: str, question_id: str
    ) -> tuple[Line, tuple[Window, ...], list[Change]]:
        """One question: as it stands, over time, and when it began or ceased to count."""
        overview = self.overview(uow, principal, scorecard_id)
        line = next((each for each in overview.lines if each.question.id == question_id), None)
        if line is None:
            raise NotFound("No rules answer such a question.", code="agreement.question")
        over_time = service.windows(uow, overview.scorecard, line.question)
        return line, over_time, store.history(uow, overview.scorecard.id, question_id)

    def states(self, uow: UnitOfWork, principal: Principal, scorecard_id: str) -> dict[str, State]:
        """How questions stand for new evaluations, as of the latest look."""
        principal.require(Right.QUALITY_READ)
        return store.states(uow, scorecard_id)

    def set_gate(
        self, uow: UnitOfWork, principal: Principal, scorecard_id: str, question_id: str | None, gate: Gate | None
    ) -> tuple[State, ...]:
        """Say what is asked of a question, or (no question) of all that have no gate of their own; None: nothing.

        Takes effect with the next evaluation; returns the questions that moved by it. Evaluations that are there keep
        what counted when they were made. Raises Forbidden, NotFound, InvalidInput.
        """
        principal.require(Right.SCORECARD_MANAGE)
        scorecard = self._with(uow, scorecard_id, question_id)
        if gate is not None:
            service.check(gate)
        store.put_gate(uow, scorecard.id, question_id or ALL, gate, by=principal.user_id)
        return self._set(uow, principal, scorecard, question_id, _told(gate))

    def clear_gate(
        self, uow: UnitOfWork, principal: Principal, scorecard_id: str, question_id: str | None
    ) -> tuple[State, ...]:
        """Take a gate away: a question falls back to the scorecard's, the scorecard to none."""
        principal.require(Right.SCORECARD_MANAGE)
        scorecard = self._with(uow, scorecard_id, question_id)
        store.take_gate(uow, scorecard.id, question_id or ALL)
        return self._set(uow, principal, scorecard, question_id, "taken away")

    def tend(self) -> int:
        """Look at every scorecard with a gate, and note which questions began or ceased to count; returns how many."""
        with self._database.read() as uow:
            names = store.gated(uow)
        moved = 0
        for name in names:
            with self._database.write() as uow:
                try:
                    scorecard = scorecards.get_scorecard(uow, name)
                except NotFound:  # no version of it is active
                    continue
                moved += len(self._look(uow, scorecard))
        return moved

    def _set(
        self, uow: UnitOfWork, principal: Principal, scorecard: Scorecard, question_id: str | None, what: str
    ) -> tuple[State, ...]:
        subject = f"{scorecard.id}/{question_id or 'all'}: {what}"
        audit.record(uow, Event.GATE_SET, principal.user_id, subject=subject)
        return self._look(uow, scorecard)

    @staticmethod
    def _look(uow: UnitOfWork, scorecard: Scorecard) -> tuple[State, ...]:
        moved = service.look(uow, scorecard)
        for state in moved:
            subject = f"{scorecard.id}/{state.question}: {state.standing}"
            audit.record(uow, Event.GATE_MOVED, BY_ITSELF, subject=subject)
        return moved

    @staticmethod
    def _with(uow: UnitOfWork, scorecard_id: str, question_id: str | None) -> Scorecard:
        scorecard = scorecards.get_scorecard(uow, scorecard_id)
        if question_id is not None:
            question = scorecard.question(question_id)
            if question is None:
                raise NotFound("The scorecard has no such question.", code="agreement.question")
            if not question.automatic:
                raise InvalidInput("Only people answer this question.", code="agreement.human")
        return scorecard


def _told(gate: Gate | None) -> str:
    return "none" if gate is None else f"{gate.measure} >= {gate.threshold:g}, n >= {gate.least}"


__all__ = ["Gate", "Line", "Measure", "Overview", "Trusting"]
