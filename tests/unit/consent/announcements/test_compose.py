from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import candor.consent
from candor.consent.announcements import (
    LANGUAGES,
    Details,
    Element,
    Keys,
    Manner,
    OwnText,
    Refusal,
    Reply,
    compose,
    own_announcement,
    reply,
)
from candor.consent.announcements.compose import required
from candor.consent.announcements.texts import parse, texts
from candor.errors import InvalidInput

PACK = tomllib.loads((Path(candor.consent.__file__).parent / "data" / "pack.toml").read_text(encoding="utf-8"))
ALL = [element.value for element in Element]
FULL = Details(
    company="Example Ltd",
    purposes=("quality", "training"),
    privacy_notice="example dot com slash privacy",
    contact="Example Street 1, Exampleton",
    retention_days=90,
    recipients="our quality assurance provider",
    transfer="our provider in Canada",
    ai_analysis=True,
)


def code(caught: pytest.ExceptionInfo[InvalidInput]) -> str:
    assert caught.value.advice
    return caught.value.code


def test_every_element_of_the_rule_pack_can_be_told() -> None:
    assert set(PACK["elements"]) <= set(ALL)


def test_every_purpose_of_the_rule_pack_has_words() -> None:
    named = [purpose["id"] for purpose in PACK["purpose"] if purpose["id"] not in ("local_only", "export")]
    for language in LANGUAGES:
        for purpose in named:
            assert compose(1, [], language, Details(purposes=(purpose,))).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", [0, 1, 2, 3, 4])
def test_an_announcement_tells_all_that_was_asked(language: str, level: int) -> None:
    asked = [element for element in ALL if element != "opt-in-question" or level == 4]
    announcement = compose(level, asked, language, FULL)
    assert required(level, asked, FULL) <= announcement.covers.keys()
    assert "{" not in announcement.text
    assert FULL.company in announcement.text
    assert announcement.asks is (level == 4)
    texts(language).check_wording(announcement.text)


@pytest.mark.parametrize(
    ("language", "level", "elements", "text"),
    [
        ("en", 0, [], "This call is recorded."),
        ("en", 2, ["recording-fact"], "This call is recorded by Example Ltd."),
        (
            "en",
            2,
            ["about-to-be-recorded", "recording-id"],
            (
                "Recording is about to begin. This call is recorded by Example Ltd. "
                "You are given the number of this recording during the call."
            ),
        ),
        (
            "de",
            3,
            [],
            (
                "Dieses Gespräch wird von Example Ltd aufgezeichnet. Die Aufzeichnung dient der Verbesserung unseres "
                "Service und der Schulung unserer Mitarbeitenden. Ohne Aufzeichnung erhalten Sie denselben Service. "
                "Wenn Sie keine Aufzeichnung wünschen, drücken Sie die 2 oder sagen Sie Nein, jetzt oder jederzeit."
            ),
        ),
        (
            "fr",
            4,
            [],
            (
                "Example Ltd souhaite enregistrer cet appel. Il n'est enregistré que si vous êtes d'accord. "
                "L'enregistrement sert à améliorer notre service et à former nos équipes. Sans enregistrement, vous "
                "recevez le même service. Si vous êtes d'accord, appuyez sur 1 ou dites oui. Sinon, appuyez sur 2 ou "
                "dites non."
            ),
        ),
    ],
)
def test_texts_in_full(language: str, level: int, elements: list[str], text: str) -> None:
    details = Details(company="" if level == 0 else "Example Ltd", purposes=("quality", "training"))
    assert compose(level, elements, language, details).text == text


def test_how_each_element_is_told() -> None:
    covers = compose(3, ["recipients", "legal-basis", "recording-id", "rights-pointer"], "en", FULL).covers
    assert covers[Element.RECIPIENTS] is Manner.SPOKEN
    assert covers[Element.LEGAL_BASIS] is Manner.LAYERED
    assert covers[Element.RECORDING_ID] is Manner.PROMISED
    silent = replace(FULL, recipients="")
    assert compose(3, ["recipients"], "en", silent).covers[Element.RECIPIENTS] is Manner.LAYERED


def test_a_recording_that_the_law_demands() -> None:
    duty = Details(company="Example Bank", purposes=("must_record_mifid",), refusal=Refusal.OTHER_WAY)
    text = compose(3, ["voluntary-or-mandatory"], "en", duty).text
    assert "obliged by law" in text
    assert "another way" in text
    assert "voluntary" not in text


@pytest.mark.parametrize(
    ("level", "elements", "details", "missing"),
    [
        (2, ["controller-identity"], Details(), "company"),
        (1, [], Details(), "purposes"),
        (3, [], Details(purposes=("export",)), "purposes"),
        (2, ["contact-address"], Details(), "contact"),
        (2, ["retention-period"], Details(), "retention_days"),
        (2, ["legal-basis"], Details(recipients="x"), "privacy_notice"),
        (2, ["recipients"], Details(), "privacy_notice"),
        (2, ["rights-pointer"], Details(), "privacy_notice"),
        (4, [], Details(purposes=("quality",)), "company"),
        (4, [], Details(company="A", purposes=("quality",), refusal=Refusal.OTHER_WAY), "refusal"),
    ],
)
def test_what_is_missing_is_an_error_and_is_named(
    level: int, elements: list[str], details: Details, missing: str
) -> None:
    with pytest.raises(InvalidInput, match=missing) as caught:
        compose(level, elements, "en", details)
    assert code(caught) == "announcement.variable_missing"


@pytest.mark.parametrize(
    ("level", "elements", "language", "expected"),
    [
        (9, [], "en", "announcement.barred"),
        (7, [], "en", "announcement.level"),
        (2, ["moon-phase"], "en", "announcement.element"),
        (2, [], "pl", "announcement.language"),
        (2, ["opt-in-question"], "en", "announcement.incomplete"),
    ],
)
def test_what_cannot_be_announced(level: int, elements: list[str], language: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compose(level, elements, language, FULL)
    assert code(caught) == expected


def test_a_purpose_without_words() -> None:
    with pytest.raises(InvalidInput, match="no words") as caught:
        compose(1, [], "en", Details(purposes=("astrology",)))
    assert code(caught) == "announcement.purpose"


@pytest.mark.parametrize(
    "wrong",
    [
        {"company": "<Say>"},
        {"company": "A\nB"},
        {"company": "{x}"},
        {"company": " A"},
        {"company": "A" * 81},
        {"contact": "\x00"},
        {"recipients": "a|b"},
        {"retention_days": 0},
        {"retention_days": 40_000},
    ],
)
def test_variables_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(FULL, **wrong)  # type: ignore[arg-type]
    assert code(caught) == "announcement.variable"


@pytest.mark.parametrize(("yes", "no"), [("1", "1"), ("12", "2"), ("", "2"), ("a", "b")])
def test_keys_are_keys(yes: str, no: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Keys(yes, no)
    assert code(caught) == "announcement.keys"


def test_keys_are_spoken_and_carried() -> None:
    announcement = compose(4, [], "de", replace(FULL, keys=Keys("*", "#")))
    assert "Sterntaste" in announcement.text
    assert "Rautetaste" in announcement.text
    assert announcement.keys == Keys("*", "#")
    without = compose(4, [], "de", replace(FULL, keys=None))
    assert without.keys is None
    assert "drücken" not in without.text


def test_the_version_changes_with_words_level_and_language_alone() -> None:
    first = compose(3, [], "en", FULL)
    assert first.version == compose(3, [], "en-GB", FULL).version
    assert first.version.startswith("en-2026.1-")
    others = {
        compose(4, [], "en", FULL).version,
        compose(3, [], "de", FULL).version,
        compose(3, ["retention-period"], "en", FULL).version,
        compose(3, [], "en", replace(FULL, company="Example Inc")).version,
    }
    assert len(others | {first.version}) == 5


@pytest.mark.parametrize(("days", "words"), [(1, "1 day"), (90, "90 days"), (365, "1 year"), (1825, "5 years")])
def test_time_in_words(days: int, words: str) -> None:
    assert f"at most {words}." in compose(2, ["retention-period"], "en", replace(FULL, retention_days=days)).text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "This call may be recorded for quality purposes."),
        ("en", "Calls might be monitored."),
        ("de", "Dieses Gespräch kann zu Schulungszwecken aufgezeichnet werden."),
        ("de", "Das Gespräch wird eventuell aufgezeichnet."),
        ("fr", "Cet appel peut être enregistré."),
        ("fr", "Votre appel est susceptible d'être enregistré."),
        ("es", "Esta llamada puede ser grabada."),
        ("pt", "Esta chamada poderá ser gravada."),
        ("it", "La chiamata potrebbe essere registrata."),
        ("nl", "Dit gesprek kan worden opgenomen."),
    ],
)
def test_own_texts_never_say_maybe(language: str, text: str) -> None:
    own = OwnText(language=language, text=text, covers=frozenset({Element.RECORDING_FACT}), author="u-1")
    with pytest.raises(InvalidInput, match="leaves open") as caught:
        own_announcement(own, 2, ["recording-fact"])
    assert code(caught) == "announcement.maybe"


def test_an_own_text_stands_in_for_ours() -> None:
    told = frozenset({Element.RECORDING_FACT, Element.PURPOSE})
    own = OwnText(language="pl", text="Ta rozmowa jest nagrywana\nw celu szkolenia.", covers=told, author="u-1")
    announcement = own_announcement(own, 1, ["recording-fact"])
    assert announcement.text == "Ta rozmowa jest nagrywana w celu szkolenia."
    assert announcement.version.startswith("pl-own.")
    changed = own_announcement(replace(own, author="u-2"), 1, ["recording-fact"])
    assert changed.version != announcement.version


def test_an_own_text_that_lacks_an_element_is_refused() -> None:
    own = OwnText(
        language="en", text="This call is recorded.", covers=frozenset({Element.RECORDING_FACT}), author="u-1"
    )
    with pytest.raises(InvalidInput, match="retention-period") as caught:
        own_announcement(own, 2, ["retention-period"])
    assert code(caught) == "announcement.incomplete"
    with pytest.raises(InvalidInput, match="opt-in-question"):
        own_announcement(own, 4, [])


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001, "a <b> c"])
def test_what_is_no_text(text: str) -> None:
    with pytest.raises(InvalidInput):
        OwnText(language="en", text=text, covers=frozenset(), author="u-1")


def test_layered_needs_covered() -> None:
    with pytest.raises(InvalidInput, match="among"):
        OwnText(language="en", text="x", covers=frozenset(), layered=frozenset({Element.RECIPIENTS}), author="u-1")


@pytest.mark.parametrize("language", LANGUAGES)
def test_replies(language: str) -> None:
    assert len({reply(kind, language) for kind in Reply}) == 3


@pytest.mark.parametrize("damage", ["no part", "unknown part", "other variable", "maybe", "no unit", "bad pattern"])
def test_a_damaged_text_file_is_refused(damage: str) -> None:
    path = Path(texts.__code__.co_filename).parent / "data" / "en.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    assert parse(data).language == "en"
    match damage:
        case "no part":
            del data["parts"]["fact"]
        case "unknown part":
            data["parts"]["weather"] = "It rains."
        case "other variable":
            data["parts"]["fact-by"] = "Recorded by {firm}."
        case "maybe":
            data["parts"]["fact"] = "This call may be recorded."
        case "no unit":
            del data["units"]["day"]
        case _:
            data["forbidden"] = ["("]
    with pytest.raises(InvalidInput):
        parse(data)


@given(
    level=st.sampled_from([0, 1, 2, 3, 4]),
    elements=st.sets(st.sampled_from(sorted(PACK["elements"]))),
    language=st.sampled_from(LANGUAGES),
    blank=st.sets(st.sampled_from(["company", "privacy_notice", "contact", "recipients", "transfer"])),
)
@settings(max_examples=200, deadline=None)
def test_told_or_refused_never_left_out(level: int, elements: set[str], language: str, blank: set[str]) -> None:
    details = replace(FULL, **dict.fromkeys(blank, ""))
    try:
        announcement = compose(level, sorted(elements), language, details)
    except InvalidInput as error:
        assert error.code == "announcement.variable_missing"  # noqa: PT017  either is right; silence is not
    else:
        assert required(level, elements, details) <= announcement.covers.keys()
