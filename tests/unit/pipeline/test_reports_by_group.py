"""Reports by team and by agent: of what one may see, each side by itself, and in the CSV too."""

from __future__ import annotations

import csv
import io
import re
import zlib

from tests.unit.pipeline.judged import House
from tests.unit.pipeline.test_quality import UTC_ZONE, filled, house, report, wanted  # noqa: F401  a fixture


def test_a_report_tells_teams_and_agents_apart_within_ones_reach(house: House) -> None:  # noqa: F811
    filled(house)
    found = report(house)
    assert [(one.name, one.automatic.n, one.human.n) for one in found.teams] == [("Billing", 9, 8), ("Sales", 1, 0)]
    assert [(one.id, one.automatic.n, one.human.n) for one in found.agents] == [("a1", 5, 4), ("a2", 5, 4)]
    both = found.agents[1]
    assert (both.automatic.mean.value, both.human.mean.value) == (50.0, 75.0), "never put together"
    assert (both.human.passed.value, both.human.critical.value) == (0.5, 0.5)
    sales = found.teams[1].automatic
    assert (sales.mean, sales.single) == (None, 50.0), "one evaluation has no interval"
    own = report(house, "sam")
    assert [one.name for one in own.teams] == ["Billing"]
    assert {one.id: one.automatic.n for one in own.agents} == {"a1": 4, "a2": 5}, "not the one of Sales"
    with house.services.database.read() as uow:
        text = house.services.reporting.as_csv(uow, house.person("sam"), wanted(), UTC_ZONE)
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["part"].startswith(("team", "agent"))]
    assert {row["item"] for row in rows} == {"Billing", "a1", "a2"}
    score = next(r for r in rows if (r["part"], r["source"], r["item"]) == ("agent score", "human", "a2"))
    assert (score["n"], score["value"], score["label"]) == ("4", "75", "Agent a2 (Billing)")


def test_the_pdf_has_the_same_tables(house: House) -> None:  # noqa: F811
    filled(house)
    with house.services.database.read() as uow:
        data = house.services.reporting.as_pdf(uow, house.person("sam"), wanted(), UTC_ZONE)
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    drawn = b"".join(zlib.decompress(one) for one in streams if one[:1] == b"\x78").decode("latin-1")
    for cell in ("Teams", "Agents", "Agent a1 \\(Billing\\)", "Agent a2 \\(Billing\\)", "4 / 4", "5 / 4"):
        assert f"({cell})" in drawn, cell
    assert "(Sales)" not in drawn
