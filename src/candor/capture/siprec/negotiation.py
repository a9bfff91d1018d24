"""Offer and answer (RFC 3264) of a recording session: one ``recvonly`` line for each that was offered, in order.

Pure. Which ports and keys stand in the answer is the caller's; what can be recorded is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from candor.capture.model import PayloadType
from candor.capture.rtp.codecs import make_decoder
from candor.capture.rtp.srtp import SUITES, Crypto, SrtpError
from candor.capture.sip.crypto import Crypto as OfferedCrypto
from candor.capture.sip.sdp import Connection, Media, Origin, SessionDescription

_PROFILES = {"RTP/AVP", "RTP/AVPF"}
_SECURE_PROFILES = {"RTP/SAVP", "RTP/SAVPF"}
_SIDE = {"telephone-event", "cn"}
_KEPT_UNDECODED = {"G729", "AMR", "AMR-WB", "G723", "ILBC", "G726-32", "SPEEX"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One offered media line, judged."""

    media: Media
    label: str
    direction: str
    """sendonly, sendrecv, recvonly or inactive, as offered."""
    record: str | None
    """``a=record`` or ``a=recordpref`` (RFC 7866), as offered."""
    address: str | None = None
    """The sender's for this line: of its own ``c=``, else of the session's."""
    payload_types: tuple[PayloadType, ...] = ()
    """What may come; empty: refused."""
    chosen: tuple[int, ...] = ()
    """What the answer names."""
    crypto: OfferedCrypto | None = None
    refusal: str = ""
    """Why it is refused, in words."""

    @property
    def accepted(self) -> bool:
        """Whether the answer takes it."""
        return bool(self.payload_types)

    @property
    def sending(self) -> bool:
        """Whether sound comes on it now."""
        return self.direction in {"sendonly", "sendrecv"} and self.record not in {"paused", "pause", "off"}

    def key(self) -> Crypto | None:
        """The sender's SRTP key."""
        return None if self.crypto is None else Crypto.from_inline(self.crypto.suite, self.crypto.inline)


def judge(offer: SessionDescription, *, srtp: str = "allow") -> tuple[Line, ...]:
    """What becomes of each line of ``offer``; ``srtp`` is allow, require or off."""
    return tuple(_judge(offer, media, number, srtp) for number, media in enumerate(offer.media))


def refusals(lines: tuple[Line, ...]) -> str:
    """Why which lines are refused, in words; empty when none is."""
    return "; ".join(f"line {number}: {line.refusal}" for number, line in enumerate(lines, 1) if line.refusal)


def answered(offered: tuple[Line, ...], answer: SessionDescription, *, srtp: str = "allow") -> tuple[Line, ...]:
    """The lines after the other side's ``answer`` to an offer of ours, which had a section for each of ``offered``.

    Sections belong together by their place (RFC 3264 section 6), so that an answer may leave the labels out, and
    a pause that was said before lasts until the next offer. One of another length changes nothing.
    """
    if len(answer.media) != len(offered):
        return offered
    media = [
        section if section.label or not line.media.label
        else replace(section, attributes=(*section.attributes, ("label", line.media.label)))
        for section, line in zip(answer.media, offered, strict=True)
    ]  # fmt: skip
    judged = judge(replace(answer, media=tuple(media)), srtp=srtp)
    return tuple(replace(now, record=now.record or then.record) for now, then in zip(judged, offered, strict=True))


def _judge(offer: SessionDescription, media: Media, number: int, srtp: str) -> Line:
    label = media.label or f"m{number}"
    record = offer.record(media) or offer.recordpref(media)
    connection = offer.connection_of(media)
    line = Line(
        media=media, label=label, direction=offer.direction(media), record=record,
        address=None if connection is None else connection.address,
    )  # fmt: skip
    crypto = None
    refusal = ""
    if media.kind != "audio":
        refusal = f"{media.kind} is not recorded"
    elif media.port == 0:
        refusal = "the sender has closed it"
    elif media.protocol in _SECURE_PROFILES:
        crypto = _usable(media)
        if srtp == "off":
            refusal = "SRTP is switched off here"
        elif crypto is None:
            refusal = "no a=crypto line with a known suite"
    elif media.protocol not in _PROFILES:
        refusal = f"the profile {media.protocol[:20]} is not known"
    elif srtp == "require":
        refusal = "SRTP is required here, and the offer is RTP/AVP"
    types = _types(media)
    if not refusal and not any(t.encoding.lower() not in _SIDE for t in types):
        refusal = "none of its codecs can be recorded"
    if refusal:
        return replace(line, refusal=refusal)
    main = next(t for t in types if t.encoding.lower() not in _SIDE)
    side = [t.number for t in types if t.encoding.lower() in _SIDE]
    return replace(line, payload_types=types, chosen=(main.number, *side), crypto=crypto)


def _types(media: Media) -> tuple[PayloadType, ...]:
    """The offered payload types that can be kept; those that can be decoded come first."""
    kept: list[tuple[int, PayloadType]] = []
    maps, formats = media.rtpmaps, media.fmtp
    for number in media.payload_types:
        found = maps.get(number)
        if found is None:
            continue
        kind = PayloadType(
            number=number, encoding=found.encoding, clock_rate=found.rate, channels=found.channels,
            fmtp=formats.get(number, ""),
        )  # fmt: skip
        if kind.encoding.lower() in _SIDE:
            kept.append((2, kind))
        elif make_decoder(kind.encoding, kind.clock_rate, kind.channels, kind.fmtp) is not None:
            kept.append((0, kind))
        elif kind.encoding.upper() in _KEPT_UNDECODED:
            kept.append((1, kind))
    return tuple(kind for _, kind in sorted(kept, key=lambda pair: pair[0]))


def _usable(media: Media) -> OfferedCrypto | None:
    for one in media.crypto:
        if one.suite.upper() in SUITES and not one.session_parameters:
            try:
                Crypto.from_inline(one.suite, one.inline)
            except SrtpError:
                continue
            return one
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """What we offer for an accepted line."""

    number: int
    key: str | None = None
    """Our own SRTP key parameters (for the reports that we send), where the line is secure."""


def answer(
    lines: tuple[Line, ...], ports: Mapping[int, Port], *, address: str, session: str,
    version: int, offering: bool = False,
) -> SessionDescription:  # fmt: skip
    """The answer: ``ports`` by line number; lines without a port are refused (port 0).

    ``offering``: an offer of ours instead, which says ``recvonly`` to what is on hold as well, so that the sender may
    take it up again (RFC 3261 section 14.2).
    """
    family = "IP6" if ":" in address else "IP4"
    return SessionDescription(
        origin=Origin(username="candor", session_id=session, session_version=str(version), address_type=family,
                      address=address),
        name="-",
        connection=Connection(address=address, address_type=family),
        media=tuple(_line(line, ports.get(number), offering=offering) for number, line in enumerate(lines)),
    )  # fmt: skip


def _line(line: Line, port: Port | None, *, offering: bool) -> Media:
    media = line.media
    label = [("label", media.label)] if media.label else []
    if port is None or not line.accepted:
        return Media(
            kind=media.kind, port=0, protocol=media.protocol, formats=media.formats[:1], attributes=tuple(label)
        )
    attributes: list[tuple[str, str | None]] = []
    by_number = {t.number: t for t in line.payload_types}
    for number in line.chosen:
        kind = by_number[number]
        channels = f"/{kind.channels}" if kind.channels > 1 else ""
        attributes.append(("rtpmap", f"{number} {kind.encoding}/{kind.clock_rate}{channels}"))
        if kind.fmtp:
            attributes.append(("fmtp", f"{number} {kind.fmtp}"))
    if media.ptime:
        attributes.append(("ptime", str(media.ptime)))
    attributes += label
    stopped = line.direction in {"inactive", "recvonly"} and not offering
    attributes.append(("inactive" if stopped else "recvonly", None))
    if line.crypto is not None and port.key is not None:
        attributes.append(("crypto", f"{line.crypto.tag} {line.crypto.suite} {port.key}"))
    return Media(
        kind=media.kind, port=port.number, protocol=media.protocol,
        formats=tuple(str(number) for number in line.chosen), attributes=tuple(attributes),
    )  # fmt: skip
