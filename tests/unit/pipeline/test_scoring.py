"""Scoring a conversation: through intake and stages, by command and by API; what it rests on, and what it may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from candor import wiring
from candor.access.model import Right, UserRole
from candor.api.app import create_api
from candor.capture.files import gather
from candor.cli import main as cli
from candor.conversation.evaluation import Verdict
from candor.errors import Conflict
from candor.pipeline.adapters.inline import InlineEngine
from candor.pipeline.store import unfinished
from candor.scoring import store
from candor.scoring.service import load_scorecard
from candor.services import Services
from candor.settings import load
from tests.peers.language_model import Model, careful, serving
from tests.unit.api.test_api import bearer

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
SAID = (
    ("customer", "Hello, there is a mistake on my bill, I was charged twice."),
    ("agent", "I am sorry about that. Could I have your full name, please?"),
    ("customer", "My name is Kim Buyer."),
    ("agent", "Thank you Kim. I have refunded the second payment. Is there anything else I can help you with?"),
    ("customer", "No, that is perfect. Goodbye."),
)
CARD = """
id: own
version: 1
title: Own
sections:
  - title: S
    weight: 1
    questions:
      - {id: solved, text: "Solved?", rule: {resolution: {}}}
      - {id: first-time, text: "First time?", rule: {repeat: {days: 7}}}
      - {id: anything-else, text: "More?", rule: {says: {phrases: [anything else]}}}
      - {id: prompt, text: "Quick?", rule: {metric: {name: response.median.agent, op: "<=", threshold: 60}}}
      - {id: statement, text: "Said?", applies_when: {places: [DE]}, rule: {says: {phrases: [anything else]}}}
      - {id: judged, text: "Kind?", rule: {ask: {prompt: "Does anybody speak about refunded?"}}}
"""


def chat(number: int, at: datetime, email: str | None = "kim@example.com", queue: str = "Bills") -> dict[str, Any]:
    messages = [
        {"by": who, "at": (at + timedelta(seconds=30 * i)).isoformat(), "text": text}
        for i, (who, text) in enumerate(SAID)
    ]
    parties = [{"role": "customer", "name": "Kim Buyer", "email": email}, {"role": "agent", "agent_id": "7"}]
    return {"id": f"chat-{number}", "queue": queue, "parties": parties, "messages": messages}


def take(services: Services, folder: Path, *chats: dict[str, Any]) -> list[str]:
    """Through the intake and all stages."""
    where = folder / f"in-{len(list(folder.iterdir()))}"
    where.mkdir()
    for i, one in enumerate(chats):
        (where / f"{i}.json").write_text(json.dumps(one))
    settings = load(data=folder / "data")
    engine = InlineEngine(wiring.make_runner(settings, services))
    ids = [services.intake.take(item, actor="test").conversation_id for item in gather([where])]
    with services.database.read() as uow:
        runs = unfinished(uow)
    for run in runs:
        engine.submit(run.id)
    return ids


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CANDOR_MEANING", "false")
    made = wiring.open_services(load())
    yield made
    made.database.close()


def answers(services: Services, one: str) -> dict[str, Any]:
    ((made,),) = services.scoring.try_out(one, [load_scorecard(CARD)])
    return {answer.question: answer for answer in made.answers}


def test_a_chat_is_scored_with_its_times_and_in_its_language(services: Services, tmp_path: Path) -> None:
    (one,) = take(services, tmp_path, chat(1, START))
    with services.database.read() as uow:
        (kept,) = store.list_evaluations(uow, one)
        told = services.shelf.redaction(uow, one)
    assert kept.score is not None
    assert told is not None
    assert told.transcript.language == "en"  # nobody said so
    found = answers(services, one)
    assert found["solved"].verdict is Verdict.YES
    assert "refunded" in str(found["solved"].evidence)
    assert found["anything-else"].verdict is Verdict.YES
    assert found["prompt"].verdict is Verdict.YES
    assert "30 s" in found["prompt"].reason
    assert found["judged"].verdict is Verdict.CANNOT_TELL
    assert found["statement"].verdict is Verdict.CANNOT_TELL  # nothing tells whose law counts
    assert "Kim" not in json.dumps([str(answer) for answer in found.values()])
    with services.database.read() as uow:
        assert store.list_evaluations(uow, one) == (kept,)  # trying out keeps nothing


def test_the_same_customer_again_within_days_is_a_repetition(services: Services, tmp_path: Path) -> None:
    first, second, third, other, nobody = take(
        services,
        tmp_path,
        chat(1, START),
        chat(2, START + timedelta(days=3)),
        chat(3, START + timedelta(days=30)),
        chat(4, START + timedelta(days=4), email="else@example.com"),
        chat(5, START + timedelta(days=4), email=None),
    )
    verdicts = [answers(services, one)["first-time"].verdict for one in (first, second, third, other, nobody)]
    assert verdicts == [Verdict.YES, Verdict.NO, Verdict.YES, Verdict.YES, Verdict.CANNOT_TELL]
    again = answers(services, second)["first-time"]
    assert "3.0 days before" in again.reason
    assert first not in str(again)


def test_whose_law_counts_is_known_by_the_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CANDOR_MEANING", "false")
    monkeypatch.setenv("CANDOR_ESTABLISHMENT", "DE")
    services = wiring.open_services(load())
    (one,) = take(services, tmp_path, chat(1, START))
    assert answers(services, one)["statement"].verdict is Verdict.YES
    services.database.close()


def test_the_stage_asks_the_model_and_a_second_run_uses_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CANDOR_MEANING", "false")
    monkeypatch.setenv("CANDOR_JUDGE_MODEL", "tiny-1")
    key = tmp_path / "key"
    key.write_text("from-a-file\n")
    monkeypatch.setenv("CANDOR_JUDGE_KEY_FILE", str(key))
    with serving(Model(careful)) as model:
        monkeypatch.setenv("CANDOR_JUDGE_URL", model.url)
        services = wiring.open_services(load())
        with services.database.write() as uow:
            card = load_scorecard(
                CARD.replace("id: own", "id: customer-service-basics").replace("version: 1", "version: 99")
            )
            store.put_scorecard(uow, card)
            store.activate(uow, card.id, card.version)
        (one,) = take(services, tmp_path, chat(1, START))
        with services.database.read() as uow:
            (kept,) = store.list_evaluations(uow, one)
        first = next(answer for answer in kept.answers if answer.question == "judged")
        assert (first.verdict, len(model.asked)) == (Verdict.YES, 1)
        assert model.asked[0].key == "Bearer from-a-file"
        # Only the redacted text went out.
        assert "Kim" not in json.dumps(model.asked[0].body)
        assert "[NAME_1]" in model.asked[0].user
        services.database.close()
        again = wiring.open_services(load())  # another process: nothing in memory
        ((made,),) = again.scoring.try_out(one, [card])
        assert next(answer for answer in made.answers if answer.question == "judged") == first
        assert len(model.asked) == 1
        again.database.close()


def test_what_is_kept_as_proof_is_not_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CANDOR_PURPOSE", "transaction_proof")
    services = wiring.open_services(load())
    (one,) = take(services, tmp_path, chat(1, START))
    with pytest.raises(Conflict, match="not to be judged"):
        services.scoring.try_out(one, [load_scorecard(CARD)])
    services.database.close()


def test_the_command_prints_answers_and_refuses_what_it_cannot_read(services: Services, tmp_path: Path) -> None:
    (one,) = take(services, tmp_path, chat(1, START))
    path = tmp_path / "own.yaml"
    path.write_text(CARD)
    run = CliRunner()
    done = run.invoke(
        cli.app, ["score", one, "--scorecard", str(path), "--scorecard", "customer-service-basics", "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [each["scorecard"] for each in told["evaluations"]] == ["own", "customer-service-basics"]
    solved = told["evaluations"][0]["answers"][0]
    assert (solved["question"], solved["text"], solved["verdict"]) == ("solved", "Solved?", "yes")
    assert solved["evidence"][0]["quote"]
    plain = run.invoke(cli.app, ["score", one, "--scorecard", str(path)])
    assert "Solved?" in plain.stdout
    assert "Own (own version 1)" in plain.stdout
    for wrong in (str(tmp_path / "none.yaml"), "no-such-card"):
        assert run.invoke(cli.app, ["score", one, "--scorecard", wrong]).exit_code != 0


def test_the_api_scores_with_a_given_scorecard_and_keeps_nothing(services: Services, tmp_path: Path) -> None:
    (one,) = take(services, tmp_path, chat(1, START))
    where = f"/api/v1/conversations/{one}/scores"
    with TestClient(create_api(services), raise_server_exceptions=False) as client:
        client.headers.update(bearer(services, Right.SCORECARD_MANAGE, Right.CONVERSATION_READ))
        made = client.post(where, json={"yaml": CARD})
        assert made.status_code == 200, made.text
        assert {answer["question"] for answer in made.json()["answers"]} >= {"solved", "judged"}
        assert client.post(where, json={"scorecard": "customer-service-basics"}).json()["scorecard_version"] == 2
        assert client.post(where, json={}).status_code == 422
        assert client.post(where, json={"yaml": CARD, "scorecard": "x"}).json()["code"] == "scoring.which"
        assert client.post(where, json={"yaml": "id: [", "scorecard": None}).json()["code"] == "scorecard.invalid"
        assert client.post(where, json={"scorecard": "none-such"}).status_code == 404
        assert client.post(where.replace(one, "none"), json={"yaml": CARD}).status_code == 404
        client.headers.update(bearer(services, Right.CONVERSATION_READ, role=UserRole.TRAINER))
        assert client.post(where, json={"yaml": CARD}).status_code == 403
    with services.database.read() as uow:
        assert [each.scorecard for each in store.list_evaluations(uow, one)] == ["customer-service-basics"]
