"""The session recording server (RFC 7866 section 8): INVITE, re-INVITE, UPDATE, BYE and the rest of a session's life.

A new session passes these checks, in this order; the first that fails is the answer:

1. the sender's address is on the list (else nothing is answered at all);
2. with users configured, the digest proves one of them (401);
3. every option in ``Require`` is known here (420);
4. the session interval is not too small (422);
5. there is an SDP offer in the body (488), and it can be read (400);
6. at least one audio line of it can be recorded (488, with the reason of each line);
7. there is room: calls, ports, disk (503);
8. it may be recorded at all (603; RFC 3261 section 21.6.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from candor.capture.ports import Control
from candor.capture.recorder import Recorder
from candor.capture.sip import digest
from candor.capture.sip import message as sip
from candor.capture.sip.endpoint import Endpoint, Flow, ServerTransaction, new_tag
from candor.capture.sip.errors import SipError
from candor.capture.siprec.asking import Asking
from candor.capture.siprec.connecting import connect, describe
from candor.capture.siprec.dialog import ALLOW, SUPPORTED, RecordingSession, SiprecSettings
from candor.capture.siprec.merging import lacks, merge
from candor.capture.siprec.model import MetadataError
from candor.capture.siprec.negotiation import Line, answered, judge, refusals
from candor.capture.siprec.requests import (
    KEY_TYPES,
    Contents,
    Refusal,
    Timer,
    check_options,
    contents,
    keys,
    readable,
    session_timer,
)
from candor.capture.siprec.session import facts
from candor.errors import CandorError, Forbidden
from candor.kit import clock
from candor.kit.ids import new_id

_ACCEPT = ", ".join(
    ("application/sdp", "application/rs-metadata+xml", "application/rs-metadata", "multipart/mixed", *KEY_TYPES)
)
_UNQUOTABLE = re.compile(r'["\\\x00-\x1f\x7f]')


class SiprecServer:
    """Handles SIP requests for one recorder."""

    def __init__(self, recorder: Recorder, settings: SiprecSettings) -> None:
        self._recorder, self.settings = recorder, settings
        self.endpoint = Endpoint(self, agent="Candor")
        self._asking = Asking(self)
        self._nonces = digest.Nonces()
        self._secret = secrets.token_bytes(32)
        self.sessions: dict[tuple[str, str], RecordingSession] = {}
        self._known_hosts: dict[str, bool] = {}

    def settle(self, port: int) -> None:
        """Say that we are reached on ``port`` (where a free one was asked for)."""
        self.settings = replace(self.settings, port=port)

    # ---- what the endpoint asks ----

    def allowed(self, flow: Flow) -> bool:
        known = self._known_hosts.get(flow.host)
        if known is None:
            host = ipaddress.ip_address(flow.host.partition("%")[0])
            if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
                host = host.ipv4_mapped
            known = any(host in network for network in self.settings.allow if network.version == host.version)
            if len(self._known_hosts) > 10_000:
                self._known_hosts.clear()
            self._known_hosts[flow.host] = known
            if not known:
                self._refused(flow, "The address is not in CANDOR_SIP_ALLOW: dropped without an answer.")
        return known

    def on_unreadable(self, flow: Flow, error: SipError) -> None:
        self._refused(flow, error.message)

    def on_ack(self, request: sip.Request) -> None:
        session = self._find(request)
        if session is None:
            return
        session.acknowledged, session.heard, session.due = True, time.monotonic(), 0.0
        if session.offered == request.cseq.number:  # to an offer of ours: the answer is in it
            session.offered = None
            self.learn(session, request)

    def on_no_ack(self, call_id: str, tag: str) -> None:
        session = self.sessions.get((call_id, tag))
        if session is not None:
            self._refused(session.flow, "The answer was never acknowledged: check that ours reach the sender.")
            self._asking.hang_up(session, "no ACK")

    def on_request(self, request: sip.Request, transaction: ServerTransaction) -> None:
        session = self._find(request)
        tagged = request.recipient.params.get("tag") is not None
        if tagged and session is None:
            transaction.respond(sip.reply(request, 481, to_tag=new_tag()))
            return
        if session is not None:
            if request.cseq.number <= session.remote_cseq and request.method != "OPTIONS":
                transaction.respond(sip.reply(request, 500, "CSeq Out of Order"))
                return
            session.remote_cseq = max(session.remote_cseq, request.cseq.number)
            session.hear(request)
            session.flow = transaction.flow
        verbs: dict[str, Callable[[sip.Request, ServerTransaction, RecordingSession | None], None]] = {
            "INVITE": self._invite, "UPDATE": self._update, "BYE": self._bye, "OPTIONS": self._options,
            "INFO": self._info,
        }  # fmt: skip
        verb = verbs.get(request.method)
        if verb is None:
            transaction.respond(sip.reply(request, 405, to_tag=new_tag(), headers=[("Allow", ALLOW)]))
            return
        verb(request, transaction, session)

    # ---- requests ----

    def _invite(self, request: sip.Request, tx: ServerTransaction, session: RecordingSession | None) -> None:
        if session is not None:
            self._renegotiate(request, tx, session)
            return
        if self._unproven(request, tx):  # (2)
            return
        try:
            session, words = self._admit(request, tx)
        except Refusal as refusal:
            self._refuse(tx, refusal)
            return
        self._answer(tx, session)
        self._recorder.offered("siprec", tx.flow.host, words, accepted=True)

    def _admit(self, request: sip.Request, tx: ServerTransaction) -> tuple[RecordingSession, str]:
        """Checks 3 to 7: the opened session and what to say about it; raises Refusal."""
        check_options(request)  # (3)
        timer = session_timer(request)  # (4)
        found = readable(request)  # (5)
        if found.offer is None:
            raise Refusal(488, "There is no SDP offer in it.")
        lines = judge(found.offer, srtp=self.settings.srtp)
        if not any(line.accepted for line in lines):  # (6)
            raise Refusal(488, f"Nothing in the offer can be recorded: {refusals(lines) or 'it offers no media'}.")
        try:
            session = self._open(request, tx, lines, found)  # (7)
        except Forbidden as error:
            raise Refusal(603, error.message) from error
        except CandorError as error:
            raise Refusal(503, error.message, ("Retry-After", "5")) from error
        _agree(session, timer)
        return session, _remarks(found, lines)

    def _open(
        self, request: sip.Request, tx: ServerTransaction, lines: tuple[Line, ...], found: Contents
    ) -> RecordingSession:
        contact = request.contact
        value = facts(
            an_id=new_id(), source=self.settings.source, started_at=clock.now(), metadata=found.metadata,
            headers=request.headers, streams=(), house=self.settings.house,
        )  # fmt: skip
        tag = self._tag(request)
        key = (request.call_id, tag)
        call = self._recorder.begin(value, on_control=lambda asked: self._controlled(key, asked))
        local = replace(request.recipient, params={**request.recipient.params, "tag": tag})
        session = RecordingSession(
            call_id=request.call_id, local_tag=tag, remote=request.sender, local=local,
            target=contact.uri if contact else request.sender.uri, flow=tx.flow, call=call,
            session_id=str(secrets.randbelow(1 << 62)), route=request.headers.all("Record-Route"),
            headers=request.headers, remote_cseq=request.cseq.number,
            siprec="siprec" in request.headers.tokens("Require")
            or (contact is not None and "+sip.src" in contact.params),
        )  # fmt: skip
        session.hear(request)
        self._merge(session, found)
        if session.metadata is None:
            session.want_snapshot(_unreadable(found) if found.unreadable else "No metadata came with the offer.")
        try:
            connect(self._recorder, self.settings, session, lines)
        except CandorError:
            call.end("refused")
            raise
        self.sessions[key] = session
        return session

    def _answer(self, tx: ServerTransaction, session: RecordingSession, *, offering: bool = False) -> None:
        fields = [*self._about(session), ("Content-Type", "application/sdp")]
        if refused := refusals(session.lines):
            fields.append(_warning(refused))
        if tx.request.method == "INVITE":
            session.acknowledged = False
            session.offered = tx.request.cseq.number if offering else None
        body = bytes(describe(self.settings, session, offering=offering))
        tx.respond(sip.reply(tx.request, 200, to_tag=session.local_tag, headers=fields, body=body))

    def _about(self, session: RecordingSession) -> list[tuple[str, str]]:
        """Header fields of every answer inside a session."""
        fields = [
            ("Contact", self.settings.contact(session.flow.transport)), ("Allow", ALLOW), ("Supported", SUPPORTED),
            ("Accept", _ACCEPT),
        ]  # fmt: skip
        if session.interval is not None:
            session.renew()
            if session.timer_known or not session.refreshing:
                fields.append(("Require", "timer"))
            fields.append(("Session-Expires", f"{session.interval};refresher={'uas' if session.refreshing else 'uac'}"))
        return fields

    def _renegotiate(self, request: sip.Request, tx: ServerTransaction, session: RecordingSession) -> None:
        """A re-INVITE or UPDATE: streams may come, go, stop and go on; who takes part may change.

        A re-INVITE without an offer gets ours, and its ACK brings the answer (RFC 3261 section 14.2).
        """
        try:
            check_options(request)
            timer, found = session_timer(request), readable(request)
        except Refusal as refusal:
            tx.respond(sip.reply(request, refusal.status, headers=refusal.fields))
            return
        if session.offering and (request.method == "INVITE" or found.offer is not None):
            tx.respond(sip.reply(request, 491))
            return
        _agree(session, timer)
        if (contact := request.contact) is not None:
            session.target = contact.uri
        self._merge(session, found)
        lines = session.lines if found.offer is None else judge(found.offer, srtp=self.settings.srtp)
        try:
            connect(self._recorder, self.settings, session, lines)
        except CandorError as error:
            tx.respond(sip.reply(request, 503, headers=[_warning(error.message)]))
            return
        if found.unreadable or (found.offer is not None and refusals(lines)):
            self.remark(session, _remarks(found, lines))
        if found.offer is None and request.method == "UPDATE":
            tx.respond(sip.reply(request, 200, headers=self._about(session)))
            return
        self._answer(tx, session, offering=found.offer is None)

    def _update(self, request: sip.Request, tx: ServerTransaction, session: RecordingSession | None) -> None:
        if session is None:
            tx.respond(sip.reply(request, 481, to_tag=new_tag()))
        else:
            self._renegotiate(request, tx, session)

    def _bye(self, request: sip.Request, tx: ServerTransaction, session: RecordingSession | None) -> None:
        if session is None:
            tx.respond(sip.reply(request, 481, to_tag=new_tag()))
            return
        self._told(session, request)
        tx.respond(sip.reply(request, 200))
        self.over(session, "BYE")

    def _options(self, request: sip.Request, tx: ServerTransaction, session: RecordingSession | None) -> None:
        del session
        contact = self.settings.contact(tx.flow.transport)
        fields = [("Contact", contact), ("Allow", ALLOW), ("Supported", SUPPORTED), ("Accept", _ACCEPT)]
        tx.respond(sip.reply(request, 200, to_tag=new_tag(), headers=fields))

    def _info(self, request: sip.Request, tx: ServerTransaction, session: RecordingSession | None) -> None:
        """Telephone keys, which some senders tell in this way only; and metadata, which none should."""
        if session is None:
            tx.respond(sip.reply(request, 481, to_tag=new_tag()))
            return
        tx.request = replace(request, body=b"")  # a key is not kept for as long as the transaction is
        try:
            pressed = keys(request)
        except Refusal as refusal:
            tx.respond(sip.reply(request, refusal.status, headers=refusal.fields))
            return
        except CandorError as error:
            tx.respond(sip.reply(request, 400, headers=[_warning(error.message)]))
            return
        for key in pressed:
            session.call.key_pressed(key, time.time())
        self._told(session, request)
        tx.respond(sip.reply(request, 200))

    # ---- what is told ----

    def _told(self, session: RecordingSession, request: sip.Request) -> None:
        """Metadata of a request that is about something else."""
        with contextlib.suppress(CandorError):
            found = contents(request)
            self._merge(session, found)
            if found.metadata is not None:
                connect(self._recorder, self.settings, session, session.lines)

    def _merge(self, session: RecordingSession, found: Contents) -> None:
        """Merge what a message says of who is on the call, and ask for all of it where that cannot be understood."""
        update = found.metadata
        if found.unreadable:
            session.want_snapshot(_unreadable(found))
        if update is None:
            return
        lacking = lacks(session.metadata, update)
        with contextlib.suppress(MetadataError):
            session.metadata = merge(session.metadata, update, at=clock.now())
        if lacking:
            session.want_snapshot("A partial update refers to what was not received.")
        elif update.data_mode == "complete":
            session.lack, session.snapshot_at = "", None

    def learn(self, session: RecordingSession, message: sip.Request | sip.Response) -> None:
        """Take metadata, and the answer to an offer of ours, from an ACK or a response."""
        with contextlib.suppress(CandorError):
            found = contents(message)
            self._merge(session, found)
            lines = session.lines
            if found.offer is not None:
                lines = answered(lines, found.offer, srtp=self.settings.srtp)
            if not session.over:
                connect(self._recorder, self.settings, session, lines)

    def remark(self, session: RecordingSession, words: str) -> None:
        """Say something on the page of sources about a session that is recorded."""
        self._recorder.offered("siprec", session.flow.host, words, accepted=True)

    # ---- from our side ----

    async def tend(self, stop: asyncio.Event) -> None:
        """Once a second: see to the sessions that are due."""
        while not stop.is_set():
            self.look_after(time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)

    def look_after(self, now: float) -> None:
        """End sessions that were not refreshed, refresh those that we are to, ask those that fell silent."""
        for session in [one for one in self.sessions.values() if now >= one.due]:
            self._asking.look_after(session, now)

    async def close(self) -> None:
        """Say good-bye to every session and stop listening."""
        for session in list(self.sessions.values()):
            self._asking.hang_up(session, "shutdown")
        await self._asking.close(2.0)
        await self.endpoint.close()

    def over(self, session: RecordingSession, reason: str) -> None:
        """The session has ended, and with it the call."""
        session.over = True
        self.sessions.pop((session.call_id, session.local_tag), None)
        session.call.end(reason)

    def _controlled(self, key: tuple[str, str], asked: Control) -> None:
        session = self.sessions.get(key)
        if session is not None and asked is Control.END:
            self._asking.hang_up(session, "ended here")

    # ---- checks ----

    def _tag(self, request: sip.Request) -> str:
        """Our tag for a call: the same in a challenge and in the answer after it, which some senders count on."""
        told = f"{request.call_id}\0{request.sender.params.get('tag')}".encode()
        return hashlib.blake2b(told, key=self._secret, digest_size=8).hexdigest()

    def _find(self, request: sip.Request) -> RecordingSession | None:
        return self.sessions.get((request.call_id, request.recipient.params.get("tag") or ""))

    def _unproven(self, request: sip.Request, tx: ServerTransaction) -> bool:
        """Check 2: True when the request was answered with a challenge."""
        if not self.settings.users:
            return False
        stale = False
        given = request.headers.get("Authorization")
        if given is not None:
            try:
                digest.verify(
                    given, method=request.method, realm=self.settings.realm, passwords=self.settings.users.get,
                    nonces=self._nonces, algorithms=self.settings.digest,
                )  # fmt: skip
            except digest.DigestError as error:
                stale = error.stale
                if not stale:
                    self._refused(tx.flow, "The user name or password is wrong.")
            else:
                return False
        values = digest.challenge(
            self.settings.realm, self._nonces.issue(), algorithms=self.settings.digest, stale=stale
        )
        tx.respond(
            sip.reply(
                request, 401, to_tag=self._tag(request), headers=[("WWW-Authenticate", value) for value in values]
            )
        )
        return True

    def _refuse(self, tx: ServerTransaction, refusal: Refusal) -> None:
        fields = [*refusal.fields, _warning(refusal.words)]
        tx.respond(sip.reply(tx.request, refusal.status, to_tag=self._tag(tx.request), headers=fields))
        self._refused(tx.flow, f"{refusal.status}: {refusal.words}")

    def _refused(self, flow: Flow, words: str) -> None:
        self._recorder.offered("siprec", flow.host, words, accepted=False, source=self.settings.source)


def _agree(session: RecordingSession, timer: Timer) -> None:
    """Take over a session timer; one that is not spoken of again stays as it was."""
    session.timer_known = timer.known
    if timer.interval is not None:
        session.interval, session.refreshing = timer.interval, timer.ours


def _remarks(found: Contents, lines: tuple[Line, ...]) -> str:
    """What the page of sources says about an offer that was taken."""
    if found.unreadable:
        return f"Recording, but who is on the call is not known: {found.unreadable}"
    refused = refusals(lines)
    return f"Recording, but not {refused}." if refused else "Recording."


def _unreadable(found: Contents) -> str:
    return f"The metadata cannot be read. {found.unreadable}"


def _warning(words: str) -> tuple[str, str]:
    """Words for whoever reads the sender's log (RFC 3261 section 20.43)."""
    return "Warning", f'399 candor "{_UNQUOTABLE.sub("", words)[:200]}"'
