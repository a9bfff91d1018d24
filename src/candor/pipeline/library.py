"""The training library: clips, playlists, courses; who may see which, and what is on record of who completed what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.coaching import library, quiz, store
from candor.coaching.library import Wanted
from candor.coaching.model import (
    LONGEST_CLIP,
    MOST_LINES,
    MOST_TEXT,
    SHORTEST_CLIP,
    Assignment,
    Attempt,
    Clip,
    ClipKind,
    Course,
    Measure,
    Playlist,
    State,
)
from candor.coaching.store import CipherFor
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline import clips as cutting
from candor.pipeline import parting, purposes
from candor.pipeline.clips import Clips, Content
from candor.pipeline.coaching import Coaching, WithinReach

Visible = Callable[[UnitOfWork, Principal, str], str | None]
"""The agent's id of a conversation that this person sees; raises NotFound for one that they do not."""
Lacking = Callable[[UnitOfWork, str], str]
"""What the law wants before people learn from a conversation and it does not show, in a sentence; empty: nothing."""
_STAFF = (Right.COACHING_WRITE, Right.LIBRARY_MANAGE, Right.QUALITY_READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClip:
    """What somebody cuts out."""

    conversation_id: str
    start: float
    end: float
    kind: ClipKind
    title: str
    why: str = ""
    tags: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    session_id: str | None = None
    keep: bool = False
    """Whether a sealed copy may outlive the conversation, where the policy of the house lets it."""


class Library:
    """The verbs of clips and courses."""

    def __init__(
        self, database: Database, cipher: CipherFor, clips: Clips, coaching: Coaching, *, visible: Visible,
        reach: WithinReach, purpose: str, lacking: Lacking, copy_days: int = 0,
    ) -> None:  # fmt: skip
        """``copy_days``: how long training copies may stay; 0: every clip goes with its conversation."""
        self._lacking = lacking
        self._database, self._cipher, self._clips, self._coaching = database, cipher, clips, coaching
        self._visible, self._reach, self._purpose, self.copy_days = visible, reach, purpose, copy_days

    # ---- clips ----

    def add(self, given: NewClip, principal: Principal) -> Clip:
        """Cut a clip. The checks:

        1. The right: of the library, or to coach when it is for one's own coaching session.
        2. The conversation is within reach.
        3. Its consent and its purposes let people learn from it, and so does the law of the call, asked anew about
           training: that of a coaching session is no training where it is the agent's own.
        4. The stretch lies in it, is short enough, and can be shown redacted.
        """
        principal.require(Right.LIBRARY_MANAGE if given.session_id is None else Right.COACHING_WRITE)  # (1)
        with self._database.write() as uow:
            session = None
            if given.session_id is not None:
                session = self._coaching.get(uow, given.session_id, principal)
                if session.coach != principal.user_id or session.state is State.FOLLOWED_UP:
                    raise Forbidden("Another coach leads this session.", code="coaching.not_yours")
            agent_id = self._visible(uow, principal, given.conversation_id)  # (2)
            if not purposes.may_train(uow, given.conversation_id, self._purpose):  # (3)
                raise Conflict(
                    "Nobody may learn from this conversation: it is quarantined, or kept for another purpose.",
                    code="clip.purpose",
                )
            own = session is not None and session.agent_id == agent_id
            lacking = "" if own else self._lacking(uow, given.conversation_id)
            if lacking:
                raise Conflict(
                    f"The law does not let others learn from this conversation. {lacking}", code="clip.law",
                    advice="Take another one, or get the consent for training first.",
                )  # fmt: skip
            made = self._made(uow, given, principal, agent_id)  # (4)
            library.add_clip(uow, made, self._cipher)
            audit.record(
                uow, Event.CLIP_ADDED, principal.user_id, conversation_id=given.conversation_id, subject=made.id
            )
        return made

    def _made(self, uow: UnitOfWork, given: NewClip, principal: Principal, agent_id: str | None) -> Clip:
        start, end = round(given.start, 2), round(given.end, 2)
        length = cutting.duration(uow, self._clips.shelf, given.conversation_id)
        end = min(end, length) if length else end
        if not (0 <= start < end and SHORTEST_CLIP <= end - start <= LONGEST_CLIP):
            raise InvalidInput(
                f"A clip lies in its conversation and is {SHORTEST_CLIP:.0f} to {LONGEST_CLIP:.0f} seconds long.",
                code="clip.stretch",
            )
        title = " ".join(given.title.split())
        if not title or len(title) > 200 or len(given.why) > MOST_TEXT:
            raise InvalidInput("A clip has a title of at most 200 characters.", code="clip.title")
        tags = tuple(dict.fromkeys(" ".join(each.lower().split())[:60] for each in given.tags if each.strip()))
        measures = tuple(dict.fromkeys(Measure.of(each).key for each in given.measures))
        if len(tags) > MOST_LINES or len(measures) > MOST_LINES:
            raise InvalidInput(f"At most {MOST_LINES} tags and skills.", code="clip.many")
        content = self._clips.cut(uow, given.conversation_id, start, end)
        clip_id, copy_id, until = new_id(), None, None
        if given.keep and given.session_id is None:
            if not self.copy_days:
                raise Conflict(
                    "The policy of this house lets no training copy outlive its conversation.", code="clip.policy",
                    advice="The clip itself can be kept as long as the conversation is.",
                )  # fmt: skip
            copy_id = self._clips.sealed(uow, clip_id, content)
            until = clock.now().date() + timedelta(days=self.copy_days)
        return Clip(
            id=clip_id, conversation_id=given.conversation_id, start=start, end=end, kind=given.kind, title=title,
            why=given.why.strip(), by=principal.user_id, created_at=clock.now(), session_id=given.session_id,
            tags=tags, measures=measures, copy_id=copy_id, copy_until=until, agent_id=agent_id,
        )  # fmt: skip

    def remove(self, clip_id: str, principal: Principal) -> None:
        """Take a clip away, and its copy."""
        with self._database.write() as uow:
            found = library.get_clip(uow, clip_id, self._cipher)
            if found.session_id is None:
                principal.require(Right.LIBRARY_MANAGE)
            else:
                principal.require(Right.COACHING_WRITE)
                if self._coaching.get(uow, found.session_id, principal).coach != principal.user_id:
                    raise Forbidden("Another coach leads this session.", code="coaching.not_yours")
            parting.forget(uow, [clip_id])
            audit.record(
                uow, Event.CLIP_REMOVED, principal.user_id, conversation_id=found.conversation_id, subject=clip_id
            )

    def clips(self, uow: UnitOfWork, wanted: Wanted, principal: Principal) -> list[Clip]:
        """Those that this person may see, as they stand now."""
        granted = self._granted(uow, principal)
        return [each for each in library.clips(uow, wanted, self._cipher) if self._may(uow, each, principal, granted)]

    def clip(self, uow: UnitOfWork, clip_id: str, principal: Principal) -> Clip:
        """One; raises NotFound, also for one that this person may not see."""
        found = self.clips(uow, Wanted(ids=(clip_id,)), principal)
        if not found:
            raise NotFound("There is no such clip (any more).", code="clip.none")
        return found[0]

    def content(self, uow: UnitOfWork, clip: Clip) -> Content:
        """The redacted sound and words of a clip that :meth:`clip` gave."""
        return self._clips.content(uow, clip)

    def played(self, clip: Clip, principal: Principal) -> None:
        """Somebody listens: one line a playing."""
        with self._database.write() as uow:
            audit.record(
                uow, Event.CLIP_PLAYED, principal.user_id, conversation_id=clip.conversation_id, subject=clip.id
            )

    def tags(self, uow: UnitOfWork) -> list[str]:
        """Those in use."""
        return library.tags(uow)

    def _granted(self, uow: UnitOfWork, principal: Principal) -> frozenset[str]:
        """Clips that somebody sees because a course or a coaching session of theirs has them."""
        if principal.agent_id is None:
            return frozenset()
        given = library.assignments(uow, agents=(principal.agent_id,))
        courses = library.courses(uow, [each.course_id for each in given]) if given else []
        found = {
            lesson.clip for each in courses if each.published_at for lesson in each.lessons if lesson.clip is not None
        }
        for session in self._coaching.of_agent(uow, principal.agent_id, principal):
            found.update(session.body.clips)
        return frozenset(found)

    def _may(self, uow: UnitOfWork, clip: Clip, principal: Principal, granted: frozenset[str]) -> bool:
        """Whether this person may see a clip. The checks:

        1. It may be shown at all at this moment.
        2. One of a coaching session: to the two of it, and coaches who see that session.
        3. One of the library: to those who coach or manage; agents see what is exemplary, and what was given to them.
        """
        if not self._clips.usable(uow, clip):  # (1)
            return False
        if clip.id in granted:
            return True
        if clip.session_id is not None:  # (2)
            try:
                self._coaching.get(uow, clip.session_id, principal)
            except (NotFound, Forbidden):
                return False
            return True
        if any(principal.may(right) for right in _STAFF):  # (3)
            return True
        return principal.may(Right.EVALUATION_ANSWER) and clip.kind is ClipKind.EXEMPLARY

    # ---- playlists ----

    def put_playlist(
        self, name: str, about: str, ids: Sequence[str], principal: Principal, playlist_id: str | None = None
    ) -> Playlist:
        """Keep a playlist, new or changed."""
        principal.require(Right.LIBRARY_MANAGE)
        title = " ".join(name.split())
        if not title or len(title) > 120:
            raise InvalidInput("A playlist has a name of at most 120 characters.", code="playlist.name")
        with self._database.write() as uow:
            if any(each.name == title and each.id != playlist_id for each in library.playlists(uow)):
                raise Conflict("There is a playlist of this name already.", code="playlist.taken")
            made = Playlist(
                id=playlist_id or new_id(), name=title, about=about.strip()[:MOST_TEXT], by=principal.user_id,
                clips=self._known(uow, ids),
            )  # fmt: skip
            library.put_playlist(uow, made)
            audit.record(uow, Event.PLAYLIST_CHANGED, principal.user_id, subject=made.id)
        return made

    def drop_playlist(self, playlist_id: str, principal: Principal) -> None:
        """Forget one; its clips stay."""
        principal.require(Right.LIBRARY_MANAGE)
        with self._database.write() as uow:
            if not library.drop_playlist(uow, playlist_id):
                raise NotFound("There is no such playlist.", code="playlist.none")
            audit.record(uow, Event.PLAYLIST_CHANGED, principal.user_id, subject=f"{playlist_id} dropped")

    def playlists(self, uow: UnitOfWork) -> list[Playlist]:
        """By name."""
        return library.playlists(uow)

    def _known(self, uow: UnitOfWork, ids: Iterable[str]) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(ids))
        found = {each.id: each for each in library.clips(uow, Wanted(ids=wanted), self._cipher)}
        if any(one not in found or found[one].session_id is not None for one in wanted):
            raise InvalidInput("Only clips of the library can be used here.", code="clip.none")
        return wanted

    # ---- courses ----

    def put_course(self, given: Course, principal: Principal) -> Course:
        """Keep a draft of a course, new (without an id) or changed; raises Conflict once it is published."""
        principal.require(Right.LIBRARY_MANAGE)
        quiz.check(given)
        with self._database.write() as uow:
            made = replace(
                given, id=given.id or new_id(), by=principal.user_id, created_at=clock.now(), published_at=None,
                retired_at=None, measures=tuple(dict.fromkeys(Measure.of(each).key for each in given.measures)),
            )  # fmt: skip
            if given.id and library.get_course(uow, given.id).published_at is not None:
                raise Conflict(
                    "This course is published: what people completed must stay what it was.", code="course.published",
                    advice="Make a new course of it, and retire this one.",
                )  # fmt: skip
            self._known(uow, [each.clip for each in made.lessons if each.clip is not None])
            library.put_course(uow, made)
            audit.record(uow, Event.COURSE_CHANGED, principal.user_id, subject=made.id)
        return made

    def publish(self, course_id: str, principal: Principal) -> Course:
        """Let it be taken."""
        return self._state(course_id, principal, "published")

    def retire(self, course_id: str, principal: Principal) -> Course:
        """Nobody new takes it; who has begun may finish."""
        return self._state(course_id, principal, "retired")

    def _state(self, course_id: str, principal: Principal, what: str) -> Course:
        principal.require(Right.LIBRARY_MANAGE)
        with self._database.write() as uow:
            held = library.get_course(uow, course_id)
            if (what == "published") is (held.published_at is not None) or held.retired_at is not None:
                raise Conflict("The course does not stand so that this could be done.", code="course.state")
            made = replace(held, published_at=clock.now()) if what == "published" else replace(
                held, retired_at=clock.now()
            )  # fmt: skip
            library.put_course(uow, made)
            audit.record(uow, Event.COURSE_CHANGED, principal.user_id, subject=f"{course_id} {what}")
        return made

    def assign(
        self, course_id: str, agents: Sequence[str], principal: Principal, *, due: date | None = None,
        plan_id: str | None = None,
    ) -> int:  # fmt: skip
        """Give a published course to agents within reach; returns to how many it is new. Raises NotFound, Conflict."""
        if not principal.may(Right.LIBRARY_MANAGE):
            principal.require(Right.COACHING_WRITE)
        with self._database.write() as uow:
            course = library.get_course(uow, course_id)
            if course.published_at is None or course.retired_at is not None:
                raise Conflict("Only a published course can be assigned.", code="course.state")
            if plan_id is not None and any(
                store.plan(uow, plan_id, self._cipher).agent_id != agent for agent in agents
            ):
                raise NotFound("There is no such coaching plan.", code="coaching.none")
            new = 0
            for agent_id in dict.fromkeys(agents):
                self._reach.require(uow, principal, agent_id)
                new += library.assign(
                    uow,
                    Assignment(
                        course_id=course_id, agent_id=agent_id, by=principal.user_id, at=clock.now(), due=due,
                        plan_id=plan_id, started_at=None, completed_at=None, score=None, attempts=0,
                    ),
                )  # fmt: skip
            audit.record(uow, Event.COURSE_ASSIGNED, principal.user_id, subject=f"{course_id} to {new}")
        return new

    def course(self, uow: UnitOfWork, course_id: str, principal: Principal) -> tuple[Course, Assignment | None]:
        """A course that this person may open, and their own assignment; raises NotFound."""
        found = library.get_course(uow, course_id)
        own = library.assignment(uow, course_id, principal.agent_id) if principal.agent_id else None
        if own is None and not any(principal.may(right) for right in _STAFF):
            raise NotFound("There is no such course.", code="course.none")
        return found, own

    def courses(self, uow: UnitOfWork, principal: Principal) -> list[Course]:
        """All, for those who coach or manage; for agents those assigned to them."""
        if any(principal.may(right) for right in _STAFF):
            return library.courses(uow)
        own = library.assignments(uow, agents=(principal.agent_id,)) if principal.agent_id else []
        return library.courses(uow, [each.course_id for each in own])

    def start(self, course_id: str, principal: Principal) -> Assignment:
        """The agent opens it for the first time; again is nothing."""
        with self._database.write() as uow:
            _, own = self._taken(uow, course_id, principal)
            if own.started_at is None:
                library.advance(uow, course_id, own.agent_id, started_at=clock.now())
                audit.record(uow, Event.COURSE_STARTED, principal.user_id, subject=course_id)
            return library.assignment(uow, course_id, own.agent_id) or own

    def submit(self, course_id: str, ticked: Sequence[Sequence[int]], principal: Principal) -> Attempt:
        """Answer the quiz, or, without one, say that one has gone through it. Raises Conflict, InvalidInput.

        A better attempt counts; the first that passes completes the course, and none is taken after it.
        """
        with self._database.write() as uow:
            course, own = self._taken(uow, course_id, principal)
            if own.completed_at is not None:
                raise Conflict("You have completed this course.", code="course.done")
            if course.attempts and own.attempts >= course.attempts:
                raise Conflict(
                    "All attempts at this quiz are used.", code="course.attempts",
                    advice="Ask whoever gave you the course.",
                )  # fmt: skip
            score, passed = quiz.judge(course, ticked) if course.quiz else (100.0, True)
            now = clock.now()
            made = Attempt(
                id=new_id(), course_id=course_id, agent_id=own.agent_id, at=now, score=score, passed=passed,
                ticked=tuple(tuple(each) for each in ticked),
            )  # fmt: skip
            library.add_attempt(uow, made)
            library.advance(
                uow, course_id, own.agent_id, attempts=own.attempts + 1, score=max(score, own.score or 0.0),
                started_at=own.started_at or now, completed_at=now if passed else None,
            )  # fmt: skip
            event = Event.COURSE_COMPLETED if passed else Event.COURSE_ATTEMPTED
            audit.record(uow, event, principal.user_id, subject=course_id)
        return made

    def assignments(self, uow: UnitOfWork, principal: Principal, course_id: str | None = None) -> list[Assignment]:
        """Of agents within reach; for those who only see themselves, their own."""
        if any(principal.may(right) for right in _STAFF):
            seen = self._reach.ids(uow, principal)
            return [each for each in library.assignments(uow, course_id=course_id) if each.agent_id in seen]
        agents = (principal.agent_id,) if principal.agent_id else ()
        return library.assignments(uow, course_id=course_id, agents=agents)

    def tries(self, uow: UnitOfWork, course_id: str, agent_id: str) -> list[Attempt]:
        """An agent's attempts at a quiz, in order; for the agent, and for those who see the assignment."""
        return library.attempts(uow, course_id, (agent_id,))

    def records(self, principal: Principal) -> tuple[dict[str, Course], list[Assignment], list[Attempt]]:
        """Everything a learning system asks for, of agents within reach; who took it along is in the audit log."""
        principal.require(Right.LIBRARY_MANAGE)
        with self._database.write() as uow:
            given = self.assignments(uow, principal)
            pairs = {(each.course_id, each.agent_id) for each in given}
            tries = [each for each in library.attempts(uow) if (each.course_id, each.agent_id) in pairs]
            courses = {each.id: each for each in library.courses(uow)}
            audit.record(uow, Event.LIBRARY_EXPORTED, principal.user_id, subject=f"{len(given)} assignments")
        return courses, given, tries

    def _taken(self, uow: UnitOfWork, course_id: str, principal: Principal) -> tuple[Course, Assignment]:
        principal.require(Right.EVALUATION_ANSWER)
        course, own = self.course(uow, course_id, principal)
        if own is None or course.published_at is None:
            raise NotFound("This course was not assigned to you.", code="course.none")
        return course, own
