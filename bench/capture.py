"""Recording calls: the capacity of one core, set-ups, memory, the work afterwards, and rtpengine beside it.

Everything is real: calls come by SIP INVITE to ``candor recorder``, a process of its own on core 0 that seals what it
gets, and the sound is sent by another process on core 1. A run counts only what was kept: every packet is looked up in
the sealed files afterwards. CPU seconds are those of the process, user and system, all its threads; what the kernel
does for it elsewhere (the sender's side of loopback, writing pages back to the disk) is in nobody's figure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.calls.afterwards import afterwards
from bench.calls.caller import Caller, Rate
from bench.calls.processes import FILES_A_CALL, PEER_CORE, SPARE_FILES, Sent, on_core, send
from bench.calls.recorder import Held, held, open_recorder
from bench.calls.rtpengine import PROGRAM, open_rtpengine
from bench.report import emit
from candor.kit import log

CALLS = {"small": (100, 250), "full": (100, 250, 500, 1_000, 2_000, 3_000, 4_000)}
SECONDS = {"small": 5.0, "full": 10.0}
BESIDE = 250
"""Calls at which rtpengine is measured."""
TURNS = 2
_SETTLE = 1.2
"""Seconds after which everything that arrived is on the disk."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """A process under the sound of ``calls`` calls."""

    calls: int
    sent: Sent
    cpu: float
    memory: float
    """Bytes a call."""

    @property
    def packet(self) -> float:
        """CPU microseconds a packet."""
        return self.cpu / self.sent.packets * 1e6

    @property
    def call_hour(self) -> float:
        """CPU seconds for each hour of a call."""
        return self.cpu / (self.calls * self.sent.rounds * 0.02 / 3600)


@dataclass(frozen=True, kw_only=True)
class Recorded(Load):
    """The recorder under load, and what it made of it."""

    received: int
    late: int
    held: Held

    @property
    def kept_up(self) -> bool:
        """Whether the sender sent at the rate of so many calls; if not, the point says less about capacity."""
        return self.sent.seconds < 1.02 * self.sent.rounds * 0.02


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=CALLS, default="small")
    parser.add_argument("--only", choices=("rtpengine", "curve", "rate", "afterwards"), action="append")
    given = parser.parse_args()
    log.configure(json_lines=True, level="ERROR")
    parts = given.only or ("rtpengine", "curve", "rate", "afterwards")
    reference = beside(given.size) if "rtpengine" in parts and PROGRAM else None
    if "curve" in parts:
        curve(given.size, reference)
    if "rate" in parts:
        rates(given.size)
    if "afterwards" in parts:
        after(given.size)


# ---- the capacity of one core ----


def record(calls: int, seconds: float) -> Recorded:
    """Set up ``calls`` calls, send sound for ``seconds``, end them, and look up every packet."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = open_recorder(Path(folder))
        try:
            calls = min(calls, (recorder.measured.open_files() - SPARE_FILES) // FILES_A_CALL)
            caller, idle = Caller(recorder.port), recorder.measured.memory()
            made = caller.begin(calls)
            time.sleep(0.5)
            before = recorder.measured.cpu()
            sent = send([port for call in made for port in call.ports], seconds)
            memory = (recorder.measured.memory() - idle) / calls
            time.sleep(_SETTLE)
            cpu = recorder.measured.cpu() - before
            late = recorder.status()["late"]
            caller.end(made)
            caller.close()
            received = recorder.wait_until_none()["sources"]["siprec"]["packets"]
        finally:
            recorder.measured.stop()
        return Recorded(
            calls=calls, sent=sent, cpu=cpu, memory=memory, received=received, late=late,
            held=held(Path(folder), made, sent.rounds),
        )  # fmt: skip


def curve(size: str, reference: float | None) -> None:
    """One line a number of calls."""
    for calls in CALLS[size]:
        found = record(calls, SECONDS[size])
        emit(
            name="capture.calls", value=found.packet, unit="cpu us a packet", n=found.calls, size=size,
            reference=f"rtpengine, {BESIDE} calls", reference_value=reference,
            packets_per_second=round(found.sent.packets / found.sent.seconds),
            sender_kept_up=found.kept_up, sent=found.sent.packets,
            received=found.received, kept=found.held.packets - found.held.twice - found.held.wrong,
            lost=found.held.missing, exact=found.held.exact, share_of_core=round(found.cpu / found.sent.seconds, 3),
            cpu_seconds_per_call_hour=round(found.call_hour, 3), late_beats=found.late,
            sender_late_ms=round(found.sent.worst_late * 1000),
        )  # fmt: skip
        emit(name="capture.memory", value=found.memory / 1024, unit="KB a call", n=found.calls, size=size,
             reference="target", reference_value=150.0)  # fmt: skip


# ---- rtpengine ----


def engine(calls: int, seconds: float, *, forwarding: bool) -> Load:
    """The same streams through rtpengine, which records both ways of each call, and forwards them or not."""
    with tempfile.TemporaryDirectory() as folder:
        running = open_rtpengine(Path(folder) / "recording")
        try:
            idle = running.measured.memory()
            ports = [port for number in range(calls) for port in running.call(number)]
            if not forwarding:
                for number in range(calls):
                    running.keep_to_itself(number)
            before = running.measured.cpu()
            sent = send(ports, seconds)
            memory = (running.measured.memory() - idle) / calls
            time.sleep(_SETTLE)
            cpu = running.measured.cpu() - before
            for number in range(calls):
                running.end(number)
            time.sleep(0.5)
            recorded = running.recorded()
        finally:
            running.close()
        if recorded != sent.packets:
            raise RuntimeError(f"rtpengine recorded {recorded} of {sent.packets} packets: no reference")
        return Load(calls=calls, sent=sent, cpu=cpu, memory=memory)


def beside(size: str) -> float:
    """In turns, so that a busy machine is as busy for all; returns what a packet cost rtpengine at best."""
    seconds = SECONDS[size]
    ours, forwarding, alone = [], [], []
    for _ in range(TURNS):
        ours.append(record(BESIDE, seconds))
        forwarding.append(engine(BESIDE, seconds, forwarding=True))
        alone.append(engine(BESIDE, seconds, forwarding=False))
    if not all(one.held.exact for one in ours):
        raise RuntimeError("the recorder lost packets: nothing to compare")
    for name, theirs in (("forwarding", forwarding), ("forwarding nothing", alone)):
        emit(
            name="capture.beside_rtpengine", value=min(one.call_hour for one in ours), unit="cpu s a call-hour",
            n=BESIDE, size=size, reference=f"rtpengine, {name}", reference_value=min(one.call_hour for one in theirs),
            ratio_of_medians=round(
                statistics.median(one.cpu for one in ours) / statistics.median(one.cpu for one in theirs), 3
            ),
            packet_us=[round(one.packet, 2) for one in ours], reference_packet_us=[round(t.packet, 2) for t in theirs],
            memory_kb=round(max(one.memory for one in ours) / 1024, 1),
            reference_memory_kb=round(max(one.memory for one in theirs) / 1024, 1), target="ratio <= 0.4",
        )  # fmt: skip
    return min(one.packet for one in forwarding)


# ---- set-ups ----


def rates(size: str) -> None:
    """INVITE to BYE as fast as one core answers: by a client of our own, and by SIPp."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = open_recorder(Path(folder))
        try:
            caller = Caller(recorder.port)
            caller.rate(1.0)
            time.sleep(3)  # ports rest for two seconds
            before = recorder.measured.cpu()
            found = caller.rate(SECONDS[size])
            told(found, recorder.measured.cpu() - before, size)
            caller.close()
            time.sleep(3)
            by_sipp(recorder.port, Path(folder), size)
        finally:
            recorder.measured.stop()


def told(found: Rate, cpu: float, size: str) -> None:
    """Set-ups of our own client."""
    emit(name="capture.setups", value=found.calls / found.seconds, unit="calls a second", n=found.calls, size=size,
         reference="target", reference_value=200.0, cpu_ms_per_call=round(cpu / max(1, found.calls) * 1000, 2),
         unanswered=found.unanswered, refused=found.refused,
         longest_wait_ms=round(found.longest_wait * 1000))  # fmt: skip


def by_sipp(port: int, folder: Path, size: str) -> None:
    """The same by SIPp, where it is installed: it repeats what is not answered, and counts nothing that failed."""
    program = shutil.which("sipp")
    if program is None:
        return
    from tests.peers.sipp import Scenario, line, metadata, person

    people = [person(1, "sip:+15550100001@example.com", 1), person(2, "sip:1001@example.com", 2)]
    scenario = Scenario().offer([line(1), line(2)], metadata(people, [1, 2])).bye()
    (folder / "setups.xml").write_text(scenario.xml())
    count = 2_000 if size == "full" else 500
    began = time.monotonic()
    done = subprocess.run(
        [program, f"127.0.0.1:{port}", "-sf", "setups.xml", "-i", "127.0.0.1", "-m", str(count), "-r", "2000",
         "-l", "16", "-nostdin", "-timeout", "60s", "-timeout_error", "-nr"],
        cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=on_core(PEER_CORE),
    )  # fmt: skip
    seconds = time.monotonic() - began
    if done.returncode:
        raise RuntimeError("SIPp's calls failed")
    emit(name="capture.setups_by_sipp", value=count / seconds, unit="calls a second", n=count, size=size,
         reference="target", reference_value=200.0)  # fmt: skip


# ---- afterwards ----


def after(size: str) -> None:
    """What a finished call costs until it is a conversation in the vault."""
    minutes = 10
    with tempfile.TemporaryDirectory() as folder:
        costs = afterwards(Path(folder), minutes=minutes, calls=2 if size == "small" else 6)
    whole = costs.pop("whole")
    emit(
        name="capture.afterwards", value=whole * 60 / minutes, unit="cpu s a call-hour", n=minutes, size=size,
        reference="none", reference_value=None, times_real_time=round(minutes * 60 / whole),
        by_step={name: round(cost * 60 / minutes, 3) for name, cost in costs.items()},
    )  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
