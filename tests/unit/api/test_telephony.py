"""Dial plans over HTTP: decisions, answers and announcements, as text, forms, JSON and TwiML."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from xml.etree import ElementTree

import pytest
import soundfile
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.model import Right
from candor.api.app import create_api
from candor.capture.streams.signatures import twilio_signature
from candor.consent.ledger import store as ledger
from candor.consent.ledger.model import Entry
from candor.pipeline.announcing import Words
from candor.services import Services
from candor.settings import load
from tests.unit.api.test_api import bearer

BASE = "/api/v1/telephony"
PUBLIC = "https://candor.example.com"
TOKEN = "12345678901234567890123456789012"
TEXAN, CALIFORNIAN, GERMAN, FRENCH = "+17135550104", "+14155550101", "+493023125012", "+33142685300"
WASHINGTONIAN = "+12065550101"
"""Of Washington State, whose law wants the announcement in the recording."""
FRANCE = (
    "controller-identity", "objection-or-refusal-route", "purpose", "recipients", "recording-fact", "retention-period",
    "right-to-object", "rights-pointer",
)  # fmt: skip
GERMANY = (
    "controller-identity", "legal-basis", "objection-or-refusal-route", "purpose", "recipients", "recording-fact",
    "retention-period", "rights-pointer",
)  # fmt: skip
SPEAKS = shutil.which("flite") is not None
Told = dict[str, str]


def opened(folder: Path) -> Services:
    return wiring.open_services(
        load(
            data=folder, establishment="US-TX", company="Example Bank", announced_days=90,
            privacy_notice="example dot com slash privacy", privacy_contact="privacy at example dot com",
            public_url=PUBLIC, twilio_tokens={"main": TOKEN}, telephony_hosts=["voice.example.com"],
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose announcements are spoken; each test has a copy."""
    folder = tmp_path_factory.mktemp("spoken") / "data"
    made = opened(folder)
    for level, elements in ((2, ("about-to-be-recorded",)), (2, ()), (3, FRANCE), (4, GERMANY)):
        made.announcing.make(Words(level=level, language="en", elements=elements), by="test", silent=not SPEAKS)
    made.database.close()
    return folder


@pytest.fixture
def services(spoken: Path, tmp_path: Path) -> Iterator[Services]:
    shutil.copytree(spoken, tmp_path / "data")
    made = opened(tmp_path / "data")
    yield made
    made.database.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_api(services), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def token(services: Services) -> dict[str, str]:
    return bearer(services, Right.CONSENT_WRITE)


def lines(text: str) -> Told:
    return dict(line.split("=", 1) for line in text.splitlines())


class Plan:
    """A dial plan that sends forms and reads lines."""

    def __init__(self, client: TestClient, headers: dict[str, str], caller: str) -> None:
        self.client, self.headers, self.known = client, headers, {"call_id": "call-1", "caller": caller}

    def ask(self, verb: str, **more: str) -> Told:
        answer = self.client.post(f"{BASE}/{verb}", data=self.known | more, headers=self.headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["cache-control"] == "no-store"
        return lines(answer.text)


def written(services: Services, call_id: str = "call-1") -> list[Entry]:
    with services.database.read() as uow:
        return [line.entry for line in ledger.of_call(uow, call_id=call_id)]


def events(services: Services, call_id: str = "call-1") -> list[tuple[str, str]]:
    return [(str(one.event), str(one.method)) for one in written(services, call_id)]


# ---- lines ----


def test_a_call_that_needs_no_words_is_recorded(client: TestClient, token: dict[str, str], services: Services) -> None:
    told = Plan(client, token, TEXAN).ask("decision")
    assert (told["decision"], told["record"], told["level"], told["sound"]) == ("none", "yes", "0", "")
    assert events(services) == []


@pytest.mark.skipif(not SPEAKS, reason="flite is not installed")
def test_an_announcement_is_played_from_a_signed_address_and_told(
    client: TestClient, token: dict[str, str], services: Services
) -> None:
    plan = Plan(client, token, CALIFORNIAN)
    told = plan.ask("decision", sound_format="ulaw")
    assert (told["decision"], told["record"], told["level"]) == ("announce", "after", "2")
    assert told["announcement"].startswith("This call is recorded")
    address = urlsplit(told["sound"])
    assert f"{address.scheme}://{address.netloc}" == PUBLIC
    assert address.path.endswith(f"{told['version']}.ulaw")
    assert not address.query  # & separates files in Asterisk's Playback
    sound = client.get(address.path)
    assert (sound.status_code, sound.headers["content-type"]) == (200, "audio/basic")
    assert len(sound.content) > 8_000
    assert client.get(address.path.replace(".ulaw", ".wav")).status_code == 404
    after = plan.ask("announced", version=told["version"])
    assert (after["decision"], after["record"]) == ("none", "yes")
    plan.ask("announced", version=told["version"])
    (line,) = written(services)
    assert (line.event, line.method, line.text_version, line.language) == (
        "announced", "phone_system", told["version"], "en",
    )  # fmt: skip
    assert line.hint == "…0101"
    assert CALIFORNIAN not in repr(line)


def test_where_the_recording_must_hold_its_announcement_it_starts_before(
    client: TestClient, token: dict[str, str]
) -> None:
    told = Plan(client, token, WASHINGTONIAN).ask("decision")
    assert (told["decision"], told["record"], told["level"]) == ("announce", "yes", "2")


@pytest.mark.parametrize(
    ("said", "event", "method", "record", "reply"),
    [
        ({"digits": "1"}, "given", "key_press", "yes", "Thank you"),
        ({"digits": "2"}, "refused", "key_press", "no", ""),
        ({"speech": "yes please"}, "given", "spoken", "yes", ""),
        ({"speech": "no, not that"}, "refused", "spoken", "no", ""),
    ],
)  # fmt: skip
def test_a_question_is_answered(
    client: TestClient, token: dict[str, str], services: Services, said: Told, event: str, method: str, record: str,
    reply: str,
) -> None:  # fmt: skip
    plan = Plan(client, token, GERMAN)
    told = plan.ask("decision")
    assert (told["decision"], told["record"], told["level"]) == ("ask", "after", "4")
    assert (told["keys_yes"], told["keys_no"]) == ("1", "2")
    after = plan.ask("answer", version=told["version"], **said)
    assert after["record"] == record
    assert reply in after["reply"]
    assert after["reply"]
    assert events(services) == [(event, method)]
    again = plan.ask("decision")
    assert (again["decision"], again["record"]) == (("none", "yes") if record == "yes" else ("do_not_record", "no"))


def test_silence_is_asked_once_more_and_is_no_yes(
    client: TestClient, token: dict[str, str], services: Services
) -> None:
    plan = Plan(client, token, GERMAN)
    version = plan.ask("decision")["version"]
    once = plan.ask("answer", version=version)
    assert (once["decision"], once["record"], once["ask"], once["version"]) == ("ask", "after", "2", version)
    twice = plan.ask("answer", version=version, ask="2")
    assert (twice["decision"], twice["record"]) == ("do_not_record", "no")
    assert events(services) == [("announced", "phone_system"), ("refused", "none")]


def test_a_key_that_was_not_offered_is_asked_again(
    client: TestClient, token: dict[str, str], services: Services
) -> None:
    plan = Plan(client, token, GERMAN)
    version = plan.ask("decision")["version"]
    once = plan.ask("answer", version=version, digits="7")
    assert once["decision"] == "ask"
    assert once["reply"]
    assert events(services) == []
    assert plan.ask("answer", version=version, digits="7", ask="2")["record"] == "no"


def test_who_goes_on_after_a_notice_with_a_way_out_is_recorded(
    client: TestClient, token: dict[str, str], services: Services
) -> None:
    plan = Plan(client, token, FRENCH)
    told = plan.ask("decision")
    assert (told["decision"], told["level"], told["keys_no"]) == ("announce", "3", "2")
    assert plan.ask("answer", version=told["version"])["record"] == "yes"
    assert events(services) == [("announced", "phone_system"), ("given", "went_on")]


def test_who_objects_is_not(client: TestClient, token: dict[str, str], services: Services) -> None:
    plan = Plan(client, token, FRENCH)
    told = plan.ask("decision")
    after = plan.ask("answer", version=told["version"], digits="2")
    assert (after["decision"], after["record"]) == ("do_not_record", "no")
    assert events(services) == [("refused", "key_press")]


def test_going_on_is_no_opt_in_when_a_stricter_place_joins(client: TestClient, token: dict[str, str]) -> None:
    plan = Plan(client, token, FRENCH)
    plan.ask("answer", version=plan.ask("decision")["version"])
    assert plan.ask("decision", joined=GERMAN)["decision"] == "ask"


def test_a_yes_to_words_that_do_not_suffice_is_not_taken(
    client: TestClient, token: dict[str, str], services: Services
) -> None:
    version = Plan(client, token, FRENCH).ask("decision")["version"]
    known = {"call_id": "call-2", "caller": GERMAN, "version": version}
    for more in ({"digits": "1"}, {"ask": "2"}):
        answer = client.post(f"{BASE}/answer", data=known | more, headers=token)
        told = lines(answer.text)
        assert told["record"] == "no"
        assert ("given", "key_press") not in events(services, "call-2")
        assert ("given", "went_on") not in events(services, "call-2")
    after = client.post(f"{BASE}/announced", data={**known, "call_id": "call-3", "caller": CALIFORNIAN}, headers=token)
    assert lines(after.text)["record"] == "yes"  # it tells more than it must


def test_withheld_numbers_get_the_stricter_default_and_calls_that_we_make_the_callees(
    client: TestClient, token: dict[str, str]
) -> None:
    assert Plan(client, token, "anonymous").ask("decision")["level"] == "3"
    outbound = Plan(client, token, TEXAN).ask("decision", callee=GERMAN, direction="outbound")
    assert (outbound["decision"], outbound["level"]) == ("ask", "4")


def test_a_plus_that_came_as_a_space_is_read(client: TestClient, token: dict[str, str]) -> None:
    sent = f"call_id=c9&caller={GERMAN}"  # not encoded, as FreeSWITCH's mod_curl sends it
    headers = token | {"Content-Type": "application/x-www-form-urlencoded"}
    assert lines(client.post(f"{BASE}/decision", content=sent, headers=headers).text)["level"] == "4"


def test_asterisk_gets_a_form_that_hash_can_read(client: TestClient, token: dict[str, str]) -> None:
    sent = {"call_id": "c1", "caller": GERMAN, "format": "form"}
    answer = client.post(f"{BASE}/decision", data=sent, headers=token)
    assert answer.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "+" not in answer.text  # CURLOPT(hashcompat)=yes leaves it as it is
    told = {key: value[0] for key, value in parse_qs(answer.text).items()}
    assert (told["decision"], told["keys_yes"]) == ("ask", "1")
    assert "Example Bank" in told["announcement"]


def test_json_in_is_json_out(client: TestClient, token: dict[str, str]) -> None:
    sent = {"call_id": "c1", "caller": TEXAN, "joined": [CALIFORNIAN]}
    told = client.post(f"{BASE}/decision", json=sent, headers=token).json()
    assert (told["decision"], told["level"]) == ("announce", "2")


# ---- who may ----


def test_the_token_may_be_the_password_of_basic(client: TestClient, token: dict[str, str]) -> None:
    secret = token["Authorization"].removeprefix("Bearer ")
    basic = base64.b64encode(f"asterisk:{secret}".encode()).decode()
    plan = Plan(client, {"Authorization": f"Basic {basic}"}, TEXAN)
    assert plan.ask("decision")["record"] == "yes"
    elsewhere = client.get("/api/v1/consent/ledger", headers={"Authorization": f"Basic {basic}"})
    assert elsewhere.status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer candor_wrong", "Basic !!!", "Basic YTpi", "Negotiate x"])
@pytest.mark.parametrize("verb", ["decision", "announced", "answer"])
def test_nobody_else_is_answered_but_with_no(client: TestClient, verb: str, header: str) -> None:
    sent = {"call_id": "c1", "caller": TEXAN}
    answer = client.post(f"{BASE}/{verb}", data=sent, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    told = lines(answer.text)
    assert (told["decision"], told["record"]) == ("do_not_record", "no")
    assert told["why"]


def test_a_token_without_the_right_is_told_no(client: TestClient, services: Services) -> None:
    reader = bearer(services, Right.CONSENT_READ)
    answer = client.post(f"{BASE}/decision", json={"call_id": "c", "caller": TEXAN}, headers=reader)
    assert (answer.status_code, answer.json()["record"]) == (403, "no")


# ---- fail closed ----


@pytest.mark.parametrize(
    ("verb", "sent", "status"),
    [
        ("decision", {"caller": TEXAN}, 422), ("decision", {"call_id": "c"}, 422),
        ("decision", {"call_id": "c", "caller": TEXAN, "direction": "outbound"}, 422),
        ("decision", {"call_id": "c", "caller": TEXAN, "purpose": "fun"}, 422),
        ("decision", {"call_id": "c" * 256, "caller": TEXAN}, 422),
        ("decision", {"call_id": "c", "caller": TEXAN, "sound_format": "exe"}, 422),
        ("answer", {"call_id": "c", "caller": TEXAN, "digits": "1"}, 422),
        ("answer", {"call_id": "c", "caller": TEXAN, "version": "en-0-none", "digits": "1"}, 404),
        ("answer", {"call_id": "c", "caller": TEXAN, "version": "x", "ask": "0"}, 422),
        ("announced", {"call_id": "c", "caller": TEXAN, "version": "en-0-none"}, 404),
        ("decision", {"call_id": "c", "caller": GERMAN, "language": "fr", "purpose": "must_record_mifid"}, 404),
        ("decision", {"call_id": "c", "caller": TEXAN, "filler": "x" * 70_000}, 413),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_not_recorded(
    client: TestClient, token: dict[str, str], services: Services, verb: str, sent: Told, status: int
) -> None:
    answer = client.post(f"{BASE}/{verb}", data=sent, headers=token)
    told = lines(answer.text)
    assert (told["record"], told["decision"]) == ("no", "do_not_record")
    assert told["why"]
    assert told["code"]
    assert answer.status_code == status
    assert TEXAN not in answer.text
    assert events(services, "c") == []


def test_a_database_that_is_away_records_nothing(client: TestClient, token: dict[str, str], services: Services) -> None:
    version = Plan(client, token, CALIFORNIAN).ask("decision")["version"]
    with services.database.write() as uow:
        uow.exec_driver_sql("DROP TABLE consent_line")
    for verb in ("decision", "announced", "answer"):
        sent = {"call_id": "c", "caller": CALIFORNIAN, "version": version, "digits": "1"}
        answer = client.post(f"{BASE}/{verb}", data=sent, headers=token)
        assert answer.status_code >= 500
        assert lines(answer.text)["record"] == "no"
    answer = Twilio(client).post("decision", From=CALIFORNIAN, query={"next": "/go"})
    assert onward(answer) == ("/go", "no")


def test_a_house_without_a_place_decides_nothing(tmp_path: Path) -> None:
    services = wiring.open_services(load(data=tmp_path / "data"))
    with TestClient(create_api(services)) as client:
        answer = client.post(
            f"{BASE}/decision", data={"call_id": "c", "caller": TEXAN}, headers=bearer(services, Right.CONSENT_WRITE)
        )
    assert lines(answer.text)["record"] == "no"
    assert "CANDOR_ESTABLISHMENT" in answer.text
    services.database.close()


def test_somebody_who_is_never_recorded_is_not(client: TestClient, token: dict[str, str], services: Services) -> None:
    with services.database.write() as uow:
        services.consenting.ledger.never_record(uow, services.consenting.caller(TEXAN), by="u", reason="asked for it")
    told = Plan(client, token, TEXAN).ask("decision")
    assert (told["decision"], told["record"]) == ("do_not_record", "no")


# ---- Twilio ----


class Twilio:
    """Sends what Twilio sends, signed as it signs."""

    def __init__(self, client: TestClient, secret: str = TOKEN) -> None:
        self.client, self.secret = client, secret

    def post(self, verb: str, query: Told | None = None, **form: str) -> ElementTree.Element:
        target = f"{BASE}/twilio/main/{verb}"
        return self.follow(f"{target}?{urlencode(query, quote_via=quote)}" if query else target, **form)

    def follow(self, url: str, **form: str) -> ElementTree.Element:
        target = url.removeprefix(PUBLIC)
        sent = {"CallSid": "CA1", "AccountSid": "AC1", "Direction": "inbound", "To": TEXAN, **form}
        signature = twilio_signature(self.secret, PUBLIC + target, sent)
        answer = self.client.post(target, data=sent, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/xml")
        return ElementTree.fromstring(answer.text)


def tags(answer: ElementTree.Element) -> list[str]:
    return [one.tag for one in answer]


def onward(answer: ElementTree.Element) -> tuple[str, str]:
    """(where, record) of the last redirect."""
    last = answer[-1]
    assert (last.tag, last.get("method")) == ("Redirect", "POST")
    where, _, query = (last.text or "").partition("?")
    told = parse_qs(query)
    assert told["dial_record"] == ["record-from-answer-dual" if told["record"] == ["yes"] else "do-not-record"]
    return where, told["record"][0]


NEXT = {"next": "https://voice.example.com/go"}


def test_twilio_goes_on_at_once_where_nothing_is_to_be_said(client: TestClient) -> None:
    answer = Twilio(client).post("decision", NEXT, From=TEXAN)
    assert tags(answer) == ["Redirect"]
    assert onward(answer) == (NEXT["next"], "yes")


@pytest.mark.skipif(not SPEAKS, reason="flite is not installed")
def test_twilio_plays_the_announcement_and_tells_it(client: TestClient, services: Services) -> None:
    twilio = Twilio(client)
    stream = "wss://voice.example.com/streams/main"
    answer = twilio.post("decision", {**NEXT, "stream": stream, "agent_id": "a&1"}, From=WASHINGTONIAN)
    assert tags(answer) == ["Start", "Play", "Redirect"]  # recorded with its announcement
    assert answer.find("Start/Stream").get("url") == stream  # type: ignore[union-attr]  the tags say that it is there
    told = {one.get("name"): one.get("value") for one in answer.iter("Parameter")}
    assert told == {"from": WASHINGTONIAN, "to": TEXAN, "agent_id": "a&1"}
    sound = client.get(urlsplit(answer[1].text or "").path)
    assert sound.headers["content-type"] == "audio/wav"
    assert soundfile.info(io.BytesIO(sound.content)).samplerate == 8_000
    after = twilio.follow(answer[2].text or "", From=WASHINGTONIAN)
    assert tags(after) == ["Redirect"]  # streamed already
    assert onward(after) == (NEXT["next"], "yes")
    assert events(services, "CA1") == [("announced", "phone_system")]


def test_twilio_gathers_a_yes(client: TestClient, services: Services) -> None:
    twilio = Twilio(client)
    stream = "wss://voice.example.com/streams/main"
    answer = twilio.post("decision", {**NEXT, "stream": stream}, From=GERMAN)
    assert tags(answer) == ["Gather", "Redirect"]
    gather = answer[0]
    assert (gather.get("input"), gather.get("numDigits"), gather.get("finishOnKey")) == ("dtmf", "1", "")
    assert tags(gather) == ["Play" if SPEAKS else "Say"]
    after = twilio.follow(gather.get("action") or "", From=GERMAN, Digits="1")
    assert tags(after) == ["Start", "Say", "Redirect"]
    assert after[1].get("language") == "en-US"
    assert onward(after) == (NEXT["next"], "yes")
    assert events(services, "CA1") == [("given", "key_press")]


def test_a_signed_yes_that_is_sent_again_takes_no_refusal_back(client: TestClient, services: Services) -> None:
    """Twilio's signature is good for ever: who has seen a request can send it again."""
    twilio = Twilio(client)
    action = twilio.post("decision", NEXT, From=GERMAN)[0].get("action") or ""
    assert onward(twilio.follow(action, From=GERMAN, Digits="1"))[1] == "yes"
    assert onward(twilio.follow(action, From=GERMAN, Digits="1"))[1] == "yes"
    assert events(services, "CA1") == [("given", "key_press")]
    assert onward(twilio.follow(action, From=GERMAN, Digits="2"))[1] == "no"
    for _ in range(2):  # the yes of before, and the no
        assert onward(twilio.follow(action, From=GERMAN, Digits="1"))[1] == "no"
        assert onward(twilio.follow(action, From=GERMAN, Digits="2"))[1] == "no"
    assert events(services, "CA1") == [("given", "key_press"), ("refused", "key_press")]
    # Asked once more, in another step, they may change their mind.
    assert onward(twilio.follow(action.replace("ask=1", "ask=2"), From=GERMAN, Digits="1"))[1] == "yes"
    assert events(services, "CA1")[-1] == ("given", "key_press")


def test_twilio_asks_a_silent_caller_once_more(client: TestClient, services: Services) -> None:
    twilio = Twilio(client)
    first = twilio.post("decision", NEXT, From=GERMAN)
    again = twilio.follow(first[-1].text or "", From=GERMAN)
    assert tags(again) == ["Gather", "Redirect"]
    last = twilio.follow(again[-1].text or "", From=GERMAN)
    assert tags(last) == ["Say", "Redirect"]
    assert onward(last) == (NEXT["next"], "no")
    assert events(services, "CA1") == [("announced", "phone_system"), ("refused", "none")]


def test_twilio_offers_a_way_out_and_goes_on(client: TestClient, services: Services) -> None:
    twilio = Twilio(client)
    first = twilio.post("decision", NEXT, From=FRENCH)
    assert tags(first) == ["Gather", "Redirect"]
    assert onward(twilio.follow(first[-1].text or "", From=FRENCH)) == (NEXT["next"], "yes")
    assert events(services, "CA1")[-1] == ("given", "went_on")


def test_the_called_leg_of_a_dial_is_its_parents_call(client: TestClient, services: Services) -> None:
    form = {"Direction": "outbound-dial", "ParentCallSid": "CA0", "From": TEXAN, "To": FRENCH}
    first = Twilio(client).post("decision", **form)
    Twilio(client).follow(first[-1].text or "", **form)
    assert events(services, "CA0")[-1] == ("given", "went_on")
    assert events(services, "CA1") == []


def test_twilios_words_for_withheld_numbers_are_known(client: TestClient) -> None:
    answer = Twilio(client).post("decision", NEXT, From="+266696687")
    assert tags(answer) == ["Gather", "Redirect"]


@pytest.mark.parametrize("secret", ["", "another token", TOKEN[:-1]])
def test_what_twilio_did_not_sign_is_not_recorded_and_writes_nothing(
    client: TestClient, services: Services, secret: str
) -> None:
    answer = Twilio(client, secret).post("decision", NEXT, From=TEXAN)
    assert onward(answer) == (NEXT["next"], "no")
    with services.database.read() as uow:
        version = services.announcing.every(uow)[0].version
    Twilio(client, secret).post("answer", {**NEXT, "version": version}, From=TEXAN, Digits="1")
    assert events(services, "CA1") == []


def test_a_signature_is_over_every_field_and_the_whole_address(client: TestClient) -> None:
    sent = {"CallSid": "CA1", "From": TEXAN}
    target = f"{BASE}/twilio/main/decision?next=%2Fgo"
    good = twilio_signature(TOKEN, PUBLIC + target, sent)
    with_port = twilio_signature(TOKEN, f"{PUBLIC}:443{target}", sent)
    for changed, address, signature, record in (
        ({}, target, good, "yes"), ({}, target, with_port, "yes"), ({"From": FRENCH}, target, good, "no"),
        ({"Digits": "1"}, target, good, "no"), ({}, target.replace("go", "gone"), good, "no"),
        ({}, target.replace("main", "other"), good, "no"), ({}, target, "ü", "no"),
    ):  # fmt: skip
        headers = {"X-Twilio-Signature": signature.encode()}
        answer = client.post(address, data=sent | changed, headers=headers)
        assert onward(ElementTree.fromstring(answer.text))[1] == record


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.net/", "//evil.example.net/x", "/\\evil.example.net", "http://voice.example.com/",
        "https://voice.example.com@evil.example.net/", "https://user@voice.example.com/", "javascript:alert(1)",
        "https://voice.example.com.evil.net/", "https://voice.example.com:8443/", "/a\r\nb", '/"><Hangup/>', "ftp://x/",
        "https:///x", "https://[::1", "https://voice.example.com\\@evil.net/",
    ],
)  # fmt: skip
def test_calls_are_sent_nowhere_else(client: TestClient, url: str) -> None:
    answer = Twilio(client).post("decision", {"next": url}, From=TEXAN)
    assert tags(answer) == []


@pytest.mark.parametrize("url", ["/go", "/go?a=b", f"{PUBLIC}/go", "https://VOICE.example.com/go?x=1&y=2"])
def test_calls_are_sent_on_where_they_may(client: TestClient, url: str) -> None:
    answer = Twilio(client).post("decision", {"next": url}, From=TEXAN)
    assert (answer[0].text or "").startswith(f"{url}{'&' if '?' in url else '?'}record=yes")


@pytest.mark.parametrize(
    "url", ["wss://evil.example.net/s", "https://voice.example.com/s", "wss://voice.example.com/s?a"]
)
def test_sound_is_streamed_nowhere_else(client: TestClient, url: str) -> None:
    answer = Twilio(client).post("decision", {**NEXT, "stream": url}, From=TEXAN)
    assert tags(answer) == ["Redirect"]
    assert onward(answer)[1] == "no"


def test_nothing_that_a_caller_sends_becomes_markup(client: TestClient) -> None:
    evil = '"/><Hangup/><Say x="\x01--><Dial>'
    twilio = Twilio(client)
    query = {**NEXT, "stream": "wss://voice.example.com/s", "agent_id": evil, "language": "en"}
    answer = twilio.post("decision", query, From=evil, To=evil)
    everything = {one.tag for one in answer.iter()}
    assert everything <= {"Response", "Gather", "Play", "Say", "Redirect", "Start", "Stream", "Parameter"}
    after = twilio.follow(answer[-1].text or "", From=evil, Digits=evil[:30], SpeechResult=evil)
    assert "Hangup" not in {one.tag for one in after.iter()}


def test_the_fields_are_in_the_how_to() -> None:
    page = (Path(__file__).parents[3] / "docs/howto/ask-for-consent-in-the-dial-plan.md").read_text(encoding="utf-8")
    named = (
        "decision", "record", "level", "version", "sound", "keys_yes", "keys_no", "language", "ask", "obliged",
        "reply", "reply_sound", "why", "announcement", "call_id", "caller", "callee", "direction", "joined",
        "agent_id", "agent_location", "purpose", "format", "sound_format", "digits", "speech", "next", "stream",
    )  # fmt: skip
    assert [name for name in named if f"`{name}`" not in page] == []
