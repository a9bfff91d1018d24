"""What dial plans ask and tell: ``decision``, ``announced``, ``answer``, in the form that each can use.

Twilio signs its requests and gets TwiML from ``/telephony/twilio/SOURCE/…``; everybody else brings an API token
(Bearer, or Basic with the token as password) and gets lines ``key=value``, a form for Asterisk's ``HASH()``, or JSON.

Whatever goes wrong, the answer says ``record=no`` and why; Twilio gets it with 200, so that the call goes on.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from candor.access.model import Right
from candor.api import problems, twiml
from candor.api.caller import Caller, needs
from candor.api.calling import Asked, base_of, checked_next, checked_stream, of_twilio
from candor.capture.streams.signatures import twilio_signature
from candor.consent.announcements import reply as reply_text
from candor.errors import CandorError, InvalidInput, TooLarge, Unauthenticated
from candor.kit.log import get_logger
from candor.pipeline.announcing import FORMATS
from candor.pipeline.telephony import Do, Plan, Record, Telephony

if TYPE_CHECKING:
    from candor.services import Services

router = APIRouter(tags=["telephony"])
SIGNED = frozenset({
    "/api/v1/telephony/twilio/{source}/decision", "/api/v1/telephony/twilio/{source}/announced",
    "/api/v1/telephony/twilio/{source}/answer", "/api/v1/telephony/sound/{proof}/{name}",
})  # fmt: skip
"""Routes that a signature in the request opens, not a person's right."""

_LARGEST = 64 * 1024
_FIELDS = 64
_WAIT = 5
"""Seconds to wait for a key or the first word."""
_CARRIED = ("purpose", "language", "agent_id", "agent_location", "next", "stream", "direction")
"""What the dial plan's own address says, and ours repeat; numbers are never among them."""
_OPEN: dict[str, Any] = {"responses": {200: {"content": {"text/plain": {}, "application/json": {}}}}}
_PHONE = needs(Right.CONSENT_WRITE, soft=True)
_log = get_logger("telephony")
Verb = Callable[[Telephony, Asked, str], Plan]


def _decision(telephony: Telephony, asked: Asked, by: str) -> Plan:
    del by
    return telephony.decide(asked.call())


def _announced(telephony: Telephony, asked: Asked, by: str) -> Plan:
    return telephony.announced(asked.call(), asked.versions, by=by)


def _answer(telephony: Telephony, asked: Asked, by: str) -> Plan:
    return telephony.answered(
        asked.call(), asked.versions, digits=asked.text("digits", 32), speech=asked.text("speech", 1_000),
        ask=asked.ask, by=by,
    )  # fmt: skip


# ---- with a token ----


@router.post("/telephony/decision", openapi_extra=_OPEN)
async def decision(request: Request, caller: Caller | CandorError = _PHONE) -> Response:
    """What to do with a call: announce, ask, nothing, or do not record.

    Fields, as a form or JSON: ``call_id``, ``caller`` (or ``anonymous``), ``callee``, ``direction`` (``outbound`` for
    calls that you make), ``joined``, ``agent_id``, ``agent_location``, ``purpose``, ``language``, ``format`` (``text``,
    ``form``, ``json``), ``sound_format`` (``wav``, ``ulaw``, ``alaw``).
    """
    return await _told(request, caller, _decision)


@router.post("/telephony/announced", openapi_extra=_OPEN)
async def announced(request: Request, caller: Caller | CandorError = _PHONE) -> Response:
    """Tell that the announcement ``version`` was played to its end; fields otherwise as for the decision."""
    return await _told(request, caller, _announced)


@router.post("/telephony/answer", openapi_extra=_OPEN)
async def answer(request: Request, caller: Caller | CandorError = _PHONE) -> Response:
    """Tell what the caller answered to ``version``: ``digits``, ``speech``, or nothing; ``ask`` counts the questions.

    Answers what to do next: record or not, or ask once more.
    """
    return await _told(request, caller, _answer)


async def _told(request: Request, caller: Caller | CandorError, verb: Verb) -> Response:
    form = _form_of(request)
    try:
        asked = Asked(await _fields(request))
        form = asked.form or form
        if isinstance(caller, CandorError):
            return _refused(caller, form)
        telephony, by = caller.services.telephony, caller.principal.user_id
        plan = await run_in_threadpool(verb, telephony, asked, by)
        told = await run_in_threadpool(_lines, plan, telephony, base_of(request, caller.services), asked.sound_format)
    except CandorError as error:
        return _refused(error, form)
    except Exception as error:  # noqa: BLE001  whatever goes wrong, the answer must not be "record"
        _log.error("a phone system was not answered as it should be", kind=type(error).__name__)
        return _refused(CandorError("Candor has a fault.", code="unexpected"), form)
    return _written(told, form)


def _lines(plan: Plan, telephony: Telephony, base: str, sound_format: str) -> dict[str, str]:
    """A plan as keys and values, all text."""
    played = plan.announcements
    told = {
        "decision": str(plan.do), "record": str(plan.record), "level": str(plan.level),
        "version": played[0].version if played else "", "sound": "",
        "keys_yes": (played[0].yes_key or "") if played else "", "keys_no": (played[0].no_key or "") if played else "",
        "language": plan.language, "ask": str(plan.ask), "obliged": "yes" if plan.obliged else "no",
        "reply": "", "reply_sound": "", "why": plan.why,
        "announcement": " ".join(one.text for one in played),
    }  # fmt: skip
    for place, one in enumerate(played, 1):
        end = "" if place == 1 else f"_{place}"
        told[f"version{end}"] = one.version
        told[f"sound{end}"] = _sound(telephony, base, one.version, sound_format) if one.spoken_by else ""
    if plan.reply is not None:
        told["reply"] = reply_text(plan.reply, plan.language)
        name = telephony.announcing.reply_version(plan.reply, plan.language)
        told["reply_sound"] = _sound(telephony, base, name, sound_format) if name else ""
    return told


def _written(told: Mapping[str, str], form: str, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    if form == "json":
        body = json.dumps(told, ensure_ascii=False)
        return Response(body, status, headers, "application/json" if status < 400 else "application/problem+json")
    if form == "form":
        # %20, not +: Asterisk's hashcompat=yes leaves a + as it is.
        return Response(urlencode(told, quote_via=quote), status, headers, "application/x-www-form-urlencoded")
    lines = "".join(f"{key}={' '.join(value.split())}\n" for key, value in told.items())
    return Response(lines, status, headers, "text/plain; charset=utf-8")


def _refused(error: CandorError, form: str) -> Response:
    """The answer to what cannot be decided: do not record."""
    status, title = problems.status_of(error)
    no = {"decision": str(Do.DO_NOT_RECORD), "record": str(Record.NO)}
    if form == "json":
        return problems.problem(status, title, code=error.code, detail=error.message, advice=error.advice, **no)
    return _written({**no, "why": str(error), "code": error.code}, form, status)


def _form_of(request: Request) -> str:
    accept = request.headers.get("accept", "")
    if "text/plain" in accept:
        return "text"
    sent = request.headers.get("content-type", "")
    return "text" if sent.startswith("application/x-www-form-urlencoded") and "json" not in accept else "json"


async def _fields(request: Request) -> list[tuple[str, str]]:
    """Address, form and JSON object as pairs of texts; raises TooLarge, InvalidInput."""
    return [*_pairs(request.scope["query_string"]), *(await _body(request))]


async def _body(request: Request) -> list[tuple[str, str]]:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _LARGEST:
            raise TooLarge("The request is larger than 64 KB.", code="telephony.too_large")
    if request.headers.get("content-type", "").startswith("application/json"):
        return _object(bytes(data))
    return _pairs(bytes(data))


def _pairs(data: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise InvalidInput("The form cannot be read.", code="telephony.form") from None


def _object(data: bytes) -> list[tuple[str, str]]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidInput("The request is not JSON.", code="telephony.form") from None
    if not isinstance(found, dict) or len(found) > _FIELDS:
        raise InvalidInput("The request is not a JSON object.", code="telephony.form")
    pairs = [(key, one) for key, value in found.items() for one in (value if isinstance(value, list) else [value])]
    return [(key, str(value)) for key, value in pairs if isinstance(value, str | int)]


# ---- Twilio ----


@router.post("/telephony/twilio/{source}/decision", include_in_schema=False)
async def twilio_decision(request: Request, source: str) -> Response:
    """The decision as TwiML: play, gather, then go on at ``next``."""
    return await _performed(request, source, _decision)


@router.post("/telephony/twilio/{source}/announced", include_in_schema=False)
async def twilio_announced(request: Request, source: str) -> Response:
    """The announcement was played to its end."""
    return await _performed(request, source, _announced)


@router.post("/telephony/twilio/{source}/answer", include_in_schema=False)
async def twilio_answer(request: Request, source: str) -> Response:
    """What was gathered, or nothing."""
    return await _performed(request, source, _answer)


async def _performed(request: Request, source: str, verb: Verb) -> Response:
    services = cast("Services", request.app.state.services)
    onward = ""
    try:
        query, base = _pairs(request.scope["query_string"]), base_of(request, services)
        # Also for whom is not proved: where calls may go on is configured, and nothing is told but "not recorded".
        onward = checked_next(Asked(query).text("next", 2_000), services.telephony.systems, base)
        body = await _body(request)
        _prove(request, services.telephony, source, base, body)
        asked = Asked([*query, *of_twilio(body)])
        stream = checked_stream(asked.text("stream", 500), services.telephony.systems, base)
        plan = await run_in_threadpool(verb, services.telephony, asked, f"twilio:{source}"[:64])
        here = _Here(services.telephony, f"{base}/api/v1/telephony/twilio/{quote(source)}", dict(query), asked)
        elements = await run_in_threadpool(_elements, plan, here, onward, stream)
        return _document(elements, f"{plan.do}, level {plan.level}. {plan.why}")
    except CandorError as error:
        _log.warning("a call is not recorded", source=source[:64], code=error.code)
        return _document(_onward(onward, Record.NO), f"not recorded: {error}")
    except Exception as error:  # noqa: BLE001  whatever goes wrong, the call goes on, and is not recorded
        _log.error("a phone system was not answered as it should be", kind=type(error).__name__)
        return _document(_onward(onward, Record.NO), "not recorded: Candor has a fault.")


def _prove(request: Request, telephony: Telephony, source: str, base: str, body: list[tuple[str, str]]) -> None:
    """Check ``X-Twilio-Signature`` (HMAC-SHA-1 over the address and the sorted form); raises Unauthenticated.

    1. The source is known, and the request is signed.
    2. The signature is right for the address that Twilio was given, with or without its usual port.
    """
    token = telephony.systems.twilio.get(source, "")
    given = request.headers.get("x-twilio-signature", "")
    right = False
    if token and given:  # 1
        path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
        query = request.scope["query_string"].decode("latin-1")
        target = f"{path}?{query}" if query else path
        for origin in _origins(base):  # 2
            made = twilio_signature(token, origin + target, dict(body))
            right |= hmac.compare_digest(made.encode(), given.encode("utf-8", "surrogateescape"))
    if not right:
        raise Unauthenticated(
            "The X-Twilio-Signature is missing or wrong.", code="telephony.unproven",
            advice="Compare the auth token in CANDOR_TWILIO_TOKENS, and CANDOR_PUBLIC_URL with the address in Twilio.",
        )  # fmt: skip


def _origins(base: str) -> tuple[str, ...]:
    scheme, _, host = base.partition("://")
    bare = host.removesuffix(":443" if scheme == "https" else ":80")
    return (f"{scheme}://{bare}", f"{scheme}://{bare}:{443 if scheme == 'https' else 80}")


@dataclass(frozen=True, slots=True)
class _Here:
    """What is needed to say where the next request goes."""

    telephony: Telephony
    address: str
    query: Mapping[str, str]
    asked: Asked

    def to(self, verb: str, **more: str) -> str:
        """An address of ours that repeats what the dial plan's said."""
        kept = {key: self.query[key] for key in _CARRIED if key in self.query}
        return f"{self.address}/{verb}?{urlencode({**kept, **more}, quote_via=quote)}"

    def sound(self, version: str) -> str:
        """A signed address."""
        return _sound(self.telephony, self.address.partition("/api/")[0], version, "wav")


def _elements(plan: Plan, here: _Here, onward: str, stream: str) -> list[str]:
    said = [twiml.say(reply_text(plan.reply, plan.language), plan.language)] if plan.reply else []
    versions = ",".join(one.version for one in plan.announcements) or ",".join(here.asked.versions)
    prompt = [
        twiml.play(here.sound(one.version)) if one.spoken_by else twiml.say(one.text, one.language)
        for one in plan.announcements
    ]
    # What is recorded with its announcement is streamed since the decision.
    started = here.asked.text("streaming", 3) == "yes"
    streamed = _stream(stream, here.asked) if plan.record is Record.YES and not started else []
    going = "yes" if streamed or started else "no"
    offers = plan.do is Do.ASK or any(one.no_key for one in plan.announcements)
    if plan.do in {Do.ASK, Do.ANNOUNCE} and offers and plan.announcements:
        action = here.to("answer", version=versions, ask=str(plan.ask), streaming=going)
        keys = plan.announcements[0].no_key is not None
        asks = twiml.gather(prompt, action=action, keys=keys, language=plan.language, seconds=_WAIT)
        return [*streamed, *said, asks, twiml.redirect(action)]
    if plan.do is Do.ANNOUNCE:
        return [*streamed, *said, *prompt, twiml.redirect(here.to("announced", version=versions, streaming=going))]
    if plan.do is Do.ASK:
        return [*said, *_onward(onward, Record.NO)]
    return [*streamed, *said, *_onward(onward, plan.record)]


def _stream(url: str, asked: Asked) -> list[str]:
    if not url:
        return []
    call = asked.call()
    told = {"from": call.caller, "to": call.callee or "", "agent_id": call.agent_id or ""}
    return [twiml.stream(url, {key: value for key, value in told.items() if value})]


def _onward(onward: str, record: Record) -> list[str]:
    """Go on where the dial plan wants to, which learns the outcome: ``record``, and ``dial_record`` for ``<Dial>``."""
    if not onward:
        return []
    yes = record is Record.YES
    told = {"record": "yes" if yes else "no", "dial_record": "record-from-answer-dual" if yes else "do-not-record"}
    return [twiml.redirect(f"{onward}{'&' if '?' in onward else '?'}{urlencode(told)}")]


def _document(elements: list[str], why: str) -> Response:
    body = twiml.document(elements, why)
    return Response(body, headers={"Cache-Control": "no-store"}, media_type=twiml.CONTENT_TYPE)


# ---- sound ----


@router.get("/telephony/sound/{proof}/{name}", include_in_schema=False)
def sound(request: Request, proof: str, name: str) -> Response:
    """An announcement, by an address that a decision gave: signed, for a day at most."""
    announcing = cast("Services", request.app.state.services).announcing
    version, form = announcing.check_address(proof, name)
    return Response(
        announcing.sound(version, form), media_type=FORMATS[form], headers={"Cache-Control": "private, max-age=43200"}
    )


def _sound(telephony: Telephony, base: str, version: str, form: str) -> str:
    return f"{base}/api/v1/telephony/sound/{telephony.announcing.address(version, form)}"
