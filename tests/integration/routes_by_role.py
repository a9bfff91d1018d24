"""Asks every route of the whole product as everybody, and says who was let in: the work behind test_routes_by_role.

``python -m tests.integration.routes_by_role`` prints a line for each route that tests/vectors/access/routes.toml does
not have, as the product answers now: read it, and when it is what you meant, paste it there.
"""

from __future__ import annotations

import hashlib
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx import Response
from starlette.routing import Mount

from candor import wiring
from candor.access import reveals
from candor.access import store as people
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import UserRole
from candor.conversation.codec import dumps
from candor.conversation.model import Conversation, Party, Role
from candor.kit import clock, log
from candor.kit.ids import new_id
from candor.pipeline.shelf import PEAKS, PLAYBACK, WORKING
from candor.services import Services
from candor.settings import Settings
from candor.transcript import store as transcripts
from candor.transcript.store import TranscriptRow
from tests.unit.replay.calls import redaction

TABLE = Path(__file__).parents[1] / "vectors" / "access" / "routes.toml"
ROLES = tuple(role.value for role in UserRole)
NOBODY, NARROW = "nobody", "token without a scope"
EVERYBODY = (*ROLES, NOBODY, NARROW)
WORDS = {"public": EVERYBODY, "self": (*ROLES, NARROW), "all": ROLES, "form": ()}
"""``self``: every person for himself, also with a token that may nothing; ``form``: only with a page's own form."""
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_PATH = {
    "number": "1",
    "call_id:path": "no-such-call",
    "call_id": "no-such-call",
    "verb": "pause",
    "form": "wav",
    "rest:path": "nothing",
}


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    method: str
    path: str
    page: bool
    """Of the pages, not of the API."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class House:
    """The whole product over an empty folder, with one person of each role and one finished call within their reach."""

    def __init__(self, folder: Path) -> None:
        self.services: Services = wiring.open_services(Settings(data=folder / "data", recorder=False))
        self.app: FastAPI = wiring.application(self.services)
        self._open = ExitStack()  # one event loop for all requests
        self.client = self._open.enter_context(
            TestClient(self.app, raise_server_exceptions=False, follow_redirects=False)
        )
        with self.services.database.write() as uow:
            for role in ROLES:
                self._person(uow, role, UserRole(role))
            self._person(uow, "stranger-agent", UserRole.AGENT, agent_id="somebody-else")
            self._person(uow, "stranger-supervisor", UserRole.SUPERVISOR, team="Elsewhere")
            people.add_token(
                uow, id=new_id(), digest=_digest("candor_narrow"), user_id="administrator", name="narrow", scopes=[],
                created_at=clock.to_column(clock.now()),
            )  # fmt: skip
        self.call = self._call()
        self.faults: list[str] = []

    def close(self) -> None:
        """Let go of the files."""
        self._open.close()
        self.services.database.close()

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route there is, of the API and of the pages, from the applications' own tables."""
        mounts = [route.app for route in self.app.routes if isinstance(route, Mount)]
        found = [*_routes(self.app, page=False)]
        for pages in mounts:
            found += _routes(pages, page=True)
        return tuple(found)

    def ask(self, route: Route, who: str, call: str | None = None) -> Response:
        """Send it without a body, as ``who``, about the call; what needs a leave to unmask gets one."""
        headers: dict[str, str] = {}
        if "unmasked" in route.path:
            with self.services.database.write() as uow:
                for each in ROLES:
                    reveals.grant(uow, self.call, each, "so that only the right decides", timedelta(hours=1))
        if who == NARROW:
            headers["Authorization"] = "Bearer candor_narrow"
        elif who != NOBODY:
            with self.services.database.write() as uow:  # a fresh one each time: some routes end it
                secret = self.services.access.open_session(uow, who)
            headers = {"Cookie": f"{SESSION_COOKIE}={secret}", "X-CSRF-Token": csrf_token(secret)}
        return self.client.request(route.method, self.address(route, call or self.call), headers=headers)

    def address(self, route: Route, call: str) -> str:
        """The path with something in each of its places; the conversation's id is the call's."""
        path = route.path
        while "{" in path:
            before, _, rest = path.partition("{")
            name, _, after = rest.partition("}")
            path = before + (call if name == "conversation_id" else _PATH.get(name, new_id())) + after
        return path

    def let_in(self, route: Route) -> frozenset[str]:
        """Who was not turned away: neither 401, 403 nor sent to the log-in. Faults of ours are gathered."""
        found = set()
        for who in EVERYBODY:
            answer = self.ask(route, who)
            if answer.status_code >= 500 and answer.status_code != 503:
                self.faults.append(f"{route} answers {answer.status_code} to {who}")
            elif admitted(answer):
                found.add(who)
        return frozenset(found)

    def _person(self, uow: object, login: str, role: UserRole, team: str = "Billing", agent_id: str = "a1") -> None:
        people.add_user(
            uow, id=login, login=login, name=login.title(), role=role, team=team, agent_id=agent_id, active=True,
            failures=0, password_hash=_CHEAP.hash("correct horse battery"), created_at=clock.to_column(clock.now()),
        )  # fmt: skip

    def _call(self) -> str:
        shelf = self.services.shelf
        call = Conversation(
            id=new_id(), started_at=datetime(2026, 3, 2, 9, tzinfo=UTC), team="Billing", queue="bills",
            parties=(Party(role=Role.AGENT, name="Dana", agent_id="a1"), Party(role=Role.CUSTOMER, tel="+12025550143")),
        )  # fmt: skip
        with self.services.database.write() as uow:
            shelf.put_conversation(uow, call, call.id)
            for kind in (PLAYBACK, PEAKS, WORKING):
                shelf.put(uow, kind, shelf.vault.seal(kind, call.id, b"sound"))
            masked = redaction("hello", "hi")
            kept = shelf.vault.keep(uow, shelf.vault.seal("transcript", call.id, dumps(masked.transcript)))
            transcripts.insert(
                uow,
                TranscriptRow(
                    id=new_id(), conversation_id=call.id, engine="e", model="m", version="1", language="en",
                    object_id=kept, redaction_object_id=None, word_count=2, created_at=clock.now(), current=True,
                ),
            )  # fmt: skip
            self.services.replay.index.write(uow, conversation=call, sound=None, redaction=masked, analysis=None)
        return call.id


def admitted(answer: Response) -> bool:
    """Whether the answer is not a refusal."""
    where = answer.headers.get("location", "")
    to_login = where == "/login" or where.startswith("/login?")
    return answer.status_code not in (401, 403) and not to_login


def table() -> dict[str, frozenset[str]]:
    """Route → who may, from the file."""
    sections = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {route: _who(words) for section in sections.values() for route, words in section.items()}


def line(route: Route, who: frozenset[str]) -> str:
    """As it stands in the file."""
    words = next((word for word, these in WORDS.items() if frozenset(these) == who), None)
    return f'"{route}" = "{words or " ".join(each for each in EVERYBODY if each in who)}"'


def _who(words: str) -> frozenset[str]:
    if words in WORDS:
        return frozenset(WORDS[words])
    given = frozenset(words.split())
    assert given <= set(ROLES), f"not roles: {sorted(given - set(ROLES))}"
    return given


def _routes(app: FastAPI, *, page: bool) -> Iterator[Route]:
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            yield Route(method=method, path=route.path, page=page)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


if __name__ == "__main__":
    log.configure(json_lines=False, level="ERROR")
    with tempfile.TemporaryDirectory() as _folder:
        _house, _known = House(Path(_folder)), table() if TABLE.exists() else {}
        for _route in _house.routes:
            if str(_route) not in _known:
                print(line(_route, _house.let_in(_route)))
        print(*(f"# {fault}" for fault in _house.faults), sep="\n")
        _house.close()
