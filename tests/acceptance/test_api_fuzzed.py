"""Whatever is sent to the API, the answer is never a fault of the server: schemathesis over every operation."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.product import COMMAND, Candor, noise, served
from tests.peers.recorder import media_ports

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "3")
"""Made for each operation on top of those that cover every boundary; `FUZZ_EXAMPLES=200 make test PYTEST=-k fuzzed`."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_request_is_answered_by_a_fault(tmp_path: Path) -> None:
    candor = Candor(
        tmp_path / "data",
        {
            "CANDOR_RECORDER": "true", "CANDOR_SIP_PORT": "0", "CANDOR_RTP_PORTS": media_ports(),
            "CANDOR_CONSENT": "enforce", "CANDOR_ESTABLISHMENT": "DE", "CANDOR_COMPANY": "Example Bank",
            "CANDOR_REQUESTS_PER_SECOND": "0", "CANDOR_GUESSES_PER_MINUTE": "0",
        },
    )  # fmt: skip
    token = candor.token()
    candor.run("import", noise(tmp_path / "call.wav", 3))
    with served(candor, tmp_path / "log", workers=1) as server:
        done = subprocess.run(
            [
                COMMAND.with_name("schemathesis"), "run", f"{server.address}/api/v1/openapi.json",
                "--header", f"Authorization: Bearer {token}", "--checks", "not_a_server_error",
                "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--continue-on-failure", "--no-color",
                "--generation-database", "none", "--seed", "1", "--warnings", "off",
            ],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
        assert re.search(r"\b0 generated", done.stdout) is None
        assert server.process.poll() is None
    logged = (tmp_path / "log").read_text()
    assert "api fault" not in logged
    assert "Traceback" not in logged
    assert token not in logged
