"""Structured logs: JSON lines (or colours on a terminal), never personal data.

Only identifiers, counts, codes and durations are logged. A processor drops the values of keys that could carry what
people said or who they are, should one slip in.
"""

from __future__ import annotations

import logging
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
    }
)


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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> Any:
    """A logger bound to the name of the part that speaks."""
    return structlog.get_logger(part=name)


def _without_private_keys(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in PRIVATE_KEYS & event.keys():
        event[key] = "[not logged]"
    return event
