"""vCons of others come in: with sound beside them, as written chats; without content they are refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.acceptance.conftest import House
from tests.acceptance.product import Candor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def taken(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Candor, dict[str, str]]:
    """One call with an MP3 beside its vCon and one chat, imported from one folder; (Candor, file → conversation)."""
    folder = tmp_path_factory.mktemp("vcons") / "in"
    folder.mkdir()
    calls = shared / "audio_calls_vcon_tts" / "dev"
    smallest = min(calls.glob("*.mp3"), key=lambda file: file.stat().st_size)
    shutil.copy(smallest, folder)
    shutil.copy(smallest.with_suffix(".vcon.json"), folder / "call.vcon.json")
    chat = next(iter(sorted((shared / "vcon_samples" / "dev" / "fake_vcons").glob("*.json"))))
    shutil.copy(chat, folder / "chat.vcon.json")
    empty = shared / "vcon_samples" / "dev" / "ietf_meetings" / "ietf110_avtcore_28569.vcon.json"
    shutil.copy(empty, folder / "meeting.vcon.json")
    for bad in (shared / "vcon_samples" / "dev" / "vcon_server_invalid").glob("bad_*.json"):
        shutil.copy(bad, folder / f"{bad.stem}.vcon.json")
    candor = Candor(folder.parent / "data")
    done = candor.run("import", folder, "--json", timeout=240)
    assert done.code == 1
    told = done.json
    failed = {each["file"]: each for each in told["failed"]}
    assert {each["file"] for each in told["imported"]} == {"call.vcon.json", "chat.vcon.json"}, failed
    # The recording itself lies in the folder, too: it is known by its bytes.
    assert [each["file"] for each in told["already_there"]] == [smallest.name]
    assert failed["meeting.vcon.json"]["code"] == "vcon.no_content"
    assert failed["meeting.vcon.json"]["advice"] or failed["meeting.vcon.json"]["message"]
    for name, failure in failed.items():
        assert failure["code"].startswith("vcon."), (name, failure)
        assert failure["message"].endswith(".")
    (folder.parent / "call.json").write_text((folder / "call.vcon.json").read_text())
    return candor, {each["file"]: each["id"] for each in told["imported"]}


@pytest.mark.shared
def test_a_vcon_with_its_recording_beside_it_becomes_a_call(taken: tuple[Candor, dict[str, str]]) -> None:
    candor, ids = taken
    shown = candor.show(ids["call.vcon.json"])
    assert (shown["status"], shown["medium"]) == ("ready", "voice")
    assert shown["recording"]["mediatype"] == "audio/x-mp3"  # as the vCon draft writes it
    assert shown["sound"]["channels"] == 1
    assert shown["transcript"]["split"] in {"guessed", "single"}
    assert len(shown["transcript"]["utterances"]) >= 5
    assert shown["duration"] == pytest.approx(shown["sound"]["duration"], abs=0.5)
    given = json.loads((candor.data.parent / "call.json").read_text())
    tels = [party["tel"] for party in given["parties"] if party.get("tel")]
    assert tels
    for tel in tels:
        assert tel not in json.dumps(shown)


@pytest.mark.shared
def test_a_chat_becomes_a_conversation_without_sound(taken: tuple[Candor, dict[str, str]], tmp_path: Path) -> None:
    candor, ids = taken
    shown = candor.show(ids["chat.vcon.json"])
    assert (shown["status"], shown["sound"], shown["recording"]) == ("ready", None, None)
    assert shown["transcript"]["split"] == "given"
    assert len(shown["transcript"]["utterances"]) >= 2
    assert shown["evaluations"]
    done = candor.run("audio", ids["chat.vcon.json"], "-o", tmp_path / "none.flac")
    assert done.code == 3
    assert done.err == "candor: There is no redacted sound (yet).\n"
    assert not (tmp_path / "none.flac").exists()


@pytest.mark.shared
def test_again_imports_nothing_twice(taken: tuple[Candor, dict[str, str]]) -> None:
    candor, ids = taken
    again = candor.json("import", candor.data.parent / "in", code=1)
    assert again["imported"] == []
    assert {each["id"] for each in again["already_there"]} == set(ids.values())


def test_our_own_export_can_be_imported_elsewhere(house: House, tmp_path: Path) -> None:
    target = tmp_path / "call.vcon"
    assert house.candor.run("export", house.ids["13"], "--format", "vcon", "-o", target).code == 0
    other = Candor(tmp_path / "data")
    told = other.json("import", target)
    [taken_in] = told["imported"]
    shown = other.show(taken_in["id"])
    assert shown["status"] == "ready"
    assert {speaker["role"] for speaker in shown["transcript"]["speakers"]} >= {"agent"}
