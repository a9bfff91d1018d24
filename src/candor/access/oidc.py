"""Single sign-on by OpenID Connect Core 1.0: authorization code with PKCE (RFC 7636), and the checks of its answer.

The checks, numbered here and in the code:

1. ``state`` is the one given to this very browser, minutes ago, and not used since (RFC 6749, 10.12); where the
   provider names itself in the answer, it is ours (RFC 9207).
2. The code is exchanged by us, over TLS, with the verifier that only we know.
3. The ID token is signed by a key of the provider's, with an algorithm for signing with key pairs: never none or HMAC.
4. ``iss`` is our provider, ``aud`` holds us, and ``azp`` is us where there are several (Core, 3.1.3.7).
5. ``exp`` and ``iat`` hold, with a minute for clocks that differ.
6. ``nonce`` is the one of this log-in.
7. The log-in name comes from a claim that the provider vouches for: an e-mail address it has not verified is none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from candor.errors import InvalidInput, Unauthenticated, Unavailable
from candor.kit import clock

ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA", "Ed25519")
_LEEWAY = 60
_LARGEST = 1 << 20
_KEYS_LAST = 3600.0
_ASK_AGAIN = 30.0
"""Seconds between two looks for keys that were not there: a stranger's tokens must not make us knock all day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is kept while the browser is away at the provider."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who came back."""

    issuer: str
    subject: str
    login: str
    name: str
    email: str | None
    groups: tuple[str, ...]
    verified: bool
    """Whether the log-in name is an e-mail address that the provider has verified."""


class Provider:
    """One identity provider. Safe to use from several threads."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str | None, *, label: str = "",
        scopes: tuple[str, ...] = ("openid", "profile", "email"), groups_claim: str = "groups",
        login_claim: str = "email",
    ) -> None:  # fmt: skip
        """Raises InvalidInput for a provider over plain http that is not on this machine."""
        _require_safe(issuer)
        self.issuer, self.label = issuer, label
        self._client_id, self._secret = client_id, client_secret
        self._scopes, self._groups_claim, self._login_claim = scopes, groups_claim, login_claim
        self._lock = threading.Lock()
        self._about: dict[str, Any] | None = None
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    def begin(self, back: str) -> tuple[str, Asked]:
        """(where to send the browser, what to keep); ``back`` is our own address. Raises Unavailable."""
        asked = Asked(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48)
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(asked.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self._client_id, "redirect_uri": back,
            "scope": " ".join(dict.fromkeys(("openid", *self._scopes))), "state": asked.state, "nonce": asked.nonce,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        place = self._endpoint("authorization_endpoint")
        return f"{place}{'&' if '?' in place else '?'}{urlencode(query)}", asked

    def finish(self, asked: Asked, answer: Mapping[str, str], back: str) -> Identity:
        """Who came back with ``answer`` (the query of our own address).

        Raises Unauthenticated when a check fails, Unavailable when the provider does not answer.
        """
        # (1) this browser's own log-in, answered by our provider
        if not hmac.compare_digest(asked.state.encode(), answer.get("state", "").encode()):
            raise _refused("state")
        if "iss" in answer and answer["iss"] != self.issuer:
            raise _refused("issuer")
        code = answer.get("code")
        if not code:
            raise _refused("denied")
        # (2) by us, with the verifier
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": self._client_id,
            "code_verifier": asked.verifier,
        }  # fmt: skip
        basic = None if self._secret is None else httpx.BasicAuth(self._client_id, self._secret)
        told = self._fetch("POST", self._endpoint("token_endpoint"), form=form, auth=basic)
        return self._identity(str(told.get("id_token") or ""), asked.nonce)

    def _identity(self, token: str, nonce: str) -> Identity:
        claims = self._verified(token)
        # (4) from our provider, for us
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        if claims.get("iss") != self.issuer:
            raise _refused("issuer")
        by_name = len(audiences) > 1 or "azp" in claims
        if self._client_id not in audiences or (by_name and claims.get("azp") != self._client_id):
            raise _refused("audience")
        # (5) now
        now, issued, expires = clock.now().timestamp(), _time(claims.get("iat")), _time(claims.get("exp"))
        if expires is None or issued is None or expires + _LEEWAY <= now or issued - _LEEWAY > now:
            raise _refused("expired")
        # (6) for this log-in
        if not hmac.compare_digest(nonce.encode(), str(claims.get("nonce") or "").encode()):
            raise _refused("nonce")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise _refused("subject")
        # (7) vouched for
        login = str(claims.get(self._login_claim) or "").strip()
        if self._login_claim == "email" and claims.get("email_verified") is False:
            raise _refused("email")
        if not login or len(login) > 120 or any(mark.isspace() for mark in login):
            raise _refused("login")
        groups = claims.get(self._groups_claim)
        return Identity(
            issuer=self.issuer, subject=subject, login=login, name=str(claims.get("name") or login)[:200],
            email=str(claims["email"])[:254] if claims.get("email") else None,
            groups=tuple(str(each) for each in groups) if isinstance(groups, list) else (),
            verified=self._login_claim == "email" and claims.get("email_verified") is True,
        )  # fmt: skip

    def _verified(self, token: str) -> dict[str, Any]:
        # (3) the provider's signature; keys that rotated are looked for once more
        for fresh in (False, True):
            try:
                return dict(jwt.decode(token, self._key_set(fresh=fresh), algorithms=list(ALGORITHMS)).claims)
            except (JoseError, ValueError, KeyError, TypeError) as error:
                if fresh:
                    raise _refused("signature") from error
        raise _refused("signature")

    def _key_set(self, *, fresh: bool) -> KeySet:
        with self._lock:
            age = time.monotonic() - self._keys_at
            if self._keys is None or age > _KEYS_LAST or (fresh and age > _ASK_AGAIN):
                told = cast("KeySetSerialization", self._fetch("GET", self._endpoint("jwks_uri")))
                self._keys = KeySet.import_key_set(told)
                self._keys_at = time.monotonic()
            return self._keys

    def _endpoint(self, name: str) -> str:
        if self._about is None:
            about = self._fetch("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if about.get("issuer") != self.issuer:
                raise Unavailable(
                    "The identity provider names itself otherwise than CANDOR_OIDC_ISSUER.", code="oidc.issuer",
                    advice="Copy the issuer from its discovery document, to the letter.",
                )  # fmt: skip
            self._about = about
        place = str(self._about.get(name) or "")
        try:
            _require_safe(place)
        except InvalidInput as error:
            raise Unavailable(
                "The identity provider tells an address that is not safe.", code="oidc.address"
            ) from error
        return place

    def _fetch(
        self, method: str, address: str, *, form: dict[str, str] | None = None, auth: httpx.Auth | None = None
    ) -> dict[str, Any]:
        """A JSON object from the provider. Redirects are not followed: a secret must not travel on."""
        try:
            answer = httpx.request(
                method, address, data=form, auth=auth, timeout=10, follow_redirects=False,
                headers={"Accept": "application/json"},
            )  # fmt: skip
            given = answer.json() if answer.status_code == 200 and len(answer.content) <= _LARGEST else None
        except (httpx.HTTPError, ValueError) as error:
            raise _away() from error
        if not isinstance(given, dict):
            if form is not None and answer.status_code in (400, 401):
                raise _refused("code")
            raise _away()
        return given


def _time(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _require_safe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    host = parts.hostname or ""
    try:
        own = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = False
    if parts.scheme != "http" or not own:
        raise InvalidInput("An identity provider is reached over https.", code="oidc.address")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        "The log-in with your identity provider could not be finished.",
        code=f"oidc.{why}",
        advice="Please try again; if it happens again, tell your administrator the time.",
    )


def _away() -> Unavailable:
    return Unavailable("The identity provider does not answer as it should.", advice="Try again in a moment.")
