"""The process that :mod:`tests.peers.preloaded` asks: it has loaded the product's modules, and forks for each command.

Who asks becomes the parent of what is forked: this process forks twice, and the one between ends at once (prctl(2),
PR_SET_CHILD_SUBREAPER). A command that starts commands itself, as ``serve`` does, has a copy of this process beside it,
as clean as this one, which forks for it in turn.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import inspect
import io
import json
import os
import runpy
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

OURS = ("-m", "candor.cli.main")
STARTING = frozenset({"demo", "import", "retry", "serve", "transcribe"})
"""Commands that start commands."""
_CHILD_SUBREAPER = 36
_SET_NAME = 15
"""Of prctl(2), as is the one above."""

_one_asks = threading.Lock()
_SHAPE = inspect.signature(vars(subprocess.Popen)["_execute_child"])

Work = Callable[[], object]
"""What a forked process has to do."""


def be_parent_of_orphans() -> None:
    """What is forked for this process becomes its child."""
    _prctl(_CHILD_SUBREAPER, 1)


class Popen(subprocess.Popen[Any]):
    """``subprocess.Popen`` of a Python command, forked by the process at the other end of ``line``.

    Takes ``[python, "-m", module, …]`` and ``[python, "-c", code, …]``. ``first`` is Python that is run before a
    command of the product, with ``command`` (its module) in hand.
    """

    line: socket.socket

    def __init__(self, words: Sequence[Any], *, first: str = "", **more: Any) -> None:
        self._first = first
        super().__init__(words, **more)

    def _execute_child(self, *given: Any) -> None:
        its = _SHAPE.bind(self, *given).arguments
        asked = {
            "words": [str(word) for word in its["args"][1:]],
            "environment": dict(os.environ if its["env"] is None else its["env"]),
            "folder": str(its["cwd"] or Path.cwd()), "session": its["start_new_session"], "first": self._first,
        }  # fmt: skip
        ends = [its[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        streams = [end if end >= 0 else own for own, end in enumerate(ends)]
        with _one_asks:
            socket.send_fds(self.line, [json.dumps(asked).encode()], streams)
            self.pid = int(self.line.recv(100))
        vars(self)["_child_created"] = True
        pipes = [its[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")]
        super()._close_pipe_fds(*pipes)  # type: ignore[misc]


def forking(line: socket.socket) -> Work | None:
    """Fork for whoever asks, until nobody can any more; returns in each forked process, with what it has to do."""
    while True:
        asked, streams, _, _ = socket.recv_fds(line, 1 << 20, 3)
        if not asked:
            return None
        between = os.fork()
        if between == 0:
            between = os.getpid()
            if os.fork():
                os._exit(0)
            return _forked(line, json.loads(asked), streams, between)
        for stream in streams:
            os.close(stream)
        os.waitpid(between, 0)


def _forked(line: socket.socket, wanted: Mapping[str, Any], streams: Sequence[int], between: int) -> Work:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if wanted["session"]:
        os.setsid()
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    while os.getppid() == between:
        time.sleep(0.0005)
    # Only now: who asked may wait for its child at once.
    line.send(str(os.getpid()).encode())
    line.close()
    return _work(wanted["words"], wanted["first"])


def _work(words: Sequence[str], first: str) -> Work:
    """What ``python words…`` would do."""
    how, what, *more = words
    if how == "-c":
        sys.argv = [how, *more]
        space = types.ModuleType("__main__").__dict__
        return lambda: exec(compile(what, "<string>", "exec", dont_inherit=True), space)
    if (how, what) != OURS:
        sys.argv = [what, *more]
        return lambda: runpy.run_module(what, run_name="__main__", alter_sys=True)
    sys.argv = ["candor", *more]
    vars(sys.modules["__main__"])["__package__"] = None  # usage is told as of a command, not of a package
    _prctl(_SET_NAME, more[0].encode()[:15] if more else b"candor")
    return lambda: _command(more, first)


def _command(words: Sequence[str], first: str) -> None:
    from candor.cli import following, main, serve

    if words and words[0] in STARTING:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        nursery = os.fork()
        if nursery == 0:
            ours.close()
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(nothing, number)
            work = forking(theirs)
            if work is None:
                os._exit(0)
            work()
            return
        theirs.close()

        @atexit.register
        def _end() -> None:
            ours.close()
            os.waitpid(nursery, 0)

        be_parent_of_orphans()
        Popen.line = ours
        starting: Any = types.SimpleNamespace(**vars(subprocess) | {"Popen": Popen})
        for module in (following, serve):
            vars(module)["subprocess"] = starting
    exec(first, {"command": main})
    main.main()


def _prctl(option: int, value: int | bytes) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _load() -> None:
    """What the product's commands load, late or at once."""
    for module in (
        "candor.cli.main", "candor.pipeline.adapters.dbos_engine", "candor.api.app", "candor.web.app",
        "uvicorn.loops.auto", "uvicorn.protocols.http.auto",
    ):  # fmt: skip
        importlib.import_module(module)


def _let_go() -> None:
    """What nobody closed, and the end of an interpreter does for all to see: a database writes its log back."""
    for thing in gc.get_objects():
        with suppress(Exception):
            if issubclass(type(thing), sqlite3.Connection):
                thing.close()
            elif issubclass(type(thing), io.IOBase):
                thing.flush()


class _Leaving:
    """Ends the process when everything else that ends it is done, but for taking its modules down.

    Which nobody sees, and which costs ten times what a command does: every page of memory is copied for it.
    """

    code: int | None = 0

    def __call__(self) -> None:
        if self.code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            _let_go()
            os._exit(self.code)

    def after(self, work: Work) -> None:
        """Do it, and keep with which status it ends; an interrupted one ends as any interpreter does."""
        try:
            work()
        except SystemExit as end:
            self.code = int(end.code or 0) if isinstance(end.code, int | None) else 1
            raise
        except Exception:
            self.code = 1
            raise
        except BaseException:
            self.code = None
            raise


if __name__ == "__main__":
    _leaving = _Leaving()
    atexit.register(_leaving)  # as the first: it is called last
    _load()
    gc.freeze()
    _todo = forking(socket.socket(fileno=int(sys.argv[1])))
    if _todo is not None:
        _leaving.after(_todo)
