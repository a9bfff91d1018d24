"""vCons of others are read with their faults named; our own validate and come back as they went."""

from __future__ import annotations

import base64
import contextlib
import copy
import gzip
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from candor.conversation.evaluation import Answer, Evaluation, EvaluationSource, SectionScore, Verdict
from candor.conversation.finding import Analysis, Metric, Sentiment
from candor.conversation.model import Conversation, Direction, Medium, Party, Role, Sound
from candor.conversation.transcript import Redaction, Speaker, SpeakerSplit, Transcript, Utterance, Word
from candor.conversation.vcon import DialogKind, Media, Signature, VconDocument, build, parse, redacted_uuid
from candor.conversation.vcon.encoding import from_base64url, to_base64url
from candor.errors import InvalidInput

ID = "019f15a6-a752-7abc-b9a2-279e0d16bc46"
START = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
BASE = {
    "vcon": "0.4.0",
    "uuid": "019f15a6-a752-826f-b9a2-279e0d16bc46",
    "created_at": "2026-03-02T09:20:00+01:00",
    "parties": [
        {"name": "Ada", "role": "agent", "mailto": "ada@example.com"},
        {"tel": "+12125550100", "role": "customer"},
    ],
    "dialog": [],
}


def read(**more: object) -> VconDocument:
    return parse(json.dumps(BASE | more).encode())


def refusal(data: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        parse(data)
    return refused.value


def recording(**more: object) -> dict[str, object]:
    return {"type": "recording", "start": "2026-03-02T09:15:00+01:00", "parties": [0, 1]} | more


# What others send -----------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_documents_that_must_be_rejected_are(shared: Path) -> None:
    places = {
        "bad_dialog_types.json": "dialog[0].duration",
        "bad_duration.json": "dialog[0].duration",
        "bad_mimetype.json": "dialog[0].mediatype",
        "bad_party_ref.json": "dialog[0].parties[1] names party 99",
        "bad_url.json": "dialog[0].url",
        "empty_vcon.json": "uuid is not a UUID",
        "invalid_dialog_url.json": "dialog[0].url",
        "missing_uuid_and_vcon_version.json": "uuid is missing",
        "null_dialog_string_analysis.json": "dialog is not an array; analysis is not an array",
        "null_parties.json": "parties is not an array",
        "out_of_range_party_indices.json": "dialog[0].originator names party 7",
    }
    found = sorted((shared / "vcon_samples/dev/vcon_server_invalid").glob("*.json"))
    assert {path.name for path in found} == places.keys()
    for path in found:
        error = refusal(path.read_bytes())
        assert error.code == "vcon.invalid"
        assert places[path.name] in error.message


@pytest.mark.shared
def test_real_documents_are_accepted(shared: Path) -> None:
    base = shared / "vcon_samples/dev"
    chats = [parse(path.read_bytes()) for path in (base / "fake_vcons").glob("*.json")]
    assert len(chats) == 40
    # Eleven are empty calls of one system: text dialogs without a body, their transcript (if any) in an analysis.
    assert sum(chat.medium is Medium.CHAT and chat.transcript is not None for chat in chats) >= 18
    assert {party.role for chat in chats for party in chat.parties} >= {Role.AGENT, Role.CUSTOMER}
    meetings = [parse(path.read_bytes()) for path in (base / "ietf_meetings").glob("*.json")]
    assert len(meetings) == 12
    assert all(meeting.lawful_bases()[0] for meeting in meetings)
    calls = [parse(path.read_bytes()) for path in (shared / "audio_calls_vcon_tts/dev").glob("*.json")]
    for call in calls:
        (dialog,) = call.recordings
        assert dialog.fetched_from_elsewhere
        assert dialog.filename
        assert call.direction is Direction.INBOUND
        sound = shared / "audio_calls_vcon_tts/dev" / dialog.filename
        assert dialog.sha512 == hashlib.sha512(sound.read_bytes()).hexdigest()


@pytest.mark.shared
def test_the_working_groups_own_documents(shared: Path) -> None:
    outcome: dict[str, object] = {}
    for path in sorted((shared / "vcon_samples/dev/ietf_core").glob("*.vcon")):
        try:
            outcome[path.stem] = parse(path.read_bytes())
        except InvalidInput as error:
            outcome[path.stem] = error.code
    refused = {name: code for name, code in outcome.items() if isinstance(code, str)}
    # A skeleton without id, a test of the drafting tools, and one that only its reader can open.
    assert refused == {
        "ab": "vcon.invalid",
        "simple-vcon": "vcon.not_vcon",
        "ab_call_ext_rec_encrypted": "vcon.encrypted",
    }
    signed = outcome["ab_call_ext_rec_signed"]
    assert isinstance(signed, VconDocument)
    assert signed.signature is Signature.VALID
    inline = outcome["ab_call_int_rec"]
    assert isinstance(inline, VconDocument)
    assert (inline.recordings[0].body or b"")[:4] == b"RIFF"
    analysed = outcome["ab_call_ext_rec_analysis"]
    assert isinstance(analysed, VconDocument)
    assert analysed.transcript is not None
    assert analysed.transcript.utterances[1].text == "This is example.com."
    assert analysed.transcript.utterances[1].start == pytest.approx(1.76)
    thread = outcome["ab_email_acct_prob_thread"]
    assert isinstance(thread, VconDocument)
    assert thread.medium is Medium.EMAIL
    assert thread.transcript is not None
    assert "Please find the image attached" in thread.transcript.utterances[0].text


@pytest.mark.shared
def test_tampered_signed_document(shared: Path) -> None:
    signed = json.loads((shared / "vcon_samples/dev/ietf_core/ab_call_ext_rec_signed.vcon").read_text())
    payload = json.loads(from_base64url(signed["payload"]))
    payload["parties"][0]["name"] = "Mallory"
    changed = signed | {"payload": to_base64url(json.dumps(payload).encode())}
    assert refusal(json.dumps(changed).encode()).code == "vcon.signature"
    beside = parse(json.dumps(signed | {"parties": [{"name": "Mallory"}]}).encode())
    assert [party.name for party in beside.parties] == ["Alice", "Bob"]
    assert any("not covered by the signature" in note for note in beside.notes)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "none", "without protected", "without key"])
def test_signatures(algorithm: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "sender")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    header: dict[str, object] = {
        "alg": algorithm if len(algorithm) == 5 else "none" if algorithm == "none" else "RS256"
    }
    if algorithm != "without key":
        header["x5c"] = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
    protected, payload = to_base64url(json.dumps(header).encode()), to_base64url(json.dumps(BASE).encode())
    data = f"{protected}.{payload}".encode()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    elif algorithm == "PS256":
        signature = key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    else:
        signature = key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    item = {"protected": protected, "signature": to_base64url(signature)}
    if algorithm == "without protected":
        item = {"header": header, "signature": to_base64url(signature)}
    document = json.dumps({"payload": payload, "signatures": [item]}).encode()
    if algorithm in ("none", "without protected"):
        assert refusal(document).code == "vcon.signature"
    else:
        expected = Signature.UNCHECKED if algorithm == "without key" else Signature.VALID
        assert parse(document).signature is expected
        assert parse(gzip.compress(document)).signature is expected


# Shapes of all ages ---------------------------------------------------------------------------------------------


def test_older_names_mean_the_same() -> None:
    body = b"RIFF...."
    old = read(
        vcon="0.0.1",
        appended={},
        must_support=[],
        dialog=[
            recording(
                mimetype="audio/x-wav",
                encoding="base64url",
                body=to_base64url(body),
                alg="SHA-512",
                signature=to_base64url(hashlib.sha512(body).digest()),
            )
        ],
    )
    assert (old.recordings[0].mediatype, old.recordings[0].body) == ("audio/x-wav", body)
    transfer = {"type": "transfer", "start": "2026-03-02T09:15:00Z", "transferor": 0, "transfer-target": 7}
    assert (
        "dialog[0].transfer_target names party 7" in refusal(json.dumps(BASE | {"dialog": [transfer]}).encode()).message
    )


@pytest.mark.parametrize("form", ["content_hash", "list", "legacy"])
def test_changed_content_is_refused(form: str) -> None:
    digest = to_base64url(hashlib.sha512(b"what was recorded").digest())
    promise: dict[str, object] = {
        "content_hash": {"content_hash": f"sha512-{digest}"},
        "list": {"content_hash": [f"sha512-{digest}"]},
        "legacy": {"alg": "SHA-512", "signature": digest},
    }[form]
    dialog = recording(encoding="base64url", body=to_base64url(b"something else"), **promise)
    error = refusal(json.dumps(BASE | {"dialog": [dialog]}).encode())
    assert error.code == "vcon.content_hash"
    assert "dialog[0]" in error.message


@pytest.mark.parametrize("as_text", [False, True])
def test_json_bodies_as_value_and_as_text(as_text: bool) -> None:
    body: object = {
        "transcript": {"text": "Hi", "language": "en-US", "duration": 3, "confidence": 0.9},
        "segments": [{"id": 0, "start": 0.5, "end": 1, "text": "Hi", "confidence": 0.9, "speaker": "agent"}],
    }
    item = {
        "type": "wtf_transcription",
        "vendor": "x",
        "dialog": 0,
        "encoding": "json",
        "body": json.dumps(body) if as_text else body,
    }
    transcript = read(dialog=[recording(duration=3)], analysis=[item]).transcript
    assert transcript is not None
    assert (transcript.language, transcript.duration) == ("en-US", 3.0)
    assert transcript.speakers[0].role is Role.AGENT


def test_channels_count_only_when_the_recording_has_as_many() -> None:
    document = read(dialog=[recording(parties=[1, 0]), recording(parties=[None, [0, 1]])])
    first, second = document.recordings
    assert first.per_channel(1) is None
    assert first.per_channel(2) == ((1,), (0,))
    assert second.per_channel(2) == ((), (0, 1))
    value = document.conversation(id=ID, dialog=first, channels=2)
    assert [party.channel for party in value.parties] == [1, 0]
    assert [party.channel for party in document.conversation(id=ID, dialog=first, channels=1).parties] == [None, None]
    assert value.utc_offset_minutes == 60
    assert value.direction is Direction.INBOUND


def test_html_and_emptied_places() -> None:
    dialogs = [
        {},
        {
            "type": "text",
            "start": "2026-03-02T09:15:00Z",
            "parties": 1,
            "mediatype": "text/html",
            "body": "<style>p{}</style><p>Where is <b>my</b> order?</p>",
        },
    ]
    document = read(dialog=dialogs)
    assert document.dialogs[0].index == 1
    assert document.transcript is not None
    assert document.transcript.utterances[0].text == "Where is my order?"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "vcon.json"),
        (b"\xff\xfe{", "vcon.json"),
        (b"[1]", "vcon.not_vcon"),
        (b'{"a":1}', "vcon.not_vcon"),
        (b"[" * 100_000, "vcon.json"),
        (b'{"uuid": NaN}', "vcon.json"),
        (b"\x1f\x8bjunk", "vcon.json"),
        (json.dumps({"ciphertext": "", "recipients": []}).encode(), "vcon.encrypted"),
        (json.dumps(BASE | {"dialog": [recording(encoding="base64url", body="%%%")]}).encode(), "vcon.body"),
        (json.dumps(BASE | {"redacted": {"uuid": ID}, "amended": {"uuid": ID}}).encode(), "vcon.invalid"),
        (json.dumps(BASE | {"dialog": [recording(duration=True)]}).encode(), "vcon.invalid"),
        (json.dumps(BASE | {"analysis": [{"type": "x", "vendor": "y", "dialog": 3}]}).encode(), "vcon.invalid"),
    ],
)
def test_malformed_documents(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_refusals_quote_nothing_of_the_document() -> None:
    secret = "Grace Hopper"
    bad = BASE | {"dialog": [recording(duration=secret, url=secret, mediatype=secret, start=secret)], "uuid": secret}
    assert secret not in str(refusal(json.dumps(bad).encode()))


def test_mangled_documents_never_crash() -> None:
    """Every value of a rich document replaced, one at a time, by something of another kind."""
    whole = json.loads(json.dumps(document()))

    def places(value: object, path: tuple = ()):
        yield path
        if isinstance(value, dict | list):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                yield from places(inner, (*path, key))

    for path in list(places(whole))[1:]:
        for other in (None, -1, 10**400, "\ud800", [], [[]], {}, True):
            changed = copy.deepcopy(whole)
            inside = changed
            for key in path[:-1]:
                inside = inside[key]
            inside[path[-1]] = other
            with contextlib.suppress(InvalidInput):
                parse(json.dumps(changed).encode())


# What we send ---------------------------------------------------------------------------------------------------


def conversation(**more: object) -> Conversation:
    return Conversation(
        **{
            "id": ID,
            "started_at": START,
            "utc_offset_minutes": 60,
            "external_id": "77",
            "direction": Direction.OUTBOUND,
            "queue": "billing",
            "parties": (
                Party(role=Role.AGENT, name="Ada", agent_id="a7", channel=1),
                Party(
                    role=Role.CUSTOMER, name="Grace Hopper", tel="+12125550100", mailto="grace@example.com", channel=0
                ),
            ),
        }
        | more
    )


def redaction() -> Redaction:
    words = tuple(Word(text=t, start=1.0 + i, end=1.5 + i, confidence=0.9) for i, t in enumerate(["Hello", "[NAME_1]"]))
    transcript = Transcript(
        engine="moonshine",
        model="tiny-en",
        version="1",
        language="en",
        duration=6.0,
        split=SpeakerSplit.CHANNEL,
        speakers=(Speaker(role=Role.CUSTOMER, channel=0), Speaker(role=Role.AGENT, channel=1)),
        utterances=(
            Utterance(index=0, speaker=1, start=1.0, end=2.5, text="Hello [NAME_1]", words=words, confidence=0.9),
            Utterance(index=1, speaker=0, start=3.0, end=4.0, text="Yes.", confidence=0.8),
        ),
    )
    return Redaction(transcript=transcript, spans=(), version="1")


def document(**more: object) -> dict:
    analysis = Analysis(
        version="1",
        metrics=(Metric(name="talk.share.agent", value=0.6, unit="ratio", n=2),),
        findings=(),
        sentiments=(Sentiment(utterance=1, value=0.4, confidence=0.7),),
        course=(),
        keywords=(),
        categories=("billing",),
        sentiment_customer=0.4,
    )
    evaluation = Evaluation(
        id=ID,
        conversation_id=ID,
        scorecard="basics",
        scorecard_version=1,
        source=EvaluationSource.AUTOMATIC,
        answers=(Answer(question="greeting", verdict=Verdict.YES, evidence=(), confidence=0.9, rule="r1", points=5.0),),
        sections=(SectionScore(section="s", title="S", score=100.0, weight=1.0),),
        score=100.0,
        passed=True,
        critical_failures=(),
        unanswered=0,
        created_at=START,
    )
    sound = Sound(duration=6.0, rate=8000, channels=2, codec="pcm_mulaw", container="wav", working_rate=8000)
    return build(
        **{
            "conversation": conversation(),
            "sound": sound,
            "redaction": redaction(),
            "analysis": analysis,
            "evaluations": [evaluation],
            "at": START,
            "media": Media(
                mediatype="audio/flac", filename="call.flac", sha512=hashlib.sha512(b"flac").hexdigest(), body=b"flac"
            ),
        }
        | more
    )


@pytest.mark.shared
@pytest.mark.parametrize("case", ["call", "bare", "chat", "three channels"])
def test_what_we_write_validates(case: str, shared: Path) -> None:
    import jsonschema

    schema = json.loads((shared / "vcon_samples/dev/ietf_core/vcon_json_schema.json").read_text())
    sound = Sound(duration=6.0, rate=8000, channels=3, codec="flac", container="flac", working_rate=8000)
    made = {
        "call": document,
        "bare": lambda: build(conversation(parties=()), sound=None, redaction=None),
        "chat": lambda: document(conversation=conversation(medium=Medium.CHAT), sound=None, media=None),
        "three channels": lambda: document(sound=sound),
    }[case]()
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(json.loads(json.dumps(made)))
    parse(json.dumps(made).encode())


def test_call_comes_back_as_it_went() -> None:
    back = parse(json.dumps(document()).encode())
    (dialog,) = back.recordings
    assert (dialog.body, dialog.mediatype, dialog.duration, dialog.start) == (b"flac", "audio/flac", 6.0, START)
    assert dialog.start.utcoffset() == timedelta(hours=1)
    assert dialog.per_channel(2) == ((1,), (0,))
    assert back.redacted == {"uuid": ID, "type": "PII Redaction"}
    assert back.transcript is not None
    ours, theirs = redaction().transcript, back.transcript
    assert [(u.start, u.end, u.text, u.words, u.confidence, theirs.role_of(u)) for u in theirs.utterances] == [
        (u.start, u.end, u.text, u.words, u.confidence, ours.role_of(u)) for u in ours.utterances
    ]
    value = back.conversation(id=ID, dialog=dialog, channels=2)
    assert (value.direction, value.queue, value.started_at) == (Direction.OUTBOUND, "billing", START)
    assert [(party.role, party.agent_id, party.channel) for party in value.parties] == [
        (Role.AGENT, "a7", 1),
        (Role.CUSTOMER, None, 0),
    ]
    schemas = [item["schema"] for item in back.analyses]
    assert schemas == ["wtf_transcription", "candor-sentiment-1", "candor-analysis-1", "candor-evaluation-1"]


def test_chat_comes_back_as_it_went() -> None:
    back = parse(json.dumps(document(conversation=conversation(medium=Medium.CHAT), sound=None, media=None)).encode())
    assert back.medium is Medium.CHAT
    assert back.transcript is not None
    assert [(back.transcript.role_of(u), u.text) for u in back.transcript.utterances] == [
        (Role.AGENT, "Hello [NAME_1]"),
        (Role.CUSTOMER, "Yes."),
    ]
    assert all(dialog.kind is DialogKind.TEXT for dialog in back.dialogs)


def test_the_customer_stays_out() -> None:
    text = json.dumps(document())
    assert "Ada" in text
    for private in ("Grace", "2125550100", "grace@"):
        assert private not in text


def test_own_id_is_version_8_and_stable() -> None:
    one = redacted_uuid(ID)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
    assert one == redacted_uuid(ID) != redacted_uuid(ID[:-1] + "7")
    assert one[:13] == ID[:13]


def test_reference_page_lists_every_code() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/reference/vcon.md").read_text(encoding="utf-8")
    codes = {
        code
        for source in (root / "src/candor/conversation/vcon").glob("*.py")
        for code in re.findall(r'"(vcon\.[a-z_]+)"', source.read_text(encoding="utf-8"))
    }
    assert len(codes) == 8
    for code in codes:
        assert f"`{code}`" in page, code
