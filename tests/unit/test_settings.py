"""Settings that cannot work are told when Candor starts, not by a worker in a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import InvalidInput
from candor.settings import load


def test_watched_places_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "candor.toml").write_text(
        'zone = "Europe/Berlin"\n[[watch]]\nname = "cloud"\nurl = "s3://b/p"\nevery = 5\n'
        '[watch.options]\naws_region = "eu-central-1"\n'
    )
    found = load(data=tmp_path)
    assert found.watch == ({"name": "cloud", "url": "s3://b/p", "every": 5, "options": {"aws_region": "eu-central-1"}},)
    assert found.zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("watch", "code"),
    [
        ('[{"name": "x"}]', "watch.keys"),
        ('[{"name": "x", "url": "ftp://x"}]', "watch.url"),
        ('[{"name": "x", "url": "file:///a"}, {"name": "x", "url": "file:///b"}]', "watch.twice"),
        ('[{"name": "x", "url": "file:///a", "pattern": "{nothing}.wav"}]', "watch.pattern"),
        ("not JSON", "settings.invalid"),
    ],
)
def test_places_that_cannot_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: str, code: str) -> None:
    monkeypatch.setenv("CANDOR_WATCH", watch)
    with pytest.raises(InvalidInput) as refused:
        load(data=tmp_path)
    assert refused.value.code == code


def test_a_zone_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_ZONE", "Europe/Atlantis")
    with pytest.raises(InvalidInput, match="zone: Value error, not a time zone like Europe/Berlin"):
        load(data=tmp_path)
