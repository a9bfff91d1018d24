"""Announcements made, spoken, uploaded, chosen, given out and retired, over a real house."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent.announcements import Details, Keys
from candor.consent.model import Facts
from candor.consent.proof import Print, find
from candor.errors import InvalidInput, NotFound, TooLarge, Unavailable
from candor.kit import clock
from candor.kit.sound import MemorySound
from candor.pipeline.announcing import LARGEST_UPLOAD, Announcing, Words
from candor.services import Services
from candor.settings import load

speaks = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
HOUSE: dict[str, Any] = {
    "company": "Example Bank", "privacy_notice": "example dot com slash privacy", "announced_days": 90,
    "privacy_contact": "privacy at example dot com", "establishment": "US-TX", "synthesiser": "flite",
}  # fmt: skip
SHORT = Words(level=2, language="en")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = wiring.open_services(load(data=tmp_path / "data", **HOUSE))
    yield made
    made.database.close()


@pytest.fixture
def announcing(services: Services) -> Announcing:
    return services.announcing


def recording(seconds: float = 4.0, rate: int = 8_000, form: str = "WAV") -> bytes:
    """Something like speech: bursts of changing pitch."""
    times = np.arange(round(seconds * rate)) / rate
    pitch = 200 + 120 * np.sin(2 * np.pi * 0.7 * times)
    wave = sum(np.sin(2 * np.pi * np.cumsum(pitch * k) / rate) / k for k in range(1, 12))
    out = io.BytesIO()
    soundfile.write(out, 0.2 * wave * (np.sin(2 * np.pi * 3 * times) > -0.5), rate, format=form)
    return out.getvalue()


@speaks
def test_a_made_announcement_has_sound_and_is_found_in_a_call(announcing: Announcing, services: Services) -> None:
    made = announcing.make(SHORT, by="u1")
    assert (made.language, made.level, made.spoken_by, made.asks) == ("en", 2, "flite", False)
    assert "is recorded" in made.text
    assert "Example Bank" in made.text
    assert made.print is not None
    samples, rate = soundfile.read(io.BytesIO(announcing.sound(made.version, "wav")), dtype="float32")
    call = np.concatenate([np.zeros(rate), samples, np.zeros(2 * rate)]).astype(np.float32)
    (found,) = find(Print(made.version, made.print), MemorySound(call, rate))
    assert found.start == pytest.approx(1.0, abs=0.2)
    with services.database.read() as uow:
        (line,) = audit.entries(uow)
    assert (line.event, line.actor, line.subject) == (Event.ANNOUNCEMENT_ADDED, "u1", made.version)


@speaks
def test_every_format_has_the_same_length_and_the_wide_one_is_wide(announcing: Announcing) -> None:
    version = announcing.make(SHORT, by="u1").version
    wide = soundfile.info(io.BytesIO(announcing.sound(version, "wav16")))
    narrow = soundfile.info(io.BytesIO(announcing.sound(version, "wav")))
    assert (wide.samplerate, narrow.samplerate, wide.channels, narrow.subtype) == (16_000, 8_000, 1, "PCM_16")
    for form in ("ulaw", "alaw"):
        assert len(announcing.sound(version, form)) == narrow.frames
    with pytest.raises(NotFound):
        announcing.sound(version, "mp3")


@speaks
def test_a_beep_comes_before_the_words_and_makes_another_version(announcing: Announcing) -> None:
    plain, beeped = announcing.make(SHORT, by="u1"), announcing.make(SHORT, by="u1", beep=True)
    assert beeped.version.startswith(f"{plain.version}.")
    assert beeped.text == plain.text
    longer = len(announcing.sound(beeped.version, "ulaw")) - len(announcing.sound(plain.version, "ulaw"))
    assert longer == pytest.approx(0.5 * 8_000, abs=8)


@speaks
def test_the_same_again_changes_nothing(announcing: Announcing, services: Services) -> None:
    assert announcing.make(SHORT, by="u1").version == announcing.make(SHORT, by="u2").version
    with services.database.read() as uow:
        assert len(announcing.every(uow)) == 1


@speaks
def test_an_upload_does_not_take_the_place_of_the_sound_that_old_recordings_hold(
    announcing: Announcing, services: Services
) -> None:
    spoken = announcing.make(SHORT, by="u1")
    sent = announcing.upload(SHORT, recording(), "studio.wav", by="u2")
    assert sent.spoken_by == "upload"
    assert sent.version != spoken.version
    with services.database.read() as uow:
        assert announcing.get(uow, spoken.version).print == spoken.print


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_uploads_of_common_formats_are_taken(announcing: Announcing, form: str) -> None:
    sent = announcing.upload(SHORT, recording(rate=16_000, form=form), f"a.{form.lower()}", by="u1")
    assert sent.print is not None
    assert len(announcing.sound(sent.version, "alaw")) == pytest.approx(4 * 8_000, rel=0.03)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "media.empty"), (b"what is this", None), (recording(0.2), None),
        (recording(2.0, rate=6_000), "media.rate"), (bytes(44 + 32_000), None),
    ],
)  # fmt: skip
def test_what_is_no_announcement_is_refused(announcing: Announcing, data: bytes, code: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        announcing.upload(SHORT, data, "a.wav", by="u1")
    assert code is None or caught.value.code == code


def test_an_upload_has_a_limit(announcing: Announcing) -> None:
    with pytest.raises(TooLarge):
        announcing.upload(SHORT, bytes(LARGEST_UPLOAD + 1), "a.wav", by="u1")


def test_what_the_text_needs_and_nobody_gave_is_named(services: Services) -> None:
    bare = Announcing(services.database, Details(purposes=("quality",)), _never)
    with pytest.raises(InvalidInput, match="company, privacy_notice"):
        bare.words(Words(level=4, language="en", elements=("rights-pointer",)))
    given = {"company": "Acme", "privacy_notice": "acme dot test", "keys": "89"}
    made = bare.words(Words(level=4, language="en", elements=("rights-pointer",), details=given))
    assert made.asks
    assert made.keys == Keys("8", "9")
    assert "Acme" in made.text


def test_an_own_text_says_what_it_covers_and_never_maybe(announcing: Announcing) -> None:
    own = "This call is recorded so that we can train our staff."
    made = announcing.make(
        Words(level=2, language="en", own=own, covers=("recording-fact", "purpose")), by="u1", silent=True
    )
    assert (made.text, made.spoken_by, made.yes_key) == (own, None, None)
    with pytest.raises(InvalidInput, match="leaves open"):
        announcing.words(Words(level=2, language="en", own="Calls may be recorded.", covers=("recording-fact",)))
    with pytest.raises(InvalidInput, match="does not tell"):
        announcing.words(Words(level=3, language="en", own=own, covers=("recording-fact", "purpose")))
    with pytest.raises(InvalidInput):
        announcing.words(Words(level=2, language="en", own=own, covers=("recording-fact", "nonsense")))


def test_a_language_that_nobody_speaks_is_told_with_what_to_install(announcing: Announcing) -> None:
    with pytest.raises(Unavailable) as caught:
        announcing.make(Words(level=2, language="de"), by="u1")
    assert "upload" in caught.value.advice.lower()


def test_the_lowest_level_that_is_enough_is_chosen_in_the_language_of_the_line(
    announcing: Announcing, services: Services
) -> None:
    two = announcing.make(SHORT, by="u1", silent=True)
    four = announcing.make(Words(level=4, language="en"), by="u1", silent=True)
    german = announcing.make(Words(level=2, language="de-AT"), by="u1", silent=True)
    with services.database.read() as uow:
        californian = services.consent.decide(uow, _facts(caller="+14155550101"))
        assert announcing.fitting(uow, californian) == (two,)
        assert announcing.fitting(uow, californian, "de-DE") == (german,)
        assert four.level == 4
        with pytest.raises(NotFound, match="--language it"):  # California: in the language of the line
            announcing.fitting(uow, californian, "it")
        with pytest.raises(NotFound, match="--level 4 --language en"):
            announcing.fitting(uow, services.consent.decide(uow, _facts(caller="+493023125012")))


def test_a_law_that_names_a_language_gets_it(announcing: Announcing, services: Services) -> None:
    with services.database.read() as uow:
        quebec = services.consent.decide(uow, _facts(caller="+15145550101"))
    assert quebec.languages.required == ("fr",)
    elements = quebec.notice_elements
    announcing.make(Words(level=3, language="en", elements=elements), by="u1", silent=True)
    with services.database.read() as uow, pytest.raises(NotFound, match="--language fr"):
        announcing.fitting(uow, quebec, "en")
    french = announcing.make(Words(level=3, language="fr", elements=elements), by="u1", silent=True)
    with services.database.read() as uow:
        assert announcing.fitting(uow, quebec, "en") == (french,)


def test_a_retired_one_is_kept_and_no_longer_chosen(announcing: Announcing, services: Services) -> None:
    made = announcing.make(SHORT, by="u1", silent=True)
    retired = announcing.retire(made.version, by="u2", reason="new wording")
    assert retired.retired_at is not None
    with services.database.read() as uow:
        assert announcing.every(uow) == []
        assert [one.version for one in announcing.every(uow, retired=True)] == [made.version]
        with pytest.raises(NotFound):
            announcing.fitting(uow, services.consent.decide(uow, _facts(caller="+14155550101")))
        newest = audit.entries(uow)[0]
    assert (newest.event, newest.actor, newest.reason) == (Event.ANNOUNCEMENT_RETIRED, "u2", "new wording")
    with pytest.raises(NotFound):
        announcing.retire("en-0-nothing", by="u2")


def test_an_address_is_good_for_its_name_and_a_day(announcing: Announcing, monkeypatch: pytest.MonkeyPatch) -> None:
    proof, _, name = announcing.address("en-1-abc", "ulaw").partition("/")
    assert announcing.check_address(proof, name) == ("en-1-abc", "ulaw")
    for other_proof, other_name in (
        (proof, "en-1-abd.ulaw"), (proof, "en-1-abc.wav"), (proof[:-1] + "!", name), ("", name), (proof, ""),
        (proof.replace(proof.split(".")[0], "ffffffff"), name), ("ü" * 30, name), ("." + proof, name),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            announcing.check_address(other_proof, other_name)
    later = clock.now() + timedelta(hours=25)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(NotFound):
        announcing.check_address(proof, name)


def test_every_process_of_a_house_makes_the_same_address(services: Services, tmp_path: Path) -> None:
    first = services.announcing.address("en-1-abc")
    again = wiring.open_services(load(data=tmp_path / "data", **HOUSE))
    assert again.announcing.address("en-1-abc") == first
    again.database.close()


def _facts(**known: str) -> Facts:
    return Facts(purpose="quality", at=clock.now().date(), establishment="US-TX", agent_location="US-TX", **known)


def _never(*_: object) -> Any:
    raise AssertionError("no secret is needed here")
