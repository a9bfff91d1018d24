"""Which streams are listened to for objections, in which language, and what is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from candor.capture.model import CallFacts, Keep, Participant, PayloadType, Stream, Verdict
from candor.conversation.model import Role
from candor.errors import Unavailable
from candor.kit import clock
from candor.live.objecting import Objecting, wordings
from candor.live.spotting import Heard

SECOND = 1_000_000_000
UNTIL = 1_790_000_000 * SECOND


class Ledger:
    """Remembers what it was told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.lines: list[tuple[str, float, str]] = []
        self._error = error

    def overheard(self, facts: CallFacts, *, quote: str, start: datetime, stop: datetime, language: str) -> object:
        assert start < stop
        if self._error is not None:
            raise self._error
        self.lines.append((quote, (start - clock.from_unix_ns(UNTIL)).total_seconds(), language))
        return None


def facts(*participants: Participant, decided: bool = True, language: str | None = None) -> CallFacts:
    kinds = (PayloadType(number=0, encoding="PCMU"),)
    return CallFacts(
        id="c", source="s", protocol="siprec", started_at=clock.from_unix_ns(UNTIL) - timedelta(seconds=60),
        streams=tuple(Stream(number=n, label=label, payload_types=kinds) for n, label in enumerate("xyz")),
        participants=participants, language=language,
        consent=Verdict(keep=Keep.START, level=2, words="") if decided else None,
    )  # fmt: skip


CUSTOMER = Participant(id="1", role=Role.CUSTOMER, sends=("x",))
AGENT = Participant(id="2", role=Role.AGENT, sends=("z",))


def test_only_streams_without_an_agent_are_listened_to() -> None:
    one = Objecting(Ledger(), ("en",))
    assert set(one.streams(facts(CUSTOMER, AGENT))) == {0}
    joiner = Participant(id="3", sends=("y",))
    assert set(one.streams(facts(CUSTOMER, AGENT, joiner))) == {0, 1}
    # A mix of both, and streams of which nobody knows who speaks, are left to the transcript.
    assert set(one.streams(facts(replace(CUSTOMER, sends=("z",)), AGENT))) == set()
    assert set(one.streams(facts(AGENT))) == set()
    assert set(one.streams(facts(CUSTOMER, AGENT, decided=False))) == set()


def test_an_objection_is_written_down_with_its_words_and_place() -> None:
    ledger = Ledger()
    one = Objecting(ledger, ("en",))
    heard = Heard(text="hello there please do not record this", seconds=7.0, until_ns=UNTIL)
    assert one.hear(facts(CUSTOMER), heard)
    assert ledger.lines == [("do not record", -4.0, "en")]
    assert not one.hear(facts(CUSTOMER), replace(heard, text="they do not record that"))
    assert not one.hear(facts(CUSTOMER, language="tlh"), heard)
    assert one.hear(facts(CUSTOMER, language="de"), replace(heard, text="bitte nicht aufzeichnen"))


def test_a_ledger_that_is_away_ends_nothing() -> None:
    one = Objecting(Ledger(Unavailable("away")), ("en",))
    assert one.hear(facts(CUSTOMER), Heard(text="stop recording", seconds=1.0, until_ns=UNTIL))


def test_the_recogniser_is_told_the_objections_of_known_languages() -> None:
    assert "stop recording" in wordings(("en", "tlh"))
