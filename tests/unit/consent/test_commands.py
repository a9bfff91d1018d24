"""``candor consent`` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from candor.cli.main import main
from candor.consent.pack import builtin_texts

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["candor", "consent", *words])
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return command


CALL = ("--caller", "+14155550101", "--callee", "+493023125012", "--agent-location", "US-TX", "--purpose", "quality",
        "--channel", "voice", "--at", "2026-11-23")  # fmt: skip


def test_a_decision_in_data_and_in_words(run: Run) -> None:
    status, out, _ = run("decide", *CALL, "--json")
    made = json.loads(out)
    assert (status, made["level"], made["legs"]) == (0, 4, ["US-CA", "DE", "US-TX"])
    status, words, _ = run("decide", *CALL)
    assert status == 0
    for part in ("Level 4.", "ask_opt_in", "§ 201 StGB", "DE (callee, level 4)", "Not known", "not legal advice"):
        assert part in words
    assert "5550101" not in words


def test_every_option_of_the_issue(run: Run) -> None:
    status, out, _ = run(
        "decide", "--purpose", "training", "--extra-leg", "FR", "--extra-leg", "+12065550106", "--unknown-leg",
        "non-us", "--unknown-leg", "us", "--sector", "pci", "--sector", "GDPR", "--establishment", "HU", "--recorder",
        "IE", "--at", "2026-11-23", "--json",
    )  # fmt: skip
    made = json.loads(out)
    assert status == 0
    assert made["legs"] == ["HU", "IE", "FR", "US-WA"]
    assert made["unknown_legs"] == ["us", "non-us"]
    assert made["announcement_recorded"] is True


@pytest.mark.parametrize(
    "words",
    [
        ("--purpose", "quality"),
        ("--purpose", "fun", "--agent-location", "DE"),
        ("--purpose", "quality", "--agent-location", "US-ZZ"),
        ("--purpose", "quality", "--agent-location", "DE", "--channel", "smoke"),
        ("--purpose", "quality", "--agent-location", "DE", "--sector", "fishing"),
        ("--purpose", "quality", "--agent-location", "DE", "--at", "tomorrow"),
        ("--purpose", "quality", "--unknown-leg", "mars"),
        ("--agent-location", "DE"),
    ],
)
def test_bad_input_ends_with_2_and_says_why(run: Run, words: tuple[str, ...]) -> None:
    status, out, err = run("decide", *words)
    assert (status, out) == (2, "")
    assert err
    assert "Traceback" not in err


def test_the_rules_and_one_rule(run: Run) -> None:
    status, out, _ = run("rules")
    assert status == 0
    assert "US-WA" in out
    assert "X-STRICTEST" in out
    assert "MIFID2-16-7" in out
    status, out, _ = run("rules", "us-wa")
    assert "RCW 9.73.030" in out
    assert "https://" in out
    assert json.loads(run("rules", "DE", "--json")[1])["engine_level"] == 4
    assert len(json.loads(run("rules", "--json")[1])["rules"]) == 143
    assert json.loads(run("rules", "US-OR", "--at", "2020-01-01", "--json")[1])["channel_overrides"] == {"in_person": 2}
    assert run("rules", "NOWHERE")[0] == 3


def test_an_override_its_history_and_its_end(run: Run) -> None:
    who = ("--author", "Dr. Nora Quist", "--reason", "memo 17")
    asked = ("decide", "--agent-location", "US-MD", "--purpose", "quality", "--json")
    assert run("override", "set", "US-MD", "engine_level", "4", *who)[:2][0] == 0
    assert json.loads(run(*asked)[1])["level"] == 4
    assert "overridden by your counsel" in run(*asked[:-1])[1]
    assert run("override", "set", "US-MD", "engine_level", "four", *who)[0] == 2
    assert run("override", "set", "US-MD", "engine_level", "4", *who)[0] == 1
    assert run("override", "set", "US-MD", "engine_level", "3")[0] == 2
    assert run("override", "withdraw", "US-MD", "engine_level", *who)[0] == 0
    assert json.loads(run(*asked)[1])["level"] == 2
    history = json.loads(run("override", "history", "--json")[1])
    assert [(each["new"], each["author"], each["made_by"]) for each in history] == [
        (4, "Dr. Nora Quist", "cli"), (None, "Dr. Nora Quist", "cli")]  # fmt: skip
    assert "memo 17" in run("override", "history", "US-MD")[1]


def test_a_pack_is_checked_and_installed_whole_or_not_at_all(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, content in builtin_texts().items():
        (folder / name).write_bytes(content.replace(b'version = "2026.11.23"', b'version = "2027.1.1"'))
    assert "129 places and sectors" in run("pack", "check", str(folder))[1]
    good = (folder / "elsewhere.toml").read_text(encoding="utf-8")
    (folder / "elsewhere.toml").write_text(good.replace("engine_level = 2", "engine_level = 12", 1), encoding="utf-8")
    status, _, err = run("pack", "install", str(folder))
    assert status == 2
    assert "elsewhere.toml, GB, engine_level" in err
    assert json.loads(run("pack", "list", "--json")[1])["in_use"] == "2026.11.23"
    (folder / "elsewhere.toml").write_text(good, encoding="utf-8")
    assert run("pack", "install", str(folder))[0] == 0
    assert json.loads(run("pack", "list", "--json")[1])["in_use"] == "2027.1.1"
    assert run("pack", "install", str(folder))[0] == 1
    assert run("pack", "check", str(tmp_path / "nowhere"))[0] == 2
