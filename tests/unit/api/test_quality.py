"""Agreement, calibration and reports for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from candor.api.app import create_api
from candor.kit import clock
from tests.unit.pipeline.judged import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def token(house: House, login: str) -> dict[str, str]:
    with house.services.database.write() as uow:
        who = house.services.access.principal_by_login(uow, login)
        secret, _ = house.services.access.create_token(uow, who, "test", sorted(who.rights))
    return {"Authorization": f"Bearer {secret}"}


def test_programs_read_set_call_and_take_along(house: House) -> None:
    call, sam = house.call(), token(house, "sam")
    with TestClient(create_api(house.services), headers=sam) as client:
        gate = {"threshold": 0.6, "least": 20, "measure": "kappa"}
        moved = client.put("/api/v1/quality/agreement/basics/gate", json=gate).json()["moved"]
        assert {each["standing"] for each in moved} == {"unproven"}
        found = client.get("/api/v1/quality/agreement/basics").json()
        assert found["gate"] == gate
        first = found["questions"][0]
        assert (first["question"], first["n"], first["counts"]) == ("greeting", 0, False)
        assert client.put("/api/v1/quality/agreement/basics/gate", json={"threshold": 3}).status_code == 422
        assert client.get("/api/v1/quality/agreement/basics/verify").json()["windows"] == []
        assert client.get("/api/v1/quality/agreement/nothing").status_code == 404
        assert client.delete("/api/v1/quality/agreement/basics/gate").status_code == 200
        due = (clock.now() + timedelta(days=2)).isoformat()
        session = {
            "title": "One", "scorecard": "basics", "conversations": [call], "evaluators": ["eva", "sam"], "due_at": due,
        }  # fmt: skip
        made = client.post("/api/v1/quality/calibrations", json=session)
        assert made.status_code == 201
        address = f"/api/v1/quality/calibrations/{made.json()['id']}"
        assert client.post(f"{address}/forms/{call}").json()["revision"] == 0
        assert client.get(address).json()["results"] is None
        assert client.post(f"{address}/close").json()["results"]["submitted"] == 0
        assert client.post(f"{address}/notes", json={"text": "Talk again."}).status_code == 201
        assert len(client.get("/api/v1/quality/calibrations").json()["calibrations"]) == 1
        report = client.get("/api/v1/quality/report", params={"scorecard": "basics"}).json()
        assert (report["conversations"], report["automatic"]["evaluations"]) == (1, 1)
        for form, start in (("csv", b"part,source"), ("pdf", b"%PDF-")):
            answer = client.get("/api/v1/quality/report", params={"scorecard": "basics", "format": form})
            assert answer.content.startswith(start)
        assert client.get("/api/v1/quality/report", params={"scorecard": "basics", "zone": "Mars"}).status_code == 422
        kept = client.post(
            "/api/v1/quality/report-schedules", json={"name": "W", "scorecard": "basics", "every": "week"}
        ).json()
        assert house.services.reporting.tend() == 1
        (one,) = client.get("/api/v1/quality/report-schedules").json()["schedules"]
        finished = one["finished"][0]["id"]
        assert client.get(f"/api/v1/quality/reports/{finished}").content.startswith(b"%PDF-")
        assert client.delete(f"/api/v1/quality/report-schedules/{kept['id']}").status_code == 204
        assert client.get(f"/api/v1/quality/reports/{finished}").status_code == 404


def test_agents_have_no_part_in_it(house: House) -> None:
    with TestClient(create_api(house.services), headers=token(house, "dana")) as client:
        for path in ("agreement/basics", "calibrations", "report?scorecard=basics", "report-schedules"):
            assert client.get(f"/api/v1/quality/{path}").status_code == 403
