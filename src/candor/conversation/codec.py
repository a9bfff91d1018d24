"""Conversation values to JSON and back: field names as they stand, enums by value, moments in ISO 8601.

>>> from candor.conversation.transcript import Word
>>> loads(Word, dumps(Word(text="hello", start=0.0, end=0.4, confidence=0.9))).text
'hello'
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from candor.errors import Damaged

T = TypeVar("T")


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def dumps(value: object) -> bytes:
    """``value`` (one of the dataclasses of this package) as compact UTF-8 JSON."""
    return _adapter(value.__class__).dump_json(value)


def plain(value: object) -> Any:
    """``value`` as dicts, lists and scalars, ready for any JSON encoder."""
    return _adapter(value.__class__).dump_python(value, mode="json")


def loads(kind: type[T], data: bytes | str) -> T:
    """Read a value of type ``kind``; raises Damaged when the data does not describe one."""
    try:
        value: T = _adapter(kind).validate_json(data)
    except ValidationError as error:
        # The error's own text quotes the input, which may be personal data: only its shape is told.
        raise Damaged(f"Stored data does not describe a {kind.__name__} ({error.error_count()} faults).") from None
    return value
