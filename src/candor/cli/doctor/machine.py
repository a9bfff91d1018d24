"""Files and room on this machine."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from candor.cli.doctor.model import Finding, Grade, advise_if, weak_if
from candor.kit import clock
from candor.settings import Settings

_ROOM = 0.1
_SOON = timedelta(days=30)


def findings(settings: Settings) -> Iterator[Finding]:
    """Looks at modes, room and certificates; opens no recording."""
    if not settings.data.exists():
        yield Finding(
            check="data.none", grade=Grade.ADVICE, what="There is no data folder yet.",
            advice="It is made by the first command that needs it.",
        )  # fmt: skip
        return
    yield from _modes(settings)
    room = shutil.disk_usage(settings.data)
    yield weak_if(
        room.free < _ROOM * room.total, "data.room",
        weak=f"The data folder's disk is nearly full: {room.free / room.total:.0%} free.",
        good="The data folder's disk has room.", advice="Make room: while the disk is full, calls cannot be kept.",
    )  # fmt: skip
    yield advise_if(
        os.geteuid() == 0, "process.root", so="Candor runs as root.", good="Candor does not run as root.",
        advice="Run it as a user of its own; see docs/howto/run-as-a-service.md.",
    )  # fmt: skip
    if settings.tls_certificate is not None:
        yield _certificate(settings.tls_certificate)


def _modes(settings: Settings) -> Iterator[Finding]:
    key = settings.key_file or settings.data / "master.key"
    own_key = settings.passphrase is None and not settings.keys
    listed = [settings.data, settings.data / "candor.toml", settings.data / "candor.db", settings.data / "spool"]
    files = [*listed, *([key] if own_key else [])]
    # What lies inside a closed folder is closed as well.
    inside = _open_to_others(settings.data)
    bad = [
        path for path in files if path.exists() and _open_to_others(path) and (inside or not _within(path, settings))
    ]
    yield weak_if(
        bad, "data.modes",
        weak=f"Other users of this machine can read {', '.join(path.name for path in bad)}.",
        good="Only this user reads the data folder and the master key.",
        advice=f"chmod go= {' '.join(str(path) for path in bad)}",
    )  # fmt: skip
    yield advise_if(
        own_key and key.exists() and _within(key, settings), "key.beside",
        so="The master key lies in the data folder: who copies the folder has both.",
        good="The master key is kept apart from the data.",
        advice="Set CANDOR_KEY_FILE to another disk, or CANDOR_KEYS to a key service; keep a copy of it elsewhere.",
    )  # fmt: skip


def _within(path: Path, settings: Settings) -> bool:
    return path.resolve().is_relative_to(settings.data.resolve()) and path != settings.data


def _open_to_others(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _certificate(path: Path) -> Finding:
    check, advice = "calls.certificate", "Renew the file of CANDOR_TLS_CERTIFICATE and start the recorder again."
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return Finding(
            check=check, grade=Grade.WEAK, what="The recorder's certificate cannot be read.",
            advice="Set CANDOR_TLS_CERTIFICATE to a PEM file with the certificate and its key.",
        )  # fmt: skip
    left = ends - clock.now()
    if left <= timedelta(0):
        return Finding(check=check, grade=Grade.WEAK, what="The recorder's certificate has expired.", advice=advice)
    return advise_if(
        left < _SOON, check, so=f"The recorder's certificate expires in {left.days} days.",
        good="The recorder's certificate is valid.", advice=advice,
    )  # fmt: skip
