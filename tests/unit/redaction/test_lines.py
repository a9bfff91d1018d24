"""Text from outside: what is read, what is refused, and where in the line personal data was."""

from __future__ import annotations

import json
import random

import pytest

from candor.errors import InvalidInput
from candor.redaction.lines import Line, read_lines, redact_lines, told
from candor.redaction.service import Redactor


def masked(text: str) -> list[str]:
    return [line.text for line in redact_lines(read_lines(text.encode()), Redactor())]


def test_a_number_goes_on_over_lines_and_turns() -> None:
    said = (
        "what is your card number?\nfour one one one, one one one one,\nand the rest?\none one one one one one one one"
    )
    assert masked(said) == ["what is your card number?", "[CARD_1],", "and the rest?", "[CARD_1]"]


def test_who_speaks_decides_what_an_answer_is() -> None:
    rows = [
        {"speaker": "agent", "text": "and the three digits on the back?"},
        {"speaker": "customer", "text": "seven three seven", "confidence": 0.4, "unknown": [1, 2]},
    ]
    (_, answer) = redact_lines(read_lines("\n".join(map(json.dumps, rows)).encode()), Redactor())
    assert told(answer) == {
        "line": 2,
        "speaker": "customer",
        "text": "[CVV_1]",
        "spans": [
            {
                "start": 0, "end": 17, "type": "CVV", "placeholder": "[CVV_1]",
                "confidence": answer.places[0].confidence, "rule": answer.places[0].rule,
            }
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "  my name is  John   Smith,  and\tmail is (jo.b@example.org).  ",
        "Ich heiße Jürgen, my email is jürgen@exämple.org — or call +44 20 7946 0958!",
        "\u00a0my number is\u2003(555) 123-4567\u00a0",
    ],
)
def test_places_are_those_of_the_line_as_it_came(text: str) -> None:
    (line,) = redact_lines([Line(text=text)], Redactor())
    assert line.places
    rebuilt, at = "", 0
    for place in line.places:
        value = text[place.start : place.end]
        assert value == value.strip(" \t.,()")
        rebuilt += text[at : place.start] + place.placeholder
        at = place.end
    assert rebuilt + text[at:] == line.text


def test_blank_lines_and_other_conversations_begin_anew() -> None:
    assert masked("my name is Miranda\n\nmy name is Boris\n") == ["my name is [NAME_1]", "", "my name is [NAME_1]"]
    rows = [{"conversation": c, "text": f"my name is {name}"} for c, name in (("a", "Miranda"), ("b", "Boris"))]
    assert masked("\n".join(map(json.dumps, rows))) == ["my name is [NAME_1]"] * 2


def test_as_many_lines_come_out_as_went_in() -> None:
    rng = random.Random(4)
    for _ in range(20):
        lines = [rng.choice(["", "hello", "my pin is 4821", "  ", "\r", "{"]) for _ in range(rng.randrange(9))]
        found = list(redact_lines(read_lines("".join(f"{line}\n" for line in lines).encode()), Redactor()))
        assert [line.number for line in found] == list(range(1, len(lines) + 1))


def test_nothing_is_no_error() -> None:
    assert read_lines(b"") == []
    assert list(redact_lines([], Redactor())) == []


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"one\n\xff\xfe two", "redact.encoding", "Line 2 "),
        (b"RIFF\0\0\0\0WAVE", "redact.binary", "zero bytes"),
        (b'{"text": "a"}\nplain', "redact.json", "Line 2 "),
        (b'{"text": "a"}\n{"said": "secretword"}', "redact.json", "Line 2 "),
        (b'{"text": "a"}\n{"text": 7}', "redact.json", "Line 2 "),
        (b'{"text": "a"}\n' + b"[" * 100_000, "redact.json", "Line 2 "),
    ],
)
def test_what_cannot_be_read_is_told_by_its_line_and_not_by_its_words(data: bytes, code: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_lines(data)
    assert caught.value.code == code
    assert says in str(caught.value)
    assert "secretword" not in str(caught.value)


def test_a_line_of_a_hundred_thousand_characters_is_masked_to_its_end() -> None:
    (line,) = redact_lines([Line(text="so my card is 4111 1111 1111 1111 okay " * 2600)], Redactor())
    assert "1111" not in line.text
    assert line.text.endswith("[CARD_1] okay ")


def test_text_that_begins_like_json_is_text() -> None:
    assert [line.text for line in read_lines(b"{not json\nmore")] == ["{not json", "more"]
    assert [line.text for line in read_lines("\ufeffhello\r\nyou".encode())] == ["hello", "you"]


def test_what_the_agent_does_with_a_secret_is_no_answer_to_it() -> None:
    rows = [
        {"speaker": "customer", "text": "my PIN is 1234"},
        {"speaker": "agent", "text": "Your current balance is 2897 in credit."},
    ]
    given, balance = redact_lines(read_lines("\n".join(map(json.dumps, rows)).encode()), Redactor())
    assert given.text == "my PIN is [PASSWORD_1]"
    assert balance.text == rows[1]["text"]
