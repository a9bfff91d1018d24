from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from candor.audit.service import Event, entries
from candor.conversation.model import Gap, Party, Role
from candor.conversation.transcript import SpeakerSplit
from candor.kit.ranges import RangeNotSatisfiable, parse_range
from candor.replay.model import Scope
from tests.unit.web.conftest import csrf_of
from tests.unit.web.fixtures import FakeServices, transcript


@pytest.fixture
def identifier(services: FakeServices) -> str:
    return services.replay.rows[0].id


def test_the_transcript_stands_with_times_chips_and_unsure_words(admin: TestClient, identifier: str) -> None:
    page = admin.get(f"/conversations/{identifier}").text
    assert '<span data-t="1.00" class="unsure">Thank</span>' in page
    assert re.search(r'<span data-t="[\d.]+"><span class="pii" title="[^"]+">\[CARD_1\]</span>,</span>', page)
    assert 'class="line lane-customer" id="u1"' in page
    assert 'class="line lane-agent" id="u0"' in page


def test_the_player_knows_lanes_masks_findings_and_course(admin: TestClient, identifier: str) -> None:
    page = admin.get(f"/conversations/{identifier}?t=12.5").text
    found = re.search(r'id="call-data">(.*?)</script>', page)
    assert found
    call = json.loads(found[1])
    assert call["lanes"] == [{"channel": 0, "kind": "customer"}, {"channel": 1, "kind": "agent"}]
    assert len(call["masked"]) == 3
    assert [each["id"] for each in call["findings"]] == ["f1", "f2", "f3"]
    assert call["course"][0][:2] == [0.0, 5.0]
    assert 'data-at="12.5"' in page


@pytest.mark.parametrize("text", ["nan", "-4", "x", "1e999"])
def test_a_senseless_time_in_the_address_is_left_out(admin: TestClient, identifier: str, text: str) -> None:
    assert "data-at=" not in admin.get(f"/conversations/{identifier}?t={text}").text


def test_no_full_number_of_the_customer_is_on_the_page(admin: TestClient, identifier: str) -> None:
    page = admin.get(f"/conversations/{identifier}").text
    assert "2025550143" not in page
    assert "Ivy Marlow" not in page
    assert "call_…0143.wav" in page


def test_a_guess_is_called_a_guess(admin: TestClient, identifier: str, services: FakeServices) -> None:
    guessed = replace(transcript(), split=SpeakerSplit.GUESSED, word_times="spread")
    services.replay.redaction = replace(services.replay.redaction, transcript=guessed)
    page = admin.get(f"/conversations/{identifier}").text
    assert "told apart by their sound: a guess" in page
    assert "Word times are approximate" in page


def test_an_override_stands_beside_the_automatic_answer(
    admin: TestClient, identifier: str, services: FakeServices
) -> None:
    page = admin.get(f"/conversations/{identifier}").text
    data = {
        "csrf": csrf_of(page), "scorecard": "customer-service-basics", "question": "verify", "verdict": "yes",
        "reason": "Verified before the recording begins.",
    }  # fmt: skip
    answer = admin.post(f"/conversations/{identifier}/evaluations", data=data)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/conversations/{identifier}?tab=score#q-verify"
    page = admin.get(f"/conversations/{identifier}").text
    question = page.partition('id="q-verify"')[2].partition('id="q-anything-else"')[0]
    assert question.count('class="by"') == 2
    assert "Verified before the recording begins." in question
    greeting = page.partition('id="q-greeting"')[2].partition('id="q-verify"')[0]
    assert greeting.count('class="by"') == 1
    assert "nothing asked in the first 30 s" in question


@pytest.mark.parametrize(("verdict", "reason"), [("yes", " "), ("maybe", "a good reason"), ("", "a good reason")])
def test_an_override_without_answer_or_reason_is_refused_with_what_was_written(
    admin: TestClient, identifier: str, services: FakeServices, verdict: str, reason: str
) -> None:
    token = csrf_of(admin.get(f"/conversations/{identifier}").text)
    data = {"scorecard": "customer-service-basics", "question": "verify", "verdict": verdict, "reason": reason}
    answer = admin.post(
        f"/conversations/{identifier}/evaluations", data=data, headers={"HX-Request": "true", "X-CSRF-Token": token}
    )
    assert answer.status_code == 422
    assert 'class="field-error"' in answer.text
    assert "<!doctype" not in answer.text
    assert reason.strip() in answer.text
    assert len(services.replay.evaluations[identifier]) == 1


def test_stages_tell_their_fault_and_can_be_tried_again(admin: TestClient, services: FakeServices) -> None:
    broken = services.replay.rows[5].id
    page = admin.get(f"/conversations/{broken}?tab=processing").text
    assert "Check the recorder&#39;s line" in page
    answer = admin.post(f"/conversations/{broken}/retry", data={"csrf": csrf_of(page), "stage": "transcribe"})
    assert answer.headers["location"] == f"/conversations/{broken}?tab=processing"
    assert services.desk.retried == [(broken, "transcribe")]


def test_processing_is_polled_only_while_it_runs(admin: TestClient, services: FakeServices) -> None:
    assert 'hx-trigger="every 2s"' in admin.get(f"/conversations/{services.replay.rows[3].id}/processing").text
    assert "hx-trigger" not in admin.get(f"/conversations/{services.replay.rows[0].id}/processing").text


def test_sound_comes_whole_and_by_ranges(admin: TestClient, identifier: str, services: FakeServices) -> None:
    whole = admin.get(f"/conversations/{identifier}/audio")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/flac")
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(whole.content)
    part = admin.get(f"/conversations/{identifier}/audio", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 100-199/{size}"
    assert part.content == whole.content[100:200]
    tail = admin.get(f"/conversations/{identifier}/audio", headers={"Range": "bytes=-7"})
    assert tail.content == whole.content[-7:]
    beyond = admin.get(f"/conversations/{identifier}/audio", headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    with services.database.read() as uow:
        played = [entry for entry in entries(uow) if entry.event is Event.PLAYED]
    assert [entry.conversation_id for entry in played] == [identifier]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None), ("", None), ("items=0-1", None), ("bytes=0-1,4-5", None), ("bytes=5-2", None),
        ("bytes=a-b", None), ("bytes=-", None), ("bytes=+1-2", None), ("bytes=١-٢", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-500", (90, 100)), ("bytes=-500", (0, 100)), (" Bytes = 1 - 2 ", (1, 3)),
    ],
)  # fmt: skip
def test_ranges_are_read_as_the_rfc_says(header: str | None, expected: tuple[int, int] | None) -> None:
    part = parse_range(header, 100)
    assert (None if part is None else (part.start, part.stop)) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_ranges_outside_are_refused(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, size)


def test_peaks_are_passed_on(admin: TestClient, identifier: str) -> None:
    assert admin.get(f"/conversations/{identifier}/peaks").content.startswith(b"CPKS")


def test_attention_lists_what_stopped_within_reach(admin: TestClient) -> None:
    page = admin.get("/attention").text
    assert "Check the recorder&#39;s line" in page
    assert "it holds a document" in page
    assert "12025550143" not in page


def test_static_files_are_named_by_their_bytes_and_kept(admin: TestClient) -> None:
    found = re.search(r'href="(/static/[0-9a-f]{12}/candor.css)"', admin.get("/help").text)
    assert found
    answer = admin.get(found[1])
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    assert admin.get(found[1].replace("candor.css", "../app.py")).status_code == 404
    assert admin.get("/static/0123456789ab/js/app.js").headers["cache-control"] == "no-cache"


def test_every_icon_that_pages_use_is_in_the_sprite(admin: TestClient, services: FakeServices) -> None:
    sprite = admin.get(re.findall(r"(/static/\w+/vendor/icons.svg)", admin.get("/help").text)[0]).text
    there = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    used: set[str] = set()
    rows = services.replay.rows
    pages = ["/conversations?team=Billing", "/attention", "/import", "/help", "/conversations?q=nothing"]
    for path in [*pages, *(f"/conversations/{rows[index].id}" for index in (0, 3, 5))]:
        used |= set(re.findall(r"icons\.svg#([\w-]+)", admin.get(path).text))
    assert used
    assert used <= there


def test_who_came_and_went_and_why_it_is_silent_stands_where_it_happened(
    admin: TestClient, identifier: str, services: FakeServices
) -> None:
    lines = services.replay.transcript.utterances
    with services.database.read() as uow:
        view = services.replay.view(uow, identifier, Scope())
    customer, agent = view.conversation.parties
    late = Party(role=Role.AGENT, name="Zoe Quist", agent_id="a9", joined=lines[4].start - 0.1)
    hold = Gap(start=lines[6].end, stop=lines[7].start, reason="on_hold", channel=0)
    services.replay.overlay["conversation"] = replace(
        view.conversation,
        parties=(customer, replace(agent, left=lines[-1].end), late),
        gaps=(hold, replace(hold, start=hold.start + 0.002, channel=1)),
    )
    page = admin.get(f"/conversations/{identifier}").text
    happened = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r'<li class="happened">(.*?)</li>', page)]
    assert [re.sub(r"^\d+:\d\d ", "", each) for each in happened][::2] == [
        "Agent Zoe Quist joined.",
        "Agent Dana Whitfield left.",
    ]
    assert happened[1].endswith("nothing was sent.")  # once, though it was so on both channels
    assert page.index("Zoe Quist joined.") < page.index('id="u4"')
    assert page.index('id="u6"') < page.rindex("nothing was sent.</li>") < page.index('id="u7"')
    assert page.index('id="u12"') < page.index("Dana Whitfield left.")
    details = page[page.index("On the line") :]
    assert re.search(r"Zoe Quist</strong> <span[^>]*>joined at <a class=\"play\"", details)
    assert "…0143" in details
    assert "Ivy Marlow" not in page


def test_the_other_legs_are_told_with_links(admin: TestClient, identifier: str, services: FakeServices) -> None:
    assert "Other legs" not in admin.get(f"/conversations/{identifier}").text
    services.replay.overlay["legs"] = tuple(services.replay.rows[place] for place in (1, 3))
    page = admin.get(f"/conversations/{identifier}").text
    section = page[page.index('<section class="legs"') :].partition("</section>")[0]
    assert re.findall(r'href="/conversations/([\w-]+)"', section) == [services.replay.rows[n].id for n in (1, 3)]
    assert "Ben Osei" in section
    assert "…1311" in section
    assert "Processing" in section
