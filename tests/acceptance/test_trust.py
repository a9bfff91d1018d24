"""One house through hold, disposal, erasure, restore and offline checks: by command, in the browser, on the disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.product import PASSWORD, Candor, Server, noise, served
from tests.integration.test_browser import ARGUMENTS, CHROMIUM

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")

MARSH = "+12125550143"
CALLS = {
    # name: (days ago, caller)
    "held": (400, "+12125550111"),
    "due": (400, "+12125550122"),
    "marsh": (10, MARSH),
}


@pytest.fixture
def candor(tmp_path: Path) -> Candor:
    return Candor(tmp_path / "data", {"CANDOR_REGION": "US"})


def imported(candor: Candor, folder: Path) -> dict[str, str]:
    """The calls, by name → id."""
    folder.mkdir()
    rows = []
    for seed, (name, (days, caller)) in enumerate(CALLS.items()):
        noise(folder / f"{name}.wav", 2, seed=seed)
        start = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        rows.append({"file": f"{name}.wav", "start": start, "caller": caller, "call_id": name, "queue": "Billing"})
    with (folder / "calls.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done = candor.run("import", folder / "calls.csv", "--json", timeout=240).json
    return {each["file"].removesuffix(".wav"): each["id"] for each in done["imported"]}


class Pages:
    """A logged-in administrator's browser."""

    def __init__(self, browser: Any, server: Server) -> None:
        self.page = browser.new_page(base_url=server.address)
        self.page.goto("/login")
        self.page.fill("#login", "root")
        self.page.fill("#password", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/conversations*")

    def status(self, address: str) -> int:
        return int(self.page.goto(address).status)

    def text(self, address: str) -> str:
        assert self.status(address) == 200, address
        return str(self.page.inner_text("main"))


@pytest.fixture
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


def sealed_files(data: Path) -> set[str]:
    """Every sealed object on the disk."""
    return {path.name for path in (data / "objects").rglob("*") if path.is_file()}


def objects_of(candor: Candor, conversation_id: str) -> set[str]:
    """Of a conversation, by the register."""
    rows = candor.sql("SELECT object_id FROM artifact WHERE conversation_id = ?", conversation_id)
    return {str(row[0]) for row in rows}


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_a_house_from_hold_to_restore(candor: Candor, tmp_path: Path, browser: Any) -> None:  # noqa: PLR0915  one story
    candor.token()
    ids = imported(candor, tmp_path / "calls")
    elsewhere = Candor(tmp_path / "nowhere")  # a machine without Candor's data
    with served(candor, tmp_path / "serve.log", workers=1) as server:
        pages = Pages(browser, server)

        # Held: its label is on the page.
        hold = candor.json("hold", "place", "Marsh v. Northwind", "--reason", "Letter of 3 March",
                           "--conversation", ids["held"])  # fmt: skip
        assert "Legal hold" in pages.text(f"/conversations/{ids['held']}")

        # A schedule, looked at before it counts; then the sweep: what is held stays, what is due goes.
        (tmp_path / "schedules.yaml").write_text("schedules:\n  - {name: House, days: 365, basis: Policy 7}\n")
        assert candor.run("retention", "schedule", "load", tmp_path / "schedules.yaml").code == 0
        (draft,) = candor.json("retention", "schedule", "list")["schedules"]
        assert candor.run("retention", "schedule", "effect", draft["id"]).code == 0
        today = datetime.now(UTC).date().isoformat()
        preview = candor.json("retention", "preview", "--on", today)
        assert ids["due"] in json.dumps(preview)
        assert ids["marsh"] not in json.dumps(preview)
        before = {name: objects_of(candor, one) & sealed_files(candor.data) for name, one in ids.items()}
        assert all(before.values())
        assert candor.run("retention", "sweep").code == 0
        assert pages.status(f"/conversations/{ids['due']}") == 404
        assert pages.status(f"/conversations/{ids['held']}") == 200
        assert not before["due"] & sealed_files(candor.data)
        assert before["held"] <= sealed_files(candor.data)

        # The certificate of destruction, checked where nothing of Candor is.
        listed = candor.json("retention", "certificate", "list")
        paper = tmp_path / "paper.jws"
        (certificate,) = listed["certificates"]
        assert candor.run("retention", "certificate", "show", certificate["id"], "-o", paper).code == 0
        key = listed["keys"][0]
        assert elsewhere.run("retention", "certificate", "verify", paper, "--key", key).code == 0
        paper.write_bytes(paper.read_bytes().replace(b".", b"._", 1))
        assert elsewhere.run("retention", "certificate", "verify", paper, "--key", key).code != 0

        # Evidence of the held call, and the log, checked the same way.
        package = tmp_path / "case.zip"
        assert candor.run("evidence", "export", ids["held"], "-o", package, "--reason", "Dispute 4711").code == 0
        assert candor.run("evidence", "certificate", "-o", tmp_path / "us.pem").code == 0
        good = elsewhere.run("evidence", "verify", package, "--trust", tmp_path / "us.pem")
        assert good.code == 0, good.out + good.err
        damaged = bytearray(package.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (tmp_path / "damaged.zip").write_bytes(damaged)
        assert elsewhere.run("evidence", "verify", tmp_path / "damaged.zip").code != 0

        # A backup; then Julia Marsh asks to be erased.
        target = tmp_path / "backups"
        assert candor.run("backup", target).code == 0
        request = candor.json("request", "receive", "erasure", "--name", "Julia Marsh", "--number", MARSH,
                              "--place", "DE")  # fmt: skip
        number = str(request["number"])
        assert candor.run("request", "erase", number, "--yes").code != 0  # nobody knows yet that it is she
        assert candor.run("request", "verify", number, "--how", "Called back on the number on file").code == 0
        erased = candor.json("request", "erase", number, "--yes")
        assert ids["marsh"] in json.dumps(erased)
        assert pages.status(f"/conversations/{ids['marsh']}") == 404
        assert not before["marsh"] & sealed_files(candor.data)
        assert "Julia" not in (candor.data / "tombstones.jsonl").read_text()

        # What was done is on the audit page; the log holds, against a checkpoint that is kept elsewhere.
        assert "Dispute 4711" in pages.text("/audit")
        note = tmp_path / "day.note"
        assert candor.run("audit", "checkpoint", "-o", note).code == 0
        whole = candor.run("audit", "verify", "--checkpoint", note)
        assert whole.code == 0, whole.out + whole.err
        public = tmp_path / "log.key"
        assert candor.run("audit", "key", "-o", public).code == 0

    # The backup is from before her erasure: she stays erased, the held call is back, the log tells that it went back.
    restored = Candor(tmp_path / "restored", {"CANDOR_KEY_FILE": str(candor.data / "master.key")})
    put_back = restored.run(
        "restore", target, "--to", restored.data, "--key-file", candor.data / "master.key", "--live", candor.data
    )
    assert put_back.code == 0, put_back.out + put_back.err
    assert not before["marsh"] & sealed_files(restored.data)
    assert before["held"] <= sealed_files(restored.data)
    assert restored.show(ids["held"])["id"] == ids["held"]
    assert restored.run("show", ids["marsh"]).code == 3
    assert restored.run("audit", "verify", "--checkpoint", note, "--key", public).code != 0

    # Released, what was due goes.
    assert restored.run("hold", "release", hold["id"], "--reason", "Settled").code == 0
    assert restored.run("retention", "sweep").code == 0
    assert restored.run("show", ids["held"]).code == 3
    assert not before["held"] & sealed_files(restored.data)
