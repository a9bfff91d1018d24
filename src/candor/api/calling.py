"""What a phone system's request says, read and checked: fields, the addresses in it, and where we are reached."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import Request

from candor.errors import InvalidInput
from candor.pipeline.telephony import ASKS, Call, PhoneSystems

if TYPE_CHECKING:
    from candor.services import Services

FORMS = ("text", "form", "json")
_SOUNDS = ("wav", "ulaw", "alaw")
_MOST_VERSIONS = 8
_MOST_JOINED = 50
_NUMBER = 256
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::\d{1,5})?|\[[0-9a-fA-F:]{2,45}\](?::\d{1,5})?")
_UNSAFE = re.compile(r"[\s\\\"'<>`{}|^\x00-\x1f\x7f-\U0010ffff]")
_TWILIO = {
    "From": "caller", "To": "callee", "Digits": "digits", "SpeechResult": "speech", "CallSid": "call_id",
}  # fmt: skip
_ANONYMOUS = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})
"""What Twilio sends for withheld numbers: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE on a telephone."""


class Asked:
    """Fields of one request; of several of one name the first counts."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._all = list(pairs)
        self._first = dict(reversed(self._all))

    def text(self, name: str, limit: int) -> str:
        """A field without spaces at its ends, empty when it is not there; raises InvalidInput for a longer one."""
        value = self._first.get(name, "").strip()
        if len(value) > limit or "\0" in value:
            raise InvalidInput(f'"{name}" is too long or cannot be read.', code="telephony.field")
        return value

    @property
    def form(self) -> str:
        """In which form the answer is wanted: one of :data:`FORMS`, or empty."""
        return self._one_of("format", FORMS, "")

    @property
    def sound_format(self) -> str:
        """In which format sound is wanted."""
        return self._one_of("sound_format", _SOUNDS, "wav")

    @property
    def ask(self) -> int:
        """How often the question has been asked, from 1."""
        given = self.text("ask", 3) or "1"
        if not given.isdecimal() or not 1 <= int(given) <= ASKS:
            raise InvalidInput(f'"ask" is 1 to {ASKS}.', code="telephony.field")
        return int(given)

    @property
    def versions(self) -> tuple[str, ...]:
        """Of the announcements that were played; repeated, or with commas between."""
        found = [one.strip() for one in self._every("version") for one in one.split(",") if one.strip()]
        if len(found) > _MOST_VERSIONS or any(len(one) > 128 for one in found):
            raise InvalidInput("These are no versions of announcements.", code="telephony.version")
        return tuple(dict.fromkeys(found))

    def call(self) -> Call:
        """The call; raises InvalidInput."""
        joined = [_number(one) for one in self._every("joined") if one.strip()]
        if len(joined) > _MOST_JOINED or any(len(one) > _NUMBER for one in joined):
            raise InvalidInput('"joined" has too many or too long numbers.', code="telephony.field")
        return Call(
            id=self.text("call_id", 255), caller=self._phone("caller"), callee=self._phone("callee") or None,
            outbound=self.text("direction", 32).startswith("outbound"), joined=tuple(joined),
            agent_id=self.text("agent_id", 255) or None, agent_location=self.text("agent_location", 16) or None,
            purpose=self.text("purpose", 64) or None, language=self.text("language", 35) or None,
        )  # fmt: skip

    def _phone(self, name: str) -> str:
        self.text(name, _NUMBER)
        return _number(self._first.get(name, ""))

    def _every(self, name: str) -> list[str]:
        return [value for key, value in self._all if key == name]

    def _one_of(self, name: str, known: tuple[str, ...], default: str) -> str:
        value = self.text(name, 16) or default
        if value not in (*known, default):
            raise InvalidInput(f'"{name}" is one of {", ".join(known)}.', code="telephony.field")
        return value


def _number(text: str) -> str:
    """Dial plans that do not encode forms send a + that arrives as a space."""
    return f"+{text[1:].strip()}" if re.match(r" \d", text) else text.strip()


def of_twilio(body: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields of a request of Twilio's under our names.

    Of a call that ``<Dial>`` makes the parent's id counts: that is the call whose sound is streamed or recorded.
    """
    given = dict(body)
    direction = given.get("Direction", "")
    told = [(ours, given[theirs]) for theirs, ours in _TWILIO.items() if theirs in given]
    told = [(name, "anonymous" if value.strip() in _ANONYMOUS else value) for name, value in told]
    if direction == "outbound-dial" and given.get("ParentCallSid"):
        told = [(name, given["ParentCallSid"] if name == "call_id" else value) for name, value in told]
    return [*told, ("direction", direction)]


def base_of(request: Request, services: Services) -> str:
    """Scheme and host by which we are reached: as configured, else as the request names it."""
    public = services.telephony.systems.public_url
    if public:
        return public.rstrip("/")
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise InvalidInput("The request names no host.", code="telephony.host", advice="Set CANDOR_PUBLIC_URL.")
    return f"{'https' if services.https else request.url.scheme}://{host}"


def checked_next(url: str, systems: PhoneSystems, base: str) -> str:
    """Where the call goes on: a path of this host, or https at a host that is configured; raises InvalidInput.

    1. No sign in it could end an attribute, a line or the host: no spaces, quotes, brackets, backslashes.
    2. A path begins with one slash: two would name another host.
    3. An address has no user name, and a host from the list.
    """
    if not url:
        return ""
    if _UNSAFE.search(url):  # 1
        raise _elsewhere("next")
    if url.startswith("/") and not url.startswith("//"):  # 2
        return url.partition("#")[0]
    return _known(url, "https", systems, base, "next")  # 3


def checked_stream(url: str, systems: PhoneSystems, base: str) -> str:
    """Where sound is streamed to: wss at a host that is configured, or ours; raises InvalidInput."""
    if not url:
        return ""
    if _UNSAFE.search(url) or "?" in url:
        raise _elsewhere("stream")
    return _known(url, "wss", systems, base, "stream")


def _known(url: str, scheme: str, systems: PhoneSystems, base: str, name: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.netloc.lower()
    except ValueError:
        raise _elsewhere(name) from None
    ours = urlsplit(base).netloc.lower()
    if parts.scheme != scheme or not _HOST.fullmatch(host) or host not in {*systems.hosts, ours}:
        raise _elsewhere(name)
    return url.partition("#")[0]


def _elsewhere(name: str) -> InvalidInput:
    return InvalidInput(
        f'"{name}" leads to where calls are not sent.',
        code="telephony.elsewhere",
        advice="Give a path, or an https address (for a stream: wss) whose host is in CANDOR_TELEPHONY_HOSTS.",
    )
