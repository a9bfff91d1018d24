"""How many consent decisions one core makes a second, number look-ups included, and how long the slowest take.

The mix is of a house with ten queues in seven countries: callers from everywhere, each with a number of its own (no
look-up of a number is remembered), one in thirty withheld or malformed. Answers for the same places and queue are
remembered; ``consent.decisions.anew`` tells the rate when none is. ``consent.gate`` is the whole question of a
recorder, ledger and site included, read from a database. The reference is the look-up alone by the bare
library: parse, kind and region of each number, and its description in North America.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import geocoder

from bench.report import emit
from candor import wiring
from candor.capture.model import CallFacts, Participant
from candor.consent import pack
from candor.consent.decide import decide
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Whose
from candor.consent.ledger.service import Person
from candor.consent.model import Facts
from candor.consent.numbers import NumberKind, read_number
from candor.conversation.model import Role
from candor.kit import clock
from candor.kit.ids import new_id
from candor.settings import load

DAY = date(2026, 11, 23)
QUEUES: tuple[dict[str, Any], ...] = (
    {"callee": "+493023125012", "agent_location": "DE", "purpose": "quality"},
    {"callee": "+493023125012", "agent_location": "PH", "establishment": "DE", "purpose": "quality"},
    {"callee": "+496923125012", "agent_location": "DE", "purpose": "must_record_mifid"},
    {"callee": "+12125550105", "agent_location": "US-NY", "purpose": "quality", "sectors": ("pci",)},
    {"callee": "+18885550100", "agent_location": "US-TX", "purpose": "training", "sectors": ("hipaa",)},
    {"callee": "+18885550101", "agent_location": "IN", "establishment": "US-TX", "purpose": "quality"},
    {"callee": "+442079460001", "agent_location": "GB", "purpose": "quality", "recorder": "IE"},
    {"callee": "+33199000102", "agent_location": "FR", "purpose": "transaction_proof"},
    {"callee": "+13055550105", "agent_location": "US-FL", "purpose": "quality", "sectors": ("regf",)},
    {"callee": "+442079460002", "agent_location": "US-FL", "establishment": "GB", "purpose": "documentation"},
)
"""Ten queues of one house: line, where its agents are, what is recorded for, sector."""
ABROAD = ("+4930%08d", "+49151%08d", "+331%08d", "+336%08d", "+4420%08d", "+447%09d", "+346%08d", "+390%09d",
          "+3120%07d", "+4670%07d", "+6128%07d", "+813%08d", "+5511%09d", "+919%09d")  # fmt: skip
LOST = ("anonymous", "", "+49 1", "73737", "unknown")


def areas() -> list[str]:
    """The area codes of North America that have a place."""
    return [str(code) for code in range(200, 1000) if read_number(f"+1{code}2345678", None).kind is NumberKind.AREA]


def questions(number: int, rng: random.Random) -> list[Facts]:
    """``number`` calls, none with the number of another."""
    codes = areas()
    made = []
    for _ in range(number):
        kind = rng.random()
        if kind < 0.03:
            caller = rng.choice(LOST)
        elif kind < 0.6:
            caller = f"+1{rng.choice(codes)}{rng.randint(200, 999)}{rng.randint(0, 9999):04d}"
        else:
            shape = rng.choice(ABROAD)
            width = int(shape[shape.index("%") + 2])
            caller = shape % rng.randint(10 ** (width - 1), 10**width - 1)
        made.append(Facts(caller=caller, at=DAY, **rng.choice(QUEUES)))
    return made


def looked_up(numbers: Sequence[str]) -> float:
    """Look-ups a second by the library alone; what cannot be parsed counts, too."""
    began = time.process_time()
    for text in numbers:
        try:
            number = phonenumbers.parse(text, "US")
        except phonenumbers.NumberParseException:
            continue
        phonenumbers.number_type(number)
        phonenumbers.region_code_for_number(number)
        if number.country_code == 1:
            geocoder.description_for_number(number, "en")
    return len(numbers) / (time.process_time() - began)


def main() -> None:
    """Print the rate, and the times of single decisions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("small", "full"), default="small")
    size = parser.parse_args().size
    asked = questions(60_000 if size == "small" else 400_000, random.Random(4))
    rules = pack.builtin()
    rules.on(DAY)
    reference = looked_up([each.caller or "" for each in asked[:20_000]])

    # From an empty memory: what is worked out for the first time counts.
    rules.on(DAY).judged.clear()
    began = time.process_time()
    for facts in asked:
        decide(rules, facts)
    rate = len(asked) / (time.process_time() - began)

    answers = len(rules.on(DAY).judged)
    began = time.process_time()
    for facts in asked[:10_000]:
        rules.on(DAY).judged.clear()
        decide(rules, facts)
    anew = 10_000 / (time.process_time() - began)

    taken = []
    for facts in asked[:20_000]:
        start = time.perf_counter()
        decide(rules, facts)
        taken.append((time.perf_counter() - start) * 1000)
    taken.sort()
    more = {
        "distinct_numbers": len({each.caller for each in asked}),
        "distinct_answers": answers,
        "pack": rules.version,
    }
    emit(
        name="consent.decisions", value=rate, unit="decisions/s a core", n=len(asked),
        reference="look-up of the callers' numbers by the bare library", reference_value=reference, size=size, **more,
    )  # fmt: skip
    emit(
        name="consent.decisions.anew", value=anew, unit="decisions/s a core", n=10_000,
        reference="look-up of the callers' numbers by the bare library", reference_value=reference, size=size,
    )  # fmt: skip
    emit(
        name="consent.decision.p99", value=taken[len(taken) * 99 // 100], unit="ms", n=len(taken),
        reference="the limit", reference_value=5.0, size=size, median_ms=round(taken[len(taken) // 2], 4),
        slowest_ms=round(taken[-1], 3),
    )  # fmt: skip
    gate(2_000 if size == "small" else 20_000, size)


def gate(calls: int, size: str) -> None:
    """What a recorder spends for each call that it asks about: the decision, the ledger, the agent's site; on a disk.

    Ledger and list hold twenty times as many lines as calls are asked; the reference is the decision alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data=Path(folder), consent="enforce", establishment="US-TX")
        services = wiring.open_services(settings)
        codes, rng, now = areas(), random.Random(5), clock.now()
        numbers = [f"+1{rng.choice(codes)}{rng.randint(200, 999)}{n % 10_000:04d}" for n in range(calls)]
        services.workplaces.add("Berlin", "DE", by="bench")
        services.workplaces.assign("Berlin", [f"{n}" for n in range(100)], by="bench")
        ledger = services.consenting.ledger
        with services.database.write() as uow:
            for n in range(calls * 20 if size == "full" else calls * 5):
                told = Entry(
                    at=now, event=ConsentEvent.ANNOUNCED, whose=Whose.CALLER, subject=None, call_id=f"call-{n}",
                    method=Method.PHONE_SYSTEM,
                )  # fmt: skip
                ledger.write(uow, told, Person(whose=Whose.CALLER, name=numbers[n % calls]))
        asked = [
            CallFacts(
                id=new_id(), source="sbc", protocol="siprec", started_at=now, external_id=f"call-{n}",
                participants=(
                    Participant(id="c", role=Role.CUSTOMER, aor=f"sip:{number}@sbc"),
                    Participant(id="a", role=Role.AGENT, aor=f"sip:{n % 1000}@pbx", agent_id=f"{n % 1000}"),
                ),
            )
            for n, number in enumerate(numbers)
        ]  # fmt: skip
        made = wiring.make_gate(settings)
        if made is None:
            raise RuntimeError("consent is enforced here")
        made.judge(asked[0])
        began = time.process_time()
        for facts in asked:
            made.judge(facts)
        rate = len(asked) / (time.process_time() - began)
        rules = pack.builtin()
        began = time.process_time()
        for facts in asked:
            decide(rules, Facts(purpose="quality", at=now.date(), caller=str(facts.participants[0].aor)[4:16],
                                agent_location="US-TX", establishment="US-TX"))  # fmt: skip
        alone = len(asked) / (time.process_time() - began)
        services.database.close()
    emit(
        name="consent.gate", value=rate, unit="calls/s a core", n=calls, reference="the decision alone",
        reference_value=alone, size=size, ms_a_call=round(1000 / rate, 3),
    )  # fmt: skip


if __name__ == "__main__":
    main()
