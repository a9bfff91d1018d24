"""The work that is left when a call is over: read its sealed file, put its packets in place, seal the recording."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np

from candor import wiring
from candor.capture.assembly import assemble
from candor.capture.model import CallEvent, CallFacts, EventKind, PayloadType, Stream
from candor.capture.rtp.receiver import ROW_HEAD
from candor.capture.spool import spool
from candor.capture.spool.spool import Keyring, Spool
from candor.kit import clock
from candor.kit.ids import new_id
from candor.settings import load

_PACKET = 172
_SEALED = 30
"""Packets of a stream in one record: 0.6 s."""


def afterwards(data: Path, *, minutes: int, calls: int) -> dict[str, float]:
    """Median CPU seconds for one two-stream G.711 call: ``whole`` as the collector does it, and steps of it."""
    settings = load(data=data)
    services = wiring.open_services(settings)
    keyring = wiring.spool_keys(settings, services.shelf.vault.keys)
    collector = wiring.make_collector(settings, services)
    whole, reading, placing, writing = [], [], [], []
    try:
        for _ in range(calls):
            path = spool_call(settings.spool, keyring, minutes * 60)
            before = time.process_time()
            call = spool.read(path, keyring)
            reading.append(time.process_time() - before)
            before = time.process_time()
            assembly = assemble(call)
            placing.append(time.process_time() - before)
            with (data / "recording").open("wb") as sink:
                before = time.process_time()
                assembly.write(sink)
                writing.append(time.process_time() - before)
            before = time.process_time()
            made = collector.collect()
            whole.append(time.process_time() - before)
            if made != 1:
                raise RuntimeError("the finished call did not become a conversation")
    finally:
        services.database.close()
    middle: Callable[[list[float]], float] = statistics.median
    steps = {"read": middle(reading), "place": middle(placing), "render": middle(writing)}
    rest = middle(whole) - sum(steps.values())
    return {"whole": middle(whole)} | steps | {"seal, check, register, forget": rest}


def spool_call(folder: Path, keyring: Keyring, seconds: int) -> Path:
    """A finished spool file as the recorder writes it, with noise as sound."""
    hand = Spool(folder, keyring, monotonic=time.monotonic)
    hand.open()
    kinds = (PayloadType(number=0, encoding="PCMU"), PayloadType(number=101, encoding="telephone-event"))
    began = clock.now() - timedelta(seconds=seconds)
    facts = CallFacts(
        id=new_id(), source="siprec", protocol="siprec", started_at=began,
        streams=tuple(Stream(number=n, label=str(n + 1), payload_types=kinds) for n in range(2)),
    )  # fmt: skip
    call = hand.begin(facts)
    noise = np.random.default_rng(0)
    for first in range(0, seconds * 50, _SEALED):
        for stream in range(2):
            rows = np.zeros((min(_SEALED, seconds * 50 - first), ROW_HEAD + _PACKET), np.uint8)
            number = first + np.arange(len(rows))
            arrival = clock.to_unix_ns(began) + number * 20_000_000 + noise.integers(0, 2_000_000, len(rows))
            rows[:, :8] = arrival.astype("<i8").view(np.uint8).reshape(-1, 8)
            rows[:, 8:12] = (_PACKET, 0, stream, 0)
            rows[:, 12] = 0x80
            rows[:, 14:16] = number.astype(">u2").view(np.uint8).reshape(-1, 2)
            rows[:, 16:20] = (number * 160).astype(">u4").view(np.uint8).reshape(-1, 4)
            rows[:, 20:24] = (0, 0, 1, stream)
            rows[:, 24:] = noise.integers(0, 256, (len(rows), _PACKET - 12), np.uint8)
            call.rows(rows.shape[1], rows.tobytes())
        call.seal()
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED, reason="BYE"))
    hand.close()
    os.sync()
    return folder / f"{facts.id}.done"
