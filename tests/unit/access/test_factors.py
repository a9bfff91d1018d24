"""Second factors: codes of an app, recovery codes, the steps of a log-in, and what wrong ones come to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from candor.access.factors import codes, store
from candor.access.factors.apps import qr_svg
from candor.access.factors.service import Factors
from candor.access.model import UserRole
from candor.access.ports import Cipher
from candor.access.service import Access, Refused
from candor.access.steps import StepKind
from candor.errors import Conflict, Damaged, InvalidInput, Unauthenticated
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork, metadata, sqlite_url
from candor.vault.service import FieldCipher

PASSWORD = "a long enough secret"
NOON = datetime(2026, 11, 2, 12, 0, 10, tzinfo=UTC)
KEY = AESGCM.generate_key(256)


def cipher(uow: UnitOfWork, create: bool) -> Cipher:
    del uow, create
    return FieldCipher(KEY, "access")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def access() -> Access:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return Access(session_hours=12, hasher=cheap, factors=Factors(cipher, frozenset({UserRole.COMPLIANCE})))


@pytest.fixture
def ann(database: Database, access: Access) -> str:
    with database.write() as uow:
        return access.add_user(uow, login="ann", name="Ann", role=UserRole.AUDITOR, password=PASSWORD)


def app_of(database: Database, access: Access, user_id: str) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    """An app in use, set up a minute before now, and the recovery codes."""
    with database.write() as uow:
        made = pyotp.TOTP(access.factors.apps.begin(uow, user_id))
        recovery = access.factors.confirm_app(uow, user_id, made.at(clock.now() - timedelta(seconds=30)))
    return made, recovery


def step_of(database: Database, access: Access) -> str:
    with database.write() as uow:
        entry = access.log_in_with(uow, access.prove(uow, "ann", PASSWORD))
    assert (entry.session, entry.kind) == (None, StepKind.FACTOR)
    return entry.step or ""


def refused(database: Database, access: Access, step: str, code: str) -> str:
    with database.write() as uow, pytest.raises(Refused) as caught:
        access.show_code(uow, step, code)
    return caught.value.refusal.why


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, SHA-1: eight digits there, the last six of them here."""
    secret = pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    for seconds, code in ((59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")):
        assert secret.at(seconds) == code[2:]


def test_a_code_is_taken_once_and_never_an_older_one(database: Database, access: Access, ann: str) -> None:
    with clock.freeze(NOON) as advance:
        app, _ = app_of(database, access, ann)
        code, before = app.at(clock.now()), app.at(clock.now() - timedelta(seconds=30))
        with database.write() as uow:
            assert access.show_code(uow, step_of_in(uow, access), code)[1] == "code"
        step = step_of(database, access)
        assert refused(database, access, step, code) == "code"
        assert refused(database, access, step, before) == "code"
        advance(timedelta(seconds=30))
        with database.write() as uow:
            access.show_code(uow, step, app.at(clock.now()))


def step_of_in(uow: UnitOfWork, access: Access) -> str:
    return access.log_in_with(uow, access.prove(uow, "ann", PASSWORD)).step or ""


@pytest.mark.parametrize(("drift", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_clocks_may_differ_by_half_a_minute(
    database: Database, access: Access, ann: str, drift: int, taken: bool
) -> None:
    with clock.freeze(NOON) as advance:
        app, _ = app_of(database, access, ann)
        advance(timedelta(minutes=5))
        with database.write() as uow:
            code = app.at(clock.now() + timedelta(seconds=drift))
            assert access.factors.apps.accepts(uow, ann, code) is taken


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34 5x"])
def test_what_is_no_code_is_refused(database: Database, access: Access, ann: str, code: str) -> None:
    app_of(database, access, ann)
    assert refused(database, access, step_of(database, access), code) == "code"


def test_a_known_password_gains_no_more_tries(database: Database, access: Access, ann: str) -> None:
    """Each right password before a wrong code must not set the count of failures back."""
    with clock.freeze(NOON):
        app, _ = app_of(database, access, ann)
        whys = [refused(database, access, step_of(database, access), "000000") for _ in range(8)]
        assert whys == ["code"] * 7 + ["lock"]
        with database.write() as uow, pytest.raises(Refused):
            access.log_in_with(uow, access.prove(uow, "ann", PASSWORD))
        del app


def test_the_lock_ends_what_was_begun(database: Database, access: Access, ann: str) -> None:
    with clock.freeze(NOON) as advance:
        app, _ = app_of(database, access, ann)
        step = step_of(database, access)
        for _ in range(8):
            refused(database, access, step, "000000")
        advance(timedelta(minutes=11))
        with database.write() as uow, pytest.raises(Unauthenticated):
            access.show_code(uow, step, app.at(clock.now()))


def test_a_recovery_code_works_once(database: Database, access: Access, ann: str) -> None:
    _, recovery = app_of(database, access, ann)
    assert len(set(recovery)) == codes.HOW_MANY
    with database.write() as uow:
        assert access.show_code(uow, step_of_in(uow, access), recovery[0].upper().replace("-", " "))[1] == "recovery"
        assert access.factors.of(uow, ann).codes_left == codes.HOW_MANY - 1
    assert refused(database, access, step_of(database, access), recovery[0]) == "code"


def test_recovery_codes_are_their_owners_alone(database: Database, access: Access, ann: str) -> None:
    _, recovery = app_of(database, access, ann)
    with database.write() as uow:
        ben = access.add_user(uow, login="ben", name="Ben", role=UserRole.AUDITOR, password=PASSWORD)
    app_of(database, access, ben)
    with database.write() as uow:
        assert not codes.accepts(uow, ben, recovery[1])
        assert codes.accepts(uow, ann, recovery[1])


def test_the_database_gives_no_secret_away(database: Database, access: Access, ann: str, tmp_path: Path) -> None:
    app, recovery = app_of(database, access, ann)
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (app.secret, *recovery, *(code.replace("-", "") for code in recovery)):
        assert secret.encode() not in everything


def test_a_secret_is_bound_to_its_person(database: Database, access: Access, ann: str) -> None:
    app_of(database, access, ann)
    with database.write() as uow:
        ben = access.add_user(uow, login="ben", name="Ben", role=UserRole.AUDITOR, password=PASSWORD)
        store.put_totp(uow, ben, store.totp_of(uow, ann).sealed)
        store.confirm_totp(uow, ben, clock.now())
        with pytest.raises(Damaged):
            access.factors.apps.accepts(uow, ben, "123456")


def test_a_second_app_waits_for_the_first_to_go(database: Database, access: Access, ann: str) -> None:
    app_of(database, access, ann)
    with database.write() as uow:
        with pytest.raises(Conflict):
            access.factors.apps.begin(uow, ann)
        assert access.factors.apps.secret(uow, ann) is None
        assert access.factors.remove_app(uow, ann)
        # Codes that recover nothing would be a way in by themselves.
        assert access.factors.of(uow, ann).codes_left == 0
        assert access.log_in(uow, "ann", PASSWORD)


def test_an_app_that_was_not_confirmed_is_no_factor(database: Database, access: Access, ann: str) -> None:
    with database.write() as uow:
        access.factors.apps.begin(uow, ann)
        with pytest.raises(InvalidInput):
            access.factors.confirm_app(uow, ann, "abc")
        assert access.log_in(uow, "ann", PASSWORD)


def test_a_role_that_needs_a_factor_is_led_to_one(database: Database, access: Access) -> None:
    with database.write() as uow:
        user_id = access.add_user(uow, login="cy", name="Cy", role=UserRole.COMPLIANCE, password=PASSWORD)
        entry = access.log_in_with(uow, access.prove(uow, "cy", PASSWORD))
        assert (entry.session, entry.kind) == (None, StepKind.ENROL)
        key = access.factors.apps.begin(uow, user_id)
        with pytest.raises(Unauthenticated):  # it is no step for showing a code
            access.show_code(uow, entry.step, pyotp.TOTP(key).at(clock.now()))
        done, recovery = access.enrol(uow, entry.step, pyotp.TOTP(key).at(clock.now()))
        assert done.session
        assert len(recovery) == codes.HOW_MANY
        with pytest.raises(Unauthenticated):
            access.enrol(uow, entry.step, pyotp.TOTP(key).at(clock.now()))


def test_a_step_ends_after_ten_minutes(database: Database, access: Access, ann: str) -> None:
    with clock.freeze(NOON) as advance:
        app, _ = app_of(database, access, ann)
        step = step_of(database, access)
        advance(timedelta(minutes=10, seconds=1))
        with database.write() as uow, pytest.raises(Unauthenticated):
            access.show_code(uow, step, app.at(clock.now()))


def test_the_drawing_holds_no_style_and_no_script() -> None:
    drawing = qr_svg("otpauth://totp/Candor:ann?secret=ABC&issuer=Candor")
    assert drawing.startswith("<svg")
    assert "style" not in drawing
    assert "<script" not in drawing


def test_a_begun_secret_is_seen_by_no_second_log_in(database: Database, access: Access) -> None:
    """Who knows the password, too, begins first, sees the secret, and waits for its owner to confirm it."""
    with database.write() as uow:
        user_id = access.add_user(uow, login="cy", name="Cy", role=UserRole.COMPLIANCE, password=PASSWORD)
        stranger = access.log_in_with(uow, access.prove(uow, "cy", PASSWORD))
        seen = access.factors.apps.begin(uow, user_id)
        owner = access.log_in_with(uow, access.prove(uow, "cy", PASSWORD))
        assert access.factors.apps.secret(uow, user_id) is None
        fresh = access.factors.apps.begin(uow, user_id)
        assert fresh != seen
        with pytest.raises(Unauthenticated):
            access.enrol(uow, stranger.step, pyotp.TOTP(fresh).at(clock.now()))
        assert access.enrol(uow, owner.step, pyotp.TOTP(fresh).at(clock.now()))[0].session


def test_the_present_password_is_not_guessed_by_a_stolen_session(database: Database, access: Access, ann: str) -> None:
    with clock.freeze(NOON), database.write() as uow:
        for _ in range(8):
            with pytest.raises(Refused):
                access.prove_oneself(uow, ann, access.prove(uow, "ann", "wrong"))
        with pytest.raises(Refused):  # the account waits, and does not say that this one is right
            access.prove_oneself(uow, ann, access.prove(uow, "ann", PASSWORD))
