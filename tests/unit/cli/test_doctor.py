"""What ``candor doctor`` finds: each weakness made, and told."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from candor import wiring
from candor.access.model import Right, UserRole
from candor.cli import doctor
from candor.cli.doctor.model import Grade
from candor.cli.main import app
from candor.kit import clock
from candor.settings import Settings, load

SOUND: dict[str, Any] = {
    "second_factor": ("administrator", "compliance"), "consent": "enforce", "establishment": "DE",
    "disposal_approval": "four-eyes",
}  # fmt: skip


def settings(tmp_path: Path, **values: Any) -> Settings:
    given = {"data": tmp_path / "data", "audit_checkpoints": str(tmp_path / "elsewhere")}
    return Settings(**(given | SOUND | values))


def graded(given: Settings) -> dict[str, Grade]:
    return {finding.check: finding.grade for finding in doctor.examine(given)}


@pytest.mark.parametrize(
    ("values", "check", "grade"),
    [
        ({"host": "0.0.0.0"}, "pages.clear", Grade.WEAK),
        ({"host": "0.0.0.0", "https": True}, "pages.clear", Grade.GOOD),
        ({"host": "::1"}, "pages.clear", Grade.GOOD),
        ({"host": "call.example.com"}, "pages.clear", Grade.WEAK),
        ({"guesses_per_minute": 0}, "pages.guesses", Grade.WEAK),
        ({"requests_per_second": 0}, "pages.requests", Grade.ADVICE),
        ({"session_hours": 48}, "pages.sessions", Grade.WEAK),
        ({"idle_minutes": 0}, "pages.sessions", Grade.WEAK),
        ({"second_factor": ("administrator",)}, "people.second_factor", Grade.WEAK),
        ({"reveal_minutes": 90}, "people.reveal", Grade.WEAK),
        ({"sip_allow": ("0.0.0.0/0",)}, "calls.senders", Grade.WEAK),
        ({"sip_allow": ("::/0",)}, "calls.senders", Grade.WEAK),
        ({"sip_allow": ("10.0.0.0/8",), "sip_users": {"sbc": "s"}}, "calls.senders", Grade.GOOD),
        ({"sip_allow": ("10.1.2.0/24", "127.0.0.0/8")}, "calls.senders", Grade.GOOD),
        ({"sip_users": {"sbc": "s"}}, "calls.digest", Grade.ADVICE),
        ({"sip_users": {"sbc": "s"}, "sip_digest": ("SHA-256",)}, "calls.digest", Grade.GOOD),
        ({"media_from": "any"}, "calls.media", Grade.WEAK),
        ({"sip_host": "0.0.0.0"}, "calls.srtp", Grade.ADVICE),
        ({"sip_host": "0.0.0.0", "srtp": "require"}, "calls.srtp", Grade.GOOD),
        ({"stream_sources": ({"name": "lab", "proof": "none"},)}, "calls.streams", Grade.WEAK),
        ({"stream_sources": ({"name": "lab", "secret": "s"},)}, "calls.streams", Grade.GOOD),
        ({"consent": "off"}, "consent.off", Grade.WEAK),
        ({"audit_checkpoints": None}, "audit.checkpoints", Grade.WEAK),
        ({"evidence_certificate": None}, "evidence.certificate", Grade.ADVICE),
        ({"disposal_approval": "none"}, "keeping.approval", Grade.ADVICE),
        ({"log_level": "DEBUG"}, "logs.debug", Grade.ADVICE),
    ],
)
def test_settings(tmp_path: Path, values: dict[str, Any], check: str, grade: Grade) -> None:
    assert graded(settings(tmp_path, **values))[check] is grade


def test_sound_settings_have_nothing_weak(tmp_path: Path) -> None:
    assert Grade.WEAK not in graded(settings(tmp_path)).values()


def test_a_recorder_that_is_off_is_not_asked_about(tmp_path: Path) -> None:
    assert "calls.media" not in graded(settings(tmp_path, recorder=False, media_from="any"))


def test_files_that_others_can_read(tmp_path: Path) -> None:
    given = settings(tmp_path)
    wiring.prepare(given)
    assert graded(given)["data.modes"] is Grade.GOOD
    assert graded(given)["key.beside"] is Grade.ADVICE
    given.data.chmod(0o755)
    assert graded(given)["data.modes"] is Grade.WEAK
    given.data.chmod(0o700)
    apart = tmp_path / "keys" / "master.key"
    apart.parent.mkdir()
    (given.data / "master.key").rename(apart)
    apart.chmod(0o640)
    moved = graded(settings(tmp_path, key_file=apart))
    assert moved["key.beside"] is Grade.GOOD
    assert moved["data.modes"] is Grade.WEAK
    assert moved["data.opens"] is Grade.WEAK


@pytest.mark.parametrize(("days", "grade"), [(-1, Grade.WEAK), (5, Grade.ADVICE), (200, Grade.GOOD)])
def test_a_certificate_that_runs_out(tmp_path: Path, days: int, grade: Grade) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "recorder.example.com")])
    now = clock.now()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "recorder.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "data").mkdir(mode=0o700)
    assert graded(settings(tmp_path, tls_certificate=file))["calls.certificate"] is grade
    file.write_text("nothing")
    assert graded(settings(tmp_path, tls_certificate=file))["calls.certificate"] is Grade.WEAK


def test_people_and_tokens(tmp_path: Path) -> None:
    given = settings(tmp_path)
    services = wiring.open_services(given)
    with clock.freeze(clock.now() - timedelta(days=100)), services.database.write() as uow:
        for number in range(5):
            services.access.add_user(
                uow, login=f"a{number}", name="A", role=UserRole.ADMINISTRATOR, password="correct horse battery"
            )
        principal = services.access.principal_by_login(uow, "a0")
        services.access.create_token(uow, principal, "old", [Right.CONVERSATION_READ])
    (given.data / "demo-login.json").write_text("{}")
    (given.data / "spool").mkdir(exist_ok=True)
    (given.data / "spool" / "one.bad").write_bytes(b"")
    found = graded(given)
    services.database.close()
    assert found["data.whole"] is Grade.GOOD
    assert found["backup.age"] is Grade.WEAK
    assert found["backup.verified"] is Grade.ADVICE
    assert found["keeping.schedules"] is Grade.WEAK
    assert found["audit.fits"] is Grade.GOOD
    assert found["people.administrators"] is Grade.ADVICE
    assert found["tokens.endless"] is Grade.ADVICE
    assert found["tokens.unused"] is Grade.WEAK
    assert found["people.demo"] is Grade.WEAK
    assert found["calls.stuck"] is Grade.WEAK


def test_a_backup_and_a_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(tmp_path)
    wiring.prepare(given)
    monkeypatch.setenv("CANDOR_DATA", str(given.data))
    for words in (["backup", str(tmp_path / "target")], ["backup", "verify", str(tmp_path / "target"), "--open"]):
        ended = CliRunner().invoke(app, words)
        assert ended.exit_code == 0, ended.output
    found = graded(given)
    assert found["backup.age"] is Grade.GOOD
    assert found["backup.verified"] is Grade.GOOD
    with clock.freeze(clock.now() + timedelta(days=40)):
        later = graded(given)
    assert later["backup.age"] is Grade.WEAK
    assert later["backup.verified"] is Grade.ADVICE


def test_the_command_tells_and_exits_by_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))
    load(data=tmp_path / "data")
    ended = CliRunner().invoke(app, ["doctor", "--json"])
    told = json.loads(ended.stdout)
    assert ended.exit_code == 1
    assert told["weak"] == sum(finding["grade"] == "weak" for finding in told["findings"]) > 0
    weak = next(finding for finding in told["findings"] if finding["check"] == "consent.off")
    assert "CANDOR_CONSENT=enforce" in weak["advice"]
    spoken = CliRunner().invoke(app, ["doctor", "--all"])
    assert "good" in spoken.stdout
    for name, value in {
        "SECOND_FACTOR": '["administrator","compliance"]', "CONSENT": "enforce", "ESTABLISHMENT": "DE",
        "AUDIT_CHECKPOINTS": "/elsewhere",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"CANDOR_{name}", value)
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0
