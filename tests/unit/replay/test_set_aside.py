"""A quarantined conversation stays in the list, and nothing that was made of it is found or shown."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from candor.replay.model import ConversationFilter, Scope, Status
from candor.replay.ports import Sources
from candor.replay.service import Replay
from tests.unit.replay.calls import make_database, write


def test_words_moods_scores_and_categories_are_gone_until_it_is_indexed_again(tmp_path: Path) -> None:
    database, replay = make_database(tmp_path), Replay(cast("Sources", None))
    said = {"customer": "you charged me twice", "categories": ("fraud",), "score": 40.0, "sentiment": -0.5, "pii": 2}
    with database.write() as uow:
        an_id = write(uow, 0, **said)  # type: ignore[arg-type]
        other = write(uow, 1, **said)  # type: ignore[arg-type]
        replay.index.mark(uow, an_id, "quarantined", "No proof.")
        replay.index.mark(uow, an_id, "quarantined", "No proof.")  # once more changes no count
        found = replay.page(uow, ConversationFilter(text="charged"), Scope())
        assert [row.id for row in found.rows] == [other]
        row = replay.row(uow, an_id, Scope())
        assert (row.status, row.attention, row.customer) == (Status.QUARANTINED, "No proof.", "…0143")
        assert (row.sentiment, row.score, row.score_source, row.categories, row.pii_count) == (None, None, None, (), 0)
        assert [one.id for one in replay.page(uow, ConversationFilter(categories=("fraud",)), Scope()).rows] == [other]
        assert dict(replay.facets(uow, Scope()).statuses) == {"ready": 1, "quarantined": 1}
        write(uow, 0, conversation_id=an_id, **said)  # type: ignore[arg-type]
        back = replay.page(uow, ConversationFilter(text="charged"), Scope())
        assert {one.id for one in back.rows} == {an_id, other}
        assert replay.row(uow, an_id, Scope()).categories == ("fraud",)
        assert replay.facets(uow, Scope()).categories == ("fraud",)
    database.close()
