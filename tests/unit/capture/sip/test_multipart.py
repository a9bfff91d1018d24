"""Bodies of parts, well formed and not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.sip.multipart import MAX_PARTS, MultipartError, join, make_part, split

TWO = (
    b"--B\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--B\r\nContent-Type: application/rs-metadata+xml\r\n"
    b"Content-Disposition: recording-session;handling=optional\r\n\r\n<recording/>\r\n--B--\r\n"
)


def shape(body: bytes, content_type: str | None = "multipart/mixed;boundary=B") -> list[tuple[str, str, bytes]]:
    return [(part.content_type, part.disposition, part.body) for part in split(body, content_type)]


EXPECTED = [("application/sdp", "", b"v=0\r\n"), ("application/rs-metadata+xml", "recording-session", b"<recording/>")]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed;boundary=B",
        'Multipart/Mixed; charset=x; Boundary="B"',
        "multipart/mixed",
        "multipart/mixed;boundary=other",
        "multipart/related;boundary=",
        None,
        "",
    ],
)
def test_two_parts_whatever_the_boundary_is_said_to_be(content_type):
    assert shape(TWO, content_type) == EXPECTED


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b"--B--\r\n", b"--B--"),
        (b"--B--\r\n", b"--B-- \r\nepilogue\r\n--B\r\nnot seen"),
        (b"--B--\r\n", b""),
        (b"\r\n--B--\r\n", b""),
        (b"--B\r\nContent-Type: application/sdp", b"\r\n\r\npreamble\r\n--B\r\nContent-Type: application/sdp"),
        (b"--B\r\nContent-Type: application/rs", b"--B  \r\ncontent-TYPE :Application/rs"),
        (b"Content-Disposition", b"Content-Length: 9999\r\nContent-Disposition"),
    ],
)
def test_two_parts_with_sloppy_ends(change, to):
    assert shape(TWO.replace(change, to)) == EXPECTED


def test_line_feeds_only():
    assert shape(TWO.replace(b"\r\n", b"\n")) == [
        (kind, word, body.replace(b"\r\n", b"\n")) for kind, word, body in EXPECTED
    ]


def test_a_boundary_inside_a_line_or_as_a_prefix_is_content():
    body = b"--B\r\n\r\nx --B\r\n--Bcd\r\n --B\r\n--B--\r\n"
    assert [part.body for part in split(body, "multipart/mixed;boundary=B")] == [b"x --B\r\n--Bcd\r\n --B"]


def test_a_part_without_header_keeps_its_first_line():
    parts = split(b"--B\r\nv=0\r\no=- 1 1 IN IP4 a\r\n\r\nmore\r\n--B--", "multipart/mixed;boundary=B")
    assert parts[0].body.startswith(b"v=0")
    assert parts[0].is_sdp


def test_single_bodies():
    assert shape(b"v=0\r\n", "application/SDP;charset=utf-8") == [("application/sdp", "", b"v=0\r\n")]
    assert shape(b"\r\nv=0\r\n", None) == [("", "", b"\r\nv=0\r\n")]
    assert split(b"v=0\r\n", None)[0].is_sdp
    assert split(b"", "application/sdp") == []
    assert split(b" \r\n", "multipart/mixed;boundary=B") == []


def test_parts_inside_parts_stay_closed():
    inner = b"--I\r\n\r\ninner\r\n--I--"
    body = b"--B\r\nContent-Type: multipart/alternative;boundary=I\r\n\r\n" + inner + b"\r\n--B--"
    assert shape(body) == [("multipart/alternative", "", inner)]


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary at all",
        b"--B\r\n\r\nx\r\n" * (MAX_PARTS + 1),
        b"--B\r\nX: " + b"y" * 17_000 + b"\r\n\r\nx\r\n--B--",
    ],
)
def test_refused(body):
    with pytest.raises(MultipartError):
        split(body, "multipart/mixed;boundary=B")


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=MAX_PARTS))
def test_what_is_joined_comes_apart(bodies):
    parts = [make_part("application/octet-stream", body, disposition="session") for body in bodies]
    body = join(parts, "a-boundary-that-is-not-in-there")
    assert split(body, "multipart/mixed;boundary=a-boundary-that-is-not-in-there") == parts
