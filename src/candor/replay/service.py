"""The verbs: a page of the list, what the filters can be set to, a whole conversation, its redacted sound.

Every verb takes the viewer's scope and applies it; what lies outside is NotFound, as if it were not there.
"""

from __future__ import annotations

from sqlalchemy import func, select

from candor.conversation.model import Conversation
from candor.errors import InvalidInput, NotFound
from candor.kit.database import UnitOfWork
from candor.replay import cursor as cursors
from candor.replay import search, store
from candor.replay.index import Index, contact_of
from candor.replay.model import (
    ConversationFilter,
    ConversationRow,
    ConversationView,
    Facets,
    Page,
    SavedView,
    Scope,
    SortKey,
    TranscriptInfo,
)
from candor.replay.ports import Playable, Sources

LARGEST_PAGE = 1000


class Replay:
    """Find and play back."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.index = Index()

    def page(
        self,
        uow: UnitOfWork,
        filter: ConversationFilter,  # noqa: A002  the word of the page
        scope: Scope,
        *,
        sort: SortKey = SortKey.STARTED,
        descending: bool = True,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """One page of the list; raises InvalidInput for a foreign cursor, a limit out of 1…1000, a long search.

        RELEVANCE ranks the newest 2,000 hits; without words to search for it is newest first.
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise InvalidInput(f"A page has 1 to {LARGEST_PAGE} rows.", code="list.limit")
        place = cursors.decode(cursor, sort, descending=descending)
        return search.find(uow, filter, scope, sort, descending=descending, cursor=place, limit=limit)

    def facets(self, uow: UnitOfWork, scope: Scope) -> Facets:
        """The values that occur within reach, from counts that are kept while writing wherever those can tell."""
        found: dict[str, list[tuple[str, str, int]]] = {}
        for kind, value, label, n in self._counts(uow, scope):
            found.setdefault(kind, []).append((value, label, n))

        def values(kind: str) -> tuple[str, ...]:
            return tuple(value for value, _, _ in found.get(kind, ()))

        return Facets(
            agents=tuple(sorted(((v, label) for v, label, _ in found.get("agent", ())), key=lambda pair: pair[1])),
            teams=values("team"),
            queues=values("queue"),
            languages=values("language"),
            categories=values("category"),
            statuses=tuple((value, n) for value, _, n in found.get("status", ())),
        )

    @staticmethod
    def _counts(uow: UnitOfWork, scope: Scope) -> list[tuple[str, str, str, int]]:
        if not search.counted(scope):
            return search.count_facets(uow, scope)
        table = store.conversation_facet.c
        query = (
            select(table.kind, table.value, func.max(table.label).label("label"), func.sum(table.n).label("n"))
            .where(table.n > 0, *search.facet_reach(scope))
            .group_by(table.kind, table.value)
            .order_by(table.kind, table.value)
        )
        return [(row.kind, row.value, row.label, int(row.n)) for row in uow.execute(query)]

    def row(self, uow: UnitOfWork, conversation_id: str, scope: Scope) -> ConversationRow:
        """The list's row of one conversation; raises NotFound, also outside ``scope``."""
        found = search.visible(uow, conversation_id, scope)
        if found is None:
            raise NotFound("There is no such conversation.", code="conversation.none")
        return found

    def view(self, uow: UnitOfWork, conversation_id: str, scope: Scope) -> ConversationView:
        """The whole conversation, redacted; raises NotFound, also outside ``scope``."""
        row = self.row(uow, conversation_id, scope)
        sources = self._sources
        conversation = sources.conversation(uow, conversation_id)
        return ConversationView(
            conversation=conversation,
            row=row,
            sound=sources.sound(uow, conversation_id),
            redaction=sources.redaction(uow, conversation_id),
            analysis=sources.analysis(uow, conversation_id),
            evaluations=tuple(sources.evaluations(uow, conversation_id)),
            stages=tuple(sources.stages(uow, conversation_id)),
            transcripts=tuple(
                TranscriptInfo(
                    id=each.id, engine=each.engine, model=each.model, version=each.version,
                    created_at=each.created_at, current=each.current,
                )
                for each in sources.transcripts(uow, conversation_id)
            ),
            legs=self.legs(uow, conversation, scope),
            residue=sources.residue(uow, conversation_id),
            cuts=tuple(sources.cuts(uow, conversation_id)),
            basis=sources.lawful_basis(uow, conversation),
        )  # fmt: skip

    def legs(self, uow: UnitOfWork, conversation: Conversation, scope: Scope) -> tuple[ConversationRow, ...]:
        """The other legs of the same contact within ``scope``, in order of time; the 50 nearest when there are more.

        Legs have the same group, or the same call id on the same day; always from the same source, which made both.
        """
        return search.legs(uow, conversation, contact_of(conversation), scope)

    def audio(self, uow: UnitOfWork, conversation_id: str, scope: Scope) -> Playable:
        """The redacted sound; raises NotFound, also outside ``scope``."""
        self.row(uow, conversation_id, scope)
        return self._sources.playback(uow, conversation_id)

    def peaks(self, uow: UnitOfWork, conversation_id: str, scope: Scope) -> bytes:
        """The outline of the redacted sound; raises NotFound, also outside ``scope``."""
        self.row(uow, conversation_id, scope)
        return self._sources.peaks(uow, conversation_id)

    def views(self, uow: UnitOfWork, user_id: str) -> tuple[SavedView, ...]:
        """A person's saved views, and those shared with all."""
        return store.views_for(uow, user_id)

    def save_view(self, uow: UnitOfWork, view: SavedView) -> None:
        """Keep a view; whether it may be shared, the door checks."""
        store.put_view(uow, view)

    def delete_view(self, uow: UnitOfWork, view_id: str, owner: str) -> None:
        """Forget one of one's own views; raises NotFound."""
        if not store.drop_view(uow, view_id, owner):
            raise NotFound("There is no such view.", code="view.none")
