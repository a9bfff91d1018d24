"""What a slip in a log call cannot let out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from candor.kit import log


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    before = structlog.get_config()
    log.configure(json_lines=True)
    yield
    structlog.configure(**before)


@pytest.mark.parametrize(
    "slip",
    [
        "made candor_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4 for them",
        "Authorization: Bearer Zm9vYmFyYmF6cXV4",
        "authorization: basic cm9vdDpodW50ZXIyIQ==",
        "Cookie: candor_session=Zm9vYmFyYmF6; theme=dark",
        "GET /streams/lab?token=Zm9vYmFyYmF6",
        '{"password": "Zm9vYmFyYmF6"}',
        "redis://app:Zm9vYmFyYmF6@127.0.0.1/0",
        "-----BEGIN EC PRIVATE KEY-----\nZm9vYmFyYmF6\n-----END EC PRIVATE KEY-----",
    ],
)
def test_secrets_inside_values(slip: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.get_logger("test").info("slip", detail=slip)
    log.get_logger("test").info(slip)
    text = capsys.readouterr().err
    assert "Zm9vYmFyYmF6" not in text
    assert "cm9vdDpodW50ZXIyIQ" not in text
    assert text.count("[not logged]") == 2


def test_exceptions_are_cleaned_too(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int("password=Zm9vYmFyYmF6")
    except ValueError:
        log.get_logger("test").exception("slip")
    assert "Zm9vYmFyYmF6" not in capsys.readouterr().err


def test_what_is_meant_to_be_logged_is(capsys: pytest.CaptureFixture[str]) -> None:
    log.get_logger("test").info(
        "stage failed", conversation="01a21bc9-76c0", code="media.empty", attempts=3, caller="X"
    )
    line = json.loads(capsys.readouterr().err)
    assert line["code"] == "media.empty"
    assert line["attempts"] == 3
    assert line["caller"] == "[not logged]"
    assert "[not logged]" not in {line["conversation"], line["event"], line["part"]}
