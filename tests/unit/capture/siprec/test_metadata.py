"""Recording metadata: every sender's shape to the same parties and labels, updates, and what is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.sip import multipart, sdp
from candor.capture.siprec import metadata
from candor.capture.siprec.metadata import MetadataError, merge, parse, render, speakers
from candor.capture.siprec.model import (
    Group,
    Metadata,
    Participant,
    Session,
    SessionAssociation,
    SessionRecording,
    Stream,
    StreamAssociation,
)
from tests.unit.capture.sip.messages import METADATA

VECTORS = Path(__file__).parents[3] / "vectors" / "siprec"
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def vector(name: str) -> Metadata:
    return parse((VECTORS / f"{name}.xml").read_bytes())


def minutes(count: int) -> datetime:
    return NINE + timedelta(minutes=count)


SHARED = {
    "acme-siprec-offer": (
        {"16777227": ("fSD3PFErSjNTHLDiXCELjw==",), "16777228": ("EbccNyypRlFYXTm4iw8hxw==",)},
        {
            "fSD3PFErSjNTHLDiXCELjw==": ("sip:9000@192.168.50.102", "9000"),
            "EbccNyypRlFYXTm4iw8hxw==": ("sip:1002@192.168.50.10", "1002"),
        },
    ),
    "broadworks-offer-2": (
        {"10": ("9a2de728ba0bc348db1e",), "20": ("abcdef12345678901234",)},
        {
            "9a2de728ba0bc348db1e": ("sip:9878942259@212.188.68.145", None),
            "abcdef12345678901234": ("sip:ASBCE@asbce.com", None),
        },
    ),
    "cisco-siprec-offer": (
        {"1": ("kQNhKFdEEeeJ99D/VsPGWA==",), "2": ("kQNhKFdEEeeJ+ND/VsPGWA==",)},
        {
            "kQNhKFdEEeeJ99D/VsPGWA==": ("sip:7301@35.162.237.204", None),
            "kQNhKFdEEeeJ+ND/VsPGWA==": ("sip:7300@35.162.237.204", "7300"),
        },
    ),
    "connectel-offer": (
        {"1": (), "2": ()},
        {
            "WEWTz80cS1Cqdyepmu3STQ==": ("sip:0771121212@52.57.92.239", "test_user;lang=en-US;id=22"),
            "21Isz6eFRYuiDN0vEkVXQQ==": ("sip:0760516936@sip-cust1.connectel.io", None),
        },
    ),
    "inactive-sdp-offer": (
        {"1": (), "2": ()},
        {
            "GZBIusaXEeuxxa1dFIaIyA==": ("sip:0733165805@192.168.40.34", None),
            "GZBIusaXEeuxxq1dFIaIyA==": ("sip:+972546136443@192.168.10.140", None),
        },
    ),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED)
def test_bodies_of_real_clients(shared, name):
    labels, people = SHARED[name]
    body = (shared / "siprec_signalling" / "dev" / "drachtio" / f"{name}.txt").read_bytes()
    parts = multipart.split(body, "multipart/mixed")
    found = [parse(part.body) for part in parts if metadata.is_metadata(part.content_type, part.body)]
    offers = [sdp.parse(part.body) for part in parts if part.is_sdp]
    assert len(found) == len(offers) == 1
    assert speakers(found[0]) == labels
    assert {one.id: (one.aor, one.name) for one in found[0].participants} == people
    assert {media.label for media in offers[0].media} == set(labels)
    assert parse(render(found[0])) == found[0]


@pytest.mark.shared
def test_details_of_real_clients(shared):
    def load(name: str) -> Metadata:
        body = (shared / "siprec_signalling" / "dev" / "drachtio" / f"{name}.txt").read_bytes()
        return next(
            parse(part.body)
            for part in multipart.split(body, None)
            if metadata.is_metadata(part.content_type, part.body)
        )

    acme = load("acme-siprec-offer")
    assert [one.extension for one in acme.participants] == [{"callingParty": "true"}, {"callingParty": "false"}]
    assert acme.participants[0].id == acme.session_associations[0].participant
    assert acme.joined_at("fSD3PFErSjNTHLDiXCELjw==") == datetime(2019, 3, 9, 16, 50, 20, tzinfo=UTC)
    assert {stream.mode for stream in acme.streams} == {"separate"}
    cisco = load("cisco-siprec-offer")
    assert cisco.sessions[0].sip_session_ids == (
        "e9fffff2020a598b86962867715db0cf;remote=cd0f7093d62c5f0697098fd69a4aa57b",
    )
    assert cisco.sessions[0].started_at == datetime(2017, 6, 23, 12, 16, 6, 40_000, tzinfo=UTC)
    assert cisco.participants[1].name_language == "en"
    assert [one.associated_at for one in load("broadworks-offer-2").recording_associations] == [
        datetime(2019, 11, 12, 15, 57, 37, tzinfo=UTC)
    ]


@pytest.mark.shared
def test_flattened_metadata_is_recognised_and_refused(shared):
    body = (shared / "siprec_signalling" / "dev" / "drachtio" / "broadworks-offer.txt").read_bytes()
    parts = multipart.split(body, "multipart/mixed;boundary=UniqueBroadWorksBoundary")
    broken = [part for part in parts if metadata.is_metadata(part.content_type, part.body)]
    assert [part.content_type for part in broken] == ["application/+xml"]
    with pytest.raises(MetadataError, match="lost its structure"):
        parse(broken[0].body)
    assert [media.label for part in parts if part.is_sdp for media in sdp.parse(part.body).media] == ["1"]


@pytest.mark.shared
def test_bodies_that_are_only_sdp(shared):
    folder = shared / "siprec_signalling" / "dev" / "drachtio"
    part, *others = multipart.split((folder / "non-siprec-payload.txt").read_bytes(), "application/sdp")
    assert not others
    assert not metadata.is_metadata(part.content_type, part.body)
    assert [media.label for media in sdp.parse(part.body).media] == ["1"]
    texts = [
        text
        for name in ("sample-sdp2.txt", "sample-sdp3.txt", "sample-sdps.txt")
        for text in (folder / name).read_bytes().split(b"__split_here__")
    ]
    offers = [sdp.parse(text) for text in texts]
    assert [media.label for offer in offers for media in offer.media] == ["1", "2", None, None, "1", "2"]
    assert offers[0].media[0].rtcp_port == 60552
    assert [offer.direction(offer.media[0]) for offer in offers[2:4]] == ["sendrecv", "recvonly"]


@pytest.mark.shared
def test_the_example_of_rfc_7865(shared):
    found = parse((shared / "siprec_signalling" / "dev" / "rfc7865_example_oldnick85.xml").read_bytes())
    bob, paul = "srfBElmCRp2QB23b7Mpk0w==", "zSfPoSvdSDCmU3A3TRDxAw=="
    assert speakers(found) == {"96": (bob,), "97": (bob,), "98": (paul,), "99": (paul,)}
    assert found.sessions[0].group == found.groups[0].id == "7+OTCyoxTmqmqyA/1weDAg=="
    assert found.groups[0].associated_at == datetime(2010, 12, 16, 23, 41, 7, tzinfo=UTC)
    assert [(one.name, one.name_language) for one in found.participants] == [("Bob", "it"), ("Paul", "it")]
    assert parse(render(found)) == found


def test_ucid_in_the_session_and_speakers_across_the_order():
    found = vector("avaya-ucid")
    assert speakers(found) == {"33554433": ("p-caller",), "33554434": ("p-agent",)}
    assert found.sessions[0].extension == {"ucid": "00FA080012345678ABCD;encoding=hex", "callerOrig": "true"}
    assert found.namespace == "urn:ietf:params:xml:ns:recording"
    assert b'xmlns="urn:ietf:params:xml:ns:recording"' in render(found)
    assert b'xmlns="urn:x"' in render(found, "urn:x")


def test_prefixes_that_nobody_declared():
    found = vector("undeclared-prefix")
    assert found.participants[0].extension == {"callDirection": "inbound", "AvayaUCID": "FA080030C4E34B5B9E59"}
    assert speakers(found) == {"1": ("a",)}


def test_vendor_data_that_names_its_owner():
    found = vector("extension-with-parent")
    assert found.participants[0].extension == {"role": "supervisor"}
    assert found.sessions[0].extension == {"queue": "billing"}
    assert found.extension == {"site": "north"}


def test_three_way_with_a_mixed_stream_and_a_zone():
    found = vector("three-way")
    assert speakers(found) == {"2": ("host",), "1": ("guest1", "guest2")}
    assert found.sessions[0].started_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert found.joined_at("guest2") == datetime(2026, 3, 2, 8, 2, 0, 250_000, tzinfo=UTC)


def test_unreadable_times_and_items_without_an_id_are_left_out():
    found = vector("stop-and-reason")
    assert found.sessions[0].reason == 'SIP;cause=200;text="completed", Q.850;cause=16'
    assert found.sessions[0].stopped_at is None
    assert [one.id for one in found.participants] == ["par1"]
    assert found.participants[0].other_aors == ("tel:+15550100",)
    assert found.streams[0].content_type == "main"
    assert speakers(found) == {}


def test_a_body_without_metadata():
    body = (VECTORS / "nbr-without-metadata.txt").read_bytes()
    parts = multipart.split(body, "multipart/mixed;boundary=uniqueBoundary")
    assert [metadata.is_metadata(part.content_type, part.body) for part in parts] == [False]
    assert [media.label for media in sdp.parse(parts[0].body).media] == ["1", "2"]


@pytest.mark.parametrize(
    ("content_type", "body", "is_it"),
    [
        ("application/rs-metadata+xml", b"", True),
        ("application/rs-metadata", b"", True),
        ("application/+xml", b" <?xml version='1.0'?><recording xmlns='x'>", True),
        ("", b"<r:recording >", True),
        ("text/plain", b"<recording_metadata>", True),
        ("application/sdp", b"<recording>", False),
        ("application/pidf+xml", b"<presence/>", False),
        ("", b"v=0", False),
    ],
)
def test_recognising_metadata(content_type, body, is_it):
    assert metadata.is_metadata(content_type, body) is is_it


def test_somebody_joins():
    merged = merge(parse(METADATA.encode()), vector("partial-join"))
    assert merged.data_mode == "complete"
    assert speakers(merged) == {"1": ("par1",), "2": ("par2",), "3": ("par3",)}
    assert merged.participant("par1").aor == "sip:+15550100@example.com"
    assert merged.joined_at("par3") == minutes(5)


def test_somebody_leaves_and_is_not_forgotten():
    merged = merge(parse(METADATA.encode()), vector("partial-leave"))
    assert speakers(merged) == {"1": ("par1",), "2": ()}
    assert speakers(merged, ever=True) == {"1": ("par1",), "2": ("par2",)}
    assert merged.left_at("par2") == minutes(6)
    assert merged.left_at("par1") is None
    assert merged.joined_at("par2") == NINE + timedelta(seconds=1)
    assert merged.participant("par2").name == "Bea"


def test_a_transfer_gives_the_stream_to_another():
    merged = merge(parse(METADATA.encode()), vector("partial-transfer"))
    assert speakers(merged) == {"1": ("par1",), "2": ("par4",)}
    assert speakers(merged, ever=True) == {"1": ("par1",), "2": ("par2", "par4")}
    assert (merged.left_at("par2"), merged.joined_at("par4")) == (minutes(7), minutes(7))


def test_hold_and_back():
    before = parse(METADATA.encode())
    held = merge(before, vector("partial-hold"), at=minutes(3))
    assert speakers(held) == {"1": (), "2": ("par2",)}
    assert speakers(held, ever=True) == {"1": ("par1",), "2": ("par2",)}
    again = merge(held, before, at=minutes(4))
    assert speakers(again) == {"1": ("par1",), "2": ("par2",)}


def test_leaving_and_coming_back():
    gone = merge(parse(METADATA.encode()), vector("partial-leave"))
    back = merge(gone, parse(METADATA.replace("09:00:01Z", "09:30:00Z").encode()), at=minutes(30))
    assert back.left_at("par2") is None
    assert back.joined_at("par2") == NINE + timedelta(seconds=1)
    assert speakers(back) == {"1": ("par1",), "2": ("par2",)}


def test_a_complete_snapshot_replaces_but_keeps_who_was_there():
    merged = merge(parse(METADATA.encode()), vector("complete-without-agent"), at=minutes(8))
    assert speakers(merged) == {"1": ("par1",), "2": ("par5",)}
    assert speakers(merged, ever=True) == {"1": ("par1",), "2": ("par2", "par5")}
    assert merged.left_at("par2") == minutes(8)
    assert merged.left_at("par1") is None
    assert merged.participant("par1").name == "Ada"
    assert [(one.id, one.removed_at) for one in merged.streams] == [
        ("str1", None),
        ("str2", minutes(8)),
        ("str5", None),
    ]
    assert {one.session: one.disassociated_at for one in merged.recording_associations} == {"ses1": minutes(8)}
    assert [one.group for one in merged.sessions] == ["grp1", "grp1"]


def test_a_stream_that_is_gone_has_no_label_any_more():
    smaller = parse(
        METADATA.replace('<stream stream_id="str2" session_id="ses1"><label>2</label></stream>', "").encode()
    )
    merged = merge(parse(METADATA.encode()), smaller, at=minutes(2))
    assert set(speakers(merged)) == {"1"}
    assert set(speakers(merge(merged, parse(METADATA.encode())))) == {"1", "2"}


def test_participants_without_sessions_come_and_go():
    def people(*ids: str) -> Metadata:
        return Metadata(participants=tuple(Participant(id=an_id) for an_id in ids))

    gone = merge(people("a", "b"), people("a"), at=minutes(1))
    assert (gone.left_at("a"), gone.left_at("b")) == (None, minutes(1))
    assert merge(gone, people("a"), at=minutes(2)).left_at("b") == minutes(1)
    assert merge(gone, people("a", "b"), at=minutes(3)).left_at("b") is None


def test_one_of_several_streams_ends():
    before = Metadata(
        streams=(Stream(id="x", label="1"), Stream(id="y", label="2")),
        stream_associations=(StreamAssociation(participant="a", sends=("x", "y")),),
    )
    update = Metadata(
        data_mode="partial",
        stream_associations=(StreamAssociation(participant="a", sends=("y",), disassociated_at=NINE),),
    )
    merged = merge(before, update)
    assert speakers(merged) == {"1": ("a",), "2": ()}
    assert speakers(merged, ever=True) == {"1": ("a",), "2": ("a",)}


def test_the_first_document_may_be_partial():
    assert merge(None, vector("partial-join")).data_mode == "complete"


def test_telling_the_same_again_changes_nothing():
    first = merge(None, parse(METADATA.encode()))
    assert merge(first, parse(METADATA.encode()), at=minutes(1)) == first
    transferred = merge(first, vector("partial-transfer"), at=minutes(7))
    assert merge(transferred, vector("partial-transfer"), at=minutes(8)) == transferred


def test_hours_of_holds_do_not_fill_the_memory():
    held, active = vector("partial-hold"), parse(METADATA.encode())
    merged = active
    for count in range(1500):
        merged = merge(merged, held if count % 2 == 0 else active, at=minutes(count))
    assert len(merged.stream_associations) <= 1000
    assert speakers(merged, ever=True) == {"1": ("par1",), "2": ("par2",)}


def test_strangers_without_end_are_refused():
    def strangers(batch: int) -> Metadata:
        people = tuple(Participant(id=f"{batch}-{number}") for number in range(100))
        return Metadata(data_mode="partial", participants=people)

    merged = Metadata()
    for batch in range(5):
        merged = merge(merged, strangers(batch))
    assert len(merged.participants) == 500
    with pytest.raises(MetadataError):
        merge(merged, strangers(5))


ID = st.text("abcXYZ012+/=", min_size=1, max_size=8)
WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn", "Cf")), max_size=12).map(
    str.strip
)
SOME = st.none() | WORD.filter(bool)
TIME = st.none() | st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
EXTENSION = st.dictionaries(st.text("abcdefg", min_size=1, max_size=8), WORD, max_size=3)
DOCUMENTS = st.builds(
    Metadata,
    data_mode=st.sampled_from(["complete", "partial"]),
    groups=st.lists(st.builds(Group, id=ID, associated_at=TIME, disassociated_at=TIME), max_size=2).map(tuple),
    sessions=st.lists(
        st.builds(
            Session,
            id=ID,
            sip_session_ids=st.lists(WORD.filter(bool), max_size=2).map(tuple),
            group=st.none() | ID,
            started_at=TIME,
            stopped_at=TIME,
            reason=SOME,
            extension=EXTENSION,
        ),
        max_size=3,
    ).map(tuple),
    participants=st.lists(
        st.builds(
            Participant,
            id=ID,
            aor=SOME,
            name=SOME,
            other_aors=st.lists(WORD.filter(bool), max_size=2).map(tuple),
            extension=EXTENSION,
        ).filter(lambda one: one.aor is not None or not one.other_aors),
        max_size=3,
    ).map(tuple),
    streams=st.lists(
        st.builds(Stream, id=ID, session=st.none() | ID, label=SOME, content_type=SOME, mode=SOME, extension=EXTENSION),
        max_size=3,
    ).map(tuple),
    session_associations=st.lists(
        st.builds(
            SessionAssociation, participant=ID, session=st.none() | ID, associated_at=TIME, disassociated_at=TIME
        ),
        max_size=3,
    ).map(tuple),
    stream_associations=st.lists(
        st.builds(
            StreamAssociation,
            participant=ID,
            sends=st.lists(ID, max_size=2).map(tuple),
            receives=st.lists(ID, max_size=2).map(tuple),
            associated_at=TIME,
            disassociated_at=TIME,
        ),
        max_size=3,
    ).map(tuple),
    recording_associations=st.lists(
        st.builds(SessionRecording, session=ID, associated_at=TIME, disassociated_at=TIME), max_size=2
    ).map(tuple),
)


@settings(deadline=None, max_examples=100)
@given(DOCUMENTS)
def test_round_trip(document):
    assert parse(render(document)) == document


@settings(deadline=None, max_examples=60)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_merging_never_forgets_anybody(documents):
    merged: Metadata | None = None
    seen: set[str] = set()
    labels: dict[str, set[str]] = {}
    for document in documents:
        merged = merge(merged, document, at=NINE)
        seen |= {one.id for one in document.participants}
        assert {one.id for one in merged.participants} == seen
        for label, people in speakers(merged).items():
            labels.setdefault(label, set()).update(people)
    ever = speakers(merged, ever=True)
    relabelled = len({one.id for doc in documents for one in doc.streams}) < sum(len(d.streams) for d in documents)
    if not relabelled:
        assert all(people <= set(ever[label]) for label, people in labels.items())


@pytest.mark.parametrize("path", sorted(VECTORS.glob("bad-*.xml")), ids=lambda path: path.stem)
def test_refused_at_once(path):
    began = time.process_time()
    with pytest.raises(MetadataError) as caught:
        parse(path.read_bytes())
    assert time.process_time() - began < 0.2
    for word in ("lol", "hostname", "caller", "127.0.0.1"):
        assert word not in str(caught.value)


def document(inside: str) -> bytes:
    head = '<recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>complete</datamode>'
    return f"{head}{inside}</recording>".encode()


@pytest.mark.parametrize(
    "data",
    [
        document("<a>" * 30 + "</a>" * 30),
        b"<recording>" + b"<a>" * 80_000,
        b"<a>" * 100_000,
        document("<x/>" * 6000),
        document('<participant id="a"/>' * 501),
        document('<participantstreamassoc id="a"><send>s</send></participantstreamassoc>' * 501),
        document("x" * 300_000),
        b'<!DOCTYPE r [<!ENTITY a "' + b"a" * 60_000 + b'">]><recording><d>' + b"&a;" * 20_000 + b"</d></recording>",
        b"",
        b"\x00" * 1000,
        b"\xff\xfe<\x00",
        b"<recording",
        b'<?xml version="1.0" encoding="utf-16"?><recording><d/></recording>',
        b'<?xml version="1.0" encoding="utf-7"?><recording><d/></recording>',
        b'<?xml version="1.0" encoding="idna"?><recording><d/></recording>',
        b'<?xml version="1.0" encoding="base64"?><recording><d/></recording>',
        b"<recording><d>\xff</d></recording>",
        b"<recording></recording>",
    ],
    ids=lambda data: data[:24].decode("latin-1") + str(len(data)),
)
def test_bombs_and_rubbish_are_refused_at_once(data):
    began = time.process_time()
    with pytest.raises(MetadataError):
        parse(data)
    assert time.process_time() - began < 0.5


def test_what_surrounds_the_document_does_no_harm():
    for data in (b"\r\n " + METADATA.encode() + b"\r\n\x00\x00", b"\xef\xbb\xbf" + METADATA.encode()):
        assert parse(data) == parse(METADATA.encode())
    wide = METADATA.replace("UTF-8", "UTF-16").encode("utf-16")
    assert parse(wide) == parse(METADATA.encode())


def test_long_values_are_cut_and_control_characters_replaced():
    found = parse(
        document(f'<participant id="a"><nameID aor="{"x" * 5000}"><name>a&#9;b&#10;c</name></nameID></participant>')
    )
    assert len(found.participants[0].aor) == 1024
    assert found.participants[0].name == "a b c"


def test_nobody_is_named_where_it_is_logged():
    shown = repr(parse(METADATA.encode()))
    for word in ("Ada", "Bea", "5550100", "agent7"):
        assert word not in shown
