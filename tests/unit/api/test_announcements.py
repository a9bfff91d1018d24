"""Announcements through the API: made, uploaded, heard, retired, and by whom."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.model import Right
from candor.api.app import create_api
from candor.services import Services
from candor.settings import load
from tests.unit.api.test_api import bearer
from tests.unit.pipeline.test_announcing import recording

PATH = "/api/v1/consent/announcements"
SAID: dict[str, Any] = {"level": 2, "language": "en", "company": "Example Bank"}
speaks = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = wiring.open_services(load(data=tmp_path / "data"))
    yield made
    made.database.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_api(services), raise_server_exceptions=False) as made:
        made.headers.update(bearer(services, Right.CONSENT_READ, Right.CONSENT_MANAGE))
        yield made


def upload(client: TestClient, data: bytes, words: object = SAID, **more: Any) -> Any:
    text = words if isinstance(words, str) else json.dumps(words)
    return client.post(f"{PATH}/upload", data={"words": text}, files={"file": ("a.wav", data)}, **more)


@speaks
def test_an_announcement_is_made_heard_and_retired(client: TestClient) -> None:
    made = client.post(PATH, json={**SAID, "beep": True})
    assert made.status_code == 201
    told = made.json()
    assert "Example Bank" in told["text"]
    assert (told["level"], told["asks"], told["recognised"], told["retired_at"]) == (2, False, True, None)
    assert told["covers"]["recording-fact"] == "spoken"
    assert client.get(made.headers["location"]).json() == told
    wav = client.get(f"{PATH}/{told['version']}/sound.wav")
    assert (wav.status_code, wav.headers["content-type"]) == (200, "audio/wav")
    narrow = soundfile.info(io.BytesIO(wav.content))
    wide = client.get(f"{PATH}/{told['version']}/sound.wav?rate=16000").content
    assert (narrow.samplerate, soundfile.info(io.BytesIO(wide)).samplerate) == (8_000, 16_000)
    for form in ("ulaw", "alaw"):
        assert len(client.get(f"{PATH}/{told['version']}/sound.{form}").content) == narrow.frames
    assert client.get(f"{PATH}/{told['version']}/sound.exe").status_code == 404
    gone = client.post(f"{PATH}/{told['version']}/retire", json={"reason": "new wording"})
    assert gone.json()["retired_at"]
    assert client.get(PATH).json() == {"announcements": []}
    assert len(client.get(f"{PATH}?retired=true").json()["announcements"]) == 1


def test_a_preview_keeps_nothing(client: TestClient) -> None:
    shown = client.post(PATH, json={**SAID, "language": "de", "preview": True})
    assert shown.status_code == 200
    assert "aufgezeichnet" in shown.json()["text"]
    assert client.get(PATH).json() == {"announcements": []}


def test_an_own_text_without_sound(client: TestClient) -> None:
    own = {"level": 2, "language": "cy", "text": "Recordir yr alwad hon.", "covers": ["recording-fact"], "silent": True}
    told = client.post(PATH, json=own).json()
    assert (told["language"], told["spoken_by"], told["recognised"]) == ("cy", None, False)
    assert client.get(f"{PATH}/{told['version']}/sound.wav").json()["code"] == "announcement.silent"


def test_a_recording_is_uploaded_with_its_words(client: TestClient) -> None:
    answer = upload(client, recording())
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["spoken_by"], told["recognised"]) == ("upload", True)
    assert client.get(f"{PATH}/{told['version']}/sound.ulaw").status_code == 200


@pytest.mark.parametrize(
    ("data", "words", "status", "code"),
    [
        (b"", SAID, 422, "media.empty"), (recording(0.2), SAID, 422, None),
        (recording(), "{", 422, "announcement.words"),
        (recording(), {"level": 2}, 422, "announcement.words"), (recording(), {**SAID, "level": 9}, 422, None),
        (recording(), {**SAID, "text": "Calls may be recorded.", "covers": ["recording-fact"]}, 422, None),
        (recording(), {**SAID, "colour": "red"}, 422, "announcement.words"),
    ],
)  # fmt: skip
def test_uploads_that_cannot_be_taken(
    client: TestClient, data: bytes, words: object, status: int, code: str | None
) -> None:
    answer = upload(client, data, words)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert code is None or answer.json()["code"] == code
    assert client.get(f"{PATH}?retired=true").json() == {"announcements": []}


def test_an_upload_is_a_form_and_has_a_limit(client: TestClient) -> None:
    assert client.post(f"{PATH}/upload", content=b"RIFF").json()["code"] == "announcement.form"
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post(f"{PATH}/upload", content=b"--y", headers=broken).json()["code"] == "announcement.form"
    assert upload(client, bytes(42_000_000)).status_code == 413


@pytest.mark.parametrize(
    "sent",
    [
        {"level": 2}, {**SAID, "level": 9}, {**SAID, "level": 3, "language": "xx"}, {**SAID, "elements": ["nonsense"]},
        {**SAID, "keys": "11"}, {**SAID, "keys": "1"}, {**SAID, "company": "<Hangup/>"}, {**SAID, "retention_days": 0},
        {**SAID, "level": 3, "elements": ["retention-period"]},
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(client: TestClient, sent: dict[str, Any]) -> None:
    answer = client.post(PATH, json=sent)
    assert answer.status_code == 422
    assert answer.json()["advice"]


def test_only_who_manages_changes_them(services: Services) -> None:
    with TestClient(create_api(services), raise_server_exceptions=False) as client:
        client.headers.update(bearer(services, Right.CONSENT_READ, Right.CONSENT_WRITE))
        assert client.get(PATH).status_code == 200
        assert client.post(PATH, json=SAID).status_code == 403
        assert upload(client, recording()).status_code == 403
        assert client.post(f"{PATH}/x/retire", json={}).status_code == 403
