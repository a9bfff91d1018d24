"""Passkeys in a real Chromium with a virtual authenticator (Chrome DevTools Protocol, WebAuthn domain)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from candor.audit.service import Event, entries
from candor.web import create_web
from tests.integration.test_browser import ARGUMENTS, CHROMIUM, playwright, wait
from tests.unit.web.fixtures import FakeServices

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]


class Device:
    """A virtual authenticator."""

    def __init__(self, talk: Any, an_id: str) -> None:
        self._talk, self._id = talk, an_id

    def send(self, verb: str, **more: Any) -> Any:
        """One command of the WebAuthn domain."""
        return self._talk.send(f"WebAuthn.{verb}", {"authenticatorId": self._id, **more})


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def base(services: FakeServices) -> Iterator[str]:
    """A real server, by a name: browsers make no passkeys for addresses of numbers."""
    config = uvicorn.Config(create_web(services), host="127.0.0.1", port=0, log_level="error", ws="none")  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def page(base: str) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        context = chromium.new_context(base_url=base)
        made = context.new_page()
        complaints: list[str] = []
        made.on("pageerror", lambda error: complaints.append(str(error)))
        yield made
        assert complaints == []
        chromium.close()


@pytest.fixture
def device(page: Any) -> Iterator[Device]:
    """A device of the owner's, who shows finger or PIN to it."""
    talk = page.context.new_cdp_session(page)
    talk.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = Device(talk, talk.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])
    yield made
    made.send("removeVirtualAuthenticator")
    talk.detach()
    page.context.clear_cookies()


def log_in(page: Any, login: str) -> None:
    page.goto("/login")
    page.fill("#login", login)
    page.fill("#password", "secret")
    page.keyboard.press("Enter")
    page.wait_for_url("**/conversations")


def log_out(page: Any) -> None:
    page.context.clear_cookies()


def test_a_passkey_is_added_and_logs_in_by_itself(page: Any, base: str, device: Device, services: FakeServices) -> None:
    log_in(page, "auditor")
    page.goto("/account")
    page.fill("#passkey-name", "My laptop")
    page.click('[data-passkey="add"] button')
    page.wait_for_url("**/account?done=passkey")
    assert "My laptop" in page.text_content("#main")
    kept = device.send("getCredentials")["credentials"]
    assert [each["rpId"] for each in kept] == ["localhost"]
    assert kept[0]["isResidentCredential"]

    log_out(page)
    page.goto("/login?next=/account")
    page.click('[data-passkey="login"] button')
    page.wait_for_url(f"{base}/account")
    assert "My laptop" in page.text_content("#main")
    with services.database.read() as uow:
        found = entries(uow)
    assert [each.subject for each in found if each.event == Event.LOGIN] == ["passkey", "password"]
    assert [each.subject for each in found if each.event == Event.FACTOR_ADDED] == ["passkey"]

    # After the password it is the second factor, since there is one now.
    log_out(page)
    page.goto("/login")
    page.fill("#login", "auditor")
    page.fill("#password", "secret")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/code")
    page.click('[data-passkey="login"] button')
    page.wait_for_url("**/conversations")

    # Who cannot show that it is the owner is not let in: the device alone is one factor, not two.
    log_out(page)
    device.send("setUserVerified", isUserVerified=False)
    page.goto("/login")
    page.click('[data-passkey="login"] button')
    wait(page, "!document.querySelector('[data-passkey] [role=alert]').hidden")
    assert page.url.endswith("/login")

    # Taken away here, it opens nothing any more, although the device still has it.
    device.send("setUserVerified", isUserVerified=True)
    page.click('[data-passkey="login"] button')
    page.wait_for_url("**/conversations")
    page.goto("/account")
    page.click('button[aria-label="Remove the passkey My laptop"]')
    page.wait_for_url("**/account?done=factor")
    log_out(page)
    page.goto("/login")
    page.click('[data-passkey="login"] button')
    wait(page, "!document.querySelector('[data-passkey] [role=alert]').hidden")
    assert "not known here" in page.text_content('[data-passkey] [role="alert"]')
    with services.database.read() as uow:
        assert entries(uow)[0].event == Event.LOGIN_REFUSED


def test_a_copied_device_is_noticed_by_its_counter(page: Any, device: Device, services: FakeServices) -> None:
    log_in(page, "trainer")
    page.goto("/account")
    page.click('[data-passkey="add"] button')
    page.wait_for_url("**/account?done=passkey")
    [kept] = device.send("getCredentials")["credentials"]
    log_out(page)
    page.goto("/login")
    page.click('[data-passkey="login"] button')
    page.wait_for_url("**/conversations")
    # The copy was made before that log-in: its counter stands where it stood then.
    device.send("removeCredential", credentialId=kept["credentialId"])
    device.send("addCredential", credential=kept)
    log_out(page)
    page.goto("/login")
    page.click('[data-passkey="login"] button')
    wait(page, "!document.querySelector('[data-passkey] [role=alert]').hidden")
    assert page.url.endswith("/login")
