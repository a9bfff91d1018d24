"""SIPp (Debian's sip-tester) as the recording client: scenarios put together from steps, run to their end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIPP = shutil.which("sipp")
_TARGET = "sip:candor@[remote_ip]:[remote_port]"
_HEADERS = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:src@[local_ip]>;tag=[pid]SIPp[call_number]
To: <sip:candor@[remote_ip]>{tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:src@[local_ip]:[local_port];transport=[transport]>;+sip.src
Max-Forwards: 70
{extra}"""


def line(label: int | str, *, payload: str = "8 101", direction: str = "sendonly", port: int = 6000, extra: str = "",
         profile: str = "RTP/AVP", rtpmap: str = "8 PCMA/8000") -> str:  # fmt: skip
    """One media line of an offer."""
    lines = [
        f"m=audio {port} {profile} {payload}", f"a=rtpmap:{rtpmap}", "a=rtpmap:101 telephone-event/8000",
        f"a=label:{label}", f"a={direction}", *([extra] if extra else []),
    ]  # fmt: skip
    return "\n".join(lines)


def person(number: int, aor: str, *labels: int | str, mode: str = "complete", left: bool = False) -> str:
    """One participant who sends on the streams of ``labels``."""
    sends = "".join(f"<send>stream-{label}</send>" for label in labels)
    gone = "<disassociate-time>2026-11-24T12:00:00Z</disassociate-time>" if left else ""
    return (
        f'<participant participant_id="p{number}"><nameID aor="{aor}"/></participant>'
        f'<participantsessionassoc participant_id="p{number}" session_id="cs1">'
        f"<associate-time>2026-11-24T11:00:00Z</associate-time>{gone}</participantsessionassoc>"
        f'<participantstreamassoc participant_id="p{number}">{sends}</participantstreamassoc>'
    )


def metadata(people: list[str], labels: list[int | str], mode: str = "complete", group: str = "contact-1") -> str:
    """Recording metadata (RFC 7865)."""
    streams = "".join(
        f'<stream stream_id="stream-{label}" session_id="cs1"><label>{label}</label></stream>' for label in labels
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<recording xmlns="urn:ietf:params:xml:ns:recording:1">'
        f'<datamode>{mode}</datamode><group group_id="{group}"/>'
        f'<session session_id="cs1"><sipSessionID>[call_id]</sipSessionID><group-ref>{group}</group-ref></session>'
        + "".join(people) + streams + "</recording>"
    )  # fmt: skip


@dataclass
class Scenario:
    """Steps of one call."""

    steps: list[str] = field(default_factory=list)
    cseq: int = 0
    tag: str = ""
    streams: int = 2
    expected: int = 0

    def offer(
        self, lines: list[str], rs: str = "", *, method: str = "INVITE", extra: str = "", answer: int = 200,
        login: tuple[str, str] | None = None,
    ) -> Scenario:  # fmt: skip
        """INVITE, re-INVITE or UPDATE with ``lines`` and metadata; the ports of the answer are kept as $p1 … $p4."""
        self.cseq += 1
        sdp = "v=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\n" + "\n".join(lines) + "\n"
        body = f"--b\nContent-Type: application/sdp\n\n{sdp}\n"
        if rs:
            body += (
                "--b\nContent-Type: application/rs-metadata+xml\nContent-Disposition: recording-session\n\n" + rs + "\n"
            )
        body += "--b--\n"
        fields = ["Require: siprec", "Content-Type: multipart/mixed;boundary=b", *([extra] if extra else [])]
        if login is not None:
            self._send(method, fields, body)
            self.steps.append('<recv response="100" optional="true"/><recv response="401" auth="true"/>')
            self.ack()
            self.cseq += 1
            fields.append(f"[authentication username={login[0]} password={login[1]}]")
        self._send(method, fields, body)
        self.steps.append('<recv response="100" optional="true"/>')
        count = len(lines)
        if answer < 300:
            pattern = ".*".join(["m=audio ([0-9]+) "] * count)
            names = ",".join(["whole", *(f"p{n}" for n in range(1, count + 1))])
            self.steps.append(
                f'<recv response="{answer}" rrs="true"><action><ereg regexp="{pattern}" search_in="body" '
                f'check_it="true" assign_to="{names}"/><log message="ports [$whole]"/></action></recv>'
            )
            self.streams = max(self.streams, count)
            self.tag = "[peer_tag_param]"
        else:
            self.steps.append(f'<recv response="{answer}"/>')
        if method == "INVITE":
            self.ack()
        return self

    def ack(self) -> Scenario:
        fields = _HEADERS.format(tag=self.tag or "[peer_tag_param]", cseq=self.cseq, method="ACK", extra="")
        self.steps.append(f"<send><![CDATA[\nACK {_TARGET} SIP/2.0\n{fields}Content-Length: 0\n\n]]></send>")
        return self

    def play(self, file: Path, port: int, *options: str) -> Scenario:
        """Start sending a capture file to the port of line ``port`` (from 1)."""
        script = ROOT / "tests" / "peers" / "pcap.py"
        return self.run(" ".join([sys.executable, str(script), str(file), f"[$p{port}]", *options]))

    def run(self, command: str) -> Scenario:
        self.steps.append(f'<nop><action><exec command="{command}"/></action></nop>')
        return self

    def wait(self, seconds: float) -> Scenario:
        self.steps.append(f'<pause milliseconds="{round(seconds * 1000)}"/>')
        return self

    def bye(self) -> Scenario:
        self.cseq += 1
        self._send("BYE", [], "")
        self.steps.append('<recv response="200"/>')
        return self

    def say(self, method: str, answer: int = 200, *fields: str, body: str = "") -> Scenario:
        """Any other request."""
        self.cseq += 1
        self._send(method, list(fields), body)
        self.steps.append(f'<recv response="{answer}"/>')
        return self

    def expect(self, method: str, answer: int = 200, *, body: str = ".*", header: str = "") -> Scenario:
        """A request of the server, whose body and header match the patterns, and our answer to it."""
        checks = ""
        for pattern, where in ((body, "body"), (header, "msg")):
            if pattern:
                self.expected += 1
                checks += f'<ereg regexp="{pattern}" search_in="{where}" check_it="true" assign_to="e{self.expected}"/>'
        self.steps.append(f'<recv request="{method}" rrs="true" timeout="8000"><action>{checks}</action></recv>')
        fields = "".join(f"[last_{name}:]\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))
        self.steps.append(f"<send><![CDATA[\nSIP/2.0 {answer} Answer\n{fields}Content-Length: 0\n\n]]></send>")
        return self

    def tell(self, rs: str) -> Scenario:
        """UPDATE with metadata and no SDP."""
        fields = ("Content-Type: application/rs-metadata+xml", "Content-Disposition: recording-session")
        return self.say("UPDATE", 200, *fields, body=rs)

    def _send(self, method: str, fields: list[str], body: str) -> None:
        extra = "".join(f"{one}\n" for one in fields)
        head = _HEADERS.format(tag=self.tag, cseq=self.cseq, method=method, extra=extra)
        self.steps.append(
            f'<send retrans="500"><![CDATA[\n{method} sip:candor@[remote_ip]:[remote_port] SIP/2.0\n{head}'
            f"Content-Length: [len]\n\n{body}]]></send>"
        )

    def xml(self) -> str:
        ports = (f"p{n}" for n in range(1, self.streams + 1))
        used = ",".join(["whole", *ports, *(f"e{n}" for n in range(1, self.expected + 1))])
        reference = f'<Reference variables="{used}"/>' if any("assign_to" in step for step in self.steps) else ""
        return '<?xml version="1.0"?><scenario name="src">' + "\n".join(self.steps) + reference + "</scenario>"


def run(scenario: Scenario, port: int, folder: Path, *options: str, timeout: float = 60) -> None:
    """Run one call; a scenario that does not go as written fails with SIPp's own words."""
    assert SIPP is not None
    file = folder / "scenario.xml"
    file.write_text(scenario.xml())
    done = subprocess.run(
        [SIPP, f"127.0.0.1:{port}", "-sf", str(file), "-m", "1", "-nostdin", "-i", "127.0.0.1", "-timeout",
         f"{round(timeout)}s", "-timeout_error", "-trace_err", "-error_file", str(folder / "errors.log"), *options],
        cwd=folder, capture_output=True, text=True, timeout=timeout + 10, check=False,
    )  # fmt: skip
    errors = (folder / "errors.log").read_text() if (folder / "errors.log").exists() else ""
    assert done.returncode == 0, errors[-3000:] + done.stderr[-1000:]
