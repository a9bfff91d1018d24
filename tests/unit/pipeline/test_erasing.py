"""What goes with a conversation and what outlives it: a new table must be on one of the two lists."""

from __future__ import annotations

from candor import wiring  # every room's tables are known with it
from candor.kit.database import metadata
from candor.pipeline.erasing import BY_ITS_ROOM, GO_WITH_IT, OUTLIVE

OF_THE_KILL_TESTS = {"effect", "mark_log"}


def test_every_table_that_names_a_conversation_has_been_thought_of() -> None:
    assert wiring
    named = {name for name, table in metadata.tables.items() if "conversation_id" in table.c} - OF_THE_KILL_TESTS
    assert set(GO_WITH_IT) <= metadata.tables.keys()
    assert named - OUTLIVE - BY_ITS_ROOM - set(GO_WITH_IT) == {"sealed_object"}, (
        "objects are shredded by the vault, key by key"
    )
