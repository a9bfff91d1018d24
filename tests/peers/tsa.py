"""A time-stamping authority (RFC 3161) on a loopback port: openssl does the stamping, with certificates made here."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIG = """
[ tsa ]
default_tsa = it
[ it ]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
[ ca ]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[ leaf ]
basicConstraints = critical, CA:false
extendedKeyUsage = critical, timeStamping
"""


def available() -> bool:
    """Whether openssl is on this machine."""
    return shutil.which("openssl") is not None


class Authority:
    """Its address, its root's certificate, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True, parents=True)
        self.folder, self.asked, self.broken = folder, 0, False
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days",
                  "3650", "-subj", "/CN=Test stamping root", "-config", "tsa.cnf", "-extensions", "ca")  # fmt: skip
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj",
                  "/CN=Test stamper", "-config", "tsa.cnf")  # fmt: skip
        self._run("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                  "3650", "-extfile", "tsa.cnf", "-extensions", "leaf", "-out", "tsa.pem")  # fmt: skip

    @property
    def root(self) -> bytes:
        return (self.folder / "ca.pem").read_bytes()

    def stamp(self, query: bytes) -> bytes:
        self.asked += 1
        (self.folder / "query.tsq").write_bytes(query)
        self._run("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()

    def _run(self, *arguments: str) -> None:
        if arguments[0] == "req":
            # openssl wants a section for names, even where -subj gives them.
            text = (self.folder / "tsa.cnf").read_text()
            if "[ req ]" not in text:
                (self.folder / "tsa.cnf").write_text(text + "[ req ]\ndistinguished_name = dn\n[ dn ]\n")
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@contextmanager
def serving(authority: Authority) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            reply = b"sorry" if authority.broken else authority.stamp(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
