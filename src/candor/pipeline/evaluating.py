"""People evaluate: forms are opened, saved with every change, submitted; results are released and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.evaluation import Answer, Evaluation, EvaluationSource, Occasion
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.pipeline import judging
from candor.pipeline.judging import Reindex, Sight
from candor.pipeline.legs import judged_leg
from candor.pipeline.shelf import Shelf
from candor.scoring import store
from candor.scoring.assignments import store as assignments
from candor.scoring.assignments.model import Assignment, AssignmentState
from candor.scoring.disputes import store as disputes
from candor.scoring.form import Fault
from candor.scoring.forms import model as filling
from candor.scoring.forms import store as forms
from candor.scoring.forms.model import Form, FormState, Given
from candor.scoring.model import Scorecard
from candor.scoring.store import Circumstances, Held
from candor.transcript import store as transcripts

STAFF = (Right.EVALUATION_WRITE, Right.EVALUATION_ASSIGN, Right.QUALITY_READ, Right.DISPUTE_REVIEW)
"""Any of these sees what people evaluated, within reach."""
_APART = frozenset({Occasion.CALIBRATION, Occasion.REFERENCE})
"""Shown by the calibration session alone, when it is over."""
_ALWAYS_BLIND = frozenset({Occasion.SELF, Occasion.CALIBRATION, Occasion.GRADING})
_log = get_logger("evaluating")


class Faulty(InvalidInput):
    """A form that cannot be submitted yet; ``faults`` say where."""

    code = "form.faults"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("Some questions still want something.", code="form.faults")
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody wants to evaluate, and how."""

    conversation_id: str
    scorecard: str
    version: int | None = None
    """None: the active one."""
    occasion: Occasion = Occasion.QUALITY
    segment: str | None = None
    about: str | None = None
    blind: bool = True
    release: str = ""
    assignment_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One question that two evaluations answer."""

    question: str
    first: Answer | None
    second: Answer | None

    @property
    def same(self) -> bool:
        """Whether both came to the same."""
        if self.first is None or self.second is None:
            return self.first is self.second
        return (self.first.verdict, self.first.value) == (self.second.verdict, self.second.value)


class Evaluating:
    """The verbs of evaluating by hand; every one asks for a right and for reach."""

    def __init__(
        self, database: Database, shelf: Shelf, sight: Sight, reindex: Reindex, *, release: str = judging.AT_ONCE,
        purpose: str = "quality",
    ) -> None:  # fmt: skip
        """``release``: what the house does with submitted evaluations; ``purpose``: where nothing was decided."""
        self._database, self._shelf, self._sight, self._reindex = database, shelf, sight, reindex
        self._release, self._purpose = release, purpose

    # ---- forms ----

    def open(self, uow: UnitOfWork, principal: Principal, ask: Ask) -> Form:
        """A form to fill in; the one that is open already for the same purpose. The checks:

        1. The right: to evaluate, or, for one's own conversation, to answer.
        2. The conversation is processed, and within reach.
        3. It may be judged: not quarantined, and recorded for a purpose that allows it.
        4. It is not one's own, unless the self-evaluation asks for that.
        5. Nobody grades their own evaluation, or a grading.
        6. The scorecard and the leg are there.
        """
        own = ask.occasion is Occasion.SELF
        principal.require(Right.EVALUATION_ANSWER if own else Right.EVALUATION_WRITE)  # (1)
        self._sight.require(uow, principal, ask.conversation_id)  # (2)
        judging.require_judgeable(uow, ask.conversation_id, self._purpose)  # (3)
        conversation = self._shelf.conversation(uow, ask.conversation_id)
        agents = judging.agents_of(conversation)
        if not own:
            judging.require_other(principal, agents)  # (4)
        elif not judging.is_own(principal, agents):
            raise Forbidden("A self-evaluation is about one's own conversation.", code="evaluation.not_own")
        if ask.occasion is Occasion.GRADING:
            ask = self._graded(uow, principal, ask)  # (5)
        scorecard = store.get_scorecard(uow, ask.scorecard, ask.version)  # (6)
        leg = judged_leg(
            conversation, scorecard, ask.segment, own=principal.agent_id if own else None,
            follow=ask.occasion in {Occasion.GRADING, Occasion.REFERENCE},
        )  # fmt: skip
        row = transcripts.current(uow, ask.conversation_id)
        moment = clock.now()
        main = conversation.agent
        form = Form(
            id=new_id(), conversation_id=ask.conversation_id, scorecard=scorecard.id, version=scorecard.version,
            agent_id=leg.agent_id if leg else principal.agent_id if own else main.agent_id if main else None,
            occasion=ask.occasion, evaluator=principal.user_id, blind=ask.blind or ask.occasion in _ALWAYS_BLIND,
            seen=self._sight.opened_before(uow, principal.user_id, ask.conversation_id), opened_at=moment,
            saved_at=moment, segment=leg.id if leg else None, about=ask.about, assignment_id=ask.assignment_id,
            release=ask.release, transcript_id=row.id if row else None,
            excluded=filling.excluded_by(scorecard, conversation.direction.value),
        )  # fmt: skip
        kept = forms.add(uow, form)
        if kept.id == form.id:
            audit.record(
                uow, Event.FORM_OPENED, principal.user_id, conversation_id=form.conversation_id,
                subject=f"{form.id} {form.occasion}",
            )  # fmt: skip
        return kept

    def _graded(self, uow: UnitOfWork, principal: Principal, ask: Ask) -> Ask:
        graded = store.held(uow, ask.about or "").evaluation
        if graded.source is not EvaluationSource.HUMAN or graded.occasion is not Occasion.QUALITY:
            raise InvalidInput("Only a person's evaluation for quality is graded.", code="evaluation.grading")
        if graded.evaluator == principal.user_id:
            raise Forbidden("Nobody grades their own evaluation.", code="evaluation.own")
        if graded.conversation_id != ask.conversation_id:
            raise NotFound("There is no such evaluation.", code="evaluation.none")
        return Ask(
            conversation_id=ask.conversation_id, scorecard=graded.scorecard, version=graded.scorecard_version,
            occasion=Occasion.GRADING, segment=graded.segment, about=graded.id, assignment_id=ask.assignment_id,
        )  # fmt: skip

    def begin(self, uow: UnitOfWork, principal: Principal, assignment_id: str) -> Form:
        """The form of an assignment of one's own, or of one from the queue, which is taken by that."""
        one = assignments.get(uow, assignment_id)
        if one.evaluator not in {None, principal.user_id}:
            raise NotFound("There is no such assignment.", code="assignment.none")
        if one.state is not AssignmentState.OPEN:
            raise Conflict("This assignment is finished.", code="assignment.closed")
        form = self.open(uow, principal, ask_of(one))
        if one.evaluator is None:
            assignments.change(uow, one, evaluator=principal.user_id)
            audit.record(
                uow, Event.ASSIGNMENT_TAKEN, principal.user_id, conversation_id=one.conversation_id, subject=one.id
            )
        return form

    def form(self, uow: UnitOfWork, principal: Principal, form_id: str) -> tuple[Form, Scorecard]:
        """One's own form with its version of the scorecard; raises NotFound for anybody else's."""
        form = forms.get(uow, form_id)
        if form.evaluator != principal.user_id:
            raise NotFound("There is no such form.", code="form.none")
        principal.require(Right.EVALUATION_ANSWER if form.occasion is Occasion.SELF else Right.EVALUATION_WRITE)
        self._sight.require(uow, principal, form.conversation_id)
        judging.require_judgeable(uow, form.conversation_id, self._purpose)
        return form, store.get_scorecard(uow, form.scorecard, form.version)

    def save(
        self, uow: UnitOfWork, principal: Principal, form_id: str, revision: int, question: str,
        data: Mapping[str, Any],
    ) -> tuple[Form, Scorecard]:  # fmt: skip
        """Keep what was put down for one question (see ``forms.model.read_given``); committed with ``uow``.

        Raises Conflict (``form.revision``) when the form is not at ``revision`` any more. The same change sent again,
        because its answer was lost on the way, is fine.
        """
        form, scorecard = self.form(uow, principal, form_id)
        asked = scorecard.question(question)
        if asked is None:
            raise InvalidInput("The scorecard has no such question.", code="form.question")
        given = filling.read_given(asked, data)
        if form.revision == revision + 1 and form.answers.get(question, Given()) == given:
            return form, scorecard
        _require_unchanged(form, revision)
        answers = {name: put for name, put in form.answers.items() if name != question}
        if not given.empty:
            answers[question] = given
        return forms.save(uow, form, answers=answers), scorecard

    def save_summary(self, uow: UnitOfWork, principal: Principal, form_id: str, revision: int, text: str) -> Form:
        """Keep the comment on the whole."""
        form, _ = self._changing(uow, principal, form_id, revision)
        if len(text) > filling.LONGEST_SUMMARY:
            raise InvalidInput(f"A comment has at most {filling.LONGEST_SUMMARY:,} characters.", code="form.summary")
        return forms.save(uow, form, summary=text.replace("\r\n", "\n"))

    def _changing(self, uow: UnitOfWork, principal: Principal, form_id: str, revision: int) -> tuple[Form, Scorecard]:
        form, scorecard = self.form(uow, principal, form_id)
        _require_unchanged(form, revision)
        return form, scorecard

    def submit(self, uow: UnitOfWork, principal: Principal, form_id: str, revision: int) -> Evaluation:
        """Make the evaluation; raises Faulty while something is missing, Conflict as :meth:`save`."""
        form, scorecard = self._changing(uow, principal, form_id, revision)
        faults = filling.faults(scorecard, form)
        if faults:
            raise Faulty(faults)
        made = filling.evaluation_of(scorecard, form)
        quality = form.occasion is Occasion.QUALITY
        release_at, released_at = (
            judging.moments_of_release(form.release, self._release, made.created_at) if quality else (None, None)
        )
        kept = store.put_evaluation(
            uow, made,
            Circumstances(
                blind=form.blind and not form.seen, agent_id=form.agent_id, about=form.about, release_at=release_at,
                released_at=released_at,
            ),
        )  # fmt: skip
        forms.save(uow, form, state=FormState.SUBMITTED, evaluation_id=kept.id)
        if form.assignment_id is not None:
            one = assignments.get(uow, form.assignment_id)
            if one.state is AssignmentState.OPEN and one.evaluator == principal.user_id:
                assignments.change(
                    uow, one, state=AssignmentState.DONE.value, done_at=made.created_at, evaluation_id=kept.id
                )
        audit.record(
            uow, Event.EVALUATED, principal.user_id, conversation_id=form.conversation_id,
            subject=f"{kept.id} {form.occasion}",
        )  # fmt: skip
        if released_at is not None:
            self._show(uow, form.conversation_id)
        return kept

    def discard(self, uow: UnitOfWork, principal: Principal, form_id: str, revision: int) -> None:
        """Give a form up; what was in it is kept with the form, and an assignment stays open."""
        form, _ = self._changing(uow, principal, form_id, revision)
        forms.save(uow, form, state=FormState.DISCARDED)
        audit.record(
            uow, Event.FORM_DISCARDED, principal.user_id, conversation_id=form.conversation_id, subject=form.id
        )

    # ---- results ----

    def hidden(self, uow: UnitOfWork, principal: Principal, conversation_id: str) -> bool:
        """Whether what rules and others answered is hidden from this person: their blind form is open."""
        return forms.blinded(uow, conversation_id, principal.user_id)

    def read(self, uow: UnitOfWork, principal: Principal, evaluation_id: str) -> Held:
        """An evaluation, for one who may see it; raises NotFound. Who may:

        1. Who made it.
        2. The agent it is about: once it is released; their own self-evaluation always.
        3. Who may evaluate, assign, review or read quality, within reach; never of their own conversation, nor while
           their own blind form about it is open.
        4. Calibrations and references are shown by their session alone; gradings to those who assign, and to the
           evaluator who was graded.
        5. Automatic ones: the agents of the conversation, where they see it, and those of (3). They count as released
           when they were made.
        """
        found = store.held(uow, evaluation_id)
        if found.evaluation.source is EvaluationSource.AUTOMATIC:  # (5)
            return self._read_automatic(uow, principal, found)
        one, made = found.evaluation, found.circumstances
        if one.evaluator == principal.user_id:  # (1)
            return found
        if one.source is not EvaluationSource.HUMAN or one.occasion in _APART:  # (4)
            raise _nothing()
        if principal.agent_id is not None and principal.agent_id == made.agent_id:  # (2)
            if one.occasion is Occasion.QUALITY and found.released and principal.may(Right.EVALUATION_ANSWER):
                return found
            raise _nothing()
        if one.occasion is Occasion.GRADING and not principal.may(Right.EVALUATION_ASSIGN):
            graded = store.held_by_ids(uow, [made.about or ""]).get(made.about or "")
            if graded is None or graded.evaluation.evaluator != principal.user_id:
                raise _nothing()
            return found
        self._require_staff(uow, principal, one.conversation_id)  # (3)
        return found

    def _read_automatic(self, uow: UnitOfWork, principal: Principal, found: Held) -> Held:
        one, made = found.evaluation, found.circumstances
        agents = judging.agents_of(self._shelf.conversation(uow, one.conversation_id))
        whose = {made.agent_id} if made.agent_id else agents
        if principal.agent_id is not None and principal.agent_id in whose:
            self._sight.require(uow, principal, one.conversation_id)
            if not principal.may(Right.EVALUATION_ANSWER):
                raise _nothing()
            about: str | None = principal.agent_id
        else:
            self._require_staff(uow, principal, one.conversation_id)
            about = next(iter(whose)) if len(whose) == 1 else None
        return replace(found, circumstances=replace(made, agent_id=about, released_at=one.created_at))

    def _require_staff(self, uow: UnitOfWork, principal: Principal, conversation_id: str) -> None:
        if not any(principal.may(right) for right in STAFF):
            raise _nothing()
        self._sight.require(uow, principal, conversation_id)
        if judging.is_own(principal, judging.agents_of(self._shelf.conversation(uow, conversation_id))):
            raise _nothing()
        if self.hidden(uow, principal, conversation_id):
            raise Forbidden(
                "You are evaluating this conversation blind: what others answered is shown once you have submitted.",
                code="evaluation.blind",
            )

    def release(self, uow: UnitOfWork, principal: Principal, evaluation_id: str) -> Held:
        """Show an evaluation to its agent now."""
        principal.require(Right.EVALUATION_ASSIGN)
        found = self.read(uow, principal, evaluation_id)
        if found.evaluation.occasion is not Occasion.QUALITY:
            raise InvalidInput("Only evaluations for quality are released to agents.", code="evaluation.occasion")
        return self._released(uow, evaluation_id, principal.user_id)

    def release_due(self) -> int:
        """Release what is due by now; returns how many. For a chore: repeating it, after a crash too, harms nothing."""
        with self._database.read() as uow:
            ids = store.due_for_release(uow, clock.now())
        done = 0
        for each in ids:
            try:
                with self._database.write() as uow:
                    self._released(uow, each, "system")
                done += 1
            except (Conflict, NotFound):  # another worker was faster, or it was destroyed meanwhile
                continue
            except CandorError as error:
                _log.warning("an evaluation was not released", evaluation=each, code=error.code)
        return done

    def _released(self, uow: UnitOfWork, evaluation_id: str, by: str) -> Held:
        found = store.release(uow, evaluation_id, clock.now())
        conversation_id = found.evaluation.conversation_id
        audit.record(uow, Event.EVALUATION_RELEASED, by, conversation_id=conversation_id, subject=evaluation_id)
        self._show(uow, conversation_id)
        return found

    def _show(self, uow: UnitOfWork, conversation_id: str) -> None:
        self._reindex(uow, conversation_id, store.list_evaluations(uow, conversation_id))

    def beside(self, uow: UnitOfWork, principal: Principal, found: Held) -> tuple[Held, ...]:
        """What stands beside an evaluation for one who sees it: the agent's own view, gradings of it.

        The agent sees the self-evaluation alone.
        """
        one, made = found.evaluation, found.circumstances
        own = [
            each
            for each in store.held_for(uow, one.conversation_id, occasion=Occasion.SELF)
            if each.circumstances.agent_id == made.agent_id
            and (each.evaluation.scorecard, each.evaluation.segment) == (one.scorecard, one.segment)
        ]
        if principal.agent_id is not None and principal.agent_id == made.agent_id:
            return tuple(own)
        graded = [
            each
            for each in store.held_about(uow, one.id)
            if each.evaluation.occasion is Occasion.GRADING
            and (
                principal.may(Right.EVALUATION_ASSIGN)
                or principal.user_id in {each.evaluation.evaluator, one.evaluator}
            )
        ]
        return (*own, *graded)

    def earlier(self, uow: UnitOfWork, found: Held) -> tuple[Held, ...]:
        """What this evaluation replaced by a dispute, the newest first."""
        history: list[Held] = []
        dispute = disputes.leading_to(uow, found.evaluation.id)
        while dispute is not None and len(history) < 10:
            history.append(store.held(uow, dispute.evaluation_id))
            dispute = disputes.leading_to(uow, dispute.evaluation_id)
        return tuple(history)


def _require_unchanged(form: Form, revision: int) -> None:
    if form.state is not FormState.OPEN:
        raise Conflict("This form was submitted or discarded already.", code="form.closed")
    if form.revision != revision:
        raise forms.changed()


def _nothing() -> NotFound:
    return NotFound("There is no such evaluation.", code="evaluation.none")


def ask_of(one: Assignment) -> Ask:
    """What an assignment wants evaluated."""
    return Ask(
        conversation_id=one.conversation_id, scorecard=one.scorecard, occasion=one.occasion, segment=one.segment,
        about=one.about, blind=one.blind, release=one.release, assignment_id=one.id,
    )  # fmt: skip


def differences(first: Evaluation, second: Evaluation) -> tuple[Difference, ...]:
    """Question by question, in the order of the first."""
    one = {answer.question: answer for answer in first.answers}
    two = {answer.question: answer for answer in second.answers}
    return tuple(
        Difference(question=name, first=one.get(name), second=two.get(name)) for name in dict.fromkeys([*one, *two])
    )
