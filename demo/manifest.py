"""The list that imports the demo calls: ``python -m demo.manifest [-o FILE]`` writes it as CSV.

The dialogues say how many days before today a call took place, so the demo always shows the last six weeks; times of
day are the office's own, at the offset that ``cast.yaml`` names.
"""

from __future__ import annotations

import argparse
import csv
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TextIO

from demo.dialogue import HERE, Call, cast, load_all

CALLS = HERE / "calls"
COLUMNS = (
    "file",
    "call_id",
    "start",
    "direction",
    "caller",
    "callee",
    "agent",
    "agent_name",
    "queue",
    "team",
    "language",
    "customer_channel",
    "agent_channel",
)


def build_manifest(now: datetime, calls: list[Call] | None = None) -> list[dict[str, str]]:
    """One row a call, oldest first, keys as in ``COLUMNS``; ``now`` is aware, ``file`` an absolute path."""
    company = cast()
    zone = timezone(timedelta(minutes=company["utc_offset_minutes"]))
    rows = []
    for call in load_all() if calls is None else calls:
        agent = company["agents"][call.agent]
        hour, minute = (int(part) for part in call.time.split(":"))
        day = now.astimezone(zone) - timedelta(days=call.days_before)
        start = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
        ends = (call.caller, company["company_number"])
        caller, callee = ends if call.direction == "inbound" else ends[::-1]
        rows.append(
            {
                "file": str(CALLS / f"{call.id}.opus"),
                "call_id": f"demo-{call.id}",
                "start": start.isoformat(),
                "direction": call.direction,
                "caller": caller,
                "callee": callee,
                "agent": call.agent,
                "agent_name": agent["name"],
                "queue": call.queue,
                "team": agent["team"],
                "language": "en",
                "customer_channel": "0",
                "agent_channel": "1",
            }
        )
    return sorted(rows, key=lambda row: row["start"])


def write_manifest(rows: list[dict[str, str]], stream: TextIO) -> None:
    """Write ``rows`` as CSV with a heading."""
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def main(arguments: list[str] | None = None) -> int:
    """Write the manifest for today to a file or to the standard output."""
    parser = argparse.ArgumentParser(description="Write the manifest of the demo calls.")
    parser.add_argument("-o", "--output", type=Path)
    output = parser.parse_args(arguments).output
    rows = build_manifest(datetime.now(UTC))
    if output is None:
        write_manifest(rows, sys.stdout)
    else:
        with output.open("w", encoding="utf-8", newline="") as stream:
            write_manifest(rows, stream)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
