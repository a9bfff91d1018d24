"""Forms in the database. What is saved is committed before the page is told so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import Boolean, Column, DateTime, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.exc import IntegrityError

from candor.conversation.evaluation import Occasion
from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.scoring.forms.model import Form, FormState, Given

forms = Table(
    "evaluation_form",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("agent_id", String(255)),
    Column("scorecard", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("occasion", String(16), nullable=False),
    Column("evaluator", String(64), nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("seen", Boolean, nullable=False),
    Column("opened_at", DateTime, nullable=False),
    Column("saved_at", DateTime, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("segment", String(64)),
    Column("about", String(36)),
    Column("assignment_id", String(36)),
    Column("release", String(16), nullable=False),
    Column("evaluation_id", String(36)),
    Column("transcript_id", String(36)),
    Column("excluded", Text, nullable=False),
    Column("answers", Text, nullable=False),
    Column("summary", Text, nullable=False),
    # Set while it is open, so that one person has one open form for one purpose; NULL (never equal) afterwards.
    Column("open_key", String(255)),
    UniqueConstraint("open_key"),
    Index("ix_evaluation_form_conversation_id", "conversation_id", "evaluator"),
    Index("ix_evaluation_form_about", "about"),
    Index("ix_evaluation_form_evaluator", "evaluator", "state"),
)
_CHANGING = frozenset({"answers", "summary", "revision", "saved_at", "state", "evaluation_id", "open_key"})
_ANSWERS: TypeAdapter[dict[str, Given]] = TypeAdapter(dict[str, Given])
_IDS: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])


def key_of(form: Form) -> str:
    """What there is only one open form for."""
    parts = (
        form.conversation_id, form.evaluator, form.scorecard, form.occasion.value, form.segment or "",
        form.about or "",
    )  # fmt: skip
    return "|".join(parts)[:255]


def add(uow: UnitOfWork, form: Form) -> Form:
    """A new form; the one that is open for the same purpose already when there is one."""
    held = uow.execute(sa.select(forms).where(forms.c.open_key == key_of(form))).one_or_none()
    if held is not None:
        return form_of(held)
    try:
        uow.execute(sa.insert(forms).values(**_row(form)))
    except IntegrityError as error:  # two windows at the same moment, on a database with several writers
        raise Conflict("The form was opened in another window.", code="form.opened", advice="Load the page.") from error
    return form


def get(uow: UnitOfWork, form_id: str) -> Form:
    """One form; raises NotFound."""
    row = uow.execute(sa.select(forms).where(forms.c.id == form_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such form.", code="form.none")
    return form_of(row)


def form_of(row: Any) -> Form:
    """From a row of the table."""
    values = {name: getattr(row, name) for name in Form.__dataclass_fields__}
    return Form(
        **values
        | {
            "occasion": Occasion(row.occasion),
            "state": FormState(row.state),
            "opened_at": clock.from_column(row.opened_at),
            "saved_at": clock.from_column(row.saved_at),
            "excluded": _IDS.validate_json(row.excluded),
            "answers": _ANSWERS.validate_json(row.answers),
        }
    )


def _row(form: Form) -> dict[str, Any]:
    values = {name: getattr(form, name) for name in Form.__dataclass_fields__}
    return values | {
        "occasion": form.occasion.value,
        "state": form.state.value,
        "opened_at": clock.to_column(form.opened_at),
        "saved_at": clock.to_column(form.saved_at),
        "excluded": _IDS.dump_json(form.excluded).decode(),
        "answers": _ANSWERS.dump_json(form.answers, exclude_defaults=True).decode(),
        "open_key": key_of(form) if form.state is FormState.OPEN else None,
    }


def save(uow: UnitOfWork, before: Form, **changes: Any) -> Form:
    """Keep a changed form as its next revision; raises Conflict (``form.revision``) when it is not as it was read."""
    after = replace(before, revision=before.revision + 1, saved_at=clock.now(), **changes)
    done = uow.execute(
        sa.update(forms)
        .where(forms.c.id == before.id, forms.c.revision == before.revision, forms.c.state == FormState.OPEN.value)
        .values({name: value for name, value in _row(after).items() if name in _CHANGING})
    )
    if done.rowcount != 1:
        raise changed()
    return after


def changed() -> Conflict:
    """The second of two windows is told this."""
    return Conflict(
        "This form was changed in another window since you loaded it here; nothing was overwritten.",
        code="form.revision", advice="Load it again; what you just wrote stays on this page until you do.",
    )  # fmt: skip


def open_for(uow: UnitOfWork, conversation_id: str, evaluator: str) -> list[Form]:
    """This person's open forms about a conversation."""
    query = sa.select(forms).where(
        forms.c.conversation_id == conversation_id, forms.c.evaluator == evaluator,
        forms.c.state == FormState.OPEN.value,
    )  # fmt: skip
    return [form_of(row) for row in uow.execute(query.order_by(forms.c.opened_at))]


def blinded(uow: UnitOfWork, conversation_id: str, evaluator: str) -> bool:
    """Whether what others answered is hidden from this person: a blind form is open."""
    query = sa.select(forms.c.id).where(
        forms.c.conversation_id == conversation_id, forms.c.evaluator == evaluator, forms.c.blind,
        forms.c.state == FormState.OPEN.value,
    )  # fmt: skip
    return uow.execute(query.limit(1)).first() is not None


def of_evaluator(uow: UnitOfWork, evaluator: str) -> list[Form]:
    """A person's open forms, the one saved last first."""
    query = sa.select(forms).where(forms.c.evaluator == evaluator, forms.c.state == FormState.OPEN.value)
    return [form_of(row) for row in uow.execute(query.order_by(forms.c.saved_at.desc()).limit(200))]


def of_about(uow: UnitOfWork, about: str) -> list[Form]:
    """All forms for one thing: a calibration session, an evaluation that is graded, a dispute."""
    query = sa.select(forms).where(forms.c.about == about).order_by(forms.c.opened_at)
    return [form_of(row) for row in uow.execute(query)]


def of_evaluation(uow: UnitOfWork, evaluation_id: str) -> Form | None:
    """The form that an evaluation came from."""
    row = uow.execute(sa.select(forms).where(forms.c.evaluation_id == evaluation_id).limit(1)).one_or_none()
    return None if row is None else form_of(row)
