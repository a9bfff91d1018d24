"""Saving one change of a form of 30 questions: log-in, token, form, rules of the scorecard, commit; to the answer.

Through the whole ASGI application in this process, one after the other, as one person fills a form in. The floor is one
committed update of a row of the same size in the same database, without the application.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import sqlalchemy as sa
from starlette.testclient import TestClient

from bench.report import emit
from bench.search import timed
from candor import wiring
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import UserRole
from candor.conversation.model import Conversation, Party, Role
from candor.kit import clock
from candor.kit.database import Database
from candor.kit.ids import new_id
from candor.scoring import service as scoring
from candor.scoring import store as scores
from candor.scoring.forms.store import forms
from candor.settings import load

SIZES = {"small": 60, "full": 1000}
QUESTIONS = 30
_HEAD = "id: thirty\nversion: 1\ntitle: Thirty\nlanguages: [en]\npass_mark: 70\nsections:\n"


def scorecard() -> str:
    """Six sections of five questions that only people answer."""
    lines = [_HEAD]
    for section in range(6):
        questions = (
            f'      {{id: q{section}-{place}, text: "Question {place}?", weight: {place + 1}}},\n' for place in range(5)
        )
        lines += [f"  - {{id: s{section}, title: Section {section}, weight: 10, questions: [\n", *questions, "    ]}\n"]
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="small")
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as folder:
        services = wiring.open_services(load(data=Path(folder), recorder=False))
        call = Conversation(
            id=new_id(), started_at=clock.now(), queue="bills",
            parties=(Party(role=Role.AGENT, name="Dana", agent_id="a1"), Party(role=Role.CUSTOMER)),
        )  # fmt: skip
        with services.database.write() as uow:
            yaml = scorecard()
            scores.put_scorecard(uow, scoring.load_scorecard(yaml), yaml=yaml)
            services.shelf.put_conversation(uow, call, call.id)
            services.replay.index.write(uow, conversation=call, sound=None, redaction=None, analysis=None)
            user = services.access.add_user(
                uow, login="eva", name="Eva", role=UserRole.EVALUATOR, password="a password for the bench"
            )
            secret = services.access.open_session(uow, user)
        client = TestClient(wiring.application(services), base_url="http://127.0.0.1", follow_redirects=False)
        headers = {"Cookie": f"{SESSION_COOKIE}={secret}", "X-CSRF-Token": csrf_token(secret)}
        measure(services.database, client, headers, call.id, size)
        services.database.close()


def measure(database: Database, client: TestClient, headers: dict[str, str], call: str, size: str) -> None:
    """Fill the form in, then change answers again and again."""
    begun = client.post(f"/conversations/{call}/forms", data={"scorecard": "thirty", "blind": "1"}, headers=headers)
    address = begun.headers["location"]
    revision = 0

    def save(number: int) -> None:
        nonlocal revision
        question = f"q{number % QUESTIONS // 5}-{number % 5}"
        comment = "What I heard, in some words of the usual length. " * 2
        answer = f'{{"verdict":"{("yes", "no")[number // QUESTIONS % 2]}","comment":"{comment}{number}"}}'
        data = {"revision": revision, "question": question, "answer": answer}
        told = client.post(f"{address}/answers", data=data, headers=headers)
        assert told.status_code == 200, told.text
        revision = told.json()["revision"]

    for number in range(QUESTIONS):
        save(number)
    count = iter(range(QUESTIONS, 10**9))
    middle, high = timed(lambda: save(next(count)), SIZES[size])
    with database.read() as uow:
        kept = uow.execute(sa.select(forms.c.answers)).scalar_one()

    def floor() -> None:
        with database.write() as uow:
            uow.execute(sa.update(forms).values(answers=kept, revision=next(count)))

    bare, _ = timed(floor, SIZES[size])
    emit(
        name="evaluation_form.save.p95", value=high, unit="ms", n=SIZES[size], reference="one committed row, p50",
        reference_value=bare, size=size, p50=round(middle, 2), bytes=len(kept), target="< 100",
    )  # fmt: skip


if __name__ == "__main__":
    main()
