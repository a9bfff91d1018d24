"""Card verification codes are kept nowhere: not in the original, the working copy, the document, a transcript."""

from __future__ import annotations

import hashlib
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.errors import Damaged, NotFound
from candor.pipeline import store as artifacts
from candor.pipeline.excising import brought
from candor.pipeline.shelf import WORKING
from candor.vault import store as objects
from tests.unit.pipeline.kept import Kept

CALLS = Path(__file__).resolve().parents[3] / "demo" / "calls"
FROM, UNTIL = 60.0, 80.0
"""Seconds of the demo call in which the code is asked for and said."""
RATE = 8000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "house", beam=1, residual_check="off")
    yield made
    made.close()


@pytest.fixture(scope="module")
def call() -> np.ndarray:
    """Customer left, agent right: int16 of shape (frames, 2)."""
    with av.open(str(CALLS / "16-outbound-payment-reminder.opus")) as container:
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
        frames = [out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    samples = np.concatenate(frames, axis=1).reshape(-1, 2)
    return samples[round(FROM * RATE) : round(UNTIL * RATE)]


def code_at(call_id: str = "16-outbound-payment-reminder") -> tuple[float, float]:
    truth = json.loads((CALLS / "truth.json").read_text(encoding="utf-8"))[call_id]
    (span,) = [pii for turn in truth["turns"] for pii in turn["pii"] if pii["kind"] == "CVV"]
    return span["start"] - FROM, span["end"] - FROM


def as_wav(samples: np.ndarray) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def as_flac(samples: np.ndarray) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, RATE, format="FLAC")
    return out.getvalue()


def take(house: Kept, name: str, data: bytes) -> str:
    upload = house.services.intake.begin(name, {"customer_channel": 0, "agent_channel": 1}, actor="test")
    upload.write(data)
    conversation_id = upload.finish().conversation_id
    house.process()
    return conversation_id


def test_a_code_is_cut_out_of_the_original_and_the_old_key_destroyed(house: Kept, call: np.ndarray) -> None:
    data = as_wav(call)
    upload = house.services.intake.begin("call.wav", {"customer_channel": 0, "agent_channel": 1}, actor="test")
    upload.write(data)
    conversation_id = upload.finish().conversation_id
    shelf = house.services.shelf
    with house.services.database.read() as uow:
        before = shelf.conversation(uow, conversation_id).recording
        came = brought(uow, conversation_id)
    house.process()
    start, end = code_at()
    with house.services.database.read() as uow:
        conversation = shelf.conversation(uow, conversation_id)
        recording = conversation.recording
        assert before is not None
        assert recording is not None
        kept = shelf.vault.read(uow, recording.object_id)
        cuts = shelf.cuts(uow, conversation_id)
        working, _ = soundfile.read(shelf.working(uow, conversation_id), dtype="int16")
        found = shelf.transcript(uow, conversation_id)
        log = [one for one in audit.entries(uow, conversation_id) if one.event == Event.CODE_CUT]
        # (1) the old original cannot be opened by anybody any more
        for object_id in came:
            with pytest.raises(Damaged, match="destroyed"):
                shelf.vault.open(uow, object_id)
    # (2) silence where the code was, every other byte as it came
    assert len(kept) == len(data)
    assert kept[:44] == data[:44]
    samples = np.frombuffer(kept[44:], "<i2").reshape(-1, 2)
    assert not samples[round(start * RATE) : round(end * RATE)].any()
    assert not working[round(start * RATE) : round(end * RATE)].any()
    silent = np.zeros(len(samples), bool)
    (times,) = [cut["times"] for cut in cuts]
    for begin, stop in times:
        silent[int(begin * RATE) : int(np.ceil(stop * RATE))] = True
    assert np.array_equal(samples[~silent], call[~silent])
    assert silent.sum() < 4 * RATE
    # (3) the trail
    assert cuts[0]["before"] == before.sha512 == hashlib.sha512(data).hexdigest()
    assert cuts[0]["after"] == recording.sha512 == hashlib.sha512(kept).hexdigest()
    assert len(log) == 1
    assert before.sha512[:16] in (log[0].subject or "")
    assert recording.sha512[:16] in log[0].subject
    # (4) the text
    assert found is not None
    said = " ".join(utterance.text for utterance in found[1].utterances)
    assert "[CVV_1]" in said


def test_the_same_file_is_still_known_and_does_not_bring_the_code_back(house: Kept, call: np.ndarray) -> None:
    first = take(house, "call.wav", as_wav(call))
    assert take(house, "again.wav", as_wav(call)) == first


def test_compressed_sound_is_kept_as_flac_without_the_code(house: Kept, call: np.ndarray) -> None:
    conversation_id = take(house, "call.flac", as_flac(call))
    shelf = house.services.shelf
    start, end = code_at()
    with house.services.database.read() as uow:
        recording = shelf.conversation(uow, conversation_id).recording
        assert recording is not None
        kept, rate = soundfile.read(io.BytesIO(shelf.vault.read(uow, recording.object_id)), dtype="int16")
        (cut,) = shelf.cuts(uow, conversation_id)
    assert recording.mediatype == "audio/flac"
    assert not cut["same_form"]
    assert rate == RATE
    assert len(kept) == len(call)
    assert not kept[round(start * RATE) : round(end * RATE)].any()
    assert kept.any()


def test_run_again_nothing_more_is_cut(house: Kept, call: np.ndarray) -> None:
    conversation_id = take(house, "call.wav", as_wav(call))
    with house.services.database.write() as uow:
        artifacts.add_run(uow, conversation_id, reason="again", first_stage="decode", options={})
    house.process()
    with house.services.database.read() as uow:
        assert len(house.services.shelf.cuts(uow, conversation_id)) == 1
        assert house.services.shelf.working(uow, conversation_id) is not None


def test_killed_before_the_commit_the_original_is_as_it_was(
    house: Kept, call: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = house.services.intake.begin("call.wav", {}, actor="test")
    upload.write(as_wav(call))
    conversation_id = upload.finish().conversation_id
    real = artifacts.put_artifact

    def dies(uow: object, an_id: str, kind: str, **more: object) -> str | None:
        if kind == "excised":
            raise MemoryError  # in the middle of the unit of work: everything in it is rolled back
        return real(uow, an_id, kind, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(artifacts, "put_artifact", dies)
    house.process()
    shelf = house.services.shelf
    with house.services.database.read() as uow:
        recording = shelf.conversation(uow, conversation_id).recording
        assert recording is not None
        assert shelf.vault.read(uow, recording.object_id) == as_wav(call)
        assert artifacts.get_artifact(uow, conversation_id, WORKING) is not None
        assert shelf.transcript(uow, conversation_id) is None
        known = objects.ids(uow)
    monkeypatch.undo()
    with house.services.database.write() as uow:
        artifacts.add_run(uow, conversation_id, reason="again", first_stage="transcribe", options={})
    house.process()
    with house.services.database.read() as uow:
        assert len(shelf.cuts(uow, conversation_id)) == 1
        assert recording.object_id in known
        assert recording.object_id not in objects.ids(uow)


def test_a_written_conversation_loses_its_code_and_the_document_that_brought_it(house: Kept) -> None:
    code = "739"
    conversation_id = house.take(said=f"The security code on the back is {code}.", answer="Thank you.", process=False)
    shelf = house.services.shelf
    with house.services.database.read() as uow:
        came = brought(uow, conversation_id)
    house.process()
    with house.services.database.read() as uow:
        given = shelf.given_transcript(uow, conversation_id)
        assert given is not None
        texts = " ".join(one.text for one in given.utterances)
        left = [shelf.vault.read(uow, one) for one in objects.of_conversation(uow, conversation_id)]
        assert came
        assert not set(came) & objects.ids(uow)
        assert len(shelf.cuts(uow, conversation_id)) == 1
    assert "[CVV_1]" in texts
    assert code not in texts
    assert not any(f"back is {code}".encode() in data for data in left)


def test_a_conversation_without_a_code_keeps_its_original(house: Kept) -> None:
    conversation_id = house.take()
    with house.services.database.read() as uow:
        assert house.services.shelf.cuts(uow, conversation_id) == ()
        assert brought(uow, conversation_id)
        with pytest.raises(NotFound):
            register.get(uow, "none", unseal=bytes)
