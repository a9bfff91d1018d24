"""Manifests: tolerant of how people write them, strict about where they lead."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from candor.capture.files import COLUMNS, Manifest, conversation, gather, read_manifest
from candor.capture.files.gather import ItemKind, hints
from candor.conversation.model import Direction, Role
from candor.errors import InvalidInput
from tests.vectors.media.make import tone, wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "calls" / "sub").mkdir(parents=True)
    for name in ("a.wav", "sub/b.wav", "with, comma.wav"):
        (tmp_path / "calls" / name).write_bytes(wav(tone(0.5).tobytes()))
    (tmp_path / "outside.wav").write_bytes(wav(tone(0.5).tobytes()))
    return tmp_path / "calls"


def read(text: str | bytes, folder: Path, name: str = "m.csv", **more) -> Manifest:
    return read_manifest(text.encode() if isinstance(text, str) else text, name, folder, **more)


def code_of(cells: str, folder: Path, header: str = "file,start,tz") -> str:
    found = read(f"{header}\n{cells}\n", folder)
    assert len(found.errors) == 1
    assert not found.rows
    assert found.errors[0].line == 2
    return found.errors[0].error.code


def test_all_columns(folder: Path) -> None:
    text = (
        "\ufeffFile Name;Call-ID;Start Time;Time Zone;Direction;From;To;Agent ID;Agent Name;Queue;Team;Lang;"
        "customer channel;agent channel;Colour\r\n"
        'sub\\b.wav;77;2026-03-02T09:15:00;Europe/Berlin;Incoming;030 901820;+1 212 555 0100;a7;"Ada\nL.";Q;T;en_GB;'
        "left;right;red\r\n"
    )
    found = read(text, folder, region="DE", known_agents={"a1"})
    (row,) = found.rows
    facts = row.metadata
    assert row.path == (folder / "sub/b.wav").resolve()
    assert facts.started_at is not None
    assert facts.started_at.utcoffset() == timedelta(hours=1)
    assert (facts.call_id, facts.direction, facts.caller) == ("77", Direction.INBOUND, "+4930901820")
    assert (facts.agent, facts.agent_name, facts.queue, facts.team, facts.language) == (
        "a7",
        "Ada\nL.",
        "Q",
        "T",
        "en-GB",
    )
    assert (facts.customer_channel, facts.agent_channel) == (0, 1)
    assert any("agent is not known" in note for note in facts.notes)
    assert any("Colour" in note for note in found.notes)
    value = conversation(facts, id="019f15a6-a752-7abc-b9a2-279e0d16bc46")
    assert value.started_at == datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
    assert value.utc_offset_minutes == 60
    assert value.customer is not None
    assert (value.customer.tel, value.customer.channel) == ("+4930901820", 0)
    assert value.agent is not None
    assert (value.agent.agent_id, value.agent.channel) == ("a7", 1)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ("a.wav,2026-03-02T09:15:00,", "start.no_zone"),
        ("a.wav,2026-03-02,UTC", "start.format"),
        ("a.wav,yesterday,", "start.format"),
        ("a.wav,2026-03-02T09:15:00,Europe/Atlantis", "start.zone"),
        ("a.wav,2026-03-02T09:15:00,../../etc/passwd", "start.zone"),
        ("a.wav,2026-03-29T02:30:00,Europe/Berlin", "start.nonexistent"),
        ("a.wav,2026-10-25T02:30:00,Europe/Berlin", "start.ambiguous"),
        ("../outside.wav,,", "manifest.path"),
        ("sub/../a.wav,,", "manifest.path"),
        ("..\\outside.wav,,", "manifest.path"),
        ("/etc/hostname,,", "manifest.path"),
        ("\\\\server\\share\\a.wav,,", "manifest.path"),
        ("//server/share/a.wav,,", "manifest.path"),
        ("C:\\a.wav,,", "manifest.path"),
        ("file:///etc/passwd,,", "manifest.path"),
        ("a.wav\0.mp3,,", "manifest.path"),
        ("link.wav,,", "manifest.path"),
        ("loop.wav,,", "manifest.path"),
        ("gone.wav,,", "manifest.missing"),
        ("sub,,", "manifest.missing"),
        (",2026-03-02T09:15:00Z,", "manifest.no_file"),
        ("a.wav,,,,x", "manifest.row"),
    ],
)
def test_bad_row_has_its_own_code(cells: str, code: str, folder: Path) -> None:
    (folder / "link.wav").symlink_to(folder.parent / "outside.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    assert code_of(cells, folder) == code


def test_bad_rows_stop_no_other(folder: Path) -> None:
    found = read('file,direction\na.wav,in,,\nb.wav,in\n"with, comma.wav",sideways\n"with, comma.wav",out\n', folder)
    assert [row.line for row in found.rows] == [2, 5]
    assert [(error.line, error.error.code) for error in found.errors] == [
        (3, "manifest.missing"),
        (4, "manifest.direction"),
    ]


def test_lines_are_counted_through_quoted_breaks(folder: Path) -> None:
    found = read('file,agent_name\na.wav,"A\nB"\ngone.wav,C\n', folder)
    assert [error.line for error in found.errors] == [4]


def test_json_lines(folder: Path) -> None:
    lines = [
        json.dumps({"file": "a.wav", "customer_channel": 1, "agent_channel": 0, "queue": None}),
        "{broken",
        "[1]",
        json.dumps({"file": "a.wav", "agent": True}),
    ]
    found = read("\n".join(lines), folder, "m.jsonl")
    assert [(row.line, row.metadata.customer_channel) for row in found.rows] == [(1, 1)]
    assert [error.line for error in found.errors] == [2, 3, 4]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "manifest.empty"), ("call_id\n1\n", "manifest.columns"), ("file,path\na,b\n", "manifest.columns")],
)
def test_unusable_manifest(text: str, code: str, folder: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(text, folder)
    assert refused.value.code == code


def test_channels_counted_from_one_when_both_are_given(folder: Path) -> None:
    (row,) = read("file,customer_channel,agent_channel\na.wav,2,1\n", folder).rows
    assert (row.metadata.customer_channel, row.metadata.agent_channel) == (1, 0)


def test_gather_means_what_people_mean(folder: Path) -> None:
    (folder / ".hidden.wav").write_bytes(b"x")
    (folder / "README.md").write_text("x")
    (folder / "notes.json").write_text("{}")
    (folder / "CREDITS-2026").write_text("Spoken by Ada.")
    (folder / "c.vcon").write_text("{}")
    (folder / "out.wav").symlink_to(folder.parent / "outside.wav")
    (folder / "gone.wav").symlink_to(folder / "nothing")
    (folder / "m.csv").write_text("file\na.wav\nmissing.wav\n")
    items = list(gather([folder]))
    assert [(item.name, item.error is None) for item in items] == [
        ("a.wav", True),
        ("c.vcon", True),
        ("gone.wav", False),
        ("out.wav", False),
        ("with, comma.wav", True),
        ("b.wav", True),
    ]
    assert [item.kind for item in items[:2]] == [ItemKind.RECORDING, ItemKind.VCON]
    assert items[0].metadata.started_at is not None
    assert "own date" in items[0].metadata.notes[0]
    with items[0].open() as stream:
        assert len(stream.read()) == items[0].size
    listed = list(gather([folder / "m.csv", str(folder / "*" / "*.wav"), folder / "no", str(folder / "*.xyz")]))
    assert [item.error.code if item.error else item.name for item in listed] == [
        "a.wav",
        "manifest.missing",
        "b.wav",
        "path.missing",
        "path.no_match",
    ]
    assert items[0].beside("../../etc/passwd") is None
    with items[0].beside("a.wav") or pytest.fail("not found beside") as stream:
        assert stream.read(4) == b"RIFF"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_is_refused_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (item,) = gather([tmp_path / "pipe.wav"])
    assert item.error is not None
    assert item.error.code == "path.special"


def test_names_are_hints_only() -> None:
    assert hints("rec-20260302-091500-1772440500.42.wav") == (
        "The name suggests 2026-03-02 09:15, in a zone that it does not tell.",
        "The name seems to hold the call id 1772440500.42.",
    )
    assert hints("call.wav") == ()


def test_reference_page_lists_columns_and_codes() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/reference/import.md").read_text(encoding="utf-8")
    for column in COLUMNS:
        assert f"`{column}`" in page, column
    import re

    for source in (root / "src/candor/capture/files").glob("*.py"):
        for code in re.findall(r'code="((?:manifest|start|path)\.[a-z_]+)"', source.read_text(encoding="utf-8")):
            assert f"`{code}`" in page, code


def test_unknown_direction_gives_numbers_to_nobody(folder: Path) -> None:
    (row,) = read("file,caller,callee,agent\na.wav,+12125550100,200,a1\n", folder).rows
    value = conversation(
        row.metadata, id="019f15a6-a752-7abc-b9a2-279e0d16bc46", started_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert [party.role for party in value.parties] == [Role.AGENT, Role.UNKNOWN, Role.UNKNOWN]
