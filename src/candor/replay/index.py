"""Writing the index: one row per conversation, its redacted text, the counts of the filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from candor.conversation.evaluation import Evaluation, EvaluationSource
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Role, Sound
from candor.conversation.transcript import Redaction
from candor.kit.database import UnitOfWork
from candor.replay import measured, store
from candor.replay.model import Status

_COLUMN_OF = {Role.AGENT: "agent_text", Role.CUSTOMER: "customer_text"}
LONGEST_CONTACT = 255
_MARKS = dict.fromkeys((0xE000, 0xE001, 0), " ")


class Index:
    """Makes conversations findable; every verb is idempotent and works in the caller's unit of work."""

    def enlist(self, uow: UnitOfWork, conversation: Conversation, sound: Sound | None = None) -> None:
        """Show a conversation as queued before anything of it is understood."""
        store.put(uow, row_values(conversation, sound, status=Status.QUEUED), None)

    def write(
        self,
        uow: UnitOfWork,
        *,
        conversation: Conversation,
        sound: Sound | None,
        redaction: Redaction | None,
        analysis: Analysis | None,
        evaluations: tuple[Evaluation, ...] = (),
        status: Status = Status.READY,
    ) -> None:
        """Replace all that is known of a conversation; only redacted text is taken."""
        values = row_values(conversation, sound, redaction, analysis, evaluations, status=status)
        before = store.row_of(uow, conversation.id)
        store.put(uow, values, None if redaction is None else texts_of(redaction))
        if before is not None:
            measured.drop(uow, before["search_rowid"])  # its start may be known better now: another row
        self._measure(uow, conversation.id, evaluations)

    def mark(self, uow: UnitOfWork, conversation_id: str, status: str, attention: str | None = None) -> None:
        """Say where a conversation stands; one that is not in the index is left so.

        Of one that is quarantined nothing is found or shown any more; being indexed again brings it back.
        """
        store.change(uow, conversation_id, status=Status(status).value, attention=attention)
        if status == Status.QUARANTINED:
            store.blank(uow, conversation_id)
            self._measure(uow, conversation_id, ())

    def remove(self, uow: UnitOfWork, conversation_id: str) -> None:
        """Take a conversation out of list and search; nothing happens for one that is not in them."""
        row = store.row_of(uow, conversation_id)
        if row is not None:
            store.count(uow, row, -1)
            store.remove(uow, row["search_rowid"])
            measured.drop(uow, row["search_rowid"])

    def cleanse(self, uow: UnitOfWork) -> bool:
        """Make words of what was removed vanish from the index's pages, a piece a call; whether more is left."""
        return store.cleanse(uow)

    def rescore(self, uow: UnitOfWork, conversation_id: str, evaluations: tuple[Evaluation, ...]) -> None:
        """Take over the score of a conversation after a person's word on it."""
        self.rescore_all(uow, {conversation_id: evaluations})

    def rescore_all(self, uow: UnitOfWork, judged: Mapping[str, tuple[Evaluation, ...]]) -> None:
        """Take over the scores of many conversations; those that are not in the list are left out."""
        rows = store.rowids(uow, judged)
        store.change_scores(uow, {one: score_values(judged[one]) for one in rows})
        measured.put_all(uow, {rows[one]: judged[one] for one in rows})

    @staticmethod
    def _measure(uow: UnitOfWork, conversation_id: str, evaluations: tuple[Evaluation, ...]) -> None:
        row = store.row_of(uow, conversation_id)
        if row is not None:
            measured.put(uow, row["search_rowid"], evaluations)


def row_values(
    conversation: Conversation,
    sound: Sound | None,
    redaction: Redaction | None = None,
    analysis: Analysis | None = None,
    evaluations: Sequence[Evaluation] = (),
    *,
    status: Status,
) -> dict[str, Any]:
    """Every column of the projection but ``search_rowid``."""
    agent, customer = conversation.agent, conversation.customer
    duration = sound.duration if sound else redaction.transcript.duration if redaction else None
    return {
        "id": conversation.id,
        "external_id": conversation.external_id,
        "started_at": store.naive(conversation.started_at),
        "utc_offset_minutes": conversation.utc_offset_minutes,
        "duration": duration,
        "direction": conversation.direction.value,
        "agent": (agent.name or agent.agent_id) if agent else None,
        "agent_id": agent.agent_id if agent else None,
        "customer": mask_number(customer.tel) if customer else None,
        "team": conversation.team,
        "queue": conversation.queue,
        "language": (redaction.transcript.language if redaction else None) or conversation.language,
        "status": status.value,
        "attention": None,
        "sentiment": analysis.sentiment_customer if analysis else None,
        "pii_count": len(redaction.spans) if redaction else 0,
        "categories": list(dict.fromkeys(analysis.categories)) if analysis else [],
        "source": conversation.source,
        "contact": contact_of(conversation),
        **score_values(evaluations),
    }


def contact_of(conversation: Conversation) -> str | None:
    """The group that the legs of one contact share, as long as the index keeps it."""
    return conversation.group[:LONGEST_CONTACT] if conversation.group else None


def score_values(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """The columns that say how it was judged: by the newest person's word, else the newest automatic one."""
    chosen = max(evaluations, key=lambda each: (each.source is EvaluationSource.HUMAN, each.created_at), default=None)
    return {
        "score": chosen.score if chosen else None,
        "score_source": chosen.source.value if chosen and chosen.score is not None else None,
        "critical_failed": bool(chosen and chosen.critical_failures),
    }


def texts_of(redaction: Redaction) -> dict[str, str]:
    """The redacted text, by who said it; one utterance a line, so that phrases do not run across speakers."""
    lines: dict[str, list[str]] = {column: [] for column in store.TEXT_COLUMNS}
    transcript = redaction.transcript
    for utterance in transcript.utterances:
        column = _COLUMN_OF.get(transcript.role_of(utterance), "other_text")
        lines[column].append(utterance.text.translate(_MARKS))
    return {column: "\n".join(said) for column, said in lines.items()}


def mask_number(tel: str | None) -> str | None:
    """The last four digits of a number, fewer of a short one: never the whole."""
    digits = "".join(mark for mark in tel or "" if mark.isdigit())
    shown = min(4, len(digits) // 2)
    return f"…{digits[-shown:]}" if shown else None
