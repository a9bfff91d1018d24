"""When all metadata are asked for, and how."""

from __future__ import annotations

import pytest
from defusedxml import ElementTree

from candor.capture.siprec.merging import lacks
from candor.capture.siprec.metadata import parse
from candor.capture.siprec.rendering import snapshot_request, snapshot_request_type
from tests.unit.capture.siprec.test_metadata import document


def test_a_snapshot_request_is_the_document_of_rfc_7865_section_7():
    root = ElementTree.fromstring(snapshot_request("lost\r\nthe <metadata>"))
    space = "{urn:ietf:params:xml:ns:recording:1}"
    assert (root.tag, [child.tag for child in root]) == (f"{space}requestsnapshot", [f"{space}requestreason"])
    assert root[0].text == "lost the <metadata>"
    assert root[0].get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ({"application/sdp", "application/rs-metadata-request"}, "application/rs-metadata-request"),
        ({"application/sdp", "application/rs-metadata"}, "application/rs-metadata"),
        ({"application/rs-metadata", "application/rs-metadata+xml"}, "application/rs-metadata+xml"),
        ((), "application/rs-metadata+xml"),
    ],
)
def test_a_snapshot_request_is_called_as_the_client_calls_it(accept, kind):
    assert snapshot_request_type(accept) == kind


@pytest.mark.parametrize(
    ("body", "lacking"),
    [
        ('<participant participant_id="p3"/><participantsessionassoc participant_id="p3" session_id="cs1"/>', False),
        ('<participantsessionassoc participant_id="p9" session_id="cs1"/>', True),
        ('<participantstreamassoc participant_id="p9"><send>s1</send></participantstreamassoc>', True),
        ('<participantstreamassoc participant_id="p1"><send>s9</send></participantstreamassoc>', True),
        ('<participantsessionassoc participant_id="p1" session_id="cs9"/>', True),
        ('<stream stream_id="s1" session_id="cs9"><label>1</label></stream>', True),
    ],
)
def test_a_partial_update_that_refers_to_what_nobody_told(body, lacking):
    known = parse(document('<session session_id="cs1"/><participant participant_id="p1"/><stream stream_id="s1"/>'))
    update = parse(document("<datamode>partial</datamode>" + body))
    assert lacks(known, update) is lacking
    assert lacks(None, update), "nothing was told before"
    assert not lacks(None, parse(document(body))), "a complete document stands by itself"
