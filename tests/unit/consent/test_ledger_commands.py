"""``candor consent event``, ``ledger``, ``quarantine``, ``never``, ``announcements`` as a person types them."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import soundfile

from candor import wiring
from candor.capture import unrecorded
from candor.capture.unrecorded import UnrecordedCall
from candor.consent import custody
from candor.consent.announcements.adapters import ALL as SYNTHESISERS
from candor.consent.custody import Custody, CustodyState
from candor.kit import clock
from candor.kit.ids import new_id
from candor.settings import load
from tests.unit.consent.test_commands import Run, run
from tests.unit.pipeline.test_announcing import recording

__all__ = ["run"]
NUMBER = "+493023125012"


def test_a_word_is_written_shown_and_proved(run: Run) -> None:
    status, out, _ = run("event", "given", "--number", NUMBER, "--call-id", "c1", "--method", "key_press",
                         "--text-version", "de-1-abc", "--reference", "menu 7", "--json")  # fmt: skip
    told = json.loads(out)
    assert (status, told["line"]["number"], told["line"]["who"], told["recorder"]) == (0, 1, "…5012", "away")
    assert NUMBER not in out
    status, out, _ = run("event", "withdrawn", "--number", NUMBER)
    assert (status, out.startswith("Line 2.")) == (0, True)
    lines = json.loads(run("ledger", "--json")[1])["lines"]
    assert [line["event"] for line in lines] == ["withdrawn", "given"]
    assert [line["event"] for line in json.loads(run("ledger", "--call-id", "c1", "--json")[1])["lines"]] == ["given"]
    assert [line["number"] for line in json.loads(run("ledger", "--event", "given", "--json")[1])["lines"]] == [1]
    assert "key_press" in run("ledger")[1]
    status, out, _ = run("verify", "--json")
    assert (status, json.loads(out)["whole"], json.loads(out)["lines"]) == (0, True, 2)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("given", "--number", NUMBER), "way in which it was given"),
        (("given", "--number", "0221", "--method", "spoken"), "no telephone number"),
        (("refused",), "needs a person or a call"),
        (("given", "--whose", "employee", "--method", "written"), "agent's id"),
        (("given", "--number", NUMBER, "--method", "written", "--digest", "abc"), "SHA-512"),
        (("refused", "--call-id", "c", "--at", "2999-01-01T00:00:00"), "future"),
    ],
)
def test_words_that_say_too_little(run: Run, words: tuple[str, ...], part: str) -> None:
    status, _, err = run("event", *words)
    assert status == 2
    assert part in err
    assert NUMBER not in err
    assert json.loads(run("ledger", "--json")[1])["lines"] == []


def test_a_broken_chain_ends_with_four(run: Run, tmp_path: Path) -> None:
    run("event", "refused", "--call-id", "c1")
    run("event", "refused", "--call-id", "c2")
    with sqlite3.connect(tmp_path / "data" / "candor.db") as database:
        database.execute("DROP TRIGGER consent_line_stays")
        database.execute("UPDATE consent_line SET text = replace(text, 'c1', 'c9') WHERE number = 1")
    status, out, _ = run("verify")
    assert status == 4
    assert "BROKEN at line 1" in out


def test_people_who_are_never_recorded(run: Run) -> None:
    assert run("never", "add", NUMBER, "--reason", "asked for it")[0] == 0
    (person,) = json.loads(run("never", "list", "--json")[1])["people"]
    assert (person["hint"], person["reason"]) == ("…5012", "asked for it")
    assert "…5012" in run("never", "list")[1]
    assert run("never", "remove", NUMBER, "--reason", "changed their mind")[0] == 0
    assert json.loads(run("never", "list", "--json")[1]) == {"people": []}
    assert run("never", "remove", NUMBER, "--reason", "again")[0] == 3
    assert run("never", "add", NUMBER, "--reason", " ")[0] == 2


def test_quarantine_is_listed_and_ended(run: Run, tmp_path: Path) -> None:
    services = wiring.open_services(load(data=tmp_path / "data"))
    held = [new_id(), new_id()]
    with services.database.write() as uow:
        for an_id in held:
            one = Custody(
                conversation_id=an_id, started_at=clock.now(), state=CustodyState.PENDING, level=4, why="",
                decision="{}", proof="", since=clock.now(),
            )  # fmt: skip
            custody.quarantine(uow, one, why="There is no proof.", keep=services.consenting.keep)
        unrecorded.put(
            uow,
            UnrecordedCall(
                id=new_id(), external_id="c1", source="pbx", started_at=clock.now(), seconds=3.0, level=9,
                why="Barred.", dropped=False, decision="{}",
            ),
        )  # fmt: skip
    services.database.close()
    listed = json.loads(run("quarantine", "list", "--json")[1])["conversations"]
    assert {one["conversation_id"] for one in listed} == set(held)
    assert "There is no proof." in run("quarantine", "list")[1]
    assert run("quarantine", "resolve", held[0], "--reason", "signed form 12")[0] == 0
    assert run("quarantine", "destroy", held[1], "--reason", " ")[0] == 2
    assert run("quarantine", "destroy", new_id(), "--reason", "none")[0] == 3
    (call,) = json.loads(run("unrecorded", "--json")[1])["calls"]
    assert (call["external_id"], call["level"], call["why"]) == ("c1", 9, "Barred.")
    assert "Barred." in run("unrecorded")[1]


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_an_announcement_is_made_played_and_retired(run: Run, tmp_path: Path) -> None:
    words = ("--level", "2", "--language", "en", "--company", "Example Bank")
    status, out, _ = run("announcements", "make", *words, "--preview")
    assert (status, "Example Bank" in out) == (0, True)
    status, out, _ = run("announcements", "make", *words, "--json")
    made = json.loads(out)
    assert (status, made["added_by"]) == (0, "cli")
    assert made["spoken_by"] in {one.name for one in SYNTHESISERS if one.installed()}
    version = made["version"]
    assert version in run("announcements", "list")[1]
    target = tmp_path / "announcement.wav"
    assert run("announcements", "sound", version, "--format", "wav16", "-o", str(target))[0] == 0
    assert soundfile.info(io.BytesIO(target.read_bytes())).samplerate == 16_000
    assert run("announcements", "sound", version, "--format", "mp3")[0] == 2
    assert run("announcements", "retire", version, "--reason", "old")[0] == 0
    assert json.loads(run("announcements", "list", "--json")[1]) == {"announcements": []}
    assert len(json.loads(run("announcements", "list", "--retired", "--json")[1])["announcements"]) == 1
    assert run("announcements", "retire", "en-0-none")[0] == 3


def test_a_recording_of_an_own_text_is_uploaded(run: Run, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("Recordir yr alwad hon.", encoding="utf-8")
    (tmp_path / "words.wav").write_bytes(recording())
    status, out, _ = run(
        "announcements", "upload", str(tmp_path / "words.wav"), "--level", "2", "--language", "cy", "--text",
        f"@{tmp_path / 'words.txt'}", "--covers", "recording-fact", "--json",
    )  # fmt: skip
    made = json.loads(out)
    assert (status, made["text"], made["spoken_by"]) == (0, "Recordir yr alwad hon.", "upload")
    assert run("announcements", "upload", str(tmp_path / "no.wav"), "--level", "2", "--language", "en")[0] == 2
    status, _, err = run("announcements", "make", "--level", "4", "--language", "en")
    assert status == 2
    assert "company" in err
