"""What SIP parsing refuses, with the response that the sender should get for it (RFC 3261 sections 8.2 and 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from candor.errors import InvalidInput

if TYPE_CHECKING:
    from candor.capture.sip.headers import Headers

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    606: "Not Acceptable",
}
"""Reason phrases by status code (RFC 3261 section 21 and later documents)."""


class SipError(InvalidInput):
    """A SIP message, or a value in one, that cannot be taken.

    ``status`` and ``reason`` are those of the response to send. ``request_headers`` are there when the message was a
    request that can be answered (it is not an ACK, and its Via says where to); when None, it is dropped in silence.
    """

    code = "sip.invalid"

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        reason: str | None = None,
        request_headers: Headers | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.reason = reason or REASONS.get(status, "Bad Request")
        self.request_headers = request_headers
