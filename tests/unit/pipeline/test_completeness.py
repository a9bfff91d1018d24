"""Lists held against the register: what is noted, what is gone again, what is kept to itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from candor.capture import unrecorded
from candor.capture.completeness import store
from candor.capture.completeness.model import Kind, Tolerances
from candor.capture.completeness.store import State
from candor.capture.control import RecorderClient
from candor.capture.unrecorded import UnrecordedCall
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger.service import Ledger
from candor.conversation.model import Gap, Sound
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline.completeness import Completeness, open_count, silent_channels
from candor.pipeline.consenting import Consenting
from tests.unit.pipeline.captured import CUSTOMER, LINE, START, at, captured
from tests.unit.pipeline.recordings import House, attention, conversations, open_house

DAY = (START - timedelta(hours=9), START + timedelta(hours=15))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(tmp_path / "house")
    with clock.freeze(START + timedelta(days=1)):
        yield opened
    opened.database.close()


def listed(house: House, call_id: str, start: float = 0.0, **more: object) -> None:
    given = {"call_id": call_id, "started_at": at(start).isoformat(), "duration": 100, "caller": CUSTOMER,
             "callee": LINE, "agent_id": "a7"}  # fmt: skip
    taken = house.completeness.put([given | more], source="pbx")
    assert taken.errors == ()


def noted(house: House, *states: State) -> list[tuple[str, str | None, tuple[str, ...]]]:
    with house.database.read() as uow:
        page = store.page(uow, *DAY, states=states or (State.OPEN,), limit=500)
    return [(each.kind.value, each.call_id, each.conversations) for each in reversed(page.rows)]


def first_open(house: House) -> store.Noted:
    with house.database.read() as uow:
        return store.page(uow, *DAY).rows[0]


def test_every_kind_is_found_in_real_rows(house: House) -> None:
    calls = ("missing", "fine", "late", "short", "deaf", "nobody", "foreign", "half", "twice", "unpaused", "paused")
    for place, call_id in enumerate(calls):
        pauses = [{"start": 20, "stop": 40}] if "paused" in call_id else []
        listed(house, call_id, place * 1000.0, pauses=pauses)
    ids = {
        "fine": captured(house, "fine", 1000),
        "late": captured(house, "late", 2030, duration=70),
        "short": captured(house, "short", 3000, gaps=(Gap(start=10, stop=40, reason="interrupted"),)),
        "deaf": captured(house, "deaf", 4000, notes=("No sound above −60 dBFS: the recording is silent.",)),
        "nobody": captured(house, "nobody", 5000, talk=0.0, said=("No speech was found.",)),
        "foreign": captured(house, "foreign", 6000, talk=0.0, said=("This does not sound like English, or …",)),
        "half": captured(house, "half", 7000, notes=("Channel 2 (right) is silent: no sound above −60 dBFS.",)),
        "twice": captured(house, "twice", 8000, talk=50.0),
        "again": captured(house, "twice", 8001),
        "unpaused": captured(house, "unpaused", 9000),
        "paused": captured(house, "paused", 10000, gaps=(Gap(start=20, stop=40, reason="paused"),)),
        "stranger": captured(house, "stranger", 9500, customer="+12025550188"),
    }
    checked = house.completeness.check(*DAY)
    expected = [
        ("missing", "missing", ()), ("late", "late", (ids["late"],)), ("short", "short", (ids["short"],)),
        ("silent", "deaf", (ids["deaf"],)), ("silent", "nobody", (ids["nobody"],)),
        ("one_sided", "half", (ids["half"],)), ("duplicate", "twice", (ids["twice"], ids["again"])),
        ("missed_pause", "unpaused", (ids["unpaused"],)), ("unexpected", "stranger", (ids["stranger"],)),
    ]  # fmt: skip
    assert noted(house) == expected
    assert (checked.expected, checked.captured, checked.new, checked.gone) == (11, 12, 9, 0)
    assert {kind.value: number for kind, number in checked.found.items() if number} == {
        "missing": 1, "late": 1, "short": 1, "silent": 2, "one_sided": 1, "duplicate": 1, "missed_pause": 1,
        "unexpected": 1,
    }  # fmt: skip
    again = house.completeness.check(*DAY)
    assert (again.new, again.gone, noted(house)) == (0, 0, expected)
    with house.database.read() as uow:
        assert open_count(uow) == 9
        report = house.completeness.report(uow, *DAY)
    assert (report.listed.to_record, report.recorded, report.missing, report.share) == (11, 10, 1, 10 / 11)


def test_a_recording_that_comes_later_makes_its_difference_go(house: House) -> None:
    listed(house, "c-1")
    house.completeness.check(*DAY)
    assert noted(house) == [("missing", "c-1", ())]
    captured(house, "c-1")
    assert house.completeness.check(*DAY).gone == 1
    assert noted(house) == []
    assert noted(house, State.GONE) == [("missing", "c-1", ())]
    listed(house, "c-1", duration=500)  # the list was corrected
    house.completeness.check(*DAY)
    assert [each[0] for each in noted(house)] == ["short"]


def test_what_is_missing_again_is_open_again(house: House) -> None:
    listed(house, "c-1", recorded_expected=True)
    house.completeness.check(*DAY)
    listed(house, "c-1", recorded_expected=False)
    house.completeness.check(*DAY)
    assert noted(house) == []
    listed(house, "c-1", recorded_expected=True)
    assert house.completeness.check(*DAY).new == 1
    assert noted(house) == [("missing", "c-1", ())]


def test_a_reason_closes_for_good(house: House) -> None:
    listed(house, "c-1")
    house.completeness.check(*DAY)
    row = first_open(house)
    for reason in ("", "  ", "x" * 1001):
        with pytest.raises(InvalidInput):
            house.completeness.resolve(row.id, by="me", reason=reason)
    with pytest.raises(NotFound):
        house.completeness.resolve(new_id(), by="me", reason="test call")
    closed = house.completeness.resolve(row.id, by="me", reason=" test call ")
    assert (closed.state, closed.closed_by, closed.reason) == (State.RESOLVED, "me", "test call")
    assert closed.closed_at == clock.now()
    with pytest.raises(Conflict):
        house.completeness.resolve(row.id, by="you", reason="no, mine")
    assert house.completeness.check(*DAY).new == 0
    assert (noted(house), noted(house, State.RESOLVED)) == ([], [("missing", "c-1", ())])
    with house.database.read() as uow:
        assert open_count(uow) == 0
        report = house.completeness.report(uow, *DAY)
    assert (report.missing, report.share) == (1, 0.0)  # it is explained, and still not recorded


REFUSED = "Somebody on the line has refused to be recorded."


def barred(house: House, call_id: str, start: float = 0.0) -> None:
    """The fact that the collector writes down of a call of which nothing was kept."""
    with house.database.write() as uow:
        unrecorded.put(
            uow,
            UnrecordedCall(
                id=new_id(), external_id=call_id, source="sbc", started_at=at(start), seconds=93.0, level=4,
                why=REFUSED, dropped=True,
            ),
        )  # fmt: skip


def test_what_might_not_be_recorded_is_no_alarm(house: House) -> None:
    listed(house, "held", 0)
    listed(house, "refused", 1000)
    listed(house, "lost", 2000)
    captured(house, "held", 0)
    house.completeness.check(*DAY)
    assert [each[1] for each in noted(house)] == ["refused", "lost"]
    # A person has already explained it; then the recorder's spool comes, with the fact.
    with house.database.read() as uow:
        row = next(each for each in store.page(uow, *DAY).rows if each.call_id == "refused")
    house.completeness.resolve(row.id, by="me", reason="the customer said no")
    barred(house, "refused", 1000)
    checked = house.completeness.check(*DAY)
    assert checked.found[Kind.UNRECORDED] == 1
    assert noted(house) == [("missing", "lost", ())]
    with house.database.read() as uow:
        assert open_count(uow) == 1
        report = house.completeness.report(uow, *DAY)
        (closed,) = store.page(uow, *DAY, states=[State.RESOLVED]).rows
    assert (closed.kind, closed.reason, closed.closed_by) == (Kind.UNRECORDED, REFUSED, "system")
    assert (report.unrecorded, report.reasons) == (1, {REFUSED: 1})
    assert (report.to_record, report.recorded, report.missing, report.share) == (2, 1, 1, 0.5)
    assert house.completeness.check(*DAY).new == 0
    with pytest.raises(Conflict):
        house.completeness.resolve(closed.id, by="me", reason="why?")
    # The list was corrected: it need not have been recorded at all.
    listed(house, "refused", 1000, recorded_expected=False)
    house.completeness.check(*DAY)
    with house.database.read() as uow:
        report = house.completeness.report(uow, *DAY)
    assert (report.unrecorded, report.to_record, report.share) == (0, 2, 0.5)


def test_what_was_destroyed_for_want_of_consent_is_no_alarm(house: House, tmp_path: Path) -> None:
    listed(house, "c-1")
    an_id = captured(house, "c-1")
    house.completeness.check(*DAY)
    assert noted(house) == []
    why = "There is no proof of the explicit yes that the law asks for."
    vault = house.shelf.vault
    ledger = Ledger(lambda uow, create: vault.fields(uow, "consent-ledger", create=create))
    consenting = Consenting(
        house.database, ledger, RecorderClient(tmp_path / "none.sock"), vault, house.replay.index,
        keep=timedelta(days=1),
    )  # fmt: skip
    with house.database.write() as uow:
        before = Custody(
            conversation_id=an_id, started_at=at(0), state=CustodyState.PENDING, level=4, why="", decision="{}",
            proof='{"announced":null}', since=clock.now(),
        )  # fmt: skip
        custody.quarantine(uow, before, why=why, keep=timedelta(days=1))
    with clock.freeze(clock.now() + timedelta(days=2)):
        assert consenting.tidy() == 1
        house.completeness.check(*DAY)
    assert conversations(house) == []
    assert noted(house) == []
    with house.database.read() as uow:
        report = house.completeness.report(uow, *DAY)
        held = custody.get(uow, an_id)
    assert report.reasons == {f"{why} What was recorded of it was destroyed.": 1}
    assert (report.missing, report.share) == (0, None)
    assert held is not None
    assert held.proof == '{"announced":null,"call_id":"c-1"}'  # what was found of it stays


def test_two_persons_cannot_close_the_same(house: House) -> None:
    listed(house, "c-1")
    house.completeness.check(*DAY)
    row, answers = first_open(house), []

    def close(name: str) -> None:
        try:
            answers.append(house.completeness.resolve(row.id, by=name, reason=name).closed_by or "")
        except Conflict:
            answers.append("conflict")

    threads = [threading.Thread(target=close, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers)[-2:] == ["conflict", "conflict"]


def test_calls_within_their_grace_are_not_missing_yet(house: House) -> None:
    listed(house, "c-1")
    with clock.freeze(at(100 + 899)):
        assert house.completeness.check(*DAY).new == 0
    with clock.freeze(at(100 + 901)):
        assert house.completeness.check(*DAY).new == 1
    with clock.freeze(at(200)):  # and what was told of them already stays
        assert house.completeness.check(*DAY).gone == 0


def test_calls_that_candor_placed_to_itself_do_not_count(house: House) -> None:
    """They are in no list, silent tones to a recogniser, and nobody's business."""
    listed(house, "c-1")
    captured(house, "c-1")
    quiet = ("No sound above -60 dBFS was found.",)
    captured(house, f"candor-check-{new_id()}", 30, notes=quiet, customer=None)
    unknown = captured(house, "candor-checkered", 60, customer=None)
    checked = house.completeness.check(at(-3600), at(3600))
    assert (checked.captured, noted(house)) == (2, [("unexpected", "candor-checkered", (unknown,))])


def test_check_recent_looks_back_two_days(house: House) -> None:
    listed(house, "new")
    listed(house, "old", -3 * 86_400)
    assert house.completeness.check_recent().new == 1


def test_calls_at_midnight_find_their_recordings_on_the_other_day(house: House) -> None:
    midnight = 15 * 3600.0
    listed(house, "before", midnight - 1)
    listed(house, "after", midnight + 1)
    captured(house, "before", midnight + 1)
    captured(house, "after", midnight - 1)
    checked = house.completeness.check(DAY[0], DAY[1] + timedelta(days=1))
    assert (checked.expected, checked.captured, checked.new) == (2, 2, 0)


def test_unexpected_only_on_days_that_lists_speak_of(house: House) -> None:
    captured(house, "c-0", -86_400)
    captured(house, "c-2", 3600, customer="+12025550188")
    captured(house, "c-3", 86_400)
    listed(house, "c-1")
    with clock.freeze(START + timedelta(days=3)):
        house.completeness.check(DAY[0] - timedelta(days=1), DAY[1] + timedelta(days=1))
        assert noted(house) == [("missing", "c-1", ())]
        listed(house, "c-9", 80_000, recorded_expected=False)  # the next day's list has come
        house.completeness.check(DAY[0] - timedelta(days=1), DAY[1] + timedelta(days=1))
    assert [each[:2] for each in noted(house)] == [("missing", "c-1"), ("unexpected", "c-2")]


def test_lists_from_files(house: House) -> None:
    vectors = Path(__file__).resolve().parents[2] / "vectors" / "completeness"
    data = (vectors / "generic.csv").read_bytes()
    taken = house.completeness.import_list(data, "generic.csv", source="pbx")
    assert (taken.added, taken.replaced, taken.errors) == (3, 0, ())
    assert (taken.first, taken.last) == (at(-3600), at(-2400))
    again = house.completeness.import_list(data, "generic.csv", source="pbx")
    assert (again.added, again.replaced) == (0, 3)
    other = house.completeness.import_list(data, "generic.csv", source="acd")
    assert other.added == 3
    bad = house.completeness.import_list((vectors / "bad_lines.csv").read_bytes(), "bad_lines.csv", source="bad")
    assert (bad.added, len(bad.errors)) == (1, 16)
    assert house.completeness.forget(at(-2800)) == 4  # the first two calls of both lists
    assert attention(house) == []


def test_many_calls_are_taken_in_batches(house: House) -> None:
    calls = [{"call_id": str(n), "started_at": at(n).isoformat(), "duration": 10} for n in range(2500)]
    taken = house.completeness.put(calls + calls[:1], source="pbx")
    assert (taken.added, taken.replaced) == (2500, 0)
    assert house.completeness.put(calls, source="pbx").replaced == 2500


def test_nothing_personal_of_a_list_is_readable(house: House, tmp_path: Path) -> None:
    house.completeness.put(
        [{"call_id": "c-1", "started_at": at(0).isoformat(), "caller": "+12025550143", "callee": "sip:anna@example.org",
          "agent_id": "agent-grace", "queue": "secret queue"}], source="pbx",
    )  # fmt: skip
    house.completeness.check(*DAY)
    assert noted(house) == [("missing", "c-1", ())]
    house.database.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "house").rglob("*") if path.is_file())
    assert b"c-1" in held
    for needle in (b"2025550143", b"example.org", b"anna", b"agent-grace", b"secret queue"):
        assert needle not in held


def test_sealed_rows_are_bound_to_their_place(house: House) -> None:
    from candor.errors import Damaged

    listed(house, "c-1")
    listed(house, "c-2", 10)
    with house.database.write() as uow:
        rows = uow.execute(select(store.expected_call)).all()
        uow.execute(
            store.expected_call.update().where(store.expected_call.c.id == rows[0].id).values(sealed=rows[1].sealed)
        )
    with pytest.raises(Damaged):
        house.completeness.check(*DAY)


def test_pages_and_counts(house: House) -> None:
    for number in range(7):
        listed(house, f"c-{number}", (number // 2) * 600.0, caller=f"+1202555{number:04}", agent_id=f"a{number}")
    house.completeness.check(*DAY)
    seen: list[str | None] = []
    cursor = None
    while True:
        with house.database.read() as uow:
            page = store.page(uow, *DAY, cursor=cursor, limit=3)
            assert page.total == 7
        seen += [each.call_id for each in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen, key=str) == [f"c-{number}" for number in range(7)]
    assert len(seen) == 7
    with house.database.read() as uow:
        assert store.page(uow, *DAY, kinds=[Kind.LATE]).total == 0
        assert store.counts(uow, *DAY)[Kind.MISSING] == {State.OPEN: 7, State.RESOLVED: 0, State.GONE: 0}
        assert store.newest_open(uow) == clock.now()
        with pytest.raises(InvalidInput):
            store.page(uow, *DAY, cursor="elsewhere")


@pytest.mark.parametrize("span", [timedelta(0), timedelta(days=-1), timedelta(days=401)])
def test_periods_that_cannot_be_checked(house: House, span: timedelta) -> None:
    with pytest.raises(InvalidInput):
        house.completeness.check(START, START + span)
    with pytest.raises(InvalidInput):
        house.completeness.check(START.replace(tzinfo=None), START + timedelta(days=1))


def test_tolerances_and_grace_are_the_administrators(house: House) -> None:
    listed(house, "c-1")
    captured(house, "c-1", 3, duration=97)
    assert house.completeness.check(*DAY).new == 0
    strict = Completeness(house.database, house.shelf, tolerances=Tolerances(late=1.0))
    assert strict.check(*DAY).found[Kind.LATE] == 1


@pytest.mark.parametrize(
    ("notes", "channels", "flags"),
    [
        ((), 2, (False, False)),
        (("Channel 1 (left) is silent: no sound above −60 dBFS.",), 2, (True, False)),
        (("x", "Channel 3 is silent: no sound above −60 dBFS.", "Channel 1 is silent: no sound above −60 dBFS."), 3,
         (True, False, True)),
        (("No sound above −60 dBFS: the recording is silent.",), 1, (True,)),
    ],
)  # fmt: skip
def test_silent_channels_by_the_notes_of_decoding(
    notes: tuple[str, ...], channels: int, flags: tuple[bool, ...]
) -> None:
    sound = Sound(duration=1.0, rate=8000, channels=channels, codec="x", container="x", working_rate=8000, notes=notes)
    assert silent_channels(sound) == flags


def test_the_notes_of_decoding_still_say_it_like_that(tmp_path: Path) -> None:
    import io
    import wave

    import numpy as np

    from candor.capture.files import decode
    from candor.kit.sound import FlacWriter

    for quiet, flags in ((1, (False, True)), (None, (True, True))):
        samples = np.zeros((8000, 2), np.int16)
        if quiet is not None:
            samples[:, 0] = np.random.default_rng(1).integers(-9000, 9000, 8000)
        out = io.BytesIO()
        with wave.open(out, "wb") as sound:
            sound.setnchannels(2)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(samples.tobytes())
        with (tmp_path / "out.flac").open("w+b") as target:
            found = decode(io.BytesIO(out.getvalue()), "a.wav", lambda rate, n, t=target: FlacWriter(t, rate, n))
        assert silent_channels(found) == flags
