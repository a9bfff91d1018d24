"""How a browser's session is known: the cookie's name, and the token that every change must carry with it."""

from __future__ import annotations

import hashlib
import hmac

SESSION_COOKIE = "candor_session"


def csrf_token(secret: str) -> str:
    """The token that goes with a session's secret, in a form's ``csrf`` or the header ``X-CSRF-Token``.

    It is an HMAC of the secret, so that it does not give the secret away to a page's content.
    """
    return hmac.new(secret.encode(), b"candor csrf 1", hashlib.sha256).hexdigest()


def csrf_matches(secret: str, given: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(csrf_token(secret).encode(), given.encode())
