"""Finished recordings of other recorders, found in a folder or under an object-store prefix.

Enter: places to look at, each with what names, sidecar files and manifests say of its recordings. Leave: files that
are complete, their facts, and a memory of what was done with each, so that nothing is taken twice or forgotten.
Standards: file, S3, GCS and Azure URLs; ``strptime`` (POSIX) for dates in names; the columns of manifests.
"""

from candor.capture.watch.model import After, FileState, Found, PlaceStatus, WatchedPlace
from candor.capture.watch.pattern import NamePattern, compile_pattern
from candor.capture.watch.ports import Place

__all__ = [
    "After",
    "FileState",
    "Found",
    "NamePattern",
    "Place",
    "PlaceStatus",
    "WatchedPlace",
    "compile_pattern",
]
