"""A real PKCS#11 library: SoftHSM 2 (Debian's softhsm2), with one token and two AES keys."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PIN = "candor-1234"
TOKEN = "candor-tests"
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)


def library() -> Path | None:
    """Where it is; None when it is not installed."""
    found = (Path(one) for one in LIBRARIES)
    return next((one for one in found if one.exists()), None) if shutil.which("softhsm2-util") else None


def make_token(folder: Path, module: Path) -> None:
    """A token with the AES keys ``master`` and ``other``; this process uses it from now on.

    The library reads its settings once, so there is one folder a process.
    """
    import pkcs11

    (folder / "tokens").mkdir(parents=True)
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "5678-candor"],
        check=True, capture_output=True,
    )  # fmt: skip
    token = pkcs11.lib(str(module)).get_token(token_label=TOKEN)
    with token.open(rw=True, user_pin=PIN) as session:
        for label in ("master", "other"):
            session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True)
