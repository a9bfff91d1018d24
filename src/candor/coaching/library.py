"""Clips, playlists and courses in the database. A clip's words are sealed with its conversation, and go with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, DateTime, Float, Index, Integer, LargeBinary, String, Table, Text

from candor.coaching.model import Assignment, Attempt, Choice, Clip, ClipKind, Course, Lesson, Playlist
from candor.coaching.store import CipherFor, moment
from candor.conversation.codec import dumps, loads
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

clip = Table(
    "clip",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False, index=True),
    Column("start", Float, nullable=False),
    Column("end", Float, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("by", String(64), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("session_id", String(36), index=True),
    Column("agent_id", String(255)),
    # Title and what to listen for: under the conversation's key; with a copy, under the clip's own.
    Column("sealed", LargeBinary, nullable=False),
    Column("copy_id", String(36)),
    Column("copy_until", Date),
    # The conversation is gone and the copy stays.
    Column("alone", Boolean, nullable=False),
)

clip_label = Table(
    "clip_label",
    metadata,
    Column("clip_id", String(36), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("value", String(160), primary_key=True),
    Index("ix_clip_label_value", "kind", "value"),
)

clip_person = Table(
    "clip_person",
    metadata,
    # Whose data a copy may hold, as blind digests: so that a hold and a request for erasure find it without the call.
    Column("clip_id", String(36), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Index("ix_clip_person_digest", "digest"),
)

playlist = Table(
    "playlist",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("about", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("clips", Text, nullable=False),
)

course = Table(
    "course",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("content", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("published_at", DateTime),
    Column("retired_at", DateTime),
)

course_assignment = Table(
    "course_assignment",
    metadata,
    Column("course_id", String(36), primary_key=True),
    Column("agent_id", String(255), primary_key=True),
    Column("by", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("due", Date),
    Column("plan_id", String(36)),
    Column("started_at", DateTime),
    Column("completed_at", DateTime),
    Column("score", Float),
    Column("attempts", Integer, nullable=False),
    Index("ix_course_assignment_agent_id", "agent_id"),
)

course_attempt = Table(
    "course_attempt",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("course_id", String(36), nullable=False),
    Column("agent_id", String(255), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("score", Float, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("ticked", Text, nullable=False),
    Index("ix_course_attempt_course_id", "course_id", "agent_id"),
)

TAG, MEASURE = "tag", "measure"
_WORDS = "clip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which clips; every part narrows."""

    kinds: tuple[ClipKind, ...] = ()
    tag: str | None = None
    measures: tuple[str, ...] = ()
    """Any of these."""
    session_id: str | None = None
    """Of this session; None: of the library."""
    ids: tuple[str, ...] | None = None
    """These, wherever they belong."""


# ---- clips ----


def add_clip(uow: UnitOfWork, made: Clip, cipher: CipherFor) -> None:
    """Keep a new one."""
    owner = made.conversation_id if made.copy_id is None else made.id
    sealed = cipher(uow, owner, True).seal(f"{_WORDS}/{made.id}", _words(made))
    uow.execute(
        clip.insert().values(
            id=made.id, conversation_id=made.conversation_id, start=made.start, end=made.end, kind=made.kind.value,
            by=made.by, created_at=clock.to_column(made.created_at), session_id=made.session_id, sealed=sealed,
            agent_id=made.agent_id, copy_id=made.copy_id, copy_until=made.copy_until, alone=False,
        )
    )  # fmt: skip
    rows = [{"clip_id": made.id, "kind": TAG, "value": each} for each in dict.fromkeys(made.tags)]
    rows += [{"clip_id": made.id, "kind": MEASURE, "value": each} for each in dict.fromkeys(made.measures)]
    if rows:
        uow.execute(clip_label.insert(), rows)


def _words(made: Clip) -> bytes:
    return json.dumps([made.title, made.why]).encode()


def clips(uow: UnitOfWork, wanted: Wanted, cipher: CipherFor, limit: int = 500) -> list[Clip]:
    """The newest first; given ``ids``, in their order. Whether they may be shown is not asked here."""
    table = clip.c
    query = clip.select().order_by(table.created_at.desc(), table.id.desc()).limit(limit)
    if wanted.ids is not None:
        query = query.where(table.id.in_(wanted.ids))
    else:
        query = query.where(table.session_id.is_(None) if wanted.session_id is None else _of(wanted.session_id))
    if wanted.kinds:
        query = query.where(table.kind.in_([each.value for each in wanted.kinds]))
    if wanted.tag is not None:
        query = query.where(_labelled(TAG, (wanted.tag,)))
    if wanted.measures:
        query = query.where(_labelled(MEASURE, wanted.measures))
    rows = uow.execute(query).all()
    labels = _labels(uow, [row.id for row in rows])
    found = [_clip(uow, row, labels.get(row.id, []), cipher) for row in rows]
    if wanted.ids is not None:
        place = {each: at for at, each in enumerate(wanted.ids)}
        found.sort(key=lambda each: place[each.id])
    return found


def get_clip(uow: UnitOfWork, clip_id: str, cipher: CipherFor) -> Clip:
    """One; raises NotFound."""
    found = clips(uow, Wanted(ids=(clip_id,)), cipher)
    if not found:
        raise NotFound("There is no such clip (any more).", code="clip.none")
    return found[0]


def is_alone(uow: UnitOfWork, clip_id: str) -> bool:
    """Whether its conversation is gone and the copy stays."""
    return bool(uow.execute(sa.select(clip.c.alone).where(clip.c.id == clip_id)).scalar())


def clips_of(uow: UnitOfWork, conversation_id: str) -> list[str]:
    """Ids of the clips that were made of a conversation."""
    return list(uow.execute(sa.select(clip.c.id).where(clip.c.conversation_id == conversation_id)).scalars())


def drop_clips(uow: UnitOfWork, ids: Iterable[str]) -> list[str]:
    """Forget clips; returns the sealed copies, which are the caller's to destroy, with the keys of these clips."""
    wanted = list(ids)
    if not wanted:
        return []
    copies = uow.execute(sa.select(clip.c.copy_id).where(clip.c.id.in_(wanted), clip.c.copy_id.is_not(None))).scalars()
    found = list(copies)
    for table, column in ((clip_label, clip_label.c.clip_id), (clip_person, clip_person.c.clip_id), (clip, clip.c.id)):
        uow.execute(sa.delete(table).where(column.in_(wanted)))
    return found


def tags(uow: UnitOfWork) -> list[str]:
    """Those that clips of the library carry, by name."""
    query = sa.select(clip_label.c.value).join(clip, clip.c.id == clip_label.c.clip_id)
    query = query.where(clip_label.c.kind == TAG, clip.c.session_id.is_(None)).distinct()
    return sorted(uow.execute(query.order_by(clip_label.c.value)).scalars())


def stay(uow: UnitOfWork, conversation_id: str, today: date) -> list[str]:
    """Of a conversation whose time is over: which of its clips stay, as copies; they stand alone from now on."""
    kept = sa.and_(
        clip.c.conversation_id == conversation_id, clip.c.copy_id.is_not(None), clip.c.copy_until > today
    )  # fmt: skip
    found = list(uow.execute(sa.select(clip.c.id).where(kept)).scalars())
    uow.execute(clip.update().where(clip.c.id.in_(found)).values(alone=True))
    return found


def put_persons(uow: UnitOfWork, clip_id: str, digests: Iterable[str]) -> None:
    """Whose data a copy may hold."""
    uow.execute(clip_person.delete().where(clip_person.c.clip_id == clip_id))
    rows = [{"clip_id": clip_id, "digest": each} for each in dict.fromkeys(digests)]
    if rows:
        uow.execute(clip_person.insert(), rows)


def persons(uow: UnitOfWork, clip_id: str) -> list[str]:
    """Whose data a copy that stands alone may hold, as blind digests."""
    return list(uow.execute(sa.select(clip_person.c.digest).where(clip_person.c.clip_id == clip_id)).scalars())


def copies_of(uow: UnitOfWork, digests: Iterable[str], before: datetime) -> list[str]:
    """Clips of until then that stand alone and may hold data of a person."""
    query = sa.select(clip.c.id).join(clip_person, clip_person.c.clip_id == clip.c.id)
    query = query.where(clip.c.alone, clip_person.c.digest.in_(list(digests)))
    query = query.where(clip.c.created_at <= clock.to_column(before)).distinct()
    return list(uow.execute(query).scalars())


def alone(uow: UnitOfWork, clip_id: str) -> list[str]:
    """The clip, if it stands alone."""
    return list(uow.execute(sa.select(clip.c.id).where(clip.c.id == clip_id, clip.c.alone)).scalars())


def copy_objects(uow: UnitOfWork, clip_id: str) -> tuple[dict[str, Any], ...]:
    """What a copy's tombstone tells of its sealed object."""
    found = uow.execute(sa.select(clip.c.copy_id).where(clip.c.id == clip_id)).scalar()
    return () if found is None else ({"id": found, "kind": "clip"},)


def copies_over(uow: UnitOfWork, today: date) -> list[str]:
    """Copies that stand alone and whose time is over."""
    return list(uow.execute(sa.select(clip.c.id).where(clip.c.alone, clip.c.copy_until <= today)).scalars())


def _of(session_id: str) -> sa.ColumnElement[bool]:
    return clip.c.session_id == session_id


def _labelled(kind: str, values: Sequence[str]) -> sa.ColumnElement[bool]:
    query = sa.select(clip_label.c.clip_id).where(clip_label.c.kind == kind, clip_label.c.value.in_(values))
    return clip.c.id.in_(query)


def _labels(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in uow.execute(clip_label.select().where(clip_label.c.clip_id.in_(ids)).order_by(clip_label.c.value)):
        found.setdefault(row.clip_id, []).append((row.kind, row.value))
    return found


def _clip(uow: UnitOfWork, row: Any, labels: list[tuple[str, str]], cipher: CipherFor) -> Clip:
    owner = row.conversation_id if row.copy_id is None else row.id
    title, why = json.loads(cipher(uow, owner, False).open(f"{_WORDS}/{row.id}", row.sealed))
    return Clip(
        id=row.id, conversation_id=row.conversation_id, start=row.start, end=row.end, kind=ClipKind(row.kind),
        title=title, why=why, by=row.by, created_at=clock.from_column(row.created_at), session_id=row.session_id,
        tags=tuple(value for kind, value in labels if kind == TAG),
        measures=tuple(value for kind, value in labels if kind == MEASURE), copy_id=row.copy_id,
        copy_until=row.copy_until, agent_id=row.agent_id,
    )  # fmt: skip


# ---- playlists ----


def put_playlist(uow: UnitOfWork, made: Playlist) -> None:
    """Keep it, new or changed."""
    uow.execute(playlist.delete().where(playlist.c.id == made.id))
    uow.execute(
        playlist.insert().values(
            id=made.id, name=made.name, about=made.about, by=made.by, clips=json.dumps(list(made.clips))
        )
    )  # fmt: skip


def playlists(uow: UnitOfWork) -> list[Playlist]:
    """By name."""
    rows = uow.execute(playlist.select().order_by(playlist.c.name))
    return [
        Playlist(id=row.id, name=row.name, about=row.about, by=row.by, clips=tuple(json.loads(row.clips)))
        for row in rows
    ]  # fmt: skip


def drop_playlist(uow: UnitOfWork, playlist_id: str) -> bool:
    """Forget one, not its clips; False when there is none."""
    return uow.execute(playlist.delete().where(playlist.c.id == playlist_id)).rowcount > 0


# ---- courses ----


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    about: str
    measures: tuple[str, ...]
    lessons: tuple[Lesson, ...]
    quiz: tuple[Choice, ...]
    pass_mark: int
    attempts: int


def put_course(uow: UnitOfWork, made: Course) -> None:
    """Keep it, new or changed."""
    content = _Content(
        about=made.about, measures=made.measures, lessons=made.lessons, quiz=made.quiz, pass_mark=made.pass_mark,
        attempts=made.attempts,
    )  # fmt: skip
    uow.execute(course.delete().where(course.c.id == made.id))
    uow.execute(
        course.insert().values(
            id=made.id, title=made.title, content=dumps(content).decode(), by=made.by,
            created_at=clock.to_column(made.created_at), published_at=_column(made.published_at),
            retired_at=_column(made.retired_at),
        )
    )  # fmt: skip


def courses(uow: UnitOfWork, ids: Iterable[str] | None = None) -> list[Course]:
    """By title."""
    query = course.select().order_by(course.c.title, course.c.id)
    if ids is not None:
        query = query.where(course.c.id.in_(list(ids)))
    return [_course(row) for row in uow.execute(query)]


def get_course(uow: UnitOfWork, course_id: str) -> Course:
    """One; raises NotFound."""
    found = courses(uow, [course_id])
    if not found:
        raise NotFound("There is no such course.", code="course.none")
    return found[0]


def _course(row: Any) -> Course:
    content = loads(_Content, row.content)
    return Course(
        id=row.id, title=row.title, about=content.about, measures=content.measures, lessons=content.lessons,
        quiz=content.quiz, pass_mark=content.pass_mark, attempts=content.attempts, by=row.by,
        created_at=clock.from_column(row.created_at), published_at=moment(row.published_at),
        retired_at=moment(row.retired_at),
    )  # fmt: skip


def assign(uow: UnitOfWork, made: Assignment) -> bool:
    """Keep a new assignment; False when there is one of this course to this agent already."""
    if assignment(uow, made.course_id, made.agent_id) is not None:
        return False
    uow.execute(
        course_assignment.insert().values(
            course_id=made.course_id, agent_id=made.agent_id, by=made.by, at=clock.to_column(made.at), due=made.due,
            plan_id=made.plan_id, attempts=0,
        )
    )  # fmt: skip
    return True


def assignment(uow: UnitOfWork, course_id: str, agent_id: str) -> Assignment | None:
    """One; None when there is none."""
    found = assignments(uow, course_id=course_id, agents=(agent_id,))
    return found[0] if found else None


def assignments(
    uow: UnitOfWork, *, course_id: str | None = None, agents: Iterable[str] | None = None, plan_id: str | None = None,
) -> list[Assignment]:  # fmt: skip
    """The newest first."""
    table = course_assignment.c
    query = course_assignment.select().order_by(table.at.desc(), table.course_id)
    if course_id is not None:
        query = query.where(table.course_id == course_id)
    if agents is not None:
        query = query.where(table.agent_id.in_(list(agents)))
    if plan_id is not None:
        query = query.where(table.plan_id == plan_id)
    return [
        Assignment(
            course_id=row.course_id, agent_id=row.agent_id, by=row.by, at=clock.from_column(row.at), due=row.due,
            plan_id=row.plan_id, started_at=moment(row.started_at), completed_at=moment(row.completed_at),
            score=row.score, attempts=row.attempts,
        )
        for row in uow.execute(query)
    ]  # fmt: skip


def advance(uow: UnitOfWork, course_id: str, agent_id: str, **values: Any) -> None:
    """Set some of ``started_at``, ``completed_at``, ``score``, ``attempts``."""
    known = {name: clock.to_column(each) if isinstance(each, datetime) else each for name, each in values.items()}
    table = course_assignment.c
    uow.execute(
        course_assignment.update().where(table.course_id == course_id, table.agent_id == agent_id).values(**known)
    )


def add_attempt(uow: UnitOfWork, made: Attempt) -> None:
    """Keep a try at a quiz."""
    uow.execute(
        course_attempt.insert().values(
            id=made.id, course_id=made.course_id, agent_id=made.agent_id, at=clock.to_column(made.at),
            score=made.score, passed=made.passed, ticked=json.dumps([list(each) for each in made.ticked]),
        )
    )  # fmt: skip


def attempts(uow: UnitOfWork, course_id: str | None = None, agents: Iterable[str] | None = None) -> list[Attempt]:
    """In order of time."""
    table = course_attempt.c
    query = course_attempt.select().order_by(table.at, table.id)
    if course_id is not None:
        query = query.where(table.course_id == course_id)
    if agents is not None:
        query = query.where(table.agent_id.in_(list(agents)))
    return [
        Attempt(
            id=row.id, course_id=row.course_id, agent_id=row.agent_id, at=clock.from_column(row.at), score=row.score,
            passed=row.passed, ticked=tuple(tuple(each) for each in json.loads(row.ticked)),
        )
        for row in uow.execute(query)
    ]  # fmt: skip


def _column(found: datetime | None) -> datetime | None:
    return None if found is None else clock.to_column(found)
