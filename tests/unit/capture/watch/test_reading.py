"""Places as they are written in a settings file."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from candor.capture.watch.model import After, WatchedPlace
from candor.capture.watch.reading import read_places
from candor.errors import InvalidInput

SETTINGS = """
[[watch]]
name = "pbx"
url = "file:///srv/recordings"
pattern = "{start:%Y%m%d_%H%M%S}_{caller}.wav"
zone = "Europe/Berlin"
settle = 60

[[watch]]
name = "cloud"
url = "s3://bucket/prefix"
manifest = "{stem}.json"
after = "move"
move_to = "done"
[watch.options]
aws_region = "eu-central-1"
"""


def test_places_of_a_settings_file() -> None:
    assert read_places(tomllib.loads(SETTINGS)["watch"]) == (
        WatchedPlace(
            name="pbx", url="file:///srv/recordings", pattern="{start:%Y%m%d_%H%M%S}_{caller}.wav",
            zone="Europe/Berlin", settle=60.0,
        ),
        WatchedPlace(
            name="cloud", url="s3://bucket/prefix", manifest="{stem}.json", after=After.MOVE, move_to="done",
            options=(("aws_region", "eu-central-1"),),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"colour": "red"}, "keys"), ({"url": 7}, "keys"), ({"settle": "soon"}, "seconds"),
        ({"settle": True}, "seconds"),
        ({"after": "eat"}, "after"), ({"options": ["x"]}, "options"), ({"options": {"key": 7}}, "options"),
        ({"every": 0}, "seconds"), ({"pattern": "x"}, "pattern"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_without_its_value(more: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_places([{"name": "pbx", "url": "file:///srv"} | more])
    assert raised.value.code == f"watch.{code}"
    assert "red" not in str(raised.value)
    assert "eat" not in str(raised.value).replace("created", "")


def test_names_and_urls_are_needed_and_differ() -> None:
    for given in ([{"name": "x"}], [{"url": "file:///srv"}], [{"name": "x", "url": "file:///srv"}] * 2):
        with pytest.raises(InvalidInput):
            read_places(given)
