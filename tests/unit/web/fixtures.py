"""A small house for the pages: real value classes with made-up calls, behind the names of ``Services``."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from argon2 import PasswordHasher
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from candor.access import store as people
from candor.access.factors.service import Factors
from candor.access.groups import Groups
from candor.access.model import RIGHTS, Principal, UserRole
from candor.access.oidc import Provider
from candor.access.service import Access
from candor.audit.log import AuditLog
from candor.capture.control import RecorderClient
from candor.capture.watch.model import WatchedPlace
from candor.consent import custody
from candor.consent.announcements.model import Details
from candor.consent.ledger.service import Ledger
from candor.consent.service import Consent
from candor.conversation.evaluation import (
    Answer,
    Evaluation,
    EvaluationSource,
    Evidence,
    SectionScore,
    Verdict,
)
from candor.conversation.finding import Analysis, CoursePoint, Finding, Keyword, Metric, Sentiment
from candor.conversation.model import Conversation, Direction, Party, Recording, Role, Sound
from candor.conversation.peaks import PeaksBuilder
from candor.conversation.transcript import (
    PiiKind,
    PiiSpan,
    Redaction,
    Speaker,
    SpeakerSplit,
    Transcript,
    Utterance,
    Word,
)
from candor.errors import InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork, metadata
from candor.kit.ids import new_id
from candor.kit.sound import FlacWriter
from candor.pipeline.announcing import Announcing
from candor.pipeline.assigning import Assigning
from candor.pipeline.completeness import Completeness
from candor.pipeline.consenting import Consenting
from candor.pipeline.disputing import Disputing
from candor.pipeline.evaluating import Evaluating
from candor.pipeline.gate import House
from candor.pipeline.places import Places
from candor.pipeline.revealing import Revealing
from candor.pipeline.workplaces import Workplaces
from candor.replay.model import (
    ConversationFilter,
    ConversationRow,
    ConversationView,
    Facets,
    Page,
    SavedView,
    Scope,
    SortKey,
    StageRun,
    Status,
    TranscriptInfo,
)
from candor.scoring.model import Critical, Question, Says, Scorecard, Section
from candor.vault.adapters.local_key import LocalKey
from candor.vault.adapters.memory import MemoryStore
from candor.vault.service import FieldCipher, Vault
from candor.wiring.judging import ByIndex, ByScope

START = datetime(2026, 11, 20, 14, 3, 12, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
RATE = 8000

DIALOGUE: tuple[tuple[str, str, float], ...] = (
    ("agent", "Thank you for calling Northwind Energy, my name is Dana. How may I help you today?", 0.4),
    ("customer", "Hi. I was charged twice for November, and this is the third month in a row.", -0.5),
    ("agent", "I am sorry to hear that. Let me look at the account with you.", 0.3),
    ("customer", "Sure. My number is [PHONE_1] and the name on the bill is [NAME_1].", 0.0),
    ("agent", "Thank you. May I have the card that was charged, please?", 0.1),
    ("customer", "It is [CARD_1], expiring in March.", 0.0),
    ("agent", "Thanks. I will put you on hold for a moment while I check with billing.", 0.1),
    ("customer", "Another hour on hold, great.", -0.7),
    (
        "agent",
        "Thank you for waiting. I can see the second charge, it was made by mistake and I have reversed it.",
        0.5,
    ),
    ("customer", "Okay, so when do I get the money back?", -0.1),
    ("agent", "Within three working days. Is there anything else I can do for you?", 0.4),
    ("customer", "No, that is all. Thanks for sorting it out.", 0.7),
    ("agent", "You are welcome. Have a lovely day.", 0.8),
)


def transcript(lines: tuple[tuple[str, str, float], ...] = DIALOGUE, repeat: int = 1) -> Transcript:
    """Words a third of a second each; a hold of twelve seconds after the seventh line."""
    at, utterances = 1.0, []
    for index, (who, text, _) in enumerate(lines * repeat):
        words = []
        start = at
        for place, token in enumerate(text.split(" ")):
            length = 3.2 if token.startswith("[") else 0.3
            words.append(
                Word(text=token, start=at, end=at + length, confidence=0.35 if (index + place) % 11 == 0 else 0.93)
            )
            at += length + 0.03
        utterances.append(
            Utterance(
                index=index, speaker=1 if who == "agent" else 0, start=start, end=at, text=text, words=tuple(words)
            )
        )
        at += 12.0 if index % len(lines) == 6 else 0.5
    return Transcript(
        engine="moonshine",
        model="tiny-en",
        version="0.1.0",
        language="en",
        duration=at + 1,
        speakers=(Speaker(role=Role.CUSTOMER, channel=0), Speaker(role=Role.AGENT, channel=1)),
        split=SpeakerSplit.CHANNEL,
        utterances=tuple(utterances),
    )


def redaction(given: Transcript) -> Redaction:
    """Spans for every placeholder in the text."""
    spans = []
    for utterance in given.utterances:
        for place, word in enumerate(utterance.words):
            if word.text.startswith("["):
                name = word.text.strip("[].,").split("_")[0]
                spans.append(
                    PiiSpan(
                        kind=PiiKind(name),
                        utterance=utterance.index,
                        first_word=place,
                        last_word=place,
                        start=word.start,
                        end=word.end,
                        placeholder=word.text.strip(".,"),
                        rule="fixture-1",
                        confidence=0.98,
                    )
                )
    return Redaction(transcript=given, spans=tuple(spans), version="2026.11")


def analysis(given: Transcript) -> Analysis:
    """A few findings with places in the transcript."""
    lines = given.utterances
    moods = {index % len(DIALOGUE): mood for index, (_, _, mood) in enumerate(DIALOGUE)}
    course = tuple(
        CoursePoint(
            start=start,
            end=start + 5.0,
            agent=0.3,
            customer=float(np.clip(np.sin(start / given.duration * 7 + 2.2) * 0.8, -1, 1)),
        )
        for start in np.arange(0, given.duration, 5.0).tolist()
    )
    return Analysis(
        version="2026.11",
        metrics=(
            Metric(name="talk.share.agent", value=0.52, unit="ratio", n=7),
            Metric(name="talk.share.customer", value=0.31, unit="ratio", n=6),
            Metric(name="silence.share", value=0.17, unit="ratio", n=1),
            Metric(name="silence.longest", value=12.0, unit="s", n=9, start=lines[6].end, end=lines[7].start),
            Metric(name="speech.rate.agent", value=148.0, unit="words/min", n=7),
            Metric(name="interruption.count.agent", value=1, unit="count", n=13),
        ),
        findings=(
            Finding(
                id="f1",
                kind="phrase",
                label="Greeting",
                start=lines[0].start,
                end=lines[0].end,
                utterances=(0,),
                speaker=1,
                category="greeting",
                quote="Thank you for calling Northwind Energy",
                rule="greeting-1",
            ),
            Finding(
                id="f2",
                kind="hold",
                label="On hold",
                start=lines[6].end,
                end=lines[7].start,
                utterances=(6,),
                value=12.0,
                unit="s",
                rule="hold-1",
            ),
            Finding(
                id="f3",
                kind="sentiment_drop",
                label="Customer turns negative",
                start=lines[7].start,
                end=lines[7].end,
                utterances=(7,),
                speaker=0,
                quote="Another hour on hold, great.",
                rule="drop-1",
            ),
        ),
        sentiments=tuple(
            Sentiment(utterance=each.index, value=moods[each.index % len(DIALOGUE)], confidence=0.7) for each in lines
        ),
        course=course,
        keywords=(
            Keyword(text="charged twice", weight=3.1, utterances=(1,)),
            Keyword(text="billing", weight=2.0, utterances=(6,)),
        ),
        categories=("billing_problem", "repeat_contact"),
        sentiment_customer=-0.22,
        sentiment_agent=0.38,
    )


def scorecard() -> Scorecard:
    """Two sections, four questions."""
    says = Says(phrases=("x",))
    return Scorecard(
        id="customer-service-basics",
        version=1,
        title="Customer service basics",
        languages=("en",),
        pass_mark=75,
        floor=0.4,
        sections=(
            Section(
                id="opening",
                title="Opening",
                weight=40,
                questions=(
                    Question(id="greeting", text="Does the agent greet and give their name?", weight=5, rule=says),
                    Question(
                        id="verify",
                        text="Is the customer verified before account details are given?",
                        weight=10,
                        rule=says,
                        critical=Critical.ALL,
                        guidance="Two details that only the customer knows.",
                    ),
                ),
            ),
            Section(
                id="closing",
                title="Closing",
                weight=60,
                questions=(
                    Question(
                        id="anything-else",
                        text="Does the agent ask whether there is anything else?",
                        weight=5,
                        rule=says,
                    ),
                    Question(id="farewell", text="Does the agent say goodbye courteously?", weight=5, rule=says),
                ),
            ),
        ),
    )


def evaluation(conversation_id: str, given: Transcript) -> Evaluation:
    """An automatic one: a yes with its quote, a critical no, a cannot tell."""
    lines = given.utterances

    def proof(index: int) -> Evidence:
        return Evidence(start=lines[index].start, end=lines[index].end, utterance=index, quote=lines[index].text)

    return Evaluation(
        id=new_id(),
        conversation_id=conversation_id,
        scorecard="customer-service-basics",
        scorecard_version=1,
        source=EvaluationSource.AUTOMATIC,
        answers=(
            Answer(
                question="greeting",
                verdict=Verdict.YES,
                evidence=(proof(0),),
                confidence=0.96,
                rule="greeting 1",
                points=5,
            ),
            Answer(
                question="verify",
                verdict=Verdict.NO,
                evidence=(Evidence(start=0, end=30, note="nothing asked in the first 30 s"),),
                confidence=0.7,
                rule="verify 1",
                points=0,
            ),
            Answer(
                question="anything-else",
                verdict=Verdict.YES,
                evidence=(proof(10),),
                confidence=0.9,
                rule="else 1",
                points=5,
            ),
            Answer(
                question="farewell",
                verdict=Verdict.CANNOT_TELL,
                evidence=(),
                confidence=0.2,
                rule="farewell 1",
                points=None,
            ),
        ),
        sections=(
            SectionScore(section="opening", title="Opening", score=33.3, weight=40),
            SectionScore(section="closing", title="Closing", score=100, weight=60),
        ),
        score=62.5,
        passed=False,
        critical_failures=("verify",),
        unanswered=1,
        created_at=START + timedelta(minutes=9),
    )


def row(index: int, *, status: Status = Status.READY) -> ConversationRow:
    """The nth of the made-up calls, an hour and a bit apart."""
    ready = status is Status.READY
    agents = (("a1", "Dana Whitfield"), ("a2", "Ben Osei"), ("a3", "Chiara Lindqvist"))
    agent_id, agent = agents[index % 3]
    return ConversationRow(
        id=new_id(1_790_000_000_000 - index * 1000),
        external_id=f"call-{4000 - index}",
        started_at=START - timedelta(minutes=73 * index),
        utc_offset_minutes=-300,
        duration=75.0 + index * 37 % 400,
        direction=Direction.INBOUND if index % 4 else Direction.OUTBOUND,
        agent=agent,
        agent_id=agent_id,
        customer=f"…{(1234 + index * 77) % 10000:04}",
        team=("Billing", "Retention")[index % 2],
        queue=("billing-en", "cancel-en", "general")[index % 3],
        language="en",
        status=status,
        attention="The recording is silent on both channels." if status is Status.NEEDS_ATTENTION else None,
        sentiment=((index * 37 % 200) - 100) / 100 if ready else None,
        score=float(40 + index * 13 % 61) if ready else None,
        score_source=("automatic", "human")[index % 5 == 0] if ready else None,
        critical_failed=index % 7 == 0 and ready,
        pii_count=index % 4,
        categories=("billing_problem", "repeat_contact", "cancellation", "praise")[: index % 5] if ready else (),
    )


@dataclass
class FakeSealed:
    """Sound as ``replay.audio`` gives it."""

    data: bytes
    mediatype: str = "audio/flac"

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


@dataclass(kw_only=True)
class AttentionItem:
    """As ``candor.pipeline.desk`` has it."""

    conversation_id: str | None
    filename: str | None
    stage: str | None
    code: str
    message: str
    advice: str
    at: datetime
    attempts: int


def memory_database() -> Database:
    """A real database in memory with every table."""
    database = Database("sqlite://")
    database.engine.dispose()
    database.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(database.engine)
    return database


class FakeReplay:
    """Keeps everything in lists; filters by what the tests use."""

    def __init__(self, rows: int = 60) -> None:
        self.transcript = transcript()
        self.redaction = redaction(self.transcript)
        statuses = {3: Status.PROCESSING, 5: Status.NEEDS_ATTENTION, 8: Status.QUEUED}
        self.rows = [row(index, status=statuses.get(index, Status.READY)) for index in range(rows)]
        self.asked: list[tuple[ConversationFilter, Scope, SortKey, bool, str | None, int]] = []
        self.saved: list[SavedView] = []
        self.evaluations: dict[str, list[Evaluation]] = {}
        self.overlay: dict[str, Any] = {}
        self._sound: tuple[bytes, bytes] | None = None

    def page(
        self,
        uow: object,
        filter: ConversationFilter,  # noqa: A002
        scope: Scope,
        *,
        sort: SortKey,
        descending: bool,
        cursor: str | None,
        limit: int,
    ) -> Page:
        self.asked.append((filter, scope, sort, descending, cursor, limit))
        rows = [
            each
            for each in self.rows
            if (not filter.agents or each.agent_id in filter.agents)
            and (not filter.teams or each.team in filter.teams)
            and (not filter.statuses or each.status in filter.statuses)
            and (scope.agent_ids is None or each.agent_id in scope.agent_ids)
            and (scope.teams is None or each.team in scope.teams)
            and (filter.text != "nothing")
        ]
        if filter.text:
            rows = [replace(each, snippet=f"I was \ue000charged twice\ue001 {HOSTILE} for November") for each in rows]
        if not descending:
            rows.reverse()
        begin = int(cursor) if cursor else 0
        shown = rows[begin : begin + limit]
        return Page(
            rows=tuple(shown),
            next_cursor=str(begin + limit) if begin + limit < len(rows) else None,
            previous_cursor=str(max(begin - limit, 0)) if begin else None,
            total=len(rows),
        )

    def _row(self, conversation_id: str, scope: Scope) -> ConversationRow:
        for each in self.rows:
            if each.id == conversation_id and (scope.agent_ids is None or each.agent_id in scope.agent_ids):
                return each
        raise NotFound("There is no such conversation.")

    def row(self, uow: object, conversation_id: str, scope: Scope) -> ConversationRow:
        return self._row(conversation_id, scope)

    def view(self, uow: UnitOfWork, conversation_id: str, scope: Scope) -> ConversationView:
        found = self._row(conversation_id, scope)
        ready = found.status is Status.READY and not custody.is_held(uow, conversation_id)
        broken = found.status is Status.NEEDS_ATTENTION
        conversation = Conversation(
            id=found.id,
            started_at=found.started_at,
            utc_offset_minutes=found.utc_offset_minutes,
            external_id=found.external_id,
            direction=found.direction,
            parties=(
                Party(role=Role.CUSTOMER, name="Ivy Marlow", tel="+12025550143", channel=0),
                Party(role=Role.AGENT, name=found.agent, agent_id=found.agent_id, channel=1),
            ),
            queue=found.queue,
            team=found.team,
            language="en",
            recording=Recording(
                object_id=new_id(),
                mediatype="audio/x-wav",
                filename="call_12025550143.wav",
                size=2_345_678,
                sha512="ab" * 64,
            ),
        )
        names = ("decode", "transcribe", "redact", "analyse", "score", "index")
        stages = tuple(
            StageRun(
                stage=name,
                state="done" if ready or place == 0 else "parked" if broken and place == 1 else "waiting",
                attempts=2 if place == 1 else 1,
                started_at=START,
                finished_at=START if ready else None,
                seconds=0.4 + place if ready else None,
                error_code="transcript.no_speech" if broken and place == 1 else None,
                error="The recording is silent on both channels." if broken and place == 1 else None,
                advice="Check the recorder's line, then import it again." if broken and place == 1 else None,
            )
            for place, name in enumerate(names)
        )
        evaluations = self.evaluations.setdefault(found.id, [evaluation(found.id, self.transcript)])
        values: dict[str, Any] = {
            "conversation": conversation,
            "row": replace(found, duration=self.transcript.duration),
            "sound": Sound(
                duration=self.transcript.duration,
                rate=8000,
                channels=2,
                codec="pcm_mulaw",
                container="wav",
                working_rate=8000,
                notes=("The last 0.2 s of the file are missing.",),
            ),
            "redaction": self.redaction if ready else None,
            "analysis": analysis(self.transcript) if ready else None,
            "evaluations": tuple(evaluations) if ready else (),
            "stages": stages,
            "transcripts": (
                TranscriptInfo(
                    id="t1", engine="moonshine", model="tiny-en", version="0.1.0", created_at=START, current=True
                ),
            ),
        }
        return ConversationView(**(values | self.overlay))

    def facets(self, uow: object, scope: Scope) -> Facets:
        counts: dict[str, int] = {}
        for each in self.rows:
            counts[each.status] = counts.get(each.status, 0) + 1
        return Facets(
            agents=(("a1", "Dana Whitfield"), ("a2", "Ben Osei"), ("a3", "Chiara Lindqvist")),
            teams=("Billing", "Retention"),
            queues=("billing-en", "cancel-en", "general"),
            languages=("en",),
            categories=("billing_problem", "cancellation", "praise", "repeat_contact"),
            statuses=tuple(counts.items()),
        )

    def _make_sound(self) -> tuple[bytes, bytes]:
        if self._sound is None:
            frames = int(self.transcript.duration * RATE)
            time = np.arange(frames) / RATE
            samples = np.zeros((frames, 2), np.float32)
            for utterance in self.transcript.utterances:
                for word in utterance.words:
                    if word.text.startswith("["):
                        continue
                    part = slice(int(word.start * RATE), int(word.end * RATE))
                    pitch = 190 if utterance.speaker == 0 else 120
                    shape = np.hanning(part.stop - part.start) * (0.3 + 0.4 * ((word.start * 7) % 1))
                    samples[part, utterance.speaker] = np.sin(2 * np.pi * pitch * time[part]) * shape
            buffer = io.BytesIO()
            with FlacWriter(buffer, RATE, 2) as writer:
                writer.write(samples)
            builder = PeaksBuilder(RATE, 2, frames)
            builder.add(samples)
            self._sound = buffer.getvalue(), builder.finish().to_bytes()
        return self._sound

    def audio(self, uow: UnitOfWork, conversation_id: str, scope: Scope) -> FakeSealed:
        self._row(conversation_id, scope)
        custody.require_free(uow, conversation_id)
        return FakeSealed(self._make_sound()[0])

    def peaks(self, uow: UnitOfWork, conversation_id: str, scope: Scope) -> bytes:
        self._row(conversation_id, scope)
        custody.require_free(uow, conversation_id)
        return self._make_sound()[1]

    def views(self, uow: object, user_id: str) -> tuple[SavedView, ...]:
        return tuple(view for view in self.saved if view.owner == user_id or view.shared)

    def save_view(self, uow: object, view: SavedView) -> None:
        self.saved.append(view)

    def delete_view(self, uow: object, view_id: str, owner: str) -> None:
        self.saved = [view for view in self.saved if (view.id, view.owner) != (view_id, owner)]


def principal(
    role: UserRole, *, name: str = "Robin Vale", team: str | None = None, agent_id: str | None = None
) -> Principal:
    """A person of this role with its rights."""
    return Principal(
        user_id=f"user-{role}", login=str(role), name=name, role=role, rights=RIGHTS[role], team=team, agent_id=agent_id
    )


_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_SECRET = _CHEAP.hash("secret")


def real_access(database: Database, **more: Any) -> Access:
    """The real one, with a person for every role: the role's name is the log-in; the password is the same."""
    access = Access(hasher=_CHEAP, **more)
    known = [principal(role) for role in UserRole if role not in (UserRole.AGENT, UserRole.SUPERVISOR)]
    known.append(principal(UserRole.AGENT, name="Dana Whitfield", agent_id="a1"))
    known.append(principal(UserRole.SUPERVISOR, name="Sam Ito", team="Billing"))
    with database.write() as uow:
        for each in known:
            people.add_user(
                uow, id=each.user_id, login=each.login, name=each.name, role=each.role, team=each.team,
                agent_id=each.agent_id, active=True, failures=0, password_hash=_SECRET,
                created_at=clock.to_column(clock.now()),
            )  # fmt: skip
    return access


class FakeShelf:
    """What was said before it was masked."""

    def __init__(self, replay: FakeReplay) -> None:
        self._replay = replay

    def transcript(self, uow: object, conversation_id: str) -> tuple[None, Transcript]:
        return None, transcript(tuple((who, unmask(text), mood) for who, text, mood in DIALOGUE))

    def redaction(self, uow: object, conversation_id: str) -> Redaction:
        return self._replay.redaction

    def working(self, uow: object, conversation_id: str) -> BinaryIO:
        return io.BytesIO(b"unmasked sound")

    def size(self, uow: object, conversation_id: str, kind: str) -> int:
        return len(b"unmasked sound")


def unmask(text: str) -> str:
    """The invented data behind the placeholders of DIALOGUE, one word each."""
    for placeholder, said in (("[PHONE_1]", "2025550143"), ("[NAME_1]", "Marlow"), ("[CARD_1]", "4929000000006")):
        text = text.replace(placeholder, said)
    return text


class FakeDesk:
    def __init__(self, replay: FakeReplay) -> None:
        self._replay = replay
        self.retried: list[tuple[str, str | None]] = []

    def retry(self, conversation_id: str, stage: str | None = None, *, actor: str = "cli") -> str:
        self.retried.append((conversation_id, stage))
        return new_id()

    def attention(self, uow: object, reach: Any = None) -> list[AttentionItem]:
        return [
            AttentionItem(
                conversation_id=self._replay.rows[5].id,
                filename="call_12025550143.wav",
                stage="transcribe",
                code="transcript.no_speech",
                message="The recording is silent on both channels.",
                advice="Check the recorder's line, then import it again.",
                at=START,
                attempts=3,
            ),
            AttentionItem(
                conversation_id=None,
                filename="notes.docx",
                stage=None,
                code="media.not_sound",
                message="The file is not a recording: it holds a document.",
                advice="Send the sound file itself.",
                at=START,
                attempts=0,
            ),
        ]


class FakeScores:
    def __init__(self, replay: FakeReplay) -> None:
        self._replay = replay

    def scorecard(self, uow: object, scorecard_id: str, version: int) -> Scorecard:
        if scorecard_id != "customer-service-basics":
            raise NotFound("There is no such scorecard.")
        return scorecard()

    def override(
        self,
        uow: object,
        conversation_id: str,
        scorecard: str,
        question: str,
        verdict: Verdict,
        reason: str,
        principal: Principal,
        *,
        value: object = None,
    ) -> Evaluation:
        assert value is None, "this house's scorecard asks yes or no"
        group = self._replay.evaluations[conversation_id]
        base = group[-1]
        if question not in {answer.question for answer in base.answers}:
            raise InvalidInput("The scorecard has no such question.")
        answers = tuple(
            replace(answer, verdict=verdict, reason=reason, rule="human", confidence=1.0, points=5.0)
            if answer.question == question
            else answer
            for answer in base.answers
        )
        made = replace(
            base,
            id=new_id(),
            source=EvaluationSource.HUMAN,
            answers=answers,
            evaluator=principal.user_id,
            score=88.0,
            passed=True,
            critical_failures=(),
            created_at=base.created_at + timedelta(minutes=1),
        )
        group.append(made)
        return made


class FakeListing:
    """The list of conversations, as what consents and destroys sees it."""

    def __init__(self, replay: FakeReplay) -> None:
        self._replay = replay

    def mark(self, uow: object, conversation_id: str, status: str, attention: str | None = None) -> None:
        self._replay.rows = [
            replace(each, status=Status(status), attention=attention) if each.id == conversation_id else each
            for each in self._replay.rows
        ]

    def remove(self, uow: object, conversation_id: str) -> None:
        self._replay.rows = [each for each in self._replay.rows if each.id != conversation_id]

    def cleanse(self, uow: object) -> bool:
        return False


@dataclass
class FakeServices:
    replay: FakeReplay = field(default_factory=FakeReplay)
    database: Database = field(default_factory=memory_database)
    recorder: RecorderClient = field(default_factory=lambda: RecorderClient(Path("/nowhere/recorder.sock")))
    https: bool = False
    provider: Provider | None = None
    groups: Groups = field(default_factory=lambda: Groups({}))
    consent: Consent = field(default_factory=Consent)
    house: House = field(default_factory=lambda: House(establishment="DE", agent_location="DE"))
    enforced: bool = True

    records: bool = False
    watched: tuple[WatchedPlace, ...] = ()
    second_factor: frozenset[UserRole] = frozenset()

    def __post_init__(self) -> None:
        self.places = Places(self.watched)
        self.completeness = Completeness(self.database, shelf=None)  # type: ignore[arg-type]  no list is opened here
        self.desk = FakeDesk(self.replay)
        self.revealing = Revealing(FakeShelf(self.replay))  # type: ignore[arg-type]  what it opens
        vault = Vault(MemoryStore(), LocalKey(b"k" * 32))

        def cipher(uow: UnitOfWork, create: bool) -> FieldCipher:
            return vault.fields(uow, "consent-ledger", create=create)

        def sealing(uow: UnitOfWork, create: bool) -> FieldCipher:
            return vault.fields(uow, "access", create=create)

        self.access = real_access(self.database, factors=Factors(sealing, self.second_factor))

        ledger = Ledger(cipher)
        told = Details(company="Northwind Energy", purposes=("quality",), privacy_notice="northwind dot example")
        self.announcing = Announcing(self.database, told, cipher)
        self.consenting = Consenting(
            self.database, ledger, self.recorder, vault, FakeListing(self.replay), keep=timedelta(days=30)
        )
        self.scores = FakeScores(self.replay)
        self.audit_log = AuditLog(self.database, lambda uow, create: vault.fields(uow, "audit-log", create=create))
        self._kept = (vault, cipher)
        shelf, sight = FakeShelf(self.replay), ByScope(self.access, self.replay)  # type: ignore[arg-type]  as far as it goes
        self.evaluating = Evaluating(self.database, shelf, sight, lambda *_: None)  # type: ignore[arg-type]
        self.assigning = Assigning(self.database, shelf, sight, ByIndex(), UTC)  # type: ignore[arg-type]
        self.disputing = Disputing(self.evaluating, sight, lambda *_: None)

    @property
    def workplaces(self) -> Workplaces:
        """Of the house as a test has set it."""
        return Workplaces(self.database, self.consent, self.consenting, self.house, *self._kept)
