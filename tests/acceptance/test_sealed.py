"""What lies on the disk and what is logged gives nobody away; who destroys a key destroys the sound."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import httpx
import pytest
from demo.dialogue import load_all

from candor import wiring
from candor.settings import Settings
from tests.acceptance.conftest import CLIPS, House
from tests.acceptance.product import everything_in

pytestmark = pytest.mark.slow

SOUND = (b"RIFF", b"WAVEfmt", b"fLaC", b"OggS", b"OpusHead", b"ID3\x03", b"ID3\x04")


def heard_and_masked(house: House) -> list[str]:
    """The unredacted words behind every masked stretch, as they were recognised: only the vault's key opens them."""
    services = wiring.open_services(Settings(data=house.candor.data))
    found = []
    with services.database.read() as uow:
        for an_id in house.ids.values():
            row = services.shelf.transcript(uow, an_id)
            redaction = services.shelf.redaction(uow, an_id)
            assert row is not None
            assert redaction is not None
            staff = {name for party in services.shelf.conversation(uow, an_id).parties for name in
                     (party.name or "").lower().split() if party.agent_id}  # fmt: skip
            for span in redaction.spans:
                words = row[1].utterances[span.utterance].text.split(" ")[span.first_word : span.last_word + 1]
                said = " ".join(words).strip(".,?!")
                if said.lower() not in staff and (len(words) > 1 or len(said) > 3):
                    found.append(said)
    services.database.close()
    return found


@pytest.fixture(scope="module")
def private(house: House) -> list[bytes]:
    """Words that must be nowhere: as recognised, as written in the dialogues, and the customers' numbers."""
    calls = [call for call in load_all() if call.id[:2] in CLIPS]
    numbers = [call.caller.removeprefix("+1") for call in calls]
    names = ["Alice Morgan", "Morgan", "Robert Miller", "Frank Dawson", "4111", "one one one one"]
    spoken = heard_and_masked(house)
    assert len(spoken) >= 8
    assert any("morgan" in said.lower() for said in spoken)
    assert any(re.search(r"\d{4}|one|seven", said.lower()) for said in spoken), (
        "how the numbers are written is the recogniser's choice"
    )
    return [each.encode() for each in [*numbers, *names, *spoken]]


def test_the_search_for_needles_finds_needles(private: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "leak.db").write_bytes(b"\0\1xx" + private[-1].upper() + b"\0RIFF")
    (tmp_path / "digits.db").write_bytes(b"card 4111 1111")
    (tmp_path / "ids.db").write_bytes(b"0198e0c4-1f2a-7411-1b2c-4111aa054111")
    assert set(everything_in(tmp_path, [*private, *SOUND])) == {"leak.db", "digits.db"}


def test_no_file_of_the_data_folder_holds_sound_or_personal_data_in_the_clear(
    house: House, private: list[bytes]
) -> None:
    names = {file.name for file in house.candor.data.rglob("*") if file.is_file()}
    assert {"candor.db", "engine.db", "master.key"} <= names
    sealed = [file for file in (house.candor.data / "objects").rglob("*") if file.is_file()]
    assert len(sealed) >= 6 * len(house.ids)
    assert everything_in(house.candor.data, private) == {}
    assert everything_in(house.candor.data / "objects", [*SOUND, b"utterances", b"silver oak"]) == {}
    databases = {name: hits for name, hits in everything_in(house.candor.data, SOUND).items() if "objects" not in name}
    assert databases == {}


def test_a_scan_of_the_database_would_see_plain_text(house: House) -> None:
    """The redacted text is there in the clear, so the search above did read what it should."""
    assert [name for name in everything_in(house.candor.data, [b"account number"]) if "candor.db" in name]


def test_only_the_owner_reads_the_data_folder_and_the_key(house: House) -> None:
    assert house.candor.data.stat().st_mode & 0o077 == 0
    assert (house.candor.data / "master.key").stat().st_mode & 0o777 == 0o600
    for file in (house.candor.data / "objects").rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o077 == 0, file


def test_the_same_bytes_are_never_sealed_to_the_same_bytes(house: House) -> None:
    beginnings = [file.read_bytes()[:40] for file in (house.candor.data / "objects").rglob("*") if file.is_file()]
    assert len(set(beginnings)) == len(beginnings)


def test_nothing_private_is_logged_by_web_workers_and_commands(house: House, private: list[bytes]) -> None:
    client, word = house.client, "zebrafinch"
    client.get("/api/v1/search", params={"q": f"{word} 4111111111111111"})
    client.get("/api/v1/search", params={"q": "x" * 3000 + word})
    client.get(f"/api/v1/conversations/{word}")
    client.get("/api/v1/conversations", params={"since": word, "cursor": word})
    client.post("/api/v1/imports/raw", content=b"RIFF" + word.encode(), headers={"Candor-Metadata": word})
    client.post(f"/api/v1/conversations/{house.ids['03']}/evaluations", json={"verdict": word})
    client.get("/api/v1/health", headers={"Authorization": f"Bearer {word}"})
    with httpx.Client(base_url=house.server.address) as visitor:
        visitor.get("/conversations", params={"q": word})
        visitor.post("/login", data={"login": word, "password": word})
    log = house.server.log.read_bytes()
    assert b'"stage done"' in log
    for needle in [*private, word.encode(), house.token.encode(), b"Robin", b"Emma", b"Dawson"]:
        assert needle.lower() not in log.lower(), needle
    assert not re.search(rb"\d{9,}", re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|\d+\.\d+", b"", log))
    assert not house.imported.err


def test_without_its_data_key_the_sound_is_gone(house: House, tmp_path: Path) -> None:
    an_id = house.ids["13"]
    [(object_id,)] = house.candor.sql(
        "select object_id from artifact where conversation_id = ? and kind = 'playback'", an_id
    )
    assert house.candor.run("audio", an_id, "-o", tmp_path / "before.flac").code == 0
    kept = house.candor.sql("select * from data_key where object_id = ?", object_id)[0]
    house.candor.sql("delete from data_key where object_id = ?", object_id)
    try:
        done = house.candor.run("audio", an_id, "-o", tmp_path / "after.flac")
        assert done.code == 4
        assert done.err == "candor: The key of this object was destroyed: it cannot be opened any more.\n"
        assert not (tmp_path / "after.flac").exists()
        answer = house.client.get(f"/api/v1/conversations/{an_id}/audio")
        assert (answer.status_code, answer.json()["code"]) == (500, "vault.shredded")
        assert answer.headers["content-type"] == "application/problem+json"
        assert house.candor.run("audio", house.ids["03"], "-o", tmp_path / "other.flac").code == 0
    finally:
        house.candor.sql(f"insert into data_key values ({', '.join('?' * len(kept))})", *kept)


def test_a_changed_byte_is_told_and_nothing_of_it_is_played(house: House, tmp_path: Path) -> None:
    [(object_id,)] = house.candor.sql(
        "select object_id from artifact where conversation_id = ? and kind = 'playback'", house.ids["13"]
    )
    [file] = [found for found in (house.candor.data / "objects").rglob("*") if found.name == object_id]
    shutil.copy(file, tmp_path / "kept")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    try:
        done = house.candor.run("audio", house.ids["13"], "-o", tmp_path / "call.flac")
        assert done.code == 4
        assert "does not verify" in done.err
    finally:
        shutil.copy(tmp_path / "kept", file)
