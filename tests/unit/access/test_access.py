"""Who may: log-in, sessions, tokens, and everything that must be refused."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from candor.access import store
from candor.access.model import RIGHTS, Right, UserRole
from candor.access.service import Access
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from candor.kit import clock
from candor.kit.database import Database, metadata, sqlite_url
from tests.peers import preloaded

PASSWORD = "a long enough secret"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def access() -> Access:
    # The cheapest argon2id that there is: what is tested here is the logic around it.
    return Access(session_hours=1, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def ann(database: Database, access: Access) -> str:
    with database.write() as uow:
        return access.add_user(uow, login="ann", name="Ann", role=UserRole.SUPERVISOR, password=PASSWORD, team="north")


def refused(database: Database, access: Access, login: str, password: str) -> str:
    with database.write() as uow, pytest.raises(Unauthenticated) as caught:  # raises inside: the failure is counted
        access.log_in(uow, login, password)
    return str(caught.value)


def test_a_session_is_a_person_until_it_expires(database: Database, access: Access, ann: str) -> None:
    with clock.freeze(NOON) as advance:
        with database.write() as uow:
            secret = access.log_in(uow, "ANN", PASSWORD)
        with database.read() as uow:
            principal = access.principal(uow, secret)
        assert (principal.user_id, principal.team, principal.rights) == (ann, "north", RIGHTS[UserRole.SUPERVISOR])
        advance(timedelta(hours=1, seconds=1))
        with database.read() as uow, pytest.raises(Unauthenticated):
            access.principal(uow, secret)


def test_wrong_name_and_wrong_password_sound_alike(database: Database, access: Access, ann: str) -> None:
    assert refused(database, access, "ann", "wrong") == refused(database, access, "nobody", "wrong")


def test_the_account_waits_after_many_failures(database: Database, access: Access, ann: str) -> None:
    with clock.freeze(NOON) as advance:
        for _ in range(8):
            refused(database, access, "ann", "wrong")
        refused(database, access, "ann", PASSWORD)
        advance(timedelta(minutes=11))
        with database.write() as uow:
            assert access.log_in(uow, "ann", PASSWORD)


def test_secrets_are_not_in_the_database(database: Database, access: Access, ann: str, tmp_path: Path) -> None:
    with database.write() as uow:
        session = access.log_in(uow, "ann", PASSWORD)
        token, _ = access.create_token(uow, access.principal(uow, session), "ci", [Right.CONVERSATION_READ])
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (PASSWORD, session, token):
        assert secret.encode() not in everything


def test_a_token_is_narrower_than_its_person(database: Database, access: Access, ann: str) -> None:
    with database.write() as uow:
        person = access.principal_by_login(uow, "ann")
        secret, info = access.create_token(uow, person, "ci", ["conversation:read"])
        principal = access.principal_for_token(uow, secret)
        assert principal.rights == {Right.CONVERSATION_READ}
        with pytest.raises(Forbidden):
            principal.require(Right.SCORE_OVERRIDE)
        with pytest.raises(Forbidden):
            access.create_token(uow, person, "too much", [Right.USER_MANAGE])
        with pytest.raises(InvalidInput, match="scope"):
            access.create_token(uow, person, "nonsense", ["conversation:destroy"])
        access.revoke_token(uow, ann, info.id)
        with pytest.raises(Unauthenticated):
            access.principal_for_token(uow, secret)
        with pytest.raises(NotFound):
            access.revoke_token(uow, ann, info.id)


def test_an_expired_token_is_nobody(database: Database, access: Access, ann: str) -> None:
    with clock.freeze(NOON) as advance, database.write() as uow:
        person = access.principal_by_login(uow, "ann")
        secret, _ = access.create_token(uow, person, "ci", [Right.CONVERSATION_READ], NOON + timedelta(days=1))
        advance(timedelta(days=2))
        with pytest.raises(Unauthenticated):
            access.principal_for_token(uow, secret)


def test_a_deactivated_person_is_out_at_once(database: Database, access: Access, ann: str) -> None:
    with database.write() as uow:
        session = access.log_in(uow, "ann", PASSWORD)
        token, _ = access.create_token(uow, access.principal(uow, session), "ci", [Right.CONVERSATION_READ])
        access.set_active(uow, "ann", active=False)
        for attempt in (
            lambda: access.principal(uow, session),
            lambda: access.principal_for_token(uow, token),
            lambda: access.log_in(uow, "ann", PASSWORD),
        ):
            with pytest.raises(Unauthenticated):
                attempt()


def test_a_new_password_ends_every_session(database: Database, access: Access, ann: str) -> None:
    with database.write() as uow:
        session = access.log_in(uow, "ann", PASSWORD)
        access.set_password(uow, "ann", "another long secret")
        with pytest.raises(Unauthenticated):
            access.principal(uow, session)
        assert access.log_in(uow, "ann", "another long secret")


class Counting(PasswordHasher):
    """How often the work of a hash was done; verifying is that work too."""

    done = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.done += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  the library's name
        self.done += 1
        return super().verify(hash, password)


def test_somebody_unknown_or_without_a_password_costs_the_same_work(database: Database) -> None:
    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    access = Access(hasher=hasher)
    assert hasher.done == 0, "starting costs no hash"
    with database.write() as uow:
        access.add_user(uow, login="ann", name="Ann", role=UserRole.AGENT, password=PASSWORD)
        access.people.add(uow, login="bob", name="Bob", role=UserRole.AGENT, password=None)
    hasher.done = 0
    with database.read() as uow:
        for login, right in (("ann", True), ("bob", False), ("nobody", False)):
            assert access.prove(uow, login, PASSWORD).right is right
            assert hasher.done == 1, login
            hasher.done = 0


def test_the_product_hashes_as_the_rfc_asks(tmp_path: Path) -> None:
    """RFC 9106, second recommended option; in a process of its own, because hashing is cheap in that of the tests."""
    environment = os.environ | {"CANDOR_DATA": str(tmp_path)}
    words = ("user", "add", "ann", "--role", "agent", "--name", "Ann")
    told = preloaded.run(*words, environment=environment, given=f"{PASSWORD}\n")
    assert told.returncode == 0, told.stderr
    with sqlite3.connect(tmp_path / "candor.db") as connection:
        [(kept,)] = connection.execute("select password_hash from user")
    connection.close()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize("password", ["short", "ann-ann-ann-ann"])
def test_weak_passwords_are_refused(database: Database, access: Access, ann: str, password: str) -> None:
    with database.write() as uow, pytest.raises(InvalidInput):
        access.set_password(uow, "ann", password)


def test_a_log_in_name_is_taken_once(database: Database, access: Access, ann: str) -> None:
    with database.write() as uow, pytest.raises(Conflict):
        access.add_user(uow, login="Ann", name="Other", role=UserRole.AGENT, password=PASSWORD)


def test_every_role_has_its_rights_stated() -> None:
    assert set(RIGHTS) == set(UserRole)
    assert RIGHTS[UserRole.ADMINISTRATOR] == set(Right)


def test_the_token_table_keeps_digests_only(database: Database, access: Access, ann: str) -> None:
    with database.write() as uow:
        secret, _ = access.create_token(uow, access.principal_by_login(uow, "ann"), "ci", [Right.CONVERSATION_READ])
        row = uow.execute(select(store.api_token)).one()
    assert secret not in map(str, row)


def test_the_use_of_a_token_is_remembered_but_not_written_every_time(
    database: Database, access: Access, ann: str
) -> None:
    with clock.freeze(NOON) as advance, database.write() as uow:
        _, info = access.create_token(uow, access.principal_by_login(uow, "ann"), "ci", [Right.CONVERSATION_READ])
        assert access.token_use_is_news(info.id)
        access.note_token_use(uow, info.id)
        assert access.tokens(uow, ann)[0].last_used_at == NOON
        assert not access.token_use_is_news(info.id)
        advance(timedelta(minutes=2))
        assert access.token_use_is_news(info.id)
