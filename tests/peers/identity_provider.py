"""A small OpenID Connect provider on loopback: it signs with a real RSA key, and can be told to do each thing wrong.

It follows OpenID Connect Core 1.0 and RFC 7636 as far as a client can see: discovery, authorization with PKCE (it asks
for S256 and checks the verifier), a token endpoint that takes a code once, keys. What goes wrong is set by name.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "candor", "a client secret"


class IdentityProvider:
    """Who somebody is stands in ``claims``; what it does wrong in ``fault``."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.stranger = RSAKey.generate_key(2048, {"kid": "one"})
        self.claims: dict[str, Any] = {}
        self.fault = ""
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[IdentityProvider]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)

    def discovery(self) -> dict[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.issuer + ("/other" if self.fault == "discovery" else ""),
            "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys", "code_challenge_methods_supported": ["S256"],
        }  # fmt: skip

    def keys(self) -> dict[str, Any]:
        """Its public key."""
        return {"keys": [self.key.as_dict(private=False)]}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to: the person is logged in there already, and agrees."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        self.asked.append(query)
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        back = {"code": code, "state": query["state"]}
        if self.fault == "denied":
            back = {"error": "access_denied", "state": query["state"]}
        if self.fault == "state":
            back["state"] = "another"
        if self.fault == "mix-up":
            back["iss"] = "https://elsewhere.example"
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """An ID token for a code, once, to who knows the verifier and the secret; None: refused."""
        query = self._codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".replace(" ", "+").encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = authorization in (f"Basic {basic}", f"Basic {plain}")
        if query is None or not known or form.get("grant_type") != "authorization_code":
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != query["code_challenge"]:
            return None
        if form.get("redirect_uri") != query["redirect_uri"]:
            return None
        return {"access_token": "unused", "token_type": "Bearer", "id_token": self.id_token(query["nonce"])}

    def id_token(self, nonce: str) -> str:
        """Signed, or wrong in the way that ``fault`` names."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "s-1", "nonce": nonce, "iat": now, "exp": now + 300}
        claims |= self.claims
        wrong: dict[str, dict[str, Any]] = {
            "nonce": {"nonce": "another"}, "issuer": {"iss": "https://elsewhere.example"}, "audience": {"aud": "other"},
            "two audiences": {"aud": [CLIENT, "other"], "azp": "other"},
            "expired": {"iat": now - 900, "exp": now - 600},
            "future": {"iat": now + 900, "exp": now + 1200}, "subject": {"sub": ""}, "endless": {"exp": None},
        }  # fmt: skip
        claims |= wrong.get(self.fault, {})
        if self.fault == "unsigned":
            parts = [{"alg": "none", "kid": "one"}, claims]
            made = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts]
            return ".".join([*made, ""])
        if self.fault == "hmac":
            # The public key taken for a shared secret: the classic confusion of algorithms.
            header = {"alg": "HS256", "kid": "one"}
            return _hmac_token(header, claims, self.key.as_pem(private=False))
        key = self.stranger if self.fault == "stranger" else self.key
        made_token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        if self.fault == "changed":
            head, body, signature = made_token.split(".")
            return f"{head}.{body[:-2]}AA.{signature}"
        return made_token


def _hmac_token(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:

    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, claims)]
    signature = hmac.new(key, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=").decode()])


def _handler(provider: IdentityProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/.well-known/openid-configuration":
                self._json(200, provider.discovery())
            elif address.path == "/keys":
                self._json(200, provider.keys())
            elif address.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                self.send_response(303)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._json(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            answer = provider.token(form, self.headers.get("authorization", ""))
            self._json(200 if answer else 400, answer or {"error": "invalid_grant"})

        def _json(self, status: int, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
