"""Messages that several tests use."""

from __future__ import annotations

import random

SDP = (
    "v=0\r\no=sbc 41 1 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
    "m=audio 20000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendonly\r\na=label:1\r\n"
    "m=audio 20002 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendonly\r\na=label:2\r\n"
)
METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns="urn:ietf:params:xml:ns:recording:1">
<datamode>complete</datamode>
<group group_id="grp1"><associate-time>2026-03-02T09:00:00Z</associate-time></group>
<session session_id="ses1"><sipSessionID>aa11;remote=bb22</sipSessionID><group-ref>grp1</group-ref></session>
<participant participant_id="par1"><nameID aor="sip:+15550100@example.com"><name>Ada</name></nameID></participant>
<participant participant_id="par2"><nameID aor="sip:agent7@example.com"><name xml:lang="en">Bea</name></nameID>
</participant>
<stream stream_id="str1" session_id="ses1"><label>1</label></stream>
<stream stream_id="str2" session_id="ses1"><label>2</label></stream>
<sessionrecordingassoc session_id="ses1"><associate-time>2026-03-02T09:00:00Z</associate-time></sessionrecordingassoc>
<participantsessionassoc participant_id="par1" session_id="ses1"><associate-time>2026-03-02T09:00:00Z</associate-time>
</participantsessionassoc>
<participantsessionassoc participant_id="par2" session_id="ses1"><associate-time>2026-03-02T09:00:01Z</associate-time>
</participantsessionassoc>
<participantstreamassoc participant_id="par1"><send>str1</send><recv>str2</recv></participantstreamassoc>
<participantstreamassoc participant_id="par2"><send>str2</send><recv>str1</recv></participantstreamassoc>
</recording>
"""


def invite(*, body: bytes | None = None, content_type: str = "multipart/mixed;boundary=b1") -> bytes:
    """A SIPREC INVITE of the usual size."""
    if body is None:
        body = (
            "--b1\r\nContent-Type: application/sdp\r\n\r\n" + SDP + "\r\n--b1\r\n"
            "Content-Type: application/rs-metadata+xml\r\nContent-Disposition: recording-session\r\n\r\n"
            + METADATA
            + "\r\n--b1--\r\n"
        ).encode()
    head = (
        "INVITE sip:record@192.0.2.9:5060 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKabc1;rport\r\n"
        "Max-Forwards: 70\r\n"
        'From: "Border 1" <sip:sbc@192.0.2.20>;tag=f1\r\n'
        "To: <sip:record@192.0.2.9>\r\n"
        "Call-ID: c1@192.0.2.20\r\n"
        "CSeq: 101 INVITE\r\n"
        "Contact: <sip:sbc@192.0.2.20:5060>;+sip.src\r\n"
        "Record-Route: <sip:proxy.example.com;lr>\r\n"
        "Require: siprec\r\n"
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE\r\n"
        "Supported: timer, replaces\r\n"
        "Session-Expires: 1800;refresher=uac\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def mutate(data: bytes, seed: int) -> bytes:
    """``data`` damaged in one to eight places: bytes changed, cut, doubled, or swapped for telling ones."""
    chance, damaged = random.Random(seed), bytearray(data)
    telling = (b"\r\n", b"\n", b"\x00", b'"', b"<", b">", b",", b";", b":", b"--", b"%", b"&a;", b"\xff\xfe", b" " * 40)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(damaged) + 1)
        match chance.randrange(5):
            case 0:
                damaged[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del damaged[at : at + chance.randint(1, 40)]
            case 2:
                damaged[at:at] = damaged[at : at + chance.randint(1, 200)] * chance.randint(1, 4)
            case 3:
                damaged[at:at] = chance.choice(telling)
            case _:
                del damaged[at:]
    return bytes(damaged)
