"""The fields that names and sidecar files can tell: the columns of manifests, under any of their names."""

from __future__ import annotations

from candor.capture.files.manifest import COLUMNS
from candor.capture.files.table import key_of, keys_of

KNOWN = tuple(name for name in COLUMNS if name != "file")
_FIELDS = keys_of({name: COLUMNS[name] for name in KNOWN})


def field_of(name: str) -> str | None:
    """The field that ``name`` means; case, spaces, hyphens and underscores do not matter. None: none."""
    return _FIELDS.get(key_of(name))
