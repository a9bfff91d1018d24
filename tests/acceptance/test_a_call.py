"""A recorded call goes in by one command and can be read, found, taken along and heard by others."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from demo.dialogue import load_all

from candor.conversation.vcon import parse
from tests.acceptance.conftest import CLIPS, House
from tests.acceptance.product import CALLS, Candor, cut

pytestmark = pytest.mark.slow

SAID = ("alice", "morgan", "4111", "1111", "one one one", "seven seven three", "four nine two one")
"""Of call 03, in every writing that the recogniser might choose."""


def truth(call: str, kind: str) -> list[tuple[float, float]]:
    """When personal data of a kind is said in the part of the demo call that was imported."""
    whole = json.loads((CALLS / "truth.json").read_text())
    name = next(name for name in whole if name.startswith(call))
    return [
        (each["start"], each["end"])
        for turn in whole[name]["turns"]
        for each in turn["pii"]
        if each["kind"] == kind and each["end"] < CLIPS[call][1]
    ]


def test_import_tells_what_became_of_each_file(house: House) -> None:
    told = house.imported.json
    assert house.imported.code == 0
    assert {each["file"] for each in told["imported"]} == {"01.opus", "03.opus", "13.opus"}
    assert told["failed"] == told["already_there"] == []


def test_show_gives_transcript_with_word_times_and_both_roles(house: House) -> None:
    call = house.show("03")
    assert call["status"] == "ready"
    assert {each["state"] for each in call["stages"]} == {"done"}
    said = call["transcript"]
    assert {speaker["role"] for speaker in said["speakers"]} == {"agent", "customer"}
    assert (said["engine"], said["split"]) == ("moonshine", "channel")
    assert len(said["utterances"]) >= 8
    for each in said["utterances"]:
        assert each["words"], each
        assert " ".join(word["text"] for word in each["words"]) == each["text"]
        for word in each["words"]:
            assert 0 <= word["start"] <= word["end"] <= CLIPS["03"][1] + 0.1
            assert 0 < word["confidence"] <= 1
    starts = [each["start"] for each in said["utterances"]]
    assert starts == sorted(starts)


def test_show_gives_metadata_of_the_manifest_with_the_customer_masked(house: House) -> None:
    call = house.show("03")
    dialogue = next(each for each in load_all() if each.id.startswith("03"))
    assert (call["external_id"], call["agent_id"]) == (f"demo-{dialogue.id}", dialogue.agent)
    assert (call["queue"], call["direction"], call["utc_offset_minutes"]) == (dialogue.queue, "inbound", -300)
    customer = next(party for party in call["parties"] if party["role"] == "customer")
    assert (customer["number"], customer["name"]) == ("…" + dialogue.caller[-4:], None)
    assert call["recording"]["mediatype"] == "audio/ogg"
    assert call["recording"]["size"] == (house.manifest.parent / "03.opus").stat().st_size


def test_card_account_and_name_are_masked_where_they_are_said(house: House) -> None:
    call = house.show("03")
    for kind in ("CARD", "ACCOUNT", "NAME"):
        masked = [(each["start"], each["end"]) for each in call["redactions"] if each["kind"] == kind]
        for start, end in truth("03", kind):
            heard = sum(max(0.0, min(end, stop) - max(start, begin)) for begin, stop in masked)
            assert heard >= 0.9 * (end - start), (kind, start, end, masked)
    assert "[CARD_1]" in json.dumps(call["transcript"])


def test_metrics_findings_and_scores_point_into_the_call(house: House) -> None:
    call = house.show("03")
    metrics = {each["name"]: each["value"] for each in call["metrics"]}
    assert 0.2 < metrics["talk.share.agent"] < 0.8
    assert len(metrics) >= 15
    count, end = len(call["transcript"]["utterances"]), CLIPS["03"][1] + 0.1
    assert call["findings"]
    for finding in call["findings"]:
        assert all(0 <= place < count for place in finding["utterances"])
        assert 0 <= finding["start"] <= finding["end"] <= end, finding
    [evaluation] = call["evaluations"]
    assert (evaluation["source"], evaluation["scorecard"]) == ("automatic", "customer-service-basics")
    assert len(evaluation["answers"]) >= 12
    verdicts = {answer["question"]: answer["verdict"] for answer in evaluation["answers"]}
    assert verdicts["greeting"] == "yes"
    for answer in evaluation["answers"]:
        assert answer["rule"].startswith("customer-service-basics/")
        if answer["verdict"] in {"yes", "no"}:
            assert answer["evidence"], answer["question"]
        for evidence in answer["evidence"]:
            assert 0 <= evidence["start"] <= evidence["end"] <= end, (answer["question"], evidence)


def test_search_finds_a_phrase_and_who_said_it(house: House) -> None:
    card = house.ids["03"]
    assert house.candor.found('"account number"') == [card]
    assert house.candor.found('customer:"my bill by card"') == [card]
    assert house.candor.found('agent:"my bill by card"') == []
    answer = house.client.get("/api/v1/search", params={"q": 'customer:"my bill by card"'}).json()
    assert [row["id"] for row in answer["conversations"]] == [card]
    assert "\ue000" in answer["conversations"][0]["snippet"]


def test_masked_words_are_found_by_nobody(house: House) -> None:
    for words in ("alice", "morgan", "4111", "1111", '"seven seven three"'):
        assert house.client.get("/api/v1/search", params={"q": words}).json()["conversations"] == [], words


@pytest.mark.parametrize("form", ["json", "csv", "vcon"])
def test_an_export_holds_the_call_and_nothing_that_was_masked(house: House, form: str, tmp_path: Path) -> None:
    target = tmp_path / f"call.{form}"
    done = house.candor.run("export", house.ids["03"], "--format", form, "-o", target)
    assert (done.code, done.err) == (0, "")
    assert target.stat().st_mode & 0o077 == 0
    text = target.read_text()
    assert "[CARD_1]" in text
    for each in SAID:
        assert each not in text.lower(), each
    served = house.client.get(f"/api/v1/conversations/{house.ids['03']}/export", params={"format": form})
    assert served.status_code == 200
    if form == "json":
        assert json.loads(text)["id"] == house.ids["03"] == served.json()["id"]
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row["role"] for row in rows} == {"agent", "customer"}
        assert served.text.strip().splitlines() == text.strip().splitlines()
    else:
        read = parse(text.encode())
        assert read.transcript is not None
        assert "[CARD_1]" in " ".join(said.text for said in read.transcript.utterances)
        assert [each.role for each in read.parties] == ["customer", "agent"]


@pytest.mark.shared
def test_the_exported_vcon_fits_the_working_groups_schema(house: House, shared: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((shared / "vcon_samples/dev/ietf_core/vcon_json_schema.json").read_text())
    made = house.candor.run("export", house.ids["03"], "--format", "vcon")
    jsonschema.Draft202012Validator(schema).validate(made.json)


def sound_of(house: House, call: str, target: Path) -> tuple[Any, int]:
    done = house.candor.run("audio", house.ids[call], "--redacted", "-o", target)
    assert (done.code, done.err) == (0, "")
    assert soundfile.info(target).format == "FLAC"
    samples, rate = soundfile.read(target)
    return samples, rate


def test_masked_sound_holds_only_the_tone_and_the_rest_is_untouched(house: House, tmp_path: Path) -> None:
    samples, rate = sound_of(house, "03", tmp_path / "call.flac")
    assert samples.shape == (round(CLIPS["03"][1] * rate), 2)
    original, _ = soundfile.read(house.manifest.parent / "03.opus")
    masked = np.zeros(len(samples), bool)
    for span in house.show("03")["redactions"]:
        start, stop = round(span["start"] * rate), round(span["end"] * rate)
        masked[max(0, start - rate // 100) : stop + rate // 100] = True
        for channel in (0, 1):
            inside = samples[start + rate // 50 : stop - rate // 50, channel]
            power = np.abs(np.fft.rfft(inside * np.hanning(len(inside)))) ** 2
            peak = int(power.argmax())
            assert power[max(0, peak - 3) : peak + 4].sum() > 0.99 * power.sum(), (span["kind"], channel)
            assert abs(peak * rate / len(inside) - 440) < 5
            assert np.abs(inside).max() < 0.1
    assert 0.1 < masked.mean() < 0.4
    for channel in (0, 1):
        left, right = samples[~masked, channel], original[: len(samples)][~masked, channel]
        assert np.corrcoef(left, right)[0, 1] > 0.99


def test_the_card_number_cannot_be_heard(house: House, tmp_path: Path) -> None:
    samples, rate = sound_of(house, "03", tmp_path / "call.flac")
    for start, end in truth("03", "CARD"):
        part = samples[round(start * rate) : round(end * rate), 0]
        frames = part[: len(part) // 160 * 160].reshape(-1, 160) * np.hanning(160)
        power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
        speech = power[:, 20:].sum(axis=1) / power.sum(axis=1)  # above 1 kHz, where a tone of 440 Hz has nothing
        assert (speech < 1e-4).mean() > 0.9, (start, end)


def test_sound_is_served_in_ranges(house: House, tmp_path: Path) -> None:
    path = f"/api/v1/conversations/{house.ids['03']}/audio"
    sound_of(house, "03", tmp_path / "call.flac")
    whole = (tmp_path / "call.flac").read_bytes()
    assert house.client.get(path).content == whole
    part = house.client.get(path, headers={"Range": "bytes=70000-70099"})
    assert (part.status_code, part.content) == (206, whole[70_000:70_100])
    assert house.client.get(path, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_commands_and_api_tell_the_same_of_a_call(house: House) -> None:
    assert house.client.get(f"/api/v1/conversations/{house.ids['03']}").json() == house.show("03")


def test_importing_again_imports_nothing_twice(house: House) -> None:
    again = house.candor.json("import", house.manifest)
    assert again["imported"] == again["failed"] == []
    assert {each["id"] for each in again["already_there"]} == set(house.ids.values())
    told = house.candor.run("import", house.manifest)
    assert (told.code, told.out.splitlines()[0]) == (0, "0 imported and processed, 3 there already, 0 failed.")


@pytest.mark.parametrize(
    "words", [("show", "ID"), ("export", "ID", "--format", "vcon"), ("audio", "ID", "-o", "x.flac")]
)
def test_what_is_not_there_ends_in_a_sentence_and_exit_code_3(house: House, words: tuple[str, ...]) -> None:
    done = house.candor.run(*("01900000-0000-7000-8000-000000000000" if word == "ID" else word for word in words))
    assert (done.code, done.out) == (3, "")
    assert done.err == "candor: There is no such conversation.\n"


def test_a_list_that_goes_into_a_pipe_tells_whole_ids(house: House) -> None:
    done = house.candor.run("list")
    for an_id in house.ids.values():
        assert an_id in done.out


def test_a_folder_is_imported_without_a_manifest_by_one_command(tmp_path: Path) -> None:
    """No server, no manifest, no log-in: the command starts workers of its own."""
    (tmp_path / "calls").mkdir()
    cut("13", tmp_path / "calls" / "hello.opus", 0, 5)
    candor = Candor(tmp_path / "data")
    done = candor.run("import", tmp_path / "calls")
    assert done.code == 0, done.err
    assert done.out.startswith("1 imported and processed, 0 there already, 0 failed.")
    assert "the file's own date was taken" in done.out
    assert candor.json("status")["runs"] == {"done": 1}
