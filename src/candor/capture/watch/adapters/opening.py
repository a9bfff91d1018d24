"""From a watched place's address to the place."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from candor.capture.watch.adapters.folder import FolderPlace
from candor.capture.watch.model import WatchedPlace
from candor.capture.watch.ports import Place


def open_place(place: WatchedPlace) -> Place:
    """The place behind the address; raises InvalidInput ``watch.options``. Nothing is asked of it yet."""
    url = urlsplit(place.url)
    if url.scheme == "file":
        return FolderPlace(Path(unquote(url.path)))
    from candor.capture.watch.adapters.objects import ObjectPlace, open_store  # noqa: PLC0415  many watch no bucket

    return ObjectPlace(open_store(place.url, place.options))
