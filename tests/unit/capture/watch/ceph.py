"""A real S3 on loopback: Debian's ceph-mon, ceph-osd and radosgw, with keys, in memory, in one folder.

Nothing is installed here; ``missing()`` says what is not there. It takes 10 to 20 seconds to start.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool", "radosgw", "radosgw-admin")
ACCESS, SECRET = "CANDORTESTACCESS", "candor-test-secret-key"
_PATIENCE = 90


def missing() -> str:
    """What has to be installed first; empty when all is there."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"{', '.join(absent)} not installed (Debian: ceph-mon ceph-osd radosgw)" if absent else ""


class Ceph:
    """One monitor, one disk in memory, one S3 gateway."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port = _free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def options(self, secret: str = SECRET) -> tuple[tuple[str, str], ...]:
        return (
            ("aws_endpoint", self.endpoint), ("aws_region", "default"), ("aws_access_key_id", ACCESS),
            ("aws_secret_access_key", secret), ("allow_http", "true"),
        )  # fmt: skip

    def start(self) -> Ceph:
        try:
            self._monitor()
            self._disk()
            self._gateway()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait(20)
        self._processes.clear()

    def stop_gateway(self) -> None:
        process = self._processes.pop()
        process.kill()
        process.wait(20)

    def start_gateway(self) -> None:
        self._start(
            "radosgw", "-f", "-n", "client.admin", f"--rgw_frontends=beast endpoint=127.0.0.1:{self.port}",
            "--rgw_thread_pool_size=16",
        )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            assert self._processes[-1].poll() is None, self._log()
            try:
                with urlopen(self.endpoint, timeout=5):
                    return
            except HTTPError:
                return
            except (URLError, OSError):
                time.sleep(0.2)
        raise AssertionError(self._log())

    def _monitor(self) -> None:
        fsid, port = str(uuid.uuid4()), _free_port()
        (self._folder / "mon").mkdir()
        (self._folder / "osd").mkdir()
        (self._folder / "run").mkdir()
        (self._folder / "ceph.conf").write_text(
            f"""[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{port}]
public network = 127.0.0.0/8
public addr = 127.0.0.1
keyring = {self._folder}/keyring
run dir = {self._folder}/run
admin socket = {self._folder}/run/$name.$pid.asok
log file = {self._folder}/$name.log
crash dir = {self._folder}/run
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 268435456
mon data = {self._folder}/mon
mon data avail crit = 1
mon allow pool size one = true
mon pg warn on pool no redundancy = false
mon allow pool delete = true
osd data = {self._folder}/osd
osd max object name len = 256
rgw data = {self._folder}/run
debug ms = 0
"""
        )
        keyring, allow = self._folder / "keyring", "allow *"
        self._run("ceph-authtool", "--create-keyring", str(keyring), "--gen-key", "-n", "mon.", "--cap", "mon", allow)
        self._run(
            "ceph-authtool", str(keyring), "--gen-key", "-n", "client.admin", "--cap", "mon", allow, "--cap", "osd",
            allow, "--cap", "mgr", allow,
        )  # fmt: skip
        self._run("ceph-authtool", str(keyring), "--gen-key", "-n", "osd.0", "--cap", "mon", "allow profile osd",
                  "--cap", "osd", allow)  # fmt: skip
        monmap = str(self._folder / "monmap")
        self._run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{port}]", "--fsid", fsid, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", str(keyring))
        self._start("ceph-mon", "-f", "-i", "a")

    def _disk(self) -> None:
        an_id = str(uuid.uuid4())
        self._ceph("osd", "new", an_id, "0")
        keyring = str(self._folder / "keyring")
        (self._folder / "osd" / "keyring").write_text(Path(keyring).read_text())
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", an_id)
        key = json.loads(self._ceph("auth", "get-or-create", "osd.0", "mon", "allow profile osd", "osd", "allow *",
                                    "-f", "json"))[0]["key"]  # fmt: skip
        self._run("ceph-authtool", keyring, "-n", "osd.0", "--add-key", key)
        self._start("ceph-osd", "-f", "-i", "0")

    def _gateway(self) -> None:
        self._run("radosgw-admin", "user", "create", "--uid=candor", "--display-name=candor",
                  f"--access-key={ACCESS}", f"--secret-key={SECRET}")  # fmt: skip
        self.start_gateway()

    def _ceph(self, *words: str) -> str:
        return self._run("ceph", "--connect-timeout", "30", *words)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [*command, "-c", str(self._folder / "ceph.conf")], env=self._environment, capture_output=True, text=True,
            timeout=_PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def _start(self, *command: str) -> None:
        with (self._folder / f"{command[0]}.out").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [*command, "-c", str(self._folder / "ceph.conf")],
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                )
            )

    @property
    def _environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}

    def _log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in self._folder.glob("*.out"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
