"""What happened on the line and to the recording goes into a vCon whole, and comes back as it went."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from candor.conversation.model import Conversation, Gap, Party, Role
from candor.conversation.vcon import parse, redacted_uuid
from candor.errors import InvalidInput
from candor.web import words
from tests.unit.vcon.test_vcon import BASE, ID, conversation, document, recording, refusal

SIBLING = "019f15a6-a752-7abc-b9a2-279e0d16bc47"
GAPS = (
    Gap(start=1.25, stop=2.5, reason="on_hold", by="sip", channel=0),
    Gap(start=3.0, stop=3.75, reason="paused", by="api"),
    Gap(start=4.0, stop=4.5, reason="discarded", by="sender"),
    Gap(start=5.125, stop=6.0, reason="on_hold", by="sip", channel=1),
    Gap(start=5.5, stop=6.0, reason="interrupted", by="recorder"),
)


def captured() -> Conversation:
    """Six seconds with everything that can happen."""
    return conversation(
        parties=(
            Party(role=Role.AGENT, name="Ada", agent_id="a7", channel=1, left=4.75),
            Party(role=Role.CUSTOMER, name="Grace Hopper", tel="+12125550100", channel=0),
            Party(role=Role.AGENT, name="Ben", agent_id="a8", joined=3.042),
        ),
        gaps=GAPS,
        group="contact-1",
        notes=("Channel 1: 3 packets (0.1%) were lost on the way.",),
    )


def exported(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(document(conversation=captured(), legs=[SIBLING], **more)))
    return made


def back(made: dict[str, Any]) -> Conversation:
    """What an import makes of it."""
    read = parse(json.dumps(made).encode())
    (dialog,) = read.recordings
    return read.conversation(id=ID, dialog=dialog, channels=2)


def test_everything_comes_back_as_it_went() -> None:
    value, sent = back(exported()), captured()
    assert (value.gaps, value.group, value.notes) == (sent.gaps, sent.group, sent.notes)
    assert [(party.role, party.channel, party.joined, party.left) for party in value.parties] == [
        (Role.AGENT, 1, None, 4.75),
        (Role.CUSTOMER, 0, None, None),
        (Role.AGENT, None, 3.042, None),
    ]


def test_the_history_says_in_the_drafts_words_who_came_went_and_was_on_hold() -> None:
    (dialog,) = exported()["dialog"]
    assert [(each["time"], each["party"], each["event"]) for each in dialog["party_history"]] == [
        ("2026-03-02T09:15:01.250000+01:00", 1, "hold"),
        ("2026-03-02T09:15:02.500000+01:00", 1, "unhold"),
        ("2026-03-02T09:15:03.042000+01:00", 2, "join"),
        ("2026-03-02T09:15:04.750000+01:00", 0, "drop"),
        # The call ended on hold: nobody was taken off it.
        ("2026-03-02T09:15:05.125000+01:00", 0, "hold"),
    ]


def test_what_the_draft_has_no_word_for_stands_in_a_report() -> None:
    (report,) = (each for each in exported()["analysis"] if each["schema"] == "candor-capture-1")
    assert (report["type"], report["vendor"], report["dialog"]) == ("report", "Candor", 0)
    assert [(gap["reason"], gap["by"], gap["channel"]) for gap in report["body"]["gaps"]] == [
        ("on_hold", "sip", 0),
        ("paused", "api", None),
        ("discarded", "sender", None),
        ("on_hold", "sip", 1),
        ("interrupted", "recorder", None),
    ]
    # A leg is named by the id of its own export, not by one that only this house can resolve.
    assert report["body"]["legs"] == [redacted_uuid(SIBLING)]
    assert report["body"]["group"] == "contact-1"


def test_nothing_is_said_of_a_call_on_which_nothing_happened() -> None:
    made = document()
    assert "party_history" not in made["dialog"][0]
    assert "candor-capture-1" not in {each["schema"] for each in made["analysis"]}


@pytest.mark.shared
def test_it_validates(shared: Path) -> None:
    import jsonschema

    schema = json.loads((shared / "vcon_samples/dev/ietf_core/vcon_json_schema.json").read_text())
    checker = jsonschema.FormatChecker()
    jsonschema.Draft7Validator(schema, format_checker=checker).validate(exported())
    wrong = exported()
    wrong["dialog"][0]["party_history"][0]["event"] = "pause"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema, format_checker=checker).validate(wrong)


def at(second: float) -> str:
    return f"2026-03-02T09:15:{second:06.3f}+01:00"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("join", 0), ("drop", 30)], (None, 30)),
        ([("join", 0.4)], (None, None)),
        ([("drop", 20), ("join", 5)], (5, 20)),  # in whatever order they stand
        ([("drop", 5), ("join", 20)], (None, None)),
        ([("join", 5), ("drop", 10), ("join", 15), ("drop", 20)], (5, 20)),
        ([("join", 5), ("drop", 55)], (5, None)),  # after the recording ended
        ([("mute", 5), ("hold", 6), ("keydown", 7), ("dtmfup", 8), (["join"], 9)], (None, None)),
    ],
)
def test_who_came_and_went_by_the_word_of_others(
    events: list[tuple[Any, float]], expected: tuple[float | None, float | None]
) -> None:
    history = [{"party": 1, "time": at(second), "event": event} for event, second in events]
    value = back(BASE | {"dialog": [recording(duration=40, party_history=history)]})
    assert (value.parties[1].joined, value.parties[1].left) == expected
    assert (value.parties[0].joined, value.parties[0].left) == (None, None)
    assert value.gaps == ()  # a hold says nothing of the sound: others record the music


def test_times_without_a_zone_are_read_as_the_dialogs_own() -> None:
    history = [{"party": 0, "time": "2026-03-02T09:15:05", "event": "join"}]
    value = back(BASE | {"dialog": [recording(start="2026-03-02T09:15:00", party_history=history)]})
    assert value.parties[0].joined == 5


@pytest.mark.parametrize(
    ("history", "fault"),
    [
        ({}, "dialog[0].party_history is not an array"),
        (["join"], "dialog[0].party_history[0] is not an object"),
        ([{"party": 9, "time": at(1), "event": "join"}], "dialog[0].party_history[0].party names party 9"),
        ([{"party": 0, "event": "join"}], "dialog[0].party_history[0].time is not a date"),
    ],
)
def test_a_faulty_history_is_refused_by_its_place(history: object, fault: str) -> None:
    error = refusal(json.dumps(BASE | {"dialog": [recording(party_history=history)]}).encode())
    assert error.code == "vcon.invalid"
    assert fault in error.message


def test_reports_of_others_or_on_another_dialog_are_not_believed() -> None:
    made = exported()
    (report,) = (each for each in made["analysis"] if each["schema"] == "candor-capture-1")
    report["vendor"] = "Other"
    assert (back(made).gaps, back(made).group) == ((), None)
    report["vendor"], report["dialog"] = "Candor", []
    assert (back(made).gaps, back(made).group) == ((), "contact-1")


def test_a_mangled_report_costs_what_is_mangled_and_nothing_else() -> None:
    whole = exported()
    places = [
        (*path, key)
        for path, part in (
            (("analysis", -1, "body"), whole["analysis"][-1]["body"]),
            (("analysis", -1, "body", "gaps", 1), whole["analysis"][-1]["body"]["gaps"][1]),
            (("dialog", 0, "party_history", 0), whole["dialog"][0]["party_history"][0]),
        )
        for key in part
    ]
    assert len(places) == 12
    for path in places:
        for other in (None, -1, 10**400, "{0}", [], [[]], {}, True):
            changed = copy.deepcopy(whole)
            inside: Any = changed
            for key in path[:-1]:
                inside = inside[key]
            inside[path[-1]] = other
            with suppress(InvalidInput):
                value = back(changed)
                kept = () if path[-1] == "gaps" else [gap for gap in GAPS if "gaps" not in path or gap != GAPS[1]]
                assert {*kept} <= {*value.gaps}
                assert all(words.gap(gap) for gap in value.gaps)  # what is shown of them needs no trust in them
                assert path[-1] == "group" or value.group == "contact-1"
