"""Another recorder's files in a watched folder become conversations while Candor serves; a call list finds the rest."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.product import Candor, noise, served

pytestmark = pytest.mark.slow

NUMBER = "2025550143"


def places(api: httpx.Client, **taken: int) -> dict[str, Any]:
    """How it stands with each place, as soon as each has taken so many."""
    deadline = time.monotonic() + 30
    while True:
        found = {each["name"]: each for each in api.get("/api/v1/watched-places").json()["places"]}
        if all(found[name]["taken"] == number for name, number in taken.items()):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_files_come_in_and_what_is_missing_shows(tmp_path: Path) -> None:
    listed, named = tmp_path / "listed", tmp_path / "named"
    for folder in (listed, named):
        folder.mkdir()
    pattern = "{start:%Y%m%d_%H%M%S}_{caller}_{agent_id}_{call_id}.wav"
    often = {"settle": 0, "every": 1}
    watch = [
        {"name": "listed", "url": f"file://{listed}", "manifest": "*.csv", **often},
        {"name": "named", "url": f"file://{named}", "pattern": pattern, "zone": "Europe/Berlin", "after": "move",
         "move_to": "taken", **often},
    ]  # fmt: skip
    candor = Candor(
        tmp_path / "data", {"CANDOR_WATCH": json.dumps(watch), "CANDOR_REGION": "US", "CANDOR_ZONE": "Europe/Berlin"}
    )
    token = candor.token()
    noise(listed / "one.wav", 2, seed=1)
    (listed / "calls.csv").write_text(f"file,call_id,start,caller\none.wav,L-1,2026-03-02T09:00:00Z,{NUMBER}\n")
    (named / "hello.wav").write_bytes(b"junk")
    with served(candor, tmp_path / "log", workers=1) as server, server.client(token) as api:
        places(api, listed=1)
        noise(named / f"20260302_101500_{NUMBER}_a7_N-1.wav", 2, seed=2)
        found = places(api, listed=1, named=1)
        assert (found["named"]["refused"], found["named"]["trouble"]) == (1, None)
        assert found["named"]["last_taken"]["file"].endswith("_…0143_a7_N-1.wav")
        assert [path.name for path in (named / "taken").iterdir()] == [f"20260302_101500_{NUMBER}_a7_N-1.wav"]
        rows = {row["external_id"]: row for row in api.get("/api/v1/conversations").json()["conversations"]}
        assert {call: row["started_at"][:19] for call, row in rows.items()} == {
            "L-1": "2026-03-02T09:00:00", "N-1": "2026-03-02T09:15:00"
        }  # fmt: skip
        # The zone of the settings counts for the list, too.
        minutes = {"L-1": "00", "N-1": "15", "X-1": "30"}
        calls = "uniqueid;calldate;billsec\n" + "".join(
            f"{call};2026-03-02 10:{at}:00;2\n" for call, at in minutes.items()
        )
        sent = api.put("/api/v1/completeness/calls?source=pbx", content=calls, headers={"Content-Type": "text/csv"})
        assert sent.json()["added"] == 3
        day = datetime(2026, 3, 2, tzinfo=UTC)
        period = {"since": day.isoformat(), "until": (day + timedelta(days=1)).isoformat()}
        assert api.post("/api/v1/completeness/check", json=period).json()["found"]["missing"] == 1
        report = api.get("/api/v1/completeness", params=period | {"kind": "missing"}).json()
        assert (report["recorded"], [each["call_id"] for each in report["discrepancies"]]) == (2, ["X-1"])
        assert NUMBER not in (tmp_path / "log").read_text()
