"""Counts by kind, in a real database."""

from __future__ import annotations

from pathlib import Path

from candor.kit.database import Database, metadata, sqlite_url
from candor.redaction.service import Redactor
from candor.redaction.store import forget_counts, read_counts, redaction_span_count, write_counts

from .calls import spoken


def test_counts_are_replaced_and_forgotten(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "counts.sqlite"))
    metadata.create_all(database.engine, tables=[redaction_span_count])
    first = (
        Redactor().redact(spoken("c: my name is john smith", "c: the zip code is 35350", "c: this is mary jones")).spans
    )
    with database.write() as uow:
        write_counts(uow, "one", first)
        write_counts(uow, "two", first[:1])
    with database.read() as uow:
        assert read_counts(uow, "one") == {"NAME": 2, "POSTCODE": 1}
    with database.write() as uow:
        write_counts(uow, "one", ())
        forget_counts(uow, "two")
    with database.read() as uow:
        assert read_counts(uow, "one") == {}
        assert read_counts(uow, "two") == {}
    database.close()
