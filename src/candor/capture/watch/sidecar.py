"""Sidecar files: the JSON or XML that a recorder writes beside each recording.

Whatever their shape, the values stand at leaves whose names are known: those of a manifest's columns. The leaf that
lies highest wins, of equals the first. Everything else is passed over.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from candor.capture.watch.fields import field_of
from candor.errors import InvalidInput

LARGEST = 1 << 20
_MOST_LEAVES = 20_000
_DEEPEST = 64
_LONGEST_VALUE = 1_000


def read_sidecar(data: bytes, name: str) -> dict[str, str]:
    """Field → value, ready for :func:`candor.capture.files.read_facts`; raises InvalidInput ``watch.sidecar``."""
    if len(data) > LARGEST:
        raise _wrong("is too large")
    leaves = _xml(data) if name.lower().endswith(".xml") else _json(data)
    fields: dict[str, str] = {}
    for count, (key, value) in enumerate(leaves):
        if count >= _MOST_LEAVES:
            raise _wrong("holds too much")
        field = field_of(key)
        text = value.strip()
        if field is not None and field not in fields and text:
            if len(text) > _LONGEST_VALUE:
                raise _wrong("holds a value that is too long")
            fields[field] = text
    return fields


def _json(data: bytes) -> Iterator[tuple[str, str]]:
    try:
        root = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _wrong("is not JSON") from None
    if not isinstance(root, dict | list):
        raise _wrong("is not a JSON object")
    waiting: deque[tuple[Any, int]] = deque([(root, 0)])
    while waiting:
        node, depth = waiting.popleft()
        if depth > _DEEPEST:
            raise _wrong("is nested too deeply")
        for key, value in node.items() if isinstance(node, dict) else (("", each) for each in node):
            if isinstance(value, dict | list):
                waiting.append((value, depth + 1))
            elif isinstance(value, str | int | float) and not isinstance(value, bool):
                yield key, str(value)


def _xml(data: bytes) -> Iterator[tuple[str, str]]:
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise _wrong("is not XML that can be read") from None
    waiting: deque[tuple[Element, int]] = deque([(root, 0)])
    while waiting:
        node, depth = waiting.popleft()
        if depth > _DEEPEST:
            raise _wrong("is nested too deeply")
        for key, value in node.attrib.items():
            yield key.rpartition("}")[2], value
        children = list(node)
        if not children and node.text:
            yield str(node.tag).rpartition("}")[2], node.text
        waiting.extend((child, depth + 1) for child in children)


def _wrong(what: str) -> InvalidInput:
    return InvalidInput(
        f"The sidecar file of a recording {what}.", code="watch.sidecar",
        advice="Look at the file beside the recording; without it, the recording is taken once the file is removed.",
    )  # fmt: skip
