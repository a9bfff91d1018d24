"""``candor serve``: the web process and the workers, kept alive; ``candor worker``: one worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

import typer

from candor import wiring
from candor.errors import InvalidInput
from candor.kit import log
from candor.settings import Settings, load, one_thread_each

_RESTART_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_QUICK_DEATH = 10.0
"""A child that lived shorter than this many seconds is started again later each time."""

_log = log.get_logger("serve")


_CHILD_OF = typer.Option(None, "--child-of", hidden=True, help="End when this parent process is gone.")


class Child:
    """A process of ours that is started again when it dies."""

    def __init__(self, command: Sequence[str], patience: float = 20.0) -> None:
        self.patience = patience
        self._command = [sys.executable, "-m", "candor.cli.main", *command, "--child-of", str(os.getpid())]
        self._pause = 0.0
        self._due = 0.0
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)  # noqa: S603  our own command
        self._started = time.monotonic()

    def tend(self) -> None:
        """Start it again when it is dead and its pause is over."""
        if self.process.poll() is None:
            return
        now = time.monotonic()
        if not self._due:
            quick = now - self._started < _QUICK_DEATH
            self._pause = min(_LONGEST_PAUSE, self._pause * 2 or _RESTART_PAUSE) if quick else _RESTART_PAUSE
            self._due = now + self._pause
            _log.warning("process died", command=self._command[3], code=self.process.returncode, again_in=self._pause)
        elif now >= self._due:
            self._due = 0.0
            self.start()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()


def serve() -> None:
    """Start Candor: the pages, the API and the workers, until interrupted."""
    settings = configured()
    wiring.prepare(settings)
    one_thread_each()
    children = family(settings)
    print(f"Candor is at http://{settings.host}:{settings.port} with {settings.workers} workers. Stop with Ctrl-C.")
    supervise(children)


def family(settings: Settings) -> list[Child]:
    """Every process of one Candor, started: the web process first."""
    listened = settings.pause_phrases or settings.hears_objections
    recording = ["recorder", *(["spotter"] if listened else [])] if settings.recorder else []
    names = ["web", *recording, *["worker"] * settings.workers]
    return [Child([name], patience=settings.drain_seconds + 10) for name in names]


def supervise(children: Sequence[Child]) -> None:
    """Keep the children alive until this process is asked to stop; then stop them and wait."""
    stopping = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    while not stopping:
        for child in children:
            child.tend()
        time.sleep(0.2)
    for child in children:
        child.stop()
    deadline = time.monotonic() + max(20.0, *(child.patience for child in children))
    for child in children:
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()


def web(*, child_of: int | None = _CHILD_OF) -> None:
    """The pages and the API alone, without workers."""
    import uvicorn  # noqa: PLC0415  only this command needs it

    settings = configured()
    services = wiring.open_services(settings)
    config = uvicorn.Config(
        wiring.application(services, settings), host=settings.host, port=settings.port, log_config=None,
        access_log=False,
        server_header=False, timeout_graceful_shutdown=5, proxy_headers=settings.https,
    )  # fmt: skip
    server = uvicorn.Server(config)

    def watch() -> None:
        # An orphan would keep the port, and its successor could not start.
        while os.getppid() == child_of:
            time.sleep(0.5)
        server.should_exit = True

    if child_of is not None:
        threading.Thread(target=watch, daemon=True).start()
    server.run()


def worker(
    *,
    until_idle: bool = typer.Option(False, "--until-idle", help="End when nothing is left to do."),
    child_of: int | None = _CHILD_OF,
) -> None:
    """One worker process: performs the stages of the pipeline."""
    settings = configured()
    a_worker, slot = wiring.make_worker(settings)

    def ask(_signal: int, _frame: FrameType | None) -> None:
        a_worker.ask_to_stop()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    try:
        a_worker.work(until_idle=until_idle, parent=child_of)
    finally:
        slot.release()


def recorder(*, child_of: int | None = _CHILD_OF) -> None:
    """The recorder alone: takes calls by SIPREC and media streams, and seals them in the spool."""
    settings = configured()
    process = wiring.make_recorder(settings)
    process.run(parent=child_of)


def spotter(*, child_of: int | None = _CHILD_OF) -> None:
    """Listen to calls in progress for phrases that pause recording (CANDOR_PAUSE_PHRASES), and for objections to it."""
    settings = configured()
    if not settings.pause_phrases and not settings.hears_objections:
        raise InvalidInput(
            "There is nothing to listen for.",
            code="settings.missing",
            advice="Set CANDOR_PAUSE_PHRASES, or CANDOR_CONSENT=enforce with CANDOR_OBJECTIONS=live.",
        )
    listening = wiring.make_spotter(settings)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: asked.set())
    listening.run(lambda: asked.is_set() or (child_of is not None and os.getppid() != child_of))


def configured() -> Settings:
    """Settings and logging of this process."""
    settings = load()
    log.configure(json_lines=settings.log_json and not sys.stderr.isatty(), level=settings.log_level)
    return settings
