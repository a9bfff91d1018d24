"""Settings by which others reach this Candor, or by which it does less than its users may think."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from candor.access.model import UserRole
from candor.capture.streams.sources import Proof
from candor.cli.doctor.model import Finding, advise_if, weak_if
from candor.settings import Settings


def findings(settings: Settings) -> Iterator[Finding]:
    """Pure: reads nothing but ``settings``."""
    yield from _pages(settings)
    yield from _calls(settings)
    yield from _house(settings)


def _pages(settings: Settings) -> Iterator[Finding]:
    yield weak_if(
        not _is_loopback(settings.host) and not settings.https, "pages.clear",
        weak="The pages are open to other machines without TLS: passwords and sound travel in the clear.",
        good="The pages are reached over TLS, or from this machine only.",
        advice="Put a TLS proxy in front, set CANDOR_HOST=127.0.0.1 and CANDOR_HTTPS=true.",
    )  # fmt: skip
    yield weak_if(
        not settings.guesses_per_minute, "pages.guesses",
        weak="Any number of passwords and tokens may be tried.",
        good="Guessing at passwords and tokens is slowed down.",
        advice="Set CANDOR_GUESSES_PER_MINUTE, 30 is usual.",
    )  # fmt: skip
    yield advise_if(
        not settings.requests_per_second, "pages.requests",
        so="One caller may keep the web process busy.", good="Requests are limited for each caller.",
        advice="Set CANDOR_REQUESTS_PER_SECOND, 200 is usual.",
    )  # fmt: skip
    yield weak_if(
        settings.session_hours > 24 or not settings.idle_minutes, "pages.sessions",
        weak="A log-in lasts longer than a day, or never ends by disuse: a browser left open stays open.",
        good="Log-ins end by themselves.", advice="Set CANDOR_SESSION_HOURS=12 and CANDOR_IDLE_MINUTES=60.",
    )  # fmt: skip
    guarded = {UserRole.ADMINISTRATOR, UserRole.COMPLIANCE} <= set(settings.second_factor)
    yield weak_if(
        settings.password_login and not guarded, "people.second_factor",
        weak="A password alone opens everything: administrators and compliance officers need no second factor.",
        good="Roles that see everything need a second factor.",
        advice='Set CANDOR_SECOND_FACTOR=["administrator","compliance"]; people enrol at their next log-in.',
    )  # fmt: skip
    yield weak_if(
        settings.reveal_minutes > 60, "people.reveal",
        weak="Unmasked text and sound stay open for more than an hour after a reason was given.",
        good="Unmasked text and sound close by themselves.", advice="Set CANDOR_REVEAL_MINUTES=15.",
    )  # fmt: skip


def _calls(settings: Settings) -> Iterator[Finding]:
    if not settings.recorder:
        return
    wide = [network for network in settings.sip_allow if _is_wide(network)]
    yield weak_if(
        wide and not settings.sip_users and settings.tls_client_ca is None, "calls.senders",
        weak="Very many machines may send calls, and none of them has to prove who it is.",
        good="Only machines that are listed or known may send calls.",
        advice="List the session border controllers in CANDOR_SIP_ALLOW, or set CANDOR_SIP_USERS.",
    )  # fmt: skip
    yield advise_if(
        settings.sip_users and "MD5" in settings.sip_digest, "calls.digest",
        so="Senders may prove themselves by MD5, which is weak.",
        good="Senders prove themselves by SHA-256, or not by digest.",
        advice='Set CANDOR_SIP_DIGEST=["SHA-256"] when your session border controller knows it (RFC 8760).',
    )  # fmt: skip
    yield weak_if(
        settings.media_from == "any", "calls.media",
        weak="Sound is taken from any address: strangers could mix in.",
        good="Sound is taken from known addresses only.",
        advice="Set CANDOR_MEDIA_FROM=known.",
    )  # fmt: skip
    yield advise_if(
        not _is_loopback(settings.sip_host) and settings.srtp != "require", "calls.srtp",
        so="Calls may arrive unencrypted from other machines.", good="Calls arrive encrypted, or from this machine.",
        advice="Set CANDOR_SRTP=require and CANDOR_SIPS_PORT when your session border controller can do SRTP.",
    )  # fmt: skip
    open_sources = [one for one in settings.stream_sources if one.get("proof") == Proof.NONE]
    yield weak_if(
        open_sources, "calls.streams",
        weak="A source of media streams needs no proof: whoever reaches the port can send calls.",
        good="Media streams prove where they come from.", advice="Give every source of CANDOR_STREAM_SOURCES a secret.",
    )  # fmt: skip


def _house(settings: Settings) -> Iterator[Finding]:
    yield weak_if(
        settings.consent == "off", "consent.off",
        weak="Calls are recorded without asking what the law demands of them.", good="Each call is decided by the law.",
        advice="Set CANDOR_CONSENT=enforce and CANDOR_ESTABLISHMENT; see docs/howto/enforce-consent.md.",
    )  # fmt: skip
    yield weak_if(
        settings.audit_checkpoints is None, "audit.checkpoints",
        weak="Checkpoints of the audit log are kept on this machine only: whoever owns it could write another history.",
        good="Checkpoints of the audit log are kept elsewhere, too.",
        advice="Set CANDOR_AUDIT_CHECKPOINTS to a place that administrators of this machine cannot change.",
    )  # fmt: skip
    yield advise_if(
        settings.disposal_approval == "none", "keeping.approval",
        so="What is due is destroyed without a second person.", good="A second person approves what is destroyed.",
        advice="Set CANDOR_DISPOSAL_APPROVAL=four-eyes where a mistake in a schedule would hurt.",
    )  # fmt: skip
    yield advise_if(
        settings.evidence_certificate is None, "evidence.certificate",
        so="Evidence packages are signed by a certificate that Candor makes itself: nobody vouches for who signed.",
        good="Evidence packages are signed by a certificate of your own.",
        advice="Set CANDOR_EVIDENCE_CERTIFICATE; see docs/howto/settle-a-dispute.md.",
    )  # fmt: skip
    yield advise_if(
        settings.log_level == "DEBUG", "logs.debug", so="Everything is logged.",
        good="Logging is kept to what is needed.",
        advice="Set CANDOR_LOG_LEVEL=INFO.",
    )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_wide(network: str) -> bool:
    """More addresses than one site has: beyond a /16, or a /48 of IPv6; loopback is this machine."""
    try:
        given = ip_network(network, strict=False)
    except ValueError:
        return False
    return not given.is_loopback and given.prefixlen < (16 if given.version == 4 else 48)
