"""Transcribing once more keeps what was there; trying again changes nothing that stands."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.acceptance.product import Candor, cut

pytestmark = pytest.mark.slow

OTHER = (
    ("--engine", "sherpa-onnx") if importlib.util.find_spec("sherpa_onnx") else ("--engine", "moonshine", "--beam", "1")
)
"""Another engine where its package is installed, else the built-in one as its package ships it."""


def test_a_second_transcript_stands_beside_the_first(tmp_path: Path) -> None:
    candor = Candor(tmp_path / "data")
    told = candor.json("import", cut("01", tmp_path / "call.opus", 0, 8))
    [an_id] = [each["id"] for each in told["imported"]]
    before = candor.show(an_id)

    careless = candor.run("transcribe", an_id)
    assert (careless.code, "Add --again" in careless.err) == (2, True)
    done = candor.run("transcribe", an_id, "--again", *OTHER)
    assert done.code == 0, done.err

    after = candor.show(an_id)
    assert after["status"] == "ready"
    assert len(before["transcripts"]) == 1
    assert len(after["transcripts"]) == 2
    newest, oldest = sorted(after["transcripts"], key=lambda each: each["created_at"], reverse=True)
    assert oldest == before["transcripts"][0] | {"current": False}
    assert newest["current"] is True
    assert newest["engine"] == after["transcript"]["engine"] == OTHER[1]
    assert (newest["version"], newest["model"]) != (oldest["version"], oldest["model"])
    assert newest["version"]
    assert after["transcript"]["utterances"]
    # Scored anew on the new words; the index holds the conversation once.
    [automatic] = [each for each in after["evaluations"] if each["source"] == "automatic"]
    assert automatic["transcript_id"] == newest["id"]
    assert [row["id"] for row in candor.json("list")["conversations"]] == [an_id]
    assert candor.sql("select count(*) from transcript") == [(2,)]

    unknown = candor.run("transcribe", an_id, "--again", "--engine", "telepathy")
    assert unknown.code != 0
    assert "telepathy" in unknown.err
    assert len(candor.show(an_id)["transcripts"]) == 2
