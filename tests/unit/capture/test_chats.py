"""Written conversations as JSON files: what is taken, what is assumed, what is refused and where."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.capture.files import gather, is_chat, read_chat
from candor.conversation.model import Direction, Medium, Role
from candor.errors import InvalidInput

CHAT: dict[str, Any] = {
    "id": "c-1",
    "started_at": "2026-03-01T10:00:00+01:00",
    "medium": "chat",
    "language": "en",
    "queue": "Cards",
    "team": "North",
    "subject": "Card",
    "parties": [
        {"id": "a", "role": "agent", "name": "Sam Agent", "agent_id": "42"},
        {"id": "c", "role": "customer", "name": "Kim Buyer", "email": "kim@example.com", "tel": "+4930123456"},
    ],
    "messages": [
        {"by": "c", "at": "2026-03-01T10:00:05+01:00", "text": "My card\n is  gone"},
        {"by": "a", "at": "2026-03-01T10:00:25+01:00", "text": "I block it."},
        {"by": "system", "at": "2026-03-01T10:01:00+01:00", "text": "The agent left."},
    ],
}


def changed(**more: Any) -> dict[str, Any]:
    return json.loads(json.dumps(CHAT)) | more


def test_a_chat_has_its_people_its_times_and_its_facts() -> None:
    chat = read_chat(CHAT)
    made = chat.conversation("id-1")
    assert (made.external_id, made.medium, made.queue, made.team, made.language) == (
        "c-1",
        Medium.CHAT,
        "Cards",
        "North",
        "en",
    )
    assert made.started_at == datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    assert (made.utc_offset_minutes, made.direction, made.recording) == (60, Direction.INBOUND, None)
    assert [(party.role, party.name, party.agent_id, party.mailto) for party in made.parties] == [
        (Role.AGENT, "Sam Agent", "42", None),
        (Role.CUSTOMER, "Kim Buyer", None, "kim@example.com"),
        (Role.SYSTEM, None, None, None),
    ]
    said = [(chat.transcript.role_of(each), each.start, each.end, each.text) for each in chat.transcript.utterances]
    assert said == [
        (Role.CUSTOMER, 5.0, 5.0, "My card is gone"),
        (Role.AGENT, 25.0, 25.0, "I block it."),
        (Role.SYSTEM, 60.0, 60.0, "The agent left."),
    ]
    assert chat.transcript.duration == 60.0
    assert chat.notes == ()


def test_the_shortest_chat_says_roles_and_seconds_since_1970() -> None:
    chat = read_chat(
        {
            "messages": [
                {"by": "customer", "at": 1_600_000_000, "text": "Hi"},
                {"by": "agent", "at": 1_600_000_012_500, "text": "Hello"},
            ]
        }
    )
    assert chat.started_at == datetime.fromtimestamp(1_600_000_000, UTC)
    assert [each.start for each in chat.transcript.utterances] == [0.0, 12.5]
    assert (chat.language, chat.transcript.language, chat.id) == (None, "und", None)


def test_messages_are_put_in_order_and_empty_ones_left_out() -> None:
    blank = {"by": "a", "at": "2026-03-01T10:00:30+01:00", "text": "  "}
    rows = [*reversed(CHAT["messages"]), blank]
    chat = read_chat(changed(messages=rows))
    assert [each.text for each in chat.transcript.utterances] == ["My card is gone", "I block it.", "The agent left."]
    assert any("order" in note for note in chat.notes)


def test_a_time_without_zone_is_utc_with_a_note() -> None:
    chat = read_chat({"messages": [{"by": "agent", "at": "2026-03-01T10:00:00", "text": "Hi"}]})
    assert chat.started_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert any("UTC" in note for note in chat.notes)
    assert chat.direction is Direction.OUTBOUND


SECRET = "4111-secret"
BAD: dict[str, Any] = {
    "messages": [changed(messages=[]), changed(messages={}), {"messages": [{"by": "agent", "at": 1, "text": " "}]}],
    "messages[0]": [changed(messages=["x"]), changed(messages=[{"by": "a", "at": 1, "text": "x", "seen": True}])],
    "messages[0].by": [
        changed(messages=[{"at": 1, "text": "x"}]),
        changed(messages=[{"by": SECRET, "at": 1, "text": "x"}]),
    ],
    "messages[0].at": [
        changed(messages=[{"by": "a", "at": at, "text": "x"}])
        for at in (None, "soon", True, -5, 1e300, float("nan"), [])
    ],
    "messages[0].text": [changed(messages=[{"by": "a", "at": 1, "text": text}]) for text in (7, "x" * 20_001)],
    "parties": [changed(parties="two"), changed(parties=[{"role": "agent"}] * 201)],
    "parties[0]": [changed(parties=[SECRET]), changed(parties=[{"role": "agent", SECRET: 1}])],
    "parties[1]": [changed(parties=[{"role": "agent"}, {"role": "agent"}])],
    "parties[0].role": [changed(parties=[{"role": SECRET}]), changed(parties=[{"name": "x"}])],
    "language": [changed(language="not a tag!")],
    "medium": [changed(medium="pigeon")],
    "direction": [changed(direction="sideways")],
    "started_at": [changed(started_at="yesterday")],
    "queue": [changed(queue=["x"]), changed(queue="x" * 300)],
    "The chat": [changed(**{SECRET: 1})],
}


@pytest.mark.parametrize(("place", "which"), [(place, i) for place, cases in BAD.items() for i in range(len(cases))])
def test_what_is_wrong_is_told_with_its_place_and_without_its_content(place: str, which: int) -> None:
    with pytest.raises(InvalidInput) as told:
        read_chat(BAD[place][which])
    assert told.value.code == "chat.invalid"
    assert f"read: {place} " in told.value.message
    assert SECRET not in str(told.value)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["by", "at", "text", "role", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*CHAT]), _VALUES, max_size=5))
def test_nothing_but_an_error_of_ours_comes_of_any_json(value: dict[str, Any]) -> None:
    with suppress(InvalidInput):
        read_chat({"messages": []} | value)


def test_a_folder_gives_its_chats_and_passes_other_json_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(CHAT))
    (tmp_path / "b.json").write_text(json.dumps({"settings": 1}))
    assert [item.name for item in gather([tmp_path])] == ["a.json"]
    assert is_chat(CHAT)
    assert not is_chat({"vcon": "0.4.0", "messages": []})
    assert not is_chat([CHAT])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mesage", 'messages[0] has a field "mesage" that is not known; known are at, by, text'),
        ("4111 1111 1111 1111", "messages[0] has a field (the 4. of it) that is not known"),
        ("anna@example.com", "messages[0] has a field (the 4. of it) that is not known"),
        ("x" * 41, "messages[0] has a field (the 4. of it) that is not known"),
    ],
)
def test_an_unknown_field_is_named_when_it_looks_like_one(name: str, told: str) -> None:
    chat = {"messages": [{"by": "agent", "at": 1, "text": "hello", name: "x"}]}
    with pytest.raises(InvalidInput) as refused:
        read_chat(chat)
    assert told in str(refused.value)
    assert (name in str(refused.value)) is (name == "mesage")


def handed(*by: str) -> list[tuple[float | None, float | None]]:
    """When each of two agents came and went in a chat with a message every ten seconds."""
    people = [{"id": "a", "role": "agent", "agent_id": "1"}, {"id": "b", "role": "agent", "agent_id": "2"}]
    rows = [{"by": who, "at": 1_700_000_000 + 10 * place, "text": "x"} for place, who in enumerate(by)]
    chat = read_chat({"parties": [*people, {"id": "c", "role": "customer"}], "messages": rows})
    return [(party.joined, party.left) for party in chat.parties[:2]]


def test_a_chat_that_was_handed_on_tells_when() -> None:
    assert handed("c", "a", "c", "b", "c", "b") == [(None, 30.0), (30.0, None)]
    assert handed("c", "b", "a") == [(20.0, None), (None, 20.0)]
    assert handed("c", "a", "b", "a") == [(None, None), (None, None)]
    assert handed("c", "a", "c", "a") == [(None, None), (None, None)]
