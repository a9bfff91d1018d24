"""One house for all who only look: three cut demo calls, imported while Candor serves, its log kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo.dialogue import load_all
from demo.manifest import COLUMNS, build_manifest

from tests.acceptance.product import Candor, Done, Server, cut, served

CLIPS = {"03": (0.0, 38.0), "01": (0.0, 42.0), "13": (0.0, 6.0)}
"""Card and account number read aloud; name, date of birth and phone number; a greeting."""


@dataclass
class House:
    """A running Candor with conversations in it."""

    candor: Candor
    server: Server
    manifest: Path
    imported: Done
    token: str
    client: httpx.Client
    ids: dict[str, str]
    """Call number → conversation id."""

    shown: dict[str, Any] = field(default_factory=dict)

    def show(self, call: str) -> Any:
        """What ``candor show`` told when it was first asked."""
        if call not in self.shown:
            self.shown[call] = self.candor.show(self.ids[call])
        return self.shown[call]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    calls = folder / "recordings"
    calls.mkdir()
    rows = []
    for row in build_manifest(datetime.now(UTC), load_all()):
        number = Path(row["file"]).name[:2]
        if number in CLIPS:
            cut(number, calls / f"{number}.opus", *CLIPS[number])
            rows.append(row | {"file": f"{number}.opus"})
    manifest = calls / "calls.csv"
    with manifest.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    candor = Candor(folder / "data", {"CANDOR_REGION": "US"})
    token = candor.token()
    with served(candor, folder / "serve.log") as server:
        done = candor.run("import", manifest, "--json", timeout=240)
        ids = {each["file"][:2]: each["id"] for each in done.json["imported"]}
        with server.client(token) as client:
            yield House(candor, server, manifest, done, token, client, ids)
