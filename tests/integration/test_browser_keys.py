"""The page of master keys and backups in a real Chromium, over a real vault that is backed up and exchanged."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import update

from candor import wiring
from candor.kit.database import Database, sqlite_url
from candor.pipeline.backup.store import backup
from candor.settings import Settings
from candor.vault.keys import rotation
from candor.vault.store import key_rotation
from tests.integration.backups import Backed
from tests.integration.test_browser import ARGUMENTS, CHROMIUM

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
HERE = Path(__file__).parent
PASSWORD = "correct horse battery staple"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Backed]:
    made = Backed(tmp_path / "data")
    made.ok("user", "add", "root", "--role", "administrator", "--name", "Robin Vale", given=PASSWORD + "\n")
    yield made
    made.close()


class Served:
    """The pages over one data folder, with these keys."""

    def __init__(self, house: Backed, **more: Any) -> None:
        settings = Settings(data=house.folder, recorder=False, meaning=False, **more)
        self._services = wiring.open_services(settings)
        app = wiring.application(self._services)
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.02)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._services.database.close()


@pytest.fixture
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


def opened(browser: Any, base: str, width: int = 1280, scheme: str = "light") -> Any:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{base}/login")
    page.fill("[name=login]", "root")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit], main button.primary")
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(f"{base}/keys")
    return page


def test_what_stands_on_the_page(house: Backed, browser: Any, tmp_path: Path) -> None:
    house.fill(12)
    with Served(house) as base:
        page = opened(browser, base)
        assert "No backup has been made yet" in page.inner_text("main")
        assert "12 data keys" in page.inner_text("main")
        assert page.locator("nav a[href='/keys'][aria-current=page]").count() == 1
        page.context.close()
    house.ok("backup", house.target)
    house.ok("backup", "verify", house.target)
    house.fill(3)
    house.ok("backup", house.target)
    new = tmp_path / "new.key"
    house.ok("keys", "make", new)
    keys = ({"kind": "file", "path": str(new)}, {"kind": "file"})
    ring = wiring.key_ring(Settings(data=house.folder, keys=keys), house.services.database, may_create=False)
    rotation.rotate(house.services.database, ring)
    house.fill(2)  # by a process that was not restarted yet
    with Served(house, keys=keys) as base:
        page = opened(browser, base)
        said = page.inner_text("main")
        assert "15 of 15 data keys went over" in said
        assert "2 data keys are still under another key" in said
        assert "candor keys rotate" in said
        assert page.locator("text=whole").count() == 1
        assert page.locator("text=not verified").count() == 1
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                other = opened(browser, base, width, scheme)
                wide = other.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert wide <= 0, f"{width} {scheme}: the page is wider than the window"
                faults = other.evaluate((HERE / "contrast.js").read_text())
                assert faults == [], f"{width} {scheme}"
                other.screenshot(path=str(tmp_path / f"keys-{width}-{scheme}.png"), full_page=True)
                other.context.close()
        page.context.close()


def test_trouble_stands_on_the_page(house: Backed, browser: Any, tmp_path: Path) -> None:
    house.fill(4)
    house.ok("backup", house.target)
    new = tmp_path / "new.key"
    house.ok("keys", "make", new)
    both = ({"kind": "file", "path": str(new)}, {"kind": "file"})
    ring = wiring.key_ring(Settings(data=house.folder, keys=both), house.services.database, may_create=False)
    rotation.rotate(house.services.database, ring)
    old = Database(sqlite_url(house.folder / "candor.db"))
    with old.write() as uow:
        uow.execute(update(key_rotation).values(finished_at=None, done=2, failed=1, seen_at=key_rotation.c.started_at))
        long_ago = rotation.clock.now().replace(tzinfo=None, year=2020)
        uow.execute(update(key_rotation).values(seen_at=long_ago))
        uow.execute(update(backup).values(faults=3, finished_at=long_ago))
    old.close()
    house.fill(2)
    with Served(house, keys=({"kind": "file", "path": str(new)},)) as base:
        page = opened(browser, base)
        said = page.inner_text("main")
        assert "2 data keys are under the master key" in said
        assert "which is not configured" in said
        assert "stopped" in said
        assert "It goes on where it stopped" in said
        assert "1 data key could not be opened" in said
        assert "The last backup is more than two days old." in said
        assert "3 faults" in said
        assert page.evaluate((HERE / "contrast.js").read_text()) == []
        told = page.evaluate("fetch('/keys').then(r => r.headers.get('cache-control'))")
        assert "no-store" in (told or "")
        page.screenshot(path=str(tmp_path / "keys-trouble.png"), full_page=True)
        page.context.close()
