"""Every way out of the API for a conversation that is quarantined: listed, and nothing of it given out."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from candor import wiring
from candor.api.app import create_api
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.kit import clock
from candor.settings import load
from tests.unit.api.test_api import bearer, written


def test_nothing_of_it_is_given_out(tmp_path: Path) -> None:
    services = wiring.open_services(load(data=tmp_path / "data"))
    an_id = written(services, customer="I was charged twice")
    held = Custody(
        conversation_id=an_id, started_at=clock.now(), state=CustodyState.QUARANTINED, level=4, why="No proof.",
        decision="{}", proof="", since=clock.now(),
    )  # fmt: skip
    with services.database.write() as uow:
        custody.put(uow, held)
        services.replay.index.mark(uow, an_id, "quarantined", held.why)
    with TestClient(create_api(services), raise_server_exceptions=False) as client:
        headers, at = bearer(services), f"/api/v1/conversations/{an_id}"
        for path in (f"{at}/audio", f"{at}/peaks", f"{at}/export?format=vcon", f"{at}/export?format=audio"):
            refused = client.get(path, headers=headers)
            assert refused.status_code == 403, path
            assert refused.json()["code"] == "consent.quarantined"
        for path in (at, f"{at}/transcript", f"{at}/export?format=json", f"{at}/export?format=csv",
                     "/api/v1/search?q=charged", "/api/v1/conversations?q=charged"):  # fmt: skip
            answer = client.get(path, headers=headers)
            assert answer.status_code in {200, 404}, path
            assert "charged" not in answer.text.replace("q=charged", ""), path
        again = client.post(f"{at}/retry", json={"stage": "redact"}, headers=headers)
        assert again.status_code in {403, 404}
    services.database.close()
