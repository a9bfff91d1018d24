"""Whatever comes in: each fault has a message of its own, at every door, and stops nothing else."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.acceptance.product import BROKEN, PASSWORD, Candor, Done, Server, cut, noise, served

pytestmark = pytest.mark.slow

REFUSED = {
    "empty.wav": "media.empty",
    "truncated_header.wav": "media.truncated",
    "truncated_to_nothing.wav": "media.truncated",
    "too_short.wav": "media.too_short",
    "encrypted_zip.wav": "media.encrypted",
    "encrypted_pgp.wav": "media.encrypted",
    "encrypted_copy_protected.m4a": "media.encrypted",
    "archive_zip.wav": "media.archive",
    "archive_bomb.mp3": "media.archive",
    "text.wav": "media.not_audio",
    "picture.mp3": "media.not_audio",
    "video_without_sound.mp4": "media.no_audio_track",
    "noise_with_a_recording_name.wav": "media.unknown_format",
    "rate_1_hz.wav": "media.rate",
    "rate_10_mhz.wav": "media.rate",
    "channels_200.wav": "media.channels",
    "endless.flac": "media.too_long",
    "large.wav": "media.too_large",
    "not-json.vcon": "vcon.json",
    "no-parties.vcon": "vcon.invalid",
    "elsewhere.vcon": "vcon.no_content",
    "nothing.vcon": "vcon.no_content",
}
ON_THE_WAY = {"endless.flac", "too_short.wav", "truncated_to_nothing.wav"}
"""Their headers look well: it shows when they are read to their end."""
ROWS = {
    "no-zone": ("file=good.wav,start=2026-03-02T09:00:00", "start.no_zone"),
    "bad-zone": ("file=good.wav,start=2026-03-02T09:00:00,tz=Mars/Olympus", "start.zone"),
    "skipped": ("file=good.wav,start=2026-03-29T02:30:00,tz=Europe/Berlin", "start.nonexistent"),
    "twice": ("file=good.wav,start=2026-10-25T02:30:00,tz=Europe/Berlin", "start.ambiguous"),
    "no-date": ("file=good.wav,start=yesterday", "start.format"),
    "up": ("file=../good.wav", "manifest.path"),
    "root": ("file=/etc/passwd", "manifest.path"),
    "share": (r"file=\\server\share\call.wav", "manifest.path"),
    "link": ("file=link.wav", "manifest.path"),
    "gone": ("file=gone.wav", "manifest.missing"),
    "sideways": ("file=good.wav,direction=sideways", "manifest.direction"),
}
TAKEN = {
    "fifth": ("file=fifth.wav,agent_channel=5", "puts the agent on channel 6, but the recording has 2 channels"),
    "stranger": ("file=stranger.wav,agent=A999", "The agent is not known here yet"),
}
COLUMNS = ("call_id", "file", "start", "tz", "direction", "agent", "agent_channel")
VCON = {
    "vcon": "0.4.0",
    "uuid": "019f15a6-a752-826f-b9a2-279e0d16bc46",
    "created_at": "2026-03-02T09:20:00+01:00",
    "parties": [{"name": "Ada", "role": "agent"}, {"tel": "+12125550100", "role": "customer"}],
    "dialog": [],
}
REMOTE = {"type": "recording", "start": "2026-03-02T09:15:00+01:00", "parties": [0, 1], "mediatype": "audio/wav",
          "url": "https://recordings.example.com/calls/one.wav", "content_hash": "sha512-" + "A" * 86}  # fmt: skip


def make_batch(folder: Path) -> None:
    folder.mkdir()
    for name in REFUSED:
        if (BROKEN / name).exists():
            shutil.copy(BROKEN / name, folder)
    soundfile.write(folder / "endless.flac", np.zeros(8000 * 600, "int16"), 8000)
    assert (folder / "endless.flac").stat().st_size < 50_000
    noise(folder / "large.wav", 33.0)
    (folder / "not-json.vcon").write_text("{ this is no vCon")
    (folder / "no-parties.vcon").write_text(json.dumps({"vcon": "0.4.0", "uuid": VCON["uuid"], "parties": "none"}))
    (folder / "elsewhere.vcon").write_text(json.dumps(VCON | {"dialog": [REMOTE]}))
    (folder / "nothing.vcon").write_text(json.dumps(VCON))
    for name in ("wav_named.mp3", "silence.wav", "dead_channel.wav", "truncated_in_the_middle.wav"):
        shutil.copy(BROKEN / name, folder)
    cut("13", folder / "good.opus", 0, 5)
    shutil.copy(folder / "good.opus", folder / "the same.opus")
    shutil.copy(BROKEN / "empty.wav", folder / "12025550143.wav")


def make_rows(folder: Path) -> Path:
    folder.mkdir()
    noise(folder / "good.wav", 1.0, seed=1)
    noise(folder / "fifth.wav", 1.0, seed=2)
    noise(folder / "stranger.wav", 1.0, seed=3)
    noise(folder.parent / "good.wav", 1.0, seed=4)
    (folder / "link.wav").symlink_to("/etc/passwd")
    lines = [",".join(COLUMNS)]
    for call, (text, _) in (ROWS | TAKEN).items():
        cells = dict(pair.split("=", 1) for pair in text.split(",")) | {"call_id": call}
        lines.append(",".join(cells.get(column, "") for column in COLUMNS))
    manifest = folder / "rows.csv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


@dataclass
class Batch:
    """What one command made of everything."""

    candor: Candor
    folder: Path
    done: Done
    told: Any
    attention: dict[str, Any]
    """What ``candor status`` lists, by conversation or file."""

    def failure(self, name: str) -> Any:
        return next(each for each in self.told["failed"] if name in each["file"])


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("bad")
    candor = Candor(folder / "data", {"CANDOR_UPLOAD_LIMIT": "500000", "CANDOR_LONGEST_HOURS": "0.05"})
    added = candor.run("user", "add", "ada", "--role", "agent", "--agent-id", "A101", "--name", "Ada", given=PASSWORD)
    assert added.code == 0, added.err
    make_batch(folder / "batch")
    rows = make_rows(folder / "rows")
    done = candor.run("import", folder / "batch", rows, folder / "missing.wav", folder / "no*such", "--json")
    attention = {each["conversation_id"] or each["file"]: each for each in candor.json("status")["attention"]}
    return Batch(candor, folder, done, done.json, attention)


def test_the_command_ends_with_1_and_takes_what_is_good(batch: Batch) -> None:
    assert batch.done.code == 1
    taken = {each["file"] for each in batch.told["imported"]}
    same = {each["file"] for each in batch.told["already_there"]}
    assert (taken - ON_THE_WAY) | same == {
        "wav_named.mp3", "silence.wav", "dead_channel.wav", "truncated_in_the_middle.wav", "good.opus", "the same.opus",
        "fifth.wav", "stranger.wav",
    }  # fmt: skip
    assert len(same) == 1
    assert same <= {"good.opus", "the same.opus"}
    runs = batch.candor.json("status")["runs"]
    assert runs == {"done": 7, "parked": len(ON_THE_WAY)}


@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_a_refused_file_is_told_and_listed(batch: Batch, name: str, code: str) -> None:
    failure = batch.failure(name)
    assert failure["code"] == code, failure
    assert failure["message"].endswith(".")
    listed = batch.attention[failure["id"] or name]
    assert (listed["code"], listed["message"]) == (code, failure["message"])
    assert (failure["id"] is not None) == (name in ON_THE_WAY)


def test_every_kind_of_fault_has_words_of_its_own(batch: Batch) -> None:
    by_code: dict[str, set[str]] = {}
    for failure in batch.told["failed"]:
        by_code.setdefault(failure["code"], set()).add(re.sub(r"\(.*\)|[\d.:,]+|is [a-z /]+\.", "", failure["message"]))
    messages = [text for texts in by_code.values() for text in texts]
    assert len(set(messages)) == len(messages)
    assert len(by_code) >= 22


@pytest.mark.parametrize(("call", "code"), [(call, code) for call, (_, code) in ROWS.items()])
def test_a_row_that_cannot_be_taken_is_told_with_its_line(batch: Batch, call: str, code: str) -> None:
    line = 2 + list(ROWS).index(call)
    failure = next(each for each in batch.told["failed"] if each["file"].startswith(f"rows.csv line {line} "))
    assert failure["code"] == code
    assert "/etc" not in failure["message"] + failure["advice"] + failure["file"]
    assert any(name.startswith(f"rows.csv line {line} ") for name in batch.attention)


@pytest.mark.parametrize(("call", "note"), [(call, note) for call, (_, note) in TAKEN.items()])
def test_facts_that_contradict_the_recording_are_noted(batch: Batch, call: str, note: str) -> None:
    notes = [each["note"] for each in batch.told["notes"] if each["file"] == f"{call}.wav"]
    assert any(note in each for each in notes), notes


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("wav_named.mp3", "WAV"),
        ("silence.wav", "silen"),
        ("dead_channel.wav", "Channel 2 (right) is silent"),
        ("truncated_in_the_middle.wav", "header"),
    ],
)
def test_what_is_odd_is_taken_with_a_note(batch: Batch, name: str, note: str) -> None:
    notes = [each["note"] for each in batch.told["notes"] if each["file"] == name]
    assert any(note in each for each in notes), notes
    an_id = next(each["id"] for each in batch.told["imported"] if each["file"] == name)
    shown = batch.candor.show(an_id)
    assert shown["status"] == "ready"
    assert shown["transcript"]["utterances"] == []


def test_paths_that_are_not_there_are_told(batch: Batch) -> None:
    assert batch.failure("missing.wav")["code"] == "path.missing"
    assert batch.failure("no*such")["code"] == "path.no_match"


def test_a_number_in_the_name_of_a_refused_file_is_not_kept(batch: Batch) -> None:
    assert "…0143.wav" in batch.attention
    assert b"12025550143" not in (batch.candor.data / "candor.db").read_bytes()


def test_what_was_refused_leaves_no_bytes_behind(batch: Batch) -> None:
    kept = {row[0] for row in batch.candor.sql("select id from sealed_object")}
    there = {file.name for file in (batch.candor.data / "objects").rglob("*") if file.is_file()}
    assert there == kept


def test_people_read_what_failed_and_why(batch: Batch) -> None:
    told = batch.candor.run("import", batch.folder / "batch" / "empty.wav")
    assert told.code == 1
    assert told.out == "0 imported and processed, 0 there already, 1 failed.\n"
    assert "FAILED  empty.wav: The file is empty: it has no bytes." in told.err
    status = batch.candor.run("status")
    assert "The file is empty: it has no bytes." in status.out


# Over HTTP ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(batch: Batch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(batch.candor, tmp_path_factory.mktemp("log") / "serve.log", workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def token(batch: Batch) -> str:
    return batch.candor.token()


@pytest.fixture(scope="module")
def client(server: Server, token: str) -> Iterator[httpx.Client]:
    with server.client(token) as client:
        yield client


def send(client: httpx.Client, name: str, data: bytes, **facts: object) -> httpx.Response:
    return client.post("/api/v1/imports", files=[("metadata", (None, json.dumps(facts))), ("file", (name, data))])


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["detail"].endswith(".")
    assert body["title"]
    assert body["type"].startswith("urn:candor:problem:")


@pytest.mark.parametrize(("name", "code"), [pair for pair in REFUSED.items() if pair[0] not in ON_THE_WAY])
def test_the_api_refuses_with_a_problem(batch: Batch, client: httpx.Client, name: str, code: str) -> None:
    answer = send(client, f"sent {name}", (batch.folder / "batch" / name).read_bytes())
    assert_problem(answer, 413 if code == "media.too_large" else 422, code)
    assert answer.json()["detail"] == batch.failure(name)["message"]
    listed = {each["filename"]: each for each in client.get("/api/v1/health").json()["attention"]}
    assert listed[f"sent {name}"]["code"] == code


def test_a_bomb_that_shows_while_it_unpacks_is_parked(batch: Batch, client: httpx.Client) -> None:
    soundfile.write(batch.folder / "bomb.flac", np.zeros(8000 * 900, "int16"), 8000)
    taken = send(client, "bomb.flac", (batch.folder / "bomb.flac").read_bytes())
    assert taken.status_code == 202, taken.text
    path = f"/api/v1/conversations/{taken.json()['conversation_id']}"
    deadline = time.monotonic() + 60
    while (found := client.get(path).json())["status"] not in {"needs_attention", "ready"}:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert found["status"] == "needs_attention"
    assert found["attention"].startswith("The recording is longer than the limit of 3:00.")
    listed = {each["conversation_id"]: each for each in client.get("/api/v1/health").json()["attention"]}
    assert listed[found["id"]]["code"] == "media.too_long"


def test_an_upload_far_over_the_limit_is_cut_off_and_listed(client: httpx.Client) -> None:
    answer = client.post("/api/v1/imports/raw", content=bytes(3_000_000))
    assert_problem(answer, 413, "media.too_large")
    listed = client.get("/api/v1/health").json()["attention"]
    assert ("upload", "media.too_large") in {(each["filename"], each["code"]) for each in listed}

    def endless() -> Iterator[bytes]:
        for _ in range(3000):
            yield bytes(1000)

    try:
        streamed = client.post("/api/v1/imports/raw", content=endless())
    except httpx.WriteError:
        return  # the server hung up while we went on sending
    assert_problem(streamed, 413, "media.too_large")


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"start": "2026-03-02T09:00:00"}, "start.no_zone"),
        ({"start": "2026-03-02T09:00:00", "tz": "Mars/Olympus"}, "start.zone"),
        ({"start": "soon"}, "start.format"),
        ({"direction": "sideways"}, "manifest.direction"),
        ({"agent_channel": "both"}, "manifest.channel"),
        ({"colour": "red"}, "manifest.column"),
        ({"agent": ["A101"]}, "manifest.value"),
    ],
)
def test_the_api_refuses_facts_that_mean_nothing(
    batch: Batch, client: httpx.Client, facts: dict[str, object], code: str
) -> None:
    name = f"facts {code}.wav"
    answer = send(client, name, (batch.folder / "rows" / "good.wav").read_bytes(), **facts)
    assert_problem(answer, 422, code)
    listed = {each["filename"]: each for each in client.get("/api/v1/health").json()["attention"]}
    assert listed[name]["code"] == code


def test_the_api_takes_with_notes_and_knows_what_it_has(batch: Batch, client: httpx.Client) -> None:
    data = (batch.folder / "rows" / "good.wav").read_bytes()
    facts = {"call_id": "over-http", "agent": "A999", "agent_channel": 5, "start": "2026-03-02T09:00:00+01:00"}
    first = send(client, "../../etc/good.wav", data, **facts)
    assert first.status_code == 202, first.text
    notes = " ".join(first.json()["notes"])
    assert "The agent is not known here yet" in notes
    assert "puts the agent on channel 6, but the recording has 2 channels" in notes
    again = send(client, "good.wav", data, **facts)
    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert again.json()["conversation_id"] == first.json()["conversation_id"]
    other = send(client, "good.wav", data, **(facts | {"call_id": "another call"}))
    assert other.status_code == 202


def test_malformed_requests_are_problems(client: httpx.Client, server: Server) -> None:
    assert_problem(client.post("/api/v1/imports", content=b"x"), 422, "import.form")
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    cut_off = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'
    assert_problem(client.post("/api/v1/imports", content=cut_off, headers=form), 422, "import.cut_short")
    assert_problem(
        client.post("/api/v1/imports/raw", content=b"x", headers={"Candor-Metadata": "%%%"}), 422, "import.metadata"
    )
    listed = base64.urlsafe_b64encode(b"[1]").decode()
    assert_problem(
        client.post("/api/v1/imports/raw", content=b"x", headers={"Candor-Metadata": listed}), 422, "import.metadata"
    )
    assert_problem(client.get("/api/v1/conversations?limit=0"), 422, "invalid")
    assert_problem(client.get("/api/v1/conversations?cursor=zzz"), 422, "list.cursor")
    assert_problem(client.get("/api/v1/nothing"), 404, "http.404")
    assert_problem(client.get("/api/v1/conversations/nothing"), 404, "conversation.none")
    assert_problem(httpx.get(f"{server.address}/api/v1/conversations"), 401, "unauthenticated")


def test_the_page_lists_what_needs_attention(batch: Batch, server: Server) -> None:
    with httpx.Client(base_url=server.address, follow_redirects=True) as visitor:
        form = visitor.get("/login").text
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        home = visitor.post("/login", data=fields | {"login": "root", "password": PASSWORD})
        assert home.status_code == 200
        page = visitor.get("/attention").text
    for code in {*REFUSED.values(), *(code for _, code in ROWS.values())}:
        assert f"<code>{code}</code>" in page, code
    assert "12025550143" not in page
