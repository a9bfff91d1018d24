"""The list and search pages as a browser gets them: log-in, SQL, templates and all, beside the bare health of the app.

Conversations are written straight into the index, as in ``bench.search``; the pages are asked for one after the other
through the whole ASGI application in this process.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from pathlib import Path

from starlette.testclient import TestClient

from bench.report import emit
from bench.search import SIZES, fill, timed
from candor import wiring
from candor.access.model import UserRole
from candor.settings import load

PAGES = {
    "list": "/conversations",
    "list.sorted_by_score": "/conversations?sort=score",
    "list.filtered": "/conversations?agent=rare&direction=inbound",
    "list.category": "/conversations?category=fraud",
    "search.common_word": "/conversations?q=account",
    "search.common_word_filtered": "/conversations?q=account&agent=rare",
    "search.rare_phrase": "/conversations?q=%22sazor+resol%22",
}
PASSWORD = "a password for the bench"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="small")
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        services = wiring.open_services(load(data=Path(folder)))
        with services.database.write() as uow:
            fill(uow, SIZES[size], random.Random(1))
            services.access.add_user(uow, login="ann", name="Ann", role=UserRole.ADMINISTRATOR, password=PASSWORD)
        with services.database.write() as uow:
            uow.exec_driver_sql("ANALYZE")
        measure(TestClient(wiring.application(services), base_url="http://127.0.0.1"), size)


def measure(client: TestClient, size: str) -> None:
    """Ask for each page thirty times."""
    form = client.get("/login").text
    token = re.search(r'name="csrf" value="([^"]+)"', form)
    assert token is not None, "the log-in form has no token"
    answer = client.post("/login", data={"login": "ann", "password": PASSWORD, "csrf": token[1]})
    assert answer.url.path != "/login", "the bench could not log in"
    floor, _ = timed(lambda: client.get("/login"), 30)
    for name, address in PAGES.items():
        page = client.get(address)
        assert page.status_code == 200, (address, page.status_code)
        middle, high = timed(lambda address=address: client.get(address), 30)  # type: ignore[misc]
        emit(name=f"pages.{name}.p95", value=high, unit="ms", n=30, reference="the log-in page, p50",
             reference_value=floor, size=size, p50=round(middle, 2), target="<= 80")  # fmt: skip


if __name__ == "__main__":
    main()
