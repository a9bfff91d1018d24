"""Sidecar files, tables and manifest rows: what is read, what is refused, and never anything but our errors."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.files.manifest import COLUMNS
from candor.capture.files.table import Form, read_table
from candor.capture.watch.facts import beside, metadata_of, read_listed
from candor.capture.watch.model import After, Found, Part, WatchedPlace
from candor.capture.watch.sidecar import read_sidecar
from candor.conversation.model import Direction
from candor.errors import CandorError, InvalidInput

VECTORS = Path(__file__).resolve().parents[3] / "vectors" / "watch"
GOOD = sorted((VECTORS / "good").iterdir())
BAD = sorted((VECTORS / "bad").iterdir())
FORM = Form(columns=COLUMNS, required="file", flags=frozenset({"agent"}))
CALL = {"call_id": "c-1", "start": "2026-03-02T10:15:00+01:00", "caller": "+12025550143", "agent": "a7"}


def place(**more: object) -> WatchedPlace:
    return WatchedPlace(name="pbx", url="file:///srv", **more)  # type: ignore[arg-type]


def found(key: str = "a/call.wav") -> Found:
    return Found(key=key, size=10, tag="1", changed_at=datetime(2026, 3, 2, 9, tzinfo=UTC))


@pytest.mark.parametrize("path", GOOD, ids=[path.name for path in GOOD])
def test_sidecars_of_any_shape_tell_the_same(path: Path) -> None:
    fields = read_sidecar(path.read_bytes(), path.name)
    assert {name: fields.get(name) for name in CALL} == CALL


@pytest.mark.parametrize("path", BAD, ids=[path.name for path in BAD])
def test_sidecars_that_cannot_be_read_are_refused_fast(path: Path) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput) as raised:
        read_sidecar(path.read_bytes(), path.name)
    assert raised.value.code == "watch.sidecar"
    assert time.process_time() - began < 1


def test_sidecars_without_end_are_refused() -> None:
    for data, name in (
        (b" " * (1 << 20) + b"{}", "a.json"),
        (b"[" * 100_000, "a.json"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "a.json"),
        (json.dumps({str(n): 1 for n in range(30_000)}).encode(), "a.json"),
        (b"<a>" * 100_000, "a.xml"),
        (b"<a>" * 80 + b"</a>" * 80, "a.xml"),
        (json.dumps({"caller": "1" * 1001}).encode(), "a.json"),
    ):
        with pytest.raises(InvalidInput):
            read_sidecar(data, name)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(GOOD), st.integers(0, 400), st.sampled_from([".json", ".xml"]))
def test_broken_sidecars_raise_only_our_errors(noise: bytes, path: Path, at: int, ending: str) -> None:
    data = path.read_bytes()
    for broken in (noise, data[:at] + noise + data[at:], data[:at]):
        try:
            fields = read_sidecar(broken, "x" + ending)
        except CandorError:
            continue
        assert fields.keys() <= COLUMNS.keys()


def test_a_table_tells_each_bad_row_with_its_line() -> None:
    text = 'File;Unique ID;Src;whatever\n\na.wav;1;+1;x\n"b.wav";2;+1;x;y\n;3;;\nc.wav;4\n'
    table = read_table(text.encode("utf-8-sig"), "calls.csv", FORM)
    rows = list(table.rows)
    assert [(row.line, row.fields, row.error and row.error.code) for row in rows] == [
        (3, {"file": "a.wav", "call_id": "1", "caller": "+1"}, None),
        (4, {}, "table.row"),
        (5, {"call_id": "3"}, None),
        (6, {"file": "c.wav", "call_id": "4"}, None),
    ]
    assert table.ignored == {"whatever"}


def test_json_lines_and_old_encodings() -> None:
    lines = '{"File": "a.wav", "ID": 7, "queue": null}\n[1]\n{"file": {"a": 1}}\n{\n'
    rows = list(read_table(lines.encode("utf-16"), "calls.jsonl", FORM).rows)
    assert rows[0].fields == {"file": "a.wav", "call_id": "7"}
    exact = '{"file": "a.wav", "id": 1772440500.10, "agent": true}\n{"file": true}\n'
    kept, refused = read_table(exact.encode(), "calls.jsonl", FORM).rows
    assert kept.fields == {"file": "a.wav", "call_id": "1772440500.10", "agent": "yes"}
    assert refused.error is not None
    assert refused.error.code == "table.row"
    assert [(row.line, row.error and row.error.code) for row in rows[1:]] == [(n, "table.row") for n in (2, 3, 4)]
    table = read_table("file,queue\na.wav,Müller\n".encode("cp1252"), "c.csv", FORM)
    assert next(table.rows).fields["queue"] == "Müller"
    assert "Windows-1252" in table.notes[0]


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty"), (b" \n", "empty"), (b"call_id\n1\n", "columns"), (b"file,path\na,b\n", "columns"),
     (b"\xff\xfe", "empty")],
)  # fmt: skip
def test_tables_that_cannot_be_read_at_all(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_table(data, "c.csv", FORM)
    assert raised.value.code == f"table.{code}"


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300), st.sampled_from(["c.csv", "c.jsonl"]), st.booleans())
def test_broken_tables_raise_only_our_errors(noise: bytes, name: str, headed: bool) -> None:
    try:
        listed = read_listed((b"file,call_id\n" if headed else b"") + noise, name)
    except CandorError:
        return
    assert all(isinstance(error, CandorError) for _, error in listed.errors)


def test_rows_name_files_below_their_manifest_only() -> None:
    data = (
        b"file,call_id\nx/a.wav,1\n../b.wav,2\n/etc/passwd,3\nC:\\c.wav,4\nhttp://h/d.wav,5\nsub\\e.wav,6\n./f.wav,7\n"
    )
    listed = read_listed(data, "day/calls.csv")
    assert {key: fields["call_id"] for key, fields in listed.rows.items()} == {
        "day/x/a.wav": "1", "day/sub/e.wav": "6", "day/f.wav": "7"
    }  # fmt: skip
    assert [(line, error.code) for line, error in listed.errors] == [(n, "manifest.path") for n in (3, 4, 5, 6)]
    for name in ("", "a\0b", "..", "x" * 2000):
        with pytest.raises(InvalidInput):
            beside("day", name)


def test_what_is_told_counts_more_than_the_name() -> None:
    watched = place(pattern="{start:%Y%m%d%H%M%S}_{caller}_{call_id}.wav", zone="Europe/Berlin", manifest="*.csv")
    key = "a/20260302101500_2025550143_9.wav"
    facts = metadata_of(watched, found(key), {"call_id": "told", "direction": "in"}, region="US")
    assert (facts.call_id, facts.caller, facts.direction) == ("told", "+12025550143", Direction.INBOUND)
    assert facts.started_at is not None
    assert facts.started_at.isoformat() == "2026-03-02T10:15:00+01:00"
    assert facts.notes == ()
    offset = metadata_of(watched, found(key), {"start": "2026-03-02T09:15:00Z"})
    assert offset.started_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert offset.notes == ()
    alone = metadata_of(watched, found(key), None)
    assert "taken without" in alone.notes[-1]


def test_a_name_of_another_shape_is_refused_unless_something_is_told() -> None:
    watched = place(pattern="{call_id}_{agent}.wav")
    with pytest.raises(InvalidInput) as raised:
        metadata_of(watched, found(), None)
    assert raised.value.code == "watch.name_mismatch"
    assert metadata_of(watched, found(), {"call_id": "7"}).call_id == "7"
    with pytest.raises(InvalidInput, match="direction"):
        metadata_of(watched, found(), {"direction": "sideways"})


def test_without_anything_told_the_files_own_date_stands() -> None:
    facts = metadata_of(place(), found(), None)
    assert facts.started_at == found().changed_at
    assert "own date" in facts.notes[0]


def test_what_a_file_is_goes_by_its_name() -> None:
    watched = place(manifest="*.csv", after=After.MOVE, move_to="done", pattern="{call_id}.rec")
    expected = {
        "a/b.wav": Part.RECORDING, "7.REC": Part.RECORDING, "Calls.CSV": Part.MANIFEST, "x.vcon": Part.DOCUMENT,
        "x.vcon.json": Part.DOCUMENT, "done/b.wav": Part.OTHER, "b.wav.part": Part.OTHER, ".b.wav": Part.OTHER,
        "~$b.wav": Part.OTHER, "b.txt": Part.OTHER, "b.json": Part.OTHER,
    }  # fmt: skip
    assert {key: watched.part(key) for key in expected} == expected
    assert place(manifest="{stem}.json").sidecar_of("a/b.c.wav") == "a/b.c.json"
    assert place(manifest="{name}.xml").sidecar_of("b.wav") == "b.wav.xml"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": ""}, "name"), ({"name": "a/b"}, "name"), ({"name": "x" * 64}, "name"),
        ({"url": "http://h/x"}, "url"), ({"url": "/srv"}, "url"), ({"url": "file:rel"}, "url"),
        ({"zone": "Mars/Base"}, "zone"), ({"settle": -1}, "seconds"), ({"every": 0}, "seconds"),
        ({"after": After.MOVE}, "move_to"), ({"move_to": "x"}, "move_to"),
        ({"after": After.MOVE, "move_to": "../x"}, "move_to"), ({"after": After.MOVE, "move_to": "/x"}, "move_to"),
        ({"manifest": "calls.xlsx"}, "manifest"), ({"manifest": "{stem}.csv"}, "manifest"),
        ({"manifest": "{other}.json"}, "manifest"), ({"manifest": "../*.csv"}, "manifest"),
        ({"manifest": "{stem.json"}, "manifest"), ({"pattern": "{x}.wav"}, "pattern"),
        ({"pattern": "{start:%Y%m%d%H%M}.wav"}, "pattern"),
    ],
)  # fmt: skip
def test_places_that_cannot_work_are_refused(more: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        WatchedPlace(**({"name": "pbx", "url": "file:///srv"} | more))  # type: ignore[arg-type]
    assert raised.value.code == f"watch.{code}"


def test_a_place_never_shows_its_keys() -> None:
    secret = place(options=(("aws_secret_access_key", "hush"),))
    assert "hush" not in f"{secret!r} {secret}"
