#!/usr/bin/env python3
"""Hold every pinned dependency against the published advisories: fails for a known vulnerability.

Run by `make audit` and by CI. A machine that reaches no advisory service is told so and does not fail: a check that
could not be made is not a finding. Exceptions, each with its reason, stand in requirements/accepted-advisories.txt
(`ID  # why it does not touch Candor, and until when`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120


def accepted() -> list[str]:
    """Advisory ids that are known not to matter here."""
    listed = ROOT / "requirements" / "accepted-advisories.txt"
    lines = listed.read_text().splitlines() if listed.exists() else []
    found = [line.split("#", 1) for line in lines if line.strip() and not line.startswith("#")]
    for parts in found:
        if len(parts) != 2 or not parts[1].strip():
            sys.exit(f"{listed.name}: every accepted advisory needs its reason: {parts[0].strip()}")
    return [parts[0].strip() for parts in found]


def audit(requirements: Path) -> int:
    """1 when a known vulnerability is pinned, else 0."""
    command = [
        sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner", "off",
        "--format", "json", "--requirement", str(requirements),
    ]  # fmt: skip
    for advisory in accepted():
        command += ["--ignore-vuln", advisory]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        dependencies = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
        print(f"{requirements.name}: not audited, no advisory service answered")
        return 0
    checked = [one for one in dependencies if "skip_reason" not in one]
    hit = [one for one in checked if one["vulns"]]
    for one in hit:
        for vulnerability in one["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            print(f"{one['name']} {one['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(f"{requirements.name}: {len(checked)} of {len(dependencies)} dependencies audited, {len(hit)} vulnerable")
    return int(bool(hit))


if __name__ == "__main__":
    sys.exit(max(audit(ROOT / "requirements" / name) for name in ("app.txt", "meaning.txt", "test.txt")))
