"""Structured logs: JSON lines (or colours on a terminal), never personal data.

Only identifiers, counts, codes and durations are logged. A processor drops the values of keys that could carry what
people said or who they are, and whatever looks like a secret of ours inside any value, should one slip in.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

PRIVATE_KEYS = frozenset(
    {
        "text",
        "quote",
        "name",
        "tel",
        "mailto",
        "caller",
        "callee",
        "party",
        "parties",
        "query",
        "password",
        "token",
        "secret",
        "reason",
    }
)
_SECRETS = re.compile(
    r"candor_[A-Za-z0-9_-]{16,}"  # an API token
    r"|(?i:\b(?:bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,})"  # an Authorization header
    r"|(?i:\b(?:candor_session|candor_visitor|password|passwd|secret|token|api[_-]?key)[\"']?\s*[=:]\s*[\"']?[^\s\"'&;,]+)"
    r"|\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@"  # the password in an address
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|$)",
    re.DOTALL,
)


class _StandardError:
    """Standard error as it is when something is written: it may be another by then, and the first one closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(*, json_lines: bool, level: str = "INFO") -> None:
    """Set up logging for this process, once."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            _without_private_keys,
            structlog.processors.format_exc_info,
            _without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(_StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> Any:
    """A logger bound to the name of the part that speaks."""
    return structlog.get_logger(part=name)


def _without_private_keys(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in PRIVATE_KEYS & event.keys():
        event[key] = "[not logged]"
    return event


def _without_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _SECRETS.sub("[not logged]", value)
    return event
